-- Runs: what wrote into a book, from what, and how it went.

CREATE TABLE scorebook.run
(
	run				bigint NOT NULL,
	job_id			integer NOT NULL,
	revision		integer NOT NULL,
	kind			text NOT NULL,
	status			text NOT NULL,
	effective_at	timestamp with time zone NOT NULL,
	only_changed	boolean NOT NULL,
	started_at		timestamp with time zone NOT NULL,
	started_by		name NOT NULL,
	finished_at		timestamp with time zone,
	pid				integer NOT NULL,
	system_from		timestamp with time zone,
	snapshot		text,
	snapshot_at		timestamp with time zone,
	model			text,
	model_id		integer,
	version			integer,
	sha256			bytea,
	engine			text,
	verification	integer,
	library_version	text,
	scorebook_version text NOT NULL,
	source			jsonb,
	watermark		text,
	rows_read		bigint,
	rows_scored		bigint,
	rows_changed	bigint,
	rows_confirmed	bigint,
	rows_closed		bigint,
	rows_failed		bigint,
	rows_excluded	bigint,
	rows_erased		bigint,
	rows_overtaken	bigint,
	rows_written	bigint,
	rows_ended		bigint,
	digest			numeric,
	phases			jsonb,
	sqlstate		text,
	message			text,
	failed_key		text,
	failed_key_digest bigint,
	CONSTRAINT run_pkey PRIMARY KEY (run),
	CONSTRAINT run_kind_check CHECK (kind IN ('run', 'decision', 'pull', 'stream')),
	CONSTRAINT run_status_check CHECK (status IN ('running', 'succeeded', 'failed', 'crashed'))
);

CREATE INDEX run_job_id_idx ON scorebook.run (job_id, run);
CREATE INDEX run_job_id_revision_run_idx ON scorebook.run (job_id, revision, run);
-- pulls and streams are many
CREATE INDEX run_whole_idx ON scorebook.run (job_id, run) WHERE kind IN ('run', 'decision');

COMMENT ON TABLE scorebook.run IS
	'what wrote, or tried to write, into the book of a job: from what, with which model, and how it went';
COMMENT ON COLUMN scorebook.run.kind IS
	'run: all of the source; decision: the book''s scores, by other cutoffs, bands or points; pull: one subject; stream: what a statement has changed';
COMMENT ON COLUMN scorebook.run.status IS
	'running, succeeded, failed or crashed; the view job_run knows at once that a run has crashed';
COMMENT ON COLUMN scorebook.run.effective_at IS
	'the time that its rows are about, unless the job takes it from each row; of a pull, that of the row';
COMMENT ON COLUMN scorebook.run.system_from IS
	'that of the rows that it wrote, unless the row before is younger';
COMMENT ON COLUMN scorebook.run.snapshot IS
	'the one that the source was read under, as pg_current_snapshot shows it';
COMMENT ON COLUMN scorebook.run.library_version IS
	'the XGBoost that has scored rows, or explained them; null: none has';
COMMENT ON COLUMN scorebook.run.source IS
	'the relations that the source read from: name, oid, kind and, of a view, the SHA-256 of its definition';
COMMENT ON COLUMN scorebook.run.rows_read IS
	'rows of the source; the sum of scored, failed, excluded and erased';
COMMENT ON COLUMN scorebook.run.rows_changed IS
	'scored rows that are new or differ from what the book had; the others are confirmed or overtaken';
COMMENT ON COLUMN scorebook.run.rows_closed IS
	'rows that ended because the source has their key no more, or they are excluded';
COMMENT ON COLUMN scorebook.run.rows_erased IS
	'rows that were skipped, as their keys are in scorebook.tombstone';
COMMENT ON COLUMN scorebook.run.failed_key_digest IS
	'scorebook.key_digest of the key, which does not depend on how it is shown';
COMMENT ON COLUMN scorebook.run.rows_overtaken IS
	'rows that others have written since the snapshot; they stay as they are';
COMMENT ON COLUMN scorebook.run.digest IS
	'sum of scorebook.row_digest over the rows that it wrote, and of scorebook.end_digest over those that it ended, modulo 2^64';
COMMENT ON COLUMN scorebook.run.phases IS
	'what took how long, in milliseconds: prepare, score and write one after the other; reasons and shadows are parts of score';

-- The columns of run are those of the job's model; here is everyone who scored.
CREATE TABLE scorebook.run_model
(
	run				bigint NOT NULL,
	role			text NOT NULL,
	ref				text NOT NULL,
	model_id		integer,
	version			integer,
	sha256			bytea,
	engine			text,
	verification	integer,
	library_version	text,
	rows_scored		bigint NOT NULL,
	rows_failed		bigint NOT NULL,
	rows_written	bigint,
	rows_ended		bigint,
	digest			numeric,
	sqlstate		text,
	message			text,
	CONSTRAINT run_model_pkey PRIMARY KEY (run, role, ref),
	CONSTRAINT run_model_role_check CHECK (role IN ('served', 'split', 'shadow'))
);

COMMENT ON TABLE scorebook.run_model IS
	'the models of each run: which version each reference stood for, what served it, and what became of it';
COMMENT ON COLUMN scorebook.run_model.role IS
	'served: the job''s model; split: another alias of it, for its share of the keys; shadow: a challenger';
COMMENT ON COLUMN scorebook.run_model.model_id IS
	'null where the model of a shadow could not be had';
COMMENT ON COLUMN scorebook.run_model.library_version IS
	'the XGBoost that has scored rows, or explained them; null: none has';
COMMENT ON COLUMN scorebook.run_model.rows_failed IS
	'rows that a shadow could not score; those of the others are in run and row_error';
COMMENT ON COLUMN scorebook.run_model.rows_written IS
	'of a shadow, rows that its table was given';
COMMENT ON COLUMN scorebook.run_model.rows_ended IS
	'of a shadow, rows that went to its history';
COMMENT ON COLUMN scorebook.run_model.digest IS
	'of a shadow, what run.digest is of the job';
COMMENT ON COLUMN scorebook.run_model.sqlstate IS
	'of the first error of a shadow; one without failed rows has ended the shadow for this run';

CREATE TABLE scorebook.row_error
(
	run			bigint NOT NULL,
	job_id		integer NOT NULL,
	key			text NOT NULL,
	key_digest	bigint NOT NULL,
	sqlstate	text NOT NULL,
	message		text NOT NULL,
	detail		text
);

