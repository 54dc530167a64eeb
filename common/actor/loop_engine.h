/* loop_engine.h - what an engine of loop.h provides. Only loop.c and the engines include this. */
#pragma once

#include "common/actor/loop.h"

struct loop_engine {
	const char *name;
	int (*open)(const struct loop_config *cfg, struct loop **ret);
	void (*close)(struct loop *l);
	int (*udp_add)(struct loop *l, int fd, uint64_t token, bool connected, uint32_t *ret_slot);
	void (*udp_del)(struct loop *l, uint32_t slot);
	void (*udp_connected)(struct loop *l, uint32_t slot);
	void (*udp_disconnect)(struct loop *l, uint32_t slot);
	void (*hear)(struct loop *l); /* no longer deaf; NULL: receives only in wait() anyway */
	int (*watch)(struct loop *l, int fd, uint64_t token);
	void (*unwatch)(struct loop *l, int fd);
	void (*wait)(struct loop *l, uint64_t until_ns);
	bool (*next)(struct loop *l, struct loop_event *ret);
	int (*send)(struct loop *l, uint32_t slot, const struct addr *to, const void *p, size_t n);
	void (*flush)(struct loop *l);
};

/* First member of every engine's own struct. */
struct loop {
	const struct loop_engine *engine;
	struct loop_stats stats;
	bool gather;
	bool deaf;
};

#define LOOP_WATCHES_MAX 512u

extern const struct loop_engine loop_uring_engine;
extern const struct loop_engine loop_epoll_engine;
