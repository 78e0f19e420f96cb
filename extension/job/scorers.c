/*
 * scorers.c
 *		The models of a run: found before the pass, told of after it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "job/attempt.h"
#include "job/guise.h"
#include "job/keeper.h"
#include "job/scorers.h"
#include "job/shadow.h"

typedef struct WantedShadow
{
	SbkScorer  *shadow;
	Oid			job_owner;
} WantedShadow;

static void find_model(SbkScorer *scorer, Oid job_owner);
static void find_shadow(SbkScorer *shadow, Oid job_owner);
static void prepare_shadow(void *arg);
static bool is_of_shadow(const ErrorData *error);
static void tell_scorer(const SbkScorer *scorer, StringInfo json);

void
sbk_scorers_find(SbkPass *pass, Oid keeper, const SbkJob *job, int32 job_id,
				 bool will_score)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(job_id)};
	SbkScorer  *scorers;
	int			n;
	int			i;

	sbk_call_under(keeper, job->snapshot,
				   "SELECT s.role, s.ref, s.upto FROM scorebook.registered_job AS j,"
				   " scorebook.scorers_internal(j) AS s WHERE j.job_id = $1 ORDER BY s.number",
				   1, types, values, NULL);
	n = (int) SPI_processed;
	scorers = palloc0(n * sizeof(SbkScorer));
	pass->served = scorers;
	for (i = 0; i < n; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *role = SPI_getvalue(tuple, desc, 1);
		bool		isnull;

		scorers[i].role = strcmp(role, "served") == 0 ? SBK_ROLE_SERVED :
			strcmp(role, "split") == 0 ? SBK_ROLE_SPLIT : SBK_ROLE_SHADOW;
		scorers[i].reference = SPI_getvalue(tuple, desc, 2);
		scorers[i].limit = DatumGetInt32(SPI_getbinval(tuple, desc, 3, &isnull));
		sbk_model_use_init(&scorers[i].use, CurrentMemoryContext);
		if (scorers[i].role != SBK_ROLE_SHADOW)
			pass->num_served++;
	}
	pass->shadows = scorers + pass->num_served;
	pass->num_shadow = will_score ? n - pass->num_served : 0;
	for (i = 0; i < pass->num_served; i++)
	{
		find_model(&pass->served[i], job->owner);
		if (will_score)
			sbk_model_prepare(pass->served[i].model, pass->num_reasons > 0);
	}
	for (i = 0; i < pass->num_shadow; i++)
		find_shadow(&pass->shadows[i], job->owner);
}

/* With the rights of the job's owner. */
static void
find_model(SbkScorer *scorer, Oid job_owner)
{
	SbkGuise	guise;
	bool		changed;

	sbk_guise_assume(job_owner, SECURITY_RESTRICTED_OPERATION, &guise);
	scorer->model = sbk_model_use(&scorer->use, scorer->reference,
								  strlen(scorer->reference), true,
								  &changed);
	sbk_guise_resume(&guise);
}

/*
 * In a subtransaction, as its files are read and the library may be opened; no
 * plan runs yet that would forbid it.
 */
static void
find_shadow(SbkScorer *shadow, Oid job_owner)
{
	WantedShadow wanted = {shadow, job_owner};
	ErrorData  *error = sbk_attempt(prepare_shadow, &wanted);

	if (error == NULL)
		return;
	if (!is_of_shadow(error))
		ReThrowError(error);
	shadow->has_failed = true;
	sbk_shadow_note(shadow, error);
}

static void
prepare_shadow(void *arg)
{
	WantedShadow *wanted = arg;

	find_model(wanted->shadow, wanted->job_owner);
	sbk_model_prepare(wanted->shadow->model, false);
}

/* Whoever ends the session, or is short of something, means all of the run. */
static bool
is_of_shadow(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_TRANSACTION_ROLLBACK:
			return false;
	}
	return error->sqlerrcode != ERRCODE_INTERNAL_ERROR;
}

void
sbk_scorers_tell(const SbkPass *pass, StringInfo json)
{
	int			i;

	appendStringInfoChar(json, '[');
	for (i = 0; i < pass->num_served + pass->num_shadow; i++)
	{
		if (i > 0)
			appendStringInfoString(json, ", ");
		tell_scorer(&pass->served[i], json);
	}
	appendStringInfoChar(json, ']');
}

static void
tell_scorer(const SbkScorer *scorer, StringInfo json)
{
	static const char *const roles[] = {"served", "split", "shadow"};
	const SbkModel *model = scorer->model;

	appendStringInfo(json, "{\"role\": \"%s\", \"ref\": ", roles[scorer->role]);
	escape_json(json, scorer->reference);
	if (model != NULL)
		appendStringInfo(json,
						 ", \"model_id\": %d, \"version\": %d, \"engine\": \"%s\"",
						 model->key.model_id, model->key.version,
						 sbk_model_is_native(model) ? "native" : "xgboost");
	if (scorer->used_library)
	{
		const int  *version = sbk_library()->version;

		appendStringInfo(json, ", \"library_version\": \"%d.%d.%d\"",
						 version[0], version[1], version[2]);
	}
	appendStringInfo(json,
					 ", \"rows_scored\": " INT64_FORMAT ", \"rows_failed\": " INT64_FORMAT,
					 scorer->num_scored, scorer->num_failed);
	if (scorer->sqlstate != 0)
	{
		appendStringInfo(json, ", \"sqlstate\": \"%s\", \"message\": ",
						 unpack_sql_state(scorer->sqlstate));
		escape_json(json, scorer->message);
	}
	appendStringInfoChar(json, '}');
}
