/*
 * ubjson.c
 *		Tokens of UBJSON as XGBoost writes it.
 *
 * Numbers are big-endian.  Lengths and counts are always of the type L (64
 * bits), as all versions of XGBoost write and read them; other encodings of a
 * length are refused, since the library would not read them either.  Arrays
 * are typed ("[$d#L...", one token), counted ("[#L...") or closed by "]".
 */
#include <string.h>

#include "artifact/token.h"

static SbkTokenKind read_value(SbkTokenizer *tokenizer, SbkToken *token,
							   int marker);
static SbkTokenKind read_array(SbkTokenizer *tokenizer, SbkToken *token);
static SbkTokenKind read_string(SbkTokenizer *tokenizer, SbkToken *token,
								SbkTokenKind kind);
static bool read_length(SbkTokenizer *tokenizer, uint64_t *length);
static SbkTokenKind read_real(SbkTokenizer *tokenizer, SbkToken *token,
							  int width);

/* bytes of a number of this type, 0 for any other marker */
static int
number_width(int marker)
{
	switch (marker)
	{
		case 'i':
		case 'U':
			return 1;
		case 'I':
			return 2;
		case 'l':
		case 'd':
			return 4;
		case 'L':
		case 'D':
			return 8;
		default:
			return 0;
	}
}

static inline int
take(SbkTokenizer *tokenizer)
{
	return tokenizer->pos < tokenizer->len ?
		tokenizer->bytes[tokenizer->pos++] : -1;
}

/* the caller has checked that width bytes are left */
static uint64_t
take_big_endian(SbkTokenizer *tokenizer, int width)
{
	uint64_t	value = 0;

	while (width-- > 0)
		value = (value << 8) | tokenizer->bytes[tokenizer->pos++];
	return value;
}

static int64_t
take_signed(SbkTokenizer *tokenizer, int width)
{
	uint64_t	bits = take_big_endian(tokenizer, width);

	switch (width)
	{
		case 1:
			return (int8_t) bits;
		case 2:
			return (int16_t) bits;
		case 4:
			return (int32_t) bits;
		default:
			return (int64_t) bits;
	}
}

SbkTokenKind
sbk_ubjson_next(SbkTokenizer *tokenizer, SbkToken *token)
{
	int			top = tokenizer->depth - 1;
	int			marker;

	if (top < 0)
	{
		if (!tokenizer->done)
			return read_value(tokenizer, token, take(tokenizer));
		if (tokenizer->pos < tokenizer->len)
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "there are bytes after its end");
		return SBK_TOKEN_END;
	}
	if (tokenizer->stack[top].counted)
	{
		if (tokenizer->stack[top].left == 0)
			return sbk_token_close(tokenizer, token);
		tokenizer->stack[top].left--;
		return read_value(tokenizer, token, take(tokenizer));
	}
	if (tokenizer->stack[top].value_next)
	{
		tokenizer->stack[top].value_next = false;
		return read_value(tokenizer, token, take(tokenizer));
	}
	marker = take(tokenizer);
	if (marker == -1)
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "it ends too early");
	if (!tokenizer->stack[top].object)
	{
		if (marker == ']')
			return sbk_token_close(tokenizer, token);
		return read_value(tokenizer, token, marker);
	}
	if (marker == '}')
		return sbk_token_close(tokenizer, token);
	tokenizer->pos--;
	tokenizer->stack[top].value_next = true;
	return read_string(tokenizer, token, SBK_TOKEN_KEY);
}

