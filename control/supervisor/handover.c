/* handover.c - see handover.h */
#include "control/supervisor/handover.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "control/supervisor/peers.h"

#define HASTE_MS 2000u   /* callers are waiting: the lease is tried for every ... */
#define HASTY_EVERY_MS 2u
#define CALM_EVERY_MS 50u
#define WANT_EVERY_MS 250u
#define SETTLE_MS 300u   /* who else is told to stop says so by then */
#define LEAVE_MS 2000u   /* to tell everybody everything */

static struct worker_slot *slot_of(struct supervisor *s, uint32_t owner)
{
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (worker_owner(&s->workers[i]) == owner)
			return &s->workers[i];
	return NULL;
}

bool handover_is_ours(const struct supervisor *s, uint32_t owner)
{
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].leased && worker_owner(&s->workers[i]) == owner)
			return true;
	return false;
}

static void remove_slot(struct supervisor *s, struct worker_slot *w)
{
	uint32_t i = (uint32_t)(w - s->workers);

	statpage_close(&w->page);
	memmove(w, w + 1, (s->worker_count - i - 1) * sizeof *w);
	s->worker_count--;
}

/* ---- deaths ---- */

static struct death *death_of(struct supervisor *s, uint32_t owner)
{
	for (uint32_t i = 0; i < s->death_count; i++)
		if (s->deaths[i].owner == owner)
			return &s->deaths[i];
	return NULL;
}

void handover_note_death(struct supervisor *s, uint32_t owner, uint64_t ns)
{
	struct death *d = death_of(s, owner);

	if (d == NULL && s->death_count == SUPERVISOR_DEATHS_MAX)
		return;
	if (d == NULL)
		d = &s->deaths[s->death_count++];
	*d = (struct death){owner, ns};
}

static void tell_death(struct supervisor *s, uint32_t owner, uint64_t ns)
{
	handover_note_death(s, owner, ns);
	for (uint32_t i = 0; i < SUPERVISOR_PEERS_MAX; i++)
		s->peers[i].died_told = 0;
}

/* ---- leases ---- */

int handover_lease(struct supervisor *s, struct worker_slot *w)
{
	struct store_item it = {worker_owner(w), CUSTODY_LEASE, 0, 0, -1};
	char name[32];
	int err;

	snprintf(name, sizeof name, "%s-%u", config_role_name(w->role), w->index);
	err = rundir_lease(&s->dir, name, &it.fd);
	if (err != 0)
		return err;
	err = store_put(&s->store, &it);
	if (err != 0) {
		close(it.fd);
		return err;
	}
	w->leased = true;
	peers_runs_changed(s);
	return 0;
}

static void wait_for_it(struct supervisor *s, struct worker_slot *w, uint64_t now_ms)
{
	if (w->waits_since_ms == 0)
		w->waits_since_ms = now_ms;
	w->start_at_ms = now_ms + (now_ms < w->waits_since_ms + HASTE_MS ? HASTY_EVERY_MS : CALM_EVERY_MS);
	if (w->guest || now_ms < w->want_at_ms)
		return;
	w->want_at_ms = now_ms + WANT_EVERY_MS;
	peers_want(s, worker_owner(w));
}

bool handover_settle(struct supervisor *s, struct worker_slot *w, uint64_t now_ms)
{
	const struct death *d;

	if (handover_lease(s, w) != 0) {
		wait_for_it(s, w, now_ms);
		return false;
	}
	peers_read(s); /* whoever let it go had said everything before */
	w->waits_since_ms = 0;
	d = death_of(s, worker_owner(w));
	if (w->died_ns == 0 && store_find(&s->store, worker_owner(w), CUSTODY_STATPAGE) != NULL)
		w->died_ns = d != NULL ? d->ns : clock_ns();
	if (resources_ensure(s, w) == 0)
		return true;
	store_drop(&s->store, worker_owner(w), CUSTODY_LEASE, 0);
	w->leased = false;
	peers_runs_changed(s);
	w->start_at_ms = now_ms + 1000;
	return false;
}

/* ---- orphans and guests ---- */

void handover_orphan(struct supervisor *s, uint32_t owner)
{
	struct worker_slot *w;
	enum role role;

	if (config_role_of_number(owner >> 8, &role) != 0 || peers_run(s, owner))
		return;
	if (death_of(s, owner) == NULL || death_of(s, owner)->ns + HASTE_MS * 1000000ull < clock_ns())
		tell_death(s, owner, clock_ns());
	if (role != s->role || s->leave_at_ms != 0 || s->stop_by_ms != 0)
		return;
	w = slot_of(s, owner);
	if (w == NULL && s->worker_count < SUPERVISOR_WORKERS_MAX) {
		w = worker_add(s, role, owner & 0xff);
		w->guest = true;
		log_info("handover.orphan", "worker=%s-%u", config_role_name(role), w->index);
	}
	if (w != NULL && !w->leased) {
		w->start_at_ms = w->waits_since_ms = 0; /* at once */
		w->died_ns = death_of(s, owner) != NULL ? death_of(s, owner)->ns : clock_ns();
	}
}

void handover_wanted(struct supervisor *s, uint32_t owner)
{
	struct worker_slot *w = slot_of(s, owner);

	if (w == NULL || !w->guest || w->leaving)
		return;
	log_info("handover.give", "worker=%s-%u pid=%d", config_role_name(w->role), w->index, (int)w->pid);
	w->leaving = true;
	if (w->pid != 0)
		kill(w->pid, SIGKILL);
}

/* Nothing of it runs here any more, and everybody knows all of it: the next one may have it. */
static void let_go(struct supervisor *s, struct worker_slot *w)
{
	uint32_t owner = worker_owner(w);
	bool had = w->leased;

	if (had && w->died_ns != 0)
		tell_death(s, owner, w->died_ns);
	peers_tell(s);
	if (!peers_are_told(s))
		return;
	remove_slot(s, w);
	peers_runs_changed(s);
	peers_tell(s);
	if (had)
		store_drop(&s->store, owner, CUSTODY_LEASE, 0);
}

void handover_tick(struct supervisor *s, uint64_t now_ms)
{
	for (uint32_t i = s->worker_count; i-- > 0;) {
		struct worker_slot *w = &s->workers[i];

		if (w->guest && w->pid == 0 && (w->leaving || (!w->leased && peers_run(s, worker_owner(w)))))
			let_go(s, w);
	}
	if (s->leave_at_ms != 0 && s->stop_by_ms == 0 && now_ms >= s->leave_at_ms)
		handover_stop(s, now_ms);
}

/* ---- SIGTERM ---- */

/* To leave: what runs here goes on elsewhere. The end of our connections tells them. */
static void leave(struct supervisor *s, uint64_t now_ms)
{
	log_info("supervisor.leaving", "workers=%u hint=\"other supervisors of this host keep what they had\"", s->worker_count);
	s->leaving = true;
	s->stop_by_ms = now_ms + LEAVE_MS;
	for (uint32_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].pid != 0)
			kill(s->workers[i].pid, SIGKILL);
}

void handover_stop(struct supervisor *s, uint64_t now_ms)
{
	if (s->leave_at_ms == 0 && peers_somebody_stays(s)) {
		s->leave_at_ms = now_ms + SETTLE_MS;
		peers_stopping(s);
	} else if (s->leave_at_ms != 0 && now_ms >= s->leave_at_ms && peers_somebody_stays(s)) {
		leave(s, now_ms);
	} else {
		supervisor_stop(s, s->config.drain_ms);
	}
}
