/*
 * erase.c
 *		Taking from a book what must not be kept, for SQL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "job/erased.h"
#include "job/guise.h"
#include "job/lock.h"
#include "job/writer.h"
#include "registry/catalog.h"

PG_FUNCTION_INFO_V1(sbk_sql_keep_writers_out);
PG_FUNCTION_INFO_V1(sbk_sql_amend_book);
PG_FUNCTION_INFO_V1(sbk_sql_read_key);
PG_FUNCTION_INFO_V1(sbk_sql_keyed_hash);
PG_FUNCTION_INFO_V1(sbk_sql_begins_at);
PG_FUNCTION_INFO_V1(sbk_sql_partition_bounds);

static bytea *hash_key(int32 job_id, SbkKeyHasher *hasher,
					   const Datum *values, const bool *nulls);
static char *show_key(bool as_pattern);
static void append_pattern(StringInfo text, const char *value, bool is_number);
static bool read_bound(const List *bound, Datum *value);

Datum
sbk_sql_keep_writers_out(PG_FUNCTION_ARGS)
{
	sbk_writer_require_writable("an amendment of a scorebook book");
	sbk_lock_keep_writers_out(PG_GETARG_INT32(0),
							  text_to_cstring(PG_GETARG_TEXT_PP(1)),
							  PG_GETARG_BOOL(2));
	PG_RETURN_VOID();
}

/* The rows of the statement, which must be those of the function. */
Datum
sbk_sql_amend_book(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	uint64		i;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		elog(ERROR, "nothing to amend");
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	sbk_writer_amend(PG_GETARG_OID(0), text_to_cstring(PG_GETARG_TEXT_PP(1)),
					 PG_ARGISNULL(2) ? 0 : PG_GETARG_DATUM(2));
	for (i = 0; SPI_tuptable != NULL && i < SPI_tuptable->numvals; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	return (Datum) 0;
}

/*
 * What a key is, its types being those of a table: the hash by which it is known
 * once it is erased, null where the job has no secret yet; its digest; how it is
 * shown; and a regular expression for all ways to show it.  The statement gives
 * the values of a key that it takes as $1; all nulls where it has no row.
 */
Datum
sbk_sql_read_key(PG_FUNCTION_ARGS)
{
	Oid			types[1] = {JSONBOID};
	Datum		subject = PG_GETARG_DATUM(3);
	Datum		values[4] = {0};
	bool		nulls[4] = {true, true, true, true};
	TupleDesc	desc;
	HeapTupleHeader row;
	SbkGuise	guise;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	SPI_connect();
	sbk_guise_assume(sbk_writer_owner(PG_GETARG_OID(1)), SECURITY_RESTRICTED_OPERATION, &guise);
	if (SPI_execute_with_args(text_to_cstring(PG_GETARG_TEXT_PP(2)), 1, types,
							  &subject, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read a key");
	sbk_guise_resume(&guise);
	if (SPI_processed > 0)
	{
		TupleDesc	key = SPI_tuptable->tupdesc;
		Datum	   *key_values = palloc(key->natts * sizeof(Datum));
		bool	   *key_nulls = palloc(key->natts * sizeof(bool));
		SbkKeyHasher *hasher = sbk_key_hasher_make(key, key->natts);
		bytea	   *hash;

		heap_deform_tuple(SPI_tuptable->vals[0], key, key_values, key_nulls);
		hash = hash_key(PG_GETARG_INT32(0), hasher, key_values, key_nulls);
		nulls[0] = hash == NULL;
		nulls[1] = nulls[2] = nulls[3] = false;
		values[0] = PointerGetDatum(hash);
		values[1] = Int64GetDatum((int64) sbk_key_digest(hasher, key_values,
														 key_nulls));
		values[2] = CStringGetTextDatum(show_key(false));
		values[3] = CStringGetTextDatum(show_key(true));
	}
	row = SPI_returntuple(heap_form_tuple(desc, values, nulls), desc);
	SPI_finish();
	PG_RETURN_HEAPTUPLEHEADER(row);
}

static bytea *
hash_key(int32 job_id, SbkKeyHasher *hasher, const Datum *values,
		 const bool *nulls)
{
	bytea	   *hash = palloc(VARHDRSZ + SBK_KEY_HASH_LENGTH);

	SET_VARSIZE(hash, VARHDRSZ + SBK_KEY_HASH_LENGTH);
	if (!sbk_erased_hash(job_id, hasher, values, nulls,
						 (uint8 *) VARDATA(hash)))
		return NULL;
	return hash;
}

/* Of the row in SPI_tuptable, as pass.c shows it: (a, b)=(1, 2). */
static char *
show_key(bool as_pattern)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	StringInfoData text;
	int			i;

	initStringInfo(&text);
	for (i = 0; i < 2 * desc->natts; i++)
	{
		int			column = i % desc->natts + 1;
		bool		is_name = i < desc->natts;
		char	   *value = is_name ? SPI_fname(desc, column) :
			SPI_getvalue(SPI_tuptable->vals[0], desc, column);

		appendStringInfoString(&text, i == 0 ? as_pattern ? "\\(" : "(" :
							   i != desc->natts ? ", " :
							   as_pattern ? "\\)=\\(" : ")=(");
		if (as_pattern)
			append_pattern(&text, value, !is_name &&
						   getBaseType(SPI_gettypeid(desc, column)) == NUMERICOID);
		else
			appendStringInfoString(&text, value);
	}
	appendStringInfoString(&text, as_pattern ? "\\)" : ")");
	return text.data;
}

/* Equal numbers differ by the zeros at their end. */
static void
append_pattern(StringInfo text, const char *value, bool is_number)
{
	Size		length = strlen(value);
	Size		i;

	if (is_number && strchr(value, '.') != NULL)
	{
		while (value[length - 1] == '0')
			length--;
		if (value[length - 1] == '.')
			length--;
	}
	for (i = 0; i < length; i++)
	{
		if (strchr("\\^$.[]|()?*+{}", value[i]) != NULL)
			appendStringInfoChar(text, '\\');
		appendStringInfoChar(text, value[i]);
	}
	if (is_number)
		appendStringInfoString(text, memchr(value, '.', length) ? "0*" : "(\\.0*)?");
}

Datum
sbk_sql_keyed_hash(PG_FUNCTION_ARGS)
{
	bytea	   *secret = PG_GETARG_BYTEA_PP(0);
	bytea	   *bytes = PG_GETARG_BYTEA_PP(1);
	bytea	   *hash = palloc(VARHDRSZ + SBK_KEY_HASH_LENGTH);

	if (VARSIZE_ANY_EXHDR(secret) != SBK_SECRET_LENGTH)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a secret must have %d bytes", SBK_SECRET_LENGTH));
	SET_VARSIZE(hash, VARHDRSZ + SBK_KEY_HASH_LENGTH);
	sbk_erased_hash_bytes((uint8 *) VARDATA_ANY(secret), VARDATA_ANY(bytes),
						  VARSIZE_ANY_EXHDR(bytes), (uint8 *) VARDATA(hash));
	PG_RETURN_BYTEA_P(hash);
}

/*
 * Before this time, a timeline is not known any more; null: there is no such
 * timeline.  What has just been dropped from a history is gone for every snapshot,
 * so that the newest one is looked at.
 */
Datum
sbk_sql_begins_at(PG_FUNCTION_ARGS)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;
	Datum		begins_at = 0;
	bool		isnull = true;

	PushActiveSnapshot(GetCatalogSnapshot(sbk_catalog_relation("timeline")));
	sbk_key_int(&key, Anum_timeline_timeline_id, PG_GETARG_INT32(0));
	sbk_scan_begin(&scan, "timeline", "pkey", 1, &key);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	if (tuple != NULL)
		begins_at = sbk_scan_column(&scan, tuple, Anum_timeline_begins_at, &isnull);
	sbk_scan_end(&scan);
	PopActiveSnapshot();
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(begins_at);
}

Datum
sbk_sql_partition_bounds(PG_FUNCTION_ARGS)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(PG_GETARG_OID(0)));
	TupleDesc	desc;
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		bound = SysCacheGetAttr(RELOID, tuple,
											Anum_pg_class_relpartbound, &isnull);

		if (!isnull)
		{
			PartitionBoundSpec *spec = stringToNode(TextDatumGetCString(bound));

			if (spec->strategy == PARTITION_STRATEGY_RANGE && !spec->is_default)
			{
				nulls[0] = !read_bound(spec->lowerdatums, &values[0]);
				nulls[1] = !read_bound(spec->upperdatums, &values[1]);
			}
		}
		ReleaseSysCache(tuple);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/* False where it is not a time. */
static bool
read_bound(const List *bound, Datum *value)
{
	const PartitionRangeDatum *datum;
	const Const *constant;

	if (list_length(bound) != 1)
		return false;
	datum = linitial_node(PartitionRangeDatum, bound);
	if (datum->kind != PARTITION_RANGE_DATUM_VALUE)
		return false;
	constant = castNode(Const, datum->value);
	if (constant->consttype != TIMESTAMPTZOID || constant->constisnull)
		return false;
	*value = constant->constvalue;
	return true;
}
