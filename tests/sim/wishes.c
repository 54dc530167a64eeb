/* wishes.c - the commands of a backend of the simulation, as messages. See backend.h. */
#include "tests/sim/backend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PART_MS 1500u

struct dial_text {
	Tipring__V1__Dial m;
	Tipring__V1__Header line, *lines[1];
	char uri[96], number[16];
};

static Tipring__V1__Dial *dial_of(const struct held_call *c, struct dial_text *d)
{
	struct addr at = callee_address(c->phone);

	tipring__v1__dial__init(&d->m);
	tipring__v1__header__init(&d->line);
	snprintf(d->uri, sizeof d->uri, "sip:p%u@%s", c->phone, addr_text(&at).z);
	snprintf(d->number, sizeof d->number, "%u", c->phone);
	d->line.name = (char *)(uintptr_t)"X-Phone";
	d->line.value = d->number;
	d->lines[0] = &d->line;
	d->m.uri = d->uri;
	d->m.headers = d->lines;
	d->m.n_headers = 1;
	d->m.ringing_timeout_ms = 4000;
	d->m.rate_hz = 8000;
	d->m.app = (char *)(uintptr_t)"echo";
	return &d->m;
}

/* A Bridge of two calls with the memory it points to. */
struct bridge_text {
	Tipring__V1__Bridge m;
	Tipring__V1__BridgeCall calls[2], *rows[2];
};

static Tipring__V1__Bridge *bridge_of(struct backend *b, const struct held_call *c, struct bridge_text *t)
{
	const struct held_call *other = backend_find(b, c->other);

	tipring__v1__bridge__init(&t->m);
	for (int i = 0; i < 2; i++) {
		const struct held_call *one = i == 0 || other == NULL ? c : other;

		tipring__v1__bridge_call__init(&t->calls[i]);
		t->calls[i].call_id = one->id;
		t->calls[i].fence = one->fence;
		t->rows[i] = &t->calls[i];
	}
	t->m.calls = t->rows;
	t->m.n_calls = 2;
	return &t->m;
}

static void say_transfer(const struct held_call *c, Tipring__V1__Refer *out, Tipring__V1__AcceptRefer *yes, Tipring__V1__RejectRefer *no,
			 struct dial_text *text)
{
	struct held_call target = {.phone = CALLEES + (uint32_t)(c->id % TARGETS)};

	tipring__v1__refer__init(out);
	tipring__v1__accept_refer__init(yes);
	tipring__v1__reject_refer__init(no);
	if (c->command == TIPRING__V1__ENVELOPE__BODY_ACCEPT_REFER)
		target.phone = c->refer_phone;
	(void)dial_of(&target, text);
	out->call_id = yes->call_id = no->call_id = c->id;
	out->fence = yes->fence = no->fence = c->fence;
	out->target = text->uri;
	yes->refer_id = no->refer_id = c->refer_id;
	yes->headers = text->lines;
	yes->n_headers = 1;
	yes->ringing_timeout_ms = 4000;
	yes->rate_hz = 8000;
	yes->app = (char *)(uintptr_t)"echo";
}

