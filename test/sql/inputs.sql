--
-- Rows by the names of their columns: any type that can be a number, any row
-- that has names, and what happens to each value on its way to float4.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
SELECT scorebook.load_model_file('m', :'fixtures' || 'sqerr.ubj') AS version;
SELECT scorebook.load_model_file('city', :'fixtures' || 'cat.ubj',
	levels => '{"city": ["berlin", "bonn", "gent", "leuven", "true", "false", "7", "8"]}') AS version;
-- linear: its score tells every input from every other
SELECT scorebook.load_model_file('line', :'fixtures' || 'gblinear.ubj') AS version;

CREATE DOMAIN amount AS numeric(10, 2) CHECK (VALUE >= 0);
CREATE DOMAIN euro AS amount;
CREATE TABLE typed (id int, f7 euro, gone text, f0 smallint, f1 integer, f2 bigint, f3 real, f4 double precision, f5 numeric, f6 boolean);
INSERT INTO typed VALUES (1, 7, '', 1, 2, 3, 0.5, -4.25, 5.75, true), (2, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	(3, 0, '', -32768, 2147483647, 16777217, 'NaN', 'NaN', 'NaN', false);
SELECT id, scorebook.predict('line', t) = scorebook.predict('line', ARRAY[f0, f1, f2, f3, f4, f5, f6::int, f7]::float8[]) AS as_array,
	scorebook.predict('line', t) = scorebook.predict('line', to_jsonb(t)) AS as_jsonb
FROM typed AS t WHERE id < 3 ORDER BY id;
-- NaN is missing, like NULL
SELECT scorebook.predict('line', t) = scorebook.predict('line', ARRAY[f0, f1, f2, NULL, NULL, NULL, 0, f7]::numeric[]) AS nan
FROM typed AS t WHERE id = 3;
-- a row of nulls has a score, a null row has none
SELECT scorebook.predict('m', t) IS NOT NULL AS row_of_nulls, scorebook.predict('m', NULL::typed) IS NULL AS null_row
FROM typed AS t WHERE id = 2;

-- any row with names: of a table, a view, a subquery, a function, a cast, one inside another
CREATE VIEW some_columns AS SELECT f1 + 0 AS f1, f2, f3, f5, f6, f7, f0 + 0 AS f0, f4 + 0 AS f4 FROM typed WHERE id = 1;
CREATE TYPE outer_type AS (id int, inner_row typed);
CREATE FUNCTION one_row() RETURNS typed STABLE LANGUAGE sql AS 'SELECT * FROM typed WHERE id = 1';
CREATE FUNCTION a_record() RETURNS record LANGUAGE sql AS 'SELECT * FROM typed WHERE id = 1';
SELECT scorebook.predict('line', t) AS score FROM typed AS t WHERE id = 1 \gset
SELECT scorebook.predict('line', v) = :'score'::real AS view FROM some_columns AS v;
SELECT scorebook.predict('line', s) = :'score'::real AS subquery
FROM (SELECT 7 AS f7, 6 AS extra, 1 AS f0, 2 AS f1, 3::bigint AS f2, 0.5 AS f3, -4.25 AS f4, 5.75 AS f5, 1 AS f6) AS s;
SELECT scorebook.predict('line', ROW(1, 7, '', 1, 2, 3, 0.5, -4.25, 5.75, true)::typed) = :'score'::real AS cast;
SELECT scorebook.predict('line', one_row()) = :'score'::real AS function;
SELECT scorebook.predict('line', a_record()) = :'score'::real AS record;
SELECT scorebook.predict('line', (o).inner_row) = :'score'::real AS nested FROM (SELECT ROW(1, one_row())::outer_type AS o) AS s;
SELECT scorebook.predict('line', t.*) = :'score'::real AS star FROM typed AS t WHERE id = 1;
WITH c AS MATERIALIZED (SELECT * FROM typed) SELECT scorebook.predict('line', c) = :'score'::real AS cte FROM c WHERE id = 1;
-- rows of different shape at one call site
SELECT n, scorebook.predict('line', r) = :'score'::real AS same
FROM (SELECT 1 AS n, (SELECT s FROM (SELECT 1 AS f0, 2 AS f1, 3 AS f2, 0.5 AS f3, -4.25 AS f4, 5.75 AS f5, 1 AS f6, 7 AS f7) AS s) AS r
	UNION ALL SELECT 2, (SELECT s FROM (SELECT 7 AS f7, 1 AS f6, 5.75 AS f5, -4.25 AS f4, 0.5 AS f3, 3 AS f2, 2 AS f1, 1 AS f0) AS s)) AS u
ORDER BY n;

-- a row without names, and without a column
SELECT scorebook.predict('m', ROW(1, 2, 3, 4, 5, 6, 7, 8));
SELECT scorebook.predict('m', s) FROM (SELECT 1 AS f0, 2 AS f1) AS s;
SELECT scorebook.predict('m', s) FROM (SELECT) AS s;
ALTER TABLE typed DROP COLUMN gone;
SELECT scorebook.predict('line', t) = :'score'::real AS dropped FROM typed AS t WHERE id = 1;
DROP VIEW some_columns;
-- the table changes between two calls of one session
PREPARE score AS SELECT scorebook.predict('line', t) = :'score'::real AS same FROM typed AS t WHERE id = 1;
EXECUTE score;
ALTER TABLE typed ADD COLUMN new text DEFAULT 'x', ALTER COLUMN f0 TYPE numeric, ALTER COLUMN f1 TYPE double precision;
EXECUTE score;
ALTER TABLE typed RENAME f5 TO f5_old;
EXECUTE score;
ALTER TABLE typed RENAME f5_old TO f5;
EXECUTE score;
ALTER TABLE typed ALTER COLUMN f4 TYPE text;
EXECUTE score;
DEALLOCATE score;

-- types that cannot be numbers
SELECT scorebook.predict('m', s) FROM (SELECT now()::date AS f0, 1 AS f1, 2 AS f2, 3 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7) AS s;
SELECT scorebook.predict('m', s) FROM (SELECT 0 AS f0, now() AS f1, 2 AS f2, 3 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7) AS s;
SELECT scorebook.predict('m', s) FROM (SELECT 0 AS f0, interval '1 day' AS f1, 2 AS f2, 3 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7) AS s;
SELECT scorebook.predict('m', s) FROM (SELECT 0 AS f0, 1 AS f1, '2'::text AS f2, 3 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7) AS s;
SELECT scorebook.predict('m', s) FROM (SELECT 0 AS f0, 1 AS f1, ARRAY[2] AS f2, 3 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7) AS s;

-- levels by name: text, varchar, char, name, enum, and the text of integers and booleans
CREATE TYPE town AS ENUM ('berlin', 'gent', 'vienna');
CREATE DOMAIN place AS town;
CREATE VIEW base AS SELECT 0 AS f0, 1 AS f1, 2 AS f2, 3 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7;
SELECT scorebook.predict('city', ARRAY[0, 1, 2, 3, 4, 5, 6, 7, 2]) AS gent, scorebook.predict('city', ARRAY[0, 1, 2, 3, 4, 5, 6, 7, 4]) AS yes,
	scorebook.predict('city', ARRAY[0, 1, 2, 3, 4, 5, 6, 7, 6]) AS seven \gset
SELECT scorebook.predict('city', a) = :'gent'::real AS text, scorebook.predict('city', b) = :'gent'::real AS varchar, scorebook.predict('city', c) = :'gent'::real AS char,
	scorebook.predict('city', d) = :'gent'::real AS name, scorebook.predict('city', e) = :'gent'::real AS enum, scorebook.predict('city', f) = :'gent'::real AS domain,
	scorebook.predict('city', g) = :'yes'::real AS boolean, scorebook.predict('city', h) = :'seven'::real AS integer
FROM (SELECT base.*, 'gent'::text AS city FROM base) AS a, (SELECT base.*, 'gent'::varchar(9) AS city FROM base) AS b,
	(SELECT base.*, 'gent'::char(9) AS city FROM base) AS c, (SELECT base.*, 'gent'::name AS city FROM base) AS d,
	(SELECT base.*, 'gent'::town AS city FROM base) AS e, (SELECT base.*, 'gent'::place AS city FROM base) AS f,
	(SELECT base.*, true AS city FROM base) AS g, (SELECT base.*, 7::bigint AS city FROM base) AS h;
SELECT scorebook.predict('city', a) FROM (SELECT base.*, 'vienna'::text AS city FROM base) AS a;
SELECT scorebook.predict('city', a) FROM (SELECT base.*, 'vienna'::town AS city FROM base) AS a;
SELECT scorebook.predict('city', a) FROM (SELECT base.*, 'Gent'::text AS city FROM base) AS a;
SELECT scorebook.predict('city', a) FROM (SELECT base.*, ''::char(4) AS city FROM base) AS a;
SELECT scorebook.predict('city', a) FROM (SELECT base.*, 9 AS city FROM base) AS a;
SELECT scorebook.predict('city', a) FROM (SELECT base.*, 7.0 AS city FROM base) AS a;
SELECT scorebook.predict('city', a) FROM (SELECT base.*, now()::date AS city FROM base) AS a;

-- beyond float4 is an error; beyond its precision is rounded
SELECT scorebook.predict('line', s) FROM (SELECT 'inf'::float8 AS f0, 1 AS f1, 2 AS f2, 3 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7) AS s;
SELECT scorebook.predict('line', s) FROM (SELECT 0 AS f0, '-inf'::real AS f1, 2 AS f2, 3 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7) AS s;
SELECT scorebook.predict('line', s) FROM (SELECT 0 AS f0, 1 AS f1, 'inf'::numeric AS f2, 3 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7) AS s;
SELECT scorebook.predict('line', s) FROM (SELECT 0 AS f0, 1 AS f1, 2 AS f2, 1e39 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7) AS s;
SELECT scorebook.predict('line', s) FROM (SELECT 0 AS f0, 1 AS f1, 2 AS f2, -1e400 AS f3, 4 AS f4, 5 AS f5, 6 AS f6, 7 AS f7) AS s;
SELECT scorebook.predict('line', ARRAY[a, 1, 2, 3, 4, 5, 6, 7]) = scorebook.predict('line', ARRAY[b, 1, 2, 3, 4, 5, 6, 7]) AS rounded
FROM (VALUES (16777217::bigint, 16777216::bigint), (9223372036854775807, 9223372036854775807 - 1000)) AS v (a, b);

DROP FUNCTION one_row;
DROP TYPE outer_type;
DROP TABLE typed;
DROP VIEW base;
DROP DOMAIN place, euro, amount;
DROP TYPE town;
DROP FUNCTION a_record;
SELECT count(scorebook.drop_model(name)) FROM (SELECT name FROM scorebook.model) AS m;
