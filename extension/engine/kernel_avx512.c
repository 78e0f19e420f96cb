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

typedef __m512 Numbers;
typedef __m512i Indexes;
typedef __mmask16 Flags;

#include "engine/kernel_lanes.h"

const SbkKernel sbk_kernel_avx512 = {3, walk_block};

LANES_INLINE Numbers
load(const float *from)
{
	return _mm512_loadu_ps(from);
}

LANES_INLINE void
store(float *to, Numbers numbers)
{
	_mm512_storeu_ps(to, numbers);
}

LANES_INLINE Numbers
spread(float number)
{
	return _mm512_set1_ps(number);
}

LANES_INLINE Indexes
spread_index(uint32_t index)
{
	return _mm512_set1_epi32((int) index);
}

LANES_INLINE Flags
not_less(Numbers inputs, Numbers thresholds)
{
	return _mm512_cmp_ps_mask(inputs, thresholds, _CMP_NLT_UQ);
}

LANES_INLINE Flags
is_missing(Numbers inputs)
{
	return _mm512_cmp_ps_mask(inputs, inputs, _CMP_UNORD_Q);
}

LANES_INLINE Numbers
choose(Flags flags, Numbers where_not, Numbers where_set)
{
	return _mm512_mask_blend_ps(flags, where_not, where_set);
}

LANES_INLINE Numbers
add(Numbers a, Numbers b)
{
	return _mm512_add_ps(a, b);
}

LANES_INLINE Indexes
next_nodes(Indexes left, Flags right)
{
	return _mm512_mask_add_epi32(left, right, left, _mm512_set1_epi32(1));
}

LANES_INLINE Indexes
next_slots(Indexes slots, Flags right)
{
	return next_nodes(_mm512_add_epi32(slots, slots), right);
}

LANES_INLINE bool
all_equal(Indexes a, Indexes b)
{
	return _mm512_cmpneq_epi32_mask(a, b) == 0;
}

LANES_INLINE Indexes
scale(Indexes indexes, uint32_t factor, Indexes rest)
{
	if ((factor & (factor - 1)) == 0)
		indexes = _mm512_slli_epi32(indexes, __builtin_ctz(factor));
	else
		indexes = _mm512_mullo_epi32(indexes, _mm512_set1_epi32((int) factor));
	return _mm512_add_epi32(indexes, rest);
}

LANES_INLINE Indexes
mask(Indexes indexes, uint32_t bits)
{
	return _mm512_and_epi32(indexes, _mm512_set1_epi32((int) bits));
}

LANES_INLINE Indexes
lane_numbers(uint32_t limit)
{
	return _mm512_min_epu32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
											  11, 12, 13, 14, 15),
							_mm512_set1_epi32((int) limit));
}

LANES_INLINE Numbers
look_up(const void *numbers, Indexes indexes)
{
	return _mm512_i32gather_ps(indexes, numbers, sizeof(float));
}

LANES_INLINE Indexes
as_indexes(Numbers numbers)
{
	return _mm512_castps_si512(numbers);
}

LANES_INLINE Indexes
look_up_indexes(const void *numbers, Indexes indexes)
{
	return as_indexes(look_up(numbers, indexes));
}

LANES_INLINE void
store_indexes(uint32_t *to, Indexes indexes)
{
	_mm512_storeu_si512(to, indexes);
}

/* A table of less than 16 numbers is repeated until the vector is full. */
LANES_INLINE Numbers
pick(const SbkNumber *table, uint32_t count, Indexes indexes)
{
	const float *numbers = &table->number;
	__m128i		two;
	__m256d		eight;
	Flags		upper;

	switch (count)
	{
		case 1:
			return spread(*numbers);
		case 2:
			two = _mm_loadl_epi64((const __m128i *) numbers);
			return _mm512_permutexvar_ps(indexes,
										 _mm512_castsi512_ps(_mm512_broadcastq_epi64(two)));
		case 4:
			return _mm512_permutexvar_ps(indexes,
										 _mm512_broadcast_f32x4(_mm_loadu_ps(numbers)));
		case 8:
			eight = _mm256_castps_pd(_mm256_loadu_ps(numbers));
			return _mm512_permutexvar_ps(indexes,
										 _mm512_castpd_ps(_mm512_broadcast_f64x4(eight)));
		case 16:
			return _mm512_permutexvar_ps(indexes, load(numbers));
		case 32:
			return _mm512_permutex2var_ps(load(numbers), indexes,
										  load(numbers + 16));
		case 64:
			upper = _mm512_test_epi32_mask(indexes, spread_index(32));
			return choose(upper,
						  _mm512_permutex2var_ps(load(numbers), indexes,
												 load(numbers + 16)),
						  _mm512_permutex2var_ps(load(numbers + 32), indexes,
												 load(numbers + 48)));
		default:
			return look_up(numbers, mask(indexes, count - 1));
	}
}

#endif							/* SBK_HAVE_AVX */
