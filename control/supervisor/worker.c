/* worker.c - one worker's life: start, watch, replace. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/shm/fdpass.h"
#include "control/supervisor/lookout.h"
#include "control/supervisor/spawn.h"
#include "control/supervisor/supervisor.h"

#define QUICK_MS 2000u       /* dead so soon after its start: slow down */
#define QUICK_FREE 3u        /* so many quick deaths in a row are replaced at once */
#define BACKOFF_MS 100u      /* then this, doubled each time */
#define BACKOFF_MAX_MS 5000u /* the cap: one start every five seconds */

/* After deaths of other roles nobody waits for milliseconds. */
static const bool has_spare[ROLES] = {[ROLE_MEDIA] = true};

struct program {
	char path[sizeof((struct supervisor *)0)->bin_dir + 64];
};

void worker_note_all(const struct supervisor *s)
{
	struct run_note notes[SUPERVISOR_WORKERS_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->worker_count; i++) {
		const struct worker_slot *w = &s->workers[i];

		if (w->pid != 0)
			notes[n++] = (struct run_note){w->role, w->index, w->pid, spawn_start_time(w->pid)};
	}
	rundir_note(&s->dir, notes, n);
}

void worker_view_page(struct supervisor *s, struct worker_slot *w)
{
	const struct store_item *it = store_find(&s->store, worker_owner(w), CUSTODY_STATPAGE);
	int fd = it != NULL && w->page.values == NULL ? fcntl(it->fd, F_DUPFD_CLOEXEC, 0) : -1;

	if (fd >= 0 && statpage_adopt(fd, false, &w->page) != 0) {
		close(fd);
		log_warn("supervisor.page", "worker=%s-%u reason=unreadable", config_role_name(w->role),
			 w->index);
	}
}

static int send_plain(int sock, enum custody_op op, uint64_t id)
{
	struct custody_header h = {.magic = CUSTODY_MAGIC, .op = op, .id = id};

	return fdpass_send(sock, &h, sizeof h, NULL, 0);
}

static int send_config(struct supervisor *s, const struct worker_slot *w)
{
	uint8_t wire[sizeof(struct custody_header) + CONFIG_PACKED_MAX];
	struct custody_header h = {.magic = CUSTODY_MAGIC, .op = CUSTODY_CONFIG, .index = w->index};
	size_t n;
	char socket[64];
	int err;

	snprintf(socket, sizeof socket, "%s.sock", s->dir.name);
	err = config_pack(&s->config, &(struct config_for){w->role, w->index, s->waits[w->role], socket}, wire + sizeof h, &n);
	if (err != 0)
		return err;
	h.payload_bytes = (uint32_t)n;
	memcpy(wire, &h, sizeof h);
	return fdpass_send(w->sock, wire, sizeof h + n, NULL, 0);
}

void worker_tell_config(struct supervisor *s)
{
	for (uint32_t i = 0; i < s->worker_count; i++) {
		struct worker_slot *w = &s->workers[i];
		int err = w->config_due && w->sock >= 0 ? send_config(s, w) : ERR_AGAIN;

		w->config_due &= err == ERR_AGAIN;
		if (err != 0 && err != ERR_AGAIN) /* dying, as a rule; its successor gets it at the start */
			log_warn("supervisor.config", "worker=%s-%u reason=%s", config_role_name(w->role), w->index, err_name(err));
	}
}

/* control shows everybody's counters */
static int give_pages(struct supervisor *s, const struct worker_slot *w)
{
	for (uint32_t i = 0; i < s->store.count && w->role == ROLE_CONTROL; i++) {
		const struct store_item *it = &s->store.v[i];
		struct {
			struct custody_header h;
			uint64_t id;
		} m = {{.magic = CUSTODY_MAGIC, .op = CUSTODY_GIVE, .kind = CUSTODY_STATPAGE, .fd_count = 1,
			.payload_bytes = sizeof(uint64_t)}, it->owner};
		int err;

		if (it->kind != CUSTODY_STATPAGE || it->owner == worker_owner(w))
			continue;
		err = store_send(w->sock, &(struct store_message){&m, sizeof m, &it->fd, 1});
		if (err != 0)
			return err;
	}
	return 0;
}

void worker_tell_pages(struct supervisor *s)
{
	for (uint32_t i = 0; s->pages_due && i < s->worker_count; i++) {
		const struct worker_slot *w = &s->workers[i];

		if (w->role == ROLE_CONTROL && w->running && w->sock >= 0 && give_pages(s, w) == 0)
			s->pages_due = false;
	}
}

