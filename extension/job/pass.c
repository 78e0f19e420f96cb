/*
 * pass.c
 *		One pass over the source of a job: reads, scores, compares.
 *
 * Rows are gathered into blocks, as the kernels like them.  Of each the pass
 * keeps what it needs after scoring: the key, and what the book had.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "bind/bind.h"
#include "job/pass.h"
#include "job/progress.h"

/* columns behind the key */
enum
{
	READ_EFFECTIVE_AT,
	READ_EXCLUDED,
	READ_CTID,
	READ_RUN,
	READ_OLD_EFFECTIVE_AT,
	READ_VERSION,
	READ_CUTOFF_SET,
	READ_BAND_SET,
	READ_POINTS,
	READ_OLD_SCORES,
	READ_OLD_INPUTS,
	READ_OLD_HASH,
	READ_SOURCE
};

/* columns of the book behind the key */
enum
{
	BOOK_EFFECTIVE_AT,
	BOOK_SCORES,
	BOOK_CLASS,
	BOOK_POINTS,
	BOOK_DECISION,
	BOOK_CUTOFF_SET,
	BOOK_BAND,
	BOOK_BAND_SET,
	BOOK_REASONS,
	BOOK_VERSION,
	BOOK_INPUTS,
	BOOK_INPUTS_HASH,
	BOOK_GIVEN					/* run and system_from come later */
};

/* What a row of the block is besides its inputs. */
typedef struct BlockRow
{
	TimestampTz effective_at;
	bool		is_old;			/* the book has the key, and there: */
	bool		same;			/* all but the scores is the same */
	ItemPointerData ctid;
	int64		run;
	int32		points;
	uint64		inputs_hash;
} BlockRow;

typedef struct Receiver
{
	DestReceiver pub;
	SbkPass    *pass;
	MemoryContext context;		/* of the pass */
	MemoryContext block_context;
	MemoryContext row_context;	/* while a row is read */
	SbkRowBinding *binding;
	int			num_input;		/* features, and the base margin */
	Size		width;			/* numbers that the model gives for a row */
	float	   *inputs;			/* of the block, as the model sees them */
	float	   *base_margins;	/* NULL where the model has none */
	float	   *kept;			/* one row's inputs with its base margin */
	float	   *old_scores;
	Datum	   *keys;
	BlockRow   *rows;
	int			num_row;
	bool	   *key_by_value;
	int16	   *key_length;
	FmgrInfo   *key_output;
	TupleTableSlot *slot;		/* the row being read, for messages */
	Datum	   *values;			/* room for one row that is written */
	bool	   *nulls;
	bool	   *by_value;		/* of the book's columns */
	int16	   *lengths;
} Receiver;

static void start(DestReceiver *self, int operation, TupleDesc desc);
static void make_stores(SbkPass *pass);
static void make_descs(SbkPass *pass);
static bool receive(TupleTableSlot *slot, DestReceiver *self);
static void finish(DestReceiver *self);
static void destroy(DestReceiver *self);
static bool has_key(const Receiver *receiver);
static void report(const SbkPass *pass);
static void add_gone(Receiver *receiver, const char *reason);
static bool read_inputs(Receiver *receiver, SbkRow *row);
static void add_failed(Receiver *receiver, ErrorData *error);
static void compare_old(Receiver *receiver, BlockRow *row, const float *inputs);
static bool same_set(const SbkRanges *ranges, Datum set, bool isnull);
static bool same_array(Datum array, const float *values, Size n);
static void score_block(Receiver *receiver);
static void write_row(Receiver *receiver, int i, const float *scores);
static void decide(const SbkPass *pass, float score, Datum *given,
				   bool *given_null);
static void name_row(void *arg);
static void name_key(Receiver *receiver);
static char *format_key(const Receiver *receiver);

