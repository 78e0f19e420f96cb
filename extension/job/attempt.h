/*
 * attempt.h
 *		Errors that are to be known, and not to be thrown.
 */
#ifndef SBK_ATTEMPT_H
#define SBK_ATTEMPT_H

/*
 * Does something in a subtransaction, which a parallel plan would not allow.
 * The error that has undone it, in the current context, or NULL.
 */
extern ErrorData *sbk_attempt(void (*work) (void *arg), void *arg);

#endif							/* SBK_ATTEMPT_H */
