/* latch.c - see latch.h */
#include "media/rtp/latch.h"

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

/* Packets in sequence that an address has to show; 0 = none are enough. */
static uint8_t proof_wanted(const struct latch *l, const struct addr *from)
{
	if (addr_ip_eq(from, &l->sdp))
		return LATCH_IN_SEQUENCE;
	return l->learns ? LATCH_IN_SEQUENCE_ELSEWHERE : 0;
}

static bool is_proven(struct latch *l, const struct addr *from, uint32_t ssrc,
		      uint16_t seq)
{
	uint8_t wanted = proof_wanted(l, from);
	bool goes_on = l->run > 0 && addr_eq(from, &l->candidate) && ssrc == l->ssrc &&
		       seq == l->next_seq;

	if (wanted == 0)
		return false;
	l->run = goes_on ? (uint8_t)(l->run + 1) : 1;
	l->candidate = *from;
	l->ssrc = ssrc;
	l->next_seq = (uint16_t)(seq + 1);
	return l->run >= wanted;
}

/* hot */
bool latch_accepts(struct latch *l, const struct addr *from, uint32_t ssrc, uint16_t seq)
{
	if (l->is_locked ? addr_eq(from, &l->locked)
			 : addr_eq(from, &l->sdp) || is_proven(l, from, ssrc, seq)) {
		l->locked = *from;
		l->is_locked = true;
		return true;
	}
	l->rejected++;
	return false;
}

bool latch_sendable(const struct addr *a, bool allow_loopback)
{
	return a->family != ADDR_NONE && a->port != 0 && !addr_is_any(a) &&
	       !addr_is_multicast(a) && (allow_loopback || !addr_is_loopback(a));
}
