/*
 * summary.c
 *		What a model file says about itself, without its trees.
 *
 * Each object of the file that matters has a table of its keys; read_object()
 * walks the object and calls the readers.  Unknown keys are walked over, a
 * known key that comes twice is refused.  The nesting of the calls is that of
 * the tables, never that of the file.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/summary.h"

typedef struct Integers
{
	bool		present;
	size_t		count;
	int64_t    *values;
} Integers;

typedef struct Reader
{
	SbkTokenizer tokenizer;
	SbkArena   *arena;
	SbkSummary *summary;
	SbkArtifactError *error;
	int			trees_seen;
	int			linear_rounds;
	bool		has_weights;	/* weight_drop is there and not empty */
	char	   *booster;
	int			num_target;
	int			num_tree;
	Integers	level_offsets;	/* of the feature at hand */
	Integers	level_values;
	int			num_levels;		/* features that cats speaks of */
} Reader;

typedef struct KeyReader
{
	const char *key;
	SbkTokenKind kind;			/* of its value */
	bool		(*read) (Reader *reader, const SbkToken *value);
} KeyReader;

static bool read_learner(Reader *reader, const SbkToken *value);
static bool read_version(Reader *reader, const SbkToken *value);
static bool read_attributes(Reader *reader, const SbkToken *value);
static bool read_feature_names(Reader *reader, const SbkToken *value);
static bool read_feature_types(Reader *reader, const SbkToken *value);
static bool read_booster(Reader *reader, const SbkToken *value);
static bool read_booster_name(Reader *reader, const SbkToken *value);
static bool read_inner_booster(Reader *reader, const SbkToken *value);
static bool read_weights(Reader *reader, const SbkToken *value);
static bool read_model(Reader *reader, const SbkToken *value);
static bool read_model_param(Reader *reader, const SbkToken *value);
static bool read_num_tree(Reader *reader, const SbkToken *value);
static bool read_num_parallel_tree(Reader *reader, const SbkToken *value);
static bool read_linear_rounds(Reader *reader, const SbkToken *value);
static bool read_trees(Reader *reader, const SbkToken *value);
static bool read_tree_param(Reader *reader, const SbkToken *value);
static bool read_leaf_size(Reader *reader, const SbkToken *value);
static bool read_categorical_nodes(Reader *reader, const SbkToken *value);
static bool read_leaf_weights(Reader *reader, const SbkToken *value);
static bool read_cats(Reader *reader, const SbkToken *value);
static bool read_enc(Reader *reader, const SbkToken *value);
static bool read_learner_param(Reader *reader, const SbkToken *value);
static bool read_base_score(Reader *reader, const SbkToken *value);
static bool read_num_class(Reader *reader, const SbkToken *value);
static bool read_num_feature(Reader *reader, const SbkToken *value);
static bool read_num_target(Reader *reader, const SbkToken *value);
static bool read_objective(Reader *reader, const SbkToken *value);
static bool read_objective_name(Reader *reader, const SbkToken *value);
static bool read_quantile_param(Reader *reader, const SbkToken *value);
static bool read_quantiles(Reader *reader, const SbkToken *value);

#define OBJECT	SBK_TOKEN_OBJECT_BEGIN
#define ARRAY	SBK_TOKEN_ARRAY_BEGIN
#define STRING	SBK_TOKEN_STRING
#define ANY		SBK_TOKEN_END	/* the reader looks for itself */

