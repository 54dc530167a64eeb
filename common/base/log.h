/* log.h - one line per event on stderr: time level process event key=value ... Impure.
 *
 *   log_info("leg.ringing", "call=%016" PRIx64 " code=%u", id, code);
 *
 * Everything but printable ASCII is escaped in values, lines are cut at 1 KB and written with one
 * write(2) that never waits. Never called on the packet path. Secrets, digits and audio never appear.
 *
 * Lines for which there is no room are dropped and counted: "log.dropped n=". A peer can cause events: of each name
 * LOG_PER_SECOND lines are written, LOG_BURST at once, the others counted: "log.limited event= n=". Debug lines,
 * which somebody asked for, are not limited. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR,
	LOG_LEVELS
};

#define LOG_PER_SECOND 500u
#define LOG_BURST 1000u

/* Once, before the sandbox and the first thread; `process` is borrowed. Again when stderr is another one. */
void log_open(const char *process, enum log_level least);
void log_least(enum log_level least); /* from now on */
bool log_on(enum log_level level);
/* `event` is a literal: its address is kept. */
void log_write(enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_debug(...) (log_on(LOG_DEBUG) ? log_write(LOG_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

/* "event key=value ..." of the last error line of this process; "" = none. */
const char *log_last_error(void);

/* True for at most `burst` calls a second per `*state`: for events a peer can cause at will. */
bool log_limit(uint64_t *state, unsigned burst);

/* Say what was dropped and what was limited, at most once a second. For main loops, every turn. */
void log_tell(uint64_t now_ms);
