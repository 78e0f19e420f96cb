/*
 * found.h
 *		What a pass has found, for those who write it down.
 */
#ifndef SBK_FOUND_H
#define SBK_FOUND_H

#include "job/pass.h"

/* A row that an error may be about, by its key. */
typedef struct SbkNamedRow
{
	SbkPass    *pass;
	const Datum *key;
	const bool *nulls;
} SbkNamedRow;

/* Makes the stores of the pass, in the current context. */
extern void sbk_found_start(SbkPass *pass);

/* Gives back what they hold. */
extern void sbk_found_end(SbkPass *pass);

/* A row of the book, by its ctid and run, ends. */
extern void sbk_found_gone(SbkPass *pass, Datum ctid, Datum run,
						   const char *reason);

/*
 * A row cannot be scored; the callback below has named it in failed_key.  Frees
 * the error, and throws it where these are too many by now.
 */
extern void sbk_found_failed(SbkPass *pass, const SbkNamedRow *row,
							 ErrorData *error);

/* Names a row, an SbkNamedRow, where an error is thrown. */
extern void sbk_found_name(void *row);

/* As in the message of a unique constraint: (a, b)=(1, 2). */
extern char *sbk_found_format_key(const SbkNamedRow *row);

#endif							/* SBK_FOUND_H */
