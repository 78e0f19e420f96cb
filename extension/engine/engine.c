/*
 * engine.c
 *		Scoring: natively, or through XGBoost's C API.
 *
 * Order matters when the library loads a model: the struct and its callback
 * exist before the handle does, so that no error can leak the handle.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "engine/engine.h"
#include "engine/kernel.h"
#include "scorebook.h"

/*
 * A step of an explanation takes some 3 ns.  A call of the library can not be
 * canceled: this many steps and results are handed to it at once, and no row
 * may take more than the limits.
 */
#define CALL_STEPS		5e7
#define ROW_STEPS_LIMIT	1e9
#define CALL_RESULTS		((Size) 4 * 1024 * 1024)
#define ROW_RESULTS_LIMIT	((Size) 64 * 1024 * 1024)

struct SbkEngine
{
	MemoryContextCallback callback;
	MemoryContext context;
	char	   *label;
	const SbkForest *forest;
	int			rounds;

	/* the native engine */
	uint32		ntree;
	float	   *scratch;
	Size		scratch_size;
	float	   *result;
	Size		result_size;

	/* the library, in this process or in another one */
	const SbkLibrary *library;
	SbkBoosterHandle *handle;	/* NULL until loaded */
	int			written_by[3];	/* version of XGBoost */
	double		row_steps;		/* of explaining a row */
	bool		in_place;
};

static const float *predict_natively(SbkEngine *engine, const float *rows,
									 Size nrows, const float *base_margin,
									 SbkPredictionKind kind, Size *width);
static double row_steps(const SbkSummary *summary, int rounds);
static void copy_results(SbkEngine *engine, const float *rows, Size nrows,
						 const float *base_margin, SbkPredictionKind kind,
						 Size expected, float *results);
static void reserve(SbkEngine *engine, float **array, Size *size, Size need);
static void release_engine(void *arg);

SbkEngine *
sbk_engine_open(MemoryContext parent, const char *label,
				const SbkForest *forest, int rounds)
{
	SbkEngine  *engine = MemoryContextAllocZero(parent, sizeof(SbkEngine));

	engine->context = parent;
	engine->label = MemoryContextStrdup(parent, label);
	engine->forest = forest;
	engine->rounds = sbk_forest_is_linear(forest) ? 0 : rounds;
	engine->ntree = rounds <= 0 ? forest->num_tree :
		Min(forest->num_tree, (uint64) rounds * forest->trees_per_round);
	engine->callback.func = release_engine;
	engine->callback.arg = engine;
	MemoryContextRegisterResetCallback(parent, &engine->callback);
	return engine;
}

const SbkForest *
sbk_engine_forest(const SbkEngine *engine)
{
	return engine->forest;
}

void
sbk_engine_load(SbkEngine *engine, const SbkLibrary *library,
				const SbkSummary *summary, const char *artifact, Size len,
				char **reason)
{
	const int  *version = library->version;
	SbkLibraryError error = {""};
	char		incompatible[300];
	int			rounds;
	size_t		features;

	if (sbk_incompatible(summary, version, incompatible, sizeof(incompatible)))
	{
		if (reason != NULL)
		{
			*reason = pstrdup(incompatible);
			return;
		}
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" was written by XGBoost %d.%d.%d and cannot be used by the installed XGBoost %d.%d.%d",
					   engine->label, summary->version[0],
					   summary->version[1], summary->version[2],
					   version[0], version[1], version[2]),
				errdetail("%s", incompatible),
				errhint("Install XGBoost %d.%d or newer for the server, or train the model with XGBoost %d.%d.",
						summary->version[0], summary->version[1],
						version[0], version[1]));
	}
	engine->library = library;
	memcpy(engine->written_by, summary->version, sizeof(summary->version));
	engine->row_steps = row_steps(summary, engine->rounds);

	/* of dart, the library's two ways differ in the last bit */
	engine->in_place = summary->booster == SBK_BOOSTER_GBTREE &&
		summary->tree_weights == NULL;
	if (!library->load(artifact, len, &engine->handle, &error) ||
		!library->describe(engine->handle, &rounds, &features, &error))
	{
		sbk_engine_unload(engine);
		if (reason != NULL)
		{
			*reason = psprintf("XGBoost %d.%d.%d does not load it: %s.",
							   version[0], version[1], version[2],
							   error.message);
			return;
		}
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
		sbk_engine_unload(engine);
		ereport(ERROR,
				errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("model \"%s\" is not what its file says", engine->label),
				errdetail("The file says %d features and %d rounds, XGBoost found %zu and %d.",
						  summary->num_feature, summary->num_round,
						  features, rounds));
	}
}

