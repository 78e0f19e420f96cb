/*
 * phases.c
 *		What a run does: prepares, reads and scores, writes, and tells.
 *
 * Records are kept as the owner of the extension; the source is read and the
 * book is written as the owner of the job, who cannot become anyone else there.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "job/erased.h"
#include "job/found.h"
#include "job/guise.h"
#include "job/keeper.h"
#include "job/partition.h"
#include "job/phases.h"
#include "job/progress.h"
#include "job/scorers.h"
#include "job/shape.h"
#include "job/trace.h"

/* What all of them know. */
typedef struct Run
{
	const SbkRunRequest *request;
	SbkRecord  *record;
	SbkJob	   *job;
} Run;

static void check_request(const Run *run);
static void lock_source(const Run *run);
static void prepare_pass(const Run *run, SbkPass *pass, Relation result);
static const char *scope_of(const SbkRunRequest *request);
static void read_statements(const Run *run, Relation result,
							SbkStatements *statements);
static void read_source(const Run *run, SbkPass *pass,
						const SbkStatements *statements);
static void check_vanished(const Run *run, const SbkPass *pass);
static int64 count_pulled(const Run *run, const SbkPass *pass);
static void set_param(ParamListInfo params, int i, Oid type, Datum value,
					  bool isnull);
static void query(const char *statement, const SPIExecuteOptions *options);

void
sbk_phases_pass(const SbkRunRequest *request, SbkRecord *record, SbkJob *job)
{
	const Run	run = {request, record, job};
	SbkWriting	writing = {
		.run = record->run,
		.comes_again = request->kind == SBK_RUN_PULL || request->kind == SBK_RUN_STREAM
	};
	SbkStatements statements;
	SbkWritten	written;
	SbkPass    *pass = palloc0(sizeof(SbkPass));
	Relation	result;
	SbkGuise	guise;

	record->started = GetCurrentTimestamp();

	/* a stream is to see what its statement has done, and all that it has begun */
	CommandCounterIncrement();
	sbk_definition_read(record->keeper, record->run, job);
	record->revision = job->revision;
	check_request(&run);

	/*
	 * Before the snapshot: to one that was taken while it waits, a table that
	 * somebody has truncated and filled again, or rewritten, is empty.
	 */
	result = relation_open(job->tables.result, RowExclusiveLock);
	if (request->kind != SBK_RUN_DECISION && request->features == 0)
		lock_source(&run);

	/*
	 * The time is that of the rows: what the snapshot sees to have ended ended
	 * before.
	 */
	PushActiveSnapshot(GetTransactionSnapshot());
	record->system_from = GetCurrentTimestamp();

	sbk_partition_prepare(record->job_id, job->owner, job->tables.history,
						  record->system_from,
						  request->kind == SBK_RUN_SOURCE ||
						  request->kind == SBK_RUN_DECISION);
	if (request->kind == SBK_RUN_SOURCE &&
		pg_class_aclcheck(job->tables.result, job->owner, ACL_INSERT) == ACLCHECK_OK)
		pass->fill = sbk_fill_start(pass, result, record->run,
									record->system_from, SBK_BLOCK_ROWS);
	prepare_pass(&run, pass, result);
	read_statements(&run, result, &statements);

	sbk_progress_start(job->tables.result, record->run);
	sbk_progress_phase(SBK_PHASE_SCORING);
	record->prepared = GetCurrentTimestamp();
	sbk_guise_assume(job->owner, SECURITY_RESTRICTED_OPERATION, &guise);
	PG_TRY();
	{
		query("SELECT pg_current_snapshot()", NULL);
		record->snapshot = sbk_column(1);
		record->snapshot_at = GetCurrentTimestamp();
		if (request->kind == SBK_RUN_DECISION)
			sbk_pass_decide(pass, statements.decide);
		else
			read_source(&run, pass, &statements);
		if (request->kind == SBK_RUN_SOURCE)
			check_vanished(&run, pass);
		record->scored = GetCurrentTimestamp();
		sbk_progress_phase(SBK_PHASE_WRITING);
		writing.system_from = record->system_from;
		writing.effective_at = job->effective_at;
		sbk_writer_write(pass, &statements, &job->tables, &writing, &written);
	}
	PG_FINALLY();
	{
		record->failed_key = pass->failed_key;
		record->failed_key_digest = pass->failed_key_digest;
	}
	PG_END_TRY();
	sbk_guise_resume(&guise);
	record->num_overtaken = written.num_overtaken;

	/*
	 * Who has overtaken a row may have scored what was there before the change
	 * that the run has seen; so the next one reads it again.
	 */
	if (written.num_overtaken > 0)
		record->watermark = job->low_watermark;
	sbk_record_finish(record, pass, &written);
	relation_close(result, NoLock);
	PopActiveSnapshot();
	sbk_definition_end(job);
	sbk_found_end(pass);
	sbk_progress_end();
}

