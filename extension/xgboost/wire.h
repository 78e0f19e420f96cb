/*
 * wire.h
 *		What a backend and its scorebook-admit say to each other.
 *
 * Both run on one machine and come from one build, so structs travel as they
 * are.  The program speaks first, with a greeting.  Then each request is
 * followed by its payload, and answered by a reply and its payload.  The
 * backend believes nothing: it checks every length against what it asked for.
 */
#ifndef SBK_WIRE_H
#define SBK_WIRE_H

#include <stdint.h>

#include "xgboost/library.h"

#define SBK_WIRE_MAGIC		0x53424B57U

/* arguments of the program: process id of the backend, bytes, seconds */
#define SBK_ADMIT_ARGUMENTS	3

typedef struct SbkGreeting
{
	uint32_t	magic;
	int32_t		version[3];		/* of the library */
} SbkGreeting;

typedef enum SbkRequestKind
{
	SBK_REQUEST_LOAD,			/* payload: the bytes of the model */
	SBK_REQUEST_DESCRIBE,
	SBK_REQUEST_PREDICT			/* payload: rows, and base margins if any */
} SbkRequestKind;

typedef struct SbkRequest
{
	uint32_t	kind;			/* SbkRequestKind */
	uint32_t	prediction;		/* SbkPredictionKind */
	int32_t		rounds;
	uint32_t	in_place;
	uint32_t	has_base_margin;
	uint32_t	unused;
	uint64_t	nrows;
	uint64_t	ncols;
	uint64_t	size;			/* of the payload, in bytes */
} SbkRequest;

/* The payload is the message of an error, or the numbers of a prediction. */
typedef struct SbkReply
{
	uint32_t	succeeded;
	int32_t		rounds;
	uint64_t	features;
	uint64_t	width;
	uint64_t	size;			/* of the payload, in bytes */
} SbkReply;

#endif							/* SBK_WIRE_H */
