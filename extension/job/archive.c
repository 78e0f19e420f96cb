/*
 * archive.c
 *		Takes the rows that a statement has ended into the history of a book.
 *
 * They come as the statement returns them, and are inserted by the page, as COPY
 * does it: for each row alone, the history would cost more than the book.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "compat.h"
#include "job/archive.h"
#include "job/fill.h"
#include "job/partition.h"
#include "job/shape.h"

/* rows that are inserted at once, and about how many bytes */
#define MAX_ROWS	500
#define MAX_BYTES	65536

/* A table of the history that rows are inserted into. */
typedef struct Month
{
	Relation	table;			/* NULL: none yet */
	EState	   *state;
	ResultRelInfo *indexes;
	TupleConversionMap *map;	/* NULL: its columns stand as in the history */
	TupleTableSlot *slots[MAX_ROWS];	/* as far as they were needed */
	int			num_slot;
	int			num_row;
	Size		num_byte;
} Month;

struct SbkArchive
{
	DestReceiver pub;
	const SbkPass *pass;
	MemoryContext context;
	Oid			id;
	int64		run;
	TimestampTz system_from;
	uint64		digest;
	SbkDigestColumn ending[2];
	MemoryContext row_context;	/* while a row is hashed */
	Datum		superseded;

	/* while the statement runs */
	Relation	history;
	CommandId	command;
	TupleTableSlot *row;		/* of the history */
	AttrNumber *places;			/* of the columns in it */
	int			num_column;		/* without end_reason */
	bool		has_reason;
	bool		for_statement;	/* all rows are */
	Month	   *month;
	TimestampTz last_end;		/* of the row before */

	Tuplestorestate *rest;
};

/* The columns of a history behind those of its result table. */
enum
{
	OWN_ENDED_BY,
	OWN_SYSTEM_TO,
	OWN_END_REASON,
	NUM_OWN
};

static void start(DestReceiver *self, int operation, TupleDesc desc);
static bool receive(TupleTableSlot *slot, DestReceiver *self);
static void finish(DestReceiver *self);
static void destroy(DestReceiver *self);
static void add_digest(SbkArchive *archive, TupleTableSlot *ended);
static void make_row(SbkArchive *archive, TupleTableSlot *ended, TimestampTz end);
static bool choose_month(SbkArchive *archive, TimestampTz end);
static bool open_month(SbkArchive *archive, Oid table);
static bool takes_rows(Relation table);
static void add(SbkArchive *archive);
static void flush(SbkArchive *archive);
static void close_month(SbkArchive *archive);

SbkArchive *
sbk_archive_make(const SbkPass *pass, Oid history, int64 run,
				 TimestampTz system_from)
{
	SbkArchive *archive = palloc0(sizeof(SbkArchive));

	archive->pub.receiveSlot = receive;
	archive->pub.rStartup = start;
	archive->pub.rShutdown = finish;
	archive->pub.rDestroy = destroy;
	archive->pub.mydest = DestNone;
	archive->pass = pass;
	archive->context = CurrentMemoryContext;
	archive->id = history;
	archive->run = run;
	archive->system_from = system_from;
	sbk_digest_column_start(&archive->ending[0], INT8OID);
	sbk_digest_column_start(&archive->ending[1], TEXTOID);
	archive->row_context = AllocSetContextCreate(CurrentMemoryContext, "scorebook ended row",
												 ALLOCSET_SMALL_SIZES);
	archive->superseded = CStringGetTextDatum("superseded");
	return archive;
}

DestReceiver *
sbk_archive_receiver(SbkArchive *archive)
{
	return &archive->pub;
}

Tuplestorestate *
sbk_archive_rest(const SbkArchive *archive)
{
	return archive->rest;
}

uint64
sbk_archive_digest(const SbkArchive *archive)
{
	return archive->digest;
}

