# What was erased stays erased on standbys and in dumps, and what was dropped is
# not known there either.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $node = PostgreSQL::Test::Cluster->new('erase');
$node->init(allows_streaming => 1);
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/binlog.ubj'));
	SELECT scorebook.load_model('governed', pg_read_binary_file('$fixtures/binlog.ubj'), mode => 'governed');
	CREATE TABLE source AS
		SELECT i AS id, i::text AS name, random()::real AS f0, random()::real AS f1, random()::real AS f2, random()::real AS f3,
			random()::real AS f4, random()::real AS f5, random()::real AS f6, random()::real AS f7
		FROM generate_series(1, 100) AS i;
	ALTER TABLE source ADD PRIMARY KEY (id);
	SELECT scorebook.create_job('job', 'm', 'source', key => '{name,id}', retain => '1 month');
	SELECT scorebook.create_job('short', 'm', 'source', retain => '1 month');
	CALL scorebook.run_job('job');
	CALL scorebook.run_job('short');
	UPDATE source SET f0 = f0 + 1 WHERE id <= 50;
	CALL scorebook.run_job('job');
	CALL scorebook.run_job('short')});

# what warns
my ($rc, $out, $err) = $node->psql('postgres', q{SELECT scorebook.create_job('watched', 'governed', 'source', retain => '179 days')});
like($err, qr/WARNING: +job "watched" keeps its history for less than six months/, 'a governed model that is kept too shortly');
($rc, $out, $err) = $node->psql('postgres', q{SELECT scorebook.alter_job('watched', '{"retain": "6 months"}')});
is($err, '', 'six months are enough');
($rc, $out, $err) = $node->psql('postgres', q{SELECT scorebook.alter_job('watched', '{"retain": "1 month"}')});
like($err, qr/WARNING: +job "watched" keeps its history for less than six months/, 'it is looked at when it changes, too');
($rc, $out, $err) = $node->psql('postgres', q{SELECT scorebook.alter_job('short', '{"retain": "1 day"}')});
is($err, '', 'experiments may be forgotten as one likes');

# a standby
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('reader');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->safe_psql('postgres', q{
	SELECT scorebook.erase('job', '{"id": 7, "name": "7"}'::jsonb, 'request 1');
	SELECT scorebook.erase('job', '{"id": 8, "name": "8"}'::jsonb, 'request 2');
	SELECT scorebook.unerase('job', '{"id": 8, "name": "8"}'::jsonb, 'agrees');
	SET session_replication_role = replica;
	SELECT scorebook.retain_book_at_internal('postgres', job_id, NULL, NULL, NULL, now() + interval '3 months')
	FROM scorebook.registered_job WHERE name = 'short'});
$node->wait_for_catchup($standby);
my @questions = (
	q{SELECT scorebook.score_at('job', '{"id": 7, "name": "7"}'::jsonb)},
	q{SELECT scorebook.score_at('job', '{"id": 70, "name": "70"}'::jsonb) ->> 'score'},
	q{SELECT count(*) FROM scores.job},
	q{SELECT * FROM scorebook.verify_book('job')},
	q{SELECT * FROM scorebook.verify_book('short')},
	q{SELECT did, relation, rows FROM scorebook.retention_action ORDER BY action});
is($standby->safe_psql('postgres', $_), $node->safe_psql('postgres', $_), "on a standby: $_") for @questions;
is($standby->safe_psql('postgres', $questions[0]), '{"erased": true}', 'a standby knows what was erased');
my $dropped = q{SELECT count(*) FROM scores.short_as_of((SELECT min(committed_at) FROM scorebook.moment))};
($rc, $out, $err) = $standby->psql('postgres', $dropped);
like($err, qr/is not known/, 'and what was dropped');
($rc, $out, $err) = $standby->psql('postgres', q{SELECT scorebook.erase('job', '{"id": 9, "name": "9"}'::jsonb, 'request 3')});
like($err, qr/cannot execute an amendment of a scorebook book during recovery/, 'it does not erase');
$standby->stop;

# a dump
my $dump = $node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-f', $dump, 'postgres' ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-d', 'copy', '-f', $dump ],
	'restore');
is($node->safe_psql('copy', $_), $node->safe_psql('postgres', $_), "restored: $_")
  for @questions, 'SELECT * FROM scorebook.tombstone ORDER BY 1', 'SELECT * FROM scorebook.erasure_secret',
  'SELECT * FROM scorebook.amendment ORDER BY run', 'SELECT * FROM scorebook.timeline ORDER BY 1';
($rc, $out, $err) = $node->psql('copy', $dropped);
like($err, qr/is not known/, 'what was dropped is not known in the copy');
$node->safe_psql('copy', q{UPDATE source SET f0 = f0 + 1; CALL scorebook.run_job('job')});
is($node->safe_psql('copy', q{
		SELECT rows_read, rows_scored, rows_erased FROM scorebook.run ORDER BY run DESC LIMIT 1;
		SELECT count(*) FROM scores.job WHERE id IN (7, 8);
		SELECT * FROM scorebook.verify_book('job')}), "100|99|1\n1", 'in the copy, too, nothing comes back but what may');
$node->safe_psql('copy', q{SELECT scorebook.erase('job', '{"id": 9, "name": "9"}'::jsonb, 'request 3')});
is($node->safe_psql('copy', 'SELECT count(*), count(DISTINCT tombstone) FROM scorebook.tombstone'), '3|3', 'and others can be erased there');

# a copy whose secret was lost must not score what was erased
$node->safe_psql('copy', 'DELETE FROM scorebook.erasure_secret');
($rc, $out, $err) = $node->psql('copy', q{CALL scorebook.run_job('job')});
like($err, qr/the secret for erased keys is missing/, 'without the secret nothing is scored');
$node->safe_psql('copy', q{INSERT INTO scorebook.erasure_secret SELECT job_id, 'short' FROM scorebook.registered_job WHERE name = 'job'});
($rc, $out, $err) = $node->psql('copy', q{CALL scorebook.run_job('job')});
like($err, qr/invalid length of a secret in scorebook.erasure_secret/, 'nor with another one');
$node->safe_psql('copy', q{UPDATE scorebook.tombstone SET key_hash = 'short'});
($rc, $out, $err) = $node->psql('copy', q{CALL scorebook.run_job('job')});
like($err, qr/invalid length of a hash in scorebook.tombstone/, 'nor with other hashes');
done_testing();