CREATE INDEX row_error_run_idx ON scorebook.row_error (run);
CREATE INDEX row_error_job_id_key_digest_idx ON scorebook.row_error (job_id, key_digest);

COMMENT ON TABLE scorebook.row_error IS
	'rows that a run could not score, by their keys';
COMMENT ON COLUMN scorebook.row_error.key IS
	'as in the message of a unique constraint: (customer_id)=(17)';
COMMENT ON COLUMN scorebook.row_error.key_digest IS
	'scorebook.key_digest of the key, which does not depend on how it is shown';

CREATE TRIGGER run_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON scorebook.run
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.guard_record();
CREATE TRIGGER run_model_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON scorebook.run_model
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.guard_record();

SELECT pg_catalog.pg_extension_config_dump('scorebook.run', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.run_model', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.row_error', '');

CREATE PROCEDURE scorebook.run_job(name text, effective_at timestamp with time zone DEFAULT NULL,
	only_changed boolean DEFAULT false, wait boolean DEFAULT false)
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_run_job';

COMMENT ON PROCEDURE scorebook.run_job(text, timestamp with time zone, boolean, boolean) IS
	'scores the source of a job into its book, in transactions of its own';

CREATE FUNCTION scorebook.run_job_in_transaction(name text,
	effective_at timestamp with time zone DEFAULT NULL, only_changed boolean DEFAULT false,
	wait boolean DEFAULT false)
RETURNS bigint
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_run_job_in_transaction';

COMMENT ON FUNCTION scorebook.run_job_in_transaction(text, timestamp with time zone, boolean, boolean) IS
	'run_job as a part of the transaction; returns the run';

CREATE FUNCTION scorebook.row_digest(VARIADIC "any")
RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_row_digest';

COMMENT ON FUNCTION scorebook.row_digest("any") IS
	'a hash of the values of a row of a book: key, effective_at, outputs, reasons, version and inputs';

-- Of the row itself, too, so that nobody can find the key of one that was erased
-- by trying all keys.  That a row was superseded is proven by the next one.
CREATE FUNCTION scorebook.end_digest(row_digest bigint, end_reason text)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN end_reason OPERATOR(pg_catalog.<>) 'superseded'
	THEN scorebook.row_digest(row_digest, end_reason) ELSE 0 END;

COMMENT ON FUNCTION scorebook.end_digest(bigint, text) IS
	'a hash of why a row of a book ended, and of the row; 0: it was superseded';

CREATE FUNCTION scorebook.run_is_alive(job_id integer)
RETURNS boolean
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_run_is_alive';

COMMENT ON FUNCTION scorebook.run_is_alive(integer) IS
	'is a run of the job going on?';

CREATE FUNCTION scorebook.keep_runs_out_internal(job_id integer, name text)
RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_keep_runs_out';

COMMENT ON FUNCTION scorebook.keep_runs_out_internal(integer, text) IS
	'no run of the job begins before the end of the transaction; throws where one is going on';

CREATE FUNCTION scorebook.find_job(name text)
RETURNS scorebook.registered_job
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job scorebook.registered_job;
BEGIN
	SELECT j.* INTO job FROM scorebook.registered_job AS j WHERE j.name = find_job.name AND j.dropped_at IS NULL;
	IF NOT FOUND THEN
		PERFORM scorebook.refuse_job(name, false);
	END IF;
	RETURN job;
END
$$;

COMMENT ON FUNCTION scorebook.find_job(text) IS
	'the job of a name; throws where the current role sees none';

-- For what only the owner may do: nothing else is looked at before that.
CREATE FUNCTION scorebook.find_own_job(name text)
RETURNS scorebook.registered_job
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.find_own_job(text) IS
	'the job of a name; throws where it is not one of the current role';

-- The job of a name, for a role that has the privilege.
CREATE FUNCTION scorebook.find_job_internal(caller name, name text, privilege text DEFAULT 'own')
RETURNS scorebook.registered_job
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job scorebook.registered_job;
BEGIN
	job := scorebook.find_job(name);
	PERFORM scorebook.check_job_privilege_internal(caller, job, privilege);
	RETURN job;
END
$$;

COMMENT ON FUNCTION scorebook.find_job_internal(name, text, text) IS
	'the job of a name, after checking that the role has the privilege';

CREATE FUNCTION scorebook.find_own_job_internal(caller name, name text)
RETURNS scorebook.registered_job
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN scorebook.find_job_internal(caller, name, 'own');
END
$$;

COMMENT ON FUNCTION scorebook.find_own_job_internal(name, text) IS
	'what find_own_job does, with the rights of the extension''s owner';

-- Runs and decisions hold the lock on the job: what still is running has crashed.
CREATE FUNCTION scorebook.begin_run_internal(caller name, id integer, kind text,
	effective_at timestamp with time zone, only_changed boolean)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	number bigint;
	by_row record;
BEGIN
	IF NOT EXISTS (SELECT FROM scorebook.registered_job AS j WHERE j.job_id = id AND j.dropped_at IS NULL) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = 'the job was concurrently dropped';
	END IF;
	IF kind = 'run' AND effective_at IS NOT NULL THEN
		SELECT j.name, j.effective_at AS expression INTO by_row
		FROM scorebook.registered_job AS j
		WHERE j.job_id = id AND j.effective_at IS NOT NULL;
		IF FOUND THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('job "%s" takes effective_at from each row', by_row.name),
				DETAIL = format('The time that a row is about is %s.', by_row.expression),
				HINT = 'Leave effective_at out, or change the job: scorebook.alter_job(..., ''{"effective_at": null}'').';
		END IF;
	END IF;
	IF NOT isfinite(effective_at) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'datetime_field_overflow',
			MESSAGE = format('the effective_at of a run cannot be %s', effective_at),
			HINT = 'Give the time that the rows are about, or leave it out: then it is now.';
	END IF;
	IF kind IN ('run', 'decision') THEN
		UPDATE scorebook.run AS r
		SET status = 'crashed', finished_at = clock_timestamp()
		WHERE r.job_id = id AND r.status = 'running' AND r.kind IN ('run', 'decision');
	END IF;
	INSERT INTO scorebook.run (run, job_id, revision, kind, status, effective_at, only_changed,
		started_at, started_by, pid, scorebook_version)
	VALUES (nextval('scorebook.writer_seq'), id,
		(SELECT max(d.revision) FROM scorebook.job_definition AS d WHERE d.job_id = id),
		kind, 'running', coalesce(effective_at, now()), only_changed, clock_timestamp(), caller,
		pg_backend_pid(),
		(SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'scorebook'))
	RETURNING run INTO number;
	RETURN number;
