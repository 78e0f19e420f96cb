/*
 * keeper.h
 *		Who keeps the records of runs, and who works for whom.
 *
 * Records are kept as the owner of the extension, the keeper; a source is read
 * and a book is written as the owner of the job.
 */
#ifndef SBK_KEEPER_H
#define SBK_KEEPER_H

/* Who the backend is, and what names mean, while it works for somebody else. */
typedef struct SbkGuise
{
	Oid			user;
	int			context;
	int			guc_level;
} SbkGuise;

/* Works as the user, who cannot become anyone else. */
extern void sbk_assume(Oid user, SbkGuise *guise);

/* An error does the same, at the end of the (sub)transaction. */
extern void sbk_resume(const SbkGuise *guise);

/* Calls one of scorebook's own functions; its rows are in SPI_tuptable. */
extern void sbk_call(Oid keeper, const char *statement, int n, Oid *types,
					 Datum *values, const char *nulls);

/* Columns, from 1, of the first row in SPI_tuptable; text may be NULL. */
extern char *sbk_column(int number);
extern int64 sbk_column_int(int number);
extern double sbk_column_real(int number);

#endif							/* SBK_KEEPER_H */
