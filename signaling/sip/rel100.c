/* rel100.c - see rel100.h */
#include "signaling/sip/rel100.h"

#include "signaling/sip/txn.h"
#include "signaling/sip/uses.h"

#define RSEQ_FIRST_MAX 0x7fffffffu /* RFC 3262 3 */

/* ---- of the peer ---- */

static bool requires_100rel(const struct sip_msg *m)
{
	for (uint16_t i = m->first[SIP_REQUIRE]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		while (rest.n > 0)
			if (str_ieq(str_trim(sip_list_next(&rest)), STR("100rel")))
				return true;
	}
	return false;
}

bool sip_is_reliable(const struct sip_msg *m, uint32_t *ret_rseq)
{
	struct scan s = scan_of(sip_value(m, SIP_RSEQ));

	if (m->is_request || m->status <= 100 || m->status >= 200 ||
	    sip_fault_in(m, SIP_BIT(REQUIRE) | SIP_BIT(RSEQ)) != NULL || !requires_100rel(m))
		return false;
	*ret_rseq = scan_u32(&s);
	scan_end(&s);
	return s.err == 0 && *ret_rseq != 0;
}

/* Its place, made when there is room; SIP_EARLY_MAX: there is none. */
static uint32_t place_of(struct sip_early *e, uint64_t tag, bool *ret_new)
{
	for (uint32_t i = 0; i < e->count && i < SIP_EARLY_MAX; i++)
		if (e->v[i].tag == tag)
			return i;
	if (e->count >= SIP_EARLY_MAX)
		return SIP_EARLY_MAX;
	e->v[e->count].tag = tag;
	e->v[e->count].rseq = 0;
	*ret_new = true;
	return e->count++;
}

static enum sip_early_kind kind_of(uint32_t last, uint32_t rseq)
{
	if (last != 0 && rseq <= last)
		return SIP_EARLY_REPEAT;
	return last != 0 && rseq - last > 1 ? SIP_EARLY_GAP : SIP_EARLY_PRACK;
}

struct sip_early_seen sip_early_take(struct sip_early *e, const struct map_key *key,
				     const struct sip_msg *m, const struct sip_core *c)
{
	struct sip_early_seen seen = {.kind = SIP_EARLY_PLAIN};
	uint32_t at, rseq;

	if (m->is_request || m->status <= 100 || m->status >= 200 || c->to.tag.n == 0)
		return seen;
	at = place_of(e, map_hash(key, c->to.tag.p, c->to.tag.n), &seen.is_new);
	if (at == SIP_EARLY_MAX) {
		seen.kind = SIP_EARLY_FULL;
		return seen;
	}
	if (!sip_is_reliable(m, &rseq))
		return seen;
	seen.rseq = rseq;
	seen.kind = kind_of(e->v[at].rseq, rseq);
	if (seen.kind == SIP_EARLY_PRACK)
		e->v[at].rseq = rseq;
	return seen;
}

void sip_put_rack(struct buf *b, uint32_t rseq, uint32_t cseq)
{
	buf_z(b, "RAck: ");
	buf_u64(b, rseq);
	buf_char(b, ' ');
	buf_u64(b, cseq);
	buf_z(b, " INVITE\r\n");
}

/* ---- of ours ---- */

int sip_rel100_send(struct sip_rel100 *r, uint32_t cseq, uint64_t chance, uint64_t now_ms,
		    uint32_t *ret_rseq)
{
	if (r->cseq != cseq || r->rseq == 0)
		*r = (struct sip_rel100){.cseq = cseq,
					 .rseq = (uint32_t)(chance % RSEQ_FIRST_MAX)};
	if (r->waits)
		return ERR_AGAIN;
	r->rseq++;
	r->waits = 1;
	r->interval_ms = SIP_T1_MS;
	r->resend_ms = now_ms + SIP_T1_MS;
	r->give_up_ms = now_ms + SIP_TIMEOUT_MS;
	*ret_rseq = r->rseq;
	return 0;
}

void sip_put_rseq(struct buf *b, uint32_t rseq)
{
	buf_z(b, "Require: 100rel\r\nRSeq: ");
	buf_u64(b, rseq);
	buf_z(b, "\r\n");
}

void sip_rel100_stop(struct sip_rel100 *r)
{
	r->resend_ms = r->give_up_ms = UINT64_MAX;
}

int sip_rel100_prack(struct sip_rel100 *r, const struct sip_msg *m)
{
	struct scan s = scan_of(sip_value(m, SIP_RACK));
	uint32_t rseq, cseq;
	struct str method;

	rseq = scan_u32(&s);
	scan_ws1(&s);
	cseq = scan_u32(&s);
	scan_ws1(&s);
	method = scan_token(&s);
	scan_end(&s);
	if (s.err != 0 || sip_fault_in(m, SIP_BIT(RACK)) != NULL)
		return ERR_SYNTAX;
	if (!r->waits || rseq != r->rseq || cseq != r->cseq || !str_eq(method, STR("INVITE")))
		return ERR_NOENT;
	r->waits = 0;
	sip_rel100_stop(r);
	return 0;
}

uint64_t sip_rel100_deadline(const struct sip_rel100 *r)
{
	if (!r->waits)
		return UINT64_MAX;
	return r->resend_ms < r->give_up_ms ? r->resend_ms : r->give_up_ms;
}

enum sip_rel100_due sip_rel100_tick(struct sip_rel100 *r, uint64_t now_ms)
{
	if (now_ms < sip_rel100_deadline(r))
		return SIP_REL100_NOTHING;
	if (now_ms >= r->give_up_ms) {
		sip_rel100_stop(r);
		return SIP_REL100_GIVE_UP;
	}
	r->interval_ms *= 2;
	r->resend_ms = now_ms + r->interval_ms;
	return SIP_REL100_RESEND;
}
