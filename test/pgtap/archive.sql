-- How rows get into the history: by the page, into months whose columns stand
-- in another order, past constraints, and by a statement where triggers are told.
--
-- Runs are told apart by when they commit, so this has a database of its own
-- instead of one transaction.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
\set home :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS scorebook_archive;
CREATE DATABASE scorebook_archive;
\c scorebook_archive
CREATE EXTENSION pgtap;
CREATE EXTENSION scorebook;
SELECT no_plan();

SELECT scorebook.load_model_file('m', :'fixtures' || '/1.7.4/binlog.ubj') \g /dev/null
CREATE TABLE person (name text PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO person SELECT 'person ' || i, i / 500.0, 0.5, 0.2, 1, 0.5, 0.5, 0.5, 0.5 FROM generate_series(1, 2500) AS i;
SELECT scorebook.create_job('book', model => 'm', source => 'person', schema => 'public') \g /dev/null
CALL scorebook.run_job('book');

-- what the history must get, as the book had it
CREATE TABLE was AS TABLE book WITH NO DATA;
CREATE PROCEDURE remember(which text) LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE was;
	EXECUTE 'INSERT INTO was SELECT * FROM book WHERE ' || which;
END $$;
CREATE VIEW archived AS
SELECT h.*, h.tableoid::regclass AS month FROM book_history AS h WHERE h.ended_by = (SELECT max(ended_by) FROM book_history);
CREATE FUNCTION same_rows() RETURNS boolean LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM was) = (SELECT count(*) FROM archived) AND NOT EXISTS (
		SELECT w FROM was AS w EXCEPT
		SELECT ROW(a.name, a.effective_at, a.score, a.class, a.points, a.decision, a.cutoff_set, a.band, a.band_set, a.reasons,
			a.version, a.inputs, a.inputs_hash, a.run, a.system_from)::was FROM archived AS a) $$;
SELECT bag_eq('SELECT column_name::text FROM information_schema.columns WHERE table_name = ''was''',
	ARRAY['name', 'effective_at', 'score', 'class', 'points', 'decision', 'cutoff_set', 'band', 'band_set', 'reasons',
		'version', 'inputs', 'inputs_hash', 'run', 'system_from'], 'all columns are compared');

-- many pages, all rows and some that are gone
CALL remember('true');
UPDATE person SET f0 = f0 + 1;
CALL scorebook.run_job('book');
SELECT ok(same_rows(), 'rows that were superseded');
SELECT results_eq('SELECT DISTINCT end_reason, system_to = (SELECT max(system_from) FROM book) FROM archived', $$VALUES ('superseded', true)$$,
	'end when the next ones begin');
CALL remember('name < ''person 2''');
DELETE FROM person WHERE name < 'person 2';
CALL scorebook.run_job('book');
SELECT ok(same_rows(), 'rows that are gone');
SELECT results_eq('SELECT DISTINCT end_reason FROM archived', ARRAY['vanished'], 'and why');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''book'')', 'which the digests prove');
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT is((SELECT count(*) FROM book_history WHERE name = 'person 11'), 2::bigint, 'rows are found by the index');
RESET enable_seqscan;
RESET enable_bitmapscan;

-- a month with its columns in another order
ALTER TABLE book_history ADD COLUMN extra int;
ALTER TABLE book_history DROP COLUMN extra;
SELECT month AS month, pg_get_expr(c.relpartbound, c.oid) AS bounds
FROM archived JOIN pg_class AS c ON c.oid = archived.month LIMIT 1 \gset
ALTER TABLE book_history DETACH PARTITION :month;
ALTER TABLE :month RENAME TO old_month;
SELECT format('CREATE TABLE new_month (junk int, %s)', string_agg(format('%I %s', attname, format_type(atttypid, atttypmod))
	|| CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY attname DESC))
FROM pg_attribute WHERE attrelid = 'book_history'::regclass AND attnum > 0 AND NOT attisdropped \gexec
ALTER TABLE new_month DROP COLUMN junk, ADD CONSTRAINT book_history_check CHECK (system_from < system_to);
ALTER TABLE book_history ATTACH PARTITION new_month :bounds;
CALL remember('name LIKE ''%7''');
UPDATE person SET f0 = f0 - 1 WHERE name LIKE '%7';
CALL scorebook.run_job('book');
SELECT ok(same_rows(), 'columns by their names');
SELECT results_eq('SELECT DISTINCT month::text FROM archived', ARRAY['new_month'], 'in that month');

-- constraints hold
ALTER TABLE new_month ADD CONSTRAINT not_this_one CHECK (name <> 'person 77') NOT VALID;
CALL remember('true');
UPDATE person SET f0 = f0 + 1;
SELECT throws_ok('SELECT scorebook.run_job_in_transaction(''book'')', '23514',
	'new row for relation "new_month" violates check constraint "not_this_one"', 'a check of the month');
SELECT set_eq('TABLE book', 'TABLE was', 'nothing has changed');
ALTER TABLE new_month DROP CONSTRAINT not_this_one;
CREATE UNIQUE INDEX one_a_run ON new_month (ended_by) WHERE name IN ('person 28', 'person 38');
SELECT throws_ok('SELECT scorebook.run_job_in_transaction(''book'')', '23505',
	'duplicate key value violates unique constraint "one_a_run"', 'an index of the month');
DROP INDEX one_a_run;
CALL scorebook.run_job('book');
SELECT ok(same_rows(), 'then all rows come');

-- who is told
CREATE TABLE told (what text, name text);
GRANT INSERT ON told TO PUBLIC;
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO public.told VALUES (tg_op, new.name);
	RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT ON new_month FOR EACH ROW EXECUTE FUNCTION tell();
CALL remember('name LIKE ''%3''');
DELETE FROM person WHERE name LIKE '%3';
CALL scorebook.run_job('book');
SELECT ok(same_rows(), 'a trigger on a month does not keep rows away');
SELECT set_eq('SELECT what, name FROM told', 'SELECT ''INSERT'', name FROM was', 'and is told of each');
DROP TRIGGER tell ON new_month;

-- a month that has parts
ALTER TABLE book_history DETACH PARTITION new_month;
CREATE TABLE parted (LIKE book_history INCLUDING CONSTRAINTS) PARTITION BY HASH (name);
CREATE TABLE part_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE book_history ATTACH PARTITION parted :bounds;
CALL remember('name LIKE ''%8''');
UPDATE person SET f0 = f0 - 1 WHERE name LIKE '%8';
CALL scorebook.run_job('book');
SELECT ok(same_rows(), 'parts of a month');
SELECT set_eq('SELECT DISTINCT month::text FROM archived', ARRAY['part_0', 'part_1'], 'get their rows');

SELECT finish();
\c :home
DROP DATABASE scorebook_archive;
