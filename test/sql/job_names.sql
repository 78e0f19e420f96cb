--
-- What is in the way of a new job, and of dropping a model: names that are
-- taken, schemas of others, books that have the model's scores.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
SET client_min_messages = warning;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'binlog.ubj'),
	scorebook.load_model_file('rival', :'fixtures' || 'binlog.ubj');
CREATE TABLE customer (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO customer SELECT i, i, 1, 2, 3, 4, 5, 6, 7 FROM generate_series(1, 5) AS i;

-- sources that are none
SELECT scorebook.create_job('risk', source => 'SELEC * FROM customer');
\echo :SQLSTATE
SELECT scorebook.create_job('risk', source => 'a.b.c.d');
\echo :SQLSTATE
SELECT scorebook.create_job('risk');
\echo :SQLSTATE

-- a job of that name, a table of that name
SELECT scorebook.create_job('risk', source => 'SELECT * FROM customer', shadows => '{rival}');
SELECT scorebook.create_job('risk', source => 'SELECT * FROM customer');
\echo :SQLSTATE
CREATE TABLE scores.other_history ();
SELECT scorebook.create_job('other', 'risk', 'customer');
\echo :SQLSTATE
DROP TABLE scores.other_history;

-- options that are none
SELECT scorebook.create_job('other', 'risk', 'customer', inputs => NULL);
\echo :SQLSTATE
SELECT scorebook.alter_job('risk', '{"max_errors": null}');
\echo :SQLSTATE
SELECT scorebook.alter_job('riks', '{"cutoffs": null}');
\echo :SQLSTATE

-- a schema of somebody else
CREATE ROLE regress_scorer;
SELECT scorebook.grant_model('risk', 'regress_scorer', 'score');
GRANT SELECT ON customer TO regress_scorer;
SET ROLE regress_scorer;
SELECT scorebook.create_job('mine', 'risk', 'customer');
\echo :SQLSTATE
RESET ROLE;
GRANT CREATE ON SCHEMA scores TO regress_scorer;
SET ROLE regress_scorer;
SELECT scorebook.create_job('mine', 'risk', 'customer');
RESET ROLE;
GRANT USAGE ON SCHEMA scores TO regress_scorer;
SET ROLE regress_scorer;
SELECT scorebook.create_job('mine', 'risk', 'customer');
SELECT scorebook.drop_job('mine', keep_book => false);
RESET ROLE;
REVOKE ALL ON SCHEMA scores FROM regress_scorer;
REVOKE ALL ON customer FROM regress_scorer;
SELECT scorebook.revoke_model('risk', 'regress_scorer', 'score');
DROP ROLE regress_scorer;

-- a model that a job needs, before its first run and after its last
SELECT scorebook.drop_model('risk');
\echo :SQLSTATE
SELECT scorebook.drop_model('rival');
CALL scorebook.run_job('risk');
SELECT scorebook.alter_job('risk', '{"shadows": []}');
SELECT scorebook.drop_model('rival');
SELECT scorebook.drop_job('risk');
SELECT scorebook.drop_model('risk');
SELECT DISTINCT verdict FROM scorebook.replay_run((SELECT max(run) FROM scorebook.run));

-- the book that the job has left is in the way, until it goes, too
SELECT scorebook.create_job('risk', source => 'SELECT * FROM customer');
\echo :SQLSTATE
SELECT scorebook.create_job('risk', source => 'customer');
\echo :SQLSTATE
SELECT scorebook.drop_job('risk');
\echo :SQLSTATE
SELECT scorebook.drop_job('risk', keep_book => false);
SELECT scorebook.drop_job('risk', keep_book => false);
\echo :SQLSTATE
SELECT scorebook.create_job('risk', source => 'SELECT * FROM customer');
SELECT scorebook.drop_job('risk');
DROP TABLE scores.risk, scores.risk_history CASCADE;
SELECT scorebook.drop_job('risk', keep_book => false);
SELECT count(*) AS left FROM scorebook.run;
SELECT count(*) AS left FROM pg_class WHERE relnamespace = 'scores'::regnamespace;
SELECT scorebook.drop_model('risk'), scorebook.drop_model('rival');
DROP SCHEMA scores;
DROP TABLE customer;
