/*
 * siphash.c
 *		SipHash-2-4: a hash that nobody can compute who does not have the key.
 */
#include "postgres.h"

#include "port/pg_bswap.h"

#include "job/siphash.h"

#define ROUNDS_OF_WORD	2
#define ROUNDS_AT_END	4

typedef struct State
{
	uint64		v0;
	uint64		v1;
	uint64		v2;
	uint64		v3;
} State;

static inline uint64
rotate(uint64 value, int bits)
{
	return (value << bits) | (value >> (64 - bits));
}

static void
mix(State *s, int rounds)
{
	while (rounds-- > 0)
	{
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 = rotate(s->v2, 32);
	}
}

static void
add_word(State *s, uint64 word)
{
	s->v3 ^= word;
	mix(s, ROUNDS_OF_WORD);
	s->v0 ^= word;
}

/* Up to eight bytes, the first one lowest. */
static uint64
read_word(const uint8 *bytes, Size length)
{
	uint64		word = 0;

	memcpy(&word, bytes, length);
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	return word;
}

uint64
sbk_siphash(const uint8 *key, const uint8 *bytes, Size length)
{
	uint64		k0 = read_word(key, 8);
	uint64		k1 = read_word(key + 8, 8);
	State		s = {
		k0 ^ UINT64CONST(0x736f6d6570736575),
		k1 ^ UINT64CONST(0x646f72616e646f6d),
		k0 ^ UINT64CONST(0x6c7967656e657261),
		k1 ^ UINT64CONST(0x7465646279746573)
	};
	Size		done;

	for (done = 0; done + 8 <= length; done += 8)
		add_word(&s, read_word(bytes + done, 8));
	add_word(&s, read_word(bytes + done, length - done) | ((uint64) length << 56));
	s.v2 ^= 0xff;
	mix(&s, ROUNDS_AT_END);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