void
sbk_pass_read(SbkPass *pass, const char *query, ParamListInfo params)
{
	Receiver	receiver = {
		.pub = {receive, start, finish, destroy, DestNone},
		.pass = pass,
		.context = CurrentMemoryContext
	};
	SPIExecuteOptions options = {
		.params = params,
		.read_only = true,
		.dest = &receiver.pub
	};
	int			rc;

	make_stores(pass);
	rc = SPI_execute_extended(query, &options);
	if (rc < 0)
		elog(ERROR, "could not read the source: %s", SPI_result_code_string(rc));
	MemoryContextDelete(receiver.block_context);
	MemoryContextDelete(receiver.row_context);
}

void
sbk_pass_decide(SbkPass *pass, const char *query)
{
	SPIExecuteOptions options = {
		.read_only = true,
		.dest = CreateDestReceiver(DestTuplestore)
	};
	TupleTableSlot *slot;
	int			n = pass->num_key + BOOK_GIVEN;
	bool	   *by_value = palloc(n * sizeof(bool));
	int16	   *lengths = palloc(n * sizeof(int16));
	int			rc;
	int			i;

	make_stores(pass);
	SetTuplestoreDestReceiverParams(options.dest, pass->written,
									CurrentMemoryContext, false, NULL, NULL);
	rc = SPI_execute_extended(query, &options);
	if (rc < 0)
		elog(ERROR, "could not read the book: %s", SPI_result_code_string(rc));
	for (i = 0; i < n; i++)
	{
		by_value[i] = TupleDescAttr(pass->book, i)->attbyval;
		lengths[i] = TupleDescAttr(pass->book, i)->attlen;
	}
	slot = MakeSingleTupleTableSlot(pass->written_desc, &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(pass->written, true, false, slot))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		pass->digest += sbk_row_digest(n, slot->tts_values + 2,
									   slot->tts_isnull + 2, by_value, lengths);
		pass->num_replaced++;
	}
	ExecDropSingleTupleTableSlot(slot);
	pass->num_read = pass->num_replaced;
}

static void
make_stores(SbkPass *pass)
{
	make_descs(pass);
	pass->written = tuplestore_begin_heap(false, false, work_mem);
	pass->gone = tuplestore_begin_heap(false, false, work_mem);
	pass->failed = tuplestore_begin_heap(false, false, work_mem);
}

