/*
 * record.h
 *		The record of a run: that it begins, how it fails, and what it has done.
 *
 * Records are kept as the keeper; SPI must be connected.
 */
#ifndef SBK_RECORD_H
#define SBK_RECORD_H

#include "datatype/timestamp.h"

#include "job/pass.h"
#include "job/request.h"
#include "job/writer.h"

typedef struct SbkRecord
{
	/* to be set before, the rest being zero */
	Oid			keeper;			/* owner of the extension */
	int32		job_id;
	SbkRunKind	kind;

	int64		run;			/* its number, once it has begun */

	/* as it goes on */
	int			revision;		/* of the job, once that was read; or 0 */
	TimestampTz system_from;	/* of the rows that it writes */
	char	   *snapshot;		/* that the source is read under */
	TimestampTz snapshot_at;
	char	   *watermark;		/* the highest there, or NULL */
	TimestampTz started;		/* when each phase began */
	TimestampTz prepared;
	TimestampTz scored;
	int64		num_overtaken;	/* rows that were left to others */
	char	   *failed_key;
	uint64		failed_key_digest;
} SbkRecord;

/*
 * Writes down that a run begins, about a time, or now where that is NULL; of a
 * run or decision also which ones before it have crashed.
 */
extern void sbk_record_begin(SbkRecord *record,
							 const TimestampTz *effective_at,
							 bool only_changed);

/* Writes down how it failed. */
extern void sbk_record_fail(const SbkRecord *record, const ErrorData *error);

/*
 * Writes down what was done, the rows that failed among it, and takes a place in
 * the order of writers.
 */
extern void sbk_record_finish(const SbkRecord *record, SbkPass *pass,
							  const SbkWritten *written);

#endif							/* SBK_RECORD_H */
