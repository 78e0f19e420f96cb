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
 *	Words			32 bits in each lane
 *	Flags			a bool in each lane
 *
 * and before they define what can be done with them, as declared below.
 *
 * The slots of one level of a crown are few enough to be permuted out of
 * registers, which is much faster than a gather.  On the first levels, what all
 * slots read is loaded and one of it is chosen, for the same reason; further
 * down, inputs are gathered.
 */
#include "engine/walk.h"

#define LANES_INLINE	static inline __attribute__((always_inline)) LANES_TARGET

/* levels of a crown whose inputs are chosen, not gathered */
#define CHOSEN_LEVELS	3

LANES_INLINE Words load(const void *from);
LANES_INLINE void store(void *to, Words words);

/* The same in all lanes; and 0, 1, 2, ..., but none above a limit. */
LANES_INLINE Words spread(uint32_t word);
LANES_INLINE Words count_lanes(uint32_t limit);

LANES_INLINE Words add(Words a, Words b);
LANES_INLINE Words multiply(Words words, uint32_t factor);
LANES_INLINE Words mask(Words words, uint32_t bits);
LANES_INLINE bool all_equal(Words a, Words b);

/* Of numbers: which are NaN, their keys, and their sums. */
LANES_INLINE Flags are_nan(Words numbers);
LANES_INLINE Words make_keys(Words numbers);
LANES_INLINE void add_numbers(float *sums, Words numbers);

/* Which rows go right, and where to: one further than the left ones. */
LANES_INLINE Flags not_less(Words inputs, Words thresholds);
LANES_INLINE Words go(Words left, Flags right);
LANES_INLINE Words choose(Flags flags, Words where_not, Words where_set);

/*
 * Words of a table.  pick() takes one of 2, 4, 8, ..., 512 words, which the
 * compiler knows, and looks at the lower bits of the indexes only.
 */
LANES_INLINE Words look_up(const void *table, Words indexes);
LANES_INLINE Words pick(const void *table, uint32_t count, Words indexes);

/* What rows read at a slot. */
LANES_INLINE Words
input(const uint32_t *inputs, const SbkSlot *slot)
{
	return load(inputs + (size_t) slot->place * LANES);
}

/* The first levels of a crown: the lanes' slots after them. */
LANES_INLINE Words
walk_chosen(const SbkSlot *crown, const uint32_t *inputs)
{
	Flags		right0;
	Flags		right1;
	Flags		right2;
	Words		slots;
	Words		twice;

	right0 = not_less(input(inputs, &crown[1]), spread(crown[1].threshold));
	slots = go(spread(2), right0);
	twice = add(slots, slots);
	right1 = not_less(choose(right0, input(inputs, &crown[2]),
							 input(inputs, &crown[3])),
					  pick(&crown[2], 4, twice));
	slots = go(twice, right1);
	twice = add(slots, slots);
	right2 = not_less(choose(right0,
							 choose(right1, input(inputs, &crown[4]),
									input(inputs, &crown[5])),
							 choose(right1, input(inputs, &crown[6]),
									input(inputs, &crown[7]))),
					  pick(&crown[4], 8, twice));
	return go(twice, right2);
}

/* A level that has so many slots, of two words each. */
LANES_INLINE Words
walk_level(const SbkSlot *crown, uint32_t num_slot, const uint32_t *inputs,
		   Words slots, Words lanes)
{
	Words		twice = add(slots, slots);
	Words		thresholds = pick(&crown[num_slot], 2 * num_slot, twice);
	Words		places = pick(&crown[num_slot], 2 * num_slot,
							  add(twice, spread(1)));

	return go(twice, not_less(look_up(inputs, add(multiply(places, LANES), lanes)),
							  thresholds));
}

LANES_INLINE void
walk_crown(const SbkForestTree *tree, const SbkSlot *crown, int groups,
		   const uint32_t *const *inputs, Words lanes, Words *slots)
{
	uint32_t	level = 0;
	int			g;

	for (g = 0; g < groups; g++)
		slots[g] = spread(1);
	if (tree->crown_levels >= CHOSEN_LEVELS)
	{
		for (g = 0; g < groups; g++)
			slots[g] = walk_chosen(crown, inputs[g]);
		level = CHOSEN_LEVELS;
	}

#define LEVEL(n) \
	case n: \
		for (g = 0; g < groups; g++) \
			slots[g] = walk_level(crown, 1U << n, inputs[g], slots[g], lanes); \
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
LANES_INLINE Words
find_ends(const SbkForest *forest, const SbkForestTree *tree, Words slots)
{
	const SbkNumber *ends = sbk_crown_ends(forest, tree);

	switch (tree->crown_levels)
	{
		case 4:
			return pick(ends, 16, slots);
		case 5:
			return pick(ends, 32, slots);
		case 6:
			return pick(ends, 64, slots);
		default:
			return look_up(ends, mask(slots, (1U << tree->crown_levels) - 1));
	}
}

/* Where nodes begin in an array of words: a node has three. */
LANES_INLINE Words
node_words(Words nodes)
{
	return add(nodes, add(nodes, nodes));
}

/*
 * Below the crown, from node to node, until all lanes have arrived: a leaf is
 * the node after itself.
 */
LANES_INLINE Words
walk_nodes(const SbkForest *forest, const SbkForestTree *tree,
		   const uint32_t *inputs, Words lanes, Words at)
{
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes) + tree->root;
	uint32_t	level;

	for (level = tree->crown_levels; level < tree->depth; level++)
	{
		Words		words = node_words(at);
		Words		places = mask(look_up(&nodes->input, words), SBK_NODE_PLACE);
		Words		next = go(look_up(&nodes->left, words),
							  not_less(look_up(inputs, add(multiply(places, LANES), lanes)),
									   look_up(&nodes->value, words)));

		if (all_equal(next, at))
			break;
		at = next;
	}
	return at;
}

