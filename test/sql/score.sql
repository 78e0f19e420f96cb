--
-- Every scoring function, from a row, from jsonb and from an array, gives what
-- XGBoost gave when the fixtures were made.
--
-- Values are compared within 1e-6 of the larger of 1 and the expected value:
-- another library than the one that wrote a file may differ in the last bits.
-- The three forms of input must agree to the bit.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'

-- the lines of a CSV file without its header, as arrays of cells
CREATE FUNCTION csv(path text) RETURNS TABLE (id bigint, cells text[]) LANGUAGE sql AS $$
	SELECT n - 1, string_to_array(line, ',')
	FROM regexp_split_to_table(rtrim(pg_read_file(path), E'\n'), E'\n') WITH ORDINALITY AS l (line, n)
	WHERE n > 1
$$;
CREATE TABLE applicant (id bigint PRIMARY KEY, f7 numeric, f6 real, f5 double precision, f4 real, f3 real,
	f2 numeric, f1 double precision, f0 real, city text, city_code smallint);
INSERT INTO applicant (id, f0, f1, f2, f3, f4, f5, f6, f7, city, city_code)
SELECT id, nullif(cells[1], '')::real, nullif(cells[2], '')::real, nullif(cells[3], '')::real, nullif(cells[4], '')::real,
	nullif(cells[5], '')::real, nullif(cells[6], '')::real, nullif(cells[7], '')::numeric, nullif(cells[8], '')::numeric,
	nullif(cells[9], ''), nullif(cells[10], '')::smallint
FROM csv(:'fixtures' || 'inputs_cat.csv');
CREATE TABLE expected (model text, id bigint, value real[], margin real[], PRIMARY KEY (model, id));
INSERT INTO expected
SELECT model, id, cells[:cardinality(cells) / 2]::real[], cells[cardinality(cells) / 2 + 1:]::real[]
FROM unnest(ARRAY['abserr', 'aft', 'binlog', 'binraw', 'cat', 'catonehot', 'cox', 'dart', 'gblinear', 'hinge', 'multiout',
	'noname', 'poisson', 'pseudohuber', 'rankndcg', 'rankpairwise', 'reglogistic', 'rf', 'skclass', 'softprob',
	'sqerr', 'sqlog', 'tweedie']) AS m (model), csv(:'fixtures' || model || '.expected.csv');
-- a class index and a margin for each class; without and with early stopping
INSERT INTO expected
SELECT 'softmax', id, cells[:1]::real[], cells[2:]::real[] FROM csv(:'fixtures' || 'softmax.expected.csv')
UNION ALL
SELECT 'early', id, ARRAY[cells[2]]::real[], NULL FROM csv(:'fixtures' || 'early.expected.csv')
UNION ALL
SELECT 'all_rounds', id, ARRAY[cells[1]]::real[], NULL FROM csv(:'fixtures' || 'early.expected.csv');

SELECT model, scorebook.load_model_file(model, :'fixtures' || CASE model WHEN 'all_rounds' THEN 'early' ELSE model END || '.ubj',
	levels => CASE WHEN model ~ '^cat' THEN
		'{"city": ["berlin", "bonn", "gent", "leuven", "lyon", "oslo", "paris", "rome"]}'::jsonb END,
	iterations => CASE model WHEN 'all_rounds' THEN 21 END,
	classes => CASE model WHEN 'softprob' THEN '{low,middle,high}'::text[] WHEN 'binlog' THEN '{good,bad}' END) AS version
FROM (SELECT DISTINCT model FROM expected) AS e ORDER BY model COLLATE "C";

