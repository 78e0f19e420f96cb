/*
 * token.c
 *		What the tokenizers of JSON and UBJSON share.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/token.h"

/* where the old binary format keeps the length of the objective's name */
#define SBK_BINARY_NAME_OFFSET	136

/* no number that means anything is longer */
#define SBK_MAX_DIGITS			64

#define SBK_BYTES_AT_ONCE		((size_t) 1024 * 1024)

static bool looks_like_old_binary(const unsigned char *bytes, size_t len);
static size_t encode_utf8(unsigned int code, char *out);
static bool copy_digits(const SbkToken *token, char *digits);
static unsigned int read_hex4(const char *text);

SbkFormat
sbk_format_detect(const void *bytes, size_t len)
{
	const unsigned char *b = bytes;
	size_t		i;

	if (len == 0)
		return SBK_FORMAT_EMPTY;
	if (b[0] == '{' && len > 1)
	{
		if (b[1] == 'L')
			return SBK_FORMAT_UBJSON;
		for (i = 1; i < len; i++)
		{
			if (b[i] == '"' || b[i] == '}')
				return SBK_FORMAT_JSON;
			if (b[i] != ' ' && b[i] != '\t' && b[i] != '\n' && b[i] != '\r')
				break;
		}
	}
	if (looks_like_old_binary(b, len))
		return SBK_FORMAT_XGBOOST_BINARY;
	if (len > 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5)
		return SBK_FORMAT_PICKLE;
	if (len > 2 && ((b[0] == 0x1f && b[1] == 0x8b) ||
					(b[0] == 'P' && b[1] == 'K') ||
					memcmp(b, "BZ", 2) == 0))
		return SBK_FORMAT_COMPRESSED;
	return SBK_FORMAT_UNKNOWN;
}

void
sbk_tokenizer_init(SbkTokenizer *tokenizer, SbkFormat format,
				   const void *bytes, size_t len, SbkArtifactError *error)
{
	memset(tokenizer, 0, sizeof(SbkTokenizer));
	memset(error, 0, sizeof(SbkArtifactError));
	tokenizer->format = format;
	tokenizer->bytes = bytes;
	tokenizer->len = len;
	tokenizer->error = error;
}

SbkTokenKind
sbk_token_next(SbkTokenizer *tokenizer, SbkToken *token)
{
	if (tokenizer->error->fault != SBK_FAULT_NONE)
		return token->kind = SBK_TOKEN_ERROR;
	if (tokenizer->stop != NULL &&
		tokenizer->pos - tokenizer->asked >= SBK_BYTES_AT_ONCE)
	{
		tokenizer->asked = tokenizer->pos;
		if (tokenizer->stop())
			return token->kind = sbk_token_fail(tokenizer, SBK_FAULT_STOPPED,
												"reading was stopped");
	}
	if (tokenizer->format == SBK_FORMAT_JSON)
		return token->kind = sbk_json_next(tokenizer, token);
	return token->kind = sbk_ubjson_next(tokenizer, token);
}

bool
sbk_token_skip(SbkTokenizer *tokenizer, const SbkToken *token)
{
	SbkToken	inner;
	int			depth = tokenizer->depth;

	if (token->kind == SBK_TOKEN_ERROR || token->kind == SBK_TOKEN_END)
		return false;
	if (token->kind != SBK_TOKEN_OBJECT_BEGIN &&
		token->kind != SBK_TOKEN_ARRAY_BEGIN)
		return true;
	while (tokenizer->depth >= depth)
	{
		if (sbk_token_next(tokenizer, &inner) == SBK_TOKEN_ERROR)
			return false;
	}
	return true;
}

size_t
sbk_token_decode(const SbkToken *token, char *out)
{
	const char *in = token->text;
	const char *end = token->text + token->text_len;
	char	   *start = out;

	while (in < end)
	{
		unsigned int code;

		if (!token->escaped || *in != '\\')
		{
			*out++ = *in++;
			continue;
		}
		in++;
		switch (*in++)
		{
			case 'b':
				*out++ = '\b';
				break;
			case 'f':
				*out++ = '\f';
				break;
			case 'n':
				*out++ = '\n';
				break;
			case 'r':
				*out++ = '\r';
				break;
			case 't':
				*out++ = '\t';
				break;
			case 'u':
				code = read_hex4(in);
				in += 4;
				if (code >= 0xD800 && code <= 0xDBFF)
				{
					/* the tokenizer saw the other half of the pair */
					code = 0x10000 + ((code - 0xD800) << 10) +
						(read_hex4(in + 2) - 0xDC00);
					in += 6;
				}
				out += encode_utf8(code, out);
				break;
			default:
				*out++ = in[-1];
				break;
		}
	}
	*out = '\0';
	return out - start;
}

bool
sbk_token_is(const SbkToken *token, const char *text)
{
	return !token->escaped && strlen(text) == token->text_len &&
		memcmp(token->text, text, token->text_len) == 0;
}

bool
sbk_token_number(const SbkToken *token, double *number)
{
	char		digits[SBK_MAX_DIGITS];
	char	   *end;

	if (token->kind == SBK_TOKEN_INTEGER)
		*number = (double) token->integer;
	else if (token->kind == SBK_TOKEN_REAL && token->text == NULL)
		*number = token->real;
	else
	{
		if (!copy_digits(token, digits))
			return false;
		*number = strtod(digits, &end);
		return *end == '\0';
	}
	return true;
}