static void
make_descs(SbkPass *pass)
{
	int			n = pass->num_key + BOOK_GIVEN;
	int			i;

	pass->written_desc = CreateTemplateTupleDesc(2 + n);
	TupleDescInitEntry(pass->written_desc, 1, "old_ctid", TIDOID, -1, 0);
	TupleDescInitEntry(pass->written_desc, 2, "old_run", INT8OID, -1, 0);
	for (i = 0; i < n; i++)
		TupleDescCopyEntry(pass->written_desc, 3 + i, pass->book, 1 + i);

	pass->gone_desc = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(pass->gone_desc, 1, "old_ctid", TIDOID, -1, 0);
	TupleDescInitEntry(pass->gone_desc, 2, "old_run", INT8OID, -1, 0);
	TupleDescInitEntry(pass->gone_desc, 3, "reason", TEXTOID, -1, 0);

	pass->failed_desc = CreateTemplateTupleDesc(4);
	TupleDescInitEntry(pass->failed_desc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntry(pass->failed_desc, 2, "key_digest", INT8OID, -1, 0);
	TupleDescInitEntry(pass->failed_desc, 3, "sqlstate", TEXTOID, -1, 0);
	TupleDescInitEntry(pass->failed_desc, 4, "message", TEXTOID, -1, 0);
}

static void
start(DestReceiver *self, int operation, TupleDesc desc)
{
	Receiver   *receiver = (Receiver *) self;
	SbkPass    *pass = receiver->pass;
	const SbkModel *model = pass->model;
	MemoryContext old_context = MemoryContextSwitchTo(receiver->context);
	int			first = pass->num_key + READ_SOURCE;
	int			num_book = pass->num_key + BOOK_GIVEN;
	TupleDesc	source = CreateTemplateTupleDesc(desc->natts - first);
	int			i;

	for (i = first; i < desc->natts; i++)
		TupleDescCopyEntry(source, 1 + i - first, desc, 1 + i);
	receiver->binding = sbk_bind_row(model, source);
	receiver->num_input = model->num_feature + (model->base_margin ? 1 : 0);
	receiver->width = sbk_family_width(model->family, model->num_output);
	receiver->inputs = palloc(mul_size(SBK_PASS_ROWS * sizeof(float),
									   model->num_feature));
	if (model->base_margin)
		receiver->base_margins = palloc(SBK_PASS_ROWS * sizeof(float));
	receiver->kept = palloc(mul_size(receiver->num_input, sizeof(float)));
	receiver->old_scores = palloc(mul_size(SBK_PASS_ROWS * sizeof(float),
										   receiver->width));
	receiver->keys = palloc(mul_size(SBK_PASS_ROWS * sizeof(Datum),
									 pass->num_key));
	receiver->rows = palloc(SBK_PASS_ROWS * sizeof(BlockRow));
	receiver->key_by_value = palloc(pass->num_key * sizeof(bool));
	receiver->key_length = palloc(pass->num_key * sizeof(int16));
	receiver->key_output = palloc(pass->num_key * sizeof(FmgrInfo));
	for (i = 0; i < pass->num_key; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		Oid			output;
		bool		is_varlena;

		get_typlenbyval(column->atttypid, &receiver->key_length[i],
						&receiver->key_by_value[i]);
		getTypeOutputInfo(column->atttypid, &output, &is_varlena);
		fmgr_info(output, &receiver->key_output[i]);
	}
	receiver->values = palloc((2 + num_book) * sizeof(Datum));
	receiver->nulls = palloc((2 + num_book) * sizeof(bool));
	receiver->by_value = palloc(num_book * sizeof(bool));
	receiver->lengths = palloc(num_book * sizeof(int16));
	for (i = 0; i < num_book; i++)
	{
		receiver->by_value[i] = TupleDescAttr(pass->book, i)->attbyval;
		receiver->lengths[i] = TupleDescAttr(pass->book, i)->attlen;
	}
	receiver->block_context = AllocSetContextCreate(receiver->context,
													"scorebook block",
													ALLOCSET_DEFAULT_SIZES);
	receiver->row_context = AllocSetContextCreate(receiver->context,
												  "scorebook row",
												  ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old_context);
}

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	SbkPass    *pass = receiver->pass;
	const SbkModel *model = pass->model;
	const Datum *behind;
	const bool *behind_null;
	BlockRow   *row;
	SbkRow		inputs;
	MemoryContext old_context;
	bool		is_old;
	int			i;

	slot_getallattrs(slot);
	receiver->slot = slot;
	behind = slot->tts_values + pass->num_key;
	behind_null = slot->tts_isnull + pass->num_key;
	is_old = !behind_null[READ_CTID];
	if (is_old && slot->tts_isnull[0])
	{
		pass->num_closed++;
		add_gone(receiver, "vanished");
		return true;
	}

	pass->num_read++;
	if (pass->num_read % SBK_PASS_ROWS == 0)
		report(pass);
	if (is_old)
		pass->num_matched++;
	if (pass->erased != NULL && has_key(receiver) &&
		sbk_erased_has(pass->erased, slot->tts_values))
	{
		pass->num_erased++;
		return true;
	}
	if (!behind_null[READ_EXCLUDED] && DatumGetBool(behind[READ_EXCLUDED]))
	{
		pass->num_excluded++;
		if (is_old)
		{
			pass->num_excluded_old++;
			add_gone(receiver, "excluded");
		}
		return true;
	}

	row = &receiver->rows[receiver->num_row];
	inputs.values = receiver->inputs +
		(Size) receiver->num_row * model->num_feature;
	if (!read_inputs(receiver, &inputs))
		return true;
	row->effective_at = DatumGetTimestampTz(behind[READ_EFFECTIVE_AT]);
	row->is_old = is_old;
	row->inputs_hash = 0;
	if (receiver->base_margins != NULL)
		receiver->base_margins[receiver->num_row] = inputs.base_margin;
	if (pass->keep == SBK_KEEP_HASH)
	{
		row->inputs_hash = hash_bytes_extended((unsigned char *) inputs.values,
											   model->num_feature * sizeof(float), 0);
		if (receiver->base_margins != NULL)
			row->inputs_hash = hash_bytes_extended((unsigned char *) &inputs.base_margin,
												   sizeof(float), row->inputs_hash);
	}
	if (is_old)
		compare_old(receiver, row, inputs.values);
	old_context = MemoryContextSwitchTo(receiver->block_context);
	for (i = 0; i < pass->num_key; i++)
		receiver->keys[receiver->num_row * pass->num_key + i] =
			datumCopy(slot->tts_values[i], receiver->key_by_value[i],
					  receiver->key_length[i]);
	MemoryContextSwitchTo(old_context);
	receiver->num_row++;
	if (receiver->num_row == SBK_PASS_ROWS)
		score_block(receiver);
	return true;
}

