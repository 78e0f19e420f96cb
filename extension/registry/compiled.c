/*
 * compiled.c
 *		The forest of a version, as it is stored.
 */
#include "postgres.h"

#include "fmgr.h"
#include "port/pg_bswap.h"
#include "port/pg_crc32c.h"

#include "compat.h"
#include "registry/compiled.h"

static pg_crc32c checksum(const SbkForest *forest, Size size);
static void refuse(const char *label, const char *what);

bytea *
sbk_compiled_store(SbkForest *forest, const uint8 *sha256)
{
	bytea	   *result;

	memcpy(forest->sha256, sha256, SBK_SHA256_LENGTH);
	forest->crc = checksum(forest, forest->size);
	result = palloc(forest->size + VARHDRSZ);
	SET_VARSIZE(result, forest->size + VARHDRSZ);
	memcpy(VARDATA(result), forest, forest->size);
	return result;
}

SbkForest *
sbk_compiled_read(MemoryContext context, const char *label,
				  const uint8 *sha256, Datum value)
{
	MemoryContext old_context = MemoryContextSwitchTo(context);
	bytea	   *bytes = DatumGetByteaPCopy(value);
	Size		size = VARSIZE(bytes) - VARHDRSZ;
	SbkForest  *forest = (SbkForest *) bytes;
	const char *what;
	bool		same_order;

	MemoryContextSwitchTo(old_context);
	if (size < sizeof(SbkForest))
		refuse(label, "is too short");

	/* over its own length, to where it is aligned: so it is there but once */
	memmove(forest, VARDATA(bytes), size);
	same_order = forest->byte_order == SBK_FOREST_BYTE_ORDER;
	if (same_order ? forest->magic != SBK_FOREST_MAGIC :
		forest->magic != pg_bswap32(SBK_FOREST_MAGIC) ||
		forest->byte_order != pg_bswap32(SBK_FOREST_BYTE_ORDER))
		refuse(label, "does not begin like a compiled model");
	if (same_order && forest->crc != checksum(forest, size))
		refuse(label, "does not have the checksum that it states");
	if (!same_order || forest->format != SBK_FOREST_FORMAT)
	{
		pfree(forest);
		return NULL;
	}
	if (memcmp(forest->sha256, sha256, SBK_SHA256_LENGTH) != 0)
		refuse(label, "was made from another artifact");
	if (!sbk_forest_valid(forest, size, &what))
		refuse(label, what);
	return forest;
}

static pg_crc32c
checksum(const SbkForest *forest, Size size)
{
	Size		start = offsetof(SbkForest, crc) + sizeof(forest->crc);
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, (const char *) forest + start, size - start);
	FIN_CRC32C(crc);
	return crc;
}

static void
refuse(const char *label, const char *what)
{
	ereport(ERROR,
			errcode(ERRCODE_DATA_CORRUPTED),
			errmsg("the compiled form of model \"%s\" is damaged", label),
			errdetail("It %s.", what),
			errhint("scorebook.verify_model makes it anew from the artifact; find out what changed scorebook.compiled_model."));
}
