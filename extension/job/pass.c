/*
 * pass.c
 *		One pass over the source of a job: reads, scores, compares.
 *
 * Rows are gathered into blocks, as the kernels like them: one for each scorer.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "job/block.h"
#include "job/digest.h"
#include "job/found.h"
#include "job/pass.h"
#include "job/progress.h"
#include "job/shadow.h"
#include "job/trace.h"

typedef struct Receiver
{
	DestReceiver pub;
	SbkPass    *pass;
	SbkBlock  **blocks;			/* of each scorer that is served */
	SbkShadows *shadows;		/* NULL: there are none */
	uint64		salt;			/* of a split */
} Receiver;

typedef struct ReadRow
{
	const SbkPass *pass;
	SbkScorer  *scorer;
	TupleTableSlot *slot;
	SbkNamedRow *named;
} ReadRow;

static void start(DestReceiver *self, int operation, TupleDesc desc);
static bool receive(TupleTableSlot *slot, DestReceiver *self);
static void finish(DestReceiver *self);
static void destroy(DestReceiver *self);
static int	choose_scorer(const Receiver *receiver, TupleTableSlot *slot);
static void read_inputs(void *arg);
static void check_row(const ReadRow *row);
static void refuse_earlier(const ReadRow *row, TimestampTz known,
						   TimestampTz effective_at);

void
sbk_pass_read(SbkPass *pass, const char *query, ParamListInfo params)
{
	Receiver	receiver = {
		.pub = {receive, start, finish, destroy, DestNone},
		.pass = pass
	};
	SPIExecuteOptions options = {
		.params = params,
		.read_only = true,
		.dest = &receiver.pub
	};
	MemoryContext context = CurrentMemoryContext;
	volatile int rc = 0;

	pass->context = context;
	sbk_found_start(pass);
	PG_TRY();
	{
		rc = SPI_execute_extended(query, &options);
	}
	PG_CATCH();
	{
		sbk_trace_rethrow(context, query, true);
	}
	PG_END_TRY();
	if (rc < 0)
		elog(ERROR, "could not read the source: %s", SPI_result_code_string(rc));
}

void
sbk_pass_decide(SbkPass *pass, const char *query)
{
	SPIExecuteOptions options = {
		.read_only = true,
		.dest = CreateDestReceiver(DestTuplestore)
	};
	TupleTableSlot *slot;
	int			rc;

	pass->context = CurrentMemoryContext;
	sbk_found_start(pass);
	SetTuplestoreDestReceiverParams(options.dest, pass->written,
									CurrentMemoryContext, false, NULL, NULL);
	rc = SPI_execute_extended(query, &options);
	if (rc < 0)
		elog(ERROR, "could not read the book: %s", SPI_result_code_string(rc));
	slot = MakeSingleTupleTableSlot(pass->written_desc, &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(pass->written, true, false, slot))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		pass->digest += sbk_digest_row(pass->columns,
									   pass->num_key + SBK_BOOK_GIVEN,
									   slot->tts_values + 2,
									   slot->tts_isnull + 2);
		pass->num_replaced++;
	}
	ExecDropSingleTupleTableSlot(slot);
	pass->num_read = pass->num_replaced;
}

static void
start(DestReceiver *self, int operation, TupleDesc desc)
{
	Receiver   *receiver = (Receiver *) self;
	SbkPass    *pass = receiver->pass;
	MemoryContext old_context = MemoryContextSwitchTo(pass->context);
	int			first = pass->num_key + SBK_READ_SOURCE;
	TupleDesc	source = CreateTemplateTupleDesc(desc->natts - first);
	int			i;

	for (i = first; i < desc->natts; i++)
		TupleDescCopyEntry(source, 1 + i - first, desc, 1 + i);
	receiver->blocks = palloc(pass->num_served * sizeof(SbkBlock *));
	for (i = 0; i < pass->num_served; i++)
	{
		sbk_pass_start_scorer(pass, &pass->served[i], source);
		receiver->blocks[i] = sbk_block_make(pass, &pass->served[i]);
	}
	receiver->salt = sbk_key_salt(pass->job, strlen(pass->job));
	receiver->shadows = sbk_shadows_start(pass, source);
	MemoryContextSwitchTo(old_context);
}

/* What is left out would be read as null, and scored as missing. */
void
sbk_pass_start_scorer(const SbkPass *pass, SbkScorer *scorer, TupleDesc source)
{
	const char *missing;

	sbk_scorer_start(scorer, source);
	if (pass->features == NULL)
		return;
	missing = sbk_missing_key(scorer->model, pass->features);
	if (missing != NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("the features for job \"%s\" lack \"%s\"", pass->job,
					   missing),
				errhint("Pass null for what is missing."));
}

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	SbkPass    *pass = receiver->pass;
	int			first = pass->num_key + SBK_READ_SOURCE;
	SbkNamedRow named = {pass, slot->tts_values, slot->tts_isnull};
	ReadRow		row = {.pass = pass,.slot = slot,.named = &named};
	const Datum *behind;
	const bool *behind_null;
	bool		is_old;
	int			i;

	slot_getallattrs(slot);
	behind = slot->tts_values + pass->num_key;
	behind_null = slot->tts_isnull + pass->num_key;
	is_old = !behind_null[SBK_READ_CTID];
	if (is_old && slot->tts_isnull[0])
	{
		pass->num_closed++;
		sbk_found_gone(pass, behind[SBK_READ_CTID], behind[SBK_READ_RUN],
					   "vanished");
		return true;
	}

	pass->num_read++;
	if (!behind_null[SBK_READ_EFFECTIVE_AT])
		pass->last_effective_at =
			DatumGetTimestampTz(behind[SBK_READ_EFFECTIVE_AT]);
	if (pass->num_read % SBK_BLOCK_ROWS == 0)
		sbk_pass_report(pass);
	if (is_old)
		pass->num_matched++;
	if (pass->erased != NULL &&
		sbk_erased_has(pass->erased, pass->hasher, slot->tts_values,
					   slot->tts_isnull))
	{
		pass->num_erased++;
		return true;
	}
	if (!behind_null[SBK_READ_EXCLUDED] &&
		DatumGetBool(behind[SBK_READ_EXCLUDED]))
	{
		pass->num_excluded++;
		if (is_old)
		{
			pass->num_excluded_old++;
			sbk_found_gone(pass, behind[SBK_READ_CTID], behind[SBK_READ_RUN],
						   "excluded");
		}
		if (receiver->shadows != NULL)
			sbk_shadows_skip(receiver->shadows, slot, true);
		return true;
	}

	i = pass->num_served == 1 ? 0 : choose_scorer(receiver, slot);
	row.scorer = &pass->served[i];
	if (!sbk_found_try(pass, &named, read_inputs, &row))
	{
		if (receiver->shadows != NULL)
			sbk_shadows_skip(receiver->shadows, slot, false);
		return true;
	}
	sbk_block_add(receiver->blocks[i], slot->tts_values, slot->tts_isnull);
	if (receiver->shadows != NULL)
		sbk_shadows_add(receiver->shadows, slot, first);
	return true;
}

