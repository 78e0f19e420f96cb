-- Schedules: what a cron expression says, when it fires next, and which jobs
-- are due by theirs; and models that are scored with a record only.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
BEGIN;
SELECT no_plan();
SET LOCAL TimeZone = 'UTC';

-- croniter's answers: test/schedule/golden.py
CREATE TEMP TABLE golden AS
	SELECT line[1] AS schedule, line[2] AS zone, line[3]::timestamptz AS after, line[4:6]::timestamptz[] AS firings
	FROM string_to_table(trim(E'\n' FROM pg_read_file(:'fixtures' || '/../schedule/golden.csv')), E'\n') AS l,
		string_to_array(l, ';') AS line;
SELECT cmp_ok(count(*), '>', 100::bigint, 'there are answers to compare with') FROM golden;
SELECT is(ARRAY(SELECT scorebook.next_firings(schedule, zone, after, 3)), firings,
	format('"%s" in %s after %s', schedule, zone, after))
FROM golden;

-- the last day of the month, and what croniter does not read
SELECT is(ARRAY(SELECT scorebook.next_firings(schedule, 'UTC', '2028-02-15 00:00+00', 3)), firings::timestamptz[], schedule)
FROM (VALUES
	('0 6 $ * *', '{2028-02-29 06:00+00,2028-03-31 06:00+00,2028-04-30 06:00+00}'),
	('15 seconds', '{2028-02-15 00:00:15+00,2028-02-15 00:00:30+00,2028-02-15 00:00:45+00}'),
	('1 second', '{2028-02-15 00:00:01+00,2028-02-15 00:00:02+00,2028-02-15 00:00:03+00}'),
	('@hourly', '{2028-02-15 01:00+00,2028-02-15 02:00+00,2028-02-15 03:00+00}'),
	('@daily', '{2028-02-16 00:00+00,2028-02-17 00:00+00,2028-02-18 00:00+00}'),
	('@midnight', '{2028-02-16 00:00+00,2028-02-17 00:00+00,2028-02-18 00:00+00}'),
	('@weekly', '{2028-02-20 00:00+00,2028-02-27 00:00+00,2028-03-05 00:00+00}'),
	('@monthly', '{2028-03-01 00:00+00,2028-04-01 00:00+00,2028-05-01 00:00+00}'),
	('@YEARLY', '{2029-01-01 00:00+00,2030-01-01 00:00+00,2031-01-01 00:00+00}'),
	('@annually', '{2029-01-01 00:00+00,2030-01-01 00:00+00,2031-01-01 00:00+00}'),
	(E' 5\t4  1 Jan * ', '{2029-01-01 04:05+00,2030-01-01 04:05+00,2031-01-01 04:05+00}')) AS g (schedule, firings);

-- what none is
SELECT throws_ok(format('SELECT scorebook.read_cron(%L)', schedule), '22023', format('invalid schedule "%s"', schedule),
	'refused: ' || schedule)
FROM unnest('{"","* * * *","* * * * * *","60 * * * *","* 24 * * *","* * 0 * *","* * 32 * *","* * * 13 *","* * * * 8",
	"5/15 * * * *","*/0 * * * *","30-10 * * * *","* * * * fri-mon","1,,2 * * * *","- * * * *","* * * foo *","$ * * * *",
	"* * * * $","*-5 * * * *","-1 * * * *","1.5 * * * *","@reboot","@never","0 seconds","60 seconds","ten seconds"}'::text[]) AS schedule;

-- clocks that differ
SELECT is(scorebook.fits_shifted(schedule, shift), fits, format('"%s", shifted by %s minutes', schedule, shift))
FROM (VALUES
	('0 3 * * *', 0, true), ('0 3 * * *', 60, false), ('*/5 * * * *', 60, true), ('*/5 * * * *', -210, true),
	('0 * * * *', 330, false), ('*/30 * * * *', 330, true), ('0 */2 * * *', 120, true), ('0 */2 * * *', 60, false),
	('0 * * * mon', 60, false), ('0 * 1 * *', 60, false), ('0 * * 2 *', 60, false), ('0 * $ * *', 60, false),
	('10 seconds', 17, true), ('0 0,12 * * *', -720, true)) AS s (schedule, shift, fits);