static void
check_request(const Run *run)
{
	if (run->request->only_changed && !run->job->has_watermark)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("job \"%s\" has no watermark", run->job->name),
				errdetail("Nothing says which rows of its source have changed."),
				errhint("Name a column that only grows: SELECT scorebook.alter_job(%s, '{\"watermark\": \"updated_at\"}').",
						quote_literal_cstr(run->job->name)));
}

/*
 * All tables that the source and the expressions of the job read: by planning to
 * do so, as partitions are locked then, or, for a few rows, by looking at them.
 */
static void
lock_source(const Run *run)
{
	SbkGuise	guise;
	SPIPlanPtr	plan;

	PushActiveSnapshot(GetTransactionSnapshot());
	sbk_guise_assume(run->job->owner, SECURITY_RESTRICTED_OPERATION, &guise);
	plan = SPI_prepare(run->job->reads, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not look at the source: %s",
			 SPI_result_code_string(SPI_result));
	if (run->request->kind == SBK_RUN_SOURCE)
		ReleaseCachedPlan(SPI_plan_get_cached_plan(plan), NULL);
	SPI_freeplan(plan);
	sbk_guise_resume(&guise);
	PopActiveSnapshot();
}

/* What the pass needs to know, but the statement that reads. */
static void
prepare_pass(const Run *run, SbkPass *pass, Relation result)
{
	const SbkJob *job = run->job;
	int			i;

	pass->job = job->name;
	pass->book = RelationGetDescr(result);
	pass->num_key = job->num_key;
	pass->key_is_unique = job->key_is_unique;
	pass->keep = job->keep;
	pass->each_period = job->each_period;
	pass->is_about_now = !run->request->has_effective_at && !job->by_row;
	pass->by_row = job->by_row;
	/* who pulls wants a score, and who streams has said what an error does */
	pass->record_errors = run->request->kind == SBK_RUN_SOURCE ?
		job->record_errors : run->request->swallow;
	pass->max_errors = job->max_errors;
	pass->max_rows = job->max_rows;
	pass->deadline = job->deadline;
	pass->scaling = job->scaling;
	if (run->request->kind != SBK_RUN_DECISION)
		pass->num_reasons = job->num_reasons;
	pass->adverse = job->higher_is_better ? SBK_PUSHES_DOWN : SBK_PUSHES_UP;
	pass->reasons_since = job->reasons_since;
	pass->alike_since = job->alike_since;
	if (run->request->features)
		pass->features = DatumGetJsonbP(run->request->features);
	sbk_scorers_find(pass, run->record->keeper, job, run->record->job_id,
					 run->request->kind != SBK_RUN_DECISION);
	for (i = 0; i < pass->num_served; i++)
		sbk_shape_check_book(job, pass->served[i].model, result);
	sbk_shape_check_key(job, pass->book);
	sbk_shape_check_intact(job);
	pass->hasher = sbk_key_hasher_make(pass->book, pass->num_key);
	pass->erased = sbk_erased_read(run->record->job_id);
	sbk_definition_read_ranges(run->record->keeper, job, run->record->job_id,
							   "cutoff", &pass->cutoffs);
	sbk_definition_read_ranges(run->record->keeper, job, run->record->job_id,
							   "band", &pass->bands);
}

