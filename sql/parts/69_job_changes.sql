-- Changing and ending jobs, and what else a change may break.

-- What of a job can be changed without making it another one.
CREATE FUNCTION scorebook.changeable_options()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ARRAY['model', 'effective_at', 'exclude', 'watermark', 'on_error', 'max_errors', 'max_duration',
		'max_rows', 'max_vanished', 'timezone', 'scaling', 'reasons', 'shadows', 'split', 'retain',
		'retain_inputs']
$$;

COMMENT ON FUNCTION scorebook.changeable_options() IS
	'the options that alter_job takes';

-- One option after the other, so that an error names the one that is wrong.
CREATE FUNCTION scorebook.changed_job(job scorebook.registered_job, options jsonb)
RETURNS scorebook.registered_job
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	option record;
	reason text;
BEGIN
	FOR option IN SELECT o.key AS name, o.value FROM jsonb_each(options) AS o ORDER BY o.key LOOP
		reason := CASE
			WHEN jsonb_typeof(option.value) IN ('object', 'array') AND option.name NOT IN ('scaling', 'split', 'shadows')
				THEN format('it is a JSON %s', jsonb_typeof(option.value)) END;
		IF reason IS NULL THEN
			BEGIN
				job := jsonb_populate_record(job, jsonb_build_object(option.name, option.value));
				CONTINUE;
			EXCEPTION WHEN data_exception THEN
				reason := SQLERRM;
			END;
		END IF;
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('%s of job "%s" cannot be %s', option.name, job.name, option.value),
			DETAIL = upper(left(reason, 1)) || substr(reason, 2) || '.',
			HINT = scorebook.option_hint(option.name);
	END LOOP;
	job.shadows := coalesce(job.shadows, '{}');
	RETURN job;
END
$$;

COMMENT ON FUNCTION scorebook.changed_job(scorebook.registered_job, jsonb) IS
	'a job with options changed; throws where one has a value of another type';

CREATE FUNCTION scorebook.alter_job(name text, options jsonb)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.alter_job(text, jsonb) IS
	'changes options of a job, {"exclude": "objected", "max_rows": null}; the next run follows them';

