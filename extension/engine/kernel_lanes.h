/*
 * kernel_lanes.h
 *		A block of rows through a forest, one row in each lane of a vector.
 *
 * This is the body of the AVX2 and of the AVX-512 kernel, which include it
 * after they have said what their vectors are:
 *
 *	LANES			rows in a vector
 *	GROUPS			vectors that are walked side by side, so that some of them
 *					work while others wait
 *	LANES_TARGET	the attribute that lets a function use the instructions
 *	Numbers, Indexes, Flags		a float, an uint32 and a bool in each lane
 *
 * and what can be done with them: the functions that are declared below.
 *
 * In the crown, thresholds and places of a level are few enough to be permuted
 * out of registers, which is much faster than a gather.  On the first levels,
 * the inputs of all slots are loaded and one of them is chosen, for the same
 * reason; after that they are gathered.
 */
#include "engine/walk.h"

#define LANES_INLINE	static inline __attribute__((always_inline)) LANES_TARGET

/* levels of a crown whose inputs are chosen, not gathered */
#define CHOSEN_LEVELS	3

LANES_INLINE Numbers load(const float *from);
LANES_INLINE void store(float *to, Numbers numbers);

/* the same in all lanes */
LANES_INLINE Numbers spread(float number);
LANES_INLINE Indexes spread_index(uint32_t index);

/* which rows go right: input < threshold does not hold, not even for a NaN */
LANES_INLINE Flags not_less(Numbers inputs, Numbers thresholds);
LANES_INLINE Flags is_missing(Numbers inputs);
LANES_INLINE Numbers choose(Flags flags, Numbers where_not, Numbers where_set);
LANES_INLINE Numbers add(Numbers a, Numbers b);

/* 2 * slot, or 2 * slot + 1 for those that go right */
LANES_INLINE Indexes next_slots(Indexes slots, Flags right);

/* index, or index + 1 for those that go right */
LANES_INLINE Indexes next_nodes(Indexes left, Flags right);
LANES_INLINE bool all_equal(Indexes a, Indexes b);

/* index * factor + rest, and with the bits of a mask */
LANES_INLINE Indexes scale(Indexes indexes, uint32_t factor, Indexes rest);
LANES_INLINE Indexes mask(Indexes indexes, uint32_t bits);

/* 0, 1, 2, ..., the last ones not above a limit */
LANES_INLINE Indexes lane_numbers(uint32_t limit);

/* a gather */
LANES_INLINE Numbers look_up(const void *numbers, Indexes indexes);
LANES_INLINE Indexes look_up_indexes(const void *numbers, Indexes indexes);

/*
 * The same from a table of count numbers, a power of 2, by the lower bits of
 * the indexes.
 */
LANES_INLINE Numbers pick(const SbkNumber *table, uint32_t count,
						  Indexes indexes);
LANES_INLINE Indexes as_indexes(Numbers numbers);
LANES_INLINE void store_indexes(uint32_t *to, Indexes indexes);

/* What the lanes read at a place. */
LANES_INLINE Numbers
input(const float *inputs, SbkNumber place)
{
	return load(inputs + (size_t) place.index * LANES);
}

/* The first levels: the lanes' slots at their end. */
LANES_INLINE Indexes
walk_chosen(const SbkNumber *thresholds, const SbkNumber *places,
			const float *inputs)
{
	Flags		right0;
	Flags		right1;
	Flags		right2;
	Indexes		slots = spread_index(1);

	right0 = not_less(input(inputs, places[1]), spread(thresholds[1].number));
	slots = next_slots(slots, right0);
	right1 = not_less(choose(right0, input(inputs, places[2]),
							 input(inputs, places[3])),
					  pick(thresholds + 2, 2, slots));
	slots = next_slots(slots, right1);
	right2 = not_less(choose(right0,
							 choose(right1, input(inputs, places[4]),
									input(inputs, places[5])),
							 choose(right1, input(inputs, places[6]),
									input(inputs, places[7]))),
					  pick(thresholds + 4, 4, slots));
	return next_slots(slots, right2);
}