CREATE FUNCTION near(got real[], want real[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT cardinality(got) = cardinality(want)
		AND (SELECT bool_and(abs(g - w) <= 1e-6 * greatest(1, abs(w))) FROM unnest(got::float8[], want::float8[]) AS p (g, w))
$$;

-- values: all outputs, and the one of models that have one
SELECT model, count(*) AS rows, bool_and(near(scorebook.predict_vector(model, a), value)) AS "row",
	bool_and(scorebook.predict_vector(model, to_jsonb(a)) = scorebook.predict_vector(model, a)) AS jsonb,
	bool_and(scorebook.predict_vector(model, CASE WHEN model ~ '^cat' THEN inputs || city_code::real ELSE inputs END)
		= scorebook.predict_vector(model, a)) AS array
FROM expected AS e JOIN applicant AS a USING (id), LATERAL (VALUES (ARRAY[f0, f1, f2, f3, f4, f5, f6, f7]::real[])) AS i (inputs)
GROUP BY model ORDER BY model COLLATE "C";
SELECT model, bool_and(scorebook.predict(model, a) = (scorebook.predict_vector(model, a))[1]) AS "row",
	bool_and(scorebook.predict(model, to_jsonb(a)) = scorebook.predict(model, a)) AS jsonb,
	bool_and(scorebook.predict(model, CASE WHEN model ~ '^cat' THEN inputs || city_code::real ELSE inputs END)
		= scorebook.predict(model, a)) AS array
FROM expected AS e JOIN applicant AS a USING (id), LATERAL (VALUES (ARRAY[f0, f1, f2, f3, f4, f5, f6, f7]::real[])) AS i (inputs)
WHERE cardinality(value) = 1
GROUP BY model ORDER BY model COLLATE "C";

-- margins
SELECT model, bool_and(near(scorebook.predict_margin(model, a), margin)) AS "row",
	bool_and(scorebook.predict_margin(model, to_jsonb(a)) = scorebook.predict_margin(model, a)) AS jsonb,
	bool_and(scorebook.predict_margin(model, CASE WHEN model ~ '^cat' THEN inputs || city_code::real ELSE inputs END)
		= scorebook.predict_margin(model, a)) AS array
FROM expected AS e JOIN applicant AS a USING (id), LATERAL (VALUES (ARRAY[f0, f1, f2, f3, f4, f5, f6, f7]::real[])) AS i (inputs)
WHERE margin IS NOT NULL
GROUP BY model ORDER BY model COLLATE "C";

-- leaves: one for each tree that is scored
SELECT model, array_agg(DISTINCT cardinality(scorebook.predict_leaf(model, a))) AS trees,
	count(DISTINCT scorebook.predict_leaf(model, a)) > 1 AS differ,
	bool_and(scorebook.predict_leaf(model, to_jsonb(a)) = scorebook.predict_leaf(model, a)) AS jsonb,
	bool_and(scorebook.predict_leaf(model, ARRAY[f0, f1, f2, f3, f4, f5, f6, f7]::float8[]) = scorebook.predict_leaf(model, a)) AS array
FROM unnest(ARRAY['all_rounds', 'binlog', 'dart', 'early', 'multiout', 'rf', 'softprob']) AS m (model), applicant AS a
GROUP BY model ORDER BY model COLLATE "C";

-- probabilities: of two classes, of three, and from the margins of softmax
SELECT bool_and(near(scorebook.predict_proba('binlog', a), ARRAY[1 - value[1], value[1]]::real[])) AS "row",
	bool_and(scorebook.predict_proba('binlog', to_jsonb(a)) = scorebook.predict_proba('binlog', a)) AS jsonb,
	bool_and(scorebook.predict_proba('binlog', ARRAY[f0, f1, f2, f3, f4, f5, f6, f7]::real[])
		= scorebook.predict_proba('binlog', a)) AS array
FROM expected JOIN applicant AS a USING (id) WHERE model = 'binlog';
SELECT model, bool_and(near(scorebook.predict_proba(model, a), value)) AS "row",
	bool_and(scorebook.predict_proba(model, to_jsonb(a)) = scorebook.predict_proba(model, a)) AS jsonb
FROM expected JOIN applicant AS a USING (id) WHERE model IN ('skclass', 'softprob') GROUP BY model ORDER BY model;
SELECT bool_and(near(scorebook.predict_proba('softmax', a), probabilities)) AS softmax
FROM expected JOIN applicant AS a USING (id), LATERAL (SELECT array_agg((exp(m::float8) / total)::real ORDER BY n)
	FROM unnest(margin) WITH ORDINALITY AS u (m, n), (SELECT sum(exp(m::float8)) FROM unnest(margin) AS v (m)) AS t (total)) AS p (probabilities)
WHERE model = 'softmax';

-- classes, by label where there are labels
SELECT model, array_agg(DISTINCT class ORDER BY class) AS classes, bool_and(class = wanted) AS right
FROM expected JOIN applicant AS a USING (id),
	LATERAL (SELECT scorebook.predict_class(model, a)) AS p (class),
	LATERAL (SELECT CASE model
		WHEN 'binlog' THEN CASE WHEN value[1] > 0.5 THEN 'bad' ELSE 'good' END
		WHEN 'binraw' THEN (value[1] > 0)::int::text
		WHEN 'hinge' THEN value[1]::text
		WHEN 'softmax' THEN value[1]::text
		WHEN 'softprob' THEN (ARRAY['low', 'middle', 'high'])[best]
		WHEN 'skclass' THEN (best - 1)::text END
		FROM (SELECT n FROM unnest(value) WITH ORDINALITY AS u (v, n) ORDER BY v DESC, n LIMIT 1) AS b (best)) AS w (wanted)
WHERE model IN ('binlog', 'binraw', 'hinge', 'softmax', 'softprob', 'skclass')
GROUP BY model ORDER BY model;
SELECT bool_and(scorebook.predict_class('softprob', to_jsonb(a)) = scorebook.predict_class('softprob', a)) AS jsonb,
	bool_and(scorebook.predict_class('softprob', ARRAY[f0, f1, f2, f3, f4, f5, f6, f7]::real[]) = scorebook.predict_class('softprob', a)) AS array
FROM applicant AS a;

-- a cutoff of the version's own
SELECT scorebook.load_model_file('binlog', :'fixtures' || 'binlog.json', cutoff => 0.9, alias => 'strict') AS version;
SELECT count(*) FILTER (WHERE scorebook.predict_class('binlog@strict', a) = '1')
	= count(*) FILTER (WHERE value[1] > 0.9::real) AS strict,
	count(*) FILTER (WHERE scorebook.predict_class('binlog', a) = 'bad')
	> count(*) FILTER (WHERE scorebook.predict_class('binlog@strict', a) = '1') AS fewer
FROM expected JOIN applicant AS a USING (id) WHERE model = 'binlog';

DROP TABLE applicant, expected;
DROP FUNCTION csv, near;
SELECT count(scorebook.drop_model(name)) FROM (SELECT name FROM scorebook.model) AS m;
