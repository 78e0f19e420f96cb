# scorebook: score rows with XGBoost models inside PostgreSQL.
#
#	make && make install && make installcheck
#
# Builds in the source tree or, with make -f /path/to/Makefile, in any other
# directory.  PG_CONFIG chooses the PostgreSQL, PROFILE adds compiler flags.

EXTENSION  = scorebook
srcdir     = $(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST))))
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(srcdir)/$(EXTENSION).control)

MODULE_big = $(EXTENSION)
OBJS = \
	extension/artifact/arena.o \
	extension/artifact/canonical.o \
	extension/artifact/check.o \
	extension/artifact/json.o \
	extension/artifact/levels.o \
	extension/artifact/reader.o \
	extension/artifact/scikit.o \
	extension/artifact/summary.o \
	extension/artifact/token.o \
	extension/artifact/trees.o \
	extension/artifact/ubjson.o \
	extension/bind/array.o \
	extension/bind/json.o \
	extension/bind/row.o \
	extension/bind/value.o \
	extension/book/history.o \
	extension/book/moment.o \
	extension/engine/compatibility.o \
	extension/engine/engine.o \
	extension/engine/forest.o \
	extension/engine/forest_check.o \
	extension/engine/kernel.o \
	extension/engine/kernel_avx2.o \
	extension/engine/kernel_avx512.o \
	extension/engine/link.o \
	extension/engine/objective.o \
	extension/engine/verify.o \
	extension/guc.o \
	extension/job/attempt.o \
	extension/job/block.o \
	extension/job/decision.o \
	extension/job/definition.o \
	extension/job/digest.o \
	extension/job/erased.o \
	extension/job/errand.o \
	extension/job/fill.o \
	extension/job/found.o \
	extension/job/guise.o \
	extension/job/keeper.o \
	extension/job/key_hash.o \
	extension/job/lock.o \
	extension/job/partition.o \
	extension/job/pass.o \
	extension/job/phases.o \
	extension/job/progress.o \
	extension/job/pull.o \
	extension/job/record.o \
	extension/job/run.o \
	extension/job/scorer.o \
	extension/job/scorers.o \
	extension/job/shadow.o \
	extension/job/shape.o \
	extension/job/siphash.o \
	extension/job/trace.o \
	extension/job/writer.o \
	extension/module.o \
	extension/registry/admission.o \
	extension/registry/cache.o \
	extension/registry/catalog.o \
	extension/registry/compiled.o \
	extension/registry/explanation.o \
	extension/registry/model.o \
	extension/registry/reference.o \
	extension/registry/rights.o \
	extension/registry/use.o \
	extension/sql/cache.o \
	extension/sql/call.o \
	extension/sql/erase.o \
	extension/sql/explain.o \
	extension/sql/history.o \
	extension/sql/input_map.o \
	extension/sql/inspect.o \
	extension/sql/job.o \
	extension/sql/key_hash.o \
	extension/sql/lookup.o \
	extension/sql/moment.o \
	extension/sql/predict.o \
	extension/sql/registrar.o \
	extension/sql/replay.o \
	extension/sql/schedule.o \
	extension/sql/training.o \
	extension/sql/verification.o \
	extension/xgboost/library.o \
	extension/xgboost/trial.o

OWN_HEADERS = \
	extension/artifact/arena.h \
	extension/artifact/canonical.h \
	extension/artifact/reader.h \
	extension/artifact/summary.h \
	extension/artifact/token.h \
	extension/artifact/tree.h \
	extension/bind/bind.h \
	extension/bind/value.h \
	extension/book/history.h \
	extension/book/moment.h \
	extension/compat.h \
	extension/engine/engine.h \
	extension/engine/forest.h \
	extension/engine/kernel.h \
	extension/engine/kernel_lanes.h \
	extension/engine/link.h \
	extension/engine/verify.h \
	extension/engine/walk.h \
	extension/job/attempt.h \
	extension/job/block.h \
	extension/job/decision.h \
	extension/job/definition.h \
	extension/job/digest.h \
	extension/job/erased.h \
	extension/job/errand.h \
	extension/job/fill.h \
	extension/job/found.h \
	extension/job/guise.h \
	extension/job/keeper.h \
	extension/job/key_hash.h \
	extension/job/lock.h \
	extension/job/partition.h \
	extension/job/pass.h \
	extension/job/phases.h \
	extension/job/progress.h \
	extension/job/pull.h \
	extension/job/record.h \
	extension/job/request.h \
	extension/job/run.h \
	extension/job/scorer.h \
	extension/job/scorers.h \
	extension/job/shadow.h \
	extension/job/shape.h \
	extension/job/siphash.h \
	extension/job/trace.h \
	extension/job/writer.h \
	extension/registry/admission.h \
	extension/registry/cache.h \
	extension/registry/catalog.h \
	extension/registry/compiled.h \
	extension/registry/explanation.h \
	extension/registry/model.h \
	extension/registry/reference.h \
	extension/registry/rights.h \
	extension/registry/use.h \
	extension/scorebook.h \
	extension/sql/call.h \
	extension/xgboost/library.h \
	extension/xgboost/trial.h \
	extension/xgboost/wire.h

