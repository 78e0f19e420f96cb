/*
 * moment.h
 *		When what a transaction wrote into a timeline could first be seen.
 *
 * A timeline is a book of predictions or the history of a table.  Its writers
 * are ordered as they commit, whatever the clock says and however long they
 * take: at its end, before it commits, a writer takes a lock on the timeline,
 * which it holds until others see what it wrote, and a time after that of the
 * writer before it.
 */
#ifndef SBK_MOMENT_H
#define SBK_MOMENT_H

#include "datatype/timestamp.h"

/*
 * Locks the timeline until the end of the transaction and returns the time at
 * which the transaction commits, for this timeline: later than that of all
 * others who have, and the same each time that one transaction asks.
 */
extern TimestampTz sbk_moment_take(int32 timeline);

/*
 * Up to this time, excluding it, no answer about the timeline can change any
 * more, as the active snapshot sees it.  Where nobody is about to commit, that
 * is now; else, and on a standby, the time of the last writer that is seen.
 */
extern TimestampTz sbk_moment_final_until(int32 timeline);

#endif							/* SBK_MOMENT_H */
