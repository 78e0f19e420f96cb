/*
 * record.c
 *		The record of a run: that it begins, how it fails, and what it has done.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "job/keeper.h"
#include "job/record.h"
#include "job/scorers.h"

static void write_errors(const SbkRecord *record, SbkPass *pass);
static double elapsed(TimestampTz from, TimestampTz to);

void
sbk_record_begin(SbkRecord *record, const TimestampTz *effective_at,
				 bool only_changed)
{
	static const char *const kinds[] = {"run", "decision", "pull", "stream"};
	Oid			types[5] = {NAMEOID, INT4OID, TEXTOID, TIMESTAMPTZOID, BOOLOID};
	NameData	caller;
	Datum		values[5] = {0};
	char		nulls[5] = {' ', ' ', ' ', ' ', ' '};

	namestrcpy(&caller, GetUserNameFromId(GetUserId(), false));
	values[0] = NameGetDatum(&caller);
	values[1] = Int32GetDatum(record->job_id);
	values[2] = CStringGetTextDatum(kinds[record->kind]);
	if (effective_at != NULL)
		values[3] = TimestampTzGetDatum(*effective_at);
	else
		nulls[3] = 'n';
	values[4] = BoolGetDatum(only_changed);
	sbk_call(record->keeper,
			 "SELECT scorebook.begin_run_internal($1, $2, $3, $4, $5)", 5,
			 types, values, nulls);
	record->run = sbk_column_int(1);
}

void
sbk_record_fail(const SbkRecord *record, const ErrorData *error)
{
	Oid			types[6] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT4OID};
	Datum		values[6] = {
		Int64GetDatum(record->run),
		CStringGetTextDatum(unpack_sql_state(error->sqlerrcode)),
		CStringGetTextDatum(error->message)
	};
	char		unknown = record->failed_key ? ' ' : 'n';
	char		nulls[6] = {' ', ' ', ' ', unknown, unknown, record->revision ? ' ' : 'n'};

	if (record->failed_key)
		values[3] = CStringGetTextDatum(record->failed_key);
	values[4] = Int64GetDatum((int64) record->failed_key_digest);
	values[5] = Int32GetDatum(record->revision);
	sbk_call(record->keeper,
			 "SELECT scorebook.fail_run_internal($1, $2, $3, $4, $5, $6)", 6,
			 types, values, nulls);
}

void
sbk_record_finish(const SbkRecord *record, SbkPass *pass,
				  const SbkWritten *written)
{
	Oid			types[6] = {INT8OID, JSONBOID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID, TEXTOID};
	char		nulls[6] = {' ', ' ', ' ', ' ', ' ', ' '};
	Datum		values[6] = {0};
	StringInfoData facts;

	if (pass->num_failed > 0)
		write_errors(record, pass);
	initStringInfo(&facts);
	appendStringInfo(&facts,
					 "{\"revision\": %d, \"rows_read\": " INT64_FORMAT ", \"rows_scored\": " INT64_FORMAT
					 ", \"rows_changed\": " INT64_FORMAT ", \"rows_confirmed\": " INT64_FORMAT
					 ", \"rows_closed\": " INT64_FORMAT ", \"rows_failed\": " INT64_FORMAT
					 ", \"rows_excluded\": " INT64_FORMAT ", \"rows_erased\": " INT64_FORMAT
					 ", \"rows_overtaken\": " INT64_FORMAT
					 ", \"rows_written\": " INT64_FORMAT ", \"rows_ended\": " INT64_FORMAT
					 ", \"digest\": " UINT64_FORMAT,
					 record->revision, pass->num_read, pass->num_scored,
					 written->num_written, pass->num_confirmed,
					 written->num_closed, pass->num_failed,
					 pass->num_excluded, pass->num_erased, written->num_overtaken,
					 written->num_written, written->num_ended,
					 pass->digest + written->end_digest);
	appendStringInfo(&facts,
					 ", \"phases\": {\"prepare\": %.3f, \"score\": %.3f, \"write\": %.3f"
					 ", \"reasons\": %.3f, \"shadows\": %.3f}, \"models\": ",
					 elapsed(record->started, record->prepared),
					 elapsed(record->prepared, record->scored),
					 elapsed(record->scored, GetCurrentTimestamp()),
					 pass->reasons_time / 1000.0, pass->shadows_time / 1000.0);
	sbk_scorers_tell(pass, &facts);
	if (record->kind == SBK_RUN_PULL)
		appendStringInfo(&facts, ", \"effective_at\": \"%s\"",
						 timestamptz_to_str(pass->last_effective_at));
	appendStringInfo(&facts, ", \"shadows\": %s}",
					 written->shadows ? written->shadows : "[]");
	values[0] = Int64GetDatum(record->run);
	values[1] = DirectFunctionCall1(jsonb_in, CStringGetDatum(facts.data));
	values[2] = TimestampTzGetDatum(record->system_from);
	values[3] = CStringGetTextDatum(record->snapshot);
	values[4] = TimestampTzGetDatum(record->snapshot_at);
	if (record->watermark)
		values[5] = CStringGetTextDatum(record->watermark);
	else
		nulls[5] = 'n';
	sbk_call(record->keeper,
			 "SELECT scorebook.finish_run_internal($1, $2, $3, $4, $5, $6)", 6,
			 types, values, nulls);
}

/* The rows that could not be scored. */
static void
write_errors(const SbkRecord *record, SbkPass *pass)
{
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2] = {
		Int64GetDatum(record->run),
		Int32GetDatum(record->job_id)
	};

	sbk_writer_show("failed", pass->failed_desc, pass->failed,
					pass->num_failed);
	sbk_call(record->keeper,
			 "INSERT INTO scorebook.row_error (run, job_id, key, key_digest, sqlstate, message, detail)"
			 " SELECT $1, $2, f.key, f.key_digest, f.sqlstate, f.message, f.detail FROM failed AS f",
			 2, types, values, NULL);
	SPI_unregister_relation("failed");
}

static double
elapsed(TimestampTz from, TimestampTz to)
{
	return (to - from) / 1000.0;
}
