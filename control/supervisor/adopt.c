/* adopt.c - a supervisor that finds the children of a dead predecessor.
 *
 * Every start of a worker is noted in the run directory. A successor reads it (in a container of its own it finds nobody alive), and each process that is still the same
 * one connects by itself and hands back what it was given. Who gives nothing for ADOPT_WAIT_MS is ended, because it holds
 * ports that nobody else could bind. Sockets and sizes stay what they are, whatever the configuration says by now: calls
 * depend on them. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/shm/fdpass.h"
#include "control/supervisor/peers.h"
#include "control/supervisor/spawn.h"
#include "control/supervisor/supervisor.h"

#define ADOPT_WAIT_MS 3000u  /* since something was handed back */
#define ADOPT_ALL_MS 30000u  /* in all */
#define MEET_MS 1000u        /* for other supervisors to tell what they have */
#define WORKERS_MAX 8u       /* of one role; settings.def: rtp.workers, sip.workers */

/* The living of those that a predecessor wrote down, with their pidfds; and how many workers of each role it had. */
static uint32_t find_living(const struct supervisor *s, struct run_note *notes, int *pidfds, uint32_t had[ROLES])
{
	uint32_t n = rundir_notes(&s->dir, notes, SUPERVISOR_WORKERS_MAX), living = 0;

	memset(had, 0, ROLES * sizeof had[0]);
	for (uint32_t i = 0; i < n; i++) {
		const struct run_note note = notes[i];
		int fd;

		if (note.index >= WORKERS_MAX)
			continue; /* rubbish */
		if (note.index >= had[note.role])
			had[note.role] = note.index + 1;
		fd = spawn_start_time(note.pid) == note.start_time ? spawn_pidfd(note.pid) : -1;
		if (fd < 0)
			continue;
		notes[living] = note;
		pidfds[living++] = fd;
	}
	return living;
}

static void expect(struct supervisor *s, const struct run_note *note, int pidfd)
{
	struct worker_slot *w = worker_find(s, config_role_number(note->role) << 8 | note->index);

	if (w == NULL && !s->all_roles && note->role == s->role && s->worker_count < SUPERVISOR_WORKERS_MAX) {
		w = worker_add(s, note->role, note->index);
		w->guest = true;
	}
	if (w == NULL || w->pid != 0) {
		close(pidfd);
		return;
	}
	w->pid = note->pid;
	w->pidfd = pidfd;
	w->adopting = s->successor = true;
	w->started_ms = clock_ms();
	log_info("supervisor.expect", "worker=%s-%u pid=%d", config_role_name(note->role), note->index, (int)note->pid);
}

/* All workers of a role, or the one of our seat: none when nobody has that number, and then we only stand by. */
static void add_all(struct supervisor *s, enum role role)
{
	uint32_t n = config_workers(&s->config, role);

	if (!s->all_roles && role == s->role && s->seat < n)
		worker_add(s, role, s->seat);
	for (uint32_t i = 0; s->all_roles && i < n; i++)
		worker_add(s, role, i);
}

void adopt_expect(struct supervisor *s)
{
	static const enum role order[ROLES] = {ROLE_CONTROL, ROLE_FILES, ROLE_MEDIA, ROLE_SIGNALING};
	struct run_note notes[SUPERVISOR_WORKERS_MAX];
	int pidfds[SUPERVISOR_WORKERS_MAX];
	uint32_t had[ROLES], n = find_living(s, notes, pidfds, had);

	/* as many as there are: they have the ports that another number of them would want */
	if (n > 0 && had[ROLE_MEDIA] > 0 && s->all_roles)
		s->config.rtp_workers = had[ROLE_MEDIA];
	if (n > 0 && had[ROLE_SIGNALING] > 0 && s->all_roles)
		s->config.sip_workers = had[ROLE_SIGNALING];

	for (uint32_t k = 0; k < ROLES; k++)
		add_all(s, order[k]);
	for (uint32_t i = 0; i < n; i++)
		expect(s, &notes[i], pidfds[i]);
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
static struct worker_slot *expected(struct supervisor *s, int fd, const struct fdpass_in *in)
{
	const struct custody_header *h = in->p;
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (in->n < sizeof *h || h->magic != CUSTODY_MAGIC || h->op != CUSTODY_ADOPT ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return NULL;
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].adopting && s->workers[i].pid == peer.pid && s->workers[i].sock < 0)
			return &s->workers[i];
	return NULL;
}

/* Its slab has a size, and so have the tables of those that serve the same calls. The largest is what runs. */
static void take_size(struct supervisor *s, const struct worker_slot *w, const struct fdpass_in *in)
{
	uint32_t max_calls;
	const uint8_t *packed = (const uint8_t *)in->p + sizeof(struct custody_header);

	if (config_packed_max_calls(packed, in->n - sizeof(struct custody_header), &max_calls) != 0)
		log_warn("supervisor.adopt", "worker=%s-%u reason=\"its configuration can not be read\"", config_role_name(w->role), w->index);
	else if (max_calls > s->adopted_max_calls)
		s->adopted_max_calls = max_calls;
}

