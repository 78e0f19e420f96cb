-- Decisions: what a score leads to.  A set of ranges is never changed; another
-- one takes its place, and the book tells which one each row went by.

CREATE TABLE scorebook.cutoff
(
	job_id		integer NOT NULL,
	set			integer NOT NULL,
	low			double precision,
	high		double precision,
	decision	text NOT NULL,
	direction	text NOT NULL,
	scale		text NOT NULL,
	defined_at	timestamp with time zone NOT NULL,
	defined_by	name NOT NULL,
	-- a chain from null to null: it covers all numbers, without gap or overlap
	CONSTRAINT cutoff_low_key UNIQUE NULLS NOT DISTINCT (job_id, set, low),
	CONSTRAINT cutoff_high_key UNIQUE NULLS NOT DISTINCT (job_id, set, high),
	CONSTRAINT cutoff_range_check CHECK (low < high),
	CONSTRAINT cutoff_next_fkey FOREIGN KEY (job_id, set, high)
		REFERENCES scorebook.cutoff (job_id, set, low),
	CONSTRAINT cutoff_last_fkey FOREIGN KEY (job_id, set, low)
		REFERENCES scorebook.cutoff (job_id, set, high),
	CONSTRAINT cutoff_decision_check CHECK (decision IN ('accept', 'refer', 'decline')),
	CONSTRAINT cutoff_scale_check CHECK (scale IN ('probability', 'points'))
);

COMMENT ON TABLE scorebook.cutoff IS
	'the decision of each range of a job''s scores; the highest set of a job counts';
COMMENT ON COLUMN scorebook.cutoff.low IS
	'the range begins here, including it; null: at minus infinity';
COMMENT ON COLUMN scorebook.cutoff.high IS
	'the range ends before; null: at infinity';

CREATE TABLE scorebook.band
(
	job_id		integer NOT NULL,
	set			integer NOT NULL,
	low			double precision,
	high		double precision,
	band		text NOT NULL,
	direction	text NOT NULL,
	scale		text NOT NULL,
	defined_at	timestamp with time zone NOT NULL,
	defined_by	name NOT NULL,
	CONSTRAINT band_low_key UNIQUE NULLS NOT DISTINCT (job_id, set, low),
	CONSTRAINT band_high_key UNIQUE NULLS NOT DISTINCT (job_id, set, high),
	CONSTRAINT band_range_check CHECK (low < high),
	CONSTRAINT band_next_fkey FOREIGN KEY (job_id, set, high)
		REFERENCES scorebook.band (job_id, set, low),
	CONSTRAINT band_last_fkey FOREIGN KEY (job_id, set, low)
		REFERENCES scorebook.band (job_id, set, high),
	CONSTRAINT band_scale_check CHECK (scale IN ('probability', 'points'))
);

COMMENT ON TABLE scorebook.band IS
	'the grade of each range of a job''s scores; the highest set of a job counts';

