/*
 * history.c
 *		Keeps the history of a table as its rows change.
 *
 * The statements are made by sql/parts/65_versioning.sql when the columns of a
 * table change, and their plans are kept for the session as long as they stay
 * the same.  They run as the owner of the table, who owns the companions, too:
 * what the owner has put on those, such as a trigger, has no other rights.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "book/history.h"
#include "registry/catalog.h"

/* From how many rows on a statement has another plan. */
#define MANY_ROWS	1000

/* In the order of versioned_relation.statements. */
typedef enum Statement
{
	OPEN_WRITER,				/* the number of the transaction */
	READ_SUPERSEDED,			/* what others see of the keys in old_rows */
	ARCHIVE,					/* writes what was superseded */
	FORGET,						/* since when are keys there that are gone? */
	REMEMBER,					/* since when are the keys in new_rows there? */
	NUM_STATEMENTS,
	READ_TABLE = NUM_STATEMENTS /* all rows, where they are what was touched */
} Statement;

/* A row of scorebook.versioned_relation. */
typedef struct Versioned
{
	int32		timeline;
	Oid			relation;
	Oid			history;
	Oid			since;
	Oid			owner;			/* of the relation */
	Oid			table;			/* whose rows are touched: it, or a partition */
	bool		many;			/* rows were touched */
	char	   *statements[NUM_STATEMENTS + 1];
} Versioned;

/* A table for the statements that come after. */
typedef struct Shown
{
	EphemeralNamedRelationData relation;
	Tuplestorestate *rows;
} Shown;

typedef struct PlanKey
{
	Oid			table;			/* its columns may have other numbers */
	int			statement;
	int			many;			/* one row has another plan than all have */
} PlanKey;

typedef struct PlanEntry
{
	PlanKey		key;
	char	   *text;			/* NULL while there is no plan */
	SPIPlanPtr	plan;
} PlanEntry;

/*
 * What may be written, while a statement of ours runs.  Nothing but this file
 * sets it, so that no setting can open a history.
 */
static const Versioned *open_versioned = NULL;

static HTAB *plans = NULL;

static void check_is_not_leaving(Relation relation);
static void find_versioned(int32 timeline, Oid table, Versioned *versioned);
static void read_versioned(SbkScan *scan, HeapTuple tuple, Oid table,
						   Versioned *versioned);
static bool contains(ArrayType *tables, Oid table);
static Oid	find_owner(Oid table);
static void whole_table(Versioned *versioned, Oid table);
static void write_rows(Versioned *versioned, TriggerData *trigger,
					   bool old_rows, bool new_rows);
static bool has_many(Tuplestorestate *rows);
static void become(Oid role, int context);
static int64 open_writer(const Versioned *versioned);
static void close_rows(const Versioned *versioned, Datum *values);
static void open_rows(const Versioned *versioned, Datum *values);
static void archive(const Versioned *versioned, Datum *values);
static void show_table(const Versioned *versioned, bool before, Shown *shown);
static void show(const Versioned *versioned, const char *name,
				 Statement statement, Datum *values, bool before,
				 Shown *shown);
static void hide(Shown *shown);
static void execute(const Versioned *versioned, Statement statement,
					Datum *values);
static SPIPlanPtr find_plan(const Versioned *versioned, Statement statement);

void
sbk_history_keep(TriggerData *trigger)
{
	Versioned	versioned;
	Oid			table = RelationGetRelid(trigger->tg_relation);
	TriggerEvent event = trigger->tg_event;

	if (!TRIGGER_FIRED_FOR_STATEMENT(event) || trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("trigger \"%s\" was not made by scorebook",
					   trigger->tg_trigger->tgname),
				errhint("Use scorebook.add_system_versioning."));
	check_is_not_leaving(trigger->tg_relation);
	find_versioned(pg_strtoint32(trigger->tg_trigger->tgargs[0]), table,
				   &versioned);
	if (TRIGGER_FIRED_BY_TRUNCATE(event))
	{
		if (IsolationUsesXactSnapshot())
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("cannot truncate table \"%s\" in a REPEATABLE READ or SERIALIZABLE transaction",
						   RelationGetRelationName(trigger->tg_relation)),
					errdetail("It has history, and TRUNCATE also removes rows that the snapshot does not see."),
					errhint("Use DELETE, or the isolation level READ COMMITTED."));
		whole_table(&versioned, table);
		write_rows(&versioned, NULL, true, false);
	}
	else
		write_rows(&versioned, trigger, !TRIGGER_FIRED_BY_INSERT(event),
				   !TRIGGER_FIRED_BY_DELETE(event));
}

