/*
 * walk.h
 *		What the kernels share: internal to them.
 *
 * A row is walked as its copies, where place 0, 1, ... of it is what feature 0,
 * 1, ... holds, with minus infinity for missing; then come the features once
 * more, with plus infinity; then a NaN.  Rows of a block are copied in lanes:
 * the places of all rows side by side, so that the same place of consecutive
 * rows is one load.
 */
#ifndef SBK_WALK_H
#define SBK_WALK_H

#include "engine/kernel.h"

/* Rows that a block kernel takes at once, at most; a multiple of all lanes. */
#define SBK_BLOCK_ROWS		64

/* Walks below a crown are looked at for having arrived every so many steps. */
#define SBK_STEPS_AT_ONCE	8

/*
 * A block kernel: adds what the first ntree trees give to the margins of the
 * rows.  The scratch memory has room for as many lanes as nrows, rounded up to
 * a multiple of 16, each of sbk_lane_width() numbers.
 */
typedef void (*SbkBlockKernel) (const SbkForest *forest, uint32_t ntree,
								const float *rows, size_t nrows,
								float *scratch, float *margins);

#if defined(__x86_64__) && defined(__GNUC__)
#define SBK_HAVE_AVX	1
extern void sbk_block_avx2(const SbkForest *forest, uint32_t ntree,
						   const float *rows, size_t nrows, float *scratch,
						   float *margins);
extern void sbk_block_avx512(const SbkForest *forest, uint32_t ntree,
							 const float *rows, size_t nrows, float *scratch,
							 float *margins);
#endif

/* Places of a row, and its sums. */
static inline size_t
sbk_lane_width(const SbkForest *forest)
{
	return 2 * (size_t) forest->num_feature + 1 + forest->num_output;
}

/*
 * From a node that so many steps lead to on to the leaf.  The row's places are
 * so many numbers apart.
 */
static inline uint32_t
sbk_walk_on(const SbkForest *forest, const SbkForestTree *tree,
			const float *places, size_t apart, uint32_t at, uint32_t steps)
{
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes) + tree->root;

	while (steps < tree->depth && !sbk_node_is_leaf(forest, &nodes[at]))
	{
		uint32_t	stop = steps + SBK_STEPS_AT_ONCE;

		for (; steps < tree->depth && steps < stop; steps++)
		{
			const SbkNode *node = &nodes[at];

			at = sbk_forest_next(forest, node,
								 places[(node->input & SBK_NODE_PLACE) * apart]);
		}
	}
	return at;
}

/* Adds what a leaf has; the sums of the outputs are so many numbers apart. */
static inline void
sbk_add_leaf(const SbkForest *forest, const SbkForestTree *tree, uint32_t at,
			 float *sums, size_t apart)
{
	const SbkNode *leaf = SBK_FOREST_ARRAY(forest, SbkNode, nodes) +
		tree->root + at;
	const float *numbers;
	uint32_t	i;

	if (!forest->vector_leaf)
	{
		sums[tree->output * apart] += leaf->value.number;
		return;
	}
	numbers = SBK_FOREST_ARRAY(forest, float, leaves) + leaf->value.index;
	for (i = 0; i < forest->num_output; i++)
		sums[i * apart] += numbers[i];
}

#endif							/* SBK_WALK_H */
