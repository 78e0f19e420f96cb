# shellcheck shell=sh disable=SC2034
# setup.sh: what the scripts share.  Sourced, not run.
#
# Packages come from Debian, through root or sudo.  What PostgreSQL refuses to
# do as root (build trees, clusters) happens under an unprivileged user, in one
# temporary directory that is removed at the end.

source_dir=$(cd "$(dirname "$0")/.." && pwd)
work_dir=
cluster_running=
export LC_ALL=C.UTF-8

say() {
	printf '%s\n' "$*" >&2
}

fail() {
	say "$(basename "$0"): $*"
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		fail "this needs root or sudo: $*"
	fi
}

# The user that owns the temporary directory and the cluster.
as_user() {
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}

# The PostgreSQL that this Debian ships.
find_postgresql() {
	# shellcheck source=/dev/null
	. /etc/os-release
	case "${VERSION_CODENAME:-}" in
		bookworm) major=15 ;;
		trixie) major=17 ;;
		forky | sid) major=18 ;;
		*)
			major=$(apt-cache depends postgresql 2>/dev/null |
				sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
			[ -n "$major" ] || fail "cannot tell which PostgreSQL this system ships"
			;;
	esac
	bin_dir=/usr/lib/postgresql/$major/bin
	pg_config=$bin_dir/pg_config
}

# Installs those of the packages that are missing.
install_packages() {
	missing=
	for package; do
		status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$status" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	say "Installing from Debian:$missing"
	as_root apt-get -qq update
	# shellcheck disable=SC2086 # a list of words
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends $missing >/dev/null
}

build_packages() {
	echo "postgresql-$major postgresql-server-dev-$major libxgboost-dev gcc make"
}

make_work_dir() {
	work_dir=$(mktemp -d "${TMPDIR:-/tmp}/scorebook.XXXXXX")
	trap clean_up EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	chmod 755 "$work_dir"
	[ "$(id -u)" != 0 ] || chown postgres: "$work_dir"
}

# A copy of the checkout without what was built in it.
copy_sources() {
	as_user mkdir "$work_dir/$1"
	tar -C "$source_dir" --exclude-vcs --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude=./tmp_check --exclude=./results -cf - . |
		as_user tar -C "$work_dir/$1" -xf -
}

# Builds a copy, so that the checkout stays as it is.
build() {
	copy_sources source
	say "Building for PostgreSQL $major"
	as_user make -s -C "$work_dir/source" PG_CONFIG="$pg_config" "$@"
}

# Also installs the extension into the server's directories.
build_and_install() {
	build "$@"
	as_root make -s -C "$work_dir/source" PG_CONFIG="$pg_config" "$@" install >/dev/null
}

# A private cluster: reached by a socket in the temporary directory only.
# Arguments are further settings.
start_cluster() {
	as_user "$bin_dir/initdb" -D "$work_dir/data" -U postgres -A trust -E UTF8 \
		--locale=C.UTF-8 --no-sync >"$work_dir/initdb.log" ||
		fail "initdb failed: $(cat "$work_dir/initdb.log")"
	as_user tee -a "$work_dir/data/postgresql.conf" >/dev/null <<-EOF
		listen_addresses = ''
		unix_socket_directories = '$work_dir'
		fsync = off
	EOF
	for setting; do
		printf '%s\n' "$setting"
	done | as_user tee -a "$work_dir/data/postgresql.conf" >/dev/null
	as_user "$bin_dir/pg_ctl" -D "$work_dir/data" -l "$work_dir/server.log" -w start >/dev/null ||
		fail "the server did not start: $(cat "$work_dir/server.log")"
	cluster_running=yes
	export PGHOST="$work_dir" PGPORT=5432 PGUSER=postgres
	unset PGDATABASE PGSERVICE PGOPTIONS
}

clean_up() {
	status=$?
	trap - EXIT
	cd /
	if [ -n "$cluster_running" ]; then
		as_user "$bin_dir/pg_ctl" -D "$work_dir/data" -m immediate -w stop >/dev/null || true
	fi
	[ -z "$work_dir" ] || as_root rm -rf "$work_dir"
	exit "$status"
}
