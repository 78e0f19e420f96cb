-- Push: jobs that run by themselves, at the times of a schedule.
--
-- pg_cron runs them, or another scheduler calls run_due_jobs.  What a schedule
-- means is read here, in the same way for both: so the next runs can be shown,
-- and what pg_cron could not do is refused before the night.

-- One of the five fields of an expression as its numbers; null: it is none.
CREATE FUNCTION scorebook.cron_values(field text, low integer, high integer, names text[] DEFAULT '{}')
RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	element text;
	part text[];
	ends integer[];
	result integer[] := '{}';
BEGIN
	FOREACH element IN ARRAY string_to_array(lower(field), ',') LOOP
		part := regexp_match(element, '^(?:\*|([a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?)(?:/(\d{1,2}))?$');
		ends := ARRAY(
			SELECT CASE WHEN e ~ '^\d' THEN e::integer ELSE array_position(names, e) - 1 + low END
			FROM unnest(part[1:2]) WITH ORDINALITY AS p (e, n)
			WHERE e IS NOT NULL
			ORDER BY n);
		IF part[1] IS NULL THEN
			ends := ARRAY[low, high];
		END IF;
		-- pg_cron does not know 5/15 either
		IF part IS NULL OR array_position(ends, NULL) IS NOT NULL
			OR NOT ends <@ ARRAY(SELECT generate_series(low, high))
			OR ends[1] > ends[2] OR part[3]::integer = 0
			OR (part[3] IS NOT NULL AND cardinality(ends) = 1) THEN
			RETURN NULL;
		END IF;
		result := result || ARRAY(SELECT generate_series(ends[1], coalesce(ends[2], ends[1]),
			coalesce(part[3]::integer, 1)));
	END LOOP;
	RETURN ARRAY(SELECT DISTINCT r FROM unnest(result) AS r ORDER BY r);
END
$$;

COMMENT ON FUNCTION scorebook.cron_values(text, integer, integer, text[]) IS
	'a field of a cron expression as numbers; null where it is none';

CREATE FUNCTION scorebook.read_cron(expression text, OUT fields text, OUT minutes integer[],
	OUT hours integer[], OUT days integer[], OUT last_day boolean, OUT months integer[],
	OUT weekdays integer[], OUT day_and_weekday boolean, OUT seconds integer)
RETURNS record
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	field text[];
	wrong text;
