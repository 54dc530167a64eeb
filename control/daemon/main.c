/* main.c - tipring-control: the process that decides, as an actor. Started by tipring-supervisor. */
#include "control/daemon/control.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "control/daemon/asks.h"
#include "control/daemon/audit.h"
#include "control/daemon/calls.h"
#include "control/daemon/events.h"
#include "control/daemon/from_backends.h"
#include "control/daemon/from_workers.h"
#include "control/daemon/http.h"
#include "control/daemon/collects.h"
#include "control/daemon/keys.h"
#include "control/daemon/messages.h"
#include "control/daemon/registrations.h"
#include "control/daemon/transfers.h"
#include "control/daemon/workers.h"

#define TOKEN_HTTP 1u
#define HEARTBEAT_MS 1000u
#define LOOK_MS 100u /* silent workers and backends, gauges */
#define COMMAND_QUEUE 4000u

static struct control the_control;

static int take_routes(struct control *k, const Tipring__V1__ControlConfig *c)
{
	k->routes.count = 0;
	for (size_t i = 0; i < c->n_routes && i < ROUTES_MAX; i++) {
		struct route *r = &k->routes.v[k->routes.count];

		if (str_copy(r->number, sizeof r->number, str_of(c->routes[i]->number)) != 0 ||
		    str_copy(r->app, sizeof r->app, str_of(c->routes[i]->app)) != 0)
			return ERR_RANGE;
		k->routes.count++;
	}
	return 0;
}

static int take_outbound(struct control *k, const Tipring__V1__OutboundConfig *c)
{
	struct outbound_policy *p = &k->outbound;
	int err = 0;

	*p = (struct outbound_policy){.host_count = 0}; /* closed */
	if (c == NULL)
		return 0;
	p->max_calls = c->max_calls;
	p->max_cps = c->max_cps;
	p->follow_redirects = c->follow_redirects;
	if (c->next_hop[0] != '\0')
		err = addr_parse(str_of(c->next_hop), &p->next_hop);
	if (err == 0)
		err = str_copy(p->from_host, sizeof p->from_host, str_of(c->from_host));
	for (size_t i = 0; i < c->n_numbers && i < OUTBOUND_ROWS_MAX && err == 0; i++)
		err = str_copy(p->numbers[p->number_count++], OUTBOUND_TEXT_BYTES, str_of(c->numbers[i]));
	for (size_t i = 0; i < c->n_hosts && i < OUTBOUND_ROWS_MAX && err == 0; i++)
		err = str_copy(p->hosts[p->host_count++], OUTBOUND_TEXT_BYTES, str_of(c->hosts[i]));
	if (err != 0)
		*p = (struct outbound_policy){.host_count = 0};
	return err;
}

/* Routes are for new calls, the policy is for the next decision about any call. */
static int take_live(struct control *k, const Tipring__V1__ControlConfig *c)
{
	k->policy = (struct call_policy){
		.claim_timeout_ms = c->claim_timeout_ms != 0 ? c->claim_timeout_ms : 5000,
		.reoffer = strcmp(c->on_lost, "reoffer") == 0,
	};
	if (take_outbound(k, c->outbound) != 0)
		log_error("control.config", "reason=\"outbound is not understood: dialling is off\"");
	return take_routes(k, c);
}

static int take_config(struct control *k, const Tipring__V1__ProcessConfig *cfg)
{
	const Tipring__V1__ControlConfig *c = cfg->control;

	if (c == NULL || str_copy(k->host, sizeof k->host, str_of(cfg->host)) != 0 ||
	    str_copy(k->run_dir, sizeof k->run_dir, str_of(cfg->run_dir)) != 0)
		return ERR_INVAL;
	k->signaling_workers = c->signaling_workers;
	k->records = c->recordings;
	k->plays = c->sounds;
	return take_live(k, c);
}

static void reconfigure(void *self, const Tipring__V1__ProcessConfig *cfg)
{
	struct control *k = self;

	if (cfg->control == NULL || take_live(k, cfg->control) != 0)
		log_error("control.config", "reason=\"a route is too long: it and those behind it are gone\"");
}

/* A worker always reads, and nobody else may pass for one. */
static const struct bus_config workers_bus = {.kind = BUS_ROUTER, .bind = true, .queue_max = 10000, .owner_only = true};

/* Of one client: 4 MB that it sent, and less than 64 MB (COMMAND_QUEUE pages of a list) that it does not read. A backend that lets so
 * many messages lie is none. */
static const struct bus_config commands_bus = {
	.kind = BUS_ROUTER, .bind = true, .queue_max = COMMAND_QUEUE, .receive_max = 256, .message_max = 16384,
};

