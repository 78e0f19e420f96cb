/*
 * history.h
 *		Keeps the history of a table as its rows change.
 *
 * A table with history has statement-level triggers that tell which keys a
 * statement touched, and two companions: <table>_since says which writer
 * opened each current row, <table>_history has the rows that were superseded.
 * What is superseded is what others could see before the transaction began to
 * change it.  So it does not matter how often a row changes in a transaction,
 * or that a statement within a trigger is told before the one around it.
 */
#ifndef SBK_HISTORY_H
#define SBK_HISTORY_H

#include "commands/trigger.h"

/*
 * For a statement-level trigger whose one argument is the timeline: writes the
 * history of what the statement did, with the rights of the table's owner.
 * Throws where the table has no history on that timeline.
 */
extern void sbk_history_keep(TriggerData *trigger);

/*
 * The rows of a table that came into the relation of the timeline, or have
 * left it or are about to, without a statement that says so.
 */
extern void sbk_history_open_rows(int32 timeline, Oid table);
extern void sbk_history_close_rows(int32 timeline, Oid table);

/* Is it the history of some table, and being written by the above? */
extern bool sbk_history_allows(Oid table);

#endif							/* SBK_HISTORY_H */