END
$$;

COMMENT ON FUNCTION scorebook.begin_run_internal(name, integer, text, timestamp with time zone, boolean) IS
	'writes down that a run begins, and which ones have crashed';

CREATE FUNCTION scorebook.fail_run_internal(number bigint, sqlstate text, message text, key text,
	key_digest bigint, revision integer)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE scorebook.run
	SET status = 'failed', finished_at = clock_timestamp(), sqlstate = $2, message = $3, failed_key = $4,
		failed_key_digest = $5, revision = coalesce($6, run.revision)
	WHERE run = $1
$$;

COMMENT ON FUNCTION scorebook.fail_run_internal(bigint, text, text, text, bigint, integer) IS
	'writes down how a run failed';

-- The statements of a pass of a job with a version: one that reads the source
-- beside what the book has, and those that write.  In the latter "written" and
-- "gone" are what the pass has found; $1 is the run, $2 the time of its rows.
-- In the former $1 is the effective_at of the run.  Its scope: all; watermark,
-- what has changed since the last run; subject, the row whose key is in $2;
-- features, that row as it is in $3; inserted, updated and deleted, the keys in
-- the transition tables of a trigger, "old_rows" and "new_rows"; decision, where
-- "decide" reads the book instead.
CREATE FUNCTION scorebook.pass_statements_internal(job scorebook.registered_job, scope text, low_watermark text,
	book_is_empty boolean,
	OUT read text, OUT count_old text, OUT duplicate text, OUT replace text,
	OUT add text, OUT remove text, OUT archive text, OUT digest text, OUT new_watermark text,
	OUT decide text, OUT endings text, OUT retract text, OUT compare_shadows text,
	OUT shadow_endings text, OUT write_shadows text, OUT retract_shadows text)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	each_period constant boolean := job.keep = 'each_period';
	by_row constant boolean := job.effective_at IS NOT NULL;
	key constant text := scorebook.column_list(job.key, '%I');
	row_key constant name[] := job.key || CASE WHEN each_period THEN ARRAY['effective_at'::name] ELSE '{}' END;
	columns constant name[] := ARRAY(SELECT a.attname FROM pg_attribute AS a
		WHERE a.attrelid = job.result AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum);
	-- as pass.c hands them over: without run and system_from
	given constant name[] := columns[:cardinality(columns) - 2];
	old text;
	period text;
	source text := job.source;
	changed text;
	scoped text;
	changes constant boolean := scope IN ('inserted', 'updated', 'deleted');