static int introduce(struct supervisor *s, struct worker_slot *w)
{
	struct custody_header go = {.magic = CUSTODY_MAGIC, .op = CUSTODY_GO, .id = w->died_ns};
	int err = send_config(s, w);

	w->config_due = false;
	if (err == 0)
		err = store_give(&s->store, worker_owner(w), w->sock);
	if (err == 0)
		err = give_pages(s, w);
	if (err == 0)
		err = store_send(w->sock, &(struct store_message){&go, sizeof go, NULL, 0});
	return err;
}

/* This host can not run: a second try changes nothing. A successor goes on trying, for the sake of the calls that are up. */
static bool give_up(struct supervisor *s, const struct worker_slot *w, uint64_t now_ms)
{
	if (w->ever_running || s->successor || w->guest)
		return false;
	s->exit_code = SUPERVISOR_EXIT_ENVIRONMENT;
	s->stop_by_ms = now_ms;
	return true;
}

static void schedule(struct worker_slot *w, uint64_t now_ms)
{
	uint32_t over = w->quick_deaths > QUICK_FREE ? w->quick_deaths - QUICK_FREE : 0;
	uint64_t wait_ms = over == 0 ? 0 : over > 6 ? BACKOFF_MAX_MS : BACKOFF_MS << (over - 1);

	if (wait_ms > BACKOFF_MAX_MS)
		wait_ms = BACKOFF_MAX_MS;
	w->start_at_ms = now_ms + wait_ms;
	if (wait_ms > 0)
		log_warn("supervisor.backoff", "worker=%s-%u quick_deaths=%u wait_ms=%lu",
			 config_role_name(w->role), w->index, w->quick_deaths, (unsigned long)wait_ms);
}

static const char *program_of(const struct supervisor *s, const struct worker_slot *w, struct program *ret)
{
	snprintf(ret->path, sizeof ret->path, "%s/tipring-%s", s->bin_dir, config_role_name(w->role));
	return ret->path;
}

void worker_spare(struct supervisor *s, struct worker_slot *w, uint64_t now_ms)
{
	struct program program;

	if (s->stop_by_ms != 0)
		spare_end(&w->spare);
	else if (has_spare[w->role] && w->running)
		spare_tick(&w->spare, program_of(s, w, &program), now_ms);
}

void worker_start(struct supervisor *s, struct worker_slot *w, uint64_t now_ms)
{
	struct program program;
	struct spawned child;
	int err;

	if (!w->leased)
		return; /* another may run it: handover_tick() finds out */
	program_of(s, w, &program);
	err = spare_take(&w->spare, program.path, now_ms, &child);
	if (err != 0)
		err = spawn_worker(program.path, &child);
	if (err != 0) {
		log_error("supervisor.spawn", "program=%s reason=\"%s\" hint=\"the programs stand in one directory\"", program.path,
			  strerror(-err));
		snprintf(s->reason, sizeof s->reason, "%s", log_last_error());
		if (give_up(s, w, now_ms))
			return;
		w->quick_deaths += QUICK_FREE;
		schedule(w, now_ms);
		return;
	}

	w->pid = child.pid;
	w->pidfd = child.pidfd;
	w->sock = child.sock;
	w->running = false;
	w->started_ms = now_ms;
	err = introduce(s, w);
	if (err != 0) {
		log_error("supervisor.introduce", "worker=%s-%u reason=%s", config_role_name(w->role),
			  w->index, err_name(err));
		kill(w->pid, SIGKILL);
		return; /* the pidfd tells the rest */
	}
	log_info("supervisor.started", "worker=%s-%u pid=%d restarts=%u", config_role_name(w->role),
		 w->index, (int)w->pid, w->restarts);
	worker_note_all(s);
}

static void replace(struct supervisor *s, struct worker_slot *w, int status, uint64_t now_ms)
{
	bool quick = now_ms - w->started_ms < QUICK_MS;

	if (s->stop_by_ms != 0 || w->leaving)
		return;
	if (status == SUPERVISOR_EXIT_ENVIRONMENT && give_up(s, w, now_ms)) {
		if (s->reason[0] == '\0')
			snprintf(s->reason, sizeof s->reason, "worker=%s-%u reason=\"it ended with 2 and did not say why\"",
				 config_role_name(w->role), w->index);
		return;
	}
	w->restarts++;
	w->quick_deaths = quick ? w->quick_deaths + 1 : 0;
	schedule(w, now_ms);
	if (w->start_at_ms <= now_ms)
		worker_start(s, w, now_ms);
}

