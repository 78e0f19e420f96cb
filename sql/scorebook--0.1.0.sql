\echo Use "CREATE EXTENSION scorebook" to load this file. \quit

-- Whoever owned the schema, or could create in it, could plant functions that
-- are called instead of ours.
DO $$
BEGIN
	IF EXISTS (
		SELECT
		FROM pg_catalog.pg_namespace AS n
			JOIN pg_catalog.pg_authid AS o ON o.oid OPERATOR(pg_catalog.=) n.nspowner
		WHERE n.nspname OPERATOR(pg_catalog.=) 'scorebook'::pg_catalog.name
			AND (NOT o.rolsuper
				 OR EXISTS (
					SELECT
					FROM pg_catalog.aclexplode(n.nspacl) AS a
					WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'::pg_catalog.text
						AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner))) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = 'schema "scorebook" belongs to others',
			DETAIL = 'Its owner is not a superuser, or others may create in it.',
			HINT = 'Look for what they have put there, then give the schema to a superuser and revoke CREATE on it.';
	END IF;
END
$$;

COMMENT ON SCHEMA scorebook IS
	'scorebook: XGBoost models in the database, scored by SQL functions';

GRANT USAGE ON SCHEMA scorebook TO PUBLIC;
-- The registry: which models there are, their versions, what points to them.
--
-- The order of columns and the names of indexes are known to
-- extension/registry/catalog.c; columns may only be added at the end.
-- Rows are written by the functions of the next parts only, which keep them
-- together.  There are no foreign keys and no triggers on INSERT: CREATE
-- EXTENSION would make them before a restore brings the rows, in any order.

CREATE TABLE scorebook.model
(
	model_id	integer GENERATED ALWAYS AS IDENTITY,
	name		text COLLATE "C" NOT NULL,
	owner		name NOT NULL,
	mode		text NOT NULL,
	created_at	timestamp with time zone NOT NULL,
	created_by	name NOT NULL,
	CONSTRAINT model_pkey PRIMARY KEY (model_id),
	CONSTRAINT model_name_key UNIQUE (name),
	CONSTRAINT model_mode_check CHECK (mode IN ('experiment', 'governed'))
);

COMMENT ON TABLE scorebook.model IS
	'one row for each model; its versions stand in scorebook.model_version';
COMMENT ON COLUMN scorebook.model.owner IS
	'role that loaded the first version; by name, so that a dump restores where the role is not known';
COMMENT ON COLUMN scorebook.model.mode IS
	'experiment or governed';

CREATE TABLE scorebook.model_version
(
	model_id		integer NOT NULL,
	version			integer NOT NULL,
	objective		text NOT NULL,
	num_feature		integer NOT NULL,
	num_output		integer NOT NULL,
	iterations		integer,
	missing			real,
	base_margin		text,
	classes			text[],
	cutoff			real NOT NULL,
	description		text,
	purpose			text,
	format			text NOT NULL,
	size_bytes		bigint NOT NULL,
	sha256			bytea NOT NULL,
	xgboost_version	text NOT NULL,
	booster			text NOT NULL,
	num_tree		integer NOT NULL,
	num_round		integer NOT NULL,
	best_iteration	integer,
	base_score		text NOT NULL,
	facts			jsonb NOT NULL,
	training		jsonb,
	loaded_at		timestamp with time zone NOT NULL,
	loaded_by		name NOT NULL,
	tolerance		double precision NOT NULL,
	allow_unverified boolean NOT NULL,
	CONSTRAINT model_version_pkey PRIMARY KEY (model_id, version),
	CONSTRAINT model_version_version_check CHECK (version > 0)
);

COMMENT ON TABLE scorebook.model_version IS
	'the versions of each model, numbered from 1 without gaps; never changed';
COMMENT ON COLUMN scorebook.model_version.num_output IS
	'classes, targets, quantiles or expectiles; 1 for all other models';
COMMENT ON COLUMN scorebook.model_version.iterations IS
	'scored are the first so many boosting rounds; null: all of them';
COMMENT ON COLUMN scorebook.model_version.missing IS
	'a value that is read as missing, as it was in training';
COMMENT ON COLUMN scorebook.model_version.base_margin IS
	'name of the column that holds the offset of each row';
COMMENT ON COLUMN scorebook.model_version.cutoff IS
	'predict_class gives the second of two classes above this probability';
COMMENT ON COLUMN scorebook.model_version.sha256 IS
	'of the artifact as it was loaded';
COMMENT ON COLUMN scorebook.model_version.xgboost_version IS
	'version of XGBoost that wrote the artifact';
COMMENT ON COLUMN scorebook.model_version.facts IS
	'what scorebook.inspect_model said when it was loaded';
COMMENT ON COLUMN scorebook.model_version.training IS
	'metadata of the training, as the caller gave it';
COMMENT ON COLUMN scorebook.model_version.tolerance IS
	'relative difference that golden rows may show';
COMMENT ON COLUMN scorebook.model_version.allow_unverified IS
	'serve the version even where neither XGBoost nor golden rows could verify it';

CREATE TABLE scorebook.model_artifact
(
	model_id	integer NOT NULL,
	version		integer NOT NULL,
	artifact	bytea NOT NULL,
	CONSTRAINT model_artifact_pkey PRIMARY KEY (model_id, version)
);

ALTER TABLE scorebook.model_artifact ALTER COLUMN artifact SET STORAGE EXTERNAL;

COMMENT ON TABLE scorebook.model_artifact IS
	'the bytes of each version; visible to the owner of the model';

CREATE TABLE scorebook.model_feature
(
	model_id		integer NOT NULL,
	version			integer NOT NULL,
	position		integer NOT NULL,
	name			text NOT NULL,
	column_name		text NOT NULL,
	type			text NOT NULL,
	levels			text[],
	on_null			text NOT NULL,
	on_unseen		text NOT NULL,
	unseen_level	text,
	on_inexact		text NOT NULL,
	CONSTRAINT model_feature_pkey PRIMARY KEY (model_id, version, position),
	CONSTRAINT model_feature_type_check
		CHECK (type IN ('float', 'int', 'indicator', 'categorical')),
	CONSTRAINT model_feature_on_null_check
		CHECK (on_null IN ('missing', 'error')),
	CONSTRAINT model_feature_on_unseen_check
		CHECK (on_unseen IN ('error', 'missing', 'level')
			   AND (on_unseen = 'level') = (unseen_level IS NOT NULL)),
	CONSTRAINT model_feature_on_inexact_check
		CHECK (on_inexact IN ('round', 'error')),
	CONSTRAINT model_feature_levels_check
		CHECK ((type = 'categorical') = (levels IS NOT NULL))
);

COMMENT ON TABLE scorebook.model_feature IS
	'the inputs of each version, in the order of the model';
COMMENT ON COLUMN scorebook.model_feature.column_name IS
	'column or JSON key that the feature is read from, by name';
COMMENT ON COLUMN scorebook.model_feature.levels IS
	'levels of a categorical feature; the first has the code 0';
COMMENT ON COLUMN scorebook.model_feature.on_null IS
	'what becomes of a null: missing or error';
COMMENT ON COLUMN scorebook.model_feature.on_unseen IS
	'what becomes of a level that the model does not know: error, missing, or unseen_level';
COMMENT ON COLUMN scorebook.model_feature.on_inexact IS
	'what becomes of a number beyond 2^24 that float4 cannot hold exactly: round or error';

CREATE TABLE scorebook.alias
(
	model_id	integer NOT NULL,
	alias		text COLLATE "C" NOT NULL,
	move		integer NOT NULL,
	version		integer NOT NULL,
	moved_at	timestamp with time zone NOT NULL,
	moved_by	name NOT NULL,
	reason		text,
	CONSTRAINT alias_pkey PRIMARY KEY (model_id, alias, move)
);

COMMENT ON TABLE scorebook.alias IS
	'every move of every alias; the highest move of an alias is where it points';

CREATE TABLE scorebook.retirement
(
	model_id	integer NOT NULL,
	version		integer NOT NULL,
	retired_at	timestamp with time zone NOT NULL,
	retired_by	name NOT NULL,
	reason		text,
	CONSTRAINT retirement_pkey PRIMARY KEY (model_id, version)
);

COMMENT ON TABLE scorebook.retirement IS
	'versions that are kept but no longer scored';

CREATE TABLE scorebook.compiled_model
(
	model_id	integer NOT NULL,
	version		integer NOT NULL,
	compiled	bytea NOT NULL,
	CONSTRAINT compiled_model_pkey PRIMARY KEY (model_id, version)
);

ALTER TABLE scorebook.compiled_model ALTER COLUMN compiled SET STORAGE EXTERNAL;

COMMENT ON TABLE scorebook.compiled_model IS
	'each version as the native engine reads it; made from the artifact, which stays the truth';

CREATE TABLE scorebook.golden_row
(
	model_id	integer NOT NULL,
	version		integer NOT NULL,
	row			integer NOT NULL,
	inputs		jsonb NOT NULL,
	expected	double precision[] NOT NULL,
	CONSTRAINT golden_row_pkey PRIMARY KEY (model_id, version, row)
);

