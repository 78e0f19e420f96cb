/*
 * trees.c
 *		The trees of a model file, read one after the other and verified.
 *
 * XGBoost trusts what it loads: an index out of range reads or writes wherever
 * it points, and a cycle is walked for ever.  A tree that passes here has
 * lists of equal length, one path from its root to each of its nodes, splits
 * on features that exist, and categories that lie within their list.
 *
 * Nodes that pruning has deleted stay in the file, marked, with nothing that
 * leads to them.
 */
#include <math.h>
#include <string.h>

#include "artifact/reader.h"

#define SBK_MAX_CATEGORY_BYTES	((size_t) 256 * 1024 * 1024)

/* the root has no parent; which number says so depends on the version */
#define NO_PARENT(parent)		((parent) == -1 || (parent) == INT32_MAX)

static bool read_tree(SbkReader *reader, int position);
static bool check_tree(SbkReader *reader, int position);
static bool check_lengths(SbkReader *reader);
static bool check_paths(SbkReader *reader);
static bool check_node(SbkReader *reader, int64_t node, bool *leaf);
static bool check_values(SbkReader *reader);
static bool check_categories(SbkReader *reader);
static bool count_categories(SbkReader *reader, int64_t feature,
							 int64_t code);
static bool bad_tree(SbkReader *reader, const char *what);

/* Readers of the lists of a tree: one for each key. */
#define INTEGERS(field) \
static bool \
read_##field(SbkReader *reader, const SbkToken *value) \
{ \
	return sbk_read_integers(reader, reader->scratch, value, SBK_MAX_LIST, \
							 &reader->tree.field); \
}

#define REALS(field) \
static bool \
read_##field(SbkReader *reader, const SbkToken *value) \
{ \
	return sbk_read_reals(reader, reader->scratch, value, SBK_MAX_LIST, \
						  &reader->tree.field); \
}

#define NUMBER(field, min, max) \
static bool \
read_##field(SbkReader *reader, const SbkToken *value) \
{ \
	return sbk_read_integer(reader, value, #field, min, max, \
							&reader->tree.field); \
}

INTEGERS(left)
INTEGERS(right)
INTEGERS(parents)
INTEGERS(split_indices)
INTEGERS(default_left)
INTEGERS(split_type)
INTEGERS(categories)
INTEGERS(category_nodes)
INTEGERS(category_segments)
INTEGERS(category_sizes)
REALS(conditions)
REALS(base_weights)
REALS(leaf_weights)
REALS(loss_changes)
REALS(sum_hessian)
NUMBER(num_node, 1, INT32_MAX)
NUMBER(num_deleted, 0, INT32_MAX)
NUMBER(num_feature, 0, SBK_MAX_FEATURES)
NUMBER(leaf_size, 0, SBK_MAX_OUTPUTS)

static bool
read_id(SbkReader *reader, const SbkToken *value)
{
	reader->tree.id = value->integer;
	return true;
}

static bool
read_tree_param(SbkReader *reader, const SbkToken *value)
{
	static const SbkKeyReader keys[] = {
		{"num_nodes", SBK_TOKEN_STRING, read_num_node},
		{"num_deleted", SBK_TOKEN_STRING, read_num_deleted},
		{"num_feature", SBK_TOKEN_STRING, read_num_feature},
		{"size_leaf_vector", SBK_TOKEN_STRING, read_leaf_size},
		{NULL}
	};

	return sbk_read_object(reader, keys);
}

bool
sbk_read_trees(SbkReader *reader, const SbkToken *value)
{
	SbkToken	token;

	if (value->kind == SBK_TOKEN_NUMBERS)
		return sbk_malformed(reader, "its trees are not objects");
	while (sbk_token_next(&reader->tokenizer, &token) == SBK_TOKEN_OBJECT_BEGIN)
	{
		if (reader->trees_seen == SBK_MAX_TREES)
			return sbk_artifact_fail(reader->error, SBK_FAULT_LIMIT,
									 reader->tokenizer.pos,
									 "it has more than %d trees", SBK_MAX_TREES);
		sbk_arena_reset(reader->scratch);
		if (!read_tree(reader, reader->trees_seen++))
			return false;
		if (reader->visitor != NULL &&
			!reader->visitor->visit(reader->visitor->arg, &reader->tree))
			return sbk_out_of_memory(reader);
	}
	if (token.kind != SBK_TOKEN_ARRAY_END)
		return sbk_malformed(reader, "its trees are not objects");
	return true;
}

