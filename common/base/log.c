/* log.c - see log.h; also where must() ends. */
#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/must.h"
#include "common/base/sink.h"

#define RATES 128u /* event names; more share */
#define TELL_MS 1000u

/* How often an event is told: GCRA in one word. */
struct rate {
	const char *_Atomic event;  /* NULL: free */
	_Atomic uint64_t earned_us; /* the time up to which lines are used up */
	_Atomic uint64_t silent;    /* lines since the last log.limited */
};

/* One per process and set before the first thread: the exception to "no globals". */
static const char *process_name = "tipring";
static _Atomic enum log_level least_level = LOG_INFO;
static struct sink sink = {.fd = STDERR_FILENO, .kind = SINK_FILE};
static struct rate rates[RATES];
static _Atomic uint64_t dropped;
static uint64_t tell_ms; /* next */
static char last_error[SINK_LINE_MAX];

void log_open(const char *process, enum log_level least)
{
	process_name = process;
	log_least(least);
	sink_close(&sink);
	sink_open(&sink, STDERR_FILENO);
}

void log_least(enum log_level least)
{
	atomic_store_explicit(&least_level, least, memory_order_relaxed);
}

bool log_on(enum log_level level)
{
	return level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

/* ---- how often ---- */

static struct rate *rate_of(const char *event)
{
	uint32_t h = 2166136261u;

	for (const char *z = event; *z != '\0'; z++)
		h = (h ^ (unsigned char)*z) * 16777619u;
	for (uint32_t i = 0; i < RATES; i++) {
		struct rate *r = &rates[(h + i) % RATES];
		const char *known = atomic_load(&r->event);

		if (known == NULL && atomic_compare_exchange_strong(&r->event, &known, event))
			return r;
		if (strcmp(known, event) == 0)
			return r;
	}
	return &rates[h % RATES];
}

static bool rate_allows(struct rate *r)
{
	const uint64_t one_us = 1000000u / LOG_PER_SECOND;
	uint64_t now_us = clock_ns() / 1000u, earned, from;

	earned = atomic_load_explicit(&r->earned_us, memory_order_relaxed);
	do {
		from = earned > now_us ? earned : now_us;
		if (from + one_us > now_us + LOG_BURST * one_us) {
			atomic_fetch_add(&r->silent, 1);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&r->earned_us, &earned, from + one_us));
	return true;
}

/* ---- a line ---- */

static void put_time(struct buf *b)
{
	uint64_t ns = clock_unix_ns();
	time_t s = (time_t)(ns / 1000000000u);
	struct tm tm;
	char z[96]; /* more than any date needs, which the compiler can not know */

	gmtime_r(&s, &tm);
	snprintf(z, sizeof z, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (unsigned)(ns / 1000000u % 1000u));
	buf_z(b, z);
}

/* Nothing a peer sent may forge a line or steer a terminal. */
static void put_escaped(struct buf *b, const char *z)
{
	for (; *z != '\0' && b->n + 4 <= b->cap; z++) {
		unsigned char c = (unsigned char)*z;

		if (c >= ' ' && c < 0x7f) {
			buf_char(b, *z);
		} else {
			buf_z(b, "\\x");
			buf_hex(b, c, 2);
		}
	}
}

static bool emit(enum log_level level, const char *event, const char *fmt, va_list args)
{
	static const char *const names[LOG_LEVELS] = {"debug", "info", "warn", "error"};
	char line[SINK_LINE_MAX], text[SINK_LINE_MAX];
	struct buf b = buf_of(line, sizeof line - 1); /* and the newline */

	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		text[0] = '\0';
	put_time(&b);
	buf_z(&b, names[level]);
	buf_char(&b, ' ');
	buf_z(&b, process_name);
	buf_char(&b, ' ');
	buf_z(&b, event);
	buf_char(&b, ' ');
	put_escaped(&b, text);
	line[b.n] = '\n';
	if (level == LOG_ERROR)
		snprintf(last_error, sizeof last_error, "%.100s %.900s", event, text);
	return sink_put(&sink, line, b.n + 1);
}

static bool notice(const char *event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool notice(const char *event, const char *fmt, ...)
{
	va_list args;
	bool done;

	va_start(args, fmt);
	done = emit(LOG_WARN, event, fmt, args);
	va_end(args);
	return done;
}

static void tell_dropped(void)
{
	uint64_t n = atomic_load_explicit(&dropped, memory_order_relaxed) != 0 ? atomic_exchange(&dropped, 0) : 0;

	if (n > 0 && !notice("log.dropped", "n=%" PRIu64 " reason=\"stderr took no more\"", n))
		atomic_fetch_add(&dropped, n);
}

void log_write(enum log_level level, const char *event, const char *fmt, ...)
{
	int saved = errno;
	va_list args;

	if (!log_on(level) || (level != LOG_DEBUG && !rate_allows(rate_of(event))))
		return;
	tell_dropped();
	va_start(args, fmt);
	if (!emit(level, event, fmt, args))
		atomic_fetch_add(&dropped, 1);
	va_end(args);
	errno = saved;
}

void log_tell(uint64_t now_ms)
{
	if (now_ms < tell_ms)
		return;
	tell_ms = now_ms + TELL_MS;
	tell_dropped();
	for (uint32_t i = 0; i < RATES; i++) {
		struct rate *r = &rates[i];
		uint64_t n = atomic_load_explicit(&r->silent, memory_order_relaxed) != 0 ? atomic_exchange(&r->silent, 0) : 0;

		if (n > 0 && !notice("log.limited", "event=%s n=%" PRIu64, atomic_load(&r->event), n))
			atomic_fetch_add(&r->silent, n);
	}
}

const char *log_last_error(void)
{
	return last_error;
}

bool log_limit(uint64_t *state, unsigned burst)
{
	/* upper half: the second; lower half: how many in it */
	uint64_t second = clock_ms() / 1000u;

	if (*state >> 32 != (second & UINT32_MAX))
		*state = second << 32;
	return (uint32_t)(*state)++ < burst;
}

noreturn void must_fail(const char *expr, const char *file, int line)
{
	log_write(LOG_ERROR, "must", "failed=\"%s\" at=%s:%d", expr, file, line);
	abort();
}
