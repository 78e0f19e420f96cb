--
-- What could lose a history or forge it, or has no place in it: refused, with a
-- hint.  And statements that reach a table by detours: followed.
--
SET TimeZone = 'UTC';
\set SHOW_CONTEXT never
CREATE TABLE account (id int PRIMARY KEY, v int);
INSERT INTO account SELECT n, n FROM generate_series(1, 3) AS n;
SELECT scorebook.add_system_versioning('account');

-- a rewrite would change the past, and hide it from the rest of the transaction
ALTER TABLE account ADD COLUMN r float8 DEFAULT random();
ALTER TABLE account ADD COLUMN n int GENERATED ALWAYS AS IDENTITY;
ALTER TABLE account ADD COLUMN g int GENERATED ALWAYS AS (v + 1) STORED;
ALTER TABLE account ALTER COLUMN v TYPE text;
BEGIN;
ALTER TABLE account ADD COLUMN w int DEFAULT 7;
UPDATE account SET v = 10, w = 8 WHERE id = 1;
COMMIT;
SELECT id, v, w FROM account_history;

-- it inherits to nobody, and its triggers stay, whatever they are called
CREATE TABLE heir () INHERITS (account);
CREATE TABLE heir (id int NOT NULL, v int, w int);
ALTER TABLE heir INHERIT account;
DROP TABLE heir;
ALTER TABLE account DISABLE TRIGGER scorebook_keep_update;
ALTER TABLE account DISABLE TRIGGER ALL;
ALTER TABLE account ENABLE REPLICA TRIGGER scorebook_keep_update;
ALTER TABLE account_history DISABLE TRIGGER USER;
ALTER TRIGGER scorebook_keep_update ON account RENAME TO mine;
DROP TRIGGER mine ON account;
ALTER TRIGGER scorebook_guard ON account_since RENAME TO mine;
DROP TRIGGER mine ON account_since;
CREATE TRIGGER another BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
DROP TRIGGER another ON account;

-- where a replica identity is the key, it stays
CREATE TABLE entry (a int NOT NULL, b int NOT NULL);
CREATE UNIQUE INDEX entry_a ON entry (a);
ALTER TABLE entry REPLICA IDENTITY USING INDEX entry_a;
INSERT INTO entry VALUES (1, 1), (2, 2);
SELECT scorebook.add_system_versioning('entry');
ALTER TABLE entry ADD PRIMARY KEY (b);
ALTER TABLE entry REPLICA IDENTITY FULL;
ALTER TABLE entry REPLICA IDENTITY DEFAULT;
DROP INDEX entry_a;
ALTER TABLE entry RENAME COLUMN a TO c;
UPDATE entry SET b = 3 WHERE c = 1;
SELECT c, b FROM entry_history;
SELECT * FROM entry_as_of('infinity') ORDER BY c;

-- who has written may not leave the commit to others
BEGIN;
UPDATE account SET v = 20 WHERE id = 2;
PREPARE TRANSACTION 'written';
SELECT * FROM account_as_of('infinity') WHERE id = 2;

-- who has become read-only after he wrote has written
BEGIN;
UPDATE account SET v = 20 WHERE id = 2;
SET TRANSACTION READ ONLY;
COMMIT;
SELECT * FROM account_as_of('infinity') WHERE id = 2;

-- a role for replication fires these triggers, too
SET session_replication_role = replica;
UPDATE account SET v = 30 WHERE id = 3;
RESET session_replication_role;
SELECT id, v FROM account_history WHERE id = 3;

-- what foreign keys do, also where all statements have one snapshot
CREATE TABLE branch (id int PRIMARY KEY);
CREATE TABLE desk (id int PRIMARY KEY, branch int REFERENCES branch ON DELETE CASCADE ON UPDATE CASCADE,
	spare int DEFAULT 1 REFERENCES branch ON DELETE SET DEFAULT);