static const KeyReader root_keys[] = {
	{"learner", OBJECT, read_learner},
	{"version", ARRAY, read_version},
	{NULL}
};
static const KeyReader learner_keys[] = {
	{"attributes", OBJECT, read_attributes},
	{"feature_names", ARRAY, read_feature_names},
	{"feature_types", ARRAY, read_feature_types},
	{"gradient_booster", OBJECT, read_booster},
	{"learner_model_param", OBJECT, read_learner_param},
	{"objective", OBJECT, read_objective},
	{NULL}
};
static const KeyReader learner_param_keys[] = {
	{"base_score", STRING, read_base_score},
	{"num_class", STRING, read_num_class},
	{"num_feature", STRING, read_num_feature},
	{"num_target", STRING, read_num_target},
	{NULL}
};
static const KeyReader objective_keys[] = {
	{"name", STRING, read_objective_name},
	{"quantile_loss_param", OBJECT, read_quantile_param},
	{NULL}
};
static const KeyReader quantile_keys[] = {
	{"quantile_alpha", STRING, read_quantiles},
	{NULL}
};
static const KeyReader booster_keys[] = {
	{"name", STRING, read_booster_name},
	{"gbtree", OBJECT, read_inner_booster},
	{"model", OBJECT, read_model},
	{"weight_drop", ARRAY, read_weights},
	{NULL}
};
static const KeyReader inner_booster_keys[] = {
	{"model", OBJECT, read_model},
	{NULL}
};
static const KeyReader model_keys[] = {
	{"gbtree_model_param", OBJECT, read_model_param},
	{"trees", ARRAY, read_trees},
	{"cats", OBJECT, read_cats},
	{"boosted_rounds", SBK_TOKEN_INTEGER, read_linear_rounds},
	{NULL}
};
static const KeyReader model_param_keys[] = {
	{"num_trees", STRING, read_num_tree},
	{"num_parallel_tree", STRING, read_num_parallel_tree},
	{NULL}
};
static const KeyReader tree_keys[] = {
	{"tree_param", OBJECT, read_tree_param},
	{"categories_nodes", ARRAY, read_categorical_nodes},
	{"leaf_weights", ARRAY, read_leaf_weights},
	{NULL}
};
static const KeyReader tree_param_keys[] = {
	{"size_leaf_vector", STRING, read_leaf_size},
	{NULL}
};
static const KeyReader cats_keys[] = {
	{"enc", ARRAY, read_enc},
	{NULL}
};

static bool read_object(Reader *reader, const KeyReader *keys);
static char *copy_text(Reader *reader, const SbkToken *token);
static bool read_text_list(Reader *reader, const SbkToken *value, int max,
						   const char *what, SbkTextList *list);
static bool read_integer(Reader *reader, const SbkToken *value,
						 const char *what, long min, long max, int *result);
static bool read_level_offsets(Reader *reader, const SbkToken *value);
static bool read_level_values(Reader *reader, const SbkToken *value);
static bool read_integers(Reader *reader, const SbkToken *value,
						  Integers *list);
static bool make_levels(Reader *reader, SbkTextList *levels);
static bool number_at(const SbkToken *numbers, uint64_t index,
					  int64_t *result);
static bool read_scikit_learn(Reader *reader, const char *text);
static bool read_scikit_classes(Reader *reader, const SbkToken *value);
static bool read_scikit_missing(Reader *reader, const SbkToken *value);
static bool read_scikit_encoder(Reader *reader, const SbkToken *value);
static bool check_summary(Reader *reader);
static void *grow(Reader *reader, void *array, size_t count, int *room,
				  size_t size);

static bool
malformed(Reader *reader, const char *message)
{
	return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED,
							 reader->tokenizer.pos, "%s", message);
}

static bool
out_of_memory(Reader *reader)
{
	return sbk_artifact_fail(reader->error, SBK_FAULT_MEMORY,
							 reader->tokenizer.pos,
							 "there is not enough memory to read it");
}

bool
sbk_summary_read(SbkArena *arena, SbkFormat format, const void *bytes,
				 size_t len, SbkSummary *summary, SbkArtifactError *error)
{
	Reader		reader = {0};
	SbkToken	token;

	memset(summary, 0, sizeof(SbkSummary));
	summary->format = format;
	summary->best_iteration = -1;
	summary->num_parallel_tree = 1;
	reader.arena = arena;
	reader.summary = summary;
	reader.error = error;
	reader.linear_rounds = -1;
	reader.num_target = 1;
	sbk_tokenizer_init(&reader.tokenizer, format, bytes, len, error);

	if (sbk_token_next(&reader.tokenizer, &token) != SBK_TOKEN_OBJECT_BEGIN)
		return malformed(&reader, "it does not begin with an object");
	if (!read_object(&reader, root_keys))
		return false;
	if (sbk_token_next(&reader.tokenizer, &token) != SBK_TOKEN_END)
		return malformed(&reader, "there are bytes after its end");
	return check_summary(&reader);
}

