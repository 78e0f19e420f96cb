--
-- The extension takes all that is its own along, and leaves the schema, which
-- PostgreSQL counts as the user's.  Its functions without its tables say what
-- is missing.
--
CREATE FUNCTION predict(text, jsonb) RETURNS real LANGUAGE c STABLE
	AS '$libdir/scorebook', 'sbk_sql_predict';
CREATE VIEW dependent AS SELECT name FROM scorebook.model;
DROP EXTENSION scorebook;
DROP VIEW dependent;
DROP EXTENSION scorebook;
SELECT count(*) FROM pg_catalog.pg_class WHERE relnamespace = 'scorebook'::regnamespace;
SELECT count(*) FROM pg_catalog.pg_proc WHERE pronamespace = 'scorebook'::regnamespace;
SELECT predict('risk', '{}'::jsonb);
DROP SCHEMA scorebook;
SELECT predict('risk', '{}'::jsonb);
DROP FUNCTION predict(text, jsonb);

-- a transaction may write a history and take it all away
CREATE EXTENSION scorebook;
SET client_min_messages = warning;
CREATE TABLE account (id int PRIMARY KEY, v int);
SELECT scorebook.add_system_versioning('account');
BEGIN;
INSERT INTO account VALUES (1, 1);
DROP EXTENSION scorebook CASCADE;
COMMIT;
RESET client_min_messages;
SELECT * FROM account;
DROP TABLE account, account_history, account_since;
DROP SCHEMA scorebook;

-- it can come back, with the schema and without
CREATE EXTENSION scorebook;
DROP EXTENSION scorebook;
CREATE EXTENSION scorebook;
DROP EXTENSION scorebook;
DROP SCHEMA scorebook;

-- it is not created in a schema where others could plant functions
\set VERBOSITY terse
CREATE ROLE regress_planter;
CREATE SCHEMA scorebook AUTHORIZATION regress_planter;
CREATE EXTENSION scorebook;
ALTER SCHEMA scorebook OWNER TO CURRENT_USER;
GRANT CREATE ON SCHEMA scorebook TO regress_planter;
CREATE EXTENSION scorebook;
REVOKE ALL ON SCHEMA scorebook FROM regress_planter;
CREATE EXTENSION scorebook;
DROP EXTENSION scorebook;
DROP SCHEMA scorebook;
DROP ROLE regress_planter;
