/*
 * definition.h
 *		A job, as a run needs to know it.
 */
#ifndef SBK_DEFINITION_H
#define SBK_DEFINITION_H

#include "datatype/timestamp.h"
#include "utils/snapshot.h"

#include "job/decision.h"
#include "job/pass.h"
#include "job/writer.h"

typedef struct SbkJob
{
	Snapshot	snapshot;		/* all that belongs to the definition is read
								 * under it: it is of this revision */
	int			revision;
	char	   *name;
	Oid			owner;
	SbkTables	tables;
	int			num_key;
	bool		key_is_unique;
	SbkKeptInputs keep;
	bool		each_period;
	bool		by_row;			/* each has an effective_at of its own */
	bool		record_errors;
	int64		max_errors;
	int64		max_rows;
	double		max_vanished;	/* a share of the keys of the book */
	char	   *reads;			/* a query of all that a pass reads of the source */
	TimestampTz deadline;
	char	   *low_watermark;
	bool		has_watermark;
	TimestampTz settled_until;	/* of a job with a watermark */
	bool		has_scores;
	bool		has_class;
	SbkScaling	scaling;
	int			num_reasons;
	bool		higher_is_better;
	int64		reasons_since;
	int64		alike_since;
	Oid			source;
	TimestampTz effective_at;	/* of the run */
} SbkJob;

/*
 * Reads the job of a run that has begun, in the current context; SPI must be
 * connected.  Throws where one of its tables is gone.
 */
extern void sbk_definition_read(Oid keeper, int64 run, SbkJob *job);

/* Gives back its snapshot. */
extern void sbk_definition_end(SbkJob *job);

/* The cutoffs or bands of a job, in ascending order. */
extern void sbk_definition_read_ranges(Oid keeper, const SbkJob *job, int32 job_id,
									   const char *kind, SbkRanges *ranges);

#endif							/* SBK_DEFINITION_H */
