/*
 * guise.c
 *		Who the backend is, and what words mean, while it works for somebody else.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "job/guise.h"

static void set_meanwhile(const char *setting, const char *value);

void
sbk_guise_assume(Oid user, int restriction, SbkGuise *guise)
{
	GetUserIdAndSecContext(&guise->user, &guise->context);
	SetUserIdAndSecContext(user, guise->context | SECURITY_LOCAL_USERID_CHANGE |
						   restriction);
	guise->guc_level = NewGUCNestLevel();
	set_meanwhile("search_path", "pg_catalog, pg_temp");
	set_meanwhile("standard_conforming_strings", "on");
	set_meanwhile("transform_null_equals", "off");
}

void
sbk_guise_resume(const SbkGuise *guise)
{
	AtEOXact_GUC(false, guise->guc_level);
	SetUserIdAndSecContext(guise->user, guise->context);
}

static void
set_meanwhile(const char *setting, const char *value)
{
	(void) set_config_option(setting, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}
