/* adopt.c - a supervisor that finds the children of a dead predecessor.
 *
 * Every start of a worker is noted in <run_dir>/supervisor.state as "role index pid start-time". A successor reads
 * it, and each process that is still the same one connects by itself and hands back what it was given. Who does not
 * within ADOPT_WAIT_MS is ended, because it holds ports that nobody else could bind. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/shm/fdpass.h"
#include "control/supervisor/spawn.h"
#include "control/supervisor/supervisor.h"

#define ADOPT_WAIT_MS 3000u

static void state_path(const struct supervisor *s, char path[128])
{
	snprintf(path, 128, "%s/supervisor.state", s->config.run_dir);
}

int adopt_lock(struct supervisor *s)
{
	char path[128], who[32] = "";

	snprintf(path, sizeof path, "%s/supervisor%s.lock", s->config.run_dir,
		 s->all_roles ? "" : config_role_name(s->workers[0].role));
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (s->lock < 0) {
		log_error("supervisor.lock", "path=%s reason=\"%s\"", path, strerror(errno));
		return -errno;
	}
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
		ssize_t n = read(s->lock, who, sizeof who - 1);

		log_error("supervisor.lock", "path=%s reason=\"another supervisor runs here\" pid=%.*s", path,
			  n > 0 ? (int)strcspn(who, "\n") : 0, who);
		return ERR_EXIST;
	}
	if (ftruncate(s->lock, 0) == 0)
		dprintf(s->lock, "%d\n", (int)getpid());
	return 0;
}

void adopt_note(const struct supervisor *s)
{
	char path[128], fresh[136];
	FILE *f;

	if (!s->all_roles)
		return;
	state_path(s, path);
	snprintf(fresh, sizeof fresh, "%s.new", path);
	f = fopen(fresh, "we");
	if (f == NULL)
		return;
	for (uint32_t i = 0; i < s->worker_count; i++) {
		const struct worker_slot *w = &s->workers[i];

		if (w->pid != 0)
			fprintf(f, "%s %u %d %lu\n", config_role_name(w->role), w->index, (int)w->pid,
				(unsigned long)spawn_start_time(w->pid));
	}
	if (fclose(f) == 0)
		(void)rename(fresh, path);
}

static struct worker_slot *slot_of(struct supervisor *s, const char *role, unsigned index)
{
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].index == index && strcmp(config_role_name(s->workers[i].role), role) == 0)
			return &s->workers[i];
	return NULL;
}

void adopt_expect(struct supervisor *s)
{
	char path[128], line[128];
	FILE *f;

	if (!s->all_roles)
		return;
	state_path(s, path);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		struct worker_slot *w;
		unsigned long start;
		unsigned index;
		char role[32];
		int pid, pidfd;

		if (sscanf(line, "%31s %u %d %lu", role, &index, &pid, &start) != 4)
			continue;
		w = slot_of(s, role, index);
		pidfd = w != NULL && spawn_start_time(pid) == start && start != 0 ? spawn_pidfd(pid) : -1;
		if (pidfd < 0)
			continue;
		w->pid = pid;
		w->pidfd = pidfd;
		w->adopting = s->successor = true;
		w->started_ms = clock_ms();
		log_info("supervisor.expect", "worker=%s-%u pid=%d", role, index, pid);
	}
	if (f != NULL)
		fclose(f);
}

void adopt_accept(struct supervisor *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	for (uint32_t i = 0; fd >= 0 && i < SUPERVISOR_STRANGERS_MAX; i++) {
		if (s->strangers[i] < 0) {
			s->strangers[i] = fd;
			return;
		}
	}
	if (fd >= 0)
		close(fd);
}

/* Only a process that we expect, proven by the kernel's word for its pid, becomes a worker. */
static struct worker_slot *expected(struct supervisor *s, int fd, const struct custody_header *h)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (h->magic != CUSTODY_MAGIC || h->op != CUSTODY_ADOPT ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return NULL;
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].adopting && s->workers[i].pid == peer.pid && s->workers[i].sock < 0)
			return &s->workers[i];
	return NULL;
}

void adopt_stranger(struct supervisor *s, uint32_t i)
{
	struct custody_header h = {.magic = 0};
	struct fdpass_in in = {.p = &h, .cap = sizeof h};
	int fd = s->strangers[i];
	int err = fdpass_recv(fd, &in);
	struct worker_slot *w;

	if (err == ERR_AGAIN)
		return;
	s->strangers[i] = -1;
	for (size_t k = 0; err == 0 && k < in.fd_count; k++)
		close(in.fds[k]);
	w = err == 0 && in.n == sizeof h ? expected(s, fd, &h) : NULL;
	if (w == NULL) {
		log_warn("supervisor.stranger", "reason=\"not a worker of this host\"");
		close(fd);
		return;
	}
	w->sock = fd;
	log_info("supervisor.adopt", "worker=%s-%u pid=%d", config_role_name(w->role), w->index, (int)w->pid);
}

static uint32_t still_adopting(const struct supervisor *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->worker_count; i++)
		n += s->workers[i].adopting;
	return n;
}

static void turn(struct supervisor *s)
{
	struct pollfd p[1 + SUPERVISOR_STRANGERS_MAX + SUPERVISOR_WORKERS_MAX];
	nfds_t n = 0;

	p[n++] = (struct pollfd){.fd = s->listener, .events = POLLIN};
	for (uint32_t i = 0; i < SUPERVISOR_STRANGERS_MAX; i++)
		p[n++] = (struct pollfd){.fd = s->strangers[i], .events = POLLIN};
	for (uint32_t i = 0; i < s->worker_count; i++)
		p[n++] = (struct pollfd){.fd = s->workers[i].sock, .events = POLLIN};

	(void)poll(p, n, 50);
	if (p[0].revents != 0)
		adopt_accept(s);
	for (uint32_t i = 0; i < SUPERVISOR_STRANGERS_MAX; i++)
		if (p[1 + i].revents != 0)
			adopt_stranger(s, i);
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (p[1 + SUPERVISOR_STRANGERS_MAX + i].revents != 0)
			worker_message(s, &s->workers[i]);
}

void adopt_wait(struct supervisor *s)
{
	uint64_t until_ms = clock_ms() + ADOPT_WAIT_MS;

	while (still_adopting(s) > 0 && clock_ms() < until_ms) {
		turn(s);
		for (uint32_t i = 0; i < s->worker_count; i++) {
			struct worker_slot *w = &s->workers[i];
			int status;

			if (!w->adopting || spawn_status(w->pidfd, &status) != 0)
				continue;
			while (w->sock >= 0 && clock_ms() < until_ms)
				worker_message(s, w); /* what it handed back before it died, to the end */
			w->adopting = false; /* worker_watch() replaces it */
		}
	}
	for (uint32_t i = 0; i < s->worker_count; i++) {
		struct worker_slot *w = &s->workers[i];

		if (!w->adopting)
			continue;
		log_error("supervisor.adopt", "worker=%s-%u pid=%d reason=\"handed nothing back, ended\"",
			  config_role_name(w->role), w->index, (int)w->pid);
		w->adopting = false;
		kill(w->pid, SIGKILL);
		(void)poll(&(struct pollfd){.fd = w->pidfd, .events = POLLIN}, 1, 1000);
	}
}
