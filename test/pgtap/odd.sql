-- Jobs under settings and with keys that are rare: other styles of dates and
-- numbers, periods that are not the last one, models that must stay.
--
-- Runs are told apart by when they commit, so this has a database of its own
-- instead of one transaction.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
\set home :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS scorebook_odd;
CREATE DATABASE scorebook_odd;
\c scorebook_odd
CREATE EXTENSION pgtap;
CREATE EXTENSION scorebook;
SELECT no_plan();

SELECT set_config('test.fixtures', :'fixtures', false) \g /dev/null
CREATE FUNCTION artifact(text) RETURNS bytea LANGUAGE sql AS
	$$SELECT pg_read_binary_file(current_setting('test.fixtures') || '/1.7.4/' || $1)$$;
SELECT scorebook.load_model('m', artifact('binlog.ubj')),
	scorebook.load_model('m', artifact('early.ubj'), alias => 'challenger', columns => '{"f7": "other"}'),
	scorebook.load_model('shadow', artifact('early.ubj')), scorebook.load_model('unused', artifact('binlog.ubj'))
\g /dev/null
CREATE TABLE person (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real, other real,
	period timestamptz NOT NULL, changed_at timestamptz NOT NULL DEFAULT now(), changed_by int NOT NULL DEFAULT 0);
INSERT INTO person SELECT i, i / 50.0, 0.5, 0.2, 1, 0.5, 0.5, 0.5, 0.5, 0.5, '2026-01-01' FROM generate_series(1, 50) AS i;

-- the abbreviation that this style shows is read as the time of another country
SET DateStyle = 'SQL, DMY';
SET TimeZone = 'Asia/Kolkata';
SET extra_float_digits = 0;
SELECT isnt(now()::text::timestamptz, date_trunc('second', now()), 'a time is not what its text says');
SELECT scorebook.create_job('job', 'm', 'person', watermark => 'changed_at', shadows => '{shadow}',
	cutoffs => '{"accept": [null, 0.1234567890123456], "decline": [0.1234567890123456, null]}') \g /dev/null
CALL scorebook.run_job('job');
CALL scorebook.run_job('job', only_changed => true);
SELECT is_empty($$
	SELECT b.* FROM pg_inherits AS i, scorebook.partition_bounds(i.inhrelid) AS b
	WHERE i.inhparent = 'scores.job_history'::regclass AND b.lower <> date_trunc('month', b.lower, 'UTC')$$,
	'partitions begin with the month');
SELECT is((SELECT count(*) FROM pg_inherits WHERE inhparent = 'scores.job_history'::regclass), 3::bigint, 'of three months');
SELECT is(count(*), 0::bigint, 'rows are about the time of the run')
FROM scores.job AS b JOIN scorebook.run AS r ON r.run = b.run WHERE b.effective_at <> r.effective_at;
SET DateStyle = 'ISO, MDY';
SET TimeZone = 'UTC';
CALL scorebook.run_job('job', only_changed => true);
SELECT is(rows_read, 50::bigint, 'a watermark is read as it was meant') FROM scorebook.run ORDER BY run DESC LIMIT 1;
SELECT ok(scorebook.label_expression('cutoff', (scorebook.find_job('job')).job_id, NULL) LIKE '%0.1234567890123456%', 'cutoffs keep all digits');
RESET extra_float_digits;

-- another column as the watermark; what the one before has said is not its
SELECT scorebook.alter_job('job', '{"watermark": "changed_by"}') \g /dev/null
SELECT lives_ok($$SELECT scorebook.run_job_in_transaction('job', only_changed => true)$$, 'a watermark of another type');
SELECT is(watermark, '0', 'which is kept') FROM scorebook.run ORDER BY run DESC LIMIT 1;
SELECT scorebook.alter_job('job', '{"watermark": "changed_at"}') \g /dev/null

-- a transaction that sees no more than what was there when it began
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE person SET changed_at = now() WHERE id = 1;
SELECT scorebook.run_job_in_transaction('job', only_changed => true) \g /dev/null
COMMIT;
SELECT is(max(watermark), min(watermark), 'its run leaves the watermark where it was')
FROM (SELECT watermark FROM scorebook.run WHERE watermark > '1' ORDER BY run DESC LIMIT 2) AS r;

-- the time that rows are about
SELECT scorebook.create_job('by_row', 'm', 'person', keep => 'each_period', effective_at => 'period') \g /dev/null
SELECT throws_ok($$SELECT scorebook.run_job_in_transaction('by_row', effective_at => '2026-01-01')$$, '22023',
	'job "by_row" takes effective_at from each row', 'a run has none of its own then');
\set ON_ERROR_STOP off
CALL scorebook.run_job('by_row', effective_at => '2026-01-01');
\set ON_ERROR_STOP on
SELECT is(:'SQLSTATE', '22023'::text, 'also of the procedure');
SELECT is(count(*), 0::bigint, 'which is no run') FROM scorebook.job_run WHERE job = 'by_row';
CALL scorebook.run_job('by_row');
UPDATE person SET period = '2026-02-01', f0 = 1 - f0;
CALL scorebook.run_job('by_row');
UPDATE person SET period = '2026-01-01', f0 = 1 - f0;
SELECT score, run, effective_at FROM scorebook.score('by_row', 3) \gset
SELECT is(:'effective_at', p.period, 'a pull that confirms an old period tells of that') FROM person AS p WHERE p.id = 3;
SELECT is(:'score', scorebook.predict('m', p), 'and its score') FROM person AS p WHERE p.id = 3;
SELECT is(r.effective_at, :'effective_at', 'its run, too') FROM scorebook.run AS r WHERE r.run = :run;
SELECT is_empty($$SELECT * FROM scorebook.verify_book('by_row')$$, 'the book is sound');

