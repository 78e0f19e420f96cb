-- Input tables in time: any table can have history.
--
-- A table with history has two companions of its owner's beside it.
-- <table>_since has the key of each row and the writer that opened it,
-- <table>_history the rows that were superseded, with the writers that opened
-- and closed them.  extension/book/history.c writes both when statement-level
-- triggers say which keys a statement has touched.  <table>_as_of(time) is all
-- rows whose opening writer had committed by then, and whose closing one had
-- not.

CREATE TABLE scorebook.versioned_relation
(
	timeline_id	integer NOT NULL,
	relation	regclass NOT NULL,
	history		regclass NOT NULL,
	since		regclass NOT NULL,
	key			name[] NOT NULL,
	members		regclass[] NOT NULL,
	statements	text[] NOT NULL,
	added_at	timestamp with time zone NOT NULL,
	added_by	name NOT NULL,
	CONSTRAINT versioned_relation_pkey PRIMARY KEY (timeline_id),
	CONSTRAINT versioned_relation_relation_key UNIQUE (relation)
);

COMMENT ON TABLE scorebook.versioned_relation IS
	'tables that have history';
COMMENT ON COLUMN scorebook.versioned_relation.history IS
	'the rows that were superseded, and by which writers';
COMMENT ON COLUMN scorebook.versioned_relation.since IS
	'which writer opened each current row';
COMMENT ON COLUMN scorebook.versioned_relation.members IS
	'the table and its partitions, on all levels';
COMMENT ON COLUMN scorebook.versioned_relation.statements IS
	'what its triggers run';

SELECT pg_catalog.pg_extension_config_dump('scorebook.versioned_relation', '');

CREATE FUNCTION scorebook.keep_history() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_keep_history';

COMMENT ON FUNCTION scorebook.keep_history() IS
	'trigger: writes the history of a table as its rows change';

CREATE FUNCTION scorebook.guard_history() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_guard_history';

COMMENT ON FUNCTION scorebook.guard_history() IS
	'trigger: nothing but scorebook itself writes a history';

CREATE FUNCTION scorebook.open_rows_internal(timeline integer, "table" regclass)
RETURNS void
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_open_rows';

COMMENT ON FUNCTION scorebook.open_rows_internal(integer, regclass) IS
	'the rows of a table have come into a table with history';

CREATE FUNCTION scorebook.close_rows_internal(timeline integer, "table" regclass)
RETURNS void
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_close_rows';

COMMENT ON FUNCTION scorebook.close_rows_internal(integer, regclass) IS
	'the rows of a table have left a table with history';

-- The rest of the extension's tables are written through these, for the owner
-- of the relation.
CREATE FUNCTION scorebook.open_writer(timeline integer)
RETURNS bigint
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.open_writer(integer) IS
	'the number that the transaction writes a history under';

CREATE FUNCTION scorebook.register_versioning(relation regclass, history regclass, since regclass)
RETURNS integer
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.register_versioning(regclass, regclass, regclass) IS
	'gives a table with history its timeline';

CREATE FUNCTION scorebook.renew_versioning(relation regclass)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.renew_versioning(regclass) IS
	'writes down what a table with history consists of now';

CREATE FUNCTION scorebook.unregister_versioning(relation regclass, keep_moments boolean)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.unregister_versioning(regclass, boolean) IS
	'forgets that a table has history';

CREATE FUNCTION scorebook.check_owner_internal(caller name, relation regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'the relation cannot be null';
	ELSIF NOT pg_has_role(caller, (SELECT c.relowner FROM pg_class AS c WHERE c.oid = relation), 'USAGE') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('must be owner of table %s', relation);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_owner_internal(name, regclass) IS
	'throws where a role does not own a table';

-- A row of scorebook.moment that has no time yet is one of this transaction.
CREATE FUNCTION scorebook.open_writer_internal(caller name, timeline integer)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	number bigint;
	relation regclass;
BEGIN
	SELECT m.writer INTO number
	FROM scorebook.moment AS m
	WHERE m.timeline_id = timeline AND m.committed_at IS NULL;
	IF NOT FOUND THEN
		SELECT v.relation INTO relation FROM scorebook.versioned_relation AS v WHERE v.timeline_id = timeline;
		IF NOT FOUND THEN
			RAISE EXCEPTION USING
				ERRCODE = 'serialization_failure',
				MESSAGE = 'the history of the table began after the snapshot of this transaction',
				HINT = 'Try the transaction again.';
		END IF;
		PERFORM scorebook.check_owner_internal(caller, relation);
		INSERT INTO scorebook.moment (writer, timeline_id)
		VALUES (nextval('scorebook.writer_seq'), timeline)
		RETURNING writer INTO number;
	END IF;
	RETURN number;
END
$$;

COMMENT ON FUNCTION scorebook.open_writer_internal(name, integer) IS
	'what open_writer does, with the rights of the extension''s owner';

-- The columns that tell the rows of a table apart, and the operators by which
-- their index compares them; no row where there is no such index.
CREATE FUNCTION scorebook.row_key(relation regclass, OUT columns name[], OUT operators text[])
RETURNS SETOF record
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(a.attname ORDER BY k.position),
		array_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY k.position)
	FROM (SELECT i.* FROM pg_index AS i
		  WHERE i.indrelid = relation AND (i.indisprimary OR i.indisreplident)
			AND i.indimmediate AND i.indisvalid
		  ORDER BY i.indisprimary DESC
		  LIMIT 1) AS i,
		LATERAL unnest(i.indkey::smallint[], i.indclass::oid[]) WITH ORDINALITY AS k (number, class, position)
		JOIN pg_attribute AS a ON a.attrelid = relation AND a.attnum = k.number
		JOIN pg_opclass AS c ON c.oid = k.class
		JOIN pg_amop AS m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype
			AND m.amoprighttype = c.opcintype AND m.amopstrategy = 3
		JOIN pg_operator AS o ON o.oid = m.amopopr
		JOIN pg_namespace AS n ON n.oid = o.oprnamespace
	WHERE k.position <= i.indnkeyatts
	HAVING count(*) > 0
$$;

COMMENT ON FUNCTION scorebook.row_key(regclass) IS
	'the columns of a table''s primary key or replica identity, and how they are compared';

