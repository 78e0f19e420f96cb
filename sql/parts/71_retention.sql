-- Retention: what is older than a job keeps it goes, by whole partitions, and
-- the book no longer answers for the time before.

CREATE TABLE scorebook.retention_action
(
	action		bigint GENERATED ALWAYS AS IDENTITY,
	job_id		integer NOT NULL,
	did			text NOT NULL,
	relation	text NOT NULL,
	archived_as	text,
	rows_from	timestamp with time zone,
	rows_to		timestamp with time zone,
	rows		bigint NOT NULL,
	done_at		timestamp with time zone NOT NULL,
	done_by		name NOT NULL,
	CONSTRAINT retention_action_pkey PRIMARY KEY (action),
	CONSTRAINT retention_action_did_check CHECK (did IN ('partition dropped', 'partition archived',
		'inputs blanked', 'row errors removed', 'runs removed'))
);

COMMENT ON TABLE scorebook.retention_action IS
	'what apply_retention has done';
COMMENT ON COLUMN scorebook.retention_action.rows_from IS
	'the rows ended at this time or later; of runs and their errors: began';
COMMENT ON COLUMN scorebook.retention_action.rows_to IS
	'and before this time';

SELECT pg_catalog.pg_extension_config_dump('scorebook.retention_action', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.retention_action_action_seq', '');

CREATE FUNCTION scorebook.partition_bounds(relation regclass, OUT lower timestamp with time zone,
	OUT upper timestamp with time zone)
RETURNS record
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_partition_bounds';

COMMENT ON FUNCTION scorebook.partition_bounds(regclass) IS
	'from when, and until before when, a partition of a history has rows; nulls: it is none';

-- Governed models must be answered for longer than it takes to complain.
CREATE FUNCTION scorebook.check_retention_internal(job scorebook.registered_job)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong text;
BEGIN
	wrong := CASE WHEN job.retain <= interval '0' THEN 'retain' WHEN job.retain_inputs <= interval '0' THEN 'retain_inputs' END;
	IF wrong IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('%s of job "%s" must be a positive interval', wrong, job.name),
			HINT = 'For example, "2 years"; null keeps it for good.';
	END IF;
	IF NOT EXISTS
		(SELECT FROM scorebook.model AS m
		 WHERE m.model_id = (scorebook.resolve_reference(job.model)).model_id AND m.mode = 'governed')
	THEN
		RETURN;
	END IF;
	IF job.retain < interval '6 months' THEN
		RAISE WARNING USING
			MESSAGE = format('job "%s" keeps its history for less than six months', job.name),
			DETAIL = format('Its model is governed, and retain is %s.', job.retain),
			HINT = 'Set retain to six months or more, or to null to keep the history for good.';
	END IF;
	IF job.retain_inputs < interval '6 months' THEN
		RAISE WARNING USING
			MESSAGE = format('job "%s" keeps inputs for less than six months', job.name),
			DETAIL = format('Its model is governed, and retain_inputs is %s.', job.retain_inputs),
			HINT = 'Set retain_inputs to six months or more, or to null to keep inputs as long as the history.';
	END IF;
	IF job.inputs = 'none' THEN
		RAISE WARNING USING
			MESSAGE = format('job "%s" keeps no inputs', job.name),
			DETAIL = 'Its model is governed, and what it says can neither be computed again nor explained.',
			HINT = 'Make the job with inputs => ''full''.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_retention_internal(scorebook.registered_job) IS
	'throws where a job would keep nothing, and warns where a governed model could not be answered for';

-- By name: a dump does not keep numbers of tables.  So it may be somebody else's.
CREATE FUNCTION scorebook.archived_partitions(job_id integer)
RETURNS TABLE (relation regclass, is_own boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT c.oid::regclass, coalesce(pg_has_role(r.relowner, c.relowner, 'USAGE'), false)
	FROM scorebook.retention_action AS a
		JOIN scorebook.registered_job AS j ON j.job_id = a.job_id
		JOIN pg_class AS c ON c.oid = to_regclass(a.archived_as)
		LEFT JOIN pg_class AS r ON r.oid = j.result
	WHERE a.job_id = archived_partitions.job_id
		AND EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = c.oid AND g.tgname = 'scorebook_guard')
$$;

COMMENT ON FUNCTION scorebook.archived_partitions(integer) IS
	'the partitions of a job that were archived and are still there, and whether they are its owner''s';

CREATE FUNCTION scorebook.apply_retention(job text DEFAULT NULL, archive name DEFAULT NULL,
	row_errors interval DEFAULT '90 days', runs interval DEFAULT '400 days')
RETURNS SETOF scorebook.retention_action
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.apply_retention(text, name, interval, interval) IS
	'removes what a job, or each job of the caller''s, need not keep any more; returns what was done';

CREATE FUNCTION scorebook.apply_retention_internal(job text, archive name,
	row_errors interval, runs interval)
RETURNS SETOF scorebook.retention_action
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id integer;
	actions bigint[];
BEGIN
	FOR id IN
		SELECT j.job_id
		FROM scorebook.registered_job AS j
		WHERE CASE
			WHEN job IS NOT NULL THEN j.job_id = (scorebook.find_own_book(job)).job_id
			ELSE EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = j.owner AND pg_has_role(r.oid, 'USAGE')) END
		ORDER BY j.job_id
	LOOP
		actions := scorebook.retain_book(id, archive, row_errors, runs);
		RETURN QUERY SELECT a.* FROM scorebook.retention_action AS a WHERE a.action = ANY (actions) ORDER BY a.action;
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.apply_retention_internal(text, name, interval, interval) IS
	'what apply_retention does';

