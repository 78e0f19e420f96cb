/*
 * cache.h
 *		The models that this backend has loaded.
 *
 * Entries are immutable and keyed by the registry row they were made from, so
 * nothing ever invalidates them; what a reference stands for is looked up
 * anew by each statement.  An entry that a call site uses is pinned and stays;
 * of the others, those used longest ago go when the cache is larger than
 * scorebook.cache_size.
 */
#ifndef SBK_CACHE_H
#define SBK_CACHE_H

#include "registry/model.h"

/* Finds the model or loads it, and pins it. */
extern SbkModel *sbk_cache_pin(const SbkResolved *resolved);

/* Gives a pin back; never fails. */
extern void sbk_cache_unpin(SbkModel *model);

/* What the cache of this backend holds, and what it has done so far. */
typedef struct SbkCacheCounts
{
	int64		entries;
	int64		bytes;
	int64		hits;			/* statements that found their model */
	int64		loads;
	int64		evictions;
} SbkCacheCounts;

extern void sbk_cache_counts(SbkCacheCounts *counts);

/* Calls back for each entry, the one used last first. */
extern void sbk_cache_visit(void (*visit) (const SbkModel *model, int pins,
										   int64 hits, void *arg),
							void *arg);

#endif							/* SBK_CACHE_H */
