-- The surface of the extension: every function with its exact signature and
-- properties, what PUBLIC may do, and what a dump takes along.
BEGIN;
SELECT no_plan();

CREATE TEMP TABLE api
(
	name		text NOT NULL,
	types		text NOT NULL,		-- of the arguments, as regprocedure takes them
	arguments	text NOT NULL,		-- with their names and defaults
	result		text NOT NULL,
	volatility	"char" NOT NULL,
	parallel	"char" NOT NULL,
	strict		boolean NOT NULL,
	public		boolean NOT NULL	-- may PUBLIC execute it?
);

-- scoring: each function in three forms
INSERT INTO api
SELECT f.name, format('text,%s', form), format('ref text, features %s', form), f.result,
	's', 's', true, true
FROM (VALUES
		('predict', 'real'),
		('predict_class', 'text'),
		('predict_leaf', 'integer[]'),
		('predict_margin', 'real[]'),
		('predict_proba', 'real[]'),
		('predict_vector', 'real[]')) AS f (name, result),
	unnest('{record,jsonb,anyarray}'::text[]) AS form;

-- n and cutoff may be null
INSERT INTO api
SELECT 'predict_set', format('text,%s,integer,real', form),
	format('ref text, features %s, n integer DEFAULT NULL::integer, cutoff real DEFAULT NULL::real', form),
	'TABLE(class text, probability real)', 's', 's', false, true
FROM unnest('{record,jsonb,anyarray}'::text[]) AS form;

-- explaining
INSERT INTO api
SELECT f.name, format('text,%s,%s', form, f.types), format('ref text, features %s, %s', form, f.arguments),
	f.result, 's', 's', false, true
FROM (VALUES
		('explain', 'integer,text', 'top_n integer DEFAULT NULL::integer, class text DEFAULT NULL::text',
		 'TABLE(feature text, value text, contribution real, output text, base_value real, additivity_error real)'),
		('reasons', 'integer,text,text',
		 'n integer DEFAULT 4, direction text DEFAULT ''adverse''::text, class text DEFAULT NULL::text', 'jsonb'))
		AS f (name, types, arguments, result),
	unnest('{record,jsonb,anyarray}'::text[]) AS form;

-- reading
INSERT INTO api VALUES
	('input_map', 'text,regclass', 'ref text, relation regclass DEFAULT NULL::regclass',
	 'TABLE(feature text, "column" text, type text, verdict text)', 's', 's', false, true),
	('inspect_model', 'bytea', 'artifact bytea', 'jsonb', 's', 's', true, true),
	('model_card', 'text', 'ref text', 'TABLE(item text, value text)', 's', 's', false, true),
	('bound_inputs', 'text,record', 'ref text, features record', 'jsonb', 's', 's', true, true),
	('cache_counts', '', 'OUT entries bigint, OUT bytes bigint, OUT limit_bytes bigint, OUT hits bigint, OUT loads bigint, OUT evictions bigint',
	 'record', 'v', 'u', true, true),
	('cached_models', '', '', 'TABLE(model text, bytes bigint, hits bigint, in_use boolean, library_loaded boolean)',
	 'v', 'u', true, true),
	('verify_source', 'text,regclass,regclass,double precision,name,name',
	 'ref text, source regclass, expected regclass, tolerance double precision DEFAULT 0.000001, '
	 'key name DEFAULT NULL::name, value name DEFAULT ''value''::name, OUT agrees boolean, OUT rows_compared bigint, '
	 'OUT rows_different bigint, OUT worst_difference double precision, OUT only_in_source bigint, '
	 'OUT only_in_expected bigint, OUT worst_rows jsonb', 'record', 's', 'u', false, true),
	('relative_difference', 'real[],double precision[]', 'predicted real[], expected double precision[]',
	 'double precision', 'i', 's', false, true),
	('has_model_privilege', 'name,integer,text', 'role name, model_id integer, privilege text',
	 'boolean', 's', 's', true, true),
	('resolve_reference', 'text,text',
	 'ref text, privilege text DEFAULT ''score''::text, OUT model_id integer, OUT version integer',
	 'record', 's', 's', true, true);

