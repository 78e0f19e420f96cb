/*
 * run.h
 *		Runs of jobs.
 */
#ifndef SBK_RUN_H
#define SBK_RUN_H

#include "job/request.h"

/*
 * Runs a job and returns the number of the run.  The owner is that of the
 * extension, who keeps the records.  In transactions of its own, a run that
 * fails is recorded, and the error thrown again; the caller must be a procedure
 * that may end transactions.  Else it is a part of the transaction.
 *
 * Where errors are swallowed, returns 0 if there was one, and if another run of
 * the job goes on; in transactions of its own, it then says so.
 *
 * Runs of the source and decisions hold a lock on the job.  Pulls and streams
 * do not; what they write is theirs even where a run goes on, which then counts
 * it as overtaken.
 */
extern int64 sbk_run_job(const SbkRunRequest *request, Oid owner,
						 bool own_transactions);

#endif							/* SBK_RUN_H */
