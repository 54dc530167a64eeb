/* sip_sofia.c - see sip_sofia.h */
#include "tests/bench/sip_sofia.h"

#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>

bool sip_sofia_parse(const char *p, size_t n)
{
	msg_t *m = msg_make(sip_default_mclass(), 0, p, (ssize_t)n);
	const sip_t *s = m != NULL ? sip_object(m) : NULL;
	bool good = s != NULL && s->sip_error == NULL && s->sip_cseq != NULL;

	if (m != NULL)
		msg_destroy(m);
	return good;
}
