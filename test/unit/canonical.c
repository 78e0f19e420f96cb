/*
 * canonical.c
 *		Unit tests of what is written for the library, without a server.
 *
 * Arguments: model files.  What is written of a model, in each dialect, must be
 * a model that is read again, say the same, and be written again in the same
 * bytes.  Prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/canonical.h"

typedef struct Model
{
	SbkArena   *arena;
	SbkCanonical canonical;
	SbkSummary	summary;
	bool		valid;
} Model;

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

static void
read_model(Model *model, const void *bytes, size_t len)
{
	SbkArena   *scratch = sbk_arena_create();
	SbkTreeVisitor visitor = {.visit = sbk_canonical_add_tree,.arg = &model->canonical};
	SbkArtifactError error;
	void	   *copy = malloc(len); /* so that the sanitizer sees its end */

	memset(model, 0, sizeof(*model));
	model->arena = sbk_arena_create();
	model->canonical.arena = model->arena;
	memcpy(copy, bytes, len);
	model->valid = sbk_summary_read(model->arena, scratch,
									sbk_format_detect(copy, len), copy, len,
									NULL, &visitor, &model->summary, &error);
	if (!model->valid)
		printf("# at byte %zu: %s\n", error.offset, error.message);
	sbk_arena_free(scratch);
	free(copy);
}

/* All of them, or in a dialect that has no list, the first one. */
static bool
same_base_scores(const SbkSummary *model, const SbkSummary *again,
				 const int version[3])
{
	bool		list = version[0] > 3 || (version[0] == 3 && version[1] >= 1);

	return again->num_base_score == (list ? model->num_base_score : 1) &&
		again->base_score_vector == (again->num_base_score > 1) &&
		memcmp(model->base_scores, again->base_scores,
			   again->num_base_score * sizeof(float)) == 0;
}

static bool
same_summary(const SbkSummary *a, const SbkSummary *b)
{
	size_t		weights = ((size_t) a->num_feature + 1) * a->num_output;

	return strcmp(a->objective, b->objective) == 0 &&
		a->num_feature == b->num_feature && a->num_output == b->num_output &&
		a->num_class == b->num_class && a->num_tree == b->num_tree &&
		a->num_parallel_tree == b->num_parallel_tree &&
		a->num_round == b->num_round &&
		a->num_alpha == b->num_alpha &&
		(a->num_alpha == 0 ||
		 memcmp(a->alphas, b->alphas, a->num_alpha * sizeof(float)) == 0) &&
		(a->quantiles == NULL) == (b->quantiles == NULL) &&
		(a->expectiles == NULL) == (b->expectiles == NULL) &&
		(a->tree_weights == NULL) == (b->tree_weights == NULL) &&
		(a->tree_weights == NULL ||
		 memcmp(a->tree_weights, b->tree_weights,
				a->num_tree * sizeof(float)) == 0) &&
		(a->linear_weights == NULL) == (b->linear_weights == NULL) &&
		(a->linear_weights == NULL ||
		 memcmp(a->linear_weights, b->linear_weights,
				weights * sizeof(float)) == 0) &&
		a->vector_leaf == b->vector_leaf &&
		a->leaf_weights == b->leaf_weights &&
		a->categorical_split == b->categorical_split;
}

static char *
write_model(const Model *model, const int version[3], size_t *len)
{
	char	   *bytes;
	size_t		written;

	*len = sbk_canonical_write(&model->canonical, &model->summary, version, NULL);
	bytes = malloc(*len);
	written = sbk_canonical_write(&model->canonical, &model->summary, version, bytes);
	if (written != *len)
		abort();
	return bytes;
}

static void
test_dialect(const char *path, const Model *model, const int version[3])
{
	Model		again;
	char	   *first;
	char	   *second;
	size_t		first_len;
	size_t		second_len;
	char		what[100];

	first = write_model(model, version, &first_len);
	read_model(&again, first, first_len);
	snprintf(what, sizeof(what), "what is written for %d.%d is a model",
			 version[0], version[1]);
	ok(again.valid, path, what);
	ok(again.valid && same_summary(&model->summary, &again.summary) &&
	   same_base_scores(&model->summary, &again.summary, version) &&
	   memcmp(again.summary.version, version, 3 * sizeof(int)) == 0, path,
	   "and says the same");
	second = write_model(&again, version, &second_len);
	ok(first_len == second_len && memcmp(first, second, first_len) == 0, path,
	   "and is written again in the same bytes");
	free(first);
	free(second);
	sbk_arena_free(again.arena);
}

static void
test_file(const char *path)
{
	static const int versions[][3] = {{1, 7, 4}, {3, 0, 0}, {3, 1, 0}, {3, 3, 0}};
	FILE	   *file = fopen(path, "rb");
	Model		model;
	char	   *bytes;
	long		len;
	size_t		i;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		abort();
	len = ftell(file);
	rewind(file);
	bytes = malloc(len);
	if (fread(bytes, 1, len, file) != (size_t) len)
		abort();
	fclose(file);

	read_model(&model, bytes, len);
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		test_dialect(path, &model, versions[i]);
	free(bytes);
	sbk_arena_free(model.arena);
}

int
main(int argc, char **argv)
{
	int			i;

	for (i = 1; i < argc; i++)
		test_file(argv[i]);
	printf("1..%d\n", tests);
	return failures > 0 || tests == 0;
}
