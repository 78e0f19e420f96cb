# A book and a model of its rules say the same after random operations.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $test = "$FindBin::RealBin/..";
my $node = PostgreSQL::Test::Cluster->new('model');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION scorebook');

# another one each time; a failure can be had again by its seed
my $seed = $ENV{SCOREBOOK_SEED} // sprintf '%.6f', rand;
note "seed $seed";
my ($rc, $out, $err) = $node->psql('postgres', undef,
	extra_params => [
		'-v', "fixtures=$test/fixtures", '-v', 'sequences=2000', '-v', "seed=$seed", '-f', "$test/model/book.sql"
	]);
is($rc, 0, 'all operations went through') or diag "seed $seed: $err";
for my $line (split /\n/, $out)
{
	if ($line =~ /^(not )?ok - (.*)/)
	{
		ok(!defined $1, $2) or diag "seed $seed";
	}
	diag $line if $line =~ /^#/;
}
done_testing();
