/*
 * scorebook.h
 *		What all of scorebook's server code shares.
 */
#ifndef SBK_SCOREBOOK_H
#define SBK_SCOREBOOK_H

#define SBK_SCHEMA			"scorebook"

typedef enum SbkEngineChoice
{
	SBK_ENGINE_AUTO,
	SBK_ENGINE_NATIVE,
	SBK_ENGINE_XGBOOST
} SbkEngineChoice;

/* settings, see guc.c */
extern int	sbk_admission_memory;	/* kB */
extern int	sbk_admission_timeout;	/* seconds */
extern int	sbk_cache_size;		/* kB */
extern int	sbk_engine;			/* SbkEngineChoice */
extern int	sbk_max_model_size; /* kB */
extern int	sbk_simd;			/* SbkSimd */

extern void sbk_guc_define(void);

#endif							/* SBK_SCOREBOOK_H */
