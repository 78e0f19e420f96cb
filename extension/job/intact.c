/*
 * intact.c
 *		Do the tables of a book get what is written to them?
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "job/intact.h"

static char *find_alteration(Relation table, Oid writer);

void
sbk_intact_check(const char *job, Oid table, Oid writer)
{
	ListCell   *cell;

	foreach(cell, find_all_inheritors(table, RowExclusiveLock, NULL))
	{
		Relation	part = table_open(lfirst_oid(cell), NoLock);
		char	   *alteration = find_alteration(part, writer);

		if (alteration != NULL)
			ereport(ERROR,
					errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("table \"%s\" of job \"%s\" would not get what is written to it",
						   RelationGetRelationName(part), job),
					errdetail_internal("%s", alteration),
					errhint("Drop that; a trigger that only tells others fires AFTER a row or statement."));
		table_close(part, NoLock);
	}
}

/* NULL: there is none. */
static char *
find_alteration(Relation table, Oid writer)
{
	const TriggerDesc *triggers = table->trigdesc;
	int			i;

	for (i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_BEFORE(trigger->tgtype))
			return psprintf(_("Trigger \"%s\" fires before a row is written, and can change it."),
							trigger->tgname);
	}
	if (table->rd_rules != NULL)
		return _("It has rules.");
	if (check_enable_rls(RelationGetRelid(table), writer, true) == RLS_ENABLED)
		return psprintf(_("Its row security applies to role \"%s\", which writes it."),
						GetUserNameFromId(writer, false));
	return NULL;
}