static void tell_death(const struct supervisor *s, const struct worker_slot *w, pid_t pid, int status)
{
	if (s->stop_by_ms != 0 && status == 0)
		log_info("supervisor.stopped", "worker=%s-%u pid=%d", config_role_name(w->role), w->index, (int)pid);
	else
		log_warn("supervisor.died", "worker=%s-%u pid=%d status=%d", config_role_name(w->role), w->index,
			 (int)pid, status);
}

/* It runs no more. */
static void lost(struct supervisor *s, struct worker_slot *w, int status, uint64_t now_ms)
{
	if (w->sock >= 0)
		worker_message(s, w); /* what it said last, e.g. a tape to drop */
	if (w->sock >= 0)
		close(w->sock);
	w->pid = 0;
	w->pidfd = w->sock = -1;
	w->died_ns = clock_ns();
	w->running = false;
	w->holder = 0;
	replace(s, w, status, now_ms);
}

static void died(struct supervisor *s, struct worker_slot *w, int status, uint64_t now_ms)
{
	int pidfd = w->pidfd;

	tell_death(s, w, w->pid, status);
	lost(s, w, status, now_ms);
	spawn_reap(pidfd);
}

/* No thread of its own will run our code again: it is replaced now, and reaped when the kernel is done with it. Whom it may not be replaced is the
 * pidfd's business. */
void worker_look(struct supervisor *s, struct worker_slot *w, uint64_t now_ms)
{
	if (w->pid == 0 || w->going != 0 || s->stop_by_ms != 0 || w->leaving || w->page.lifeline == NULL ||
	    !lifeline_is_broken(w->page.lifeline, w->holder))
		return;
	kill(w->pid, SIGKILL); /* no news, unless somebody else wrote that word */
	w->going = w->pid;
	w->going_pidfd = w->pidfd;
	lost(s, w, 128 + SIGKILL, now_ms);
}

static void see_off(const struct supervisor *s, struct worker_slot *w)
{
	int status;

	if (w->going == 0 || spawn_status(w->going_pidfd, &status) != 0)
		return;
	tell_death(s, w, w->going, status);
	spawn_reap(w->going_pidfd);
	w->going = 0;
}

/* Its last heartbeat, and whether it has come to an end in the middle of a turn. */
static bool hangs(struct supervisor *s, struct worker_slot *w, uint64_t now_ms, uint64_t *ret_beat_ms)
{
	uint64_t beat_ms = atomic_load_explicit(w->page.heartbeat_ms, memory_order_relaxed);
	struct spawn_look look;
	bool seen, bites;

	*ret_beat_ms = beat_ms;
	if (beat_ms == 0 || now_ms <= w->started_ms + s->config.hang_ms || !watchdog_wants(beat_ms, now_ms, s->config.hang_ms))
		return false;
	seen = spawn_look(w->pid, &look) == 0;
	bites = watchdog_bites(&w->watchdog, seen ? &look : NULL, beat_ms, now_ms, s->config.hang_ms);
	/* it may have waited for a processor until we looked, and wait for its next turn now */
	return bites && atomic_load_explicit(w->page.heartbeat_ms, memory_order_relaxed) == beat_ms;
}

void worker_watch(struct supervisor *s, struct worker_slot *w, uint64_t now_ms)
{
	uint64_t beat;
	int status;

	see_off(s, w);
	if (w->pid == 0) {
		if (s->stop_by_ms == 0 && !w->leaving && now_ms >= w->start_at_ms)
			worker_start(s, w, now_ms);
		return;
	}
	if (spawn_status(w->pidfd, &status) == 0) {
		died(s, w, status, now_ms);
		return;
	}
	if (!w->running || w->page.values == NULL)
		return;
	if (hangs(s, w, now_ms, &beat)) {
		log_error("supervisor.hang", "worker=%s-%u pid=%d silent_ms=%lu", config_role_name(w->role),
			  w->index, (int)w->pid, (unsigned long)(now_ms - beat));
		kill(w->pid, SIGKILL);
		w->running = false;
	}
}

static void keep(struct supervisor *s, struct worker_slot *w, const struct custody_header *h,
		 struct fdpass_in *in)
{
	const uint8_t *ids = (const uint8_t *)in->p + sizeof *h;

