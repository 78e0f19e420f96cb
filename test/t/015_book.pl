# Runs that do not end well, and books on standbys and in dumps.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $node = PostgreSQL::Test::Cluster->new('book');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "restart_after_crash = on\nmax_parallel_workers_per_gather = 0");
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/binlog.ubj'));
	CREATE TABLE source AS
		SELECT i AS id, random()::real AS f0, random()::real AS f1, random()::real AS f2, random()::real AS f3,
			random()::real AS f4, random()::real AS f5, random()::real AS f6, random()::real AS f7
		FROM generate_series(1, 40000) AS i;
	ALTER TABLE source ADD PRIMARY KEY (id);
	SELECT scorebook.create_job('job', model => 'm', source => 'source', shadows => '{m/1}');
	CALL scorebook.run_job('job')});
my $states = 'SELECT count(*), count(DISTINCT run), max(run) FROM scores.job';
my $run = q{CALL scorebook.run_job('job')};

# what is wrong with the book: nothing
sub sound { is($node->safe_psql('postgres', q{SELECT * FROM scorebook.verify_book('job')}), '', $_[0]) }
sound('the book is sound');

# how long a run takes in which everything changes
sub change { $node->safe_psql('postgres', 'UPDATE source SET f0 = random(); CHECKPOINT') }
change();
my $start = time;
$node->safe_psql('postgres', $run);
my $takes = time - $start;

# kill -9 in the middle, anywhere
my ($tries, $crashed, $half, $resumed) = (0, 0, 0, 0);
while ($crashed < 20 && $tries++ < 60)
{
	change();
	my $before = $node->safe_psql('postgres', $states);
	my ($in, $out, $err) = ('', '', '');
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->{stdin} .= "$run;\n";
	$session->{run}->pump_nb;
	usleep(int(1e6 * $takes * (0.02 + 0.9 * rand)));
	kill 'KILL', $pid;
	eval { $session->quit };
	# its entry goes when the server has started again
	$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)")
	  or die 'no restart';
	my ($status, $after) = split /\n/, $node->safe_psql('postgres',
		"SELECT status FROM scorebook.job_run ORDER BY run DESC LIMIT 1; $states");
	next if $status ne 'crashed';
	$crashed++;
	$half++ if $after ne $before;
	$node->safe_psql('postgres', $run);
	$resumed++ if $node->safe_psql('postgres', q{
		SELECT r.rows_changed = 40000, (SELECT count(*) FROM scorebook.run WHERE status = 'running')
		FROM scorebook.job_run AS r ORDER BY r.run DESC LIMIT 1}) eq 't|0';
}
is($crashed, 20, "20 runs that were killed show as crashed at once ($tries tries)");
is($half, 0, 'nothing is left of them');
is($resumed, 20, 'each time the next run succeeds, and writes down what has crashed');
sound('the book is sound after 20 kills');

# a run that is canceled, or takes too long
change();
my $before = $node->safe_psql('postgres', $states);
my $timeout = int(1000 * $takes / 10) + 1;
my ($rc, $out, $err) = $node->psql('postgres', "SET statement_timeout = $timeout; $run;");
like($err, qr/canceling statement due to statement timeout/, 'statement_timeout ends a run');
is($node->safe_psql('postgres', "$states; SELECT status, sqlstate FROM scorebook.run ORDER BY run DESC LIMIT 1"),
	"$before\nfailed|57014", 'which is recorded, and nothing else is');
my $holder = $node->background_psql('postgres', on_error_stop => 0);
$holder->query_safe('BEGIN; SELECT FROM scores.job ORDER BY id LIMIT 1 FOR UPDATE');
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->{stdin} .= "$run;\n";
$session->{run}->pump_nb;
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM scorebook.run_progress WHERE rows_read > 0})
  or die 'no progress';
is($node->safe_psql('postgres', q{SELECT job, phase IN ('scoring', 'writing'), rows_per_second > 0 FROM scorebook.run_progress}),
	'job|t|t', 'others see how far a run is');
my ($rc2, $out2, $err2) = $node->psql('postgres', $run, on_error_stop => 0);
like($err2, qr/job "job" is being run/, 'a second run fails at once');
$start = time;
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$node->poll_query_until('postgres', q{SELECT status = 'failed' FROM scorebook.run ORDER BY run DESC LIMIT 1});
cmp_ok(time - $start, '<', 1, 'a cancel is heard within a second');
eval { $session->quit };
$holder->query_safe('ROLLBACK');
$holder->quit;
is($node->safe_psql('postgres', $states), $before, 'and nothing has changed');
sound('the book is sound after runs that did not end');