-- writing: for whom the administrator says
INSERT INTO api
SELECT f.name, 'text,' || f.type || ',text,text,text,text,text[],jsonb,jsonb,text[],real,text,jsonb,real,integer,jsonb,boolean,jsonb,double precision,boolean',
	'name text, ' || f.artifact || ', description text DEFAULT NULL::text, purpose text DEFAULT NULL::text, '
	'mode text DEFAULT NULL::text, alias text DEFAULT NULL::text, features text[] DEFAULT NULL::text[], '
	'columns jsonb DEFAULT NULL::jsonb, levels jsonb DEFAULT NULL::jsonb, classes text[] DEFAULT NULL::text[], '
	'missing real DEFAULT NULL::real, base_margin text DEFAULT NULL::text, policies jsonb DEFAULT NULL::jsonb, '
	'cutoff real DEFAULT NULL::real, iterations integer DEFAULT NULL::integer, training jsonb DEFAULT NULL::jsonb, '
	'again boolean DEFAULT false, golden jsonb DEFAULT NULL::jsonb, '
	'tolerance double precision DEFAULT 0.000001, allow_unverified boolean DEFAULT false',
	'integer', 'v', 'u', false, false
FROM (VALUES
		('load_model', 'bytea', 'artifact bytea'),
		('load_model_file', 'text', 'path text')) AS f (name, type, artifact);

INSERT INTO api VALUES
	('read_model_file', 'text', 'path text', 'bytea', 'v', 'u', true, false),
	('set_alias', 'text,text,text', 'ref text, alias text, reason text DEFAULT NULL::text', 'void',
	 'v', 'u', false, false),
	('retire_version', 'text,text', 'ref text, reason text DEFAULT NULL::text', 'void',
	 'v', 'u', false, false),
	('drop_model', 'text', 'name text', 'void', 'v', 'u', false, false),
	('grant_model', 'text,name,text', 'model text, role name, privilege text', 'void',
	 'v', 'u', false, false),
	('verify_model', 'text', 'ref text', 'scorebook.verification', 'v', 'u', false, false),
	('revoke_model', 'text,name,text', 'model text, role name, privilege text', 'void',
	 'v', 'u', false, false),
	('create_predictor', 'text,name,name', 'ref text, schema name, name name DEFAULT NULL::name',
	 'regprocedure', 'v', 'u', false, false);

