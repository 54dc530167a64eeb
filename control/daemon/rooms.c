/* rooms.c - see rooms.h. Where a call is to sit and what the events have told of it are two things, both kept with its leg: what lies between is
 * asked of media again by whoever comes after us. */
#include "control/daemon/rooms.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "control/daemon/events.h"
#include "control/daemon/to_workers.h"
#include "control/model/rooms.h"

static void leave(struct control *k, struct control_call *cc, uint64_t room_id, const char *reason)
{
	uint32_t left = rooms_leave(&k->rooms, room_id, cc->c.id);

	events_bridge_left(k, cc, room_id, reason, left);
	if (left == 0)
		events_bridge_ended(k, cc, room_id);
}

static void tell_joined(struct control *k, struct control_call *cc)
{
	const struct call_seat *was = &cc->c.seat_told, *is = &cc->c.seat;
	const struct room_row *row = rooms_find(&k->rooms, is->room_id);
	bool moved = was->room_id != is->room_id;

	if (moved || was->listen_only != is->listen_only || was->speak_only != is->speak_only)
		events_bridge_joined(k, cc, row != NULL ? row->count : 0);
	if (is->muted != (!moved && was->muted))
		events_bridge_muted(k, cc);
}

static void tell(struct control *k, struct control_call *cc)
{
	struct call *c = &cc->c;

	if (c->seat_told.generation == c->seat.generation)
		return; /* asked again, and nothing is new */
	if (c->seat_told.room_id != 0 && c->seat_told.room_id != c->seat.room_id)
		leave(k, cc, c->seat_told.room_id, "left");
	if (c->seat.room_id != 0)
		tell_joined(k, cc);
	c->seat_told = c->seat;
	to_leg_annotate(k, cc);
}

static void seat(struct control *k, struct control_call *cc, const struct call_seat *want, const char *why)
{
	uint64_t was = cc->c.seat.room_id;
	uint32_t generation = cc->c.seat.generation + 1;

	if (was != 0 && was != want->room_id && was != cc->c.seat_told.room_id)
		leave(k, cc, was, why); /* before it was told to sit there */
	cc->c.seat = *want;
	cc->c.seat.generation = generation;
	if (want->room_id != 0 && rooms_enter(&k->rooms, want->room_id, cc->c.media_worker, cc->c.id) != 0)
		log_error("call.room", "call=%016" PRIx64 " room=%016" PRIx64 " reason=full", cc->c.id, want->room_id);
	to_leg_annotate(k, cc); /* nobody else would have it if we died now */
	to_session_seat(k, cc);
}

void rooms_seat(struct control *k, struct control_call *cc, const struct call_seat *want)
{
	seat(k, cc, want, "left");
}

void rooms_seated(struct control *k, struct control_call *cc, const Tipring__V1__SessionSeated *m)
{
	const struct call_seat same = cc->c.seat;

	if (m->generation != same.generation)
		return; /* another one followed */
	if (m->code == TIPRING__V1__RESULT_CODE__OK) {
		tell(k, cc);
	} else if (m->in_force >= m->generation) { /* of a control that died before it could write that down */
		cc->c.seat.generation = m->in_force;
		seat(k, cc, &same, "left");
	} else if (same.room_id != 0) { /* media could not: it sits in none */
		log_warn("call.room", "call=%016" PRIx64 " room=%016" PRIx64 " reason=\"%s\"", cc->c.id, same.room_id, m->reason);
		seat(k, cc, &(struct call_seat){.room_id = 0}, m->reason);
	}
}

void rooms_again(struct control *k, struct control_call *cc)
{
	if (cc->c.seat.generation != 0 && cc->c.has_session)
		to_session_seat(k, cc);
}

void rooms_rebuilt(struct control *k, struct control_call *cc)
{
	const struct call_seat *of[] = {&cc->c.seat_told, &cc->c.seat};

	for (int i = 0; i < 2; i++)
		if (of[i]->room_id != 0 && rooms_enter(&k->rooms, of[i]->room_id, cc->c.media_worker, cc->c.id) != 0)
			log_error("call.room", "call=%016" PRIx64 " room=%016" PRIx64 " reason=full", cc->c.id, of[i]->room_id);
}

void rooms_end(struct control *k, struct control_call *cc)
{
	struct call *c = &cc->c;

	if (c->seat.room_id != 0 && c->seat.room_id != c->seat_told.room_id)
		leave(k, cc, c->seat.room_id, "ended");
	if (c->seat_told.room_id != 0)
		leave(k, cc, c->seat_told.room_id, "ended");
	c->seat.room_id = c->seat_told.room_id = 0;
}
