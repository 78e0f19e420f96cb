/*
 * library_calls.c
 *		The calls of XGBoost's C API.
 *
 * Plain C without PostgreSQL: see library.h for why.  XGBoost catches its own
 * exceptions and reports them by return code; its message is thread-local and
 * overwritten by the next call, so it is copied at once.  Allocation is left
 * alone: the library frees what it takes, and its handles are freed by
 * release().
 *
 * OpenMP: loading a model starts a team of threads, whatever "nthread" says.
 * PostgreSQL's signal handlers must not run on such a thread, so every call
 * is bracketed by enter_library() and leave_library().
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "xgboost/library.h"

/* bytes of an artifact from which on it is worth the time */
#define TRIM_ABOVE		((size_t) 1024 * 1024)

struct SbkBoosterHandle
{
	BoosterHandle booster;
	DMatrixHandle proxy;		/* names the rows of an in-place prediction */
	bool		proxy_used;		/* holds the base margin of other rows */
	DMatrixHandle matrix;		/* of the last prediction that was not */
};

static void (*set_openmp_threads) (int);
static int	(*get_openmp_threads) (void);

static bool load(const void *bytes, size_t len, SbkBoosterHandle **handle,
				 SbkLibraryError *error);
static bool describe(SbkBoosterHandle *handle, int *rounds, size_t *features,
					 SbkLibraryError *error);
static bool predict(SbkBoosterHandle *handle, SbkPrediction *prediction,
					SbkLibraryError *error);
static void release(SbkBoosterHandle *handle);
static bool predict_in_place(SbkBoosterHandle *handle,
							 SbkPrediction *prediction,
							 const bst_ulong **shape, bst_ulong *dim,
							 SbkLibraryError *error);
static bool predict_matrix(SbkBoosterHandle *handle,
						   SbkPrediction *prediction,
						   const bst_ulong **shape, bst_ulong *dim,
						   SbkLibraryError *error);
static bool set_base_margin(DMatrixHandle matrix,
							const SbkPrediction *prediction,
							SbkLibraryError *error);
static int	enter_library(void);
static void leave_library(int threads);
static bool failed(SbkLibraryError *error);
static void drop_log(const char *text);

static SbkLibrary library = {
	.load = load,
	.describe = describe,
	.predict = predict,
	.release = release
};

extern const SbkLibrary *sbk_library_entry(void (*set_threads) (int),
										   int (*get_threads) (void),
										   SbkLibraryError *error)
			__attribute__((visibility("default")));

const SbkLibrary *
sbk_library_entry(void (*set_threads) (int), int (*get_threads) (void),
				  SbkLibraryError *error)
{
	int			threads;
	bool		done;

	set_openmp_threads = set_threads;
	get_openmp_threads = get_threads;
	threads = enter_library();
	XGBoostVersion(&library.version[0], &library.version[1],
				   &library.version[2]);
	done = XGBRegisterLogCallback(drop_log) == 0 &&
		XGBSetGlobalConfig("{\"verbosity\":0}") == 0;
	if (!done)
		failed(error);
	leave_library(threads);
	return done ? &library : NULL;
}

static bool
load(const void *bytes, size_t len, SbkBoosterHandle **handle,
	 SbkLibraryError *error)
{
	int			threads;
	bool		done;

	*handle = calloc(1, sizeof(SbkBoosterHandle));
	if (*handle == NULL)
	{
		snprintf(error->message, sizeof(error->message), "out of memory");
		return false;
	}
	threads = enter_library();
	done = (XGBoosterCreate(NULL, 0, &(*handle)->booster) == 0 &&
			XGBoosterSetParam((*handle)->booster, "nthread", "1") == 0 &&
			XGBoosterLoadModelFromBuffer((*handle)->booster, bytes, len) == 0 &&
			XGBoosterSetParam((*handle)->booster, "nthread", "1") == 0 &&
			XGProxyDMatrixCreate(&(*handle)->proxy) == 0) || failed(error);
	leave_library(threads);
	if (!done)
	{
		release(*handle);
		*handle = NULL;
	}
#ifdef __GLIBC__
	/* what the library took while parsing is many times the model */
	if (len > TRIM_ABOVE)
		malloc_trim(0);
#endif
	return done;
}

static bool
describe(SbkBoosterHandle *handle, int *rounds, size_t *features,
		 SbkLibraryError *error)
{
	int			threads = enter_library();
	bst_ulong	num_feature = 0;
	bool		done;

	done = (XGBoosterBoostedRounds(handle->booster, rounds) == 0 &&
			XGBoosterGetNumFeature(handle->booster, &num_feature) == 0) ||
		failed(error);
	leave_library(threads);
	*features = num_feature;
	return done;
}

static bool
predict(SbkBoosterHandle *handle, SbkPrediction *prediction,
		SbkLibraryError *error)
{
	int			threads = enter_library();
	const bst_ulong *shape = NULL;
	bst_ulong	dim = 0;
	bst_ulong	i;
	bool		done;

	if (prediction->in_place)
		done = predict_in_place(handle, prediction, &shape, &dim, error);
	else
		done = predict_matrix(handle, prediction, &shape, &dim, error);
	leave_library(threads);
	if (!done)
		return false;

	/* the first dimension is the rows */
	if (dim == 0 || shape[0] != prediction->nrows)
	{
		snprintf(error->message, sizeof(error->message),
				 "the result has another number of rows");
		return false;
	}
	prediction->width = 1;
	for (i = 1; i < dim; i++)
		prediction->width *= shape[i];
	return true;
}

