/*
 * run.c
 *		Runs of jobs.
 *
 * A run in transactions of its own has three: one that tells others that it has
 * begun, one with the scores, and, where that fails, one that tells why.  From
 * before the first to after the last it holds a lock on the job, which goes
 * with the session: a run that nobody holds the lock of has crashed.
 *
 * Records are kept as the owner of the extension; the source is read and the
 * book is written as the owner of the job, who cannot become anyone else there.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "engine/engine.h"
#include "job/erased.h"
#include "job/found.h"
#include "job/guise.h"
#include "job/intact.h"
#include "job/keeper.h"
#include "job/partition.h"
#include "job/pass.h"
#include "job/progress.h"
#include "job/run.h"
#include "job/scorers.h"
#include "job/writer.h"
#include "registry/catalog.h"

/* A job, as a run needs it. */
typedef struct Job
{
	int32		job_id;
	char	   *name;
	Oid			owner;
	SbkTables	tables;
	int			num_key;
	bool		key_is_unique;
	SbkKeptInputs keep;
	bool		each_period;
	bool		by_row;			/* each has an effective_at of its own */
	bool		record_errors;
	int64		max_errors;
	int64		max_rows;
	double		max_vanished;	/* a share of the keys of the book */
	TimestampTz deadline;
	char	   *low_watermark;
	bool		has_watermark;
	TimestampTz settled_until;	/* of a job with a watermark */
	bool		has_scores;
	bool		has_class;
	SbkScaling	scaling;
	int			num_reasons;
	bool		higher_is_better;
	int64		reasons_since;
	int64		alike_since;
	Oid			source;
} Job;

typedef struct Run
{
	int64		number;
	Oid			keeper;			/* owner of the extension */
	TimestampTz effective_at;
	const SbkRunRequest *request;
	Job			job;
	char	   *snapshot;		/* that the source is read under */
	TimestampTz snapshot_at;
	char	   *watermark;		/* the highest there, or NULL */
	char	   *failed_key;
	uint64		failed_key_digest;
} Run;

/* When each phase of a run was over. */
typedef struct Times
{
	TimestampTz start;
	TimestampTz prepared;
	TimestampTz scored;
} Times;

static void refuse_restricted_operation(void);
static int32 find_job(const SbkRunRequest *request, Oid keeper);
static bool lock_job(int32 job_id, const char *name, bool wait, bool session,
					 int elevel);
static void unlock_job(int32 job_id);
static void make_tag(int32 job_id, LOCKTAG *tag);
static void make_erasing_tag(int32 job_id, LOCKTAG *tag);
static void keep_eraser_out(int32 job_id);
static void begin(Run *run, int32 job_id);
static ErrorData *try_to_score(Run *run);
static ErrorData *try_to_commit(Run *run);
static void fail(Run *run, const ErrorData *error);
static bool is_canceled(const Run *run, const ErrorData *error);
static void warn_of(const SbkRunRequest *request, const ErrorData *error);
static void score(Run *run);
static void prepare_pass(Run *run, SbkPass *pass, Relation result);
static void read_job(Run *run);
static void read_ranges(const Run *run, const char *kind, SbkRanges *ranges);
static void check_key(const Job *job, TupleDesc book);
static bool is_history_of(Relation history, TupleDesc result);
pg_noreturn static void refuse_book(const Job *job, const char *what,
									Relation table);
static const char *scope_of(const SbkRunRequest *request);
static void read_statements(const Run *run, Relation result,
							SbkStatements *statements);
static void check_book(const Job *job, const SbkModel *model, Relation result);
static void read_source(Run *run, SbkPass *pass,
						const SbkStatements *statements);
static void check_vanished(const Job *job, const SbkPass *pass);
static void finish(Run *run, SbkPass *pass, const SbkWritten *written,
				   const Times *times);
static void write_errors(const Run *run, SbkPass *pass);
static void set_param(ParamListInfo params, int i, Oid type, Datum value,
					  bool isnull);
static void query(const char *statement, const SPIExecuteOptions *options);
static double elapsed(TimestampTz from, TimestampTz to);

