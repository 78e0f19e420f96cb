/*
 * rights.h
 *		Who may do what with a model, or a job.
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

#endif							/* SBK_RIGHTS_H */
