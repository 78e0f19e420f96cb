/*
 * decision.h
 *		From a score to points, a decision and a band.
 */
#ifndef SBK_DECISION_H
#define SBK_DECISION_H

/*
 * Ranges that cover all numbers: each goes from its low bound, including it, to
 * the low bound of the next one, excluding it.  The first one is -infinity.
 */
typedef struct SbkRanges
{
	int			set;			/* version of these ranges; 0: there are none */
	bool		of_points;		/* ranges of points, not of the score */
	int			n;
	double	   *lows;			/* in ascending order */
	Datum	   *labels;			/* text */
} SbkRanges;

/*
 * Points of a scorecard: offset + factor * ln(odds), rounded, where the odds
 * are those of the better of the two outcomes.
 */
typedef struct SbkScaling
{
	bool		exists;
	double		offset;
	double		factor;
	bool		higher_is_better;	/* the score is the probability of the
									 * better outcome */
} SbkScaling;

/* The label of the range that the number is in. */
extern Datum sbk_ranges_find(const SbkRanges *ranges, double number);

extern int32 sbk_scaling_points(const SbkScaling *scaling, float probability);

#endif							/* SBK_DECISION_H */
