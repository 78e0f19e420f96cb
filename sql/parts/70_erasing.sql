-- Erasing: what a book knows of one subject goes, and does not come back.
--
-- Of an erased key nothing is left but a keyed hash, so that later runs can
-- tell it.  What was taken from the rows of each run is written down, so that
-- verify_book still proves that nothing else was.

CREATE TABLE scorebook.tombstone
(
	tombstone		bigint GENERATED ALWAYS AS IDENTITY,
	job_id			integer NOT NULL,
	key_hash		bytea NOT NULL,
	erased_at		timestamp with time zone NOT NULL,
	erased_by		name NOT NULL,
	reason			text NOT NULL,
	lifted_at		timestamp with time zone,
	lifted_by		name,
	lifted_reason	text,
	CONSTRAINT tombstone_pkey PRIMARY KEY (tombstone)
);

CREATE INDEX tombstone_job_id_key_hash_idx ON scorebook.tombstone (job_id, key_hash);

COMMENT ON TABLE scorebook.tombstone IS
	'when, by whom and why the key of a job was erased, without the key';
COMMENT ON COLUMN scorebook.tombstone.key_hash IS
	'scorebook.keyed_hash_internal of the key, under the secret of the job';
COMMENT ON COLUMN scorebook.tombstone.lifted_at IS
	'since when the key may be scored again, or null';

-- Without it, the keys of a job could be found by hashing all that there may be.
CREATE TABLE scorebook.erasure_secret
(
	job_id	integer NOT NULL,
	secret	bytea NOT NULL,
	CONSTRAINT erasure_secret_pkey PRIMARY KEY (job_id)
);

COMMENT ON TABLE scorebook.erasure_secret IS
	'what the keys of a job are hashed with when they are erased; only the owner of the extension reads it';

CREATE TABLE scorebook.amendment
(
	job_id			integer NOT NULL,
	run				bigint NOT NULL,
	part			text NOT NULL,
	reason			text NOT NULL,
	rows_written	bigint NOT NULL,
	rows_ended		bigint NOT NULL,
	digest			numeric NOT NULL,
	CONSTRAINT amendment_pkey PRIMARY KEY (run, part, reason),
	CONSTRAINT amendment_reason_check CHECK (reason IN ('erased', 'expired', 'blanked'))
);

COMMENT ON TABLE scorebook.amendment IS
	'what was taken from the rows of a run since, and why';
COMMENT ON COLUMN scorebook.amendment.part IS
	'of its rows those of this shadow; empty: those of the job itself';
COMMENT ON COLUMN scorebook.amendment.reason IS
	'erased: the key was; expired: a partition was too old; blanked: the inputs were';
COMMENT ON COLUMN scorebook.amendment.rows_written IS
	'so many of the rows that it wrote are gone';
COMMENT ON COLUMN scorebook.amendment.rows_ended IS
	'so many of the rows that it ended are gone';
COMMENT ON COLUMN scorebook.amendment.digest IS
	'so much less is the digest of the run';

CREATE TRIGGER amendment_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON scorebook.amendment
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.guard_record();

