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

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "engine/link.h"
#include "sql/call.h"

/* of all that is added up */
#define ADDITIVITY_LIMIT	0.01

PG_FUNCTION_INFO_V1(sbk_sql_explain);
PG_FUNCTION_INFO_V1(sbk_sql_explain_inputs);
PG_FUNCTION_INFO_V1(sbk_sql_reasons);

/* One output of one row. */
typedef struct Explanation
{
	const SbkModel *model;
	const float *inputs;		/* of each feature, as the model saw it */
	const float *contributions; /* of each feature */
	float		base_value;
	float		additivity_error;
	double		size;			/* of all that is added up, without its signs */
	const char *class;			/* or number of the output; NULL where there
								 * is but one output, and no class */
	int		   *order;			/* features, the largest contribution first */
} Explanation;

static void explain_call(FunctionCallInfo fcinfo, int class_argument,
						 Explanation *explanation);
static void explain_row(FunctionCallInfo fcinfo, int class_argument,
						SbkModel *model, const SbkRow *row,
						Explanation *explanation);
static void check_additivity(const Explanation *explanation);
static int	predicted_output(const SbkModel *model, const float *margins);
static int	named_output(const SbkModel *model, const char *name);
static int	num_names(const SbkModel *model);
static int	output_class(const SbkModel *model, int output);
static int *ranking(const float *contributions, int n);
static int	compare_contributions(const void *a, const void *b, void *arg);
static int	row_limit(FunctionCallInfo fcinfo, int argument);
static void put_rows(FunctionCallInfo fcinfo, int limit,
					 const Explanation *explanation);
static void put_row(ReturnSetInfo *result, const Explanation *explanation,
					const char *feature, const char *value,
					float contribution);
static bool is_adverse_only(FunctionCallInfo fcinfo, int argument);
static void push_reason(JsonbParseState **state,
						const Explanation *explanation, int feature);
static void push_field(JsonbParseState **state, const char *key,
					   JsonbValue *value);
static JsonbValue json_text(const char *text);
static JsonbValue json_number(float number);
static const char *input_level(const SbkFeature *feature, float input);
static char *shortest(float number);

Datum
sbk_sql_explain(PG_FUNCTION_ARGS)
{
	Explanation explanation;
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
	Explanation explanation;
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
	JsonbParseState *state = NULL;
	Explanation explanation;
	int			limit = PG_ARGISNULL(2) ? PG_INT32_MAX : PG_GETARG_INT32(2);
	bool		adverse_only;
	int			i;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (limit < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the number of reasons cannot be negative"));
	adverse_only = is_adverse_only(fcinfo, 3);

	explain_call(fcinfo, 4, &explanation);
	check_additivity(&explanation);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (i = 0; i < explanation.model->num_feature && limit > 0; i++)
	{
		float		contribution = explanation.contributions[explanation.order[i]];

		if (contribution == 0 || (adverse_only && contribution < 0))
			continue;
		push_reason(&state, &explanation, explanation.order[i]);
		limit--;
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY,
													   NULL)));
}

static void
explain_call(FunctionCallInfo fcinfo, int class_argument,
			 Explanation *explanation)
{
	SbkCallSite *site = sbk_call_site(fcinfo);
	SbkModel   *model = sbk_call_input(fcinfo, site);

	explain_row(fcinfo, class_argument, model, &site->row, explanation);
}

static void
explain_row(FunctionCallInfo fcinfo, int class_argument, SbkModel *model,
			const SbkRow *row, Explanation *explanation)
{
	float	   *contributions;
	float	   *margins;
	double		sum;
	int			output;
	int			i;

	contributions =
		sbk_model_explain(model, row->values, 1,
						  model->base_margin ? &row->base_margin : NULL,
						  &margins);
	output = PG_ARGISNULL(class_argument) ?
		predicted_output(model, margins) :
		named_output(model,
					 text_to_cstring(PG_GETARG_TEXT_PP(class_argument)));
	contributions += (Size) output * (model->num_feature + 1);

	explanation->model = model;
	explanation->inputs = row->values;
	explanation->contributions = contributions;
	explanation->base_value = contributions[model->num_feature];
	sum = explanation->base_value;
	explanation->size = fabs(sum);
	for (i = 0; i < model->num_feature; i++)
	{
		sum += contributions[i];
		explanation->size += fabs(contributions[i]);
	}
	explanation->additivity_error = margins[output] - sum;
	explanation->class = num_names(model) == 1 ? NULL :
		sbk_model_class_label(model, output_class(model, output));
	explanation->order = ranking(contributions, model->num_feature);
}

/* Reasons do not show how far off they are, so they must not be. */
static void
check_additivity(const Explanation *explanation)
{
	if (fabs(explanation->additivity_error) > ADDITIVITY_LIMIT * explanation->size)
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("the contributions to a score of model \"%s\" do not add up",
					   explanation->model->label),
				errdetail("They are off by %g; XGBoost computes them in float4, which loses much where a path splits on many features.",
						  explanation->additivity_error),
				errhint("scorebook.explain shows them, and how far they are off."));
}

/* The class that predict_class would give; of targets, none is predicted. */
static int
predicted_output(const SbkModel *model, const float *margins)
{
	float	   *values;
	int			n = model->num_output;
	int			best = 0;
	int			i;

	if (n == 1)
		return 0;
	if (sbk_family_classes(model->family, n) == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("model \"%s\" has %d outputs", model->label, n),
				errdetail("Its objective is %s; an explanation is of one output.",
						  model->objective),
				errhint("Say which one with class => '0' to '%d'.", n - 1));

	/* where probabilities are equal, though margins are not, the first wins */
	values = palloc(mul_size(n, sizeof(float)));
	memcpy(values, margins, n * sizeof(float));
	if (model->family == SBK_FAMILY_MULTI_PROBABILITY)
		sbk_link_softmax(values, n);
	for (i = 1; i < n; i++)
	{
		if (values[i] > values[best])
			best = i;
	}
	pfree(values);
	return best;
}

