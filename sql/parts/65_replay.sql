-- Replay: what a book says of one subject, and whether the kept inputs still
-- give it.
--
-- Nothing here writes.  The tables are read, and models are used, with the
-- rights of the caller.

CREATE FUNCTION scorebook.score_inputs(model_id integer, version integer, inputs real[],
	ref text DEFAULT NULL)
RETURNS real[]
LANGUAGE c STABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'sbk_sql_score_inputs';

COMMENT ON FUNCTION scorebook.score_inputs(integer, integer, real[], text) IS
	'what a version says to inputs as it saw them, or what another one with the same inputs says';

CREATE FUNCTION scorebook.explain_inputs(model_id integer, version integer, inputs real[],
	top_n integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution real, output text,
	base_value real, additivity_error real)
LANGUAGE c STABLE PARALLEL SAFE COST 100000 ROWS 30
AS 'MODULE_PATHNAME', 'sbk_sql_explain_inputs';

COMMENT ON FUNCTION scorebook.explain_inputs(integer, integer, real[], integer, text) IS
	'what each feature adds to the margin of a class or output, the largest first: of inputs as a version saw them';

CREATE FUNCTION scorebook.replay_verdict(model_id integer, version integer, said real[], says real[])
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_replay_verdict';

COMMENT ON FUNCTION scorebook.replay_verdict(integer, integer, real[], real[]) IS
	'are scores of a version, then and now, the same bits, within its tolerance, or neither?';

CREATE FUNCTION scorebook.largest_difference(said real[], says real[])
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_largest_difference';

COMMENT ON FUNCTION scorebook.largest_difference(real[], real[]) IS
	'of the differences between two vectors, the largest, with its sign; null where their lengths differ';

-- The row that a book had of a key, as a part of a statement: $1 is the key as
-- an object, $2 the time.  Of several periods it is the last one, unless the
-- object names it.
CREATE FUNCTION scorebook.row_of_key(job scorebook.registered_job)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT scorebook.check_tables(job, job.result, job.history);
	SELECT format('(SELECT a.* FROM %s($2) AS a WHERE %s%s ORDER BY a.effective_at DESC LIMIT 1)',
		scorebook.as_of_function(job),
		(SELECT string_agg(
			format('a.%1$I = (jsonb_populate_record(NULL::%2$s, $1)).%1$I', k.name, job.result), ' AND ')
		 FROM unnest(job.key) AS k (name)),
		CASE job.keep WHEN 'each_period' THEN
			' AND ($1 ->> ''effective_at'' IS NULL'
			' OR a.effective_at = ($1 ->> ''effective_at'')::timestamp with time zone)' END)
$$;

COMMENT ON FUNCTION scorebook.row_of_key(scorebook.registered_job) IS
	'what finds the row of a key as of a time, as a part of a statement';

-- The rows that a run, $1, has written, whatever became of them.
CREATE FUNCTION scorebook.rows_of_run(job scorebook.registered_job)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT scorebook.check_tables(job, job.result, job.history);
	SELECT format('(SELECT %1$s FROM %2$s AS b WHERE b.run = $1'
		' UNION ALL SELECT %1$s FROM %3$s AS b WHERE b.run = $1)',
		scorebook.column_list(job.key || ARRAY['effective_at',
				CASE WHEN job.has_scores THEN 'scores' ELSE 'score' END,
				'version', 'inputs', 'run', 'system_from']::name[], 'b.%I'),
		job.result, job.history)
$$;

COMMENT ON FUNCTION scorebook.rows_of_run(scorebook.registered_job) IS
	'what finds the rows that a run has written, as a part of a statement';

-- A run that has only decided anew keeps what another one has scored, perhaps
-- with another model.
CREATE FUNCTION scorebook.join_scoring_run(job scorebook.registered_job)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('JOIN scorebook.run AS w ON w.run = c.run'
		' JOIN scorebook.run AS r ON r.run = coalesce(CASE WHEN w.kind = ''decision'' THEN'
		' (SELECT h.run FROM %s AS h JOIN scorebook.run AS o ON o.run = h.run'
		' WHERE %s AND h.system_from < c.system_from AND o.kind <> ''decision'''
		' ORDER BY h.system_from DESC LIMIT 1) END, c.run)',
		job.history,
		scorebook.column_list(job.key || CASE job.keep
			WHEN 'each_period' THEN ARRAY['effective_at'::name] ELSE '{}' END, 'h.%I = c.%I', ' AND '))
