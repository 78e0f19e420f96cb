/*
 * kernels.c
 *		Unit tests of forests and kernels that no fixture reaches.
 *
 * Trees of all shapes are made at random, and rows are walked through them as
 * the model file has them, node by node: kernels must give the same sums, bit
 * for bit.  Then forests are damaged, bit by bit: they must be refused, or be
 * walked without harm, which the sanitizers see.  Prints TAP.  With a directory
 * as argument, it also leaves the small forests there, for fuzzing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/kernel.h"

#define NUM_FEATURE		5
#define MAX_NODE		4095
#define MAX_TREE		80
#define MAX_CODE		70
#define SMALL			60000	/* bytes of a forest that is damaged */
#define NUM_ROW			131		/* two blocks and a few rows */

/* what the trees of a forest are like */
typedef struct Shape
{
	const char *name;
	int			num_tree;
	int			depth;
	int			max_node;
	int			split_percent;	/* nodes that are no leaf */
	int			categorical_percent;
	bool		lopsided;		/* only right children are split */
	int			num_output;
	bool		vector_leaf;
} Shape;

static const Shape shapes[] = {
	{"stumps without a split", 3, 0, 1, 100, 0, false, 1, false},
	{"one level", 37, 1, 3, 100, 0, false, 1, false},
	{"two levels", 5, 2, 7, 100, 0, false, 1, false},
	{"full trees of depth 3", 9, 3, 15, 100, 0, false, 1, false},
	{"full trees of depth 6", 17, 6, 127, 100, 0, false, 1, false},
	{"full trees of depth 8", 11, 8, 511, 100, 0, false, 1, false},
	{"full trees of depth 11", 3, 11, 4095, 100, 0, false, 1, false},
	{"all depths", 80, 9, 300, 80, 0, false, 1, false},
	{"thin trees", 40, 12, 60, 70, 0, false, 1, false},
	{"deep and lopsided", 6, 512, 1025, 100, 0, true, 1, false},
	{"categories", 20, 6, 127, 90, 30, false, 1, false},
	{"deep, lopsided, categories", 5, 300, 700, 100, 20, true, 1, false},
	{"three outputs", 30, 7, 200, 85, 10, false, 3, false},
	{"vector leaves", 12, 5, 63, 90, 0, false, 4, true},
	{"vector leaves, deep, categories", 7, 20, 200, 80, 20, false, 17, true},
};

/* a tree as the reader gives it, with its arrays */
typedef struct Tree
{
	SbkTree		tree;
	int			level[MAX_NODE];
	int64_t		left[MAX_NODE];
	int64_t		right[MAX_NODE];
	int64_t		split_indices[MAX_NODE];
	int64_t		default_left[MAX_NODE];
	int64_t		split_type[MAX_NODE];
	int64_t		categories[MAX_NODE * 8];
	int64_t		category_nodes[MAX_NODE];
	int64_t		category_segments[MAX_NODE];
	int64_t		category_sizes[MAX_NODE];
	float		conditions[MAX_NODE];
	float		base_weights[MAX_NODE * 17];
} Tree;

static int	tests = 0;
static int	failures = 0;
static Tree trees[MAX_TREE];
static float *rows;

static bool
ok(bool passed, const char *name, const char *what)
{
	tests++;
	if (!passed)
		failures++;
	printf("%sok %d - %s: %s\n", passed ? "" : "not ", tests, name, what);
	return passed;
}

static void *
allocate(size_t count, size_t size)
{
	void	   *result = calloc(count, size);

	if (result == NULL)
		abort();
	return result;
}

/*
 * A copy with a page behind it that cannot be read: sanitizers do not see what
 * a gather reads.
 */
static void *
guard(const void *bytes, size_t size)
{
	size_t		page = sysconf(_SC_PAGESIZE);
	size_t		room = (size + page - 1) / page * page;
	char	   *pages = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
							 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || mprotect(pages + room, page, PROT_NONE) != 0)
		abort();
	return memcpy(pages + room - size, bytes, size);
}

