/*
 * found.c
 *		What a pass has found, for those who write it down.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "job/found.h"

static void make_descs(SbkPass *pass);
static bool is_of_row(const SbkNamedRow *row, const ErrorData *error);
static void add_failed(const SbkNamedRow *row, ErrorData *error);
static void name_row(void *arg);
static char *format_key(const SbkNamedRow *row);

void
sbk_found_start(SbkPass *pass)
{
	int			n = pass->num_key + SBK_BOOK_GIVEN;
	int			i;

	make_descs(pass);
	pass->written = tuplestore_begin_heap(false, false, work_mem);
	pass->gone = tuplestore_begin_heap(false, false, work_mem);
	pass->failed = tuplestore_begin_heap(false, false, work_mem);
	pass->shadowed = tuplestore_begin_heap(false, false, work_mem);

	pass->row_context = AllocSetContextCreate(pass->context, "scorebook row",
											  ALLOCSET_SMALL_SIZES);
	pass->columns = palloc(n * sizeof(SbkDigestColumn));
	for (i = 0; i < n; i++)
		sbk_digest_column_start(&pass->columns[i],
								TupleDescAttr(pass->book, i)->atttypid);
	pass->key_output = palloc(pass->num_key * sizeof(FmgrInfo));
	for (i = 0; i < pass->num_key; i++)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(TupleDescAttr(pass->book, i)->atttypid, &output,
						  &is_varlena);
		fmgr_info(output, &pass->key_output[i]);
	}
}

void
sbk_found_end(SbkPass *pass)
{
	tuplestore_end(pass->written);
	tuplestore_end(pass->gone);
	tuplestore_end(pass->failed);
	tuplestore_end(pass->shadowed);
	if (pass->erased != NULL)
		sbk_erased_end(pass->erased);
}

/*
 * What stands beside columns of a key is called scorebook's: a key may have any
 * other name.
 */
