/* supervisor.c - see supervisor.h */
#include "control/supervisor/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/shm/fdpass.h"
#include "control/supervisor/sockets.h"

#define WATCH_MS 50 /* heartbeats are looked at this often */

static void add_worker(struct supervisor *s, enum role role, uint32_t index)
{
	s->workers[s->worker_count++] = (struct worker_slot){
		.role = role, .index = index, .pidfd = -1, .sock = -1, .page.region.fd = -1,
	};
}

static int make_run_dir(const struct supervisor *s)
{
	const char *dir = s->config.run_dir;

	if (mkdir(dir, 0750) == 0 || (errno == EEXIST && access(dir, W_OK | X_OK) == 0))
		return 0;
	log_error("supervisor.run_dir", "path=%s reason=\"%s\" hint=\"host.run_dir must be writable\"", dir,
		  strerror(errno));
	return -errno;
}

static int open_signals(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->signals >= 0 ? 0 : -errno;
}

/* Descriptors: listeners and pool, twice that while a worker is being given its own, two per tape, and some room. */
static int allow_descriptors(const struct supervisor *s)
{
	const struct config *c = &s->config;
	uint64_t ports = ((uint64_t)c->rtp_port_max - c->rtp_port_min + 1) * c->rtp_address_count;
	uint64_t need = ports + 4u * c->max_calls + 512u, limit = 0;
	int err = sockets_allow(need, &limit);

	if (err != 0)
		log_error("supervisor.files", "need=%lu limit=%lu hint=\"raise ulimit -Hn, or make the port pool "
			  "or max_calls smaller\"", (unsigned long)need, (unsigned long)limit);
	return err;
}

static int prepare(struct supervisor *s, unsigned roles)
{
	int err;

	if (roles & 1u << ROLE_CONTROL)
		add_worker(s, ROLE_CONTROL, 0);
	for (uint32_t i = 0; (roles & 1u << ROLE_MEDIA) && i < s->config.rtp_workers; i++)
		add_worker(s, ROLE_MEDIA, i);
	if (roles & 1u << ROLE_SIGNALING)
		add_worker(s, ROLE_SIGNALING, 0);
	s->all_roles = roles == (1u << ROLES) - 1;

	err = make_run_dir(s);
	if (err == 0)
		err = adopt_lock(s);
	if (err == 0)
		err = allow_descriptors(s);
	if (err == 0 && config_port_pairs(&s->config) < s->config.max_calls)
		log_warn("supervisor.ports", "pairs=%u max_calls=%u hint=\"calls without ports are refused: make the RTP pool larger\"",
			 config_port_pairs(&s->config), s->config.max_calls);
	if (err == 0)
		err = open_signals(s);
	if (err != 0 || !s->all_roles)
		return err;

	char path[sizeof s->config.run_dir + 32];

	snprintf(path, sizeof path, "%s/%s", s->config.run_dir, CUSTODY_SOCKET);
	err = fdpass_listen(path, 0600, &s->listener);
	if (err != 0)
		log_error("supervisor.listen", "path=%s reason=\"%s\"", path, strerror(-err));
	return err;
}

static void begin_stop(struct supervisor *s, uint64_t drain_ms)
{
	log_info("supervisor.stopping", "drain_ms=%lu", (unsigned long)drain_ms);
	if (drain_ms > 0)
		drain_ms += CUSTODY_LAST_WORDS_MS;
	s->stop_by_ms = clock_ms() + drain_ms + 2000;
	for (uint32_t i = 0; i < s->worker_count; i++)
		worker_stop(s, &s->workers[i], drain_ms);
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
		begin_stop(s, s->stop_by_ms == 0 ? s->config.drain_ms : 0); /* a second one: now */
}

static bool all_gone(const struct supervisor *s)
{
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].pid != 0)
			return false;
	return true;
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
	struct pollfd p[2 + SUPERVISOR_STRANGERS_MAX + 2 * SUPERVISOR_WORKERS_MAX];
	uint32_t at = 2 + SUPERVISOR_STRANGERS_MAX;
	nfds_t n = 0;

	p[n++] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = s->listener, .events = POLLIN};
	for (uint32_t i = 0; i < SUPERVISOR_STRANGERS_MAX; i++)
		p[n++] = (struct pollfd){.fd = s->strangers[i], .events = POLLIN};
	for (uint32_t i = 0; i < s->worker_count; i++) {
		p[n++] = (struct pollfd){.fd = s->workers[i].pid != 0 ? s->workers[i].pidfd : -1, .events = POLLIN};
		p[n++] = (struct pollfd){.fd = s->workers[i].sock, .events = POLLIN};
	}

	(void)poll(p, n, poll_timeout(s, clock_ms()));

	/* the dead first: callers are waiting for their successor */
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (p[at + 2 * i].revents != 0)
			worker_watch(s, &s->workers[i], clock_ms());
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (p[at + 2 * i + 1].revents != 0 && s->workers[i].sock == p[at + 2 * i + 1].fd)
			worker_message(s, &s->workers[i]);
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
	if (now_ms > before_ms + 4 * WATCH_MS)
		return; /* we were asleep ourselves: heartbeats tell nothing now */
	for (uint32_t i = 0; i < s->worker_count; i++)
		worker_watch(s, &s->workers[i], now_ms);

	if (s->stop_by_ms != 0 && now_ms >= s->stop_by_ms)
		for (uint32_t i = 0; i < s->worker_count; i++)
			if (s->workers[i].pid != 0)
				kill(s->workers[i].pid, SIGKILL);
}

static void release(struct supervisor *s)
{
	char path[128];

	snprintf(path, sizeof path, "%s/supervisor.state", s->config.run_dir);
	if (s->all_roles)
		(void)unlink(path);
	store_fini(&s->store);
	for (uint32_t i = 0; i < s->worker_count; i++)
		statpage_close(&s->workers[i].page);
}

int supervisor_run(struct supervisor *s, unsigned roles)
{
	int err;

	s->listener = s->signals = s->lock = -1;
	for (uint32_t i = 0; i < SUPERVISOR_STRANGERS_MAX; i++)
		s->strangers[i] = -1;
	store_init(&s->store);

	err = prepare(s, roles);
	if (err != 0)
		return SUPERVISOR_EXIT_ENVIRONMENT;
	adopt_expect(s);
	adopt_wait(s);
	for (uint32_t i = 0; i < s->worker_count && err == 0; i++)
		err = resources_ensure(s, &s->workers[i]);
	if (err != 0) {
		begin_stop(s, 0);
		s->exit_code = SUPERVISOR_EXIT_ENVIRONMENT;
	}

	log_info("supervisor.up", "host=%s run_dir=%s workers=%u max_calls=%u", s->config.host_name,
		 s->config.run_dir, s->worker_count, s->config.max_calls);
	while (s->stop_by_ms == 0 || !all_gone(s)) {
		bool was_stopping = s->stop_by_ms != 0;

		turn(s);
		if (!was_stopping && s->stop_by_ms != 0 && s->exit_code != 0)
			begin_stop(s, 0); /* one of them found the environment wrong */
	}
	release(s);
	log_info("supervisor.down", "code=%d", s->exit_code);
	return s->exit_code;
}
