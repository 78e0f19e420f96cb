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

#define LANES		16			/* rows of a block in plain C */
#define TREES		4			/* of one row at a time */

/* fewer rows than this go through the trees one by one */
#define FEW_ROWS	4

/* wider lanes would fill the cache: blocks have fewer rows then */
#define WIDE_LANE	4096

static SbkBlockKernel find_kernel(SbkSimd simd);
static size_t block_rows(const SbkForest *forest);
static void start_margins(const SbkForest *forest, const float *rows,
						  size_t nrows, const float *base_margin,
						  float *margins);
static void add_linear(const SbkForest *forest, const float *row,
					   float *margins);
static void block_scalar(const SbkForest *forest, uint32_t ntree,
						 const float *rows, size_t nrows, float *scratch,
						 float *margins);
static void walk_row(const SbkForest *forest, uint32_t ntree,
					 const float *row, float *scratch, float *margins);
static void copy_row(const SbkForest *forest, const float *row, float *places,
					 size_t apart);

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

	lanes = lanes < FEW_ROWS ? 1 : (lanes + LANES - 1) / LANES * LANES;
	return lanes * sbk_lane_width(forest);
}

void
sbk_kernel_margins(const SbkForest *forest, SbkSimd simd, uint32_t ntree,
				   const float *rows, size_t nrows, const float *base_margin,
				   float *scratch, float *margins)
{
	SbkBlockKernel kernel = find_kernel(simd);
	size_t		num_feature = forest->num_feature;
	size_t		num_output = forest->num_output;
	size_t		r = 0;

	start_margins(forest, rows, nrows, base_margin, margins);
	if (sbk_forest_is_linear(forest))
		return;
	while (nrows - r >= FEW_ROWS)
	{
		size_t		n = nrows - r < block_rows(forest) ? nrows - r : block_rows(forest);

		kernel(forest, ntree, rows + r * num_feature, n, scratch,
			   margins + r * num_output);
		r += n;
	}
	for (; r < nrows; r++)
		walk_row(forest, ntree, rows + r * num_feature, scratch,
				 margins + r * num_output);
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

static SbkBlockKernel
find_kernel(SbkSimd simd)
{
#ifdef SBK_HAVE_AVX
	if (simd == SBK_SIMD_AVX512 ||
		(simd == SBK_SIMD_AUTO && sbk_simd_supported(SBK_SIMD_AVX512)))
		return sbk_block_avx512;
	if (simd == SBK_SIMD_AVX2 ||
		(simd == SBK_SIMD_AUTO && sbk_simd_supported(SBK_SIMD_AVX2)))
		return sbk_block_avx2;
#endif
	return block_scalar;
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

/* The slots that lanes are on, a level further down the crown. */
static inline void
step_lanes(const SbkNumber *thresholds, const SbkNumber *places,
		   const float *inputs, uint32_t *slots)
{
	int			i;

	for (i = 0; i < LANES; i++)
	{
		uint32_t	slot = slots[i];
		float		input = inputs[places[slot].index * LANES + i];

		slots[i] = 2 * slot + !(input < thresholds[slot].number);
	}
}

/* Sixteen rows at a time, those that are missing as copies of the last. */
static void
block_scalar(const SbkForest *forest, uint32_t ntree, const float *rows,
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
			const SbkNumber *thresholds = SBK_FOREST_ARRAY(forest, SbkNumber, crowns) +
				tree->crown;
			uint32_t	num_slot = 1U << tree->crown_levels;
			const SbkNumber *ends = thresholds + num_slot;
			uint32_t	slots[LANES];
			uint32_t	level;

			for (i = 0; i < LANES; i++)
				slots[i] = 1;
			for (level = 0; level < tree->crown_levels; level++)
				step_lanes(thresholds, thresholds + num_slot, scratch, slots);
			for (i = 0; i < n; i++)
			{
				float	   *sums = margins + (r + i) * forest->num_output;
				SbkNumber	end = ends[slots[i]];

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
walk_row(const SbkForest *forest, uint32_t ntree, const float *row,
		 float *scratch, float *margins)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	uint32_t	t;

	copy_row(forest, row, scratch, 1);
	for (t = 0; t < ntree; t++)
	{
		const SbkForestTree *tree = &trees[t];
		const SbkNumber *thresholds = SBK_FOREST_ARRAY(forest, SbkNumber, crowns) +
			tree->crown;
		uint32_t	num_slot = 1U << tree->crown_levels;
		const SbkNumber *places = thresholds + num_slot;
		uint32_t	slot = 1;
		uint32_t	level;

		for (level = 0; level < tree->crown_levels; level++)
			slot = 2 * slot +
				!(scratch[places[slot].index] < thresholds[slot].number);
		if (sbk_crown_is_complete(forest, tree))
			margins[tree->output] += places[slot].number;
		else
			sbk_add_leaf(forest, tree,
						 sbk_walk_on(forest, tree, scratch, 1,
									 places[slot].index, tree->crown_levels),
						 margins, 1);
	}
}

static void
copy_row(const SbkForest *forest, const float *row, float *places, size_t apart)
{
	size_t		n = forest->num_feature;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		places[i * apart] = isnan(row[i]) ? -INFINITY : row[i];
		places[(n + i) * apart] = isnan(row[i]) ? INFINITY : row[i];
	}
	places[2 * n * apart] = NAN;
}
