-- Pull: one subject is scored now, with a record.  Who pulls needs the privilege
-- score on the job, and no right on its source, model or book.

CREATE FUNCTION scorebook.score(job text, key anycompatible,
	OUT score real, OUT scores real[], OUT class text, OUT points integer, OUT decision text,
	OUT band text, OUT reasons jsonb, OUT version integer, OUT run bigint,
	OUT effective_at timestamp with time zone)
RETURNS record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'sbk_sql_score';

COMMENT ON FUNCTION scorebook.score(text, anycompatible) IS
	'scores one subject now, from the job''s source, into the job''s book';

CREATE FUNCTION scorebook.score(job text, features jsonb, key anycompatible,
	OUT score real, OUT scores real[], OUT class text, OUT points integer, OUT decision text,
	OUT band text, OUT reasons jsonb, OUT version integer, OUT run bigint,
	OUT effective_at timestamp with time zone)
RETURNS record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'sbk_sql_score';

COMMENT ON FUNCTION scorebook.score(text, jsonb, anycompatible) IS
	'scores one subject now, with these features, into the job''s book';

-- What a pull needs to know: the job's owner, the key as the book has it, and
-- the statement that reads what the book says of it, as a row of score; $1
-- is the key, $2 the run, $3 its effective_at.
CREATE FUNCTION scorebook.pull_internal(caller name, name text, key jsonb,
	OUT owner name, OUT subject jsonb, OUT answer text)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job constant scorebook.registered_job := scorebook.find_job_internal(caller, name, 'score');
BEGIN
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
