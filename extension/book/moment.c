/*
 * moment.c
 *		When what a transaction wrote into a timeline could first be seen.
 *
 * Moments are taken before the commit itself, after all deferred triggers, so
 * that no SET CONSTRAINTS can take them early.
 */
#include "postgres.h"

#include <time.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "book/moment.h"
#include "registry/catalog.h"
#include "scorebook.h"

/* What is between the readings of two clocks, in microseconds. */
#define CLOSE_ENOUGH	20
#define MAX_READINGS	10

/* A time, and how long the machine had been up then. */
typedef struct Clock
{
	TimestampTz time;
	int64		uptime;			/* in microseconds */
	bool		has_boot_id;
	pg_uuid_t	boot_id;		/* of this start of the machine */
} Clock;

/* What the last writer of a timeline has committed, under some snapshot. */
typedef struct Last
{
	bool		exists;
	Clock		moment;
} Last;

/* This transaction may have writers without a time. */
static bool moments_are_open = false;

static void at_end(XactEvent event, void *arg);
static int	take_moments(void);
static int	take_open_moments(void);
static void write_moments(const Clock *moment, ArrayType *timelines,
						  bool begins);
static void execute(SPIPlanPtr *plan, const char *statement, int n,
					Oid *types, Datum *values, const char *nulls);
static void make_tag(int32 timeline, LOCKTAG *tag);
static bool take(int32 timeline, Clock *moment);
static void find_last(int32 timeline, Snapshot snapshot, Last *last);
static TimestampTz find_begin(int32 timeline);
static void read_clock(Clock *clock);
static bool read_boot_id(pg_uuid_t *boot_id);
static int64 read_uptime(void);
static TimestampTz earliest(const Clock *last, const Clock *now);

void
sbk_moment_open(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(at_end, NULL);
		registered = true;
	}
	moments_are_open = true;
}

TimestampTz
sbk_moment_take(int32 timeline)
{
	Clock		moment;

	(void) take(timeline, &moment);
	return moment.time;
}

TimestampTz
sbk_moment_final_until(int32 timeline)
{
	Clock		now;
	LOCKTAG		tag;
	Last		seen;
	Last		latest;

	find_last(timeline, GetActiveSnapshot(), &seen);
	if (!seen.exists)
		return find_begin(timeline);
	read_clock(&now);
	if (!RecoveryInProgress())
	{
		make_tag(timeline, &tag);
		if (LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL)
		{
			find_last(timeline, GetLatestSnapshot(), &latest);
			LockRelease(&tag, ShareLock, false);
			if (seen.moment.time == latest.moment.time)
				return earliest(&seen.moment, &now);
		}
	}
	return seen.moment.time + 1;
}

static void
at_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (moments_are_open)
				(void) take_moments();
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (moments_are_open && take_moments() > 0)
				ereport(ERROR,
						errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot PREPARE a transaction that has written a history or a book"),
						errdetail("The time from when on others see what it wrote must be known, and is that of COMMIT PREPARED."),
						errhint("Use COMMIT."));
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			moments_are_open = false;
			break;
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			break;
	}
}

/*
 * As the owner of the extension, who alone writes its tables.  The transaction
 * may have become read-only after it has written, or have dropped the
 * extension.  Returns how many timelines were written.
 */
static int
take_moments(void)
{
	bool		was_read_only = XactReadOnly;
	Oid			schema = get_namespace_oid(SBK_SCHEMA, true);
	Oid			moments = InvalidOid;
	Relation	table;
	Oid			owner;
	Oid			user;
	int			context;
	int			n;

	if (OidIsValid(schema))
		moments = get_relname_relid("moment", schema);
	if (!OidIsValid(moments))
		return 0;
	table = table_open(moments, AccessShareLock);
	owner = table->rd_rel->relowner;
	table_close(table, NoLock);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
	XactReadOnly = false;
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	n = take_open_moments();
	SPI_finish();
	PopActiveSnapshot();
	XactReadOnly = was_read_only;
	SetUserIdAndSecContext(user, context);
	return n;
}

