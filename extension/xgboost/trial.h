/*
 * trial.h
 *		The library in another process, for models that nothing has tried yet.
 *
 * Its calls are those of the library in this process, and a caller need not
 * know the difference; but where the other process crashes, hangs, or takes
 * more memory or time than scorebook.admission_memory and admission_timeout
 * give it, the call throws, and this process is none the worse.  A cancel is
 * heard at once.  A handle is good for one model.
 */
#ifndef SBK_TRIAL_H
#define SBK_TRIAL_H

#include "xgboost/library.h"

/*
 * Starts the process.  There can be one at a time.  The label names the model
 * in messages and must live until the end.  Throws where the program is not
 * installed or does not run.
 */
extern const SbkLibrary *sbk_trial_start(const char *label);

/*
 * Ends the process, whatever it is doing; to be called on every way out,
 * PG_FINALLY included.  Never throws, and does nothing where none is running.
 */
extern void sbk_trial_end(void);

#endif							/* SBK_TRIAL_H */