static void
start(DestReceiver *self, int operation, TupleDesc desc)
{
	SbkArchive *archive = (SbkArchive *) self;
	MemoryContext context = MemoryContextSwitchTo(archive->context);
	TupleDesc	row;
	int			n = 0;
	int			i;

	archive->history = table_open(archive->id, RowExclusiveLock);
	row = RelationGetDescr(archive->history);
	archive->num_column = sbk_live_columns(row) - NUM_OWN;
	archive->has_reason = desc->natts > archive->num_column;
	archive->places = palloc((archive->num_column + NUM_OWN) * sizeof(AttrNumber));
	for (i = 0; i < row->natts; i++)
	{
		if (!TupleDescAttr(row, i)->attisdropped)
			archive->places[n++] = i;
	}
	archive->row = MakeSingleTupleTableSlot(row, &TTSOpsVirtual);
	archive->command = GetCurrentCommandId(true);
	archive->for_statement = !takes_rows(archive->history) ||
		pg_class_aclcheck(archive->id, GetUserId(), ACL_INSERT) != ACLCHECK_OK;
	archive->month = palloc0(sizeof(Month));
	MemoryContextSwitchTo(context);
}

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	SbkArchive *archive = (SbkArchive *) self;
	MemoryContext context = MemoryContextSwitchTo(archive->context);
	int			n = archive->num_column;
	TimestampTz end;

	slot_getallattrs(slot);
	end = Max(archive->system_from, DatumGetTimestampTz(slot->tts_values[n - 1]) + 1);
	make_row(archive, slot, end);
	if (archive->has_reason)
		add_digest(archive, slot);
	if (!archive->for_statement && choose_month(archive, end))
		add(archive);
	else
	{
		if (archive->rest == NULL)
			archive->rest = tuplestore_begin_heap(false, false, work_mem);
		tuplestore_puttupleslot(archive->rest, archive->row);
	}
	MemoryContextSwitchTo(context);
	return true;
}

/* As scorebook.end_digest does it. */
static void
add_digest(SbkArchive *archive, TupleTableSlot *ended)
{
	const SbkPass *pass = archive->pass;
	MemoryContext context = MemoryContextSwitchTo(archive->row_context);
	bool		nulls[2] = {false, false};
	Datum		values[2];

	values[0] = Int64GetDatum((int64) sbk_digest_row(pass->columns,
													 pass->num_key + SBK_BOOK_GIVEN,
													 ended->tts_values,
													 ended->tts_isnull));
	values[1] = ended->tts_values[archive->num_column];
	archive->digest += sbk_digest_row(archive->ending, 2, values, nulls);
	MemoryContextSwitchTo(context);
	MemoryContextReset(archive->row_context);
}

/* What a row of the book becomes in the history. */
static void
make_row(SbkArchive *archive, TupleTableSlot *ended, TimestampTz end)
{
	TupleTableSlot *row = archive->row;
	const AttrNumber *own = archive->places + archive->num_column;
	int			i;

	ExecClearTuple(row);
	memset(row->tts_isnull, true, row->tts_tupleDescriptor->natts * sizeof(bool));
	for (i = 0; i < archive->num_column; i++)
	{
		row->tts_values[archive->places[i]] = ended->tts_values[i];
		row->tts_isnull[archive->places[i]] = ended->tts_isnull[i];
	}
	for (i = 0; i < NUM_OWN; i++)
		row->tts_isnull[own[i]] = false;
	row->tts_values[own[OWN_ENDED_BY]] = Int64GetDatum(archive->run);
	row->tts_values[own[OWN_SYSTEM_TO]] = TimestampTzGetDatum(end);
	row->tts_values[own[OWN_END_REASON]] = archive->has_reason ?
		ended->tts_values[archive->num_column] : archive->superseded;
	ExecStoreVirtualTuple(row);
}

/* That of rows that end then; false where only a statement can insert them. */
static bool
choose_month(SbkArchive *archive, TimestampTz end)
{
	Month	   *month = archive->month;
	Oid			table;

	if (month->table != NULL && end == archive->last_end)
		return true;
	table = sbk_partition_find(archive->history, end);
	if (!OidIsValid(table))
		return false;
	if (month->table == NULL || RelationGetRelid(month->table) != table)
	{
		close_month(archive);
		if (!open_month(archive, table))
			return false;
	}
	archive->last_end = end;
	return true;
}

