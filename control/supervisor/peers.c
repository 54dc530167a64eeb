/* peers.c - see peers.h */
#include "control/supervisor/peers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/shm/fdpass.h"

#define BATCHES_PER_TURN 64 /* of one peer */

static const char *name_of(const struct peer *p, char out[32])
{
	snprintf(out, 32, "%s-%u", config_role_name(p->role), p->seat);
	return out;
}

/* Its row, or a free one. NULL: full. */
static struct peer *row(struct supervisor *s, enum role role, uint32_t seat)
{
	struct peer *free_row = NULL;

	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++) {
		struct peer *p = &s->peers[i];

		if (p->here && p->role == role && p->seat == seat)
			return p;
		if (!p->here && free_row == NULL)
			free_row = p;
	}
	return free_row;
}

static void forget(struct supervisor *s, struct peer *p)
{
	if (p->in >= 0)
		close(p->in);
	if (p->out >= 0)
		close(p->out);
	store_unwatch(&s->store, &p->reader);
	*p = (struct peer){.in = -1, .out = -1};
}

/* Its socket is in the run directory. Everything we have is news to it. */
static int reach(struct supervisor *s, struct peer *p, enum role role, uint32_t seat)
{
	struct custody_header hello = {.magic = CUSTODY_MAGIC, .op = CUSTODY_PEER, .kind = (uint32_t)s->role, .index = s->seat};
	char path[sizeof s->config.host_run_dir + 48];
	int fd, err;

	snprintf(path, sizeof path, "%s/supervisor-%s-%u.sock", s->config.host_run_dir, config_role_name(role), seat);
	err = fdpass_connect(path, &fd);
	if (err != 0)
		return err;
	(void)!fcntl(fd, F_SETFL, O_NONBLOCK);
	err = fdpass_send(fd, &hello, sizeof hello, NULL, 0);
	if (err == 0)
		err = store_watch(&s->store, &p->reader);
	if (err != 0) {
		close(fd);
		return err;
	}
	p->here = p->runs_due = p->all_due = true;
	p->stop_due = s->leave_at_ms != 0;
	p->died_told = 0;
	p->role = role;
	p->seat = seat;
	p->out = fd;
	return 0;
}

void peers_find(struct supervisor *s)
{
	for (unsigned r = 0; r < ROLES; r++) {
		for (uint32_t seat = 0; seat < SUPERVISOR_SEATS_MAX; seat++) {
			struct peer *p = (enum role)r == s->role && seat == s->seat ? NULL : row(s, (enum role)r, seat);

			if (p != NULL && !p->here)
				(void)!reach(s, p, (enum role)r, seat); /* nobody there, as a rule */
		}
	}
}

uint32_t peers_unmet(const struct supervisor *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		n += s->peers[i].here && !s->peers[i].met;
	return n;
}

static void lost(struct supervisor *s, struct peer *p)
{
	struct peer was = *p;
	char name[32];

	log_warn("peer.lost", "supervisor=%s workers=%u stopping=%d", name_of(p, name), p->run_count, p->stopping);
	forget(s, p);
	for (uint32_t i = 0; i < was.run_count && s->orphan_count < SUPERVISOR_WORKERS_MAX; i++)
		s->orphans[s->orphan_count++] = was.runs[i];
}

int peers_take(struct supervisor *s, int fd, const struct custody_header *h)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	struct peer *p;
	char name[32];

	if (s->all_roles || h->kind >= ROLES || h->index >= SUPERVISOR_SEATS_MAX ||
	    (h->kind == (uint32_t)s->role && h->index == s->seat) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    peer.uid != geteuid())
		return ERR_PROTO;
	p = row(s, (enum role)h->kind, h->index);
	if (p != NULL && p->here && p->in >= 0) { /* who had this seat before is gone, and we have not looked yet */
		lost(s, p);
		p = row(s, (enum role)h->kind, h->index);
	}
	if (p == NULL || (!p->here && reach(s, p, (enum role)h->kind, h->index) != 0))
		return ERR_PROTO;
	p->in = fd;
	log_info("peer.here", "supervisor=%s", name_of(p, name));
	return 0;
}

/* ---- what they say ---- */

static bool is_ours(const struct supervisor *s, uint32_t owner)
{
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].leased && worker_owner(&s->workers[i]) == owner)
			return true;
	return false;
}

static uint64_t id_at(const struct fdpass_in *in, size_t i)
{
	uint64_t id;

	memcpy(&id, (const uint8_t *)in->p + sizeof(struct custody_header) + i * sizeof id, sizeof id);
	return id;
}

