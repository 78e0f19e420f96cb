/*
 * scikit.c
 *		What scikit-learn's wrapper leaves in a model file.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "artifact/reader.h"

static bool read_scikit_encoder(SbkReader *reader, const SbkToken *value);
static bool read_scikit_missing(SbkReader *reader, const SbkToken *value);
static bool read_scikit_classes(SbkReader *reader, const SbkToken *value);

/*
 * scikit-learn's wrapper leaves its own parameters in an attribute, as JSON.
 * What matters: "missing", and "classes_" (up to 1.7 within "_le").
 */
bool
sbk_read_scikit_learn(SbkReader *reader, const char *text)
{
	static const SbkKeyReader scikit_keys[] = {
		{"classes_", SBK_ANY_KIND, read_scikit_classes},
		{"_le", SBK_ANY_KIND, read_scikit_encoder},
		{"missing", SBK_ANY_KIND, read_scikit_missing},
		{NULL}
	};
	SbkReader	inner = *reader;
	SbkArtifactError error;
	SbkToken	token;

	sbk_tokenizer_init(&inner.tokenizer, SBK_FORMAT_JSON, text, strlen(text),
					   &error);
	inner.error = &error;
	if (sbk_token_next(&inner.tokenizer, &token) == SBK_TOKEN_OBJECT_BEGIN &&
		sbk_read_object(&inner, scikit_keys))
		return true;
	if (error.fault == SBK_FAULT_MEMORY)
		return sbk_out_of_memory(reader);
	return sbk_malformed(reader, "its attribute \"scikit_learn\" is not valid");
}

static bool
read_scikit_encoder(SbkReader *reader, const SbkToken *value)
{
	static const SbkKeyReader encoder_keys[] = {
		{"classes_", SBK_ANY_KIND, read_scikit_classes},
		{NULL}
	};

	if (value->kind != SBK_TOKEN_OBJECT_BEGIN)
		return sbk_token_skip(&reader->tokenizer, value);
	return sbk_read_object(reader, encoder_keys);
}

static bool
read_scikit_missing(SbkReader *reader, const SbkToken *value)
{
	double		missing;

	if (!sbk_token_number(value, &missing))
		return sbk_token_skip(&reader->tokenizer, value);
	if (!isnan(missing))
	{
		reader->summary->has_missing = true;
		reader->summary->missing = missing;
	}
	return true;
}

/* Labels are numbers, booleans or text; all are kept as text. */
static bool
read_scikit_classes(SbkReader *reader, const SbkToken *value)
{
	SbkTextList *classes = &reader->summary->classes;
	SbkToken	token;
	size_t		room = 0;

	if (value->kind != SBK_TOKEN_ARRAY_BEGIN || classes->present)
		return sbk_token_skip(&reader->tokenizer, value);
	classes->present = true;
	while (sbk_token_next(&reader->tokenizer, &token) != SBK_TOKEN_ARRAY_END)
	{
		char	   *label = NULL;

		classes->texts = sbk_arena_grow(reader->arena, classes->texts, classes->count, &room,
										sizeof(char *));
		if (classes->texts == NULL)
			return sbk_out_of_memory(reader);
		switch (token.kind)
		{
			case SBK_TOKEN_STRING:
			case SBK_TOKEN_REAL:
				token.escaped = token.kind == SBK_TOKEN_STRING && token.escaped;
				label = sbk_copy_text(reader, &token);
				break;
			case SBK_TOKEN_INTEGER:
				label = sbk_arena_alloc(reader->arena, 21);
				if (label != NULL)
					snprintf(label, 21, "%lld", (long long) token.integer);
				break;
			case SBK_TOKEN_TRUE:
			case SBK_TOKEN_FALSE:
				label = sbk_arena_alloc(reader->arena, 6);
				if (label != NULL)
					strcpy(label, token.kind == SBK_TOKEN_TRUE ? "true" : "false");
				break;
			default:
				return sbk_malformed(reader, "its classes are not labels");
		}
		if (label == NULL)
			return sbk_out_of_memory(reader);
		classes->texts[classes->count++] = label;
	}
	return true;
}