/*
 * Has the source lost more keys of the book than it may?  Those that are excluded
 * are there.  Those that were pulled need never have been there.
 */
static void
check_vanished(const Run *run, const SbkPass *pass)
{
	const SbkJob *job = run->job;
	int64		num_old = pass->num_matched + pass->num_closed;
	int64		num_lost = pass->num_closed;
	int64		num_pulled;

	if (num_lost == 0 || (double) num_lost / num_old <= job->max_vanished)
		return;
	num_pulled = count_pulled(run, pass);
	num_lost -= num_pulled;
	num_old -= num_pulled;
	if (num_lost > 0 && (double) num_lost / num_old > job->max_vanished)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("the source of job \"%s\" has lost more keys than the job's max_vanished allows",
					   job->name),
				errdetail("Of %lld keys in the book, %lld are not in the source any more; max_vanished is %g.",
						  (long long) num_old, (long long) num_lost,
						  job->max_vanished),
				errhint("Look at the source. If they are gone for good, run the job after scorebook.alter_job(%s, '{\"max_vanished\": null}').",
						quote_literal_cstr(job->name)));
}

/*
 * Of the keys that the source does not have, those that pulls have brought since
 * the run before looked at all of it: that one has not seen them there.
 */
static int64
count_pulled(const Run *run, const SbkPass *pass)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(run->record->run)};

	sbk_writer_show("gone", pass->gone_desc, pass->gone,
					pass->num_closed + pass->num_excluded_old);
	sbk_call(run->record->keeper,
			 "SELECT count(*) FROM gone AS g JOIN scorebook.run AS r ON r.run = g.\"scorebook run\""
			 " LEFT JOIN scorebook.moment AS m ON m.writer = r.run"
			 " LEFT JOIN scorebook.run_before_internal($1) AS b ON true"
			 " WHERE g.reason = 'vanished' AND r.kind = 'pull' AND (b.run IS NULL"
			 " OR CASE WHEN m.committed_at IS NULL THEN r.run > b.run ELSE m.committed_at > b.snapshot_at END)",
			 1, types, values, NULL);
	SPI_unregister_relation("gone");
	return sbk_column_int(1);
}

/* Which rows of the source are read. */
static const char *
scope_of(const SbkRunRequest *request)
{
	switch (request->kind)
	{
		case SBK_RUN_SOURCE:
			return request->only_changed ? "watermark" : "all";
		case SBK_RUN_DECISION:
			return "decision";
		case SBK_RUN_PULL:
			return request->features ? "features" : "subject";
		case SBK_RUN_STREAM:
			if (TRIGGER_FIRED_BY_INSERT(request->trigger->tg_event))
				return "inserted";
			if (TRIGGER_FIRED_BY_UPDATE(request->trigger->tg_event))
				return "updated";
			if (TRIGGER_FIRED_BY_DELETE(request->trigger->tg_event))
				return "deleted";
			break;				/* all of it was truncated */
	}
	return "all";
}

