/*
 * artifact_fuzzer.c
 *		libFuzzer target: any bytes, from detection to margins.
 *
 * Under AddressSanitizer and UndefinedBehaviorSanitizer this shows that the
 * artifact readers, the writer for the library, the compiler of the native
 * engine and its kernels stay within the bytes they are given, within the
 * memory they take and within the arithmetic of C, whatever the bytes are.
 * It also shows that they end, that the readers say why they refuse, and that
 * what they accept compiles into a valid forest, and is read again as the same
 * model once it is written for the library.
 */
#include <stdlib.h>
#include <string.h>

#include "artifact/canonical.h"
#include "engine/kernel.h"

/* Who is shown the trees. */
typedef struct Visits
{
	SbkForestBuilder builder;
	SbkCanonical canonical;
} Visits;

extern int	LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static size_t use_list(const SbkTextList *list);
static size_t use_text(const char *text);
static void use_summary(const SbkSummary *summary);
static void use_trees(const SbkForestBuilder *builder,
					  const SbkSummary *summary);
static void use_canonical(const SbkCanonical *canonical,
						  const SbkSummary *summary, const int version[3]);
static char *write_canonical(const SbkCanonical *canonical,
							 const SbkSummary *summary, const int version[3],
							 size_t *len);
static bool visit_tree(void *arg, const SbkTree *tree);

/* Keeps the compiler from dropping the reads that make it up. */
static volatile size_t used;

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const int oldest[] = {1, 7, 4};
	static const int newest[] = {3, 3, 0};
	SbkFormat	format = sbk_format_detect(bytes, len);
	SbkArena   *arena;
	SbkArena   *scratch;
	Visits		visits = {.builder = {0}};
	SbkTreeVisitor visitor = {.visit = visit_tree,.arg = &visits};
	SbkSummary	summary;
	SbkArtifactError error;
	bool		accepted;

	if (format != SBK_FORMAT_JSON && format != SBK_FORMAT_UBJSON)
		return 0;
	arena = sbk_arena_create();
	scratch = sbk_arena_create();
	visits.builder.arena = sbk_arena_create();
	visits.canonical.arena = arena;
	if (arena == NULL || scratch == NULL || visits.builder.arena == NULL)
		abort();
	accepted = sbk_summary_read(arena, scratch, format, bytes, len, NULL,
								&visitor, &summary, &error);
	sbk_arena_free(scratch);
	if (accepted)
	{
		use_summary(&summary);
		use_trees(&visits.builder, &summary);
		use_canonical(&visits.canonical, &summary, oldest);
		use_canonical(&visits.canonical, &summary, newest);
	}
	else if (error.fault == SBK_FAULT_NONE || error.message[0] == '\0' ||
			 error.offset > len)
		abort();
	sbk_arena_free(visits.builder.arena);
	sbk_arena_free(arena);
	return 0;
}

/* Reads all that a summary points to. */
static void
use_summary(const SbkSummary *summary)
{
	size_t		sum = use_text(summary->objective) +
		use_text(summary->quantiles) + use_text(summary->expectiles) +
		use_text(summary->base_score) +
		use_list(&summary->feature_names) + use_list(&summary->feature_types) +
		use_list(&summary->attributes) + use_list(&summary->classes);
	int			i;

	for (i = 0; summary->levels != NULL && i < summary->num_feature; i++)
		sum += use_list(&summary->levels[i]);
	used = sum;
}

/* Compiles them, and scores a row that holds 0, -1, 2, -3, ... and gaps. */
static void
use_trees(const SbkForestBuilder *builder, const SbkSummary *summary)
{
	size_t		size = sbk_forest_size(builder, summary);
	SbkForest  *forest;
	const char *wrong;
	float	   *row;
	float	   *scratch;
	float	   *margins;
	int			i;

	if (size == 0)
		return;
	forest = malloc(size);
	row = malloc(summary->num_feature * sizeof(float));
	margins = malloc(summary->num_output * sizeof(float));
	if (forest == NULL || row == NULL || margins == NULL)
		abort();
	sbk_forest_write(builder, summary, forest);
	if (!sbk_forest_valid(forest, size, &wrong))
		abort();
	for (i = 0; i < summary->num_feature; i++)
		row[i] = i % 5 == 4 ? NAN : i % 2 == 0 ? i : -i;
	scratch = malloc(sbk_kernel_scratch(forest, 1) * sizeof(float));
	if (scratch == NULL)
		abort();
	sbk_kernel_margins(forest, SBK_SIMD_SCALAR, forest->num_tree, row, 1, NULL,
					   scratch, margins);
	sbk_link_values(forest->link, margins, 1, forest->num_output);
	free(forest);
	free(row);
	free(scratch);
	free(margins);
}

/* What is written is a model that is written again in the same bytes. */
static void
use_canonical(const SbkCanonical *canonical, const SbkSummary *summary,
			  const int version[3])
{
	SbkArena   *arena = sbk_arena_create();
	SbkArena   *scratch = sbk_arena_create();
	SbkCanonical again = {.arena = arena};
	SbkTreeVisitor visitor = {.visit = sbk_canonical_add_tree,.arg = &again};
	SbkSummary	read;
	SbkArtifactError error;
	size_t		first_len;
	size_t		second_len;
	char	   *first = write_canonical(canonical, summary, version, &first_len);
	char	   *second;

	if (arena == NULL || scratch == NULL ||
		!sbk_summary_read(arena, scratch, SBK_FORMAT_UBJSON, first, first_len,
						  NULL, &visitor, &read, &error))
		abort();
	second = write_canonical(&again, &read, version, &second_len);
	if (first_len != second_len || memcmp(first, second, first_len) != 0)
		abort();
	free(first);
	free(second);
	sbk_arena_free(scratch);
	sbk_arena_free(arena);
}

static char *
write_canonical(const SbkCanonical *canonical, const SbkSummary *summary,
				const int version[3], size_t *len)
{
	char	   *bytes;

	*len = sbk_canonical_write(canonical, summary, version, NULL);
	bytes = malloc(*len);
	if (bytes == NULL ||
		sbk_canonical_write(canonical, summary, version, bytes) != *len)
		abort();
	return bytes;
}

static bool
visit_tree(void *arg, const SbkTree *tree)
{
	Visits	   *visits = arg;

	return sbk_forest_add_tree(&visits->builder, tree) &&
		sbk_canonical_add_tree(&visits->canonical, tree);
}

static size_t
use_list(const SbkTextList *list)
{
	size_t		sum = 0;
	int			i;

	for (i = 0; i < list->count; i++)
		sum += use_text(list->texts[i]);
	return sum;
}

static size_t
use_text(const char *text)
{
	if (text == NULL)
		return 0;
	if (!sbk_utf8_valid(text, strlen(text)))
		abort();
	return strlen(text);
}
