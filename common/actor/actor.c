/* actor.c - see actor.h */
#include "common/actor/actor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/actor/live.h"
#include "common/actor/outbox.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#define LINKS_MAX 8u
#define MESSAGES_PER_TURN 64
#define MESSAGES_NS_PER_TURN 5000000ull /* the last one may take longer */
#define EVENTS_PER_TURN 256
#define BEAT_NS 100000000ull /* the heartbeat word moves at least this often */
#define EXIT_ENVIRONMENT 2
#define BUSY_NS 5000000ull /* ... and so often while descriptors are handed back */
#define CROWD_NS 10000000ull /* so many ... */
#define CROWD 20u            /* ... messages and datagrams in so long: from then on they are gathered ... */
#define GATHER_MS 1u         /* ... for so long, unless the daemon says how long (decision 0005) */
#define ORPHAN_DRAIN_MS 86400000ull /* an orphan ends with its last call, or then */

/* Tokens of the actor's own descriptors; a daemon's tokens stay below. */
#define TOKEN_OWN (1ull << 63)
#define TOKEN_CUSTODY (TOKEN_OWN | 1)
#define TOKEN_SIGNALS (TOKEN_OWN | 2)
#define TOKEN_LINK (TOKEN_OWN | 16)

struct actor_private {
	struct actor_link links[LINKS_MAX];
	struct outbox outbox;
	bool awake[LINKS_MAX]; /* its descriptor says so */
	uint32_t link_count;
	uint32_t link_next; /* where the last turn stopped draining */
	bool hurry;         /* stopped at a bound: do not sleep */
	bool crowded;
	uint32_t crowd;     /* what happened since ... */
	uint64_t crowd_ns;  /* ... then */
	int signals;
	int custody_fd;     /* as watched */
	int exit_code;
	uint64_t stop_by_ns; /* DRAINING: end at the latest */
	bool orphan;         /* DRAINING only because nobody supervises */
	uint64_t log_state;
	Tipring__V1__ProcessConfig *config; /* owned */
	uint64_t started_with; /* digest of the settings that stay as they are */
};

int actor_link_add(struct actor *a, const struct actor_link *link)
{
	struct actor_private *p = a->priv;
	int err;

	if (p->link_count == LINKS_MAX)
		return ERR_NOSPC;
	err = loop_watch(a->loop, bus_fd(link->bus), TOKEN_LINK + p->link_count);
	if (err != 0)
		return err;
	p->links[p->link_count++] = *link;
	p->hurry = true; /* edge triggered: something may be there already */
	return 0;
}

int actor_send(struct actor *a, struct bus *b, struct str to, const Tipring__V1__Envelope *e)
{
	const uint8_t *bytes;
	size_t n;
	int err = codec_pack(&a->codec, e, &bytes, &n);

	return err == 0 ? outbox_put(&a->priv->outbox, b, to, bytes, n) : err;
}

int actor_send_now(struct actor *a, struct bus *b, struct str to, const Tipring__V1__Envelope *e)
{
	const uint8_t *bytes;
	size_t n;
	int err = codec_pack(&a->codec, e, &bytes, &n);

	return err == 0 ? outbox_send(&a->priv->outbox, b, to, bytes, n) : err;
}

void actor_flush(struct actor *a)
{
	outbox_end_turn(&a->priv->outbox);
}

void actor_stop(struct actor *a, int exit_code)
{
	a->priv->exit_code = exit_code;
	a->phase = ACTOR_STOPPED;
}

uint64_t actor_stop_by_ms(const struct actor *a)
{
	return a->phase == ACTOR_DRAINING ? a->priv->stop_by_ns / 1000000u : UINT64_MAX;
}

/* ---- messages ---- */

static void refuse(struct actor *a, struct str peer, const Tipring__V1__Envelope *m, const char *why)
{
	a->refused++;
	if (log_limit(&a->priv->log_state, 10))
		log_warn("actor.refused", "peer=%.*s body=%d reason=%s", (int)peer.n, peer.p != NULL ? peer.p : "",
			 m != NULL ? (int)m->body_case : -1, why);
}

static const struct actor_rule *rule_of(const struct actor_rule *rules, uint32_t n, const Tipring__V1__Envelope *m)
{
	for (uint32_t i = 0; i < n; i++)
		if (rules[i].body == m->body_case)
			return &rules[i];
	return NULL;
}

