-- Who may do what with a job: every role, every action, every privilege; and
-- whoever scores with a job of somebody else's decides nothing but the key and
-- the features.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
SET client_min_messages = error;
BEGIN;
SELECT no_plan();

CREATE ROLE scorebook_owner;
CREATE ROLE scorebook_member IN ROLE scorebook_owner;
CREATE ROLE scorebook_stranger NOINHERIT IN ROLE scorebook_owner;
CREATE ROLE scorebook_reader;
CREATE ROLE scorebook_runner;
CREATE ROLE scorebook_app;
CREATE ROLE scorebook_colleague IN ROLE scorebook_app;
CREATE ROLE scorebook_nobody;
CREATE ROLE scorebook_gone;

CREATE SCHEMA lent AUTHORIZATION scorebook_owner;
SELECT scorebook.load_model('risk', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj'), mode => 'governed'),
	scorebook.set_require_record('risk', true), scorebook.grant_model('risk', 'scorebook_owner', 'score') \g /dev/null

SET ROLE scorebook_owner;
CREATE TABLE lent.customer (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real, code text);
INSERT INTO lent.customer SELECT i, i, 1, 2, 3, 4, 5, 6, 7, 'x' FROM generate_series(1, 10) AS i;
INSERT INTO lent.customer (id, code) VALUES (11, '_x');
CREATE FUNCTION lent.who() RETURNS name LANGUAGE sql AS 'SELECT current_user';
SELECT scorebook.create_job('book', 'risk', 'lent.customer', schema => 'lent', exclude => $$code LIKE '\_%' OR code = NULL OR lent.who() <> 'scorebook_owner'$$,
	readers => '{scorebook_reader}', cutoffs => '{"accept": [null, 0.5], "decline": [0.5, null]}', on_error => 'record'),
	scorebook.create_job('other', 'risk', 'lent.customer', schema => 'lent'),
	scorebook.create_job('periods', 'risk', 'lent.customer', schema => 'lent', keep => 'each_period') \g /dev/null
INSERT INTO lent.customer (id, f0) VALUES (12, 'infinity');
SELECT scorebook.run_job_in_transaction('book') \g /dev/null
DELETE FROM lent.customer WHERE id = 12;
SELECT scorebook.grant_job('book', 'scorebook_app', 'score'), scorebook.grant_job('book', 'scorebook_runner', 'run'),
	scorebook.grant_job('book', 'scorebook_gone', 'score') \g /dev/null
RESET ROLE;
CREATE TEMP TABLE id AS SELECT name AS job, job_id FROM scorebook.job;
GRANT SELECT ON id TO PUBLIC;

CREATE TEMP TABLE subject (role name, rights text[]);
INSERT INTO subject VALUES
	('scorebook_owner', '{any,score,run,own,read,see runs}'),
	('scorebook_member', '{any,score,run,own,read,see runs}'),
	('scorebook_stranger', '{}'),
	('scorebook_reader', '{any,read,see runs}'),
	('scorebook_runner', '{any,run,see runs}'),
	('scorebook_app', '{any,score}'),
	('scorebook_colleague', '{any,score}'),
	('scorebook_nobody', '{}');

-- Actions, with what they need, and what becomes of them without.
CREATE TEMP TABLE action (needs text, command text, refused text NOT NULL DEFAULT '42501');
INSERT INTO action VALUES
	('score', 'SELECT scorebook.score(''book'', 3)'),
	('score', 'SELECT scorebook.score(''book'', (SELECT jsonb_object_agg(''f'' || i, i) FROM generate_series(0, 7) AS i), 77)'),
	('run', 'SELECT scorebook.run_job_in_transaction(''book'')'),
	('run', 'SELECT scorebook.decide_job(''book'')'),
	('own', 'SELECT scorebook.grant_job(''book'', ''scorebook_nobody'', ''score'')'),
	('own', 'SELECT scorebook.grant_job(''book'', current_user, ''run'')'),
	('own', 'SELECT scorebook.revoke_job(''book'', ''scorebook_app'', ''score'')'),
	('own', 'SELECT scorebook.set_bands(''book'', ''{"A": [null, null]}'')'),
	('own', 'SELECT scorebook.change_job(''book'', ''{"max_rows": 1}'')'),
	('own', 'SELECT scorebook.change_schedule(''book'', ''@daily'', ''other'')'),
	('own', 'SELECT scorebook.register_stream(''book'', ''lent.customer'', ''fail'')'),
	('own', 'SELECT scorebook.unregister_job(''book'', true)'),
	('own', 'SELECT scorebook.erase_subject(''book'', ''{"id": 3}'', ''asked'', false)'),
	('own', 'SELECT scorebook.alter_job(''book'', ''{"max_rows": 100}'')'),
	('own', 'SELECT scorebook.drop_job(''book'')'),
	('own', 'SELECT scorebook.drop_job(''book'', keep_book => false)'),
	('own', 'SELECT scorebook.schedule_job(''book'', ''@daily'', ''other'')'),
	('own', 'SELECT scorebook.stream_job(''book'')'),
	('own', 'SELECT scorebook.erase(''book'', 3, ''asked'')'),
	('own', 'SELECT scorebook.apply_retention(''book'')'),
	('own', 'SELECT scorebook.retain_book(job_id, NULL, NULL, NULL) FROM id WHERE job = ''book'''),
	('read', 'SELECT scorebook.verify_book(''book'')'),
	('read', 'SELECT scorebook.score_at(''book'', 3)'),
	('read', 'SELECT scorebook.replay_score(''book'', 3)'),
	('read', 'SELECT scorebook.compare_versions(''book'', ''risk'', ''risk/1'')'),
	('read', 'SELECT FROM lent.book'),
	('read', 'SELECT FROM lent.book_history');
INSERT INTO action VALUES
	-- what a role may not see is not there: 1 / 0
	('any', 'SELECT 1 / count(*) FROM scorebook.registered_job WHERE name = ''book''', '22012'),
	('any', 'SELECT 1 / count(*) FROM scorebook.job WHERE name = ''book''', '22012'),
	('see runs', 'SELECT 1 / count(*) FROM scorebook.run_model JOIN scorebook.run USING (run) JOIN id USING (job_id) WHERE job = ''book''', '22012');
INSERT INTO action
SELECT CASE t WHEN 'run' THEN 'see runs' ELSE 'read' END,
	format('SELECT 1 / count(*) FROM scorebook.%I JOIN id USING (job_id) WHERE job = ''book''', t), '22012'
FROM unnest('{run,job_definition,job_grant,cutoff,row_error}'::text[]) AS t;
-- nobody writes the table, or takes what runs with the rights of its owner
INSERT INTO action
SELECT 'superuser', unnest(ARRAY['INSERT INTO scorebook.job_grant SELECT', 'DELETE FROM scorebook.job_grant',
	'UPDATE scorebook.job_grant SET grantee = current_user', 'TRUNCATE scorebook.job_grant',
	'SELECT scorebook.grant_job_internal(''scorebook_owner'', ''book'', current_user, ''score'')',
	'SELECT scorebook.pull_internal(''scorebook_owner'', ''book'', ''3'')',
	'SELECT scorebook.find_job_internal(''scorebook_owner'', ''book'', ''own'')']);

-- What becomes of a command: ok, or its SQLSTATE.
CREATE FUNCTION pg_temp.attempt(role name, command text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE command;
	RAISE EXCEPTION USING ERRCODE = 'UNDO1';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE SQLSTATE WHEN 'UNDO1' THEN 'ok' ELSE SQLSTATE END;
END
$$;

SELECT alike(pg_temp.attempt(role, command), CASE WHEN needs = ANY (rights) THEN 'ok' ELSE refused END,
	format('%s: %s', role, command))
FROM subject, action
ORDER BY role, command;
SELECT is(scorebook.has_job_privilege(role, job_id, privilege), privilege = ANY (rights) AND (privilege <> 'any' OR role <> 'scorebook_reader'),
	format('has_job_privilege: %s, %s', role, privilege))
FROM subject, id, unnest('{any,score,run,own}'::text[]) AS privilege
WHERE job = 'book'
ORDER BY role, privilege;
SELECT is(scorebook.has_job_privilege(role, job_id, 'score'), false, format('%s has no privilege on %s', role, job))
FROM (VALUES ('scorebook_app', 'other'), ('scorebook_unknown', 'book')) AS v (role, name) JOIN id ON job = name;
SELECT is(scorebook.has_job_privilege('scorebook_owner', 0, 'score'), false, 'no privilege on a job that is not there');
SELECT throws_ok($$SELECT scorebook.has_job_privilege('scorebook_owner', 0, 'manage')$$, '22023', 'unknown privilege "manage"');

-- what a book said is told as the reference says, also of a key that was erased
SELECT scorebook.set_require_record('risk', false) \g /dev/null
SELECT scorebook.erase('book', 9, 'asked') \g /dev/null
SELECT run FROM scorebook.run JOIN id USING (job_id) WHERE job = 'book' ORDER BY run LIMIT 1 \gset
SELECT is(pg_temp.attempt(s.role, format(c.command, :run, key)), s.states[c.which], format('%s: %s, %s', s.role, c.command, key))
FROM (VALUES ('scorebook_nobody', '{42501,42501,42704}'::text[]), ('scorebook_app', '{42501,42501,42704}'),
		('scorebook_runner', '{42501,42501,42501}'), ('scorebook_reader', '{ok,NULL,42501}'), ('scorebook_owner', '{ok,ok,ok}')) AS s (role, states),
	(VALUES (1, 'SELECT scorebook.score_at(''book'', %2$s)'), (2, 'SELECT scorebook.replay_score(''book'', %2$s)'),
		(2, 'SELECT scorebook.explain_score(''book'', %2$s)'), (3, 'SELECT scorebook.replay_run(%1$s)'),
		(3, 'SELECT scorebook.rescore_run(%1$s, ''risk'')')) AS c (which, command),
	unnest('{3,9}'::int[]) AS key
WHERE s.states[c.which] IS NOT NULL AND (key = 3 OR c.command NOT LIKE '%explain%');
SELECT is(pg_temp.attempt('scorebook_reader', 'SELECT scorebook.replay_score(''book'', 9)'), 'ok', 'that it was erased, whoever may read is told');
SELECT is(pg_temp.attempt(role, 'SELECT scorebook.score(''book'', 9)'), state, role || ': score of one that was erased')
FROM (VALUES ('scorebook_app', '55000'), ('scorebook_reader', '42501'), ('scorebook_nobody', '42501')) AS r (role, state);
SELECT scorebook.unerase('book', 9, 'a mistake'), scorebook.set_require_record('risk', true) \g /dev/null

-- what the refused are told
CREATE FUNCTION pg_temp.complaint(role name, command text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE command;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE, SQLERRM, detail, hint);
END
$$;
SELECT is(pg_temp.complaint(role, 'SELECT scorebook.score(''book'', 3)'), format(
		E'42501\npermission denied for job "book"\nIt belongs to role "scorebook_owner", and role "%1$s" lacks the privilege "score".'
		'\nIts owner grants it: SELECT scorebook.grant_job(''book'', ''%1$s'', ''score'').', role), role || ' hears who grants it')
FROM unnest('{scorebook_reader,scorebook_runner,scorebook_nobody}'::name[]) AS role;
SELECT is(pg_temp.complaint('scorebook_nobody', command), E'42501\npermission denied for job "book"\nIt belongs to role "scorebook_owner".'
	'\nOnly its owner may change it, erase from its book, and grant rights on it.', 'whose it is: ' || command)
FROM unnest(ARRAY['SELECT scorebook.alter_job(''book'', ''{"split": {"challenger": 0.1}}'')', 'SELECT scorebook.alter_job(''book'', ''[]'')',
	'SELECT scorebook.drop_job(''book'')', 'SELECT scorebook.drop_job(''book'', keep_book => false)', 'SELECT scorebook.schedule_job(''book'', ''never'')',
	'SELECT scorebook.unschedule_job(''book'')', 'SELECT scorebook.stream_job(''book'')', 'SELECT scorebook.unstream_job(''book'')',
	'SELECT scorebook.erase(''book'', ''no number''::text, '''')', 'SELECT scorebook.unerase(''book'', 3, ''asked'')', 'SELECT scorebook.apply_retention(''book'')',
	'SELECT scorebook.set_cutoffs(''book'', ''[]'')', 'SELECT scorebook.grant_job(''book'', ''scorebook_nobody'', ''read'')']) AS command;
SELECT is(pg_temp.complaint('scorebook_nobody', command), E'42501\npermission denied for job "book"'
	'\nIt belongs to role "scorebook_owner", and role "scorebook_nobody" may not read its book.'
	'\nIts owner can GRANT SELECT ON lent.book, lent.book_history TO scorebook_nobody.', 'and who lets a role read: ' || command)
FROM unnest(ARRAY['SELECT scorebook.verify_book(''book'')', 'SELECT scorebook.score_at(''book'', 3)', 'SELECT scorebook.replay_score(''book'', 3)',
	'SELECT scorebook.explain_score(''book'', 3)', 'SELECT scorebook.compare_versions(''book'', ''1'', ''2'')',
	'SELECT scorebook.as_of_final_until(''book'')', 'SELECT scorebook.split_of(''book'', 3)']) AS command;
SELECT alike(pg_temp.complaint(role, command), E'42704\njob "unknown" does not exist%', format('%s: a job that is not there: %s', role, command))
FROM unnest('{scorebook_app,scorebook_nobody}'::name[]) AS role,
	unnest(ARRAY['SELECT scorebook.score(''unknown'', 3)', 'SELECT scorebook.run_job_in_transaction(''unknown'')',
		'SELECT scorebook.grant_job(''unknown'', ''scorebook_app'', ''score'')']) AS command;

-- an application scores, and gets what the book says
SET ROLE scorebook_app;
CREATE TEMP TABLE answer AS
	SELECT 3 AS id, s.* FROM scorebook.score('book', 3) AS s
	UNION ALL SELECT 77, s.* FROM scorebook.score('book', (SELECT jsonb_object_agg('f' || i, i) FROM generate_series(0, 7) AS i), '77'::text) AS s;
SELECT is((count(*), count(score), count(decision), count(reasons))::text, '(2,2,2,2)', 'two subjects have answers') FROM answer;
SELECT is((score, run IS NULL)::text, '(,f)', 'one that is excluded has none but the run') FROM scorebook.score('book', 11);
SELECT throws_ok('SELECT scorebook.score(''book'', 78)', 'P0002', 'the source of job "book" has no row of the key {"id": 78}');
SELECT throws_ok('SELECT scorebook.score(''book'', ''{"f0": 1}'', 3)', '42703', NULL, 'features are checked');
SELECT throws_ok('SELECT scorebook.predict(''risk'', ARRAY[1, 2, 3, 4, 5, 6, 7, 8])', '42501', NULL, 'the model by itself is not for it');
SELECT is(name, 'book', 'it sees its job') FROM scorebook.job;
RESET ROLE;
GRANT SELECT ON answer TO PUBLIC;
SELECT results_eq('SELECT a.id, a.score, a.decision, a.reasons, a.version, a.effective_at FROM answer AS a ORDER BY id',
	'SELECT b.id, b.score, b.decision, b.reasons, b.version, b.effective_at FROM lent.book AS b WHERE b.id IN (3, 77) ORDER BY id',
	'the answers are what the book says');
SELECT is(r.started_by, 'scorebook_app', 'the run tells who asked for ' || a.id) FROM answer AS a JOIN scorebook.run AS r USING (run);
SET ROLE scorebook_owner;
SELECT scorebook.run_job_in_transaction('periods', '2026-01-01'), scorebook.grant_job('periods', 'scorebook_app', 'score') \g /dev/null
SET ROLE scorebook_app;
SELECT is((s.score, s.effective_at)::text, (a.score, now())::text, 'of a job that keeps each period, it is the row of the run')
FROM answer AS a, scorebook.score('periods', 3) AS s WHERE a.id = 3;
RESET ROLE;

-- nothing that the application has made is called, or found instead
SET ROLE scorebook_owner;
SELECT scorebook.revoke_job('periods', 'scorebook_app', 'score') \g /dev/null
RESET ROLE;
CREATE SCHEMA hostile AUTHORIZATION scorebook_app;
SET ROLE scorebook_app;
CREATE TABLE hostile.called (by name);
GRANT ALL ON SCHEMA hostile TO PUBLIC;
GRANT ALL ON hostile.called TO PUBLIC;
CREATE FUNCTION hostile.equal(int, int) RETURNS boolean LANGUAGE plpgsql AS
	'BEGIN INSERT INTO hostile.called VALUES (current_user); RETURN true; END';
CREATE OPERATOR hostile.= (FUNCTION = hostile.equal, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION hostile.jsonb_populate_record(anyelement, jsonb) RETURNS anyelement LANGUAGE plpgsql AS
	'BEGIN INSERT INTO hostile.called VALUES (current_user); RETURN $1; END';
CREATE TYPE hostile.key AS (id int);
CREATE FUNCTION hostile.shown(hostile.key) RETURNS json LANGUAGE plpgsql AS
	'BEGIN INSERT INTO hostile.called VALUES (current_user); RETURN ''{"id": 4}''; END';
CREATE CAST (hostile.key AS json) WITH FUNCTION hostile.shown(hostile.key);
CREATE TEMP TABLE book AS SELECT 4 AS id, 1::real AS score;
CREATE TEMP TABLE customer AS SELECT 4 AS id, 1::real AS f0;
CREATE TEMP TABLE written AS SELECT 4 AS id, 1::real AS score;
CREATE TEMP TABLE changed AS SELECT 4 AS id;
GRANT ALL ON book, customer, written, changed TO PUBLIC;
SET search_path = pg_temp, hostile, pg_catalog, public;
SELECT isnt(score, NULL::real, 'scored among all that') FROM scorebook.score('book', 4);
SELECT isnt(s.score, NULL::real, 'also with features')
FROM (SELECT 1 AS f0, 1 AS f1, 1 AS f2, 1 AS f3, 1 AS f4, 1 AS f5, 1 AS f6, 1 AS f7, 'a' AS code) AS c, scorebook.score('book', to_jsonb(c), 4) AS s;
SELECT isnt(score, NULL::real, 'and with a key of a type of its own') FROM scorebook.score('book', ROW(5)::hostile.key);
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT isnt(score, NULL::real, 'a backslash in an expression of the job stays one') FROM scorebook.score('book', 3);
RESET standard_conforming_strings;
RESET escape_string_warning;
SET transform_null_equals = on;
SELECT isnt(score, NULL::real, 'and = NULL is not IS NULL')
FROM scorebook.score('book', (SELECT jsonb_object_agg('f' || i, i) FROM generate_series(0, 7) AS i), 78);
RESET transform_null_equals;
SET quote_all_identifiers = on;
SELECT isnt(score, NULL::real, 'with all names quoted') FROM scorebook.score('book', 3);
RESET quote_all_identifiers;
SET row_security = off;
SELECT isnt(score, NULL::real, 'and the job is seen') FROM scorebook.score('book', 3);
RESET row_security;
RESET search_path;
RESET ROLE;
SELECT is(count(DISTINCT source), 1::bigint, 'the source is told as ever')
FROM scorebook.run JOIN id USING (job_id) WHERE job = 'book' AND kind = 'pull';
SELECT set_eq('SELECT by FROM hostile.called', '{scorebook_app}'::name[], 'what it has made runs as itself, where it wrote it');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''book'')', 'the book is sound');

-- a key that says more than it should
SET ROLE scorebook_app;
SELECT is((SELECT run FROM scorebook.score('book', '{"id": 3, "effective_at": "2099-01-01", "score": 0}'::jsonb)) IS NULL, false,
	'what is no key of the job is left out');
SELECT throws_ok('SELECT scorebook.score(''book'', ''3); DROP TABLE lent.customer; --''::text)', '22P02', NULL, 'a key is a value');
RESET ROLE;
SELECT is(effective_at, now(), 'and says nothing of the row') FROM lent.book WHERE id = 3;

-- public is everybody, and what is taken back is gone at once
SET ROLE scorebook_owner;
SELECT scorebook.grant_job('book', 'public', 'score') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.attempt('scorebook_nobody', 'SELECT scorebook.score(''book'', 3)'), 'ok', 'granted to public');
SELECT is(pg_temp.attempt('scorebook_nobody', 'SELECT scorebook.run_job_in_transaction(''book'')'), '42501', 'score, not run');
SET ROLE scorebook_member;
SELECT scorebook.revoke_job('book', 'public', 'score') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.attempt('scorebook_nobody', 'SELECT scorebook.score(''book'', 3)'), '42501', 'and taken back');
SELECT is(pg_temp.attempt('scorebook_app', 'SELECT scorebook.score(''book'', 3)'), 'ok', 'others keep theirs');
SET ROLE scorebook_owner;
SELECT scorebook.grant_job('book', 'scorebook_app', 'score') \g /dev/null
SELECT is((granted_by, count(*))::text, '(scorebook_owner,1)', 'a grant is there once, with who gave it') FROM scorebook.job_grant
WHERE grantee = 'scorebook_app' GROUP BY granted_by;
SELECT scorebook.revoke_job('book', 'scorebook_app', 'score') \g /dev/null
RESET ROLE;
SELECT is(pg_temp.attempt(role, 'SELECT scorebook.score(''book'', 3)'), '42501', role || ': revoked')
FROM unnest('{scorebook_app,scorebook_colleague}'::name[]) AS role;

-- whoever may run a job is a scheduler of it
SET ROLE scorebook_owner;
SELECT scorebook.schedule_job('book', '* * * * *', 'other'), scorebook.schedule_job('other', '* * * * *', 'other') \g /dev/null
SELECT scorebook.grant_job('other', 'scorebook_app', 'score') \g /dev/null
RESET ROLE;
UPDATE scorebook.registered_job SET scheduled_at = now() - interval '1 hour';
SET session_replication_role = replica;
UPDATE scorebook.run SET started_at = now() - interval '1 hour';
RESET session_replication_role;
SET ROLE scorebook_runner;
SELECT results_eq('SELECT name FROM scorebook.due_jobs()', '{book}'::text[], 'what it may run is due for it');
SELECT ok(scorebook.run_job_in_transaction('book') > 0, 'it runs it');
SELECT is_empty('SELECT name FROM scorebook.due_jobs()', 'and sees that it has been run');
SET ROLE scorebook_app;
SELECT is_empty('SELECT name FROM scorebook.due_jobs()', 'what one may only score with is not');
RESET ROLE;

-- a name that no role has gives no right; a job that ends takes its grants along
SELECT is(scorebook.has_job_privilege('scorebook_gone', job_id, 'score'), true, 'a role') FROM id WHERE job = 'book';
DROP ROLE scorebook_gone;
SELECT is(scorebook.has_job_privilege('scorebook_gone', job_id, 'score'), false, 'that was dropped') FROM id WHERE job = 'book';
SET ROLE scorebook_owner;
SELECT lives_ok('SELECT scorebook.revoke_job(''book'', ''scorebook_gone'', ''score'')', 'what it had is taken back by its name');
SELECT scorebook.drop_job('book'), scorebook.drop_job('other', keep_book => false) \g /dev/null
SELECT scorebook.create_job('other', 'risk', 'lent.customer', schema => 'lent') \g /dev/null
RESET ROLE;
SELECT is_empty('SELECT * FROM scorebook.job_grant', 'nothing is left');
SELECT is(pg_temp.attempt('scorebook_app', 'SELECT scorebook.score(''other'', 3)'), '42501', 'a new job of the name has none');

SELECT * FROM finish();
ROLLBACK;
