/* call_transfer.c - see transfer.h, and call_step.h for what a call does about it. */
#include "control/model/call_step.h"

/* ---- ours ---- */

const char *transfer_begin(struct transfer *t, const char *command, uint64_t now_ms)
{
	if (t->command[0] != '\0')
		return "a transfer is under way";
	if (str_copy(t->command, sizeof t->command, str_of(command)) != 0)
		return "a command_id has 1 to 63 octets";
	t->known = t->over = t->told = false;
	t->code = 0;
	t->reason[0] = '\0';
	t->until_ms = now_ms + TRANSFER_HEARD_MS;
	return NULL;
}

static void keep_reason(struct transfer *t, const char *reason)
{
	struct str s = str_of(reason);

	if (s.n >= sizeof t->reason)
		s.n = sizeof t->reason - 1;
	while (s.n > 0 && s.n == sizeof t->reason - 1 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--; /* whole characters */
	(void)!str_copy(t->reason, sizeof t->reason, s);
}

bool transfer_heard(struct transfer *t, uint32_t code, const char *reason, bool done)
{
	bool news = code != t->code || done;

	t->known = true;
	if (t->command[0] == '\0' || t->over || !news)
		return false;
	t->code = code;
	t->over = done;
	keep_reason(t, reason);
	return true;
}

void transfer_lost(struct transfer *t, const char *reason)
{
	(void)transfer_heard(t, 0, reason, true);
}

/* ---- theirs ---- */

bool transfer_asked(struct transfer *t, const struct transfer_asked *a, bool back, uint64_t now_ms)
{
	if (a->refer_id == 0 || a->refer_id == t->refer_id ||
	    str_copy(t->target, sizeof t->target, str_of(a->target)) != 0 ||
	    str_copy(t->replaces, sizeof t->replaces, str_of(a->replaces)) != 0 ||
	    str_copy(t->referred_by, sizeof t->referred_by, str_of(a->referred_by)) != 0)
		return false;
	t->refer_id = a->refer_id;
	t->orphan = a->accepted && back;
	t->open = !a->accepted || back;
	t->open_ms = a->accepted ? now_ms + TRANSFER_ORPHAN_MS : a->until_ms;
	return !a->accepted;
}

const char *transfer_fault(const struct transfer *t, uint32_t refer_id, uint64_t now_ms)
{
	if (refer_id == 0 || refer_id != t->refer_id)
		return "no such REFER";
	if (!t->open)
		return "it was decided";
	return now_ms > t->open_ms ? "too late: it was refused" : NULL;
}

/* ---- what follows for the call ---- */

/* Is the one who is to hear of it there? */
static void tell_end(struct step *s, enum call_state now)
{
	struct transfer *t = &s->c->transfer;

	if (t->command[0] == '\0' || !t->over || (s->c->owned && !backend_is_here(s->w->backends, str_of(s->c->backend))))
		return;
	t->told = true;
	emit(s, CALL_FX_TRANSFERRED);
	if (now != CALL_CLOSING)
		emit(s, CALL_FX_ANNOTATE);
}

static uint32_t code_for_referrer(const struct call *c, enum call_state now)
{
	if (c->answered)
		return 200;
	if (now == CALL_CLOSING)
		return c->sip_code >= 300 ? c->sip_code : 503;
	return now == CALL_CALLING && c->ring_code > 100 ? c->ring_code : 100;
}

static void tell_referrer(struct step *s, enum call_state now)
{
	struct transfer *t = &s->c->transfer;
	uint32_t code = code_for_referrer(s->c, now);

	if (t->referrer == 0 || t->referrer_code >= 200 || code == t->referrer_code)
		return;
	t->referrer_code = code;
	emit(s, CALL_FX_TELL_REFERRER)->code = code;
}

static void replace(struct step *s)
{
	struct transfer *t = &s->c->transfer;

	if (t->replaces_leg == 0 || t->replaced || !s->c->answered)
		return;
	t->replaced = true;
	emit(s, CALL_FX_REPLACE);
}

bool transfer_input(struct step *s, enum call_event ev)
{
	struct transfer *t = &s->c->transfer;

	if (ev == CALL_EV_TRANSFER) {
		emit(s, CALL_FX_TRANSFER);
	} else if (ev == CALL_EV_REFERRED) {
		if (s->c->owned && s->c->state != CALL_CLOSING) {
			emit(s, CALL_FX_REFERRED);
		} else { /* nobody could decide */
			t->open = false;
			emit(s, CALL_FX_REFUSE_REFER)->code = 603;
		}
	} else {
		return false;
	}
	return true;
}

void transfer_look(struct step *s, enum call_state now)
{
	struct transfer *t = &s->c->transfer;

	if (now == CALL_CLOSING && t->command[0] != '\0' && !t->over) {
		transfer_lost(t, "the call ended");
		emit(s, CALL_FX_TRANSFER);
	}
	tell_end(s, now);
	tell_referrer(s, now);
	replace(s);
}

/* The only one that may take the call, if it is there and has not let it pass; NULL: it may not be taken. */
struct backend *transfer_backend(struct step *s)
{
	struct call *c = s->c;
	struct str only = str_of(c->transfer.only);

	if (str_eq(only, str_of(c->passed)) || !backend_is_here(s->w->backends, only))
		return NULL;
	return backend_find_app(s->w->backends, only, str_of(c->app));
}
