-- Jobs: what is scored, with which model, and into which book.
--
-- The book of a job is a pair of tables of its owner's: <job> has what is known
-- now, <job>_history what was known before.  Both are made by create_job, with
-- the rights of the caller; what the extension keeps about the job is written
-- by register_job.

CREATE TABLE scorebook.registered_job
(
	job_id			integer GENERATED ALWAYS AS IDENTITY,
	name			text COLLATE "C" NOT NULL,
	owner			name NOT NULL,
	model			text NOT NULL,
	source			regclass NOT NULL,
	key				name[] NOT NULL,
	keep			text NOT NULL,
	inputs			text NOT NULL,
	reasons			integer,
	effective_at	text,
	shadows			text[] NOT NULL,
	split			jsonb,
	exclude			text,
	watermark		name,
	on_error		text NOT NULL,
	max_errors		bigint NOT NULL,
	retain			interval,
	retain_inputs	interval,
	max_duration	interval,
	max_rows		bigint,
	max_vanished	numeric,
	timezone		text NOT NULL,
	schedule		text,
	scheduler		text,
	scheduled_at	timestamp with time zone,
	result			regclass NOT NULL,
	history			regclass NOT NULL,
	shadow			regclass,
	shadow_history	regclass,
	has_scores		boolean NOT NULL,
	has_class		boolean NOT NULL,
	direction		text NOT NULL,
	scaling			jsonb,
	timeline_id		integer NOT NULL,
	created_at		timestamp with time zone NOT NULL,
	created_by		name NOT NULL,
	dropped_at		timestamp with time zone,
	CONSTRAINT registered_job_pkey PRIMARY KEY (job_id),
	CONSTRAINT registered_job_name_check CHECK (octet_length(name) BETWEEN 1 AND 48),
	CONSTRAINT registered_job_keep_check CHECK (keep IN ('latest', 'each_period')),
	CONSTRAINT registered_job_reasons_check CHECK (reasons >= 0),
	CONSTRAINT registered_job_max_errors_check CHECK (max_errors >= 0),
	CONSTRAINT registered_job_max_duration_check CHECK (max_duration > '0'),
	CONSTRAINT registered_job_max_rows_check CHECK (max_rows > 0),
	CONSTRAINT registered_job_max_vanished_check CHECK (max_vanished BETWEEN 0 AND 1),
	CONSTRAINT registered_job_inputs_check CHECK (inputs IN ('full', 'hash', 'none')),
	CONSTRAINT registered_job_direction_check CHECK (direction IN ('higher_is_riskier', 'higher_is_better')),
	CONSTRAINT registered_job_on_error_check CHECK (on_error IN ('fail', 'record')),
	CONSTRAINT registered_job_scheduler_check CHECK (scheduler IN ('pg_cron', 'other'))
);

-- a name is free again when its job is dropped
CREATE UNIQUE INDEX registered_job_name_key ON scorebook.registered_job (name) WHERE dropped_at IS NULL;

COMMENT ON TABLE scorebook.registered_job IS
	'what is scored, with which model, and into which book; people read the view scorebook.job';
COMMENT ON COLUMN scorebook.registered_job.dropped_at IS
	'since when there is only the book';
COMMENT ON COLUMN scorebook.registered_job.model IS
	'a reference: name, name@alias or name/version';
COMMENT ON COLUMN scorebook.registered_job.keep IS
	'one row a key (latest), or one a key and effective_at (each_period)';
COMMENT ON COLUMN scorebook.registered_job.inputs IS
	'keep what the model saw (full), its hash, or none of it';
COMMENT ON COLUMN scorebook.registered_job.reasons IS
	'how many reasons are stored for a row; null: 4 where a cutoff declines, else none';
COMMENT ON COLUMN scorebook.registered_job.shadows IS
	'references of challengers, scored in the same pass into <job>_shadow';
COMMENT ON COLUMN scorebook.registered_job.split IS
	'which share of the keys is scored by other aliases of the model: {"challenger": 0.1}';
COMMENT ON COLUMN scorebook.registered_job.shadow IS
	'what the shadows say now; null as long as the job has never had one';
COMMENT ON COLUMN scorebook.registered_job.effective_at IS
	'an expression over the source: the time that a row is about; null: that of the run';
COMMENT ON COLUMN scorebook.registered_job.exclude IS
	'an expression over the source: who is not scored';
COMMENT ON COLUMN scorebook.registered_job.watermark IS
	'a column of the source that only grows, for only_changed';
COMMENT ON COLUMN scorebook.registered_job.on_error IS
	'what a row that cannot be scored does: it fails the run, or is recorded in scorebook.row_error';
COMMENT ON COLUMN scorebook.registered_job.max_errors IS
	'more rows than that that cannot be scored fail the run';
COMMENT ON COLUMN scorebook.registered_job.retain IS
	'how long the history is kept; null: for good';
COMMENT ON COLUMN scorebook.registered_job.retain_inputs IS
	'how long kept inputs stay in the history, where that is shorter';
COMMENT ON COLUMN scorebook.registered_job.max_vanished IS
	'a run that misses a larger share of the keys of the book in the source fails; null: no limit';
