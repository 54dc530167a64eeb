/* handover.c - see handover.h */
#include "control/supervisor/handover.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "control/supervisor/peers.h"

#define HASTE_MS 2000u   /* callers are waiting: so long the lease is tried for ... */
#define HASTY_EVERY_MS 2u /* ... so often, ... */
#define CALM_EVERY_MS 50u /* ... and then so often */
#define WANT_EVERY_MS 50u
#define SETTLE_MS 300u   /* who else is told to stop says so by then */
#define AGAIN_MS 1000u   /* what it needs was not to be had */
#define LEAVE_MS 2000u   /* to tell everybody everything */

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
	w->waits_since_ms = 0;
	peers_runs_changed(s);
	peers_read(s); /* whoever let it go had said everything before */
	if (w->pid == 0 && w->died_ns == 0 && store_find(&s->store, it.owner, CUSTODY_STATPAGE) != NULL)
		w->died_ns = peers_died_ns(s, it.owner) != 0 ? peers_died_ns(s, it.owner) : clock_ns();
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

/* A worker without a lease is due to start: get it, and what it needs; or say when to try again. */
static void settle(struct supervisor *s, struct worker_slot *w, uint64_t now_ms)
{
	if (handover_lease(s, w) != 0) {
		wait_for_it(s, w, now_ms);
		return;
	}
	if (resources_ensure(s, w) == 0)
		return;
	store_drop(&s->store, worker_owner(w), CUSTODY_LEASE, 0);
	w->leased = false;
	peers_runs_changed(s);
	w->start_at_ms = now_ms + AGAIN_MS;
}

/* ---- orphans and guests ---- */

/* Its supervisor is gone. Who is of its role tries for it. */
static void take_orphan(struct supervisor *s, uint32_t owner)
{
	struct worker_slot *w = worker_find(s, owner);
	enum role role;

	if (config_role_of_number(owner >> 8, &role) != 0 || peers_run(s, owner) || (w != NULL && w->leased))
		return;
	if (peers_died_ns(s, owner) + HASTE_MS * 1000000ull < clock_ns())
		peers_died(s, owner, clock_ns());
	if (role != s->role || s->leave_at_ms != 0 || s->stop_by_ms != 0)
		return;
	if (w == NULL && s->worker_count == SUPERVISOR_WORKERS_MAX)
		return;
	if (w == NULL) {
		w = worker_add(s, role, owner & 0xff);
		w->guest = true;
		log_info("handover.orphan", "worker=%s-%u", config_role_name(role), w->index);
	}
	w->start_at_ms = w->waits_since_ms = 0; /* at once */
	w->died_ns = peers_died_ns(s, owner);
}

/* Workers of our role whose last supervisor went when nobody of the role was there: what others keep of them is all there is. */
static void look_for_orphans(struct supervisor *s, uint64_t now_ms)
{
	uint32_t role = s->all_roles ? 0 : config_role_number(s->role);

	if (s->all_roles || now_ms < s->orphans_ms)
		return;
	s->orphans_ms = now_ms + AGAIN_MS;
	for (uint32_t index = 0; index < SUPERVISOR_SEATS_MAX; index++) {
		uint32_t owner = role << 8 | index;

		if (worker_find(s, owner) == NULL && !peers_run(s, owner) && store_find(&s->store, owner, CUSTODY_STATPAGE) != NULL)
			take_orphan(s, owner);
	}
}

/* Who has its seat is there. */
static void give(struct supervisor *s, uint32_t owner)
{
	struct worker_slot *w = worker_find(s, owner);

	if (w == NULL || !w->guest || w->leaving || (w->pid != 0 && !w->running))
		return; /* who is just taking over is not disturbed; it is asked for again */
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
		peers_died(s, owner, w->died_ns);
	peers_tell(s);
	if (!peers_are_told(s))
		return;
	worker_remove(s, w);
	peers_runs_changed(s);
	peers_tell(s);
	if (had)
		store_drop(&s->store, owner, CUSTODY_LEASE, 0);
}

void handover_tick(struct supervisor *s, uint64_t now_ms)
{
	while (s->orphan_count > 0)
		take_orphan(s, s->orphans[--s->orphan_count]);
	look_for_orphans(s, now_ms);
	while (s->wanted_count > 0)
		give(s, s->wanted[--s->wanted_count]);
	for (uint32_t i = s->worker_count; i-- > 0;) {
		struct worker_slot *w = &s->workers[i];

		if (w->guest && w->pid == 0 && (w->leaving || (!w->leased && peers_run(s, worker_owner(w)))))
			let_go(s, w);
		else if (!w->leased && w->pid == 0 && s->stop_by_ms == 0 && s->leave_at_ms == 0 && now_ms >= w->start_at_ms)
			settle(s, w, now_ms);
	}
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

bool handover_stop(struct supervisor *s, uint64_t now_ms)
{
	bool decided = s->leave_at_ms != 0;

	if (!decided) {
		s->leave_at_ms = now_ms + SETTLE_MS;
		peers_stopping(s);
	}
	if (!peers_somebody_stays(s))
		return true;
	if (decided)
		leave(s, now_ms);
	return false;
}
