/*
 * digest.h
 *		Hashes of rows: of the bytes that each value is made of.
 */
#ifndef SBK_DIGEST_H
#define SBK_DIGEST_H

#include "fmgr.h"

/* A column, as its values are stored. */
typedef struct SbkDigestColumn
{
	bool		by_value;
	int16		length;
	FmgrInfo   *label;			/* the text of an enum, else NULL */
} SbkDigestColumn;

/* Of a type; in the current context. */
extern void sbk_digest_column_start(SbkDigestColumn *column, Oid type);

/* The hash of a row of a book, or of some of its columns; nulls count. */
extern uint64 sbk_digest_row(const SbkDigestColumn *columns, int n,
							 const Datum *values, const bool *nulls);

#endif							/* SBK_DIGEST_H */
