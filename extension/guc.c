/*
 * guc.c
 *		Settings.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "engine/kernel.h"
#include "scorebook.h"

static bool check_simd(int *newval, void **extra, GucSource source);

/*
 * scorebook.admission_memory, scorebook.admission_timeout
 *
 * What XGBoost may take, in kB of address space and in seconds, while it looks
 * at a new model in a process of its own.  SUSET: they protect the server.
 */
int			sbk_admission_memory = 2 * 1024 * 1024;
int			sbk_admission_timeout = 60;

/*
 * scorebook.cache_size
 *
 * Memory in kB that a backend keeps for models it has loaded; the models used
 * longest ago are dropped first.  A model that a running statement uses stays,
 * whatever its size.  Counted are the bytes of the artifacts.  USERSET: it is
 * the session's own memory.
 */
int			sbk_cache_size = 256 * 1024;

/*
 * scorebook.engine
 *
 * What scores: native, xgboost, or auto, which is native for the versions
 * whose verification found the same bits in both.  USERSET: no choice gives
 * other scores.
 */
int			sbk_engine = SBK_ENGINE_AUTO;

static const struct config_enum_entry engines[] = {
	{"auto", SBK_ENGINE_AUTO, false},
	{"native", SBK_ENGINE_NATIVE, false},
	{"xgboost", SBK_ENGINE_XGBOOST, false},
	{NULL, 0, false}
};

/*
 * scorebook.max_model_size
 *
 * The largest artifact in kB that load_model and inspect_model accept.  400 MB
 * is the end: a bytea much larger cannot be dumped.  SUSET: it protects the
 * server's memory.
 */
int			sbk_max_model_size = 256 * 1024;

/*
 * scorebook.simd
 *
 * Which instructions the native engine uses: auto, which is the best that the
 * processor has, scalar, avx2 or avx512.  USERSET: no choice gives other scores.
 */
int			sbk_simd = SBK_SIMD_AUTO;

static const struct config_enum_entry simds[] = {
	{"auto", SBK_SIMD_AUTO, false},
	{"scalar", SBK_SIMD_SCALAR, false},
	{"avx2", SBK_SIMD_AVX2, false},
	{"avx512", SBK_SIMD_AVX512, false},
	{NULL, 0, false}
};

void
sbk_guc_define(void)
{
	DefineCustomIntVariable("scorebook.admission_memory",
							"Sets the memory that XGBoost may take to try a new model.",
							NULL,
							&sbk_admission_memory,
							2 * 1024 * 1024, 128 * 1024, MAX_KILOBYTES,
							PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("scorebook.admission_timeout",
							"Sets the time that XGBoost may take to try a new model.",
							NULL,
							&sbk_admission_timeout,
							60, 1, 24 * 3600,
							PGC_SUSET, GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomIntVariable("scorebook.cache_size",
							"Sets the memory that a session keeps for loaded models.",
							NULL,
							&sbk_cache_size,
							256 * 1024, 0, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomEnumVariable("scorebook.engine",
							 "Chooses what scores models.",
							 NULL,
							 &sbk_engine,
							 SBK_ENGINE_AUTO, engines,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("scorebook.max_model_size",
							"Sets the largest model file that is accepted.",
							NULL,
							&sbk_max_model_size,
							256 * 1024, 1, 400 * 1024,
							PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomEnumVariable("scorebook.simd",
							 "Chooses the instructions that the native engine uses.",
							 NULL,
							 &sbk_simd,
							 SBK_SIMD_AUTO, simds,
							 PGC_USERSET, 0,
							 check_simd, NULL, NULL);

	MarkGUCPrefixReserved("scorebook");
}

/* A processor that lacks an instruction would end the backend. */
static bool
check_simd(int *newval, void **extra, GucSource source)
{
	if (sbk_simd_supported(*newval))
		return true;
	GUC_check_errdetail("This server's processor does not have these instructions, or scorebook was built without them.");
	GUC_check_errhint("Set scorebook.simd to auto.");
	return false;
}
