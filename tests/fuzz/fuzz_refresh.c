/* fuzz_refresh.c - header fields of a peer, in any order of requests and responses: the timer is one
 * that a record may hold, what we say can be read again, and no peer makes us busy. */
#include <string.h>

#include "common/base/must.h"
#include "signaling/leg/refresh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LEAST_PAUSE_MS 1000u /* between two refreshes that are answered */

static struct sip_msg msg;

static const struct sip_msg *message(const char *first, struct str lines)
{
	static char text[1024];
	struct buf b = buf_of(text, sizeof text);

	buf_z(&b, first);
	buf_str_put(&b, lines);
	buf_z(&b, "\r\n\r\n");
	return buf_ok(&b) && sip_parse(b.p, b.n, &msg) == 0 ? &msg : NULL;
}

static void check(const struct refresh *r, uint64_t now_ms)
{
	struct refresh copy = *r;

	must(refresh_restore(&copy, now_ms));
	must(r->role == REFRESH_OFF ? refresh_deadline_ms(r) == UINT64_MAX : r->interval_s >= 2);
}

/* What the 2xx says is what is in force. */
static void answer(struct refresh *r, const struct refresh_config *cfg, uint64_t now_ms)
{
	char text[REFRESH_LINES_BYTES];
	struct buf b = buf_of(text, sizeof text);
	const struct sip_msg *m;
	struct refresh_value v;

	refresh_answer(r, cfg, now_ms, &b);
	must(buf_ok(&b));
	if (b.n == 0) { /* to a peer that knows nothing of timers */
		must(r->role == REFRESH_OFF);
		return;
	}
	m = message("SIP/2.0 200 OK\r\n", (struct str){b.p, b.n - 2});
	must(m != NULL);
	v = refresh_parse(sip_value(m, SIP_SESSION_EXPIRES));
	must(v.s == r->interval_s && (v.s == 0) == (r->role == REFRESH_OFF));
	must(v.side == (r->role == REFRESH_OURS ? REFRESH_UAS : r->role == REFRESH_THEIRS ? REFRESH_UAC : REFRESH_UNNAMED));
}

static void put(const struct refresh *r, const struct refresh_config *cfg)
{
	char text[REFRESH_LINES_BYTES];
	struct buf b = buf_of(text, sizeof text);

	refresh_put(r, cfg, &b);
	must(buf_ok(&b));
}

static void step(struct refresh *r, const struct refresh_config *cfg, unsigned what, struct str lines, uint64_t *now_ms)
{
	const struct sip_msg *m = message(what % 2 ? "SIP/2.0 422 X\r\n" : "INVITE sip:a@b SIP/2.0\r\n", lines);
	uint64_t before = *now_ms;

	*now_ms += what;
	if (m == NULL)
		return;
	if (what % 8 == 0 && refresh_asked(r, cfg, m) == 0)
		answer(r, cfg, *now_ms);
	else if (what % 8 == 1)
		refresh_agreed(r, m, *now_ms);
	else if (what % 8 == 3)
		(void)refresh_too_short(r, m);
	else if (what % 8 == 5)
		(void)refresh_refused(r, &(struct refresh_refusal){.code = 400 + what, .m = m, .owner = what & 16, .chance = before}, *now_ms);
	else if (what % 8 == 2 && r->role != REFRESH_OFF)
		*now_ms = *now_ms < refresh_deadline_ms(r) ? refresh_deadline_ms(r) : *now_ms;
	if (what % 8 == 2 && refresh_due(r, *now_ms) == REFRESH_SEND) {
		refresh_sent(r);
		refresh_agreed(r, message("SIP/2.0 200 OK\r\n", STR("X: y")), *now_ms);
		must(r->due_ms >= *now_ms + LEAST_PAUSE_MS);
	}
	put(r, cfg);
	check(r, *now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct refresh r;
	struct refresh_config cfg = {.session_expires_s = 1800, .min_se_s = 90};
	uint64_t now_ms = 1000;

	memset(&r, 0, sizeof r);
	if (size > 0 && data[0] % 2)
		cfg = (struct refresh_config){.min_se_s = data[0] / 2};
	while (rest.n > 0) {
		struct str lines = str_cut(rest, '\0', &rest);

		if (lines.n > 0)
			step(&r, &cfg, (unsigned char)lines.p[0], (struct str){lines.p + 1, lines.n - 1}, &now_ms);
	}
	return 0;
}
