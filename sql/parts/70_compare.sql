-- Comparing what versions have said, in the book of a job or as its shadows.

-- What a side of a comparison stands for: what a shadow has said, or what the
-- book has of a version; of the job's model, it is all.  Who may read the book
-- needs no right on the model, unless he names an alias of it.
CREATE FUNCTION scorebook.compared_side(job scorebook.registered_job, side text,
	OUT is_shadow boolean, OUT version integer)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own constant text := scorebook.model_of_reference(job.model);
	there boolean;
	shadow text;
BEGIN
	is_shadow := false;
	IF side = job.model THEN
		RETURN;
	END IF;
	IF job.shadow IS NOT NULL THEN
		EXECUTE format('SELECT EXISTS (SELECT FROM %s AS c WHERE c.served = $1)'
				' OR EXISTS (SELECT FROM %s AS c WHERE c.served = $1)', job.shadow, job.shadow_history)
			INTO is_shadow
			USING side;
		IF is_shadow THEN
			RETURN;
		END IF;
	END IF;
	IF side ~ '^([^/@]+/)?[1-9][0-9]{0,8}$' AND coalesce(nullif(split_part(side, '/', -2), ''), own) = own THEN
		version := split_part(side, '/', -1);
	ELSIF scorebook.model_of_reference(side) = own THEN
		version := (scorebook.resolve_reference(side, 'any')).version;
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM %s AS c WHERE c.version = $1)'
			' OR EXISTS (SELECT FROM %s AS c WHERE c.version = $1)', job.result, job.history)
		INTO there
		USING version;
	IF there THEN
		RETURN;
	END IF;
	IF version IS NOT NULL THEN
		BEGIN
			-- throws where there is no such version
			PERFORM scorebook.resolve_reference(own || '/' || version, 'any');
		EXCEPTION WHEN insufficient_privilege THEN
			-- then he is not told
		END;
		SELECT m.ref INTO shadow
		FROM scorebook.run AS r
			JOIN scorebook.run_model AS m ON m.run = r.run
		WHERE r.job_id = job.job_id AND m.role = 'shadow' AND m.version = compared_side.version
			AND scorebook.model_of_reference(m.ref) = own AND m.rows_scored > 0
		ORDER BY r.run DESC
		LIMIT 1;
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'invalid_parameter_value',
		MESSAGE = format('job "%s" has nothing of "%s" to compare', job.name, side),
		HINT = CASE WHEN shadow IS NULL THEN 'Name its model, a version that its book has, or one of its shadows.'
			ELSE format('Version %s has scored as the shadow "%s": name that.', version, shadow) END;
END
$$;

COMMENT ON FUNCTION scorebook.compared_side(scorebook.registered_job, text) IS
	'what a side of a comparison stands for: a shadow, a version in the book, or, where version is null, all of the book';

-- The rows of one side, as a part of a statement: of each key the last row that
-- was there between $1 and $2, with its scores as an array.
CREATE FUNCTION scorebook.compared_rows(job scorebook.registered_job, side text, is_shadow boolean, version integer)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	row_key constant text := scorebook.column_list(job.key || CASE job.keep
		WHEN 'each_period' THEN ARRAY['effective_at'::name] ELSE '{}' END, 'c.%I');
	wanted constant text := CASE WHEN is_shadow THEN format('c.served = %L', side)
		WHEN version IS NOT NULL THEN format('c.version = %s', version) ELSE 'true' END;