bool
sbk_token_real(const SbkToken *token, float *number)
{
	char		digits[SBK_MAX_DIGITS];
	char	   *end;

	if (token->kind == SBK_TOKEN_INTEGER)
		*number = (float) token->integer;
	else if (token->kind == SBK_TOKEN_REAL && token->text == NULL)
		*number = (float) token->real;
	else
	{
		if (!copy_digits(token, digits))
			return false;
		*number = strtof(digits, &end);
		return *end == '\0';
	}
	return true;
}

bool
sbk_artifact_fail(SbkArtifactError *error, SbkFault fault, size_t offset,
				  const char *format,...)
{
	va_list		args;
	char	   *at;

	if (error->fault != SBK_FAULT_NONE)
		return false;
	error->fault = fault;
	error->offset = offset;
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);

	/* what the artifact put into it may be in any encoding */
	for (at = error->message; *at != '\0'; at++)
	{
		if (*at < ' ' || *at > '~')
			*at = '?';
	}
	return false;
}

SbkTokenKind
sbk_token_fail(SbkTokenizer *tokenizer, SbkFault fault, const char *message)
{
	sbk_artifact_fail(tokenizer->error, fault, tokenizer->pos, "%s", message);
	return SBK_TOKEN_ERROR;
}

SbkTokenKind
sbk_token_open(SbkTokenizer *tokenizer, SbkToken *token, bool object,
			   bool counted, uint64_t count)
{
	if (tokenizer->depth == SBK_MAX_DEPTH)
		return sbk_token_fail(tokenizer, SBK_FAULT_LIMIT,
							  "it is nested too deeply for a model");
	tokenizer->stack[tokenizer->depth].object = object;
	tokenizer->stack[tokenizer->depth].counted = counted;
	tokenizer->stack[tokenizer->depth].left = count;
	tokenizer->stack[tokenizer->depth].first = true;
	tokenizer->stack[tokenizer->depth].value_next = false;
	tokenizer->depth++;
	return object ? SBK_TOKEN_OBJECT_BEGIN : SBK_TOKEN_ARRAY_BEGIN;
}

SbkTokenKind
sbk_token_close(SbkTokenizer *tokenizer, SbkToken *token)
{
	bool		object = tokenizer->stack[--tokenizer->depth].object;

	if (tokenizer->depth == 0)
		tokenizer->done = true;
	return object ? SBK_TOKEN_OBJECT_END : SBK_TOKEN_ARRAY_END;
}

/* Valid UTF-8 without NUL, overlong forms, surrogates or codes past U+10FFFF */
bool
sbk_utf8_valid(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *) text;
	const unsigned char *end = s + len;

	while (s < end)
	{
		unsigned char c = *s++;
		int			more;
		unsigned int code;

		if (c == 0)
			return false;
		if (c < 0x80)
			continue;
		if (c >= 0xC2 && c <= 0xDF)
			more = 1, code = c & 0x1F;
		else if (c >= 0xE0 && c <= 0xEF)
			more = 2, code = c & 0x0F;
		else if (c >= 0xF0 && c <= 0xF4)
			more = 3, code = c & 0x07;
		else
			return false;
		if (end - s < more)
			return false;
		if ((c == 0xE0 && s[0] < 0xA0) || (c == 0xF0 && s[0] < 0x90))
			return false;
		while (more-- > 0)
		{
			if ((*s & 0xC0) != 0x80)
				return false;
			code = (code << 6) | (*s++ & 0x3F);
		}
		if ((code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF)
			return false;
	}
	return true;
}

/*
 * XGBoost's old binary format starts with "binf", or with a block of numbers
 * that ends where the name of the objective begins with its length.
 */
static bool
looks_like_old_binary(const unsigned char *bytes, size_t len)
{
	size_t		start = SBK_BINARY_NAME_OFFSET;
	size_t		name_len;
	size_t		i;

	if (len >= 4 && memcmp(bytes, "binf", 4) == 0)
		return true;
	if (len < start + 8)
		return false;
	name_len = bytes[start];
	for (i = 1; i < 8; i++)
	{
		if (bytes[start + i] != 0)
			return false;
	}
	start += 8;
	if (name_len < 3 || name_len > 64 || len - start < name_len)
		return false;
	for (i = 0; i < name_len; i++)
	{
		unsigned char c = bytes[start + i];

		if (!(c >= 'a' && c <= 'z') && c != ':' && c != '_')
			return false;
	}
	return memchr(bytes + start, ':', name_len) != NULL;
}

static size_t
encode_utf8(unsigned int code, char *out)
{
	if (code < 0x80)
	{
		out[0] = (char) code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = (char) (0xC0 | (code >> 6));
		out[1] = (char) (0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000)
	{
		out[0] = (char) (0xE0 | (code >> 12));
		out[1] = (char) (0x80 | ((code >> 6) & 0x3F));
		out[2] = (char) (0x80 | (code & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | (code >> 18));
	out[1] = (char) (0x80 | ((code >> 12) & 0x3F));
	out[2] = (char) (0x80 | ((code >> 6) & 0x3F));
	out[3] = (char) (0x80 | (code & 0x3F));
	return 4;
}

static unsigned int
read_hex4(const char *text)
{
	unsigned int code = 0;
	int			i;

	for (i = 0; i < 4; i++)
	{
		char		c = text[i];

		code = code * 16 +
			(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return code;
}

/* The text of a JSON number, NUL-terminated; false where it is no number. */
static bool
copy_digits(const SbkToken *token, char *digits)
{
	if (token->kind != SBK_TOKEN_REAL || token->text_len >= SBK_MAX_DIGITS)
		return false;
	memcpy(digits, token->text, token->text_len);
	digits[token->text_len] = '\0';
	return true;
}