static void dispatch(struct actor *a, const struct actor_link *l, struct str peer, const Tipring__V1__Envelope *m)
{
	uint32_t from = l->from != NULL ? l->from(a->self, peer) : UINT32_MAX;
	const struct actor_rule *own = rule_of(l->own_rules, l->own_rule_count, m);
	const struct actor_rule *r = own != NULL ? own : rule_of(l->rules, l->rule_count, m);

	if (r != NULL && m->request_id != 0 && m->deadline_ms != 0 && m->deadline_ms < a->now_ms)
		refuse(a, peer, m, "its deadline had passed"); /* who asked has given up on it */
	else if (r != NULL && ((r->from & from) == 0 || (r->phases & (uint32_t)a->phase) == 0))
		refuse(a, peer, m, (r->from & from) == 0 ? "sender" : "phase");
	else if (r != NULL)
		r->handle(own != NULL ? l->own_self : a->self, peer, m);
	else if (l->unlisted != NULL)
		l->unlisted(a->self, peer, m);
	else
		refuse(a, peer, m, "unlisted");
}

static void take_message(struct actor *a, const struct actor_link *l, const struct bus_message *m)
{
	Tipring__V1__Envelope *e;

	if (m->p == NULL) {
		if (l->subscription != NULL)
			l->subscription(a->self, m->topic, m->subscribed);
		return;
	}
	if (codec_unpack(&a->codec, m->p, m->n, &e) == 0) {
		dispatch(a, l, m->peer, e);
		return;
	}
	refuse(a, m->peer, NULL, "no envelope");
	if (l->unlisted != NULL)
		l->unlisted(a->self, m->peer, NULL);
}

static void drain_links(struct actor *a)
{
	struct actor_private *p = a->priv;
	uint64_t until_ns = clock_ns() + MESSAGES_NS_PER_TURN;
	int left = MESSAGES_PER_TURN;

	for (uint32_t k = 0; k < p->link_count && left > 0; k++) {
		uint32_t i = (p->link_next + k) % p->link_count;
		const struct actor_link *l = &p->links[i];
		struct bus_message m;

		if (!p->awake[i] && !bus_unsure(l->bus))
			continue;
		p->awake[i] = false;
		while (left > 0 && bus_recv(l->bus, &m) == 0) {
			take_message(a, l, &m);
			p->crowd++;
			left = clock_ns() < until_ns ? left - 1 : 0;
		}
	}
	if (p->link_count > 0)
		p->link_next = (p->link_next + 1) % p->link_count;
	if (left == 0)
		p->hurry = true;
}

/* Sending may swallow the edge of something received, and a bound may have been met: when nobody sends any more in this turn. In a crowd the
 * next turn is near and asks by receiving. */
static void look_back(struct actor *a)
{
	struct actor_private *p = a->priv;

	if (p->crowded)
		return;
	for (uint32_t k = 0; k < p->link_count; k++)
		p->hurry |= bus_unsure(p->links[k].bus) && bus_readable(p->links[k].bus);
}

/* One wake-up a millisecond is cheaper than one for each of many, here and where the answers go. */
static void count_crowd(struct actor *a)
{
	struct actor_private *p = a->priv;
	bool crowded = p->crowd >= CROWD;

	if (a->now_ns < p->crowd_ns + CROWD_NS)
		return;
	p->crowd = 0;
	p->crowd_ns = a->now_ns;
	if (crowded == p->crowded)
		return;
	p->crowded = crowded;
	loop_gather(a->loop, crowded);
}

/* ---- the world ---- */

static void begin_drain(struct actor *a, uint64_t for_ms)
{
	uint64_t by_ns = a->now_ns + for_ms * 1000000u;

	if (a->phase == ACTOR_DRAINING && by_ns >= a->priv->stop_by_ns)
		return;
	a->priv->stop_by_ns = by_ns;
	a->priv->orphan = false;
	if (a->phase == ACTOR_DRAINING)
		return;
	a->phase = ACTOR_DRAINING;
	log_info("actor.draining", "ms=%lu", (unsigned long)for_ms);
	if (a->ops->drain != NULL)
		a->ops->drain(a->self, true);
}

