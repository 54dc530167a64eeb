/* sessions.c - see sessions.h */
#include "media/daemon/sessions.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "media/daemon/bells.h"
#include "media/daemon/buckets.h"
#include "media/daemon/counts.h"
#include "media/daemon/rooms.h"
#include "media/daemon/to_bus.h"

void sessions_index(struct media *m, const struct media_session *ms)
{
	struct session_key *key = &m->keys[pool_slot(media_handle(m, ms))];

	*key = (struct session_key){ms->s.r.call_id, ms->s.r.tape_id, ms->s.r.ordinal};
}

/* What follows these facts has its memory, while there are less than `most`. Kept until the session is given back. */
static int give_wide(struct media *m, struct media_session *ms, const struct session_facts *facts, uint32_t most)
{
	if (!session_needs_wide(facts) || ms->s.wide != NULL)
		return 0;
	ms->s.wide = m->wide.used < most ? pool_take(&m->wide, NULL) : NULL;
	if (ms->s.wide == NULL)
		return ERR_NOSPC;
	memcpy(ms->s.wide->rest, ms->s.rest, sizeof ms->s.rest); /* what waits for a full packet waits there now */
	return 0;
}

/* What this ear needs has its memory. Kept until the session is given back. */
static int give_listen(struct media *m, struct media_session *ms)
{
	if (ms->s.r.ear != SESSION_PLAYOUT || ms->s.listen != NULL)
		return 0;
	ms->s.listen = pool_take(&m->listens, NULL);
	return ms->s.listen != NULL ? 0 : ERR_NOSPC;
}

/* What speexdsp allocated for this slot serves its next session. */
static void keep_resampler(struct resample *kept, const struct resample *used)
{
	if (used->state != NULL)
		*kept = *used;
}

void sessions_give(struct media *m, struct media_session *ms)
{
	uint32_t slot = pool_slot(media_handle(m, ms));

	if (ms->s.wide != NULL)
		pool_give(&m->wide, ms->s.wide);
	if (ms->s.listen != NULL)
		pool_give(&m->listens, ms->s.listen);
	keep_resampler(&m->resamplers[slot][0], &ms->s.up);
	keep_resampler(&m->resamplers[slot][1], &ms->s.down);
	m->keys[slot] = (struct session_key){0};
	pool_give(&m->sessions, ms);
}

struct media_session *sessions_by_name(struct media *m, struct session_name name)
{
	for (uint32_t i = 0; name.call_id != 0 && i < m->sessions.cap; i++)
		if (m->keys[i].call_id == name.call_id && m->keys[i].ordinal == name.ordinal)
			return media_slot(m, i);
	return NULL;
}

struct media_session *sessions_by_tape(struct media *m, uint64_t tape_id)
{
	for (uint32_t i = 0; tape_id != 0 && i < m->sessions.cap; i++)
		if (m->keys[i].tape_id == tape_id)
			return media_slot(m, i);
	return NULL;
}

void sessions_save(struct media *m, struct media_session *ms)
{
	uint64_t handle = media_handle(m, ms);
	uint8_t record[SESSION_RECORD_MAX];

	ms->s.r.handle = handle;
	if (slab_commit(&m->slab, pool_slot(handle), record, session_record_write(&ms->s, record)) != 0)
		log_error("session.save", "session=%" PRIx64 " reason=\"too long for its slot\"", handle);
	ms->s.dirty = false;
}

static int add_sockets(struct media *m, struct media_session *ms, uint32_t slot)
{
	struct loop *l = m->actor->loop;
	int err = loop_udp_add(l, ms->ports->rtp, MEDIA_TOKEN_RTP | slot, ms->connected, &ms->rtp_slot);

	if (err != 0)
		return err;
	err = loop_udp_add(l, ms->ports->rtcp, MEDIA_TOKEN_RTCP | slot, false, &ms->rtcp_slot);
	if (err != 0)
		loop_udp_del(l, ms->rtp_slot);
	ms->armed = err == 0;
	return err;
}

static int give_resamplers(struct media *m, struct media_session *ms, uint32_t slot)
{
	for (int i = 0; i < 2; i++) {
		int err = m->resamplers[slot][i].state != NULL
				  ? 0
				  : resample_init(&m->resamplers[slot][i], audio_codecs[0].rate_hz, audio_codecs[0].rate_hz);

		if (err != 0)
			return err;
	}
	ms->s.up = m->resamplers[slot][0];
	ms->s.down = m->resamplers[slot][1];
	return 0;
}

/* Addresses no caller can own get nothing: no packets to ourselves, to many, or to nobody. */
bool sessions_may_send_to(const struct media *m, const struct addr *to)
{
	return latch_sendable(to, m->allow_loopback) && !ports_are_ours(&m->ports, to) &&
	       !(reach_tells(&m->advertised, to) && ports_has(&m->ports, to->port));
}

