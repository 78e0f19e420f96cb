/*
 * fill.c
 *		Fills an empty book, block by block.
 *
 * The first rows are entered into the index of the key as they come; beyond
 * some number it is cheaper to build it anew from the table at the end, with
 * PostgreSQL's own sort and parallel workers.  That keeps readers out for as
 * long as it takes, so it is done only where it need not wait for one; else
 * the rest of the rows is entered one by one, as the first ones were.
 *
 * Pages are filled up, whatever the fillfactor of the table: it is for the rows
 * that change later.  They gather in pages of their own, which have room for
 * what they become next; those that never change take none.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "job/attempt.h"
#include "job/fill.h"
#include "job/found.h"
#include "job/shape.h"

/* rows that are entered into the index one by one */
#define ROWS_INDEXED	10000

struct SbkFill
{
	Relation	result;
	struct SbkPass *pass;
	int64		run;
	TimestampTz system_from;
	CommandId	command;
	BulkInsertState bulk;
	EState	   *state;
	ResultRelInfo *indexes;
	TupleTableSlot **slots;
	int			num_given;		/* columns of a row, without the last two */
	int			max_rows;
	int			num_row;
	int64		num_written;
	bool		by_row;			/* rows are entered into the index as they come */
	ItemPointerData last_indexed;
};

typedef struct Reindexing
{
	Oid			index;
	char		persistence;
} Reindexing;

static void insert_packed(SbkFill *fill);
static int	exchange_fillfactor(Relation result, int fillfactor);
static void enter(SbkFill *fill, TupleTableSlot *slot);
static bool may_build_index(const SbkFill *fill);
static ErrorData *build_index(SbkFill *fill, Oid index);
static void reindex(void *arg);
static void enter_rest(SbkFill *fill);

SbkFill *
sbk_fill_start(SbkPass *pass, Relation result, int64 run,
			   TimestampTz system_from, int max_rows)
{
	SbkFill    *fill;
	int			i;

	if (RelationGetNumberOfBlocks(result) > 0 || sbk_shape_tells_others(result))
		return NULL;
	LockRelation(result, ShareRowExclusiveLock);
	if (RelationGetNumberOfBlocks(result) > 0)
		return NULL;

	fill = palloc0(sizeof(SbkFill));
	fill->result = result;
	fill->pass = pass;
	fill->run = run;
	fill->system_from = system_from;

	/* both are forbidden once a parallel plan runs */
	(void) GetCurrentTransactionId();
	fill->command = GetCurrentCommandId(true);
	fill->bulk = GetBulkInsertState();
	fill->state = CreateExecutorState();
	fill->indexes = makeNode(ResultRelInfo);
	InitResultRelInfo(fill->indexes, result, 1, NULL, 0);
	ExecOpenIndices(fill->indexes, false);
	fill->num_given = sbk_live_columns(RelationGetDescr(result)) - 2;
	fill->by_row = true;
	fill->max_rows = max_rows;
	fill->slots = palloc(mul_size(max_rows, sizeof(TupleTableSlot *)));
	for (i = 0; i < max_rows; i++)
		fill->slots[i] = table_slot_create(result, NULL);
	return fill;
}

int
sbk_live_columns(TupleDesc desc)
{
	int			n = 0;
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			n++;
	}
	return n;
}

void
sbk_fill_add(SbkFill *fill, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = fill->slots[fill->num_row++];
	int			n = fill->num_given;

	Assert(fill->num_row <= fill->max_rows);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
	memcpy(slot->tts_values, values, n * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, n * sizeof(bool));
	slot->tts_values[n] = Int64GetDatum(fill->run);
	slot->tts_values[n + 1] = TimestampTzGetDatum(fill->system_from);
	slot->tts_isnull[n] = slot->tts_isnull[n + 1] = false;
	ExecStoreVirtualTuple(slot);
}

/* Always at the end of the table, so that rows stand in the order they came. */
void
sbk_fill_flush(SbkFill *fill)
{
	int			i;

	if (fill->num_row == 0)
		return;
	insert_packed(fill);
	for (i = 0; i < fill->num_row; i++)
	{
		if (fill->by_row)
			enter(fill, fill->slots[i]);
		ExecClearTuple(fill->slots[i]);
	}
	fill->num_written += fill->num_row;
	fill->num_row = 0;
	if (fill->num_written >= ROWS_INDEXED)
		fill->by_row = false;
}

