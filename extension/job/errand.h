/*
 * errand.h
 *		A statement that is run in another database of the cluster.
 */
#ifndef SBK_ERRAND_H
#define SBK_ERRAND_H

/*
 * Runs the statement in the database as the role, in a session and transaction
 * of its own, which has committed when this returns.  What goes wrong there is
 * thrown here.  The caller says who may do this.
 */
extern void sbk_errand_run(const char *database, const char *role,
						   const char *statement);

/* Where the worker begins. */
extern PGDLLEXPORT void sbk_errand_main(Datum handle);

#endif							/* SBK_ERRAND_H */
