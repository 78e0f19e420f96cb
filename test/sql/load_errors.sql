--
-- Whatever is wrong with the bytes of a model is an error that says so, and
-- nothing is stored.  What is wrong with other arguments: load_arguments.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
\set SHOW_CONTEXT never
SELECT convert_from(pg_read_binary_file(:'fixtures' || 'binlog.json'), 'UTF8') AS json,
	pg_read_binary_file(:'fixtures' || 'binlog.ubj') AS ubj \gset

-- no model at all
SELECT scorebook.load_model('m', NULL);
SELECT scorebook.load_model('m', '');
SELECT scorebook.load_model('m', '\x00');
SELECT scorebook.load_model('m', 'not a model');
SELECT scorebook.load_model('m', '{');
SELECT scorebook.load_model('m', '\x80049500');
SELECT scorebook.load_model('m', '\x1f8b08000000');
SELECT scorebook.load_model('m', 'PK0304');
SELECT scorebook.load_model('m', 'BZh91');
SELECT scorebook.load_model('m', '[1, 2]');

-- the old binary format, with its mark and without
SELECT scorebook.load_model('m', convert_to('binf', 'UTF8') || decode(repeat('00', 200), 'hex'));
SELECT scorebook.load_model('m', decode(repeat('00', 136) || '0f00000000000000', 'hex')
	|| convert_to('binary:logistic', 'UTF8') || decode(repeat('00', 64), 'hex'));

-- cut off, anywhere
SELECT scorebook.load_model('m', convert_to(left(:'json', 1000), 'UTF8'));
SELECT scorebook.load_model('m', substring(:'ubj'::bytea FOR 1000));
SELECT scorebook.load_model('m', convert_to(:'json', 'UTF8') || '}'::bytea);
SELECT scorebook.load_model('m', :'ubj'::bytea || '\x00'::bytea);
CREATE FUNCTION pg_temp.refused(artifact bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM scorebook.load_model('m', artifact);
	RETURN 'loaded';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, 'installed XGBoost [0-9.]+', 'installed XGBoost');
END
$$;
SELECT pg_temp.refused(substring(convert_to(:'json', 'UTF8') FOR n)) AS json, count(*)
FROM generate_series(3, length(:'json') - 1, 211) AS n GROUP BY 1 ORDER BY 1;
SELECT pg_temp.refused(substring(:'ubj'::bytea FOR n)) AS ubjson, count(*)
FROM generate_series(3, length(:'ubj'::bytea) - 1, 211) AS n GROUP BY 1 ORDER BY 1;

