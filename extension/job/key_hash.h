/*
 * key_hash.h
 *		Hashes of keys, which are the same for keys that are equal.
 *
 * A book's primary key takes 1.0 and 1.00 for one key, and so does whatever is
 * to know a key again: which model serves it, that it failed, that it was
 * erased.
 */
#ifndef SBK_KEY_HASH_H
#define SBK_KEY_HASH_H

#include "access/tupdesc.h"

/* A key's place decides who serves it: from 0 to below that. */
#define SBK_PLACES		10000

typedef struct SbkKeyHasher SbkKeyHasher;

/*
 * For keys that are the first columns of desc.  Lives in the current context;
 * throws where equal values of a column's type cannot be told to be equal.
 */
extern SbkKeyHasher *sbk_key_hasher_make(TupleDesc desc, int num_key);

/*
 * What keys are hashed by, until the next call: bytes that are the same for
 * equal keys, and for no others but by accident.  Nulls count.
 */
extern const char *sbk_key_bytes(SbkKeyHasher *hasher, const Datum *values,
								 const bool *nulls, Size *length);

/* The hash of a key. */
extern uint64 sbk_key_digest(SbkKeyHasher *hasher, const Datum *values,
							 const bool *nulls);

/* Jobs place the same keys differently: the salt is that of the job's name. */
extern uint64 sbk_key_salt(const char *job, Size length);
extern int	sbk_key_place(SbkKeyHasher *hasher, uint64 salt,
						  const Datum *values, const bool *nulls);

#endif							/* SBK_KEY_HASH_H */
