/*
 * run.h
 *		Runs of jobs.
 */
#ifndef SBK_RUN_H
#define SBK_RUN_H

#include "commands/trigger.h"
#include "datatype/timestamp.h"

typedef enum SbkRunKind
{
	SBK_RUN_SOURCE,				/* all of the source */
	SBK_RUN_DECISION,			/* the book: other cutoffs, bands or points */
	SBK_RUN_PULL,				/* one subject, now */
	SBK_RUN_STREAM				/* rows that a statement has changed */
} SbkRunKind;

typedef struct SbkRunRequest
{
	const char *job;
	SbkRunKind	kind;
	Datum		subject;		/* of a pull: jsonb, its key by column */
	Datum		features;		/* of a pull: jsonb instead of the source's
								 * row, or 0 */
	TriggerData *trigger;		/* of a stream: with its transition tables */
	bool		has_effective_at;
	TimestampTz effective_at;	/* else that of the beginning */
	bool		only_changed;	/* by the watermark */
	bool		wait;			/* for another run of the job to end */
	bool		swallow;		/* of a stream: write an error down, and go on */
} SbkRunRequest;

/*
 * Runs a job and returns the number of the run.  The owner is that of the
 * extension, who keeps the records.  In transactions of its own, a run that
 * fails is recorded, and the error thrown again; the caller must be a procedure
 * that may end transactions.  Else it is a part of the transaction.
 *
 * Runs of the source and decisions hold a lock on the job.  Pulls and streams
 * do not; what they write is theirs even where a run goes on, which then counts
 * it as overtaken.
 */
extern int64 sbk_run_job(const SbkRunRequest *request, Oid owner,
						 bool own_transactions);

/*
 * No run or decision of the job begins before the end of the transaction;
 * throws where one is going on.
 */
extern void sbk_run_keep_out(int32 job_id, const char *name);

/*
 * The same, and no pull or stream either, for whoever erases.  Throws where
 * something is being written, unless it is to wait.
 */
extern void sbk_run_keep_writers_out(int32 job_id, const char *name, bool wait);

/* Is there a run of the job going on?  A standby cannot tell, and says yes. */
extern bool sbk_run_is_alive(int32 job_id);

#endif							/* SBK_RUN_H */
