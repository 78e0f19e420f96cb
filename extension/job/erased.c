/*
 * erased.c
 *		Keys that were erased.
 *
 * What is hashed of a value are its bytes, where equal values have the same, or
 * else what its type's hash function says, which is the same for equal values.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "compat.h"
#include "job/erased.h"
#include "job/siphash.h"
#include "registry/catalog.h"

/* How a column of the key is hashed. */
typedef struct HashedColumn
{
	bool		by_value;
	int16		length;
	Oid			collation;
	FmgrInfo   *hash;			/* NULL: its bytes are hashed */
} HashedColumn;

typedef struct Hasher
{
	uint8		secret[SBK_SECRET_LENGTH];
	int			num_key;
	HashedColumn *columns;
	StringInfoData bytes;		/* of one key */
} Hasher;

struct SbkErased
{
	Hasher		hasher;
	HTAB	   *hashes;
};

static HTAB *read_tombstones(int32 job_id);
static bool read_secret(int32 job_id, uint8 *secret);
static void hasher_start(Hasher *hasher, TupleDesc desc, int num_key);
static bool has_equal_images(TypeCacheEntry *type, Oid collation);
static void hasher_run(Hasher *hasher, const Datum *values, uint8 *hash);
static void add_value(Hasher *hasher, const HashedColumn *column, Datum value);
static void add_bytes(Hasher *hasher, const void *bytes, Size length);

SbkErased *
sbk_erased_read(int32 job_id, TupleDesc desc, int num_key)
{
	SbkErased  *erased = palloc0(sizeof(SbkErased));
	bool		has_secret = false;

	PushActiveSnapshot(GetLatestSnapshot());
	erased->hashes = read_tombstones(job_id);
	if (erased->hashes != NULL)
		has_secret = read_secret(job_id, erased->hasher.secret);
	PopActiveSnapshot();
	if (erased->hashes == NULL)
		return NULL;
	if (!has_secret)
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("the secret that erased keys are known by is gone"),
				errdetail("Job %d has rows in scorebook.tombstone and none in scorebook.erasure_secret.",
						  job_id),
				errhint("Bring it back from a backup; otherwise what was erased would be scored again."));
	hasher_start(&erased->hasher, desc, num_key);
	return erased;
}

bool
sbk_erased_has(SbkErased *erased, const Datum *values)
{
	uint8		hash[SBK_KEY_HASH_LENGTH];

	hasher_run(&erased->hasher, values, hash);
	return hash_search(erased->hashes, hash, HASH_FIND, NULL) != NULL;
}

void
sbk_erased_end(SbkErased *erased)
{
	hash_destroy(erased->hashes);
	pfree(erased);
}

bool
sbk_erased_hash(int32 job_id, TupleDesc desc, int num_key, const Datum *values,
				uint8 *hash)
{
	Hasher		hasher;

	if (!read_secret(job_id, hasher.secret))
		return false;
	hasher_start(&hasher, desc, num_key);
	hasher_run(&hasher, values, hash);
	return true;
}

void
sbk_erased_hash_bytes(const uint8 *secret, const void *bytes, Size length,
					  uint8 *hash)
{
	int			i;

	for (i = 0; i < SBK_KEY_HASH_LENGTH / sizeof(uint64); i++)
	{
		uint64		half = sbk_siphash(secret + i * SBK_SIPHASH_KEY_LENGTH, bytes,
									   length);

#ifdef WORDS_BIGENDIAN
		half = pg_bswap64(half);
#endif
		memcpy(hash + i * sizeof(uint64), &half, sizeof(uint64));
	}
}

