/* supervisor.c - see supervisor.h */
#include "control/supervisor/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/shm/fdpass.h"
#include "control/supervisor/handover.h"
#include "control/supervisor/lookout.h"
#include "control/supervisor/peers.h"
#include "control/supervisor/sockets.h"

#define WATCH_MS 50 /* heartbeats are looked at this often */
#define BIND_MS 2000u /* all ports together */

static int open_signals(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->signals >= 0 ? 0 : -errno;
}

/* Descriptors: listeners and pool, twice that while a worker is being given its own, two per tape, two per recording, one for what is played, and some room. */
static int allow_descriptors(const struct supervisor *s)
{
	const struct config *c = &s->config;
	uint64_t ports = config_port_descriptors(c);
	uint64_t need = ports + (config_has_files(c) ? 7u : 4u) * c->max_calls + 512u, limit = 0;
	int err = sockets_allow(need, &limit);

	if (err != 0)
		log_error("supervisor.files", "need=%lu limit=%lu hint=\"raise ulimit -Hn, or make the port pool "
			  "or max_calls smaller\"", (unsigned long)need, (unsigned long)limit);
	return err;
}

static int listen_to_orphans(struct supervisor *s)
{
	char path[sizeof s->config.host_run_dir + 64];
	int err;

	snprintf(path, sizeof path, "%s/%s.sock", s->config.host_run_dir, s->dir.name);
	err = fdpass_listen(path, 0600, &s->listener);
	if (err != 0)
		log_error("supervisor.listen", "path=%s reason=\"%s\"", path, strerror(-err));
	return err;
}

static int take_seat(struct supervisor *s)
{
	char name[32];

	if (s->all_roles)
		return rundir_lock(&s->dir, "supervisor");
	if (s->wanted_seat < 0)
		return rundir_seat(&s->dir, config_role_name(s->role), SUPERVISOR_SEATS_MAX, &s->seat);
	s->seat = (uint32_t)s->wanted_seat;
	snprintf(name, sizeof name, "supervisor-%s-%u", config_role_name(s->role), s->seat);
	return rundir_lock(&s->dir, name);
}

static void take_roles(struct supervisor *s, unsigned roles)
{
	s->all_roles = roles == (1u << ROLES) - 1;
	for (unsigned r = 0; r < ROLES; r++)
		if (roles & 1u << r)
			s->role = (enum role)r;
}

static int prepare(struct supervisor *s, unsigned roles)
{
	int err = rundir_open(s->config.host_run_dir, &s->dir);

	take_roles(s, roles);
	if (err == 0)
		err = take_seat(s);
	if (err == 0)
		err = allow_descriptors(s);
	if (err == 0)
		err = open_signals(s);
	if (err == 0)
		err = listen_to_orphans(s);
	return err;
}

/* What a worker needs before it is started. Another supervisor may run it, in which case it is waited for later. */
static int lease_and_resources(struct supervisor *s, struct worker_slot *w)
{
	int err = w->leased ? 0 : handover_lease(s, w);

	while (err == ERR_AGAIN && s->all_roles && clock_ms() < s->bind_by_ms) {
		(void)poll(NULL, 0, 5); /* what a predecessor's worker had goes when the kernel is done with it */
		err = handover_lease(s, w);
	}
	if (err == ERR_AGAIN && !s->all_roles)
		return 0;
	if (err == ERR_AGAIN)
		log_error("supervisor.lease", "worker=%s-%u reason=\"another process is this worker\" hint=\"a supervisor with --role runs here, too\"",
			  config_role_name(w->role), w->index);
	return err != 0 ? err : resources_ensure(s, w);
}

/* Sockets and sizes are those of the workers that are there, or else those of the file. */
static int take_over(struct supervisor *s)
{
	static struct config file; /* too large for the stack's taste */
	int err = 0;

	file = s->config;
	if (!s->all_roles) {
		peers_find(s);
		adopt_meet(s);
	}
	adopt_expect(s);
	adopt_wait(s);
	adopt_sizes(s);
	if (s->successor)
		reload_take(s, &file);
	reload_notes(s);

	s->bind_by_ms = clock_ms() + BIND_MS;
	for (uint32_t i = 0; i < s->worker_count && (err == 0 || s->successor); i++)
		err = lease_and_resources(s, &s->workers[i]);
	return s->successor ? 0 : err; /* what is missing was logged; calls are up, and most of it is there */
}

static void begin_stop(struct supervisor *s, uint64_t drain_ms)
{
	log_info("supervisor.stopping", "drain_ms=%lu%s", (unsigned long)drain_ms,
		 drain_ms > 0 ? " hint=\"a second signal does not wait for calls\"" : "");
	if (drain_ms > 0)
		drain_ms += CUSTODY_LAST_WORDS_MS;
	s->stop_by_ms = clock_ms() + drain_ms + 2000;
	for (uint32_t i = 0; i < s->worker_count; i++)
		worker_stop(s, &s->workers[i], drain_ms);
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGHUP)
			reload(s);
		else if (s->stop_by_ms != 0 || s->leave_at_ms != 0)
			begin_stop(s, 0); /* a second one: now */
		else if (handover_stop(s, clock_ms()))
			begin_stop(s, s->config.drain_ms);
		s->health_ms = 0; /* to be told at once */
	}
}

static bool all_gone(const struct supervisor *s)
{
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].pid != 0)
			return false;
	return true;
}

/* The last words of our workers. */
static bool still_telling(const struct supervisor *s)
{
	return s->leaving && !peers_are_told(s) && clock_ms() < s->stop_by_ms;
}

