-- Keys that are equal are one key wherever they are known again: in a split, in
-- the errors of rows, and after they were erased.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
\set home :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS scorebook_key_hash;
CREATE DATABASE scorebook_key_hash;
\c scorebook_key_hash
CREATE EXTENSION pgtap;
CREATE EXTENSION scorebook;
SELECT no_plan();

CREATE FUNCTION artifact(text) RETURNS bytea LANGUAGE sql AS
	$$SELECT pg_read_binary_file(current_setting('test.fixtures') || '/1.7.4/' || $1)$$;
SELECT set_config('test.fixtures', :'fixtures', false) \g /dev/null
SELECT scorebook.load_model('credit', artifact('binlog.ubj')),
	scorebook.load_model('credit', artifact('early.ubj'), alias => 'challenger')
\g /dev/null

CREATE COLLATION same (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN amount AS numeric;
CREATE TYPE pair AS (n numeric, t text COLLATE same);
CREATE TYPE size AS ENUM ('small', 'large');

-- a hundred keys of a type, each written in two ways
CREATE TABLE spelling (name text, type text, first text, second text);
INSERT INTO spelling VALUES
	('numbers', 'numeric', 'i * 1.0', 'i * 1.00'),
	('amounts', 'amount', 'i * 1.0', 'i * 1.000'),
	('texts', 'text COLLATE same', '''key '' || i', '''KEY '' || i'),
	('padded', 'bpchar', '''key '' || i', '''key '' || i || ''  '''),
	('spans', 'interval', 'make_interval(days => i)', 'make_interval(hours => 24 * i)'),
	('lists', 'numeric[]', 'ARRAY[i * 1.0]', 'ARRAY[i * 1.00]'),
	('pairs', 'pair', 'ROW(i * 1.0, ''key'')::pair', 'ROW(i * 1.00, ''KEY'')::pair'),
	('documents', 'jsonb', 'jsonb_build_object(''n'', i * 1.0)', 'jsonb_build_object(''n'', i * 1.00)');

-- each statement in a transaction of its own
SELECT format(s.statement, name, type, first, second)
FROM spelling, unnest(ARRAY[
	'CREATE TABLE %1$s_source (key %2$s, also double precision, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real)',
	'INSERT INTO %1$s_source SELECT %3$s, 0, i, 1, 2, 3, 4, 5, 6, 7 FROM generate_series(1, 100) AS i',
	'SELECT scorebook.create_job(''%1$s'', ''credit'', ''%1$s_source'', key => ''{key,also}'', split => ''{"challenger": 0.5}'', on_error => ''record'')',
	'CALL scorebook.run_job(''%1$s'')',
	'CREATE TABLE %1$s_first AS SELECT * FROM scores.%1$s',
	'TRUNCATE %1$s_source',
	'INSERT INTO %1$s_source SELECT %4$s, ''-0'', i, 1, 2, 3, 4, 5, 6, 7 FROM generate_series(1, 100) AS i',
	'CALL scorebook.run_job(''%1$s'')',
	'UPDATE %1$s_source SET f0 = ''Infinity'' WHERE f0 <= 10',
	'CALL scorebook.run_job(''%1$s'')']) WITH ORDINALITY AS s (statement, number)
ORDER BY name, number
\gexec

CREATE FUNCTION answer(text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN EXECUTE $1 INTO answer; RETURN answer; END $$;
SELECT isnt(answer(format('SELECT array_agg(k::text ORDER BY f0) FROM (SELECT f0, (key, also) AS k FROM %s_source) AS s', name)),
	answer(format('SELECT array_agg((key, also)::text ORDER BY inputs[1]) FROM %s_first', name)), name || ' are written in two ways')
FROM spelling;
SELECT is(answer(format('SELECT array_agg(DISTINCT version) FROM scores.%s', name)), '{1,2}', name || ' are split')
FROM spelling;
SELECT is(answer(format('SELECT count(*) FROM %1$s_first AS f JOIN %1$s_source AS s USING (key, also)'
	' WHERE f.version = CASE scorebook.split_of(%1$L, s) WHEN ''credit'' THEN 1 ELSE 2 END', name)), '100',
	name || ' have one place')
FROM spelling;
SELECT is(array_agg(ROW(r.rows_changed, r.rows_confirmed, r.rows_failed)::text ORDER BY r.run),
	'{"(100,0,0)","(0,100,0)","(0,90,10)"}', j.name || ' are served by the same model')
FROM scorebook.run AS r JOIN scorebook.registered_job AS j USING (job_id) GROUP BY j.name;
SELECT is(answer(format('SELECT count(*) FROM scores.%s_status WHERE stale AND inputs[1] <= 10', name)), '10',
	name || ' that failed are known')
FROM spelling;
SELECT format(s.statement, name)
FROM spelling, unnest(ARRAY[
	'DO $do$ BEGIN PERFORM scorebook.erase(%1$L, f, ''asked to'') FROM %1$s_first AS f WHERE inputs[1] <= 5; END $do$',
	'CALL scorebook.run_job(%1$L)']) WITH ORDINALITY AS s (statement, number)
ORDER BY name, number
\gexec
SELECT is(ROW(r.rows_erased, r.rows_confirmed, r.rows_failed)::text, '(5,90,5)', j.name || ' that were erased are known')
FROM (SELECT DISTINCT ON (job_id) * FROM scorebook.run ORDER BY job_id, run DESC) AS r
	JOIN scorebook.registered_job AS j USING (job_id);
SELECT is(answer(format('SELECT count(*) FROM scorebook.row_error AS e JOIN scorebook.registered_job AS j USING (job_id)'
	' WHERE j.name = %L', name)), '10', 'the errors of ' || name || ' that were erased are gone')
FROM spelling;
SELECT is_empty(format('SELECT * FROM scorebook.verify_book(%L)', name), 'the book of ' || name || ' is sound') FROM spelling;

-- what is not equal is another key
SELECT isnt(a, b, 'other keys have other hashes: ' || what)
FROM (VALUES
	('texts', scorebook.key_digest(ROW('a'::text)), scorebook.key_digest(ROW('A'::text))),
	('accents', scorebook.key_digest(ROW('a'::text COLLATE same)), scorebook.key_digest(ROW('ä'::text COLLATE same))),
	('blanks', scorebook.key_digest(ROW('a'::text)), scorebook.key_digest(ROW('a '::text))),
	('columns', scorebook.key_digest(ROW('ab'::text, 'c'::text)), scorebook.key_digest(ROW('a'::text, 'bc'::text))),
	('nulls', scorebook.key_digest(ROW(''::text)), scorebook.key_digest(ROW(NULL::text))),
	('columns of nulls', scorebook.key_digest(ROW(NULL::text, 'a'::text)), scorebook.key_digest(ROW('a'::text, NULL::text))),
	('labels', scorebook.key_digest(ROW('small'::size)), scorebook.key_digest(ROW('large'::size)))) AS k (what, a, b);
SELECT isnt(scorebook.key_place('a', ROW(1)), scorebook.key_place('b', ROW(1)), 'a place is that of a job');
SELECT ok(min(p) = 0 AND max(p) = 9999 AND count(DISTINCT p) > 9990, 'places are all of ten thousand')
FROM (SELECT scorebook.key_place('a', ROW(i)) AS p FROM generate_series(1, 100000) AS i) AS p;
-- a restore gives labels other numbers
SELECT scorebook.key_digest(ROW('small'::size)) AS digest, scorebook.row_digest('small'::size) AS row_digest \gset
DROP TYPE size;
CREATE TYPE size AS ENUM ('large', 'small');
SELECT is(scorebook.key_digest(ROW('small'::size)), :digest, 'labels are what they are called');
SELECT is(scorebook.row_digest('small'::size), :row_digest, 'in the digest of a row, too');
SELECT throws_ok($$SELECT scorebook.create_job('wordy', 'credit', 'SELECT ''a''::tsvector AS key, 1 AS f0, 1 AS f1, 1 AS f2, 1 AS f3,
	1 AS f4, 1 AS f5, 1 AS f6, 1 AS f7', key => '{key}')$$, '42883', 'column "key" of type tsvector cannot be part of a key',
	'a key that cannot be known again is none');
-- a type that takes for equal what pg_catalog does not
CREATE TYPE code AS (letters text);
CREATE FUNCTION compare(code, code) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT btnametextcmp(lower($1.letters)::name, lower($2.letters))';
CREATE FUNCTION same(code, code) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT lower($1.letters) = lower($2.letters)';
CREATE OPERATOR = (FUNCTION = same, LEFTARG = code, RIGHTARG = code);
CREATE OPERATOR CLASS codes DEFAULT FOR TYPE code USING btree AS OPERATOR 3 =, FUNCTION 1 compare(code, code);
CREATE DOMAIN coded AS code;
SELECT throws_ok(format($$SELECT scorebook.create_job('coded', 'credit', 'SELECT ROW(''a'')::%s AS key, 1 AS f0, 1 AS f1, 1 AS f2, 1 AS f3,
	1 AS f4, 1 AS f5, 1 AS f6, 1 AS f7', key => '{key}')$$, type), '42883', format('column "key" of type public.%s cannot be part of a key', type),
	'nor one that has an equality of its own')
FROM unnest('{code,coded}'::text[]) AS type;

-- a row type that is altered between two calls
CREATE TYPE altered AS (a text, b int);
CREATE FUNCTION digest_of(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE key record;
BEGIN
	EXECUTE statement INTO key;
	RETURN scorebook.key_digest(key.k);
END $$;
SELECT is(digest_of('SELECT ROW(''a'', 2)::altered AS k'), scorebook.key_digest(ROW('a'::text, 2)), 'of a row type');
DO $$
BEGIN
	PERFORM digest_of('SELECT ROW(''a'', 2)::altered AS k');
	ALTER TYPE altered ALTER ATTRIBUTE a TYPE int;
	PERFORM set_config('test.digest', digest_of('SELECT ROW(1073741820, 2)::altered AS k')::text, false);
END $$;
SELECT is(current_setting('test.digest')::bigint, scorebook.key_digest(ROW(1073741820, 2)), 'of one that is another one by now');
ALTER TYPE altered DROP ATTRIBUTE a;
SELECT is(digest_of('SELECT ROW(2)::altered AS k'), scorebook.key_digest(ROW(2)), 'without what was dropped');

SELECT * FROM finish();
\c :home
DROP DATABASE scorebook_key_hash;
