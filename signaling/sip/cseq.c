/* cseq.c - see cseq.h */
#include "signaling/sip/cseq.h"

#include "common/base/scan.h"
#include "signaling/sip/msg.h"

/* CSeq = 1*DIGIT LWS Method; the white space may be a folded line end. */
static int parse(struct scan *s, struct sip_cseq *out)
{
	struct sip_cseq c;
	const char *gap;

	sip_lws(s);
	c.number = scan_u32(s);
	gap = s->p;
	sip_lws(s);
	if (s->err == 0 && s->p == gap)
		return ERR_SYNTAX;
	c.method = scan_token(s);
	sip_lws(s);
	scan_end(s);

	if (s->err != 0)
		return s->err;
	if (c.number > SIP_CSEQ_MAX)
		return ERR_RANGE;

	*out = c;
	return 0;
}

int sip_cseq_parse_at(struct str in, struct sip_cseq *out, size_t *at)
{
	struct scan s = scan_of(in);
	int err = parse(&s, out);

	*at = (size_t)(s.p - in.p);
	return err;
}

int sip_cseq_parse(struct str in, struct sip_cseq *out)
{
	struct scan s = scan_of(in);

	return parse(&s, out);
}
