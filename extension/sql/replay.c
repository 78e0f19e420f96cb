/*
 * replay.c
 *		Scoring kept inputs again, for SQL.
 *
 * What is compared are bits: float4's own comparison takes 0 for -0.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "bind/bind.h"
#include "compat.h"
#include "registry/use.h"

PG_FUNCTION_INFO_V1(sbk_sql_score_inputs);
PG_FUNCTION_INFO_V1(sbk_sql_replay_verdict);
PG_FUNCTION_INFO_V1(sbk_sql_largest_difference);

/* Of a call site: the version that was recorded, and one to score instead. */
typedef struct ReplaySite
{
	SbkModelUse recorded;
	SbkModelUse challenger;
} ReplaySite;

static ReplaySite *find_site(FunctionCallInfo fcinfo);
static SbkModel *find_challenger(ReplaySite *site, const SbkModel *recorded,
								 bool changed, text *reference);
static void check_same_inputs(const SbkModel *recorded,
							  const SbkModel *challenger);
static bool same_feature(const SbkFeature *recorded,
						 const SbkFeature *challenger);
static bool same_levels(const SbkFeature *a, const SbkFeature *b);
static const float *read_scores(ArrayType *array, int *n);
static bool is_within(double tolerance, const float *said, const float *says,
					  int n);

/* By the version that was recorded, or by another one with the same inputs. */
Datum
sbk_sql_score_inputs(PG_FUNCTION_ARGS)
{
	ReplaySite *site;
	SbkModel   *model;
	SbkRow		row;
	const float *scores;
	Size		width;
	bool		changed;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	site = find_site(fcinfo);
	model = sbk_model_use_recorded(&site->recorded, PG_GETARG_INT32(0),
								   PG_GETARG_INT32(1), &changed);
	row.values = palloc(mul_size(model->num_feature, sizeof(float)));
	sbk_read_kept(model, PG_GETARG_ARRAYTYPE_P(2), &row);
	if (!PG_ARGISNULL(3))
		model = find_challenger(site, model, changed, PG_GETARG_TEXT_PP(3));
	scores = sbk_model_predict(model, row.values, 1,
							   model->base_margin ? &row.base_margin : NULL,
							   SBK_PREDICT_VALUE, &width);
	PG_RETURN_DATUM(sbk_real_array(scores, width));
}

/* What has become of scores that a version gave, and gives now. */
Datum
sbk_sql_replay_verdict(PG_FUNCTION_ARGS)
{
	ReplaySite *site;
	const SbkModel *model;
	const float *said;
	const float *says;
	const char *verdict;
	int			num_said;
	int			num_says;
	bool		changed;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(3))
		PG_RETURN_TEXT_P(cstring_to_text("inputs not kept"));
	site = find_site(fcinfo);
	model = sbk_model_use_recorded(&site->recorded, PG_GETARG_INT32(0),
								   PG_GETARG_INT32(1), &changed);
	said = read_scores(PG_GETARG_ARRAYTYPE_P(2), &num_said);
	says = read_scores(PG_GETARG_ARRAYTYPE_P(3), &num_says);
	if (num_said != num_says)
		verdict = "engine changed";
	else if (memcmp(said, says, num_said * sizeof(float)) == 0)
		verdict = "identical";
	else if (is_within(model->tolerance, said, says, num_said))
		verdict = "within tolerance";
	else
		verdict = "engine changed";
	PG_RETURN_TEXT_P(cstring_to_text(verdict));
}

/* Of the differences between scores, the largest, with its sign. */
Datum
sbk_sql_largest_difference(PG_FUNCTION_ARGS)
{
	const float *from;
	const float *to;
	double		largest = 0;
	int			num_from;
	int			num_to;
	int			i;

	from = read_scores(PG_GETARG_ARRAYTYPE_P(0), &num_from);
	to = read_scores(PG_GETARG_ARRAYTYPE_P(1), &num_to);
	if (num_from != num_to)
		PG_RETURN_NULL();
	for (i = 0; i < num_from; i++)
	{
		/* infinite scores are equal, too */
		double		difference = to[i] == from[i] ? 0 : (double) to[i] - from[i];

		if (fabs(difference) > fabs(largest) || isnan(difference))
			largest = difference;
	}
	PG_RETURN_FLOAT8(largest);
}

