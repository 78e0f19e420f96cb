-- Rows that are about no time, and rows about one that is before the book's.
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
	at timestamptz DEFAULT '2026-01-01');
INSERT INTO customer SELECT i, i, 1, 2, 3, 4, 5, 6, 7 FROM generate_series(1, 3) AS i;
CREATE TABLE moved (LIKE customer INCLUDING ALL);
INSERT INTO moved TABLE customer;
SELECT scorebook.create_job(name, 'risk', 'customer', schema => 'shop', keep => keep, on_error => on_error, effective_at => 'at', shadows => '{risk/1}')
FROM (VALUES ('strict', 'latest', 'fail'), ('lenient', 'latest', 'record'), ('strict_period', 'each_period', 'fail'),
	('lenient_period', 'each_period', 'record')) AS j (name, keep, on_error) \g /dev/null
SELECT scorebook.create_job('now', 'risk', 'customer', schema => 'shop', on_error => 'record') \g /dev/null
SELECT scorebook.create_job('live', 'risk', 'moved', schema => 'shop', effective_at => 'at') \g /dev/null
CREATE VIEW job AS SELECT * FROM unnest('{strict,lenient,strict_period,lenient_period}'::text[]) AS name;
SELECT scorebook.run_job_in_transaction(name) FROM (TABLE job UNION ALL VALUES ('now'), ('live')) AS j \g /dev/null

