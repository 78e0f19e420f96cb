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

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
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
	int64		run;

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
		run = sbk_run_job(&request, keeper, false);
	while (was_overtaken(run, keeper, &effective_at));
	row = read_book(&source, run, effective_at);
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
