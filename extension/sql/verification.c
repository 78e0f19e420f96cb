/*
 * verification.c
 *		Proving that a version is scored right.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "engine/verify.h"
#include "registry/admission.h"
#include "registry/compiled.h"
#include "sql/call.h"
#include "xgboost/trial.h"

/* Half of the probe rows have no base margin; these are some of them. */
#define FIRST_VALUES	512

PG_FUNCTION_INFO_V1(sbk_sql_try_model);
PG_FUNCTION_INFO_V1(sbk_sql_score_golden);
PG_FUNCTION_INFO_V1(sbk_sql_bound_inputs);

static void try_in_library(SbkEngine *engine, const SbkLibrary *library,
						   const SbkSummary *summary,
						   const SbkArtifact *artifact, char **reason,
						   SbkVerification *verification, StringInfo report);
static bool gives_numbers(const SbkVerification *verification);
static void check_outputs(SbkEngine *engine, const SbkSummary *summary);
static void read_golden(const SbkModel *model, JsonbValue *inputs, SbkRow *row);
static ArrayType *numbers_of(const SbkModel *model, JsonbContainer *array);
static void append_input(StringInfo json, const char *name,
						 const SbkFeature *feature, float value);

/*
 * Compiles a model, and has the library judge it, in a process of its own: the
 * reason is null where it
 * did.  Native says that the native engine may serve the model: it gave the
 * same bits, or could not be compared but knows the objective.
 */
Datum
sbk_sql_try_model(PG_FUNCTION_ARGS)
{
	char	   *label = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const SbkLibrary *library = NULL;
	SbkArtifact artifact;
	SbkArtifact translated;
	SbkSummary *summary;
	SbkCanonical *canonical;
	SbkForest  *forest;
	SbkEngine  *engine;
	SbkVerification verification = {.worst_difference = 0};
	uint8		digest[SBK_SHA256_LENGTH];
	char	   *reason = NULL;
	StringInfoData report;
	TupleDesc	desc;
	Datum		values[8];
	bool		nulls[8] = {false};
	bool		native;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	sbk_artifact_copy(PG_GETARG_DATUM(1), label, true, &artifact);
	sbk_artifact_digest(&artifact, digest);
	summary = sbk_artifact_compile(CurrentMemoryContext, label, &artifact,
								   CurrentMemoryContext, &forest, &canonical);
	engine = sbk_engine_open(CurrentMemoryContext, label, forest,
							 PG_GETARG_INT32(2));
	initStringInfo(&report);
	PG_TRY();
	{
		library = sbk_trial_start(label);
		sbk_artifact_translate(canonical, summary, library->version,
							   &translated);
		try_in_library(engine, library, summary, &translated, &reason,
					   &verification, &report);
	}
	PG_FINALLY();
	{
		sbk_trial_end();
	}
	PG_END_TRY();

	native = forest->link != SBK_LINK_UNKNOWN &&
		(reason != NULL || verification.same);
	if (reason != NULL && !native)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" has the objective \"%s\", which nothing here can score",
					   label, summary->objective),
				errdetail("%s The native engine does not know it either.", reason),
				errhint("Install a newer XGBoost for the server, or train the model with another objective."));

	values[0] = CStringGetTextDatum(psprintf("%d.%d.%d", library->version[0],
											 library->version[1],
											 library->version[2]));
	nulls[1] = reason == NULL;
	if (reason != NULL)
		values[1] = CStringGetTextDatum(reason);
	values[2] = Int32GetDatum(verification.rows);
	nulls[3] = reason != NULL;
	values[3] = Float4GetDatum(verification.worst_difference);
	values[4] = BoolGetDatum(native);
	values[5] = PointerGetDatum(sbk_compiled_store(forest, digest));
	values[6] = DirectFunctionCall1(jsonb_in, CStringGetDatum(report.data));
	nulls[7] = reason != NULL;
	values[7] = sbk_real_array(verification.values, verification.num_value);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

static void
try_in_library(SbkEngine *engine, const SbkLibrary *library,
			   const SbkSummary *summary, const SbkArtifact *artifact,
			   char **reason, SbkVerification *verification,
			   StringInfo report)
{
	TimestampTz start = GetCurrentTimestamp();
	TimestampTz loaded;

	sbk_engine_load(engine, library, summary, artifact->bytes, artifact->len,
					reason);
	if (*reason != NULL)
	{
		appendStringInfoString(report, "{\"loaded\": false}");
		return;
	}
	loaded = GetCurrentTimestamp();
	check_outputs(engine, summary);
	sbk_engine_verify(engine, verification);
	if (!gives_numbers(verification))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("the model gives no score that is a number"),
				errdetail("Its base score is %s, and its objective %s.",
						  summary->base_score, summary->objective));
	appendStringInfo(report,
					 "{\"loaded\": true, \"rounds\": %d, \"features\": %d, \"outputs\": %d, \"load_ms\": %.1f, \"verify_ms\": %.1f}",
					 summary->num_round, summary->num_feature,
					 summary->num_output, (loaded - start) / 1000.0,
					 (GetCurrentTimestamp() - loaded) / 1000.0);
}

