/*
 * writer.c
 *		The one writer of books.
 *
 * Everything is done by a few statements over all rows, which see what a pass
 * has found as tables: constraints, partitions, indexes and replication are
 * PostgreSQL's business.  Rows are locked and looked at again where others may
 * have written them meanwhile: a row that is not what it was is overtaken.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "job/archive.h"
#include "job/found.h"
#include "job/guise.h"
#include "job/keeper.h"
#include "job/writer.h"

/*
 * The tables that a statement of ours begins to write, each as often as it does.
 * What the statement calls meanwhile comes too late to write one of them, or
 * takes the turn of the statement, which then fails: triggers, and functions in
 * constraints and indexes.
 */
typedef struct Opened
{
	Oid			tables[4];		/* InvalidOid: none */
} Opened;

/*
 * Of the statement that runs, what it has not begun yet.  Nothing but this file
 * sets it, so that no setting can open a book.
 */
static Opened opened;

static void write_all(SbkPass *pass, const SbkStatements *statements,
					  const SbkTables *tables, const SbkWriting *writing,
					  SbkWritten *written);
static char *write_shadows(SbkPass *pass, const SbkStatements *statements,
						   const SbkTables *tables,
						   const SbkWriting *writing);
static Tuplestorestate *compare_shadows(SbkPass *pass, const char *statement,
										const SbkWriting *writing,
										TupleDesc *desc);
static char *retract_shadows(const SbkStatements *statements, Opened tables,
							 const SbkWriting *writing, char *told);
static Datum references(const SbkPass *pass, bool failed_only);
static SPIPlanPtr prepare(const char *statement, int n, Oid *types,
						  int options);
static bool writes(SPIPlanPtr plan);
static void run_opened(SPIPlanPtr plan, Opened tables, const Datum *values,
					   const char *nulls, DestReceiver *receiver);
static int64 execute(const char *statement, Opened tables,
					 const SbkWriting *writing);
static int64 execute_by_place(const char *statement, Opened tables,
							  const SbkWriting *writing, DestReceiver *receiver);
static int64 end_rows(SbkPass *pass, const char *statement,
					  const char *archive_statement, const SbkTables *tables,
					  const SbkWriting *writing, SbkWritten *written);
static int64 retract(const SbkStatements *statements, Opened tables,
					 const SbkWriting *writing);
static uint64 sum_digests(const char *statement, const SbkWriting *writing);
static Datum find_endings(const char *statement);
static Datum read_endings(const char *statement);
static void check_replaced(SbkPass *pass, const SbkStatements *statements);
static void end_fill(SbkPass *pass, const SbkStatements *statements);

void
sbk_writer_require_writable(const char *what)
{
	PreventCommandDuringRecovery(what);
	PreventCommandIfParallelMode(what);
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("cannot write a book within a security-restricted operation"),
				errdetail("The source of a job is read in one, so that what it calls can do nothing but read."));
}

void
sbk_writer_write(SbkPass *pass, const SbkStatements *statements,
				 const SbkTables *tables, const SbkWriting *writing,
				 SbkWritten *written)
{
	sbk_writer_show("written", pass->written_desc, pass->written,
					pass->num_added + pass->num_replaced);
	sbk_writer_show("gone", pass->gone_desc, pass->gone,
					pass->num_closed + pass->num_excluded_old);
	write_all(pass, statements, tables, writing, written);
	SPI_unregister_relation("written");
	SPI_unregister_relation("gone");
}

static void
write_all(SbkPass *pass, const SbkStatements *statements,
		  const SbkTables *tables, const SbkWriting *writing,
		  SbkWritten *written)
{
	Opened		result = {{tables->result}};
	int64		num_gone = pass->num_closed + pass->num_excluded_old;
	int64		num_replaced = 0;
	int64		num_removed = 0;
	int64		num_added = 0;

	written->end_digest = 0;
	if (pass->num_replaced > 0)
	{
		check_replaced(pass, statements);
		num_replaced = end_rows(pass, statements->replace, statements->archive,
								tables, writing, written);
	}
	if (num_gone > 0)
		num_removed = end_rows(pass, statements->remove, statements->archive,
							   tables, writing, written);
	if (pass->fill != NULL)
	{
		end_fill(pass, statements);
		num_added = pass->num_added;
	}
	else if (pass->num_added > 0)
	{
		num_added = execute(statements->add, result, writing);
		num_added -= retract(statements, result, writing);
	}

	/* keys that others have added meanwhile, or that came twice */
	if (num_added < pass->num_added && !pass->key_is_unique)
		sbk_writer_refuse_duplicates(pass, statements);

	written->num_written = num_replaced + num_added;
	written->num_ended = num_replaced + num_removed;
	written->num_closed = num_removed;
	written->num_overtaken = pass->num_replaced + pass->num_added + num_gone -
		written->num_written - num_removed;
	if (written->num_overtaken > 0)
		pass->digest = sum_digests(statements->digest, writing);

	/* who comes again must not hold what others need to let go of the book */
	written->shadows = statements->compare_shadows == NULL ||
		(writing->comes_again && written->num_overtaken > 0) ? NULL :
		write_shadows(pass, statements, tables, writing);
}

