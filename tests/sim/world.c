/* world.c - time, chance, and what the daemons call of clock.h and log.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/resource.h>

#include "common/base/log.h"
#include "tests/sim/sim.h"

#define EVENTS_MAX (1u << 18)
#define BEAT_NS (400 * MS)
#define UNIX_START_NS 1700000000000000000ull

struct planned {
	uint64_t at_ns, order;
	event_fn *fn;
	void *self;
};

struct world world;
static struct planned heap[EVENTS_MAX];
static uint32_t planned_n;

static bool before(const struct planned *a, const struct planned *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void swap(uint32_t a, uint32_t b)
{
	struct planned x = heap[a];

	heap[a] = heap[b];
	heap[b] = x;
}

void world_at(uint64_t at_ns, event_fn *fn, void *self)
{
	uint32_t i = planned_n;

	if (planned_n == EVENTS_MAX) {
		fprintf(stderr, "sim: more than %u events planned\n", EVENTS_MAX);
		exit(2);
	}
	heap[planned_n++] = (struct planned){at_ns < world.now_ns ? world.now_ns : at_ns, world.order++, fn, self};
	for (; i > 0 && before(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
}

bool world_step(void)
{
	struct planned next = heap[0];
	uint32_t i = 0;

	if (planned_n == 0)
		return false;
	heap[0] = heap[--planned_n];
	for (;;) {
		uint32_t least = i, left = 2 * i + 1;

		for (uint32_t k = left; k < left + 2 && k < planned_n; k++)
			if (before(&heap[k], &heap[least]))
				least = k;
		if (least == i)
			break;
		swap(i, least);
		i = least;
	}
	world.now_ns = next.at_ns;
	next.fn(next.self);
	return true;
}

uint64_t world_below(uint64_t bound)
{
	return bound > 1 ? rand_u64(&world.rand) % bound : 0;
}

bool world_chance(double p)
{
	return (double)(rand_u64(&world.rand) >> 11) * 0x1p-53 < p;
}

uint64_t world_beat(uint64_t at_ns)
{
	return (at_ns / BEAT_NS + 1) * BEAT_NS;
}

/* ---- what is said ---- */

static void line(FILE *to, const char *who, const char *fmt, va_list ap)
{
	fprintf(to, "%12.6f %-10s ", (double)world.now_ns / 1e9, who);
	vfprintf(to, fmt, ap);
	fputc('\n', to);
}

void world_say(const char *who, const char *fmt, ...)
{
	va_list ap;

	if (!world.verbose)
		return;
	va_start(ap, fmt);
	line(stdout, who, fmt, ap);
	va_end(ap);
}

void world_wrong(const char *fmt, ...)
{
	va_list ap;

	world.broken++;
	va_start(ap, fmt);
	line(stderr, "WRONG", fmt, ap);
	va_end(ap);
}

/* ---- clock.h and log.h of the daemons ---- */

uint64_t sim_clock_ns(void);
uint64_t sim_clock_ms(void);
uint64_t sim_clock_unix_ns(void);
uint64_t sim_clock_entropy(void);
void sim_log_open(const char *process, enum log_level least);
void sim_log_least(enum log_level least);
bool sim_log_on(enum log_level level);
void sim_log_write(enum log_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool sim_log_limit(uint64_t *state, unsigned burst);
void sim_log_tell(uint64_t now_ms);
const char *sim_log_last_error(void);
noreturn void sim_must_fail(const char *expr, const char *file, int line_no);
int sim_nothing(void);

uint64_t sim_clock_ns(void)
{
	return world.now_ns;
}

uint64_t sim_clock_ms(void)
{
	return world.now_ns / MS;
}

uint64_t sim_clock_unix_ns(void)
{
	return UNIX_START_NS + world.now_ns;
}

uint64_t sim_clock_entropy(void)
{
	return rand_u64(&world.rand);
}

void sim_log_open(const char *process, enum log_level least)
{
	(void)process, (void)least;
}

void sim_log_least(enum log_level least)
{
	(void)least;
}

bool sim_log_on(enum log_level level)
{
	(void)level;
	return world.verbose;
}

void sim_log_write(enum log_level level, const char *event, const char *fmt, ...)
{
	va_list ap;

	(void)level;
	if (!world.verbose)
		return;
	va_start(ap, fmt);
	line(stdout, event, fmt, ap);
	va_end(ap);
}

bool sim_log_limit(uint64_t *state, unsigned burst)
{
	(void)state, (void)burst;
	return true;
}

void sim_log_tell(uint64_t now_ms)
{
	(void)now_ms;
}

const char *sim_log_last_error(void)
{
	return "";
}

noreturn void sim_must_fail(const char *expr, const char *file, int line_no)
{
	fprintf(stderr, "%12.6f must(%s) failed at %s:%d\n", (double)world.now_ns / 1e9, expr, file, line_no);
	abort();
}

/* Priorities, limits and signals of the process that simulates stay as they are. */
int sim_nothing(void)
{
	return 0;
}

#define NOTHING(name) extern __typeof__(sim_nothing) name __attribute__((alias("sim_nothing")))
NOTHING(sim_sched_setscheduler);
NOTHING(sim_setpriority);
NOTHING(sim_setrlimit);
NOTHING(sim_prctl);
NOTHING(sim_sigprocmask);