SELECT set_eq($$ SELECT scorebook.clock_differences('Europe/Berlin', 'GMT') $$, '{60,120}'::integer[], 'Berlin is one or two hours ahead of Greenwich');
SELECT set_eq($$ SELECT scorebook.clock_differences('America/New_York', 'Europe/Berlin') $$, '{-360,-300}'::integer[],
	'for some weeks New York is nearer to Berlin');
SELECT set_eq($$ SELECT scorebook.clock_differences('Etc/UTC', 'GMT') $$, '{0}'::integer[], 'zones of one clock');

-- jobs
SELECT scorebook.load_model('m', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')) \g /dev/null
CREATE ROLE scorebook_owner;
CREATE ROLE scorebook_scorer;
CREATE ROLE scorebook_auditor;
CREATE ROLE scorebook_developer;
CREATE TABLE applicant (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO applicant VALUES (1, 1, 2, 3, 4, 5, 6, 7, 8);
GRANT SELECT ON applicant TO PUBLIC;
CREATE SCHEMA scorebook_books;
GRANT ALL ON SCHEMA scorebook_books TO PUBLIC;
SELECT scorebook.grant_model('m', 'public', 'score') \g /dev/null
CREATE FUNCTION pg_temp.create_job(name text, source text DEFAULT 'applicant', schedule text DEFAULT NULL) RETURNS regclass LANGUAGE sql AS $$
	SELECT scorebook.create_job(name, 'm', source, '{id}', 'scorebook_books', schedule => schedule, timezone => 'Asia/Tokyo') $$;

SELECT throws_ok($$ SELECT scorebook.create_job('bad', 'm', 'applicant', schema => 'scorebook_books', timezone => 'Mars/Olympus') $$,
	'22023', 'time zone "Mars/Olympus" not recognized', 'a job has a time zone that there is');
SELECT lives_ok($$ SELECT pg_temp.create_job('base') $$, 'a job');
SELECT throws_ok($$ SELECT pg_temp.create_job('nightly', schedule => '@daily') $$, '55000',
	'job "nightly" cannot be scheduled: pg_cron is not loaded', 'pg_cron is not loaded');
SELECT is((SELECT count(*) FROM scorebook.job WHERE name = 'nightly'), 0::bigint, 'then the job is not made');
SELECT throws_ok($$ SELECT scorebook.schedule_job('none', '@daily') $$, '42704', 'job "none" does not exist', 'no such job');
SELECT throws_ok($$ SELECT scorebook.unschedule_job('base') $$, '55000', 'job "base" has no schedule', 'no schedule');
SELECT throws_ok($$ SELECT scorebook.schedule_job('base', NULL) $$, '22004', 'the schedule and the scheduler cannot be null', 'null');
SELECT throws_ok($$ SELECT scorebook.schedule_job('base', '@daily', 'airflow') $$, '22023', 'unknown scheduler "airflow"', 'unknown scheduler');
SELECT throws_ok($$ SELECT scorebook.schedule_job('base', '0 0 30 2 *', 'other') $$, '22023', 'the schedule "0 0 30 2 *" never fires', 'never');
SELECT throws_ok($$ SELECT scorebook.schedule_job('base', '0 0 * *', 'other') $$, '22023', 'invalid schedule "0 0 * *"', 'four fields');
SELECT results_eq($$ SELECT f.local_time::time, f.fires_at AT TIME ZONE 'Asia/Tokyo' = f.local_time
		FROM scorebook.schedule_job('base', '30 4 * * *', 'other') AS f $$,
	$$ VALUES (time '04:30', true), ('04:30', true), ('04:30', true) $$, 'the next three times, as the job''s clock shows them');
SELECT results_eq($$ SELECT j.schedule, j.scheduler, j.timezone, j.next_run = (SELECT min(f) FROM scorebook.next_firings('30 4 * * *', 'Asia/Tokyo', now(), 1) AS f)
		FROM scorebook.job AS j WHERE name = 'base' $$,
	$$ VALUES ('30 4 * * *', 'other', 'Asia/Tokyo', true) $$, 'the view of jobs has it');
SELECT is((SELECT definition ->> 'schedule' FROM scorebook.job_definition ORDER BY job_id DESC, revision DESC LIMIT 1), '30 4 * * *',
	'and the definition of the job');
SELECT lives_ok($$ SELECT scorebook.alter_job('base', '{"timezone": "UTC"}') $$, 'another time zone');
SELECT is((SELECT next_run::time FROM scorebook.job WHERE name = 'base'), '04:30', 'moves the next run');
SET LOCAL ROLE scorebook_owner;
SELECT throws_ok($$ SELECT scorebook.schedule_job('base', '@daily', 'other') $$, '42501', 'permission denied for job "base"', 'others'' jobs are theirs');
RESET ROLE;
GRANT SELECT ON scorebook_books.base TO scorebook_owner;
SET LOCAL ROLE scorebook_owner;
SELECT throws_ok($$ SELECT scorebook.schedule_job('base', '@daily', 'other') $$, '42501', 'permission denied for job "base"', 'nor are those changed that one may read');
SELECT throws_ok($$ SELECT scorebook.unschedule_job('base') $$, '42501', 'permission denied for job "base"', 'or taken from the schedule');
SELECT is_empty($$ SELECT * FROM scorebook.due_jobs() $$, 'nor run');
RESET ROLE;

-- which are due: those before that others read from, however deep
CREATE VIEW second_source AS SELECT a.* FROM applicant AS a JOIN scorebook_books.base AS b USING (id);
SELECT lives_ok($$ SELECT pg_temp.create_job('another', 'second_source') $$, 'a job that reads the table of one');
CREATE VIEW inner_source AS SELECT b.id FROM scorebook_books.another_as_of('2200-01-01') AS b;
CREATE VIEW third_source AS SELECT a.* FROM applicant AS a JOIN inner_source USING (id);
SELECT lives_ok($$ SELECT pg_temp.create_job('a third', 'third_source') $$, 'and one that reads that as of a time, through a view');
SELECT lives_ok(format('SELECT scorebook.schedule_job(%L, ''1 second'', ''other'')', name), 'scheduled: ' || name)
FROM unnest('{base,another,a third}'::text[]) AS name;
SELECT is_empty($$ SELECT * FROM scorebook.due_jobs() $$, 'nothing is due before its time');
SELECT pg_sleep(1.1) \g /dev/null
SELECT results_eq($$ SELECT * FROM scorebook.due_jobs() $$,
	$$ VALUES ('base', '{}'::text[], '{}'::text[]), ('another', '{base}', '{}'), ('a third', '{another}', '{}') $$,
	'jobs come after those that they read from');
SELECT lives_ok($$ SELECT scorebook.run_job_in_transaction('base') $$, 'a run');
SELECT results_eq($$ SELECT name, upstream FROM scorebook.due_jobs() $$, $$ VALUES ('another', '{}'::text[]), ('a third', '{another}') $$,
	'is due no more');
SET LOCAL session_replication_role = replica;
UPDATE scorebook.run SET status = 'failed';
SET LOCAL session_replication_role = origin;
SELECT results_eq($$ SELECT * FROM scorebook.due_jobs() $$,
	$$ VALUES ('another', '{}'::text[], '{base}'::text[]), ('a third', '{another}', '{}') $$, 'one that has failed holds others up');
CREATE OR REPLACE VIEW second_source AS SELECT a.* FROM applicant AS a JOIN scorebook_books.base AS b USING (id)
	LEFT JOIN scorebook_books."a third" AS t USING (id);
SELECT results_eq($$ SELECT name FROM scorebook.due_jobs() $$, $$ VALUES ('a third'), ('another') $$, 'a circle is begun somewhere');
SELECT lives_ok($$ SELECT scorebook.unschedule_job('another') $$, 'a schedule is taken away');
SELECT results_eq($$ SELECT name, upstream FROM scorebook.due_jobs() $$, $$ VALUES ('a third', '{}'::text[]) $$, 'and the job is never due');
SELECT lives_ok($$ SELECT scorebook.drop_job('a third') $$, 'a job with a schedule is dropped');
SELECT is_empty($$ SELECT * FROM scorebook.due_jobs() $$, 'and neither is due');
-- what is pg_cron's is left to it for a minute
UPDATE scorebook.registered_job SET scheduler = 'pg_cron', scheduled_at = now() - interval '30 seconds', schedule = '10 seconds' WHERE name = 'another';
SELECT is_empty($$ SELECT * FROM scorebook.due_jobs() $$, 'pg_cron has a minute to run a job');
SELECT is(overdue_since, NULL, 'and then it is not late') FROM scorebook.job WHERE name = 'another';
UPDATE scorebook.registered_job SET scheduled_at = now() - interval '80 seconds' WHERE name = 'another';
SELECT results_eq($$ SELECT name FROM scorebook.due_jobs() $$, $$ VALUES ('another') $$, 'before others do');
SELECT is(overdue_since, now() - interval '70 seconds', 'since when it is late') FROM scorebook.job WHERE name = 'another';
SELECT lives_ok($$ SELECT scorebook.grant_job('another', 'scorebook_owner', 'score') $$, 'a role that sees the job, and not its runs');
SET LOCAL ROLE scorebook_owner;
SELECT is((next_run IS NOT NULL, overdue_since)::text, '(t,)', 'is not told that there are none') FROM scorebook.job WHERE name = 'another';
RESET ROLE;
-- as a restore does
CREATE TEMP TABLE dump AS SELECT * FROM scorebook.registered_job WHERE name = 'another';
SET LOCAL session_replication_role = replica;
DELETE FROM scorebook.registered_job WHERE name = 'another';
SET LOCAL session_replication_role = origin;
INSERT INTO scorebook.registered_job OVERRIDING SYSTEM VALUE SELECT * FROM dump;
SELECT results_eq($$ SELECT schedule, scheduler, next_run, overdue_since FROM scorebook.job WHERE name = 'another' $$,
	$$ VALUES ('10 seconds', 'pg_cron', NULL::timestamptz, NULL::timestamptz) $$, 'where a job was restored, pg_cron does not know it');
SELECT is_empty($$ SELECT * FROM scorebook.due_jobs() $$, 'and it is not due');
UPDATE scorebook.registered_job SET scheduler = 'other', scheduled_at = now() - interval '80 seconds' WHERE name = 'another';
SELECT results_eq($$ SELECT next_run IS NOT NULL, overdue_since FROM scorebook.job WHERE name = 'another' $$,
	$$ VALUES (true, now() - interval '70 seconds') $$, 'what others run is late at once');
UPDATE scorebook.registered_job SET scheduler = NULL, scheduled_at = NULL, schedule = NULL WHERE name = 'another';

-- a record is required
SELECT throws_ok($$ SELECT scorebook.set_require_record('m', true) $$, '55000', 'model "m" is an experiment', 'of governed models only');
SELECT scorebook.load_model('g', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj'), mode => 'governed') \g /dev/null
SELECT throws_ok($$ SELECT scorebook.set_require_record('g', NULL) $$, '22004', 'required cannot be null', 'null');
SELECT scorebook.grant_model('g', 'scorebook_owner', 'score'), scorebook.grant_model('g', 'scorebook_scorer', 'score'),
	scorebook.grant_model('g', 'scorebook_auditor', 'score'), scorebook.grant_model('g', 'scorebook_auditor', 'read'),
	scorebook.grant_model('g', 'scorebook_developer', 'manage') \g /dev/null
CREATE TEMP TABLE way AS
	SELECT format('SELECT scorebook.%s(''g'', %s) FROM applicant AS i', f, form) AS command
	FROM unnest('{predict,predict_vector,predict_proba,predict_class,predict_margin,predict_leaf,predict_set,explain,reasons}'::text[]) AS f,
		unnest('{i,to_jsonb(i),"ARRAY[f0,f1,f2,f3,f4,f5,f6,f7]"}'::text[]) AS form;
CREATE FUNCTION pg_temp.attempt(role name, command text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE command;
	RESET ROLE;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT is(pg_temp.attempt('scorebook_scorer', command), 'ok', 'not required: ' || command) FROM way;
SELECT is(pg_temp.attempt('scorebook_developer', $$ SELECT scorebook.set_require_record('g', true) $$),
	'42501 permission denied for function set_require_record', 'as installed, nobody changes it');
GRANT EXECUTE ON FUNCTION scorebook.set_require_record TO PUBLIC;
SELECT is(pg_temp.attempt('scorebook_scorer', $$ SELECT scorebook.set_require_record('g', true) $$),
	'42501 permission denied for model "g"', 'nor whoever does not manage the model');
SELECT is(pg_temp.attempt('scorebook_developer', $$ SELECT scorebook.set_require_record('g', true, 'in production') $$), 'ok', 'required');
SELECT results_eq($$ SELECT change, required, reason, set_by::text COLLATE "default" FROM scorebook.record_requirement $$,
	$$ VALUES (1, true, 'in production', 'scorebook_developer') $$, 'who, when and why is kept');
SELECT is(pg_temp.attempt(role, command), said, format('required, %s: %s', role, command))
FROM way, (VALUES ('scorebook_scorer', '42501 model "g" is scored with a record only'),
	('scorebook_auditor', '42501 model "g" is scored with a record only'), ('scorebook_developer', 'ok')) AS r (role, said);
SET LOCAL ROLE scorebook_owner;
SELECT lives_ok($$ SELECT scorebook.create_job('recorded', 'g', 'applicant', schema => 'scorebook_books') $$, 'a job with the model');
SELECT lives_ok($$ SELECT scorebook.run_job_in_transaction('recorded') $$, 'runs');
SELECT results_eq($$ SELECT score IS NOT NULL, version FROM scorebook.score('recorded', 1) $$, $$ VALUES (true, 1) $$, 'a subject is scored with a record');
SELECT results_eq($$ SELECT count(*) FROM scorebook.score('recorded', '{"f0":9,"f1":1,"f2":1,"f3":1,"f4":1,"f5":1,"f6":1,"f7":1}', 2) $$,
	$$ VALUES (1::bigint) $$, 'also with features of its own');
RESET ROLE;
CREATE TEMP TABLE replayed AS SELECT format('SELECT scorebook.score_inputs(%s, 1, ''{1,2,3,4,5,6,7,8}'', NULL)', model_id) AS command,
	format('SELECT scorebook.score_inputs(%s, 1, ''{1,2,3,4,5,6,7,8}'', ''g/1'')', model_id) AS challenge
	FROM scorebook.model WHERE name = 'g';
GRANT SELECT ON replayed TO PUBLIC;
SELECT is(pg_temp.attempt('scorebook_scorer', command), '42501 model "g" is scored with a record only', 'replay is no way around it') FROM replayed;
SELECT is(pg_temp.attempt('scorebook_auditor', command), 'ok', 'and stays for those who read the model') FROM replayed;
SELECT is(pg_temp.attempt('scorebook_auditor', challenge), '42501 model "g" is scored with a record only',
	'what another version would have said is for those who manage it') FROM replayed;
SELECT is(pg_temp.attempt('scorebook_developer', $$ SELECT scorebook.set_require_record('g', false, 'retired from production') $$), 'ok', 'not required any more');
SELECT is(pg_temp.attempt('scorebook_scorer', command), 'ok', 'free again: ' || command) FROM way LIMIT 3;
SELECT is((SELECT count(*) FROM scorebook.record_requirement), 2::bigint, 'both changes are kept');
SELECT lives_ok($$ SELECT scorebook.drop_job('recorded', keep_book => false); SELECT scorebook.drop_model('g') $$, 'the model is dropped');
SELECT is_empty('SELECT * FROM scorebook.record_requirement', 'and what was required of it is gone');

SELECT * FROM finish();
ROLLBACK;
