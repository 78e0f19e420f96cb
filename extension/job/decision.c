/*
 * decision.c
 *		From a score to points, a decision and a band.
 */
#include "postgres.h"

#include <math.h>

#include "job/decision.h"

/* Probabilities of float4 are no nearer to 0 and 1 than that. */
#define SMALLEST_PROBABILITY	1e-7

Datum
sbk_ranges_find(const SbkRanges *ranges, double number)
{
	int			low = 0;
	int			high = ranges->n - 1;

	while (low < high)
	{
		int			middle = (low + high + 1) / 2;

		if (number >= ranges->lows[middle])
			low = middle;
		else
			high = middle - 1;
	}
	return ranges->labels[low];
}

int32
sbk_scaling_points(const SbkScaling *scaling, float probability)
{
	double		better = scaling->higher_is_better ? probability : 1.0 - probability;
	double		points;

	better = Min(Max(better, SMALLEST_PROBABILITY), 1.0 - SMALLEST_PROBABILITY);
	points = rint(scaling->offset +
				  scaling->factor * log(better / (1.0 - better)));
	return (int32) Min(Max(points, PG_INT32_MIN), PG_INT32_MAX);
}
