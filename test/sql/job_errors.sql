--
-- What jobs and runs refuse: each with a SQLSTATE, a message and a hint, and
-- nothing has changed.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
SET client_min_messages = warning;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'binlog.ubj'),
	scorebook.load_model_file('risk', :'fixtures' || 'early.ubj', alias => 'challenger'),
	scorebook.load_model_file('grade', :'fixtures' || 'softprob.ubj');
CREATE TABLE customer (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real,
	objected boolean, changed timestamptz DEFAULT '2020-01-01');
INSERT INTO customer SELECT i, i, 1, 2, 3, 4, 5, 6, 7, false FROM generate_series(1, 5) AS i;
CREATE TABLE keyless AS TABLE customer;

-- the books of all jobs, and what is wrong with them
CREATE FUNCTION books() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	job record;
	part text;
	books text;
BEGIN
	FOR job IN SELECT j.name, j.result, j.history FROM scorebook.registered_job AS j WHERE j.dropped_at IS NULL ORDER BY j.name LOOP
		EXECUTE format('SELECT md5(string_agg(t::text, '';'' ORDER BY t::text)) FROM (SELECT r::text FROM %s AS r UNION ALL SELECT h::text FROM %s AS h) AS t (t)',
			job.result, job.history) INTO part;
		books := concat_ws(' ', books, job.name, part, (SELECT string_agg(v.problem, ',') FROM scorebook.verify_book(job.name) AS v));
	END LOOP;
	RETURN concat_ws(' ', books, (SELECT count(*) FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'scores'::regnamespace)));
END $$;
\set remember 'SELECT books() AS books \\gset'
\set unchanged '\\echo :SQLSTATE \\\\ SELECT books() = :''books'' AS unchanged;'

-- jobs that cannot be made
SELECT scorebook.create_job('risk', source => 'customer', schema => 'scores');
CALL scorebook.run_job('risk');
:remember
SELECT scorebook.create_job('nobody', source => 'customer');
:unchanged
SELECT scorebook.create_job('other', 'risk@nobody', source => 'customer');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'nowhere');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'SELECT nothing FROM customer');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'keyless');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'SELECT f0 AS id, * FROM customer');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'SELECT count(*) AS id, f0, 1 AS f1, 1 AS f2, 1 AS f3, 1 AS f4, 1 AS f5, 1 AS f6, 1 AS f7 FROM customer GROUP BY f0');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', key => '{id,town}');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'SELECT id, f0, f1 FROM customer');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'SELECT *, id AS run FROM customer', key => '{run}');
:unchanged
SELECT scorebook.create_job(repeat('x', 48) || 'y', 'risk', source => 'customer');
:unchanged
SELECT scorebook.create_job('', 'risk', source => 'customer');
:unchanged
SELECT scorebook.create_job(NULL, 'risk', source => 'customer');
:unchanged
SELECT scorebook.create_job('risk', source => 'customer', schema => 'public');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', keep => 'everything');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', on_error => 'ignore');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', effective_at => 'yesterday_at');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', exclude => 'f0');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', watermark => 'updated');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'SELECT id, f0 FROM customer', key => '{id}', watermark => 'changed');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'SELECT * FROM customer', watermark => 'updated');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'SELECT * FROM keyless', key => '{id,town}');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'SELECT * FROM keyless');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', max_rows => 0);
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', max_errors => -1);
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', max_errors => NULL);
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', max_duration => '-1 minute');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', max_duration => '0');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', inputs => 'some');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', direction => 'up');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', cutoffs => '[1,2]');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', cutoffs => 'null');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', bands => '"A"');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', split => '[1,2]');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', scaling => '[1,2]');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', scaling => '{"points": 600, "odds": 50}');
:unchanged
SELECT scorebook.create_job('other', 'grade', source => 'customer', scaling => '{"points": 600, "odds": 50, "pdo": 20}');
:unchanged
SELECT scorebook.create_job('other', 'grade', source => 'customer', cutoffs => '{"accept": [null, null]}');
:unchanged

