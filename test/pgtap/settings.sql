-- The settings: what they are, who may set them, and that the limit holds.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
BEGIN;
SELECT plan(33);

-- A session that has not loaded the module yet takes any name below scorebook;
-- loading it judges who set what.
CREATE ROLE scorebook_plain;
SET LOCAL ROLE scorebook_plain;
SET LOCAL scorebook.cache_size = '8MB';
SET LOCAL client_min_messages = error;
SET LOCAL scorebook.max_model_size = '400MB';
RESET ROLE;
LOAD 'scorebook';
SET LOCAL client_min_messages = notice;
SELECT is(current_setting('scorebook.cache_size'), '8MB', 'cache_size, set by anyone before the module is loaded');
SELECT is(current_setting('scorebook.max_model_size'), '256MB', 'max_model_size is not');
RESET scorebook.cache_size;

SELECT results_eq(
	$$SELECT name, setting, unit, context, vartype, min_val, max_val, boot_val
	  FROM pg_settings WHERE name LIKE 'scorebook.%' ORDER BY name COLLATE "C"$$,
	$$VALUES ('scorebook.admission_memory', '2097152', 'kB', 'superuser', 'integer', '131072', '2147483647', '2097152'),
		('scorebook.admission_timeout', '60', 's', 'superuser', 'integer', '1', '86400', '60'),
		('scorebook.cache_size', '262144', 'kB', 'user', 'integer', '0', '2147483647', '262144'),
		('scorebook.engine', 'auto', NULL, 'user', 'enum', NULL, NULL, 'auto'),
		('scorebook.max_model_size', '262144', 'kB', 'superuser', 'integer', '1', '409600', '262144'),
		('scorebook.simd', 'auto', NULL, 'user', 'enum', NULL, NULL, 'auto')$$,
	'there are six settings');
SELECT matches(short_desc, '^[A-Z].*\.$', name || ' is described')
FROM pg_settings WHERE name LIKE 'scorebook.%' ORDER BY name COLLATE "C";

-- the prefix is reserved
SELECT throws_ok('SET scorebook.max_models = 1', '42602',
	'invalid configuration parameter name "scorebook.max_models"');

-- who may set them, and to what
SET LOCAL ROLE scorebook_plain;
SELECT lives_ok('SET LOCAL scorebook.cache_size = 0', 'anyone sets the size of the cache');
SELECT lives_ok('SET LOCAL scorebook.engine = xgboost', 'anyone chooses the engine');
SELECT throws_ok('SET LOCAL scorebook.engine = fastest', '22023', NULL, 'of those that there are');
RESET scorebook.engine;
SELECT throws_ok(format('SET scorebook.%I = %L', name, value), '42501',
	format('permission denied to set parameter "scorebook.%s"', name))
FROM (VALUES ('admission_memory', '1GB'), ('admission_timeout', '1h')) AS s (name, value);
SELECT lives_ok('SET LOCAL scorebook.simd = scalar', 'anyone chooses the instructions');
SELECT throws_ok('SET LOCAL scorebook.simd = mmx', '22023', NULL, 'of those that there are');
RESET scorebook.simd;
SELECT throws_ok('SET scorebook.max_model_size = ''1MB''', '42501',
	'permission denied to set parameter "scorebook.max_model_size"');
SELECT throws_ok('SELECT set_config(''scorebook.max_model_size'', ''1MB'', true)', '42501',
	'permission denied to set parameter "scorebook.max_model_size"');
RESET ROLE;
SELECT throws_ok('SET scorebook.max_model_size = ''401MB''', '22023', NULL, 'above 400 MB is out of range');
SELECT throws_ok('SET scorebook.max_model_size = 0', '22023', NULL, 'no models at all is out of range');
SELECT throws_ok('SET scorebook.cache_size = -1', '22023', NULL, 'a cache below nothing is out of range');
GRANT SET ON PARAMETER scorebook.max_model_size TO scorebook_plain;
SET LOCAL ROLE scorebook_plain;
SELECT lives_ok('SET LOCAL scorebook.max_model_size = ''2MB''', 'who was granted the parameter sets it');
RESET ROLE;

-- the limit is on bytes, and for whoever brings them
CREATE TEMP TABLE artifact AS
	SELECT pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj') AS bytes, :'fixtures' || '/1.7.4/binlog.ubj' AS path;
SELECT cmp_ok(octet_length(bytes), '>', 20 * 1024, 'a model of more than 20 kB') FROM artifact;
SET LOCAL scorebook.max_model_size = '20kB';
SELECT throws_ok('SELECT scorebook.load_model(''big'', bytes) FROM artifact', '54000',
	'model "big" is larger than "scorebook.max_model_size"');
SELECT throws_ok('SELECT scorebook.inspect_model(bytes) FROM artifact', '54000',
	'artifact is larger than "scorebook.max_model_size"');
SELECT throws_ok('SELECT scorebook.load_model_file(''big'', path) FROM artifact', '54000',
	format('file "%s" is larger than "scorebook.max_model_size"', path))
FROM artifact;
SELECT throws_ok('SELECT scorebook.inspect_model(convert_to(repeat(''x'', 20481), ''UTF8''))', '54000',
	'artifact is larger than "scorebook.max_model_size"', 'one byte more than the limit');
SELECT throws_ok('SELECT scorebook.inspect_model(convert_to(repeat(''x'', 20480), ''UTF8''))', '22P03',
	'artifact is not an XGBoost model', 'the limit itself is looked at');
SELECT is_empty('SELECT FROM scorebook.model WHERE name = ''big''', 'nothing is stored');

-- a model that was loaded is scored whatever the limit is now
SET LOCAL scorebook.max_model_size = '21kB';
SELECT is(scorebook.load_model('big', bytes), 1, 'the same model below the limit') FROM artifact;
SET LOCAL scorebook.max_model_size = '1kB';
SELECT is(cardinality(scorebook.predict_vector('big', array_fill(NULL::real, '{8}'))), 1,
	'the limit is one for loading');

-- a cache of nothing still holds the model that is scored
SET LOCAL scorebook.cache_size = 0;
SELECT is(count(DISTINCT scorebook.predict('big', array_fill(x::real, '{8}'))) > 1, true,
	'scoring works without a cache')
FROM generate_series(-3, 3) AS x;

SELECT * FROM finish();
ROLLBACK;
