-- The surface of the extension: every function with its exact signature and
-- properties, what PUBLIC may do, and what a dump takes along.
BEGIN;
SELECT plan(605);

CREATE TEMP TABLE api
(
	name		text NOT NULL,
	types		text NOT NULL,		-- of the arguments, as regprocedure takes them
	arguments	text NOT NULL,		-- with their names and defaults
	result		text NOT NULL,
	volatility	"char" NOT NULL,
	parallel	"char" NOT NULL,
	strict		boolean NOT NULL,
	public		boolean NOT NULL	-- may PUBLIC execute it?
);

-- scoring: each function in three forms
INSERT INTO api
SELECT f.name, format('text,%s', form), format('ref text, features %s', form), f.result,
	's', 's', true, true
FROM (VALUES
		('predict', 'real'),
		('predict_class', 'text'),
		('predict_leaf', 'integer[]'),
		('predict_margin', 'real[]'),
		('predict_proba', 'real[]'),
		('predict_vector', 'real[]')) AS f (name, result),
	unnest('{record,jsonb,anyarray}'::text[]) AS form;

-- n and cutoff may be null
INSERT INTO api
SELECT 'predict_set', format('text,%s,integer,real', form),
	format('ref text, features %s, n integer DEFAULT NULL::integer, cutoff real DEFAULT NULL::real', form),
	'TABLE(class text, probability real)', 's', 's', false, true
FROM unnest('{record,jsonb,anyarray}'::text[]) AS form;

-- explaining
INSERT INTO api
SELECT f.name, format('text,%s,%s', form, f.types), format('ref text, features %s, %s', form, f.arguments),
	f.result, 's', 's', false, true
FROM (VALUES
		('explain', 'integer,text', 'top_n integer DEFAULT NULL::integer, class text DEFAULT NULL::text',
		 'TABLE(feature text, value text, contribution real, output text, base_value real, additivity_error real)'),
		('reasons', 'integer,text,text',
		 'n integer DEFAULT 4, direction text DEFAULT ''adverse''::text, class text DEFAULT NULL::text', 'jsonb'))
		AS f (name, types, arguments, result),
	unnest('{record,jsonb,anyarray}'::text[]) AS form;

-- reading
INSERT INTO api VALUES
	('input_map', 'text,regclass', 'ref text, relation regclass DEFAULT NULL::regclass',
	 'TABLE(feature text, "column" text, type text, verdict text)', 's', 's', false, true),
	('inspect_model', 'bytea', 'artifact bytea', 'jsonb', 's', 's', true, true),
	('model_card', 'text', 'ref text', 'TABLE(item text, value text)', 's', 's', false, true),
	('bound_inputs', 'text,record', 'ref text, features record', 'jsonb', 's', 's', true, true),
	('cache_counts', '', 'OUT entries bigint, OUT bytes bigint, OUT limit_bytes bigint, OUT hits bigint, OUT loads bigint, OUT evictions bigint',
	 'record', 'v', 'u', true, true),
	('cached_models', '', '', 'TABLE(model text, bytes bigint, hits bigint, in_use boolean, library_loaded boolean)',
	 'v', 'u', true, true),
	('verify_source', 'text,regclass,regclass,double precision,name,name',
	 'ref text, source regclass, expected regclass, tolerance double precision DEFAULT 0.000001, '
	 'key name DEFAULT NULL::name, value name DEFAULT ''value''::name, OUT agrees boolean, OUT rows_compared bigint, '
	 'OUT rows_different bigint, OUT worst_difference double precision, OUT only_in_source bigint, '
	 'OUT only_in_expected bigint, OUT worst_rows jsonb', 'record', 's', 'u', false, true),
	('relative_difference', 'real[],double precision[]', 'predicted real[], expected double precision[]',
	 'double precision', 'i', 's', false, true),
	('has_model_privilege', 'name,integer,text', 'role name, model_id integer, privilege text',
	 'boolean', 's', 's', true, true),
	('resolve_reference', 'text,text',
	 'ref text, privilege text DEFAULT ''score''::text, OUT model_id integer, OUT version integer',
	 'record', 's', 's', true, true);

-- writing: for whom the administrator says
INSERT INTO api
SELECT f.name, 'text,' || f.type || ',text,text,text,text,text[],jsonb,jsonb,text[],real,text,jsonb,real,integer,jsonb,boolean,jsonb,double precision,boolean',
	'name text, ' || f.artifact || ', description text DEFAULT NULL::text, purpose text DEFAULT NULL::text, '
	'mode text DEFAULT NULL::text, alias text DEFAULT NULL::text, features text[] DEFAULT NULL::text[], '
	'columns jsonb DEFAULT NULL::jsonb, levels jsonb DEFAULT NULL::jsonb, classes text[] DEFAULT NULL::text[], '
	'missing real DEFAULT NULL::real, base_margin text DEFAULT NULL::text, policies jsonb DEFAULT NULL::jsonb, '
	'cutoff real DEFAULT NULL::real, iterations integer DEFAULT NULL::integer, training jsonb DEFAULT NULL::jsonb, '
	'again boolean DEFAULT false, golden jsonb DEFAULT NULL::jsonb, '
	'tolerance double precision DEFAULT 0.000001, allow_unverified boolean DEFAULT false',
	'integer', 'v', 'u', false, false