static void
release(SbkBoosterHandle *handle)
{
	int			threads;

	if (handle == NULL)
		return;
	threads = enter_library();
	if (handle->matrix != NULL)
		XGDMatrixFree(handle->matrix);
	if (handle->proxy != NULL)
		XGDMatrixFree(handle->proxy);
	if (handle->booster != NULL)
		XGBoosterFree(handle->booster);
	leave_library(threads);
	free(handle);
}

/* The rows as NumPy's array interface, which the library reads in place. */
static void
describe_array(char *out, size_t size, const float *data, size_t nrows,
			   size_t ncols)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	const char *type = ">f4";
#else
	const char *type = "<f4";
#endif

	snprintf(out, size,
			 "{\"data\":[%zu,true],\"shape\":[%zu,%zu],\"typestr\":\"%s\",\"version\":3}",
			 (size_t) data, nrows, ncols, type);
}

static bool
predict_in_place(SbkBoosterHandle *handle, SbkPrediction *prediction,
				 const bst_ulong **shape, bst_ulong *dim,
				 SbkLibraryError *error)
{
	char		rows[200];
	char		config[200];

	describe_array(rows, sizeof(rows), prediction->rows, prediction->nrows,
				   prediction->ncols);
	snprintf(config, sizeof(config),
			 "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":%d,\"strict_shape\":true,\"missing\":NaN,\"cache_id\":0}",
			 prediction->kind == SBK_PREDICT_MARGIN ? 1 : 0,
			 prediction->rounds);
	if (handle->proxy_used)
	{
		XGDMatrixFree(handle->proxy);
		handle->proxy = NULL;
		if (XGProxyDMatrixCreate(&handle->proxy) != 0)
			return failed(error);
	}
	handle->proxy_used = prediction->base_margin != NULL;
	if (prediction->base_margin != NULL &&
		!set_base_margin(handle->proxy, prediction, error))
		return false;
	return XGBoosterPredictFromDense(handle->booster, rows, config,
									 handle->proxy, shape, dim,
									 &prediction->result) == 0 ||
		failed(error);
}

/*
 * The matrix must live as long as the result, since the library may hand out
 * memory that it keeps for this matrix.
 */
static bool
predict_matrix(SbkBoosterHandle *handle, SbkPrediction *prediction,
			   const bst_ulong **shape, bst_ulong *dim,
			   SbkLibraryError *error)
{
	static const int types[] = {
		[SBK_PREDICT_VALUE] = 0,
		[SBK_PREDICT_MARGIN] = 1,
		[SBK_PREDICT_LEAF] = 6,
		[SBK_PREDICT_CONTRIBUTIONS] = 2
	};
	char		rows[200];
	char		config[200];

	if (handle->matrix != NULL)
	{
		XGDMatrixFree(handle->matrix);
		handle->matrix = NULL;
	}
	describe_array(rows, sizeof(rows), prediction->rows, prediction->nrows,
				   prediction->ncols);
	if (XGDMatrixCreateFromDense(rows, "{\"missing\":NaN,\"nthread\":1}",
								 &handle->matrix) != 0)
		return failed(error);
	if (prediction->base_margin != NULL &&
		!set_base_margin(handle->matrix, prediction, error))
		return false;

	/* the strict shape of leaves is wrong for trees with several outputs */
	snprintf(config, sizeof(config),
			 "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":%d,\"strict_shape\":%s}",
			 types[prediction->kind], prediction->rounds,
			 prediction->kind == SBK_PREDICT_LEAF ? "false" : "true");
	return XGBoosterPredictFromDMatrix(handle->booster, handle->matrix, config,
									   shape, dim, &prediction->result) == 0 ||
		failed(error);
}

static bool
set_base_margin(DMatrixHandle matrix, const SbkPrediction *prediction,
				SbkLibraryError *error)
{
	char		margins[200];

	describe_array(margins, sizeof(margins), prediction->base_margin,
				   prediction->nrows, 1);
	return XGDMatrixSetInfoFromInterface(matrix, "base_margin", margins) == 0 ||
		failed(error);
}

static int
enter_library(void)
{
	int			threads = 1;

	if (get_openmp_threads != NULL)
		threads = get_openmp_threads();
	if (set_openmp_threads != NULL)
		set_openmp_threads(1);
	return threads;
}

static void
leave_library(int threads)
{
	if (set_openmp_threads != NULL)
		set_openmp_threads(threads);
}

/*
 * Copies the first line of the library's message and returns false.  In front
 * of the text stands "[time] path:line: ", after the line a stack trace.
 */
static bool
failed(SbkLibraryError *error)
{
	const char *text = XGBGetLastError();
	const char *from = text;
	const char *mark;
	size_t		n;

	if (*from == '[' && (mark = strstr(from, "] ")) != NULL)
		from = mark + 2;
	if ((*from == '/' || *from == '.') && (mark = strstr(from, ": ")) != NULL)
		from = mark + 2;
	n = strcspn(from, "\n");
	if (n >= sizeof(error->message))
		n = sizeof(error->message) - 1;
	for (size_t i = 0; i < n; i++)
		error->message[i] = from[i] >= ' ' && from[i] < 0x7f ? from[i] : '?';
	while (n > 0 && (error->message[n - 1] == ' ' || error->message[n - 1] == '.'))
		n--;
	error->message[n] = '\0';
	return false;
}

/* The library's warnings are for a terminal that a backend does not have. */
static void
drop_log(const char *text)
{
	(void) text;
}
