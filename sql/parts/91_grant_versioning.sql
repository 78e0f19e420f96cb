-- Who may do what with tables with history and training sets: 90_grant.sql goes on.

-- Whoever owns a table may give it history; whoever may read it, may read
-- that.  DDL and triggers run the rest with the rights of those who cause them.
GRANT EXECUTE ON FUNCTION
	scorebook.add_system_versioning(regclass),
	scorebook.drop_system_versioning(regclass, boolean),
	scorebook.verify_history(regclass),
	scorebook.as_of_final_until(regclass),
	scorebook.final_until(integer),
	scorebook.add_companion(regclass, text, name[], text, text),
	scorebook.as_of_body(integer, boolean),
	scorebook.as_of_functions(integer),
	scorebook.check_begin(integer, timestamp with time zone, anyelement),
	scorebook.check_can_be_versioned(regclass),
	scorebook.check_companion(scorebook.versioned_relation, regclass),
	scorebook.check_key(scorebook.versioned_relation),
	scorebook.check_triggers(scorebook.versioned_relation),
	scorebook.check_types(regclass, regclass),
	scorebook.column_definitions(regclass, name[]),
	scorebook.create_triggers(regclass, integer),
	scorebook.drop_triggers(regclass),
	scorebook.find_versioned(regclass),
	scorebook.follow_columns(scorebook.versioned_relation),
	scorebook.follow_relation(regclass),
	scorebook.guard_history(),
	scorebook.history_statements(integer, regclass),
	scorebook.keep_history(),
	scorebook.member_tables(regclass),
	scorebook.name_list(name[], text, text, text[]),
	scorebook.open_writer(integer),
	scorebook.refuse_unknown_row(regclass),
	scorebook.register_versioning(regclass, regclass, regclass),
	scorebook.rename_column(scorebook.versioned_relation, name),
	scorebook.renew_versioning(regclass),
	scorebook.row_columns(regclass),
	scorebook.row_key(regclass),
	scorebook.unregister_versioning(regclass, boolean),
	scorebook.write_as_of(scorebook.versioned_relation, boolean)
TO PUBLIC;

-- A query runs with the rights of whoever records it.
GRANT EXECUTE ON FUNCTION
	scorebook.snapshot_training_data(text, timestamp with time zone, text),
	scorebook.verify_snapshot(bigint),
	scorebook.digest_query(text, timestamp with time zone),
	scorebook.plan_relations(jsonb),
	scorebook.query_changes(text),
	scorebook.query_columns(text),
	scorebook.query_relations(text, timestamp with time zone),
	scorebook.read_only_result(text, timestamp with time zone),
	scorebook.record_snapshot(text, timestamp with time zone, text, bigint, numeric, jsonb, jsonb, jsonb),
	scorebook.text_settings(),
	scorebook.this_database()
TO PUBLIC;

-- Whoever may become a role sees the training sets that it has taken.
ALTER TABLE scorebook.training_snapshot ENABLE ROW LEVEL SECURITY;

CREATE POLICY training_snapshot_read ON scorebook.training_snapshot FOR SELECT
	USING (EXISTS (SELECT FROM pg_catalog.pg_roles AS r
				   WHERE r.rolname = taken_by AND pg_catalog.pg_has_role(r.oid, 'USAGE')));

GRANT SELECT ON
	scorebook.versioned_relation,
	scorebook.training_snapshot
TO PUBLIC;
