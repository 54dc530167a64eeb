/* log.c - see log.h; also where must() ends. */
#include "common/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/must.h"

#define LINE_BYTES_MAX 1024

/* One per process and set before the first thread: the exception to "no globals". */
static const char *process_name = "tipring";
static enum log_level least_level = LOG_INFO;

void log_open(const char *process, enum log_level least)
{
	process_name = process;
	least_level = least;
}

bool log_on(enum log_level level)
{
	return level >= least_level;
}

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

void log_write(enum log_level level, const char *event, const char *fmt, ...)
{
	static const char *const names[LOG_LEVELS] = {"debug", "info", "warn", "error"};
	char line[LINE_BYTES_MAX], text[LINE_BYTES_MAX];
	struct buf b = buf_of(line, sizeof line - 1); /* and the newline */
	int saved = errno;
	va_list args;

	if (!log_on(level))
		return;
	va_start(args, fmt);
	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		text[0] = '\0';
	va_end(args);

	put_time(&b);
	buf_z(&b, names[level]);
	buf_char(&b, ' ');
	buf_z(&b, process_name);
	buf_char(&b, ' ');
	buf_z(&b, event);
	buf_char(&b, ' ');
	put_escaped(&b, text);
	line[b.n] = '\n';
	if (write(STDERR_FILENO, line, b.n + 1) < 0) {
		/* nowhere left to say so */
	}
	errno = saved;
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