-- another model, whose version has the number of the one before
SELECT scorebook.create_job('other', 'm/1', 'person') \g /dev/null
CALL scorebook.run_job('other');
CALL scorebook.run_job('other');
SELECT scorebook.alter_job('other', '{"model": "shadow"}') \g /dev/null
CALL scorebook.run_job('other');
CALL scorebook.run_job('other');
SELECT is(count(*), 50::bigint, 'the scores are those of the other model')
FROM scores.other AS b JOIN person AS p ON p.id = b.id WHERE b.score = scorebook.predict('shadow', p);
SELECT scorebook.alter_job('other', '{"model": "m/1"}') \g /dev/null
CALL scorebook.run_job('other');
SELECT is(count(*), 50::bigint, 'and again those of the first one')
FROM scores.other AS b JOIN person AS p ON p.id = b.id WHERE b.score = scorebook.predict('m/1', p);
SELECT is_empty($$SELECT * FROM scorebook.verify_book('other')$$, 'in a sound book');
SELECT scorebook.drop_job('other', keep_book => false) \g /dev/null

-- keys that were pulled need never have been in the source, until a run has seen them there
SELECT scorebook.create_job('pulled', 'm/1', 'person', max_vanished => 0) \g /dev/null
CALL scorebook.run_job('pulled');
SELECT scorebook.score('pulled', to_jsonb(p), 100) FROM person AS p WHERE p.id = 1 \g /dev/null
CALL scorebook.run_job('pulled');
SELECT is(rows_closed, 1::bigint, 'one that never was goes') FROM scorebook.run ORDER BY run DESC LIMIT 1;
SELECT scorebook.score('pulled', to_jsonb(p), 100) FROM person AS p WHERE p.id = 1 \g /dev/null
INSERT INTO person (id, f0, f1, f2, f3, f4, f5, f6, f7, period) SELECT 100, f0, f1, f2, f3, f4, f5, f6, f7, period FROM person WHERE id = 1;
CALL scorebook.run_job('pulled');
SELECT is(r.kind, 'pull'::text, 'a run has confirmed one') FROM scores.pulled AS b JOIN scorebook.run AS r ON r.run = b.run WHERE b.id = 100;
DELETE FROM person WHERE id = 100;
SELECT throws_ok($$SELECT scorebook.run_job_in_transaction('pulled')$$, '54000', NULL, 'which may not vanish');
SELECT scorebook.drop_job('pulled', keep_book => false) \g /dev/null

-- features are those of whoever serves the key
SELECT scorebook.create_job('split', 'm', 'person', split => '{"challenger": 0.5}') \g /dev/null
SELECT throws_ok($$SELECT scorebook.score('split', '{"f0": 1, "f1": 1, "f2": 1, "f3": 1, "f4": 1, "f5": 1, "f6": 1, "f7": 1}', 1)$$,
	'42703', 'the features for job "split" lack "other"', 'a feature of an alias of the split');
SELECT throws_ok(format('SELECT scorebook.score(''split'', %L::jsonb, 1)', features), '42804', 'the features for job "split" are not an object', features)
FROM unnest('{"[1, 2]", 3, "null"}'::text[]) AS features;

-- names that look like a part of a statement
SELECT scorebook.create_job(name, 'm', 'person', reasons => 1, shadows => '{m/1}'), scorebook.run_job_in_transaction(name)
FROM unnest(ARRAY['%I', 'it''s; "Job" %s']) AS j (name) \g /dev/null
SELECT is(scorebook.score_at(name, 1) ->> 'score', s.score::text, name || ': a pull')
FROM unnest(ARRAY['%I', 'it''s; "Job" %s']) AS j (name), scorebook.score(name, 1) AS s;
SELECT is(scorebook.split_of(name, 1), 'm', name || ': a split')
FROM unnest(ARRAY['%I', 'it''s; "Job" %s']) AS j (name);
SELECT is((SELECT sum(rows) FROM scorebook.erase(name, 2, 'a request')), 2::numeric, name || ': an erasure')
FROM unnest(ARRAY['%I', 'it''s; "Job" %s']) AS j (name);
SELECT is_empty(format('SELECT * FROM scorebook.verify_book(%L)', name), name || ': a sound book')
FROM unnest(ARRAY['%I', 'it''s; "Job" %s']) AS j (name);
SELECT is_empty(format('SELECT * FROM scorebook.replay_run(%s) WHERE verdict NOT IN (''identical'', ''erased'')', (SELECT max(run) FROM scorebook.job_run WHERE job = name)), name || ': a replay')
FROM unnest(ARRAY['%I', 'it''s; "Job" %s']) AS j (name);
SELECT lives_ok(format('SELECT scorebook.drop_job(%L, keep_book => false)', name), name || ': an end')
FROM unnest(ARRAY['%I', 'it''s; "Job" %s']) AS j (name);

-- what has scored stays
SELECT throws_ok($$SELECT scorebook.drop_model('m')$$, '2BP01', 'cannot drop model "m" because jobs need it', 'a model with a book');
SELECT throws_ok($$SELECT scorebook.drop_model('shadow')$$, '2BP01', 'cannot drop model "shadow" because jobs need it', 'a shadow');
SELECT lives_ok($$SELECT scorebook.drop_model('unused')$$, 'another one goes');
SELECT scorebook.drop_job('job') \g /dev/null
SELECT throws_ok($$SELECT scorebook.drop_model('shadow')$$, '2BP01', NULL, 'a book without a job');
DROP TABLE scores.job, scores.job_history, scores.job_shadow, scores.job_shadow_history CASCADE;
SELECT lives_ok($$SELECT scorebook.drop_model('shadow')$$, 'no book, no reason to stay');

SELECT * FROM finish();
\c :home
DROP DATABASE scorebook_odd;
