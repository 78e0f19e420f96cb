/*
 * erased.c
 *		Keys that were erased.
 */
#include "postgres.h"

#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/hsearch.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "job/erased.h"
#include "job/siphash.h"
#include "registry/catalog.h"

struct SbkErased
{
	uint8		secret[SBK_SECRET_LENGTH];
	HTAB	   *hashes;
};

static HTAB *read_tombstones(int32 job_id);
static bool read_secret(int32 job_id, uint8 *secret);
static void hash_key(const uint8 *secret, SbkKeyHasher *hasher,
					 const Datum *values, const bool *nulls, uint8 *hash);

SbkErased *
sbk_erased_read(int32 job_id)
{
	SbkErased  *erased = palloc0(sizeof(SbkErased));
	bool		has_secret = false;

	PushActiveSnapshot(GetLatestSnapshot());
	erased->hashes = read_tombstones(job_id);
	if (erased->hashes != NULL)
		has_secret = read_secret(job_id, erased->secret);
	PopActiveSnapshot();
	if (erased->hashes == NULL)
		return NULL;
	if (!has_secret)
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("the secret for erased keys is missing"),
				errdetail("Job %d has rows in scorebook.tombstone and none in scorebook.erasure_secret.",
						  job_id),
				errhint("Bring it back from a backup; otherwise what was erased would be scored again."));
	return erased;
}

bool
sbk_erased_has(const SbkErased *erased, SbkKeyHasher *hasher,
			   const Datum *values, const bool *nulls)
{
	uint8		hash[SBK_KEY_HASH_LENGTH];

	hash_key(erased->secret, hasher, values, nulls, hash);
	return hash_search(erased->hashes, hash, HASH_FIND, NULL) != NULL;
}

void
sbk_erased_end(SbkErased *erased)
{
	hash_destroy(erased->hashes);
	pfree(erased);
}

bool
sbk_erased_hash(int32 job_id, SbkKeyHasher *hasher, const Datum *values,
				const bool *nulls, uint8 *hash)
{
	uint8		secret[SBK_SECRET_LENGTH];

	if (!read_secret(job_id, secret))
		return false;
	hash_key(secret, hasher, values, nulls, hash);
	return true;
}

static void
hash_key(const uint8 *secret, SbkKeyHasher *hasher, const Datum *values,
		 const bool *nulls, uint8 *hash)
{
	Size		length;
	const char *bytes = sbk_key_bytes(hasher, values, nulls, &length);

	sbk_erased_hash_bytes(secret, bytes, length, hash);
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
					errmsg("invalid length of a hash in scorebook.tombstone"));
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
					errmsg("invalid length of a secret in scorebook.erasure_secret"));
		memcpy(secret, VARDATA_ANY(value), SBK_SECRET_LENGTH);
	}
	sbk_scan_end(&scan);
	return tuple != NULL;
}
