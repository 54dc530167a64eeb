/* from_bus.c - requests of control, translated to plain structs and carried out. */
#include "media/daemon/from_bus.h"

#include "common/base/log.h"
#include "media/daemon/bells.h"
#include "media/daemon/rooms.h"
#include "media/daemon/sessions.h"
#include "media/daemon/to_bus.h"

static struct media *media_of(void *self)
{
	return self;
}

static void answer(struct media *m, const Tipring__V1__Envelope *e, int err, const char *what)
{
	Tipring__V1__ResultCode code = TIPRING__V1__RESULT_CODE__REJECTED;

	if (err == 0)
		code = TIPRING__V1__RESULT_CODE__OK;
	else if (err_is_shortage(err))
		code = TIPRING__V1__RESULT_CODE__OVERLOADED;
	else if (err == ERR_NOENT || err == ERR_STALE)
		code = TIPRING__V1__RESULT_CODE__NOT_FOUND;
	else if (err == ERR_PROTO || err == ERR_EXIST)
		code = TIPRING__V1__RESULT_CODE__CONFLICT;
	else if (err == ERR_UNSUPPORTED)
		code = TIPRING__V1__RESULT_CODE__UNSUPPORTED;
	worker_result(m->worker, e, code, what);
}

static int take_address(const Tipring__V1__Address *in, struct addr *ret)
{
	int err = in != NULL && in->port <= UINT16_MAX ? addr_parse_ip(str_of(in->ip), ret) : ERR_INVAL;

	if (err == 0)
		ret->port = (uint16_t)in->port;
	return err;
}

/* The names of the messages count as the table of codecs does, from 1. */
_Static_assert((int)TIPRING__V1__CODEC__PCMU == CODEC_PCMU + 1 && (int)TIPRING__V1__CODEC__PCMA == CODEC_PCMA + 1 &&
		       (int)TIPRING__V1__CODEC__G722 == CODEC_G722 + 1 && (int)TIPRING__V1__CODEC__OPUS == CODEC_OPUS + 1 &&
		       (int)TIPRING__V1__CODEC__L16 == CODEC_L16 + 1 && (int)TIPRING__V1__CODEC__L16_16K == CODEC_L16_16K + 1 &&
		       (int)TIPRING__V1__CODEC__L16_48K == CODEC_L16_48K + 1,
	       "enum codec_id is Codec");

static int take_codec(Tipring__V1__Codec in, uint8_t *ret)
{
	if (in < TIPRING__V1__CODEC__PCMU || (int)in > CODECS)
		return ERR_UNSUPPORTED;
	*ret = (uint8_t)((int)in - 1);
	return 0;
}

static int take_formats(const Tipring__V1__MediaFacts *in, struct session_facts *ret)
{
	if (in->n_formats > SESSION_FORMATS_MAX)
		return ERR_INVAL;
	for (size_t i = 0; i < in->n_formats; i++) {
		struct session_format *f = &ret->formats[ret->format_count++];
		int err = take_codec(in->formats[i]->codec, &f->codec);

		if (err != 0)
			return err;
		f->payload_type = (uint8_t)in->formats[i]->payload_type;
		if (in->formats[i]->payload_type > 127)
			return ERR_INVAL;
	}
	return 0;
}

/* What is sent and what is heard. */
static int take_codecs(const Tipring__V1__MediaFacts *in, struct session_facts *ret)
{
	int err = take_codec(in->codec, &ret->codec);
	void (*read_terms)(struct str fmtp, struct codec_terms *ret);

	if (in->payload_type > 127 || in->dtmf_payload_type > 127 || in->heard_type > 127 || in->heard_dtmf_type > 127)
		return ERR_INVAL;
	if (err != 0)
		return err;
	read_terms = audio_codecs[ret->codec].acts->read_terms;
	if (read_terms != NULL)
		read_terms(str_of(in->fmtp), &ret->terms);
	ret->payload_type = (uint8_t)in->payload_type;
	ret->dtmf_payload_type = (uint8_t)in->dtmf_payload_type;
	ret->heard_type = (uint8_t)(in->other_type ? SESSION_OTHER_TYPE | in->heard_type : 0);
	ret->heard_dtmf_type = (uint8_t)(in->other_dtmf_type ? SESSION_OTHER_TYPE | in->heard_dtmf_type : 0);
	return take_formats(in, ret);
}