/* On the first of the probe rows, which have no base margin. */
static bool
gives_numbers(const SbkVerification *verification)
{
	int			i;

	for (i = 0; i < Min(verification->num_value, FIRST_VALUES); i++)
	{
		if (isfinite(verification->values[i]))
			return true;
	}
	return false;
}

/* In one row without any value. */
static void
check_outputs(SbkEngine *engine, const SbkSummary *summary)
{
	float	   *row = palloc(mul_size(summary->num_feature, sizeof(float)));
	Size		width;
	int			i;

	for (i = 0; i < summary->num_feature; i++)
		row[i] = get_float4_nan();
	sbk_engine_predict(engine, false, row, 1, NULL, SBK_PREDICT_MARGIN, &width);
	if (width != summary->num_output)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("the model is not what its file says"),
				errdetail("The file says %d outputs, XGBoost gives %zu.",
						  summary->num_output, width));
	pfree(row);
}

/* One array of values for each element of the list of inputs. */
Datum
sbk_sql_score_golden(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	text	   *label = PG_GETARG_TEXT_PP(0);
	bool		native = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(1)),
								"native") == 0;
	Jsonb	   *list = PG_GETARG_JSONB_P(2);
	SbkReference reference;
	SbkResolved resolved;
	SbkModel   *model;
	SbkRow		row;
	uint32		i;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	sbk_reference_parse(VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label),
						&reference);
	sbk_reference_resolve(&reference, "score", &resolved);
	model = sbk_model_read(CurrentMemoryContext, &resolved);
	sbk_model_open(CurrentMemoryContext, model);
	row.values = palloc(mul_size(model->num_feature, sizeof(float)));
	for (i = 0; i < JsonContainerSize(&list->root); i++)
	{
		const float *scores;
		Size		width;
		Datum		value;
		bool		isnull = false;

		read_golden(model, getIthJsonbValueFromContainer(&list->root, i), &row);
		scores = sbk_model_predict_by(model, native, row.values, 1,
									  model->base_margin ? &row.base_margin : NULL,
									  SBK_PREDICT_VALUE, &width);
		value = sbk_real_array(scores, width);
		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}

static void
read_golden(const SbkModel *model, JsonbValue *inputs, SbkRow *row)
{
	Jsonb	   *json = JsonbValueToJsonb(inputs);

	if (JB_ROOT_IS_ARRAY(json))
		sbk_read_array(model, numbers_of(model, &json->root), row);
	else
		sbk_read_jsonb(model, json, row);
}

/* A JSON array of numbers and nulls as one of SQL. */
static ArrayType *
numbers_of(const SbkModel *model, JsonbContainer *array)
{
	int			n = JsonContainerSize(array);
	Datum	   *values = palloc(mul_size(n, sizeof(Datum)));
	bool	   *nulls = palloc0(mul_size(n, sizeof(bool)));
	int			lower = 1;
	int			i;

	for (i = 0; i < n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		if (value->type == jbvNull)
			nulls[i] = true;
		else if (value->type == jbvNumeric)
			values[i] = DirectFunctionCall1(numeric_float8,
											NumericGetDatum(value->val.numeric));
		else
			ereport(ERROR,
					errcode(ERRCODE_DATATYPE_MISMATCH),
					errmsg("a golden row of model \"%s\" has an input that is not a number",
						   model->label),
					errhint("In an array, levels are given by their codes; in an object, by their names."));
	}
	return construct_md_array(values, nulls, 1, &n, &lower, FLOAT8OID,
							  sizeof(float8), true, TYPALIGN_DOUBLE);
}

/* The inputs of a row by feature, as the model sees them. */
Datum
sbk_sql_bound_inputs(PG_FUNCTION_ARGS)
{
	SbkCallSite *site = sbk_call_site(fcinfo);
	SbkModel   *model = sbk_call_input(fcinfo, site);
	StringInfoData json;
	int			i;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (i = 0; i < model->num_feature; i++)
		append_input(&json, model->features[i].name, &model->features[i],
					 site->row.values[i]);
	if (model->base_margin)
		append_input(&json, "base margin", NULL, site->row.base_margin);
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

static void
append_input(StringInfo json, const char *name, const SbkFeature *feature,
			 float value)
{
	if (json->len > 1)
		appendStringInfoString(json, ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
	if (isnan(value))
		appendStringInfoString(json, "null");
	else if (feature != NULL && feature->categorical)
		escape_json(json, feature->level_names[(int) value]);
	else
		appendStringInfoString(json,
							   DatumGetCString(DirectFunctionCall1(float4out,
																   Float4GetDatum(value))));
}