CREATE FUNCTION scorebook.row_columns(relation regclass)
RETURNS name[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(a.attname ORDER BY a.attnum)
	FROM pg_attribute AS a
	WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
$$;

COMMENT ON FUNCTION scorebook.row_columns(regclass) IS
	'the columns of a table';

-- Names as a list: each as the format says, which has them as %1$I and may
-- have a second one of the same place as %2$s.
CREATE FUNCTION scorebook.name_list(names name[], format text, separator text DEFAULT ', ',
	others text[] DEFAULT NULL)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format(name_list.format, n.name, others[n.position]), separator ORDER BY n.position)
	FROM unnest(names) WITH ORDINALITY AS n (name, position)
$$;

COMMENT ON FUNCTION scorebook.name_list(name[], text, text, text[]) IS
	'names as a list for a statement, each written as the format says';

CREATE FUNCTION scorebook.refuse_unknown_row(relation regclass)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'object_not_in_prerequisite_state',
		MESSAGE = format('the history of table %s does not know a row that is about to change', relation),
		DETAIL = 'The row came while the triggers of the table were disabled, or did not fire.',
		HINT = 'End the history with scorebook.drop_system_versioning, and add it again.';
END
$$;

COMMENT ON FUNCTION scorebook.refuse_unknown_row(regclass) IS
	'throws: a row of a table with history came without notice';

-- In the order that extension/book/history.c knows.  $1 is the writer and $2
-- the time; old_rows and new_rows are what a trigger sees.  Where all rows of a
-- table are meant, they are read by one more statement, and shown as rows.
CREATE FUNCTION scorebook.history_statements(timeline integer, "table" regclass DEFAULT NULL)
RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	versioned scorebook.versioned_relation;
	key record;
	columns name[];
	old_rows text := 'old_rows';
	new_rows text := 'new_rows';
	read_from text;
	still_there text;
BEGIN
	SELECT v.* INTO STRICT versioned FROM scorebook.versioned_relation AS v WHERE v.timeline_id = timeline;
	SELECT k.* INTO key FROM scorebook.row_key(versioned.relation) AS k;
	columns := scorebook.row_columns(versioned.relation);
	IF "table" IS NULL THEN
		read_from := format('%s AS r JOIN old_rows AS o ON %s', versioned.relation,
			scorebook.name_list(key.columns, 'o.%1$I %2$s r.%1$I', ' AND ', key.operators));
		still_there := format('EXISTS (SELECT FROM %s AS r WHERE %s)', versioned.relation,
			scorebook.name_list(key.columns, 'r.%1$I %2$s o.%1$I', ' AND ', key.operators));
	ELSE
		old_rows := 'rows';
		new_rows := 'rows';
		read_from := 'rows AS r';
		still_there := 'false';
	END IF;
	RETURN ARRAY[
		format('SELECT scorebook.open_writer(%s)', timeline),
		format('SELECT %s, coalesce(s.opened_by, scorebook.refuse_unknown_row(%L::pg_catalog.regclass)), $1,'
			' s.system_from, greatest($2, s.system_from OPERATOR(pg_catalog.+) ''1 microsecond''::pg_catalog.interval)'
			' FROM %s LEFT JOIN %s AS s ON %s',
			scorebook.name_list(columns, 'r.%1$I'), versioned.relation, read_from, versioned.since,
			scorebook.name_list(key.columns, 's.%1$I %2$s r.%1$I', ' AND ', key.operators)),
		format('INSERT INTO %s (%s, opened_by, closed_by, system_from, system_to)'
			' SELECT * FROM superseded ON CONFLICT (%s, opened_by) DO NOTHING',
			versioned.history, scorebook.name_list(columns, '%1$I'),
			scorebook.name_list(key.columns, '%1$I')),
		format('DELETE FROM %s AS s USING %s AS o WHERE %s AND NOT %s', versioned.since, old_rows,
			scorebook.name_list(key.columns, 's.%1$I %2$s o.%1$I', ' AND ', key.operators), still_there),
		format('INSERT INTO %s (%s, opened_by, system_from) SELECT %s, $1, $2 FROM %s AS n'
			' ON CONFLICT (%s) DO UPDATE SET opened_by = excluded.opened_by, system_from = excluded.system_from',
			versioned.since, scorebook.name_list(key.columns, '%1$I'),
			scorebook.name_list(key.columns, 'n.%1$I'), new_rows,
			scorebook.name_list(key.columns, '%1$I'))]
		|| CASE WHEN "table" IS NOT NULL
				THEN ARRAY[format('SELECT %s FROM ONLY %s AS r', scorebook.name_list(columns, 'r.%1$I'), "table")]
				END;
END
$$;

COMMENT ON FUNCTION scorebook.history_statements(integer, regclass) IS
	'the statements that keep the history of a table, for its triggers or for all rows of one of its partitions';

-- Returns nothing in the shape of a row.  A branch of its own in each
-- <table>_as_of, as a condition on others is not looked at where they have no
-- rows.
CREATE FUNCTION scorebook.check_begin(timeline integer, at timestamp with time zone, shape anyelement)
RETURNS SETOF anyelement
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	begins constant timestamp with time zone := scorebook.begins_at(timeline);
BEGIN
	IF at >= begins THEN
		RETURN;
	ELSIF begins IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'the history no longer exists',
			HINT = 'Tables with history are listed in scorebook.versioned_relation, jobs in scorebook.job.';
	ELSIF begins = 'infinity' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'the history begins when this transaction commits',
			HINT = 'Commit it first.';
	ELSIF at IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'the time cannot be null',
			HINT = 'What is there now is in the table itself.';
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'object_not_in_prerequisite_state',
		MESSAGE = format('the state as of %s is not known', at),
		DETAIL = format('The history begins at %s.', begins),
		HINT = 'Ask for that time, or for a later one.';
END
$$;

COMMENT ON FUNCTION scorebook.check_begin(integer, timestamp with time zone, anyelement) IS
	'throws where a timeline does not go back to a time; else returns no row';

-- The body of <table>_as_of, of a time or of a time and a key.  The planner
-- looks for a key by index only where it stands in the branches; a condition of
-- a join it would not take there.  The body is text, so that columns can be
-- dropped, and names all that it uses with the schema, as it runs under
-- anybody's path.
CREATE FUNCTION scorebook.as_of_body(timeline integer, by_key boolean)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	versioned scorebook.versioned_relation;
	key record;
	columns name[];
	parameters text[];
