/*
 * shadow.c
 *		Challengers that score the rows of a pass, too.
 *
 * Errors are caught without a subtransaction, which a parallel plan would not
 * allow.  So only those are caught that are thrown where nothing is held that
 * they would have to give back: those of values, and those that the library
 * reports.  The models were made ready before.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "job/shadow.h"

/* columns of the store behind the key, which is behind served */
enum
{
	SHADOWED_EFFECTIVE_AT,
	SHADOWED_SCORES,
	SHADOWED_CLASS,
	SHADOWED_VERSION,
	SHADOWED_EXCLUDED,
	SHADOWED_GIVEN
};

/* What one of them knows of its block, besides the inputs. */
typedef struct Shadow
{
	SbkScorer  *scorer;
	Datum		served;
	MemoryContext context;		/* of the keys */
	Datum	   *keys;
	Datum	   *effective_at;
} Shadow;

struct SbkShadows
{
	SbkPass    *pass;
	Datum	   *values;			/* room for one row of the store */
	bool	   *nulls;
	int			n;
	Shadow		shadows[FLEXIBLE_ARRAY_MEMBER];
};

static void start(SbkPass *pass, Shadow *shadow, TupleDesc source);
static bool read_inputs(SbkShadows *shadows, Shadow *shadow,
						const Datum *values, const bool *nulls);
static void score_block(SbkShadows *shadows, Shadow *shadow);
static bool score_rows(SbkShadows *shadows, Shadow *shadow, int first, int n);
static void put_row(SbkShadows *shadows, const Shadow *shadow,
					const Datum *key, Datum effective_at,
					const float *scores, bool excluded);

bool
sbk_shadow_may_swallow(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_EXTERNAL_ROUTINE_EXCEPTION:
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
			return true;
	}
	return false;
}

void
sbk_shadow_note(SbkScorer *shadow, const ErrorData *error)
{
	if (shadow->sqlstate != 0)
		return;
	shadow->sqlstate = error->sqlerrcode;
	shadow->message = pstrdup(error->message);
}

SbkShadows *
sbk_shadows_start(SbkPass *pass, TupleDesc source)
{
	SbkShadows *shadows;
	int			i;

	if (pass->num_shadow == 0)
		return NULL;
	shadows = palloc0(offsetof(SbkShadows, shadows) +
					  pass->num_shadow * sizeof(Shadow));
	shadows->pass = pass;
	shadows->n = pass->num_shadow;
	shadows->values = palloc((1 + pass->num_key + SHADOWED_GIVEN) * sizeof(Datum));
	shadows->nulls = palloc((1 + pass->num_key + SHADOWED_GIVEN) * sizeof(bool));
	for (i = 0; i < shadows->n; i++)
	{
		Shadow	   *shadow = &shadows->shadows[i];

		shadow->scorer = &pass->shadows[i];
		shadow->served = CStringGetTextDatum(shadow->scorer->reference);
		shadow->context = AllocSetContextCreate(CurrentMemoryContext,
												"scorebook shadow",
												ALLOCSET_DEFAULT_SIZES);
		shadow->keys = palloc(mul_size(SBK_BLOCK_ROWS * sizeof(Datum),
									   pass->num_key));
		shadow->effective_at = palloc(SBK_BLOCK_ROWS * sizeof(Datum));
		if (!shadow->scorer->has_failed)
			start(pass, shadow, source);
	}
	return shadows;
}

static void
start(SbkPass *pass, Shadow *shadow, TupleDesc source)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		sbk_pass_start_scorer(pass, shadow->scorer, source);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (!sbk_shadow_may_swallow(error))
			PG_RE_THROW();
		FlushErrorState();
		shadow->scorer->has_failed = true;
		sbk_shadow_note(shadow->scorer, error);
	}
	PG_END_TRY();
}

void
sbk_shadows_add(SbkShadows *shadows, TupleTableSlot *slot, int first)
{
	SbkPass    *pass = shadows->pass;
	const Datum *key = slot->tts_values;
	Datum		effective_at = key[pass->num_key + SBK_READ_EFFECTIVE_AT];
	int			i;
	int			j;

	for (i = 0; i < shadows->n; i++)
	{
		Shadow	   *shadow = &shadows->shadows[i];
		SbkScorer  *scorer = shadow->scorer;
		Datum	   *kept = shadow->keys + scorer->num_row * pass->num_key;
		MemoryContext old_context;

		if (scorer->has_failed)
			continue;
		if (!read_inputs(shadows, shadow, slot->tts_values + first,
						 slot->tts_isnull + first))
		{
			put_row(shadows, shadow, key, effective_at, NULL, false);
			continue;
		}
		old_context = MemoryContextSwitchTo(shadow->context);
		for (j = 0; j < pass->num_key; j++)
			kept[j] = datumCopy(key[j], pass->columns[j].by_value,
								pass->columns[j].length);
		MemoryContextSwitchTo(old_context);
		shadow->effective_at[scorer->num_row++] = effective_at;
		if (scorer->num_row == SBK_BLOCK_ROWS)
			score_block(shadows, shadow);
	}
}