/*
 * All timelines at once, so that all transactions lock them in the same order,
 * and a transaction has one time on all of them.
 */
static int
take_open_moments(void)
{
	static SPIPlanPtr plan = NULL;
	Datum	   *timelines;
	Clock		moment;
	Clock		own;
	bool		begins = false;
	int			n;
	int			i;

	execute(&plan, "SELECT m.timeline_id FROM scorebook.moment AS m"
			" WHERE m.committed_at IS NULL"
			" GROUP BY m.timeline_id ORDER BY m.timeline_id",
			0, NULL, NULL, NULL);
	n = (int) SPI_processed;
	if (n == 0)
		return 0;
	timelines = palloc(sizeof(Datum) * n);
	for (i = 0; i < n; i++)
	{
		bool		isnull;

		timelines[i] = SPI_getbinval(SPI_tuptable->vals[i],
									 SPI_tuptable->tupdesc, 1, &isnull);
	}
	for (i = 0; i < n; i++)
	{
		if (take(DatumGetInt32(timelines[i]), &own))
			begins = true;
		if (i == 0 || own.time > moment.time)
			moment = own;
	}
	write_moments(&moment, construct_array(timelines, n, INT4OID, sizeof(int32),
										   true, TYPALIGN_INT), begins);
	return n;
}

/* A history that begins with this transaction begins at its moment. */
static void
write_moments(const Clock *moment, ArrayType *timelines, bool begins)
{
	static SPIPlanPtr plans[2] = {NULL, NULL};
	Oid			types[4] = {TIMESTAMPTZOID, INT4ARRAYOID, UUIDOID, INT8OID};
	Datum		values[4] = {
		TimestampTzGetDatum(moment->time),
		PointerGetDatum(timelines),
		UUIDPGetDatum(&moment->boot_id),
		Int64GetDatum(moment->uptime)
	};
	const char *nulls = moment->has_boot_id ? "    " : "  nn";

	execute(&plans[0], "UPDATE scorebook.moment SET committed_at = $1, boot_id = $3, uptime = $4,"
			" digest = scorebook.row_digest(writer, timeline_id, $1, $3, $4)"
			" WHERE committed_at IS NULL AND timeline_id OPERATOR(pg_catalog.=) ANY ($2)",
			4, types, values, nulls);
	if (!begins)
		return;
	execute(&plans[1], "UPDATE scorebook.timeline SET begins_at = $1"
			" WHERE timeline_id OPERATOR(pg_catalog.=) ANY ($2)"
			" AND begins_at OPERATOR(pg_catalog.=) 'infinity'",
			2, types, values, NULL);
}

/* The plan is made once in a session. */
static void
execute(SPIPlanPtr *plan, const char *statement, int n, Oid *types,
		Datum *values, const char *nulls)
{
	int			result;

	if (*plan == NULL)
	{
		*plan = SPI_prepare(statement, n, types);
		if (*plan == NULL || SPI_keepplan(*plan) != 0)
			elog(ERROR, "could not prepare a statement: %s",
				 SPI_result_code_string(SPI_result));
	}
	result = SPI_execute_plan(*plan, values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "could not take a moment: %s",
			 SPI_result_code_string(result));
}

/* Nothing else locks objects of this class, so that nobody is in the way. */
static void
make_tag(int32 timeline, LOCKTAG *tag)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, sbk_catalog_relation("timeline"),
					   (uint32) timeline, 0);
}

