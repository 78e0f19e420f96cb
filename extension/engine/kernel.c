/*
 * kernel.c
 *		Rows through a forest: plain C, and the choice of a kernel.
 *
 * A step from node to node waits for memory most of the time, so many walks go
 * on at once: of one row through several trees, or of several rows through one
 * tree, which then stays in the cache.  The compiler must unroll the loops over
 * the lanes, see the Makefile.
 */
#include <math.h>

#include "engine/walk.h"

#define LANES		SBK_MAX_LANES	/* rows of a block */
#define TREES		8				/* of one row at a time */

/* wider lanes would fill the cache: blocks have fewer rows then */
#define WIDE_LANE	4096

static const SbkKernel *find_kernel(SbkSimd simd);
static size_t block_rows(const SbkForest *forest);
static void start_margins(const SbkForest *forest, const float *rows,
						  size_t nrows, const float *base_margin,
						  float *margins);
static void add_linear(const SbkForest *forest, const float *row,
					   float *margins);
static void walk_row(const SbkForest *forest, uint32_t ntree,
					 const float *inputs, float *margins);
static void walk_block(const SbkForest *forest, uint32_t ntree,
					   const float *rows, size_t nrows, float *scratch,
					   float *margins);
static void copy_row(const SbkForest *forest, const float *row, float *inputs,
					 size_t apart);

static const SbkKernel scalar_kernel = {10, walk_block};

bool
sbk_simd_supported(SbkSimd simd)
{
	switch (simd)
	{
		case SBK_SIMD_AUTO:
		case SBK_SIMD_SCALAR:
			return true;
#ifdef SBK_HAVE_AVX
		case SBK_SIMD_AVX2:
			return __builtin_cpu_supports("avx2");
		case SBK_SIMD_AVX512:
			return __builtin_cpu_supports("avx512f");
#else
		case SBK_SIMD_AVX2:
		case SBK_SIMD_AVX512:
			break;
#endif
	}
	return false;
}

size_t
sbk_kernel_scratch(const SbkForest *forest, size_t nrows)
{
	size_t		lanes = nrows < block_rows(forest) ? nrows : block_rows(forest);

	if (lanes > 1)
		lanes = (lanes + LANES - 1) / LANES * LANES;
	return lanes * sbk_lane_width(forest);
}

void
sbk_kernel_margins(const SbkForest *forest, SbkSimd simd, uint32_t ntree,
				   const float *rows, size_t nrows, const float *base_margin,
				   float *scratch, float *margins)
{
	const SbkKernel *kernel = find_kernel(simd);
	size_t		num_feature = forest->num_feature;
	size_t		num_output = forest->num_output;
	size_t		r = 0;

	start_margins(forest, rows, nrows, base_margin, margins);
	if (sbk_forest_is_linear(forest))
		return;
	while (nrows - r >= kernel->few_rows)
	{
		size_t		n = nrows - r < block_rows(forest) ? nrows - r : block_rows(forest);

		kernel->block(forest, ntree, rows + r * num_feature, n, scratch,
					  margins + r * num_output);
		r += n;
	}
	for (; r < nrows; r++)
	{
		copy_row(forest, rows + r * num_feature, scratch, 1);
		walk_row(forest, ntree, scratch, margins + r * num_output);
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
		copy_row(forest, rows + r * forest->num_feature, scratch, 1);
		for (t = 0; t < ntree; t++)
			leaves[r * ntree + t] =
				(float) sbk_walk_on(forest, &trees[t], scratch, 1, 0, 0);
	}
}

static const SbkKernel *
find_kernel(SbkSimd simd)
{
#ifdef SBK_HAVE_AVX
	if (simd == SBK_SIMD_AVX512 ||
		(simd == SBK_SIMD_AUTO && sbk_simd_supported(SBK_SIMD_AVX512)))
		return &sbk_kernel_avx512;
	if (simd == SBK_SIMD_AVX2 ||
		(simd == SBK_SIMD_AUTO && sbk_simd_supported(SBK_SIMD_AVX2)))
		return &sbk_kernel_avx2;
#endif
	return &scalar_kernel;
}

static size_t
block_rows(const SbkForest *forest)
{
	return sbk_lane_width(forest) < WIDE_LANE ? SBK_BLOCK_ROWS : LANES;
}

