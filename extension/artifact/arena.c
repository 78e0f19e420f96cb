/*
 * arena.c
 *		Memory for what is read from an artifact, in blocks from malloc.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/arena.h"

#define SBK_ARENA_BLOCK		((size_t) 8192)
#define SBK_ARENA_ALIGN		((size_t) 16)

typedef struct SbkArenaBlock
{
	struct SbkArenaBlock *next;
	size_t		size;			/* bytes after the header */
	size_t		used;
} SbkArenaBlock;

#define SBK_ARENA_HEADER \
	((sizeof(SbkArenaBlock) + SBK_ARENA_ALIGN - 1) & ~(SBK_ARENA_ALIGN - 1))

struct SbkArena
{
	SbkArenaBlock *blocks;		/* the newest first */
	size_t		total;
};

static SbkArenaBlock *add_block(SbkArena *arena, size_t need);

SbkArena *
sbk_arena_create(void)
{
	return calloc(1, sizeof(SbkArena));
}

void *
sbk_arena_alloc(SbkArena *arena, size_t size)
{
	SbkArenaBlock *block = arena->blocks;
	void	   *result;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + SBK_ARENA_ALIGN - 1) & ~(SBK_ARENA_ALIGN - 1);

	if (block == NULL || block->size - block->used < size)
	{
		block = add_block(arena, size);
		if (block == NULL)
			return NULL;
	}
	result = (char *) block + SBK_ARENA_HEADER + block->used;
	block->used += size;
	return result;
}

void *
sbk_arena_alloc_array(SbkArena *arena, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / 2 / size)
		return NULL;
	return sbk_arena_alloc(arena, count * size);
}

void *
sbk_arena_grow(SbkArena *arena, void *array, size_t count, size_t *room,
			   size_t size)
{
	void	   *larger;

	if (count < *room)
		return array;
	*room = *room == 0 ? 16 : *room * 2;
	larger = sbk_arena_alloc_array(arena, *room, size);
	if (larger != NULL && count > 0)
		memcpy(larger, array, count * size);
	return larger;
}

size_t
sbk_arena_size(const SbkArena *arena)
{
	return arena->total;
}

void
sbk_arena_reset(SbkArena *arena)
{
	SbkArenaBlock *kept = arena->blocks;
	SbkArenaBlock *block;

	for (block = arena->blocks; block != NULL; block = block->next)
	{
		if (block->size > kept->size)
			kept = block;
	}
	while ((block = arena->blocks) != NULL)
	{
		arena->blocks = block->next;
		if (block != kept)
		{
			arena->total -= SBK_ARENA_HEADER + block->size;
			free(block);
		}
	}
	if (kept == NULL)
		return;
	memset((char *) kept + SBK_ARENA_HEADER, 0, kept->used);
	kept->used = 0;
	kept->next = NULL;
	arena->blocks = kept;
}

void
sbk_arena_free(SbkArena *arena)
{
	SbkArenaBlock *block;

	if (arena == NULL)
		return;
	while ((block = arena->blocks) != NULL)
	{
		arena->blocks = block->next;
		free(block);
	}
	free(arena);
}

/* Blocks come zeroed. */
static SbkArenaBlock *
add_block(SbkArena *arena, size_t need)
{
	size_t		size = need > SBK_ARENA_BLOCK ? need : SBK_ARENA_BLOCK;
	SbkArenaBlock *block = calloc(1, SBK_ARENA_HEADER + size);

	if (block == NULL)
		return NULL;
	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->total += SBK_ARENA_HEADER + size;
	return block;
}
