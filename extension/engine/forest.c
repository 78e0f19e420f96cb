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

/* in SbkNode.input, while the forest is built */
#define DEFAULT_LEFT	0x40000000U
#define LEAF			0x20000000U
#define FEATURE			0x1FFFFFFFU

/* every array begins where any type may */
#define ALIGN(size)		(((uint64_t) (size) + 15) & ~(uint64_t) 15)

/* the array with room for one more; NULL when out of memory */
#define GROW(builder, array, count, room) \
	((builder)->array = sbk_arena_grow((builder)->arena, (builder)->array, \
									   (builder)->count, &(builder)->room, \
									   sizeof(*(builder)->array)))

static bool add_node(SbkForestBuilder *builder, const SbkTree *tree,
					 uint32_t root, int64_t i);
static bool add_leaf(SbkForestBuilder *builder, const SbkTree *tree,
					 int64_t i, bool deleted);
static bool add_set(SbkForestBuilder *builder, const int64_t *codes,
					int64_t n);
static void lay_out(const SbkForestBuilder *builder,
					const SbkSummary *summary, SbkForest *forest);
static void place_arrays(SbkForest *forest);
static bool tree_is_valid(const SbkForest *forest, uint32_t t,
						  const char **what);
static void write_tree(const SbkForestBuilder *builder,
					   const SbkSummary *summary, SbkForest *forest, size_t t);

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
	added->depth = tree->depth;
	for (i = 0; i < tree->num_node; i++)
	{
		if (!add_node(builder, tree, root, i))
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
	return true;
}

size_t
sbk_forest_size(const SbkForestBuilder *builder, const SbkSummary *summary)
{
	SbkForest	forest;

	lay_out(builder, summary, &forest);
	return forest.size;
}

void
sbk_forest_write(const SbkForestBuilder *builder, const SbkSummary *summary,
				 SbkForest *forest)
{
	float	   *margins;
	uint32_t	i;
	size_t		t;

	lay_out(builder, summary, forest);
	memset(forest + 1, 0, forest->size - sizeof(SbkForest));
	margins = (float *) ((char *) forest + forest->margins);
	for (i = 0; i < forest->num_output; i++)
	{
		/* gblinear takes the first base score for all outputs */
		bool		own = summary->num_base_score > 1 && !forest->linear;

		margins[i] = sbk_link_margin(forest->link, summary->version,
									 summary->base_scores[own ? i : 0]);
	}
	if (forest->linear)
		memcpy((char *) forest + forest->weights, summary->linear_weights,
			   forest->size - forest->weights);
	if (builder->num_set > 0)
		memcpy((char *) forest + forest->sets, builder->sets,
			   builder->num_set * sizeof(uint32_t));
	for (t = 0; t < builder->num_tree; t++)
		write_tree(builder, summary, forest, t);
}