void adopt_stranger(struct supervisor *s, uint32_t i)
{
	static uint64_t wire[(sizeof(struct custody_header) + CUSTODY_PAYLOAD_MAX) / sizeof(uint64_t)];
	const struct custody_header *h = (const void *)wire;
	struct fdpass_in in = {.p = wire, .cap = sizeof wire};
	int fd = s->strangers[i];
	int err = fdpass_recv(fd, &in);
	struct worker_slot *w;

	if (err == ERR_AGAIN)
		return;
	s->strangers[i] = -1;
	for (size_t k = 0; err == 0 && k < in.fd_count; k++)
		close(in.fds[k]);
	if (err == 0 && in.n >= sizeof *h && h->magic == CUSTODY_MAGIC && h->op == CUSTODY_PEER && peers_take(s, fd, h) == 0)
		return;
	w = err == 0 ? expected(s, fd, &in) : NULL;
	if (w == NULL) {
		log_warn("supervisor.stranger", "reason=\"not a worker of this host\"");
		close(fd);
		return;
	}
	w->sock = fd;
	store_forget(&s->store, worker_owner(w)); /* what others kept of it meanwhile: it knows better */
	take_size(s, w, &in);
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
	struct pollfd p[1 + SUPERVISOR_STRANGERS_MAX + SUPERVISOR_WORKERS_MAX + PEERS_POLL];
	uint32_t workers = s->worker_count; /* more may come */
	nfds_t n = 0;

	p[n++] = (struct pollfd){.fd = s->listener, .events = POLLIN};
	for (uint32_t i = 0; i < SUPERVISOR_STRANGERS_MAX; i++)
		p[n++] = (struct pollfd){.fd = s->strangers[i], .events = POLLIN};
	for (uint32_t i = 0; i < workers; i++)
		p[n++] = (struct pollfd){.fd = s->workers[i].sock, .events = POLLIN};

	peers_poll(s, &p[n]);
	(void)poll(p, n + PEERS_POLL, 50);
	if (p[0].revents != 0)
		adopt_accept(s);
	for (uint32_t i = 0; i < SUPERVISOR_STRANGERS_MAX; i++)
		if (p[1 + i].revents != 0)
			adopt_stranger(s, i);
	for (uint32_t i = 0; i < workers; i++)
		if (p[1 + SUPERVISOR_STRANGERS_MAX + i].revents != 0)
			worker_message(s, &s->workers[i]);
	peers_read(s);
	peers_tell(s);
}

void adopt_meet(struct supervisor *s)
{
	uint64_t until_ms = clock_ms() + MEET_MS;

	while (peers_unmet(s) > 0 && clock_ms() < until_ms)
		turn(s);
	if (peers_unmet(s) > 0)
		log_warn("peer.unmet", "supervisors=%u waited_ms=%u", peers_unmet(s), MEET_MS);
}

void adopt_wait(struct supervisor *s)
{
	uint64_t all_ms = clock_ms() + ADOPT_ALL_MS, until_ms = clock_ms() + ADOPT_WAIT_MS;

	while (still_adopting(s) > 0 && clock_ms() < until_ms && clock_ms() < all_ms) {
		uint32_t before = s->store.count;

		turn(s);
		if (s->store.count > before)
			until_ms = clock_ms() + ADOPT_WAIT_MS;
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

/* ---- what runs ---- */

static bool bound_to(int fd, struct addr *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	return getsockname(fd, (struct sockaddr *)&ss, &len) == 0 && addr_from_sockaddr(&ss, ret) == 0;
}

static void take_listeners(struct supervisor *s, const struct worker_slot *w)
{
	struct config *c = &s->config;
	const struct store_item *it;
	uint32_t at = 0, n = 0;

	while ((it = store_each(&s->store, worker_owner(w), CUSTODY_LISTENER, &at)) != NULL)
		if (it->id < CONFIG_LISTENERS_MAX && bound_to(it->fd, &c->sip_listen[it->id]) && it->id >= n)
			n = (uint32_t)it->id + 1;
	for (uint32_t i = n; i < CONFIG_LISTENERS_MAX; i++)
		c->sip_listen[i] = (struct addr){.family = ADDR_NONE};
	c->sip_listen_count = n;
}

/* The pairs that the file asks for, no more and no less. */
static bool is_pool_of(const struct config_ports *found, const struct config_ports *file)
{
	struct port_walk at = {.others = false};
	struct port_names pair;
	uint32_t n = 0;

	for (; config_ports_next(file, &at, &pair); n += 2)
		if (!config_ports_has(found, pair.rtp) || !config_ports_has(found, pair.rtcp))
			return false;
	return n == config_ports_count(found);
}

/* Of all media workers together. */
static void take_pool(struct supervisor *s)
{
	struct config *c = &s->config;
	struct config_ports found = {.count = 0};
	uint32_t addresses = 0;

	for (uint32_t i = 0; i < s->store.count; i++) {
		const struct store_item *it = &s->store.v[i];

		if (it->kind != CUSTODY_RTP_PORT || it->index >= CONFIG_ADDRESSES_MAX)
			continue;
		if (it->index == 0)
			(void)!config_ports_put(&found, (uint16_t)it->id);
		if (it->index >= addresses && bound_to(it->fd, &c->rtp_address[it->index])) {
			c->rtp_address[it->index].port = 0;
			addresses = it->index + 1;
		}
	}
	if (addresses == 0)
		return;
	for (uint32_t i = addresses; i < CONFIG_ADDRESSES_MAX; i++)
		c->rtp_address[i] = (struct addr){.family = ADDR_NONE};
	c->rtp_address_count = addresses;
	if (!is_pool_of(&found, &c->rtp_ports)) /* the file may name one port more than makes a pair */
		c->rtp_ports = found;
}

void adopt_sizes(struct supervisor *s)
{
	bool whole_pool = true;

	if (s->adopted_max_calls > 0)
		s->config.max_calls = s->adopted_max_calls;
	for (uint32_t i = 0; i < s->worker_count; i++) {
		const struct worker_slot *w = &s->workers[i];

		if (w->role == ROLE_SIGNALING && w->adopted)
			take_listeners(s, w);
		whole_pool &= w->role != ROLE_MEDIA || w->adopted;
	}
	if (whole_pool && s->all_roles) /* else somebody died with its part of it, which is bound again */
		take_pool(s);
}