static SbkTokenKind
read_value(SbkTokenizer *tokenizer, SbkToken *token, int marker)
{
	int			width = number_width(marker);

	if ((size_t) width > tokenizer->len - tokenizer->pos)
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "it ends too early");
	switch (marker)
	{
		case '{':
			return sbk_token_open(tokenizer, token, true, false, 0);
		case '[':
			return read_array(tokenizer, token);
		case 'S':
			return read_string(tokenizer, token, SBK_TOKEN_STRING);
		case 'T':
			return SBK_TOKEN_TRUE;
		case 'F':
			return SBK_TOKEN_FALSE;
		case 'Z':
			return SBK_TOKEN_NULL;
		case 'U':
			token->integer = (int64_t) take_big_endian(tokenizer, 1);
			return SBK_TOKEN_INTEGER;
		case 'i':
		case 'I':
		case 'l':
		case 'L':
			token->integer = take_signed(tokenizer, width);
			return SBK_TOKEN_INTEGER;
		case 'd':
		case 'D':
			return read_real(tokenizer, token, width);
		case -1:
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "it ends too early");
		default:
			tokenizer->pos--;
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "a value has an unknown type");
	}
}

static SbkTokenKind
read_array(SbkTokenizer *tokenizer, SbkToken *token)
{
	int			element = 0;
	int			width;
	uint64_t	count;
	int			c = take(tokenizer);

	if (c == '$')
	{
		element = take(tokenizer);
		c = take(tokenizer);
		if (c != '#')
			return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
								  "a typed array has no count");
	}
	if (c == -1)
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "it ends too early");
	if (c != '#')
	{
		tokenizer->pos--;
		return sbk_token_open(tokenizer, token, false, false, 0);
	}
	if (!read_length(tokenizer, &count))
		return SBK_TOKEN_ERROR;

	/* every element takes at least one byte */
	if (count > tokenizer->len - tokenizer->pos)
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "an array is longer than what is left");
	if (element == 0)
		return sbk_token_open(tokenizer, token, false, true, count);

	width = number_width(element);
	if (width == 0)
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "an array has elements of an unknown type");
	if (count > (tokenizer->len - tokenizer->pos) / width)
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "an array is longer than what is left");
	token->element = (char) element;
	token->count = count;
	token->text = (const char *) tokenizer->bytes + tokenizer->pos;
	token->text_len = count * width;
	tokenizer->pos += token->text_len;
	return SBK_TOKEN_NUMBERS;
}

static SbkTokenKind
read_string(SbkTokenizer *tokenizer, SbkToken *token, SbkTokenKind kind)
{
	uint64_t	length;

	if (!read_length(tokenizer, &length))
		return SBK_TOKEN_ERROR;
	if (length > tokenizer->len - tokenizer->pos)
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "a string is longer than what is left");
	if (length > SBK_MAX_STRING)
		return sbk_token_fail(tokenizer, SBK_FAULT_LIMIT,
							  "a string is longer than 1 MB");
	token->text = (const char *) tokenizer->bytes + tokenizer->pos;
	token->text_len = length;
	token->escaped = false;
	if (!sbk_utf8_valid(token->text, token->text_len))
		return sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
							  "a string is not valid UTF-8");
	tokenizer->pos += length;
	return kind;
}

static bool
read_length(SbkTokenizer *tokenizer, uint64_t *length)
{
	if (take(tokenizer) != 'L')
	{
		sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED,
					   "a length is not of the type that XGBoost writes");
		return false;
	}
	if (tokenizer->len - tokenizer->pos < 8)
	{
		sbk_token_fail(tokenizer, SBK_FAULT_MALFORMED, "it ends too early");
		return false;
	}
	*length = take_big_endian(tokenizer, 8);
	return true;
}

static SbkTokenKind
read_real(SbkTokenizer *tokenizer, SbkToken *token, int width)
{
	token->text = NULL;
	if (width == 4)
	{
		uint32_t	bits = (uint32_t) take_big_endian(tokenizer, 4);
		float		value;

		memcpy(&value, &bits, sizeof(value));
		token->real = value;
	}
	else
	{
		uint64_t	bits = take_big_endian(tokenizer, 8);

		memcpy(&token->real, &bits, sizeof(token->real));
	}
	return SBK_TOKEN_REAL;
}
