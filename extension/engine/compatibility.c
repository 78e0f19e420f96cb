/*
 * compatibility.c
 *		Which models the installed XGBoost would score wrong without saying so.
 *
 * An older library reads what it knows of a newer file and guesses the rest.
 * The rules here were found by scoring models of every generation with the
 * library of every other one; test/parity repeats that.
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

bool
sbk_incompatible(const SbkSummary *summary, const int version[3],
				 char *reason, Size size)
{
	/* an older library takes a base score that it cannot read for 0.5 */
	if (summary->base_score_vector && !summary->base_score_half &&
		older_than(version, 3, 1))
	{
		snprintf(reason, size,
				 "XGBoost before 3.1 cannot read its base score %.60s and would use 0.5.",
				 summary->base_score);
		return true;
	}
	if (summary->weighted_gbtree && older_than(version, 3, 3))
	{
		snprintf(reason, size,
				 "XGBoost before 3.3 would ignore the weights of its trees (booster dart).");
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