-- broken JSON, and what is wrong with it
CREATE FUNCTION pg_temp.fault(artifact bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM scorebook.inspect_model(artifact);
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || detail;
END
$$;
SELECT n, pg_temp.fault(convert_to(json, 'UTF8'))
FROM unnest(ARRAY['{}', '{"a" 1}', '{"a":1 "b":2}', '{"a":1,}', '{"a":x}', '{"a":nul}', '{"a":', '{"a":[1,2}',
	'{"a":01}', '{"a":1.}', '{"a":1e}', '{"a":-}', '{"a":"b', '{"a":"\x"}', '{"a":"\u0000"}', '{"a":"\ud800"}',
	E'{"a":"\t"}', '{"a":' || repeat('[', 16), '{"a":"' || repeat('x', 1048577) || '"}',
	'{"a":NaN,"b":[-Infinity,1e5,-12.5E-3,true,false,null,9223372036854775808]}'])
	WITH ORDINALITY AS j (json, n) ORDER BY n;
SELECT hex, pg_temp.fault('{"a":"'::bytea || decode(hex, 'hex') || '"}'::bytea)
FROM unnest(ARRAY['00', 'ff', 'c3', 'c080', 'eda080', 'f4908080', 'c3a9']) AS u (hex);

-- broken UBJSON
SELECT n, pg_temp.fault('{L' || decode(replace(hex, ' ', ''), 'hex'))
FROM unnest(ARRAY['0000000000000001 61', '0000000000000001 61 53 55 01', '0000000000000001 61 3f',
	'0000000000000001 61 53 4c 7fffffffffffffff', '0000000000000001 61 53 4c 0000000000000001 ff',
	'0000000000000001 61 5b 24 64 23 4c 0000000000000002 00000000', '0000000000000001 61 5b 24 64 58',
	'0000000000000001 61 5b 24 53 23 4c 0000000000000000', '0000000000000001 61 5b 23 4c ffffffffffffffff',
	'0000000000000001 61 4c 00', '00000000000000', '0000000000000001 61 5a 7d', '0000000000000001 61 5a 7d 00'])
	WITH ORDINALITY AS u (hex, n) ORDER BY n;

-- well-formed, but not a model; each change spoils a good one
SELECT n, pg_temp.fault(convert_to(replace(:'json', change[1], change[2]), 'UTF8'))
FROM (VALUES
	(1, ARRAY['"version":[1,7,4]', '"version":[1,7]']),
	(2, ARRAY['"version":[1,7,4]', '"version":[1,7,4,0]']),
	(3, ARRAY['"version":[1,7,4]', '"version":[1,-7,4]']),
	(4, ARRAY['"version":[1,7,4]', '"version":"1.7.4"']),
	(5, ARRAY['"version":[1,7,4]', '"version":[0,7,4]']),
	(6, ARRAY[',"version":[1,7,4]', '']),
	(7, ARRAY['"version":[1,7,4]', '"version":[1,7,4],"version":[1,7,4]']),
	(8, ARRAY['"name":"gbtree"', '"name":"forest"']),
	(9, ARRAY['"name":"gbtree"', '"nothing":"gbtree"']),
	(10, ARRAY['"name":"gbtree"', '"name":"gblinear"']),
	(11, ARRAY['"num_feature":"8","num_target"', '"num_feature":"0","num_target"']),
	(12, ARRAY['"num_feature":"8","num_target"', '"num_feature":"1e9","num_target"']),
	(13, ARRAY['"num_feature":"8","num_target"', '"num_feature":"7","num_target"']),
	(14, ARRAY['"num_feature":"8","num_target"', '"num_target"']),
	(15, ARRAY['"feature_types":[]', '"feature_types":["float"]']),
	(16, ARRAY['"feature_types":[]', '"feature_types":[1]']),
	(17, ARRAY['"num_class":"0"', '"num_class":"3","num_target":"2"']),
	(18, ARRAY['"num_class":"0"', '"num_class":"5"']),
	(19, ARRAY['"num_class":"0"', '"num_class":"1000000"']),
	(20, ARRAY['"num_trees":"12"', '"num_trees":"13"']),
	(21, ARRAY['"num_parallel_tree":"1"', '"num_parallel_tree":"5"']),
	(22, ARRAY['"num_parallel_tree":"1"', '"num_parallel_tree":"2000000"']),
	(23, ARRAY['"trees":[', '"trees":[null,']),
	(24, ARRAY['"base_score":"5E-1"', '"base_score":"half"']),
	(25, ARRAY['"base_score":"5E-1"', '"base_score":"[5E-1,nan]"']),
	(26, ARRAY['"base_score":"5E-1"', '"base_score":"[5E-1"']),
	(27, ARRAY['"name":"binary:logistic"', '"name":"' || repeat('x', 101) || '"']),
	(28, ARRAY['"best_iteration":"11"', '"best_iteration":"last"']),
	(29, ARRAY['"best_iteration":"11"', '"best_iteration":11']),
	(30, ARRAY['"best_iteration":"11"', '"scikit_learn":"{"']),
	(31, ARRAY['"best_iteration":"11"', '"scikit_learn":"{\"classes_\":[[1]]}"']),
	(32, ARRAY['"learner":{', '"learner":{"feature_names":[],']),
	(33, ARRAY['"num_class":"0","num_feature":"8","num_target":"1"', '"num_class":"3","num_feature":"8","num_target":"2"']),
	(35, ARRAY['"model":{', '"model":{"cats":{"enc":[1]},']),
	(36, ARRAY['"model":{', '"model":{"cats":{"enc":[{"offsets":[0,9],"values":[98]}]},']),
	(37, ARRAY['"model":{', '"model":{"cats":{"enc":[{"offsets":[0,1],"values":[255]}]},']),
	(38, ARRAY['"model":{', '"model":{"cats":{"enc":[{"offsets":["a"],"values":[98]}]},']),
	(40, ARRAY['"tree_info":[0,', '"tree_info":[1,']),
	(41, ARRAY['"tree_info":[0,', '"tree_info":[']),
	(42, ARRAY['"split_indices":[', '"split_indices":[8,']),
	(43, ARRAY['"model":{', '"model":{"iteration_indptr":[0,1],']),
	(44, ARRAY['"gradient_booster":{', '"gradient_booster":{"weight_drop":[1],']),
	(45, ARRAY['"model":{', '"model":{"weights":[1,2],']),
	(46, ARRAY['"base_score":"5E-1"', '"base_score":"[5E-1,5E-1]"']),
	(39, ARRAY['"model":{', '"model":{"cats":{"enc":[{"offsets":[0,1],"values":[98]}]},'])
) AS c (n, change) ORDER BY n;

-- quantiles and expectiles, one for each output
SELECT convert_from(pg_read_binary_file(:'srcdir' || '/fixtures/3.3.0/expectile3.json'), 'UTF8') AS expectile3 \gset
SELECT n, pg_temp.fault(convert_to(replace(:'expectile3', change[1], change[2]), 'UTF8'))
FROM (VALUES
	(1, ARRAY['[1E-1,5E-1,9.5E-1]', '[1E-1,5E-1]']),
	(2, ARRAY['[1E-1,5E-1,9.5E-1]', '[1E-1,5E-1,9.5E-1,1]']),
	(3, ARRAY['[1E-1,5E-1,9.5E-1]', '5E-1']),
	(4, ARRAY['[1E-1,5E-1,9.5E-1]', '[1E-1,5E-1,1.5]']),
	(5, ARRAY['[1E-1,5E-1,9.5E-1]', '[-1E-1,5E-1,9.5E-1]']),
	(6, ARRAY['[1E-1,5E-1,9.5E-1]', repeat('[', 100000)]),
	(7, ARRAY['expectile_', 'quantile_']),
	(8, ARRAY['reg:expectileerror', 'reg:quantileerror']),
	(9, ARRAY['reg:expectileerror', 'reg:squarederror']),
	(10, ARRAY['"expectile_loss_param":{', '"nothing":{']),
	(11, ARRAY['"expectile_loss_param":{', '"quantile_loss_param":{"quantile_alpha":"5E-1"},"expectile_loss_param":{'])
) AS c (n, change) ORDER BY n;

-- since 3.2, a base score so near to 0 or 1 means another one, of whichever output
SELECT base_score, bool_and(facts -> 'hazards' = CASE
		WHEN installed < '{3,1}' AND base_score LIKE '[%' THEN jsonb_build_array(
			'XGBoost before 3.1 has one base score for all outputs, and this model has ' || base_score || '.')
		WHEN extreme AND (installed < '{3,2}') <> (version < '{3,2}') THEN
			'["XGBoost 3.2 changed what a base score so near to 0 or 1 means."]'
		ELSE '[]' END) AS told
FROM (VALUES ('5E-1', false), ('1E-7', true), ('9.999999E-1', true), ('[2.5E-1,5E-1]', false),
		('[1E-7,5E-1]', true), ('[5E-1,1E-7]', true), ('[5E-1,9.999999E-1]', true)) AS s (base_score, extreme),
	unnest(ARRAY['3,1,3', '3,2,0']) AS written_by,
	scorebook.inspect_model(convert_to(regexp_replace(replace(replace(
		convert_from(pg_read_binary_file(:'srcdir' || '/fixtures/3.3.0/multiout.json'), 'UTF8'),
		'"version":[3,3,0]', '"version":[' || written_by || ']'), 'reg:squarederror', 'reg:logistic'),
		'"base_score":"[^"]*"', '"base_score":"' || base_score || '"'), 'UTF8')) AS facts,
	LATERAL (SELECT string_to_array(written_by, ',')::integer[], string_to_array(facts ->> 'installed_version', '.')::integer[])
		AS v (version, installed)
GROUP BY base_score ORDER BY base_score COLLATE "C";

-- of a version of XGBoost that is yet to come, and what only the library can refuse
SELECT pg_temp.refused(convert_to(replace(:'json', '"version":[1,7,4]', '"version":[9,0,0]'), 'UTF8'));
SELECT pg_temp.refused(convert_to(replace(:'json', '"name":"binary:logistic"', '"name":"binary:unknown"'), 'UTF8'));
SELECT jsonb_array_length(scorebook.inspect_model(convert_to(replace(:'json', '"version":[1,7,4]', '"version":[9,0,0]'), 'UTF8'))
	-> 'hazards') AS hazards;

-- weights that are no numbers
SELECT pg_temp.refused(convert_to(replace(convert_from(pg_read_binary_file(:'fixtures' || 'gblinear.json'), 'UTF8'),
	'-5.4554147E-1', 'NaN'), 'UTF8'));

-- larger than is allowed
SET scorebook.max_model_size = '10kB';
SELECT scorebook.load_model('m', decode(repeat('00', 10241), 'hex'));
SELECT scorebook.inspect_model(decode(repeat('00', 10241), 'hex'));
SELECT scorebook.inspect_model(decode(repeat('00', 10240), 'hex'));
SELECT scorebook.inspect_model(scorebook.read_model_file(:'fixtures' || 'gblinear.ubj')) ->> 'booster' AS small_enough;
DO $$
BEGIN
	PERFORM set_config('scorebook.max_model_size', '1kB', false);
	PERFORM scorebook.read_model_file(current_setting('data_directory') || '/global/pg_control');
EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE '% %', SQLSTATE, replace(SQLERRM, current_setting('data_directory'), '...');
END
$$;
RESET scorebook.max_model_size;

-- files that are none
SELECT scorebook.load_model_file('m', '/nothing/here.ubj');
SELECT scorebook.load_model_file('m', '/');
SELECT scorebook.load_model_file('m', NULL);

-- nothing was stored by any of these
SELECT (SELECT count(*) FROM scorebook.model) AS models, (SELECT count(*) FROM scorebook.model_artifact) AS artifacts;
SELECT scorebook.load_model('m', :'ubj'::bytea) AS version;
SELECT scorebook.drop_model('m');
