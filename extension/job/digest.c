/*
 * digest.c
 *		Hashes of rows: of the bytes that each value is made of.
 *
 * The number of an enum's label is another one after a restore, so that its text
 * stands for it.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "job/digest.h"

void
sbk_digest_column_start(SbkDigestColumn *column, Oid type)
{
	Oid			output;
	bool		is_varlena;

	get_typlenbyval(type, &column->length, &column->by_value);
	column->label = NULL;
	if (!type_is_enum(getBaseType(type)))
		return;
	getTypeOutputInfo(type, &output, &is_varlena);
	column->label = palloc(sizeof(FmgrInfo));
	fmgr_info(output, column->label);
}

uint64
sbk_digest_row(const SbkDigestColumn *columns, int n, const Datum *values,
			   const bool *nulls)
{
	uint64		digest = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (nulls[i])
			digest = hash_combine64(digest, 0);
		else if (columns[i].label != NULL)
		{
			char	   *label = OutputFunctionCall(columns[i].label, values[i]);

			digest = hash_bytes_extended((const unsigned char *) label,
										 strlen(label), digest);
			pfree(label);
		}
		else if (columns[i].by_value)
			digest = hash_bytes_extended((const unsigned char *) &values[i],
										 sizeof(Datum), digest);
		else if (columns[i].length == -1)
		{
			struct varlena *value = PG_DETOAST_DATUM_PACKED(values[i]);

			digest = hash_bytes_extended((const unsigned char *) VARDATA_ANY(value),
										 VARSIZE_ANY_EXHDR(value), digest);
			if ((Pointer) value != DatumGetPointer(values[i]))
				pfree(value);
		}
		else
			digest = hash_bytes_extended((const unsigned char *) DatumGetPointer(values[i]),
										 datumGetSize(values[i], false,
													  columns[i].length),
										 digest);
	}
	return digest;
}
