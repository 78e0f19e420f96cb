/*
 * archive.h
 *		Takes the rows that a statement has ended into the history of a book.
 */
#ifndef SBK_ARCHIVE_H
#define SBK_ARCHIVE_H

#include "tcop/dest.h"
#include "utils/tuplestore.h"

#include "job/pass.h"

typedef struct SbkArchive SbkArchive;

/*
 * In the current context.  The tables must be ones that sbk_shape_check_book and
 * sbk_shape_check_intact have seen.
 */
extern SbkArchive *sbk_archive_make(const SbkPass *pass, Oid result, Oid history,
									int64 run, TimestampTz system_from);

/*
 * Where a statement that ends rows must tell of them: the ctid that each had and,
 * unless they are superseded, why they have ended.  It must be run as the owner of the history, and throws where that may not insert,
 * or the history does not take a row.
 */
extern DestReceiver *sbk_archive_receiver(SbkArchive *archive);

/*
 * The rows that only a statement can insert, as rows of the history, since
 * others' triggers are to be told, or some months are not plain tables; or NULL.
 */
extern Tuplestorestate *sbk_archive_rest(const SbkArchive *archive);

/* The digest of rows that are not superseded, and why they are not. */
extern uint64 sbk_archive_digest(const SbkArchive *archive);

#endif							/* SBK_ARCHIVE_H */