int64
sbk_run_job(const SbkRunRequest *request, Oid owner, bool own_transactions)
{
	Run			run = {.keeper = owner,.request = request};
	ErrorData  *volatile error = NULL;
	int32		job_id;

	PreventCommandDuringRecovery("a scorebook run");
	refuse_restricted_operation();
	SPI_connect_ext(own_transactions ? SPI_OPT_NONATOMIC : 0);
	job_id = find_job(request, owner);
	if ((request->kind == SBK_RUN_SOURCE || request->kind == SBK_RUN_DECISION) &&
		!lock_job(job_id, request->job, request->wait, own_transactions,
				  request->swallow ? NOTICE : ERROR))
	{
		SPI_finish();
		return 0;
	}
	if (request->kind == SBK_RUN_PULL || request->kind == SBK_RUN_STREAM)
		keep_eraser_out(job_id);
	if (!own_transactions)
	{
		begin(&run, job_id);
		if (request->kind == SBK_RUN_STREAM &&
			SPI_register_trigger_data(request->trigger) < 0)
			elog(ERROR, "could not register the rows of the trigger");
		if (request->swallow)
		{
			/* who cancels the statement does not mean the scoring only */
			error = try_to_score(&run);
			if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
				ReThrowError(error);
		}
		else
			score(&run);
		SPI_finish();
		return error == NULL ? run.number : 0;
	}

	PG_TRY();
	{
		begin(&run, job_id);
		SPI_commit();

		/* whatever the default: what others write meanwhile must be seen */
		XactIsoLevel = XACT_READ_COMMITTED;
		error = try_to_score(&run);
		if (error == NULL)
			error = try_to_commit(&run);
		else
			SPI_commit();
		if (error != NULL &&
			(!request->swallow || is_canceled(&run, error)))
			ReThrowError(error);
	}
	PG_FINALLY();
	{
		unlock_job(job_id);
	}
	PG_END_TRY();
	if (error != NULL)
		warn_of(request, error);
	SPI_finish();
	return error == NULL ? run.number : 0;
}

void
sbk_run_keep_out(int32 job_id, const char *name)
{
	(void) lock_job(job_id, name, false, false, ERROR);
}

void
sbk_run_keep_writers_out(int32 job_id, const char *name, bool wait)
{
	LOCKTAG		tag;

	PreventCommandDuringRecovery("an amendment of a scorebook book");
	refuse_restricted_operation();
	(void) lock_job(job_id, name, wait, false, ERROR);
	make_erasing_tag(job_id, &tag);
	if (LockAcquire(&tag, ExclusiveLock, false, !wait) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				errmsg("the book of job \"%s\" is being written", name),
				errdetail("A transaction that has scored subjects has not ended yet."),
				errhint("Wait for it with wait => true."));
}

static void
refuse_restricted_operation(void)
{
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("cannot write a book within a security-restricted operation"),
				errdetail("The source of a job is read in one, so that what it calls can do nothing but read."));
}

bool
sbk_run_is_alive(int32 job_id)
{
	LOCKTAG		tag;

	/* a standby knows no locks of the primary's */
	if (RecoveryInProgress())
		return true;
	make_tag(job_id, &tag);
	if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, ShareLock, false);
	return false;
}

static int32
find_job(const SbkRunRequest *request, Oid keeper)
{
	bool		stream = request->kind == SBK_RUN_STREAM;
	Oid			types[3] = {NAMEOID, TEXTOID, stream ? REGCLASSOID : TEXTOID};
	NameData	caller;
	Datum		values[3];

	namestrcpy(&caller, GetUserNameFromId(GetUserId(), false));
	values[0] = NameGetDatum(&caller);
	values[1] = CStringGetTextDatum(request->job);
	if (stream)
		values[2] = ObjectIdGetDatum(RelationGetRelid(request->trigger->tg_relation));
	else
		values[2] = CStringGetTextDatum(request->kind == SBK_RUN_PULL ? "score" : "run");
	sbk_call(keeper, stream ?
			 "SELECT scorebook.check_stream_internal($1, $2, $3)" :
			 "SELECT (scorebook.find_job_internal($1, $2, $3)).job_id",
			 3, types, values, NULL);
	return (int32) sbk_column_int(1);
}

