-- What script/demo runs: the demo model on real applicants.
--
-- psql -v directory=models/credit_risk (as the server sees it) -f demo.sql
\set QUIET on
\pset footer off
\pset null '-'
\set ECHO none
\cd :directory
SET client_min_messages = warning;

\echo
\echo 1. The data: loan applicants of a credit provider, from the R package modeldata.
\echo '   It has neither a key nor a date: applicant_id and application_date are synthetic.'
\echo
CREATE EXTENSION scorebook;
\i applicant.sql
SELECT split, count(*) AS applicants, count(*) FILTER (WHERE status = 'bad') AS bad
FROM applicant
GROUP BY split
ORDER BY split DESC;

\echo 2. The model: one statement loads it.
\echo
\set levels `tr -d ' \n' <levels.json`
\set ECHO queries
SELECT scorebook.load_model_file('credit_risk', :'directory' || '/model.ubj',
	description => 'probability that a loan goes bad',
	purpose => 'demonstration',
	classes => ARRAY['good', 'bad'],
	levels => :'levels') AS version;
\pset format wrapped
\pset columns 100
SELECT * FROM scorebook.model_card('credit_risk');
\pset format aligned
\set ECHO none

\echo 3. The scores: all applicants into a table.
\echo
SELECT clock_timestamp() AS started \gset
\set ECHO queries
CREATE TABLE score AS
SELECT applicant_id, scorebook.predict('credit_risk', applicant) AS probability_of_default
FROM applicant;
\set ECHO none
SELECT extract(epoch FROM clock_timestamp() - :'started') AS seconds \gset
SELECT count(*) AS rows,
	round(1000 * :seconds) AS milliseconds,
	round(count(*) / :seconds) AS rows_per_second
FROM score;

\echo Ten held-out applicants and their scores.
\echo
\set ECHO queries
SELECT a.applicant_id, a.application_date, a.age, a.job, a.records, a.income, a.amount,
	round(s.probability_of_default::numeric, 3) AS probability_of_default
FROM applicant AS a JOIN score AS s USING (applicant_id)
WHERE a.split = 'test'
ORDER BY a.applicant_id
LIMIT 10;
\set ECHO none

\echo 4. Is it any good?  Score bands and what became of the loans, on the 1,336
\echo '   held-out applicants only: the 3,118 training rows are excluded.'
\echo
\set ECHO queries
SELECT band,
	format('%s - %s', (ARRAY[0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7])[band],
		(ARRAY[0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1])[band]) AS score,
	count(*) AS applicants,
	round(avg(s.probability_of_default)::numeric, 3) AS predicted,
	round(avg((a.status = 'bad')::integer), 3) AS observed_default_rate,
	repeat('#', (40 * avg((a.status = 'bad')::integer))::integer) AS " "
FROM applicant AS a JOIN score AS s USING (applicant_id),
	width_bucket(s.probability_of_default::float8, ARRAY[0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7]) AS band
WHERE a.split = 'test'
GROUP BY band
ORDER BY band;
\set ECHO none

\echo 5. Scores that stay: a job keeps them in a book, with their past.  The income
\echo '   of an applicant halves, and the next run writes what has changed.'
\echo
\set ECHO queries
SELECT scorebook.create_job('loan_risk', model => 'credit_risk', source => 'applicant');
CALL scorebook.run_job('loan_risk');
UPDATE applicant SET income = income / 2 WHERE applicant_id = 8;
CALL scorebook.run_job('loan_risk');
SELECT applicant_id, score, version, run FROM scores.loan_risk WHERE applicant_id = 8;
SELECT applicant_id, score, version, run, ended_by, end_reason FROM scores.loan_risk_history;
SELECT run, rows_read, rows_changed, rows_confirmed FROM scorebook.job_run ORDER BY run;
\set ECHO none

\echo Do the inputs that were kept still give the same bits, and has nobody changed
\echo 'the book?  (No rows: nobody has.)'
\echo
\set ECHO queries
SELECT verdict, count(*) FROM scorebook.replay_run(1) GROUP BY verdict;
SELECT * FROM scorebook.verify_book('loan_risk');
\set ECHO none
