--
-- The temporal rules of a book, checked against a model of them: random
-- sequences of operations, each followed by a full copy of what the book must
-- say, made without the book; in the end every state is compared with what
-- <job>_as_of answers for that time.
--
--	psql -v fixtures=DIRECTORY -v sequences=2000 -v seed=0.5 -f book.sql
--
-- Prints one line of TAP for each kind of comparison.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SELECT setseed(:seed) \g /dev/null
SELECT set_config('model.sequences', :'sequences', false) \g /dev/null

CREATE SCHEMA model;
CREATE TABLE model.source
(
	id			integer PRIMARY KEY,
	f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real,
	objected	boolean NOT NULL DEFAULT false,
	changed		bigint NOT NULL
);
CREATE SEQUENCE model.change;

-- what the book must say after each step, and what it says in the end
CREATE TABLE model.step (step integer PRIMARY KEY, sequence integer, did text, at timestamptz);
CREATE TABLE model.state (step integer, id integer, score real, version integer);
CREATE INDEX ON model.state (step);
CREATE TABLE model.now (id integer PRIMARY KEY, score real, version integer);

SELECT scorebook.load_model('m', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')),
	scorebook.load_model('m', pg_read_binary_file(:'fixtures' || '/1.7.4/early.ubj')) \g /dev/null
SELECT scorebook.create_job('checked', model => 'm', source => 'model.source', schema => 'model',
	exclude => 'objected', watermark => 'changed', shadows => '{m/1,m@champion}') \g /dev/null

-- The score of a row by the version that the alias points to, without a job.
CREATE FUNCTION model.expected() RETURNS TABLE (id integer, score real, version integer)
LANGUAGE sql AS $$
	SELECT s.id, scorebook.predict('m', s), (scorebook.resolve_reference('m')).version
	FROM model.source AS s WHERE NOT s.objected
$$;

CREATE FUNCTION model.touch(wanted integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO model.source
	SELECT wanted, random(), random() - 0.5, random(), nullif((random() * 3)::int, 0), random(), random(),
		random(), random(), false, nextval('model.change')
	ON CONFLICT (id) DO UPDATE SET f0 = excluded.f0, f1 = excluded.f1, f3 = excluded.f3, changed = excluded.changed
$$;

DO $do$
DECLARE
	sequences constant integer := current_setting('model.sequences');
	low bigint;
	key integer;
	did text;
	number integer := 0;
BEGIN
	FOR sequence IN 1..sequences LOOP
		FOR operation IN 1..2 + (random() * 3)::integer LOOP
			key := 1 + (random() * 7)::integer;
			did := (ARRAY['change', 'change', 'change', 'delete', 'object', 'alias', 'run', 'run', 'run',
				'changed', 'fail', 'undone', 'pull', 'twice'])[1 + floor(random() * 14)::integer];
			CASE did
				WHEN 'change' THEN
					PERFORM model.touch(key);
				WHEN 'delete' THEN
					DELETE FROM model.source AS s WHERE s.id = key;
				WHEN 'object' THEN
					UPDATE model.source AS s SET objected = NOT objected, changed = nextval('model.change')
					WHERE s.id = key;
				WHEN 'alias' THEN
					PERFORM scorebook.set_alias('m/' || 1 + floor(random() * 2)::integer, 'champion');
				WHEN 'run' THEN
					CALL scorebook.run_job('checked');
					DELETE FROM model.now;
					INSERT INTO model.now SELECT e.* FROM model.expected() AS e;
					low := (SELECT max(s.changed) FROM model.source AS s);
				WHEN 'changed' THEN
					-- what is gone is not noticed; the row that was the last is read again
					CALL scorebook.run_job('checked', only_changed => true);
					DELETE FROM model.now AS n USING model.source AS s
					WHERE s.id = n.id AND s.objected AND (low IS NULL OR s.changed >= low);
					INSERT INTO model.now
					SELECT e.* FROM model.expected() AS e JOIN model.source AS s ON s.id = e.id
					WHERE low IS NULL OR s.changed >= low
					ON CONFLICT ON CONSTRAINT now_pkey DO UPDATE
					SET score = excluded.score, version = excluded.version;
					low := coalesce((SELECT max(s.changed) FROM model.source AS s), low);
				WHEN 'fail' THEN
					PERFORM model.touch(key);
					UPDATE model.source AS s SET f0 = 'infinity' WHERE s.id = key AND NOT s.objected;
					BEGIN
						PERFORM scorebook.run_job_in_transaction('checked');
						IF EXISTS (SELECT FROM model.source AS s WHERE s.id = key AND NOT s.objected) THEN
							RAISE EXCEPTION 'a run that should fail did not';
						END IF;
						RAISE EXCEPTION USING ERRCODE = 'ZZ001';
					EXCEPTION
						WHEN numeric_value_out_of_range OR SQLSTATE 'ZZ001' THEN NULL;
					END;
					UPDATE model.source AS s SET f0 = 0 WHERE s.id = key;
				WHEN 'undone' THEN
					BEGIN
						PERFORM model.touch(key);
						PERFORM scorebook.run_job_in_transaction('checked');
						RAISE EXCEPTION USING ERRCODE = 'ZZ001';
					EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL;
					END;
				WHEN 'pull' THEN
					PERFORM model.touch(key);
					UPDATE model.source AS s SET objected = false WHERE s.id = key;
					PERFORM scorebook.score('checked', key);
					DELETE FROM model.now AS n WHERE n.id = key;
					INSERT INTO model.now SELECT e.* FROM model.expected() AS e WHERE e.id = key;
				WHEN 'twice' THEN
					-- the first of both was never to be seen
					PERFORM model.touch(key);
					PERFORM scorebook.run_job_in_transaction('checked');
					PERFORM model.touch(key);
					UPDATE model.source AS s SET objected = false WHERE s.id = key;
					PERFORM scorebook.score('checked', key);
					DELETE FROM model.now;
					INSERT INTO model.now SELECT e.* FROM model.expected() AS e;
					-- the run's watermark is from before the second change
					low := (SELECT max(r.watermark::bigint) FROM scorebook.run AS r
						WHERE r.watermark IS NOT NULL AND r.status = 'succeeded');
			END CASE;
			COMMIT;
			number := number + 1;
			INSERT INTO model.step VALUES (number, sequence, did, clock_timestamp());
			INSERT INTO model.state SELECT number, n.* FROM model.now AS n;
			COMMIT;
		END LOOP;
	END LOOP;
END
$do$;

ANALYZE;
CREATE TEMP TABLE wrong AS
SELECT s.step, s.sequence, s.did, w.*
FROM model.step AS s, LATERAL
	(SELECT coalesce(e.id, a.id) AS id, e.score AS expected, a.score AS found
	 FROM (SELECT * FROM model.state AS e WHERE e.step = s.step) AS e (step, id, score, version)
		FULL JOIN model.checked_as_of(s.at) AS a ON a.id = e.id
	 WHERE (e.id, e.score, e.version) IS DISTINCT FROM (a.id, a.score, a.version)) AS w;

\pset format unaligned
\pset tuples_only on
SELECT CASE WHEN EXISTS (SELECT FROM wrong) THEN 'not ' ELSE '' END
	|| format('ok - %s states after %s sequences are what the model says', count(*), max(sequence))
FROM model.step;
SELECT format('# step %s, %s: key %s should have %s, and has %s', step, did, id, expected, found)
FROM wrong ORDER BY step LIMIT 10;
SELECT CASE WHEN EXISTS (SELECT FROM scorebook.verify_book('checked')) THEN 'not ' ELSE '' END
	|| format('ok - the book with %s runs and %s ended rows is sound', (SELECT count(*) FROM scorebook.run),
		(SELECT count(*) FROM model.checked_history));
SELECT CASE WHEN (SELECT count(DISTINCT did) FROM model.step) = 10 THEN '' ELSE 'not ' END || 'ok - every operation has come';
SELECT CASE WHEN count(*) FILTER (WHERE status = 'failed') = 0 AND count(*) > 1000 THEN '' ELSE 'not ' END
	|| 'ok - nothing is left of runs that were rolled back'
FROM scorebook.run;
