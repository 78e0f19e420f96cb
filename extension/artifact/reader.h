/*
 * reader.h
 *		How the objects of a model file are read: internal to this folder.
 *
 * Each object that matters has a table of its keys and who reads their values.
 * All readers return false once the reader's error is set.
 */
#ifndef SBK_READER_H
#define SBK_READER_H

#include "artifact/summary.h"
#include "artifact/tree.h"

#define SBK_MAX_TREE_DEPTH		512

typedef struct SbkReader
{
	SbkTokenizer tokenizer;
	SbkArena   *arena;			/* of what the summary points to */
	SbkArena   *scratch;		/* of one tree */
	SbkTree		tree;
	SbkIntegers tree_info;		/* which output each tree adds to */
	int64_t		max_split_index;
	int32_t    *category_counts;	/* by feature: codes that its splits need */
	size_t		category_room;
	size_t		category_bytes; /* that the splits take in the library */
	int			leaf_size;		/* of all trees */
	double		leaves[SBK_MAX_TREE_DEPTH + 1]; /* of all trees, by depth */
	SbkSummary *summary;
	const SbkTreeVisitor *visitor;	/* or NULL */
	SbkArtifactError *error;
	int			trees_seen;
	int			linear_rounds;
	SbkReals	weight_drop;	/* of the trees, of dart */
	SbkReals	linear_weights;
	SbkIntegers iteration_indptr;	/* the first tree of each round, and the
									 * end */
	int			softmax_class;	/* as the objective has it; 0: it says nothing */
	char	   *booster;
	bool		inner_booster;	/* the model stands in a gbtree within dart */
	bool		model_seen;
	int			num_target;
	int			num_tree;
	SbkIntegers level_offsets;	/* of the feature at hand */
	SbkIntegers level_values;
	int			num_levels;		/* features that cats speaks of */
} SbkReader;

/* A value's first token has been read; reads to the value's end. */
typedef bool (*SbkValueReader) (SbkReader *reader, const SbkToken *value);

typedef struct SbkKeyReader
{
	const char *key;			/* NULL ends the table */
	SbkTokenKind kind;			/* of its value, or SBK_ANY_KIND */
	SbkValueReader read;
} SbkKeyReader;

#define SBK_ANY_KIND	SBK_TOKEN_END	/* the reader looks for itself */

/*
 * Reads an object whose first token has been read.  Unknown keys are walked
 * over, a known key that comes twice is refused.
 */
extern bool sbk_read_object(SbkReader *reader, const SbkKeyReader *keys);

/* A list of strings, at most max of them; what names them in messages. */
extern bool sbk_read_text_list(SbkReader *reader, const SbkToken *value,
							   int max, const char *what, SbkTextList *list);

/* A number that XGBoost writes as text: "12". */
extern bool sbk_read_integer(SbkReader *reader, const SbkToken *value,
							 const char *what, long min, long max,
							 int *result);

/* A list of at most max integers, typed or not; they live in the arena. */
extern bool sbk_read_integers(SbkReader *reader, SbkArena *arena,
							  const SbkToken *value, size_t max,
							  SbkIntegers *list);

/* The same for float4. */
extern bool sbk_read_reals(SbkReader *reader, SbkArena *arena,
						   const SbkToken *value, size_t max,
						   SbkReals *list);

/* The text in the arena, NUL-terminated; NULL when out of memory. */
extern char *sbk_copy_text(SbkReader *reader, const SbkToken *token);

/* Both return false. */
extern bool sbk_malformed(SbkReader *reader, const char *message);
extern bool sbk_out_of_memory(SbkReader *reader);

/* Readers with a file of their own: trees, category levels, scikit-learn. */
extern bool sbk_read_trees(SbkReader *reader, const SbkToken *value);
extern bool sbk_read_cats(SbkReader *reader, const SbkToken *value);
extern bool sbk_read_scikit_learn(SbkReader *reader, const char *text);

/* What can be decided only when all has been read. */
extern bool sbk_check_model(SbkReader *reader);

#endif							/* SBK_READER_H */