void
sbk_history_open_rows(int32 timeline, Oid table)
{
	Versioned	versioned;

	find_versioned(timeline, InvalidOid, &versioned);
	whole_table(&versioned, table);
	write_rows(&versioned, NULL, false, true);
}

void
sbk_history_close_rows(int32 timeline, Oid table)
{
	Versioned	versioned;

	find_versioned(timeline, InvalidOid, &versioned);
	whole_table(&versioned, table);
	write_rows(&versioned, NULL, true, false);
}

bool
sbk_history_allows(Oid table)
{
	return open_versioned != NULL &&
		(table == open_versioned->history || table == open_versioned->since);
}

/*
 * Between the two transactions of DETACH CONCURRENTLY the rows of a partition
 * are not those of the table any more, and have not ended yet.
 */
static void
check_is_not_leaving(Relation relation)
{
	Oid			table = RelationGetRelid(relation);

	for (; get_rel_relispartition(table);
		 table = get_partition_parent(table, true))
	{
		if (PartitionHasPendingDetach(table))
			ereport(ERROR,
					errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("cannot write table \"%s\" while it is being detached",
						   RelationGetRelationName(relation)),
					errdetail("It has history."),
					errhint("Wait, or use ALTER TABLE ... DETACH PARTITION ... FINALIZE where that was interrupted."));
	}
}

/*
 * Under the latest snapshot: that of a transaction may be older than the
 * history.  With a table, it must be one of those that have the rows.
 */
static void
find_versioned(int32 timeline, Oid table, Versioned *versioned)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;

	PushActiveSnapshot(GetLatestSnapshot());
	sbk_key_int(&key, Anum_versioned_timeline_id, timeline);
	sbk_scan_begin(&scan, "versioned_relation", "pkey", 1, &key);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	versioned->timeline = timeline;
	versioned->table = table;
	versioned->relation = InvalidOid;
	if (tuple != NULL)
		read_versioned(&scan, tuple, table, versioned);
	sbk_scan_end(&scan);
	PopActiveSnapshot();
	if (!OidIsValid(versioned->relation))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("table \"%s\" has no history on timeline %d",
					   get_rel_name(table), timeline),
				errhint("Drop its triggers whose names begin with scorebook_, and use scorebook.add_system_versioning."));
}

static void
read_versioned(SbkScan *scan, HeapTuple tuple, Oid table,
			   Versioned *versioned)
{
	bool		isnull;
	Datum		members = sbk_scan_column(scan, tuple, Anum_versioned_members,
										  &isnull);
	Datum		statements;
	Datum	   *texts;
	int			n;
	int			i;

	if (OidIsValid(table) && !contains(DatumGetArrayTypeP(members), table))
		return;
	versioned->relation = DatumGetObjectId(sbk_scan_column(scan, tuple,
														   Anum_versioned_relation, &isnull));
	versioned->history = DatumGetObjectId(sbk_scan_column(scan, tuple,
														  Anum_versioned_history, &isnull));
	versioned->since = DatumGetObjectId(sbk_scan_column(scan, tuple,
														Anum_versioned_since, &isnull));
	statements = sbk_scan_column(scan, tuple, Anum_versioned_statements,
								 &isnull);
	deconstruct_array(DatumGetArrayTypePCopy(statements), TEXTOID, -1, false,
					  TYPALIGN_INT, &texts, NULL, &n);
	if (n != NUM_STATEMENTS)
		elog(ERROR, "history of relation %u has %d statements",
			 versioned->relation, n);
	for (i = 0; i < n; i++)
		versioned->statements[i] = TextDatumGetCString(texts[i]);
	versioned->statements[READ_TABLE] = NULL;
	versioned->owner = find_owner(versioned->relation);
}

static bool
contains(ArrayType *tables, Oid table)
{
	Oid		   *elements = (Oid *) ARR_DATA_PTR(tables);
	int			n = ArrayGetNItems(ARR_NDIM(tables), ARR_DIMS(tables));
	int			i;

	for (i = 0; i < n; i++)
	{
		if (elements[i] == table)
			return true;
	}
	return false;
}

