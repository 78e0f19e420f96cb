-- Scores against what XGBoost itself computed: fixtures of 1.7.4, which every
-- supported library serves, within 1e-6 of each value.
--
-- Bits, and all fixtures, are the business of test/parity.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
\set folder :fixtures '/1.7.4/'
BEGIN;
SELECT plan(97);

CREATE TEMP TABLE inputs
(
	row integer GENERATED ALWAYS AS IDENTITY,
	f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real
);
CREATE TEMP TABLE inputs_cat (LIKE inputs INCLUDING ALL, city text, city_code smallint);
\set file :folder 'inputs.csv'
COPY inputs (f0, f1, f2, f3, f4, f5, f6, f7) FROM :'file' (FORMAT csv, HEADER);
\set file :folder 'inputs_cat.csv'
COPY inputs_cat (f0, f1, f2, f3, f4, f5, f6, f7, city, city_code) FROM :'file' (FORMAT csv, HEADER);

CREATE TEMP TABLE fixture
(
	model	text,
	tables	text DEFAULT 'inputs',	-- that holds its inputs
	levels	jsonb					-- that its file does not hold
);
INSERT INTO fixture (model)
SELECT unnest('{aft,binlog,dart,early,gblinear,hinge,multiout,noname,rf,softmax,softprob,tweedie}'::text[]);
INSERT INTO fixture
SELECT model, 'inputs_cat', jsonb_build_object('city', jsonb_agg(city ORDER BY city COLLATE "C"))
FROM (SELECT DISTINCT city FROM inputs_cat WHERE city IS NOT NULL) AS c,
	unnest('{cat,catonehot}'::text[]) AS model
GROUP BY model;

SELECT is(scorebook.load_model(model, pg_read_binary_file(:'folder' || model || '.ubj'), levels => levels),
	1, 'load ' || model)
FROM fixture ORDER BY model;

-- the numbers in each fixture's file: a row and an output's name for each
CREATE TEMP TABLE expected AS
	WITH cells AS
	(
		SELECT model, l.row - 1 AS row, c.position, c.cell
		FROM fixture,
			pg_read_file(:'folder' || model || '.expected.csv') AS file (text),
			string_to_table(rtrim(file.text, E'\n'), E'\n') WITH ORDINALITY AS l (line, row),
			string_to_table(l.line, ',') WITH ORDINALITY AS c (cell, position)
	)
	SELECT c.model, c.row, c.position, head.cell AS output, c.cell::real AS number
	FROM cells AS c JOIN cells AS head USING (model, position)
	WHERE c.row > 0 AND head.row = 0;
CREATE INDEX ON expected (model, row);

CREATE FUNCTION pg_temp.expected(of_model text, outputs text, of_row integer) RETURNS real[]
LANGUAGE sql
AS $$
	SELECT array_agg(number ORDER BY position) FROM expected
	WHERE model = of_model AND output ~ outputs AND row = of_row
$$;

-- how far numbers are from what they should be, as a share of that
CREATE FUNCTION pg_temp.error(got real[], wanted real[]) RETURNS float8
LANGUAGE sql
AS $$
	SELECT max(CASE WHEN g = w THEN 0 ELSE coalesce(abs((g::float8 - w) / nullif(w, 0)), 'infinity') END)
	FROM ROWS FROM (unnest(got), unnest(wanted)) AS n (g, w)
$$;

-- the largest error of an expression over all inputs
CREATE FUNCTION pg_temp.largest_error(of_model text, expression text, wanted_model text, outputs text)
RETURNS float8
LANGUAGE plpgsql
AS $$
DECLARE
	result float8;
BEGIN
	EXECUTE format('SELECT max(pg_temp.error(%s, pg_temp.expected($2, $3, i.row))) FROM %s AS i',
		replace(expression, '$1', quote_literal(of_model)),
		(SELECT tables FROM fixture WHERE model = of_model))
	INTO result USING of_model, wanted_model, outputs;
	RETURN result;