static bool
add_node(SbkForestBuilder *builder, const SbkTree *tree, uint32_t root,
		 int64_t i)
{
	int64_t		split = tree->split_indices.values[i];
	bool		deleted = split == SBK_DELETED_NODE;
	SbkNode    *node;

	if (GROW(builder, nodes, num_node, node_room) == NULL)
		return false;
	node = &builder->nodes[builder->num_node++];
	if (!deleted && tree->left.values[i] != -1)
	{
		node->value.number = tree->conditions.values[i];
		node->input = (uint32_t) split & FEATURE;
		if (tree->default_left.values[i] == 1)
			node->input |= DEFAULT_LEFT;
		if (tree->split_type.count > 0 && tree->split_type.values[i] == 1)
			node->input |= SBK_CATEGORICAL;
		node->left = root + (uint32_t) tree->left.values[i];
		return true;
	}
	node->input = LEAF;
	node->left = root + (uint32_t) i - 1;
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

static void
lay_out(const SbkForestBuilder *builder, const SbkSummary *summary,
		SbkForest *forest)
{
	memset(forest, 0, sizeof(SbkForest));
	forest->magic = SBK_FOREST_MAGIC;
	forest->format = SBK_FOREST_FORMAT;
	forest->linear = summary->booster == SBK_BOOSTER_GBLINEAR;
	forest->vector_leaf = summary->vector_leaf;
	forest->categorical = summary->categorical_split;
	forest->link = sbk_link(summary->objective);
	forest->num_feature = summary->num_feature;
	forest->num_output = summary->num_output;
	forest->num_tree = (uint32_t) builder->num_tree;
	if (!forest->linear)
		forest->trees_per_round = summary->num_tree / summary->num_round;
	forest->num_node = (uint32_t) builder->num_node;
	forest->num_set = (uint32_t) builder->num_set;
	forest->num_leaf = (uint32_t) builder->num_leaf;
	place_arrays(forest);
}

/* Where the arrays are, which the counts decide. */
static void
place_arrays(SbkForest *forest)
{
	uint64_t	num_weight = forest->linear ?
		((uint64_t) forest->num_feature + 1) * forest->num_output : 0;

	forest->margins = ALIGN(sizeof(SbkForest));
	forest->trees = ALIGN(forest->margins + forest->num_output * sizeof(float));
	forest->nodes = ALIGN(forest->trees + forest->num_tree * sizeof(SbkForestTree));
	forest->sets = ALIGN(forest->nodes + forest->num_node * sizeof(SbkNode));
	forest->leaves = ALIGN(forest->sets + forest->num_set * sizeof(uint32_t));
	forest->weights = ALIGN(forest->leaves + forest->num_leaf * sizeof(float));
	forest->size = forest->weights + num_weight * sizeof(float);
}

bool
sbk_forest_valid(const void *bytes, size_t size, const char **what)
{
	const SbkForest *forest = bytes;
	SbkForest	expected;
	uint32_t	t;

	*what = "has a header that does not fit";
	if (size < sizeof(SbkForest) || forest->magic != SBK_FOREST_MAGIC ||
		forest->format != SBK_FOREST_FORMAT || forest->size != size ||
		forest->num_feature < 1 || forest->num_feature > SBK_MAX_FEATURES ||
		forest->num_output < 1 || forest->num_output > SBK_MAX_OUTPUTS ||
		forest->link > SBK_LINK_LARGEST || forest->linear > 1 ||
		forest->vector_leaf > 1 || forest->categorical > 1 ||
		(forest->linear != 0) != (forest->num_tree == 0) ||
		(!forest->linear &&
		 (forest->trees_per_round < 1 ||
		  forest->num_tree % forest->trees_per_round != 0)))
		return false;

	/* 32-bit counts of small things do not overflow 64 bits */
	expected = *forest;
	place_arrays(&expected);
	if (memcmp(&expected, forest, sizeof(SbkForest)) != 0)
		return false;

	for (t = 0; t < forest->num_tree; t++)
	{
		if (!tree_is_valid(forest, t, what))
			return false;
	}
	return true;
}

/*
 * The nodes of a tree are those from its root to the next one, and no step
 * leaves them; a walk takes as many steps as the tree is said to be deep, so it
 * ends.  Where that is too few, it ends on a split, which kernel.c minds.
 */
static bool
tree_is_valid(const SbkForest *forest, uint32_t t, const char **what)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes);
	const uint32_t *sets = SBK_FOREST_ARRAY(forest, uint32_t, sets);
	uint32_t	first = trees[t].root;
	uint32_t	end = t + 1 < forest->num_tree ? trees[t + 1].root :
		forest->num_node;
	uint32_t	i;

	*what = "has a tree that does not fit";
	if ((t == 0 && first != 0) || first >= end || end > forest->num_node ||
		trees[t].depth >= end - first || trees[t].output >= forest->num_output)
		return false;
	*what = "has a node that does not fit";
	for (i = first; i < end; i++)
	{
		const SbkNode *node = &nodes[i];
		uint32_t	input = node->input & ~SBK_CATEGORICAL;

		if (input > 2 * forest->num_feature)
			return false;
		if (input == 2 * forest->num_feature)
		{
			/* unsigned: the left child of node 0 is the number before 0 */
			if (node->input != input || node->left + 1 != i)
				return false;
			if (forest->vector_leaf &&
				(node->value.index > forest->num_leaf ||
				 forest->num_leaf - node->value.index < forest->num_output))
				return false;
			continue;
		}
		if (node->left < first || node->left >= end - 1)
			return false;
		if ((node->input & SBK_CATEGORICAL) != 0 &&
			(!forest->categorical || node->value.index >= forest->num_set ||
			 sets[node->value.index] >= forest->num_set - node->value.index))
			return false;
	}
	return true;
}

/*
 * What a tree of dart adds is multiplied by the tree's weight here, as the
 * library multiplies it each time before it adds.
 */
static void
write_tree(const SbkForestBuilder *builder, const SbkSummary *summary,
		   SbkForest *forest, size_t t)
{
	SbkForestTree *tree = (SbkForestTree *) ((char *) forest + forest->trees) + t;
	SbkNode    *nodes = (SbkNode *) ((char *) forest + forest->nodes);
	float	   *leaves = (float *) ((char *) forest + forest->leaves);
	float		weight = summary->tree_weights ? summary->tree_weights[t] : 1.0f;
	size_t		end = t + 1 < builder->num_tree ?
		builder->trees[t + 1].root : builder->num_node;
	size_t		i;
	uint32_t	j;

	*tree = builder->trees[t];
	tree->output = forest->vector_leaf ? 0 :
		t / summary->num_parallel_tree % forest->num_output;
	for (i = tree->root; i < end; i++)
	{
		SbkNode    *node = &nodes[i];
		uint32_t	built = builder->nodes[i].input;

		*node = builder->nodes[i];
		if ((built & LEAF) == 0)
		{
			node->input = (built & SBK_CATEGORICAL) | (built & FEATURE);
			if ((built & DEFAULT_LEFT) == 0)
				node->input += forest->num_feature;
			continue;
		}
		node->input = 2 * forest->num_feature;
		if (!forest->vector_leaf)
		{
			node->value.number *= weight;
			continue;
		}
		for (j = node->value.index; j < node->value.index + forest->num_output; j++)
			leaves[j] = builder->leaves[j] * weight;
	}
}
