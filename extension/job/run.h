/*
 * run.h
 *		Runs of jobs.
 */
#ifndef SBK_RUN_H
#define SBK_RUN_H

#include "datatype/timestamp.h"

typedef struct SbkRunRequest
{
	const char *job;
	bool		has_effective_at;
	TimestampTz effective_at;	/* else that of the beginning */
	bool		only_changed;	/* by the watermark */
	bool		wait;			/* for another run of the job to end */
	bool		decide;			/* only decide the book anew */
} SbkRunRequest;

/*
 * Runs a job and returns the number of the run.  The owner is that of the
 * extension, who keeps the records.  In transactions of its own, a run that
 * fails is recorded, and the error thrown again; the caller must be a procedure
 * that may end transactions.  Else it is a part of the transaction.
 */
extern int64 sbk_run_job(const SbkRunRequest *request, Oid owner,
						 bool own_transactions);

/* Is there a run of the job going on? */
extern bool sbk_run_is_alive(int32 job_id);

#endif							/* SBK_RUN_H */
