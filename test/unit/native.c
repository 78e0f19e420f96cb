/*
 * native.c
 *		Unit tests of the native engine, without a server.
 *
 * Arguments: model files of test/fixtures.  Beside each stand its inputs and
 * what the XGBoost that wrote it computed: values and margins must be the
 * same, bit for bit, with every kernel that this processor has, and in blocks
 * of any size.  Prints TAP.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kernel.h"

#define MAX_COLUMNS		32
#define MAX_ROWS		1000
#define MISSING			-999.0f
#define MAX_BLOCK		40		/* more rows than any vector has lanes */

/* a file of numbers under a header; empty is NaN, as is text */
typedef struct Table
{
	char		header[1000];
	char	   *names[MAX_COLUMNS];
	int			ncols;
	int			nrows;
	float		cells[MAX_ROWS][MAX_COLUMNS];
} Table;

static int	tests = 0;
static int	failures = 0;

static void
ok(bool passed, const char *path, const char *what)
{
	tests++;
	if (!passed)
		failures++;
	printf("%sok %d - %s: %s\n", passed ? "" : "not ", tests, path, what);
}

static void *
allocate(size_t count, size_t size)
{
	void	   *result = calloc(count, size);

	if (result == NULL)
		abort();
	return result;
}

static bool
read_table(const char *path, Table *table)
{
	FILE	   *file = fopen(path, "r");
	char		line[4000];
	char	   *at;

	if (file == NULL)
		return false;
	table->ncols = table->nrows = 0;
	if (fgets(table->header, sizeof(table->header), file) == NULL)
		abort();
	table->header[strcspn(table->header, "\r\n")] = '\0';
	for (at = table->header; at != NULL;)
		table->names[table->ncols++] = strsep(&at, ",");
	while (fgets(line, sizeof(line), file) != NULL)
	{
		int			i = 0;

		line[strcspn(line, "\r\n")] = '\0';
		for (at = line; at != NULL;)
		{
			char	   *cell = strsep(&at, ",");
			char	   *end;
			float		number = strtof(cell, &end);

			table->cells[table->nrows][i++] = end == cell ? NAN : number;
		}
		table->nrows++;
	}
	fclose(file);
	return true;
}

/* The file beside the model, with another end; or the one all models share. */
static bool
read_beside(const char *model, const char *end, Table *table)
{
	char		path[1000];

	snprintf(path, sizeof(path), "%.*s%s", (int) strlen(model) - 4, model, end);
	return read_table(path, table);
}

static void
read_inputs(const char *model, Table *table)
{
	const char *name = strrchr(model, '/') + 1;
	char		path[1000];

	if (read_beside(model, ".inputs.csv", table))
		return;
	snprintf(path, sizeof(path), "%.*sinputs%s.csv", (int) (name - model),
			 model, strncmp(name, "cat", 3) == 0 ? "_cat" : "");
	if (!read_table(path, table))
		abort();
}

static int
find_column(const Table *table, const char *name)
{
	int			i;

	for (i = 0; i < table->ncols; i++)
	{
		if (strcmp(table->names[i], name) == 0)
			return i;
	}
	return -1;
}

static SbkForest *
compile(const char *path, SbkArena *arena, SbkSummary *summary)
{
	SbkArena   *scratch = sbk_arena_create();
	SbkForestBuilder builder = {.arena = sbk_arena_create()};
	SbkTreeVisitor visitor = {.visit = sbk_forest_add_tree,.arg = &builder};
	FILE	   *file = fopen(path, "rb");
	SbkArtifactError error;
	SbkForest  *forest = NULL;
	char	   *bytes;
	size_t		len;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		abort();
	len = ftell(file);
	rewind(file);
	bytes = allocate(len, 1);
	if (fread(bytes, 1, len, file) != len)
		abort();
	fclose(file);
	if (sbk_summary_read(arena, scratch, sbk_format_detect(bytes, len), bytes,
						 len, NULL, &visitor, summary, &error))
	{
		/* a piece of exactly that size, so that the sanitizer sees its end */
		forest = allocate(1, sbk_forest_size(&builder, summary));
		sbk_forest_write(&builder, summary, forest);
	}
	free(bytes);
	sbk_arena_free(builder.arena);
	sbk_arena_free(scratch);
	return forest;
}

/* Compares columns first, first + 1, ... of the expected values. */
static bool
same_as_column(const Table *expected, int first, const float *values, int width)
{
	int			r;
	int			i;

	for (r = 0; r < expected->nrows; r++)
	{
		for (i = 0; i < width; i++)
		{
			if (expected->cells[r][first + i] != values[r * width + i])
			{
				printf("# row %d: %.9g, expected %.9g\n", r,
					   values[r * width + i], expected->cells[r][first + i]);
				return false;
			}
		}
	}
	return true;
}

