/*
 * trace.h
 *		What of an error's context is of use to whoever sees it.
 *
 * PostgreSQL adds a line for each function and statement that an error came
 * through.  Those of scorebook's own are nothing that a caller can do something
 * about; those of a function that a source calls, or that calls scorebook, are.
 */
#ifndef SBK_TRACE_H
#define SBK_TRACE_H

#include "compat.h"

/*
 * To be called in PG_CATCH: throws the error again, in a context that outlives
 * it, without the line of the statement, which is scorebook's, and, unless they
 * are to be kept, those of what it has called.  Internal errors keep all.
 */
pg_noreturn extern void sbk_trace_rethrow(MemoryContext context,
										  const char *statement, bool keep_inner);

/*
 * The same for an entry, all below which is scorebook's: left are the lines of
 * what has called it.
 */
pg_noreturn extern void sbk_trace_rethrow_entry(MemoryContext context);

#endif							/* SBK_TRACE_H */