BEGIN
	CASE scope
		WHEN 'watermark' THEN
			IF low_watermark IS NOT NULL THEN
				scoped := format(' WHERE source.%I >= %L', job.watermark, low_watermark);
			END IF;
		WHEN 'subject' THEN
			scoped := ' WHERE ' || (
				SELECT string_agg(format('source.%1$I = (jsonb_populate_record(NULL::%2$s, $2)).%1$I', k.name, job.result), ' AND ')
				FROM unnest(job.key) AS k (name));
		WHEN 'features' THEN
			source := format('(SELECT (jsonb_populate_record(NULL::%s, $3 || $2)).*)', job.source);
		WHEN 'inserted', 'updated', 'deleted' THEN
			SELECT format('WITH changed (%s) AS (%s) ', key, string_agg(
				format('SELECT %s FROM %I', scorebook.column_list(t.columns, '%I'), r.name), ' UNION '))
			INTO changed
			FROM scorebook.streamed_table(job) AS t,
				unnest(CASE scope WHEN 'inserted' THEN ARRAY['new_rows'] WHEN 'deleted' THEN ARRAY['old_rows']
					   ELSE ARRAY['new_rows', 'old_rows'] END) AS r (name);
			scoped := format(' WHERE (%s) IN (SELECT %s FROM changed)',
				scorebook.column_list(job.key, 'source.%I'), key);
		ELSE
	END CASE;
	-- what the book has of each row
	period := CASE WHEN each_period AND by_row THEN ' AND %1$s.effective_at = s."scorebook effective_at"'
		WHEN each_period THEN ' AND %1$s.effective_at = $1' ELSE '' END;
	IF book_is_empty THEN
		-- nothing, and nothing to join with
		old := format('LEFT JOIN (SELECT NULL::tid AS ctid, n.* FROM (SELECT (NULL::%s).*) AS n) AS c ON true',
			job.result);
	ELSIF scope IN ('all', 'inserted', 'updated', 'deleted') THEN
		-- rows of one period that the source lacks come, too
		old := format('%s JOIN (SELECT o.ctid, o.* FROM %s AS o WHERE true%s%s) AS c ON %s%s',
			CASE WHEN each_period AND by_row THEN 'LEFT' ELSE 'FULL' END, job.result,
			CASE WHEN NOT by_row THEN format(period, 'o') END,
			CASE WHEN changes THEN format(' AND (%s) IN (SELECT %s FROM changed)',
				scorebook.column_list(job.key, 'o.%I'), key) END,
			scorebook.column_list(job.key, 's.%I = c.%I', ' AND '),
			CASE WHEN by_row THEN format(period, 'c') END);
	ELSE
		-- OFFSET makes it an index scan for each row; a few rows are meant, but the
		-- planner would read all of the book for one in a hundred
		old := format('LEFT JOIN LATERAL (SELECT o.ctid, o.* FROM %s AS o WHERE %s%s OFFSET 0) AS c ON true',
			job.result, scorebook.column_list(job.key, 'o.%I = s.%I', ' AND '), format(period, 'o'));
	END IF;
	read := coalesce(changed, '') || format(
		'SELECT %s, s."scorebook effective_at", s."scorebook excluded", c.ctid, c.run, c.effective_at,'
		' c.version, c.cutoff_set, c.band_set, c.points, c.%I, c.reasons, c.inputs, c.inputs_hash, s.*'
		' FROM (SELECT source.*, %s AS "scorebook effective_at", %s AS "scorebook excluded" FROM %s AS source%s) AS s'
		' %s',
		scorebook.column_list(job.key, 's.%I'),
		CASE WHEN job.has_scores THEN 'scores' ELSE 'score' END,
		CASE WHEN by_row THEN format('(%s)::timestamp with time zone', job.effective_at)
			 ELSE '$1::timestamp with time zone' END,
		CASE WHEN job.exclude IS NULL THEN 'false' ELSE format('(%s)::boolean', job.exclude) END,
		source, scoped, old);
	count_old := format('SELECT count(*) FROM %s AS c%s', job.result,
		CASE WHEN each_period AND NOT by_row THEN ' WHERE c.effective_at = $1' END);
	duplicate := format('SELECT %1$s FROM %2$s AS source WHERE (%1$s) IS NOT NULL GROUP BY %1$s%3$s'
		' HAVING count(*) > 1 LIMIT 1',
		key, job.source, CASE WHEN each_period AND by_row THEN format(', (%s)::timestamp with time zone', job.effective_at) END);
	-- A row that another one has written meanwhile has another run: a TID is not
	-- looked at again.  What a row was, archive.c reads where it stood.
	replace := format(
		'UPDATE %s AS c SET %s, run = $1,'
		' system_from = greatest($2, c.system_from + interval ''1 microsecond'') FROM written AS w'
		' WHERE c.ctid = w."scorebook ctid" AND c.run = w."scorebook run" RETURNING w."scorebook ctid"',
		job.result,
		-- the key, too: it may be equal, and yet another one, such as 1.0 and 1.00
		(SELECT string_agg(format('%I = w.%I', g.name, g.name), ', ' ORDER BY g.position)
		 FROM unnest(given) WITH ORDINALITY AS g (name, position)));
	-- Meanwhile, and while a row waits for another one of its key, others may have
	-- added the key and ended it again.  Nothing but the history tells that, and only
	-- who has the key knows that it will not tell more: so then it is given up; $2 is
	-- what "endings" gives under the snapshot of the pass.
	endings := format(
		'SELECT coalesce(array_agg(DISTINCT h.ended_by), ''{}'') FROM written AS w JOIN %s AS h ON %s'
		' WHERE w."scorebook run" IS NULL',
		job.history, scorebook.column_list(row_key, 'h.%I = w.%I', ' AND '));
	add := format(
		'INSERT INTO %s (%s, run, system_from) SELECT %s, $1, $2 FROM written AS w'
		' WHERE w."scorebook run" IS NULL ON CONFLICT (%s) DO NOTHING',
		job.result, scorebook.column_list(given, '%I'), scorebook.column_list(given, 'w.%I'),
		scorebook.column_list(row_key, '%I'));
	retract := format(
		'DELETE FROM %s AS c USING written AS w WHERE w."scorebook run" IS NULL AND c.run = $1 AND %s'
		' AND EXISTS (SELECT FROM %s AS h WHERE %s AND h.ended_by <> ALL ($2))',
		job.result, scorebook.column_list(row_key, 'c.%I = w.%I', ' AND '), job.history,
		scorebook.column_list(row_key, 'h.%I = w.%I', ' AND '));
	remove := format(
		'DELETE FROM %s AS c USING gone AS w WHERE c.ctid = w."scorebook ctid" AND c.run = w."scorebook run"'
		' RETURNING w."scorebook ctid", w.reason',
		job.result);
	archive := format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM ended', job.history,
		scorebook.column_list(columns || ARRAY['ended_by', 'system_to', 'end_reason']::name[], '%I'));
	digest := format('SELECT coalesce(sum(scorebook.row_digest(%s)), 0) %% 18446744073709551616 FROM written AS w'
		' WHERE EXISTS (SELECT FROM %s AS c WHERE c.run = $1 AND %s)',
		scorebook.column_list(given, 'w.%I'), job.result, scorebook.column_list(row_key, 'c.%I = w.%I', ' AND '));
	IF scope = 'decision' THEN
		decide := scorebook.decide_statement_internal(job, given);
	END IF;
	-- where there are no shadows any more, rows of theirs may be left, which no pull looks for
	IF job.shadow IS NOT NULL AND scope <> 'decision'
			AND (cardinality(job.shadows) > 0 OR scope NOT IN ('subject', 'features')) THEN
		SELECT s.compare, s.endings, s.write, s.retract
		INTO compare_shadows, shadow_endings, write_shadows, retract_shadows
		FROM scorebook.shadow_statements_internal(job, scope, changed) AS s;
	END IF;
	IF job.watermark IS NOT NULL THEN
		-- as JSON, as the next run may show times in another way
		new_watermark := format('SELECT to_jsonb(%s) #>> ''{}'' FROM %s AS source',
			format(CASE (SELECT a.atttypid FROM pg_attribute AS a
						 WHERE a.attrelid = job.source AND a.attname = job.watermark)
				WHEN 'timestamp with time zone'::regtype
				THEN 'CASE WHEN max(source.%1$I) > $1 THEN $1 ELSE max(source.%1$I) END'
				ELSE 'max(source.%1$I)' END, job.watermark),
			job.source);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.pass_statements_internal(scorebook.registered_job, text, text, boolean) IS
	'the statements that read the source of a job and write its book';

-- The statement that finds rows of the book whose points, decision or band are
-- not by the ranges of now, and gives what they become.
CREATE FUNCTION scorebook.decide_statement_internal(job scorebook.registered_job, given name[])
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	cutoff_set constant integer := scorebook.current_set('cutoff', job.job_id);
	band_set constant integer := scorebook.current_set('band', job.job_id);
	points constant text := CASE WHEN job.scaling IS NULL THEN 'NULL::integer'
		ELSE (SELECT format('scorebook.scaled_points(c.score, %L, %L, %L)', s.offset_points, s.factor,
				job.direction = 'higher_is_better')
			  FROM scorebook.scaling_numbers(job.scaling) AS s) END;
BEGIN
	RETURN format(
		'SELECT c.ctid AS "scorebook ctid", c.run AS "scorebook run", %s FROM %s AS c'
		' WHERE (c.cutoff_set, c.band_set, c.points) IS DISTINCT FROM (%L::integer, %L::integer, %s)',
		(SELECT string_agg(CASE g.name
				WHEN 'points' THEN points
				WHEN 'decision' THEN scorebook.label_expression('cutoff', job.job_id, points)
				WHEN 'cutoff_set' THEN format('%L::integer', cutoff_set)
				WHEN 'band' THEN scorebook.label_expression('band', job.job_id, points)
				WHEN 'band_set' THEN format('%L::integer', band_set)
				ELSE format('c.%I', g.name) END, ', ' ORDER BY g.position)
		 FROM unnest(given) WITH ORDINALITY AS g (name, position)),
		job.result, cutoff_set, band_set, points);
END
$$;

COMMENT ON FUNCTION scorebook.decide_statement_internal(scorebook.registered_job, name[]) IS
	'the statement that finds what other cutoffs, bands or points make of a book';