/* Those that were not lifted; NULL where there are none. */
static HTAB *
read_tombstones(int32 job_id)
{
	HASHCTL		control = {
		.keysize = SBK_KEY_HASH_LENGTH,
		.entrysize = SBK_KEY_HASH_LENGTH,
		.hcxt = CurrentMemoryContext
	};
	HTAB	   *hashes = NULL;
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;

	sbk_key_int(&key, Anum_tombstone_job_id, job_id);
	sbk_scan_begin(&scan, "tombstone", "job_id_key_hash_idx", 1, &key);
	while ((tuple = sbk_scan_next(&scan, ForwardScanDirection)) != NULL)
	{
		bool		isnull;
		bytea	   *hash;

		(void) sbk_scan_column(&scan, tuple, Anum_tombstone_lifted_at, &isnull);
		if (!isnull)
			continue;
		hash = DatumGetByteaPP(sbk_scan_column(&scan, tuple,
											   Anum_tombstone_key_hash, &isnull));
		if (VARSIZE_ANY_EXHDR(hash) != SBK_KEY_HASH_LENGTH)
			ereport(ERROR,
					errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("a hash in scorebook.tombstone has another length"));
		if (hashes == NULL)
			hashes = hash_create("scorebook erased keys", 256, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		(void) hash_search(hashes, VARDATA_ANY(hash), HASH_ENTER, NULL);
	}
	sbk_scan_end(&scan);
	return hashes;
}

/* False where the job has none. */
static bool
read_secret(int32 job_id, uint8 *secret)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;

	sbk_key_int(&key, Anum_secret_job_id, job_id);
	sbk_scan_begin(&scan, "erasure_secret", "pkey", 1, &key);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	if (tuple != NULL)
	{
		bool		isnull;
		bytea	   *value = DatumGetByteaPP(sbk_scan_column(&scan, tuple,
															Anum_secret_secret, &isnull));

		if (VARSIZE_ANY_EXHDR(value) != SBK_SECRET_LENGTH)
			ereport(ERROR,
					errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("a secret in scorebook.erasure_secret has another length"));
		memcpy(secret, VARDATA_ANY(value), SBK_SECRET_LENGTH);
	}
	sbk_scan_end(&scan);
	return tuple != NULL;
}

static void
hasher_start(Hasher *hasher, TupleDesc desc, int num_key)
{
	int			i;

	initStringInfo(&hasher->bytes);
	hasher->num_key = num_key;
	hasher->columns = palloc0(num_key * sizeof(HashedColumn));
	for (i = 0; i < num_key; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		HashedColumn *column = &hasher->columns[i];
		TypeCacheEntry *type = lookup_type_cache(attribute->atttypid,
												 TYPECACHE_BTREE_OPFAMILY |
												 TYPECACHE_HASH_EXTENDED_PROC);

		column->by_value = attribute->attbyval;
		column->length = attribute->attlen;
		column->collation = attribute->attcollation;
		if (has_equal_images(type, column->collation))
			continue;
		if (!OidIsValid(type->hash_extended_proc))
			ereport(ERROR,
					errcode(ERRCODE_UNDEFINED_FUNCTION),
					errmsg("a key of type %s cannot be erased",
						   format_type_be(attribute->atttypid)),
					errdetail("The type has no hash function that its erased keys could be told by."));
		column->hash = palloc(sizeof(FmgrInfo));
		fmgr_info(type->hash_extended_proc, column->hash);
	}
}

/* Have equal values the same bytes?  Blanks at the end of a bpchar do not count. */
static bool
has_equal_images(TypeCacheEntry *type, Oid collation)
{
	Oid			function;

	if (!OidIsValid(type->btree_opf) || type->btree_opintype == BPCHAROID)
		return false;
	function = get_opfamily_proc(type->btree_opf, type->btree_opintype,
								 type->btree_opintype, BTEQUALIMAGE_PROC);
	return OidIsValid(function) &&
		DatumGetBool(OidFunctionCall1Coll(function, collation,
										  ObjectIdGetDatum(type->btree_opintype)));
}

static void
hasher_run(Hasher *hasher, const Datum *values, uint8 *hash)
{
	int			i;

	resetStringInfo(&hasher->bytes);
	for (i = 0; i < hasher->num_key; i++)
		add_value(hasher, &hasher->columns[i], values[i]);
	sbk_erased_hash_bytes(hasher->secret, hasher->bytes.data, hasher->bytes.len,
						  hash);
}

static void
add_value(Hasher *hasher, const HashedColumn *column, Datum value)
{
	Datum		bytes;

	if (column->hash != NULL)
	{
		uint64		hash = DatumGetUInt64(FunctionCall2Coll(column->hash,
															column->collation,
															value,
															Int64GetDatum(0)));

		add_bytes(hasher, &hash, sizeof(hash));
	}
	else if (column->by_value)
	{
		store_att_byval(&bytes, value, column->length);
		add_bytes(hasher, &bytes, column->length);
	}
	else if (column->length == -1)
	{
		struct varlena *whole = PG_DETOAST_DATUM_PACKED(value);

		add_bytes(hasher, VARDATA_ANY(whole), VARSIZE_ANY_EXHDR(whole));
		if ((Pointer) whole != DatumGetPointer(value))
			pfree(whole);
	}
	else
		add_bytes(hasher, DatumGetPointer(value),
				  datumGetSize(value, false, column->length));
}

/* With their length, so that ('ab', 'c') is not ('a', 'bc'). */
static void
add_bytes(Hasher *hasher, const void *bytes, Size length)
{
	uint64		size = length;

	appendBinaryStringInfo(&hasher->bytes, (const char *) &size, sizeof(size));
	appendBinaryStringInfo(&hasher->bytes, bytes, (int) length);
}
