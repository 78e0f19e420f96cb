/*
 * admission.c
 *		From bytes to a checked summary.
 *
 * The one place that turns what the artifact readers found into an error.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "common/cryptohash.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "registry/admission.h"
#include "scorebook.h"

/* An arena that a memory context owns. */
typedef struct OwnedArena
{
	MemoryContextCallback callback;
	SbkArena   *arena;
} OwnedArena;

/* Who is shown the trees. */
typedef struct TreeVisits
{
	SbkForestBuilder *builder;	/* or NULL */
	SbkCanonical *canonical;	/* or NULL */
} TreeVisits;

static SbkCanonical *create_canonical(MemoryContext context);
static bool visit_tree(void *arg, const SbkTree *tree);
static SbkSummary *read_artifact(MemoryContext context, const char *label,
								 const SbkArtifact *artifact,
								 const SbkTreeVisitor *visitor);
static const char *describe(const char *label);
static bool interrupts_are_pending(void);
static SbkArena *create_arena(MemoryContext context);
static void free_arena(void *arg);
static void refuse_format(const char *what, SbkFormat format);
static void refuse_content(const char *what, SbkFormat format,
						   const SbkArtifactError *error);

void
sbk_artifact_copy(Datum value, const char *label, bool limited,
				  SbkArtifact *artifact)
{
	Size		size = toast_raw_datum_size(value) - VARHDRSZ;
	struct varlena *bytes;

	if (limited && size > (Size) sbk_max_model_size * 1024)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("%s is larger than \"%s\"", describe(label),
					   "scorebook.max_model_size"),
				errdetail("It has %zu bytes, the limit is %zu.",
						  size, (Size) sbk_max_model_size * 1024),
				errhint("A superuser can raise scorebook.max_model_size, up to 400MB."));

	bytes = PG_DETOAST_DATUM_PACKED(value);
	artifact->len = VARSIZE_ANY_EXHDR(bytes);
	artifact->bytes = MemoryContextAllocHuge(CurrentMemoryContext,
											 Max(artifact->len, 1));
	memcpy(artifact->bytes, VARDATA_ANY(bytes), artifact->len);
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
}

SbkSummary *
sbk_artifact_summarize(MemoryContext context, const char *label,
					   const SbkArtifact *artifact)
{
	return read_artifact(context, label, artifact, NULL);
}

SbkSummary *
sbk_artifact_compile(MemoryContext context, const char *label,
					 const SbkArtifact *artifact,
					 MemoryContext forest_context, SbkForest **forest,
					 SbkCanonical **canonical)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "scorebook compiler",
												  ALLOCSET_SMALL_SIZES);
	SbkForestBuilder builder = {.arena = create_arena(scratch)};
	TreeVisits	visits = {.builder = &builder};
	SbkTreeVisitor visitor = {.visit = visit_tree,.arg = &visits};
	SbkSummary *summary;

	if (canonical != NULL)
		visits.canonical = *canonical = create_canonical(context);
	summary = read_artifact(context, label, artifact, &visitor);
	*forest = MemoryContextAllocHuge(forest_context,
									 sbk_forest_size(&builder, summary));
	sbk_forest_write(&builder, summary, *forest);
	MemoryContextDelete(scratch);
	return summary;
}

SbkSummary *
sbk_artifact_canonize(MemoryContext context, const char *label,
					  const SbkArtifact *artifact, SbkCanonical **canonical)
{
	TreeVisits	visits = {.canonical = create_canonical(context)};
	SbkTreeVisitor visitor = {.visit = visit_tree,.arg = &visits};

	*canonical = visits.canonical;
	return read_artifact(context, label, artifact, &visitor);
}

void
sbk_artifact_translate(const SbkCanonical *canonical,
					   const SbkSummary *summary, const int version[3],
					   SbkArtifact *translated)
{
	translated->len = sbk_canonical_write(canonical, summary, version, NULL);
	translated->bytes = MemoryContextAllocHuge(CurrentMemoryContext,
											   translated->len + SBK_LIBRARY_PADDING);
	sbk_canonical_write(canonical, summary, version, translated->bytes);
	memset(translated->bytes + translated->len, 0, SBK_LIBRARY_PADDING);
}

static SbkCanonical *
create_canonical(MemoryContext context)
{
	SbkCanonical *canonical = MemoryContextAllocZero(context,
													 sizeof(SbkCanonical));

	canonical->arena = create_arena(context);
	return canonical;
}

static bool
visit_tree(void *arg, const SbkTree *tree)
{
	TreeVisits *visits = arg;

	return (visits->builder == NULL ||
			sbk_forest_add_tree(visits->builder, tree)) &&
		(visits->canonical == NULL ||
		 sbk_canonical_add_tree(visits->canonical, tree));
}

void
sbk_artifact_digest(const SbkArtifact *artifact,
					uint8 digest[SBK_SHA256_LENGTH])
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) artifact->bytes,
							 artifact->len) < 0 ||
		pg_cryptohash_final(context, digest, SBK_SHA256_LENGTH) < 0)
		elog(ERROR, "could not compute the SHA-256 of an artifact: %s",
			 pg_cryptohash_error(context));
	pg_cryptohash_free(context);
}

