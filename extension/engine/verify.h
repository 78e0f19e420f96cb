/*
 * verify.h
 *		Proves that the native engine gives the bits of the library.
 */
#ifndef SBK_VERIFY_H
#define SBK_VERIFY_H

#include "engine/engine.h"

/* room for the margins that are kept as a record */
#define SBK_VERIFICATION_VALUES		1024

typedef struct SbkVerification
{
	int			rows;
	float		worst_difference;	/* NaN where one gave a number, one not */
	bool		same;			/* bit for bit */
	int			num_value;		/* margins that the library gave, */
	float		values[SBK_VERIFICATION_VALUES];	/* of the first rows */
} SbkVerification;

/*
 * Scores probe rows with both engines, for which the engine must be ready:
 * margins, values where the native engine knows the link, and leaves.  The rows follow random paths through every
 * tree, on both sides of the thresholds, and hold what is missing, zero or
 * huge; they are the same each time.
 */
extern void sbk_engine_verify(SbkEngine *engine,
							  SbkVerification *verification);

#endif							/* SBK_VERIFY_H */