/* A process without a supervisor takes no new calls, until one is there again. */
static void mind_orphanage(struct actor *a)
{
	uint64_t alone_ms = custody_alone_ms(a->custody, a->now_ms);

	if (a->phase == ACTOR_RUNNING && alone_ms > a->priv->config->orphan_ms) {
		begin_drain(a, ORPHAN_DRAIN_MS);
		a->priv->orphan = true;
	} else if (a->priv->orphan && alone_ms == 0) {
		a->priv->orphan = false;
		a->phase = ACTOR_RUNNING;
		log_info("actor.adopted", "phase=running");
		if (a->ops->drain != NULL)
			a->ops->drain(a->self, false);
	}
}

static void watch_custody(struct actor *a)
{
	int fd = custody_fd(a->custody);

	if (fd == a->priv->custody_fd)
		return;
	/* the old descriptor is closed already: only the loop still knows it */
	if (a->priv->custody_fd >= 0)
		loop_unwatch(a->loop, a->priv->custody_fd);
	a->priv->custody_fd = fd;
	if (fd >= 0 && loop_watch(a->loop, fd, TOKEN_CUSTODY) != 0)
		log_error("actor.watch", "what=custody");
}

static const enum log_level levels[] = {
	[TIPRING__V1__LOG_LEVEL__LOG_LEVEL_UNSPECIFIED] = LOG_INFO,
	[TIPRING__V1__LOG_LEVEL__LEVEL_DEBUG] = LOG_DEBUG,
	[TIPRING__V1__LOG_LEVEL__LEVEL_INFO] = LOG_INFO,
	[TIPRING__V1__LOG_LEVEL__LEVEL_WARN] = LOG_WARN,
	[TIPRING__V1__LOG_LEVEL__LEVEL_ERROR] = LOG_ERROR,
};

/* The configuration that custody has now. ERR_SYNTAX, ERR_NOMEM: the old one stays. */
static int take_config(struct actor *a, uint64_t *ret_rest)
{
	size_t n;
	const uint8_t *p = custody_config(a->custody, &n);
	Tipring__V1__ProcessConfig *cfg = tipring__v1__process_config__unpack(NULL, n, p);
	int err = cfg != NULL ? live_digest_of_rest(cfg, ret_rest) : ERR_SYNTAX;

	if (err != 0) {
		if (cfg != NULL)
			tipring__v1__process_config__free_unpacked(cfg, NULL);
		return err;
	}
	if (a->priv->config != NULL)
		tipring__v1__process_config__free_unpacked(a->priv->config, NULL);
	a->priv->config = cfg;
	log_least((unsigned)cfg->log_level < sizeof levels / sizeof levels[0] ? levels[cfg->log_level] : LOG_INFO);
	return 0;
}

static void reconfigure(struct actor *a)
{
	uint64_t rest;
	bool differs;

	if (take_config(a, &rest) != 0) {
		log_error("actor.config", "reason=unreadable");
		return;
	}
	if (a->ops->reconfigure != NULL)
		a->ops->reconfigure(a->self, a->priv->config);
	differs = rest != a->priv->started_with || a->priv->config->waits_for_restart;
	atomic_store_explicit(a->stats.config_differs, differs, memory_order_relaxed);
	if (differs)
		log_warn("actor.config", "differs=1 hint=\"some of it takes effect at the next start\"");
	else
		log_info("actor.config", "differs=0");
}

static void own_event(struct actor *a, uint64_t token)
{
	struct signalfd_siginfo info;
	struct custody_news news = {.stop = false};

	if (token >= TOKEN_LINK) {
		a->priv->awake[token - TOKEN_LINK] = true;
		return;
	}
	if (token == TOKEN_CUSTODY)
		custody_readable(a->custody, &news);
	while (token == TOKEN_SIGNALS && read(a->priv->signals, &info, sizeof info) == (ssize_t)sizeof info)
		news.stop = true;
	if (news.stop)
		begin_drain(a, news.drain_ms);
	if (news.config)
		reconfigure(a);
	if (news.pages && a->ops->pages != NULL)
		a->ops->pages(a->self);
	watch_custody(a);
}

