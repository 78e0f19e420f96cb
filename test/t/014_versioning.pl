# Histories outside one session: dumped and restored, on a standby, after a
# crash, and when the clock of the past is far away.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('versioning');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
$primary->start;
$primary->safe_psql('postgres', 'CREATE DATABASE source');

$primary->safe_psql('source', q{
	CREATE EXTENSION scorebook;
	CREATE ROLE owner;
	CREATE SCHEMA "in put" AUTHORIZATION owner;
	SET ROLE owner;
	CREATE TABLE "in put".applicant (gone int, id int PRIMARY KEY, name text, "the income" numeric);
	ALTER TABLE "in put".applicant DROP COLUMN gone;
	CREATE TABLE "in put".visit (at date, id int REFERENCES "in put".applicant, note text, PRIMARY KEY (at, id))
		PARTITION BY RANGE (at);
	CREATE TABLE "in put".visit_1 PARTITION OF "in put".visit FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TABLE "in put".visit_2 PARTITION OF "in put".visit FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
	INSERT INTO "in put".applicant SELECT n, 'applicant ' || n, n * 1000 FROM generate_series(1, 50) AS n;
	INSERT INTO "in put".visit SELECT '2026-01-20'::date + n, n, 'visit ' || n FROM generate_series(1, 20) AS n;
	CREATE TABLE "in put".entry (a int NOT NULL, b int);
	CREATE UNIQUE INDEX entry_a ON "in put".entry (a);
	ALTER TABLE "in put".entry REPLICA IDENTITY USING INDEX entry_a;
	INSERT INTO "in put".entry VALUES (1, 1);
	SELECT scorebook.add_system_versioning('"in put".entry');
	SELECT scorebook.add_system_versioning('"in put".applicant'), scorebook.add_system_versioning('"in put".visit');
	CREATE TABLE public_instant AS SELECT 'added' AS name, clock_timestamp() AS at;
	RESET ROLE} =~ s/public_instant/"in put".instant/r);
$primary->safe_psql('source', $_) foreach (
	q{UPDATE "in put".applicant SET "the income" = 0 WHERE id < 20},
	q{INSERT INTO "in put".instant VALUES ('updated', clock_timestamp())},
	q{BEGIN; DELETE FROM "in put".visit WHERE id < 5; DELETE FROM "in put".applicant WHERE id < 5; COMMIT},
	q{INSERT INTO "in put".instant VALUES ('deleted', clock_timestamp())},
	q{ALTER TABLE "in put".applicant ADD COLUMN flag boolean DEFAULT true},
	q{ALTER TABLE "in put".visit RENAME TO call},
	q{UPDATE "in put".call SET at = at + 5},
	q{SELECT scorebook.snapshot_training_data('SELECT * FROM "in put".applicant_as_of($1)')},
	q{INSERT INTO "in put".instant VALUES ('moved', clock_timestamp())});

my $states = q{
	SELECT i.name, md5(string_agg(a::text, ' ' ORDER BY a::text)) FROM "in put".instant AS i, LATERAL "in put".applicant_as_of(i.at) AS a
	WHERE i.name <> 'later' GROUP BY i.name
	UNION ALL
	SELECT i.name, md5(string_agg(v::text, ' ' ORDER BY v::text)) FROM "in put".instant AS i, LATERAL "in put".visit_as_of(i.at) AS v
	WHERE i.name <> 'later' GROUP BY i.name
	ORDER BY 1, 2};
my $before = $primary->safe_psql('source', $states);
is(scalar(split /\n/, $before), 8, 'four states of two tables');
is(scalar(keys %{ { map { $_ => 1 } map { (split /\|/)[1] } split /\n/, $before } }), 6, 'of which six differ');

# what is prepared has no time yet
{
	my ($rc, $out, $err) = $primary->psql('source', q{
		BEGIN; UPDATE "in put".applicant SET name = 'prepared' WHERE id = 30; PREPARE TRANSACTION 'p'});
	like($err, qr/cannot PREPARE a transaction that has written a history or a book/, 'a writer commits at once');
}