-- What is done to the tables of the shadows.  "compare" finds, under the snapshot
-- of the pass, where "shadowed", which they have said, differs from what they said
-- before; $1 is the effective_at of the run, $2 the shadows that have failed, whose
-- rows stay, $3 those of the job: the rows of others end.  "write" writes that,
-- as "shadow_change", down; $1 is the run, $2 the time of its rows.  Rows that others
-- have written meanwhile stay.  Tells, for each shadow, how many rows were written
-- and ended, and how many are new.  "retract" gives up rows as that of the book does;
-- $1 is the run, $2 what "endings" gives, $3 what "write" has told, which is
-- corrected.  changed is the WITH clause of a scope that is one of keys.
CREATE FUNCTION scorebook.shadow_statements_internal(job scorebook.registered_job, scope text, changed text,
	OUT compare text, OUT endings text, OUT write text, OUT retract text)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	each_period constant boolean := job.keep = 'each_period';
	row_key constant name[] := job.key || CASE WHEN each_period THEN ARRAY['effective_at'::name] ELSE '{}' END
		|| 'served'::name;
	said constant name[] := ARRAY['served'::name] || job.key || '{effective_at,scores,class,version}'::name[];
	columns constant name[] := said || '{run,system_from}'::name[];
	-- a key that comes twice, and cannot be scored, fails no run
	shadowed constant text := CASE WHEN scorebook.key_is_unique_internal(job) THEN 'shadowed'
		ELSE format('(SELECT DISTINCT ON (%1$s) w.* FROM shadowed AS w ORDER BY %1$s)',
			scorebook.column_list(row_key, 'w.%I')) END;
	ended_before constant text := format('%s AS h WHERE %s', job.shadow_history,
		scorebook.column_list(row_key, 'h.%I = w.%I', ' AND '));
	pairs text;
BEGIN
	-- joined as the source and the book are
	IF scope IN ('all', 'inserted', 'updated', 'deleted') THEN
		pairs := format('(SELECT o.ctid, o.* FROM %s AS o%s) AS c %s JOIN %s AS w ON %s', job.shadow,
			CASE WHEN changed IS NOT NULL THEN format(' WHERE (%s) IN (SELECT %s FROM changed)',
				scorebook.column_list(job.key, 'o.%I'), scorebook.column_list(job.key, '%I')) END,
			CASE WHEN each_period AND job.effective_at IS NOT NULL THEN 'RIGHT' ELSE 'FULL' END,
			shadowed, scorebook.column_list(row_key, 'c.%I = w.%I', ' AND '));
	ELSE
		pairs := format('%s AS w LEFT JOIN LATERAL (SELECT o.ctid, o.* FROM %s AS o WHERE %s OFFSET 0) AS c ON true',
			shadowed, job.shadow, scorebook.column_list(row_key, 'o.%I = w.%I', ' AND '));
	END IF;
	compare := coalesce(changed, '') || format($sql$
		SELECT c.ctid AS "scorebook ctid", c.run AS "scorebook run", %1$s,
			greatest(w.effective_at, c.effective_at) AS effective_at, -- who began earlier may know more
			w.scores, w.class, w.version,
			CASE WHEN c.served IS NULL THEN 'added'
				 WHEN w."scorebook excluded" THEN 'excluded'
				 WHEN w.served IS NOT NULL THEN 'superseded'
				 WHEN c.served = ANY ($3) THEN 'vanished'
				 ELSE 'withdrawn' END AS "scorebook what"
		FROM %2$s
		WHERE CASE
			WHEN w.served IS NULL THEN c.served <> ALL ($3) OR (c.served <> ALL ($2)%3$s)
			WHEN w.served = ANY ($2) THEN false
			WHEN c.served IS NULL THEN w.scores IS NOT NULL
			ELSE w."scorebook excluded" OR (w.scores IS NOT NULL AND scorebook.row_digest(c.scores, c.class, c.version)
				<> scorebook.row_digest(w.scores, w.class, w.version)) END
		$sql$, scorebook.column_list(ARRAY['served'::name] || job.key, 'w.%I'), pairs,
		CASE WHEN each_period THEN ' AND c.effective_at = $1' END);
	endings := format('SELECT coalesce(array_agg(DISTINCT h.ended_by), ''{}'') FROM shadow_change AS w, %s'
		' AND w."scorebook what" = ''added''', ended_before);
	-- Whoever writes locks rows in the order of their keys, and first those that end,
	-- then those that are new: so nobody waits for each other.
	write := format($sql$
		WITH archived AS
		(
			INSERT INTO %2$s AS h (%4$s, ended_by, system_to, end_reason)
			SELECT %5$s, $1, greatest($2, c.system_from + interval '1 microsecond'), w."scorebook what"
			FROM shadow_change AS w JOIN %1$s AS c ON c.ctid = w."scorebook ctid" AND c.run = w."scorebook run"
			ORDER BY %6$s
			FOR UPDATE OF c
			RETURNING h.served, scorebook.end_digest(scorebook.row_digest(%10$s), h.end_reason) AS digest
		), replaced AS
		(
			UPDATE %1$s AS c
			SET effective_at = w.effective_at, scores = w.scores, class = w.class, version = w.version,
				run = $1, system_from = greatest($2, c.system_from + interval '1 microsecond')
			FROM shadow_change AS w
			WHERE w."scorebook what" = 'superseded' AND c.ctid = w."scorebook ctid" AND c.run = w."scorebook run"
				AND (SELECT count(*) FROM archived) > 0 -- before they are replaced
			RETURNING c.served, scorebook.row_digest(%7$s) AS digest
		), removed AS
		(
			DELETE FROM %1$s AS c USING shadow_change AS w
			WHERE w."scorebook what" <> 'superseded' AND c.ctid = w."scorebook ctid" AND c.run = w."scorebook run"
				AND (SELECT count(*) FROM archived) > 0
		), added AS
		(
			INSERT INTO %1$s AS c (%4$s)
			SELECT %3$s, $1, $2 FROM shadow_change AS w
			WHERE w."scorebook what" = 'added' AND (SELECT count(*) FROM archived) >= 0
			ORDER BY %8$s
			ON CONFLICT (%9$s) DO NOTHING
			RETURNING c.served, scorebook.row_digest(%7$s) AS digest
		)
		SELECT coalesce(jsonb_agg(jsonb_build_object('ref', s.served, 'rows_written', s.written,
			'rows_ended', s.ended, 'digest', s.digest)), '[]'), (SELECT count(*) FROM added)
		FROM
			(SELECT d.served, count(*) FILTER (WHERE NOT d.is_end) AS written, count(*) FILTER (WHERE d.is_end) AS ended,
				sum(d.digest) AS digest
			 FROM
				(SELECT r.served, r.digest, false AS is_end FROM replaced AS r
				 UNION ALL SELECT a.served, a.digest, false FROM added AS a
				 UNION ALL SELECT a.served, a.digest, true FROM archived AS a) AS d
			 GROUP BY d.served) AS s
		$sql$, job.shadow, job.shadow_history, scorebook.column_list(said, 'w.%I'),
		scorebook.column_list(columns, '%I'), scorebook.column_list(columns, 'c.%I'),
		scorebook.column_list(row_key, 'c.%I'), scorebook.column_list(said, 'c.%I'),
		scorebook.column_list(row_key, 'w.%I'), scorebook.column_list(row_key, '%I'),
		scorebook.column_list(said, 'h.%I'));
	retract := format($sql$
		WITH retracted AS
		(
			DELETE FROM %1$s AS c USING shadow_change AS w
			WHERE w."scorebook what" = 'added' AND c.run = $1 AND %2$s
				AND EXISTS (SELECT FROM %3$s AND h.ended_by <> ALL ($2))
			RETURNING c.served, scorebook.row_digest(%4$s) AS digest
		)
		SELECT jsonb_agg(jsonb_build_object('ref', t.ref, 'rows_written', t.rows_written - r.n,
			'rows_ended', t.rows_ended, 'digest', t.digest - r.digest))
		FROM jsonb_to_recordset($3) AS t (ref text, rows_written bigint, rows_ended bigint, digest numeric),
			LATERAL (SELECT count(*) AS n, coalesce(sum(r.digest), 0) AS digest
				FROM retracted AS r WHERE r.served = t.ref) AS r
		$sql$, job.shadow, scorebook.column_list(row_key, 'c.%I = w.%I', ' AND '), ended_before,
		scorebook.column_list(said, 'c.%I'));
