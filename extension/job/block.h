/*
 * block.h
 *		Rows of a source that one served scorer scores together.
 *
 * Of each the block keeps what is needed after scoring: the key, and what the
 * book had.  What differs from that goes to the pass.
 */
#ifndef SBK_BLOCK_H
#define SBK_BLOCK_H

#include "job/pass.h"

typedef struct SbkBlock SbkBlock;

/* Lives in the current context; the scorer was started. */
extern SbkBlock *sbk_block_make(SbkPass *pass, SbkScorer *scorer);

/*
 * Adds a row, whose inputs the scorer has just read.  Scores the block once it
 * is full.  Throws where the book knows a later state of the row.
 */
extern void sbk_block_add(SbkBlock *block, const Datum *values,
						  const bool *nulls);

/*
 * Scores the rows of the block, which is empty then.  Throws where the run
 * takes too long, or reads too many rows.
 */
extern void sbk_block_score(SbkBlock *block);

#endif							/* SBK_BLOCK_H */