static void
end_fill(SbkPass *pass, const SbkStatements *statements)
{
	ErrorData  *error = sbk_fill_end(pass->fill);

	if (error == NULL)
		return;
	if (error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION)
		sbk_writer_refuse_duplicates(pass, statements);
	ReThrowError(error);
}

/* What was done for each of them, as JSON, or NULL. */
static char *
write_shadows(SbkPass *pass, const SbkStatements *statements,
			  const SbkTables *tables, const SbkWriting *writing)
{
	/* rows are updated, deleted and inserted */
	Opened		both = {{tables->shadow, tables->shadow, tables->shadow, tables->shadow_history}};
	Opened		shadow = {{tables->shadow}};
	char	   *told = NULL;
	TupleDesc	desc;
	Tuplestorestate *changes = compare_shadows(pass, statements->compare_shadows,
											   writing, &desc);
	int64		n = tuplestore_tuple_count(changes);

	sbk_writer_show("shadow_change", desc, changes, n);
	if (n > 0)
	{
		(void) execute_by_place(statements->write_shadows, both, writing, NULL);
		told = sbk_column(1);
		if (sbk_column_int(2) > 0)
			told = retract_shadows(statements, shadow, writing, told);
	}
	SPI_unregister_relation("shadow_change");
	tuplestore_end(changes);
	return told;
}

/*
 * Under the snapshot of the pass, as the book was compared: what others have
 * written since is not known here, and will be noticed.
 */
static Tuplestorestate *
compare_shadows(SbkPass *pass, const char *statement,
				const SbkWriting *writing, TupleDesc *desc)
{
	Oid			types[3] = {TIMESTAMPTZOID, TEXTARRAYOID, TEXTARRAYOID};
	Datum		values[3] = {
		TimestampTzGetDatum(writing->effective_at),
		references(pass, true),
		references(pass, false)
	};
	Tuplestorestate *changes = tuplestore_begin_heap(false, false, work_mem);
	DestReceiver *receiver = CreateDestReceiver(DestTuplestore);
	Portal		portal;

	sbk_writer_show("shadowed", pass->shadowed_desc, pass->shadowed,
					pass->num_shadowed);
	portal = SPI_cursor_open_with_args(NULL, statement, 3, types, values, NULL,
									   true, 0);
	*desc = CreateTupleDescCopy(portal->tupDesc);
	SetTuplestoreDestReceiverParams(receiver, changes, CurrentMemoryContext,
									false, NULL, NULL);
	(void) PortalRunFetch(portal, FETCH_FORWARD, FETCH_ALL, receiver);
	SPI_cursor_close(portal);
	SPI_unregister_relation("shadowed");
	return changes;
}

/* As that of the book; corrects what was told. */
static char *
retract_shadows(const SbkStatements *statements, Opened tables,
				const SbkWriting *writing, char *told)
{
	Oid			types[3] = {INT8OID, INT8ARRAYOID, JSONBOID};
	Datum		values[3] = {
		Int64GetDatum(writing->run),
		find_endings(statements->shadow_endings),
		DirectFunctionCall1(jsonb_in, CStringGetDatum(told))
	};

	run_opened(prepare(statements->retract_shadows, 3, types, 0), tables, values,
			   NULL, NULL);
	return sbk_column(1);
}

