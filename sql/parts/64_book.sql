-- The book: what was said at a time, and the proof that nobody changed it.

-- A job that was dropped may have left its book; of several with one name, the
-- last one counts.
CREATE FUNCTION scorebook.find_book(job text)
RETURNS scorebook.registered_job
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book scorebook.registered_job;
BEGIN
	SELECT j.* INTO book
	FROM scorebook.registered_job AS j
	WHERE j.name = find_book.job
	ORDER BY j.job_id DESC
	LIMIT 1;
	IF NOT FOUND THEN
		PERFORM scorebook.refuse_job(job, true);
	END IF;
	RETURN book;
END
$$;

COMMENT ON FUNCTION scorebook.find_book(text) IS
	'the job of a name, be it dropped; throws where the current role sees none';

-- The same for its owner.
CREATE FUNCTION scorebook.find_own_book(job text)
RETURNS scorebook.registered_job
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.find_own_book(text) IS
	'the job of a name, be it dropped; throws where it is not one of the current role';

CREATE FUNCTION scorebook.find_own_book_internal(caller name, job text)
RETURNS scorebook.registered_job
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.find_book(job);
BEGIN
	PERFORM scorebook.check_job_privilege_internal(caller, book, 'own');
	RETURN book;
END
$$;

COMMENT ON FUNCTION scorebook.find_own_book_internal(name, text) IS
	'the job of a name, be it dropped, after checking that it is the role''s own';

