/*
 * model.c
 *		A version of a model, as the scoring path needs it.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "registry/admission.h"
#include "registry/catalog.h"
#include "registry/model.h"
#include "scorebook.h"

static void make_key(const SbkResolved *resolved, HeapTuple tuple,
					 SbkModelKey *key);
static HeapTuple find_version(SbkScan *scan, const SbkResolved *resolved);
static void read_version(SbkModel *model, SbkScan *scan, HeapTuple tuple);
static void read_features(SbkModel *model);
static void read_feature(SbkModel *model, SbkFeature *feature, SbkScan *scan,
						 HeapTuple tuple);
static char **read_texts(SbkScan *scan, HeapTuple tuple, int column, int *n);
static bool read_verification(SbkModel *model);
static void open_engine(SbkModel *model, MemoryContext context);
static void load_library(SbkModel *model);
static void read_artifact(SbkModel *model, SbkArtifact *artifact);
static void check_summary(SbkModel *model, const SbkSummary *summary);
static int	compare_levels(const void *a, const void *b);

void
sbk_model_find(const SbkResolved *resolved, SbkModelKey *key)
{
	SbkScan		scan;
	HeapTuple	tuple = find_version(&scan, resolved);

	make_key(resolved, tuple, key);
	sbk_scan_end(&scan);
}

SbkModel *
sbk_model_read(MemoryContext context, const SbkResolved *resolved)
{
	MemoryContext old_context = MemoryContextSwitchTo(context);
	SbkModel   *model = palloc0(sizeof(SbkModel));
	SbkScan		scan;
	HeapTuple	tuple;

	model->label = psprintf("%s/%d", resolved->name, resolved->version);
	tuple = find_version(&scan, resolved);
	make_key(resolved, tuple, &model->key);
	read_version(model, &scan, tuple);
	sbk_scan_end(&scan);
	read_features(model);
	MemoryContextSwitchTo(old_context);
	return model;
}

SbkModel *
sbk_model_load(MemoryContext context, const SbkResolved *resolved)
{
	SbkModel   *model = sbk_model_read(context, resolved);

	open_engine(model, context);
	return model;
}

const float *
sbk_model_predict(SbkModel *model, const float *rows, Size nrows,
				  const float *base_margin, SbkPredictionKind kind,
				  Size *width)
{
	bool		native = model->native && sbk_engine != SBK_ENGINE_XGBOOST;
	const float *values;
	Size		i;

	if (!native && sbk_engine == SBK_ENGINE_NATIVE)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("model \"%s\" cannot be scored natively", model->label),
				errdetail("Its verification did not find the native engine to give what XGBoost gives."),
				errhint("Set scorebook.engine to auto."));
	if (!native && !sbk_engine_loaded(model->engine))
		load_library(model);
	values = sbk_engine_predict(model->engine, native, rows, nrows,
								base_margin, kind, width);
	for (i = 0; i < nrows * *width; i++)
	{
		if (unlikely(isnan(values[i])))
			ereport(ERROR,
					errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("model \"%s\" gave a score that is not a number",
						   model->label));
	}
	return values;
}

void
sbk_model_explain(SbkModel *model, const float *rows, Size nrows,
				  const float *base_margin, float *contributions,
				  float *margins)
{
	Size		n = nrows * model->num_output * (model->num_feature + 1);
	Size		i;

	if (!sbk_engine_loaded(model->engine))
		load_library(model);
	sbk_engine_explain(model->engine, rows, nrows, base_margin, contributions,
					   margins);
	for (i = 0; i < n; i++)
	{
		if (unlikely(!isfinite(contributions[i])))
			ereport(ERROR,
					errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("model \"%s\" gave a contribution that is not a number",
						   model->label),
					errdetail("Contributions weigh each branch of a tree by the rows that it had in training; the file may not hold their numbers."));
	}
}

int
sbk_feature_code(const SbkFeature *feature, const char *name, int len)
{
	SbkLevel	wanted = {.name = name,.len = len};
	SbkLevel   *found = bsearch(&wanted, feature->levels, feature->num_level,
								sizeof(SbkLevel), compare_levels);

	return found ? found->code : -1;
}

static void
make_key(const SbkResolved *resolved, HeapTuple tuple, SbkModelKey *key)
{
	memset(key, 0, sizeof(SbkModelKey));
	key->table = tuple->t_tableOid;
	key->model_id = resolved->model_id;
	key->version = resolved->version;
	key->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	key->tid = tuple->t_self;
}

/* Leaves the scan open, on the row. */
static HeapTuple
find_version(SbkScan *scan, const SbkResolved *resolved)
{
	ScanKeyData keys[2];
	HeapTuple	tuple;

	sbk_key_int(&keys[0], Anum_version_model_id, resolved->model_id);
	sbk_key_int(&keys[1], Anum_version_version, resolved->version);
	sbk_scan_begin(scan, "model_version", "pkey", 2, keys);
	tuple = sbk_scan_next(scan, ForwardScanDirection);
	if (tuple == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("model \"%s\" has no version %d", resolved->name,
					   resolved->version));
	return tuple;
}