CREATE FUNCTION scorebook.retain_book(job_id integer, archive name, row_errors interval, runs interval)
RETURNS bigint[]
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.retain_book(integer, name, interval, interval) IS
	'what apply_retention does to one job; returns the numbers of its actions';

CREATE FUNCTION scorebook.retain_book_internal(caller name, job_id integer, archive name, row_errors interval,
	runs interval)
RETURNS bigint[]
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT scorebook.retain_book_at_internal(caller, job_id, archive, row_errors, runs, now())
$$;

COMMENT ON FUNCTION scorebook.retain_book_internal(name, integer, name, interval, interval) IS
	'what retain_book does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.retain_book_at_internal(caller name, job_id integer, archive name, row_errors interval,
	runs interval, at timestamp with time zone)
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book scorebook.registered_job;
	history record;
	last bigint;
BEGIN
	SELECT j.* INTO book FROM scorebook.registered_job AS j WHERE j.job_id = retain_book_at_internal.job_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('job %s does not exist', job_id),
			HINT = 'Use scorebook.apply_retention, which takes the name of a job.';
	END IF;
	PERFORM scorebook.check_job_privilege_internal(caller, book, 'own');
	PERFORM scorebook.check_amending_internal('apply_retention');
	IF row_errors < interval '0' OR runs < interval '0' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'row_errors and runs cannot be negative';
	END IF;
	IF archive IS NOT NULL AND to_regnamespace(quote_ident(archive)) IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_schema_name',
			MESSAGE = format('schema "%s" does not exist', archive),
			HINT = 'Make it, and let the owner of the job create tables there.';
	END IF;
	PERFORM scorebook.keep_writers_out_internal(book.job_id, book.name, true);
	last := coalesce((SELECT max(a.action) FROM scorebook.retention_action AS a), 0);
	FOR history IN
		SELECT b.relation, b.part FROM scorebook.book_tables(book) AS b WHERE b.kind = 'history'
	LOOP
		PERFORM scorebook.drop_partitions_internal(caller, book, history.relation, history.part, archive,
			at - book.retain);
		PERFORM scorebook.blank_inputs_internal(caller, book, history.relation, history.part,
			at - book.retain_inputs);
	END LOOP;
	PERFORM scorebook.remove_row_errors_internal(caller, book, at - row_errors);
	PERFORM scorebook.remove_runs_internal(caller, book, at - runs);
	RETURN ARRAY(SELECT a.action FROM scorebook.retention_action AS a
		WHERE a.job_id = book.job_id AND a.action > last ORDER BY a.action);
END
$$;

COMMENT ON FUNCTION scorebook.retain_book_at_internal(name, integer, name, interval, interval, timestamp with time zone) IS
	'what retain_book does, as if it were another time';

-- The state as of a time needs each row that ended after it.  So the history
-- then begins where the last run has committed that ended one of the rows.
CREATE FUNCTION scorebook.drop_partitions_internal(caller name, book scorebook.registered_job, history regclass,
	part_of text, archive name, horizon timestamp with time zone)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part record;
	gone record;
	last timestamp with time zone;
	place text;
