# Whoever updates the extension has what whoever installs it anew has: every
# object, comment, right and setting, and models that score as before.
use strict;
use warnings FATAL => 'all';

use File::Basename qw(basename);
use File::Copy qw(cp);
use File::Path qw(mkpath);
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = "$FindBin::RealBin/../..";
my $fixtures = "$source/test/fixtures/1.7.4";

# An installation to which scripts can be added: PostgreSQL looks for its files
# from where its programs are, so it is a copy of these, and links to the rest.
sub make_installation
{
	my %directory;
	foreach my $name (qw(bindir pkglibdir sharedir))
	{
		my ($path) = run_command([ 'pg_config', "--$name" ]);
		$directory{$name} = $path;
	}
	my $root = PostgreSQL::Test::Utils::tempdir;
	mkpath("$root$directory{sharedir}/extension");
	mkpath("$root$directory{bindir}");
	mkpath("$root" . $directory{pkglibdir} =~ s{/[^/]*$}{}r);
	symlink($directory{pkglibdir}, "$root$directory{pkglibdir}") or die $!;
	foreach my $file (glob("$directory{sharedir}/* $directory{sharedir}/extension/* $directory{bindir}/*"))
	{
		next if -e "$root$file";
		if (basename($file) =~ /^(initdb|pg_config|pg_ctl|postgres)$/)
		{
			cp($file, "$root$file") or die "$file: $!";
		}
		else
		{
			symlink($file, "$root$file") or die "$file: $!";
		}
	}
	return ($root . $directory{bindir} =~ s{/bin$}{}r, "$root$directory{sharedir}/extension");
}

my ($installation, $extension_directory) = make_installation();
my $node = PostgreSQL::Test::Cluster->new('upgrade', install_path => $installation);
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE planter; CREATE ROLE reader');
my $user = $node->safe_psql('postgres', 'SELECT quote_ident(current_user)');

my $define_catalog = "\\i $source/test/upgrade/catalog.sql\n";
my $catalog = q{
	SELECT concat_ws(E'\t', object, property, coalesce(value::text, 'null'))
	FROM pg_temp.catalog('scorebook');};

# The objects in which two answers of the query differ, with the lines that do.
sub differences
{
	my ($left, $right) = @_;
	my %left = map { $_ => 1 } split /\n/, $left;
	my %right = map { $_ => 1 } split /\n/, $right;
	my @lines = (
		(map { "- $_" } grep { !$right{$_} } sort keys %left),
		(map { "+ $_" } grep { !$left{$_} } sort keys %right));
	my %objects = map { /^. ([^\t]*)/ => 1 } @lines;
	return ([ sort keys %objects ], \@lines);
}

my $databases = 0;

sub create_database
{
	my ($statements) = @_;
	my $database = 'database' . ++$databases;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, $statements);
	return $database;
}

my $load = qq{
	CREATE TABLE artifact AS SELECT name, pg_read_binary_file('$fixtures/' || name || '.ubj') AS bytes
		FROM unnest('{binlog,softprob,dart}'::text[]) AS name;
	SELECT scorebook.load_model(name, bytes) FROM artifact;
	SELECT scorebook.load_model('binlog', bytes, again => true, alias => 'trial', columns => '{"f0": "f1", "f1": "f0"}',
		golden => '[{"inputs": [1,2,3,4,5,6,7,8], "expected": 0.9029988}]')
		FROM artifact WHERE name = 'binlog';
	SELECT scorebook.load_model('binlog', bytes, again => true) FROM artifact WHERE name = 'binlog';
	SELECT scorebook.retire_version('binlog/3', 'not good enough');
	SELECT scorebook.grant_model('binlog', 'reader', 'read');};
my $scores = q{
	SELECT ref, x, scorebook.predict_vector(ref, input), scorebook.predict_leaf(ref, input)
	FROM unnest('{binlog,binlog@trial,binlog/1,softprob,dart}'::text[]) AS ref,
		generate_series(-20, 60) AS x, array_fill(x / 7.0, '{8}') AS input};
