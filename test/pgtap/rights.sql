-- Who may do what: every role, every function, every privilege.
--
-- The model "closed" is granted to some roles; "all_score", "all_read" and
-- "all_manage" are granted to public.  Each action is tried as each role, and
-- undone.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
\set writing 'scorebook.load_model, scorebook.load_model_file, scorebook.read_model_file, scorebook.set_alias, scorebook.retire_version, scorebook.drop_model, scorebook.grant_model, scorebook.revoke_model, scorebook.create_predictor, scorebook.verify_model'
BEGIN;
SELECT plan(1301);

CREATE ROLE scorebook_owner;
CREATE ROLE scorebook_member IN ROLE scorebook_owner;
CREATE ROLE scorebook_stranger NOINHERIT IN ROLE scorebook_owner;
CREATE ROLE scorebook_manager;
CREATE ROLE scorebook_reader;
CREATE ROLE scorebook_scorer;
CREATE ROLE scorebook_group;
CREATE ROLE scorebook_colleague IN ROLE scorebook_group;
CREATE ROLE scorebook_nobody;

CREATE TEMP TABLE subject (role name, model text, rights text[]);
INSERT INTO subject VALUES
	('scorebook_owner', 'closed', '{any,score,read,manage,own}'),
	('scorebook_member', 'closed', '{any,score,read,manage,own}'),
	('scorebook_stranger', 'closed', '{}'),
	('scorebook_manager', 'closed', '{any,score,read,manage}'),
	('scorebook_reader', 'closed', '{any,read}'),
	('scorebook_scorer', 'closed', '{any,score}'),
	('scorebook_colleague', 'closed', '{any,score}'),
	('scorebook_nobody', 'closed', '{}'),
	('scorebook_nobody', 'all_score', '{any,score}'),
	('scorebook_nobody', 'all_read', '{any,read}'),
	('scorebook_nobody', 'all_manage', '{any,score,read,manage}');

CREATE TEMP TABLE bytes AS
	SELECT pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj') AS one,
		pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.json') AS two,
		pg_read_binary_file(:'fixtures' || '/1.7.4/softprob.ubj') AS three;
CREATE SCHEMA scorebook_lent;
GRANT ALL ON SCHEMA scorebook_lent TO PUBLIC;
CREATE TABLE scorebook_lent.input AS
	SELECT 1::real AS f0, 2::real AS f1, 3::real AS f2, 4::real AS f3,
		5::real AS f4, 6::real AS f5, 7::real AS f6, 8::real AS f7;
GRANT SELECT ON bytes, scorebook_lent.input TO PUBLIC;

-- every model has rows in every table
GRANT EXECUTE ON FUNCTION :writing TO PUBLIC;
SET LOCAL ROLE scorebook_owner;
SELECT is(ARRAY[scorebook.load_model(model, one,
			golden => '[{"inputs": [1,2,3,4,5,6,7,8], "expected": 0.9029988}]'), scorebook.load_model(model, two),
		scorebook.load_model(model, one, again => true)], '{1,2,3}', 'load ' || model)
FROM bytes, unnest('{closed,all_score,all_read,all_manage}'::text[]) AS model;
SELECT scorebook.retire_version(model || '/3'), scorebook.grant_model(model, 'scorebook_group', 'score')
FROM unnest('{closed,all_score,all_read,all_manage}'::text[]) AS model \g /dev/null
SELECT scorebook.grant_model('closed', 'scorebook_manager', 'manage'),
	scorebook.grant_model('closed', 'scorebook_reader', 'read'),
	scorebook.grant_model('closed', 'scorebook_scorer', 'score'),
	scorebook.grant_model('all_score', 'public', 'score'),
	scorebook.grant_model('all_read', 'public', 'read'),
	scorebook.grant_model('all_manage', 'public', 'manage') \g /dev/null
RESET ROLE;
REVOKE EXECUTE ON FUNCTION :writing FROM PUBLIC;
CREATE TEMP TABLE id AS SELECT name AS model, model_id FROM scorebook.model;
GRANT SELECT ON id TO PUBLIC;

-- Actions, with the privileges they need, and what becomes of them without.
CREATE TEMP TABLE action
(
	needs	text[],
	command	text,				-- %1$L stands for the model
	writing	boolean NOT NULL DEFAULT false,	-- needs EXECUTE as well
	refused	text NOT NULL DEFAULT '42501'
);

INSERT INTO action (needs, command)
SELECT '{score}', format('SELECT scorebook.%s(%%1$L, %s) FROM scorebook_lent.input AS i', f, form)
FROM unnest('{predict,predict_vector,predict_proba,predict_class,predict_margin,predict_leaf,predict_set,explain,reasons}'::text[]) AS f,
	unnest('{i,to_jsonb(i),"ARRAY[f0,f1,f2,f3,f4,f5,f6,f7]"}'::text[]) AS form;