static const struct bus_config events_bus = {.kind = BUS_XPUB, .bind = true, .queue_max = 20000};

static int open_bus(struct control *k, const struct bus_config *like, const char *name, struct bus **ret)
{
	char endpoint[128];
	struct bus_config cfg = *like;
	int err;

	cfg.endpoint = endpoint;
	snprintf(endpoint, sizeof endpoint, "ipc://%s/%s.ipc", k->run_dir, name);
	err = bus_open(&cfg, ret);
	if (err != 0)
		log_error("control.bus", "endpoint=%s reason=%s hint=\"is host.run_dir writable?\"", endpoint, err_name(err));
	if (cfg.kind == BUS_XPUB)
		(void)!str_copy(k->events_endpoint, sizeof k->events_endpoint, str_of(endpoint));
	return err;
}

static uint32_t from_backend(void *self, struct str peer)
{
	(void)self, (void)peer;
	return FROM_BACKEND;
}

/* Somebody who waits for a heartbeat (to know that its subscriptions are in force) gets one now. */
static void subscribed(void *self, struct str topic, bool on)
{
	if (on && str_has_prefix(topic, STR("e1/hb/")))
		events_heartbeat(self);
}

static int open_buses(struct control *k)
{
	struct actor_link workers = {
		.rules = worker_rules, .rule_count = worker_rule_count, .from = from_workers_sender,
	};
	struct actor_link events = {.subscription = subscribed};
	int err = open_bus(k, &workers_bus, "workers", &k->workers);

	if (err == 0)
		err = open_bus(k, &commands_bus, "commands", &k->commands);
	if (err == 0)
		err = open_bus(k, &events_bus, "events", &k->events);
	workers.bus = k->workers;
	events.bus = k->events;
	if (err == 0)
		err = actor_link_add(k->actor, &workers);
	return err == 0 ? actor_link_add(k->actor, &events) : err;
}

/* Who has just been started does not know its calls yet: what backends want waits in their queue until the legs were told, rather than
 * being answered NOT_FOUND. Without signaling there are no calls to know, and tools want to see that. */
static void listen_to_backends(struct control *k)
{
	const struct actor_link commands = {
		.bus = k->commands, .rules = backend_rules, .rule_count = backend_rule_count, .from = from_backend,
		.unlisted = from_backends_unlisted,
	};

	if (k->listening || (!workers_legs_known(k) && k->actor->now_ms < k->started_ms + CONTROL_GRACE_MS))
		return;
	k->listening = true;
	if (actor_link_add(k->actor, &commands) != 0)
		actor_stop(k->actor, 1); /* a successor may have more luck */
}

static int open_http(struct control *k, const Tipring__V1__ControlConfig *c)
{
	int err;

	if (c->http_address[0] == '\0')
		return 0;
	err = http_open(k, c->http_address, &k->http);
	return err == 0 ? loop_watch(k->actor->loop, http_fd(k->http), TOKEN_HTTP) : err;
}

/* Everybody else's counters; again when somebody has come. */
static void map_pages(void *self)
{
	struct control *k = self;
	struct custody_item item;

	while (k->page_count > 0)
		statpage_close(&k->pages[--k->page_count].page);
	for (uint32_t i = 0; custody_item(k->actor->custody, CUSTODY_STATPAGE, i, &item) == 0; i++) {
		struct page *p = &k->pages[k->page_count];
		int fd;

		if (item.id == 0 || k->page_count == CONTROL_PAGES_MAX)
			continue;
		fd = dup(item.fd);
		if (fd < 0 || statpage_adopt(fd, false, &p->page) != 0) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		p->role = (uint32_t)(item.id >> 8);
		p->index = (uint32_t)(item.id & 0xff);
		k->page_count++;
	}
}

static int start(void *self, struct actor *a, const Tipring__V1__ProcessConfig *cfg)
{
	struct control *k = self;
	int err;

	k->actor = a;
	k->epoch = clock_entropy();
	k->started_ms = a->now_ms;
	k->successor = custody_predecessor_died_ns(a->custody) != 0;
	k->cause = "";
	rand_seed(&k->rand, clock_entropy());
	err = take_config(k, cfg);
	if (err == 0)
		err = dedup_init(&k->dedup, &(struct map_key){clock_entropy(), clock_entropy()});
	if (err == 0)
		err = calls_init(k, cfg->max_calls);
	if (err == 0)
		err = open_buses(k);
	if (err == 0)
		err = open_http(k, cfg->control);
	if (err == 0)
		map_pages(k);
	return err;
}

