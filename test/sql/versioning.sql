--
-- Tables with history: what they answer, what follows them, what is refused.
-- test/pgtap/versioning.sql has the model of it, test/isolation/specs/versioning.spec
-- what concurrent sessions see.
--
\set VERBOSITY terse
SET TimeZone = 'UTC';

-- what cannot have history
CREATE TABLE keyless (id int);
CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
CREATE TABLE secured (id int PRIMARY KEY);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE TABLE reserved (id int PRIMARY KEY, closed_by int);
CREATE TABLE a_name_that_is_not_too_long_for_a_table_but_for_its_history (id int PRIMARY KEY);
CREATE TABLE taken (id int PRIMARY KEY);
CREATE VIEW taken_history AS SELECT 1;
CREATE FUNCTION reserved_as_of(timestamptz) RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT scorebook.add_system_versioning('keyless');
SELECT scorebook.add_system_versioning('deferred');
SELECT scorebook.add_system_versioning('parent');
SELECT scorebook.add_system_versioning('child');
SELECT scorebook.add_system_versioning('parted_0');
SELECT scorebook.add_system_versioning('unlogged');
SELECT scorebook.add_system_versioning('secured');
SELECT scorebook.add_system_versioning('reserved');
ALTER TABLE reserved DROP COLUMN closed_by;
SELECT scorebook.add_system_versioning('reserved');
SELECT scorebook.add_system_versioning('taken_history');
SELECT scorebook.add_system_versioning('taken');
SELECT scorebook.add_system_versioning('a_name_that_is_not_too_long_for_a_table_but_for_its_history');
SELECT scorebook.add_system_versioning(NULL);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT scorebook.add_system_versioning('taken');
ROLLBACK;
SELECT count(*) FROM scorebook.versioned_relation;
DROP TABLE keyless, deferred, parent, child, parted, unlogged, secured, reserved,
	a_name_that_is_not_too_long_for_a_table_but_for_its_history, taken;
DROP VIEW taken_history;
DROP FUNCTION reserved_as_of(timestamptz);

-- quoted names, identity and generated columns, values out of line, a key of
-- two columns one of which has a case-insensitive collation
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE "the Account" (
	"No" int GENERATED ALWAYS AS IDENTITY,
	"kind %s" text COLLATE caseless,
	amount numeric(10,2) NOT NULL CHECK (amount > 0),
	twice numeric GENERATED ALWAYS AS (amount * 2) STORED,
	photo bytea,
	PRIMARY KEY ("No", "kind %s"));
ALTER TABLE "the Account" ALTER COLUMN photo SET STORAGE EXTERNAL;
INSERT INTO "the Account" ("kind %s", amount, photo)
	SELECT 'Giro', n, decode(repeat(md5(n::text), 300), 'hex') FROM generate_series(1, 4) AS n;
CREATE TABLE instant (name text, at timestamptz);
SELECT scorebook.add_system_versioning('"the Account"');
SELECT scorebook.add_system_versioning('"the Account"');
SELECT scorebook.add_system_versioning('"the Account_history"');
\d "the Account_history"
\d "the Account_since"
INSERT INTO instant VALUES ('added', clock_timestamp());
BEGIN;
UPDATE "the Account" SET amount = amount + 1 WHERE "No" <= 2;
UPDATE "the Account" SET amount = amount + 1, "kind %s" = 'GIRO' WHERE "No" = 1;
DELETE FROM "the Account" WHERE "No" = 3;
INSERT INTO "the Account" ("No", "kind %s", amount) OVERRIDING SYSTEM VALUE VALUES (3, 'giro', 33), (9, 'giro', 99);
DELETE FROM "the Account" WHERE "No" = 9;
SAVEPOINT s;
TRUNCATE "the Account";
ROLLBACK TO s;
COMMIT;
INSERT INTO instant VALUES ('changed', clock_timestamp());
COPY "the Account" ("kind %s", amount) FROM stdin;
copied	5
\.
TRUNCATE "the Account";
INSERT INTO instant VALUES ('truncated', clock_timestamp());
SELECT i.name, a."No", a."kind %s", a.amount, a.twice, length(a.photo) AS length
FROM instant AS i, LATERAL "the Account_as_of"(i.at) AS a
ORDER BY i.name, a."No";
SELECT i.name, a."No", a."kind %s", a.amount FROM instant AS i, LATERAL "the Account_as_of"(i.at, 3, 'GIRO') AS a ORDER BY i.name;
SELECT "No", "kind %s", amount, twice, length(photo) AS length, dense_rank() OVER (ORDER BY opened_by) AS opened,
	dense_rank() OVER (ORDER BY closed_by) AS closed, system_from < system_to AS forward