END
$$;

-- rows, by name; early.expected.csv has no margins
SELECT cmp_ok(pg_temp.largest_error(model, 'scorebook.predict_vector($1, i)', model, '^value'), '<=', 1e-6::float8,
	model || ': values')
FROM fixture WHERE model NOT IN ('early', 'noname') ORDER BY model;
SELECT cmp_ok(pg_temp.largest_error(model, 'scorebook.predict_margin($1, i)', model, '^margin'), '<=', 1e-6::float8,
	model || ': margins')
FROM fixture WHERE model NOT IN ('early', 'noname') ORDER BY model;
SELECT cmp_ok(pg_temp.largest_error(model, 'ARRAY[scorebook.predict($1, i)]', model, '^value'), '<=', 1e-6::float8,
	model || ': one value')
FROM fixture WHERE model NOT IN ('early', 'noname', 'multiout', 'softprob') ORDER BY model;

-- by position; a level is its code
SELECT cmp_ok(pg_temp.largest_error(model,
		format('scorebook.predict_vector($1, ARRAY[%s])', array_to_string(columns, ',')),
		model, '^value'), '<=', 1e-6::float8, model || ': values, from an array')
FROM fixture, LATERAL (
	SELECT array_agg(CASE f.name WHEN 'city' THEN 'city_code' ELSE 'f' || f.position - 1 END
		ORDER BY f.position) AS columns
	FROM scorebook.model AS m JOIN scorebook.model_feature AS f USING (model_id)
	WHERE m.name = model) AS c
WHERE model <> 'early' ORDER BY model;

-- JSON, by name: the same bits as from a row
SELECT is_empty(
	format('SELECT row FROM %s AS i WHERE scorebook.predict_vector(%L, i) IS DISTINCT FROM scorebook.predict_vector(%2$L, to_jsonb(i))',
		tables, model), model || ': the same from jsonb')
FROM fixture ORDER BY model;

-- early stopping: up to the best iteration, unless all are asked for
SELECT cmp_ok(pg_temp.largest_error('early', 'scorebook.predict_vector($1, i)', 'early', '^value_best'),
	'<=', 1e-6::float8, 'early: scored up to its best iteration');
SELECT is(
	(SELECT v.iterations FROM scorebook.model AS m JOIN scorebook.model_version AS v USING (model_id)
	 WHERE m.name = 'early'),
	(SELECT max(number)::integer + 1 FROM expected WHERE model = 'early' AND output = 'best_iteration'),
	'early: so many rounds');
SELECT matches((SELECT value FROM scorebook.model_card('early') WHERE item = 'scored with'),
	'^the first 16 of \d+ rounds, up to the best iteration$', 'early: and its card says so');
SELECT scorebook.load_model('early', pg_read_binary_file(:'folder' || 'early.ubj'), again => true,
	alias => 'champion', iterations => (inspected ->> 'rounds')::integer)
FROM scorebook.inspect_model(pg_read_binary_file(:'folder' || 'early.ubj')) AS inspected \g /dev/null
SELECT cmp_ok(pg_temp.largest_error('early', 'scorebook.predict_vector($1, i)', 'early', '^value_all'),
	'<=', 1e-6::float8, 'early: all rounds where they are asked for');
SELECT is((SELECT value FROM scorebook.model_card('early') WHERE item = 'scored with'), 'all rounds',
	'early: and its card says so');

-- forests: every tree of a round has its leaf
SELECT is(
	(SELECT DISTINCT cardinality(scorebook.predict_leaf('rf', i)) FROM inputs AS i),
	(SELECT v.num_tree FROM scorebook.model AS m JOIN scorebook.model_version AS v USING (model_id)
	 WHERE m.name = 'rf'),
	'rf: a leaf for every tree');
SELECT throws_ok('SELECT scorebook.predict_leaf(''gblinear'', i) FROM inputs AS i', '0A000',
	'model "gblinear/1" is linear and has no leaves');

