/* statpage.c - see statpage.h */
#include "common/shm/statpage.h"

#include <stdalign.h>
#include <string.h>

#define MAGIC 0x3174617473676e69ull /* "ingstat1" */
#define LINE  128u

struct row {
	char name[STAT_NAME_BYTES];
	char help[STAT_HELP_BYTES];
	uint32_t kind;
	uint32_t pad;
};

struct page {
	uint64_t magic;
	_Atomic uint64_t count; /* rows described */
	alignas(LINE) _Atomic uint64_t heartbeat_ms;
	_Atomic uint64_t slowest_turn_us;
	_Atomic uint64_t config_differs;
	lifeline_word lifeline;
	alignas(LINE) _Atomic uint64_t values[STATPAGE_CAP];
	struct row rows[STATPAGE_CAP];
};

static struct statpage over(struct region r)
{
	struct page *p = r.p;

	return (struct statpage){
		.region = r,
		.values = p->values,
		.heartbeat_ms = &p->heartbeat_ms,
		.slowest_turn_us = &p->slowest_turn_us,
		.config_differs = &p->config_differs,
		.lifeline = &p->lifeline,
	};
}

int statpage_create(const char *name, struct statpage *ret)
{
	struct region r;
	struct page *p;
	int err;

	err = region_create(name, sizeof(struct page), &r);
	if (err != 0)
		return err;

	p = r.p;
	p->magic = MAGIC;
	*ret = over(r);
	return 0;
}

int statpage_adopt(int fd, bool writable, struct statpage *ret)
{
	struct region r;
	const struct page *p;
	int err;

	err = region_adopt(fd, sizeof(struct page), writable, &r);
	if (err != 0)
		return err;

	p = r.p;
	if (p->magic != MAGIC) {
		region_unmap(&r);
		return ERR_CORRUPT;
	}

	*ret = over(r);
	return 0;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_help_char(char c)
{
	return c >= ' ' && c <= '~';
}

static bool row_is_valid(const struct stat_row *r)
{
	size_t name_n = strnlen(r->name, STAT_NAME_BYTES);
	size_t help_n = strnlen(r->help, STAT_HELP_BYTES);

	for (size_t i = 0; i < name_n; i++)
		if (!is_name_char(r->name[i]))
			return false;
	for (size_t i = 0; i < help_n && help_n < STAT_HELP_BYTES; i++)
		if (!is_help_char(r->help[i]))
			return false;

	return name_n > 0 && name_n < STAT_NAME_BYTES && help_n < STAT_HELP_BYTES &&
	       r->kind < STAT_KINDS;
}

static int table_check(const struct stat_row *rows, uint32_t count)
{
	if (count > STATPAGE_CAP)
		return ERR_NOSPC;

	for (uint32_t i = 0; i < count; i++) {
		if (!row_is_valid(&rows[i]))
			return ERR_INVAL;
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(rows[i].name, rows[k].name) == 0)
				return ERR_INVAL;
	}
	return 0;
}

/* The value an earlier owner left under `name`, else 0. */
static uint64_t value_of(const struct stat_value *old, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(old[i].name, name) == 0)
			return old[i].value;
	return 0;
}

int statpage_describe(struct statpage *s, const struct stat_row *rows, uint32_t count)
{
	struct page *p = s->region.p;
	struct stat_value old[STATPAGE_CAP];
	uint32_t old_count = 0;
	int err;

	err = table_check(rows, count);
	if (err != 0)
		return err;

	while (old_count < STATPAGE_CAP &&
	       statpage_read(s, old_count, &old[old_count]) == 0)
		old_count++;

	/* An owner killed from here on leaves an empty table, never a value under a wrong
	 * name. */
	atomic_store(&p->count, 0);
	for (uint32_t i = 0; i < count; i++) {
		struct row *r = &p->rows[i];

		*r = (struct row){.kind = (uint32_t)rows[i].kind};
		memcpy(r->name, rows[i].name, strlen(rows[i].name));
		memcpy(r->help, rows[i].help, strlen(rows[i].help));
		stat_set(s, i, value_of(old, old_count, rows[i].name));
	}
	atomic_store(&p->count, count);

	s->count = count;
	return 0;
}

void statpage_close(struct statpage *s)
{
	region_close(&s->region);
}

void statpage_turn(struct statpage *s, uint64_t turn_start_ns, uint64_t now_ns)
{
	uint64_t us = now_ns > turn_start_ns ? (now_ns - turn_start_ns) / 1000 : 0;

	atomic_store_explicit(s->heartbeat_ms, now_ns / 1000000, memory_order_relaxed);
	if (us > atomic_load_explicit(s->slowest_turn_us, memory_order_relaxed))
		atomic_store_explicit(s->slowest_turn_us, us, memory_order_relaxed);
}

/* Copy text from the page, where it may change meanwhile: every byte is read once. */
static void text_get(char *dst, const char *src, size_t cap, bool (*is_good)(char))
{
	size_t n = 0;

	memcpy(dst, src, cap);
	dst[cap - 1] = '\0';
	for (; dst[n] != '\0'; n++)
		if (!is_good(dst[n]))
			dst[n] = '_';
}

int statpage_read(const struct statpage *s, uint32_t i, struct stat_value *ret)
{
	const struct page *p = s->region.p;
	uint64_t count = atomic_load_explicit(&p->count, memory_order_acquire);
	uint32_t kind;

	if (i >= STATPAGE_CAP || i >= count)
		return ERR_NOENT;

	text_get(ret->name, p->rows[i].name, sizeof ret->name, is_name_char);
	text_get(ret->help, p->rows[i].help, sizeof ret->help, is_help_char);
	kind = p->rows[i].kind;
	ret->kind = kind < STAT_KINDS ? (enum stat_kind)kind : STAT_GAUGE;
	ret->value = atomic_load_explicit(&p->values[i], memory_order_relaxed);
	return 0;
}