FROM (VALUES
		('load_model', 'bytea', 'artifact bytea'),
		('load_model_file', 'text', 'path text')) AS f (name, type, artifact);

INSERT INTO api VALUES
	('read_model_file', 'text', 'path text', 'bytea', 'v', 'u', true, false),
	('set_alias', 'text,text,text', 'ref text, alias text, reason text DEFAULT NULL::text', 'void',
	 'v', 'u', false, false),
	('retire_version', 'text,text', 'ref text, reason text DEFAULT NULL::text', 'void',
	 'v', 'u', false, false),
	('drop_model', 'text', 'name text', 'void', 'v', 'u', false, false),
	('grant_model', 'text,name,text', 'model text, role name, privilege text', 'void',
	 'v', 'u', false, false),
	('verify_model', 'text', 'ref text', 'scorebook.verification', 'v', 'u', false, false),
	('revoke_model', 'text,name,text', 'model text, role name, privilege text', 'void',
	 'v', 'u', false, false),
	('create_predictor', 'text,name,name', 'ref text, schema name, name name DEFAULT NULL::name',
	 'regprocedure', 'v', 'u', false, false);

-- histories and training sets
INSERT INTO api VALUES
	('add_system_versioning', 'regclass', 'relation regclass', 'regclass', 'v', 'u', false, true),
	('drop_system_versioning', 'regclass,boolean', 'relation regclass, keep_history boolean DEFAULT true', 'void',
	 'v', 'u', false, true),
	('as_of_final_until', 'regclass', 'relation regclass', 'timestamp with time zone', 's', 'u', false, true),
	('snapshot_training_data', 'text,timestamptz,text',
	 'query text, at timestamp with time zone DEFAULT NULL::timestamp with time zone, description text DEFAULT NULL::text',
	 'bigint', 'v', 'u', false, true),
	('verify_snapshot', 'bigint',
	 'snapshot_id bigint, OUT verdict text, OUT method text, OUT row_count bigint, OUT checksum numeric, OUT detail text',
	 'record', 'v', 'u', false, true);

-- what these are made of: PUBLIC executes it, as they run with the caller's
-- rights, but it is nobody's to call
CREATE TEMP TABLE part (name text NOT NULL);
INSERT INTO part SELECT unnest('{
	add_companion,as_of_body,as_of_functions,check_begin,check_can_be_versioned,check_companion,
	check_types,column_definitions,create_triggers,drop_triggers,find_versioned,follow_columns,
	follow_relation,guard_history,history_statements,keep_history,member_tables,name_list,open_writer,
	refuse_unknown_row,register_versioning,rename_column,renew_versioning,row_columns,row_key,
	unregister_versioning,write_as_of,
	digest_query,plan_relations,query_columns,query_relations,read_only_result,record_snapshot,text_settings}'::text[]);

CREATE TEMP VIEW found AS
	SELECT a.*, format('%s(%s)', a.name, a.types) AS signature, p.oid, p.provolatile, p.proparallel,
		p.proisstrict
	FROM api AS a
		LEFT JOIN pg_proc AS p ON p.oid = to_regprocedure(format('scorebook.%s(%s)', a.name, a.types));

SELECT isnt(oid, NULL, signature || ' exists') FROM found ORDER BY signature;
SELECT is(pg_get_function_arguments(oid), arguments, signature || ' names its arguments')
FROM found ORDER BY signature;
SELECT is(pg_get_function_result(oid), result, signature || ' returns ' || result)
FROM found ORDER BY signature;
SELECT is(provolatile, volatility, signature || ': volatility') FROM found ORDER BY signature;
SELECT is(proparallel, parallel, signature || ': parallel safety') FROM found ORDER BY signature;
SELECT is(proisstrict, strict, signature || ': strictness') FROM found ORDER BY signature;

-- functions of the extension that are not listed above are its own affair
CREATE TEMP VIEW member AS
	SELECT p.oid, p.oid::regprocedure::text AS signature, p.proname, p.prosecdef, p.proconfig,
		coalesce(p.proacl, acldefault('f', p.proowner)) AS acl
	FROM pg_depend AS d
		JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
		JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	WHERE e.extname = 'scorebook' AND d.deptype = 'e';

SELECT set_eq(
	$$SELECT oid FROM member WHERE proname !~ '_internal$' AND proname <> 'refuse_update'$$,
	$$SELECT oid FROM found UNION SELECT oid FROM member JOIN part ON name = proname$$,
	'there is no other public function');

