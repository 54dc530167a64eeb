/* dialstorm.h - the storm of storm.h, with a control that dials and peers that are called.
 *
 * What must hold: a peer sees one INVITE for each call, however often it is asked for and
 * whoever dies: one Call-ID, one branch, one CSeq; control hears one end of each, always the
 * same, "answered" of those that were picked up and of no other; numbers of what was
 * negotiated never go back; and when everybody is silent everything is free again. */
#pragma once

#include "tests/unit/signaling/daemon/storm.h"

#define DIAL_CALLS 128u
#define DIAL_TAGS  2u  /* forks behind each peer */
#define DIAL_ID    0x100u /* call_id of the first */

/* What control knows. */
struct dial_call {
	uint64_t leg; /* 0: nobody named it yet */
	char sip_call_id[64];
	bool picked_up, settled, refused;
	uint32_t ended, who, code, outcome, generation;
};

/* What the peer knows. */
struct dial_peer {
	uint32_t who;
	char call_id[64], branch[64], call[16], invite[STORM_BYTES];
	char last[STORM_BYTES]; /* its last response */
	uint32_t rseq[DIAL_TAGS], final[DIAL_TAGS];
	char pracked[DIAL_TAGS][64]; /* branch of the PRACK of the last reliable one */
	uint32_t invites, acks[DIAL_TAGS], byes[DIAL_TAGS], cancels;
};

static struct {
	struct dial_call calls[DIAL_CALLS];
	uint32_t call_count;
	struct dial_peer peers[DIAL_CALLS];
	uint32_t peer_count;
} dialled;

/* ---- control ---- */

static struct dial_call *dial_of_leg(uint64_t leg)
{
	for (uint32_t i = 0; i < dialled.call_count; i++)
		if (dialled.calls[i].leg == leg)
			return &dialled.calls[i];
	return NULL;
}

static void dial_named(const Tipring__V1__LegDialled *m)
{
	struct dial_call *c = &dialled.calls[m->call_id - DIAL_ID];

	must(m->call_id >= DIAL_ID && m->call_id - DIAL_ID < dialled.call_count);
	must(!c->settled && !c->refused && m->leg_id != 0);
	if (c->leg == 0) {
		must(dial_of_leg(m->leg_id) == NULL);
		c->leg = m->leg_id;
		must(str_copy(c->sip_call_id, sizeof c->sip_call_id, str_of(m->sip_call_id)) == 0);
	}
	must(c->leg == m->leg_id && strcmp(c->sip_call_id, m->sip_call_id) == 0);
}

static void dial_negotiated(struct dial_call *c, const Tipring__V1__MediaFacts *media, uint32_t generation)
{
	must((media != NULL) == (generation != 0) && generation >= c->generation);
	must(media == NULL || (media->remote_rtp->port >= 4000 && media->ptime_ms == 20));
	c->generation = generation;
}

static void dial_progressed(const Tipring__V1__LegProgress *m, bool first)
{
	struct dial_call *c = dial_of_leg(m->leg_id);

	must(c != NULL && m->code > 100 && m->code < 200);
	must(!first || (c->ended == 0 && !c->picked_up)); /* a roster says it again */
	dial_negotiated(c, m->media, m->generation);
}

static void dial_answered(const Tipring__V1__LegPickedUp *m)
{
	struct dial_call *c = dial_of_leg(m->leg_id);

	must(c != NULL && !c->settled && m->media != NULL);
	must(c->ended == 0 || c->picked_up);
	dial_negotiated(c, m->media, m->generation);
	c->picked_up = true;
}

static void dial_ended(const Tipring__V1__LegEnded *m)
{
	struct dial_call *c = dial_of_leg(m->leg_id);

	must(c != NULL && !c->settled && m->who != 0 && m->sip_code != 0 && m->outcome != 0);
	must((m->outcome == TIPRING__V1__OUTCOME__OUTCOME_ANSWERED) == c->picked_up);
	must(c->ended == 0 || (c->who == (uint32_t)m->who && c->code == m->sip_code && c->outcome == (uint32_t)m->outcome));
	c->ended++;
	c->who = (uint32_t)m->who;
	c->code = m->sip_code;
	c->outcome = (uint32_t)m->outcome;
}