/* The object's first token has been read; reads to its end. */
static bool
read_object(Reader *reader, const KeyReader *keys)
{
	unsigned int seen = 0;
	SbkToken	key;
	SbkToken	value;

	while (sbk_token_next(&reader->tokenizer, &key) == SBK_TOKEN_KEY)
	{
		const KeyReader *known = keys;

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
		if (value.kind != known->kind && known->kind != ANY &&
			!(known->kind == ARRAY && value.kind == SBK_TOKEN_NUMBERS))
			return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED,
									 reader->tokenizer.pos,
									 "its value for \"%s\" is of the wrong type",
									 known->key);
		if (!known->read(reader, &value))
			return false;
	}
	return key.kind == SBK_TOKEN_OBJECT_END;
}

static bool
read_learner(Reader *reader, const SbkToken *value)
{
	return read_object(reader, learner_keys);
}

static bool
read_version(Reader *reader, const SbkToken *value)
{
	SbkToken	token;
	int			n = 0;

	if (value->kind == SBK_TOKEN_NUMBERS)
	{
		int64_t		number;

		for (n = 0; n < 3 && number_at(value, n, &number); n++)
		{
			if (number < 0 || number > 9999)
				return malformed(reader, "its version is out of range");
			reader->summary->version[n] = (int) number;
		}
		return n == 3 && value->count == 3 ? true :
			malformed(reader, "its version is not three numbers");
	}
	while (sbk_token_next(&reader->tokenizer, &token) == SBK_TOKEN_INTEGER)
	{
		if (n == 3 || token.integer < 0 || token.integer > 9999)
			return malformed(reader, "its version is out of range");
		reader->summary->version[n++] = (int) token.integer;
	}
	if (token.kind != SBK_TOKEN_ARRAY_END || n != 3)
		return malformed(reader, "its version is not three numbers");
	return true;
}

/* Attributes are text under names of the user's choice; two matter here. */
static bool
read_attributes(Reader *reader, const SbkToken *value)
{
	SbkSummary *summary = reader->summary;
	SbkTextList *names = &summary->attributes;
	int			room = 0;
	SbkToken	key;
	SbkToken	text;

	names->present = true;
	while (sbk_token_next(&reader->tokenizer, &key) == SBK_TOKEN_KEY)
	{
		char	   *name = copy_text(reader, &key);

		if (name == NULL)
			return out_of_memory(reader);
		if (sbk_token_next(&reader->tokenizer, &text) != SBK_TOKEN_STRING)
			return malformed(reader, "an attribute is not text");
		names->texts = grow(reader, names->texts, names->count, &room,
							sizeof(char *));
		if (names->texts == NULL)
			return out_of_memory(reader);
		names->texts[names->count++] = name;

		if (strcmp(name, "best_iteration") == 0)
		{
			if (!read_integer(reader, &text, "best_iteration", 0,
							  SBK_MAX_TREES, &summary->best_iteration))
				return false;
		}
		else if (strcmp(name, "scikit_learn") == 0)
		{
			char	   *meta = copy_text(reader, &text);

			if (meta == NULL)
				return out_of_memory(reader);
			if (!read_scikit_learn(reader, meta))
				return false;
		}
	}
	return key.kind == SBK_TOKEN_OBJECT_END;
}

static bool
read_feature_names(Reader *reader, const SbkToken *value)
{
	return read_text_list(reader, value, SBK_MAX_FEATURES, "feature names",
						  &reader->summary->feature_names);
}

static bool
read_feature_types(Reader *reader, const SbkToken *value)
{
	return read_text_list(reader, value, SBK_MAX_FEATURES, "feature types",
						  &reader->summary->feature_types);
}

static bool
read_booster(Reader *reader, const SbkToken *value)
{
	return read_object(reader, booster_keys);
}

static bool
read_booster_name(Reader *reader, const SbkToken *value)
{
	reader->booster = copy_text(reader, value);
	return reader->booster != NULL || out_of_memory(reader);
}

static bool
read_inner_booster(Reader *reader, const SbkToken *value)
{
	return read_object(reader, inner_booster_keys);
}

static bool
read_weights(Reader *reader, const SbkToken *value)
{
	size_t		before = reader->tokenizer.pos;

	if (value->kind == SBK_TOKEN_NUMBERS)
		reader->has_weights = value->count > 0;
	else
	{
		if (!sbk_token_skip(&reader->tokenizer, value))
			return false;
		reader->has_weights = reader->tokenizer.pos > before + 1;
	}
	return true;
}

static bool
read_model(Reader *reader, const SbkToken *value)
{
	return read_object(reader, model_keys);
}

