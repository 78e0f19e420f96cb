/*
 * keeper.c
 *		Who keeps the records of runs.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "job/guise.h"
#include "job/keeper.h"

/* Nothing but scorebook's own functions sets it, so that no setting can. */
static bool may_change = false;

bool
sbk_keeper_let(bool change)
{
	bool		before = may_change;

	may_change = change;
	return before;
}

bool
sbk_keeper_allows(void)
{
	return may_change;
}

void
sbk_call(Oid keeper, const char *statement, int n, Oid *types, Datum *values,
		 const char *nulls)
{
	bool		before;
	SbkGuise	guise;
	volatile int rc = 0;

	/* not restricted: moments are taken by a deferred trigger */
	sbk_guise_assume(keeper, 0, &guise);
	before = sbk_keeper_let(true);
	PG_TRY();
	{
		rc = SPI_execute_with_args(statement, n, types, values, nulls, false, 0);
	}
	PG_FINALLY();
	{
		(void) sbk_keeper_let(before);
	}
	PG_END_TRY();
	sbk_guise_resume(&guise);
	if (rc < 0)
		elog(ERROR, "could not keep records: %s", SPI_result_code_string(rc));
}

char *
sbk_column(int number)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number);
}

/* Numbers and times not by their texts, which are as the session shows them. */
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
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  number, &isnull);

	return isnull ? 0 : DatumGetFloat8(value);
}

TimestampTz
sbk_column_time(int number)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  number, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}
