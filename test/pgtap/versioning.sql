-- A model of what histories mean, against the implementation: after each of
-- some thousand random transactions, the rows are copied to a plain table; the
-- state as of then must be that copy, at once and at the end.  The file commits
-- as it goes, and cleans up by itself.
SELECT plan(16);
SET client_min_messages = warning;

CREATE SCHEMA model;

-- a plain table, one with partitions whose columns stand in another order, and
-- one whose own triggers change it while it changes
CREATE TABLE model.plain (id int PRIMARY KEY, part int NOT NULL, v text);
CREATE TABLE model.parted (id int, part int, v text, PRIMARY KEY (part, id)) PARTITION BY LIST (part);
CREATE TABLE model.parted_0 PARTITION OF model.parted FOR VALUES IN (0);
CREATE TABLE model.parted_1 (gone int, v text, part int NOT NULL, id int NOT NULL);
ALTER TABLE model.parted_1 DROP COLUMN gone;
ALTER TABLE model.parted ATTACH PARTITION model.parted_1 FOR VALUES IN (1);
CREATE TABLE model.parted_2 PARTITION OF model.parted FOR VALUES IN (2) PARTITION BY RANGE (id);
CREATE TABLE model.parted_2_all PARTITION OF model.parted_2 DEFAULT;
CREATE TABLE model.busy (id int PRIMARY KEY, part int NOT NULL, v text);

CREATE FUNCTION model.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF pg_trigger_depth() = 1 AND NEW.part = 0 THEN
		UPDATE model.busy SET v = v || '!' WHERE id = NEW.id;
	ELSIF pg_trigger_depth() = 1 AND NEW.part = 1 THEN
		DELETE FROM model.busy WHERE id = NEW.id;
		INSERT INTO model.busy VALUES (NEW.id, 1, 'anew');
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER meddle AFTER INSERT OR UPDATE ON model.busy FOR EACH ROW EXECUTE FUNCTION model.meddle();

CREATE TABLE model.step
(
	step	int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	source	text NOT NULL,
	base	int NOT NULL,
	at		timestamptz NOT NULL
);
CREATE TABLE model.expected (step int NOT NULL, id int NOT NULL, part int NOT NULL, v text);
CREATE INDEX ON model.expected (step);

-- One random change of the ten keys from base on.
CREATE PROCEDURE model.change(source text, base int) LANGUAGE plpgsql AS $$
DECLARE
	key constant int := base + floor(random() * 10);
	other constant int := base + floor(random() * 10);
	part constant int := floor(random() * 3);
	leaf constant text := CASE source
		WHEN 'model.parted' THEN (ARRAY['model.parted_0', 'model.parted_1', 'model.parted_2'])[part + 1]
		ELSE source END;
	v constant text := 'v' || floor(random() * 1000);
