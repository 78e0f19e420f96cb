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
 * effective_at, version, cutoff_set, band_set, points, score or scores, reasons,
 * inputs, inputs_hash; then the source's own.  Where the source does not have a
 * key of the book, the key is null.
 *
 * Each row is scored by one scorer that is served, and by every shadow.
 */
#ifndef SBK_PASS_H
#define SBK_PASS_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "nodes/params.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "job/decision.h"
#include "job/digest.h"
#include "job/erased.h"
#include "job/fill.h"
#include "job/scorer.h"
#include "registry/explanation.h"

/* Columns of a row that is read, behind the key. */
enum
{
	SBK_READ_EFFECTIVE_AT,
	SBK_READ_EXCLUDED,
	SBK_READ_CTID,
	SBK_READ_RUN,
	SBK_READ_OLD_EFFECTIVE_AT,
	SBK_READ_VERSION,
	SBK_READ_CUTOFF_SET,
	SBK_READ_BAND_SET,
	SBK_READ_POINTS,
	SBK_READ_OLD_SCORES,
	SBK_READ_OLD_REASONS,
	SBK_READ_OLD_INPUTS,
	SBK_READ_OLD_HASH,
	SBK_READ_SOURCE
};

/* columns of the book behind the key, but run and system_from */
#define SBK_BOOK_GIVEN	12

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
	SbkScorer  *served;			/* the job's model, then those of its split */
	int			num_served;
	SbkScorer  *shadows;
	int			num_shadow;
	TupleDesc	book;			/* of the result table */
	int			num_key;
	SbkKeyHasher *hasher;		/* of the key */
	bool		key_is_unique;	/* the source cannot have it twice */
	SbkKeptInputs keep;
	bool		each_period;	/* rows about another time are other rows */
	bool		is_about_now;	/* nobody has said what time rows are about: who
								 * began earlier may know more */
	bool		by_row;			/* each row says itself what time it is about */
	bool		record_errors;	/* of rows, at most max_errors of them */
	int64		max_errors;
	int64		max_rows;		/* 0: any number */
	TimestampTz deadline;		/* 0: none */
	SbkScaling	scaling;
	SbkRanges	cutoffs;
	SbkRanges	bands;
	int			num_reasons;	/* of each row, at most */
	SbkDirection adverse;		/* what a reason does to the score */
	int64		reasons_since;	/* rows of runs up to this one may have
								 * another number of them */
	int64		alike_since;	/* rows of runs from this one on were scored,
								 * or confirmed, by this version of
								 * scorebook; 0: none was */
	Jsonb	   *features;		/* of a pull, instead of the source's row: no
								 * other columns are known; or NULL */
	SbkFill    *fill;			/* NULL unless new rows are written at once */
	SbkErased  *erased;			/* keys to be skipped; NULL: none */

	/* of the book, once the pass has started */
	MemoryContext context;
	MemoryContext row_context;	/* while a row is read */
	SbkDigestColumn *columns;
	FmgrInfo   *key_output;

	/*
	 * What was found, in the context that was current: rows of the book as
	 * far as version, inputs and inputs_hash, behind the ctid and run of the
	 * row that each of them replaces, or null; ctid, run and reason of rows
	 * that end; key, its digest, SQLSTATE, message and detail of rows that could
	 * not be scored; and what shadows have said, see shadow.h.
	 */
	TupleDesc	written_desc;
	TupleDesc	gone_desc;
	TupleDesc	failed_desc;
	TupleDesc	shadowed_desc;
	Tuplestorestate *written;
	Tuplestorestate *gone;
	Tuplestorestate *failed;
	Tuplestorestate *shadowed;
	int64		num_shadowed;

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
	int64		reasons_time;	/* microseconds, of those of the pass */
	int64		shadows_time;

	TimestampTz last_effective_at;	/* the time that the last row is about */

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

/*
 * Makes a scorer ready for rows of that type; throws where it reads a column
 * that is not there, or not known.
 */
extern void sbk_pass_start_scorer(const SbkPass *pass, SbkScorer *scorer,
								  TupleDesc source);

/*
 * Tells others how far it is; throws where that is too far, or takes too long.
 */
extern void sbk_pass_report(const SbkPass *pass);

#endif							/* SBK_PASS_H */