# the one module that is linked with XGBoost
LIBRARY_MODULE = scorebook_xgboost$(DLSUFFIX)
LIBRARY_OBJS   = extension/xgboost/library_calls.o

# the program in which XGBoost sees a new model first
ADMIT_PROGRAM = scorebook-admit
ADMIT_OBJS    = extension/xgboost/admit.o

SQL_PARTS = \
	sql/parts/00_guard.sql \
	sql/parts/10_registry.sql \
	sql/parts/20_rights.sql \
	sql/parts/30_load.sql \
	sql/parts/35_verification.sql \
	sql/parts/40_scoring.sql \
	sql/parts/45_explaining.sql \
	sql/parts/50_reading.sql \
	sql/parts/60_time.sql \
	sql/parts/61_job.sql \
	sql/parts/61_scorers.sql \
	sql/parts/62_decision.sql \
	sql/parts/62_job_rights.sql \
	sql/parts/63_run.sql \
	sql/parts/64_book.sql \
	sql/parts/65_replay.sql \
	sql/parts/65_versioning.sql \
	sql/parts/66_training.sql \
	sql/parts/67_pull.sql \
	sql/parts/68_stream.sql \
	sql/parts/69_job_changes.sql \
	sql/parts/70_compare.sql \
	sql/parts/70_erasing.sql \
	sql/parts/70_schedule.sql \
	sql/parts/71_record_requirement.sql \
	sql/parts/71_retention.sql \
	sql/parts/90_grant.sql \
	sql/parts/91_grant_book.sql \
	sql/parts/91_grant_erasing.sql \
	sql/parts/91_grant_schedule.sql \
	sql/parts/91_grant_versioning.sql

# those of them that came after the last release lead up from it, too
LAST_RELEASE = 0.1.0
NEW_PARTS    = $(filter sql/parts/6% sql/parts/7% sql/parts/91%,$(SQL_PARTS))

# The scripts of released versions stand in sql/ as they were released.  Those
# of a version in work are what its parts make, and what leads up to it.
RELEASED       = $(shell sed 's/.* //' $(srcdir)/sql/released.sha256)
NEWEST_SCRIPT  = $(EXTENSION)--$(EXTVERSION).sql
DATA           = $(addprefix sql/,$(RELEASED))
ifeq ($(filter $(NEWEST_SCRIPT),$(RELEASED)),)
UPDATE_SCRIPT  = $(EXTENSION)--$(LAST_RELEASE)--$(EXTVERSION).sql
DATA_built     = sql/$(NEWEST_SCRIPT) sql/$(UPDATE_SCRIPT)
endif

REGRESS        = install registry reference load_errors load_arguments score classes inputs forms \
	explain policies calls rights card job_errors job_changes job_names job_rights stream predictor damage \
	versioning history_limits training as_of uninstall
REGRESS_OPTS   = --inputdir=$(srcdir)/test --outputdir=. --load-extension=plpgsql
REGRESS_PREP   = expected_link
ISOLATION      = load alias retire versioning job erase watermark reload drop shadow definition service
ISOLATION_OPTS = --inputdir=$(srcdir)/test/isolation --load-extension=$(EXTENSION) \
	--launcher='env PGOPTIONS=-cfixtures.directory=$(abspath $(srcdir))/test/fixtures'
