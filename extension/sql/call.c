/*
 * call.c
 *		What the functions that take a reference and features have in common.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat.h"
#include "sql/call.h"

static void read_record(SbkCallSite *site, const SbkModel *model,
						HeapTupleHeader tuple);

SbkCallSite *
sbk_call_site(FunctionCallInfo fcinfo)
{
	SbkCallSite *site = fcinfo->flinfo->fn_extra;
	Oid			type;

	if (site != NULL)
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(SbkCallSite));
	site->context = fcinfo->flinfo->fn_mcxt;
	type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	if (type == JSONBOID)
		site->form = SBK_INPUT_JSONB;
	else if (type == ANYARRAYOID || OidIsValid(get_base_element_type(type)))
		site->form = SBK_INPUT_ARRAY;
	else if (type_is_rowtype(type))
		site->form = SBK_INPUT_ROW;
	else
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("the type of the features is not known at this call"));
	sbk_model_use_init(&site->use, site->context);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

SbkModel *
sbk_call_input(FunctionCallInfo fcinfo, SbkCallSite *site)
{
	text	   *reference = PG_GETARG_TEXT_PP(0);
	bool		changed;
	SbkModel   *model = sbk_model_use(&site->use, VARDATA_ANY(reference),
									  VARSIZE_ANY_EXHDR(reference), false,
									  &changed);

	if (changed || site->model_context == NULL)
	{
		site->binding = NULL;
		site->row.values = NULL;
		site->outputs = NULL;
		if (site->model_context == NULL)
			site->model_context = AllocSetContextCreate(site->context,
														"scorebook call site",
														ALLOCSET_SMALL_SIZES);
		MemoryContextReset(site->model_context);
		site->binding_context = NULL;	/* gone with it */
	}
	if (site->row.values == NULL)
	{
		site->outputs =
			MemoryContextAlloc(site->model_context,
							   mul_size(Max(model->num_output, 2),
										sizeof(float)));
		site->row.values =
			MemoryContextAlloc(site->model_context,
							   mul_size(model->num_feature, sizeof(float)));
	}

	switch (site->form)
	{
		case SBK_INPUT_ROW:
			read_record(site, model, PG_GETARG_HEAPTUPLEHEADER(1));
			break;
		case SBK_INPUT_JSONB:
			sbk_read_jsonb(model, PG_GETARG_JSONB_P(1), &site->row);
			break;
		case SBK_INPUT_ARRAY:
			sbk_read_array(model, PG_GETARG_ARRAYTYPE_P(1), &site->row);
			break;
	}
	return model;
}

static void
read_record(SbkCallSite *site, const SbkModel *model, HeapTupleHeader tuple)
{
	Oid			type = HeapTupleHeaderGetTypeId(tuple);
	int32		typmod = HeapTupleHeaderGetTypMod(tuple);
	uint64		identifier = assign_record_type_identifier(type, typmod);

	if (site->binding == NULL || site->row_type != identifier)
	{
		TupleDesc	desc = lookup_rowtype_tupdesc_domain(type, typmod, false);
		MemoryContext old_context;

		site->binding = NULL;
		if (site->binding_context == NULL)
			site->binding_context = AllocSetContextCreate(site->model_context,
														  "scorebook binding",
														  ALLOCSET_SMALL_SIZES);
		MemoryContextReset(site->binding_context);
		old_context = MemoryContextSwitchTo(site->binding_context);
		site->binding = sbk_bind_row(model, desc);
		MemoryContextSwitchTo(old_context);
		site->row_type = identifier;
		ReleaseTupleDesc(desc);
	}
	sbk_read_row(model, site->binding, tuple, &site->row);
}
