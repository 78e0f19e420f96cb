/*
 * definition.c
 *		A job, as a run needs to know it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "job/definition.h"
#include "job/keeper.h"

void
sbk_definition_read(Oid keeper, int64 run, SbkJob *job)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(run)};
	char	   *keep;

	job->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	sbk_call_under(keeper, job->snapshot,
				   "SELECT * FROM scorebook.run_job_internal($1)", 1, types, values,
				   NULL);
	job->name = sbk_column(1);
	job->owner = get_role_oid(sbk_column(2), false);
	job->tables.result = (Oid) sbk_column_int(3);
	job->tables.history = (Oid) sbk_column_int(4);
	job->tables.shadow = (Oid) sbk_column_int(5);
	job->tables.shadow_history = (Oid) sbk_column_int(6);
	job->num_key = (int) sbk_column_int(7);
	job->key_is_unique = *sbk_column(8) == 't';
	keep = sbk_column(9);
	job->keep = strcmp(keep, "full") == 0 ? SBK_KEEP_INPUTS :
		strcmp(keep, "hash") == 0 ? SBK_KEEP_HASH : SBK_KEEP_NO_INPUTS;
	job->each_period = *sbk_column(10) == 't';
	job->record_errors = *sbk_column(11) == 't';
	job->max_errors = sbk_column_int(12);
	job->max_rows = sbk_column_int(13);
	job->deadline = sbk_column_int(14) == 0 ? 0 :
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), sbk_column_int(14));
	job->has_watermark = *sbk_column(15) == 't';
	job->low_watermark = sbk_column(16);
	job->has_scores = *sbk_column(17) == 't';
	job->has_class = *sbk_column(18) == 't';
	job->effective_at = sbk_column_time(19);
	job->scaling.exists = sbk_column(20) != NULL;
	job->higher_is_better = *sbk_column(22) == 't';
	if (job->scaling.exists)
	{
		job->scaling.offset = sbk_column_real(20);
		job->scaling.factor = sbk_column_real(21);
		job->scaling.higher_is_better = job->higher_is_better;
	}
	job->num_reasons = (int) sbk_column_int(23);
	job->reasons_since = sbk_column_int(24);
	job->source = (Oid) sbk_column_int(25);
	job->alike_since = sbk_column_int(26);
	job->settled_until = sbk_column_time(27);
	job->by_row = *sbk_column(28) == 't';
	job->max_vanished = sbk_column_real(29);
	job->revision = (int) sbk_column_int(30);
	job->reads = sbk_column(31);
}

void
sbk_definition_end(SbkJob *job)
{
	UnregisterSnapshot(job->snapshot);
	job->snapshot = InvalidSnapshot;
}

void
sbk_definition_read_ranges(Oid keeper, const SbkJob *job, int32 job_id,
						   const char *kind, SbkRanges *ranges)
{
	Oid			types[2] = {TEXTOID, INT4OID};
	Datum		values[2] = {
		CStringGetTextDatum(kind),
		Int32GetDatum(job_id)
	};
	int			i;

	sbk_call_under(keeper, job->snapshot,
				   "SELECT * FROM scorebook.current_ranges($1, $2)", 2, types, values,
				   NULL);
	ranges->n = (int) SPI_processed;
	if (ranges->n == 0)
		return;
	ranges->set = (int) sbk_column_int(1);
	ranges->of_points = *sbk_column(2) == 't';
	ranges->lows = palloc(ranges->n * sizeof(double));
	ranges->labels = palloc(ranges->n * sizeof(Datum));
	for (i = 0; i < ranges->n; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		ranges->lows[i] = DatumGetFloat8(SPI_getbinval(tuple, desc, 3, &isnull));
		ranges->labels[i] = CStringGetTextDatum(SPI_getvalue(tuple, desc, 4));
	}
}