SELECT set_eq(
	$$SELECT m.oid FROM member AS m, aclexplode(m.acl) AS a
	  WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE'$$,
	$$SELECT oid FROM found WHERE public UNION SELECT oid FROM member JOIN part ON name = proname$$,
	'PUBLIC executes what it should, and nothing else');
SELECT is(array_agg(DISTINCT a.grantee), ARRAY[p.proowner], m.signature || ' is for its owner alone')
FROM member AS m JOIN pg_proc AS p USING (oid), aclexplode(m.acl) AS a
WHERE m.oid NOT IN (SELECT oid FROM found WHERE public) AND m.proname NOT IN (SELECT name FROM part)
GROUP BY m.signature, p.proowner
ORDER BY m.signature;

SELECT isnt(obj_description(oid, 'pg_proc'), NULL, signature || ' has a comment')
FROM member ORDER BY signature;
SELECT is_empty(
	$$SELECT signature FROM member
	  WHERE prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)$$,
	'a function with its owner''s rights has a search path of its own');
SELECT is(proconfig, ARRAY['search_path=pg_catalog, pg_temp'], m.signature || ' has a search path of its own')
FROM member AS m JOIN pg_proc AS p USING (oid, proconfig) JOIN pg_language AS l ON l.oid = p.prolang
WHERE l.lanname IN ('sql', 'plpgsql') AND m.proname <> 'read_only_result'
ORDER BY m.signature;

-- tables
SELECT tables_are('scorebook',
	'{model,model_version,model_artifact,model_feature,alias,retirement,compiled_model,golden_row,verification,model_grant,timeline,moment,versioned_relation,training_snapshot}'::name[]);

CREATE TEMP VIEW registry AS
	SELECT c.oid, c.relname, c.relkind, c.relrowsecurity,
		coalesce(c.relacl, acldefault('r', c.relowner)) AS acl
	FROM pg_class AS c
	WHERE c.relnamespace = 'scorebook'::regnamespace;

SELECT set_eq(
	$$SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'scorebook'$$,
	$$SELECT oid FROM registry WHERE relkind IN ('r', 'S')$$,
	'a dump takes every table and sequence along');
SELECT is(extcondition, array_fill(''::text, ARRAY[cardinality(extconfig)]), 'with all their rows')
FROM pg_extension WHERE extname = 'scorebook';
SELECT ok(relrowsecurity, relname || ' has row level security')
FROM registry WHERE relkind = 'r' AND relname NOT IN ('timeline', 'moment', 'versioned_relation') ORDER BY relname;
SELECT is(
	(SELECT array_agg(cmd || ' ' || roles::text) FROM pg_policies
	 WHERE schemaname = 'scorebook' AND tablename = relname),
	'{"SELECT {public}"}', relname || ' has one policy, and that is for reading')
FROM registry WHERE relkind = 'r' AND relrowsecurity ORDER BY relname;
SELECT is(
	(SELECT array_agg(a.privilege_type) FROM aclexplode(acl) AS a WHERE a.grantee = 0),
	'{SELECT}', 'PUBLIC may read ' || relname || ', and no more')
FROM registry WHERE relkind = 'r' ORDER BY relname;
SELECT is_empty(
	$$SELECT relname, a.grantee FROM registry AS r, aclexplode(r.acl) AS a
	  WHERE relkind = 'r' AND a.grantee NOT IN (0, (SELECT relowner FROM pg_class WHERE oid = r.oid))$$,
	'nobody else has rights on a table');
SELECT is_empty(
	$$SELECT relname FROM registry AS r, aclexplode(r.acl) AS a
	  WHERE relkind = 'S' AND a.grantee <> (SELECT relowner FROM pg_class WHERE oid = r.oid)$$,
	'nor any right on a sequence');
SELECT isnt(obj_description(oid, 'pg_class'), NULL, relname || ' has a comment')
FROM registry WHERE relkind = 'r' ORDER BY relname;
SELECT is(
	(SELECT count(*) FROM pg_trigger AS t
	 WHERE t.tgrelid = r.oid AND NOT t.tgisinternal AND NOT t.tginitdeferred AND (t.tgtype & 4) <> 0),
	0::bigint, relname || ' has no trigger on INSERT that a restore would fire')
FROM registry AS r WHERE relkind = 'r' ORDER BY relname;

-- the schema and the extension
SELECT is(
	(SELECT array_agg(a.privilege_type) FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
	 WHERE n.nspname = 'scorebook' AND a.grantee = 0),
	'{USAGE}', 'PUBLIC may use the schema, and not create in it');
SELECT is(extrelocatable, false, 'the extension is not relocatable')
FROM pg_extension WHERE extname = 'scorebook';
SELECT is((superuser, trusted)::text, '(t,f)', 'only a superuser creates the extension')
FROM pg_available_extension_versions WHERE name = 'scorebook' AND installed;

SELECT * FROM finish();
ROLLBACK;
