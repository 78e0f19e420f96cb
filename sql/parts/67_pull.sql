-- Pull: one subject is scored now, with a record.  Who pulls needs the privilege
-- score on the job, and no right on its source, model or book.

CREATE FUNCTION scorebook.pull_subject(job text, subject jsonb, features jsonb,
	OUT score real, OUT scores real[], OUT class text, OUT points integer, OUT decision text,
	OUT band text, OUT reasons jsonb, OUT version integer, OUT run bigint,
	OUT effective_at timestamp with time zone)
RETURNS record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'sbk_sql_pull';

COMMENT ON FUNCTION scorebook.pull_subject(text, jsonb, jsonb) IS
	'what both score functions do';

CREATE FUNCTION scorebook.score(job text, key anycompatible,
	OUT score real, OUT scores real[], OUT class text, OUT points integer, OUT decision text,
	OUT band text, OUT reasons jsonb, OUT version integer, OUT run bigint,
	OUT effective_at timestamp with time zone)
RETURNS record
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	SELECT p.* INTO score, scores, class, points, decision, band, reasons, version, run, effective_at
	FROM scorebook.pull_subject(job, to_jsonb(key), NULL) AS p;
END
$$;

COMMENT ON FUNCTION scorebook.score(text, anycompatible) IS
	'scores one subject now, from the job''s source, into the job''s book';

CREATE FUNCTION scorebook.score(job text, features jsonb, key anycompatible,
	OUT score real, OUT scores real[], OUT class text, OUT points integer, OUT decision text,
	OUT band text, OUT reasons jsonb, OUT version integer, OUT run bigint,
	OUT effective_at timestamp with time zone)
RETURNS record
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	SELECT p.* INTO score, scores, class, points, decision, band, reasons, version, run, effective_at
	FROM scorebook.pull_subject(job, to_jsonb(key), coalesce(features, '{}')) AS p;
END
$$;

COMMENT ON FUNCTION scorebook.score(text, jsonb, anycompatible) IS
	'scores one subject now, with these features, into the job''s book';

-- What a pull needs to know: the job, its owner, the key as the book has it, and
-- the statement that reads what the book says of it, as a row of pull_subject; $1
-- is the key, $2 the run, $3 its effective_at.
CREATE FUNCTION scorebook.pull_internal(caller name, name text, key jsonb,
	OUT job scorebook.registered_job, OUT owner name, OUT subject jsonb, OUT answer text)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	job := scorebook.find_job_internal(caller, name, 'score');
	owner := job.owner;
	subject := scorebook.key_object(job, key);
	answer := format('SELECT %s, c.class, c.points, c.decision, c.band, c.reasons, c.version, $2, c.effective_at'
		' FROM (VALUES ($3)) AS a (effective_at) LEFT JOIN %s AS c ON %s%s',
		CASE WHEN job.has_scores THEN 'NULL::real, c.scores' ELSE 'c.score, NULL::real[]' END, job.result,
		(SELECT string_agg(format('c.%1$I = (jsonb_populate_record(NULL::%2$s, $1)).%1$I', k.name, job.result), ' AND ')
		 FROM unnest(job.key) AS k (name)),
		CASE job.keep WHEN 'each_period' THEN ' AND c.effective_at = a.effective_at' END);
END
$$;

COMMENT ON FUNCTION scorebook.pull_internal(name, text, jsonb) IS
	'what a pull needs to know, after checking that the role may score';

-- A feature that is left out would be read as null, and scored as missing; by
-- whoever serves the key.
CREATE FUNCTION scorebook.check_features(job scorebook.registered_job, features jsonb)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	IF jsonb_typeof(features) <> 'object' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'datatype_mismatch',
			MESSAGE = format('the features for job "%s" are not an object', job.name),
			HINT = 'Pass them by the names of the source''s columns: {"income": 1200, ...}.';
	END IF;
	SELECT m."column" INTO missing
	FROM (SELECT job.model UNION ALL SELECT p.ref FROM scorebook.split_places(job.model, job.split) AS p) AS s (ref),
		scorebook.input_map(s.ref, job.source) AS m
	WHERE NOT features ? m."column"
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_column',
			MESSAGE = format('the features for job "%s" lack "%s"', job.name, missing),
			HINT = 'Pass null for what is missing.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_features(scorebook.registered_job, jsonb) IS
	'throws where features lack one that a model that serves the job reads';
