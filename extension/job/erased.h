/*
 * erased.h
 *		Keys that were erased.
 *
 * Of an erased key nothing is kept but its hash under a secret of the job's: it
 * tells the key again, and cannot be turned round by trying all keys.  Keys that
 * are equal have the same hash.
 */
#ifndef SBK_ERASED_H
#define SBK_ERASED_H

#include "job/key_hash.h"

/* SipHash-2-4 twice, under the two halves of the secret */
#define SBK_SECRET_LENGTH		32
#define SBK_KEY_HASH_LENGTH		16

typedef struct SbkErased SbkErased;

/*
 * The keys that a job must not score, as all transactions that have committed
 * have left them, whatever the active snapshot; NULL where there are none.
 */
extern SbkErased *sbk_erased_read(int32 job_id);

/* Is it one of them? */
extern bool sbk_erased_has(const SbkErased *erased, SbkKeyHasher *hasher,
						   const Datum *values, const bool *nulls);

extern void sbk_erased_end(SbkErased *erased);

/*
 * The hash of a key, under the secret of a job; false where it has none, since
 * nothing was ever erased.
 */
extern bool sbk_erased_hash(int32 job_id, SbkKeyHasher *hasher,
							const Datum *values, const bool *nulls,
							uint8 *hash);

/* The hash of any bytes. */
extern void sbk_erased_hash_bytes(const uint8 *secret, const void *bytes,
								  Size length, uint8 *hash);

#endif							/* SBK_ERASED_H */
