# A long scan of predictions can be cancelled, and the session goes on.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";

my $node = PostgreSQL::Test::Cluster->new('cancel');
$node->init;
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	CREATE SEQUENCE progress;
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/softprob.ubj'))});

# as many rows as there is time for
my $rows = 'generate_series(1, 10000) AS x, generate_series(1, 10000) AS y';
my %scans = (
	'an array' => "SELECT count(scorebook.predict_vector('m', array_fill(x, '{8}'))) FROM $rows",
	'jsonb' => "SELECT count(scorebook.predict_class('m', o)) FROM $rows, jsonb_build_object('f0', x, 'f1', y,"
	  . " 'f2', 0, 'f3', 0, 'f4', 0, 'f5', 0, 'f6', 0, 'f7', null) AS o",
	'sets' => "SELECT count(s) FROM $rows, scorebook.predict_set('m', array_fill(x, '{8}')) AS s",
	'reasons' => "SELECT count(scorebook.reasons('m', array_fill(x, '{8}'))) FROM $rows",
	'explanations' => "SELECT count(e) FROM $rows, scorebook.explain('m', array_fill(x, '{8}')) AS e",
	'a loop' => "DO 'DECLARE c text; BEGIN LOOP c := scorebook.predict_class(''m'', array_fill(1, ''{8}'')); END LOOP; END'",
);

foreach my $form (sort keys %scans)
{
	my ($rc, $out, $err) = $node->psql('postgres', qq{
		SELECT scorebook.predict_class('m', array_fill(1, '{8}')) AS class \\gset
		SET statement_timeout = '100ms';
		SELECT clock_timestamp() AS start \\gset
		$scans{$form};
		SELECT clock_timestamp() - :'start' < '1s', scorebook.predict_class('m', array_fill(1, '{8}')) = :'class';},
		on_error_stop => 0);
	like($err, qr/canceling statement due to statement timeout/, "$form: timed out");
	is($out, 't|t', "$form: within a second, and the session goes on");
}

# reading what is no model, however long it is
$node->safe_psql('postgres', q{
	CREATE TABLE artifact AS SELECT convert_to('{"unknown": [' || repeat('0,', 50000000) || '0]}', 'UTF8') AS bytes});
foreach my $function ('inspect_model(bytes)', q{load_model('n', bytes)})
{
	my ($rc, $out, $err) = $node->psql('postgres',
		"SET statement_timeout = '200ms'; SELECT scorebook.$function FROM artifact");
	like($err, qr/canceling statement due to statement timeout/, "$function: timed out");
}

# pg_cancel_backend, once the scan is under way
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_until(qr/started/, qq{
	\\echo started
	SELECT count(scorebook.predict_vector('m', array_fill(nextval('progress'), '{8}'))) FROM $rows;
});
ok($node->poll_query_until('postgres', 'SELECT last_value > 1000 FROM progress'), 'a scan is under way');
is($node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)"), 't', 'it is told to stop');
my $start = time;
my ($out, $failed) = $session->query(q{SELECT scorebook.predict_class('m', array_fill(1, '{8}')) IS NOT NULL});
cmp_ok(time - $start, '<=', 1, 'it stops within a second');
like($session->{stderr}, qr/canceling statement due to user request/, 'because it was told to');
like($out, qr/^t$/m, 'the session goes on');
$session->quit;

done_testing();
