/*
 * forest.h
 *		A model compiled for the native engine: flat arrays in one piece.
 *
 * The arrays follow the header and are found by their offsets, and all numbers
 * have a fixed width: the piece can be copied, stored and read by another
 * backend as it is.  Equal models give equal bytes.  It is built from trees
 * that the artifact reader has verified; one that was stored is verified by
 * sbk_forest_valid() before anything else reads it.  Compiles without a server,
 * like the kernels and link.c.
 *
 * A node never asks whether an input is missing, or whether it is a leaf.  The
 * kernels copy each row three times over: with minus infinity for what is
 * missing, with plus infinity, and at the end what is less than nothing.  A
 * split reads from the copy that sends the missing where its default direction
 * goes; a leaf reads the end, which always sends it right, and is itself the
 * node to the right of its left child.  So walks through a tree may all go on
 * for as many steps as it is deep, whichever of them have arrived.
 *
 * Inputs and thresholds are compared as keys: integers in the order of the
 * numbers, which are cheaper to compare and to count with.
 *
 * The upper levels of each tree, its crown, are stored once more, completed as
 * if no leaf stood among them, so that a place in it tells where its children
 * are: those of slot i are 2i and 2i + 1, the root is slot 1, slot 0 is not
 * used.  Where a leaf ends a path early, whatever follows leads to that leaf.
 * Behind the slots come as many ends, what the last level leads to, from left
 * to right: what the leaves add where no path goes on below, else nodes.  A
 * crown does not go below the first split on categories.  All crowns together
 * have no more slots than there are nodes, and take no more memory.
 */
#ifndef SBK_FOREST_H
#define SBK_FOREST_H

#include <math.h>

#include "artifact/tree.h"
#include "engine/link.h"

/*
 * Goes up when the layout changes, or the meaning of a number: so also when an
 * objective gets another SbkLink.
 */
#define SBK_FOREST_FORMAT		3
#define SBK_FOREST_MAGIC		0x46534253U
#define SBK_FOREST_BYTE_ORDER	0x01020304U

#define SBK_SHA256_LENGTH		32

#define SBK_MAX_CROWN_LEVELS	8

/* keys of minus infinity, of infinity, and of what is less than nothing */
#define SBK_KEY_BELOW			0x007FFFFFU
#define SBK_KEY_ABOVE			0xFF800000U
#define SBK_KEY_LEAF			0xFFFFFFFFU

/* in SbkNode.input: the place in the copied row, the level, and a flag */
#define SBK_NODE_PLACE			0x0003FFFFU
#define SBK_NODE_LEVEL			0x0FFC0000U
#define SBK_NODE_LEVEL_SHIFT	18
#define SBK_NODE_CATEGORICAL	0x80000000U

#if 2 * SBK_MAX_FEATURES > SBK_NODE_PLACE
#error "a place does not fit into a node"
#endif

typedef union SbkNumber
{
	float		number;
	uint32_t	key;
	uint32_t	index;
} SbkNumber;

/* A node of a crown. */
typedef struct SbkSlot
{
	uint32_t	threshold;		/* a key */
	uint32_t	place;			/* in the copied row */
} SbkSlot;

/*
 * A child's level is one more than its parent's, wherever the node stands: that
 * proves without walking the tree that no path is longer than it is deep.
 * Nodes that nothing leads to are leaves of level 0.
 */
typedef struct SbkNode
{
	SbkNumber	value;			/* key of a threshold, or the number that a
								 * leaf adds; index of a category set, or of a
								 * leaf's numbers */
	uint32_t	input;
	uint32_t	left;			/* its left child, counted from the root; the
								 * right one follows.  Of a leaf, the node
								 * before it, modulo 2^32. */
} SbkNode;

typedef struct SbkForestTree
{
	uint32_t	root;			/* its first node */
	uint32_t	num_node;
	uint32_t	depth;			/* steps from the root to the lowest leaf */
	uint32_t	output;			/* which its leaves add to */
	uint32_t	crown;			/* its first number there */
	uint32_t	crown_levels;
	uint32_t	categorical;	/* some split is on categories */
	uint32_t	alike;			/* trees from this one on whose crowns are
								 * complete and have as many levels; or 0 */
} SbkForestTree;

/*
 * nodes are in the order of the file, so that the number of a leaf is its
 * distance from the root.  crowns are counted in numbers, of which a slot has
 * two and an end has one.  A category set is the number of its words, and the
 * words: one bit for each code that goes right.
 *
 * Whoever stores a forest fills in sha256, that of the artifact it was compiled
 * from, and then crc, the CRC-32C of everything that comes after that field.
 */
typedef struct SbkForest
{
	/* the same in every format, as far as the size */
	uint32_t	magic;
	uint32_t	byte_order;
	uint32_t	crc;
	uint32_t	format;
	uint64_t	size;			/* of all of it */
	uint8_t		sha256[SBK_SHA256_LENGTH];
	uint32_t	num_feature;
	uint32_t	num_output;
	uint32_t	num_tree;
	uint32_t	trees_per_round;
	uint32_t	vector_leaf;	/* a leaf has num_output numbers */
	uint32_t	link;			/* SbkLink */
	uint64_t	num_node;
	uint64_t	num_crown;
	uint64_t	num_set;
	uint64_t	num_leaf;
	uint64_t	num_weight;		/* of gblinear; all others have trees */
	uint64_t	margins;		/* of each output: float */
	uint64_t	trees;			/* SbkForestTree */
	uint64_t	nodes;			/* SbkNode */
	uint64_t	crowns;			/* SbkNumber */
	uint64_t	sets;			/* uint32_t */
	uint64_t	leaves;			/* float */
	uint64_t	weights;		/* float */
} SbkForest;

