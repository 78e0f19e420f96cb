/*
 * moment.c
 *		The order in which writers commit, for SQL.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "book/moment.h"

PG_FUNCTION_INFO_V1(sbk_sql_open_moment);
PG_FUNCTION_INFO_V1(sbk_sql_take_moment);
PG_FUNCTION_INFO_V1(sbk_sql_final_until);

Datum
sbk_sql_open_moment(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("open_moment_internal is a trigger function"));
	sbk_moment_open();
	PG_RETURN_POINTER(NULL);
}

Datum
sbk_sql_take_moment(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(sbk_moment_take(PG_GETARG_INT32(0)));
}

Datum
sbk_sql_final_until(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(sbk_moment_final_until(PG_GETARG_INT32(0)));
}
