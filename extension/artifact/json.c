/*
 * json.c
 *		Tokens of JSON as XGBoost writes it.
 *
 * That is RFC 8259 plus bare NaN, Infinity and -Infinity.  Numbers without a
 * fraction or an exponent that fit in 64 bits are integers; others keep their
 * text, which is converted only by who needs the value.
 */
#include <string.h>

#include "artifact/token.h"

static void skip_space(SbkTokenizer *tokenizer);
static SbkTokenKind read_string(SbkTokenizer *tokenizer, SbkToken *token,
								SbkTokenKind kind);
static bool read_escape(SbkTokenizer *tokenizer);
static SbkTokenKind read_value(SbkTokenizer *tokenizer, SbkToken *token);
static SbkTokenKind read_number(SbkTokenizer *tokenizer, SbkToken *token);
static bool take_word(SbkTokenizer *tokenizer, const char *word);
static int	hex4_at(const SbkTokenizer *tokenizer, size_t pos);

static inline int
peek(const SbkTokenizer *tokenizer)
{
	return tokenizer->pos < tokenizer->len ?
		tokenizer->bytes[tokenizer->pos] : -1;
}

SbkTokenKind
sbk_json_next(SbkTokenizer *tokenizer, SbkToken *token)
{
	int			top = tokenizer->depth - 1;
	int			c;

	skip_space(tokenizer);
	c = peek(tokenizer);
	if (top < 0)
	{
		if (!tokenizer->done)
			return read_value(tokenizer, token);
		if (c != -1)
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "there are bytes after its end");
		return SBK_TOKEN_END;
	}
	if (c == -1)
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "it ends too early");
	if (tokenizer->stack[top].value_next)
	{
		tokenizer->stack[top].value_next = false;
		return read_value(tokenizer, token);
	}
	if (c == (tokenizer->stack[top].object ? '}' : ']'))
	{
		tokenizer->pos++;
		return sbk_token_close(tokenizer, token);
	}
	if (!tokenizer->stack[top].first)
	{
		if (c != ',')
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "a comma is missing");
		tokenizer->pos++;
		skip_space(tokenizer);
		c = peek(tokenizer);
	}
	tokenizer->stack[top].first = false;
	if (!tokenizer->stack[top].object)
		return read_value(tokenizer, token);

	if (c != '"')
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "a key is missing");
	tokenizer->stack[top].value_next = true;
	if (read_string(tokenizer, token, SBK_TOKEN_KEY) == SBK_TOKEN_ERROR)
		return SBK_TOKEN_ERROR;
	skip_space(tokenizer);
	if (peek(tokenizer) != ':')
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "a colon is missing");
	tokenizer->pos++;
	return SBK_TOKEN_KEY;
}

static void
skip_space(SbkTokenizer *tokenizer)
{
	while (tokenizer->pos < tokenizer->len)
	{
		unsigned char c = tokenizer->bytes[tokenizer->pos];

		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			break;
		tokenizer->pos++;
	}
}

static SbkTokenKind
read_value(SbkTokenizer *tokenizer, SbkToken *token)
{
	switch (peek(tokenizer))
	{
		case '{':
			tokenizer->pos++;
			return sbk_token_open(tokenizer, token, true, false, 0);
		case '[':
			tokenizer->pos++;
			return sbk_token_open(tokenizer, token, false, false, 0);
		case '"':
			return read_string(tokenizer, token, SBK_TOKEN_STRING);
		case 't':
			if (take_word(tokenizer, "true"))
				return SBK_TOKEN_TRUE;
			break;
		case 'f':
			if (take_word(tokenizer, "false"))
				return SBK_TOKEN_FALSE;
			break;
		case 'n':
			if (take_word(tokenizer, "null"))
				return SBK_TOKEN_NULL;
			break;
		case -1:
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "it ends too early");
		default:
			return read_number(tokenizer, token);
	}
	return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
						  "a value is missing");
}

static SbkTokenKind
read_string(SbkTokenizer *tokenizer, SbkToken *token, SbkTokenKind kind)
{
	size_t		start = ++tokenizer->pos;

	token->escaped = false;
	for (;;)
	{
		int			c = peek(tokenizer);

		if (c == -1)
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "a string has no end");
		if (c == '"')
			break;
		if (c < 0x20)
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "a string holds a control character");
		tokenizer->pos++;
		if (c == '\\')
		{
			token->escaped = true;
			if (!read_escape(tokenizer))
				return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
									  "a string holds an invalid escape");
		}
	}
	token->text = (const char *) tokenizer->bytes + start;
	token->text_len = tokenizer->pos - start;
	if (token->text_len > SBK_MAX_STRING)
		return sbk_token_fail(tokenizer, SBK_FAULT_LIMIT,
							  "a string is longer than 1 MB");
	if (!sbk_utf8_valid(token->text, token->text_len))
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "a string is not valid UTF-8");
	tokenizer->pos++;
	return kind;
}