static bool dial_hear(const Tipring__V1__Envelope *e)
{
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_DIALLED)
		dial_named(e->leg_dialled);
	else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_PROGRESS)
		dial_progressed(e->leg_progress, true);
	else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_PICKED_UP)
		dial_answered(e->leg_picked_up);
	else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEG_ENDED && dial_of_leg(e->leg_ended->leg_id) != NULL)
		dial_ended(e->leg_ended);
	else
		return false;
	return true;
}

static bool dial_hear_row(const Tipring__V1__LegState *row)
{
	if (row->dialled == NULL)
		return false;
	must(row->incoming == NULL && row->phase != TIPRING__V1__LEG_PHASE__LEG_ROUTING);
	dial_named(row->dialled);
	if (row->progress != NULL)
		dial_progressed(row->progress, false);
	if (row->picked_up != NULL)
		dial_answered(row->picked_up);
	if (row->ended != NULL)
		dial_ended(row->ended);
	must(row->context.len == 3 && memcmp(row->context.data, "ctx", 3) == 0);
	return true;
}

static void dial_refused(const Tipring__V1__Envelope *m, Tipring__V1__ResultCode code)
{
	struct dial_call *c;

	if (m->body_case != TIPRING__V1__ENVELOPE__BODY_LEG_DIAL)
		return;
	c = &dialled.calls[m->leg_dial->call_id - DIAL_ID];
	must(c->leg == 0 && code == TIPRING__V1__RESULT_CODE__OVERLOADED); /* the table is small */
	must(storm->s.legs.used == STORM_LEGS || !sip_stack_may_invite(&storm->s.stack));
	c->refused = true;
}

/* Call somebody, or ask again for a call that was asked for. */
static void dial_ask(uint32_t at, uint32_t who)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegDial m = TIPRING__V1__LEG_DIAL__INIT;
	Tipring__V1__Address hop = TIPRING__V1__ADDRESS__INIT, rtp = TIPRING__V1__ADDRESS__INIT;
	Tipring__V1__Header room = TIPRING__V1__HEADER__INIT, *headers[] = {&room};
	char hop_ip[] = "192.0.2.1", rtp_ip[] = "192.0.2.9", uri[64], name[] = "X-Call", value[16];
	uint8_t context[] = "ctx";

	snprintf(uri, sizeof uri, "sip:bo@192.0.2.1:%u", 5062 + who);
	snprintf(value, sizeof value, "%u", at);
	hop.ip = hop_ip;
	hop.port = 5062 + who;
	rtp.ip = rtp_ip;
	rtp.port = 30000;
	room.name = name;
	room.value = value;
	m.call_id = DIAL_ID + at;
	m.request_uri = uri;
	m.next_hop = &hop;
	m.local_rtp = &rtp;
	m.headers = headers;
	m.n_headers = 1;
	m.ringing_timeout_ms = at % 3 == 0 ? 5000 : 0;
	m.context = (ProtobufCBinaryData){.len = 3, .data = context};
	e.request_id = 1;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_DIAL;
	e.leg_dial = &m;
	storm_command(&e);
}

static void dial_settle(struct dial_call *c)
{
	struct storm_leg l = {.id = c->leg};

	if (c->ended == 0 || c->settled)
		return;
	c->settled = true;
	storm_settle(&l);
}

/* ---- peers ---- */

static void dial_header(const char *text, const char *name, char *out, size_t cap)
{
	const char *p = strstr(text, name);

	must(p != NULL);
	p += strlen(name);
	snprintf(out, cap, "%.*s", (int)strcspn(p, "\r"), p);
}