/* Where another run goes on, throws, or says so and returns false. */
static bool
lock_job(int32 job_id, const char *name, bool wait, bool session, int elevel)
{
	LOCKTAG		tag;

	make_tag(job_id, &tag);
	while (LockAcquire(&tag, ExclusiveLock, session, !wait) ==
		   LOCKACQUIRE_NOT_AVAIL)
	{
		/* those who only look whether it is alive are gone at once */
		if (!sbk_run_is_alive(job_id))
			continue;
		ereport(elevel,
				errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				errmsg("job \"%s\" is being run", name),
				errhint("See scorebook.run_progress, or wait for it with wait => true."));
		return false;
	}
	return true;
}

static void
unlock_job(int32 job_id)
{
	LOCKTAG		tag;

	make_tag(job_id, &tag);
	(void) LockRelease(&tag, ExclusiveLock, true);
}

static void
make_tag(int32 job_id, LOCKTAG *tag)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, sbk_catalog_relation("registered_job"),
					   (uint32) job_id, 0);
}

static void
make_erasing_tag(int32 job_id, LOCKTAG *tag)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, sbk_catalog_relation("registered_job"),
					   (uint32) job_id, 1);
}

/*
 * Until the end of the transaction, so that what a pull or a stream has written
 * is seen by whoever erases, or the other way round.
 */
static void
keep_eraser_out(int32 job_id)
{
	LOCKTAG		tag;

	make_erasing_tag(job_id, &tag);
	(void) LockAcquire(&tag, ShareLock, false, false);
}

static void
begin(Run *run, int32 job_id)
{
	static const char *const kinds[] = {"run", "decision", "pull", "stream"};
	const SbkRunRequest *request = run->request;
	Oid			types[5] = {NAMEOID, INT4OID, TEXTOID, TIMESTAMPTZOID, BOOLOID};
	NameData	caller;
	Datum		values[5];
	char		nulls[5] = {' ', ' ', ' ', ' ', ' '};

	namestrcpy(&caller, GetUserNameFromId(GetUserId(), false));
	values[0] = NameGetDatum(&caller);
	values[1] = Int32GetDatum(job_id);
	values[2] = CStringGetTextDatum(kinds[request->kind]);
	values[3] = TimestampTzGetDatum(request->effective_at);
	values[4] = BoolGetDatum(request->only_changed);
	if (!request->has_effective_at)
		nulls[3] = 'n';
	sbk_call(run->keeper,
		 "SELECT scorebook.begin_run_internal($1, $2, $3, $4, $5)",
		 5, types, values, nulls);
	run->number = sbk_column_int(1);
	run->job.job_id = job_id;
}

/* In a subtransaction: where it fails, why is written down, and returned. */
static ErrorData *
try_to_score(Run *run)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		score(run);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL)
	{
		sbk_progress_end();
		fail(run, error);
	}
	return error;
}

/* Where that fails, too, why is written down, and returned. */
static ErrorData *
try_to_commit(Run *run)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		SPI_commit();
	}
	PG_CATCH();
	{
		/* SPI has begun another transaction */
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		run->failed_key = NULL;
		fail(run, error);
		SPI_commit();
	}
	PG_END_TRY();
	return error;
}

static void
fail(Run *run, const ErrorData *error)
{
	Oid			types[5] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, INT8OID};
	Datum		values[5] = {
		Int64GetDatum(run->number),
		CStringGetTextDatum(unpack_sql_state(error->sqlerrcode)),
		CStringGetTextDatum(error->message)
	};
	char		unknown = run->failed_key ? ' ' : 'n';
	char		nulls[5] = {' ', ' ', ' ', unknown, unknown};

	if (run->failed_key)
		values[3] = CStringGetTextDatum(run->failed_key);
	values[4] = Int64GetDatum((int64) run->failed_key_digest);
	sbk_call(run->keeper,
		 "SELECT scorebook.fail_run_internal($1, $2, $3, $4, $5)", 5, types,
		 values, nulls);
}

