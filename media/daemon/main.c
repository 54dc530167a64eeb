/* main.c - tipring-media: the worker as an actor. Started by tipring-supervisor. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/actor/punctual.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "media/daemon/attach.h"
#include "media/daemon/bells.h"
#include "media/daemon/buckets.h"
#include "media/daemon/counts.h"
#include "media/daemon/from_bus.h"
#include "media/daemon/rx.h"
#include "media/daemon/sessions.h"
#include "media/daemon/takeover.h"
#include "media/daemon/tick.h"
#include "media/daemon/to_bus.h"

#define GAUGES_MS 250u
#define DESCRIPTORS_PER_CALL 8u
#define GATHER_SESSIONS 40u /* two packets a millisecond: from here on waking up once for all of them is cheaper */
#define SLAB_SCHEMA 0x73657373696f6e73ull /* records grow by parts (media/session/record.c) */

static struct media the_media;

static int adopt_slab(struct media *m, uint32_t cap)
{
	struct custody_item item;
	int fd, err;

	if (custody_item(m->actor->custody, CUSTODY_SESSION_SLAB, 0, &item) == 0) {
		fd = dup(item.fd);
		err = fd >= 0 ? slab_adopt(fd, SLAB_SCHEMA, &m->slab) : -errno;
		if (err == 0 && m->slab.cap >= cap)
			return 0;
		/* another release or another size: its calls can not be continued */
		log_error("media.slab", "reason=%s", err != 0 ? err_name(err) : "max_calls grew");
		if (err == 0)
			slab_close(&m->slab);
		else if (fd >= 0)
			close(fd);
		custody_drop(m->actor->custody, CUSTODY_SESSION_SLAB, 0);
	}
	err = slab_create("sessions", cap, SESSION_RECORD_MAX, SLAB_SCHEMA, &m->slab);
	return err == 0 ? custody_keep(m->actor->custody, CUSTODY_SESSION_SLAB, 0, m->slab.region.fd) : err;
}

/* Sessions that are open keep what they were opened with. */
static void reconfigure(void *self, const Tipring__V1__ProcessConfig *cfg)
{
	const Tipring__V1__MediaConfig *c = cfg->media;
	struct media *m = self;

	if (c == NULL)
		return;
	m->session_config.reorder_ms_max = c->reorder_ms_max;
	m->session_config.timeout_ms = c->rtp_timeout_ms;
	m->session_config.never_ms = c->never_ms;
	m->session_config.duplicate = c->duplicate < MEDIA_DUPLICATE_MAX ? c->duplicate : MEDIA_DUPLICATE_MAX;
	m->session_config.idle_silence = c->idle_silence;
	m->ear = c->ear == TIPRING__V1__EAR__EAR_PLAYOUT ? SESSION_PLAYOUT : SESSION_ASR;
	m->allow_loopback = c->allow_loopback;
}

static void take_config(struct media *m, const Tipring__V1__ProcessConfig *cfg)
{
	const Tipring__V1__MediaConfig *c = cfg->media;

	m->session_config = (struct session_config){.reorder_ms_max = 60, .idle_silence = true};
	m->wide_most = cfg->max_calls;
	snprintf(m->attach_path, sizeof m->attach_path, "%s/media-%u.sock", cfg->run_dir, cfg->index);
	if (c == NULL)
		return;
	m->wide_most = c->wide_calls != 0 ? c->wide_calls : cfg->max_calls;
	reconfigure(m, cfg);
	for (size_t i = 0; i < c->n_advertised; i++)
		if (reach_add(&m->advertised, str_of(c->advertised[i]->to), str_of(c->advertised[i]->address)) != 0)
			log_error("media.config", "advertised=%zu reason=syntax", i);
	if (c->advertised_address[0] != '\0' && addr_parse_ip(str_of(c->advertised_address), &m->advertised.rest) != 0)
		log_error("media.config", "advertised_address=%s reason=syntax", c->advertised_address);
}

static void roster(void *self)
{
	to_bus_roster(self);
}

static uint32_t used(const void *self)
{
	return ((const struct media *)self)->sessions.used;
}

static int open_bus(struct media *m, const Tipring__V1__ProcessConfig *cfg)
{
	const struct worker_ops ops = {
		.roster = roster, .used = used, .rules = media_rules, .rule_count = media_rule_count,
	};

	return worker_open(m->actor, cfg, &ops, &m->worker);
}

