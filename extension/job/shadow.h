/*
 * shadow.h
 *		Challengers that score the rows of a pass, too.
 *
 * What they say goes to the store "shadowed" of the pass: served, the reference
 * of the shadow; the key; effective_at; scores; class; version; excluded.  The
 * scores are null where the shadow could not score the row, or was not to; its
 * row then stays, unless the row is excluded.
 *
 * A shadow never fails a run.  An error that is about a row is counted; one
 * that is about the model ends the shadow, whose rows stay.
 */
#ifndef SBK_SHADOW_H
#define SBK_SHADOW_H

#include "executor/tuptable.h"

#include "job/pass.h"

typedef struct SbkShadows SbkShadows;

/* May an error of a shadow be no more than a note? */
extern bool sbk_shadow_may_swallow(const ErrorData *error);

/* The first error of a shadow is kept, in the current context. */
extern void sbk_shadow_note(SbkScorer *shadow, const ErrorData *error);

/* For rows of that type, in the current context; NULL where there is none. */
extern SbkShadows *sbk_shadows_start(SbkPass *pass, TupleDesc source);

/*
 * Scores a row that was read, whose key is there; the source's own columns begin
 * with first.
 */
extern void sbk_shadows_add(SbkShadows *shadows, TupleTableSlot *slot,
							int first);

/* The row is not scored: it is excluded, or the job's model cannot do it. */
extern void sbk_shadows_skip(SbkShadows *shadows, TupleTableSlot *slot,
							 bool excluded);

/* Scores what is left. */
extern void sbk_shadows_finish(SbkShadows *shadows);

#endif							/* SBK_SHADOW_H */
