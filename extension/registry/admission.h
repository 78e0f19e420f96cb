/*
 * admission.h
 *		From bytes to a checked summary, and from there to an engine.
 */
#ifndef SBK_ADMISSION_H
#define SBK_ADMISSION_H

#include "artifact/canonical.h"
#include "engine/engine.h"

/* The bytes of a model; those for the library are padded as it needs them. */
typedef struct SbkArtifact
{
	char	   *bytes;
	Size		len;
} SbkArtifact;

/*
 * Copies a bytea into the current context, after checking its size against
 * scorebook.max_model_size where limited; throws where it is larger.  The label
 * names the model in messages, NULL where there is none yet.
 */
extern void sbk_artifact_copy(Datum value, const char *label, bool limited,
							  SbkArtifact *artifact);

/*
 * Reads what the artifact says.  The summary lives in the context.  Throws
 * with the SQLSTATE that fits where the bytes are not a model.
 */
extern SbkSummary *sbk_artifact_summarize(MemoryContext context,
										  const char *label,
										  const SbkArtifact *artifact);

/*
 * The same, and compiles the model for the native engine, in a context that
 * may be another one; and keeps in the context what a library may be given,
 * where canonical is not NULL.
 */
extern SbkSummary *sbk_artifact_compile(MemoryContext context,
										const char *label,
										const SbkArtifact *artifact,
										MemoryContext forest_context,
										SbkForest **forest,
										SbkCanonical **canonical);

/* Only what a library may be given. */
extern SbkSummary *sbk_artifact_canonize(MemoryContext context,
										 const char *label,
										 const SbkArtifact *artifact,
										 SbkCanonical **canonical);

/* Writes it for the library of this version, in the current context. */
extern void sbk_artifact_translate(const SbkCanonical *canonical,
								   const SbkSummary *summary,
								   const int version[3],
								   SbkArtifact *translated);

/* The SHA-256 of its bytes. */
extern void sbk_artifact_digest(const SbkArtifact *artifact,
								uint8 digest[SBK_SHA256_LENGTH]);

#endif							/* SBK_ADMISSION_H */
