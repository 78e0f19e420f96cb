# The models that a session keeps stay within scorebook.cache_size.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $models = 120;

my $node = PostgreSQL::Test::Cluster->new('cache');
$node->init;
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('m' || i, pg_read_binary_file('$fixtures/softprob.ubj'))
	FROM generate_series(1, $models) AS i;

	CREATE FUNCTION kept() RETURNS bigint LANGUAGE sql AS \$\$
		SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'scorebook model' \$\$;
	CREATE FUNCTION own_memory() RETURNS int LANGUAGE sql AS \$\$
		SELECT (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\\s+(\\d+) kB'))[1]::int \$\$});

# every model is scored, so often in turn
sub score
{
	my ($times) = @_;
	return "SELECT count(DISTINCT scorebook.predict_proba('m' || i, array_fill(1, '{8}')))"
	  . " FROM generate_series(1, $times), generate_series(1, $models) AS i;\n";
}

# as many models as fit, and not one more
my $full = q{SELECT kept() = entries AND entries > 1 AND bytes <= 1024 * 1024
	AND bytes + (SELECT max(bytes) FROM scorebook.cached_model) > 1024 * 1024 FROM scorebook.cache};

is($node->safe_psql('postgres', score(2) . 'SELECT kept()'), "1\n$models", 'all models are kept where there is room');

is($node->safe_psql('postgres', "SET scorebook.cache_size = '1MB';\n" . score(2) . $full), "1\nt",
	'of 1 MB, all is used and no more');

is($node->safe_psql('postgres', "SET scorebook.cache_size = 0;\n" . score(2) . 'SELECT kept() <= 1'), "1\nt",
	'hardly a model is kept where there is no room');

is($node->safe_psql('postgres', score(1) . "SET scorebook.cache_size = '1MB';\n"
	  . q{SELECT scorebook.load_model('new', pg_read_binary_file('} . "$fixtures/binlog.ubj" . q{'));
		SELECT scorebook.predict('new', array_fill(1, '{8}')) IS NOT NULL;
		} . $full),
	"1\n1\nt\nt", 'a smaller cache is obeyed at the next model');

# models of one statement are all in use, and stay
my $columns = join ', ', map { "count(scorebook.predict_class('m$_', array_fill(x, '{8}')))" } 1 .. $models;
is( $node->safe_psql('postgres', qq{
		SET scorebook.cache_size = 0;
		SELECT ARRAY[$columns] = array_fill(10::bigint, '{$models}') FROM generate_series(1, 10) AS x;
		SELECT kept() <= 1}),
	"t\nt", 'a statement keeps what it uses, whatever the size, and no longer');

my $growth = $node->safe_psql('postgres', "SET scorebook.cache_size = '1MB';\n" . score(3)
	  . "SELECT own_memory() AS before \\gset\n\\o /dev/null\n" . score(20) . "\\o\nSELECT own_memory() - :before;");
$growth =~ s/^1\n//;
cmp_ok($growth, '<=', 2 * 1024, 'models that come and go leave no memory behind');
note("grew by $growth kB");

done_testing();
