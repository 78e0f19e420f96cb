/*
 * archive.c
 *		Takes the rows that a statement has ended into the history of a book.
 *
 * They are inserted by the page, as COPY does it: for each row alone, the history
 * would cost more than the book.
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
#include "utils/snapmgr.h"

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
	Oid			result_id;
	Oid			history_id;
	int64		run;
	TimestampTz system_from;
	uint64		digest;
	SbkDigestColumn ending[2];
	MemoryContext row_context;	/* while a row is hashed */
	Datum		superseded;

	/* while the statement runs */
	Relation	result;
	Relation	history;
	TupleTableSlot *ended;		/* a row of the result table */
	AttrNumber *result_places;	/* of the columns in it */
	CommandId	command;
	TupleTableSlot *row;		/* of the history */
	AttrNumber *places;			/* of these columns in it, and of its own */
	int			num_column;		/* of the result table */
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
static int	find_places(Relation table, AttrNumber **places);
static TimestampTz make_row(SbkArchive *archive, Datum reason);
static void add_digest(SbkArchive *archive, Datum reason);
static bool choose_month(SbkArchive *archive, TimestampTz end);
static bool open_month(SbkArchive *archive, Oid table);
static bool takes_rows(Relation table);
static void add(SbkArchive *archive);
static void flush(SbkArchive *archive);
static void close_month(SbkArchive *archive);

SbkArchive *
sbk_archive_make(const SbkPass *pass, Oid result, Oid history, int64 run,
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
	archive->result_id = result;
	archive->history_id = history;
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

	archive->result = table_open(archive->result_id, RowExclusiveLock);
	archive->history = table_open(archive->history_id, RowExclusiveLock);
	archive->num_column = find_places(archive->result, &archive->result_places);
	(void) find_places(archive->history, &archive->places);
	archive->has_reason = desc->natts > 1;
	archive->ended = table_slot_create(archive->result, NULL);
	archive->row = MakeSingleTupleTableSlot(RelationGetDescr(archive->history),
											&TTSOpsVirtual);
	archive->command = GetCurrentCommandId(true);
	archive->for_statement = !takes_rows(archive->history) ||
		pg_class_aclcheck(archive->history_id, GetUserId(), ACL_INSERT) != ACLCHECK_OK;
	archive->month = palloc0(sizeof(Month));
	MemoryContextSwitchTo(context);
}

/* The columns that a table has; returns their number. */
static int
find_places(Relation table, AttrNumber **places)
{
	TupleDesc	desc = RelationGetDescr(table);
	int			n = 0;
	int			i;

	*places = palloc(desc->natts * sizeof(AttrNumber));
	for (i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			(*places)[n++] = i;
	}
	return n;
}

/*
 * The row is still there as the statement has found it: returning all columns of
 * what it was takes another scan.
 */
static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	SbkArchive *archive = (SbkArchive *) self;
	MemoryContext context = MemoryContextSwitchTo(archive->context);
	Datum		reason = archive->superseded;
	TimestampTz end;

	slot_getallattrs(slot);
	if (!table_tuple_fetch_row_version(archive->result,
									   (ItemPointer) DatumGetPointer(slot->tts_values[0]),
									   GetActiveSnapshot(), archive->ended))
		elog(ERROR, "a row that was ended is not there");
	if (archive->has_reason)
		reason = slot->tts_values[1];
	end = make_row(archive, reason);
	if (archive->has_reason)
		add_digest(archive, reason);
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

/* What the ended row becomes in the history; returns when it has ended. */
static TimestampTz
make_row(SbkArchive *archive, Datum reason)
{
	TupleTableSlot *ended = archive->ended;
	TupleTableSlot *row = archive->row;
	const AttrNumber *own = archive->places + archive->num_column;
	TimestampTz end;
	int			i;

	slot_getallattrs(ended);
	ExecClearTuple(row);
	memset(row->tts_isnull, true, row->tts_tupleDescriptor->natts * sizeof(bool));
	for (i = 0; i < archive->num_column; i++)
	{
		int			from = archive->result_places[i];

		row->tts_values[archive->places[i]] = ended->tts_values[from];
		row->tts_isnull[archive->places[i]] = ended->tts_isnull[from];
	}

	/* the last column is system_from */
	end = DatumGetTimestampTz(row->tts_values[archive->places[archive->num_column - 1]]);
	end = Max(archive->system_from, end + 1);
	for (i = 0; i < NUM_OWN; i++)
		row->tts_isnull[own[i]] = false;
	row->tts_values[own[OWN_ENDED_BY]] = Int64GetDatum(archive->run);
	row->tts_values[own[OWN_SYSTEM_TO]] = TimestampTzGetDatum(end);
	row->tts_values[own[OWN_END_REASON]] = reason;
	ExecStoreVirtualTuple(row);
	return end;
}

/* As scorebook.end_digest does it, of the row that was made. */
static void
add_digest(SbkArchive *archive, Datum reason)
{
	const SbkPass *pass = archive->pass;
	MemoryContext context = MemoryContextSwitchTo(archive->row_context);
	int			n = pass->num_key + SBK_BOOK_GIVEN;
	Datum	   *values = palloc(n * sizeof(Datum));
	bool	   *nulls = palloc(n * sizeof(bool));
	bool		none[2] = {false, false};
	int			i;

	for (i = 0; i < n; i++)
	{
		values[i] = archive->row->tts_values[archive->places[i]];
		nulls[i] = archive->row->tts_isnull[archive->places[i]];
	}
	values[0] = Int64GetDatum((int64) sbk_digest_row(pass->columns, n, values, nulls));
	values[1] = reason;
	archive->digest += sbk_digest_row(archive->ending, 2, values, none);
	MemoryContextSwitchTo(context);
	MemoryContextReset(archive->row_context);
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
	ExecDropSingleTupleTableSlot(archive->ended);
	table_close(archive->history, NoLock);
	table_close(archive->result, NoLock);
	MemoryContextSwitchTo(context);
}

static void
destroy(DestReceiver *self)
{
}