SELECT pg_catalog.pg_extension_config_dump('scorebook.tombstone', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.tombstone_tombstone_seq', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.erasure_secret', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.amendment', '');

CREATE FUNCTION scorebook.keep_writers_out_internal(job_id integer, name text, wait boolean)
RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_keep_writers_out';

COMMENT ON FUNCTION scorebook.keep_writers_out_internal(integer, text, boolean) IS
	'nothing writes the book of a job before the end of the transaction; throws, or waits, where something does';

CREATE FUNCTION scorebook.amend_book_internal(relation regclass, statement text, argument jsonb)
RETURNS TABLE (part text, run bigint, rows bigint, rows_written bigint, rows_ended bigint, digest numeric)
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'sbk_sql_amend_book';

COMMENT ON FUNCTION scorebook.amend_book_internal(regclass, text, jsonb) IS
	'takes from a table of a book what must not be kept, as its owner: returns what the statement does, by run';

CREATE FUNCTION scorebook.read_key_internal(job_id integer, relation regclass, statement text, key jsonb,
	OUT hash bytea, OUT digest bigint, OUT shown text, OUT pattern text)
RETURNS record
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_read_key';

COMMENT ON FUNCTION scorebook.read_key_internal(integer, regclass, text, jsonb) IS
	'what a key is known by: its hash, null before anything was erased, its digest, how it is shown, and a pattern for all ways to show it';

CREATE FUNCTION scorebook.keyed_hash_internal(secret bytea, bytes bytea)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_keyed_hash';

COMMENT ON FUNCTION scorebook.keyed_hash_internal(bytea, bytea) IS
	'128 bits: SipHash-2-4 under the first and under the second half of a secret of 256 bits';

-- What a key looks like to the columns of a book.  A number that would have to
-- be rounded is another key.
CREATE FUNCTION scorebook.known_key_internal(book scorebook.registered_job, subject jsonb,
	OUT hash bytea, OUT digest bigint, OUT shown text, OUT pattern text)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM jsonb_each(subject) AS k WHERE jsonb_typeof(k.value) = 'null') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = format('a key of job "%s" cannot be null', book.name);
	END IF;
	PERFORM scorebook.check_tables(book, book.result);
	SELECT k.* INTO hash, digest, shown, pattern
	FROM scorebook.read_key_internal(book.job_id, book.result,
		(SELECT format('SELECT %s FROM jsonb_populate_record(NULL::%s, $1) AS k WHERE %s',
			scorebook.column_list(book.key, 'k.%I'), book.result,
			coalesce(string_agg(format('k.%I = ($1 ->> %L)::%s', a.attname, a.attname,
				format_type(a.atttypid, -1)), ' AND '), 'true'))
		 FROM pg_attribute AS a
		 WHERE a.attrelid = book.result AND a.attname = ANY (book.key) AND a.atttypmod <> -1),
		subject) AS k;
	IF shown IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('job "%s" cannot have the key %s', book.name, subject),
			DETAIL = 'It does not fit the types of the columns of the key.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.known_key_internal(scorebook.registered_job, jsonb) IS
	'read_key_internal of a key of a job';