/* Margins of all rows, so many in each call. */
static void
score(const SbkForest *forest, SbkSimd simd, uint32_t ntree, const float *rows,
	  int nrows, int block, const float *base_margin, float *margins)
{
	int			r;

	for (r = 0; r < nrows; r += block)
	{
		int			n = nrows - r < block ? nrows - r : block;
		float	   *scratch = allocate(sbk_kernel_scratch(forest, n), sizeof(float));

		sbk_kernel_margins(forest, simd, ntree, rows + r * forest->num_feature,
						   n, base_margin ? base_margin + r : NULL, scratch,
						   margins + r * forest->num_output);
		free(scratch);
	}
}

static void
test_blocks(const char *path, const SbkForest *forest, SbkSimd simd,
			uint32_t ntree, const float *rows, int nrows,
			const float *base_margin, const float *expected)
{
	static const char *const names[] = {"auto", "scalar", "avx2", "avx512"};
	size_t		size = (size_t) nrows * forest->num_output * sizeof(float);
	float	   *margins = allocate(1, size);
	bool		same = true;
	char		what[100];
	int			block;

	for (block = 1; block <= MAX_BLOCK && same; block++)
	{
		memset(margins, 0xFF, size);
		score(forest, simd, ntree, rows, nrows, block, base_margin, margins);
		same = memcmp(margins, expected, size) == 0;
	}
	snprintf(what, sizeof(what), "%s gives the same in blocks of 1 to %d",
			 names[simd], MAX_BLOCK);
	ok(same, path, what);
	free(margins);
}

static void
test_rounds(const char *path, const SbkForest *forest, uint32_t ntree,
			const float *rows, int nrows, const float *base_margin,
			const Table *expected, int value_column, int margin_column)
{
	size_t		width = forest->num_output;
	float	   *margins = allocate(nrows * width, sizeof(float));
	SbkSimd		simd;

	score(forest, SBK_SIMD_AUTO, ntree, rows, nrows, nrows, base_margin,
		  margins);
	for (simd = SBK_SIMD_SCALAR; simd <= SBK_SIMD_AVX512; simd++)
	{
		if (sbk_simd_supported(simd))
			test_blocks(path, forest, simd, ntree, rows, nrows, base_margin,
						margins);
	}
	if (margin_column >= 0)
		ok(same_as_column(expected, margin_column, margins, width), path,
		   "margins are XGBoost's");
	width = sbk_link_values(forest->link, margins, nrows, width);
	ok(same_as_column(expected, value_column, margins, width), path,
	   "values are XGBoost's");
	free(margins);
}

static void
test_validity(const char *path, const SbkForest *forest)
{
	const char *wrong;
	bool		valid = sbk_forest_valid(forest, forest->size, &wrong);

	ok(valid, path, "is a valid forest");
	if (!valid)
		printf("# it %s\n", wrong);
}

static void
test_model(const char *path)
{
	static Table inputs;
	static Table expected;
	SbkArena   *arena = sbk_arena_create();
	SbkSummary	summary;
	SbkForest  *forest = compile(path, arena, &summary);
	float	   *rows;
	float	   *offsets;
	int			offset;
	int			margin;
	int			r;
	int			i;

	ok(forest != NULL, path, "is compiled");
	if (forest == NULL)
		return;
	test_validity(path, forest);
	read_inputs(path, &inputs);
	if (!read_beside(path, ".expected.csv", &expected))
		abort();
	rows = allocate(inputs.nrows * forest->num_feature, sizeof(float));
	offsets = allocate(inputs.nrows, sizeof(float));
	offset = find_column(&inputs, "offset");
	for (r = 0; r < inputs.nrows; r++)
	{
		int			feature = 0;

		for (i = 0; i < inputs.ncols && feature < summary.num_feature; i++)
		{
			float		cell = inputs.cells[r][i];

			if (i != offset && strcmp(inputs.names[i], "city") != 0)
				rows[r * summary.num_feature + feature++] =
					cell == MISSING ? NAN : cell;
		}
		offsets[r] = offset >= 0 ? inputs.cells[r][offset] : 0;
	}

	margin = find_column(&expected, "margin");
	if (margin < 0)
		margin = find_column(&expected, "margin0");
	test_rounds(path, forest, forest->num_tree, rows, inputs.nrows,
				offset >= 0 ? offsets : NULL, &expected, 0, margin);
	i = find_column(&expected, "value_best");
	if (i >= 0)
		test_rounds(path, forest,
					(summary.best_iteration + 1) * forest->trees_per_round,
					rows, inputs.nrows, NULL, &expected, i, -1);
	free(rows);
	free(offsets);
	free(forest);
	sbk_arena_free(arena);
}

int
main(int argc, char **argv)
{
	int			i;

	for (i = 1; i < argc; i++)
		test_model(argv[i]);
	printf("1..%d\n", tests);
	return failures > 0;
}
