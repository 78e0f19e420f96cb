/*
 * reference.h
 *		Model references: name, name@alias, name/version.
 */
#ifndef SBK_REFERENCE_H
#define SBK_REFERENCE_H

#define SBK_DEFAULT_ALIAS	"champion"

typedef struct SbkReference
{
	char		name[NAMEDATALEN];
	char		alias[NAMEDATALEN]; /* empty where a version is given */
	int32		version;		/* 0 where an alias is given */
} SbkReference;

/* What a reference stands for. */
typedef struct SbkResolved
{
	int32		model_id;
	int32		version;
	char		name[NAMEDATALEN];
	NameData	owner;
	bool		governed;
	bool		retired;
} SbkResolved;

/* Throws where the text does not follow the grammar. */
extern void sbk_reference_parse(const char *text, int len,
								SbkReference *reference);

/*
 * Looks the reference up under the active snapshot, after checking that the
 * current user has the privilege.  Throws where there is no such model, alias
 * or version, or no right.
 */
extern void sbk_reference_resolve(const SbkReference *reference,
								  const char *privilege,
								  SbkResolved *resolved);

/*
 * For a score that leaves no record: throws where the model is to be scored with
 * a record only, and the current user lacks the privilege.
 */
extern void sbk_reference_check_record(const SbkResolved *resolved,
									   const char *privilege);

/* Throws where the version is retired. */
extern void sbk_reference_check_service(const SbkResolved *resolved);

/*
 * As sbk_reference_resolve, for a version that a run has recorded, whatever the
 * model is called now.
 */
extern void sbk_reference_resolve_recorded(int32 model_id, int32 version,
										   const char *privilege,
										   SbkResolved *resolved);

#endif							/* SBK_REFERENCE_H */
