# Runs that are ended from outside, in each phase, or find no room on the disk.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $node = PostgreSQL::Test::Cluster->new('faults');
$node->init;
$node->append_conf('postgresql.conf', 'max_parallel_workers_per_gather = 0');
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/binlog.ubj'));
	CREATE TABLE source AS
		SELECT i AS id, random()::real AS f0, random()::real AS f1, random()::real AS f2, random()::real AS f3,
			random()::real AS f4, random()::real AS f5, random()::real AS f6, random()::real AS f7
		FROM generate_series(1, 30000) AS i;
	ALTER TABLE source ADD PRIMARY KEY (id);
	SELECT scorebook.create_job('job', model => 'm', source => 'source'),
		-- it scores for ten seconds
		scorebook.create_job('slow', model => 'm', source => 'source', exclude => 'id % 300 = 0 AND pg_sleep(0.1) IS NULL');
	CALL scorebook.run_job('job')});
my $run = q{CALL scorebook.run_job('job')};
my $state = 'SELECT count(*), count(DISTINCT run), max(run), (SELECT count(*) FROM scores.job_history) FROM scores.job';
my $last = 'SELECT status, sqlstate FROM scorebook.job_run ORDER BY run DESC LIMIT 1';

sub change { $node->safe_psql('postgres', 'UPDATE source SET f0 = random()') }

# Begins a statement in a session of its own, and returns that and its pid.
sub begin
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->{stdin} .= "$_[0];\n";
	$session->{run}->pump_nb;
	$node->poll_query_until('postgres', "SELECT query !~ 'pg_backend_pid' FROM pg_stat_activity WHERE pid = $pid") or die 'it does not begin';
	return ($session, $pid);
}

# A session that keeps runs of the job from writing, until it ends.
sub hold_up
{
	my $holder = $node->background_psql('postgres', on_error_stop => 0);
	$holder->query_safe('BEGIN; SELECT FROM scores.job ORDER BY id LIMIT 1 FOR UPDATE');
	return $holder;
}

# Is the session free again?  Returns how long that took.
sub wait_until_idle
{
	my $pid = shift;
	my $start = time;
	$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND state <> 'idle')")
	  or die 'it goes on';
	return time - $start;
}

change();
my $start = time;
$node->safe_psql('postgres', $run);
my $takes = time - $start;
note sprintf 'a run takes %.1f s', $takes;
change();
my $before = $node->safe_psql('postgres', $state);

# canceled in each phase, and anywhere
my $slowest = 0;
for my $phase ('scoring', 'writing')
{
	my $holder = hold_up();
	my ($session, $pid) = begin($phase eq 'scoring' ? q{CALL scorebook.run_job('slow')} : $run);
	$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM scorebook.run_progress WHERE pid = $pid AND phase = '$phase')") or die;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	my $waited = wait_until_idle($pid);
	$slowest = $waited if $waited > $slowest;
	is($node->safe_psql('postgres', "$last; $state; SELECT count(*) FROM scorebook.run_progress; SELECT count(*) FROM scores.slow"),
		"failed|57014\n$before\n0\n0", "a run that is canceled while $phase fails, and leaves nothing");
	$session->quit;
	$holder->query_safe('ROLLBACK');
	$holder->quit;
}
my $wrong = 0;
for my $part (1 .. 6)
{
	my ($session, $pid) = begin($run);
	usleep(1e6 * $takes * $part / 7);
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	my $waited = wait_until_idle($pid);
	$slowest = $waited if $waited > $slowest;
	my $after = $node->safe_psql('postgres', "$last; $state");
	$wrong++ if $after ne "failed|57014\n$before" and $after !~ /^succeeded/;
	($before) = $after =~ /\n(.*)/;
	change() if $after =~ /^succeeded/;
	$session->quit;
}
is($wrong, 0, 'canceled at any time, it does, too');
cmp_ok($slowest, '<', 1, sprintf 'within a second: %.2f s', $slowest);

my ($late, $failed, $left) = (0, 0, 0);
for my $part (1 .. 4)
{
	my $timeout = int(1000 * $takes * $part / 12) + 1;
	$start = time;
	my ($rc, $out, $err) = $node->psql('postgres', "SET statement_timeout = $timeout; $run");
	$late = time - $start - $timeout / 1000 if time - $start - $timeout / 1000 > $late;
	my $after = $node->safe_psql('postgres', $state);
	if ($err =~ /canceling statement due to statement timeout/)
	{
		$failed++;
		$left++ if $after ne $before;
	}
	else
	{
		$before = $after;
		change();
	}
}
cmp_ok($failed, '>', 0, 'statement_timeout ends a run');
cmp_ok($late, '<', 1, sprintf 'within a second: %.2f s', $late);
is($left, 0, 'and nothing is left of it');

