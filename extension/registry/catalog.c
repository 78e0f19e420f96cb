/*
 * catalog.c
 *		Direct scans of the registry's tables.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "registry/catalog.h"
#include "scorebook.h"

static Oid	find_relation(const char *name);

void
sbk_scan_begin(SbkScan *scan, const char *name, const char *suffix, int nkeys,
			   ScanKey keys)
{
	char		index_name[NAMEDATALEN];

	snprintf(index_name, sizeof(index_name), "%s_%s", name, suffix);
	scan->table = table_open(sbk_catalog_relation(name), AccessShareLock);
	scan->index = index_open(sbk_catalog_relation(index_name), AccessShareLock);
	scan->desc = RelationGetDescr(scan->table);
	scan->scan = systable_beginscan_ordered(scan->table, scan->index,
											GetActiveSnapshot(), nkeys, keys);
}

HeapTuple
sbk_scan_next(SbkScan *scan, ScanDirection direction)
{
	return systable_getnext_ordered(scan->scan, direction);
}

void
sbk_scan_end(SbkScan *scan)
{
	systable_endscan_ordered(scan->scan);
	index_close(scan->index, AccessShareLock);
	table_close(scan->table, AccessShareLock);
}

Datum
sbk_scan_column(SbkScan *scan, HeapTuple tuple, int column, bool *isnull)
{
	return heap_getattr(tuple, column, scan->desc, isnull);
}

char *
sbk_scan_text(SbkScan *scan, HeapTuple tuple, int column)
{
	bool		isnull;
	Datum		value = sbk_scan_column(scan, tuple, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

void
sbk_key_int(ScanKey key, int column, int32 value)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(value));
}

/* The text columns that are searched have the collation "C". */
void
sbk_key_text(ScanKey key, int column, const char *value)
{
	ScanKeyEntryInitialize(key, 0, column, BTEqualStrategyNumber, InvalidOid,
						   C_COLLATION_OID, F_TEXTEQ,
						   CStringGetTextDatum(value));
}

bool
sbk_catalog_has(const char *name)
{
	return OidIsValid(find_relation(name));
}

Oid
sbk_catalog_relation(const char *name)
{
	Oid			relation = find_relation(name);

	if (!OidIsValid(relation))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation \"%s.%s\" does not exist", SBK_SCHEMA, name),
				errhint("Run CREATE EXTENSION scorebook in this database."));
	return relation;
}

static Oid
find_relation(const char *name)
{
	Oid			schema = get_namespace_oid(SBK_SCHEMA, true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}
