/* events.c - see events.h */
#include "control/daemon/events.h"

#include "common/base/clock.h"
#include "common/bus/topic.h"
#include "control/daemon/info.h"

_Static_assert((int)CALL_HELD_BY_PEER == (int)TIPRING__V1__HELD_BY__HELD_BY_PEER &&
		       (int)CALL_HELD_BY_BACKEND == (int)TIPRING__V1__HELD_BY__HELD_BY_BACKEND,
	       "enum call_holder is HeldBy");

static void publish(struct control *k, const struct buf *topic, Tipring__V1__Envelope *e)
{
	e->stream = k->host;
	e->host = k->host;
	e->epoch = k->epoch;
	e->seq = k->seq;
	e->unix_ns = clock_unix_ns();
	e->mono_ns = k->actor->now_ns;
	if (!buf_ok(topic) || actor_send(k->actor, k->events, buf_str(topic), e) != 0)
		count(k, STAT_events_dropped, 1); /* its number is used: the subscriber sees the gap */
	else
		count(k, STAT_events, 1);
}

static void number(struct control *k, Tipring__V1__Envelope *e)
{
	k->seq++;
	e->event_id = k->epoch ^ k->seq * 0x9e3779b97f4a7c15ull;
}

/* The same from every control that ever publishes the end of this call, this key of it, or how this command ended. */
#define ENDED_ID 0xe4d5c6b7a8990f1eull
#define KEY_ID 0x94d049bb133111ebull
static const struct map_key COLLECT_ID = {0x636f6c6c65637464ull, 0x2e6b65797331ull};

static void about(struct control *k, const struct control_call *cc, Tipring__V1__Envelope *e)
{
	number(k, e);
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_CALL_ENDED)
		e->event_id = cc->c.id ^ ENDED_ID;
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_DTMF_RECEIVED && e->dtmf_received->number != 0)
		e->event_id = cc->c.id ^ KEY_ID * e->dtmf_received->number;
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_DTMF_COLLECTED)
		e->event_id = cc->c.id ^ map_hash(&COLLECT_ID, k->cause, str_of(k->cause).n);
	e->app = (char *)(uintptr_t)cc->c.app;
	e->call_id = cc->c.id;
	e->leg_id = cc->c.leg_id;
	e->sip_call_id = (char *)(uintptr_t)(cc->c.sip_call_id.p != NULL ? cc->c.sip_call_id.p : "");
	e->cause_command = (char *)(uintptr_t)k->cause;
}

void events_call(struct control *k, const struct control_call *cc, Tipring__V1__Envelope *e)
{
	char area[BUS_TOPIC_BYTES_MAX];
	struct buf topic = buf_of(area, sizeof area);

	topic_call(&topic, str_of(cc->c.app), cc->c.id);
	about(k, cc, e);
	publish(k, &topic, e);
}

void events_media(struct control *k, const struct control_call *cc, Tipring__V1__Envelope *e)
{
	char area[BUS_TOPIC_BYTES_MAX];
	struct buf topic = buf_of(area, sizeof area);

	topic_media(&topic, str_of(cc->c.app), cc->c.id);
	about(k, cc, e);
	publish(k, &topic, e);
}

void events_host(struct control *k, Tipring__V1__Envelope *e)
{
	char area[BUS_TOPIC_BYTES_MAX];
	struct buf topic = buf_of(area, sizeof area);

	topic_host(&topic, str_of(k->host));
	number(k, e);
	publish(k, &topic, e);
}

bool events_reach_nobody(const struct control *k)
{
	return k->successor && k->actor->now_ms < k->started_ms + CONTROL_SUBSCRIBE_MS;
}

bool events_reach_owner(const struct control *k, const struct control_call *cc)
{
	return !cc->rebuilt || cc->owner_listens || !events_reach_nobody(k);
}

void events_heartbeat(struct control *k)
{
	char area[BUS_TOPIC_BYTES_MAX];
	struct buf topic = buf_of(area, sizeof area);
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Heartbeat h = TIPRING__V1__HEARTBEAT__INIT;

	h.last_seq = k->seq;
	h.calls = k->calls.used;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_HEARTBEAT;
	e.heartbeat = &h;
	topic_heartbeat(&topic, str_of(k->host));
	publish(k, &topic, &e);
}

void events_offered(struct control *k, struct control_call *cc)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallOffered o = TIPRING__V1__CALL_OFFERED__INIT;
	struct info info;

	o.call = info_fill(&info, cc);
	o.backend = cc->c.backend;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_OFFERED;
	e.call_offered = &o;
	events_call(k, cc, &e);
	count(k, STAT_calls_offered, 1);
}

void events_dialling(struct control *k, struct control_call *cc)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallDialling d = TIPRING__V1__CALL_DIALLING__INIT;
	struct info info;

	d.call = info_fill(&info, cc);
	d.backend = cc->c.backend;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_DIALLING;
	e.call_dialling = &d;
	events_call(k, cc, &e);
	count(k, STAT_calls_dialled, 1);
}

void events_claimed(struct control *k, struct control_call *cc)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallClaimed c = TIPRING__V1__CALL_CLAIMED__INIT;

	c.backend = cc->c.backend;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_CLAIMED;
	e.call_claimed = &c;
	events_call(k, cc, &e);
}

void events_ringing(struct control *k, struct control_call *cc)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallRinging r = TIPRING__V1__CALL_RINGING__INIT;

	r.code = cc->c.ring_code;
	r.early_media = cc->c.outbound ? cc->c.generation > 0 : cc->c.ring_described && cc->c.started;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_RINGING;
	e.call_ringing = &r;
	events_call(k, cc, &e);
}

