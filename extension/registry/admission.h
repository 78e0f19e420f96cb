/*
 * admission.h
 *		From bytes to a checked summary, and from there to an engine.
 */
#ifndef SBK_ADMISSION_H
#define SBK_ADMISSION_H

#include "engine/engine.h"

/* The bytes of an artifact, padded as the library needs it. */
typedef struct SbkArtifact
{
	char	   *bytes;			/* len and SBK_LIBRARY_PADDING zeros */
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
 * may be another one.
 */
extern SbkSummary *sbk_artifact_compile(MemoryContext context,
										const char *label,
										const SbkArtifact *artifact,
										MemoryContext forest_context,
										SbkForest **forest);

/* The SHA-256 of its bytes. */
extern void sbk_artifact_digest(const SbkArtifact *artifact,
								uint8 digest[SBK_SHA256_LENGTH]);

#endif							/* SBK_ADMISSION_H */
