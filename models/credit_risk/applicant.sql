-- The table of loan applicants that the demo and the documentation use.
--
-- psql -f applicant.sql, in the directory that has credit_data.csv
CREATE TABLE applicant
(
	applicant_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	application_date date,
	status text,
	seniority integer,
	home text,
	"time" integer,
	age integer,
	marital text,
	records text,
	job text,
	expenses integer,
	income integer,
	assets integer,
	debt integer,
	amount integer,
	price integer,
	split text
);
\copy applicant (status, seniority, home, "time", age, marital, records, job, expenses, income, assets, debt, amount, price, split) from 'credit_data.csv' with (format csv, header)
UPDATE applicant SET application_date = date '2025-01-01' + applicant_id % 365;
VACUUM ANALYZE applicant;
