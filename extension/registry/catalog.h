/*
 * catalog.h
 *		Direct scans of the registry's tables.
 *
 * The scoring path reads its registry with index scans under the statement's
 * snapshot, without SPI: the same on a primary, on a hot standby and in a
 * parallel worker, and no matter what the tables' row security says.  Whoever
 * calls this has checked the rights of the role, or is about to.
 *
 * The numbers of columns are those of sql/parts/10_registry.sql, 60_time.sql,
 * 61_job.sql, 62_job_rights.sql, 65_versioning.sql, 70_erasing.sql and
 * 71_record_requirement.sql.
 */
#ifndef SBK_CATALOG_H
#define SBK_CATALOG_H

#include "access/genam.h"
#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/relcache.h"

#define Anum_model_model_id				1
#define Anum_model_name					2
#define Anum_model_owner				3
#define Anum_model_mode					4

#define Anum_version_model_id			1
#define Anum_version_version			2
#define Anum_version_objective			3
#define Anum_version_num_feature		4
#define Anum_version_num_output			5
#define Anum_version_iterations			6
#define Anum_version_missing			7
#define Anum_version_base_margin		8
#define Anum_version_classes			9
#define Anum_version_cutoff				10
#define Anum_version_sha256				15
#define Anum_version_tolerance			26

#define Anum_artifact_model_id			1
#define Anum_artifact_version			2
#define Anum_artifact_artifact			3

#define Anum_compiled_model_id			1
#define Anum_compiled_version			2
#define Anum_compiled_compiled			3

#define Anum_feature_model_id			1
#define Anum_feature_version			2
#define Anum_feature_position			3
#define Anum_feature_name				4
#define Anum_feature_column_name		5
#define Anum_feature_type				6
#define Anum_feature_levels				7
#define Anum_feature_on_null			8
#define Anum_feature_on_unseen			9
#define Anum_feature_unseen_level		10
#define Anum_feature_on_inexact			11

#define Anum_alias_model_id				1
#define Anum_alias_alias				2
#define Anum_alias_version				4

#define Anum_verification_model_id		1
#define Anum_verification_version		2
#define Anum_verification_engine		5
#define Anum_verification_library_version	6

#define Anum_retirement_model_id		1
#define Anum_retirement_version			2

/* of model_grant and job_grant */
#define Anum_grant_object_id			1
#define Anum_grant_grantee				2
#define Anum_grant_privilege			3

#define Anum_requirement_model_id		1
#define Anum_requirement_required		3

#define Anum_moment_writer				1
#define Anum_moment_timeline_id			2
#define Anum_moment_committed_at		3
#define Anum_moment_boot_id				4
#define Anum_moment_uptime				5

#define Anum_timeline_timeline_id		1
#define Anum_timeline_begins_at			2

#define Anum_job_owner					3

#define Anum_tombstone_job_id			2
#define Anum_tombstone_key_hash			3
#define Anum_tombstone_lifted_at		7

#define Anum_secret_job_id				1
#define Anum_secret_secret				2

#define Anum_versioned_timeline_id		1
#define Anum_versioned_relation			2
#define Anum_versioned_history			3
#define Anum_versioned_since			4
#define Anum_versioned_members			6
#define Anum_versioned_statements		7

/* A table or index of the extension; throws where it is not there. */
extern Oid	sbk_catalog_relation(const char *name);

/* Is it there?  Not where the database has not been updated yet. */
extern bool sbk_catalog_has(const char *name);

/* A scan of a table by its index, in the index's order. */
typedef struct SbkScan
{
	Relation	table;
	Relation	index;
	SysScanDesc scan;
	TupleDesc	desc;
} SbkScan;

/*
 * Begins a scan under the active snapshot; name is that of the table, its
 * index is called <name>_<suffix>.  Throws where the extension's tables are
 * not there.
 */
extern void sbk_scan_begin(SbkScan *scan, const char *name, const char *suffix,
						   int nkeys, ScanKey keys);

/* The next row, valid until the one after; NULL at the end. */
extern HeapTuple sbk_scan_next(SbkScan *scan, ScanDirection direction);

extern void sbk_scan_end(SbkScan *scan);

/* A column of the row; text columns come as palloc'd strings or NULL. */
extern Datum sbk_scan_column(SbkScan *scan, HeapTuple tuple, int column,
							 bool *isnull);
extern char *sbk_scan_text(SbkScan *scan, HeapTuple tuple, int column);

/* Keys that compare for equality. */
extern void sbk_key_int(ScanKey key, int column, int32 value);
extern void sbk_key_text(ScanKey key, int column, const char *value);

#endif							/* SBK_CATALOG_H */