BEGIN
	FOR part IN
		SELECT i.inhrelid::regclass AS relation, c.relname, b.lower, b.upper
		FROM pg_inherits AS i
			JOIN pg_class AS c ON c.oid = i.inhrelid,
			scorebook.partition_bounds(i.inhrelid) AS b
		WHERE i.inhparent = history AND b.upper <= horizon
		ORDER BY b.upper
	LOOP
		SELECT coalesce(sum(a.rows), 0) AS rows, array_agg(a.part) AS parts, array_agg(a.run) AS runs,
			array_agg(a.rows_written) AS written, array_agg(a.rows_ended) AS ended, array_agg(a.digest) AS digests
		INTO gone
		FROM scorebook.amend_book_internal(part.relation, scorebook.count_gone(format(
			'SELECT %s AS part, c.run, c.ended_by, c.end_reason, %s AS digest FROM %s AS c', part_of,
			scorebook.row_digest_of(part.relation), part.relation)), NULL) AS a;
		SELECT max(coalesce(m.committed_at, 'infinity')) INTO last
		FROM unnest(gone.runs, gone.ended) AS e (run, ended)
			LEFT JOIN scorebook.moment AS m ON m.writer = e.run
		WHERE e.ended > 0;
		-- a run may have begun in the month and committed long after
		CONTINUE WHEN last > horizon;
		place := part.relation;
		IF archive IS NULL THEN
			PERFORM scorebook.amend_book_internal(part.relation, format('DROP TABLE %s', part.relation), NULL);
		ELSE
			PERFORM scorebook.amend_book_internal(part.relation,
				format('ALTER TABLE %s DETACH PARTITION %s', history, part.relation), NULL);
			PERFORM scorebook.amend_book_internal(part.relation,
				format('ALTER TABLE %s SET SCHEMA %I', part.relation, archive), NULL);
		END IF;
		PERFORM scorebook.record_amendment_internal(book, 'expired', gone.parts, gone.runs, gone.written,
			gone.ended, gone.digests);
		UPDATE scorebook.timeline AS t
		SET begins_at = last
		WHERE t.timeline_id = book.timeline_id AND t.begins_at < last;
		INSERT INTO scorebook.retention_action (job_id, did, relation, archived_as, rows_from, rows_to, rows,
			done_at, done_by)
		VALUES (book.job_id, CASE WHEN archive IS NULL THEN 'partition dropped' ELSE 'partition archived' END,
			place, CASE WHEN archive IS NOT NULL THEN format('%I.%I', archive, part.relname) END, part.lower, part.upper, gone.rows,
			clock_timestamp(), caller);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.drop_partitions_internal(name, scorebook.registered_job, regclass, text, name,
	timestamp with time zone) IS
	'drops or archives the partitions of a history that are older than a time';

CREATE FUNCTION scorebook.blank_inputs_internal(caller name, book scorebook.registered_job, history regclass,
	part_of text, horizon timestamp with time zone)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	blanked record;
	digest constant text := scorebook.row_digest_of(history);
BEGIN
	-- shadows keep none
	IF horizon IS NULL OR NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = history AND a.attname = 'inputs') THEN
		RETURN;
	END IF;
	SELECT coalesce(sum(a.rows), 0) AS rows, array_agg(a.part) AS parts, array_agg(a.run) AS runs,
		array_agg(a.rows_written) AS written, array_agg(a.rows_ended) AS ended, array_agg(a.digest) AS digests
	INTO blanked
	FROM scorebook.amend_book_internal(history, format(
		'WITH old AS (SELECT c.tableoid AS part, c.ctid AS place, %1$s AS digest FROM %2$s AS c'
		' WHERE c.system_to < ($1 #>> ''{}'')::timestamp with time zone AND %3$s),'
		' blanked AS (UPDATE %2$s AS c SET inputs = NULL, inputs_hash = NULL FROM old'
		' WHERE c.system_to < ($1 #>> ''{}'')::timestamp with time zone'
		' AND c.tableoid = old.part AND c.ctid = old.place'
		' RETURNING %4$s AS part, c.run, c.ended_by, c.end_reason, old.digest AS was, %1$s AS digest)'
		' SELECT b.part, b.run, sum(b.rows)::bigint, 0::bigint, 0::bigint, sum(b.was::numeric - b.digest)'
		' FROM (SELECT b.part, b.run, 1 AS rows, b.was, b.digest FROM blanked AS b'
		' UNION ALL SELECT b.part, b.ended_by, 0, scorebook.end_digest(b.was, b.end_reason),'
		' scorebook.end_digest(b.digest, b.end_reason) FROM blanked AS b) AS b'
		' GROUP BY b.part, b.run',
		digest, history, '(c.inputs IS NOT NULL OR c.inputs_hash IS NOT NULL)', part_of), to_jsonb(horizon)) AS a;
	IF blanked.rows = 0 THEN
		RETURN;
	END IF;
	PERFORM scorebook.record_amendment_internal(book, 'blanked', blanked.parts, blanked.runs, blanked.written,
		blanked.ended, blanked.digests);
	INSERT INTO scorebook.retention_action (job_id, did, relation, rows_to, rows, done_at, done_by)
	VALUES (book.job_id, 'inputs blanked', history, horizon, blanked.rows, clock_timestamp(), caller);