/* A copy of what it keeps; its descriptors are taken. */
static void on_give(struct supervisor *s, const struct custody_header *h, struct fdpass_in *in)
{
	bool sound = h->kind > CUSTODY_NONE && h->kind < CUSTODY_KINDS && h->kind != CUSTODY_LEASE && h->fd_count == in->fd_count &&
		     h->payload_bytes == h->fd_count * sizeof(uint64_t);

	for (size_t i = 0; i < in->fd_count; i++) {
		struct store_item it = {(uint32_t)h->id, (enum custody_kind)h->kind, h->index, sound ? id_at(in, i) : 0, in->fds[i]};

		if (!sound || is_ours(s, it.owner) || store_put(&s->store, &it) != 0)
			close(in->fds[i]);
		else if (it.kind == CUSTODY_STATPAGE)
			s->pages_due = true;
	}
	in->fd_count = 0;
}

static void on_drop(struct supervisor *s, const struct custody_header *h, const struct fdpass_in *in)
{
	for (size_t i = 0; i < h->payload_bytes / sizeof(uint64_t); i++)
		if (!is_ours(s, (uint32_t)h->id))
			store_drop(&s->store, (uint32_t)h->id, (enum custody_kind)h->kind, id_at(in, i));
}

static void on_runs(struct peer *p, const struct custody_header *h, const struct fdpass_in *in)
{
	p->run_count = 0;
	for (size_t i = 0; i < h->payload_bytes / sizeof(uint64_t) && i < SUPERVISOR_WORKERS_MAX; i++)
		p->runs[p->run_count++] = (uint32_t)id_at(in, i);
}

static void note_wanted(struct supervisor *s, uint32_t owner)
{
	if (s->wanted_count < SUPERVISOR_WORKERS_MAX) /* else it is said again */
		s->wanted[s->wanted_count++] = owner;
}

/* The row of a worker's last death, or the one behind all. */
static uint32_t death_of(const struct supervisor *s, uint32_t owner)
{
	uint32_t i = 0;

	while (i < s->death_count && s->deaths[i].owner != owner)
		i++;
	return i;
}

static void note_death(struct supervisor *s, uint32_t owner, uint64_t ns)
{
	uint32_t i = death_of(s, owner);

	if (i == SUPERVISOR_DEATHS_MAX)
		return;
	s->deaths[i] = (struct death){owner, ns};
	s->death_count += i == s->death_count;
}

static void take(struct supervisor *s, struct peer *p, struct fdpass_in *in)
{
	struct custody_header h;

	memcpy(&h, in->p, sizeof h);
	if (h.magic != CUSTODY_MAGIC || in->n != sizeof h + h.payload_bytes)
		h.op = 0;
	if (h.op == CUSTODY_GIVE)
		on_give(s, &h, in);
	else if (h.op == CUSTODY_DROP)
		on_drop(s, &h, in);
	else if (h.op == CUSTODY_RUNS)
		on_runs(p, &h, in);
	else if (h.op == CUSTODY_WANT)
		note_wanted(s, (uint32_t)h.id);
	else if (h.op == CUSTODY_DIED)
		note_death(s, h.index, h.id);
	else if (h.op == CUSTODY_STOPPING)
		p->stopping = true;
	else if (h.op == CUSTODY_MET)
		p->met = true;
	else
		log_warn("peer.message", "op=%u reason=unexpected", h.op);
	for (size_t i = 0; i < in->fd_count; i++)
		close(in->fds[i]);
}

static void read_one(struct supervisor *s, struct peer *p)
{
	static uint64_t wire[(sizeof(struct custody_header) + CUSTODY_PAYLOAD_MAX) / sizeof(uint64_t)];
	struct fdpass_in in = {.p = wire, .cap = sizeof wire};

	while (p->here && p->in >= 0) {
		int err = fdpass_recv(p->in, &in);

		if (err == ERR_AGAIN)
			return;
		if (err != 0 || in.n < sizeof(struct custody_header)) {
			lost(s, p);
			return;
		}
		take(s, p, &in);
	}
}

void peers_read(struct supervisor *s)
{
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		read_one(s, &s->peers[i]);
}

void peers_poll(const struct supervisor *s, struct pollfd *p)
{
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++) {
		const struct peer *peer = &s->peers[i];

		*p++ = (struct pollfd){.fd = peer->here ? peer->in : -1, .events = POLLIN};
		*p++ = (struct pollfd){.fd = peer->here && peer->behind ? peer->out : -1, .events = POLLOUT};
	}
}

