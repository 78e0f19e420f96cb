-- Retention: what need not be kept goes by whole partitions, the book answers for
-- no time before, and is still proven to be what it was otherwise.
--
-- The months to come are asked for by the function that takes the time as an
-- argument; runs have transactions of their own, so this has its own database.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
\set home :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS scorebook_retention;
CREATE DATABASE scorebook_retention;
\c scorebook_retention
CREATE EXTENSION pgtap;
CREATE EXTENSION scorebook;
SELECT no_plan();

CREATE ROLE scorebook_clerk;
CREATE ROLE scorebook_reader;
SELECT scorebook.load_model('m', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')),
	scorebook.load_model('governed', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj'), mode => 'governed') \g /dev/null
SELECT scorebook.grant_model('m', 'scorebook_clerk', 'score') \g /dev/null
CREATE SCHEMA scores AUTHORIZATION scorebook_clerk;
CREATE SCHEMA closed;
GRANT CREATE ON SCHEMA public TO scorebook_clerk;
GRANT USAGE ON SCHEMA scores TO PUBLIC;

-- as if it were another time; the guards are for who does not come by apply_retention
CREATE FUNCTION retain(job text, later interval, archive name DEFAULT NULL, row_errors interval DEFAULT '90 days',
	runs interval DEFAULT '400 days')
RETURNS TABLE (did text, relation text, rows bigint) LANGUAGE plpgsql SET session_replication_role = replica AS $$
DECLARE
	actions bigint[] := scorebook.retain_book_at_internal('scorebook_clerk',
		(SELECT j.job_id FROM scorebook.registered_job AS j WHERE j.name = job), archive, row_errors, runs, now() + later);
BEGIN
	RETURN QUERY SELECT a.did, a.relation, a.rows FROM scorebook.retention_action AS a WHERE a.action = ANY (actions) ORDER BY a.action;
END
$$;
CREATE FUNCTION month(later interval DEFAULT '0') RETURNS text LANGUAGE sql AS
	$$SELECT to_char(now() AT TIME ZONE 'UTC' + later, 'YYYYMM')$$;
CREATE FUNCTION partitions(job text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT replace(i.inhrelid::regclass::text, 'scores.' || job || '_history_', '')
	FROM pg_inherits AS i WHERE i.inhparent = to_regclass('scores.' || job || '_history') ORDER BY 1
$$;

SET SESSION AUTHORIZATION scorebook_clerk;
CREATE TABLE person (id int PRIMARY KEY, f0 double precision, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO person SELECT i, i, i / 7.0, 1, 2, i % 3, 0, 0, i % 5 FROM generate_series(1, 20) AS i;
SELECT scorebook.create_job(name, 'm', 'person', retain => retain, retain_inputs => retain_inputs, on_error => 'record', readers => '{scorebook_reader}')
FROM (VALUES ('short', interval '6 months', interval '1 month'), ('long', NULL, NULL), ('kept', interval '6 months', NULL), ('late', interval '180 days', NULL))
	AS j (name, retain, retain_inputs) \g /dev/null

-- options
SELECT throws_ok($$SELECT scorebook.create_job('none', 'm', 'person', retain => '0 days')$$, '22023', 'retain of job "none" must be a positive interval');
SELECT throws_ok($$SELECT scorebook.create_job('none', 'm', 'person', retain_inputs => '-1 days')$$, '22023', 'retain_inputs of job "none" must be a positive interval');
SELECT throws_ok($$SELECT scorebook.alter_job('long', '{"retain": "-1 year"}')$$, '22023', 'retain of job "long" must be a positive interval');
SELECT throws_ok($$SELECT scorebook.alter_job('long', '{"retain": "for a while"}')$$, '22023');
SELECT scorebook.alter_job('long', '{"retain": "2 years", "retain_inputs": "1 year"}') \g /dev/null
SELECT results_eq($$SELECT retain, retain_inputs FROM scorebook.registered_job WHERE name = 'long'$$, $$VALUES (interval '2 years', interval '1 year')$$, 'how long can be changed');
SELECT scorebook.alter_job('long', '{"retain": null, "retain_inputs": null}') \g /dev/null
SELECT results_eq($$SELECT retain, retain_inputs FROM scorebook.registered_job WHERE name = 'long'$$, $$VALUES (NULL::interval, NULL::interval)$$, 'and taken back');
RESET SESSION AUTHORIZATION;
SELECT scorebook.create_job('watched', 'governed', 'person', retain => '6 months') \g /dev/null
SET client_min_messages = error;
SELECT scorebook.alter_job('watched', '{"retain": "5 months"}') \g /dev/null
SET client_min_messages = warning;
SELECT is(retain, interval '5 months', 'a governed model may be answered for less than six months, with a warning') FROM scorebook.registered_job WHERE name = 'watched';

SET SESSION AUTHORIZATION scorebook_clerk;
CREATE PROCEDURE run_all() LANGUAGE sql AS $$
	SELECT scorebook.run_job_in_transaction(name) FROM scorebook.job WHERE name IN ('short', 'long', 'kept', 'late')
$$;
CALL run_all();
SELECT clock_timestamp() AS at_first \gset
UPDATE person SET f0 = f0 + 1 WHERE id <= 10;
CALL run_all();
SELECT clock_timestamp() AS at_second \gset
UPDATE person SET f0 = f0 + 1 WHERE id <= 5;
CALL run_all();
SELECT clock_timestamp() AS at_third \gset
CREATE TABLE state AS
	SELECT 'second' AS at, s.id, s.score FROM scores.long_as_of(:'at_second') AS s
	UNION ALL SELECT 'third', s.id, s.score FROM scores.long_as_of(:'at_third') AS s;
SELECT is_empty('SELECT * FROM scorebook.apply_retention()', 'what is young stays');

-- partitions are there in time
SELECT results_eq('SELECT partitions(''long'')', $$VALUES (month()), (month('1 month')), (month('2 months'))$$);
CREATE PROCEDURE lose_partitions(job text) LANGUAGE plpgsql AS $$
DECLARE
	part regclass;
BEGIN
	FOR part IN SELECT i.inhrelid::regclass FROM pg_inherits AS i WHERE i.inhparent = to_regclass('scores.' || job || '_history') LOOP
		EXECUTE format('DROP TABLE %s', part);
	END LOOP;
END
$$;
SELECT scorebook.create_job('empty', 'm', 'person') \g /dev/null
CALL scorebook.run_job('empty');
CALL lose_partitions('empty');
UPDATE person SET f0 = f0 + 1 WHERE id = 1;
CALL scorebook.run_job('empty');
SELECT results_eq('SELECT partitions(''empty'')', $$VALUES (month()), (month('1 month')), (month('2 months'))$$, 'a run makes those that it lacks');
SELECT is(count(*), 1::bigint) FROM scores.empty_history;
SELECT format('DROP TABLE scores.empty_history_%s', month('1 month')) \gexec
SELECT scorebook.score('empty', 2) \g /dev/null
SELECT is((SELECT array_agg(p) FROM partitions('empty') AS p), ARRAY[month(), month('2 months')], 'a pull leaves those of coming months to runs');
CALL scorebook.run_job('empty');
SELECT results_eq('SELECT partitions(''empty'')', $$VALUES (month()), (month('1 month')), (month('2 months'))$$, 'which make them a month ahead');
SELECT scorebook.create_job('pulled', 'm', 'person') \g /dev/null
CALL scorebook.run_job('pulled');
CALL lose_partitions('pulled');
UPDATE person SET f0 = f0 + 1 WHERE id = 2;
SELECT scorebook.score('pulled', 2) \g /dev/null
SELECT is(count(*), 1::bigint, 'a pull makes the one that it needs') FROM scores.pulled_history;
CALL lose_partitions('pulled');
RESET SESSION AUTHORIZATION;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE scorebook_elsewhere LOCATION '';
GRANT CREATE ON TABLESPACE scorebook_elsewhere TO scorebook_clerk;
SET SESSION AUTHORIZATION scorebook_clerk;
SET default_tablespace = scorebook_elsewhere;
UPDATE person SET f0 = f0 + 1 WHERE id = 2;
SELECT scorebook.score('pulled', 2), scorebook.create_job('elsewhere', 'm', 'person') \g /dev/null
RESET default_tablespace;
SELECT is(array_agg(DISTINCT coalesce(t.spcname, 'none')), tablespaces, 'partitions are where their history is: ' || job)
FROM (VALUES ('pulled', '{none}'::name[]), ('elsewhere', '{scorebook_elsewhere}')) AS j (job, tablespaces),
	pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid LEFT JOIN pg_tablespace AS t ON t.oid = c.reltablespace
WHERE i.inhparent = to_regclass('scores.' || job || '_history')
GROUP BY job, tablespaces;
SELECT scorebook.drop_job('elsewhere', keep_book => false) \g /dev/null
CALL lose_partitions('pulled');
SELECT scorebook.stream_job('pulled') \g /dev/null
UPDATE person SET f0 = f0 + 1 WHERE id = 3;
SELECT is(count(*), 1::bigint, 'and so does a stream') FROM scores.pulled_history;
SELECT scorebook.unstream_job('pulled') \g /dev/null
SELECT scorebook.create_job(name, 'm', 'person'), scorebook.run_job_in_transaction(name) FROM (SELECT repeat(U&'\00e9', 24)) AS j (name) \g /dev/null
SELECT is(count(*), 3::bigint, 'however long the name of the job is')
FROM scorebook.registered_job AS j JOIN pg_inherits AS i ON i.inhparent = j.history WHERE octet_length(j.name) = 48;
RESET SESSION AUTHORIZATION;
SELECT is_empty($$SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'scores'::regnamespace AND pg_get_userbyid(c.relowner) <> 'scorebook_clerk' AND c.relname !~ '^watched'$$,
	'whoever runs, they belong to the owner');
SELECT throws_ok(format('DELETE FROM scores.pulled_history_%s', month()), '42501', NULL, 'and are guarded');

-- inputs
SELECT results_eq('SELECT * FROM retain(''short'', ''27 days'')', $$SELECT NULL::text, NULL::text, NULL::bigint WHERE false$$);
SELECT results_eq('SELECT * FROM retain(''short'', ''35 days'')', $$VALUES ('inputs blanked', 'scores.short_history', 15::bigint)$$, 'inputs are blanked when their time is over');
SELECT is_empty('SELECT * FROM retain(''short'', ''35 days'')', 'once');
SELECT is(count(*) FILTER (WHERE inputs IS NULL), 15::bigint) FROM scores.short_history;
SELECT is(count(*) FILTER (WHERE inputs IS NULL), 0::bigint, 'in the history only') FROM scores.short;
SELECT is_empty('SELECT * FROM scorebook.verify_book(''short'')', 'the book is sound');
SELECT results_eq(
	$$SELECT r.verdict, count(*) FROM (SELECT min(run) AS run FROM scorebook.job_run WHERE job = 'short') AS f, scorebook.replay_run(f.run) AS r GROUP BY 1 ORDER BY 1$$,
	$$VALUES ('identical', 10::bigint), ('inputs not kept', 10)$$, 'a replay says that they are not kept');
SELECT throws_ok(format('SELECT * FROM scorebook.explain_score(''short'', 3, %L)', :'at_first'), '55000', 'the inputs of this score of job "short" are not kept');
SELECT set_eq(format('SELECT id, score FROM scores.short_as_of(%L)', :'at_second'), $$SELECT id, score FROM state WHERE at = 'second'$$, 'scores stay');
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE scores.short_history SET score = 0.5 WHERE id = 3;
SELECT results_eq('SELECT DISTINCT problem FROM scorebook.verify_book(''short'')', $$VALUES ('rows of a run were changed')$$, 'a change of what was blanked is found');
ROLLBACK;

-- partitions
SELECT scorebook.create_partitions('scores.short_history', now() - interval '2 months') \g /dev/null
SELECT results_eq('SELECT * FROM retain(''short'', ''6 months'')', format($$VALUES ('partition dropped', 'scores.short_history_%s', 0::bigint), ('partition dropped', 'scores.short_history_%s', 0)$$,
	month('-2 months'), month('-1 month')), 'whole months are dropped');
SELECT is(count(*), 20::bigint, 'where there was nothing, nothing is lost') FROM scores.short_as_of(:'at_first');
SELECT results_eq('SELECT * FROM retain(''short'', ''8 months'')', format($$VALUES ('partition dropped', 'scores.short_history_%s', 15::bigint), ('partition dropped', 'scores.short_history_%s', 0)$$,
	month(), month('1 month')));
SELECT is(count(*), 0::bigint) FROM scores.short_history;
SELECT is(begins_at, (SELECT max(m.committed_at) FROM scorebook.moment AS m WHERE m.timeline_id = j.timeline_id), 'the book begins where the last run committed that ended a row')
FROM scorebook.registered_job AS j JOIN scorebook.timeline USING (timeline_id) WHERE j.name = 'short';
SELECT set_eq(format('SELECT id, score FROM scores.short_as_of(%L)', :'at_third'), $$SELECT id, score FROM state WHERE at = 'third'$$, 'it answers for the time since');
SELECT set_eq('SELECT a.id, a.score FROM scorebook.registered_job AS j JOIN scorebook.timeline AS t USING (timeline_id), scores.short_as_of(t.begins_at) AS a WHERE j.name = ''short''',
	$$SELECT id, score FROM state WHERE at = 'third'$$, 'from the first moment on');
SELECT throws_ok(format('SELECT * FROM scores.short_as_of(%L)', :'at_second'), '55000', NULL, 'and for no time before');
SELECT throws_ok(format('SELECT * FROM scores.short_as_of(%L) WHERE id = 4711', :'at_second'), '55000', NULL, 'whoever is asked for');
SELECT throws_ok(format('SELECT a.id FROM (VALUES (timestamptz %L)) AS v (at), LATERAL scores.short_as_of(v.at) AS a', :'at_second'), '55000', NULL, 'also where the time is a column');
SELECT throws_ok(format('SELECT scorebook.score_at(''short'', 3, %L)', :'at_second'), '55000');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''short'')', 'the book is sound');
SELECT results_eq(
	$$SELECT r.verdict, count(*) FROM (SELECT min(run) AS run FROM scorebook.job_run WHERE job = 'short') AS f, scorebook.replay_run(f.run) AS r GROUP BY 1 ORDER BY 1$$,
	$$VALUES ('identical', 10::bigint), ('inputs not kept', 10)$$, 'a replay counts what is gone');
UPDATE person SET f0 = f0 + 1 WHERE id = 4;
CALL scorebook.run_job('short');
SELECT is(count(*), 4::bigint, 'runs go on') FROM scores.short_history;
SELECT is_empty('SELECT * FROM scorebook.verify_book(''short'')');
SELECT is_empty('SELECT * FROM retain(''long'', ''100 years'', row_errors => NULL, runs => NULL)', 'a job that keeps all of it keeps all of it');

-- a run that began in a month and committed after it: its rows are needed until then
SELECT scorebook.create_partitions('scores.late_history', now() - interval '1 month') \g /dev/null
SET session_replication_role = replica;
UPDATE scores.late_history SET system_to = system_to - interval '1 month', system_from = system_from - interval '1 month' WHERE id = 10;
SET session_replication_role = origin;
CREATE TABLE begin_of_month AS SELECT date_trunc('month', now(), 'UTC') - now() + interval '180 days' AS later;
SELECT is_empty('SELECT r.* FROM begin_of_month, retain(''late'', later) AS r', 'a partition waits for the last run that wrote into it');
SELECT results_eq('SELECT r.did, r.rows FROM retain(''late'', ''180 days'') AS r', $$VALUES ('partition dropped', 1::bigint)$$, 'and goes when that is old, too');
SELECT is(count(*), 1::bigint, 'the book then begins with it')
FROM scorebook.registered_job AS j JOIN scorebook.timeline AS t USING (timeline_id) JOIN scorebook.moment AS m ON m.timeline_id = t.timeline_id AND m.committed_at = t.begins_at
WHERE j.name = 'late';

-- where the clock was set back before the last run, its rows begin after those that are dropped
BEGIN;
SET LOCAL session_replication_role = replica;
CREATE TABLE set_back AS SELECT max(run) AS run FROM scorebook.job_run WHERE job = 'kept';
UPDATE scorebook.run AS r SET system_from = '2026-01-01' FROM set_back AS s WHERE r.run = s.run;
UPDATE scores.kept_history AS h SET system_to = h.system_from + interval '1 microsecond' FROM set_back AS s WHERE h.ended_by = s.run;
UPDATE scores.kept AS c SET system_from = h.system_to FROM scores.kept_history AS h, set_back AS s WHERE c.id = h.id AND c.run = s.run AND h.ended_by = s.run;
SELECT is_empty('SELECT * FROM scorebook.verify_book(''kept'')');
SELECT isnt_empty('SELECT * FROM retain(''kept'', ''8 months'')');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''kept'')', 'which is not held against them');
UPDATE scores.kept SET system_from = '2026-01-01 00:00:01' WHERE id = 20;
SELECT isnt_empty('SELECT * FROM scorebook.verify_book(''kept'')', 'but against others');
ROLLBACK;

-- archives
SELECT throws_ok('SELECT retain(''kept'', ''8 months'', ''nowhere'')', '3F000', 'schema "nowhere" does not exist');
SELECT throws_ok('SELECT retain(''kept'', ''8 months'', ''closed'')', '42501', NULL, 'the owner must be allowed to make tables there');
SELECT is((SELECT array_agg(p) FROM partitions('kept') AS p), ARRAY[month(), month('1 month'), month('2 months')], 'nothing has changed');
CREATE SCHEMA archive AUTHORIZATION scorebook_clerk;
SELECT results_eq('SELECT * FROM retain(''kept'', ''8 months'', ''archive'')', format($$VALUES ('partition archived', 'scores.kept_history_%s', 15::bigint), ('partition archived', 'scores.kept_history_%s', 0)$$,
	month(), month('1 month')), 'partitions can be archived');
SELECT results_eq($$SELECT archived_as, done_by, rows_from < now(), rows_to > now() FROM scorebook.retention_action WHERE did = 'partition archived' AND rows > 0$$,
	format($$VALUES ('archive.kept_history_%s', 'scorebook_clerk'::name, true, true)$$, month()), 'it is written down where they are');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''kept'')', 'the book is sound without them');
SELECT throws_ok(format('SELECT * FROM scores.kept_as_of(%L)', :'at_second'), '55000');
SELECT is(count(*), 0::bigint) FROM scores.kept_history;
SELECT throws_ok(format('DELETE FROM archive.kept_history_%s', month()), '42501', NULL, 'they are still guarded');
SELECT bag_has('SELECT place, rows FROM scorebook.erase(''kept'', 1, ''request'')', format($$VALUES ('scores.kept', 1::bigint), ('archive.kept_history_%s', 2)$$, month()), 'and erasing reaches them');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''kept'')');

