/*
 * registrar.c
 *		The writing functions of the registry.
 *
 * The rules are PL/pgSQL (sql/parts), and run with the rights of the
 * extension's owner, since nobody else may write the tables.  A SECURITY
 * DEFINER function does not know which role called it; so each public function
 * f is this one C function, which runs with the caller's rights, and calls
 * f_internal with the name of the caller in front of the same arguments.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/syscache.h"

#include "compat.h"
#include "engine/verify.h"
#include "registry/admission.h"
#include "scorebook.h"

PG_FUNCTION_INFO_V1(sbk_sql_registrar);
PG_FUNCTION_INFO_V1(sbk_sql_admit_model);
PG_FUNCTION_INFO_V1(sbk_sql_read_model_file);

static Oid	find_internal(Oid function, Oid *owner);
pg_noreturn static void rethrow_plainly(MemoryContext context);

Datum
sbk_sql_registrar(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	FmgrInfo	flinfo;
	NameData	caller;
	Oid			owner;
	Oid			internal = find_internal(fcinfo->flinfo->fn_oid, &owner);
	Oid			saved_user;
	int			saved_context;
	MemoryContext context = CurrentMemoryContext;
	Datum		result = (Datum) 0;
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
	PG_TRY();
	{
		result = FunctionCallInvoke(call);
	}
	PG_CATCH();
	{
		rethrow_plainly(context);
	}
	PG_END_TRY();
	SetUserIdAndSecContext(saved_user, saved_context);

	fcinfo->isnull = call->isnull;
	return result;
}

/*
 * Tries a model in the library, in one row without any value, and then proves
 * that the native engine does the same; which it need not.
 */
Datum
sbk_sql_admit_model(PG_FUNCTION_ARGS)
{
	char	   *label = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SbkArtifact artifact;
	SbkSummary *summary;
	SbkForest  *forest;
	SbkEngine  *engine;
	SbkVerification verification;
	const int  *version;
	float	   *row;
	Size		width;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};
	int			i;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	sbk_artifact_copy(PG_GETARG_DATUM(1), label, true, &artifact);
	summary = sbk_artifact_compile(CurrentMemoryContext, label, &artifact,
								   CurrentMemoryContext, &forest);
	engine = sbk_engine_open(CurrentMemoryContext, label, summary, forest,
							 PG_GETARG_INT32(2));
	sbk_engine_load(engine, summary, artifact.bytes, artifact.len);
	row = palloc(mul_size(summary->num_feature, sizeof(float)));
	for (i = 0; i < summary->num_feature; i++)
		row[i] = get_float4_nan();
	sbk_engine_predict(engine, false, row, 1, NULL, SBK_PREDICT_MARGIN, &width);
	if (width != summary->num_output)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("model \"%s\" is not what its file says", label),
				errdetail("The file says %d outputs, XGBoost gives %zu.",
						  summary->num_output, width));

	version = sbk_library()->version;
	values[0] = CStringGetTextDatum(psprintf("%d.%d.%d", version[0],
											 version[1], version[2]));
	if (forest != NULL)
	{
		sbk_engine_verify(engine, forest, &verification);
		values[1] = Int32GetDatum(verification.rows);
		values[2] = Float4GetDatum(verification.worst_difference);
		values[3] = BoolGetDatum(verification.same);
	}
	else
	{
		values[1] = Int32GetDatum(0);
		nulls[2] = true;
		values[3] = BoolGetDatum(false);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
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

/* The function <name>_internal(name, ...), and who owns it. */
static Oid
find_internal(Oid function, Oid *owner)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	Oid			types[FUNC_MAX_ARGS];
	int			n;
	char	   *name;
	Oid			internal;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	n = form->pronargs;
	if (n >= FUNC_MAX_ARGS)
		elog(ERROR, "function %u has too many arguments", function);
	types[0] = NAMEOID;
	memcpy(&types[1], form->proargtypes.values, n * sizeof(Oid));
	name = psprintf("%s_internal", NameStr(form->proname));
	ReleaseSysCache(tuple);

	internal = LookupFuncName(list_make2(makeString(SBK_SCHEMA),
										 makeString(name)),
							  n + 1, types, false);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(internal));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", internal);
	*owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return internal;
}

/*
 * Throws the caught error again without the lines of PL/pgSQL that led to it:
 * they are ours, and tell the user nothing.  Of internal errors they are kept.
 */
static void
rethrow_plainly(MemoryContext context)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	if (error->sqlerrcode != ERRCODE_INTERNAL_ERROR)
		error->context = NULL;
	ReThrowError(error);
}
