--
-- What explain and reasons say is what XGBoost said when the fixtures were
-- made, and it adds up to the margin.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
CREATE FUNCTION csv(path text) RETURNS TABLE (id bigint, cells text[]) LANGUAGE sql AS $$
	SELECT n - 1, string_to_array(line, ',')
	FROM regexp_split_to_table(rtrim(pg_read_file(path), E'\n'), E'\n') WITH ORDINALITY AS l (line, n)
	WHERE n > 1
$$;
CREATE TABLE applicant (id bigint PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real,
	city text, city_code smallint);
INSERT INTO applicant
SELECT id, nullif(cells[1], '')::real, nullif(cells[2], '')::real, nullif(cells[3], '')::real, nullif(cells[4], '')::real,
	nullif(cells[5], '')::real, nullif(cells[6], '')::real, nullif(cells[7], '')::real, nullif(cells[8], '')::real,
	nullif(cells[9], ''), nullif(cells[10], '')::smallint
FROM csv(:'fixtures' || 'inputs_cat.csv');
SELECT model, scorebook.load_model_file(model, :'fixtures' || CASE model WHEN 'all_rounds' THEN 'early' ELSE model END || '.ubj',
	levels => CASE WHEN model ~ '^cat' THEN
		'{"city": ["berlin", "bonn", "gent", "leuven", "lyon", "oslo", "paris", "rome"]}'::jsonb END,
	policies => CASE model WHEN 'cat' THEN '{"city": {"on_unseen": {"level": "rome"}}}'::jsonb END,
	iterations => CASE model WHEN 'all_rounds' THEN 21 END,
	classes => CASE model WHEN 'softprob' THEN '{low,middle,high}'::text[] WHEN 'binlog' THEN '{good,bad}' END) AS version
FROM unnest('{abserr,aft,all_rounds,binlog,binraw,cat,catonehot,cox,dart,early,gblinear,hinge,multiout,noname,poisson,pseudohuber,rankndcg,rankpairwise,reglogistic,rf,softmax,softprob,sqerr,sqlog,tweedie}'::text[]) AS model;

-- contributions, and the base value behind them, of every output of 20 rows
CREATE TABLE golden AS
SELECT model, id, outputs.output, cells[outputs.n * width + 1:(outputs.n + 1) * width]::real[] AS contributions
FROM (VALUES ('binlog', 9, '{bad}'::text[]), ('cat', 10, '{NULL}'), ('dart', 9, '{1}'), ('softprob', 9, '{low,middle,high}'),
		('sqerr', 9, '{NULL}')) AS m (model, width, outputs),
	csv(:'fixtures' || model || '.contribs.csv'), unnest(outputs) WITH ORDINALITY AS o (output, i),
	LATERAL (SELECT output, i::integer - 1) AS outputs (output, n);
CREATE FUNCTION explained(model text, a applicant, output text) RETURNS real[] LANGUAGE sql STABLE AS $$
	SELECT array_agg(e.contribution ORDER BY e.feature <> 'city', e.feature) || min(e.base_value)
	FROM scorebook.explain(model, a, class => output) AS e
