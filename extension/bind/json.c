/*
 * json.c
 *		JSON objects, matched by their keys.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "bind/value.h"

static const char *key_of(const SbkModel *model, int i);
static float read_value(const SbkModel *model, int i, const char *key,
						const JsonbValue *value);
static const char *kind_name(const JsonbValue *value);

void
sbk_read_jsonb(const SbkModel *model, Jsonb *object, SbkRow *row)
{
	int			num_input = model->num_feature + (model->base_margin ? 1 : 0);
	int			i;

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("the input of model \"%s\" is not a JSON object",
					   model->label),
				errhint("Pass an object whose keys are the features, such as {\"%s\": 1}.",
						model->features[0].column));
	for (i = 0; i < num_input; i++)
	{
		const char *key = key_of(model, i);
		JsonbValue	value;
		float		input;

		if (getKeyJsonValueFromContainer(&object->root, key, strlen(key),
										 &value) == NULL)
			ereport(ERROR,
					errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("the input of model \"%s\" lacks key \"%s\"",
						   model->label, key),
					errdetail("The %s \"%s\" is read from it.",
							  i < model->num_feature ? "feature" : "base margin",
							  sbk_input_name(model, i)),
					i < model->num_feature ?
					errhint("A missing value is written as null; scorebook.input_map lists the inputs.") :
					errhint("Each row needs its offset, as it had one in training."));
		input = read_value(model, i, key, &value);
		if (i < model->num_feature)
			row->values[i] = input;
		else
			row->base_margin = input;
	}
}

const char *
sbk_missing_key(const SbkModel *model, Jsonb *object)
{
	int			num_input = model->num_feature + (model->base_margin ? 1 : 0);
	int			i;

	for (i = 0; i < num_input; i++)
	{
		const char *key = key_of(model, i);
		JsonbValue	value;

		if (getKeyJsonValueFromContainer(&object->root, key, strlen(key),
										 &value) == NULL)
			return key;
	}
	return NULL;
}

/* Of feature i, or of the base margin. */
static const char *
key_of(const SbkModel *model, int i)
{
	return i < model->num_feature ? model->features[i].column :
		model->base_margin;
}

static float
read_value(const SbkModel *model, int i, const char *key,
		   const JsonbValue *value)
{
	bool		categorical = i < model->num_feature &&
		model->features[i].categorical;
	SbkColumn	column = {0};
	char	   *text;

	switch (value->type)
	{
		case jbvNull:
			return sbk_input_null(model, i);
		case jbvNumeric:
			if (categorical)
			{
				text = numeric_normalize(value->val.numeric);
				return sbk_input_level(model, i, text, strlen(text));
			}
			column.conversion = SBK_FROM_NUMERIC;
			return sbk_input_datum(model, i, &column,
								   NumericGetDatum(value->val.numeric));
		case jbvBool:
			column.conversion = SBK_FROM_BOOL;
			return sbk_input_datum(model, i, &column,
								   BoolGetDatum(value->val.boolean));
		case jbvString:
			if (categorical)
				return sbk_input_level(model, i, value->val.string.val,
									   value->val.string.len);
			break;
		default:
			break;
	}
	ereport(ERROR,
			errcode(ERRCODE_DATATYPE_MISMATCH),
			errmsg("key \"%s\" in the input of model \"%s\" is %s",
				   key, model->label, kind_name(value)),
			categorical ?
			errdetail("The feature is categorical: it takes the name of a level.") :
			i < model->num_feature ?
			errdetail("It takes a number, true, false or null.") :
			errdetail("It takes a number."),
			errhint("scorebook.input_map lists the inputs with their types."));
}

static const char *
kind_name(const JsonbValue *value)
{
	if (value->type == jbvString)
		return "text";
	if (value->type == jbvArray ||
		(value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data)))
		return "an array";
	return "an object";
}
