-- Training sets: what a model was trained on, recorded so that it can be
-- proven later.

CREATE TABLE scorebook.training_snapshot
(
	snapshot_id	bigint GENERATED ALWAYS AS IDENTITY,
	query		text NOT NULL,
	at			timestamp with time zone NOT NULL,
	description	text,
	row_count	bigint NOT NULL,
	checksum	numeric NOT NULL,
	columns		jsonb NOT NULL,
	relations	jsonb NOT NULL,
	settings	jsonb NOT NULL,
	snapshot	text NOT NULL,
	database	text NOT NULL,
	taken_at	timestamp with time zone NOT NULL,
	taken_by	name NOT NULL,
	CONSTRAINT training_snapshot_pkey PRIMARY KEY (snapshot_id)
);

COMMENT ON TABLE scorebook.training_snapshot IS
	'what training sets were: query, time, number of rows and checksum';
COMMENT ON COLUMN scorebook.training_snapshot.at IS
	'the value of $1 in the query';
COMMENT ON COLUMN scorebook.training_snapshot.checksum IS
	'of all rows in any order: the sum of hashtextextended(row::text, 0), modulo 2^64';
COMMENT ON COLUMN scorebook.training_snapshot.relations IS
	'the tables that the query read: oid, name, and whether it read them as of $1';
COMMENT ON COLUMN scorebook.training_snapshot.settings IS
	'the settings that rows or their text may depend on';
COMMENT ON COLUMN scorebook.training_snapshot.snapshot IS
	'what the transaction saw, as pg_current_snapshot shows it';
COMMENT ON COLUMN scorebook.training_snapshot.database IS
	'of which the snapshot is one: system identifier and oid';