# canceled while it waits for its turn to commit
my $other = $node->background_psql('postgres', on_error_stop => 0);
$other->query_safe(q{BEGIN; SELECT scorebook.take_moment_internal(timeline_id) FROM scorebook.registered_job WHERE name = 'job'});
my ($session, $pid) = begin($run);
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $pid AND NOT granted)") or die;
is($node->safe_psql('postgres', $last), 'running|', 'a run waits for its turn to commit');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
wait_until_idle($pid);
is($node->safe_psql('postgres', "$last; $state"), "failed|57014\n$before", 'canceled there, it is recorded, too');
$session->quit;
$other->query_safe('ROLLBACK');
$other->quit;
unlike(slurp_file($node->logfile), qr/WARNING:  you don't own a lock/, 'and its lock is let go of once');

# terminated
my $holder = hold_up();
($session, $pid) = begin($run);
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM scorebook.run_progress WHERE pid = $pid AND phase = 'writing')") or die;
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 5000)");
is($node->safe_psql('postgres', "$last; $state; SELECT status FROM scorebook.run ORDER BY run DESC LIMIT 1; SELECT count(*) FROM scorebook.run_progress"),
	"crashed|\n$before\nrunning\n0", 'a run whose session is terminated shows as crashed at once');
eval { $session->quit };
$holder->query_safe('ROLLBACK');
$holder->quit;
$node->safe_psql('postgres', $run);
is($node->safe_psql('postgres', q{SELECT status, finished_at IS NOT NULL FROM scorebook.run ORDER BY run DESC LIMIT 2}),
	"succeeded|t\ncrashed|t", 'the next run succeeds, and writes that down');

# many who only look whether a run is alive do not keep others from running
$node->safe_psql('postgres', q{SET session_replication_role = replica;
	UPDATE scorebook.run SET status = 'running' WHERE run = (SELECT max(run) FROM scorebook.run WHERE status = 'crashed');
	SET session_replication_role = origin;
	CREATE TABLE few AS SELECT * FROM source LIMIT 1; SELECT scorebook.create_job('few', model => 'm', source => 'few', key => '{id}');
	CALL scorebook.run_job('few');
	SET session_replication_role = replica;
	UPDATE scorebook.run SET status = 'running' WHERE run = (SELECT max(run) FROM scorebook.run)});
my @lookers = map { (begin(q{DO 'BEGIN FOR i IN 1..100000 LOOP PERFORM scorebook.run_is_alive((SELECT max(job_id) FROM scorebook.registered_job)); END LOOP; END'}))[0] } 1 .. 3;
my $refused = 0;
for (1 .. 40)
{
	my ($rc, $out, $err) = $node->psql('postgres', q{CALL scorebook.run_job('few')});
	$refused++ if $rc != 0;
}
is($refused, 0, 'who looks whether a run is alive is not taken for one');
$_->quit for @lookers;

# no room: files of the session may not become larger than this
$node->safe_psql('postgres', q{
	SELECT scorebook.create_job('wide', model => 'm', source => 'SELECT s.* FROM source AS s UNION ALL SELECT id + 30000 * i, f1, f0, f2, f3, f4, f5, f6, f7 FROM source, generate_series(1, 5) AS i', key => '{id}')});
SKIP:
{
	skip 'there is no prlimit', 3 if !grep { -x "$_/prlimit" } split /:/, $ENV{PATH};
	my $limited = $node->background_psql('postgres', on_error_stop => 0);
	my $limited_pid = $limited->query_safe('SELECT pg_backend_pid()');
	command_ok([ 'prlimit', '--pid', $limited_pid, '--fsize=17000000' ], 'a session with a limit');
	$limited->{stdin} .= "CALL scorebook.run_job('wide');\n";
	$limited->{run}->pump_nb;
	$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM scorebook.job_run WHERE job = 'wide')}) or die;
	wait_until_idle($limited_pid);
	like($node->safe_psql('postgres', q{
			SELECT status, message, (SELECT count(*) FROM scores.wide) FROM scorebook.job_run WHERE job = 'wide'}),
		qr/^failed\|could not (extend|write to) file .*\|0$/, 'a run that finds no room fails, and leaves nothing');
	$limited->quit;
	is($node->safe_psql('postgres', q{
			CALL scorebook.run_job('wide');
			SELECT count(*) FROM scores.wide; SELECT * FROM scorebook.verify_book('wide')}), 180000, 'the next one, with room, succeeds');
}

# rows that cannot be scored are many, and take no memory that stays
SKIP:
{
	skip 'there is no /proc', 1 if !-e '/proc/self/status';
	my $peak = q{SELECT (substring(pg_read_file('/proc/self/status', 0, 10000) FROM 'VmHWM:\s+(\d+)')::bigint
		- substring(pg_read_file('/proc/self/status', 0, 10000) FROM 'RssShmem:\s+(\d+)')::bigint) / 1024};
	my ($peak_before, $peak_after, $rows) = split /\n/, $node->safe_psql('postgres', qq{
		SELECT FROM scorebook.create_job('broken', model => 'm', on_error => 'record', max_errors => 1000000, key => '{id}',
			source => 'SELECT id, ''infinity''::real AS f0, f1, f2, f3, f4, f5, f6, f7 FROM scores.wide_source') \\g /dev/null
		$peak; CALL scorebook.run_job('broken'); $peak; SELECT rows_failed FROM scorebook.job_run ORDER BY run DESC LIMIT 1});
	cmp_ok($peak_after - $peak_before, '<', 64, "$rows of them take less than 64 MB");
}
is($node->safe_psql('postgres', q{SELECT * FROM scorebook.verify_book('job')}), '', 'the book is sound after all of that');
$node->stop;
done_testing();