CREATE FUNCTION scorebook.alter_job_internal(name text, options jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job scorebook.registered_job := scorebook.find_own_job(name);
	unknown text;
BEGIN
	IF jsonb_typeof(options) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the options of job "%s" must be a JSON object', name),
			HINT = 'For example, {"exclude": "objected", "max_rows": null}.';
	END IF;
	SELECT string_agg(quote_ident(k), ', ' ORDER BY k) INTO unknown
	FROM jsonb_object_keys(options) AS k
	WHERE k <> ALL (scorebook.changeable_options());
	IF unknown IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('cannot change options of job "%s": %s', name, unknown),
			HINT = format('Those that can are %s. Cutoffs and bands have set_cutoffs and set_bands, a schedule has schedule_job; for others make a new job.',
				array_to_string(scorebook.changeable_options(), ', '));
	END IF;
	IF jsonb_path_exists(options, 'strict $.shadows ? (@.type() <> "null" && (@.type() <> "array"'
			' || exists (@[*] ? (@.type() <> "string"))))', silent => true) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('the shadows of job "%s" must be a JSON array of references', name),
			HINT = 'For example, {"shadows": ["credit_risk@challenger"]}, or {"shadows": []} for none.';
	END IF;
	job := scorebook.changed_job(job, options);
	PERFORM scorebook.check_job(job);
	IF job.shadow IS NULL AND cardinality(job.shadows) > 0 THEN
		PERFORM scorebook.create_shadow_book(job);
	END IF;
	PERFORM scorebook.change_job(name, options);
	IF options ? 'timezone' AND job.schedule IS NOT NULL THEN
		PERFORM scorebook.change_schedule(name, job.schedule, job.scheduler);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.alter_job_internal(text, jsonb) IS
	'what alter_job does';

CREATE FUNCTION scorebook.change_job(name text, options jsonb)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.change_job(text, jsonb) IS
	'what alter_job does last';

CREATE FUNCTION scorebook.change_job_internal(caller name, name text, options jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job scorebook.registered_job := scorebook.find_job_internal(caller, name);
	option text;
	missing text;
BEGIN
	-- what another one has changed meanwhile stays
	PERFORM FROM scorebook.registered_job AS j WHERE j.job_id = job.job_id FOR UPDATE;
	job := scorebook.find_job_internal(caller, name);
	-- nothing else of a job may be changed, whoever calls this
	job := scorebook.changed_job(job, (
		SELECT coalesce(jsonb_object_agg(o.key, o.value), '{}')
		FROM jsonb_each(options) AS o
		WHERE o.key = ANY (scorebook.changeable_options())));
	IF job.shadow IS NULL AND cardinality(job.shadows) > 0 THEN
		job.shadow := scorebook.shadow_table(job, '_shadow')::regclass;
		job.shadow_history := scorebook.shadow_table(job, '_shadow_history')::regclass;
		PERFORM scorebook.check_own_tables_internal(job.owner, job);
	END IF;
	IF options ?| '{model,shadows,split}' THEN
		PERFORM scorebook.check_split_shares(name, job.split);
		PERFORM scorebook.lock_models_internal(caller, job);
	END IF;
	PERFORM scorebook.check_scaling(name, job.scaling, job.model);
	PERFORM scorebook.check_points_internal(job);
	PERFORM scorebook.check_reasons(job, scorebook.num_reasons_internal(job));
	PERFORM scorebook.check_retention_internal(job);
	-- who looks at all schedules must not fail for this one
	PERFORM now() AT TIME ZONE job.timezone;
	UPDATE scorebook.registered_job AS j
	SET model = job.model, effective_at = job.effective_at, exclude = job.exclude,
		watermark = job.watermark, on_error = job.on_error, max_errors = job.max_errors,
		max_duration = job.max_duration, max_rows = job.max_rows,
		max_vanished = job.max_vanished, timezone = job.timezone,
		scaling = job.scaling, reasons = job.reasons, split = job.split, shadows = job.shadows,
		shadow = job.shadow, shadow_history = job.shadow_history, retain = job.retain,
		retain_inputs = job.retain_inputs
	WHERE j.job_id = job.job_id;
	INSERT INTO scorebook.job_definition (job_id, revision, definition, defined_at, defined_by)
	SELECT job.job_id, max(d.revision) + 1, to_jsonb(job), now(), caller
	FROM scorebook.job_definition AS d
	WHERE d.job_id = job.job_id;
EXCEPTION WHEN check_violation OR not_null_violation THEN
	GET STACKED DIAGNOSTICS option = CONSTRAINT_NAME, missing = COLUMN_NAME;
	option := coalesce(nullif(missing, ''), regexp_replace(option, '^registered_job_|_check$', '', 'g'));
	RAISE EXCEPTION USING
		ERRCODE = 'invalid_parameter_value',
		MESSAGE = format('%s of job "%s" cannot be %s', option, name,
			coalesce((to_jsonb(job) -> option)::text, 'null')),
		HINT = scorebook.option_hint(option);
END
$$;

COMMENT ON FUNCTION scorebook.change_job_internal(name, text, jsonb) IS
	'what change_job does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.drop_job(name text, keep_book boolean DEFAULT true)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.drop_job(text, boolean) IS
	'ends a job; its book stays and can be read as of any time, unless keep_book is false';

CREATE FUNCTION scorebook.drop_job_internal(name text, keep_book boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job constant scorebook.registered_job :=
		CASE WHEN keep_book THEN scorebook.find_own_job(name) ELSE scorebook.find_own_book(name) END;
	part regclass;
BEGIN
	IF EXISTS (SELECT FROM scorebook.stream AS s WHERE s.job_id = job.job_id) THEN
		PERFORM scorebook.unstream_job(name);
	END IF;
	PERFORM scorebook.unregister_job(name, keep_book);
	IF NOT keep_book THEN
		-- all of these are gone where somebody has dropped the result table
		IF scorebook.as_of_function(job) IS NOT NULL THEN
			EXECUTE format('DROP FUNCTION IF EXISTS %s(timestamp with time zone)', scorebook.as_of_function(job));
			EXECUTE format('DROP VIEW IF EXISTS %s', scorebook.status_view(job));
		END IF;
		FOR part IN
			SELECT c.oid FROM pg_class AS c
			WHERE c.oid IN (job.result, job.history, job.shadow, job.shadow_history)
		LOOP
			EXECUTE format('DROP TABLE %s', part);
		END LOOP;
		-- the view of a query, which create_job has made
		FOR part IN
			SELECT c.oid FROM pg_class AS c
			WHERE c.oid = job.source AND c.relkind = 'v' AND c.relname = job.name || '_source'
		LOOP
			EXECUTE format('DROP VIEW %s', part);
		END LOOP;
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.drop_job_internal(text, boolean) IS
	'what drop_job does';

CREATE FUNCTION scorebook.unregister_job(name text, keep_book boolean)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.unregister_job(text, boolean) IS
	'what drop_job does to the records';

CREATE FUNCTION scorebook.unregister_job_internal(caller name, name text, keep_book boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job constant scorebook.registered_job := CASE WHEN keep_book THEN scorebook.find_job_internal(caller, name)
		ELSE scorebook.find_own_book_internal(caller, name) END;
BEGIN
	PERFORM scorebook.keep_runs_out_internal(job.job_id, job.name);
	-- pulls and streams that are going on write records, too
	IF NOT keep_book AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = job.result) THEN
		EXECUTE format('LOCK TABLE %s', job.result);
	END IF;
	UPDATE scorebook.registered_job AS j
	SET dropped_at = now(), schedule = NULL, scheduler = NULL, scheduled_at = NULL
	WHERE j.job_id = job.job_id;
	DELETE FROM scorebook.job_grant AS g WHERE g.job_id = job.job_id;
	IF keep_book THEN
		RETURN;
	END IF;
	DELETE FROM scorebook.tombstone AS t WHERE t.job_id = job.job_id;
	DELETE FROM scorebook.erasure_secret AS s WHERE s.job_id = job.job_id;
	DELETE FROM scorebook.amendment AS a WHERE a.job_id = job.job_id;
	DELETE FROM scorebook.retention_action AS a WHERE a.job_id = job.job_id;
	DELETE FROM scorebook.row_error AS e WHERE e.job_id = job.job_id;
	DELETE FROM scorebook.run_model AS m
	USING scorebook.run AS r WHERE r.run = m.run AND r.job_id = job.job_id;
	DELETE FROM scorebook.run AS r WHERE r.job_id = job.job_id;
	DELETE FROM scorebook.moment AS m WHERE m.timeline_id = job.timeline_id;
	DELETE FROM scorebook.timeline AS t WHERE t.timeline_id = job.timeline_id;
	DELETE FROM scorebook.cutoff AS c WHERE c.job_id = job.job_id;
	DELETE FROM scorebook.band AS b WHERE b.job_id = job.job_id;
	DELETE FROM scorebook.job_definition AS d WHERE d.job_id = job.job_id;
	DELETE FROM scorebook.registered_job AS j WHERE j.job_id = job.job_id;
END
$$;

COMMENT ON FUNCTION scorebook.unregister_job_internal(name, text, boolean) IS
	'what unregister_job does, with the rights of the extension''s owner';

-- Before an alias moves: the jobs that score with it must go on, unless their
-- source is gone.
CREATE FUNCTION scorebook.check_alias_move() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	moving constant text := (SELECT m.name FROM scorebook.model AS m WHERE m.model_id = NEW.model_id);
	ref constant text := moving || '/' || NEW.version;
	uses constant text[] := ARRAY[moving || '@' || NEW.alias, CASE NEW.alias WHEN 'champion' THEN moving END];
	job scorebook.registered_job;
	shape record;
	broken text;
	problem text;
	blind text;
BEGIN
	IF EXISTS (SELECT FROM scorebook.model_version AS v
			WHERE v.model_id = NEW.model_id AND v.version <> NEW.version
				AND NEW.reason IN (v.version::text, moving || '/' || v.version)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('alias "%s" of model "%s" would move to version %s, with "%s" as the reason',
				NEW.alias, moving, NEW.version, NEW.reason),
			HINT = format('The version belongs in the reference: scorebook.set_alias(''%s/%s'', ''%s'').',
				moving, substring(NEW.reason FROM '[0-9]+$'), NEW.alias);
	END IF;
	FOR job IN
		SELECT j.*
		FROM scorebook.registered_job AS j
			JOIN pg_class AS c ON c.oid = j.source
		WHERE j.dropped_at IS NULL
			AND (j.model = ANY (uses) OR (scorebook.model_of_reference(j.model) = moving AND j.split ? NEW.alias))
		ORDER BY j.name
	LOOP
		shape := scorebook.result_shape(ref);
		problem := NULL;
		IF job.has_scores <> (shape.width > 1) OR job.has_class <> (shape.classes > 2) THEN
			problem := format('%s values a row and %s classes', shape.width, shape.classes);
		ELSE
			SELECT format('column "%s": %s', i."column", i.verdict) INTO problem
			FROM scorebook.input_map(ref, job.source) AS i
			WHERE i.verdict <> 'ok'
			LIMIT 1;
		END IF;
		IF problem IS NULL AND scorebook.num_reasons_internal(job) > 0 THEN
			problem := scorebook.explanation_problem(ref);
		END IF;
		IF problem IS NOT NULL THEN
			broken := concat_ws('; ', broken, format('"%s" (%s)', job.name, problem));
		END IF;
	END LOOP;
	IF broken IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_in_use',
			MESSAGE = format('version %s of model "%s" does not fit all jobs that use the alias "%s"',
				NEW.version, moving, NEW.alias),
			DETAIL = format('It would break: %s.', broken),
			HINT = 'Change their sources first, or give the version an alias of its own and make jobs for it.';
	END IF;
	-- what a shadow cannot do is no reason for the alias to stay
	SELECT string_agg(format('"%s" (column "%s": %s)', j.name, i."column", i.verdict), '; ' ORDER BY j.name) INTO blind
	FROM scorebook.registered_job AS j
		JOIN pg_class AS c ON c.oid = j.source,
		LATERAL (SELECT i.* FROM scorebook.input_map(ref, j.source) AS i WHERE i.verdict <> 'ok' LIMIT 1) AS i
	WHERE j.dropped_at IS NULL AND j.shadows && uses;
	IF blind IS NOT NULL THEN
		RAISE WARNING USING
			MESSAGE = format('version %s of model "%s" cannot score the sources of all jobs that have the alias "%s" as a shadow',
				NEW.version, moving, NEW.alias),
			DETAIL = format('It will say nothing beside %s.', blind),
			HINT = 'Change their sources, or their shadows with scorebook.alter_job.';
	END IF;
	RETURN NEW;
END
$$;

COMMENT ON FUNCTION scorebook.check_alias_move() IS
	'trigger: an alias does not move to a version that breaks a job, or that was not meant';

-- Not while a restore brings the moves of old: they come in any order.
CREATE TRIGGER alias_check BEFORE INSERT ON scorebook.alias
	FOR EACH ROW WHEN (NEW.moved_at = transaction_timestamp())
	EXECUTE FUNCTION scorebook.check_alias_move();

-- Before a version goes out of service: the jobs that name it must go on.
-- Aliases of it are in the way by themselves.
CREATE FUNCTION scorebook.check_retirement() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	retiring constant text := (SELECT m.name FROM scorebook.model AS m WHERE m.model_id = NEW.model_id);
	ref constant text := retiring || '/' || NEW.version;
	needing text;
BEGIN
	SELECT string_agg(format(CASE j.model WHEN ref THEN '"%s"' ELSE '"%s" (as a shadow)' END, j.name), ', '
		ORDER BY j.name) INTO needing
	FROM scorebook.registered_job AS j
	WHERE j.dropped_at IS NULL AND ref = ANY (j.model || j.shadows);
	IF needing IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_in_use',
			MESSAGE = format('version %s of model "%s" is in service', NEW.version, retiring),
			DETAIL = format('Jobs that score with it: %s.', needing),
			HINT = 'Give them another model or other shadows first, with scorebook.alter_job, or drop them.';
	END IF;
	RETURN NEW;
END
$$;

COMMENT ON FUNCTION scorebook.check_retirement() IS
	'trigger: a version that a job names is not retired';

-- Not while a restore brings those of old.
CREATE TRIGGER retirement_check BEFORE INSERT ON scorebook.retirement
	FOR EACH ROW WHEN (NEW.retired_at = transaction_timestamp())
	EXECUTE FUNCTION scorebook.check_retirement();

-- Before a model goes: what jobs said with it must stay proven.
CREATE FUNCTION scorebook.check_model_drop() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	needing text;
BEGIN
	SELECT string_agg(format('"%s"', j.name), ', ' ORDER BY j.name) INTO needing
	FROM scorebook.registered_job AS j
	WHERE EXISTS (SELECT FROM pg_class AS c WHERE c.oid = j.result)
		AND ((j.dropped_at IS NULL
				AND EXISTS (SELECT FROM unnest(j.model || j.shadows) AS s (ref)
					WHERE scorebook.model_of_reference(s.ref) = OLD.name))
			OR EXISTS (SELECT FROM scorebook.run AS r LEFT JOIN scorebook.run_model AS m USING (run)
				WHERE r.job_id = j.job_id AND r.status = 'succeeded'
					AND OLD.model_id IN (r.model_id, m.model_id)));
	IF needing IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'dependent_objects_still_exist',
			MESSAGE = format('cannot drop model "%s" because jobs need it', OLD.name),
			DETAIL = format('These score with it, or have its scores in their books: %s.', needing),
			HINT = 'Retire its versions with scorebook.retire_version; or drop the jobs with their books first, also those that were dropped without: scorebook.drop_job(name, keep_book => false).';
	END IF;
	RETURN OLD;
END
$$;

COMMENT ON FUNCTION scorebook.check_model_drop() IS
	'trigger: a model that a job needs, or a book to be replayed, is not dropped';

CREATE TRIGGER drop_check BEFORE DELETE ON scorebook.model
	FOR EACH ROW EXECUTE FUNCTION scorebook.check_model_drop();

CREATE FUNCTION scorebook.rollback(model text, alias text DEFAULT 'champion', reason text DEFAULT NULL)
RETURNS integer
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.rollback(text, text, text) IS
	'points an alias back to the version that it pointed to before, and returns that';

CREATE FUNCTION scorebook.rollback_internal(caller name, model text, alias text, reason text)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id constant integer := scorebook.lock_model_internal(caller, model, 'manage');
	last record;
	before integer;
BEGIN
	SELECT a.move, a.version INTO last
	FROM scorebook.alias AS a
	WHERE a.model_id = id AND a.alias = rollback_internal.alias
	ORDER BY a.move DESC
	LIMIT 1;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('model "%s" has no alias "%s"', model, alias),
			HINT = 'Aliases are listed in scorebook.alias.';
	END IF;
	-- what was there before the version that is there now came; two rollbacks
	-- go back two versions
	SELECT a.version INTO before
	FROM scorebook.alias AS a
	WHERE a.model_id = id AND a.alias = rollback_internal.alias
		AND a.move < (SELECT min(f.move) FROM scorebook.alias AS f
			WHERE f.model_id = id AND f.alias = rollback_internal.alias AND f.version = last.version)
	ORDER BY a.move DESC
	LIMIT 1;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('alias "%s" of model "%s" has pointed to no version before %s', alias, model,
				last.version),
			HINT = 'scorebook.set_alias points it to any version.';
	END IF;
	PERFORM scorebook.set_alias_internal(caller, model || '/' || before, alias,
		coalesce(reason, 'rolled back'));
	RETURN before;
END
$$;

COMMENT ON FUNCTION scorebook.rollback_internal(name, text, text, text) IS
	'what rollback does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.alias_at(model text, alias text, at timestamp with time zone)
RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.version
	FROM scorebook.alias AS a JOIN scorebook.model AS m ON m.model_id = a.model_id
	WHERE m.name = model AND a.alias = alias_at.alias AND a.moved_at <= at
	ORDER BY a.move DESC
	LIMIT 1
$$;

COMMENT ON FUNCTION scorebook.alias_at(text, text, timestamp with time zone) IS
	'the version that an alias pointed to at a time; null: none';
