-- Nobody but scorebook writes a book, and what somebody could forge all the
-- same is found; a run has the rights of the job's owner, whoever calls it, and
-- what the source calls has no others.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
SET client_min_messages = warning;
BEGIN;
SELECT no_plan();

CREATE ROLE scorebook_owner;
CREATE ROLE scorebook_member IN ROLE scorebook_owner;
CREATE ROLE scorebook_reader;
CREATE ROLE scorebook_nobody;
GRANT pg_read_server_files TO scorebook_owner;
CREATE SCHEMA guarded AUTHORIZATION scorebook_owner;
SET search_path = guarded, public;
SELECT scorebook.load_model('risk', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')),
	scorebook.load_model('grade', pg_read_binary_file(:'fixtures' || '/1.7.4/softprob.ubj'), classes => '{low,middle,high}'),
	scorebook.grant_model('risk', 'scorebook_owner', 'score'), scorebook.grant_model('grade', 'scorebook_owner', 'score')
\g /dev/null

SET ROLE scorebook_owner;
CREATE TABLE customer (id int PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real, objected boolean DEFAULT false);
INSERT INTO customer SELECT i, i, 1, 2, 3, 4, 5, 6, 7 FROM generate_series(1, 10) AS i;
SELECT scorebook.create_job('book', 'risk', 'customer', schema => 'guarded', exclude => 'objected',
	scaling => '{"points": 600, "odds": 50, "pdo": 20}', readers => '{scorebook_reader}',
	cutoffs => '{"accept": [600, null], "decline": [null, 600]}', bands => '{"A": [600, null], "B": [null, 600]}'),
	scorebook.create_job('periods', 'grade', 'customer', schema => 'guarded', keep => 'each_period', inputs => 'hash')
\g /dev/null
GRANT USAGE ON SCHEMA guarded TO PUBLIC;

-- rows that were superseded, vanished, were excluded, and came again
SELECT scorebook.run_job_in_transaction('book'), scorebook.run_job_in_transaction('periods', '2026-01-01'),
	scorebook.run_job_in_transaction('periods', '2026-02-01') \g /dev/null
UPDATE customer SET f0 = -f0, f3 = 0.5 WHERE id <= 4;
UPDATE customer SET objected = true WHERE id = 5;
DELETE FROM customer WHERE id >= 9;
SELECT scorebook.run_job_in_transaction('book'), scorebook.run_job_in_transaction('periods', '2026-02-01') \g /dev/null
INSERT INTO customer VALUES (9, 1, 1);
UPDATE customer SET f0 = 10 WHERE id = 1;
SELECT scorebook.run_job_in_transaction('book') \g /dev/null
SELECT scorebook.score('book', 2) \g /dev/null
SELECT scorebook.score('book', jsonb_object_agg('f' || i, i), 3) FROM generate_series(0, 7) AS i \g /dev/null
SELECT is_empty('SELECT * FROM scorebook.verify_book(''book'')', 'a book that its job has written is sound');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''periods'')', 'so is one of several periods');
SELECT results_eq('SELECT DISTINCT end_reason FROM book_history ORDER BY 1', ARRAY['excluded', 'superseded', 'vanished'],
	'its rows have ended for each reason');
RESET ROLE;

-- nobody writes it
CREATE TABLE attack AS
SELECT role, format(statement, t.name) AS statement
FROM unnest(ARRAY['scorebook_owner', 'scorebook_member', current_user]) AS role,
	(SELECT unnest(ARRAY['book', 'book_history'])
	 UNION ALL SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'book_history'::regclass) AS t (name),
	unnest(ARRAY['INSERT INTO %1$s SELECT * FROM %1$s', 'INSERT INTO %1$s SELECT * FROM %1$s WHERE false',
		'UPDATE %s SET score = 1', 'UPDATE %s SET score = 1 WHERE false', 'DELETE FROM %s', 'TRUNCATE %s',
		'COPY %s FROM ''/dev/null''',
		'MERGE INTO %s AS b USING (SELECT 1 AS id) AS o ON b.id = o.id WHEN MATCHED THEN DELETE']) AS statement;
