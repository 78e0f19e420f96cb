/*
 * harness.c
 *		What script/bench measures of the kernels, as a library for Python.
 *
 * Loops are in C, so that a row that is scored alone does not pay for Python.
 * Values are written for each row; models have one output.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "engine/kernel.h"

typedef struct Model
{
	SbkForest  *forest;
	void	   *scratch;
	BoosterHandle booster;
} Model;

/* an input of a model that tl2cgen has compiled; -1 is missing */
typedef union Entry
{
	int			missing;
	float		number;
} Entry;

typedef void (*Compiled) (Entry *row, int margin, float *value);

extern Model *bench_open(const char *path, size_t max_rows);
extern bool bench_has(int simd);
extern void bench_native(Model *model, int simd, const float *rows,
						 size_t nrows, size_t at_once, float *values);
extern void bench_library(Model *model, const float *rows, size_t nrows,
						  size_t at_once, float *values);
extern void bench_compiled(Compiled predict, const float *rows, size_t nrows,
						   size_t num_feature, float *values);

static void
check(bool passed, const char *what)
{
	if (passed)
		return;
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static SbkForest *
compile(const char *path)
{
	SbkArena   *arena = sbk_arena_create();
	SbkArena   *scratch = sbk_arena_create();
	SbkForestBuilder builder = {.arena = sbk_arena_create()};
	SbkTreeVisitor visitor = {.visit = sbk_forest_add_tree,.arg = &builder};
	FILE	   *file = fopen(path, "rb");
	SbkArtifactError error;
	SbkSummary	summary;
	SbkForest  *forest;
	char	   *bytes;
	long		len;

	check(file != NULL && fseek(file, 0, SEEK_END) == 0, path);
	len = ftell(file);
	rewind(file);
	bytes = malloc(len);
	check(bytes != NULL && fread(bytes, 1, len, file) == (size_t) len, path);
	fclose(file);
	check(sbk_summary_read(arena, scratch, sbk_format_detect(bytes, len), bytes,
						   len, NULL, &visitor, &summary, &error), path);
	forest = malloc(sbk_forest_size(&builder, &summary));
	check(forest != NULL, "out of memory");
	sbk_forest_write(&builder, &summary, forest);
	sbk_arena_free(builder.arena);
	sbk_arena_free(scratch);
	sbk_arena_free(arena);
	free(bytes);
	return forest;
}

Model *
bench_open(const char *path, size_t max_rows)
{
	Model	   *model = malloc(sizeof(Model));

	check(model != NULL, "out of memory");
	model->forest = compile(path);
	model->scratch = malloc(sbk_kernel_scratch(model->forest, max_rows) * sizeof(float));
	check(model->scratch != NULL, "out of memory");
	check(XGBoosterCreate(NULL, 0, &model->booster) == 0 &&
		  XGBoosterSetParam(model->booster, "nthread", "1") == 0 &&
		  XGBoosterLoadModel(model->booster, path) == 0, XGBGetLastError());
	return model;
}

bool
bench_has(int simd)
{
	return sbk_simd_supported(simd);
}

void
bench_native(Model *model, int simd, const float *rows, size_t nrows,
			 size_t at_once, float *values)
{
	const SbkForest *forest = model->forest;
	size_t		r;

	for (r = 0; r < nrows; r += at_once)
	{
		sbk_kernel_margins(forest, simd, forest->num_tree,
						   rows + r * forest->num_feature, at_once, NULL,
						   model->scratch, values + r);
		sbk_link_values(forest->link, values + r, at_once, 1);
	}
}

void
bench_library(Model *model, const float *rows, size_t nrows, size_t at_once,
			  float *values)
{
	const char *config = "{\"type\": 0, \"training\": false, \"iteration_begin\": 0,"
		" \"iteration_end\": 0, \"strict_shape\": false, \"missing\": NaN,"
		" \"cache_id\": 0}";
	size_t		num_feature = model->forest->num_feature;
	size_t		r;

	for (r = 0; r < nrows; r += at_once)
	{
		char		matrix[200];
		const bst_ulong *shape;
		bst_ulong	dimensions;
		const float *result;

		snprintf(matrix, sizeof(matrix),
				 "{\"data\": [%zu, true], \"shape\": [%zu, %zu],"
				 " \"typestr\": \"<f4\", \"version\": 3}",
				 (size_t) (rows + r * num_feature), at_once, num_feature);
		check(XGBoosterPredictFromDense(model->booster, matrix, config, NULL,
										&shape, &dimensions, &result) == 0,
			  XGBGetLastError());
		memcpy(values + r, result, at_once * sizeof(float));
	}
}

void
bench_compiled(Compiled predict, const float *rows, size_t nrows,
			   size_t num_feature, float *values)
{
	Entry	   *row = malloc(num_feature * sizeof(Entry));
	size_t		r;
	size_t		i;

	check(row != NULL, "out of memory");
	for (r = 0; r < nrows; r++)
	{
		for (i = 0; i < num_feature; i++)
		{
			if (isnan(rows[r * num_feature + i]))
				row[i].missing = -1;
			else
				row[i].number = rows[r * num_feature + i];
		}
		values[r] = 0;			/* it adds */
		predict(row, 0, values + r);
	}
	free(row);
}
