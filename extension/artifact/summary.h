/*
 * summary.h
 *		What a model file says about itself.
 *
 * Reading a summary reads the whole artifact and verifies its structure, trees
 * included, so that bytes which pass lead no reader out of bounds.
 */
#ifndef SBK_SUMMARY_H
#define SBK_SUMMARY_H

#include "artifact/arena.h"
#include "artifact/token.h"

#define SBK_MAX_FEATURES		100000
#define SBK_MAX_OUTPUTS			10000
#define SBK_MAX_TREES			1000000
#define SBK_MAX_LIST			33554432	/* nodes of one tree, weights */
#define SBK_MAX_LEVELS			16777216	/* codes are exact in float4 */

typedef enum SbkBooster
{
	SBK_BOOSTER_GBTREE,
	SBK_BOOSTER_DART,
	SBK_BOOSTER_GBLINEAR
} SbkBooster;

/* A list of strings: UTF-8, NUL-terminated. */
typedef struct SbkTextList
{
	bool		present;		/* the file has the list, if only empty */
	int			count;
	char	  **texts;
} SbkTextList;

typedef struct SbkSummary
{
	SbkFormat	format;
	int			version[3];		/* of the XGBoost that wrote the file */
	char	   *objective;
	char	   *quantiles;		/* reg:quantileerror: "[1E-1,5E-1]"; or NULL */
	char	   *expectiles;		/* reg:expectileerror: the same */
	float	   *alphas;			/* which quantile or expectile each output is,
								 * or NULL */
	int			num_alpha;
	SbkBooster	booster;
	int			num_feature;
	int			num_output;		/* classes, targets, quantiles or expectiles;
								 * at least 1 */
	int			num_class;		/* 0 unless multi-class */
	int			num_tree;
	int			num_parallel_tree;
	int			num_round;		/* boosting rounds */
	char	   *base_score;		/* as in the file */
	float	   *base_scores;	/* one, or one for each output */
	int			num_base_score;
	bool		base_score_vector;	/* in brackets, as since 3.1 */
	bool		base_score_half;	/* every entry is 0.5 */
	bool		weighted_gbtree;	/* dart in the form of 3.3 */
	const float *tree_weights;	/* of dart, or NULL */
	const float *linear_weights;	/* of gblinear: outputs of each feature,
									 * then the biases; or NULL */
	bool		vector_leaf;	/* multi-output trees */
	bool		leaf_weights;	/* their leaves stand apart, as since 3.2 */
	bool		categorical_split;
	double		path_steps;		/* over all leaves, the square of how many
								 * features the path to it may split on */
	int		   *category_counts;	/* per feature, how many codes its splits
									 * need, or 0; NULL where none has any */
	int			best_iteration; /* -1: the file has none */
	SbkTextList feature_names;
	SbkTextList feature_types;	/* XGBoost's: float, int, i, q, c */
	SbkTextList *levels;		/* per feature, or NULL */
	SbkTextList attributes;		/* names only */
	bool		has_missing;	/* scikit-learn's missing, where not NaN */
	double		missing;
	SbkTextList classes;		/* scikit-learn's classes_ */
} SbkSummary;

typedef struct SbkTree SbkTree;

/*
 * Is shown each tree, in the order of the file, as soon as that tree is
 * verified; what depends on the whole model, such as the number of features,
 * is checked only when all is read.  Returns false when out of memory.
 */
typedef struct SbkTreeVisitor
{
	bool		(*visit) (void *arg, const SbkTree *tree);
	void	   *arg;
} SbkTreeVisitor;

/*
 * Reads the artifact.  What the summary points to lives in the arena; scratch
 * is used while reading, and may be freed.  stop may be NULL.  Trees are not
 * kept: who wants them passes a visitor, else NULL.  On false, error says what
 * is wrong; out of memory is an error like any other, and so is having been
 * stopped.
 */
extern bool sbk_summary_read(SbkArena *arena, SbkArena *scratch,
							 SbkFormat format, const void *bytes, size_t len,
							 SbkStop stop, const SbkTreeVisitor *visitor,
							 SbkSummary *summary, SbkArtifactError *error);

#endif							/* SBK_SUMMARY_H */