BEGIN
	fields := lower(btrim(regexp_replace(expression, '\s+', ' ', 'g')));
	seconds := substring(fields FROM '^([1-9]|[1-5]\d) seconds?$');
	IF seconds IS NOT NULL THEN
		RETURN;
	END IF;
	-- told to pg_cron in this way, too: it does not run what is @yearly
	fields := CASE fields
		WHEN '@hourly' THEN '0 * * * *'
		WHEN '@daily' THEN '0 0 * * *'
		WHEN '@midnight' THEN '0 0 * * *'
		WHEN '@weekly' THEN '0 0 * * 0'
		WHEN '@monthly' THEN '0 0 1 * *'
		WHEN '@yearly' THEN '0 0 1 1 *'
		WHEN '@annually' THEN '0 0 1 1 *'
		ELSE fields END;
	field := string_to_array(fields, ' ');
	minutes := scorebook.cron_values(field[1], 0, 59);
	hours := scorebook.cron_values(field[2], 0, 23);
	last_day := field[3] IS NOT DISTINCT FROM '$';
	days := CASE WHEN last_day THEN '{}' ELSE scorebook.cron_values(field[3], 1, 31) END;
	months := scorebook.cron_values(field[4], 1, 12,
		'{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
	-- 7 is a Sunday, as 0 is
	weekdays := ARRAY(SELECT DISTINCT d % 7
		FROM unnest(scorebook.cron_values(field[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}')) AS d
		ORDER BY d % 7);
	-- a field that begins with a star, as */2 does, narrows the other one; else
	-- it is enough that one of them fits
	day_and_weekday := field[3] ^@ '*' OR field[5] ^@ '*';
	wrong := CASE
		WHEN minutes IS NULL THEN 'minute'
		WHEN hours IS NULL THEN 'hour'
		WHEN days IS NULL THEN 'day of the month'
		WHEN months IS NULL THEN 'month'
		WHEN weekdays = '{}' THEN 'day of the week' END;
	IF cardinality(field) IS DISTINCT FROM 5 OR wrong IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('invalid schedule "%s"', expression),
			DETAIL = CASE WHEN cardinality(field) = 5 THEN format('It has no valid %s.', wrong)
				ELSE format('It has %s fields, not five.', coalesce(cardinality(field), 0)) END,
			HINT = 'Minute, hour, day of the month, month and day of the week, such as "30 2 * * mon-fri"; or "10 seconds", "@hourly", "@daily", "@weekly", "@monthly", "@yearly".';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.read_cron(text) IS
	'what a cron expression says; throws where it is none';

-- Times at which the clock of the time zone shows what the expression says: a
-- time that the clock skips in spring is none, one that it shows twice in
-- autumn is two.  A date that is none in twenty years is none at all.
CREATE FUNCTION scorebook.next_firings(schedule text, timezone text, after timestamp with time zone, n integer)
RETURNS SETOF timestamp with time zone
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cron constant record := scorebook.read_cron(schedule);
	day timestamp := date_trunc('day', after AT TIME ZONE timezone) - interval '1 day';
	last constant timestamp := day + interval '20 years';
	missing integer := n;
	found integer;
	fits_day boolean;
	fits_weekday boolean;
BEGIN
	IF cron.seconds IS NOT NULL THEN
		RETURN QUERY
		SELECT after + make_interval(secs => cron.seconds * i)
		FROM generate_series(1, n) AS i;
		RETURN;
	END IF;
	WHILE missing > 0 AND day < last LOOP
		fits_day := extract(day FROM day) = ANY (cron.days)
			OR (cron.last_day AND extract(day FROM day + interval '1 day') = 1);
		fits_weekday := extract(dow FROM day) = ANY (cron.weekdays);
		IF extract(month FROM day) = ANY (cron.months)
			AND ((fits_day AND fits_weekday) OR (NOT cron.day_and_weekday AND (fits_day OR fits_weekday))) THEN
			RETURN QUERY
			SELECT f.at
			FROM (SELECT l.shown, (l.shown - o.utc_offset) AT TIME ZONE 'UTC' AS at
				  FROM (SELECT day + make_interval(hours => h, mins => m) AS shown
						FROM unnest(cron.hours) AS h, unnest(cron.minutes) AS m) AS l,
					  (SELECT DISTINCT t AT TIME ZONE timezone - t AT TIME ZONE 'UTC' AS utc_offset
					   FROM unnest(ARRAY[day - interval '1 day', day + interval '2 days']) AS d,
						   LATERAL (SELECT d AT TIME ZONE timezone AS t) AS b) AS o) AS f
			WHERE f.at > after AND f.at AT TIME ZONE timezone = f.shown
			ORDER BY f.at
			LIMIT missing;
			GET DIAGNOSTICS found = ROW_COUNT;
			missing := missing - found;
		END IF;
		day := day + interval '1 day';
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.next_firings(text, text, timestamp with time zone, integer) IS
	'the next n times of a schedule in a time zone after a time';

-- What the installed pg_cron is; where it is not loaded, it has no database.
CREATE FUNCTION scorebook.pg_cron_internal(OUT database name, OUT timezone text, OUT release integer[])
RETURNS record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT max(s.setting) FILTER (WHERE s.name = 'cron.database_name')::name,
		coalesce(max(s.setting) FILTER (WHERE s.name = 'cron.timezone'), 'GMT'),
		(SELECT regexp_match(e.default_version, '^(\d+)\.(\d+)')::integer[]
		 FROM pg_available_extensions AS e WHERE e.name = 'pg_cron')
	FROM pg_settings AS s
	WHERE s.name IN ('cron.database_name', 'cron.timezone')
$$;

COMMENT ON FUNCTION scorebook.pg_cron_internal() IS
	'the database, the time zone and the release of pg_cron, where it is loaded';

-- Does a schedule mean the same on clocks that differ by so many minutes?
CREATE FUNCTION scorebook.fits_shifted(schedule text, shift integer)
RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT shift = 0 OR c.seconds IS NOT NULL
		OR (cardinality(c.days) = 31 AND cardinality(c.months) = 12 AND cardinality(c.weekdays) = 7
			AND ARRAY(SELECT h * 60 + m FROM unnest(c.hours) AS h, unnest(c.minutes) AS m ORDER BY 1)
				= ARRAY(SELECT (h * 60 + m + shift + 1440) % 1440
						FROM unnest(c.hours) AS h, unnest(c.minutes) AS m ORDER BY 1))
	FROM scorebook.read_cron(schedule) AS c
$$;

COMMENT ON FUNCTION scorebook.fits_shifted(text, integer) IS
	'does a schedule mean the same on clocks that differ by so many minutes?';

-- By how many minutes a clock is ahead of another one, now and in the two
-- years to come.
CREATE FUNCTION scorebook.clock_differences(timezone text, other text)
RETURNS SETOF integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT (extract(epoch FROM h AT TIME ZONE timezone - h AT TIME ZONE other) / 60)::integer
	FROM generate_series(now(), now() + interval '2 years', interval '1 hour') AS h
$$;

COMMENT ON FUNCTION scorebook.clock_differences(text, text) IS
	'by how many minutes the clock of a time zone is ahead of that of another one, in the next two years';

CREATE FUNCTION scorebook.shown_minutes(minutes integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('%s %s%s', u.n, u.unit, CASE WHEN u.n <> 1 THEN 's' END), ' and ' ORDER BY u.unit)
	FROM (VALUES (minutes / 60, 'hour'), (minutes % 60, 'minute')) AS u (n, unit)
	WHERE u.n <> 0
$$;

COMMENT ON FUNCTION scorebook.shown_minutes(integer) IS
	'so many minutes in words, such as 5 hours and 30 minutes';

-- pg_cron cannot run each schedule of each job: then it says nothing, and runs
-- at another time, or never.
CREATE FUNCTION scorebook.check_pg_cron_internal(job scorebook.registered_job, schedule text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	pg_cron constant record := scorebook.pg_cron_internal();
	cron constant record := scorebook.read_cron(schedule);
	differences integer[];
BEGIN
	IF pg_cron.database IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('job "%s" cannot be scheduled: pg_cron is not loaded', job.name),
			HINT = format('Install the package postgresql-%s-cron, add pg_cron to shared_preload_libraries, set cron.database_name, restart, and CREATE EXTENSION pg_cron in that database; or use scheduler => ''other'', and call run_due_jobs from another scheduler.',
				current_setting('server_version_num')::integer / 10000);
	END IF;
	IF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = job.owner AND r.rolcanlogin) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('pg_cron cannot run job "%s"', job.name),
			DETAIL = format('Its owner, role "%s", is not permitted to log in.', job.owner),
			HINT = 'Let a role that is own it; or use scheduler => ''other'', and call run_due_jobs as a member of the role.';
	END IF;
	IF cron.seconds IS NOT NULL AND pg_cron.release < '{1,5}' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('the installed pg_cron cannot run job "%s" by the schedule "%s"', job.name, schedule),
			DETAIL = format('Intervals of seconds came with pg_cron 1.5; this is %s.',
				array_to_string(pg_cron.release, '.')),
			HINT = 'Once a minute, "* * * * *", is the most that it can do.';
	END IF;
	IF cron.last_day AND pg_cron.release < '{1,6}' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('the installed pg_cron cannot run job "%s" by the schedule "%s"', job.name, schedule),
			DETAIL = format('The last day of the month, $, came with pg_cron 1.6; this is %s.',
				array_to_string(pg_cron.release, '.')),
			HINT = 'The first day of the month, 1, is close to it.';
	END IF;
	differences := ARRAY(SELECT d FROM scorebook.clock_differences(job.timezone, pg_cron.timezone) AS d);
	IF EXISTS (SELECT FROM unnest(differences) AS d WHERE NOT scorebook.fits_shifted(schedule, d)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('pg_cron cannot run job "%s" by the schedule "%s" in the time zone "%s"',
				job.name, schedule, job.timezone),
			DETAIL = format('Its own clock is that of "%s".', pg_cron.timezone),
			HINT = concat_ws(' ',
				CASE WHEN pg_cron.release >= '{1,5}'
					 THEN format('Set cron.timezone = %L and restart;', job.timezone)
					 ELSE 'pg_cron 1.5 and later have the setting cron.timezone;' END,
				format('or give the job that time zone, scorebook.alter_job(%L, ''{"timezone": "%s"}''),',
					job.name, pg_cron.timezone),
				'and write the schedule in it:',
				(SELECT string_agg(format('%s %s', scorebook.shown_minutes(abs(d)),
						CASE WHEN d < 0 THEN 'later' ELSE 'earlier' END), ' or ' ORDER BY d)
				 FROM unnest(differences) AS d WHERE d <> 0) || '.');
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_pg_cron_internal(scorebook.registered_job, text) IS
	'throws where pg_cron could not run a job by a schedule';

CREATE FUNCTION scorebook.schedule_job(name text, cron text, scheduler text DEFAULT 'pg_cron')
RETURNS TABLE (fires_at timestamp with time zone, local_time timestamp without time zone)
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.schedule_job(text, text, text) IS
	'runs a job by itself, and returns the next three times, also as the clock of the job''s time zone shows them';

CREATE FUNCTION scorebook.schedule_job_internal(name text, cron text, scheduler text)
RETURNS TABLE (fires_at timestamp with time zone, local_time timestamp without time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	timezone constant text := (scorebook.find_own_job(name)).timezone;
BEGIN
	IF cron IS NULL OR scheduler IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'the schedule and the scheduler cannot be null',
			HINT = 'scorebook.unschedule_job takes a schedule away.';
	END IF;
	PERFORM scorebook.change_schedule(name, cron, scheduler);
	RETURN QUERY
	SELECT f, f AT TIME ZONE timezone
	FROM scorebook.next_firings(cron, timezone, now(), 3) AS f;
END
$$;

COMMENT ON FUNCTION scorebook.schedule_job_internal(text, text, text) IS
	'what schedule_job does';

CREATE FUNCTION scorebook.unschedule_job(name text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.unschedule_job(text) IS
	'does not run a job by itself any more';

CREATE FUNCTION scorebook.unschedule_job_internal(name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF (scorebook.find_own_job(name)).schedule IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('job "%s" has no schedule', name);
	END IF;
	PERFORM scorebook.change_schedule(name, NULL, NULL);
END
$$;

COMMENT ON FUNCTION scorebook.unschedule_job_internal(text) IS
	'what unschedule_job does';

CREATE FUNCTION scorebook.change_schedule(name text, cron text, scheduler text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.change_schedule(text, text, text) IS
	'what schedule_job and unschedule_job do';

CREATE FUNCTION scorebook.change_schedule_internal(caller name, name text, cron text, scheduler text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job scorebook.registered_job := scorebook.find_job_internal(caller, name);
BEGIN
	IF cron IS NOT NULL THEN
		IF scheduler NOT IN ('pg_cron', 'other') THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('unknown scheduler "%s"', scheduler),
				HINT = 'A scheduler is pg_cron, or other: then scorebook.run_due_jobs must be called.';
		END IF;
		IF NOT EXISTS (SELECT FROM scorebook.next_firings(cron, job.timezone, now(), 1)) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('the schedule "%s" never fires', cron),
				DETAIL = 'There is no such date.';
		END IF;
		IF scheduler = 'pg_cron' THEN
			PERFORM scorebook.check_pg_cron_internal(job, cron);
		END IF;
	END IF;
	job.schedule := cron;
	job.scheduler := scheduler;
	job.scheduled_at := CASE WHEN cron IS NOT NULL THEN clock_timestamp() END;
	UPDATE scorebook.registered_job AS j
	SET schedule = job.schedule, scheduler = job.scheduler, scheduled_at = job.scheduled_at
	WHERE j.job_id = job.job_id;
	INSERT INTO scorebook.job_definition (job_id, revision, definition, defined_at, defined_by)
	SELECT job.job_id, max(d.revision) + 1, to_jsonb(job), now(), caller
	FROM scorebook.job_definition AS d
	WHERE d.job_id = job.job_id;
END
$$;

COMMENT ON FUNCTION scorebook.change_schedule_internal(name, text, text, text) IS
	'what change_schedule does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.run_in_database_internal(database name, role name, statement text)
RETURNS void
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_run_in_database';

COMMENT ON FUNCTION scorebook.run_in_database_internal(name, name, text) IS
	'runs a statement in a database as a role, in a session and transaction of its own';

-- pg_cron keeps its jobs in a table of one database of the cluster, which need
-- not be this one.  They are written there as the owner of the job, with what
-- that role may do there, and when this transaction is about to commit: what
-- was undone here is never known there.
CREATE FUNCTION scorebook.tell_pg_cron_internal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	pg_cron constant record := scorebook.pg_cron_internal();
	is_here constant boolean := pg_cron.database IS NOT DISTINCT FROM current_database();
	number constant oid := (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database());
	-- names of databases and jobs together would be too long
	title constant text := format('scorebook %s/%s', number, NEW.job_id);
	scheduled constant boolean := NEW.scheduler IS NOT DISTINCT FROM 'pg_cron';
	-- pg_cron does not care for encodings
	command constant text := format('CALL scorebook.run_job(%s)', CASE
		WHEN NEW.name ~ '^[ -~]*$' THEN quote_literal(NEW.name)
		ELSE format('convert_from(decode(''%s'', ''hex''), ''UTF8'')', encode(convert_to(NEW.name, 'UTF8'), 'hex')) END);
	routine text;
	statement text;
	fields text;
	reason text;
BEGIN
	IF pg_cron.database IS NULL THEN
		RAISE WARNING USING
			MESSAGE = format('pg_cron is not loaded, and may still have job "%s"', NEW.name),
			HINT = format('Once it is loaded: SELECT cron.unschedule(%L).', title);
		RETURN NULL;
	END IF;
	IF NOT scheduled THEN
		statement := format('SELECT cron.unschedule(j.jobid) FROM cron.job AS j'
			' WHERE j.jobname = %L AND j.username = %L', title, NEW.owner);
	ELSE
		fields := (scorebook.read_cron(NEW.schedule)).fields;
		IF is_here THEN
			routine := 'cron.schedule(text, text, text)';
			statement := format('SELECT cron.schedule(%L, %L, %L)', title, fields, command);
		ELSE
			routine := 'cron.schedule_in_database(text, text, text, text, text, boolean)';
			statement := format('SELECT cron.schedule_in_database(%L, %L, %L, %L)', title, fields, command,
				current_database());
		END IF;
	END IF;
	PERFORM scorebook.run_in_database_internal(pg_cron.database, NEW.owner, statement);
	RETURN NULL;
EXCEPTION
	WHEN insufficient_privilege THEN
		GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT;
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('role "%s" may not tell pg_cron about job "%s"', NEW.owner, NEW.name),
			DETAIL = format('In database "%s": %s.', pg_cron.database, reason),
			HINT = concat_ws(' ', format('Let a superuser run there: GRANT USAGE ON SCHEMA cron TO %I;', NEW.owner),
				'GRANT EXECUTE ON FUNCTION ' || routine || format(' TO %I;', NEW.owner));
	WHEN undefined_function OR undefined_table OR invalid_schema_name THEN
		IF scheduled THEN
			RAISE EXCEPTION USING
				ERRCODE = 'object_not_in_prerequisite_state',
				MESSAGE = format('job "%s" cannot be scheduled: the extension pg_cron is not in database "%s"',
					NEW.name, pg_cron.database),
				HINT = 'Run CREATE EXTENSION pg_cron, or ALTER EXTENSION pg_cron UPDATE, there.';
		END IF;
		RETURN NULL;
END
$$;

COMMENT ON FUNCTION scorebook.tell_pg_cron_internal() IS
	'trigger: the jobs of pg_cron follow the schedules';

CREATE CONSTRAINT TRIGGER registered_job_schedule AFTER UPDATE ON scorebook.registered_job
	DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN ((OLD.scheduler = 'pg_cron' OR NEW.scheduler = 'pg_cron')
		AND (OLD.schedule, OLD.scheduler) IS DISTINCT FROM (NEW.schedule, NEW.scheduler))
	EXECUTE FUNCTION scorebook.tell_pg_cron_internal();

-- Nobody inserts a job with a schedule but a restore, and the pg_cron of where it
-- is restored knows nothing of it.
CREATE FUNCTION scorebook.forget_pg_cron() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	NEW.scheduled_at := NULL;
	RETURN NEW;
END
$$;

COMMENT ON FUNCTION scorebook.forget_pg_cron() IS
	'trigger: a restored job is run by pg_cron once it is scheduled again';

CREATE TRIGGER restored_schedule BEFORE INSERT ON scorebook.registered_job
	FOR EACH ROW WHEN (NEW.scheduler = 'pg_cron')
	EXECUTE FUNCTION scorebook.forget_pg_cron();

-- When a job should have been run since it was scheduled and its last run began;
-- null: it is not late.  pg_cron has a minute to begin.
CREATE FUNCTION scorebook.due_since(schedule text, timezone text, scheduler text,
	scheduled_at timestamp with time zone, last_started_at timestamp with time zone)
RETURNS timestamp with time zone
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT f
	FROM scorebook.next_firings(schedule, timezone, greatest(scheduled_at, last_started_at), 1) AS f
	WHERE scheduled_at IS NOT NULL AND f <= clock_timestamp()
		- CASE scheduler WHEN 'pg_cron' THEN interval '1 minute' ELSE interval '0' END
$$;

COMMENT ON FUNCTION scorebook.due_since(text, text, text, timestamp with time zone, timestamp with time zone) IS
	'since when a job with a schedule should have been run; null: it is not late';

-- Jobs that the caller may run, and should have been since their last run began.
CREATE FUNCTION scorebook.due_jobs()
RETURNS TABLE (name text, upstream text[], held_up_by text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	remaining jsonb;
	next record;
BEGIN
	WITH scheduled AS MATERIALIZED
	(
		SELECT j.job_id, j.name, j.source, v.last_status,
			ARRAY[j.result, j.history, j.shadow, j.shadow_history]::oid[] AS book,
			v.overdue_since IS NOT NULL AS is_due
		FROM scorebook.registered_job AS j JOIN scorebook.job AS v ON v.name = j.name
		WHERE j.dropped_at IS NULL AND j.schedule IS NOT NULL
	),
	due AS MATERIALIZED
	(
		SELECT s.name, ARRAY(SELECT (e ->> 'oid')::oid
			FROM jsonb_array_elements(scorebook.source_relations(s.source)) AS e) AS relations
		FROM scheduled AS s
		WHERE s.is_due
			AND scorebook.has_job_privilege(current_user, s.job_id, 'run')
	)
	SELECT coalesce(jsonb_object_agg(d.name, jsonb_build_object(
		'upstream', ARRAY(SELECT u.name FROM scheduled AS u
			WHERE u.name <> d.name AND u.is_due AND u.book && d.relations),
		'held_up_by', ARRAY(SELECT u.name FROM scheduled AS u
			WHERE NOT u.is_due AND u.last_status <> 'succeeded'
				AND u.book && d.relations))), '{}')
	INTO remaining
	FROM due AS d;

	-- those that wait for no other one come first; in a circle, any
	WHILE remaining <> '{}' LOOP
		SELECT e.key, e.value INTO next
		FROM jsonb_each(remaining) AS e
		ORDER BY e.value -> 'upstream' ?| ARRAY(SELECT jsonb_object_keys(remaining)), e.key
		LIMIT 1;
		name := next.key;
		upstream := ARRAY(SELECT jsonb_array_elements_text(next.value -> 'upstream'));
		held_up_by := ARRAY(SELECT jsonb_array_elements_text(next.value -> 'held_up_by'));
		RETURN NEXT;
		remaining := remaining - name;
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.due_jobs() IS
	'the jobs that run_due_jobs would run, in its order: which of the others they read from, and which ones that failed last time';

CREATE PROCEDURE scorebook.run_due_job(name text, INOUT succeeded boolean DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_run_due_job';

COMMENT ON PROCEDURE scorebook.run_due_job(text, boolean) IS
	'run_job, but a run that fails is a warning, and one that goes on a notice; null: runs nothing';

CREATE PROCEDURE scorebook.run_due_jobs()
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON PROCEDURE scorebook.run_due_jobs() IS
	'runs the jobs that are due by their schedules, those that others read from first';

-- Without a search_path of its own, as a procedure that ends transactions must
-- be.  What reads from a job that has not succeeded stays due.
CREATE PROCEDURE scorebook.run_due_jobs_internal()
LANGUAGE plpgsql
AS $$
DECLARE
	job record;
	held_up_by text[];
	not_run text[] := '{}';
	succeeded boolean;
BEGIN
	-- also where nothing is due, throws inside a transaction block
	CALL scorebook.run_due_job(NULL, succeeded);
	FOR job IN SELECT d.* FROM scorebook.due_jobs() AS d LOOP
		held_up_by := ARRAY(
			SELECT pg_catalog.quote_ident(u)
			FROM pg_catalog.unnest(job.upstream) AS u
			WHERE u OPERATOR(pg_catalog.=) ANY (not_run)
			UNION ALL
			SELECT pg_catalog.quote_ident(u)
			FROM pg_catalog.unnest(job.held_up_by) AS u);
		succeeded := false;
		IF pg_catalog.cardinality(held_up_by) OPERATOR(pg_catalog.=) 0 THEN
			CALL scorebook.run_due_job(job.name, succeeded);
		ELSE
			RAISE WARNING USING
				MESSAGE = pg_catalog.format('job "%s" is skipped', job.name),
				DETAIL = pg_catalog.format('It reads the results of %s, whose last run has not succeeded.',
					pg_catalog.array_to_string(held_up_by, ', ')),
				HINT = 'See scorebook.job_run.';
		END IF;
		IF NOT succeeded THEN
			not_run := pg_catalog.array_append(not_run, job.name);
		END IF;
	END LOOP;
END
$$;

COMMENT ON PROCEDURE scorebook.run_due_jobs_internal() IS
	'what run_due_jobs does';

CREATE VIEW scorebook.job WITH (security_invoker) AS
SELECT j.job_id, j.name, j.owner, j.model, j.source, j.key, j.keep, j.max_vanished, j.result, j.schedule, j.scheduler, j.timezone,
	(SELECT f FROM scorebook.next_firings(j.schedule, j.timezone, now(), 1) AS f WHERE j.scheduled_at IS NOT NULL) AS next_run,
	-- who does not see runs must not be told that there was none
	CASE WHEN scorebook.may_read_job(j.owner, j.result) OR scorebook.has_job_privilege(current_user, j.job_id, 'run')
		THEN scorebook.due_since(j.schedule, j.timezone, j.scheduler, j.scheduled_at, r.started_at) END AS overdue_since,
	r.run AS last_run, r.status AS last_status, r.started_at AS last_started_at,
	r.finished_at AS last_finished_at, r.rows_scored AS last_rows_scored,
	r.rows_changed AS last_rows_changed, r.rows_failed AS last_rows_failed,
	r.sqlstate AS last_sqlstate, r.message AS last_message
FROM scorebook.registered_job AS j
	LEFT JOIN LATERAL
		(SELECT r.run, r.started_at, r.finished_at, r.rows_scored, r.rows_changed, r.rows_failed,
			r.sqlstate, r.message,
			CASE WHEN r.status = 'running' AND NOT scorebook.run_is_alive(r.job_id) THEN 'crashed'
				 ELSE r.status END AS status
		 FROM scorebook.run AS r
		 WHERE r.job_id = j.job_id AND r.kind = 'run'
		 ORDER BY r.run DESC
		 LIMIT 1) AS r ON true
WHERE j.dropped_at IS NULL;

COMMENT ON VIEW scorebook.job IS
	'the jobs, when they are run next, and how the last run of each went';
COMMENT ON COLUMN scorebook.job.next_run IS
	'by its schedule; null where it has none, or pg_cron was not told since the job was restored from a dump';
COMMENT ON COLUMN scorebook.job.overdue_since IS
	'when it should have been run, and has not been; null: it is not late';
