/*
 * lock.c
 *		The locks on a job.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"

#include "compat.h"
#include "job/lock.h"
#include "registry/catalog.h"

/* What of a job is locked. */
typedef enum LockedPart
{
	PART_RUN,
	PART_ERASING
} LockedPart;

static void make_tag(int32 job_id, LockedPart part, LOCKTAG *tag);

bool
sbk_lock_run(int32 job_id, const char *name, bool wait, bool session,
			 int elevel)
{
	LOCKTAG		tag;

	make_tag(job_id, PART_RUN, &tag);
	while (LockAcquire(&tag, ExclusiveLock, session, !wait) ==
		   LOCKACQUIRE_NOT_AVAIL)
	{
		CHECK_FOR_INTERRUPTS();

		/* those who only look whether it is alive are gone at once */
		if (!sbk_lock_run_is_alive(job_id))
			continue;
		ereport(elevel,
				errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				errmsg("job \"%s\" is being run", name),
				errhint("See scorebook.run_progress, or wait for it with wait => true."));
		return false;
	}
	return true;
}

void
sbk_lock_end_run(int32 job_id)
{
	LOCKTAG		tag;

	/* a transaction that could not commit has let go of those of the session, too */
	make_tag(job_id, PART_RUN, &tag);
	if (sbk_lock_held(&tag, ExclusiveLock))
		(void) LockRelease(&tag, ExclusiveLock, true);
}

/*
 * So that what a pull or a stream has written is seen by whoever erases, or the
 * other way round.
 */
void
sbk_lock_keep_eraser_out(int32 job_id)
{
	LOCKTAG		tag;

	make_tag(job_id, PART_ERASING, &tag);
	(void) LockAcquire(&tag, ShareLock, false, false);
}

void
sbk_lock_keep_writers_out(int32 job_id, const char *name, bool wait)
{
	LOCKTAG		tag;

	(void) sbk_lock_run(job_id, name, wait, false, ERROR);
	make_tag(job_id, PART_ERASING, &tag);
	if (LockAcquire(&tag, ExclusiveLock, false, !wait) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				errmsg("the book of job \"%s\" is being written", name),
				errdetail("A transaction that has scored subjects has not ended yet."),
				errhint("Wait for it with wait => true."));
}

bool
sbk_lock_run_is_alive(int32 job_id)
{
	LOCKTAG		tag;

	/* a standby knows no locks of the primary's */
	if (RecoveryInProgress())
		return true;
	make_tag(job_id, PART_RUN, &tag);
	if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, ShareLock, false);
	return false;
}

static void
make_tag(int32 job_id, LockedPart part, LOCKTAG *tag)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, sbk_catalog_relation("registered_job"),
					   (uint32) job_id, part);
}
