/*
 * explanation.c
 *		Why a row has its score: contributions, ranked and named.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "engine/link.h"
#include "registry/explanation.h"

/* of all that is added up */
#define ADDITIVITY_LIMIT	0.01

static void check_additivity(const SbkExplanation *explanation);
static int	predicted_output(const SbkModel *model, const float *margins);
static int	named_output(const SbkModel *model, const char *name);
static int	num_names(const SbkModel *model);
static int	output_class(const SbkModel *model, int output);
static int *ranking(const float *contributions, int n);
static int	compare_contributions(const void *a, const void *b, void *arg);
static void push_reason(JsonbParseState **state,
						const SbkExplanation *explanation, int feature);
static void push_field(JsonbParseState **state, const char *key,
					   JsonbValue *value);
static JsonbValue json_text(const char *text);
static JsonbValue json_number(float number);
static const char *input_level(const SbkFeature *feature, float input);
static char *shortest(float number);

void
sbk_explanation_make(const SbkModel *model, const char *class,
					 const float *inputs, const float *contributions,
					 const float *margins, SbkExplanation *explanation)
{
	int			output = class == NULL ? predicted_output(model, margins) :
		named_output(model, class);
	double		sum;
	int			i;

	contributions += (Size) output * (model->num_feature + 1);
	explanation->model = model;
	explanation->inputs = inputs;
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

const char *
sbk_explanation_input(const SbkExplanation *explanation, int feature)
{
	const SbkFeature *described = &explanation->model->features[feature];
	float		input = explanation->inputs[feature];

	if (isnan(input))
		return NULL;
	return described->categorical ? input_level(described, input) :
		shortest(input);
}

Jsonb *
sbk_explanation_reasons(const SbkExplanation *explanation, int limit,
						SbkDirection direction)
{
	JsonbParseState *state = NULL;
	int			i;

	check_additivity(explanation);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (i = 0; i < explanation->model->num_feature && limit > 0; i++)
	{
		float		contribution = explanation->contributions[explanation->order[i]];

		if (contribution == 0 ||
			(direction == SBK_PUSHES_UP && contribution < 0) ||
			(direction == SBK_PUSHES_DOWN && contribution > 0))
			continue;
		push_reason(&state, explanation, explanation->order[i]);
		limit--;
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/* Reasons do not show how far off they are, so they must not be. */
static void
check_additivity(const SbkExplanation *explanation)
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

static void
push_reason(JsonbParseState **state, const SbkExplanation *explanation,
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
