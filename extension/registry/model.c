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
#include "utils/rel.h"

#include "engine/verify.h"
#include "registry/admission.h"
#include "registry/catalog.h"
#include "registry/compiled.h"
#include "registry/model.h"
#include "scorebook.h"
#include "xgboost/trial.h"

/* The library takes about so many times the bytes that it is given, or less. */
#define LIBRARY_MEMORY	3

static void make_key(const SbkResolved *resolved, const SbkScan *scan,
					 HeapTuple tuple, SbkModelKey *key);
static void identify(HeapTuple tuple, SbkRowIdentity *identity);
static HeapTuple find_version(SbkScan *scan, const SbkResolved *resolved);
static void find_verification(SbkModelKey *key, SbkModel *model);
static void read_version(SbkModel *model, SbkScan *scan, HeapTuple tuple);
static void refuse_registry(const SbkModel *model);
static void read_features(SbkModel *model);
static void read_feature(SbkModel *model, SbkFeature *feature, SbkScan *scan,
						 HeapTuple tuple);
static char **read_texts(SbkScan *scan, HeapTuple tuple, int column, int *n);
static SbkForest *read_compiled(SbkModel *model, MemoryContext context);
static SbkForest *compile(SbkModel *model, MemoryContext context);
static void check_engine(const SbkModel *model);
static void check_serving(const SbkModel *model);
static void load_library(SbkModel *model);
static void try_library(SbkModel *model, const SbkSummary *summary,
						const SbkArtifact *translated);
static char *version_text(const SbkLibrary *library);
static void read_artifact(SbkModel *model, SbkArtifact *artifact);
static void check_summary(SbkModel *model, const SbkSummary *summary);
static int	compare_levels(const void *a, const void *b);

void
sbk_model_find(const SbkResolved *resolved, SbkModelKey *key)
{
	SbkScan		scan;
	HeapTuple	tuple = find_version(&scan, resolved);

	make_key(resolved, &scan, tuple, key);
	sbk_scan_end(&scan);
	find_verification(key, NULL);
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
	make_key(resolved, &scan, tuple, &model->key);
	read_version(model, &scan, tuple);
	sbk_scan_end(&scan);
	find_verification(&model->key, model);
	read_features(model);
	MemoryContextSwitchTo(old_context);
	return model;
}

/*
 * A model that XGBoost serves has its forest, too: it proves that a library of
 * another version still gives the same scores.
 */
void
sbk_model_open(MemoryContext context, SbkModel *model)
{
	SbkForest  *forest = read_compiled(model, context);

	if (forest == NULL)
		forest = compile(model, context);
	if (forest->num_feature != model->num_feature ||
		forest->num_output != model->num_output ||
		forest->link != sbk_link(model->objective) ||
		(forest->link == SBK_LINK_UNKNOWN &&
		 model->serving == SBK_SERVED_BY_NATIVE))
		refuse_registry(model);
	model->engine = sbk_engine_open(context, model->label, forest,
									model->iterations);
}

const float *
sbk_model_predict(SbkModel *model, const float *rows, Size nrows,
				  const float *base_margin, SbkPredictionKind kind,
				  Size *width)
{
	bool		native = sbk_model_is_native(model);

	check_serving(model);
	check_engine(model);
	return sbk_model_predict_by(model, native, rows, nrows, base_margin, kind,
								width);
}

void
sbk_model_prepare(SbkModel *model, bool explain)
{
	check_serving(model);
	check_engine(model);
	if ((explain || !sbk_model_is_native(model)) &&
		!sbk_engine_loaded(model->engine))
		load_library(model);
	if (explain)
		sbk_engine_check_explainable(model->engine);
}

bool
sbk_model_is_native(const SbkModel *model)
{
	return model->serving == SBK_SERVED_BY_NATIVE &&
		sbk_engine != SBK_ENGINE_XGBOOST;
}