END
$$;

COMMENT ON FUNCTION scorebook.shadow_statements_internal(scorebook.registered_job, text, text) IS
	'the statements that write what the shadows of a job have said';

-- A row may be stamped when its transaction begins, and is seen when that has
-- committed.  So this is asked before the snapshot is taken.  The second is for
-- transactions that begin meanwhile, and have not told yet.
CREATE FUNCTION scorebook.settled_until_internal()
RETURNS timestamp with time zone
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	oldest timestamp with time zone;
	is_known boolean;
BEGIN
	PERFORM pg_stat_clear_snapshot();
	-- what pg_stat_activity shows, without names
	SELECT min(a.xact_start), coalesce(bool_and(a.state IS DISTINCT FROM 'disabled'), true) INTO oldest, is_known
	FROM pg_stat_get_activity(NULL) AS a
	WHERE a.datid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
		AND a.pid <> pg_backend_pid() AND a.backend_type <> 'autovacuum worker';
	-- one that is being prepared is in one or the other
	IF NOT is_known OR current_setting('transaction_isolation') <> 'read committed'
		OR EXISTS (SELECT FROM pg_prepared_xacts AS p WHERE p.database = current_database()) THEN
		RETURN NULL;
	END IF;
	RETURN least(oldest, clock_timestamp() - interval '1 second');
END
$$;

COMMENT ON FUNCTION scorebook.settled_until_internal() IS
	'every transaction that began before this time has ended; null: nobody knows';

