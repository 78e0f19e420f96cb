/*
 * pull.h
 *		One subject is scored now.
 */
#ifndef SBK_PULL_H
#define SBK_PULL_H

#include "access/htup.h"

/*
 * Scores the subject with a key into the book of a job, from the job's source,
 * or from these features unless they are 0, and returns what the book then says
 * of it, as a row of scorebook.score.  The keeper is the owner of the
 * extension.  Throws where the current user lacks the privilege score on the
 * job; that is all that is asked of it.
 */
extern HeapTupleHeader sbk_pull(const char *job, Datum key, Datum features,
								Oid keeper);

#endif							/* SBK_PULL_H */
