/*
 * summary.c
 *		What a model file says about itself.
 *
 * Each object of the file that matters has a table of its keys; sbk_read_object()
 * walks the object and calls the readers.  Unknown keys are walked over, a
 * known key that comes twice is refused.  The nesting of the calls is that of
 * the tables, never that of the file.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/reader.h"

static bool read_learner(SbkReader *reader, const SbkToken *value);
static bool read_version(SbkReader *reader, const SbkToken *value);
static bool read_attributes(SbkReader *reader, const SbkToken *value);
static bool read_feature_names(SbkReader *reader, const SbkToken *value);
static bool read_feature_types(SbkReader *reader, const SbkToken *value);
static bool read_booster(SbkReader *reader, const SbkToken *value);
static bool read_booster_name(SbkReader *reader, const SbkToken *value);
static bool read_inner_booster(SbkReader *reader, const SbkToken *value);
static bool read_weight_drop(SbkReader *reader, const SbkToken *value);
static bool read_linear_weights(SbkReader *reader, const SbkToken *value);
static bool read_iteration_indptr(SbkReader *reader, const SbkToken *value);
static bool read_model(SbkReader *reader, const SbkToken *value);
static bool read_model_param(SbkReader *reader, const SbkToken *value);
static bool read_num_tree(SbkReader *reader, const SbkToken *value);
static bool read_num_parallel_tree(SbkReader *reader, const SbkToken *value);
static bool read_linear_rounds(SbkReader *reader, const SbkToken *value);
static bool read_tree_info(SbkReader *reader, const SbkToken *value);
static bool read_learner_param(SbkReader *reader, const SbkToken *value);
static bool read_base_score(SbkReader *reader, const SbkToken *value);
static bool read_num_class(SbkReader *reader, const SbkToken *value);
static bool read_num_feature(SbkReader *reader, const SbkToken *value);
static bool read_num_target(SbkReader *reader, const SbkToken *value);
static bool read_objective(SbkReader *reader, const SbkToken *value);
static bool read_objective_name(SbkReader *reader, const SbkToken *value);
static bool read_quantile_param(SbkReader *reader, const SbkToken *value);
static bool read_quantiles(SbkReader *reader, const SbkToken *value);
static bool read_expectile_param(SbkReader *reader, const SbkToken *value);
static bool read_expectiles(SbkReader *reader, const SbkToken *value);
static bool read_alphas(SbkReader *reader, const SbkToken *value,
						const char *what, char **text);
static bool begins_number(const char *text, const char *end);
static bool read_number_list(SbkReader *reader, const char *text,
							 const char *what, float **numbers, int *count);
static bool read_softmax_param(SbkReader *reader, const SbkToken *value);
static bool read_softmax_class(SbkReader *reader, const SbkToken *value);

#define OBJECT	SBK_TOKEN_OBJECT_BEGIN
#define ARRAY	SBK_TOKEN_ARRAY_BEGIN
#define STRING	SBK_TOKEN_STRING

static const SbkKeyReader root_keys[] = {
	{"learner", OBJECT, read_learner},
	{"version", ARRAY, read_version},
	{NULL}
};
static const SbkKeyReader learner_keys[] = {
	{"attributes", OBJECT, read_attributes},
	{"feature_names", ARRAY, read_feature_names},
	{"feature_types", ARRAY, read_feature_types},
	{"gradient_booster", OBJECT, read_booster},
	{"learner_model_param", OBJECT, read_learner_param},
	{"objective", OBJECT, read_objective},
	{NULL}
};
static const SbkKeyReader learner_param_keys[] = {
	{"base_score", STRING, read_base_score},
	{"num_class", STRING, read_num_class},
	{"num_feature", STRING, read_num_feature},
	{"num_target", STRING, read_num_target},
	{NULL}
};
static const SbkKeyReader objective_keys[] = {
	{"name", STRING, read_objective_name},
	{"quantile_loss_param", OBJECT, read_quantile_param},
	{"expectile_loss_param", OBJECT, read_expectile_param},
	{"softmax_multiclass_param", OBJECT, read_softmax_param},
	{NULL}
};
static const SbkKeyReader quantile_keys[] = {
	{"quantile_alpha", STRING, read_quantiles},
	{NULL}
};
static const SbkKeyReader expectile_keys[] = {
	{"expectile_alpha", STRING, read_expectiles},
	{NULL}
};
static const SbkKeyReader softmax_keys[] = {
	{"num_class", STRING, read_softmax_class},
	{NULL}
};
static const SbkKeyReader booster_keys[] = {
	{"name", STRING, read_booster_name},
	{"gbtree", OBJECT, read_inner_booster},
	{"model", OBJECT, read_model},
	{"weight_drop", ARRAY, read_weight_drop},
	{NULL}
};
static const SbkKeyReader inner_booster_keys[] = {
	{"model", OBJECT, read_model},
	{NULL}
};
static const SbkKeyReader model_keys[] = {
	{"gbtree_model_param", OBJECT, read_model_param},
	{"tree_info", ARRAY, read_tree_info},
	{"trees", ARRAY, sbk_read_trees},
	{"cats", OBJECT, sbk_read_cats},
	{"boosted_rounds", SBK_TOKEN_INTEGER, read_linear_rounds},
	{"iteration_indptr", ARRAY, read_iteration_indptr},
	{"weights", ARRAY, read_linear_weights},
	{NULL}
};
static const SbkKeyReader model_param_keys[] = {
	{"num_trees", STRING, read_num_tree},
	{"num_parallel_tree", STRING, read_num_parallel_tree},
	{NULL}
};

bool
sbk_summary_read(SbkArena *arena, SbkArena *scratch, SbkFormat format,
				 const void *bytes, size_t len, SbkStop stop,
				 const SbkTreeVisitor *visitor,
				 SbkSummary *summary, SbkArtifactError *error)
{
	SbkReader	reader = {0};
	SbkToken	token;

	memset(summary, 0, sizeof(SbkSummary));
	summary->format = format;
	summary->best_iteration = -1;
	summary->num_parallel_tree = 1;
	reader.arena = arena;
	reader.scratch = scratch;
	reader.summary = summary;
	reader.visitor = visitor;
	reader.error = error;
	reader.num_target = 1;
	reader.max_split_index = -1;
	sbk_tokenizer_init(&reader.tokenizer, format, bytes, len, error);
	reader.tokenizer.stop = stop;

	if (sbk_token_next(&reader.tokenizer, &token) != SBK_TOKEN_OBJECT_BEGIN)
		return sbk_malformed(&reader, "it does not begin with an object");
	if (!sbk_read_object(&reader, root_keys))
		return false;
	if (sbk_token_next(&reader.tokenizer, &token) != SBK_TOKEN_END)
		return sbk_malformed(&reader, "there are bytes after its end");
	return sbk_check_model(&reader);
}

static bool
read_learner(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_object(reader, learner_keys);
}

static bool
read_version(SbkReader *reader, const SbkToken *value)
{
	SbkIntegers numbers = {0};
	int			i;

	if (!sbk_read_integers(reader, reader->arena, value, 8, &numbers))
		return false;
	if (numbers.count != 3)
		return sbk_malformed(reader, "its version is not three numbers");
	for (i = 0; i < 3; i++)
	{
		if (numbers.values[i] < 0 || numbers.values[i] > 9999)
			return sbk_malformed(reader, "its version is out of range");
		reader->summary->version[i] = (int) numbers.values[i];
	}
	return true;
}

/* Attributes are text under names of the user's choice; two matter here. */
static bool
read_attributes(SbkReader *reader, const SbkToken *value)
{
	SbkSummary *summary = reader->summary;
	SbkTextList *names = &summary->attributes;
	size_t		room = 0;
	SbkToken	key;
	SbkToken	text;

	names->present = true;
	while (sbk_token_next(&reader->tokenizer, &key) == SBK_TOKEN_KEY)
	{
		char	   *name = sbk_copy_text(reader, &key);

		if (name == NULL)
			return sbk_out_of_memory(reader);
		if (sbk_token_next(&reader->tokenizer, &text) != SBK_TOKEN_STRING)
			return sbk_malformed(reader, "an attribute is not text");
		names->texts = sbk_arena_grow(reader->arena, names->texts, names->count, &room,
									  sizeof(char *));
		if (names->texts == NULL)
			return sbk_out_of_memory(reader);
		names->texts[names->count++] = name;

		if (strcmp(name, "best_iteration") == 0)
		{
			if (!sbk_read_integer(reader, &text, "best_iteration", 0,
								  SBK_MAX_TREES, &summary->best_iteration))
				return false;
		}
		else if (strcmp(name, "scikit_learn") == 0)
		{
			char	   *meta = sbk_copy_text(reader, &text);

			if (meta == NULL)
				return sbk_out_of_memory(reader);
			if (!sbk_read_scikit_learn(reader, meta))
				return false;
		}
	}
	return key.kind == SBK_TOKEN_OBJECT_END;
}

