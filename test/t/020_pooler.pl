# Behind a pooler that gives a backend to another client with each transaction,
# a client sees what its own snapshot and role see, whoever had the backend
# before.
use strict;
use warnings FATAL => 'all';

use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'pgbouncer is not installed' unless defined $pgbouncer;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $node = PostgreSQL::Test::Cluster->new('pooler');
$node->init;
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/' || f || '.ubj'))
	FROM unnest('{sqerr,gblinear,noname}'::text[]) AS f;
	CREATE ROLE stranger;
	CREATE SEQUENCE moves;

	-- the version that the score of the champion comes from
	CREATE FUNCTION scored() RETURNS int LANGUAGE sql STABLE AS \$\$
		SELECT v FROM generate_series(1, 3) AS v
		WHERE scorebook.predict('m/' || v, array_fill(1, '{8}')) = scorebook.predict('m', array_fill(1, '{8}')) \$\$;
	-- and the one that it should come from, to the same snapshot
	CREATE FUNCTION pointed_to() RETURNS int LANGUAGE sql STABLE AS \$\$
		SELECT version FROM scorebook.alias ORDER BY move DESC LIMIT 1 \$\$;
	CREATE FUNCTION check_scores() RETURNS void LANGUAGE plpgsql AS \$\$
	BEGIN
		FOR i IN 1 .. 3 LOOP
			IF (SELECT scored() IS DISTINCT FROM pointed_to()) THEN
				RAISE 'stale score';
			END IF;
		END LOOP;
	END \$\$});

my $user = getpwuid($<);
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $directory = $node->basedir;
append_to_file("$directory/pgbouncer.ini", join "\n", '[databases]',
	'one = host=' . $node->host . ' port=' . $node->port . ' dbname=postgres user=' . $user . ' pool_size=1',
	'few = host=' . $node->host . ' port=' . $node->port . ' dbname=postgres user=' . $user . ' pool_size=2',
	'[pgbouncer]', 'pool_mode = transaction', 'auth_type = any', "listen_port = $port",
	'unix_socket_dir = ' . $node->host, "logfile = $directory/pgbouncer.log", '');
my $pooler = IPC::Run::start([ $pgbouncer, '-q', "$directory/pgbouncer.ini" ]);

END
{
	local $?;
	$pooler->kill_kill if defined $pooler;
}

sub pooled { return (extra_params => [ '-d', 'host=' . $node->host . " port=$port dbname=$_[0]" ]) }
my $tries = 100;
while ($tries-- > 0 && $node->psql('postgres', 'SELECT 1', pooled('one')) != 0)
{
	select undef, undef, undef, 0.1;
}

# two clients of one backend
my @clients = map { $node->background_psql('postgres', on_error_stop => 0, pooled('one')) } 1 .. 2;
is($clients[1]->query_safe('SELECT pg_backend_pid()'), $clients[0]->query_safe('SELECT pg_backend_pid()'),
	'two clients share a backend');
$_->query_safe('SELECT check_scores()') foreach @clients;
is($clients[0]->query_safe(q{BEGIN; SELECT scorebook.set_alias('m/2', 'champion') \g /dev/null
		SELECT scored(); ROLLBACK}), '2', 'a client moves the alias, and takes that back');
is($clients[1]->query_safe('SELECT scored()'), '1', 'the other one sees nothing of it');
$clients[0]->query_safe(q{SELECT scorebook.set_alias('m/3', 'champion')});
is($_->query_safe('SELECT scored()'), '3', 'a move that stays is seen') foreach @clients;

my $score = q{SELECT scorebook.predict('m', array_fill(1, '{8}')) IS NOT NULL};
$clients[0]->query("BEGIN; SET LOCAL ROLE stranger; $score; ROLLBACK");
like($clients[0]->{stderr}, qr/permission denied for model "m"/, 'a role without the right does not score');
is($clients[1]->query_safe($score), 't', 'the next one that has the backend does');
$_->quit foreach @clients;

# one snapshot, while another backend moves the alias
@clients = map { $node->background_psql('postgres', pooled('few')) } 1 .. 2;
is($clients[0]->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT scored()'), '3', 'a snapshot is taken');
$clients[1]->query_safe(q{SELECT scorebook.set_alias('m/1', 'champion')});
is($clients[1]->query_safe('SELECT scored()'), '1', 'the alias has moved');
is($clients[0]->query_safe('SELECT scored(); COMMIT'), '3', 'and has not, for who has an older snapshot');
is($clients[0]->query_safe('SELECT scored()'), '1', 'until that is given back');
$_->quit foreach @clients;

# many clients of two backends, and each score is that of its snapshot
append_to_file("$directory/pooled.sql", q{
	\set what random(1, 5)
	\if :what = 1
		SELECT scorebook.set_alias('m/' || 1 + nextval('moves') % 3, 'champion');
	\elif :what = 2
		BEGIN;
		SELECT scorebook.set_alias('m/' || 1 + nextval('moves') % 3, 'champion');
		SELECT check_scores();
		ROLLBACK;
	\elif :what = 3
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT check_scores();
		SELECT check_scores();
		COMMIT;
	\else
		SELECT 1 / (scored() = pointed_to())::int;
	\endif
});
my ($version) = `$pgbouncer --version` =~ /^PgBouncer (\d+\.\d+)/;
my @modes = ('simple', 'extended', $version < 1.24 ? () : 'prepared');
foreach my $mode (@modes)
{
	# a thread for each client: pgbench waits for an answer to what it prepares
	$node->command_checks_all(
		[ 'pgbench', '-n', '-c', '8', '-j', '8', '-t', '250', '-M', $mode, '-f', "$directory/pooled.sql",
			'-h', $node->host, '-p', $port, 'few' ],
		0, [qr{number of transactions actually processed: 2000/2000}], [qr/^((?!ERROR|stale).)*$/s],
		"no score is stale, in the $mode protocol");
}
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM scorebook.alias'), '>', 100, 'while the alias moves');

done_testing();
