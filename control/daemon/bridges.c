/* bridges.c - see bridges.h. All is decided here, and media is told: its caps are those of control/model/rooms.h. Every command may be said again
 * to a control that does not remember it, and means the same. */
#include "control/daemon/bridges.h"

#include "control/daemon/calls.h"
#include "control/daemon/rooms.h"
#include "control/model/rooms.h"

#define CODE(name) TIPRING__V1__RESULT_CODE__##name

static const struct verdict good = {.code = CODE(OK), .reason = ""};

static struct verdict no(Tipring__V1__ResultCode code, const char *reason)
{
	return (struct verdict){.code = code, .reason = reason};
}

/* May it sit in this room? */
static struct verdict seatable(const struct control_call *cc, uint64_t room_id)
{
	if (!cc->c.started || cc->c.state == CALL_CLOSING)
		return no(CODE(CONFLICT), "there is no audio");
	if (cc->c.seat.room_id != 0 && cc->c.seat.room_id != room_id)
		return no(CODE(CONFLICT), "it is in another room");
	return good;
}

static struct verdict admitted(struct control *k, uint64_t room_id, uint32_t media_worker, uint32_t more)
{
	switch (rooms_admit(&k->rooms, room_id, media_worker, more)) {
	case 0:
		return good;
	case ERR_UNSUPPORTED:
		return no(CODE(UNSUPPORTED), "calls of different media workers can not hear each other");
	default:
		return no(CODE(OVERLOADED), "too many rooms, or too many calls in this one");
	}
}

/* ---- Bridge ---- */

struct bridging {
	uint64_t room_id;
	struct control_call *calls[ROOMS_MEMBERS_MAX];
	uint32_t n;
};

/* One more of them, unless it is there already. */
static struct verdict add(struct control *k, struct str peer, struct bridging *b, const Tipring__V1__BridgeCall *row)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, row->call_id, row->fence, &v);

	if (cc == NULL)
		return v;
	v = seatable(cc, b->room_id);
	if (v.code != CODE(OK))
		return v;
	if (b->n > 0 && b->calls[0]->c.media_worker != cc->c.media_worker)
		return no(CODE(UNSUPPORTED), "calls of different media workers can not hear each other");
	for (uint32_t i = 0; i < b->n; i++)
		if (b->calls[i] == cc)
			return good;
	b->calls[b->n++] = cc;
	return good;
}

static uint32_t to_be_seated(const struct bridging *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n; i++)
		n += b->calls[i]->c.seat.room_id == 0;
	return n;
}

struct verdict bridges_bridge(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__Bridge *asked = m->bridge;
	struct bridging b = {.room_id = rooms_id_of(peer, backend_instance(&k->backends, peer), str_of(m->command_id))};
	struct verdict v = good;

	if (asked->n_calls == 0 || asked->n_calls > ROOMS_MEMBERS_MAX)
		return no(CODE(REJECTED), "1 to 32 calls are bridged");
	for (size_t i = 0; i < asked->n_calls && v.code == CODE(OK); i++)
		v = add(k, peer, &b, asked->calls[i]);
	if (v.code == CODE(OK))
		v = admitted(k, b.room_id, b.calls[0]->c.media_worker, to_be_seated(&b));
	if (v.code != CODE(OK))
		return v;
	for (uint32_t i = 0; i < b.n; i++)
		if (b.calls[i]->c.seat.room_id == 0)
			rooms_seat(k, b.calls[i], &(struct call_seat){.room_id = b.room_id});
	v.room_id = b.room_id;
	return v;
}

/* ---- the others ---- */

/* The room, when the sender has a call in it. */
static const struct room_row *room_of(struct control *k, struct str peer, uint64_t room_id)
{
	const struct room_row *row = rooms_find(&k->rooms, room_id);

	for (uint32_t i = 0; row != NULL && i < row->count; i++) {
		const struct control_call *member = calls_by_id(k, row->calls[i]);

		if (member != NULL && member->c.owned && str_eq(str_of(member->c.backend), peer))
			return row;
	}
	return NULL;
}

struct verdict bridges_join(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__Join *j = m->join;
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, j->call_id, j->fence, &v);
	struct call_seat want;

	if (cc == NULL)
		return v;
	if (room_of(k, peer, j->room_id) == NULL)
		return no(CODE(NOT_FOUND), "no such room of yours");
	v = seatable(cc, j->room_id);
	if (v.code == CODE(OK) && cc->c.seat.room_id == 0)
		v = admitted(k, j->room_id, cc->c.media_worker, 1);
	if (v.code != CODE(OK))
		return v;
	want = (struct call_seat){
		.room_id = j->room_id, .listen_only = j->listen_only, .speak_only = j->speak_only,
		.muted = cc->c.seat.room_id != 0 && cc->c.seat.muted,
	};
	if (cc->c.seat.room_id == 0 || want.listen_only != cc->c.seat.listen_only || want.speak_only != cc->c.seat.speak_only)
		rooms_seat(k, cc, &want);
	return good;
}

struct verdict bridges_leave(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->leave->call_id, m->leave->fence, &v);

	if (cc == NULL)
		return v;
	if (cc->c.seat.room_id != 0)
		rooms_seat(k, cc, &(struct call_seat){.room_id = 0});
	return good;
}

struct verdict bridges_mute(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, m->mute->call_id, m->mute->fence, &v);
	struct call_seat want;

	if (cc == NULL)
		return v;
	if (cc->c.seat.room_id == 0)
		return no(CODE(CONFLICT), "it is in no room");
	want = cc->c.seat;
	want.muted = m->mute->muted;
	if (want.muted != cc->c.seat.muted)
		rooms_seat(k, cc, &want);
	return good;
}
