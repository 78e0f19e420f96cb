# A hot standby scores the same bits, follows aliases, and refuses to write.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/binlog.ubj'));
	CREATE TABLE input (f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
	COPY input FROM '$fixtures/inputs.csv' (FORMAT csv, HEADER)});

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my $bits = q{SELECT md5(string_agg(float4send(scorebook.predict('m', i))::text, ',' ORDER BY i)) FROM input AS i};
my $first = $primary->safe_psql('postgres', $bits);

my $session = $standby->background_psql('postgres', on_error_stop => 0);
is($session->query_safe($bits), $first, 'the standby scores the same bits');

# a session that has scored version 1 follows the alias
$primary->safe_psql('postgres', qq{
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/rf.ubj'))});
$primary->wait_for_catchup($standby);
is($session->query_safe($bits), $first, 'a new version moves no alias');

$primary->safe_psql('postgres', q{SELECT scorebook.set_alias('m/2', 'champion')});
$primary->wait_for_catchup($standby);
my $second = $primary->safe_psql('postgres', $bits);
isnt($second, $first, 'the new version gives other scores');
is($session->query_safe($bits), $second, 'the standby follows an alias');
is($session->query_safe($bits =~ s/'m'/'m\/1'/r), $first, 'and still has the version before');

# one snapshot, one answer
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($session->query_safe($bits), $second, 'a transaction begins');
$primary->safe_psql('postgres', q{SELECT scorebook.set_alias('m/1', 'champion')});
$primary->wait_for_catchup($standby);
is($session->query_safe($bits), $second, 'within it, the alias does not move');
$session->query_safe('COMMIT');
is($session->query_safe($bits), $first, 'after it, the alias has moved');

# what writes fails, and what reads works
my %writing = (
	load_model => "scorebook.load_model('n', pg_read_binary_file('$fixtures/binlog.ubj'))",
	set_alias => "scorebook.set_alias('m/2', 'champion')",
	retire_version => "scorebook.retire_version('m/2')",
	grant_model => "scorebook.grant_model('m', 'public', 'score')",
	revoke_model => "scorebook.revoke_model('m', 'public', 'score')",
	drop_model => "scorebook.drop_model('m')",
	create_predictor => "scorebook.create_predictor('m', 'public')",
);
foreach my $function (sort keys %writing)
{
	my ($rc, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT $writing{$function}");
	like($err, qr/ERROR:  25006: cannot execute .* in a read-only transaction/, "$function fails");
}
is($standby->safe_psql('postgres', q{SELECT value FROM scorebook.model_card('m') WHERE item = 'model'}), 'm/1',
	'the card can be read');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM scorebook.input_map('m', 'input') WHERE verdict = 'ok'}),
	'8', 'so can the input map');
is($standby->safe_psql('postgres',
	"SELECT scorebook.inspect_model(pg_read_binary_file('$fixtures/rf.json')) ->> 'objective'"),
	'binary:logistic', 'a file can be inspected');

# after a promotion the registry goes on
$session->quit;
$standby->promote;
is($standby->safe_psql('postgres', "SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/dart.ubj'))"), '3',
	'a promoted standby loads the next version');

done_testing();
