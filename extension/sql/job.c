/*
 * job.c
 *		Jobs, for SQL.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "engine/engine.h"
#include "job/decision.h"
#include "job/digest.h"
#include "job/keeper.h"
#include "job/lock.h"
#include "job/pull.h"
#include "job/run.h"
#include "job/writer.h"
#include "registry/model.h"
#include "registry/reference.h"
#include "registry/rights.h"

PG_FUNCTION_INFO_V1(sbk_sql_run_job);
PG_FUNCTION_INFO_V1(sbk_sql_run_due_job);
PG_FUNCTION_INFO_V1(sbk_sql_run_job_in_transaction);
PG_FUNCTION_INFO_V1(sbk_sql_decide_job);
PG_FUNCTION_INFO_V1(sbk_sql_score);
PG_FUNCTION_INFO_V1(sbk_sql_stream);
PG_FUNCTION_INFO_V1(sbk_sql_scaled_points);
PG_FUNCTION_INFO_V1(sbk_sql_run_is_alive);
PG_FUNCTION_INFO_V1(sbk_sql_keep_runs_out);
PG_FUNCTION_INFO_V1(sbk_sql_guard_book);
PG_FUNCTION_INFO_V1(sbk_sql_guard_record);
PG_FUNCTION_INFO_V1(sbk_sql_row_digest);
PG_FUNCTION_INFO_V1(sbk_sql_result_shape);
PG_FUNCTION_INFO_V1(sbk_sql_source_key);
PG_FUNCTION_INFO_V1(sbk_sql_source_table);

static void check_names(const TriggerData *trigger);
static Datum to_jsonb_value(FunctionCallInfo fcinfo, int argument);
static bool has_changes(const TriggerData *trigger);
static void read_request(FunctionCallInfo fcinfo, SbkRunRequest *request);
static void require_top_level(FunctionCallInfo fcinfo, const char *procedure,
							  const char *hint);
static Oid	find_owner(Oid function);
static Oid	find_table(Oid relation_id, bool with_heirs, List **names);
static RangeTblEntry *only_relation(const Query *query);
static List *shown_columns(const Query *query, Relation view, Oid relation,
						   List *names);
static List *find_table_key(Oid table_id);
static List *column_names(Oid relation_id);
static ArrayType *name_array(const List *names);

Datum
sbk_sql_run_job(PG_FUNCTION_ARGS)
{
	SbkRunRequest request;

	read_request(fcinfo, &request);
	require_top_level(fcinfo, "run_job", "Use scorebook.run_job_in_transaction there.");
	(void) sbk_run_job(&request, find_owner(fcinfo->flinfo->fn_oid), true);
	PG_RETURN_VOID();
}

/*
 * Sets its second argument, as procedures do: by a row of it.  Without a name it
 * only looks whether jobs can be run here.
 */
Datum
sbk_sql_run_due_job(PG_FUNCTION_ARGS)
{
	SbkRunRequest request = {.kind = SBK_RUN_SOURCE,.swallow = true};
	TupleDesc	desc;
	Datum		succeeded = BoolGetDatum(false);
	bool		isnull = false;

	require_top_level(fcinfo, "run_due_jobs",
					  "Use scorebook.run_job_in_transaction there, for each job that scorebook.due_jobs() lists.");
	if (!PG_ARGISNULL(0))
	{
		request.job = text_to_cstring(PG_GETARG_TEXT_PP(0));
		succeeded = BoolGetDatum(sbk_run_job(&request, find_owner(fcinfo->flinfo->fn_oid), true) != 0);
	}
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  &succeeded, &isnull)));
}

Datum
sbk_sql_run_job_in_transaction(PG_FUNCTION_ARGS)
{
	SbkRunRequest request;

	read_request(fcinfo, &request);
	PG_RETURN_INT64(sbk_run_job(&request, find_owner(fcinfo->flinfo->fn_oid),
								false));
}

Datum
sbk_sql_decide_job(PG_FUNCTION_ARGS)
{
	SbkRunRequest request = {.kind = SBK_RUN_DECISION};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	request.job = text_to_cstring(PG_GETARG_TEXT_PP(0));
	PG_RETURN_INT64(sbk_run_job(&request, find_owner(fcinfo->flinfo->fn_oid),
								false));
}

