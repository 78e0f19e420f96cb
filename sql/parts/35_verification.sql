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
