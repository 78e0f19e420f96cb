/*
 * compat.h
 *		What differs between PostgreSQL 15 and 18.
 */
#ifndef SBK_COMPAT_H
#define SBK_COMPAT_H

#include "storage/proc.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* the backend's local transaction id */
#if PG_VERSION_NUM >= 170000
#define sbk_my_lxid()	(MyProc->vxid.lxid)
#else
#define sbk_my_lxid()	(MyProc->lxid)
#endif

/* goes in front of a declaration */
#if PG_VERSION_NUM < 180000
#define pg_noreturn		__attribute__((noreturn))
#endif

#endif							/* SBK_COMPAT_H */
