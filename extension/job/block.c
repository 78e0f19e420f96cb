/*
 * block.c
 *		Rows of a source that one served scorer scores together.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "job/block.h"
#include "job/digest.h"
#include "job/found.h"

/* numbers that are explained at once, for memory's sake */
#define EXPLAINED_RESULTS	((Size) 1024 * 1024)

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
	BOOK_INPUTS_HASH			/* run and system_from come later */
};

/* What a row of the block is besides its inputs. */
typedef struct BlockRow
{
	TimestampTz effective_at;
	bool		is_old;			/* the book has the key, and there: */
	bool		same;			/* all is the same but what is not known yet:
								 * the scores, and */
	bool		other_reasons;	/* perhaps the reasons */
	bool		failed;			/* could not be scored, or explained */
	ItemPointerData tid;
	int64		run;
	int32		points;
	uint64		inputs_hash;
	Jsonb	   *old_reasons;	/* where they may be others */
	Jsonb	   *reasons;		/* NULL until they are known */
} BlockRow;

struct SbkBlock
{
	SbkPass    *pass;
	SbkScorer  *scorer;
	bool		is_native;
	MemoryContext context;		/* of what the rows point to */
	MemoryContext scratch;
	float	   *old_scores;
	Datum	   *keys;
	bool	   *key_nulls;		/* of any row: none is */
	BlockRow   *rows;
	int		   *explained;		/* rows that reasons are computed of */
	float	   *inputs;			/* theirs, side by side */
	float	   *base_margins;
	Datum	   *values;			/* room for one row that is written */
	bool	   *nulls;
};

/* Rows that are scored together, and what they get. */
typedef struct ScoredRows
{
	SbkBlock   *block;
	int			first;
	int			n;
	const float *scores;
} ScoredRows;

/* Rows that are explained together. */
typedef struct ChosenRows
{
	SbkBlock   *block;
	const int  *rows;
	int			n;
} ChosenRows;

static const float *score(SbkBlock *block);
static void predict(void *arg);
static void compare_old(SbkBlock *block, BlockRow *row, const Datum *values,
						const bool *nulls);
static bool same_set(const SbkRanges *ranges, Datum set, bool isnull);
static bool same_inputs(SbkBlock *block, const BlockRow *row,
						const Datum *old, const bool *is_null);
static bool same_array(Datum array, const float *values, Size n);
static bool same_reasons(SbkBlock *block, BlockRow *row, Datum old,
						 bool isnull);
static bool read_scores(SbkBlock *block, Datum old);
static bool is_known(const SbkBlock *block, const BlockRow *row);
static void compare_scores(SbkBlock *block, const float *scores);
static void add_reasons(SbkBlock *block);
static void explain_singly(const ChosenRows *chosen);
static void explain(void *arg);
static const Datum *key_of(const SbkBlock *block, int i);
static void write_row(SbkBlock *block, int i, const float *scores);
static void decide(const SbkPass *pass, float score, Datum *given,
				   bool *given_null);

SbkBlock *
sbk_block_make(SbkPass *pass, SbkScorer *scorer)
{
	SbkBlock   *block = palloc0(sizeof(SbkBlock));
	int			num_book = pass->num_key + SBK_BOOK_GIVEN;
	int			num_feature = scorer->model->num_feature;

	block->pass = pass;
	block->scorer = scorer;
	block->is_native = sbk_model_is_native(scorer->model);
	block->context = AllocSetContextCreate(CurrentMemoryContext,
										   "scorebook block",
										   ALLOCSET_DEFAULT_SIZES);
	block->old_scores = palloc(mul_size(SBK_BLOCK_ROWS * sizeof(float),
										scorer->width));
	block->keys = palloc(mul_size(SBK_BLOCK_ROWS * sizeof(Datum),
								  pass->num_key));
	block->key_nulls = palloc0(pass->num_key * sizeof(bool));
	block->rows = palloc(SBK_BLOCK_ROWS * sizeof(BlockRow));
	block->values = palloc((2 + num_book) * sizeof(Datum));
	block->nulls = palloc((2 + num_book) * sizeof(bool));
	if (pass->num_reasons > 0)
	{
		block->scratch = AllocSetContextCreate(CurrentMemoryContext,
											   "scorebook reasons",
											   ALLOCSET_DEFAULT_SIZES);
		block->explained = palloc(SBK_BLOCK_ROWS * sizeof(int));
		block->inputs = palloc(mul_size(SBK_BLOCK_ROWS * sizeof(float),
										num_feature));
		block->base_margins = palloc(SBK_BLOCK_ROWS * sizeof(float));
	}
	return block;
}