/* A tree that goes on below its crown, or whose leaves are not one number. */
LANES_INLINE void
finish_tree(const SbkForest *forest, const SbkForestTree *tree,
			const uint32_t *inputs, Words lanes, Words at, float *sums)
{
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes) + tree->root;
	uint32_t	leaves[LANES];
	int			i;

	if (!tree->categorical)
	{
		at = walk_nodes(forest, tree, inputs, lanes, at);
		if (!forest->vector_leaf)
		{
			add_numbers(sums + (size_t) tree->output * LANES,
						look_up(&nodes->value, node_words(at)));
			return;
		}
	}
	store(leaves, at);
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
			const uint32_t *const *inputs, float *const *sums)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	Words		lanes = count_lanes(LANES);
	uint32_t	t;
	int			g;

	for (t = 0; t < ntree; t++)
	{
		const SbkForestTree *tree = &trees[t];
		Words		slots[GROUPS];

		walk_crown(tree, sbk_crown(forest, tree), groups, inputs, lanes, slots);
		for (g = 0; g < groups; g++)
		{
			Words		ends = find_ends(forest, tree, slots[g]);

			if (sbk_crown_is_complete(forest, tree))
				add_numbers(sums[g] + (size_t) tree->output * LANES, ends);
			else
				finish_tree(forest, tree, inputs[g], lanes, ends, sums[g]);
		}
	}
}

/* Lanes without a row are copies of the last. */
LANES_INLINE void
copy_rows(const SbkForest *forest, const float *rows, size_t nrows,
		  const float *margins, uint32_t *inputs, float *sums)
{
	size_t		num_feature = forest->num_feature;
	size_t		num_output = forest->num_output;
	Words		row = count_lanes((uint32_t) nrows - 1);
	Words		begin = multiply(row, (uint32_t) num_feature);
	size_t		i;

	for (i = 0; i < num_feature; i++)
	{
		Words		numbers = look_up(rows + i, begin);
		Flags		missing = are_nan(numbers);
		Words		keys = make_keys(numbers);

		store(inputs + i * LANES,
			  choose(missing, keys, spread(SBK_KEY_BELOW)));
		store(inputs + (num_feature + i) * LANES,
			  choose(missing, keys, spread(SBK_KEY_ABOVE)));
	}
	store(inputs + 2 * num_feature * LANES, spread(SBK_KEY_LEAF));
	begin = multiply(row, (uint32_t) num_output);
	for (i = 0; i < num_output; i++)
		store(sums + i * LANES, look_up(margins + i, begin));
}

LANES_TARGET static void
walk_block(const SbkForest *forest, uint32_t ntree, const float *rows,
		   size_t nrows, void *scratch, float *margins)
{
	size_t		num_output = forest->num_output;
	size_t		num_group = (nrows + LANES - 1) / LANES;
	uint32_t   *inputs[SBK_BLOCK_ROWS / LANES];
	float	   *sums[SBK_BLOCK_ROWS / LANES];
	size_t		g;
	size_t		r;
	size_t		o;

	for (g = 0; g < num_group; g++)
	{
		r = g * LANES;
		inputs[g] = (uint32_t *) scratch + r * sbk_lane_width(forest);
		sums[g] = (float *) (inputs[g] + sbk_num_input(forest) * LANES);
		copy_rows(forest, rows + r * forest->num_feature,
				  nrows - r < LANES ? nrows - r : LANES,
				  margins + r * num_output, inputs[g], sums[g]);
	}
	for (g = 0; g + GROUPS <= num_group; g += GROUPS)
		walk_groups(forest, ntree, GROUPS,
					(const uint32_t *const *) inputs + g, sums + g);
	for (; g < num_group; g++)
		walk_groups(forest, ntree, 1, (const uint32_t *const *) inputs + g,
					sums + g);
	for (r = 0; r < nrows; r++)
	{
		for (o = 0; o < num_output; o++)
			margins[r * num_output + o] =
				sums[r / LANES][o * LANES + r % LANES];
	}
}
