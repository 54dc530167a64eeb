/* metrics.c - the statistic pages of all processes as Prometheus text. */
#include "control/daemon/metrics.h"

#include <string.h>

/* Numbers of Role in proto/tipring/v1/common.proto, as the supervisor writes them into custody ids. */
enum role {
	SIGNALING = 2,
	MEDIA = 3,
	CONTROL = 4,
	FILES = 5,
	ROLES
};

static const char *role_name(uint32_t role)
{
	static const char *const names[ROLES] = {
		[SIGNALING] = "signaling", [MEDIA] = "media", [CONTROL] = "control", [FILES] = "files",
	};

	return role < ROLES && names[role] != NULL ? names[role] : "other";
}

static void print_row(struct buf *b, const struct stat_value *v, const struct page *p, bool first)
{
	bool counter = v->kind == STAT_COUNTER;

	if (first) {
		buf_z(b, "# HELP tipring_");
		buf_z(b, v->name);
		buf_z(b, counter ? "_total " : " ");
		buf_z(b, v->help);
		buf_z(b, "\n# TYPE tipring_");
		buf_z(b, v->name);
		buf_z(b, counter ? "_total counter\n" : " gauge\n");
	}
	buf_z(b, "tipring_");
	buf_z(b, v->name);
	buf_z(b, counter ? "_total{role=\"" : "{role=\"");
	buf_z(b, role_name(p->role));
	buf_z(b, "\",index=\"");
	buf_u64(b, p->index);
	buf_z(b, "\"} ");
	buf_u64(b, v->value);
	buf_char(b, '\n');
}

/* What each role says of itself under this name; the rows of all of them are one family. */
static const char READY[] = "ready";

/* Rows of one name stand together: all workers of a role have the same table. */
static void print_role(struct control *k, struct buf *b, uint32_t role)
{
	struct stat_value v;

	for (uint32_t row = 0; row < STATPAGE_CAP; row++) {
		bool first = true, there = false;

		for (uint32_t i = 0; i < k->page_count; i++) {
			if (k->pages[i].role != role || statpage_read(&k->pages[i].page, row, &v) != 0)
				continue;
			there = true;
			if (strcmp(v.name, READY) == 0)
				break;
			print_row(b, &v, &k->pages[i], first);
			first = false;
		}
		if (!there)
			return;
	}
}

static void print_control(struct control *k, struct buf *b)
{
	struct stat_value v;

	for (uint32_t row = 0; statpage_read(&k->actor->stats, row, &v) == 0; row++)
		if (strcmp(v.name, READY) != 0)
			print_row(b, &v, &(struct page){.role = CONTROL}, true);
}

static bool find_ready(const struct statpage *s, struct stat_value *ret)
{
	for (uint32_t row = 0; statpage_read(s, row, ret) == 0; row++)
		if (strcmp(ret->name, READY) == 0)
			return true;
	return false;
}

static void print_ready(struct control *k, struct buf *b)
{
	struct stat_value v;
	bool first = !find_ready(&k->actor->stats, &v);

	if (!first)
		print_row(b, &v, &(struct page){.role = CONTROL}, true);
	for (uint32_t i = 0; i < k->page_count; i++) {
		if (!find_ready(&k->pages[i].page, &v))
			continue;
		print_row(b, &v, &k->pages[i], first);
		first = false;
	}
}

/* What every page has, whatever its owner counts. */
static void print_common(struct control *k, struct buf *b, const char *name, const char *help,
			 _Atomic uint64_t *(*word)(const struct statpage *))
{
	struct stat_value v = {.kind = STAT_GAUGE};

	(void)!str_copy(v.name, sizeof v.name, str_of(name));
	(void)!str_copy(v.help, sizeof v.help, str_of(help));
	v.value = atomic_load_explicit(word(&k->actor->stats), memory_order_relaxed);
	print_row(b, &v, &(struct page){.role = CONTROL}, true);
	for (uint32_t i = 0; i < k->page_count; i++) {
		v.value = atomic_load_explicit(word(&k->pages[i].page), memory_order_relaxed);
		print_row(b, &v, &k->pages[i], false);
	}
}