CREATE FUNCTION refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE WHEN SQLERRM LIKE '%is part of a book and written by its job only' THEN SQLSTATE || ' guarded'
		ELSE SQLERRM END;
END $$;
GRANT SELECT ON attack TO PUBLIC;
SELECT is(refused(statement), '42501 guarded', 'a superuser cannot: ' || statement) FROM attack WHERE role = current_user;
SET ROLE scorebook_owner;
SELECT is(refused(statement), '42501 guarded', 'its owner cannot: ' || statement) FROM attack WHERE role = current_user;
SET ROLE scorebook_member;
SELECT is(refused(statement), '42501 guarded', 'a member of its owner cannot: ' || statement) FROM attack
WHERE role = current_user;
SET ROLE scorebook_reader;
SELECT throws_like(statement, 'permission denied%', 'a reader cannot: ' || statement) FROM attack
WHERE role = 'scorebook_owner' AND statement NOT LIKE 'COPY %';
SELECT ok(count(*) > 0, 'a reader reads the book') FROM book;
SELECT ok(count(*) > 0, 'and its history') FROM book_history;
SELECT is_empty('SELECT * FROM scorebook.verify_book(''book'')', 'and proves it');
SELECT throws_ok(statement, '42501', 'permission denied for job "book"', 'but cannot: ' || statement)
FROM unnest(ARRAY['SELECT scorebook.run_job_in_transaction(''book'')', 'SELECT scorebook.decide_job(''book'')',
	'SELECT scorebook.score(''book'', 1)', 'SELECT scorebook.set_bands(''book'', ''{"A": [null, null]}'')',
	'SELECT scorebook.set_cutoffs(''book'', ''{"accept": [null, null]}'')',
	'SELECT scorebook.change_job(''book'', ''{"max_rows": 1}'')', 'SELECT scorebook.unregister_job(''book'', true)',
	'SELECT scorebook.register_stream(''book'', ''customer'', ''fail'')', 'SELECT scorebook.unregister_stream(''book'')']) AS statement;
SET ROLE scorebook_nobody;
SELECT throws_ok('SELECT scorebook.run_job_in_transaction(''book'')', '42501', 'permission denied for job "book"', 'others do not run it');
SELECT throws_like('SELECT * FROM book', 'permission denied%', 'nor read it');
SELECT is_empty('SELECT * FROM scorebook.job_run', 'nor see its runs');
SELECT throws_like(statement, 'permission denied%', 'nobody keeps records with: ' || statement)
FROM unnest(ARRAY['SELECT scorebook.begin_run_internal(''x'', 1, ''run'', NULL, false)',
	'SELECT scorebook.fail_run_internal(1, ''x'', ''x'', ''x'', 1, 1)', 'SELECT scorebook.keep_runs_out_internal(1, ''book'')',
	'UPDATE scorebook.run SET digest = 0', 'DELETE FROM scorebook.row_error', 'UPDATE scorebook.moment SET committed_at = now()']) AS statement;
RESET ROLE;
SELECT is_empty('SELECT * FROM scorebook.verify_book(''book'')', 'nothing has come of all that');

