/*
 * module.c
 *		The module's entry point.
 */
#include "postgres.h"

#include "fmgr.h"

#include "scorebook.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "scorebook supports PostgreSQL 15 to 18"
#endif

PG_MODULE_MAGIC;

void		_PG_init(void);

/* Runs in the postmaster too, where nothing of XGBoost may be touched. */
void
_PG_init(void)
{
	sbk_guc_define();
}
