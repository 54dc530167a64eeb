/* keys.c - see keys.h */
#include "control/daemon/keys.h"

#include "control/daemon/collects.h"
#include "control/daemon/events.h"
#include "control/daemon/to_workers.h"

/* Keys of one press may come by RFC 4733 and by INFO: those of the way that was used first count. */
static bool counts(struct control_call *cc, enum call_keys way)
{
	if (cc->c.keys == CALL_KEYS_NONE)
		cc->c.keys = way;
	return cc->c.keys == way;
}

static void publish(struct control *k, struct control_call *cc, Tipring__V1__DtmfReceived *m)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	e.body_case = TIPRING__V1__ENVELOPE__BODY_DTMF_RECEIVED;
	e.dtmf_received = m;
	events_media(k, cc, &e);
}

static void take(struct control *k, struct control_call *cc, const struct heard_key *key)
{
	char digit[2] = {key->digit, '\0'};
	Tipring__V1__DtmfReceived m = TIPRING__V1__DTMF_RECEIVED__INIT;

	m.digit = digit;
	m.pos = key->pos;
	m.duration_ms = key->duration_ms;
	m.number = key->number;
	m.method = (char *)(uintptr_t)"rfc4733";
	if (counts(cc, CALL_KEYS_RFC4733)) {
		publish(k, cc, &m);
		collects_key(k, cc, key->digit, key->number, 0);
	}
	to_session_keys_taken(k, cc, key->number);
}

/* There is room for all that media keeps. */
static void hold(struct control *k, struct control_call *cc, const struct heard_key *key)
{
	if (cc->held_key_count == CONTROL_KEYS_MAX)
		return;
	cc->held_keys[cc->held_key_count++] = *key;
	cc->c.not_before_ms = k->started_ms + CONTROL_SUBSCRIBE_MS; /* the end of the call is behind them */
	k->holds_keys = true;
}

void keys_release(struct control *k, struct control_call *cc)
{
	for (uint32_t i = 0; i < cc->held_key_count; i++)
		take(k, cc, &cc->held_keys[i]);
	cc->held_key_count = 0;
}

static void hear(struct control *k, struct control_call *cc, const Tipring__V1__SessionDtmf *d)
{
	const struct heard_key key = {.pos = d->pos, .number = d->number, .duration_ms = d->duration_ms, .digit = d->digit[0]};

	if (d->number <= cc->last_key) { /* a worker and its successor both heard it, or its roster did not know that we have it */
		if (cc->held_key_count == 0)
			to_session_keys_taken(k, cc, cc->last_key);
		return;
	}
	cc->last_key = d->number;
	if (!events_reach_owner(k, cc)) {
		hold(k, cc, &key);
		return;
	}
	keys_release(k, cc); /* they came first */
	take(k, cc, &key);
}

void keys_pressed(struct control *k, struct control_call *cc, const Tipring__V1__SessionDtmf *d)
{
	if (!cc->rebuilt || cc->knows_keys) /* else there may be some before it, all in its roster */
		hear(k, cc, d);
}

void keys_waiting(struct control *k, struct control_call *cc, Tipring__V1__SessionDtmf *const *keys, size_t n)
{
	cc->knows_keys = true;
	for (size_t i = 0; i < n; i++)
		hear(k, cc, keys[i]);
}

void keys_owner_listens(struct control *k, struct str backend)
{
	struct control_call *cc;
	uint32_t at = 0;

	while (events_reach_nobody(k) && (cc = pool_each(&k->calls, &at)) != NULL) {
		if (!cc->c.owned || !str_eq(str_of(cc->c.backend), backend))
			continue;
		cc->owner_listens = true;
		keys_release(k, cc);
	}
}

void keys_tick(struct control *k)
{
	struct control_call *cc;
	uint32_t at = 0;

	if (!k->holds_keys || events_reach_nobody(k))
		return;
	while ((cc = pool_each(&k->calls, &at)) != NULL)
		keys_release(k, cc);
	k->holds_keys = false;
}

static uint64_t position(const struct control *k, const struct call *c)
{
	uint64_t since = k->actor->now_ns > c->start_mono_ns ? k->actor->now_ns - c->start_mono_ns : 0;

	return c->started ? since / 1000000u * c->rate_hz / 1000u : 0;
}

void keys_told(struct control *k, struct control_call *cc, const Tipring__V1__LegKey *key)
{
	Tipring__V1__DtmfReceived m = TIPRING__V1__DTMF_RECEIVED__INIT;

	if (!counts(cc, CALL_KEYS_INFO))
		return;
	m.digit = key->digit;
	m.duration_ms = key->duration_ms;
	m.pos = position(k, &cc->c);
	m.method = (char *)(uintptr_t)"info";
	publish(k, cc, &m);
	collects_key(k, cc, key->digit[0], 0, key->cseq);
}