static bool
read_model_param(Reader *reader, const SbkToken *value)
{
	return read_object(reader, model_param_keys);
}

static bool
read_num_tree(Reader *reader, const SbkToken *value)
{
	return read_integer(reader, value, "num_trees", 0, SBK_MAX_TREES,
						&reader->num_tree);
}

static bool
read_num_parallel_tree(Reader *reader, const SbkToken *value)
{
	return read_integer(reader, value, "num_parallel_tree", 0, SBK_MAX_TREES,
						&reader->summary->num_parallel_tree);
}

static bool
read_linear_rounds(Reader *reader, const SbkToken *value)
{
	if (value->integer < 0 || value->integer > SBK_MAX_TREES)
		return malformed(reader, "its number of rounds is out of range");
	reader->linear_rounds = (int) value->integer;
	return true;
}

static bool
read_trees(Reader *reader, const SbkToken *value)
{
	SbkToken	tree;

	if (value->kind == SBK_TOKEN_NUMBERS)
		return malformed(reader, "its trees are not objects");
	while (sbk_token_next(&reader->tokenizer, &tree) == SBK_TOKEN_OBJECT_BEGIN)
	{
		if (++reader->trees_seen > SBK_MAX_TREES)
			return sbk_artifact_fail(reader->error, SBK_FAULT_LIMIT,
									 reader->tokenizer.pos,
									 "it has more than %d trees", SBK_MAX_TREES);
		if (!read_object(reader, tree_keys))
			return false;
	}
	if (tree.kind != SBK_TOKEN_ARRAY_END)
		return malformed(reader, "its trees are not objects");
	return true;
}

static bool
read_tree_param(Reader *reader, const SbkToken *value)
{
	return read_object(reader, tree_param_keys);
}

static bool
read_leaf_size(Reader *reader, const SbkToken *value)
{
	int			size;

	if (!read_integer(reader, value, "size_leaf_vector", 0, SBK_MAX_OUTPUTS,
					  &size))
		return false;
	if (size > 1)
		reader->summary->vector_leaf = true;
	return true;
}

static bool
read_categorical_nodes(Reader *reader, const SbkToken *value)
{
	SbkToken	token;

	if (value->kind == SBK_TOKEN_NUMBERS)
	{
		if (value->count > 0)
			reader->summary->categorical_split = true;
		return true;
	}
	while (sbk_token_next(&reader->tokenizer, &token) == SBK_TOKEN_INTEGER)
		reader->summary->categorical_split = true;
	return token.kind == SBK_TOKEN_ARRAY_END ? true :
		malformed(reader, "its categorical nodes are not integers");
}

static bool
read_leaf_weights(Reader *reader, const SbkToken *value)
{
	reader->summary->leaf_weights = true;
	return sbk_token_skip(&reader->tokenizer, value);
}

static bool
read_cats(Reader *reader, const SbkToken *value)
{
	return read_object(reader, cats_keys);
}

/*
 * The levels of the categorical features, one object a feature.  Text levels
 * are all their bytes in a row ("values") with the place where each begins
 * ("offsets"); numeric levels are "values" alone.
 */
static bool
read_enc(Reader *reader, const SbkToken *value)
{
	static const KeyReader enc_keys[] = {
		{"offsets", ARRAY, read_level_offsets},
		{"values", ARRAY, read_level_values},
		{NULL}
	};
	SbkToken	token;
	SbkTextList *levels = NULL;
	int			count = 0;
	int			room = 0;

	if (value->kind == SBK_TOKEN_NUMBERS)
		return value->count == 0 ? true :
			malformed(reader, "its category levels are not objects");
	while (sbk_token_next(&reader->tokenizer, &token) == SBK_TOKEN_OBJECT_BEGIN)
	{
		if (count == SBK_MAX_FEATURES)
			return malformed(reader, "it has levels for too many features");
		levels = grow(reader, levels, count, &room, sizeof(SbkTextList));
		if (levels == NULL)
			return out_of_memory(reader);
		reader->level_offsets = reader->level_values = (Integers) {0};
		if (!read_object(reader, enc_keys) ||
			!make_levels(reader, &levels[count++]))
			return false;
	}
	if (token.kind != SBK_TOKEN_ARRAY_END)
		return malformed(reader, "its category levels are not objects");
	reader->summary->levels = levels;
	reader->num_levels = count;
	return true;
}

