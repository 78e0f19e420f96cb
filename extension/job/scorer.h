/*
 * scorer.h
 *		A model that scores rows of a source, block by block.
 *
 * All that depends on the model is here: how its inputs are read from the
 * source's columns, those of the rows that wait for being scored, and how many
 * numbers come out.
 */
#ifndef SBK_SCORER_H
#define SBK_SCORER_H

#include "access/tupdesc.h"

#include "bind/bind.h"
#include "registry/use.h"

/* rows that are scored together */
#define SBK_BLOCK_ROWS	1024

typedef enum SbkRole
{
	SBK_ROLE_SERVED,			/* the job's model */
	SBK_ROLE_SPLIT,				/* another alias, for a share of the keys */
	SBK_ROLE_SHADOW				/* a challenger, beside them */
} SbkRole;

typedef struct SbkScorer
{
	/* to be set before, the rest being zero */
	SbkRole		role;
	const char *reference;
	int			limit;			/* of a split: it serves keys whose place is
								 * below, and not below that of the one before */
	SbkModelUse use;
	SbkModel   *model;			/* pinned by it */
	bool		has_failed;		/* a shadow that is not scored any more */

	/* after the start */
	SbkRowBinding *binding;
	int			num_input;		/* features, and the base margin */
	Size		width;			/* numbers that the model gives for a row */
	float	   *inputs;			/* of the block, as the model sees them */
	float	   *base_margins;	/* NULL where the model has none */
	float	   *kept;			/* one row's inputs with its base margin */
	int			num_row;		/* of the block */

	bool		used_library;	/* to score, or to explain */
	int64		num_scored;
	int64		num_failed;		/* rows of a shadow that could not be scored */
	int			sqlstate;		/* of the first error of a shadow, or 0 */
	char	   *message;
} SbkScorer;

/*
 * Finds the columns that the model reads in rows of that type.  Allocates in
 * the current context, and throws where one is missing or does not fit.
 */
extern void sbk_scorer_start(SbkScorer *scorer, TupleDesc source);

/*
 * Reads the inputs of the next row of the block, which counts once the caller
 * adds one to num_row.
 */
extern void sbk_scorer_read(SbkScorer *scorer, const Datum *values,
							const bool *nulls);

/* A row's inputs with its base margin: num_input numbers, until the next call. */
extern const float *sbk_scorer_inputs(SbkScorer *scorer, int i);

/* The hash of the same. */
extern uint64 sbk_scorer_hash(const SbkScorer *scorer, int i);

/* Scores rows of the block: width numbers for each, until the next call. */
extern const float *sbk_scorer_predict(SbkScorer *scorer, int first, int n);

/* The label of the likeliest of several classes, else NULL. */
extern const char *sbk_scorer_class(const SbkScorer *scorer,
									const float *scores);

#endif							/* SBK_SCORER_H */
