/*
 * history.c
 *		The triggers of tables with history, and of their histories.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "book/history.h"

PG_FUNCTION_INFO_V1(sbk_sql_keep_history);
PG_FUNCTION_INFO_V1(sbk_sql_guard_history);
PG_FUNCTION_INFO_V1(sbk_sql_open_rows);
PG_FUNCTION_INFO_V1(sbk_sql_close_rows);

static TriggerData *find_trigger(FunctionCallInfo fcinfo, const char *name);

Datum
sbk_sql_keep_history(PG_FUNCTION_ARGS)
{
	sbk_history_keep(find_trigger(fcinfo, "keep_history"));
	PG_RETURN_POINTER(NULL);
}

Datum
sbk_sql_guard_history(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = find_trigger(fcinfo, "guard_history");

	if (!sbk_history_allows(RelationGetRelid(trigger->tg_relation)))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("table \"%s\" is a history and cannot be written",
					   RelationGetRelationName(trigger->tg_relation)),
				errhint("It follows the table that it is the history of."));
	PG_RETURN_POINTER(NULL);
}

Datum
sbk_sql_open_rows(PG_FUNCTION_ARGS)
{
	sbk_history_open_rows(PG_GETARG_INT32(0), PG_GETARG_OID(1));
	PG_RETURN_VOID();
}

Datum
sbk_sql_close_rows(PG_FUNCTION_ARGS)
{
	sbk_history_close_rows(PG_GETARG_INT32(0), PG_GETARG_OID(1));
	PG_RETURN_VOID();
}

static TriggerData *
find_trigger(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("%s is a trigger function", name));
	return (TriggerData *) fcinfo->context;
}
