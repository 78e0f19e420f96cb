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
#define TREES		8			/* of one row at a time */

/* wider lanes would fill the cache: blocks have fewer rows then */
#define WIDE_LANE	4096

static const SbkKernel *find_kernel(SbkSimd simd);
static size_t block_rows(const SbkForest *forest);
static void start_margins(const SbkForest *forest, const float *rows,
						  size_t nrows, const float *base_margin,
						  float *margins);
static void add_linear(const SbkForest *forest, const float *row,
					   float *margins);
static inline void copy_rows(const SbkForest *forest, const float *rows,
							 size_t nrows, size_t lanes, uint32_t *inputs);
static void walk_row(const SbkForest *forest, uint32_t ntree,
					 const uint32_t *inputs, float *margins);
static void walk_block(const SbkForest *forest, uint32_t ntree,
					   const float *rows, size_t nrows, void *scratch,
					   float *margins);

static const SbkKernel scalar_kernel = {LANES, walk_block};

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
				   void *scratch, float *margins)
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
		copy_rows(forest, rows + r * num_feature, 1, 1, scratch);
		walk_row(forest, ntree, scratch, margins + r * num_output);
	}
}

void
sbk_kernel_leaves(const SbkForest *forest, uint32_t ntree, const float *rows,
				  size_t nrows, void *scratch, float *leaves)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	size_t		r;
	uint32_t	t;

	for (r = 0; r < nrows; r++)
	{
		copy_rows(forest, rows + r * forest->num_feature, 1, 1, scratch);
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

/* Lanes without a row are copies of the last. */
static inline void
copy_rows(const SbkForest *forest, const float *rows, size_t nrows,
		  size_t lanes, uint32_t *inputs)
{
	size_t		n = forest->num_feature;
	size_t		i;
	size_t		j;

	for (i = 0; i < n; i++)
	{
		for (j = 0; j < lanes; j++)
		{
			float		number = rows[(j < nrows ? j : nrows - 1) * n + i];
			uint32_t	key = sbk_key(number);
			bool		missing = isnan(number);

			inputs[i * lanes + j] = missing ? SBK_KEY_BELOW : key;
			inputs[(n + i) * lanes + j] = missing ? SBK_KEY_ABOVE : key;
		}
	}
	for (j = 0; j < lanes; j++)
		inputs[2 * n * lanes + j] = SBK_KEY_LEAF;
}

/*
 * One row through trees that are alike, of so many levels, which the compiler
 * knows.  Their crowns follow each other, so all are found from the first one.
 */
static inline void
walk_alike(const SbkSlot *crown, uint32_t levels, const uint32_t *inputs,
		   SbkNumber *ends)
{
	const SbkNumber *crowns = (const SbkNumber *) crown;
	size_t		num_slot = (size_t) 1 << levels;
	size_t		slots[TREES];
	uint32_t	level;
	int			i;

	for (i = 0; i < TREES; i++)
		slots[i] = 1;
	for (level = 0; level < levels; level++)
	{
		for (i = 0; i < TREES; i++)
			slots[i] = sbk_next_slot((const SbkSlot *) (crowns + i * 3 * num_slot),
									 slots[i], inputs, 1);
	}
	for (i = 0; i < TREES; i++)
		ends[i] = crowns[(i * 3 + 1) * num_slot + slots[i]];
}

/* Trees that are alike: adds what they have to the margins of a row. */
static void
add_alike(const SbkForest *forest, const SbkForestTree *trees,
		  const uint32_t *inputs, float *margins)
{
	const SbkSlot *crown = sbk_crown(forest, trees);
	SbkNumber	ends[TREES];
	float		sum = margins[0];	/* kept in a register */
	int			i;

	switch (trees->crown_levels)
	{
#define LEVELS(n) \
		case n: \
			walk_alike(crown, n, inputs, ends); \
			break
			LEVELS(0);
			LEVELS(1);
			LEVELS(2);
			LEVELS(3);
			LEVELS(4);
			LEVELS(5);
			LEVELS(6);
			LEVELS(7);
			LEVELS(8);
#undef LEVELS
	}
	if (forest->num_output == 1)
	{
		for (i = 0; i < TREES; i++)
			sum += ends[i].number;
		margins[0] = sum;
		return;
	}
	for (i = 0; i < TREES; i++)
		margins[trees[i].output] += ends[i].number;
}

/*
 * Trees that are not: through as many levels as all their crowns have, and then
 * each to its leaf.
 */
static inline void
add_trees(const SbkForest *forest, const SbkForestTree *trees, int ntree,
		  const uint32_t *inputs, float *margins)
{
	const SbkSlot *crowns[TREES];
	size_t		slots[TREES];
	uint32_t	levels = SBK_MAX_CROWN_LEVELS;
	uint32_t	level;
	int			i;

	for (i = 0; i < ntree; i++)
	{
		crowns[i] = sbk_crown(forest, &trees[i]);
		slots[i] = 1;
		if (trees[i].crown_levels < levels)
			levels = trees[i].crown_levels;
	}
	for (level = 0; level < levels; level++)
	{
		for (i = 0; i < ntree; i++)
			slots[i] = sbk_next_slot(crowns[i], slots[i], inputs, 1);
	}
	for (i = 0; i < ntree; i++)
	{
		size_t		num_slot = (size_t) 1 << trees[i].crown_levels;
		size_t		slot = slots[i];

		while (slot < num_slot)
			slot = sbk_next_slot(crowns[i], slot, inputs, 1);
		sbk_add_end(forest, &trees[i],
					sbk_crown_ends(forest, &trees[i])[slot - num_slot],
					inputs, 1, margins);
	}
}

static void
walk_row(const SbkForest *forest, uint32_t ntree, const uint32_t *inputs,
		 float *margins)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	uint32_t	t;

	for (t = 0; t + TREES <= ntree; t += TREES)
	{
		if (trees[t].alike >= TREES)
			add_alike(forest, trees + t, inputs, margins);
		else
			add_trees(forest, trees + t, TREES, inputs, margins);
	}
	/* those that are left, in halves: one by one they would wait for memory */
	if (t + TREES / 2 <= ntree)
	{
		add_trees(forest, trees + t, TREES / 2, inputs, margins);
		t += TREES / 2;
	}
	for (; t < ntree; t++)
		add_trees(forest, trees + t, 1, inputs, margins);
}

static void
walk_block(const SbkForest *forest, uint32_t ntree, const float *rows,
		   size_t nrows, void *scratch, float *margins)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	uint32_t   *inputs = scratch;
	size_t		r;
	size_t		i;
	uint32_t	t;

	for (r = 0; r < nrows; r += LANES)
	{
		size_t		n = nrows - r < LANES ? nrows - r : LANES;

		copy_rows(forest, rows + r * forest->num_feature, n, LANES, inputs);
		for (t = 0; t < ntree; t++)
		{
			const SbkForestTree *tree = &trees[t];
			const SbkSlot *crown = sbk_crown(forest, tree);
			const SbkNumber *ends = sbk_crown_ends(forest, tree);
			size_t		num_slot = (size_t) 1 << tree->crown_levels;
			size_t		slots[LANES];
			uint32_t	level;

			for (i = 0; i < LANES; i++)
				slots[i] = 1;
			for (level = 0; level < tree->crown_levels; level++)
			{
				for (i = 0; i < LANES; i++)
					slots[i] = sbk_next_slot(crown, slots[i], inputs + i,
											 LANES);
			}
			for (i = 0; i < n; i++)
				sbk_add_end(forest, tree, ends[slots[i] - num_slot],
							inputs + i, LANES,
							margins + (r + i) * forest->num_output);
		}
	}
}
