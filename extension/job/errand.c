/*
 * errand.c
 *		A statement that is run in another database of the cluster.
 *
 * A background worker does it, which connects as the role.  It reads its errand
 * from a segment of shared memory, and answers through a queue there: messages
 * of the protocol, as errors are sent to clients, and a byte of our own once it
 * has committed.  Whoever sent it waits, and ends it where the waiting is
 * canceled.  Locks are waited for shortly only: the deadlock detector does not
 * know who waits for whom here.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "job/errand.h"

#define SBK_ERRAND_QUEUE_SIZE	16384

/* What the worker says last; no type of the protocol's messages. */
#define SBK_ERRAND_DONE			'\1'

/* The segment: this, the queue, and the statement. */
typedef struct Errand
{
	char		database[NAMEDATALEN];
	char		role[NAMEDATALEN];
	int			encoding;		/* of the statement, and of the answers */
	Size		queue;			/* where they begin */
	Size		statement;
} Errand;

static dsm_segment *write_errand(const char *database, const char *role,
								 const char *statement);
static void hear(shm_mq_handle *answers);
static void run_statement(const char *statement, int encoding);

void
sbk_errand_run(const char *database, const char *role, const char *statement)
{
	dsm_segment *segment = write_errand(database, role, statement);
	Errand	   *errand = dsm_segment_address(segment);
	shm_mq	   *queue = (shm_mq *) ((char *) errand + errand->queue);
	shm_mq_handle *answers;
	BackgroundWorker worker = {
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = "scorebook",
		.bgw_function_name = "sbk_errand_main",
		.bgw_name = "scorebook errand",
		.bgw_type = "scorebook errand"
	};
	BackgroundWorkerHandle *handle;

	shm_mq_set_receiver(queue, MyProc);
	answers = shm_mq_attach(queue, segment, NULL);
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("could not start a worker for database \"%s\"", database),
				errhint("Raise max_worker_processes."));
	shm_mq_set_handle(answers, handle);
	PG_TRY();
	{
		hear(answers);
	}
	PG_CATCH();
	{
		TerminateBackgroundWorker(handle);
		PG_RE_THROW();
	}
	PG_END_TRY();
	dsm_detach(segment);
	pfree(handle);
}

static dsm_segment *
write_errand(const char *database, const char *role, const char *statement)
{
	Size		queue = MAXALIGN(sizeof(Errand));
	Size		text = add_size(queue, SBK_ERRAND_QUEUE_SIZE);
	Size		size = strlen(statement) + 1;
	dsm_segment *segment = dsm_create(add_size(text, size), 0);
	Errand	   *errand = dsm_segment_address(segment);

	strlcpy(errand->database, database, NAMEDATALEN);
	strlcpy(errand->role, role, NAMEDATALEN);
	errand->encoding = GetDatabaseEncoding();
	errand->queue = queue;
	errand->statement = text;
	memcpy((char *) errand + text, statement, size);
	shm_mq_create((char *) errand + queue, SBK_ERRAND_QUEUE_SIZE);
	return segment;
}

/* Throws what the worker throws, and passes on what it warns of. */
static void
hear(shm_mq_handle *answers)
{
	bool		done = false;

	for (;;)
	{
		StringInfoData message;
		ErrorData	error;
		Size		size;
		void	   *data;

		if (shm_mq_receive(answers, &size, &data, false) != SHM_MQ_SUCCESS)
			break;
		initStringInfo(&message);
		appendBinaryStringInfo(&message, data, size);
		switch (pq_getmsgbyte(&message))
		{
			case SBK_ERRAND_DONE:
				done = true;
				break;
			case 'E':
			case 'N':
				pq_parse_errornotice(&message, &error);

				/* that the worker ends is no reason to end here */
				error.elevel = Min(error.elevel, ERROR);
				error.context = NULL;
				ThrowErrorData(&error);
				break;
			default:
				break;			/* settings and the like */
		}
		pfree(message.data);
	}
	if (!done)
		ereport(ERROR,
				errcode(ERRCODE_CONNECTION_FAILURE),
				errmsg("the worker for another database has ended without an answer"),
				errhint("The server's log may say why; max_worker_processes may be too low."));
}

/* The worker. */
void
sbk_errand_main(Datum handle)
{
	dsm_segment *segment;
	Errand	   *errand;
	shm_mq	   *queue;
	shm_mq_handle *answers;
	const char	done = SBK_ERRAND_DONE;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	CurrentMemoryContext = AllocSetContextCreate(TopMemoryContext,
												 "scorebook errand",
												 ALLOCSET_DEFAULT_SIZES);

	/* without a resource owner, it stays until it is let go */
	segment = dsm_attach(DatumGetUInt32(handle));
	if (segment == NULL)
		proc_exit(1);			/* nobody waits for it any more */
	errand = dsm_segment_address(segment);
	queue = (shm_mq *) ((char *) errand + errand->queue);
	shm_mq_set_sender(queue, MyProc);
	answers = shm_mq_attach(queue, segment, NULL);
	pq_redirect_to_shm_mq(segment, answers);

	BackgroundWorkerInitializeConnection(errand->database, errand->role, 0);
	run_statement((char *) errand + errand->statement, errand->encoding);
	(void) shm_mq_send(answers, 1, &done, false, true);
	dsm_detach(segment);
	proc_exit(0);
}

static void
run_statement(const char *statement, int encoding)
{
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET,
					PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "10s", PGC_USERSET, PGC_S_OVERRIDE);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();

	/* a conversion is looked up, which takes a transaction */
	SetConfigOption("client_encoding", pg_encoding_to_char(encoding),
					PGC_USERSET, PGC_S_OVERRIDE);
	statement = pg_any_to_server(statement, strlen(statement), encoding);
	debug_query_string = statement;
	pgstat_report_activity(STATE_RUNNING, statement);
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_execute(statement, false, 0) < 0)
		elog(ERROR, "could not run the statement: %s", statement);
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
}