FROM "the Account_history"
ORDER BY "No", opened_by;

-- before it began there is no answer, however one asks
SELECT count(*) FROM generate_series('2001-01-01', '2001-01-02', '1 day'::interval) AS at, LATERAL "the Account_as_of"(at) AS a;
SELECT count(*) FROM generate_series('2001-01-01', '2001-01-02', '1 day'::interval) AS at, LATERAL "the Account_as_of"(at) AS a
WHERE a."No" = 17;
SELECT * FROM "the Account_as_of"('2001-01-01');
SELECT * FROM "the Account_as_of"('2001-01-01') LIMIT 0;
SELECT EXISTS (SELECT FROM "the Account_as_of"('2001-01-01') AS a WHERE a."No" = 17);
SELECT * FROM "the Account_as_of"(NULL);
SELECT * FROM "the Account_as_of"('2001-01-01', 17, '');
SELECT * FROM generate_series('2001-01-01', '2001-01-02', '1 day'::interval) AS at, LATERAL "the Account_as_of"(at, 17, '') AS a;
BEGIN;
CREATE TABLE fresh (id int PRIMARY KEY);
SELECT scorebook.add_system_versioning('fresh');
SELECT * FROM fresh_as_of(now());
ROLLBACK;
SELECT scorebook.as_of_final_until('"the Account"'::regclass) > max(at) AS final FROM instant;
SELECT scorebook.as_of_final_until('instant'::regclass);

-- nobody writes it by hand
INSERT INTO "the Account_since" VALUES (1, 'giro', 1, now());
UPDATE "the Account_history" SET amount = 1;
DELETE FROM "the Account_history";
TRUNCATE "the Account_history";
MERGE INTO "the Account_history" AS h USING instant ON true WHEN MATCHED THEN DELETE;
SELECT scorebook.drop_system_versioning('"the Account"', keep_history => NULL);
SELECT scorebook.drop_system_versioning('"the Account"');
SELECT count(*) FROM "the Account_history";
DELETE FROM "the Account_history" WHERE "No" = 1;
DROP TABLE "the Account", "the Account_history";
SELECT scorebook.drop_system_versioning('instant');
DROP COLLATION caseless;

