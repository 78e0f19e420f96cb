/*
 * artifact.c
 *		Unit tests of the artifact readers, without a server.
 *
 * Arguments: model files, as pairs of the same model in JSON and in UBJSON.
 * Prints TAP.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/summary.h"

static int	tests = 0;
static int	failures = 0;

static void
ok(bool passed, const char *format, const char *detail)
{
	tests++;
	if (!passed)
		failures++;
	printf("%sok %d - ", passed ? "" : "not ", tests);
	printf(format, detail);
	printf("\n");
}

static unsigned char *
read_file(const char *path, size_t *len)
{
	FILE	   *file = fopen(path, "rb");
	unsigned char *bytes;
	long		size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
	{
		perror(path);
		exit(2);
	}
	size = ftell(file);
	rewind(file);
	bytes = malloc(size);
	if (fread(bytes, 1, size, file) != (size_t) size)
	{
		perror(path);
		exit(2);
	}
	fclose(file);
	*len = size;
	return bytes;
}

/* A copy of exactly len bytes, so that the sanitizer sees any read past it. */
static bool
read_summary(SbkArena *arena, const void *bytes, size_t len,
			 SbkSummary *summary, SbkArtifactError *error)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);
	SbkFormat	format = sbk_format_detect(bytes, len);
	SbkArena   *scratch = sbk_arena_create();
	bool		result = false;

	memcpy(copy, bytes, len);
	memset(error, 0, sizeof(*error));
	if (format == SBK_FORMAT_JSON || format == SBK_FORMAT_UBJSON)
		result = sbk_summary_read(arena, scratch, format, copy, len, NULL, NULL,
								  summary, error);
	sbk_arena_free(scratch);
	free(copy);
	return result;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_list(const SbkTextList *a, const SbkTextList *b)
{
	int			i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
	{
		if (!same_text(a->texts[i], b->texts[i]))
			return false;
	}
	return true;
}

static bool
same_summary(const SbkSummary *a, const SbkSummary *b)
{
	int			i;

	for (i = 0; a->levels != NULL && b->levels != NULL && i < a->num_feature; i++)
	{
		if (!same_list(&a->levels[i], &b->levels[i]))
			return false;
	}
	return memcmp(a->version, b->version, sizeof(a->version)) == 0 &&
		same_text(a->objective, b->objective) &&
		same_text(a->quantiles, b->quantiles) &&
		same_text(a->expectiles, b->expectiles) &&
		same_text(a->base_score, b->base_score) &&
		a->booster == b->booster && a->num_feature == b->num_feature &&
		a->num_output == b->num_output && a->num_class == b->num_class &&
		a->num_tree == b->num_tree && a->num_round == b->num_round &&
		a->num_parallel_tree == b->num_parallel_tree &&
		a->base_score_vector == b->base_score_vector &&
		a->base_score_half == b->base_score_half &&
		a->weighted_gbtree == b->weighted_gbtree &&
		a->vector_leaf == b->vector_leaf &&
		a->categorical_split == b->categorical_split &&
		a->best_iteration == b->best_iteration &&
		same_list(&a->feature_names, &b->feature_names) &&
		same_list(&a->feature_types, &b->feature_types) &&
		(a->levels == NULL) == (b->levels == NULL) &&
		same_list(&a->attributes, &b->attributes) &&
		same_list(&a->classes, &b->classes) &&
		a->has_missing == b->has_missing && a->missing == b->missing;
}

/* No beginning of a file may pass for a whole one. */
static void
test_truncation(const char *path)
{
	size_t		len;
	unsigned char *bytes = read_file(path, &len);
	size_t		step = len / 4000 + 1;
	size_t		cut;
	bool		all_refused = true;

	for (cut = 0; cut < len; cut += len - cut < 300 ? 1 : step)
	{
		SbkArena   *arena = sbk_arena_create();
		SbkSummary	summary;
		SbkArtifactError error;

		if (read_summary(arena, bytes, cut, &summary, &error))
			all_refused = false;
		sbk_arena_free(arena);
	}
	ok(all_refused, "every cut of %s is refused", path);
	free(bytes);
}

static void
test_pair(const char *json_path, const char *ubjson_path)
{
	SbkArena   *arena = sbk_arena_create();
	size_t		json_len;
	size_t		ubjson_len;
	unsigned char *json = read_file(json_path, &json_len);
	unsigned char *ubjson = read_file(ubjson_path, &ubjson_len);
	SbkSummary	a;
	SbkSummary	b;
	SbkArtifactError error;

	ok(read_summary(arena, json, json_len, &a, &error), "%s is read", json_path);
	if (error.fault != SBK_FAULT_NONE)
		printf("# %s at byte %zu\n", error.message, error.offset);
	ok(read_summary(arena, ubjson, ubjson_len, &b, &error), "%s is read",
	   ubjson_path);
	if (error.fault != SBK_FAULT_NONE)
		printf("# %s at byte %zu\n", error.message, error.offset);
	ok(same_summary(&a, &b), "%s says the same in both formats", json_path);
	free(json);
	free(ubjson);
	sbk_arena_free(arena);
}

