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
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "engine/engine.h"
#include "job/pass.h"
#include "job/run.h"
#include "job/writer.h"
#include "registry/model.h"
#include "registry/reference.h"

PG_FUNCTION_INFO_V1(sbk_sql_run_job);
PG_FUNCTION_INFO_V1(sbk_sql_run_job_in_transaction);
PG_FUNCTION_INFO_V1(sbk_sql_decide_job);
PG_FUNCTION_INFO_V1(sbk_sql_scaled_points);
PG_FUNCTION_INFO_V1(sbk_sql_run_is_alive);
PG_FUNCTION_INFO_V1(sbk_sql_guard_book);
PG_FUNCTION_INFO_V1(sbk_sql_row_digest);
PG_FUNCTION_INFO_V1(sbk_sql_result_shape);
PG_FUNCTION_INFO_V1(sbk_sql_source_key);

/* How each column of a digest is stored. */
typedef struct DigestColumns
{
	int			n;
	bool		by_value[FUNC_MAX_ARGS];
	int16		lengths[FUNC_MAX_ARGS];
} DigestColumns;

static void read_request(FunctionCallInfo fcinfo, SbkRunRequest *request);
static Oid	find_owner(Oid function);
static List *find_key(Oid relation);
static List *find_table_key(Relation table);
static List *find_view_key(Relation view);

Datum
sbk_sql_run_job(PG_FUNCTION_ARGS)
{
	SbkRunRequest request;

	read_request(fcinfo, &request);
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				errmsg("run_job cannot run inside a transaction block"),
				errdetail("It has transactions of its own, so that a run is seen while it goes on, and a failed one is recorded."),
				errhint("Use scorebook.run_job_in_transaction there."));
	(void) sbk_run_job(&request, find_owner(fcinfo->flinfo->fn_oid), true);
	PG_RETURN_VOID();
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
	SbkRunRequest request = {.decide = true};

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

static void
read_request(FunctionCallInfo fcinfo, SbkRunRequest *request)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("the name of the job cannot be null"));
	request->job = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request->has_effective_at = !PG_ARGISNULL(1);
	request->effective_at = PG_ARGISNULL(1) ? 0 : PG_GETARG_TIMESTAMPTZ(1);
	request->only_changed = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	request->wait = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	request->decide = false;
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
	PG_RETURN_BOOL(sbk_run_is_alive(PG_GETARG_INT32(0)));
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
sbk_sql_row_digest(PG_FUNCTION_ARGS)
{
	DigestColumns *columns = fcinfo->flinfo->fn_extra;
	Datum		values[FUNC_MAX_ARGS];
	bool		nulls[FUNC_MAX_ARGS];
	int			i;

	if (columns == NULL)
	{
		columns = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
									 sizeof(DigestColumns));
		columns->n = PG_NARGS();
		for (i = 0; i < columns->n; i++)
			get_typlenbyval(get_fn_expr_argtype(fcinfo->flinfo, i),
							&columns->lengths[i], &columns->by_value[i]);
		fcinfo->flinfo->fn_extra = columns;
	}
	for (i = 0; i < columns->n; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i);
	}
	PG_RETURN_INT64((int64) sbk_row_digest(columns->n, values, nulls,
										   columns->by_value,
										   columns->lengths));
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
	model = sbk_model_read(CurrentMemoryContext, &resolved);
	values[0] = Int32GetDatum(sbk_family_width(model->family, model->num_output));
	values[1] = Int32GetDatum(sbk_family_classes(model->family, model->num_output));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

Datum
sbk_sql_source_key(PG_FUNCTION_ARGS)
{
	List	   *key = find_key(PG_GETARG_OID(0));
	Datum	   *names = palloc(list_length(key) * sizeof(Datum));
	ListCell   *cell;
	int			n = 0;

	if (key == NIL)
		PG_RETURN_NULL();
	foreach(cell, key)
	{
		names[n] = (Datum) palloc0(NAMEDATALEN);
		namestrcpy((Name) names[n++], lfirst(cell));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(names, n, NAMEOID, NAMEDATALEN,
										  false, TYPALIGN_CHAR));
}

/* Names of columns, or NIL. */
static List *
find_key(Oid relation_id)
{
	Relation	relation;
	List	   *key = NIL;

	check_stack_depth();
	relation = relation_open(relation_id, AccessShareLock);
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			key = find_table_key(relation);
			break;
		case RELKIND_VIEW:
			key = find_view_key(relation);
			break;
		default:
			break;
	}
	relation_close(relation, AccessShareLock);
	return key;
}

static List *
find_table_key(Relation table)
{
	Oid			index_id;
	Relation	index;
	List	   *key = NIL;
	int			i;

	(void) RelationGetIndexList(table);
	index_id = table->rd_pkindex;
	if (!OidIsValid(index_id))
		return NIL;
	index = index_open(index_id, AccessShareLock);
	for (i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
		key = lappend(key, get_attname(RelationGetRelid(table),
									   index->rd_index->indkey.values[i],
									   false));
	index_close(index, AccessShareLock);
	return key;
}

/*
 * Of a view that has one row for each row of one table, or for some of them:
 * the table's key, where the view shows all of it.
 */
static List *
find_view_key(Relation view)
{
	Query	   *query = get_view_query(view);
	RangeTblRef *from;
	RangeTblEntry *source;
	List	   *source_key;
	List	   *key = NIL;
	ListCell   *cell;

	if (query->setOperations || query->groupClause || query->groupingSets ||
		query->hasAggs || query->distinctClause || query->hasTargetSRFs ||
		list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef))
		return NIL;
	from = linitial_node(RangeTblRef, query->jointree->fromlist);
	source = rt_fetch(from->rtindex, query->rtable);
	if (source->rtekind != RTE_RELATION)
		return NIL;
	source_key = find_key(source->relid);
	foreach(cell, source_key)
	{
		AttrNumber	column = get_attnum(source->relid, lfirst(cell));
		char	   *name = NULL;
		ListCell   *target;

		foreach(target, query->targetList)
		{
			TargetEntry *entry = lfirst_node(TargetEntry, target);

			if (!entry->resjunk && IsA(entry->expr, Var) &&
				((Var *) entry->expr)->varno == from->rtindex &&
				((Var *) entry->expr)->varattno == column)
				name = get_attname(RelationGetRelid(view), entry->resno, false);
		}
		if (name == NULL)
			return NIL;
		key = lappend(key, name);
	}
	return key;
}
