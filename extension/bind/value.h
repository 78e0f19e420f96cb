/*
 * value.h
 *		One SQL value as one input of a model.
 *
 * i is the number of the feature, from 0; num_feature stands for the base
 * margin.
 */
#ifndef SBK_VALUE_H
#define SBK_VALUE_H

#include "bind/bind.h"

/* above this, float4 does not hold every integer */
#define SBK_EXACT_LIMIT	16777216.0

/* The name of the input, for messages. */
extern const char *sbk_input_name(const SbkModel *model, int i);

/* The conversion of a type for an input; false where there is none. */
extern bool sbk_conversion(Oid base_type, bool categorical,
						   SbkConversion *conversion);

extern float sbk_input_null(const SbkModel *model, int i);
extern float sbk_input_float8(const SbkModel *model, int i, double value);
extern float sbk_input_int8(const SbkModel *model, int i, int64 value);
extern float sbk_input_level(const SbkModel *model, int i, const char *level,
							 int len);

/* A level's code, as given by position. */
extern float sbk_input_code(const SbkModel *model, int i, double code);

/* The number that a value of a numeric type or boolean is. */
extern double sbk_number(const SbkColumn *column, Datum value);

/* Any value that is not null, by its conversion. */
extern float sbk_input_datum(const SbkModel *model, int i,
							 const SbkColumn *column, Datum value);

#endif							/* SBK_VALUE_H */
