-- Pull: one subject is scored now, with a record.

CREATE FUNCTION scorebook.pull_subject(job text, subject jsonb, features jsonb)
RETURNS bigint
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_pull';

COMMENT ON FUNCTION scorebook.pull_subject(text, jsonb, jsonb) IS
	'scores the row of a key into the book and returns the run';

CREATE FUNCTION scorebook.score(job text, key anycompatible,
	OUT score real, OUT scores real[], OUT class text, OUT points integer, OUT decision text,
	OUT band text, OUT reasons jsonb, OUT version integer, OUT run bigint,
	OUT effective_at timestamp with time zone)
RETURNS record
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own constant scorebook.registered_job := scorebook.find_job(job);
BEGIN
	SELECT p.* INTO score, scores, class, points, decision, band, reasons, version, run, effective_at
	FROM scorebook.score_subject(own, scorebook.key_object(own, to_jsonb(key)), NULL) AS p;
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
DECLARE
	own constant scorebook.registered_job := scorebook.find_job(job);
BEGIN
	SELECT p.* INTO score, scores, class, points, decision, band, reasons, version, run, effective_at
	FROM scorebook.score_subject(own, scorebook.key_object(own, to_jsonb(key)),
		coalesce(features, '{}')) AS p;
END
$$;

COMMENT ON FUNCTION scorebook.score(text, jsonb, anycompatible) IS
	'scores one subject now, with these features, into the job''s book';

CREATE FUNCTION scorebook.score_subject(own scorebook.registered_job, subject jsonb, features jsonb,
	OUT score real, OUT scores real[], OUT class text, OUT points integer, OUT decision text,
	OUT band text, OUT reasons jsonb, OUT version integer, OUT run bigint,
	OUT effective_at timestamp with time zone)
RETURNS record
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- once more, where another one has written the row at the same time
	LOOP
		run := scorebook.pull_subject(own.name, subject, features);
		EXIT WHEN NOT EXISTS (SELECT FROM scorebook.run AS r
			WHERE r.run = score_subject.run AND r.rows_overtaken > 0);
	END LOOP;
	EXECUTE format('SELECT %s, c.class, c.points, c.decision, c.band, c.reasons, c.version, c.effective_at'
			' FROM %s AS c WHERE %s%s',
			CASE WHEN own.has_scores THEN 'NULL::real, c.scores' ELSE 'c.score, NULL::real[]' END,
			own.result,
			(SELECT string_agg(format('c.%1$I = (jsonb_populate_record(NULL::%2$s, $1)).%1$I', k.name, own.result), ' AND ')
			 FROM unnest(own.key) AS k (name)),
			CASE own.keep WHEN 'each_period'
				THEN ' AND c.effective_at = (SELECT r.effective_at FROM scorebook.run AS r WHERE r.run = $2)' END)
		INTO score, scores, class, points, decision, band, reasons, version, effective_at
		USING subject, run;
END
$$;

COMMENT ON FUNCTION scorebook.score_subject(scorebook.registered_job, jsonb, jsonb) IS
	'what both score functions do';
