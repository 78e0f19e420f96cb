-- What proves that a version is scored right, and what serves it.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
BEGIN;
SELECT plan(70);

CREATE TEMP TABLE artifact AS
SELECT name, pg_read_binary_file(:'fixtures' || '/1.7.4/' || name || '.ubj') AS bytes
FROM unnest('{binlog,dart,gblinear,softmax}'::text[]) AS name;
SELECT scorebook.load_model(name, bytes) FROM artifact \g /dev/null

-- every version has its verification
SELECT results_eq(
	$$SELECT m.name COLLATE "default", v.version, v.run, v.verified_by, v.engine, v.probe_difference, v.golden_rows, v.reason
	  FROM scorebook.verification AS v JOIN scorebook.model AS m USING (model_id) ORDER BY 1$$,
	$$SELECT name, 1, 1, 'library', 'native', 0::real, 0, NULL::text FROM artifact ORDER BY 1$$,
	'both engines gave the same bits');
SELECT cmp_ok(min(probe_rows), '>=', 1000, 'on at least a thousand rows') FROM scorebook.verification;
SELECT is(v.library_version, scorebook.inspect_model(bytes) ->> 'installed_version', 'compared with the installed library: ' || name)
FROM scorebook.verification AS v JOIN scorebook.model AS m USING (model_id) JOIN artifact AS a USING (name);
SELECT is(report - '{load_ms,verify_ms}'::text[], jsonb_build_object('loaded', true, 'rounds', facts -> 'rounds',
	'features', facts -> 'features', 'outputs', facts -> 'outputs'), 'the library''s report on ' || objective)
FROM scorebook.verification JOIN scorebook.model_version USING (model_id, version);
SELECT is(count(*), 4::bigint, 'the library''s values on probe rows are kept')
FROM scorebook.verification WHERE cardinality(probe_values) = 1024;
SELECT throws_ok('UPDATE scorebook.verification SET engine = ''native''', '55000',
	'rows of scorebook.verification cannot be changed');
SELECT is(value, 'the native engine', name || ' is scored natively, says its card')
FROM artifact, scorebook.model_card(name) WHERE item = 'scored by';
SELECT matches(value, '^by XGBoost [0-9.]+ on 1152 rows$', 'and what verified ' || name)
FROM artifact, scorebook.model_card(name) WHERE item = 'verified';

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

-- the last run counts, in the same session and at once
SELECT scorebook.load_model('copy', bytes) FROM artifact WHERE name = 'binlog' \g /dev/null
CREATE FUNCTION pg_temp.verdict(text, text, text, real) RETURNS void LANGUAGE sql AS $$
	INSERT INTO scorebook.verification
	SELECT model_id, version, run + 1, $2, $3, library_version, now(), 'me', 1152, $4, 0, NULL, 'it was so', '{}', NULL
	FROM scorebook.verification JOIN scorebook.model USING (model_id) WHERE name = $1 ORDER BY run DESC LIMIT 1
$$;
SELECT isnt(pg_temp.scores('auto', 'copy'), NULL, 'a copy is scored');
SELECT pg_temp.verdict('copy', 'library', 'xgboost', 0.5);
SELECT is(value, 'XGBoost, from which the native engine differs by 0.5', 'what differs is served by the library')
FROM scorebook.model_card('copy') WHERE item = 'scored by';
SET LOCAL scorebook.engine = native;
SELECT throws_ok('SELECT scorebook.predict(''copy'', array_fill(1, ''{8}''))', '55000',
	'model "copy/1" cannot be scored natively');
SELECT is(pg_temp.scores('auto', 'copy'), pg_temp.scores('native', 'binlog'), 'and the library serves it');
SELECT pg_temp.verdict('copy', 'none', 'none', 0.5);
SET LOCAL scorebook.engine = auto;
SELECT throws_ok('SELECT scorebook.predict(''copy'', array_fill(1, ''{8}''))', '55000',
	'model "copy/1" is not verified');
SELECT throws_ok('SELECT scorebook.explain(''copy'', array_fill(1, ''{8}''))', '55000',
	'model "copy/1" is not verified', 'what is not verified is not explained either');
SELECT is(value, 'nothing, until it is verified', 'nor does the card say anything else')
FROM scorebook.model_card('copy') WHERE item = 'scored by';
SELECT is((v).run || ' ' || (v).verified_by || ' ' || (v).engine, '4 library native', 'verify_model records what it finds')
FROM scorebook.verify_model('copy') AS v;
SELECT is(pg_temp.scores('auto', 'copy'), pg_temp.scores('native', 'binlog'), 'and it is served again');
DELETE FROM scorebook.verification AS v USING scorebook.model AS m WHERE m.model_id = v.model_id AND m.name = 'copy';
SELECT throws_ok('SELECT scorebook.predict(''copy'', array_fill(1, ''{8}''))', '55000',
	'model "copy/1" is not verified', 'nor is a version without any verification');

