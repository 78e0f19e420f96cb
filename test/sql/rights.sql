--
-- Who may do what.  The owner of a model has all rights on it and grants
-- score, read and manage; the DBA grants the functions that write.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
\set x '''{1,2,3,4,5,6,7,8}''::real[]'
\set SHOW_CONTEXT never
CREATE ROLE regress_owner;
CREATE ROLE regress_member IN ROLE regress_owner;
CREATE ROLE regress_manager;
CREATE ROLE regress_reader;
CREATE ROLE regress_scorer;
CREATE ROLE regress_nobody;
GRANT CREATE ON SCHEMA public TO regress_owner, regress_nobody;

-- the writing functions are not everyone's, nor are the tables and the limits
LOAD 'scorebook';
SET ROLE regress_owner;
SELECT scorebook.load_model('risk', '\x00');
SELECT scorebook.load_model_file('risk', '/model.ubj');
SELECT scorebook.set_alias('risk/1', 'champion');
SELECT scorebook.retire_version('risk/1');
SELECT scorebook.drop_model('risk');
SELECT scorebook.grant_model('risk', 'public', 'score');
SELECT scorebook.revoke_model('risk', 'public', 'score');
SELECT scorebook.create_predictor('risk', 'public');
SELECT scorebook.read_model_file('/etc/passwd');
SELECT scorebook.grant_model_internal('regress_owner', 'risk', 'public', 'score');
INSERT INTO scorebook.model VALUES (DEFAULT, 'risk', 'regress_owner', 'experiment', now(), 'regress_owner');
DELETE FROM scorebook.model_version;
SET scorebook.max_model_size = '400MB';
RESET ROLE;

-- with them, a file on the server still needs pg_read_server_files
CREATE FUNCTION fixture(name text) RETURNS bytea LANGUAGE sql SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS 'SELECT pg_read_binary_file(name)';
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA scorebook TO regress_owner, regress_manager, regress_nobody;
SET ROLE regress_owner;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'sqerr.ubj');
RESET ROLE;
GRANT pg_read_server_files TO regress_owner;
SET ROLE regress_owner;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'sqerr.ubj') AS version;
SELECT scorebook.load_model('risk', fixture(:'fixtures' || 'sqerr.json'), alias => 'next') AS version;
SELECT scorebook.grant_model('risk', 'regress_manager', 'manage');
SELECT scorebook.grant_model('risk', 'regress_reader', 'read');
SELECT scorebook.grant_model('risk', 'regress_scorer', 'score');
SELECT scorebook.grant_model('risk', 'regress_scorer', 'score');
RESET ROLE;
SELECT name, owner, created_by FROM scorebook.model;
SELECT loaded_by FROM scorebook.model_version ORDER BY version;
SELECT grantee, privilege, granted_by FROM scorebook.model_grant ORDER BY 1, 2;

-- what each of them may do
CREATE FUNCTION may(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT ' || call;
	RETURN 'yes';
EXCEPTION WHEN insufficient_privilege THEN
	RETURN 'no';
WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;
CREATE VIEW rights AS SELECT current_user AS role, may($$scorebook.predict('risk', '{1,2,3,4,5,6,7,8}'::real[])$$) AS score,
	may($$count(*) FROM scorebook.model_card('risk')$$) AS card, may($$count(*) FROM scorebook.input_map('risk')$$) AS map,
	(SELECT count(*) FROM scorebook.model) + (SELECT count(*) FROM scorebook.model_version) + (SELECT count(*) FROM scorebook.model_feature)
	+ (SELECT count(*) FROM scorebook.alias) + (SELECT count(*) FROM scorebook.model_grant) AS rows,
	(SELECT count(*) FROM scorebook.model_artifact) AS artifacts, may($$scorebook.set_alias('risk/1', 'champion')$$) AS manage;
ALTER VIEW rights SET (security_invoker);
GRANT SELECT ON rights TO PUBLIC;
SET ROLE regress_owner; SELECT * FROM rights;
SET ROLE regress_member; SELECT * FROM rights;
SET ROLE regress_manager; SELECT * FROM rights;
SET ROLE regress_reader; SELECT * FROM rights;
SET ROLE regress_scorer; SELECT * FROM rights;
SET ROLE regress_nobody; SELECT * FROM rights;

-- the message says which privilege is lacking, and not whether there is such a version
SELECT scorebook.predict('risk', :x);
SELECT scorebook.predict('risk/9', :x);
SELECT scorebook.predict('risk@nothing', :x);
SELECT * FROM scorebook.model_card('risk/9');
SELECT scorebook.set_alias('risk/9', 'champion');
SELECT scorebook.retire_version('risk/9');
SELECT scorebook.drop_model('risk');
SELECT scorebook.load_model('risk', fixture(:'fixtures' || 'sqlog.ubj'));
SELECT scorebook.grant_model('risk', 'regress_nobody', 'score');
SELECT scorebook.revoke_model('risk', 'regress_scorer', 'score');
-- nor does it help to call what works behind them
SELECT scorebook.grant_model_internal('regress_owner', 'risk', 'public', 'score');
SELECT scorebook.lock_model_internal('regress_owner', 'risk', 'own');
-- managing is not owning
SET ROLE regress_manager;
SELECT scorebook.load_model('risk', fixture(:'fixtures' || 'sqlog.ubj')) AS version;
SELECT scorebook.retire_version('risk/3');
SELECT scorebook.drop_model('risk');
SELECT count(*) FROM scorebook.model_artifact;
RESET ROLE;
SELECT version, loaded_by FROM scorebook.model_version WHERE version = 3;

-- grants that cannot be
SELECT scorebook.grant_model('risk', 'regress_scorer', 'write');
SELECT scorebook.grant_model('risk', 'regress_scorer', 'own');
SELECT scorebook.grant_model('risk', 'regress_scorer', NULL);
SELECT scorebook.grant_model('risk', NULL, 'score');
SELECT scorebook.grant_model('risk', 'regress_missing', 'score');
SELECT scorebook.grant_model('nothing', 'regress_scorer', 'score');
SELECT scorebook.grant_model(NULL, 'regress_scorer', 'score');
SELECT scorebook.revoke_model('risk', 'regress_nobody', 'score');
SELECT scorebook.revoke_model('risk', 'regress_missing', 'score');

-- to public and back; a revoked right is gone for a call site that had it
SELECT scorebook.grant_model('risk', 'public', 'score');
SET ROLE regress_nobody;
PREPARE score AS SELECT scorebook.predict('risk', :x) IS NOT NULL AS scored;
EXECUTE score;
RESET ROLE;
SELECT scorebook.revoke_model('risk', 'public', 'score');
SET ROLE regress_nobody;
EXECUTE score;
RESET ROLE;
DEALLOCATE score;

-- a view asks for the right of the role that queries it, a SECURITY DEFINER function for its owner's
SET ROLE regress_owner;
CREATE VIEW scores AS SELECT scorebook.predict('risk', '{1,2,3,4,5,6,7,8}'::real[]) IS NOT NULL AS scored;
GRANT SELECT ON scores TO PUBLIC;
CREATE FUNCTION score() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
	AS $$SELECT scorebook.predict('risk', '{1,2,3,4,5,6,7,8}'::real[]) IS NOT NULL$$;
SET ROLE regress_scorer;
SELECT scored FROM scores;
SET ROLE regress_nobody;
SELECT scored FROM scores;
SELECT score();
RESET ROLE;
-- the right is the current role's within one statement, too
CREATE FUNCTION as_role(role name) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('role', role, true);
	RETURN scorebook.predict('risk', '{1,2,3,4,5,6,7,8}'::real[]) IS NOT NULL;
EXCEPTION WHEN insufficient_privilege THEN
	RETURN false;
END
$$;
BEGIN;
SELECT r, as_role(r) FROM unnest(ARRAY['regress_owner', 'regress_nobody', 'regress_scorer']::name[]) AS r;
ROLLBACK;

-- what the policies of the tables ask
SELECT scorebook.has_model_privilege('regress_missing', model_id, 'score') AS missing,
	scorebook.has_model_privilege('regress_scorer', model_id, 'score') AS scorer,
	scorebook.has_model_privilege('regress_scorer', model_id, 'read') AS reads,
	scorebook.has_model_privilege('regress_manager', model_id, 'score') AS manager,
	scorebook.has_model_privilege('regress_manager', model_id, 'own') AS owns,
	scorebook.has_model_privilege('regress_scorer', 0, 'score') AS no_model FROM scorebook.model;

SET ROLE regress_owner;
DROP VIEW scores;
DROP FUNCTION score;
SELECT scorebook.drop_model('risk');
RESET ROLE;
DROP VIEW rights;
DROP FUNCTION fixture, may, as_role;
DROP OWNED BY regress_owner, regress_manager, regress_nobody;
DROP ROLE regress_owner, regress_member, regress_manager, regress_reader, regress_scorer, regress_nobody;
