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

/* What serves a version, as its last verification found. */
typedef enum SbkServing
{
	SBK_SERVED_BY_NONE,
	SBK_SERVED_BY_NATIVE,
	SBK_SERVED_BY_XGBOOST
} SbkServing;

/* Rows are never updated, so one is known by where it stands and who wrote it. */
typedef struct SbkRowIdentity
{
	TransactionId xmin;
	ItemPointerData tid;
} SbkRowIdentity;

/*
 * What an entry was made from: a row of model_version, and the last row of
 * verification, or none.
 */
typedef struct SbkModelKey
{
	Oid			storage;		/* another one after TRUNCATE, or DROP
								 * EXTENSION */
	int32		model_id;
	int32		version;
	SbkRowIdentity version_row;
	SbkRowIdentity verification_row;
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
	double		tolerance;		/* relative difference that scores may show */
	int			iterations;		/* boosting rounds to score, 0 for all */
	uint8		sha256[SBK_SHA256_LENGTH];	/* of the artifact */
	SbkServing	serving;
	char	   *verified_with;	/* version of the library, NULL: never
								 * verified */
	SbkEngine  *engine;			/* NULL where only read */
	Size		library_size;	/* of what the library has of it, about */
	Size		size;			/* of all of it, when it was last weighed */
} SbkModel;

/*
 * Finds the rows that an entry is made from, under the active snapshot.  Throws
 * where the version is gone.
 */
extern void sbk_model_find(const SbkResolved *resolved, SbkModelKey *key);

/*
 * Reads what the registry says of the version, all of it in the context, which
 * should be one of its own: an error leaves part of it there.
 */
extern SbkModel *sbk_model_read(MemoryContext context,
								const SbkResolved *resolved);

/*
 * Opens the engine of a model that was read into this context.  Throws where
 * what is stored is damaged.
 */
extern void sbk_model_open(MemoryContext context, SbkModel *model);

/*
 * Scores rows with the engine that scorebook.engine chooses; arguments and
 * result are those of sbk_engine_predict, and no result is NaN.  A model that
 * is scored natively loads the library only when that is asked for, and what
 * an opened model takes in memory may grow by that.
 */
extern const float *sbk_model_predict(SbkModel *model, const float *rows,
									  Size nrows, const float *base_margin,
									  SbkPredictionKind kind, Size *width);

/*
 * Makes an opened model ready for being scored, or explained, too: all that
 * may fail before the first row does so here.  Nothing is read or loaded after
 * that, so that what rows throw leaves nothing behind.
 */
extern void sbk_model_prepare(SbkModel *model, bool explain);

/* Would the native engine score it now? */
extern bool sbk_model_is_native(const SbkModel *model);

/* The same with the engine that is named, whatever has verified the model. */
extern const float *sbk_model_predict_by(SbkModel *model, bool native,
										 const float *rows, Size nrows,
										 const float *base_margin,
										 SbkPredictionKind kind, Size *width);

/*
 * Explains rows with the library, which is loaded on demand whatever
 * scorebook.engine says; arguments and results are those of
 * sbk_engine_explain, and all contributions are finite.
 */
extern float *sbk_model_explain(SbkModel *model, const float *rows,
								Size nrows, const float *base_margin,
								float **margins);

/* The code of a level, -1 where the feature has no such level. */
extern int	sbk_feature_code(const SbkFeature *feature, const char *name,
							 int len);

/* The class that the values of a row speak for; the first one on ties. */
extern int	sbk_model_class(const SbkModel *model, const float *values);

/* The label of class i: its number, where the model has no labels. */
extern char *sbk_model_class_label(const SbkModel *model, int i);

#endif							/* SBK_MODEL_H */
