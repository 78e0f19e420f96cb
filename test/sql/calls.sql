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

-- nothing of a session that begins anew is stale
SELECT scorebook.predict('m', :x) = scorebook.predict('m/2', :x) AS same;
DISCARD ALL;
SELECT scorebook.predict('m', :x) = scorebook.predict('m/2', :x) AS same;
SELECT scorebook.set_alias('m/3', 'champion');
SELECT champion();
DISCARD PLANS;
SELECT champion();
SELECT scorebook.set_alias('m/2', 'champion');
DISCARD ALL;
SELECT champion();

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

-- an alias moved in a subtransaction is back where it was once that is rolled
-- back, at a call site that goes on
CREATE TABLE scratch (i integer);
DO $$
DECLARE
	before real := scorebook.predict('m', array_fill(0, ARRAY[8]));
	score real;
BEGIN
	PERFORM pg_current_xact_id();
	FOR i IN 1 .. 2 LOOP
		BEGIN
			IF i = 1 THEN
				PERFORM scorebook.set_alias('m/2', 'champion');
				BEGIN
					INSERT INTO scratch VALUES (1);
					RAISE EXCEPTION 'inner';
				EXCEPTION WHEN raise_exception THEN NULL;
				END;
			END IF;
			score := scorebook.predict('m', array_fill(0, ARRAY[8]));
			RAISE NOTICE 'round %: % champion', i, CASE score WHEN before THEN 'the old' ELSE 'another' END;
			IF i = 1 THEN
				RAISE EXCEPTION 'outer';
			END IF;
		EXCEPTION WHEN raise_exception THEN NULL;
		END;
	END LOOP;
END
$$;
DROP TABLE scratch;

-- a stored row may be shorter than its type
CREATE TABLE grown AS SELECT 1::real AS f0, 2::real AS f1, 3::real AS f2, 4::real AS f3, 5::real AS f4, 6::real AS f5, 7::real AS f6;
ALTER TABLE grown ADD COLUMN f7 real NOT NULL DEFAULT 8;
CREATE FUNCTION score_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'the same: %', scorebook.predict('m', OLD) = scorebook.predict('m', to_jsonb(OLD));
	RETURN NEW;
END
$$;
CREATE TRIGGER score_old BEFORE UPDATE ON grown FOR EACH ROW EXECUTE FUNCTION score_old();
UPDATE grown SET f0 = f0;
DROP TABLE grown;
DROP FUNCTION score_old;

-- DROP EXTENSION and CREATE EXTENSION at once leave nothing of the old registry
BEGIN;
DROP EXTENSION scorebook CASCADE;
CREATE EXTENSION scorebook;
SELECT scorebook.load_model_file('m', :'fixtures' || 'sqerr.ubj') AS version;
SELECT scorebook.predict('m', :x) AS first \gset
DROP EXTENSION scorebook;
CREATE EXTENSION scorebook;
SELECT scorebook.load_model_file('m', :'fixtures' || 'sqerr.ubj', iterations => 2) AS version;
SELECT scorebook.predict('m', :x) <> :first AS another;
ROLLBACK;

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