# a crash right after a commit loses nothing, and what was not committed was never there
my $open = $primary->background_psql('source');
$open->query_safe('BEGIN');
$open->query_safe('DELETE FROM "in put".call');
$primary->stop('immediate');
$open->{run}->finish;
$primary->start;
is($primary->safe_psql('source', $states), $before, 'after a crash, the past is what it was');
is($primary->safe_psql('source', q{SELECT count(*) FROM "in put".call_as_of(now())} =~ s/call_as/visit_as/r), '16',
	'and what had not been committed was never there');
# dump and restore
my $configuration = q{
	SELECT relation, history, since, key, statements,
		ARRAY(SELECT m::text FROM unnest(members) AS m ORDER BY 1) FROM scorebook.versioned_relation ORDER BY timeline_id};
my $triggers = q{
	SELECT tgrelid::regclass, tgname, pg_get_triggerdef(oid) FROM pg_trigger
	WHERE NOT tgisinternal AND tgname LIKE 'scorebook%' AND tgrelid::regclass::text NOT LIKE 'scorebook.%'
	ORDER BY 1::text, 2} =~ s/1::text/tgrelid::regclass::text/r;
my %expected = map { $_ => $primary->safe_psql('source', $_) } ($configuration, $triggers);
is($primary->safe_psql('source', 'SELECT verdict, method, detail FROM scorebook.verify_snapshot(1)'), 'identical|as of then|',
	'the training set is what it was');

