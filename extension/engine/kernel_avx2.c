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

typedef __m256 Numbers;
typedef __m256i Indexes;
typedef __m256 Flags;			/* all bits of a lane, or none */

#include "engine/kernel_lanes.h"

const SbkKernel sbk_kernel_avx2 = {3, walk_block};

LANES_INLINE Numbers
load(const float *from)
{
	return _mm256_loadu_ps(from);
}

LANES_INLINE void
store(float *to, Numbers numbers)
{
	_mm256_storeu_ps(to, numbers);
}

LANES_INLINE Numbers
spread(float number)
{
	return _mm256_set1_ps(number);
}

LANES_INLINE Indexes
spread_index(uint32_t index)
{
	return _mm256_set1_epi32((int) index);
}

LANES_INLINE Flags
not_less(Numbers inputs, Numbers thresholds)
{
	return _mm256_cmp_ps(inputs, thresholds, _CMP_NLT_UQ);
}

LANES_INLINE Flags
is_missing(Numbers inputs)
{
	return _mm256_cmp_ps(inputs, inputs, _CMP_UNORD_Q);
}

LANES_INLINE Numbers
choose(Flags flags, Numbers where_not, Numbers where_set)
{
	return _mm256_blendv_ps(where_not, where_set, flags);
}

LANES_INLINE Numbers
add(Numbers a, Numbers b)
{
	return _mm256_add_ps(a, b);
}

/* A flag that is set is -1. */
LANES_INLINE Indexes
next_nodes(Indexes left, Flags right)
{
	return _mm256_sub_epi32(left, _mm256_castps_si256(right));
}

LANES_INLINE Indexes
next_slots(Indexes slots, Flags right)
{
	return next_nodes(_mm256_add_epi32(slots, slots), right);
}

LANES_INLINE bool
all_equal(Indexes a, Indexes b)
{
	return _mm256_movemask_epi8(_mm256_cmpeq_epi32(a, b)) == -1;
}

LANES_INLINE Indexes
scale(Indexes indexes, uint32_t factor, Indexes rest)
{
	if ((factor & (factor - 1)) == 0)
		indexes = _mm256_slli_epi32(indexes, __builtin_ctz(factor));
	else
		indexes = _mm256_mullo_epi32(indexes, _mm256_set1_epi32((int) factor));
	return _mm256_add_epi32(indexes, rest);
}

LANES_INLINE Indexes
mask(Indexes indexes, uint32_t bits)
{
	return _mm256_and_si256(indexes, _mm256_set1_epi32((int) bits));
}

LANES_INLINE Indexes
lane_numbers(uint32_t limit)
{
	return _mm256_min_epu32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
							_mm256_set1_epi32((int) limit));
}

LANES_INLINE Numbers
look_up(const void *numbers, Indexes indexes)
{
	return _mm256_i32gather_ps(numbers, indexes, sizeof(float));
}

LANES_INLINE Indexes
as_indexes(Numbers numbers)
{
	return _mm256_castps_si256(numbers);
}

LANES_INLINE Indexes
look_up_indexes(const void *numbers, Indexes indexes)
{
	return as_indexes(look_up(numbers, indexes));
}

LANES_INLINE void
store_indexes(uint32_t *to, Indexes indexes)
{
	_mm256_storeu_si256((__m256i *) to, indexes);
}

/* A table of less than 8 numbers is repeated until the vector is full. */
LANES_INLINE Numbers
pick(const SbkNumber *table, uint32_t count, Indexes indexes)
{
	const float *numbers = &table->number;
	__m128i		two;
	Flags		upper;

	switch (count)
	{
		case 1:
			return spread(*numbers);
		case 2:
			two = _mm_loadl_epi64((const __m128i *) numbers);
			return _mm256_permutevar8x32_ps(_mm256_castsi256_ps(_mm256_broadcastq_epi64(two)),
											indexes);
		case 4:
			return _mm256_permutevar8x32_ps(_mm256_broadcast_ps((const __m128 *) numbers),
											indexes);
		case 8:
			return _mm256_permutevar8x32_ps(load(numbers), indexes);
		case 16:
			/* a flag is looked for in the sign */
			upper = _mm256_castsi256_ps(_mm256_slli_epi32(indexes, 28));
			return choose(upper,
						  _mm256_permutevar8x32_ps(load(numbers), indexes),
						  _mm256_permutevar8x32_ps(load(numbers + 8), indexes));
		default:
			return look_up(numbers, mask(indexes, count - 1));
	}
}

#endif							/* SBK_HAVE_AVX */
