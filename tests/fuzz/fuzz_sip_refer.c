/* fuzz_sip_refer.c - Refer-To, Replaces, sipfrag, Subscription-State and Event from anybody: what
 * was read lies inside, and what is written of it is read as the same and ends no line. */
#include "common/base/must.h"
#include "signaling/sip/msg.h"
#include "signaling/sip/refer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str part, struct str whole)
{
	must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check_replaces(struct str value)
{
	static char area[70000], written[70000];
	struct buf b = buf_of(area, sizeof area), to = buf_of(written, sizeof written);
	struct sip_replaces r, again;
	struct str uri;
	char found[2048];
	struct buf back = buf_of(found, sizeof found);

	if (sip_replaces_parse(value, &r) != 0)
		return;
	inside(r.call_id, value);
	inside(r.to_tag, value);
	inside(r.from_tag, value);
	must(sip_put_replaces(&b, &r) == 0 && sip_is_one_line(buf_str(&b)));
	must(sip_replaces_parse(buf_str(&b), &again) == 0);
	must(str_eq(r.call_id, again.call_id) && str_eq(r.to_tag, again.to_tag) &&
	     str_eq(r.from_tag, again.from_tag) && r.early_only == again.early_only);
	if (b.n > 1024)
		return;
	must(sip_put_refer_to(&to, STR("sip:a@192.0.2.1"), &r) == 0 && sip_is_one_line(buf_str(&to)));
	must(sip_refer_to_parse(buf_str(&to), &uri, &back) == 0);
	must(str_eq(buf_str(&back), buf_str(&b)) && str_eq(uri, STR("sip:a@192.0.2.1")));
}

static void check_refer_to(struct str value)
{
	static char area[1024], written[70000];
	struct buf b = buf_of(area, sizeof area), to = buf_of(written, sizeof written);
	struct sip_replaces r;
	struct str uri = {"", 0};

	if (sip_refer_to_parse(value, &uri, &b) != 0) {
		must(b.n == 0 && buf_ok(&b));
		return;
	}
	inside(uri, value);
	must(memchr(uri.p, '?', uri.n) == NULL || memchr(uri.p, '@', uri.n) != NULL);
	must(b.n == 0 || (sip_replaces_parse(buf_str(&b), &r) == 0 && sip_is_one_line(buf_str(&b))));
	must(sip_put_refer_to(&to, uri, NULL) == 0 && sip_is_one_line(buf_str(&to)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size}, reason;
	struct sip_sub_state sub;
	uint32_t id;

	if (size > 20000)
		return 0;
	check_replaces(all);
	check_refer_to(all);
	if (sip_frag_status(all, &reason) != 0)
		inside(reason, all);
	if (sip_sub_state_parse(all, &sub) == 0)
		inside(sub.reason, all);
	(void)sip_event_is_refer(all, &id);
	return 0;
}
