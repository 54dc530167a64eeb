/* takeover.c - see takeover.h */
#include "media/daemon/takeover.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/map.h"
#include "media/daemon/buckets.h"
#include "media/daemon/rooms.h"
#include "media/daemon/sessions.h"
#include "media/daemon/tick.h"

#define SUBMIT_EVERY 32u /* sessions: their packets leave while the next ones are prepared */

/* A session between its record and its first packet. */
struct heir {
	struct media_session *ms;
	uint64_t due_ns;    /* its first packet */
	int media, backend, play; /* of its tape, borrowed from custody; -1 = not there */
};

struct heirs {
	struct heir *v; /* owned */
	uint32_t n;
	struct map by_tape; /* to a number in v */
	struct map_key key;
};

static int heirs_init(struct heirs *h, struct media *m)
{
	*h = (struct heirs){.v = calloc(m->slab.cap, sizeof *h->v), .key = {rand_u64(&m->rand), rand_u64(&m->rand)}};
	return h->v == NULL ? ERR_NOMEM : map_init(&h->by_tape, m->slab.cap);
}

static void heirs_fini(struct heirs *h)
{
	map_fini(&h->by_tape);
	free(h->v);
}

/* Is it the heir of this tape? */
struct tape_of {
	const struct heirs *h;
	uint64_t tape_id;
};

static bool has_tape(const void *ctx, uint64_t i)
{
	const struct tape_of *of = ctx;

	return of->h->v[i].ms->s.r.tape_id == of->tape_id;
}

static struct heir *heir_of(const struct heirs *h, uint64_t tape_id)
{
	uint64_t i;

	return map_get(&h->by_tape, map_hash(&h->key, &tape_id, sizeof tape_id), has_tape, &(struct tape_of){h, tape_id}, &i) ? &h->v[i] : NULL;
}


static void drop_tape(struct media *m, uint64_t tape_id)
{
	custody_drop(m->actor->custody, CUSTODY_TAPE_MEDIA, tape_id);
	custody_drop(m->actor->custody, CUSTODY_TAPE_BACKEND, tape_id);
	custody_drop(m->actor->custody, CUSTODY_TAPE_PLAY, tape_id);
}

static void abandon(struct media *m, uint32_t slot, struct media_session *ms, int err)
{
	log_error("session.takeover", "slot=%u reason=%s", slot, err_name(err));
	count(m, STAT_media_sessions_dropped, 1);
	slab_clear(&m->slab, slot);
	if (ms == NULL)
		return;
	playring_close(&ms->play);
	if (ms->has_tape)
		tape_close(&ms->tape);
	if (ms->s.r.tape_id != 0)
		drop_tape(m, ms->s.r.tape_id);
	if (ms->armed) {
		loop_udp_del(m->actor->loop, ms->rtp_slot);
		loop_udp_del(m->actor->loop, ms->rtcp_slot);
	}
	if (ms->ports != NULL)
		ports_give(&m->ports, ms->ports, m->actor->now_ms);
	sessions_give(m, ms);
}

/* ---- records ---- */

static int add(struct heirs *h, struct media *m, struct media_session *ms)
{
	uint64_t tape_id = ms->s.r.tape_id;
	int err = 0;

	h->v[h->n] = (struct heir){.ms = ms, .media = -1, .backend = -1, .play = -1};
	if (tape_id != 0)
		err = map_put(&h->by_tape, map_hash(&h->key, &tape_id, sizeof tape_id), h->n, has_tape, &(struct tape_of){h, tape_id});
	if (err != 0)
		return ERR_CORRUPT; /* two have one tape */
	ms->s.hot = slab_hot(&m->slab, pool_slot(media_handle(m, ms)));
	h->v[h->n++].due_ns = session_due_ns(&ms->s);
	sessions_index(m, ms);
	return 0;
}

static int read_record(struct media *m, struct heirs *h, struct str record, uint32_t slot, struct media_session **ret)
{
	uint64_t handle = 0;
	int err = session_record_handle(record, &handle);

	if (err == 0 && pool_slot(handle) != slot)
		err = ERR_CORRUPT;
	if (err == 0 && slab_is_poison(&m->slab, MEDIA_RECORD, handle))
		err = ERR_CORRUPT; /* it killed two predecessors */
	slab_touch(&m->slab, MEDIA_RECORD, handle);
	if (err == 0) {
		*ret = pool_take_at(&m->sessions, handle);
		err = *ret != NULL ? session_record_read(&(*ret)->s, record) : ERR_CORRUPT;
	}
	if (err == 0)
		err = add(h, m, *ret);
	slab_touch(&m->slab, 0, 0);
	return err;
}

static void read_records(struct media *m, struct heirs *h)
{
	static uint8_t area[SLAB_RECORD_MAX * 2]; /* a later build's may be longer than ours */

	for (uint32_t slot = 0; slot < m->slab.cap; slot++) {
		struct media_session *ms = NULL;
		size_t n = 0;
		int err = slab_load(&m->slab, slot, area, sizeof area, &n);

		if (err == ERR_NOENT)
			continue;
		if (err == 0)
			err = read_record(m, h, (struct str){(const char *)area, n}, slot, &ms);
		if (err != 0)
			abandon(m, slot, ms, err);
	}
}