static void
start_margins(const SbkForest *forest, const float *rows, size_t nrows,
			  const float *base_margin, float *margins)
{
	const float *start = SBK_FOREST_ARRAY(forest, float, margins);
	size_t		num_output = forest->num_output;
	size_t		r;
	size_t		i;

	for (r = 0; r < nrows; r++)
	{
		for (i = 0; i < num_output; i++)
			margins[r * num_output + i] = base_margin ? base_margin[r] : start[i];
		if (sbk_forest_is_linear(forest))
			add_linear(forest, rows + r * forest->num_feature,
					   margins + r * num_output);
	}
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

/*
 * Adds to the margins of a row what trees give, where each row has come to a
 * slot of its crown.
 */
static inline void
finish_trees(const SbkForest *forest, const SbkForestTree *trees,
			 uint32_t ntree, const float *inputs, const uint32_t *slots,
			 float *margins)
{
	uint32_t	output = trees[0].output;
	float		sum = margins[output];
	uint32_t	t;

	for (t = 0; t < ntree; t++)
	{
		const SbkForestTree *tree = &trees[t];
		const SbkNumber *places = sbk_crown_places(forest, tree);
		uint32_t	slot = slots[t];

		while (slot < 1U << tree->crown_levels)
			slot = 2 * slot +
				!(inputs[places[slot].index] < sbk_crown(forest, tree)[slot].number);
		if (tree->output != output)
		{
			margins[output] = sum;
			output = tree->output;
			sum = margins[output];
		}
		if (sbk_crown_is_complete(forest, tree))
			sum += places[slot].number;
		else
		{
			margins[output] = sum;
			sbk_add_leaf(forest, tree,
						 sbk_walk_on(forest, tree, inputs, 1, places[slot].index,
									 tree->crown_levels), margins, 1);
			sum = margins[output];
		}
	}
	margins[output] = sum;
}

/*
 * Some trees at once through as many levels as all their crowns have; then each
 * through the rest of its own.
 */
static void
walk_row(const SbkForest *forest, uint32_t ntree, const float *inputs,
		 float *margins)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	const uint32_t root = 1;
	uint32_t	t;

	for (t = 0; t + TREES <= ntree; t += TREES)
	{
		const SbkNumber *thresholds[TREES];
		const SbkNumber *places[TREES];
		uint32_t	slots[TREES];
		uint32_t	levels = SBK_MAX_CROWN_LEVELS;
		uint32_t	level;
		int			i;

		for (i = 0; i < TREES; i++)
		{
			thresholds[i] = sbk_crown(forest, &trees[t + i]);
			places[i] = sbk_crown_places(forest, &trees[t + i]);
			slots[i] = 1;
			if (trees[t + i].crown_levels < levels)
				levels = trees[t + i].crown_levels;
		}
		for (level = 0; level < levels; level++)
		{
			for (i = 0; i < TREES; i++)
			{
				uint32_t	slot = slots[i];

				slots[i] = 2 * slot +
					!(inputs[places[i][slot].index] < thresholds[i][slot].number);
			}
		}
		finish_trees(forest, trees + t, TREES, inputs, slots, margins);
	}
	for (; t < ntree; t++)
		finish_trees(forest, &trees[t], 1, inputs, &root, margins);
}

/* One level of a crown. */
static inline void
step_lanes(const SbkNumber *thresholds, const SbkNumber *places,
		   const float *inputs, uint32_t *slots)
{
	int			i;

	for (i = 0; i < LANES; i++)
	{
		uint32_t	slot = slots[i];
		float		input = inputs[(size_t) places[slot].index * LANES + i];

		slots[i] = 2 * slot + !(input < thresholds[slot].number);
	}
}

/* Lanes without a row are copies of the last. */
static void
walk_block(const SbkForest *forest, uint32_t ntree, const float *rows,
		   size_t nrows, float *scratch, float *margins)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	size_t		r;
	size_t		i;
	uint32_t	t;

	for (r = 0; r < nrows; r += LANES)
	{
		size_t		n = nrows - r < LANES ? nrows - r : LANES;

		for (i = 0; i < LANES; i++)
			copy_row(forest, rows + (r + (i < n ? i : n - 1)) * forest->num_feature,
					 scratch + i, LANES);
		for (t = 0; t < ntree; t++)
		{
			const SbkForestTree *tree = &trees[t];
			const SbkNumber *places = sbk_crown_places(forest, tree);
			uint32_t	slots[LANES];
			uint32_t	level;

			for (i = 0; i < LANES; i++)
				slots[i] = 1;
			for (level = 0; level < tree->crown_levels; level++)
				step_lanes(sbk_crown(forest, tree), places, scratch, slots);
			for (i = 0; i < n; i++)
			{
				float	   *sums = margins + (r + i) * forest->num_output;
				SbkNumber	end = places[slots[i]];

				if (sbk_crown_is_complete(forest, tree))
					sums[tree->output] += end.number;
				else
					sbk_add_leaf(forest, tree,
								 sbk_walk_on(forest, tree, scratch + i, LANES,
											 end.index, tree->crown_levels),
								 sums, 1);
			}
		}
	}
}

static void
copy_row(const SbkForest *forest, const float *row, float *inputs,
		 size_t apart)
{
	size_t		n = forest->num_feature;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		inputs[i * apart] = isnan(row[i]) ? -INFINITY : row[i];
		inputs[(n + i) * apart] = isnan(row[i]) ? INFINITY : row[i];
	}
	inputs[2 * n * apart] = NAN;
}
