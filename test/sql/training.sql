--
-- Training sets: what was recorded can be computed again, as far as the tables
-- it came from have history.
--
\set VERBOSITY terse
SET TimeZone = 'UTC';
CREATE TABLE payment (id int PRIMARY KEY, client int, amount float8, due timestamptz);
CREATE TABLE region (client int PRIMARY KEY, name text);
INSERT INTO payment SELECT n, n % 5, n / 3.0, '2026-01-01 20:00+00'::timestamptz + n * interval '1 hour'
	FROM generate_series(1, 100) AS n;
INSERT INTO region SELECT n, 'region ' || n FROM generate_series(0, 4) AS n;
SELECT scorebook.add_system_versioning('payment');
UPDATE payment SET amount = amount + 1 WHERE id <= 10;

-- as of then; with a table that has no history; as of now; of no table
CREATE TABLE taken (name text, id bigint);
INSERT INTO taken VALUES
	('versioned', scorebook.snapshot_training_data(
		'SELECT client, sum(amount::numeric) AS total, max(due::date) AS last FROM payment_as_of($1) GROUP BY client -- the sum',
		description => 'totals')),
	('mixed', scorebook.snapshot_training_data(
		'SELECT p.id, p.amount, r.name FROM payment_as_of($1) AS p JOIN region AS r USING (client)')),
	('present', scorebook.snapshot_training_data('SELECT id, amount FROM payment')),
	('none', scorebook.snapshot_training_data('SELECT n, n / 2.0 AS half FROM generate_series(1, 3) AS n'));
SELECT t.name, s.row_count, s.columns, r.relations_without_oid AS relations, s.description, s.taken_by = current_user AS mine
FROM taken AS t JOIN scorebook.training_snapshot AS s ON s.snapshot_id = t.id,
	LATERAL (SELECT jsonb_agg(r - 'oid') FROM jsonb_array_elements(s.relations) AS r) AS r (relations_without_oid)
ORDER BY t.id;
CREATE VIEW verified AS
	SELECT t.name, v.verdict, v.method, v.row_count, v.checksum = s.checksum AS same,
		regexp_replace(v.detail, 'checksum \d+', 'checksum') AS detail
	FROM taken AS t JOIN scorebook.training_snapshot AS s ON s.snapshot_id = t.id,
		LATERAL scorebook.verify_snapshot(t.id) AS v;
SELECT * FROM verified;

-- the checksum is what the reference says it is
SELECT s.checksum = (SELECT mod(mod(sum(hashtextextended(p::text, 0)), 18446744073709551616) + 18446744073709551616, 18446744073709551616)
	FROM (SELECT id, amount FROM payment ORDER BY random()) AS p) AS as_documented
FROM taken AS t JOIN scorebook.training_snapshot AS s ON s.snapshot_id = t.id
WHERE t.name = 'present';

-- data and settings change
UPDATE payment SET amount = 0 WHERE id > 50;
DELETE FROM payment WHERE id = 1;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'SQL, DMY';
SET extra_float_digits = -10;
SELECT * FROM verified;
SHOW TimeZone;
UPDATE region SET name = upper(name);
SELECT * FROM verified;
BEGIN READ ONLY;
SELECT name, verdict FROM verified WHERE name = 'versioned';
ROLLBACK;

-- the transaction goes on as it was
BEGIN;
SELECT verdict FROM scorebook.verify_snapshot((SELECT id FROM taken WHERE name = 'versioned'));
SHOW transaction_read_only;
UPDATE region SET name = 'changed';
COMMIT;

-- who tampers is found
SET session_replication_role = replica;
UPDATE payment_history SET amount = amount + 1e-9 WHERE id = 60;
RESET session_replication_role;
SELECT * FROM verified WHERE name = 'versioned';

