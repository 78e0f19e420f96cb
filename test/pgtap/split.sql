-- A share of the keys is served by another alias: always the same keys, and
-- anyone can tell which.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
\set home :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS scorebook_split;
CREATE DATABASE scorebook_split;
\c scorebook_split
CREATE EXTENSION pgtap;
CREATE EXTENSION scorebook;
SELECT no_plan();

CREATE FUNCTION artifact(text) RETURNS bytea LANGUAGE sql AS
	$$SELECT pg_read_binary_file(current_setting('test.fixtures') || '/1.7.4/' || $1)$$;
SELECT set_config('test.fixtures', :'fixtures', false) \g /dev/null
SELECT scorebook.load_model('credit', artifact('binlog.ubj')),
	scorebook.load_model('credit', artifact('early.ubj'), alias => 'challenger'),
	scorebook.load_model('credit', artifact('reglogistic.ubj'), alias => 'third'),
	scorebook.load_model('credit', artifact('softprob.ubj'), alias => 'several'),
	scorebook.load_model('credit', artifact('binlog.ubj'), alias => 'elsewhere', columns => '{"f0": "nowhere"}', again => true),
	scorebook.load_model('grade', artifact('softprob.ubj'))
\g /dev/null
CREATE TABLE applicant AS
	SELECT i AS id, 'number ' || i AS name, i % 7 AS branch, i / 100.0 AS size, (random() * 6 - 3)::real AS f0, (random() * 4 - 2)::real AS f1,
		(random() * 5)::real AS f2, random()::real AS f3, random()::real AS f4, random()::real AS f5, random()::real AS f6, random()::real AS f7
	FROM generate_series(1, 10000) AS i;
ALTER TABLE applicant ADD PRIMARY KEY (id);

-- a tenth of the keys
SELECT scorebook.create_job('credit', 'credit', 'applicant', split => '{"challenger": 0.1}') \g /dev/null
CALL scorebook.run_job('credit');
-- 10000 draws of 0.1: the mean is 1000, and five standard deviations are 150
SELECT cmp_ok(count(*), '>', 850::bigint, 'about a tenth') FROM scores.credit WHERE version = 2;
SELECT cmp_ok(count(*), '<', 1150::bigint, 'and no more') FROM scores.credit WHERE version = 2;
SELECT is(count(*), 10000::bigint, 'of every key it can be told') FROM scores.credit
WHERE scorebook.split_of('credit', id) = CASE version WHEN 1 THEN 'credit' WHEN 2 THEN 'credit@challenger' END;
SELECT is(count(*), 10000::bigint, 'and its score is that of its version') FROM scores.credit AS b JOIN applicant AS a USING (id)
WHERE float4send(b.score) = float4send(scorebook.predict('credit/' || b.version, a));
-- no run of keys is served by one of them
SELECT cmp_ok(max(n), '<', 60::bigint, 'everywhere')
FROM (SELECT count(*) AS n FROM scores.credit WHERE version = 2 GROUP BY id / 250) AS g;
SELECT results_eq($$SELECT role, ref COLLATE "default", version, rows_scored = (SELECT count(*) FROM scores.credit AS b WHERE b.version = m.version)
	FROM scorebook.run_model AS m ORDER BY role$$,
	$$VALUES ('served', 'credit', 1, true), ('split', 'credit@challenger', 2, true)$$, 'the run tells of both');
SELECT is(rows_scored, 10000::bigint, 'and of all together') FROM scorebook.run;
SELECT is_empty($$SELECT * FROM scorebook.verify_book('credit')$$, 'the book is sound');

-- no key has the scores of both
SELECT throws_ok(format($$SELECT scorebook.compare_versions('credit', %L, %L)$$, a, b), '22023',
	format('the split of job "credit" leaves no keys to compare "%s" and "%s"', a, b), a || ' and ' || b)
FROM (VALUES ('1', '2'), ('credit/2', 'credit/1'), ('credit', 'credit@challenger'), ('credit@challenger', 'credit'), ('1', 'credit')) AS v (a, b);
SELECT is(rows_compared, count, 'a version with itself') FROM scorebook.compare_versions('credit', '2', 'credit@challenger'),
	(SELECT count(*) FROM scores.credit WHERE version = 2) AS b;
SELECT scorebook.alter_job('credit', '{"shadows": ["credit@challenger"]}') \g /dev/null
CALL scorebook.run_job('credit');
SELECT is(rows_compared, 10000::bigint, 'a shadow has them all') FROM scorebook.compare_versions('credit', 'credit', 'credit@challenger');
SELECT scorebook.alter_job('credit', '{"shadows": []}') \g /dev/null
CALL scorebook.run_job('credit');

