/* latch.c - see latch.h */
#include "media/rtp/latch.h"

#define MS 1000000ull

void latch_init(struct latch *l, const struct addr *sdp)
{
	*l = (struct latch){.sdp = *sdp};
}

void latch_learn(struct latch *l, bool on)
{
	l->learns = on;
}

const struct addr *latch_remote(const struct latch *l)
{
	return l->is_locked ? &l->locked : &l->sdp;
}

bool latch_is_certain(const struct latch *l)
{
	return l->is_locked && addr_eq(&l->locked, &l->sdp);
}

static bool has_passed(uint64_t since_ns, uint64_t ms, uint64_t now_ns)
{
	return now_ns >= since_ns && now_ns - since_ns >= ms * MS;
}

bool latch_is_silent(const struct latch *l, uint64_t now_ns)
{
	return l->is_locked && has_passed(l->heard_ns, LATCH_SOURCE_SILENT_MS, now_ns);
}

static enum latch_verdict believe(struct latch *l, const struct latch_packet *p, uint8_t shown)
{
	enum latch_verdict v = l->is_locked ? LATCH_MOVED : LATCH_FOUND;

	l->locked = *p->from;
	l->is_locked = true;
	l->shown = shown;
	l->heard_ns = p->now_ns;
	return v;
}

/* One or two packets of the named address, and then nothing: a ghost, or a hole made in a NAT. It goes on being missed. */
static bool is_open(const struct latch *l)
{
	return !l->is_locked || l->shown < LATCH_IN_SEQUENCE;
}

/* Packets in sequence that a candidate has to show; 0 = none are enough. */
static uint8_t proof_wanted(const struct latch *l, const struct latch_packet *p)
{
	if (!is_open(l))
		return p->goes_on && addr_ip_eq(p->from, &l->locked) ? LATCH_IN_SEQUENCE : 0;
	if (addr_ip_eq(p->from, &l->sdp))
		return LATCH_IN_SEQUENCE;
	return l->learns ? LATCH_IN_SEQUENCE_ELSEWHERE : 0;
}

static enum latch_verdict judge(struct latch *l, const struct latch_packet *p)
{
	uint8_t wanted = proof_wanted(l, p);
	bool goes_on = addr_eq(p->from, &l->candidate) && p->ssrc == l->ssrc && p->seq == l->next_seq;

	if (wanted == 0)
		return LATCH_REFUSED;
	if (l->heard_ns == 0)
		l->heard_ns = p->now_ns; /* from now on the named one is missed */
	l->run = !goes_on ? 1 : l->run < UINT8_MAX ? (uint8_t)(l->run + 1) : l->run;
	l->candidate = *p->from;
	l->ssrc = p->ssrc;
	l->next_seq = (uint16_t)(p->seq + 1);
	if (l->run < wanted ||
	    !has_passed(l->heard_ns, is_open(l) ? LATCH_NAMED_SILENT_MS : LATCH_SOURCE_SILENT_MS, p->now_ns))
		return LATCH_WAITING;
	return believe(l, p, LATCH_IN_SEQUENCE);
}

/* hot */
enum latch_verdict latch_take(struct latch *l, const struct latch_packet *p)
{
	if (l->is_locked && addr_eq(p->from, &l->locked)) {
		latch_heard(l, p->now_ns);
		return LATCH_BELIEVED;
	}
	return addr_eq(p->from, &l->sdp) ? believe(l, p, 1) : judge(l, p);
}

bool latch_sendable(const struct addr *a, bool allow_loopback)
{
	return a->family != ADDR_NONE && a->port != 0 && !addr_is_any(a) &&
	       !addr_is_multicast(a) && (allow_loopback || !addr_is_loopback(a));
}

bool latch_is_news(struct latch_told *t, const struct addr *from)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (addr_eq(&t->v[i], from))
			return false;
	if (t->n == LATCH_TOLD_MAX)
		return false;
	t->v[t->n++] = *from;
	return true;
}