void
sbk_block_add(SbkBlock *block, const Datum *values, const bool *nulls)
{
	SbkPass    *pass = block->pass;
	SbkScorer  *scorer = block->scorer;
	BlockRow   *row = &block->rows[scorer->num_row];
	const Datum *behind = values + pass->num_key;
	Datum	   *key = block->keys + scorer->num_row * pass->num_key;
	MemoryContext old_context;
	int			i;

	row->effective_at = DatumGetTimestampTz(behind[SBK_READ_EFFECTIVE_AT]);
	row->is_old = !nulls[pass->num_key + SBK_READ_CTID];
	row->same = row->other_reasons = row->failed = false;
	row->reasons = NULL;
	row->inputs_hash = pass->keep == SBK_KEEP_HASH ?
		sbk_scorer_hash(scorer, scorer->num_row) : 0;
	if (row->is_old)
		compare_old(block, row, values, nulls);
	if (row->same && is_known(block, row))
	{
		scorer->num_scored++;
		pass->num_confirmed++;
		return;
	}
	old_context = MemoryContextSwitchTo(block->context);
	for (i = 0; i < pass->num_key; i++)
		key[i] = datumCopy(values[i], pass->columns[i].by_value,
						   pass->columns[i].length);
	MemoryContextSwitchTo(old_context);
	scorer->num_row++;
	if (scorer->num_row == SBK_BLOCK_ROWS)
		sbk_block_score(block);
}

void
sbk_block_score(SbkBlock *block)
{
	SbkPass    *pass = block->pass;
	SbkScorer  *scorer = block->scorer;
	MemoryContext old_context;
	const float *scores;
	int			i;

	sbk_pass_report(pass);
	if (scorer->num_row == 0)
		return;
	old_context = MemoryContextSwitchTo(block->context);
	scores = score(block);
	compare_scores(block, scores);
	if (pass->num_reasons > 0)
		add_reasons(block);
	for (i = 0; i < scorer->num_row; i++)
	{
		const BlockRow *row = &block->rows[i];

		if (row->failed)
			continue;
		scorer->num_scored++;
		if (row->same)
			pass->num_confirmed++;
		else
			write_row(block, i, scores + i * scorer->width);
	}
	if (pass->fill != NULL)
		sbk_fill_flush(pass->fill);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(block->context);
	scorer->num_row = 0;
}

/* Those of rows that have none are not set. */
static const float *
score(SbkBlock *block)
{
	SbkScorer  *scorer = block->scorer;
	ScoredRows	rows = {block, 0, scorer->num_row};
	float	   *scores;

	if (sbk_found_try(block->pass, NULL, predict, &rows))
		return rows.scores;
	scores = palloc(mul_size(scorer->num_row * sizeof(float), scorer->width));
	rows.n = 1;
	for (; rows.first < scorer->num_row; rows.first++)
	{
		SbkNamedRow named = {block->pass, key_of(block, rows.first), block->key_nulls};

		if (sbk_found_try(block->pass, &named, predict, &rows))
			memcpy(scores + rows.first * scorer->width, rows.scores,
				   scorer->width * sizeof(float));
		else
			block->rows[rows.first].failed = true;
	}
	return scores;
}

static void
predict(void *arg)
{
	ScoredRows *rows = arg;

	rows->scores = sbk_scorer_predict(rows->block->scorer, rows->first,
									  rows->n);
}

