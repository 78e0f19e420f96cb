--
-- What a reference stands for is looked up anew by every statement, and
-- wherever the snapshot, the reference or the transaction changes.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
\set x '''{1,2,3,4,5,6,7,8}''::real[]'
SELECT scorebook.load_model_file('m', :'fixtures' || 'sqerr.ubj') AS version;
SELECT scorebook.load_model_file('m', :'fixtures' || 'gblinear.ubj') AS version;
SELECT scorebook.load_model_file('m', :'fixtures' || 'noname.ubj') AS version;
-- which version does the champion's score come from?
CREATE FUNCTION champion() RETURNS int LANGUAGE sql AS $$
	SELECT CASE scorebook.predict('m', '{1,2,3,4,5,6,7,8}'::real[])
		WHEN scorebook.predict('m/1', '{1,2,3,4,5,6,7,8}'::real[]) THEN 1
		WHEN scorebook.predict('m/2', '{1,2,3,4,5,6,7,8}'::real[]) THEN 2
		WHEN scorebook.predict('m/3', '{1,2,3,4,5,6,7,8}'::real[]) THEN 3 END
$$;
SELECT champion();

-- a prepared statement follows the alias
PREPARE follow AS SELECT scorebook.predict('m', :x) = scorebook.predict($1, :x) AS same;
EXECUTE follow('m/1');
SELECT scorebook.set_alias('m/2', 'champion');
EXECUTE follow('m/1');
EXECUTE follow('m/2');
DEALLOCATE follow;

-- a reference that differs from row to row, and NULL among them
SELECT ref, scorebook.predict(ref, :x) = scorebook.predict('m/' || version, :x) AS same
FROM (VALUES (1, 'm/1', 1), (2, 'm', 2), (3, 'm/3', 3), (4, NULL, NULL), (5, 'm@champion', 2), (6, 'm/1', 1)) AS r (n, ref, version)
ORDER BY n;

-- a loop sees the alias move, at one call site
DO $$
DECLARE
	score real;
	v int;
BEGIN
	FOREACH v IN ARRAY ARRAY[1, 3, 2, 2, 1] LOOP
		PERFORM scorebook.set_alias('m/' || v, 'champion');
		score := scorebook.predict('m', '{1,2,3,4,5,6,7,8}'::real[]);
		RAISE NOTICE 'champion is %, scored: %', v, score = scorebook.predict('m/' || v, '{1,2,3,4,5,6,7,8}'::real[]);
	END LOOP;
END
$$;

-- a move that is rolled back, in a subtransaction and in a transaction
DO $$
DECLARE
	score real;
BEGIN
	FOR i IN 1 .. 3 LOOP
		BEGIN
			PERFORM scorebook.set_alias('m/3', 'champion');
			score := scorebook.predict('m', '{1,2,3,4,5,6,7,8}'::real[]);
			RAISE NOTICE 'moved: %', score = scorebook.predict('m/3', '{1,2,3,4,5,6,7,8}'::real[]);
			RAISE division_by_zero;
		EXCEPTION WHEN division_by_zero THEN
			score := scorebook.predict('m', '{1,2,3,4,5,6,7,8}'::real[]);
			RAISE NOTICE 'back: %', score = scorebook.predict('m/1', '{1,2,3,4,5,6,7,8}'::real[]);
		END;
	END LOOP;
END
$$;
BEGIN;
SELECT scorebook.set_alias('m/2', 'champion');
SELECT champion();
SAVEPOINT here;
SELECT scorebook.set_alias('m/3', 'champion');
SELECT champion();
ROLLBACK TO here;
SELECT champion();
ROLLBACK;
SELECT champion();

-- a version loaded and scored in one transaction, rolled back, and another under its number
BEGIN;
SELECT scorebook.load_model_file('m', :'fixtures' || 'sqlog.ubj', alias => 'champion') AS version;
SELECT scorebook.predict('m', :x) = scorebook.predict('m/4', :x) AS scored, champion() IS NULL AS new;
ROLLBACK;
SELECT scorebook.load_model_file('m', :'fixtures' || 'sqerr.ubj', again => true) AS version;
SELECT scorebook.predict('m/4', :x) = scorebook.predict('m/1', :x) AS scored;

-- a model dropped and another loaded under its name
SELECT scorebook.load_model_file('n', :'fixtures' || 'sqerr.ubj') AS version;
SELECT scorebook.predict('n', :x) = scorebook.predict('m/1', :x) AS scored;
SELECT scorebook.drop_model('n');
SELECT scorebook.predict('n', :x);
SELECT scorebook.load_model_file('n', :'fixtures' || 'gblinear.ubj') AS version;
SELECT scorebook.predict('n', :x) = scorebook.predict('m/2', :x) AS scored;

-- an error at a call site does not harm the next call
DO $$
BEGIN
	FOR i IN 1 .. 4 LOOP
		BEGIN
			PERFORM scorebook.predict('m', CASE i % 2 WHEN 0 THEN '{1,2,3,4,5,6,7,8}'::real[] ELSE '{1}' END);
			RAISE NOTICE '% scored', i;
		EXCEPTION WHEN array_subscript_error THEN
			RAISE NOTICE '% refused', i;
		END;
	END LOOP;
END
$$;

-- nothing is kept: models come and go within a statement
SET scorebook.cache_size = 0;
SELECT count(*), count(DISTINCT score) FROM (SELECT scorebook.predict('m/' || 1 + n % 3, :x) AS score FROM generate_series(1, 30) AS n) AS s;
SELECT champion();
RESET scorebook.cache_size;

DROP FUNCTION champion;
SELECT count(scorebook.drop_model(name)) FROM (SELECT name FROM scorebook.model) AS m;