/* A response to `request` with the tag of fork `tag`, or none. */
static void dial_respond(struct dial_peer *p, const char *request, const char *status, int tag, const char *more)
{
	char via[256], from[256], to[256], cseq[64], text[STORM_BYTES];
	int n;

	dial_header(request, "\nVia: ", via, sizeof via);
	dial_header(request, "\nFrom: ", from, sizeof from);
	dial_header(request, "\nTo: ", to, sizeof to);
	dial_header(request, "\nCSeq: ", cseq, sizeof cseq);
	n = snprintf(text, sizeof text, "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n%s", status, via, from,
		     to, tag >= 0 && strstr(to, "tag=") == NULL ? ";tag=" : "",
		     tag < 0 || strstr(to, "tag=") != NULL ? "" : tag == 0 ? "t0" : "t1", p->call_id, cseq, more);
	must(n > 0 && (size_t)n < sizeof text);
	if (strstr(cseq, "INVITE") != NULL)
		memcpy(p->last, text, sizeof text);
	storm_post(true, p->who, text, (size_t)n);
}

static const char dial_sdp[] = "v=0\r\no=b 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
			       "m=audio 400%d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";

static void dial_provisional(struct dial_peer *p, uint8_t arg)
{
	char more[1024], sdp[512];
	int tag = arg & 1, n = 0;
	bool reliable = (arg & 2) != 0, media = (arg & 4) != 0;

	if (p->final[0] != 0 || p->final[1] != 0)
		return;
	if ((arg & 0x18) == 0) {
		dial_respond(p, p->invite, "100 Trying", -1, "Content-Length: 0\r\n\r\n");
		return;
	}
	if (reliable && p->rseq[tag] != 0 && p->pracked[tag][0] == '\0')
		return; /* RFC 3262 3: the last one first */
	n = snprintf(more, sizeof more, "Contact: <sip:bo@192.0.2.1:%u>\r\n", 5062 + p->who);
	if (reliable) {
		p->rseq[tag]++;
		p->pracked[tag][0] = '\0';
		n += snprintf(more + n, sizeof more - (size_t)n, "Require: 100rel\r\nRSeq: %u\r\n", p->rseq[tag]);
	}
	snprintf(sdp, sizeof sdp, dial_sdp, tag);
	snprintf(more + n, sizeof more - (size_t)n, "%sContent-Length: %zu\r\n\r\n%s", media ? "Content-Type: application/sdp\r\n" : "",
		 media ? strlen(sdp) : 0, media ? sdp : "");
	dial_respond(p, p->invite, media ? "183 Session Progress" : "180 Ringing", tag, more);
}

static void dial_answer(struct dial_peer *p, uint8_t arg)
{
	char more[1024], sdp[512];
	int tag = arg & 1;
	bool misfit = (arg & 0x1c) == 0;

	if (p->final[tag] != 0 || p->final[1 - tag] >= 300)
		return;
	p->final[tag] = 200;
	snprintf(sdp, sizeof sdp, dial_sdp, tag);
	snprintf(more, sizeof more, "Contact: <sip:bo@192.0.2.1:%u>\r\nX-Peer: p\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
		 5062 + p->who, misfit ? 5 : strlen(sdp), misfit ? "v=0\r\n" : sdp);
	dial_respond(p, p->invite, "200 OK", tag, more);
}

static void dial_refuse(struct dial_peer *p, const char *status)
{
	if (p->final[0] != 0 || p->final[1] != 0)
		return;
	p->final[0] = p->final[1] = 400;
	dial_respond(p, p->invite, status, 0, "Content-Length: 0\r\n\r\n");
}

static inline void dial_hang_up(struct dial_peer *p, uint8_t arg)
{
	char from[256], to[256], text[STORM_BYTES];
	int tag = arg & 1, n;

	if (p->final[tag] != 200 || p->acks[tag] == 0 || p->byes[tag] != 0)
		return;
	dial_header(p->invite, "\nFrom: ", from, sizeof from);
	dial_header(p->invite, "\nTo: ", to, sizeof to);
	n = snprintf(text, sizeof text,
		     "BYE sip:192.0.2.9:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:%u;branch=z9hG4bKp%u\r\nMax-Forwards: 70\r\nFrom: %s;tag=t%d\r\n"
		     "To: %s\r\nCall-ID: %s\r\nCSeq: 7 BYE\r\nContent-Length: 0\r\n\r\n",
		     5062 + p->who, storm->packets++, to, tag, from, p->call_id);
	storm_post(true, p->who, text, (size_t)n);
}