static void
finish(DestReceiver *self)
{
	score_block((Receiver *) self);
}

static void
destroy(DestReceiver *self)
{
}

static bool
has_key(const Receiver *receiver)
{
	int			i;

	for (i = 0; i < receiver->pass->num_key; i++)
	{
		if (receiver->slot->tts_isnull[i])
			return false;
	}
	return true;
}

/* To others how far it is; and throws where that is too far. */
static void
report(const SbkPass *pass)
{
	CHECK_FOR_INTERRUPTS();
	sbk_progress_rows(pass->num_read,
					  pass->num_failed + pass->num_excluded + pass->num_erased);
	if (pass->max_rows > 0 && pass->num_read > pass->max_rows)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("the source of job \"%s\" has more than %lld rows",
					   pass->job, (long long) pass->max_rows),
				errdetail("That is the max_rows of the job."));
	if (pass->deadline != 0 && GetCurrentTimestamp() > pass->deadline)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a run of job \"%s\" takes longer than its max_duration",
					   pass->job));
}

static void
add_gone(Receiver *receiver, const char *reason)
{
	SbkPass    *pass = receiver->pass;
	const Datum *behind = receiver->slot->tts_values + pass->num_key;
	Datum		values[3] = {
		behind[READ_CTID],
		behind[READ_RUN],
		CStringGetTextDatum(reason)
	};
	bool		nulls[3] = {false};

	tuplestore_putvalues(pass->gone, pass->gone_desc, values, nulls);
	pfree(DatumGetPointer(values[2]));
}

/*
 * False where the row cannot be scored, which has been recorded then.  What
 * reads inputs takes nothing that an error would have to give back, so that no
 * subtransaction is needed, which a parallel plan would not allow.
 */
