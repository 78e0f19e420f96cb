-- Streams: rows that change in the source's table are scored in the same
-- transaction, by triggers on the table and each of its partitions.

CREATE TABLE scorebook.stream
(
	job_id		integer NOT NULL,
	relation	regclass NOT NULL,
	on_error	text NOT NULL,
	started_at	timestamp with time zone NOT NULL,
	started_by	name NOT NULL,
	CONSTRAINT stream_pkey PRIMARY KEY (job_id),
	CONSTRAINT stream_on_error_check CHECK (on_error IN ('fail', 'record'))
);

COMMENT ON TABLE scorebook.stream IS
	'jobs whose source is scored as it changes';
COMMENT ON COLUMN scorebook.stream.relation IS
	'the table whose changes are scored';
COMMENT ON COLUMN scorebook.stream.on_error IS
	'what an error of scoring does: it fails the statement that has changed the rows, or is recorded';

SELECT pg_catalog.pg_extension_config_dump('scorebook.stream', '');

CREATE FUNCTION scorebook.score_changes() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_stream';

COMMENT ON FUNCTION scorebook.score_changes() IS
	'trigger: scores the rows that a statement has changed into the book of a job';

-- Asked again whenever something has changed: views can be replaced.
CREATE FUNCTION scorebook.streamed_table(job scorebook.registered_job, OUT relation regclass, OUT columns name[])
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	SELECT t.* INTO relation, columns FROM scorebook.source_table(job.source, job.key) AS t;
	IF relation IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'wrong_object_type',
			MESSAGE = format('the source of job "%s" cannot be streamed', job.name),
			DETAIL = format('%s does not show one table row by row, with the key as it is there.', job.source),
			HINT = 'Run the job on a schedule, or score subjects one by one with scorebook.score.';
	END IF;
	IF EXISTS (SELECT FROM pg_trigger AS t
			WHERE t.tgrelid = relation AND t.tgfoid = 'scorebook.guard_book()'::regprocedure) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'wrong_object_type',
			MESSAGE = format('the source of job "%s" cannot be streamed', job.name),
			DETAIL = format('%s is part of a book, and whoever writes one can write no other.', relation),
			HINT = 'Run the job on a schedule: run_due_jobs runs it after the job that it reads from.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.streamed_table(scorebook.registered_job) IS
	'the table that a stream of a job watches, and the columns of its key there; throws where there is none';

CREATE FUNCTION scorebook.stream_job(name text, on_error text DEFAULT 'fail')
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.stream_job(text, text) IS
	'scores the rows of a job''s source from now on as they change, in the transaction that changes them';