void backend_say(struct backend *b, const struct held_call *c)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Claim claim = TIPRING__V1__CLAIM__INIT;
	Tipring__V1__Answer answer = TIPRING__V1__ANSWER__INIT;
	Tipring__V1__Reject reject = TIPRING__V1__REJECT__INIT;
	Tipring__V1__Hangup hangup = TIPRING__V1__HANGUP__INIT;
	Tipring__V1__SetLevels levels = TIPRING__V1__SET_LEVELS__INIT;
	Tipring__V1__Pause pause = TIPRING__V1__PAUSE__INIT;
	Tipring__V1__Resume resume = TIPRING__V1__RESUME__INIT;
	Tipring__V1__Mark mark = TIPRING__V1__MARK__INIT;
	Tipring__V1__Flush flush = TIPRING__V1__FLUSH__INIT;
	Tipring__V1__Cancel cancel = TIPRING__V1__CANCEL__INIT;
	Tipring__V1__Ring ring = TIPRING__V1__RING__INIT;
	Tipring__V1__Refer refer;
	Tipring__V1__AcceptRefer take;
	Tipring__V1__RejectRefer reject_refer;
	struct dial_text text;
	Tipring__V1__Hold hold = TIPRING__V1__HOLD__INIT;
	Tipring__V1__Unhold unhold = TIPRING__V1__UNHOLD__INIT;
	Tipring__V1__Renegotiate codecs = TIPRING__V1__RENEGOTIATE__INIT;
	Tipring__V1__SendInfo info = TIPRING__V1__SEND_INFO__INIT;
	struct bridge_text bridge;
	Tipring__V1__Leave leave = TIPRING__V1__LEAVE__INIT;
	Tipring__V1__Mute mute = TIPRING__V1__MUTE__INIT;
	Tipring__V1__Codec wanted[1] = {c->command_id[strlen(c->command_id) - 1] % 2 == 0 ? TIPRING__V1__CODEC__PCMA : TIPRING__V1__CODEC__PCMU};
	struct dial_text d;

	say_transfer(c, &refer, &take, &reject_refer, &text);
	leave.call_id = mute.call_id = c->id;
	leave.fence = mute.fence = c->fence;
	mute.muted = c->command_id[strlen(c->command_id) - 1] % 2 == 0;
	hold.call_id = unhold.call_id = codecs.call_id = info.call_id = c->id;
	hold.fence = unhold.fence = codecs.fence = info.fence = c->fence;
	codecs.codecs = wanted;
	codecs.n_codecs = 1;
	info.content_type = (char *)(uintptr_t)"text/plain";
	info.body = (ProtobufCBinaryData){2, (uint8_t *)(uintptr_t)"hi"};
	ring.call_id = c->id;
	ring.fence = c->fence;
	ring.early_media = true;
	ring.rate_hz = 8000;

	levels.call_id = pause.call_id = resume.call_id = c->id;
	levels.fence = pause.fence = resume.fence = c->fence;
	levels.high_ms = 200;
	levels.low_ms = 60;
	levels.drained = true;
	cancel.call_id = c->id;
	cancel.fence = c->fence;
	claim.call_id = answer.call_id = reject.call_id = hangup.call_id = mark.call_id = flush.call_id = c->id;
	answer.fence = reject.fence = hangup.fence = mark.fence = flush.fence = c->fence;
	mark.mark = (char *)(uintptr_t)"m";
	mark.after_index = c->mark_at;
	answer.rate_hz = 8000;
	reject.code = 486;
	hangup.cause = (char *)(uintptr_t)"enough";
	hangup.when = c->parts ? TIPRING__V1__HANGUP_WHEN__WHEN_DRAINED : TIPRING__V1__HANGUP_WHEN__WHEN_NOW;
	hangup.limit_ms = PART_MS;
	e.command_id = (char *)(uintptr_t)c->command_id;
	e.body_case = c->command;
	if (c->command == TIPRING__V1__ENVELOPE__BODY_CLAIM)
		e.claim = &claim;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_ANSWER)
		e.answer = &answer;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_RING)
		e.ring = &ring;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_REJECT)
		e.reject = &reject;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_MARK)
		e.mark = &mark;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_FLUSH)
		e.flush = &flush;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_DIAL)
		e.dial = dial_of(c, &d);
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_CANCEL)
		e.cancel = &cancel;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_SET_LEVELS)
		e.set_levels = &levels;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_PAUSE)
		e.pause = &pause;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_RESUME)
		e.resume = &resume;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_HOLD)
		e.hold = &hold;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_UNHOLD)
		e.unhold = &unhold;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_RENEGOTIATE)
		e.renegotiate = &codecs;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_SEND_INFO)
		e.send_info = &info;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_REFER)
		e.refer = &refer;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_ACCEPT_REFER)
		e.accept_refer = &take;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_REJECT_REFER)
		e.reject_refer = &reject_refer;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_BRIDGE)
		e.bridge = bridge_of(b, c, &bridge);
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_LEAVE)
		e.leave = &leave;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_MUTE)
		e.mute = &mute;
	else
		e.hangup = &hangup;
	backend_post(b, &e);
}