TAP_TESTS      = 1
PROVE_TESTS    = $(srcdir)/test/t/*.pl

PG_CPPFLAGS = -I$(srcdir)/extension
PG_CFLAGS   = -ffp-contract=off
ifneq ($(findstring clang,$(CC)),)
# PostgreSQL's own flags and headers are those of the compiler it was built with
PG_CFLAGS  += -Wno-ignored-optimization-argument -Wno-unknown-warning-option -Wno-ignored-attributes
endif
# calls among our own files need no detour
SHLIB_LINK  = -ldl -lm -Wl,-Bsymbolic-functions
EXTRA_CLEAN = $(LIBRARY_MODULE) $(LIBRARY_OBJS) $(LIBRARY_OBJS:.o=.bc) $(ADMIT_PROGRAM) $(ADMIT_OBJS) unit_artifact unit_canonical unit_kernels unit_native

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# what the JIT inlines must not fuse multiplications with additions either
BITCODE_CFLAGS += -ffp-contract=off

all: $(LIBRARY_MODULE) $(ADMIT_PROGRAM)

$(OBJS) $(OBJS:.o=.bc) $(LIBRARY_OBJS) $(ADMIT_OBJS): $(addprefix $(srcdir)/,$(OWN_HEADERS)) | build_directories

$(LIBRARY_MODULE): $(LIBRARY_OBJS)
	$(CC) $(CFLAGS) $(LIBRARY_OBJS) $(LDFLAGS) -shared -o $@ -lxgboost

$(LIBRARY_OBJS): CFLAGS += $(CFLAGS_SL) -fvisibility=hidden

$(ADMIT_PROGRAM): $(ADMIT_OBJS) $(LIBRARY_OBJS)
	$(CC) $(CFLAGS) $(ADMIT_OBJS) $(LIBRARY_OBJS) $(LDFLAGS) -pie -o $@ -lxgboost -ldl

$(ADMIT_OBJS): CFLAGS += -fPIE

# several walks at once live in registers only when their loop is unrolled
extension/engine/kernel.o extension/engine/kernel_avx2.o \
extension/engine/kernel_avx512.o: CFLAGS += $(CFLAGS_UNROLL_LOOPS)

.PHONY: new_parts
new_parts:
	@printf '%s\n' $(NEW_PARTS)

sql/$(NEWEST_SCRIPT): $(addprefix $(srcdir)/,$(SQL_PARTS)) | build_directories
	cat $(addprefix $(srcdir)/,$(SQL_PARTS)) > $@

sql/$(UPDATE_SCRIPT): $(addprefix $(srcdir)/,$(SQL_PARTS)) | build_directories
	printf '%s\n' '\echo Use "ALTER EXTENSION $(EXTENSION) UPDATE" to load this file. \quit' > $@
	sed 1d $(srcdir)/$(firstword $(SQL_PARTS)) >> $@
	cat $(addprefix $(srcdir)/,$(NEW_PARTS)) >> $@

# in a build outside the source tree
.PHONY: build_directories
build_directories:
	@mkdir -p $(sort $(dir $(OBJS) $(LIBRARY_OBJS))) sql

# in a build outside the source tree, pg_regress finds its answers through this
.PHONY: expected_link
expected_link:
	@test -e expected || ln -s $(abspath $(srcdir))/expected expected

install: install-library
.PHONY: install-library
install-library: $(LIBRARY_MODULE) $(ADMIT_PROGRAM) installdirs
	$(INSTALL_SHLIB) $(LIBRARY_MODULE) '$(DESTDIR)$(pkglibdir)/$(LIBRARY_MODULE)'
	$(INSTALL_PROGRAM) $(ADMIT_PROGRAM) '$(DESTDIR)$(pkglibdir)/$(ADMIT_PROGRAM)'

uninstall: uninstall-library
.PHONY: uninstall-library
uninstall-library:
	rm -f '$(DESTDIR)$(pkglibdir)/$(LIBRARY_MODULE)' '$(DESTDIR)$(pkglibdir)/$(ADMIT_PROGRAM)'

# the artifact readers and the native engine, without a server
UNIT_SOURCES = $(addprefix $(srcdir)/,$(patsubst %.o,%.c,$(filter extension/artifact/%,$(OBJS))) \
	extension/engine/forest.c extension/engine/forest_check.c \
	extension/engine/kernel.c extension/engine/kernel_avx2.c \
	extension/engine/kernel_avx512.c extension/engine/link.c)
UNIT_FLAGS = -std=gnu99 -g -O1 -ffp-contract=off -Wall -Wextra -Wno-unused-parameter \
	-Wno-missing-field-initializers -Wno-sign-compare -fsanitize=address,undefined
FIXTURES = $(foreach json,$(wildcard $(srcdir)/test/fixtures/*/*.json),$(json) $(json:.json=.ubj))

unit_%: $(UNIT_SOURCES) $(srcdir)/test/unit/%.c $(addprefix $(srcdir)/,$(OWN_HEADERS))
	$(CC) $(UNIT_FLAGS) -I$(srcdir)/extension $(UNIT_SOURCES) $(srcdir)/test/unit/$*.c -lm -o $@

.PHONY: unit
unit: unit_artifact unit_canonical unit_kernels unit_native
	./unit_artifact $(FIXTURES)
	./unit_canonical $(FIXTURES)
	./unit_kernels
	./unit_native $(filter %.ubj,$(FIXTURES))
