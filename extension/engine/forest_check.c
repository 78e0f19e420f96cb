/*
 * forest_check.c
 *		Is a stored forest one that kernels can walk?
 *
 * The table that forests are stored in may have been restored, replicated or
 * written by hand, so a checksum does not tell.  Everything that a kernel or
 * the code around it takes for granted is looked at here, each array once from
 * its beginning to its end.
 */
#include <string.h>

#include "engine/forest.h"

/* every array begins where any type may */
#define ALIGN(size)		(((size) + 15) & ~(uint64_t) 15)

static const char *check_header(const SbkForest *forest, size_t size);
static const char *check_trees(const SbkForest *forest);
static const char *check_tree(const SbkForest *forest,
							  const SbkForestTree *tree);
static const char *check_nodes(const SbkForest *forest,
							   const SbkForestTree *tree);
static const char *check_set(const SbkForest *forest, uint32_t index);
static const char *check_crown(const SbkForest *forest,
							   const SbkForestTree *tree);

bool
sbk_forest_valid(const void *bytes, size_t size, const char **what_is_wrong)
{
	const SbkForest *forest = bytes;
	const char *wrong = check_header(forest, size);

	if (wrong == NULL)
		wrong = check_trees(forest);
	*what_is_wrong = wrong;
	return wrong == NULL;
}

void
sbk_forest_lay_out(SbkForest *forest)
{
	forest->margins = ALIGN(sizeof(SbkForest));
	forest->trees = ALIGN(forest->margins + forest->num_output * sizeof(float));
	forest->nodes = ALIGN(forest->trees + forest->num_tree * sizeof(SbkForestTree));
	forest->crowns = ALIGN(forest->nodes + forest->num_node * sizeof(SbkNode));
	forest->sets = ALIGN(forest->crowns + forest->num_crown * sizeof(SbkNumber));
	forest->leaves = ALIGN(forest->sets + forest->num_set * sizeof(uint32_t));
	forest->weights = ALIGN(forest->leaves + forest->num_leaf * sizeof(float));
	forest->size = ALIGN(forest->weights + forest->num_weight * sizeof(float));
}

uint32_t
sbk_trees_alike(const SbkForest *forest, uint32_t t)
{
	const SbkForestTree *tree = SBK_FOREST_ARRAY(forest, SbkForestTree, trees) + t;

	if (!sbk_crown_is_complete(forest, tree))
		return 0;
	if (t + 1 < forest->num_tree && tree[1].alike > 0 &&
		tree[1].crown_levels == tree->crown_levels)
		return 1 + tree[1].alike;
	return 1;
}

static const char *
check_header(const SbkForest *forest, size_t size)
{
	SbkForest	expected;
	uint64_t	num_weight;

	if (size < sizeof(SbkForest) || forest->magic != SBK_FOREST_MAGIC)
		return "is not a compiled model";
	if (forest->byte_order != SBK_FOREST_BYTE_ORDER)
		return "has another byte order";
	if (forest->format != SBK_FOREST_FORMAT)
		return "has another format";
	if (forest->size != size)
		return "has another length than it says";
	if (forest->num_feature < 1 || forest->num_feature > SBK_MAX_FEATURES)
		return "has a number of features that no model has";
	if (forest->num_output < 1 || forest->num_output > SBK_MAX_OUTPUTS)
		return "has a number of outputs that no model has";
	if (forest->link > SBK_LINK_SOFTPLUS_SUM)
		return "has an unknown link function";

	/* where each count is at most the size, no sum below can overflow */
	if (forest->num_tree > SBK_MAX_TREES || forest->num_node > size ||
		forest->num_crown > size || forest->num_set > size ||
		forest->num_leaf > size || forest->num_weight > size)
		return "has more in it than its length allows";
	expected = *forest;
	sbk_forest_lay_out(&expected);
	if (memcmp(&expected, forest, sizeof(SbkForest)) != 0)
		return "has arrays that are out of place";

	num_weight = ((uint64_t) forest->num_feature + 1) * forest->num_output;
	if (sbk_forest_is_linear(forest))
		return forest->num_weight != num_weight || forest->num_tree > 0 ||
			forest->trees_per_round > 0 || forest->vector_leaf != 0 ?
			"has other weights than its features need" : NULL;
	if (forest->num_tree == 0 || forest->trees_per_round == 0 ||
		forest->num_tree % forest->trees_per_round != 0)
		return "has trees that make no whole rounds";
	if (forest->vector_leaf > 1)
		return "has leaves of no known kind";
	return NULL;
}