COMMENT ON COLUMN scorebook.registered_job.timezone IS
	'the time zone of the schedule';
COMMENT ON COLUMN scorebook.registered_job.schedule IS
	'when the job runs by itself, a cron expression; or null';
COMMENT ON COLUMN scorebook.registered_job.scheduler IS
	'who runs it then: pg_cron, or another one that calls run_due_jobs';
COMMENT ON COLUMN scorebook.registered_job.scheduled_at IS
	'since when';
COMMENT ON COLUMN scorebook.registered_job.has_scores IS
	'the book has several numbers a row (scores), not one (score)';
COMMENT ON COLUMN scorebook.registered_job.has_class IS
	'the book has the label of the likeliest class';
COMMENT ON COLUMN scorebook.registered_job.direction IS
	'what a higher score says: higher_is_riskier or higher_is_better';
COMMENT ON COLUMN scorebook.registered_job.scaling IS
	'points of a scorecard: so many points at these odds, and pdo points to double them';

CREATE TABLE scorebook.job_definition
(
	job_id		integer NOT NULL,
	revision	integer NOT NULL,
	definition	jsonb NOT NULL,
	defined_at	timestamp with time zone NOT NULL,
	defined_by	name NOT NULL,
	CONSTRAINT job_definition_pkey PRIMARY KEY (job_id, revision)
);

COMMENT ON TABLE scorebook.job_definition IS
	'each job as it was; runs name the revision that they followed';