-- The columns of the key only: all periods are one subject's.
CREATE FUNCTION scorebook.subject_of(book scorebook.registered_job, key jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_object_agg(k.name, k.object -> k.name)
	FROM (SELECT n.name::text, scorebook.key_object(book, key) AS object
		  FROM unnest(book.key) AS n (name)) AS k
$$;

COMMENT ON FUNCTION scorebook.subject_of(scorebook.registered_job, jsonb) IS
	'a key of a job as an object with its columns, whatever the period';

CREATE FUNCTION scorebook.row_digest_of(relation regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'scorebook.row_digest(' || string_agg(format('c.%I', a.attname), ', ' ORDER BY a.attnum) || ')'
	FROM pg_attribute AS a
	WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
		AND a.attnum < (SELECT r.attnum FROM pg_attribute AS r WHERE r.attrelid = relation AND r.attname = 'run')
$$;

COMMENT ON FUNCTION scorebook.row_digest_of(regclass) IS
	'an expression for the digest of a row, c, of a table of a book';

-- Of rows that go: a statement by which they do, and which has their part, their
-- run, the run that ended them and why, or null, and their digest.
CREATE FUNCTION scorebook.count_gone(gone text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('WITH gone AS (%s)'
		' SELECT g.part, g.run, sum(g.written)::bigint, sum(g.written)::bigint, sum(g.ended)::bigint, sum(g.digest)::numeric'
		' FROM (SELECT g.part, g.run, 1 AS written, 0 AS ended, g.digest FROM gone AS g'
		' UNION ALL SELECT g.part, g.ended_by, 0, 1, scorebook.end_digest(g.digest, g.end_reason)'
		' FROM gone AS g WHERE g.ended_by IS NOT NULL) AS g'
		' GROUP BY g.part, g.run', gone)
$$;

COMMENT ON FUNCTION scorebook.count_gone(text) IS
	'a statement as amend_book_internal takes it, from one by which rows go';

CREATE FUNCTION scorebook.record_amendment_internal(book scorebook.registered_job, why text, parts text[],
	runs bigint[], written bigint[], ended bigint[], digests numeric[])
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO scorebook.amendment AS a (job_id, run, part, reason, rows_written, rows_ended, digest)
	SELECT book.job_id, g.run, g.part, why, g.written, g.ended, g.digest
	FROM unnest(parts, runs, written, ended, digests) AS g (part, run, written, ended, digest)
	ON CONFLICT ON CONSTRAINT amendment_pkey DO UPDATE
	SET rows_written = a.rows_written + excluded.rows_written,
		rows_ended = a.rows_ended + excluded.rows_ended,
		digest = a.digest + excluded.digest
$$;

COMMENT ON FUNCTION scorebook.record_amendment_internal(scorebook.registered_job, text, text[], bigint[], bigint[],
	bigint[], numeric[]) IS
	'writes down what was taken from the rows of runs';

CREATE FUNCTION scorebook.erase(job text, key anycompatible, reason text, wait boolean DEFAULT false)
RETURNS TABLE (place text, rows bigint, note text)
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.erase(text, anycompatible, text, boolean) IS
	'removes what the book of a job knows of one subject, and keeps it from coming back; returns from where, and what it could not reach';

CREATE FUNCTION scorebook.erase_internal(job text, key anycompatible, reason text, wait boolean)
RETURNS TABLE (place text, rows bigint, note text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.find_own_book(job);
	subject constant jsonb := scorebook.subject_of(book, scorebook.readable_key(book, to_jsonb(key)));
BEGIN
	RETURN QUERY
	SELECT r.place, r.rows, r.note
	FROM jsonb_to_recordset(scorebook.erase_subject(job, subject, reason, wait))
		AS r (place text, rows bigint, note text);
END
$$;

COMMENT ON FUNCTION scorebook.erase_internal(text, anycompatible, text, boolean) IS
	'what erase does';

CREATE FUNCTION scorebook.unerase(job text, key anycompatible, reason text)
RETURNS void
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'sbk_sql_entry';

COMMENT ON FUNCTION scorebook.unerase(text, anycompatible, text) IS
	'lets a key be scored again that was erased';

CREATE FUNCTION scorebook.unerase_internal(job text, key anycompatible, reason text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.find_own_book(job);
BEGIN
	PERFORM scorebook.unerase_subject(job, scorebook.subject_of(book, scorebook.readable_key(book, to_jsonb(key))), reason);
END
$$;

COMMENT ON FUNCTION scorebook.unerase_internal(text, anycompatible, text) IS
	'what unerase does';

CREATE FUNCTION scorebook.erase_subject(job text, subject jsonb, reason text, wait boolean)
RETURNS jsonb
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.erase_subject(text, jsonb, text, boolean) IS
	'what erase does';

CREATE FUNCTION scorebook.unerase_subject(job text, subject jsonb, reason text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.unerase_subject(text, jsonb, text) IS
	'what unerase does';

CREATE FUNCTION scorebook.is_erased(job_id integer, subject jsonb, at timestamp with time zone)
RETURNS boolean
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.is_erased(integer, jsonb, timestamp with time zone) IS
	'was what a job said of a key at a time erased?';

-- A snapshot that is older than the lock would hide rows from who erases them.
CREATE FUNCTION scorebook.check_amending_internal(what text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_transaction_state',
			MESSAGE = format('%s needs a transaction that is READ COMMITTED', what),
			DETAIL = format('This one is %s, and does not see what others have committed since it began.',
				upper(current_setting('transaction_isolation'))),
			HINT = 'Use BEGIN ISOLATION LEVEL READ COMMITTED.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_amending_internal(text) IS
	'throws where a transaction could not see all rows of a book';

CREATE FUNCTION scorebook.check_reason_internal(reason text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF coalesce(btrim(reason), '') = '' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the reason cannot be null or empty',
			HINT = 'Give the number of the request, for example, and not who made it: reasons are kept.';
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.check_reason_internal(text) IS
	'throws where there is no reason';

CREATE FUNCTION scorebook.erase_subject_internal(caller name, job text, subject jsonb, reason text, wait boolean)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book scorebook.registered_job := scorebook.find_own_book_internal(caller, job);
	known record;
	matches text;
	part record;
	gone record;
	removed bigint;
	report jsonb := '[]';
BEGIN
	PERFORM scorebook.check_reason_internal(reason);
	PERFORM scorebook.check_amending_internal('erase');
	PERFORM scorebook.known_key_internal(book, subject);
	PERFORM scorebook.keep_writers_out_internal(book.job_id, book.name, coalesce(wait, false));
	book := scorebook.find_own_book_internal(caller, job);
	INSERT INTO scorebook.erasure_secret (job_id, secret)
	VALUES (book.job_id, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))
	ON CONFLICT DO NOTHING;
	SELECT k.* INTO known FROM scorebook.known_key_internal(book, subject) AS k;
	matches := (
		SELECT string_agg(format('c.%1$I = (jsonb_populate_record(NULL::%2$s, $1)).%1$I', k.name, book.result), ' AND ')
		FROM unnest(book.key) AS k (name));
	FOR part IN
		SELECT b.relation, b.kind, b.part FROM scorebook.book_tables(book) AS b
		UNION ALL
		SELECT a.relation, 'archive', '''''::text' FROM scorebook.archived_partitions(book.job_id) AS a WHERE a.is_own
	LOOP
		SELECT coalesce(sum(a.rows), 0) AS rows, array_agg(a.part) AS parts, array_agg(a.run) AS runs,
			array_agg(a.rows_written) AS written, array_agg(a.rows_ended) AS ended, array_agg(a.digest) AS digests
		INTO gone
		FROM scorebook.amend_book_internal(part.relation, scorebook.count_gone(format(
				'DELETE FROM %s AS c WHERE %s RETURNING %s AS part, c.run, %s, %s AS digest',
				part.relation, matches, part.part,
				CASE part.kind WHEN 'result' THEN 'NULL::bigint AS ended_by, NULL AS end_reason'
					ELSE 'c.ended_by, c.end_reason' END,
				scorebook.row_digest_of(part.relation))), subject) AS a;
		PERFORM FROM scorebook.amend_book_internal(part.relation, format(
			'SELECT '''', c.run, 1::bigint, 0::bigint, 0::bigint, 0::numeric FROM %s AS c WHERE %s', part.relation,
			matches), subject) AS a;
		IF FOUND THEN
			RAISE EXCEPTION USING
				ERRCODE = 'object_not_in_prerequisite_state',
				MESSAGE = format('the key %s of job "%s" cannot be removed from %s', known.shown, book.name,
					part.relation),
				HINT = 'Drop the triggers and policies of the table that are not scorebook''s.';
		END IF;
		-- what was archived has left the book before
		IF part.kind <> 'archive' THEN
			PERFORM scorebook.record_amendment_internal(book, 'erased', gone.parts, gone.runs, gone.written,
				gone.ended, gone.digests);
		END IF;
		report := report || jsonb_build_object('place', part.relation, 'rows', gone.rows);
	END LOOP;

	DELETE FROM scorebook.row_error AS e
	WHERE e.job_id = book.job_id AND (e.key_digest = known.digest OR e.key ~ ('^' || known.pattern || '$'));
	GET DIAGNOSTICS removed = ROW_COUNT;
	report := report || jsonb_build_object('place', 'scorebook.row_error', 'rows', removed);
	UPDATE scorebook.run AS r
	SET message = 'erased', failed_key = NULL, failed_key_digest = NULL
	WHERE r.job_id = book.job_id AND (r.failed_key_digest = known.digest
		OR r.failed_key ~ ('^' || known.pattern || '$') OR r.message ~ known.pattern);
	GET DIAGNOSTICS removed = ROW_COUNT;
	report := report || jsonb_build_object('place', 'scorebook.run', 'rows', removed,
		'note', 'The runs stay, without the key and the message that they failed with.');

	INSERT INTO scorebook.tombstone (job_id, key_hash, erased_at, erased_by, reason)
	VALUES (book.job_id, known.hash, clock_timestamp(), caller, reason);
	RETURN report || coalesce(
		(SELECT jsonb_agg(jsonb_build_object('place', u.place, 'note', u.note))
		 FROM scorebook.out_of_reach_internal(book) AS u), '[]');
END
$$;

COMMENT ON FUNCTION scorebook.erase_subject_internal(name, text, jsonb, text, boolean) IS
	'what erase_subject does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.out_of_reach_internal(book scorebook.registered_job)
RETURNS TABLE (place text, note text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE source AS MATERIALIZED
	(
		SELECT (r.relation ->> 'oid')::oid AS oid, r.relation ->> 'relation' AS name, r.relation ->> 'kind' AS kind
		FROM jsonb_array_elements(scorebook.source_relations(book.source)) AS r (relation)
	), reader AS
	(
		SELECT b.relation::oid AS oid FROM scorebook.book_tables(book) AS b
		UNION
		SELECT w.ev_class
		FROM reader AS r
			JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
				AND d.refobjid = r.oid
			JOIN pg_rewrite AS w ON w.oid = d.objid
	)
	SELECT s.name, 'The source has what it has of the subject; runs skip it.'
	FROM source AS s
	WHERE s.kind NOT IN ('v', 'i')
	UNION ALL
	SELECT a.relation::text, 'It was archived from the history, and belongs to somebody else now.'
	FROM scorebook.archived_partitions(book.job_id) AS a
	WHERE NOT a.is_own
	UNION ALL
	SELECT h.relation::text, 'The history of a source has what the subject was.'
	FROM source AS s JOIN scorebook.versioned_relation AS v ON v.relation = s.oid,
		unnest(ARRAY[v.history, v.since]) AS h (relation)
	UNION ALL
	SELECT c.oid::regclass::text, 'It was filled from the book: REFRESH MATERIALIZED VIEW.'
	FROM reader AS r JOIN pg_class AS c ON c.oid = r.oid AND c.relkind = 'm'
	UNION ALL
	SELECT j.result::text, format('Job "%s" reads this book: erase the subject there, too.', j.name)
	FROM scorebook.registered_job AS j JOIN reader AS r ON r.oid = j.source
	UNION ALL
	SELECT 'scorebook.training_snapshot', 'Training sets that were written down are not repeated without the subject.'
	WHERE EXISTS (SELECT FROM scorebook.training_snapshot)
	UNION ALL
	VALUES
		('backups', 'Dumps and base backups have the subject until they are thrown away.'),
		('archived WAL', 'It can bring back each state that the database had.'),
		('the server''s log', 'Messages of failed runs name keys.'),
		('exports and other tables', 'What was copied out of the book is not known here.')
$$;

COMMENT ON FUNCTION scorebook.out_of_reach_internal(scorebook.registered_job) IS
	'where a subject may still be after it was erased from the book of a job';

CREATE FUNCTION scorebook.unerase_subject_internal(caller name, job text, subject jsonb, reason text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book constant scorebook.registered_job := scorebook.find_own_book_internal(caller, job);
	known record;
BEGIN
	PERFORM scorebook.check_reason_internal(reason);
	SELECT k.* INTO known FROM scorebook.known_key_internal(book, subject) AS k;
	UPDATE scorebook.tombstone AS t
	SET lifted_at = clock_timestamp(), lifted_by = caller,
		lifted_reason = unerase_subject_internal.reason
	WHERE t.job_id = book.job_id AND t.key_hash = known.hash AND t.lifted_at IS NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = format('the key %s of job "%s" is not erased', known.shown, book.name);
	END IF;
END
$$;

COMMENT ON FUNCTION scorebook.unerase_subject_internal(name, text, jsonb, text) IS
	'what unerase_subject does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.is_erased_internal(caller name, job_id integer, subject jsonb,
	at timestamp with time zone)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	book scorebook.registered_job;
BEGIN
	SELECT j.* INTO book FROM scorebook.registered_job AS j WHERE j.job_id = is_erased_internal.job_id;
	IF has_table_privilege(caller, book.result, 'SELECT') IS NOT TRUE THEN
		PERFORM scorebook.check_job_privilege_internal(caller, book, 'own');
	END IF;
	IF NOT EXISTS (SELECT FROM scorebook.tombstone AS t WHERE t.job_id = book.job_id) THEN
		RETURN false;
	END IF;
	RETURN EXISTS
		(SELECT FROM scorebook.tombstone AS t
		 WHERE t.job_id = book.job_id
			AND t.key_hash = (scorebook.known_key_internal(book, scorebook.subject_of(book, subject))).hash
			AND (t.lifted_at IS NULL OR t.erased_at > at));
END
$$;

COMMENT ON FUNCTION scorebook.is_erased_internal(name, integer, jsonb, timestamp with time zone) IS
	'what is_erased does, with the rights of the extension''s owner';
