/* watcher.c - a subscriber of events: each is written into the ledger of its call. */
#include <stdlib.h>
#include <string.h>

#include "common/bus/codec.h"
#include "tests/sim/sim.h"

#define SIGHTS_MAX 4096u

struct sight {
	enum seen what;
	uint64_t event_id;
	char sip_call_id[64];
};

struct watcher {
	struct bus *bus;
	struct codec codec;
	uint64_t epoch, seq, gaps;
	struct sight v[SIGHTS_MAX];
	uint32_t n;
};

static enum seen sight_of(const Tipring__V1__Envelope *e)
{
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_CALL_ENDED)
		return SEEN_END;
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_DTMF_RECEIVED)
		return SEEN_DIGIT;
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_MARK_REACHED || e->body_case == TIPRING__V1__ENVELOPE__BODY_MARK_DROPPED)
		return SEEN_MARK;
	return SEEN_OTHER;
}

static void to_ledger(struct ledger *l, const Tipring__V1__Envelope *e)
{
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_DTMF_RECEIVED) {
		ledger_digit(l, e->dtmf_received->digit[0], e->dtmf_received->pos, e->dtmf_received->duration_ms);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_UTTERANCE_STARTED) {
		ledger_utterance_began(l, e->utterance_started->utterance, e->utterance_started->pos);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_UTTERANCE_FINISHED) {
		const Tipring__V1__UtterancePlayed *p = e->utterance_finished->played;
		struct ledger_played was = {p->played_samples, p->discarded_samples, e->utterance_finished->reason};

		ledger_utterance_finished(l, p->utterance, &was);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_MARK_REACHED) {
		ledger_mark(l, e->mark_reached->pos);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_TX_LEVEL_CROSSED) {
		ledger_level(l, (uint32_t)e->tx_level_crossed->level, e->tx_level_crossed->pos);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_CALL_REFERRED) {
		backends_referred(e->call_id, e->call_referred->refer_id, e->call_referred->target);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_CALL_HELD) {
		ledger_held(l, (uint32_t)e->call_held->by, true);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_CALL_RESUMED) {
		ledger_held(l, (uint32_t)e->call_resumed->by, false);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_BRIDGE_JOINED) {
		ledger_joined(l, e->bridge_joined->room_id, e->bridge_joined->members);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_BRIDGE_MUTED) {
		ledger_hushed(l);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_BRIDGE_LEFT) {
		ledger_left(l, e->bridge_left->room_id);
	} else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_CALL_ENDED) {
		const Tipring__V1__CallEnded *m = e->call_ended;
		struct ledger_end end = {.duration_ms = m->duration_ms, .outcome = (int)m->outcome};

		if (m->media != NULL) {
			end.received = m->media->packets_received;
			end.lost = m->media->packets_lost;
			end.jitter_us = m->media->jitter_us;
		}
		ledger_ended(l, &end);
	}
}

/* A control that died while it said the end, or a key, leaves that to its successor, under the same event_id. */
static bool is_known(const struct watcher *w, const Tipring__V1__Envelope *e)
{
	enum seen what = sight_of(e);

	for (uint32_t i = 0; i < w->n; i++)
		if ((what == SEEN_END || what == SEEN_DIGIT) && w->v[i].what == what && w->v[i].event_id == e->event_id)
			return true;
	return false;
}

/* The end is the last that is said about a call. A control that died may have said it without noting it down. */
static void expect_not_over(const struct watcher *w, const Tipring__V1__Envelope *e)
{
	if (e->call_id != 0 && e->sip_call_id[0] != '\0' && w->epoch == e->epoch &&
	    !is_known(w, e) && watcher_saw(w, SEEN_END, e->sip_call_id) > 0)
		world_wrong("%s: event %d after its end", e->sip_call_id, (int)e->body_case);
}

static void see(void *self)
{
	struct watcher *w = self;
	struct bus_message m;
	Tipring__V1__Envelope *e;

	while (bus_recv(w->bus, &m) == 0) {
		if (codec_unpack(&w->codec, m.p, m.n, &e) != 0) {
			world_wrong("an event is no envelope");
			continue;
		}
		if (e->body_case != TIPRING__V1__ENVELOPE__BODY_HEARTBEAT && w->epoch == e->epoch && e->seq != w->seq + 1)
			w->gaps += e->seq - w->seq - 1;
		if (e->body_case != TIPRING__V1__ENVELOPE__BODY_HEARTBEAT || w->epoch != e->epoch)
			w->seq = e->seq;
		w->epoch = e->epoch;
		if (e->sip_call_id[0] != '\0')
			to_ledger(ledger_of(e->sip_call_id), e);
		expect_not_over(w, e);
		if (sight_of(e) == SEEN_OTHER || w->n == SIGHTS_MAX || is_known(w, e))
			continue;
		w->v[w->n].event_id = e->event_id;
		w->v[w->n].what = sight_of(e);
		(void)!str_copy(w->v[w->n++].sip_call_id, sizeof w->v[0].sip_call_id, str_of(e->sip_call_id));
	}
}

struct watcher *watcher_new(void)
{
	struct watcher *w = calloc(1, sizeof *w);
	struct bus_config cfg = {.kind = BUS_SUB, .endpoint = "ipc:///sim/events.ipc"};

	if (codec_init(&w->codec) != 0 || bus_open(&cfg, &w->bus) != 0 || bus_subscribe(w->bus, STR("e1/")) != 0)
		exit(2);
	bus_on_message(w->bus, see, w);
	return w;
}

uint32_t watcher_saw(const struct watcher *w, enum seen what, const char *sip_call_id)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->n; i++)
		n += w->v[i].what == what && strcmp(w->v[i].sip_call_id, sip_call_id) == 0;
	return n;
}

uint64_t watcher_gaps(const struct watcher *w)
{
	return w->gaps;
}
