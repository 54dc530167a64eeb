/* commands.c - see commands.h. A handler decides; from_backends.c answers and remembers. */
#include "control/daemon/commands.h"

#include "common/base/log.h"
#include "control/daemon/calls.h"
#include "control/daemon/inflight.h"
#include "control/daemon/to_workers.h"

#define CODE(name) TIPRING__V1__RESULT_CODE__##name

static const struct verdict good = {CODE(OK), "", 0};

/* The call, when the sender may command it. */
static struct control_call *mine(struct control *k, struct str peer, uint64_t call_id, uint64_t fence,
				 struct verdict *ret)
{
	struct control_call *cc = calls_by_id(k, call_id);

	if (cc == NULL)
		*ret = (struct verdict){CODE(NOT_FOUND), "no such call", 0};
	else if (!cc->c.owned || !str_eq(str_of(cc->c.backend), peer))
		*ret = (struct verdict){CODE(UNAUTHORIZED), "this call is not yours", 0};
	else if (cc->c.fence != fence)
		*ret = (struct verdict){CODE(CONFLICT), "the fence is not the current one", 0};
	else
		return cc;
	return NULL;
}

static struct verdict input(struct control *k, struct control_call *cc, enum call_event ev)
{
	if (calls_input(k, cc, ev))
		return good;
	return (struct verdict){CODE(CONFLICT), "not possible in the call's state", 0};
}

static struct verdict register_(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct backend *b;
	int err;

	if (!backend_app_is_valid(str_of(m->register_->app)))
		return (struct verdict){CODE(REJECTED), "an app is called [a-z0-9-]{1,63}", 0};
	err = backend_serve(&k->backends, peer, str_of(m->register_->app), &b);
	if (err != 0)
		return err == ERR_NOENT ? (struct verdict){CODE(UNAUTHORIZED), "say hello first", 0}
					: (struct verdict){CODE(OVERLOADED), "too many backends", 0};
	if (b->capacity != m->register_->capacity && log_limit(&k->log_backends, 10))
		log_info("backend.register", "name=%s app=%s capacity=%u", b->name, b->app, m->register_->capacity);
	b->capacity = m->register_->capacity;
	return good;
}

static struct verdict claim(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct control_call *cc = calls_by_id(k, m->claim->call_id);
	struct verdict v;

	if (cc == NULL)
		return (struct verdict){CODE(NOT_FOUND), "no such call", 0};
	if (!str_eq(str_of(cc->c.backend), peer))
		return (struct verdict){CODE(CONFLICT), "it was offered to somebody else", 0};
	if (cc->c.owned) /* said again to a control that did not hear it the first time */
		return (struct verdict){CODE(OK), "", cc->c.fence};
	v = input(k, cc, CALL_EV_CLAIM);
	v.fence = v.code == CODE(OK) ? cc->c.fence : 0;
	return v;
}

static struct verdict ring(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->ring->call_id, m->ring->fence, &v);

	if (cc == NULL)
		return v;
	if (m->ring->early_media)
		return (struct verdict){CODE(UNSUPPORTED), "early media", 0};
	if (m->ring->code != 0 && m->ring->code != 180 && m->ring->code != 183)
		return (struct verdict){CODE(REJECTED), "180 or 183", 0};
	cc->c.ring_code = m->ring->code != 0 ? m->ring->code : 180;
	return input(k, cc, CALL_EV_RING);
}

static struct verdict answer(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	uint32_t rate = m->answer->rate_hz != 0 ? m->answer->rate_hz : 16000;
	uint32_t frame = m->answer->frame_ms != 0 ? m->answer->frame_ms : 20;
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->answer->call_id, m->answer->fence, &v);

	if (cc == NULL)
		return v;
	if ((rate != 8000 && rate != 16000) || (frame != 10 && frame != 20))
		return (struct verdict){CODE(REJECTED), "rate 8000 or 16000, frames of 10 or 20 ms", 0};
	if (m->answer->n_headers > 0)
		return (struct verdict){CODE(UNSUPPORTED), "headers on the answer", 0};
	if (str_eq(str_of(cc->c.command), str_of(m->command_id))) /* under way since before a restart of ours */
		return (struct verdict){CODE(ACCEPTED), "", 0};
	if (cc->c.command[0] != '\0')
		return (struct verdict){CODE(CONFLICT), "an answer is under way", 0};
	if (cc->c.started && ((m->answer->rate_hz != 0 && cc->c.rate_hz != rate) ||
			      (m->answer->frame_ms != 0 && cc->c.frame_ms != frame)))
		return (struct verdict){CODE(REJECTED), "its tape has another rate or frame", 0};
	(void)!str_copy(cc->c.command, sizeof cc->c.command, str_of(m->command_id));
	if (!cc->c.started) {
		cc->c.rate_hz = rate;
		cc->c.frame_ms = frame;
	}
	v = input(k, cc, CALL_EV_ANSWER);
	if (v.code != CODE(OK))
		cc->c.command[0] = '\0';
	else if (cc->c.command[0] != '\0') /* else it is complete: the caller had been answered before */
		v.code = CODE(ACCEPTED);
	return v;
}

