/*
 * found.h
 *		What a pass has found, for those who write it down.
 */
#ifndef SBK_FOUND_H
#define SBK_FOUND_H

#include "compat.h"
#include "job/pass.h"

/* A row that an error may be about, by its key. */
typedef struct SbkNamedRow
{
	SbkPass    *pass;
	const Datum *key;
	const bool *nulls;
	bool		is_earlier;		/* it throws, as the book has a later state */
} SbkNamedRow;

/* Makes the stores of the pass, in the current context. */
extern void sbk_found_start(SbkPass *pass);

/* Gives back what they hold. */
extern void sbk_found_end(SbkPass *pass);

/* A row of the book, by its ctid and run, ends. */
extern void sbk_found_gone(SbkPass *pass, Datum ctid, Datum run,
						   const char *reason);

/*
 * Does something for a row, or, where that is NULL, for several.  False where
 * it fails for an error of the data, or, of a row, since the book has a later
 * state: one of several rows, or a row that has been recorded as failed.  Any other error is thrown, naming the row; so is
 * one that is not to be recorded, or is one too many.
 *
 * An error is caught without a subtransaction, which a parallel plan would not
 * allow: the work must take nothing that an error would have to give back.
 */
extern bool sbk_found_try(SbkPass *pass, const SbkNamedRow *row,
						  void (*work) (void *arg), void *arg);

/* Sets failed_key of the pass, and its digest. */
extern void sbk_found_name(const SbkNamedRow *row);

/* Throws, as the source has several rows of that key. */
pg_noreturn extern void sbk_found_refuse_duplicate(const SbkNamedRow *row);

#endif							/* SBK_FOUND_H */
