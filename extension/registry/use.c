/*
 * use.c
 *		What a reference stands for, remembered by a call site.
 *
 * Two snapshots with the same stamp see the same rows.  Of other sessions':
 * below the same xmax the running transactions can only become fewer, so that
 * an equal number of them is the same set.  Of one's own: they come with the
 * command counter, and go only when a subtransaction aborts that this one is
 * in; the one that goes on then has another number, and numbers never recur.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "registry/cache.h"
#include "registry/use.h"

static bool adopt(SbkModelUse *use, const SbkResolved *resolved,
				  const SbkSnapshotStamp *stamp);
static void release_use(void *arg);
static void take_stamp(SbkSnapshotStamp *stamp);

void
sbk_model_use_init(SbkModelUse *use, MemoryContext context)
{
	use->callback.func = release_use;
	use->callback.arg = use;
	MemoryContextRegisterResetCallback(context, &use->callback);
}

SbkModel *
sbk_model_use(SbkModelUse *use, const char *reference, int len, bool recorded,
			  bool *changed)
{
	SbkSnapshotStamp stamp;
	SbkReference parsed;
	SbkResolved resolved;

	take_stamp(&stamp);
	*changed = false;
	if (use->model != NULL && use->reference_len == len &&
		memcmp(use->reference, reference, len) == 0 &&
		memcmp(&use->stamp, &stamp, sizeof(stamp)) == 0)
		return use->model;

	sbk_reference_parse(reference, len, &parsed);
	sbk_reference_resolve(&parsed, "score", &resolved);
	if (!recorded)
		sbk_reference_check_record(&resolved, "manage");
	sbk_reference_check_service(&resolved);
	*changed = adopt(use, &resolved, &stamp);
	use->reference_len = len;
	memcpy(use->reference, reference, len);
	return use->model;
}

SbkModel *
sbk_model_use_recorded(SbkModelUse *use, int32 model_id, int32 version,
					   bool *changed)
{
	SbkSnapshotStamp stamp;
	SbkResolved resolved;

	take_stamp(&stamp);
	*changed = false;
	if (use->model != NULL && use->model->key.model_id == model_id &&
		use->model->key.version == version &&
		memcmp(&use->stamp, &stamp, sizeof(stamp)) == 0)
		return use->model;

	/* what was recorded may be computed again by those who look into it */
	sbk_reference_resolve_recorded(model_id, version, "score", &resolved);
	sbk_reference_check_record(&resolved, "read");
	*changed = adopt(use, &resolved, &stamp);
	return use->model;
}

/* Is it not the model that was used before? */
static bool
adopt(SbkModelUse *use, const SbkResolved *resolved,
	  const SbkSnapshotStamp *stamp)
{
	/* pin the new one first: it may be the same */
	SbkModel   *model = sbk_cache_pin(resolved);
	bool		changed = model != use->model;

	release_use(use);
	use->model = model;
	use->stamp = *stamp;
	return changed;
}

static void
release_use(void *arg)
{
	SbkModelUse *use = arg;

	if (use->model != NULL)
		sbk_cache_unpin(use->model);
	use->model = NULL;
}

static void
take_stamp(SbkSnapshotStamp *stamp)
{
	Snapshot	snapshot = GetActiveSnapshot();

	memset(stamp, 0, sizeof(SbkSnapshotStamp));
	stamp->lxid = sbk_my_lxid();
	stamp->curcid = snapshot->curcid;
	stamp->xmin = snapshot->xmin;
	stamp->xmax = snapshot->xmax;
	stamp->xcnt = snapshot->xcnt;
	stamp->subxcnt = snapshot->subxcnt;
	stamp->subxid = GetCurrentSubTransactionId();
	stamp->user = GetUserId();
}
