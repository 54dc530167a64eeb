/* to_bus.c - what signaling tells control, as messages. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "signaling/daemon/signaling.h"

#define ROSTER_ROWS 16u

struct address {
	Tipring__V1__Address m;
	char ip[64];
};

/* A LegIncoming with the memory it points to. */
struct incoming {
	Tipring__V1__LegIncoming m;
	Tipring__V1__MediaFacts facts;
	struct address source, rtp, rtcp;
	Tipring__V1__Header headers[LEG_HEADERS_MAX], *rows[LEG_HEADERS_MAX];
	char text[LEG_TEXT_BYTES + 2 * LEG_HEADERS_MAX + sizeof(struct sip_dialog) +
		  1024];
};

static char *borrowed(const char *z)
{
	return (char *)(uintptr_t)z; /* packing only reads it */
}

static Tipring__V1__Address *address(struct address *a, const struct addr *from)
{
	struct buf b = buf_of(a->ip, sizeof a->ip - 1);

	tipring__v1__address__init(&a->m);
	addr_print_ip(&b, from);
	a->ip[b.n] = '\0';
	a->m.ip = a->ip;
	a->m.port = from->port;
	return &a->m;
}

static Tipring__V1__MediaFacts *facts(struct incoming *in, const struct sdp_choice *c)
{
	static const Tipring__V1__Codec codecs[SDP_CODECS] = {
		[SDP_PCMU] = TIPRING__V1__CODEC__PCMU,
		[SDP_PCMA] = TIPRING__V1__CODEC__PCMA,
	};
	static const Tipring__V1__Direction directions[SDP_DIRECTIONS] = {
		[SDP_SENDRECV] = TIPRING__V1__DIRECTION__SENDRECV,
		[SDP_SENDONLY] = TIPRING__V1__DIRECTION__SENDONLY,
		[SDP_RECVONLY] = TIPRING__V1__DIRECTION__RECVONLY,
		[SDP_INACTIVE] = TIPRING__V1__DIRECTION__INACTIVE,
	};

	tipring__v1__media_facts__init(&in->facts);
	in->facts.remote_rtp = address(&in->rtp, &c->rtp);
	in->facts.remote_rtcp = address(&in->rtcp, &c->rtcp);
	in->facts.codec = codecs[c->codec];
	in->facts.payload_type = c->payload_type;
	in->facts.ptime_ms = c->ptime_ms;
	in->facts.dtmf_payload_type = c->dtmf_payload_type;
	in->facts.direction = directions[c->direction];
	return &in->facts;
}

/* Messages carry UTF-8; a peer may send anything. */
static void put_text(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t step = s.p[i] != '\0' ? codec_utf8_length((const uint8_t *)s.p + i,
								 s.n - i)
					     : 0;

		if (step > 0)
			buf_bytes(b, s.p + i, step);
		else
			buf_char(b, '?');
		i += step > 0 ? step : 1;
	}
	buf_char(b, '\0');
}

static char *text(struct buf *b, struct str s)
{
	char *at = b->p + b->n;

	put_text(b, s);
	return buf_ok(b) ? at : borrowed("");
}

static Tipring__V1__LegIncoming *fill(struct signaling *s, struct incoming *in,
				      const struct leg *l)
{
	struct buf b = buf_of(in->text, sizeof in->text);
	Tipring__V1__LegIncoming *m = &in->m;

	tipring__v1__leg_incoming__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->sip_call_id = text(&b, str_of(l->r.dialog.call_id));
	m->from_uri = text(&b, str_of(l->r.from_uri));
	m->from_display = text(&b, str_of(l->r.from_display));
	m->to_uri = text(&b, str_of(l->r.to_uri));
	m->request_uri = text(&b, str_of(l->r.request_uri));
	m->source = address(&in->source, &l->r.source);
	m->transport = borrowed("udp");
	m->media = facts(in, &l->choice);
	for (uint32_t i = 0; i < l->r.header_count; i++) {
		tipring__v1__header__init(&in->headers[i]);
		in->headers[i].name = text(&b, leg_header_name(l, i));
		in->headers[i].value = text(&b, leg_header_value(l, i));
		in->rows[i] = &in->headers[i];
	}
	m->headers = in->rows;
	m->n_headers = l->r.header_count;
	return m;
}

static int tell(struct signaling *s, const Tipring__V1__Envelope *e)
{
	int err = worker_send(s->worker, e);

	count(s, STAT_signaling_bus_full, err != 0);
	return err;
}

