# Errors and aborted subtransactions leave no memory behind, neither
# PostgreSQL's nor the library's.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $allowed = 2 * 1024;		# kB

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/binlog.ubj'));
	SELECT scorebook.load_model('s', pg_read_binary_file('$fixtures/softprob.ubj'));
	CREATE TYPE input AS (f0 real, f1 real, f2 real, f3 real, f4 real, f5 real, f6 real, f7 real);
	CREATE TABLE artifact (name text, bytes bytea);
	INSERT INTO artifact VALUES ('model', pg_read_binary_file('$fixtures/softprob.ubj'));
	-- the library refuses it after it has begun to build a model
	INSERT INTO artifact SELECT 'objective', convert_to(replace(pg_read_file('$fixtures/softprob.json'),
		'"multi:softprob"', '"multi:softpony"'), 'UTF8');
	INSERT INTO artifact SELECT 'cut', substr(bytes, 1, 50000) FROM artifact WHERE name = 'model';

	CREATE FUNCTION own_memory() RETURNS int LANGUAGE sql AS \$\$
		SELECT (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\\s+(\\d+) kB'))[1]::int \$\$;

	-- runs a command so often, and counts the errors
	CREATE PROCEDURE fail(command text, times int, INOUT errors int DEFAULT 0) LANGUAGE plpgsql AS \$\$
	BEGIN
		FOR i IN 1 .. times LOOP
			BEGIN
				EXECUTE command;
			EXCEPTION WHEN OTHERS THEN
				errors := errors + 1;
			END;
		END LOOP;
	END \$\$});

my $contexts = q{
	SELECT count(*) FROM pg_backend_memory_contexts
	WHERE name IN ('scorebook model', 'scorebook artifact', 'scorebook call site')};

# Grows no more than allowed after a warm-up; in a session of its own.
sub check_growth
{
	my ($what, $times, @commands) = @_;
	my $run = join '', map { "CALL fail(\$command\$$_\$command\$, $times);\n" } @commands;
	my $warm_up = $run =~ s/, $times\)/, greatest(1, $times \/ 10))/gr;
	my $out = $node->safe_psql('postgres', qq{
		SET scorebook.cache_size = '100kB';
		$warm_up
		SELECT own_memory() AS before \\gset
		SELECT ($contexts) AS contexts \\gset
		\\echo measured
		$run
		SELECT own_memory() - :before;
		SELECT ($contexts) - :contexts});
	$out =~ s/.*measured\n//s;
	my @lines = split /\n/, $out;
	my $contexts_left = pop @lines;
	my $growth = pop @lines;
	is_deeply(\@lines, [ ($times) x @commands ], "$what: each one fails");
	cmp_ok($growth, '<=', $allowed, "$what: no memory is lost");
	is($contexts_left, 0, "$what: no context is left");
	note("$what: grew by $growth kB");
}

check_growth('errors of scoring', 2_500,
	q{SELECT scorebook.predict('unknown', ARRAY[1])},
	q{SELECT scorebook.predict('m/9', ARRAY[1])},
	q{SELECT scorebook.predict('not a name', ARRAY[1])},
	q{SELECT scorebook.predict('m', ARRAY[1, 2])},
	q{SELECT scorebook.predict('m', array_fill('inf'::float8, '{8}'))},
	q{SELECT scorebook.predict('m', '{"f0": "text"}'::jsonb)},
	q{SELECT scorebook.predict('m', ROW(1, 2))},
	q{SELECT scorebook.predict('s', ROW(1, 2, 3, 4, 5, 6, 7, 8)::input)});

check_growth('scores before an error', 1_000,
	q{SELECT 1 / (scorebook.predict('m', ROW(x, 2, 3, 4, 5, 6, 7, 8)::input) * 0)::int FROM generate_series(1, 3) AS x},
	q{SELECT scorebook.predict('m', array_fill(CASE WHEN x < 3 THEN x ELSE 'inf' END, '{8}')) FROM generate_series(1, 3) AS x});

check_growth('explanations before an error', 1_000,
	q{SELECT 1 / (e.contribution * 0)::int FROM scorebook.explain('s', array_fill(1, '{8}')) AS e},
	q{SELECT scorebook.reasons('s', array_fill(CASE WHEN x < 3 THEN x ELSE 'inf' END, '{8}')) FROM generate_series(1, 3) AS x},
	q{SELECT scorebook.explain('m', array_fill(1, '{8}'), class => 'none')});

check_growth('errors of bytes', 300,
	q{SELECT scorebook.inspect_model('\x00')},
	q{SELECT scorebook.inspect_model(bytes) FROM artifact WHERE name = 'cut'},
	q{SELECT scorebook.load_model('n', bytes) FROM artifact WHERE name = 'cut'});

my $refused = q{SELECT scorebook.load_model('n', bytes) FROM artifact WHERE name = 'objective'};
like(($node->psql('postgres', $refused))[2], qr/softpony.*, which nothing here can score/, 'the library refuses a model, and the native engine does not know it');
check_growth('errors of the library', 400, $refused);

check_growth('loads that are rolled back', 200,
	q{SELECT 1 / (scorebook.load_model('n', bytes) * 0) FROM artifact WHERE name = 'model'},
	q{DO $$ BEGIN
		PERFORM scorebook.load_model('n', bytes) FROM artifact WHERE name = 'model';
		PERFORM scorebook.predict_class('n', array_fill(1, '{8}'));
		RAISE 'undo';
	  END $$});

# subtransactions by SAVEPOINT, with a call site that outlives them
my $aborts = q{
	BEGIN;
	DECLARE scores CURSOR FOR SELECT scorebook.predict('m', array_fill(x, '{8}')) FROM generate_series(1, 10) AS x;
	FETCH 1 FROM scores;
	SAVEPOINT s;
	SELECT scorebook.predict('s', ARRAY[1, 2, 3, 4, 5, 6, 7, 8]);
	ROLLBACK TO s;
	FETCH 1 FROM scores;
	SAVEPOINT s;
	FETCH 1 FROM scores;
	ROLLBACK TO s;
	COMMIT;
};
my ($rc, $out, $err) = $node->psql('postgres', $aborts x 100 . q{
	SELECT own_memory() AS before \gset
	} . $aborts x 1_000 . q{
	SELECT 'grew by', own_memory() - :before;
	SELECT 'left', count(*) FROM pg_backend_memory_contexts WHERE name IN ('scorebook artifact', 'scorebook call site');
	SELECT 'models', string_agg(ident, ' ' ORDER BY ident) FROM pg_backend_memory_contexts WHERE name = 'scorebook model'},
	on_error_stop => 0);
is(() = $err =~ /has 3 outputs/g, 1_100, 'aborted subtransactions: as many');
my ($growth) = $out =~ /^grew by\|(-?\d+)$/m;
cmp_ok($growth, '<=', $allowed, 'aborted subtransactions: no memory is lost');
like($out, qr/^left\|0$/m, 'aborted subtransactions: no context is left');
like($out, qr/^models\|m\/1 s\/1$/m, 'the models stay, and are known by name');
note("aborted subtransactions: grew by $growth kB");

done_testing();
