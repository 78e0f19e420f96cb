/*
 * key_hash.c
 *		Hashes of keys, for SQL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat.h"
#include "job/key_hash.h"

PG_FUNCTION_INFO_V1(sbk_sql_key_digest);
PG_FUNCTION_INFO_V1(sbk_sql_key_place);

/* Keys of one row type, as a call site has them; the type may be altered. */
typedef struct KeyRow
{
	uint64		type;			/* assign_record_type_identifier's */
	TupleDesc	desc;
	SbkKeyHasher *hasher;
	Datum	   *values;
	bool	   *nulls;
} KeyRow;

static const KeyRow *read_key(FunctionCallInfo fcinfo, int argument);
static KeyRow *make_row(MemoryContext context, Oid type, int32 typmod);

Datum
sbk_sql_key_digest(PG_FUNCTION_ARGS)
{
	const KeyRow *key = read_key(fcinfo, 0);

	PG_RETURN_INT64((int64) sbk_key_digest(key->hasher, key->values,
										   key->nulls));
}

Datum
sbk_sql_key_place(PG_FUNCTION_ARGS)
{
	text	   *job = PG_GETARG_TEXT_PP(0);
	const KeyRow *key = read_key(fcinfo, 1);
	uint64		salt = sbk_key_salt(VARDATA_ANY(job), VARSIZE_ANY_EXHDR(job));

	PG_RETURN_INT32(sbk_key_place(key->hasher, salt, key->values, key->nulls));
}

static const KeyRow *
read_key(FunctionCallInfo fcinfo, int argument)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(argument);
	Oid			type = HeapTupleHeaderGetTypeId(header);
	int32		typmod = HeapTupleHeaderGetTypMod(header);
	uint64		identifier = assign_record_type_identifier(type, typmod);
	KeyRow	   *row = fcinfo->flinfo->fn_extra;
	HeapTupleData tuple = {
		.t_len = HeapTupleHeaderGetDatumLength(header),
		.t_data = header
	};

	if (row == NULL || row->type != identifier)
	{
		row = make_row(fcinfo->flinfo->fn_mcxt, type, typmod);
		row->type = identifier;
		fcinfo->flinfo->fn_extra = row;
	}
	heap_deform_tuple(&tuple, row->desc, row->values, row->nulls);
	return row;
}

static KeyRow *
make_row(MemoryContext context, Oid type, int32 typmod)
{
	MemoryContext old_context = MemoryContextSwitchTo(context);
	KeyRow	   *row = palloc(sizeof(KeyRow));

	row->desc = lookup_rowtype_tupdesc_copy(type, typmod);
	row->hasher = sbk_key_hasher_make(row->desc, row->desc->natts);
	row->values = palloc(row->desc->natts * sizeof(Datum));
	row->nulls = palloc(row->desc->natts * sizeof(bool));
	MemoryContextSwitchTo(old_context);
	return row;
}
