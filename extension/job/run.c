/*
 * run.c
 *		Runs of jobs.
 *
 * A run in transactions of its own has three: one that tells others that it has
 * begun, one with the scores, and, where that fails, one that tells why.  From
 * before the first to after the last it holds a lock on the job, which goes
 * with the session: a run that nobody holds the lock of has crashed.  Where its
 * scores cannot be committed, the lock goes with them, and why is written down
 * without it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "job/attempt.h"
#include "job/keeper.h"
#include "job/lock.h"
#include "job/phases.h"
#include "job/progress.h"
#include "job/run.h"

typedef struct Run
{
	const SbkRunRequest *request;
	SbkRecord	record;
	SbkJob		job;
} Run;

static int32 find_job(const SbkRunRequest *request, Oid keeper);
static void begin(Run *run);
static void score(void *arg);
static ErrorData *try_to_score(Run *run);
static ErrorData *try_to_commit(Run *run);
static bool is_canceled(const Run *run, const ErrorData *error);
static void warn_of(const SbkRunRequest *request, const ErrorData *error);

int64
sbk_run_job(const SbkRunRequest *request, Oid owner, bool own_transactions)
{
	Run			run = {
		.request = request,
		.record = {.keeper = owner,.kind = request->kind}
	};
	ErrorData  *volatile error = NULL;
	int32		job_id;

	sbk_writer_require_writable("a scorebook run");
	SPI_connect_ext(own_transactions ? SPI_OPT_NONATOMIC : 0);
	run.record.job_id = job_id = find_job(request, owner);
	if ((request->kind == SBK_RUN_SOURCE || request->kind == SBK_RUN_DECISION) &&
		!sbk_lock_run(job_id, request->job, request->wait, own_transactions,
					  request->swallow ? NOTICE : ERROR))
	{
		SPI_finish();
		return 0;
	}
	if (request->kind == SBK_RUN_PULL || request->kind == SBK_RUN_STREAM)
		sbk_lock_keep_eraser_out(job_id);
	if (!own_transactions)
	{
		if (request->kind == SBK_RUN_STREAM &&
			SPI_register_trigger_data(request->trigger) < 0)
			elog(ERROR, "could not register the rows of the trigger");

		/*
		 * Once more, where another one has written a row of a stream: the stream
		 * holds the row of the source, and nobody knows more of it.
		 */
		do
		{
			begin(&run);
			if (request->swallow)
				error = try_to_score(&run);
			else
				score(&run);

			/* who cancels the statement does not mean the scoring only */
			if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
				ReThrowError(error);
		} while (request->kind == SBK_RUN_STREAM && error == NULL &&
				 run.record.num_overtaken > 0);
		SPI_finish();
		return error == NULL ? run.record.run : 0;
	}

	PG_TRY();
	{
		begin(&run);
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
		sbk_lock_end_run(job_id);
	}
	PG_END_TRY();
	if (error != NULL)
		warn_of(request, error);
	SPI_finish();
	return error == NULL ? run.record.run : 0;
}

/* A right that was taken back, or a job that was dropped, is gone at once. */
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
	sbk_call_now(keeper, stream ?
				 "SELECT scorebook.check_stream_internal($1, $2, $3)" :
				 "SELECT (scorebook.find_job_internal($1, $2, $3)).job_id",
				 3, types, values);
	return (int32) sbk_column_int(1);
}

static void
begin(Run *run)
{
	const SbkRunRequest *request = run->request;

	sbk_record_begin(&run->record,
					 request->has_effective_at ? &request->effective_at : NULL,
					 request->only_changed);
}

static void
score(void *arg)
{
	Run		   *run = arg;

	sbk_phases_pass(run->request, &run->record, &run->job);
}

/* Where it fails, why is written down, and returned. */
static ErrorData *
try_to_score(Run *run)
{
	ErrorData  *error = sbk_attempt(score, run);

	if (error != NULL)
	{
		sbk_progress_end();
		sbk_record_fail(&run->record, error);
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
		run->record.failed_key = NULL;
		sbk_record_fail(&run->record, error);
		SPI_commit();
	}
	PG_END_TRY();
	return error;
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