static void
unguard(void *copy, size_t size)
{
	size_t		page = sysconf(_SC_PAGESIZE);
	size_t		room = (size + page - 1) / page * page;

	munmap((char *) copy + size - room, room + page);
}

/* From 0 to limit - 1, the same ones in every run. */
static uint32_t
draw(uint32_t limit)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t) (state >> 32) % limit;
}

static float
draw_number(void)
{
	return ((float) draw(2001) - 1000) / 100;
}

static void
make_split(Tree *made, int i, bool categorical)
{
	SbkTree    *tree = &made->tree;
	size_t		n = tree->category_nodes.count;
	int64_t		code = draw(8);

	made->split_indices[i] = draw(NUM_FEATURE);
	made->default_left[i] = draw(2);
	made->conditions[i] = draw_number();
	made->split_type[i] = categorical;
	if (!categorical)
		return;
	made->conditions[i] = NAN;
	made->category_nodes[n] = i;
	made->category_segments[n] = tree->categories.count;
	while (code < MAX_CODE &&
		   tree->categories.count < made->category_segments[n] + 8)
	{
		made->categories[tree->categories.count++] = code;
		code += 1 + draw(20);
	}
	made->category_sizes[n] = tree->categories.count - made->category_segments[n];
	tree->category_nodes.count++;
}

static void
make_tree(const Shape *shape, Tree *made)
{
	SbkTree    *tree = &made->tree;
	int			width = shape->vector_leaf ? shape->num_output : 1;
	int			i;
	int			j;

	memset(made, 0, sizeof(Tree));
	tree->num_node = 1;
	tree->leaf_size = width;
	for (i = 0; i < tree->num_node; i++)
	{
		bool		split = made->level[i] < shape->depth &&
			tree->num_node + 2 <= shape->max_node &&
			(int) draw(100) < shape->split_percent &&
			(!shape->lopsided || i == 0 || i % 2 == 0);

		if (made->level[i] > tree->depth)
			tree->depth = made->level[i];
		made->left[i] = made->right[i] = -1;
		made->conditions[i] = draw_number();
		for (j = 0; j < width; j++)
			made->base_weights[i * width + j] = draw_number();
		if (!split)
			continue;
		made->left[i] = tree->num_node;
		made->right[i] = tree->num_node + 1;
		made->level[tree->num_node] = made->level[i] + 1;
		made->level[tree->num_node + 1] = made->level[i] + 1;
		tree->num_node += 2;
		make_split(made, i, (int) draw(100) < shape->categorical_percent);
	}
	tree->left.values = made->left;
	tree->right.values = made->right;
	tree->split_indices.values = made->split_indices;
	tree->default_left.values = made->default_left;
	tree->split_type.values = made->split_type;
	tree->split_type.count = tree->num_node;
	tree->categories.values = made->categories;
	tree->category_nodes.values = made->category_nodes;
	tree->category_segments.values = made->category_segments;
	tree->category_sizes.values = made->category_sizes;
	tree->conditions.values = made->conditions;
	tree->base_weights.values = made->base_weights;
}

/* Missing, thresholds, codes, and numbers that are no code. */
static void
make_rows(void)
{
	float		made[NUM_ROW * NUM_FEATURE];
	int			i;

	for (i = 0; i < NUM_ROW * NUM_FEATURE; i++)
	{
		switch (draw(4))
		{
			case 0:
				made[i] = NAN;
				break;
			case 1:
				made[i] = (float) draw(MAX_CODE + 40);
				break;
			case 2:
				made[i] = draw(2) ? 3e38f : -3e38f;
				break;
			default:
				made[i] = draw_number();
		}
	}
	rows = guard(made, sizeof(made));
}

