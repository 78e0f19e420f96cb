/*
 * kernel.h
 *		Rows through a forest.
 *
 * Every sum begins with the margin and goes through the trees in their order,
 * as the library's does, however rows and trees are interleaved.
 */
#ifndef SBK_KERNEL_H
#define SBK_KERNEL_H

#include "engine/forest.h"

/* Numbers of scratch memory that the calls below need for so many rows. */
extern size_t sbk_kernel_scratch(const SbkForest *forest, size_t nrows);

/*
 * The margins of rows, num_output for each, from the first so many trees (of
 * gblinear, ntree means nothing).  Inputs are NaN where missing and otherwise
 * finite; base_margin has a number for each row, which takes the place of the
 * forest's own, or is NULL.
 */
extern void sbk_kernel_margins(const SbkForest *forest, uint32_t ntree,
							   const float *rows, size_t nrows,
							   const float *base_margin, float *scratch,
							   float *margins);

/* The numbers of the leaves that rows reach, ntree for each. */
extern void sbk_kernel_leaves(const SbkForest *forest, uint32_t ntree,
							  const float *rows, size_t nrows, float *scratch,
							  float *leaves);

#endif							/* SBK_KERNEL_H */