-- probabilities
SELECT cmp_ok(pg_temp.largest_error('softprob', 'scorebook.predict_proba($1, i)', 'softprob', '^value'),
	'<=', 1e-6::float8, 'softprob: probabilities');
SELECT cmp_ok(pg_temp.largest_error('softmax', 'scorebook.predict_proba($1, i)', 'softprob', '^value'),
	'<=', 1e-6::float8, 'softmax: the probabilities of softprob');
SELECT cmp_ok(pg_temp.largest_error('binlog', '(scorebook.predict_proba($1, i))[2:2]', 'binlog', '^value'),
	'<=', 1e-6::float8, 'binlog: the probability of the second class');
SELECT is_empty(
	'SELECT row FROM inputs AS i, scorebook.predict_proba(''binlog'', i) AS p WHERE p[1] + p[2] <> 1',
	'binlog: that of the first is the rest');
SELECT is_empty(
	$$SELECT row FROM inputs AS i
	  WHERE ARRAY(SELECT probability FROM scorebook.predict_set('softprob', i))
		<> ARRAY(SELECT unnest(scorebook.predict_proba('softprob', i)) ORDER BY 1 DESC)$$,
	'softprob: the set of all classes begins with the likeliest');
SELECT is_empty(
	$$SELECT row FROM inputs AS i, scorebook.predict_set('softprob', i) AS s
	  WHERE s.probability <> (scorebook.predict_proba('softprob', i))[s.class::integer + 1]$$,
	'softprob: each class with its own probability');
SELECT set_eq(
	$$SELECT row, s.class FROM inputs AS i, scorebook.predict_set('softprob', i, 1) AS s$$,
	$$SELECT row, scorebook.predict_class('softprob', i) FROM inputs AS i$$,
	'softprob: the first of the set is the class');
SELECT set_eq(
	$$SELECT row, s.class FROM inputs AS i, scorebook.predict_set('softprob', i, cutoff => 0.25) AS s$$,
	$$SELECT row, s.class FROM inputs AS i, scorebook.predict_set('softprob', i) AS s WHERE probability >= 0.25$$,
	'softprob: the set above a cutoff');
SELECT is(
	(SELECT count(*) FROM inputs AS i, scorebook.predict_set('softprob', i, 2, 0)), 2 * 120::bigint,
	'softprob: at most two');

-- classes
SELECT is_empty(
	$$SELECT row FROM inputs AS i JOIN expected AS e USING (row)
	  WHERE e.model = 'softmax' AND e.output = 'value' AND scorebook.predict_class(e.model, i)::real <> number$$,
	'softmax: the class');
SELECT is_empty(
	$$SELECT row FROM inputs AS i
	  WHERE scorebook.predict_class('softmax', i) <> scorebook.predict_class('softprob', i)$$,
	'softprob: the same class');
SELECT is_empty(
	$$SELECT row FROM inputs AS i JOIN expected AS e USING (row)
	  WHERE e.model = 'binlog' AND e.output = 'value'
		AND scorebook.predict_class(e.model, i) <> CASE WHEN number > 0.5 THEN '1' ELSE '0' END$$,
	'binlog: the class, above one half');
SELECT is_empty(
	$$SELECT row FROM inputs AS i JOIN expected AS e USING (row)
	  WHERE e.model = 'hinge' AND e.output = 'value' AND scorebook.predict_class(e.model, i)::real <> number$$,
	'hinge: the class');
SELECT throws_ok('SELECT scorebook.predict_class(''tweedie'', i) FROM inputs AS i', '0A000',
	'model "tweedie/1" has no classes');
SELECT throws_ok('SELECT scorebook.predict_proba(''hinge'', i) FROM inputs AS i', '0A000',
	'model "hinge/1" gives no probabilities');

SELECT * FROM finish();
ROLLBACK;