static void event(void *self, const struct loop_event *e)
{
	struct control *k = self;

	if (e->kind == LOOP_READABLE && e->token == TOKEN_HTTP)
		http_run(k->http);
}

/* What was no message, and what nobody may say. */
static void count_garbage(struct control *k)
{
	uint64_t seen = k->actor->refused + bus_malformed(k->workers) + bus_malformed(k->commands) + bus_malformed(k->events);

	count(k, STAT_bus_garbage, seen - k->garbage);
	k->garbage = seen;
}

static void gauges(struct control *k)
{
	struct statpage *p = &k->actor->stats;
	struct control_call *cc;
	uint32_t at = 0, answered = 0, up = 0, backends = 0;

	while ((cc = pool_each(&k->calls, &at)) != NULL)
		answered += cc->c.state == CALL_ANSWERED;
	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++)
		up += k->rows[i].up;
	for (uint32_t i = 0; i < BACKENDS_MAX; i++)
		backends += k->backends.v[i].app[0] != '\0' && k->backends.v[i].here;
	count_garbage(k);
	stat_set(p, STAT_calls, k->calls.used);
	stat_set(p, STAT_calls_answered, answered);
	stat_set(p, STAT_calls_stuck, audit_stuck(k));
	stat_set(p, STAT_calls_outbound, k->outbound_use.calls);
	stat_set(p, STAT_workers_up, up);
	stat_set(p, STAT_backends, backends);
	stat_set(p, STAT_ready, workers_ready(k) && !k->draining);
}

/* Calls have had their time: they end while signaling and media still serve, and their ends are published. */
static void end_of_drain(struct control *k)
{
	if (k->hung_up || k->actor->now_ms + CUSTODY_LAST_WORDS_MS < actor_stop_by_ms(k->actor))
		return;
	k->hung_up = true;
	calls_shut_down(k);
}

static void tick(void *self)
{
	struct control *k = self;

	if (k->draining)
		end_of_drain(k);
	keys_tick(k); /* an end is behind them */
	collects_tick(k);
	calls_tick(k);
	asks_tick(k);
	listen_to_backends(k);
	if (k->actor->now_ms >= k->look_ms) {
		k->look_ms = k->actor->now_ms + LOOK_MS;
		workers_tick(k);
		from_backends_tick(k);
		registrations_tick(k);
		messages_tick(k);
		transfers_tick(k);
		gauges(k);
		if (k->http != NULL)
			http_run(k->http); /* its timeouts */
	}
	if (k->actor->now_ms >= k->heartbeat_ms) {
		k->heartbeat_ms = k->actor->now_ms + HEARTBEAT_MS;
		events_heartbeat(k);
	}
}

static uint64_t deadline_ns(const void *self)
{
	const struct control *k = self;
	uint64_t wheel_ms = wheel_deadline(&k->wheel), next_ms = k->look_ms;

	if (wheel_ms < next_ms)
		next_ms = wheel_ms;
	wheel_ms = wheel_deadline(&k->ask_wheel);
	if (wheel_ms < next_ms)
		next_ms = wheel_ms;
	wheel_ms = wheel_deadline(&k->collect_wheel);
	if (wheel_ms < next_ms)
		next_ms = wheel_ms;
	return next_ms * 1000000u;
}

static void drain(void *self, bool on)
{
	((struct control *)self)->draining = on;
}

static bool drained(const void *self)
{
	return ((const struct control *)self)->calls.used == 0;
}

static void stop(void *self)
{
	struct control *k = self;

	http_close(k->http);
	bus_close(k->events);
	bus_close(k->commands);
	bus_close(k->workers);
	for (uint32_t i = 0; i < k->page_count; i++)
		statpage_close(&k->pages[i].page);
	dedup_fini(&k->dedup);
	calls_fini(k);
}

static const struct stat_row stats[] = {
#define COUNTER STAT_COUNTER
#define GAUGE STAT_GAUGE
#define STAT(kind, name, help) {#name, help, kind},
#include "control/daemon/stats.def"
#undef STAT
};

int main(int argc, char **argv)
{
	static const struct actor_ops ops = {
		.process = "control",
		.start = start,
		.event = event,
		.tick = tick,
		.deadline_ns = deadline_ns,
		.drain = drain,
		.drained = drained,
		.stop = stop,
		.reconfigure = reconfigure,
		.pages = map_pages,
		.stats = stats,
		.stat_count = CONTROL_STATS,
		.loop_sockets_max = 1,
		.gather_ms = 3, /* nobody hears it */
		.datagram_bytes = 64,
	};

	return actor_main(&ops, &the_control, argc, argv);
}