/* An even port followed by the odd one above it, on the same address. */
static bool is_pair(const struct custody_item *even, const struct custody_item *odd)
{
	return even->kind != CUSTODY_NONE && even->id % 2 == 0 && odd->id == even->id + 1 && odd->index == even->index;
}

/* One of those that are no neighbours, at each address that has it. Few have any. */
static int add_apart(struct media *m, uint32_t rtp, uint32_t rtcp)
{
	const struct custody *c = m->actor->custody;
	struct custody_item a, b;
	int err = 0;

	for (uint32_t i = 0; err == 0 && custody_each(c, CUSTODY_RTP_PORT, &i, &a) == 0;)
		for (uint32_t k = 0; a.id == rtp && err == 0 && custody_each(c, CUSTODY_RTP_PORT, &k, &b) == 0;)
			if (b.id == rtcp && b.index == a.index)
				err = ports_add_apart(&m->ports, a.fd, b.fd, a.index << 16 | rtp, (uint16_t)rtcp);
	return err;
}

static int open_ports(struct media *m, const Tipring__V1__MediaConfig *cfg)
{
	const struct custody *c = m->actor->custody;
	struct custody_item last = {.kind = CUSTODY_NONE}, item;
	uint32_t n = 0, at = 0;
	int err;

	while (custody_each(c, CUSTODY_RTP_PORT, &at, &item) == 0)
		n++;
	err = ports_init(&m->ports, n / 2 + 1);
	for (at = 0; err == 0 && custody_each(c, CUSTODY_RTP_PORT, &at, &item) == 0; last = item)
		if (is_pair(&last, &item))
			err = ports_add(&m->ports, last.fd, item.fd, (uint32_t)(last.index << 16 | last.id));
	for (size_t i = 0; err == 0 && cfg != NULL && i + 1 < cfg->n_rtcp_apart; i += 2)
		err = add_apart(m, cfg->rtcp_apart[i], cfg->rtcp_apart[i + 1]);
	if (err == 0 && m->ports.count == 0)
		err = ERR_NOENT;
	return err;
}

static int take_over(struct media *m)
{
	uint64_t died_ns = custody_predecessor_died_ns(m->actor->custody);
	uint32_t kept, gap_ms;
	int err = takeover(m, &kept);

	if (err == 0 && died_ns != 0)
		err = ports_recall(&m->ports, m->actor->now_ms);
	else if (err == 0)
		ports_shut_all(&m->ports);
	if (err != 0)
		return err;
	gap_ms = died_ns != 0 ? (uint32_t)((clock_ns() - died_ns) / 1000000u) : 0;
	worker_kept(m->worker, kept, gap_ms);
	if (died_ns != 0)
		log_info("media.takeover", "sessions=%u gap_ms=%u", kept, gap_ms);
	return 0;
}

/* The table of descriptors is grown now: growing it later, with a second thread alive, waits for an RCU grace period (7 ms were seen). */
static void make_room(uint32_t calls)
{
	int high = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, (int)(DESCRIPTORS_PER_CALL * calls + 1024));

	if (high >= 0)
		close(high);
}

static int start(void *self, struct actor *a, const Tipring__V1__ProcessConfig *cfg)
{
	struct media *m = self;
	uint32_t cap = cfg->max_calls;
	int err;

	if (m->punctual != 0)
		log_info("media.priority", "reason=%s hint=\"CAP_SYS_NICE keeps the audio punctual on a loaded machine\"",
			 err_name(m->punctual));
	make_room(cap);
	m->actor = a;
	rand_seed(&m->rand, clock_entropy());
	take_config(m, cfg);
	m->resamplers = calloc(cap, sizeof *m->resamplers);
	m->keys = calloc(cap, sizeof *m->keys);
	err = m->resamplers != NULL && m->keys != NULL ? pool_init(&m->sessions, cap, sizeof(struct media_session)) : ERR_NOMEM;
	if (err == 0)
		err = pool_init(&m->wide, cap, sizeof(struct session_wide)); /* touched only where it is used */
	if (err == 0)
		err = pool_init(&m->members, cap + 1, sizeof(struct room_member)); /* one that moves has two */
	if (err == 0)
		err = pool_init(&m->listens, cap, sizeof(struct session_listen));
	if (err == 0)
		err = buckets_init(m, cap);
	if (err == 0)
		err = open_ports(m, cfg->media);
	if (err == 0)
		err = adopt_slab(m, cap);
	if (err == 0)
		err = open_bus(m, cfg);
	if (err == 0)
		err = attach_open(m);
	if (err == 0)
		err = take_over(m);
	return err;
}