-- errors of rows
UPDATE person SET f0 = 'infinity' WHERE id IN (11, 12);
CALL scorebook.run_job('long');
UPDATE person SET f0 = 1 WHERE id = 11;
CALL scorebook.run_job('long');
CREATE TABLE status AS SELECT id, confirmed_at, stale, stale_since FROM scores.long_status;
SELECT is_empty('SELECT * FROM retain(''long'', ''89 days'')');
SELECT results_eq('SELECT * FROM retain(''long'', ''91 days'')', $$VALUES ('row errors removed', 'scorebook.row_error', 1::bigint)$$, 'errors of rows go');
SELECT results_eq('SELECT e.key FROM scorebook.row_error AS e ORDER BY e.run', $$VALUES ('(id)=(12)'), ('(id)=(12)')$$, 'but not while they still are');
SELECT set_eq('SELECT id, confirmed_at, stale, stale_since FROM scores.long_status', 'SELECT * FROM status', 'what is stale stays so, and since when');

-- runs
UPDATE person SET f0 = 1 WHERE id = 12;
SELECT scorebook.alter_job('long', '{"max_rows": 1}') \g /dev/null
\set ON_ERROR_STOP off
CALL scorebook.run_job('long');
\set ON_ERROR_STOP on
SELECT scorebook.alter_job('long', '{"max_rows": null}') \g /dev/null
UPDATE person SET f0 = f0 + 1 WHERE id = 1;
SELECT scorebook.score('long', 1), scorebook.score('long', 1) \g /dev/null
CALL scorebook.run_job('long');
CREATE TABLE runs AS SELECT run, kind, status FROM scorebook.job_run WHERE job = 'long';
SELECT is_empty('SELECT * FROM retain(''long'', ''399 days'', row_errors => NULL)');
SELECT results_eq('SELECT * FROM retain(''long'', ''401 days'', row_errors => NULL)', $$VALUES ('runs removed', 'scorebook.run', 2::bigint)$$, 'runs go that no row refers to');
SELECT results_eq($$SELECT kind, status FROM runs WHERE run NOT IN (SELECT run FROM scorebook.run) ORDER BY run$$, $$VALUES ('run', 'failed'), ('pull', 'succeeded')$$,
	'one that failed, and one that found nothing new');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''long'')', 'the book is sound');