const float *
sbk_model_predict_by(SbkModel *model, bool native, const float *rows,
					 Size nrows, const float *base_margin,
					 SbkPredictionKind kind, Size *width)
{
	const float *values;
	Size		i;

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

float *
sbk_model_explain(SbkModel *model, const float *rows, Size nrows,
				  const float *base_margin, float **margins)
{
	Size		n = nrows * model->num_output * (model->num_feature + 1);
	float	   *contributions;
	Size		i;

	check_serving(model);
	if (!sbk_engine_loaded(model->engine))
		load_library(model);
	contributions = sbk_engine_explain(model->engine, rows, nrows,
									   base_margin, margins);
	for (i = 0; i < n; i++)
	{
		if (unlikely(!isfinite(contributions[i])))
			ereport(ERROR,
					errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("model \"%s\" gave a contribution that is not a number",
						   model->label),
					errdetail("XGBoost weighs each branch of a tree by the rows that it had in training, in float4: the file may not hold their numbers, or a path may split on too many features."));
	}
	return contributions;
}

static void
check_engine(const SbkModel *model)
{
	if (!sbk_model_is_native(model) && sbk_engine == SBK_ENGINE_NATIVE)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("model \"%s\" cannot be scored natively", model->label),
				errdetail("Its verification did not find the native engine to give what XGBoost gives."),
				errhint("Set scorebook.engine to auto."));
}

/* A version that nothing has verified is neither scored nor explained. */
static void
check_serving(const SbkModel *model)
{
	if (model->serving == SBK_SERVED_BY_NONE)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("model \"%s\" is not verified", model->label),
				errdetail("Its last verification failed, or there was none; see scorebook.verification."),
				errhint("Repeat it with scorebook.verify_model, or use another version."));
}

int
sbk_feature_code(const SbkFeature *feature, const char *name, int len)
{
	SbkLevel	wanted = {.name = name,.len = len};
	SbkLevel   *found = bsearch(&wanted, feature->levels, feature->num_level,
								sizeof(SbkLevel), compare_levels);

	return found ? found->code : -1;
}

int
sbk_model_class(const SbkModel *model, const float *values)
{
	int			best = 0;
	int			i;

	switch (model->family)
	{
		case SBK_FAMILY_BINARY_PROBABILITY:
			return values[0] > model->cutoff ? 1 : 0;
		case SBK_FAMILY_BINARY_MARGIN:
			return 1.0 / (1.0 + exp(-values[0])) > model->cutoff ? 1 : 0;
		case SBK_FAMILY_BINARY_CLASS:
		case SBK_FAMILY_MULTI_CLASS:
			return (int) values[0];
		case SBK_FAMILY_MULTI_PROBABILITY:
			for (i = 1; i < model->num_output; i++)
			{
				if (values[i] > values[best])
					best = i;
			}
			return best;
		case SBK_FAMILY_VALUE:
			break;
	}
	return best;
}

char *
sbk_model_class_label(const SbkModel *model, int i)
{
	return i >= 0 && i < model->num_class ? model->classes[i] :
		psprintf("%d", i);
}

static void
make_key(const SbkResolved *resolved, const SbkScan *scan, HeapTuple tuple,
		 SbkModelKey *key)
{
	memset(key, 0, sizeof(SbkModelKey));
	key->storage = scan->table->rd_rel->relfilenode;
	key->model_id = resolved->model_id;
	key->version = resolved->version;
	identify(tuple, &key->version_row);
}

static void
identify(HeapTuple tuple, SbkRowIdentity *identity)
{
	identity->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	identity->tid = tuple->t_self;
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
	bytea	   *digest;

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
	model->tolerance =
		DatumGetFloat8(sbk_scan_column(scan, tuple, Anum_version_tolerance,
									   &isnull));
	value = sbk_scan_column(scan, tuple, Anum_version_sha256, &isnull);
	digest = DatumGetByteaPP(value);
	if (VARSIZE_ANY_EXHDR(digest) == sizeof(model->sha256))
		memcpy(model->sha256, VARDATA_ANY(digest), sizeof(model->sha256));
	if (model->num_feature < 1 || model->num_feature > SBK_MAX_FEATURES ||
		model->num_output < 1 || model->num_output > SBK_MAX_OUTPUTS ||
		(model->num_class != 0 &&
		 model->num_class != sbk_family_classes(model->family,
												model->num_output)))
		refuse_registry(model);
}

