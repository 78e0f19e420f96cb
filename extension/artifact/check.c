/*
 * check.c
 *		What can be decided about a model only when all of it has been read.
 */
#include <math.h>
#include <string.h>

#include "artifact/reader.h"

static bool conclude(SbkReader *reader, const char *message);
static bool check_learner(SbkReader *reader);
static bool check_alphas(SbkReader *reader);
static bool check_features(SbkReader *reader);
static bool check_categories(SbkReader *reader);
static bool check_linear(SbkReader *reader);
static bool check_forest(SbkReader *reader);
static bool check_rounds(SbkReader *reader, int per_round);

bool
sbk_check_model(SbkReader *reader)
{
	if (!check_learner(reader) || !check_features(reader))
		return false;
	if (reader->summary->booster == SBK_BOOSTER_GBLINEAR)
		return check_linear(reader);
	return check_forest(reader);
}

static bool
check_learner(SbkReader *reader)
{
	SbkSummary *summary = reader->summary;
	const char *booster = reader->booster;
	bool		multi;

	if (booster == NULL || summary->objective == NULL ||
		summary->num_feature == 0 || summary->base_score == NULL)
		return conclude(reader, "it lacks the booster, the objective, the number of features or the base score");
	if (summary->version[0] == 0)
		return sbk_artifact_fail(reader->error, SBK_FAULT_UNSUPPORTED, 0,
								 "it does not say which version of XGBoost wrote it");
	if (strcmp(booster, "gbtree") == 0)
		summary->booster = SBK_BOOSTER_GBTREE;
	else if (strcmp(booster, "dart") == 0)
		summary->booster = SBK_BOOSTER_DART;
	else if (strcmp(booster, "gblinear") == 0)
		summary->booster = SBK_BOOSTER_GBLINEAR;
	else
		return sbk_artifact_fail(reader->error, SBK_FAULT_UNSUPPORTED, 0,
								 "its booster \"%.50s\" is unknown", booster);

	if (reader->inner_booster != (summary->booster == SBK_BOOSTER_DART))
		return conclude(reader, "its model is not where its booster looks for it");
	multi = strncmp(summary->objective, "multi:", 6) == 0;
	if (multi != (summary->num_class > 1) ||
		(summary->num_class > 1 && reader->num_target > 1) ||
		(multi && reader->softmax_class != 0 &&
		 reader->softmax_class != summary->num_class))
		return conclude(reader, "its numbers of classes and targets do not fit its objective");
	summary->num_output = multi ? summary->num_class : reader->num_target;
	if (summary->num_base_score != 1 &&
		summary->num_base_score != summary->num_output)
		return conclude(reader, "it has base scores for another number of outputs");
	return check_alphas(reader);
}

/*
 * Each output is a quantile or an expectile of one and the same target: XGBoost
 * trains no others, and keeps all of them between 0 and 1.
 */
static bool
check_alphas(SbkReader *reader)
{
	SbkSummary *summary = reader->summary;
	bool		quantiles = strcmp(summary->objective, "reg:quantileerror") == 0;
	bool		expectiles = strcmp(summary->objective, "reg:expectileerror") == 0;
	int			i;

	if (quantiles != (summary->quantiles != NULL) ||
		expectiles != (summary->expectiles != NULL))
		return conclude(reader, "its quantiles or expectiles do not fit its objective");
	if (summary->alphas == NULL)
		return true;
	if (summary->num_alpha != summary->num_output)
		return conclude(reader, "it has quantiles or expectiles for another number of outputs");
	for (i = 0; i < summary->num_alpha; i++)
	{
		if (!(summary->alphas[i] >= 0 && summary->alphas[i] <= 1))
			return conclude(reader, "a quantile or expectile is not between 0 and 1");
	}
	return true;
}

static bool
check_features(SbkReader *reader)
{
	SbkSummary *summary = reader->summary;
	int			n = summary->num_feature;

	if ((summary->feature_names.count != 0 &&
		 summary->feature_names.count != n) ||
		(summary->feature_types.count != 0 &&
		 summary->feature_types.count != n))
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "it names %d features and %d types, but has %d features",
								 summary->feature_names.count,
								 summary->feature_types.count, n);
	if (reader->num_levels != 0 && reader->num_levels != n)
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "it has category levels for %d of %d features",
								 reader->num_levels, n);
	if (reader->max_split_index >= n)
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "a tree splits on feature %lld of %d",
								 (long long) reader->max_split_index, n);
	return check_categories(reader);
}