	for (size_t i = 0; i < in->fd_count; i++) {
		struct store_item it = {worker_owner(w), (enum custody_kind)h->kind, h->index, h->id, in->fds[i]};
		bool page_of_other;

		if (h->payload_bytes >= (i + 1) * sizeof it.id && in->n >= sizeof *h + h->payload_bytes)
			memcpy(&it.id, ids + i * sizeof it.id, sizeof it.id);
		page_of_other = h->kind == CUSTODY_STATPAGE && it.id != 0; /* control's view; its owner keeps it */
		if (h->op == CUSTODY_KEEP) /* one in the place of another is news to other supervisors */
			store_drop(&s->store, it.owner, it.kind, it.id);
		if (h->kind == CUSTODY_NONE || h->kind >= CUSTODY_KINDS || page_of_other ||
		    store_put(&s->store, &it) != 0)
			close(in->fds[i]);
		else
			w->leased |= it.kind == CUSTODY_LEASE;
	}
}

static void take_reason(struct supervisor *s, const struct worker_slot *w, const struct fdpass_in *in)
{
	const char *text = (const char *)in->p + sizeof(struct custody_header);
	size_t n = in->n - sizeof(struct custody_header);

	snprintf(s->reason, sizeof s->reason, "worker=%s-%u event=%.*s", config_role_name(w->role), w->index,
		 (int)(n < CUSTODY_REASON_MAX ? n : CUSTODY_REASON_MAX), text);
}

static void look_out(const struct supervisor *s, struct worker_slot *w)
{
	int err = has_spare[w->role] && w->page.values != NULL && s->bell >= 0 ? lookout_start(&w->page, s->bell, &w->holder) : 0;

	if (err != 0)
		log_warn("supervisor.lookout", "worker=%s-%u reason=%s", config_role_name(w->role), w->index, err_name(err));
}

static void take_message(struct supervisor *s, struct worker_slot *w, struct fdpass_in *in)
{
	struct custody_header h;

	memcpy(&h, in->p, sizeof h);
	if (h.op == CUSTODY_KEEP || (h.op == CUSTODY_GIVE && w->adopting)) {
		keep(s, w, &h, in);
		return;
	}
	for (size_t i = 0; i < in->fd_count; i++)
		close(in->fds[i]);

	if (h.op == CUSTODY_DROP) {
		store_drop(&s->store, worker_owner(w), (enum custody_kind)h.kind, h.id);
	} else if (h.op == CUSTODY_REASON) {
		take_reason(s, w, in);
	} else if (h.op == CUSTODY_RUNNING || h.op == CUSTODY_ADOPTED) {
		w->running = w->ever_running = true;
		w->adopted = h.op == CUSTODY_ADOPTED;
		w->adopting = false;
		worker_view_page(s, w);
		look_out(s, w);
		log_info("supervisor.running", "worker=%s-%u pid=%d after_ms=%lu", config_role_name(w->role),
			 w->index, (int)w->pid, (unsigned long)(clock_ms() - w->started_ms));
	} else {
		log_warn("supervisor.message", "worker=%s-%u op=%u reason=unexpected",
			 config_role_name(w->role), w->index, h.op);
	}
}

void worker_message(struct supervisor *s, struct worker_slot *w)
{
	static uint8_t wire[sizeof(struct custody_header) + CUSTODY_PAYLOAD_MAX];

	for (int i = 0; i < 256; i++) { /* bounded: others are waiting */
		struct fdpass_in in = {.p = wire, .cap = sizeof wire};
		int err = fdpass_recv(w->sock, &in);
		const struct custody_header *h = (const void *)wire;

		if (err == ERR_AGAIN)
			return;
		if (err != 0 || in.n == 0) { /* dying; its pidfd will tell */
			close(w->sock);
			w->sock = -1;
			return;
		}
		if (in.n >= sizeof *h && h->magic == CUSTODY_MAGIC)
			take_message(s, w, &in);
		else
			for (size_t k = 0; k < in.fd_count; k++)
				close(in.fds[k]);
	}
}

void worker_stop(struct supervisor *s, struct worker_slot *w, uint64_t drain_ms)
{
	(void)s;
	if (w->pid != 0 && (w->sock < 0 || send_plain(w->sock, CUSTODY_STOP, drain_ms) != 0))
		kill(w->pid, SIGTERM);
}
