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
PG_FUNCTION_INFO_V1(sbk_sql_resolve_reference);

/* False for a model that is not there, as a row security policy needs it. */
Datum
sbk_sql_has_model_privilege(PG_FUNCTION_ARGS)
{
	Oid			role = get_role_oid(NameStr(*PG_GETARG_NAME(0)), true);
	int32		model_id = PG_GETARG_INT32(1);
	char	   *privilege = text_to_cstring(PG_GETARG_TEXT_PP(2));
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;
	bool		result = false;

	sbk_check_privilege(privilege);
	sbk_key_int(&key, Anum_model_model_id, model_id);
	sbk_scan_begin(&scan, "model", "pkey", 1, &key);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	if (tuple != NULL && OidIsValid(role))
	{
		bool		isnull;
		Name		owner = DatumGetName(sbk_scan_column(&scan, tuple,
														 Anum_model_owner,
														 &isnull));

		result = sbk_has_privilege(role, model_id, owner, privilege);
	}
	sbk_scan_end(&scan);
	PG_RETURN_BOOL(result);
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
