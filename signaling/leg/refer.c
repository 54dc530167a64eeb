/* refer.c - see refer.h */
#include "signaling/leg/refer.h"

#include "signaling/leg/leg_parts.h"
#include "signaling/sip/body.h"
#include "signaling/sip/names.h"
#include "signaling/sip/reply.h"
#include "signaling/sip/request.h"

static bool is_confirmed(const struct leg *l)
{
	return l->r.state == LEG_CONFIRMED || l->r.state == LEG_REFRESHED ||
	       l->r.state == LEG_OFFERED;
}

/* ---- ours ---- */

bool refer_is_known(const struct leg *l, struct str command)
{
	return l->r.refer.out_state != REFER_OUT_NONE &&
	       str_eq(str_of(l->r.refer.out_command), command);
}

bool refer_is_busy(const struct leg *l)
{
	return l->r.refer.out_state == REFER_OUT_ASKED || l->r.refer.out_state == REFER_OUT_TRYING;
}

/* The tags as the one sees them who is called. */
static struct sip_replaces replaces_of(const struct leg *other)
{
	const struct sip_dialog *d = &other->r.dialog;

	return (struct sip_replaces){.call_id = str_of(d->call_id), .to_tag = str_of(d->remote_tag), .from_tag = str_of(d->local_tag)};
}

static const char *put_other(struct buf *b, struct str target, const struct sip_replaces *r)
{
	return sip_put_refer_to(b, target, r) == 0 ? NULL : "the peer of the other call can not be named";
}

static const char *put_target(const struct refer_wish *w, struct buf *b)
{
	struct sip_replaces r;
	const char *fault = NULL;

	buf_z(b, "Refer-To: ");
	if (w->other != NULL) {
		r = replaces_of(w->other);
		fault = is_confirmed(w->other) ? put_other(b, str_of(w->other->r.dialog.target), &r) : "the other call is not answered";
	} else if (w->replaces.n > 0) {
		fault = sip_replaces_parse(w->replaces, &r) == 0 ? put_other(b, w->target, &r) : "replaces is no name of a dialog";
	} else if (sip_put_refer_to(b, w->target, NULL) != 0) {
		fault = "target is no sip: URI, or has header fields";
	}
	buf_z(b, "\r\n");
	return fault;
}

const char *refer_name(const struct leg *other, struct buf *target, struct buf *replaces)
{
	struct sip_replaces r = replaces_of(other);

	if (!is_confirmed(other))
		return "the other call is not answered";
	buf_z(target, other->r.dialog.target);
	return sip_put_replaces(replaces, &r) == 0 && buf_ok(target) ? NULL : "the peer of the other call can not be named";
}

/* From of our requests is a name-addr; a URI is put into one. */
static const char *put_referrer(const struct leg *l, struct str uri, struct buf *b)
{
	struct sip_nameaddr a;

	buf_z(b, "Referred-By: ");
	if (uri.n == 0) {
		if (sip_nameaddr_parse(str_of(l->r.dialog.local), &a) != 0)
			return "our own URI is none";
		uri = a.uri;
	}
	if (sip_put_refer_to(b, uri, NULL) != 0)
		return "referred_by is no sip: URI";
	buf_z(b, "\r\n");
	return NULL;
}

const char *refer_print(const struct leg *l, const struct refer_wish *w, struct buf *lines)
{
	const char *fault;

	if (w->command.n == 0 || w->command.n >= sizeof l->r.refer.out_command)
		return "a command has 1 to 63 octets";
	if ((w->target.n > 0) == (w->other != NULL))
		return "either a target or another call is wanted";
	fault = put_target(w, lines);
	if (fault == NULL)
		fault = put_referrer(l, w->referred_by, lines);
	if (fault == NULL && !sip_lines_are_sound(w->lines))
		fault = "a header is none, or one that is not the caller's to write";
	buf_str_put(lines, w->lines);
	return fault == NULL && !buf_ok(lines) ? "target and headers are too long" : fault;
}

