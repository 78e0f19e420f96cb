-- Time: in which order transactions wrote, and when that could be seen.
--
-- A timeline is the book of a job, or the history of a table.  Every writer, a
-- run or a transaction that changes a table, has a number, which its rows bear,
-- and a moment, which is taken as the last thing before it commits.  So a state
-- as of a time is what a reader at that time could have seen, and stays so.

CREATE TABLE scorebook.timeline
(
	timeline_id	integer GENERATED ALWAYS AS IDENTITY,
	begins_at	timestamp with time zone NOT NULL,
	CONSTRAINT timeline_pkey PRIMARY KEY (timeline_id)
);

COMMENT ON TABLE scorebook.timeline IS
	'what has a state as of any time: the book of a job, or a table with history';
COMMENT ON COLUMN scorebook.timeline.begins_at IS
	'what was before is not known, or not kept any more';

CREATE SEQUENCE scorebook.writer_seq AS bigint;

CREATE TABLE scorebook.moment
(
	writer			bigint NOT NULL,
	timeline_id		integer NOT NULL,
	committed_at	timestamp with time zone,
	boot_id			uuid,
	uptime			bigint,
	digest			bigint,
	CONSTRAINT moment_pkey PRIMARY KEY (writer) INCLUDE (committed_at)
);

CREATE INDEX moment_timeline_id_committed_at_idx
	ON scorebook.moment (timeline_id, committed_at NULLS FIRST);
CREATE INDEX moment_open_idx
	ON scorebook.moment (timeline_id) WHERE committed_at IS NULL;

COMMENT ON TABLE scorebook.moment IS
	'when what a writer wrote could first be seen, in the order of commits';
COMMENT ON COLUMN scorebook.moment.committed_at IS
	'null until the transaction is about to commit';
COMMENT ON COLUMN scorebook.moment.boot_id IS
	'of the start of the machine that uptime counts from';
COMMENT ON COLUMN scorebook.moment.uptime IS
	'how long the machine had been up at committed_at, in microseconds: the clock may be set';
COMMENT ON COLUMN scorebook.moment.digest IS
	'scorebook.row_digest of the other columns, for scorebook.verify_book';

SELECT pg_catalog.pg_extension_config_dump('scorebook.timeline', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.timeline_timeline_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.writer_seq', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.moment', '');

CREATE FUNCTION scorebook.take_moment_internal(timeline integer)
RETURNS timestamp with time zone
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_take_moment';

COMMENT ON FUNCTION scorebook.take_moment_internal(integer) IS
	'locks a timeline until the end of the transaction, and gives a time that no state was final at';

-- Whoever may read scorebook.moment may know this, and everybody may.
CREATE FUNCTION scorebook.final_until(timeline integer)
RETURNS timestamp with time zone
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'sbk_sql_final_until';

COMMENT ON FUNCTION scorebook.final_until(integer) IS
	'before this time, the states of a timeline cannot change any more';

CREATE FUNCTION scorebook.begins_at(timeline integer)
RETURNS timestamp with time zone
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'sbk_sql_begins_at';

COMMENT ON FUNCTION scorebook.begins_at(integer) IS
	'what a timeline was before this time is not known any more, whatever the snapshot; null: there is no such timeline';

CREATE FUNCTION scorebook.open_moment_internal() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_open_moment';

COMMENT ON FUNCTION scorebook.open_moment_internal() IS
	'trigger: the transaction takes its moments as the last thing before it commits';

CREATE TRIGGER moment_open AFTER INSERT ON scorebook.moment
	FOR EACH ROW WHEN (NEW.committed_at IS NULL)
	EXECUTE FUNCTION scorebook.open_moment_internal();

ALTER TABLE scorebook.moment ENABLE ALWAYS TRIGGER moment_open;

CREATE FUNCTION scorebook.guard_record() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_guard_record';

COMMENT ON FUNCTION scorebook.guard_record() IS
	'trigger: only scorebook changes records';

-- Once known, a moment stays; what is not known yet is written by the commit.  A
-- restore inserts, and nothing can tell it from others.
CREATE TRIGGER moment_final BEFORE UPDATE ON scorebook.moment
	FOR EACH ROW WHEN (OLD.committed_at IS NOT NULL)
	EXECUTE FUNCTION scorebook.guard_record();
CREATE TRIGGER moment_guard BEFORE DELETE OR TRUNCATE ON scorebook.moment
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.guard_record();
CREATE TRIGGER timeline_begun BEFORE UPDATE ON scorebook.timeline
	FOR EACH ROW WHEN (OLD.begins_at <> 'infinity')
	EXECUTE FUNCTION scorebook.guard_record();
CREATE TRIGGER timeline_guard BEFORE DELETE OR TRUNCATE ON scorebook.timeline
	FOR EACH STATEMENT EXECUTE FUNCTION scorebook.guard_record();