$$;
CREATE FUNCTION worst(got real[], wanted real[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT max(abs(g - w)) FROM unnest(got::float8[], wanted::float8[]) AS p (g, w)
$$;
-- the cities' contribution stands before the base value in the file, and first in explained()
SELECT model, count(*) AS rows, max(worst(explained(model, a, output),
		CASE model WHEN 'cat' THEN contributions[9] || contributions[:8] || contributions[10] ELSE contributions END)) <= 1e-5 AS right
FROM golden JOIN applicant AS a USING (id) GROUP BY model ORDER BY model COLLATE "C";

-- from jsonb and from an array, the same to the bit
SELECT model, bool_and(row = json) AS jsonb, bool_and(row = pos) AS array
FROM unnest('{binlog,cat,dart,softprob}'::text[]) AS model, applicant AS a,
	LATERAL (SELECT ARRAY[f0, f1, f2, f3, f4, f5, f6, f7]::real[]) AS i (inputs),
	LATERAL (SELECT array_agg(e::text) FROM scorebook.explain(model, a) AS e) AS r (row),
	LATERAL (SELECT array_agg(e::text) FROM scorebook.explain(model, to_jsonb(a)) AS e) AS j (json),
	LATERAL (SELECT array_agg(e::text)
			 FROM scorebook.explain(model, CASE model WHEN 'cat' THEN inputs || city_code::real ELSE inputs END) AS e) AS p (pos)
WHERE id <= 20
GROUP BY model ORDER BY model COLLATE "C";

-- every objective and booster: contributions, base value and error are the margin
CREATE FUNCTION margin(model text, features real[], output text) RETURNS TABLE (sum float8, error float8) LANGUAGE sql STABLE AS $$
	SELECT sum(contribution::float8) + min(base_value) + min(additivity_error), max(abs(additivity_error))
	FROM scorebook.explain(model, features, class => output)
$$;
SELECT model, bool_and(abs(explained.sum - margin.margin) <= 1e-6 * greatest(1, abs(margin.margin))) AS adds_up,
	max(explained.error / greatest(1, abs(margin.margin))) <= 1e-5 AS small_error
FROM (VALUES ('abserr', 1), ('aft', 1), ('all_rounds', 1), ('binlog', 1), ('binraw', 1), ('cat', 1), ('catonehot', 1), ('cox', 1),
		('dart', 1), ('early', 1), ('gblinear', 1), ('hinge', 1), ('multiout', 2), ('noname', 1), ('poisson', 1), ('pseudohuber', 1),
		('rankndcg', 1), ('rankpairwise', 1), ('reglogistic', 1), ('rf', 1), ('softmax', 3), ('softprob', 3), ('sqerr', 1),
		('sqlog', 1), ('tweedie', 1)) AS m (model, outputs),
	applicant AS a,
	LATERAL (SELECT ARRAY[f0, f1, f2, f3, f4, f5, f6, f7]::real[] || CASE WHEN model ~ '^cat' THEN ARRAY[city_code::real] END) AS i (inputs),
	LATERAL unnest(scorebook.predict_margin(model, inputs)) WITH ORDINALITY AS margin (margin, n),
	LATERAL margin(model, inputs, CASE WHEN outputs = 1 THEN NULL WHEN model = 'softprob' THEN ('{low,middle,high}'::text[])[n]
		ELSE (n - 1)::text END) AS explained
GROUP BY model ORDER BY model COLLATE "C";
-- the rounds that are scored are those that are explained
SELECT count(*) > 0 AS differ
FROM applicant AS a WHERE explained('early', a, NULL) <> explained('all_rounds', a, NULL);
-- linear: weight times value, nothing for what is missing
SELECT feature, value, round(contribution::numeric, 4) AS contribution
FROM scorebook.explain('gblinear', '{1,NULL,0,0,0,0,0,0}'::real[]) ORDER BY feature LIMIT 3;
SELECT round((x.contribution / y.contribution)::numeric, 4) AS ratio
FROM scorebook.explain('gblinear', '{3,0,0,0,0,0,0,0}'::real[]) AS x, scorebook.explain('gblinear', '{1,0,0,0,0,0,0,0}'::real[]) AS y
WHERE x.feature = 'f0' AND y.feature = 'f0';

-- the largest first, the rest summed; values as the model saw them
\set y '''{"f0": 0.1, "f1": null, "f2": 5, "f3": 1e-7, "f4": null, "f5": 0, "f6": 0, "f7": 0, "city": "vienna"}'''
SET extra_float_digits = 0;
SELECT feature, value FROM scorebook.explain('cat', :y::jsonb) ORDER BY feature;
RESET extra_float_digits;
SELECT feature, value FROM scorebook.explain('cat', '{0.1,NULL,16777217,1,1,1,1,1,3}'::float8[]) WHERE feature IN ('f0', 'f2', 'city') ORDER BY feature;
SELECT n, feature, value IS NULL AS null,
	contribution = 0 OR abs(contribution) <= lag(abs(contribution)) OVER (ORDER BY n) AS falls
FROM ROWS FROM (scorebook.explain('cat', :y::jsonb, 3)) WITH ORDINALITY AS e (feature, value, contribution, output, base_value, error, n)
WHERE n IN (2, 4);
SELECT abs(sum(o.contribution) FILTER (WHERE o.feature = '(other features)')
	- (SELECT sum(contribution) FROM (SELECT contribution FROM scorebook.explain('cat', :y::jsonb) OFFSET 3) AS e)) < 1e-6 AS rest,
	count(*)
FROM scorebook.explain('cat', :y::jsonb, 3) AS o;
SELECT count(*), min(feature) FROM scorebook.explain('cat', :y::jsonb, top_n => 0);
SELECT count(*), count(*) FILTER (WHERE feature = '(other features)') AS others FROM scorebook.explain('cat', :y::jsonb, top_n => 9);
SELECT count(*) FROM scorebook.explain('cat', :y::jsonb, top_n => 2147483647);
-- a feature that no tree has split on comes last; of equal ones, the first comes first
SELECT array_agg(feature) FROM (SELECT feature FROM scorebook.explain('gblinear', '{0,0,0,0,0,0,0,0}'::real[])) AS e;

-- which output: the predicted class, the one that is named
SELECT bool_and(e.output = scorebook.predict_class('softprob', a)) AS predicted,
	bool_and(f.output = scorebook.predict_class('softmax', a)) AS by_number,
	bool_and(g.output = 'bad') AS second, count(DISTINCT e.output)
FROM applicant AS a, scorebook.explain('softprob', a, 0) AS e, scorebook.explain('softmax', a, 0) AS f, scorebook.explain('binlog', a, 0) AS g;
SELECT c.model, c.class, e.output
FROM (VALUES ('softprob', 'middle'), ('softmax', '2'), ('binlog', 'bad'), ('hinge', '1'), ('multiout', '1')) AS c (model, class),
	applicant AS a, LATERAL scorebook.explain(model, a, 0, c.class) AS e
WHERE id = 1;
SELECT output IS NULL AS no_class FROM scorebook.explain('sqerr', '{1,1,1,1,1,1,1,1}'::real[], 0);

-- reasons: what pushes the score up, or all, the largest first
CREATE FUNCTION as_reasons(model text, a applicant, n integer, above float8) RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('feature', feature,
		'value', CASE WHEN feature = 'city' THEN to_jsonb(value) ELSE to_jsonb(value::numeric) END,
		'contribution', contribution::text::numeric)), '[]')
	FROM (SELECT * FROM scorebook.explain(model, a) WHERE contribution <> 0 AND contribution > above LIMIT n) AS e
