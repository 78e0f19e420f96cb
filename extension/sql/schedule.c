/*
 * schedule.c
 *		What schedules need of C.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "job/errand.h"

PG_FUNCTION_INFO_V1(sbk_sql_run_in_database);

Datum
sbk_sql_run_in_database(PG_FUNCTION_ARGS)
{
	sbk_errand_run(NameStr(*PG_GETARG_NAME(0)), NameStr(*PG_GETARG_NAME(1)),
				   text_to_cstring(PG_GETARG_TEXT_PP(2)));
	PG_RETURN_VOID();
}
