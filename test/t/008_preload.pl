# The module can be preloaded; the postmaster never maps XGBoost.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";

my $node = PostgreSQL::Test::Cluster->new('preload');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'scorebook'
scorebook.cache_size = '16MB'
scorebook.max_model_size = '1MB'
});
$node->start;
my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
my $mapped = sub { return slurp_file("/proc/$postmaster/maps") };

$node->safe_psql('postgres', 'CREATE EXTENSION scorebook');
is( $node->safe_psql('postgres', "SELECT current_setting('scorebook.cache_size'), current_setting('scorebook.max_model_size')"),
	'16MB|1MB', 'the settings of the file are known');
is( $node->safe_psql('postgres', qq{
		SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/binlog.ubj'));
		SELECT scorebook.predict('m', array_fill(1, '{8}')) BETWEEN 0 AND 1;
		SELECT count(*) FROM pg_ls_dir('/proc/self/task')}),
	"1\nt\n1", 'a model is loaded and scored, with one thread');
is($node->safe_psql('postgres', q{SELECT scorebook.predict('m', array_fill(1, '{8}')) BETWEEN 0 AND 1}), 't',
	'and scored in another session');
like($mapped->(), qr/scorebook\.so/, 'the postmaster has the module');
unlike($mapped->(), qr/libxgboost|scorebook_xgboost/, 'and not the library');

# a crash of a backend makes the postmaster start the others anew
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->reload;
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe(q{SELECT scorebook.predict('m', array_fill(1, '{8}')) IS NOT NULL; SELECT pg_backend_pid()});
$pid =~ s/^t\n//;
kill 'KILL', $pid;
$session->{run}->finish;
ok($node->poll_query_until('postgres', q{SELECT scorebook.predict('m', array_fill(1, '{8}')) BETWEEN 0 AND 1}),
	'after a crash, scoring works again');
unlike($mapped->(), qr/libxgboost|scorebook_xgboost/, 'and the postmaster still has no library');

done_testing();