COMMENT ON TABLE scorebook.golden_row IS
	'inputs with the values that the training side computed for them';
COMMENT ON COLUMN scorebook.golden_row.inputs IS
	'an object with the columns of the row, or an array in the order of the features';

CREATE TABLE scorebook.verification
(
	model_id			integer NOT NULL,
	version				integer NOT NULL,
	run					integer NOT NULL,
	verified_by			text NOT NULL,
	engine				text NOT NULL,
	library_version		text NOT NULL,
	verified_at			timestamp with time zone NOT NULL,
	requested_by		name NOT NULL,
	probe_rows			integer NOT NULL,
	probe_difference	real,
	golden_rows			integer NOT NULL,
	golden_difference	double precision,
	reason				text,
	report				jsonb NOT NULL,
	probe_values		real[],
	CONSTRAINT verification_pkey PRIMARY KEY (model_id, version, run),
	CONSTRAINT verification_verified_by_check
		CHECK (verified_by IN ('library', 'golden', 'both', 'none')),
	CONSTRAINT verification_engine_check
		CHECK (engine IN ('native', 'xgboost', 'none'))
);

COMMENT ON TABLE scorebook.verification IS
	'what proved that a version is scored right, and what serves it; the highest run of a version counts';
COMMENT ON COLUMN scorebook.verification.verified_by IS
	'the installed XGBoost (library), the rows of the training side (golden), both, or none';
COMMENT ON COLUMN scorebook.verification.engine IS
	'what serves the version: native, xgboost, or none where the verification failed';
COMMENT ON COLUMN scorebook.verification.library_version IS
	'version of XGBoost on the server that made it';
COMMENT ON COLUMN scorebook.verification.probe_rows IS
	'rows that the native engine and XGBoost have both scored';
COMMENT ON COLUMN scorebook.verification.probe_difference IS
	'the largest one between their values, margins and leaves';
COMMENT ON COLUMN scorebook.verification.golden_difference IS
	'the largest relative one between the golden rows and their scores';
COMMENT ON COLUMN scorebook.verification.reason IS
	'why it was not verified, or not by XGBoost';
COMMENT ON COLUMN scorebook.verification.report IS
	'what XGBoost said about the model, in a process of its own';
COMMENT ON COLUMN scorebook.verification.probe_values IS
	'the margins that XGBoost gave for the first probe rows';

CREATE TABLE scorebook.model_grant
(
	model_id	integer NOT NULL,
	grantee		name NOT NULL,
	privilege	text NOT NULL,
	granted_at	timestamp with time zone NOT NULL,
	granted_by	name NOT NULL,
	CONSTRAINT model_grant_pkey PRIMARY KEY (model_id, grantee, privilege),
	CONSTRAINT model_grant_privilege_check
		CHECK (privilege IN ('score', 'read', 'manage'))
);

COMMENT ON TABLE scorebook.model_grant IS
	'who may do what with a model; the grantee public is everybody';