static struct dial_peer *dial_peer_of(struct str call_id)
{
	for (uint32_t i = 0; i < dialled.peer_count; i++)
		if (str_eq(str_of(dialled.peers[i].call_id), call_id))
			return &dialled.peers[i];
	return NULL;
}

static void dial_take_invite(struct dial_peer *p, const char *text, struct str branch)
{
	if (p->invites++ == 0) {
		must(str_copy(p->branch, sizeof p->branch, branch) == 0);
		snprintf(p->invite, sizeof p->invite, "%s", text);
		dial_header(text, "\nX-Call: ", p->call, sizeof p->call);
		for (struct dial_peer *other = dialled.peers; other < p; other++)
			must(strcmp(other->call, p->call) != 0); /* the second call that never was */
	}
	must(str_eq(str_of(p->branch), branch));
	must(strcmp(p->invite, text) == 0);
	if (p->last[0] != '\0')
		storm_post(true, p->who, p->last, strlen(p->last));
}

/* The k-th RAck of a fork is asked for once. */
static void dial_take_prack(struct dial_peer *p, const char *text, int tag, struct str branch)
{
	char rack[64], want[64];

	dial_header(text, "\nRAck: ", rack, sizeof rack);
	snprintf(want, sizeof want, "%u 1 INVITE", p->rseq[tag]);
	if (strcmp(rack, want) == 0) {
		must(p->pracked[tag][0] == '\0' || str_eq(str_of(p->pracked[tag]), branch) || storm->deaths > 0);
		must(str_copy(p->pracked[tag], sizeof p->pracked[tag], branch) == 0);
	}
	dial_respond(p, text, "200 OK", tag, "Content-Length: 0\r\n\r\n");
}

static void dial_take_request(struct dial_peer *p, const struct sip_msg *m, const struct sip_core *c, const char *text)
{
	int tag = str_eq(c->to.tag, STR("t1"));

	if (m->method == SIP_M_INVITE) {
		must(c->cseq.number == 1 && c->to.tag.n == 0);
		dial_take_invite(p, text, c->via.branch);
	} else if (m->method == SIP_M_CANCEL) {
		must(str_eq(str_of(p->branch), c->via.branch) && c->cseq.number == 1 && c->to.tag.n == 0);
		p->cancels++;
		dial_respond(p, text, "200 OK", 0, "Content-Length: 0\r\n\r\n");
		dial_refuse(p, "487 Request Terminated");
	} else if (m->method == SIP_M_ACK) {
		must(c->cseq.number == 1);
		must(p->final[tag] != 0 && (p->final[tag] == 200) != str_eq(str_of(p->branch), c->via.branch));
		p->acks[tag]++;
	} else if (m->method == SIP_M_PRACK) {
		must(c->cseq.number > 1 && c->to.tag.n > 0);
		dial_take_prack(p, text, tag, c->via.branch);
	} else {
		must(m->method == SIP_M_BYE && c->cseq.number > 1 && p->final[tag] == 200);
		p->byes[tag]++;
		dial_respond(p, text, "200 OK", tag, "Content-Length: 0\r\n\r\n");
	}
}

static bool dial_take(uint32_t who, const struct sip_msg *m, struct str octets)
{
	struct dial_peer *p = dial_peer_of(sip_value(m, SIP_CALL_ID));
	static struct sip_core core;
	char text[STORM_BYTES];

	must(octets.n < sizeof text);
	memcpy(text, octets.p, octets.n);
	text[octets.n] = '\0';
	if (!m->is_request)
		return p != NULL; /* to its BYE */
	must(m->fault == 0);
	if (p == NULL && m->method != SIP_M_INVITE)
		return false; /* of a leg that was called */
	must(sip_validate(m, &core).status == 0 && core.call_id.n == 32);
	if (p == NULL) {
		must(dialled.peer_count < DIAL_CALLS);
		p = &dialled.peers[dialled.peer_count++];
		p->who = who;
		must(str_copy(p->call_id, sizeof p->call_id, core.call_id) == 0);
	}
	must(p->who == who);
	dial_take_request(p, m, &core, text);
	return true;
}

/* ---- what happens ---- */

