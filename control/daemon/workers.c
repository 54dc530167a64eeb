/* workers.c - see workers.h */
#include "control/daemon/workers.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "common/base/scan.h"
#include "control/daemon/to_workers.h"

#define IDENTIFY_MS 100u /* not asked more often than this */
#define ASLEEP_MS 500u /* between two looks: the machine does not let us run */

/* "media-0" is a media worker; anything else may say nothing here. */
uint32_t workers_kind(struct str name, uint32_t *ret_index)
{
	struct str rest, kind = str_cut(name, '-', &rest);
	struct scan s = scan_of(rest);

	*ret_index = scan_u32(&s);
	scan_end(&s);
	if (s.err != 0 || *ret_index >= CONTROL_WORKERS_MAX)
		return 0;
	if (str_eq(kind, STR("media")))
		return FROM_MEDIA;
	if (str_eq(kind, STR("files")))
		return FROM_FILES;
	return str_eq(kind, STR("signaling")) ? FROM_SIGNALING : 0;
}

struct worker_row *workers_row(struct control *k, struct str name)
{
	struct worker_row *free_row = NULL;
	uint32_t index, kind = workers_kind(name, &index);

	for (uint32_t i = 0; kind != 0 && i < CONTROL_WORKERS_MAX; i++) {
		struct worker_row *w = &k->rows[i];

		if (str_eq(str_of(w->name), name))
			return w;
		if (w->name[0] == '\0' && free_row == NULL)
			free_row = w;
	}
	if (kind == 0 || free_row == NULL || str_copy(free_row->name, sizeof free_row->name, name) != 0)
		return NULL;
	free_row->from = kind;
	free_row->index = index;
	return free_row;
}

struct worker_row *workers_media(struct control *k, uint32_t index)
{
	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++)
		if (k->rows[i].from == FROM_MEDIA && k->rows[i].index == index && k->rows[i].up)
			return &k->rows[i];
	return NULL;
}

struct worker_row *workers_least_loaded(struct control *k, uint32_t from)
{
	struct worker_row *best = NULL;

	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++) {
		struct worker_row *w = &k->rows[i];

		if (w->from == from && w->up && w->used < w->capacity && (best == NULL || w->used < best->used))
			best = w;
	}
	return best;
}

void workers_full(struct control *k, uint32_t media)
{
	struct worker_row *w = workers_media(k, media);

	if (w != NULL)
		w->used = w->capacity;
}

void workers_has_room(struct control *k, uint32_t media)
{
	struct worker_row *w = workers_media(k, media);

	if (w != NULL && w->used > 0)
		w->used--;
}

bool workers_are_up(const struct control *k, uint32_t from)
{
	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++)
		if (k->rows[i].from == from && k->rows[i].up)
			return true;
	return false;
}

bool workers_ready(const struct control *k)
{
	return workers_are_up(k, FROM_MEDIA) && workers_are_up(k, FROM_SIGNALING);
}

bool workers_legs_known(const struct control *k)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++) {
		const struct worker_row *w = &k->rows[i];

		n += w->from == FROM_SIGNALING && w->up && w->roster_epoch == w->epoch;
	}
	return n >= k->signaling_workers;
}

bool workers_rosters_are_in(const struct control *k, uint32_t from)
{
	uint32_t up = 0, in = 0;

	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++) {
		const struct worker_row *w = &k->rows[i];

		up += w->from == from && w->up;
		in += w->from == from && w->up && w->roster_epoch == w->epoch;
	}
	return up > 0 && in == up;
}

void workers_identify(struct control *k, struct worker_row *w)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__WorkerIdentify m = TIPRING__V1__WORKER_IDENTIFY__INIT;

	if (k->actor->now_ms < w->asked_ms + IDENTIFY_MS)
		return;
	w->again = false;
	w->asked_ms = k->actor->now_ms;
	m.control_epoch = k->epoch;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_WORKER_IDENTIFY;
	e.worker_identify = &m;
	to_worker(k, w->from, w->index, &e);
}

void workers_ask_again(struct control *k)
{
	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++)
		if (k->rows[i].up && k->rows[i].again && workers_legs_known(k))
			workers_identify(k, &k->rows[i]);
}

/* Who did not run itself has heard nobody either: what was said meanwhile may still be on its way. */
static void forgive(struct control *k)
{
	uint64_t now_ms = k->actor->now_ms, asleep_ms = now_ms - k->looked_ms;

	if (k->looked_ms != 0 && asleep_ms > ASLEEP_MS)
		for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++)
			k->rows[i].heard_ms = now_ms - k->rows[i].heard_ms > asleep_ms ? k->rows[i].heard_ms + asleep_ms : now_ms;
	k->looked_ms = now_ms;
}

void workers_tick(struct control *k)
{
	forgive(k);
	workers_ask_again(k);
	for (uint32_t i = 0; i < CONTROL_WORKERS_MAX; i++) {
		struct worker_row *w = &k->rows[i];

		if (!w->up || k->actor->now_ms <= w->heard_ms + CONTROL_WORKER_LOST_MS)
			continue;
		log_warn("worker.lost", "name=%s silent_ms=%" PRIu64, w->name, k->actor->now_ms - w->heard_ms);
		w->up = false; /* its calls wait for its successor, which brings them back in its roster */
	}
}
