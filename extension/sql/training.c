/*
 * training.c
 *		What a query uses that may give something else each time.
 *
 * The query is parsed and rewritten, so that views and row security are looked
 * into, and neither planned nor run.  What a function calls is not seen: it is
 * what it is declared to be.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/regproc.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(sbk_sql_query_changes);

/* One row for each thing that is used, as often as it is. */
typedef struct Changes
{
	Tuplestorestate *store;
	TupleDesc	desc;
} Changes;

static bool find_changes(Node *node, void *arg);
static bool note_function(Oid function, void *arg);
static void note(Changes *changes, const char *what, const char *kind);
static const char *clock_of(const SQLValueFunction *value);

Datum
sbk_sql_query_changes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			types[1] = {TIMESTAMPTZOID};
	Changes		changes;
	SPIPlanPtr	plan;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	changes.store = result->setResult;
	changes.desc = result->setDesc;
	SPI_connect();
	plan = SPI_prepare(text_to_cstring(PG_GETARG_TEXT_PP(0)), 1, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare the query: %s",
			 SPI_result_code_string(SPI_result));
	foreach(cell, SPI_plan_get_plan_sources(plan))
		(void) find_changes((Node *) ((CachedPlanSource *) lfirst(cell))->query_list,
							&changes);
	SPI_finish();
	return (Datum) 0;
}

static bool
find_changes(Node *node, void *arg)
{
	Changes    *changes = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_changes, changes, 0);
	if (IsA(node, NextValueExpr))
		note(changes, "nextval", "random");
	else if (IsA(node, TableSampleClause) &&
			 ((TableSampleClause *) node)->repeatable == NULL)
		note(changes, "TABLESAMPLE without REPEATABLE", "random");
	else if (IsA(node, SQLValueFunction))
	{
		const char *clock = clock_of((SQLValueFunction *) node);

		if (clock != NULL)
			note(changes, clock, "clock");
	}
	(void) check_functions_in_node(node, note_function, changes);
	return expression_tree_walker(node, find_changes, changes);
}

/* Always false, so that all of them are found. */
static bool
note_function(Oid function, void *arg)
{
	Changes    *changes = arg;

	switch (function)
	{
		case F_NOW:
		case F_TRANSACTION_TIMESTAMP:
		case F_STATEMENT_TIMESTAMP:
		case F_AGE_TIMESTAMP:
		case F_AGE_TIMESTAMPTZ:
			note(changes, format_procedure(function), "clock");
			break;
		default:
			if (func_volatile(function) == PROVOLATILE_VOLATILE)
				note(changes, format_procedure(function),
					 function < FirstUnpinnedObjectId ? "random" : "volatile");
	}
	return false;
}

static void
note(Changes *changes, const char *what, const char *kind)
{
	Datum		values[2] = {CStringGetTextDatum(what), CStringGetTextDatum(kind)};
	bool		nulls[2] = {false, false};

	tuplestore_putvalues(changes->store, changes->desc, values, nulls);
}

/* NULL for those that tell who one is. */
static const char *
clock_of(const SQLValueFunction *value)
{
	switch (value->op)
	{
		case SVFOP_CURRENT_DATE:
			return "CURRENT_DATE";
		case SVFOP_CURRENT_TIME:
		case SVFOP_CURRENT_TIME_N:
			return "CURRENT_TIME";
		case SVFOP_CURRENT_TIMESTAMP:
		case SVFOP_CURRENT_TIMESTAMP_N:
			return "CURRENT_TIMESTAMP";
		case SVFOP_LOCALTIME:
		case SVFOP_LOCALTIME_N:
			return "LOCALTIME";
		case SVFOP_LOCALTIMESTAMP:
		case SVFOP_LOCALTIMESTAMP_N:
			return "LOCALTIMESTAMP";
		case SVFOP_CURRENT_ROLE:
		case SVFOP_CURRENT_USER:
		case SVFOP_USER:
		case SVFOP_SESSION_USER:
		case SVFOP_CURRENT_CATALOG:
		case SVFOP_CURRENT_SCHEMA:
			break;
	}
	return NULL;
}