static bool
read_learner_param(Reader *reader, const SbkToken *value)
{
	return read_object(reader, learner_param_keys);
}

static bool
read_base_score(Reader *reader, const SbkToken *value)
{
	SbkSummary *summary = reader->summary;
	char	   *text = copy_text(reader, value);
	char	   *at = text;

	if (text == NULL)
		return out_of_memory(reader);
	summary->base_score = text;
	summary->base_score_vector = *at == '[';
	summary->base_score_half = true;
	do
	{
		char	   *end;
		double		score;

		if (summary->base_score_vector)
			at++;
		score = strtod(at, &end);
		if (end == at || !isfinite((float) score))
			return malformed(reader, "its base score is not a finite number");
		if (score != 0.5)
			summary->base_score_half = false;
		at = end;
	} while (summary->base_score_vector && *at == ',');
	if (strcmp(at, summary->base_score_vector ? "]" : "") != 0)
		return malformed(reader, "its base score is not a finite number");
	return true;
}

static bool
read_num_class(Reader *reader, const SbkToken *value)
{
	return read_integer(reader, value, "num_class", 0, SBK_MAX_OUTPUTS,
						&reader->summary->num_class);
}

static bool
read_num_feature(Reader *reader, const SbkToken *value)
{
	return read_integer(reader, value, "num_feature", 1, SBK_MAX_FEATURES,
						&reader->summary->num_feature);
}

static bool
read_num_target(Reader *reader, const SbkToken *value)
{
	return read_integer(reader, value, "num_target", 1, SBK_MAX_OUTPUTS,
						&reader->num_target);
}

static bool
read_objective(Reader *reader, const SbkToken *value)
{
	return read_object(reader, objective_keys);
}

static bool
read_objective_name(Reader *reader, const SbkToken *value)
{
	if (value->text_len > 100)
		return malformed(reader, "the name of its objective is too long");
	reader->summary->objective = copy_text(reader, value);
	return reader->summary->objective != NULL || out_of_memory(reader);
}

static bool
read_quantile_param(Reader *reader, const SbkToken *value)
{
	return read_object(reader, quantile_keys);
}

static bool
read_quantiles(Reader *reader, const SbkToken *value)
{
	reader->summary->quantiles = copy_text(reader, value);
	return reader->summary->quantiles != NULL || out_of_memory(reader);
}

static char *
copy_text(Reader *reader, const SbkToken *token)
{
	char	   *text = sbk_arena_alloc(reader->arena, token->text_len + 1);

	if (text != NULL)
		sbk_token_decode(token, text);
	return text;
}

static bool
read_text_list(Reader *reader, const SbkToken *value, int max,
			   const char *what, SbkTextList *list)
{
	SbkToken	token;
	int			room = 0;

	list->present = true;
	if (value->kind == SBK_TOKEN_NUMBERS)
		return value->count == 0 ? true :
			malformed(reader, "a list of names holds numbers");
	while (sbk_token_next(&reader->tokenizer, &token) == SBK_TOKEN_STRING)
	{
		if (list->count == max)
			return sbk_artifact_fail(reader->error, SBK_FAULT_LIMIT,
									 reader->tokenizer.pos,
									 "it has more than %d %s", max, what);
		list->texts = grow(reader, list->texts, list->count, &room,
						   sizeof(char *));
		if (list->texts == NULL)
			return out_of_memory(reader);
		list->texts[list->count] = copy_text(reader, &token);
		if (list->texts[list->count] == NULL)
			return out_of_memory(reader);
		list->count++;
	}
	if (token.kind != SBK_TOKEN_ARRAY_END)
		return malformed(reader, "a list of names holds other things");
	return true;
}

