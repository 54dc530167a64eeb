/* from_bus.c - see from_bus.h: messages as plain events. */
#include "signaling/daemon/from_bus.h"

#include <string.h>

#include "common/base/log.h"
#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_asks.h"
#include "signaling/daemon/from_change.h"
#include "signaling/daemon/from_dial.h"
#include "signaling/daemon/from_info.h"
#include "signaling/daemon/from_messages.h"
#include "signaling/daemon/from_refer.h"
#include "signaling/daemon/from_redirect.h"
#include "signaling/daemon/from_registrations.h"
#include "signaling/daemon/from_renew.h"
#include "signaling/daemon/legs.h"
#include "signaling/leg/lines.h"

static struct leg *leg_of(struct signaling *s, const Tipring__V1__Envelope *m,
			  uint64_t id)
{
	struct leg *l = pool_get(&s->legs, id);

	if (l != NULL && !leg_is_over(l))
		return l;
	worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__NOT_FOUND, "no such leg");
	return NULL;
}

static void give(struct signaling *s, struct leg *l, const Tipring__V1__Envelope *m,
		 enum leg_event ev)
{
	bool good = effects_leg_input(s, l, ev);

	worker_result(s->worker, m,
		      good ? TIPRING__V1__RESULT_CODE__OK
			   : TIPRING__V1__RESULT_CODE__CONFLICT,
		      good ? "" : "not possible in the leg's state");
}

/* Text for people: on one line, whole characters only. */
static void take_text(char *to, size_t cap, const char *from)
{
	size_t n = 0;

	for (; *from != '\0' && n + 1 < cap; from++)
		if ((unsigned char)*from >= ' ' && *from != 0x7f)
			to[n++] = *from;
	if ((*from & 0xc0) == 0x80) /* cut inside of a UTF-8 character */
		while (n > 0 && (to[--n] & 0xc0) == 0x80)
			;
	to[n] = '\0';
}

/* What can not be a header line is left out: the leg is worth more. */
static void take_lines(struct leg *l, enum leg_lines_of of, Tipring__V1__Header **headers, size_t n)
{
	struct leg_line lines[LEG_LINES_MAX];
	const char *fault;

	for (size_t i = 0; i < n && i < LEG_LINES_MAX; i++)
		lines[i] = (struct leg_line){str_of(headers[i]->name), str_of(headers[i]->value)};
	fault = leg_lines_take(&l->r, of, lines, n < UINT32_MAX ? (uint32_t)n : UINT32_MAX);
	if (fault != NULL)
		log_warn("leg.headers", "sip_call_id=%s reason=\"%s\"", l->r.dialog.call_id, fault);
}

static bool take_address(const Tipring__V1__Address *a, struct addr *ret)
{
	if (a == NULL || a->port > UINT16_MAX || addr_parse_ip(str_of(a->ip), ret) != 0)
		return false;
	ret->port = (uint16_t)a->port;
	return true;
}

static void on_headers(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	static const enum leg_lines_of of[] = {
		[TIPRING__V1__LEG_SAYING__LEG_SAYING_RINGING] = LEG_LINES_RING,
		[TIPRING__V1__LEG_SAYING__LEG_SAYING_ANSWER] = LEG_LINES_ANSWER,
		[TIPRING__V1__LEG_SAYING__LEG_SAYING_END] = LEG_LINES_END,
	};
	const Tipring__V1__LegHeaders *h = m->leg_headers;
	struct signaling *s = self;
	struct leg *l = leg_of(s, m, h->leg_id);

	(void)peer;
	if (l == NULL || (unsigned)h->of >= sizeof of / sizeof of[0] || of[h->of] == LEG_LINES_NONE)
		return;
	leg_lines_drop(&l->r, of[h->of]);
	take_lines(l, of[h->of], h->headers, h->n_headers);
	legs_save(s, l);
}

static void take_media(const struct signaling *s, struct leg *l, const struct addr *local)
{
	l->r.local_rtp = *local;
	l->r.rtcp_port = local_rtcp_port(s, local->port);
}

static void on_ring(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;
	struct leg *l = leg_of(s, m, m->leg_ring->leg_id);
	struct addr local;

	(void)peer;
	if (l == NULL)
		return;
	l->ring_code = m->leg_ring->code == 183 ? 183 : 180;
	l->ring_described = take_address(m->leg_ring->local_rtp, &local);
	if (l->ring_described && l->r.state < LEG_ANSWERED)
		take_media(s, l, &local);
	take_lines(l, LEG_LINES_RING, m->leg_ring->headers, m->leg_ring->n_headers);
	give(s, l, m, LEG_EV_RING);
}

static void on_answer(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;
	struct leg *l = leg_of(s, m, m->leg_answer->leg_id);
	struct addr local;

	(void)peer;
	if (l == NULL)
		return;
	if (!take_address(m->leg_answer->local_rtp, &local)) {
		worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__REJECTED,
			      "no usable local address");
		return;
	}
	if (l->r.state < LEG_ANSWERED) {
		take_media(s, l, &local);
		take_lines(l, LEG_LINES_ANSWER, m->leg_answer->headers, m->leg_answer->n_headers);
	}
	give(s, l, m, LEG_EV_ANSWER);
}

