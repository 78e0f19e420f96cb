/*
 * library.c
 *		Opens the module that calls XGBoost.
 *
 * It stays open for the life of the backend, and nothing of it is called once
 * the process exits: the library's own thread-local state is gone by then.
 */
#include "postgres.h"

#include <dlfcn.h>

#include "miscadmin.h"

#include "xgboost/library.h"

#define SBK_LIBRARY_MODULE	"scorebook_xgboost"

static const SbkLibrary *library = NULL;

const SbkLibrary *
sbk_library(void)
{
	char		path[MAXPGPATH];
	void	   *handle;
	SbkLibraryEntry entry;
	SbkLibraryError error = {""};

	if (library != NULL)
		return library;

	/* threads and a fork do not go together */
	if (IsPostmasterEnvironment && !IsUnderPostmaster)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("XGBoost cannot be used in the postmaster"));

	snprintf(path, sizeof(path), "%s/%s%s", pkglib_path, SBK_LIBRARY_MODULE,
			 DLSUFFIX);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_FILE),
				errmsg("could not load XGBoost"),
				errdetail_internal("%s", dlerror()),
				errhint("Install the library that scorebook was built with, Debian's package libxgboost, or build scorebook again."));

	entry = (SbkLibraryEntry) dlsym(handle, "sbk_library_entry");
	if (entry != NULL)
		library = entry((void (*) (int)) dlsym(handle, "omp_set_num_threads"),
						(int (*) (void)) dlsym(handle, "omp_get_max_threads"),
						&error);
	if (library == NULL)
	{
		dlclose(handle);
		ereport(ERROR,
				errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				errmsg("could not initialize XGBoost"),
				errdetail_internal("XGBoost reported: %s.", error.message));
	}
	return library;
}