/* By somebody, or a timeout; not because the job has a duration of its own. */
static bool
is_canceled(const Run *run, const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		(run->job.deadline == 0 || GetCurrentTimestamp() < run->job.deadline);
}

static void
warn_of(const SbkRunRequest *request, const ErrorData *error)
{
	ereport(WARNING,
			errcode(error->sqlerrcode),
			errmsg("job \"%s\" has failed", request->job),
			errdetail_internal("%s", error->message),
			errhint("See scorebook.job_run."));
}

static void
score(Run *run)
{
	const Job  *job = &run->job;
	Times		times = {.start = GetCurrentTimestamp()};
	SbkStatements statements;
	SbkWritten	written;
	SbkPass    *pass = palloc0(sizeof(SbkPass));
	Relation	result;
	SbkGuise	guise;

	read_job(run);
	sbk_partition_prepare(job->job_id, job->owner, job->tables.history,
						  times.start,
						  run->request->kind == SBK_RUN_SOURCE ||
						  run->request->kind == SBK_RUN_DECISION);
	result = relation_open(job->tables.result, RowExclusiveLock);
	if (run->request->kind == SBK_RUN_SOURCE &&
		pg_class_aclcheck(job->tables.result, job->owner, ACL_INSERT) == ACLCHECK_OK)
		pass->fill = sbk_fill_start(pass, result, run->number, times.start,
									SBK_BLOCK_ROWS);

	/* a stream is to see what its statement has done */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	prepare_pass(run, pass, result);
	read_statements(run, result, &statements);

	sbk_progress_start(job->tables.result, run->number);
	sbk_progress_phase(SBK_PHASE_SCORING);
	times.prepared = GetCurrentTimestamp();
	sbk_guise_assume(job->owner, SECURITY_RESTRICTED_OPERATION, &guise);
	PG_TRY();
	{
		query("SELECT pg_current_snapshot()", NULL);
		run->snapshot = sbk_column(1);
		run->snapshot_at = GetCurrentTimestamp();
		if (run->request->kind == SBK_RUN_DECISION)
			sbk_pass_decide(pass, statements.decide);
		else
			read_source(run, pass, &statements);
		if (run->request->kind == SBK_RUN_SOURCE)
			check_vanished(job, pass);
		times.scored = GetCurrentTimestamp();
		sbk_progress_phase(SBK_PHASE_WRITING);
		sbk_writer_write(pass, &statements, &job->tables,
						 &(SbkWriting) {run->number, times.start, run->effective_at},
						 &written);
	}
	PG_FINALLY();
	{
		run->failed_key = pass->failed_key;
		run->failed_key_digest = pass->failed_key_digest;
	}
	PG_END_TRY();
	sbk_guise_resume(&guise);
	finish(run, pass, &written, &times);
	relation_close(result, NoLock);
	PopActiveSnapshot();
	sbk_found_end(pass);
	sbk_progress_end();
}

/* What the pass needs to know, but the statement that reads. */
static void
prepare_pass(Run *run, SbkPass *pass, Relation result)
{
	const Job  *job = &run->job;
	int			i;

	pass->job = job->name;
	pass->book = RelationGetDescr(result);
	pass->num_key = job->num_key;
	pass->key_is_unique = job->key_is_unique;
	pass->keep = job->keep;
	pass->each_period = job->each_period;
	pass->is_about_now = !run->request->has_effective_at && !job->by_row;
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
	sbk_scorers_find(pass, run->keeper, job->job_id, job->owner,
					 run->request->kind == SBK_RUN_SOURCE ? SBK_SCORES_ALL :
					 run->request->kind == SBK_RUN_DECISION ? SBK_NAMES_SCORERS :
					 SBK_SCORES_SERVED);
	for (i = 0; i < pass->num_served; i++)
		check_book(job, pass->served[i].model, result);
	check_key(job, pass->book);
	sbk_intact_check(job->name, job->tables.result, job->owner);
	sbk_intact_check(job->name, job->tables.history, job->owner);
	if (OidIsValid(job->tables.shadow))
	{
		sbk_intact_check(job->name, job->tables.shadow, job->owner);
		sbk_intact_check(job->name, job->tables.shadow_history, job->owner);
	}
	pass->hasher = sbk_key_hasher_make(pass->book, pass->num_key);
	pass->erased = sbk_erased_read(job->job_id);
	read_ranges(run, "cutoff", &pass->cutoffs);
	read_ranges(run, "band", &pass->bands);
}

