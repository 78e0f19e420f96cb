/*
 * keeper.c
 *		Who keeps the records of runs, and who works for whom.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "job/keeper.h"

void
sbk_assume(Oid user, SbkGuise *guise)
{
	GetUserIdAndSecContext(&guise->user, &guise->context);
	SetUserIdAndSecContext(user, guise->context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	guise->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
sbk_resume(const SbkGuise *guise)
{
	AtEOXact_GUC(false, guise->guc_level);
	SetUserIdAndSecContext(guise->user, guise->context);
}

void
sbk_call(Oid keeper, const char *statement, int n, Oid *types, Datum *values,
		 const char *nulls)
{
	SbkGuise	guise;
	int			rc;

	/* not restricted: moments are taken by a deferred trigger */
	GetUserIdAndSecContext(&guise.user, &guise.context);
	SetUserIdAndSecContext(keeper, guise.context | SECURITY_LOCAL_USERID_CHANGE);
	rc = SPI_execute_with_args(statement, n, types, values, nulls, false, 0);
	SetUserIdAndSecContext(guise.user, guise.context);
	if (rc < 0)
		elog(ERROR, "could not keep records: %s", SPI_result_code_string(rc));
}

char *
sbk_column(int number)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number);
}

int64
sbk_column_int(int number)
{
	char	   *text = sbk_column(number);

	return text == NULL ? 0 :
		DatumGetInt64(DirectFunctionCall1(int8in, CStringGetDatum(text)));
}

double
sbk_column_real(int number)
{
	return DatumGetFloat8(DirectFunctionCall1(float8in,
											  CStringGetDatum(sbk_column(number))));
}