Datum
sbk_sql_scaled_points(PG_FUNCTION_ARGS)
{
	SbkScaling	scaling = {
		.exists = true,
		.offset = PG_GETARG_FLOAT8(1),
		.factor = PG_GETARG_FLOAT8(2),
		.higher_is_better = PG_GETARG_BOOL(3)
	};

	PG_RETURN_INT32(sbk_scaling_points(&scaling, PG_GETARG_FLOAT4(0)));
}

/* The arguments: the job, the features if it has three, and the key. */
Datum
sbk_sql_score(PG_FUNCTION_ARGS)
{
	int			last = PG_NARGS() - 1;
	Datum		features = 0;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(last))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("the name of the job and the key cannot be null"));
	if (last == 2)
		features = PG_ARGISNULL(1) ?
			DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")) :
			PG_GETARG_DATUM(1);
	PG_RETURN_HEAPTUPLEHEADER(sbk_pull(text_to_cstring(PG_GETARG_TEXT_PP(0)),
									   to_jsonb_value(fcinfo, last), features,
									   find_owner(fcinfo->flinfo->fn_oid)));
}

/* An argument of whatever type as to_jsonb has it. */
static Datum
to_jsonb_value(FunctionCallInfo fcinfo, int argument)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, argument);
	FmgrInfo	flinfo;

	if (!OidIsValid(type))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("the type of the key is not known at this call"));
	fmgr_info(F_TO_JSONB, &flinfo);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID,
											 list_make1(makeNullConst(type, -1, InvalidOid)),
											 InvalidOid, InvalidOid,
											 COERCE_EXPLICIT_CALL),
					   &flinfo);
	return FunctionCall1(&flinfo, PG_GETARG_DATUM(argument));
}

/* The arguments of the trigger: the job, and fail or record. */
Datum
sbk_sql_stream(PG_FUNCTION_ARGS)
{
	SbkRunRequest request = {.kind = SBK_RUN_STREAM};

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("stream is a trigger function"));
	request.trigger = (TriggerData *) fcinfo->context;
	if (request.trigger->tg_trigger->tgnargs != 2)
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("a stream's trigger takes the name of a job, and fail or record"));
	check_names(request.trigger);
	if (!has_changes(request.trigger))
		PG_RETURN_POINTER(NULL);
	request.job = request.trigger->tg_trigger->tgargs[0];
	request.swallow = strcmp(request.trigger->tg_trigger->tgargs[1], "record") == 0;
	(void) sbk_run_job(&request, find_owner(fcinfo->flinfo->fn_oid), false);
	PG_RETURN_POINTER(NULL);
}

/*
 * A table by another name would not be found, but one that whoever has made the
 * trigger has put in its place, and that is read with the rights of the job's
 * owner.
 */
static void
check_names(const TriggerData *trigger)
{
	const char *old_rows = trigger->tg_trigger->tgoldtable;
	const char *new_rows = trigger->tg_trigger->tgnewtable;
	bool		needs_old = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event);
	bool		needs_new = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		TRIGGER_FIRED_BY_INSERT(trigger->tg_event);

	if ((needs_old && (old_rows == NULL || strcmp(old_rows, "old_rows") != 0)) ||
		(needs_new && (new_rows == NULL || strcmp(new_rows, "new_rows") != 0)))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("a stream's trigger calls the rows before and after a change old_rows and new_rows"),
				errhint("Drop the trigger; scorebook.stream_job makes those that are needed."));
}

/* Has the statement changed any row?  Of TRUNCATE nobody knows. */
static bool
has_changes(const TriggerData *trigger)
{
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		return true;
	return (trigger->tg_newtable != NULL &&
			tuplestore_tuple_count(trigger->tg_newtable) > 0) ||
		(trigger->tg_oldtable != NULL &&
		 tuplestore_tuple_count(trigger->tg_oldtable) > 0);
}

static void
require_top_level(FunctionCallInfo fcinfo, const char *procedure, const char *hint)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				errmsg("%s cannot run inside a transaction block", procedure),
				errdetail("It has transactions of its own, so that a run is seen while it goes on, and a failed one is recorded."),
				errhint("%s", hint));
}