/*
 * Has the source lost more keys of the book than it may?  Those that are excluded
 * are there.
 */
static void
check_vanished(const Job *job, const SbkPass *pass)
{
	int64		num_old = pass->num_matched + pass->num_closed;

	if (pass->num_closed > 0 &&
		(double) pass->num_closed / num_old > job->max_vanished)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("the source of job \"%s\" has lost more keys than the job's max_vanished allows",
					   job->name),
				errdetail("Of %lld keys in the book, %lld are not in the source any more; max_vanished is %g.",
						  (long long) num_old, (long long) pass->num_closed,
						  job->max_vanished),
				errhint("Look at the source. If they are gone for good, run the job after scorebook.alter_job(%s, '{\"max_vanished\": null}').",
						quote_literal_cstr(job->name)));
}

/* Writes down what was done, and takes a place in the order of writers. */
static void
finish(Run *run, SbkPass *pass, const SbkWritten *written, const Times *times)
{
	Oid			types[6] = {INT8OID, JSONBOID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID, TEXTOID};
	char		nulls[6] = {' ', ' ', ' ', ' ', ' ', ' '};
	Datum		values[6] = {0};
	StringInfoData facts;

	if (pass->num_failed > 0)
		write_errors(run, pass);
	initStringInfo(&facts);
	appendStringInfo(&facts,
					 "{\"rows_read\": " INT64_FORMAT ", \"rows_scored\": " INT64_FORMAT
					 ", \"rows_changed\": " INT64_FORMAT ", \"rows_confirmed\": " INT64_FORMAT
					 ", \"rows_closed\": " INT64_FORMAT ", \"rows_failed\": " INT64_FORMAT
					 ", \"rows_excluded\": " INT64_FORMAT ", \"rows_erased\": " INT64_FORMAT
					 ", \"rows_overtaken\": " INT64_FORMAT
					 ", \"rows_written\": " INT64_FORMAT ", \"rows_ended\": " INT64_FORMAT
					 ", \"digest\": " UINT64_FORMAT,
					 pass->num_read, pass->num_scored,
					 written->num_written, pass->num_confirmed,
					 written->num_closed, pass->num_failed,
					 pass->num_excluded, pass->num_erased, written->num_overtaken,
					 written->num_written, written->num_ended,
					 pass->digest + written->end_digest);
	appendStringInfo(&facts,
					 ", \"phases\": {\"prepare\": %.3f, \"score\": %.3f, \"write\": %.3f"
					 ", \"reasons\": %.3f, \"shadows\": %.3f}, \"models\": ",
					 elapsed(times->start, times->prepared),
					 elapsed(times->prepared, times->scored),
					 elapsed(times->scored, GetCurrentTimestamp()),
					 pass->reasons_time / 1000.0, pass->shadows_time / 1000.0);
	sbk_scorers_tell(pass, &facts);
	if (run->request->kind == SBK_RUN_PULL)
		appendStringInfo(&facts, ", \"effective_at\": \"%s\"",
						 timestamptz_to_str(pass->last_effective_at));
	appendStringInfo(&facts, ", \"shadows\": %s}",
					 written->shadows ? written->shadows : "[]");
	values[0] = Int64GetDatum(run->number);
	values[1] = DirectFunctionCall1(jsonb_in, CStringGetDatum(facts.data));
	values[2] = TimestampTzGetDatum(times->start);
	values[3] = CStringGetTextDatum(run->snapshot);
	values[4] = TimestampTzGetDatum(run->snapshot_at);
	if (run->watermark)
		values[5] = CStringGetTextDatum(run->watermark);
	else
		nulls[5] = 'n';
	sbk_call(run->keeper,
		 "SELECT scorebook.finish_run_internal($1, $2, $3, $4, $5, $6)", 6,
		 types, values, nulls);
}