/* Is all that the book has of the row the same, apart from the scores? */
static void
compare_old(SbkBlock *block, BlockRow *row, const Datum *values,
			const bool *nulls)
{
	SbkPass    *pass = block->pass;
	const Datum *old = values + pass->num_key;
	const bool *is_null = nulls + pass->num_key;
	TimestampTz known = DatumGetTimestampTz(old[SBK_READ_OLD_EFFECTIVE_AT]);

	if (!pass->each_period && known > row->effective_at)
		row->effective_at = known;
	row->tid = *(ItemPointer) DatumGetPointer(old[SBK_READ_CTID]);
	row->run = DatumGetInt64(old[SBK_READ_RUN]);
	row->points = is_null[SBK_READ_POINTS] ? 0 :
		DatumGetInt32(old[SBK_READ_POINTS]);
	row->same =
		DatumGetInt32(old[SBK_READ_VERSION]) == block->scorer->model->key.version &&
		same_set(&pass->cutoffs, old[SBK_READ_CUTOFF_SET],
				 is_null[SBK_READ_CUTOFF_SET]) &&
		same_set(&pass->bands, old[SBK_READ_BAND_SET],
				 is_null[SBK_READ_BAND_SET]) &&
		is_null[SBK_READ_POINTS] != pass->scaling.exists &&
		same_inputs(block, row, old, is_null) &&
		same_reasons(block, row, old[SBK_READ_OLD_REASONS],
					 is_null[SBK_READ_OLD_REASONS]) &&
		read_scores(block, old[SBK_READ_OLD_SCORES]);
}

static bool
same_set(const SbkRanges *ranges, Datum set, bool isnull)
{
	return isnull ? ranges->set == 0 : DatumGetInt32(set) == ranges->set;
}

