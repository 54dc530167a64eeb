/* rooms.c - see rooms.h */
#include "control/model/rooms.h"

static uint64_t fold(uint64_t hash, struct str s)
{
	for (size_t i = 0; i < s.n; i++) /* FNV-1a */
		hash = (hash ^ (uint8_t)s.p[i]) * 0x100000001b3ull;
	return hash * 0x100000001b3ull; /* an end: "ab" "c" is not "a" "bc" */
}

uint64_t rooms_id_of(struct str backend, uint64_t instance, struct str command_id)
{
	uint64_t id = fold(0xcbf29ce484222325ull, backend);

	id = fold(id, (struct str){(const char *)&instance, sizeof instance});
	id = fold(id, command_id);
	return id != 0 ? id : 1;
}

static struct room_row *row_of(struct rooms *r, uint64_t id)
{
	for (uint32_t i = 0; id != 0 && i < ROOMS_MAX; i++)
		if (r->v[i].id == id)
			return &r->v[i];
	return NULL;
}

const struct room_row *rooms_find(const struct rooms *r, uint64_t id)
{
	for (uint32_t i = 0; id != 0 && i < ROOMS_MAX; i++)
		if (r->v[i].id == id)
			return &r->v[i];
	return NULL;
}

static const struct room_row *free_row(const struct rooms *r)
{
	for (uint32_t i = 0; i < ROOMS_MAX; i++)
		if (r->v[i].id == 0)
			return &r->v[i];
	return NULL;
}

int rooms_admit(const struct rooms *r, uint64_t id, uint32_t media_worker, uint32_t more)
{
	const struct room_row *row = rooms_find(r, id);

	if (row != NULL && row->media_worker != media_worker)
		return ERR_UNSUPPORTED;
	if (row == NULL)
		return more <= ROOMS_MEMBERS_MAX && free_row(r) != NULL ? 0 : ERR_NOSPC;
	return row->count + more <= ROOMS_MEMBERS_MAX ? 0 : ERR_NOSPC;
}

int rooms_enter(struct rooms *r, uint64_t id, uint32_t media_worker, uint64_t call_id)
{
	struct room_row *row = row_of(r, id);
	int err;

	for (uint32_t i = 0; row != NULL && i < row->count; i++)
		if (row->calls[i] == call_id)
			return 0;
	err = rooms_admit(r, id, media_worker, 1);
	if (err != 0)
		return err;
	if (row == NULL) {
		row = &r->v[free_row(r) - r->v];
		row->id = id;
		row->media_worker = media_worker;
	}
	row->calls[row->count++] = call_id;
	return 0;
}

uint32_t rooms_leave(struct rooms *r, uint64_t id, uint64_t call_id)
{
	struct room_row *row = row_of(r, id);

	if (row == NULL)
		return 0;
	for (uint32_t i = 0; i < row->count; i++)
		if (row->calls[i] == call_id)
			row->calls[i--] = row->calls[--row->count];
	if (row->count == 0)
		row->id = 0;
	return row->count;
}
