-- <job>_status: when each row was last confirmed, and since when it cannot be.
--
-- Runs are told apart by when they commit, so this has a database of its own
-- instead of one transaction.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
\set home :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS scorebook_status;
CREATE DATABASE scorebook_status;
\c scorebook_status
CREATE EXTENSION pgtap;
CREATE EXTENSION scorebook;
SELECT plan(29);

SELECT scorebook.load_model('credit', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')) \g /dev/null
CREATE TABLE applicant (born date PRIMARY KEY, f0 double precision, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real,
	period date NOT NULL DEFAULT '2026-01-01', touched int NOT NULL DEFAULT 0);
INSERT INTO applicant (born, f0) SELECT date '2000-01-01' + i, i FROM generate_series(1, 4) AS i;
SELECT scorebook.create_job(name, 'credit', 'applicant', keep => keep, effective_at => effective_at,
	key => '{born}', on_error => 'record', watermark => 'touched')
FROM (VALUES ('latest', 'latest', NULL), ('period', 'each_period', NULL), ('by_row', 'each_period', 'period'))
	AS j (name, keep, effective_at) \g /dev/null

-- the moments of all runs, numbered from 1 for each job
CREATE VIEW moment AS
	SELECT job, row_number() OVER (PARTITION BY job ORDER BY run)::int AS n, committed_at FROM scorebook.job_run;
-- of each row: which run has confirmed it, and since which one it is stale
CREATE FUNCTION status(job text) RETURNS TABLE (state text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		SELECT concat_ws(' ', extract(day FROM s.born) - 1,
			CASE WHEN %1$L <> 'latest' THEN extract(month FROM s.effective_at) END, 'by', c.n,
			'stale since ' || f.n, CASE WHEN s.stale <> (f.n IS NOT NULL) THEN 'WRONG' END)
		FROM scores.%2$I AS s
			LEFT JOIN moment AS c ON c.job = %1$L AND c.committed_at = s.confirmed_at
			LEFT JOIN moment AS f ON f.job = %1$L AND f.committed_at = s.stale_since
		ORDER BY s.born, s.effective_at$q$, job, job || '_status');
END
$$;

SELECT is_empty('SELECT * FROM status(''latest'')', 'an empty book');
CALL scorebook.run_job('latest');
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 1'), ('2 by 1'), ('3 by 1'), ('4 by 1')$$, 'a row is confirmed by the run that wrote it');
UPDATE applicant SET f0 = 10 WHERE f0 = 1;
CALL scorebook.run_job('latest');
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 2'), ('2 by 2'), ('3 by 2'), ('4 by 2')$$, 'and by one that finds it unchanged');
SELECT is(count(*), 3::bigint, 'without writing it') FROM scores.latest WHERE run = (SELECT min(run) FROM scorebook.job_run);
UPDATE applicant SET touched = 1, f0 = 20 WHERE f0 = 2;
CALL scorebook.run_job('latest', only_changed => true);
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 2'), ('2 by 3'), ('3 by 2'), ('4 by 2')$$,
	'a run that looks at changes confirms nothing else');

-- errors
UPDATE applicant SET f0 = 'infinity', touched = 2 WHERE f0 = 3;
CALL scorebook.run_job('latest');
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 4'), ('2 by 4'), ('3 by 2 stale since 4'), ('4 by 4')$$,
	'a row that cannot be scored stays, and is stale');
CALL scorebook.run_job('latest');
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 5'), ('2 by 5'), ('3 by 2 stale since 4'), ('4 by 5')$$, 'since it first was');
SET DateStyle = 'German';
SET TimeZone = 'Asia/Tokyo';
SELECT is(stale, born = '2000-01-04', 'however a key is shown: ' || born) FROM scores.latest_status ORDER BY born;
RESET DateStyle;
RESET TimeZone;
UPDATE applicant SET f0 = 'infinity', touched = 3 WHERE f0 = 4;
CALL scorebook.run_job('latest', only_changed => true);
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 5'), ('2 by 5'), ('3 by 2 stale since 4'), ('4 by 5 stale since 6')$$,
	'also where only changes were looked at');
UPDATE applicant SET f0 = 3 WHERE born = '2000-01-04';
CALL scorebook.run_job('latest');
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 7'), ('2 by 7'), ('3 by 7'), ('4 by 5 stale since 6')$$,
	'scored again as it was: confirmed, and not stale');
