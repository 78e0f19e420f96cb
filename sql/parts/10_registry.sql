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
