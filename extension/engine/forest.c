/*
 * forest.c
 *		Compiles verified trees into flat arrays.
 *
 * While trees arrive, the number of features is not known yet (it comes later
 * in the file), so nodes hold the feature and its flags; which place of a row
 * they read is decided when the forest is written.
 */
#include <stdint.h>
#include <string.h>

#include "engine/forest.h"

/* in SbkNode.input, while the forest is built; the place is the feature */
#define DEFAULT_LEFT	0x40000000U
#define LEAF			0x20000000U

#define ARRAY(forest, type, array) \
	((type *) ((char *) (forest) + (forest)->array))

/* the array with room for one more; NULL when out of memory */
#define GROW(builder, array, count, room) \
	((builder)->array = sbk_arena_grow((builder)->arena, (builder)->array, \
									   (builder)->count, &(builder)->room, \
									   sizeof(*(builder)->array)))

static bool add_node(SbkForestBuilder *builder, const SbkTree *tree,
					 int64_t i);
static bool add_leaf(SbkForestBuilder *builder, const SbkTree *tree,
					 int64_t i, bool deleted);
static bool add_set(SbkForestBuilder *builder, const int64_t *codes,
					int64_t n);
static void set_levels(const SbkForestTree *tree, SbkNode *nodes);
static uint32_t choose_crown(const SbkForestBuilder *builder,
							 const SbkForestTree *tree);
static void make_header(const SbkForestBuilder *builder,
						const SbkSummary *summary, SbkForest *forest);
static void write_tree(const SbkForestBuilder *builder,
					   const SbkSummary *summary, SbkForest *forest, size_t t);
static void write_crown(const SbkForest *forest, const SbkForestTree *tree,
						uint32_t slot, uint32_t at);

bool
sbk_forest_add_tree(void *arg, const SbkTree *tree)
{
	SbkForestBuilder *builder = arg;
	uint32_t	root = (uint32_t) builder->num_node;
	SbkForestTree *added;
	int64_t		i;
	size_t		j;

	if (GROW(builder, trees, num_tree, tree_room) == NULL)
		return false;
	added = &builder->trees[builder->num_tree++];
	added->root = root;
	added->num_node = tree->num_node;
	added->depth = tree->depth;
	added->output = 0;
	added->alike = 0;
	added->categorical = tree->category_nodes.count > 0;
	for (i = 0; i < tree->num_node; i++)
	{
		if (!add_node(builder, tree, i))
			return false;
	}
	for (j = 0; j < tree->category_nodes.count; j++)
	{
		SbkNode    *node = &builder->nodes[root + tree->category_nodes.values[j]];

		node->value.index = (uint32_t) builder->num_set;
		if (!add_set(builder,
					 tree->categories.values + tree->category_segments.values[j],
					 tree->category_sizes.values[j]))
			return false;
	}
	set_levels(added, builder->nodes + root);
	added->crown = (uint32_t) builder->num_crown;
	added->crown_levels = choose_crown(builder, added);
	builder->num_crown += (size_t) 3 << added->crown_levels;
	return true;
}

size_t
sbk_forest_size(const SbkForestBuilder *builder, const SbkSummary *summary)
{
	SbkForest	forest;

	make_header(builder, summary, &forest);
	return forest.size;
}

void
sbk_forest_write(const SbkForestBuilder *builder, const SbkSummary *summary,
				 SbkForest *forest)
{
	SbkForest	header;
	float	   *margins;
	uint32_t	i;
	size_t		t;

	make_header(builder, summary, &header);
	memset(forest, 0, header.size);
	*forest = header;
	margins = ARRAY(forest, float, margins);
	for (i = 0; i < forest->num_output; i++)
		margins[i] = summary->base_scores[summary->num_base_score > 1 ? i : 0];
	sbk_link_margins(forest->link, summary->version, margins,
					 forest->num_output);
	/* gblinear takes the first one for all outputs */
	for (i = 1; sbk_forest_is_linear(forest) && i < forest->num_output; i++)
		margins[i] = margins[0];
	if (forest->num_weight > 0)
		memcpy(ARRAY(forest, float, weights), summary->linear_weights,
			   forest->num_weight * sizeof(float));
	if (forest->num_set > 0)
		memcpy(ARRAY(forest, uint32_t, sets), builder->sets,
			   forest->num_set * sizeof(uint32_t));
	for (t = forest->num_tree; t-- > 0;)
		write_tree(builder, summary, forest, t);
}