/* False where it is no plain table that takes rows. */
static bool
open_month(SbkArchive *archive, Oid table)
{
	Month	   *month = archive->month;
	Relation	relation = table_open(table, RowExclusiveLock);

	if (relation->rd_rel->relkind != RELKIND_RELATION || !takes_rows(relation))
	{
		table_close(relation, NoLock);
		return false;
	}
	month->table = relation;
	month->map = convert_tuples_by_name(RelationGetDescr(archive->history),
										RelationGetDescr(month->table));
	month->state = CreateExecutorState();
	month->indexes = makeNode(ResultRelInfo);
	InitResultRelInfo(month->indexes, month->table, 0, NULL, 0);
	ExecOpenIndices(month->indexes, false);
	return true;
}

/* Nobody else is told of a row, and nothing is computed for it. */
static bool
takes_rows(Relation table)
{
	const TupleConstr *constraints = RelationGetDescr(table)->constr;

	return !sbk_shape_tells_others(table) &&
		(constraints == NULL || !constraints->has_generated_stored);
}

static void
add(SbkArchive *archive)
{
	Month	   *month = archive->month;
	TupleTableSlot *row = archive->row;
	TupleTableSlot *slot;
	HeapTuple	tuple;
	bool		is_own;

	if (month->num_row == month->num_slot)
		month->slots[month->num_slot++] = table_slot_create(month->table, NULL);
	slot = month->slots[month->num_row++];
	if (month->map != NULL)
		(void) execute_attr_map_slot(month->map->attrMap, row, slot);
	else
	{
		int			natts = row->tts_tupleDescriptor->natts;

		ExecClearTuple(slot);
		memcpy(slot->tts_values, row->tts_values, natts * sizeof(Datum));
		memcpy(slot->tts_isnull, row->tts_isnull, natts * sizeof(bool));
		ExecStoreVirtualTuple(slot);
	}
	slot->tts_tableOid = RelationGetRelid(month->table);
	if (RelationGetDescr(month->table)->constr != NULL)
		ExecConstraints(month->indexes, slot, month->state);
	ResetPerTupleExprContext(month->state);
	ExecMaterializeSlot(slot);
	tuple = ExecFetchSlotHeapTuple(slot, false, &is_own);
	month->num_byte += tuple->t_len;
	if (is_own)
		heap_freetuple(tuple);
	if (month->num_row == MAX_ROWS || month->num_byte > MAX_BYTES)
		flush(archive);
}

static void
flush(SbkArchive *archive)
{
	Month	   *month = archive->month;
	MemoryContext context;
	int			i;

	if (month->num_row == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	context = MemoryContextSwitchTo(GetPerTupleMemoryContext(month->state));
	table_multi_insert(month->table, month->slots, month->num_row,
					   archive->command, 0, NULL);
	MemoryContextSwitchTo(context);
	ResetPerTupleExprContext(month->state);
	for (i = 0; i < month->num_row; i++)
	{
		list_free(sbk_insert_index_tuples(month->indexes, month->slots[i],
										  month->state));
		ResetPerTupleExprContext(month->state);
		ExecClearTuple(month->slots[i]);
	}
	month->num_row = 0;
	month->num_byte = 0;
}

static void
close_month(SbkArchive *archive)
{
	Month	   *month = archive->month;
	int			i;

	if (month->table == NULL)
		return;
	flush(archive);
	for (i = 0; i < month->num_slot; i++)
		ExecDropSingleTupleTableSlot(month->slots[i]);
	ExecCloseIndices(month->indexes);
	FreeExecutorState(month->state);
	if (month->map != NULL)
		free_conversion_map(month->map);
	table_close(month->table, NoLock);
	memset(month, 0, sizeof(Month));
}

static void
finish(DestReceiver *self)
{
	SbkArchive *archive = (SbkArchive *) self;
	MemoryContext context = MemoryContextSwitchTo(archive->context);

	close_month(archive);
	ExecDropSingleTupleTableSlot(archive->row);
	table_close(archive->history, NoLock);
	MemoryContextSwitchTo(context);
}

static void
destroy(DestReceiver *self)
{
}