my $dump = $primary->basedir . '/dump';
$primary->command_ok([ 'pg_dump', '-f', "$dump.sql", '-d', $primary->connstr('source') ], 'dump as text');
$primary->command_ok([ 'pg_dump', '-Fc', '-f', "$dump.custom", '-d', $primary->connstr('source') ], 'dump as an archive');
my %restore = (
	text => sub { [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.sql", '-d', $primary->connstr(shift) ] },
	archive => sub { [ 'pg_restore', '-e', '-1', '-d', $primary->connstr(shift), "$dump.custom" ] },
	jobs => sub { [ 'pg_restore', '-e', '-j', '3', '-d', $primary->connstr(shift), "$dump.custom" ] });
foreach my $format (sort keys %restore)
{
	$primary->safe_psql('postgres', "CREATE DATABASE $format");
	$primary->command_ok($restore{$format}->($format), "$format: restored");
	is($primary->safe_psql($format, $states), $before, "$format: the same past");
	is($primary->safe_psql($format, $_), $expected{$_}, "$format: the same histories and triggers") foreach ($configuration, $triggers);
	is($primary->safe_psql($format, 'SELECT verdict, method, detail FROM scorebook.verify_snapshot(1)'),
		'identical|as of then|By time: the transaction snapshot is of the database that was dumped.',
		"$format: the training set is what it was, by time");

	# it goes on
	$primary->safe_psql($format, $_) foreach (
		q{INSERT INTO "in put".instant VALUES ('later', clock_timestamp())},
		q{SET ROLE owner; UPDATE "in put".applicant SET name = 'later' WHERE id = 40; DELETE FROM "in put".visit_2},
		q{ALTER TABLE "in put".applicant RENAME COLUMN name TO title},
		q{CREATE TABLE "in put".visit_3 PARTITION OF "in put".call FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')},
		q{INSERT INTO "in put".visit_3 VALUES ('2026-03-03', 40, 'new')},
		q{UPDATE "in put".entry SET b = 2});
	is($primary->safe_psql($format, q{SELECT b FROM "in put".entry_as_of(clock_timestamp()) UNION ALL SELECT b FROM "in put".entry_history}),
		"2\n1", "$format: also of a table whose key is a replica identity");
	is($primary->safe_psql($format, q{
			SELECT (SELECT title FROM "in put".applicant_as_of(i.at) WHERE id = 40),
				(SELECT title FROM "in put".applicant_as_of(clock_timestamp()) WHERE id = 40),
				(SELECT count(*) FROM "in put".visit_as_of(i.at)), (SELECT count(*) FROM "in put".visit_as_of(clock_timestamp()))
			FROM "in put".instant AS i WHERE name = 'later'}),
		'applicant 40|later|16|' . $primary->safe_psql($format, 'SELECT count(*) FROM "in put".call'),
		"$format: and the history goes on");
	my ($rc, $out, $err) = $primary->psql($format, 'DELETE FROM "in put".applicant_history');
	like($err, qr/is a history and cannot be written/, "$format: which nobody writes by hand");
	($rc, $out, $err) = $primary->psql($format, q{SELECT * FROM "in put".applicant_as_of('2001-01-01')});
	like($err, qr/the state as of .* is not known/, "$format: and begins where it began");
}

# a partition that is being detached: nobody writes it until it has left
$primary->safe_psql('jobs', q{INSERT INTO "in put".instant VALUES ('before', clock_timestamp())});
my $reader = $primary->background_psql('jobs');
$reader->query_safe('BEGIN; SELECT FROM "in put".call');
$primary->psql('jobs', q{
	SET statement_timeout = '300ms';
	ALTER TABLE "in put".call DETACH PARTITION "in put".visit_3 CONCURRENTLY});
{
	my ($rc, $out, $err) = $primary->psql('jobs', q{UPDATE "in put".visit_3 SET note = 'late'});
	like($err, qr/cannot write table "visit_3" while it is being detached/, 'a partition that is being detached is not written');
}
$reader->quit;
$primary->safe_psql('jobs', $_) foreach (q{ALTER TABLE "in put".call DETACH PARTITION "in put".visit_3 FINALIZE},
	q{UPDATE "in put".visit_3 SET note = 'late'});
is($primary->safe_psql('jobs', q{
		SELECT (SELECT string_agg(note, ' ') FROM "in put".visit_as_of(at) WHERE id = 40),
			(SELECT count(*) FROM "in put".visit_as_of(clock_timestamp()) WHERE id = 40)
		FROM "in put".instant WHERE name = 'before'}),
	'new|0', 'and then its rows have ended as they were');

# a standby answers the same, for what it has
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
is($standby->safe_psql('source', $states), $before, 'the standby has the same past');
is($standby->safe_psql('source', 'SELECT verdict FROM scorebook.verify_snapshot(1)'), 'identical',
	'and computes the training set again');
$primary->safe_psql('source', q{INSERT INTO "in put".instant VALUES ('later', clock_timestamp())});
$primary->safe_psql('source', q{UPDATE "in put".applicant SET name = 'replicated' WHERE id = 41});
$primary->wait_for_catchup($standby);
is($standby->safe_psql('source', q{
		SELECT name FROM "in put".applicant_as_of(clock_timestamp()) WHERE id = 41
		UNION ALL SELECT a.name FROM "in put".instant AS i, LATERAL "in put".applicant_as_of(i.at) AS a WHERE a.id = 41 AND i.name = 'later'}),
	"replicated\napplicant 41", 'it follows');
is($standby->safe_psql('source', q{
		SELECT scorebook.as_of_final_until('"in put".applicant'::regclass) > at,
			scorebook.as_of_final_until('"in put".applicant'::regclass) <= clock_timestamp()
		FROM "in put".instant WHERE name = 'later'}),
	't|t', 'and knows up to when that is final');
my ($rc, $out, $err) = $standby->psql('source', q{SELECT scorebook.add_system_versioning('"in put".instant')});
isnt($rc, 0, 'it adds no history');
$standby->promote;
$standby->safe_psql('source', q{UPDATE "in put".applicant SET name = 'promoted' WHERE id = 41});
is($standby->safe_psql('source', q{SELECT name FROM "in put".applicant_history WHERE id = 41}), "applicant 41\nreplicated",
	'a promoted standby goes on');

done_testing();