static void
test_refused(const char *json, const char *why)
{
	SbkArena   *arena = sbk_arena_create();
	SbkSummary	summary;
	SbkArtifactError error;
	bool		refused = !read_summary(arena, json, strlen(json), &summary,
										&error);

	ok(refused && strstr(error.message, why) != NULL, "refused: %s", why);
	if (refused && strstr(error.message, why) == NULL)
		printf("# said: %s\n", error.message);
	sbk_arena_free(arena);
}

static void
test_grammar(void)
{
	char		deep[64];

	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	deep[sizeof(deep) - 1] = '\0';

	test_refused("{}", "lacks the booster");
	test_refused("{\"a\":1}x", "bytes after its end");
	test_refused("{\"a\":1", "ends too early");
	test_refused("{\"a\" 1}", "colon");
	test_refused("{\"a\":1 \"b\":2}", "comma");
	test_refused("{\"a\":1,}", "key is missing");
	test_refused("{\"a\":01}", "value is missing");
	test_refused("{\"a\":1.}", "digits after its point");
	test_refused("{\"a\":1e}", "exponent");
	test_refused("{\"a\":-NaN}", "value is missing");
	test_refused("{\"a\":\"\xC0\x80\"}", "UTF-8");
	test_refused("{\"a\":\"\xED\xA0\x80\"}", "UTF-8");
	test_refused("{\"a\":\"\\u0000\"}", "escape");
	test_refused("{\"a\":\"\\ud800x\"}", "escape");
	test_refused("{\"a\":\"\n\"}", "control character");
	test_refused("{\"a\":\"", "no end");
	test_refused(deep, "nested too deeply");
	test_refused("{\"version\":[3,0,0],\"version\":[3,0,0]}", "twice");
	test_refused("{\"version\":[3,0]}", "three numbers");
	test_refused("{\"version\":{}}", "wrong type");
	test_refused("{\"learner\":{\"learner_model_param\":{\"num_feature\":\"-1\"}}}",
				 "num_feature");
	test_refused("{\"learner\":{\"learner_model_param\":{\"num_feature\":\"99999999999999999999\"}}}",
				 "num_feature");
	test_refused("{\"learner\":{\"learner_model_param\":{\"base_score\":\"NaN\"}}}",
				 "base score");
	test_refused("{\"learner\":{\"learner_model_param\":{\"base_score\":\"[5E-1\"}}}",
				 "base score");
}

static void
test_alpha(const char *text)
{
	static const char *const kinds[] = {"quantile", "expectile"};
	static char json[200 * 1000];
	char		why[100];
	int			i;

	for (i = 0; i < 2; i++)
	{
		snprintf(json, sizeof(json),
				 "{\"learner\":{\"objective\":{\"%s_loss_param\":{\"%s_alpha\":\"%s\"}}}}",
				 kinds[i], kinds[i], text);
		snprintf(why, sizeof(why), "its %s is not a finite number", kinds[i]);
		test_refused(json, why);
	}
}

/* XGBoost reads these texts as JSON; here they are numbers, or nothing. */
/* What strtof would take, and no XGBoost writes. */
static void
test_base_scores(void)
{
	static const char *const texts[] = {
		"", " 5E-1", "+0.5", ".5", "0x1p-1", "nan", "inf", "-inf", "1e99", "5E-1 ",
		"[5E-1", "5E-1]", "[]", "[5E-1,]", "[5E-1, 5E-1]", "--1", "-"
	};
	char		bytes[200];
	size_t		i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		snprintf(bytes, sizeof(bytes),
				 "{\"learner\":{\"learner_model_param\":{\"base_score\":\"%s\"}}}",
				 texts[i]);
		test_refused(bytes, "its base score is not a finite number");
	}
}

static void
test_alphas(void)
{
	static const char *const texts[] = {
		"", " ", "[", "]", "[]", "[[5E-1]]", "[5E-1", "5E-1]", "[5E-1,]",
		"[,5E-1]", "[5E-1 ]", "[5E-1]x", "[5E-1]]", "5E-1,5E-1", "(5E-1)", "{}",
		"null", "NaN", "[NaN]", "[5E-1,inf]", "-inf", "1E39", "1E400", "[\\\"5E-1\\\"]"
	};
	static char deep[100 * 1000];
	size_t		i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		test_alpha(texts[i]);
	memset(deep, '[', sizeof(deep) - 1);
	test_alpha(deep);
	test_refused("{\"learner\":{\"objective\":{\"quantile_loss_param\":{\"quantile_alpha\":\"5E-1\"},"
				 "\"expectile_loss_param\":{\"expectile_alpha\":\"5E-1\"}}}}",
				 "both quantiles and expectiles");
}

