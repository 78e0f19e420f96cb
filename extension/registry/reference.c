/*
 * reference.c
 *		Model references: name, name@alias, name/version.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "registry/catalog.h"
#include "registry/reference.h"
#include "registry/rights.h"

static void find_model(const char *name, SbkResolved *resolved);
static void read_model(SbkScan *scan, HeapTuple tuple, SbkResolved *resolved);
static void check_privilege(const SbkResolved *resolved, const char *privilege);
static int32 find_alias(int32 model_id, const SbkReference *reference);
static int32 find_last_in_service(int32 model_id);
static void check_version(const SbkResolved *resolved, int32 version);
static bool is_retired(int32 model_id, int32 version);
pg_noreturn static void refuse(const char *text, int len);

static inline bool
is_name_char(char c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
		return true;
	return !first && ((c >= '0' && c <= '9') || c == '-' || c == '.');
}

/* Takes a name off the front of the text; false where there is none. */
static bool
take_name(const char **text, const char *end, char *name)
{
	int			n = 0;

	while (*text < end && is_name_char(**text, n == 0))
	{
		if (n == NAMEDATALEN - 1)
			return false;
		name[n++] = *(*text)++;
	}
	name[n] = '\0';
	return n > 0;
}

void
sbk_reference_parse(const char *text, int len, SbkReference *reference)
{
	const char *at = text;
	const char *end = text + len;
	int64		version = 0;

	memset(reference, 0, sizeof(SbkReference));
	if (!take_name(&at, end, reference->name))
		refuse(text, len);
	if (at == end)
	{
		strlcpy(reference->alias, SBK_DEFAULT_ALIAS, NAMEDATALEN);
		return;
	}
	if (*at == '@')
	{
		at++;
		if (!take_name(&at, end, reference->alias) || at != end)
			refuse(text, len);
		return;
	}
	if (*at++ != '/' || at == end || *at == '0')
		refuse(text, len);
	while (at < end && *at >= '0' && *at <= '9' && version <= PG_INT32_MAX)
		version = version * 10 + (*at++ - '0');
	if (at != end || version > PG_INT32_MAX)
		refuse(text, len);
	reference->version = (int32) version;
}

/*
 * The right is checked before anything about the model's versions is told.
 */
void
sbk_reference_resolve(const SbkReference *reference, const char *privilege,
					  SbkResolved *resolved)
{
	memset(resolved, 0, sizeof(SbkResolved));
	find_model(reference->name, resolved);
	check_privilege(resolved, privilege);
	if (reference->version != 0)
	{
		check_version(resolved, reference->version);
		resolved->version = reference->version;
	}
	else
		resolved->version = find_alias(resolved->model_id, reference);
	resolved->retired = is_retired(resolved->model_id, resolved->version);
}

void
sbk_reference_resolve_recorded(int32 model_id, int32 version,
							   const char *privilege, SbkResolved *resolved)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;

	memset(resolved, 0, sizeof(SbkResolved));
	sbk_key_int(&key, Anum_model_model_id, model_id);
	sbk_scan_begin(&scan, "model", "pkey", 1, &key);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	if (tuple == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("the model that was recorded no longer exists"),
				errdetail("It had the model_id %d.", model_id),
				errhint("The scores of a model that was dropped cannot be computed again."));
	read_model(&scan, tuple, resolved);
	sbk_scan_end(&scan);
	check_privilege(resolved, privilege);
	check_version(resolved, version);
	resolved->version = version;
	resolved->retired = is_retired(model_id, version);
}

/* The last change of the model says whether a record is required. */
void
sbk_reference_check_record(const SbkResolved *resolved,
						   const char *privilege)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;
	bool		isnull;
	bool		required;

	if (!resolved->governed || !sbk_catalog_has("record_requirement"))
		return;
	sbk_key_int(&key, Anum_requirement_model_id, resolved->model_id);
	sbk_scan_begin(&scan, "record_requirement", "pkey", 1, &key);
	tuple = sbk_scan_next(&scan, BackwardScanDirection);
	required = tuple != NULL &&
		DatumGetBool(sbk_scan_column(&scan, tuple, Anum_requirement_required,
									 &isnull));
	sbk_scan_end(&scan);
	if (required &&
		!sbk_has_privilege(GetUserId(), resolved->model_id, &resolved->owner,
						   privilege))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("model \"%s\" is scored with a record only",
					   resolved->name),
				errdetail("Role \"%s\" lacks the privilege \"%s\".",
						  GetUserNameFromId(GetUserId(), false), privilege),
				errhint("Use scorebook.score(job, key), or read the table of a job."));
}

void
sbk_reference_check_service(const SbkResolved *resolved)
{
	if (resolved->retired)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("version %d of model \"%s\" is retired",
					   resolved->version, resolved->name),
				errhint("Use a version in service; see scorebook.retirement for the reason."));
}

