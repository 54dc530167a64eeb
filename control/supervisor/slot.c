/* slot.c - the rows of workers that a supervisor has. */
#include <string.h>

#include "control/supervisor/supervisor.h"

uint32_t worker_owner(const struct worker_slot *w)
{
	return config_role_number(w->role) << 8 | w->index;
}

struct worker_slot *worker_add(struct supervisor *s, enum role role, uint32_t index)
{
	struct worker_slot *w = &s->workers[s->worker_count++];

	*w = (struct worker_slot){.role = role, .index = index, .pidfd = -1, .sock = -1, .page.region.fd = -1};
	return w;
}

struct worker_slot *worker_find(struct supervisor *s, uint32_t owner)
{
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (worker_owner(&s->workers[i]) == owner)
			return &s->workers[i];
	return NULL;
}

void worker_remove(struct supervisor *s, struct worker_slot *w)
{
	uint32_t i = (uint32_t)(w - s->workers);

	if (w->going != 0)
		spawn_reap(w->going_pidfd);
	statpage_close(&w->page);
	memmove(w, w + 1, (s->worker_count - i - 1) * sizeof *w);
	s->worker_count--;
}
