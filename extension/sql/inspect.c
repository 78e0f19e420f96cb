/*
 * inspect.c
 *		What the bytes of a model file are, as jsonb.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#include "registry/admission.h"

PG_FUNCTION_INFO_V1(sbk_sql_inspect_model);
PG_FUNCTION_INFO_V1(sbk_sql_inspect_model_labelled);

static Datum inspect(const char *label, Datum bytes);
static void add_key(StringInfo json, const char *key);
static void add_text(StringInfo json, const char *key, const char *value);
static void add_number(StringInfo json, const char *key, int value);
static void add_bool(StringInfo json, const char *key, bool value);
static void append_text(StringInfo json, const char *utf8);
static void append_list(StringInfo json, const SbkTextList *list);
static void add_levels(StringInfo json, const SbkSummary *summary);
static void add_category_codes(StringInfo json, const SbkSummary *summary);
static void append_feature_name(StringInfo json, const SbkSummary *summary,
								int i);
static void add_hazards(StringInfo json, const SbkSummary *summary);
static void add_unsaid(StringInfo json, const SbkSummary *summary);

static const char *const booster_names[] = {
	[SBK_BOOSTER_GBTREE] = "gbtree",
	[SBK_BOOSTER_DART] = "dart",
	[SBK_BOOSTER_GBLINEAR] = "gblinear"
};

Datum
sbk_sql_inspect_model(PG_FUNCTION_ARGS)
{
	return inspect(NULL, PG_GETARG_DATUM(0));
}

Datum
sbk_sql_inspect_model_labelled(PG_FUNCTION_ARGS)
{
	return inspect(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_DATUM(1));
}

/*
 * What is loaded is a version, which outlives the library that is installed: its
 * facts are those of the file alone, and the library stays closed.
 */