static SbkForest *
make_forest(const Shape *shape)
{
	SbkForestBuilder builder = {.arena = sbk_arena_create()};
	float		base_score = 0.25f;
	float		weights[MAX_TREE];
	SbkSummary	summary = {
		.objective = "reg:squarederror",
		.version = {3, 0, 0},
		.booster = SBK_BOOSTER_DART,
		.num_feature = NUM_FEATURE,
		.num_output = shape->num_output,
		.num_tree = shape->num_tree,
		.num_parallel_tree = 1,
		.num_round = shape->num_tree / (shape->vector_leaf ? 1 : shape->num_output),
		.base_scores = &base_score,
		.num_base_score = 1,
		.tree_weights = weights,
		.vector_leaf = shape->vector_leaf
	};
	SbkForest  *forest;
	int			t;

	for (t = 0; t < shape->num_tree; t++)
	{
		weights[t] = 1;
		make_tree(shape, &trees[t]);
		if (!sbk_forest_add_tree(&builder, &trees[t].tree))
			abort();
	}

	/* a piece of exactly that size, so that the sanitizer sees its end */
	forest = allocate(1, sbk_forest_size(&builder, &summary));
	sbk_forest_write(&builder, &summary, forest);
	sbk_arena_free(builder.arena);
	return forest;
}

static bool
goes_left(const Tree *made, int64_t i, const float *row)
{
	float		input = row[made->split_indices[i]];
	size_t		n;
	int64_t		j;

	if (isnan(input))
		return made->default_left[i] != 0;
	if (!made->split_type[i])
		return input < made->conditions[i];
	for (n = 0; made->category_nodes[n] != i; n++)
		;
	for (j = 0; j < made->category_sizes[n]; j++)
	{
		/* XGBoost cuts off what follows the point */
		if (input >= 0 && input < MAX_CODE + 40 &&
			made->categories[made->category_segments[n] + j] == (int64_t) input)
			return false;
	}
	return true;
}

static void
score_row(const Shape *shape, const float *row, float *margins, float *leaves)
{
	int			t;
	int			o;

	for (o = 0; o < shape->num_output; o++)
		margins[o] = 0.25f;
	for (t = 0; t < shape->num_tree; t++)
	{
		const Tree *made = &trees[t];
		int64_t		at = 0;

		while (made->left[at] != -1)
			at = goes_left(made, at, row) ? made->left[at] : made->right[at];
		leaves[t] = (float) at;
		if (!shape->vector_leaf)
			margins[t % shape->num_output] += made->conditions[at];
		for (o = 0; shape->vector_leaf && o < shape->num_output; o++)
			margins[o] += made->base_weights[at * shape->num_output + o];
	}
}

/* The last rows, behind which nothing can be read. */
static void
run_kernel(const SbkForest *forest, SbkSimd simd, int nrows, float *margins,
		   float *leaves)
{
	const float *last = rows + (size_t) (NUM_ROW - nrows) * NUM_FEATURE;
	float	   *scratch = allocate(sbk_kernel_scratch(forest, nrows), sizeof(float));

	sbk_kernel_margins(forest, simd, forest->num_tree, last, nrows, NULL,
					   scratch, margins);
	sbk_kernel_leaves(forest, forest->num_tree, last, nrows, scratch, leaves);
	free(scratch);
}

static void
test_sums(const Shape *shape, const SbkForest *forest)
{
	SbkForest  *guarded = guard(forest, forest->size);
	float	   *expected = allocate(NUM_ROW * shape->num_output, sizeof(float));
	float	   *leaves = allocate(NUM_ROW * shape->num_tree, sizeof(float));
	bool		same = true;
	SbkSimd		simd;
	int			n;

	for (n = 0; n < NUM_ROW; n++)
		score_row(shape, rows + n * NUM_FEATURE,
				  expected + n * shape->num_output,
				  leaves + n * shape->num_tree);
	for (simd = SBK_SIMD_SCALAR; simd <= SBK_SIMD_AVX512; simd++)
	{
		for (n = 1; sbk_simd_supported(simd) && n <= NUM_ROW; n++)
		{
			size_t		skipped = NUM_ROW - n;
			float	   *margins = allocate(n * shape->num_output, sizeof(float));
			float	   *found = allocate(n * shape->num_tree, sizeof(float));

			run_kernel(guarded, simd, n, margins, found);
			same = same &&
				memcmp(margins, expected + skipped * shape->num_output,
					   n * shape->num_output * sizeof(float)) == 0 &&
				memcmp(found, leaves + skipped * shape->num_tree,
					   n * shape->num_tree * sizeof(float)) == 0;
			free(margins);
			free(found);
		}
	}
	ok(same, shape->name, "all kernels give the sums and the leaves");
	unguard(guarded, forest->size);
	free(expected);
	free(leaves);
}

