--
-- What a model reference may be: name, name@alias, name/version.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
\set longest 'a234567890123456789012345678901234567890123456789012345678901.-'
SELECT length(:'longest');

SELECT scorebook.load_model_file('m', :'fixtures' || 'sqerr.ubj') AS version;
SELECT scorebook.load_model_file('m', :'fixtures' || 'sqlog.ubj', alias => 'next-1.x') AS version;
SELECT scorebook.load_model_file('_M.2-b', :'fixtures' || 'sqerr.ubj', alias => :'longest') AS version;
SELECT scorebook.load_model_file(:'longest', :'fixtures' || 'sqerr.ubj') AS version;

-- the error of a reference, or the version that it stands for
CREATE FUNCTION pg_temp.look_up(ref text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT 'version ' || version FROM scorebook.resolve_reference(ref));
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

SELECT position, quote_literal(ref) AS ref, pg_temp.look_up(ref)
FROM unnest(ARRAY[
	'm', 'm@champion', 'm@next-1.x', 'm/1', 'm/2', '_M.2-b', '_M.2-b@' || :'longest', :'longest',
	'm/3', 'm/2147483647', 'm@nobody', 'M', 'nothing', 'nothing/1', 'nothing@x',
	'', ' m', 'm ', 'm/', 'm@', '/1', '@x', 'm/0', 'm/01', 'm/-1', 'm/+1', 'm/1.0', 'm/x',
	'm/1/2', 'm/1@x', 'm@x/1', 'm@x@y', 'm@1', 'm/2147483648', 'm/99999999999999999999',
	'1m', '-m', '.m', 'm n', 'm"n', 'm''n', E'm\t', 'scorebook.m;', 'modèle', 'm@modèle',
	:'longest' || 'x', 'm@' || :'longest' || 'x']) WITH ORDINALITY AS r (ref, position)
ORDER BY position;

-- with their hints
SELECT scorebook.predict('m/latest', array_fill(0, ARRAY[8]));
SELECT scorebook.predict('nothing', array_fill(0, ARRAY[8]));
SELECT scorebook.predict('m@nobody', array_fill(0, ARRAY[8]));
SELECT scorebook.predict('m/3', array_fill(0, ARRAY[8]));

-- privileges that there are not
SELECT * FROM scorebook.resolve_reference('m', 'nonsense');
SELECT scorebook.has_model_privilege(current_user, 0, 'nonsense');

-- no reference, no answer
SELECT scorebook.predict(NULL, array_fill(0, ARRAY[8])) IS NULL AS nothing;
SELECT count(*) FROM scorebook.predict_set(NULL, array_fill(0, ARRAY[8]));
SELECT count(*) FROM scorebook.input_map(NULL);
SELECT count(*) FROM scorebook.model_card(NULL);

SELECT scorebook.drop_model(name) FROM (SELECT name FROM scorebook.model) AS m;
