-- Who may do what with jobs and books: 90_grant.sql goes on.

-- What this version has brought is nobody's yet.
DO $$
DECLARE
	routine regprocedure;
BEGIN
	FOR routine IN
		SELECT p.oid
		FROM pg_catalog.pg_proc AS p
		WHERE p.pronamespace = 'scorebook'::pg_catalog.regnamespace
			AND (p.proacl IS NULL OR p.prokind = 'p')
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', routine);
	END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION
	scorebook.result_shape(text),
	scorebook.source_key(regclass),
	scorebook.key_digest(record),
	scorebook.key_place(text, record),
	scorebook.guard_book(),
	scorebook.column_list(name[], text, text),
	scorebook.shown_key(name[]),
	scorebook.book_columns(boolean, boolean),
	scorebook.create_job(text, text, text, name[], name, text, text, integer, text, text[], jsonb, text,
		name, text, bigint, interval, interval, interval, bigint, numeric, text, text, text, jsonb, jsonb,
		jsonb, text, name[]),
	scorebook.check_job(scorebook.registered_job),
	scorebook.model_of_reference(text),
	scorebook.split_places(text, jsonb),
	scorebook.split_of(text, anycompatible),
	scorebook.check_split_shares(text, jsonb),
	scorebook.check_split(scorebook.registered_job),
	scorebook.check_shadows(scorebook.registered_job),
	scorebook.check_reasons(scorebook.registered_job, integer),
	scorebook.check_explainable(text),
	scorebook.explanation_problem(text),
	scorebook.create_shadow_book(scorebook.registered_job),
	scorebook.shadow_table(scorebook.registered_job, text),
	scorebook.key_definition(scorebook.registered_job),
	scorebook.compare_versions(text, text, text, timestamp with time zone, timestamp with time zone),
	scorebook.compared_side(scorebook.registered_job, text),
	scorebook.compared_rows(scorebook.registered_job, text, boolean, integer),
	scorebook.served_versions(integer),
	scorebook.decision_expression(scorebook.registered_job, text),
	scorebook.scaling_numbers(jsonb),
	scorebook.check_job_name(text),
	scorebook.check_is_free(text),
	scorebook.find_source(text, text, name),
	scorebook.check_binding(text, text, regclass),
	scorebook.check_source(text, text, regclass, name[]),
	scorebook.create_book(scorebook.registered_job, name, name[]),
	scorebook.comment_columns(regclass),
	scorebook.guard_table(regclass),
	scorebook.create_partitions(regclass, timestamp with time zone),
	scorebook.register_job(scorebook.registered_job),
	scorebook.set_cutoffs(text, jsonb, text),
	scorebook.set_bands(text, jsonb, text),
	scorebook.scaled_points(real, double precision, double precision, boolean),
	scorebook.decide_job(text),
	scorebook.changeable_options(),
	scorebook.alter_job(text, jsonb),
	scorebook.change_job(text, jsonb),
	scorebook.drop_job(text, boolean),
	scorebook.unregister_job(text, boolean),
	scorebook.check_expressions(regclass, text, text, name),
	scorebook.check_watermark(scorebook.registered_job),
	scorebook.option_hint(text),
	scorebook.is_new_query(text, regclass),
	scorebook.shown_source(text, regclass),
	scorebook.changed_job(scorebook.registered_job, jsonb),
	scorebook.alias_at(text, text, timestamp with time zone),
	scorebook.has_job_privilege(name, integer, text),
	scorebook.grant_job(text, name, text),
	scorebook.revoke_job(text, name, text),
	scorebook.may_read_job(name, regclass),
	scorebook.find_job(text),
	scorebook.find_own_job(text),
	scorebook.refuse_job(text, boolean),
	scorebook.source_table(regclass, name[]),
	scorebook.key_object(scorebook.registered_job, jsonb),
	scorebook.readable_key(scorebook.registered_job, jsonb),
	scorebook.score(text, anycompatible),
	scorebook.score(text, jsonb, anycompatible),
	scorebook.streamed_table(scorebook.registered_job),
	scorebook.stream_job(text, text),
	scorebook.unstream_job(text),
	scorebook.register_stream(text, regclass, text),
	scorebook.unregister_stream(text),
	scorebook.create_stream_triggers(regclass, integer, text, text),
	scorebook.score_changes(),
	scorebook.create_book_functions(text, name[]),
	scorebook.as_of_function(scorebook.registered_job),
	scorebook.run_job_in_transaction(text, timestamp with time zone, boolean, boolean),
	scorebook.row_digest("any"),
	scorebook.end_digest(bigint, text),
	scorebook.run_is_alive(integer),
	scorebook.check_tables(scorebook.registered_job, regclass[]),
	scorebook.run_progress_rows(),
	scorebook.as_of_final_until(text),
	scorebook.verify_book(text),
	scorebook.verify_runs(scorebook.registered_job),
	scorebook.verify_statement(regclass, regclass, name[], text, text),
	scorebook.find_book(text),
	scorebook.find_own_book(text),
	scorebook.score_inputs(integer, integer, real[], text),
	scorebook.explain_inputs(integer, integer, real[], integer, text),
	scorebook.replay_verdict(integer, integer, real[], real[]),
	scorebook.largest_difference(real[], real[]),
	scorebook.row_of_key(scorebook.registered_job),
	scorebook.rows_of_run(scorebook.registered_job),
	scorebook.join_scoring_run(scorebook.registered_job),
	scorebook.scored_again(scorebook.registered_job, text, text),
	scorebook.score_at(text, anycompatible, timestamp with time zone),
	scorebook.replay_score(text, anycompatible, timestamp with time zone),
	scorebook.job_of_run(bigint),
	scorebook.replay_run(bigint),
	scorebook.rescore_run(bigint, text),
	scorebook.explain_score(text, anycompatible, timestamp with time zone, integer, text),
	scorebook.failing_keys(integer),
	scorebook.failing_since(integer, bigint, timestamp with time zone),
	scorebook.status_view(scorebook.registered_job),
	scorebook.create_status_view(text, name[])
