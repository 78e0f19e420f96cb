/*
 * reader.c
 *		How the objects of a model file are read.
 *
 * The nesting of the calls is that of the tables of keys, never that of the
 * file: what no table names is walked over by the tokenizer.
 */
#include <string.h>

#include "artifact/reader.h"

static bool too_long(SbkReader *reader);
static bool integer_at(const SbkToken *numbers, uint64_t index,
					   int64_t *result);
static bool real_at(const SbkToken *numbers, uint64_t index, float *result);

/* The object's first token has been read; reads to its end. */
bool
sbk_read_object(SbkReader *reader, const SbkKeyReader *keys)
{
	unsigned int seen = 0;
	SbkToken	key;
	SbkToken	value;

	while (sbk_token_next(&reader->tokenizer, &key) == SBK_TOKEN_KEY)
	{
		const SbkKeyReader *known = keys;

		if (sbk_token_next(&reader->tokenizer, &value) == SBK_TOKEN_ERROR)
			return false;
		while (known->key != NULL && !sbk_token_is(&key, known->key))
			known++;
		if (known->key == NULL)
		{
			if (!sbk_token_skip(&reader->tokenizer, &value))
				return false;
			continue;
		}
		if (seen & (1u << (known - keys)))
			return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED,
									 reader->tokenizer.pos,
									 "it holds the key \"%s\" twice in one object",
									 known->key);
		seen |= 1u << (known - keys);
		if (value.kind != known->kind && known->kind != SBK_ANY_KIND &&
			!(known->kind == SBK_TOKEN_ARRAY_BEGIN && value.kind == SBK_TOKEN_NUMBERS))
			return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED,
									 reader->tokenizer.pos,
									 "its value for \"%s\" is of the wrong type",
									 known->key);
		if (!known->read(reader, &value))
			return false;
	}
	return key.kind == SBK_TOKEN_OBJECT_END;
}

bool
sbk_read_text_list(SbkReader *reader, const SbkToken *value, int max,
				   const char *what, SbkTextList *list)
{
	SbkToken	token;
	size_t		room = 0;

	list->present = true;
	if (value->kind == SBK_TOKEN_NUMBERS)
		return value->count == 0 ? true :
			sbk_malformed(reader, "a list of names holds numbers");
	while (sbk_token_next(&reader->tokenizer, &token) == SBK_TOKEN_STRING)
	{
		if (list->count == max)
			return sbk_artifact_fail(reader->error, SBK_FAULT_LIMIT,
									 reader->tokenizer.pos,
									 "it has more than %d %s", max, what);
		list->texts = sbk_arena_grow(reader->arena, list->texts, list->count, &room,
									 sizeof(char *));
		if (list->texts == NULL)
			return sbk_out_of_memory(reader);
		list->texts[list->count] = sbk_copy_text(reader, &token);
		if (list->texts[list->count] == NULL)
			return sbk_out_of_memory(reader);
		list->count++;
	}
	if (token.kind != SBK_TOKEN_ARRAY_END)
		return sbk_malformed(reader, "a list of names holds other things");
	return true;
}

/* XGBoost writes its parameters as text: "12". */
bool
sbk_read_integer(SbkReader *reader, const SbkToken *value, const char *what,
				 long min, long max, int *result)
{
	long		number = 0;
	size_t		i;

	for (i = 0; i < value->text_len; i++)
	{
		char		c = value->text[i];

		if (c < '0' || c > '9' || number > max)
			break;
		number = number * 10 + (c - '0');
	}
	if (value->text_len == 0 || i < value->text_len ||
		number < min || number > max)
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED,
								 reader->tokenizer.pos,
								 "its %s is not a number from %ld to %ld",
								 what, min, max);
	*result = (int) number;
	return true;
}

bool
sbk_read_integers(SbkReader *reader, SbkArena *arena, const SbkToken *value,
				  size_t max, SbkIntegers *list)
{
	SbkToken	token;
	size_t		room = 0;

	list->present = true;
	if (value->kind == SBK_TOKEN_NUMBERS)
	{
		if (value->count > max)
			return too_long(reader);
		list->values = sbk_arena_alloc_array(arena, value->count,
											 sizeof(int64_t));
		if (list->values == NULL)
			return sbk_out_of_memory(reader);
		for (list->count = 0; list->count < value->count; list->count++)
		{
			if (!integer_at(value, list->count, &list->values[list->count]))
				return sbk_malformed(reader,
									 "a list of integers holds other things");
		}
		return true;
	}
	for (;;)
	{
		SbkTokenKind kind = sbk_token_next(&reader->tokenizer, &token);

		/* XGBoost before 2.0 writes flags as booleans */
		if (kind == SBK_TOKEN_TRUE || kind == SBK_TOKEN_FALSE)
			token.integer = kind == SBK_TOKEN_TRUE ? 1 : 0;
		else if (kind != SBK_TOKEN_INTEGER)
			break;
		if (list->count == max)
			return too_long(reader);
		list->values = sbk_arena_grow(arena, list->values, list->count, &room,
									  sizeof(int64_t));
		if (list->values == NULL)
			return sbk_out_of_memory(reader);
		list->values[list->count++] = token.integer;
	}
	if (token.kind != SBK_TOKEN_ARRAY_END)
		return sbk_malformed(reader, "a list of integers holds other things");
	return true;
}

