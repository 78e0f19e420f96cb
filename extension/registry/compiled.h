/*
 * compiled.h
 *		The forest of a version, as it is stored.
 *
 * Rows of compiled_model also come by restore and replication, so nothing of
 * them is trusted: each cold load checks the checksum, the digest of the
 * artifact that the forest was made from, and all that the kernels rely on.
 */
#ifndef SBK_COMPILED_H
#define SBK_COMPILED_H

#include "engine/engine.h"

/*
 * A forest as a bytea, in the current context, sealed with the digest of its
 * artifact and a checksum.
 */
extern bytea *sbk_compiled_store(SbkForest *forest, const uint8 *sha256);

/*
 * The forest in a bytea, checked, in a context that may be another one; NULL
 * where another version of scorebook or another kind of machine has written it.
 * Throws where it is damaged; the label names the model.
 */
extern SbkForest *sbk_compiled_read(MemoryContext context, const char *label,
									const uint8 *sha256, Datum value);

#endif							/* SBK_COMPILED_H */
