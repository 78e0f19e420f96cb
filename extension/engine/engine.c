/*
 * engine.c
 *		Scoring through XGBoost's C API.
 *
 * Order matters when a model is opened: the struct and its callback exist
 * before the handle does, so that no error can leak the handle.
 */
#include "postgres.h"

#include <math.h>

#include "storage/ipc.h"
#include "utils/memutils.h"

#include "engine/engine.h"

struct SbkEngine
{
	MemoryContextCallback callback;
	const SbkLibrary *library;
	SbkBoosterHandle *handle;	/* NULL until loaded */
	char	   *label;
	int			num_feature;
	int			rounds;
	bool		linear;
	bool		in_place;
};

static void release_engine(void *arg);

SbkEngine *
sbk_engine_open(MemoryContext parent, const char *label,
				const SbkSummary *summary, const char *artifact, Size len,
				int rounds)
{
	const SbkLibrary *library = sbk_library();
	const int  *version = library->version;
	SbkLibraryError error = {""};
	char		reason[300];
	SbkEngine  *engine;
	int			rounds_found;
	size_t		features_found;

	if (sbk_incompatible(summary, version, reason, sizeof(reason)))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" was written by XGBoost %d.%d.%d and cannot be scored by the installed XGBoost %d.%d.%d",
					   label, summary->version[0], summary->version[1],
					   summary->version[2], version[0], version[1], version[2]),
				errdetail("%s", reason),
				errhint("Install XGBoost %d.%d or newer for the server, or train the model with XGBoost %d.%d.",
						summary->version[0], summary->version[1],
						version[0], version[1]));

	engine = MemoryContextAllocZero(parent, sizeof(SbkEngine));
	engine->library = library;
	engine->label = MemoryContextStrdup(parent, label);
	engine->num_feature = summary->num_feature;
	engine->linear = summary->booster == SBK_BOOSTER_GBLINEAR;

	/* of dart, the library's two ways differ in the last bit */
	engine->in_place = summary->booster == SBK_BOOSTER_GBTREE;
	engine->rounds = engine->linear ? 0 : rounds;
	engine->callback.func = release_engine;
	engine->callback.arg = engine;
	MemoryContextRegisterResetCallback(parent, &engine->callback);

	if (!library->load(artifact, len, &engine->handle, &error) ||
		!library->describe(engine->handle, &rounds_found, &features_found,
						   &error))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" was written by XGBoost %d.%d.%d and could not be loaded by the installed XGBoost %d.%d.%d",
					   label, summary->version[0], summary->version[1],
					   summary->version[2], version[0], version[1], version[2]),
				errdetail_internal("XGBoost reported: %s.", error.message),
				errhint("Check that the file loads in the XGBoost that wrote it; if it does, install that version for the server or train the model with XGBoost %d.%d.",
						version[0], version[1]));

	/* the library must have read the same model as we did */
	if (features_found != summary->num_feature ||
		rounds_found != summary->num_round)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("model \"%s\" is not what its file says", label),
				errdetail("The file says %d features and %d rounds, XGBoost found %zu and %d.",
						  summary->num_feature, summary->num_round,
						  features_found, rounds_found));
	return engine;
}

const float *
sbk_engine_predict(SbkEngine *engine, const float *rows, Size nrows,
				   const float *base_margin, SbkPredictionKind kind,
				   Size *width)
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
	Size		i;

	if (kind == SBK_PREDICT_LEAF && engine->linear)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" is linear and has no leaves",
					   engine->label));
	if (!engine->library->predict(engine->handle, &prediction, &error))
		ereport(ERROR,
				errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				errmsg("could not score model \"%s\"", engine->label),
				errdetail_internal("XGBoost reported: %s.", error.message));
	for (i = 0; i < nrows * prediction.width; i++)
	{
		if (unlikely(isnan(prediction.result[i])))
			ereport(ERROR,
					errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("model \"%s\" gave a score that is not a number",
						   engine->label));
	}
	*width = prediction.width;
	return prediction.result;
}

/* At process exit the library's own state may be gone: leave it alone. */
static void
release_engine(void *arg)
{
	SbkEngine  *engine = arg;

	if (!proc_exit_inprogress)
		engine->library->release(engine->handle);
	engine->handle = NULL;
}
