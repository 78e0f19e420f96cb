/*
 * shape.c
 *		Are the book and the source of a job as it knows them?
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "compat.h"
#include "engine/engine.h"
#include "job/shape.h"

static void check_table(const SbkJob *job, Oid table);
static char *find_alteration(Relation table, Oid writer);
static bool is_history_of(Relation history, TupleDesc result);
static bool is_guard(Oid function);
pg_noreturn static void refuse_book(const SbkJob *job, const char *what,
									Relation table);

void
sbk_shape_check_book(const SbkJob *job, const SbkModel *model,
					 Relation result)
{
	TupleDesc	desc = RelationGetDescr(result);
	bool		has_scores = sbk_family_width(model->family, model->num_output) > 1;
	bool		has_class = sbk_family_classes(model->family, model->num_output) > 2;
	static const struct
	{
		const char *name;
		Oid			type;
	}			columns[] = {
		{"effective_at", TIMESTAMPTZOID}, {NULL}, {"class", TEXTOID},
		{"points", INT4OID}, {"decision", TEXTOID}, {"cutoff_set", INT4OID},
		{"band", TEXTOID}, {"band_set", INT4OID}, {"reasons", JSONBOID},
		{"version", INT4OID}, {"inputs", FLOAT4ARRAYOID},
		{"inputs_hash", INT8OID}, {"run", INT8OID},
		{"system_from", TIMESTAMPTZOID}
	};
	bool		as_made = sbk_live_columns(desc) == job->num_key + lengthof(columns);
	Relation	history;
	int			i;

	for (i = 0; as_made && i < lengthof(columns); i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, job->num_key + i);
		const char *name = columns[i].name ? columns[i].name :
			job->has_scores ? "scores" : "score";
		Oid			type = columns[i].name ? columns[i].type :
			job->has_scores ? FLOAT4ARRAYOID : FLOAT4OID;

		as_made = !attribute->attisdropped && attribute->atttypid == type &&
			strcmp(NameStr(attribute->attname), name) == 0;
	}
	(void) RelationGetIndexList(result);
	if (!as_made || result->rd_rel->relkind != RELKIND_RELATION ||
		!OidIsValid(result->rd_pkindex))
		refuse_book(job, "result table", result);
	history = relation_open(job->tables.history, AccessShareLock);
	if (!is_history_of(history, desc))
		refuse_book(job, "history", history);
	relation_close(history, NoLock);
	if (has_scores != job->has_scores || has_class != job->has_class)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("model \"%s\" does not fit the book of job \"%s\"",
					   model->label, job->name),
				errdetail("The book is for models with %s%s; this one has %d outputs and %d classes.",
						  job->has_scores ? "several numbers" : "one number",
						  job->has_class ? " and several classes" : "",
						  model->num_output,
						  sbk_family_classes(model->family, model->num_output)),
				errhint("Make another job for it."));
}

void
sbk_shape_check_key(const SbkJob *job, TupleDesc book)
{
	Relation	source = relation_open(job->source, AccessShareLock);
	int			i;

	for (i = 0; i < job->num_key; i++)
	{
		Form_pg_attribute key = TupleDescAttr(book, i);
		AttrNumber	number = get_attnum(job->source, NameStr(key->attname));
		Form_pg_attribute column;

		if (number <= 0)
			ereport(ERROR,
					errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("the source of job \"%s\" lacks the column \"%s\" of its key",
						   job->name, NameStr(key->attname)),
					errhint("Give the column back its name, or make a new job."));
		column = TupleDescAttr(RelationGetDescr(source), number - 1);
		if (column->atttypid != key->atttypid)
			ereport(ERROR,
					errcode(ERRCODE_DATATYPE_MISMATCH),
					errmsg("the type of the key of job \"%s\" has changed",
						   job->name),
					errdetail("Column \"%s\" is of type %s in the source, and of type %s in the book.",
							  NameStr(key->attname),
							  format_type_be(column->atttypid),
							  format_type_be(key->atttypid)),
					errhint("Make a new job, or cast the column in the source."));
	}
	relation_close(source, NoLock);
}

void
sbk_shape_check_intact(const SbkJob *job)
{
	check_table(job, job->tables.result);
	check_table(job, job->tables.history);
	if (!OidIsValid(job->tables.shadow))
		return;
	check_table(job, job->tables.shadow);
	check_table(job, job->tables.shadow_history);
}

static void
check_table(const SbkJob *job, Oid table)
{
	ListCell   *cell;

	foreach(cell, find_all_inheritors(table, RowExclusiveLock, NULL))
	{
		Relation	part = table_open(lfirst_oid(cell), NoLock);
		char	   *alteration = find_alteration(part, job->owner);

		if (alteration != NULL)
			ereport(ERROR,
					errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("table \"%s\" of job \"%s\" would not get what is written to it",
						   RelationGetRelationName(part), job->name),
					errdetail_internal("%s", alteration),
					errhint("Drop that; a trigger that only tells others fires AFTER a row or statement."));
		table_close(part, NoLock);
	}
}

/* NULL: there is none. */
static char *
find_alteration(Relation table, Oid writer)
{
	const TriggerDesc *triggers = table->trigdesc;
	int			i;

	for (i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_BEFORE(trigger->tgtype))
			return psprintf(_("Trigger \"%s\" fires before a row is written, and can change it."),
							trigger->tgname);
	}
	if (table->rd_rules != NULL)
		return _("It has rules.");
	if (check_enable_rls(RelationGetRelid(table), writer, true) == RLS_ENABLED)
		return psprintf(_("Its row security applies to role \"%s\", which writes it."),
						GetUserNameFromId(writer, false));
	return NULL;
}