void sessions_report_to(struct media *m, struct media_session *ms, const struct addr *to)
{
	if (sessions_may_send_to(m, to)) /* else the peer gets no reports: it could name anybody */
		ms->rtcp_to = *to;
}

int sessions_send_rtcp(struct media *m, struct media_session *ms, size_t n)
{
	bool mux = ms->s.facts.rtcp_mux; /* where the audio goes, wherever that is */
	const struct addr *to = !mux ? &ms->rtcp_to : ms->connected ? NULL : latch_remote(&ms->s.in.latch);

	if (ms->rtcp_to.family == ADDR_NONE)
		return ERR_NOENT;
	return loop_send(m->actor->loop, mux ? ms->rtp_slot : ms->rtcp_slot, to, ms->rtcp, n);
}

/* Common to new sessions and those of a predecessor. */
int sessions_equip(struct media *m, struct media_session *ms)
{
	uint32_t slot = pool_slot(media_handle(m, ms));
	int err = give_resamplers(m, ms, slot);

	if (err == 0)
		err = give_wide(m, ms, &ms->s.facts, m->wide.cap); /* of a predecessor: whatever is allowed now */
	if (err == 0)
		err = give_listen(m, ms);
	ms->s.hot = slab_hot(&m->slab, slot);
	ms->connection = -1;
	sessions_report_to(m, ms, &ms->s.facts.remote_rtcp);
	return err == 0 ? add_sockets(m, ms, slot) : err;
}

/* What the peer is told, once and for all; logged when somebody chose it, or should. */
static struct addr as_told(const struct media *m, const struct media_session *ms, const struct addr *towards, const struct addr *local)
{
	struct addr a;
	bool chosen = reach_find(&m->advertised, towards, &a);

	if (!chosen)
		a = *local;
	a.port = local->port;
	if (reach_misses(towards, &a))
		log_warn("session.address", "call=%" PRIx64 " peer=%s told=%s hint=\"it can not send there: set rtp.advertised_address or "
			 "rtp.advertised\"", ms->s.r.call_id, addr_text(towards).z, addr_text(&a).z);
	else if (chosen)
		log_info("session.address", "call=%" PRIx64 " peer=%s told=%s", ms->s.r.call_id, addr_text(towards).z, addr_text(&a).z);
	return a;
}

int sessions_open(struct media *m, struct session_name name, const struct addr *towards, struct media_session **ret)
{
	struct media_session *ms = pool_take(&m->sessions, NULL);
	struct addr local;
	int err;

	if (ms == NULL)
		return ERR_NOSPC;
	slab_clear(&m->slab, pool_slot(media_handle(m, ms)));
	err = ports_take(&m->ports, towards, m->actor->now_ms, &ms->ports, &local);
	if (err == 0)
		err = sessions_equip(m, ms);
	if (err != 0)
		goto fail;

	session_open(&ms->s, &m->session_config, NULL, &m->rand, m->actor->now_ns);
	ms->s.r.call_id = name.call_id;
	ms->s.r.ordinal = name.ordinal;
	ms->s.r.local = as_told(m, ms, towards, &local);
	ms->s.r.local_port = ports_name(ms->ports);
	sessions_index(m, ms);
	buckets_join(m, ms);
	sessions_save(m, ms);
	count(m, STAT_media_sessions_opened, 1);
	*ret = ms;
	return 0;

fail:
	if (ms->ports != NULL)
		ports_give(&m->ports, ms->ports, m->actor->now_ms);
	sessions_give(m, ms);
	return err;
}

static void unlock(struct media *m, struct media_session *ms)
{
	if (!ms->connected)
		return;
	ms->connected = false;
	loop_udp_disconnect(m->actor->loop, ms->rtp_slot);
	ports_disconnect(ms->ports);
}

static void lock(struct media *m, struct media_session *ms)
{
	if (!latch_is_certain(&ms->s.in.latch)) { /* whom the SDP names must still be heard */
		unlock(m, ms);
		return;
	}
	if (ms->connected || ports_connect(ms->ports, latch_remote(&ms->s.in.latch)) != 0)
		return; /* the latch goes on filtering by itself */
	ms->connected = true;
	loop_udp_connected(m->actor->loop, ms->rtp_slot);
}

/* Some are for us, the others for control. */
void sessions_news(struct media *m, struct media_session *ms)
{
	uint32_t n = m->events.n;

	for (uint32_t i = 0; i < n && ms->s.dirty; i++)
		if (m->events.v[i].kind == SESSION_DIGIT)
			sessions_save(m, ms); /* else a successor gives its number to another one */
	m->events.n = m->events.dropped = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (m->events.v[i].kind == SESSION_LOCKED)
			lock(m, ms);
		else if (m->events.v[i].kind == SESSION_UNLOCKED)
			unlock(m, ms);
		else
			to_bus_event(m, ms, &m->events.v[i]);
	}
}

