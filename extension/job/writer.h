/*
 * writer.h
 *		The one writer of books.
 */
#ifndef SBK_WRITER_H
#define SBK_WRITER_H

#include "compat.h"
#include "job/pass.h"

/* The statements of scorebook.pass_statements_internal. */
typedef struct SbkStatements
{
	char	   *read;
	char	   *count_old;
	char	   *duplicate;
	char	   *replace;
	char	   *add;
	char	   *remove;
	char	   *archive;
	char	   *digest;
	char	   *new_watermark;
	char	   *decide;
	char	   *endings;
	char	   *retract;
	char	   *compare_shadows;	/* NULL: nobody asks for shadows */
	char	   *shadow_endings;
	char	   *write_shadows;
	char	   *retract_shadows;
} SbkStatements;

/* The tables of a book; those of shadows may be InvalidOid. */
typedef struct SbkTables
{
	Oid			result;
	Oid			history;
	Oid			shadow;
	Oid			shadow_history;
} SbkTables;

/* Which run writes, and when. */
typedef struct SbkWriting
{
	int64		run;
	TimestampTz system_from;
	TimestampTz effective_at;	/* of the run */
	bool		comes_again;	/* once it was overtaken */
} SbkWriting;

/* What became of what a pass had found. */
typedef struct SbkWritten
{
	int64		num_written;
	int64		num_ended;		/* superseded, vanished and excluded */
	int64		num_closed;
	uint64		end_digest;		/* of the closed ones, and why they are */
	int64		num_overtaken;	/* left to those who wrote them meanwhile */
	char	   *shadows;		/* a JSON array with what became of them, or
								 * NULL */
} SbkWritten;

/*
 * Throws where nothing can be written: on a standby, and while the source of a
 * job is read.  what would write?
 */
extern void sbk_writer_require_writable(const char *what);

/*
 * Writes what a pass has found into the tables of the book, which must be
 * these, as the current user, and not what other transactions have written
 * since its snapshot; the digest of the pass becomes that of what was written.
 * SPI must be connected.  Throws where the source had two rows of one key.
 */
extern void sbk_writer_write(SbkPass *pass, const SbkStatements *statements,
							 const SbkTables *tables,
							 const SbkWriting *writing, SbkWritten *written);

/*
 * Takes from one table of a book what must not be kept: a statement that has the
 * key as $1, jsonb, or nothing at all, runs as the owner of the table.  SPI must
 * be connected; rows that the statement returns are in SPI_tuptable.
 */
extern void sbk_writer_amend(Oid table, const char *statement, Datum subject);

/* The owner of a table. */
extern Oid	sbk_writer_owner(Oid table);

/*
 * May the statement that begins now write the table?  Says yes once for each time
 * that a statement of this file writes it.
 */
extern bool sbk_writer_allows(Oid table);

/*
 * Makes rows a table of that name for the statements that follow, until it is
 * unregistered.
 */
extern void sbk_writer_show(const char *name, TupleDesc desc,
							Tuplestorestate *rows, int64 n);

/* Throws where the source has several rows of one key, and names it. */
extern void sbk_writer_refuse_duplicates(SbkPass *pass,
										 const SbkStatements *statements);

#endif							/* SBK_WRITER_H */
