-- What load_model finds out about the native engine, and what it serves.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
BEGIN;
SELECT plan(23);

CREATE TEMP TABLE artifact AS
SELECT name, pg_read_binary_file(:'fixtures' || '/1.7.4/' || name || '.ubj') AS bytes
FROM unnest('{binlog,dart,gblinear,softmax}'::text[]) AS name;
SELECT scorebook.load_model(name, bytes) FROM artifact \g /dev/null

-- every version has its verification
SELECT results_eq(
	$$SELECT m.name COLLATE "default", v.version, v.run, v.verified_by, v.worst_difference, v.native
	  FROM scorebook.verification AS v JOIN scorebook.model AS m USING (model_id) ORDER BY 1$$,
	$$SELECT name, 1, 1, 'library', 0::real, true FROM artifact ORDER BY 1$$,
	'both engines gave the same bits');
SELECT cmp_ok(min(rows), '>=', 1000, 'on at least a thousand rows') FROM scorebook.verification;
SELECT is(v.library_version, w.library_version, 'compared with the library that admitted ' || m.name)
FROM scorebook.verification AS v JOIN scorebook.model_version AS w USING (model_id, version)
	JOIN scorebook.model AS m USING (model_id);
SELECT throws_ok('UPDATE scorebook.verification SET native = true', '55000',
	'rows of scorebook.verification cannot be changed');
SELECT matches(value, '^the native engine, ', name || ' is scored natively, says its card')
FROM artifact, scorebook.model_card(name) WHERE item = 'scored by';

-- the setting chooses, and no choice gives other scores
CREATE FUNCTION pg_temp.scores(engine text, model text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('scorebook.engine', engine, true);
	SELECT string_agg(format('%s %s %s', scorebook.predict_vector(model, i), scorebook.predict_margin(model, i),
		CASE model WHEN 'gblinear' THEN '' ELSE scorebook.predict_leaf(model, i)::text END), ' ' ORDER BY x)
	INTO result
	FROM generate_series(-20, 20) AS x,
		LATERAL (SELECT ARRAY[x / 7.0, sin(x), NULL, x % 5, 0, -x, cos(x), x * x]::real[]) AS r (i);
	RETURN result;
END
$$;
SELECT is(pg_temp.scores('native', name), pg_temp.scores('xgboost', name), name || ': both engines')
FROM artifact;
SELECT is(pg_temp.scores('auto', name), pg_temp.scores('xgboost', name), name || ': and auto')
FROM artifact;

-- a later run counts: what differs is served by the library
SELECT scorebook.load_model('copy', bytes) FROM artifact WHERE name = 'binlog' \g /dev/null
INSERT INTO scorebook.verification
SELECT model_id, 1, 2, 'library', '9.9.9', now(), 1152, 0.5, false FROM scorebook.model WHERE name = 'copy';
SELECT is(value, 'XGBoost, since the native engine differed from 9.9.9 by 0.5', 'the card says so')
FROM scorebook.model_card('copy') WHERE item = 'scored by';
SET LOCAL scorebook.engine = native;
SELECT throws_ok('SELECT scorebook.predict(''copy'', array_fill(1, ''{8}''))', '55000',
	'model "copy/1" cannot be scored natively');
SELECT is(pg_temp.scores('auto', 'copy'), pg_temp.scores('native', 'binlog'), 'and the library serves it');

-- so is a version that nobody has verified
DELETE FROM scorebook.verification WHERE verified_by = 'library';
SELECT is(value, 'XGBoost', 'without a verification, it is XGBoost')
FROM scorebook.model_card('dart') WHERE item = 'scored by';

SELECT * FROM finish();
ROLLBACK;