int sessions_update(struct media *m, struct media_session *ms, const struct session_facts *facts, uint32_t generation)
{
	int err;

	/* on hold there is no address; nothing is sent then */
	if (generation > ms->s.r.generation && !addr_is_any(&facts->remote_rtp) && !sessions_may_send_to(m, &facts->remote_rtp))
		return ERR_ACCES;
	err = generation > ms->s.r.generation ? give_wide(m, ms, facts, m->wide_most) : 0;
	if (err == 0)
		err = session_update(&ms->s, facts, generation, m->actor->now_ns);
	if (err != 0 || !ms->s.dirty)
		return err;
	if (!latch_is_certain(&ms->s.in.latch))
		unlock(m, ms);
	ms->rtcp_to.family = ADDR_NONE;
	sessions_report_to(m, ms, &facts->remote_rtcp);
	sessions_save(m, ms); /* before it is promised */
	return 0;
}

static int keep_tape(struct media *m, const struct media_session *ms)
{
	struct custody *c = m->actor->custody;
	int err = custody_keep(c, CUSTODY_TAPE_MEDIA, ms->s.r.tape_id, ms->tape.media.fd);

	return err == 0 ? custody_keep(c, CUSTODY_TAPE_BACKEND, ms->s.r.tape_id, ms->tape.backend.fd) : err;
}

static void drop_tape(struct media *m, struct media_session *ms)
{
	custody_drop(m->actor->custody, CUSTODY_TAPE_MEDIA, ms->s.r.tape_id);
	custody_drop(m->actor->custody, CUSTODY_TAPE_BACKEND, ms->s.r.tape_id);
	custody_drop(m->actor->custody, CUSTODY_TAPE_PLAY, ms->s.r.tape_id);
	ms->s.play = NULL;
	playring_close(&ms->play);
	tape_close(&ms->tape);
	ms->has_tape = false;
	ms->s.r.tape_id = 0;
	sessions_index(m, ms);
}

int sessions_start(struct media *m, struct media_session *ms, uint32_t rate_hz, uint32_t frame_ms, enum session_ear ear)
{
	uint64_t start_ns = buckets_start_ns(m, ms);
	struct tape_config cfg = {
		.rate_hz = rate_hz, .frame_ms = frame_ms, .call_id = ms->s.r.call_id, .start_mono_ns = start_ns,
		.start_unix_ns = clock_unix_ns() + (start_ns - m->actor->now_ns),
	};
	int err;

	if (ms->has_tape) {
		session_start_again(&ms->s, m->actor->now_ns);
		return 0;
	}
	ms->s.r.ear = ear;
	err = give_listen(m, ms);
	if (err != 0)
		return err;
	do
		cfg.tape_id = clock_entropy(); /* the right to attach: not to be guessed */
	while (cfg.tape_id == 0);
	err = tape_create(&cfg, &ms->tape);
	if (err != 0)
		return err;
	ms->has_tape = true;
	ms->s.r.tape_id = cfg.tape_id;
	ms->s.r.frame_ms = frame_ms;
	ms->s.r.start_unix_ns = cfg.start_unix_ns;
	sessions_index(m, ms);
	err = session_start(&ms->s, &ms->tape, start_ns);
	if (err == 0)
		err = keep_tape(m, ms);
	if (err != 0) {
		ms->s.tape = NULL;
		drop_tape(m, ms);
		return err;
	}
	sessions_save(m, ms);
	return 0;
}

int sessions_play(struct media *m, struct media_session *ms)
{
	int err = ms->play.h != NULL ? 0 : playring_create(ms->tape.rate_hz, &ms->play);

	if (err == 0)
		err = custody_keep(m->actor->custody, CUSTODY_TAPE_PLAY, ms->s.r.tape_id, ms->play.region.fd);
	if (err == 0)
		ms->s.play = &ms->play;
	return err;
}

void sessions_end(struct media *m, struct media_session *ms)
{
	struct loop *l = m->actor->loop;
	uint32_t slot = pool_slot(media_handle(m, ms));
	size_t n = session_bye(&ms->s, m->actor->now_ns, clock_unix_ns(), ms->rtcp);

	if (n > 0 && sessions_send_rtcp(m, ms, n) == 0)
		loop_flush(l); /* the memory goes with the session */
	session_close(&ms->s, &m->events);
	sessions_news(m, ms);
	counts_session(m, ms);
	loop_udp_del(l, ms->rtp_slot);
	loop_udp_del(l, ms->rtcp_slot);
	buckets_leave(m, ms);
	rooms_leave(m, ms);
	bells_tell_end(m, ms);
	if (ms->has_tape)
		drop_tape(m, ms);
	slab_clear(&m->slab, slot);
	ports_give(&m->ports, ms->ports, m->actor->now_ms);
}
