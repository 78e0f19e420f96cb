/*
 * trial.c
 *		The library in another process, for models that nothing has tried yet.
 *
 * The process is a child that is started by its path, without a shell and with
 * an empty environment.  It is always killed and waited for by its own number,
 * so that no child of somebody else's is ever touched.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "scorebook.h"
#include "xgboost/trial.h"
#include "xgboost/wire.h"

#define PROGRAM			"scorebook-admit"

/* A reply to a prediction is bounded by this; so wide is no model. */
#define MAX_WIDTH		((uint64_t) 16 * 1024 * 1024)

typedef struct Trial
{
	pid_t		pid;			/* 0: none is running */
	int			to_child;
	int			from_child;
	int			child_input;	/* the child's ends, until it has them */
	int			child_output;
	const char *label;
	const char *doing;			/* completes "crashed while it ..." */
	TimestampTz deadline;
	float	   *result;			/* of the last prediction */
	uint64		result_size;
} Trial;

static Trial trial = {
	.to_child = -1,
	.from_child = -1,
	.child_input = -1,
	.child_output = -1
};

static bool trial_load(const void *bytes, size_t len,
					   SbkBoosterHandle **handle, SbkLibraryError *error);
static bool trial_describe(SbkBoosterHandle *handle, int *rounds,
						   size_t *features, SbkLibraryError *error);
static bool trial_predict(SbkBoosterHandle *handle, SbkPrediction *prediction,
						  SbkLibraryError *error);
static void trial_release(SbkBoosterHandle *handle);
static void start_program(const char *path);
static void open_pipe(int *own_end, int own, int *child_end);
static void close_own_end(int *fd);
static void close_child_end(int *fd);
static void ask(const SbkRequest *request, const void *payload,
				const void *more, Size more_size, SbkReply *reply,
				SbkLibraryError *error);
static void make_printable(char *message);
static void send_bytes(const void *bytes, Size size);
static void receive(void *bytes, Size size);
static void wait_for(int fd, int event);
pg_noreturn static void report_end(void);
pg_noreturn static void report_overrun(void);
pg_noreturn static void report_nonsense(void);

static SbkLibrary library = {
	.load = trial_load,
	.describe = trial_describe,
	.predict = trial_predict,
	.release = trial_release
};

const SbkLibrary *
sbk_trial_start(const char *label)
{
	SbkGreeting greeting;
	char		path[MAXPGPATH];
	int			i;

	Assert(trial.pid == 0);
	trial.label = label;
	trial.doing = "started";
	trial.deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												 (int64) sbk_admission_timeout * 1000);
	snprintf(path, sizeof(path), "%s/%s", pkglib_path, PROGRAM);
	start_program(path);
	receive(&greeting, sizeof(greeting));
	if (greeting.magic != SBK_WIRE_MAGIC)
		report_nonsense();
	for (i = 0; i < 3; i++)
		library.version[i] = greeting.version[i];
	return &library;
}

void
sbk_trial_end(void)
{
	if (trial.pid > 0)
	{
		kill(trial.pid, SIGKILL);
		while (waitpid(trial.pid, NULL, 0) < 0 && errno == EINTR)
			;
		trial.pid = 0;
	}
	close_own_end(&trial.to_child);
	close_own_end(&trial.from_child);
	close_child_end(&trial.child_input);
	close_child_end(&trial.child_output);
	if (trial.result != NULL)
		pfree(trial.result);
	trial.result = NULL;
	trial.result_size = 0;
}

static bool
trial_load(const void *bytes, size_t len, SbkBoosterHandle **handle,
		   SbkLibraryError *error)
{
	SbkRequest	request = {.kind = SBK_REQUEST_LOAD,.size = len};
	SbkReply	reply;

	trial.doing = "loaded it";
	ask(&request, bytes, NULL, 0, &reply, error);

	/* which is which does not matter: there is but one */
	*handle = (SbkBoosterHandle *) &trial;
	return reply.succeeded != 0;
}

static bool
trial_describe(SbkBoosterHandle *handle, int *rounds, size_t *features,
			   SbkLibraryError *error)
{
	SbkRequest	request = {.kind = SBK_REQUEST_DESCRIBE};
	SbkReply	reply;

	trial.doing = "described it";
	ask(&request, NULL, NULL, 0, &reply, error);
	*rounds = reply.rounds;
	*features = reply.features;
	return reply.succeeded != 0;
}

