/*
 * phases.h
 *		What a run does: prepares, reads and scores, writes, and tells.
 */
#ifndef SBK_PHASES_H
#define SBK_PHASES_H

#include "job/definition.h"
#include "job/record.h"
#include "job/request.h"

/*
 * Does all of it for a run that has begun, in the current transaction, and
 * writes down that it has succeeded.  job is set to what the run knows of it; SPI
 * must be connected.  Where it throws, the record tells the row that the error
 * is about.
 */
extern void sbk_phases_pass(const SbkRunRequest *request, SbkRecord *record,
							SbkJob *job);

#endif							/* SBK_PHASES_H */
