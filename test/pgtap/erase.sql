-- Erasing a subject: it is gone from wherever the book had it, does not come
-- back, and the book can still be proven to be what it was otherwise.
--
-- Runs have transactions of their own, so this has a database of its own.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
\set home :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS scorebook_erase;
CREATE DATABASE scorebook_erase;
\c scorebook_erase
CREATE EXTENSION pgtap;
CREATE EXTENSION scorebook;
SELECT no_plan();

CREATE ROLE scorebook_keeper;
CREATE ROLE scorebook_clerk ROLE scorebook_keeper;
CREATE ROLE scorebook_reader;
CREATE ROLE scorebook_nobody;
SELECT scorebook.load_model('m', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')) \g /dev/null
SELECT scorebook.grant_model('m', 'scorebook_clerk', 'score') \g /dev/null
GRANT CREATE ON DATABASE scorebook_erase TO scorebook_clerk;
CREATE SCHEMA scores AUTHORIZATION scorebook_clerk;
CREATE SCHEMA data AUTHORIZATION scorebook_clerk;
GRANT USAGE ON SCHEMA scores, data TO PUBLIC;
GRANT CREATE ON SCHEMA public TO scorebook_clerk;

SET SESSION AUTHORIZATION scorebook_clerk;
CREATE TABLE data.person (id int PRIMARY KEY, name text NOT NULL UNIQUE, number uuid NOT NULL UNIQUE,
	amount numeric NOT NULL UNIQUE, code numeric(6, 2) NOT NULL UNIQUE,
	f0 double precision, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO data.person
SELECT i, 'person ' || i, md5(i::text)::uuid, i + 0.50, i + 0.25, i, i / 7.0, 1, 2, i % 3, 0, 0, i % 5
FROM generate_series(1, 40) AS i;
SELECT scorebook.add_system_versioning('data.person') \g /dev/null
SELECT scorebook.create_job(job, 'm', 'data.person', key => key, keep => keep, on_error => 'record',
	readers => '{scorebook_reader}')
FROM (VALUES ('by_id', NULL::name[], 'latest'), ('by_name', '{name}', 'latest'), ('by_number', '{number}', 'latest'),
	('by_amount', '{amount}', 'latest'), ('by_code', '{code}', 'latest'), ('by_two', '{name,id}', 'latest'),
	('by_period', '{id}', 'each_period')) AS j (job, key, keep) \g /dev/null

CREATE PROCEDURE run_all() LANGUAGE plpgsql AS $$
BEGIN
	PERFORM scorebook.run_job_in_transaction(j.name, effective_at => CASE j.keep WHEN 'each_period' THEN now() END)
	FROM scorebook.job AS j;
END
$$;
CALL run_all();
UPDATE data.person SET f0 = f0 + 1 WHERE id <= 20;
CALL run_all();
SELECT clock_timestamp() AS before \gset

-- a key of each type, and named in each way
PREPARE erase_all AS
	SELECT e.* FROM scorebook.erase('by_id', 7, 'request 1') AS e
	UNION ALL SELECT e.* FROM scorebook.erase('by_name', 'person 7', 'request 1') AS e
	UNION ALL SELECT e.* FROM scorebook.erase('by_number', md5('7')::uuid, 'request 1') AS e
	UNION ALL SELECT e.* FROM scorebook.erase('by_amount', 7.5, 'request 1') AS e
	UNION ALL SELECT e.* FROM scorebook.erase('by_code', '{"code": 7.25}'::jsonb, 'request 1') AS e
	UNION ALL SELECT e.* FROM scorebook.erase('by_two', (SELECT p FROM data.person AS p WHERE id = 7), 'request 1') AS e
	UNION ALL SELECT e.* FROM scorebook.erase('by_period', 7, 'request 1') AS e;
CREATE TEMP TABLE report AS EXECUTE erase_all;
SELECT results_eq(
	$$SELECT place, rows FROM report WHERE place ~ '^scores' ORDER BY 1$$,
	$$VALUES ('scores.by_amount', 1::bigint), ('scores.by_amount_history', 1), ('scores.by_code', 1), ('scores.by_code_history', 1),
		('scores.by_id', 1), ('scores.by_id_history', 1), ('scores.by_name', 1), ('scores.by_name_history', 1),
		('scores.by_number', 1), ('scores.by_number_history', 1), ('scores.by_period', 2), ('scores.by_period_history', 0),
		('scores.by_two', 1), ('scores.by_two_history', 1)$$,
	'it goes from tables and histories, in all periods');
CREATE FUNCTION left_of(job text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT (SELECT count(*) FROM scores.%1$I AS c WHERE c.version = 1 AND %2$s)'
		' + (SELECT count(*) FROM scores.%3$I AS c WHERE %2$s)', job,
		CASE job WHEN 'by_id' THEN 'id = 7' WHEN 'by_period' THEN 'id = 7' WHEN 'by_number' THEN 'number = md5(''7'')::uuid'
			WHEN 'by_amount' THEN 'amount = 7.5' WHEN 'by_code' THEN 'code = 7.25' ELSE 'name = ''person 7''' END,
		job || '_history') INTO n;
	RETURN n;
END
$$;
SELECT is(left_of(name), 0::bigint, name || ': nothing is left') FROM scorebook.job ORDER BY name;
SELECT is_empty(format('SELECT * FROM scorebook.verify_book(%L)', name), name || ': the book is sound') FROM scorebook.job ORDER BY name;
SELECT set_eq(
	$$SELECT DISTINCT place FROM report WHERE rows IS NULL$$,
	'{data.person,data.person_history,data.person_since,backups,archived WAL,the server''s log,exports and other tables}'::text[],
	'it says what it could not reach');
SELECT ok(bool_and(note IS NOT NULL), 'and why') FROM report WHERE rows IS NULL;

-- what is left of the key: a hash
SELECT results_eq('SELECT count(*), count(DISTINCT key_hash), min(length(key_hash)), min(reason), (array_agg(erased_by))[1] FROM scorebook.tombstone',
	$$VALUES (7::bigint, 7::bigint, 16, 'request 1', 'scorebook_clerk'::name)$$, 'a tombstone says when, by whom and why');
SELECT throws_ok('SELECT * FROM scorebook.erasure_secret', '42501', NULL, 'nobody reads the secret');

-- it does not come back
UPDATE data.person SET f0 = f0 + 1;
CALL run_all();
SELECT is(left_of(name), 0::bigint, name || ': a run does not bring it back') FROM scorebook.job ORDER BY name;
SELECT results_eq(
	$$SELECT DISTINCT rows_read, rows_scored, rows_erased FROM scorebook.job_run AS r WHERE started_at > now() - interval '1 minute' AND r.rows_erased > 0$$,
	$$VALUES (40::bigint, 39::bigint, 1::bigint)$$, 'runs skip it and count it');
SELECT results_eq(
	$$SELECT rows_written FROM scorebook.run AS r JOIN scorebook.registered_job AS j USING (job_id) WHERE j.name = 'by_id' ORDER BY run DESC LIMIT 1$$,
	'VALUES (39::bigint)');
SELECT throws_ok('SELECT scorebook.score(''by_id'', 7)', '55000', 'the key {"id": 7} of job "by_id" was erased', 'a pull says why it cannot');
SELECT throws_ok('SELECT scorebook.score(''by_amount'', ''{"amount": "7.50000"}''::jsonb)', '55000', NULL, 'however the number is written');
SELECT throws_ok($$SELECT scorebook.score('by_id', '{"f0":1,"f1":1,"f2":1,"f3":1,"f4":1,"f5":1,"f6":1,"f7":1}'::jsonb, 7)$$, '55000', NULL, 'nor with features of one''s own');
SELECT isnt((scorebook.score('by_id', 8)).run, NULL, 'others can be scored');
SELECT scorebook.stream_job('by_id') \g /dev/null
UPDATE data.person SET f0 = f0 + 1 WHERE id IN (7, 8);
SELECT results_eq('SELECT rows_read, rows_scored, rows_erased FROM scorebook.run ORDER BY run DESC LIMIT 1', 'VALUES (2::bigint, 1::bigint, 1::bigint)', 'nor does a stream bring it back');
DELETE FROM data.person WHERE id = 7;
INSERT INTO data.person SELECT 7, 'person 7', md5('7')::uuid, 7.5, 7.25, 1;
SELECT is(left_of('by_id'), 0::bigint, 'even where the source has it anew');
SELECT scorebook.unstream_job('by_id') \g /dev/null
SELECT is_empty(format('SELECT * FROM scorebook.verify_book(%L)', name), name || ': the book is still sound') FROM scorebook.job ORDER BY name;

-- what is said of it
SELECT is(scorebook.score_at('by_id', 7, :'before'), '{"erased": true}', 'score_at says that it was erased');
SELECT is(scorebook.score_at('by_period', '{"id": 7, "effective_at": "2020-01-01"}'::jsonb), '{"erased": true}', 'whatever the period');
SELECT is(scorebook.score_at('by_two', '{"id": 7, "name": "person 7"}'::jsonb), '{"erased": true}', 'and of a key of two columns');
SELECT is(scorebook.score_at('by_two', '{"id": 7, "name": "person 8"}'::jsonb), NULL, 'of no other');
SELECT isnt(scorebook.score_at('by_id', 8, :'before'), NULL, 'others are as they were');
SELECT results_eq('SELECT verdict FROM scorebook.replay_score(''by_id'', 7)', $$VALUES ('erased')$$);
SELECT throws_ok('SELECT * FROM scorebook.explain_score(''by_id'', 7)', '55000', 'what job "by_id" said of this key was erased', 'it cannot be explained');
SELECT is(count(*), 39::bigint, 'the state as of a time is without it') FROM scores.by_id_as_of(:'before');
SELECT results_eq(
	$$SELECT r.verdict, count(*) FROM (SELECT min(run) AS run FROM scorebook.job_run WHERE job = 'by_id') AS f, scorebook.replay_run(f.run) AS r GROUP BY 1 ORDER BY 1$$,
	$$VALUES ('erased', 1::bigint), ('identical', 39)$$, 'a run tells how many of its rows were erased');

-- who may
SET SESSION AUTHORIZATION scorebook_reader;
SELECT throws_ok('SELECT * FROM scorebook.erase(''by_id'', 8, ''mine'')', '42501', 'permission denied for job "by_id"');
SELECT throws_ok('SELECT scorebook.unerase(''by_id'', 7, ''mine'')', '42501', 'permission denied for job "by_id"');
SELECT is_empty('SELECT * FROM scorebook.tombstone', 'readers of a book do not see the reasons');
SELECT is(scorebook.score_at('by_id', 7), '{"erased": true}', 'but that it was');
SET SESSION AUTHORIZATION scorebook_nobody;
SELECT throws_ok('SELECT * FROM scorebook.erase(''by_id'', 8, ''mine'')', '42501', 'permission denied for job "by_id"');
SELECT throws_ok('SELECT * FROM scorebook.erase_subject(''by_id'', ''{"id": 8}'', ''mine'', false)', '42501');
SELECT throws_ok('SELECT scorebook.is_erased(1, ''{"id": 7}'', now())', '42501', NULL, 'it is not for everybody to ask');
SELECT throws_ok('SELECT * FROM scorebook.amend_book_internal(''scores.by_id'', ''DELETE FROM scores.by_id'', NULL)', '42501');
SELECT throws_ok('SELECT scorebook.retain_book_at_internal(''scorebook_clerk'', 1, NULL, NULL, NULL, ''infinity'')', '42501');
SELECT throws_ok('SELECT * FROM scorebook.apply_retention(''by_id'')', '42501');
SET SESSION AUTHORIZATION scorebook_keeper;
SELECT results_eq($$SELECT place, rows FROM scorebook.erase('by_id', 9, 'request 2') WHERE rows > 0 ORDER BY 1$$,
	$$VALUES ('scores.by_id', 1::bigint), ('scores.by_id_history', 2)$$, 'members of the owner may erase');
SET SESSION AUTHORIZATION scorebook_clerk;

-- bad input
CREATE TEMP TABLE stones AS SELECT count(*) AS n FROM scorebook.tombstone;
SELECT throws_ok('SELECT * FROM scorebook.erase(''by_id'', 8, NULL)', '22023', 'the reason cannot be null or empty');
SELECT throws_ok('SELECT * FROM scorebook.erase(''by_id'', 8, '' '')', '22023', 'the reason cannot be null or empty');
SELECT throws_ok('SELECT * FROM scorebook.erase(''by_id'', NULL::int, ''r'')', '22004', 'a key of job "by_id" cannot be null');
SELECT throws_ok('SELECT * FROM scorebook.erase(''by_id'', ''x''::text, ''r'')', '22P02');
SELECT throws_ok('SELECT * FROM scorebook.erase(''by_two'', 8, ''r'')', '22023', 'the key of job "by_two" must have the columns (name, id)');
SELECT throws_ok('SELECT * FROM scorebook.erase(''by_code'', 8.254, ''r'')', '22023', 'job "by_code" cannot have the key {"code": 8.254}', 'a key that would have to be rounded is another one''s');
SELECT throws_ok('SELECT * FROM scorebook.erase(''no_job'', 8, ''r'')', '42704', 'job "no_job" does not exist');
SELECT throws_ok('SELECT scorebook.unerase(''by_id'', 8, ''r'')', '42704', 'the key (id)=(8) of job "by_id" is not erased');
SELECT throws_ok('SELECT scorebook.unerase(''by_id'', 7, NULL)', '22023', 'the reason cannot be null or empty');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT throws_ok('SELECT * FROM scorebook.erase(''by_id'', 8, ''r'')', '25000', 'erase needs a transaction that is READ COMMITTED');
ROLLBACK;
SELECT is((SELECT count(*) FROM scorebook.tombstone), n, 'nothing has changed') FROM stones;
SELECT isnt(scorebook.score_at('by_id', 8), NULL);

-- errors of rows, and runs that failed by them
UPDATE data.person SET f0 = 'infinity' WHERE id IN (10, 11);
CALL run_all();
SELECT scorebook.alter_job('by_id', '{"on_error": "fail"}') \g /dev/null
-- two runs that fail
\set ON_ERROR_STOP off
CALL scorebook.run_job('by_id');
UPDATE data.person SET f0 = 1 WHERE id = 10;
SET datestyle = 'SQL, DMY';
CALL scorebook.run_job('by_id');
\set ON_ERROR_STOP on
UPDATE data.person SET f0 = 1 WHERE id = 11;
SELECT results_eq($$SELECT failed_key FROM scorebook.job_run WHERE job = 'by_id' AND status = 'failed' ORDER BY run$$,
	$$VALUES ('(id)=(10)'), ('(id)=(11)')$$);
SELECT results_eq($$SELECT place, rows FROM scorebook.erase('by_id', 10, 'request 3') WHERE place ~ '^scorebook.r'$$,
	$$VALUES ('scorebook.row_error', 1::bigint), ('scorebook.run', 1)$$, 'errors name the key no more');
SELECT results_eq($$SELECT failed_key, failed_key_digest IS NULL, message = 'erased', sqlstate FROM scorebook.run WHERE status = 'failed' ORDER BY run$$,
	$$VALUES (NULL, true, true, '22003'), ('(id)=(11)', false, false, '22003')$$, 'others are left');
SELECT results_eq($$SELECT e.key FROM scorebook.row_error AS e JOIN scorebook.registered_job AS j USING (job_id) WHERE j.name = 'by_id'$$, $$VALUES ('(id)=(11)')$$);

UPDATE data.person SET f0 = 'infinity', amount = 12.5000 WHERE id = 12;
SELECT scorebook.run_job_in_transaction('by_amount') \g /dev/null
UPDATE data.person SET f0 = 1 WHERE id = 12;
SELECT results_eq($$SELECT rows FROM scorebook.erase('by_amount', 12.50, 'request 3') WHERE place = 'scorebook.row_error'$$, $$VALUES (1::bigint)$$,
	'however the number was written');
INSERT INTO data.person SELECT 60 + i, n, md5(n)::uuid, 60 + i, 60 + i, 'infinity' FROM unnest('{a.c,abc,(a+)\\,[x]$}'::text[]) WITH ORDINALITY AS k (n, i);
SELECT scorebook.run_job_in_transaction('by_name') \g /dev/null
SELECT results_eq($$SELECT e.rows FROM unnest('{a.c,(a+)\\,[x]$}'::text[]) WITH ORDINALITY AS k (n, i), scorebook.erase('by_name', n, 'request 3') AS e WHERE place = 'scorebook.row_error' ORDER BY i$$,
	$$VALUES (1::bigint), (1), (1)$$, 'and whatever characters a key has');
SELECT results_eq($$SELECT count(*) FROM scorebook.row_error WHERE key = '(name)=(abc)'$$, $$VALUES (1::bigint)$$, 'it is no other key');
DELETE FROM data.person WHERE id > 60;

-- a subject that the book does not know yet, and one that is erased again
INSERT INTO data.person SELECT 50, 'person 50', md5('50')::uuid, 50.5, 50.25, 1;
SELECT is(sum(rows), 0::numeric, 'a subject can be erased before it is known') FROM scorebook.erase('by_id', 50, 'objects');
CALL scorebook.run_job('by_id');
SELECT is(scorebook.score_at('by_id', 50), '{"erased": true}');
SELECT lives_ok('SELECT * FROM scorebook.erase(''by_id'', 50, ''again'')', 'and once more');
SELECT scorebook.unerase('by_id', 50, 'agrees') \g /dev/null
SELECT results_eq($$SELECT reason, lifted_by, lifted_reason FROM scorebook.tombstone ORDER BY tombstone DESC LIMIT 2$$,
	$$VALUES ('again', 'scorebook_clerk'::name, 'agrees'), ('objects', 'scorebook_clerk', 'agrees')$$, 'the tombstones stay, lifted');
CALL scorebook.run_job('by_id');
SELECT isnt(scorebook.score_at('by_id', 50) -> 'score', NULL, 'it is scored again');
SELECT is(scorebook.score_at('by_id', 50, :'before'), '{"erased": true}', 'what was said before stays erased');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''by_id'')', 'the book is sound');

-- the hash: SipHash-2-4, with the values of its authors
RESET SESSION AUTHORIZATION;
SELECT is(scorebook.keyed_hash_internal(k.secret || k.secret, m.message), decode(m.hash || m.hash, 'hex'), 'the hash of ' || length(m.message) || ' bytes')
FROM decode('000102030405060708090a0b0c0d0e0f', 'hex') AS k (secret),
	(VALUES (''::bytea, '310e0edd47db6f72'), (decode('000102030405060708090a0b0c0d0e', 'hex'), 'e545be4961ca29a1')) AS m (message, hash);
SELECT isnt(substr(h, 1, 8), substr(h, 9), 'each half of the secret counts')
FROM scorebook.keyed_hash_internal(decode(repeat('00', 16) || repeat('01', 16), 'hex'), 'a') AS h;
SELECT throws_ok('SELECT scorebook.keyed_hash_internal(''short'', ''a'')', '22023', 'a secret must have 32 bytes');

-- equal keys have one hash, under a secret of each job
SELECT is(count(DISTINCT k.hash)::text || ' ' || bool_or(k.hash = t.key_hash), n || ' true', 'a key however it is written: ' || forms::text)
FROM (VALUES ('by_amount', '{7.5,7.50,7.500000}'::text[], 1), ('by_amount', '{7.5,7.51}', 2), ('by_name', '{person 7}', 1),
		('by_number', ARRAY[md5('7')::uuid::text, upper(md5('7'))], 1)) AS f (job, forms, n)
	JOIN scorebook.registered_job AS j ON j.name = f.job
	JOIN scorebook.tombstone AS t ON t.job_id = j.job_id AND t.reason = 'request 1',
	unnest(forms) AS form, scorebook.known_key_internal(j, jsonb_build_object(j.key[1], form)) AS k
GROUP BY f.job, forms, n;
SELECT is(count(DISTINCT t.key_hash), 2::bigint, 'the same key of two jobs has two')
FROM scorebook.tombstone AS t JOIN scorebook.registered_job AS j USING (job_id)
WHERE t.reason = 'request 1' AND j.name IN ('by_id', 'by_period');

-- what others take is still found, and erasing does not cover it
BEGIN;
SET session_replication_role = replica;
DELETE FROM scores.by_id WHERE id = 20;
SELECT isnt_empty('SELECT * FROM scorebook.verify_book(''by_id'')', 'a row that somebody has removed is missed');
SET session_replication_role = origin;
SELECT count(*) FROM scorebook.erase('by_id', 20, 'to cover it') \g /dev/null
SELECT isnt_empty('SELECT * FROM scorebook.verify_book(''by_id'')', 'also after its key was erased');
ROLLBACK;
BEGIN;
SET session_replication_role = replica;
UPDATE scores.by_id SET score = 0.5 WHERE id = 20;
SET session_replication_role = origin;
SELECT count(*) FROM scorebook.erase('by_id', 21, 'another') \g /dev/null
SELECT results_eq('SELECT DISTINCT problem FROM scorebook.verify_book(''by_id'')', $$VALUES ('rows of a run were changed')$$, 'a row that was changed is found');
ROLLBACK;
SELECT throws_ok('DELETE FROM scores.by_id', '42501', NULL, 'nothing else deletes');

-- code of a job's owner runs as the owner
CREATE TABLE public.seen (who name);
GRANT INSERT ON public.seen TO PUBLIC;
SET SESSION AUTHORIZATION scorebook_clerk;
CREATE FUNCTION data.look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.seen VALUES (current_user); RETURN OLD; END';
CREATE TRIGGER look BEFORE DELETE ON scores.by_id FOR EACH ROW EXECUTE FUNCTION data.look();
CREATE FUNCTION data.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep BEFORE DELETE ON scores.by_number FOR EACH ROW EXECUTE FUNCTION data.keep();
SELECT throws_ok($$SELECT * FROM scorebook.erase('by_number', md5('30')::uuid, 'request 4')$$, '55000',
	'the key (number)=(34173cb3-8f07-f89d-dbeb-c2ac9128303f) of job "by_number" cannot be removed from scores.by_number', 'a row that would stay');
DROP TRIGGER keep ON scores.by_number;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM scorebook.erase('by_id', 30, 'request 4') \g /dev/null
SELECT results_eq('SELECT * FROM seen', $$VALUES ('scorebook_clerk'::name)$$, 'triggers of the owner have the rights of the owner');

SET SESSION AUTHORIZATION scorebook_clerk;
CREATE FUNCTION data.erase_another() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN count(*) FROM scorebook.erase('by_two', '{"id": 31, "name": "person 31"}'::jsonb, 'r'); END$$;
SELECT scorebook.create_job('erasing', 'm', 'SELECT p.*, data.erase_another() AS n FROM data.person AS p', key => '{id}') \g /dev/null
SELECT throws_ok('SELECT scorebook.run_job_in_transaction(''erasing'')', '42501', 'cannot write a book within a security-restricted operation', 'a source erases nothing');

-- what reads the book
SET SESSION AUTHORIZATION scorebook_clerk;
CREATE VIEW data.risky AS SELECT * FROM scores.by_two WHERE score > 0;
CREATE MATERIALIZED VIEW data.riskiest AS SELECT * FROM data.risky;
SELECT bag_has($$SELECT place FROM scorebook.erase('by_two', '{"id": 8, "name": "person 8"}'::jsonb, 'request 5') WHERE rows IS NULL$$,
	$$VALUES ('data.riskiest')$$, 'materialized views are named');

-- a book without its job, and one that is gone
SELECT scorebook.drop_job('by_name') \g /dev/null
SELECT is(sum(rows), 4::numeric, 'the book of a job that was dropped') FROM scorebook.erase('by_name', 'person 8', 'request 6');
SELECT is(scorebook.score_at('by_name', 'person 8'), '{"erased": true}');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''by_name'')');
RESET SESSION AUTHORIZATION;
SELECT job_id FROM scorebook.registered_job WHERE name = 'by_number' \gset
SELECT scorebook.drop_job('by_number', keep_book => false) \g /dev/null
SELECT is_empty(format('SELECT FROM scorebook.tombstone WHERE job_id = %1$s UNION ALL SELECT FROM scorebook.erasure_secret WHERE job_id = %1$s
	UNION ALL SELECT FROM scorebook.amendment WHERE job_id = %1$s', :job_id), 'all goes with the book');
DROP TABLE scores.by_code CASCADE;
SELECT throws_ok('SELECT * FROM scorebook.erase_subject(''by_code'', ''{"code": 1.25}'', ''r'', false)', '42P01', 'the result table of job "by_code" no longer exists');

SELECT * FROM finish();
\c :home
DROP DATABASE scorebook_erase;
DROP ROLE scorebook_clerk, scorebook_keeper, scorebook_reader, scorebook_nobody;