static bool
read_tree(SbkReader *reader, int position)
{
	static const SbkKeyReader keys[] = {
		{"base_weights", SBK_TOKEN_ARRAY_BEGIN, read_base_weights},
		{"categories", SBK_TOKEN_ARRAY_BEGIN, read_categories},
		{"categories_nodes", SBK_TOKEN_ARRAY_BEGIN, read_category_nodes},
		{"categories_segments", SBK_TOKEN_ARRAY_BEGIN, read_category_segments},
		{"categories_sizes", SBK_TOKEN_ARRAY_BEGIN, read_category_sizes},
		{"default_left", SBK_TOKEN_ARRAY_BEGIN, read_default_left},
		{"id", SBK_TOKEN_INTEGER, read_id},
		{"leaf_weights", SBK_TOKEN_ARRAY_BEGIN, read_leaf_weights},
		{"left_children", SBK_TOKEN_ARRAY_BEGIN, read_left},
		{"loss_changes", SBK_TOKEN_ARRAY_BEGIN, read_loss_changes},
		{"parents", SBK_TOKEN_ARRAY_BEGIN, read_parents},
		{"right_children", SBK_TOKEN_ARRAY_BEGIN, read_right},
		{"split_conditions", SBK_TOKEN_ARRAY_BEGIN, read_conditions},
		{"split_indices", SBK_TOKEN_ARRAY_BEGIN, read_split_indices},
		{"split_type", SBK_TOKEN_ARRAY_BEGIN, read_split_type},
		{"sum_hessian", SBK_TOKEN_ARRAY_BEGIN, read_sum_hessian},
		{"tree_param", SBK_TOKEN_OBJECT_BEGIN, read_tree_param},
		{NULL}
	};

	memset(&reader->tree, 0, sizeof(SbkTree));
	reader->tree.id = -1;
	return sbk_read_object(reader, keys) && check_tree(reader, position);
}

static bool
check_tree(SbkReader *reader, int position)
{
	SbkTree    *tree = &reader->tree;
	SbkSummary *summary = reader->summary;

	/* XGBoost puts each tree where its id says */
	if (tree->id != position)
		return bad_tree(reader, "is not at the place of its id");
	if (!check_lengths(reader) || !check_paths(reader) ||
		!check_values(reader) || !check_categories(reader))
		return false;

	if (tree->leaf_size > 1)
		summary->vector_leaf = true;
	if (tree->leaf_weights.count > 0)
		summary->leaf_weights = true;
	if (tree->category_nodes.count > 0)
		summary->categorical_split = true;
	if (position > 0 && tree->leaf_size != reader->leaf_size)
		return bad_tree(reader, "has leaves of another size than the others");
	reader->leaf_size = tree->leaf_size;
	return true;
}

static bool
check_lengths(SbkReader *reader)
{
	SbkTree    *tree = &reader->tree;
	size_t		n = tree->num_node;
	size_t		width = tree->leaf_size > 1 ? tree->leaf_size : 1;

	if (n == 0)
		return bad_tree(reader, "does not say how many nodes it has");
	if (tree->left.count != n || tree->right.count != n ||
		tree->parents.count != n || tree->split_indices.count != n ||
		tree->default_left.count != n || tree->conditions.count != n ||
		tree->base_weights.count != n * width)
		return bad_tree(reader, "has lists of other lengths than its nodes");

	/* vector leaves came without statistics before they had weights */
	if ((tree->loss_changes.count != n || tree->sum_hessian.count != n) &&
		(width == 1 || tree->leaf_weights.count != 0 ||
		 tree->loss_changes.count != 0 || tree->sum_hessian.count != 0))
		return bad_tree(reader, "has statistics of other lengths than its nodes");
	if (tree->leaf_weights.count > 0 && width == 1)
		return bad_tree(reader, "has weights of leaves that have one output");
	if (tree->split_type.count != n &&
		(tree->split_type.present || tree->categories.present))
		return bad_tree(reader, "has split types of another length than its nodes");
	return true;
}

/*
 * Walks the tree from its root, level by level: every node that is not
 * deleted must be reached, and none twice.
 */