-- another library than the one recorded: checked once, and it holds
INSERT INTO scorebook.verification
SELECT model_id, 1, 1, 'library', 'native', '0.0.1', now(), 'me', 1152, 0, 0, NULL, NULL, '{}', NULL
FROM scorebook.model WHERE name = 'copy';
SELECT is(pg_temp.scores('xgboost', 'copy'), pg_temp.scores('native', 'binlog'), 'a library of another version is compared first');
SELECT ok((SELECT library_loaded FROM scorebook.cached_model LIMIT 1), 'then it is loaded, and remembered');

-- golden rows
CREATE FUNCTION pg_temp.golden(number integer, delta double precision, named boolean) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_agg(jsonb_build_object('inputs', CASE WHEN named
			THEN (SELECT jsonb_object_agg('f' || i - 1, r[i]) FROM generate_series(1, 8) AS i) ELSE to_jsonb(r) END,
		'expected', scorebook.predict('binlog', r) * (1 + delta)))
	FROM generate_series(1, number) AS x, LATERAL (SELECT ARRAY[x / 7.0, sin(x), NULL, x % 5, 0, -x, cos(x), x * x]::real[]) AS a (r)
$$;
SELECT is(scorebook.load_model('golden', bytes, golden => pg_temp.golden(10, 0, false)), 1, 'golden rows by position')
FROM artifact WHERE name = 'binlog';
SELECT is(scorebook.load_model('golden', bytes, golden => pg_temp.golden(10, 1e-4, true), tolerance => 1e-3, again => true), 2,
	'and by name, with a tolerance')
FROM artifact WHERE name = 'binlog';
SELECT results_eq(
	$$SELECT version, verified_by, golden_rows, round(golden_difference::numeric, 5)
	  FROM scorebook.verification JOIN scorebook.model USING (model_id) WHERE name = 'golden' ORDER BY 1$$,
	$$VALUES (1, 'both', 10, 0.00000), (2, 'both', 10, 0.00010)$$, 'both have verified it');
SELECT is(value ~ '^by XGBoost [0-9.]+ on 1152 rows, and by 10 golden rows$', true, 'says the card')
FROM scorebook.model_card('golden') WHERE item = 'verified';
SELECT is(count(*), 20::bigint, 'golden rows are kept') FROM scorebook.golden_row;
SELECT throws_ok('UPDATE scorebook.golden_row SET row = 0', '55000', 'rows of scorebook.golden_row cannot be changed');
SELECT throws_ok($$SELECT scorebook.load_model('golden', bytes, golden => pg_temp.golden(3, 1e-4, false), again => true)
	FROM artifact WHERE name = 'binlog'$$, '22000', 'the golden rows of model "golden/3" do not hold');
SELECT throws_ok(format($$SELECT scorebook.load_model('golden', bytes, golden => %L, again => true)
	FROM artifact WHERE name = 'binlog'$$, golden), '22023', message, golden)
FROM (VALUES
	('{}', '"golden" of model "golden/3" is not a list of rows'),
	('[]', '"golden" of model "golden/3" is not a list of rows'),
	('[{"inputs": [1]}]', 'golden row 1 of model "golden/3" is not one'),
	('[{"inputs": [1], "expected": null}]', 'golden row 1 of model "golden/3" is not one'),
	('[{"inputs": 1, "expected": 1}]', 'golden row 1 of model "golden/3" is not one'),
	('[{"inputs": [1], "expected": []}]', 'golden row 1 of model "golden/3" is not one')) AS g (golden, message);
SELECT throws_ok($$SELECT scorebook.load_model('golden', bytes, golden => '[{"inputs": [1,2,3,4,5,6,7,"x"], "expected": 1}]', again => true)
	FROM artifact WHERE name = 'binlog'$$, '42804');

