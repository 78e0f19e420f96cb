/*
 * compatibility.c
 *		Which models cannot be told to the installed XGBoost.
 *
 * What the library is given is written for it (artifact/canonical.h), so most
 * newer models are understood by an older one.  The rest would be scored wrong
 * without a word.  The rules here were found by scoring models of every
 * generation with the library of every other one; test/parity repeats that.
 */
#include "postgres.h"

#include "engine/engine.h"

/* the newest XGBoost whose files were tested */
#define SBK_NEWEST_MAJOR	3
#define SBK_NEWEST_MINOR	3

static bool
older_than(const int version[3], int major, int minor)
{
	return version[0] < major || (version[0] == major && version[1] < minor);
}

static bool
has_several_base_scores(const SbkSummary *summary)
{
	int			i;

	for (i = 1; i < summary->num_base_score; i++)
	{
		if (summary->base_scores[i] != summary->base_scores[0])
			return true;
	}
	return false;
}

/* Since 3.2, XGBoost keeps a probability away from 0 and 1. */
static bool
has_clamped_base_score(const SbkSummary *summary)
{
	int			i;

	if (sbk_link(summary->objective) != SBK_LINK_LOGISTIC)
		return false;
	for (i = 0; i < summary->num_base_score; i++)
	{
		if (!(summary->base_scores[i] > 1e-6f &&
			  summary->base_scores[i] < 1.0f - 1e-6f))
			return true;
	}
	return false;
}

bool
sbk_incompatible(const SbkSummary *summary, const int version[3],
				 char *reason, Size size)
{
	if (older_than(version, 3, 1) && has_several_base_scores(summary))
	{
		snprintf(reason, size,
				 "XGBoost before 3.1 has one base score for all outputs, and this model has %.60s.",
				 summary->base_score);
		return true;
	}
	if (older_than(summary->version, 3, 2) != older_than(version, 3, 2) &&
		has_clamped_base_score(summary))
	{
		snprintf(reason, size,
				 "XGBoost 3.2 changed what a base score so near to 0 or 1 means.");
		return true;
	}
	if (summary->vector_leaf && older_than(version, 2, 0))
	{
		snprintf(reason, size,
				 "XGBoost before 2.0 has no trees with several outputs.");
		return true;
	}
	/* a newer library reads past the end of such a tree */
	if (summary->vector_leaf &&
		summary->leaf_weights == older_than(version, 3, 2))
	{
		snprintf(reason, size,
				 "XGBoost 3.2 changed how trees with several outputs are written.");
		return true;
	}
	if (older_than(version, summary->version[0], summary->version[1]) &&
		!older_than(summary->version, SBK_NEWEST_MAJOR, SBK_NEWEST_MINOR + 1))
	{
		snprintf(reason, size,
				 "Files of XGBoost after %d.%d have not been tested with older libraries.",
				 SBK_NEWEST_MAJOR, SBK_NEWEST_MINOR);
		return true;
	}
	return false;
}
