/*
 * bind.h
 *		From SQL values to the inputs of a model.
 *
 * The inputs of one row are num_feature numbers of float4, NaN for missing,
 * and the base margin where the model has one.  All functions throw where a
 * value does not fit, naming model and feature.
 */
#ifndef SBK_BIND_H
#define SBK_BIND_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "registry/model.h"

/* How a column becomes an input. */
typedef enum SbkVerdict
{
	SBK_BIND_OK,
	SBK_BIND_NO_COLUMN,
	SBK_BIND_NOT_A_NUMBER,		/* the type cannot be one */
	SBK_BIND_NOT_A_LEVEL		/* nor can it name a level */
} SbkVerdict;

typedef enum SbkConversion
{
	SBK_FROM_INT2,
	SBK_FROM_INT4,
	SBK_FROM_INT8,
	SBK_FROM_FLOAT4,
	SBK_FROM_FLOAT8,
	SBK_FROM_NUMERIC,
	SBK_FROM_BOOL,
	SBK_FROM_TEXT,				/* text and varchar, names of levels */
	SBK_FROM_BPCHAR,
	SBK_FROM_NAME,
	SBK_FROM_ENUM
} SbkConversion;

typedef struct SbkColumn
{
	int			index;			/* in the row, from 0 */
	SbkConversion conversion;
	Oid			type;			/* base type, for enums */
} SbkColumn;

typedef struct SbkRow
{
	float	   *values;			/* num_feature of them */
	float		base_margin;
} SbkRow;

typedef struct SbkRowBinding SbkRowBinding;

/*
 * Finds the column for an input: of feature i, or of the base margin where i
 * is num_feature.  Sets column only where the verdict is SBK_BIND_OK.
 */
extern SbkVerdict sbk_bind_column(const SbkModel *model, int i, TupleDesc desc,
								  SbkColumn *column);

/*
 * The binding of a row type, in the current context.  Throws where a column is
 * missing or of a type that does not fit, and for a row without names.
 */
extern SbkRowBinding *sbk_bind_row(const SbkModel *model, TupleDesc desc);

/* Reads the inputs from a row of the type that was bound. */
extern void sbk_read_row(const SbkModel *model, SbkRowBinding *binding,
						 HeapTupleHeader tuple, SbkRow *row);

/* The same from the columns of such a row. */
extern void sbk_read_columns(const SbkModel *model,
							 const SbkRowBinding *binding,
							 const Datum *values, const bool *nulls,
							 SbkRow *row);

/*
 * Reads the inputs from a one-dimensional array, in the order of the features,
 * with the base margin last where the model has one.
 */
extern void sbk_read_array(const SbkModel *model, ArrayType *array,
						   SbkRow *row);

/*
 * Takes over inputs that were kept as the model saw them, in the same order,
 * bit by bit: NaN is missing, and no policy has a say.  Throws where the array
 * cannot be that.
 */
extern void sbk_read_kept(const SbkModel *model, ArrayType *array,
						  SbkRow *row);

/* Numbers as a real[], palloc'd. */
extern Datum sbk_real_array(const float *values, Size n);

/* Reads the inputs from a JSON object, by its keys. */
extern void sbk_read_jsonb(const SbkModel *model, Jsonb *object, SbkRow *row);

/* The first key that would be read and is not there, or NULL. */
extern const char *sbk_missing_key(const SbkModel *model, Jsonb *object);

#endif							/* SBK_BIND_H */
