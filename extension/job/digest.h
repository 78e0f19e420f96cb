/*
 * digest.h
 *		Hashes of rows and keys: of the bytes that each value is made of.
 */
#ifndef SBK_DIGEST_H
#define SBK_DIGEST_H

#include "job/pass.h"

/*
 * The hash of a row of a book, or of some of its columns; nulls count.  It goes
 * on from the digest of the columns before, 0 where there are none.
 */
extern uint64 sbk_digest_row(uint64 digest, int n, const Datum *values,
							 const bool *nulls, const bool *by_value,
							 const int16 *lengths);

/* The digest of a text: the salt of a split, with the name of its job. */
extern uint64 sbk_digest_name(const char *name);

/* That of a key of the pass. */
extern uint64 sbk_digest_key(const SbkPass *pass, uint64 digest,
							 const Datum *key, const bool *nulls);

#endif							/* SBK_DIGEST_H */
