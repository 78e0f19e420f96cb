-- Rights on jobs.  The owner of a job has all of them; others have what stands
-- in scorebook.job_grant, and read its book by SELECT on the tables.

-- The order of columns is known to extension/registry/catalog.h.
CREATE TABLE scorebook.job_grant
(
	job_id		integer NOT NULL,
	grantee		name NOT NULL,
	privilege	text NOT NULL,
	granted_at	timestamp with time zone NOT NULL,
	granted_by	name NOT NULL,
	CONSTRAINT job_grant_pkey PRIMARY KEY (job_id, grantee, privilege),
	CONSTRAINT job_grant_privilege_check CHECK (privilege IN ('score', 'run'))
);

COMMENT ON TABLE scorebook.job_grant IS
	'who may do what with a job; the grantee public is everybody';

SELECT pg_catalog.pg_extension_config_dump('scorebook.job_grant', '');

CREATE FUNCTION scorebook.has_job_privilege(role name, job_id integer, privilege text)
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_has_job_privilege';

COMMENT ON FUNCTION scorebook.has_job_privilege(name, integer, text) IS
	'does the role have the privilege (score, run, any or own) on the job?';

CREATE FUNCTION scorebook.may_read_job(owner name, result regclass)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(has_table_privilege(result, 'SELECT'), false)
		OR EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = owner AND pg_has_role(r.oid, 'USAGE'))
$$;

COMMENT ON FUNCTION scorebook.may_read_job(name, regclass) IS
	'may the current role read the scores of a job, or do all with it?';

CREATE FUNCTION scorebook.check_job_privilege_internal(caller name, job scorebook.registered_job, privilege text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF scorebook.has_job_privilege(caller, job.job_id, privilege) THEN
		RETURN;
	END IF;
	IF privilege = 'own' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('permission denied for job "%s"', job.name),
			DETAIL = format('It belongs to role "%s".', job.owner),
			HINT = 'Only its owner may change it, erase from its book, and grant rights on it.';
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'insufficient_privilege',
		MESSAGE = format('permission denied for job "%s"', job.name),
		DETAIL = format('It belongs to role "%s", and role "%s" lacks the privilege "%s".', job.owner, caller,
			privilege),
		HINT = format('Its owner grants it: SELECT scorebook.grant_job(%L, %L, %L).', job.name, caller, privilege);
END
$$;

COMMENT ON FUNCTION scorebook.check_job_privilege_internal(name, scorebook.registered_job, text) IS
	'throws where a role lacks a privilege on a job';

-- A job that a role does not see is not hidden from it: the errors say whose it
-- is, and so who can grant a right on it.
CREATE FUNCTION scorebook.refuse_job(name text, with_dropped boolean)
RETURNS void
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.refuse_job(text, boolean) IS
	'throws what is to be said of a job that the current role does not see';

CREATE FUNCTION scorebook.refuse_job_internal(caller name, name text, with_dropped boolean)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job scorebook.registered_job;
BEGIN
	SELECT j.* INTO job
	FROM scorebook.registered_job AS j
	WHERE j.name = refuse_job_internal.name AND (with_dropped OR j.dropped_at IS NULL)
	ORDER BY j.job_id DESC
	LIMIT 1;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('job "%s" does not exist', name),
			HINT = 'Jobs are listed in scorebook.job.';
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'insufficient_privilege',
		MESSAGE = format('permission denied for job "%s"', name),
		DETAIL = format('It belongs to role "%s", and role "%s" may not read its book.', job.owner, caller),
		HINT = format('Its owner can GRANT SELECT ON %s, %s TO %I.', job.result, job.history, caller);
END
$$;

COMMENT ON FUNCTION scorebook.refuse_job_internal(name, text, boolean) IS
	'what refuse_job does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.grant_job(job text, role name, privilege text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.grant_job(text, name, text) IS
	'grants a role (or public) the privilege score or run on a job';

CREATE FUNCTION scorebook.revoke_job(job text, role name, privilege text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.revoke_job(text, name, text) IS
	'takes a privilege on a job back from a role';

-- Whoever drops the job at the same time waits, and takes the grants along.
CREATE FUNCTION scorebook.lock_granted_job_internal(caller name, job text, role name, privilege text)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id integer;
BEGIN
	IF job IS NULL OR role IS NULL OR privilege IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'the job, the role and the privilege cannot be null';
	END IF;
	id := (scorebook.find_job_internal(caller, job, 'own')).job_id;
	IF privilege NOT IN ('score', 'run') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown privilege "%s"', privilege),
			HINT = 'Privileges on a job are score and run; who reads its book has SELECT on its tables.';
	END IF;
	PERFORM FROM scorebook.registered_job AS j
	WHERE j.job_id = id AND j.dropped_at IS NULL
	FOR SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('job "%s" was dropped meanwhile', job);
	END IF;
	RETURN id;
END
$$;

COMMENT ON FUNCTION scorebook.lock_granted_job_internal(name, text, name, text) IS
	'the job of a grant, after checking who asks, and for what';

CREATE FUNCTION scorebook.grant_job_internal(caller name, job text, role name, privilege text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id constant integer := scorebook.lock_granted_job_internal(caller, job, role, privilege);
BEGIN
	IF role <> 'public'
		AND NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = role) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('role "%s" does not exist', role);
	END IF;
	INSERT INTO scorebook.job_grant (job_id, grantee, privilege, granted_at, granted_by)
	VALUES (id, role, privilege, now(), caller)
	ON CONFLICT DO NOTHING;
END
$$;

COMMENT ON FUNCTION scorebook.grant_job_internal(name, text, name, text) IS
	'what grant_job does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.revoke_job_internal(caller name, job text, role name, privilege text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id constant integer := scorebook.lock_granted_job_internal(caller, job, role, privilege);
BEGIN
	DELETE FROM scorebook.job_grant AS g
	WHERE g.job_id = id AND g.grantee = role AND g.privilege = revoke_job_internal.privilege;
	IF NOT FOUND THEN
		RAISE WARNING USING
			ERRCODE = '01006',
			MESSAGE = format('role "%s" did not have the privilege "%s" on job "%s"', role, privilege, job);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.revoke_job_internal(name, text, name, text) IS
	'what revoke_job does, with the rights of the extension''s owner';