static void
find_model(const char *name, SbkResolved *resolved)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;

	sbk_key_text(&key, Anum_model_name, name);
	sbk_scan_begin(&scan, "model", "name_key", 1, &key);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	if (tuple == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("model \"%s\" does not exist", name),
				errhint("Models are listed in scorebook.model."));
	read_model(&scan, tuple, resolved);
	sbk_scan_end(&scan);
}

static void
read_model(SbkScan *scan, HeapTuple tuple, SbkResolved *resolved)
{
	bool		isnull;
	char	   *name = sbk_scan_text(scan, tuple, Anum_model_name);
	char	   *mode = sbk_scan_text(scan, tuple, Anum_model_mode);

	resolved->model_id = DatumGetInt32(sbk_scan_column(scan, tuple,
													   Anum_model_model_id,
													   &isnull));
	resolved->owner = *DatumGetName(sbk_scan_column(scan, tuple,
													Anum_model_owner, &isnull));
	strlcpy(resolved->name, name, NAMEDATALEN);
	resolved->governed = strcmp(mode, "governed") == 0;
	pfree(name);
	pfree(mode);
}

static void
check_privilege(const SbkResolved *resolved, const char *privilege)
{
	if (!sbk_has_privilege(GetUserId(), resolved->model_id, &resolved->owner,
						   privilege))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied for model \"%s\"", resolved->name),
				strcmp(privilege, "any") == 0 ?
				errdetail("Role \"%s\" has no privilege on it.",
						  GetUserNameFromId(GetUserId(), false)) :
				errdetail("Role \"%s\" lacks the privilege \"%s\".",
						  GetUserNameFromId(GetUserId(), false), privilege),
				errhint("The owner of the model grants it with scorebook.grant_model."));
}

/* The last move of an alias says where it points. */
static int32
find_alias(int32 model_id, const SbkReference *reference)
{
	SbkScan		scan;
	ScanKeyData keys[2];
	HeapTuple	tuple;
	bool		isnull;
	int32		version;

	sbk_key_int(&keys[0], Anum_alias_model_id, model_id);
	sbk_key_text(&keys[1], Anum_alias_alias, reference->alias);
	sbk_scan_begin(&scan, "alias", "pkey", 2, keys);
	tuple = sbk_scan_next(&scan, BackwardScanDirection);
	if (tuple == NULL)
	{
		int32		other = find_last_in_service(model_id);

		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("model \"%s\" has no alias \"%s\"", reference->name,
					   reference->alias),
				other == 0 ?
				errhint("All versions of the model are retired.") :
				errhint("Set it with scorebook.set_alias, or name a version: \"%s/%d\".",
						reference->name, other));
	}
	version = DatumGetInt32(sbk_scan_column(&scan, tuple, Anum_alias_version,
											&isnull));
	sbk_scan_end(&scan);
	return version;
}

/* The newest version that is not retired, or 0. */
static int32
find_last_in_service(int32 model_id)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;
	int32		version = 0;

	sbk_key_int(&key, Anum_version_model_id, model_id);
	sbk_scan_begin(&scan, "model_version", "pkey", 1, &key);
	while (version == 0 &&
		   (tuple = sbk_scan_next(&scan, BackwardScanDirection)) != NULL)
	{
		bool		isnull;
		int32		found = DatumGetInt32(sbk_scan_column(&scan, tuple,
														  Anum_version_version,
														  &isnull));

		if (!is_retired(model_id, found))
			version = found;
	}
	sbk_scan_end(&scan);
	return version;
}

static void
check_version(const SbkResolved *resolved, int32 version)
{
	SbkScan		scan;
	ScanKeyData keys[2];

	sbk_key_int(&keys[0], Anum_version_model_id, resolved->model_id);
	sbk_key_int(&keys[1], Anum_version_version, version);
	sbk_scan_begin(&scan, "model_version", "pkey", 2, keys);
	if (sbk_scan_next(&scan, ForwardScanDirection) == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("model \"%s\" has no version %d", resolved->name, version),
				errhint("Versions are listed in scorebook.model_version."));
	sbk_scan_end(&scan);
}

static bool
is_retired(int32 model_id, int32 version)
{
	SbkScan		scan;
	ScanKeyData keys[2];
	bool		retired;

	sbk_key_int(&keys[0], Anum_retirement_model_id, model_id);
	sbk_key_int(&keys[1], Anum_retirement_version, version);
	sbk_scan_begin(&scan, "retirement", "pkey", 2, keys);
	retired = sbk_scan_next(&scan, ForwardScanDirection) != NULL;
	sbk_scan_end(&scan);
	return retired;
}

static void
refuse(const char *text, int len)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_NAME),
			errmsg("invalid model reference \"%s\"", pnstrdup(text, len)),
			errhint("A reference is a model's name (its champion), name@alias or name/version, such as \"credit_risk/3\"."));
}
