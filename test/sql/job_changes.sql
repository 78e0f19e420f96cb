--
-- What changes behind a job's back, or by its owner's hand, and would make it
-- wrong: it is seen by the next run, refused, or told.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
SET client_min_messages = warning;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'binlog.ubj'),
	scorebook.load_model_file('risk', :'fixtures' || 'early.ubj', alias => 'challenger'),
	scorebook.load_model_file('risk', :'fixtures' || 'early.ubj', alias => 'other', again => true,
		columns => '{"f0": "elsewhere"}');
CREATE TABLE customer (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO customer SELECT i, i, 1, 2, 3, 4, 5, 6, 7 FROM generate_series(1, 3) AS i;
CREATE VIEW shown AS SELECT * FROM customer;
CREATE TABLE heir () INHERITS (customer);
CREATE VIEW one_by_one AS SELECT * FROM ONLY customer;
\set failed 'SELECT job, sqlstate, failed_key, failed_key_digest IS NOT NULL AS found_by_digest FROM scorebook.job_run JOIN scorebook.run USING (run, sqlstate, failed_key) WHERE run > :run ORDER BY run; SELECT max(run) AS run FROM scorebook.run \\gset'
SELECT 0 AS run \gset

-- where others inherit from a table, its key is not that of all the rows it shows
SELECT scorebook.create_job('heirs', 'risk', source => 'customer');
SELECT scorebook.create_job('heirs', 'risk', source => 'shown');
SELECT scorebook.create_job('one_by_one', 'risk');
SELECT scorebook.create_job('heirs', 'risk', source => 'customer', key => '{id}');
SELECT scorebook.stream_job('heirs');
CALL scorebook.run_job('heirs');
INSERT INTO heir SELECT * FROM customer WHERE id = 2;
CALL scorebook.run_job('heirs');
CALL scorebook.run_job('one_by_one');
:failed
DROP TABLE heir;
SELECT scorebook.drop_job('heirs', keep_book => false), scorebook.drop_job('one_by_one', keep_book => false);

-- a key was unique when the job was made, through a view or by itself
SELECT scorebook.create_job('plain', 'risk', source => 'customer', shadows => '{risk@challenger}'),
	scorebook.create_job('viewed', 'risk', source => 'shown');
CALL scorebook.run_job('plain');
CALL scorebook.run_job('viewed');
CREATE OR REPLACE VIEW shown AS SELECT c.* FROM customer AS c, (VALUES (1), (2)) AS twice;
UPDATE customer SET f0 = -f0;
CALL scorebook.run_job('viewed');
ALTER TABLE customer DROP CONSTRAINT customer_pkey;
INSERT INTO customer SELECT * FROM customer WHERE id = 3;
CALL scorebook.run_job('plain');
:failed
-- a row that nobody can score fails no run, not by its shadow either
DELETE FROM customer WHERE id = 3;
INSERT INTO customer VALUES (4, 'infinity'), (4, 'infinity');
SELECT scorebook.alter_job('plain', '{"on_error": "record"}');
CALL scorebook.run_job('plain');
SELECT rows_read, rows_failed FROM scorebook.job_run ORDER BY run DESC LIMIT 1;
SELECT * FROM scorebook.verify_book('plain');
DELETE FROM customer WHERE id = 4;
ALTER TABLE customer ADD PRIMARY KEY (id);
CREATE OR REPLACE VIEW shown AS SELECT * FROM customer;
CALL scorebook.run_job('plain');
CALL scorebook.run_job('viewed');
SELECT rows_read, rows_overtaken FROM scorebook.job_run ORDER BY run DESC LIMIT 2;

-- a stream whose source does not show its table any more
SELECT scorebook.stream_job('viewed');
CREATE OR REPLACE VIEW shown AS SELECT c.* FROM customer AS c, (VALUES (1), (2)) AS twice;
UPDATE customer SET f0 = 7;
SELECT scorebook.unstream_job('viewed'), scorebook.drop_job('viewed', keep_book => false);

-- points that cutoffs or bands need
SELECT scorebook.alter_job('plain', '{"scaling": {"points": 600, "odds": 50, "pdo": 20}}'),
	scorebook.set_cutoffs('plain', '{"decline": [null, 500], "accept": [500, null]}');
SELECT scorebook.alter_job('plain', '{"scaling": null}');
SELECT scorebook.set_cutoffs('plain', '{"accept": [null, 0.5], "decline": [0.5, null]}', scale => 'probability'),
	scorebook.set_bands('plain', '{"B": [null, 500], "A": [500, null]}');
SELECT scorebook.alter_job('plain', '{"scaling": null}');
SELECT scaling IS NOT NULL AS has_points FROM scorebook.registered_job WHERE name = 'plain';
SELECT scorebook.set_bands('plain', '{"A": [null, 0.5], "B": [0.5, null]}', scale => 'probability');
SELECT scorebook.alter_job('plain', '{"scaling": null}');

-- a shadow does not keep an alias from moving
SELECT scorebook.set_alias('risk@other', 'challenger');
SELECT scorebook.set_alias('risk/2', 'challenger');
SELECT scorebook.set_alias('risk@other', 'champion');

-- readers that are none
SELECT scorebook.create_job('unread', 'risk', source => 'customer', readers => NULL);
SELECT scorebook.drop_job('unread', keep_book => false);

-- columns of the source that only others may read
CREATE ROLE job_changes_maker;
CREATE SCHEMA job_changes AUTHORIZATION job_changes_maker;
SELECT scorebook.grant_model('risk', 'job_changes_maker', 'score');
GRANT SELECT (id, f0, f1, f2, f3, f4, f5, f6) ON customer TO job_changes_maker;
SET ROLE job_changes_maker;
SELECT scorebook.create_job('partly', 'risk', source => 'customer', schema => 'job_changes');
RESET ROLE;
GRANT SELECT ON customer TO job_changes_maker;
SET ROLE job_changes_maker;
SELECT scorebook.create_job('partly', 'risk', source => 'customer', schema => 'job_changes');
CALL scorebook.run_job('partly');
SELECT scorebook.drop_job('partly', keep_book => false);
RESET ROLE;
DROP SCHEMA job_changes;
REVOKE ALL ON customer FROM job_changes_maker;
SELECT scorebook.revoke_model('risk', 'job_changes_maker', 'score');
DROP ROLE job_changes_maker;

-- what a governed model said must be answered for
SELECT scorebook.load_model_file('watched', :'fixtures' || 'binlog.ubj', mode => 'governed');
SELECT scorebook.create_job('watched', source => 'customer', retain => '1 month');
SELECT scorebook.alter_job('watched', '{"retain": null, "retain_inputs": "1 month"}');
SELECT scorebook.alter_job('watched', '{"retain_inputs": "6 months"}');
SELECT scorebook.drop_job('watched', keep_book => false);
SELECT scorebook.create_job('watched', source => 'customer', inputs => 'none');
SELECT scorebook.drop_job('watched', keep_book => false);
SELECT scorebook.create_job('watched', source => 'customer', inputs => 'hash');
SELECT scorebook.drop_job('watched', keep_book => false);

SELECT scorebook.drop_job('plain', keep_book => false);
DROP VIEW shown, one_by_one;
DROP TABLE customer;
DROP SCHEMA scores;
SELECT scorebook.drop_model('risk'), scorebook.drop_model('watched');
