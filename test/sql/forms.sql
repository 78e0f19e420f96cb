--
-- jsonb by its keys and arrays by position: what is taken, what is refused.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
SELECT scorebook.load_model_file('line', :'fixtures' || 'gblinear.ubj', columns => '{"f7": "Late Fees"}') AS version;
SELECT scorebook.load_model_file('city', :'fixtures' || 'cat.ubj',
	levels => '{"city": ["berlin", "7", "1.5", "true", "leuven", "lyon", "oslo", "paris"]}') AS version;
SELECT scorebook.load_model_file('offset', :'fixtures' || 'offset.ubj', base_margin => 'start') AS version;

-- arrays of every number type, of domains, with other lower bounds
CREATE DOMAIN percent AS numeric;
SELECT scorebook.predict('line', '{1,0,1,2,3,4,5,6}'::float8[]) AS score \gset
SELECT scorebook.predict('line', '{1,0,1,2,3,4,5,6}'::int2[]) = :'score'::real AS int2, scorebook.predict('line', '{1,0,1,2,3,4,5,6}'::int4[]) = :'score'::real AS int4,
	scorebook.predict('line', '{1,0,1,2,3,4,5,6}'::int8[]) = :'score'::real AS int8, scorebook.predict('line', '{1,0,1,2,3,4,5,6}'::real[]) = :'score'::real AS real,
	scorebook.predict('line', '{1,0,1,2,3,4,5,6}'::numeric[]) = :'score'::real AS numeric, scorebook.predict('line', '{1,0,1,2,3,4,5,6}'::percent[]) = :'score'::real AS domain,
	scorebook.predict('line', '[0:7]={1,0,1,2,3,4,5,6}'::int4[]) = :'score'::real AS bounds;
SELECT scorebook.predict('line', '{t,f,t,f,f,f,f,f}'::bool[]) = scorebook.predict('line', '{1,0,1,0,0,0,0,0}'::int4[]) AS boolean;
SELECT scorebook.predict('line', ARRAY[1, NULL, 'NaN', 2]::real[] || ARRAY[3, 4, 5, 6]::real[])
	= scorebook.predict('line', ARRAY[1, 'NaN', NULL, 2, 3, 4, 5, 6]::numeric[]) AS missing;
SELECT scorebook.predict('line', NULL::real[]) IS NULL AS nothing;

-- arrays that do not fit
SELECT scorebook.predict('line', ARRAY[1, 2]);
SELECT scorebook.predict('line', '{}'::real[]);
SELECT scorebook.predict('line', ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9]);
SELECT scorebook.predict('line', ARRAY[[1, 2, 3, 4], [5, 6, 7, 8]]);
SELECT scorebook.predict('offset', ARRAY[1, 2, 3, 4, 5, 6, 7, 8]);
SELECT scorebook.predict('line', '{1,2,3,4,5,6,7,8}'::text[]);
SELECT scorebook.predict('line', ARRAY[now(), now()]);
SELECT scorebook.predict('line', '{1,2,3,4,5,6,7,inf}'::real[]);
SELECT scorebook.predict('line', '{1,2,3,4,5,6,7,1e39}'::numeric[]);

-- an array whose type the parser does not know
CREATE TABLE skewed AS SELECT i FROM generate_series(1, 1000) AS i;
ANALYZE skewed;
SELECT scorebook.predict('line', histogram_bounds) FROM pg_stats WHERE tablename = 'skewed';
DROP TABLE skewed;

-- by position, categorical features are codes
SELECT scorebook.predict('city', '{0,0,0,0,0,0,0,0,5}'::int[])
	= scorebook.predict('city', '{"f0": 0, "f1": 0, "f2": 0, "f3": 0, "f4": 0, "f5": 0, "f6": 0, "f7": 0, "city": "lyon"}'::jsonb) AS code;
SELECT scorebook.predict('city', '{0,0,0,0,0,0,0,0,8}'::int[]);
SELECT scorebook.predict('city', '{0,0,0,0,0,0,0,0,-1}'::int[]);
SELECT scorebook.predict('city', '{0,0,0,0,0,0,0,0,1.5}'::real[]);
SELECT scorebook.predict('city', '{0,0,0,0,0,0,0,0,inf}'::real[]);

-- jsonb: order and further keys do not matter; numbers and booleans are levels by their text
\set x '''{"Late Fees": 6, "f0": true, "f1": false, "f2": 1, "f3": 2.0, "f4": 3e0, "f5": 4, "f6": 5, "more": {"f0": 9}}''::jsonb'
SELECT scorebook.predict('line', :x) = :'score'::real AS object;
SELECT scorebook.predict('line', :x || '{"f0": null}') = scorebook.predict('line', '{NULL,0,1,2,3,4,5,6}'::real[]) AS missing;
SELECT level, scorebook.predict('city', :x || '{"f7": 0}' || jsonb_build_object('city', level))
	= scorebook.predict('city', ARRAY[1, 0, 1, 2, 3, 4, 5, 0, code]) AS same
FROM (VALUES ('"berlin"'::jsonb, 0), ('"7"', 1), ('7', 1), ('7.0', 1), ('1.5', 2), ('1.50', 2), ('true', 3), ('"true"', 3), ('null', NULL)) AS v (level, code);

-- jsonb that does not fit
SELECT scorebook.predict('line', '[1, 2]'::jsonb);
SELECT scorebook.predict('line', '1'::jsonb);
SELECT scorebook.predict('line', 'null'::jsonb);
SELECT scorebook.predict('line', '{}'::jsonb);
SELECT scorebook.predict('line', :x - 'Late Fees');
SELECT scorebook.predict('line', :x || '{"f0": "1"}');
SELECT scorebook.predict('line', :x || '{"f0": [1]}');
SELECT scorebook.predict('line', :x || '{"f0": []}');
SELECT scorebook.predict('line', :x || '{"f0": {}}');
SELECT scorebook.predict('line', :x || '{"f0": 1e39}');
SELECT scorebook.predict('line', :x || '{"f0": 1e400}');
SELECT scorebook.predict('city', :x || '{"f7": 0, "city": ["berlin"]}');
SELECT scorebook.predict('city', :x || '{"f7": 0, "city": "Berlin"}');
SELECT scorebook.predict('city', :x || '{"f7": 0, "city": 7.5}');
SELECT scorebook.predict('offset', :x || '{"f7": 0}');
SELECT scorebook.predict('offset', :x || '{"f7": 0, "start": "x"}');

-- what has no type of its own needs a cast
\set VERBOSITY sqlstate
SELECT scorebook.predict('line', '{"f0": 1}');
SELECT scorebook.predict('line', NULL);
PREPARE untyped AS SELECT scorebook.predict('line', $1);
\set VERBOSITY default
PREPARE typed(jsonb) AS SELECT scorebook.predict('line', $1) = :'score'::real AS same;
EXECUTE typed(:x);
DEALLOCATE typed;

DROP DOMAIN percent;
SELECT count(scorebook.drop_model(name)) FROM (SELECT name FROM scorebook.model) AS m;
