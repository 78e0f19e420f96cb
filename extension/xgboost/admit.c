/*
 * admit.c
 *		scorebook-admit: XGBoost in a process of its own.
 *
 * A backend that admits a model starts this program and lets the library see
 * the model here first.  Whatever a file makes the library do, it does it
 * without files, network, children or debuggers, within bounds of memory and
 * time, and to nobody else.  The library is loaded when the program starts;
 * the bounds and the filter of system calls are set before the first byte of
 * the model is read.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#define HAVE_FILTER
#endif

#include "xgboost/wire.h"

/* what a backend hands over is bounded there; this is only against nonsense */
#define MAX_PAYLOAD		((uint64_t) 8 * 1024 * 1024 * 1024)

/* how the program ends where it cannot go on; a backend shows the number */
enum
{
	EXIT_USAGE = 2,
	EXIT_BOUNDS,
	EXIT_LIBRARY,
	EXIT_PROTOCOL
};

extern const SbkLibrary *sbk_library_entry(void (*set_threads) (int),
										   int (*get_threads) (void),
										   SbkLibraryError *error);

static void close_inherited(void);
static void set_bounds(rlim_t memory, rlim_t seconds);
static void bound(int resource, rlim_t limit);
static void filter_system_calls(void);
static void serve(const SbkLibrary *library, SbkBoosterHandle **handle,
				  const SbkRequest *request, char *payload);
static bool predict(const SbkLibrary *library, SbkBoosterHandle *handle,
					const SbkRequest *request, const char *payload,
					SbkPrediction *prediction, SbkLibraryError *error);
static bool read_all(void *buffer, size_t size);
static void write_all(const void *buffer, size_t size);

int
main(int argc, char **argv)
{
	SbkGreeting greeting = {.magic = SBK_WIRE_MAGIC};
	SbkBoosterHandle *handle = NULL;
	SbkLibraryError error = {""};
	const SbkLibrary *library;
	SbkRequest	request;
	int			i;

	if (argc != SBK_ADMIT_ARGUMENTS + 1)
	{
		fprintf(stderr, "scorebook-admit is started by scorebook's load_model\n");
		return EXIT_USAGE;
	}
	close_inherited();

	/* end with the backend, which may have ended by now */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != (pid_t) strtol(argv[1], NULL, 10))
		return EXIT_USAGE;

	library = sbk_library_entry((void (*) (int)) dlsym(RTLD_DEFAULT, "omp_set_num_threads"),
								(int (*) (void)) dlsym(RTLD_DEFAULT, "omp_get_max_threads"),
								&error);
	if (library == NULL)
		return EXIT_LIBRARY;
	set_bounds(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	filter_system_calls();

	for (i = 0; i < 3; i++)
		greeting.version[i] = library->version[i];
	write_all(&greeting, sizeof(greeting));
	while (read_all(&request, sizeof(request)))
	{
		char	   *payload;

		if (request.size > MAX_PAYLOAD)
			_exit(EXIT_PROTOCOL);
		payload = calloc(1, request.size + SBK_LIBRARY_PADDING);
		if (payload == NULL || !read_all(payload, request.size))
			_exit(EXIT_PROTOCOL);
		serve(library, &handle, &request, payload);
		free(payload);
	}

	/* the library's own end at exit is of no use here */
	_exit(0);
}

static void
close_inherited(void)
{
	int			fd;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3, ~0U, 0) == 0)
		return;
#endif
	for (fd = 3; fd < sysconf(_SC_OPEN_MAX); fd++)
		close(fd);
}