-- what no installed library can judge is named, and served only as the caller wants it
CREATE TEMP TABLE future AS
SELECT convert_to(replace(convert_from(pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.json'), 'UTF8'),
	'"version":[1,7,4]', '"version":[9,0,0]'), 'UTF8') AS bytes;
CREATE FUNCTION pg_temp.too_new(told text) RETURNS text LANGUAGE sql AS $$
	SELECT format('model "future/1" was written by XGBoost 9.0.0 and cannot be %s by the installed XGBoost %s',
		told, library_version)
	FROM scorebook.verification LIMIT 1
$$;
SELECT throws_ok('SELECT scorebook.load_model(''future'', bytes) FROM future', '0A000', pg_temp.too_new('verified'),
	'a model of a version that is yet to come is refused by name');
SELECT is(scorebook.load_model('future', bytes, allow_unverified => true), 1, 'unless it is allowed') FROM future;
SELECT results_eq($$SELECT verified_by, engine, reason ~ '^Files of XGBoost after .* have not been tested'
	FROM scorebook.verification JOIN scorebook.model USING (model_id) WHERE name = 'future'$$,
	$$VALUES ('none', 'native', true)$$, 'then nothing has verified it, which is recorded');
SELECT is(pg_temp.scores('auto', 'future'), pg_temp.scores('native', 'binlog'), 'and the native engine scores it');
SELECT matches(value, '^no: Files of XGBoost after .* have not been tested', 'its card says that it is not verified')
FROM scorebook.model_card('future') WHERE item = 'verified';
SELECT is(value, 'the native engine, unverified, as it was allowed', 'and that this was allowed')
FROM scorebook.model_card('future') WHERE item = 'scored by';
SELECT throws_ok(format('SELECT scorebook.%s(''future'', array_fill(1, ''{8}''))', name), '0A000', pg_temp.too_new('used'),
	name || ' says that the library is too old')
FROM unnest('{explain,reasons}'::text[]) AS name;
SELECT is((v).run || ' ' || (v).verified_by || ' ' || (v).engine, '2 none native', 'verify_model finds no more')
FROM scorebook.verify_model('future') AS v;
SELECT is(scorebook.load_model('future', bytes, golden => pg_temp.golden(10, 0, false), again => true), 2,
	'golden rows verify it')
FROM future;
SELECT is(value, 'by 10 golden rows', 'says its card')
FROM scorebook.model_card('future/2') WHERE item = 'verified';

-- the source's rows, by key
CREATE TEMP TABLE source (id bigint PRIMARY KEY, f0 real, f1 real, f2 text, f3 int, f4 int, f5 real, f6 real, f7 real);
INSERT INTO source (id, f0, f3, f4, f7) SELECT x, x / 7.0, x % 5, 0, x * x FROM generate_series(1, 100) AS x;
ALTER TABLE source ALTER f2 TYPE real USING f2::real;
CREATE TEMP TABLE expected AS SELECT id, scorebook.predict('binlog', s) AS value FROM source AS s;
SELECT is((agrees, rows_compared, rows_different, worst_difference, only_in_source, only_in_expected, worst_rows)::text,
	'(t,100,0,0,0,0,[])', 'a source that is prepared as in training')
FROM scorebook.verify_source('binlog', 'source', 'expected');
UPDATE expected SET value = value * 1.5 WHERE id <= 12;
DELETE FROM expected WHERE id = 100;
INSERT INTO expected VALUES (1000, 1);
SELECT is((agrees, rows_compared, rows_different, only_in_source, only_in_expected, jsonb_array_length(worst_rows))::text,
	'(f,99,12,1,1,10)', 'and one that is not')
FROM scorebook.verify_source('binlog', 'source', 'expected');
SELECT is(worst_rows -> 0 -> 'inputs' -> 'f1', 'null', 'shows the inputs as the model saw them')
FROM scorebook.verify_source('binlog', 'source', 'expected');
SELECT throws_ok('SELECT * FROM scorebook.verify_source(''binlog'', ''expected'', ''source'')', '22023');

-- a column that is called like the rows of the query
CREATE TYPE pg_temp.eight AS (f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
CREATE TEMP TABLE odd AS
	SELECT i AS id, i::real AS f0, 1::real AS f1, 2::real AS f2, 3::real AS f3, 4::real AS f4, 5::real AS f5,
		6::real AS f6, 7::real AS f7, ROW(0, 0, 0, 0, 0, 0, 0, 0)::pg_temp.eight AS s
	FROM generate_series(1, 5) AS i;
CREATE TEMP TABLE odd_expected AS SELECT id, scorebook.predict('binlog', o) AS value FROM odd AS o;
SELECT is(rows_compared || ' ' || rows_different, '5 0', 'verify_source reads the row, whatever its columns are called')
FROM scorebook.verify_source('binlog', 'odd', 'odd_expected', key => 'id');

SELECT * FROM finish();
ROLLBACK;