static Oid
find_owner(Oid table)
{
	Relation	relation = table_open(table, AccessShareLock);
	Oid			owner = relation->rd_rel->relowner;

	table_close(relation, NoLock);
	return owner;
}

/* Makes the statements those over all rows of a table. */
static void
whole_table(Versioned *versioned, Oid table)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[2] = {INT4OID, REGCLASSOID};
	Datum		values[2] = {
		Int32GetDatum(versioned->timeline),
		ObjectIdGetDatum(table)
	};
	int			i;

	versioned->table = table;
	SPI_connect();
	if (SPI_execute_with_args("SELECT s.statement FROM pg_catalog.unnest(scorebook.history_statements($1, $2)) WITH ORDINALITY AS s (statement, number) ORDER BY s.number",
							  2, types, values, NULL, false, 0) != SPI_OK_SELECT ||
		SPI_processed != NUM_STATEMENTS + 1)
		elog(ERROR, "could not make the statements of relation %u", table);
	for (i = 0; i <= NUM_STATEMENTS; i++)
		versioned->statements[i] =
			MemoryContextStrdup(context,
								SPI_getvalue(SPI_tuptable->vals[i],
											 SPI_tuptable->tupdesc, 1));
	SPI_finish();
}

/*
 * As the owner of the relation, and with the companions open.  With a trigger,
 * old_rows and new_rows are its transition tables.
 */
static void
write_rows(Versioned *versioned, TriggerData *trigger, bool old_rows,
		   bool new_rows)
{
	const Versioned *saved = open_versioned;
	Oid			saved_user;
	int			saved_context;

	versioned->many = trigger == NULL || has_many(trigger->tg_oldtable) ||
		has_many(trigger->tg_newtable);
	SPI_connect();
	if (trigger != NULL && SPI_register_trigger_data(trigger) != SPI_OK_TD_REGISTER)
		elog(ERROR, "could not see the rows of trigger \"%s\"",
			 trigger->tg_trigger->tgname);
	GetUserIdAndSecContext(&saved_user, &saved_context);
	become(versioned->owner, saved_context);
	open_versioned = versioned;
	PG_TRY();
	{
		Datum		values[2] = {
			Int64GetDatum(open_writer(versioned)),
			TimestampTzGetDatum(GetCurrentTimestamp())
		};

		if (old_rows)
			close_rows(versioned, values);
		if (new_rows)
			open_rows(versioned, values);
	}
	PG_FINALLY();
	{
		open_versioned = saved;
	}
	PG_END_TRY();
	SetUserIdAndSecContext(saved_user, saved_context);
	SPI_finish();
}

static bool
has_many(Tuplestorestate *rows)
{
	return rows != NULL && tuplestore_tuple_count(rows) >= MANY_ROWS;
}

/* An error restores the user at the end of the (sub)transaction. */
static void
become(Oid role, int context)
{
	SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
}

