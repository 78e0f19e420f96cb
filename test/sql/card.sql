--
-- The card of a version, and what bytes say before they are loaded.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
SELECT scorebook.load_model_file('risk', :'fixtures' || 'early.ubj',
	description => 'Default within a year', purpose => 'Credit decisions', mode => 'governed',
	columns => '{"f0": "income", "f1": "Debt Ratio"}', classes => '{good,bad}', cutoff => 0.25,
	missing => -1, training => '{"rows": 500, "auc": 0.81}', alias => 'live') AS version;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'cat.json',
	levels => '{"city": ["berlin", "bonn", "gent", "leuven", "lyon", "oslo", "paris", "rome"]}',
	base_margin => 'offset', iterations => 5) AS version;
SELECT scorebook.load_model_file('risk', :'fixtures' || 'gblinear.json') AS version;
SELECT scorebook.retire_version('risk/2', reason => 'it learned the city''s name');
SELECT scorebook.retire_version('risk/3');

-- without what differs from server to server
CREATE VIEW card AS
SELECT ref, item, regexp_replace(regexp_replace(regexp_replace(value,
	'sha256 [0-9a-f]{64}$', 'sha256 ...'),
	'^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ by ' || current_user, 'then by me'),
	CASE item WHEN 'owner' THEN '^' || current_user || '$' WHEN 'verified' THEN '\d+\.\d+\.\d+'
		ELSE '^$' END, '...') AS value
FROM unnest(ARRAY['risk', 'risk/2', 'risk/3']) AS r (ref), scorebook.model_card(ref);
SELECT item, value FROM card WHERE ref = 'risk';
SELECT item, value FROM card WHERE ref = 'risk/2';
SELECT item, value FROM card WHERE ref = 'risk/3';
\set SHOW_CONTEXT never
SELECT * FROM scorebook.model_card('risk/4');
SELECT * FROM scorebook.model_card('risk/');

-- inspect_model stores nothing and says what the file cannot
SELECT jsonb_pretty(scorebook.inspect_model(pg_read_binary_file(:'fixtures' || 'skmissing.ubj'))
	- 'installed_version' - 'size_bytes');
SELECT model, facts ->> 'booster' AS booster, facts -> 'outputs' AS outputs, facts -> 'trees' AS trees,
	facts -> 'rounds' AS rounds, facts -> 'parallel_trees' AS parallel, facts -> 'not_in_file' AS not_in_file
FROM unnest(ARRAY['cat', 'dart', 'gblinear', 'multiout', 'noname', 'rf', 'skclass', 'softmax']) AS m (model),
	LATERAL (SELECT scorebook.inspect_model(pg_read_binary_file(:'fixtures' || model || '.ubj'))) AS i (facts)
ORDER BY model COLLATE "C";

-- both formats say the same
SELECT count(*), bool_and(scorebook.inspect_model(pg_read_binary_file(:'fixtures' || model || '.ubj'))
	- '{format,size_bytes}'::text[] = scorebook.inspect_model(pg_read_binary_file(:'fixtures' || model || '.json'))
	- '{format,size_bytes}'::text[]) AS same
FROM unnest(ARRAY['binlog', 'cat', 'dart', 'early', 'gblinear', 'multiout', 'skclass', 'skmissing']) AS m (model);

-- level names, quantiles and expectiles stand in newer files
SELECT facts -> 'levels' AS levels, facts -> 'feature_types' AS types, facts -> 'not_in_file' AS not_in_file
FROM (SELECT scorebook.inspect_model(pg_read_binary_file(:'srcdir' || '/fixtures/3.3.0/cat.ubj'))) AS i (facts);
SELECT facts -> 'quantiles' AS quantiles, facts -> 'outputs' AS outputs
FROM (SELECT scorebook.inspect_model(pg_read_binary_file(:'srcdir' || '/fixtures/3.3.0/quantile.json'))) AS i (facts);
SELECT facts -> 'expectiles' AS expectiles, facts -> 'quantiles' AS quantiles
FROM (SELECT scorebook.inspect_model(pg_read_binary_file(:'srcdir' || '/fixtures/3.3.0/expectile3.json'))) AS i (facts);
SELECT facts -> 'vector_leaves' AS vector_leaves, facts -> 'base_score' AS base_score
FROM (SELECT scorebook.inspect_model(pg_read_binary_file(:'srcdir' || '/fixtures/3.0.0/multiouttree.ubj'))) AS i (facts);
SELECT scorebook.inspect_model(NULL) IS NULL AS nothing;

DROP VIEW card;
SELECT scorebook.drop_model('risk');
