/*
 * siphash.h
 *		SipHash-2-4: a hash that nobody can compute who does not have the key.
 *
 * J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF",
 * INDOCRYPT 2012.
 */
#ifndef SBK_SIPHASH_H
#define SBK_SIPHASH_H

#define SBK_SIPHASH_KEY_LENGTH	16

extern uint64 sbk_siphash(const uint8 *key, const uint8 *bytes, Size length);

#endif							/* SBK_SIPHASH_H */
