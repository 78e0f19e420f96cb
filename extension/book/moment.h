/*
 * moment.h
 *		When what a transaction wrote into a timeline could first be seen.
 *
 * A timeline is a book of predictions or the history of a table.  Its writers
 * are ordered as they commit, whatever the clock says and however long they
 * take: as the last thing before it commits, a writer takes a lock on the
 * timeline, which it holds until others see what it wrote, and a time after
 * that of the writer before it.
 *
 * The clock may be set back meanwhile, also while nobody writes.  So a moment
 * is at least as much later than the last one as the machine has been up
 * since, and that is how far a state can be called final.
 */
#ifndef SBK_MOMENT_H
#define SBK_MOMENT_H

#include "datatype/timestamp.h"

/*
 * The transaction has written a row of scorebook.moment that has no time yet:
 * it gets it at the transaction's end.
 */
extern void sbk_moment_open(void);

/*
 * Locks the timeline until the end of the transaction and returns a time that
 * is later than that of all writers who have committed, and that no state was
 * final at.
 */
extern TimestampTz sbk_moment_take(int32 timeline);

/*
 * Up to this time, excluding it, no answer about the timeline can change any
 * more, as the active snapshot sees it.  Where nobody is about to commit, that
 * is now; else, on a standby, and when the machine was started after the last
 * writer, it is the time of the last writer that is seen.
 */
extern TimestampTz sbk_moment_final_until(int32 timeline);

#endif							/* SBK_MOMENT_H */