static void
make_descs(SbkPass *pass)
{
	int			n = pass->num_key + SBK_BOOK_GIVEN;
	int			i;

	pass->written_desc = CreateTemplateTupleDesc(2 + n);
	TupleDescInitEntry(pass->written_desc, 1, "scorebook ctid", TIDOID, -1, 0);
	TupleDescInitEntry(pass->written_desc, 2, "scorebook run", INT8OID, -1, 0);
	for (i = 0; i < n; i++)
		TupleDescCopyEntry(pass->written_desc, 3 + i, pass->book, 1 + i);

	pass->gone_desc = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(pass->gone_desc, 1, "scorebook ctid", TIDOID, -1, 0);
	TupleDescInitEntry(pass->gone_desc, 2, "scorebook run", INT8OID, -1, 0);
	TupleDescInitEntry(pass->gone_desc, 3, "reason", TEXTOID, -1, 0);

	pass->failed_desc = CreateTemplateTupleDesc(5);
	TupleDescInitEntry(pass->failed_desc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntry(pass->failed_desc, 2, "key_digest", INT8OID, -1, 0);
	TupleDescInitEntry(pass->failed_desc, 3, "sqlstate", TEXTOID, -1, 0);
	TupleDescInitEntry(pass->failed_desc, 4, "message", TEXTOID, -1, 0);
	TupleDescInitEntry(pass->failed_desc, 5, "detail", TEXTOID, -1, 0);

	n = 1 + pass->num_key;
	pass->shadowed_desc = CreateTemplateTupleDesc(n + 5);
	TupleDescInitEntry(pass->shadowed_desc, 1, "served", TEXTOID, -1, 0);
	for (i = 0; i < pass->num_key; i++)
		TupleDescCopyEntry(pass->shadowed_desc, 2 + i, pass->book, 1 + i);
	TupleDescInitEntry(pass->shadowed_desc, n + 1, "effective_at",
					   TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(pass->shadowed_desc, n + 2, "scores", FLOAT4ARRAYOID,
					   -1, 0);
	TupleDescInitEntry(pass->shadowed_desc, n + 3, "class", TEXTOID, -1, 0);
	TupleDescInitEntry(pass->shadowed_desc, n + 4, "version", INT4OID, -1, 0);
	TupleDescInitEntry(pass->shadowed_desc, n + 5,
					   "scorebook excluded", BOOLOID, -1, 0);
}

void
sbk_found_gone(SbkPass *pass, Datum ctid, Datum run, const char *reason)
{
	Datum		values[3] = {ctid, run, CStringGetTextDatum(reason)};
	bool		nulls[3] = {false};

	tuplestore_putvalues(pass->gone, pass->gone_desc, values, nulls);
	pfree(DatumGetPointer(values[2]));
}

bool
sbk_found_try(SbkPass *pass, const SbkNamedRow *row, void (*work) (void *arg),
			  void *arg)
{
	ErrorContextCallback callback = {error_context_stack, name_row, unconstify(SbkNamedRow *, row)};
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	error_context_stack = &callback;
	MemoryContextSwitchTo(row != NULL ? pass->row_context : context);
	PG_TRY();
	{
		work(arg);
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(row != NULL ? pass->row_context : context);
		error = CopyErrorData();
		if ((row != NULL && !pass->record_errors) || !is_of_row(row, error))
			PG_RE_THROW();
		FlushErrorState();
		if (row != NULL)
			add_failed(row, error);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(context);
	if (row != NULL)
		MemoryContextReset(pass->row_context);
	return done;
}

static bool
is_of_row(const SbkNamedRow *row, const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION ||
		(row != NULL && row->is_earlier &&
		 error->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE);
}

static void
add_failed(const SbkNamedRow *row, ErrorData *error)
{
	SbkPass    *pass = row->pass;
	Datum		values[5] = {
		CStringGetTextDatum(pass->failed_key),
		Int64GetDatum((int64) pass->failed_key_digest),
		CStringGetTextDatum(unpack_sql_state(error->sqlerrcode)),
		CStringGetTextDatum(error->message),
		error->detail ? CStringGetTextDatum(error->detail) : 0
	};
	bool		nulls[5] = {false, false, false, false, error->detail == NULL};

	pass->num_failed++;
	if (pass->num_failed > pass->max_errors)
		ereport(ERROR,
				errcode(error->sqlerrcode),
				errmsg_plural("more than %lld row of job \"%s\" cannot be scored",
							  "more than %lld rows of job \"%s\" cannot be scored",
							  (unsigned long) pass->max_errors,
							  (long long) pass->max_errors, pass->job),
				errdetail("The last one, %s: %s.", pass->failed_key,
						  error->message),
				errhint("The max_errors of the job says how many may fail; scorebook.alter_job changes it."));
	tuplestore_putvalues(pass->failed, pass->failed_desc, values, nulls);
	pfree(pass->failed_key);
	pass->failed_key = NULL;
}

static void
name_row(void *arg)
{
	const SbkNamedRow *row = arg;
	MemoryContext old_context;

	if (row == NULL)
		return;
	old_context = MemoryContextSwitchTo(row->pass->row_context);
	sbk_found_name(row);
	MemoryContextSwitchTo(old_context);
	errcontext("row %s of job \"%s\"", row->pass->failed_key, row->pass->job);
}

/* Twice: for people, and to find it again, however it is shown. */
void
sbk_found_name(const SbkNamedRow *row)
{
	SbkPass    *pass = row->pass;

	pass->failed_key = MemoryContextStrdup(pass->context, format_key(row));
	pass->failed_key_digest = sbk_key_digest(pass->hasher, row->key,
											 row->nulls);
}

void
sbk_found_refuse_duplicate(const SbkNamedRow *row)
{
	sbk_found_name(row);
	ereport(ERROR,
			errcode(ERRCODE_UNIQUE_VIOLATION),
			errmsg("the source of job \"%s\" has several rows of one key",
				   row->pass->job),
			errdetail("Key %s comes more than once.", row->pass->failed_key),
			errhint("Make the key longer, or leave one row of each key in a view, and make that the source."));
}

/* As in the message of a unique constraint: (a, b)=(1, 2). */
static char *
format_key(const SbkNamedRow *row)
{
	SbkPass    *pass = row->pass;
	StringInfoData text;
	int			i;

	initStringInfo(&text);
	for (i = 0; i < pass->num_key; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : "(",
						 NameStr(TupleDescAttr(pass->book, i)->attname));
	for (i = 0; i < pass->num_key; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : ")=(",
						 row->nulls[i] ? "null" :
						 OutputFunctionCall(&pass->key_output[i], row->key[i]));
	appendStringInfoChar(&text, ')');
	return text.data;
}
