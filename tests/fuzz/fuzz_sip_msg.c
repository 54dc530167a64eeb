/* fuzz_sip_msg.c - one datagram: everything found lies inside of it, and whatever is made
 * from it (an answer, a BYE) is SIP again. */
#include <stdlib.h>

#include "common/base/must.h"
#include "signaling/sip/dialog.h"
#include "signaling/sip/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sip_msg m, again;
static struct sip_core core, core_again;

static void inside(struct str s, const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;

	must(s.n == 0 || (s.p >= p && s.p + s.n <= p + size));
}

static void check_index(const uint8_t *data, size_t size)
{
	must(m.count <= SIP_HEADERS_MAX);
	inside(m.method_name, data, size);
	inside(m.uri, data, size);
	inside(m.reason, data, size);
	inside(m.body, data, size);
	for (uint16_t i = 0; i < m.count; i++) {
		const struct sip_field *f = &m.fields[i];

		inside(f->name, data, size);
		inside(f->value, data, size);
		must(f->name.n > 0 && f->id < SIP_HEADERS);
		must(f->next == SIP_NONE ||
		     (f->next > i && f->next < m.count && m.fields[f->next].id == f->id));
	}
}

static void check_reply(unsigned code)
{
	static struct sip_skeleton k;
	static char area[SIP_RESPONSE_BYTES];
	struct buf b = buf_of(area, sizeof area);
	struct addr source = {.family = ADDR_V4, .port = 9, .ip = {192, 0, 2, 1}};
	struct sip_reply r = {.code = code, .to_tag = STR("us"), .make_dialog = true};

	if (sip_skeleton_make(&m, &core, &source, false, &k) != 0)
		return;
	if (sip_reply_print(&b, &k, &r) != 0)
		return;
	must(sip_parse(b.p, b.n, &again) == 0);
	must(!again.is_request && again.status == code && again.body.n == 0);
}

static void check_bye(void)
{
	static struct sip_dialog d;
	static char area[8192];
	struct buf b = buf_of(area, sizeof area);
	struct sip_dialog_request r = {
		.method = STR("BYE"), .via_host = STR("h"), .branch = STR("b")};

	if (sip_dialog_uas(&d, &m, &core, STR("us")) != 0)
		return;
	must(sip_dialog_print(&d, &r, &b) == 0);
	must(sip_parse(b.p, b.n, &again) == 0);
	must(again.is_request && again.fault == 0 && again.method == SIP_M_BYE);
	must(sip_validate(&again, &core_again).status == 0);
	must(str_eq(core_again.call_id, core.call_id));
	must(str_eq(core_again.to.tag, core.from.tag));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_verdict v;

	if (sip_parse((const char *)data, size, &m) != 0)
		return 0;
	check_index(data, size);
	if (!m.is_request)
		return 0;
	v = sip_validate(&m, &core);
	if (v.status == SIP_DROP)
		return 0;
	must(v.status == 0 || (v.status >= 400 && v.status < 700));
	check_reply(v.status != 0 ? v.status : 200);
	if (v.status == 0)
		check_bye();
	return 0;
}