INSERT INTO action (needs, command) VALUES
	('{score}', 'SELECT scorebook.predict(%1$L || ''/2'', i) FROM scorebook_lent.input AS i'),
	('{score}', 'SELECT scorebook.predict(%1$L || ''@champion'', i) FROM scorebook_lent.input AS i'),
	('{any}', 'SELECT scorebook.input_map(%1$L)'),
	('{any}', 'SELECT scorebook.input_map(%1$L, ''scorebook_lent.input'')'),
	('{score}', 'SELECT scorebook.resolve_reference(%1$L)'),
	('{read}', 'SELECT scorebook.resolve_reference(%1$L, ''read'')'),
	('{manage}', 'SELECT scorebook.resolve_reference(%1$L, ''manage'')'),
	('{own}', 'SELECT scorebook.resolve_reference(%1$L, ''own'')'),
	('{read}', 'SELECT scorebook.model_card(%1$L)');

INSERT INTO action (needs, command, writing) VALUES
	('{manage}', 'SELECT scorebook.load_model(%1$L, three) FROM bytes', true),
	('{manage}', 'SELECT scorebook.load_model(%1$L, one, again => true, alias => ''trial'') FROM bytes', true),
	('{manage}', 'SELECT scorebook.set_alias(%1$L || ''/2'', ''champion'')', true),
	('{manage}', 'SELECT scorebook.set_alias(%1$L, ''trial'', reason => ''a try'')', true),
	('{manage}', 'SELECT scorebook.retire_version(%1$L || ''/2'')', true),
	('{manage}', 'SELECT scorebook.verify_model(%1$L || ''/2'')', true),
	('{manage}', 'SELECT scorebook.grant_model(%1$L, ''scorebook_nobody'', ''manage'')', true),
	('{manage}', 'SELECT scorebook.revoke_model(%1$L, ''scorebook_group'', ''score'')', true),
	('{own}', 'SELECT scorebook.drop_model(%1$L)', true),
	('{read,score}', 'SELECT scorebook.create_predictor(%1$L, ''scorebook_lent'')', true);

-- rows that a role may not see are not there: 1 / 0
INSERT INTO action (needs, command, refused)
SELECT CASE WHEN t IN ('model_artifact', 'compiled_model') THEN '{own}'::text[] ELSE '{read}' END,
	format('SELECT 1 / count(*) FROM scorebook.%I AS t JOIN id USING (model_id) WHERE model = %%1$L', t),
	'22012'
FROM unnest('{model,model_version,model_artifact,model_feature,alias,retirement,compiled_model,golden_row,verification,model_grant}'::text[]) AS t;

-- nobody writes the tables, or takes what runs with the rights of their owner
INSERT INTO action (needs, command)
SELECT '{superuser}', format(command, t)
FROM unnest('{model,model_version,model_artifact,model_feature,alias,retirement,compiled_model,golden_row,verification,model_grant}'::text[]) AS t,
	unnest('{INSERT INTO scorebook.%I SELECT,SELECT FROM scorebook.%I FOR UPDATE,DELETE FROM scorebook.%I,TRUNCATE scorebook.%I}'::text[]) AS command;
INSERT INTO action (needs, command) VALUES
	('{superuser}', 'SELECT nextval(''scorebook.model_model_id_seq'')'),
	('{superuser}', 'SELECT scorebook.drop_model_internal(''scorebook_owner'', %1$L)'),
	('{superuser}', 'SELECT scorebook.lock_model_internal(''scorebook_owner'', %1$L, ''own'')'),
	('{superuser}', 'SELECT scorebook.set_alias_internal(''scorebook_owner'', %1$L, ''trial'')'),
	('{superuser}', 'SELECT scorebook.try_model_internal(%1$L, one, 0) FROM bytes');

