/*
 * pass.h
 *		One pass over the source of a job: reads, scores, compares.
 *
 * The rows of the source come beside what the book has of their keys, in any
 * order.  What they are scored to is compared with that, bit for bit, and what
 * differs is collected for those who write the book.  Nothing is written here,
 * so that the plan of the source may be parallel.
 *
 * The columns of a row, from 0: the key; the time that the row is about; is it
 * excluded?; then of the book, null where it does not have the key: ctid, run,
 * effective_at, version, cutoff_set, band_set, points, score or scores, inputs,
 * inputs_hash; then the source's own.  Where the source does not have a key of
 * the book, the key is null.
 */
#ifndef SBK_PASS_H
#define SBK_PASS_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "nodes/params.h"
#include "utils/tuplestore.h"

#include "job/decision.h"
#include "job/erased.h"
#include "job/fill.h"
#include "registry/model.h"

/* rows that are scored together */
#define SBK_PASS_ROWS	1024

typedef enum SbkKeptInputs
{
	SBK_KEEP_NO_INPUTS,
	SBK_KEEP_HASH,
	SBK_KEEP_INPUTS
} SbkKeptInputs;

typedef struct SbkPass
{
	/* to be set before, the rest being zero */
	const char *job;			/* its name */
	SbkModel   *model;			/* pinned */
	TupleDesc	book;			/* of the result table */
	int			num_key;
	bool		key_is_unique;	/* the source cannot have it twice */
	SbkKeptInputs keep;
	bool		each_period;	/* rows about another time are other rows */
	bool		record_errors;	/* of rows, at most max_errors of them */
	int64		max_errors;
	int64		max_rows;		/* 0: any number */
	TimestampTz deadline;		/* 0: none */
	SbkScaling	scaling;
	SbkRanges	cutoffs;
	SbkRanges	bands;
	SbkFill    *fill;			/* NULL unless new rows are written at once */
	SbkErased  *erased;			/* keys to be skipped; NULL: none */

	/*
	 * What was found, in the context that was current: rows of the book as
	 * far as version, inputs and inputs_hash, behind the ctid and run of the
	 * row that each of them replaces, or null; ctid, run and reason of rows
	 * that end; key, its digest, SQLSTATE and message of rows that could not
	 * be scored.
	 */
	TupleDesc	written_desc;
	TupleDesc	gone_desc;
	TupleDesc	failed_desc;
	Tuplestorestate *written;
	Tuplestorestate *gone;
	Tuplestorestate *failed;

	int64		num_read;
	int64		num_scored;
	int64		num_matched;	/* rows of the source that the book has */
	int64		num_added;
	int64		num_replaced;
	int64		num_confirmed;
	int64		num_closed;		/* keys that the source has no more */
	int64		num_excluded;
	int64		num_excluded_old;	/* of them, those that the book had */
	int64		num_erased;		/* skipped, since they were erased */
	int64		num_failed;
	uint64		digest;			/* of the rows in written */

	/* the row that an error is about, or NULL; set before it is thrown */
	char	   *failed_key;
	uint64		failed_key_digest;
} SbkPass;

/*
 * Reads the source with a query, under the active snapshot and with the rights
 * of the current user; SPI must be connected.  Throws where the source does not
 * fit the model, for a null in a key, and for a row that cannot be scored unless
 * errors are recorded.
 */
extern void sbk_pass_read(SbkPass *pass, const char *query,
						  ParamListInfo params);

/*
 * Finds what has become of the book's own rows by new ranges, without scoring:
 * the query gives rows for written, and SPI must be connected.
 */
extern void sbk_pass_decide(SbkPass *pass, const char *query);

/* The hash of one row of a book, as the pass sums it up, or of a key. */
extern uint64 sbk_row_digest(int n, const Datum *values, const bool *nulls,
							 const bool *by_value, const int16 *lengths);

#endif							/* SBK_PASS_H */