/* As far as the job keeps them. */
static bool
same_inputs(SbkBlock *block, const BlockRow *row, const Datum *old,
			const bool *is_null)
{
	SbkScorer  *scorer = block->scorer;

	switch (block->pass->keep)
	{
		case SBK_KEEP_NO_INPUTS:
			break;
		case SBK_KEEP_HASH:
			return !is_null[SBK_READ_OLD_HASH] &&
				(uint64) DatumGetInt64(old[SBK_READ_OLD_HASH]) == row->inputs_hash;
		case SBK_KEEP_INPUTS:
			return !is_null[SBK_READ_OLD_INPUTS] &&
				same_array(old[SBK_READ_OLD_INPUTS],
						   sbk_scorer_inputs(scorer, scorer->num_row),
						   scorer->num_input);
	}
	return true;
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

/*
 * The same version gives the same reasons to the same inputs.  So they are
 * computed only where the inputs are not known to be the same, or where fewer
 * reasons than a row may have now were perhaps all that it could have before.
 */
static bool
same_reasons(SbkBlock *block, BlockRow *row, Datum old, bool isnull)
{
	SbkPass    *pass = block->pass;
	MemoryContext old_context;

	if (isnull || pass->num_reasons == 0)
		return isnull && pass->num_reasons == 0;
	old_context = MemoryContextSwitchTo(block->context);
	row->old_reasons = DatumGetJsonbPCopy(old);
	MemoryContextSwitchTo(old_context);
	if (JB_ROOT_COUNT(row->old_reasons) > pass->num_reasons)
		return false;
	row->other_reasons = pass->keep == SBK_KEEP_NO_INPUTS ||
		(row->run <= pass->reasons_since &&
		 JB_ROOT_COUNT(row->old_reasons) < pass->num_reasons);
	return true;
}

/* False where the row has another number of them. */
static bool
read_scores(SbkBlock *block, Datum old)
{
	SbkScorer  *scorer = block->scorer;
	float	   *scores = block->old_scores + scorer->num_row * scorer->width;
	ArrayType  *array;
	bool		fits;

	if (scorer->width == 1)
	{
		scores[0] = DatumGetFloat4(old);
		return true;
	}
	array = DatumGetArrayTypeP(old);
	fits = ARR_NDIM(array) == 1 && ARR_DIMS(array)[0] == scorer->width &&
		!ARR_HASNULL(array);
	if (fits)
		memcpy(scores, ARR_DATA_PTR(array), scorer->width * sizeof(float));
	if ((Pointer) array != DatumGetPointer(old))
		pfree(array);
	return fits;
}

/*
 * Need a row that is the same so far not be scored?  The native engine gives
 * the same bits to the same inputs of a version; that can change with scorebook
 * only, so that its first run over all of a source scores everything again.
 */
static bool
is_known(const SbkBlock *block, const BlockRow *row)
{
	const SbkPass *pass = block->pass;
	const SbkScorer *scorer = block->scorer;

	return pass->keep == SBK_KEEP_INPUTS && block->is_native &&
		pass->alike_since > 0 && row->run >= pass->alike_since &&
		!row->other_reasons &&
		(!pass->scaling.exists ||
		 row->points == sbk_scaling_points(&pass->scaling,
										   block->old_scores[scorer->num_row * scorer->width]));
}

static void
compare_scores(SbkBlock *block, const float *scores)
{
	const SbkScaling *scaling = &block->pass->scaling;
	Size		width = block->scorer->width;
	int			i;

	for (i = 0; i < block->scorer->num_row; i++)
	{
		BlockRow   *row = &block->rows[i];

		row->same = row->same && !row->failed &&
			memcmp(block->old_scores + i * width, scores + i * width,
				   width * sizeof(float)) == 0 &&
			(!scaling->exists ||
			 row->points == sbk_scaling_points(scaling, scores[i * width]));
	}
}

/* To the rows that will be written; those that may have others will be, too. */
static void
add_reasons(SbkBlock *block)
{
	SbkPass    *pass = block->pass;
	const SbkModel *model = block->scorer->model;
	Size		results = mul_size(model->num_output, model->num_feature + 1);
	int			limit = Max(1, Min(EXPLAINED_RESULTS / results, SBK_BLOCK_ROWS));
	TimestampTz start = GetCurrentTimestamp();
	int			n = 0;
	int			done;
	int			i;

	for (i = 0; i < block->scorer->num_row; i++)
	{
		if (!block->rows[i].failed &&
			(!block->rows[i].same || block->rows[i].other_reasons))
			block->explained[n++] = i;
	}
	for (done = 0; done < n; done += limit)
	{
		ChosenRows	chosen = {block, block->explained + done, Min(limit, n - done)};

		sbk_pass_report(pass);
		if (sbk_found_try(pass, NULL, explain, &chosen))
			continue;
		explain_singly(&chosen);
	}
	for (i = 0; i < n; i++)
	{
		BlockRow   *row = &block->rows[block->explained[i]];

		row->same = row->same && !row->failed &&
			VARSIZE(row->reasons) == VARSIZE(row->old_reasons) &&
			memcmp(row->reasons, row->old_reasons, VARSIZE(row->reasons)) == 0;
	}
	pass->reasons_time += GetCurrentTimestamp() - start;
}

/* One of them cannot be explained. */
static void
explain_singly(const ChosenRows *chosen)
{
	SbkBlock   *block = chosen->block;
	int			i;

	for (i = 0; i < chosen->n; i++)
	{
		SbkNamedRow named = {block->pass, key_of(block, chosen->rows[i]), block->key_nulls};
		ChosenRows	one = {block, chosen->rows + i, 1};

		block->rows[chosen->rows[i]].failed =
			!sbk_found_try(block->pass, &named, explain, &one);
	}
}

static void
explain(void *arg)
{
	const ChosenRows *chosen = arg;
	SbkBlock   *block = chosen->block;
	SbkPass    *pass = block->pass;
	SbkScorer  *scorer = block->scorer;
	SbkModel   *model = scorer->model;
	Size		results = mul_size(model->num_output, model->num_feature + 1);
	MemoryContext context;
	float	   *contributions;
	float	   *margins;
	int			i;

	MemoryContextReset(block->scratch);
	context = MemoryContextSwitchTo(block->scratch);
	for (i = 0; i < chosen->n; i++)
	{
		memcpy(block->inputs + (Size) i * model->num_feature,
			   scorer->inputs + (Size) chosen->rows[i] * model->num_feature,
			   model->num_feature * sizeof(float));
		if (scorer->base_margins != NULL)
			block->base_margins[i] = scorer->base_margins[chosen->rows[i]];
	}
	scorer->used_library = true;
	contributions = sbk_model_explain(model, block->inputs, chosen->n,
									  scorer->base_margins ? block->base_margins : NULL,
									  &margins);
	for (i = 0; i < chosen->n; i++)
	{
		SbkExplanation explanation;
		Jsonb	   *reasons;
		Jsonb	   *kept;

		sbk_explanation_make(model, NULL,
							 block->inputs + (Size) i * model->num_feature,
							 contributions + i * results,
							 margins + (Size) i * model->num_output,
							 &explanation);
		reasons = sbk_explanation_reasons(&explanation, pass->num_reasons,
										  pass->adverse);
		kept = MemoryContextAlloc(block->context, VARSIZE(reasons));
		memcpy(kept, reasons, VARSIZE(reasons));
		block->rows[chosen->rows[i]].reasons = kept;
	}
	MemoryContextSwitchTo(context);
}

static const Datum *
key_of(const SbkBlock *block, int i)
{
	return block->keys + i * block->pass->num_key;
}

static void
write_row(SbkBlock *block, int i, const float *scores)
{
	SbkPass    *pass = block->pass;
	SbkScorer  *scorer = block->scorer;
	BlockRow   *row = &block->rows[i];
	const char *class = sbk_scorer_class(scorer, scores);
	Datum	   *values = block->values + 2;
	bool	   *nulls = block->nulls + 2;
	int			n = pass->num_key + SBK_BOOK_GIVEN;
	Datum	   *given = values + pass->num_key;
	bool	   *given_null = nulls + pass->num_key;

	block->values[0] = PointerGetDatum(&row->tid);
	block->values[1] = Int64GetDatum(row->run);
	block->nulls[0] = block->nulls[1] = !row->is_old;
	memcpy(values, key_of(block, i), pass->num_key * sizeof(Datum));
	memset(nulls, false, n * sizeof(bool));
	memset(given_null + BOOK_CLASS, true, BOOK_VERSION - BOOK_CLASS);
	given[BOOK_EFFECTIVE_AT] = TimestampTzGetDatum(row->effective_at);
	given[BOOK_SCORES] = scorer->width == 1 ? Float4GetDatum(scores[0]) :
		sbk_real_array(scores, scorer->width);
	if (class != NULL)
	{
		given_null[BOOK_CLASS] = false;
		given[BOOK_CLASS] = CStringGetTextDatum(class);
	}
	decide(pass, scores[0], given, given_null);
	given_null[BOOK_REASONS] = row->reasons == NULL;
	given[BOOK_REASONS] = PointerGetDatum(row->reasons);
	given[BOOK_VERSION] = Int32GetDatum(scorer->model->key.version);
	given_null[BOOK_INPUTS] = pass->keep != SBK_KEEP_INPUTS;
	if (pass->keep == SBK_KEEP_INPUTS)
		given[BOOK_INPUTS] = sbk_real_array(sbk_scorer_inputs(scorer, i),
											scorer->num_input);
	given_null[BOOK_INPUTS_HASH] = pass->keep != SBK_KEEP_HASH;
	given[BOOK_INPUTS_HASH] = Int64GetDatum((int64) row->inputs_hash);

	if (pass->fill != NULL)
		sbk_fill_add(pass->fill, values, nulls);
	else
		tuplestore_putvalues(pass->written, pass->written_desc, block->values,
							 block->nulls);
	pass->digest += sbk_digest_row(pass->columns, n, values, nulls);
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
