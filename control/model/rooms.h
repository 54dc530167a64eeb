/* rooms.h - which calls sit in which room. Pure.
 *
 * A room is nothing but its members: it begins with the first and ends with the last, and belongs to whoever owns one of them. It lies in
 * the media worker of its first member. The caps are those of media (media/room/room.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define ROOMS_MAX 256u
#define ROOMS_MEMBERS_MAX 32u

struct room_row {
	uint64_t id; /* 0 = free */
	uint32_t media_worker;
	uint32_t count;
	uint64_t calls[ROOMS_MEMBERS_MAX];
};

struct rooms {
	struct room_row v[ROOMS_MAX];
};

/* Of the command that makes it: the same one, said again to another control, names the same room. Never 0. */
uint64_t rooms_id_of(struct str backend, uint64_t instance, struct str command_id);

/* NULL: there is none. */
const struct room_row *rooms_find(const struct rooms *r, uint64_t id);

/* Could so many more enter? 0; ERR_NOSPC: too many rooms, or members; ERR_UNSUPPORTED: it lies in another media worker. */
MUST_USE int rooms_admit(const struct rooms *r, uint64_t id, uint32_t media_worker, uint32_t more);

/* As rooms_admit(). A call that is in it stays. */
MUST_USE int rooms_enter(struct rooms *r, uint64_t id, uint32_t media_worker, uint64_t call_id);

/* How many are left; 0: the room is no more. */
uint32_t rooms_leave(struct rooms *r, uint64_t id, uint64_t call_id);
