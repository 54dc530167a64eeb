/* main.c - tipring-signaling: the worker as an actor. Started by tipring-supervisor.
 */
#include "signaling/daemon/signaling.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "signaling/daemon/effects.h"
#include "signaling/daemon/from_auth.h"
#include "signaling/daemon/from_bus.h"
#include "signaling/daemon/from_codecs.h"
#include "signaling/daemon/from_registrations.h"
#include "signaling/daemon/receive.h"
#include "signaling/daemon/takeover.h"
#include "signaling/daemon/tick.h"
#include "signaling/daemon/to_bus.h"
#include "signaling/daemon/to_registrations.h"
#include "signaling/daemon/udp.h"

#define GAUGES_MS 250u
#define RINGING_MS 60000u /* of a leg of ours; control may say otherwise of each */
#define SERVERS_LEAST_PER_S 500u  /* an INVITE and a BYE of 250 calls */
#define SERVERS_MOST_PER_S  2400u /* of 1,000, with the eighth that is for ending calls */
#define CLIENTS_PER_SECOND 100u

static struct signaling the_signaling;

static void roster(void *self)
{
	to_bus_roster(self);
	to_registrations_roster(self);
}

static uint32_t used(const void *self)
{
	return ((const struct signaling *)self)->legs.used;
}

static uint32_t living(const void *self)
{
	const struct signaling *s = self;

	return s->legs.used - s->legs_told;
}

/* Who may come in, and whom we are known as where we go. */
static void open_doors(struct signaling *s, const Tipring__V1__SignalingConfig *c)
{
	from_auth_config(s, c);
	from_auth_trunk(s, c->trunk);
}

static void reconfigure(void *self, const Tipring__V1__ProcessConfig *cfg)
{
	const Tipring__V1__SignalingConfig *c = cfg->signaling;
	struct signaling *s = self;

	if (c == NULL)
		return;
	s->leg_config.user_agent = str_of(s->server);
	s->leg_config.ringing_timeout_ms = RINGING_MS;
	s->leg_config.answer_timeout_ms = c->answer_timeout_ms != 0 ? c->answer_timeout_ms : 30000;
	s->leg_config.refresh = (struct refresh_config){.session_expires_s = c->session_expires_s, .min_se_s = c->min_se_s};
	s->leg_config.rtcp_mux = c->rtcp_mux;
	from_codecs_config(s, c);
	s->gate.per_s = c->new_per_source_per_s;
	from_registrations_config(s, c); /* nothing, until they are there */
	s->stack.cfg.messages = c->messages; /* at the start open_stack() sets it */
	if (s->stack.servers.cap != 0)   /* at the start, when its book can be found */
		open_doors(s, c);
}

static int take_config(struct signaling *s, const Tipring__V1__ProcessConfig *cfg)
{
	const Tipring__V1__SignalingConfig *c = cfg->signaling;
	int err = 0;

	if (c == NULL || str_copy(s->server, sizeof s->server, str_of(c->server)) != 0)
		return ERR_INVAL;
	reconfigure(s, cfg);
	s->leg_config.families = (c->rtp_v4 ? SDP_FAMILY(ADDR_V4) : 0) |
				 (c->rtp_v6 ? SDP_FAMILY(ADDR_V6) : 0);
	if (s->leg_config.families == 0) /* a supervisor that does not say */
		s->leg_config.families = SDP_FAMILIES;
	for (size_t i = 0; i + 1 < c->n_rtcp_apart && s->apart_count < SIGNALING_APART_MAX; i += 2) {
		s->apart[s->apart_count].rtp = (uint16_t)c->rtcp_apart[i];
		s->apart[s->apart_count++].rtcp = (uint16_t)c->rtcp_apart[i + 1];
	}
	for (size_t i = 0; i < c->n_advertised && err == 0; i++)
		err = reach_add(&s->advertised, str_of(c->advertised[i]->to), str_of(c->advertised[i]->address));
	if (err == 0 && c->advertised_address[0] != '\0')
		err = addr_parse_ip(str_of(c->advertised_address), &s->advertised.rest);
	return err;
}

/* How many begin: as if the calls there may be were all made anew each second. */
static uint32_t servers_per_second(uint32_t max_calls)
{
	uint32_t n = 2 * max_calls > SERVERS_LEAST_PER_S ? 2 * max_calls : SERVERS_LEAST_PER_S;

	return n < SERVERS_MOST_PER_S ? n : SERVERS_MOST_PER_S;
}

/* What is over leaves a tombstone for 32 s, so tables follow the rate of transactions as well as the calls that are up; messages are
 * kept only while something is under way. */
