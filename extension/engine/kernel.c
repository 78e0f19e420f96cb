/*
 * kernel.c
 *		Rows through a forest: plain C.
 *
 * A step from node to node waits for memory most of the time, so many walks go
 * on at once: of one row through several trees, or of several rows through one
 * tree, which then stays in the cache.  The compiler must unroll the loops
 * over the lanes, see the Makefile.
 */
#include <math.h>

#include "engine/kernel.h"

#define LANES	8				/* trees of one row */
#define BLOCK	16				/* rows of one tree */

static void copy_row(const SbkForest *forest, const float *row, float *copy);
static void add_linear(const SbkForest *forest, const float *row,
					   float *margins);
static void add_leaf(const SbkForest *forest, const SbkForestTree *tree,
					 uint32_t at, float *margins);

/* One step of a walk.  A categorical split may occur only where it is said. */
static inline uint32_t
step(const SbkForest *forest, const SbkForestTree *tree, uint32_t at,
	 const float *copy, bool categorical)
{
	const SbkNode *node = SBK_FOREST_ARRAY(forest, SbkNode, nodes) +
		tree->root + at;
	float		input = copy[node->input & SBK_NODE_PLACE];

	if (!categorical)
		return node->left + !(input < node->value.number);
	return sbk_forest_next(forest, node, input);
}

/* One row through all trees. */
static inline void
walk_trees(const SbkForest *forest, uint32_t ntree, const float *copy,
		   bool categorical, float *margins)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	uint32_t	t;

	for (t = 0; t + LANES <= ntree; t += LANES)
	{
		uint32_t	at[LANES];
		uint32_t	depth = 0;
		uint32_t	level;
		int			i;

		for (i = 0; i < LANES; i++)
		{
			at[i] = 0;
			depth = depth > trees[t + i].depth ? depth : trees[t + i].depth;
		}
		for (level = 0; level < depth; level++)
		{
			for (i = 0; i < LANES; i++)
				at[i] = step(forest, &trees[t + i], at[i], copy, categorical);
		}
		for (i = 0; i < LANES; i++)
			add_leaf(forest, &trees[t + i], at[i], margins);
	}
	for (; t < ntree; t++)
	{
		uint32_t	at = 0;
		uint32_t	level;

		for (level = 0; level < trees[t].depth; level++)
			at = step(forest, &trees[t], at, copy, categorical);
		add_leaf(forest, &trees[t], at, margins);
	}
}

/* A block of rows through all trees. */
static inline void
walk_rows(const SbkForest *forest, uint32_t ntree, const float *copies,
		  bool categorical, float *margins)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	size_t		width = sbk_kernel_scratch(forest, 1);
	uint32_t	t;

	for (t = 0; t < ntree; t++)
	{
		uint32_t	at[BLOCK];
		uint32_t	level;
		int			i;

		for (i = 0; i < BLOCK; i++)
			at[i] = 0;
		for (level = 0; level < trees[t].depth; level++)
		{
			for (i = 0; i < BLOCK; i++)
				at[i] = step(forest, &trees[t], at[i], copies + i * width, categorical);
		}
		for (i = 0; i < BLOCK; i++)
			add_leaf(forest, &trees[t], at[i],
					 margins + (size_t) i * forest->num_output);
	}
}

size_t
sbk_kernel_scratch(const SbkForest *forest, size_t nrows)
{
	return (nrows < BLOCK ? 1 : BLOCK) * (2 * (size_t) forest->num_feature + 1);
}

void
sbk_kernel_margins(const SbkForest *forest, uint32_t ntree, const float *rows,
				   size_t nrows, const float *base_margin, float *scratch,
				   float *margins)
{
	const float *start = SBK_FOREST_ARRAY(forest, float, margins);
	size_t		num_feature = forest->num_feature;
	size_t		num_output = forest->num_output;
	size_t		width = sbk_kernel_scratch(forest, 1);
	size_t		r;
	size_t		i;

	for (r = 0; r < nrows; r++)
	{
		for (i = 0; i < num_output; i++)
			margins[r * num_output + i] = base_margin ? base_margin[r] : start[i];
		if (sbk_forest_is_linear(forest))
			add_linear(forest, rows + r * num_feature, margins + r * num_output);
	}
	if (sbk_forest_is_linear(forest))
		return;

	for (r = 0; r + BLOCK <= nrows; r += BLOCK)
	{
		for (i = 0; i < BLOCK; i++)
			copy_row(forest, rows + (r + i) * num_feature, scratch + i * width);
		if (forest->num_set > 0)
			walk_rows(forest, ntree, scratch, true, margins + r * num_output);
		else
			walk_rows(forest, ntree, scratch, false, margins + r * num_output);
	}
	for (; r < nrows; r++)
	{
		copy_row(forest, rows + r * num_feature, scratch);
		if (forest->num_set > 0)
			walk_trees(forest, ntree, scratch, true, margins + r * num_output);
		else
			walk_trees(forest, ntree, scratch, false, margins + r * num_output);
	}
}

void
sbk_kernel_leaves(const SbkForest *forest, uint32_t ntree, const float *rows,
				  size_t nrows, float *scratch, float *leaves)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	size_t		r;
	uint32_t	t;

	for (r = 0; r < nrows; r++)
	{
		copy_row(forest, rows + r * forest->num_feature, scratch);
		for (t = 0; t < ntree; t++)
		{
			uint32_t	at = 0;
			uint32_t	level;

			for (level = 0; level < trees[t].depth; level++)
				at = step(forest, &trees[t], at, scratch, true);
			leaves[r * ntree + t] = (float) at;
		}
	}
}

static void
copy_row(const SbkForest *forest, const float *row, float *copy)
{
	uint32_t	n = forest->num_feature;
	uint32_t	i;

	for (i = 0; i < n; i++)
	{
		copy[i] = isnan(row[i]) ? -INFINITY : row[i];
		copy[n + i] = isnan(row[i]) ? INFINITY : row[i];
	}
	copy[2 * n] = NAN;
}

/* The bias first, then the features that are not missing. */
static void
add_linear(const SbkForest *forest, const float *row, float *margins)
{
	const float *weights = SBK_FOREST_ARRAY(forest, float, weights);
	size_t		num_output = forest->num_output;
	size_t		num_feature = forest->num_feature;
	size_t		i;
	size_t		o;

	for (o = 0; o < num_output; o++)
	{
		float		sum = weights[num_feature * num_output + o] + margins[o];

		for (i = 0; i < num_feature; i++)
		{
			if (!isnan(row[i]))
				sum += row[i] * weights[i * num_output + o];
		}
		margins[o] = sum;
	}
}

static inline void
add_leaf(const SbkForest *forest, const SbkForestTree *tree, uint32_t at,
		 float *margins)
{
	const SbkNode *leaf = SBK_FOREST_ARRAY(forest, SbkNode, nodes) +
		tree->root + at;
	const float *numbers;
	uint32_t	i;

	if (!forest->vector_leaf)
	{
		margins[tree->output] += leaf->value.number;
		return;
	}
	numbers = SBK_FOREST_ARRAY(forest, float, leaves) + leaf->value.index;
	for (i = 0; i < forest->num_output; i++)
		margins[i] += numbers[i];
}