/* The rows that could not be scored. */
static void
write_errors(const Run *run, SbkPass *pass)
{
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2] = {
		Int64GetDatum(run->number),
		Int32GetDatum(run->job.job_id)
	};

	sbk_writer_show("failed", pass->failed_desc, pass->failed,
					pass->num_failed);
	sbk_call(run->keeper,
			 "INSERT INTO scorebook.row_error (run, job_id, key, key_digest, sqlstate, message, detail)"
			 " SELECT $1, $2, f.key, f.key_digest, f.sqlstate, f.message, f.detail FROM failed AS f",
			 2, types, values, NULL);
	SPI_unregister_relation("failed");
}

static void
read_job(Run *run)
{
	Job		   *job = &run->job;
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(run->number)};
	char	   *keep;

	sbk_call(run->keeper,
		 "SELECT * FROM scorebook.run_job_internal($1)", 1, types, values, NULL);
	job->name = sbk_column(1);
	job->owner = get_role_oid(sbk_column(2), false);
	job->tables.result = (Oid) sbk_column_int(3);
	job->tables.history = (Oid) sbk_column_int(4);
	job->tables.shadow = (Oid) sbk_column_int(5);
	job->tables.shadow_history = (Oid) sbk_column_int(6);
	job->num_key = (int) sbk_column_int(7);
	job->key_is_unique = *sbk_column(8) == 't';
	keep = sbk_column(9);
	job->keep = strcmp(keep, "full") == 0 ? SBK_KEEP_INPUTS :
		strcmp(keep, "hash") == 0 ? SBK_KEEP_HASH : SBK_KEEP_NO_INPUTS;
	job->each_period = *sbk_column(10) == 't';
	job->record_errors = *sbk_column(11) == 't';
	job->max_errors = sbk_column_int(12);
	job->max_rows = sbk_column_int(13);
	job->deadline = sbk_column_int(14) == 0 ? 0 :
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), sbk_column_int(14));
	job->has_watermark = *sbk_column(15) == 't';
	job->low_watermark = sbk_column(16);
	job->has_scores = *sbk_column(17) == 't';
	job->has_class = *sbk_column(18) == 't';
	run->effective_at = sbk_column_time(19);
	job->scaling.exists = sbk_column(20) != NULL;
	job->higher_is_better = *sbk_column(22) == 't';
	if (job->scaling.exists)
	{
		job->scaling.offset = sbk_column_real(20);
		job->scaling.factor = sbk_column_real(21);
		job->scaling.higher_is_better = job->higher_is_better;
	}
	job->num_reasons = (int) sbk_column_int(23);
	job->reasons_since = sbk_column_int(24);
	job->source = (Oid) sbk_column_int(25);
	job->alike_since = sbk_column_int(26);
	job->settled_until = sbk_column_time(27);
	job->by_row = *sbk_column(28) == 't';
	job->max_vanished = sbk_column_real(29);
	if (run->request->only_changed && !job->has_watermark)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("job \"%s\" has no watermark", job->name),
				errdetail("Nothing says which rows of its source have changed."),
				errhint("Name a column that only grows: watermark => 'updated_at' of scorebook.create_job."));
}

/* The ranges that count now, in ascending order. */
static void
read_ranges(const Run *run, const char *kind, SbkRanges *ranges)
{
	Oid			types[2] = {TEXTOID, INT4OID};
	Datum		values[2] = {
		CStringGetTextDatum(kind),
		Int32GetDatum(run->job.job_id)
	};
	int			i;

	sbk_call(run->keeper, "SELECT * FROM scorebook.current_ranges($1, $2)", 2,
		 types, values, NULL);
	ranges->n = (int) SPI_processed;
	if (ranges->n == 0)
		return;
	ranges->set = (int) sbk_column_int(1);
	ranges->of_points = *sbk_column(2) == 't';
	ranges->lows = palloc(ranges->n * sizeof(double));
	ranges->labels = palloc(ranges->n * sizeof(Datum));
	for (i = 0; i < ranges->n; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		ranges->lows[i] = DatumGetFloat8(SPI_getbinval(tuple, desc, 3, &isnull));
		ranges->labels[i] = CStringGetTextDatum(SPI_getvalue(tuple, desc, 4));
	}
}