static Datum
inspect(const char *label, Datum bytes)
{
	SbkArtifact artifact;
	SbkSummary *summary;
	SbkFamily	family;
	StringInfoData json;

	sbk_artifact_copy(bytes, label, true, &artifact);
	summary = sbk_artifact_summarize(CurrentMemoryContext, label, &artifact);
	family = sbk_family(summary->objective, summary->num_output);

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_text(&json, "format",
			 summary->format == SBK_FORMAT_JSON ? "json" : "ubjson");
	add_key(&json, "size_bytes");
	appendStringInfo(&json, "%zu", artifact.len);
	add_text(&json, "xgboost_version",
			 psprintf("%d.%d.%d", summary->version[0], summary->version[1],
					  summary->version[2]));
	add_text(&json, "booster", summary->weighted_gbtree ? "dart" :
			 booster_names[summary->booster]);
	add_text(&json, "objective", summary->objective);
	add_text(&json, "base_score", summary->base_score);
	add_number(&json, "features", summary->num_feature);
	add_number(&json, "outputs", summary->num_output);
	add_number(&json, "classes",
			   sbk_family_classes(family, summary->num_output));
	add_number(&json, "trees", summary->num_tree);
	add_number(&json, "rounds", summary->num_round);
	add_number(&json, "parallel_trees", summary->num_parallel_tree);
	add_bool(&json, "vector_leaves", summary->vector_leaf);
	add_bool(&json, "categorical_splits", summary->categorical_split);
	if (summary->best_iteration >= 0)
		add_number(&json, "best_iteration", summary->best_iteration);
	if (summary->quantiles != NULL)
		add_text(&json, "quantiles", summary->quantiles);
	if (summary->expectiles != NULL)
		add_text(&json, "expectiles", summary->expectiles);
	if (summary->has_missing)
	{
		add_key(&json, "missing");
		appendStringInfo(&json, isfinite(summary->missing) ? "%.17g" : "\"%g\"",
						 summary->missing);
	}
	if (summary->classes.present)
	{
		add_key(&json, "class_labels");
		append_list(&json, &summary->classes);
	}
	add_key(&json, "feature_names");
	append_list(&json, &summary->feature_names);
	add_key(&json, "feature_types");
	append_list(&json, &summary->feature_types);
	add_levels(&json, summary);
	add_category_codes(&json, summary);
	add_key(&json, "attributes");
	append_list(&json, &summary->attributes);
	if (label == NULL)
		add_hazards(&json, summary);
	add_unsaid(&json, summary);
	appendStringInfoChar(&json, '}');

	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

static void
add_key(StringInfo json, const char *key)
{
	appendStringInfo(json, "%s\"%s\":",
					 json->data[json->len - 1] == '{' ? "" : ",", key);
}

static void
add_text(StringInfo json, const char *key, const char *value)
{
	add_key(json, key);
	append_text(json, value);
}

static void
add_number(StringInfo json, const char *key, int value)
{
	add_key(json, key);
	appendStringInfo(json, "%d", value);
}

static void
add_bool(StringInfo json, const char *key, bool value)
{
	add_key(json, key);
	appendStringInfoString(json, value ? "true" : "false");
}

/* Text of the artifact is UTF-8; it may not fit the server's encoding. */
static void
append_text(StringInfo json, const char *utf8)
{
	escape_json(json, pg_any_to_server(utf8, strlen(utf8), PG_UTF8));
}

static void
append_list(StringInfo json, const SbkTextList *list)
{
	int			i;

	appendStringInfoChar(json, '[');
	for (i = 0; i < list->count; i++)
	{
		if (i > 0)
			appendStringInfoChar(json, ',');
		append_text(json, list->texts[i]);
	}
	appendStringInfoChar(json, ']');
}

/* By the names of the features; a feature without a name is called f<i>. */
static void
add_levels(StringInfo json, const SbkSummary *summary)
{
	bool		first = true;
	int			i;

	add_key(json, "levels");
	appendStringInfoChar(json, '{');
	for (i = 0; summary->levels != NULL && i < summary->num_feature; i++)
	{
		if (!summary->levels[i].present)
			continue;
		if (!first)
			appendStringInfoChar(json, ',');
		first = false;
		append_feature_name(json, summary, i);
		appendStringInfoChar(json, ':');
		append_list(json, &summary->levels[i]);
	}
	appendStringInfoChar(json, '}');
}

/* The highest code that the splits on a feature speak of, by its name. */
static void
add_category_codes(StringInfo json, const SbkSummary *summary)
{
	bool		first = true;
	int			i;

	add_key(json, "category_codes");
	appendStringInfoChar(json, '{');
	for (i = 0; summary->category_counts != NULL && i < summary->num_feature; i++)
	{
		if (summary->category_counts[i] == 0)
			continue;
		if (!first)
			appendStringInfoChar(json, ',');
		first = false;
		append_feature_name(json, summary, i);
		appendStringInfo(json, ":%d", summary->category_counts[i] - 1);
	}
	appendStringInfoChar(json, '}');
}

static void
append_feature_name(StringInfo json, const SbkSummary *summary, int i)
{
	append_text(json, summary->feature_names.count > 0 ?
				summary->feature_names.texts[i] : psprintf("f%d", i));
}

/* Why the installed library would not serve the model. */
static void
add_hazards(StringInfo json, const SbkSummary *summary)
{
	const int  *version = sbk_library()->version;
	char		reason[300];

	add_text(json, "installed_version",
			 psprintf("%d.%d.%d", version[0], version[1], version[2]));
	add_key(json, "hazards");
	appendStringInfoChar(json, '[');
	if (sbk_incompatible(summary, version, reason, sizeof(reason)))
		append_text(json, reason);
	appendStringInfoChar(json, ']');
}

/* What a score needs and the file does not hold. */
static void
add_unsaid(StringInfo json, const SbkSummary *summary)
{
	SbkFamily	family = sbk_family(summary->objective, summary->num_output);

	add_key(json, "not_in_file");
	appendStringInfoString(json, "[\"base_margin\"");
	if (!summary->has_missing)
		appendStringInfoString(json, ",\"missing\"");
	if (!summary->classes.present &&
		sbk_family_classes(family, summary->num_output) > 0)
		appendStringInfoString(json, ",\"classes\"");
	if (summary->feature_names.count == 0)
		appendStringInfoString(json, ",\"features\"");
	if (summary->categorical_split && summary->levels == NULL)
		appendStringInfoString(json, ",\"levels\"");
	appendStringInfoChar(json, ']');
}