static bool
read_inputs(Receiver *receiver, SbkRow *row)
{
	SbkPass    *pass = receiver->pass;
	int			first = pass->num_key + READ_SOURCE;
	ErrorContextCallback callback = {error_context_stack, name_row, receiver};
	MemoryContext context = MemoryContextSwitchTo(receiver->row_context);
	volatile bool done = false;
	int			i;

	error_context_stack = &callback;
	PG_TRY();
	{
		for (i = 0; i < pass->num_key; i++)
		{
			if (receiver->slot->tts_isnull[i])
				ereport(ERROR,
						errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the source of job \"%s\" has a row without a key",
							   pass->job),
						errdetail("Its column \"%s\" is null.",
								  NameStr(TupleDescAttr(pass->book, i)->attname)),
						errhint("Leave such rows out in a view, and make that the source."));
		}
		if (receiver->slot->tts_isnull[pass->num_key + READ_EFFECTIVE_AT])
			ereport(ERROR,
					errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					errmsg("the effective_at of job \"%s\" is null for a row",
						   pass->job));
		sbk_read_columns(pass->model, receiver->binding,
						 receiver->slot->tts_values + first,
						 receiver->slot->tts_isnull + first, row);
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(receiver->row_context);
		error = CopyErrorData();
		if (!pass->record_errors ||
			ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		FlushErrorState();
		add_failed(receiver, error);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(context);
	MemoryContextReset(receiver->row_context);
	return done;
}

static void
add_failed(Receiver *receiver, ErrorData *error)
{
	SbkPass    *pass = receiver->pass;
	Datum		values[4] = {
		CStringGetTextDatum(pass->failed_key),
		Int64GetDatum((int64) pass->failed_key_digest),
		CStringGetTextDatum(unpack_sql_state(error->sqlerrcode)),
		CStringGetTextDatum(error->message)
	};
	bool		nulls[4] = {false};

	pass->num_failed++;
	if (pass->num_failed > pass->max_errors)
		ereport(ERROR,
				errcode(error->sqlerrcode),
				errmsg("job \"%s\" cannot score more than %lld rows",
					   pass->job, (long long) pass->max_errors),
				errdetail("The last one, %s: %s.", pass->failed_key,
						  error->message),
				errhint("So many may fail, by the max_errors of the job."));
	tuplestore_putvalues(pass->failed, pass->failed_desc, values, nulls);
}

/* Is all that the book has of the row the same, apart from the scores? */
static void
compare_old(Receiver *receiver, BlockRow *row, const float *inputs)
{
	SbkPass    *pass = receiver->pass;
	const SbkModel *model = pass->model;
	const Datum *old = receiver->slot->tts_values + pass->num_key;
	const bool *is_null = receiver->slot->tts_isnull + pass->num_key;
	float	   *scores = receiver->old_scores +
		receiver->num_row * receiver->width;

	if (!pass->each_period &&
		DatumGetTimestampTz(old[READ_OLD_EFFECTIVE_AT]) > row->effective_at)
	{
		name_key(receiver);
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("job \"%s\" knows a later state of the row %s",
					   pass->job, pass->failed_key),
				errdetail("The row in the book is about %s, this one is about %s.",
						  timestamptz_to_str(DatumGetTimestampTz(old[READ_OLD_EFFECTIVE_AT])),
						  pstrdup(timestamptz_to_str(row->effective_at))),
				errhint("A job that keeps each period (keep => 'each_period') can be run for a time gone by."));
	}
	row->ctid = *(ItemPointer) DatumGetPointer(old[READ_CTID]);
	row->run = DatumGetInt64(old[READ_RUN]);
	row->same = DatumGetInt32(old[READ_VERSION]) == model->key.version &&
		same_set(&pass->cutoffs, old[READ_CUTOFF_SET], is_null[READ_CUTOFF_SET]) &&
		same_set(&pass->bands, old[READ_BAND_SET], is_null[READ_BAND_SET]);
	switch (pass->keep)
	{
		case SBK_KEEP_NO_INPUTS:
			break;
		case SBK_KEEP_HASH:
			row->same = row->same && !is_null[READ_OLD_HASH] &&
				(uint64) DatumGetInt64(old[READ_OLD_HASH]) == row->inputs_hash;
			break;
		case SBK_KEEP_INPUTS:
			if (row->same && !is_null[READ_OLD_INPUTS])
			{
				memcpy(receiver->kept, inputs,
					   model->num_feature * sizeof(float));
				if (receiver->base_margins != NULL)
					receiver->kept[model->num_feature] =
						receiver->base_margins[receiver->num_row];
				row->same = same_array(old[READ_OLD_INPUTS], receiver->kept,
									   receiver->num_input);
			}
			else
				row->same = false;
			break;
	}
	if (!row->same)
		return;
	row->points = is_null[READ_POINTS] ? 0 : DatumGetInt32(old[READ_POINTS]);
	row->same = is_null[READ_POINTS] != pass->scaling.exists;
	if (receiver->width == 1)
		scores[0] = DatumGetFloat4(old[READ_OLD_SCORES]);
	else
	{
		ArrayType  *array = DatumGetArrayTypeP(old[READ_OLD_SCORES]);

		if (ARR_NDIM(array) == 1 && ARR_DIMS(array)[0] == receiver->width &&
			!ARR_HASNULL(array))
			memcpy(scores, ARR_DATA_PTR(array),
				   receiver->width * sizeof(float));
		else
			row->same = false;
		if ((Pointer) array != DatumGetPointer(old[READ_OLD_SCORES]))
			pfree(array);
	}
}

static bool
same_set(const SbkRanges *ranges, Datum set, bool isnull)
{
	return isnull ? ranges->set == 0 : DatumGetInt32(set) == ranges->set;
}

