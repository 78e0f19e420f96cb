/*
 * kernel_avx512.c
 *		Sixteen rows in a vector, with AVX-512's foundation instructions.
 *
 * Functions say themselves which instructions they use, so that the file
 * compiles like any other and the module runs where they are missing.
 */
#include "engine/walk.h"

#ifdef SBK_HAVE_AVX

#include <immintrin.h>

#define LANES			16
#define GROUPS			4
#define LANES_TARGET	__attribute__((target("avx512f")))

typedef __m512i Words;
typedef __mmask16 Flags;

#include "engine/kernel_lanes.h"

const SbkKernel sbk_kernel_avx512 = {8, walk_block};

LANES_INLINE Words
load(const void *from)
{
	return _mm512_loadu_si512(from);
}

LANES_INLINE void
store(void *to, Words words)
{
	_mm512_storeu_si512(to, words);
}

LANES_INLINE Words
spread(uint32_t word)
{
	return _mm512_set1_epi32((int) word);
}

LANES_INLINE Words
count_lanes(uint32_t limit)
{
	return _mm512_min_epu32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
											  11, 12, 13, 14, 15),
							spread(limit));
}

LANES_INLINE Words
add(Words a, Words b)
{
	return _mm512_add_epi32(a, b);
}

LANES_INLINE Words
multiply(Words words, uint32_t factor)
{
	return _mm512_mullo_epi32(words, spread(factor));
}

LANES_INLINE Words
mask(Words words, uint32_t bits)
{
	return _mm512_and_epi32(words, spread(bits));
}

LANES_INLINE bool
all_equal(Words a, Words b)
{
	return _mm512_cmpneq_epi32_mask(a, b) == 0;
}

LANES_INLINE Flags
are_nan(Words numbers)
{
	__m512		values = _mm512_castsi512_ps(numbers);

	return _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
}

/* as sbk_key() */
LANES_INLINE Words
make_keys(Words numbers)
{
	__m512		values = _mm512_castsi512_ps(numbers);
	Words		bits = _mm512_castps_si512(_mm512_add_ps(values, _mm512_setzero_ps()));

	return _mm512_xor_epi32(bits, _mm512_or_epi32(_mm512_srai_epi32(bits, 31),
												  spread(0x80000000U)));
}

LANES_INLINE void
add_numbers(float *sums, Words numbers)
{
	_mm512_storeu_ps(sums, _mm512_add_ps(_mm512_loadu_ps(sums),
										 _mm512_castsi512_ps(numbers)));
}

LANES_INLINE Flags
not_less(Words inputs, Words thresholds)
{
	return _mm512_cmpge_epu32_mask(inputs, thresholds);
}

LANES_INLINE Words
go(Words left, Flags right)
{
	return _mm512_mask_add_epi32(left, right, left, spread(1));
}

LANES_INLINE Words
choose(Flags flags, Words where_not, Words where_set)
{
	return _mm512_mask_blend_epi32(flags, where_not, where_set);
}

LANES_INLINE Words
look_up(const void *table, Words indexes)
{
	return _mm512_i32gather_epi32(indexes, table, sizeof(uint32_t));
}

/* A table of less than 16 words is repeated until the vector is full. */
LANES_INLINE Words
pick(const void *table, uint32_t count, Words indexes)
{
	const uint32_t *words = table;

	switch (count)
	{
		case 2:
			return _mm512_permutexvar_epi32(indexes,
											_mm512_broadcastq_epi64(_mm_loadl_epi64(table)));
		case 4:
			return _mm512_permutexvar_epi32(indexes,
											_mm512_broadcast_i32x4(_mm_loadu_si128(table)));
		case 8:
			return _mm512_permutexvar_epi32(indexes,
											_mm512_broadcast_i64x4(_mm256_loadu_si256(table)));
		case 16:
			return _mm512_permutexvar_epi32(indexes, load(words));
		case 32:
			return _mm512_permutex2var_epi32(load(words), indexes,
											 load(words + 16));
		case 64:
			return choose(_mm512_test_epi32_mask(indexes, spread(32)),
						  pick(words, 32, indexes),
						  pick(words + 32, 32, indexes));
		default:
			return look_up(table, mask(indexes, count - 1));
	}
}

#endif							/* SBK_HAVE_AVX */
