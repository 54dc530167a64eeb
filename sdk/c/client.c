/* client.c - the connection half of tipring.h: opening, time, and one event after the other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "sdk/c/server.h"

#define PING_MS 1000
#define DOWN_MS 3000

/* ---- opening ---- */

static int open_bus(struct tipring_server *s, enum bus_kind kind, const char *socket, struct bus **ret)
{
	char endpoint[128];
	struct bus_config cfg = {.kind = kind, .endpoint = endpoint, .queue_max = 100000};
	struct epoll_event e = {.events = EPOLLIN};
	int err;

	snprintf(endpoint, sizeof endpoint, "ipc://%s/%s", s->dir, socket);
	if (kind == BUS_DEALER)
		cfg.identity = s->name;
	err = bus_open(&cfg, ret);
	if (err == 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, bus_fd(*ret), &e) != 0)
		err = -errno;
	return err;
}

static int subscribe(struct tipring_server *s)
{
	char topic[96];
	int err = 0;

	for (int i = 0; i < 2 && err == 0; i++) {
		snprintf(topic, sizeof topic, "e1/%s/%s/", i == 0 ? "call" : "media", s->app[0] != '\0' ? s->app : DIAL_APP);
		err = bus_subscribe(s->events, str_of(topic));
	}
	/* last: when a heartbeat arrives, the subscriptions before it are in force too */
	return err == 0 ? bus_subscribe(s->events, STR("e1/hb/")) : err;
}

/* Only characters from `first` to `last`, or of `others`. */
static bool is_made_of(const char *z, char first, char last, const char *others)
{
	for (; *z != '\0'; z++)
		if ((*z < first || *z > last) && (others == NULL || strchr(others, *z) == NULL))
			return false;
	return true;
}

static int copy_config(struct tipring_server *s, const struct tipring_config *cfg)
{
	const char *dir = cfg->endpoint != NULL ? cfg->endpoint : getenv("TIPRING_ENDPOINT");
	char fallback[32];

	if (dir == NULL || dir[0] == '\0')
		dir = "/run/tipring";
	if (strncmp(dir, "ipc://", 6) == 0)
		dir += 6;
	/* in containers many are process 1 */
	snprintf(fallback, sizeof fallback, "c-%d-%06x", (int)getpid(), (unsigned)s->prefix & 0xffffffu);
	if (str_copy(s->dir, sizeof s->dir, str_of(dir)) != 0 ||
	    str_copy(s->name, sizeof s->name, str_of(cfg->name != NULL ? cfg->name : fallback)) != 0 ||
	    str_copy(s->app, sizeof s->app, str_of(cfg->app != NULL ? cfg->app : "")) != 0)
		return -ENAMETOOLONG;
	if (!is_made_of(s->name, '!', '~', NULL) || !is_made_of(s->app, 'a', 'z', "0123456789-"))
		return -EINVAL;
	s->capacity = cfg->capacity;
	s->messages = cfg->messages;
	return 0;
}

int tipring_open(const struct tipring_config *cfg, struct tipring_server **ret)
{
	struct tipring_server *s = calloc(1, sizeof *s);
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->prefix = clock_entropy();
	s->sweep_at = OWNED_MAX;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->pending = calloc(COMMANDS_MAX, sizeof *s->pending);
	s->owned = calloc(OWNED_MAX, sizeof *s->owned);
	s->queue = calloc(EVENTS_MAX, sizeof *s->queue);
	err = s->epoll < 0 || s->pending == NULL || s->owned == NULL || s->queue == NULL ? -ENOMEM : 0;
	if (err == 0)
		err = copy_config(s, cfg);
	if (err == 0)
		err = codec_init(&s->codec);
	if (err == 0)
		err = open_bus(s, BUS_DEALER, "commands.ipc", &s->commands);
	if (err == 0)
		err = open_bus(s, BUS_SUB, "events.ipc", &s->events);
	if (err == 0)
		err = subscribe(s);
	if (err != 0) {
		tipring_close(s);
		return err;
	}
	s->heard_ms = clock_ms();
	*ret = s;
	return 0;
}

void tipring_close(struct tipring_server *s)
{
	if (s == NULL)
		return;
	bus_close(s->commands);
	bus_close(s->events);
	codec_fini(&s->codec);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->pending);
	free(s->owned);
	free(s->queue);
	free(s);
}

int tipring_fd(const struct tipring_server *s)
{
	return s->epoll;
}

/* One message of either socket; false when both are empty. */
static bool take_one(struct tipring_server *s, struct bus *from, bool published)
{
	struct bus_message m;
	envelope *e;

	if (bus_recv(from, &m) != 0)
		return false;
	if (!published)
		s->heard_ms = clock_ms();
	if (codec_unpack(&s->codec, m.p, m.n, &e) == 0)
		sdk_take(s, e, published);
	return true;
}

