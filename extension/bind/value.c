/*
 * value.c
 *		One SQL value as one input of a model.
 *
 * Numbers go through float8 to float4, rounded to the nearest, as NumPy does
 * it.  NaN is missing, as is the value that the model reads as missing.  What
 * float4 cannot hold at all is an error, because XGBoost would score it
 * somehow.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"

#include "bind/value.h"
#include "compat.h"

static float store(const SbkModel *model, int i, double exact, float value);
static float check_inexact(const SbkModel *model, int i, float value);
static int	trimmed_length(const char *text, int len);

const char *
sbk_input_name(const SbkModel *model, int i)
{
	return i < model->num_feature ? model->features[i].name :
		model->base_margin;
}

bool
sbk_conversion(Oid base_type, bool categorical, SbkConversion *conversion)
{
	switch (base_type)
	{
		case INT2OID:
			*conversion = SBK_FROM_INT2;
			return true;
		case INT4OID:
			*conversion = SBK_FROM_INT4;
			return true;
		case INT8OID:
			*conversion = SBK_FROM_INT8;
			return true;
		case FLOAT4OID:
			*conversion = SBK_FROM_FLOAT4;
			return !categorical;
		case FLOAT8OID:
			*conversion = SBK_FROM_FLOAT8;
			return !categorical;
		case NUMERICOID:
			*conversion = SBK_FROM_NUMERIC;
			return !categorical;
		case BOOLOID:
			*conversion = SBK_FROM_BOOL;
			return true;
		case TEXTOID:
		case VARCHAROID:
			*conversion = SBK_FROM_TEXT;
			return categorical;
		case BPCHAROID:
			*conversion = SBK_FROM_BPCHAR;
			return categorical;
		case NAMEOID:
			*conversion = SBK_FROM_NAME;
			return categorical;
		default:
			*conversion = SBK_FROM_ENUM;
			return categorical && type_is_enum(base_type);
	}
}

float
sbk_input_null(const SbkModel *model, int i)
{
	if (i == model->num_feature)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("base margin \"%s\" of model \"%s\" is missing",
					   model->base_margin, model->label),
				errhint("Each row needs its offset, as it had one in training."));
	if (model->features[i].null_is_error)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("feature \"%s\" of model \"%s\" is missing",
					   model->features[i].name, model->label),
				errdetail("The model's policy on_null for this feature is \"error\"."),
				errhint("Give a value, or load the model with the policy on_null \"missing\"."));
	return NAN;
}

float
sbk_input_float8(const SbkModel *model, int i, double value)
{
	float		result = (float) value;

	if (isnan(value))
		return sbk_input_null(model, i);
	return store(model, i, value, result);
}

float
sbk_input_int8(const SbkModel *model, int i, int64 value)
{
	float		result = (float) value;

	/* 2^63 itself is not an int64 */
	if (result >= 9223372036854775808.0f || (int64) result != value)
		result = check_inexact(model, i, result);
	return store(model, i, result, result);
}

float
sbk_input_level(const SbkModel *model, int i, const char *level, int len)
{
	const SbkFeature *feature = &model->features[i];
	int			code = sbk_feature_code(feature, level, len);

	if (code >= 0 && model->has_missing && code == model->missing)
		return sbk_input_null(model, i);	/* XGBoost compares codes, too */
	if (code >= 0)
		return code;
	switch (feature->on_unseen)
	{
		case SBK_UNSEEN_MISSING:
			return sbk_input_null(model, i);
		case SBK_UNSEEN_LEVEL:
			return feature->unseen_code;
		case SBK_UNSEEN_ERROR:
			break;
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("feature \"%s\" of model \"%s\" has an unknown level",
				   feature->name, model->label),
			errdetail("The model knows %d levels, \"%s\" is not among them.",
					  feature->num_level,
					  pnstrdup(level, pg_mbcliplen(level, len, 100))),
			errhint("Levels are listed in scorebook.model_feature; the policy on_unseen can read unknown ones as missing or as another level."));
}

float
sbk_input_code(const SbkModel *model, int i, double code)
{
	const SbkFeature *feature = &model->features[i];

	if (isnan(code) || (model->has_missing && (float) code == model->missing))
		return sbk_input_null(model, i);
	if (!(code >= 0 && code < feature->num_level) || code != floor(code))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("feature \"%s\" of model \"%s\" has an unknown level code",
					   feature->name, model->label),
				errdetail("Codes go from 0 to %d, the input is %g.",
						  feature->num_level - 1, code),
				errhint("Pass a row or jsonb to name levels by their text."));
	return (float) code;
}

