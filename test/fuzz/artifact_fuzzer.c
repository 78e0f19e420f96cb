/*
 * artifact_fuzzer.c
 *		libFuzzer target: any bytes, from detection to the checked summary.
 *
 * Under AddressSanitizer and UndefinedBehaviorSanitizer this shows that the
 * artifact readers stay within the bytes they are given, within the memory
 * they take and within the arithmetic of C, whatever the bytes are.  It also
 * shows that they end, and that they say why they refuse.
 */
#include <stdlib.h>
#include <string.h>

#include "artifact/summary.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static size_t use_list(const SbkTextList *list);
static size_t use_text(const char *text);
static void use_summary(const SbkSummary *summary);

/* Keeps the compiler from dropping the reads that make it up. */
static volatile size_t used;

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	SbkFormat	format = sbk_format_detect(bytes, len);
	SbkArena   *arena;
	SbkArena   *scratch;
	SbkSummary	summary;
	SbkArtifactError error;
	bool		accepted;

	if (format != SBK_FORMAT_JSON && format != SBK_FORMAT_UBJSON)
		return 0;
	arena = sbk_arena_create();
	scratch = sbk_arena_create();
	if (arena == NULL || scratch == NULL)
		abort();
	accepted = sbk_summary_read(arena, scratch, format, bytes, len, NULL, NULL, &summary,
								&error);
	sbk_arena_free(scratch);
	if (accepted)
		use_summary(&summary);
	else if (error.fault == SBK_FAULT_NONE || error.message[0] == '\0' ||
			 error.offset > len)
		abort();
	sbk_arena_free(arena);
	return 0;
}

/* Reads all that a summary points to. */
static void
use_summary(const SbkSummary *summary)
{
	size_t		sum = use_text(summary->objective) +
		use_text(summary->quantiles) + use_text(summary->base_score) +
		use_list(&summary->feature_names) + use_list(&summary->feature_types) +
		use_list(&summary->attributes) + use_list(&summary->classes);
	int			i;

	for (i = 0; summary->levels != NULL && i < summary->num_feature; i++)
		sum += use_list(&summary->levels[i]);
	used = sum;
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