UPDATE applicant SET f0 = 40, touched = 4 WHERE born = '2000-01-05';
CALL scorebook.run_job('latest', only_changed => true);
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 7'), ('2 by 7'), ('3 by 7'), ('4 by 8')$$, 'or written anew');
DELETE FROM applicant WHERE born = '2000-01-05';
CALL scorebook.run_job('latest');
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 9'), ('2 by 9'), ('3 by 9')$$, 'what is gone has no status');
\set ON_ERROR_STOP off
\set VERBOSITY sqlstate
CALL scorebook.run_job('latest', effective_at => '2001-01-01');
\set ON_ERROR_STOP on
\set VERBOSITY default
SELECT is(status, 'failed', 'a run') FROM scorebook.job_run WHERE run = (SELECT max(run) FROM scorebook.job_run);
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 9'), ('2 by 9'), ('3 by 9')$$, 'that failed confirms nothing');

-- who decides anew has not scored
UPDATE applicant SET f0 = 'infinity', touched = 5 WHERE born = '2000-01-03';
UPDATE applicant SET f0 = 30, touched = 5 WHERE born = '2000-01-04';
CALL scorebook.run_job('latest', only_changed => true);
SELECT scorebook.alter_job('latest', '{"reasons": 0}') \g /dev/null
SELECT scorebook.set_cutoffs('latest', '{"accept": [null, 0.5], "decline": [0.5, null]}') \g /dev/null
SELECT scorebook.decide_job('latest') \g /dev/null
SELECT is(count(DISTINCT run), 1::bigint, 'a decision has written all rows') FROM scores.latest WHERE decision IS NOT NULL;
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 9'), ('2 by 9 stale since 11'), ('3 by 11')$$, 'and confirmed none');
UPDATE applicant SET f0 = 20 WHERE born = '2000-01-03';
CALL scorebook.run_job('latest');
SELECT results_eq('SELECT status(''latest'')', $$VALUES ('1 by 13'), ('2 by 13'), ('3 by 13')$$, 'until a run does');
SELECT is(count(DISTINCT run), 1::bigint, 'without writing them') FROM scores.latest
WHERE run = (SELECT run FROM scorebook.run WHERE kind = 'decision');

-- a period is confirmed by runs about it
CALL scorebook.run_job('period', effective_at => '2026-01-01');
CALL scorebook.run_job('period', effective_at => '2026-02-01');
UPDATE applicant SET f0 = 'infinity' WHERE born = '2000-01-04';
CALL scorebook.run_job('period', effective_at => '2026-01-01');
SELECT results_eq('SELECT status(''period'')',
	$$VALUES ('1 1 by 3'), ('1 2 by 2'), ('2 1 by 3'), ('2 2 by 2'), ('3 1 by 1 stale since 3'), ('3 2 by 2')$$, 'each period by itself');

-- where a row says what period it is of, only its own run has confirmed it
UPDATE applicant SET f0 = 3 WHERE born = '2000-01-04';
CALL scorebook.run_job('by_row');
UPDATE applicant SET period = '2026-02-01' WHERE born = '2000-01-02';
UPDATE applicant SET f0 = 'infinity' WHERE born = '2000-01-04';
CALL scorebook.run_job('by_row');
SELECT results_eq('SELECT status(''by_row'')', $$VALUES ('1 1 by 1'), ('1 2 by 2'), ('2 1 by 1'), ('3 1 by 1 stale since 2')$$, 'rows with a period of their own');
UPDATE applicant SET f0 = 3 WHERE born = '2000-01-04';
CALL scorebook.run_job('by_row');
SELECT results_eq('SELECT status(''by_row'')', $$VALUES ('1 1 by 1'), ('1 2 by 2'), ('2 1 by 1'), ('3 1 by 1')$$, 'and once the key is scored again');

-- the view is the table and three columns
SELECT columns_are('scores', 'latest_status',
	(SELECT array_agg(attname) FROM pg_attribute WHERE attrelid = 'scores.latest'::regclass AND attnum > 0)
	|| '{confirmed_at,stale,stale_since}'::name[]);
SELECT isnt(obj_description('scores.latest_status'::regclass), NULL, 'with a comment');
SELECT is(relowner, (SELECT relowner FROM pg_class WHERE oid = 'scores.latest'::regclass), 'of the same owner')
FROM pg_class WHERE oid = 'scores.latest_status'::regclass;
CREATE FUNCTION plan_of(text) RETURNS SETOF text LANGUAGE plpgsql AS $$BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS off) ' || $1; END$$;
SET enable_seqscan = off;
SELECT ok(bool_or(p ~ 'Index.* Scan using latest_pkey'), 'a key is looked up in the index')
FROM plan_of('SELECT * FROM scores.latest_status WHERE born = ''2000-01-02''') AS p;
SELECT throws_ok('SELECT scorebook.create_job(''clash'', ''credit'', ''SELECT a.*, born AS stale FROM applicant AS a'', key => ''{stale}'')',
	'42701', 'the key of job "clash" has the column "stale", which is one of the book''s own');

\c :home
DROP DATABASE scorebook_status;
