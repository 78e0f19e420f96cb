/*
 * explanation.h
 *		Why a row has its score: contributions, ranked and named.
 *
 * XGBoost splits the margin of a row into a base value and what each feature
 * adds to it (TreeSHAP; for gblinear, weight times value).  An explanation is
 * of one output.
 */
#ifndef SBK_EXPLANATION_H
#define SBK_EXPLANATION_H

#include "utils/jsonb.h"

#include "registry/model.h"

/* One output of one row. */
typedef struct SbkExplanation
{
	const SbkModel *model;
	const float *inputs;		/* of each feature, as the model saw it */
	const float *contributions; /* of each feature */
	float		base_value;
	float		additivity_error;
	double		size;			/* of all that is added up, without its signs */
	const char *class;			/* or number of the output; NULL where there
								 * is but one output, and no class */
	int		   *order;			/* features, the largest contribution first */
} SbkExplanation;

/* Which contributions are reasons. */
typedef enum SbkDirection
{
	SBK_PUSHES_EITHER,
	SBK_PUSHES_UP,
	SBK_PUSHES_DOWN
} SbkDirection;

/*
 * The explanation of a row: contributions and margins are those of all its
 * outputs, as sbk_model_explain gives them.  Without a class it is that of the
 * class that the model predicts.  Throws where there is no such class, or none
 * is predicted.
 */
extern void sbk_explanation_make(const SbkModel *model, const char *class,
								 const float *inputs,
								 const float *contributions,
								 const float *margins,
								 SbkExplanation *explanation);

/* An input as text: the label of its level, or its number; NULL: missing. */
extern const char *sbk_explanation_input(const SbkExplanation *explanation,
										 int feature);

/*
 * An array of the features with the largest contributions in the direction, at
 * most limit of them, those of 0 left out.  Throws where the contributions do
 * not add up.
 */
extern Jsonb *sbk_explanation_reasons(const SbkExplanation *explanation,
									  int limit, SbkDirection direction);

#endif							/* SBK_EXPLANATION_H */
