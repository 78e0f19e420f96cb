# A dump takes the registry along: the same rows and scores, the next numbers
# right, and no need for the roles that owned the models.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";

my $node = PostgreSQL::Test::Cluster->new('dump_restore');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', qq{
	CREATE EXTENSION scorebook;
	CREATE ROLE gone;
	CREATE ROLE also_gone;
	GRANT EXECUTE ON FUNCTION scorebook.load_model, scorebook.grant_model TO gone;
	CREATE TABLE artifact AS SELECT name, pg_read_binary_file('$fixtures/' || name || '.ubj') AS bytes
		FROM unnest('{binlog,softprob,cat}'::text[]) AS name;
	GRANT SELECT ON artifact TO gone;
	CREATE TABLE input (f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real,
		city text, city_code int);
	COPY input FROM '$fixtures/inputs_cat.csv' (FORMAT csv, HEADER);

	SET ROLE gone;
	SELECT scorebook.load_model('first', bytes, description => 'a "first" model', classes => '{good,bad}',
		training => '{"rows": 500}', golden => '[{"inputs": [1,2,3,4,5,6,7,8], "expected": 0.9029988}]')
		FROM artifact WHERE name = 'binlog';
	SELECT scorebook.load_model('first', bytes, again => true, alias => 'trial', columns => '{"f0": "f1", "f1": "f0"}')
		FROM artifact WHERE name = 'binlog';
	SELECT scorebook.load_model('second', bytes) FROM artifact WHERE name = 'softprob';
	SELECT scorebook.grant_model('first', 'also_gone', 'score'), scorebook.grant_model('first', 'public', 'read');
	RESET ROLE;
	SELECT scorebook.load_model('dropped', bytes) FROM artifact WHERE name = 'binlog';
	SELECT scorebook.drop_model('dropped');
	SELECT scorebook.load_model('third', bytes, missing => -1, policies => '{"city": {"on_unseen": {"level": "oslo"}}}',
		levels => jsonb_build_object('city', (SELECT jsonb_agg(DISTINCT city) FROM input WHERE city IS NOT NULL)))
		FROM artifact WHERE name = 'cat';
	SELECT scorebook.load_model('first', bytes, again => true) FROM artifact WHERE name = 'binlog';
	SELECT scorebook.retire_version('first/3', 'not good enough');
	SELECT scorebook.set_alias('first/2', 'champion', reason => 'better');

	-- rights on functions are the database's own, and name roles
	REVOKE EXECUTE ON FUNCTION scorebook.load_model, scorebook.grant_model FROM gone;
	REVOKE SELECT ON artifact FROM gone});

my @tables = qw(model model_version model_artifact model_feature alias retirement compiled_model golden_row verification model_grant);
my $registry = join ' UNION ALL ', map {
	"SELECT '$_', count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM scorebook.$_ AS t"
} @tables;
my $scores = q{
	SELECT ref, md5(string_agg(scorebook.predict_vector(ref, i)::text, ' ' ORDER BY i))
	FROM input AS i, unnest('{first,first@trial,first/1,second,third}'::text[]) AS ref
	GROUP BY ref ORDER BY ref};
my $cards = q{
	SELECT c.* FROM unnest('{first,second,third}'::text[]) AS ref, scorebook.model_card(ref) AS c};
my $functions = q{
	SELECT oid::regprocedure, array(SELECT unnest(proacl)::text ORDER BY 1) FROM pg_proc
	WHERE pronamespace = 'scorebook'::regnamespace ORDER BY 1};
my %before = map { $_ => $node->safe_psql('source', $_) } ($registry, $scores, $cards, $functions);
unlike($before{$registry}, qr/\|0\|/, 'every table has rows');

my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-f', "$dump.sql", '-d', $node->connstr('source') ], 'dump as text');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dump.custom", '-d', $node->connstr('source') ], 'dump as an archive');
$node->safe_psql('postgres', 'DROP ROLE gone, also_gone');

# what comes next: the same as in the database that was dumped
my $load = q{
	SELECT scorebook.load_model('first', bytes, again => true) FROM artifact WHERE name = 'binlog';
	SELECT scorebook.load_model('fourth', bytes) FROM artifact WHERE name = 'binlog';
	SELECT name, model_id FROM scorebook.model ORDER BY model_id};
my $loaded = $node->safe_psql('source', $load);
like($loaded, qr/^4\n1\nfirst\|1\nsecond\|/, 'the next version is 4');

my %restore = (
	text => sub { [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.sql", '-d', $node->connstr(shift) ] },
	archive => sub { [ 'pg_restore', '-e', '-d', $node->connstr(shift), "$dump.custom" ] },
	jobs => sub { [ 'pg_restore', '-e', '-j', '3', '-d', $node->connstr(shift), "$dump.custom" ] });
foreach my $format (sort keys %restore)
{
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	$node->command_ok($restore{$format}->($format), "$format: restored");
	is($node->safe_psql($format, $registry), $before{$registry}, "$format: the same registry");
	is($node->safe_psql($format, $scores), $before{$scores}, "$format: the same scores");
	is($node->safe_psql($format, $cards), $before{$cards}, "$format: the same cards");
	is($node->safe_psql($format, $functions), $before{$functions}, "$format: the same rights on functions");

	is($node->safe_psql($format, $load), $loaded, "$format: the next version and model");
	my ($rc, $out, $err) = $node->psql($format, q{UPDATE scorebook.model_version SET cutoff = 0.1});
	like($err, qr/rows of scorebook.model_version cannot be changed/, "$format: versions are still immutable");

	# roles are known by name: once they are there, they have their rights
	$node->safe_psql('postgres', 'CREATE ROLE gone; CREATE ROLE also_gone');
	is($node->safe_psql($format, q{
			SELECT role, p, scorebook.has_model_privilege(role, model_id, p)
			FROM scorebook.model, unnest('{gone,also_gone}'::name[]) AS role, unnest('{own,score}'::text[]) AS p
			WHERE name = 'first' ORDER BY role, p}),
		"also_gone|own|f\nalso_gone|score|t\ngone|own|t\ngone|score|t", "$format: roles that come back have their rights");
	$node->safe_psql('postgres', 'DROP ROLE gone, also_gone');
}

done_testing();
