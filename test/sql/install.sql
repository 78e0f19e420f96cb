--
-- The extension installs into its own schema only, and what it brings is
-- complete: comments, rights, tables that a dump carries, settings.
--
CREATE EXTENSION scorebook SCHEMA public;
CREATE EXTENSION scorebook;

-- nothing without a comment
SELECT pg_catalog.pg_describe_object(d.classid, d.objid, 0) AS uncommented
FROM pg_catalog.pg_depend AS d
WHERE d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'scorebook')
	AND d.deptype = 'e'
	AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass)
	AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c
					WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind = 'S')
	AND pg_catalog.obj_description(d.objid, (SELECT relname FROM pg_catalog.pg_class AS k
											 WHERE k.oid = d.classid)) IS NULL
ORDER BY 1;

-- what anyone may execute, and what the DBA grants
SELECT p.proname AS function, pg_catalog.count(*) AS forms,
	pg_catalog.bool_and(pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')) AS public
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'scorebook'::regnamespace
	AND p.proname !~ '_internal$'
GROUP BY p.proname
ORDER BY public DESC, p.proname COLLATE "C";

-- internal functions are nobody's but the owner's
SELECT pg_catalog.count(*) > 0 AS there,
	pg_catalog.bool_or(pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')) AS public
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'scorebook'::regnamespace AND p.proname ~ '_internal$';

-- scoring is stable and may run in parallel workers
SELECT DISTINCT p.provolatile, p.proparallel, p.procost, p.prosecdef
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'scorebook'::regnamespace AND p.proname ~ '^predict';

-- no function written in SQL trusts the caller's search path, but for those
-- that run a query of the caller's
SELECT p.proname
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'scorebook'::regnamespace AND l.lanname IN ('sql', 'plpgsql')
	AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)
	AND p.prosqlbody IS NULL -- else its names are bound
ORDER BY p.proname COLLATE "C";

-- tables, and their place in a dump
SELECT c.relname COLLATE "C" AS relation, c.relkind AS kind, c.relrowsecurity AS row_security,
	c.oid = ANY (e.extconfig) AS dumped
FROM pg_catalog.pg_class AS c, pg_catalog.pg_extension AS e
WHERE e.extname = 'scorebook' AND c.relnamespace = 'scorebook'::regnamespace
	AND c.relkind IN ('r', 'S', 'v')
ORDER BY 1;

-- settings
LOAD 'scorebook';
SELECT name, setting, unit, context, min_val, max_val, short_desc
FROM pg_catalog.pg_settings
WHERE name LIKE 'scorebook.%'
ORDER BY name COLLATE "C";
\set VERBOSITY sqlstate
SET scorebook.max_model_size = '401MB';
SET scorebook.cache_size = -1;
SET scorebook.unknown = 1;