/* What has no key, or no time, is in no table. */
void
sbk_shadows_skip(SbkShadows *shadows, TupleTableSlot *slot, bool excluded)
{
	int			num_key = shadows->pass->num_key;
	int			i;

	for (i = 0; i < num_key; i++)
	{
		if (slot->tts_isnull[i])
			return;
	}
	if (slot->tts_isnull[num_key + SBK_READ_EFFECTIVE_AT])
		return;
	for (i = 0; i < shadows->n; i++)
	{
		if (!shadows->shadows[i].scorer->has_failed)
			put_row(shadows, &shadows->shadows[i], slot->tts_values,
					slot->tts_values[num_key + SBK_READ_EFFECTIVE_AT], NULL,
					excluded);
	}
}

void
sbk_shadows_finish(SbkShadows *shadows)
{
	int			i;

	for (i = 0; i < shadows->n; i++)
	{
		if (!shadows->shadows[i].scorer->has_failed)
			score_block(shadows, &shadows->shadows[i]);
	}
}

/* False where the row does not fit, which has been counted then. */
static bool
read_inputs(SbkShadows *shadows, Shadow *shadow, const Datum *values,
			const bool *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
		sbk_scorer_read(shadow->scorer, values, nulls);
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(shadows->pass->context);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		FlushErrorState();
		shadow->scorer->num_failed++;
		sbk_shadow_note(shadow->scorer, error);
		FreeErrorData(error);
		MemoryContextSwitchTo(context);
	}
	PG_END_TRY();
	return done;
}

/* Row by row where one of them gives no number. */
static void
score_block(SbkShadows *shadows, Shadow *shadow)
{
	SbkPass    *pass = shadows->pass;
	SbkScorer  *scorer = shadow->scorer;
	TimestampTz begin = GetCurrentTimestamp();
	int			i;

	CHECK_FOR_INTERRUPTS();
	if (scorer->num_row > 0 &&
		!score_rows(shadows, shadow, 0, scorer->num_row))
	{
		for (i = 0; i < scorer->num_row && !scorer->has_failed; i++)
		{
			if (score_rows(shadows, shadow, i, 1))
				continue;
			scorer->num_failed++;
			put_row(shadows, shadow, shadow->keys + i * pass->num_key,
					shadow->effective_at[i], NULL, false);
		}
	}
	scorer->num_row = 0;
	MemoryContextReset(shadow->context);
	pass->shadows_time += GetCurrentTimestamp() - begin;
}

/* False where that failed; an error of the library is the model's last one. */
static bool
score_rows(SbkShadows *shadows, Shadow *shadow, int first, int n)
{
	SbkPass    *pass = shadows->pass;
	SbkScorer  *scorer = shadow->scorer;
	MemoryContext context = CurrentMemoryContext;
	const float *volatile scores = NULL;
	int			i;

	PG_TRY();
	{
		scores = sbk_scorer_predict(scorer, first, n);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(pass->context);
		error = CopyErrorData();
		if (!sbk_shadow_may_swallow(error))
			PG_RE_THROW();
		FlushErrorState();
		scorer->has_failed =
			ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION;
		sbk_shadow_note(scorer, error);
		FreeErrorData(error);
		MemoryContextSwitchTo(context);
	}
	PG_END_TRY();
	if (scores == NULL)
		return false;
	MemoryContextSwitchTo(shadow->context);
	for (i = 0; i < n; i++)
		put_row(shadows, shadow, shadow->keys + (first + i) * pass->num_key,
				shadow->effective_at[first + i], scores + i * scorer->width,
				false);
	MemoryContextSwitchTo(context);
	scorer->num_scored += n;
	return true;
}

static void
put_row(SbkShadows *shadows, const Shadow *shadow, const Datum *key,
		Datum effective_at, const float *scores, bool excluded)
{
	SbkPass    *pass = shadows->pass;
	const SbkScorer *scorer = shadow->scorer;
	const char *class = scores == NULL ? NULL : sbk_scorer_class(scorer, scores);
	Datum	   *given = shadows->values + 1 + pass->num_key;
	bool	   *given_null = shadows->nulls + 1 + pass->num_key;

	memset(shadows->nulls, false,
		   (1 + pass->num_key + SHADOWED_GIVEN) * sizeof(bool));
	shadows->values[0] = shadow->served;
	memcpy(shadows->values + 1, key, pass->num_key * sizeof(Datum));
	given[SHADOWED_EFFECTIVE_AT] = effective_at;
	given_null[SHADOWED_SCORES] = scores == NULL;
	if (scores != NULL)
		given[SHADOWED_SCORES] = sbk_real_array(scores, scorer->width);
	given_null[SHADOWED_CLASS] = class == NULL;
	if (class != NULL)
		given[SHADOWED_CLASS] = CStringGetTextDatum(class);
	given[SHADOWED_VERSION] = Int32GetDatum(scorer->model->key.version);
	given[SHADOWED_EXCLUDED] = BoolGetDatum(excluded);
	tuplestore_putvalues(pass->shadowed, pass->shadowed_desc, shadows->values,
						 shadows->nulls);
	pass->num_shadowed++;
}
