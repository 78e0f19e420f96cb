/*
 * lookup.c
 *		What the registry's SQL asks C for: rights and references.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "compat.h"
#include "registry/catalog.h"
#include "registry/reference.h"
#include "registry/rights.h"

PG_FUNCTION_INFO_V1(sbk_sql_has_model_privilege);
PG_FUNCTION_INFO_V1(sbk_sql_has_job_privilege);
PG_FUNCTION_INFO_V1(sbk_sql_resolve_reference);

static bool find_owner(const char *table, int32 id, int owner_column,
					   NameData *owner);

/* False for a model that is not there, as a row security policy needs it. */
Datum
sbk_sql_has_model_privilege(PG_FUNCTION_ARGS)
{
	Oid			role = get_role_oid(NameStr(*PG_GETARG_NAME(0)), true);
	int32		model_id = PG_GETARG_INT32(1);
	char	   *privilege = text_to_cstring(PG_GETARG_TEXT_PP(2));
	NameData	owner;

	sbk_check_privilege(privilege);
	PG_RETURN_BOOL(OidIsValid(role) &&
				   find_owner("model", model_id, Anum_model_owner, &owner) &&
				   sbk_has_privilege(role, model_id, &owner, privilege));
}

/* The same for a job, be it dropped. */
Datum
sbk_sql_has_job_privilege(PG_FUNCTION_ARGS)
{
	Oid			role = get_role_oid(NameStr(*PG_GETARG_NAME(0)), true);
	int32		job_id = PG_GETARG_INT32(1);
	char	   *privilege = text_to_cstring(PG_GETARG_TEXT_PP(2));
	NameData	owner;

	sbk_check_job_privilege(privilege);
	PG_RETURN_BOOL(OidIsValid(role) &&
				   find_owner("registered_job", job_id, Anum_job_owner,
							  &owner) &&
				   sbk_has_job_privilege(role, job_id, &owner, privilege));
}

/* Of the row with a number in the first column; false where there is none. */
static bool
find_owner(const char *table, int32 id, int owner_column, NameData *owner)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;
	bool		isnull;

	sbk_key_int(&key, 1, id);
	sbk_scan_begin(&scan, table, "pkey", 1, &key);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	if (tuple != NULL)
		*owner = *DatumGetName(sbk_scan_column(&scan, tuple, owner_column,
											   &isnull));
	sbk_scan_end(&scan);
	return tuple != NULL;
}

Datum
sbk_sql_resolve_reference(PG_FUNCTION_ARGS)
{
	text	   *ref = PG_GETARG_TEXT_PP(0);
	char	   *privilege = text_to_cstring(PG_GETARG_TEXT_PP(1));
	SbkReference reference;
	SbkResolved resolved;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	sbk_check_privilege(privilege);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	sbk_reference_parse(VARDATA_ANY(ref), VARSIZE_ANY_EXHDR(ref), &reference);
	sbk_reference_resolve(&reference, privilege, &resolved);
	values[0] = Int32GetDatum(resolved.model_id);
	values[1] = Int32GetDatum(resolved.version);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}
