/*
 * library.h
 *		XGBoost's C API, as far as scorebook needs it.
 *
 * The only code that includes <xgboost/c_api.h> is library_calls.c.  It is a
 * module of its own (scorebook_xgboost.so), linked with libxgboost and opened
 * on first use, so that a backend which never needs the library never maps it.
 * This header is all that passes between the two: plain C, no PostgreSQL type.
 *
 * Behind these pointers no PostgreSQL function is ever called, so no error can
 * jump over a C++ frame.  Every call returns true, or false with the first
 * line of the library's message, cleaned of paths and addresses.
 *
 * None of it may be called in the postmaster.  Each call runs with one OpenMP
 * thread and restores the backend's setting afterwards.
 */
#ifndef SBK_LIBRARY_H
#define SBK_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* The library may read that far past the end of what it is given. */
#define SBK_LIBRARY_PADDING		16

typedef struct SbkBoosterHandle SbkBoosterHandle;

typedef struct SbkLibraryError
{
	char		message[500];
} SbkLibraryError;

typedef enum SbkPredictionKind
{
	SBK_PREDICT_VALUE,
	SBK_PREDICT_MARGIN,
	SBK_PREDICT_LEAF,
	SBK_PREDICT_CONTRIBUTIONS	/* for each output one of each feature, and
								 * the base value */
} SbkPredictionKind;

typedef struct SbkPrediction
{
	const float *rows;			/* nrows x ncols, NaN is missing */
	size_t		nrows;
	size_t		ncols;
	const float *base_margin;	/* one for each row, or NULL */
	SbkPredictionKind kind;
	int			rounds;			/* use the first so many, 0 for all */
	bool		in_place;		/* tree boosters, values and margins only */

	/* set by the call */
	const float *result;		/* nrows x width; valid until the next call */
	size_t		width;
} SbkPrediction;

typedef struct SbkLibrary
{
	/* major, minor, patch of the installed library */
	int			version[3];

	/*
	 * Loads a model from len bytes that are followed by SBK_LIBRARY_PADDING
	 * zero bytes.  The bytes may be freed afterwards, the handle is given
	 * back by release().
	 */
	bool		(*load) (const void *bytes, size_t len,
						 SbkBoosterHandle **handle, SbkLibraryError *error);

	/* Rounds and features, as the library counts them. */
	bool		(*describe) (SbkBoosterHandle *handle, int *rounds,
							 size_t *features, SbkLibraryError *error);

	bool		(*predict) (SbkBoosterHandle *handle,
							SbkPrediction *prediction, SbkLibraryError *error);

	/* accepts NULL; never fails */
	void		(*release) (SbkBoosterHandle *handle);
} SbkLibrary;

/*
 * The module's one entry point.  The OpenMP functions are those of the
 * library's own OpenMP, or NULL where it has none.
 */
typedef const SbkLibrary *(*SbkLibraryEntry) (void (*set_threads) (int),
											  int (*get_threads) (void),
											  SbkLibraryError *error);

/*
 * The library, opened on first use.  Throws where it cannot be opened, and in
 * the postmaster.
 */
extern const SbkLibrary *sbk_library(void);

#endif							/* SBK_LIBRARY_H */
