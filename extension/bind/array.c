/*
 * array.c
 *		Arrays, by position.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "bind/value.h"

static bool is_input(const SbkModel *model, int i, float value);
static void check_shape(const SbkModel *model, ArrayType *array,
						int num_input);

void
sbk_read_array(const SbkModel *model, ArrayType *array, SbkRow *row)
{
	int			num_input = model->num_feature + (model->base_margin ? 1 : 0);
	Oid			type = ARR_ELEMTYPE(array);
	SbkColumn	column = {.type = getBaseType(type)};
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			i;

	if (!sbk_conversion(column.type, false, &column.conversion))
		ereport(ERROR,
				errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("the input of model \"%s\" is an array of type %s",
					   model->label, format_type_be(type)),
				errdetail("By position, features are numbers, and categorical ones the codes of their levels."),
				errhint("Use an array of smallint, integer, bigint, real, double precision, numeric or boolean, or pass a row or jsonb."));
	check_shape(model, array, num_input);

	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	deconstruct_array(array, type, typlen, typbyval, typalign, &values, &nulls,
					  &n);
	for (i = 0; i < num_input; i++)
	{
		float		value;

		if (nulls[i])
			value = sbk_input_null(model, i);
		else if (i < model->num_feature && model->features[i].categorical)
			value = sbk_input_code(model, i,
								   sbk_number(&column, values[i]));
		else
			value = sbk_input_datum(model, i, &column, values[i]);
		if (i < model->num_feature)
			row->values[i] = value;
		else
			row->base_margin = value;
	}
	pfree(values);
	pfree(nulls);
}

void
sbk_read_kept(const SbkModel *model, ArrayType *array, SbkRow *row)
{
	int			num_input = model->num_feature + (model->base_margin ? 1 : 0);
	const float *values = (const float *) ARR_DATA_PTR(array);
	bool		fits = ARR_ELEMTYPE(array) == FLOAT4OID &&
		ARR_NDIM(array) == 1 && ARR_DIMS(array)[0] == num_input &&
		!ARR_HASNULL(array);
	int			i;

	for (i = 0; fits && i < num_input; i++)
		fits = is_input(model, i, values[i]);
	if (!fits)
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("the kept inputs cannot be those of model \"%s\"",
					   model->label),
				errhint("scorebook.verify_book shows whether rows of a book were changed."));
	memcpy(row->values, values, model->num_feature * sizeof(float));
	if (model->base_margin)
		row->base_margin = values[model->num_feature];
}

/* Could the functions above have read it? */
static bool
is_input(const SbkModel *model, int i, float value)
{
	if (isnan(value))
		return i < model->num_feature;
	if (i < model->num_feature && model->features[i].categorical)
		return value >= 0 && value < model->features[i].num_level &&
			value == floorf(value);
	return !isinf(value);
}

static void
check_shape(const SbkModel *model, ArrayType *array, int num_input)
{
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("the input of model \"%s\" is an array of %d dimensions",
					   model->label, ARR_NDIM(array)),
				errhint("Pass one array a row."));
	if (n != num_input)
		ereport(ERROR,
				errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("the input of model \"%s\" has %d elements instead of %d",
					   model->label, n, num_input),
				model->base_margin != NULL ?
				errdetail("The model has %d features, and a base margin that comes last.",
						  model->num_feature) :
				errdetail("The model has %d features.", model->num_feature),
				errhint("scorebook.input_map lists the features in their order."));
}

Datum
sbk_real_array(const float *values, Size n)
{
	Size		size = add_size(ARR_OVERHEAD_NONULLS(1),
								mul_size(n, sizeof(float4)));
	ArrayType  *array;

	if (n == 0)
		return PointerGetDatum(construct_empty_array(FLOAT4OID));
	array = palloc(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = FLOAT4OID;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), values, n * sizeof(float4));
	return PointerGetDatum(array);
}
