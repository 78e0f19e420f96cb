/*
 * progress.c
 *		How far a run is, for others to see.
 *
 * COPY leaves these numbers of its slot unused.
 */
#include "postgres.h"

#include "commands/progress.h"
#include "utils/backend_progress.h"

#include "job/progress.h"

/* one less than the columns of pg_stat_get_progress_info, see 63_run.sql */
#define PROGRESS_RUN		15
#define PROGRESS_PHASE		16

void
sbk_progress_start(Oid result, int64 run)
{
	pgstat_progress_start_command(PROGRESS_COMMAND_COPY, result);
	pgstat_progress_update_param(PROGRESS_RUN, run);
}

void
sbk_progress_phase(SbkPhase phase)
{
	pgstat_progress_update_param(PROGRESS_PHASE, phase);
}

void
sbk_progress_rows(int64 read, int64 not_scored)
{
	const int	index[] = {
		PROGRESS_COPY_TUPLES_PROCESSED,
		PROGRESS_COPY_TUPLES_EXCLUDED
	};
	const int64 values[] = {read, not_scored};

	pgstat_progress_update_multi_param(2, index, values);
}

void
sbk_progress_end(void)
{
	pgstat_progress_end_command();
}