/* One level of so many slots. */
LANES_INLINE Indexes
walk_level(const SbkNumber *thresholds, const SbkNumber *places,
		   uint32_t count, const float *inputs, Indexes slots, Indexes lanes)
{
	Indexes		place = as_indexes(pick(places + count, count, slots));

	return next_slots(slots,
					  not_less(look_up(inputs, scale(place, LANES, lanes)),
							   pick(thresholds + count, count, slots)));
}

LANES_INLINE void
walk_crown(const SbkForestTree *tree, const SbkNumber *crown,
		   int groups, const float *const *inputs, Indexes lanes,
		   Indexes *slots)
{
	const SbkNumber *places = crown + ((size_t) 1 << tree->crown_levels);
	uint32_t	level = 0;
	int			g;

	if (tree->crown_levels >= CHOSEN_LEVELS)
	{
		for (g = 0; g < groups; g++)
			slots[g] = walk_chosen(crown, places, inputs[g]);
		level = CHOSEN_LEVELS;
	}
	else
	{
		for (g = 0; g < groups; g++)
			slots[g] = spread_index(1);
	}

/* pick() is compiled for each count */
#define LEVEL(n) \
	case n: \
		for (g = 0; g < groups; g++) \
			slots[g] = walk_level(crown, places, 1U << n, inputs[g], \
								  slots[g], lanes); \
		break

	for (; level < tree->crown_levels; level++)
	{
		switch (level)
		{
				LEVEL(0);
				LEVEL(1);
				LEVEL(2);
				LEVEL(3);
				LEVEL(4);
				LEVEL(5);
				LEVEL(6);
				LEVEL(7);
		}
	}
#undef LEVEL
}

/* What the crown leads to. */
LANES_INLINE Numbers
crown_ends(const SbkForestTree *tree, const SbkNumber *crown, Indexes slots)
{
	uint32_t	count = 1U << tree->crown_levels;
	const SbkNumber *ends = crown + 2 * (size_t) count;

	switch (tree->crown_levels)
	{
		case 4:
			return pick(ends, 16, slots);
		case 5:
			return pick(ends, 32, slots);
		case 6:
			return pick(ends, 64, slots);
		default:
			return look_up(ends, mask(slots, count - 1));
	}
}

/*
 * Below the crown, from node to node, until all lanes have arrived: a leaf is
 * the node after itself.
 */
LANES_INLINE Indexes
walk_nodes(const SbkForest *forest, const SbkForestTree *tree,
		   const float *inputs, Indexes lanes, Indexes at)
{
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes) + tree->root;
	uint32_t	level;

	for (level = tree->crown_levels; level < tree->depth; level++)
	{
		Indexes		word = scale(at, sizeof(SbkNode) / sizeof(uint32_t),
								 spread_index(0));
		Indexes		place = mask(look_up_indexes(&nodes->input, word),
								 SBK_NODE_PLACE);
		Indexes		left = look_up_indexes(&nodes->left, word);
		Indexes		next = next_nodes(left,
									  not_less(look_up(inputs, scale(place, LANES, lanes)),
											   look_up(&nodes->value, word)));

		if (all_equal(next, at))
			break;
		at = next;
	}
	return at;
}

/* What the crown left to do, where leaves are not simply numbers. */
LANES_INLINE void
finish_tree(const SbkForest *forest, const SbkForestTree *tree,
			const float *inputs, Indexes lanes, Numbers ends, float *sums)
{
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes) + tree->root;
	Indexes		at = as_indexes(ends);
	uint32_t	leaves[LANES];
	float	   *sum = sums + (size_t) tree->output * LANES;
	int			i;

	if (!tree->categorical)
		at = walk_nodes(forest, tree, inputs, lanes, at);
	if (!tree->categorical && !forest->vector_leaf)
	{
		store(sum, add(load(sum),
					   look_up(&nodes->value,
							   scale(at, sizeof(SbkNode) / sizeof(uint32_t),
									 spread_index(0)))));
		return;
	}
	store_indexes(leaves, at);
	for (i = 0; i < LANES; i++)
	{
		if (tree->categorical)
			leaves[i] = sbk_walk_on(forest, tree, inputs + i, LANES, leaves[i],
									tree->crown_levels);
		sbk_add_leaf(forest, tree, leaves[i], sums + i, LANES);
	}
}

