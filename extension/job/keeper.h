/*
 * keeper.h
 *		Who keeps the records of runs.
 *
 * Records are kept as the owner of the extension, the keeper.
 */
#ifndef SBK_KEEPER_H
#define SBK_KEEPER_H

#include "datatype/timestamp.h"
#include "utils/snapshot.h"

/*
 * Lets records be changed until it is set back to what this returns.  An error
 * must set it back, too.
 */
extern bool sbk_keeper_let(bool change);

/* May records be changed now? */
extern bool sbk_keeper_allows(void);

/*
 * Calls one of scorebook's own functions, which may change records; its rows are
 * in SPI_tuptable.  The statement is a literal, with types that are the same each
 * time.
 */
extern void sbk_call(Oid keeper, const char *statement, int n, Oid *types,
					 Datum *values, const char *nulls);

/*
 * The same for one that only reads, and sees all that is committed by now,
 * however old the snapshot of the transaction is.
 */
extern void sbk_call_now(Oid keeper, const char *statement, int n, Oid *types,
						 Datum *values);

/* The same for one that only reads, under a snapshot. */
extern void sbk_call_under(Oid keeper, Snapshot snapshot, const char *statement,
						   int n, Oid *types, Datum *values, const char *nulls);

/* Columns, from 1, of the first row in SPI_tuptable; text may be NULL. */
extern char *sbk_column(int number);
extern int64 sbk_column_int(int number);
extern double sbk_column_real(int number);
extern TimestampTz sbk_column_time(int number);

#endif							/* SBK_KEEPER_H */
