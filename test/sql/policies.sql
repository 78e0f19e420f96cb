--
-- What a version makes of nulls, of levels it does not know, of numbers that
-- float4 cannot hold, of a value that means missing, and of a base margin.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
\set levels '''{"city": ["berlin", "bonn", "gent", "leuven", "lyon", "oslo", "paris", "rome"]}'''
CREATE FUNCTION csv(path text) RETURNS TABLE (id bigint, cells text[]) LANGUAGE sql AS $$
	SELECT n - 1, string_to_array(line, ',')
	FROM regexp_split_to_table(rtrim(pg_read_file(path), E'\n'), E'\n') WITH ORDINALITY AS l (line, n)
	WHERE n > 1
$$;
CREATE TYPE city_row AS (f0 float8, f1 real, f2 bigint, f3 real, f4 real, f5 real, f6 real, f7 real, city text);

-- on_null
SELECT scorebook.load_model_file('strict', :'fixtures' || 'cat.ubj', levels => :levels,
	policies => '{"f0": {"on_null": "error"}, "city": {"on_null": "error", "on_unseen": "missing"}, "f1": {"on_null": "missing"}}') AS version;
SELECT scorebook.predict('strict', (NULL, 1, 1, 1, 1, 1, 1, 1, 'bonn')::city_row);
SELECT scorebook.predict('strict', ('NaN', 1, 1, 1, 1, 1, 1, 1, 'bonn')::city_row);
SELECT scorebook.predict('strict', (1, 1, 1, 1, 1, 1, 1, 1, NULL)::city_row);
SELECT scorebook.predict('strict', (1, NULL, 1, 1, 1, 1, 1, 1, 'bonn')::city_row) IS NOT NULL AS scored;
SELECT scorebook.predict('strict', to_jsonb((NULL, 1, 1, 1, 1, 1, 1, 1, 'bonn')::city_row));
SELECT scorebook.predict('strict', ARRAY[NULL, 1, 1, 1, 1, 1, 1, 1, 1]);
SELECT scorebook.predict('strict', ARRAY[1, 1, 1, 1, 1, 1, 1, 1, NULL]);
-- a level read as missing is missing too
SELECT scorebook.predict('strict', (1, 1, 1, 1, 1, 1, 1, 1, 'vienna')::city_row);

-- on_unseen
SELECT scorebook.load_model_file('unseen', :'fixtures' || 'cat.ubj', levels => :levels, alias => 'error',
	policies => '{"city": {"on_unseen": "error"}}') AS version;
SELECT scorebook.load_model_file('unseen', :'fixtures' || 'cat.ubj', levels => :levels, alias => 'missing', again => true,
	policies => '{"city": {"on_unseen": "missing"}}') AS version;
SELECT scorebook.load_model_file('unseen', :'fixtures' || 'cat.ubj', levels => :levels, alias => 'level', again => true,
	policies => '{"city": {"on_unseen": {"level": "rome"}}}') AS version;
SELECT version, on_unseen, unseen_level FROM scorebook.model_feature WHERE column_name = 'city' ORDER BY model_id, version;
SELECT scorebook.predict('unseen@error', (1, 1, 1, 1, 1, 1, 1, 1, 'vienna')::city_row);
SELECT bool_and(scorebook.predict('unseen@missing', (f, 1, 1, 1, 1, 1, 1, 1, 'vienna')::city_row)
		= scorebook.predict('unseen', (f, 1, 1, 1, 1, 1, 1, 1, NULL)::city_row)) AS missing,
	bool_and(scorebook.predict('unseen@missing', to_jsonb((f, 1, 1, 1, 1, 1, 1, 1, 'vienna')::city_row))
		= scorebook.predict('unseen', (f, 1, 1, 1, 1, 1, 1, 1, NULL)::city_row)) AS missing_jsonb,
	bool_and(scorebook.predict('unseen@level', (f, 1, 1, 1, 1, 1, 1, 1, 'vienna')::city_row)
		= scorebook.predict('unseen', (f, 1, 1, 1, 1, 1, 1, 1, 'rome')::city_row)) AS level,
	count(DISTINCT scorebook.predict('unseen', (f, 1, 1, 1, 1, 1, 1, 1, 'rome')::city_row)
		- scorebook.predict('unseen', (f, 1, 1, 1, 1, 1, 1, 1, NULL)::city_row)) > 0 AS they_differ
FROM generate_series(-2, 2, 0.25) AS f;
-- codes are checked whatever the policy for levels is
SELECT scorebook.predict('unseen@missing', ARRAY[1, 1, 1, 1, 1, 1, 1, 1, 8]);

-- on_inexact
SELECT scorebook.load_model_file('exact', :'fixtures' || 'gblinear.ubj',
	policies => '{"f0": {"on_inexact": "error"}, "f1": {"on_inexact": "round"}}') AS version;
