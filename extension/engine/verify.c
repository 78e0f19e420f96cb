/*
 * verify.c
 *		Proves that the native engine gives the bits of the library.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"

#include "engine/verify.h"

/* Rows that are scored in one call, and how many calls there are. */
#define BLOCK_ROWS		24
/* Of models with more features, values and leaves are compared on some blocks. */
#define WIDE			1000
#define NUM_BLOCK		48
#define NUM_ROW			(BLOCK_ROWS * NUM_BLOCK)

static bool *find_used(const SbkForest *forest);
static void make_row(const SbkForest *forest, const bool *used, int number,
					 float *row, pg_prng_state *random);
static float any_input(const SbkForest *forest, pg_prng_state *random);
static void follow_path(const SbkForest *forest, uint32 tree, float *row,
						bool *decided, pg_prng_state *random);
static float input_at_split(const SbkForest *forest, const SbkNode *node,
							pg_prng_state *random);
static void compare(SbkEngine *engine, const SbkForest *forest,
					const float *rows, int rows_at_once,
					const float *base_margin, SbkPredictionKind kind,
					SbkVerification *verification);
static void keep_values(const float *values, Size n,
						SbkVerification *verification);
static void compare_numbers(const float *native, const float *library, Size n,
							SbkVerification *verification);

/*
 * The native engine is asked for the margins of all rows of a call at once, and
 * for their values one by one: it has a way of its own for each.
 *
 * Models with one output are probed with a base margin too, in the second
 * half of the rows: the library keeps a margin that it was given.
 */
void
sbk_engine_verify(SbkEngine *engine, SbkVerification *verification)
{
	const SbkForest *forest = sbk_engine_forest(engine);
	Size		num_feature = forest->num_feature;
	float	   *rows = MemoryContextAllocHuge(CurrentMemoryContext,
											  mul_size(mul_size(num_feature, BLOCK_ROWS),
													   sizeof(float)));
	float		margins[BLOCK_ROWS];
	pg_prng_state random;
	bool	   *used;
	int			stride = forest->num_feature > WIDE ? 8 : 1;
	int			block;
	int			i;

	used = find_used(forest);
	pg_prng_seed(&random, 1);
	verification->rows = NUM_ROW;
	verification->worst_difference = 0;
	verification->same = true;
	verification->num_value = 0;
	for (block = 0; block < NUM_BLOCK; block++)
	{
		const float *base_margin = forest->num_output == 1 &&
			block >= NUM_BLOCK / 2 ? margins : NULL;

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < BLOCK_ROWS; i++)
		{
			make_row(forest, used, block * BLOCK_ROWS + i,
					 rows + i * num_feature, &random);
			margins[i] = (float) (pg_prng_double(&random) * 8 - 4);
		}
		compare(engine, forest, rows, BLOCK_ROWS, base_margin,
				SBK_PREDICT_MARGIN, verification);
		if (block % stride != 0)
			continue;
		if (forest->link != SBK_LINK_UNKNOWN)
			compare(engine, forest, rows, 1, base_margin, SBK_PREDICT_VALUE,
					verification);

		/* of vector leaves, the library does not give the numbers */
		if (!sbk_forest_is_linear(forest) && !forest->vector_leaf)
			compare(engine, forest, rows, BLOCK_ROWS, base_margin,
					SBK_PREDICT_LEAF, verification);
	}
	pfree(used);
	pfree(rows);
}

/*
 * Features that some split or weight is on.  The others stay missing, which
 * saves most of the time for models of very many features.
 */
static bool *
find_used(const SbkForest *forest)
{
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes);
	bool	   *used = palloc0(forest->num_feature);
	uint64		i;

	if (sbk_forest_is_linear(forest))
		memset(used, true, forest->num_feature);
	for (i = 0; i < forest->num_node; i++)
	{
		if (!sbk_node_is_leaf(forest, &nodes[i]))
			used[(nodes[i].input & SBK_NODE_PLACE) % forest->num_feature] = true;
	}
	return used;
}

/*
 * Each tree is visited at least twice, and each row visits at least one tree;
 * where paths want different inputs, the first one has its way.
 */