-- jobs and books, and what their functions are made of
INSERT INTO api VALUES
	('grant_job', 'text,name,text', 'job text, role name, privilege text', 'void', 'v', 'u', false, true),
	('revoke_job', 'text,name,text', 'job text, role name, privilege text', 'void', 'v', 'u', false, true),
	('has_job_privilege', 'name,integer,text', 'role name, job_id integer, privilege text', 'boolean', 's', 's', true, true),
	('run_progress_rows', '', '',
	 'TABLE(pid integer, run bigint, result oid, phase text, rows_read bigint, rows_skipped bigint)', 's', 'u', false, true),
	('score', 'text,anycompatible', 'job text, key anycompatible, OUT score real, OUT scores real[], OUT class text, OUT points integer, OUT decision text, OUT band text, OUT reasons jsonb, OUT version integer, OUT run bigint, OUT effective_at timestamp with time zone',
	 'record', 'v', 'u', false, true),
	('score', 'text,jsonb,anycompatible', 'job text, features jsonb, key anycompatible, OUT score real, OUT scores real[], OUT class text, OUT points integer, OUT decision text, OUT band text, OUT reasons jsonb, OUT version integer, OUT run bigint, OUT effective_at timestamp with time zone',
	 'record', 'v', 'u', false, true),
	('alias_at', 'text,text,timestamp with time zone', 'model text, alias text, at timestamp with time zone',
	 'integer', 's', 'u', false, true),
	('alter_job', 'text,jsonb', 'name text, options jsonb',
	 'void', 'v', 'u', false, true),
	('as_of_final_until', 'text', 'job text',
	 'timestamp with time zone', 's', 'u', false, true),
	('as_of_function', 'scorebook.registered_job', 'job scorebook.registered_job',
	 'text', 's', 'u', false, true),
	('book_columns', 'boolean,boolean', 'has_scores boolean, has_class boolean',
	 'TABLE(name name, definition text)', 'i', 'u', false, true),
	('change_job', 'text,jsonb', 'name text, options jsonb',
	 'void', 'v', 'u', false, true),
	('check_alias_move', '', '',
	 'trigger', 'v', 'u', false, false),
	('check_expressions', 'regclass,text,text,name', 'source regclass, effective_at text, exclude text, watermark name',
	 'void', 'v', 'u', false, true),
	('check_is_free', 'text', 'relation text',
	 'void', 's', 'u', false, true),
	('check_job_name', 'text', 'name text',
	 'void', 's', 'u', false, true),
	('check_model_drop', '', '',
	 'trigger', 'v', 'u', false, false),
	('check_retirement', '', '',
	 'trigger', 'v', 'u', false, false),
	('check_scaling', 'text,jsonb,text', 'name text, scaling jsonb, model text',
	 'void', 's', 'u', false, false),
	('check_binding', 'text,text,regclass', 'name text, model text, source regclass',
	 'void', 's', 'u', false, true),
	('check_source', 'text,text,regclass,name[]', 'name text, model text, source regclass, key name[]',
	 'void', 's', 'u', false, true),
	('column_list', 'name[],text,text', 'columns name[], format text, separator text DEFAULT '', ''::text',
	 'text', 'i', 's', false, true),
	('create_book_functions', 'text,name[]', 'name text, readers name[]',
	 'void', 'v', 'u', false, true),
	('create_job', 'text,text,text,name[],name,text,text,integer,text,text[],jsonb,text,name,text,bigint,interval,interval,interval,bigint,numeric,text,text,text,jsonb,jsonb,jsonb,text,name[]',
	 'name text, model text DEFAULT NULL::text, source text DEFAULT NULL::text, key name[] DEFAULT NULL::name[], schema name DEFAULT ''scores''::name, '
	 'keep text DEFAULT ''latest''::text, inputs text DEFAULT ''full''::text, reasons integer DEFAULT NULL::integer, effective_at text DEFAULT NULL::text, '
	 'shadows text[] DEFAULT ''{}''::text[], split jsonb DEFAULT NULL::jsonb, exclude text DEFAULT NULL::text, watermark name DEFAULT NULL::name, '
	 'on_error text DEFAULT ''fail''::text, max_errors bigint DEFAULT 1000, retain interval DEFAULT NULL::interval, retain_inputs interval DEFAULT NULL::interval, '
	 'max_duration interval DEFAULT NULL::interval, max_rows bigint DEFAULT NULL::bigint, max_vanished numeric DEFAULT NULL::numeric, timezone text DEFAULT NULL::text, schedule text DEFAULT NULL::text, '
	 'direction text DEFAULT ''higher_is_riskier''::text, scaling jsonb DEFAULT NULL::jsonb, cutoffs jsonb DEFAULT NULL::jsonb, bands jsonb DEFAULT NULL::jsonb, '
	 'scale text DEFAULT NULL::text, readers name[] DEFAULT ''{}''::name[]',
	 'regclass', 'v', 'u', false, true),
	('create_partitions', 'regclass,timestamp with time zone', 'history regclass, at timestamp with time zone',
	 'void', 'v', 'u', false, true),
	('create_stream_triggers', 'regclass,integer,text,text', 'relation regclass, job_id integer, name text, on_error text',
	 'void', 'v', 'u', false, true),
	('current_ranges', 'text,integer', 'kind text, job_id integer',
	 'TABLE(set integer, of_points boolean, low double precision, label text)', 's', 'u', false, false),
	('current_set', 'text,integer', 'kind text, job_id integer',
	 'integer', 's', 'u', false, false),
	('decide_job', 'text', 'name text',
	 'bigint', 'v', 'u', false, true),
	('drop_job', 'text,boolean', 'name text, keep_book boolean DEFAULT true',
	 'void', 'v', 'u', false, true),
	('check_watermark', 'scorebook.registered_job', 'job scorebook.registered_job', 'void', 's', 'u', false, true),
	('option_hint', 'text', 'option text', 'text', 'i', 's', false, true),
	('is_new_query', 'text,regclass', 'name text, source regclass', 'boolean', 's', 'u', false, true),
	('shown_source', 'text,regclass', 'name text, source regclass', 'text', 's', 'u', false, true),
	('shown_minutes', 'integer', 'minutes integer', 'text', 'i', 's', false, false),
	('changed_job', 'scorebook.registered_job,jsonb', 'job scorebook.registered_job, options jsonb',
	 'scorebook.registered_job', 's', 'u', false, true),
	('readable_key', 'scorebook.registered_job,jsonb', 'job scorebook.registered_job, key jsonb', 'jsonb', 's', 'u', false, true),
	('find_own_job', 'text', 'name text',
	 'scorebook.registered_job', 's', 'u', false, true),
	('find_own_book', 'text', 'job text',
	 'scorebook.registered_job', 's', 'u', false, true),
	('refuse_job', 'text,boolean', 'name text, with_dropped boolean',
	 'void', 's', 'u', false, true),
	('find_job', 'text', 'name text',
	 'scorebook.registered_job', 's', 'u', false, true),
	('find_source', 'text,text,name', 'name text, source text, schema name',
	 'regclass', 'v', 'u', false, true),
	('follow_partitions', '', '',
	 'event_trigger', 'v', 'u', false, false),
	('guard_book', '', '',
	 'trigger', 'v', 'u', false, true),
	('guard_record', '', '',
	 'trigger', 'v', 'u', false, false),
	('guard_table', 'regclass', 'book regclass',
	 'void', 'v', 'u', false, true),
	('key_object', 'scorebook.registered_job,jsonb', 'job scorebook.registered_job, key jsonb',
	 'jsonb', 's', 'u', false, true),
	('label_expression', 'text,integer,text', 'kind text, job_id integer, points text',
	 'text', 's', 'u', false, false),
	('may_read_job', 'name,regclass', 'owner name, result regclass',
	 'boolean', 's', 's', false, true),
	('register_stream', 'text,regclass,text', 'name text, relation regclass, on_error text',
	 'void', 'v', 'u', false, true),
	('result_shape', 'text', 'ref text, OUT width integer, OUT classes integer',
	 'record', 's', 's', true, true),
	('rollback', 'text,text,text', 'model text, alias text DEFAULT ''champion''::text, reason text DEFAULT NULL::text',
	 'integer', 'v', 'u', false, false),
	('row_digest', '"any"', 'VARIADIC "any"',
	 'bigint', 'i', 's', false, true),
	('run_is_alive', 'integer', 'job_id integer',
	 'boolean', 'v', 'u', true, true),
	('run_job_in_transaction', 'text,timestamp with time zone,boolean,boolean', 'name text, effective_at timestamp with time zone DEFAULT NULL::timestamp with time zone, only_changed boolean DEFAULT false, wait boolean DEFAULT false',
	 'bigint', 'v', 'u', false, true),
	('scaled_points', 'real,double precision,double precision,boolean', 'score real, offset_points double precision, factor double precision, higher_is_better boolean',
	 'integer', 'i', 's', true, true),
	('scaling_numbers', 'jsonb', 'scaling jsonb, OUT offset_points double precision, OUT factor double precision',
	 'record', 'i', 'u', false, true),
	('score_changes', '', '',
	 'trigger', 'v', 'u', false, true),
	('set_bands', 'text,jsonb,text', 'job text, bands jsonb, scale text DEFAULT NULL::text',
	 'integer', 'v', 'u', false, true),
	('set_cutoffs', 'text,jsonb,text', 'job text, cutoffs jsonb, scale text DEFAULT NULL::text',
	 'integer', 'v', 'u', false, true),
	('source_key', 'regclass', 'source regclass',
	 'name[]', 's', 'u', true, true),
	('source_relations', 'regclass', 'source regclass',
	 'jsonb', 's', 'u', false, true),
	('cron_values', 'text,integer,integer,text[]', 'field text, low integer, high integer, names text[] DEFAULT ''{}''::text[]',
	 'integer[]', 'i', 's', true, true),
	('read_cron', 'text', 'expression text, OUT fields text, OUT minutes integer[], OUT hours integer[], OUT days integer[], OUT last_day boolean, OUT months integer[], OUT weekdays integer[], OUT day_and_weekday boolean, OUT seconds integer',
	 'record', 'i', 's', false, true),
	('next_firings', 'text,text,timestamptz,integer', 'schedule text, timezone text, after timestamp with time zone, n integer',
	 'SETOF timestamp with time zone', 's', 'u', true, true),
	('fits_shifted', 'text,integer', 'schedule text, shift integer',
	 'boolean', 'i', 'u', false, false),
	('clock_differences', 'text,text', 'timezone text, other text',
	 'SETOF integer', 's', 'u', false, false),
	('schedule_job', 'text,text,text', 'name text, cron text, scheduler text DEFAULT ''pg_cron''::text',
	 'TABLE(fires_at timestamp with time zone, local_time timestamp without time zone)', 'v', 'u', false, true),
	('unschedule_job', 'text', 'name text',
	 'void', 'v', 'u', false, true),
	('change_schedule', 'text,text,text', 'name text, cron text, scheduler text',
	 'void', 'v', 'u', false, true),
	('due_since', 'text,text,text,timestamptz,timestamptz', 'schedule text, timezone text, scheduler text, scheduled_at timestamp with time zone, last_started_at timestamp with time zone',
	 'timestamp with time zone', 's', 'u', false, true),
	('forget_pg_cron', '', '', 'trigger', 'v', 'u', false, false),
	('due_jobs', '', '',
	 'TABLE(name text, upstream text[], held_up_by text[])', 's', 'u', false, true),
	('set_require_record', 'text,boolean,text', 'model text, required boolean, reason text DEFAULT NULL::text',
	 'void', 'v', 'u', false, false),
	('source_table', 'regclass,name[]', 'source regclass, shown name[], OUT relation regclass, OUT columns name[]',
	 'record', 's', 'u', true, true),
	('key_digest', 'record', 'key record',
	 'bigint', 's', 's', true, true),
	('key_place', 'text,record', 'job text, key record',
	 'integer', 's', 's', true, true),
	('split_of', 'text,anycompatible', 'job text, key anycompatible',
	 'text', 's', 'u', false, true),
	('compare_versions', 'text,text,text,timestamp with time zone,timestamp with time zone',
	 'job text, a text, b text, since timestamp with time zone DEFAULT ''-infinity''::timestamp with time zone, '
	 'until timestamp with time zone DEFAULT ''infinity''::timestamp with time zone, OUT rows_compared bigint, '
	 'OUT agreement double precision, OUT difference double precision[], OUT flips bigint, OUT flipped jsonb, '
	 'OUT rank_correlation double precision', 'record', 's', 'u', false, true),
	('streamed_table', 'scorebook.registered_job', 'job scorebook.registered_job, OUT relation regclass, OUT columns name[]',
	 'record', 's', 'u', false, true),
	('stream_job', 'text,text', 'name text, on_error text DEFAULT ''fail''::text',
	 'void', 'v', 'u', false, true),
	('unregister_job', 'text,boolean', 'name text, keep_book boolean',
	 'void', 'v', 'u', false, true),
	('unregister_stream', 'text', 'name text',
	 'void', 'v', 'u', false, true),
	('unstream_job', 'text', 'name text',
	 'void', 'v', 'u', false, true),
	('verify_book', 'text', 'job text',
	 'TABLE(problem text, run bigint, key text, detail text)', 's', 'u', false, true);

