/* to_bus.c - see to_bus.h: plain structs as messages. */
#include "signaling/daemon/to_bus.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "signaling/leg/change.h"
#include "signaling/leg/refer.h"
#include "signaling/leg/lines.h"
#include "signaling/leg/late.h"
#include "signaling/leg/redirect.h"

#define ROSTER_ROWS 16u

_Static_assert((int)LEG_OUT_ERROR == (int)TIPRING__V1__OUTCOME__OUTCOME_ERROR &&
		       (int)LEG_OUT_ANSWERED == (int)TIPRING__V1__OUTCOME__OUTCOME_ANSWERED,
	       "enum leg_outcome is Outcome");

struct address {
	Tipring__V1__Address m;
	char ip[64];
};

struct told_facts {
	Tipring__V1__MediaFacts m;
	struct address rtp, rtcp;
	char fmtp[3 * SDP_FMTP_BYTES]; /* an octet that is no UTF-8 becomes three */
	Tipring__V1__MediaFormat formats[SDP_BESIDE_MAX], *rows[SDP_BESIDE_MAX];
};

/* What is told of a leg, with the memory it points to. */
struct told {
	Tipring__V1__LegIncoming incoming;
	Tipring__V1__LegDialled dialled;
	Tipring__V1__LegProgress progress;
	Tipring__V1__LegPickedUp picked_up;
	Tipring__V1__LegEnded ended;
	struct address source;
	struct told_facts agreed, waiting;
	Tipring__V1__LegOffer offer;
	Tipring__V1__LegAgreed in_force;
	Tipring__V1__LegTransfer transfer;
	Tipring__V1__LegReferred referred;
	Tipring__V1__LegRedirected redirected;
	Tipring__V1__RedirectTarget targets[LEG_CONTACTS_MAX], *target_rows[LEG_CONTACTS_MAX];
	Tipring__V1__Header headers[LEG_HEADERS_MAX], *rows[LEG_HEADERS_MAX];
	struct buf text;
	char area[LEG_TEXT_BYTES + LEG_CONTACTS_BYTES + 2 * LEG_HEADERS_MAX + sizeof(struct sip_dialog) +
		  1024 + 1280 /* of transfers */];
};

static void told_begin(struct told *t)
{
	t->text = buf_of(t->area, sizeof t->area);
}

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

/* The names of the messages count as the table of codecs does, from 1. */
_Static_assert((int)TIPRING__V1__CODEC__PCMU == SDP_PCMU + 1 && (int)TIPRING__V1__CODEC__PCMA == SDP_PCMA + 1 &&
		       (int)TIPRING__V1__CODEC__G722 == SDP_G722 + 1 && (int)TIPRING__V1__CODEC__OPUS == SDP_OPUS + 1 &&
		       (int)TIPRING__V1__CODEC__L16 == SDP_L16 + 1 && (int)TIPRING__V1__CODEC__L16_16K == SDP_L16_16K + 1 &&
		       (int)TIPRING__V1__CODEC__L16_48K == SDP_L16_48K + 1,
	       "enum sdp_codec is Codec");

static Tipring__V1__Codec codec_told(uint32_t codec)
{
	return (Tipring__V1__Codec)(codec + 1);
}

