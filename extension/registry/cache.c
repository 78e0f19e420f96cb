/*
 * cache.c
 *		The models that this backend has loaded.
 *
 * Each entry has a memory context of its own, so that dropping it frees what
 * the library holds with it.  An entry is made in a context of the caller's
 * and moved under the cache's only when it is complete: an error while loading
 * leaves nothing behind.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "registry/cache.h"
#include "scorebook.h"

typedef struct CacheEntry
{
	SbkModelKey key;			/* hash key, must be first */
	MemoryContext context;
	SbkModel   *model;
	Size		size;			/* that total_size has of it */
	int			pins;
	int64		hits;
	dlist_node	lru;
} CacheEntry;

static HTAB *entries = NULL;
static dlist_head by_use;		/* the entry used last comes first */
static Size total_size = 0;
static SbkCacheCounts counters; /* hits, loads and evictions */

static void create_cache(void);
static void weigh(CacheEntry *entry);
static void evict(void);

SbkModel *
sbk_cache_pin(const SbkResolved *resolved)
{
	SbkModelKey key;
	CacheEntry *entry;
	MemoryContext context;
	SbkModel   *model;
	bool		found;

	if (entries == NULL)
		create_cache();

	sbk_model_find(resolved, &key);
	entry = hash_search(entries, &key, HASH_FIND, NULL);
	if (entry != NULL)
	{
		entry->pins++;
		entry->hits++;
		counters.hits++;
		dlist_move_head(&by_use, &entry->lru);
		return entry->model;
	}

	context = AllocSetContextCreate(CurrentMemoryContext, "scorebook model",
									ALLOCSET_SMALL_SIZES);
	model = sbk_model_read(context, resolved);
	sbk_model_open(context, model);
	MemoryContextCopyAndSetIdentifier(context, model->label);

	entry = hash_search(entries, &model->key, HASH_ENTER, &found);
	Assert(!found);
	MemoryContextSetParent(context, CacheMemoryContext);
	entry->context = context;
	entry->model = model;
	entry->size = 0;
	entry->pins = 1;
	entry->hits = 0;
	dlist_push_head(&by_use, &entry->lru);
	counters.loads++;
	weigh(entry);
	evict();
	return model;
}

void
sbk_cache_unpin(SbkModel *model)
{
	CacheEntry *entry = hash_search(entries, &model->key, HASH_FIND, NULL);

	Assert(entry != NULL && entry->pins > 0);
	if (entry != NULL && --entry->pins == 0)
	{
		weigh(entry);
		evict();
	}
}

void
sbk_cache_counts(SbkCacheCounts *counts)
{
	*counts = counters;
	counts->entries = entries == NULL ? 0 : hash_get_num_entries(entries);
	counts->bytes = total_size;
}

void
sbk_cache_visit(void (*visit) (const SbkModel *model, int pins, int64 hits,
							   void *arg),
				void *arg)
{
	dlist_iter	iter;

	if (entries == NULL)
		return;
	dlist_foreach(iter, &by_use)
	{
		CacheEntry *entry = dlist_container(CacheEntry, lru, iter.cur);

		visit(entry->model, entry->pins, entry->hits, arg);
	}
}

/* A model grows with the blocks it scores, and when the library is loaded. */
static void
weigh(CacheEntry *entry)
{
	entry->model->size = MemoryContextMemAllocated(entry->context, true) +
		entry->model->library_size;
	total_size += entry->model->size - entry->size;
	entry->size = entry->model->size;
}

static void
create_cache(void)
{
	HASHCTL		info = {0};

	if (CacheMemoryContext == NULL)
		CreateCacheMemoryContext();
	info.keysize = sizeof(SbkModelKey);
	info.entrysize = sizeof(CacheEntry);
	info.hcxt = CacheMemoryContext;
	dlist_init(&by_use);
	entries = hash_create("scorebook models", 16, &info,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
evict(void)
{
	Size		limit = (Size) sbk_cache_size * 1024;
	dlist_node *node = dlist_is_empty(&by_use) ? NULL :
		dlist_tail_node(&by_use);

	while (node != NULL && total_size > limit)
	{
		CacheEntry *entry = dlist_container(CacheEntry, lru, node);

		node = dlist_has_prev(&by_use, node) ?
			dlist_prev_node(&by_use, node) : NULL;
		if (entry->pins > 0)
			continue;
		dlist_delete(&entry->lru);
		total_size -= entry->size;
		counters.evictions++;
		MemoryContextDelete(entry->context);
		hash_search(entries, &entry->key, HASH_REMOVE, NULL);
	}
}
