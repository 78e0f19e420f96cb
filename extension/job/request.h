/*
 * request.h
 *		What somebody wants of a job.
 */
#ifndef SBK_REQUEST_H
#define SBK_REQUEST_H

#include "commands/trigger.h"
#include "datatype/timestamp.h"

typedef enum SbkRunKind
{
	SBK_RUN_SOURCE,				/* all of the source */
	SBK_RUN_DECISION,			/* the book: other cutoffs, bands or points */
	SBK_RUN_PULL,				/* one subject, now */
	SBK_RUN_STREAM				/* rows that a statement has changed */
} SbkRunKind;

typedef struct SbkRunRequest
{
	const char *job;
	SbkRunKind	kind;
	Datum		subject;		/* of a pull: jsonb, its key by column */
	Datum		features;		/* of a pull: a jsonb object instead of the
								 * source's row, or 0 */
	TriggerData *trigger;		/* of a stream: with its transition tables */
	bool		has_effective_at;
	TimestampTz effective_at;	/* else that of the beginning */
	bool		only_changed;	/* by the watermark */
	bool		wait;			/* for another run of the job to end */
	bool		swallow;		/* write an error down, and go on */
} SbkRunRequest;

#endif							/* SBK_REQUEST_H */