SELECT set_eq(format('SELECT id, score FROM scores.long_as_of(%L)', :'at_second'), $$SELECT id, score FROM state WHERE at = 'second'$$, 'and answers as before');

-- the tables of shadows
BEGIN;
CREATE TABLE scores.long_shadow (served text, LIKE scores.long);
CREATE TABLE scores.long_shadow_history (served text, LIKE scores.long_history) PARTITION BY RANGE (system_to);
SELECT scorebook.create_partitions('scores.long_shadow_history', now()) \g /dev/null
SELECT scorebook.score('long', 1) \g /dev/null
CREATE TABLE last AS SELECT max(run) AS run FROM scorebook.run;
INSERT INTO scores.long_shadow SELECT 'challenger', l.* FROM scores.long AS l WHERE id <= 10;
UPDATE scores.long_shadow SET run = last.run FROM last WHERE id = 1;
INSERT INTO scores.long_shadow_history SELECT 'challenger', h.* FROM scores.long_history AS h WHERE id <= 10;
SELECT scorebook.guard_table('scores.long_shadow'), scorebook.guard_table('scores.long_shadow_history') \g /dev/null
SELECT scorebook.score('long', 2) \g /dev/null
UPDATE scorebook.registered_job SET shadow = 'scores.long_shadow', shadow_history = 'scores.long_shadow_history' WHERE name = 'long';
SELECT is_empty('SELECT * FROM retain(''long'', ''401 days'', row_errors => NULL)', 'a run that a shadow refers to stays');
UPDATE scorebook.registered_job SET retain = '6 months' WHERE name = 'long';
CREATE TABLE counted AS SELECT count(*) AS n FROM scores.long_history UNION ALL SELECT count(*) FROM scores.long_shadow_history;
SELECT results_eq('SELECT rows FROM retain(''long'', ''8 months'', row_errors => NULL, runs => NULL) AS r WHERE rows > 0', 'SELECT n FROM counted', 'the history of shadows goes, too');
SELECT results_eq('SELECT part, sum(rows_ended) FROM scorebook.amendment AS a JOIN scorebook.registered_job AS j USING (job_id) WHERE j.name = ''long'' GROUP BY part ORDER BY part',
	$$SELECT CASE row_number() OVER (ORDER BY n DESC) WHEN 1 THEN '' ELSE 'challenger' END, n::numeric FROM counted$$, 'and is counted apart');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''long'') WHERE key IS NULL OR key NOT LIKE ''(served%''', 'the book itself is sound');
SELECT results_eq('SELECT place, rows FROM scorebook.erase(''long'', 3, ''r'') WHERE place ~ ''shadow''', $$VALUES ('scores.long_shadow', 1::bigint), ('scores.long_shadow_history', 0)$$, 'a subject is erased there');
ROLLBACK;