static void drain_loop(struct actor *a)
{
	struct loop_event e;
	int n = 0;

	for (; n < EVENTS_PER_TURN && loop_next(a->loop, &e); n++) {
		if (e.kind == LOOP_READABLE && (e.token & TOKEN_OWN) != 0)
			own_event(a, e.token);
		else
			a->ops->event(a->self, &e);
		a->priv->crowd += e.kind == LOOP_DATAGRAM;
	}
	if (n == EVENTS_PER_TURN)
		a->priv->hurry = true;
}

static uint64_t gather_ns(const struct actor *a)
{
	return (a->ops->gather_ms != 0 ? a->ops->gather_ms : GATHER_MS) * 1000000ull;
}

/* The custody token's watch is level triggered; a bus whose descriptor says nothing is drained when that can not be relied on. */
static void turn(struct actor *a)
{
	uint64_t until_ns = a->ops->deadline_ns(a->self);

	if (until_ns > a->now_ns + BEAT_NS)
		until_ns = a->now_ns + BEAT_NS;
	if (custody_busy(a->custody) && until_ns > a->now_ns + BUSY_NS)
		until_ns = a->now_ns + BUSY_NS;
	if (a->priv->crowded && until_ns > a->now_ns + gather_ns(a))
		until_ns = a->now_ns + gather_ns(a);
	if (a->priv->hurry)
		until_ns = 0;
	a->priv->hurry = false;

	loop_wait(a->loop, until_ns);
	a->now_ns = clock_ns();
	a->now_ms = a->now_ns / 1000000u;
	drain_loop(a);
	drain_links(a);
	a->ops->tick(a->self);
	custody_tick(a->custody, a->now_ms);
	watch_custody(a);
	mind_orphanage(a);
	actor_flush(a);
	look_back(a);
	count_crowd(a);
	log_tell(a->now_ms);
	statpage_turn(&a->stats, a->now_ns, clock_ns());
	if (a->phase == ACTOR_DRAINING && (a->now_ns >= a->priv->stop_by_ns ||
					   a->ops->drained == NULL || a->ops->drained(a->self)))
		actor_stop(a, 0);
}

/* ---- start ---- */

static int open_signals(struct actor *a)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* the supervisor's: it tells us what has changed */
	a->priv->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return a->priv->signals >= 0 ? loop_watch(a->loop, a->priv->signals, TOKEN_SIGNALS) : -errno;
}

static int adopt_page(struct actor *a)
{
	struct custody_item item;

	for (uint32_t i = 0; custody_item(a->custody, CUSTODY_STATPAGE, i, &item) == 0; i++) {
		int fd, err;

		if (item.id != 0)
			continue; /* somebody else's, for control */
		fd = dup(item.fd);
		err = fd >= 0 ? statpage_adopt(fd, true, &a->stats) : -errno;
		if (err != 0 && fd >= 0)
			close(fd);
		if (err == 0)
			err = statpage_describe(&a->stats, a->ops->stats, a->ops->stat_count);
		if (err == 0 && lifeline_hold(a->stats.lifeline) != 0)
			log_info("actor.lifeline", "reason=unsupported hint=\"a death is noticed a few milliseconds later\"");
		return err;
	}
	return ERR_NOENT;
}

static const enum loop_backend backends[] = {
	[TIPRING__V1__IO_BACKEND__IO_BACKEND_UNSPECIFIED] = LOOP_AUTO,
	[TIPRING__V1__IO_BACKEND__IO_AUTO] = LOOP_AUTO,
	[TIPRING__V1__IO_BACKEND__IO_URING] = LOOP_URING,
	[TIPRING__V1__IO_BACKEND__IO_EPOLL] = LOOP_EPOLL,
};

static int open_loop(struct actor *a)
{
	const Tipring__V1__ProcessConfig *cfg = a->priv->config;
	struct loop_config lc = {.sockets_max = a->ops->loop_sockets_max, .datagram_bytes = a->ops->datagram_bytes};
	int err;

	if ((unsigned)cfg->io_backend < sizeof backends / sizeof backends[0])
		lc.backend = backends[cfg->io_backend];
	if (a->ops->configure != NULL)
		a->ops->configure(cfg, &lc);
	err = loop_open(&lc, &a->loop);
	if (err == ERR_UNSUPPORTED)
		log_error("actor.loop", "reason=\"this kernel or container forbids io_uring\" "
			  "hint=\"set io_backend: epoll or auto\"");
	else if (err == 0)
		log_info("actor.loop", "engine=%s", loop_name(a->loop));
	return err;
}