BEGIN
	RETURN format('(SELECT DISTINCT ON (%1$s) c.* FROM'
		' (SELECT c.*, %2$s AS "scorebook compared", NULL::timestamp with time zone AS system_to FROM %3$s AS c WHERE %5$s'
		' UNION ALL SELECT %6$s, %2$s, c.system_to FROM %4$s AS c WHERE %5$s) AS c'
		' WHERE c.system_from < $2 AND (c.system_to IS NULL OR c.system_to > $1)'
		' ORDER BY %1$s, c.system_from DESC)',
		row_key,
		CASE WHEN is_shadow OR job.has_scores THEN 'c.scores' ELSE 'ARRAY[c.score]' END,
		CASE WHEN is_shadow THEN job.shadow ELSE job.result END,
		CASE WHEN is_shadow THEN job.shadow_history ELSE job.history END,
		wanted,
		(SELECT string_agg(format('c.%I', a.attname), ', ' ORDER BY a.attnum)
		 FROM pg_attribute AS a
		 WHERE a.attrelid = CASE WHEN is_shadow THEN job.shadow ELSE job.result END
			AND a.attnum > 0 AND NOT a.attisdropped));
END
$$;

COMMENT ON FUNCTION scorebook.compared_rows(scorebook.registered_job, text, boolean, integer) IS
	'what finds the rows of one side of a comparison, as a part of a statement';