void refer_begin(struct leg *l, struct str command, uint32_t cseq, uint64_t now_ms)
{
	struct leg_refer *f = &l->r.refer;

	f->out_state = REFER_OUT_ASKED;
	f->out_code = 0;
	f->out_reason[0] = '\0';
	f->out_cseq = cseq;
	f->out_until_ms = now_ms + REFER_WAIT_MS;
	(void)!str_copy(f->out_command, sizeof f->out_command, command);
}

static void out_over(struct leg_refer *f, uint32_t code, struct str reason)
{
	f->out_state = REFER_OUT_DONE;
	f->out_code = code;
	leg_keep(f->out_reason, sizeof f->out_reason, reason);
}

/* RFC 4488: it takes it and will say nothing. */
static bool is_quiet(const struct sip_msg *m)
{
	for (uint16_t i = 0; i < m->count; i++)
		if (str_ieq(m->fields[i].name, STR("Refer-Sub")))
			return str_ieq(str_trim(m->fields[i].value), STR("false"));
	return false;
}

bool refer_answered(struct leg *l, uint32_t code, const struct sip_msg *m, uint64_t now_ms)
{
	struct leg_refer *f = &l->r.refer;

	if (f->out_state != REFER_OUT_ASKED) /* a NOTIFY was faster */
		return false;
	if (code >= 300) {
		out_over(f, code, m != NULL ? m->reason : str_of(sip_reason_of(code)));
	} else if (m != NULL && is_quiet(m)) {
		out_over(f, code, STR("nothing more will be said"));
	} else {
		f->out_state = REFER_OUT_TRYING;
		f->out_until_ms = now_ms + REFER_WAIT_MS;
	}
	return true;
}

static void wait_longer(struct leg_refer *f, const struct sip_sub_state *sub, uint64_t now_ms)
{
	uint32_t s = sub->expires_s < REFER_WAIT_MAX_S ? sub->expires_s : REFER_WAIT_MAX_S;

	f->out_until_ms = now_ms + (s != 0 ? s * 1000ull : REFER_WAIT_MS);
}

static bool hear(struct leg_refer *f, const struct sip_msg *m, const struct sip_sub_state *sub,
		 uint64_t now_ms)
{
	struct str reason, text = sip_body_part(sip_value(m, SIP_CONTENT_TYPE), m->body,
						STR("message/sipfrag"));
	uint32_t code = sip_frag_status(text, &reason);
	bool news = f->out_state != REFER_OUT_TRYING || (code != 0 && code != f->out_code);

	if (code >= 200) { /* whatever it says of the subscription */
		out_over(f, code, reason);
	} else if (sub->over) {
		out_over(f, 0, sub->reason.n > 0 ? sub->reason : STR("the peer says no more"));
	} else {
		f->out_state = REFER_OUT_TRYING;
		f->out_code = code != 0 ? code : f->out_code;
		if (code != 0)
			leg_keep(f->out_reason, sizeof f->out_reason, reason);
		wait_longer(f, sub, now_ms);
	}
	return news || f->out_state == REFER_OUT_DONE;
}

uint32_t refer_notified(struct leg *l, const struct sip_msg *m, uint64_t now_ms, bool *ret_news)
{
	struct leg_refer *f = &l->r.refer;
	struct sip_sub_state sub;
	uint32_t id;

	*ret_news = false;
	if (!sip_event_is_refer(sip_value(m, SIP_EVENT), &id))
		return 489;
	if (sip_sub_state_parse(sip_value(m, SIP_SUBSCRIPTION_STATE), &sub) != 0)
		return 400;
	if (f->out_state == REFER_OUT_NONE || (id != 0 && id < f->out_cseq))
		return 481;
	if (f->out_state == REFER_OUT_DONE) /* the last word, said in two */
		return 200;
	*ret_news = hear(f, m, &sub, now_ms);
	return 200;
}

