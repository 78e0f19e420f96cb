--
-- What load_model is told must fit what the file says; what does not is an
-- error that names the model and what is wrong, and nothing is stored.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
\set SHOW_CONTEXT never
SELECT pg_read_binary_file(:'fixtures' || 'binlog.ubj') AS binlog,
	pg_read_binary_file(:'fixtures' || 'cat.ubj') AS cat,
	pg_read_binary_file(:'fixtures' || 'noname.ubj') AS noname,
	pg_read_binary_file(:'fixtures' || 'softprob.ubj') AS softprob,
	pg_read_binary_file(:'fixtures' || 'sqerr.ubj') AS sqerr,
	pg_read_binary_file(:'fixtures' || 'gblinear.ubj') AS gblinear \gset
\set cities '"berlin", "bonn", "gent", "leuven", "lyon", "oslo", "paris", "rome"'

-- names
SELECT scorebook.load_model(NULL, :'sqerr');
SELECT scorebook.load_model('', :'sqerr');
SELECT scorebook.load_model('two words', :'sqerr');
SELECT scorebook.load_model('"quoted"', :'sqerr');
SELECT scorebook.load_model('it''s', :'sqerr');
SELECT scorebook.load_model('risk/1', :'sqerr');
SELECT scorebook.load_model('risk@champion', :'sqerr');
SELECT scorebook.load_model('1st', :'sqerr');
SELECT scorebook.load_model('modèle', :'sqerr');
SELECT scorebook.load_model(repeat('m', 64), :'sqerr');
SELECT scorebook.load_model('m', :'sqerr', alias => 'the best');
SELECT scorebook.load_model('m', :'sqerr', alias => repeat('a', 64));
SELECT scorebook.load_model('m', :'sqerr', mode => 'production');

-- features
SELECT scorebook.load_model('m', :'sqerr', features => '{a,b,c,d,e,f,g,h}');
SELECT scorebook.load_model('m', :'noname', features => '{a,b,c}');
SELECT scorebook.load_model('m', :'noname', features => '{a,b,c,d,e,f,g,NULL}');
SELECT scorebook.load_model('m', :'noname', features => '{a,b,c,d,e,f,g,a}');
SELECT scorebook.load_model('m', :'noname', features => '{{a,b,c,d},{e,f,g,h}}');
SELECT scorebook.load_model('m', :'noname', features => '{}');

-- columns
SELECT scorebook.load_model('m', :'sqerr', columns => '{"income": "f0"}');
SELECT scorebook.load_model('m', :'sqerr', columns => '["f0"]');
SELECT scorebook.load_model('m', :'sqerr', columns => 'null');
SELECT scorebook.load_model('m', :'sqerr', columns => jsonb_build_object('f0', repeat('c', 64)));
BEGIN;
SELECT scorebook.load_model('m', :'sqerr', columns => '{"f0": null}');
ROLLBACK;
BEGIN;
SELECT scorebook.load_model('m', :'sqerr', columns => '{"f0": ["a", "b"]}');
ROLLBACK;

-- levels
SELECT scorebook.load_model('m', :'cat');
SELECT scorebook.load_model('m', :'cat', levels => '{}');
SELECT scorebook.load_model('m', :'cat', levels => '[]');
SELECT scorebook.load_model('m', :'cat', levels => '{"town": ["berlin"]}');
SELECT scorebook.load_model('m', :'cat', levels => '{"city": []}');
SELECT scorebook.load_model('m', :'cat', levels => '{"city": "berlin"}');
SELECT scorebook.load_model('m', :'cat', levels => '{"city": null}');
SELECT scorebook.load_model('m', :'cat', levels => '{"city": ["berlin", null]}');
SELECT scorebook.load_model('m', :'cat', levels => '{"city": ["berlin", "berlin"]}');
SELECT scorebook.load_model('m', :'cat', levels => ('{"f0": ["low", "high"], "city": [' || :'cities' || ']}')::jsonb);

-- a file that holds types or levels is not contradicted
SELECT convert_from(pg_read_binary_file(:'fixtures' || 'cat.json'), 'UTF8') AS json \gset
SELECT scorebook.load_model('m', convert_to(replace(:'json',
	'"feature_types":["float","float","float","float","float","float","float","float","c"]', '"feature_types":[]'), 'UTF8'));
