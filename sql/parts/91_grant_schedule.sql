-- Who may do what with schedules and requirements: 90_grant.sql goes on.

GRANT EXECUTE ON FUNCTION
	scorebook.schedule_job(text, text, text),
	scorebook.unschedule_job(text),
	scorebook.change_schedule(text, text, text),
	scorebook.cron_values(text, integer, integer, text[]),
	scorebook.read_cron(text),
	scorebook.next_firings(text, text, timestamp with time zone, integer),
	scorebook.due_since(text, text, text, timestamp with time zone, timestamp with time zone),
	scorebook.due_jobs(),
	scorebook.source_relations(regclass)
TO PUBLIC;

GRANT EXECUTE ON PROCEDURE
	scorebook.run_due_job(text, boolean),
	scorebook.run_due_jobs()
TO PUBLIC;

ALTER TABLE scorebook.record_requirement ENABLE ROW LEVEL SECURITY;

CREATE POLICY record_requirement_read ON scorebook.record_requirement FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));

GRANT SELECT ON
	scorebook.job,
	scorebook.record_requirement
TO PUBLIC;
