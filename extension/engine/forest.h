/*
 * forest.h
 *		A model compiled for the native engine: flat arrays in one piece.
 *
 * The arrays follow the header and are found by their offsets, so that the
 * piece can be copied and stored as it is.  It is built from trees that the
 * artifact reader has verified; one that was stored is checked again before it
 * is used.  Compiles
 * without a server, like kernel.c and link.c.
 *
 * A node never asks whether an input is missing, or whether it is a leaf.  The
 * kernel copies each row three times over: with minus infinity for what is
 * missing, with plus infinity, and a NaN at the end.  A split reads from the
 * copy that sends the missing where its default direction goes; a leaf reads
 * the NaN, which always sends it right, and is itself the node to the right of
 * its left child.  So a tree is walked in as many equal steps as it is deep.
 */
#ifndef SBK_FOREST_H
#define SBK_FOREST_H

#include <math.h>

#include "artifact/tree.h"
#include "engine/link.h"

/*
 * What a stored forest begins with.  A machine of the other byte order sees
 * another magic; SBK_FOREST_FORMAT changes with anything that kernels read.
 */
#define SBK_FOREST_MAGIC			0x53424B46U
#define SBK_FOREST_MAGIC_REVERSED	0x464B4253U
#define SBK_FOREST_FORMAT			1

#define SBK_SHA256_LENGTH			32

/* in SbkNode.input: the split is on categories */
#define SBK_CATEGORICAL			0x80000000U

typedef struct SbkNode
{
	union
	{
		float		number;		/* threshold, or what a leaf adds */
		uint32_t	index;		/* of a category set, or of a leaf's numbers */
	}			value;
	uint32_t	input;			/* place in the copied row, and the flag */
	uint32_t	left;			/* its left child; the right one follows */
} SbkNode;

typedef struct SbkForestTree
{
	uint32_t	root;
	uint32_t	depth;
	uint32_t	output;
} SbkForestTree;

/*
 * nodes are in the order of the file, so that the number of a leaf is its
 * distance from the root.  A category set is the number of its words, and the
 * words: one bit for each code that goes right.
 */
typedef struct SbkForest
{
	/* the same in every format, as far as the size */
	uint32_t	magic;			/* SBK_FOREST_MAGIC, in this machine's order */
	uint32_t	crc;			/* CRC-32C of all that follows */
	uint32_t	format;			/* SBK_FOREST_FORMAT */
	uint32_t	linear;			/* flag: weights instead of trees */
	uint64_t	size;			/* of all of it, in bytes */
	uint8_t		sha256[SBK_SHA256_LENGTH];	/* of the artifact */

	uint32_t	vector_leaf;	/* flag: a leaf has num_output numbers */
	uint32_t	categorical;	/* flag: some split is on categories */
	uint32_t	link;			/* SbkLink */
	uint32_t	num_feature;
	uint32_t	num_output;
	uint32_t	num_tree;
	uint32_t	trees_per_round;
	uint32_t	num_node;
	uint32_t	num_set;		/* words of category sets */
	uint32_t	num_leaf;		/* numbers of leaves with several outputs */
	uint64_t	margins;		/* of each output: float */
	uint64_t	trees;			/* SbkForestTree */
	uint64_t	nodes;			/* SbkNode */
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
	SbkNode    *nodes;			/* input is the feature and its flags */
	uint32_t   *sets;
	float	   *leaves;
	size_t		num_tree;
	size_t		tree_room;
	size_t		num_node;
	size_t		node_room;
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
 * Writes the forest, which is aligned as for malloc.  Equal models give equal
 * bytes.  The checksum and the artifact's digest are left to who stores it, and
 * the link is SBK_LINK_UNKNOWN where the objective is not a known one.
 */
extern void sbk_forest_write(const SbkForestBuilder *builder,
							 const SbkSummary *summary, SbkForest *forest);

/*
 * May kernels be let loose on these bytes?  Checks, in one pass, all that they
 * rely on: places and counts, and that no step leaves its tree.  Bytes that
 * pass may still be of another model, but reading them is safe and ends.  On
 * false, *what says what is wrong, to follow the word "it".
 */
extern bool sbk_forest_valid(const void *bytes, size_t size, const char **what);

/* Does a category go right?  The input is as the kernel copies it. */
static inline bool
sbk_forest_in_set(const uint32_t *set, float input)
{
	uint32_t	code;

	if (!(input >= 0))
		return false;
	if (input >= SBK_MAX_LEVELS)
		return input == INFINITY;	/* missing, by default to the right */
	code = (uint32_t) input;
	return code / 32 < set[0] && (set[1 + code / 32] >> code % 32 & 1) != 0;
}

/* The node after this one. */
static inline uint32_t
sbk_forest_next(const SbkForest *forest, const SbkNode *node, float input)
{
	if ((node->input & SBK_CATEGORICAL) == 0)
		return node->left + !(input < node->value.number);
	return node->left +
		sbk_forest_in_set(SBK_FOREST_ARRAY(forest, uint32_t, sets) +
						  node->value.index, input);
}

#endif							/* SBK_FOREST_H */
