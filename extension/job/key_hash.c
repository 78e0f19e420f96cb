/*
 * key_hash.c
 *		Hashes of keys, which are the same for keys that are equal.
 *
 * What is hashed of a value are its bytes, where equal values have the same,
 * or else what its type's hash function says, which is the same for equal
 * values: PostgreSQL places rows in hash partitions by it, and so keeps it from
 * one version to the next.  It depends on the collation's version where a
 * collation takes different texts for equal.  The number of an enum's label is
 * another one after a restore, so that its text stands for it.
 *
 * Runs compare keys by the operator = of pg_catalog.  Types whose equality is
 * another one are refused: what they take for one key would be two to a run.
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "access/transam.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat.h"
#include "job/key_hash.h"

/* the length of a null */
#define NO_LENGTH	PG_UINT64_MAX

/* How a column of the key is hashed. */
typedef struct HashedColumn
{
	bool		is_dropped;		/* not at all */
	bool		by_value;
	int16		length;
	Oid			collation;
	FmgrInfo   *function;		/* NULL: its bytes are hashed */
	bool		is_label;		/* the function gives a text, not a hash */
} HashedColumn;

struct SbkKeyHasher
{
	StringInfoData bytes;		/* of one key */
	MemoryContext scratch;		/* of what is called for it */
	int			num_key;
	HashedColumn columns[FLEXIBLE_ARRAY_MEMBER];
};

static void start_column(HashedColumn *column, Form_pg_attribute attribute);
static bool has_equal_images(TypeCacheEntry *type, Oid collation);
pg_noreturn static void refuse(Form_pg_attribute attribute, const char *why);
static void add_value(SbkKeyHasher *hasher, HashedColumn *column, Datum value);
static void add_bytes(SbkKeyHasher *hasher, const void *bytes, Size length);
static void add_length(SbkKeyHasher *hasher, uint64 length);

SbkKeyHasher *
sbk_key_hasher_make(TupleDesc desc, int num_key)
{
	SbkKeyHasher *hasher = palloc0(offsetof(SbkKeyHasher, columns) +
								   num_key * sizeof(HashedColumn));
	int			i;

	initStringInfo(&hasher->bytes);
	hasher->scratch = AllocSetContextCreate(CurrentMemoryContext,
											"scorebook key",
											ALLOCSET_SMALL_SIZES);
	hasher->num_key = num_key;
	for (i = 0; i < num_key; i++)
		start_column(&hasher->columns[i], TupleDescAttr(desc, i));
	return hasher;
}

static void
start_column(HashedColumn *column, Form_pg_attribute attribute)
{
	TypeCacheEntry *type;
	Oid			function;
	bool		is_varlena;

	column->is_dropped = attribute->attisdropped;
	if (column->is_dropped)
		return;
	type = lookup_type_cache(getBaseType(attribute->atttypid),
							 TYPECACHE_BTREE_OPFAMILY | TYPECACHE_EQ_OPR |
							 TYPECACHE_HASH_EXTENDED_PROC);
	function = type->hash_extended_proc;
	column->by_value = attribute->attbyval;
	column->length = attribute->attlen;
	column->collation = attribute->attcollation;
	column->is_label = type->typtype == TYPTYPE_ENUM;
	if (type->eq_opr >= FirstNormalObjectId)
		refuse(attribute, "The type has an equality of its own, which is not that of runs.");
	if (column->is_label)
		getTypeOutputInfo(type->type_id, &function, &is_varlena);
	else if (has_equal_images(type, column->collation))
		return;
	if (!OidIsValid(function))
		refuse(attribute, "The type has no hash function that its keys could be told by.");
	column->function = palloc(sizeof(FmgrInfo));
	fmgr_info(function, column->function);
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
refuse(Form_pg_attribute attribute, const char *why)
{
	ereport(ERROR,
			errcode(ERRCODE_UNDEFINED_FUNCTION),
			errmsg("column \"%s\" of type %s cannot be part of a key",
				   NameStr(attribute->attname),
				   format_type_be(attribute->atttypid)),
			errdetail_internal("%s", why),
			errhint("Cast the column to another type in a view, and make that the source."));
}

const char *
sbk_key_bytes(SbkKeyHasher *hasher, const Datum *values, const bool *nulls,
			  Size *length)
{
	MemoryContext old_context = MemoryContextSwitchTo(hasher->scratch);
	int			i;

	resetStringInfo(&hasher->bytes);
	for (i = 0; i < hasher->num_key; i++)
	{
		if (hasher->columns[i].is_dropped)
			continue;
		if (nulls[i])
			add_length(hasher, NO_LENGTH);
		else
			add_value(hasher, &hasher->columns[i], values[i]);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(hasher->scratch);
	*length = hasher->bytes.len;
	return hasher->bytes.data;
}

static void
add_value(SbkKeyHasher *hasher, HashedColumn *column, Datum value)
{
	Datum		bytes;

	if (column->is_label)
	{
		const char *label = OutputFunctionCall(column->function, value);

		add_bytes(hasher, label, strlen(label));
	}
	else if (column->function != NULL)
	{
		uint64		hash = DatumGetUInt64(FunctionCall2Coll(column->function,
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
	}
	else
		add_bytes(hasher, DatumGetPointer(value),
				  datumGetSize(value, false, column->length));
}

/* With their length, so that ('ab', 'c') is not ('a', 'bc'). */
static void
add_bytes(SbkKeyHasher *hasher, const void *bytes, Size length)
{
	add_length(hasher, length);
	appendBinaryStringInfo(&hasher->bytes, bytes, (int) length);
}

static void
add_length(SbkKeyHasher *hasher, uint64 length)
{
	appendBinaryStringInfo(&hasher->bytes, (const char *) &length,
						   sizeof(length));
}

uint64
sbk_key_digest(SbkKeyHasher *hasher, const Datum *values, const bool *nulls)
{
	Size		length;
	const char *bytes = sbk_key_bytes(hasher, values, nulls, &length);

	return hash_bytes_extended((const unsigned char *) bytes, (int) length, 0);
}

uint64
sbk_key_salt(const char *job, Size length)
{
	return hash_bytes_extended((const unsigned char *) job, (int) length, 0);
}

int
sbk_key_place(SbkKeyHasher *hasher, uint64 salt, const Datum *values,
			  const bool *nulls)
{
	Size		length;
	const char *bytes = sbk_key_bytes(hasher, values, nulls, &length);
	uint64		hash = hash_bytes_extended((const unsigned char *) bytes,
										   (int) length, salt);

	return (int) (hash % SBK_PLACES);
}
