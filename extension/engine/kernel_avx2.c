/*
 * kernel_avx2.c
 *		Eight rows in a vector, with AVX2.
 *
 * Functions say themselves which instructions they use, so that the file
 * compiles like any other and the module runs where they are missing.
 */
#include "engine/walk.h"

#ifdef SBK_HAVE_AVX

#include <immintrin.h>

#define LANES			8
#define GROUPS			8
#define LANES_TARGET	__attribute__((target("avx2")))

typedef __m256i Words;
typedef __m256i Flags;			/* all bits of a lane, or none */

#include "engine/kernel_lanes.h"

const SbkKernel sbk_kernel_avx2 = {8, walk_block};

LANES_INLINE Words
load(const void *from)
{
	return _mm256_loadu_si256(from);
}

LANES_INLINE void
store(void *to, Words words)
{
	_mm256_storeu_si256(to, words);
}

LANES_INLINE Words
spread(uint32_t word)
{
	return _mm256_set1_epi32((int) word);
}

LANES_INLINE Words
count_lanes(uint32_t limit)
{
	return _mm256_min_epu32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
							spread(limit));
}

LANES_INLINE Words
add(Words a, Words b)
{
	return _mm256_add_epi32(a, b);
}

LANES_INLINE Words
multiply(Words words, uint32_t factor)
{
	return _mm256_mullo_epi32(words, spread(factor));
}

LANES_INLINE Words
mask(Words words, uint32_t bits)
{
	return _mm256_and_si256(words, spread(bits));
}

LANES_INLINE bool
all_equal(Words a, Words b)
{
	return _mm256_movemask_epi8(_mm256_cmpeq_epi32(a, b)) == -1;
}

LANES_INLINE Flags
are_nan(Words numbers)
{
	__m256		values = _mm256_castsi256_ps(numbers);

	return _mm256_castps_si256(_mm256_cmp_ps(values, values, _CMP_UNORD_Q));
}

/* as sbk_key() */
LANES_INLINE Words
make_keys(Words numbers)
{
	__m256		values = _mm256_castsi256_ps(numbers);
	Words		bits = _mm256_castps_si256(_mm256_add_ps(values, _mm256_setzero_ps()));

	return _mm256_xor_si256(bits, _mm256_or_si256(_mm256_srai_epi32(bits, 31),
												  spread(0x80000000U)));
}

LANES_INLINE void
add_numbers(float *sums, Words numbers)
{
	_mm256_storeu_ps(sums, _mm256_add_ps(_mm256_loadu_ps(sums),
										 _mm256_castsi256_ps(numbers)));
}

/* AVX2 compares only signed words for less or greater. */
LANES_INLINE Flags
not_less(Words inputs, Words thresholds)
{
	return _mm256_cmpeq_epi32(_mm256_max_epu32(inputs, thresholds), inputs);
}

/* All bits set are -1. */
LANES_INLINE Words
go(Words left, Flags right)
{
	return _mm256_sub_epi32(left, right);
}

LANES_INLINE Words
choose(Flags flags, Words where_not, Words where_set)
{
	return _mm256_blendv_epi8(where_not, where_set, flags);
}

LANES_INLINE Words
look_up(const void *table, Words indexes)
{
	return _mm256_i32gather_epi32(table, indexes, sizeof(uint32_t));
}

/* A table of less than 8 words is repeated until the vector is full. */
LANES_INLINE Words
pick(const void *table, uint32_t count, Words indexes)
{
	const uint32_t *words = table;

	switch (count)
	{
		case 2:
			return _mm256_permutevar8x32_epi32(_mm256_broadcastq_epi64(_mm_loadl_epi64(table)),
											   indexes);
		case 4:
			return _mm256_permutevar8x32_epi32(_mm256_broadcastsi128_si256(_mm_loadu_si128(table)),
											   indexes);
		case 8:
			return _mm256_permutevar8x32_epi32(load(words), indexes);
		case 16:
			return choose(_mm256_cmpeq_epi32(mask(indexes, 8), spread(8)),
						  pick(words, 8, indexes),
						  pick(words + 8, 8, indexes));
		default:
			return look_up(table, mask(indexes, count - 1));
	}
}

#endif							/* SBK_HAVE_AVX */
