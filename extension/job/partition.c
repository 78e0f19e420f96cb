/*
 * partition.c
 *		The months of a history.
 *
 * Runs make them ahead, so that pulls and streams, which come in the middle of
 * others' transactions, seldom have to.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "job/guise.h"
#include "job/partition.h"

/* as long as the longest month, so that it leads into one that comes after */
#define MONTH_AHEAD		(31 * USECS_PER_DAY)

void
sbk_partition_prepare(int32 job_id, Oid owner, Oid history, TimestampTz at,
					  bool ahead)
{
	Oid			types[2] = {INT4OID, TIMESTAMPTZOID};
	Datum		values[2] = {Int32GetDatum(job_id), TimestampTzGetDatum(at)};
	Relation	relation = table_open(history, AccessShareLock);
	bool		is_complete = relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE ||
		(OidIsValid(sbk_partition_find(relation, at)) &&
		 (!ahead || OidIsValid(sbk_partition_find(relation, at + MONTH_AHEAD))));
	SbkGuise	guise;

	table_close(relation, NoLock);
	if (is_complete)
		return;
	sbk_guise_assume(owner, SECURITY_RESTRICTED_OPERATION, &guise);
	if (SPI_execute_with_args("SELECT scorebook.create_partitions(b.relation, $2)"
							  " FROM scorebook.registered_job AS j, scorebook.book_tables(j) AS b"
							  " WHERE j.job_id = $1 AND b.kind = 'history'", 2,
							  types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not create partitions");
	sbk_guise_resume(&guise);
}

Oid
sbk_partition_find(Relation history, TimestampTz at)
{
	PartitionKey key = RelationGetPartitionKey(history);
	PartitionDesc partitions = RelationGetPartitionDesc(history, true);
	PartitionBoundInfo bounds = partitions->boundinfo;
	Datum		value = TimestampTzGetDatum(at);
	bool		is_equal;
	int			offset;
	int			i;

	if (bounds == NULL || key->strategy != PARTITION_STRATEGY_RANGE)
		return InvalidOid;
	offset = partition_range_datum_bsearch(key->partsupfunc, key->partcollation,
										   bounds, 1, &value, &is_equal);
	i = bounds->indexes[offset + 1];
	return i < 0 ? InvalidOid : partitions->oids[i];
}
