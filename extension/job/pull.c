/*
 * pull.c
 *		One subject is scored now.
 *
 * Who pulls may be anyone who was granted that.  What names, operators and
 * casts mean was decided before it says anything: its key and features come as
 * jsonb, are read by the types of the owner's tables, and that, like all that is
 * read and written here, with the rights of the job's owner.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "job/guise.h"
#include "job/keeper.h"
#include "job/pull.h"
#include "job/run.h"

/* What is pulled from. */
typedef struct Source
{
	Oid			owner;
	Datum		subject;		/* jsonb: the key, by column */
	char	   *answer;			/* the statement that reads the book */
} Source;

static void find_source(const char *job, Datum key, Oid keeper, Source *source);
static int64 run(const SbkRunRequest *request, Oid keeper);
static void blame_column(const SbkRunRequest *request, ErrorData *error);
static bool find_value(Datum object, const char *message, int *longest,
					   StringInfo names);
static bool stands_in(const char *message, const char *text);
static bool was_overtaken(int64 run, Oid keeper, Datum *effective_at);
static HeapTupleHeader read_book(const Source *source, int64 run,
								 Datum effective_at);

HeapTupleHeader
sbk_pull(const char *job, Datum key, Datum features, Oid keeper)
{
	Source		source;
	SbkRunRequest request = {.job = job,.kind = SBK_RUN_PULL};
	HeapTupleHeader row;
	Datum		effective_at;
	int64		number;

	SPI_connect();
	find_source(job, key, keeper, &source);
	if (features != 0 && !JB_ROOT_IS_OBJECT(DatumGetJsonbP(features)))
		ereport(ERROR,
				errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("the features for job \"%s\" are not an object", job),
				errhint("Pass them by the names of the source's columns: {\"income\": 1200, ...}."));
	request.subject = source.subject;
	request.features = features;

	/* once more, where another one has written the row at the same time */
	do
		number = run(&request, keeper);
	while (was_overtaken(number, keeper, &effective_at));
	row = read_book(&source, number, effective_at);
	SPI_finish();
	return row;
}

static void
find_source(const char *job, Datum key, Oid keeper, Source *source)
{
	Oid			types[3] = {NAMEOID, TEXTOID, JSONBOID};
	NameData	caller;
	Datum		values[3];
	bool		isnull;

	namestrcpy(&caller, GetUserNameFromId(GetUserId(), false));
	values[0] = NameGetDatum(&caller);
	values[1] = CStringGetTextDatum(job);
	values[2] = key;
	sbk_call(keeper,
			 "SELECT p.owner, p.subject, p.answer FROM scorebook.pull_internal($1, $2, $3) AS p",
			 3, types, values, NULL);
	source->owner = get_role_oid(sbk_column(1), false);
	source->subject = SPI_getbinval(SPI_tuptable->vals[0],
									SPI_tuptable->tupdesc, 2, &isnull);
	source->answer = sbk_column(3);
}

static int64
run(const SbkRunRequest *request, Oid keeper)
{
	MemoryContext context = CurrentMemoryContext;
	volatile int64 number = 0;

	PG_TRY();
	{
		number = sbk_run_job(request, keeper, false);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		blame_column(request, error);
		ReThrowError(error);
	}
	PG_END_TRY();
	return number;
}

/*
 * PostgreSQL reads the values of the key and the features by the types of their
 * columns, and where one cannot be read, its message has the value only.  What
 * concerns the inputs of a model names them by itself.
 */
static void
blame_column(const SbkRunRequest *request, ErrorData *error)
{
	StringInfoData names;
	bool		is_feature;
	bool		is_key;
	int			longest = -1;
	int			of_feature;

	if ((error->sqlerrcode != ERRCODE_INVALID_TEXT_REPRESENTATION &&
		 error->sqlerrcode != ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE &&
		 error->sqlerrcode != ERRCODE_INVALID_DATETIME_FORMAT &&
		 error->sqlerrcode != ERRCODE_DATETIME_FIELD_OVERFLOW) ||
		strstr(error->message, "\" of model \"") != NULL)
		return;
	initStringInfo(&names);
	is_feature = request->features != 0 &&
		find_value(request->features, error->message, &longest, &names);
	of_feature = longest;
	is_key = find_value(request->subject, error->message, &longest, &names);
	if (!is_feature && !is_key)
		return;
	is_feature = is_feature && longest == of_feature;
	error->detail = psprintf("%c%s.", pg_toupper(error->message[0]), error->message + 1);
	error->message = psprintf("invalid value for %s in the %s for job \"%s\"",
							  names.data,
							  !is_key ? "features" : is_feature ? "features or the key" : "key",
							  request->job);
	error->hint = "It is read by the type of the column of that name in the source of the job.";
}

/*
 * Adds the columns of an object whose value stands in a message, and is as long
 * as the longest one so far; a longer one takes their place.  Has it found any?
 */
static bool
find_value(Datum object, const char *message, int *longest, StringInfo names)
{
	JsonbIterator *iterator = JsonbIteratorInit(&DatumGetJsonbP(object)->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *column = NULL;
	bool		found = false;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *text = NULL;
		int			length;

		if (token == WJB_KEY)
			column = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		if (value.type == jbvString)
			text = pnstrdup(value.val.string.val, value.val.string.len);
		else if (value.type == jbvNumeric)
			text = DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value.val.numeric)));
		else if (value.type == jbvBool)
			text = value.val.boolean ? "true" : "false";
		else if (value.type == jbvBinary)
			text = JsonbToCString(NULL, value.val.binary.data, value.val.binary.len);
		length = text == NULL ? -1 : (int) strlen(text);
		if (text == NULL || length < *longest || !stands_in(message, text))
			continue;
		if (length > *longest)
			resetStringInfo(names);
		*longest = length;
		found = true;
		appendStringInfo(names, "%s\"%s\"", names->len > 0 ? " or " : "", column);
	}
	return found;
}

/* In quotation marks, whatever these are in the language of the message. */
static bool
stands_in(const char *message, const char *text)
{
	Size		length = strlen(text);
	const char *found;

	if (length == 0)
		return strstr(message, "\"\"") != NULL;
	for (found = strstr(message, text); found != NULL; found = strstr(found + 1, text))
	{
		if (found > message && !isalnum((unsigned char) found[-1]) &&
			!isalnum((unsigned char) found[length]))
			return true;
	}
	return false;
}

/* Also tells the time that the row is about. */
static bool
was_overtaken(int64 run, Oid keeper, Datum *effective_at)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(run)};

	sbk_call(keeper,
			 "SELECT r.rows_overtaken, r.effective_at FROM scorebook.run AS r WHERE r.run = $1",
			 1, types, values, NULL);
	*effective_at = TimestampTzGetDatum(sbk_column_time(2));
	return sbk_column_int(1) > 0;
}

/* The values but the run are null where the subject is excluded. */
static HeapTupleHeader
read_book(const Source *source, int64 run, Datum effective_at)
{
	Oid			types[3] = {JSONBOID, INT8OID, TIMESTAMPTZOID};
	Datum		values[3] = {source->subject, Int64GetDatum(run), effective_at};
	SbkGuise	guise;

	sbk_guise_assume(source->owner, SECURITY_RESTRICTED_OPERATION, &guise);
	if (SPI_execute_with_args(source->answer, 3, types, values, NULL, false,
							  1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the book");
	sbk_guise_resume(&guise);
	return SPI_returntuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc);
}