-- ranges that do not cover all scores once
SELECT scorebook.set_cutoffs('risk', cutoffs), scorebook.set_bands('risk', cutoffs)
FROM (VALUES ('{"accept": [null, 0.1], "decline": [0.2, null]}'::jsonb)) AS c (cutoffs);
:unchanged
SELECT scorebook.set_bands('risk', '{"A": [null, 0.1], "B": [0.1, 0.3], "C": [0.2, null]}');
:unchanged
SELECT scorebook.set_bands('risk', '{"A": [0, 0.1], "B": [0.1, null]}');
:unchanged
SELECT scorebook.set_bands('risk', '{"A": [null, 0.1], "B": [0.1, 1]}');
:unchanged
SELECT scorebook.set_bands('risk', '{"A": [null, 0.3], "B": [0.3, 0.3], "C": [0.3, null]}');
:unchanged
SELECT scorebook.set_bands('risk', '{"A": [null, "much"], "B": [0.3, null]}');
:unchanged
SELECT scorebook.set_bands('risk', '[1, 2]');
:unchanged
SELECT scorebook.set_bands('risk', '{"A": [null, null]}', scale => 'points');
:unchanged
SELECT scorebook.set_cutoffs('risk', '{"perhaps": [null, null]}');
:unchanged
SELECT scorebook.set_cutoffs('risk', '{"decline": [null, 0.5], "accept": [0.5, null]}');
:unchanged
SELECT count(*) AS cutoffs FROM scorebook.cutoff;

-- runs that cannot begin
CALL scorebook.run_job('nobody');
:unchanged
CALL scorebook.run_job(NULL);
:unchanged
BEGIN;
CALL scorebook.run_job('risk');
ROLLBACK;
:unchanged
BEGIN;
CALL scorebook.run_due_jobs();
ROLLBACK;
:unchanged
CREATE FUNCTION run_risk() RETURNS void LANGUAGE sql AS $$CALL scorebook.run_job('risk')$$;
SELECT run_risk();
:unchanged
CALL scorebook.run_job('risk', only_changed => true);
:unchanged
SELECT scorebook.run_job_in_transaction('nobody');
:unchanged
SELECT scorebook.decide_job('nobody');
:unchanged
SELECT scorebook.score('nobody', 1);
:unchanged
SELECT scorebook.alter_job('nobody', '{}'), scorebook.drop_job('nobody');
:unchanged
SELECT scorebook.stream_job('nobody');
:unchanged

-- values of a pull that are not of the types of their columns
SELECT scorebook.score('risk', '{"f0": "abc", "f1": 1}', 7);
:unchanged
SELECT scorebook.score('risk', '{"f0": "", "f1": "abc"}', 7);
:unchanged
SELECT scorebook.score('risk', '{"f0": "x1", "f1": "x1", "f2": 1}', 7);
:unchanged
SELECT scorebook.score('risk', '{"f0": true, "f1": [1], "f2": 1e400}', 7);
:unchanged
SELECT scorebook.score('risk', '{"f0": 1, "f1": {"a": 1}}', 7);
:unchanged
SELECT scorebook.score('risk', '{"f0": 1, "changed": "2020-13-01"}', 7);
:unchanged
SELECT scorebook.score('risk', '{"f0": 1, "objected": "seven"}', 'seven');
:unchanged
SELECT scorebook.score('risk', 'seven');
:unchanged
SELECT scorebook.score('risk', '7000000000'::bigint);
:unchanged
SELECT scorebook.score('risk', '{"id": "five"}'::jsonb);
:unchanged

-- what lines of context are left: those of whose function calls, or is called
CREATE FUNCTION call_others() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM scorebook.alter_job('risk', '{"max_rows": -1}');
END $$;
SELECT call_others();
:unchanged
CREATE FUNCTION feature(i int) RETURNS real LANGUAGE plpgsql AS $$
BEGIN
	RETURN 1 / (i - 3);
END $$;
SELECT scorebook.create_job('called', 'risk', 'SELECT id, feature(id) AS f0, f1, f2, f3, f4, f5, f6, f7, changed FROM customer', key => '{id}', watermark => 'changed');
CALL scorebook.run_job('called');
\echo :SQLSTATE
SELECT scorebook.run_job_in_transaction('called');
DO $$ BEGIN PERFORM scorebook.score('called', 3); END $$;
\echo :SQLSTATE
SELECT scorebook.drop_job('called', keep_book => false);
DROP FUNCTION call_others, feature;

-- a time before that of the book
\set VERBOSITY terse
CALL scorebook.run_job('risk', effective_at => '2020-01-01');
:unchanged
\set VERBOSITY default