bool
sbk_read_reals(SbkReader *reader, SbkArena *arena, const SbkToken *value,
			   size_t max, SbkReals *list)
{
	SbkToken	token;
	size_t		room = 0;

	if (value->kind == SBK_TOKEN_NUMBERS)
	{
		if (value->count > max)
			return too_long(reader);
		list->values = sbk_arena_alloc_array(arena, value->count,
											 sizeof(float));
		if (list->values == NULL)
			return sbk_out_of_memory(reader);
		for (list->count = 0; list->count < value->count; list->count++)
		{
			if (!real_at(value, list->count, &list->values[list->count]))
				return sbk_malformed(reader,
									 "a list of numbers holds other things");
		}
		return true;
	}
	while (sbk_token_next(&reader->tokenizer, &token) == SBK_TOKEN_INTEGER ||
		   token.kind == SBK_TOKEN_REAL)
	{
		if (list->count == max)
			return too_long(reader);
		list->values = sbk_arena_grow(arena, list->values, list->count, &room,
									  sizeof(float));
		if (list->values == NULL)
			return sbk_out_of_memory(reader);
		if (!sbk_token_real(&token, &list->values[list->count++]))
			return sbk_malformed(reader, "a number is too long");
	}
	if (token.kind != SBK_TOKEN_ARRAY_END)
		return sbk_malformed(reader, "a list of numbers holds other things");
	return true;
}

char *
sbk_copy_text(SbkReader *reader, const SbkToken *token)
{
	char	   *text = sbk_arena_alloc(reader->arena, token->text_len + 1);

	if (text != NULL)
		sbk_token_decode(token, text);
	return text;
}

bool
sbk_malformed(SbkReader *reader, const char *message)
{
	return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED,
							 reader->tokenizer.pos, "%s", message);
}

bool
sbk_out_of_memory(SbkReader *reader)
{
	return sbk_artifact_fail(reader->error, SBK_FAULT_MEMORY,
							 reader->tokenizer.pos,
							 "there is not enough memory to read it");
}

/* Element of a typed array of integers; false where it is none. */
static bool
integer_at(const SbkToken *numbers, uint64_t index, int64_t *result)
{
	const unsigned char *at = (const unsigned char *) numbers->text;
	uint64_t	bits = 0;
	int			width;
	int			i;

	switch (numbers->element)
	{
		case 'U':
		case 'i':
			width = 1;
			break;
		case 'I':
			width = 2;
			break;
		case 'l':
			width = 4;
			break;
		case 'L':
			width = 8;
			break;
		default:
			return false;
	}
	if (index >= numbers->count)
		return false;
	at += index * width;
	for (i = 0; i < width; i++)
		bits = (bits << 8) | at[i];
	if (numbers->element != 'U' && width < 8 && (at[0] & 0x80))
		bits |= UINT64_MAX << (8 * width);
	*result = (int64_t) bits;
	return true;
}

/* Element of a typed array of numbers; integers count as numbers. */
static bool
real_at(const SbkToken *numbers, uint64_t index, float *result)
{
	const unsigned char *at = (const unsigned char *) numbers->text;
	uint64_t	bits = 0;
	uint32_t	half;
	double		wide;
	int64_t		integer;
	int			width = numbers->element == 'D' ? 8 : 4;
	int			i;

	if (numbers->element != 'd' && numbers->element != 'D')
	{
		if (!integer_at(numbers, index, &integer))
			return false;
		*result = (float) integer;
		return true;
	}
	at += index * width;
	for (i = 0; i < width; i++)
		bits = (bits << 8) | at[i];
	if (width == 4)
	{
		half = (uint32_t) bits;
		memcpy(result, &half, sizeof(float));
	}
	else
	{
		memcpy(&wide, &bits, sizeof(double));
		*result = (float) wide;
	}
	return true;
}

static bool
too_long(SbkReader *reader)
{
	return sbk_artifact_fail(reader->error, SBK_FAULT_LIMIT,
							 reader->tokenizer.pos,
							 "a list is longer than any model needs");
}