static void dial_world(void)
{
	static struct storm run;
	struct slab slab;

	memset(&run, 0, sizeof run);
	memset(&dialled, 0, sizeof dialled);
	storm = &run;
	storm->control_up = true;
	storm->seed = 77;
	must(slab_create("dial", STORM_LEGS, LEG_PACKED_BYTES, TAKEOVER_SCHEMA, &slab) == 0);
	storm->slab_fd = dup(slab.region.fd);
	slab_close(&slab);
	storm_open(1000000);
	storm->hear = dial_hear;
	storm->hear_row = dial_hear_row;
	storm->take = dial_take;
	storm->refused = dial_refused;
}

static void dial_over(void)
{
	storm_close();
	close(storm->slab_fd);
}

static inline void dial_control_does(unsigned op, uint8_t arg)
{
	struct dial_call *c =
		dialled.call_count != 0 ? &dialled.calls[dialled.call_count - 1 - arg % dialled.call_count] : NULL;

	if (!storm->control_up)
		return;
	if (op == 0 && dialled.call_count < DIAL_CALLS) {
		dialled.call_count++;
		dial_ask(dialled.call_count - 1, arg % STORM_CALLERS);
	} else if (op == 1 && c != NULL && !c->settled && !c->refused) {
		dial_ask((uint32_t)(c - dialled.calls), arg % STORM_CALLERS);
	} else if (op == 2 && c != NULL && c->leg != 0 && !c->settled) {
		storm_control(3, c->leg);
	} else if (op == 3 && c != NULL) {
		dial_settle(c);
	}
}

static inline void dial_peer_does(unsigned op, uint8_t arg)
{
	struct dial_peer *p = dialled.peer_count != 0
				      ? &dialled.peers[dialled.peer_count - 1 - (arg >> 5) % dialled.peer_count]
				      : NULL;

	if (p == NULL)
		return;
	if (op == 0)
		dial_provisional(p, arg);
	else if (op == 1)
		dial_answer(p, arg);
	else if (op == 2)
		dial_refuse(p, (arg & 1) != 0 ? "486 Busy Here" : "401 Unauthorized");
	else if (op == 3)
		dial_hang_up(p, arg);
	else if (p->last[0] != '\0')
		storm_post(true, p->who, p->last, strlen(p->last));
}

/* Who was asked for and never named is asked for by the next control; it is one call still. */
static inline void dial_step(uint8_t what, uint8_t arg)
{
	static const struct {
		void (*fn)(unsigned op, uint8_t arg);
		unsigned op;
	} ops[16] = {
		{dial_control_does, 0}, {dial_control_does, 1}, {dial_control_does, 2}, {dial_control_does, 3},
		{dial_peer_does, 0},    {dial_peer_does, 1},    {dial_peer_does, 2},    {dial_peer_does, 3},
		{dial_peer_does, 4},    {storm_network, 7},     {storm_network, 7},     {storm_network, 8},
		{storm_network, 9},     {dial_peer_does, 0},
	};
	unsigned op = what % 16;

	if (setjmp(storm->death) != 0)
		storm_kill();
	else if (op == 14)
		storm_pass(16u * arg);
	else if (op == 15)
		storm_fate(arg);
	else
		ops[op].fn(ops[op].op, arg);
}

/* Everybody falls silent. */
static inline void dial_end(void)
{
	storm->net_count = 0;
	storm->fuse = 0;
	storm->control_up = true;
	to_bus_roster(&storm->s);
	for (uint32_t i = 0; i < dialled.call_count; i++)
		if (dialled.calls[i].leg != 0 && !dialled.calls[i].settled)
			storm_control(3, dialled.calls[i].leg);
	for (uint64_t left = 3 * SIP_TIMEOUT_MS; left > 0; left -= 1000) {
		storm_pass(1000);
		for (uint32_t i = 0; i < dialled.call_count; i++)
			dial_settle(&dialled.calls[i]);
	}
	for (uint32_t i = 0; i < dialled.call_count; i++) {
		const struct dial_call *c = &dialled.calls[i];

		/* what was asked of a worker that died at once is all that may be left out */
		must(c->settled || c->refused || (c->leg == 0 && storm->deaths > 0));
	}
	storm_nothing_is_left();
}
