/*
 * cache.c
 *		What the views on this backend's cache of models read.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "registry/cache.h"
#include "scorebook.h"

PG_FUNCTION_INFO_V1(sbk_sql_cache_counts);
PG_FUNCTION_INFO_V1(sbk_sql_cached_models);

static void put_model(const SbkModel *model, int pins, int64 hits, void *arg);

Datum
sbk_sql_cache_counts(PG_FUNCTION_ARGS)
{
	SbkCacheCounts counts;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	sbk_cache_counts(&counts);
	values[0] = Int64GetDatum(counts.entries);
	values[1] = Int64GetDatum(counts.bytes);
	values[2] = Int64GetDatum((int64) sbk_cache_size * 1024);
	values[3] = Int64GetDatum(counts.hits);
	values[4] = Int64GetDatum(counts.loads);
	values[5] = Int64GetDatum(counts.evictions);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

Datum
sbk_sql_cached_models(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	sbk_cache_visit(put_model, fcinfo->resultinfo);
	return (Datum) 0;
}

static void
put_model(const SbkModel *model, int pins, int64 hits, void *arg)
{
	ReturnSetInfo *result = arg;
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = CStringGetTextDatum(model->label);
	values[1] = Int64GetDatum(model->size);
	values[2] = Int64GetDatum(hits);
	values[3] = BoolGetDatum(pins > 0);
	values[4] = BoolGetDatum(sbk_engine_loaded(model->engine));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