-- a procedure returns nothing
SELECT is(pg_get_function_arguments('scorebook.run_job'::regproc),
	'IN name text, IN effective_at timestamp with time zone DEFAULT NULL::timestamp with time zone, '
	'IN only_changed boolean DEFAULT false, IN wait boolean DEFAULT false', 'run_job names its arguments');
SELECT is(prokind, 'p', 'run_job is a procedure') FROM pg_proc WHERE oid = 'scorebook.run_job'::regproc;

-- replay
INSERT INTO api
SELECT f.name, f.types, f.arguments, f.result, 's', CASE l WHEN 'c' THEN 's' ELSE 'u' END::"char", false, true
FROM (VALUES
		('score_inputs', 'c', 'integer,integer,real[],text',
		 'model_id integer, version integer, inputs real[], ref text DEFAULT NULL::text', 'real[]'),
		('explain_inputs', 'c', 'integer,integer,real[],integer,text',
		 'model_id integer, version integer, inputs real[], top_n integer DEFAULT NULL::integer, class text DEFAULT NULL::text',
		 'TABLE(feature text, value text, contribution real, output text, base_value real, additivity_error real)'),
		('replay_verdict', 'c', 'integer,integer,real[],real[]', 'model_id integer, version integer, said real[], says real[]', 'text'),
		('find_book', 'p', 'text', 'job text', 'scorebook.registered_job'),
		('job_of_run', 'p', 'bigint', 'run bigint', 'scorebook.registered_job'),
		('row_of_key', 'p', 'scorebook.registered_job', 'job scorebook.registered_job', 'text'),
		('rows_of_run', 'p', 'scorebook.registered_job', 'job scorebook.registered_job', 'text'),
		('join_scoring_run', 'p', 'scorebook.registered_job', 'job scorebook.registered_job', 'text'),
		('scored_again', 'p', 'scorebook.registered_job,text,text', 'job scorebook.registered_job, rows text, ref text DEFAULT ''NULL''::text', 'text'),
		('status_view', 'p', 'scorebook.registered_job', 'job scorebook.registered_job', 'text'),
		('score_at', 'p', 'text,anycompatible,timestamp with time zone',
		 'job text, key anycompatible, at timestamp with time zone DEFAULT now()', 'jsonb'),
		('replay_score', 'p', 'text,anycompatible,timestamp with time zone',
		 'job text, key anycompatible, at timestamp with time zone DEFAULT now()',
		 'TABLE(run bigint, effective_at timestamp with time zone, model text, said real[], says real[], difference double precision, verdict text)'),
		('replay_run', 'p', 'bigint', 'run bigint',
		 'TABLE(key jsonb, effective_at timestamp with time zone, model text, said real[], says real[], difference double precision, verdict text)'),
		('rescore_run', 'p', 'bigint,text', 'run bigint, ref text',
		 'TABLE(key jsonb, effective_at timestamp with time zone, was real[], would_be real[], difference double precision)'),
		('explain_score', 'p', 'text,anycompatible,timestamp with time zone,integer,text',
		 'job text, key anycompatible, at timestamp with time zone DEFAULT now(), top_n integer DEFAULT NULL::integer, class text DEFAULT NULL::text',
		 'TABLE(feature text, value text, contribution real, output text, base_value real, additivity_error real)'),
		('failing_keys', 'p', 'integer', 'job_id integer',
		 'TABLE(key_digest bigint, period timestamp with time zone, confirmed_at timestamp with time zone)'),
		('failing_since', 'p', 'integer,bigint,timestamp with time zone',
		 'job_id integer, key_digest bigint, confirmed_at timestamp with time zone', 'timestamp with time zone'))
	AS f (name, l, types, arguments, result);
