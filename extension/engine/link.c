/*
 * link.c
 *		From margins to values, and from a base score to a margin.
 */
#include <math.h>
#include <string.h>

#include "engine/link.h"

/* XGBoost's own, not those of the formulas */
#define LOGISTIC_LIMIT	88.7f
#define LOGISTIC_EPS	1e-16f
#define CLAMP_EPS		1e-6f
#define STEP_EPS		1e-6f

static float logit(const int version[3], float base_score);
static float softplus_inverse(float step);
static float logistic(float margin);
static void sum_softplus(float *margins, int n);
static float softplus(float margin);
static int	index_of_largest(const float *margins, int n);

SbkLink
sbk_link(const char *objective)
{
	static const struct
	{
		const char *objective;
		SbkLink		link;
	}			links[] = {
		{"binary:hinge", SBK_LINK_SIGN},
		{"binary:logistic", SBK_LINK_LOGISTIC},
		{"binary:logitraw", SBK_LINK_IDENTITY},
		{"count:poisson", SBK_LINK_EXP},
		{"multi:softmax", SBK_LINK_LARGEST},
		{"multi:softprob", SBK_LINK_SOFTMAX},
		{"rank:map", SBK_LINK_IDENTITY},
		{"rank:ndcg", SBK_LINK_IDENTITY},
		{"rank:pairwise", SBK_LINK_IDENTITY},
		{"reg:absoluteerror", SBK_LINK_IDENTITY},
		{"reg:expectileerror", SBK_LINK_SOFTPLUS_SUM},
		{"reg:gamma", SBK_LINK_EXP},
		{"reg:linear", SBK_LINK_IDENTITY},
		{"reg:logistic", SBK_LINK_LOGISTIC},
		{"reg:pseudohubererror", SBK_LINK_IDENTITY},
		{"reg:quantileerror", SBK_LINK_IDENTITY},
		{"reg:squarederror", SBK_LINK_IDENTITY},
		{"reg:squaredlogerror", SBK_LINK_IDENTITY},
		{"reg:tweedie", SBK_LINK_EXP},
		{"survival:aft", SBK_LINK_EXP_DOUBLE},
		{"survival:cox", SBK_LINK_EXP},
	};
	size_t		i;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
	{
		if (strcmp(links[i].objective, objective) == 0)
			return links[i].link;
	}
	return SBK_LINK_UNKNOWN;
}

void
sbk_link_margins(SbkLink link, const int version[3], float *base_scores,
				 int num_output)
{
	int			i;

	switch (link)
	{
		case SBK_LINK_LOGISTIC:
			for (i = 0; i < num_output; i++)
				base_scores[i] = logit(version, base_scores[i]);
			break;
		case SBK_LINK_EXP:
		case SBK_LINK_EXP_DOUBLE:
			for (i = 0; i < num_output; i++)
				base_scores[i] = logf(base_scores[i]);
			break;
		case SBK_LINK_SOFTPLUS_SUM:
			/* from the last one, so that the one before it is a score still */
			for (i = num_output - 1; i > 0; i--)
				base_scores[i] = softplus_inverse(base_scores[i] -
												  base_scores[i - 1] - STEP_EPS);
			break;
		case SBK_LINK_IDENTITY:
		case SBK_LINK_SIGN:
		case SBK_LINK_SOFTMAX:
		case SBK_LINK_LARGEST:
		case SBK_LINK_UNKNOWN:
			break;
	}
}

int
sbk_link_values(SbkLink link, float *margins, size_t nrows, int num_output)
{
	size_t		n = nrows * num_output;
	size_t		i;

	switch (link)
	{
		case SBK_LINK_LOGISTIC:
			for (i = 0; i < n; i++)
				margins[i] = logistic(margins[i]);
			break;
		case SBK_LINK_EXP:
			for (i = 0; i < n; i++)
				margins[i] = expf(margins[i]);
			break;
		case SBK_LINK_EXP_DOUBLE:
			for (i = 0; i < n; i++)
				margins[i] = (float) exp(margins[i]);
			break;
		case SBK_LINK_SIGN:
			for (i = 0; i < n; i++)
				margins[i] = margins[i] > 0 ? 1 : 0;
			break;
		case SBK_LINK_SOFTMAX:
			for (i = 0; i < nrows; i++)
				sbk_link_softmax(margins + i * num_output, num_output);
			break;
		case SBK_LINK_LARGEST:
			for (i = 0; i < nrows; i++)
				margins[i] = index_of_largest(margins + i * num_output,
											  num_output);
			return 1;
		case SBK_LINK_SOFTPLUS_SUM:
			for (i = 0; i < nrows; i++)
				sum_softplus(margins + i * num_output, num_output);
			break;
		case SBK_LINK_IDENTITY:
		case SBK_LINK_UNKNOWN:
			break;
	}
	return num_output;
}

/* The sum is a double and the largest margin is taken off, as in XGBoost. */
void
sbk_link_softmax(float *margins, int n)
{
	float		largest = margins[0];
	double		sum = 0;
	int			i;

	for (i = 1; i < n; i++)
		largest = fmaxf(largest, margins[i]);
	for (i = 0; i < n; i++)
	{
		margins[i] = expf(margins[i] - largest);
		sum += margins[i];
	}
	for (i = 0; i < n; i++)
		margins[i] /= (float) sum;
}

/* Since 3.2, XGBoost keeps a probability away from 0 and 1. */
static float
logit(const int version[3], float base_score)
{
	if (version[0] > 3 || (version[0] == 3 && version[1] >= 2))
		base_score = fminf(fmaxf(base_score, CLAMP_EPS), 1.0f - CLAMP_EPS);
	return -logf(1.0f / base_score - 1.0f);
}

static float
softplus_inverse(float step)
{
	if (step < STEP_EPS)
		step = STEP_EPS;
	return step + logf(-expm1f(-step));
}

/* NaN stays NaN, as in XGBoost. */
static float
logistic(float margin)
{
	float		exponent = LOGISTIC_LIMIT < -margin ? LOGISTIC_LIMIT : -margin;

	return 1.0f / (expf(exponent) + 1.0f + LOGISTIC_EPS);
}

/* The lowest one where several are equal. */
static int
index_of_largest(const float *margins, int n)
{
	int			best = 0;
	int			i;

	for (i = 1; i < n; i++)
	{
		if (margins[i] > margins[best])
			best = i;
	}
	return best;
}

/* No output is below the one before it, whatever the trees add. */
static void
sum_softplus(float *margins, int n)
{
	int			i;

	for (i = 1; i < n; i++)
		margins[i] = margins[i - 1] + (STEP_EPS + softplus(margins[i]));
}

/* ln(1 + e^margin), in the form that does not overflow. */
static float
softplus(float margin)
{
	if (margin > 0)
		return margin + log1pf(expf(-margin));
	return log1pf(expf(margin));
}