/* Those of the shadows, as text[]. */
static Datum
references(const SbkPass *pass, bool failed_only)
{
	Datum	   *values = palloc(pass->num_shadow * sizeof(Datum));
	int			n = 0;
	int			i;

	for (i = 0; i < pass->num_shadow; i++)
	{
		if (!failed_only || pass->shadows[i].has_failed)
			values[n++] = CStringGetTextDatum(pass->shadows[i].reference);
	}
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

bool
sbk_writer_allows(Oid table)
{
	int			i;

	for (i = 0; i < lengthof(opened.tables); i++)
	{
		if (opened.tables[i] != table)
			continue;
		opened.tables[i] = InvalidOid;
		return true;
	}
	return false;
}

static SPIPlanPtr
prepare(const char *statement, int n, Oid *types, int options)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(statement, n, types, options);

	if (plan == NULL)
		elog(ERROR, "could not plan to write the book: %s",
			 SPI_result_code_string(SPI_result));
	return plan;
}

/*
 * Executes a plan once; its statement begins to write these tables.  What it
 * returns goes to the receiver, or, where there is none, to SPI_tuptable.
 */
static void
run_opened(SPIPlanPtr plan, Opened tables, const Datum *values, const char *nulls,
		   DestReceiver *receiver)
{
	int			n = SPI_getargcount(plan);
	SPIExecuteOptions options = {.params = makeParamList(n),.dest = receiver};
	Opened		saved = opened;
	volatile int rc = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		ParamExternData *param = &options.params->params[i];

		param->value = values[i];
		param->isnull = nulls != NULL && nulls[i] == 'n';
		param->pflags = PARAM_FLAG_CONST;
		param->ptype = SPI_getargtypeid(plan, i);
	}
	opened = tables;
	PG_TRY();
	{
		rc = SPI_execute_plan_extended(plan, &options);
	}
	PG_FINALLY();
	{
		opened = saved;
	}
	PG_END_TRY();
	if (rc < 0)
		elog(ERROR, "could not write the book: %s", SPI_result_code_string(rc));
	SPI_freeplan(plan);
}

void
sbk_writer_amend(Oid table, const char *statement, Datum subject)
{
	Oid			types[1] = {JSONBOID};
	char		nulls[1] = {subject == 0 ? 'n' : ' '};
	Opened		tables = {{InvalidOid}};
	SPIPlanPtr	plan;
	SbkGuise	guise;

	sbk_guise_assume(sbk_writer_owner(table), SECURITY_RESTRICTED_OPERATION, &guise);
	plan = prepare(statement, 1, types, 0);

	/* else what it calls could write instead */
	if (writes(plan))
		tables.tables[0] = table;
	run_opened(plan, tables, &subject, nulls, NULL);
	sbk_guise_resume(&guise);
}

static bool
writes(SPIPlanPtr plan)
{
	const CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));
	const Query *query = linitial_node(Query, source->query_list);

	return query->commandType != CMD_SELECT || query->hasModifyingCTE;
}

Oid
sbk_writer_owner(Oid table)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", table);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* The rows it has processed. */
static int64
execute(const char *statement, Opened tables, const SbkWriting *writing)
{
	Oid			types[2] = {INT8OID, TIMESTAMPTZOID};
	Datum		values[2] = {
		Int64GetDatum(writing->run),
		TimestampTzGetDatum(writing->system_from)
	};

	run_opened(prepare(statement, 2, types, 0), tables, values, NULL, NULL);
	return SPI_processed;
}

/* Gives up rows whose keys others have added and ended meanwhile. */
static int64
retract(const SbkStatements *statements, Opened tables,
		const SbkWriting *writing)
{
	Oid			types[2] = {INT8OID, INT8ARRAYOID};
	Datum		values[2] = {
		Int64GetDatum(writing->run),
		find_endings(statements->endings)
	};

	run_opened(prepare(statements->retract, 2, types, 0), tables, values, NULL,
			   NULL);
	return SPI_processed;
}

/*
 * Of rows that are named by their ctid, which come in about the order of the
 * table: each is fetched from where it stands.  A join of all rows would lose
 * that order, and read and write pages all over the table and its index; a table
 * that nobody has analyzed looks small enough for it.  That is forbidden while
 * the statement is planned, not to the triggers that it fires.
 */
