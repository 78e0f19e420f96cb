# A backend that loads and scores models has one thread, and one that scores
# natively never maps XGBoost.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";

my $node = PostgreSQL::Test::Cluster->new('one_thread');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION scorebook');

my $threads = q{SELECT count(*) FROM pg_ls_dir('/proc/self/task')};
my $mapped = q{SELECT pg_read_file('/proc/self/maps') ~ 'libxgboost'};

my @models = qw(binlog softprob cat dart gblinear rf);
my $load = join '', map {
	my $levels = $_ eq 'cat' ? q{, levels => '{"city": ["a", "b", "c", "d", "e", "f", "g", "h"]}'} : '';
	"SELECT scorebook.load_model('$_', pg_read_binary_file('$fixtures/$_.ubj')$levels);\n"
} @models;
my $score = join '', map {
	my $inputs = $_ eq 'cat' ? 9 : 8;
	"SELECT count(scorebook.predict_vector('$_', array_fill(x % 8, '{$inputs}'))) FROM generate_series(1, 100) x;\n"
} @models;

is($node->safe_psql('postgres', "$load$threads;\n$mapped"),
	join("\n", (1) x (@models + 1), 'f'), 'one thread after loading models, without XGBoost in the backend');

is($node->safe_psql('postgres', "$score$threads"), join("\n", (100) x @models, 1),
	'one thread after scoring in a new session');

is( $node->safe_psql('postgres', qq{
		$score
		SELECT count(*) FROM generate_series(1, 50) x, scorebook.inspect_model(pg_read_binary_file('$fixtures/rf.json'));
		SET scorebook.cache_size = 0;
		$score
		$threads}),
	join("\n", (100) x @models, 50, (100) x @models, 1),
	'one thread after models came and went');

is($node->safe_psql('postgres', "$score$mapped"), join("\n", (100) x @models, 'f'),
	'a backend that scores natively never maps XGBoost');

is($node->safe_psql('postgres', "SET scorebook.engine = xgboost;\n$score$mapped;\n$threads"),
	join("\n", (100) x @models, 't', 1), 'one that is told to use XGBoost does, with one thread');

is($node->safe_psql('postgres', "${score}SET scorebook.engine = xgboost;\n$score$mapped;\n$threads"),
	join("\n", (100) x @models, (100) x @models, 't', 1), 'even for models that it has scored natively');

# as much as a session does in its life
for my $engine (qw(native xgboost))
{
	is( $node->safe_psql('postgres', qq{
			SET scorebook.engine = $engine;
			SET scorebook.cache_size = 0;
			SELECT count(scorebook.predict('binlog', array_fill(x % 9, '{8}'))) FROM generate_series(1, 10000) x;
			CREATE TEMP TABLE seen (tasks bigint);
			DO \$\$ BEGIN
				FOR i IN 1 .. 1000 LOOP
					PERFORM scorebook.predict(CASE i % 2 WHEN 0 THEN 'binlog' ELSE 'rf' END, array_fill(i % 9, '{8}'));
					INSERT INTO seen $threads;
				END LOOP;
			END \$\$;
			SELECT loads > 1000 FROM scorebook.cache;
			SELECT DISTINCT tasks FROM seen}),
		"10000\nt\n1", "one thread after 10,000 scores and 1,000 loads with the engine $engine");
}

my $explain = $score =~ s/predict_vector/reasons/gr;
is($node->safe_psql('postgres', "$score$explain$mapped;\n$threads"),
	join("\n", (100) x @models, (100) x @models, 't', 1), 'as do explanations, of models that it has scored natively');

is( $node->safe_psql('postgres', qq{
		CREATE ROLE reader;
		SELECT scorebook.has_model_privilege('reader', 1, 'score');
		SELECT count(*) FROM scorebook.model;
		SELECT count(*) FROM scorebook.model_version;
		SELECT count(*) > 5 FROM scorebook.model_card('rf');
		SET ROLE reader;
		SELECT count(*) FROM scorebook.model;
		RESET ROLE;
		$mapped}),
	"f\n6\n6\nt\n0\nf", 'a backend that lists models does not');

done_testing();
