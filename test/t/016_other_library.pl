# A library of another version than the one that verified a model is compared
# with the native engine before it scores.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $node = PostgreSQL::Test::Cluster->new('library');
$node->init;
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/binlog.ubj'))});
my $score = q{SELECT scorebook.predict('m', array_fill(0.5, '{8}'))};
my $by_library = "SET scorebook.engine = xgboost; $score";
my $version = $node->safe_psql('postgres', 'SELECT library_version FROM scorebook.verification');
my $right = $node->safe_psql('postgres', $score);
is($node->safe_psql('postgres', $by_library), $right, 'both engines give the same score');

# as if the library had been another one when the model was loaded
sub forge { $node->safe_psql('postgres', "SET session_replication_role = replica; $_[0]") }
forge(q{UPDATE scorebook.verification SET library_version = '1.6.0'});
is($node->safe_psql('postgres', $by_library), $right, 'another library that gives the same scores is used');

# a run tells which library has scored or explained its rows, not which one has
# verified the model
$node->safe_psql('postgres', q{
	CREATE TABLE m AS SELECT 1 AS id, 0.5::real AS f0, 0.5::real AS f1, 0.5::real AS f2, 0.5::real AS f3,
		0.5::real AS f4, 0.5::real AS f5, 0.5::real AS f6, 0.5::real AS f7;
	SELECT scorebook.create_job('m', key => '{id}')});
sub run_with
{
	$node->safe_psql('postgres', qq{SET scorebook.engine = $_[0]; CALL scorebook.run_job('m');
		SELECT r.engine, r.library_version, m.engine, m.library_version
		FROM scorebook.run AS r JOIN scorebook.run_model AS m USING (run) ORDER BY run DESC LIMIT 1});
}
is(run_with('native'), 'native||native|', 'of a run by the native engine: none');
is(run_with('xgboost'), "xgboost|$version|xgboost|$version", 'of a run by the library: the one that has scored');
$node->safe_psql('postgres', q{SELECT scorebook.alter_job('m', '{"reasons": 2}'); UPDATE m SET f0 = 0.25});
is(run_with('auto'), "native|$version|native|$version", 'of a run that stores reasons: the one that has explained');
is(run_with('auto'), 'native||native|', 'of a run that has found them all as they were: none');

# CRC-32C, bit by bit
sub crc
{
	my $crc = 0xffffffff;
	for my $byte (unpack 'C*', $_[0])
	{
		$crc ^= $byte;
		$crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
	}
	return $crc ^ 0xffffffff;
}

# and as if that one had another idea of the base score: here the native engine
# gets it, from a compiled model that is sound otherwise
my $compiled = pack 'H*', $node->safe_psql('postgres', q{SELECT encode(compiled, 'hex') FROM scorebook.compiled_model});
is(unpack('L', substr $compiled, 8, 4), crc(substr $compiled, 12), 'the checksum is a CRC-32C of all behind it');
my $margins = unpack 'Q', substr $compiled, 120, 8;
my $margin = unpack 'f', substr $compiled, $margins, 4;
substr $compiled, $margins, 4, pack 'f', $margin + 1;
substr $compiled, 8, 4, pack 'L', crc(substr $compiled, 12);
forge(q{UPDATE scorebook.compiled_model SET compiled = decode('} . unpack('H*', $compiled) . q{', 'hex')});

my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$by_library");
isnt($rc, 0, 'another library that gives other scores is not used');
like($err, qr/55000: model "m\/1" was verified with XGBoost 1\.6\.0, and XGBoost \Q$version\E scores it differently/,
	'and why');
like($err, qr/DETAIL:  The largest difference on 1152 rows is [\d.]+\./, 'and by how much');
like($err, qr/HINT:  See what scorebook\.verify_model finds/, 'and what to do');
is($node->safe_psql('postgres', "\\set ON_ERROR_STOP 0\nSET client_min_messages = fatal; $by_library;\nSET scorebook.engine = auto;\n$score <> $right"),
	't', 'the native engine goes on in the same session');
($rc, $out, $err) = $node->psql('postgres', "$by_library;", on_error_stop => 0);
like($err, qr/scores it differently/, 'a session compares before its first use of the library');

forge(qq{UPDATE scorebook.verification SET library_version = '$version'});
is($node->safe_psql('postgres', $by_library), $right, 'the library that verified it is not compared again');

done_testing();