/* Vectors of rows, side by side. */
LANES_INLINE void
walk_groups(const SbkForest *forest, uint32_t ntree, int groups,
			const float *const *inputs, float *const *sums)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	const SbkNumber *crowns = SBK_FOREST_ARRAY(forest, SbkNumber, crowns);
	Indexes		lanes = lane_numbers(LANES);
	uint32_t	t;
	int			g;

	for (t = 0; t < ntree; t++)
	{
		const SbkForestTree *tree = &trees[t];
		const SbkNumber *crown = crowns + tree->crown;
		Indexes		slots[GROUPS];

		walk_crown(tree, crown, groups, inputs, lanes, slots);
		for (g = 0; g < groups; g++)
		{
			Numbers		ends = crown_ends(tree, crown, slots[g]);
			float	   *sum = sums[g] + (size_t) tree->output * LANES;

			if (sbk_crown_is_complete(forest, tree))
				store(sum, add(load(sum), ends));
			else
				finish_tree(forest, tree, inputs[g], lanes, ends, sums[g]);
		}
	}
}

/* Lanes without a row are copies of the last. */
LANES_INLINE void
copy_rows(const SbkForest *forest, const float *rows, size_t nrows,
		  const float *margins, float *inputs, float *sums)
{
	size_t		num_feature = forest->num_feature;
	size_t		num_output = forest->num_output;
	Indexes		row = lane_numbers((uint32_t) nrows - 1);
	Indexes		of_row = scale(row, (uint32_t) num_feature, spread_index(0));
	size_t		i;

	for (i = 0; i < num_feature; i++)
	{
		Numbers		numbers = look_up(rows + i, of_row);
		Flags		missing = is_missing(numbers);

		store(inputs + i * LANES,
			  choose(missing, numbers, spread(-INFINITY)));
		store(inputs + (num_feature + i) * LANES,
			  choose(missing, numbers, spread(INFINITY)));
	}
	store(inputs + 2 * num_feature * LANES, spread(NAN));
	of_row = scale(row, (uint32_t) num_output, spread_index(0));
	for (i = 0; i < num_output; i++)
		store(sums + i * LANES, look_up(margins + i, of_row));
}

LANES_TARGET static void
walk_block(const SbkForest *forest, uint32_t ntree, const float *rows,
		   size_t nrows, float *scratch, float *margins)
{
	size_t		num_output = forest->num_output;
	size_t		num_input = (2 * (size_t) forest->num_feature + 1) * LANES;
	size_t		num_group = (nrows + LANES - 1) / LANES;
	float	   *inputs[SBK_BLOCK_ROWS / LANES];
	float	   *sums[SBK_BLOCK_ROWS / LANES];
	size_t		g;
	size_t		r;
	size_t		o;

	for (g = 0; g < num_group; g++)
	{
		r = g * LANES;
		inputs[g] = scratch + r * sbk_lane_width(forest);
		sums[g] = inputs[g] + num_input;
		copy_rows(forest, rows + r * forest->num_feature,
				  nrows - r < LANES ? nrows - r : LANES,
				  margins + r * num_output, inputs[g], sums[g]);
	}
	for (g = 0; g + GROUPS <= num_group; g += GROUPS)
		walk_groups(forest, ntree, GROUPS, (const float *const *) inputs + g,
					sums + g);
	for (; g < num_group; g++)
		walk_groups(forest, ntree, 1, (const float *const *) inputs + g,
					sums + g);
	for (r = 0; r < nrows; r++)
	{
		for (o = 0; o < num_output; o++)
			margins[r * num_output + o] =
				sums[r / LANES][o * LANES + r % LANES];
	}
}
