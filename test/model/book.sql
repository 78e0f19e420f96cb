--
-- The temporal rules of a book, checked against a model of them: random
-- sequences of operations, each followed by a full copy of what the book must
-- say, made without the book; in the end every state is compared with what
-- <job>_as_of answers for that time.  What the shadows must say is compared at once.
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
CREATE TABLE model.step (step integer PRIMARY KEY, sequence integer, did text, at timestamptz, wrong_shadows bigint);
CREATE TABLE model.state (step integer, id integer, score real, version integer, decision text, first real);
CREATE INDEX ON model.state (step);
-- first is what version 1 says of the same row
CREATE TABLE model.now (id integer PRIMARY KEY, score real, version integer, decision text, first real);

-- the same of a job that keeps each period
CREATE TABLE model.period_state (step integer, period timestamptz, id integer, score real, version integer);
CREATE INDEX ON model.period_state (step);
CREATE TABLE model.period_now (period timestamptz, id integer, score real, version integer, PRIMARY KEY (period, id));

-- from which score on the last cutoffs decline
CREATE TABLE model.cutoff (set serial, low float8);
CREATE TABLE model.erased (id integer PRIMARY KEY);

SELECT scorebook.load_model('m', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')),
	scorebook.load_model('m', pg_read_binary_file(:'fixtures' || '/1.7.4/early.ubj')) \g /dev/null
SELECT scorebook.create_job('checked', model => 'm', source => 'model.source', schema => 'model',
	exclude => 'objected', watermark => 'changed', shadows => '{m/1,m@champion}'),
	scorebook.create_job('periods', model => 'm', source => 'model.source', schema => 'model',
	exclude => 'objected', keep => 'each_period', on_error => 'record') \g /dev/null

-- What a score leads to by the last cutoffs.
CREATE FUNCTION model.decide(score real) RETURNS text
LANGUAGE sql AS $$
	SELECT (SELECT CASE WHEN score >= c.low THEN 'decline' ELSE 'accept' END
		FROM model.cutoff AS c ORDER BY c.set DESC LIMIT 1)
$$;

-- The score of a row by the version that the alias points to, without a job.
CREATE FUNCTION model.expected() RETURNS TABLE (id integer, score real, version integer, decision text, first real)
LANGUAGE sql AS $$
	SELECT s.id, s.score, s.version, model.decide(s.score), s.first
	FROM (SELECT s.id, scorebook.predict('m', s) AS score, (scorebook.resolve_reference('m')).version,
			scorebook.predict('m/1', s) AS first
		  FROM model.source AS s WHERE NOT s.objected AND s.f0 < 'infinity'
			AND s.id NOT IN (SELECT e.id FROM model.erased AS e)) AS s
$$;

-- What a pull or a stream makes of one key.
CREATE FUNCTION model.score_key(key integer) RETURNS void LANGUAGE sql AS $$
	DELETE FROM model.now AS n WHERE n.id = key;
	INSERT INTO model.now SELECT e.* FROM model.expected() AS e WHERE e.id = key;
$$;

-- Both shadows have the keys of the book; one says what the job's model says, and
-- the other what version 1 says.
CREATE FUNCTION model.wrong_shadows() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*)
	FROM (SELECT 'm@champion' AS served, n.id, n.score, n.version FROM model.now AS n
		  UNION ALL SELECT 'm/1', n.id, n.first, 1 FROM model.now AS n) AS e
		FULL JOIN model.checked_shadow AS s ON s.served = e.served AND s.id = e.id
	WHERE (s.scores[1], s.version) IS DISTINCT FROM (e.score, e.version)
$$;

