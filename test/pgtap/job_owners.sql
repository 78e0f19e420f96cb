-- What whoever may make jobs cannot do to others with them: be read with their
-- rights, take from what they keep, or stop what they do.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
SET client_min_messages = error;
BEGIN;
SELECT no_plan();

CREATE ROLE scorebook_owner;
CREATE ROLE scorebook_member IN ROLE scorebook_owner;
CREATE ROLE scorebook_other;
CREATE SCHEMA shared;
CREATE SCHEMA archive;
GRANT ALL ON SCHEMA shared, archive TO scorebook_owner, scorebook_other;
SELECT scorebook.load_model('m', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')),
	scorebook.load_model('m', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj'), again => true),
	scorebook.grant_model('m', 'public', 'score') \g /dev/null
CREATE TABLE shared.seen (who name, what text);
GRANT ALL ON shared.seen TO PUBLIC;
CREATE FUNCTION shared.see(what text) RETURNS boolean LANGUAGE sql VOLATILE AS
	'INSERT INTO shared.seen VALUES (current_user, what) RETURNING true';

SET ROLE scorebook_owner;
CREATE TABLE shared.person (served text DEFAULT 'x', id int, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real,
	PRIMARY KEY (served, id));
INSERT INTO shared.person (id, f0) SELECT i, i FROM generate_series(1, 5) AS i;
SELECT scorebook.create_job('a_shadow', 'm', 'shared.person', schema => 'shared'),
	scorebook.run_job_in_transaction('a_shadow') \g /dev/null
GRANT SELECT ON shared.person TO scorebook_other;
SET ROLE scorebook_other;
CREATE TABLE shared.own AS SELECT * FROM shared.person;
ALTER TABLE shared.own ADD PRIMARY KEY (id);

-- a book that is called like the shadows of another one is not theirs
SELECT scorebook.create_job('a', 'm', 'shared.own', key => '{id}', schema => 'shared'), scorebook.run_job_in_transaction('a') \g /dev/null
SELECT results_eq('SELECT relation::text FROM scorebook.registered_job AS j, scorebook.book_tables(j) WHERE name = ''a''',
	'{shared.a,shared.a_history}'::text[], 'a book has its own tables');
SELECT results_eq('SELECT rows FROM scorebook.erase(''a'', 3, ''request'') WHERE place = ''shared.a''', '{1}'::bigint[], 'its owner erases there');
SELECT throws_ok('SELECT scorebook.change_job(''a'', ''{"shadows": ["m/2"]}'')', '42501', 'the tables of job "a" must belong to its owner',
	'and does not make it the shadows'' by saying so');
RESET ROLE;
SELECT results_eq('SELECT count(*) FROM shared.a_shadow', '{5}'::bigint[], 'nobody else''s rows are gone');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''a_shadow'')', 'as is proven');

-- nor is a table that is called like an archive
SET ROLE scorebook_other;
CREATE TABLE shared.a_shadow_history_202001 (LIKE shared.a_history INCLUDING CONSTRAINTS);
SELECT scorebook.guard_table('shared.a_shadow_history_202001') \g /dev/null
ALTER TABLE shared.a_history ATTACH PARTITION shared.a_shadow_history_202001 FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
SELECT scorebook.change_job('a', '{"retain": "1 year"}') \g /dev/null
SELECT results_eq('SELECT archived_as FROM scorebook.apply_retention(''a'', archive => ''archive'')',
	'{archive.a_shadow_history_202001}'::text[], 'a part of a history is archived');
DROP TABLE archive.a_shadow_history_202001;
SET ROLE scorebook_owner;
CREATE TABLE archive.a_shadow_history_202001 (LIKE shared.a_shadow_history);
INSERT INTO archive.a_shadow_history_202001 SELECT c.*, 0, now(), 'vanished' FROM shared.a_shadow AS c;
SELECT scorebook.guard_table('archive.a_shadow_history_202001') \g /dev/null
SET ROLE scorebook_other;
SELECT results_eq('SELECT place, rows, note FROM scorebook.erase(''a'', 4, ''request'') WHERE place ~ ''^archive\.''',
	$$VALUES ('archive.a_shadow_history_202001', NULL::bigint, 'It was archived from the history, and belongs to somebody else now.')$$,
	'another one took its name, and its owner has to say so');
RESET ROLE;
SELECT results_eq('SELECT count(*) FROM archive.a_shadow_history_202001', '{5}'::bigint[], 'nothing is gone from there');

-- who reads a book does not run what its owner has written
SET ROLE scorebook_other;
CREATE VIEW shared.trap AS SELECT * FROM shared.a WHERE shared.see('the book');
SELECT throws_ok(format('SELECT scorebook.register_job(jsonb_populate_record(j, %L)) FROM scorebook.registered_job AS j WHERE name = ''a''',
	jsonb_build_object('name', 'trap', 'result', 'shared.trap')), '42809', 'shared.trap is part of the book of job "trap", and no table',
	'a view is no book');
RESET ROLE;
UPDATE scorebook.registered_job SET result = 'shared.trap' WHERE name = 'a';
SELECT throws_ok(format('SELECT * FROM scorebook.%s', call), '42809', 'shared.trap is part of the book of job "a", and no table', 'nor read as one: ' || call)
FROM unnest('{"verify_book(''a'')","replay_score(''a'', 3)","score_at(''a'', 3)"}'::text[]) AS call;
UPDATE scorebook.registered_job SET result = 'shared.a' WHERE name = 'a';
SELECT is_empty('SELECT * FROM shared.seen', 'nobody has run it');

-- a trigger does not bring rows of its own
SET ROLE scorebook_owner;
CREATE TABLE shared.looked AS SELECT * FROM shared.person;
ALTER TABLE shared.looked ADD PRIMARY KEY (id);
SELECT scorebook.create_job('watched', 'm', 'shared.looked', schema => 'shared'), scorebook.stream_job('watched') \g /dev/null
GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON shared.looked TO scorebook_other;
SET ROLE scorebook_other;
CREATE TEMP VIEW new_rows AS SELECT 1 AS id WHERE shared.see('new rows');
CREATE TEMP VIEW old_rows AS SELECT 1 AS id WHERE shared.see('old rows');
GRANT SELECT ON new_rows, old_rows TO PUBLIC;
SELECT throws_ok(format('CREATE TRIGGER a AFTER %s ON shared.looked REFERENCING %s FOR EACH STATEMENT EXECUTE FUNCTION scorebook.score_changes(''watched'', ''record''); %s',
	event, names, change), '39P01', 'a stream''s trigger calls the rows before and after a change old_rows and new_rows', names || ' of ' || event)
FROM (VALUES ('INSERT', 'NEW TABLE AS others', 'INSERT INTO shared.looked (served, id) VALUES (''x'', 9)'),
	('UPDATE', 'NEW TABLE AS others', 'UPDATE shared.looked SET f0 = 1'),
	('UPDATE', 'NEW TABLE AS new_rows', 'UPDATE shared.looked SET f0 = 1'),
	('UPDATE', 'OLD TABLE AS old_rows', 'UPDATE shared.looked SET f0 = 1'),
	('DELETE', 'OLD TABLE AS new_rows', 'DELETE FROM shared.looked')) AS t (event, names, change);
RESET ROLE;
SELECT is_empty('SELECT * FROM shared.seen', 'nobody has read them');

-- what is called while a key is erased writes nothing
SET ROLE scorebook_other;
CREATE FUNCTION shared.forge() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('test.forge', true) = 'on' THEN
		PERFORM FROM shared.forged WHERE id::int = 3;
		IF NOT FOUND THEN
			UPDATE shared.forged SET score = 0;
		END IF;
	END IF;
	RETURN true;
EXCEPTION WHEN insufficient_privilege THEN
	RETURN true;
END $$;
CREATE DOMAIN shared.number AS int CHECK (VALUE > 0 AND shared.forge());
CREATE TABLE shared.numbered (id shared.number PRIMARY KEY, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO shared.numbered SELECT i FROM generate_series(1, 3) AS i;
SELECT scorebook.create_job('forged', 'm', 'shared.numbered', schema => 'shared'), scorebook.run_job_in_transaction('forged') \g /dev/null
SET LOCAL test.forge = 'on';
SELECT results_eq('SELECT rows FROM scorebook.erase(''forged'', 3, ''request'') WHERE place = ''shared.forged''', '{1}'::bigint[], 'the key is erased');
SET LOCAL test.forge = 'off';
SELECT is_empty('SELECT id FROM shared.forged WHERE score = 0', 'the others are as they were');
SELECT is_empty('SELECT * FROM scorebook.verify_book(''forged'')', 'as is proven');

-- one job stops nobody else
SELECT scorebook.schedule_job('a', '* * * * *', 'other') \g /dev/null
SELECT throws_ok('SELECT scorebook.change_job(''a'', ''{"timezone": "nowhere"}'')', '22023', 'time zone "nowhere" not recognized', 'a time zone that is none');
SELECT throws_ok('SELECT scorebook.register_job(jsonb_populate_record(j, ''{"name": "b", "timezone": "nowhere"}'')) FROM scorebook.registered_job AS j WHERE name = ''a''',
	'22023', 'time zone "nowhere" not recognized', 'of a new job, too');
CREATE TABLE shared.brief_source (LIKE shared.own INCLUDING ALL);
SELECT scorebook.create_job('brief', 'm', 'shared.brief_source', schema => 'shared') \g /dev/null
DROP TABLE shared.brief_source;
CREATE VIEW shared.said AS
	SELECT a.id, a.score AS f0, 0::real AS f1, 0::real AS f2, 0::real AS f3, 0::real AS f4, 0::real AS f5, 0::real AS f6, 0::real AS f7
	FROM shared.a;
SELECT scorebook.create_job('next', 'm', 'shared.said', schema => 'shared') \g /dev/null
SELECT throws_ok('SELECT scorebook.stream_job(''next'')', '42809', 'the source of job "next" cannot be streamed', 'a book is not streamed: its runs could not write it');
RESET ROLE;
SELECT lives_ok('SELECT * FROM scorebook.due_jobs()', 'who runs what is due sees what is');
SELECT lives_ok('SELECT scorebook.set_alias(''m/2'', ''champion'')', 'an alias moves though the source of a job is gone');

-- shadows belong to the owner of the job, whoever of its members has asked for them
SET ROLE scorebook_member;
SELECT scorebook.alter_job('watched', '{"shadows": ["m/1"]}') \g /dev/null
SELECT results_eq($$SELECT DISTINCT c.relowner::regrole::text FROM pg_class AS c WHERE c.relname ~ '^watched_' AND c.relkind IN ('r', 'p')$$,
	'{scorebook_owner}'::text[], 'all tables are the owner''s');
RESET ROLE;
SELECT lives_ok('SELECT scorebook.run_job_in_transaction(''watched'')', 'and the job runs');
SELECT results_eq('SELECT count(*) FROM shared.watched_shadow', '{5}'::bigint[], 'with its shadow');

SELECT * FROM finish();
ROLLBACK;
