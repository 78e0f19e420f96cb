\echo Use "CREATE EXTENSION scorebook" to load this file. \quit

-- Whoever owned the schema, or could create in it, could plant functions that
-- are called instead of ours.
DO $$
BEGIN
	IF EXISTS (
		SELECT
		FROM pg_catalog.pg_namespace AS n
			JOIN pg_catalog.pg_authid AS o ON o.oid OPERATOR(pg_catalog.=) n.nspowner
		WHERE n.nspname OPERATOR(pg_catalog.=) 'scorebook'::pg_catalog.name
			AND (NOT o.rolsuper
				 OR EXISTS (
					SELECT
					FROM pg_catalog.aclexplode(n.nspacl) AS a
					WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'::pg_catalog.text
						AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner))) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = 'schema "scorebook" belongs to others',
			DETAIL = 'Its owner is not a superuser, or others may create in it.',
			HINT = 'Look for what they have put there, then give the schema to a superuser and revoke CREATE on it.';
	END IF;
END
$$;

COMMENT ON SCHEMA scorebook IS
	'scorebook: XGBoost models in the database, scored by SQL functions';

GRANT USAGE ON SCHEMA scorebook TO PUBLIC;