INSERT INTO branch VALUES (1), (2), (3);
INSERT INTO desk VALUES (1, 1, 1), (2, 2, 1), (3, 1, 3);
SELECT scorebook.add_system_versioning('desk'), scorebook.add_system_versioning('branch');
UPDATE branch SET id = 4 WHERE id = 2;
BEGIN ISOLATION LEVEL SERIALIZABLE;
DELETE FROM branch WHERE id = 3;
DELETE FROM branch WHERE id = 4;
COMMIT;
SELECT id, branch, spare, dense_rank() OVER (ORDER BY closed_by) AS closed FROM desk_history ORDER BY closed, id;
SELECT * FROM desk_as_of('infinity') ORDER BY id;
SELECT id FROM branch_history ORDER BY opened_by, id;

-- a trigger that writes at the end of the transaction
CREATE FUNCTION last_word() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE account SET v = -NEW.v WHERE id = NEW.id AND v > 0;
	RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER last_word AFTER UPDATE ON account DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION last_word();
UPDATE account SET v = 11 WHERE id = 1;
SELECT id, v FROM account_as_of('infinity') WHERE id = 1;
SELECT id, v FROM account_history WHERE id = 1 ORDER BY opened_by;
SELECT count(*) FROM scorebook.moment WHERE committed_at IS NULL;

-- what triggers cannot prevent is found
SELECT * FROM scorebook.verify_history('account');
SELECT scorebook.verify_history('pg_class');
SET session_replication_role = replica;
BEGIN;
INSERT INTO account_history (id, v, opened_by, closed_by, system_from, system_to)
	SELECT id, 1000, closed_by, opened_by, '2020-01-01', '2020-01-02' FROM account_history WHERE id = 3;
UPDATE account_since SET opened_by = 0 WHERE id = 2;
INSERT INTO account_since VALUES (66, (SELECT opened_by FROM account_since WHERE id = 1), now());
DELETE FROM account_since WHERE id = 3;
INSERT INTO account_history (id, v, opened_by, closed_by, system_from, system_to)
	SELECT h.id, 1000, o.closed_by, max(h.closed_by), '2020-01-01', '2020-01-02'
	FROM account_history AS h, account_history AS o WHERE h.id = 1 AND o.id = 2 GROUP BY h.id, o.closed_by;
SELECT problem, key, detail IS NOT NULL AS explained FROM scorebook.verify_history('account') ORDER BY 1, 2;
ROLLBACK;
RESET session_replication_role;
BEGIN;
UPDATE account SET v = v + 1;
SELECT * FROM scorebook.verify_history('account');
ROLLBACK;

-- a function that looks like <table>_as_of, and is somebody else's
CREATE ROLE regress_mimic;
CREATE SCHEMA mimic AUTHORIZATION regress_mimic;
SELECT set_config('regress.timeline', timeline_id::text, false) > '' AS known FROM scorebook.versioned_relation WHERE relation = 'account'::regclass;
SET ROLE regress_mimic;
DO $$
BEGIN
	EXECUTE format('CREATE FUNCTION mimic.f(timestamptz) RETURNS SETOF account LANGUAGE sql AS %L',
		format('SELECT NULL::int, NULL::int, NULL::int -- scorebook.check_begin(%s,', current_setting('regress.timeline')));
END
$$;
RESET ROLE;
ALTER TABLE account ADD COLUMN x int;
SELECT proname, proowner::regrole FROM pg_proc WHERE prorettype = 'account'::regtype ORDER BY proname, pronargs;
SELECT scorebook.drop_system_versioning('account', keep_history => false);
SELECT count(*) FROM pg_proc WHERE prorettype = 'account'::regtype;

DROP SCHEMA mimic CASCADE;
DROP ROLE regress_mimic;
SELECT scorebook.drop_system_versioning(r::regclass, keep_history => false) FROM unnest('{entry,desk,branch}'::text[]) AS r;
DROP TABLE account, entry, desk, branch;
DROP FUNCTION last_word;