-- several rows of one key: when the book is empty, and later, new and known
SELECT scorebook.create_job('twice', 'risk', source => 'keyless', key => '{id}');
:remember
INSERT INTO keyless SELECT * FROM customer WHERE id = 3;
CALL scorebook.run_job('twice');
:unchanged
DELETE FROM keyless WHERE id = 3;
CALL scorebook.run_job('twice');
:remember
INSERT INTO keyless SELECT * FROM customer WHERE id = 3;
INSERT INTO keyless SELECT id, -f0, f1, f2, f3, f4, f5, f6, f7 FROM customer WHERE id = 3;
CALL scorebook.run_job('twice');
:unchanged
DELETE FROM keyless WHERE id = 3;
INSERT INTO keyless SELECT * FROM customer WHERE id = 4;
CALL scorebook.run_job('twice');
:unchanged
UPDATE keyless SET f0 = f0 - 10 WHERE id = 4;
CALL scorebook.run_job('twice');
:unchanged
DELETE FROM keyless WHERE id >= 3;

-- a row without a key
INSERT INTO keyless (f0) VALUES (1);
CALL scorebook.run_job('twice');
:unchanged
SELECT scorebook.alter_job('twice', '{"on_error": "record"}');
CALL scorebook.run_job('twice');
:remember
SELECT key, sqlstate, message, detail FROM scorebook.row_error;
SELECT r.sqlstate, r.failed_key, r.failed_key_digest = scorebook.key_digest(k) AS found
FROM scorebook.job_run AS j JOIN scorebook.run AS r USING (run),
	LATERAL (SELECT substring(r.failed_key FROM '\d')::int AS id) AS k
WHERE j.job = 'twice' AND r.status = 'failed' ORDER BY run;
TRUNCATE keyless;
INSERT INTO keyless (f0) VALUES (1);
SELECT scorebook.drop_job('twice', keep_book => false);

-- a key may come once for each period, and not twice for one
SELECT scorebook.create_job('periods', 'risk', source => 'keyless', key => '{id}', keep => 'each_period', effective_at => 'changed');
TRUNCATE keyless;
INSERT INTO keyless SELECT c.id, c.f0, 1, 2, 3, 4, 5, 6, 7, false, m FROM customer AS c, (VALUES ('2020-01-01'::timestamptz), ('2020-02-01')) AS m (m);
CALL scorebook.run_job('periods');
:remember
INSERT INTO keyless SELECT * FROM keyless WHERE id = 4 AND changed = '2020-02-01';
CALL scorebook.run_job('periods');
:unchanged
SELECT scorebook.drop_job('periods', keep_book => false);

-- rows that cannot be scored
UPDATE customer SET f0 = 'infinity' WHERE id IN (2, 4);
:remember
CALL scorebook.run_job('risk');
:unchanged
SELECT scorebook.run_job_in_transaction('risk');
:unchanged
SELECT scorebook.score('risk', 2);
:unchanged
SELECT scorebook.alter_job('risk', '{"on_error": "record", "max_errors": 1}');
CALL scorebook.run_job('risk');
:unchanged
SELECT scorebook.alter_job('risk', '{"max_errors": 2}');
CALL scorebook.run_job('risk');
SELECT id, stale, stale_since IS NOT NULL AS since FROM scores.risk_status ORDER BY id;
SELECT key, sqlstate, message, detail FROM scorebook.row_error ORDER BY run, key;
UPDATE customer SET f0 = id;
SELECT scorebook.alter_job('risk', '{"on_error": "fail", "max_rows": 4}');
:remember
CALL scorebook.run_job('risk');
:unchanged
SELECT scorebook.alter_job('risk', '{"max_rows": null, "max_duration": "1 ms", "exclude": "pg_sleep(0.01) IS NULL"}');
CALL scorebook.run_job('risk');
:unchanged
SELECT scorebook.alter_job('risk', '{"max_duration": null, "exclude": null}');

-- a source that has lost its rows
CALL scorebook.run_job('risk');
:remember
SELECT scorebook.create_job('other', 'risk', source => 'customer', max_vanished => 1.5);
:unchanged
SELECT scorebook.alter_job('risk', '{"max_vanished": 0.4}');
SELECT scorebook.alter_job('risk', '{"max_vanished": -1}');
:unchanged
SELECT max_vanished FROM scorebook.job WHERE name = 'risk';
DELETE FROM customer WHERE id <= 3;
CALL scorebook.run_job('risk');
:unchanged
SELECT scorebook.run_job_in_transaction('risk');
:unchanged
SELECT status, sqlstate, message FROM scorebook.job_run ORDER BY run DESC LIMIT 1;
SELECT scorebook.alter_job('risk', '{"max_vanished": null}');
CALL scorebook.run_job('risk');
SELECT rows_closed FROM scorebook.job_run ORDER BY run DESC LIMIT 1;
INSERT INTO customer SELECT i, i, 1, 2, 3, 4, 5, 6, 7, false FROM generate_series(1, 3) AS i;
CALL scorebook.run_job('risk');
:remember