/* A header may not carry a line end into the message. */
static bool is_plain(const char *z)
{
	for (; *z != '\0'; z++)
		if ((unsigned char)*z < ' ' || *z == 0x7f)
			return false;
	return true;
}

static struct verdict reject(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	uint32_t sip = m->reject->code != 0 ? m->reject->code : 486;
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->reject->call_id, m->reject->fence, &v);

	if (cc == NULL)
		return v;
	if (sip < 300 || sip > 699)
		return (struct verdict){CODE(REJECTED), "a refusal has a code from 300 to 699", 0};
	if (!is_plain(m->reject->reason))
		return (struct verdict){CODE(REJECTED), "control characters in the reason", 0};
	if (cc->c.state == CALL_CLAIMED || cc->c.state == CALL_RINGING || cc->c.state == CALL_STARTING)
		call_set_reason(&cc->c, CALL_BY_BACKEND, sip, m->reject->reason);
	return input(k, cc, CALL_EV_REJECT);
}

static struct verdict hangup(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->hangup->call_id, m->hangup->fence, &v);

	if (cc == NULL)
		return v;
	if (!is_plain(m->hangup->cause))
		return (struct verdict){CODE(REJECTED), "control characters in the cause", 0};
	if (m->hangup->n_headers > 0)
		return (struct verdict){CODE(UNSUPPORTED), "headers on the hang-up", 0};
	call_set_reason(&cc->c, CALL_BY_BACKEND, 200, m->hangup->cause);
	return input(k, cc, CALL_EV_HANGUP);
}

static struct verdict flush(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->flush->call_id, m->flush->fence, &v);

	if (cc == NULL)
		return v;
	if (!cc->c.started || cc->c.state == CALL_CLOSING)
		return (struct verdict){CODE(CONFLICT), "there is no audio", 0};
	if (cc->c.flush_command[0] != '\0')
		return (struct verdict){CODE(CONFLICT), "a flush is under way", 0};
	(void)!str_copy(cc->c.flush_command, sizeof cc->c.flush_command, str_of(m->command_id));
	cc->fade_ms = m->flush->fade_ms;
	to_session_flush(k, cc);
	return (struct verdict){CODE(ACCEPTED), "", 0};
}

static struct verdict mark(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	struct verdict v;
	struct control_call *cc = mine(k, peer, m->mark->call_id, m->mark->fence, &v);

	if (cc == NULL)
		return v;
	if (!cc->c.started || cc->c.state == CALL_CLOSING)
		return (struct verdict){CODE(CONFLICT), "there is no audio", 0};
	if (m->mark->mark[0] == '\0' || str_of(m->mark->mark).n > 63)
		return (struct verdict){CODE(REJECTED), "a mark has 1 to 63 octets", 0};
	switch (inflight_mark(k, cc, m->mark->mark, m->mark->after_index)) {
	case 0:
		return good;
	case ERR_EXIST:
		return (struct verdict){CODE(CONFLICT), "a mark of this name is pending", 0};
	default:
		return (struct verdict){CODE(OVERLOADED), "too many marks at once", 0};
	}
}

static const struct {
	Tipring__V1__Envelope__BodyCase body;
	struct verdict (*handle)(struct control *k, struct str peer, const Tipring__V1__Envelope *m);
} handlers[] = {
	/* clang-format off */
	{TIPRING__V1__ENVELOPE__BODY_REGISTER, register_},
	{TIPRING__V1__ENVELOPE__BODY_CLAIM,    claim},
	{TIPRING__V1__ENVELOPE__BODY_RING,     ring},
	{TIPRING__V1__ENVELOPE__BODY_ANSWER,   answer},
	{TIPRING__V1__ENVELOPE__BODY_REJECT,   reject},
	{TIPRING__V1__ENVELOPE__BODY_HANGUP,   hangup},
	{TIPRING__V1__ENVELOPE__BODY_FLUSH,    flush},
	{TIPRING__V1__ENVELOPE__BODY_MARK,     mark},
	/* clang-format on */
};

struct verdict commands_carry_out(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	size_t n = str_of(m->command_id).n;

	if (n == 0 || n > 63)
		return (struct verdict){CODE(REJECTED), "a command_id has 1 to 63 octets", 0};
	if (m->deadline_ms != 0 && m->deadline_ms < k->actor->now_ms)
		return (struct verdict){CODE(EXPIRED), "its deadline had passed", 0};
	for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
		if (handlers[i].body == m->body_case)
			return handlers[i].handle(k, peer, m);
	return (struct verdict){CODE(UNSUPPORTED), "not implemented", 0};
}