/* ---- time ---- */

/* Nobody answers. What this side needs itself is asked for again; the rest is the user's to know. */
static void give_up(struct tipring_server *s, struct command *c)
{
	uint64_t number = c->number;
	struct tipring_event *e;

	c->number = 0; /* free, and otherwise as it was */
	if (number == s->enroll_number) {
		s->enrolled = false;
		return;
	}
	if (number == s->compare_number) {
		s->compare_at_ms = c->again_ms;
		return;
	}
	s->dials -= c->dial;
	e = sdk_produce(s, TIPRING_EV_FAILED, c->call_id);
	if (e == NULL)
		return;
	e->dial = c->dial ? number : 0;
	sdk_set_text(e->text, sizeof e->text, "control did not answer");
}

static void tell_unanswered(struct tipring_server *s, uint64_t now_ms)
{
	struct command *c = sdk_send_again(s, now_ms);

	if (c != NULL)
		give_up(s, c);
}

static void keep_in_touch(struct tipring_server *s, uint64_t now_ms)
{
	if (now_ms >= s->ping_at_ms) {
		s->ping_at_ms = now_ms + (s->welcome ? PING_MS : PING_MS / 2);
		(void)!(s->welcome ? sdk_ping(s) : sdk_hello(s));
	}
	if (s->welcome && !s->enrolled && s->heartbeat && s->app[0] == '\0') {
		s->enrolled = true;
		(void)sdk_produce(s, TIPRING_EV_REGISTERED, 0);
	} else if (s->welcome && !s->enrolled && s->heartbeat) {
		s->enrolled = sdk_enroll(s) == 0;
	}
	if (s->compare_at_ms != 0 && now_ms >= s->compare_at_ms && sdk_compare(s, 0) == 0)
		s->compare_at_ms = 0;
	if (now_ms - s->heard_ms > DOWN_MS && !s->down)
		(void)sdk_produce(s, TIPRING_EV_DOWN, 0);
	s->down = now_ms - s->heard_ms > DOWN_MS;
}

/* Calls that control does not have as ours are over; as many as there is room to tell. */
static void sweep(struct tipring_server *s)
{
	for (; s->sweep_at < OWNED_MAX && s->queue_n < EVENTS_MAX / 2; s->sweep_at++) {
		struct owned *o = &s->owned[s->sweep_at];
		struct tipring_event *e = o->call_id != 0 && !o->seen ? sdk_produce(s, TIPRING_EV_ENDED, o->call_id) : NULL;

		if (e == NULL)
			continue;
		sdk_set_text(e->text, sizeof e->text, "it ended while control was away");
		*o = (struct owned){.call_id = 0};
	}
}

/* Calls whose end did not come in time; as many as there is room to tell. */
static void close_ending(struct tipring_server *s, uint64_t now_ms)
{
	uint64_t next_ms = 0;

	if (s->over_at_ms == 0 || now_ms < s->over_at_ms)
		return;
	for (uint32_t i = 0; i < OWNED_MAX; i++) {
		struct owned *o = &s->owned[i];
		struct tipring_event *e;

		if (o->call_id == 0 || o->over_ms == 0)
			continue;
		if (now_ms < o->over_ms || s->queue_n >= EVENTS_MAX / 2) {
			next_ms = next_ms == 0 || o->over_ms < next_ms ? o->over_ms : next_ms;
			continue;
		}
		e = sdk_produce(s, TIPRING_EV_LOST, o->call_id);
		if (e != NULL)
			sdk_set_text(e->text, sizeof e->text, "it is over, and how it ended was not heard");
		(void)sdk_forget(s, o->call_id);
	}
	s->over_at_ms = next_ms;
}

/* The sockets take turns, but nothing published is taken before the call it may be about is known: a Dial is acknowledged on the other one.
 * What an OFFER points to is in the last message, so nothing is taken behind one that made events. */
static bool take_next(struct tipring_server *s)
{
	bool took = false;

	for (int i = 0; i < 2 && s->queue_n == 0; i++) {
		s->events_next = !s->events_next && s->dials == 0;
		took |= s->events_next ? take_one(s, s->events, true) : take_one(s, s->commands, false);
	}
	return took;
}

int tipring_next(struct tipring_server *s, struct tipring_event *ret)
{
	bool more = true;

	while (s->queue_at == s->queue_n && more) {
		s->queue_at = s->queue_n = 0;
		keep_in_touch(s, clock_ms());
		tell_unanswered(s, clock_ms());
		close_ending(s, clock_ms());
		sweep(s);
		more = take_next(s);
	}
	if (s->queue_at == s->queue_n)
		return -EAGAIN;
	*ret = s->queue[s->queue_at++];
	return 0;
}