SELECT pg_catalog.pg_extension_config_dump('scorebook.training_snapshot', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.training_snapshot_snapshot_id_seq', '');

CREATE FUNCTION scorebook.this_database()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%s/%s', s.system_identifier, d.oid)
	FROM pg_control_system() AS s, pg_database AS d
	WHERE d.datname = current_database()
$$;

COMMENT ON FUNCTION scorebook.this_database() IS
	'what a database is known by until it is dumped and restored';

CREATE FUNCTION scorebook.record_snapshot(query text, at timestamp with time zone, description text,
	row_count bigint, checksum numeric, columns jsonb, relations jsonb, settings jsonb)
RETURNS bigint
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.record_snapshot(text, timestamp with time zone, text, bigint, numeric,
	jsonb, jsonb, jsonb) IS
	'what snapshot_training_data does last: writes the record';

CREATE FUNCTION scorebook.record_snapshot_internal(caller name, query text, at timestamp with time zone,
	description text, row_count bigint, checksum numeric, columns jsonb, relations jsonb, settings jsonb)
RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO scorebook.training_snapshot (query, at, description, row_count, checksum, columns,
		relations, settings, snapshot, database, taken_at, taken_by)
	VALUES ($2, $3, $4, $5, $6, $7, $8, $9, pg_current_snapshot()::text, scorebook.this_database(),
		clock_timestamp(), $1)
	RETURNING snapshot_id
$$;

COMMENT ON FUNCTION scorebook.record_snapshot_internal(name, text, timestamp with time zone, text, bigint,
	numeric, jsonb, jsonb, jsonb) IS
	'what record_snapshot does, with the rights of the extension''s owner';

-- The functions that run the query have the search path of the caller, and name
-- all that is theirs with the schema.  Nothing can be written meanwhile: what
-- is read-only until the end is the subtransaction.
CREATE FUNCTION scorebook.read_only_result(statement text, at timestamp with time zone)
RETURNS json
LANGUAGE plpgsql
SET extra_float_digits = 1
AS $$
DECLARE
	result json;
BEGIN
	BEGIN
		PERFORM pg_catalog.set_config('transaction_read_only', 'on', true);
		EXECUTE statement INTO result USING at;
	EXCEPTION
		WHEN OTHERS THEN RAISE;
	END;
	RETURN result;
END
$$;

COMMENT ON FUNCTION scorebook.read_only_result(text, timestamp with time zone) IS
	'what a statement gives, which cannot write';

CREATE FUNCTION scorebook.digest_query(query text, at timestamp with time zone, OUT row_count bigint,
	OUT checksum numeric)
RETURNS record
LANGUAGE plpgsql
AS $$
DECLARE
	modulus constant numeric := 18446744073709551616;
	result constant json := scorebook.read_only_result(pg_catalog.format(
		E'SELECT pg_catalog.json_build_object(''rows'', pg_catalog.count(*), ''sum'','
		' pg_catalog.sum(pg_catalog.hashtextextended(q::pg_catalog.text, 0))) FROM (%s\n) AS q', query), at);
BEGIN
	row_count := result OPERATOR(pg_catalog.->>) 'rows';
	checksum := coalesce(result OPERATOR(pg_catalog.->>) 'sum', '0');
	checksum := pg_catalog.mod(pg_catalog.mod(checksum, modulus) OPERATOR(pg_catalog.+) modulus, modulus);
END
$$;

COMMENT ON FUNCTION scorebook.digest_query(text, timestamp with time zone) IS
	'the number of rows of a query, and a checksum of them in any order';

-- From the plan: functions that the planner inlines are seen through, others
-- are not.
CREATE FUNCTION scorebook.query_relations(query text, at timestamp with time zone)
RETURNS jsonb
LANGUAGE sql
AS $$
	SELECT scorebook.plan_relations(
		scorebook.read_only_result(pg_catalog.concat(E'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON)\n', query),
			at)::pg_catalog.jsonb)
$$;

COMMENT ON FUNCTION scorebook.query_relations(text, timestamp with time zone) IS
	'the tables that a query reads, and whether it reads them as of $1';

CREATE FUNCTION scorebook.plan_relations(plan jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('oid', t.relation::oid::bigint, 'name', t.relation::text,
			'as_of', t.as_of) ORDER BY t.relation::text), '[]')
	FROM
		(SELECT coalesce(v.relation, s.scanned) AS relation, bool_or(s.scanned = v.since IS TRUE) AS as_of
		 FROM
			(SELECT to_regclass(format('%I.%I', n.node ->> 'Schema', n.node ->> 'Relation Name')) AS scanned
			 FROM jsonb_path_query(plan, 'strict $.** ? (exists (@."Relation Name"))') AS n (node)
			 WHERE n.node ->> 'Schema' <> 'scorebook') AS s
			LEFT JOIN scorebook.versioned_relation AS v
				ON s.scanned IN (v.history, v.since) OR s.scanned = ANY (v.members)
		 GROUP BY 1) AS t
$$;

COMMENT ON FUNCTION scorebook.plan_relations(jsonb) IS
	'the tables that a plan reads, and whether it reads their history';

-- Nothing is read: the join has no row of the query.
CREATE FUNCTION scorebook.query_columns(query text)
RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
	no_row constant text := pg_catalog.format(E'FROM (SELECT) AS one LEFT JOIN (%s\n) AS q ON false', query);
	types text;
BEGIN
	SELECT pg_catalog.string_agg(pg_catalog.format(
			'pg_catalog.json_build_object(''name'', %L, ''type'', pg_catalog.pg_typeof(q.%I)::pg_catalog.text)',
			k.name, k.name), ', ' ORDER BY k.position)
	INTO types
	FROM pg_catalog.json_object_keys(scorebook.read_only_result(
			pg_catalog.format('SELECT pg_catalog.row_to_json(r) FROM (SELECT q.* %s) AS r', no_row), NULL))
		WITH ORDINALITY AS k (name, position);
	RETURN scorebook.read_only_result(
		pg_catalog.format('SELECT pg_catalog.json_build_array(%s) %s', types, no_row), NULL)::pg_catalog.jsonb;
END
$$;

COMMENT ON FUNCTION scorebook.query_columns(text) IS
	'the columns of a query and their types';