static int poll_timeout(const struct supervisor *s, uint64_t now_ms)
{
	uint64_t ms = WATCH_MS;

	for (uint32_t i = 0; i < s->worker_count; i++) {
		const struct worker_slot *w = &s->workers[i];

		if (s->stop_by_ms == 0 && w->pid == 0 && w->start_at_ms < now_ms + ms)
			ms = w->start_at_ms > now_ms ? w->start_at_ms - now_ms : 1;
	}
	return (int)ms;
}

static void wait_and_serve(struct supervisor *s)
{
	struct pollfd p[3 + SUPERVISOR_STRANGERS_MAX + 2 * SUPERVISOR_WORKERS_MAX + PEERS_POLL];
	uint32_t at = 2 + SUPERVISOR_STRANGERS_MAX, workers = s->worker_count;
	struct pollfd *bell;
	nfds_t n = 0;

	p[n++] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = s->listener, .events = POLLIN};
	for (uint32_t i = 0; i < SUPERVISOR_STRANGERS_MAX; i++)
		p[n++] = (struct pollfd){.fd = s->strangers[i], .events = POLLIN};
	for (uint32_t i = 0; i < s->worker_count; i++) {
		p[n++] = (struct pollfd){.fd = s->workers[i].pid != 0 ? s->workers[i].pidfd : -1, .events = POLLIN};
		p[n++] = (struct pollfd){.fd = s->workers[i].sock, .events = POLLIN};
	}

	p[n] = (struct pollfd){.fd = s->bell, .events = POLLIN};
	bell = &p[n++];
	peers_poll(s, &p[n]);

	(void)poll(p, n + PEERS_POLL, poll_timeout(s, clock_ms()));

	/* the dead first: callers are waiting for their successor */
	if (bell->revents != 0)
		lookout_heard(s->bell);
	for (uint32_t i = 0; bell->revents != 0 && i < workers; i++)
		worker_look(s, &s->workers[i], clock_ms());
	for (uint32_t i = 0; i < workers; i++)
		if (p[at + 2 * i].revents != 0)
			worker_watch(s, &s->workers[i], clock_ms());
	for (uint32_t i = 0; i < workers; i++)
		if (p[at + 2 * i + 1].revents != 0 && s->workers[i].sock == p[at + 2 * i + 1].fd)
			worker_message(s, &s->workers[i]);
	peers_read(s); /* whose end is the end of somebody's workers */
	if (p[0].revents != 0)
		take_signals(s);
	if (p[1].revents != 0)
		adopt_accept(s);
	for (uint32_t i = 0; i < SUPERVISOR_STRANGERS_MAX; i++)
		if (p[2 + i].revents != 0 && s->strangers[i] >= 0)
			adopt_stranger(s, i);
}

static void turn(struct supervisor *s)
{
	uint64_t now_ms, before_ms = clock_ms();

	wait_and_serve(s);
	now_ms = clock_ms();
	log_tell(now_ms);
	worker_tell_config(s);
	worker_tell_pages(s);
	handover_tick(s, now_ms);
	peers_tell(s);
	if (s->leave_at_ms != 0 && s->stop_by_ms == 0 && now_ms >= s->leave_at_ms && handover_stop(s, now_ms))
		begin_stop(s, s->config.drain_ms);
	health_tell(s, now_ms);
	if (now_ms > before_ms + 4 * WATCH_MS)
		return; /* we were asleep ourselves: heartbeats tell nothing now */
	for (uint32_t i = 0; i < s->worker_count; i++)
		worker_watch(s, &s->workers[i], now_ms);
	for (uint32_t i = 0; i < s->worker_count; i++)
		worker_spare(s, &s->workers[i], now_ms);

	if (s->stop_by_ms != 0 && now_ms >= s->stop_by_ms)
		for (uint32_t i = 0; i < s->worker_count; i++)
			if (s->workers[i].pid != 0)
				kill(s->workers[i].pid, SIGKILL);
}

static void release(struct supervisor *s)
{
	rundir_forget(&s->dir);
	peers_close(s);
	rundir_unhealth(&s->dir);
	store_fini(&s->store);
	for (uint32_t i = 0; i < s->worker_count; i++) {
		spare_end(&s->workers[i].spare);
		statpage_close(&s->workers[i].page);
	}
	rundir_close(&s->dir);
}

/* What an operator looks for stands at the end. */
static int failed(struct supervisor *s)
{
	if (s->reason[0] == '\0')
		snprintf(s->reason, sizeof s->reason, "event=%s", log_last_error());
	log_error("supervisor.failed", "code=%d %s", SUPERVISOR_EXIT_ENVIRONMENT, s->reason);
	return SUPERVISOR_EXIT_ENVIRONMENT;
}

int supervisor_run(struct supervisor *s, unsigned roles)
{
	int err;

	s->listener = s->signals = s->dir.fd = s->dir.lock = -1;
	for (uint32_t i = 0; i < SUPERVISOR_STRANGERS_MAX; i++)
		s->strangers[i] = -1;
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		s->peers[i].in = s->peers[i].out = -1;
	store_init(&s->store);
	s->bell = lookout_bell();

	if (prepare(s, roles) != 0)
		return failed(s);
	err = take_over(s);
	if (err != 0) {
		release(s);
		return failed(s);
	}

	log_info("supervisor.up", "host=%s run_dir=%s workers=%u max_calls=%u", s->config.host_name,
		 s->config.host_run_dir, s->worker_count, s->config.max_calls);
	while (s->stop_by_ms == 0 || !all_gone(s) || still_telling(s)) {
		bool was_stopping = s->stop_by_ms != 0;

		turn(s);
		if (!was_stopping && s->stop_by_ms != 0 && s->exit_code != 0)
			begin_stop(s, 0); /* one of them found the environment wrong */
	}
	release(s);
	log_info("supervisor.down", "code=%d", s->exit_code);
	return s->exit_code != 0 ? failed(s) : 0;
}