SELECT pg_catalog.pg_extension_config_dump('scorebook.cutoff', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.band', '');

CREATE FUNCTION scorebook.current_set(kind text, job_id integer)
RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF kind = 'cutoff' THEN
		RETURN (SELECT max(c.set) FROM scorebook.cutoff AS c WHERE c.job_id = current_set.job_id);
	END IF;
	RETURN (SELECT max(b.set) FROM scorebook.band AS b WHERE b.job_id = current_set.job_id);
END
$$;

COMMENT ON FUNCTION scorebook.current_set(text, integer) IS
	'the number of the cutoffs (cutoff) or bands (band) of a job that count now; null: it has none';

CREATE FUNCTION scorebook.current_ranges(kind text, job_id integer)
RETURNS TABLE (set integer, of_points boolean, low double precision, label text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	current constant integer := scorebook.current_set(kind, job_id);
BEGIN
	IF current IS NULL THEN
		RETURN;
	ELSIF kind = 'cutoff' THEN
		RETURN QUERY SELECT c.set, c.scale = 'points', coalesce(c.low, '-infinity'), c.decision
		FROM scorebook.cutoff AS c
		WHERE c.job_id = current_ranges.job_id AND c.set = current
		ORDER BY 3;
	ELSE
		RETURN QUERY SELECT b.set, b.scale = 'points', coalesce(b.low, '-infinity'), b.band
		FROM scorebook.band AS b
		WHERE b.job_id = current_ranges.job_id AND b.set = current
		ORDER BY 3;
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.current_ranges(text, integer) IS
	'the cutoffs (cutoff) or bands (band) of a job that count now, in ascending order';

-- The same as decision.c, for scores that stand in a book c.
CREATE FUNCTION scorebook.label_expression(kind text, job_id integer, points text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
	SELECT coalesce(
		'CASE ' || string_agg(format('WHEN %s::double precision >= %L THEN %L::text',
			CASE WHEN r.of_points THEN points ELSE 'c.score' END,
			r.low, r.label), ' ' ORDER BY r.low DESC) || ' END',
		'NULL::text')
	FROM scorebook.current_ranges(kind, job_id) AS r
$$;

COMMENT ON FUNCTION scorebook.label_expression(text, integer, text) IS
	'an expression for the label of the range that a score is in';

-- Siddiqi, Credit Risk Scorecards, chapter 6.
CREATE FUNCTION scorebook.scaling_numbers(scaling jsonb, OUT offset_points double precision,
	OUT factor double precision)
RETURNS record
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	factor := (scaling ->> 'pdo')::double precision / ln(2::double precision);
	offset_points := (scaling ->> 'points')::double precision - factor * ln((scaling ->> 'odds')::double precision);
END
$$;

COMMENT ON FUNCTION scorebook.scaling_numbers(jsonb) IS
	'offset and factor of points: points = offset + factor * ln(odds)';

CREATE FUNCTION scorebook.scaled_points(score real, offset_points double precision,
	factor double precision, higher_is_better boolean)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_scaled_points';

COMMENT ON FUNCTION scorebook.scaled_points(real, double precision, double precision, boolean) IS
	'points of a scorecard for a probability: offset + factor * ln(odds of the better outcome), rounded';

CREATE FUNCTION scorebook.check_scaling(name text, scaling jsonb, model text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shape record;
	wrong text;
BEGIN
	IF scaling IS NULL THEN
		RETURN;
	END IF;
	SELECT k.key INTO wrong
	FROM unnest(ARRAY['points', 'odds', 'pdo']) AS k (key)
	WHERE jsonb_typeof(scaling -> k.key) IS DISTINCT FROM 'number'
		OR (k.key <> 'points' AND (scaling ->> k.key)::double precision <= 0)
	LIMIT 1;
	IF FOUND AND jsonb_typeof(scaling) <> 'object' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the scaling of job "%s" must be a JSON object', name),
			HINT = 'For example, {"points": 600, "odds": 50, "pdo": 20}: 600 points at odds of 50 to 1, and 20 points to double them.';
	ELSIF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the scaling of job "%s" must have a positive number "%s"', name, wrong),
			HINT = 'For example, {"points": 600, "odds": 50, "pdo": 20}: 600 points at odds of 50 to 1, and 20 points to double them.';
	END IF;
	shape := scorebook.result_shape(model);
	IF shape.width <> 1 OR shape.classes <> 2 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('job "%s" cannot have points', name),
			DETAIL = format('Model "%s" does not give the probability of one of two outcomes.', model);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_scaling(text, jsonb, text) IS
	'throws where a job cannot have points by this scaling';

CREATE FUNCTION scorebook.check_points_internal(job scorebook.registered_job)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	needing text;
BEGIN
	IF job.scaling IS NOT NULL THEN
		RETURN;
	END IF;
	SELECT k.kind INTO needing
	FROM unnest(ARRAY['cutoff', 'band']) AS k (kind)
	WHERE EXISTS (SELECT FROM scorebook.current_ranges(k.kind, job.job_id) AS r WHERE r.of_points)
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('job "%s" needs its scaling', job.name),
			DETAIL = format('Its %ss are on the scale "points".', needing),
			HINT = format('Set others first: scorebook.set_%ss(..., scale => ''probability'').', needing);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_points_internal(scorebook.registered_job) IS
	'throws where a job has cutoffs or bands of points, and would have no points';

CREATE FUNCTION scorebook.set_cutoffs(job text, cutoffs jsonb, scale text DEFAULT NULL)
RETURNS integer
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.set_cutoffs(text, jsonb, text) IS
	'gives a job new cutoffs, {"accept": [null, 0.1], ...}, and returns the number of the set';

CREATE FUNCTION scorebook.set_bands(job text, bands jsonb, scale text DEFAULT NULL)
RETURNS integer
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.set_bands(text, jsonb, text) IS
	'gives a job new bands, {"A": [null, 0.02], ...}, and returns the number of the set';

CREATE FUNCTION scorebook.decide_job(name text)
RETURNS bigint
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_decide_job';

COMMENT ON FUNCTION scorebook.decide_job(text) IS
	'decides the scores of a book anew, by the cutoffs and bands that count now, without scoring; returns the run';

-- Ranges as they were given, with an error for the first thing that is wrong.
CREATE FUNCTION scorebook.read_ranges_internal(what text, job scorebook.registered_job, ranges jsonb, scale text)
RETURNS TABLE (label text, low double precision, high double precision)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong record;
BEGIN
	IF job.has_scores THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('job "%s" cannot have %s', job.name, what),
			DETAIL = 'Its model gives several numbers for a row.';
	END IF;
	IF scale NOT IN ('probability', 'points') OR (scale = 'points' AND job.scaling IS NULL) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the %s of job "%s" cannot be on the scale "%s"', what, job.name, scale),
			HINT = 'Scales are probability, and points where the job has a scaling.';
	END IF;
	IF jsonb_typeof(ranges) IS DISTINCT FROM 'object' OR ranges = '{}' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the %s of job "%s" must be a JSON object of ranges', what, job.name),
			HINT = CASE what
				WHEN 'cutoffs' THEN 'For example, {"accept": [null, 0.1], "refer": [0.1, 0.3], "decline": [0.3, null]}.'
				ELSE 'For example, {"A": [null, 0.02], "B": [0.02, 0.1], "C": [0.1, null]}.' END;
	END IF;
	SELECT r.key, r.value INTO wrong
	FROM jsonb_each(ranges) AS r
	WHERE NOT (jsonb_typeof(r.value) = 'array' AND jsonb_array_length(r.value) = 2
		AND jsonb_typeof(r.value -> 0) IN ('number', 'null')
		AND jsonb_typeof(r.value -> 1) IN ('number', 'null'))
	LIMIT 1;
	IF NOT FOUND THEN
		SELECT r.key, r.value INTO wrong
		FROM jsonb_each(ranges) AS r
		WHERE (r.value ->> 0)::double precision >= (r.value ->> 1)::double precision
		LIMIT 1;
	END IF;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('invalid range for "%s" in the %s of job "%s": %s', wrong.key, what,
				job.name, wrong.value),
			HINT = 'A range is [low, high]; it includes low and not high, and null is open.';
	END IF;
	SELECT * INTO wrong
	FROM (SELECT r.key, (r.value ->> 0)::double precision AS low, (r.value ->> 1)::double precision AS high,
			lag((r.value ->> 1)::double precision) OVER by_low AS last_high, lag(r.key) OVER by_low AS last_key,
			lead(r.key) OVER by_low AS next_key
		  FROM jsonb_each(ranges) AS r
		  WINDOW by_low AS (ORDER BY (r.value ->> 0)::double precision NULLS FIRST)) AS r
	WHERE r.low IS DISTINCT FROM r.last_high OR (r.high IS NULL) <> (r.next_key IS NULL)
		OR (r.low IS NULL) <> (r.last_key IS NULL)
	ORDER BY r.low NULLS FIRST
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the %s of job "%s" do not cover all scores exactly once', what, job.name),
			DETAIL = CASE
				WHEN wrong.last_key IS NULL AND wrong.low IS NOT NULL
					THEN format('Nothing covers what is below %s, where "%s" begins.', wrong.low, wrong.key)
				WHEN wrong.next_key IS NULL AND wrong.high IS NOT NULL
					THEN format('Nothing covers %s and above, where "%s" ends.', wrong.high, wrong.key)
				WHEN wrong.last_high < wrong.low
					THEN format('There is a gap from %s to %s.', wrong.last_high, wrong.low)
				ELSE format('"%s" and "%s" overlap.', coalesce(wrong.last_key, wrong.key),
					CASE WHEN wrong.last_key IS NULL THEN wrong.next_key ELSE wrong.key END) END,
			HINT = 'Each range begins where the one before ends; the first one begins and the last one ends with null.';
	END IF;
	RETURN QUERY
	SELECT r.key, (r.value ->> 0)::double precision, (r.value ->> 1)::double precision
	FROM jsonb_each(ranges) AS r;
END
$$;

COMMENT ON FUNCTION scorebook.read_ranges_internal(text, scorebook.registered_job, jsonb, text) IS
	'ranges from JSON, after checking that they cover all numbers';

CREATE FUNCTION scorebook.set_cutoffs_internal(caller name, job text, cutoffs jsonb, scale text)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own constant scorebook.registered_job := scorebook.find_job_internal(caller, job);
	new_set integer;
	unknown text;
	order_wrong boolean;
BEGIN
	scale := coalesce(scale, CASE WHEN own.scaling IS NULL THEN 'probability' ELSE 'points' END);
	PERFORM FROM scorebook.registered_job AS j WHERE j.job_id = own.job_id FOR UPDATE;
	new_set := coalesce(scorebook.current_set('cutoff', own.job_id), 0) + 1;
	-- what is no object is refused below
	IF jsonb_typeof(cutoffs) = 'object' THEN
		SELECT k.key INTO unknown
		FROM jsonb_object_keys(cutoffs) AS k (key)
		WHERE k.key NOT IN ('accept', 'refer', 'decline')
		ORDER BY k.key
		LIMIT 1;
		IF FOUND THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('the cutoffs of job "%s" have an unknown decision "%s"', job, unknown),
				HINT = 'Decisions are accept, refer and decline; other labels belong in bands.';
		END IF;
	END IF;
	INSERT INTO scorebook.cutoff (job_id, set, low, high, decision, direction, scale, defined_at, defined_by)
	SELECT own.job_id, new_set, r.low, r.high, r.label, own.direction, scale, now(), caller
	FROM scorebook.read_ranges_internal('cutoffs', own, cutoffs, scale) AS r;
	-- points rise with the odds of the better outcome, whatever the score says
	SELECT bool_or(c.rank < c.last_rank) INTO order_wrong
	FROM (SELECT c.rank, lag(c.rank) OVER (ORDER BY c.low NULLS FIRST) AS last_rank
		  FROM (SELECT c.low, array_position(
					CASE WHEN set_cutoffs_internal.scale = 'points' OR own.direction = 'higher_is_better'
						 THEN ARRAY['decline', 'refer', 'accept'] ELSE ARRAY['accept', 'refer', 'decline'] END,
					c.decision) AS rank
				FROM scorebook.cutoff AS c WHERE c.job_id = own.job_id AND c.set = new_set) AS c) AS c;
	IF order_wrong THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the cutoffs of job "%s" accept what is riskier than what they decline', job),
			DETAIL = format('The direction of its scores is %s, and these are on the scale "%s".', own.direction, scale),
			HINT = 'Turn the ranges round, or make the job with the other direction.';
	END IF;
	PERFORM scorebook.check_reasons(own, scorebook.num_reasons_internal(own));
	RETURN new_set;
END
$$;

COMMENT ON FUNCTION scorebook.set_cutoffs_internal(name, text, jsonb, text) IS
	'what set_cutoffs does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.set_bands_internal(caller name, job text, bands jsonb, scale text)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own constant scorebook.registered_job := scorebook.find_job_internal(caller, job);
	new_set integer;
BEGIN
	scale := coalesce(scale, CASE WHEN own.scaling IS NULL THEN 'probability' ELSE 'points' END);
	PERFORM FROM scorebook.registered_job AS j WHERE j.job_id = own.job_id FOR UPDATE;
	new_set := coalesce(scorebook.current_set('band', own.job_id), 0) + 1;
	INSERT INTO scorebook.band (job_id, set, low, high, band, direction, scale, defined_at, defined_by)
	SELECT own.job_id, new_set, r.low, r.high, r.label, own.direction, scale, now(), caller
	FROM scorebook.read_ranges_internal('bands', own, bands, scale) AS r;
	RETURN new_set;
END
$$;

COMMENT ON FUNCTION scorebook.set_bands_internal(name, text, jsonb, text) IS
	'what set_bands does, with the rights of the extension''s owner';