static Tipring__V1__MediaFacts *facts(struct told_facts *in, const struct sdp_choice *c)
{
	static const Tipring__V1__Direction directions[SDP_DIRECTIONS] = {
		[SDP_SENDRECV] = TIPRING__V1__DIRECTION__SENDRECV,
		[SDP_SENDONLY] = TIPRING__V1__DIRECTION__SENDONLY,
		[SDP_RECVONLY] = TIPRING__V1__DIRECTION__RECVONLY,
		[SDP_INACTIVE] = TIPRING__V1__DIRECTION__INACTIVE,
	};

	struct buf fmtp = buf_of(in->fmtp, sizeof in->fmtp);

	tipring__v1__media_facts__init(&in->m);
	in->m.remote_rtp = address(&in->rtp, &c->rtp);
	in->m.remote_rtcp = address(&in->rtcp, &c->rtcp);
	in->m.codec = codec_told(c->codec);
	in->m.payload_type = c->payload_type;
	in->m.ptime_ms = c->ptime_ms;
	in->m.dtmf_payload_type = c->dtmf_payload_type;
	in->m.rtcp_mux = c->rtcp_mux != 0;
	in->m.direction = directions[c->direction];
	in->m.other_type = sdp_receives(c) != c->payload_type;
	in->m.heard_type = in->m.other_type ? sdp_receives(c) : 0;
	in->m.other_dtmf_type = sdp_receives_dtmf(c) != c->dtmf_payload_type;
	in->m.heard_dtmf_type = in->m.other_dtmf_type ? sdp_receives_dtmf(c) : 0;
	in->m.fmtp = codec_text(&fmtp, str_of(c->fmtp));
	for (uint32_t i = 0; i < c->beside_count; i++) {
		tipring__v1__media_format__init(&in->formats[i]);
		in->formats[i].codec = codec_told(c->beside[i].codec);
		in->formats[i].payload_type = c->beside[i].payload_type;
		in->rows[i] = &in->formats[i];
	}
	in->m.formats = in->rows;
	in->m.n_formats = c->beside_count;
	return &in->m;
}

/* From `from` to before `to`. */
static Tipring__V1__Header **some_headers(struct told *t, const struct leg *l, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		tipring__v1__header__init(&t->headers[i]);
		t->headers[i].name = codec_text(&t->text, leg_header_name(l, i));
		t->headers[i].value = codec_text(&t->text, leg_header_value(l, i));
		t->rows[i] = &t->headers[i];
	}
	return t->rows + from;
}

static Tipring__V1__Header **headers(struct told *t, const struct leg *l)
{
	return some_headers(t, l, 0, leg_bye_headers_at(&l->r));
}

static Tipring__V1__LegIncoming *fill_incoming(struct signaling *s, struct told *t,
					       const struct leg *l)
{
	Tipring__V1__LegIncoming *m = &t->incoming;

	tipring__v1__leg_incoming__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->sip_call_id = codec_text(&t->text, str_of(l->r.dialog.call_id));
	m->from_uri = codec_text(&t->text, str_of(l->r.from_uri));
	m->from_display = codec_text(&t->text, str_of(l->r.from_display));
	m->to_uri = codec_text(&t->text, str_of(l->r.to_uri));
	m->request_uri = codec_text(&t->text, str_of(l->r.request_uri));
	m->source = address(&t->source, &l->r.source);
	m->transport = borrowed("udp");
	m->media = leg_is_agreed(&l->r) ? facts(&t->agreed, &l->r.choice) : NULL;
	m->headers = headers(t, l);
	m->n_headers = leg_bye_headers_at(&l->r);
	m->replaces_leg = l->r.refer.replaces;
	m->auth_user = codec_text(&t->text, str_of(l->r.account.user));
	return m;
}

static Tipring__V1__LegDialled *fill_dialled(struct signaling *s, struct told *t,
					     const struct leg *l)
{
	Tipring__V1__LegDialled *m = &t->dialled;

	tipring__v1__leg_dialled__init(m);
	m->call_id = l->r.dialled.call_id;
	m->leg_id = pool_handle(&s->legs, l);
	m->sip_call_id = codec_text(&t->text, str_of(l->r.dialog.call_id));
	m->from_uri = codec_text(&t->text, str_of(l->r.from_uri));
	m->to_uri = codec_text(&t->text, str_of(l->r.to_uri));
	m->request_uri = codec_text(&t->text, str_of(l->r.request_uri));
	return m;
}

/* NULL: nothing came that is to be told. */
static Tipring__V1__LegProgress *fill_progress(struct signaling *s, struct told *t,
					       const struct leg *l)
{
	const struct leg_dialled *d = &l->r.dialled;
	Tipring__V1__LegProgress *m = &t->progress;

	if (d->code == 0)
		return NULL;
	tipring__v1__leg_progress__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->code = d->code;
	m->reason = codec_text(&t->text, str_of(d->reason));
	m->media = d->generation != 0 ? facts(&t->agreed, &l->r.choice) : NULL;
	m->generation = d->generation;
	return m;
}