static void
read_request(FunctionCallInfo fcinfo, SbkRunRequest *request)
{
	memset(request, 0, sizeof(SbkRunRequest));
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("the name of the job cannot be null"));
	request->job = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request->has_effective_at = !PG_ARGISNULL(1);
	request->effective_at = PG_ARGISNULL(1) ? 0 : PG_GETARG_TIMESTAMPTZ(1);
	request->only_changed = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	request->wait = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
}

/* Who owns a function of the extension, owns the extension's tables. */
static Oid
find_owner(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

Datum
sbk_sql_run_is_alive(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(sbk_lock_run_is_alive(PG_GETARG_INT32(0)));
}

Datum
sbk_sql_keep_runs_out(PG_FUNCTION_ARGS)
{
	(void) sbk_lock_run(PG_GETARG_INT32(0),
						text_to_cstring(PG_GETARG_TEXT_PP(1)), false, false,
						ERROR);
	PG_RETURN_VOID();
}

Datum
sbk_sql_guard_book(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("guard_book is a trigger function"));
	if (!sbk_writer_allows(RelationGetRelid(trigger->tg_relation)))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("table \"%s\" is part of a book and written by its job only",
					   RelationGetRelationName(trigger->tg_relation)),
				errhint("Run the job; to remove what is known of one subject, erase it."));
	PG_RETURN_POINTER(NULL);
}

Datum
sbk_sql_guard_record(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("guard_record is a trigger function"));
	if (!sbk_keeper_allows())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("table \"%s\" holds records that only scorebook changes",
					   RelationGetRelationName(trigger->tg_relation)),
				errhint("What a book said at a time, and the proof that nobody changed it, rest on it."));
	return TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
		PointerGetDatum(trigger->tg_newtuple) :
		PointerGetDatum(trigger->tg_trigtuple);
}

Datum
sbk_sql_row_digest(PG_FUNCTION_ARGS)
{
	SbkDigestColumn *columns = fcinfo->flinfo->fn_extra;
	int			n = PG_NARGS();
	Datum		values[FUNC_MAX_ARGS];
	bool		nulls[FUNC_MAX_ARGS];
	int			i;

	if (columns == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		columns = palloc(n * sizeof(SbkDigestColumn));
		for (i = 0; i < n; i++)
			sbk_digest_column_start(&columns[i],
									get_fn_expr_argtype(fcinfo->flinfo, i));
		MemoryContextSwitchTo(old_context);
		fcinfo->flinfo->fn_extra = columns;
	}
	for (i = 0; i < n; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i);
	}
	PG_RETURN_INT64((int64) sbk_digest_row(columns, n, values, nulls));
}

Datum
sbk_sql_result_shape(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	SbkReference reference;
	SbkResolved resolved;
	SbkModel   *model;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	sbk_reference_parse(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), &reference);
	sbk_reference_resolve(&reference, "score", &resolved);
	sbk_reference_check_service(&resolved);
	model = sbk_model_read(CurrentMemoryContext, &resolved);
	values[0] = Int32GetDatum(sbk_family_width(model->family, model->num_output));
	values[1] = Int32GetDatum(sbk_family_classes(model->family, model->num_output));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/* Each column of the table's key must be one of the source. */
Datum
sbk_sql_source_key(PG_FUNCTION_ARGS)
{
	Oid			source = PG_GETARG_OID(0);
	List	   *key = NIL;
	List	   *none = NIL;
	Oid			table;
	ListCell   *wanted;
	ListCell   *cell;

	sbk_require_relation_right(source);
	table = find_table(source, true, &none);
	if (!OidIsValid(table))
		PG_RETURN_NULL();
	foreach(wanted, find_table_key(table))
	{
		const char *found = NULL;

		foreach(cell, column_names(source))
		{
			List	   *shows = list_make1(lfirst(cell));

			(void) find_table(source, true, &shows);
			if (shows != NIL && strcmp(linitial(shows), lfirst(wanted)) == 0)
				found = lfirst(cell);
		}
		if (found == NULL)
			PG_RETURN_NULL();
		key = lappend(key, pstrdup(found));
	}
	if (key == NIL)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(name_array(key));
}