static bool
is_valid(const Shape *shape, const SbkForest *forest, size_t size)
{
	const char *wrong = "says nothing";
	bool		valid = sbk_forest_valid(forest, size, &wrong);

	if (valid != (wrong == NULL))
		ok(false, shape->name, "a reason is given when refused, and only then");
	return valid;
}

/* Each bit, of small forests; else one bit of each byte. */
static void
test_damage(const Shape *shape, const SbkForest *forest)
{
	size_t		size = forest->size;
	SbkForest  *damaged = guard(forest, size);
	size_t		walked = 0;
	size_t		refused = 0;
	SbkSimd		simd;
	size_t		i;
	int			bit;

	for (i = 0; i < size; i++)
	{
		for (bit = 0; bit < 8; bit++)
		{
			if (size > 4000 && bit != 0)
				continue;
			((uint8_t *) damaged)[i] ^= 1 << (size > 4000 ? draw(8) : bit);
			if (is_valid(shape, damaged, size))
			{
				float	   *margins = allocate(7 * damaged->num_output, sizeof(float));
				float	   *leaves = allocate(7 * damaged->num_tree, sizeof(float));

				walked++;
				for (simd = SBK_SIMD_SCALAR; simd <= SBK_SIMD_AVX512; simd++)
				{
					if (sbk_simd_supported(simd))
						run_kernel(damaged, simd, 7, margins, leaves);
				}
				free(margins);
				free(leaves);
			}
			else
				refused++;
			((uint8_t *) damaged)[i] = ((const uint8_t *) forest)[i];
		}
	}
	printf("# %zu bytes: %zu refused, %zu walked\n", size, refused, walked);
	ok(refused > 0 && walked > 0, shape->name, "damage is refused or harmless");
	unguard(damaged, size);
}

/* Cut off anywhere, whatever size the header speaks of. */
static void
test_truncation(const Shape *shape, const SbkForest *forest)
{
	bool		refused = true;
	size_t		step = forest->size > 4000 ? forest->size / 997 : 1;
	size_t		size;

	for (size = 0; size < forest->size; size += step)
	{
		SbkForest  *cut = malloc(size > 0 ? size : 1);

		if (cut == NULL)
			abort();
		memcpy(cut, forest, size);
		refused = refused && !is_valid(shape, cut, size);
		if (size >= sizeof(SbkForest))
		{
			cut->size = size;
			refused = refused && !is_valid(shape, cut, size);
		}
		free(cut);
	}
	ok(refused, shape->name, "what is cut off is refused");
}

/* A copy of the forest in which a word is another must be refused for that. */
static void
expect_refusal(const Shape *shape, const SbkForest *forest, const void *word,
			   uint32_t value, const char *reason)
{
	SbkForest  *damaged = guard(forest, forest->size);
	const char *wrong = NULL;
	bool		valid;

	memcpy((char *) damaged + ((const char *) word - (const char *) forest),
		   &value, sizeof(value));
	valid = sbk_forest_valid(damaged, forest->size, &wrong);
	if (!ok(!valid && strcmp(wrong, reason) == 0, shape->name, reason))
		printf("# it %s\n", valid ? "is valid" : wrong);
	unguard(damaged, forest->size);
}