static void
test_numbers(void)
{
	static const char json[] =
		"{\"a\":[1,-9223372036854775808,9223372036854775808,1.5e3,NaN,-Infinity,\"\\u00e9\\ud83d\\ude00\"]}";
	SbkTokenizer tokenizer;
	SbkArtifactError error;
	SbkToken	token;
	double		number;
	char		text[32];

	sbk_tokenizer_init(&tokenizer, SBK_FORMAT_JSON, json, strlen(json), &error);
	sbk_token_next(&tokenizer, &token);
	sbk_token_next(&tokenizer, &token);
	sbk_token_next(&tokenizer, &token);
	sbk_token_next(&tokenizer, &token);
	ok(token.kind == SBK_TOKEN_INTEGER && token.integer == 1, "%s", "1");
	sbk_token_next(&tokenizer, &token);
	ok(token.kind == SBK_TOKEN_INTEGER && token.integer == INT64_MIN, "%s",
	   "smallest integer");
	sbk_token_next(&tokenizer, &token);
	ok(token.kind == SBK_TOKEN_REAL && sbk_token_number(&token, &number) &&
	   number == 9223372036854775808.0, "%s", "larger than an integer");
	sbk_token_next(&tokenizer, &token);
	ok(sbk_token_number(&token, &number) && number == 1500, "%s", "1.5e3");
	sbk_token_next(&tokenizer, &token);
	ok(sbk_token_number(&token, &number) && isnan(number), "%s", "NaN");
	sbk_token_next(&tokenizer, &token);
	ok(sbk_token_number(&token, &number) && isinf(number) && number < 0, "%s",
	   "-Infinity");
	sbk_token_next(&tokenizer, &token);
	ok(sbk_token_decode(&token, text) == 6 &&
	   strcmp(text, "\xC3\xA9\xF0\x9F\x98\x80") == 0, "%s", "escapes");
}

static bool
ask_to_stop(void)
{
	return true;
}

/* Wherever in the file the reader is, within the next megabyte. */
static void
test_stop(void)
{
	static char json[4 * 1024 * 1024];
	SbkArena   *arena = sbk_arena_create();
	SbkSummary	summary;
	SbkArtifactError error;
	size_t		i = snprintf(json, sizeof(json), "{\"unknown\":[");

	for (; i < sizeof(json) - 2; i += 2)
		memcpy(json + i, "0,", 2);
	ok(!sbk_summary_read(arena, arena, SBK_FORMAT_JSON, json, i, ask_to_stop,
						 NULL, &summary, &error) &&
	   error.fault == SBK_FAULT_STOPPED && error.offset < 1100 * 1000, "%s",
	   "reading stops");
	sbk_arena_free(arena);
}

static void
test_detection(void)
{
	static const char old[160] = {[136] = 15,[144] = 'b', 'i', 'n', 'a', 'r', 'y', ':',
	'l', 'o', 'g', 'i', 's', 't', 'i', 'c'};

	ok(sbk_format_detect("", 0) == SBK_FORMAT_EMPTY, "%s", "empty");
	ok(sbk_format_detect("{ \"a\"", 5) == SBK_FORMAT_JSON, "%s", "JSON");
	ok(sbk_format_detect("{L", 2) == SBK_FORMAT_UBJSON, "%s", "UBJSON");
	ok(sbk_format_detect("{x", 2) == SBK_FORMAT_UNKNOWN, "%s", "neither");
	ok(sbk_format_detect("binfxxxx", 8) == SBK_FORMAT_XGBOOST_BINARY, "%s",
	   "old binary with its mark");
	ok(sbk_format_detect(old, sizeof(old)) == SBK_FORMAT_XGBOOST_BINARY, "%s",
	   "old binary without it");
	ok(sbk_format_detect("\x80\x04\x95", 3) == SBK_FORMAT_PICKLE, "%s", "pickle");
	ok(sbk_format_detect("\x1f\x8b\x08", 3) == SBK_FORMAT_COMPRESSED, "%s", "gzip");
}

int
main(int argc, char **argv)
{
	int			i;

	test_detection();
	test_numbers();
	test_grammar();
	test_alphas();
	test_base_scores();
	test_stop();
	for (i = 1; i + 1 < argc; i += 2)
	{
		test_pair(argv[i], argv[i + 1]);
		if (i <= 8)
		{
			test_truncation(argv[i]);
			test_truncation(argv[i + 1]);
		}
	}
	printf("1..%d\n", tests);
	return failures > 0;
}
