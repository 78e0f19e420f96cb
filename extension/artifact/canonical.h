/*
 * canonical.h
 *		A checked model as bytes again: the only ones that XGBoost ever sees.
 *
 * What a caller loads is read and verified; what the library is given is
 * written here from the result, as UBJSON.  So no key comes twice, no length
 * lies, nothing follows the end, and nothing is in there that was not checked.
 *
 * The dialect is that of XGBoost 1.7, which all later versions read, with two
 * exceptions: several base scores need 3.1, and trees with several outputs
 * are written as they were read.  Left out is what no score depends on: names,
 * attributes, levels, and the parameters of training.
 */
#ifndef SBK_CANONICAL_H
#define SBK_CANONICAL_H

#include "artifact/tree.h"

typedef struct SbkCanonicalTree
{
	struct SbkCanonicalTree *next;
	size_t		size;
	char		bytes[];
} SbkCanonicalTree;

/* What is known while trees arrive; lives in the arena. */
typedef struct SbkCanonical
{
	SbkArena   *arena;
	SbkCanonicalTree *first;
	SbkCanonicalTree *last;
} SbkCanonical;

/* A visitor of the artifact reader; arg is a SbkCanonical with an arena. */
extern bool sbk_canonical_add_tree(void *arg, const SbkTree *tree);

/*
 * Writes the model for the library of this version and returns the number of
 * bytes; where bytes is NULL, only counts them.
 */
extern size_t sbk_canonical_write(const SbkCanonical *canonical,
								  const SbkSummary *summary,
								  const int version[3], char *bytes);

#endif							/* SBK_CANONICAL_H */