static void
test_header(const Shape *shape, const SbkForest *forest)
{
#define REFUSE(field, value, reason) \
	expect_refusal(shape, forest, &forest->field, value, reason)

	REFUSE(magic, forest->magic + 1, "is not a compiled model");
	REFUSE(byte_order, 0x04030201, "has another byte order");
	REFUSE(format, SBK_FOREST_FORMAT + 1, "has another format");
	REFUSE(size, (uint32_t) forest->size + 16, "has another length than it says");
	REFUSE(num_feature, 0, "has a number of features that no model has");
	REFUSE(num_feature, SBK_MAX_FEATURES + 1, "has a number of features that no model has");
	REFUSE(num_output, 0, "has a number of outputs that no model has");
	REFUSE(num_output, SBK_MAX_OUTPUTS + 1, "has a number of outputs that no model has");
	REFUSE(link, SBK_LINK_SOFTPLUS_SUM + 1, "has an unknown link function");
	REFUSE(num_tree, SBK_MAX_TREES + 1, "has more in it than its length allows");
	REFUSE(num_node, UINT32_MAX, "has more in it than its length allows");
	REFUSE(num_crown, UINT32_MAX, "has more in it than its length allows");
	REFUSE(num_set, UINT32_MAX, "has more in it than its length allows");
	REFUSE(num_leaf, UINT32_MAX, "has more in it than its length allows");
	REFUSE(num_weight, UINT32_MAX, "has more in it than its length allows");
	REFUSE(nodes, (uint32_t) forest->nodes + 16, "has arrays that are out of place");
	REFUSE(trees_per_round, 0, "has trees that make no whole rounds");
	REFUSE(trees_per_round, forest->num_tree + 1, "has trees that make no whole rounds");
	REFUSE(vector_leaf, 2, "has leaves of no known kind");

	/* there is room for one more before the next array */
	if (forest->num_node % 4 == 3)
		REFUSE(num_node, (uint32_t) forest->num_node + 1, "has nodes that belong to no tree");
#undef REFUSE
}

/* A model that the library alone serves has its forest, too. */
static void
test_unknown_objective(const Shape *shape, const SbkForest *forest)
{
	SbkForest  *unknown = guard(forest, forest->size);

	unknown->link = SBK_LINK_UNKNOWN;
	ok(is_valid(shape, unknown, unknown->size), shape->name,
	   "is valid where the objective is unknown");
	unguard(unknown, unknown->size);
}

static void
test_tree(const Shape *shape, const SbkForest *forest)
{
	const SbkForestTree *tree = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);

#define REFUSE(field, value, reason) \
	expect_refusal(shape, forest, &tree->field, value, reason)

	REFUSE(root, 1, "has a tree that is out of place");
	REFUSE(num_node, (uint32_t) forest->num_node + 1, "has a tree that is out of place");
	REFUSE(num_node, 0, "has a tree with a number of nodes that none has");
	REFUSE(crown, 1, "has a tree that is out of place");
	REFUSE(crown_levels, SBK_MAX_CROWN_LEVELS + 1, "has a tree that is out of place");
	REFUSE(alike, tree->alike + 1, "has a tree that is not like those after it");
	REFUSE(output, forest->num_output, "has a tree that adds to an output that does not exist");
	REFUSE(categorical, 2, "has a tree of no known kind");
	if (!sbk_crown_is_complete(forest, tree))
	{
		REFUSE(depth, SBK_MAX_TREE_DEPTH + 1, "has a tree that is too deep, or less deep than its crown");
		REFUSE(depth, tree->crown_levels - 1, "has a tree that is too deep, or less deep than its crown");
		REFUSE(depth, tree->depth < SBK_MAX_TREE_DEPTH ? tree->depth + 1 : tree->depth - 1,
			   "has a tree that is not as deep as it says");
	}
#undef REFUSE
}