static bool
add_node(SbkForestBuilder *builder, const SbkTree *tree, int64_t i)
{
	int64_t		split = tree->split_indices.values[i];
	bool		deleted = split == SBK_DELETED_NODE;
	SbkNode    *node;

	if (GROW(builder, nodes, num_node, node_room) == NULL)
		return false;
	node = &builder->nodes[builder->num_node++];
	if (!deleted && tree->left.values[i] != -1)
	{
		node->value.key = sbk_key(tree->conditions.values[i]);
		node->input = (uint32_t) split & SBK_NODE_PLACE;
		if (tree->default_left.values[i] == 1)
			node->input |= DEFAULT_LEFT;
		if (tree->split_type.count > 0 && tree->split_type.values[i] == 1)
			node->input |= SBK_NODE_CATEGORICAL;
		node->left = (uint32_t) tree->left.values[i];
		return true;
	}
	node->input = LEAF;
	node->left = (uint32_t) i - 1;
	if (tree->leaf_size <= 1)
	{
		node->value.number = tree->conditions.values[i];
		return true;
	}
	node->value.index = (uint32_t) builder->num_leaf;
	return add_leaf(builder, tree, i, deleted);
}

/* The numbers of a leaf with several outputs; a deleted node has zeros. */
static bool
add_leaf(SbkForestBuilder *builder, const SbkTree *tree, int64_t i,
		 bool deleted)
{
	const float *from = tree->base_weights.values + i * tree->leaf_size;
	int			j;

	if (tree->leaf_weights.count > 0 && !deleted)
		from = tree->leaf_weights.values +
			tree->right.values[i] * tree->leaf_size;

	for (j = 0; j < tree->leaf_size; j++)
	{
		if (GROW(builder, leaves, num_leaf, leaf_room) == NULL)
			return false;
		builder->leaves[builder->num_leaf++] = deleted ? 0 : from[j];
	}
	return true;
}

/* The codes rise, so the last one is the largest. */
static bool
add_set(SbkForestBuilder *builder, const int64_t *codes, int64_t n)
{
	size_t		first = builder->num_set;
	uint32_t	words = (uint32_t) (codes[n - 1] / 32 + 1);
	uint32_t	i;
	int64_t		j;

	for (i = 0; i <= words; i++)
	{
		if (GROW(builder, sets, num_set, set_room) == NULL)
			return false;
		builder->sets[builder->num_set++] = i == 0 ? words : 0;
	}
	for (j = 0; j < n; j++)
		builder->sets[first + 1 + codes[j] / 32] |= 1U << (codes[j] % 32);
	return true;
}

/* Children come after their parents. */
static void
set_levels(const SbkForestTree *tree, SbkNode *nodes)
{
	uint32_t	i;

	for (i = 0; i < tree->num_node; i++)
	{
		uint32_t	level = nodes[i].input & SBK_NODE_LEVEL;
		uint32_t	next = level + (1U << SBK_NODE_LEVEL_SHIFT);

		if ((nodes[i].input & LEAF) != 0)
			continue;
		nodes[nodes[i].left].input |= next;
		nodes[nodes[i].left + 1].input |= next;
	}
}

/* What shallow and full trees leave of the room for crowns, others may use. */
static uint32_t
choose_crown(const SbkForestBuilder *builder, const SbkForestTree *tree)
{
	const SbkNode *nodes = builder->nodes + tree->root;
	size_t		room = builder->num_node - builder->num_crown / 3;
	uint32_t	levels = tree->depth;
	uint32_t	i;

	if (levels > SBK_MAX_CROWN_LEVELS)
		levels = SBK_MAX_CROWN_LEVELS;
	while ((1U << levels) > room || (1U << levels) > 2 * tree->num_node)
		levels--;
	for (i = 0; tree->categorical && i < tree->num_node; i++)
	{
		uint32_t	level = (nodes[i].input & SBK_NODE_LEVEL) >> SBK_NODE_LEVEL_SHIFT;

		if ((nodes[i].input & SBK_NODE_CATEGORICAL) != 0 && level < levels)
			levels = level;
	}
	return levels;
}

