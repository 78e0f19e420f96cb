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

/* enters a row into all indexes of a table */
#if PG_VERSION_NUM >= 160000
#define sbk_insert_index_tuples(relation, slot, state) \
	ExecInsertIndexTuples(relation, slot, state, false, false, NULL, NIL, false)
#else
#define sbk_insert_index_tuples(relation, slot, state) \
	ExecInsertIndexTuples(relation, slot, state, false, false, NULL, NIL)
#endif

/* builds an index anew; its errors are those of CREATE INDEX */
#if PG_VERSION_NUM >= 170000
#define sbk_reindex_index(index, persistence, params) \
	reindex_index(NULL, index, false, persistence, params)
#else
#define sbk_reindex_index(index, persistence, params) \
	reindex_index(index, false, persistence, params)
#endif

/* may a role use a type?  does it own a relation? */
#if PG_VERSION_NUM >= 160000
#define sbk_may_use_type(type, role) \
	(object_aclcheck(TypeRelationId, type, role, ACL_USAGE) == ACLCHECK_OK)
#define sbk_owns_relation(relation, role) \
	object_ownercheck(RelationRelationId, relation, role)
#else
#define sbk_may_use_type(type, role) \
	(pg_type_aclcheck(type, role, ACL_USAGE) == ACLCHECK_OK)
#define sbk_owns_relation(relation, role)	pg_class_ownercheck(relation, role)
#endif

/* does this backend hold the lock, in that mode? */
#if PG_VERSION_NUM >= 170000
#define sbk_lock_held(tag, mode)	LockHeldByMe(tag, mode, false)
#else
#define sbk_lock_held(tag, mode)	LockHeldByMe(tag, mode)
#endif

/* goes in front of a declaration */
#if PG_VERSION_NUM < 180000
#define pg_noreturn		__attribute__((noreturn))
#endif

#endif							/* SBK_COMPAT_H */
