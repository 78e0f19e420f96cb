/*
 * partition.h
 *		The months of a history.
 */
#ifndef SBK_PARTITION_H
#define SBK_PARTITION_H

#include "datatype/timestamp.h"
#include "utils/relcache.h"

/*
 * Makes the partitions that the histories of a job lack for what ends at a time,
 * and, if ahead, a month later; as their owner.  SPI must be connected.
 */
extern void sbk_partition_prepare(int32 job_id, Oid owner, Oid history,
								  TimestampTz at, bool ahead);

/* The partition of a history for what ends then; InvalidOid: there is none. */
extern Oid	sbk_partition_find(Relation history, TimestampTz at);

#endif							/* SBK_PARTITION_H */
