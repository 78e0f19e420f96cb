# When what a transaction wrote counts as there: as it commits, whatever the
# clock does, however long the commit itself takes, and whoever writes.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($faketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';
plan skip_all => 'needs the package faketime' unless $faketime;

# the machine's own clocks are real: nobody can set them
my $clock = abs_path(PostgreSQL::Test::Utils::tempdir()) . '/clock';
$ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
$ENV{FAKETIME_NO_CACHE} = 1;
$ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
$ENV{DONT_FAKE_MONOTONIC} = 1;

sub set_clock
{
	my ($offset) = @_;
	open my $file, '>', "$clock.new" or die "$clock.new: $!";
	print $file sprintf("%+d\n", $offset);
	close $file;
	rename "$clock.new", $clock or die "$clock: $!";
}

my $node = PostgreSQL::Test::Cluster->new('moment');
$node->init(allows_streaming => 'logical');
set_clock(0);

sub start
{
	local $ENV{LD_PRELOAD} = $faketime;
	$node->start;
}
start();
$node->safe_psql('postgres', q{
	CREATE EXTENSION scorebook;
	CREATE TABLE account (id int PRIMARY KEY, v int);
	INSERT INTO account SELECT n, 0 FROM generate_series(1, 10) AS n;
	CREATE TABLE idle (id int PRIMARY KEY);
	SELECT scorebook.add_system_versioning('account'), scorebook.add_system_versioning('idle')});

sub query { $node->safe_psql('postgres', $_[0]) }

# an hour back, while nobody writes
query('UPDATE account SET v = 1');
my $seen = query('SELECT clock_timestamp()');
my $state = "SELECT string_agg(a::text, ' ' ORDER BY id) FROM account_as_of('$seen') AS a";
my $then = query($state);
my $final = query(q{SELECT scorebook.as_of_final_until('account'::regclass)});
is(query("SELECT '$final' > '$seen'::timestamptz"), 't', 'what was seen is final');
set_clock(-3600);
is(query("SELECT clock_timestamp() < '$seen'"), 't', 'the clock is set back');
is(query(qq{SELECT scorebook.as_of_final_until('account'::regclass) >= '$final'}), 't', 'what is final stays final');
query('UPDATE account SET v = 2');
is(query($state), $then, 'what was seen is what is answered, after somebody has written');
is(query(q{SELECT DISTINCT v FROM account_as_of('infinity')}), '2', 'and what was written is there');
is(query("SELECT min(committed_at) > '$final' FROM scorebook.moment WHERE writer = (SELECT max(writer) FROM scorebook.moment)"),
	't', 'at a time that was not final');

# a restart of the server changes nothing about that
$final = query(q{SELECT scorebook.as_of_final_until('idle'::regclass)});
$node->stop;
set_clock(-7200);
start();
query('INSERT INTO idle VALUES (1)');
is(query("SELECT max(committed_at) >= '$final' FROM scorebook.moment JOIN idle_since ON opened_by = writer"), 't',
	'nor does a restart of the server');

# any steps at all, with writers at once: each state that was final is what it was
my @states;
srand(4);
foreach my $step (1 .. 40)
{
	set_clock(int(rand(172800)) - 86400);
	my $other = $node->background_psql('postgres');
	$other->query_safe("BEGIN; UPDATE account SET v = v + 1 WHERE id = 10");
	query("UPDATE account SET v = $step WHERE id = " . (1 + $step % 9));
	push @states, [ split /\|/, query(q{
		SELECT scorebook.as_of_final_until('account'::regclass) - interval '1 microsecond',
			string_agg(a::text, ' ' ORDER BY id) FROM account AS a}) ];
	set_clock(int(rand(172800)) - 86400);
	$other->query_safe('COMMIT');
	$other->quit;
}
my @wrong = grep { query("SELECT string_agg(a::text, ' ' ORDER BY id) FROM account_as_of('$_->[0]') AS a") ne $_->[1] } @states;
is(scalar(@wrong), 0, 'all states that were final while the clock was set 80 times are what they were');
is(scalar(grep { $states[$_]->[1] eq $states[ $_ - 1 ]->[1] } 1 .. $#states), 0, 'of which each is another');
is(query('SELECT count(*) FROM account_history WHERE system_from >= system_to'), '0', 'and no row ended before it began');
set_clock(0);

# a commit that waits for a standby is not there yet, and nothing after it is final
$node->append_conf('postgresql.conf', "synchronous_standby_names = 'nobody'");
$node->reload;
my $waiting = $node->background_psql('postgres');
$waiting->query_until(qr/begun/, "\\echo begun\nUPDATE account SET v = 100;\n");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'}) or die 'no wait';
my $async = 'SET synchronous_commit = local;';
my $before = query(q{SELECT max(committed_at) FROM scorebook.moment JOIN account_since ON opened_by = writer});
is(query(q{SELECT scorebook.as_of_final_until('account'::regclass)}), query("SELECT '$before'::timestamptz + interval '1 microsecond'"),
	'final is what was before');
is(query(q{SELECT count(*) FROM account_as_of('infinity') WHERE v = 100}), '0', 'nobody sees what is about to be committed');
$node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$node->reload;
$waiting->quit;
is(query(q{SELECT count(*) FROM account_as_of('infinity') WHERE v = 100}), '10', 'and everybody does, once it is');
is(query(q{SELECT count(*) FROM scorebook.moment WHERE committed_at IS NULL}), '0', 'all moments are taken');

# logical replication does not fire the triggers: rows that come by it are not guessed at
query('CREATE DATABASE origin');
$node->safe_psql('origin', $_) foreach ('CREATE TABLE copied (id int PRIMARY KEY, v int)', 'CREATE PUBLICATION p FOR TABLE copied',
	q{SELECT pg_create_logical_replication_slot('s', 'pgoutput')});
query($_) foreach ('CREATE TABLE copied (id int PRIMARY KEY, v int)', q{SELECT scorebook.add_system_versioning('copied')},
	"CREATE SUBSCRIPTION s CONNECTION \$\$" . $node->connstr('origin') . "\$\$ PUBLICATION p WITH (create_slot = false, copy_data = false)");
$node->safe_psql('origin', 'INSERT INTO copied VALUES (1, 1)');
$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM copied') or die 'nothing came';
my ($rc, $out, $err) = $node->psql('postgres', 'DELETE FROM copied');
like($err, qr/the history of table public.copied does not know a row that is about to change/, 'rows that came unnoticed are refused');
is(query(q{SELECT problem, key FROM scorebook.verify_history('copied')}), 'the history does not know a row of the table|(id)=(1)',
	'and found');
query('DROP SUBSCRIPTION s');

done_testing();