my $load_again = q{SELECT scorebook.load_model(name, bytes, again => true) FROM artifact ORDER BY name COLLATE "C"};

# Updates a database with models, and compares it with a new one.
sub upgrade
{
	my ($from, $to, @expected) = @_;
	my $fresh = create_database("CREATE EXTENSION scorebook VERSION '$to'");
	my $upgraded = create_database("CREATE EXTENSION scorebook VERSION '$from'; $load");
	my $tables = $node->safe_psql($upgraded, q{
		SELECT string_agg(format('SELECT %1$L AS source, to_jsonb(t) AS content FROM %1$s AS t', c.oid::regclass),
			' UNION ALL ')
		FROM pg_class AS c, pg_extension AS e
		WHERE e.extname = 'scorebook' AND c.oid = ANY (e.extconfig) AND c.relkind = 'r'});
	my $before = $node->safe_psql($upgraded, "CREATE TABLE old_row AS $tables; $scores");

	if ($from ne $to)
	{
		my (undef, undef, $error) = $node->psql($upgraded,
			"BEGIN; GRANT CREATE ON SCHEMA scorebook TO planter; ALTER EXTENSION scorebook UPDATE TO '$to'");
		like($error, qr/schema "scorebook" belongs to others/, "from $from to $to: not where others can plant functions");
	}
	$node->safe_psql($upgraded, "ALTER EXTENSION scorebook UPDATE TO '$to'");
	my ($objects, $lines) =
	  differences(map { $node->safe_psql($_, "$define_catalog$catalog") } $fresh, $upgraded);
	is_deeply($objects, \@expected,
		"from $from to $to: " . (@expected ? 'what was forgotten is found' : 'as installed anew'))
	  or diag(join "\n", @$lines);
	is($node->safe_psql($upgraded, $scores), $before, "from $from to $to: models score as before");
	is( $node->safe_psql($upgraded, qq{
			SELECT count(*) > 20, count(*) FILTER (WHERE NOT EXISTS (
				SELECT FROM ($tables) AS n WHERE n.source = o.source AND n.content @> o.content))
			FROM old_row AS o}),
		't|0', "from $from to $to: the registry has its rows");
	is($node->safe_psql($upgraded, $load_again), "4\n2\n2", "from $from to $to: and takes new models");
	$node->safe_psql('postgres', "DROP DATABASE $fresh");
	$node->safe_psql('postgres', "DROP DATABASE $upgraded");
	return;
}

my $current = $node->safe_psql('postgres',
	q{SELECT default_version FROM pg_available_extensions WHERE name = 'scorebook'});
my @released = slurp_file("$source/sql/released.sha256") =~ /^\w+  scorebook--([^-\n]+)\.sql$/mg;
isnt(scalar @released, 0, 'there are released versions');
upgrade($_, $current) foreach @released;

