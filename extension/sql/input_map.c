/*
 * input_map.c
 *		How the columns of a relation are bound to the inputs of a model.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "bind/bind.h"
#include "compat.h"
#include "registry/model.h"
#include "registry/rights.h"

PG_FUNCTION_INFO_V1(sbk_sql_input_map);

static const char *const verdicts[] = {
	[SBK_BIND_OK] = "ok",
	[SBK_BIND_NO_COLUMN] = "no such column",
	[SBK_BIND_NOT_A_NUMBER] = "type cannot be a number",
	[SBK_BIND_NOT_A_LEVEL] = "type cannot name a level"
};

/*
 * One row for each input, in the order of the model.  Without a relation, type
 * is what the input takes and the verdict is null.
 */
Datum
sbk_sql_input_map(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	relation = NULL;
	SbkReference reference;
	SbkResolved resolved;
	SbkModel   *model;
	text	   *ref;
	int			num_input;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	ref = PG_GETARG_TEXT_PP(0);
	sbk_reference_parse(VARDATA_ANY(ref), VARSIZE_ANY_EXHDR(ref), &reference);
	sbk_reference_resolve(&reference, "any", &resolved);
	model = sbk_model_read(CurrentMemoryContext, &resolved);
	if (!PG_ARGISNULL(1))
	{
		sbk_require_relation_right(PG_GETARG_OID(1));
		relation = try_relation_open(PG_GETARG_OID(1), AccessShareLock);
		if (relation == NULL)
			ereport(ERROR,
					errcode(ERRCODE_UNDEFINED_TABLE),
					errmsg("relation with OID %u does not exist",
						   PG_GETARG_OID(1)));
	}

	num_input = model->num_feature + (model->base_margin ? 1 : 0);
	for (i = 0; i < num_input; i++)
	{
		bool		feature = i < model->num_feature;
		const char *column_name = feature ? model->features[i].column :
			model->base_margin;
		Datum		values[4];
		bool		nulls[4] = {false, false, false, false};

		values[0] = CStringGetTextDatum(feature ? model->features[i].name :
										"base margin");
		values[1] = CStringGetTextDatum(column_name);
		if (relation == NULL)
		{
			values[2] = CStringGetTextDatum(feature && model->features[i].categorical ?
											"text" : "real");
			nulls[3] = true;
		}
		else
		{
			SbkColumn	column = {.index = -1};
			SbkVerdict	verdict = sbk_bind_column(model, i,
												  RelationGetDescr(relation),
												  &column);

			if (verdict == SBK_BIND_NO_COLUMN)
				nulls[2] = true;
			else
				values[2] = CStringGetTextDatum(format_type_be(TupleDescAttr(RelationGetDescr(relation),
																			 column.index)->atttypid));
			values[3] = CStringGetTextDatum(verdicts[verdict]);
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	if (relation != NULL)
		relation_close(relation, AccessShareLock);
	return (Datum) 0;
}
