/*
 * explain.c
 *		Why a row has its score.
 *
 * XGBoost splits the margin of a row into a base value and what each feature
 * adds to it (TreeSHAP; for gblinear, weight times value).  Both functions
 * explain one output: of a multi-class model, the class that it predicts for
 * the row, unless the caller names another one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "registry/explanation.h"
#include "sql/call.h"

PG_FUNCTION_INFO_V1(sbk_sql_explain);
PG_FUNCTION_INFO_V1(sbk_sql_explain_inputs);
PG_FUNCTION_INFO_V1(sbk_sql_reasons);
PG_FUNCTION_INFO_V1(sbk_sql_check_explainable);

static void explain_call(FunctionCallInfo fcinfo, int class_argument,
						 SbkExplanation *explanation);
static void explain_row(FunctionCallInfo fcinfo, int class_argument,
						SbkModel *model, const SbkRow *row,
						SbkExplanation *explanation);
static int	row_limit(FunctionCallInfo fcinfo, int argument);
static void put_rows(FunctionCallInfo fcinfo, int limit,
					 const SbkExplanation *explanation);
static void put_row(ReturnSetInfo *result, const SbkExplanation *explanation,
					const char *feature, const char *value,
					float contribution);
static SbkDirection read_direction(FunctionCallInfo fcinfo, int argument);

Datum
sbk_sql_explain(PG_FUNCTION_ARGS)
{
	SbkExplanation explanation;
	int			limit;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	limit = row_limit(fcinfo, 2);
	explain_call(fcinfo, 3, &explanation);
	put_rows(fcinfo, limit, &explanation);
	return (Datum) 0;
}

/* The same of inputs that were kept, by the version that was recorded. */
Datum
sbk_sql_explain_inputs(PG_FUNCTION_ARGS)
{
	SbkModelUse *use = fcinfo->flinfo->fn_extra;
	SbkModel   *model;
	SbkRow		row;
	SbkExplanation explanation;
	bool		changed;
	int			limit;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return (Datum) 0;
	limit = row_limit(fcinfo, 3);
	if (use == NULL)
	{
		use = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
									 sizeof(SbkModelUse));
		sbk_model_use_init(use, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = use;
	}
	model = sbk_model_use_recorded(use, PG_GETARG_INT32(0), PG_GETARG_INT32(1),
								   &changed);
	row.values = palloc(mul_size(model->num_feature, sizeof(float)));
	sbk_read_kept(model, PG_GETARG_ARRAYTYPE_P(2), &row);
	explain_row(fcinfo, 4, model, &row, &explanation);
	put_rows(fcinfo, limit, &explanation);
	return (Datum) 0;
}

/* An array of the features with the largest contributions, those of 0 left out. */
Datum
sbk_sql_reasons(PG_FUNCTION_ARGS)
{
	SbkExplanation explanation;
	int			limit = PG_ARGISNULL(2) ? PG_INT32_MAX : PG_GETARG_INT32(2);
	SbkDirection direction;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (limit < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the number of reasons cannot be negative"));
	direction = read_direction(fcinfo, 3);

	explain_call(fcinfo, 4, &explanation);
	PG_RETURN_JSONB_P(sbk_explanation_reasons(&explanation, limit, direction));
}

/*
 * Throws where the installed library cannot explain the model, or there is no
 * telling which of its outputs is to be explained.
 */
Datum
sbk_sql_check_explainable(PG_FUNCTION_ARGS)
{
	text	   *reference = PG_GETARG_TEXT_PP(0);
	SbkModelUse *use = palloc0(sizeof(SbkModelUse));
	SbkModel   *model;
	bool		changed;

	sbk_model_use_init(use, CurrentMemoryContext);
	model = sbk_model_use(use, VARDATA_ANY(reference),
						  VARSIZE_ANY_EXHDR(reference), true, &changed);
	if (model->num_output > 1 &&
		sbk_family_classes(model->family, model->num_output) == 0)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" has %d outputs, and an explanation is of one",
					   model->label, model->num_output));
	sbk_model_prepare(model, true);
	PG_RETURN_VOID();
}

static void
explain_call(FunctionCallInfo fcinfo, int class_argument,
			 SbkExplanation *explanation)
{
	SbkCallSite *site = sbk_call_site(fcinfo);
	SbkModel   *model = sbk_call_input(fcinfo, site);

	explain_row(fcinfo, class_argument, model, &site->row, explanation);
}

static void
explain_row(FunctionCallInfo fcinfo, int class_argument, SbkModel *model,
			const SbkRow *row, SbkExplanation *explanation)
{
	float	   *margins;
	float	   *contributions =
		sbk_model_explain(model, row->values, 1,
						  model->base_margin ? &row->base_margin : NULL,
						  &margins);

	sbk_explanation_make(model, PG_ARGISNULL(class_argument) ? NULL :
						 text_to_cstring(PG_GETARG_TEXT_PP(class_argument)),
						 row->values, contributions, margins, explanation);
}

static int
row_limit(FunctionCallInfo fcinfo, int argument)
{
	int			limit = PG_ARGISNULL(argument) ? PG_INT32_MAX :
		PG_GETARG_INT32(argument);

	if (limit < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the number of features cannot be negative"));
	return limit;
}

/* A row for each feature, up to the limit, and one for the sum of the others. */
static void
put_rows(FunctionCallInfo fcinfo, int limit, const SbkExplanation *explanation)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const SbkModel *model = explanation->model;
	double		others = 0;
	int			i;

	for (i = 0; i < Min(limit, model->num_feature); i++)
	{
		int			j = explanation->order[i];

		put_row(result, explanation, model->features[j].name,
				sbk_explanation_input(explanation, j),
				explanation->contributions[j]);
	}
	for (; i < model->num_feature; i++)
		others += explanation->contributions[explanation->order[i]];
	if (limit < model->num_feature)
		put_row(result, explanation, "(other features)", NULL, others);
}

static void
put_row(ReturnSetInfo *result, const SbkExplanation *explanation,
		const char *feature, const char *value, float contribution)
{
	Datum		columns[6];
	bool		nulls[6] = {false};

	columns[0] = CStringGetTextDatum(feature);
	nulls[1] = value == NULL;
	columns[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(value);
	columns[2] = Float4GetDatum(contribution);
	nulls[3] = explanation->class == NULL;
	columns[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(explanation->class);
	columns[4] = Float4GetDatum(explanation->base_value);
	columns[5] = Float4GetDatum(explanation->additivity_error);
	tuplestore_putvalues(result->setResult, result->setDesc, columns, nulls);
}

/* The direction of reasons: 'adverse', or 'both'. */
static SbkDirection
read_direction(FunctionCallInfo fcinfo, int argument)
{
	char	   *direction = PG_ARGISNULL(argument) ? "null" :
		text_to_cstring(PG_GETARG_TEXT_PP(argument));

	if (strcmp(direction, "adverse") == 0)
		return SBK_PUSHES_UP;
	if (strcmp(direction, "both") != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("there is no direction \"%s\" of reasons", direction),
				errhint("\"adverse\" are those that push the score up, \"both\" all of them."));
	return SBK_PUSHES_EITHER;
}