/* The levels that the file holds must be enough for the codes of its splits. */
static bool
check_categories(SbkReader *reader)
{
	SbkSummary *summary = reader->summary;
	int			n = summary->num_feature;
	int			i;

	if (reader->category_room == 0)
		return true;
	summary->category_counts = sbk_arena_alloc_array(reader->arena, n,
													 sizeof(int));
	if (summary->category_counts == NULL)
		return sbk_out_of_memory(reader);
	for (i = 0; i < n && (size_t) i < reader->category_room; i++)
	{
		summary->category_counts[i] = reader->category_counts[i];
		if (summary->levels != NULL && summary->levels[i].present &&
			summary->levels[i].count < reader->category_counts[i])
			return conclude(reader, "a tree splits on a category that has no level");
		if (reader->category_counts[i] > 0 &&
			summary->feature_types.count > 0 &&
			strcmp(summary->feature_types.texts[i], "c") != 0)
			return conclude(reader, "a tree splits on categories of a feature that is not categorical");
	}
	return true;
}

/* One weight for each feature and output, and a bias for each output. */
static bool
check_linear(SbkReader *reader)
{
	SbkSummary *summary = reader->summary;
	size_t		i;

	if (reader->trees_seen > 0)
		return conclude(reader, "it is a linear model with trees");
	if (reader->linear_weights.count !=
		((size_t) summary->num_feature + 1) * summary->num_output)
		return conclude(reader, "it is a linear model with weights for other features");
	for (i = 0; i < reader->linear_weights.count; i++)
	{
		if (!isfinite(reader->linear_weights.values[i]))
			return conclude(reader, "a weight is not finite");
	}
	summary->linear_weights = reader->linear_weights.values;
	summary->num_round = reader->linear_rounds;
	return true;
}

static bool
check_forest(SbkReader *reader)
{
	SbkSummary *summary = reader->summary;
	int			trees = reader->trees_seen;
	int			groups = summary->vector_leaf ? 1 : summary->num_output;
	int			parallel;
	size_t		i;

	if (reader->linear_weights.count > 0)
		return conclude(reader, "it is a model of trees with linear weights");
	if (trees == 0 || trees != reader->num_tree)
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "it announces %d trees and holds %d",
								 reader->num_tree, trees);
	if (summary->vector_leaf && reader->leaf_size != summary->num_output)
		return conclude(reader, "its leaves have another number of outputs than the model");

	/* dart weighs its trees; since 3.3 it is called gbtree */
	summary->weighted_gbtree = summary->booster == SBK_BOOSTER_GBTREE &&
		reader->weight_drop.count > 0;
	if ((summary->booster == SBK_BOOSTER_DART || summary->weighted_gbtree) &&
		reader->weight_drop.count != (size_t) trees)
		return conclude(reader, "it has weights for another number of trees");
	for (i = 0; i < reader->weight_drop.count; i++)
	{
		if (!isfinite(reader->weight_drop.values[i]))
			return conclude(reader, "the weight of a tree is not finite");
	}
	if (reader->weight_drop.count > 0)
		summary->tree_weights = reader->weight_drop.values;

	if (summary->num_parallel_tree == 0)
		summary->num_parallel_tree = 1;
	parallel = summary->num_parallel_tree;
	if (parallel > SBK_MAX_TREES / groups || trees % (parallel * groups) != 0)
		return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0,
								 "its %d trees do not make whole rounds of %d for each of %d outputs",
								 trees, parallel, groups);
	if (reader->tree_info.count != (size_t) trees)
		return conclude(reader, "it does not say which output each tree is for");
	for (i = 0; i < (size_t) trees; i++)
	{
		if (reader->tree_info.values[i] != (int64_t) (i / parallel) % groups)
			return conclude(reader, "a tree is for another output than its place says");
	}
	for (i = 0; i <= SBK_MAX_TREE_DEPTH; i++)
	{
		double		features = i < summary->num_feature ? i : summary->num_feature;

		summary->path_steps += reader->leaves[i] * (features + 1) * (features + 1);
	}
	summary->num_tree = trees;
	summary->num_round = trees / (parallel * groups);
	return check_rounds(reader, parallel * groups);
}

static bool
check_rounds(SbkReader *reader, int per_round)
{
	SbkIntegers *indptr = &reader->iteration_indptr;
	size_t		i;

	if (!indptr->present)
		return true;
	if (indptr->count != (size_t) reader->summary->num_round + 1)
		return conclude(reader, "it announces another number of rounds than it has");
	for (i = 0; i < indptr->count; i++)
	{
		if (indptr->values[i] != (int64_t) i * per_round)
			return conclude(reader, "its rounds are of unequal size");
	}
	return true;
}

/* What is wrong with the whole has no place in it. */
static bool
conclude(SbkReader *reader, const char *message)
{
	return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED, 0, "%s",
							 message);
}