static void
insert_packed(SbkFill *fill)
{
	volatile int fillfactor = exchange_fillfactor(fill->result, 100);

	PG_TRY();
	{
		table_multi_insert(fill->result, fill->slots, fill->num_row,
						   fill->command, TABLE_INSERT_SKIP_FSM, fill->bulk);
	}
	PG_FINALLY();
	{
		(void) exchange_fillfactor(fill->result, fillfactor);
	}
	PG_END_TRY();
}

/*
 * Returns what it was.  Of this backend's copy of the options only, which may be
 * a new one each time.
 */
static int
exchange_fillfactor(Relation result, int fillfactor)
{
	int			old = RelationGetFillFactor(result, HEAP_DEFAULT_FILLFACTOR);

	if (result->rd_options != NULL)
		((StdRdOptions *) result->rd_options)->fillfactor = fillfactor;
	return old;
}

/*
 * Enters a row into the indexes, and takes it for the last one there.  That a
 * key comes twice is an error of the source, not of the index.
 */
static void
enter(SbkFill *fill, TupleTableSlot *slot)
{
	MemoryContext context = CurrentMemoryContext;
	SbkNamedRow row = {fill->pass};

	PG_TRY();
	{
		list_free(sbk_insert_index_tuples(fill->indexes, slot, fill->state));
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_UNIQUE_VIOLATION)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		slot_getallattrs(slot);
		row.key = slot->tts_values;
		row.nulls = slot->tts_isnull;
		sbk_found_refuse_duplicate(&row);
	}
	PG_END_TRY();
	ResetPerTupleExprContext(fill->state);
	fill->last_indexed = slot->tts_tid;
}

ErrorData *
sbk_fill_end(SbkFill *fill)
{
	Oid			index = InvalidOid;
	int			i;

	sbk_fill_flush(fill);
	FreeBulkInsertState(fill->bulk);
	table_finish_bulk_insert(fill->result, TABLE_INSERT_SKIP_FSM);
	if (!fill->by_row)
	{
		if (may_build_index(fill))
			index = RelationGetRelid(fill->indexes->ri_IndexRelationDescs[0]);
		else
			enter_rest(fill);
	}
	for (i = 0; i < fill->max_rows; i++)
		ExecDropSingleTupleTableSlot(fill->slots[i]);
	ExecCloseIndices(fill->indexes);
	FreeExecutorState(fill->state);
	return OidIsValid(index) ? build_index(fill, index) : NULL;
}

/* The key has the only index, and nobody reads it now. */
static bool
may_build_index(const SbkFill *fill)
{
	return fill->indexes->ri_NumIndices == 1 &&
		ConditionalLockRelation(fill->indexes->ri_IndexRelationDescs[0],
								AccessExclusiveLock);
}

/*
 * The memory of the sort is bounded, as that of a run is; PostgreSQL gives each
 * of its workers 32 MB, or starts none.
 */
static ErrorData *
build_index(SbkFill *fill, Oid index)
{
	int			level = NewGUCNestLevel();
	int			limit = max_parallel_maintenance_workers > 0 ? 65536 : 32768;
	Reindexing	reindexing = {index, fill->result->rd_rel->relpersistence};
	ErrorData  *error;

	if (maintenance_work_mem > limit)
		(void) set_config_option("maintenance_work_mem",
								 psprintf("%dkB", limit), PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	CommandCounterIncrement();
	error = sbk_attempt(reindex, &reindexing);
	AtEOXact_GUC(false, level);
	return error;
}

static void
reindex(void *arg)
{
	const Reindexing *reindexing = arg;
	ReindexParams params = {0};

	sbk_reindex_index(reindexing->index, reindexing->persistence, &params);
}

static void
enter_rest(SbkFill *fill)
{
	TupleTableSlot *slot = fill->slots[0];
	ItemPointerData first = fill->last_indexed;
	ItemPointerData last;
	TableScanDesc scan;

	ItemPointerInc(&first);
	ItemPointerSet(&last, MaxBlockNumber, MaxOffsetNumber);
	scan = table_beginscan_tidrange(fill->result, SnapshotSelf, &first, &last);
	while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		enter(fill, slot);
	}
	table_endscan(scan);
}
