--
-- What the system catalogs hold of an extension, with names instead of OIDs,
-- so that it can be compared between databases:
--
--	\i catalog.sql
--	SELECT * FROM pg_temp.catalog('scorebook');
--
-- One row for each object, catalog and column of it.  Left out is what may
-- differ between equals: places, statistics, and hints that are taken back
-- late.
--

-- The extension, its schema, its members, and what comes and goes with them:
-- columns' defaults, constraints, indexes, rules, triggers, policies, types.
CREATE FUNCTION pg_temp.part(extension name)
RETURNS TABLE (classid oid, objid oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog
AS $$
	WITH RECURSIVE part AS (
		SELECT p.classid, p.objid
		FROM pg_extension AS e,
			LATERAL (VALUES (e.tableoid, e.oid),
							('pg_namespace'::regclass, e.extnamespace)) AS p (classid, objid)
		WHERE e.extname = extension
		UNION
		SELECT d.classid, d.objid
		FROM part AS p
			JOIN pg_depend AS d ON d.refclassid = p.classid AND d.refobjid = p.objid
		WHERE d.deptype IN ('e', 'i', 'a', 'P', 'S')
			-- a toast table is called by an OID
			AND NOT EXISTS (
				SELECT
				FROM pg_class AS c
				WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind = 't')
			-- so are the triggers of a foreign key
			AND NOT EXISTS (
				SELECT
				FROM pg_trigger AS t
				WHERE d.classid = 'pg_trigger'::regclass AND t.oid = d.objid AND t.tgisinternal)
	)
	SELECT p.classid, p.objid
	FROM part AS p
$$;

CREATE FUNCTION pg_temp.catalog(extension name)
RETURNS TABLE (object text, property text, value json)
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
	source record;
BEGIN
	FOR source IN
		WITH place (catalog, class, object, sub_object) AS (
			-- the catalog of each kind of object, and what else has rows of one
			SELECT DISTINCT p.classid, p.classid::text, 'oid', '0'
			FROM pg_temp.part(extension) AS p
			UNION ALL
			VALUES
				('pg_aggregate'::regclass, '''pg_proc''::regclass', 'aggfnoid', '0'),
				('pg_attribute'::regclass, '''pg_class''::regclass', 'attrelid', 'attnum'),
				('pg_description'::regclass, 'c.classoid', 'objoid', 'objsubid'),
				('pg_index'::regclass, '''pg_class''::regclass', 'indexrelid', '0'),
				('pg_inherits'::regclass, '''pg_class''::regclass', 'inhrelid', '0'),
				('pg_init_privs'::regclass, 'c.classoid', 'objoid', 'objsubid'),
				('pg_partitioned_table'::regclass, '''pg_class''::regclass', 'partrelid', '0'),
				('pg_range'::regclass, '''pg_type''::regclass', 'rngtypid', '0'),
				('pg_sequence'::regclass, '''pg_class''::regclass', 'seqrelid', '0')
		)
		SELECT p.catalog::regclass AS catalog, p.class, p.object, p.sub_object,
			string_agg(
				format('(%L, %s)', a.attname,
					CASE
						WHEN a.atttypid = 'oid'::regtype THEN
							format('(pg_identify_object(%s, nullif(c.%I, 0), 0)).identity',
								   k.pktable::oid, a.attname)
						WHEN k.is_array THEN
							format('(SELECT string_agg((pg_identify_object(%s, nullif(o.oid, 0), 0)).identity, '', '' ORDER BY o.position) FROM unnest(c.%I) WITH ORDINALITY AS o (oid, position))',
								   k.pktable::oid, a.attname)
						-- since 2026, a column's options hold when it was last changed
						WHEN a.attname = 'attoptions' THEN
							'(SELECT string_agg(o, '', '' ORDER BY o) FROM unnest(c.attoptions) AS o WHERE o !~ ''^pg_'')'
						WHEN a.atttypid = 'aclitem[]'::regtype THEN
							format('(SELECT string_agg(i::text, '', '' ORDER BY i::text) FROM unnest(c.%I) AS i)',
								   a.attname)
						ELSE format('c.%I::text', a.attname)
					END), ', ') AS properties
		FROM place AS p
			JOIN pg_attribute AS a ON a.attrelid = p.catalog
			LEFT JOIN pg_get_catalog_foreign_keys() AS k
				ON k.fktable = a.attrelid AND k.fkcols = ARRAY[a.attname::text]
		WHERE a.attnum > 0
			AND NOT a.attisdropped
			-- a definition stands for each tree, see below
			AND a.atttypid NOT IN ('pg_node_tree'::regtype, 'xid'::regtype)
			-- OIDs that name nothing
			AND (a.atttypid <> 'oid'::regtype OR k.pktable IS NOT NULL)
			AND a.attname NOT IN (
				'relpages', 'reltuples', 'relallvisible', 'relallfrozen', 'reltoastrelid',
				'relhasindex', 'relhasrules', 'relhastriggers', 'relhassubclass',
				'attcacheoff', 'atthasmissing', 'attmissingval', 'indcheckxmin',
				'extconfig', 'extcondition')
		GROUP BY p.catalog, p.class, p.object, p.sub_object
	LOOP
		RETURN QUERY EXECUTE format('
			SELECT i.type || '' '' || i.identity, %L || v.property, to_json(v.value)
			FROM pg_temp.part($1) AS p
				JOIN %s AS c ON %s = p.classid AND c.%I = p.objid,
				pg_identify_object(p.classid, p.objid, %s) AS i,
				LATERAL (VALUES %s) AS v (property, value)
			WHERE %s >= 0',
			source.catalog || '.', source.catalog, source.class, source.object,
			source.sub_object, source.properties, source.sub_object)
		USING extension;
	END LOOP;

	RETURN QUERY
	SELECT i.type || ' ' || i.identity, 'definition', to_json(
		CASE p.classid
			WHEN 'pg_attrdef'::regclass THEN (
				SELECT pg_get_expr(d.adbin, d.adrelid)
				FROM pg_attrdef AS d
				WHERE d.oid = p.objid)
			WHEN 'pg_class'::regclass THEN (
				SELECT
					CASE
						WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid)
						WHEN c.relkind = 'p' THEN concat_ws(' ', pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid))
						ELSE pg_get_expr(c.relpartbound, c.oid)
					END
				FROM pg_class AS c
				WHERE c.oid = p.objid)
			WHEN 'pg_constraint'::regclass THEN pg_get_constraintdef(p.objid)
			WHEN 'pg_extension'::regclass THEN (
				SELECT string_agg(format('%s %L', t.id::regclass, t.condition), ', ' ORDER BY t.id::regclass::text)
				FROM pg_extension AS e, unnest(e.extconfig, e.extcondition) AS t (id, condition)
				WHERE e.oid = p.objid)
			WHEN 'pg_policy'::regclass THEN (
				SELECT concat('USING ', pg_get_expr(o.polqual, o.polrelid),
							  ' WITH CHECK ', pg_get_expr(o.polwithcheck, o.polrelid))
				FROM pg_policy AS o
				WHERE o.oid = p.objid)
			WHEN 'pg_proc'::regclass THEN (
				SELECT pg_get_functiondef(f.oid)
				FROM pg_proc AS f
				WHERE f.oid = p.objid AND f.prokind <> 'a')
			WHEN 'pg_rewrite'::regclass THEN pg_get_ruledef(p.objid)
			WHEN 'pg_statistic_ext'::regclass THEN pg_get_statisticsobjdef(p.objid)
			WHEN 'pg_trigger'::regclass THEN pg_get_triggerdef(p.objid)
			WHEN 'pg_type'::regclass THEN (
				SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
				FROM pg_enum AS l
				WHERE l.enumtypid = p.objid)
		END)
	FROM pg_temp.part(extension) AS p,
		pg_identify_object(p.classid, p.objid, 0) AS i;
END
$$;