-- The decision that the cutoffs of a job, as they are now, lead to for a score.
CREATE FUNCTION scorebook.decision_expression(job scorebook.registered_job, score text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
	SELECT coalesce(
		(SELECT 'CASE ' || string_agg(format('WHEN %s %s THEN %L::text',
			CASE WHEN c.scale = 'points' THEN
				(SELECT format('scorebook.scaled_points(%s, %L, %L, %L)', score, s.offset_points, s.factor,
					job.direction = 'higher_is_better')
				 FROM scorebook.scaling_numbers(job.scaling) AS s)
				 ELSE score || '::double precision' END,
			CASE WHEN c.low IS NULL THEN 'IS NOT NULL' ELSE format('>= %L', c.low) END,
			c.decision), ' ' ORDER BY c.low DESC NULLS LAST) || ' END'
		 FROM scorebook.cutoff AS c
		 WHERE c.job_id = job.job_id
			AND c.set = (SELECT max(l.set) FROM scorebook.cutoff AS l WHERE l.job_id = job.job_id)),
		'NULL::text')
$$;

COMMENT ON FUNCTION scorebook.decision_expression(scorebook.registered_job, text) IS
	'an expression for the decision that a score leads to';

CREATE FUNCTION scorebook.served_versions(job_id integer)
RETURNS integer[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(m.version)
	FROM scorebook.run_model AS m
	WHERE m.role <> 'shadow' AND m.run =
		(SELECT max(r.run) FROM scorebook.run AS r
		 WHERE r.job_id = served_versions.job_id AND r.kind = 'run' AND r.status = 'succeeded')
$$;

COMMENT ON FUNCTION scorebook.served_versions(integer) IS
	'the versions that the last run of a job has served keys with';

CREATE FUNCTION scorebook.compare_versions(job text, a text, b text,
	since timestamp with time zone DEFAULT '-infinity', until timestamp with time zone DEFAULT 'infinity',
	OUT rows_compared bigint, OUT agreement double precision, OUT difference double precision[],
	OUT flips bigint, OUT flipped jsonb, OUT rank_correlation double precision)
RETURNS record
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.compare_versions(text, text, text, timestamp with time zone, timestamp with time zone) IS
	'how much two versions differ in what they said of the same keys: in the book of a job, or as its shadows';

CREATE FUNCTION scorebook.compare_versions_internal(job text, a text, b text,
	since timestamp with time zone, until timestamp with time zone,
	OUT rows_compared bigint, OUT agreement double precision, OUT difference double precision[],
	OUT flips bigint, OUT flipped jsonb, OUT rank_correlation double precision)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.find_book(job);
	left_side record;
	right_side record;
BEGIN
	PERFORM scorebook.check_tables(book, book.result, book.history, book.shadow, book.shadow_history);
	left_side := scorebook.compared_side(book, a);
	right_side := scorebook.compared_side(book, b);
	EXECUTE format($sql$
		WITH pair AS MATERIALIZED
		(
			SELECT p.*, %4$s AS a_decision, %5$s AS b_decision
			FROM
				(SELECT a."scorebook compared" AS a, b."scorebook compared" AS b, a.class AS a_class, b.class AS b_class,
					CASE WHEN c.are_scores THEN a."scorebook compared"[1] END AS a_score,
					CASE WHEN c.are_scores THEN b."scorebook compared"[1] END AS b_score
				 FROM %1$s AS a JOIN %2$s AS b ON %3$s,
					LATERAL (SELECT cardinality(a."scorebook compared") = 1
						AND cardinality(b."scorebook compared") = 1 AS are_scores) AS c) AS p
		), ranked AS
		(
			SELECT rank() OVER by_a + (count(*) OVER (PARTITION BY p.a_score) - 1) / 2.0 AS a,
				rank() OVER by_b + (count(*) OVER (PARTITION BY p.b_score) - 1) / 2.0 AS b
			FROM pair AS p
			WHERE p.a_score IS NOT NULL
			WINDOW by_a AS (ORDER BY p.a_score), by_b AS (ORDER BY p.b_score)
		), flip AS
		(
			SELECT p.a_decision AS a, p.b_decision AS b, count(*) AS n
			FROM pair AS p
			WHERE p.a_decision <> p.b_decision
			GROUP BY p.a_decision, p.b_decision
		)
		SELECT count(*),
			avg(CASE
				WHEN p.a_decision IS NOT NULL THEN (p.a_decision = p.b_decision)::integer
				WHEN p.a_class IS NOT NULL AND p.b_class IS NOT NULL THEN (p.a_class = p.b_class)::integer
				ELSE (array_send(p.a) = array_send(p.b))::integer END)::double precision,
			percentile_cont(ARRAY[0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])
				WITHIN GROUP (ORDER BY scorebook.largest_difference(p.a, p.b)),
			CASE WHEN count(p.a_decision) > 0 THEN (SELECT coalesce(sum(f.n), 0)::bigint FROM flip AS f) END,
			CASE WHEN count(p.a_decision) > 0 THEN (SELECT coalesce(jsonb_agg(jsonb_build_object('a', f.a, 'b', f.b, 'rows', f.n)
				ORDER BY f.a, f.b), '[]') FROM flip AS f) END,
			(SELECT corr(r.a, r.b) FROM ranked AS r)
		FROM pair AS p
		$sql$, scorebook.compared_rows(book, a, left_side.is_shadow, left_side.version),
		scorebook.compared_rows(book, b, right_side.is_shadow, right_side.version),
		scorebook.column_list(book.key || CASE book.keep
			WHEN 'each_period' THEN ARRAY['effective_at'::name] ELSE '{}' END, 'a.%I = b.%I', ' AND '),
		scorebook.decision_expression(book, 'p.a_score'),
		scorebook.decision_expression(book, 'p.b_score'))
	INTO rows_compared, agreement, difference, flips, flipped, rank_correlation
	USING coalesce(since, '-infinity'), coalesce(until, 'infinity');

	-- each key has one of them, or is compared with itself
	IF book.split IS NOT NULL AND NOT left_side.is_shadow AND NOT right_side.is_shadow
			AND left_side.version IS DISTINCT FROM right_side.version
			AND (rows_compared = 0
				OR ((left_side.version IS NULL OR right_side.version IS NULL)
					AND coalesce(left_side.version, right_side.version) = ANY (scorebook.served_versions(book.job_id)))) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the split of job "%s" leaves no keys to compare "%s" and "%s"', book.name, a, b),
			DETAIL = 'Each key was scored by one of them.',
			HINT = 'Let the challenger score all keys as a shadow, too, and compare that: scorebook.alter_job(..., ''{"shadows": ["..."]}''). Or score the kept inputs with it: scorebook.rescore_run.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.compare_versions_internal(text, text, text, timestamp with time zone, timestamp with time zone) IS
	'what compare_versions does';