$$;
SELECT model, bool_and(scorebook.reasons(model, a) = as_reasons(model, a, 4, 0)) AS adverse,
	bool_and(scorebook.reasons(model, a, 2) = as_reasons(model, a, 2, 0)) AS two,
	bool_and(scorebook.reasons(model, a, NULL, 'both') = as_reasons(model, a, NULL, '-Infinity')) AS "both",
	bool_or(jsonb_array_length(scorebook.reasons(model, a, 9)) < 5) AS fewer,
	bool_and(scorebook.reasons(model, to_jsonb(a)) = scorebook.reasons(model, a)) AS jsonb,
	bool_and(scorebook.reasons(model, ARRAY[f0, f1, f2, f3, f4, f5, f6, f7]::real[]
		|| CASE model WHEN 'cat' THEN ARRAY[city_code::real] END) = scorebook.reasons(model, a)) AS array
FROM unnest('{binlog,cat,softprob}'::text[]) AS model, applicant AS a
WHERE id <= 40
GROUP BY model ORDER BY model COLLATE "C";
SELECT r ->> 'feature' AS feature, r -> 'value' AS value, jsonb_typeof(r -> 'contribution') AS contribution
FROM jsonb_array_elements(scorebook.reasons('cat', :y::jsonb, 100, 'both')) AS r ORDER BY 1;
SELECT scorebook.reasons('cat', :y::jsonb, 0), scorebook.reasons('gblinear', '{0,0,0,0,0,0,0,0}'::real[], direction => 'both') AS of_nothing;
SELECT scorebook.reasons('softprob', a, class => 'low') = scorebook.reasons('softprob', a, class => 'high') AS same FROM applicant AS a WHERE id = 1;

