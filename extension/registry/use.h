/*
 * use.h
 *		What a reference stands for, remembered by a call site.
 *
 * A call site is one place of a running query that calls a scoring function.
 * It asks for its model once a row; the registry is read again only when the
 * reference differs or another snapshot may see other rows.  That holds in
 * PL/pgSQL loops too, where one call site lives as long as the transaction.
 */
#ifndef SBK_USE_H
#define SBK_USE_H

#include "fmgr.h"

#include "registry/model.h"

/* Everything that decides which rows a snapshot sees. */
typedef struct SbkSnapshotStamp
{
	LocalTransactionId lxid;
	CommandId	curcid;
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	SubTransactionId subxid;
	Oid			user;			/* rights are the user's */
} SbkSnapshotStamp;

typedef struct SbkModelUse
{
	MemoryContextCallback callback;
	SbkModel   *model;			/* pinned, or NULL */
	SbkSnapshotStamp stamp;
	char		reference[2 * NAMEDATALEN + 16];
	int			reference_len;
} SbkModelUse;

/* Zeroed memory in the context becomes a use; it is unpinned with it. */
extern void sbk_model_use_init(SbkModelUse *use, MemoryContext context);

/*
 * The model that the reference stands for, pinned until the reference stands
 * for another one or the context goes.  *changed says that it is not the same
 * model as the time before.  Throws like sbk_reference_resolve, and where the
 * version is retired; unless the score is recorded, also like
 * sbk_reference_check_record for those who may manage the model.  A use is
 * always for the one or the other.
 */
extern SbkModel *sbk_model_use(SbkModelUse *use, const char *reference,
							   int len, bool recorded, bool *changed);

/*
 * The same for a version that a run has recorded: the name of its model does
 * not matter, nor does it that it is retired, and it is for those who may read
 * the model where scores need a record.  A use is either of a reference
 * or of recorded versions.
 */
extern SbkModel *sbk_model_use_recorded(SbkModelUse *use, int32 model_id,
										int32 version, bool *changed);

#endif							/* SBK_USE_H */
