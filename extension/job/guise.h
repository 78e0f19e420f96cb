/*
 * guise.h
 *		Who the backend is, and what words mean, while it works for somebody else.
 */
#ifndef SBK_GUISE_H
#define SBK_GUISE_H

typedef struct SbkGuise
{
	Oid			user;
	int			context;
	int			guc_level;
} SbkGuise;

/*
 * Becomes a role; with the restriction SECURITY_RESTRICTED_OPERATION, or 0.  Names
 * then mean what they do in pg_catalog, a backslash in a literal is one, and = NULL
 * is never true, whatever the caller has set.
 */
extern void sbk_guise_assume(Oid user, int restriction, SbkGuise *guise);

/* Undoes that.  An error does the same, at the end of the (sub)transaction. */
extern void sbk_guise_resume(const SbkGuise *guise);

#endif							/* SBK_GUISE_H */
