# Parallel workers score the same bits as the leader.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";

my $node = PostgreSQL::Test::Cluster->new('parallel');
$node->init;
$node->append_conf('postgresql.conf', q{
max_worker_processes = 8
max_parallel_workers = 4
});
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('binlog', pg_read_binary_file('$fixtures/binlog.ubj'));
	SELECT scorebook.load_model('softprob', pg_read_binary_file('$fixtures/softprob.ubj'));
	CREATE TABLE small (f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
	COPY small FROM '$fixtures/inputs.csv' (FORMAT csv, HEADER);
	CREATE TABLE input AS SELECT small.* FROM small, generate_series(1, 100);
	ANALYZE input;
	CREATE ROLE scorer;
	GRANT SELECT ON input TO scorer;
	SELECT scorebook.grant_model('binlog', 'scorer', 'score')});

# the leader only collects
my $parallel = q{
	SET max_parallel_workers_per_gather = 2;
	SET parallel_leader_participation = off;
	SET parallel_setup_cost = 0;
	SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0;
};
my $serial = 'SET max_parallel_workers_per_gather = 0;';

# sums of hashes: no bit is lost, and the order does not matter
my %scores = (
	'rows' => "hashfloat4(scorebook.predict('binlog', i))",
	'jsonb' => "hashfloat4(scorebook.predict('binlog', to_jsonb(i)))",
	'arrays' => "hashfloat4(scorebook.predict('binlog', ARRAY[f0, f1, f2, f3, f4, f5, f6, f7]))",
	'probabilities' => "hash_array(scorebook.predict_proba('softprob', i))",
	'leaves' => "hash_array(scorebook.predict_leaf('softprob', i))",
	'reasons' => "hashtext(scorebook.reasons('softprob', i)::text)",
	'classes' => "hashtext(scorebook.predict_class('softprob', i))",
);

foreach my $kind (sort keys %scores)
{
	my $query = "SELECT count(*), sum($scores{$kind}::bigint) FROM input AS i";

	like($node->safe_psql('postgres', "$parallel EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $query"),
		qr/Workers Launched: [12]\b/, "$kind: workers are launched");
	is($node->safe_psql('postgres', "$parallel $query"), $node->safe_psql('postgres', "$serial $query"),
		"$kind: workers and leader agree");
}

# workers see what the leader's transaction has done, and what it has taken back
$node->safe_psql('postgres', qq{
	SELECT scorebook.load_model('binlog', pg_read_binary_file('$fixtures/rf.ubj'))});
my $champion = "SELECT sum(hashfloat4(scorebook.predict('binlog', i))::bigint) FROM input AS i;\n";
my $versions = $champion =~ s/'binlog'/'binlog\/2'/r . $champion =~ s/'binlog'/'binlog\/1'/r;
my ($second, $first) = split /\n/, $node->safe_psql('postgres', "$serial $versions");
isnt($first, $second, 'two versions differ');
is( $node->safe_psql('postgres', qq{
		$parallel
		BEGIN;
		SAVEPOINT before;
		SELECT scorebook.set_alias('binlog/2', 'champion') \\g /dev/null
		$champion
		ROLLBACK TO before;
		$champion
		COMMIT;}),
	"$second\n$first", 'workers follow an alias into a subtransaction and out of it');

# a worker has the rights of the leader's role
my $query = q{SELECT count(scorebook.predict('%s', i)) FROM input AS i};
is($node->safe_psql('postgres', "SET ROLE scorer; $parallel " . sprintf($query, 'binlog')), '12000',
	'a worker scores where its role may');
my ($rc, $out, $err) =
  $node->psql('postgres', "SET ROLE scorer; $parallel " . sprintf($query, 'softprob'));
like($err, qr/permission denied for model "softprob"/, 'and where it may not, it fails');
like($err, qr/parallel worker/, 'in a worker');

done_testing();