# The comparison finds each change: a name, statements before it, the change
# itself, and the objects in which it shows.
my $leaf = 'function scorebook.predict_leaf(pg_catalog.text,pg_catalog.jsonb)';
my $alter_leaf = 'ALTER FUNCTION scorebook.predict_leaf(text, jsonb)';
my $reason = 'table column scorebook.alias.reason';
my $alter_reason = 'ALTER TABLE scorebook.alias ALTER COLUMN reason';
my $extra_trigger = 'TRIGGER extra BEFORE UPDATE ON scorebook.alias FOR EACH ROW';
my $add = 'ALTER EXTENSION scorebook ADD';
my @changes = (
	[ 'nothing', '', '' ],

	# functions
	[ 'volatility', '', "$alter_leaf VOLATILE", $leaf ],
	[ 'parallel safety', '', "$alter_leaf PARALLEL RESTRICTED", $leaf ],
	[ 'strictness', '', "$alter_leaf CALLED ON NULL INPUT", $leaf ],
	[ 'cost', '', "$alter_leaf COST 1", $leaf ],
	[ 'setting of a function', '', "$alter_leaf SET search_path = public", $leaf ],
	[ 'rights of a function', '', "$alter_leaf SECURITY DEFINER", $leaf ],
	[ 'owner of a function', '', "$alter_leaf OWNER TO planter", $leaf ],
	[   'grant on a function', '',
		'REVOKE EXECUTE ON FUNCTION scorebook.predict_leaf(text, jsonb) FROM PUBLIC', $leaf ],
	[   'comment on a function', '',
		'COMMENT ON FUNCTION scorebook.predict_leaf(text, jsonb) IS NULL', $leaf ],
	[   'body of a function', '',
		q{CREATE OR REPLACE FUNCTION scorebook.refuse_update() RETURNS trigger LANGUAGE plpgsql
			SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END'},
		'function scorebook.refuse_update()' ],
	[   'default of an argument', '',
		q{CREATE OR REPLACE FUNCTION scorebook.resolve_reference(ref text, privilege text DEFAULT 'read',
			OUT model_id integer, OUT version integer) RETURNS record LANGUAGE c STABLE STRICT PARALLEL SAFE
			AS '$libdir/scorebook', 'sbk_sql_resolve_reference'},
		'function scorebook.resolve_reference(pg_catalog.text,pg_catalog.text)' ],
	[   'missing function', '',
		'ALTER EXTENSION scorebook DROP FUNCTION scorebook.predict_leaf(text, jsonb)', $leaf ],
	[   'added function', 'CREATE FUNCTION scorebook.extra() RETURNS int LANGUAGE sql RETURN 1',
		"$add FUNCTION scorebook.extra()", 'function scorebook.extra()' ],
	[   'aggregate',
		"CREATE AGGREGATE scorebook.extra(int) (SFUNC = int4pl, STYPE = int);
			$add AGGREGATE scorebook.extra(int)",
		q{CREATE OR REPLACE AGGREGATE scorebook.extra(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')},
		'aggregate scorebook.extra(integer)' ],

	# columns
	[   'added column', '', 'ALTER TABLE scorebook.alias ADD COLUMN note text',
		'table column scorebook.alias.note', 'table scorebook.alias' ],
	[   'missing column', '', 'ALTER TABLE scorebook.alias DROP COLUMN reason',
		'table column scorebook.alias."........pg.dropped.7........"', $reason ],
	[ 'type of a column', '', "$alter_reason TYPE varchar", $reason ],
	[ 'collation', '', qq{$alter_reason TYPE text COLLATE "C"}, $reason ],
	[ 'storage', '', "$alter_reason SET STORAGE MAIN", $reason ],
	[   'added default', '', "$alter_reason SET DEFAULT 'none'",
		'default value for scorebook.alias.reason', $reason ],
	[   'default', "$alter_reason SET DEFAULT 'none'", "$alter_reason SET DEFAULT 'other'",
		'default value for scorebook.alias.reason' ],
	[   'null', '', 'ALTER TABLE scorebook.alias ALTER COLUMN moved_by DROP NOT NULL',
		'table column scorebook.alias.moved_by',
		$node->pg_version < 18 ? () : 'table constraint alias_moved_by_not_null on scorebook.alias' ],
	[ 'grant on a column', '', 'GRANT UPDATE (reason) ON scorebook.alias TO PUBLIC', $reason ],
	[ 'comment on a column', '', q{COMMENT ON COLUMN scorebook.alias.reason IS 'other'}, $reason ],

	# tables, and what stands on them
	[ 'options of a table', '', 'ALTER TABLE scorebook.model SET (fillfactor = 50)', 'table scorebook.model' ],
	[ 'row security', '', 'ALTER TABLE scorebook.model DISABLE ROW LEVEL SECURITY', 'table scorebook.model' ],
	[ 'grant on a table', '', 'REVOKE SELECT ON scorebook.model FROM PUBLIC', 'table scorebook.model' ],
	[ 'comment on a table', '', 'COMMENT ON TABLE scorebook.model IS NULL', 'table scorebook.model' ],
	[   'partition',
		"CREATE TABLE scorebook.extra (a int) PARTITION BY LIST (a);
			CREATE TABLE scorebook.part PARTITION OF scorebook.extra FOR VALUES IN (1);
			$add TABLE scorebook.extra; $add TABLE scorebook.part",
		'ALTER TABLE scorebook.extra DETACH PARTITION scorebook.part;
			ALTER TABLE scorebook.extra ATTACH PARTITION scorebook.part FOR VALUES IN (2)',
		'table scorebook.part' ],
	[   'constraint', '',
		q{ALTER TABLE scorebook.model DROP CONSTRAINT model_mode_check,
			ADD CONSTRAINT model_mode_check CHECK (mode = 'governed')},
		'table constraint model_mode_check on scorebook.model' ],
	[   'missing constraint', '', 'ALTER TABLE scorebook.model DROP CONSTRAINT model_mode_check',
		'table constraint model_mode_check on scorebook.model', 'table scorebook.model' ],
	[   'index', 'CREATE INDEX extra ON scorebook.model (owner)',
		'DROP INDEX scorebook.extra; CREATE INDEX extra ON scorebook.model (owner DESC)',
		'index scorebook.extra' ],
	[   'predicate of an index', 'CREATE INDEX extra ON scorebook.model (lower(owner)) WHERE model_id > 1',
		'DROP INDEX scorebook.extra; CREATE INDEX extra ON scorebook.model (lower(owner)) WHERE model_id > 2',
		'index scorebook.extra' ],
	[   'missing trigger', '', 'DROP TRIGGER alias_immutable ON scorebook.alias',
		'trigger alias_immutable on scorebook.alias' ],
	[   'disabled trigger', '', 'ALTER TABLE scorebook.alias DISABLE TRIGGER alias_immutable',
		'trigger alias_immutable on scorebook.alias' ],
	[   'condition of a trigger',
		"CREATE $extra_trigger WHEN (OLD.move > 1) EXECUTE FUNCTION scorebook.refuse_update()",
		"CREATE OR REPLACE $extra_trigger WHEN (OLD.move > 2) EXECUTE FUNCTION scorebook.refuse_update()",
		'trigger extra on scorebook.alias' ],
	[   'condition of a policy', '', 'ALTER POLICY alias_read ON scorebook.alias USING (true)',
		'policy alias_read on scorebook.alias' ],
	[   'roles of a policy', '', 'ALTER POLICY alias_read ON scorebook.alias TO planter',
		'policy alias_read on scorebook.alias' ],
	[   'sequence', '', 'ALTER SEQUENCE scorebook.model_model_id_seq INCREMENT 2',
		'sequence scorebook.model_model_id_seq' ],

	# views
	[   'query of a view', '',
		'CREATE OR REPLACE VIEW scorebook.cache AS SELECT * FROM scorebook.cache_counts() WHERE entries > 0',
		'rule "_RETURN" on scorebook.cache' ],
	[ 'options of a view', '', 'ALTER VIEW scorebook.cache SET (security_barrier)', 'view scorebook.cache' ],
	[   'rule', 'CREATE RULE extra AS ON DELETE TO scorebook.cache DO INSTEAD NOTHING',
		'CREATE OR REPLACE RULE extra AS ON DELETE TO scorebook.cache DO INSTEAD DELETE FROM scorebook.model',
		'rule extra on scorebook.cache' ],

	# types, and what goes with them
	[   'level of an enum', "CREATE TYPE scorebook.extra AS ENUM ('a', 'b'); $add TYPE scorebook.extra",
		q{ALTER TYPE scorebook.extra RENAME VALUE 'b' TO 'c'}, 'type scorebook.extra' ],
	[   'attribute of a type', "CREATE TYPE scorebook.extra AS (a int); $add TYPE scorebook.extra",
		'ALTER TYPE scorebook.extra ALTER ATTRIBUTE a TYPE bigint', 'composite type column scorebook.extra.a' ],
	[   'constraint of a domain',
		"CREATE DOMAIN scorebook.extra int CONSTRAINT positive CHECK (VALUE > 0); $add DOMAIN scorebook.extra",
		'ALTER DOMAIN scorebook.extra DROP CONSTRAINT positive;
			ALTER DOMAIN scorebook.extra ADD CONSTRAINT positive CHECK (VALUE > 1)',
		'domain constraint positive on scorebook.extra' ],
	[   'cast', "CREATE CAST (text AS point) WITH INOUT; $add CAST (text AS point)",
		"ALTER EXTENSION scorebook DROP CAST (text AS point); DROP CAST (text AS point);
			CREATE CAST (text AS point) WITH INOUT AS ASSIGNMENT; $add CAST (text AS point)",
		'cast (pg_catalog.text AS pg_catalog.point)' ],
	[   'operator',
		"CREATE OPERATOR scorebook.=== (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);
			$add OPERATOR scorebook.=== (int, int)",
		'ALTER OPERATOR scorebook.=== (int, int) SET (RESTRICT = eqsel)',
		'operator scorebook.===(integer,integer)' ],

	# the whole
	[ 'comment on the schema', '', 'COMMENT ON SCHEMA scorebook IS NULL', 'schema scorebook' ],
	[ 'grant on the schema', '', 'REVOKE USAGE ON SCHEMA scorebook FROM PUBLIC', 'schema scorebook' ],
	[   'default privileges', '', 'ALTER DEFAULT PRIVILEGES IN SCHEMA scorebook GRANT SELECT ON TABLES TO PUBLIC',
		"default acl for role $user in schema scorebook on tables" ],
	[   'place in a dump', '',
		q{UPDATE pg_extension SET extcondition[1] = 'WHERE false' WHERE extname = 'scorebook'},
		'extension scorebook' ],
	[ 'comment on the extension', '', 'COMMENT ON EXTENSION scorebook IS NULL', 'extension scorebook' ],
	[   'event trigger',
		"CREATE FUNCTION scorebook.extra() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
			CREATE EVENT TRIGGER extra ON ddl_command_end EXECUTE FUNCTION scorebook.extra();
			$add EVENT TRIGGER extra",
		'ALTER EVENT TRIGGER extra DISABLE', 'event trigger extra' ]);

my $changed = create_database('CREATE EXTENSION scorebook');
foreach my $change (@changes)
{
	my ($name, $prepare, $statements, @expected) = @$change;
	my ($before, $after) = split /^after\n/m,
	  $node->safe_psql($changed, "${define_catalog}BEGIN; $prepare;\n$catalog\n$statements;\n\\echo after\n$catalog");
	my ($objects, $lines) = differences($before, $after);
	is_deeply($objects, [ sort @expected ], "a difference is found: $name") or diag(join "\n", @$lines);
}

# An update that there is not: one more column, and one more table.  What its
# script forgets is found.
my $from = $released[0];
my $install = slurp_file("$source/sql/scorebook--$from.sql");
my ($guard) = $install =~ /^(DO \$\$.*?^\$\$;\n)/ms;
my $table = q{
CREATE TABLE scorebook.extra (a integer PRIMARY KEY, b text NOT NULL);
COMMENT ON TABLE scorebook.extra IS 'one more';
SELECT pg_catalog.pg_extension_config_dump('scorebook.extra', '');
GRANT SELECT ON scorebook.extra TO PUBLIC;
};
my $policy = q{
ALTER TABLE scorebook.extra ENABLE ROW LEVEL SECURITY;
CREATE POLICY extra_read ON scorebook.extra FOR SELECT USING (a > 0);
};
my $column = 'ALTER TABLE scorebook.model ADD COLUMN note text;';
$install =~ s/(created_by\s+name NOT NULL),(\s+CONSTRAINT model_pkey)/$1, note text,$2/ or die 'no such column';

append_to_file("$extension_directory/scorebook--$_.sql", "$install$table$policy") foreach qw(complete forgetful);
append_to_file("$extension_directory/scorebook--$from--complete.sql", "$guard$column$table$policy");
append_to_file("$extension_directory/scorebook--$from--forgetful.sql", "$guard$column$table");
upgrade($from, 'complete');
upgrade($from, 'forgetful', 'policy extra_read on scorebook.extra', 'table scorebook.extra');

done_testing();