/* Returns whether this is the first writer of the timeline. */
static bool
take(int32 timeline, Clock *moment)
{
	LOCKTAG		tag;
	Last		last;

	make_tag(timeline, &tag);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);

	/* a transaction's own snapshot may be older than the last writer */
	find_last(timeline, GetLatestSnapshot(), &last);
	read_clock(moment);
	if (last.exists)
		moment->time = Max(moment->time, earliest(&last.moment, moment));
	return !last.exists;
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
	PushActiveSnapshot(snapshot);
	sbk_key_int(&key, Anum_moment_timeline_id, timeline);
	sbk_scan_begin(&scan, "moment", "timeline_id_committed_at_idx", 1, &key);
	tuple = sbk_scan_next(&scan, BackwardScanDirection);
	if (tuple != NULL)
	{
		Clock	   *moment = &last->moment;
		bool		isnull;
		Datum		value;

		moment->time = DatumGetTimestampTz(sbk_scan_column(&scan, tuple,
														   Anum_moment_committed_at, &isnull));
		last->exists = !isnull;
		value = sbk_scan_column(&scan, tuple, Anum_moment_boot_id, &isnull);
		moment->has_boot_id = !isnull;
		if (moment->has_boot_id)
		{
			moment->boot_id = *DatumGetUUIDP(value);
			moment->uptime = DatumGetInt64(sbk_scan_column(&scan, tuple,
														   Anum_moment_uptime, &isnull));
		}
	}
	sbk_scan_end(&scan);
	PopActiveSnapshot();
}

/* Before it, there are no states, and none will come. */
static TimestampTz
find_begin(int32 timeline)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;
	TimestampTz begin = DT_NOBEGIN;

	sbk_key_int(&key, Anum_timeline_timeline_id, timeline);
	sbk_scan_begin(&scan, "timeline", "pkey", 1, &key);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	if (tuple != NULL)
	{
		bool		isnull;

		begin = DatumGetTimestampTz(sbk_scan_column(&scan, tuple,
													Anum_timeline_begins_at, &isnull));
	}
	sbk_scan_end(&scan);
	return begin;
}

/* Both at once, or the time a little earlier: never is it ahead. */
static void
read_clock(Clock *clock)
{
	static bool has_boot_id = false;
	static bool is_known = false;
	static pg_uuid_t boot_id;
	int			i;

	if (!is_known)
	{
		has_boot_id = read_boot_id(&boot_id);
		is_known = true;
	}
	clock->has_boot_id = has_boot_id;
	clock->boot_id = boot_id;
	for (i = 0; i < MAX_READINGS; i++)
	{
		TimestampTz after;

		clock->time = GetCurrentTimestamp();
		clock->uptime = read_uptime();
		after = GetCurrentTimestamp();
		if (after >= clock->time && after - clock->time <= CLOSE_ENOUGH)
			break;
	}
}

/* Which start of the machine this is; false where the system does not tell. */
static bool
read_boot_id(pg_uuid_t *boot_id)
{
	FILE	   *file = AllocateFile("/proc/sys/kernel/random/boot_id", "r");
	char		text[37];
	bool		is_complete;

	if (file == NULL)
		return false;
	is_complete = fgets(text, sizeof(text), file) != NULL &&
		strlen(text) == sizeof(text) - 1;
	FreeFile(file);
	if (is_complete)
		*boot_id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in,
													  CStringGetDatum(text)));
	return is_complete;
}

/* Of the machine, also while it slept: nobody can set this clock. */
static int64
read_uptime(void)
{
#ifdef CLOCK_BOOTTIME
	clockid_t	id = CLOCK_BOOTTIME;
#else
	clockid_t	id = CLOCK_MONOTONIC;
#endif
	struct timespec uptime;

	if (clock_gettime(id, &uptime) != 0)
		elog(ERROR, "could not read a clock: %m");
	return (int64) uptime.tv_sec * USECS_PER_SEC + uptime.tv_nsec / 1000;
}

/* The earliest time that a writer can have now who comes after the last one. */
static TimestampTz
earliest(const Clock *last, const Clock *now)
{
	TimestampTz next = last->time + 1;

	if (last->has_boot_id && now->has_boot_id &&
		memcmp(&last->boot_id, &now->boot_id, sizeof(pg_uuid_t)) == 0)
		next = Max(next, last->time + (now->uptime - last->uptime));
	return next;
}