SELECT pg_catalog.pg_extension_config_dump('scorebook.model', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.model_model_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.model_version', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.model_artifact', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.model_feature', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.alias', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.retirement', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.compiled_model', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.golden_row', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.verification', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.model_grant', '');

-- Versions are immutable, for superusers too.
CREATE FUNCTION scorebook.refuse_update() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'object_not_in_prerequisite_state',
		MESSAGE = format('rows of %I.%I cannot be changed', TG_TABLE_SCHEMA, TG_TABLE_NAME),
		HINT = 'Load a new version of the model, or move an alias.';
END
$$;

COMMENT ON FUNCTION scorebook.refuse_update() IS
	'trigger that keeps the rows of the registry as they were written';

CREATE TRIGGER model_version_immutable BEFORE UPDATE ON scorebook.model_version
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.refuse_update();
CREATE TRIGGER model_artifact_immutable BEFORE UPDATE ON scorebook.model_artifact
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.refuse_update();
CREATE TRIGGER model_feature_immutable BEFORE UPDATE ON scorebook.model_feature
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.refuse_update();
CREATE TRIGGER golden_row_immutable BEFORE UPDATE ON scorebook.golden_row
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.refuse_update();
CREATE TRIGGER verification_immutable BEFORE UPDATE ON scorebook.verification
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.refuse_update();
CREATE TRIGGER alias_immutable BEFORE UPDATE ON scorebook.alias
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.refuse_update();
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
-- Loading models, and what moves or ends their versions.

CREATE FUNCTION scorebook.inspect_model(artifact bytea)
RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_inspect_model';

COMMENT ON FUNCTION scorebook.inspect_model(bytea) IS
	'what the bytes of a model file are, and what the file cannot say; stores nothing';

CREATE FUNCTION scorebook.inspect_model_internal(label text, artifact bytea)
RETURNS jsonb
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_inspect_model_labelled';

COMMENT ON FUNCTION scorebook.inspect_model_internal(text, bytea) IS
	'inspect_model, naming the model where the bytes are refused';

CREATE FUNCTION scorebook.read_model_file(path text)
RETURNS bytea
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_read_model_file';

COMMENT ON FUNCTION scorebook.read_model_file(text) IS
	'the bytes of a model file on the server, for members of pg_read_server_files';

CREATE FUNCTION scorebook.load_model(
	name text,
	artifact bytea,
	description text DEFAULT NULL,
	purpose text DEFAULT NULL,
	mode text DEFAULT NULL,
	alias text DEFAULT NULL,
	features text[] DEFAULT NULL,
	columns jsonb DEFAULT NULL,
	levels jsonb DEFAULT NULL,
	classes text[] DEFAULT NULL,
	missing real DEFAULT NULL,
	base_margin text DEFAULT NULL,
	policies jsonb DEFAULT NULL,
	cutoff real DEFAULT NULL,
	iterations integer DEFAULT NULL,
	training jsonb DEFAULT NULL,
	again boolean DEFAULT false,
	golden jsonb DEFAULT NULL,
	tolerance double precision DEFAULT 1e-6,
	allow_unverified boolean DEFAULT false)
RETURNS integer
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.load_model(text, bytea, text, text, text, text, text[], jsonb, jsonb,
	text[], real, text, jsonb, real, integer, jsonb, boolean, jsonb, double precision, boolean) IS
	'loads an XGBoost model as the next version of a model, and returns the version';

CREATE FUNCTION scorebook.load_model_file(
	name text,
	path text,
	description text DEFAULT NULL,
	purpose text DEFAULT NULL,
	mode text DEFAULT NULL,
	alias text DEFAULT NULL,
	features text[] DEFAULT NULL,
	columns jsonb DEFAULT NULL,
	levels jsonb DEFAULT NULL,
	classes text[] DEFAULT NULL,
	missing real DEFAULT NULL,
	base_margin text DEFAULT NULL,
	policies jsonb DEFAULT NULL,
	cutoff real DEFAULT NULL,
	iterations integer DEFAULT NULL,
	training jsonb DEFAULT NULL,
	again boolean DEFAULT false,
	golden jsonb DEFAULT NULL,
	tolerance double precision DEFAULT 1e-6,
	allow_unverified boolean DEFAULT false)
RETURNS integer
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT scorebook.load_model(name, scorebook.read_model_file(path), description, purpose,
		mode, alias, features, columns, levels, classes, missing, base_margin, policies,
		cutoff, iterations, training, again, golden, tolerance, allow_unverified)
$$;

COMMENT ON FUNCTION scorebook.load_model_file(text, text, text, text, text, text, text[], jsonb,
	jsonb, text[], real, text, jsonb, real, integer, jsonb, boolean, jsonb, double precision, boolean) IS
	'load_model from a file on the server, for members of pg_read_server_files';

CREATE FUNCTION scorebook.set_alias(ref text, alias text, reason text DEFAULT NULL)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.set_alias(text, text, text) IS
	'points an alias of a model to the version that a reference stands for';

CREATE FUNCTION scorebook.retire_version(ref text, reason text DEFAULT NULL)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.retire_version(text, text) IS
	'takes a version (name/version) out of service; it is kept, but no longer scored';

CREATE FUNCTION scorebook.drop_model(name text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.drop_model(text) IS
	'removes a model with all its versions, for its owner';

CREATE FUNCTION scorebook.check_name_internal(kind text, name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = format('the name of the %s cannot be null', kind);
	ELSIF octet_length(name) > 63 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'name_too_long',
			MESSAGE = format('the name of the %s is too long', kind),
			DETAIL = format('It has %s bytes.', octet_length(name)),
			HINT = 'Names have at most 63 bytes.';
	ELSIF name COLLATE "C" !~ '^[A-Za-z_][A-Za-z0-9_.-]*$' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_name',
			MESSAGE = format('invalid name "%s" for %s', name,
				CASE kind WHEN 'alias' THEN 'an alias' ELSE 'a model' END),
			HINT = 'Names begin with a letter or an underscore and go on with letters, digits, "_", "-" and ".".';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_name_internal(text, text) IS
	'refuses names that a model reference could not hold';

CREATE FUNCTION scorebook.set_alias_internal(caller name, ref text, alias text,
	reason text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target record;
	current record;
BEGIN
	PERFORM scorebook.check_name_internal('alias', alias);
	IF ref IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'the model reference cannot be null';
	END IF;
	PERFORM scorebook.lock_model_internal(caller, split_part(split_part(ref, '/', 1), '@', 1), 'manage');
	SELECT * INTO STRICT target FROM scorebook.resolve_reference(ref, 'manage');
	IF EXISTS (SELECT FROM scorebook.retirement AS r
			   WHERE r.model_id = target.model_id AND r.version = target.version) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('version %s of model "%s" is retired', target.version,
				split_part(split_part(ref, '/', 1), '@', 1)),
			HINT = 'An alias can only point to a version in service.';
	END IF;

	SELECT a.move, a.version INTO current
	FROM scorebook.alias AS a
	WHERE a.model_id = target.model_id AND a.alias = set_alias_internal.alias
	ORDER BY a.move DESC
	LIMIT 1;
	IF current.version = target.version THEN
		RETURN;
	END IF;
	INSERT INTO scorebook.alias (model_id, alias, move, version, moved_at, moved_by, reason)
	VALUES (target.model_id, alias, coalesce(current.move, 0) + 1, target.version, now(), caller, reason);
END
$$;

COMMENT ON FUNCTION scorebook.set_alias_internal(name, text, text, text) IS
	'what set_alias does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.retire_version_internal(caller name, ref text, reason text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target record;
	pointing text;
BEGIN
	IF ref IS NULL OR ref !~ '/' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'retiring needs a reference with a version',
			HINT = 'Write the model and the version, such as "credit_risk/3".';
	END IF;
	PERFORM scorebook.lock_model_internal(caller, split_part(ref, '/', 1), 'manage');
	SELECT * INTO STRICT target FROM scorebook.resolve_reference(ref, 'manage');

	SELECT string_agg(quote_ident(a.alias), ', ' ORDER BY a.alias) INTO pointing
	FROM (SELECT DISTINCT ON (alias) alias, version
		  FROM scorebook.alias
		  WHERE model_id = target.model_id
		  ORDER BY alias, move DESC) AS a
	WHERE a.version = target.version;
	IF pointing IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_in_use',
			MESSAGE = format('version %s of model "%s" is in service', target.version,
				split_part(ref, '/', 1)),
			DETAIL = format('Aliases that point to it: %s.', pointing),
			HINT = 'Move them to another version first, with scorebook.set_alias.';
	END IF;
	INSERT INTO scorebook.retirement (model_id, version, retired_at, retired_by, reason)
	VALUES (target.model_id, target.version, now(), caller, reason)
	ON CONFLICT DO NOTHING;
END
$$;

COMMENT ON FUNCTION scorebook.retire_version_internal(name, text, text) IS
	'what retire_version does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.drop_model_internal(caller name, name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id integer := scorebook.lock_model_internal(caller, name, 'own');
BEGIN
	DELETE FROM scorebook.alias WHERE model_id = id;
	DELETE FROM scorebook.retirement WHERE model_id = id;
	DELETE FROM scorebook.verification WHERE model_id = id;
	DELETE FROM scorebook.golden_row WHERE model_id = id;
	DELETE FROM scorebook.compiled_model WHERE model_id = id;
	DELETE FROM scorebook.model_grant WHERE model_id = id;
	DELETE FROM scorebook.model_feature WHERE model_id = id;
	DELETE FROM scorebook.model_artifact WHERE model_id = id;
	DELETE FROM scorebook.model_version WHERE model_id = id;
	DELETE FROM scorebook.model WHERE model_id = id;
END
$$;

COMMENT ON FUNCTION scorebook.drop_model_internal(name, text) IS
	'what drop_model does, with the rights of the extension''s owner';

-- The features of a version to be: what the file says, completed and checked
-- against what the caller says.
CREATE FUNCTION scorebook.describe_features_internal(model text, facts jsonb, features text[],
	columns jsonb, levels jsonb, policies jsonb)
RETURNS TABLE ("position" integer, name text, column_name text, type text, level_names text[],
	on_null text, on_unseen text, unseen_level text, on_inexact text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	num_feature constant integer := (facts ->> 'features')::integer;
	names text[] := features;
	named constant text[] := ARRAY(SELECT jsonb_array_elements_text(facts -> 'feature_names'));
	types constant text[] := ARRAY(SELECT jsonb_array_elements_text(facts -> 'feature_types'));
	argument record;
	given jsonb;
	highest jsonb;
	policy jsonb;
	unseen jsonb;
BEGIN
	IF cardinality(named) > 0 THEN
		IF features IS NOT NULL AND features <> named THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('the file of model "%s" names other features than "features" does', model),
				HINT = 'Leave "features" out, and map features to columns with "columns".';
		END IF;
		names := named;
	ELSIF features IS NULL THEN
		names := ARRAY(SELECT 'f' || i FROM generate_series(0, num_feature - 1) AS i);
	END IF;
	IF array_ndims(names) <> 1 OR cardinality(names) <> num_feature OR array_position(names, NULL) IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('model "%s" has %s features, but "features" does not name as many', model, num_feature),
			HINT = 'Give one name for each feature, in the order of training.';
	END IF;
	IF (SELECT count(DISTINCT n) FROM unnest(names) AS n) <> num_feature THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('two features of model "%s" have the same name', model);
	END IF;

	-- every feature that an argument speaks of must exist
	FOR argument IN
		SELECT a.name, k.key AS feature
		FROM (VALUES ('columns', columns), ('levels', levels), ('policies', policies)) AS a (name, value),
			LATERAL jsonb_object_keys(a.value) AS k (key)
		WHERE jsonb_typeof(a.value) = 'object'
	LOOP
		IF argument.feature <> ALL (names) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'undefined_column',
				MESSAGE = format('model "%s" has no feature "%s"', model, argument.feature),
				DETAIL = format('It is named in "%s".', argument.name);
		END IF;
	END LOOP;
	FOR argument IN
		SELECT a.name
		FROM (VALUES ('columns', columns), ('levels', levels), ('policies', policies)) AS a (name, value)
		WHERE jsonb_typeof(a.value) <> 'object'
	LOOP
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" of model "%s" is not a JSON object', argument.name, model),
			HINT = 'Its keys are the names of features.';
	END LOOP;

	FOR i IN 1 .. num_feature LOOP
		"position" := i;
		name := names[i];

		IF columns ? name AND (jsonb_typeof(columns -> name) <> 'string' OR columns ->> name = '') THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('the column of feature "%s" of model "%s" is not a name', name, model),
				HINT = format('Columns are given by their names, such as {"%s": "income"}.', name);
		END IF;
		column_name := coalesce(columns ->> name, name);
		IF octet_length(column_name) > 63 AND columns ? name THEN
			RAISE EXCEPTION USING
				ERRCODE = 'name_too_long',
				MESSAGE = format('the column of feature "%s" of model "%s" has too long a name', name, model);
		END IF;

		type := CASE types[i]
			WHEN 'c' THEN 'categorical'
			WHEN 'i' THEN 'indicator'
			WHEN 'int' THEN 'int'
			ELSE 'float' END;
		given := levels -> name;
		IF given IS NOT NULL AND type <> 'categorical' THEN
			IF cardinality(types) > 0 THEN
				RAISE EXCEPTION USING
					ERRCODE = 'invalid_parameter_value',
					MESSAGE = format('feature "%s" of model "%s" is not categorical', name, model),
					DETAIL = format('The file gives its type as "%s".', types[i]),
					HINT = 'Leave it out of "levels".';
			END IF;
			type := 'categorical';
		END IF;
		highest := facts -> 'category_codes' -> coalesce(named[i], 'f' || i - 1);
		IF highest IS NOT NULL THEN
			type := 'categorical';
		END IF;
		level_names := NULL;
		IF type = 'categorical' THEN
			level_names := scorebook.describe_levels_internal(model, name, given,
				facts -> 'levels' -> name, highest::integer);
		END IF;

		policy := coalesce(policies -> name, '{}');
		on_null := coalesce(policy ->> 'on_null', 'missing');
		on_inexact := coalesce(policy ->> 'on_inexact', 'round');
		unseen := coalesce(policy -> 'on_unseen', '"error"');
		on_unseen := CASE WHEN jsonb_typeof(unseen) = 'object' THEN 'level' ELSE unseen #>> '{}' END;
		unseen_level := CASE WHEN jsonb_typeof(unseen) = 'object' THEN unseen ->> 'level' END;
		IF jsonb_typeof(policy) <> 'object'
			OR policy - '{on_null,on_unseen,on_inexact}'::text[] <> '{}'
			OR on_null NOT IN ('missing', 'error')
			OR on_inexact NOT IN ('round', 'error')
			OR on_unseen NOT IN ('error', 'missing', 'level')
			OR (on_unseen = 'level' AND (unseen_level IS NULL OR jsonb_typeof(unseen) <> 'object'
										 OR unseen - 'level' <> '{}')) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('invalid policy for feature "%s" of model "%s"', name, model),
				DETAIL = format('It is %s.', policy),
				HINT = 'Policies are on_null ("missing" or "error"), on_unseen ("error", "missing" or {"level": "..."}) and on_inexact ("round" or "error").';
		END IF;
		IF policy ? 'on_unseen' AND type <> 'categorical' THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('feature "%s" of model "%s" is not categorical', name, model),
				HINT = 'Only categorical features have the policy on_unseen.';
		END IF;
		IF on_unseen = 'level' AND unseen_level <> ALL (level_names) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('feature "%s" of model "%s" has no level "%s"', name, model, unseen_level),
				HINT = 'The policy on_unseen can only name a level that the model knows.';
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.describe_features_internal(text, jsonb, text[], jsonb, jsonb, jsonb) IS
	'the features of a version to be, from its file and the arguments of load_model';

-- The levels of a categorical feature: from the file, or from the caller.
CREATE FUNCTION scorebook.describe_levels_internal(model text, feature text, given jsonb,
	from_file jsonb, highest_code integer)
RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result text[];
BEGIN
	IF coalesce(given, from_file) IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the levels of feature "%s" of model "%s" are not known', feature, model),
			DETAIL = 'The feature is categorical, and the file does not hold its levels.',
			HINT = format('Give them in the order of their codes: levels => ''{"%s": ["...", "..."]}''.', feature);
	END IF;
	IF jsonb_typeof(coalesce(given, from_file)) = 'array' THEN
		result := ARRAY(SELECT jsonb_array_elements_text(coalesce(given, from_file)));
	END IF;
	IF result IS NULL OR cardinality(result) = 0 OR array_position(result, NULL) IS NOT NULL
		OR (SELECT count(DISTINCT l) FROM unnest(result) AS l) <> cardinality(result) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('invalid levels for feature "%s" of model "%s"', feature, model),
			HINT = 'Levels are a JSON array of different texts, in the order of their codes.';
	END IF;
	IF given IS NOT NULL AND from_file IS NOT NULL
		AND result <> ARRAY(SELECT jsonb_array_elements_text(from_file)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the file of model "%s" holds other levels for feature "%s"', model, feature),
			HINT = 'Leave the feature out of "levels".';
	END IF;
	IF cardinality(result) <= highest_code THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('feature "%s" of model "%s" has more levels than are given', feature, model),
			DETAIL = format('Its trees split on the code %s, and there are %s levels.', highest_code, cardinality(result)),
			HINT = 'Give all levels of training, in the order of their codes, which begin with 0.';
	END IF;
	RETURN result;
END
$$;

COMMENT ON FUNCTION scorebook.describe_levels_internal(text, text, jsonb, jsonb, integer) IS
	'the levels of a categorical feature, from its file or the arguments of load_model';

CREATE FUNCTION scorebook.load_model_internal(caller name, name text, artifact bytea,
	description text, purpose text, mode text, alias text, features text[], columns jsonb,
	levels jsonb, classes text[], missing real, base_margin text, policies jsonb, cutoff real,
	iterations integer, training jsonb, again boolean, golden jsonb, tolerance double precision,
	allow_unverified boolean)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	facts jsonb;
	id integer;
	next_version integer;
	same_version integer;
	digest bytea;
	label text;
	rounds integer;
	inputs scorebook.model_feature[];
BEGIN
	PERFORM scorebook.check_name_internal('model', name);
	IF alias IS NOT NULL THEN
		PERFORM scorebook.check_name_internal('alias', alias);
	END IF;
	IF artifact IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = format('the artifact of model "%s" cannot be null', name);
	END IF;
	IF mode NOT IN ('experiment', 'governed') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('unknown mode "%s" for model "%s"', mode, name),
			HINT = 'Modes are experiment and governed.';
	END IF;
	facts := scorebook.inspect_model_internal(name, artifact);
	digest := sha256(artifact);

	-- the row of the model is the lock that keeps its versions without gaps
	INSERT INTO scorebook.model AS m (name, owner, mode, created_at, created_by)
	VALUES (name, caller, coalesce(mode, 'experiment'), now(), caller)
	ON CONFLICT ON CONSTRAINT model_name_key DO NOTHING;
	id := scorebook.lock_model_internal(caller, name, 'manage');
	IF mode IS NOT NULL AND mode <> (SELECT m.mode FROM scorebook.model AS m WHERE m.model_id = id) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('model "%s" is not in mode "%s"', name, mode),
			HINT = 'The mode is set by the first version; leave it out.';
	END IF;
	SELECT coalesce(max(v.version), 0) + 1, max(v.version) FILTER (WHERE v.sha256 = digest)
	INTO next_version, same_version
	FROM scorebook.model_version AS v
	WHERE v.model_id = id;
	IF same_version IS NOT NULL AND again IS NOT TRUE THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = format('model "%s" has these bytes already', name),
			DETAIL = format('They are version %s.', same_version),
			HINT = 'Use again => true to load them once more, with other settings.';
	END IF;
	label := name || '/' || next_version;

	-- what the file says where the caller says nothing
	classes := coalesce(classes, ARRAY(SELECT jsonb_array_elements_text(facts -> 'class_labels')));
	missing := coalesce(missing, (facts ->> 'missing')::real);
	rounds := (facts ->> 'rounds')::integer;
	IF facts ->> 'booster' <> 'gblinear' THEN
		iterations := coalesce(iterations, least((facts ->> 'best_iteration')::integer + 1, rounds));
	END IF;
	PERFORM scorebook.check_load_internal(name, facts, classes, missing, base_margin, cutoff, iterations);
	inputs := ARRAY(
		SELECT ROW(id, next_version, f.position, f.name, f.column_name, f.type, f.level_names,
			f.on_null, f.on_unseen, f.unseen_level, f.on_inexact)::scorebook.model_feature
		FROM scorebook.describe_features_internal(name, facts, features, columns, levels, policies) AS f);

	INSERT INTO scorebook.model_version (model_id, version, objective, num_feature, num_output,
		iterations, missing, base_margin, classes, cutoff, description, purpose, format,
		size_bytes, sha256, xgboost_version, booster, num_tree, num_round,
		best_iteration, base_score, facts, training, loaded_at, loaded_by, tolerance,
		allow_unverified)
	VALUES (id, next_version, facts ->> 'objective', (facts ->> 'features')::integer,
		(facts ->> 'outputs')::integer, iterations, missing, base_margin,
		nullif(classes, '{}'), coalesce(cutoff, 0.5), description, purpose, facts ->> 'format',
		octet_length(artifact), digest, facts ->> 'xgboost_version',
		facts ->> 'booster', (facts ->> 'trees')::integer, rounds,
		(facts ->> 'best_iteration')::integer, facts ->> 'base_score', facts, training, now(),
		caller, coalesce(tolerance, 1e-6), coalesce(allow_unverified, false));
	INSERT INTO scorebook.model_artifact (model_id, version, artifact)
	VALUES (id, next_version, artifact);
	INSERT INTO scorebook.model_feature
	SELECT i.* FROM unnest(inputs) AS i;
	PERFORM scorebook.add_golden_rows_internal(label, id, next_version, golden);
	PERFORM scorebook.verify_version_internal(caller, label, id, next_version);

	IF next_version = 1 THEN
		PERFORM scorebook.set_alias_internal(caller, label, 'champion', 'first version');
	END IF;
	IF alias IS NOT NULL THEN
		PERFORM scorebook.set_alias_internal(caller, label, alias, 'loaded with this alias');
	END IF;
	RETURN next_version;
END
$$;

COMMENT ON FUNCTION scorebook.load_model_internal(name, text, bytea, text, text, text, text, text[],
	jsonb, jsonb, text[], real, text, jsonb, real, integer, jsonb, boolean, jsonb, double precision, boolean) IS
	'what load_model does, with the rights of the extension''s owner';

-- What load_model is told about a version must fit what its file says.
CREATE FUNCTION scorebook.check_load_internal(model text, facts jsonb, classes text[], missing real,
	base_margin text, cutoff real, iterations integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	num_class constant integer := (facts ->> 'classes')::integer;
	rounds constant integer := (facts ->> 'rounds')::integer;
BEGIN
	IF cardinality(classes) > 0
		AND (array_ndims(classes) <> 1 OR cardinality(classes) <> num_class
			 OR array_position(classes, NULL) IS NOT NULL
			 OR (SELECT count(DISTINCT c) FROM unnest(classes) AS c) <> num_class) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the classes of model "%s" do not fit', model),
			DETAIL = CASE num_class
				WHEN 0 THEN format('The objective %s has no classes.', facts ->> 'objective')
				ELSE format('The model has %s classes.', num_class) END,
			HINT = 'Give one label for each class, all different, in the order of training.';
	END IF;
	IF cutoff IS NOT NULL
		AND (facts ->> 'objective' NOT IN ('binary:logistic', 'binary:logitraw') OR num_class <> 2
			 OR NOT (cutoff > 0 AND cutoff < 1)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the cutoff of model "%s" does not fit', model),
			HINT = 'A cutoff is a probability between 0 and 1, for the objectives binary:logistic and binary:logitraw.';
	END IF;
	IF base_margin IS NOT NULL AND (facts ->> 'outputs')::integer > 1 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('model "%s" has several outputs and cannot have a base margin', model);
	END IF;
	IF octet_length(base_margin) > 63 OR base_margin = '' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the base margin column of model "%s" is not a name', model),
			HINT = 'Names have from 1 to 63 bytes.';
	END IF;
	IF missing IN ('infinity', '-infinity', 'NaN') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the missing value of model "%s" is not a finite number', model),
			HINT = 'Null and NaN are always read as missing; leave "missing" out where nothing else is.';
	END IF;
	IF iterations IS NOT NULL AND facts ->> 'booster' = 'gblinear' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('model "%s" cannot be scored with %s iterations', model, iterations),
			DETAIL = 'A linear model is always scored with all of its rounds.';
	END IF;
	IF iterations < 1 OR iterations > rounds THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('model "%s" cannot be scored with %s iterations', model, iterations),
			DETAIL = format('The file holds %s boosting rounds.', rounds),
			HINT = 'Without "iterations", the best iteration that the file names is the last one scored.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_load_internal(text, jsonb, text[], real, text, real, integer) IS
	'checks the arguments of load_model against what the file says';
-- Verification: a version is served only after something has proved that it is
-- scored right.  XGBoost does, in a process of its own, by scoring the same
-- rows as the native engine; so do golden rows, whose values come from where
-- the model was trained.

CREATE FUNCTION scorebook.try_model_internal(label text, artifact bytea, iterations integer,
	OUT library_version text, OUT reason text, OUT probe_rows integer, OUT probe_difference real,
	OUT native boolean, OUT compiled bytea, OUT report jsonb, OUT probe_values real[])
RETURNS record
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_try_model';

COMMENT ON FUNCTION scorebook.try_model_internal(text, bytea, integer) IS
	'compiles a model, and compares the native engine with XGBoost, where XGBoost can judge it';

CREATE FUNCTION scorebook.score_golden_internal(label text, engine text, inputs jsonb)
RETURNS SETOF real[]
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_score_golden';

COMMENT ON FUNCTION scorebook.score_golden_internal(text, text, jsonb) IS
	'the values of an array of inputs, by the engine that is named';

CREATE FUNCTION scorebook.verify_model(ref text)
RETURNS scorebook.verification
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.verify_model(text) IS
	'verifies a version again, with the installed XGBoost and its golden rows, and records what came out';

CREATE FUNCTION scorebook.bound_inputs(ref text, features record)
RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_bound_inputs';

COMMENT ON FUNCTION scorebook.bound_inputs(text, record) IS
	'the inputs of a row as the model sees them: numbers as float4, levels, null where missing';

CREATE FUNCTION scorebook.verify_source(
	ref text,
	source regclass,
	expected regclass,
	tolerance double precision DEFAULT 1e-6,
	key name DEFAULT NULL,
	value name DEFAULT 'value',
	OUT agrees boolean,
	OUT rows_compared bigint,
	OUT rows_different bigint,
	OUT worst_difference double precision,
	OUT only_in_source bigint,
	OUT only_in_expected bigint,
	OUT worst_rows jsonb)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source_key name := key;
	expected_key name;
	value_is_array boolean;
BEGIN
	IF ref IS NULL OR source IS NULL OR expected IS NULL OR value IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'a model reference, a source, a relation of expected values and its column are needed';
	END IF;
	IF tolerance IS NULL OR NOT (tolerance >= 0 AND tolerance < 'infinity') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the tolerance is not a number from 0',
			HINT = 'It is the relative difference that is still taken for equal, such as 1e-6.';
	END IF;
	PERFORM scorebook.resolve_reference(ref, 'score');

	IF source_key IS NULL THEN
		SELECT a.attname INTO source_key
		FROM pg_index AS i
			JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = source AND i.indisprimary AND i.indnkeyatts = 1;
		IF source_key IS NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('relation "%s" has no primary key of one column', source),
				HINT = 'Name the column that identifies its rows with key => ''...''.';
		END IF;
	END IF;
	IF NOT EXISTS (SELECT FROM pg_attribute AS a
				   WHERE a.attrelid = source AND a.attname = source_key AND a.attnum > 0 AND NOT a.attisdropped) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_column',
			MESSAGE = format('relation "%s" has no column "%s"', source, source_key);
	END IF;
	SELECT a.attname INTO expected_key
	FROM pg_attribute AS a
	WHERE a.attrelid = expected AND a.attname IN (source_key, 'key') AND a.attnum > 0 AND NOT a.attisdropped
	ORDER BY a.attname = source_key DESC
	LIMIT 1;
	SELECT a.atttypid::regtype::text LIKE '%[]' INTO value_is_array
	FROM pg_attribute AS a
	WHERE a.attrelid = expected AND a.attname = value AND a.attnum > 0 AND NOT a.attisdropped;
	IF expected_key IS NULL OR value_is_array IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_column',
			MESSAGE = format('relation "%s" has no column "%s"', expected,
				CASE WHEN expected_key IS NULL THEN source_key ELSE value END),
			HINT = format('It needs the key of the source, as "%s" or "key", and the values that the training side computed, as "value" or as named with value => ''...''.',
				source_key);
	END IF;

	-- a row goes by its alias, unless a column is called so
	EXECUTE format($query$
		WITH pair AS
		(
			SELECT "source row".%1$I AS source_key, e.%2$I AS expected_key, "source row" AS input,
				CASE WHEN "source row".%1$I IS NOT NULL AND e.%2$I IS NOT NULL
					THEN scorebook.predict_vector($1, "source row") END AS predicted,
				%3$s AS expected
			FROM %4$s AS "source row" FULL JOIN %5$s AS e ON "source row".%1$I = e.%2$I
		), compared AS
		(
			SELECT p.*, scorebook.relative_difference(p.predicted, p.expected) AS difference
			FROM pair AS p
			WHERE p.predicted IS NOT NULL
		), worst AS
		(
			SELECT * FROM compared WHERE difference > 0 ORDER BY difference DESC, source_key LIMIT 10
		)
		SELECT (SELECT count(*) FROM compared),
			(SELECT count(*) FROM compared WHERE difference > $2),
			(SELECT max(difference) FROM compared),
			(SELECT count(*) FROM pair WHERE expected_key IS NULL),
			(SELECT count(*) FROM pair WHERE source_key IS NULL),
			(SELECT coalesce(jsonb_agg(jsonb_build_object('key', source_key, 'predicted',
						CASE WHEN cardinality(predicted) = 1 THEN to_jsonb(predicted[1]) ELSE to_jsonb(predicted) END,
					'expected', CASE WHEN cardinality(expected) = 1 THEN to_jsonb(expected[1]) ELSE to_jsonb(expected) END,
					'difference', difference, 'inputs', scorebook.bound_inputs($1, input))
					ORDER BY difference DESC, source_key), '[]')
			 FROM worst)
		$query$,
		source_key, expected_key,
		format(CASE WHEN value_is_array THEN 'e.%I::double precision[]' ELSE 'ARRAY[e.%I]::double precision[]' END, value),
		source, expected)
	INTO rows_compared, rows_different, worst_difference, only_in_source, only_in_expected, worst_rows
	USING ref, tolerance;
	agrees := rows_compared > 0 AND rows_different = 0 AND only_in_expected = 0;
END
$$;

COMMENT ON FUNCTION scorebook.verify_source(text, regclass, regclass, double precision, name, name) IS
	'scores the rows of a source and compares them, by key, with what the training side predicted for them';

-- Of two lists of numbers; infinite where they do not compare at all.
CREATE FUNCTION scorebook.relative_difference(predicted real[], expected double precision[])
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN cardinality(predicted) IS DISTINCT FROM cardinality(expected) THEN 'infinity'
		ELSE (SELECT max(CASE
				WHEN p::double precision = e THEN 0
				WHEN e IS NULL OR e IN ('NaN', 'infinity', '-infinity') THEN 'infinity'
				ELSE abs(p - e) / greatest(abs(p), abs(e)) END)
			  FROM unnest(predicted, expected) AS u (p, e)) END
$$;

COMMENT ON FUNCTION scorebook.relative_difference(real[], double precision[]) IS
	'the largest relative difference between predicted and expected values';

CREATE FUNCTION scorebook.add_golden_rows_internal(label text, id integer, version integer, golden jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
BEGIN
	IF golden IS NULL THEN
		RETURN;
	END IF;
	IF jsonb_typeof(golden) <> 'array' OR jsonb_array_length(golden) = 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"golden" of model "%s" is not a list of rows', label),
			HINT = 'Give a JSON array such as [{"inputs": {"income": 2100}, "expected": 0.17}].';
	END IF;
	FOR item IN
		SELECT g.value AS row, g.ordinality AS number,
			CASE jsonb_typeof(g.value -> 'expected')
				WHEN 'array' THEN g.value -> 'expected'
				ELSE jsonb_build_array(g.value -> 'expected') END AS expected
		FROM jsonb_array_elements(golden) WITH ORDINALITY AS g
	LOOP
		IF jsonb_typeof(item.row) <> 'object'
			OR item.row - '{inputs,expected}'::text[] <> '{}'
			OR coalesce(jsonb_typeof(item.row -> 'inputs'), '') NOT IN ('object', 'array')
			OR NOT item.row ? 'expected' OR jsonb_array_length(item.expected) = 0
			OR EXISTS (SELECT FROM jsonb_array_elements(item.expected) AS e
					   WHERE jsonb_typeof(e) <> 'number') THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('golden row %s of model "%s" is not one', item.number, label),
				DETAIL = 'It needs "inputs", an object or an array, and "expected", a number or an array of numbers.';
		END IF;
		INSERT INTO scorebook.golden_row (model_id, version, row, inputs, expected)
		VALUES (id, version, item.number, item.row -> 'inputs',
			ARRAY(SELECT e::double precision
				  FROM jsonb_array_elements(item.expected) WITH ORDINALITY AS v (e, n) ORDER BY n));
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.add_golden_rows_internal(text, integer, integer, jsonb) IS
	'checks the golden rows of a version and keeps them';

-- Writes the next verification of a version, and its compiled form.  The first
-- one decides whether it is admitted at all.
CREATE FUNCTION scorebook.verify_version_internal(caller name, label text, id integer, version integer)
RETURNS scorebook.verification
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	terms record;
	tried record;
	golden record;
	result scorebook.verification;
BEGIN
	SELECT v.iterations, v.tolerance, v.allow_unverified, v.xgboost_version, v.objective, a.artifact,
		(SELECT coalesce(max(w.run), 0) + 1
		 FROM scorebook.verification AS w
		 WHERE w.model_id = v.model_id AND w.version = v.version) AS run
	INTO STRICT terms
	FROM scorebook.model_version AS v
		JOIN scorebook.model_artifact AS a USING (model_id, version)
	WHERE v.model_id = id AND v.version = verify_version_internal.version;
	SELECT * INTO STRICT tried
	FROM scorebook.try_model_internal(label, terms.artifact, coalesce(terms.iterations, 0));

	DELETE FROM scorebook.compiled_model AS c
	WHERE c.model_id = id AND c.version = verify_version_internal.version;
	INSERT INTO scorebook.compiled_model (model_id, version, compiled)
	VALUES (id, version, tried.compiled);

	result.model_id := id;
	result.version := version;
	result.run := terms.run;
	result.engine := CASE WHEN tried.native THEN 'native' ELSE 'xgboost' END;
	result.library_version := tried.library_version;
	result.verified_at := now();
	result.requested_by := caller;
	result.probe_rows := tried.probe_rows;
	result.probe_difference := tried.probe_difference;
	result.reason := tried.reason;
	result.report := tried.report;
	result.probe_values := tried.probe_values;

	SELECT count(*) AS rows, max(d.difference) AS difference,
		(array_agg(d.row ORDER BY d.difference DESC, d.row))[1] AS worst_row,
		(array_agg(d.predicted::text ORDER BY d.difference DESC, d.row))[1] AS predicted,
		(array_agg(d.expected::text ORDER BY d.difference DESC, d.row))[1] AS expected
	INTO STRICT golden
	FROM (SELECT g.row, s.predicted, g.expected,
				scorebook.relative_difference(s.predicted, g.expected) AS difference
		  FROM (SELECT r.*, row_number() OVER (ORDER BY r.row) AS number
				FROM scorebook.golden_row AS r
				WHERE r.model_id = id AND r.version = verify_version_internal.version) AS g
			JOIN scorebook.score_golden_internal(label, result.engine,
				(SELECT jsonb_agg(r.inputs ORDER BY r.row)
				 FROM scorebook.golden_row AS r
				 WHERE r.model_id = id AND r.version = verify_version_internal.version))
				WITH ORDINALITY AS s (predicted, number) USING (number)) AS d;
	result.golden_rows := golden.rows;
	result.golden_difference := golden.difference;

	result.verified_by := CASE
		WHEN golden.difference > terms.tolerance THEN 'none'
		WHEN golden.rows > 0 AND tried.reason IS NULL THEN 'both'
		WHEN golden.rows > 0 THEN 'golden'
		WHEN tried.reason IS NULL THEN 'library'
		ELSE 'none' END;
	IF golden.difference > terms.tolerance THEN
		result.engine := 'none';
		result.reason := format('golden row %s should give %s, and gives %s', golden.worst_row,
			trim(golden.expected, '{}'), trim(golden.predicted, '{}'));
	ELSIF result.verified_by = 'none' AND NOT terms.allow_unverified THEN
		result.engine := 'none';
	END IF;
	IF result.engine = 'none' AND terms.run = 1 THEN
		IF golden.rows > 0 THEN
			RAISE EXCEPTION USING
				ERRCODE = 'data_exception',
				MESSAGE = format('the golden rows of model "%s" do not hold', label),
				DETAIL = format('The worst: %s; the relative difference is %s, the tolerance %s.',
					result.reason, ltrim(to_char(golden.difference, '9.9EEEE')), terms.tolerance),
				HINT = 'Inputs and expected values must come from the same model, and the inputs must be those before any preprocessing that the database does not repeat.';
		END IF;
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('model "%s" was written by XGBoost %s and cannot be verified by the installed XGBoost %s',
				label, terms.xgboost_version, tried.library_version),
			DETAIL = tried.reason,
			HINT = 'Pass golden rows (golden => ''[{"inputs": ..., "expected": ...}]''), which the training side computed, or allow_unverified => true, or install a newer XGBoost for the server.';
	END IF;

	INSERT INTO scorebook.verification SELECT (result).*;
	RETURN result;
END
$$;

COMMENT ON FUNCTION scorebook.verify_version_internal(name, text, integer, integer) IS
	'verifies a version and records it, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.verify_model_internal(caller name, ref text)
RETURNS scorebook.verification
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := split_part(split_part(ref, '/', 1), '@', 1);
	target record;
BEGIN
	IF ref IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'the model reference cannot be null';
	END IF;
	PERFORM scorebook.lock_model_internal(caller, name, 'manage');
	SELECT * INTO STRICT target FROM scorebook.resolve_reference(ref, 'manage');
	RETURN scorebook.verify_version_internal(caller, name || '/' || target.version, target.model_id,
		target.version);
END
$$;

COMMENT ON FUNCTION scorebook.verify_model_internal(name, text) IS
	'what verify_model does, with the rights of the extension''s owner';
-- Scoring.  Each function takes its features in three forms: a row, matched by
-- the names of its columns; jsonb, matched by its keys; or one array, by
-- position.  All are STABLE and write nothing.

CREATE FUNCTION scorebook.predict(ref text, features record)
RETURNS real
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict';

COMMENT ON FUNCTION scorebook.predict(text, record) IS
	'the score of a model with one output: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict(ref text, features jsonb)
RETURNS real
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict';

COMMENT ON FUNCTION scorebook.predict(text, jsonb) IS
	'the score of a model with one output: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict(ref text, features anyarray)
RETURNS real
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict';

COMMENT ON FUNCTION scorebook.predict(text, anyarray) IS
	'the score of a model with one output: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_proba(ref text, features record)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_proba';

COMMENT ON FUNCTION scorebook.predict_proba(text, record) IS
	'the probability of each class: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_proba(ref text, features jsonb)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_proba';

COMMENT ON FUNCTION scorebook.predict_proba(text, jsonb) IS
	'the probability of each class: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_proba(ref text, features anyarray)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_proba';

COMMENT ON FUNCTION scorebook.predict_proba(text, anyarray) IS
	'the probability of each class: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_class(ref text, features record)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_class';

COMMENT ON FUNCTION scorebook.predict_class(text, record) IS
	'the label of the predicted class: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_class(ref text, features jsonb)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_class';

COMMENT ON FUNCTION scorebook.predict_class(text, jsonb) IS
	'the label of the predicted class: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_class(ref text, features anyarray)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_class';

COMMENT ON FUNCTION scorebook.predict_class(text, anyarray) IS
	'the label of the predicted class: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_vector(ref text, features record)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_vector';

COMMENT ON FUNCTION scorebook.predict_vector(text, record) IS
	'all outputs of a model, as XGBoost gives them: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_vector(ref text, features jsonb)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_vector';

COMMENT ON FUNCTION scorebook.predict_vector(text, jsonb) IS
	'all outputs of a model, as XGBoost gives them: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_vector(ref text, features anyarray)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_vector';

COMMENT ON FUNCTION scorebook.predict_vector(text, anyarray) IS
	'all outputs of a model, as XGBoost gives them: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_margin(ref text, features record)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_margin';

COMMENT ON FUNCTION scorebook.predict_margin(text, record) IS
	'the raw margins of a model, before its link function: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_margin(ref text, features jsonb)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_margin';

COMMENT ON FUNCTION scorebook.predict_margin(text, jsonb) IS
	'the raw margins of a model, before its link function: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_margin(ref text, features anyarray)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_margin';

COMMENT ON FUNCTION scorebook.predict_margin(text, anyarray) IS
	'the raw margins of a model, before its link function: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_leaf(ref text, features record)
RETURNS integer[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_leaf';

COMMENT ON FUNCTION scorebook.predict_leaf(text, record) IS
	'the leaf that the row reaches in each tree: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_leaf(ref text, features jsonb)
RETURNS integer[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_leaf';

COMMENT ON FUNCTION scorebook.predict_leaf(text, jsonb) IS
	'the leaf that the row reaches in each tree: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_leaf(ref text, features anyarray)
RETURNS integer[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_leaf';

COMMENT ON FUNCTION scorebook.predict_leaf(text, anyarray) IS
	'the leaf that the row reaches in each tree: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_set(ref text, features record,
	n integer DEFAULT NULL, cutoff real DEFAULT NULL)
RETURNS TABLE (class text, probability real)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 5
AS 'MODULE_PATHNAME', 'sbk_sql_predict_set';

COMMENT ON FUNCTION scorebook.predict_set(text, record, integer, real) IS
	'the likeliest classes, at most n and with at least the cutoff''s probability: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_set(ref text, features jsonb,
	n integer DEFAULT NULL, cutoff real DEFAULT NULL)
RETURNS TABLE (class text, probability real)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 5
AS 'MODULE_PATHNAME', 'sbk_sql_predict_set';

COMMENT ON FUNCTION scorebook.predict_set(text, jsonb, integer, real) IS
	'the likeliest classes, at most n and with at least the cutoff''s probability: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_set(ref text, features anyarray,
	n integer DEFAULT NULL, cutoff real DEFAULT NULL)
RETURNS TABLE (class text, probability real)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 5
AS 'MODULE_PATHNAME', 'sbk_sql_predict_set';

COMMENT ON FUNCTION scorebook.predict_set(text, anyarray, integer, real) IS
	'the likeliest classes, at most n and with at least the cutoff''s probability: of an array, in the order of the features';

CREATE FUNCTION scorebook.input_map(ref text, relation regclass DEFAULT NULL)
RETURNS TABLE (feature text, "column" text, type text, verdict text)
LANGUAGE c STABLE PARALLEL SAFE ROWS 30
AS 'MODULE_PATHNAME', 'sbk_sql_input_map';

COMMENT ON FUNCTION scorebook.input_map(text, regclass) IS
	'how the columns of a relation are bound to the inputs of a model; without a relation, the inputs';
-- Explaining.  Each function takes its features in the three forms that the
-- scoring functions take, is STABLE and writes nothing.

CREATE FUNCTION scorebook.explain(ref text, features record,
	top_n integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution real, output text,
	base_value real, additivity_error real)
LANGUAGE c STABLE PARALLEL SAFE COST 100000 ROWS 30
AS 'MODULE_PATHNAME', 'sbk_sql_explain';

COMMENT ON FUNCTION scorebook.explain(text, record, integer, text) IS
	'what each feature adds to the margin of a class or output, the largest first: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.explain(ref text, features jsonb,
	top_n integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution real, output text,
	base_value real, additivity_error real)
LANGUAGE c STABLE PARALLEL SAFE COST 100000 ROWS 30
AS 'MODULE_PATHNAME', 'sbk_sql_explain';

COMMENT ON FUNCTION scorebook.explain(text, jsonb, integer, text) IS
	'what each feature adds to the margin of a class or output, the largest first: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.explain(ref text, features anyarray,
	top_n integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution real, output text,
	base_value real, additivity_error real)
LANGUAGE c STABLE PARALLEL SAFE COST 100000 ROWS 30
AS 'MODULE_PATHNAME', 'sbk_sql_explain';

COMMENT ON FUNCTION scorebook.explain(text, anyarray, integer, text) IS
	'what each feature adds to the margin of a class or output, the largest first: of an array, in the order of the features';

CREATE FUNCTION scorebook.reasons(ref text, features record,
	n integer DEFAULT 4, direction text DEFAULT 'adverse', class text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'sbk_sql_reasons';

COMMENT ON FUNCTION scorebook.reasons(text, record, integer, text, text) IS
	'the features that push the score up the most, or that matter the most: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.reasons(ref text, features jsonb,
	n integer DEFAULT 4, direction text DEFAULT 'adverse', class text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'sbk_sql_reasons';

COMMENT ON FUNCTION scorebook.reasons(text, jsonb, integer, text, text) IS
	'the features that push the score up the most, or that matter the most: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.reasons(ref text, features anyarray,
	n integer DEFAULT 4, direction text DEFAULT 'adverse', class text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'sbk_sql_reasons';

COMMENT ON FUNCTION scorebook.reasons(text, anyarray, integer, text, text) IS
	'the features that push the score up the most, or that matter the most: of an array, in the order of the features';
-- Reading the registry: the card of a model, and typed functions for BI tools.

CREATE FUNCTION scorebook.model_card(ref text)
RETURNS TABLE (item text, value text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH target AS MATERIALIZED
	(
		SELECT r.model_id, r.version
		FROM scorebook.resolve_reference(ref, 'read') AS r
	), aliases AS
	(
		SELECT DISTINCT ON (a.alias) a.alias, a.version
		FROM scorebook.alias AS a JOIN target AS t ON t.model_id = a.model_id
		ORDER BY a.alias, a.move DESC
	), facts AS
	(
		SELECT m.name, m.owner, m.mode, v.*,
			(SELECT string_agg(a.alias, ', ' ORDER BY a.alias)
			 FROM aliases AS a WHERE a.version = v.version) AS aliases,
			(SELECT string_agg(f.column_name
					|| CASE WHEN f.column_name <> f.name THEN ' as ' || f.name ELSE '' END
					|| CASE WHEN f.type = 'categorical' THEN ' (' || cardinality(f.levels) || ' levels)' ELSE '' END,
					', ' ORDER BY f.position)
			 FROM scorebook.model_feature AS f
			 WHERE f.model_id = v.model_id AND f.version = v.version) AS inputs,
			r.retired_at, r.retired_by, r.reason AS retired_for,
			c.verified_by, c.engine, c.probe_rows, c.probe_difference, c.golden_rows,
			c.golden_difference, c.library_version, c.reason AS unverified_for
		FROM target AS t
			JOIN scorebook.model AS m ON m.model_id = t.model_id
			JOIN scorebook.model_version AS v ON v.model_id = t.model_id AND v.version = t.version
			LEFT JOIN scorebook.retirement AS r ON r.model_id = t.model_id AND r.version = t.version
			LEFT JOIN LATERAL
				(SELECT *
				 FROM scorebook.verification AS w
				 WHERE w.model_id = t.model_id AND w.version = t.version
				 ORDER BY w.run DESC
				 LIMIT 1) AS c ON true
	)
	SELECT card.item, card.value
	FROM facts AS f, LATERAL
	(VALUES
		(1, 'model', f.name || '/' || f.version),
		(2, 'aliases', f.aliases),
		(3, 'description', f.description),
		(4, 'purpose', f.purpose),
		(5, 'mode', f.mode),
		(6, 'owner', f.owner::text),
		(7, 'objective', concat_ws(' ', f.objective, f.facts ->> 'quantiles', f.facts ->> 'expectiles')),
		(8, 'classes', array_to_string(f.classes, ', ')
			|| CASE WHEN cardinality(f.classes) = 2 THEN format(' (the second above %s)', f.cutoff) ELSE '' END),
		(9, 'inputs', f.num_feature || ': ' || f.inputs),
		(10, 'missing', 'null, NaN' || coalesce(', ' || f.missing, '')),
		(11, 'base margin', 'column ' || f.base_margin),
		(12, 'booster', CASE f.booster
			WHEN 'gblinear' THEN 'gblinear'
			ELSE format('%s, %s trees in %s rounds', f.booster, f.num_tree, f.num_round) END),
		(13, 'scored with', CASE
			WHEN f.iterations IS NULL OR f.iterations = f.num_round THEN 'all rounds'
			WHEN f.iterations = f.best_iteration + 1
				THEN format('the first %s of %s rounds, up to the best iteration', f.iterations, f.num_round)
			ELSE format('the first %s of %s rounds', f.iterations, f.num_round) END),
		(14, 'file', format('%s, %s, sha256 %s', upper(f.format), pg_size_pretty(f.size_bytes), encode(f.sha256, 'hex'))),
		(15, 'written by', 'XGBoost ' || f.xgboost_version),
		(16, 'verified', CASE f.verified_by
			WHEN 'none' THEN 'no: ' || f.unverified_for
			ELSE concat_ws(', and ',
				CASE WHEN f.verified_by IN ('library', 'both') THEN
					format('by XGBoost %s on %s rows', f.library_version, f.probe_rows) END,
				CASE WHEN f.verified_by IN ('golden', 'both') THEN
					format('by %s golden %s', f.golden_rows, CASE f.golden_rows WHEN 1 THEN 'row' ELSE 'rows' END) END) END),
		(17, 'scored by', CASE f.engine
			WHEN 'native' THEN 'the native engine'
				|| CASE f.verified_by WHEN 'none' THEN ', unverified, as it was allowed' ELSE '' END
			WHEN 'xgboost' THEN 'XGBoost'
				|| CASE WHEN f.probe_difference > 0
					THEN format(', from which the native engine differs by %s', f.probe_difference) ELSE '' END
			ELSE 'nothing, until it is verified' END),
		(18, 'loaded', format('%s by %s', to_char(f.loaded_at, 'YYYY-MM-DD HH24:MI:SS TZ'), f.loaded_by)),
		(19, 'training', f.training::text),
		(20, 'retired', format('%s by %s', to_char(f.retired_at, 'YYYY-MM-DD HH24:MI:SS TZ'), f.retired_by)
			|| coalesce(': ' || f.retired_for, ''))
	) AS card (position, item, value)
	WHERE card.value IS NOT NULL AND (card.item <> 'retired' OR f.retired_at IS NOT NULL)
	ORDER BY card.position
$$;

COMMENT ON FUNCTION scorebook.model_card(text) IS
	'what a person wants to know about a version of a model, as items and values';

-- The function runs with the rights of the role that creates it, so that
-- EXECUTE on it is all that others need.
CREATE FUNCTION scorebook.create_predictor(ref text, schema name, name name DEFAULT NULL)
RETURNS regprocedure
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target record;
	outputs integer;
	columns text;
	type_name text;
	function_name text;
BEGIN
	IF ref IS NULL OR schema IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'a predictor needs a model reference and a schema';
	END IF;
	PERFORM scorebook.resolve_reference(ref, 'score');
	SELECT v.objective, v.num_output INTO STRICT target
	FROM scorebook.resolve_reference(ref, 'read') AS r
		JOIN scorebook.model_version AS v ON v.model_id = r.model_id AND v.version = r.version;
	outputs := CASE target.objective WHEN 'multi:softmax' THEN 1 ELSE target.num_output END;

	IF EXISTS (SELECT FROM scorebook.input_map(ref) AS m WHERE octet_length(m."column") > 63) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'name_too_long',
			MESSAGE = format('a feature of model "%s" has too long a name for a column', ref),
			HINT = 'Load the model with shorter names in "columns".';
	END IF;
	name := coalesce(name, split_part(split_part(ref, '/', 1), '@', 1));
	type_name := format('%I.%I', schema, name || '_input');
	function_name := format('%I.%I', schema, name);
	SELECT string_agg(format('%I %s', m."column", m.type), ', ' ORDER BY m.position) INTO columns
	FROM (SELECT "column", type, min(ordinality) AS position
		  FROM scorebook.input_map(ref) WITH ORDINALITY
		  GROUP BY "column", type) AS m;

	EXECUTE format('CREATE TYPE %s AS (%s)', type_name, columns);
	EXECUTE format('CREATE FUNCTION %s(input %s) RETURNS %s LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER COST 1000 RETURN scorebook.%I(%L, input)',
		function_name, type_name,
		CASE outputs WHEN 1 THEN 'real' ELSE 'real[]' END,
		CASE outputs WHEN 1 THEN 'predict' ELSE 'predict_vector' END, ref);
	EXECUTE format('REVOKE ALL ON FUNCTION %s(%s) FROM PUBLIC', function_name, type_name);
	EXECUTE format('COMMENT ON FUNCTION %s(%s) IS %L', function_name, type_name,
		format('score of model %s, made by scorebook.create_predictor', ref));
	RETURN format('%s(%s)', function_name, type_name)::regprocedure;
END
$$;

COMMENT ON FUNCTION scorebook.create_predictor(text, name, name) IS
	'creates a typed function that scores a model, for BI tools and ordinary grants';

-- The cache of this session: it is memory of the backend, so each session sees
-- its own.
CREATE FUNCTION scorebook.cache_counts(OUT entries bigint, OUT bytes bigint, OUT limit_bytes bigint,
	OUT hits bigint, OUT loads bigint, OUT evictions bigint)
RETURNS record
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_cache_counts';

COMMENT ON FUNCTION scorebook.cache_counts() IS
	'what this session''s cache of models holds and has done; read the view scorebook.cache';

CREATE FUNCTION scorebook.cached_models()
RETURNS TABLE (model text, bytes bigint, hits bigint, in_use boolean, library_loaded boolean)
LANGUAGE c VOLATILE STRICT ROWS 10
AS 'MODULE_PATHNAME', 'sbk_sql_cached_models';

COMMENT ON FUNCTION scorebook.cached_models() IS
	'the models in this session''s cache, the one used last first; read the view scorebook.cached_model';

CREATE VIEW scorebook.cache AS
	SELECT * FROM scorebook.cache_counts();

COMMENT ON VIEW scorebook.cache IS
	'this session''s cache of models: entries and bytes it holds, hits, loads and evictions so far';

CREATE VIEW scorebook.cached_model AS
	SELECT * FROM scorebook.cached_models();

COMMENT ON VIEW scorebook.cached_model IS
	'the models in this session''s cache, the one used last first';
-- Who may do what with the extension's own objects.  Rights on models are rows
-- of scorebook.model_grant.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA scorebook FROM PUBLIC;

-- Anyone may score and explain, where the model's owner lets them, and look at bytes.
GRANT EXECUTE ON FUNCTION
	scorebook.predict(text, record),
	scorebook.predict(text, jsonb),
	scorebook.predict(text, anyarray),
	scorebook.predict_proba(text, record),
	scorebook.predict_proba(text, jsonb),
	scorebook.predict_proba(text, anyarray),
	scorebook.predict_class(text, record),
	scorebook.predict_class(text, jsonb),
	scorebook.predict_class(text, anyarray),
	scorebook.predict_vector(text, record),
	scorebook.predict_vector(text, jsonb),
	scorebook.predict_vector(text, anyarray),
	scorebook.predict_margin(text, record),
	scorebook.predict_margin(text, jsonb),
	scorebook.predict_margin(text, anyarray),
	scorebook.predict_leaf(text, record),
	scorebook.predict_leaf(text, jsonb),
	scorebook.predict_leaf(text, anyarray),
	scorebook.predict_set(text, record, integer, real),
	scorebook.predict_set(text, jsonb, integer, real),
	scorebook.predict_set(text, anyarray, integer, real),
	scorebook.explain(text, record, integer, text),
	scorebook.explain(text, jsonb, integer, text),
	scorebook.explain(text, anyarray, integer, text),
	scorebook.reasons(text, record, integer, text, text),
	scorebook.reasons(text, jsonb, integer, text, text),
	scorebook.reasons(text, anyarray, integer, text, text),
	scorebook.input_map(text, regclass),
	scorebook.inspect_model(bytea),
	scorebook.bound_inputs(text, record),
	scorebook.verify_source(text, regclass, regclass, double precision, name, name),
	scorebook.relative_difference(real[], double precision[]),
	scorebook.cache_counts(),
	scorebook.cached_models(),
	scorebook.model_card(text),
	scorebook.has_model_privilege(name, integer, text),
	scorebook.resolve_reference(text, text)
TO PUBLIC;

-- The rows of a model are seen by those who may read it, its bytes by its
-- owner.  Scoring reads these tables by itself and asks for no right on them.
ALTER TABLE scorebook.model ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.model_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.model_artifact ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.model_feature ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.alias ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.retirement ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.compiled_model ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.golden_row ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.verification ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.model_grant ENABLE ROW LEVEL SECURITY;

CREATE POLICY model_read ON scorebook.model FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY model_version_read ON scorebook.model_version FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY model_artifact_read ON scorebook.model_artifact FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'own'));
CREATE POLICY model_feature_read ON scorebook.model_feature FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY alias_read ON scorebook.alias FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY compiled_model_read ON scorebook.compiled_model FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'own'));
CREATE POLICY golden_row_read ON scorebook.golden_row FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY verification_read ON scorebook.verification FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY retirement_read ON scorebook.retirement FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY model_grant_read ON scorebook.model_grant FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));

GRANT SELECT ON
	scorebook.model,
	scorebook.model_version,
	scorebook.model_artifact,
	scorebook.model_feature,
	scorebook.alias,
	scorebook.retirement,
	scorebook.compiled_model,
	scorebook.golden_row,
	scorebook.verification,
	scorebook.cache,
	scorebook.cached_model,
	scorebook.model_grant
TO PUBLIC;
