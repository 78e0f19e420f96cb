-- A column of a key may be called as it likes: whatever name the statements of
-- scorebook use for something of their own, a source may use for its key.
\if :{?fixtures}
\else
\getenv fixtures SCOREBOOK_FIXTURES
\endif
SET client_min_messages = warning;
BEGIN;
SELECT no_plan();
CREATE SCHEMA named;
SET search_path = named, public;
SELECT scorebook.load_model('risk', pg_read_binary_file(:'fixtures' || '/1.7.4/binlog.ubj')),
	scorebook.load_model('risk', pg_read_binary_file(:'fixtures' || '/1.7.4/rf.ubj')) \g /dev/null
CREATE TABLE input (f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
INSERT INTO input SELECT i, 1, 2, 3, 4, 5, 6, 7 FROM generate_series(1, 4) AS i;

-- what statements about keys call something of their own, and what is awkward;
-- a unique constraint has no more than 32 columns
CREATE TABLE key_name AS
SELECT name, (row_number() OVER (ORDER BY name) - 1) / 28 AS part
FROM (SELECT m[1] AS name
	  FROM pg_proc AS p, regexp_matches(p.prosrc, '(?:\mAS |\m[a-z]\.)([a-z_]+)\M', 'gn') AS m
	  WHERE p.pronamespace = 'scorebook'::regnamespace AND p.prosrc ~ 'column_list|shown_key|\.key\M'
	  UNION
	  SELECT unnest(ARRAY['%I', '%s', '100%', '%1$s', '%%', 'a b', 'Key', '"', '''', '\', '$1', '$sql$', ',', ')=(', 'old_rows', 'new_rows',
			'source', 'changed', 'written', 'gone', 'shadowed', 'old_ctid', 'old_run', 'excluded', 'what', 'reason', 'compared', 'c', 'w'])) AS n
WHERE name NOT IN (SELECT b.name FROM scorebook.book_columns(false, false) AS b)
	AND name NOT IN ('effective_at', 'ended_by', 'system_to', 'end_reason', 'confirmed_at', 'stale', 'stale_since', 'served', 'scores', 'ctid');
SELECT cmp_ok(count(*), '>', 100::bigint, 'names of all kinds are tried') FROM key_name;

-- all that can be done with a book, by a key of some of them
CREATE FUNCTION try(part bigint, keep text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	names constant name[] := ARRAY(SELECT k.name FROM key_name AS k WHERE k.part = try.part ORDER BY k.name);
	job constant text := format('%s_%s', keep, part);
	source constant text := format('source_%s', job);
	subject constant jsonb := jsonb_object_agg(n, 2) FROM unnest(names) AS n;
	said jsonb;
	done text := 'nothing';
BEGIN
	EXECUTE format('CREATE TABLE %s (%s, f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real, PRIMARY KEY (%s))',
		source, (SELECT string_agg(format('%I int', n), ', ') FROM unnest(names) AS n), (SELECT string_agg(quote_ident(n), ', ') FROM unnest(names) AS n));
	EXECUTE format('INSERT INTO %s SELECT %s, i.* FROM input AS i', source, (SELECT string_agg('i.f0', ', ') FROM unnest(names) AS n));
	PERFORM scorebook.create_job(job, 'risk', source, schema => 'named', keep => keep, shadows => '{risk/2}', exclude => 'f0 < 0');
	PERFORM scorebook.run_job_in_transaction(job, '2026-01-01');
	done := 'a first run';
	EXECUTE format('UPDATE %s SET f1 = 0 WHERE f0 = 1', source);
	EXECUTE format('UPDATE %s SET f0 = -1 WHERE f0 = 3', source);
	EXECUTE format('DELETE FROM %s WHERE f0 = 4', source);
	PERFORM scorebook.run_job_in_transaction(job, '2026-01-01');
	EXECUTE format('SELECT count(*) FROM %s_history', job) INTO STRICT said;
	IF said <> '3' THEN RETURN done || ', but no second'; END IF;
	done := 'runs';
	PERFORM scorebook.set_bands(job, '{"A": [null, null]}');
	PERFORM scorebook.decide_job(job);
	PERFORM scorebook.stream_job(job);
	EXECUTE format('UPDATE %s SET f2 = 0 WHERE f0 = 1', source);
	IF keep = 'latest' THEN
		PERFORM scorebook.score(job, subject), scorebook.score(job, (SELECT to_jsonb(i) FROM input AS i LIMIT 1), subject);
	END IF;
	done := 'writing';
	-- as if all that had been committed
	SET LOCAL session_replication_role = replica;
	UPDATE scorebook.moment SET committed_at = '2026-01-01' WHERE committed_at IS NULL;
	said := scorebook.score_at(job, subject);
	UPDATE scorebook.moment SET committed_at = NULL WHERE committed_at = '2026-01-01';
	SET LOCAL session_replication_role = origin;
	IF said @> subject IS NOT TRUE THEN RETURN format('%s, but said is %s', done, said); END IF;
	PERFORM scorebook.replay_score(job, subject), scorebook.explain_score(job, subject);
	PERFORM FROM scorebook.replay_run((said ->> 'run')::bigint);
	PERFORM scorebook.compare_versions(job, 'risk', 'risk/2');
	EXECUTE format('SELECT count(*) FROM %s_status', job);
	EXECUTE format('SELECT count(*) FROM %s_as_of(now())', job);
	done := 'reading';
	PERFORM scorebook.erase(job, subject, 'asked for');
	RETURN coalesce((SELECT string_agg(DISTINCT v.problem, ', ') FROM scorebook.verify_book(job) AS v), 'sound');
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(': ', done, SQLERRM);
END $$;
SELECT is(try(p.part, keep), 'sound', keep || ': ' || p.names)
FROM unnest(ARRAY['latest', 'each_period']) AS keep,
	(SELECT k.part, string_agg(k.name, ' ' ORDER BY k.name) AS names FROM key_name AS k GROUP BY k.part) AS p
ORDER BY keep, p.part;

SELECT * FROM finish();
ROLLBACK;
