/* info.c - see info.h */
#include "control/daemon/info.h"

_Static_assert((int)CALL_RECVONLY == (int)TIPRING__V1__DIRECTION__RECVONLY && (int)CALL_INACTIVE == (int)TIPRING__V1__DIRECTION__INACTIVE,
	       "enum call_direction is Direction");

static char *text(struct str s)
{
	return (char *)(uintptr_t)(s.p != NULL ? s.p : ""); /* NUL-terminated by the call's arena; packing only reads */
}

size_t info_targets(struct info_targets *t, const struct call *c)
{
	for (uint32_t i = 0; i < c->contact_count; i++) {
		tipring__v1__redirect_target__init(&t->v[i]);
		t->v[i].uri = text(c->contacts[i].uri);
		t->v[i].q_thousandths = c->contacts[i].q;
		t->rows[i] = &t->v[i];
	}
	return c->contact_count;
}

Tipring__V1__Address *info_address(struct info_address *a, const struct addr *from)
{
	struct buf b = buf_of(a->ip, sizeof a->ip - 1);

	tipring__v1__address__init(&a->m);
	addr_print_ip(&b, from);
	a->ip[b.n] = '\0';
	a->m.ip = a->ip;
	a->m.port = from->port;
	return from->family != ADDR_NONE ? &a->m : NULL;
}

int info_take_address(const Tipring__V1__Address *in, struct addr *ret)
{
	int err = in != NULL && in->port <= UINT16_MAX ? addr_parse_ip(str_of(in->ip), ret) : ERR_INVAL;

	if (err == 0)
		ret->port = (uint16_t)in->port;
	return err;
}

bool info_is_plain(const char *z)
{
	for (; *z != '\0'; z++)
		if ((unsigned char)*z < ' ' || *z == 0x7f)
			return false;
	return true;
}

/* What is too much is left out: it is asked for, not promised. */
static void take_heard(const Tipring__V1__MediaFacts *in, struct call_media *ret)
{
	ret->heard_type = in->other_type ? CALL_OTHER_TYPE | in->heard_type : 0;
	ret->heard_dtmf_type = in->other_dtmf_type ? CALL_OTHER_TYPE | in->heard_dtmf_type : 0;
	ret->fmtp[0] = '\0';
	(void)!str_copy(ret->fmtp, sizeof ret->fmtp, str_of(in->fmtp));
	ret->format_count = 0;
	for (size_t i = 0; i < in->n_formats && i < CALL_FORMATS_MAX; i++) {
		ret->formats[i].codec = (uint32_t)in->formats[i]->codec;
		ret->formats[i].payload_type = in->formats[i]->payload_type;
		ret->format_count++;
	}
}

int info_take_facts(const Tipring__V1__MediaFacts *in, struct call_media *ret)
{
	if (in == NULL || info_take_address(in->remote_rtp, &ret->remote_rtp) != 0)
		return ERR_INVAL;
	if (info_take_address(in->remote_rtcp, &ret->remote_rtcp) != 0) {
		ret->remote_rtcp = ret->remote_rtp;
		ret->remote_rtcp.port++;
	}
	ret->towards = ret->remote_rtp;
	ret->codec = (uint32_t)in->codec;
	ret->payload_type = in->payload_type;
	ret->ptime_ms = in->ptime_ms;
	ret->dtmf_payload_type = in->dtmf_payload_type;
	ret->direction = (uint32_t)in->direction;
	ret->rtcp_mux = in->rtcp_mux;
	take_heard(in, ret);
	return 0;
}

static void put_heard(struct info *i, const struct call_media *m)
{
	i->facts.other_type = m->heard_type != 0;
	i->facts.heard_type = m->heard_type & 0x7f;
	i->facts.other_dtmf_type = m->heard_dtmf_type != 0;
	i->facts.heard_dtmf_type = m->heard_dtmf_type & 0x7f;
	i->facts.fmtp = text(str_of(m->fmtp));
	for (uint32_t k = 0; k < m->format_count; k++) {
		tipring__v1__media_format__init(&i->formats[k]);
		i->formats[k].codec = (Tipring__V1__Codec)m->formats[k].codec;
		i->formats[k].payload_type = m->formats[k].payload_type;
		i->format_rows[k] = &i->formats[k];
	}
	i->facts.formats = i->format_rows;
	i->facts.n_formats = m->format_count;
}

Tipring__V1__MediaFacts *info_facts(struct info *i, const struct control_call *cc)
{
	const struct call_media *m = &cc->c.media;

	tipring__v1__media_facts__init(&i->facts);
	i->facts.remote_rtp = info_address(&i->rtp, &m->remote_rtp);
	i->facts.remote_rtcp = info_address(&i->rtcp, &m->remote_rtcp);
	i->facts.codec = (Tipring__V1__Codec)m->codec;
	i->facts.payload_type = m->payload_type;
	i->facts.ptime_ms = m->ptime_ms;
	i->facts.dtmf_payload_type = m->dtmf_payload_type;
	i->facts.direction = (Tipring__V1__Direction)m->direction;
	i->facts.rtcp_mux = m->rtcp_mux;
	put_heard(i, m);
	return &i->facts;
}