-- A key is named by its value where it is one column, and by a row or a JSON
-- object with its columns where it is several, or where a period is meant.
CREATE FUNCTION scorebook.key_object(job scorebook.registered_job, key jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns constant text[] := job.key;
BEGIN
	IF jsonb_typeof(key) IS DISTINCT FROM 'object' AND cardinality(columns) = 1 THEN
		RETURN jsonb_build_object(columns[1], key);
	END IF;
	IF jsonb_typeof(key) = 'string' THEN
		key := (key #>> '{}')::jsonb;
	END IF;
	IF jsonb_typeof(key) IS DISTINCT FROM 'object' OR NOT key ?& columns THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the key of job "%s" must have the columns (%s)', job.name, array_to_string(columns, ', ')),
			HINT = format('Give a row with these columns, or a JSON object: %s.',
				jsonb_object(columns, array_fill('...'::text, ARRAY[cardinality(columns)])));
	END IF;
	RETURN (SELECT jsonb_object_agg(k.key, k.value) FROM jsonb_each(key) AS k
		WHERE k.key = ANY (columns) OR (k.key = 'effective_at' AND job.keep = 'each_period'));
END
$$;

COMMENT ON FUNCTION scorebook.key_object(scorebook.registered_job, jsonb) IS
	'a key of a job as an object with its columns, and effective_at where it names a period';

-- The same, but where it cannot be read by the types of the book's columns, the
-- error names the job.
CREATE FUNCTION scorebook.readable_key(job scorebook.registered_job, key jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	subject constant jsonb := scorebook.key_object(job, key);
BEGIN
	IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = job.result) THEN
		EXECUTE format('SELECT jsonb_populate_record(NULL::%s, $1)', job.result) USING subject;
	END IF;
	RETURN subject;
EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range OR invalid_datetime_format
		OR datetime_field_overflow THEN
	RAISE EXCEPTION USING
		ERRCODE = SQLSTATE,
		MESSAGE = format('invalid key for job "%s": %s', job.name, subject),
		DETAIL = upper(left(SQLERRM, 1)) || substr(SQLERRM, 2) || '.',
		HINT = format('A key is read by the types of the columns (%s) of %s.', array_to_string(job.key, ', '), job.result);
END
$$;

COMMENT ON FUNCTION scorebook.readable_key(scorebook.registered_job, jsonb) IS
	'a key of a job as key_object gives it; throws where it is not of the types of the key';

CREATE FUNCTION scorebook.as_of_final_until(job text)
RETURNS timestamp with time zone
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT scorebook.final_until((scorebook.find_book(job)).timeline_id)
$$;

COMMENT ON FUNCTION scorebook.as_of_final_until(text) IS
	'before this time, what <job>_as_of answers cannot change any more';

-- Everything that a book must be, in one scan of each pair in the order of keys
-- and time, and the records that it rests on.  Rows of a run that only decides
-- anew are of the versions that have scored them before.
CREATE FUNCTION scorebook.verify_book(job text)
RETURNS TABLE (problem text, run bigint, key text, detail text)
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.verify_book(text) IS
	'what is wrong with the book of a job; no rows: nothing';

CREATE FUNCTION scorebook.verify_book_internal(job text)
RETURNS TABLE (problem text, run bigint, key text, detail text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.find_book(job);
	row_key constant name[] := book.key
		|| CASE book.keep WHEN 'each_period' THEN ARRAY['effective_at'::name] ELSE '{}' END;
BEGIN
	PERFORM scorebook.check_tables(book, book.result, book.history, book.shadow, book.shadow_history);
	RETURN QUERY EXECUTE
		scorebook.verify_statement(book.result, book.history, row_key, $sql$''$sql$,
			$sql$SELECT r.run, r.system_from, '' AS part, r.rows_written, r.rows_ended, r.digest,
					CASE WHEN r.kind <> 'decision' THEN
						ARRAY(SELECT m.version FROM scorebook.run_model AS m WHERE m.run = r.run AND m.role <> 'shadow')
						END AS versions
				FROM scorebook.run AS r WHERE r.job_id = $1 AND r.status = 'succeeded'$sql$)
	USING book.job_id;
	IF book.shadow IS NOT NULL AND NOT (has_table_privilege(book.shadow, 'SELECT')
			AND has_table_privilege(book.shadow_history, 'SELECT')) THEN
		RAISE WARNING USING
			MESSAGE = format('the shadows of job "%s" are not verified', book.name),
			DETAIL = format('Role "%s" may not read their tables.', CURRENT_USER),
			HINT = format('The owner of the job can GRANT SELECT ON %s, %s TO %I.', book.shadow, book.shadow_history, CURRENT_USER);
	ELSIF book.shadow IS NOT NULL THEN
		RETURN QUERY EXECUTE
			scorebook.verify_statement(book.shadow, book.shadow_history, ARRAY['served'::name] || row_key,
				'c.served',
				$sql$SELECT r.run, r.system_from, m.ref AS part, m.rows_written, m.rows_ended, m.digest,
						ARRAY[m.version] AS versions
					FROM scorebook.run AS r JOIN scorebook.run_model AS m ON m.run = r.run
					WHERE r.job_id = $1 AND r.status = 'succeeded' AND m.role = 'shadow'$sql$)
		USING book.job_id;
	END IF;
	RETURN QUERY SELECT p.* FROM scorebook.verify_runs(book) AS p;
END
$$;

COMMENT ON FUNCTION scorebook.verify_book_internal(text) IS
	'what verify_book does';

-- A transaction sees its own runs before they have a moment.  Runs and decisions
-- come one after the other, and so do their moments; pulls and streams may begin
-- in another order than they commit.
CREATE FUNCTION scorebook.verify_runs(book scorebook.registered_job)
RETURNS TABLE (problem text, run bigint, key text, detail text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH run AS
	(
		SELECT r.run, m.committed_at,
			CASE WHEN m.committed_at IS NULL THEN r.pid = pg_backend_pid() AND r.started_at >= now()
				 ELSE m.digest = scorebook.row_digest(m.writer, m.timeline_id, m.committed_at, m.boot_id, m.uptime)
				 END AS has_moment,
			CASE WHEN r.kind IN ('run', 'decision') THEN
				max(m.committed_at) FILTER (WHERE r.kind IN ('run', 'decision'))
					OVER (ORDER BY r.run ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW)
				END AS after,
			(r.model_id, r.version, r.sha256) IS NOT DISTINCT FROM (s.model_id, s.version, s.sha256) AS has_model
		FROM scorebook.run AS r
			LEFT JOIN scorebook.moment AS m ON m.writer = r.run AND m.timeline_id = book.timeline_id
			LEFT JOIN scorebook.run_model AS s ON s.run = r.run AND s.role = 'served'
		WHERE r.job_id = book.job_id AND r.status = 'succeeded'
	)
	SELECT 'the time of a run was changed', r.run, NULL::text,
		format('It says that it was committed at %s.', r.committed_at)
	FROM run AS r
	WHERE r.has_moment IS NOT TRUE OR r.committed_at < r.after
	UNION ALL
	SELECT 'the model of a run was changed', r.run, NULL, 'It is not the one that served the job.'
	FROM run AS r
	WHERE NOT r.has_model
$$;

COMMENT ON FUNCTION scorebook.verify_runs(scorebook.registered_job) IS
	'what is wrong with the records of the runs of a job';

-- What finds all that is wrong with a pair of tables, $1 being the job: row_key
-- is their key, part what of a run wrote a row, and recorded how many rows each
-- part of each run has written and ended, their digest, and the versions that
-- have scored them; null: others.
CREATE FUNCTION scorebook.verify_statement(result regclass, history regclass, row_key name[], part text,
	recorded text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns constant name[] := ARRAY(SELECT a.attname FROM pg_attribute AS a
		WHERE a.attrelid = result AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum);
	given constant text := scorebook.column_list(columns[:cardinality(columns) - 2], 'c.%I');
BEGIN
	RETURN format($sql$
		WITH recorded AS MATERIALIZED
		(
			SELECT r.run, r.part, r.system_from, r.rows_written, r.rows_ended, r.versions,
				r.rows_written - coalesce(a.rows_written, 0) AS rows_left,
				r.rows_ended - coalesce(a.rows_ended, 0) AS ended_left,
				r.digest - coalesce(a.digest, 0) AS digest_left
			FROM (%7$s) AS r
				LEFT JOIN
					(SELECT a.run, a.part, sum(a.rows_written) AS rows_written, sum(a.rows_ended) AS rows_ended,
						sum(a.digest) AS digest
					 FROM scorebook.amendment AS a
					 WHERE a.job_id = $1
					 GROUP BY a.run, a.part) AS a ON a.run = r.run AND a.part = r.part
		), line AS MATERIALIZED
		(
			SELECT %1$s AS key, c."scorebook part" AS part, c.version, c.run, c.system_from, c.ended_by, c.system_to,
				c.end_reason, c."scorebook digest" AS digest,
				lead(c.system_from) OVER next AS next_from, lead(c.run) OVER next AS next_run,
				lag(c.system_from) OVER next AS last_from, lag(c.ended_by) OVER next AS last_ended_by
			FROM
				(SELECT %2$s, %3$s AS "scorebook part", c.version, c.run, c.system_from, NULL::bigint AS ended_by,
					NULL::timestamp with time zone AS system_to, NULL::text AS end_reason,
					scorebook.row_digest(%4$s) AS "scorebook digest"
				 FROM %5$s AS c
				 UNION ALL
				 SELECT %2$s, %3$s, c.version, c.run, c.system_from, c.ended_by, c.system_to, c.end_reason,
					scorebook.row_digest(%4$s)
				 FROM %6$s AS c) AS c
			WINDOW next AS (PARTITION BY %2$s ORDER BY c.system_from, c.system_to NULLS LAST)
		), written AS
		(
			SELECT l.run, l.part, count(*) AS n, sum(l.digest) AS digest FROM line AS l GROUP BY l.run, l.part
		), ended AS
		(
			SELECT l.ended_by AS run, l.part, count(*) AS n,
				sum(scorebook.end_digest(l.digest, l.end_reason)) AS digest
			FROM line AS l
			WHERE l.ended_by IS NOT NULL GROUP BY l.ended_by, l.part
		)
		SELECT p.* FROM
		(
			SELECT 'an ended row is followed by none'::text, l.run, l.key,
				format('It was superseded at %%s.', l.system_to)
			FROM line AS l WHERE l.end_reason = 'superseded' AND l.next_from IS NULL
			UNION ALL
			SELECT 'there is a gap', l.run, l.key,
				format('It ends at %%s, and the next row begins at %%s.', l.system_to, l.next_from)
			FROM line AS l WHERE l.end_reason = 'superseded'
				AND (l.next_from > l.system_to OR l.next_run <> l.ended_by)
			UNION ALL
			SELECT 'a row ended for another reason', l.run, l.key,
				format('It was superseded by run %%s, and says that it is "%%s".', l.ended_by, l.end_reason)
			FROM line AS l WHERE l.end_reason <> 'superseded' AND l.next_run = l.ended_by
			UNION ALL
			SELECT 'a row begins at another time', l.run, l.key,
				format('It says %%s, and its run %%s.', l.system_from, r.system_from)
			FROM line AS l JOIN recorded AS r ON r.run = l.run AND r.part = l.part
			WHERE l.system_from <> CASE WHEN l.last_ended_by = l.run
				THEN greatest(r.system_from, l.last_from + interval '1 microsecond') ELSE r.system_from END
				-- the row before, which may have begun later than the run, is not kept
				AND NOT (l.last_from IS NULL AND l.system_from > r.system_from
					AND EXISTS (SELECT FROM scorebook.amendment AS a
						WHERE a.run = l.run AND a.part = l.part AND a.reason = 'expired' AND a.rows_ended > 0))
			UNION ALL
			SELECT 'a row ends at another time', l.run, l.key,
				format('It says %%s, and the run that ended it %%s.', l.system_to, r.system_from)
			FROM line AS l JOIN recorded AS r ON r.run = l.ended_by AND r.part = l.part
			WHERE l.system_to <> greatest(r.system_from, l.system_from + interval '1 microsecond')
			UNION ALL
			SELECT 'two rows overlap', l.run, l.key,
				format('It ends at %%s, and the next row begins at %%s.', l.system_to, l.next_from)
			FROM line AS l
			WHERE l.next_from < l.system_to OR (l.system_to IS NULL AND l.next_from IS NOT NULL)
			UNION ALL
			SELECT 'a row is of no run of the job', l.run, l.key, NULL
			FROM line AS l
			WHERE NOT EXISTS (SELECT FROM recorded AS r JOIN scorebook.moment AS m ON m.writer = r.run
				WHERE r.run = l.run AND r.part = l.part)
				OR (l.ended_by IS NOT NULL AND
					NOT EXISTS (SELECT FROM recorded AS r JOIN scorebook.moment AS m ON m.writer = r.run
					WHERE r.run = l.ended_by AND r.part = l.part))
			UNION ALL
			SELECT 'a row is of a version that did not score it', l.run, l.key, format('It is version %%s.', l.version)
			FROM line AS l JOIN recorded AS r ON r.run = l.run AND r.part = l.part
			WHERE l.version <> ALL (r.versions)
			UNION ALL
			SELECT 'rows of a run were added or removed', r.run, NULL,
				format('It wrote %%s rows, of which there should be %%s, and are %%s.', r.rows_written,
					r.rows_left, coalesce(w.n, 0))
			FROM recorded AS r LEFT JOIN written AS w ON w.run = r.run AND w.part = r.part
			WHERE r.rows_left <> coalesce(w.n, 0)
			UNION ALL
			SELECT 'rows of a run were changed', r.run, NULL,
				'The digest of the rows that it wrote and ended is not the one that was recorded.'
			FROM recorded AS r
				LEFT JOIN written AS w ON w.run = r.run AND w.part = r.part
				LEFT JOIN ended AS e ON e.run = r.run AND e.part = r.part
			WHERE r.rows_left = coalesce(w.n, 0) AND r.ended_left = coalesce(e.n, 0)
				AND (r.digest_left - coalesce(w.digest, 0) - coalesce(e.digest, 0)) %% 18446744073709551616 <> 0
			UNION ALL
			SELECT 'rows that a run ended were added or removed', r.run, NULL,
				format('It ended %%s rows, of which there should be %%s, and are %%s.', r.rows_ended,
					r.ended_left, coalesce(e.n, 0))
			FROM recorded AS r LEFT JOIN ended AS e ON e.run = r.run AND e.part = r.part
			WHERE r.ended_left <> coalesce(e.n, 0)
		) AS p
		$sql$, scorebook.shown_key(row_key), scorebook.column_list(row_key, 'c.%I'), part, given, result, history, recorded);
END
$$;

COMMENT ON FUNCTION scorebook.verify_statement(regclass, regclass, name[], text, text) IS
	'what finds all that is wrong with a pair of tables';