INSERT INTO api VALUES
	('largest_difference', 'real[],real[]', 'said real[], says real[]', 'double precision', 'i', 's', true, true),
	('create_status_view', 'text,name[]', 'name text, readers name[]', 'void', 'v', 'u', false, true);

-- erasing and retention
INSERT INTO api VALUES
	('apply_retention', 'text,name,interval,interval',
	 'job text DEFAULT NULL::text, archive name DEFAULT NULL::name, row_errors interval DEFAULT ''90 days''::interval, runs interval DEFAULT ''400 days''::interval',
	 'SETOF scorebook.retention_action', 'v', 'u', false, true),
	('begins_at', 'integer', 'timeline integer', 'timestamp with time zone', 's', 's', true, true),
	('book_tables', 'scorebook.registered_job', 'job scorebook.registered_job',
	 'TABLE(relation regclass, kind text, is_shadow boolean, part text)', 's', 'u', false, true),
	('erase', 'text,anycompatible,text,boolean', 'job text, key anycompatible, reason text, wait boolean DEFAULT false',
	 'TABLE(place text, rows bigint, note text)', 'v', 'u', false, true),
	('erase_subject', 'text,jsonb,text,boolean', 'job text, subject jsonb, reason text, wait boolean', 'jsonb', 'v', 'u', false, true),
	('is_erased', 'integer,jsonb,timestamptz', 'job_id integer, subject jsonb, at timestamp with time zone', 'boolean', 's', 'u', false, true),
	('partition_bounds', 'regclass', 'relation regclass, OUT lower timestamp with time zone, OUT upper timestamp with time zone',
	 'record', 's', 's', true, true),
	('partition_name', 'regclass,timestamptz', 'history regclass, at timestamp with time zone', 'text', 's', 'u', false, true),
	('retain_book', 'integer,name,interval,interval', 'job_id integer, archive name, row_errors interval, runs interval',
	 'bigint[]', 'v', 'u', false, true),
	('subject_of', 'scorebook.registered_job,jsonb', 'book scorebook.registered_job, key jsonb', 'jsonb', 's', 'u', false, true),
	('unerase', 'text,anycompatible,text', 'job text, key anycompatible, reason text', 'void', 'v', 'u', false, true),
	('unerase_subject', 'text,jsonb,text', 'job text, subject jsonb, reason text', 'void', 'v', 'u', false, true),
	('archived_partitions', 'integer', 'job_id integer', 'TABLE(relation regclass, is_own boolean)', 's', 'u', false, false),
	('count_gone', 'text', 'gone text', 'text', 'i', 's', false, false),
	('end_digest', 'bigint,text', 'row_digest bigint, end_reason text', 'bigint', 'i', 's', false, true),
	('row_digest_of', 'regclass', 'relation regclass', 'text', 's', 'u', false, false);

