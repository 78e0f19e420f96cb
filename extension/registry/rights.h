/*
 * rights.h
 *		Who may do what with a model.
 */
#ifndef SBK_RIGHTS_H
#define SBK_RIGHTS_H

/*
 * Does the role have the privilege: score, read, manage, any of them, or own?
 * The owner's role and its members have all; manage includes score and read.
 */
extern bool sbk_has_privilege(Oid role, int32 model_id, const NameData *owner,
							  const char *privilege);

#endif							/* SBK_RIGHTS_H */
