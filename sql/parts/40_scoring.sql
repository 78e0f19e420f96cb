-- Scoring.  Each function takes its features in three forms: a row, matched by
-- the names of its columns; jsonb, matched by its keys; or one array, by
-- position.  All are STABLE and write nothing.

CREATE FUNCTION scorebook.predict(ref text, features record)
RETURNS real
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict';

COMMENT ON FUNCTION scorebook.predict(text, record) IS
	'the score of a model with one output: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict(ref text, features jsonb)
RETURNS real
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict';

COMMENT ON FUNCTION scorebook.predict(text, jsonb) IS
	'the score of a model with one output: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict(ref text, features anyarray)
RETURNS real
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict';

COMMENT ON FUNCTION scorebook.predict(text, anyarray) IS
	'the score of a model with one output: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_proba(ref text, features record)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_proba';

COMMENT ON FUNCTION scorebook.predict_proba(text, record) IS
	'the probability of each class: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_proba(ref text, features jsonb)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_proba';

COMMENT ON FUNCTION scorebook.predict_proba(text, jsonb) IS
	'the probability of each class: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_proba(ref text, features anyarray)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_proba';

COMMENT ON FUNCTION scorebook.predict_proba(text, anyarray) IS
	'the probability of each class: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_class(ref text, features record)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_class';

COMMENT ON FUNCTION scorebook.predict_class(text, record) IS
	'the label of the predicted class: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_class(ref text, features jsonb)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_class';

COMMENT ON FUNCTION scorebook.predict_class(text, jsonb) IS
	'the label of the predicted class: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_class(ref text, features anyarray)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_class';

COMMENT ON FUNCTION scorebook.predict_class(text, anyarray) IS
	'the label of the predicted class: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_vector(ref text, features record)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_vector';

COMMENT ON FUNCTION scorebook.predict_vector(text, record) IS
	'all outputs of a model, as XGBoost gives them: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_vector(ref text, features jsonb)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_vector';

COMMENT ON FUNCTION scorebook.predict_vector(text, jsonb) IS
	'all outputs of a model, as XGBoost gives them: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_vector(ref text, features anyarray)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_vector';

COMMENT ON FUNCTION scorebook.predict_vector(text, anyarray) IS
	'all outputs of a model, as XGBoost gives them: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_margin(ref text, features record)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_margin';

COMMENT ON FUNCTION scorebook.predict_margin(text, record) IS
	'the raw margins of a model, before its link function: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_margin(ref text, features jsonb)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_margin';

COMMENT ON FUNCTION scorebook.predict_margin(text, jsonb) IS
	'the raw margins of a model, before its link function: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_margin(ref text, features anyarray)
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_margin';

COMMENT ON FUNCTION scorebook.predict_margin(text, anyarray) IS
	'the raw margins of a model, before its link function: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_leaf(ref text, features record)
RETURNS integer[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_leaf';

COMMENT ON FUNCTION scorebook.predict_leaf(text, record) IS
	'the leaf that the row reaches in each tree: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_leaf(ref text, features jsonb)
RETURNS integer[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_leaf';

COMMENT ON FUNCTION scorebook.predict_leaf(text, jsonb) IS
	'the leaf that the row reaches in each tree: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_leaf(ref text, features anyarray)
RETURNS integer[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_predict_leaf';

COMMENT ON FUNCTION scorebook.predict_leaf(text, anyarray) IS
	'the leaf that the row reaches in each tree: of an array, in the order of the features';

CREATE FUNCTION scorebook.predict_set(ref text, features record,
	n integer DEFAULT NULL, cutoff real DEFAULT NULL)
RETURNS TABLE (class text, probability real)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 5
AS 'MODULE_PATHNAME', 'sbk_sql_predict_set';

COMMENT ON FUNCTION scorebook.predict_set(text, record, integer, real) IS
	'the likeliest classes, at most n and with at least the cutoff''s probability: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.predict_set(ref text, features jsonb,
	n integer DEFAULT NULL, cutoff real DEFAULT NULL)
RETURNS TABLE (class text, probability real)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 5
AS 'MODULE_PATHNAME', 'sbk_sql_predict_set';

COMMENT ON FUNCTION scorebook.predict_set(text, jsonb, integer, real) IS
	'the likeliest classes, at most n and with at least the cutoff''s probability: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.predict_set(ref text, features anyarray,
	n integer DEFAULT NULL, cutoff real DEFAULT NULL)
RETURNS TABLE (class text, probability real)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 5
AS 'MODULE_PATHNAME', 'sbk_sql_predict_set';

COMMENT ON FUNCTION scorebook.predict_set(text, anyarray, integer, real) IS
	'the likeliest classes, at most n and with at least the cutoff''s probability: of an array, in the order of the features';

CREATE FUNCTION scorebook.input_map(ref text, relation regclass DEFAULT NULL)
RETURNS TABLE (feature text, "column" text, type text, verdict text)
LANGUAGE c STABLE PARALLEL SAFE ROWS 30
AS 'MODULE_PATHNAME', 'sbk_sql_input_map';

COMMENT ON FUNCTION scorebook.input_map(text, regclass) IS
	'how the columns of a relation are bound to the inputs of a model; without a relation, the inputs';
