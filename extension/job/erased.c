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
#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "compat.h"
#include "job/erased.h"
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
	pg_hmac_ctx *hmac;
	bytea	   *secret;
	int			num_key;
	HashedColumn *columns;
} Hasher;

struct SbkErased
{
	Hasher		hasher;
	HTAB	   *hashes;
};

static HTAB *read_tombstones(int32 job_id);
static bytea *read_secret(int32 job_id);
static void hasher_start(Hasher *hasher, bytea *secret, TupleDesc desc,
						 int num_key);
static bool has_equal_images(TypeCacheEntry *type, Oid collation);
static void hasher_run(Hasher *hasher, const Datum *values, uint8 *hash);
static void add_value(Hasher *hasher, const HashedColumn *column, Datum value);
static void add_bytes(Hasher *hasher, const void *bytes, Size length);
static void check(Hasher *hasher, int status);

SbkErased *
sbk_erased_read(int32 job_id, TupleDesc desc, int num_key)
{
	SbkErased  *erased;
	HTAB	   *hashes;
	bytea	   *secret = NULL;

	PushActiveSnapshot(GetLatestSnapshot());
	hashes = read_tombstones(job_id);
	if (hashes != NULL)
		secret = read_secret(job_id);
	PopActiveSnapshot();
	if (hashes == NULL)
		return NULL;
	if (secret == NULL)
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("the secret that erased keys are known by is gone"),
				errdetail("Job %d has rows in scorebook.tombstone and none in scorebook.erasure_secret.",
						  job_id),
				errhint("Bring it back from a backup; otherwise what was erased would be scored again."));
	erased = palloc(sizeof(SbkErased));
	erased->hashes = hashes;
	hasher_start(&erased->hasher, secret, desc, num_key);
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
	pg_hmac_free(erased->hasher.hmac);
	hash_destroy(erased->hashes);
	pfree(erased);
}

bool
sbk_erased_hash(int32 job_id, TupleDesc desc, int num_key, const Datum *values,
				uint8 *hash)
{
	bytea	   *secret = read_secret(job_id);
	Hasher		hasher;

	if (secret == NULL)
		return false;
	hasher_start(&hasher, secret, desc, num_key);
	hasher_run(&hasher, values, hash);
	pg_hmac_free(hasher.hmac);
	return true;
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

/* NULL where the job has none. */
static bytea *
read_secret(int32 job_id)
{
	SbkScan		scan;
	ScanKeyData key;
	HeapTuple	tuple;
	bytea	   *secret = NULL;

	sbk_key_int(&key, Anum_secret_job_id, job_id);
	sbk_scan_begin(&scan, "erasure_secret", "pkey", 1, &key);
	tuple = sbk_scan_next(&scan, ForwardScanDirection);
	if (tuple != NULL)
	{
		bool		isnull;

		secret = DatumGetByteaPCopy(sbk_scan_column(&scan, tuple,
													Anum_secret_secret, &isnull));
	}
	sbk_scan_end(&scan);
	return secret;
}

static void
hasher_start(Hasher *hasher, bytea *secret, TupleDesc desc, int num_key)
{
	int			i;

	hasher->secret = secret;
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
	hasher->hmac = pg_hmac_create(PG_SHA256);
	if (hasher->hmac == NULL)
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("out of memory"));
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

	check(hasher, pg_hmac_init(hasher->hmac,
							   (uint8 *) VARDATA_ANY(hasher->secret),
							   VARSIZE_ANY_EXHDR(hasher->secret)));
	for (i = 0; i < hasher->num_key; i++)
		add_value(hasher, &hasher->columns[i], values[i]);
	check(hasher, pg_hmac_final(hasher->hmac, hash, SBK_KEY_HASH_LENGTH));
}

static void
add_value(Hasher *hasher, const HashedColumn *column, Datum value)
{
	char		bytes[sizeof(Datum)];

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
		store_att_byval(bytes, value, column->length);
		add_bytes(hasher, bytes, column->length);
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

	check(hasher, pg_hmac_update(hasher->hmac, (const uint8 *) &size, sizeof(size)));
	check(hasher, pg_hmac_update(hasher->hmac, bytes, length));
}

static void
check(Hasher *hasher, int status)
{
	if (status < 0)
		elog(ERROR, "could not hash a key: %s", pg_hmac_error(hasher->hmac));
}
