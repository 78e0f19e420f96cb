/*
 * intact.h
 *		Do the tables of a book get what is written to them?
 */
#ifndef SBK_INTACT_H
#define SBK_INTACT_H

/*
 * Throws where a table of a job's book, or a partition of it, has something that
 * can change or swallow the rows that a role writes: triggers that fire before a
 * row, rules, row security.  Triggers that fire later can do neither; see
 * writer.c for what they may write.  Keeps the table so until the end of the
 * transaction.
 */
extern void sbk_intact_check(const char *job, Oid table, Oid writer);

#endif							/* SBK_INTACT_H */
