# examples/score_http.py: an application scores one subject by HTTP.
use strict;
use warnings FATAL => 'all';

use FindBin;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $root = "$FindBin::RealBin/../..";
my $node = PostgreSQL::Test::Cluster->new('http');
$node->init;
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('m', pg_read_binary_file('$root/test/fixtures/1.7.4/binlog.ubj'), mode => 'governed');
	CREATE TABLE source AS
		SELECT i AS id, 1::real AS f0, 1::real AS f1, 1::real AS f2, 1::real AS f3, 1::real AS f4,
			1::real AS f5, 1::real AS f6, 1::real AS f7
		FROM generate_series(1, 10) AS i;
	ALTER TABLE source ADD PRIMARY KEY (id);
	CREATE ROLE risk LOGIN;
	CREATE ROLE app LOGIN;
	CREATE ROLE stranger LOGIN;
	GRANT SELECT ON source TO risk;
	SELECT scorebook.grant_model('m', 'risk', 'score');
	SELECT scorebook.set_require_record('m', true);
	CREATE SCHEMA scores AUTHORIZATION risk;
	SET ROLE risk;
	SELECT scorebook.create_job('a job', model => 'm', source => 'source', cutoffs => '{"decline": [0.5, null], "accept": [null, 0.5]}');
	SELECT scorebook.grant_job('a job', 'app', 'score')});

my $port = PostgreSQL::Test::Cluster::get_free_port();
my ($out, $err) = ('', '');
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';
# as a role; waits until it listens
sub serve
{
	local $ENV{PGUSER} = shift;
	my $server = IPC::Run::start([ '/usr/bin/python3', "$root/examples/score_http.py", $port ], '<', \undef, '>', \$out, '2>', \$err);
	for (1 .. 300)
	{
		return $server if IPC::Run::run([ 'curl', '-s', '-o', '/dev/null', "http://127.0.0.1:$port/" ]);
		die "the server has ended: $err" if !$server->pumpable;
		usleep(100_000);
	}
	die 'the server does not listen';
}
my $server = serve('app');

END
{
	$server->kill_kill if defined $server && $server->pumpable;
}

# POSTs, and returns the status and the object that comes back
sub post
{
	my ($path, @more) = @_;
	my ($answer, $complaint) = ('', '');
	IPC::Run::run([ 'curl', '-sS', '--max-time', '20',
			'-X', 'POST', '-w', '\n%{http_code}', @more, "http://127.0.0.1:$port$path" ], '>', \$answer, '2>', \$complaint);
	my ($body, $status) = $answer =~ /\A(.*)\n(\d+)\z/s or die "curl: $complaint; server: $err";
	return ($status, decode_json($body));
}

my ($status, $answer) = post('/score/a%20job/3');
is($status, 200, 'a subject is scored');
my $row = $node->safe_psql('postgres', q{SELECT to_jsonb(s) - 'inputs' FROM scores."a job" AS s WHERE id = 3});
$row = decode_json($row);
is_deeply([ @$answer{qw(score decision version run)} ], [ @$row{qw(score decision version run)} ], 'the answer is what the book says');
ok(exists $answer->{reasons}, 'with reasons') or diag join ' ', keys %$answer;
like($answer->{decision}, qr/^(accept|decline)$/, 'and a decision');
is($node->safe_psql('postgres', "SELECT job, kind, status, started_by FROM scorebook.job_run WHERE run = $answer->{run}"),
	'a job|pull|succeeded|app', 'the run can be followed');

my $features = encode_json({ map { ("f$_" => $_) } 0 .. 7 });
($status, $answer) = post('/score/a%20job/77', '-d', $features);
is($status, 200, 'somebody who is not in the source is scored by features');
is($node->safe_psql('postgres', q{SELECT inputs, run FROM scores."a job" WHERE id = 77}), "{0,1,2,3,4,5,6,7}|$answer->{run}",
	'and kept with them');

for my $case (
	[ '/score/a%20job/78', [], 404, qr/the source of job "a job" has no row of the key/ ],
	[ '/score/none/1', [], 404, qr/job "none" does not exist/ ],
	[ '/score/a%20job/3', [ '-d', '{"f0": 1}' ], 400, qr/the features for job "a job" lack "f\d"/ ],
	[ '/score/a%20job/3', [ '-d', '{"f0"' ], 400, qr/invalid input syntax for type json/ ],
	[ '/score/a%20job/three', [], 400, qr/invalid value for "id" in the key for job "a job"/ ],
	[ '/predict/m', [], 404, qr/there is/ ])
{
	my ($path, $more, $want, $message) = @$case;
	($status, $answer) = post($path, @$more);
	is($status, $want, "$path @$more: $want");
	like($answer->{error}, $message, $answer->{error});
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM scores."a job"}), '2', 'nothing else was written');
is($node->safe_psql('postgres', q{SELECT * FROM scorebook.verify_book('a job')}), '', 'the book is sound');

# no right
$server->signal('TERM');
ok($server->finish, 'SIGTERM ends it') or diag $err;
$server = serve('stranger');
($status, $answer) = post('/score/a%20job/3');
is($status, 403, 'a stranger may not');
like($answer->{error}, qr/permission denied for job "a job"/, 'and hears why');
like($answer->{hint}, qr/grant_job/, 'and what would help');
$server->signal('TERM');
$server->finish;

done_testing();
