/*
 * engine.h
 *		A model that is ready to score: rows of float4 in, values out.
 *
 * Knows nothing of SQL.  An engine lives in the memory context that it is
 * given; deleting that context frees what the library holds.  It can score in
 * two ways: natively, from a forest, and with XGBoost, which is loaded only
 * where it is asked for.  Which of them serves is for the caller to decide.
 */
#ifndef SBK_ENGINE_H
#define SBK_ENGINE_H

#include "engine/forest.h"
#include "xgboost/library.h"

typedef struct SbkEngine SbkEngine;

/* What the values of an objective are. */
typedef enum SbkFamily
{
	SBK_FAMILY_BINARY_PROBABILITY,	/* of the second class */
	SBK_FAMILY_BINARY_MARGIN,	/* its log odds */
	SBK_FAMILY_BINARY_CLASS,	/* 0 or 1 */
	SBK_FAMILY_MULTI_PROBABILITY,	/* one for each class */
	SBK_FAMILY_MULTI_CLASS,		/* the index of the likeliest class */
	SBK_FAMILY_VALUE			/* anything else */
} SbkFamily;

/* num_output is the number of classes, targets, quantiles or expectiles */
extern SbkFamily sbk_family(const char *objective, int num_output);

/* Values that predict gives for a row: one for multi:softmax. */
extern int	sbk_family_width(SbkFamily family, int num_output);

/* Classes that the values speak of; 0 where they speak of none. */
extern int	sbk_family_classes(SbkFamily family, int num_output);

/*
 * Says in reason (a full sentence) why this version of XGBoost would score the
 * model wrong, or returns false.
 */
extern bool sbk_incompatible(const SbkSummary *summary, const int version[3],
							 char *reason, Size size);

/*
 * Opens a model, ready for the native engine.  The label names it in messages.
 * The forest must live as long as the engine.  rounds limits scoring to the
 * first so many boosting rounds, 0 is all.
 */
extern SbkEngine *sbk_engine_open(MemoryContext parent, const char *label,
								  const SbkForest *forest, int rounds);

/* What the native engine scores: always margins, and values if it knows the link. */
extern const SbkForest *sbk_engine_forest(const SbkEngine *engine);

/*
 * Makes it ready for a library, in this process or in another one.  The
 * artifact must be followed by SBK_LIBRARY_PADDING zero bytes and is not needed
 * afterwards.  Throws where the library cannot serve the model right; but where
 * a reason is asked for, that the library does not take this model is told
 * there, in full sentences, and the engine is not ready for it.
 */
extern void sbk_engine_load(SbkEngine *engine, const SbkLibrary *library,
							const SbkSummary *summary, const char *artifact,
							Size len, char **reason);

/* Takes the library away from it again. */
extern void sbk_engine_unload(SbkEngine *engine);

/* Is it ready for a library? */
extern bool sbk_engine_loaded(const SbkEngine *engine);

/*
 * Scores rows of as many columns as the model has features, finite or NaN for
 * missing: natively, or with the library; the engine must be ready for that.
 * Only the library gives contributions.
 * base_margin has one number for each row, or is NULL.  The result has *width
 * numbers for each row and is valid until the next call of the same kind.
 */
extern const float *sbk_engine_predict(SbkEngine *engine, bool native,
									   const float *rows, Size nrows,
									   const float *base_margin,
									   SbkPredictionKind kind, Size *width);

/*
 * Throws where the library, which must be loaded, cannot explain the model, or
 * a single row would take it too long.
 */
extern void sbk_engine_check_explainable(const SbkEngine *engine);

/*
 * Explains rows with the library, which must be loaded; rows and base_margin
 * are those of sbk_engine_predict.  Each row gets one margin for each output,
 * and for each output num_feature + 1 contributions: what each feature adds to
 * the margin, and last the base value that they are added to, which holds the
 * row's base margin.  Returns the contributions and sets the margins, both
 * palloc'd.
 *
 * Explaining costs hundreds of times what scoring does, so that many rows are
 * handed to the library in small blocks, between which a cancel is heard.
 * Throws as sbk_engine_check_explainable does.
 */
extern float *sbk_engine_explain(SbkEngine *engine, const float *rows,
								 Size nrows, const float *base_margin,
								 float **margins);

#endif							/* SBK_ENGINE_H */