CREATE FUNCTION model.touch(wanted integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO model.source
	SELECT wanted, random(), random() - 0.5, random(), nullif((random() * 3)::int, 0), random(), random(),
		random(), random(), false, nextval('model.change')
	ON CONFLICT (id) DO UPDATE SET f0 = excluded.f0, f1 = excluded.f1, f3 = excluded.f3, changed = excluded.changed
$$;

DO $do$
<<book>>
DECLARE
	sequences constant integer := current_setting('model.sequences');
	low bigint;
	streamed boolean := false;
	touched boolean;			-- a stream has seen what became of the key
	period timestamptz;
	bound float8;
	key integer;
	did text;
	number integer := 0;
BEGIN
	FOR sequence IN 1..sequences LOOP
		FOR operation IN 1..2 + (random() * 3)::integer LOOP
			key := 1 + (random() * 7)::integer;
			did := (ARRAY['change', 'change', 'change', 'delete', 'object', 'alias', 'run', 'run', 'run',
				'changed', 'fail', 'undone', 'pull', 'twice', 'stream', 'truncate', 'cutoffs', 'decide',
				'period', 'period', 'period with an error', 'erase', 'unerase'])[1 + floor(random() * 23)::integer];
			-- the past of the other keys is to stay
			IF did IN ('erase', 'unerase') THEN
				key := 7 + (random())::integer;
			END IF;
			-- what is erased cannot be pulled
			IF did IN ('pull', 'twice') AND EXISTS (SELECT FROM model.erased AS e WHERE e.id = key) THEN
				did := 'unerase';
			END IF;
			touched := did IN ('change', 'fail');
			CASE did
				WHEN 'change' THEN
					PERFORM model.touch(key);
				WHEN 'delete' THEN
					DELETE FROM model.source AS s WHERE s.id = key;
					touched := FOUND;
				WHEN 'object' THEN
					UPDATE model.source AS s SET objected = NOT objected, changed = nextval('model.change')
					WHERE s.id = key;
					touched := FOUND;
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
					SET score = excluded.score, version = excluded.version, decision = excluded.decision, first = excluded.first;
					low := coalesce((SELECT max(s.changed) FROM model.source AS s), low);
				WHEN 'fail' THEN
					PERFORM model.touch(key);
					UPDATE model.source AS s SET f0 = 'infinity' WHERE s.id = key AND NOT s.objected;
					BEGIN
						PERFORM scorebook.run_job_in_transaction('checked');
						IF EXISTS (SELECT FROM model.source AS s WHERE s.id = key AND NOT s.objected
								AND s.id NOT IN (SELECT e.id FROM model.erased AS e)) THEN
							RAISE EXCEPTION 'a run that should fail did not';
						END IF;
						RAISE EXCEPTION USING ERRCODE = 'ZZ001';
					EXCEPTION
						WHEN numeric_value_out_of_range OR SQLSTATE 'ZZ001' THEN NULL;
					END;
					UPDATE model.source AS s SET f0 = 0 WHERE s.id = key;
				WHEN 'erase' THEN
					-- gone from all states, also those of before
					PERFORM scorebook.erase('checked', key, 'a request'), scorebook.erase('periods', key, 'a request');
					INSERT INTO model.erased VALUES (key) ON CONFLICT DO NOTHING;
					DELETE FROM model.now AS n WHERE n.id = key;
					DELETE FROM model.state AS s WHERE s.id = key;
					DELETE FROM model.period_now AS n WHERE n.id = key;
					DELETE FROM model.period_state AS s WHERE s.id = key;
				WHEN 'unerase' THEN
					IF EXISTS (SELECT FROM model.erased AS e WHERE e.id = key) THEN
						PERFORM scorebook.unerase('checked', key, 'agrees'), scorebook.unerase('periods', key, 'agrees');
						DELETE FROM model.erased AS e WHERE e.id = key;
					END IF;
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
					PERFORM model.score_key(key);
				WHEN 'stream' THEN
					IF streamed THEN
						PERFORM scorebook.unstream_job('checked');
					ELSE
						PERFORM scorebook.stream_job('checked', on_error => 'record');
					END IF;
					streamed := NOT streamed;
				WHEN 'truncate' THEN
					-- what comes again in the same transaction was never gone
					IF random() < 0.2 THEN
						TRUNCATE model.source;
						PERFORM model.touch(key);
						touched := true;
						IF streamed THEN
							DELETE FROM model.now;
						END IF;
					END IF;
				WHEN 'cutoffs' THEN
					bound := random();
					INSERT INTO model.cutoff (low) VALUES (bound);
					PERFORM scorebook.set_cutoffs('checked',
						jsonb_build_object('accept', jsonb_build_array(NULL, bound), 'decline', jsonb_build_array(bound, NULL)));
				WHEN 'decide' THEN
					PERFORM scorebook.decide_job('checked');
					UPDATE model.now AS n SET decision = model.decide(n.score);
				WHEN 'period', 'period with an error' THEN
					-- a key that cannot be scored keeps what it had
					period := timestamptz '2026-01-01 00:00+00' + make_interval(days => floor(random() * 4)::integer);
					UPDATE model.source AS s SET f0 = 'infinity'
					WHERE s.id = key AND NOT s.objected AND did = 'period with an error';
					CALL scorebook.run_job('periods', effective_at => period);
					DELETE FROM model.period_now AS n
					WHERE n.period = book.period AND NOT EXISTS
						(SELECT FROM model.source AS s WHERE s.id = n.id AND s.f0 = 'infinity');
					INSERT INTO model.period_now SELECT period, e.id, e.score, e.version FROM model.expected() AS e;
					UPDATE model.source AS s SET f0 = 0 WHERE s.id = key AND s.f0 = 'infinity';
					touched := FOUND;
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
			IF streamed AND touched THEN
				PERFORM model.score_key(key);
			END IF;
			COMMIT;
			number := number + 1;
			INSERT INTO model.step VALUES (number, sequence, did, clock_timestamp(), model.wrong_shadows());
			INSERT INTO model.state SELECT number, n.* FROM model.now AS n;
			INSERT INTO model.period_state SELECT number, n.* FROM model.period_now AS n;
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
	 FROM (SELECT * FROM model.state AS e WHERE e.step = s.step) AS e (step, id, score, version, decision)
		FULL JOIN model.checked_as_of(s.at) AS a ON a.id = e.id
	 WHERE (e.id, e.score, e.version, e.decision) IS DISTINCT FROM (a.id, a.score, a.version, a.decision)
	 UNION ALL
	 SELECT coalesce(e.id, a.id), e.score, a.score
	 FROM (SELECT * FROM model.period_state AS e WHERE e.step = s.step) AS e (step, period, id, score, version)
		FULL JOIN model.periods_as_of(s.at) AS a ON a.id = e.id AND a.effective_at = e.period
	 WHERE (e.id, e.period, e.score, e.version) IS DISTINCT FROM (a.id, a.effective_at, a.score, a.version)) AS w;

