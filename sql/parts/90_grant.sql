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
	scorebook.moment
TO PUBLIC;
