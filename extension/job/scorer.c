/*
 * scorer.c
 *		A model that scores rows of a source, block by block.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "job/scorer.h"

void
sbk_scorer_start(SbkScorer *scorer, TupleDesc source)
{
	const SbkModel *model = scorer->model;

	scorer->binding = sbk_bind_row(model, source);
	scorer->num_input = model->num_feature + (model->base_margin ? 1 : 0);
	scorer->width = sbk_family_width(model->family, model->num_output);
	scorer->inputs = palloc(mul_size(SBK_BLOCK_ROWS * sizeof(float),
									 model->num_feature));
	if (model->base_margin)
		scorer->base_margins = palloc(SBK_BLOCK_ROWS * sizeof(float));
	scorer->kept = palloc(mul_size(scorer->num_input, sizeof(float)));
}

void
sbk_scorer_read(SbkScorer *scorer, const Datum *values, const bool *nulls)
{
	SbkRow		row;

	row.values = scorer->inputs +
		(Size) scorer->num_row * scorer->model->num_feature;
	sbk_read_columns(scorer->model, scorer->binding, values, nulls, &row);
	if (scorer->base_margins != NULL)
		scorer->base_margins[scorer->num_row] = row.base_margin;
}

const float *
sbk_scorer_inputs(SbkScorer *scorer, int i)
{
	int			n = scorer->model->num_feature;
	const float *inputs = scorer->inputs + (Size) i * n;

	if (scorer->base_margins == NULL)
		return inputs;
	memcpy(scorer->kept, inputs, n * sizeof(float));
	scorer->kept[n] = scorer->base_margins[i];
	return scorer->kept;
}

uint64
sbk_scorer_hash(const SbkScorer *scorer, int i)
{
	int			n = scorer->model->num_feature;
	uint64		hash;

	hash = hash_bytes_extended((unsigned char *) (scorer->inputs + (Size) i * n),
							   n * sizeof(float), 0);
	if (scorer->base_margins != NULL)
		hash = hash_bytes_extended((unsigned char *) &scorer->base_margins[i],
								   sizeof(float), hash);
	return hash;
}

const float *
sbk_scorer_predict(SbkScorer *scorer, int first, int n)
{
	Size		width;
	const float *scores;

	scorer->used_library |= !sbk_model_is_native(scorer->model);
	scores = sbk_model_predict(scorer->model,
							   scorer->inputs + (Size) first * scorer->model->num_feature,
							   n,
							   scorer->base_margins ? scorer->base_margins + first : NULL,
							   SBK_PREDICT_VALUE, &width);
	Assert(width == scorer->width);
	return scores;
}

const char *
sbk_scorer_class(const SbkScorer *scorer, const float *scores)
{
	const SbkModel *model = scorer->model;

	if (model->family != SBK_FAMILY_MULTI_CLASS &&
		model->family != SBK_FAMILY_MULTI_PROBABILITY)
		return NULL;
	return sbk_model_class_label(model, sbk_model_class(model, scores));
}