static void on_reject(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;
	struct leg *l = leg_of(s, m, m->leg_reject->leg_id);
	uint32_t code = m->leg_reject->code;
	char area[FROM_REDIRECT_BYTES];
	struct buf lines = buf_of(area, sizeof area);

	(void)peer;
	if (l == NULL)
		return;
	if (!from_redirect_take(m->leg_reject, &lines)) {
		worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__REJECTED,
			      "no usable contacts");
		return;
	}
	l->wish.lines = buf_str(&lines);
	l->wish.code = code >= 300 && code <= 699 ? code : 500;
	l->wish.retry_after_s = m->leg_reject->retry_after_s;
	take_text(l->wish.reason, sizeof l->wish.reason, m->leg_reject->reason);
	take_lines(l, LEG_LINES_END, m->leg_reject->headers, m->leg_reject->n_headers);
	give(s, l, m, LEG_EV_REJECT);
	l->wish.lines = (struct str){"", 0};
}

static void on_hangup(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;
	struct leg *l = leg_of(s, m, m->leg_hangup->leg_id);

	(void)peer;
	if (l == NULL)
		return;
	take_text(l->wish.reason, sizeof l->wish.reason, m->leg_hangup->cause);
	take_lines(l, LEG_LINES_END, m->leg_hangup->headers, m->leg_hangup->n_headers);
	give(s, l, m, LEG_EV_HANGUP);
}

static void on_annotate(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;
	const Tipring__V1__LegAnnotate *a = m->leg_annotate;
	struct leg *l = leg_of(s, m, a->leg_id);

	(void)peer;
	if (l == NULL)
		return;
	if (a->context.len > sizeof l->r.context) {
		worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__REJECTED,
			      "context too large");
		return;
	}
	if (a->context.len > 0)
		memcpy(l->r.context, a->context.data, a->context.len);
	l->r.context_bytes = (uint32_t)a->context.len;
	legs_save(s, l);
	worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__OK, "");
}

/* Control has recorded the end. */
static void on_forget(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;
	struct leg *l = pool_get(&s->legs, m->leg_forget->leg_id);

	(void)peer;
	if (l != NULL && l->r.over.owed)
		(void)effects_leg_input(s, l, LEG_EV_SETTLED);
}

#define ANY (~0u)
#define UP  (ACTOR_RUNNING | ACTOR_DRAINING)

/* clang-format off */
const struct actor_rule signaling_rules[] = {
	{TIPRING__V1__ENVELOPE__BODY_LEG_RING,     ANY, UP, on_ring},
	{TIPRING__V1__ENVELOPE__BODY_LEG_HEADERS,  ANY, UP, on_headers},
	{TIPRING__V1__ENVELOPE__BODY_LEG_ANSWER,   ANY, UP, on_answer},
	{TIPRING__V1__ENVELOPE__BODY_LEG_REJECT,   ANY, UP, on_reject},
	{TIPRING__V1__ENVELOPE__BODY_LEG_HANGUP,   ANY, UP, on_hangup},
	{TIPRING__V1__ENVELOPE__BODY_LEG_ANNOTATE, ANY, UP, on_annotate},
	{TIPRING__V1__ENVELOPE__BODY_LEG_FORGET,   ANY, UP, on_forget},
	{TIPRING__V1__ENVELOPE__BODY_LEG_DIAL,     ANY, UP, from_dial},
	{TIPRING__V1__ENVELOPE__BODY_LEG_ACCEPT,   ANY, UP, from_change_accept},
	{TIPRING__V1__ENVELOPE__BODY_LEG_REFUSE,   ANY, UP, from_change_refuse},
	{TIPRING__V1__ENVELOPE__BODY_LEG_ASK,      ANY, UP, from_asks_ask},
	{TIPRING__V1__ENVELOPE__BODY_LEG_REFER,    ANY, UP, from_refer_wish},
	{TIPRING__V1__ENVELOPE__BODY_LEG_NAMED,    ANY, UP, from_refer_name},
	{TIPRING__V1__ENVELOPE__BODY_LEG_REFER_PROGRESS, ANY, UP, from_refer_progress},
	{TIPRING__V1__ENVELOPE__BODY_LEG_FOLLOW,   ANY, UP, from_redirect},
	{TIPRING__V1__ENVELOPE__BODY_LEG_CHANGE,   ANY, UP, from_renew_change},
	{TIPRING__V1__ENVELOPE__BODY_LEG_TAKEN,    ANY, UP, from_info_taken},
	{TIPRING__V1__ENVELOPE__BODY_MESSAGE_ANSWER, ANY, UP, from_messages_answer},
	{TIPRING__V1__ENVELOPE__BODY_MESSAGE_SEND,  ANY, UP, from_messages_send},
	{TIPRING__V1__ENVELOPE__BODY_REGISTRATION_SET,    ANY, UP, from_registrations_set},
	{TIPRING__V1__ENVELOPE__BODY_REGISTRATION_REMOVE, ANY, UP, from_registrations_remove},
};
/* clang-format on */
const uint32_t signaling_rule_count = sizeof signaling_rules / sizeof signaling_rules[0];