static int open_stack(struct signaling *s, const Tipring__V1__ProcessConfig *cfg)
{
	struct sip_config sc = {
		.server_max = 4 * cfg->max_calls + servers_per_second(cfg->max_calls) * SIP_TIMEOUT_MS / 1000u,
		.client_max = cfg->max_calls + CLIENTS_PER_SECOND * SIP_TIMEOUT_MS / 1000u,
		.messages_max = 4 * cfg->max_calls + 1024,
		.worker = cfg->index,
		.force_rport = cfg->signaling->force_rport,
		.messages = cfg->signaling->messages,
		.server = str_of(s->server),
		.admits = from_auth_admits,
		.porter = s,
	};

	return sip_stack_init(&s->stack, &sc, &s->hash, clock_entropy(),
			      s->actor->now_ms);
}

static int open_worker(struct signaling *s, const Tipring__V1__ProcessConfig *cfg)
{
	const struct worker_ops ops = {
		.roster = roster,
		.used = used,
		.living = living,
		.rules = signaling_rules,
		.rule_count = signaling_rule_count,
	};

	return worker_open(s->actor, cfg, &ops, &s->worker);
}

static void take_over(struct signaling *s)
{
	uint64_t died_ns = custody_predecessor_died_ns(s->actor->custody);
	uint32_t kept = takeover_legs(s);
	uint32_t gap_ms =
		died_ns != 0 ? (uint32_t)((clock_ns() - died_ns) / 1000000u) : 0;

	worker_kept(s->worker, kept, gap_ms);
	if (died_ns != 0)
		log_info("signaling.takeover", "legs=%u gap_ms=%u", kept, gap_ms);
}

static int open_registrations(struct signaling *s, const Tipring__V1__ProcessConfig *cfg)
{
	uint32_t kept;
	int err;

	s->registrations.follows = cfg->index != 0;
	err = registrations_open(s);
	if (err != 0)
		return err;
	from_registrations_config(s, cfg->signaling);
	kept = registrations_resume(s);
	if (kept > 0)
		log_info("registration.takeover", "kept=%u", kept);
	return 0;
}

static int open_strays(struct signaling *s, const Tipring__V1__ProcessConfig *cfg)
{
	const struct strays_config sc = {.workers = cfg->signaling->workers, .self = cfg->index, .run_dir = cfg->run_dir};

	return strays_open(s, &sc);
}

static int start(void *self, struct actor *a, const Tipring__V1__ProcessConfig *cfg)
{
	struct signaling *s = self;
	int err;

	s->actor = a;
	wheel_init(&s->wheel, a->now_ms);
	s->out = malloc(SIGNALING_OUT_BYTES);
	err = s->out != NULL ? take_config(s, cfg) : ERR_NOMEM;
	if (err == 0)
		err = pool_init(&s->legs, cfg->max_calls, sizeof(struct leg));
	if (err == 0)
		pool_spread(&s->legs, clock_entropy());
	if (err == 0)
		err = map_init(&s->by_dialog, cfg->max_calls);
	if (err == 0)
		err = map_init(&s->by_call, cfg->max_calls);
	if (err == 0)
		err = takeover_slab(s, cfg->max_calls);
	if (err != 0)
		return err;
	takeover_key(s);
	gate_init(&s->gate, cfg->signaling->new_per_source_per_s, &s->hash);
	err = open_stack(s, cfg);
	if (err == 0)
		err = logins_open(s, cfg->max_calls);
	if (err == 0)
		err = messages_open(s);
	if (err == 0) {
		open_doors(s, cfg->signaling);
		err = udp_open(s);
	}
	if (err == 0)
		err = open_strays(s, cfg);
	if (err == 0)
		err = open_worker(s, cfg);
	if (err == 0)
		take_over(s);
	return err == 0 ? open_registrations(s, cfg) : err;
}

static void event(void *self, const struct loop_event *e)
{
	if (e->kind == LOOP_DATAGRAM)
		receive_datagram(self, e);
	else if (e->token == SIGNALING_TOKEN_STRAYS)
		receive_strays(self);
}

