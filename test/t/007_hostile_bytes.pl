# Bytes that are no model give an error that says so: the session goes on, the
# server does, and nothing is stored.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";

my ($text, $binary, $limit, $unsupported) = qw(22P02 22P03 54000 0A000);
my @cases;		# name, bytes, SQLSTATE

# every part of a model, cut off
sub fixture
{
	my $bytes = slurp_file("$fixtures/$_[0]");
	$bytes =~ s/\s+\z//;
	return $bytes;
}
foreach my $file (qw(cat.json cat.ubj gblinear.json gblinear.ubj skclass.json skclass.ubj))
{
	my $bytes = fixture($file);
	my $sqlstate = $file =~ /json$/ ? $text : $binary;
	my $length = length $bytes;
	my %cuts = map { $_ => 1 } 3 .. 40, ($length - 40) .. ($length - 1), map { int($length * $_ / 60) } 1 .. 59;
	push @cases, [ "$file cut at $_", substr($bytes, 0, $_), $sqlstate ]
	  foreach sort { $a <=> $b } keys %cuts;
	push @cases, [ "$file and more", $bytes . 'x', $sqlstate ];
	push @cases, [ "$file twice", $bytes x 2, $sqlstate ];
	push @cases, [ "$file without its first byte", substr($bytes, 1), $binary ];
}

# noise, alone and behind what begins like a model
srand(7);
sub noise { return join '', map { chr int rand 256 } 1 .. $_[0] }
push @cases, [ "$_ random bytes", noise($_), $binary ] foreach 1 .. 64, 1_000, 100_000;
push @cases, [ "$_ random bytes as UBJSON", '{L' . noise($_), $binary ] foreach 0 .. 63, 1_000, 100_000;
push @cases, [ "$_ random bytes as JSON", '{"' . noise($_), $text ] foreach 0 .. 63, 1_000, 100_000;

# other things than models
push @cases,
  [ 'no bytes', '', $binary ],
  [ 'one zero', "\0", $binary ],
  [ 'zeros', "\0" x 10_000, $binary ],
  [ 'text', 'a model', $binary ],
  [ 'an empty object', '{}', undef ],
  [ 'an empty object of UBJSON', '{L' . pack('q>', 0) . '}', $binary ],
  [ 'a JSON array', '[1, 2, 3]', $binary ],
  [ 'JSON that is no model', '{"name": "model", "trees": [1, 2, 3]}', undef ],
  [ 'a pickle', "\x80\x04\x95" . noise(500), $unsupported ],
  [ 'an old pickle', "\x80\x02cxgboost.core\nBooster\n" . noise(500), $unsupported ],
  [ 'gzip', "\x1f\x8b\x08" . noise(500), $binary ],
  [ 'zip', "PK\x03\x04" . noise(500), $binary ],
  [ 'the old binary format, marked', 'binf' . noise(500), $unsupported ],
  [ 'the old binary format', pack('f<LL', 0.5, 8, 0) . "\0" x 124 . pack('Q<', 15) . 'binary:logistic'
	  . pack('Q<', 6) . 'gbtree' . noise(500), $unsupported ],
  [ 'not UTF-8', '{"learner": {"name": "' . "\xff\xfe" . '"}}', $text ],
  [ 'a NUL in a string', '{"learner": {"name": "\u0000"}}', $text ],
  [ 'half a surrogate pair', '{"learner": {"name": "\ud800"}}', $text ];

# nesting
foreach my $depth (17, 1_000, 100_000)
{
	push @cases,
	  [ "$depth arrays in JSON", '{"learner": ' . '[' x $depth . ']' x $depth . '}', undef ],
	  [ "$depth unknown arrays in JSON", '{"x": ' . '[' x $depth . ']' x $depth . '}', $limit ],
	  [ "$depth unknown objects in JSON", '{"x": ' x $depth . '1' . '}' x $depth, $limit ],
	  [ "$depth open arrays in JSON", '{"x": ' . '[' x $depth, $limit ],
	  [ "$depth unknown arrays in UBJSON", '{L' . pack('q>', 1) . 'x' . '[' x $depth . ']' x $depth . '}', $limit ],
	  [ "$depth unknown objects in UBJSON", join('', ('{L' . pack('q>', 1) . 'x') x $depth), $limit ];
}

# lengths, of a key, a string and an array
foreach my $length (2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, -1, -2**31, -2**63)
{
	my $l = 'L' . pack('q>', $length);
	my $key = 'L' . pack('q>', 1) . 'x';
	push @cases,
	  [ "a key of $length bytes", "{${l}x", $binary ],
	  [ "a string of $length bytes", "{${key}S${l}x", $binary ],
	  [ "an array of $length elements", "{${key}[#${l}i\1", $binary ],
	  [ "$length floats", "{${key}[\$d#${l}\0\0\0\0", $binary ],
	  [ "$length doubles", "{${key}[\$D#${l}" . "\0" x 64, $binary ],
	  [ "$length values without bytes", "{${key}[\$Z#${l}}", $binary ];
}
push @cases,
  [ 'a key of 2 MB', '{"' . 'x' x (2 * 1024 * 1024) . '": 1}', $limit ],
  [ 'a number of 1 MB', '{"version": [' . '9' x (1024 * 1024) . ']}', $text ];

# numbers that a model cannot have
my $model = fixture('softprob.json');
foreach my $change (
	[ learner_model_param => num_class => qw(-1 0 1 4 1e3 2147483647) ],
	[ learner_model_param => num_feature => qw(-8 0 7 9 8.5 99999999999999999999) ],
	[ learner_model_param => num_target => qw(2 1000000) ],
	[ gbtree_model_param => num_trees => qw(-36 0 35 37 2147483648) ],
	[ gbtree_model_param => num_parallel_tree => qw(5 1000000000) ])
{
	my ($object, $key, @values) = @$change;
	foreach my $value (@values)
	{
		my $changed = $model =~ s/("$object":\{[^}]*"$key":)"\d+"/$1"$value"/r;
		die "$object has no $key" if $changed eq $model;
		push @cases, [ "$key of $value", $changed, $text ];
	}
}

my $node = PostgreSQL::Test::Cluster->new('hostile_bytes');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION scorebook;
	CREATE TABLE hostile (id int, bytes bytea);
	CREATE FUNCTION attempt(command text, bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE command USING bytes;
		RETURN 'accepted';
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END $$});
my $copy = $node->basedir . '/hostile';
append_to_file($copy, join '', map { "$_\t\\\\x" . unpack('H*', $cases[$_][1]) . "\n" } 0 .. $#cases);

my $start = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my $session = $node->background_psql('postgres');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe("COPY hostile FROM '$copy'");
my %results;
foreach my $function ('inspect_model($1)', q{load_model('m', $1)})
{
	$results{$function} = [ split /\n/,
		$session->query_safe("SELECT attempt('SELECT scorebook.' || \$\$$function\$\$, bytes) FROM hostile ORDER BY id") ];
}

my $any = qr/^(22P02|22P03|0A000|54000)$/;
foreach my $i (0 .. $#cases)
{
	my ($name, $bytes, $sqlstate) = @{ $cases[$i] };
	my $expected = defined $sqlstate ? qr/^$sqlstate$/ : $any;
	like($results{$_}[$i], $expected, "$_: $name") foreach sort keys %results;
}

is($session->query_safe('SELECT pg_backend_pid()'), $pid, 'the session is the same');
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $start, 'so is the server');
is($session->query_safe('SELECT count(*) FROM scorebook.model'), '0', 'nothing is stored');
is($session->query_safe("SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/softprob.json'))"), '1',
	'a model still loads');
$session->quit;

done_testing();
