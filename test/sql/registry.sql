--
-- Versions are numbered without gaps and never change; aliases move, and every
-- move is kept; versions retire; models go.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'

-- the first version becomes the champion, later ones move no alias by themselves
SELECT scorebook.load_model('risk', pg_read_binary_file(:'fixtures' || 'binlog.ubj'),
	description => 'Default within a year', purpose => 'Credit decisions',
	training => '{"rows": 500}') AS version;
SELECT scorebook.load_model('risk', pg_read_binary_file(:'fixtures' || 'binlog.json')) AS version;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'early.ubj', alias => 'challenger') AS version;
SELECT alias, move, version, moved_by = current_user AS by_me, reason
FROM scorebook.alias ORDER BY alias, move;

-- what a version stores
SELECT m.name, m.mode, m.owner = current_user AS mine, m.created_by = current_user AS by_me
FROM scorebook.model AS m;
SELECT version, format, objective, booster, num_feature, num_output, num_tree, num_round,
	best_iteration, iterations, base_score, xgboost_version
FROM scorebook.model_version ORDER BY version;
SELECT version, missing, base_margin, classes, cutoff, description, purpose, training
FROM scorebook.model_version ORDER BY version;
SELECT version, loaded_by = current_user AS by_me, loaded_at <= now() AS loaded,
	sha256 = sha256(artifact) AS sha256, size_bytes = octet_length(artifact) AS size,
	facts = scorebook.inspect_model(artifact) - '{installed_version,hazards}'::text[] AS facts
FROM scorebook.model_version JOIN scorebook.model_artifact USING (model_id, version)
ORDER BY version;
SELECT position, name, column_name, type, levels, on_null, on_unseen, unseen_level, on_inexact
FROM scorebook.model_feature WHERE version = 1 ORDER BY position;

-- all rounds or the caller's choice, instead of those up to the best one
SELECT scorebook.load_model_file('risk', :'fixtures' || 'early.ubj', iterations => 21, again => true) AS version;
SELECT version, iterations FROM scorebook.model_version WHERE version >= 3 ORDER BY version;

-- the same bytes once more only when asked for
SELECT scorebook.load_model_file('risk', :'fixtures' || 'early.ubj');
SELECT scorebook.load_model_file('risk', :'fixtures' || 'early.ubj', again => false);
SELECT scorebook.load_model_file('risk', :'fixtures' || 'early.ubj', again => NULL);

-- neither a rollback nor an error leaves a gap
BEGIN;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'rf.ubj') AS version;
ROLLBACK;
BEGIN;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'rf.ubj') AS version;
SAVEPOINT here;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'rf.json') AS version;
ROLLBACK TO here;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'rf.json') AS version;
SELECT scorebook.load_model('risk', '\x00');
ROLLBACK;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'rf.ubj', alias => 'rf') AS version;
SELECT array_agg(version ORDER BY version) FROM scorebook.model_version;

-- versions are immutable, for a superuser too
\set SHOW_CONTEXT never
UPDATE scorebook.model_version SET description = 'other' WHERE version = 1;
UPDATE scorebook.model_artifact SET artifact = '\x00';
UPDATE scorebook.model_feature SET on_null = 'error';
UPDATE scorebook.alias SET version = 2;

-- aliases: a new one, a move, no move where nothing changes, by another alias
SELECT scorebook.set_alias('risk/2', 'shadow', reason => 'compare');
SELECT scorebook.set_alias('risk/2', 'champion', reason => 'better on recent loans');
SELECT scorebook.set_alias('risk/2', 'champion');
SELECT scorebook.set_alias('risk', 'last_good');
SELECT scorebook.set_alias('risk@challenger', 'champion');
SELECT alias, move, version, reason FROM scorebook.alias ORDER BY alias, move;
SELECT version FROM scorebook.resolve_reference('risk');
SELECT scorebook.set_alias('risk', 'new', '1');
SELECT scorebook.set_alias('risk', 'new', 'risk/1');
SELECT scorebook.set_alias('risk/9', 'champion');
SELECT scorebook.set_alias('risk@nobody', 'champion');
SELECT scorebook.set_alias('nothing/1', 'champion');
SELECT scorebook.set_alias('risk/', 'champion');
SELECT scorebook.set_alias(NULL, 'champion');
SELECT scorebook.set_alias('risk/1', NULL);
SELECT scorebook.set_alias('risk/1', 'the best');
SELECT scorebook.set_alias('risk/1', repeat('a', 64));

-- retiring: not what an alias points to, not twice, only a version
SELECT scorebook.retire_version('risk/2');
SELECT scorebook.retire_version('risk/1', reason => 'trained on wrong dates');
SELECT scorebook.retire_version('risk/1', reason => 'again');
SELECT version, retired_by = current_user AS by_me, reason FROM scorebook.retirement;
SELECT scorebook.predict('risk/1', array_fill(0, ARRAY[8]));
SELECT scorebook.set_alias('risk/1', 'champion');
SELECT scorebook.retire_version('risk');
SELECT scorebook.retire_version('risk@champion');
SELECT scorebook.retire_version(NULL);
SELECT scorebook.retire_version('risk/9');
SELECT scorebook.retire_version('nothing/1');
SELECT scorebook.retire_version('risk/two');

-- the mode comes with the first version
SELECT scorebook.load_model_file('strict', :'fixtures' || 'sqerr.ubj', mode => 'governed') AS version;
SELECT scorebook.load_model_file('strict', :'fixtures' || 'sqerr.json') AS version;
SELECT scorebook.load_model_file('strict', :'fixtures' || 'sqlog.ubj', mode => 'experiment');
SELECT scorebook.load_model_file('strict', :'fixtures' || 'sqlog.ubj', mode => 'other');
SELECT name, mode FROM scorebook.model ORDER BY name;

-- a dropped model leaves nothing; its name begins anew
SELECT scorebook.drop_model('strict');
SELECT scorebook.drop_model('strict');
SELECT scorebook.drop_model(NULL);
SELECT scorebook.load_model_file('strict', :'fixtures' || 'sqerr.ubj') AS version;
SELECT scorebook.drop_model('strict'), scorebook.drop_model('risk');
SELECT (SELECT count(*) FROM scorebook.model) AS models,
	(SELECT count(*) FROM scorebook.model_version) AS versions,
	(SELECT count(*) FROM scorebook.model_artifact) AS artifacts,
	(SELECT count(*) FROM scorebook.model_feature) AS features,
	(SELECT count(*) FROM scorebook.alias) AS aliases,
	(SELECT count(*) FROM scorebook.retirement) AS retirements,
	(SELECT count(*) FROM scorebook.verification) AS verifications,
	(SELECT count(*) FROM scorebook.compiled_model) AS compiled,
	(SELECT count(*) FROM scorebook.golden_row) AS golden_rows,
	(SELECT count(*) FROM scorebook.model_grant) AS grants;
