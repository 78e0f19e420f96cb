/*
 * lock.h
 *		The locks on a job.
 *
 * Runs and decisions of a job come one at a time.  Pulls and streams come beside
 * them and each other, but not beside whoever erases.  All locks are held until
 * the end of the transaction, or, of a run in transactions of its own, of the
 * session, so that nobody holds the lock of a run that has crashed.
 */
#ifndef SBK_LOCK_H
#define SBK_LOCK_H

/*
 * For a run or a decision.  Where another one goes on, waits, or throws, or,
 * where elevel is less than ERROR, says so and returns false.
 */
extern bool sbk_lock_run(int32 job_id, const char *name, bool wait,
						 bool session, int elevel);

/* Gives back what was locked for the session. */
extern void sbk_lock_end_run(int32 job_id);

/* For a pull or a stream: waits for whoever erases. */
extern void sbk_lock_keep_eraser_out(int32 job_id);

/*
 * For whoever erases: no run, decision, pull or stream.  Throws where something
 * is being written, unless it is to wait.
 */
extern void sbk_lock_keep_writers_out(int32 job_id, const char *name,
									  bool wait);

/* Is there a run of the job going on?  A standby cannot tell, and says yes. */
extern bool sbk_lock_run_is_alive(int32 job_id);

#endif							/* SBK_LOCK_H */
