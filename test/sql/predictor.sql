--
-- input_map shows how columns are matched before anything is scored;
-- create_predictor makes a typed function of a model.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
\set SHOW_CONTEXT never
SELECT scorebook.load_model_file('risk', :'fixtures' || 'cat.ubj', base_margin => 'offset',
	columns => '{"f0": "income", "f1": "Debt Ratio", "f2": "income"}',
	levels => '{"city": ["berlin", "bonn", "gent", "leuven", "lyon", "oslo", "paris", "rome"]}') AS version;
SELECT scorebook.load_model_file('grade', :'fixtures' || 'softprob.ubj') AS version;
SELECT scorebook.load_model_file('class-of.row', :'fixtures' || 'softmax.ubj') AS version;

-- the inputs alone, and against a table, a view, a composite type
SELECT * FROM scorebook.input_map('risk');
CREATE TABLE applicant (id int, "Debt Ratio" numeric(6, 3), income int, f3 date, f4 boolean, f5 text, f6 real, city real, "offset" float8);
CREATE VIEW applicants AS SELECT *, 'bonn'::varchar(20) AS f7 FROM applicant;
CREATE TYPE narrow AS (city char(6), f3 int[]);
SELECT * FROM scorebook.input_map('risk', 'applicant');
SELECT * FROM scorebook.input_map('risk', 'applicants');
SELECT * FROM scorebook.input_map('risk/1', 'narrow') WHERE verdict <> 'no such column';
SELECT * FROM scorebook.input_map('grade', 'pg_class') LIMIT 1;
SELECT count(*) FROM scorebook.input_map('risk', NULL);
SELECT * FROM scorebook.input_map('nothing');

-- a predictor takes the inputs by name and type
CREATE SCHEMA scoring;
SELECT scorebook.create_predictor('risk', 'scoring');
\d scoring.risk_input
SELECT scorebook.create_predictor('grade@champion', 'scoring');
SELECT scorebook.create_predictor('class-of.row/1', 'scoring');
SELECT scorebook.create_predictor('risk/1', 'scoring', 'Risk of default');
SELECT p.oid::regprocedure AS function, p.prorettype::regtype AS result, p.provolatile, p.proparallel, p.proisstrict, p.prosecdef,
	has_function_privilege('public', p.oid, 'EXECUTE') AS public, obj_description(p.oid, 'pg_proc') AS comment
FROM pg_proc AS p WHERE pronamespace = 'scoring'::regnamespace ORDER BY proname COLLATE "C";
SELECT scoring.risk((1, 2, 3, 4, 5, 6, 7, 'bonn', 0.5)::scoring.risk_input)
	= scorebook.predict('risk', ARRAY[1, 2, 1, 3, 4, 5, 6, 7, 1, 0.5]) AS same;
SELECT scoring.risk(i) = scorebook.predict('risk', ARRAY[1, 2, 1, 3, 4, 5, 6, 7, 1, 0.5]) AS same
FROM jsonb_populate_record(NULL::scoring.risk_input, '{"income": 1, "Debt Ratio": 2, "f3": 3, "f4": 4, "f5": 5, "f6": 6, "f7": 7,
	"city": "bonn", "offset": 0.5}') AS i;
SELECT scoring.grade((1, 2, 3, 4, 5, 6, 7, 8)::scoring.grade_input) = scorebook.predict_vector('grade', ARRAY[1, 2, 3, 4, 5, 6, 7, 8]) AS same;
SELECT scoring.risk(NULL) IS NULL AS nothing;

-- EXECUTE on it is all that others need
CREATE ROLE regress_analyst;
GRANT USAGE ON SCHEMA scoring TO regress_analyst;
SET ROLE regress_analyst;
SELECT scoring.risk((1, 2, 3, 4, 5, 6, 7, 'bonn', 0.5)::scoring.risk_input) IS NOT NULL AS scored;
RESET ROLE;
GRANT EXECUTE ON FUNCTION scoring.risk TO regress_analyst;
SET ROLE regress_analyst;
SELECT scoring.risk((1, 2, 3, 4, 5, 6, 7, 'bonn', 0.5)::scoring.risk_input) IS NOT NULL AS scored;
SELECT scorebook.predict('risk', '{}'::jsonb);
RESET ROLE;

-- what cannot be made
SELECT scorebook.create_predictor('risk', 'scoring');
SELECT scorebook.create_predictor('risk', 'nowhere');
SELECT scorebook.create_predictor('nothing', 'scoring');
SELECT scorebook.create_predictor(NULL, 'scoring');
SELECT scorebook.create_predictor('risk', NULL);
SELECT scorebook.load_model_file('wordy', :'fixtures' || 'noname.ubj',
	features => ARRAY(SELECT CASE i WHEN 1 THEN repeat('x', 64) ELSE 'f' || i END FROM generate_series(1, 8) AS i)) AS version;
SELECT scorebook.create_predictor('wordy', 'scoring');

\set VERBOSITY terse
DROP SCHEMA scoring CASCADE;
DROP TYPE narrow;
DROP VIEW applicants;
DROP TABLE applicant;
DROP ROLE regress_analyst;
SELECT count(scorebook.drop_model(name)) FROM (SELECT name FROM scorebook.model) AS m;
