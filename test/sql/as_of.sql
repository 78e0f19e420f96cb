--
-- <job>_as_of: the row type of the scores, seen through by the planner, by index
-- where a key is asked for, also in the partitions of the history.
--
\getenv srcdir PG_ABS_SRCDIR
\set VERBOSITY terse
SELECT scorebook.load_model('regress_scored', pg_read_binary_file(:'srcdir' || '/fixtures/1.7.4/binlog.ubj'));
CREATE TABLE regress_scored AS
	SELECT n AS id, n::real AS f0, n::real AS f1, n::real AS f2, n::real AS f3, n::real AS f4, n::real AS f5,
		n::real AS f6, n::real AS f7
	FROM generate_series(1, 5000) AS n;
ALTER TABLE regress_scored ADD PRIMARY KEY (id);
SELECT scorebook.create_job('regress_scored');
CREATE TABLE instant (name text, at timestamptz);
INSERT INTO instant VALUES ('created', clock_timestamp());
SELECT scorebook.as_of_final_until('regress_scored');
CALL scorebook.run_job('regress_scored');
INSERT INTO instant VALUES ('scored', clock_timestamp());
UPDATE regress_scored SET f0 = -f0;
CALL scorebook.run_job('regress_scored');
INSERT INTO instant VALUES ('scored again', clock_timestamp());
DELETE FROM regress_scored WHERE id = 17;
CALL scorebook.run_job('regress_scored');
INSERT INTO instant VALUES ('without 17', clock_timestamp());
SELECT i.name, count(a.id), count(DISTINCT a.run) AS runs, count(*) FILTER (WHERE a.id = 17) AS seventeen,
	scorebook.score_at('regress_scored', 17, i.at) IS NOT NULL AS said
FROM instant AS i LEFT JOIN LATERAL scores.regress_scored_as_of(i.at) AS a ON true
GROUP BY i.name, i.at ORDER BY i.at;
SELECT scorebook.as_of_final_until('regress_scored') > max(at) AS final FROM instant;
SELECT pg_typeof(a)::text AS row_type FROM scores.regress_scored_as_of('infinity') AS a WHERE a.id = 1;

-- who may read the book asks the same, and sees the same
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA scores TO regress_reader;
GRANT SELECT ON scores.regress_scored, scores.regress_scored_history TO regress_reader;
GRANT SELECT ON instant TO regress_reader;
SET ROLE regress_reader;
SELECT scorebook.as_of_final_until('regress_scored') > max(at) AS final FROM instant;
SELECT count(*), scorebook.score_at('regress_scored', 17, at) IS NOT NULL AS said
FROM instant, LATERAL scores.regress_scored_as_of(at) WHERE name = 'scored again' GROUP BY at;
RESET ROLE;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;

ANALYZE scores.regress_scored, scores.regress_scored_history, scorebook.moment;
CREATE FUNCTION how_scores_are_read(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Index|Function|regress_scored ' THEN
			RETURN NEXT regexp_replace(ltrim(line), 'history_\d+', 'history_month', 'g');
		END IF;
	END LOOP;
END
$$;
SELECT how_scores_are_read($$SELECT * FROM scores.regress_scored_as_of('2100-01-01')$$);
SELECT how_scores_are_read($$SELECT * FROM scores.regress_scored_as_of('2100-01-01') WHERE id = 17$$);
-- before the first day that is kept, there is no answer
SET session_replication_role = replica;
UPDATE scorebook.timeline SET begins_at = '2020-01-01' FROM scorebook.registered_job AS j
WHERE timeline.timeline_id = j.timeline_id AND j.name = 'regress_scored';
RESET session_replication_role;
SELECT * FROM scores.regress_scored_as_of('2019-12-31') WHERE id = -1;
SELECT a.id FROM (VALUES ('2019-12-31'::timestamptz)) AS i (at), LATERAL scores.regress_scored_as_of(i.at) AS a WHERE a.id = -1;
SELECT scorebook.as_of_final_until('no job');

-- nobody changes what it rests on, superusers included
UPDATE scorebook.moment SET committed_at = committed_at - interval '1 day';
DELETE FROM scorebook.moment;
TRUNCATE scorebook.moment;
UPDATE scorebook.timeline SET begins_at = '-infinity';
DELETE FROM scorebook.timeline;
UPDATE scorebook.run SET version = 2;
DELETE FROM scorebook.run WHERE false;
UPDATE scorebook.run_model SET version = 2;
TRUNCATE scorebook.run_model;
UPDATE scorebook.amendment SET digest = 0;
DELETE FROM scorebook.amendment;
-- and what somebody can who switches that off, is found
CREATE FUNCTION found(forgery text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	problems text;
BEGIN
	SET LOCAL session_replication_role = replica;
	EXECUTE forgery;
	SELECT string_agg(DISTINCT v.problem, ', ') INTO problems FROM scorebook.verify_book('regress_scored') AS v;
	RAISE EXCEPTION USING MESSAGE = coalesce(problems, 'nothing');
EXCEPTION WHEN raise_exception THEN
	RETURN SQLERRM;
END
$$;
SELECT forgery, found(format(forgery, run)) AS problems
FROM (VALUES ('SELECT %s'),
		('UPDATE scorebook.moment SET committed_at = committed_at + interval ''1 year'' WHERE writer = %s'),
		('UPDATE scorebook.moment SET committed_at = committed_at - interval ''1 day'' WHERE writer = %s'),
		('UPDATE scorebook.moment SET committed_at = NULL, digest = NULL WHERE writer = %s'),
		('UPDATE scorebook.moment SET timeline_id = 0 WHERE writer = %s'),
		('UPDATE scorebook.moment SET committed_at = c.at, digest = scorebook.row_digest(writer, timeline_id, c.at, boot_id, uptime)
			FROM (SELECT timestamptz ''2020-01-01'') AS c (at) WHERE writer = %s'),
		('UPDATE scorebook.run SET version = 2 WHERE run = %s'),
		('UPDATE scorebook.run SET sha256 = ''\x00'' WHERE run = %s'),
		('UPDATE scorebook.run_model SET version = 2 WHERE run = %s'),
		('WITH r AS (UPDATE scorebook.run SET version = 2 WHERE run = %1$s) UPDATE scorebook.run_model SET version = 2 WHERE run = %1$s')) AS f (forgery),
	(SELECT max(run) AS run FROM scorebook.job_run WHERE job = 'regress_scored' AND rows_changed > 0) AS last;

DROP FUNCTION found;
DROP FUNCTION how_scores_are_read;
DROP TABLE instant;
SELECT scorebook.drop_job('regress_scored', keep_book => false);
SELECT scorebook.drop_model('regress_scored');
DROP TABLE regress_scored;
DROP SCHEMA scores;