static Tipring__V1__CallPhase phase_of(const struct call *c)
{
	static const Tipring__V1__CallPhase phases[CALL_STATES] = {
		[CALL_OPENING] = TIPRING__V1__CALL_PHASE__CALL_OFFERED,
		[CALL_UPDATING] = TIPRING__V1__CALL_PHASE__CALL_OFFERED,
		[CALL_DIALLING] = TIPRING__V1__CALL_PHASE__CALL_DIALLING,
		[CALL_CALLING] = TIPRING__V1__CALL_PHASE__CALL_RINGING,
		[CALL_CONNECTING] = TIPRING__V1__CALL_PHASE__CALL_ANSWERED,
		[CALL_WAITING] = TIPRING__V1__CALL_PHASE__CALL_OFFERED,
		[CALL_OFFERED] = TIPRING__V1__CALL_PHASE__CALL_OFFERED,
		[CALL_CLAIMED] = TIPRING__V1__CALL_PHASE__CALL_CLAIMED,
		[CALL_RINGING] = TIPRING__V1__CALL_PHASE__CALL_RINGING,
		[CALL_EARLY_STARTING] = TIPRING__V1__CALL_PHASE__CALL_CLAIMED,
		[CALL_STARTING] = TIPRING__V1__CALL_PHASE__CALL_CLAIMED,
		[CALL_ANSWERING] = TIPRING__V1__CALL_PHASE__CALL_ANSWERED,
		[CALL_ANSWERED] = TIPRING__V1__CALL_PHASE__CALL_ANSWERED,
		[CALL_CLOSING] = TIPRING__V1__CALL_PHASE__CALL_ENDED,
	};

	if (c->outbound && (c->state == CALL_OPENING || (c->state == CALL_CALLING && c->ring_code == 0)))
		return TIPRING__V1__CALL_PHASE__CALL_DIALLING;
	return phases[c->state];
}

static Tipring__V1__CallDirection direction_of(bool outbound)
{
	return outbound ? TIPRING__V1__CALL_DIRECTION__CALL_OUTBOUND : TIPRING__V1__CALL_DIRECTION__CALL_INBOUND;
}

Tipring__V1__CallInfo *info_fill(struct info *i, const struct control_call *cc)
{
	const struct call *c = &cc->c;
	Tipring__V1__CallInfo *m = &i->m;

	tipring__v1__call_info__init(m);
	m->call_id = c->id;
	m->app = text(str_of(c->app));
	m->phase = phase_of(c);
	m->backend = text(str_of(c->backend));
	m->sip_call_id = text(c->sip_call_id);
	m->from_uri = text(c->from_uri);
	m->from_display = text(c->from_display);
	m->to_uri = text(c->to_uri);
	m->request_uri = text(c->request_uri);
	for (uint32_t h = 0; h < c->header_count; h++) {
		tipring__v1__header__init(&i->headers[h]);
		i->headers[h].name = text(c->headers[h].name);
		i->headers[h].value = text(c->headers[h].value);
		i->rows[h] = &i->headers[h];
	}
	m->headers = i->rows;
	m->n_headers = c->header_count;
	m->room_id = text(c->room_id);
	m->session_id = text(c->session_name);
	m->media = c->generation > 0 ? info_facts(i, cc) : NULL;
	m->direction = direction_of(c->outbound);
	m->outcome = (Tipring__V1__Outcome)c->outcome;
	m->metadata = text(c->metadata);
	m->held_by_peer = c->held;
	m->held_by_backend = c->holding;
	m->session_timer_s = c->session_timer_s;
	m->refreshed_by_peer = c->refreshed_by_peer;
	m->auth_user = text(c->auth_user);
	m->bridge_room = c->seat.room_id;
	m->muted = c->seat.muted;
	m->local_rtp = info_address(&i->local, &c->local_rtp);
	m->started_unix_ns = c->started_unix_ns;
	m->answered_unix_ns = c->answered_unix_ns;
	m->replaces = c->transfer.replaces_call;
	m->referrer = c->transfer.referrer;
	m->leg = c->leg_id;
	m->session = c->session_id;
	m->media_worker = c->media_worker;
	m->signaling_worker = cc->signaling;
	if (cc->has_stats) {
		i->stats = cc->stats;
		m->stats = &i->stats;
	}
	return m;
}

Tipring__V1__CallInfo *info_fill_past(struct info *i, const struct past_call *c)
{
	Tipring__V1__CallInfo *m = &i->m;

	tipring__v1__call_info__init(m);
	tipring__v1__media_stats__init(&i->stats);
	m->call_id = c->id;
	m->app = text(str_of(c->app));
	m->phase = TIPRING__V1__CALL_PHASE__CALL_ENDED;
	m->backend = text(str_of(c->backend));
	m->sip_call_id = text(str_of(c->sip_call_id));
	m->from_uri = text(str_of(c->from));
	m->request_uri = text(str_of(c->to));
	m->started_unix_ns = c->started_unix_ns;
	m->answered_unix_ns = c->answered_unix_ns;
	m->ended_unix_ns = c->ended_unix_ns;
	m->ended_by = (Tipring__V1__EndedBy)c->who;
	m->sip_code = c->code;
	m->end_reason = text(str_of(c->reason));
	m->duration_ms = c->duration_ms;
	m->direction = direction_of(c->outbound);
	m->outcome = (Tipring__V1__Outcome)c->outcome;
	i->stats.packets_received = c->packets;
	i->stats.packets_lost = c->lost;
	i->stats.frames_concealed = c->concealed;
	i->stats.jitter_us = c->jitter_us;
	i->stats.packets_sent = c->packets_sent;
	i->stats.mos_x100 = c->mos_x100;
	i->stats.remote_mos_x100 = c->remote_mos_x100;
	i->stats.mos_least_x100 = c->mos_least_x100;
	i->stats.remote_mos_least_x100 = c->remote_mos_least_x100;
	m->stats = &i->stats;
	return m;
}