-- options that are none
SELECT scorebook.alter_job('risk', '{"key": ["f0"]}');
:unchanged
SELECT scorebook.alter_job('risk', '{"on_error": "ignore"}');
:unchanged
SELECT scorebook.alter_job('risk', '{"model": "grade"}');
:unchanged
SELECT scorebook.alter_job('risk', '{"exclude": "gone"}');
:unchanged
SELECT scorebook.alter_job('risk', '["exclude"]');
:unchanged
SELECT scorebook.alter_job('risk', 'null');
:unchanged
SELECT scorebook.alter_job('risk', NULL);
:unchanged
SELECT scorebook.alter_job('risk', '{"retain": "never"}');
:unchanged
SELECT scorebook.alter_job('risk', '{"retain": "-1 year"}');
:unchanged
SELECT scorebook.alter_job('risk', '{"max_rows": "ten"}');
:unchanged
SELECT scorebook.alter_job('risk', '{"max_rows": -5, "on_error": "fail"}');
:unchanged
SELECT scorebook.alter_job('risk', '{"max_errors": -1}');
:unchanged
SELECT scorebook.alter_job('risk', '{"max_errors": 1e30}');
:unchanged
SELECT scorebook.alter_job('risk', '{"max_duration": "-1 hour"}');
:unchanged
SELECT scorebook.alter_job('risk', '{"max_vanished": [0.1]}');
:unchanged
SELECT scorebook.alter_job('risk', '{"exclude": {"objected": true}}');
:unchanged
SELECT scorebook.alter_job('risk', '{"reasons": -1}');
:unchanged
SELECT scorebook.alter_job('risk', '{"watermark": "updated"}');
:unchanged
SELECT scorebook.alter_job('risk', '{"scaling": 600}');
:unchanged
SELECT scorebook.change_job('risk', '{"max_rows": 0}');
:unchanged
SELECT scorebook.alter_job('risk', '{"split": "challenger"}');
:unchanged
SELECT scorebook.alter_job('risk', '{"shadows": "risk@challenger"}');
:unchanged
SELECT scorebook.alter_job('risk', '{"shadows": {"risk@challenger": 1}}');
:unchanged
SELECT scorebook.alter_job('risk', '{"shadows": [["risk@challenger"]]}');
:unchanged

-- the source is not what it was
ALTER TABLE customer RENAME f3 TO f33;
CALL scorebook.run_job('risk');
:unchanged
ALTER TABLE customer RENAME f33 TO f3;
ALTER TABLE customer ALTER f3 TYPE text;
CALL scorebook.run_job('risk');
:unchanged
ALTER TABLE customer ALTER f3 TYPE real USING f3::real;
ALTER TABLE customer ALTER id TYPE text;
CALL scorebook.run_job('risk');
:unchanged
SELECT scorebook.score('risk', 1);
:unchanged
ALTER TABLE customer ALTER id TYPE int USING id::int;
ALTER TABLE customer RENAME id TO number;
CALL scorebook.run_job('risk');
:unchanged
ALTER TABLE customer RENAME number TO id;
SELECT scorebook.alter_job('risk', '{"exclude": "objected"}');
ALTER TABLE customer DROP objected;
\set VERBOSITY sqlstate
CALL scorebook.run_job('risk');
:unchanged
SELECT scorebook.alter_job('risk', '{"exclude": null}');

\set VERBOSITY default

-- nor is the book; what was undone is as it was
:remember
ALTER TABLE scores.risk ADD note text;
CALL scorebook.run_job('risk');
\echo :SQLSTATE
SELECT scorebook.score('risk', 1);
ALTER TABLE scores.risk DROP note;
CALL scorebook.run_job('risk');
:unchanged
ALTER TABLE scores.risk RENAME band TO grade;
CALL scorebook.run_job('risk');
ALTER TABLE scores.risk RENAME grade TO band;
ALTER TABLE scores.risk ALTER score TYPE double precision;
ALTER TABLE scores.risk DROP CONSTRAINT risk_pkey;
CALL scorebook.run_job('risk');
ALTER TABLE scores.risk ADD PRIMARY KEY (id);
ALTER TABLE scores.risk_history ADD note text;
CALL scorebook.run_job('risk');
\echo :SQLSTATE
ALTER TABLE scores.risk_history DROP note;
ALTER TABLE scores.risk_history RENAME end_reason TO why;
CALL scorebook.run_job('risk');
ALTER TABLE scores.risk_history RENAME why TO end_reason;
UPDATE customer SET f0 = -f0 WHERE id = 1;
CALL scorebook.run_job('risk');
SELECT rows_changed, rows_confirmed FROM scorebook.job_run ORDER BY run DESC LIMIT 1;
SELECT count(*) AS now, (SELECT count(*) FROM scores.risk_as_of(now())) AS as_of FROM scores.risk;
SELECT * FROM scorebook.verify_book('risk');

