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
	scorebook.resolve_reference(text, text),
	scorebook.result_shape(text),
	scorebook.source_key(regclass),
	scorebook.guard_book(),
	scorebook.column_list(name[], text, text),
	scorebook.book_columns(boolean, boolean),
	scorebook.create_job(text, text, text, name[], name, text, text, text, text, name, text, bigint,
		interval, bigint, text, jsonb, jsonb, jsonb, text, name[]),
	scorebook.check_job_name(text),
	scorebook.find_source(text, text, name),
	scorebook.check_source(text, text, regclass, name[]),
	scorebook.create_book(text, name, regclass, name[], text, boolean, boolean, name[]),
	scorebook.guard_table(regclass),
	scorebook.create_partitions(regclass, text, timestamp with time zone),
	scorebook.register_job(text, text, regclass, name[], boolean, name, text, text, text, text, name,
		text, bigint, interval, bigint, text, jsonb, boolean, boolean),
	scorebook.set_cutoffs(text, jsonb, text),
	scorebook.set_bands(text, jsonb, text),
	scorebook.scaled_points(real, double precision, double precision, boolean),
	scorebook.decide_job(text),
	scorebook.alter_job(text, jsonb),
	scorebook.change_job(text, jsonb),
	scorebook.drop_job(text, boolean),
	scorebook.unregister_job(text, boolean),
	scorebook.check_expressions(regclass, text, text, name),
	scorebook.rollback(text, text, text),
	scorebook.alias_at(text, text, timestamp with time zone),
	scorebook.may_read_job(name, regclass),
	scorebook.find_job(text),
	scorebook.source_table(regclass, name[]),
	scorebook.key_object(scorebook.job, jsonb),
	scorebook.pull_internal(text, jsonb, jsonb),
	scorebook.score(text, anycompatible),
	scorebook.score(text, jsonb, anycompatible),
	scorebook.score_subject(scorebook.job, jsonb, jsonb),
	scorebook.check_features(scorebook.job, jsonb),
	scorebook.stream_job(text, text),
	scorebook.unstream_job(text),
	scorebook.register_stream(text, regclass, text),
	scorebook.unregister_stream(text),
	scorebook.create_stream_triggers(regclass, integer, text, text),
	scorebook.score_changes(),
	scorebook.create_book_functions(text, name[]),
	scorebook.as_of_function(scorebook.job),
	scorebook.check_as_of(integer, timestamp with time zone),
	scorebook.run_job_in_transaction(text, timestamp with time zone, boolean, boolean),
	scorebook.row_digest("any"),
	scorebook.run_is_alive(integer),
	scorebook.run_progress_internal(),
	scorebook.as_of_final_until(text),
	scorebook.verify_book(text),
	scorebook.score_inputs(integer, integer, real[], text),
	scorebook.explain_inputs(integer, integer, real[], integer, text),
	scorebook.replay_verdict(integer, integer, real[], real[]),
	scorebook.largest_difference(real[], real[]),
	scorebook.row_of_key(scorebook.job),
	scorebook.rows_of_run(scorebook.job),
	scorebook.join_scoring_run(scorebook.job),
	scorebook.status_view(scorebook.job),
	scorebook.find_book(text),
	scorebook.scored_again(scorebook.job, text, text),
	scorebook.is_erased(scorebook.job, jsonb),
	scorebook.score_at(text, anycompatible, timestamp with time zone),
	scorebook.replay_score(text, anycompatible, timestamp with time zone),
	scorebook.job_of_run(bigint),
	scorebook.replay_run(bigint),
	scorebook.rescore_run(bigint, text),
	scorebook.explain_score(text, anycompatible, timestamp with time zone, integer, text),
	scorebook.failing_keys(integer),
	scorebook.failing_since(integer, bigint, timestamp with time zone),
	scorebook.create_status_view(text, name[])
TO PUBLIC;

GRANT EXECUTE ON PROCEDURE
	scorebook.run_job(text, timestamp with time zone, boolean, boolean)
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

ALTER TABLE scorebook.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.job_definition ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.cutoff ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.band ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.run ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.row_error ENABLE ROW LEVEL SECURITY;

-- A job is seen by those who may read its scores, or run it.
CREATE POLICY job_read ON scorebook.job FOR SELECT
	USING (scorebook.may_read_job(owner, result));
CREATE POLICY job_definition_read ON scorebook.job_definition FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.job AS j WHERE j.job_id = job_definition.job_id));
CREATE POLICY cutoff_read ON scorebook.cutoff FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.job AS j WHERE j.job_id = cutoff.job_id));
CREATE POLICY band_read ON scorebook.band FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.job AS j WHERE j.job_id = band.job_id));
CREATE POLICY run_read ON scorebook.run FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.job AS j WHERE j.job_id = run.job_id));
CREATE POLICY row_error_read ON scorebook.row_error FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.job AS j WHERE j.job_id = row_error.job_id));

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
	scorebook.job,
	scorebook.job_definition,
	scorebook.run,
	scorebook.row_error,
	scorebook.full_run,
	scorebook.stream,
	scorebook.cutoff,
	scorebook.band,
	scorebook.job_run,
	scorebook.run_progress
TO PUBLIC;