CREATE FUNCTION scorebook.check_tables(job scorebook.registered_job, VARIADIC tables regclass[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing regclass;
BEGIN
	SELECT t.relation INTO missing
	FROM unnest(tables) WITH ORDINALITY AS t (relation, position)
	WHERE t.relation IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = t.relation)
	ORDER BY t.position
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_table',
			MESSAGE = format('the %s of job "%s" no longer exists',
				CASE missing WHEN job.source THEN 'source' WHEN job.result THEN 'result table'
				WHEN job.history THEN 'history' ELSE 'shadows'' table' END, job.name),
			HINT = 'Somebody has dropped it; drop the job, and make it again.';
	END IF;
	-- who reads a book is not to run what its owner has put there instead
	SELECT t.relation INTO missing
	FROM unnest(tables) AS t (relation) JOIN pg_class AS c ON c.oid = t.relation
	WHERE t.relation <> job.source AND c.relkind NOT IN ('r', 'p')
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'wrong_object_type',
			MESSAGE = format('%s is part of the book of job "%s", and no table', missing, job.name),
			HINT = 'Use scorebook.create_job, which makes the tables of a job.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_tables(scorebook.registered_job, regclass[]) IS
	'throws where somebody has dropped one of these tables of a job; nulls are none';

-- Asked by every run: constraints can be dropped, and views replaced.
CREATE FUNCTION scorebook.key_is_unique_internal(job scorebook.registered_job)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce(scorebook.source_key(job.source) <@ job.key, false);
END
$$;

COMMENT ON FUNCTION scorebook.key_is_unique_internal(scorebook.registered_job) IS
	'is it certain that the source of a job has no two rows of one key?';

-- What a run needs to know of its job.
CREATE FUNCTION scorebook.run_job_internal(number bigint, OUT name text, OUT owner name,
	OUT result bigint, OUT history bigint, OUT shadow bigint, OUT shadow_history bigint, OUT num_key integer, OUT key_is_unique boolean,
	OUT inputs text, OUT each_period boolean, OUT record_errors boolean, OUT max_errors bigint,
	OUT max_rows bigint, OUT max_duration_ms bigint, OUT has_watermark boolean,
	OUT low_watermark text, OUT has_scores boolean, OUT has_class boolean,
	OUT effective_at timestamp with time zone, OUT scaling_offset double precision,
	OUT scaling_factor double precision, OUT higher_is_better boolean, OUT num_reasons integer,
	OUT reasons_since bigint, OUT source bigint, OUT alike_since bigint,
	OUT settled_until timestamp with time zone, OUT by_row boolean, OUT max_vanished double precision,
	OUT revision integer, OUT reads text)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job scorebook.registered_job;
	run scorebook.run;
BEGIN
	SELECT r.* INTO STRICT run FROM scorebook.run AS r WHERE r.run = number;
	SELECT j.* INTO STRICT job FROM scorebook.registered_job AS j WHERE j.job_id = run.job_id;
	PERFORM scorebook.check_tables(job, job.source, job.result, job.history, job.shadow, job.shadow_history);
	name := job.name;
	owner := job.owner;
	result := job.result::oid::bigint;
	history := job.history::oid::bigint;
	shadow := job.shadow::oid::bigint;
	shadow_history := job.shadow_history::oid::bigint;
	num_key := cardinality(job.key);
	key_is_unique := scorebook.key_is_unique_internal(job);
	inputs := job.inputs;
	each_period := job.keep = 'each_period';
	record_errors := job.on_error = 'record';
	max_errors := job.max_errors;
	max_rows := job.max_rows;
	max_duration_ms := ceil(extract(epoch FROM job.max_duration) * 1000);
	has_watermark := job.watermark IS NOT NULL;
	IF run.kind = 'run' THEN
		-- another column has told nothing about this one
		SELECT r.watermark INTO low_watermark
		FROM scorebook.run AS r
			JOIN scorebook.job_definition AS d ON d.job_id = r.job_id AND d.revision = r.revision
		WHERE r.job_id = job.job_id AND r.kind = 'run' AND r.status = 'succeeded' AND r.watermark IS NOT NULL
			AND d.definition ->> 'watermark' = job.watermark
		ORDER BY r.run DESC
		LIMIT 1;
		-- the first run over all of the source by scorebook as it is now, and with
		-- this model: versions of another one have the same numbers
		SELECT min(r.run) INTO alike_since
		FROM scorebook.run AS r
		WHERE r.job_id = job.job_id AND r.kind = 'run' AND r.status = 'succeeded' AND NOT r.only_changed
			AND r.scorebook_version = run.scorebook_version
			AND r.revision > coalesce((SELECT max(d.revision) FROM scorebook.job_definition AS d
				WHERE d.job_id = job.job_id AND scorebook.model_of_reference(d.definition ->> 'model')
					<> scorebook.model_of_reference(job.model)), 0);
		IF has_watermark THEN
			settled_until := coalesce(scorebook.settled_until_internal(),
				CASE WHEN (SELECT a.atttypid FROM pg_attribute AS a
						WHERE a.attrelid = job.source AND a.attname = job.watermark) = 'timestamp with time zone'::regtype
					THEN low_watermark END::timestamp with time zone,
				'-infinity');
		END IF;
	END IF;
	has_scores := job.has_scores;
	has_class := job.has_class;
	effective_at := run.effective_at;
	IF job.scaling IS NOT NULL THEN
		SELECT s.offset_points, s.factor INTO scaling_offset, scaling_factor
		FROM scorebook.scaling_numbers(job.scaling) AS s;
	END IF;
	higher_is_better := job.direction = 'higher_is_better';
	num_reasons := scorebook.num_reasons_internal(job);
	reasons_since := scorebook.reasons_since_internal(job, num_reasons);
	source := job.source::oid::bigint;
	by_row := job.effective_at IS NOT NULL;
	max_vanished := coalesce(job.max_vanished, 1);
	revision := (SELECT max(d.revision) FROM scorebook.job_definition AS d WHERE d.job_id = job.job_id);
	reads := format('SELECT %s, %s FROM %s AS source', coalesce(job.effective_at, 'NULL'), coalesce(job.exclude, 'NULL'),
		job.source);
END
$$;

COMMENT ON FUNCTION scorebook.run_job_internal(bigint) IS
	'the job of a run, after checking that its tables are there';

CREATE FUNCTION scorebook.run_before_internal(number bigint)
RETURNS SETOF scorebook.run
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT b.*
	FROM scorebook.run AS r
		JOIN scorebook.registered_job AS j ON j.job_id = r.job_id
		JOIN scorebook.run AS b ON b.job_id = r.job_id
	WHERE r.run = number AND b.run < r.run AND b.kind = 'run' AND b.status = 'succeeded' AND NOT b.only_changed
		AND (j.keep = 'latest' OR b.effective_at = r.effective_at)
	ORDER BY b.run DESC
	LIMIT 1
$$;

COMMENT ON FUNCTION scorebook.run_before_internal(bigint) IS
	'the last run before another one that looked at all of the source, and the same period; no row: there is none';

CREATE FUNCTION scorebook.finish_run_internal(number bigint, facts jsonb,
	system_from timestamp with time zone, snapshot text, snapshot_at timestamp with time zone,
	watermark text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	done scorebook.run := jsonb_populate_record(NULL::scorebook.run, (facts #> '{models,0}') || facts);
	job scorebook.registered_job;
BEGIN
	SELECT j.* INTO STRICT job
	FROM scorebook.registered_job AS j JOIN scorebook.run AS r ON r.job_id = j.job_id
	WHERE r.run = number;
	-- from now on they cannot be dropped
	PERFORM FROM scorebook.model AS m
	WHERE m.model_id IN (SELECT f.model_id FROM jsonb_populate_recordset(NULL::scorebook.run_model, facts -> 'models') AS f)
	FOR KEY SHARE;
	UPDATE scorebook.run AS r
	SET status = 'succeeded', finished_at = clock_timestamp(), revision = done.revision,
		effective_at = coalesce(done.effective_at, r.effective_at),
		system_from = finish_run_internal.system_from, snapshot = finish_run_internal.snapshot,
		snapshot_at = finish_run_internal.snapshot_at, watermark = finish_run_internal.watermark,
		model = m.name, model_id = done.model_id, version = done.version, sha256 = v.sha256,
		engine = done.engine, verification = w.run,
		library_version = done.library_version, source = scorebook.source_relations(job.source),
		rows_read = done.rows_read, rows_scored = done.rows_scored,
		rows_changed = done.rows_changed, rows_confirmed = done.rows_confirmed,
		rows_closed = done.rows_closed, rows_failed = done.rows_failed,
		rows_excluded = done.rows_excluded, rows_erased = done.rows_erased,
		rows_overtaken = done.rows_overtaken,
		rows_written = done.rows_written, rows_ended = done.rows_ended,
		digest = done.digest, phases = done.phases
	FROM scorebook.model_version AS v
		JOIN scorebook.model AS m ON m.model_id = v.model_id
		LEFT JOIN LATERAL
			(SELECT * FROM scorebook.verification AS w
			 WHERE w.model_id = v.model_id AND w.version = v.version
			 ORDER BY w.run DESC LIMIT 1) AS w ON true
	WHERE r.run = number AND v.model_id = done.model_id AND v.version = done.version;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('the model of job "%s" was concurrently dropped', job.name);
	END IF;
	PERFORM scorebook.record_models_internal(number, facts);
	INSERT INTO scorebook.moment (writer, timeline_id) VALUES (number, job.timeline_id);
END
$$;

COMMENT ON FUNCTION scorebook.finish_run_internal(bigint, jsonb, timestamp with time zone, text,
	timestamp with time zone, text) IS
	'writes down what a run has done, and gives it a place in the order of writers';

-- A shadow that is not one any more has rows that end, and no model.
CREATE FUNCTION scorebook.record_models_internal(number bigint, facts jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO scorebook.run_model (run, role, ref, model_id, version, sha256, engine, verification,
		library_version, rows_scored, rows_failed, rows_written, rows_ended, digest, sqlstate, message)
	SELECT number, coalesce(m.role, 'shadow'), coalesce(m.ref, s.ref), m.model_id, m.version, v.sha256,
		m.engine, w.run, m.library_version, coalesce(m.rows_scored, 0), coalesce(m.rows_failed, 0),
		CASE WHEN coalesce(m.role, 'shadow') = 'shadow' THEN coalesce(s.rows_written, 0) END,
		CASE WHEN coalesce(m.role, 'shadow') = 'shadow' THEN coalesce(s.rows_ended, 0) END,
		CASE WHEN coalesce(m.role, 'shadow') = 'shadow' THEN coalesce(s.digest, 0) END,
		m.sqlstate, m.message
	FROM jsonb_populate_recordset(NULL::scorebook.run_model, facts -> 'models') AS m
		FULL JOIN
			(SELECT s.*, 'shadow' AS of
			 FROM jsonb_populate_recordset(NULL::scorebook.run_model, facts -> 'shadows') AS s) AS s
			ON m.ref = s.ref AND m.role = s.of
		LEFT JOIN scorebook.model_version AS v ON v.model_id = m.model_id AND v.version = m.version
		LEFT JOIN LATERAL
			(SELECT w.run
			 FROM scorebook.verification AS w
			 WHERE w.model_id = m.model_id AND w.version = m.version
			 ORDER BY w.run DESC LIMIT 1) AS w ON true;
END
$$;

COMMENT ON FUNCTION scorebook.record_models_internal(bigint, jsonb) IS
	'writes down what became of the models of a run';

-- A view and all that it reads from, however deep; through functions, too,
-- where PostgreSQL knows their bodies, as it does that of <job>_as_of.  A view
-- is known by what it reads, too, which can be replaced.
CREATE FUNCTION scorebook.source_relations(source regclass)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_rewrite AS w WHERE w.ev_class = source) THEN
		RETURN (
			SELECT jsonb_build_array(jsonb_build_object('relation', source::text, 'oid', c.oid::bigint,
				'kind', c.relkind))
			FROM pg_class AS c
			WHERE c.oid = source);
	END IF;
	RETURN (
		WITH RECURSIVE reads AS
		(
			SELECT 'pg_class'::regclass::oid AS class, source::oid AS object
			UNION
			SELECT d.refclassid, d.refobjid
			FROM reads AS s,
				LATERAL
				(SELECT 'pg_rewrite'::regclass::oid AS class, w.oid AS object
				 FROM pg_rewrite AS w
				 WHERE s.class = 'pg_class'::regclass AND w.ev_class = s.object
				 UNION ALL
				 SELECT s.class, s.object
				 WHERE s.class = 'pg_proc'::regclass) AS p
				JOIN pg_depend AS d ON d.classid = p.class AND d.objid = p.object
			WHERE d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass)
		)
		SELECT jsonb_agg(jsonb_build_object('relation', c.oid::regclass::text,
			'oid', c.oid::bigint, 'kind', c.relkind) || CASE WHEN c.relkind IN ('v', 'm')
			THEN jsonb_build_object('definition', encode(sha256(convert_to(pg_get_viewdef(c.oid), 'UTF8')), 'hex'))
			ELSE '{}' END ORDER BY c.oid::regclass::text)
		FROM reads AS r JOIN pg_class AS c ON c.oid = r.object
		WHERE r.class = 'pg_class'::regclass);
END
$$;

COMMENT ON FUNCTION scorebook.source_relations(regclass) IS
	'the relations that a source reads from, with their oids';

-- The numbers of progress.c; those of other roles are seen, too, by who may
-- run the job.
CREATE FUNCTION scorebook.run_progress_rows()
RETURNS TABLE (pid integer, run bigint, result oid, phase text, rows_read bigint, rows_skipped bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.pid, p.param16, p.relid,
		CASE p.param17 WHEN 1 THEN 'scoring' WHEN 2 THEN 'writing' ELSE 'starting' END,
		p.param3, p.param4
	FROM pg_stat_get_progress_info('COPY') AS p
	WHERE p.datid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
		AND p.param16 > 0
$$;

COMMENT ON FUNCTION scorebook.run_progress_rows() IS
	'the runs that are going on, as their backends tell it';

CREATE VIEW scorebook.run_progress WITH (security_invoker) AS
SELECT p.pid, j.name AS job, p.run, p.phase, p.rows_read, p.rows_skipped,
	(p.rows_read / nullif(extract(epoch FROM clock_timestamp() - r.started_at), 0))::bigint AS rows_per_second,
	r.started_at, r.started_by
FROM scorebook.run_progress_rows() AS p
	JOIN scorebook.run AS r ON r.run = p.run
	JOIN scorebook.registered_job AS j ON j.job_id = r.job_id;

COMMENT ON VIEW scorebook.run_progress IS
	'the runs that are going on, and how far they are';

CREATE VIEW scorebook.job_run WITH (security_invoker) AS
SELECT j.name AS job, r.run, r.kind,
	CASE WHEN r.status = 'running' AND NOT scorebook.run_is_alive(r.job_id) THEN 'crashed'
		 ELSE r.status END AS status,
	r.effective_at, r.started_at, r.started_by, r.finished_at, m.committed_at,
	r.model || '/' || r.version AS model, r.engine, r.rows_read, r.rows_scored, r.rows_changed,
	r.rows_confirmed, r.rows_closed, r.rows_failed, r.rows_excluded, r.rows_erased, r.rows_overtaken,
	r.phases,
	r.sqlstate, r.message, r.failed_key
FROM scorebook.run AS r
	JOIN scorebook.registered_job AS j ON j.job_id = r.job_id
	LEFT JOIN scorebook.moment AS m ON m.writer = r.run;

COMMENT ON VIEW scorebook.job_run IS
	'the runs of all jobs, and how they went';
