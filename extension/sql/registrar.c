/*
 * registrar.c
 *		The writing functions of the registry.
 *
 * The rules are PL/pgSQL (sql/parts), and run with the rights of the
 * extension's owner, since nobody else may write the tables.  A SECURITY
 * DEFINER function does not know which role called it; so each public function
 * f is this one C function, which runs with the caller's rights, and calls
 * f_internal with the name of the caller in front of the same arguments, and
 * lets it change records.
 *
 * What runs with the caller's rights has an entry, too, which calls f_internal
 * with the same arguments: so an error does not drag the lines of its PL/pgSQL
 * along.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "compat.h"
#include "job/keeper.h"
#include "job/trace.h"
#include "scorebook.h"

PG_FUNCTION_INFO_V1(sbk_sql_registrar);
PG_FUNCTION_INFO_V1(sbk_sql_entry);
PG_FUNCTION_INFO_V1(sbk_sql_read_model_file);

static Oid	find_internal(Oid function, bool with_caller, Oid *owner);

Datum
sbk_sql_registrar(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	FmgrInfo	flinfo;
	NameData	caller;
	Oid			owner;
	Oid			internal = find_internal(fcinfo->flinfo->fn_oid, true, &owner);
	Oid			saved_user;
	int			saved_context;
	MemoryContext context = CurrentMemoryContext;
	Datum		result = (Datum) 0;
	bool		before;
	int			i;

	namestrcpy(&caller, GetUserNameFromId(GetUserId(), false));
	fmgr_info(internal, &flinfo);
	InitFunctionCallInfoData(*call, &flinfo, PG_NARGS() + 1, InvalidOid, NULL,
							 NULL);
	call->args[0].value = NameGetDatum(&caller);
	call->args[0].isnull = false;
	for (i = 0; i < PG_NARGS(); i++)
		call->args[i + 1] = fcinfo->args[i];

	/* an error restores the user at the end of the (sub)transaction */
	GetUserIdAndSecContext(&saved_user, &saved_context);
	SetUserIdAndSecContext(owner, saved_context | SECURITY_LOCAL_USERID_CHANGE);
	before = sbk_keeper_let(true);
	PG_TRY();
	{
		result = FunctionCallInvoke(call);
	}
	PG_CATCH();
	{
		(void) sbk_keeper_let(before);
		sbk_trace_rethrow_entry(context);
	}
	PG_END_TRY();
	(void) sbk_keeper_let(before);
	SetUserIdAndSecContext(saved_user, saved_context);

	fcinfo->isnull = call->isnull;
	return result;
}

/*
 * Rows come in the way in which the internal function gives them.  Its types are
 * those of the call.
 */
Datum
sbk_sql_entry(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	FmgrInfo   *flinfo = fcinfo->flinfo->fn_extra;
	MemoryContext context = CurrentMemoryContext;
	Datum		result = (Datum) 0;

	if (flinfo == NULL)
	{
		Oid			owner;
		Oid			internal = find_internal(fcinfo->flinfo->fn_oid, false, &owner);

		flinfo = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(FmgrInfo));
		fmgr_info_cxt(internal, flinfo, fcinfo->flinfo->fn_mcxt);
		fmgr_info_set_expr(fcinfo->flinfo->fn_expr, flinfo);
		fcinfo->flinfo->fn_extra = flinfo;
	}
	/* what a procedure is called in says whether it may end transactions */
	InitFunctionCallInfoData(*call, flinfo, PG_NARGS(), fcinfo->fncollation,
							 fcinfo->context, fcinfo->resultinfo);
	memcpy(call->args, fcinfo->args, PG_NARGS() * sizeof(NullableDatum));
	PG_TRY();
	{
		result = FunctionCallInvoke(call);
	}
	PG_CATCH();
	{
		sbk_trace_rethrow_entry(context);
	}
	PG_END_TRY();
	fcinfo->isnull = call->isnull;
	return result;
}

Datum
sbk_sql_read_model_file(PG_FUNCTION_ARGS)
{
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	struct stat status;
	FILE	   *file;
	bytea	   *result;
	Size		size;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied to read a model file on the server"),
				errdetail("Only roles with privileges of the \"%s\" role may read files on the server.",
						  "pg_read_server_files"),
				errhint("Pass the bytes from the client, with scorebook.load_model."));
	file = AllocateFile(path, PG_BINARY_R);
	if (file == NULL)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not open file \"%s\" for reading: %m", path),
				errhint("The path is one on the server, not on the client."));
	if (fstat(fileno(file), &status) < 0)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not stat file \"%s\": %m", path));
	if (!S_ISREG(status.st_mode))
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("\"%s\" is not a regular file", path));
	if (status.st_size > (off_t) sbk_max_model_size * 1024)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("file \"%s\" is larger than \"%s\"", path,
					   "scorebook.max_model_size"),
				errhint("A superuser can raise scorebook.max_model_size, up to 400MB."));

	size = (Size) status.st_size;
	result = palloc(size + VARHDRSZ);
	SET_VARSIZE(result, size + VARHDRSZ);
	if (fread(VARDATA(result), 1, size, file) != size)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not read file \"%s\": %m", path));
	FreeFile(file);
	PG_RETURN_BYTEA_P(result);
}

/* The function <name>_internal(...), and who owns it. */
static Oid
find_internal(Oid function, bool with_caller, Oid *owner)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	Oid			types[FUNC_MAX_ARGS];
	int			first = with_caller ? 1 : 0;
	int			n;
	char	   *name;
	Oid			internal;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	n = form->pronargs;
	if (n + first > FUNC_MAX_ARGS)
		elog(ERROR, "function %u has too many arguments", function);
	types[0] = NAMEOID;
	memcpy(&types[first], form->proargtypes.values, n * sizeof(Oid));
	name = psprintf("%s_internal", NameStr(form->proname));
	ReleaseSysCache(tuple);

	/* not by LookupFuncName, which knows no procedures */
	internal = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							   CStringGetDatum(name),
							   PointerGetDatum(buildoidvector(types, n + first)),
							   ObjectIdGetDatum(get_namespace_oid(SBK_SCHEMA, false)));
	if (!OidIsValid(internal))
		elog(ERROR, "function %s.%s does not exist", SBK_SCHEMA, name);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(internal));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", internal);
	*owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return internal;
}
