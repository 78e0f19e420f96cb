/*
 * moment.c
 *		When what a transaction wrote into a timeline could first be seen.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "book/moment.h"
#include "registry/catalog.h"

/* What the last writer of a timeline has committed, under some snapshot. */
typedef struct Last
{
	bool		exists;
	bool		own;			/* it is this transaction */
	TimestampTz committed_at;
} Last;

static void make_tag(int32 timeline, LOCKTAG *tag);
static void find_last(int32 timeline, Snapshot snapshot, Last *last);

TimestampTz
sbk_moment_take(int32 timeline)
{
	LOCKTAG		tag;
	Last		last;
	TimestampTz now;

	make_tag(timeline, &tag);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);

	/* a transaction's own snapshot may be older than the last writer */
	find_last(timeline, GetLatestSnapshot(), &last);
	if (last.own)
		return last.committed_at;
	now = GetCurrentTimestamp();
	return last.exists && last.committed_at >= now ? last.committed_at + 1 : now;
}

TimestampTz
sbk_moment_final_until(int32 timeline)
{
	TimestampTz now = GetCurrentTimestamp();
	LOCKTAG		tag;
	Last		seen;
	Last		latest;

	find_last(timeline, GetActiveSnapshot(), &seen);
	if (!RecoveryInProgress())
	{
		make_tag(timeline, &tag);
		if (LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL)
		{
			find_last(timeline, GetLatestSnapshot(), &latest);
			LockRelease(&tag, ShareLock, false);
			if (!latest.exists)
				return now;
			if (seen.exists && seen.committed_at == latest.committed_at)
				return Max(now, seen.committed_at + 1);
		}
	}
	return seen.exists ? seen.committed_at + 1 : DT_NOBEGIN;
}

/* Nothing else locks objects of this class, so that nobody is in the way. */
static void
make_tag(int32 timeline, LOCKTAG *tag)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, sbk_catalog_relation("timeline"),
					   (uint32) timeline, 0);
}

/*
 * Those of writers that have not taken theirs yet are null, and first in the
 * index.
 */
static void
find_last(int32 timeline, Snapshot snapshot, Last *last)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;

	last->exists = false;
	last->own = false;
	PushActiveSnapshot(snapshot);
	sbk_key_int(&key, Anum_moment_timeline_id, timeline);
	sbk_scan_begin(&scan, "moment", "timeline_id_committed_at_idx", 1, &key);
	tuple = sbk_scan_next(&scan, BackwardScanDirection);
	if (tuple != NULL)
	{
		bool		isnull;
		Datum		value = sbk_scan_column(&scan, tuple,
											Anum_moment_committed_at, &isnull);

		last->exists = !isnull;
		last->committed_at = DatumGetTimestampTz(value);
		last->own = !isnull &&
			TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	}
	sbk_scan_end(&scan);
	PopActiveSnapshot();
}
