/*
 * shape.h
 *		Are the book and the source of a job as it knows them?
 */
#ifndef SBK_SHAPE_H
#define SBK_SHAPE_H

#include "utils/relcache.h"

#include "job/definition.h"
#include "registry/model.h"

/*
 * Throws unless the book is as create_job made it, for models of this kind, and
 * the source has the job's key; keeps both as they are until the end of the
 * transaction.  The result table is open.
 */
extern void sbk_shape_check_book(const SbkJob *job, const SbkModel *model,
								 Relation result);
extern void sbk_shape_check_key(const SbkJob *job, TupleDesc book);

/*
 * Throws where a table of the book, or a partition of it, has something that can
 * change or swallow the rows that the owner of the job writes: triggers that fire
 * before a row, rules, row security.  Triggers that fire later can do neither; see
 * writer.c for what they may write.  Keeps the tables so until the end of the
 * transaction.
 */
extern void sbk_shape_check_intact(const SbkJob *job);

/*
 * Does an INSERT into the table fire triggers that are not the guard of a book?
 * Then it takes an INSERT.
 */
extern bool sbk_shape_tells_others(Relation table);

#endif							/* SBK_SHAPE_H */