-- histories and training sets
INSERT INTO api VALUES
	('add_system_versioning', 'regclass', 'relation regclass', 'regclass', 'v', 'u', false, true),
	('drop_system_versioning', 'regclass,boolean', 'relation regclass, keep_history boolean DEFAULT true', 'void',
	 'v', 'u', false, true),
	('as_of_final_until', 'regclass', 'relation regclass', 'timestamp with time zone', 's', 'u', false, true),
	('verify_history', 'regclass', 'relation regclass', 'TABLE(problem text, key text, detail text)', 's', 'u', false, true),
	('snapshot_training_data', 'text,timestamptz,text',
	 'query text, at timestamp with time zone DEFAULT NULL::timestamp with time zone, description text DEFAULT NULL::text',
	 'bigint', 'v', 'u', false, true),
	('verify_snapshot', 'bigint',
	 'snapshot_id bigint, OUT verdict text, OUT method text, OUT row_count bigint, OUT checksum numeric, OUT detail text',
	 'record', 'v', 'u', false, true);

-- what these are made of: PUBLIC executes it, as they run with the caller's
-- rights, but it is nobody's to call
CREATE TEMP TABLE part (name text NOT NULL);
INSERT INTO part SELECT unnest('{
	create_book,check_tables,comment_columns,shown_key,register_job,check_job,changeable_options,key_definition,model_of_reference,split_places,
	check_split,check_split_shares,check_shadows,check_reasons,check_explainable,explanation_problem,
	create_shadow_book,shadow_table,compared_side,compared_rows,served_versions,decision_expression,verify_runs,verify_statement,
	add_companion,as_of_body,as_of_functions,check_begin,check_can_be_versioned,check_companion,
	check_key,check_triggers,check_types,column_definitions,create_triggers,drop_triggers,final_until,find_versioned,follow_columns,
	follow_relation,guard_history,history_statements,keep_history,member_tables,name_list,open_writer,
	refuse_unknown_row,register_versioning,rename_column,renew_versioning,row_columns,row_key,
	unregister_versioning,write_as_of,
	digest_query,plan_relations,query_changes,query_columns,query_relations,read_only_result,record_snapshot,text_settings,
	this_database}'::text[]);