/* Each tree has its part of the arrays, one after the other. */
static const char *
check_trees(const SbkForest *forest)
{
	const SbkForestTree *trees = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	uint64_t	num_node = 0;
	uint64_t	num_crown = 0;
	uint32_t	t;

	for (t = 0; t < forest->num_tree; t++)
	{
		const SbkForestTree *tree = &trees[t];
		const char *wrong;

		if (tree->root != num_node || tree->crown != num_crown ||
			tree->num_node > forest->num_node - num_node ||
			tree->crown_levels > SBK_MAX_CROWN_LEVELS ||
			3U << tree->crown_levels > forest->num_crown - num_crown)
			return "has a tree that is out of place";
		if (tree->alike != sbk_trees_alike(forest, t))
			return "has a tree that is not like those after it";
		wrong = check_tree(forest, tree);
		if (wrong != NULL)
			return wrong;
		num_node += tree->num_node;
		num_crown += 3U << tree->crown_levels;
	}
	if (num_node != forest->num_node || num_crown != forest->num_crown)
		return "has nodes that belong to no tree";
	return NULL;
}

static const char *
check_tree(const SbkForest *forest, const SbkForestTree *tree)
{
	const char *wrong;

	if (tree->num_node == 0 || tree->num_node > SBK_MAX_LIST)
		return "has a tree with a number of nodes that none has";
	if (tree->depth > SBK_MAX_TREE_DEPTH || tree->crown_levels > tree->depth)
		return "has a tree that is too deep, or less deep than its crown";
	if (tree->output >= (forest->vector_leaf ? 1 : forest->num_output))
		return "has a tree that adds to an output that does not exist";
	if (tree->categorical > 1)
		return "has a tree of no known kind";
	wrong = check_nodes(forest, tree);
	return wrong != NULL ? wrong : check_crown(forest, tree);
}

static const char *
check_nodes(const SbkForest *forest, const SbkForestTree *tree)
{
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes) + tree->root;
	uint32_t	leaf_place = 2 * forest->num_feature;
	uint32_t	lowest = 0;
	uint32_t	i;

	if ((nodes[0].input & SBK_NODE_LEVEL) != 0)
		return "has a root that is not on the first level";
	for (i = 0; i < tree->num_node; i++)
	{
		const SbkNode *node = &nodes[i];
		uint32_t	place = node->input & SBK_NODE_PLACE;
		uint32_t	level = node->input & SBK_NODE_LEVEL;

		if (level > lowest)
			lowest = level;
		if (place == leaf_place)
		{
			if (node->left != i - 1 || node->input != (level | place))
				return "has a leaf that leads elsewhere";
			if (forest->vector_leaf &&
				(forest->num_leaf < forest->num_output ||
				 node->value.index > forest->num_leaf - forest->num_output))
				return "has a leaf whose numbers are out of place";
			continue;
		}
		if (place > leaf_place)
			return "has a node that reads beyond a row";

		/* children come later, so that no path leads back */
		if (node->left <= i || node->left >= tree->num_node - 1)
			return "has a child that is out of place";
		level += 1U << SBK_NODE_LEVEL_SHIFT;
		if ((nodes[node->left].input & SBK_NODE_LEVEL) != level ||
			(nodes[node->left + 1].input & SBK_NODE_LEVEL) != level)
			return "has a child on a level that is not its parent's next";
		if ((node->input & SBK_NODE_CATEGORICAL) != 0)
		{
			const char *wrong = tree->categorical ?
				check_set(forest, node->value.index) :
				"has a split on categories where there should be none";

			if (wrong != NULL)
				return wrong;
		}
	}
	if (lowest != tree->depth << SBK_NODE_LEVEL_SHIFT)
		return "has a tree that is not as deep as it says";
	return NULL;
}

static const char *
check_set(const SbkForest *forest, uint32_t index)
{
	const uint32_t *sets = SBK_FOREST_ARRAY(forest, uint32_t, sets);

	if (index >= forest->num_set || sets[index] >= forest->num_set - index)
		return "has a category set that is out of place";
	return NULL;
}

/*
 * An end that is a node is a leaf, or on the level below the crown: from there
 * every path is at a leaf after as many steps as the tree has levels below.
 */
static const char *
check_crown(const SbkForest *forest, const SbkForestTree *tree)
{
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes) + tree->root;
	const SbkSlot *slots = sbk_crown(forest, tree);
	const SbkNumber *ends = sbk_crown_ends(forest, tree);
	uint32_t	num_slot = 1U << tree->crown_levels;
	uint32_t	i;

	for (i = 0; i < num_slot; i++)
	{
		if (slots[i].place > 2 * forest->num_feature)
			return "has a crown that reads beyond a row";
	}
	if (sbk_crown_is_complete(forest, tree))
		return NULL;
	for (i = 0; i < num_slot; i++)
	{
		const SbkNode *node;

		if (ends[i].index >= tree->num_node)
			return "has a crown that leads nowhere";
		node = &nodes[ends[i].index];
		if (!sbk_node_is_leaf(forest, node) &&
			(node->input & SBK_NODE_LEVEL) >> SBK_NODE_LEVEL_SHIFT != tree->crown_levels)
			return "has a crown that leads elsewhere than below it";
	}
	return NULL;
}