-- sticky
CREATE TABLE before AS SELECT id, version, score, run FROM scores.credit;
CALL scorebook.run_job('credit');
SELECT results_eq('SELECT rows_changed, rows_confirmed FROM scorebook.run ORDER BY run DESC LIMIT 1', 'VALUES (0::bigint, 10000::bigint)',
	'the next run serves the same keys');
SELECT scorebook.alter_job('credit', '{"split": {"challenger": 0.3}}') \g /dev/null
CALL scorebook.run_job('credit');
SELECT is(count(*), 0::bigint, 'who had the challenger keeps it as its share grows') FROM scores.credit AS b JOIN before AS o USING (id)
WHERE o.version = 2 AND (b.version <> 2 OR b.run <> o.run);
-- five standard deviations are 230
SELECT cmp_ok(abs(count(*) - 3000), '<', 230::bigint, 'which it does') FROM scores.credit WHERE version = 2;
SELECT scorebook.alter_job('credit', '{"split": {"challenger": 0.1, "third": 0.25}}') \g /dev/null
CALL scorebook.run_job('credit');
SELECT bag_eq('SELECT id FROM scores.credit WHERE version = 2', 'SELECT id FROM before WHERE version = 2', 'a share of before is that of before');
SELECT cmp_ok(abs(count(*) - 2500), '<', 220::bigint, 'beside another one') FROM scores.credit WHERE version = 3;
SELECT is(count(*), 10000::bigint, 'of every key it can be told') FROM scores.credit
WHERE scorebook.split_of('credit', id) = (ARRAY['credit', 'credit@challenger', 'credit@third'])[version];

SELECT cmp_ok(rows_compared, '>', 0::bigint, 'some keys had one and then the other') FROM scorebook.compare_versions('credit', '1', '2');

-- another job draws other keys
SELECT scorebook.create_job('other', 'credit', 'applicant', split => '{"challenger": 0.1}') \g /dev/null
CALL scorebook.run_job('other');
SELECT cmp_ok(count(*), '<', 200::bigint, 'the name of the job is the salt') FROM scores.other AS o JOIN before AS b USING (id)
WHERE o.version = 2 AND b.version = 2;
-- keys of any type
SELECT scorebook.create_job(name, 'credit', 'SELECT * FROM applicant WHERE id <= 2000', key => key, split => '{"challenger": 0.5}')
FROM (VALUES ('by_text', '{name}'::name[]), ('by_both', '{branch,name}'), ('by_size', '{size}')) AS k (name, key) \g /dev/null
CALL scorebook.run_job('by_text');
CALL scorebook.run_job('by_both');
CALL scorebook.run_job('by_size');
SELECT is(count(*), 2000::bigint, 'a key that is a text') FROM scores.by_text
WHERE scorebook.split_of('by_text', name) = CASE version WHEN 1 THEN 'credit' ELSE 'credit@challenger' END;
SELECT is(count(*), 2000::bigint, 'a key of two columns') FROM scores.by_both AS b
WHERE scorebook.split_of('by_both', b) = CASE version WHEN 1 THEN 'credit' ELSE 'credit@challenger' END;
SELECT is(count(*), 2000::bigint, 'a key that is a numeric') FROM scores.by_size
WHERE scorebook.split_of('by_size', size) = CASE version WHEN 1 THEN 'credit' ELSE 'credit@challenger' END;
-- 1000, and five standard deviations are 112
SELECT cmp_ok(abs(count(*) - 1000), '<', 112::bigint, 'halves: ' || job)
FROM (SELECT 'by_text' AS job, version FROM scores.by_text UNION ALL SELECT 'by_both', version FROM scores.by_both
	UNION ALL SELECT 'by_size', version FROM scores.by_size) AS b WHERE version = 2 GROUP BY job;
SELECT scorebook.create_job('plain', 'credit/1', 'applicant') \g /dev/null
SELECT is(scorebook.split_of('plain', 1), 'credit/1', 'a job without a split has one reference');

-- one subject, and decisions
SELECT is(s.version, b.version, 'a pull serves as a run does')
FROM (SELECT DISTINCT ON (version) id, version FROM scores.credit ORDER BY version, id) AS b, scorebook.score('credit', b.id) AS s;
SELECT scorebook.alter_job('credit', '{"reasons": 0}') \g /dev/null
SELECT scorebook.set_cutoffs('credit', '{"accept": [null, 0.5], "decline": [0.5, null]}'), scorebook.decide_job('credit') \g /dev/null
SELECT results_eq('SELECT version FROM scores.credit GROUP BY 1 ORDER BY 1', 'VALUES (1), (2), (3)', 'a decision keeps the versions');

