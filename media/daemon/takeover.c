/* takeover.c - go on with the sessions of a predecessor. Its records and tapes are hostile input. */
#include <inttypes.h>
#include <unistd.h>

#include "common/base/log.h"
#include "media/daemon/media.h"

static int find_fd(const struct custody *c, enum custody_kind kind, uint64_t id)
{
	struct custody_item item;
	int err = custody_find(c, kind, id, &item);

	return err == 0 ? dup(item.fd) : err;
}

static int adopt_tape(struct media *m, struct media_session *ms)
{
	int media = find_fd(m->actor->custody, CUSTODY_TAPE_MEDIA, ms->s.r.tape_id);
	int backend = find_fd(m->actor->custody, CUSTODY_TAPE_BACKEND, ms->s.r.tape_id);
	int err = media < 0 ? media : backend < 0 ? backend : tape_adopt(media, backend, &ms->tape);

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

static int restore(struct media *m, struct media_session *ms, struct str record)
{
	const struct session_record *r = &ms->s.r;
	int err = session_record_read(&ms->s, record);

	if (err != 0)
		return err;
	sessions_index(m, ms);
	if (r->start_ns != 0)
		err = adopt_tape(m, ms);
	if (err != 0)
		return err;
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
	return err;
}

static void abandon(struct media *m, struct media_session *ms)
{
	if (ms->has_tape)
		tape_close(&ms->tape);
	if (ms->armed) {
		loop_udp_del(m->actor->loop, ms->rtp_slot);
		loop_udp_del(m->actor->loop, ms->rtcp_slot);
	}
	if (ms->ports != NULL)
		ports_give(&m->ports, ms->ports, m->actor->now_ms);
	sessions_give(m, ms);
}

static bool take_record(struct media *m, uint32_t slot)
{
	static uint8_t area[SLAB_RECORD_MAX * 2]; /* a later build's may be longer than ours */
	struct media_session *ms = NULL;
	uint64_t handle = 0;
	size_t n = 0;
	int err = slab_load(&m->slab, slot, area, sizeof area, &n);
	struct str record = {(const char *)area, n};

	if (err == ERR_NOENT)
		return false;
	if (err == 0)
		err = session_record_handle(record, &handle);
	if (err == 0 && pool_slot(handle) != slot)
		err = ERR_CORRUPT;
	if (err == 0 && slab_is_poison(&m->slab, MEDIA_RECORD, handle))
		err = ERR_CORRUPT; /* it killed two predecessors */
	slab_touch(&m->slab, MEDIA_RECORD, handle);
	if (err == 0) {
		ms = pool_take_at(&m->sessions, handle);
		err = ms != NULL ? restore(m, ms, record) : ERR_CORRUPT;
	}
	slab_touch(&m->slab, 0, 0);
	if (err == 0) {
		tick_rejoin(m, ms);
		return true;
	}
	log_error("session.takeover", "slot=%u reason=%s", slot, err_name(err));
	count(m, STAT_media_sessions_dropped, 1);
	if (ms != NULL)
		abandon(m, ms);
	slab_clear(&m->slab, slot);
	return false;
}

/* Tapes whose session did not make it. */
static void drop_orphans(struct media *m, enum custody_kind kind)
{
	struct custody_item item;
	uint32_t at = 0;

	while (custody_each(m->actor->custody, kind, &at, &item) == 0) {
		if (sessions_by_tape(m, item.id) != NULL)
			continue;
		custody_drop(m->actor->custody, kind, item.id);
		at--; /* the ones behind moved up */
	}
}

uint32_t takeover(struct media *m)
{
	uint32_t kept = 0;

	slab_count_death(&m->slab);
	for (uint32_t slot = 0; slot < m->slab.cap; slot++)
		kept += take_record(m, slot);
	drop_orphans(m, CUSTODY_TAPE_MEDIA);
	drop_orphans(m, CUSTODY_TAPE_BACKEND);
	count(m, STAT_media_sessions_kept, kept);
	return kept;
}