$$;

COMMENT ON FUNCTION scorebook.join_scoring_run(scorebook.registered_job) IS
	'what finds the run, r, that has scored a row, c, as a part of a statement';

-- Rows of a book beside what their kept inputs give now.  OFFSET keeps the
-- planner from scoring once for each use of the column says.
CREATE FUNCTION scorebook.scored_again(job scorebook.registered_job, rows text, ref text DEFAULT 'NULL')
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('(SELECT jsonb_build_object(%s) AS key, c.effective_at, c.run, r.model_id, c.version,'
		' r.model || ''/'' || c.version AS model, %s AS said,'
		' scorebook.score_inputs(r.model_id, c.version, c.inputs, %s) AS says'
		' FROM %s AS c %s OFFSET 0)',
		(SELECT string_agg(format('%L, c.%I', k.name, k.name), ', ') FROM unnest(job.key) AS k (name)),
		CASE WHEN job.has_scores THEN 'c.scores' ELSE 'ARRAY[c.score]' END,
		ref, rows, scorebook.join_scoring_run(job))
$$;

COMMENT ON FUNCTION scorebook.scored_again(scorebook.registered_job, text, text) IS
	'what scores kept inputs again, as a part of a statement';

CREATE FUNCTION scorebook.score_at(job text, key anycompatible,
	at timestamp with time zone DEFAULT now())
RETURNS jsonb
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.score_at(text, anycompatible, timestamp with time zone) IS
	'the row that a book had of a key at a time; null where it had none';

CREATE FUNCTION scorebook.score_at_internal(job text, key anycompatible,
	at timestamp with time zone)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.find_book(job);
	subject constant jsonb := scorebook.readable_key(book, to_jsonb(key));
	said jsonb;
BEGIN
	EXECUTE format('SELECT to_jsonb(c.*) FROM %s AS c', scorebook.row_of_key(book))
	INTO said
	USING subject, at;
	IF said IS NULL AND scorebook.is_erased(book.job_id, subject, at) THEN
		RETURN '{"erased": true}';
	END IF;
	RETURN said;
END
$$;

COMMENT ON FUNCTION scorebook.score_at_internal(text, anycompatible, timestamp with time zone) IS
	'what score_at does';

CREATE FUNCTION scorebook.replay_score(job text, key anycompatible,
	at timestamp with time zone DEFAULT now())
RETURNS TABLE (run bigint, effective_at timestamp with time zone, model text, said real[], says real[],
	difference double precision, verdict text)
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.replay_score(text, anycompatible, timestamp with time zone) IS
	'does the version that scored a key give the same bits again? no row: the book had none';

CREATE FUNCTION scorebook.replay_score_internal(job text, key anycompatible,
	at timestamp with time zone)
RETURNS TABLE (run bigint, effective_at timestamp with time zone, model text, said real[], says real[],
	difference double precision, verdict text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.find_book(job);
	subject constant jsonb := scorebook.readable_key(book, to_jsonb(key));
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT s.run, s.effective_at, s.model, s.said, s.says,'
		' scorebook.largest_difference(s.said, s.says),'
		' scorebook.replay_verdict(s.model_id, s.version, s.said, s.says) FROM %s AS s',
		scorebook.scored_again(book, scorebook.row_of_key(book)))
	USING subject, at;
	IF NOT FOUND AND scorebook.is_erased(book.job_id, subject, at) THEN
		verdict := 'erased';
		RETURN NEXT;
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.replay_score_internal(text, anycompatible, timestamp with time zone) IS
	'what replay_score does';

CREATE FUNCTION scorebook.job_of_run(run bigint)
RETURNS scorebook.registered_job
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job scorebook.registered_job;
BEGIN
	SELECT j.* INTO job
	FROM scorebook.run AS r JOIN scorebook.registered_job AS j ON j.job_id = r.job_id
	WHERE r.run = job_of_run.run;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('run %s does not exist', run),
			HINT = 'Runs are listed in scorebook.job_run.';
	END IF;
	RETURN job;