-- what can be forged without the guard is found: each of these alone
CREATE FUNCTION found(job text, forgery text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	problems text;
	changed bigint;
BEGIN
	EXECUTE forgery;
	GET DIAGNOSTICS changed = ROW_COUNT;
	SELECT string_agg(DISTINCT v.problem, ', ') INTO problems FROM scorebook.verify_book(job) AS v;
	RAISE EXCEPTION USING ERRCODE = 'ZZ001',
		MESSAGE = CASE WHEN changed = 0 THEN 'nothing was forged' ELSE coalesce(problems, 'nothing') END;
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
	RETURN SQLERRM;
END $$;
SET session_replication_role = replica;
SELECT doesnt_match(found(job, forgery), '^nothing', 'found: ' || forgery)
FROM (SELECT t.job, format('UPDATE %1$s SET %2$I = ' || v.expression || ' WHERE %3$s', t.name, a.attname, t.which) AS forgery
	  FROM (VALUES ('book', 'book', 'id = 1'), ('book', 'book', 'id = 3'), ('book', 'book', 'id = 6'), ('book', 'book', 'id = 9'),
			('book', 'book_history', 'id = 4'), ('book', 'book_history', 'id = 10'),
			('periods', 'periods', 'id = 2 AND effective_at = ''2026-02-01'''), ('periods', 'periods_history', 'id = 2')) AS t (job, name, which)
		JOIN pg_attribute AS a ON a.attrelid = t.name::regclass AND a.attnum > 0
		JOIN (VALUES ('integer', 'coalesce(%2$I, 0) + 1000'), ('bigint', 'coalesce(%2$I, 0) + 1'), ('real', '%2$I + 0.001'),
			('text', 'concat(%2$I, ''x'')'), ('jsonb', '''{}'''), ('timestamp with time zone', '%2$I + interval ''1 microsecond'''),
			('real[]', 'coalesce(%2$I, ''{}'') || 1::real')) AS v (type, expression) ON v.type = format_type(a.atttypid, a.atttypmod)) AS f;
SELECT doesnt_match(found('book', forgery), '^nothing', 'found: ' || forgery)
FROM unnest(ARRAY['DELETE FROM book WHERE id = 6', 'DELETE FROM book_history WHERE id = 10', 'DELETE FROM book_history WHERE id = 1 AND end_reason = ''superseded''',
	'DELETE FROM book', 'DELETE FROM book_history',
	'INSERT INTO book SELECT (jsonb_populate_record(b, ''{"id": 77}'')).* FROM book AS b WHERE id = 6',
	'INSERT INTO book_history SELECT (jsonb_populate_record(b, ''{"id": 77}'')).* FROM book_history AS b WHERE id = 10',
	'UPDATE book SET score = o.score, inputs = o.inputs FROM book AS o WHERE book.id = 6 AND o.id = 7',
	'WITH o AS (DELETE FROM book WHERE id = 6 RETURNING *) INSERT INTO book_history SELECT o.*, o.run + 1, o.system_from + interval ''1 hour'', ''vanished'' FROM o',
	'WITH o AS (DELETE FROM book_history WHERE id = 10 RETURNING *) INSERT INTO book SELECT (jsonb_populate_record(NULL::book, to_jsonb(o))).* FROM o',
	'UPDATE book_history SET end_reason = ''superseded'' WHERE id IN (9, 10)',
	'UPDATE book_history SET end_reason = ''vanished'' WHERE id = 1',
	'UPDATE book_history SET end_reason = ''excluded'' WHERE end_reason = ''vanished''',
	'UPDATE book_history SET end_reason = CASE end_reason WHEN ''vanished'' THEN ''excluded'' ELSE ''vanished'' END WHERE id IN (5, 10)',
	'UPDATE book_history SET system_from = system_from - interval ''1 day'' WHERE id = 10',
	'UPDATE book_history SET system_to = system_to + interval ''1 second'' WHERE id = 10',
	'UPDATE book SET system_from = system_from - interval ''1 day''',
	'UPDATE book AS b SET run = o.run FROM book AS o WHERE (b.id, o.id) IN ((1, 6), (6, 1))']) AS forgery;
SET session_replication_role = DEFAULT;

-- the same by DDL, which the owner may do
SET ROLE scorebook_owner;
CREATE FUNCTION falsify() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.score := 0; RETURN NEW; END$$;
SELECT doesnt_match(found('book', forgery), '^nothing', 'found: ' || forgery)
FROM unnest(ARRAY[
	'ALTER TABLE book DISABLE TRIGGER ALL; UPDATE book SET score = 0 WHERE id = 6',
	'DROP TRIGGER scorebook_guard ON book; DELETE FROM book WHERE id = 6',
	'CREATE TABLE heir () INHERITS (book); INSERT INTO heir SELECT (jsonb_populate_record(b, ''{"id": 77}'')).* FROM book AS b WHERE id = 6',
	'CREATE TABLE future PARTITION OF book_history FOR VALUES FROM (''2100-01-01'') TO (''2101-01-01'');
	 INSERT INTO future SELECT (jsonb_populate_record(b, ''{"system_to": "2100-02-01", "id": 77}'')).* FROM book_history AS b WHERE id = 10']) AS forgery;
RESET ROLE;
SELECT is_empty('SELECT * FROM scorebook.verify_book(''book'')', 'all of that was undone');

-- what could change or swallow what a run writes is refused
CREATE FUNCTION run_after(change text, job text DEFAULT 'book') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE change;
	UPDATE guarded.customer SET f0 = f0 + 1;
	PERFORM scorebook.run_job_in_transaction(job);
	RETURN coalesce((SELECT string_agg(DISTINCT v.problem, ', ') FROM scorebook.verify_book(job) AS v), 'sound');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SET ROLE scorebook_owner;
SELECT scorebook.alter_job('book', '{"shadows": ["grade"]}') \g /dev/null
SELECT is(run_after('SELECT'), 'sound', 'a run, as it should be');
SELECT is(run_after(format(change, t.name)), format('55000 table "%s" of job "book" would not get what is written to it', t.name), format(change, t.name))
FROM (SELECT unnest(ARRAY['book', 'book_history', 'book_shadow', 'book_shadow_history'])
	  UNION ALL SELECT max(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'book_history'::regclass) AS t (name),
	unnest(ARRAY['CREATE TRIGGER falsify BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION falsify()',
		'CREATE TRIGGER falsify BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION falsify()',
		'CREATE TRIGGER falsify BEFORE DELETE ON %s FOR EACH ROW EXECUTE FUNCTION falsify()',
		'CREATE RULE swallow AS ON INSERT TO %s DO INSTEAD NOTHING',
		'ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY']) AS change
-- a partitioned table has neither such triggers nor keeps them for itself
WHERE NOT (t.name IN ('book_history', 'book_shadow_history') AND change LIKE '%TRIGGER%');
SELECT matches(run_after(format('CREATE TRIGGER falsify BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION falsify()', name)), '^55000 table',
	'a trigger on all partitions of ' || name)
FROM unnest(ARRAY['book_history', 'book_shadow_history']) AS name;

-- what only tells others is not, nor what keeps rows from those who read
CREATE TABLE told (what text);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO guarded.told VALUES (concat_ws(' ', TG_WHEN, TG_LEVEL, TG_OP)); RETURN NULL; END$$;
SELECT is(run_after('CREATE TRIGGER a BEFORE UPDATE ON book FOR EACH STATEMENT EXECUTE FUNCTION tell(); '
	'CREATE TRIGGER b AFTER UPDATE ON book FOR EACH ROW EXECUTE FUNCTION tell(); CREATE TRIGGER c AFTER INSERT ON book_history FOR EACH STATEMENT EXECUTE FUNCTION tell(); '
	'ALTER TABLE book ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON book FOR SELECT USING (id < 3)'), 'sound', 'a run tells those who ask');
SELECT set_eq('SELECT what FROM told', ARRAY['BEFORE STATEMENT UPDATE', 'AFTER ROW UPDATE', 'AFTER STATEMENT INSERT'], 'each of them');
DROP TRIGGER a ON book; DROP TRIGGER b ON book; DROP TRIGGER c ON book_history; ALTER TABLE book DISABLE ROW LEVEL SECURITY;

-- nothing that a statement of a run calls writes the book
CREATE FUNCTION forge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF pg_trigger_depth() = 1 THEN
		EXECUTE TG_ARGV[0];
	END IF;
	RETURN NULL;
END $$;
CREATE FUNCTION forge_silently() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN DELETE FROM guarded.book_history WHERE id = 10; RETURN true; END$$;
SELECT matches(run_after(format('CREATE TRIGGER %s %s ON %s FOR EACH STATEMENT EXECUTE FUNCTION forge(%L)', name, event, t, forgery)),
	'^42501 table "[a-z_]+" is part of a book and written by its job only$', concat_ws(' ', event, t, name, forgery))
FROM unnest(ARRAY['BEFORE UPDATE', 'AFTER UPDATE']) AS event,
	-- in front of the guard, and behind it
	unnest(ARRAY['a', 'z']) AS name, unnest(ARRAY['book', 'book_shadow']) AS t,
	unnest(ARRAY['DELETE FROM guarded.book_history WHERE id = 10', 'UPDATE guarded.book SET band = ''A''', 'DELETE FROM guarded.book_shadow WHERE id = 1',
		'DELETE FROM guarded.book_shadow_history']) AS forgery;
SELECT matches(run_after('ALTER TABLE book ADD CHECK (forge_silently()) NOT VALID'), '^42501 table "book_history" is part of a book', 'a constraint does not, either');
SELECT matches(run_after('CREATE TRIGGER z AFTER INSERT ON book_history FOR EACH ROW EXECUTE FUNCTION forge(''DELETE FROM guarded.book_history'')'),
	'^42501 table "book_history" is part', 'nor a trigger for each row');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''book'')', 'nothing has come of that');
SELECT scorebook.alter_job('book', '{"shadows": []}') \g /dev/null
RESET ROLE;

-- a superuser who can do it all the same is found, also where some rows were overtaken
SELECT scorebook.create_job('super', 'risk', 'customer', schema => 'guarded'), scorebook.run_job_in_transaction('super') \g /dev/null
CREATE FUNCTION overtake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL session_replication_role = replica;
	INSERT INTO guarded.super SELECT (jsonb_populate_record(NULL::guarded.super, to_jsonb(h) || '{"id": 77}')).* FROM guarded.super_history AS h WHERE id = 6;
	UPDATE guarded.super SET score = 0 WHERE id = 7;
	SET LOCAL session_replication_role = origin;
	RETURN NULL;
END $$;
SELECT is(run_after('INSERT INTO guarded.customer VALUES (77, 1); CREATE TRIGGER z AFTER UPDATE ON super FOR EACH STATEMENT EXECUTE FUNCTION overtake()', 'super'),
	'rows of a run were added or removed, rows of a run were changed', 'what a run has written is proven by what it has found');
SELECT is(rows_overtaken, 1::bigint, 'of which one was overtaken') FROM scorebook.job_run WHERE job = 'super' ORDER BY run DESC LIMIT 1;

-- a run has the rights of the owner, whoever calls it, and what it calls no others
CREATE TABLE seen (who text, what text);
GRANT INSERT ON seen TO PUBLIC;
SET ROLE scorebook_owner;
CREATE FUNCTION spy() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	attempt text;
BEGIN
	FOREACH attempt IN ARRAY ARRAY['SET ROLE NONE', 'SET SESSION AUTHORIZATION DEFAULT', 'CREATE TEMP TABLE mine (i int)',
		'UPDATE guarded.book SET score = 0', 'SELECT scorebook.run_job_in_transaction(''book'')',
		'SELECT scorebook.run_job_in_transaction(''spied'')', 'SELECT scorebook.score(''book'', 6)',
		'UPDATE scorebook.run SET digest = 0'] LOOP
		BEGIN
			EXECUTE attempt;
			INSERT INTO guarded.seen VALUES (current_user, attempt);
		EXCEPTION WHEN insufficient_privilege THEN NULL;
		END;
	END LOOP;
	PERFORM set_config('search_path', 'nowhere', false);
	INSERT INTO guarded.seen VALUES (current_user, 'the source was read');
	RETURN true;
END $$;
CREATE VIEW spied_customer AS SELECT * FROM customer WHERE id <> 1 OR spy();
SELECT scorebook.create_job('spied', 'risk', 'spied_customer', schema => 'guarded') \g /dev/null
-- an operator in front of PostgreSQL's own, for callers who look there first
CREATE FUNCTION equal(int, int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO guarded.seen VALUES (current_user, 'a foreign operator was called');
	RETURN $1 OPERATOR(pg_catalog.=) $2;
END $$;
CREATE OPERATOR guarded.= (LEFTARG = int, RIGHTARG = int, FUNCTION = equal);
RESET ROLE;
SET search_path = guarded, pg_catalog, public;
SELECT scorebook.run_job_in_transaction('spied') \g /dev/null
SET ROLE scorebook_owner;
SELECT scorebook.run_job_in_transaction('spied'), scorebook.score('spied', 1), scorebook.decide_job('spied') \g /dev/null
RESET ROLE;
SELECT current_setting('search_path') AS path \gset
SET search_path = guarded, public;
SELECT is(:'path'::text, 'guarded, pg_catalog, public', 'what the source sets is set back');
SELECT results_eq('SELECT DISTINCT who, what FROM guarded.seen', $$VALUES ('scorebook_owner', 'the source was read')$$,
	'what the source calls is the owner, and can write nothing of scorebook''s');
SELECT is_empty(format('SELECT * FROM scorebook.verify_book(%L)', job), job || ' is sound') FROM unnest(ARRAY['book', 'spied']) AS job;

-- a source that reads its own book
SET ROLE scorebook_owner;
CREATE VIEW circular AS SELECT * FROM customer;
SELECT scorebook.create_job('circle', 'risk', 'circular', schema => 'guarded') \g /dev/null
CREATE OR REPLACE VIEW circular AS
	SELECT c.id, coalesce(b.score, 0)::real AS f0, c.f1, c.f2, c.f3, c.f4, c.f5, c.f6, c.f7, c.objected
	FROM customer AS c LEFT JOIN circle AS b USING (id);
SELECT scorebook.run_job_in_transaction('circle') \g /dev/null
CREATE TABLE first AS TABLE circle;
SELECT scorebook.run_job_in_transaction('circle') \g /dev/null
SELECT results_eq('SELECT id, inputs[1] FROM circle ORDER BY id',
	'SELECT c.id, CASE WHEN c.run = f.run THEN 0 ELSE f.score END FROM first AS f JOIN circle AS c USING (id) ORDER BY id',
	'a source that reads its own book reads what was there before');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''circle'')', 'and the book is sound');
RESET ROLE;

-- keys that are equal, and not the same
SET ROLE scorebook_owner;
CREATE TABLE account (number numeric PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO account VALUES (1.0, 1);
SELECT scorebook.create_job('account_risk', 'risk', 'account', schema => 'guarded') \g /dev/null
SELECT scorebook.run_job_in_transaction('account_risk') \g /dev/null
UPDATE account SET number = 1.00, f0 = -9;
SELECT scorebook.run_job_in_transaction('account_risk') \g /dev/null
SELECT results_eq('SELECT number::text FROM account_risk UNION ALL SELECT number::text FROM account_risk_history',
	ARRAY['1.00', '1.0'], 'a key is shown as the source last had it');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''account_risk'')', 'and nobody has changed it');
RESET ROLE;

-- an empty book is filled only by who may insert into it
SET ROLE scorebook_owner;
SELECT scorebook.create_job('empty', 'risk', 'account', schema => 'guarded') \g /dev/null
REVOKE INSERT ON empty FROM scorebook_owner;
SELECT throws_ok('SELECT scorebook.run_job_in_transaction(''empty'')', '42501', 'permission denied for table empty', 'an owner who may not insert does not fill a book');
GRANT INSERT ON empty TO scorebook_owner;
RESET ROLE;

-- books of others are no sources of rights
SET ROLE scorebook_nobody;
SELECT throws_ok('SELECT scorebook.register_job(jsonb_populate_record(NULL::scorebook.registered_job,
	''{"name": "mine", "model": "risk", "source": "guarded.account", "key": ["number"], "keep": "latest", "inputs": "full", "shadows": [], "on_error": "fail",
	"max_errors": 1, "timezone": "UTC", "result": "guarded.empty", "history": "guarded.empty_history", "has_scores": false, "has_class": false,
	"direction": "higher_is_riskier"}''))', '42501', 'the tables of job "mine" must belong to its owner', 'nobody makes a job of others'' tables');
SELECT throws_ok('SELECT scorebook.alter_job(''book'', ''{"exclude": null}'')', '42501', 'permission denied for job "book"', 'who does not own a job does not alter it');
SELECT throws_ok('SELECT scorebook.stream_job(''book'')', '42501', 'permission denied for job "book"', 'nor stream it');
SELECT throws_ok('SELECT scorebook.drop_job(''book'')', '42501', 'permission denied for job "book"', 'nor drop it');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