# no room for temporary files
($rc, $out, $err) = $node->psql('postgres', "SET temp_file_limit = '1MB'; SET work_mem = '64kB'; $run;");
like($err, qr/temporary file size exceeds "?temp_file_limit/, 'a run that finds no room fails');
is($node->safe_psql('postgres', "$states; SELECT status, sqlstate FROM scorebook.run ORDER BY run DESC LIMIT 1"),
	"$before\nfailed|53400", 'and says so');

# a standby reads, while runs go on
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('reader');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $moment = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
$node->safe_psql('postgres', $run);
$node->wait_for_catchup($standby);
my $as_of = "SELECT count(*), sum(score::numeric), count(DISTINCT run) FROM scores.job_as_of('$moment')";
my $then = $node->safe_psql('postgres', $as_of);
is($standby->safe_psql('postgres', $as_of), $then, 'a standby answers as of a time before the last run');
is($standby->safe_psql('postgres', $states), $node->safe_psql('postgres', $states), 'and what is there now');
is($standby->safe_psql('postgres', q{
		SELECT scorebook.as_of_final_until('job') <= (SELECT max(committed_at) FROM scorebook.moment) + interval '1us',
			scorebook.predict('m', s) IS NOT NULL FROM source AS s LIMIT 1}), 't|t',
	'up to the last run that it has seen its answers are final, and it scores');
for my $statement ($run, q{SELECT scorebook.score('job', 1)})
{
	($rc, $out, $err) = $standby->psql('postgres', $statement);
	like($err, qr/cannot execute a scorebook run during recovery/, "it does not write: $statement");
}

# a run that cannot commit yet
my $other = $node->background_psql('postgres', on_error_stop => 0);
$other->query_safe('BEGIN; SELECT scorebook.take_moment_internal(timeline_id) FROM scorebook.registered_job');
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->{stdin} .= "$run;\n";
$session->{run}->pump_nb;
ok($standby->poll_query_until('postgres', q{SELECT status = 'running' FROM scorebook.job_run ORDER BY run DESC LIMIT 1}),
	'a standby takes no run of the primary for a crashed one');
is($standby->safe_psql('postgres', $as_of), $then, 'and its answers stay the same while one goes on');
my $predicted = q{SELECT md5(string_agg(float4send(scorebook.predict('m', s))::text, ',' ORDER BY id)) FROM source AS s};
is($standby->safe_psql('postgres', $predicted), $node->safe_psql('postgres', $predicted), 'it scores, and the same');
$other->query_safe('ROLLBACK');
$other->quit;
$session->query_safe('SELECT 1');
$session->quit;
$standby->stop;

# a dump takes books along, rights on jobs, and streams
$node->safe_psql('postgres', 'DELETE FROM source WHERE id > 1000; ' . $run);
$node->safe_psql('postgres', q{
	CREATE TABLE part (LIKE source, PRIMARY KEY (id)) PARTITION BY RANGE (id);
	CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (1) TO (10);
	SELECT scorebook.create_job('streamed', model => 'm', source => 'part',
		cutoffs => '{"accept": [null, 0.3], "refer": [0.3, 0.6], "decline": [0.6, null]}');
	SELECT scorebook.stream_job('streamed');
	CREATE ROLE app;
	SELECT scorebook.grant_job('streamed', 'app', 'score'), scorebook.grant_job('job', 'public', 'run');
	INSERT INTO part SELECT * FROM source WHERE id < 5});
# with periods, a split, and subjects that were erased
$node->safe_psql('postgres', qq{
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/rf.ubj'), alias => 'challenger');
	SELECT scorebook.create_job('periods', model => 'm', source => 'source', keep => 'each_period', split => '{"challenger": 0.5}',
		shadows => '{m\@challenger}');
	CALL scorebook.run_job('periods', '2026-01-01');
	CALL scorebook.run_job('periods', '2026-02-01');
	UPDATE source SET f0 = f0 + 1 WHERE id <= 50;
	CALL scorebook.run_job('periods', '2026-02-01');
	SELECT scorebook.erase('periods', 7, 'request 1'), scorebook.erase('periods', 8, 'request 2');
	SELECT scorebook.unerase('periods', 8, 'agrees');
	SELECT scorebook.erase('job', 9, 'request 3')});
my $split = q{SELECT id, scorebook.split_of('periods', id) FROM source ORDER BY id};
my $dump = $node->basedir . '/dump';
my @connection = ('-h', $node->host, '-p', $node->port);
command_ok([ 'pg_dump', @connection, '-f', "$dump.sql", 'postgres' ], 'dump as text');
command_ok([ 'pg_dump', @connection, '-Fc', '-f', "$dump.custom", 'postgres' ], 'dump as an archive');
my %restore = (
	copy => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', @connection, '-d', 'copy', '-f', "$dump.sql" ],
	jobs => [ 'pg_restore', '-e', '-j', '3', @connection, '-d', 'jobs', "$dump.custom" ]);
for my $copy (sort keys %restore)
{
	$node->safe_psql('postgres', "CREATE DATABASE $copy");
	command_ok($restore{$copy}, "$copy: restore");
	for my $question ($as_of, $states, $split,
		q{SELECT * FROM scorebook.verify_book('job')}, q{SELECT * FROM scorebook.verify_book('periods')},
		'SELECT run, status, rows_read, digest FROM scorebook.run ORDER BY run', 'SELECT * FROM scorebook.moment ORDER BY writer',
		'SELECT * FROM scorebook.tombstone ORDER BY tombstone', 'SELECT * FROM scorebook.job_grant ORDER BY 1, 2, 3',
		q{SELECT id, at, scorebook.score_at('periods', jsonb_build_object('id', id, 'effective_at', at), 'infinity')
			FROM generate_series(1, 10) AS id, unnest('{2026-01-01,2026-02-01}'::timestamptz[]) AS at})
	{
		is($node->safe_psql($copy, $question), $node->safe_psql('postgres', $question), "$copy: restored: $question");
	}
	is($node->safe_psql($copy, q{
			UPDATE source SET f1 = f1 + 1 WHERE id <= 100;
			CALL scorebook.run_job('periods', '2026-02-01');
			SELECT rows_changed, rows_confirmed, rows_erased FROM scorebook.run ORDER BY run DESC LIMIT 1;
			SELECT count(*) FILTER (WHERE p.version <> (scorebook.resolve_reference(scorebook.split_of('periods', id))).version),
				count(*) FILTER (WHERE id IN (7, 8)), count(DISTINCT p.version), count(DISTINCT effective_at)
			FROM scores.periods AS p;
			SELECT * FROM scorebook.verify_book('periods')}),
		"99|900|1\n0|1|2|2", "$copy: runs of periods go on, as the split says, without whom was erased");
	my ($rc, $out, $err) = $node->psql($copy, 'DELETE FROM scores.periods_history');
	like($err, qr/is part of a book/, "$copy: and the book is guarded");
	($rc, $out, $err) = $node->psql($copy, 'UPDATE scorebook.moment SET committed_at = now()');
	like($err, qr/holds records that only scorebook changes/, "$copy: so are its records");
}
$node->safe_psql('copy', 'UPDATE source SET f1 = f1 + 1 WHERE id <= 100; ' . $run);
is($node->safe_psql('copy', q{
		SELECT rows_changed, rows_confirmed FROM scorebook.run ORDER BY run DESC LIMIT 1;
		SELECT * FROM scorebook.verify_book('job')}), '99|900', 'runs go on in the copy');
is($node->safe_psql('copy', q{SET ROLE app; SELECT run IS NOT NULL FROM scorebook.score('streamed', 4)}), 't',
	'whoever was granted that scores in the copy');
is($node->safe_psql('copy', q{
		UPDATE part SET f0 = f0 + 1 WHERE id = 1;
		DELETE FROM part WHERE id = 2;
		CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (10) TO (20);
		INSERT INTO part_high SELECT * FROM source WHERE id = 10;
		SELECT string_agg(id || ' ' || kind, ', ' ORDER BY id) FROM scores.streamed JOIN scorebook.run USING (run);
		CALL scorebook.run_job('streamed');
		SELECT rows_changed, rows_confirmed FROM scorebook.run ORDER BY run DESC LIMIT 1;
		SELECT * FROM scorebook.verify_book('streamed')}),
	"1 stream, 3 stream, 4 stream, 10 stream\n0|4", 'streams go on, too');
($rc, $out, $err) = $node->psql('copy', 'DELETE FROM scores.job');
like($err, qr/is part of a book/, 'and its book is guarded');
done_testing();