END
$$;

COMMENT ON FUNCTION scorebook.blank_inputs_internal(name, scorebook.registered_job, regclass, text,
	timestamp with time zone) IS
	'blanks the inputs, and their hashes, of the rows of a history that ended before a time';

-- While a key still cannot be scored, its errors tell since when.
CREATE FUNCTION scorebook.remove_row_errors_internal(caller name, book scorebook.registered_job,
	horizon timestamp with time zone)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	removed bigint;
BEGIN
	DELETE FROM scorebook.row_error AS e
	USING scorebook.run AS r
	WHERE e.job_id = book.job_id AND r.run = e.run AND r.started_at < horizon
		AND e.key_digest NOT IN (SELECT f.key_digest FROM scorebook.failing_keys(book.job_id) AS f);
	GET DIAGNOSTICS removed = ROW_COUNT;
	IF removed > 0 THEN
		INSERT INTO scorebook.retention_action (job_id, did, relation, rows_to, rows, done_at, done_by)
		VALUES (book.job_id, 'row errors removed', 'scorebook.row_error', horizon, removed, clock_timestamp(),
			caller);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.remove_row_errors_internal(name, scorebook.registered_job, timestamp with time zone) IS
	'removes the row errors of runs that began before a time';

-- Runs that no row refers to: those that failed, and pulls, streams, decisions
-- and runs over changes of which nothing is left.  What looked at all of a source
-- stays, as it confirms; the last watermark, and the last moment, are needed.
CREATE FUNCTION scorebook.remove_runs_internal(caller name, book scorebook.registered_job,
	horizon timestamp with time zone)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	removed bigint[];
	part record;
BEGIN
	removed := ARRAY(
		SELECT r.run
		FROM scorebook.run AS r
		WHERE r.job_id = book.job_id AND r.started_at < horizon
			AND NOT EXISTS (SELECT FROM scorebook.row_error AS e WHERE e.run = r.run)
			AND (r.status IN ('failed', 'crashed')
				OR (r.status = 'succeeded'
					AND (r.kind <> 'run' OR r.only_changed)
					AND (r.rows_written, r.rows_ended) =
						(SELECT coalesce(sum(a.rows_written), 0), coalesce(sum(a.rows_ended), 0)
						 FROM scorebook.amendment AS a WHERE a.run = r.run AND a.part = '')
					AND EXISTS (SELECT FROM scorebook.run AS l
						WHERE l.job_id = r.job_id AND l.run > r.run AND l.status = 'succeeded'
							AND (r.watermark IS NULL OR l.watermark IS NOT NULL))
					AND EXISTS (SELECT FROM scorebook.moment AS m JOIN scorebook.moment AS l
						ON l.timeline_id = m.timeline_id AND l.committed_at > m.committed_at
						WHERE m.writer = r.run))));
	-- of shadows no run has counted what it wrote
	FOR part IN SELECT b.relation, b.kind FROM scorebook.book_tables(book) AS b WHERE b.is_shadow LOOP
		removed := ARRAY(
			SELECT r.run FROM unnest(removed) AS r (run)
			EXCEPT
			SELECT a.run
			FROM scorebook.amend_book_internal(part.relation, format(
				'SELECT DISTINCT '''', r.run, 0::bigint, 0::bigint, 0::bigint, 0::numeric'
				' FROM %s AS c, LATERAL (VALUES (c.run), (%s)) AS r (run)', part.relation,
				CASE part.kind WHEN 'history' THEN 'c.ended_by' ELSE 'NULL' END), NULL) AS a);
	END LOOP;
	IF removed = '{}' THEN
		RETURN;
	END IF;
	DELETE FROM scorebook.amendment AS a WHERE a.run = ANY (removed);
	DELETE FROM scorebook.moment AS m WHERE m.writer = ANY (removed);
	DELETE FROM scorebook.run_model AS m WHERE m.run = ANY (removed);
	DELETE FROM scorebook.run AS r WHERE r.run = ANY (removed);
	INSERT INTO scorebook.retention_action (job_id, did, relation, rows_to, rows, done_at, done_by)
	VALUES (book.job_id, 'runs removed', 'scorebook.run', horizon, cardinality(removed), clock_timestamp(), caller);
END
$$;

COMMENT ON FUNCTION scorebook.remove_runs_internal(name, scorebook.registered_job, timestamp with time zone) IS
	'removes runs that began before a time and that no row refers to';