static void
refuse_registry(const SbkModel *model)
{
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

/*
 * The last verification: which row it is and, where a model is given, what it
 * found.
 */
static void
find_verification(SbkModelKey *key, SbkModel *model)
{
	SbkScan		scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;

	sbk_key_int(&keys[0], Anum_verification_model_id, key->model_id);
	sbk_key_int(&keys[1], Anum_verification_version, key->version);
	sbk_scan_begin(&scan, "verification", "pkey", 2, keys);
	tuple = sbk_scan_next(&scan, BackwardScanDirection);
	if (tuple != NULL)
		identify(tuple, &key->verification_row);
	if (tuple != NULL && model != NULL)
	{
		char	   *engine = sbk_scan_text(&scan, tuple,
										   Anum_verification_engine);

		if (strcmp(engine, "native") == 0)
			model->serving = SBK_SERVED_BY_NATIVE;
		else if (strcmp(engine, "xgboost") == 0)
			model->serving = SBK_SERVED_BY_XGBOOST;
		model->verified_with = sbk_scan_text(&scan, tuple,
											 Anum_verification_library_version);
	}
	sbk_scan_end(&scan);
}

/* The stored forest; NULL where there is none that can be read. */
static SbkForest *
read_compiled(SbkModel *model, MemoryContext context)
{
	SbkScan		scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;
	SbkForest  *forest = NULL;
	bool		isnull;

	sbk_key_int(&keys[0], Anum_compiled_model_id, model->key.model_id);
	sbk_key_int(&keys[1], Anum_compiled_version, model->key.version);
	sbk_scan_begin(&scan, "compiled_model", "pkey", 2, keys);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	if (tuple != NULL)
		forest = sbk_compiled_read(context, model->label, model->sha256,
								   sbk_scan_column(&scan, tuple,
												   Anum_compiled_compiled,
												   &isnull));
	sbk_scan_end(&scan);
	return forest;
}

static SbkForest *
compile(SbkModel *model, MemoryContext context)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "scorebook artifact",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(scratch);
	SbkArtifact artifact;
	SbkSummary *summary;
	SbkForest  *forest;

	read_artifact(model, &artifact);
	summary = sbk_artifact_compile(scratch, model->label, &artifact, context,
								   &forest, NULL);
	check_summary(model, summary);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(scratch);
	return forest;
}

/*
 * Of a model that has been scored natively so far.  What a library of this
 * version has never loaded, it loads in another process first.
 */
static void
load_library(SbkModel *model)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "scorebook artifact",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(scratch);
	const SbkLibrary *library = sbk_library();
	SbkArtifact artifact;
	SbkArtifact translated;
	SbkSummary *summary;
	SbkCanonical *canonical;

	read_artifact(model, &artifact);
	summary = sbk_artifact_canonize(scratch, model->label, &artifact,
									&canonical);
	check_summary(model, summary);
	sbk_artifact_translate(canonical, summary, library->version, &translated);
	if (model->verified_with == NULL ||
		strcmp(model->verified_with, version_text(library)) != 0)
		try_library(model, summary, &translated);
	sbk_engine_load(model->engine, library, summary, translated.bytes,
					translated.len, NULL);
	model->library_size = LIBRARY_MEMORY * translated.len;
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(scratch);
}

/*
 * A library of another version than the one that verified the model must give
 * the same scores, too; that it does is remembered as long as the model is
 * loaded.
 */
static void
try_library(SbkModel *model, const SbkSummary *summary,
			const SbkArtifact *translated)
{
	char	   *version = version_text(sbk_library());
	SbkVerification verification = {.same = false};

	PG_TRY();
	{
		const SbkLibrary *trial = sbk_trial_start(model->label);

		if (strcmp(version, version_text(trial)) != 0)
			ereport(ERROR,
					errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("this session uses XGBoost %s, but XGBoost %s is installed now",
						   version, version_text(trial)),
					errhint("Connect again."));
		sbk_engine_load(model->engine, trial, summary, translated->bytes,
						translated->len, NULL);
		if (model->verified_with != NULL)
			sbk_engine_verify(model->engine, &verification);
	}
	PG_FINALLY();
	{
		sbk_engine_unload(model->engine);
		sbk_trial_end();
	}
	PG_END_TRY();

	if (model->verified_with != NULL && !verification.same)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("model \"%s\" was verified with XGBoost %s, and XGBoost %s scores it differently",
					   model->label, model->verified_with, version),
				errdetail("The largest difference on %d rows is %g.",
						  verification.rows, verification.worst_difference),
				errhint("See what scorebook.verify_model finds, and compare with the predictions of the training side."));
}

static char *
version_text(const SbkLibrary *library)
{
	return psprintf("%d.%d.%d", library->version[0], library->version[1],
					library->version[2]);
}

static void
read_artifact(SbkModel *model, SbkArtifact *artifact)
{
	SbkScan		scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;
	uint8		digest[SBK_SHA256_LENGTH];
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
	sbk_artifact_digest(artifact, digest);
	if (memcmp(digest, model->sha256, sizeof(digest)) != 0)
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("the artifact of model \"%s\" is damaged", model->label),
				errdetail("It is not the one that was loaded: its SHA-256 differs."),
				errhint("Restore scorebook.model_artifact from a backup, or load the file as a new version."));
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
