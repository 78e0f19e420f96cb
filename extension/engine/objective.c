/*
 * objective.c
 *		What the values of an objective are.
 */
#include "postgres.h"

#include "engine/engine.h"

SbkFamily
sbk_family(const char *objective, int num_output)
{
	if (strcmp(objective, "multi:softprob") == 0)
		return SBK_FAMILY_MULTI_PROBABILITY;
	if (strcmp(objective, "multi:softmax") == 0)
		return SBK_FAMILY_MULTI_CLASS;
	if (num_output > 1)
		return SBK_FAMILY_VALUE;
	if (strcmp(objective, "binary:logistic") == 0)
		return SBK_FAMILY_BINARY_PROBABILITY;
	if (strcmp(objective, "binary:logitraw") == 0)
		return SBK_FAMILY_BINARY_MARGIN;
	if (strcmp(objective, "binary:hinge") == 0)
		return SBK_FAMILY_BINARY_CLASS;
	return SBK_FAMILY_VALUE;
}

int
sbk_family_width(SbkFamily family, int num_output)
{
	return family == SBK_FAMILY_MULTI_CLASS ? 1 : num_output;
}

int
sbk_family_classes(SbkFamily family, int num_output)
{
	switch (family)
	{
		case SBK_FAMILY_BINARY_PROBABILITY:
		case SBK_FAMILY_BINARY_MARGIN:
		case SBK_FAMILY_BINARY_CLASS:
			return 2;
		case SBK_FAMILY_MULTI_PROBABILITY:
		case SBK_FAMILY_MULTI_CLASS:
			return num_output;
		case SBK_FAMILY_VALUE:
			return 0;
	}
	return 0;
}
