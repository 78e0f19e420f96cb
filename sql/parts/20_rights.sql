-- Rights on models.  The owner of a model has all of them; others have what
-- stands in scorebook.model_grant.  manage includes read and score.

CREATE FUNCTION scorebook.has_model_privilege(role name, model_id integer, privilege text)
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_has_model_privilege';

COMMENT ON FUNCTION scorebook.has_model_privilege(name, integer, text) IS
	'does the role have the privilege (score, read, manage or own) on the model?';

CREATE FUNCTION scorebook.resolve_reference(ref text, privilege text DEFAULT 'score',
	OUT model_id integer, OUT version integer)
RETURNS record
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_resolve_reference';

COMMENT ON FUNCTION scorebook.resolve_reference(text, text) IS
	'the model and version that a reference (name, name@alias or name/version) stands for now';

CREATE FUNCTION scorebook.grant_model(model text, role name, privilege text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.grant_model(text, name, text) IS
	'grants a role (or public) the privilege score, read or manage on a model';

CREATE FUNCTION scorebook.revoke_model(model text, role name, privilege text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.revoke_model(text, name, text) IS
	'takes a privilege on a model back from a role';

-- The functions ending in _internal run with the rights of the extension's
-- owner, called by the C function behind the public ones (registrar.c), which
-- passes the role that asked.  Nobody else may execute them.

-- Locks the model's row against other writers and checks the right.  It is the
-- update that does it: a lock alone would let a transaction with an older
-- snapshot go on with what it saw.
CREATE FUNCTION scorebook.lock_model_internal(caller name, model text, privilege text)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id integer;
BEGIN
	IF model IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'the name of the model cannot be null';
	END IF;
	UPDATE scorebook.model AS m
	SET owner = m.owner
	WHERE m.name = model
	RETURNING m.model_id INTO id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('model "%s" does not exist', model),
			HINT = 'Models are listed in scorebook.model.';
	END IF;
	IF NOT scorebook.has_model_privilege(caller, id, privilege) THEN
		IF privilege = 'own' THEN
			RAISE EXCEPTION USING
				ERRCODE = 'insufficient_privilege',
				MESSAGE = format('must be owner of model "%s"', model);
		END IF;
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('permission denied for model "%s"', model),
			DETAIL = format('Role "%s" lacks the privilege "%s".', caller, privilege),
			HINT = 'The owner of the model grants it with scorebook.grant_model.';
	END IF;
	RETURN id;
END
$$;

COMMENT ON FUNCTION scorebook.lock_model_internal(name, text, text) IS
	'locks a model for writing after checking the right of the role that asked';

CREATE FUNCTION scorebook.check_grant_internal(role name, privilege text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF role IS NULL OR privilege IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'the role and the privilege cannot be null';
	END IF;
	IF privilege NOT IN ('score', 'read', 'manage') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown privilege "%s"', privilege),
			HINT = 'Privileges are score, read and manage.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_grant_internal(name, text) IS
	'checks the arguments of grant_model and revoke_model';

CREATE FUNCTION scorebook.grant_model_internal(caller name, model text, role name, privilege text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id integer;
BEGIN
	PERFORM scorebook.check_grant_internal(role, privilege);
	id := scorebook.lock_model_internal(caller, model, 'manage');
	IF role <> 'public'
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = role) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('role "%s" does not exist', role);
	END IF;
	INSERT INTO scorebook.model_grant (model_id, grantee, privilege, granted_at, granted_by)
	VALUES (id, role, privilege, now(), caller)
	ON CONFLICT DO NOTHING;
END
$$;

COMMENT ON FUNCTION scorebook.grant_model_internal(name, text, name, text) IS
	'what grant_model does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.revoke_model_internal(caller name, model text, role name, privilege text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id integer;
BEGIN
	PERFORM scorebook.check_grant_internal(role, privilege);
	id := scorebook.lock_model_internal(caller, model, 'manage');
	DELETE FROM scorebook.model_grant AS g
	WHERE g.model_id = id AND g.grantee = role
		AND g.privilege = revoke_model_internal.privilege;
	IF NOT FOUND THEN
		RAISE WARNING USING
			ERRCODE = '01006',
			MESSAGE = format('role "%s" did not have the privilege "%s" on model "%s"',
				role, privilege, model);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.revoke_model_internal(name, text, name, text) IS
	'what revoke_model does, with the rights of the extension''s owner';
