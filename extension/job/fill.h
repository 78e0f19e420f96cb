/*
 * fill.h
 *		Fills an empty book, block by block.
 *
 * As COPY does it, with one WAL record a page; and while the source is read, so
 * that nothing has to wait in between.  Inserting is all that a parallel plan
 * lets its leader do.
 */
#ifndef SBK_FILL_H
#define SBK_FILL_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "utils/relcache.h"

struct SbkPass;

typedef struct SbkFill SbkFill;

/*
 * Keeps others from writing the table, until the end of the transaction, and
 * returns NULL where it is not empty, or has triggers of others.  Lives in the
 * current context; at most so many rows are added between two flushes, with keys of
 * the pass.
 */
extern SbkFill *sbk_fill_start(struct SbkPass *pass, Relation result,
							   int64 run, TimestampTz system_from,
							   int max_rows);

/* Without those that were dropped. */
extern int	sbk_live_columns(TupleDesc desc);

/*
 * Adds a row: all columns but the last two, run and system_from.  What the
 * values point to must stay until the next flush.
 */
extern void sbk_fill_add(SbkFill *fill, const Datum *values, const bool *nulls);

/* Writes what was added.  Throws for a key that came twice. */
extern void sbk_fill_flush(SbkFill *fill);

/*
 * Flushes, and ends.  Returns the error of an index that could not be built, as
 * it is where a key came twice, or NULL.
 */
extern ErrorData *sbk_fill_end(SbkFill *fill);

#endif							/* SBK_FILL_H */