END
$$;

COMMENT ON FUNCTION scorebook.job_of_run(bigint) IS
	'the job of a run; throws where there is none';

CREATE FUNCTION scorebook.replay_run(run bigint)
RETURNS TABLE (key jsonb, effective_at timestamp with time zone, model text, said real[], says real[],
	difference double precision, verdict text)
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.replay_run(bigint) IS
	'does the version that a run scored with give the same bits again, for each row that it wrote?';

CREATE FUNCTION scorebook.replay_run_internal(run bigint)
RETURNS TABLE (key jsonb, effective_at timestamp with time zone, model text, said real[], says real[],
	difference double precision, verdict text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.job_of_run(run);
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT s.key, s.effective_at, s.model, s.said, s.says,'
		' scorebook.largest_difference(s.said, s.says),'
		' scorebook.replay_verdict(s.model_id, s.version, s.said, s.says) FROM %s AS s',
		scorebook.scored_again(book, scorebook.rows_of_run(book)))
	USING run;
	-- what is gone is counted, one row for each, and nothing is known of it
	RETURN QUERY
	SELECT NULL::jsonb, NULL::timestamp with time zone, NULL::text, NULL::real[], NULL::real[],
		NULL::double precision, CASE a.reason WHEN 'erased' THEN 'erased' ELSE 'inputs not kept' END
	FROM scorebook.amendment AS a, generate_series(1, a.rows_written)
	WHERE a.run = replay_run_internal.run AND a.part = '';
END
$$;

COMMENT ON FUNCTION scorebook.replay_run_internal(bigint) IS
	'what replay_run does';

CREATE FUNCTION scorebook.rescore_run(run bigint, ref text)
RETURNS TABLE (key jsonb, effective_at timestamp with time zone, was real[], would_be real[],
	difference double precision)
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.rescore_run(bigint, text) IS
	'what another version would have said, from the inputs that were kept; writes nothing';

