/* fuzz_sip_edit.c - a message, then lines of changes to it: what is printed is read again as
 * the same, and no change breaks it. A line is "s" or "a" or "f" or "r", a name, ':' and a value. */
#include "common/base/must.h"
#include "signaling/sip/edit.h"
#include "signaling/sip/values.h"

#define CAP (4 * SIP_HEAD_BYTES_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char area[CAP], first[CAP], second[CAP];
static struct sip_msg m;

static void change(struct sip_edit *e, struct str line)
{
	struct str value, name = str_cut((struct str){line.p + 1, line.n - 1}, ':', &value);
	uint32_t count = e->count;
	int err = 0;

	if (line.p[0] == 's')
		err = sip_edit_set(e, name, value);
	else if (line.p[0] == 'a')
		err = sip_edit_add(e, name, value);
	else if (line.p[0] == 'f')
		err = sip_edit_add_first(e, name, value);
	else
		must(sip_edit_remove(e, name) <= count);
	must(err == 0 || e->count == count);
}

static struct str print(const struct sip_edit *e, struct str body, char *to)
{
	struct buf b = buf_of(to, CAP);

	must(sip_edit_print(e, body, &b) == 0 && b.n == sip_edit_size(e, body));
	return buf_str(&b);
}

static void values(const struct sip_edit *e)
{
	struct sip_field f;
	uint32_t n = 0;
	size_t at = 0;

	for (; sip_edit_next(e, &at, &f); n++) {
		struct str scheme, list;
		struct sip_param p;
		struct sip_uri u;
		size_t where;
		int err;

		must(f.id != SIP_CONTENT_LENGTH);
		if (sip_tel_parse(f.value, &u, &where) == 0)
			must(sip_tel_eq(&u, &u) || u.params.n > 0);
		must(where <= f.value.n);
		if (sip_scheme_cut(f.value, &scheme, &list) == 0)
			while (sip_scheme_param_next(&list, &p, &err))
				must(p.value.n <= f.value.n);
	}
	must(n == e->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str changes, one, text = {(const char *)data, size};
	struct sip_edit e;

	if (size > 16384 || sip_parse(text.p, text.n, &m) != 0 || m.fault != 0)
		return 0;
	changes = (struct str){m.body.p + m.body.n, (size_t)(text.p + text.n - (m.body.p + m.body.n))};
	if (sip_edit_load(&e, area, sizeof area, &m) != 0)
		return 0;
	while (changes.n > 0) {
		one = str_cut(changes, '\n', &changes);
		if (one.n > 0)
			change(&e, one);
	}
	values(&e);
	text = print(&e, m.body, first);
	if (text.n > SIP_HEAD_BYTES_MAX)
		return 0;
	must(sip_parse(text.p, text.n, &m) == 0 && m.fault == 0 && m.count == e.count + 1);
	must(sip_edit_load(&e, area, sizeof area, &m) == 0);
	must(str_eq(print(&e, m.body, second), text));
	return 0;
}