/* Is it the table that create_job made, for a model of this kind? */
static void
check_book(const Job *job, const SbkModel *model, Relation result)
{
	TupleDesc	desc = RelationGetDescr(result);
	bool		has_scores = sbk_family_width(model->family, model->num_output) > 1;
	bool		has_class = sbk_family_classes(model->family, model->num_output) > 2;
	static const struct
	{
		const char *name;
		Oid			type;
	}			columns[] = {
		{"effective_at", TIMESTAMPTZOID}, {NULL}, {"class", TEXTOID},
		{"points", INT4OID}, {"decision", TEXTOID}, {"cutoff_set", INT4OID},
		{"band", TEXTOID}, {"band_set", INT4OID}, {"reasons", JSONBOID},
		{"version", INT4OID}, {"inputs", FLOAT4ARRAYOID},
		{"inputs_hash", INT8OID}, {"run", INT8OID},
		{"system_from", TIMESTAMPTZOID}
	};
	bool		as_made = sbk_live_columns(desc) == job->num_key + lengthof(columns);
	Relation	history;
	int			i;

	for (i = 0; as_made && i < lengthof(columns); i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, job->num_key + i);
		const char *name = columns[i].name ? columns[i].name :
			job->has_scores ? "scores" : "score";
		Oid			type = columns[i].name ? columns[i].type :
			job->has_scores ? FLOAT4ARRAYOID : FLOAT4OID;

		as_made = !attribute->attisdropped && attribute->atttypid == type &&
			strcmp(NameStr(attribute->attname), name) == 0;
	}
	(void) RelationGetIndexList(result);
	if (!as_made || result->rd_rel->relkind != RELKIND_RELATION ||
		!OidIsValid(result->rd_pkindex))
		refuse_book(job, "result table", result);
	history = relation_open(job->tables.history, AccessShareLock);
	if (!is_history_of(history, desc))
		refuse_book(job, "history", history);
	relation_close(history, NoLock);
	if (has_scores != job->has_scores || has_class != job->has_class)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("model \"%s\" does not fit the book of job \"%s\"",
					   model->label, job->name),
				errdetail("The book is for models with %s%s; this one has %d outputs and %d classes.",
						  job->has_scores ? "several numbers" : "one number",
						  job->has_class ? " and several classes" : "",
						  model->num_output,
						  sbk_family_classes(model->family, model->num_output)),
				errhint("Make another job for it."));
}

/* Keeps the source as it is now, until the end of the transaction. */
static void
check_key(const Job *job, TupleDesc book)
{
	Relation	source = relation_open(job->source, AccessShareLock);
	int			i;

	for (i = 0; i < job->num_key; i++)
	{
		Form_pg_attribute key = TupleDescAttr(book, i);
		AttrNumber	number = get_attnum(job->source, NameStr(key->attname));
		Form_pg_attribute column;

		if (number <= 0)
			ereport(ERROR,
					errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("the source of job \"%s\" lacks the column \"%s\" of its key",
						   job->name, NameStr(key->attname)),
					errhint("Give the column back its name, or make a new job."));
		column = TupleDescAttr(RelationGetDescr(source), number - 1);
		if (column->atttypid != key->atttypid)
			ereport(ERROR,
					errcode(ERRCODE_DATATYPE_MISMATCH),
					errmsg("the type of the key of job \"%s\" has changed",
						   job->name),
					errdetail("Column \"%s\" is of type %s in the source, and of type %s in the book.",
							  NameStr(key->attname),
							  format_type_be(column->atttypid),
							  format_type_be(key->atttypid)),
					errhint("Make a new job, or cast the column in the source."));
	}
	relation_close(source, NoLock);
}

