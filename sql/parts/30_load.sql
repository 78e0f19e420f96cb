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
