/* health.c - what `tipring health` reads: the state of this supervisor's workers, written down once a second. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "control/supervisor/supervisor.h"

#define HEALTH_MS 1000u
#define LINE_BYTES 64u

/* A number on its page; 0 when it has none of this name. */
static uint64_t number_of(const struct statpage *page, const char *name)
{
	struct stat_value v;

	for (uint32_t i = 0; statpage_read(page, i, &v) == 0; i++)
		if (strcmp(v.name, name) == 0)
			return v.value;
	return 0;
}

/* Its loop turns, and it serves. */
static bool is_live(const struct supervisor *s, const struct worker_slot *w)
{
	uint64_t beat_ms;

	if (w->pid == 0 || !w->running || w->page.values == NULL)
		return false;
	beat_ms = atomic_load_explicit(w->page.heartbeat_ms, memory_order_relaxed);
	return clock_ms() < beat_ms + s->config.hang_ms;
}

/* Which container this is, for who is in it: its process namespace. 0: the kernel does not say. */
static uint64_t here(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

/* "media 0 live ready 0" a line, the number being calls that are stuck (of control), behind the time it was written (CLOCK_MONOTONIC, ms) and where. */
void health_tell(struct supervisor *s, uint64_t now_ms)
{
	char text[LINE_BYTES * (SUPERVISOR_WORKERS_MAX + 1)];
	size_t n;

	if (now_ms < s->health_ms)
		return;
	s->health_ms = now_ms + HEALTH_MS;
	n = (size_t)snprintf(text, LINE_BYTES, "tipring %" PRIu64 " %" PRIu64 "\n", now_ms, here());
	for (uint32_t i = 0; i < s->worker_count; i++) {
		const struct worker_slot *w = &s->workers[i];
		bool live = is_live(s, w), ready = live && s->stop_by_ms == 0 && number_of(&w->page, "ready") != 0;

		n += (size_t)snprintf(text + n, LINE_BYTES, "%s %u %s %s %" PRIu64 "\n", config_role_name(w->role), w->index, live ? "live" : "dead",
				      ready ? "ready" : s->stop_by_ms != 0 ? "draining" : "waiting", live ? number_of(&w->page, "calls_stuck") : 0);
	}
	rundir_health(&s->dir, text, n);
}