SELECT convert_to(regexp_replace(convert_from(pg_read_binary_file(:'srcdir' || '/fixtures/3.3.0/cat.json'), 'UTF8'),
	'"base_score":"[^"]*"', '"base_score":"5E-1"'), 'UTF8') AS newer \gset
SELECT scorebook.load_model('m', :'newer', levels => '{"city": ["berlin", "bonn"]}');

-- policies
SELECT scorebook.load_model('m', :'sqerr', policies => '[]');
SELECT scorebook.load_model('m', :'sqerr', policies => '{"income": {"on_null": "error"}}');
SELECT scorebook.load_model('m', :'sqerr', policies => '{"f0": "error"}');
SELECT scorebook.load_model('m', :'sqerr', policies => '{"f0": {"on_null": "zero"}}');
SELECT scorebook.load_model('m', :'sqerr', policies => '{"f0": {"on_inexact": "truncate"}}');
SELECT scorebook.load_model('m', :'sqerr', policies => '{"f0": {"on_zero": "error"}}');
SELECT scorebook.load_model('m', :'sqerr', policies => '{"f0": {"on_unseen": "missing"}}');
SELECT scorebook.load_model('m', :'cat', levels => ('{"city": [' || :'cities' || ']}')::jsonb,
	policies => '{"city": {"on_unseen": "level"}}');
SELECT scorebook.load_model('m', :'cat', levels => ('{"city": [' || :'cities' || ']}')::jsonb,
	policies => '{"city": {"on_unseen": {"code": 0}}}');
SELECT scorebook.load_model('m', :'cat', levels => ('{"city": [' || :'cities' || ']}')::jsonb,
	policies => '{"city": {"on_unseen": {"level": "vienna"}}}');
BEGIN;
SELECT scorebook.load_model('m', :'cat', levels => ('{"city": [' || :'cities' || ']}')::jsonb,
	policies => '{"city": {"on_unseen": {"level": "bonn", "warn": true}}}');
ROLLBACK;

-- classes and cutoff
SELECT scorebook.load_model('m', :'sqerr', classes => '{no,yes}');
SELECT scorebook.load_model('m', :'binlog', classes => '{yes}');
SELECT scorebook.load_model('m', :'binlog', classes => '{yes,yes}');
SELECT scorebook.load_model('m', :'binlog', classes => '{no,NULL}');
SELECT scorebook.load_model('m', :'softprob', classes => '{low,high}');
SELECT scorebook.load_model('m', :'binlog', cutoff => 0);
SELECT scorebook.load_model('m', :'binlog', cutoff => 1);
SELECT scorebook.load_model('m', :'binlog', cutoff => 'NaN');
SELECT scorebook.load_model('m', :'softprob', cutoff => 0.3);
SELECT scorebook.load_model('m', :'sqerr', cutoff => 0.3);
SELECT scorebook.load_model_file('m', :'fixtures' || 'hinge.ubj', cutoff => 0.3);

-- rounds, base margin, missing
SELECT scorebook.load_model('m', :'sqerr', iterations => 0);
SELECT scorebook.load_model('m', :'sqerr', iterations => 13);
BEGIN;
SELECT scorebook.load_model('m', :'gblinear', iterations => 3);
ROLLBACK;
SELECT scorebook.load_model('m', :'softprob', base_margin => 'offset');
BEGIN;
SELECT scorebook.load_model('m', :'sqerr', base_margin => repeat('c', 64));
ROLLBACK;
BEGIN;
SELECT scorebook.load_model('m', :'sqerr', missing => 'Infinity');
ROLLBACK;

-- golden rows that do not hold
SELECT scorebook.load_model('m', :'binlog', golden => '[{"inputs": [1,2,3,4,5,6,7,8], "expected": 0.9029988},
	{"inputs": {"f0": 1, "f1": 2, "f2": 3, "f3": 4, "f4": 5, "f5": 6, "f6": 7, "f7": 8}, "expected": 0.5}]');
SELECT scorebook.load_model('m', :'binlog', golden => '[{"inputs": [1,2,3,4,5,6,7,8], "expected": 0.903}]', tolerance => 1e-9);

-- nothing was stored by any of these
SELECT (SELECT count(*) FROM scorebook.model) AS models, (SELECT count(*) FROM scorebook.model_artifact) AS artifacts;
