/*
 * levels.c
 *		The levels of categorical features, as XGBoost writes them since 3.1.
 */
#include <stdio.h>
#include <string.h>

#include "artifact/reader.h"

static bool read_enc(SbkReader *reader, const SbkToken *value);
static bool read_level_offsets(SbkReader *reader, const SbkToken *value);
static bool read_level_values(SbkReader *reader, const SbkToken *value);
static bool make_levels(SbkReader *reader, SbkTextList *levels);

bool
sbk_read_cats(SbkReader *reader, const SbkToken *value)
{
	static const SbkKeyReader cats_keys[] = {
		{"enc", SBK_TOKEN_ARRAY_BEGIN, read_enc},
		{NULL}
	};

	return sbk_read_object(reader, cats_keys);
}

/*
 * The levels of the categorical features, one object a feature.  Text levels
 * are all their bytes in a row ("values") with the place where each begins
 * ("offsets"); numeric levels are "values" alone.
 */
static bool
read_enc(SbkReader *reader, const SbkToken *value)
{
	static const SbkKeyReader enc_keys[] = {
		{"offsets", SBK_TOKEN_ARRAY_BEGIN, read_level_offsets},
		{"values", SBK_TOKEN_ARRAY_BEGIN, read_level_values},
		{NULL}
	};
	SbkToken	token;
	SbkTextList *levels = NULL;
	int			count = 0;
	size_t		room = 0;

	if (value->kind == SBK_TOKEN_NUMBERS)
		return value->count == 0 ? true :
			sbk_malformed(reader, "its category levels are not objects");
	while (sbk_token_next(&reader->tokenizer, &token) == SBK_TOKEN_OBJECT_BEGIN)
	{
		if (count == SBK_MAX_FEATURES)
			return sbk_malformed(reader, "it has levels for too many features");
		levels = sbk_arena_grow(reader->arena, levels, count, &room, sizeof(SbkTextList));
		if (levels == NULL)
			return sbk_out_of_memory(reader);
		memset(&reader->level_offsets, 0, sizeof(SbkIntegers));
		memset(&reader->level_values, 0, sizeof(SbkIntegers));
		if (!sbk_read_object(reader, enc_keys) ||
			!make_levels(reader, &levels[count++]))
			return false;
	}
	if (token.kind != SBK_TOKEN_ARRAY_END)
		return sbk_malformed(reader, "its category levels are not objects");
	reader->summary->levels = levels;
	reader->num_levels = count;
	return true;
}

static bool
read_level_offsets(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_integers(reader, reader->arena, value, SBK_MAX_LEVELS + 1,
							 &reader->level_offsets);
}

static bool
read_level_values(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_integers(reader, reader->arena, value, SBK_MAX_LIST,
							 &reader->level_values);
}

/* The levels of one feature, from its offsets and values. */
static bool
make_levels(SbkReader *reader, SbkTextList *levels)
{
	const SbkIntegers *offsets = &reader->level_offsets;
	const SbkIntegers *values = &reader->level_values;
	size_t		count = values->count;
	size_t		i;
	size_t		j;

	if (offsets->present)
		count = offsets->count > 0 ? offsets->count - 1 : 0;
	if (count > SBK_MAX_LEVELS)
		return sbk_malformed(reader, "it has too many category levels");
	levels->present = count > 0;
	levels->count = (int) count;
	levels->texts = sbk_arena_alloc_array(reader->arena, count, sizeof(char *));
	if (levels->texts == NULL)
		return sbk_out_of_memory(reader);

	for (i = 0; i < count; i++)
	{
		int64_t		begin = offsets->present ? offsets->values[i] : 0;
		int64_t		end = offsets->present ? offsets->values[i + 1] : 20;
		char	   *text;

		if (begin < 0 || end < begin || end - begin > (int64_t) SBK_MAX_STRING ||
			(offsets->present && (uint64_t) end > values->count))
			return sbk_malformed(reader, "its category levels overlap or are cut off");
		text = sbk_arena_alloc(reader->arena, end - begin + 1);
		if (text == NULL)
			return sbk_out_of_memory(reader);
		levels->texts[i] = text;
		if (!offsets->present)
		{
			snprintf(text, 21, "%lld", (long long) values->values[i]);
			continue;
		}
		for (j = begin; j < (size_t) end; j++)
			*text++ = (char) values->values[j];
		if (!sbk_utf8_valid(levels->texts[i], end - begin))
			return sbk_malformed(reader, "a category level is not valid UTF-8");
	}
	return true;
}