static bool
read_feature_names(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_text_list(reader, value, SBK_MAX_FEATURES, "feature names",
							  &reader->summary->feature_names);
}

static bool
read_feature_types(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_text_list(reader, value, SBK_MAX_FEATURES, "feature types",
							  &reader->summary->feature_types);
}

static bool
read_booster(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_object(reader, booster_keys);
}

static bool
read_booster_name(SbkReader *reader, const SbkToken *value)
{
	reader->booster = sbk_copy_text(reader, value);
	return reader->booster != NULL || sbk_out_of_memory(reader);
}

static bool
read_inner_booster(SbkReader *reader, const SbkToken *value)
{
	reader->inner_booster = true;
	return sbk_read_object(reader, inner_booster_keys);
}

static bool
read_weight_drop(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_reals(reader, reader->arena, value, SBK_MAX_TREES,
						  &reader->weight_drop);
}

static bool
read_linear_weights(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_reals(reader, reader->arena, value, SBK_MAX_LIST,
						  &reader->linear_weights);
}

static bool
read_iteration_indptr(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_integers(reader, reader->arena, value, SBK_MAX_TREES + 1,
							 &reader->iteration_indptr);
}

static bool
read_model(SbkReader *reader, const SbkToken *value)
{
	if (reader->model_seen)
		return sbk_malformed(reader, "it holds two models");
	reader->model_seen = true;
	return sbk_read_object(reader, model_keys);
}

