# The first run of a book: the index of its key is built at the end, or entered
# row by row where somebody reads the book meanwhile.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $node = PostgreSQL::Test::Cluster->new('first_run');
$node->init;
$node->append_conf('postgresql.conf', "statement_timeout = '60s'\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	CREATE EXTENSION amcheck;
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/binlog.ubj'));
	CREATE TABLE source AS
		SELECT i AS id, random()::real AS f0, random()::real AS f1, random()::real AS f2, random()::real AS f3,
			random()::real AS f4, random()::real AS f5, random()::real AS f6, random()::real AS f7
		FROM generate_series(70000, 1, -1) AS i;
	ALTER TABLE source ADD PRIMARY KEY (id);
	SELECT scorebook.create_job(name, model => 'm', source => 'source')
	FROM unnest('{alone,read,memory}'::text[]) AS name});

sub file_of { $node->safe_psql('postgres', "SELECT pg_relation_filenode('scores.$_[0]_pkey')") }

sub sound
{
	my $name = shift;
	is($node->safe_psql('postgres', qq{
			SELECT bt_index_check('scores.${name}_pkey', heapallindexed => true);
			SELECT count(*), count(DISTINCT id) FROM scores.$name;
			SELECT * FROM scorebook.verify_book('$name')}),
		"\n70000|70000", "$name: each row is in the index, and the book is sound");
	is($node->safe_psql('postgres', qq{
			SET enable_seqscan = off; SET enable_bitmapscan = off;
			SELECT string_agg(id::text, ' ' ORDER BY id) FROM scores.$name WHERE id IN (1, 60000, 70000, 70001)}),
		'1 60000 70000', "$name: rows are found by their keys");
}

my $before = file_of('alone');
$node->safe_psql('postgres', q{CALL scorebook.run_job('alone')});
isnt(file_of('alone'), $before, 'the index was built');
sound('alone');

# who has read the book, and goes on, is not waited for
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM scores.read');
$before = file_of('read');
$node->safe_psql('postgres', q{CALL scorebook.run_job('read')});
is(file_of('read'), $before, 'an index that somebody reads is not built anew');
is($reader->query_safe('SELECT count(*) FROM scores.read'), '0', 'who reads sees what was there');
$reader->query_safe('COMMIT');
$reader->quit;
sound('read');

# a key that comes twice, late
$node->safe_psql('postgres', q{
	SELECT scorebook.create_job('twice', model => 'm', key => '{id}',
		source => 'SELECT * FROM source UNION ALL SELECT * FROM source WHERE id = 7')});
my ($rc, $out, $err) = $node->psql('postgres', q{CALL scorebook.run_job('twice')});
is($rc, 3, 'a key that comes twice is an error');
like($err, qr/the source of job "twice" has several rows of one key\nDETAIL:  Key \(id\)=\(7\) comes more than once\./, 'which names it');
is($node->safe_psql('postgres', q{
		SELECT count(*) FROM scores.twice;
		SELECT status, sqlstate, failed_key FROM scorebook.job_run WHERE job = 'twice'}), "0\nfailed|23505|(id)=(7)", 'and nothing is written');

# the memory that the sort may take is that of a run, whatever the server allows
is($node->safe_psql('postgres', q{
		SET maintenance_work_mem = '1GB';
		CALL scorebook.run_job('memory');
		SHOW maintenance_work_mem}), '1GB', 'a setting is as it was');
sound('memory');

$node->stop;
done_testing();
