/* loop.c - see loop.h: picks an engine and passes every call on. */
#include "common/actor/loop.h"

#include "common/actor/loop_engine.h"

int loop_open(const struct loop_config *cfg, struct loop **ret)
{
	int err = ERR_UNSUPPORTED;

	if (cfg->sockets_max == 0 || cfg->datagram_bytes == 0 || cfg->backend >= LOOP_BACKENDS)
		return ERR_INVAL;
	if (cfg->backend != LOOP_EPOLL)
		err = loop_uring_engine.open(cfg, ret);
	if (cfg->backend == LOOP_EPOLL || (cfg->backend == LOOP_AUTO && err != 0))
		err = loop_epoll_engine.open(cfg, ret);
	return err;
}

void loop_close(struct loop *l)
{
	if (l != NULL)
		l->engine->close(l);
}

const char *loop_name(const struct loop *l)
{
	return l->engine->name;
}

int loop_udp_add(struct loop *l, int fd, uint64_t token, bool connected, uint32_t *ret_slot)
{
	return l->engine->udp_add(l, fd, token, connected, ret_slot);
}

void loop_udp_del(struct loop *l, uint32_t slot)
{
	l->engine->udp_del(l, slot);
}

void loop_udp_connected(struct loop *l, uint32_t slot)
{
	l->engine->udp_connected(l, slot);
}

void loop_udp_disconnect(struct loop *l, uint32_t slot)
{
	l->engine->udp_disconnect(l, slot);
}

void loop_deaf(struct loop *l, bool on)
{
	l->deaf = on;
	if (!on && l->engine->hear != NULL)
		l->engine->hear(l);
}

int loop_watch(struct loop *l, int fd, uint64_t token)
{
	return l->engine->watch(l, fd, token);
}

void loop_unwatch(struct loop *l, int fd)
{
	l->engine->unwatch(l, fd);
}

void loop_wait(struct loop *l, uint64_t until_ns)
{
	l->engine->wait(l, until_ns);
}

void loop_gather(struct loop *l, bool on)
{
	l->gather = on;
}

bool loop_next(struct loop *l, struct loop_event *ret)
{
	return l->engine->next(l, ret);
}

int loop_send(struct loop *l, uint32_t slot, const struct addr *to, const void *p, size_t n)
{
	return l->engine->send(l, slot, to, p, n);
}

void loop_flush(struct loop *l)
{
	l->engine->flush(l);
}

void loop_stats(const struct loop *l, struct loop_stats *ret)
{
	*ret = l->stats;
}