static void gauges(struct signaling *s)
{
	const struct sip_counters *c = &s->stack.count;
	struct statpage *p = &s->actor->stats;
	uint32_t at = 0, confirmed = 0, dialling = 0, registrations, up;
	struct leg *l;

	while ((l = pool_each(&s->legs, &at)) != NULL) {
		confirmed += l->r.state == LEG_CONFIRMED || l->r.state == LEG_REFRESHED || l->r.state == LEG_OFFERED;
		dialling += leg_needs_client(l);
	}
	stat_set(p, STAT_signaling_legs_dialling, dialling);
	stat_set(p, STAT_signaling_client_transactions, s->stack.clients.used);
	stat_set(p, STAT_signaling_legs, s->legs.used);
	stat_set(p, STAT_ready, worker_welcome(s->worker) && !s->stack.draining);
	stat_set(p, STAT_signaling_legs_confirmed, confirmed);
	stat_set(p, STAT_signaling_transactions, s->stack.servers.used);
	registrations_count(s, &registrations, &up);
	from_auth_count(s);
	stat_set(p, STAT_signaling_registrations, registrations);
	stat_set(p, STAT_signaling_registrations_up, up);
	/* the stack counts from zero in every process, the page goes on */
	count(s, STAT_sip_received, c->received);
	count(s, STAT_sip_sent, c->sent);
	count(s, STAT_sip_malformed, c->malformed);
	count(s, STAT_sip_retransmitted, c->retransmitted);
	count(s, STAT_sip_stray, c->stray);
	count(s, STAT_sip_refused, c->refused);
	count(s, STAT_sip_merged, c->merged);
	count(s, STAT_sip_full, c->full);
	s->stack.count = (struct sip_counters){.received = 0};
}

static bool calls_are_over(const struct signaling *s)
{
	const struct leg *l;
	uint32_t at = 0;

	while ((l = pool_each(&s->legs, &at)) != NULL)
		if (!leg_is_over(l))
			return false;
	return true;
}

static void tick(void *self)
{
	struct signaling *s = self;

	tick_run(s);
	worker_tick(s->worker);
	if (s->stack.draining && !calls_are_over(s))
		strays_say_busy(s);
	if (s->actor->now_ms >= s->gauges_ms) {
		s->gauges_ms = s->actor->now_ms + GAUGES_MS;
		gauges(s);
	}
}

static uint64_t deadline_ns(const void *self)
{
	const struct signaling *s = self;
	uint64_t ms = tick_deadline_ms(s), worker_ns = worker_deadline_ns(s->worker);

	if (ms > UINT64_MAX / 1000000u)
		return worker_ns;
	return ms * 1000000u < worker_ns ? ms * 1000000u : worker_ns;
}

static void drain(void *self, bool on)
{
	struct signaling *s = self;

	s->stack.draining = on;
	if (on)
		strays_drain(s);
	registrations_drain(s, on);
}

/* Nobody is on the line; what control has not taken note of may wait for the next start. */
static bool drained(const void *self)
{
	const struct signaling *s = self;

	return calls_are_over(s) && !registrations_are_leaving(s) && !strays_others_are_busy(s);
}

/* Callers that are still there are told. */
static void stop(void *self)
{
	struct signaling *s = self;
	struct leg *l;
	uint32_t at = 0;

	while ((l = pool_each(&s->legs, &at)) != NULL)
		if (!leg_is_over(l)) {
			(void)!str_copy(l->wish.reason, sizeof l->wish.reason, STR("the host stops"));
			(void)effects_leg_input(s, l, LEG_EV_HANGUP);
		}
	loop_flush(s->actor->loop);
	worker_close(s->worker);
	registrations_close(s);
	from_auth_close(s);
	logins_close(s);
	strays_close(s);
	messages_close(s);
	slab_close(&s->slab);
	sip_stack_fini(&s->stack);
	map_fini(&s->by_dialog);
	map_fini(&s->by_call);
	pool_fini(&s->legs);
	free(s->out);
}

static const struct stat_row stats[] = {
#define COUNTER                STAT_COUNTER
#define GAUGE                  STAT_GAUGE
#define STAT(kind, name, help) {#name, help, kind},
#include "signaling/daemon/stats.def"
#undef STAT
};

static void configure(const Tipring__V1__ProcessConfig *cfg, struct loop_config *loop)
{
	(void)cfg;
	loop->sockets_max = SIGNALING_LISTENERS_MAX;
	loop->buffers = 512;
	loop->sends_max = 4096;
}

int main(int argc, char **argv)
{
	static const struct actor_ops ops = {
		.process = "signaling",
		.start = start,
		.event = event,
		.tick = tick,
		.deadline_ns = deadline_ns,
		.drain = drain,
		.drained = drained,
		.stop = stop,
		.stats = stats,
		.stat_count = SIGNALING_STATS,
		.no_files = true,
		.loop_sockets_max = SIGNALING_LISTENERS_MAX,
		.gather_ms = 4, /* nobody hears it */
		.datagram_bytes = SIGNALING_DATAGRAM_BYTES,
		.configure = configure,
		.reconfigure = reconfigure,
	};

	return actor_main(&ops, &the_signaling, argc, argv);
}