-- why a row ended is proven, too, whatever was taken from it
SET SESSION AUTHORIZATION scorebook_clerk;
CREATE TABLE leaver (LIKE person INCLUDING ALL);
INSERT INTO leaver SELECT * FROM person WHERE id BETWEEN 5 AND 15;
SELECT scorebook.create_job('leaver', 'm', retain => '6 months', retain_inputs => '1 month') \g /dev/null
CALL scorebook.run_job('leaver');
DELETE FROM leaver WHERE id > 12;
CALL scorebook.run_job('leaver');
RESET SESSION AUTHORIZATION;
SELECT results_eq('SELECT did, rows FROM retain(''leaver'', ''35 days'')', $$VALUES ('inputs blanked', 3::bigint)$$);
SELECT is_empty('SELECT * FROM scorebook.verify_book(''leaver'')', 'rows that vanished were blanked');
SELECT scorebook.erase('leaver', 13, 'r') \g /dev/null
SELECT is_empty('SELECT * FROM scorebook.verify_book(''leaver'')', 'one of them was erased');
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE scores.leaver_history SET end_reason = 'excluded' WHERE id = 14;
SELECT results_eq('SELECT problem FROM scorebook.verify_book(''leaver'')', $$VALUES ('rows of a run were changed')$$, 'another one is said to have been excluded');
ROLLBACK;
SELECT results_eq('SELECT did, rows FROM retain(''leaver'', ''8 months'') WHERE rows > 0', $$VALUES ('partition dropped', 2::bigint)$$);
SELECT is_empty('SELECT * FROM scorebook.verify_book(''leaver'')', 'all of them are gone');