/*
 * Does the history have the columns of the result table, and its own?  Columns
 * that were added and dropped again do not matter.
 */
static bool
is_history_of(Relation history, TupleDesc result)
{
	TupleDesc	desc = RelationGetDescr(history);
	static const struct
	{
		const char *name;
		Oid			type;
	}			own[] = {
		{"ended_by", INT8OID}, {"system_to", TIMESTAMPTZOID},
		{"end_reason", TEXTOID}
	};
	bool		is_history = history->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	int			num_result = sbk_live_columns(result);
	int			n = 0;
	int			i;

	for (i = 0; is_history && i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		bool		is_own = n >= num_result;

		if (attribute->attisdropped)
			continue;
		if (n == num_result + lengthof(own))
			return false;
		is_history = strcmp(NameStr(attribute->attname), is_own ?
							own[n - num_result].name :
							NameStr(TupleDescAttr(result, n)->attname)) == 0 &&
			attribute->atttypid == (is_own ? own[n - num_result].type :
									TupleDescAttr(result, n)->atttypid);
		n++;
	}
	return is_history && n == num_result + lengthof(own);
}

static void
refuse_book(const Job *job, const char *what, Relation table)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("the %s of job \"%s\" has been altered", what,
				   job->name),
			errdetail("Columns or the primary key of \"%s\" were added, removed or changed.",
					  RelationGetRelationName(table)),
			errhint("Undo that; what else a report needs belongs in a view."));
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
		Int32GetDatum(run->job.job_id),
		CStringGetTextDatum(scope_of(request)),
		run->job.low_watermark ? CStringGetTextDatum(run->job.low_watermark) : 0,
		BoolGetDatum(RelationGetNumberOfBlocks(result) == 0)
	};
	char		nulls[4] = {' ', ' ', run->job.low_watermark ? ' ' : 'n', ' '};

	sbk_call(run->keeper,
		 "SELECT s.* FROM scorebook.registered_job AS j, scorebook.pass_statements_internal(j, $2, $3, $4) AS s WHERE j.job_id = $1",
		 4, types, values, nulls);
	statements->read = sbk_column(1);
	statements->count_old = sbk_column(2);
	statements->duplicate = sbk_column(3);
	statements->replace = sbk_column(4);
	statements->add = sbk_column(5);
	statements->remove = sbk_column(6);
	statements->digest = sbk_column(7);
	statements->new_watermark = sbk_column(8);
	statements->decide = sbk_column(9);
	statements->endings = sbk_column(10);
	statements->shadow = request->kind == SBK_RUN_SOURCE ? sbk_column(11) : NULL;
}

/*
 * A key that the source has twice meets the same row of the book twice, which
 * shows in the counts: then there are more matches than rows.
 */
static void
read_source(Run *run, SbkPass *pass, const SbkStatements *statements)
{
	const SbkRunRequest *request = run->request;
	ParamListInfo params = makeParamList(3);
	SPIExecuteOptions options = {.params = params,.read_only = true};

	set_param(params, 0, TIMESTAMPTZOID, TimestampTzGetDatum(run->effective_at),
			  false);
	set_param(params, 1, JSONBOID, request->subject, request->subject == 0);
	set_param(params, 2, JSONBOID, request->features, request->features == 0);

	if (statements->new_watermark != NULL && request->kind == SBK_RUN_SOURCE)
	{
		Oid			types[1] = {TIMESTAMPTZOID};
		Datum		values[1] = {TimestampTzGetDatum(run->job.settled_until)};

		if (SPI_execute_with_args(statements->new_watermark, 1, types, values,
								  NULL, true, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not read the watermark");
		run->watermark = sbk_column(1);
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
	if (run->job.key_is_unique || pass->num_matched == 0 ||
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
	int			rc = SPI_execute_extended(statement, options ? options : &plain);

	if (rc != SPI_OK_SELECT)
		elog(ERROR, "could not read: %s", SPI_result_code_string(rc));
}

static double
elapsed(TimestampTz from, TimestampTz to)
{
	return (to - from) / 1000.0;
}