-- refused
SELECT scorebook.snapshot_training_data(NULL);
SELECT scorebook.snapshot_training_data('SELECT * FROM payment_as_of($1)', at => 'infinity');
SELECT scorebook.snapshot_training_data('SELECT * FROM payment_as_of($1)', at => '2001-01-01');
SELECT scorebook.snapshot_training_data('SELECT * FROM payment', at => '2001-01-01');
SELECT scorebook.snapshot_training_data('SELECT id, id FROM payment');
SELECT scorebook.snapshot_training_data('DELETE FROM payment RETURNING id');
CREATE FUNCTION wipe() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN DELETE FROM payment; RETURN 1; END';
SELECT scorebook.snapshot_training_data('SELECT wipe()');
CREATE FUNCTION open_and_wipe() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('transaction_read_only', 'off', true); RETURN wipe(); END$$;
SELECT scorebook.snapshot_training_data('SELECT open_and_wipe()');
SELECT scorebook.snapshot_training_data('SELECT 1 AS one; DROP TABLE payment');
SELECT scorebook.verify_snapshot(-1);
SELECT count(*) FROM payment;

-- what gives something else each time is refused, in whatever part of the query
\set VERBOSITY default
CREATE VIEW some_payments AS SELECT *, clock_timestamp() AS now FROM payment WHERE random() < 0.5;
CREATE SEQUENCE numbers;
SELECT scorebook.snapshot_training_data('SELECT id, random() AS r, gen_random_uuid() AS u FROM payment_as_of($1) ORDER BY random()');
\set VERBOSITY terse
CREATE FUNCTION refusal(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM scorebook.snapshot_training_data(query);
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', SQLSTATE, detail);
END $$;
SELECT query, refusal(query) FROM unnest(ARRAY[
	'SELECT id FROM some_payments', 'SELECT id FROM payment ORDER BY random() LIMIT 10', 'SELECT id FROM payment TABLESAMPLE bernoulli (10)',
	'WITH p AS (SELECT * FROM payment_as_of($1) WHERE random() < 0.5) SELECT count(*) AS n FROM p',
	'SELECT sum(n) OVER (ORDER BY random()) AS s FROM generate_series(1, 3) AS n', 'SELECT nextval(''numbers'') AS n']) AS query;
DROP VIEW some_payments;
DROP SEQUENCE numbers;
DROP FUNCTION refusal;

-- what may do so, and what is another time later, is recorded with a warning
\set VERBOSITY default
CREATE FUNCTION doubled(real) RETURNS real LANGUAGE sql RETURN 2 * $1;
SELECT scorebook.snapshot_training_data('SELECT id, doubled(id), age(due) > ''1 day'' AS a FROM payment_as_of($1) WHERE due < now() AND due < CURRENT_DATE') > 0 AS taken;
ALTER FUNCTION doubled IMMUTABLE;
SELECT scorebook.snapshot_training_data('SELECT id, doubled(id), current_user AS u, date_trunc(''day'', due) AS d FROM payment_as_of($1) WHERE hashint8(id) % 2 = 0 AND due < $1') > 0 AS taken;
DROP FUNCTION doubled;
\set VERBOSITY terse

-- one's own rights, and one's own records
CREATE ROLE regress_trainer;
CREATE ROLE regress_other;
GRANT SELECT ON region TO regress_trainer;
SET ROLE regress_trainer;
SELECT scorebook.snapshot_training_data('SELECT * FROM payment_as_of($1)');
SELECT scorebook.snapshot_training_data('SELECT * FROM region') AS id \gset
SELECT count(*) FROM scorebook.training_snapshot;
SET ROLE regress_other;
SELECT count(*) FROM scorebook.training_snapshot;
SELECT scorebook.verify_snapshot(:id);
INSERT INTO scorebook.training_snapshot DEFAULT VALUES;
RESET ROLE;
\set VERBOSITY sqlstate
SELECT scorebook.verify_snapshot(:id);
SET ROLE regress_trainer;
SELECT verdict FROM scorebook.verify_snapshot(:id);
RESET ROLE;
DROP VIEW verified;
DROP FUNCTION wipe, open_and_wipe;
SELECT scorebook.drop_system_versioning('payment', keep_history => false);
DROP TABLE payment, region, taken;
DROP ROLE regress_trainer, regress_other;
DELETE FROM scorebook.training_snapshot;
