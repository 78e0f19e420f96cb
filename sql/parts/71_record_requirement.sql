-- Scores with a record only: a governed model whose predictions must stand in a
-- book.  Jobs, score and streams write one; predict and its like do not, and
-- are then for those who develop and validate the model.

-- The order of columns is known to extension/registry/catalog.h.
CREATE TABLE scorebook.record_requirement
(
	model_id	integer NOT NULL,
	change		integer NOT NULL,
	required	boolean NOT NULL,
	reason		text,
	set_at		timestamp with time zone NOT NULL,
	set_by		name NOT NULL,
	CONSTRAINT record_requirement_pkey PRIMARY KEY (model_id, change)
);

COMMENT ON TABLE scorebook.record_requirement IS
	'since when a governed model is scored with a record only; the last change of a model counts';

SELECT pg_catalog.pg_extension_config_dump('scorebook.record_requirement', '');

CREATE FUNCTION scorebook.set_require_record(model text, required boolean, reason text DEFAULT NULL)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'sbk_sql_registrar';

COMMENT ON FUNCTION scorebook.set_require_record(text, boolean, text) IS
	'limits predict and its like, of a governed model, to those who may manage it; or does not any more';

CREATE FUNCTION scorebook.set_require_record_internal(caller name, model text, required boolean, reason text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id constant integer := scorebook.lock_model_internal(caller, model, 'manage');
BEGIN
	IF required IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'required cannot be null';
	END IF;
	IF (SELECT m.mode FROM scorebook.model AS m WHERE m.model_id = id) <> 'governed' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('model "%s" is an experiment', model),
			DETAIL = 'A record can be required of a governed model only.',
			HINT = 'A model is governed when its first version is loaded with mode => ''governed''.';
	END IF;
	INSERT INTO scorebook.record_requirement (model_id, change, required, reason, set_at, set_by)
	SELECT id, coalesce(max(q.change), 0) + 1, set_require_record_internal.required,
		set_require_record_internal.reason, now(), caller
	FROM scorebook.record_requirement AS q
	WHERE q.model_id = id;
END
$$;

COMMENT ON FUNCTION scorebook.set_require_record_internal(name, text, boolean, text) IS
	'what set_require_record does, with the rights of the extension''s owner';

CREATE FUNCTION scorebook.forget_requirements_internal() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM scorebook.record_requirement AS q WHERE q.model_id = OLD.model_id;
	RETURN NULL;
END
$$;

COMMENT ON FUNCTION scorebook.forget_requirements_internal() IS
	'trigger: what goes with a model';

CREATE TRIGGER model_requirements AFTER DELETE ON scorebook.model
	FOR EACH ROW EXECUTE FUNCTION scorebook.forget_requirements_internal();