static int configure(struct actor *a)
{
	a->phase = ACTOR_CONFIG;
	return take_config(a, &a->priv->started_with);
}

/* Before `start`, so that the library's threads are inside too. */
static int close_sandbox(struct actor *a)
{
	const Tipring__V1__ProcessConfig *cfg = a->priv->config;
	struct sandbox_door doors[SANDBOX_DOORS];
	size_t n = a->ops->doors != NULL ? a->ops->doors(cfg, doors) : 0;
	int err = cfg->sandbox ? sandbox_close(a->ops->no_files, doors, n) : 0;

	if (err == ERR_UNSUPPORTED) {
		log_warn("actor.sandbox", "reason=\"this kernel or container has no Landlock\" hint=\"files stay reachable\"");
		return 0;
	}
	if (err != 0)
		log_error("actor.sandbox", "reason=%s hint=\"sandbox: false runs without\"", err_name(err));
	return err;
}

static int start(struct actor *a)
{
	int err = custody_open(CUSTODY_FD, &a->custody);

	if (err == ERR_STALE) /* a spare that was never needed */
		return err;
	if (err != 0) {
		log_error("actor.custody", "reason=%s hint=\"this program is started by tipring-supervisor\"", err_name(err));
		return err;
	}
	err = configure(a);
	if (err == 0)
		err = adopt_page(a);
	if (err == 0)
		atomic_store_explicit(a->stats.config_differs, a->priv->config->waits_for_restart ? 1u : 0u, memory_order_relaxed);
	if (err == 0)
		err = codec_init(&a->codec);
	if (err == 0)
		err = outbox_init(&a->priv->outbox);
	if (err == 0)
		err = open_loop(a);
	if (err == 0)
		err = open_signals(a);
	if (err == 0)
		err = close_sandbox(a);
	if (err == 0) {
		a->now_ns = clock_ns();
		a->now_ms = a->now_ns / 1000000u;
		watch_custody(a);
		err = a->ops->start(a->self, a, a->priv->config);
	}
	if (err != 0) {
		custody_reason(a->custody, log_last_error());
		log_error("actor.start", "reason=%s", err_name(err));
	}
	return err;
}

static void release(struct actor *a)
{
	loop_close(a->loop);
	codec_fini(&a->codec);
	outbox_fini(&a->priv->outbox);
	lifeline_let_go();
	statpage_close(&a->stats);
	if (a->priv->signals >= 0)
		close(a->priv->signals);
	if (a->priv->config != NULL)
		tipring__v1__process_config__free_unpacked(a->priv->config, NULL);
	custody_close(a->custody);
}

static int answer_person(const char *process, const char *argument)
{
	bool version = strcmp(argument, "--version") == 0, help = strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;

	if (version)
		printf("tipring-%s " TIPRING_VERSION "\n", process);
	else
		fprintf(help ? stdout : stderr, "usage: tipring-%s [--help] [--version]\n\n"
			"It has no options: tipring-supervisor starts it and tells it everything.\n", process);
	return version || help ? 0 : EXIT_ENVIRONMENT;
}

int actor_main(const struct actor_ops *ops, void *self, int argc, char **argv)
{
	struct actor_private p = {.signals = -1, .custody_fd = -1};
	struct actor a = {.ops = ops, .self = self, .phase = ACTOR_HELLO, .priv = &p, .stats.region.fd = -1};
	struct rlimit files;

	if (argc > 1)
		return answer_person(ops->process, argv[1]);
	log_open(ops->process, LOG_INFO);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (start(&a) != 0) {
		release(&a);
		return EXIT_ENVIRONMENT;
	}

	a.phase = a.phase == ACTOR_CONFIG ? ACTOR_RUNNING : a.phase;
	(void)!custody_running(a.custody);
	while (a.phase != ACTOR_STOPPED)
		turn(&a);
	loop_flush(a.loop);
	ops->stop(self);
	release(&a);
	log_info("actor.stopped", "code=%d", p.exit_code);
	return p.exit_code;
}