/* XGBoost writes its parameters as text: "12". */
static bool
read_integer(Reader *reader, const SbkToken *value, const char *what,
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

static bool
read_level_offsets(Reader *reader, const SbkToken *value)
{
	return read_integers(reader, value, &reader->level_offsets);
}

static bool
read_level_values(Reader *reader, const SbkToken *value)
{
	return read_integers(reader, value, &reader->level_values);
}

static bool
read_integers(Reader *reader, const SbkToken *value, Integers *list)
{
	SbkToken	token;
	int			room = 0;

	list->present = true;
	if (value->kind == SBK_TOKEN_NUMBERS)
	{
		list->values = sbk_arena_alloc_array(reader->arena, value->count,
											 sizeof(int64_t));
		if (list->values == NULL)
			return out_of_memory(reader);
		for (list->count = 0; list->count < value->count; list->count++)
		{
			if (!number_at(value, list->count, &list->values[list->count]))
				return malformed(reader, "its category levels are not integers");
		}
		return true;
	}
	while (sbk_token_next(&reader->tokenizer, &token) == SBK_TOKEN_INTEGER)
	{
		list->values = grow(reader, list->values, list->count, &room,
							sizeof(int64_t));
		if (list->values == NULL)
			return out_of_memory(reader);
		list->values[list->count++] = token.integer;
	}
	if (token.kind != SBK_TOKEN_ARRAY_END)
		return malformed(reader, "its category levels are not integers");
	return true;
}

/* The levels of one feature, from its offsets and values. */
static bool
make_levels(Reader *reader, SbkTextList *levels)
{
	const Integers *offsets = &reader->level_offsets;
	const Integers *values = &reader->level_values;
	size_t		count = values->count;
	size_t		i;
	size_t		j;

	if (offsets->present)
		count = offsets->count > 0 ? offsets->count - 1 : 0;
	if (count > SBK_MAX_LEVELS)
		return malformed(reader, "it has too many category levels");
	levels->present = count > 0;
	levels->count = (int) count;
	levels->texts = sbk_arena_alloc_array(reader->arena, count, sizeof(char *));
	if (levels->texts == NULL)
		return out_of_memory(reader);

	for (i = 0; i < count; i++)
	{
		int64_t		begin = offsets->present ? offsets->values[i] : 0;
		int64_t		end = offsets->present ? offsets->values[i + 1] : 20;
		char	   *text;

		if (begin < 0 || end < begin || end - begin > (int64_t) SBK_MAX_STRING ||
			(offsets->present && (uint64_t) end > values->count))
			return malformed(reader, "its category levels overlap or are cut off");
		text = sbk_arena_alloc(reader->arena, end - begin + 1);
		if (text == NULL)
			return out_of_memory(reader);
		levels->texts[i] = text;
		if (!offsets->present)
		{
			snprintf(text, 21, "%lld", (long long) values->values[i]);
			continue;
		}
		for (j = begin; j < (size_t) end; j++)
			*text++ = (char) values->values[j];
		if (!sbk_utf8_valid(levels->texts[i], end - begin))
			return malformed(reader, "a category level is not valid UTF-8");
	}
	return true;
}

/* Element of a typed array of integers; false where it is none. */
static bool
number_at(const SbkToken *numbers, uint64_t index, int64_t *result)
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

/*
 * scikit-learn's wrapper leaves its own parameters in an attribute, as JSON.
 * What matters: "missing", and "classes_" (up to 1.7 within "_le").
 */
static bool
read_scikit_learn(Reader *reader, const char *text)
{
	static const KeyReader scikit_keys[] = {
		{"classes_", ANY, read_scikit_classes},
		{"_le", ANY, read_scikit_encoder},
		{"missing", ANY, read_scikit_missing},
		{NULL}
	};
	Reader		inner = *reader;
	SbkArtifactError error;
	SbkToken	token;

	sbk_tokenizer_init(&inner.tokenizer, SBK_FORMAT_JSON, text, strlen(text),
					   &error);
	inner.error = &error;
	if (sbk_token_next(&inner.tokenizer, &token) == SBK_TOKEN_OBJECT_BEGIN &&
		read_object(&inner, scikit_keys))
		return true;
	if (error.fault == SBK_FAULT_MEMORY)
		return out_of_memory(reader);
	return malformed(reader, "its attribute \"scikit_learn\" is not valid");
}

static bool
read_scikit_encoder(Reader *reader, const SbkToken *value)
{
	static const KeyReader encoder_keys[] = {
		{"classes_", ANY, read_scikit_classes},
		{NULL}
	};

	if (value->kind != OBJECT)
		return sbk_token_skip(&reader->tokenizer, value);
	return read_object(reader, encoder_keys);
}

static bool
read_scikit_missing(Reader *reader, const SbkToken *value)
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
read_scikit_classes(Reader *reader, const SbkToken *value)
{
	SbkTextList *classes = &reader->summary->classes;
	SbkToken	token;
	int			room = 0;

	if (value->kind != ARRAY || classes->present)
		return sbk_token_skip(&reader->tokenizer, value);
	classes->present = true;
	while (sbk_token_next(&reader->tokenizer, &token) != SBK_TOKEN_ARRAY_END)
	{
		char	   *label = NULL;

		classes->texts = grow(reader, classes->texts, classes->count, &room,
							  sizeof(char *));
		if (classes->texts == NULL)
			return out_of_memory(reader);
		switch (token.kind)
		{
			case SBK_TOKEN_STRING:
			case SBK_TOKEN_REAL:
				token.escaped = token.escaped && token.kind == SBK_TOKEN_STRING;
				label = copy_text(reader, &token);
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
				return malformed(reader, "its classes are not labels");
		}
		if (label == NULL)
			return out_of_memory(reader);
		classes->texts[classes->count++] = label;
	}
	return true;
}

/* What can be decided only when all has been read. */
static bool
check_summary(Reader *reader)
{
	SbkSummary *summary = reader->summary;
	const char *booster = reader->booster;
	bool		linear;
	int			per_round;
	int			group;

	if (summary->version[0] == 0)
		return sbk_artifact_fail(reader->error, SBK_FAULT_UNSUPPORTED, 0,
								 "it does not say which version of XGBoost wrote it");
	if (booster == NULL || summary->objective == NULL ||
		summary->num_feature == 0 || summary->base_score == NULL)
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "it lacks the booster, the objective, the number of features or the base score");
	if (strcmp(booster, "gbtree") == 0)
		summary->booster = SBK_BOOSTER_GBTREE;
	else if (strcmp(booster, "dart") == 0)
		summary->booster = SBK_BOOSTER_DART;
	else if (strcmp(booster, "gblinear") == 0)
		summary->booster = SBK_BOOSTER_GBLINEAR;
	else
		return sbk_artifact_fail(reader->error, SBK_FAULT_UNSUPPORTED, 0,
								 "its booster \"%.50s\" is unknown", booster);
	linear = summary->booster == SBK_BOOSTER_GBLINEAR;
	summary->weighted_gbtree = reader->has_weights &&
		summary->booster == SBK_BOOSTER_GBTREE;

	if (summary->num_class > 1 && reader->num_target > 1)
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "it has several classes and several targets");
	group = summary->num_class > 1 ? summary->num_class : reader->num_target;
	summary->num_output = group;

	if ((summary->feature_names.count != 0 &&
		 summary->feature_names.count != summary->num_feature) ||
		(summary->feature_types.count != 0 &&
		 summary->feature_types.count != summary->num_feature))
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "it names %d features and %d types, but has %d features",
								 summary->feature_names.count,
								 summary->feature_types.count,
								 summary->num_feature);
	if (reader->num_levels != 0 && reader->num_levels != summary->num_feature)
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "it has category levels for %d of %d features",
								 reader->num_levels, summary->num_feature);
	if (linear)
	{
		if (reader->trees_seen > 0)
			return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
									 "it is a linear model with trees");
		summary->num_round = reader->linear_rounds < 0 ? 0 :
			reader->linear_rounds;
		return true;
	}

	if (reader->trees_seen == 0 || reader->trees_seen != reader->num_tree)
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "it announces %d trees and holds %d",
								 reader->num_tree, reader->trees_seen);
	if (summary->num_parallel_tree == 0)
		summary->num_parallel_tree = 1;
	per_round = summary->num_parallel_tree;
	if (!summary->vector_leaf)
	{
		if (per_round > SBK_MAX_TREES / group)
			return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
									 "it has too many trees in a round");
		per_round *= group;
	}
	if (reader->num_tree % per_round != 0)
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "its %d trees do not make whole rounds of %d",
								 reader->num_tree, per_round);
	summary->num_tree = reader->num_tree;
	summary->num_round = reader->num_tree / per_round;
	return true;
}

/* Makes room for one more element; NULL when out of memory. */
static void *
grow(Reader *reader, void *array, size_t count, int *room, size_t size)
{
	void	   *larger;

	if (count < (size_t) *room)
		return array;
	*room = *room == 0 ? 16 : *room * 2;
	larger = sbk_arena_alloc_array(reader->arena, *room, size);
	if (larger != NULL && count > 0)
		memcpy(larger, array, count * size);
	return larger;
}
