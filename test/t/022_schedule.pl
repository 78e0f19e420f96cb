# Jobs that pg_cron runs, from its own database and from another one; jobs that
# other schedulers run.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $node = PostgreSQL::Test::Cluster->new('schedule');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
max_worker_processes = 10
});
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE risk LOGIN; CREATE ROLE team; CREATE ROLE analyst LOGIN');
# pg_cron's names and statements are in another encoding than the job's
$node->safe_psql('postgres', q{CREATE DATABASE elsewhere ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'});
for my $database ('postgres', 'elsewhere')
{
	$node->safe_psql($database, qq{
		CREATE EXTENSION scorebook;
		SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/binlog.ubj'));
		SELECT scorebook.grant_model('m', 'public', 'score');
		CREATE TABLE source AS
			SELECT i AS id, 1::real AS f0, 1::real AS f1, 1::real AS f2, 1::real AS f3, 1::real AS f4,
				1::real AS f5, 1::real AS f6, 1::real AS f7
			FROM generate_series(1, 10) AS i;
		ALTER TABLE source ADD PRIMARY KEY (id);
		GRANT SELECT ON source TO PUBLIC;
		CREATE SCHEMA scores;
		GRANT ALL ON SCHEMA scores TO PUBLIC});
}

# what psql says of statements: the values, or the error
sub said
{
	my ($database, $role, $sql) = @_;
	my ($rc, $out, $err) = $node->psql($database, "SET ROLE $role; SET client_encoding = 'UTF8'; $sql", on_error_stop => 1);
	return $err ne '' ? $err : $out;
}
sub create { "SELECT scorebook.create_job('$_[0]', model => 'm', source => 'source', timezone => 'GMT'" . ($_[1] // '') . ')' }
my $cron_jobs = 'SELECT database, username, schedule, command FROM cron.job ORDER BY database';

# the extension is loaded, and not created
like(said('postgres', 'risk', create('first', ", schedule => '\@hourly'")),
	qr/job "first" cannot be scheduled: the extension pg_cron is not in database "postgres".*CREATE EXTENSION pg_cron/s,
	'pg_cron must be in its database');
is($node->safe_psql('postgres', q{SELECT count(*) FROM scorebook.job}), '0', 'without a schedule, the job is not there either');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');
my ($release) = $node->safe_psql('postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'pg_cron'}) =~ /^1\.(\d+)/;
note "pg_cron 1.$release";

# rights there are asked for
like(said('postgres', 'risk', create('first', ", schedule => '\@hourly'")),
	qr/role "risk" may not tell pg_cron about job "first".*In database "postgres": permission denied for schema cron.*GRANT USAGE ON SCHEMA cron TO risk;.*GRANT EXECUTE ON FUNCTION cron\.schedule\(text, text, text\) TO risk;/s,
	'the owner of a job must be allowed to use pg_cron');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA cron TO risk');
like(said('elsewhere', 'risk', create("k\x{c3}\x{a4}ufer", ", schedule => '\@hourly'")),
	qr/permission denied for function schedule_in_database.*GRANT EXECUTE ON FUNCTION cron\.schedule_in_database/s,
	'from another database, more of it');
$node->safe_psql('postgres', 'GRANT EXECUTE ON FUNCTION cron.schedule_in_database TO risk');
$node->safe_psql('postgres', 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC');
like(said('elsewhere', 'risk', create("k\x{c3}\x{a4}ufer", ", schedule => '\@hourly'")),
	qr/In database "postgres": permission denied for database "postgres"/, 'and the right to connect');
$node->safe_psql('postgres', 'GRANT CONNECT ON DATABASE postgres TO PUBLIC');

# a real schedule, in both databases
my $often = $release >= 5 ? '5 seconds' : '* * * * *';
is(said('postgres', 'risk', create('first', ", schedule => '$often'")), 'scores.first', 'a job is made with a schedule');
is(said('elsewhere', 'risk', create("k\x{c3}\x{a4}ufer")), "scores.\"k\x{c3}\x{a4}ufer\"", 'another one elsewhere');
is(said('elsewhere', 'risk', "SELECT count(*), count(*) FILTER (WHERE fires_at > now() AND local_time = fires_at AT TIME ZONE 'GMT')
		FROM scorebook.schedule_job('k\x{c3}\x{a4}ufer', '$often')"), '3|3', 'is scheduled there');
is($node->safe_psql('postgres', $cron_jobs),
	"elsewhere|risk|$often|CALL scorebook.run_job(convert_from(decode('6bc3a475666572', 'hex'), 'UTF8'))\npostgres|risk|$often|CALL scorebook.run_job('first')",
	'pg_cron knows of both, as jobs of their owner');
is(said('elsewhere', 'risk', 'SELECT schedule, scheduler, next_run > now() FROM scorebook.job'), "$often|pg_cron|t",
	'the view of jobs says when the next run is');

# what is undone is never known
said('postgres', 'risk', "BEGIN; SELECT scorebook.schedule_job('first', '\@yearly'); ROLLBACK");
is($node->safe_psql('postgres', q{SELECT schedule FROM cron.job WHERE database = 'postgres'}), $often,
	'pg_cron is told of a schedule only when the transaction commits');

# others may not
like(said('postgres', 'analyst', q{SELECT scorebook.schedule_job('first', '@daily')}), qr/permission denied for job "first".*It belongs to role "risk"/s,
	'a job of somebody else is said to be one');
$node->safe_psql('postgres', 'GRANT SELECT ON scores.first TO analyst');
like(said('postgres', 'analyst', q{SELECT scorebook.schedule_job('first', '@daily')}), qr/permission denied for job "first"/,
	'readers do not schedule');
like(said('postgres', 'analyst', q{SELECT scorebook.run_in_database_internal('postgres', 'postgres', 'SELECT 1')}),
	qr/permission denied for function run_in_database_internal/, 'nobody runs statements elsewhere');

# what pg_cron cannot do
is(said('postgres', 'team', create('third')), 'scores.third', 'a job of a role that does not log in');
like(said('postgres', 'team', q{SELECT scorebook.schedule_job('third', '@daily')}),
	qr/pg_cron cannot run job "third".*role "team", is not permitted to log in.*scheduler => 'other'/s, 'which pg_cron cannot run');
my $seconds = said('postgres', 'risk', q{SELECT count(*) FROM scorebook.schedule_job('first', '10 seconds')});
$release >= 5
  ? is($seconds, '3', 'seconds are scheduled')
  : like($seconds, qr/cannot run job "first" by the schedule "10 seconds".*came with pg_cron 1\.5; this is 1\.$release/s, 'seconds are refused');
my $last_day = said('postgres', 'risk', q{SELECT count(*) FROM scorebook.schedule_job('first', '0 5 $ * *')});
$release >= 6
  ? is($last_day, '3', 'the last day of the month is scheduled')
  : like($last_day, qr/cannot run job "first" by.*came with pg_cron 1\.6; this is 1\.$release/s, 'the last day of the month is refused');
my $zoned = "BEGIN; SELECT scorebook.alter_job('first', '{\"timezone\": \"Europe/Berlin\"}'); SELECT count(*) FROM scorebook.schedule_job('first', '%s'); ROLLBACK";
is(said('postgres', 'risk', "SELECT count(*) FROM scorebook.schedule_job('first', '$often')"), '3', 'back to the schedule');
like(said('postgres', 'risk', sprintf $zoned, '0 3 * * *'),
	qr/pg_cron cannot run job "first" by the schedule "0 3 \* \* \*" in the time zone "Europe\/Berlin".*clock is that of "GMT".*cron\.timezone.*alter_job\('first'.*1 hour earlier or 2 hours earlier/s,
	'a time of another time zone is refused');
like(said('postgres', 'risk', sprintf $zoned, '*/20 * * * *'), qr/3/, 'minutes are the same in it');

# locks there are not waited for without end, and a cancel is heard
my $blocker = $node->background_psql('postgres');
$blocker->query_safe('BEGIN; LOCK TABLE cron.job');
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->{stdin} .= "SELECT scorebook.schedule_job('first', '\@yearly');\n";
$session->{run}->pump_nb;
my $errands = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'scorebook errand'};
$node->poll_query_until('postgres', $errands, '1') or die 'no errand';
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
ok($node->poll_query_until('postgres', $errands, '0'), 'a cancel also ends what goes on elsewhere');
$blocker->query_safe('ROLLBACK');
$blocker->quit;
eval { $session->quit };
is($node->safe_psql('postgres', q{SELECT j.schedule, c.schedule FROM scorebook.job AS j, cron.job AS c WHERE name = 'first' AND database = 'postgres'}),
	"$often|$often", 'and nothing has changed');

# it fires
my $runs = q{SELECT count(*) > 0 FROM scorebook.job_run WHERE kind = 'run' AND status = 'succeeded' AND started_by = 'risk' AND rows_scored = 10};
ok($node->poll_query_until('elsewhere', $runs), 'pg_cron runs a job of another database');
ok($node->poll_query_until('postgres', $runs), 'and one of its own');
is($node->safe_psql('elsewhere', qq{SET client_encoding = 'UTF8'; SELECT * FROM scorebook.verify_book('k\x{c3}\x{a4}ufer')}), '', 'the book is sound');

# and does not any more
is(said('elsewhere', 'risk', "SELECT scorebook.unschedule_job('k\x{c3}\x{a4}ufer')"), '', 'a schedule is taken away');
like(said('elsewhere', 'risk', "SELECT scorebook.unschedule_job('k\x{c3}\x{a4}ufer')"), qr/has no schedule/, 'once');
is($node->safe_psql('postgres', 'SELECT database FROM cron.job'), 'postgres', 'pg_cron has forgotten it');
said('postgres', 'risk', create('second', ", schedule => '\@daily'") . "; SELECT scorebook.schedule_job('first', '\@yearly')");
is($node->safe_psql('postgres', 'SELECT schedule FROM cron.job ORDER BY schedule'), "0 0 * * *\n0 0 1 1 *", 'pg_cron is told fields only');
$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM scorebook.run_progress') or die 'a run does not end';
is(said('postgres', 'risk', q{SELECT scorebook.drop_job('second'); SELECT scorebook.drop_job('first', keep_book => false)}), "\n",
	'jobs are dropped');
is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job'), '0', 'pg_cron has forgotten them, too');

# no workers left
$node->append_conf('postgresql.conf', 'max_worker_processes = 1');
$node->restart;
like(said('postgres', 'postgres', create('fourth', ", schedule => '\@hourly'")),
	qr/could not start a worker for database "postgres".*max_worker_processes/s, 'each worker is one of max_worker_processes');
$node->append_conf('postgresql.conf', 'max_worker_processes = 10');

# pg_cron's own time zone
SKIP:
{
	skip 'this pg_cron has no time zone of its own', 1 if $release < 5;
	$node->append_conf('postgresql.conf', q{cron.timezone = 'Europe/Berlin'});
	$node->restart;
	is(said('postgres', 'postgres', q{SELECT scorebook.create_job('fifth', model => 'm', source => 'source', timezone => 'Europe/Berlin', schedule => '0 3 * * *');
			SELECT schedule FROM cron.job}), "scores.fifth\n0 3 * * *", 'pg_cron runs jobs by the clock of cron.timezone');
	said('postgres', 'postgres', q{SELECT scorebook.drop_job('fifth')});
	$node->append_conf('postgresql.conf', q{cron.timezone = 'GMT'});
}
$node->restart;
said('postgres', 'postgres', create('sixth', ", schedule => '0 3 * * *'"));

# without pg_cron
$node->append_conf('postgresql.conf', q{shared_preload_libraries = ''});
$node->restart;
like(said('postgres', 'risk', create('first', ", schedule => '\@hourly'")),
	qr/job "first" cannot be scheduled: pg_cron is not loaded.*postgresql-\d+-cron.*shared_preload_libraries.*cron\.database_name.*run_due_jobs/s,
	'without pg_cron, it is said what to do');
like(said('postgres', 'postgres', q{SELECT scorebook.unschedule_job('sixth')}),
	qr/WARNING:  pg_cron is not loaded, and may still have job "sixth".*cron\.unschedule\('scorebook \d+\/\d+'\)/s,
	'pg_cron cannot be told what it finds when it is back');
is(said('postgres', 'team', q{SELECT count(*) FROM scorebook.schedule_job('third', '1 second', 'other')}), '3',
	'another scheduler needs no pg_cron');
said('postgres', 'team', q{
	CREATE VIEW scores.third_and_more AS SELECT s.* FROM source AS s JOIN scores.third AS t USING (id);
	SELECT scorebook.create_job('after', model => 'm', source => 'scores.third_and_more', key => '{id}');
	SELECT scorebook.schedule_job('after', '1 second', 'other')});
my $states = q{SELECT name, last_status, last_rows_scored FROM scorebook.job WHERE scheduler = 'other' ORDER BY last_run};
sub run_due { usleep(1_200_000); return said('postgres', 'team', "CALL scorebook.run_due_jobs(); $states") }
is(run_due(), "third|succeeded|10\nafter|succeeded|10", 'it runs what is due, what others read from first');
like(said('postgres', 'risk', 'CALL scorebook.run_due_jobs()'), qr/^$/, 'and not the jobs of other roles');

# jobs that fail, and jobs that are being run
$node->safe_psql('postgres', q{UPDATE source SET f3 = 'infinity' WHERE id = 5});
like(run_due(), qr/WARNING:  job "third" has failed.*feature "f3".*WARNING:  job "after" is skipped.*reads the results of third, whose last run has not succeeded/s,
	'a job that fails is a warning, and those that read from it are skipped');
is($node->safe_psql('postgres', $states), "after|succeeded|10\nthird|failed|", 'the failed run is recorded');
$node->safe_psql('postgres', q{UPDATE source SET f3 = 1 WHERE id = 5});
$session = $node->background_psql('postgres');
$session->query_safe(q{BEGIN; SELECT scorebook.run_job_in_transaction('third')});
like(run_due(), qr/NOTICE:  job "third" is being run.*WARNING:  job "after" is skipped/s, 'a job that is being run is left alone');
$session->query_safe('ROLLBACK');
$session->quit;
is(run_due(), "third|succeeded|10\nafter|succeeded|10", 'and all is well again');
said('postgres', 'team', q{
	CREATE VIEW scores.slow_source AS SELECT s.*, pg_sleep(0.3) IS NULL AS slow FROM source AS s;
	SELECT scorebook.create_job('a slow one', model => 'm', source => 'scores.slow_source', key => '{id}');
	SELECT scorebook.schedule_job('a slow one', '1 second', 'other')});
usleep(1_200_000);
like(said('postgres', 'team', 'SET statement_timeout = 1000; CALL scorebook.run_due_jobs()'), qr/ERROR:  canceling statement due to statement timeout/,
	'a cancel is not one of a single job');
is($node->safe_psql('postgres', q{SELECT last_status, last_sqlstate FROM scorebook.job WHERE name = 'a slow one'}), 'failed|57014', 'and recorded');
like(said('postgres', 'team', 'BEGIN; CALL scorebook.run_due_jobs(); COMMIT'), qr/run_due_jobs cannot run inside a transaction block/,
	'runs have transactions of their own');
like(said('postgres', 'risk', 'BEGIN; CALL scorebook.run_due_jobs(); COMMIT'),
	qr/run_due_jobs cannot run inside a transaction block.*HINT:  Use scorebook\.run_job_in_transaction there/s,
	'also where nothing is due');

done_testing();
