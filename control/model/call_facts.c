/* call_facts.c - see call.h: what a call is called, and what is kept of it. */
#include "control/model/call.h"

struct str call_keep(struct call *c, const char *z)
{
	if (c->arena.base == NULL)
		c->arena = arena_of(c->text, sizeof c->text);
	return z != NULL && z[0] != '\0' ? arena_dup(&c->arena, str_of(z)) : (struct str){"", 0};
}

void call_set_reason(struct call *c, enum call_who who, uint32_t code, const char *reason)
{
	size_t n = str_of(reason).n;

	if (c->who != 0)
		return; /* what ended it first is why it ended */
	c->who = who;
	c->sip_code = code;
	if (n >= sizeof c->end_reason) {
		n = sizeof c->end_reason - 1;
		while (n > 0 && ((unsigned char)reason[n] & 0xc0) == 0x80)
			n--; /* not within a character: half of one is no UTF-8 */
	}
	(void)!str_copy(c->end_reason, sizeof c->end_reason, (struct str){reason, n});
}

uint64_t call_id_of(struct str host, uint64_t random)
{
	uint64_t hash = 0xcbf29ce484222325ull, low = random & 0x0000ffffffffffffull;

	for (size_t i = 0; i < host.n; i++) /* FNV-1a, folded */
		hash = (hash ^ (uint8_t)host.p[i]) * 0x100000001b3ull;
	hash ^= hash >> 32;
	hash ^= hash >> 16;
	return hash << 48 | (low != 0 ? low : 1);
}

uint64_t call_duration_ms(const struct call *c)
{
	bool known = c->answered_mono_ns != 0 && c->ended_mono_ns != 0;
	uint64_t from_ns = known ? c->answered_mono_ns : c->answered_unix_ns;
	uint64_t to_ns = known ? c->ended_mono_ns : c->ended_unix_ns;

	return from_ns != 0 && to_ns > from_ns ? (to_ns - from_ns) / 1000000u : 0;
}

void call_set_outcome(struct call *c, uint32_t outcome)
{
	if (c->outbound && c->outcome == CALL_OUTCOME_NONE)
		c->outcome = outcome;
}

const char *call_state_name(enum call_state s)
{
	static const char *const names[CALL_STATES] = {
		"opening", "updating", "dialling", "calling", "connecting", "waiting", "offered",
		"claimed", "ringing", "starting", "answering", "answered", "closing",
	};

	return names[s];
}

const char *call_event_name(enum call_event e)
{
	static const char *const names[CALL_EVENTS] = {
		"session_opened", "session_refused", "media_full", "session_updated", "claim", "ring", "answer",
		"session_started", "start_refused", "confirmed", "reject", "hangup", "backend_lost", "leg_ended", "session_lost", "session_closed",
		"timeout", "media_back", "signaling_back", "backend_back", "dialled", "dial_refused", "progress", "picked_up", "give_up",
		"leg_offer", "leg_agreed", "renew", "renewed",
	};

	return names[e];
}
