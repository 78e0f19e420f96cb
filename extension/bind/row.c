/*
 * row.c
 *		Rows, matched by the names of their columns.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "bind/value.h"
#include "compat.h"

struct SbkRowBinding
{
	TupleDesc	desc;			/* a copy */
	int			num_input;		/* features, and the base margin */
	Datum	   *values;			/* the columns of one row */
	bool	   *nulls;
	SbkColumn	columns[FLEXIBLE_ARRAY_MEMBER];
};

static inline bool read_plain(const SbkModel *model, const SbkColumn *column,
							  Datum datum, float *value);
static bool has_no_names(TupleDesc desc);
pg_noreturn static void refuse(const SbkModel *model, int i, SbkVerdict verdict,
							   TupleDesc desc);

static int
find_column(TupleDesc desc, const char *name)
{
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped &&
			strcmp(NameStr(attribute->attname), name) == 0)
			return i;
	}
	return -1;
}

static const char *
column_name(const SbkModel *model, int i)
{
	return i < model->num_feature ? model->features[i].column :
		model->base_margin;
}

SbkVerdict
sbk_bind_column(const SbkModel *model, int i, TupleDesc desc,
				SbkColumn *column)
{
	bool		categorical = i < model->num_feature &&
		model->features[i].categorical;
	int			index = find_column(desc, column_name(model, i));

	if (index < 0)
		return SBK_BIND_NO_COLUMN;
	column->index = index;
	column->type = getBaseType(TupleDescAttr(desc, index)->atttypid);
	if (sbk_conversion(column->type, categorical, &column->conversion))
		return SBK_BIND_OK;
	return categorical ? SBK_BIND_NOT_A_LEVEL : SBK_BIND_NOT_A_NUMBER;
}

SbkRowBinding *
sbk_bind_row(const SbkModel *model, TupleDesc desc)
{
	int			num_input = model->num_feature + (model->base_margin ? 1 : 0);
	SbkRowBinding *binding;
	int			i;

	if (has_no_names(desc))
		ereport(ERROR,
				errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("the input of model \"%s\" is a row without column names",
					   model->label),
				errdetail("ROW(...) names its columns f1, f2 and so on, whatever they hold."),
				errhint("Pass a table's row, a subquery's row, a row cast to a composite type, jsonb, or an array in the order of the features."));

	binding = palloc0(add_size(offsetof(SbkRowBinding, columns),
							   mul_size(num_input, sizeof(SbkColumn))));
	binding->num_input = num_input;
	for (i = 0; i < num_input; i++)
	{
		SbkVerdict	verdict = sbk_bind_column(model, i, desc,
											  &binding->columns[i]);

		if (verdict != SBK_BIND_OK)
			refuse(model, i, verdict, desc);
	}
	/* with the defaults of columns that a stored row may be too short for */
	binding->desc = CreateTupleDescCopyConstr(desc);
	binding->values = palloc(mul_size(desc->natts, sizeof(Datum)));
	binding->nulls = palloc(mul_size(desc->natts, sizeof(bool)));
	return binding;
}

void
sbk_read_row(const SbkModel *model, SbkRowBinding *binding,
			 HeapTupleHeader header, SbkRow *row)
{
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, binding->desc, binding->values, binding->nulls);
	sbk_read_columns(model, binding, binding->values, binding->nulls, row);
}

void
sbk_read_columns(const SbkModel *model, const SbkRowBinding *binding,
				 const Datum *values, const bool *nulls, SbkRow *row)
{
	int			i;

	for (i = 0; i < binding->num_input; i++)
	{
		const SbkColumn *column = &binding->columns[i];
		float		value;

		if (nulls[column->index])
			value = sbk_input_null(model, i);
		else if (!read_plain(model, column, values[column->index], &value))
			value = sbk_input_datum(model, i, column,
									values[column->index]);
		if (i < model->num_feature)
			row->values[i] = value;
		else
			row->base_margin = value;
	}
}

/*
 * Most values are floating-point numbers that nothing has to be decided of.
 * False for all others, which sbk_input_datum looks at.
 */
static inline bool
read_plain(const SbkModel *model, const SbkColumn *column, Datum datum,
		   float *value)
{
	if (column->conversion == SBK_FROM_FLOAT4)
		*value = DatumGetFloat4(datum);
	else if (column->conversion == SBK_FROM_FLOAT8)
	{
		double		exact = DatumGetFloat8(datum);

		*value = (float) exact;
		if (!(fabs(exact) <= SBK_EXACT_LIMIT))
			return false;
	}
	else
		return false;
	return isfinite(*value) &&
		!(model->has_missing && *value == model->missing);
}

/* ROW(a, b) comes with the names f1, f2. */
static bool
has_no_names(TupleDesc desc)
{
	int			i;

	if (desc->tdtypeid != RECORDOID)
		return false;
	for (i = 0; i < desc->natts; i++)
	{
		char		name[NAMEDATALEN];

		snprintf(name, sizeof(name), "f%d", i + 1);
		if (strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) != 0)
			return false;
	}
	return true;
}

static void
refuse(const SbkModel *model, int i, SbkVerdict verdict, TupleDesc desc)
{
	const char *column = column_name(model, i);
	const char *kind = i < model->num_feature ? "feature" : "base margin";
	Oid			type;

	if (verdict == SBK_BIND_NO_COLUMN)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_COLUMN),
				errmsg("the input of model \"%s\" lacks column \"%s\"",
					   model->label, column),
				errdetail("The %s \"%s\" is read from it.", kind,
						  sbk_input_name(model, i)),
				i < model->num_feature ?
				errhint("Call scorebook.input_map to see how columns are matched; \"columns\" of scorebook.load_model maps features to columns of other names.") :
				errhint("Call scorebook.input_map to see how columns are matched."));

	type = TupleDescAttr(desc, find_column(desc, column))->atttypid;
	ereport(ERROR,
			errcode(ERRCODE_DATATYPE_MISMATCH),
			errmsg("column \"%s\" of type %s cannot be %s \"%s\" of model \"%s\"",
				   column, format_type_be(type), kind,
				   sbk_input_name(model, i), model->label),
			verdict == SBK_BIND_NOT_A_LEVEL ?
			errdetail("The feature is categorical: it takes the names of its levels.") :
			errdetail("It takes a number."),
			verdict == SBK_BIND_NOT_A_LEVEL ?
			errhint("Use text, varchar, an enum or an integer type.") :
			(getBaseType(type) == DATEOID || getBaseType(type) == TIMESTAMPOID ||
			 getBaseType(type) == TIMESTAMPTZOID) ?
			errhint("Compute the number that the model was trained on, such as date_part('day', now() - \"%s\").", column) :
			errhint("Use a numeric type or boolean, or cast the column as it was done in training."));
}