-- a book that is empty again, and has had another column
SELECT scorebook.create_job('empty', 'risk', source => 'customer');
ALTER TABLE scores.empty ADD note text;
ALTER TABLE scores.empty DROP note;
CALL scorebook.run_job('empty');
SELECT * FROM scorebook.verify_book('empty');
SELECT count(*) FROM scores.empty WHERE score IS NOT NULL;

-- tables that are gone
DROP TABLE scores.empty_history CASCADE;
CALL scorebook.run_job('empty');
\echo :SQLSTATE
SELECT scorebook.drop_job('empty', keep_book => false);
SELECT scorebook.create_job('empty', 'risk', source => 'SELECT * FROM customer');
DROP TABLE scores.empty CASCADE;
CALL scorebook.run_job('empty');
SELECT scorebook.score('empty', 1);
SELECT scorebook.verify_book('empty');
SELECT scorebook.score_at('empty', 1);
SELECT scorebook.replay_score('empty', 1);
SELECT scorebook.explain_score('empty', 1);
SELECT scorebook.replay_run(max(run)) FROM scorebook.run;
SELECT scorebook.rescore_run(max(run), 'risk') FROM scorebook.run;
SELECT scorebook.compare_versions('empty', '1', '2');
SELECT scorebook.erase('empty', 1, 'asked for');
SELECT scorebook.drop_job('empty', keep_book => false);
SELECT scorebook.create_job('empty', 'risk', source => 'SELECT * FROM customer');
SELECT scorebook.drop_job('empty', keep_book => false);
SELECT count(*) AS left FROM pg_class WHERE relname LIKE 'empty%';
CREATE TABLE gone AS TABLE customer;
SELECT scorebook.create_job('empty', 'risk', source => 'gone', key => '{id}');
DROP TABLE gone;
CALL scorebook.run_job('empty');
\echo :SQLSTATE
SELECT scorebook.drop_job('empty', keep_book => false);

-- a partition that is gone
SELECT inhrelid::regclass AS part FROM pg_inherits WHERE inhparent = 'scores.risk_history'::regclass ORDER BY inhrelid::regclass::text LIMIT 1 \gset
ALTER TABLE scores.risk_history DETACH PARTITION :part;
SELECT DISTINCT problem FROM scorebook.verify_book('risk');

-- a version that was retired
SELECT scorebook.create_job('pinned', 'risk/2', source => 'customer');
CALL scorebook.run_job('pinned');
SELECT scorebook.set_alias('risk/1', 'challenger');
SELECT scorebook.create_job('watching', 'risk', source => 'customer', shadows => '{risk/2}');
:remember
SELECT scorebook.retire_version('risk/2');
:unchanged
SET session_replication_role = replica;
SELECT scorebook.retire_version('risk/2');
RESET session_replication_role;
SELECT scorebook.create_job('other', 'risk/2', source => 'customer');
:unchanged
SELECT scorebook.create_job('other', 'risk@nobody', source => 'customer');
:unchanged
SELECT scorebook.create_job('other', 'risk', source => 'customer', shadows => '{risk/2}');
:unchanged
SELECT scorebook.alter_job('risk', '{"model": "risk/2"}');
:unchanged
CALL scorebook.run_job('pinned');
:unchanged
SELECT scorebook.score('pinned', 1);
:unchanged

SELECT scorebook.drop_job('pinned', keep_book => false), scorebook.drop_job('watching', keep_book => false);

-- how runs failed
SELECT kind, sqlstate, message, failed_key FROM scorebook.job_run WHERE status = 'failed' AND sqlstate <> '54000' ORDER BY run;
SELECT DISTINCT status FROM scorebook.job_run;
SELECT scorebook.drop_job('risk', keep_book => false);
DROP TABLE customer, keyless;
DROP FUNCTION books, run_risk;
DROP SCHEMA scores CASCADE;
SELECT scorebook.drop_model('risk'), scorebook.drop_model('grade');
