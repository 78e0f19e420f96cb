/*
 * walk.h
 *		What the kernels share: internal to them.
 *
 * The inputs of a row are the keys of its copies: place 0, 1, ... is what
 * feature 0, 1, ... holds, with SBK_KEY_BELOW for missing; then come the
 * features once more, with SBK_KEY_ABOVE; then SBK_KEY_LEAF.  Rows of a block
 * lie in lanes: the same place of all rows side by side, so that it is one load.
 */
#ifndef SBK_WALK_H
#define SBK_WALK_H

#include "engine/kernel.h"

#define SBK_BLOCK_ROWS		64
#define SBK_MAX_LANES		16	/* rows in a vector */

/* Below a crown, a walk looks every so many steps whether it has arrived. */
#define SBK_STEPS_AT_ONCE	8

/* What the instructions of a processor can do. */
typedef struct SbkKernel
{
	/* fewer rows than this go through the trees one by one */
	size_t		few_rows;

	/*
	 * Adds to the margins of rows, SBK_BLOCK_ROWS at most, what the first
	 * ntree trees give.  The scratch memory has room for as many lanes as
	 * rows, rounded up to a multiple of SBK_MAX_LANES, of sbk_lane_width()
	 * numbers each.
	 */
	void		(*block) (const SbkForest *forest, uint32_t ntree,
						  const float *rows, size_t nrows, void *scratch,
						  float *margins);
} SbkKernel;

#if defined(__x86_64__) && defined(__GNUC__)
#define SBK_HAVE_AVX	1
extern const SbkKernel sbk_kernel_avx2;
extern const SbkKernel sbk_kernel_avx512;
#endif

static inline size_t
sbk_num_input(const SbkForest *forest)
{
	return 2 * (size_t) forest->num_feature + 1;
}

/* The inputs of a row, and its sums. */
static inline size_t
sbk_lane_width(const SbkForest *forest)
{
	return sbk_num_input(forest) + forest->num_output;
}

/* The slot after this one. */
static inline size_t
sbk_next_slot(const SbkSlot *crown, size_t slot, const uint32_t *inputs,
			  size_t apart)
{
	return 2 * slot + 1 -
		(inputs[crown[slot].place * apart] < crown[slot].threshold);
}

/*
 * From a node on to the leaf, where so many steps have led to the node.  The
 * row's inputs are so many numbers apart.
 */
static inline uint32_t
sbk_walk_on(const SbkForest *forest, const SbkForestTree *tree,
			const uint32_t *inputs, size_t apart, uint32_t at, uint32_t steps)
{
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes) + tree->root;

	while (steps < tree->depth && !sbk_node_is_leaf(forest, &nodes[at]))
	{
		uint32_t	stop = steps + SBK_STEPS_AT_ONCE;

		for (; steps < tree->depth && steps < stop; steps++)
		{
			const SbkNode *node = &nodes[at];

			at = sbk_forest_next(forest, node,
								 inputs[(node->input & SBK_NODE_PLACE) * apart]);
		}
	}
	return at;
}

/* Adds what a leaf has to sums that are so many numbers apart. */
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

/*
 * Adds what a row's crown ends with to its margins, from there on to the leaf.
 */
static inline void
sbk_add_end(const SbkForest *forest, const SbkForestTree *tree, SbkNumber end,
			const uint32_t *inputs, size_t apart, float *margins)
{
	if (sbk_crown_is_complete(forest, tree))
		margins[tree->output] += end.number;
	else
		sbk_add_leaf(forest, tree,
					 sbk_walk_on(forest, tree, inputs, apart, end.index,
								 tree->crown_levels), margins, 1);
}

#endif							/* SBK_WALK_H */