void
sbk_pass_report(const SbkPass *pass)
{
	CHECK_FOR_INTERRUPTS();
	sbk_progress_rows(pass->num_read,
					  pass->num_failed + pass->num_excluded + pass->num_erased);
	if (pass->max_rows > 0 && pass->num_read > pass->max_rows)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg_plural("the source of job \"%s\" has more than %lld row",
							  "the source of job \"%s\" has more than %lld rows",
							  (unsigned long) pass->max_rows, pass->job,
							  (long long) pass->max_rows),
				errdetail("That is the max_rows of the job."),
				errhint("scorebook.alter_job changes it."));
	if (pass->deadline != 0 && GetCurrentTimestamp() > pass->deadline)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a run of job \"%s\" takes longer than its max_duration",
					   pass->job),
				errhint("scorebook.alter_job changes it; a run with only_changed reads fewer rows."));
}

static void
finish(DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	SbkPass    *pass = receiver->pass;
	int			i;

	for (i = 0; i < pass->num_served; i++)
	{
		sbk_block_score(receiver->blocks[i]);
		pass->num_scored += pass->served[i].num_scored;
	}
	if (receiver->shadows != NULL)
		sbk_shadows_finish(receiver->shadows);
}

static void
destroy(DestReceiver *self)
{
}

static int
choose_scorer(const Receiver *receiver, TupleTableSlot *slot)
{
	const SbkPass *pass = receiver->pass;
	int			place = sbk_key_place(pass->hasher, receiver->salt,
									  slot->tts_values, slot->tts_isnull);
	int			i;

	for (i = 1; i < pass->num_served; i++)
	{
		if (place < pass->served[i].limit)
			return i;
	}
	return 0;
}

/* Of the row that is read, by the scorer that serves it. */
static void
read_inputs(void *arg)
{
	const ReadRow *row = arg;
	int			first = row->pass->num_key + SBK_READ_SOURCE;

	check_row(row);
	sbk_scorer_read(row->scorer, row->slot->tts_values + first,
					row->slot->tts_isnull + first);
}

static void
check_row(const ReadRow *row)
{
	const SbkPass *pass = row->pass;
	const Datum *behind = row->slot->tts_values + pass->num_key;
	const bool *behind_null = row->slot->tts_isnull + pass->num_key;
	TimestampTz effective_at;
	TimestampTz known;
	int			i;

	for (i = 0; i < pass->num_key; i++)
	{
		if (row->slot->tts_isnull[i])
			ereport(ERROR,
					errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					errmsg("the source of job \"%s\" has a row without a key",
						   pass->job),
					errdetail("Its column \"%s\" is null.",
							  NameStr(TupleDescAttr(pass->book, i)->attname)),
					errhint("Leave such rows out in a view, and make that the source."));
	}
	if (behind_null[SBK_READ_EFFECTIVE_AT])
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("effective_at of job \"%s\" is null for a row",
					   pass->job),
				errhint("Leave such rows out in a view, and make that the source."));
	effective_at = DatumGetTimestampTz(behind[SBK_READ_EFFECTIVE_AT]);
	if (TIMESTAMP_NOT_FINITE(effective_at))
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("effective_at of job \"%s\" is infinite for a row",
					   pass->job),
				errdetail("No row could be about a later time, or about an earlier one."),
				errhint("Give the time that the row is about, or leave such rows out in a view, and make that the source."));
	if (behind_null[SBK_READ_CTID] || pass->each_period || pass->is_about_now)
		return;
	known = DatumGetTimestampTz(behind[SBK_READ_OLD_EFFECTIVE_AT]);
	if (known > effective_at)
		refuse_earlier(row, known, effective_at);
}

/* A run for a time in the past is refused, a row about one is an error of its own. */
static void
refuse_earlier(const ReadRow *row, TimestampTz known, TimestampTz effective_at)
{
	row->named->is_earlier = row->pass->by_row;
	sbk_found_name(row->named);
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("the book of job \"%s\" has a later state of row %s",
				   row->pass->job, row->pass->failed_key),
			errdetail("The row in the book is about %s, this one is about %s.",
					  timestamptz_to_str(known),
					  pstrdup(timestamptz_to_str(effective_at))),
			errhint("A job that keeps each period (keep => 'each_period') can be run for a past time."));
}