/* ---- theirs ---- */

/* May one come now? */
static uint32_t fault_of_time(const struct leg *l)
{
	if (is_confirmed(l))
		return l->r.refer.in_state == REFER_IN_WAITS || l->r.refer.in_state == REFER_IN_GOES
			       ? 491
			       : 0;
	return l->r.state < LEG_HANGING ? 491 : 481; /* not yet; not any more */
}

static uint32_t fault_of_target(int err)
{
	if (err == ERR_UNSUPPORTED)
		return 416;
	return err == ERR_NOSPC ? 513 : err != 0 ? 400 : 0;
}

static void wait_for_control(struct leg_refer *f, uint32_t cseq, uint64_t now_ms)
{
	f->in_state = REFER_IN_WAITS;
	f->in_id = cseq;
	f->in_count++;
	f->in_code = 100;
	f->in_said = 0;
	f->in_reason[0] = '\0';
	f->in_until_ms = now_ms + REFER_DECIDE_MS;
}

uint32_t refer_take(struct leg *l, const struct sip_msg *m, uint32_t cseq, uint64_t now_ms)
{
	struct leg_record *r = &l->r;
	char target[sizeof r->refer_target], replaces[sizeof r->refer_replaces];
	struct buf b = buf_of(replaces, sizeof replaces - 1);
	struct str uri = {"", 0}, by = sip_value(m, SIP_REFERRED_BY);
	uint32_t code = fault_of_time(l);

	if (code == 0)
		code = fault_of_target(sip_refer_to_parse(sip_value(m, SIP_REFER_TO), &uri, &b));
	if (code == 0 && (str_copy(target, sizeof target, uri) != 0 || by.n >= sizeof r->refer_by))
		code = 513;
	if (code == 0 && !sip_is_one_line(by))
		code = 400;
	if (code != 0)
		return code;
	replaces[b.n] = '\0';
	memcpy(r->refer_target, target, sizeof target);
	memcpy(r->refer_replaces, replaces, sizeof replaces);
	(void)!str_copy(r->refer_by, sizeof r->refer_by, by);
	wait_for_control(&r->refer, cseq, now_ms);
	r->refer.in_quiet = is_quiet(m);
	return 0;
}

bool refer_is_same(const struct leg *l, const struct sip_effect *request)
{
	return request->msg->method == SIP_M_REFER && l->r.refer.in_id != 0 &&
	       l->r.refer.in_id == request->core->cseq.number;
}

bool refer_say(struct leg *l, uint32_t id, uint32_t code, struct str reason, uint64_t now_ms)
{
	struct leg_refer *f = &l->r.refer;

	if (id == 0 || id != f->in_id || f->in_state == REFER_IN_NONE ||
	    f->in_state == REFER_IN_OVER || f->in_code >= 200 || code < 100 || code > 699)
		return false;
	if (f->in_state == REFER_IN_WAITS)
		f->in_until_ms = now_ms + REFER_GOES_MS;
	else if (code == f->in_code)
		return false;
	f->in_state = REFER_IN_GOES;
	f->in_code = code;
	leg_keep(f->in_reason, sizeof f->in_reason, reason);
	if (code >= 200 && f->in_quiet)
		f->in_state = REFER_IN_OVER;
	return true;
}

bool refer_wants_notify(const struct leg *l)
{
	const struct leg_refer *f = &l->r.refer;

	return (f->in_state == REFER_IN_WAITS || f->in_state == REFER_IN_GOES) && !f->in_quiet &&
	       !f->notifying && f->in_said != f->in_code && is_confirmed(l);
}