static int take_facts(const Tipring__V1__MediaFacts *in, struct session_facts *ret)
{
	struct session_facts f = {.ptime_ms = 20};
	int err = in != NULL ? take_codecs(in, &f) : ERR_INVAL;

	if (err != 0)
		return err;
	if (in->ptime_ms != 0 && (in->ptime_ms % 10 != 0 || in->ptime_ms > SESSION_PTIME_MAX_MS))
		return ERR_INVAL;
	err = take_address(in->remote_rtp, &f.remote_rtp);
	if (err != 0)
		return err;
	f.remote_rtcp = f.remote_rtp;
	f.remote_rtcp.port++;
	if (in->remote_rtcp != NULL)
		err = take_address(in->remote_rtcp, &f.remote_rtcp);

	if (in->ptime_ms != 0)
		f.ptime_ms = (uint8_t)in->ptime_ms;
	f.sends = in->direction == TIPRING__V1__DIRECTION__DIRECTION_UNSPECIFIED ||
		  in->direction == TIPRING__V1__DIRECTION__SENDRECV || in->direction == TIPRING__V1__DIRECTION__SENDONLY;
	f.receives = in->direction == TIPRING__V1__DIRECTION__DIRECTION_UNSPECIFIED ||
		     in->direction == TIPRING__V1__DIRECTION__SENDRECV || in->direction == TIPRING__V1__DIRECTION__RECVONLY;
	f.rtcp_mux = in->rtcp_mux;
	*ret = f;
	return err;
}

static void on_open(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	const Tipring__V1__SessionOpen *o = e->session_open;
	struct session_name name = {o->call_id, o->ordinal};
	struct media *m = media_of(self);
	struct media_session *ms = sessions_by_name(m, name);
	struct addr towards;
	int err = 0;

	(void)peer;
	if (ms == NULL) {
		err = name.call_id != 0 ? take_address(o->towards, &towards) : ERR_INVAL;
		if (err == 0)
			err = addr_is_any(&towards) ? ERR_INVAL : sessions_open(m, name, &towards, &ms);
	}
	if (err == 0) {
		to_bus_opened(m, e->request_id, ms);
		return;
	}
	count(m, STAT_media_sessions_refused, 1);
	answer(m, e, err, err_is_shortage(err) ? "no session, port pair or descriptor is free"
					       : "a session needs a call and where its peer is");
}

static const char *not_updated(int err)
{
	return err == ERR_NOENT	       ? "no such session"
	       : err == ERR_STALE      ? "later facts are in force"
	       : err == ERR_ACCES      ? "this address can not be sent to"
	       : err == ERR_UNSUPPORTED ? "codec not supported"
	       : err == ERR_NOSPC	 ? "no room for another call with this codec"
					: "media facts are not usable";
}

static void on_update(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	const Tipring__V1__SessionUpdate *u = e->session_update;
	struct media *m = media_of(self);
	struct media_session *ms = sessions_by_name(m, (struct session_name){u->call_id, u->ordinal});
	struct session_facts facts;
	int err = ms == NULL ? ERR_NOENT : u->generation == 0 ? ERR_INVAL : take_facts(u->facts, &facts);

	(void)peer;
	if (err == 0)
		err = sessions_update(m, ms, &facts, u->generation);
	if (err == 0) {
		to_bus_updated(m, e->request_id, ms);
		return;
	}
	count(m, STAT_media_sessions_refused, err == ERR_ACCES || err == ERR_UNSUPPORTED || err == ERR_NOSPC);
	answer(m, e, err == ERR_STALE ? ERR_PROTO : err, not_updated(err));
}

static struct media_session *session_of(struct media *m, uint64_t id)
{
	return pool_get(&m->sessions, id);
}

static int take_ear(const struct media *m, Tipring__V1__Ear in, enum session_ear *ret)
{
	if (in > TIPRING__V1__EAR__EAR_PLAYOUT)
		return ERR_UNSUPPORTED;
	*ret = in == TIPRING__V1__EAR__EAR_UNSPECIFIED ? m->ear : in == TIPRING__V1__EAR__EAR_PLAYOUT ? SESSION_PLAYOUT : SESSION_ASR;
	return 0;
}

