--
-- A registry that somebody has tampered with, past its triggers, is noticed
-- when the model is loaded: the rows do not fit together.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
\set x '''{1,2,3,4,5,6,7,8,1}''::real[]'
SELECT scorebook.load_model_file('m', :'fixtures' || 'cat.ubj', policies => '{"city": {"on_unseen": {"level": "gent"}}}',
	levels => '{"city": ["berlin", "bonn", "gent", "leuven", "lyon", "oslo", "paris", "rome"]}') AS version;
CREATE FUNCTION after(damage text) RETURNS text LANGUAGE plpgsql SET session_replication_role = replica AS $$
BEGIN
	EXECUTE damage;
	-- another row, another entry in the cache
	UPDATE scorebook.model_version SET description = 'damaged';
	RETURN 'scored ' || scorebook.predict('m', '{1,2,3,4,5,6,7,8,1}'::real[]);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT after('UPDATE scorebook.model_version SET num_feature = 0');
SELECT after('UPDATE scorebook.model_version SET num_output = 1000000');
SELECT after('UPDATE scorebook.model_version SET classes = ''{a,b,c}''');
SELECT after('UPDATE scorebook.model_version SET num_feature = 8');
SELECT after('DELETE FROM scorebook.model_feature WHERE position = 3');
SELECT after('UPDATE scorebook.model_version SET objective = ''reg:tweedie''');
-- the compiled form, each byte of it
SELECT DISTINCT after(format('UPDATE scorebook.compiled_model SET compiled = set_byte(compiled, %s, get_byte(compiled, %1$s) # %s)',
	i, 1 << i % 8))
FROM scorebook.compiled_model, generate_series(0, octet_length(compiled) - 1) AS i;
SELECT after('UPDATE scorebook.compiled_model SET compiled = substring(compiled FOR 20)');
SELECT after('UPDATE scorebook.compiled_model SET compiled = substring(compiled FOR octet_length(compiled) - 16)');
SELECT after('UPDATE scorebook.compiled_model SET compiled = compiled || ''\x00''');
SELECT after('UPDATE scorebook.model_version SET sha256 = sha256(''other'')');
-- without it, or with that of a machine of another byte order, the artifact is compiled
SELECT after('DELETE FROM scorebook.compiled_model') LIKE 'scored%' AS scored;
CREATE FUNCTION reversed(bytea, integer) RETURNS bytea LANGUAGE sql AS $$
	SELECT string_agg(substring($1 FROM $2 + 4 - i FOR 1), '' ORDER BY i) FROM generate_series(1, 4) AS i
$$;
SELECT after('UPDATE scorebook.compiled_model SET compiled = reversed(compiled, 1) || reversed(compiled, 5)
	|| substring(compiled FROM 9)') LIKE 'scored%' AS scored;
-- and then the artifact must be the one that was loaded
CREATE FUNCTION compiled_after(damage text) RETURNS text LANGUAGE sql AS $$
	SELECT after('DELETE FROM scorebook.compiled_model; ' || damage)
$$;
SELECT compiled_after('DELETE FROM scorebook.model_artifact');
SELECT compiled_after('UPDATE scorebook.model_artifact SET artifact = ''\x00''');
SELECT compiled_after('UPDATE scorebook.model_artifact SET artifact = set_byte(artifact, 5000, get_byte(artifact, 5000) # 1)');
SELECT compiled_after(format('UPDATE scorebook.model_artifact SET artifact = pg_read_binary_file(%L)', :'fixtures' || 'sqerr.ubj'));
SELECT compiled_after('UPDATE scorebook.model_artifact SET artifact = ''\x00''; UPDATE scorebook.model_version SET sha256 = sha256(''\x00'')');
-- an objective that is unknown is not served natively, whatever a verification says
SELECT convert_to(replace(convert_from(pg_read_binary_file(:'fixtures' || 'cat.json'), 'UTF8'),
	'reg:squarederror', 'reg:unknown'), 'UTF8') AS unknown \gset
SELECT compiled_after(format('UPDATE scorebook.model_artifact SET artifact = %1$L;
	UPDATE scorebook.model_version SET sha256 = sha256(%1$L), objective = ''reg:unknown''', :'unknown'));
SELECT after('DELETE FROM scorebook.verification');
SELECT after('UPDATE scorebook.model_feature SET unseen_level = ''vienna'' WHERE position = 9');
SELECT after('DELETE FROM scorebook.alias');
SELECT after('DELETE FROM scorebook.model_version');
-- and nothing of it stayed
SELECT scorebook.predict('m', :x) IS NOT NULL AS scored;

-- a score that is no number, from weights that are
SELECT scorebook.load_model('huge', convert_to(replace(replace(convert_from(pg_read_binary_file(:'fixtures' || 'gblinear.json'), 'UTF8'),
	'1.9939543E0', '3E38'), '-2.2267506E-2', '-3E38'), 'UTF8')) AS version;
SELECT scorebook.predict('huge', '{NULL,NULL,2,3,4,5,6,7}'::real[]) IS NOT NULL AS scored;
SELECT scorebook.predict('huge', '{10,10,2,3,4,5,6,7}'::real[]);
-- nor does a link function make one of it, with either engine
SELECT scorebook.load_model('logistic', convert_to(replace(replace(replace(convert_from(pg_read_binary_file(:'fixtures' || 'gblinear.json'), 'UTF8'),
	'1.9939543E0', '3E38'), '-2.2267506E-2', '-3E38'), 'reg:squarederror', 'binary:logistic'), 'UTF8')) AS version;
SELECT engine, probe_difference FROM scorebook.verification JOIN scorebook.model USING (model_id) WHERE name = 'logistic';
SELECT scorebook.predict('logistic', '{10,10,2,3,4,5,6,7}'::real[]);
SET scorebook.engine = xgboost;
SELECT scorebook.predict('logistic', '{10,10,2,3,4,5,6,7}'::real[]);
RESET scorebook.engine;

DROP FUNCTION compiled_after;
DROP FUNCTION reversed;
DROP FUNCTION after;
SELECT count(scorebook.drop_model(name)) FROM (SELECT name FROM scorebook.model) AS m;
