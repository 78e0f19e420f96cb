\echo Use "CREATE EXTENSION scorebook" to load this file. \quit

COMMENT ON SCHEMA scorebook IS
	'scorebook: XGBoost models in the database, scored by SQL functions';

GRANT USAGE ON SCHEMA scorebook TO PUBLIC;