static int64
execute_by_place(const char *statement, Opened tables,
				 const SbkWriting *writing, DestReceiver *receiver)
{
	static const char *const paths[] = {"enable_seqscan", "enable_hashjoin", "enable_mergejoin"};
	Oid			types[2] = {INT8OID, TIMESTAMPTZOID};
	Datum		values[2] = {
		Int64GetDatum(writing->run),
		TimestampTzGetDatum(writing->system_from)
	};
	int			level = NewGUCNestLevel();
	SPIPlanPtr	plan;
	int			i;

	for (i = 0; i < lengthof(paths); i++)
		(void) set_config_option(paths[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	plan = prepare(statement, 2, types, CURSOR_OPT_GENERIC_PLAN);
	ReleaseCachedPlan(SPI_plan_get_cached_plan(plan), NULL);
	AtEOXact_GUC(false, level);
	run_opened(plan, tables, values, NULL, receiver);
	return SPI_processed;
}

/* Replaces or removes rows, which go into the history; how many? */
static int64
end_rows(SbkPass *pass, const char *statement, const char *archive_statement,
		 const SbkTables *tables, const SbkWriting *writing, SbkWritten *written)
{
	SbkArchive *archive = sbk_archive_make(pass, tables->result, tables->history,
										   writing->run, writing->system_from);
	int64		n = execute_by_place(statement, (Opened) {{tables->result}},
									 writing, sbk_archive_receiver(archive));
	Tuplestorestate *rest = sbk_archive_rest(archive);
	Relation	history;

	written->end_digest += sbk_archive_digest(archive);
	if (rest == NULL)
		return n;
	history = table_open(tables->history, NoLock);
	sbk_writer_show("ended", CreateTupleDescCopy(RelationGetDescr(history)),
					rest, tuplestore_tuple_count(rest));
	table_close(history, NoLock);
	run_opened(prepare(archive_statement, 0, NULL, 0),
			   (Opened) {{tables->history}}, NULL, NULL, NULL);
	SPI_unregister_relation("ended");
	tuplestore_end(rest);
	return n;
}

/*
 * Of the rows that were written, and not overtaken: as they were found, whatever
 * the table has.
 */
static uint64
sum_digests(const char *statement, const SbkWriting *writing)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(writing->run)};

	if (SPI_execute_with_args(statement, 1, types, values, NULL, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not sum up what was written");
	return strtoull(sbk_column(1), NULL, 10);
}

/*
 * What has ended rows of the keys that were added, as the pass's snapshot sees
 * it.  Where that is the transaction's, statements do not see more, so that what
 * others have ended since is looked for here.
 */
static Datum
find_endings(const char *statement)
{
	Datum		endings = read_endings(statement);

	if (IsolationUsesXactSnapshot())
	{
		PushActiveSnapshot(GetLatestSnapshot());
		if (!datumIsEqual(endings, read_endings(statement), false, -1))
			ereport(ERROR,
					errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					errmsg("could not serialize access due to concurrent update"));
		PopActiveSnapshot();
	}
	return endings;
}

static Datum
read_endings(const char *statement)
{
	bool		isnull;

	if (SPI_execute(statement, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for what has ended");
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						 &isnull);
}

void
sbk_writer_show(const char *name, TupleDesc desc, Tuplestorestate *rows, int64 n)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));
	int			rc;

	relation->md.name = pstrdup(name);
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = n;
	relation->reldata = rows;
	rc = SPI_register_relation(relation);
	if (rc != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\": %s", name,
			 SPI_result_code_string(rc));
}

/* A key that the source has twice replaces one row twice. */
static void
check_replaced(SbkPass *pass, const SbkStatements *statements)
{
	if (pass->key_is_unique)
		return;
	if (SPI_execute("SELECT FROM written AS w WHERE w.\"scorebook run\" IS NOT NULL GROUP BY w.\"scorebook ctid\" HAVING count(*) > 1 LIMIT 1",
					true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for duplicates");
	if (SPI_processed > 0)
		sbk_writer_refuse_duplicates(pass, statements);
}

void
sbk_writer_refuse_duplicates(SbkPass *pass, const SbkStatements *statements)
{
	Datum	   *key = palloc(pass->num_key * sizeof(Datum));
	bool	   *nulls = palloc(pass->num_key * sizeof(bool));
	SbkNamedRow row = {pass, key, nulls};

	if (SPI_execute(statements->duplicate, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for duplicates");
	if (SPI_processed == 0)
		return;
	heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, key, nulls);
	sbk_found_refuse_duplicate(&row);
}