static void
make_row(const SbkForest *forest, const bool *used, int number, float *row,
		 pg_prng_state *random)
{
	bool	   *decided = palloc0(forest->num_feature);
	uint32		visits = Max(NUM_ROW, 2 * forest->num_tree);
	uint32		i;

	for (i = 0; i < forest->num_feature; i++)
		row[i] = used[i] ? any_input(forest, random) : NAN;
	for (i = number; i < visits && forest->num_tree > 0; i += NUM_ROW)
		follow_path(forest, i % forest->num_tree, row, decided, random);
	pfree(decided);
}

static float
any_input(const SbkForest *forest, pg_prng_state *random)
{
	switch (pg_prng_uint64_range(random, 0, 7))
	{
		case 0:
			return NAN;
		case 1:
			return 0;
		case 2:
			return pg_prng_bool(random) ? FLT_MAX : -FLT_MAX;
		case 3:
			return (float) pg_prng_uint64_range(random, 0, 40);
		case 4:
			return (float) ((pg_prng_double(random) - 0.5) * 1e4);
		default:
			return (float) ((pg_prng_double(random) - 0.5) * 4);
	}
}

static void
follow_path(const SbkForest *forest, uint32 tree, float *row, bool *decided,
			pg_prng_state *random)
{
	const SbkForestTree *walked = SBK_FOREST_ARRAY(forest, SbkForestTree, trees) + tree;
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes) + walked->root;
	uint32		at = 0;
	uint32		level;

	for (level = 0; level < walked->depth; level++)
	{
		const SbkNode *node = &nodes[at];
		uint32		place = node->input & SBK_NODE_PLACE;
		uint32		feature = place % forest->num_feature;

		if (sbk_node_is_leaf(forest, node))
			break;
		if (!decided[feature])
			row[feature] = input_at_split(forest, node, random);
		decided[feature] = true;
		at = sbk_forest_next(forest, node, isnan(row[feature]) ?
							 (place == feature ? SBK_KEY_BELOW : SBK_KEY_ABOVE) :
							 sbk_key(row[feature]));
	}
}

/* The threshold, the number before it, or missing; of categories, any code. */
static float
input_at_split(const SbkForest *forest, const SbkNode *node,
			   pg_prng_state *random)
{
	uint64		draw = pg_prng_uint64_range(random, 0, 9);

	if (draw == 0)
		return NAN;
	if ((node->input & SBK_NODE_CATEGORICAL) == 0)
		return draw % 2 == 0 ? sbk_key_number(node->value.key) :
			nextafterf(sbk_key_number(node->value.key), -INFINITY);
	if (draw == 1)
		return any_input(forest, random);
	return (float) pg_prng_uint64_range(random, 0,
										32 * SBK_FOREST_ARRAY(forest, uint32, sets)[node->value.index]);
}

static void
compare(SbkEngine *engine, const SbkForest *forest, const float *rows,
		int rows_at_once, const float *base_margin, SbkPredictionKind kind,
		SbkVerification *verification)
{
	Size		library_width;
	const float *library = sbk_engine_predict(engine, false, rows, BLOCK_ROWS,
											  base_margin, kind, &library_width);
	Size		r;

	if (kind == SBK_PREDICT_MARGIN)
		keep_values(library, BLOCK_ROWS * library_width, verification);
	for (r = 0; r < BLOCK_ROWS; r += rows_at_once)
	{
		Size		width;
		const float *native = sbk_engine_predict(engine, true,
												 rows + r * forest->num_feature,
												 rows_at_once,
												 base_margin ? base_margin + r : NULL,
												 kind, &width);

		if (width != library_width)
			verification->same = false;
		else
			compare_numbers(native, library + r * width, rows_at_once * width,
							verification);
	}
}

/* The first of them are a record of what the library gave. */
static void
keep_values(const float *values, Size n, SbkVerification *verification)
{
	n = Min(n, SBK_VERIFICATION_VALUES - verification->num_value);
	memcpy(verification->values + verification->num_value, values,
		   n * sizeof(float));
	verification->num_value += n;
}

static void
compare_numbers(const float *native, const float *library, Size n,
				SbkVerification *verification)
{
	Size		i;

	for (i = 0; i < n; i++)
	{
		float		difference = fabsf(native[i] - library[i]);

		if (memcmp(&native[i], &library[i], sizeof(float)) == 0 ||
			(isnan(native[i]) && isnan(library[i])))
			continue;
		verification->same = false;
		if (!isnan(verification->worst_difference) &&
			!(difference <= verification->worst_difference))
			verification->worst_difference = difference;
	}
}
