/* bells.c - see bells.h */
#include "media/daemon/bells.h"

#include <unistd.h>

#include "common/shm/doorbell.h"

void bells_init(struct media *m)
{
	for (uint32_t i = 0; i < MEDIA_CONNECTIONS_MAX; i++)
		m->connections[i] = (struct connection){.fd = -1};
}

/* hot */
void bells_look(struct media *m, struct media_session *ms)
{
	struct connection *c;

	if (ms->connection < 0)
		return;
	c = &m->connections[ms->connection];
	/* both are asked: each remembers that it was */
	c->ring |= tape_reader_sleeps(&ms->tape);
	c->ring |= tape_writer_waits(&ms->tape);
}

void bells_tell_end(struct media *m, const struct media_session *ms)
{
	if (ms->connection >= 0)
		m->connections[ms->connection].ring = true;
}

/* hot */
void bells_ring(struct media *m)
{
	for (uint32_t i = 0; i < MEDIA_CONNECTIONS_MAX; i++) {
		struct connection *c = &m->connections[i];

		if (!c->ring)
			continue;
		c->ring = c->fd >= 0 && doorbell_ring(c->fd) == ERR_AGAIN; /* again next turn: a reader may forget rings before an answer */
		count(m, STAT_media_doorbells, !c->ring);
	}
}

static bool is_needed(struct media *m, int32_t connection)
{
	struct media_session *ms;
	uint32_t at = 0;

	while ((ms = pool_each(&m->sessions, &at)) != NULL)
		if (ms->connection == connection)
			return true;
	return false;
}

struct connection *bells_take(struct media *m)
{
	for (uint32_t c = 0; c < MEDIA_CONNECTIONS_MAX; c++)
		if (m->connections[c].fd < 0)
			return &m->connections[c];
	for (uint32_t k = 0; k < MEDIA_CONNECTIONS_MAX; k++) {
		uint32_t c = m->connection_next++ % MEDIA_CONNECTIONS_MAX;

		if (is_needed(m, (int32_t)c))
			continue;
		bells_hang_up(m, &m->connections[c]);
		return &m->connections[c];
	}
	return NULL;
}

void bells_hang_up(struct media *m, struct connection *c)
{
	struct media_session *ms;
	uint32_t at = 0;

	while ((ms = pool_each(&m->sessions, &at)) != NULL)
		if (ms->connection == (int32_t)(c - m->connections))
			ms->connection = -1;
	loop_unwatch(m->actor->loop, c->fd);
	close(c->fd);
	*c = (struct connection){.fd = -1};
}

void bells_close_all(struct media *m)
{
	for (uint32_t i = 0; i < MEDIA_CONNECTIONS_MAX; i++)
		if (m->connections[i].fd >= 0)
			bells_hang_up(m, &m->connections[i]);
}
