/*
 * model.h
 *		A version of a model, as the scoring path needs it.
 */
#ifndef SBK_MODEL_H
#define SBK_MODEL_H

#include "storage/itemptr.h"

#include "engine/engine.h"
#include "registry/reference.h"

typedef enum SbkOnUnseen
{
	SBK_UNSEEN_ERROR,
	SBK_UNSEEN_MISSING,
	SBK_UNSEEN_LEVEL
} SbkOnUnseen;

typedef struct SbkLevel
{
	const char *name;
	int			len;
	int			code;
} SbkLevel;

typedef struct SbkFeature
{
	char	   *name;
	char	   *column;			/* column or key it is read from, by name */
	bool		categorical;
	int			num_level;
	SbkLevel   *levels;			/* sorted by length and bytes */
	char	  **level_names;	/* by code */
	bool		null_is_error;
	bool		inexact_is_error;
	SbkOnUnseen on_unseen;
	int			unseen_code;
} SbkFeature;

/*
 * The row of model_version that an entry was made from.  Versions are never
 * updated, so a row is known by where it stands and who wrote it.
 */
typedef struct SbkModelKey
{
	Oid			table;			/* another one after DROP EXTENSION */
	int32		model_id;
	int32		version;
	TransactionId xmin;
	ItemPointerData tid;
} SbkModelKey;

typedef struct SbkModel
{
	SbkModelKey key;
	char	   *label;			/* "credit_risk/3" */
	SbkFamily	family;
	char	   *objective;
	int			num_feature;
	int			num_output;
	SbkFeature *features;
	bool		has_missing;	/* missing is read as missing */
	float		missing;
	char	   *base_margin;	/* name of the offset column, or NULL */
	int			num_class;		/* labels in classes; 0: none were given */
	char	  **classes;
	float		cutoff;
	int			iterations;		/* boosting rounds to score, 0 for all */
	bool		native;			/* verified: the native engine gives the
								 * library's bits */
	SbkEngine  *engine;			/* NULL where only read */
	Size		size;			/* bytes of the artifact */
} SbkModel;

/*
 * Finds the row of the version under the active snapshot.  Throws where it is
 * gone.
 */
extern void sbk_model_find(const SbkResolved *resolved, SbkModelKey *key);

/*
 * Reads what the registry says of the version, all of it in the context, which
 * should be one of its own: an error leaves part of it there.
 */
extern SbkModel *sbk_model_read(MemoryContext context,
								const SbkResolved *resolved);

/* The same, with its engine opened. */
extern SbkModel *sbk_model_load(MemoryContext context,
								const SbkResolved *resolved);

/*
 * Scores rows with the engine that scorebook.engine chooses; arguments and
 * result are those of sbk_engine_predict, and no result is NaN.  A model that
 * is scored natively loads the library only when that is asked for.
 */
extern const float *sbk_model_predict(SbkModel *model, const float *rows,
									  Size nrows, const float *base_margin,
									  SbkPredictionKind kind, Size *width);

/*
 * Explains rows with the library, which is loaded on demand whatever
 * scorebook.engine says; arguments and results are those of
 * sbk_engine_explain, and all results are finite.
 */
extern void sbk_model_explain(SbkModel *model, const float *rows, Size nrows,
							  const float *base_margin, float *contributions,
							  float *margins);

/* The code of a level, -1 where the feature has no such level. */
extern int	sbk_feature_code(const SbkFeature *feature, const char *name,
							 int len);

#endif							/* SBK_MODEL_H */