-- The kind is random, of what PostgreSQL itself knows to give something else each
-- time; volatile, of a function that nobody has declared to be better; or clock.
CREATE FUNCTION scorebook.query_changes(query text)
RETURNS TABLE (what text, kind text)
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_query_changes';

COMMENT ON FUNCTION scorebook.query_changes(text) IS
	'what a query uses that may give something else each time';

CREATE FUNCTION scorebook.text_settings()
RETURNS jsonb
LANGUAGE sql STABLE
AS $$
	SELECT pg_catalog.jsonb_object_agg(s.name, pg_catalog.current_setting(s.name))
	FROM pg_catalog.unnest('{bytea_output,DateStyle,IntervalStyle,lc_monetary,lc_time,search_path,TimeZone,xmlbinary}'::pg_catalog.text[]) AS s (name)
$$;

COMMENT ON FUNCTION scorebook.text_settings() IS
	'the settings that the rows of a query or their text may depend on';

CREATE FUNCTION scorebook.snapshot_training_data(query text, at timestamp with time zone DEFAULT NULL,
	description text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
	relations jsonb;
	as_they_are text;
	uses record;
	taken bigint;
	final_until timestamp with time zone;
	digest record;
BEGIN
	IF query IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'the query cannot be null';
	END IF;
	IF at IS NOT NULL AND pg_catalog.strpos(query, '$1') OPERATOR(pg_catalog.=) 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the query does not use the time that is given',
			HINT = 'In the query, $1 is that time: SELECT ... FROM table_as_of($1).';
	END IF;
	relations := scorebook.query_relations(query, coalesce(at, pg_catalog.now()));
	SELECT pg_catalog.string_agg(DISTINCT c.what, ', ') FILTER (WHERE c.kind OPERATOR(pg_catalog.=) 'random') AS random,
		pg_catalog.string_agg(DISTINCT c.what, ', ') FILTER (WHERE c.kind OPERATOR(pg_catalog.=) 'volatile') AS volatile,
		pg_catalog.string_agg(DISTINCT c.what, ', ') FILTER (WHERE c.kind OPERATOR(pg_catalog.=) 'clock') AS clock
	INTO uses
	FROM (SELECT q.what COLLATE pg_catalog."C" AS what, q.kind FROM scorebook.query_changes(query) AS q) AS c;
	IF uses.random IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the training set could never be computed again',
			DETAIL = pg_catalog.format('The query uses what gives something else each time: %s.', uses.random),
			HINT = 'A hash of the key chooses the same rows each time: WHERE hashint8(id) % 10 = 0. For the time, there is $1.';
	END IF;
	SELECT pg_catalog.min(scorebook.as_of_final_until(r.name::pg_catalog.regclass)) FILTER (WHERE r.as_of),
		pg_catalog.string_agg(r.name, ', ' ORDER BY r.name) FILTER (WHERE NOT r.as_of)
	INTO final_until, as_they_are
	FROM pg_catalog.jsonb_to_recordset(relations) AS r (name pg_catalog.text, as_of boolean);
	IF at OPERATOR(pg_catalog.>=) final_until THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = pg_catalog.format('the state as of %s can still change', at),
			DETAIL = pg_catalog.format('What was there before %s is final.', final_until),
			HINT = 'Leave the time out, to take the last one that is final.';
	END IF;
	at := coalesce(at, final_until OPERATOR(pg_catalog.-) '1 microsecond'::pg_catalog.interval, pg_catalog.now());
	digest := scorebook.digest_query(query, at);
	taken := scorebook.record_snapshot(query, at, description, digest.row_count, digest.checksum,
		scorebook.query_columns(query), relations, scorebook.text_settings());
	IF as_they_are IS NOT NULL THEN
		RAISE WARNING USING
			MESSAGE = 'the training set cannot be computed again once its tables have changed',
			DETAIL = pg_catalog.format('Read as they are now: %s.', as_they_are),
			HINT = 'Read them as of $1: SELECT ... FROM table_as_of($1). scorebook.add_system_versioning gives a table that function.';
	END IF;
	IF uses.clock IS NOT NULL THEN
		RAISE WARNING USING
			MESSAGE = 'the training set cannot be computed again at another time',
			DETAIL = pg_catalog.format('The query asks for the present time: %s.', uses.clock),
			HINT = 'Use $1, the time that is recorded.';
	END IF;
	IF uses.volatile IS NOT NULL THEN
		RAISE WARNING USING
			MESSAGE = 'perhaps the training set cannot be computed again',
			DETAIL = pg_catalog.format('By their declarations, these may give something else each time: %s.', uses.volatile),
			HINT = 'Declare functions STABLE or IMMUTABLE that give the same for the same arguments and tables.';
	END IF;
	RETURN taken;
END
$$;

COMMENT ON FUNCTION scorebook.snapshot_training_data(text, timestamp with time zone, text) IS
	'records what a training set is: the query, with $1 for the time, and what it gives';

CREATE FUNCTION scorebook.verify_snapshot(snapshot_id bigint, OUT verdict text, OUT method text,
	OUT row_count bigint, OUT checksum numeric, OUT detail text)
RETURNS record
LANGUAGE plpgsql
AS $$
DECLARE
	taken scorebook.training_snapshot;
	saved constant jsonb := scorebook.text_settings();
	digest record;
	without_history text;
	with_history boolean;
BEGIN
	SELECT t.* INTO taken FROM scorebook.training_snapshot AS t
	WHERE t.snapshot_id OPERATOR(pg_catalog.=) verify_snapshot.snapshot_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = pg_catalog.format('training snapshot %s does not exist', snapshot_id),
			HINT = 'Those that you may see are listed in scorebook.training_snapshot.';
	ELSIF taken.taken_by OPERATOR(pg_catalog.<>) CURRENT_USER
		AND EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) taken.taken_by) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = pg_catalog.format('training snapshot %s was taken by role "%s"', snapshot_id, taken.taken_by),
			DETAIL = 'Its query can do whatever the role that runs it may do.',
			HINT = pg_catalog.format('Become that role first, with SET ROLE %I.', taken.taken_by);
	END IF;
	PERFORM pg_catalog.set_config(s.key, s.value, true) FROM pg_catalog.jsonb_each_text(taken.settings) AS s;
	digest := scorebook.digest_query(taken.query, taken.at);
	PERFORM pg_catalog.set_config(s.key, s.value, true) FROM pg_catalog.jsonb_each_text(saved) AS s;

	SELECT pg_catalog.string_agg(r.name, ', ' ORDER BY r.name) FILTER (WHERE NOT r.as_of),
		coalesce(pg_catalog.bool_or(r.as_of), false)
	INTO without_history, with_history
	FROM pg_catalog.jsonb_to_recordset(taken.relations) AS r (name pg_catalog.text, as_of boolean);
	row_count := digest.row_count;
	checksum := digest.checksum;
	verdict := CASE
		WHEN digest.row_count OPERATOR(pg_catalog.=) taken.row_count
			AND digest.checksum OPERATOR(pg_catalog.=) taken.checksum THEN 'identical' ELSE 'different' END;
	method := CASE
		WHEN without_history IS NULL THEN 'as of then'
		WHEN with_history THEN 'partly as of then'
		ELSE 'as of now' END;
	detail := pg_catalog.concat_ws(' ',
		CASE WHEN verdict OPERATOR(pg_catalog.=) 'different'
			 THEN pg_catalog.format('There were %s rows with the checksum %s.', taken.row_count, taken.checksum) END,
		CASE WHEN with_history AND taken.database OPERATOR(pg_catalog.<>) scorebook.this_database()
			 THEN 'By time: the transaction snapshot is of the database that was dumped.' END,
		'Read as they are now: ' OPERATOR(pg_catalog.||) without_history OPERATOR(pg_catalog.||) '.');
END
$$;

COMMENT ON FUNCTION scorebook.verify_snapshot(bigint) IS
	'computes a recorded training set again, as of then, and compares';