static void on_start(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	struct media *m = media_of(self);
	struct media_session *ms = session_of(m, e->session_start->session_id);
	uint32_t rate = e->session_start->rate_hz, frame = e->session_start->frame_ms;
	enum session_ear ear = SESSION_ASR;
	int err = ms != NULL ? take_ear(m, e->session_start->ear, &ear) : ERR_NOENT;

	(void)peer;
	if (err == 0 && ((rate != 8000 && rate != 16000 && rate != 24000 && rate != 48000) || (frame != 10 && frame != 20)))
		err = ERR_INVAL;
	if (err == 0)
		err = sessions_start(m, ms, rate, frame, ear);
	if (err == 0)
		to_bus_started(m, e->request_id, ms);
	else
		answer(m, e, err, err == ERR_NOENT ? "no such session" : err == ERR_INVAL ? "rate or frame not possible"
											    : "no tape could be made");
}

static void on_close(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	struct media *m = media_of(self);
	uint64_t id = e->session_close->session_id;
	struct media_session *ms = session_of(m, id);

	(void)peer;
	if (ms != NULL)
		sessions_end(m, ms); /* its last events go first */
	to_bus_closed(m, e->request_id, id, ms);
	if (ms != NULL)
		sessions_give(m, ms);
}

static void on_flush(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	struct media *m = media_of(self);
	struct media_session *ms = session_of(m, e->session_flush->session_id);
	struct flushed f;

	(void)peer;
	if (ms == NULL || !ms->has_tape) {
		answer(m, e, ms == NULL ? ERR_NOENT : ERR_PROTO, ms == NULL ? "no such session" : "not started");
		return;
	}
	f.pos = session_flush(&ms->s, e->session_flush->fade_ms, f.v, &f.n, &m->events);
	bells_look(m, ms);
	to_bus_flushed(m, e->request_id, ms, &f);
	sessions_news(m, ms);
	if (ms->s.dirty)
		sessions_save(m, ms);
}

static void on_mark(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	struct media *m = media_of(self);
	struct media_session *ms = session_of(m, e->session_mark->session_id);
	int err = ms != NULL ? 0 : ERR_NOENT;

	(void)peer;
	if (err == 0)
		err = ms->has_tape ? session_mark(&ms->s, str_of(e->session_mark->mark), e->session_mark->after_index)
				   : ERR_PROTO;
	if (err == 0)
		sessions_save(m, ms); /* before it is promised */
	answer(m, e, err, err == 0		? ""
			  : err == ERR_NOENT	? "no such session"
			  : err == ERR_NOSPC	? "too many marks are pending"
			  : err == ERR_EXIST	? "a mark of this name is pending"
			  : err == ERR_PROTO	? "not started"
						: "a mark's name has 1 to 63 octets");
}

static void on_press(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	struct media *m = media_of(self);
	const Tipring__V1__SessionPress *p = e->session_press;
	struct media_session *ms = session_of(m, p->session_id);
	int err = ms == NULL ? ERR_NOENT : !ms->has_tape ? ERR_PROTO : session_press(&ms->s, p->token, p->digit[0], p->duration_ms);

	(void)peer;
	if (err == 0)
		sessions_save(m, ms); /* before it is heard */
	else
		to_bus_pressed(m, p->session_id, p->token, err == ERR_EXIST ? 0 : err);
}

static void on_detect(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	struct media *m = media_of(self);
	const Tipring__V1__SpeechTerms *t = e->session_detect->terms;
	struct media_session *ms = session_of(m, e->session_detect->session_id);

	(void)peer;
	if (ms == NULL || !ms->has_tape || t == NULL)
		return;
	if (session_detect(&ms->s, &(struct session_speech_terms){t->generation, t->start_ms, t->end_ms, t->silence_ms}) == 0)
		sessions_save(m, ms);
}