/* The output that a class label, or the number of an output, stands for. */
static int
named_output(const SbkModel *model, const char *name)
{
	int			n = num_names(model);
	int			i;

	if (n == 1)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("model \"%s\" has one output and no classes",
					   model->label),
				errhint("Leave out the argument class."));
	for (i = 0; i < n; i++)
	{
		char	   *label = sbk_model_class_label(model, i);

		if (strcmp(label, name) == 0)
			break;
		if (model->num_class == 0)
			pfree(label);
	}
	if (i == n)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("model \"%s\" has no class \"%s\"", model->label,
					   name),
				model->num_class > 0 ?
				errhint("scorebook.model_card lists the classes.") :
				errhint("They are numbered from '0' to '%d'.", n - 1));

	/* the one output of two classes is that of the second */
	if (i != output_class(model, 0) && model->num_output == 1)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("model \"%s\" is explained for its class \"%s\"",
					   model->label,
					   sbk_model_class_label(model, output_class(model, 0))),
				errhint("Contributions to class \"%s\" are these, with the other sign.",
						name));
	return model->num_output == 1 ? 0 : i;
}

/* How many classes or outputs can be named; 1 where there is no choice. */
static int
num_names(const SbkModel *model)
{
	return Max(model->num_output,
			   sbk_family_classes(model->family, model->num_output));
}

static int
output_class(const SbkModel *model, int output)
{
	return model->num_output == 1 ? 1 : output;
}

/* Features by falling size of their contributions, then in their own order. */
static int *
ranking(const float *contributions, int n)
{
	int		   *order = palloc(mul_size(n, sizeof(int)));
	int			i;

	for (i = 0; i < n; i++)
		order[i] = i;
	qsort_arg(order, n, sizeof(int), compare_contributions,
			  unconstify(float *, contributions));
	return order;
}

static int
compare_contributions(const void *a, const void *b, void *arg)
{
	const float *contributions = arg;
	int			left = *(const int *) a;
	int			right = *(const int *) b;
	float		left_size = fabsf(contributions[left]);
	float		right_size = fabsf(contributions[right]);

	if (left_size != right_size)
		return left_size > right_size ? -1 : 1;
	return left < right ? -1 : 1;
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
put_rows(FunctionCallInfo fcinfo, int limit, const Explanation *explanation)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const SbkModel *model = explanation->model;
	double		others = 0;
	int			i;

	for (i = 0; i < Min(limit, model->num_feature); i++)
	{
		int			j = explanation->order[i];
		const SbkFeature *feature = &model->features[j];
		float		input = explanation->inputs[j];

		put_row(result, explanation, feature->name,
				isnan(input) ? NULL :
				feature->categorical ? input_level(feature, input) :
				shortest(input),
				explanation->contributions[j]);
	}
	for (; i < model->num_feature; i++)
		others += explanation->contributions[explanation->order[i]];
	if (limit < model->num_feature)
		put_row(result, explanation, "(other features)", NULL, others);
}

static void
put_row(ReturnSetInfo *result, const Explanation *explanation,
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
static bool
is_adverse_only(FunctionCallInfo fcinfo, int argument)
{
	char	   *direction = PG_ARGISNULL(argument) ? "null" :
		text_to_cstring(PG_GETARG_TEXT_PP(argument));

	if (strcmp(direction, "adverse") == 0)
		return true;
	if (strcmp(direction, "both") != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("there is no direction \"%s\" of reasons", direction),
				errhint("\"adverse\" are those that push the score up, \"both\" all of them."));
	return false;
}

static void
push_reason(JsonbParseState **state, const Explanation *explanation,
			int feature)
{
	const SbkFeature *described = &explanation->model->features[feature];
	float		input = explanation->inputs[feature];
	JsonbValue	name = json_text(described->name);
	JsonbValue	value = {.type = jbvNull};
	JsonbValue	contribution = json_number(explanation->contributions[feature]);

	if (!isnan(input))
		value = described->categorical ?
			json_text(input_level(described, input)) : json_number(input);

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_field(state, "feature", &name);
	push_field(state, "value", &value);
	push_field(state, "contribution", &contribution);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_field(JsonbParseState **state, const char *key, JsonbValue *value)
{
	JsonbValue	name = json_text(key);

	pushJsonbValue(state, WJB_KEY, &name);
	pushJsonbValue(state, WJB_VALUE, value);
}

static JsonbValue
json_text(const char *text)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	return value;
}

static JsonbValue
json_number(float number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric =
		DatumGetNumeric(DirectFunctionCall3(numeric_in,
											CStringGetDatum(shortest(number)),
											ObjectIdGetDatum(InvalidOid),
											Int32GetDatum(-1)));
	return value;
}

/* Inputs are codes; binding has checked that they are in range. */
static const char *
input_level(const SbkFeature *feature, float input)
{
	return feature->level_names[(int) input];
}

/*
 * The shortest digits that are this number, whatever extra_float_digits says,
 * and 0 for minus zero.
 */
static char *
shortest(float number)
{
	char	   *digits = palloc(FLOAT_SHORTEST_DECIMAL_LEN);

	float_to_shortest_decimal_buf(number + 0.0f, digits);
	return digits;
}