TO PUBLIC;

GRANT EXECUTE ON PROCEDURE
	scorebook.run_job(text, timestamp with time zone, boolean, boolean)
TO PUBLIC;

ALTER TABLE scorebook.registered_job ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.job_definition ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.job_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.cutoff ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.band ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.run ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.run_model ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.row_error ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.stream ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.timeline ENABLE ROW LEVEL SECURITY;
ALTER TABLE scorebook.moment ENABLE ROW LEVEL SECURITY;

-- A job is seen by those who may do anything with it, what belongs to its book
-- by those who may read that, and its runs by those who may run it, too.
CREATE POLICY job_read ON scorebook.registered_job FOR SELECT
	USING (scorebook.may_read_job(owner, result) OR scorebook.has_job_privilege(current_user, job_id, 'any'));
CREATE POLICY job_definition_read ON scorebook.job_definition FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.registered_job AS j WHERE j.job_id = job_definition.job_id
		AND scorebook.may_read_job(j.owner, j.result)));
CREATE POLICY job_grant_read ON scorebook.job_grant FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.registered_job AS j WHERE j.job_id = job_grant.job_id
		AND scorebook.may_read_job(j.owner, j.result)));
CREATE POLICY cutoff_read ON scorebook.cutoff FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.registered_job AS j WHERE j.job_id = cutoff.job_id
		AND scorebook.may_read_job(j.owner, j.result)));
CREATE POLICY band_read ON scorebook.band FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.registered_job AS j WHERE j.job_id = band.job_id
		AND scorebook.may_read_job(j.owner, j.result)));
CREATE POLICY run_read ON scorebook.run FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.registered_job AS j WHERE j.job_id = run.job_id
		AND (scorebook.may_read_job(j.owner, j.result) OR scorebook.has_job_privilege(current_user, j.job_id, 'run'))));
CREATE POLICY run_model_read ON scorebook.run_model FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.run AS r WHERE r.run = run_model.run));
CREATE POLICY stream_read ON scorebook.stream FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.registered_job AS j WHERE j.job_id = stream.job_id
		AND scorebook.may_read_job(j.owner, j.result)));
-- they hold times and numbers only, and every state as of a time reads them
CREATE POLICY timeline_read ON scorebook.timeline FOR SELECT USING (true);
CREATE POLICY moment_read ON scorebook.moment FOR SELECT USING (true);
CREATE POLICY row_error_read ON scorebook.row_error FOR SELECT
	USING (EXISTS (SELECT FROM scorebook.registered_job AS j WHERE j.job_id = row_error.job_id
		AND scorebook.may_read_job(j.owner, j.result)));

GRANT SELECT ON
	scorebook.timeline,
	scorebook.moment,
	scorebook.registered_job,
	scorebook.job_definition,
	scorebook.job_grant,
	scorebook.run,
	scorebook.run_model,
	scorebook.row_error,
	scorebook.full_run,
	scorebook.stream,
	scorebook.cutoff,
	scorebook.band,
	scorebook.job_run,
	scorebook.run_progress
TO PUBLIC;
