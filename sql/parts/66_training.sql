-- Training sets: what a model was trained on, recorded so that it can be
-- proven later.

CREATE TABLE scorebook.training_snapshot
(
	snapshot_id	bigint GENERATED ALWAYS AS IDENTITY,
	query		text NOT NULL,
	at			timestamp with time zone NOT NULL,
	description	text,
	row_count	bigint NOT NULL,
	checksum	numeric NOT NULL,
	columns		jsonb NOT NULL,
	relations	jsonb NOT NULL,
	settings	jsonb NOT NULL,
	snapshot	text NOT NULL,
	taken_at	timestamp with time zone NOT NULL,
	taken_by	name NOT NULL,
	CONSTRAINT training_snapshot_pkey PRIMARY KEY (snapshot_id)
);

COMMENT ON TABLE scorebook.training_snapshot IS
	'what training sets were: query, time, number of rows and checksum';
COMMENT ON COLUMN scorebook.training_snapshot.at IS
	'the value of $1 in the query';
COMMENT ON COLUMN scorebook.training_snapshot.checksum IS
	'of all rows in any order: the sum of hashtextextended(row::text, 0), modulo 2^64';
COMMENT ON COLUMN scorebook.training_snapshot.relations IS
	'the tables that the query read: oid, name, and whether it read them as of $1';
COMMENT ON COLUMN scorebook.training_snapshot.settings IS
	'the settings that rows or their text may depend on';
COMMENT ON COLUMN scorebook.training_snapshot.snapshot IS
	'what the transaction saw, as pg_current_snapshot shows it';

SELECT pg_catalog.pg_extension_config_dump('scorebook.training_snapshot', '');
SELECT pg_catalog.pg_extension_config_dump('scorebook.training_snapshot_snapshot_id_seq', '');