SELECT pg_catalog.pg_extension_config_dump('scorebook.registered_job', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.registered_job_job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.job_definition', '');

CREATE FUNCTION scorebook.result_shape(ref text, OUT width integer, OUT classes integer)
RETURNS record
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_result_shape';

COMMENT ON FUNCTION scorebook.result_shape(text) IS
	'how many numbers a model gives for a row, and of how many classes it speaks';

CREATE FUNCTION scorebook.source_key(source regclass)
RETURNS name[]
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_source_key';

COMMENT ON FUNCTION scorebook.source_key(regclass) IS
	'the primary key of a table, or of the table that a view shows row by row; null where there is none';

CREATE FUNCTION scorebook.source_table(source regclass, shown name[],
	OUT relation regclass, OUT columns name[])
RETURNS record
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_source_table';

COMMENT ON FUNCTION scorebook.source_table(regclass, name[]) IS
	'the table that a source shows row by row, and its columns that these of the source are; else nulls';

-- Both are the same for keys that are equal, whatever their bytes are.
CREATE FUNCTION scorebook.key_digest(key record)
RETURNS bigint
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_key_digest';

COMMENT ON FUNCTION scorebook.key_digest(record) IS
	'a hash of a key, a row of its columns; throws where a type cannot be part of a key';

CREATE FUNCTION scorebook.key_place(job text, key record)
RETURNS integer
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_key_place';

COMMENT ON FUNCTION scorebook.key_place(text, record) IS
	'the place of a key of a job of that name, from 0 to 9999, by which a split serves it';

CREATE FUNCTION scorebook.guard_book() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_guard_book';

COMMENT ON FUNCTION scorebook.guard_book() IS
	'trigger: nothing but scorebook itself writes a book';

-- A list of columns, each as the format says: '%I', 's.%I' and so on.
CREATE FUNCTION scorebook.column_list(columns name[], format text, separator text DEFAULT ', ')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (
		SELECT string_agg(replace(column_list.format, '%I', quote_ident(c.name)), separator ORDER BY c.position)
		FROM unnest(columns) WITH ORDINALITY AS c (name, position));
END
$$;

COMMENT ON FUNCTION scorebook.column_list(name[], text, text) IS
	'columns as a list for a statement, each written as the format says';

CREATE FUNCTION scorebook.shown_key(columns name[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('format(%L, %s)',
		format('(%s)=(%s)', replace(array_to_string(columns, ', '), '%', '%%'),
			array_to_string(array_fill('%s'::text, ARRAY[cardinality(columns)]), ', ')),
		scorebook.column_list(columns, 'c.%I'))
$$;

COMMENT ON FUNCTION scorebook.shown_key(name[]) IS
	'an expression for the key of a row, c, as in the message of a unique constraint: (a, b)=(1, 2)';

-- What a row of a book has besides its key and the time that it is about, in
-- this order; extension/job/pass.c writes the same.
CREATE FUNCTION scorebook.book_columns(has_scores boolean, has_class boolean)
RETURNS TABLE (name name, definition text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	VALUES
		(CASE WHEN has_scores THEN 'scores' ELSE 'score' END,
		 CASE WHEN has_scores THEN 'real[] NOT NULL' ELSE 'real NOT NULL' END),
		('class', CASE WHEN has_class THEN 'text NOT NULL' ELSE 'text' END),
		('points', 'integer'),
		('decision', 'text'),
		('cutoff_set', 'integer'),
		('band', 'text'),
		('band_set', 'integer'),
		('reasons', 'jsonb'),
		('version', 'integer NOT NULL'),
		('inputs', 'real[]'),
		('inputs_hash', 'bigint'),
		('run', 'bigint NOT NULL'),
		('system_from', 'timestamp with time zone NOT NULL')
$$;

COMMENT ON FUNCTION scorebook.book_columns(boolean, boolean) IS
	'the columns of a book behind key and effective_at';

CREATE FUNCTION scorebook.create_job(
	name text,
	model text DEFAULT NULL,
	source text DEFAULT NULL,
	key name[] DEFAULT NULL,
	schema name DEFAULT 'scores',
	keep text DEFAULT 'latest',
	inputs text DEFAULT 'full',
	reasons integer DEFAULT NULL,
	effective_at text DEFAULT NULL,
	shadows text[] DEFAULT '{}',
	split jsonb DEFAULT NULL,
	exclude text DEFAULT NULL,
	watermark name DEFAULT NULL,
	on_error text DEFAULT 'fail',
	max_errors bigint DEFAULT 1000,
	retain interval DEFAULT NULL,
	retain_inputs interval DEFAULT NULL,
	max_duration interval DEFAULT NULL,
	max_rows bigint DEFAULT NULL,
	max_vanished numeric DEFAULT NULL,
	timezone text DEFAULT NULL,
	schedule text DEFAULT NULL,
	direction text DEFAULT 'higher_is_riskier',
	scaling jsonb DEFAULT NULL,
	cutoffs jsonb DEFAULT NULL,
	bands jsonb DEFAULT NULL,
	scale text DEFAULT NULL,
	readers name[] DEFAULT '{}')
RETURNS regclass
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.create_job(text, text, text, name[], name, text, text, integer, text, text[],
	jsonb, text, name, text, bigint, interval, interval, interval, bigint, numeric, text, text, text, jsonb,
	jsonb, jsonb, text, name[]) IS
	'makes a job and its book, and returns the table that the scores go to';

CREATE FUNCTION scorebook.create_job_internal(
	name text,
	model text,
	source text,
	key name[],
	schema name,
	keep text,
	inputs text,
	reasons integer,
	effective_at text,
	shadows text[],
	split jsonb,
	exclude text,
	watermark name,
	on_error text,
	max_errors bigint,
	retain interval,
	retain_inputs interval,
	max_duration interval,
	max_rows bigint,
	max_vanished numeric,
	timezone text,
	schedule text,
	direction text,
	scaling jsonb,
	cutoffs jsonb,
	bands jsonb,
	scale text,
	readers name[])
RETURNS regclass
LANGUAGE plpgsql
AS $$
DECLARE
	job scorebook.registered_job;
	shape record;
BEGIN
	PERFORM scorebook.check_job_name(name);
	job.name := name;
	job.model := coalesce(model, name);
	job.keep := keep;
	job.inputs := inputs;
	job.reasons := reasons;
	job.effective_at := effective_at;
	job.shadows := coalesce(shadows, '{}');
	job.split := split;
	job.exclude := exclude;
	job.watermark := watermark;
	job.on_error := on_error;
	job.max_errors := max_errors;
	job.retain := retain;
	job.retain_inputs := retain_inputs;
	job.max_duration := max_duration;
	job.max_rows := max_rows;
	job.max_vanished := max_vanished;
	job.timezone := coalesce(timezone, pg_catalog.current_setting('TimeZone'));
	job.direction := direction;
	job.scaling := scaling;
	readers := coalesce(readers, '{}');

	shape := scorebook.result_shape(job.model);
	job.has_scores := shape.width > 1;
	job.has_class := shape.classes > 2;
	IF pg_catalog.to_regnamespace(pg_catalog.quote_ident(schema)) IS NULL THEN
		EXECUTE pg_catalog.format('CREATE SCHEMA %I', schema);
	ELSIF NOT (pg_catalog.has_schema_privilege(schema, 'CREATE')
			AND pg_catalog.has_schema_privilege(schema, 'USAGE')) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = pg_catalog.format('permission denied for schema %s', schema),
			DETAIL = pg_catalog.format('The book of job "%s" would be there.', name),
			HINT = pg_catalog.format('Its owner can GRANT CREATE, USAGE ON SCHEMA %I TO %I; or name another one, schema => ''name''.',
				schema, CURRENT_USER);
	END IF;
	job.source := scorebook.find_source(name, coalesce(source, pg_catalog.quote_ident(name)), schema);
	job.key := coalesce(key, scorebook.source_key(job.source));
	PERFORM scorebook.check_job(job);

	PERFORM scorebook.create_book(job, schema, readers);
	job.result := pg_catalog.format('%I.%I', schema, name)::regclass;
	job.history := pg_catalog.format('%I.%I', schema, name OPERATOR(pg_catalog.||) '_history')::regclass;
	IF pg_catalog.cardinality(job.shadows) > 0 THEN
		PERFORM scorebook.create_shadow_book(job);
		job.shadow := scorebook.shadow_table(job, '_shadow')::regclass;
		job.shadow_history := scorebook.shadow_table(job, '_shadow_history')::regclass;
	END IF;
	PERFORM scorebook.register_job(job);
	IF cutoffs IS NOT NULL THEN
		PERFORM scorebook.set_cutoffs(name, cutoffs, scale);
	END IF;
	IF bands IS NOT NULL THEN
		PERFORM scorebook.set_bands(name, bands, scale);
	END IF;
	PERFORM scorebook.create_book_functions(name, readers);
	PERFORM scorebook.create_status_view(name, readers);
	IF schedule IS NOT NULL THEN
		PERFORM scorebook.schedule_job(name, schedule);
	END IF;
	RETURN job.result;
END
$$;

COMMENT ON FUNCTION scorebook.create_job_internal(text, text, text, name[], name, text, text, integer, text, text[],
	jsonb, text, name, text, bigint, interval, interval, interval, bigint, numeric, text, text, text, jsonb,
	jsonb, jsonb, text, name[]) IS
	'what create_job does';

CREATE FUNCTION scorebook.option_hint(option text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE option
		WHEN 'model' THEN 'It is a reference, such as credit_risk, credit_risk@challenger or credit_risk/3.'
		WHEN 'keep' THEN 'It is latest or each_period.'
		WHEN 'inputs' THEN 'It is full, hash or none.'
		WHEN 'reasons' THEN 'It is a number from 0 on, or null for the default.'
		WHEN 'on_error' THEN 'It is fail or record.'
		WHEN 'max_errors' THEN 'It is a number from 0 on.'
		WHEN 'max_rows' THEN 'It is a number from 1 on, or null for no limit.'
		WHEN 'max_duration' THEN 'It is a positive interval, such as "2 hours", or null for no limit.'
		WHEN 'max_vanished' THEN 'It is a share from 0 to 1, or null for no limit.'
		WHEN 'retain' THEN 'It is a positive interval, such as "2 years", or null to keep the history for good.'
		WHEN 'retain_inputs' THEN 'It is a positive interval, such as "6 months", or null to keep inputs as long as the history.'
		WHEN 'direction' THEN 'It is higher_is_riskier or higher_is_better.'
		WHEN 'effective_at' THEN 'It is an expression over the source for a time, as a string, or null for that of the run.'
		WHEN 'exclude' THEN 'It is a condition over the source, as a string, or null to exclude nothing.'
		WHEN 'watermark' THEN 'It is the name of a column of the source that only grows, or null.'
		WHEN 'timezone' THEN 'It is the name of a time zone, such as "Europe/Berlin".'
		WHEN 'shadows' THEN 'For example, {"shadows": ["credit_risk@challenger"]}, or {"shadows": []} for none.'
		ELSE 'See the arguments of scorebook.create_job.'
	END
$$;

COMMENT ON FUNCTION scorebook.option_hint(text) IS
	'what an option of a job can be';

-- What a job reads is checked when it is made or changed, not at night.
CREATE FUNCTION scorebook.check_job(job scorebook.registered_job)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM scorebook.check_source(job.name, job.model, job.source, job.key);
	PERFORM scorebook.check_split(job);
	PERFORM scorebook.check_shadows(job);
	PERFORM scorebook.check_reasons(job, job.reasons);
	PERFORM scorebook.check_watermark(job);
	PERFORM scorebook.check_expressions(job.source, job.effective_at, job.exclude, job.watermark);
	-- throws where there is no such time zone
	PERFORM now() AT TIME ZONE job.timezone;
END
$$;

COMMENT ON FUNCTION scorebook.check_job(scorebook.registered_job) IS
	'throws where a job could not be run';

CREATE FUNCTION scorebook.check_job_name(name text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL OR octet_length(name) NOT BETWEEN 1 AND 48 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_name',
			MESSAGE = 'the name of a job must have 1 to 48 bytes',
			DETAIL = format('This one has %s bytes.', coalesce(octet_length(name), 0));
	END IF;
	IF EXISTS (SELECT FROM scorebook.registered_job AS j
			WHERE j.name = check_job_name.name AND j.dropped_at IS NULL) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = format('job "%s" already exists', name),
			HINT = 'Change it with scorebook.alter_job, end it with scorebook.drop_job, or take another name.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_job_name(text) IS
	'throws where a new job cannot have the name';

-- The name has its schema, and is quoted where it must be.
CREATE FUNCTION scorebook.check_is_free(relation text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass(relation) IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_table',
			MESSAGE = format('relation %s already exists', relation),
			HINT = 'Give the job another name or schema. The book of a job that was dropped goes with scorebook.drop_job(name, keep_book => false).';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_is_free(text) IS
	'throws where a table or view of a new job cannot have the name';

-- Without a search_path of its own: names are looked up as the caller does.
CREATE FUNCTION scorebook.find_source(name text, source text, schema name)
RETURNS regclass
LANGUAGE plpgsql
AS $$
DECLARE
	view constant text := pg_catalog.format('%I.%I', schema, name || '_source');
	relation regclass;
BEGIN
	IF source OPERATOR(pg_catalog.~*) '^\s*(select|with|values|table)\s' THEN
		PERFORM scorebook.check_is_free(view);
		EXECUTE pg_catalog.format('CREATE VIEW %s AS %s', view, source);
		RETURN view::regclass;
	END IF;
	BEGIN
		relation := pg_catalog.to_regclass(source);
	EXCEPTION WHEN invalid_name OR syntax_error THEN
		-- a query that is misspelt, maybe
	END;
	IF relation IS NOT NULL THEN
		RETURN relation;
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'undefined_table',
		MESSAGE = pg_catalog.format('the source of job "%s", %s, does not exist', name, source),
		HINT = 'A source is the name of a table or view, or a query that begins with SELECT, WITH, VALUES or TABLE. Without one, it is called like the job.';
END
$$;

COMMENT ON FUNCTION scorebook.find_source(text, text, name) IS
	'the relation that a source names; a query becomes the view <job>_source';

-- A view that create_job has made of a query is gone where it fails.
CREATE FUNCTION scorebook.is_new_query(name text, source regclass)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_class AS c
			WHERE c.oid = source AND c.relkind = 'v' AND c.relname = is_new_query.name || '_source')
		AND NOT EXISTS (SELECT FROM scorebook.registered_job AS j
			WHERE j.name = is_new_query.name AND j.dropped_at IS NULL)
$$;

COMMENT ON FUNCTION scorebook.is_new_query(text, regclass) IS
	'is the source of a job the view of a query, and the job not there yet?';

CREATE FUNCTION scorebook.shown_source(name text, source regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN scorebook.is_new_query(name, source) THEN 'the query' ELSE source::text END
$$;

COMMENT ON FUNCTION scorebook.shown_source(text, regclass) IS
	'what messages call the source of a job';

CREATE FUNCTION scorebook.check_binding(name text, model text, source regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem record;
BEGIN
	SELECT m.* INTO problem
	FROM scorebook.input_map(model, source) AS m
	WHERE m.verdict <> 'ok'
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'datatype_mismatch',
			MESSAGE = format('the source of job "%s" does not fit model "%s"', name, model),
			DETAIL = format('Column "%s", for input "%s": %s.', problem.column, problem.feature,
				problem.verdict),
			HINT = CASE
				WHEN scorebook.is_new_query(name, source)
					THEN format('Columns are matched by the names of the features. Make a view of the query, and SELECT * FROM scorebook.input_map(%L, ''the_view'') shows how.', model)
				ELSE format('SELECT * FROM scorebook.input_map(%L, %L) shows how columns are matched.', model, source) END;
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_binding(text, text, regclass) IS
	'throws where the columns of a source do not fit a model';

CREATE FUNCTION scorebook.check_source(name text, model text, source regclass, key name[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing name;
BEGIN
	IF coalesce(cardinality(key), 0) = 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('the source of job "%s" has no primary key', name),
			DETAIL = format('Nothing says which columns of %s identify a row.', scorebook.shown_source(name, source)),
			HINT = 'Name them: key => ''{customer_id}''.';
	END IF;
	SELECT k.name INTO missing
	FROM unnest(key) WITH ORDINALITY AS k (name, position)
	WHERE NOT EXISTS
		(SELECT FROM pg_attribute AS a
		 WHERE a.attrelid = source AND a.attname = k.name AND a.attnum > 0 AND NOT a.attisdropped)
	ORDER BY k.position
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_column',
			MESSAGE = format('the source of job "%s" lacks the column "%s" of its key', name, missing),
			DETAIL = format('The source is %s.', scorebook.shown_source(name, source)),
			HINT = 'Name columns that identify a row of it: key => ''{customer_id}''.';
	END IF;
	-- throws where it cannot be known again; no row is read
	EXECUTE format('SELECT scorebook.key_digest(k.*) FROM (SELECT %s FROM (SELECT) AS one LEFT JOIN %s AS s ON false) AS k',
		scorebook.column_list(key, 's.%I'), source);
	PERFORM scorebook.check_binding(name, model, source);
END
$$;

COMMENT ON FUNCTION scorebook.check_source(text, text, regclass, name[]) IS
	'throws where a source lacks the key, or does not fit the model';

CREATE FUNCTION scorebook.check_watermark(job scorebook.registered_job)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF job.watermark IS NOT NULL AND NOT EXISTS
		(SELECT FROM pg_attribute AS a
		 WHERE a.attrelid = job.source AND a.attname = job.watermark AND a.attnum > 0 AND NOT a.attisdropped) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_column',
			MESSAGE = format('the source of job "%s" lacks the column "%s" of its watermark', job.name, job.watermark),
			DETAIL = format('The source is %s.', scorebook.shown_source(job.name, job.source)),
			HINT = 'Name a column of it that only grows, such as updated_at, or none.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_watermark(scorebook.registered_job) IS
	'throws where the source of a job has no column of that name';

-- Names in them are looked up as a run does: in pg_catalog only; and all columns
-- are read, as a run does.
CREATE FUNCTION scorebook.check_expressions(source regclass, effective_at text, exclude text, watermark name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('SELECT (%s)::timestamp with time zone, (%s)::boolean, %s, source.* FROM %s AS source LIMIT 0',
		coalesce(effective_at, 'NULL'), coalesce(exclude, 'NULL'),
		coalesce(quote_ident(watermark), 'NULL'), source);
END
$$;

COMMENT ON FUNCTION scorebook.check_expressions(regclass, text, text, name) IS
	'throws where the expressions of a job cannot be computed from its source';

CREATE FUNCTION scorebook.key_definition(job scorebook.registered_job)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('%I %s%s NOT NULL', a.attname, format_type(a.atttypid, a.atttypmod),
			CASE WHEN a.attcollation <> t.typcollation
				 THEN format(' COLLATE %I.%I', n.nspname, c.collname) ELSE '' END),
			', ' ORDER BY k.position)
	FROM unnest(job.key) WITH ORDINALITY AS k (name, position)
		JOIN pg_attribute AS a ON a.attrelid = job.source AND a.attname = k.name
		JOIN pg_type AS t ON t.oid = a.atttypid
		LEFT JOIN pg_collation AS c ON c.oid = a.attcollation
		LEFT JOIN pg_namespace AS n ON n.oid = c.collnamespace
$$;

COMMENT ON FUNCTION scorebook.key_definition(scorebook.registered_job) IS
	'the key of a job''s source as columns of a new table';

-- With the rights of the caller, who owns the tables.
CREATE FUNCTION scorebook.create_book(job scorebook.registered_job, schema name, readers name[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result constant text := format('%I.%I', schema, job.name);
	history constant text := format('%I.%I', schema, job.name || '_history');
	row_key constant text := scorebook.column_list(job.key, '%I')
		|| CASE job.keep WHEN 'each_period' THEN ', effective_at' ELSE '' END;
	own record;
	reader name;
BEGIN
	SELECT c.name INTO own
	FROM (SELECT unnest('{effective_at,ended_by,system_to,end_reason,confirmed_at,stale,stale_since}'::name[]) AS name
		  UNION ALL
		  SELECT b.name FROM scorebook.book_columns(job.has_scores, job.has_class) AS b) AS c
	WHERE c.name = ANY (job.key);
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_column',
			MESSAGE = format('the key of job "%s" has the column "%s", which is one of the book''s own',
				job.name, own.name),
			HINT = 'Rename it in a view, and make that the source.';
	END IF;
	PERFORM scorebook.check_is_free(result);
	PERFORM scorebook.check_is_free(history);
	-- rows that change have room for what they become next; those of periods gone
	-- by hardly change
	EXECUTE format('CREATE TABLE %s (%s, effective_at timestamp with time zone NOT NULL, %s, PRIMARY KEY (%s))'
		' WITH (fillfactor = %s)',
		result,
		scorebook.key_definition(job),
		(SELECT string_agg(format('%I %s', b.name, b.definition), ', ')
		 FROM scorebook.book_columns(job.has_scores, job.has_class) AS b),
		row_key, CASE job.keep WHEN 'latest' THEN 50 ELSE 100 END);
	EXECUTE format('CREATE TABLE %s (LIKE %s, ended_by bigint NOT NULL,'
		' system_to timestamp with time zone NOT NULL, end_reason text NOT NULL,'
		' CHECK (system_from < system_to), UNIQUE (%s, system_from, system_to))'
		' PARTITION BY RANGE (system_to)',
		history, result, row_key);
	PERFORM scorebook.create_partitions(history::regclass, now());
	EXECUTE format('COMMENT ON TABLE %s IS %L', result,
		format('what job "%s" says now; its past is in %s, and as of any time in %s_as_of(time)',
			job.name, history, result));
	EXECUTE format('COMMENT ON TABLE %s IS %L', history,
		format('what job "%s" said before', job.name));
	PERFORM scorebook.comment_columns(result::regclass);
	PERFORM scorebook.comment_columns(history::regclass);
	PERFORM scorebook.guard_table(result::regclass);
	PERFORM scorebook.guard_table(history::regclass);
	FOREACH reader IN ARRAY readers LOOP
		IF has_schema_privilege(schema, 'USAGE WITH GRANT OPTION') THEN
			EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', schema, reader);
		ELSIF NOT has_schema_privilege(reader, schema, 'USAGE') THEN
			RAISE WARNING USING
				ERRCODE = '01007',
				MESSAGE = format('reader "%s" of job "%s" has no access to schema %I', reader, job.name, schema),
				DETAIL = format('The schema belongs to role "%s", and role "%s" may not grant USAGE on it.',
					(SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace AS n WHERE n.nspname = schema), CURRENT_USER),
				HINT = format('The owner of the schema can GRANT USAGE ON SCHEMA %I TO %I.', schema, reader);
		END IF;
		EXECUTE format('GRANT SELECT ON %s, %s TO %I', result, history, reader);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.create_book(scorebook.registered_job, name, name[]) IS
	'the tables of a job, owned by the caller';

-- A column with none of these names is one of the key.
CREATE FUNCTION scorebook.comment_columns(book regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own record;
BEGIN
	FOR own IN
		SELECT a.attname AS name, coalesce(m.meaning, 'of the key, as in the source') AS meaning
		FROM pg_attribute AS a
			LEFT JOIN (VALUES
				('served', 'reference of the shadow that said it'),
				('effective_at', 'the time that the row is about'),
				('score', 'what the model gave for the key'),
				('scores', 'what the model gave for the key, in the order of its outputs'),
				('class', 'the likeliest of several classes; null: the model has none'),
				('points', 'the score on the scale of a scorecard; null: the job has no scaling'),
				('decision', 'accept, refer or decline; null: the job has no cutoffs'),
				('cutoff_set', 'the set of cutoffs that decided, see scorebook.cutoff'),
				('band', 'the grade; null: the job has no bands'),
				('band_set', 'the set of bands that graded, see scorebook.band'),
				('reasons', 'reason codes, the strongest first; null: none are stored'),
				('version', 'the version of the model that scored'),
				('inputs', 'what the model saw, in the order of its features; null: not kept'),
				('inputs_hash', 'a hash of what the model saw; null: not kept'),
				('run', 'the run that wrote the row, see scorebook.job_run'),
				('system_from', 'when that run began, or just after the row before did'),
				('ended_by', 'the run that ended the row'),
				('system_to', 'when that run began, or just after the row did'),
				('end_reason', 'superseded by another row, vanished from the source, excluded, or withdrawn with its shadow'),
				('confirmed_at', 'when a run last found it to be so'),
				('stale', 'the key could not be scored since'),
				('stale_since', 'when it first could not')) AS m (name, meaning) ON m.name = a.attname
		WHERE a.attrelid = book AND a.attnum > 0 AND NOT a.attisdropped
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', book, own.name, own.meaning);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.comment_columns(regclass) IS
	'comments on the columns of a table or view of a book';

-- The tables of a book that are there: result and history, and those of its
-- shadows, which tell by "served" what the row is a shadow of.  A result comes
-- before its history, always.
CREATE FUNCTION scorebook.book_tables(job scorebook.registered_job)
RETURNS TABLE (relation regclass, kind text, is_shadow boolean, part text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.relation, t.kind, t.is_shadow, CASE WHEN t.is_shadow THEN 'c.served' ELSE '''''' END
	FROM (VALUES (1, job.result, 'result', false), (2, job.history, 'history', false),
			(3, job.shadow, 'result', true), (4, job.shadow_history, 'history', true)) AS t (position, relation, kind, is_shadow)
	WHERE EXISTS (SELECT FROM pg_class AS c WHERE c.oid = t.relation)
	ORDER BY t.position
$$;

COMMENT ON FUNCTION scorebook.book_tables(scorebook.registered_job) IS
	'the tables of a job''s book that are there, each a result or a history, and what tells which shadow a row, c, is of';

CREATE FUNCTION scorebook.guard_table(book regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER scorebook_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s'
		' FOR EACH STATEMENT EXECUTE FUNCTION scorebook.guard_book()', book);
END
$$;

COMMENT ON FUNCTION scorebook.guard_table(regclass) IS
	'lets nothing but scorebook itself write a table of a book';

-- However long the name of the history is, the month fits.
CREATE FUNCTION scorebook.partition_name(history regclass, at timestamp with time zone)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%I.%I', n.nspname,
		CASE WHEN octet_length(c.relname) > 56 THEN left(c.relname, -length('_history')) ELSE c.relname END
			|| to_char(at AT TIME ZONE 'UTC', '"_"YYYYMM'))
	FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE c.oid = history
$$;

COMMENT ON FUNCTION scorebook.partition_name(regclass, timestamp with time zone) IS
	'the partition of a history for what ended at a time';

-- The partition of the month and those of the next two.  A partition is made
-- by itself and then attached: that does not keep readers out.  Other styles of
-- dates name time zones by abbreviations, which are read as those of others.  It
-- is where its history is, wherever who pulls would have tables of his own.
CREATE FUNCTION scorebook.create_partitions(history regclass, at timestamp with time zone)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET "DateStyle" = 'ISO'
SET default_tablespace = ''
AS $$
DECLARE
	month timestamp;
	part text;
BEGIN
	PERFORM set_config('default_tablespace', t.spcname, true)
	FROM pg_class AS c JOIN pg_tablespace AS t ON t.oid = c.reltablespace
	WHERE c.oid = history;
	-- one after the other, should several find that it is missing
	EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', history);
	FOR i IN 0..2 LOOP
		month := date_trunc('month', at AT TIME ZONE 'UTC') + make_interval(months => i);
		CONTINUE WHEN EXISTS (SELECT FROM pg_inherits AS i, scorebook.partition_bounds(i.inhrelid) AS b
			WHERE i.inhparent = history AND b.lower <= month AT TIME ZONE 'UTC' AND b.upper > month AT TIME ZONE 'UTC');
		part := scorebook.partition_name(history, month AT TIME ZONE 'UTC');
		EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING CONSTRAINTS,'
			' CHECK (system_to >= %L AND system_to < %L))',
			part, history, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
		EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
			history, part, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
		PERFORM scorebook.guard_table(part::regclass);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.create_partitions(regclass, timestamp with time zone) IS
	'the partitions of a history for a month and the two after it, where they are missing';

CREATE FUNCTION scorebook.register_job(job scorebook.registered_job)
RETURNS integer
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.register_job(scorebook.registered_job) IS
	'what create_job does last: makes its tables the book of a job';

-- What is taken from them later is with the rights of their owner.
CREATE FUNCTION scorebook.check_own_tables_internal(owner name, job scorebook.registered_job)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM unnest(ARRAY[job.result, job.history, coalesce(job.shadow, job.result),
				coalesce(job.shadow_history, job.history)]) AS b (relation)
			LEFT JOIN pg_class AS c ON c.oid = b.relation
		WHERE c.oid IS NULL OR NOT pg_has_role(owner, c.relowner, 'USAGE')) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('the tables of job "%s" must belong to its owner', job.name),
			HINT = 'Use scorebook.create_job, which makes them.';
	END IF;
	PERFORM scorebook.check_tables(job, job.result, job.history, job.shadow, job.shadow_history);
END
$$;

COMMENT ON FUNCTION scorebook.check_own_tables_internal(name, scorebook.registered_job) IS
	'throws where the tables of a job are not its owner''s, or are no tables';

CREATE FUNCTION scorebook.register_job_internal(caller name, job scorebook.registered_job)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	option text;
	missing text;
BEGIN
	PERFORM scorebook.check_job_name(job.name);
	PERFORM scorebook.check_scaling(job.name, job.scaling, job.model);
	PERFORM scorebook.check_split_shares(job.name, job.split);
	PERFORM scorebook.check_retention_internal(job);
	-- who looks at all schedules must not fail for this one
	PERFORM now() AT TIME ZONE job.timezone;
	PERFORM scorebook.check_own_tables_internal(caller, job);
	PERFORM scorebook.lock_models_internal(caller, job);
	INSERT INTO scorebook.timeline (begins_at)
	VALUES ('-infinity')
	RETURNING timeline_id INTO job.timeline_id;
	job.job_id := nextval('scorebook.registered_job_job_id_seq');
	job.owner := caller;
	job.created_at := now();
	job.created_by := caller;
	job.schedule := NULL;
	job.scheduler := NULL;
	job.scheduled_at := NULL;
	job.dropped_at := NULL;
	BEGIN
		INSERT INTO scorebook.registered_job OVERRIDING SYSTEM VALUE
		SELECT job.*;
	EXCEPTION
		WHEN unique_violation THEN
			RAISE EXCEPTION USING
				ERRCODE = 'duplicate_object',
				MESSAGE = format('job "%s" already exists', job.name);
		WHEN check_violation OR not_null_violation THEN
			GET STACKED DIAGNOSTICS option = CONSTRAINT_NAME, missing = COLUMN_NAME;
			option := coalesce(nullif(missing, ''), regexp_replace(option, '^registered_job_|_check$', '', 'g'));
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('%s of job "%s" cannot be %s', option, job.name,
					coalesce((to_jsonb(job) -> option)::text, 'null')),
				HINT = scorebook.option_hint(option);
	END;
	INSERT INTO scorebook.job_definition (job_id, revision, definition, defined_at, defined_by)
	VALUES (job.job_id, 1, to_jsonb(job), now(), caller);
	RETURN job.job_id;
END
$$;

COMMENT ON FUNCTION scorebook.register_job_internal(name, scorebook.registered_job) IS
	'what register_job does, with the rights of the extension''s owner';

-- The state as of a time, in the shape of the result table: a function that
-- the planner inlines, so that it can use the indexes of both tables.  Its first
-- branch has no rows, and throws where the time is before the history.
CREATE FUNCTION scorebook.create_book_functions(name text, readers name[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job scorebook.registered_job;
	columns text;
	reader name;
BEGIN
	SELECT j.* INTO STRICT job FROM scorebook.registered_job AS j WHERE j.name = create_book_functions.name AND j.dropped_at IS NULL;
	SELECT string_agg(format('h.%I', a.attname), ', ' ORDER BY a.attnum) INTO columns
	FROM pg_attribute AS a
	WHERE a.attrelid = job.result AND a.attnum > 0 AND NOT a.attisdropped;
	EXECUTE format($sql$
		CREATE FUNCTION %1$s(at timestamp with time zone)
		RETURNS SETOF %2$s
		LANGUAGE sql STABLE PARALLEL SAFE
		BEGIN ATOMIC
			SELECT b.*
			FROM scorebook.check_begin(%4$s, $1, NULL::%2$s) AS b
			UNION ALL
			SELECT c.*
			FROM %2$s AS c JOIN scorebook.moment AS f ON f.writer = c.run
			WHERE f.committed_at <= $1
			UNION ALL
			SELECT %5$s
			FROM %3$s AS h
				JOIN scorebook.moment AS f ON f.writer = h.run
				JOIN scorebook.moment AS t ON t.writer = h.ended_by
			WHERE f.committed_at <= $1 AND t.committed_at > $1;
		END
		$sql$, scorebook.as_of_function(job), job.result, job.history, job.timeline_id, columns);
	EXECUTE format('COMMENT ON FUNCTION %s(timestamp with time zone) IS %L',
		scorebook.as_of_function(job),
		format('what job "%s" said at a time, as whoever read it then saw it', name));
	FOREACH reader IN ARRAY readers LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s(timestamp with time zone) TO %I',
			scorebook.as_of_function(job), reader);
	END LOOP;
END
$$;

COMMENT ON FUNCTION scorebook.create_book_functions(text, name[]) IS
	'the function <job>_as_of, owned by the caller';

CREATE FUNCTION scorebook.as_of_function(job scorebook.registered_job)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%I.%I', n.nspname, job.name || '_as_of')
	FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE c.oid = job.result
$$;

COMMENT ON FUNCTION scorebook.as_of_function(scorebook.registered_job) IS
	'the name of the function <job>_as_of of a job';