void events_mark_dropped(struct control *k, struct control_call *cc, const char *mark, const char *reason)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__MarkDropped m = TIPRING__V1__MARK_DROPPED__INIT;

	m.mark = (char *)(uintptr_t)mark; /* packing only reads them */
	m.reason = (char *)(uintptr_t)reason;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_MARK_DROPPED;
	e.mark_dropped = &m;
	events_media(k, cc, &e);
}

void events_answered(struct control *k, struct control_call *cc)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallAnswered a = TIPRING__V1__CALL_ANSWERED__INIT;

	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_ANSWERED;
	e.call_answered = &a;
	events_call(k, cc, &e);
}

void events_agreed(struct control *k, struct control_call *cc)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__MediaAgreed a = TIPRING__V1__MEDIA_AGREED__INIT;
	struct info info;

	a.media = info_facts(&info, cc);
	a.generation = cc->c.generation;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_MEDIA_AGREED;
	e.media_agreed = &a;
	events_media(k, cc, &e);
}

void events_held(struct control *k, struct control_call *cc, uint32_t by)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallHeld h = TIPRING__V1__CALL_HELD__INIT;

	h.by = (Tipring__V1__HeldBy)by;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_HELD;
	e.call_held = &h;
	events_call(k, cc, &e);
}

void events_resumed(struct control *k, struct control_call *cc, uint32_t by)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallResumed r = TIPRING__V1__CALL_RESUMED__INIT;

	r.by = (Tipring__V1__HeldBy)by;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_RESUMED;
	e.call_resumed = &r;
	events_call(k, cc, &e);
}

void events_transfer(struct control *k, struct control_call *cc)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallTransferProgress p = TIPRING__V1__CALL_TRANSFER_PROGRESS__INIT;

	p.code = cc->c.transfer.code;
	p.reason = cc->c.transfer.reason;
	p.final = cc->c.transfer.over;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_TRANSFER_PROGRESS;
	e.call_transfer_progress = &p;
	events_call(k, cc, &e);
}

void events_referred(struct control *k, struct control_call *cc)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallReferred r = TIPRING__V1__CALL_REFERRED__INIT;

	r.refer_id = cc->c.transfer.refer_id;
	r.target = cc->c.transfer.target;
	r.replaces = cc->c.transfer.replaces[0] != '\0';
	r.referred_by = cc->c.transfer.referred_by;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_REFERRED;
	e.call_referred = &r;
	events_call(k, cc, &e);
}

void events_redirected(struct control *k, struct control_call *cc, uint32_t code)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallRedirected r = TIPRING__V1__CALL_REDIRECTED__INIT;

	r.uri = (char *)(uintptr_t)cc->c.request_uri.p; /* packing only reads it */
	r.code = code;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_REDIRECTED;
	e.call_redirected = &r;
	events_call(k, cc, &e);
}

void events_bridge_joined(struct control *k, struct control_call *cc, uint32_t members)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__BridgeJoined j = TIPRING__V1__BRIDGE_JOINED__INIT;

	j.room_id = cc->c.seat.room_id;
	j.listen_only = cc->c.seat.listen_only;
	j.speak_only = cc->c.seat.speak_only;
	j.members = members;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_BRIDGE_JOINED;
	e.bridge_joined = &j;
	events_call(k, cc, &e);
}

void events_bridge_left(struct control *k, struct control_call *cc, uint64_t room_id, const char *reason, uint32_t members)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__BridgeLeft l = TIPRING__V1__BRIDGE_LEFT__INIT;

	l.room_id = room_id;
	l.reason = (char *)(uintptr_t)reason; /* packing only reads it */
	l.members = members;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_BRIDGE_LEFT;
	e.bridge_left = &l;
	events_call(k, cc, &e);
}

void events_bridge_muted(struct control *k, struct control_call *cc)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__BridgeMuted b = TIPRING__V1__BRIDGE_MUTED__INIT;

	b.room_id = cc->c.seat.room_id;
	b.muted = cc->c.seat.muted;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_BRIDGE_MUTED;
	e.bridge_muted = &b;
	events_call(k, cc, &e);
}

void events_bridge_ended(struct control *k, struct control_call *cc, uint64_t room_id)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__BridgeEnded b = TIPRING__V1__BRIDGE_ENDED__INIT;

	b.room_id = room_id;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_BRIDGE_ENDED;
	e.bridge_ended = &b;
	events_call(k, cc, &e);
}

void events_ended(struct control *k, struct control_call *cc)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__CallEnded d = TIPRING__V1__CALL_ENDED__INIT;
	struct said_rows bye;
	struct info_targets contacts;

	d.who = (Tipring__V1__EndedBy)cc->c.who;
	d.sip_code = cc->c.sip_code;
	d.q850 = cc->c.q850;
	d.reason = cc->c.end_reason;
	d.media = cc->has_stats ? &cc->stats : NULL;
	d.duration_ms = call_duration_ms(&cc->c);
	d.outcome = (Tipring__V1__Outcome)cc->c.outcome;
	d.n_headers = said_fill(&cc->said, SAID_BYE, &bye);
	d.headers = bye.rows;
	d.n_contacts = info_targets(&contacts, &cc->c);
	d.contacts = contacts.rows;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_CALL_ENDED;
	e.call_ended = &d;
	events_call(k, cc, &e);
	count(k, STAT_calls_ended, 1);
}