/* NULL: it was not, or not so that it could be used. */
static Tipring__V1__LegPickedUp *fill_picked_up(struct signaling *s, struct told *t,
						const struct leg *l)
{
	Tipring__V1__LegPickedUp *m = &t->picked_up;

	if (!leg_was_picked_up(l))
		return NULL;
	tipring__v1__leg_picked_up__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->media = facts(&t->agreed, &l->r.choice);
	m->generation = l->r.dialled.generation;
	m->session_timer_s = l->r.refresh.interval_s;
	m->refreshed_by_peer = l->r.refresh.role == REFRESH_THEIRS;
	m->headers = headers(t, l);
	m->n_headers = leg_bye_headers_at(&l->r);
	return m;
}

/* NULL: nothing waits. */
static Tipring__V1__LegOffer *fill_offer(struct signaling *s, struct told *t, const struct leg *l)
{
	Tipring__V1__LegOffer *m = &t->offer;

	if (l->r.state != LEG_OFFERED)
		return NULL;
	tipring__v1__leg_offer__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->generation = l->r.change.offered;
	m->facts = facts(&t->waiting, &l->r.change_choice);
	return m;
}

static Tipring__V1__LegAgreed *fill_agreed(struct signaling *s, struct told *t, const struct leg *l)
{
	Tipring__V1__LegAgreed *m = &t->in_force;

	tipring__v1__leg_agreed__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->generation = leg_generation(&l->r);
	m->facts = facts(&t->agreed, &l->r.choice);
	return m;
}

/* NULL: there was none. */
static Tipring__V1__LegTransfer *fill_transfer(struct signaling *s, struct told *t,
					       const struct leg *l)
{
	static const Tipring__V1__TransferState states[REFER_OUT_STATES] = {
		[REFER_OUT_ASKED] = TIPRING__V1__TRANSFER_STATE__TRANSFER_ASKED,
		[REFER_OUT_TRYING] = TIPRING__V1__TRANSFER_STATE__TRANSFER_TRYING,
		[REFER_OUT_DONE] = TIPRING__V1__TRANSFER_STATE__TRANSFER_DONE,
	};
	const struct leg_refer *f = &l->r.refer;
	Tipring__V1__LegTransfer *m = &t->transfer;

	if (f->out_state == REFER_OUT_NONE)
		return NULL;
	tipring__v1__leg_transfer__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->command = codec_text(&t->text, str_of(f->out_command));
	m->state = states[f->out_state];
	m->code = f->out_code;
	m->reason = codec_text(&t->text, str_of(f->out_reason));
	return m;
}

/* NULL: none is under way. */
static Tipring__V1__LegReferred *fill_referred(struct signaling *s, struct told *t,
					       const struct leg *l)
{
	const struct leg_refer *f = &l->r.refer;
	Tipring__V1__LegReferred *m = &t->referred;

	if ((f->in_state != REFER_IN_WAITS && f->in_state != REFER_IN_GOES) || f->in_code >= 200)
		return NULL;
	tipring__v1__leg_referred__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->refer_id = f->in_id;
	m->target = codec_text(&t->text, str_of(l->r.refer_target));
	m->replaces = codec_text(&t->text, str_of(l->r.refer_replaces));
	m->referred_by = codec_text(&t->text, str_of(l->r.refer_by));
	m->until_mono_ms = f->in_until_ms;
	m->accepted = f->in_state == REFER_IN_GOES;
	return m;
}

/* All of them, or those that were not called yet. */
static size_t fill_targets(struct told *t, const struct leg_record *r, bool all)
{
	size_t n = 0;

	for (uint32_t i = 0; i < r->redirect.count; i++) {
		if (!all && leg_contact_is_known(r, i))
			continue;
		tipring__v1__redirect_target__init(&t->targets[n]);
		t->targets[n].uri = codec_text(&t->text, leg_contact(r, i));
		t->targets[n].q_thousandths = r->redirect.v[i].q;
		t->target_rows[n] = &t->targets[n];
		n++;
	}
	return n;
}

/* NULL: control is not asked. */
static Tipring__V1__LegRedirected *fill_redirected(struct signaling *s, struct told *t,
						   const struct leg *l)
{
	Tipring__V1__LegRedirected *m = &t->redirected;

	if (l->r.state != LEG_REDIRECTED)
		return NULL;
	tipring__v1__leg_redirected__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->hop = l->r.redirect.hop;
	m->code = l->r.redirect.code;
	m->reason = codec_text(&t->text, str_of(l->r.redirect.reason));
	m->contacts = t->target_rows;
	m->n_contacts = fill_targets(t, &l->r, false);
	return m;
}

