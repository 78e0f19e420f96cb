-- Scorers: who scores the rows of a job.  One of those that are served scores a
-- row: the job's model, or another alias of it for its share of the keys.  The
-- shadows score every row, into tables of their own.

CREATE FUNCTION scorebook.model_of_reference(ref text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN regexp_replace(ref, '[@/].*$', '');
END
$$;

COMMENT ON FUNCTION scorebook.model_of_reference(text) IS
	'the name of the model in a reference';

-- A key has a place from 0 to 9999, and those below upto go to the alias, unless
-- one before has them.  A larger share leaves the keys where they are that the
-- alias has already, as long as no other one comes before.
CREATE FUNCTION scorebook.split_places(model text, split jsonb)
RETURNS TABLE (number bigint, ref text, upto integer)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT row_number() OVER by_name, scorebook.model_of_reference(model) || '@' || s.key,
		round(10000 * sum(s.value::text::numeric) OVER by_name)::integer
	FROM jsonb_each(split) AS s
	WINDOW by_name AS (ORDER BY s.key COLLATE "C");
END
$$;

COMMENT ON FUNCTION scorebook.split_places(text, jsonb) IS
	'the references of a split, and up to which place of ten thousand each of them has the keys';

CREATE FUNCTION scorebook.scorers_internal(job scorebook.registered_job)
RETURNS TABLE (number bigint, role text, ref text, upto integer)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT 0::bigint, 'served', job.model, 10000;
	IF job.split IS NOT NULL THEN
		RETURN QUERY SELECT p.number, 'split', p.ref, p.upto
		FROM scorebook.split_places(job.model, job.split) AS p;
	END IF;
	IF job.shadows <> '{}' THEN
		RETURN QUERY SELECT 10000 + s.position, 'shadow', s.ref, 10000
		FROM unnest(job.shadows) WITH ORDINALITY AS s (ref, position);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.scorers_internal(scorebook.registered_job) IS
	'the references that score the rows of a job, in the order in which they are asked';

CREATE FUNCTION scorebook.split_of(job text, key anycompatible)
RETURNS text
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.split_of(text, anycompatible) IS
	'the reference that serves a key of a job, by its split as it is now';

CREATE FUNCTION scorebook.split_of_internal(job text, key anycompatible)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own constant scorebook.registered_job := scorebook.find_job(job);
	place integer;
BEGIN
	EXECUTE format('SELECT scorebook.key_place($1, ROW(%s)) FROM jsonb_populate_record(NULL::%s, $2) AS k',
			scorebook.column_list(own.key, 'k.%I'), own.result)
		INTO place
		USING own.name, scorebook.readable_key(own, to_jsonb(key));
	RETURN coalesce(
		(SELECT p.ref
		 FROM scorebook.split_places(own.model, own.split) AS p
		 WHERE place < p.upto
		 ORDER BY p.number
		 LIMIT 1), own.model);
END
$$;

COMMENT ON FUNCTION scorebook.split_of_internal(text, anycompatible) IS
	'what split_of does';

CREATE FUNCTION scorebook.check_split_shares(name text, split jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong record;
BEGIN
	IF split IS NULL THEN
		RETURN;
	END IF;
	IF jsonb_typeof(split) <> 'object' OR split = '{}' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the split of job "%s" must be a JSON object of shares', name),
			HINT = 'For example, {"challenger": 0.1} lets the alias challenger of the job''s model serve a tenth of the keys.';
	END IF;
	SELECT s.key, s.value INTO wrong
	FROM jsonb_each(split) AS s
	WHERE jsonb_typeof(s.value) <> 'number' OR (s.value)::numeric NOT BETWEEN 0.0001 AND 1
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('invalid share for "%s" in the split of job "%s": %s', wrong.key, name, wrong.value),
			HINT = 'A share is a number from 0.0001 to less than 1.';
	END IF;
	IF (SELECT sum((s.value)::numeric) FROM jsonb_each(split) AS s) >= 1 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the split of job "%s" leaves no keys for its model', name),
			DETAIL = format('The shares add up to %s.',
				(SELECT sum((s.value)::numeric) FROM jsonb_each(split) AS s)),
			HINT = 'Shares must add up to less than 1.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_split_shares(text, jsonb) IS
	'throws where a split does not name shares of a whole';

CREATE FUNCTION scorebook.check_split(job scorebook.registered_job)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own constant record := scorebook.result_shape(job.model);
	shape record;
	reference text;
BEGIN
	PERFORM scorebook.check_split_shares(job.name, job.split);
	FOR reference IN SELECT p.ref FROM scorebook.split_places(job.model, job.split) AS p LOOP
		shape := scorebook.result_shape(reference);
		IF shape.width <> own.width OR (shape.classes > 2) <> (own.classes > 2) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'object_not_in_prerequisite_state',
				MESSAGE = format('"%s" cannot serve a share of job "%s"', reference, job.name),
				DETAIL = format('Its results are of another shape than those of "%s".', job.model),
				HINT = 'Compare them as a shadow, which may be of any shape.';
		END IF;
		PERFORM scorebook.check_source(job.name, reference, job.source, job.key);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.check_split(scorebook.registered_job) IS
	'throws where an alias of a split cannot serve its share of a job';

-- Nobody moves an alias of the models, or retires a version, until the transaction
-- has ended, and who does it next sees the job.  What others have done since the
-- job was checked is seen here.
CREATE FUNCTION scorebook.lock_models_internal(caller name, job scorebook.registered_job)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	scorer record;
	shape record;
BEGIN
	PERFORM scorebook.lock_model_internal(caller, m.name, 'score')
	FROM (SELECT DISTINCT scorebook.model_of_reference(r.ref) AS name
		  FROM unnest(job.model || job.shadows) AS r (ref)
		  WHERE r.ref IS NOT NULL
		  ORDER BY 1) AS m;
	FOR scorer IN SELECT s.* FROM scorebook.scorers_internal(job) AS s ORDER BY s.number LOOP
		shape := scorebook.result_shape(scorer.ref);
		IF scorer.role <> 'shadow' AND (job.has_scores <> (shape.width > 1) OR job.has_class <> (shape.classes > 2)) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'object_not_in_prerequisite_state',
				MESSAGE = format('model "%s" does not fit the book of job "%s"', scorer.ref, job.name),
				DETAIL = 'It gives another number of values, or speaks of classes where the one before does not.',
				HINT = 'Make another job for it.';
		END IF;
		PERFORM scorebook.check_binding(job.name, scorer.ref, job.source);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.lock_models_internal(name, scorebook.registered_job) IS
	'keeps the models of a job as they are until the end of the transaction; throws where they do not fit it';

CREATE FUNCTION scorebook.check_shadows(job scorebook.registered_job)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reference text;
BEGIN
	IF EXISTS (SELECT FROM unnest(job.shadows) AS s (ref) GROUP BY s.ref HAVING count(*) > 1 OR s.ref IS NULL) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the shadows of job "%s" contain a null or a duplicate', job.name),
			HINT = 'Name each challenger once: shadows => ''{credit_risk@challenger}''.';
	END IF;
	FOREACH reference IN ARRAY job.shadows LOOP
		PERFORM scorebook.result_shape(reference);
		PERFORM scorebook.check_source(job.name, reference, job.source, job.key);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.check_shadows(scorebook.registered_job) IS
	'throws where a shadow could not score the source of a job';

-- The tables of the shadows: owned by the caller, who must be the owner of the
-- job.  Scores are an array, so that models of any shape find room.
CREATE FUNCTION scorebook.create_shadow_book(job scorebook.registered_job)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shadow constant text := scorebook.shadow_table(job, '_shadow');
	history constant text := scorebook.shadow_table(job, '_shadow_history');
	row_key constant text := 'served, ' || scorebook.column_list(job.key, '%I')
		|| CASE job.keep WHEN 'each_period' THEN ', effective_at' ELSE '' END;
	own name;
	part regclass;
BEGIN
	SELECT c.name INTO own FROM unnest('{served,scores}'::name[]) AS c (name) WHERE c.name = ANY (job.key);
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_column',
			MESSAGE = format('the key of job "%s" has the column "%s", which the shadows'' table has, too', job.name, own),
			HINT = 'Rename it in a view, and make that the source.';
	END IF;
	EXECUTE format('CREATE TABLE %s (served text COLLATE "C" NOT NULL, %s,'
		' effective_at timestamp with time zone NOT NULL, scores real[] NOT NULL, class text,'
		' version integer NOT NULL, run bigint NOT NULL, system_from timestamp with time zone NOT NULL,'
		' PRIMARY KEY (%s))', shadow, scorebook.key_definition(job), row_key);
	EXECUTE format('CREATE TABLE %s (LIKE %s, ended_by bigint NOT NULL,'
		' system_to timestamp with time zone NOT NULL, end_reason text NOT NULL,'
		' CHECK (system_from < system_to), UNIQUE (%s, system_from, system_to))'
		' PARTITION BY RANGE (system_to)', history, shadow, row_key);
	PERFORM scorebook.create_partitions(history::regclass, now());
	EXECUTE format('COMMENT ON TABLE %s IS %L', shadow,
		format('what the shadows of job "%s" say now', job.name));
	EXECUTE format('COMMENT ON TABLE %s IS %L', history,
		format('what the shadows of job "%s" said before', job.name));
	PERFORM scorebook.comment_columns(shadow::regclass);
	PERFORM scorebook.comment_columns(history::regclass);
	PERFORM scorebook.guard_table(shadow::regclass);
	PERFORM scorebook.guard_table(history::regclass);
	-- of a job that is there already, whoever changes it
	FOR part IN
		SELECT p.relid FROM pg_partition_tree(history::regclass) AS p UNION ALL SELECT shadow::regclass
	LOOP
		EXIT WHEN job.owner IS NULL OR job.owner = CURRENT_USER;
		EXECUTE format('ALTER TABLE %s OWNER TO %I', part, job.owner);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.create_shadow_book(scorebook.registered_job) IS
	'the tables of the shadows of a job, owned by its owner, or by the caller where it has none yet';

CREATE FUNCTION scorebook.shadow_table(job scorebook.registered_job, suffix text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%I.%I', n.nspname, job.name || suffix)
	FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE c.oid = job.result
$$;

COMMENT ON FUNCTION scorebook.shadow_table(scorebook.registered_job, text) IS
	'the name of a table of the shadows of a job';

-- Reasons.

CREATE FUNCTION scorebook.check_explainable(ref text)
RETURNS void
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_check_explainable';

COMMENT ON FUNCTION scorebook.check_explainable(text) IS
	'throws where the installed library cannot explain a model';

CREATE FUNCTION scorebook.explanation_problem(ref text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM scorebook.check_explainable(ref);
	RETURN NULL;
EXCEPTION WHEN feature_not_supported OR program_limit_exceeded THEN
	RETURN SQLERRM;
END
$$;

COMMENT ON FUNCTION scorebook.explanation_problem(text) IS
	'why the installed library cannot explain a model; null: it can';

CREATE FUNCTION scorebook.num_reasons_internal(job scorebook.registered_job)
RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce(job.reasons,
		CASE WHEN EXISTS
			(SELECT FROM scorebook.cutoff AS c
			 WHERE c.job_id = job.job_id AND c.decision = 'decline'
				AND c.set = scorebook.current_set('cutoff', job.job_id))
			THEN 4 ELSE 0 END);
END
$$;

COMMENT ON FUNCTION scorebook.num_reasons_internal(scorebook.registered_job) IS
	'how many reasons a job stores for a row, at most';

CREATE FUNCTION scorebook.check_reasons(job scorebook.registered_job, n integer)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reference text;
	problem text;
BEGIN
	IF n < 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('job "%s" cannot store %s reasons', job.name, n),
			HINT = 'Give a number from 0 on, or null for the default.';
	END IF;
	FOR reference IN
		SELECT job.model UNION ALL SELECT p.ref FROM scorebook.split_places(job.model, job.split) AS p
	LOOP
		EXIT WHEN coalesce(n, 0) = 0;
		problem := scorebook.explanation_problem(reference);
		IF problem IS NOT NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'feature_not_supported',
				MESSAGE = format('job "%s" cannot store reasons', job.name),
				DETAIL = problem || '.',
				HINT = 'Say reasons => 0. A job whose cutoffs decline stores 4 of them unless it is told another number.';
		END IF;
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.check_reasons(scorebook.registered_job, integer) IS
	'throws where a job cannot store so many reasons';

-- Rows of runs up to the one returned may have been given fewer reasons, at most,
-- than n.  A decision keeps the reasons of the row before.
CREATE FUNCTION scorebook.reasons_since_internal(job scorebook.registered_job, n integer)
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last_other integer;
	since bigint;
	first_whole bigint;
BEGIN
	SELECT max(d.revision) INTO last_other
	FROM scorebook.job_definition AS d
	WHERE d.job_id = job.job_id AND coalesce((d.definition ->> 'reasons')::integer, 4) NOT IN (0, n);
	IF last_other IS NULL OR n = 0 THEN
		RETURN 0;
	END IF;
	SELECT max(l.run) INTO since
	FROM scorebook.job_definition AS d,
		LATERAL (SELECT r.run FROM scorebook.run AS r
				 WHERE r.job_id = d.job_id AND r.revision = d.revision
				 ORDER BY r.run DESC LIMIT 1) AS l
	WHERE d.job_id = job.job_id AND d.revision <= last_other;
	SELECT min(r.run) INTO first_whole
	FROM scorebook.run AS r
	WHERE r.job_id = job.job_id AND r.kind IN ('run', 'decision') AND r.run > since
		AND r.kind = 'run' AND r.status = 'succeeded' AND NOT r.only_changed;
	RETURN coalesce(
		(SELECT max(r.run)
		 FROM scorebook.run AS r
		 WHERE r.job_id = job.job_id AND r.kind IN ('run', 'decision') AND r.run > since
			AND r.kind = 'decision' AND (first_whole IS NULL OR r.run < first_whole)), since, 0);
END
$$;

COMMENT ON FUNCTION scorebook.reasons_since_internal(scorebook.registered_job, integer) IS
	'the last run whose rows may have been given another number of reasons';