static void
set_bounds(rlim_t memory, rlim_t seconds)
{
	bound(RLIMIT_AS, memory);
	bound(RLIMIT_CPU, seconds);
	bound(RLIMIT_FSIZE, 0);
	bound(RLIMIT_CORE, 0);
	bound(RLIMIT_NPROC, 0);
	bound(RLIMIT_NOFILE, 3);
	if (prctl(PR_SET_DUMPABLE, 0) != 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(EXIT_BOUNDS);
}

/* Never above what is allowed already. */
static void
bound(int resource, rlim_t limit)
{
	struct rlimit current;

	if (getrlimit(resource, &current) != 0)
		_exit(EXIT_BOUNDS);
	if (current.rlim_max != RLIM_INFINITY && current.rlim_max < limit)
		limit = current.rlim_max;
	current.rlim_cur = limit;
	current.rlim_max = limit;
	if (setrlimit(resource, &current) != 0)
		_exit(EXIT_BOUNDS);
}

#ifdef HAVE_FILTER

#ifdef __x86_64__
#define OWN_ARCHITECTURE	AUDIT_ARCH_X86_64
#else
#define OWN_ARCHITECTURE	AUDIT_ARCH_AARCH64
#endif

#define ALLOW(name) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* The library looks for files of the kernel about its machine; there are none. */
#define DENY(name) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES)

/* Memory may be had, but not for code; the third argument says what for. */
#define ALLOW_DATA(name) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])), \
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/*
 * Everything that is not listed kills.  A kernel without filters runs the
 * program all the same: the bounds hold, and the file has been checked.
 */
static void
filter_system_calls(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(read),
		ALLOW(write),
		ALLOW(brk),
		ALLOW_DATA(mmap),
		ALLOW_DATA(mprotect),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(madvise),
		ALLOW(futex),
		ALLOW(clock_gettime),
		ALLOW(gettimeofday),
		ALLOW(getpid),
		ALLOW(gettid),
		ALLOW(sched_yield),
		ALLOW(sched_getaffinity),
		ALLOW(getrusage),
		ALLOW(sysinfo),
		ALLOW(uname),
#ifdef SYS_getrandom
		ALLOW(getrandom),
#endif
		ALLOW(rt_sigprocmask),
		ALLOW(rt_sigaction),
		ALLOW(rt_sigreturn),
		ALLOW(tgkill),
		ALLOW(exit),
		ALLOW(exit_group),
		DENY(openat),
		DENY(readlinkat),
		DENY(faccessat),
		DENY(fstat),
#ifdef SYS_newfstatat
		DENY(newfstatat),
#endif
#ifdef SYS_open
		DENY(open),
		DENY(access),
		DENY(stat),
		DENY(readlink),
#endif
		DENY(lseek),
		DENY(ioctl),
		DENY(prlimit64),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL)
	};
	struct sock_fprog program = {
		.len = sizeof(rules) / sizeof(rules[0]),
		.filter = rules
	};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 &&
		errno != EINVAL && errno != ENOSYS)
		_exit(EXIT_BOUNDS);
}

#else

static void
filter_system_calls(void)
{
}

#endif

static void
serve(const SbkLibrary *library, SbkBoosterHandle **handle,
	  const SbkRequest *request, char *payload)
{
	SbkLibraryError error = {""};
	SbkPrediction prediction = {0};
	SbkReply	reply = {0};
	const void *answer = error.message;
	int			rounds = 0;
	size_t		features = 0;

	if ((request->kind == SBK_REQUEST_LOAD) != (*handle == NULL))
		_exit(EXIT_PROTOCOL);
	switch (request->kind)
	{
		case SBK_REQUEST_LOAD:
			reply.succeeded = library->load(payload, request->size, handle,
											&error);
			break;
		case SBK_REQUEST_DESCRIBE:
			reply.succeeded = library->describe(*handle, &rounds, &features,
												&error);
			reply.rounds = rounds;
			reply.features = features;
			break;
		case SBK_REQUEST_PREDICT:
			reply.succeeded = predict(library, *handle, request, payload,
									  &prediction, &error);
			reply.width = prediction.width;
			break;
		default:
			_exit(EXIT_PROTOCOL);
	}
	if (!reply.succeeded)
		reply.size = strlen(error.message);
	else if (request->kind == SBK_REQUEST_PREDICT)
	{
		answer = prediction.result;
		reply.size = request->nrows * prediction.width * sizeof(float);
	}
	write_all(&reply, sizeof(reply));
	write_all(answer, reply.size);
}

static bool
predict(const SbkLibrary *library, SbkBoosterHandle *handle,
		const SbkRequest *request, const char *payload,
		SbkPrediction *prediction, SbkLibraryError *error)
{
	uint64_t	cells = request->nrows * request->ncols;

	prediction->rows = (const float *) payload;
	prediction->nrows = request->nrows;
	prediction->ncols = request->ncols;
	if (request->has_base_margin)
		prediction->base_margin = prediction->rows + cells;
	prediction->kind = (SbkPredictionKind) request->prediction;
	prediction->rounds = request->rounds;
	prediction->in_place = request->in_place != 0;
	return library->predict(handle, prediction, error);
}

/* False at the end of what the backend has to say. */
static bool
read_all(void *buffer, size_t size)
{
	char	   *at = buffer;

	while (size > 0)
	{
		ssize_t		n = read(STDIN_FILENO, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= n;
	}
	return true;
}

static void
write_all(const void *buffer, size_t size)
{
	const char *at = buffer;

	while (size > 0)
	{
		ssize_t		n = write(STDOUT_FILENO, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(EXIT_PROTOCOL);
		at += n;
		size -= n;
	}
}