static bool
read_model_param(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_object(reader, model_param_keys);
}

static bool
read_num_tree(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_integer(reader, value, "num_trees", 0, SBK_MAX_TREES,
							&reader->num_tree);
}

static bool
read_num_parallel_tree(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_integer(reader, value, "num_parallel_tree", 0, SBK_MAX_TREES,
							&reader->summary->num_parallel_tree);
}

static bool
read_linear_rounds(SbkReader *reader, const SbkToken *value)
{
	if (value->integer < 0 || value->integer > SBK_MAX_TREES)
		return sbk_malformed(reader, "its number of rounds is out of range");
	reader->linear_rounds = (int) value->integer;
	return true;
}

static bool
read_tree_info(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_integers(reader, reader->arena, value, SBK_MAX_TREES,
							 &reader->tree_info);
}

static bool
read_learner_param(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_object(reader, learner_param_keys);
}

static bool
read_base_score(SbkReader *reader, const SbkToken *value)
{
	SbkSummary *summary = reader->summary;
	char	   *text = sbk_copy_text(reader, value);
	int			i;

	if (text == NULL)
		return sbk_out_of_memory(reader);
	summary->base_score = text;
	summary->base_score_vector = *text == '[';
	if (!read_number_list(reader, text, "base score", &summary->base_scores,
						  &summary->num_base_score))
		return false;
	summary->base_score_half = true;
	for (i = 0; i < summary->num_base_score; i++)
	{
		if (summary->base_scores[i] != 0.5f)
			summary->base_score_half = false;
	}
	return true;
}