static Tipring__V1__LegEnded *fill_over(struct signaling *s, struct told *t,
					const struct leg *l)
{
	const struct leg_end *end = &l->r.over;
	Tipring__V1__LegEnded *m = &t->ended;

	tipring__v1__leg_ended__init(m);
	m->leg_id = pool_handle(&s->legs, l);
	m->who = (Tipring__V1__EndedBy)end->who;
	m->sip_code = end->code;
	m->q850 = end->q850;
	m->reason = codec_text(&t->text, str_of(end->reason));
	m->mono_ns = end->at_ms * 1000000u;
	m->unix_ns = clock_unix_ns() - (s->actor->now_ms - end->at_ms) * 1000000u;
	m->outcome = (Tipring__V1__Outcome)end->outcome;
	m->headers = some_headers(t, l, leg_bye_headers_at(&l->r), l->r.header_count);
	m->n_headers = l->r.header_count - leg_bye_headers_at(&l->r);
	m->contacts = t->target_rows;
	m->n_contacts = end->code / 100 == 3 && end->code == l->r.redirect.code ? fill_targets(t, &l->r, true) : 0;
	return m;
}

static int tell(struct signaling *s, const Tipring__V1__Envelope *e)
{
	int err = worker_send(s->worker, e);

	count(s, STAT_signaling_bus_full, err != 0);
	return err;
}

static struct told told; /* 6 KB */

int to_bus_incoming(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	told_begin(&told);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_INCOMING;
	e.leg_incoming = fill_incoming(s, &told, l);
	return tell(s, &e);
}

void to_bus_dialled(struct signaling *s, const struct leg *l, uint64_t asked)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	told_begin(&told);
	e.request_id = asked;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_DIALLED;
	e.leg_dialled = fill_dialled(s, &told, l);
	(void)!tell(s, &e);
}

void to_bus_progress(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	told_begin(&told);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_PROGRESS;
	e.leg_progress = fill_progress(s, &told, l);
	if (e.leg_progress != NULL)
		(void)!tell(s, &e);
}

void to_bus_picked_up(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	told_begin(&told);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_PICKED_UP;
	e.leg_picked_up = fill_picked_up(s, &told, l);
	if (e.leg_picked_up != NULL)
		(void)!tell(s, &e);
}

void to_bus_offer(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	told_begin(&told);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_OFFER;
	e.leg_offer = fill_offer(s, &told, l);
	if (e.leg_offer != NULL)
		(void)!tell(s, &e);
}

void to_bus_agreed(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	told_begin(&told);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_AGREED;
	e.leg_agreed = fill_agreed(s, &told, l);
	(void)!tell(s, &e);
}

void to_bus_transfer(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	told_begin(&told);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_TRANSFER;
	e.leg_transfer = fill_transfer(s, &told, l);
	if (e.leg_transfer != NULL)
		(void)!tell(s, &e);
}

void to_bus_referred(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	told_begin(&told);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_REFERRED;
	e.leg_referred = fill_referred(s, &told, l);
	if (e.leg_referred != NULL)
		(void)!tell(s, &e);
}

void to_bus_redirected(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	told_begin(&told);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_REDIRECTED;
	e.leg_redirected = fill_redirected(s, &told, l);
	if (e.leg_redirected != NULL)
		(void)!tell(s, &e);
}

void to_bus_unchanged(struct signaling *s, uint64_t leg_id, uint64_t number, uint32_t code, const char *reason)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegChanged m = TIPRING__V1__LEG_CHANGED__INIT;

	m.leg_id = leg_id;
	m.number = number;
	m.code = code;
	m.reason = borrowed(reason);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_CHANGED;
	e.leg_changed = &m;
	(void)!tell(s, &e);
}

