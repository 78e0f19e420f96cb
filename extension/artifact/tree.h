/*
 * tree.h
 *		One tree, as a model file has it.
 */
#ifndef SBK_TREE_H
#define SBK_TREE_H

#include "artifact/summary.h"

/* the split index of a node that pruning has deleted */
#define SBK_DELETED_NODE		INT32_MAX

#define SBK_MAX_TREE_DEPTH		512

typedef struct SbkIntegers
{
	bool		present;
	size_t		count;
	int64_t    *values;
} SbkIntegers;

typedef struct SbkReals
{
	size_t		count;
	float	   *values;
} SbkReals;

/* Lives until the next tree is read. */
struct SbkTree
{
	int64_t		id;
	int			num_node;
	int			num_deleted;
	int			num_feature;
	int			leaf_size;		/* outputs of a leaf, 0 is 1 */
	int			depth;			/* steps from the root to the lowest leaf */
	SbkIntegers left;
	SbkIntegers right;
	SbkIntegers parents;
	SbkIntegers split_indices;
	SbkIntegers default_left;
	SbkIntegers split_type;
	SbkIntegers categories;		/* all category codes in a row */
	SbkIntegers category_nodes; /* which nodes split on categories, */
	SbkIntegers category_segments;	/* where their codes begin, */
	SbkIntegers category_sizes; /* and how many there are */
	SbkReals	conditions;		/* thresholds, and the values of leaves */
	SbkReals	base_weights;
	SbkReals	leaf_weights;
	SbkReals	loss_changes;
	SbkReals	sum_hessian;
};

#endif							/* SBK_TREE_H */