static bool
trial_predict(SbkBoosterHandle *handle, SbkPrediction *prediction,
			  SbkLibraryError *error)
{
	Size		rows_size = mul_size(mul_size(prediction->nrows,
											  prediction->ncols),
									 sizeof(float));
	Size		margins_size = prediction->base_margin == NULL ? 0 :
		mul_size(prediction->nrows, sizeof(float));
	SbkRequest	request = {
		.kind = SBK_REQUEST_PREDICT,
		.prediction = prediction->kind,
		.rounds = prediction->rounds,
		.in_place = prediction->in_place,
		.has_base_margin = prediction->base_margin != NULL,
		.nrows = prediction->nrows,
		.ncols = prediction->ncols,
		.size = rows_size + margins_size
	};
	SbkReply	reply;

	trial.doing = "scored a row";
	ask(&request, prediction->rows, prediction->base_margin, margins_size,
		&reply, error);
	if (reply.succeeded == 0)
		return false;
	if (reply.width > MAX_WIDTH ||
		reply.size != reply.width * prediction->nrows * sizeof(float))
		report_nonsense();
	if (reply.size > trial.result_size)
	{
		if (trial.result != NULL)
			pfree(trial.result);
		trial.result = NULL;
		trial.result_size = 0;
		trial.result = MemoryContextAllocHuge(TopMemoryContext, reply.size);
		trial.result_size = reply.size;
	}
	receive(trial.result, reply.size);
	prediction->result = trial.result;
	prediction->width = reply.width;
	return true;
}

/* The handle goes with the process. */
static void
trial_release(SbkBoosterHandle *handle)
{
}

static void
start_program(const char *path)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t	signals;
	char		parent[32];
	char		memory[32];
	char		seconds[32];
	char	   *arguments[] = {PROGRAM, parent, memory, seconds, NULL};
	char	   *environment[] = {NULL};
	int			rc;

	snprintf(parent, sizeof(parent), "%d", (int) getpid());
	snprintf(memory, sizeof(memory), "%zu",
			 (Size) sbk_admission_memory * 1024);
	snprintf(seconds, sizeof(seconds), "%d", sbk_admission_timeout);

	open_pipe(&trial.to_child, 1, &trial.child_input);
	open_pipe(&trial.from_child, 0, &trial.child_output);

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, trial.child_input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, trial.child_output,
									 STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
									 O_WRONLY, 0);
	posix_spawnattr_init(&attributes);

	/* in a group of its own: a timeout signals the whole group of the backend */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF |
							 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attributes, 0);
	sigfillset(&signals);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	sigemptyset(&signals);
	posix_spawnattr_setsigmask(&attributes, &signals);

	rc = posix_spawn(&trial.pid, path, &actions, &attributes, arguments,
					 environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close_child_end(&trial.child_input);
	close_child_end(&trial.child_output);
	if (rc != 0)
	{
		trial.pid = 0;
		errno = rc;
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not start program \"%s\": %m", path),
				errdetail("XGBoost looks at new models in a process of its own."),
				errhint("The program is installed with scorebook; install scorebook again."));
	}
}

/*
 * own says which end of the pipe is ours: it does not wait, and counts among
 * the backend's open files.
 */
static void
open_pipe(int *own_end, int own, int *child_end)
{
	int			ends[2];

	if (!AcquireExternalFD())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("too many open files"));
	if (pipe2(ends, O_CLOEXEC) < 0)
	{
		int			save_errno = errno;

		ReleaseExternalFD();
		errno = save_errno;
		ereport(ERROR,
				errcode_for_socket_access(),
				errmsg("could not create a pipe: %m"));
	}
	*own_end = ends[own];
	*child_end = ends[1 - own];
	if (fcntl(*own_end, F_SETFL, O_NONBLOCK) < 0)
		ereport(ERROR,
				errcode_for_socket_access(),
				errmsg("could not set up a pipe: %m"));
}

static void
close_own_end(int *fd)
{
	if (*fd < 0)
		return;
	close(*fd);
	ReleaseExternalFD();
	*fd = -1;
}