-- who may, and bad input
SET SESSION AUTHORIZATION scorebook_reader;
SELECT throws_ok('SELECT * FROM scorebook.apply_retention(''short'')', '42501', 'permission denied for job "short"');
SELECT is_empty('SELECT * FROM scorebook.apply_retention()', 'others'' jobs are let alone');
SELECT isnt_empty('SELECT * FROM scorebook.retention_action', 'readers of a book see what it lacks');
SET SESSION AUTHORIZATION scorebook_clerk;
SELECT throws_ok('SELECT * FROM scorebook.apply_retention(''no_job'')', '42704', 'job "no_job" does not exist');
SELECT throws_ok('SELECT * FROM scorebook.apply_retention(runs => ''-1 day'')', '22023', 'row_errors and runs cannot be negative');
SELECT throws_ok('SELECT scorebook.retain_book(4711, NULL, NULL, NULL)', '42704', 'job 4711 does not exist');
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT throws_ok('SELECT * FROM scorebook.apply_retention()', '25000', 'apply_retention needs a transaction that is READ COMMITTED');
COMMIT;

SELECT * FROM finish();
\c :home
DROP DATABASE scorebook_retention;
DROP TABLESPACE scorebook_elsewhere;
DROP ROLE scorebook_clerk, scorebook_reader;
