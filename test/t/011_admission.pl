# XGBoost sees a new model in a process of its own: what happens to that one
# never happens to the backend, and nothing of it stays.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";

my $node = PostgreSQL::Test::Cluster->new('admission');
$node->init;
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	CREATE TABLE artifact AS SELECT pg_read_binary_file('$fixtures/softprob.ubj') AS bytes});

sub read_file
{
	open(my $file, '<', $_[0]) or return '';
	local $/;
	my $content = <$file>;
	return $content // '';
}

sub children
{
	my ($pid) = @_;
	return grep { read_file("/proc/$_/stat") =~ /^\d+ \(.*\) \S $pid / } map { m{^/proc/(\d+)$} } glob('/proc/[0-9]*');
}

# A session that loads models for as long as it takes to catch one at it.
my $loading = q{DO $$ BEGIN
	FOR i IN 1 .. 100000 LOOP
		BEGIN
			PERFORM scorebook.load_model('m', bytes) FROM artifact;
			RAISE 'undo' USING ERRCODE = 'P0002';
		EXCEPTION WHEN SQLSTATE 'P0002' THEN
		END;
	END LOOP;
END $$;};

# Stops the process of a session that loads models; what it looks like then.
sub catch_process
{
	my ($backend) = @_;
	my $until = time() + 60;
	while (time() < $until)
	{
		for my $child (children($backend))
		{
			next unless read_file("/proc/$child/comm") =~ /^scorebook-admit/;
			kill('STOP', $child) or next;
			my $status = read_file("/proc/$child/status");

			# not before it has shut itself in
			return ($child, $status) if $status =~ /^Seccomp:\s+2/m;
			kill('CONT', $child);
		}
		sleep(0.001);
	}
	die 'no process to be seen';
}

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $backend = $session->query_safe('SELECT pg_backend_pid()');
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

# Starts to load models in the session, and tells how that ended.
sub disturbed
{
	my ($disturb) = @_;
	$session->query_until(qr/begun/, "\\echo begun\n$loading\n\\echo ended\n");
	my ($child, $status) = catch_process($backend);
	my $caught = time();
	$disturb->($child);
	my $rest = $session->query('SELECT 1');
	my $took = time() - $caught;
	my $error = $session->{stderr};
	$session->{stderr} = '';
	ok(!kill(0, $child), 'the process is gone');
	return ($error, $status, $took);
}

my $open_files = sub { scalar grep { (readlink($_) // '') =~ /^pipe:/ } glob("/proc/$backend/fd/*") };
my $files = $open_files->();

my ($error, $status, $took) = disturbed(sub { kill('SEGV', $_[0]); kill('CONT', $_[0]); });
like($error, qr/ERROR:  XGBoost crashed on model "m\/1"/, 'a crash is an error');
like($error, qr/DETAIL:  It was ended by signal 11: Segmentation fault, while it /, 'that says how');
like($error, qr/HINT:  It ran in a process of its own, and the server is not affected/, 'and that it does no harm');
like($status, qr/^Seccomp:\s+2$/m, 'the process runs under a filter of system calls');
like($status, qr/^NoNewPrivs:\s+1$/m, 'gets no new privileges');
like($status, qr/^Threads:\s+1$/m, 'and has one thread');

($error, undef, $took) = disturbed(sub { $node->safe_psql('postgres', "SELECT pg_cancel_backend($backend)") });
like($error, qr/canceling statement due to user request/, 'a process that hangs is cancelled');
cmp_ok($took, '<', 2, 'at once');

$session->query_safe("SET statement_timeout = '3s'");
($error) = disturbed(sub { });
like($error, qr/canceling statement due to statement timeout/, 'statement_timeout is heard');
$session->query_safe('RESET statement_timeout');

$session->query_safe("SET scorebook.admission_timeout = '1s'");
($error, undef, $took) = disturbed(sub { });
like($error, qr/ERROR:  XGBoost took too long to try model "m\/1"/, 'and so is admission_timeout');
like($error, qr/HINT:  A superuser can raise scorebook.admission_timeout/, 'with a hint');
cmp_ok($took, '<', 3, 'in time');
$session->query_safe('RESET scorebook.admission_timeout');

# within bounds of memory
is($session->query_safe("SET scorebook.admission_memory = '128MB'; SELECT scorebook.load_model('small', bytes) FROM artifact"),
	'1', 'little memory is enough for a small model');
$session->query_safe('RESET scorebook.admission_memory');

is($session->query_safe('SELECT pg_backend_pid()'), $backend, 'the backend is the same');
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'and so is the cluster');
is($open_files->(), $files, 'no pipe is left open');
is_deeply([ children($backend) ], [], 'no process is left');
is($session->query_safe(q{SELECT scorebook.load_model('after', bytes) FROM artifact}), '1', 'and models are loaded as before');
is($session->query_safe(q{SELECT pg_read_file('/proc/self/maps') ~ 'libxgboost'}), 'f', 'without XGBoost in the backend');

# a backend that is gone takes its process along
$session->query_until(qr/begun/, "\\echo begun\n$loading\n");
my ($child) = catch_process($backend);
kill('KILL', $backend);
my $until = time() + 10;
sleep(0.01) while kill(0, $child) && read_file("/proc/$child/stat") !~ /\) Z / && time() < $until;
ok(!kill(0, $child) || read_file("/proc/$child/stat") =~ /\) Z /, 'a backend that is killed takes its process along');
eval { $session->quit };

# the server starts anew after that
for (1 .. 100)
{
	my ($rc) = $node->psql('postgres', 'SELECT 1');
	last if $rc == 0;
	sleep(0.1);
}

# nobody else may start the program to any use
my ($out, $err);
my $program = $node->config_data('--pkglibdir') . '/scorebook-admit';
IPC::Run::run([$program], '<', \'', '>', \$out, '2>', \$err);
is($? >> 8, 2, 'the program does nothing without a backend');
IPC::Run::run([ $program, '1', '1000000000', '5' ], '<', \'', '>', \$out, '2>', \$err);
is($? >> 8, 2, 'nor for another process');

done_testing();