static bool
same_array(Datum datum, const float *values, Size n)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	bool		same = ARR_NDIM(array) == 1 && ARR_DIMS(array)[0] == n &&
		!ARR_HASNULL(array) &&
		memcmp(ARR_DATA_PTR(array), values, n * sizeof(float)) == 0;

	if ((Pointer) array != DatumGetPointer(datum))
		pfree(array);
	return same;
}

static void
score_block(Receiver *receiver)
{
	SbkPass    *pass = receiver->pass;
	MemoryContext old_context;
	const float *scores;
	Size		width;
	int			i;

	report(pass);
	if (receiver->num_row == 0)
		return;
	scores = sbk_model_predict(pass->model, receiver->inputs,
							   receiver->num_row, receiver->base_margins,
							   SBK_PREDICT_VALUE, &width);
	Assert(width == receiver->width);
	old_context = MemoryContextSwitchTo(receiver->block_context);
	for (i = 0; i < receiver->num_row; i++)
	{
		const BlockRow *row = &receiver->rows[i];

		if (row->is_old && row->same &&
			memcmp(receiver->old_scores + i * width, scores + i * width,
				   width * sizeof(float)) == 0 &&
			(!pass->scaling.exists ||
			 row->points == sbk_scaling_points(&pass->scaling, scores[i * width])))
			pass->num_confirmed++;
		else
			write_row(receiver, i, scores + i * width);
	}
	if (pass->fill != NULL)
		sbk_fill_flush(pass->fill);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(receiver->block_context);
	pass->num_scored += receiver->num_row;
	receiver->num_row = 0;
}

static void
write_row(Receiver *receiver, int i, const float *scores)
{
	SbkPass    *pass = receiver->pass;
	const SbkModel *model = pass->model;
	const BlockRow *row = &receiver->rows[i];
	Datum	   *values = receiver->values + 2;
	bool	   *nulls = receiver->nulls + 2;
	int			n = pass->num_key + BOOK_GIVEN;
	Datum	   *given = values + pass->num_key;
	bool	   *given_null = nulls + pass->num_key;

	receiver->values[0] = PointerGetDatum(&row->ctid);
	receiver->values[1] = Int64GetDatum(row->run);
	receiver->nulls[0] = receiver->nulls[1] = !row->is_old;
	memcpy(values, receiver->keys + i * pass->num_key,
		   pass->num_key * sizeof(Datum));
	memset(nulls, false, n * sizeof(bool));
	memset(given_null + BOOK_CLASS, true, BOOK_VERSION - BOOK_CLASS);
	given[BOOK_EFFECTIVE_AT] = TimestampTzGetDatum(row->effective_at);
	given[BOOK_SCORES] = receiver->width == 1 ? Float4GetDatum(scores[0]) :
		sbk_real_array(scores, receiver->width);
	if (model->family == SBK_FAMILY_MULTI_CLASS ||
		model->family == SBK_FAMILY_MULTI_PROBABILITY)
	{
		given_null[BOOK_CLASS] = false;
		given[BOOK_CLASS] =
			CStringGetTextDatum(sbk_model_class_label(model,
													  sbk_model_class(model, scores)));
	}
	decide(pass, scores[0], given, given_null);
	given[BOOK_VERSION] = Int32GetDatum(model->key.version);
	given_null[BOOK_INPUTS] = pass->keep != SBK_KEEP_INPUTS;
	if (pass->keep == SBK_KEEP_INPUTS)
	{
		memcpy(receiver->kept, receiver->inputs + (Size) i * model->num_feature,
			   model->num_feature * sizeof(float));
		if (receiver->base_margins != NULL)
			receiver->kept[model->num_feature] = receiver->base_margins[i];
		given[BOOK_INPUTS] = sbk_real_array(receiver->kept,
											receiver->num_input);
	}
	given_null[BOOK_INPUTS_HASH] = pass->keep != SBK_KEEP_HASH;
	given[BOOK_INPUTS_HASH] = Int64GetDatum((int64) row->inputs_hash);

	if (pass->fill != NULL)
		sbk_fill_add(pass->fill, values, nulls);
	else
		tuplestore_putvalues(pass->written, pass->written_desc,
							 receiver->values, receiver->nulls);
	pass->digest += sbk_row_digest(n, values, nulls, receiver->by_value,
								   receiver->lengths);
	if (row->is_old)
		pass->num_replaced++;
	else
		pass->num_added++;
}

