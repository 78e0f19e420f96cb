/*
 * digest.c
 *		Hashes of rows: of the bytes that each value is made of.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/datum.h"

#include "compat.h"
#include "job/digest.h"

uint64
sbk_digest_row(int n, const Datum *values, const bool *nulls,
			   const bool *by_value, const int16 *lengths)
{
	uint64		digest = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (nulls[i])
			digest = hash_combine64(digest, 0);
		else if (by_value[i])
			digest = hash_bytes_extended((const unsigned char *) &values[i],
										 sizeof(Datum), digest);
		else if (lengths[i] == -1)
		{
			struct varlena *value = PG_DETOAST_DATUM_PACKED(values[i]);

			digest = hash_bytes_extended((const unsigned char *) VARDATA_ANY(value),
										 VARSIZE_ANY_EXHDR(value), digest);
			if ((Pointer) value != DatumGetPointer(values[i]))
				pfree(value);
		}
		else
			digest = hash_bytes_extended((const unsigned char *) DatumGetPointer(values[i]),
										 datumGetSize(values[i], false, lengths[i]),
										 digest);
	}
	return digest;
}
