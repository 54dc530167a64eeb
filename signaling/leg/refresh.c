/* refresh.c - see refresh.h */
#include "signaling/leg/refresh.h"

#include <string.h>

#define GUARD_MS   32000u
#define LEAST_S    2u /* whatever a peer says */
#define DEFER_MS   500u
#define AGAIN_MS   30000u /* at most, after a refusal */

/* ---- header fields ---- */

static enum refresh_side side_of(struct str name)
{
	if (str_ieq(name, STR("uac")))
		return REFRESH_UAC;
	return str_ieq(name, STR("uas")) ? REFRESH_UAS : REFRESH_UNNAMED;
}

/* delta-seconds, and what follows it; 0: none. */
static uint32_t take_seconds(struct str value, struct str *ret_params)
{
	struct str number = str_trim(str_cut(value, ';', ret_params));
	struct scan s = scan_of(number);
	uint32_t n = scan_u32(&s);

	scan_end(&s);
	return s.err == 0 ? n : 0;
}

struct refresh_value refresh_parse(struct str value)
{
	struct refresh_value v = {.s = 0};
	struct str params;

	v.s = take_seconds(value, &params);
	while (v.s != 0 && params.n > 0) {
		struct str text, name = str_trim(str_cut(str_cut(params, ';', &params), '=', &text));

		if (str_ieq(name, STR("refresher")))
			v.side = side_of(str_trim(text));
	}
	return v;
}

static uint32_t min_se_of(const struct sip_msg *m)
{
	struct str params;

	for (uint16_t i = 0; i < m->count; i++)
		if (str_ieq(m->fields[i].name, STR("Min-SE")))
			return take_seconds(m->fields[i].value, &params);
	return 0;
}

static bool lists(const struct sip_msg *m, enum sip_header id, struct str wanted)
{
	for (uint16_t i = m->first[id]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		while (rest.n > 0)
			if (str_ieq(str_trim(sip_list_next(&rest)), wanted))
				return true;
	}
	return false;
}

/* What was said once holds for the dialog. */
static void learn_peer(struct refresh *r, const struct sip_msg *m)
{
	if (lists(m, SIP_SUPPORTED, STR("timer")) || lists(m, SIP_REQUIRE, STR("timer")))
		r->supports = 1;
	if (sip_has(m, SIP_ALLOWED))
		r->updates = lists(m, SIP_ALLOWED, STR("UPDATE"));
}

/* ---- the timer ---- */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t least_of(const struct refresh_config *cfg)
{
	return larger(cfg->min_se_s != 0 ? cfg->min_se_s : REFRESH_MIN_SE_S, LEAST_S);
}

uint64_t refresh_guard_ms(uint32_t interval_s)
{
	uint64_t third = (uint64_t)interval_s * 1000u / 3u;

	return third < GUARD_MS ? third : GUARD_MS;
}

static void stop(struct refresh *r)
{
	r->role = REFRESH_OFF;
	r->interval_s = 0;
	r->due_ms = r->end_ms = 0;
}

static void start(struct refresh *r, enum refresh_role role, uint32_t interval_s, uint64_t now_ms)
{
	uint64_t ms;

	r->role = (uint32_t)role;
	r->interval_s = larger(interval_s, LEAST_S);
	ms = (uint64_t)r->interval_s * 1000u;
	r->end_ms = now_ms + ms - refresh_guard_ms(r->interval_s);
	r->due_ms = role == REFRESH_OURS ? now_ms + ms / 2 : 0;
}

/* ---- requests of the peer ---- */

uint32_t refresh_asked(struct refresh *r, const struct refresh_config *cfg,
		       const struct sip_msg *m)
{
	struct refresh_value v = refresh_parse(sip_value(m, SIP_SESSION_EXPIRES));

	learn_peer(r, m);
	if (v.s != 0 && v.s < least_of(cfg)) {
		if (r->supports)
			return 422;
		v.s = 0; /* of a proxy; the peer would not know what a 422 is */
	}
	r->asked_s = v.s;
	r->asked_side = (uint32_t)v.side;
	r->asked_min_s = min_se_of(m);
	return 0;
}

void refresh_put_min_se(const struct refresh_config *cfg, struct buf *headers)
{
	buf_z(headers, "Min-SE: ");
	buf_u64(headers, least_of(cfg));
	buf_z(headers, "\r\n");
}

static uint32_t interval_of_answer(const struct refresh *r, const struct refresh_config *cfg)
{
	if (r->asked_s > REFRESH_LONGEST_S && r->asked_min_s <= REFRESH_LONGEST_S)
		return REFRESH_LONGEST_S;
	if (r->asked_s != 0)
		return r->asked_s;
	if (r->role != REFRESH_OFF)
		return r->interval_s;
	if (!r->supports || cfg->session_expires_s == 0)
		return 0;
	return larger(r->asked_min_s, larger(cfg->session_expires_s, least_of(cfg)));
}

/* RFC 4028 9, table 2. Who can not be refreshed by UPDATE refreshes. */
static enum refresh_role role_of_answer(const struct refresh *r)
{
	if (r->asked_s != 0 && r->asked_side == REFRESH_UAC)
		return REFRESH_THEIRS;
	if (r->asked_s != 0 && r->asked_side == REFRESH_UAS)
		return REFRESH_OURS;
	if (r->role != REFRESH_OFF)
		return (enum refresh_role)r->role;
	return r->supports && !r->updates ? REFRESH_THEIRS : REFRESH_OURS;
}

