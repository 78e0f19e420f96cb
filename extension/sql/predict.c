/*
 * predict.c
 *		The scoring functions.
 *
 * All of them do the same: find the model that the reference stands for, read
 * the inputs from the row, the JSON object or the array, score, and shape the
 * result.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "sql/call.h"

PG_FUNCTION_INFO_V1(sbk_sql_predict);
PG_FUNCTION_INFO_V1(sbk_sql_predict_proba);
PG_FUNCTION_INFO_V1(sbk_sql_predict_class);
PG_FUNCTION_INFO_V1(sbk_sql_predict_vector);
PG_FUNCTION_INFO_V1(sbk_sql_predict_margin);
PG_FUNCTION_INFO_V1(sbk_sql_predict_leaf);
PG_FUNCTION_INFO_V1(sbk_sql_predict_set);

static const float *score(FunctionCallInfo fcinfo, SbkPredictionKind kind,
						  SbkCallSite **site, SbkModel **model, Size *width);
static float *class_probabilities(SbkCallSite *site, const SbkModel *model,
								  const float *values, int *n);
static SbkPredictionKind probability_kind(const SbkModel *model);
static const float *score_model(SbkCallSite *site, SbkModel *model,
								SbkPredictionKind kind, Size *width);
pg_noreturn static void refuse_probabilities(const SbkModel *model);

Datum
sbk_sql_predict(PG_FUNCTION_ARGS)
{
	SbkCallSite *site = sbk_call_site(fcinfo);
	SbkModel   *model = sbk_call_input(fcinfo, site);
	Size		width;

	if (sbk_family_width(model->family, model->num_output) > 1)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" has %d outputs", model->label,
					   model->num_output),
				errdetail("Its objective is %s, and predict gives one number.",
						  model->objective),
				sbk_family_classes(model->family, model->num_output) > 0 ?
				errhint("Use scorebook.predict_vector for all of them, scorebook.predict_proba for probabilities or scorebook.predict_class for the likeliest class.") :
				errhint("Use scorebook.predict_vector for all of them."));
	PG_RETURN_FLOAT4(score_model(site, model, SBK_PREDICT_VALUE, &width)[0]);
}

Datum
sbk_sql_predict_vector(PG_FUNCTION_ARGS)
{
	SbkCallSite *site;
	SbkModel   *model;
	Size		width;
	const float *values = score(fcinfo, SBK_PREDICT_VALUE, &site, &model,
								&width);

	return sbk_real_array(values, width);
}

Datum
sbk_sql_predict_margin(PG_FUNCTION_ARGS)
{
	SbkCallSite *site;
	SbkModel   *model;
	Size		width;
	const float *values = score(fcinfo, SBK_PREDICT_MARGIN, &site, &model,
								&width);

	return sbk_real_array(values, width);
}

Datum
sbk_sql_predict_leaf(PG_FUNCTION_ARGS)
{
	SbkCallSite *site;
	SbkModel   *model;
	Size		width;
	const float *values = score(fcinfo, SBK_PREDICT_LEAF, &site, &model,
								&width);
	Datum	   *leaves = palloc(mul_size(width, sizeof(Datum)));
	Size		i;

	for (i = 0; i < width; i++)
		leaves[i] = Int32GetDatum((int32) values[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(leaves, width, INT4OID,
										  sizeof(int32), true, TYPALIGN_INT));
}

Datum
sbk_sql_predict_proba(PG_FUNCTION_ARGS)
{
	SbkCallSite *site = sbk_call_site(fcinfo);
	SbkModel   *model = sbk_call_input(fcinfo, site);
	SbkPredictionKind kind = probability_kind(model);
	Size		width;
	const float *values = score_model(site, model, kind, &width);
	int			n;
	float	   *probabilities = class_probabilities(site, model, values, &n);

	return sbk_real_array(probabilities, n);
}

Datum
sbk_sql_predict_class(PG_FUNCTION_ARGS)
{
	SbkCallSite *site = sbk_call_site(fcinfo);
	SbkModel   *model = sbk_call_input(fcinfo, site);
	Size		width;
	const float *values;

	if (sbk_family_classes(model->family, model->num_output) == 0)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" has no classes", model->label),
				errdetail("Its objective is %s.", model->objective),
				errhint("Use scorebook.predict or scorebook.predict_vector."));
	values = score_model(site, model, SBK_PREDICT_VALUE, &width);
	PG_RETURN_TEXT_P(cstring_to_text(sbk_model_class_label(model,
														   sbk_model_class(model, values))));
}

/* Classes by falling probability; of equal ones, the lower index comes first. */
Datum
sbk_sql_predict_set(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SbkCallSite *site;
	SbkModel   *model;
	const float *values;
	float	   *probabilities;
	float		least = PG_ARGISNULL(3) ? 0 : PG_GETARG_FLOAT4(3);
	int			limit = PG_ARGISNULL(2) ? PG_INT32_MAX : PG_GETARG_INT32(2);
	Size		width;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	if (limit < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the number of classes cannot be negative"));
	if (isnan(least))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the cutoff must be a number"));

	site = sbk_call_site(fcinfo);
	model = sbk_call_input(fcinfo, site);
	values = score_model(site, model, probability_kind(model), &width);
	probabilities = class_probabilities(site, model, values, &n);

	for (; limit > 0 && n > 0; limit--)
	{
		Datum		columns[2];
		bool		nulls[2] = {false, false};
		int			best = 0;
		int			i;

		for (i = 1; i < n; i++)
		{
			if (probabilities[i] > probabilities[best])
				best = i;
		}
		if (probabilities[best] < least)
			break;
		columns[0] = CStringGetTextDatum(sbk_model_class_label(model, best));
		columns[1] = Float4GetDatum(probabilities[best]);
		tuplestore_putvalues(result->setResult, result->setDesc, columns, nulls);
		probabilities[best] = -1;	/* taken */
		for (i = 0; i < n && probabilities[i] < 0; i++)
			;
		if (i == n)
			break;
	}
	return (Datum) 0;
}

static const float *
score(FunctionCallInfo fcinfo, SbkPredictionKind kind, SbkCallSite **site,
	  SbkModel **model, Size *width)
{
	*site = sbk_call_site(fcinfo);
	*model = sbk_call_input(fcinfo, *site);
	return score_model(*site, *model, kind, width);
}

static const float *
score_model(SbkCallSite *site, SbkModel *model, SbkPredictionKind kind,
			Size *width)
{
	const float *values =
		sbk_model_predict(model, site->row.values, 1,
						  model->base_margin ? &site->row.base_margin : NULL,
						  kind, width);
	Size		expected = model->num_output;

	if (kind == SBK_PREDICT_VALUE)
		expected = sbk_family_width(model->family, model->num_output);
	if (kind != SBK_PREDICT_LEAF && *width != expected)
		ereport(ERROR,
				errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				errmsg("model \"%s\" gave %zu values instead of %zu",
					   model->label, *width, expected));
	return values;
}

/* A model that predicts classes has its probabilities in its margins. */
static SbkPredictionKind
probability_kind(const SbkModel *model)
{
	switch (model->family)
	{
		case SBK_FAMILY_BINARY_PROBABILITY:
		case SBK_FAMILY_MULTI_PROBABILITY:
			return SBK_PREDICT_VALUE;
		case SBK_FAMILY_MULTI_CLASS:
			return SBK_PREDICT_MARGIN;
		case SBK_FAMILY_BINARY_MARGIN:
		case SBK_FAMILY_BINARY_CLASS:
		case SBK_FAMILY_VALUE:
			break;
	}
	refuse_probabilities(model);
}

/* The values are of the kind that probability_kind() asked for. */
static float *
class_probabilities(SbkCallSite *site, const SbkModel *model,
					const float *values, int *n)
{
	float	   *probabilities = site->outputs;

	*n = sbk_family_classes(model->family, model->num_output);
	if (model->family == SBK_FAMILY_BINARY_PROBABILITY)
	{
		probabilities[0] = 1.0f - values[0];
		probabilities[1] = values[0];
		return probabilities;
	}
	memcpy(probabilities, values, *n * sizeof(float));
	if (model->family == SBK_FAMILY_MULTI_CLASS)
	{
		sbk_link_softmax(probabilities, *n);
		if (isnan(probabilities[0]))
			ereport(ERROR,
					errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("the margins of model \"%s\" are too large for probabilities",
						   model->label));
	}
	return probabilities;
}

static void
refuse_probabilities(const SbkModel *model)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("model \"%s\" gives no probabilities", model->label),
			errdetail("Its objective is %s.", model->objective),
			errhint("Probabilities come from the objectives binary:logistic, multi:softprob and multi:softmax; use scorebook.predict or scorebook.predict_vector."));
}
