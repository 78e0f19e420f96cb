/*
 * link.h
 *		From margins to values, and from a base score to a margin.
 *
 * The arithmetic is XGBoost's, in its order and with the C library's functions,
 * so that the bits are those of the library.  Nearly all of it is float4.
 */
#ifndef SBK_LINK_H
#define SBK_LINK_H

#include "artifact/summary.h"

typedef enum SbkLink
{
	SBK_LINK_UNKNOWN,
	SBK_LINK_IDENTITY,
	SBK_LINK_LOGISTIC,
	SBK_LINK_EXP,
	SBK_LINK_EXP_DOUBLE,		/* through a double: rounded once */
	SBK_LINK_SIGN,				/* 1 above 0, else 0 */
	SBK_LINK_SOFTMAX,
	SBK_LINK_LARGEST,			/* the index of the largest margin */
	SBK_LINK_SOFTPLUS_SUM		/* the one before it, and the softplus of the
								 * margin */
} SbkLink;

/* SBK_LINK_UNKNOWN where the objective is not a known one */
extern SbkLink sbk_link(const char *objective);

/*
 * Turns base scores, one for each output, into the margins that they stand for
 * in a file of this version, in place.
 */
extern void sbk_link_margins(SbkLink link, const int version[3],
							 float *base_scores, int num_output);

/*
 * Turns the margins of rows into values, in place.  Returns how many there are
 * for each row.
 */
extern int	sbk_link_values(SbkLink link, float *margins, size_t nrows,
							int num_output);

/* Probabilities from the margins of a multi-class model, in place. */
extern void sbk_link_softmax(float *margins, int n);

#endif							/* SBK_LINK_H */
