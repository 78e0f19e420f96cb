/*
 * arena.h
 *		Memory for what is read from an artifact, in blocks from malloc.
 *
 * The artifact code compiles without a server, so it cannot use memory
 * contexts.  One arena holds all that one artifact gave; freeing the arena
 * frees it all.  In a backend the owner registers a reset callback on a memory
 * context before it creates the arena, so that an error cannot leak it.
 */
#ifndef SBK_ARENA_H
#define SBK_ARENA_H

#include <stddef.h>

typedef struct SbkArena SbkArena;

/* NULL when out of memory */
extern SbkArena *sbk_arena_create(void);

/* zeroed, aligned for any type; NULL when out of memory */
extern void *sbk_arena_alloc(SbkArena *arena, size_t size);

/* the same for count elements, with the product checked for overflow */
extern void *sbk_arena_alloc_array(SbkArena *arena, size_t count, size_t size);

/* an array with room for one more element; NULL when out of memory */
extern void *sbk_arena_grow(SbkArena *arena, void *array, size_t count,
							size_t *room, size_t size);

/* bytes taken from malloc so far */
extern size_t sbk_arena_size(const SbkArena *arena);

/* makes all that it gave out available again, keeping the largest block */
extern void sbk_arena_reset(SbkArena *arena);

/* frees everything the arena gave out; accepts NULL; never fails */
extern void sbk_arena_free(SbkArena *arena);

#endif							/* SBK_ARENA_H */