/* ---- what we say ---- */

static int say(const struct peer *p, enum custody_op op, uint32_t index, uint64_t id)
{
	struct custody_header h = {.magic = CUSTODY_MAGIC, .op = op, .index = index, .id = id};

	return fdpass_send(p->out, &h, sizeof h, NULL, 0);
}

static int say_runs(const struct supervisor *s, const struct peer *p)
{
	struct {
		struct custody_header h;
		uint64_t ids[SUPERVISOR_WORKERS_MAX];
	} m = {.h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_RUNS}};
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].leased)
			m.ids[n++] = worker_owner(&s->workers[i]);
	m.h.payload_bytes = n * (uint32_t)sizeof m.ids[0];
	return fdpass_send(p->out, &m, sizeof m.h + m.h.payload_bytes, NULL, 0);
}

/* Of a worker that runs elsewhere its own supervisor tells. */
static bool is_ours_to_tell(const void *ctx, const struct store_item *it)
{
	const struct supervisor *s = ctx;

	return it->kind != CUSTODY_LEASE && (is_ours(s, it->owner) || !peers_run(s, it->owner));
}

static int tell_items(struct supervisor *s, struct peer *p)
{
	int err = 0;

	for (int i = 0; i < BATCHES_PER_TURN && err == 0; i++) {
		err = store_tell(&s->store, &p->reader, is_ours_to_tell, s, p->out);
		if (err == ERR_NOENT)
			return 0;
	}
	return err == 0 ? ERR_AGAIN : err;
}

static int tell_deaths(const struct supervisor *s, struct peer *p)
{
	int err = 0;

	for (; p->died_told < s->death_count && err == 0; p->died_told += err == 0)
		err = say(p, CUSTODY_DIED, s->deaths[p->died_told].owner, s->deaths[p->died_told].ns);
	return err;
}

/* One thing that is due; afterwards it is not. */
static int due(bool *what, int err)
{
	*what = err != 0;
	return err;
}

static int tell(struct supervisor *s, struct peer *p)
{
	int err = tell_items(s, p);

	if (err == 0)
		err = tell_deaths(s, p);
	if (err == 0 && p->runs_due) /* after the rest: who is not ours any more has everything by then */
		err = due(&p->runs_due, say_runs(s, p));
	if (err == 0 && p->stop_due)
		err = due(&p->stop_due, say(p, CUSTODY_STOPPING, 0, 0));
	if (err == 0 && p->all_due)
		err = due(&p->all_due, say(p, CUSTODY_MET, 0, 0));
	return err;
}

void peers_tell(struct supervisor *s)
{
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++) {
		struct peer *p = &s->peers[i];

		if (p->here)
			p->behind = tell(s, p) == ERR_AGAIN; /* who is gone is found by the end of its own connection */
	}
}

bool peers_are_told(const struct supervisor *s)
{
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		if (s->peers[i].here && s->peers[i].behind)
			return false;
	return true;
}

void peers_died(struct supervisor *s, uint32_t owner, uint64_t ns)
{
	note_death(s, owner, ns);
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		s->peers[i].died_told = 0;
}

uint64_t peers_died_ns(const struct supervisor *s, uint32_t owner)
{
	uint32_t i = death_of(s, owner);

	return i < s->death_count ? s->deaths[i].ns : 0;
}

void peers_runs_changed(struct supervisor *s)
{
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		s->peers[i].runs_due = s->peers[i].here;
}

void peers_want(struct supervisor *s, uint32_t owner)
{
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		if (s->peers[i].here)
			(void)!say(&s->peers[i], CUSTODY_WANT, 0, owner); /* it is said again */
}

void peers_stopping(struct supervisor *s)
{
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		s->peers[i].stop_due = s->peers[i].here;
}

bool peers_somebody_stays(const struct supervisor *s)
{
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		if (s->peers[i].here && s->peers[i].met && !s->peers[i].stopping)
			return true;
	return false;
}

bool peers_run(const struct supervisor *s, uint32_t owner)
{
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		for (uint32_t k = 0; s->peers[i].here && k < s->peers[i].run_count; k++)
			if (s->peers[i].runs[k] == owner)
				return true;
	return false;
}

void peers_close(struct supervisor *s)
{
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		if (s->peers[i].here)
			forget(s, &s->peers[i]);
}