static void on_seat(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	struct media *m = media_of(self);
	const Tipring__V1__SessionSeat *r = e->session_seat;
	struct media_session *ms = session_of(m, r->session_id);
	struct session_seat seat = {.room_id = r->room_id, .generation = r->generation, .speaks = r->speaks != 0, .listens = r->listens != 0};
	int err = ms != NULL ? rooms_seat(m, ms, &seat) : ERR_NOENT;

	(void)peer;
	if (ms != NULL && ms->s.dirty)
		sessions_save(m, ms); /* before it is promised */
	to_bus_seated(m, r, ms != NULL ? ms->s.seat.generation : 0, err);
}

static void on_keys_taken(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	struct media *m = media_of(self);
	struct media_session *ms = session_of(m, e->session_keys_taken->session_id);

	(void)peer;
	if (ms == NULL)
		return;
	session_keys_taken(&ms->s, e->session_keys_taken->number);
	if (ms->s.dirty)
		sessions_save(m, ms);
}

static int take_mouth(struct media *m, struct session *s, const Tipring__V1__SessionMouth *w)
{
	int err = 0;

	if (w->levels != NULL)
		err = session_levels(s, &(struct session_levels){w->levels->high_ms, w->levels->low_ms, w->levels->drained});
	if (err == 0 && w->wait != NULL)
		err = session_wait(s, &(struct session_wait){w->wait->token, str_of(w->wait->mark), str_of(w->wait->note), w->wait->limit_ms},
				   m->actor->now_ns);
	if (err == 0 && w->pause != TIPRING__V1__MOUTH_PAUSE__MOUTH_PAUSE_UNSPECIFIED)
		session_pause(s, w->pause == TIPRING__V1__MOUTH_PAUSE__MOUTH_PAUSED);
	return err;
}

static void on_mouth(void *self, struct str peer, const Tipring__V1__Envelope *e)
{
	struct media *m = media_of(self);
	struct media_session *ms = session_of(m, e->session_mouth->session_id);
	int err = ms == NULL ? ERR_NOENT : !ms->has_tape ? ERR_PROTO : take_mouth(m, &ms->s, e->session_mouth);

	(void)peer;
	if (ms != NULL && ms->s.dirty)
		sessions_save(m, ms); /* before it is promised */
	answer(m, e, err, err == 0	       ? ""
			  : err == ERR_NOENT ? "no such session"
			  : err == ERR_PROTO ? "not started"
					     : "a level, a token or a limit is out of range");
}

#define ANY (~0u)

/* clang-format off */
const struct actor_rule media_rules[] = {
	{TIPRING__V1__ENVELOPE__BODY_SESSION_OPEN,   ANY, ACTOR_RUNNING,                  on_open},
	{TIPRING__V1__ENVELOPE__BODY_SESSION_UPDATE, ANY, ACTOR_RUNNING | ACTOR_DRAINING, on_update},
	{TIPRING__V1__ENVELOPE__BODY_SESSION_START,  ANY, ACTOR_RUNNING | ACTOR_DRAINING, on_start},
	{TIPRING__V1__ENVELOPE__BODY_SESSION_CLOSE,  ANY, ACTOR_RUNNING | ACTOR_DRAINING, on_close},
	{TIPRING__V1__ENVELOPE__BODY_SESSION_FLUSH,  ANY, ACTOR_RUNNING | ACTOR_DRAINING, on_flush},
	{TIPRING__V1__ENVELOPE__BODY_SESSION_MARK,   ANY, ACTOR_RUNNING | ACTOR_DRAINING, on_mark},
	{TIPRING__V1__ENVELOPE__BODY_SESSION_PRESS,  ANY, ACTOR_RUNNING | ACTOR_DRAINING, on_press},
	{TIPRING__V1__ENVELOPE__BODY_SESSION_DETECT, ANY, ACTOR_RUNNING | ACTOR_DRAINING, on_detect},
	{TIPRING__V1__ENVELOPE__BODY_SESSION_SEAT,   ANY, ACTOR_RUNNING | ACTOR_DRAINING, on_seat},
	{TIPRING__V1__ENVELOPE__BODY_SESSION_KEYS_TAKEN, ANY, ACTOR_RUNNING | ACTOR_DRAINING, on_keys_taken},
	{TIPRING__V1__ENVELOPE__BODY_SESSION_MOUTH,  ANY, ACTOR_RUNNING | ACTOR_DRAINING, on_mouth},
};
/* clang-format on */
const uint32_t media_rule_count = sizeof media_rules / sizeof media_rules[0];
