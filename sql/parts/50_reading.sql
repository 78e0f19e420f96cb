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
