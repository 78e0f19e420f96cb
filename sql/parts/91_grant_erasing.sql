-- Who may erase, and see what was: 91_grant_book.sql goes on.

GRANT EXECUTE ON FUNCTION
	scorebook.begins_at(integer),
	scorebook.book_tables(scorebook.registered_job),
	scorebook.partition_name(regclass, timestamp with time zone),
	scorebook.partition_bounds(regclass),
	scorebook.erase(text, anycompatible, text, boolean),
	scorebook.erase_subject(text, jsonb, text, boolean),
	scorebook.unerase(text, anycompatible, text),
	scorebook.unerase_subject(text, jsonb, text),
	scorebook.is_erased(integer, jsonb, timestamp with time zone),
	scorebook.subject_of(scorebook.registered_job, jsonb),
	scorebook.apply_retention(text, name, interval, interval),
	scorebook.retain_book(integer, name, interval, interval)
TO PUBLIC;

ALTER TABLE scorebook.tombstone ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.erasure_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.amendment ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.retention_action ENABLE ROW LEVEL SECURITY;

-- reasons may say more of a subject than whoever reads scores should know
CREATE POLICY tombstone_read ON scorebook.tombstone FOR SELECT
	USING (EXISTS
		(SELECT FROM scorebook.registered_job AS j JOIN pg_catalog.pg_roles AS r ON r.rolname = j.owner
		 WHERE j.job_id = tombstone.job_id AND pg_catalog.pg_has_role(r.oid, 'USAGE')));
CREATE POLICY amendment_read ON scorebook.amendment FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.registered_job AS j WHERE j.job_id = amendment.job_id
		AND scorebook.may_read_job(j.owner, j.result)));
CREATE POLICY retention_action_read ON scorebook.retention_action FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.registered_job AS j WHERE j.job_id = retention_action.job_id
		AND scorebook.may_read_job(j.owner, j.result)));

-- of erasure_secret nobody may read anything
GRANT SELECT ON
	scorebook.tombstone,
	scorebook.amendment,
	scorebook.retention_action
TO PUBLIC;
