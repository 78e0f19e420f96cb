-- A source that has lost too many of the keys of the book fails the run.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
SET client_min_messages = warning;
BEGIN;
SELECT no_plan();

CREATE SCHEMA shop;
SET search_path = shop, public;
SELECT scorebook.load_model('risk', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')) \g /dev/null
CREATE TABLE customer (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real,
	objected boolean DEFAULT false, changed_at timestamptz DEFAULT now());
INSERT INTO customer SELECT i, i, 1, 2, 3, 4, 5, 6, 7 FROM generate_series(1, 100) AS i;
CREATE TABLE kept AS TABLE customer;
SELECT scorebook.create_job('book', 'risk', 'customer', schema => 'shop', exclude => 'objected', watermark => 'changed_at',
	shadows => '{risk/1}', max_vanished => 0.29),
	scorebook.create_job('keyed', 'risk', 'SELECT * FROM customer ORDER BY id', schema => 'shop', key => '{id}', max_vanished => 0.29),
	scorebook.create_job('periods', 'risk', 'customer', schema => 'shop', keep => 'each_period', max_vanished => 0.29),
	scorebook.create_job('by_row', 'risk', 'customer', schema => 'shop', keep => 'each_period', effective_at => 'changed_at', max_vanished => 0),
	scorebook.create_job('empty', 'risk', 'customer', schema => 'shop', max_vanished => 0)
\g /dev/null
SELECT is(max_vanished, 0.29, 'a job shows what may vanish') FROM scorebook.job WHERE name = 'book';
SELECT is(definition -> 'max_vanished', '0.29', 'so does its definition') FROM scorebook.job_definition JOIN scorebook.job USING (job_id)
WHERE name = 'book';

-- What becomes of a run once something was done to the source; all of it is undone.
CREATE FUNCTION outcome(job text, change text DEFAULT 'SELECT', effective_at timestamptz DEFAULT NULL, only_changed boolean DEFAULT false)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	result text;
	number bigint;
BEGIN
	EXECUTE change;
	number := scorebook.run_job_in_transaction(job, effective_at, only_changed);
	SELECT format('closed %s', r.rows_closed) INTO result FROM scorebook.run AS r WHERE r.run = number;
	RAISE EXCEPTION USING ERRCODE = 'UNDO1';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN CASE SQLSTATE WHEN 'UNDO1' THEN result ELSE concat_ws(' ', SQLSTATE, detail) END;
END $$;

SELECT is(outcome('book', 'TRUNCATE customer'), 'closed 0', 'of an empty book, nothing can vanish');
SELECT scorebook.run_job_in_transaction(job) FROM unnest('{book,keyed,by_row}'::text[]) AS job \g /dev/null
SELECT scorebook.run_job_in_transaction('periods', '2026-01-01') \g /dev/null
SELECT is(outcome(job), 'closed 0', 'nothing has vanished from ' || job) FROM unnest('{book,keyed,by_row}'::text[]) AS job;
SELECT is(outcome(job, 'DELETE FROM customer WHERE id <= 29'), 'closed 29', 'as many as may: ' || job)
FROM unnest('{book,keyed}'::text[]) AS job;
SELECT is(outcome(job, 'DELETE FROM customer WHERE id <= 30'),
	'54000 Of 100 keys in the book, 30 are not in the source any more; max_vanished is 0.29.', 'one too many: ' || job)
FROM unnest('{book,keyed}'::text[]) AS job;
SELECT is(outcome('book', 'TRUNCATE customer'),
	'54000 Of 100 keys in the book, 100 are not in the source any more; max_vanished is 0.29.', 'all of them');
SELECT is(outcome('book', 'DELETE FROM customer WHERE id <= 30; INSERT INTO customer SELECT i, i FROM generate_series(101, 200) AS i'),
	'54000 Of 100 keys in the book, 30 are not in the source any more; max_vanished is 0.29.', 'new ones do not make up for them');

-- who is excluded or was erased has not vanished
SELECT is(outcome('book', 'UPDATE customer SET objected = true'), 'closed 100', 'all of them have objected');
SELECT is(outcome('book', 'UPDATE customer SET objected = true WHERE id > 50; DELETE FROM customer WHERE id <= 29'), 'closed 79',
	'half of them have, and some have vanished');
SELECT is(outcome('book', 'SELECT scorebook.erase(''book'', id, ''asked'') FROM customer WHERE id <= 50; DELETE FROM customer WHERE id <= 50'),
	'closed 0', 'half of them were erased, and went');
SELECT is(outcome('book', 'SELECT scorebook.erase(''book'', id, ''asked'') FROM customer WHERE id <= 50; DELETE FROM customer WHERE id > 85'),
	'54000 Of 50 keys in the book, 15 are not in the source any more; max_vanished is 0.29.', 'and are not counted');

-- what does not look at all of the source does not tell
SELECT is(outcome('book', 'DELETE FROM customer WHERE id <= 99', only_changed => true), 'closed 0', 'only what has changed');
SELECT is(outcome('by_row', 'TRUNCATE customer'), 'closed 0', 'rows about times of their own');
SELECT is(outcome('periods', 'TRUNCATE customer', '2026-02-01'), 'closed 0', 'another period');
SELECT is(outcome('periods', 'DELETE FROM customer WHERE id <= 30', '2026-01-01'),
	'54000 Of 100 keys in the book, 30 are not in the source any more; max_vanished is 0.29.', 'but the same one once more');
SELECT is(outcome('book', 'SELECT scorebook.stream_job(''book''); TRUNCATE customer; INSERT INTO customer TABLE kept'), 'closed 0',
	'a stream is told, and closes');

-- what was pulled need never have been in the source, until a run has seen it there
CREATE FUNCTION pull(job text, id int, f0 real) RETURNS void LANGUAGE sql AS $$
	SELECT scorebook.score(job, (SELECT to_jsonb(c) FROM customer AS c WHERE c.id = 100) || jsonb_build_object('f0', f0), pull.id)
$$;
SELECT is(outcome('book', 'SELECT scorebook.alter_job(''book'', ''{"max_vanished": 0}''); SELECT pull(''book'', i, -1) FROM generate_series(101, 250) AS i'),
	'closed 150', 'pulled keys go, though none may vanish');
SELECT is(outcome('book', 'SELECT pull(''book'', i, f) FROM generate_series(101, 250) AS i, unnest(ARRAY[-1, -2]::real[]) AS f; DELETE FROM customer WHERE id <= 30'),
	'54000 Of 100 keys in the book, 30 are not in the source any more; max_vanished is 0.29.', 'and hide none that have');
SELECT is(outcome('book', 'SELECT pull(''book'', i, -1) FROM generate_series(101, 250) AS i; DELETE FROM customer WHERE id <= 29'),
	'closed 179', 'both at once');
SELECT is(outcome('book', $$
	SELECT pull('book', i, -1) FROM generate_series(101, 150) AS i;
	INSERT INTO customer SELECT i, -1, 1, 2, 3, 4, 5, 6, 7 FROM generate_series(101, 150) AS i;
	SELECT scorebook.run_job_in_transaction('book');
	DELETE FROM customer WHERE id > 100$$),
	'54000 Of 150 keys in the book, 50 are not in the source any more; max_vanished is 0.29.', 'a key that was pulled, and then was there');
SELECT is(outcome('periods', 'SELECT pull(''periods'', i, -1) FROM generate_series(101, 250) AS i', now()), 'closed 150', 'of the period of the run');
SELECT is(outcome('empty', 'SELECT pull(''empty'', 101, -1)'), 'closed 1', 'before the first run');

-- limits
SELECT scorebook.alter_job('book', '{"max_vanished": 0}') \g /dev/null
SELECT is(outcome('book', 'DELETE FROM customer WHERE id = 1'),
	'54000 Of 100 keys in the book, 1 are not in the source any more; max_vanished is 0.', 'none may');
SELECT is(outcome('book'), 'closed 0', 'and none has');
SELECT is(outcome('book', format('SELECT scorebook.alter_job(''book'', ''{"max_vanished": %s}''); TRUNCATE customer', v)), 'closed 100', 'all may: ' || v)
FROM unnest('{1,"null"}'::text[]) AS v;
SELECT is_empty(format('SELECT * FROM scorebook.verify_book(%L)', job), 'sound: ' || job) FROM unnest('{book,keyed,periods,by_row}'::text[]) AS job;

SELECT * FROM finish();
ROLLBACK;