/* Those of a session that did not make it are dropped. */
static void find_tapes(struct media *m, struct heirs *h, enum custody_kind kind)
{
	struct custody_item item;
	uint32_t at = 0;

	while (custody_each(m->actor->custody, kind, &at, &item) == 0) {
		struct heir *heir = heir_of(h, item.id);

		if (heir == NULL) {
			custody_drop(m->actor->custody, kind, item.id);
			at--; /* the ones behind moved up */
		} else if (kind == CUSTODY_TAPE_MEDIA) {
			heir->media = item.fd;
		} else if (kind == CUSTODY_TAPE_PLAY) {
			heir->play = item.fd;
		} else {
			heir->backend = item.fd;
		}
	}
}

/* ---- sessions ---- */

static int adopt_tape(struct media_session *ms, const struct heir *h)
{
	int media = h->media >= 0 ? dup(h->media) : -1, backend = h->backend >= 0 ? dup(h->backend) : -1;
	int err = media < 0 || backend < 0 ? ERR_NOENT : tape_adopt(media, backend, &ms->tape);

	if (err != 0) {
		if (media >= 0)
			close(media);
		if (backend >= 0)
			close(backend);
		return err;
	}
	ms->has_tape = true;
	return 0;
}

/* A call goes on without it: what is played is asked for again. */
static void adopt_play(struct media_session *ms, const struct heir *h)
{
	int fd = h->play >= 0 ? dup(h->play) : -1;

	if (fd < 0)
		return;
	if (playring_adopt(fd, &ms->play) != 0)
		close(fd);
	else if (ms->play.rate_hz != ms->tape.rate_hz)
		playring_close(&ms->play);
	else
		ms->s.play = &ms->play;
}

static int restore(struct media *m, const struct heir *h)
{
	struct media_session *ms = h->ms;
	const struct session_record *r = &ms->s.r;
	int err = r->start_ns != 0 ? adopt_tape(ms, h) : 0;

	if (err != 0)
		return err;
	if (ms->has_tape)
		adopt_play(ms, h);
	ms->ports = ports_take_named(&m->ports, r->local_port);
	if (ms->ports == NULL)
		return ERR_NOENT;
	/* connect() belongs to the socket and is still in force, unless it had failed; again does no harm */
	ms->connected = latch_is_certain(&ms->s.in.latch) && ports_connect(ms->ports, latch_remote(&ms->s.in.latch)) == 0;
	if (!ms->connected)
		ports_disconnect(ms->ports); /* it may have died before it told that it has another peer */
	err = sessions_equip(m, ms);
	if (err == 0)
		err = session_resume(&ms->s, &m->session_config, ms->has_tape ? &ms->tape : NULL, m->actor->now_ns);
	if (err == 0)
		rooms_resume(m, ms);
	return err;
}

/* Its first packet goes out at once. What came meanwhile waits in its socket, and a session that was resumed waits for it. */
static bool go_on(struct media *m, const struct heir *h)
{
	uint64_t handle = media_handle(m, h->ms);
	int err;

	m->actor->now_ns = clock_ns(); /* this is no turn: time goes on */
	m->actor->now_ms = m->actor->now_ns / 1000000u;
	slab_touch(&m->slab, MEDIA_RECORD, handle);
	err = restore(m, h);
	if (err == 0) {
		buckets_rejoin(m, h->ms);
		tick_serve(m, h->ms);
	} else {
		abandon(m, pool_slot(handle), h->ms, err);
	}
	slab_touch(&m->slab, 0, 0);
	return err == 0;
}

static int by_due(const void *a, const void *b)
{
	uint64_t x = ((const struct heir *)a)->due_ns, y = ((const struct heir *)b)->due_ns;

	return (x > y) - (x < y);
}

int takeover(struct media *m, uint32_t *ret_kept)
{
	struct heirs h;
	int err = heirs_init(&h, m);

	*ret_kept = 0;
	if (err != 0) {
		heirs_fini(&h);
		return err;
	}
	slab_count_death(&m->slab);
	read_records(m, &h);
	find_tapes(m, &h, CUSTODY_TAPE_MEDIA);
	find_tapes(m, &h, CUSTODY_TAPE_BACKEND);
	find_tapes(m, &h, CUSTODY_TAPE_PLAY);

	/* who has been silent longest comes first, so that nobody waits for all the others and for a tick as well */
	qsort(h.v, h.n, sizeof *h.v, by_due);
	loop_deaf(m->actor->loop, true);
	for (uint32_t i = 0; i < h.n; i++) {
		*ret_kept += go_on(m, &h.v[i]);
		if (i % SUBMIT_EVERY == SUBMIT_EVERY - 1)
			loop_flush(m->actor->loop);
	}
	loop_flush(m->actor->loop); /* everybody was served; now what came meanwhile */
	loop_deaf(m->actor->loop, false);
	loop_flush(m->actor->loop);
	count(m, STAT_media_sessions_kept, *ret_kept);
	heirs_fini(&h);
	return 0;
}