CREATE TEMP VIEW found AS
	SELECT a.*, format('%s(%s)', a.name, a.types) AS signature, p.oid, p.provolatile, p.proparallel,
		p.proisstrict
	FROM api AS a
		LEFT JOIN pg_proc AS p ON p.oid = to_regprocedure(format('scorebook.%s(%s)', a.name, a.types));

SELECT isnt(oid, NULL, signature || ' exists') FROM found ORDER BY signature;
SELECT is(pg_get_function_arguments(oid), arguments, signature || ' names its arguments')
FROM found ORDER BY signature;
SELECT is(pg_get_function_result(oid), result, signature || ' returns ' || result)
FROM found ORDER BY signature;
SELECT is(provolatile, volatility, signature || ': volatility') FROM found ORDER BY signature;
SELECT is(proparallel, parallel, signature || ': parallel safety') FROM found ORDER BY signature;
SELECT is(proisstrict, strict, signature || ': strictness') FROM found ORDER BY signature;

-- functions of the extension that are not listed above are its own affair
CREATE TEMP VIEW member AS
	SELECT p.oid, p.oid::regprocedure::text AS signature, p.proname, p.prosecdef, p.proconfig,
		coalesce(p.proacl, acldefault('f', p.proowner)) AS acl
	FROM pg_depend AS d
		JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
		JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	WHERE e.extname = 'scorebook' AND d.deptype = 'e';

SELECT set_eq(
	$$SELECT oid FROM member WHERE proname !~ '_internal$' AND proname NOT IN ('refuse_update', 'run_job', 'run_due_job', 'run_due_jobs')$$,
	$$SELECT oid FROM found UNION SELECT oid FROM member JOIN part ON name = proname$$,
	'there is no other public function');

SELECT set_eq(
	$$SELECT m.oid FROM member AS m, aclexplode(m.acl) AS a
	  WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE'$$,
	$$SELECT oid FROM found WHERE public UNION SELECT unnest('{scorebook.run_job,scorebook.run_due_job,scorebook.run_due_jobs}'::regproc[])
	  UNION SELECT oid FROM member JOIN part ON name = proname$$,
	'PUBLIC executes what it should, and nothing else');
SELECT is(array_agg(DISTINCT a.grantee), ARRAY[p.proowner], m.signature || ' is for its owner alone')
FROM member AS m JOIN pg_proc AS p USING (oid), aclexplode(m.acl) AS a
WHERE m.oid NOT IN (SELECT oid FROM found WHERE public) AND m.proname NOT IN ('run_job', 'run_due_job', 'run_due_jobs')
	AND m.proname NOT IN (SELECT name FROM part)
GROUP BY m.signature, p.proowner
ORDER BY m.signature;

SELECT isnt(obj_description(oid, 'pg_proc'), NULL, signature || ' has a comment')
FROM member ORDER BY signature;
SELECT is_empty(
	$$SELECT signature FROM member
	  WHERE prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)$$,
	'a function with its owner''s rights has a search path of its own');
SELECT is(proconfig[1], 'search_path=pg_catalog, pg_temp', m.signature || ' has a search path of its own')
FROM member AS m JOIN pg_proc AS p USING (oid, proconfig) JOIN pg_language AS l ON l.oid = p.prolang
WHERE l.lanname IN ('sql', 'plpgsql') AND m.proname <> 'read_only_result'
ORDER BY m.signature;
-- these look names up as their caller does; a body that was parsed has none to look up
SELECT set_eq(
	$$SELECT proname FROM member AS m JOIN pg_proc AS p USING (oid, proname) JOIN pg_language AS l ON l.oid = p.prolang
	  WHERE l.lanname IN ('sql', 'plpgsql') AND p.proconfig IS NULL AND p.prosqlbody IS NULL$$,
	'{create_job_internal,find_source,run_due_jobs_internal,snapshot_training_data,verify_snapshot,digest_query,query_columns,query_relations,text_settings}'::name[],
	'the others have none');

-- tables
SELECT tables_are('scorebook',
	'{model,model_version,model_artifact,model_feature,alias,retirement,compiled_model,golden_row,verification,model_grant,'
	'timeline,moment,registered_job,job_definition,job_grant,cutoff,band,run,run_model,row_error,stream,versioned_relation,training_snapshot,'
	'record_requirement,tombstone,erasure_secret,amendment,retention_action}'::name[]);

