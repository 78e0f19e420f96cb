-- Explaining.  Each function takes its features in the three forms that the
-- scoring functions take, is STABLE and writes nothing.

CREATE FUNCTION scorebook.explain(ref text, features record,
	top_n integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution real, output text,
	base_value real, additivity_error real)
LANGUAGE c STABLE PARALLEL SAFE COST 100000 ROWS 30
AS 'MODULE_PATHNAME', 'sbk_sql_explain';

COMMENT ON FUNCTION scorebook.explain(text, record, integer, text) IS
	'what each feature adds to the margin of a class or output, the largest first: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.explain(ref text, features jsonb,
	top_n integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution real, output text,
	base_value real, additivity_error real)
LANGUAGE c STABLE PARALLEL SAFE COST 100000 ROWS 30
AS 'MODULE_PATHNAME', 'sbk_sql_explain';

COMMENT ON FUNCTION scorebook.explain(text, jsonb, integer, text) IS
	'what each feature adds to the margin of a class or output, the largest first: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.explain(ref text, features anyarray,
	top_n integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution real, output text,
	base_value real, additivity_error real)
LANGUAGE c STABLE PARALLEL SAFE COST 100000 ROWS 30
AS 'MODULE_PATHNAME', 'sbk_sql_explain';

COMMENT ON FUNCTION scorebook.explain(text, anyarray, integer, text) IS
	'what each feature adds to the margin of a class or output, the largest first: of an array, in the order of the features';

CREATE FUNCTION scorebook.reasons(ref text, features record,
	n integer DEFAULT 4, direction text DEFAULT 'adverse', class text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'sbk_sql_reasons';

COMMENT ON FUNCTION scorebook.reasons(text, record, integer, text, text) IS
	'the features that push the score up the most, or that matter the most: of a row, matched by the names of its columns';

CREATE FUNCTION scorebook.reasons(ref text, features jsonb,
	n integer DEFAULT 4, direction text DEFAULT 'adverse', class text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'sbk_sql_reasons';

COMMENT ON FUNCTION scorebook.reasons(text, jsonb, integer, text, text) IS
	'the features that push the score up the most, or that matter the most: of a JSON object, matched by its keys';

CREATE FUNCTION scorebook.reasons(ref text, features anyarray,
	n integer DEFAULT 4, direction text DEFAULT 'adverse', class text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'sbk_sql_reasons';

COMMENT ON FUNCTION scorebook.reasons(text, anyarray, integer, text, text) IS
	'the features that push the score up the most, or that matter the most: of an array, in the order of the features';