static int64
open_writer(const Versioned *versioned)
{
	bool		isnull;

	execute(versioned, OPEN_WRITER, NULL);
	if (SPI_processed != 1)
		elog(ERROR, "timeline %d has no writer", versioned->timeline);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * What is superseded is what the transaction has found, and what is gone is
 * looked for in the relation as it is now: both are the same in any order of
 * statements.
 */
static void
close_rows(const Versioned *versioned, Datum *values)
{
	Shown		rows;

	if (versioned->statements[READ_TABLE] == NULL)
	{
		archive(versioned, values);
		execute(versioned, FORGET, NULL);
		return;
	}
	show_table(versioned, true, &rows);
	archive(versioned, values);
	hide(&rows);
	show_table(versioned, false, &rows);
	execute(versioned, FORGET, NULL);
	hide(&rows);
}

static void
open_rows(const Versioned *versioned, Datum *values)
{
	Shown		rows;

	if (versioned->statements[READ_TABLE] == NULL)
	{
		execute(versioned, REMEMBER, values);
		return;
	}
	show_table(versioned, false, &rows);
	execute(versioned, REMEMBER, values);
	hide(&rows);
}

static void
archive(const Versioned *versioned, Datum *values)
{
	Shown		superseded;

	show(versioned, "superseded", READ_SUPERSEDED, values, true, &superseded);
	if (superseded.relation.md.enrtuples > 0)
		execute(versioned, ARCHIVE, NULL);
	hide(&superseded);
}

/* A partition may belong to another role, which need not trust this one. */
static void
show_table(const Versioned *versioned, bool before, Shown *shown)
{
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	become(find_owner(versioned->table), context);
	show(versioned, "rows", READ_TABLE, NULL, before, shown);
	SetUserIdAndSecContext(user, context);
}

/*
 * Makes the result of a statement a table.  Before: under a snapshot from before
 * the first command of the transaction, yet with all that others have
 * committed.  Rows that the transaction has touched are locked, so that this is
 * what it has found.
 */
static void
show(const Versioned *versioned, const char *name, Statement statement,
	 Datum *values, bool before, Shown *shown)
{
	SPIPlanPtr	plan = find_plan(versioned, statement);
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));
	SPIExecuteOptions options = {0};
	EphemeralNamedRelationMetadata md = &shown->relation.md;
	int			i;

	if (values != NULL)
	{
		options.params = makeParamList(2);
		for (i = 0; i < 2; i++)
		{
			options.params->params[i].value = values[i];
			options.params->params[i].isnull = false;
			options.params->params[i].pflags = PARAM_FLAG_CONST;
			options.params->params[i].ptype = i == 0 ? INT8OID : TIMESTAMPTZOID;
		}
	}
	shown->rows = tuplestore_begin_heap(false, false, work_mem);
	options.read_only = true;
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, shown->rows,
									CurrentMemoryContext, true, NULL, NULL);
	CommandCounterIncrement();
	PushCopiedSnapshot(GetTransactionSnapshot());
	if (before)
		GetActiveSnapshot()->curcid = FirstCommandId;
	if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not read what relation %u had",
			 versioned->relation);
	PopActiveSnapshot();

	md->name = pstrdup(name);
	md->reliddesc = InvalidOid;
	md->tupdesc = CreateTupleDescCopy(source->resultDesc);
	md->enrtype = ENR_NAMED_TUPLESTORE;
	md->enrtuples = tuplestore_tuple_count(shown->rows);
	shown->relation.reldata = shown->rows;
	if (SPI_register_relation(&shown->relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not show what relation %u had",
			 versioned->relation);
}

static void
hide(Shown *shown)
{
	SPI_unregister_relation(shown->relation.md.name);
	tuplestore_end(shown->rows);
}

static void
execute(const Versioned *versioned, Statement statement, Datum *values)
{
	int			result = SPI_execute_plan(find_plan(versioned, statement),
										  values, NULL, false, 0);

	if (result < 0)
		elog(ERROR, "could not write the history of relation %u: %s",
			 versioned->relation, SPI_result_code_string(result));
}

/* The plan of a statement, made where there is none of the same text. */
static SPIPlanPtr
find_plan(const Versioned *versioned, Statement statement)
{
	const char *text = versioned->statements[statement];
	Oid			types[2] = {INT8OID, TIMESTAMPTZOID};
	bool		has_parameters = statement == READ_SUPERSEDED ||
		statement == REMEMBER;
	PlanKey		key;
	PlanEntry  *entry;
	bool		found;

	if (plans == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(PlanKey);
		control.entrysize = sizeof(PlanEntry);
		control.hcxt = TopMemoryContext;
		plans = hash_create("scorebook histories", 64, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	memset(&key, 0, sizeof(key));
	key.table = versioned->table;
	key.statement = statement;
	key.many = versioned->many;
	entry = hash_search(plans, &key, HASH_ENTER, &found);
	if (!found)
		entry->text = NULL;
	if (entry->text !=NULL && strcmp(entry->text, text) == 0)
		return entry->plan;

	if (entry->text !=NULL)
	{
		pfree(entry->text);
		entry->text = NULL;
		SPI_freeplan(entry->plan);
	}
	entry->plan = SPI_prepare(text, has_parameters ? 2 : 0, types);
	if (entry->plan == NULL || SPI_keepplan(entry->plan) != 0)
		elog(ERROR, "could not prepare a statement of relation %u: %s",
			 versioned->relation, SPI_result_code_string(SPI_result));
	entry->text = MemoryContextStrdup(TopMemoryContext, text);
	return entry->plan;
}
