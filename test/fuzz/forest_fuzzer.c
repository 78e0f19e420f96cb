/*
 * forest_fuzzer.c
 *		libFuzzer target: any bytes in place of a stored forest.
 *
 * What sbk_forest_valid() lets pass, every kernel that this processor has must
 * be able to walk, under AddressSanitizer and UndefinedBehaviorSanitizer; all
 * of them must come to the same sums.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/kernel.h"

#define NUM_ROW		9			/* a vector and one more */

extern int	LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
extern size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len,
									  size_t max_len, unsigned int seed);

static void walk(const SbkForest *forest);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	SbkForest  *forest = malloc(len > 0 ? len : 1);
	const char *wrong = NULL;

	if (forest == NULL)
		abort();
	memcpy(forest, bytes, len);
	if (sbk_forest_valid(forest, len, &wrong))
		walk(forest);
	else if (wrong == NULL)
		abort();
	free(forest);
	return 0;
}

/*
 * Changes words where they stand: a forest whose length is not what its header
 * says is refused at once.
 */
size_t
LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max_len,
						unsigned int seed)
{
	uint32_t	word;
	uint32_t	other;
	int			times = 1 + seed % 3;

	srand(seed);
	while (times-- > 0 && len >= 2 * sizeof(word))
	{
		uint8_t    *at = bytes + (size_t) rand() % (len / sizeof(word)) * sizeof(word);
		uint8_t    *from = bytes + (size_t) rand() % (len / sizeof(word)) * sizeof(word);

		memcpy(&word, at, sizeof(word));
		memcpy(&other, from, sizeof(other));
		switch (rand() % 5)
		{
			case 0:
				word ^= 1U << rand() % 32;
				break;
			case 1:
				word += 1;
				break;
			case 2:
				word -= 1;
				break;
			case 3:
				word = (uint32_t) rand() % 40;
				break;
			case 4:
				word = other;
				break;
		}
		memcpy(at, &word, sizeof(word));
	}
	return len;
}

static void
walk(const SbkForest *forest)
{
	size_t		num_margin = (size_t) NUM_ROW * forest->num_output;
	float	   *rows = malloc((size_t) NUM_ROW * forest->num_feature * sizeof(float));
	float	   *scratch = malloc(sbk_kernel_scratch(forest, NUM_ROW) * sizeof(float));
	float	   *leaves = malloc((size_t) NUM_ROW * forest->num_tree * sizeof(float));
	float	   *expected = malloc(num_margin * sizeof(float));
	float	   *margins = malloc(num_margin * sizeof(float));
	SbkSimd		simd;
	size_t		i;

	if (rows == NULL || scratch == NULL || leaves == NULL || expected == NULL ||
		margins == NULL)
		abort();
	for (i = 0; i < (size_t) NUM_ROW * forest->num_feature; i++)
		rows[i] = i % 7 == 6 ? NAN : (float) (i % 23) - 8;
	sbk_kernel_leaves(forest, forest->num_tree, rows, NUM_ROW, scratch, leaves);
	for (i = 0; i < NUM_ROW; i++)
		sbk_kernel_margins(forest, SBK_SIMD_SCALAR, forest->num_tree,
						   rows + i * forest->num_feature, 1, NULL, scratch,
						   expected + i * forest->num_output);
	for (simd = SBK_SIMD_SCALAR; simd <= SBK_SIMD_AVX512; simd++)
	{
		if (!sbk_simd_supported(simd))
			continue;
		sbk_kernel_margins(forest, simd, forest->num_tree, rows, NUM_ROW, NULL,
						   scratch, margins);
		for (i = 0; i < num_margin; i++)
		{
			/* of two NaN that are added, either may be the sum */
			if (memcmp(&margins[i], &expected[i], sizeof(float)) != 0 &&
				!(isnan(margins[i]) && isnan(expected[i])))
				abort();
		}
	}
	free(rows);
	free(scratch);
	free(leaves);
	free(expected);
	free(margins);
}