-- nulls
SELECT count(*) FROM scorebook.explain(NULL, '{1}'::real[]);
SELECT count(*) FROM scorebook.explain('cat', NULL::jsonb);
SELECT scorebook.reasons(NULL, '{1}'::real[]), scorebook.reasons('cat', NULL::applicant);

-- a base margin is part of the base value, and what means missing is shown as null
SELECT scorebook.load_model_file('offset', :'fixtures' || 'offset.ubj', base_margin => 'offset') AS version;
SELECT scorebook.load_model_file('missing999', :'fixtures' || 'missing999.ubj', missing => -999) AS version;
SELECT round((two.base_value - one.base_value)::numeric, 5) AS base_value, two.contribution = one.contribution AS same
FROM scorebook.explain('offset', '{1,2,3,4,5,6,7,8,0.5}'::real[], 0) AS one,
	scorebook.explain('offset', '{1,2,3,4,5,6,7,8,2.5}'::real[], 0) AS two;
SELECT abs(sum(contribution::float8) + min(base_value) + min(additivity_error)
	- (scorebook.predict_margin('offset', '{1,2,3,4,5,6,7,8,2.5}'::real[]))[1]) < 1e-6 AS adds_up
FROM scorebook.explain('offset', '{1,2,3,4,5,6,7,8,2.5}'::real[]);
SELECT feature, value FROM scorebook.explain('missing999', '{-999,-998,3,4,5,6,7,8}'::real[]) WHERE feature IN ('f0', 'f1') ORDER BY feature;

-- the library explains, whatever scores
SET scorebook.engine = native;
SELECT count(*) FROM scorebook.explain('binlog', '{1,2,3,4,5,6,7,8}'::real[]);
SET scorebook.engine = xgboost;
SELECT count(*) FROM scorebook.explain('binlog', '{1,2,3,4,5,6,7,8}'::real[]);
RESET scorebook.engine;

-- what cannot be said
SELECT * FROM scorebook.explain('cat', :y::jsonb, -1);
SELECT scorebook.reasons('cat', :y::jsonb, -1);
SELECT scorebook.reasons('cat', :y::jsonb, direction => 'favourable');
SELECT scorebook.reasons('cat', :y::jsonb, direction => NULL);
SELECT * FROM scorebook.explain('multiout', '{1,2,3,4,5,6,7,8}'::real[]);
SELECT * FROM scorebook.explain('multiout', '{1,2,3,4,5,6,7,8}'::real[], class => '2');
SELECT * FROM scorebook.explain('sqerr', '{1,2,3,4,5,6,7,8}'::real[], class => '0');
SELECT * FROM scorebook.explain('softprob', '{1,2,3,4,5,6,7,8}'::real[], class => 'higher');
SELECT * FROM scorebook.explain('softprob', '{1,2,3,4,5,6,7,8}'::real[], class => '0');
SELECT * FROM scorebook.explain('binlog', '{1,2,3,4,5,6,7,8}'::real[], class => 'good');
SELECT scorebook.reasons('binlog', '{1,2,3,4,5,6,7,8}'::real[], class => 'good');
SELECT * FROM scorebook.explain('binlog', '{1,2,3}'::real[]);
SELECT * FROM scorebook.explain('cat', '{"f0": 1}'::jsonb);
SELECT * FROM scorebook.explain('unknown', '{1}'::real[]);
SELECT * FROM scorebook.explain('sqerr/7', '{1}'::real[]);

DROP FUNCTION as_reasons, explained, margin, worst, csv;
DROP TABLE applicant, golden;
SELECT count(scorebook.drop_model(name)) FROM (SELECT name FROM scorebook.model) AS m;
