/* rooms.c - see rooms.h */
#include "media/daemon/rooms.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/log.h"

/* The room of this id, or a free one; NULL: all are in use. */
static struct room *room_of(struct media *m, uint64_t id)
{
	struct room *unused = NULL;

	for (uint32_t i = 0; i < MEDIA_ROOMS_MAX; i++) {
		if (m->rooms[i].id == id)
			return &m->rooms[i];
		if (m->rooms[i].id == 0 && unused == NULL)
			unused = &m->rooms[i];
	}
	return unused;
}

static void give(struct media *m, struct room_member *member)
{
	room_member_fini(member);
	pool_give(&m->members, member);
}

static int enter(struct media *m, struct media_session *ms, uint64_t room_id)
{
	struct room_member *member = pool_take(&m->members, NULL);
	struct room *r = room_of(m, room_id);
	int err = member != NULL && r != NULL ? room_member_equip(member, ms->s.r.rate_hz) : ERR_NOSPC;

	if (err == 0)
		err = room_join(r, member);
	if (err != 0) {
		if (member != NULL)
			give(m, member);
		return err;
	}
	r->id = room_id;
	rooms_leave(m, ms);
	ms->s.member = member;
	return 0;
}

void rooms_leave(struct media *m, struct media_session *ms)
{
	struct room_member *member = ms->s.member;
	struct room *r = member != NULL ? member->room : NULL;

	if (r == NULL)
		return;
	ms->s.member = NULL;
	room_leave(member);
	if (r->count == 0)
		r->id = 0;
	give(m, member);
}

static void take_flags(struct media_session *ms)
{
	ms->s.member->speaks = ms->s.seat.speaks;
	ms->s.member->listens = ms->s.seat.listens;
}

int rooms_seat(struct media *m, struct media_session *ms, const struct session_seat *seat)
{
	bool moves = ms->s.member == NULL || ms->s.member->room->id != seat->room_id;
	int err = 0;

	if (seat->generation <= ms->s.seat.generation)
		return memcmp(seat, &ms->s.seat, sizeof *seat) == 0 ? 0 : ERR_STALE;
	if (!ms->has_tape)
		return ERR_PROTO;
	if (seat->room_id == 0)
		rooms_leave(m, ms);
	else if (moves)
		err = enter(m, ms, seat->room_id);
	if (err != 0)
		return err;
	ms->s.seat = *seat;
	ms->s.dirty = true;
	if (seat->room_id != 0)
		take_flags(ms);
	return 0;
}

void rooms_resume(struct media *m, struct media_session *ms)
{
	int err;

	if (ms->s.seat.room_id == 0 || !ms->has_tape)
		return;
	err = enter(m, ms, ms->s.seat.room_id);
	if (err == 0)
		take_flags(ms);
	else
		log_error("session.room", "session=%" PRIx64 " room=%" PRIx64 " reason=%s", media_handle(m, ms), ms->s.seat.room_id, err_name(err));
}