static void
read_version(SbkModel *model, SbkScan *scan, HeapTuple tuple)
{
	bool		isnull;
	Datum		value;

	model->objective = sbk_scan_text(scan, tuple, Anum_version_objective);
	model->num_feature =
		DatumGetInt32(sbk_scan_column(scan, tuple, Anum_version_num_feature,
									  &isnull));
	model->num_output =
		DatumGetInt32(sbk_scan_column(scan, tuple, Anum_version_num_output,
									  &isnull));
	model->family = sbk_family(model->objective, model->num_output);
	value = sbk_scan_column(scan, tuple, Anum_version_iterations, &isnull);
	model->iterations = isnull ? 0 : DatumGetInt32(value);
	value = sbk_scan_column(scan, tuple, Anum_version_missing, &isnull);
	model->has_missing = !isnull;
	model->missing = isnull ? 0 : DatumGetFloat4(value);
	model->base_margin = sbk_scan_text(scan, tuple, Anum_version_base_margin);
	model->classes = read_texts(scan, tuple, Anum_version_classes,
								&model->num_class);
	model->cutoff =
		DatumGetFloat4(sbk_scan_column(scan, tuple, Anum_version_cutoff,
									   &isnull));
	if (model->num_feature < 1 || model->num_feature > SBK_MAX_FEATURES ||
		model->num_output < 1 || model->num_output > SBK_MAX_OUTPUTS ||
		(model->num_class != 0 &&
		 model->num_class != sbk_family_classes(model->family,
												model->num_output)))
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("the registry's row of model \"%s\" is damaged",
					   model->label));
}

static void
read_features(SbkModel *model)
{
	SbkScan		scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;
	int			n = 0;

	model->features = palloc0(mul_size(model->num_feature, sizeof(SbkFeature)));
	sbk_key_int(&keys[0], Anum_feature_model_id, model->key.model_id);
	sbk_key_int(&keys[1], Anum_feature_version, model->key.version);
	sbk_scan_begin(&scan, "model_feature", "pkey", 2, keys);
	while ((tuple = sbk_scan_next(&scan, ForwardScanDirection)) != NULL)
	{
		if (n < model->num_feature)
			read_feature(model, &model->features[n], &scan, tuple);
		n++;
	}
	sbk_scan_end(&scan);
	if (n != model->num_feature)
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("the registry has %d features of model \"%s\", which has %d",
					   n, model->label, model->num_feature));
}

static void
read_feature(SbkModel *model, SbkFeature *feature, SbkScan *scan,
			 HeapTuple tuple)
{
	char	   *type = sbk_scan_text(scan, tuple, Anum_feature_type);
	char	   *on_null = sbk_scan_text(scan, tuple, Anum_feature_on_null);
	char	   *on_unseen = sbk_scan_text(scan, tuple, Anum_feature_on_unseen);
	char	   *on_inexact = sbk_scan_text(scan, tuple, Anum_feature_on_inexact);
	int			i;

	feature->name = sbk_scan_text(scan, tuple, Anum_feature_name);
	feature->column = sbk_scan_text(scan, tuple, Anum_feature_column_name);
	feature->null_is_error = strcmp(on_null, "error") == 0;
	feature->inexact_is_error = strcmp(on_inexact, "error") == 0;
	feature->categorical = strcmp(type, "categorical") == 0;
	if (!feature->categorical)
		return;

	feature->level_names = read_texts(scan, tuple, Anum_feature_levels,
									  &feature->num_level);
	feature->levels = palloc(mul_size(feature->num_level, sizeof(SbkLevel)));
	for (i = 0; i < feature->num_level; i++)
	{
		feature->levels[i].name = feature->level_names[i];
		feature->levels[i].len = strlen(feature->level_names[i]);
		feature->levels[i].code = i;
	}
	qsort(feature->levels, feature->num_level, sizeof(SbkLevel),
		  compare_levels);

	if (strcmp(on_unseen, "missing") == 0)
		feature->on_unseen = SBK_UNSEEN_MISSING;
	else if (strcmp(on_unseen, "level") == 0)
	{
		char	   *level = sbk_scan_text(scan, tuple,
										  Anum_feature_unseen_level);

		feature->on_unseen = SBK_UNSEEN_LEVEL;
		feature->unseen_code = level == NULL ? -1 :
			sbk_feature_code(feature, level, strlen(level));
		if (feature->unseen_code < 0)
			ereport(ERROR,
					errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("the registry's level for unseen values of feature \"%s\" of model \"%s\" is unknown",
						   feature->name, model->label));
	}
	else
		feature->on_unseen = SBK_UNSEEN_ERROR;
}

