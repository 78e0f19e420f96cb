/*
 * keeper.c
 *		Who keeps the records of runs.
 *
 * Who pulls one score after another should not wait for the same few statements
 * to be planned each time.  A plan is kept for each of them, by its address; one
 * that does not fit any more is made anew by PostgreSQL.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "job/guise.h"
#include "job/keeper.h"
#include "job/trace.h"

typedef struct KeptPlan
{
	const char *statement;		/* key */
	SPIPlanPtr	plan;
} KeptPlan;

static HTAB *plans;

/* Nothing but scorebook's own functions sets it, so that no setting can. */
static bool may_change = false;

static void call(Oid keeper, const char *statement, int n, Oid *types,
				 Datum *values, const char *nulls, Snapshot snapshot);
static SPIPlanPtr find_plan(const char *statement, int n, Oid *types);

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
	call(keeper, statement, n, types, values, nulls, InvalidSnapshot);
}

void
sbk_call_now(Oid keeper, const char *statement, int n, Oid *types,
			 Datum *values)
{
	call(keeper, statement, n, types, values, NULL, GetLatestSnapshot());
}

void
sbk_call_under(Oid keeper, Snapshot snapshot, const char *statement, int n,
			   Oid *types, Datum *values, const char *nulls)
{
	call(keeper, statement, n, types, values, nulls, snapshot);
}

/* By a snapshot, it reads only. */
static void
call(Oid keeper, const char *statement, int n, Oid *types, Datum *values,
	 const char *nulls, Snapshot snapshot)
{
	bool		before;
	SbkGuise	guise;
	MemoryContext context = CurrentMemoryContext;
	volatile int rc = 0;

	/* not restricted: moments are taken by a deferred trigger */
	sbk_guise_assume(keeper, 0, &guise);
	before = sbk_keeper_let(true);
	PG_TRY();
	{
		rc = SPI_execute_snapshot(find_plan(statement, n, types), values, nulls,
								  snapshot, InvalidSnapshot,
								  snapshot != InvalidSnapshot, true, 0);
	}
	PG_CATCH();
	{
		(void) sbk_keeper_let(before);
		sbk_trace_rethrow(context, statement, false);
	}
	PG_END_TRY();
	(void) sbk_keeper_let(before);
	sbk_guise_resume(&guise);
	if (rc < 0)
		elog(ERROR, "could not keep records: %s", SPI_result_code_string(rc));
}

static SPIPlanPtr
find_plan(const char *statement, int n, Oid *types)
{
	HASHCTL		control = {.keysize = sizeof(const char *),.entrysize = sizeof(KeptPlan)};
	KeptPlan   *kept;
	bool		found;

	if (plans == NULL)
		plans = hash_create("scorebook plans", 16, &control, HASH_ELEM | HASH_BLOBS);
	kept = hash_search(plans, &statement, HASH_ENTER, &found);
	if (!found)
		kept->plan = NULL;
	if (kept->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(statement, n, types);

		if (plan == NULL)
			elog(ERROR, "could not keep records: %s",
				 SPI_result_code_string(SPI_result));
		if (SPI_keepplan(plan) != 0)
			elog(ERROR, "could not keep a plan");
		kept->plan = plan;
	}
	return kept->plan;
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