static void
close_child_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Sends a request; of the reply, the numbers of a prediction are left to come. */
static void
ask(const SbkRequest *request, const void *payload, const void *more,
	Size more_size, SbkReply *reply, SbkLibraryError *error)
{
	send_bytes(request, sizeof(SbkRequest));
	send_bytes(payload, request->size - more_size);
	send_bytes(more, more_size);
	receive(reply, sizeof(SbkReply));
	if (reply->succeeded == 0)
	{
		if (reply->size >= sizeof(error->message))
			report_nonsense();
		receive(error->message, reply->size);
		error->message[reply->size] = '\0';

		make_printable(error->message);
		if (strstr(error->message, "bad_alloc") != NULL)
			report_overrun();
	}
	else if (request->kind != SBK_REQUEST_PREDICT && reply->size != 0)
		report_nonsense();
}

/* It comes from a process that may be an attacker's by now. */
static void
make_printable(char *message)
{
	for (; *message != '\0'; message++)
	{
		if (*message < ' ' || *message > '~')
			*message = '?';
	}
}

static void
send_bytes(const void *bytes, Size size)
{
	const char *at = bytes;

	while (size > 0)
	{
		ssize_t		n = write(trial.to_child, at, size);

		if (n > 0)
		{
			at += n;
			size -= n;
		}
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			wait_for(trial.to_child, WL_SOCKET_WRITEABLE);
		else if (errno != EINTR)
			report_end();
	}
}

static void
receive(void *bytes, Size size)
{
	char	   *at = bytes;

	while (size > 0)
	{
		ssize_t		n = read(trial.from_child, at, size);

		if (n > 0)
		{
			at += n;
			size -= n;
		}
		else if (n == 0)
			report_end();
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			wait_for(trial.from_child, WL_SOCKET_READABLE);
		else if (errno != EINTR)
			ereport(ERROR,
					errcode_for_socket_access(),
					errmsg("could not read from program \"%s\": %m", PROGRAM));
	}
}

static void
wait_for(int fd, int event)
{
	long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													   trial.deadline);
	int			events;

	if (left <= 0)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("XGBoost took too long to try model \"%s\"", trial.label),
				errdetail("It was ended after %d seconds, while it %s.",
						  sbk_admission_timeout, trial.doing),
				errhint("A superuser can raise scorebook.admission_timeout."));
	events = WaitLatchOrSocket(MyLatch,
							   WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | event,
							   fd, left, PG_WAIT_EXTENSION);
	if (events & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* The process has closed its end, so it is about to end; it is not waited for. */
static void
report_end(void)
{
	int			status = 0;
	pid_t		pid = 0;
	int			i;

	for (i = 0; i < 100 && pid == 0; i++)
	{
		if (i > 0)
			pg_usleep(10000L);
		pid = waitpid(trial.pid, &status, WNOHANG);
	}
	if (pid <= 0)
		report_nonsense();
	trial.pid = 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("XGBoost took too long to try model \"%s\"", trial.label),
				errdetail("It was ended after %d seconds, while it %s.",
						  sbk_admission_timeout, trial.doing),
				errhint("A superuser can raise scorebook.admission_timeout."));
	if (WIFSIGNALED(status))
		ereport(ERROR,
				errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				errmsg("XGBoost crashed on model \"%s\"", trial.label),
				errdetail("It was ended by signal %d: %s, while it %s.",
						  WTERMSIG(status), pg_strsignal(WTERMSIG(status)),
						  trial.doing),
				errhint("It ran in a process of its own, and the server is not affected. Check where the file comes from; if it needs much memory, a superuser can raise scorebook.admission_memory."));
	ereport(ERROR,
			errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			errmsg("program \"%s\" ended before it was done", PROGRAM),
			errdetail("Its exit code was %d, while it %s.", WEXITSTATUS(status),
					  trial.doing),
			errhint("Exit code 127 or 1 means that it could not be run: is libxgboost installed?"));
}

static void
report_overrun(void)
{
	ereport(ERROR,
			errcode(ERRCODE_OUT_OF_MEMORY),
			errmsg("XGBoost needs too much memory to try model \"%s\"",
				   trial.label),
			errdetail("It may use %d MB, and ran out of it while it %s.",
					  sbk_admission_memory / 1024, trial.doing),
			errhint("A superuser can raise scorebook.admission_memory."));
}

static void
report_nonsense(void)
{
	ereport(ERROR,
			errcode(ERRCODE_PROTOCOL_VIOLATION),
			errmsg("program \"%s\" gave an answer that makes no sense", PROGRAM),
			errdetail("That was while it %s for model \"%s\".", trial.doing,
					  trial.label),
			errhint("Install scorebook again; if it happens again with the same file, the file may be an attack."));
}
