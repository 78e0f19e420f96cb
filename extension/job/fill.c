/*
 * fill.c
 *		Fills an empty book, block by block.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "compat.h"
#include "job/fill.h"
#include "job/writer.h"

struct SbkFill
{
	Relation	result;
	const char *job;
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
};

static bool has_own_trigger_only(Relation result);
pg_noreturn static void refuse_duplicate(const char *job, MemoryContext context);

SbkFill *
sbk_fill_start(Relation result, const char *job, int64 run,
			   TimestampTz system_from, int max_rows)
{
	SbkFill    *fill;
	int			i;

	if (RelationGetNumberOfBlocks(result) > 0 || !has_own_trigger_only(result))
		return NULL;
	LockRelation(result, ShareRowExclusiveLock);
	if (RelationGetNumberOfBlocks(result) > 0)
		return NULL;

	fill = palloc0(sizeof(SbkFill));
	fill->result = result;
	fill->job = job;
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
	fill->max_rows = max_rows;
	fill->slots = palloc(mul_size(max_rows, sizeof(TupleTableSlot *)));
	for (i = 0; i < max_rows; i++)
		fill->slots[i] = table_slot_create(result, NULL);
	return fill;
}

static bool
has_own_trigger_only(Relation result)
{
	return result->trigdesc == NULL || result->trigdesc->numtriggers == 1;
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

void
sbk_fill_flush(SbkFill *fill)
{
	MemoryContext context = CurrentMemoryContext;
	int			i;

	if (fill->num_row == 0)
		return;
	table_multi_insert(fill->result, fill->slots, fill->num_row, fill->command,
					   0, fill->bulk);
	PG_TRY();
	{
		for (i = 0; i < fill->num_row; i++)
		{
			list_free(sbk_insert_index_tuples(fill->indexes, fill->slots[i],
											  fill->state));
			ResetPerTupleExprContext(fill->state);
		}
	}
	PG_CATCH();
	{
		refuse_duplicate(fill->job, context);
	}
	PG_END_TRY();
	for (i = 0; i < fill->num_row; i++)
		ExecClearTuple(fill->slots[i]);
	fill->num_row = 0;
}

/* Throws the caught error again; that of an index becomes one of the source. */
static void
refuse_duplicate(const char *job, MemoryContext context)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		PG_RE_THROW();
	FlushErrorState();
	sbk_writer_refuse_duplicate(job, error->detail);
}

void
sbk_fill_end(SbkFill *fill)
{
	int			i;

	sbk_fill_flush(fill);
	for (i = 0; i < fill->max_rows; i++)
		ExecDropSingleTupleTableSlot(fill->slots[i]);
	ExecCloseIndices(fill->indexes);
	FreeExecutorState(fill->state);
	FreeBulkInsertState(fill->bulk);
	table_finish_bulk_insert(fill->result, 0);
}