void to_bus_changed(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegChanged m = TIPRING__V1__LEG_CHANGED__INIT;

	told_begin(&told);
	m.leg_id = pool_handle(&s->legs, l);
	m.number = l->r.renewal.told;
	m.code = l->r.renewal.code;
	m.reason = codec_text(&told.text, str_of(l->r.renewal.reason));
	m.generation = leg_generation(&l->r);
	m.facts = facts(&told.agreed, &l->r.choice);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_CHANGED;
	e.leg_changed = &m;
	(void)!tell(s, &e);
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

void to_bus_timer(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegTimer m = TIPRING__V1__LEG_TIMER__INIT;

	m.leg_id = pool_handle(&s->legs, l);
	m.session_timer_s = l->r.refresh.interval_s;
	m.refreshed_by_peer = l->r.refresh.role == REFRESH_THEIRS;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_TIMER;
	e.leg_timer = &m;
	(void)!tell(s, &e);
}

void to_bus_confirmed(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegConfirmed m = TIPRING__V1__LEG_CONFIRMED__INIT;

	m.leg_id = pool_handle(&s->legs, l);
	m.session_timer_s = l->r.refresh.interval_s;
	m.refreshed_by_peer = l->r.refresh.role == REFRESH_THEIRS;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_CONFIRMED;
	e.leg_confirmed = &m;
	(void)!tell(s, &e);
}

void to_bus_named(struct signaling *s, const Tipring__V1__LegNamed *asked, const struct leg *other)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegNamed m = *asked;
	Tipring__V1__LegRefer refer = *asked->refer;
	char target[SIP_DIALOG_URI_BYTES], replaces[REFER_LINES_BYTES];
	struct buf t = buf_of(target, sizeof target), r = buf_of(replaces, sizeof replaces);
	const char *fault = other != NULL ? refer_name(other, &t, &r) : "the other call is over";

	told_begin(&told);
	refer.replaces_leg = 0;
	refer.target = codec_text(&told.text, buf_str(&t));
	refer.replaces = codec_text(&told.text, buf_str(&r));
	m.fault = codec_text(&told.text, str_of(fault != NULL ? fault : ""));
	m.refer = &refer;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_NAMED;
	e.leg_named = &m;
	(void)!tell(s, &e);
}

void to_bus_over(struct signaling *s, const struct leg *l)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;

	told_begin(&told);
	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_ENDED;
	e.leg_ended = fill_over(s, &told, l);
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
		[LEG_DIALLING] = TIPRING__V1__LEG_PHASE__LEG_DIALLING,
		[LEG_CANCELLING] = TIPRING__V1__LEG_PHASE__LEG_ENDING,
		[LEG_OFFERED] = TIPRING__V1__LEG_PHASE__LEG_CONFIRMED,
		[LEG_REDIRECTED] = TIPRING__V1__LEG_PHASE__LEG_DIALLING,
	};

	return phases[state];
}

static void fill_row(struct signaling *s, struct told *t, Tipring__V1__LegState *row,
		     struct leg *l)
{
	told_begin(t);
	tipring__v1__leg_state__init(row);
	if (leg_is_ours(l)) {
		row->dialled = fill_dialled(s, t, l);
		row->progress = fill_progress(s, t, l);
		row->picked_up = fill_picked_up(s, t, l);
	} else {
		row->incoming = fill_incoming(s, t, l);
		row->agreed = leg_generation(&l->r) > 1 || (l->r.late.born && leg_is_agreed(&l->r)) ? fill_agreed(s, t, l) : NULL;
	}
	row->offer = fill_offer(s, t, l);
	row->transfer = fill_transfer(s, t, l);
	row->referred = fill_referred(s, t, l);
	row->redirected = fill_redirected(s, t, l);
	row->phase = phase_of(l->r.state);
	row->session_timer_s = l->r.refresh.interval_s;
	row->refreshed_by_peer = l->r.refresh.role == REFRESH_THEIRS;
	row->context.data = l->r.context;
	row->context.len = l->r.context_bytes;
	if (l->r.over.owed)
		row->ended = fill_over(s, t, l);
}

void to_bus_roster(struct signaling *s)
{
	static struct told t[ROSTER_ROWS]; /* 100 KB */
	Tipring__V1__LegState states[ROSTER_ROWS], *rows[ROSTER_ROWS];
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
		fill_row(s, &t[n], &states[n], l);
		rows[n] = &states[n];
		n++;
	}
	send_roster(s, rows, n, true);
}
