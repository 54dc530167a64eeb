/* fuzz_registration_record.c - a record of a predecessor: what is taken can be gone on with,
 * and is the same when it is packed and taken again. */
#include "common/base/must.h"
#include "signaling/registration/registration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void go_on(const struct registration_record *r)
{
	static struct registration g;
	static char area[SIP_REQUEST_BYTES];
	static struct sip_msg m;
	struct registration_effects out;
	struct rand rand;
	struct buf b = buf_of(area, sizeof area);

	memset(&g, 0, sizeof g);
	g.r = *r;
	rand_seed(&rand, 1);
	if (!registration_input(&g, BIND_EV_RESUME, &rand, 1000, &out) || out.n == 0 ||
	    out.v[0] != BIND_FX_SEND)
		return;
	if (registration_print(&g, &(struct registration_send){.branch = STR("z9hG4bK1")}, &b) != 0)
		return;
	must(sip_parse(area, b.n, &m) == 0 && m.fault == 0);
	must(g.r.head.cseq == r->head.cseq + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct registration_record r, again;
	static char packed[REGISTRATION_PACKED_BYTES];
	size_t n;

	if (registration_unpack((const char *)data, size, &r) != 0)
		return 0;
	n = registration_pack(&r, packed);
	must(registration_unpack(packed, n, &again) == 0);
	must(memcmp(&r, &again, sizeof r) == 0);
	(void)registration_is_timely(&r, 1000);
	go_on(&r);
	return 0;
}