-- What becomes of a command: ok, or its SQLSTATE.
CREATE FUNCTION pg_temp.attempt(role name, command text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE command;
	RAISE EXCEPTION USING ERRCODE = 'UNDO1';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE SQLSTATE WHEN 'UNDO1' THEN 'ok' ELSE SQLSTATE END;
END
$$;

-- as installed, the functions that write are closed to all, owners too
SELECT is(pg_temp.attempt(role, format(command, model)), '42501',
	format('%s, without EXECUTE: %s', role, format(command, model)))
FROM subject, action WHERE writing
ORDER BY role, model, command;

GRANT EXECUTE ON FUNCTION :writing TO PUBLIC;

SELECT is(pg_temp.attempt(role, format(command, model)),
	CASE WHEN needs <@ rights THEN 'ok' ELSE refused END,
	format('%s: %s', role, format(command, model)))
FROM subject, action
ORDER BY role, model, command;

SELECT is(scorebook.has_model_privilege(role, model_id, privilege), privilege = ANY (rights),
	format('has_model_privilege: %s, %s, %s', role, model, privilege))
FROM subject JOIN id USING (model), unnest('{score,read,manage,own}'::text[]) AS privilege
ORDER BY role, model, privilege;
SELECT is(scorebook.has_model_privilege('scorebook_owner', 0, 'score'), false,
	'no privilege on a model that is not there');
SELECT is(scorebook.has_model_privilege('scorebook_unknown', model_id, 'score'), false,
	'a role that is not there has no privilege on ' || model)
FROM id WHERE model = 'closed';

-- whoever loads the first version owns the model, by its name
SELECT is(pg_temp.attempt('scorebook_nobody', 'SELECT scorebook.load_model(''fresh'', one) FROM bytes'), 'ok',
	'a role with EXECUTE loads a model of its own');
SET LOCAL ROLE scorebook_manager;
SELECT is(scorebook.load_model('closed', three), 4, 'a manager loads a version') FROM bytes;
RESET ROLE;
SELECT is((owner, v.loaded_by)::text, '(scorebook_owner,scorebook_manager)',
	'the model stays its owner''s, and the version says who loaded it')
FROM scorebook.model AS m JOIN scorebook.model_version AS v USING (model_id)
WHERE m.name = 'closed' AND v.version = 4;

-- files on the server
\set load_file 'SELECT scorebook.load_model_file(''fresh'', ''':fixtures'/1.7.4/binlog.ubj'')'
CREATE ROLE scorebook_files IN ROLE pg_read_server_files;
SELECT is(pg_temp.attempt('scorebook_files', :'load_file'), 'ok',
	'a member of pg_read_server_files loads a file');
SELECT is(pg_temp.attempt(role, :'load_file'), '42501', role || ' does not')
FROM (SELECT DISTINCT role FROM subject) AS s ORDER BY role;

-- a view has the rights of its owner on tables, and not on models
CREATE VIEW scorebook_lent.scores AS
	SELECT scorebook.predict('closed', i) AS score FROM scorebook_lent.input AS i;
ALTER VIEW scorebook_lent.scores OWNER TO scorebook_owner;
GRANT SELECT ON scorebook_lent.scores TO PUBLIC;
SELECT is(pg_temp.attempt(role, 'SELECT score FROM scorebook_lent.scores'),
	CASE WHEN 'score' = ANY (rights) THEN 'ok' ELSE '42501' END, role || ': a view that scores')
FROM subject WHERE model = 'closed' ORDER BY role;

-- a predictor has the rights of its maker on the model
SET LOCAL ROLE scorebook_owner;
SELECT is(scorebook.create_predictor('closed/1', 'scorebook_lent', 'made')::text,
	'scorebook_lent.made(scorebook_lent.made_input)', 'the owner makes a predictor');
RESET ROLE;
\set call 'SELECT scorebook_lent.made(ROW(1,2,3,4,5,6,7,8)::scorebook_lent.made_input)'
SELECT is(pg_temp.attempt('scorebook_nobody', :'call'), '42501', 'a predictor is not for all');
GRANT EXECUTE ON FUNCTION scorebook_lent.made TO scorebook_nobody;
SELECT is(pg_temp.attempt('scorebook_nobody', :'call'), 'ok', 'EXECUTE on it is enough');

-- what the refused are told
SET LOCAL ROLE scorebook_nobody;
SELECT throws_ok('SELECT scorebook.predict(''closed'', i) FROM scorebook_lent.input AS i', '42501',
	'permission denied for model "closed"');
SELECT throws_ok('SELECT scorebook.set_alias(''closed'', ''trial'')', '42501',
	'permission denied for model "closed"');
SELECT throws_ok('SELECT scorebook.predict(''closed/77'', i) FROM scorebook_lent.input AS i', '42501',
	'permission denied for model "closed"', 'nothing is told of its versions');
SELECT throws_ok('SELECT scorebook.predict(''closed@secret'', i) FROM scorebook_lent.input AS i', '42501',
	'permission denied for model "closed"', 'nor of its aliases');
SELECT throws_ok('SELECT scorebook.predict(''unknown'', i) FROM scorebook_lent.input AS i', '42704',
	'model "unknown" does not exist');
RESET ROLE;

-- a privilege that was taken back is gone in the same transaction
SELECT scorebook.revoke_model('closed', 'scorebook_scorer', 'score') \g /dev/null
SELECT is(pg_temp.attempt('scorebook_scorer', 'SELECT scorebook.predict(''closed'', i) FROM scorebook_lent.input AS i'),
	'42501', 'revoked');
-- a name that no role has gives no right
DROP ROLE scorebook_reader;
SELECT is(scorebook.has_model_privilege('scorebook_reader', model_id, 'read'), false, 'a role that was dropped')
FROM id WHERE model = 'closed';

SELECT * FROM finish();
ROLLBACK;