static void event(void *self, const struct loop_event *e)
{
	struct media *m = self;
	uint32_t slot = (uint32_t)e->token;

	switch (e->token >> 48) {
	case MEDIA_TOKEN_RTP >> 48:
		rx_rtp(m, slot, e);
		break;
	case MEDIA_TOKEN_RTCP >> 48:
		rx_rtcp(m, slot, e);
		break;
	case MEDIA_TOKEN_LISTENER >> 48:
		attach_accept(m);
		break;
	case MEDIA_TOKEN_CONNECTION >> 48:
		attach_request(m, slot);
		break;
	}
}

static void tick(void *self)
{
	struct media *m = self;

	tick_run(m);
	bells_ring(m);
	loop_gather(m->actor->loop, m->sessions.used > GATHER_SESSIONS);
	worker_tick(m->worker);
	if (m->roster_due)
		to_bus_roster_go_on(m);
	if (m->actor->now_ms >= m->gauges_ms) {
		m->gauges_ms = m->actor->now_ms + GAUGES_MS;
		counts_gauges(m);
	}
}

static uint64_t deadline_ns(const void *self)
{
	const struct media *m = self;
	uint64_t tick_ns = buckets_deadline_ns(m), worker_ns = worker_deadline_ns(m->worker);

	/* gathering: packets of sessions whose millisecond it is not wait no longer than one either */
	if (m->sessions.used > GATHER_SESSIONS && tick_ns > (m->actor->now_ns / MEDIA_TICK_NS + 1) * MEDIA_TICK_NS)
		tick_ns = (m->actor->now_ns / MEDIA_TICK_NS + 1) * MEDIA_TICK_NS;
	if (m->roster_due && tick_ns > m->actor->now_ns + MEDIA_TICK_NS)
		tick_ns = m->actor->now_ns + MEDIA_TICK_NS;
	return tick_ns < worker_ns ? tick_ns : worker_ns;
}

static void drain(void *self, bool on)
{
	((struct media *)self)->draining = on;
}

static bool drained(const void *self)
{
	return ((const struct media *)self)->sessions.used == 0;
}

static void stop(void *self)
{
	struct media *m = self;
	struct media_session *ms;
	uint32_t at = 0;

	while ((ms = pool_each(&m->sessions, &at)) != NULL) {
		sessions_end(m, ms);
		sessions_give(m, ms);
	}
	bells_close_all(m);
	worker_close(m->worker);
	slab_close(&m->slab);
	for (uint32_t i = 0; i < m->sessions.cap; i++)
		for (int k = 0; k < 2; k++)
			resample_fini(&m->resamplers[i][k]);
	free(m->resamplers);
	free(m->keys);
	pool_fini(&m->wide);
	pool_fini(&m->members);
	pool_fini(&m->listens);
	ports_fini(&m->ports);
	buckets_fini(m);
	pool_fini(&m->sessions);
}

static void configure(const Tipring__V1__ProcessConfig *cfg, struct loop_config *loop)
{
	loop->sockets_max = 2 * cfg->max_calls;
}

static const struct stat_row stats[] = {
#define COUNTER STAT_COUNTER
#define GAUGE STAT_GAUGE
#define STAT(kind, name, help) {#name, help, kind},
#include "media/daemon/stats.def"
#undef STAT
};

int main(int argc, char **argv)
{
	static const struct actor_ops ops = {
		.process = "media",
		.start = start,
		.event = event,
		.tick = tick,
		.deadline_ns = deadline_ns,
		.drain = drain,
		.drained = drained,
		.stop = stop,
		.stats = stats,
		.stat_count = MEDIA_STATS,
		.no_files = true,
		.loop_sockets_max = 2,
		.datagram_bytes = MEDIA_DATAGRAM_BYTES,
		.configure = configure,
		.reconfigure = reconfigure,
	};

	the_media.punctual = be_punctual(); /* from the first moment on: a successor is late already */
	return actor_main(&ops, &the_media, argc, argv);
}