static bool
read_num_class(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_integer(reader, value, "num_class", 0, SBK_MAX_OUTPUTS,
							&reader->summary->num_class);
}

static bool
read_num_feature(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_integer(reader, value, "num_feature", 1, SBK_MAX_FEATURES,
							&reader->summary->num_feature);
}

static bool
read_num_target(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_integer(reader, value, "num_target", 1, SBK_MAX_OUTPUTS,
							&reader->num_target);
}

static bool
read_objective(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_object(reader, objective_keys);
}

static bool
read_objective_name(SbkReader *reader, const SbkToken *value)
{
	if (value->text_len > 100)
		return sbk_malformed(reader, "the name of its objective is too long");
	reader->summary->objective = sbk_copy_text(reader, value);
	return reader->summary->objective != NULL || sbk_out_of_memory(reader);
}

static bool
read_quantile_param(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_object(reader, quantile_keys);
}

static bool
read_quantiles(SbkReader *reader, const SbkToken *value)
{
	return read_alphas(reader, value, "quantile",
					   &reader->summary->quantiles);
}

static bool
read_expectile_param(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_object(reader, expectile_keys);
}

static bool
read_expectiles(SbkReader *reader, const SbkToken *value)
{
	return read_alphas(reader, value, "expectile",
					   &reader->summary->expectiles);
}

static bool
read_alphas(SbkReader *reader, const SbkToken *value, const char *what,
			char **text)
{
	SbkSummary *summary = reader->summary;

	if (summary->alphas != NULL)
		return sbk_malformed(reader, "it has both quantiles and expectiles");
	*text = sbk_copy_text(reader, value);
	if (*text == NULL)
		return sbk_out_of_memory(reader);
	return read_number_list(reader, *text, what, &summary->alphas,
							&summary->num_alpha);
}

/*
 * Is it a number as XGBoost writes them?  strtof takes more: spaces, a plus,
 * hexadecimal digits.
 */
static bool
begins_number(const char *text, const char *end)
{
	const char *digits = text + (*text == '-');

	return end > digits && *digits >= '0' && *digits <= '9' &&
		strspn(digits, "0123456789.eE+-") >= (size_t) (end - digits);
}

/*
 * Numbers that XGBoost writes as text: one, or several in brackets.  XGBoost
 * reads such a text as JSON, however deep, so it must never get to see it.
 */
static bool
read_number_list(SbkReader *reader, const char *text, const char *what,
				 float **numbers, int *count)
{
	bool		list = *text == '[';
	const char *at = text;
	size_t		room = 0;

	do
	{
		char	   *end;
		float		number;

		if (list)
			at++;
		number = strtof(at, &end);
		if (!begins_number(at, end) || !isfinite(number))
			break;
		*numbers = sbk_arena_grow(reader->arena, *numbers, *count, &room,
								  sizeof(float));
		if (*numbers == NULL)
			return sbk_out_of_memory(reader);
		(*numbers)[(*count)++] = number;
		at = end;
		if (strcmp(at, list ? "]" : "") == 0)
			return true;
	} while (list && *at == ',');
	return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED,
							 reader->tokenizer.pos,
							 "its %s is not a finite number", what);
}

static bool
read_softmax_param(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_object(reader, softmax_keys);
}

static bool
read_softmax_class(SbkReader *reader, const SbkToken *value)
{
	return sbk_read_integer(reader, value, "num_class", 0, SBK_MAX_OUTPUTS,
							&reader->softmax_class);
}
