/*
 * kernel.h
 *		Rows through a forest.
 *
 * Every sum begins with the margin and goes through the trees in their order,
 * as the library's does, however rows and trees are interleaved.  All kernels
 * give the same bits: they compare the same numbers and add the same numbers in
 * the same order, and nothing else.
 */
#ifndef SBK_KERNEL_H
#define SBK_KERNEL_H

#include "engine/forest.h"

/* Which instructions a kernel uses. */
typedef enum SbkSimd
{
	SBK_SIMD_AUTO,				/* the best that this processor has */
	SBK_SIMD_SCALAR,			/* plain C */
	SBK_SIMD_AVX2,
	SBK_SIMD_AVX512
} SbkSimd;

/* Is it built in, and does this processor have it?  The first two always. */
extern bool sbk_simd_supported(SbkSimd simd);

/*
 * Scratch memory that the calls below need for so many rows, counted in
 * numbers of four bytes.
 */
extern size_t sbk_kernel_scratch(const SbkForest *forest, size_t nrows);

/*
 * The margins of rows, num_output for each, from the first so many trees (of
 * gblinear, ntree means nothing).  Inputs are NaN where missing and otherwise
 * finite; base_margin has a number for each row, which takes the place of the
 * forest's own, or is NULL.  simd must be supported.
 */
extern void sbk_kernel_margins(const SbkForest *forest, SbkSimd simd,
							   uint32_t ntree, const float *rows, size_t nrows,
							   const float *base_margin, void *scratch,
							   float *margins);

/* The numbers of the leaves that rows reach, ntree for each. */
extern void sbk_kernel_leaves(const SbkForest *forest, uint32_t ntree,
							  const float *rows, size_t nrows, void *scratch,
							  float *leaves);

#endif							/* SBK_KERNEL_H */
