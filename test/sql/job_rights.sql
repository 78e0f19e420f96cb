--
-- Who may do what with a job: what is refused, and what is warned of.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
CREATE ROLE regress_maker;
CREATE ROLE regress_reader;
CREATE ROLE regress_app;
CREATE SCHEMA lent;
GRANT CREATE, USAGE ON SCHEMA lent TO regress_maker;
CREATE TABLE lent.customer (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO lent.customer SELECT i, i, 1, 2, 3, 4, 5, 6, 7 FROM generate_series(1, 5) AS i;
GRANT SELECT ON lent.customer TO regress_maker;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'binlog.ubj'), scorebook.grant_model('risk', 'regress_maker', 'score');

-- readers of a book in a schema of somebody else's
SET ROLE regress_maker;
SELECT scorebook.create_job('risk', source => 'lent.customer', schema => 'lent', readers => '{regress_reader}');
RESET ROLE;
GRANT USAGE ON SCHEMA lent TO regress_reader;
SET ROLE regress_maker;
SELECT scorebook.drop_job('risk', keep_book => false);
SELECT scorebook.create_job('risk', source => 'lent.customer', schema => 'lent', readers => '{regress_reader}', shadows => '{risk/1}');
CALL scorebook.run_job('risk');

-- who reads the book reads it, and proves what he may read
SELECT * FROM scorebook.verify_book('risk');
SET ROLE regress_reader;
SELECT count(*) FROM lent.risk;
SELECT * FROM scorebook.verify_book('risk');
SET ROLE regress_maker;
GRANT SELECT ON lent.risk_shadow TO regress_reader;
SET ROLE regress_reader;
SELECT * FROM scorebook.verify_book('risk');
SET ROLE regress_maker;
GRANT SELECT ON lent.risk_shadow_history TO regress_reader;
SET ROLE regress_reader;
SELECT * FROM scorebook.verify_book('risk');

-- grants, by the owner
SELECT scorebook.grant_job('risk', 'regress_app', 'score');
SET ROLE regress_maker;
SELECT scorebook.grant_job('nothing', 'regress_app', 'score');
SELECT scorebook.grant_job(NULL, 'regress_app', 'score');
SELECT scorebook.grant_job('risk', 'regress_unknown', 'score');
SELECT scorebook.grant_job('risk', 'regress_app', 'read');
SELECT scorebook.grant_job('risk', NULL, 'score');
SELECT scorebook.grant_job('risk', 'regress_app', NULL);
SELECT scorebook.revoke_job('risk', 'regress_app', 'score');
SELECT scorebook.has_job_privilege('regress_app', job_id, 'manage') FROM scorebook.job;
SELECT scorebook.grant_job('risk', 'regress_app', 'score'), scorebook.grant_job('risk', 'regress_app', 'score');
SELECT grantee, privilege, granted_by FROM scorebook.job_grant;

-- and what they let a role do
SET ROLE regress_app;
SELECT score FROM scorebook.score('risk', 3);
SELECT score FROM scorebook.score('nothing', 3);
CALL scorebook.run_job('risk');
SELECT * FROM lent.risk;
SELECT name, owner, last_run FROM scorebook.job;
SET ROLE regress_maker;
SELECT scorebook.revoke_job('risk', 'regress_app', 'score'), scorebook.grant_job('risk', 'regress_app', 'run');
SET ROLE regress_app;
SELECT score FROM scorebook.score('risk', 3);
CALL scorebook.run_job('risk');
SELECT name, last_run IS NOT NULL AS ran, last_status FROM scorebook.job;
SELECT kind, status, started_by FROM scorebook.job_run ORDER BY run DESC LIMIT 2;
RESET ROLE;

SELECT scorebook.drop_job('risk', keep_book => false);
SELECT count(*) AS left FROM scorebook.job_grant;
SELECT scorebook.drop_model('risk');
DROP SCHEMA lent CASCADE;
DROP ROLE regress_maker, regress_reader, regress_app;
