# Rows of a book that are replaced or ended are fetched from where they stand,
# also where nobody has analyzed the book; what triggers do is planned as ever.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$FindBin::RealBin/../fixtures/1.7.4";
my $node = PostgreSQL::Test::Cluster->new('rows_by_place');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION scorebook;
	SELECT scorebook.load_model('m', pg_read_binary_file('$fixtures/binlog.ubj'));
	CREATE TABLE source AS
		SELECT i AS id, random()::real AS f0, random()::real AS f1, random()::real AS f2, random()::real AS f3,
			random()::real AS f4, random()::real AS f5, random()::real AS f6, random()::real AS f7
		FROM generate_series(1, 20000) AS i;
	ALTER TABLE source ADD PRIMARY KEY (id);
	SELECT scorebook.create_job('book', model => 'm', source => 'source');
	CALL scorebook.run_job('book');
	CREATE TABLE seen (scans text);
	CREATE FUNCTION notice() RETURNS trigger LANGUAGE plpgsql AS
		\$\$BEGIN INSERT INTO public.seen SELECT current_setting('enable_seqscan'); RETURN NULL; END\$\$;
	CREATE TRIGGER notice AFTER UPDATE OR DELETE ON scores.book FOR EACH STATEMENT EXECUTE FUNCTION notice();
	UPDATE source SET f0 = f0 + 1 WHERE id > 5000;
	DELETE FROM source WHERE id <= 5000});

my ($rc, $out, $err) = $node->psql('postgres', q{
	LOAD 'auto_explain';
	SET auto_explain.log_min_duration = 0;
	SET auto_explain.log_nested_statements = on;
	SET auto_explain.log_level = notice;
	CALL scorebook.run_job('book')});
is($rc, 0, 'the run succeeds');
for my $statement ('Update', 'Delete')
{
	my ($plan) = grep { /$statement on book / } split /NOTICE:/, $err;
	like($plan, qr/Tid Scan on book c/, "$statement: rows are fetched one by one");
	unlike($plan, qr/Seq Scan|Hash Join|Merge Join/, "$statement: nothing is read as a whole");
}
is($node->safe_psql('postgres', 'SELECT string_agg(scans, \' \') FROM seen'), 'on on', 'triggers see the settings of the session');
is($node->safe_psql('postgres', q{
		SELECT rows_read, rows_changed, rows_closed FROM scorebook.job_run ORDER BY run DESC LIMIT 1;
		SELECT * FROM scorebook.verify_book('book')}), '15000|15000|5000', 'and all of them are written');

$node->stop;
done_testing();