/* After the backslash; refuses U+0000 and halves of surrogate pairs. */
static bool
read_escape(SbkTokenizer *tokenizer)
{
	int			c = peek(tokenizer);
	int			code;

	if (c == -1 || strchr("\"\\/bfnrtu", c) == NULL || c == 0)
		return false;
	tokenizer->pos++;
	if (c != 'u')
		return true;
	code = hex4_at(tokenizer, tokenizer->pos);
	if (code <= 0)
		return false;
	tokenizer->pos += 4;
	if (code < 0xD800 || code > 0xDFFF)
		return true;
	if (code > 0xDBFF || tokenizer->len - tokenizer->pos < 6 ||
		tokenizer->bytes[tokenizer->pos] != '\\' ||
		tokenizer->bytes[tokenizer->pos + 1] != 'u')
		return false;
	code = hex4_at(tokenizer, tokenizer->pos + 2);
	if (code < 0xDC00 || code > 0xDFFF)
		return false;
	tokenizer->pos += 6;
	return true;
}

static SbkTokenKind
read_number(SbkTokenizer *tokenizer, SbkToken *token)
{
	const unsigned char *bytes = tokenizer->bytes;
	size_t		len = tokenizer->len;
	size_t		start = tokenizer->pos;
	size_t		p = start;
	size_t		digits;
	bool		negative = false;
	bool		whole = true;
	uint64_t	magnitude = 0;
	uint64_t	limit;

	token->text = (const char *) bytes + start;
	if (p < len && bytes[p] == '-')
	{
		negative = true;
		p++;
	}
	tokenizer->pos = p;
	if (take_word(tokenizer, "Infinity") ||
		(!negative && take_word(tokenizer, "NaN")))
	{
		token->text_len = tokenizer->pos - start;
		return SBK_TOKEN_REAL;
	}
	limit = (uint64_t) INT64_MAX + (negative ? 1 : 0);
	digits = p;
	while (p < len && bytes[p] >= '0' && bytes[p] <= '9')
	{
		unsigned int digit = bytes[p++] - '0';

		if (whole && magnitude > (limit - digit) / 10)
			whole = false;		/* too large for an integer */
		else if (whole)
			magnitude = magnitude * 10 + digit;
	}
	if (p == digits || (bytes[digits] == '0' && p > digits + 1))
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "a value is missing");
	if (p < len && bytes[p] == '.')
	{
		whole = false;
		digits = ++p;
		while (p < len && bytes[p] >= '0' && bytes[p] <= '9')
			p++;
		if (p == digits)
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "a number has no digits after its point");
	}
	if (p < len && (bytes[p] == 'e' || bytes[p] == 'E'))
	{
		whole = false;
		p++;
		if (p < len && (bytes[p] == '+' || bytes[p] == '-'))
			p++;
		digits = p;
		while (p < len && bytes[p] >= '0' && bytes[p] <= '9')
			p++;
		if (p == digits)
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "a number has no exponent");
	}
	tokenizer->pos = p;
	token->text_len = p - start;
	if (!whole)
		return SBK_TOKEN_REAL;
	token->integer = negative ? (int64_t) (0 - magnitude) :
		(int64_t) magnitude;
	return SBK_TOKEN_INTEGER;
}

static bool
take_word(SbkTokenizer *tokenizer, const char *word)
{
	size_t		n = strlen(word);

	if (tokenizer->len - tokenizer->pos < n ||
		memcmp(tokenizer->bytes + tokenizer->pos, word, n) != 0)
		return false;
	tokenizer->pos += n;
	return true;
}

/* four hexadecimal digits, or -1 */
static int
hex4_at(const SbkTokenizer *tokenizer, size_t pos)
{
	int			code = 0;
	int			i;

	if (pos > tokenizer->len || tokenizer->len - pos < 4)
		return -1;
	for (i = 0; i < 4; i++)
	{
		int			c = tokenizer->bytes[pos + i];

		code *= 16;
		if (c >= '0' && c <= '9')
			code += c - '0';
		else if (c >= 'a' && c <= 'f')
			code += c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			code += c - 'A' + 10;
		else
			return -1;
	}
	return code;
}
