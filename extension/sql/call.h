/*
 * call.h
 *		What the functions that take a reference and features have in common.
 *
 * Their first argument is the reference, their second the features.  What a
 * call site learns stays in fn_extra: the model, pinned, and the binding of
 * the row type that it met last.
 */
#ifndef SBK_CALL_H
#define SBK_CALL_H

#include "fmgr.h"

#include "bind/bind.h"
#include "registry/use.h"

typedef enum SbkInputForm
{
	SBK_INPUT_ROW,
	SBK_INPUT_JSONB,
	SBK_INPUT_ARRAY
} SbkInputForm;

typedef struct SbkCallSite
{
	SbkModelUse use;
	MemoryContext context;		/* fn_mcxt: of this struct */
	MemoryContext model_context;	/* what depends on the model */
	SbkInputForm form;
	SbkRow		row;
	MemoryContext binding_context;	/* below it, what depends on the row type */
	SbkRowBinding *binding;		/* of the row type with this identifier */
	uint64		row_type;
	float	   *outputs;		/* room for one for each output, at least 2 */
} SbkCallSite;

/* The call site of a call; throws where the type of the features is unknown. */
extern SbkCallSite *sbk_call_site(FunctionCallInfo fcinfo);

/*
 * Finds the model that the reference stands for and reads the inputs into the
 * row of the call site.  The arguments must not be null.  Throws where the
 * model may not be used, or an input does not fit.
 */
extern SbkModel *sbk_call_input(FunctionCallInfo fcinfo, SbkCallSite *site);

#endif							/* SBK_CALL_H */