Datum
sbk_sql_source_table(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	List	   *names = NIL;
	TupleDesc	desc;
	Datum	   *elements;
	Datum		values[2];
	bool		nulls[2] = {false, false};
	Oid			table;
	int			n;
	int			i;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	deconstruct_array(array, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR,
					  &elements, NULL, &n);
	for (i = 0; i < n; i++)
		names = lappend(names, NameStr(*DatumGetName(elements[i])));
	sbk_require_relation_right(PG_GETARG_OID(0));
	table = find_table(PG_GETARG_OID(0), true, &names);
	nulls[0] = nulls[1] = !OidIsValid(table) || names == NIL;
	values[0] = ObjectIdGetDatum(table);
	values[1] = PointerGetDatum(name_array(names));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/*
 * The table whose rows a relation shows one by one: itself, or, of a view on
 * one relation and without grouping, that of the relation.  names are columns
 * of the relation; set to those that they show, NIL where one shows none.
 * InvalidOid for all else; rows of tables that inherit from it are others'.
 * What it depends on stays as it is until the end of the transaction.
 */
static Oid
find_table(Oid relation_id, bool with_heirs, List **names)
{
	Relation	relation;
	Oid			table = InvalidOid;

	check_stack_depth();
	relation = relation_open(relation_id, AccessShareLock);
	if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
		(relation->rd_rel->relkind == RELKIND_RELATION &&
		 !(with_heirs && find_inheritance_children(relation_id, NoLock) != NIL)))
		table = relation_id;
	else if (relation->rd_rel->relkind == RELKIND_VIEW)
	{
		Query	   *query = get_view_query(relation);
		RangeTblEntry *from = only_relation(query);

		if (from != NULL)
		{
			*names = shown_columns(query, relation, from->relid, *names);
			table = find_table(from->relid, from->inh, names);
		}
	}
	relation_close(relation, NoLock);
	return table;
}

/* The one relation that the rows of a query are those of; else NULL. */
static RangeTblEntry *
only_relation(const Query *query)
{
	RangeTblEntry *from;

	if (query->setOperations || query->groupClause || query->groupingSets ||
		query->hasAggs || query->distinctClause || query->hasTargetSRFs ||
		list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef))
		return NULL;
	from = rt_fetch(linitial_node(RangeTblRef, query->jointree->fromlist)->rtindex,
					query->rtable);
	return from->rtekind == RTE_RELATION ? from : NULL;
}

/* The columns of the relation that these columns of the view are. */
static List *
shown_columns(const Query *query, Relation view, Oid relation, List *names)
{
	List	   *columns = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		AttrNumber	number = get_attnum(RelationGetRelid(view), lfirst(cell));
		TargetEntry *entry = get_tle_by_resno(query->targetList, number);

		if (entry == NULL || entry->resjunk || !IsA(entry->expr, Var) ||
			((Var *) entry->expr)->varattno <= 0)
			return NIL;
		columns = lappend(columns,
						  get_attname(relation,
									  ((Var *) entry->expr)->varattno, false));
	}
	return columns;
}

/* The primary key of a table, by names of columns, or NIL. */
static List *
find_table_key(Oid table_id)
{
	Relation	table = relation_open(table_id, AccessShareLock);
	List	   *key = NIL;

	(void) RelationGetIndexList(table);
	if (OidIsValid(table->rd_pkindex))
	{
		Relation	index = index_open(table->rd_pkindex, AccessShareLock);
		int			i;

		for (i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
			key = lappend(key, get_attname(table_id,
										   index->rd_index->indkey.values[i],
										   false));
		index_close(index, AccessShareLock);
	}
	relation_close(table, AccessShareLock);
	return key;
}

/* All columns of a relation, by name. */
static List *
column_names(Oid relation_id)
{
	Relation	relation = relation_open(relation_id, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	List	   *names = NIL;
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			names = lappend(names, pstrdup(NameStr(TupleDescAttr(desc, i)->attname)));
	}
	relation_close(relation, AccessShareLock);
	return names;
}

static ArrayType *
name_array(const List *names)
{
	Datum	   *values = palloc(list_length(names) * sizeof(Datum));
	ListCell   *cell;
	int			n = 0;

	foreach(cell, names)
	{
		values[n] = (Datum) palloc0(NAMEDATALEN);
		namestrcpy((Name) values[n++], lfirst(cell));
	}
	return construct_array(values, n, NAMEOID, NAMEDATALEN, false,
						   TYPALIGN_CHAR);
}
