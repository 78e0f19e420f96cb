-- Functions that take a relation by its name or OID, and lock it, ask for a right
-- on it first: any one will do, on a column as well.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
SET client_min_messages = warning;
BEGIN;
SELECT no_plan();

SELECT scorebook.load_model('risk', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')), scorebook.grant_model('risk', 'public', 'score') \g /dev/null
CREATE ROLE scorebook_owner;
CREATE ROLE scorebook_other;
CREATE SCHEMA shop;
GRANT ALL ON SCHEMA shop TO PUBLIC;
SET ROLE scorebook_owner;
CREATE TABLE shop.customer (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
CREATE VIEW shop.view AS SELECT * FROM shop.customer;
CREATE TYPE shop.kind AS (id int, f0 real);
CREATE INDEX by_f0 ON shop.customer (f0);
CREATE SEQUENCE shop.numbers;
RESET ROLE;

CREATE TABLE call AS SELECT * FROM (VALUES ('input_map', 'SELECT count(*) FROM scorebook.input_map(''risk'', %L)'),
	('source_key', 'SELECT scorebook.source_key(%L)'), ('source_table', 'SELECT scorebook.source_table(%L, ''{id}'')')) AS c (name, command);
CREATE FUNCTION attempt(who name, command text, relation text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	EXECUTE format(command, relation);
	RESET ROLE;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' ', SQLSTATE, SQLERRM);
END $$;

-- none
SELECT is(attempt('scorebook_other', c.command, r.oid::text), format('42501 permission denied for %s', r.says), format('%s without a right on %s', c.name, r.says))
FROM call AS c, (VALUES ('shop.customer'::regclass::oid, 'table customer'), ('shop.view'::regclass, 'view view'),
	('shop.by_f0'::regclass, 'index by_f0'), ('shop.numbers'::regclass, 'sequence numbers'), ('pg_authid'::regclass, 'table pg_authid')) AS r (oid, says);
SELECT is(attempt('scorebook_other', c.command, '1'), '42P01 relation with OID 1 does not exist', c.name || ' of nothing') FROM call AS c;

-- one is enough
CREATE FUNCTION with_right(command text, right_ text, relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('GRANT %s TO scorebook_other', right_);
	result := attempt('scorebook_other', command, relation);
	RAISE EXCEPTION USING ERRCODE = 'UNDO1';
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
	RETURN result;
END $$;
SELECT is(with_right(c.command, r.granted, r.relation), 'ok', format('%s with %s', c.name, r.granted))
FROM call AS c, (VALUES ('SELECT ON shop.customer', 'shop.customer'), ('INSERT ON shop.customer', 'shop.customer'), ('TRIGGER ON shop.customer', 'shop.customer'),
	('SELECT (f0) ON shop.customer', 'shop.customer'), ('REFERENCES (id) ON shop.customer', 'shop.customer'), ('SELECT ON shop.view', 'shop.view'),
	('pg_read_all_data', 'shop.customer'), ('scorebook_owner', 'shop.view')) AS r (granted, relation);
SELECT is(with_right(c.command, 'SELECT ON shop.view', 'shop.customer'), '42501 permission denied for table customer', c.name || ': a view is not its table')
FROM call AS c;
SELECT is(attempt('scorebook_other', c.command, 'pg_class'), 'ok', c.name || ' of what everybody may read') FROM call AS c;
REVOKE ALL ON shop.customer FROM scorebook_owner;
SELECT is(attempt('scorebook_owner', c.command, 'shop.customer'), 'ok', c.name || ': it is the owner''s') FROM call AS c;
GRANT ALL ON shop.customer TO scorebook_owner;

-- of a composite type it is USAGE, which everybody has
SELECT is(attempt('scorebook_other', c.command, 'shop.kind'), 'ok', c.name || ' of a type') FROM call AS c;
REVOKE USAGE ON TYPE shop.kind FROM PUBLIC;
SELECT is(attempt('scorebook_other', c.command, 'shop.kind'), '42501 permission denied for type kind', c.name || ' of one that is not for all') FROM call AS c;

-- who makes a job is told the same
SELECT is(attempt('scorebook_other', 'SELECT scorebook.create_job(''mine'', ''risk'', %L, schema => ''shop'')', 'shop.customer'),
	'42501 permission denied for table customer', 'a job of a table of somebody else');

SELECT * FROM finish();
ROLLBACK;