BEGIN
	SELECT v.* INTO STRICT versioned FROM scorebook.versioned_relation AS v WHERE v.timeline_id = timeline;
	SELECT k.* INTO key FROM scorebook.row_key(versioned.relation) AS k;
	columns := scorebook.row_columns(versioned.relation);
	parameters := ARRAY(SELECT format('%s $%s', o.operator, o.position + 1)
		FROM unnest(key.operators) WITH ORDINALITY AS o (operator, position) WHERE by_key ORDER BY o.position);
	RETURN format($body$
	SELECT %1$s FROM scorebook.check_begin(%2$s, $1, NULL::%3$s) AS b
	UNION ALL
	SELECT %4$s
	FROM %3$s AS c
		JOIN %5$s AS s ON %6$s
		JOIN scorebook.moment AS f ON f.writer OPERATOR(pg_catalog.=) s.opened_by
	WHERE f.committed_at OPERATOR(pg_catalog.<=) $1%9$s
	UNION ALL
	SELECT %7$s
	FROM %8$s AS h
		JOIN scorebook.moment AS f ON f.writer OPERATOR(pg_catalog.=) h.opened_by
		JOIN scorebook.moment AS t ON t.writer OPERATOR(pg_catalog.=) h.closed_by
	WHERE f.committed_at OPERATOR(pg_catalog.<=) $1 AND t.committed_at OPERATOR(pg_catalog.>) $1%10$s
$body$,
		scorebook.name_list(columns, 'b.%1$I'), timeline, versioned.relation,
		scorebook.name_list(columns, 'c.%1$I'), versioned.since,
		scorebook.name_list(key.columns, 's.%1$I %2$s c.%1$I', ' AND ', key.operators),
		scorebook.name_list(columns, 'h.%1$I'), versioned.history,
		CASE WHEN by_key THEN ' AND ' || scorebook.name_list(key.columns, 'c.%1$I %2$s', ' AND ', parameters) END,
		CASE WHEN by_key THEN ' AND ' || scorebook.name_list(key.columns, 'h.%1$I %2$s', ' AND ', parameters) END);
END
$$;

COMMENT ON FUNCTION scorebook.as_of_body(integer, boolean) IS
	'the body of the functions <table>_as_of';

CREATE FUNCTION scorebook.check_can_be_versioned(relation regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	class pg_class;
	problem text;
	hint text;
	own name;
BEGIN
	SELECT c.* INTO class FROM pg_class AS c WHERE c.oid = relation;
	IF class.relkind NOT IN ('r', 'p') THEN
		problem := 'it is not a table';
		hint := 'Give history to the tables behind it.';
	ELSIF class.relispartition THEN
		problem := 'it is a partition';
		hint := 'Give history to the partitioned table.';
	ELSIF class.relpersistence <> 'p' THEN
		problem := 'it does not survive a crash, and its history would';
		hint := 'Use ALTER TABLE ... SET LOGGED.';
	ELSIF EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
				  WHERE relation IN (i.inhrelid, i.inhparent) AND NOT c.relispartition) THEN
		problem := 'it inherits, or is inherited from';
		hint := 'Use a partitioned table instead.';
	ELSIF class.relrowsecurity THEN
		problem := 'it has row security, and its history would not';
		hint := 'Give history to a table without row security, and put that in front of a view.';
	ELSIF EXISTS (SELECT FROM pg_attribute AS a
				  WHERE a.attrelid = relation AND a.attgenerated = 'v' AND NOT a.attisdropped) THEN
		problem := 'it has a generated column that is virtual';
		hint := 'Make the column STORED.';
	ELSIF NOT EXISTS (SELECT FROM scorebook.row_key(relation)) THEN
		problem := 'it has no primary key';
		hint := 'Add one that is not deferrable, or choose a unique index with ALTER TABLE ... REPLICA IDENTITY USING INDEX.';
	END IF;
	IF problem IS NULL THEN
		SELECT a.attname INTO own
		FROM pg_attribute AS a
		WHERE a.attrelid = relation AND NOT a.attisdropped
			AND a.attname IN ('opened_by', 'closed_by', 'system_from', 'system_to');
		IF FOUND THEN
			problem := format('its column "%s" has a name that the history needs', own);
			hint := 'Rename the column.';
		END IF;
	END IF;
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('table %s cannot have history: %s', relation, problem),
			HINT = hint;
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_can_be_versioned(regclass) IS
	'throws where a table cannot have history';

-- Column definitions: names, types and collations, and nothing else, as no row
-- of a history must ever be refused.
CREATE FUNCTION scorebook.column_definitions(relation regclass, columns name[])
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
			CASE WHEN a.attcollation <> t.typcollation
				 THEN format(' COLLATE %I.%I', n.nspname, c.collname) ELSE '' END), ', ' ORDER BY k.position)
	FROM unnest(columns) WITH ORDINALITY AS k (name, position)
		JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname = k.name
		JOIN pg_type AS t ON t.oid = a.atttypid
		LEFT JOIN pg_collation AS c ON c.oid = a.attcollation
		LEFT JOIN pg_namespace AS n ON n.oid = c.collnamespace
$$;

COMMENT ON FUNCTION scorebook.column_definitions(regclass, name[]) IS
	'columns as CREATE TABLE takes them';

-- What a companion has besides the columns of its table.
CREATE FUNCTION scorebook.add_companion(relation regclass, companion text, columns name[], own text,
	description text)
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reader record;
BEGIN
	EXECUTE format('CREATE TABLE %s (%s, %s)', companion, scorebook.column_definitions(relation, columns), own);
	EXECUTE format('COMMENT ON TABLE %s IS %L', companion, description);
	EXECUTE format('CREATE TRIGGER scorebook_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s'
		' FOR EACH STATEMENT EXECUTE FUNCTION scorebook.guard_history()', companion);
	FOR reader IN
		SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS role
		FROM pg_class AS c, aclexplode(c.relacl) AS a
		WHERE c.oid = relation AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
	LOOP
		EXECUTE format('GRANT SELECT ON %s TO %s', companion, reader.role);
	END LOOP;
	RETURN companion::regclass;
END
$$;

COMMENT ON FUNCTION scorebook.add_companion(regclass, text, name[], text, text) IS
	'makes <table>_history or <table>_since, readable for those who may read the table';

-- With the rights of the caller, who owns the table.
CREATE FUNCTION scorebook.add_system_versioning(relation regclass)
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	schema name;
	name name;
	owner name;
	as_of text;
	taken text;
	key name[];
	history regclass;
	since regclass;