static void put_state(const struct leg_refer *f, uint64_t now_ms, struct buf *b)
{
	uint64_t left_ms = f->in_until_ms > now_ms ? f->in_until_ms - now_ms : 0;

	buf_z(b, "Subscription-State: ");
	if (f->in_code >= 200) {
		buf_z(b, "terminated;reason=noresource\r\n");
		return;
	}
	buf_z(b, "active;expires=");
	buf_u64(b, f->in_state == REFER_IN_WAITS ? REFER_GOES_MS / 1000 : left_ms / 1000 + 1);
	buf_z(b, "\r\n");
}

void refer_print_notify(const struct leg *l, uint64_t now_ms, struct buf *lines, struct buf *body)
{
	const struct leg_refer *f = &l->r.refer;

	buf_z(lines, "Event: refer");
	if (f->in_count > 1) { /* RFC 3515 2.4.6: the first needs none */
		buf_z(lines, ";id=");
		buf_u64(lines, f->in_id);
	}
	buf_z(lines, "\r\n");
	put_state(f, now_ms, lines);
	buf_z(body, "SIP/2.0 ");
	buf_u64(body, f->in_code);
	buf_char(body, ' ');
	buf_z(body, f->in_reason[0] != '\0' ? f->in_reason : sip_reason_of(f->in_code));
	buf_z(body, "\r\n");
}

void refer_notify_begins(struct leg *l)
{
	struct leg_refer *f = &l->r.refer;

	f->notifying = 1;
	f->in_said = f->in_code;
	if (f->in_code >= 200)
		f->in_state = REFER_IN_OVER;
}

void refer_notify_ends(struct leg *l, uint32_t code)
{
	struct leg_refer *f = &l->r.refer;

	f->notifying = 0;
	if (code == 481) /* it does not listen */
		f->in_quiet = 1;
}

/* ---- both ---- */

static uint64_t in_deadline_ms(const struct leg_refer *f)
{
	if (f->in_state == REFER_IN_WAITS)
		return f->in_until_ms + REFER_GRACE_MS;
	return f->in_state == REFER_IN_GOES && f->in_code < 200 ? f->in_until_ms : UINT64_MAX;
}

static uint64_t out_deadline_ms(const struct leg *l)
{
	return refer_is_busy(l) ? l->r.refer.out_until_ms : UINT64_MAX;
}

uint64_t refer_deadline_ms(const struct leg *l)
{
	uint64_t in = in_deadline_ms(&l->r.refer), out = out_deadline_ms(l);

	if (!is_confirmed(l))
		return UINT64_MAX;
	return in < out ? in : out;
}

bool refer_expired(struct leg *l, uint64_t now_ms)
{
	struct leg_refer *f = &l->r.refer;
	bool news = false;

	if (now_ms >= in_deadline_ms(f))
		(void)refer_say(l, f->in_id, f->in_state == REFER_IN_WAITS ? 603 : 408,
				(struct str){"", 0}, now_ms);
	if (now_ms >= out_deadline_ms(l)) {
		out_over(f, 0, STR("the peer never said how it went"));
		news = true;
	}
	return news;
}

static bool is_sound(const struct leg_record *r, uint64_t now_ms)
{
	const struct leg_refer *f = &r->refer;

	return f->out_state < REFER_OUT_STATES && f->in_state < REFER_IN_STATES &&
	       f->out_until_ms <= now_ms + REFER_WAIT_MAX_S * 1000ull &&
	       f->in_until_ms <= now_ms + REFER_GOES_MS && f->out_code <= 699 &&
	       f->in_code <= 699 && memchr(f->out_command, '\0', sizeof f->out_command) != NULL &&
	       memchr(f->out_reason, '\0', sizeof f->out_reason) != NULL &&
	       memchr(f->in_reason, '\0', sizeof f->in_reason) != NULL &&
	       sip_is_one_line(str_of(f->in_reason));
}

bool refer_restore(struct leg_record *r, uint64_t now_ms)
{
	if (is_sound(r, now_ms))
		return true;
	memset(&r->refer, 0, sizeof r->refer);
	r->refer_target[0] = r->refer_replaces[0] = r->refer_by[0] = '\0';
	return false;
}