CREATE FUNCTION scorebook.rescore_run_internal(run bigint, ref text)
RETURNS TABLE (key jsonb, effective_at timestamp with time zone, was real[], would_be real[],
	difference double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.job_of_run(run);
BEGIN
	PERFORM scorebook.resolve_reference(ref, 'score');
	RETURN QUERY EXECUTE format(
		'SELECT s.key, s.effective_at, s.said, s.says, scorebook.largest_difference(s.said, s.says)'
		' FROM %s AS s',
		scorebook.scored_again(book, scorebook.rows_of_run(book), '$2'))
	USING run, ref;
END
$$;

COMMENT ON FUNCTION scorebook.rescore_run_internal(bigint, text) IS
	'what rescore_run does';

CREATE FUNCTION scorebook.explain_score(job text, key anycompatible,
	at timestamp with time zone DEFAULT now(), top_n integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution real, output text,
	base_value real, additivity_error real)
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.explain_score(text, anycompatible, timestamp with time zone, integer, text) IS
	'what each feature added to a score of a book, the largest first: of the kept inputs, with the version that gave it';

CREATE FUNCTION scorebook.explain_score_internal(job text, key anycompatible,
	at timestamp with time zone, top_n integer, class text)
RETURNS TABLE (feature text, value text, contribution real, output text,
	base_value real, additivity_error real)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.find_book(job);
	subject constant jsonb := scorebook.readable_key(book, to_jsonb(key));
	said record;
BEGIN
	EXECUTE format('SELECT r.model_id, c.version, c.inputs FROM %s AS c %s', scorebook.row_of_key(book),
		scorebook.join_scoring_run(book))
	INTO said
	USING subject, at;
	IF said IS NULL THEN
		IF scorebook.is_erased(book.job_id, subject, at) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'object_not_in_prerequisite_state',
				MESSAGE = format('what job "%s" said of this key was erased', book.name),
				HINT = 'Nothing is left of it that could be explained.';
		END IF;
		RETURN;
	END IF;
	IF said.inputs IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the inputs of this score of job "%s" are not kept', book.name),
			DETAIL = CASE book.inputs
				WHEN 'full' THEN format('The job keeps them in its history for this long: %s.', book.retain_inputs)
				ELSE format('The job keeps this of its inputs: %s.', book.inputs) END,
			HINT = CASE book.inputs
				WHEN 'full' THEN 'A longer retain_inputs keeps those that are still there.'
				ELSE 'Only a job that keeps its inputs (inputs => ''full'') can explain its scores later.' END;
	END IF;
	RETURN QUERY SELECT e.*
	FROM scorebook.explain_inputs(said.model_id, said.version, said.inputs, top_n, class) AS e;
END
$$;

COMMENT ON FUNCTION scorebook.explain_score_internal(text, anycompatible, timestamp with time zone, integer, text) IS
	'what explain_score does';

-- A run that looked at all of a source has confirmed what it did not change;
-- where it was about one of several periods, of that one.
CREATE VIEW scorebook.full_run WITH (security_invoker) AS
SELECT r.job_id, r.run, m.committed_at,
	CASE WHEN j.keep = 'each_period' AND j.effective_at IS NULL THEN r.effective_at END AS period
FROM scorebook.run AS r
	JOIN scorebook.registered_job AS j ON j.job_id = r.job_id
	JOIN scorebook.moment AS m ON m.writer = r.run
WHERE r.kind = 'run' AND r.status = 'succeeded' AND NOT r.only_changed;

COMMENT ON VIEW scorebook.full_run IS
	'runs that looked at all of a source, and so confirmed what they did not change';

-- Keys that could not be scored by the last run that looked at all, or since.
CREATE FUNCTION scorebook.failing_keys(job_id integer)
RETURNS TABLE (key_digest bigint, period timestamp with time zone, confirmed_at timestamp with time zone)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH last AS
	(
		SELECT u.period, max(u.committed_at) AS committed_at
		FROM scorebook.full_run AS u
		WHERE u.job_id = failing_keys.job_id
		GROUP BY u.period
	), failing AS
	(
		SELECT DISTINCT e.key_digest,
			CASE WHEN j.keep = 'each_period' AND j.effective_at IS NULL THEN r.effective_at END AS period
		FROM scorebook.row_error AS e
			JOIN scorebook.run AS r ON r.run = e.run
			JOIN scorebook.registered_job AS j ON j.job_id = r.job_id
			JOIN scorebook.moment AS m ON m.writer = e.run
			LEFT JOIN last AS l
				ON l.period IS NULL OR l.period = r.effective_at
		WHERE e.job_id = failing_keys.job_id
			AND (l.committed_at IS NULL OR m.committed_at >= l.committed_at)
	)
	SELECT f.key_digest, f.period,
		(SELECT max(u.committed_at)
		 FROM scorebook.full_run AS u
		 WHERE u.job_id = failing_keys.job_id AND (f.period IS NULL OR u.period = f.period)
			AND NOT EXISTS
				(SELECT FROM scorebook.row_error AS e
				 WHERE e.job_id = u.job_id AND e.key_digest = f.key_digest AND e.run = u.run))
	FROM failing AS f
$$;

COMMENT ON FUNCTION scorebook.failing_keys(integer) IS
	'keys that a job cannot score now, by their digest, and when a run last could';

CREATE FUNCTION scorebook.failing_since(job_id integer, key_digest bigint,
	confirmed_at timestamp with time zone)
RETURNS timestamp with time zone
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT min(m.committed_at)
	FROM scorebook.row_error AS e JOIN scorebook.moment AS m ON m.writer = e.run
	WHERE e.job_id = $1 AND e.key_digest = $2 AND m.committed_at > coalesce($3, '-infinity')
$$;

COMMENT ON FUNCTION scorebook.failing_since(integer, bigint, timestamp with time zone) IS
	'when a key could first not be scored after a time; null where it could';

CREATE FUNCTION scorebook.status_view(job scorebook.registered_job)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%I.%I', n.nspname, job.name || '_status')
	FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE c.oid = job.result
$$;

COMMENT ON FUNCTION scorebook.status_view(scorebook.registered_job) IS
	'the name of the view <job>_status of a job';

-- What people look at: the book, and how far it can be relied on.  A row was
-- confirmed when it was scored, or by a later run that looked at all; a run that
-- only decides anew has not scored, and who has, is in the history.  Where each
-- row of a source says what time it is about, a run cannot tell which rows it has
-- confirmed.  The view has the rights of whoever asks: who may not see the runs
-- of a job must not be told that nothing is stale.
CREATE FUNCTION scorebook.create_status_view(name text, readers name[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job constant scorebook.registered_job := scorebook.find_job(name);
	each_period constant boolean := job.keep = 'each_period';
	by_row constant boolean := each_period AND job.effective_at IS NOT NULL;
	row_key constant name[] := job.key || CASE WHEN each_period THEN ARRAY['effective_at'::name] ELSE '{}' END;
	period constant text := CASE WHEN each_period AND NOT by_row THEN '= c.effective_at' ELSE 'IS NULL' END;
	status constant text := scorebook.status_view(job);
	columns text;
	reader name;
BEGIN
	SELECT string_agg(format('s.%I', a.attname), ', ' ORDER BY a.attnum) INTO columns
	FROM pg_attribute AS a
	WHERE a.attrelid = job.result AND a.attnum > 0 AND NOT a.attisdropped;
	EXECUTE format($sql$
		CREATE VIEW %1$s WITH (security_invoker) AS
		SELECT %2$s, s.confirmed_at, s."scorebook failing" IS NOT NULL AS stale,
			s."scorebook failing" AS stale_since
		FROM
			(SELECT s.*, %9$s AS confirmed_at,
				CASE WHEN s."scorebook digest" IS NOT NULL THEN
					scorebook.failing_since(%3$s, s."scorebook digest",
						greatest(s."scorebook scored", s."scorebook not failing"))
					END AS "scorebook failing"
			 FROM
				(SELECT c.*, l.committed_at AS "scorebook full run", f.key_digest AS "scorebook digest",
					f.confirmed_at AS "scorebook not failing",
					CASE
						WHEN r.kind <> 'decision' THEN m.committed_at
						WHEN f.key_digest IS NULL AND l.committed_at > m.committed_at THEN NULL
						ELSE (SELECT max(hm.committed_at)
							  FROM %5$s AS h
								JOIN scorebook.run AS hr ON hr.run = h.run
								JOIN scorebook.moment AS hm ON hm.writer = h.run
							  WHERE %6$s AND hr.kind <> 'decision')
					END AS "scorebook scored"
				 FROM %4$s AS c
					LEFT JOIN scorebook.run AS r ON r.run = c.run
					LEFT JOIN scorebook.moment AS m ON m.writer = c.run
					LEFT JOIN
						(SELECT u.period, max(u.committed_at) AS committed_at
						 FROM scorebook.full_run AS u
						 WHERE u.job_id = %3$s
						 GROUP BY u.period) AS l ON l.period %8$s
					LEFT JOIN scorebook.failing_keys(%3$s) AS f
						ON f.key_digest = scorebook.key_digest(ROW(%7$s)) AND f.period %8$s) AS s) AS s
		$sql$, status, columns, job.job_id, job.result, job.history,
		scorebook.column_list(row_key, 'h.%I = c.%I', ' AND '),
		scorebook.column_list(job.key, 'c.%I'), period,
		CASE WHEN by_row THEN 's."scorebook scored"' ELSE
			'greatest(s."scorebook scored", CASE WHEN s."scorebook digest" IS NULL'
			' THEN s."scorebook full run" ELSE s."scorebook not failing" END)' END);
	EXECUTE format('COMMENT ON VIEW %s IS %L', status,
		format('what job "%s" says now, when that was last confirmed, and since when it cannot be', name));
	PERFORM scorebook.comment_columns(status::regclass);
	FOREACH reader IN ARRAY readers LOOP
		EXECUTE format('GRANT SELECT ON %s TO %I', status, reader);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.create_status_view(text, name[]) IS
	'the view <job>_status, owned by the caller';