BEGIN
	SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner) INTO schema, name, owner
	FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE c.oid = relation;
	IF name IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'the relation cannot be null';
	ELSIF NOT pg_has_role(owner, 'USAGE') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('must be owner of table %s', relation);
	ELSIF EXISTS (SELECT FROM scorebook.versioned_relation AS v
				  WHERE add_system_versioning.relation IN (v.relation, v.history, v.since)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('table %s already has history, or is part of one', relation),
			HINT = 'Tables with history are listed in scorebook.versioned_relation.';
	ELSIF octet_length(name) > 55 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'name_too_long',
			MESSAGE = format('the name of table %s is too long', relation),
			DETAIL = format('It has %s bytes.', octet_length(name)),
			HINT = 'That of its history has eight bytes more, and names have at most 63.';
	ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = 'cannot add history in a REPEATABLE READ or SERIALIZABLE transaction',
			DETAIL = 'It may not see all rows of the table.',
			HINT = 'Use the isolation level READ COMMITTED.';
	END IF;
	PERFORM scorebook.check_can_be_versioned(relation);
	as_of := format('%I.%I', schema, name || '_as_of');
	SELECT t.name INTO taken
	FROM unnest(ARRAY[name || '_history', name || '_since']) AS t (name)
	WHERE to_regclass(format('%I.%I', schema, t.name)) IS NOT NULL;
	IF to_regproc(as_of) IS NOT NULL THEN
		taken := name || '_as_of';
	END IF;
	IF taken IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = format('"%s" already exists', taken),
			HINT = format('Table %s needs the name for its history: rename or drop what has it.', relation);
	END IF;

	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
	SELECT k.columns INTO key FROM scorebook.row_key(relation) AS k;
	history := scorebook.add_companion(relation, format('%I.%I', schema, name || '_history'),
		scorebook.row_columns(relation),
		format('opened_by bigint NOT NULL, closed_by bigint NOT NULL,'
			' system_from timestamp with time zone NOT NULL, system_to timestamp with time zone NOT NULL,'
			' PRIMARY KEY (%s, opened_by), CHECK (system_from < system_to)', scorebook.name_list(key, '%1$I')),
		format('what table %s had before; its state as of any time is %s(time)', relation, as_of));
	since := scorebook.add_companion(relation, format('%I.%I', schema, name || '_since'), key,
		format('opened_by bigint NOT NULL, system_from timestamp with time zone NOT NULL, PRIMARY KEY (%s)',
			scorebook.name_list(key, '%1$I')),
		format('since when the rows of table %s are what they are', relation));
	PERFORM scorebook.register_versioning(relation, history, since);
	PERFORM scorebook.follow_relation(relation);
	RETURN history;
END
$$;

COMMENT ON FUNCTION scorebook.add_system_versioning(regclass) IS
	'gives a table history: <table>_history and <table>_as_of(time)';

-- The rows that are there belong to a writer of their own.  The history begins
-- with its moment.
CREATE FUNCTION scorebook.register_versioning_internal(caller name, relation regclass, history regclass,
	since regclass)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	timeline integer;
BEGIN
	PERFORM scorebook.check_owner_internal(caller, relation);
	PERFORM scorebook.check_owner_internal(caller, history);
	PERFORM scorebook.check_owner_internal(caller, since);
	INSERT INTO scorebook.timeline (begins_at) VALUES ('infinity') RETURNING timeline_id INTO timeline;
	INSERT INTO scorebook.moment (writer, timeline_id) VALUES (nextval('scorebook.writer_seq'), timeline);
	INSERT INTO scorebook.versioned_relation (timeline_id, relation, history, since, key, members,
		statements, added_at, added_by)
	VALUES (timeline, relation, history, since, (SELECT k.columns FROM scorebook.row_key(relation) AS k),
		'{}', '{}', now(), caller);
	RETURN timeline;
END
$$;

COMMENT ON FUNCTION scorebook.register_versioning_internal(name, regclass, regclass, regclass) IS
	'what register_versioning does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.member_tables(relation regclass)
RETURNS SETOF regclass
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT relation UNION SELECT p.relid FROM pg_partition_tree(relation) AS p
$$;

COMMENT ON FUNCTION scorebook.member_tables(regclass) IS
	'a table and its partitions, on all levels';

-- Anybody can make a function that looks like them; they are the owner's, or
-- were until now.
CREATE FUNCTION scorebook.as_of_functions(timeline integer)
RETURNS TABLE (function regprocedure, by_key boolean)
LANGUAGE sql STABLE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.oid, p.pronargs > 1
	FROM scorebook.versioned_relation AS v
		JOIN pg_class AS c ON c.oid = v.relation
		JOIN pg_class AS h ON h.oid = v.history
		JOIN pg_proc AS p ON p.prorettype = c.reltype AND p.proowner IN (c.relowner, h.relowner)
	WHERE v.timeline_id = timeline AND p.proretset
		AND p.prosrc ~ format('scorebook\.check_begin\(%s,', timeline)
$$;

COMMENT ON FUNCTION scorebook.as_of_functions(integer) IS
	'the functions <table>_as_of, whatever they are called by now';

-- The planner inlines it, so that it is a view with parameters.
CREATE FUNCTION scorebook.write_as_of(versioned scorebook.versioned_relation, by_key boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	body constant text := scorebook.as_of_body(versioned.timeline_id, by_key);
	owner constant name := (SELECT pg_get_userbyid(c.relowner) FROM pg_class AS c WHERE c.oid = versioned.relation);
	current record;
	signature text;
BEGIN
	SELECT p.oid, n.nspname, p.proname, p.prosrc, pg_get_userbyid(p.proowner) AS owner INTO current
	FROM scorebook.as_of_functions(versioned.timeline_id) AS f
		JOIN pg_proc AS p ON p.oid = f.function
		JOIN pg_namespace AS n ON n.oid = p.pronamespace
	WHERE f.by_key = write_as_of.by_key;
	IF NOT FOUND THEN
		SELECT NULL::oid AS oid, n.nspname, (c.relname || '_as_of')::name AS proname, NULL::text AS prosrc, NULL::name AS owner
		INTO current
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE c.oid = versioned.relation;
	END IF;
	signature := format('%I.%I(at timestamp with time zone%s)', current.nspname, current.proname,
		(SELECT string_agg(', ' || format_type(a.atttypid, NULL), '' ORDER BY k.position)
		 FROM scorebook.row_key(versioned.relation) AS r, unnest(r.columns) WITH ORDINALITY AS k (name, position)
			JOIN pg_attribute AS a ON a.attrelid = versioned.relation AND a.attname = k.name
		 WHERE by_key));
	IF current.prosrc IS DISTINCT FROM body THEN
		EXECUTE format('CREATE OR REPLACE FUNCTION %s RETURNS SETOF %s LANGUAGE sql STABLE PARALLEL SAFE %s AS %L',
			signature, versioned.relation, CASE WHEN by_key THEN 'ROWS 1' END, body);
		EXECUTE format('ALTER FUNCTION %s DEPENDS ON EXTENSION scorebook', signature);
		EXECUTE format('COMMENT ON FUNCTION %s IS %L', signature,
			format(CASE WHEN by_key THEN 'the row of table %s that has a key at a time, as whoever read it then saw it'
						ELSE 'the rows of table %s at a time, as whoever read them then saw them' END, versioned.relation));
	END IF;
	IF current.owner IS DISTINCT FROM owner THEN
		EXECUTE format('ALTER FUNCTION %s OWNER TO %I', signature, owner);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.write_as_of(scorebook.versioned_relation, boolean) IS
	'makes the functions <table>_as_of what they should be';

-- Makes what belongs to a table with history what the table is now.  Called
-- when history is added and after DDL, with the rights of whoever does that.
CREATE FUNCTION scorebook.follow_relation(relation regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	versioned scorebook.versioned_relation;
	owner name;
	gone regclass[];
	come regclass[];
	member regclass;
	companion record;
BEGIN
	SELECT v.* INTO STRICT versioned FROM scorebook.versioned_relation AS v
	WHERE v.relation = follow_relation.relation;
	PERFORM scorebook.check_can_be_versioned(relation);
	PERFORM scorebook.check_triggers(versioned);
	PERFORM scorebook.check_key(versioned);
	PERFORM scorebook.follow_columns(versioned);

	gone := ARRAY(SELECT unnest(versioned.members) EXCEPT SELECT scorebook.member_tables(relation));
	come := ARRAY(SELECT scorebook.member_tables(relation) EXCEPT SELECT unnest(versioned.members));
	PERFORM scorebook.renew_versioning(relation);
	FOREACH member IN ARRAY gone LOOP
		PERFORM scorebook.drop_triggers(member);
	END LOOP;
	FOREACH member IN ARRAY come LOOP
		PERFORM scorebook.create_triggers(member, versioned.timeline_id);
	END LOOP;

	PERFORM scorebook.write_as_of(versioned, false), scorebook.write_as_of(versioned, true);
	owner := (SELECT pg_get_userbyid(c.relowner) FROM pg_class AS c WHERE c.oid = relation);
	FOR companion IN
		SELECT c.oid::regclass AS name FROM pg_class AS c
		WHERE c.oid IN (versioned.history, versioned.since) AND pg_get_userbyid(c.relowner) <> owner
	LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO %I', companion.name, owner);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.follow_relation(regclass) IS
	'brings the companions, triggers and functions of a table with history up to its definition';

CREATE FUNCTION scorebook.follow_columns(versioned scorebook.versioned_relation)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own constant name[] := '{opened_by,closed_by,system_from,system_to}';
	columns constant name[] := scorebook.row_columns(versioned.relation);
	past constant name[] := scorebook.row_columns(versioned.history);
	added record;
	changes text[];
	defaults text[];
BEGIN
	PERFORM scorebook.check_types(versioned.relation, versioned.history);
	PERFORM scorebook.check_types(versioned.relation, versioned.since);
	SELECT array_agg(format('DROP COLUMN %I', c.name) ORDER BY c.name) INTO changes
	FROM unnest(past) AS c (name)
	WHERE c.name <> ALL (columns || own);
	-- the rows that were there when a column was added with a default have that
	FOR added IN
		SELECT c.name, scorebook.column_definitions(versioned.relation, ARRAY[c.name]) AS definition,
			(SELECT format('(%L::%s[])[1]', a.attmissingval::text, format_type(a.atttypid, a.atttypmod))
			 FROM pg_attribute AS a
			 WHERE a.attrelid IN (SELECT scorebook.member_tables(versioned.relation))
				AND a.attname = c.name AND a.atthasmissing
			 LIMIT 1) AS value
		FROM unnest(columns) AS c (name)
		WHERE c.name <> ALL (past)
	LOOP
		changes := changes || format('ADD COLUMN %s%s', added.definition, ' DEFAULT ' || added.value);
		IF added.value IS NOT NULL THEN
			defaults := defaults || format('ALTER COLUMN %I DROP DEFAULT', added.name);
		END IF;
	END LOOP;
	IF changes IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s %s', versioned.history, array_to_string(changes, ', '));
	END IF;
	IF defaults IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s %s', versioned.history, array_to_string(defaults, ', '));
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.follow_columns(scorebook.versioned_relation) IS
	'gives a history the columns that its table has';

CREATE FUNCTION scorebook.check_types(relation regclass, companion regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	changed record;
BEGIN
	SELECT r.attname AS name, format_type(h.atttypid, h.atttypmod) AS type INTO changed
	FROM pg_attribute AS r JOIN pg_attribute AS h ON h.attrelid = companion AND h.attname = r.attname
	WHERE r.attrelid = relation AND r.attnum > 0 AND h.attnum > 0
		AND (r.atttypid, r.atttypmod, r.attcollation) IS DISTINCT FROM (h.atttypid, h.atttypmod, h.attcollation);
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('cannot change the type of column "%s": table %s has history', changed.name, relation),
			DETAIL = format('In table %s, it has the type %s.', companion, changed.type),
			HINT = 'Add a column of the new type, or end the history first, with scorebook.drop_system_versioning.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_types(regclass, regclass) IS
	'throws where a column of a table has another type in a companion';

-- While a dump is being restored there is no key yet, and no index that could
-- be one.
CREATE FUNCTION scorebook.check_key(versioned scorebook.versioned_relation)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known constant name[] := (SELECT k.columns FROM scorebook.row_key(versioned.since) AS k);
	key constant name[] := (SELECT k.columns FROM scorebook.row_key(versioned.relation) AS k);
BEGIN
	IF known IS NULL OR key = known OR key IS NULL AND NOT EXISTS (
		SELECT FROM pg_index AS i
		WHERE i.indrelid = versioned.relation AND i.indisunique AND i.indimmediate AND i.indisvalid
			AND i.indpred IS NULL AND i.indexprs IS NULL
			AND known = (SELECT array_agg(a.attname ORDER BY k.position)
						 FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, position)
							JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
						 WHERE k.position <= i.indnkeyatts)) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'feature_not_supported',
		MESSAGE = format('cannot change the key of table %s: it has history', versioned.relation),
		DETAIL = format('Its rows are told apart by (%s).', scorebook.name_list(known, '%1$I')),
		HINT = 'End the history first, with scorebook.drop_system_versioning.';
END
$$;

COMMENT ON FUNCTION scorebook.check_key(scorebook.versioned_relation) IS
	'throws where the rows of a table with history are told apart by other columns than before';

CREATE FUNCTION scorebook.check_triggers(versioned scorebook.versioned_relation)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	disabled record;
BEGIN
	SELECT t.tgname AS name, t.tgrelid::regclass AS relation INTO disabled
	FROM pg_trigger AS t
	WHERE t.tgrelid IN (versioned.history, versioned.since) AND t.tgenabled IN ('D', 'R')
			AND t.tgfoid = 'scorebook.guard_history()'::regprocedure
		OR t.tgrelid = ANY (versioned.members) AND t.tgenabled <> 'A'
			AND t.tgfoid = 'scorebook.keep_history()'::regprocedure;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('cannot disable trigger "%s" of table %s: it keeps history', disabled.name, disabled.relation),
			HINT = 'End the history first, with scorebook.drop_system_versioning.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_triggers(scorebook.versioned_relation) IS
	'throws where a trigger that keeps a history is disabled';

-- Their names may have been changed.
CREATE FUNCTION scorebook.has_triggers_internal(versioned scorebook.versioned_relation)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT bool_and(t.n = t.expected)
	FROM
		(SELECT CASE c.relkind WHEN 'r' THEN 4 ELSE 3 END AS expected,
			(SELECT count(*) FROM pg_trigger AS t
			 WHERE t.tgrelid = c.oid AND t.tgfoid = 'scorebook.keep_history()'::regprocedure) AS n
		 FROM pg_class AS c WHERE c.oid = ANY (versioned.members)
		 UNION ALL
		 SELECT 2, count(*) FROM pg_trigger AS t
		 WHERE t.tgrelid IN (versioned.history, versioned.since)
			AND t.tgfoid = 'scorebook.guard_history()'::regprocedure) AS t
$$;

COMMENT ON FUNCTION scorebook.has_triggers_internal(scorebook.versioned_relation) IS
	'whether all triggers that keep a history are there';

CREATE FUNCTION scorebook.create_triggers(member regclass, timeline integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	event record;
BEGIN
	FOR event IN
		SELECT *
		FROM (VALUES
				('insert', 'AFTER INSERT', 'REFERENCING NEW TABLE AS new_rows'),
				('update', 'AFTER UPDATE', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'),
				('delete', 'AFTER DELETE', 'REFERENCING OLD TABLE AS old_rows'),
				('truncate', 'BEFORE TRUNCATE', '')) AS e (name, fired, rows)
		WHERE e.name <> 'truncate'
			OR EXISTS (SELECT FROM pg_class AS c WHERE c.oid = member AND c.relkind = 'r')
	LOOP
		EXECUTE format('CREATE TRIGGER scorebook_keep_%s %s ON %s %s'
			' FOR EACH STATEMENT EXECUTE FUNCTION scorebook.keep_history(%L)',
			event.name, event.fired, member, event.rows, timeline::text);
		EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER scorebook_keep_%s', member, event.name);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.create_triggers(regclass, integer) IS
	'the triggers of a table with history, or of one of its partitions';

CREATE FUNCTION scorebook.drop_triggers(member regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	trigger record;
BEGIN
	FOR trigger IN
		SELECT t.tgname AS name FROM pg_trigger AS t
		WHERE t.tgrelid = member AND t.tgfoid IN ('scorebook.keep_history()'::regprocedure,
												  'scorebook.guard_history()'::regprocedure)
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', trigger.name, member);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.drop_triggers(regclass) IS
	'takes a table out of a history';

CREATE FUNCTION scorebook.renew_versioning_internal(caller name, relation regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	versioned scorebook.versioned_relation;
	tables constant regclass[] := ARRAY(SELECT scorebook.member_tables(relation));
	made text[];
	member regclass;
BEGIN
	SELECT v.* INTO STRICT versioned FROM scorebook.versioned_relation AS v
	WHERE v.relation = renew_versioning_internal.relation;
	made := scorebook.history_statements(versioned.timeline_id);
	IF versioned.members @> tables AND versioned.members <@ tables AND versioned.statements = made THEN
		RETURN;
	END IF;
	PERFORM scorebook.check_owner_internal(caller, relation);
	UPDATE scorebook.versioned_relation AS v
	SET members = tables, statements = made,
		key = (SELECT k.columns FROM scorebook.row_key(renew_versioning_internal.relation) AS k)
	WHERE v.timeline_id = versioned.timeline_id;
	IF versioned.members @> tables AND versioned.members <@ tables THEN
		RETURN;
	END IF;
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('cannot attach or detach partitions of table %s in a REPEATABLE READ or SERIALIZABLE transaction', relation),
			DETAIL = 'It has history, and the transaction may not see all rows.',
			HINT = 'Use the isolation level READ COMMITTED.';
	END IF;
	FOR member IN
		SELECT m.member
		FROM (SELECT unnest(tables) EXCEPT SELECT unnest(versioned.members)) AS m (member)
			JOIN pg_class AS c ON c.oid = m.member AND c.relkind = 'r'
	LOOP
		PERFORM scorebook.open_rows_internal(versioned.timeline_id, member);
	END LOOP;
	FOR member IN
		SELECT m.member
		FROM (SELECT unnest(versioned.members) EXCEPT SELECT unnest(tables)) AS m (member)
			JOIN pg_class AS c ON c.oid = m.member AND c.relkind = 'r'
	LOOP
		PERFORM scorebook.close_rows_internal(versioned.timeline_id, member);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.renew_versioning_internal(name, regclass) IS
	'what renew_versioning does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.unregister_versioning_internal(caller name, relation regclass, keep_moments boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	timeline integer;
BEGIN
	PERFORM scorebook.check_owner_internal(caller, relation);
	DELETE FROM scorebook.versioned_relation AS v
	WHERE v.relation = unregister_versioning_internal.relation
	RETURNING v.timeline_id INTO timeline;
	IF NOT keep_moments THEN
		DELETE FROM scorebook.moment AS m WHERE m.timeline_id = timeline;
		DELETE FROM scorebook.timeline AS t WHERE t.timeline_id = timeline;
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.unregister_versioning_internal(name, regclass, boolean) IS
	'what unregister_versioning does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.find_versioned(relation regclass)
RETURNS scorebook.versioned_relation
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	versioned scorebook.versioned_relation;
BEGIN
	SELECT v.* INTO versioned FROM scorebook.versioned_relation AS v WHERE v.relation = find_versioned.relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('table %s has no history', relation),
			HINT = 'Tables with history are listed in scorebook.versioned_relation.';
	END IF;
	RETURN versioned;
END
$$;

COMMENT ON FUNCTION scorebook.find_versioned(regclass) IS
	'what there is about a table with history';

CREATE FUNCTION scorebook.drop_system_versioning(relation regclass, keep_history boolean DEFAULT true)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	versioned scorebook.versioned_relation;
	as_of regprocedure[];
	member regclass;
	function regprocedure;
BEGIN
	IF keep_history IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'keep_history cannot be null';
	END IF;
	versioned := scorebook.find_versioned(relation);
	as_of := ARRAY(SELECT f.function FROM scorebook.as_of_functions(versioned.timeline_id) AS f);
	PERFORM scorebook.unregister_versioning(relation, keep_history);
	FOREACH member IN ARRAY versioned.members LOOP
		PERFORM scorebook.drop_triggers(member);
	END LOOP;
	FOREACH function IN ARRAY as_of LOOP
		EXECUTE format('DROP FUNCTION %s', function);
	END LOOP;
	EXECUTE format('DROP TABLE %s', versioned.since);
	IF keep_history THEN
		PERFORM scorebook.drop_triggers(versioned.history);
	ELSE
		EXECUTE format('DROP TABLE %s', versioned.history);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.drop_system_versioning(regclass, boolean) IS
	'ends the history of a table; what it was before stays as a table of its own, or goes';

-- What a history must be, in one scan in the order of keys and moments.  It has
-- no digests: a writer is any transaction, and would have to read its rows again.
CREATE FUNCTION scorebook.verify_history(relation regclass)
RETURNS TABLE (problem text, key text, detail text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	versioned constant scorebook.versioned_relation := scorebook.find_versioned(relation);
	row_key record;
	same_key text;
BEGIN
	SELECT k.* INTO STRICT row_key FROM scorebook.row_key(relation) AS k;
	same_key := scorebook.name_list(row_key.columns, 'c.%1$I %2$s o.%1$I', ' AND ', row_key.operators);
	RETURN QUERY EXECUTE format($sql$
		WITH line AS
		(
			SELECT %1$s AS key, c.closed_by, f.writer IS NULL OR (t.writer IS NULL AND c.closed_by IS NOT NULL) AS unknown,
				coalesce(f.committed_at, 'infinity') AS opened_at, coalesce(t.committed_at, 'infinity') AS closed_at,
				lead(coalesce(f.committed_at, 'infinity')) OVER next AS next_at
			FROM
				(SELECT %2$s, c.opened_by, NULL::bigint AS closed_by FROM %3$s AS c
				 UNION ALL
				 SELECT %2$s, c.opened_by, c.closed_by FROM %4$s AS c) AS c
				LEFT JOIN scorebook.moment AS f ON f.writer = c.opened_by AND f.timeline_id = $1
				LEFT JOIN scorebook.moment AS t ON t.writer = c.closed_by AND t.timeline_id = $1
			WINDOW next AS (PARTITION BY %2$s ORDER BY f.committed_at, c.closed_by)
		)
		SELECT p.* FROM
		(
			SELECT 'a row is of no writer of the table'::text, l.key, NULL::text FROM line AS l WHERE l.unknown
			UNION ALL
			SELECT 'a row ends before it begins', l.key,
				format('It begins at %%s and ends at %%s.', l.opened_at, l.closed_at)
			FROM line AS l WHERE NOT l.unknown AND l.closed_by IS NOT NULL AND l.closed_at <= l.opened_at
			UNION ALL
			SELECT 'two rows overlap', l.key,
				format('It ends at %%s, and the next row begins at %%s.', l.closed_at, l.next_at)
			FROM line AS l WHERE NOT l.unknown AND l.next_at < l.closed_at
			UNION ALL
			SELECT 'the history does not know a row of the table', %1$s, NULL
			FROM %5$s AS c WHERE NOT EXISTS (SELECT FROM %3$s AS o WHERE %6$s)
			UNION ALL
			SELECT 'the table does not have a row that the history knows', %1$s, NULL
			FROM %3$s AS c WHERE NOT EXISTS (SELECT FROM %5$s AS o WHERE %6$s)
		) AS p
		$sql$, scorebook.shown_key(row_key.columns), scorebook.name_list(row_key.columns, 'c.%1$I'), versioned.since,
		versioned.history, versioned.relation, same_key)
	USING versioned.timeline_id;
END
$$;

COMMENT ON FUNCTION scorebook.verify_history(regclass) IS
	'what is wrong with the history of a table; no rows: nothing';

CREATE FUNCTION scorebook.as_of_final_until(relation regclass)
RETURNS timestamp with time zone
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	versioned constant scorebook.versioned_relation := scorebook.find_versioned(relation);
BEGIN
	RETURN scorebook.final_until(versioned.timeline_id);
END
$$;

COMMENT ON FUNCTION scorebook.as_of_final_until(regclass) IS
	'before this time, what <table>_as_of answers cannot change any more';

CREATE FUNCTION scorebook.check_companion(versioned scorebook.versioned_relation, companion regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own constant name[] := CASE companion
		WHEN versioned.history
		THEN scorebook.row_columns(versioned.relation) || '{opened_by,closed_by,system_from,system_to}'::name[]
		ELSE (SELECT k.columns FROM scorebook.row_key(versioned.relation) AS k) || '{opened_by,system_from}'::name[]
		END;
	columns constant name[] := scorebook.row_columns(companion);
BEGIN
	IF NOT (columns @> own AND columns <@ own) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('cannot change the columns of table %s', companion),
			DETAIL = format('They follow those of table %s.', versioned.relation),
			HINT = 'Change the columns of that table.';
	END IF;
	PERFORM scorebook.check_types(versioned.relation, companion);
END
$$;

COMMENT ON FUNCTION scorebook.check_companion(scorebook.versioned_relation, regclass) IS
	'throws where a companion has other columns than it should';

-- The one column that the history does not have under its name is the one that
-- the table no longer has.
CREATE FUNCTION scorebook.rename_column(versioned scorebook.versioned_relation, name name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns constant name[] := scorebook.row_columns(versioned.relation);
	companion record;
BEGIN
	FOR companion IN
		SELECT t.companion, a.attname AS old_name
		FROM unnest(ARRAY[versioned.history, versioned.since]) WITH ORDINALITY AS t (companion, position)
			JOIN pg_attribute AS a ON a.attrelid = t.companion AND a.attnum > 0 AND NOT a.attisdropped
		WHERE a.attname NOT IN ('opened_by', 'closed_by', 'system_from', 'system_to')
			AND a.attname <> ALL (columns)
		ORDER BY t.position
	LOOP
		EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', companion.companion, companion.old_name, name);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.rename_column(scorebook.versioned_relation, name) IS
	'renames a column of a table in its companions';

-- What DDL does to a table with history, its history follows, or it is refused.
CREATE FUNCTION scorebook.follow_ddl_internal() RETURNS event_trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	change record;
	versioned scorebook.versioned_relation;
BEGIN
	FOR change IN
		SELECT v.timeline_id, c.objid, c.object_type = 'table column' AS renames,
			CASE WHEN c.objid IN (v.history, v.since) THEN c.objid::regclass END AS companion,
			(SELECT a.attname FROM pg_attribute AS a
			 WHERE a.attrelid = c.objid AND a.attnum = c.objsubid) AS column
		FROM scorebook.versioned_relation AS v, pg_event_trigger_ddl_commands() AS c
		WHERE (c.classid = 'pg_class'::regclass
			   AND (c.objid IN (v.relation, v.history, v.since) OR c.objid = ANY (v.members)
					OR pg_partition_root(c.objid) = v.relation
					OR EXISTS (SELECT FROM pg_inherits AS i
							   WHERE i.inhrelid = c.objid AND i.inhparent = v.relation)))
			OR (c.classid = 'pg_namespace'::regclass
				AND EXISTS (SELECT FROM pg_class AS t
							WHERE t.oid IN (v.relation, v.history, v.since) AND t.relnamespace = c.objid))
	LOOP
		SELECT v.* INTO versioned FROM scorebook.versioned_relation AS v WHERE v.timeline_id = change.timeline_id;
		IF NOT EXISTS (SELECT FROM scorebook.row_key(versioned.relation)) THEN
			PERFORM scorebook.check_key(versioned);
			CONTINUE;
		END IF;
		IF change.companion IS NOT NULL THEN
			PERFORM scorebook.check_companion(versioned, change.companion);
			CONTINUE WHEN change.renames;
		ELSIF change.renames AND change.objid = versioned.relation THEN
			PERFORM scorebook.rename_column(versioned, change.column);
		END IF;
		PERFORM scorebook.follow_relation(versioned.relation);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.follow_ddl_internal() IS
	'event trigger: histories follow what is done to their tables';

-- Runs with the rights of the extension's owner: the table is gone, and whoever
-- dropped it need not own its history.
CREATE FUNCTION scorebook.follow_drop_internal() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	dropped constant oid[] := ARRAY(SELECT d.objid FROM pg_event_trigger_dropped_objects() AS d
		WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0);
	versioned scorebook.versioned_relation;
	problem text;
	hint text;
BEGIN
	FOR versioned IN SELECT v.* FROM scorebook.versioned_relation AS v LOOP
		problem := NULL;
		hint := 'End the history first, with scorebook.drop_system_versioning.';
		IF versioned.relation = ANY (dropped) THEN
			DELETE FROM scorebook.versioned_relation AS v WHERE v.timeline_id = versioned.timeline_id;
			IF versioned.since <> ALL (dropped) THEN
				EXECUTE format('DROP TABLE %s', versioned.since);
			END IF;
			IF versioned.history <> ALL (dropped) THEN
				PERFORM scorebook.drop_triggers(versioned.history);
			END IF;
		ELSIF ARRAY[versioned.history::oid, versioned.since::oid] && dropped THEN
			problem := format('cannot drop the history of table %s', versioned.relation);
		ELSIF versioned.members::oid[] && dropped THEN
			problem := format('cannot drop a partition of table %s: it has history', versioned.relation);
			hint := 'Detach the partition first: its rows then end in the history.';
		ELSIF versioned.key IS DISTINCT FROM (SELECT k.columns FROM scorebook.row_key(versioned.relation) AS k) THEN
			problem := format('cannot drop the key of table %s: it has history', versioned.relation);
		ELSIF EXISTS (
			SELECT FROM pg_event_trigger_dropped_objects() AS d
			WHERE d.object_type = 'trigger'
				AND to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))
					= ANY (versioned.members || versioned.history || versioned.since))
			AND NOT scorebook.has_triggers_internal(versioned) THEN
			problem := format('cannot drop what keeps the history of table %s', versioned.relation);
		END IF;
		IF problem IS NOT NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'object_not_in_prerequisite_state',
				MESSAGE = problem,
				HINT = hint;
		END IF;
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.follow_drop_internal() IS
	'event trigger: histories keep what they need, and end with their tables';

-- A rewrite gives rows of the past values that they did not have, and hides
-- from the rest of the transaction what the rows were before it.
CREATE FUNCTION scorebook.refuse_rewrite_internal() RETURNS event_trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation regclass;
BEGIN
	SELECT v.relation INTO relation
	FROM scorebook.versioned_relation AS v
	WHERE pg_event_trigger_table_rewrite_oid() = ANY (v.members);
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('cannot rewrite table %s: it has history', relation),
			DETAIL = 'Its rows would look as if they had always been what they become.',
			HINT = 'Add a column without a default, or with a constant one, and UPDATE the rows; or end the history first, with scorebook.drop_system_versioning.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.refuse_rewrite_internal() IS
	'event trigger: tables with history are not rewritten';

CREATE EVENT TRIGGER scorebook_refuse_rewrite ON table_rewrite
	EXECUTE FUNCTION scorebook.refuse_rewrite_internal();
CREATE EVENT TRIGGER scorebook_follow_ddl ON ddl_command_end
	WHEN TAG IN ('ALTER SCHEMA', 'ALTER TABLE', 'CREATE TABLE')
	EXECUTE FUNCTION scorebook.follow_ddl_internal();
CREATE EVENT TRIGGER scorebook_follow_drop ON sql_drop
	WHEN TAG IN ('ALTER TABLE', 'DROP INDEX', 'DROP OWNED', 'DROP SCHEMA', 'DROP TABLE', 'DROP TRIGGER')
	EXECUTE FUNCTION scorebook.follow_drop_internal();