static SbkSummary *
read_artifact(MemoryContext context, const char *label,
			  const SbkArtifact *artifact, const SbkTreeVisitor *visitor)
{
	SbkFormat	format = sbk_format_detect(artifact->bytes, artifact->len);
	const char *what = describe(label);
	SbkArtifactError error;
	SbkSummary *summary;
	MemoryContext scratch;

	if (format != SBK_FORMAT_JSON && format != SBK_FORMAT_UBJSON)
		refuse_format(what, format);
	summary = MemoryContextAlloc(context, sizeof(SbkSummary));
	scratch = AllocSetContextCreate(CurrentMemoryContext,
									"scorebook artifact reader",
									ALLOCSET_SMALL_SIZES);
	if (!sbk_summary_read(create_arena(context), create_arena(scratch), format,
						  artifact->bytes, artifact->len,
						  interrupts_are_pending, visitor, summary, &error))
		refuse_content(what, format, &error);
	MemoryContextDelete(scratch);
	return summary;
}

static const char *
describe(const char *label)
{
	return label ? psprintf("model \"%s\"", label) : "artifact";
}

/* The reader cannot throw, so it asks. */
static bool
interrupts_are_pending(void)
{
	return QueryCancelPending || ProcDiePending;
}

static SbkArena *
create_arena(MemoryContext context)
{
	OwnedArena *owned = MemoryContextAllocZero(context, sizeof(OwnedArena));

	owned->callback.func = free_arena;
	owned->callback.arg = owned;
	MemoryContextRegisterResetCallback(context, &owned->callback);
	owned->arena = sbk_arena_create();
	if (owned->arena == NULL)
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("out of memory"));
	return owned->arena;
}

static void
free_arena(void *arg)
{
	OwnedArena *owned = arg;

	sbk_arena_free(owned->arena);
	owned->arena = NULL;
}

static void
refuse_format(const char *what, SbkFormat format)
{
	switch (format)
	{
		case SBK_FORMAT_EMPTY:
			ereport(ERROR,
					errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					errmsg("%s is empty", what),
					errhint("Pass the bytes of a model, in Python get_booster().save_raw(raw_format='ubj')."));
			break;
		case SBK_FORMAT_XGBOOST_BINARY:
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("%s is in XGBoost's old binary format", what),
					errdetail("That format holds neither names nor types of features, and XGBoost 3.1 dropped it."),
					errhint("Save it again as UBJSON: get_booster().save_raw(raw_format='ubj'), or save_model('model.ubj')."));
			break;
		case SBK_FORMAT_PICKLE:
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("%s is a Python pickle", what),
					errdetail("A pickle is a program, not a model."),
					errhint("Open it where it was made and save the model: get_booster().save_raw(raw_format='ubj')."));
			break;
		case SBK_FORMAT_COMPRESSED:
			ereport(ERROR,
					errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					errmsg("%s is compressed", what),
					errhint("Decompress it first."));
			break;
		default:
			ereport(ERROR,
					errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					errmsg("%s is not an XGBoost model", what),
					errdetail("It begins neither like JSON nor like UBJSON."),
					errhint("Save the model as UBJSON: get_booster().save_raw(raw_format='ubj')."));
	}
}

static void
refuse_content(const char *what, SbkFormat format,
			   const SbkArtifactError *error)
{
	bool		json = format == SBK_FORMAT_JSON;
	int			sqlstate = json ? ERRCODE_INVALID_TEXT_REPRESENTATION :
		ERRCODE_INVALID_BINARY_REPRESENTATION;

	switch (error->fault)
	{
		case SBK_FAULT_UNSUPPORTED:
			sqlstate = ERRCODE_FEATURE_NOT_SUPPORTED;
			break;
		case SBK_FAULT_LIMIT:
			ereport(ERROR,
					errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("%s is larger than any model that is accepted", what),
					errdetail("At byte %zu, %s.", error->offset, error->message),
					errhint("The limits are listed in the documentation, under security."));
			break;
		case SBK_FAULT_MEMORY:
			ereport(ERROR,
					errcode(ERRCODE_OUT_OF_MEMORY),
					errmsg("out of memory"),
					errdetail("Reading %s needs more.", what));
			break;
		case SBK_FAULT_STOPPED:
			CHECK_FOR_INTERRUPTS();
			sqlstate = ERRCODE_QUERY_CANCELED;
			break;
		case SBK_FAULT_MALFORMED:
		case SBK_FAULT_NONE:
			break;
	}
	ereport(ERROR,
			errcode(sqlstate),
			errmsg("%s is not a valid XGBoost model in %s", what,
				   json ? "JSON" : "UBJSON"),
			error->offset > 0 ?
			errdetail("At byte %zu, %s.", error->offset, error->message) :
			errdetail("Taken as a whole, %s.", error->message),
			errhint("Check that the file is complete, and save it again with XGBoost's save_model or save_raw."));
}
