/*
 * digest.h
 *		Hashes of rows: of the bytes that each value is made of.
 */
#ifndef SBK_DIGEST_H
#define SBK_DIGEST_H

/* The hash of a row of a book, or of some of its columns; nulls count. */
extern uint64 sbk_digest_row(int n, const Datum *values, const bool *nulls,
							 const bool *by_value, const int16 *lengths);

#endif							/* SBK_DIGEST_H */