-- rows of one key are found by indexes, in all branches; the planner sees
-- through the function
CREATE TABLE client (id int PRIMARY KEY, name text, income int);
INSERT INTO client SELECT n, 'client ' || n, n FROM generate_series(1, 5000) AS n;
SELECT scorebook.add_system_versioning('client');
UPDATE client SET income = income + 1;
ANALYZE client, client_history, client_since, scorebook.moment;
CREATE FUNCTION how_client_is_read(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'client|check_begin|Cond: .*id|Function' THEN
			RETURN NEXT ltrim(line);
		END IF;
	END LOOP;
END
$$;
SELECT how_client_is_read($$SELECT * FROM client_as_of('2100-01-01') WHERE id = 17$$);
SELECT how_client_is_read($$SELECT * FROM client_as_of('2100-01-01', 17)$$);
SELECT how_client_is_read($$SELECT * FROM (VALUES (1), (2)) AS l (client), LATERAL client_as_of('2100-01-01', l.client)$$);
DROP FUNCTION how_client_is_read;

-- what DDL does, it follows
TRUNCATE instant;
INSERT INTO instant VALUES ('one', clock_timestamp());
UPDATE client SET income = 0 WHERE id = 17;
ALTER TABLE client ADD COLUMN flag boolean NOT NULL DEFAULT true, ADD COLUMN note text COLLATE "C", DROP COLUMN name;
ALTER TABLE client RENAME COLUMN id TO number;
ALTER TABLE client RENAME COLUMN income TO "In come";
ALTER TABLE client RENAME TO customer;
CREATE SCHEMA other;
ALTER TABLE customer SET SCHEMA other;
ALTER SCHEMA other RENAME TO another;
ALTER TABLE client_history RENAME TO client_past;
ALTER FUNCTION client_as_of(timestamptz) RENAME TO customer_as_of;
UPDATE another.customer SET "In come" = 1 WHERE number = 17;
UPDATE another.customer SET flag = false WHERE number = 18;
INSERT INTO instant VALUES ('two', clock_timestamp());
SELECT name, a.* FROM instant, customer_as_of(at) AS a WHERE number IN (17, 18) ORDER BY name, number;
\d client_past
SELECT relation, history, since, key, members FROM scorebook.versioned_relation;

-- or it is refused
ALTER TABLE another.customer ALTER COLUMN "In come" TYPE bigint;
ALTER TABLE another.customer ALTER COLUMN note TYPE text COLLATE "POSIX";
ALTER TABLE another.customer DROP CONSTRAINT client_pkey;
ALTER TABLE another.customer DROP COLUMN number;
ALTER TABLE another.customer ENABLE ROW LEVEL SECURITY;
ALTER TABLE another.customer SET UNLOGGED;
ALTER TABLE another.customer ADD COLUMN system_to date;
ALTER TABLE another.customer RENAME COLUMN note TO opened_by;
ALTER TABLE client_past ADD COLUMN extra int;
ALTER TABLE client_past DROP COLUMN note;
ALTER TABLE client_past RENAME COLUMN note TO remark;
ALTER TABLE client_past ALTER COLUMN "In come" TYPE bigint;
ALTER TABLE client_since RENAME COLUMN number TO id;
DROP TRIGGER scorebook_keep_update ON another.customer;
DROP TRIGGER scorebook_guard ON client_past;
DROP TABLE client_past;
DROP TABLE client_since;
DROP TABLE another.customer;
DROP EXTENSION scorebook;

-- rows that came while nobody looked are not guessed at
UPDATE pg_trigger SET tgenabled = 'D' WHERE tgrelid = 'another.customer'::regclass AND tgname = 'scorebook_keep_insert';
GRANT SELECT ON another.customer TO CURRENT_USER;
INSERT INTO another.customer VALUES (9000, 1);
UPDATE pg_trigger SET tgenabled = 'A' WHERE tgrelid = 'another.customer'::regclass AND tgname = 'scorebook_keep_insert';
REVOKE SELECT ON another.customer FROM CURRENT_USER;
DELETE FROM another.customer WHERE number = 9000;

-- with the table, what it was stays, as a table
DROP TABLE another.customer CASCADE;
SELECT count(*) > 5000 AS kept FROM client_past;
SELECT to_regclass('client_since'), (SELECT count(*) FROM scorebook.versioned_relation);
DROP TABLE client_past;

-- partitions come and go, with rows and without, and are written by themselves
CREATE TABLE visit (at date, id int, note text, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE visit_2 (note text, gone int, id int NOT NULL, at date NOT NULL);
ALTER TABLE visit_2 DROP COLUMN gone;
INSERT INTO visit VALUES ('2026-01-05', 1, 'january');
SELECT scorebook.add_system_versioning('visit');
TRUNCATE instant;
INSERT INTO instant VALUES ('1 added', clock_timestamp());
INSERT INTO visit_2 (at, id, note) VALUES ('2026-02-05', 2, 'came along');
ALTER TABLE visit ATTACH PARTITION visit_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE visit_3 PARTITION OF visit FOR VALUES FROM ('2026-03-01') TO ('2026-04-01') PARTITION BY HASH (id);
CREATE TABLE visit_3_0 PARTITION OF visit_3 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO instant VALUES ('2 attached', clock_timestamp());
INSERT INTO visit_3_0 VALUES ('2026-03-05', 3, 'leaf');
INSERT INTO visit_3 VALUES ('2026-03-06', 3, 'middle');
UPDATE visit_2 SET note = 'changed';
UPDATE visit SET at = at + 31, note = 'moved' WHERE id = 1;
INSERT INTO instant VALUES ('3 written', clock_timestamp());
DROP TABLE visit_1;
BEGIN ISOLATION LEVEL REPEATABLE READ;
ALTER TABLE visit DETACH PARTITION visit_2;
ROLLBACK;
ALTER TABLE visit DETACH PARTITION visit_2;
TRUNCATE visit_3;
INSERT INTO instant VALUES ('4 detached', clock_timestamp());
DROP TABLE visit_2;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE visit_far PARTITION OF visit FOR VALUES FROM ('2027-01-01') TO ('2028-01-01') SERVER nowhere;
DROP SERVER nowhere CASCADE;
DROP FOREIGN DATA WRAPPER nowhere;
SELECT i.name, a.* FROM instant AS i, LATERAL visit_as_of(i.at) AS a ORDER BY i.name, a.at, a.id;
SELECT unnest(members)::text COLLATE "C" AS member FROM scorebook.versioned_relation ORDER BY 1;
DROP SCHEMA another;
DROP TABLE visit CASCADE;
DROP TABLE visit_history, instant;

-- a transaction has one time on all tables
CREATE TABLE debit (id int PRIMARY KEY);
CREATE TABLE credit (id int PRIMARY KEY);
SELECT scorebook.add_system_versioning('debit'), scorebook.add_system_versioning('credit');
BEGIN;
INSERT INTO credit VALUES (1);
INSERT INTO debit VALUES (1);
COMMIT;
SELECT count(*) AS moments, count(DISTINCT m.committed_at) AS times
FROM credit_since AS c, debit_since AS d, scorebook.moment AS m
WHERE m.writer IN (c.opened_by, d.opened_by);
SELECT scorebook.drop_system_versioning('debit', keep_history => false),
	scorebook.drop_system_versioning('credit', keep_history => false);
DROP TABLE debit, credit;

-- rights: who reads a table reads its history; who writes it gains nothing
CREATE ROLE regress_owner;
CREATE ROLE regress_writer;
CREATE ROLE regress_reader;
CREATE SCHEMA bank AUTHORIZATION regress_owner;
GRANT USAGE, CREATE ON SCHEMA bank TO PUBLIC;
SET ROLE regress_owner;
CREATE TABLE bank.loan (id int PRIMARY KEY, amount int);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON bank.loan TO regress_writer;
GRANT SELECT ON bank.loan TO regress_reader;
SET ROLE regress_writer;
SELECT scorebook.add_system_versioning('bank.loan');
SET ROLE regress_owner;
SELECT scorebook.add_system_versioning('bank.loan');
SELECT timeline_id AS timeline FROM scorebook.versioned_relation \gset
SET ROLE regress_writer;
INSERT INTO bank.loan VALUES (1, 10), (2, 20);
UPDATE bank.loan SET amount = 11 WHERE id = 1;
TRUNCATE bank.loan;
INSERT INTO bank.loan VALUES (3, 30);
INSERT INTO bank.loan_history VALUES (1, 1, 1, 2, now(), now());
SELECT scorebook.drop_system_versioning('bank.loan');
SELECT scorebook.unregister_versioning('bank.loan', false);
SELECT scorebook.register_versioning('bank.loan', 'bank.loan_history', 'bank.loan_since');
SELECT scorebook.open_writer(:timeline);
SELECT scorebook.close_rows_internal(:timeline, 'bank.loan');
CREATE TABLE bank.forged (id int PRIMARY KEY, amount int);
CREATE TRIGGER keep AFTER INSERT ON bank.forged REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.keep_history(:'timeline');
\set VERBOSITY sqlstate
INSERT INTO bank.forged VALUES (66, 66);
\set VERBOSITY terse
DROP TRIGGER keep ON bank.forged;
CREATE TRIGGER keep AFTER INSERT ON bank.forged FOR EACH ROW EXECUTE FUNCTION scorebook.keep_history();
INSERT INTO bank.forged VALUES (66, 66);
DROP TABLE bank.forged;
SELECT scorebook.keep_history();
SET ROLE regress_reader;
SELECT * FROM bank.loan_as_of(clock_timestamp());
SELECT id, amount FROM bank.loan_history ORDER BY id, amount;
SELECT scorebook.as_of_final_until('bank.loan'::regclass) IS NOT NULL AS told;
DELETE FROM bank.loan;

-- what the owner puts on the history has the owner's rights, not more
SET ROLE regress_owner;
CREATE FUNCTION bank.show() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'as %', current_user;
	RETURN NULL;
END
$$;
CREATE TRIGGER show AFTER INSERT ON bank.loan_history FOR EACH STATEMENT EXECUTE FUNCTION bank.show();
SET ROLE regress_writer;
DELETE FROM bank.loan;
RESET ROLE;
ALTER TABLE bank.loan OWNER TO regress_writer;
SELECT relname, pg_get_userbyid(relowner) FROM pg_class WHERE relname LIKE 'loan%' AND relkind = 'r' ORDER BY relname;
SET ROLE regress_writer;
INSERT INTO bank.loan VALUES (4, 40);
DELETE FROM bank.loan;
SELECT scorebook.drop_system_versioning('bank.loan', keep_history => false);
RESET ROLE;
DROP SCHEMA bank CASCADE;
DROP ROLE regress_owner, regress_writer, regress_reader;
SELECT count(*) FROM scorebook.versioned_relation;