\pset format unaligned
\pset tuples_only on
SELECT CASE WHEN EXISTS (SELECT FROM wrong) THEN 'not ' ELSE '' END
	|| format('ok - %s states after %s sequences are what the model says', count(*), max(sequence))
FROM model.step;
SELECT CASE WHEN sum(wrong_shadows) > 0 THEN 'not ' ELSE '' END || 'ok - so are the shadows' FROM model.step;
SELECT format('# step %s, %s: %s rows of shadows are wrong', step, did, wrong_shadows)
FROM model.step WHERE wrong_shadows > 0 ORDER BY step LIMIT 10;
SELECT format('# step %s, %s: key %s should have %s, and has %s', step, did, id, expected, found)
FROM wrong ORDER BY step LIMIT 10;
SELECT CASE WHEN EXISTS (SELECT FROM scorebook.verify_book(job)) THEN 'not ' ELSE '' END
	|| format('ok - the book %s is sound, with %s runs', job,
		(SELECT count(*) FROM scorebook.job_run AS r WHERE r.job = j.job))
FROM unnest(ARRAY['checked', 'periods']) AS j (job);
SELECT CASE WHEN count(DISTINCT h.end_reason) = 3 THEN '' ELSE 'not ' END
	|| format('ok - %s rows have ended, for every reason', count(*))
FROM model.checked_history AS h;
SELECT CASE WHEN (SELECT count(DISTINCT did) FROM model.step) = 18 THEN '' ELSE 'not ' END || 'ok - every operation has come';
SELECT CASE WHEN count(*) FILTER (WHERE status = 'failed') = 0 AND count(*) > 1000 THEN '' ELSE 'not ' END
	|| 'ok - nothing is left of runs that were rolled back'
FROM scorebook.run;