static _Atomic uint64_t *slowest_turn(const struct statpage *p)
{
	return p->slowest_turn_us;
}

static _Atomic uint64_t *config_differs(const struct statpage *p)
{
	return p->config_differs;
}

bool metrics_config_differs(const struct control *k, uint32_t role, uint32_t index)
{
	const struct statpage *page = role == CONTROL ? &k->actor->stats : NULL;

	for (uint32_t i = 0; i < k->page_count && page == NULL; i++)
		if (k->pages[i].role == role && k->pages[i].index == index)
			page = &k->pages[i].page;
	return page != NULL && atomic_load_explicit(page->config_differs, memory_order_relaxed) != 0;
}

/* ---- calls that are over ---- */

/* The value of a label. */
static void label(struct buf *b, const char *z)
{
	for (; *z != '\0'; z++) {
		if (*z == '"' || *z == '\\')
			buf_char(b, '\\');
		buf_char(b, (unsigned char)*z < ' ' ? ' ' : *z);
	}
}

static void family(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_z(b, "# HELP tipring_");
	buf_z(b, name);
	buf_char(b, ' ');
	buf_z(b, help);
	buf_z(b, "\n# TYPE tipring_");
	buf_z(b, name);
	buf_char(b, ' ');
	buf_z(b, type);
	buf_char(b, '\n');
}

static void print_tally(struct buf *b, const struct tally *t)
{
	family(b, "calls_over_total", "counter", "calls that are over, by app, backend and final SIP code");
	for (uint32_t i = 0; i < t->n; i++) {
		buf_z(b, "tipring_calls_over_total{app=\"");
		label(b, t->v[i].app);
		buf_z(b, "\",backend=\"");
		label(b, t->v[i].backend);
		buf_z(b, "\",code=\"");
		buf_u64(b, t->v[i].code);
		buf_z(b, "\"} ");
		buf_u64(b, t->v[i].calls);
		buf_char(b, '\n');
	}
}

static void print_ms_as_s(struct buf *b, uint64_t ms)
{
	buf_u64(b, ms / 1000u);
	buf_char(b, '.');
	buf_u64(b, ms / 100u % 10u);
	buf_u64(b, ms / 10u % 10u);
	buf_u64(b, ms % 10u);
}

static void print_setup(struct buf *b, const struct tally_times *t)
{
	family(b, "call_setup_seconds", "histogram", "from the INVITE to the ACK of its 200");
	for (uint32_t i = 0; i < TALLY_BUCKETS; i++) {
		buf_z(b, "tipring_call_setup_seconds_bucket{le=\"");
		print_ms_as_s(b, tally_bounds_ms[i]);
		buf_z(b, "\"} ");
		buf_u64(b, t->bucket[i]);
		buf_char(b, '\n');
	}
	buf_z(b, "tipring_call_setup_seconds_bucket{le=\"+Inf\"} ");
	buf_u64(b, t->count);
	buf_z(b, "\ntipring_call_setup_seconds_sum ");
	print_ms_as_s(b, t->sum_ms);
	buf_z(b, "\ntipring_call_setup_seconds_count ");
	buf_u64(b, t->count);
	buf_char(b, '\n');
}

static void print_build(struct buf *b, const struct control *k)
{
	family(b, "build_info", "gauge", "1; its labels say which build this is");
	buf_z(b, "tipring_build_info{version=\"" TIPRING_VERSION "\",host=\"");
	label(b, k->host);
	buf_z(b, "\"} 1\n");
}

size_t metrics_print(struct control *k, char *out, size_t cap)
{
	struct buf b = buf_of(out, cap);

	print_control(k, &b);
	print_role(k, &b, SIGNALING);
	print_role(k, &b, MEDIA);
	print_role(k, &b, FILES);
	print_ready(k, &b);
	print_common(k, &b, "slowest_turn_us", "longest turn of the main loop so far, microseconds", slowest_turn);
	print_common(k, &b, "config_differs", "1: runs settings that the configuration file does not have any more", config_differs);
	print_tally(&b, &k->tally);
	print_setup(&b, &k->tally.setup);
	print_build(&b, k);
	return buf_ok(&b) ? b.n : 0;
}