/* The texts of an array column; none where it is null. */
static char **
read_texts(SbkScan *scan, HeapTuple tuple, int column, int *n)
{
	bool		isnull;
	Datum		value = sbk_scan_column(scan, tuple, column, &isnull);
	Datum	   *elements;
	bool	   *nulls;
	char	  **texts;
	int			i;

	*n = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, n);
	texts = palloc(mul_size(*n, sizeof(char *)));
	for (i = 0; i < *n; i++)
		texts[i] = nulls[i] ? pstrdup("") : TextDatumGetCString(elements[i]);
	return texts;
}

/* What the last verification found; false where there was none. */
static bool
read_verification(SbkModel *model)
{
	SbkScan		scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;
	bool		isnull;
	bool		native = false;

	sbk_key_int(&keys[0], Anum_verification_model_id, model->key.model_id);
	sbk_key_int(&keys[1], Anum_verification_version, model->key.version);
	sbk_scan_begin(&scan, "verification", "pkey", 2, keys);
	tuple = sbk_scan_next(&scan, BackwardScanDirection);
	if (tuple != NULL)
		native = DatumGetBool(sbk_scan_column(&scan, tuple,
											  Anum_verification_native,
											  &isnull));
	sbk_scan_end(&scan);
	return native;
}

/* The artifact is needed only while the engine is opened. */
static void
open_engine(SbkModel *model, MemoryContext context)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "scorebook artifact",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(scratch);
	SbkArtifact artifact;
	SbkSummary *summary;
	SbkForest  *forest = NULL;

	read_artifact(model, &artifact);
	if (read_verification(model))
		summary = sbk_artifact_compile(scratch, model->label, &artifact,
									   context, &forest);
	else
		summary = sbk_artifact_summarize(scratch, model->label, &artifact);
	check_summary(model, summary);
	model->native = forest != NULL;
	model->engine = sbk_engine_open(context, model->label, summary, forest,
									model->iterations);
	if (!model->native)
		sbk_engine_load(model->engine, summary, artifact.bytes, artifact.len);
	model->size = artifact.len;
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(scratch);
}

/* Of a model that has been scored natively so far. */
static void
load_library(SbkModel *model)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "scorebook artifact",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(scratch);
	SbkArtifact artifact;
	SbkSummary *summary;

	read_artifact(model, &artifact);
	summary = sbk_artifact_summarize(scratch, model->label, &artifact);
	check_summary(model, summary);
	sbk_engine_load(model->engine, summary, artifact.bytes, artifact.len);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(scratch);
}

static void
read_artifact(SbkModel *model, SbkArtifact *artifact)
{
	SbkScan		scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;
	bool		isnull;

	sbk_key_int(&keys[0], Anum_artifact_model_id, model->key.model_id);
	sbk_key_int(&keys[1], Anum_artifact_version, model->key.version);
	sbk_scan_begin(&scan, "model_artifact", "pkey", 2, keys);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	if (tuple == NULL)
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("the registry lacks the artifact of model \"%s\"",
					   model->label));
	sbk_artifact_copy(sbk_scan_column(&scan, tuple, Anum_artifact_artifact,
									  &isnull), model->label, false, artifact);
	sbk_scan_end(&scan);
}

static void
check_summary(SbkModel *model, const SbkSummary *summary)
{
	if (summary->num_feature != model->num_feature ||
		summary->num_output != model->num_output ||
		strcmp(summary->objective, model->objective) != 0)
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("the artifact of model \"%s\" is not the one that was loaded",
					   model->label));
}

static int
compare_levels(const void *a, const void *b)
{
	const SbkLevel *left = a;
	const SbkLevel *right = b;

	if (left->len != right->len)
		return left->len < right->len ? -1 : 1;
	return memcmp(left->name, right->name, left->len);
}