static void
make_header(const SbkForestBuilder *builder, const SbkSummary *summary,
			SbkForest *forest)
{
	memset(forest, 0, sizeof(SbkForest));
	forest->magic = SBK_FOREST_MAGIC;
	forest->byte_order = SBK_FOREST_BYTE_ORDER;
	forest->format = SBK_FOREST_FORMAT;
	forest->num_feature = summary->num_feature;
	forest->num_output = summary->num_output;
	forest->vector_leaf = summary->vector_leaf;
	forest->link = sbk_link(summary->objective);
	if (summary->booster == SBK_BOOSTER_GBLINEAR)
		forest->num_weight = ((uint64_t) summary->num_feature + 1) *
			summary->num_output;
	else
	{
		forest->num_tree = (uint32_t) builder->num_tree;
		forest->trees_per_round = summary->num_tree / summary->num_round;
		forest->num_node = builder->num_node;
		forest->num_crown = builder->num_crown;
		forest->num_set = builder->num_set;
		forest->num_leaf = builder->num_leaf;
	}
	sbk_forest_lay_out(forest);
}

/*
 * What a tree of dart adds is multiplied by the tree's weight here, as the
 * library multiplies it each time before it adds.
 */
static void
write_tree(const SbkForestBuilder *builder, const SbkSummary *summary,
		   SbkForest *forest, size_t t)
{
	SbkForestTree *tree = ARRAY(forest, SbkForestTree, trees) + t;
	float	   *leaves = ARRAY(forest, float, leaves);
	float		weight = summary->tree_weights ? summary->tree_weights[t] : 1.0f;
	SbkNode    *nodes;
	uint32_t	i;
	uint32_t	j;

	*tree = builder->trees[t];
	if (!forest->vector_leaf)
		tree->output = t / summary->num_parallel_tree % forest->num_output;
	tree->alike = sbk_trees_alike(forest, t);
	nodes = ARRAY(forest, SbkNode, nodes) + tree->root;
	for (i = 0; i < tree->num_node; i++)
	{
		SbkNode    *node = &nodes[i];
		uint32_t	built;

		*node = builder->nodes[tree->root + i];
		built = node->input;
		node->input = built & ~(LEAF | DEFAULT_LEFT);
		if ((built & LEAF) == 0)
		{
			if ((built & DEFAULT_LEFT) == 0)
				node->input += forest->num_feature;
			continue;
		}
		node->input += 2 * forest->num_feature;
		if (!forest->vector_leaf)
		{
			node->value.number *= weight;
			continue;
		}
		for (j = node->value.index; j < node->value.index + forest->num_output; j++)
			leaves[j] = builder->leaves[j] * weight;
	}
	write_crown(forest, tree, 1, 0);
}

/*
 * The slot and all that follow from it.  A leaf is on its own left and right,
 * so that its path goes on to the crown's end.
 */
static void
write_crown(const SbkForest *forest, const SbkForestTree *tree, uint32_t slot,
			uint32_t at)
{
	const SbkNode *node = SBK_FOREST_ARRAY(forest, SbkNode, nodes) +
		tree->root + at;
	SbkSlot    *slots = (SbkSlot *) sbk_crown(forest, tree);
	uint32_t	num_slot = 1U << tree->crown_levels;

	if (slot >= num_slot)
	{
		SbkNumber  *ends = (SbkNumber *) sbk_crown_ends(forest, tree);

		if (sbk_crown_is_complete(forest, tree))
			ends[slot - num_slot] = node->value;
		else
			ends[slot - num_slot].index = at;
		return;
	}
	slots[slot].threshold = node->value.key;
	slots[slot].place = node->input & SBK_NODE_PLACE;
	if (sbk_node_is_leaf(forest, node))
	{
		write_crown(forest, tree, 2 * slot, at);
		write_crown(forest, tree, 2 * slot + 1, at);
	}
	else
	{
		write_crown(forest, tree, 2 * slot, node->left);
		write_crown(forest, tree, 2 * slot + 1, node->left + 1);
	}
}