-- each row is replayed with its own version
CALL scorebook.run_job('by_both');
SELECT results_eq(format('SELECT model, verdict, count(*) > 800 FROM scorebook.replay_run(%s) GROUP BY 1, 2 ORDER BY 1', min(run)),
	$$VALUES ('credit/1', 'identical', true), ('credit/2', 'identical', true)$$, 'all of it is what it was')
FROM scores.by_both;
SELECT is(count(*), 2000::bigint, 'what another version would have said')
FROM (SELECT min(run) AS run FROM scores.by_both) AS r, scorebook.rescore_run(r.run, 'credit/3') AS s
	JOIN scores.by_both AS b ON b.name = s.key ->> 'name' JOIN applicant AS a ON a.name = b.name
WHERE s.was = ARRAY[b.score] AND array_send(s.would_be) = array_send(ARRAY[scorebook.predict('credit/3', a)]);
SELECT is(model, 'credit/2', 'and of one key') FROM (SELECT b FROM scores.by_both AS b WHERE version = 2 LIMIT 1) AS k,
	scorebook.replay_score('by_both', k.b);
SELECT is(e.base_value, x.base_value, 'an explanation is of the row''s version')
FROM (SELECT b, a FROM scores.by_both AS b JOIN applicant AS a USING (name) WHERE version = 2 LIMIT 1) AS k,
	scorebook.explain_score('by_both', k.b, top_n => 1) AS e, scorebook.explain('credit/2', k.a, top_n => 1) AS x LIMIT 1;

-- aliases that a split uses
SELECT throws_ok($$SELECT scorebook.set_alias('credit/4', 'challenger')$$, '55006', NULL, 'an alias does not move to what has another shape');
SELECT throws_ok($$SELECT scorebook.set_alias('credit/5', 'third')$$, '55006', NULL, 'or does not fit the source');
SELECT lives_ok($$SELECT scorebook.set_alias('credit/5', 'unused')$$, 'another alias does');
SELECT scorebook.set_alias('credit/3', 'challenger') \g /dev/null
SELECT throws_ok($$SELECT scorebook.retire_version('credit/3')$$, '55006', NULL, 'what is in service is not retired');
CALL scorebook.run_job('by_text');
SELECT results_eq('SELECT rows_changed, rows_confirmed FROM scorebook.run ORDER BY run DESC LIMIT 1',
	'SELECT count(*) FILTER (WHERE version = 3), count(*) FILTER (WHERE version = 1) FROM scores.by_text', 'the next run scores its share anew');
SELECT scorebook.rollback('credit', 'challenger') \g /dev/null
SELECT is_empty($$SELECT * FROM scorebook.verify_book('by_text')$$, 'the book is sound');

-- a source that one of them cannot read fails the run
SELECT throws_ok($$ALTER TABLE applicant RENAME f7 TO f8; SELECT scorebook.run_job_in_transaction('other')$$, '42703', NULL, 'a column that is gone');

-- errors
SELECT throws_ok(format('SELECT scorebook.create_job(''wrong'', ''credit'', ''applicant'', split => %L)', split), state, message, split)
FROM (VALUES
	('[]', '22023', 'the split of job "wrong" must be a JSON object of shares'),
	('{}', '22023', 'the split of job "wrong" must be a JSON object of shares'),
	('{"challenger": "half"}', '22023', 'invalid share for "challenger" in the split of job "wrong": "half"'),
	('{"challenger": 0}', '22023', 'invalid share for "challenger" in the split of job "wrong": 0'),
	('{"challenger": -0.1}', '22023', 'invalid share for "challenger" in the split of job "wrong": -0.1'),
	('{"challenger": 0.5, "third": 0.5}', '22023', 'the split of job "wrong" leaves no keys for its model'),
	('{"nosuch": 0.5}', '42704', 'model "credit" has no alias "nosuch"'),
	('{"several": 0.5}', '55000', '"credit@several" cannot serve a share of job "wrong"'),
	('{"elsewhere": 0.5}', '42804', 'the source of job "wrong" does not fit model "credit@elsewhere"')) AS e (split, state, message);
SELECT throws_ok($$SELECT scorebook.alter_job('credit', '{"split": {"several": 0.5}}')$$, '55000', NULL, 'also later');
SELECT throws_ok($$SELECT scorebook.change_job('credit', '{"split": {"challenger": 2}}')$$, '22023', NULL, 'whoever asks');
SELECT throws_ok($$SELECT scorebook.split_of('nosuch', 1)$$, '42704', NULL, 'no such job');
SELECT scorebook.alter_job('credit', '{"split": null}') \g /dev/null
CALL scorebook.run_job('credit');
SELECT is(array_agg(DISTINCT version), '{1}', 'without a split, all keys are the model''s') FROM scores.credit;

SELECT * FROM finish();
\c :home
DROP DATABASE scorebook_split;