CREATE TEMP VIEW registry AS
	SELECT c.oid, c.relname, c.relkind, c.relrowsecurity,
		coalesce(c.relacl, acldefault('r', c.relowner)) AS acl
	FROM pg_class AS c
	WHERE c.relnamespace = 'scorebook'::regnamespace;

SELECT set_eq(
	$$SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'scorebook'$$,
	$$SELECT oid FROM registry WHERE relkind IN ('r', 'S')$$,
	'a dump takes every table and sequence along');
SELECT is(extcondition, array_fill(''::text, ARRAY[cardinality(extconfig)]), 'with all their rows')
FROM pg_extension WHERE extname = 'scorebook';
SELECT ok(relrowsecurity, relname || ' has row level security')
FROM registry WHERE relkind = 'r' AND relname NOT IN ('timeline', 'moment', 'versioned_relation') ORDER BY relname;
SELECT is(
	(SELECT array_agg(cmd || ' ' || roles::text) FROM pg_policies
	 WHERE schemaname = 'scorebook' AND tablename = relname),
	'{"SELECT {public}"}', relname || ' has one policy, and that is for reading')
FROM registry WHERE relkind = 'r' AND relrowsecurity AND relname <> 'erasure_secret' ORDER BY relname;
SELECT is(
	(SELECT array_agg(a.privilege_type) FROM aclexplode(acl) AS a WHERE a.grantee = 0),
	'{SELECT}', 'PUBLIC may read ' || relname || ', and no more')
FROM registry WHERE relkind = 'r' AND relname <> 'erasure_secret' ORDER BY relname;
SELECT is_empty(
	$$SELECT FROM pg_policies WHERE schemaname = 'scorebook' AND tablename = 'erasure_secret'
	  UNION ALL SELECT FROM registry AS r, aclexplode(r.acl) AS a WHERE r.relname = 'erasure_secret' AND a.grantee = 0$$,
	'the secret is for nobody');
SELECT is_empty(
	$$SELECT relname, a.grantee FROM registry AS r, aclexplode(r.acl) AS a
	  WHERE relkind = 'r' AND a.grantee NOT IN (0, (SELECT relowner FROM pg_class WHERE oid = r.oid))$$,
	'nobody else has rights on a table');
SELECT is_empty(
	$$SELECT relname FROM registry AS r, aclexplode(r.acl) AS a
	  WHERE relkind = 'S' AND a.grantee <> (SELECT relowner FROM pg_class WHERE oid = r.oid)$$,
	'nor any right on a sequence');
SELECT isnt(obj_description(oid, 'pg_class'), NULL, relname || ' has a comment')
FROM registry WHERE relkind = 'r' ORDER BY relname;
SELECT is(
	(SELECT count(*) FROM pg_trigger AS t
	 WHERE t.tgrelid = r.oid AND NOT t.tgisinternal AND (t.tgtype & 4) <> 0),
	0::bigint, relname || ' has no trigger on INSERT')
FROM registry AS r WHERE relkind = 'r' AND relname NOT IN ('alias', 'moment', 'registered_job', 'retirement', 'versioned_relation') ORDER BY relname;
-- of one thing a restore is to be told
SELECT is(string_agg(t.tgname, ' '), 'restored_schedule', 'a restored job only forgets what pg_cron knew')
FROM pg_trigger AS t
WHERE t.tgrelid = 'scorebook.registered_job'::regclass AND NOT t.tgisinternal AND (t.tgtype & 4) <> 0;
-- rows that a restore brings are let alone
SELECT matches(pg_get_triggerdef(t.oid), ' WHEN |INITIALLY DEFERRED', tgname || ' has a condition, or waits for the end')
FROM pg_trigger AS t
WHERE t.tgrelid IN ('scorebook.alias'::regclass, 'scorebook.moment'::regclass, 'scorebook.retirement'::regclass, 'scorebook.versioned_relation'::regclass) AND (t.tgtype & 4) <> 0
	AND NOT t.tgisinternal
ORDER BY tgname;

-- the schema and the extension
SELECT is(
	(SELECT array_agg(a.privilege_type) FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
	 WHERE n.nspname = 'scorebook' AND a.grantee = 0),
	'{USAGE}', 'PUBLIC may use the schema, and not create in it');
SELECT is(extrelocatable, false, 'the extension is not relocatable')
FROM pg_extension WHERE extname = 'scorebook';
SELECT is((superuser, trusted)::text, '(t,f)', 'only a superuser creates the extension')
FROM pg_available_extension_versions WHERE name = 'scorebook' AND installed;

SELECT * FROM finish();
ROLLBACK;
