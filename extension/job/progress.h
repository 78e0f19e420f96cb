/*
 * progress.h
 *		How far a run is, for others to see.
 *
 * PostgreSQL shows the progress of its own commands only.  A run uses the slot
 * of COPY, whose view shows its rows under the name of the result table; the
 * view scorebook.run_progress shows all of it.
 */
#ifndef SBK_PROGRESS_H
#define SBK_PROGRESS_H

typedef enum SbkPhase
{
	SBK_PHASE_SCORING = 1,
	SBK_PHASE_WRITING
} SbkPhase;

extern void sbk_progress_start(Oid result, int64 run);
extern void sbk_progress_phase(SbkPhase phase);

/* rows read, and those of them that were not scored */
extern void sbk_progress_rows(int64 read, int64 not_scored);
extern void sbk_progress_end(void);

#endif							/* SBK_PROGRESS_H */