void
sbk_engine_unload(SbkEngine *engine)
{
	if (engine->handle != NULL)
		engine->library->release(engine->handle);
	engine->handle = NULL;
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
		.ncols = engine->forest->num_feature,
		.base_margin = base_margin,
		.kind = kind,
		.rounds = engine->rounds,
		.in_place = engine->in_place &&
		(kind == SBK_PREDICT_VALUE || kind == SBK_PREDICT_MARGIN)
	};

	if (kind == SBK_PREDICT_LEAF && sbk_forest_is_linear(engine->forest))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" is linear and has no leaves",
					   engine->label));
	if (native)
		return predict_natively(engine, rows, nrows, base_margin, kind, width);
	if (!engine->library->predict(engine->handle, &prediction, &error))
		ereport(ERROR,
				errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				kind == SBK_PREDICT_CONTRIBUTIONS ?
				errmsg("could not explain model \"%s\"", engine->label) :
				errmsg("could not score model \"%s\"", engine->label),
				errdetail_internal("XGBoost reported: %s.", error.message));
	*width = prediction.width;
	return prediction.result;
}

float *
sbk_engine_explain(SbkEngine *engine, const float *rows, Size nrows,
				   const float *base_margin, float **margins)
{
	Size		results = mul_size(engine->forest->num_output,
								   engine->forest->num_feature + 1);
	float	   *contributions;
	Size		block;
	Size		done;

	sbk_engine_check_explainable(engine);
	contributions = MemoryContextAllocHuge(CurrentMemoryContext,
										   mul_size(mul_size(nrows, results),
													sizeof(float)));
	*margins = MemoryContextAllocHuge(CurrentMemoryContext,
									  mul_size(mul_size(nrows, engine->forest->num_output),
											   sizeof(float)));
	block = Max(1, Min(CALL_STEPS / engine->row_steps, CALL_RESULTS / results));
	for (done = 0; done < nrows; done += block)
	{
		Size		n = Min(block, nrows - done);
		const float *inputs = rows + done * engine->forest->num_feature;
		const float *offsets = base_margin ? base_margin + done : NULL;

		CHECK_FOR_INTERRUPTS();
		copy_results(engine, inputs, n, offsets, SBK_PREDICT_MARGIN,
					 engine->forest->num_output,
					 *margins + done * engine->forest->num_output);
		copy_results(engine, inputs, n, offsets, SBK_PREDICT_CONTRIBUTIONS,
					 results, contributions + done * results);
	}
	return contributions;
}

void
sbk_engine_check_explainable(const SbkEngine *engine)
{
	const int  *version = engine->library->version;

	/* it would not say so, and read what is not there */
	if (engine->forest->vector_leaf &&
		(version[0] < 3 || (version[0] == 3 && version[1] < 3)))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("model \"%s\" was written by XGBoost %d.%d.%d and cannot be explained by the installed XGBoost %d.%d.%d",
					   engine->label, engine->written_by[0],
					   engine->written_by[1], engine->written_by[2],
					   version[0], version[1], version[2]),
				errdetail("XGBoost before 3.3 does not explain trees with several outputs."),
				errhint("Train a tree for each output, with multi_strategy \"one_output_per_tree\"."));
	if (engine->row_steps > ROW_STEPS_LIMIT ||
		mul_size(engine->forest->num_output, engine->forest->num_feature + 1) > ROW_RESULTS_LIMIT)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("model \"%s\" is too large to be explained",
					   engine->label),
				errdetail("A row would take %.0f million steps and give %zu numbers; the limits are %.0f million and %zu.",
						  engine->row_steps / 1e6,
						  mul_size(engine->forest->num_output, engine->forest->num_feature + 1),
						  ROW_STEPS_LIMIT / 1e6, ROW_RESULTS_LIMIT),
				errhint("The steps grow with the number of leaves and with the square of their depth."));
}

/*
 * What XGBoost does for a row: for each leaf, something for each pair of
 * features that the path to it splits on; for each tree, something for each feature, and a little
 * for each feature of each output.  gblinear has no trees.
 */
static double
row_steps(const SbkSummary *summary, int rounds)
{
	double		columns = summary->num_feature + 1.0;
	double		steps = summary->path_steps +
		summary->num_tree * columns * (1 + summary->num_output / 8.0);

	/* of vector leaves, for each output */
	if (summary->vector_leaf)
		steps *= summary->num_output;
	if (rounds > 0 && rounds < summary->num_round)
		steps *= (double) rounds / summary->num_round;
	return steps + summary->num_output * columns;
}

/* Scores or explains a block with the library; so many results for each row. */
static void
copy_results(SbkEngine *engine, const float *rows, Size nrows,
			 const float *base_margin, SbkPredictionKind kind,
			 Size expected, float *results)
{
	Size		width;
	const float *from = sbk_engine_predict(engine, false, rows, nrows,
										   base_margin, kind, &width);

	if (width != expected)
		ereport(ERROR,
				errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				errmsg("model \"%s\" gave %zu values instead of %zu",
					   engine->label, width, expected));
	memcpy(results, from, mul_size(mul_size(nrows, width), sizeof(float)));
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
		engine->library->release(engine->handle);
	engine->handle = NULL;
}
