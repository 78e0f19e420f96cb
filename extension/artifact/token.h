/*
 * token.h
 *		A bounded tokenizer for XGBoost's two model formats.
 *
 * JSON (as XGBoost writes it: with bare NaN and Infinity) and UBJSON come out
 * as one stream of tokens, so that the readers above need not know which of
 * them the bytes were.  The tokenizer is pulled, one token a call, allocates
 * nothing, never recurses, and never looks past the end of the buffer.
 *
 * It checks what can be checked without knowing what a model is: grammar,
 * nesting, lengths against what is left, UTF-8, no NUL in strings, nothing
 * after the end.
 */
#ifndef SBK_TOKEN_H
#define SBK_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SBK_MAX_DEPTH			16
#define SBK_MAX_STRING			((size_t) 1024 * 1024)

typedef enum SbkFormat
{
	SBK_FORMAT_JSON,
	SBK_FORMAT_UBJSON,
	SBK_FORMAT_EMPTY,
	SBK_FORMAT_XGBOOST_BINARY,	/* "deprecated binary", XGBoost up to 3.0 */
	SBK_FORMAT_PICKLE,
	SBK_FORMAT_COMPRESSED,
	SBK_FORMAT_UNKNOWN
} SbkFormat;

typedef enum SbkTokenKind
{
	SBK_TOKEN_OBJECT_BEGIN,
	SBK_TOKEN_OBJECT_END,
	SBK_TOKEN_ARRAY_BEGIN,
	SBK_TOKEN_ARRAY_END,
	SBK_TOKEN_KEY,				/* text, text_len, escaped */
	SBK_TOKEN_STRING,			/* text, text_len, escaped */
	SBK_TOKEN_INTEGER,			/* integer */
	SBK_TOKEN_REAL,				/* JSON: text, text_len; UBJSON: real */
	SBK_TOKEN_TRUE,
	SBK_TOKEN_FALSE,
	SBK_TOKEN_NULL,
	SBK_TOKEN_NUMBERS,			/* a whole typed array: element, count, text */
	SBK_TOKEN_END,				/* the one value is complete */
	SBK_TOKEN_ERROR				/* see the tokenizer's error */
} SbkTokenKind;

typedef struct SbkToken
{
	SbkTokenKind kind;
	const char *text;			/* points into the artifact */
	size_t		text_len;
	bool		escaped;		/* JSON string with backslashes */
	int64_t		integer;
	double		real;
	char		element;		/* UBJSON marker of a typed array */
	uint64_t	count;			/* its length */
} SbkToken;

typedef enum SbkFault
{
	SBK_FAULT_NONE,
	SBK_FAULT_MALFORMED,		/* the bytes are no valid model */
	SBK_FAULT_UNSUPPORTED,		/* a model, but of a kind not served */
	SBK_FAULT_LIMIT,			/* larger than what is accepted */
	SBK_FAULT_MEMORY,
	SBK_FAULT_STOPPED			/* the caller asked for it */
} SbkFault;

typedef struct SbkArtifactError
{
	SbkFault	fault;
	size_t		offset;			/* of the byte where it was noticed */
	char		message[256];	/* a clause: "the object has no end" */
} SbkArtifactError;

/* Asked after each megabyte or so: should reading stop? */
typedef bool (*SbkStop) (void);

typedef struct SbkTokenizer
{
	const unsigned char *bytes;
	size_t		len;
	size_t		pos;
	SbkFormat	format;
	int			depth;
	struct
	{
		bool		object;
		bool		counted;	/* UBJSON array with a count, no end marker */
		uint64_t	left;		/* elements left of a counted array */
		bool		first;		/* JSON: nothing read in it yet */
		bool		value_next; /* in an object, after a key */
	}			stack[SBK_MAX_DEPTH];
	bool		done;			/* the outermost value is complete */
	SbkStop		stop;			/* or NULL, as it is at first */
	size_t		asked;			/* up to where it has been */
	SbkArtifactError *error;
} SbkTokenizer;

/* What the bytes are, by their content alone. */
extern SbkFormat sbk_format_detect(const void *bytes, size_t len);

/*
 * Starts at the first byte; the format must be JSON or UBJSON.  The bytes and
 * the error must outlive the tokenizer.
 */
extern void sbk_tokenizer_init(SbkTokenizer *tokenizer, SbkFormat format,
							   const void *bytes, size_t len,
							   SbkArtifactError *error);

/* The next token; after SBK_TOKEN_ERROR and SBK_TOKEN_END nothing follows. */
extern SbkTokenKind sbk_token_next(SbkTokenizer *tokenizer, SbkToken *token);

/* Passes over the rest of the value that begins with this token. */
extern bool sbk_token_skip(SbkTokenizer *tokenizer, const SbkToken *token);

/*
 * Writes the string's UTF-8 bytes and a NUL to out, which must have room for
 * text_len + 1 bytes, and returns their number.
 */
extern size_t sbk_token_decode(const SbkToken *token, char *out);

/* Is the key or string these bytes? */
extern bool sbk_token_is(const SbkToken *token, const char *text);

/* The number a token stands for: integers, reals, NaN and infinities. */
extern bool sbk_token_number(const SbkToken *token, double *number);

/* The same, rounded to float4 once, as XGBoost reads it. */
extern bool sbk_token_real(const SbkToken *token, float *number);

/* Records the first error, with its place; returns false for the caller. */
extern bool sbk_artifact_fail(SbkArtifactError *error, SbkFault fault,
							  size_t offset, const char *format,...)
			__attribute__((format(printf, 4, 5)));

/* The two grammars, called by sbk_token_next only. */
extern SbkTokenKind sbk_json_next(SbkTokenizer *tokenizer, SbkToken *token);
extern SbkTokenKind sbk_ubjson_next(SbkTokenizer *tokenizer, SbkToken *token);

/* What both grammars share. */
extern SbkTokenKind sbk_token_fail(SbkTokenizer *tokenizer, SbkFault fault,
								   const char *message);
extern SbkTokenKind sbk_token_open(SbkTokenizer *tokenizer, SbkToken *token,
								   bool object, bool counted, uint64_t count);
extern SbkTokenKind sbk_token_close(SbkTokenizer *tokenizer, SbkToken *token);
extern bool sbk_utf8_valid(const char *text, size_t len);

#endif							/* SBK_TOKEN_H */
