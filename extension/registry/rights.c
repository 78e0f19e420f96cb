/*
 * rights.c
 *		Who may do what with a model, a job, or a relation.
 *
 * Roles are kept by name: a dump then restores in a cluster that does not have
 * them, and a name that no role has gives nobody a right.
 */
#include "postgres.h"

#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "registry/catalog.h"
#include "registry/rights.h"

static bool is_granted(Oid role, const char *grants, int32 id,
					   const char *privilege);
static bool is_member(Oid role, const char *of);

void
sbk_check_privilege(const char *privilege)
{
	if (strcmp(privilege, "score") != 0 && strcmp(privilege, "read") != 0 &&
		strcmp(privilege, "manage") != 0 && strcmp(privilege, "any") != 0 &&
		strcmp(privilege, "own") != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unknown privilege \"%s\"", privilege),
				errhint("Privileges are score, read, manage, any and own."));
}

bool
sbk_has_privilege(Oid role, int32 model_id, const NameData *owner,
				  const char *privilege)
{
	return superuser_arg(role) || is_member(role, NameStr(*owner)) ||
		is_granted(role, "model_grant", model_id, privilege);
}

void
sbk_check_job_privilege(const char *privilege)
{
	if (strcmp(privilege, "score") != 0 && strcmp(privilege, "run") != 0 &&
		strcmp(privilege, "any") != 0 && strcmp(privilege, "own") != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unknown privilege \"%s\"", privilege),
				errhint("Privileges are score, run, any and own."));
}

bool
sbk_has_job_privilege(Oid role, int32 job_id, const NameData *owner,
					  const char *privilege)
{
	return superuser_arg(role) || is_member(role, NameStr(*owner)) ||
		is_granted(role, "job_grant", job_id, privilege);
}

void
sbk_require_relation_right(Oid relation)
{
	char		kind = get_rel_relkind(relation);
	bool		is_type = kind == RELKIND_COMPOSITE_TYPE;
	Oid			role = GetUserId();
	bool		has_right;

	if (kind == '\0')
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation with OID %u does not exist", relation));
	has_right = is_type ? sbk_may_use_type(get_rel_type_id(relation), role) :
		pg_class_aclmask(relation, role, ACL_ALL_RIGHTS_RELATION, ACLMASK_ANY) != 0 ||
		pg_attribute_aclcheck_all(relation, role, ACL_ALL_RIGHTS_COLUMN,
								  ACLMASK_ANY) == ACLCHECK_OK;
	if (!has_right && !sbk_owns_relation(relation, role))
		aclcheck_error(ACLCHECK_NO_PRIV,
					   is_type ? OBJECT_TYPE : get_relkind_objtype(kind),
					   get_rel_name(relation));
}

/* By a row of a table; manage is no privilege on a job. */
static bool
is_granted(Oid role, const char *grants, int32 id, const char *privilege)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;
	bool		granted = false;

	if (strcmp(privilege, "own") == 0)
		return false;
	sbk_key_int(&key, Anum_grant_object_id, id);
	sbk_scan_begin(&scan, grants, "pkey", 1, &key);
	while (!granted &&
		   (tuple = sbk_scan_next(&scan, ForwardScanDirection)) != NULL)
	{
		bool		isnull;
		Name		grantee = DatumGetName(sbk_scan_column(&scan, tuple,
														   Anum_grant_grantee,
														   &isnull));
		char	   *has = sbk_scan_text(&scan, tuple, Anum_grant_privilege);

		if (strcmp(has, privilege) != 0 && strcmp(has, "manage") != 0 &&
			strcmp(privilege, "any") != 0)
			continue;
		granted = strcmp(NameStr(*grantee), "public") == 0 ||
			is_member(role, NameStr(*grantee));
	}
	sbk_scan_end(&scan);
	return granted;
}

static bool
is_member(Oid role, const char *of)
{
	Oid			group = get_role_oid(of, true);

	return OidIsValid(group) && has_privs_of_role(role, group);
}
