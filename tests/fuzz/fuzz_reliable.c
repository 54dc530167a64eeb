/* fuzz_reliable.c - an INVITE we serve, its provisionals and PRACKs of anybody, in any order: texts
 * divided by NUL; the first octet says what comes, 'p' a PRACK with what follows as its RAck, 'P' the right
 * one, 'i' what the INVITE supports, 'q' what it requires, 'r' and 'd' a ringing and one that describes, 'a' the answer, 'o' its end,
 * 't' a pause, 'k' a change of process. One at a time is out, nothing waits for ever, and only the RAck
 * of the one that is out is taken. */
#include <stdio.h>
#include <string.h>

#include "common/base/must.h"
#include "signaling/leg/reliable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CSEQ     7u
#define STEPS    64u
#define MOST_MS  64000u /* nothing is due later */

static struct sip_msg msg;

static const struct sip_msg *message(const char *first, const char *name, struct str value)
{
	static char text[1024];
	struct buf b = buf_of(text, sizeof text);

	buf_z(&b, first);
	buf_z(&b, name);
	buf_str_put(&b, value);
	buf_z(&b, "\r\n\r\n");
	return buf_ok(&b) && sip_parse(b.p, b.n, &msg) == 0 ? &msg : NULL;
}

static void check(const struct reliable *r, uint64_t now_ms)
{
	struct reliable copy = *r;
	uint64_t due = sip_rel100_deadline(&r->out);

	must(r->state < RELIABLE_STATES && r->out.rseq < 0x80000000u);
	must(due == UINT64_MAX || due <= now_ms + MOST_MS);
	must(reliable_mend(&copy, now_ms));
	must(memcmp(&copy, r, sizeof copy) == 0);
}

/* Its repetitions until now, as the owner has them. */
static bool pause_for(struct reliable *r, uint64_t until_ms)
{
	enum sip_rel100_due due = SIP_REL100_RESEND;

	for (unsigned i = 0; due == SIP_REL100_RESEND; i++) {
		must(i < 64);
		due = sip_rel100_tick(&r->out, until_ms);
	}
	return due != SIP_REL100_GIVE_UP;
}

static enum reliable_do input(struct reliable *r, enum reliable_event ev, uint64_t now_ms)
{
	return reliable_event(r, ev, CSEQ, now_ms * 0x9e3779b97f4a7c15u, now_ms);
}

static void prack(struct reliable *r, struct str rack, uint64_t now_ms)
{
	const struct sip_msg *m = message("PRACK sip:a SIP/2.0\r\n", "RAck: ", rack);
	struct sip_rel100 before = r->out;
	char wanted[64];
	int n = snprintf(wanted, sizeof wanted, "%u %u INVITE", before.rseq, before.cseq);

	if (m == NULL)
		return;
	if (sip_rel100_prack(&r->out, m) != 0) {
		must(memcmp(&r->out, &before, sizeof before) == 0);
		must(!before.waits || !str_eq(rack, (struct str){wanted, (size_t)n}));
		return;
	}
	must(before.waits && !r->out.waits);
	(void)input(r, RELIABLE_EV_PRACK, now_ms);
}

/* What the one that is out really wants. */
static void prack_it(struct reliable *r, uint64_t now_ms)
{
	char rack[64];
	int n = snprintf(rack, sizeof rack, "%u %u INVITE", r->out.rseq, r->out.cseq);
	bool waits = r->out.waits;

	prack(r, (struct str){rack, (size_t)n}, now_ms);
	must(!waits || !r->out.waits || r->out.rseq > 0);
}

/* False: the INVITE is over. */
static bool step(struct reliable *r, struct str s, uint64_t *now_ms)
{
	struct str rest = {s.p + 1, s.n - 1};
	const struct sip_msg *m;

	switch (s.p[0]) {
	case 'p':
		prack(r, rest, *now_ms);
		break;
	case 'P':
		prack_it(r, *now_ms);
		break;
	case 'i':
	case 'q':
		m = message("INVITE sip:a SIP/2.0\r\n", s.p[0] == 'i' ? "Supported: " : "Require: ", rest);
		if (m != NULL && r->caller == RELIABLE_UNKNOWN && r->state == RELIABLE_FREE)
			r->caller = reliable_caller_of(m);
		break;
	case 'r':
	case 'd':
		r->wish = (struct reliable_wish){.code = 180 + (uint32_t)(rest.n % 4), .described = s.p[0] == 'd'};
		(void)input(r, RELIABLE_EV_RING, *now_ms);
		break;
	case 'a':
		return input(r, RELIABLE_EV_ANSWER, *now_ms) == RELIABLE_HOLD;
	case 'o':
		(void)input(r, RELIABLE_EV_OVER, *now_ms);
		return false;
	case 't':
		*now_ms += 64u * (rest.n > 0 ? (unsigned char)rest.p[0] : 1u);
		return pause_for(r, *now_ms);
	default:
		break;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct reliable r;
	uint64_t now_ms = 1000;

	memset(&r, 0, sizeof r);
	for (unsigned i = 0; rest.n > 0 && i < STEPS; i++) {
		struct str s = str_cut(rest, '\0', &rest);

		if (s.n > 0 && !step(&r, s, &now_ms))
			return 0;
		check(&r, now_ms);
	}
	return 0;
}
