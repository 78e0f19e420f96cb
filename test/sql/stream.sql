--
-- Streams: rows are scored as they change, in the transaction that changes them.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'binlog.ubj');
CREATE TABLE customer (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real,
	objected boolean NOT NULL DEFAULT false) PARTITION BY RANGE (id);
CREATE TABLE customer_low PARTITION OF customer FOR VALUES FROM (0) TO (10);
INSERT INTO customer SELECT i, i FROM generate_series(1, 3) AS i;
SELECT scorebook.create_job('risk', source => 'customer', schema => 'public', exclude => 'objected');
SELECT scorebook.stream_job('risk');
SELECT scorebook.stream_job('risk');
SELECT scorebook.stream_job('risk', on_error => 'ignore');

-- the book beside what it must say; runs and what they did; what is wrong
CREATE VIEW shown AS
SELECT coalesce(c.id, b.id) AS id,
	CASE WHEN b.id IS NULL THEN 'not in the book' WHEN c.id IS NULL OR c.objected THEN 'should not be in the book'
		WHEN c.f0 = 'infinity' THEN 'as it was'
		WHEN b.score = scorebook.predict('risk', c) THEN 'right' ELSE 'wrong' END AS book
FROM customer AS c FULL JOIN risk AS b ON b.id = c.id;
\set show 'SELECT string_agg(id || \' \' || book, \', \' ORDER BY id) AS book FROM shown; SELECT kind, status, rows_read AS read, rows_changed AS changed, rows_confirmed AS confirmed, rows_closed AS closed, rows_excluded AS excluded, rows_failed AS failed FROM scorebook.job_run WHERE run > :run ORDER BY run; SELECT max(run) AS run FROM scorebook.run \\gset \\\\ SELECT * FROM scorebook.verify_book(\'risk\');'
SELECT 0 AS run \gset

CALL scorebook.run_job('risk');
:show
UPDATE customer SET f0 = -f0 WHERE id = 1;
INSERT INTO customer (id, f0) VALUES (4, 4), (5, 5);
DELETE FROM customer WHERE id = 2;
:show
-- nothing changes: no run; nothing but what is not scored: confirmed
UPDATE customer SET f0 = 0 WHERE false;
UPDATE customer SET f0 = f0 WHERE id = 1;
:show
-- by the name of a partition, COPY, MERGE, ON CONFLICT
UPDATE customer_low SET f0 = 11 WHERE id = 1;
COPY customer (id, f0) FROM stdin;
6	6
7	7
\.
COPY customer_low (id, f0) FROM stdin;
8	8
\.
:show
INSERT INTO customer (id, f0) VALUES (8, 88), (9, 9) ON CONFLICT (id) DO UPDATE SET f0 = excluded.f0;
MERGE INTO customer AS c USING (VALUES (1, 1), (2, 2), (3, NULL)) AS o (id, f0) ON c.id = o.id
	WHEN MATCHED AND o.f0 IS NULL THEN DELETE
	WHEN MATCHED THEN UPDATE SET f0 = o.f0
	WHEN NOT MATCHED THEN INSERT (id, f0) VALUES (o.id, o.f0);