BEGIN
	CASE floor(random() * 12)
		WHEN 0, 1 THEN
			EXECUTE format('INSERT INTO %s (id, part, v) SELECT $1 + g, $2, $3 FROM generate_series(0, $4) AS g', source)
			USING key, part, v, floor(random() * 4)::int;
		WHEN 2 THEN
			EXECUTE format('INSERT INTO %s (id, part, v) VALUES ($1, $2, $3)', leaf) USING key, part, v;
		WHEN 3 THEN
			EXECUTE format('INSERT INTO %s (id, part, v) VALUES ($1, $2, $3), ($4, $2, $3)
				ON CONFLICT (%s) DO UPDATE SET v = excluded.v || ''+''', source,
				CASE source WHEN 'model.parted' THEN 'part, id' ELSE 'id' END)
			USING key, part, v, CASE WHEN other = key THEN key + 1 ELSE other END;
		WHEN 4, 5 THEN
			EXECUTE format('UPDATE %s SET v = $2 WHERE id BETWEEN $1 AND $1 + 3', source) USING key, v;
		WHEN 6 THEN
			EXECUTE format('UPDATE %s SET v = $2 WHERE id = $1', leaf) USING key, v;
		WHEN 7 THEN
			EXECUTE format('UPDATE %s SET id = $2 WHERE id = $1', source) USING key, other;
		WHEN 8 THEN
			EXECUTE format('UPDATE %s SET part = $2 WHERE id BETWEEN $1 AND $1 + 1', source) USING key, part;
		WHEN 9 THEN
			EXECUTE format('DELETE FROM %s WHERE id BETWEEN $1 AND $1 + 2', source) USING key;
		WHEN 10 THEN
			EXECUTE format('DELETE FROM %s WHERE id = $1', leaf) USING key;
		ELSE
			IF random() < 0.05 THEN
				EXECUTE format('TRUNCATE %s', CASE WHEN random() < 0.5 THEN source ELSE leaf END);
			ELSE
				EXECUTE format('MERGE INTO %s AS t
					USING (SELECT $1 + g AS id, $2 AS part FROM generate_series(0, 4) AS g) AS s
						ON t.id = s.id AND t.part = s.part
					WHEN MATCHED AND s.id %% 2 = 0 THEN DELETE
					WHEN MATCHED THEN UPDATE SET v = $3
					WHEN NOT MATCHED THEN INSERT (id, part, v) VALUES (s.id, s.part, $3)', source)
				USING key, part, v;
			END IF;
	END CASE;
END
$$;

-- A sequence of transactions over keys of its own.  A change may fail, or be
-- rolled back to a savepoint, and a transaction may be rolled back as a whole.
CREATE PROCEDURE model.sequence(source text, number int) LANGUAGE plpgsql AS $$
DECLARE
	base constant int := number * 20;
	step int;
BEGIN
	FOR transaction IN 1..3 LOOP
		FOR change IN 1..1 + floor(random() * 4) LOOP
			BEGIN
				CALL model.change(source, base);
				IF random() < 0.2 THEN
					RAISE EXCEPTION 'to the savepoint' USING ERRCODE = 'triggered_action_exception';
				END IF;
			EXCEPTION
				WHEN unique_violation OR cardinality_violation OR triggered_action_exception THEN NULL;
			END;
			IF random() < 0.05 THEN
				SET CONSTRAINTS ALL IMMEDIATE;
			END IF;
		END LOOP;
		IF random() < 0.1 THEN
			ROLLBACK;
		ELSE
			COMMIT;
		END IF;
		INSERT INTO model.step (source, base, at) VALUES (source, base, clock_timestamp())
		RETURNING model.step.step INTO step;
		EXECUTE format('INSERT INTO model.expected SELECT $1, id, part, v FROM %s WHERE id >= $2 AND id < $2 + 20', source)
		USING step, base;
		COMMIT;
	END LOOP;
END
$$;

CREATE PROCEDURE model.run(sequences int) LANGUAGE plpgsql AS $$
BEGIN
	FOR number IN 1..sequences LOOP
		CALL model.sequence((ARRAY['model.plain', 'model.parted', 'model.busy'])[number % 3 + 1], number);
	END LOOP;
END
$$;

-- Steps whose state as of then is not what was copied.
CREATE FUNCTION model.wrong(source text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format($sql$
		SELECT count(*)
		FROM model.step AS s
		WHERE s.source = %1$L AND
			(SELECT coalesce(array_agg((e.id, e.part, e.v)::text ORDER BY e.id, e.part), '{}') FROM model.expected AS e
			 WHERE e.step = s.step)
			IS DISTINCT FROM
			(SELECT coalesce(array_agg((a.id, a.part, a.v)::text ORDER BY a.id, a.part), '{}') FROM %1$s_as_of(s.at) AS a
			 WHERE a.id >= s.base AND a.id < s.base + 20)
		$sql$, source)
	INTO result;
	RETURN result;
END
$$;

INSERT INTO model.plain SELECT g, 0, 'old' FROM generate_series(1, 400, 3) AS g;
INSERT INTO model.parted SELECT g, g % 3, 'old' FROM generate_series(1, 400, 3) AS g;
INSERT INTO model.busy SELECT g, 2, 'old' FROM generate_series(1, 400, 3) AS g;
SELECT is(scorebook.add_system_versioning(source::regclass), (source || '_history')::regclass, source || ' has history')
FROM unnest('{model.plain,model.parted,model.busy}'::text[]) AS source;

SELECT setseed(0.4);
CALL model.run(2400);

SELECT cmp_ok(count(*), '>=', 7000::bigint, 'there were enough transactions') FROM model.step;
SELECT is(model.wrong(source), 0::bigint, source || ' as of each moment is what it was')
FROM unnest('{model.plain,model.parted,model.busy}'::text[]) AS source;

-- what the tables of a history must be
CREATE FUNCTION model.overlaps(source text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format($sql$
		SELECT count(*)
		FROM
			(SELECT f.committed_at >= t.committed_at AS empty,
				lead(f.committed_at) OVER (PARTITION BY %2$s ORDER BY f.committed_at) < t.committed_at AS overlapping,
				h.system_from >= h.system_to AS backward
			 FROM %1$s_history AS h
				JOIN scorebook.moment AS f ON f.writer = h.opened_by
				JOIN scorebook.moment AS t ON t.writer = h.closed_by) AS h
		WHERE h.empty OR h.overlapping OR h.backward
		$sql$, source, CASE source WHEN 'model.parted' THEN 'h.part, h.id' ELSE 'h.id' END)
	INTO result;
	RETURN result;
END
$$;
SELECT is(model.overlaps(source), 0::bigint, source || ' has no empty and no overlapping rows in its history')
FROM unnest('{model.plain,model.parted,model.busy}'::text[]) AS source;

SELECT is_empty(format('SELECT * FROM scorebook.verify_history(%L)', source), source || ' is verified')
FROM unnest('{model.plain,model.parted,model.busy}'::text[]) AS source;

SELECT is((SELECT count(*) FROM scorebook.moment WHERE committed_at IS NULL), 0::bigint, 'every writer has its moment');

-- the checker notices
UPDATE model.expected SET v = v || '?' WHERE ctid = (SELECT ctid FROM model.expected LIMIT 1);
SELECT is(sum(model.wrong(source))::bigint, 1::bigint, 'a copy that differs is found')
FROM unnest('{model.plain,model.parted,model.busy}'::text[]) AS source;

SELECT lives_ok(format('SELECT scorebook.drop_system_versioning(%L, keep_history => false)', source), source || ' has no history any more')
FROM unnest('{model.plain}'::text[]) AS source;
SELECT * FROM finish();

SELECT scorebook.drop_system_versioning(source::regclass, keep_history => false)
FROM unnest('{model.parted,model.busy}'::text[]) AS source;
DROP SCHEMA model CASCADE;
