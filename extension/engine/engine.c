/*
 * engine.c
 *		Scoring: natively, or through XGBoost's C API.
 *
 * Order matters when the library loads a model: the struct and its callback
 * exist before the handle does, so that no error can leak the handle.
 */
#include "postgres.h"

#include "storage/ipc.h"
#include "utils/memutils.h"

#include "engine/engine.h"
#include "engine/kernel.h"
#include "scorebook.h"

struct SbkEngine
{
	MemoryContextCallback callback;
	MemoryContext context;
	char	   *label;
	int			num_feature;
	int			rounds;
	bool		linear;

	/* the native engine */
	const SbkForest *forest;	/* or NULL */
	uint32		ntree;
	float	   *scratch;
	Size		scratch_size;
	float	   *result;
	Size		result_size;

	/* the library */
	SbkBoosterHandle *handle;	/* NULL until loaded */
	bool		in_place;
};

static const float *predict_natively(SbkEngine *engine, const float *rows,
									 Size nrows, const float *base_margin,
									 SbkPredictionKind kind, Size *width);
static void reserve(SbkEngine *engine, float **array, Size *size, Size need);
static void release_engine(void *arg);

SbkEngine *
sbk_engine_open(MemoryContext parent, const char *label,
				const SbkSummary *summary, const SbkForest *forest, int rounds)
{
	SbkEngine  *engine = MemoryContextAllocZero(parent, sizeof(SbkEngine));

	engine->context = parent;
	engine->label = MemoryContextStrdup(parent, label);
	engine->num_feature = summary->num_feature;
	engine->linear = summary->booster == SBK_BOOSTER_GBLINEAR;
	engine->rounds = engine->linear ? 0 : rounds;

	/* of dart, the library's two ways differ in the last bit */
	engine->in_place = summary->booster == SBK_BOOSTER_GBTREE;
	engine->callback.func = release_engine;
	engine->callback.arg = engine;
	MemoryContextRegisterResetCallback(parent, &engine->callback);

	engine->forest = forest;
	if (forest != NULL && !engine->linear)
		engine->ntree = rounds <= 0 ? forest->num_tree :
			Min(forest->num_tree, (uint64) rounds * forest->trees_per_round);
	return engine;
}

void
sbk_engine_load(SbkEngine *engine, const SbkSummary *summary,
				const char *artifact, Size len)
{
	const SbkLibrary *library = sbk_library();
	const int  *version = library->version;
	SbkLibraryError error = {""};
	char		reason[300];
	int			rounds;
	size_t		features;

	if (sbk_incompatible(summary, version, reason, sizeof(reason)))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" was written by XGBoost %d.%d.%d and cannot be scored by the installed XGBoost %d.%d.%d",
					   engine->label, summary->version[0],
					   summary->version[1], summary->version[2],
					   version[0], version[1], version[2]),
				errdetail("%s", reason),
				errhint("Install XGBoost %d.%d or newer for the server, or train the model with XGBoost %d.%d.",
						summary->version[0], summary->version[1],
						version[0], version[1]));
	if (!library->load(artifact, len, &engine->handle, &error) ||
		!library->describe(engine->handle, &rounds, &features, &error))
	{
		release_engine(engine);
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" was written by XGBoost %d.%d.%d and could not be loaded by the installed XGBoost %d.%d.%d",
					   engine->label, summary->version[0],
					   summary->version[1], summary->version[2],
					   version[0], version[1], version[2]),
				errdetail_internal("XGBoost reported: %s.", error.message),
				errhint("Check that the file loads in the XGBoost that wrote it; if it does, install that version for the server or train the model with XGBoost %d.%d.",
						version[0], version[1]));
	}

	/* the library must have read the same model as we did */
	if (features != summary->num_feature || rounds != summary->num_round)
	{
		release_engine(engine);
		ereport(ERROR,
				errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("model \"%s\" is not what its file says", engine->label),
				errdetail("The file says %d features and %d rounds, XGBoost found %zu and %d.",
						  summary->num_feature, summary->num_round,
						  features, rounds));
	}
}

bool
sbk_engine_loaded(const SbkEngine *engine)
{
	return engine->handle != NULL;
}

const float *
sbk_engine_predict(SbkEngine *engine, bool native, const float *rows,
				   Size nrows, const float *base_margin,
				   SbkPredictionKind kind, Size *width)
{
	SbkLibraryError error = {""};
	SbkPrediction prediction = {
		.rows = rows,
		.nrows = nrows,
		.ncols = engine->num_feature,
		.base_margin = base_margin,
		.kind = kind,
		.rounds = engine->rounds,
		.in_place = engine->in_place && kind != SBK_PREDICT_LEAF
	};

	if (kind == SBK_PREDICT_LEAF && engine->linear)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" is linear and has no leaves",
					   engine->label));
	if (native)
		return predict_natively(engine, rows, nrows, base_margin, kind, width);
	if (!sbk_library()->predict(engine->handle, &prediction, &error))
		ereport(ERROR,
				errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				errmsg("could not score model \"%s\"", engine->label),
				errdetail_internal("XGBoost reported: %s.", error.message));
	*width = prediction.width;
	return prediction.result;
}

static const float *
predict_natively(SbkEngine *engine, const float *rows, Size nrows,
				 const float *base_margin, SbkPredictionKind kind, Size *width)
{
	const SbkForest *forest = engine->forest;

	*width = kind == SBK_PREDICT_LEAF ? engine->ntree : forest->num_output;
	reserve(engine, &engine->scratch, &engine->scratch_size,
			sbk_kernel_scratch(forest, nrows));
	reserve(engine, &engine->result, &engine->result_size,
			mul_size(nrows, *width));
	if (kind == SBK_PREDICT_LEAF)
		sbk_kernel_leaves(forest, engine->ntree, rows, nrows, engine->scratch,
						  engine->result);
	else
		sbk_kernel_margins(forest, sbk_simd, engine->ntree, rows, nrows,
						   base_margin, engine->scratch, engine->result);
	if (kind == SBK_PREDICT_VALUE)
		*width = sbk_link_values(forest->link, engine->result, nrows,
								 forest->num_output);
	return engine->result;
}

/* The array has room for so many numbers; what it held is lost. */
static void
reserve(SbkEngine *engine, float **array, Size *size, Size need)
{
	if (need <= *size)
		return;
	if (*array != NULL)
		pfree(*array);
	*array = NULL;
	*size = 0;
	*array = MemoryContextAllocHuge(engine->context,
									mul_size(need, sizeof(float)));
	*size = need;
}

/* At process exit the library's own state may be gone: leave it alone. */
static void
release_engine(void *arg)
{
	SbkEngine  *engine = arg;

	if (engine->handle != NULL && !proc_exit_inprogress)
		sbk_library()->release(engine->handle);
	engine->handle = NULL;
}