SELECT scorebook.predict('exact', ARRAY[16777216, 16777217, 0, 0, 0, 0, 0, 0]::bigint[]) IS NOT NULL AS scored;
SELECT scorebook.predict('exact', ARRAY[16777218, 0, 0, 0, 0, 0, 0, 0]::numeric[]) IS NOT NULL AS scored;
SELECT scorebook.predict('exact', ARRAY[0.1, 0, 0, 0, 0, 0, 0, 0]) IS NOT NULL AS scored;
SELECT scorebook.predict('exact', ARRAY[16777217, 0, 0, 0, 0, 0, 0, 0]::int[]);
SELECT scorebook.predict('exact', ARRAY[9223372036854775807, 0, 0, 0, 0, 0, 0, 0]::bigint[]);
SELECT scorebook.predict('exact', ARRAY[-16777217.5, 0, 0, 0, 0, 0, 0, 0]::float8[]);
SELECT scorebook.predict('exact', '{"f0": 16777217, "f1": 0, "f2": 0, "f3": 0, "f4": 0, "f5": 0, "f6": 0, "f7": 0}'::jsonb);

-- a value that means missing: from the caller, or from the file
SELECT scorebook.load_model_file('missing999', :'fixtures' || 'missing999.ubj', missing => -999) AS version;
SELECT scorebook.load_model_file('skmissing', :'fixtures' || 'skmissing.ubj') AS version;
SELECT model, m.missing, count(*) AS rows, bool_or('-999' = ANY (i.cells)) AS used,
	bool_and(abs(scorebook.predict(model, (SELECT array_agg(nullif(c, '')::numeric ORDER BY n)
		FROM unnest(i.cells) WITH ORDINALITY AS u (c, n))) - e.cells[1]::float8) <= 1e-6) AS near
FROM (SELECT name AS model, v.missing FROM scorebook.model JOIN scorebook.model_version AS v USING (model_id)
	WHERE name ~ 'missing') AS m, csv(:'fixtures' || model || '.inputs.csv') AS i JOIN csv(:'fixtures' || model || '.expected.csv') AS e USING (id)
GROUP BY model, m.missing ORDER BY model;
-- and it is a null like any other
SELECT scorebook.load_model_file('missing999', :'fixtures' || 'missing999.json', missing => -999,
	policies => '{"f0": {"on_null": "error"}}', alias => 'strict') AS version;
SELECT scorebook.predict('missing999@strict', ARRAY[-999, 0, 0, 0, 0, 0, 0, 0]);

-- a code that is read as missing is so by name as well
SELECT scorebook.load_model_file('coded', :'fixtures' || 'cat.ubj', levels => :levels, missing => 1) AS version;
SELECT scorebook.predict('coded', (1, 2, 3, 4, 5, 6, 7, 8, 'bonn')::city_row) = scorebook.predict('coded', ARRAY[NULL, 2, 3, 4, 5, 6, 7, 8, 1]) AS same,
	scorebook.predict('coded', (1, 2, 3, 4, 5, 6, 7, 8, 'bonn')::city_row) = scorebook.predict('coded', (NULL, 2, 3, 4, 5, 6, 7, 8, NULL)::city_row) AS missing;

-- base margin: a column, a key, or the last element
SELECT scorebook.load_model_file('offset', :'fixtures' || 'offset.ubj', base_margin => 'offset') AS version;
CREATE TABLE offsets (id bigint, "offset" numeric, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO offsets SELECT id, cells[9]::numeric, nullif(cells[1], '')::real, nullif(cells[2], '')::real, nullif(cells[3], '')::real,
	nullif(cells[4], '')::real, nullif(cells[5], '')::real, nullif(cells[6], '')::real, nullif(cells[7], '')::real, nullif(cells[8], '')::real
FROM csv(:'fixtures' || 'offset.inputs.csv');
SELECT count(*), bool_and(abs(scorebook.predict('offset', o) - cells[1]::float8) <= 1e-6 * greatest(1, cells[1]::float8)) AS "row",
	bool_and(scorebook.predict('offset', to_jsonb(o)) = scorebook.predict('offset', o)) AS jsonb,
	bool_and(scorebook.predict('offset', ARRAY[f0, f1, f2, f3, f4, f5, f6, f7, "offset"::real]) = scorebook.predict('offset', o)) AS array,
	bool_and(abs((scorebook.predict_margin('offset', o))[1] - cells[2]::float8) <= 1e-5) AS margin
FROM offsets AS o JOIN csv(:'fixtures' || 'offset.expected.csv') USING (id);
UPDATE offsets SET "offset" = NULL WHERE id = 1;
UPDATE offsets SET "offset" = 'inf' WHERE id = 2;
UPDATE offsets SET "offset" = 'NaN' WHERE id = 3;
SELECT scorebook.predict('offset', o) FROM offsets AS o WHERE id = 1;
SELECT scorebook.predict('offset', to_jsonb(o)) FROM offsets AS o WHERE id = 1;
SELECT scorebook.predict('offset', ARRAY[1, 2, 3, 4, 5, 6, 7, 8, NULL]);
SELECT scorebook.predict('offset', o) FROM offsets AS o WHERE id = 2;
SELECT scorebook.predict('offset', o) FROM offsets AS o WHERE id = 3;
ALTER TABLE offsets RENAME "offset" TO start;
SELECT scorebook.predict('offset', o) FROM offsets AS o;
ALTER TABLE offsets RENAME start TO "offset";
ALTER TABLE offsets ALTER "offset" TYPE text;
SELECT scorebook.predict('offset', o) FROM offsets AS o;

DROP TABLE offsets;
DROP TYPE city_row;
DROP FUNCTION csv;
SELECT count(scorebook.drop_model(name)) FROM (SELECT name FROM scorebook.model) AS m;