-- What becomes of a run once something was done to the source; all of it is undone.
CREATE FUNCTION outcome(job text, change text DEFAULT 'SELECT', effective_at timestamptz DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	context text;
	result text;
	number bigint;
BEGIN
	EXECUTE change;
	number := scorebook.run_job_in_transaction(job, effective_at);
	SELECT concat_ws('; ', format('scored %s, changed %s, failed %s', r.rows_scored, r.rows_changed, r.rows_failed),
		(SELECT string_agg(concat_ws(' ', e.sqlstate, e.key, e.message), '; ' ORDER BY e.key) FROM scorebook.row_error AS e WHERE e.run = number))
	INTO result FROM scorebook.run AS r WHERE r.run = number;
	RAISE EXCEPTION USING ERRCODE = 'UNDO1';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RETURN CASE SQLSTATE WHEN 'UNDO1' THEN result
		ELSE concat_ws(' ', SQLSTATE, SQLERRM, substring(context FROM 'row \([^)]*\)=\([^)]*\) of job')) END;
END $$;

-- no time at all
SELECT is(outcome(j.name, format('UPDATE customer SET at = %L WHERE id = 2', i)),
	CASE WHEN j.name LIKE 'strict%' THEN format('22008 effective_at of job "%s" is infinite for a row row (id)=(2) of job', j.name)
	ELSE format('scored 2, changed 0, failed 1; 22008 (id)=(2) effective_at of job "%s" is infinite for a row', j.name) END,
	format('%s of %s', i, j.name))
FROM job AS j, unnest('{infinity,-infinity}'::text[]) AS i;
SELECT is(outcome('strict', 'INSERT INTO customer (id, at) VALUES (4, ''infinity'')'),
	'22008 effective_at of job "strict" is infinite for a row row (id)=(4) of job', 'a key that is new');
SELECT throws_ok(format($$SELECT scorebook.score(%L, to_jsonb(c) || jsonb_build_object('at', %L), 2) FROM customer AS c WHERE id = 2$$, j.name, i),
	'22008', format('effective_at of job "%s" is infinite for a row', j.name), format('a pull for %s from %s', i, j.name))
FROM job AS j, unnest('{infinity,-infinity}'::text[]) AS i;
SELECT throws_ok(format($$SELECT scorebook.run_job_in_transaction(%L, effective_at => %L)$$, 'now', i),
	'22008', format('the effective_at of a run cannot be %s', i), 'nor can a run be about ' || i)
FROM unnest('{infinity,-infinity}'::text[]) AS i;

-- a stream does what it was told, whatever the job says
SELECT scorebook.stream_job('live') \g /dev/null
SELECT throws_ok($$UPDATE moved SET at = 'infinity' WHERE id = 2$$, '22008', 'effective_at of job "live" is infinite for a row', 'a stream');
SELECT throws_ok($$UPDATE moved SET at = '2025-01-01' WHERE id = 2$$, '55000', 'the book of job "live" has a later state of row (id)=(2)',
	'a stream that goes back');
SELECT scorebook.unstream_job('live'), scorebook.stream_job('live', on_error => 'record') \g /dev/null
UPDATE moved SET at = CASE id WHEN 1 THEN '2025-01-01' WHEN 2 THEN 'infinity' ELSE at END, f0 = -1;
SELECT results_eq('SELECT e.sqlstate, e.key FROM scorebook.row_error AS e JOIN scorebook.run AS r USING (run) WHERE r.kind = ''stream'' ORDER BY 2',
	$$VALUES ('55000', '(id)=(1)'), ('22008', '(id)=(2)')$$, 'or records both');
SELECT results_eq('SELECT b.id FROM live AS b JOIN scorebook.run AS r USING (run) WHERE r.kind = ''stream''', 'VALUES (3)', 'and scores the rest');

-- before what the book has
SELECT is(outcome('strict', 'UPDATE customer SET at = ''2025-12-31'', f0 = -1 WHERE id <> 2'),
	'55000 the book of job "strict" has a later state of row (id)=(1) row (id)=(1) of job', 'an earlier time fails a run');
SELECT is(outcome('lenient', 'UPDATE customer SET at = ''2025-12-31'' WHERE id = 1; UPDATE customer SET f0 = -1'),
	'scored 2, changed 2, failed 1; 55000 (id)=(1) the book of job "lenient" has a later state of row (id)=(1)', 'or is recorded');
SELECT is(outcome(j, 'UPDATE customer SET at = ''2025-12-31'', f0 = -1 WHERE id = 1'), 'scored 3, changed 1, failed 0', 'is another period for ' || j)
FROM unnest('{strict_period,lenient_period}'::text[]) AS j;
SELECT is(outcome('lenient', 'SELECT scorebook.alter_job(''lenient'', ''{"max_errors": 2}''); UPDATE customer SET at = ''2025-12-31'''),
	'55000 more than 2 rows of job "lenient" cannot be scored row (id)=(3) of job', 'no more of them than may fail');
SELECT is(outcome('lenient', 'UPDATE customer SET at = ''2026-01-02'' WHERE id = 1'), 'scored 3, changed 0, failed 0', 'a later time alone changes nothing');
SELECT is(outcome('now', effective_at => '2020-01-01'), '55000 the book of job "now" has a later state of row (id)=(1) row (id)=(1) of job',
	'a run for a time in the past is refused, though the job records errors of rows');

-- what a pull has brought for a time far ahead
SELECT scorebook.score(j, to_jsonb(c) || '{"at": "2100-01-01", "f0": -1}', 2) FROM customer AS c, unnest('{strict,lenient}'::text[]) AS j WHERE id = 2 \g /dev/null
SELECT is(outcome('strict'), '55000 the book of job "strict" has a later state of row (id)=(2) row (id)=(2) of job', 'is in the way of a run');
SELECT is(outcome('lenient'), 'scored 2, changed 0, failed 1; 55000 (id)=(2) the book of job "lenient" has a later state of row (id)=(2)',
	'unless its errors are recorded');
SELECT results_eq('SELECT id, effective_at FROM lenient ORDER BY 1',
	$$VALUES (1, timestamptz '2026-01-01'), (2, '2100-01-01'), (3, '2026-01-01')$$, 'and the book keeps it');
SELECT is_empty(format('SELECT * FROM scorebook.verify_book(%L)', name), 'sound: ' || name)
FROM (TABLE job UNION ALL VALUES ('now'), ('live')) AS j;

SELECT * FROM finish();
ROLLBACK;
