--
-- predict_set, and what each function refuses to say about a model.
--
\getenv srcdir PG_ABS_SRCDIR
\set fixtures :srcdir '/fixtures/1.7.4/'
SELECT model, scorebook.load_model_file(model, :'fixtures' || model || '.ubj', classes => classes::text[]) AS version
FROM (VALUES ('softprob', '{low,middle,high}'), ('softmax', NULL), ('binlog', '{good,bad}'), ('binraw', NULL),
	('hinge', NULL), ('sqerr', NULL), ('multiout', NULL), ('poisson', NULL), ('gblinear', NULL)) AS m (model, classes);
\set x '''{1.5,0,0,0,0,0,0,0}''::real[]'

-- all classes, the likeliest first; probabilities sum to one
SELECT class, round(probability::numeric, 3) AS probability FROM scorebook.predict_set('softprob', :x);
SELECT class, round(probability::numeric, 3) AS probability FROM scorebook.predict_set('softmax', :x);
SELECT class, round(probability::numeric, 3) AS probability FROM scorebook.predict_set('binlog', :x);
SELECT round(sum(probability)::numeric, 5) FROM scorebook.predict_set('softprob', :x);
SELECT (SELECT array_agg(probability) FROM scorebook.predict_set('softprob', :x))
	= (SELECT array_agg(p ORDER BY p DESC) FROM unnest(scorebook.predict_proba('softprob', :x)) AS p) AS same;

-- the first n, and those above a cutoff
SELECT class FROM scorebook.predict_set('softprob', :x, n => 1);
SELECT class FROM scorebook.predict_set('softprob', :x, 2);
SELECT class FROM scorebook.predict_set('softprob', :x, n => 100);
SELECT count(*) FROM scorebook.predict_set('softprob', :x, n => 0);
SELECT count(*) FROM scorebook.predict_set('softprob', :x, cutoff => 1.5);
SELECT count(*) = (SELECT count(*) FROM unnest(scorebook.predict_proba('softprob', :x)) AS p WHERE p >= 0.2::real) AS above
FROM scorebook.predict_set('softprob', :x, cutoff => 0.2);
SELECT count(*) FROM scorebook.predict_set('softprob', :x, n => NULL, cutoff => NULL);
SELECT count(*) FROM scorebook.predict_set('softprob', NULL::real[]);
SELECT scorebook.predict_set('softprob', :x, n => -1);
SELECT scorebook.predict_set('softprob', :x, cutoff => 'NaN');

-- from the other forms of input, once a row
CREATE TYPE inputs AS (f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
SELECT n, s.class, t.class
FROM generate_series(0, 2) AS n,
	LATERAL scorebook.predict_set('softprob', (n, 0, 0, 0, 0, 0, 0, 0)::inputs, 1) AS s,
	LATERAL scorebook.predict_set('softprob', to_jsonb((n, 0, 0, 0, 0, 0, 0, 0)::inputs), 1) AS t
ORDER BY n;

-- what a model cannot say
SELECT scorebook.predict('softprob', :x);
SELECT scorebook.predict('multiout', :x);
SELECT scorebook.predict('softmax', :x);
SELECT scorebook.predict_proba('binraw', :x);
SELECT scorebook.predict_proba('hinge', :x);
SELECT scorebook.predict_proba('sqerr', :x);
SELECT scorebook.predict_proba('multiout', :x);
SELECT scorebook.predict_class('sqerr', :x);
SELECT scorebook.predict_class('poisson', :x);
SELECT scorebook.predict_class('multiout', :x);
SELECT * FROM scorebook.predict_set('binraw', :x);
SELECT * FROM scorebook.predict_set('poisson', :x);
SELECT scorebook.predict_leaf('gblinear', :x);

DROP TYPE inputs;
SELECT count(scorebook.drop_model(name)) FROM (SELECT name FROM scorebook.model) AS m;