static bool
check_paths(SbkReader *reader)
{
	SbkTree    *tree = &reader->tree;
	int64_t		n = tree->num_node;
	int32_t    *queue = sbk_arena_alloc_array(reader->scratch, n, sizeof(int32_t));
	int64_t		head = 0;
	int64_t		tail = 1;
	int64_t		level_end = 1;
	int			depth = 0;
	int64_t		leaves = 0;
	int64_t		deleted = 0;
	int64_t		i;

	if (queue == NULL)
		return sbk_out_of_memory(reader);
	if (!NO_PARENT(tree->parents.values[0]))
		return bad_tree(reader, "has a root with a parent");
	while (head < tail)
	{
		int64_t		node = queue[head++];
		int64_t		left = tree->left.values[node];
		bool		leaf;

		if (!check_node(reader, node, &leaf))
			return false;
		if (leaf)
		{
			if (tree->leaf_weights.count > 0 &&
				(tree->right.values[node] < 0 ||
				 (size_t) tree->right.values[node] >= tree->leaf_weights.count / tree->leaf_size))
				return bad_tree(reader, "has a leaf without weights");
			leaves++;
			reader->leaves[depth]++;
		}
		else
		{
			/* a node's parent says that only this one may lead to it */
			queue[tail++] = (int32_t) left;
			queue[tail++] = (int32_t) left + 1;
		}
		if (head == level_end && head < tail)
		{
			if (++depth > SBK_MAX_TREE_DEPTH)
				return bad_tree(reader, "is too deep");
			level_end = tail;
		}
	}
	tree->depth = depth;
	for (i = 0; i < n; i++)
	{
		if (tree->split_indices.values[i] != SBK_DELETED_NODE)
			continue;
		/* XGBoost follows the parents of these, too */
		if (tree->left.values[i] != -1 || tree->right.values[i] != -1 ||
			tree->parents.values[i] < 0 || tree->parents.values[i] >= n ||
			(tree->split_type.count > 0 && tree->split_type.values[i] != 0))
			return bad_tree(reader, "has a deleted node with relations");
		deleted++;
	}
	if (deleted != tree->num_deleted || tail + deleted != n)
		return bad_tree(reader, "has nodes that nothing leads to");
	if (tree->leaf_weights.count > 0 &&
		tree->leaf_weights.count != (size_t) leaves * tree->leaf_size)
		return bad_tree(reader, "has weights for other leaves than it has");
	return true;
}

/*
 * A node that is reached: is it a leaf, and if not, are its children its own?
 * XGBoost takes the node after the left child for the right one.  Children
 * come after their parents, so that no path can lead back; and since they name
 * their parent, no two paths meet.
 */
static bool
check_node(SbkReader *reader, int64_t node, bool *leaf)
{
	SbkTree    *tree = &reader->tree;
	int64_t		left = tree->left.values[node];
	int64_t		right = tree->right.values[node];
	int64_t		split = tree->split_indices.values[node];

	*leaf = left == -1;
	if (split == SBK_DELETED_NODE)
		return bad_tree(reader, "leads to a deleted node");
	/* a leaf that was a split keeps its feature */
	if (split < 0 || split > SBK_DELETED_NODE)
		return bad_tree(reader, "splits on a feature that does not exist");
	if (*leaf)
	{
		if (right != -1 && tree->leaf_weights.count == 0)
			return bad_tree(reader, "has a node with one child");
		return true;
	}
	if (left <= node || left >= tree->num_node - 1 || right != left + 1)
		return bad_tree(reader, "has a child that is out of place");
	if (tree->parents.values[left] != node || tree->parents.values[right] != node)
		return bad_tree(reader, "has a child of two parents");
	if (split > reader->max_split_index)
		reader->max_split_index = split;
	return true;
}

/* Thresholds and leaves are finite numbers; flags are 0 or 1. */
static bool
check_values(SbkReader *reader)
{
	SbkTree    *tree = &reader->tree;
	int64_t		i;
	size_t		j;

	for (i = 0; i < tree->num_node; i++)
	{
		bool		categorical = tree->split_type.count > 0 &&
			tree->split_type.values[i] != 0 && tree->left.values[i] != -1;

		if (tree->default_left.values[i] < 0 || tree->default_left.values[i] > 1)
			return bad_tree(reader, "has a default direction that is none");
		if (tree->split_type.count > 0 &&
			(tree->split_type.values[i] < 0 || tree->split_type.values[i] > 1))
			return bad_tree(reader, "has a split of an unknown type");

		/* XGBoost writes NaN where the condition is not used */
		if (!isfinite(tree->conditions.values[i]) && !categorical &&
			!(tree->left.values[i] == -1 && tree->leaf_size > 1))
			return bad_tree(reader, "has a threshold or leaf that is not finite");
	}
	for (j = 0; j < tree->leaf_weights.count; j++)
	{
		if (!isfinite(tree->leaf_weights.values[j]))
			return bad_tree(reader, "has a leaf that is not finite");
	}
	for (j = 0; tree->leaf_size > 1 && j < tree->base_weights.count; j++)
	{
		if (!isfinite(tree->base_weights.values[j]))
			return bad_tree(reader, "has a weight that is not finite");
	}
	return true;
}