static ReplaySite *
find_site(FunctionCallInfo fcinfo)
{
	ReplaySite *site = fcinfo->flinfo->fn_extra;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
									  sizeof(ReplaySite));
		sbk_model_use_init(&site->recorded, fcinfo->flinfo->fn_mcxt);
		sbk_model_use_init(&site->challenger, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = site;
	}
	return site;
}

/* Compared with the version that was recorded whenever one of them is new. */
static SbkModel *
find_challenger(ReplaySite *site, const SbkModel *recorded,
				bool recorded_changed, text *reference)
{
	bool		changed;
	SbkModel   *challenger = sbk_model_use(&site->challenger,
										   VARDATA_ANY(reference),
										   VARSIZE_ANY_EXHDR(reference),
										   false, &changed);

	if (changed || recorded_changed)
		check_same_inputs(recorded, challenger);
	return challenger;
}

/*
 * Inputs are the same where they are read from the same columns, in the same
 * order, and to the same numbers.
 */
static void
check_same_inputs(const SbkModel *recorded, const SbkModel *challenger)
{
	const char *problem = NULL;
	int			i;

	if (recorded->num_feature != challenger->num_feature)
		problem = psprintf("They have %d and %d features.",
						   recorded->num_feature, challenger->num_feature);
	for (i = 0; problem == NULL && i < recorded->num_feature; i++)
	{
		const SbkFeature *old_feature = &recorded->features[i];
		const SbkFeature *new_feature = &challenger->features[i];

		if (strcmp(old_feature->name, new_feature->name) != 0 ||
			strcmp(old_feature->column, new_feature->column) != 0)
			problem = psprintf("Feature %d is \"%s\", read from \"%s\", of the one, and \"%s\", read from \"%s\", of the other.",
							   i + 1, old_feature->name, old_feature->column,
							   new_feature->name, new_feature->column);
		else if (!same_feature(old_feature, new_feature))
			problem = psprintf("Feature \"%s\" has other levels, or another policy for unknown ones.",
							   old_feature->name);
	}
	if (problem == NULL &&
		(recorded->has_missing != challenger->has_missing ||
		 (recorded->has_missing && recorded->missing != challenger->missing)))
		problem = "They do not read the same number as missing.";
	if (problem == NULL &&
		strcmp(recorded->base_margin ? recorded->base_margin : "",
			   challenger->base_margin ? challenger->base_margin : "") != 0)
		problem = "They do not have the same base margin.";
	if (problem != NULL)
		ereport(ERROR,
				errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("model \"%s\" does not have the inputs of model \"%s\"",
					   challenger->label, recorded->label),
				errdetail_internal("%s", problem),
				errhint("What was kept is what the model saw.  Score the source as it was then, or a version with the same inputs."));
}

/* What a version refuses does not matter: it was not kept. */
static bool
same_feature(const SbkFeature *recorded, const SbkFeature *challenger)
{
	if (recorded->categorical != challenger->categorical)
		return false;
	if (!recorded->categorical)
		return true;
	if (!same_levels(recorded, challenger))
		return false;
	return recorded->on_unseen == SBK_UNSEEN_ERROR ||
		(recorded->on_unseen == challenger->on_unseen &&
		 (recorded->on_unseen != SBK_UNSEEN_LEVEL ||
		  recorded->unseen_code == challenger->unseen_code));
}

static bool
same_levels(const SbkFeature *a, const SbkFeature *b)
{
	int			i;

	if (a->num_level != b->num_level)
		return false;
	for (i = 0; i < a->num_level; i++)
	{
		if (strcmp(a->level_names[i], b->level_names[i]) != 0)
			return false;
	}
	return true;
}

static const float *
read_scores(ArrayType *array, int *n)
{
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_HASNULL(array))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("a score cannot be null"));
	return (const float *) ARR_DATA_PTR(array);
}

/* As golden rows are compared: each difference, relative to the larger value. */
static bool
is_within(double tolerance, const float *said, const float *says, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		double		size = Max(fabs(said[i]), fabs(says[i]));

		if (said[i] == says[i])
			continue;
		if (!isfinite(said[i]) || !isfinite(says[i]) ||
			fabs((double) said[i] - says[i]) > tolerance * size)
			return false;
	}
	return true;
}