#define SBK_FOREST_ARRAY(forest, type, array) \
	((const type *) ((const char *) (forest) + (forest)->array))

/* What is known while trees arrive; lives in the arena. */
typedef struct SbkForestBuilder
{
	SbkArena   *arena;
	SbkForestTree *trees;
	SbkNode    *nodes;			/* input has the feature, and more flags */
	uint32_t   *sets;
	float	   *leaves;
	size_t		num_tree;
	size_t		tree_room;
	size_t		num_node;
	size_t		node_room;
	size_t		num_crown;
	size_t		num_set;
	size_t		set_room;
	size_t		num_leaf;
	size_t		leaf_room;
} SbkForestBuilder;

/* A visitor of the artifact reader; arg is a builder with an arena. */
extern bool sbk_forest_add_tree(void *arg, const SbkTree *tree);

/* What a forest of this model needs in bytes. */
extern size_t sbk_forest_size(const SbkForestBuilder *builder,
							  const SbkSummary *summary);

/*
 * Writes the forest, which is aligned as for malloc; crc and sha256 are zeros,
 * and the link is SBK_LINK_UNKNOWN where the objective is not a known one: of
 * such a forest the margins are right, and there are no values.
 */
extern void sbk_forest_write(const SbkForestBuilder *builder,
							 const SbkSummary *summary, SbkForest *forest);

/* Sets the offsets and the size, which follow from the counts. */
extern void sbk_forest_lay_out(SbkForest *forest);

/* What alike is of this tree, if that of the next one is right. */
extern uint32_t sbk_trees_alike(const SbkForest *forest, uint32_t t);

/*
 * Are these bytes, aligned as for malloc, a forest that kernels can walk?  In
 * time linear in the size, without memory of its own, whatever the bytes are.
 * crc and sha256 are not looked at.  Of bytes that pass, nothing is read out of
 * bounds, and no walk through a tree is longer than SBK_MAX_TREE_DEPTH steps.
 * On false, what_is_wrong completes a sentence that begins with "it".
 */
extern bool sbk_forest_valid(const void *bytes, size_t size,
							 const char **what_is_wrong);

static inline bool
sbk_forest_is_linear(const SbkForest *forest)
{
	return forest->num_weight > 0;
}

/* Are the ends of the tree's crown what its leaves add? */
static inline bool
sbk_crown_is_complete(const SbkForest *forest, const SbkForestTree *tree)
{
	return tree->crown_levels == tree->depth && !forest->vector_leaf;
}

/* The slots of a tree's crown; the ends follow. */
static inline const SbkSlot *
sbk_crown(const SbkForest *forest, const SbkForestTree *tree)
{
	return (const SbkSlot *) (SBK_FOREST_ARRAY(forest, SbkNumber, crowns) +
							  tree->crown);
}

static inline const SbkNumber *
sbk_crown_ends(const SbkForest *forest, const SbkForestTree *tree)
{
	return (const SbkNumber *) (sbk_crown(forest, tree) +
								((size_t) 1 << tree->crown_levels));
}

static inline bool
sbk_node_is_leaf(const SbkForest *forest, const SbkNode *node)
{
	return (node->input & SBK_NODE_PLACE) == 2 * forest->num_feature;
}

/* The key of a number; both zeros have the same. */
static inline uint32_t
sbk_key(float number)
{
	SbkNumber	value = {.number = number + 0.0f};

	return value.key ^ (value.key >> 31 != 0 ? 0xFFFFFFFFU : 0x80000000U);
}

/* The number whose key this is. */
static inline float
sbk_key_number(uint32_t key)
{
	SbkNumber	value = {.key = key ^ (key >> 31 != 0 ? 0x80000000U : 0xFFFFFFFFU)};

	return value.number;
}

/* Does the category that an input is go right? */
static inline bool
sbk_forest_in_set(const uint32_t *set, uint32_t input)
{
	float		number = sbk_key_number(input);
	uint32_t	code;

	if (!(number >= 0))
		return false;
	if (number >= SBK_MAX_LEVELS)
		return number == INFINITY;	/* missing, by default to the right */
	code = (uint32_t) number;
	return code / 32 < set[0] && (set[1 + code / 32] >> code % 32 & 1) != 0;
}

/* The node after this one, counted from the root; the input is a key. */
static inline uint32_t
sbk_forest_next(const SbkForest *forest, const SbkNode *node, uint32_t input)
{
	if ((node->input & SBK_NODE_CATEGORICAL) == 0)
		return node->left + 1 - (input < node->value.key);
	return node->left +
		sbk_forest_in_set(SBK_FOREST_ARRAY(forest, uint32_t, sets) +
						  node->value.index, input);
}

#endif							/* SBK_FOREST_H */