/*
 * Does the history have the columns of the result table, and its own?  Columns
 * that were added and dropped again do not matter.
 */
static bool
is_history_of(Relation history, TupleDesc result)
{
	TupleDesc	desc = RelationGetDescr(history);
	static const struct
	{
		const char *name;
		Oid			type;
	}			own[] = {
		{"ended_by", INT8OID}, {"system_to", TIMESTAMPTZOID},
		{"end_reason", TEXTOID}
	};
	bool		is_history = history->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	int			num_result = sbk_live_columns(result);
	int			n = 0;
	int			i;

	for (i = 0; is_history && i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		bool		is_own = n >= num_result;

		if (attribute->attisdropped)
			continue;
		if (n == num_result + lengthof(own))
			return false;
		is_history = strcmp(NameStr(attribute->attname), is_own ?
							own[n - num_result].name :
							NameStr(TupleDescAttr(result, n)->attname)) == 0 &&
			attribute->atttypid == (is_own ? own[n - num_result].type :
									TupleDescAttr(result, n)->atttypid);
		n++;
	}
	return is_history && n == num_result + lengthof(own);
}

static void
refuse_book(const SbkJob *job, const char *what, Relation table)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("the %s of job \"%s\" has been altered", what,
				   job->name),
			errdetail("Columns or the primary key of \"%s\" were added, removed or changed.",
					  RelationGetRelationName(table)),
			errhint("Undo that; what else a report needs belongs in a view."));
}

bool
sbk_shape_tells_others(Relation table)
{
	const TriggerDesc *triggers = table->trigdesc;
	int			i;

	for (i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (TRIGGER_FOR_INSERT(triggers->triggers[i].tgtype) &&
			!is_guard(triggers->triggers[i].tgfoid))
			return true;
	}
	return false;
}

/* The schema is that of the extension, which cannot be another one. */
static bool
is_guard(Oid function)
{
	const char *name = get_func_name(function);

	return name != NULL && strcmp(name, "guard_book") == 0 &&
		get_func_namespace(function) == get_namespace_oid("scorebook", true);
}
