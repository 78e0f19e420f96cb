/*
 * rights.h
 *		Who may do what with a model, a job, or a relation.
 */
#ifndef SBK_RIGHTS_H
#define SBK_RIGHTS_H

/* Throws where the privilege is not one of score, read, manage, any and own. */
extern void sbk_check_privilege(const char *privilege);

/*
 * Does the role have the privilege: score, read, manage, any of them, or own?
 * The owner's role and its members have all; manage includes score and read.
 */
extern bool sbk_has_privilege(Oid role, int32 model_id, const NameData *owner,
							  const char *privilege);

/* The same for a job, of which the privileges are score, run, any and own. */
extern void sbk_check_job_privilege(const char *privilege);
extern bool sbk_has_job_privilege(Oid role, int32 job_id,
								  const NameData *owner,
								  const char *privilege);

/*
 * Throws where the current user has no right at all on a relation, nor on a column
 * of it; to be asked before it is locked.
 */
extern void sbk_require_relation_right(Oid relation);

#endif							/* SBK_RIGHTS_H */