CREATE FUNCTION scorebook.stream_job_internal(name text, on_error text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job scorebook.registered_job;
	base regclass;
	part regclass;
BEGIN
	job := scorebook.find_own_job(name);
	base := (scorebook.streamed_table(job)).relation;
	PERFORM scorebook.register_stream(name, base, on_error);
	FOR part IN SELECT p.relid FROM pg_partition_tree(base) AS p UNION SELECT base LOOP
		PERFORM scorebook.create_stream_triggers(part, job.job_id, name, on_error);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.stream_job_internal(text, text) IS
	'what stream_job does';

CREATE FUNCTION scorebook.create_stream_triggers(relation regclass, job_id integer, name text, on_error text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	event record;
BEGIN
	FOR event IN
		VALUES ('insert', 'REFERENCING NEW TABLE AS new_rows'),
			('update', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'),
			('delete', 'REFERENCING OLD TABLE AS old_rows'),
			('truncate', NULL)
	LOOP
		EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s %s FOR EACH STATEMENT'
			' EXECUTE FUNCTION scorebook.score_changes(%L, %L)',
			format('scorebook_stream_%s_%s', job_id, event.column1), event.column1, relation,
			event.column2, name, on_error);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.create_stream_triggers(regclass, integer, text, text) IS
	'the triggers of a stream on one table or partition';

CREATE FUNCTION scorebook.unstream_job(name text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.unstream_job(text) IS
	'ends the stream of a job';

CREATE FUNCTION scorebook.unstream_job_internal(name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job constant scorebook.registered_job := scorebook.find_own_job(name);
	trigger record;
BEGIN
	PERFORM scorebook.unregister_stream(name);
	FOR trigger IN
		SELECT t.tgname, t.tgrelid::regclass AS relation
		FROM pg_trigger AS t
		WHERE t.tgfoid = 'scorebook.score_changes()'::regprocedure
			AND t.tgname ~ format('^scorebook_stream_%s_(insert|update|delete|truncate)$', job.job_id)
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', trigger.tgname, trigger.relation);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.unstream_job_internal(text) IS
	'what unstream_job does';

CREATE FUNCTION scorebook.register_stream(name text, relation regclass, on_error text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.register_stream(text, regclass, text) IS
	'what stream_job does first: writes the stream down';

CREATE FUNCTION scorebook.unregister_stream(name text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.unregister_stream(text) IS
	'what unstream_job does first';

CREATE FUNCTION scorebook.register_stream_internal(caller name, name text, relation regclass, on_error text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job constant scorebook.registered_job := scorebook.find_job_internal(caller, name);
BEGIN
	IF on_error IS NULL OR on_error NOT IN ('fail', 'record') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('on_error of a stream cannot be "%s"', on_error),
			HINT = 'It is fail or record.';
	END IF;
	INSERT INTO scorebook.stream (job_id, relation, on_error, started_at, started_by)
	VALUES (job.job_id, relation, on_error, now(), caller);
EXCEPTION WHEN unique_violation THEN
	RAISE EXCEPTION USING
		ERRCODE = 'duplicate_object',
		MESSAGE = format('job "%s" is already streamed', name),
		HINT = 'To change the stream, end it first, with scorebook.unstream_job.';
END
$$;

COMMENT ON FUNCTION scorebook.register_stream_internal(name, text, regclass, text) IS
	'what register_stream does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.unregister_stream_internal(caller name, name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job constant scorebook.registered_job := scorebook.find_job_internal(caller, name);
BEGIN
	DELETE FROM scorebook.stream AS s WHERE s.job_id = job.job_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('job "%s" is not streamed', name);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.unregister_stream_internal(name, text) IS
	'what unregister_stream does, with the rights of the extension''s owner';

-- A trigger that others have made does not write a job's book.
CREATE FUNCTION scorebook.check_stream_internal(caller name, name text, relation regclass)
RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id integer;
BEGIN
	SELECT j.job_id INTO id
	FROM scorebook.registered_job AS j JOIN scorebook.stream AS s ON s.job_id = j.job_id
	WHERE j.name = check_stream_internal.name
		AND (s.relation = check_stream_internal.relation OR EXISTS
			(SELECT FROM pg_partition_ancestors(check_stream_internal.relation) AS p
			 WHERE p.relid = s.relation));
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('job "%s" does not score the changes of %s', name, relation),
			HINT = 'Drop the trigger; scorebook.stream_job makes those that are needed.';
	END IF;
	RETURN id;
END
$$;

COMMENT ON FUNCTION scorebook.check_stream_internal(name, text, regclass) IS
	'the job that a stream''s trigger names, after checking that it streams this table';

-- Partitions that come later stream, too, until they are detached.
-- With the rights of the extension's owner, since who adds a partition may
-- know nothing of the job.
CREATE FUNCTION scorebook.follow_partitions() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part record;
BEGIN
	FOR part IN
		SELECT p.relid::regclass AS relation, j.job_id, j.name, s.on_error
		FROM scorebook.stream AS s
			JOIN scorebook.registered_job AS j ON j.job_id = s.job_id
			JOIN pg_class AS c ON c.oid = s.relation AND c.relkind = 'p',
			LATERAL pg_partition_tree(s.relation) AS p
		WHERE NOT EXISTS (SELECT FROM pg_trigger AS t
			WHERE t.tgrelid = p.relid AND t.tgname = format('scorebook_stream_%s_insert', j.job_id))
			-- a restore makes all of them, after other commands on these tables
			AND EXISTS (SELECT FROM pg_trigger AS t
				WHERE t.tgrelid = s.relation AND t.tgname = format('scorebook_stream_%s_insert', j.job_id))
			AND EXISTS (SELECT FROM pg_event_trigger_ddl_commands() AS d
				WHERE d.objid IN (SELECT a.relid FROM pg_partition_ancestors(p.relid) AS a))
	LOOP
		PERFORM scorebook.create_stream_triggers(part.relation, part.job_id, part.name, part.on_error);
	END LOOP;
	FOR part IN
		SELECT t.tgname AS trigger, t.tgrelid::regclass AS relation
		FROM scorebook.stream AS s
			JOIN pg_trigger AS t ON t.tgfoid = 'scorebook.score_changes()'::regprocedure
				AND t.tgname ~ format('^scorebook_stream_%s_(insert|update|delete|truncate)$', s.job_id)
		WHERE t.tgrelid <> s.relation
			AND NOT EXISTS (SELECT FROM pg_partition_tree(s.relation) AS p WHERE p.relid = t.tgrelid)
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', part.trigger, part.relation);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.follow_partitions() IS
	'event trigger: new partitions of a streamed table stream, too, and detached ones no longer do';

CREATE EVENT TRIGGER scorebook_follow_partitions ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE')
	EXECUTE FUNCTION scorebook.follow_partitions();

COMMENT ON EVENT TRIGGER scorebook_follow_partitions IS
	'new partitions of a streamed table stream, too, and detached ones no longer do';