double
sbk_number(const SbkColumn *column, Datum value)
{
	switch (column->conversion)
	{
		case SBK_FROM_INT2:
			return DatumGetInt16(value);
		case SBK_FROM_INT4:
			return DatumGetInt32(value);
		case SBK_FROM_INT8:
			return (double) DatumGetInt64(value);
		case SBK_FROM_FLOAT4:
			return DatumGetFloat4(value);
		case SBK_FROM_FLOAT8:
			return DatumGetFloat8(value);
		case SBK_FROM_NUMERIC:
			{
				double		number =
					DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													   value));

				/* too large, but not infinite */
				if (isinf(number) && !numeric_is_inf(DatumGetNumeric(value)))
					number = copysign(DBL_MAX, number);
				return number;
			}
		case SBK_FROM_BOOL:
			return DatumGetBool(value) ? 1 : 0;
		case SBK_FROM_TEXT:
		case SBK_FROM_BPCHAR:
		case SBK_FROM_NAME:
		case SBK_FROM_ENUM:
			break;
	}
	elog(ERROR, "conversion %d gives no number", column->conversion);
}

float
sbk_input_datum(const SbkModel *model, int i, const SbkColumn *column,
				Datum value)
{
	bool		categorical = i < model->num_feature &&
		model->features[i].categorical;
	char		digits[32];
	float		result;

	switch (column->conversion)
	{
		case SBK_FROM_FLOAT4:
		case SBK_FROM_FLOAT8:
		case SBK_FROM_NUMERIC:
			return sbk_input_float8(model, i, sbk_number(column, value));
		case SBK_FROM_INT2:
		case SBK_FROM_INT4:
		case SBK_FROM_INT8:
			{
				int64		number =
					column->conversion == SBK_FROM_INT2 ? DatumGetInt16(value) :
					column->conversion == SBK_FROM_INT4 ? DatumGetInt32(value) :
					DatumGetInt64(value);

				if (!categorical)
					return sbk_input_int8(model, i, number);
				pg_lltoa(number, digits);
				return sbk_input_level(model, i, digits, strlen(digits));
			}
		case SBK_FROM_BOOL:
			if (!categorical)
				return sbk_input_float8(model, i, sbk_number(column, value));
			return DatumGetBool(value) ? sbk_input_level(model, i, "true", 4) :
				sbk_input_level(model, i, "false", 5);
		case SBK_FROM_TEXT:
		case SBK_FROM_BPCHAR:
			{
				struct varlena *text = PG_DETOAST_DATUM_PACKED(value);
				int			len = VARSIZE_ANY_EXHDR(text);

				if (column->conversion == SBK_FROM_BPCHAR)
					len = trimmed_length(VARDATA_ANY(text), len);
				result = sbk_input_level(model, i, VARDATA_ANY(text), len);
				if ((Pointer) text != DatumGetPointer(value))
					pfree(text);
				return result;
			}
		case SBK_FROM_NAME:
			return sbk_input_level(model, i, NameStr(*DatumGetName(value)),
								   strlen(NameStr(*DatumGetName(value))));
		case SBK_FROM_ENUM:
			{
				HeapTuple	tuple = SearchSysCache1(ENUMOID, value);
				Form_pg_enum label;

				if (!HeapTupleIsValid(tuple))
					elog(ERROR, "cache lookup failed for enum value %u",
						 DatumGetObjectId(value));
				label = (Form_pg_enum) GETSTRUCT(tuple);
				result = sbk_input_level(model, i, NameStr(label->enumlabel),
										 strlen(NameStr(label->enumlabel)));
				ReleaseSysCache(tuple);
				return result;
			}
	}
	return NAN;					/* not reached */
}

/* What is the same for all numbers, once they are float4. */
static float
store(const SbkModel *model, int i, double exact, float value)
{
	if (unlikely(isinf(value)))
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("%s \"%s\" of model \"%s\" is out of range",
					   i < model->num_feature ? "feature" : "base margin",
					   sbk_input_name(model, i), model->label),
				isinf(exact) ? errdetail("It is infinite.") :
				errdetail("XGBoost reads float4, which ends at 3.4e38."),
				i < model->num_feature ?
				errhint("Give a finite number, or null for a missing one.") :
				errhint("Give a finite number."));
	if (model->has_missing && value == model->missing &&
		i < model->num_feature)
		return sbk_input_null(model, i);
	if (unlikely(fabs(exact) > SBK_EXACT_LIMIT && (double) value != exact))
		return check_inexact(model, i, value);
	return value;
}

static float
check_inexact(const SbkModel *model, int i, float value)
{
	if (i < model->num_feature && model->features[i].inexact_is_error)
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("feature \"%s\" of model \"%s\" cannot be held exactly",
					   model->features[i].name, model->label),
				errdetail("XGBoost reads float4, which rounds numbers beyond 2^24; the model's policy on_inexact for this feature is \"error\"."),
				errhint("Give a smaller number, or load the model with the policy on_inexact \"round\"."));
	return value;
}

static int
trimmed_length(const char *text, int len)
{
	while (len > 0 && text[len - 1] == ' ')
		len--;
	return len;
}
