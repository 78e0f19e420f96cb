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

#endif							/* SBK_CACHE_H */