/* Each categorical split has its own stretch of codes, rising from 0. */
static bool
check_categories(SbkReader *reader)
{
	SbkTree    *tree = &reader->tree;
	size_t		n = tree->category_nodes.count;
	int64_t		begin = 0;
	int64_t		last = -1;
	size_t		splits = 0;
	size_t		i;
	int64_t		j;

	if (tree->category_segments.count != n || tree->category_sizes.count != n)
		return bad_tree(reader, "has lists of categories of unequal lengths");
	for (i = 0; i < n; i++)
	{
		int64_t		node = tree->category_nodes.values[i];
		int64_t		size = tree->category_sizes.values[i];

		if (node <= last || node >= tree->num_node ||
			tree->split_type.count == 0 ||
			tree->split_type.values[node] != 1 || tree->left.values[node] == -1)
			return bad_tree(reader, "has categories of a node that does not split on them");
		last = node;
		if (tree->category_segments.values[i] != begin || size < 1 ||
			size > (int64_t) tree->categories.count - begin)
			return bad_tree(reader, "has categories that overlap or are cut off");
		for (j = begin; j < begin + size; j++)
		{
			int64_t		code = tree->categories.values[j];

			if (code < 0 || code >= SBK_MAX_LEVELS ||
				(j > begin && code <= tree->categories.values[j - 1]))
				return bad_tree(reader, "has category codes out of order or range");
		}
		if (!count_categories(reader, tree->split_indices.values[node],
							  tree->categories.values[begin + size - 1]))
			return false;
		/* XGBoost keeps a bit for each code up to the highest */
		reader->category_bytes += tree->categories.values[begin + size - 1] / 8 + 4;
		begin += size;
	}
	if (reader->category_bytes > SBK_MAX_CATEGORY_BYTES)
		return sbk_artifact_fail(reader->error, SBK_FAULT_LIMIT,
								 reader->tokenizer.pos,
								 "its categorical splits need more than %d MB in memory",
								 (int) (SBK_MAX_CATEGORY_BYTES / (1024 * 1024)));
	if (begin != (int64_t) tree->categories.count)
		return bad_tree(reader, "has categories that no node uses");
	for (i = 0; i < tree->split_type.count; i++)
	{
		if (tree->split_type.values[i] == 1 && tree->left.values[i] != -1)
			splits++;
	}
	if (splits != n)
		return bad_tree(reader, "splits on categories that it does not have");
	return true;
}

/* Remembers the highest code that a feature's splits speak of. */
static bool
count_categories(SbkReader *reader, int64_t feature, int64_t code)
{
	size_t		room = reader->category_room;
	int32_t    *larger;

	/* check_paths() did not look at a node that is deleted */
	if (feature < 0 || feature >= SBK_MAX_FEATURES)
		return bad_tree(reader, "splits on a feature that does not exist");
	if ((size_t) feature >= room)
	{
		room = feature + 1 > 64 ? (size_t) feature * 2 : 64;
		larger = sbk_arena_alloc_array(reader->arena, room, sizeof(int32_t));
		if (larger == NULL)
			return sbk_out_of_memory(reader);
		if (reader->category_room > 0)
			memcpy(larger, reader->category_counts,
				   reader->category_room * sizeof(int32_t));
		reader->category_counts = larger;
		reader->category_room = room;
	}
	if (code >= reader->category_counts[feature])
		reader->category_counts[feature] = (int32_t) code + 1;
	return true;
}

static bool
bad_tree(SbkReader *reader, const char *what)
{
	return sbk_artifact_fail(reader->error, SBK_FAULT_MALFORMED,
							 reader->tokenizer.pos, "tree %d %s",
							 reader->trees_seen - 1, what);
}