static void put_value(struct buf *b, uint32_t interval_s, const char *side)
{
	buf_z(b, "Session-Expires: ");
	buf_u64(b, interval_s);
	buf_z(b, side);
	buf_z(b, "\r\n");
}

void refresh_answer(struct refresh *r, const struct refresh_config *cfg, uint64_t now_ms,
		    struct buf *headers)
{
	uint32_t interval_s = interval_of_answer(r, cfg);

	if (interval_s == 0) {
		stop(r);
		return;
	}
	start(r, role_of_answer(r), interval_s, now_ms);
	if (r->supports)
		buf_z(headers, "Require: timer\r\n");
	put_value(headers, r->interval_s, r->role == REFRESH_OURS ? ";refresher=uas" : ";refresher=uac");
}

/* ---- requests of ours ---- */

void refresh_put(const struct refresh *r, const struct refresh_config *cfg, struct buf *lines)
{
	uint32_t wanted_s = r->wanted_s != 0 ? r->wanted_s : cfg->session_expires_s;
	uint32_t least = larger(r->least_s, least_of(cfg)), interval_s;

	if (r->role != REFRESH_OFF) {
		interval_s = larger(r->interval_s, r->least_s);
		least = least < interval_s ? least : interval_s; /* what is in force may be less */
		put_value(lines, interval_s,
			  r->role == REFRESH_OURS ? ";refresher=uac" : ";refresher=uas");
	} else if (wanted_s != 0 || r->least_s != 0) {
		put_value(lines, larger(wanted_s, least), "");
	} else {
		return;
	}
	buf_z(lines, "Min-SE: ");
	buf_u64(lines, least);
	buf_z(lines, "\r\n");
}

/* Without the field there is no timer (RFC 4028 7.2); one that we refresh goes on nevertheless:
 * that the peer is there is what it is for. */
void refresh_agreed(struct refresh *r, const struct sip_msg *m, uint64_t now_ms)
{
	struct refresh_value v = refresh_parse(sip_value(m, SIP_SESSION_EXPIRES));

	learn_peer(r, m);
	r->out = 0;
	if (v.s != 0)
		start(r, v.side == REFRESH_UAS ? REFRESH_THEIRS : REFRESH_OURS, v.s, now_ms);
	else if (r->role == REFRESH_OURS)
		start(r, REFRESH_OURS, larger(r->interval_s, r->least_s), now_ms);
	else
		stop(r);
}

bool refresh_too_short(struct refresh *r, const struct sip_msg *m)
{
	uint32_t least = min_se_of(m);

	if (least <= r->least_s || least > REFRESH_LONGEST_S || r->tries >= REFRESH_TRIES_MAX)
		return false;
	r->least_s = least;
	r->tries++;
	return true;
}

void refresh_sent(struct refresh *r)
{
	r->out = 1;
	r->due_ms = 0;
}

/* Several times before the end. */
static uint64_t pause_ms(const struct refresh *r, uint64_t now_ms)
{
	uint64_t left = r->end_ms > now_ms ? (r->end_ms - now_ms) / 4 : 0;

	if (left < DEFER_MS)
		return DEFER_MS;
	return left < AGAIN_MS ? left : AGAIN_MS;
}

bool refresh_refused(struct refresh *r, const struct refresh_refusal *why, uint64_t now_ms)
{
	uint64_t wait_ms = pause_ms(r, now_ms);
	uint32_t code = why->code;

	r->out = 0;
	if (r->role == REFRESH_OFF)
		return true;
	if (code == 408 || code == 481)
		return false;
	if (r->updates && (code == 405 || code == 501)) {
		r->updates = 0;
		wait_ms = 0;
	} else if (code == 422 && why->m != NULL && refresh_too_short(r, why->m)) {
		wait_ms = 0;
	} else if (code == 491) { /* RFC 3261 14.1 */
		wait_ms = why->owner ? 2100 + why->chance % 191 * 10 : why->chance % 201 * 10;
	}
	if (r->role == REFRESH_OURS)
		r->due_ms = now_ms + wait_ms;
	return true;
}

void refresh_defer(struct refresh *r, uint64_t now_ms)
{
	r->due_ms = now_ms + DEFER_MS;
}

uint64_t refresh_deadline_ms(const struct refresh *r)
{
	if (r->role == REFRESH_OFF)
		return UINT64_MAX;
	return r->due_ms != 0 && r->due_ms < r->end_ms ? r->due_ms : r->end_ms;
}

enum refresh_due refresh_due(const struct refresh *r, uint64_t now_ms)
{
	if (now_ms < refresh_deadline_ms(r))
		return REFRESH_NOTHING;
	return now_ms >= r->end_ms ? REFRESH_EXPIRED : REFRESH_SEND;
}

/* ---- records ---- */

static bool is_sound(const struct refresh *r, uint64_t now_ms)
{
	uint64_t most_ms = now_ms + (uint64_t)r->interval_s * 1000u;

	if (r->role == REFRESH_OFF)
		return true;
	return r->role < REFRESH_ROLES && r->interval_s >= LEAST_S && r->end_ms != 0 &&
	       r->end_ms <= most_ms && r->due_ms <= most_ms &&
	       (r->role == REFRESH_OURS || r->due_ms == 0);
}

bool refresh_restore(struct refresh *r, uint64_t now_ms)
{
	if (!is_sound(r, now_ms)) {
		memset(r, 0, sizeof *r);
		return false;
	}
	if (r->out && r->role == REFRESH_OURS)
		r->due_ms = now_ms;
	r->out = 0;
	return true;
}
