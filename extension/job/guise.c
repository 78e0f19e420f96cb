/*
 * guise.c
 *		Who the backend is, and what names mean, while it works for somebody else.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "job/guise.h"

void
sbk_guise_assume(Oid user, int restriction, SbkGuise *guise)
{
	GetUserIdAndSecContext(&guise->user, &guise->context);
	SetUserIdAndSecContext(user, guise->context | SECURITY_LOCAL_USERID_CHANGE |
						   restriction);
	guise->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
sbk_guise_resume(const SbkGuise *guise)
{
	AtEOXact_GUC(false, guise->guc_level);
	SetUserIdAndSecContext(guise->user, guise->context);
}
