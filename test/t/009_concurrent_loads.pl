# Sessions that load versions of one model at once number them from 1 without
# gaps, whatever is rolled back in between.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $sessions = 8;
my $loads = 5;

my $node = PostgreSQL::Test::Cluster->new('concurrent_loads');
$node->init;
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	CREATE TABLE artifact AS SELECT pg_read_binary_file('$fixtures/gblinear.json') AS bytes;
	CREATE TABLE told (model text, version int)});

# A file differs by the blanks behind it.  No model is there when the sessions
# start, so that its first version is contended, too.
my $different = q{bytes || convert_to(repeat(' ', 1 + :client_id * 100 + :load), 'UTF8')};
my %script = (
	different => "INSERT INTO told SELECT 'different', scorebook.load_model('different', $different) FROM artifact;\n",
	again => "INSERT INTO told SELECT 'again', scorebook.load_model('again', bytes, again => true) FROM artifact;\n",
	undone => "BEGIN;\n"
	  . "SELECT scorebook.load_model('undone', bytes, again => true) FROM artifact;\n"
	  . "ROLLBACK;\n"
	  . "INSERT INTO told SELECT 'undone', scorebook.load_model('undone', $different) FROM artifact;\n",
);
foreach my $model (sort keys %script)
{
	my $script = join '', map { "\\set load $_\n$script{$model}" } 1 .. $loads;
	$node->pgbench("--no-vacuum --client=$sessions --jobs=2 --transactions=1", 0,
		[qr{processed: $sessions/$sessions}], [qr{^(?!.*(ERROR|aborted))}s],
		"$model: $sessions sessions load $loads times", { "009_$model" => $script });

	my $all = join ' ', 1 .. $sessions * $loads;
	is($node->safe_psql('postgres',
			"SELECT string_agg(version::text, ' ' ORDER BY version) FROM told WHERE model = '$model'"),
		$all, "$model: each load is told a version of its own");
	is( $node->safe_psql('postgres', qq{
			SELECT string_agg(version::text, ' ' ORDER BY version)
			FROM scorebook.model JOIN scorebook.model_version USING (model_id) WHERE name = '$model'}),
		$all, "$model: versions from 1, without gaps");
	is( $node->safe_psql('postgres', qq{
			SELECT alias, version, move FROM scorebook.model JOIN scorebook.alias USING (model_id) WHERE name = '$model'}),
		'champion|1|1', "$model: the first version is the champion");
}

# the same bytes from all at once: one of them is right
$node->pgbench("--no-vacuum --client=$sessions --jobs=2 --transactions=1", 2,
	[qr{processed: 1/$sessions}],
	[qr{model "same" has these bytes already}],
	'the same bytes from all sessions',
	{ '009_same' => "SELECT scorebook.load_model('same', bytes) FROM artifact;\n" });
is($node->safe_psql('postgres', q{SELECT count(*) FROM scorebook.model JOIN scorebook.model_version USING (model_id) WHERE name = 'same'}),
	'1', 'they are stored once');

# aliases moved by all at once: every move has its number
$node->pgbench("--no-vacuum --client=$sessions --jobs=2 --transactions=$loads", 0,
	[qr{processed: 40/40}], [qr{^(?!.*(ERROR|aborted))}s],
	'all sessions move an alias',
	{ '009_alias' => "\\set version random(1, 40)\nSELECT scorebook.set_alias('again/' || :version, 'trial');\n" });
is($node->safe_psql('postgres', q{SELECT count(*) = max(move) AND min(move) = 1 FROM scorebook.alias WHERE alias = 'trial'}),
	't', 'moves are numbered without gaps');

done_testing();
