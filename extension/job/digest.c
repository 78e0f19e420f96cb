/*
 * digest.c
 *		Hashes of rows: of the bytes that each value is made of.
 *
 * The number of an enum's label is another one after a restore, so that its text
 * stands for it.  Every row of a run is hashed, so this is a multiplication for
 * each eight bytes.
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "job/digest.h"

/* What comes next: BYTES with their number. */
#define NULL_VALUE		0
#define WORD			1
#define BYTES			2

static inline uint64 add_word(uint64 digest, uint64 word);
static uint64 add_bytes(uint64 digest, const char *bytes, Size length);

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
			digest = add_word(digest, NULL_VALUE);
		else if (columns[i].label != NULL)
		{
			char	   *label = OutputFunctionCall(columns[i].label, values[i]);

			digest = add_bytes(digest, label, strlen(label));
			pfree(label);
		}
		else if (columns[i].by_value)
			digest = add_word(add_word(digest, WORD), values[i]);
		else if (columns[i].length == -1)
		{
			struct varlena *value = PG_DETOAST_DATUM_PACKED(values[i]);

			digest = add_bytes(digest, VARDATA_ANY(value),
							   VARSIZE_ANY_EXHDR(value));
			if ((Pointer) value != DatumGetPointer(values[i]))
				pfree(value);
		}
		else
			digest = add_bytes(digest, DatumGetPointer(values[i]),
							   datumGetSize(values[i], false,
											columns[i].length));
	}
	return digest;
}

/* No two words give the same digest. */
static inline uint64
add_word(uint64 digest, uint64 word)
{
	digest = (digest ^ word) * UINT64CONST(0x9E3779B97F4A7C15);
	return digest ^ (digest >> 32);
}

static uint64
add_bytes(uint64 digest, const char *bytes, Size length)
{
	uint64		word;

	digest = add_word(digest, BYTES + length);
	for (; length >= sizeof(word); length -= sizeof(word))
	{
		memcpy(&word, bytes, sizeof(word));
		digest = add_word(digest, word);
		bytes += sizeof(word);
	}
	word = 0;
	memcpy(&word, bytes, length);
	return add_word(digest, word);
}