/* Points, decision and band, as far as the job has them. */
static void
decide(const SbkPass *pass, float score, Datum *given, bool *given_null)
{
	int32		points = 0;

	if (pass->scaling.exists)
	{
		points = sbk_scaling_points(&pass->scaling, score);
		given[BOOK_POINTS] = Int32GetDatum(points);
		given_null[BOOK_POINTS] = false;
	}
	if (pass->cutoffs.set > 0)
	{
		given[BOOK_DECISION] =
			sbk_ranges_find(&pass->cutoffs,
							pass->cutoffs.of_points ? points : score);
		given[BOOK_CUTOFF_SET] = Int32GetDatum(pass->cutoffs.set);
		given_null[BOOK_DECISION] = given_null[BOOK_CUTOFF_SET] = false;
	}
	if (pass->bands.set > 0)
	{
		given[BOOK_BAND] =
			sbk_ranges_find(&pass->bands,
							pass->bands.of_points ? points : score);
		given[BOOK_BAND_SET] = Int32GetDatum(pass->bands.set);
		given_null[BOOK_BAND] = given_null[BOOK_BAND_SET] = false;
	}
}

/* Of the bytes that each value is made of, whatever its type; nulls count. */
uint64
sbk_row_digest(int n, const Datum *values, const bool *nulls,
			   const bool *by_value, const int16 *lengths)
{
	uint64		digest = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (nulls[i])
			digest = hash_combine64(digest, 0);
		else if (by_value[i])
			digest = hash_bytes_extended((const unsigned char *) &values[i],
										 sizeof(Datum), digest);
		else if (lengths[i] == -1)
		{
			struct varlena *value = PG_DETOAST_DATUM_PACKED(values[i]);

			digest = hash_bytes_extended((const unsigned char *) VARDATA_ANY(value),
										 VARSIZE_ANY_EXHDR(value), digest);
			if ((Pointer) value != DatumGetPointer(values[i]))
				pfree(value);
		}
		else
			digest = hash_bytes_extended((const unsigned char *) DatumGetPointer(values[i]),
										 datumGetSize(values[i], false, lengths[i]),
										 digest);
	}
	return digest;
}

static void
name_row(void *arg)
{
	Receiver   *receiver = arg;
	MemoryContext old_context = MemoryContextSwitchTo(receiver->row_context);

	name_key(receiver);
	MemoryContextSwitchTo(old_context);
	errcontext("row %s of job \"%s\"", receiver->pass->failed_key,
			   receiver->pass->job);
}

/* Twice: for people, and to find it again, however it is shown. */
static void
name_key(Receiver *receiver)
{
	SbkPass    *pass = receiver->pass;

	if (pass->failed_key)
		pfree(pass->failed_key);
	pass->failed_key = MemoryContextStrdup(receiver->context, format_key(receiver));
	pass->failed_key_digest = sbk_row_digest(pass->num_key,
											 receiver->slot->tts_values,
											 receiver->slot->tts_isnull,
											 receiver->by_value,
											 receiver->lengths);
}

/* As in the message of a unique constraint: (a, b)=(1, 2). */
static char *
format_key(const Receiver *receiver)
{
	const SbkPass *pass = receiver->pass;
	StringInfoData text;
	int			i;

	initStringInfo(&text);
	for (i = 0; i < pass->num_key; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : "(",
						 NameStr(TupleDescAttr(pass->book, i)->attname));
	for (i = 0; i < pass->num_key; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : ")=(",
						 receiver->slot->tts_isnull[i] ? "null" :
						 OutputFunctionCall(&receiver->key_output[i],
											receiver->slot->tts_values[i]));
	appendStringInfoChar(&text, ')');
	return text.data;
}