/* The root, its children, and the last node, which is a leaf. */
static void
test_nodes(const Shape *shape, const SbkForest *forest)
{
	const SbkForestTree *tree = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	const SbkNode *nodes = SBK_FOREST_ARRAY(forest, SbkNode, nodes);
	const SbkNode *last = &nodes[tree->num_node - 1];
	uint32_t	level = 1U << SBK_NODE_LEVEL_SHIFT;

#define REFUSE(field, value, reason) \
	expect_refusal(shape, forest, &(field), value, reason)

	REFUSE(nodes[0].input, nodes[0].input + level, "has a root that is not on the first level");
	REFUSE(nodes[0].input, 2 * forest->num_feature + 1, "has a node that reads beyond a row");
	REFUSE(nodes[0].left, 0, "has a child that is out of place");
	REFUSE(nodes[0].left, UINT32_MAX, "has a child that is out of place");
	REFUSE(nodes[0].left, tree->num_node - 1, "has a child that is out of place");
	REFUSE(nodes[1].input, nodes[1].input + level, "has a child on a level that is not its parent's next");
	REFUSE(nodes[2].input, nodes[2].input - level, "has a child on a level that is not its parent's next");
	REFUSE(last->left, 0, "has a leaf that leads elsewhere");
	REFUSE(last->input, last->input | SBK_NODE_CATEGORICAL, "has a leaf that leads elsewhere");
	if (forest->vector_leaf)
		REFUSE(last->value.index, (uint32_t) forest->num_leaf - forest->num_output + 1,
			   "has a leaf whose numbers are out of place");
	if (!tree->categorical)
		REFUSE(nodes[0].input, nodes[0].input | SBK_NODE_CATEGORICAL,
			   "has a split on categories where there should be none");
#undef REFUSE
}

static void
test_sets(const Shape *shape, const SbkForest *forest)
{
	const SbkNode *node = SBK_FOREST_ARRAY(forest, SbkNode, nodes);
	const char *reason = "has a category set that is out of place";

	while ((node->input & SBK_NODE_CATEGORICAL) == 0)
		node++;
	expect_refusal(shape, forest, &node->value, (uint32_t) forest->num_set, reason);
	expect_refusal(shape, forest,
				   SBK_FOREST_ARRAY(forest, uint32_t, sets) + node->value.index,
				   (uint32_t) forest->num_set - node->value.index, reason);
}

static void
test_crown(const Shape *shape, const SbkForest *forest)
{
	const SbkForestTree *tree = SBK_FOREST_ARRAY(forest, SbkForestTree, trees);
	const SbkNumber *ends = sbk_crown_ends(forest, tree);

	expect_refusal(shape, forest, &sbk_crown(forest, tree)[1].place,
				   2 * forest->num_feature + 1, "has a crown that reads beyond a row");
	if (sbk_crown_is_complete(forest, tree))
		return;
	expect_refusal(shape, forest, &ends[0], tree->num_node, "has a crown that leads nowhere");
	expect_refusal(shape, forest, &ends[0], 0, "has a crown that leads elsewhere than below it");
}

static void
test_sizes(const Shape *shape, const SbkForest *forest)
{
	ok(forest->num_crown <= 3 * forest->num_node, shape->name,
	   "crowns have no more slots than there are nodes");
}

static void
keep_forest(const char *directory, size_t number, const SbkForest *forest)
{
	char		path[1000];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%zu", directory, number);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(forest, 1, forest->size, file) != forest->size ||
		fclose(file) != 0)
		abort();
}

int
main(int argc, char **argv)
{
	size_t		i;

	make_rows();
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
	{
		SbkForest  *forest = make_forest(&shapes[i]);

		if (ok(is_valid(&shapes[i], forest, forest->size), shapes[i].name,
			   "the forest is valid"))
		{
			test_sizes(&shapes[i], forest);
			test_header(&shapes[i], forest);
			test_unknown_objective(&shapes[i], forest);
			test_tree(&shapes[i], forest);
			if (SBK_FOREST_ARRAY(forest, SbkForestTree, trees)->crown_levels > 0)
			{
				test_nodes(&shapes[i], forest);
				test_crown(&shapes[i], forest);
			}
			if (forest->num_set > 0)
				test_sets(&shapes[i], forest);
			test_sums(&shapes[i], forest);
			if (forest->size <= SMALL)
			{
				test_damage(&shapes[i], forest);
				if (argc > 1)
					keep_forest(argv[1], i, forest);
			}
			test_truncation(&shapes[i], forest);
		}
		free(forest);
	}
	printf("1..%d\n", tests);
	return failures > 0;
}
