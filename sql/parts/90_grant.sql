-- Who may do what with the extension's own objects.  Rights on models are rows
-- of scorebook.model_grant.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA scorebook FROM PUBLIC;

-- Anyone may score and explain, where the model's owner lets them, and look at bytes.
GRANT EXECUTE ON FUNCTION
	scorebook.predict(text, record),
	scorebook.predict(text, jsonb),
	scorebook.predict(text, anyarray),
	scorebook.predict_proba(text, record),
	scorebook.predict_proba(text, jsonb),
	scorebook.predict_proba(text, anyarray),
	scorebook.predict_class(text, record),
	scorebook.predict_class(text, jsonb),
	scorebook.predict_class(text, anyarray),
	scorebook.predict_vector(text, record),
	scorebook.predict_vector(text, jsonb),
	scorebook.predict_vector(text, anyarray),
	scorebook.predict_margin(text, record),
	scorebook.predict_margin(text, jsonb),
	scorebook.predict_margin(text, anyarray),
	scorebook.predict_leaf(text, record),
	scorebook.predict_leaf(text, jsonb),
	scorebook.predict_leaf(text, anyarray),
	scorebook.predict_set(text, record, integer, real),
	scorebook.predict_set(text, jsonb, integer, real),
	scorebook.predict_set(text, anyarray, integer, real),
	scorebook.explain(text, record, integer, text),
	scorebook.explain(text, jsonb, integer, text),
	scorebook.explain(text, anyarray, integer, text),
	scorebook.reasons(text, record, integer, text, text),
	scorebook.reasons(text, jsonb, integer, text, text),
	scorebook.reasons(text, anyarray, integer, text, text),
	scorebook.input_map(text, regclass),
	scorebook.inspect_model(bytea),
	scorebook.bound_inputs(text, record),
	scorebook.verify_source(text, regclass, regclass, double precision, name, name),
	scorebook.relative_difference(real[], double precision[]),
	scorebook.cache_counts(),
	scorebook.cached_models(),
	scorebook.model_card(text),
	scorebook.has_model_privilege(name, integer, text),
	scorebook.resolve_reference(text, text)
TO PUBLIC;

-- Whoever owns a table may give it history; whoever may read it, may read
-- that.  DDL and triggers run the rest with the rights of those who cause them.
GRANT EXECUTE ON FUNCTION
	scorebook.add_system_versioning(regclass),
	scorebook.drop_system_versioning(regclass, boolean),
	scorebook.as_of_final_until(regclass),
	scorebook.add_companion(regclass, text, name[], text, text),
	scorebook.as_of_body(integer, boolean),
	scorebook.as_of_functions(integer),
	scorebook.check_begin(integer, timestamp with time zone, anyelement),
	scorebook.check_can_be_versioned(regclass),
	scorebook.check_companion(scorebook.versioned_relation, regclass),
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
	scorebook.query_columns(text),
	scorebook.query_relations(text, timestamp with time zone),
	scorebook.read_only_result(text, timestamp with time zone),
	scorebook.record_snapshot(text, timestamp with time zone, text, bigint, numeric, jsonb, jsonb, jsonb),
	scorebook.text_settings()
TO PUBLIC;

-- The rows of a model are seen by those who may read it, its bytes by its
-- owner.  Scoring reads these tables by itself and asks for no right on them.
ALTER TABLE scorebook.model ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.model_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.model_artifact ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.model_feature ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.alias ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.retirement ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.compiled_model ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.golden_row ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.verification ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.model_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.training_snapshot ENABLE ROW LEVEL SECURITY;

CREATE POLICY model_read ON scorebook.model FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY model_version_read ON scorebook.model_version FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY model_artifact_read ON scorebook.model_artifact FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'own'));
CREATE POLICY model_feature_read ON scorebook.model_feature FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY alias_read ON scorebook.alias FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY compiled_model_read ON scorebook.compiled_model FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'own'));
CREATE POLICY golden_row_read ON scorebook.golden_row FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY verification_read ON scorebook.verification FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY retirement_read ON scorebook.retirement FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY model_grant_read ON scorebook.model_grant FOR SELECT
	USING (scorebook.has_model_privilege(current_user, model_id, 'read'));
CREATE POLICY training_snapshot_read ON scorebook.training_snapshot FOR SELECT
	USING (EXISTS (SELECT FROM pg_catalog.pg_roles AS r
				   WHERE r.rolname = taken_by AND pg_catalog.pg_has_role(r.oid, 'USAGE')));

GRANT SELECT ON
	scorebook.model,
	scorebook.model_version,
	scorebook.model_artifact,
	scorebook.model_feature,
	scorebook.alias,
	scorebook.retirement,
	scorebook.compiled_model,
	scorebook.golden_row,
	scorebook.verification,
	scorebook.cache,
	scorebook.cached_model,
	scorebook.model_grant,
	scorebook.timeline,
	scorebook.moment,
	scorebook.versioned_relation,
	scorebook.training_snapshot
TO PUBLIC;
