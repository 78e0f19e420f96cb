/*
 * trace.c
 *		What of an error's context is of use to whoever sees it.
 */
#include "postgres.h"

#include "job/trace.h"

static ErrorData *take(MemoryContext context);
static bool is_internal(const ErrorData *error);

void
sbk_trace_rethrow(MemoryContext context, const char *statement, bool keep_inner)
{
	ErrorData  *error = take(context);
	char	   *found = error->context ? strstr(error->context, statement) : NULL;

	if (found != NULL && !is_internal(error))
	{
		char	   *start = found;
		char	   *outer = strchr(found + strlen(statement), '\n');

		while (start > error->context && start[-1] != '\n')
			start--;
		if (!keep_inner)
			start = error->context;
		if (outer != NULL)
			memmove(start, outer + 1, strlen(outer + 1) + 1);
		else if (start > error->context)
			start[-1] = '\0';
		else
			error->context = NULL;
	}
	ReThrowError(error);
}

/* What calls the entry adds its lines once more. */
void
sbk_trace_rethrow_entry(MemoryContext context)
{
	ErrorData  *error = take(context);

	if (is_internal(error))
		ReThrowError(error);
	error->context = NULL;
	ThrowErrorData(error);
	pg_unreachable();
}

static ErrorData *
take(MemoryContext context)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	return error;
}

static bool
is_internal(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTERNAL_ERROR;
}
