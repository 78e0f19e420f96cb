/*
 * scorers.h
 *		The models of a run: found before the pass, told of after it.
 */
#ifndef SBK_SCORERS_H
#define SBK_SCORERS_H

#include "lib/stringinfo.h"

#include "job/definition.h"
#include "job/pass.h"

/*
 * Finds the models of a job, in the current context, with the rights of the
 * job's owner; SPI must be connected.  If they will score, they are made ready for
 * the pass; else there are no shadows.  What is wrong with a shadow is kept with
 * it.
 */
extern void sbk_scorers_find(SbkPass *pass, Oid keeper, const SbkJob *job,
							 int32 job_id, bool will_score);

/* Appends what became of them, as a JSON array. */
extern void sbk_scorers_tell(const SbkPass *pass, StringInfo json);

#endif							/* SBK_SCORERS_H */