static void
read_statements(const Run *run, Relation result, SbkStatements *statements)
{
	const SbkRunRequest *request = run->request;
	Oid			types[4] = {INT4OID, TEXTOID, TEXTOID, BOOLOID};
	Datum		values[4] = {
		Int32GetDatum(run->record->job_id),
		CStringGetTextDatum(scope_of(request)),
		run->job->low_watermark ? CStringGetTextDatum(run->job->low_watermark) : 0,
		BoolGetDatum(RelationGetNumberOfBlocks(result) == 0)
	};
	char		nulls[4] = {' ', ' ', run->job->low_watermark ? ' ' : 'n', ' '};

	sbk_call_under(run->record->keeper, run->job->snapshot,
				   "SELECT s.* FROM scorebook.registered_job AS j, scorebook.pass_statements_internal(j, $2, $3, $4) AS s WHERE j.job_id = $1",
				   4, types, values, nulls);
	statements->read = sbk_column(1);
	statements->count_old = sbk_column(2);
	statements->duplicate = sbk_column(3);
	statements->replace = sbk_column(4);
	statements->add = sbk_column(5);
	statements->remove = sbk_column(6);
	statements->archive = sbk_column(7);
	statements->digest = sbk_column(8);
	statements->new_watermark = sbk_column(9);
	statements->decide = sbk_column(10);
	statements->endings = sbk_column(11);
	statements->retract = sbk_column(12);
	statements->compare_shadows = sbk_column(13);
	statements->shadow_endings = sbk_column(14);
	statements->write_shadows = sbk_column(15);
	statements->retract_shadows = sbk_column(16);
}

/*
 * A key that the source has twice meets the same row of the book twice, which
 * shows in the counts: then there are more matches than rows.
 */
static void
read_source(const Run *run, SbkPass *pass, const SbkStatements *statements)
{
	const SbkRunRequest *request = run->request;
	ParamListInfo params = makeParamList(3);
	SPIExecuteOptions options = {.params = params,.read_only = true};

	set_param(params, 0, TIMESTAMPTZOID, TimestampTzGetDatum(run->job->effective_at),
			  false);
	set_param(params, 1, JSONBOID, request->subject, request->subject == 0);
	set_param(params, 2, JSONBOID, request->features, request->features == 0);

	if (statements->new_watermark != NULL && request->kind == SBK_RUN_SOURCE)
	{
		ParamListInfo until = makeParamList(1);
		SPIExecuteOptions by_time = {.params = until,.read_only = true};

		set_param(until, 0, TIMESTAMPTZOID,
				  TimestampTzGetDatum(run->job->settled_until), false);
		query(statements->new_watermark, &by_time);
		run->record->watermark = sbk_column(1);
	}
	sbk_pass_read(pass, statements->read, params);
	if (request->kind == SBK_RUN_PULL && pass->num_erased > 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the key %s of job \"%s\" was erased",
					   JsonbToCString(NULL, &DatumGetJsonbP(request->subject)->root, 0),
					   pass->job),
				errhint("scorebook.unerase lets it be scored again."));
	if (request->kind == SBK_RUN_PULL && pass->num_read == 0)
		ereport(ERROR,
				errcode(ERRCODE_NO_DATA_FOUND),
				errmsg("the source of job \"%s\" has no row of the key %s",
					   pass->job,
					   JsonbToCString(NULL, &DatumGetJsonbP(request->subject)->root, 0)),
				errhint("scorebook.score(job, features, key) scores what the source does not have."));
	if (run->job->key_is_unique || pass->num_matched == 0 ||
		request->kind != SBK_RUN_SOURCE)
		return;
	query(statements->count_old, &options);
	if (pass->num_matched + pass->num_closed > sbk_column_int(1))
		sbk_writer_refuse_duplicates(pass, statements);
}

static void
set_param(ParamListInfo params, int i, Oid type, Datum value, bool isnull)
{
	params->params[i].value = value;
	params->params[i].isnull = isnull;
	params->params[i].pflags = PARAM_FLAG_CONST;
	params->params[i].ptype = type;
}

/* Reads rows under the active snapshot. */
static void
query(const char *statement, const SPIExecuteOptions *options)
{
	SPIExecuteOptions plain = {.read_only = true};
	MemoryContext context = CurrentMemoryContext;
	volatile int rc = 0;

	PG_TRY();
	{
		rc = SPI_execute_extended(statement, options ? options : &plain);
	}
	PG_CATCH();
	{
		sbk_trace_rethrow(context, statement, true);
	}
	PG_END_TRY();
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "could not read: %s", SPI_result_code_string(rc));
}