int to_bus_incoming(struct signaling *s, const struct leg *l)
{
	static struct incoming in; /* 6 KB */
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_INCOMING;
	e.leg_incoming = fill(s, &in, l);
	return tell(s, &e);
}

void to_bus_ringing(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegRinging m = TIPRING__V1__LEG_RINGING__INIT;

	m.leg_id = pool_handle(&s->legs, l);
	m.code = l->ring_code;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_RINGING;
	e.leg_ringing = &m;
	(void)!tell(s, &e);
}

void to_bus_confirmed(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegConfirmed m = TIPRING__V1__LEG_CONFIRMED__INIT;

	m.leg_id = pool_handle(&s->legs, l);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_CONFIRMED;
	e.leg_confirmed = &m;
	(void)!tell(s, &e);
}

static void fill_over(struct signaling *s, Tipring__V1__LegEnded *m, const struct leg *l)
{
	tipring__v1__leg_ended__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->who = (Tipring__V1__EndedBy)l->r.over.who;
	m->sip_code = l->r.over.code;
	m->reason = borrowed(l->r.over.reason);
	m->mono_ns = l->r.over.at_ms * 1000000u;
	m->unix_ns = clock_unix_ns() - (s->actor->now_ms - l->r.over.at_ms) * 1000000u;
}

/* Answered with LegForget once control has recorded it; the leg is kept, and is in the roster, until then. */
void to_bus_over(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegEnded m;

	fill_over(s, &m, l);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_ENDED;
	e.leg_ended = &m;
	(void)!tell(s, &e);
}

static void send_roster(struct signaling *s, Tipring__V1__LegState **rows, size_t n,
			bool last)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegRoster r = TIPRING__V1__LEG_ROSTER__INIT;

	r.legs = rows;
	r.n_legs = n;
	r.last = last;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_ROSTER;
	e.leg_roster = &r;
	(void)!tell(s, &e);
}

static Tipring__V1__LegPhase phase_of(uint32_t state)
{
	static const Tipring__V1__LegPhase phases[LEG_STATES] = {
		[LEG_IDLE] = TIPRING__V1__LEG_PHASE__LEG_ROUTING,
		[LEG_ROUTING] = TIPRING__V1__LEG_PHASE__LEG_ROUTING,
		[LEG_RINGING] = TIPRING__V1__LEG_PHASE__LEG_RINGING,
		[LEG_ANSWERED] = TIPRING__V1__LEG_PHASE__LEG_ANSWERED,
		[LEG_HANGING] = TIPRING__V1__LEG_PHASE__LEG_ENDING,
		[LEG_CONFIRMED] = TIPRING__V1__LEG_PHASE__LEG_CONFIRMED,
		[LEG_REFRESHED] = TIPRING__V1__LEG_PHASE__LEG_CONFIRMED,
		[LEG_ENDING] = TIPRING__V1__LEG_PHASE__LEG_ENDING,
		[LEG_REFUSED] = TIPRING__V1__LEG_PHASE__LEG_ENDING,
		[LEG_ENDED] = TIPRING__V1__LEG_PHASE__LEG_ENDING,
	};

	return phases[state];
}

void to_bus_roster(struct signaling *s)
{
	static struct incoming in[ROSTER_ROWS]; /* 100 KB */
	Tipring__V1__LegState states[ROSTER_ROWS], *rows[ROSTER_ROWS];
	Tipring__V1__LegEnded ended[ROSTER_ROWS];
	struct leg *l;
	uint32_t at = 0;
	size_t n = 0;

	while ((l = pool_each(&s->legs, &at)) != NULL) {
		if (l->r.over.who != 0 && !l->r.over.owed)
			continue; /* control is done with it; its BYE is still out */
		if (n == ROSTER_ROWS) {
			send_roster(s, rows, n, false);
			n = 0;
		}
		tipring__v1__leg_state__init(&states[n]);
		states[n].incoming = fill(s, &in[n], l);
		states[n].phase = phase_of(l->r.state);
		states[n].context.data = l->r.context;
		states[n].context.len = l->r.context_bytes;
		if (l->r.over.owed) {
			fill_over(s, &ended[n], l);
			states[n].ended = &ended[n];
		}
		rows[n] = &states[n];
		n++;
	}
	send_roster(s, rows, n, true);
}