:show
-- another key, and one that two rows swap
UPDATE customer SET id = 3 WHERE id = 9;
UPDATE customer SET objected = true WHERE id = 8;
:show
-- partitions that come, move rows, and go
CREATE TABLE customer_mid PARTITION OF customer FOR VALUES FROM (10) TO (20);
CREATE TABLE customer_high (objected boolean NOT NULL DEFAULT false, f7 real, f6 real, f5 real, f4 real, f3 real, f2 real, f1 real, f0 real, id int NOT NULL);
ALTER TABLE customer ATTACH PARTITION customer_high FOR VALUES FROM (20) TO (30);
INSERT INTO customer_mid (id, f0) VALUES (10, 10);
INSERT INTO customer_high (id, f0) VALUES (20, 20);
UPDATE customer SET id = id + 14 WHERE id IN (1, 10);
:show
SELECT scorebook.run_job_in_transaction('risk') > 0 AS ran;
ALTER TABLE customer DETACH PARTITION customer_high;
INSERT INTO customer_high (id, f0) VALUES (21, 21);
SELECT tgrelid::regclass AS relation, count(*) FROM pg_trigger WHERE tgname LIKE 'scorebook\_stream%' GROUP BY 1 ORDER BY 1;
CALL scorebook.run_job('risk');
:show
-- with the writer's transaction
BEGIN;
INSERT INTO customer (id, f0) VALUES (12, 12);
SAVEPOINT a;
UPDATE customer SET f0 = 1.5 WHERE id = 12;
DELETE FROM customer WHERE id = 4;
ROLLBACK TO a;
UPDATE customer SET f0 = 0.5 WHERE id = 12;
COMMIT;
:show
BEGIN;
UPDATE customer SET f0 = 100;
TRUNCATE customer;
ROLLBACK;
:show
-- a row that cannot be scored is refused
INSERT INTO customer (id, f0) VALUES (13, 13), (14, 'infinity');
SELECT scorebook.alter_job('risk', '{"on_error": "record"}');
INSERT INTO customer (id, f0) VALUES (13, 13), (14, 'infinity');
SELECT scorebook.score('risk', '{"f0": "infinity", "f1": 0, "f2": 0, "f3": 0, "f4": 0, "f5": 0, "f6": 0, "f7": 0}', 15);
:show
-- or recorded, and the others are scored
SELECT scorebook.unstream_job('risk');
SELECT scorebook.unstream_job('risk');
SELECT scorebook.stream_job('risk', on_error => 'record');
SELECT scorebook.alter_job('risk', '{"on_error": "fail"}');
INSERT INTO customer (id, f0) VALUES (13, 13), (14, 'infinity');
UPDATE customer SET f0 = 'infinity' WHERE id = 15;
:show
SELECT key, sqlstate, message, detail FROM scorebook.row_error ORDER BY run;
SELECT id, stale FROM risk_status WHERE id IN (13, 15) ORDER BY id;
UPDATE customer SET f0 = 3 WHERE id IN (14, 15);
SELECT id, stale FROM risk_status WHERE id IN (13, 14, 15) ORDER BY id;
:show
-- where nothing can be scored, the writer does not notice
SELECT scorebook.load_model_file('risk', :'fixtures' || 'early.ubj', alias => 'champion');
SELECT scorebook.alter_job('risk', '{"model": "risk/1"}');
SET session_replication_role = replica;
SELECT scorebook.retire_version('risk/1');
RESET session_replication_role;
UPDATE customer SET f0 = 2 WHERE id = 15;
SELECT status, sqlstate, message FROM scorebook.job_run ORDER BY run DESC LIMIT 1;
SELECT id, book FROM shown WHERE id = 15;
SELECT scorebook.alter_job('risk', '{"model": "risk"}');
-- but a canceled statement is canceled
CREATE FUNCTION slow(boolean) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(10); RETURN $1; END$$;
SELECT scorebook.alter_job('risk', '{"exclude": "public.slow(objected)"}');
SET statement_timeout = 100;
UPDATE customer SET f0 = 3 WHERE id = 15;
RESET statement_timeout;
SELECT id, f0 FROM customer WHERE id = 15;
SELECT scorebook.alter_job('risk', '{"exclude": "objected"}');
CALL scorebook.run_job('risk');
:show
TRUNCATE customer_mid;
:show
TRUNCATE customer;
SELECT count(*) FROM risk;
SELECT * FROM scorebook.verify_book('risk');

-- sources that cannot be streamed
SELECT scorebook.create_job('grouped', 'risk', 'SELECT max(id) AS id, f0, 1 AS f1, 1 AS f2, 1 AS f3, 1 AS f4, 1 AS f5, 1 AS f6, 1 AS f7 FROM customer GROUP BY f0', key => '{id}');
SELECT scorebook.stream_job('grouped');
-- a trigger of somebody else's
CREATE TABLE mine (id int);
CREATE TRIGGER mine AFTER INSERT ON mine REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION scorebook.score_changes('risk', 'fail');
INSERT INTO mine VALUES (1);
DROP TRIGGER mine ON mine;
CREATE TRIGGER mine AFTER INSERT ON mine REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION scorebook.score_changes('risk');
INSERT INTO mine VALUES (1);
DROP VIEW shown;
SELECT scorebook.drop_job('risk', keep_book => false), scorebook.drop_job('grouped', keep_book => false);
SELECT count(*) AS triggers FROM pg_trigger WHERE tgname LIKE 'scorebook\_stream%';
INSERT INTO customer (id) VALUES (1);
DROP TABLE customer, customer_high, mine;
DROP FUNCTION slow;
DROP SCHEMA scores;
SELECT scorebook.drop_model('risk');
