/* to_workers.c - what control asks of signaling and media. Every request may be repeated. */
#include "control/daemon/to_workers.h"

#include <stdio.h>

#include "control/daemon/context.h"
#include "control/daemon/info.h"

static char *text(const char *z)
{
	return (char *)(uintptr_t)(z != NULL ? z : ""); /* packing only reads it */
}

/* kind (4 bits) | number of a mark (8) | generation (20) | slot (32) */
static uint64_t request_id(const struct control *k, uint64_t kind, const struct control_call *cc)
{
	return kind << 60 | (pool_handle(&k->calls, cc) & 0x000fffffffffffffull);
}

uint32_t request_number(uint64_t id)
{
	return (uint32_t)(id >> 52) & 0xff;
}

struct control_call *request_call(struct control *k, uint64_t id, uint64_t *ret_kind)
{
	uint32_t at = pool_slot(id), slot = at;
	struct control_call *cc = pool_each(&k->calls, &at);

	*ret_kind = id >> 60;
	if (cc == NULL || at != slot + 1 || request_id(k, *ret_kind, cc) != (id & ~(0xffull << 52)))
		return NULL;
	return cc;
}

uint64_t request_token(const char *command, uint32_t at)
{
	static const struct map_key key = {0x7469707269676173ull, 0x6b746f6b656e7331ull};
	struct str s = str_of(command);
	uint64_t h[2] = {map_hash(&key, s.p, s.n), at};

	return map_hash(&key, h, sizeof h) | 1;
}

void to_worker(struct control *k, uint32_t from, uint32_t index, const Tipring__V1__Envelope *e)
{
	char name[32];

	snprintf(name, sizeof name, "%s-%u", from == FROM_MEDIA ? "media" : from == FROM_FILES ? "files" : "signaling", index);
	if (actor_send(k->actor, k->workers, str_of(name), e) != 0)
		count(k, STAT_worker_unreachable, 1); /* timeouts and rosters settle what becomes of it */
}

#define REQUEST(Type, UPPER, field, kind)                                                        \
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;                                   \
	Tipring__V1__##Type m = TIPRING__V1__##UPPER##__INIT;                                    \
	e.body_case = TIPRING__V1__ENVELOPE__BODY_##UPPER;                                       \
	e.field = &m;                                                                            \
	e.request_id = (kind) != 0 ? request_id(k, (kind), cc) : 0

static void stamp(struct control *k, Tipring__V1__Envelope *e)
{
	e->deadline_ms = k->actor->now_ms + CALL_REQUEST_MS;
}

/* There is one of them. */
#define FILES_INDEX 0

void to_files_job(struct control *k, const struct control_call *cc)
{
	const struct call_recording *r = &cc->recording;

	REQUEST(FileJob, FILE_JOB, file_job, 0ull);
	m.job_id = r->job_id;
	m.call_id = cc->c.id;
	m.tape_id = cc->c.tape_id;
	m.attach_path = text(cc->c.attach_path);
	m.file = text(r->file);
	m.mono = r->mono;
	m.wish = (Tipring__V1__FileWish)r->wish;
	to_worker(k, FROM_FILES, FILES_INDEX, &e);
}

void to_files_play(struct control *k, const struct control_call *cc)
{
	const struct call_play *p = &cc->play;
	Tipring__V1__PlayJob what = TIPRING__V1__PLAY_JOB__INIT;

	REQUEST(FileJob, FILE_JOB, file_job, 0ull);
	what.file = text(p->file);
	what.tone = text(p->tone);
	what.loop = p->loop;
	what.gain_db = p->gain_db;
	what.duck_db = p->duck_db;
	m.job_id = p->job_id;
	m.call_id = cc->c.id;
	m.tape_id = cc->c.tape_id;
	m.attach_path = text(cc->c.attach_path);
	m.wish = (Tipring__V1__FileWish)p->wish;
	m.play = &what;
	to_worker(k, FROM_FILES, FILES_INDEX, &e);
}

void to_files_end(struct control *k, const Tipring__V1__FileState *job, Tipring__V1__FileWish wish)
{
	const struct control_call *cc = NULL;
	Tipring__V1__PlayJob what = TIPRING__V1__PLAY_JOB__INIT;

	REQUEST(FileJob, FILE_JOB, file_job, 0ull);
	m.job_id = job->job_id;
	m.call_id = job->call_id;
	m.wish = wish;
	if (job->play != NULL)
		m.play = &what;
	to_worker(k, FROM_FILES, FILES_INDEX, &e);
}

void to_session_open(struct control *k, const struct control_call *cc)
{
	struct info_address a;

	REQUEST(SessionOpen, SESSION_OPEN, session_open, REQUEST_OPEN);
	m.call_id = cc->c.id;
	m.towards = info_address(&a, &cc->c.media.towards);
	stamp(k, &e);
	to_worker(k, FROM_MEDIA, cc->c.media_worker, &e);
}

void to_session_update(struct control *k, const struct control_call *cc)
{
	struct info info;

	REQUEST(SessionUpdate, SESSION_UPDATE, session_update, REQUEST_UPDATE);
	m.call_id = cc->c.id;
	m.generation = cc->c.generation;
	m.facts = info_facts(&info, cc);
	stamp(k, &e);
	to_worker(k, FROM_MEDIA, cc->c.media_worker, &e);
}

void to_session_start(struct control *k, const struct control_call *cc)
{
	REQUEST(SessionStart, SESSION_START, session_start, REQUEST_START);
	m.session_id = cc->c.session_id;
	m.rate_hz = cc->c.rate_hz;
	m.frame_ms = cc->c.frame_ms;
	m.ear = (Tipring__V1__Ear)cc->c.ear;
	stamp(k, &e);
	to_worker(k, FROM_MEDIA, cc->c.media_worker, &e);
}

void to_session_close(struct control *k, uint32_t media, uint64_t session_id)
{
	const struct control_call *cc = NULL;

	REQUEST(SessionClose, SESSION_CLOSE, session_close, 0ull);
	m.session_id = session_id;
	to_worker(k, FROM_MEDIA, media, &e);
}

void to_session_flush(struct control *k, const struct control_call *cc)
{
	REQUEST(SessionFlush, SESSION_FLUSH, session_flush, REQUEST_FLUSH);
	m.session_id = cc->c.session_id;
	m.fade_ms = cc->fade_ms;
	stamp(k, &e);
	to_worker(k, FROM_MEDIA, cc->c.media_worker, &e);
}

void to_session_mark(struct control *k, const struct control_call *cc, const struct mark_request *r)
{
	REQUEST(SessionMark, SESSION_MARK, session_mark, REQUEST_MARK);
	e.request_id |= (uint64_t)r->number << 52;
	m.session_id = cc->c.session_id;
	m.mark = text(r->name);
	m.after_index = r->after_index;
	stamp(k, &e);
	to_worker(k, FROM_MEDIA, cc->c.media_worker, &e);
}

void to_session_detect(struct control *k, const struct control_call *cc)
{
	const struct call_speech *d = &cc->c.speech;
	Tipring__V1__SpeechTerms terms = TIPRING__V1__SPEECH_TERMS__INIT;

	REQUEST(SessionDetect, SESSION_DETECT, session_detect, 0ull);
	m.session_id = cc->c.session_id;
	terms.generation = d->generation;
	terms.start_ms = d->start_ms;
	terms.end_ms = d->end_ms;
	terms.silence_ms = d->silence_ms;
	m.terms = &terms;
	to_worker(k, FROM_MEDIA, cc->c.media_worker, &e);
}

void to_session_mouth(struct control *k, const struct control_call *cc, Tipring__V1__MouthWait *wait)
{
	const struct mouth_wish *w = &cc->wish;
	Tipring__V1__MouthLevels levels = TIPRING__V1__MOUTH_LEVELS__INIT;

	REQUEST(SessionMouth, SESSION_MOUTH, session_mouth, REQUEST_MOUTH);
	e.request_id |= (uint64_t)w->number << 52;
	m.session_id = cc->c.session_id;
	levels.high_ms = w->high_ms;
	levels.low_ms = w->low_ms;
	levels.drained = w->drained;
	m.levels = w->levels ? &levels : NULL;
	m.pause = (Tipring__V1__MouthPause)w->pause;
	m.wait = wait;
	stamp(k, &e);
	to_worker(k, FROM_MEDIA, cc->c.media_worker, &e);
}

void to_session_press(struct control *k, const struct control_call *cc, uint64_t token, char digit)
{
	char z[2] = {digit, '\0'};

	REQUEST(SessionPress, SESSION_PRESS, session_press, 0ull);
	m.session_id = cc->c.session_id;
	m.token = token;
	m.digit = z;
	m.duration_ms = cc->c.dtmf.duration_ms;
	to_worker(k, FROM_MEDIA, cc->c.media_worker, &e);
}

void to_session_seat(struct control *k, const struct control_call *cc)
{
	const struct call_seat *s = &cc->c.seat;

	REQUEST(SessionSeat, SESSION_SEAT, session_seat, 0ull);
	m.session_id = cc->c.session_id;
	m.room_id = s->room_id;
	m.speaks = s->room_id != 0 && !s->listen_only && !s->muted;
	m.listens = s->room_id != 0 && !s->speak_only;
	m.generation = s->generation;
	to_worker(k, FROM_MEDIA, cc->c.media_worker, &e);
}

void to_leg_ring(struct control *k, const struct control_call *cc)
{
	struct info_address a;
	struct said_rows rows;

	REQUEST(LegRing, LEG_RING, leg_ring, 0ull);
	m.leg_id = cc->c.leg_id;
	m.code = cc->c.ring_code;
	if (cc->c.ring_described && cc->c.started)
		m.local_rtp = info_address(&a, &cc->c.local_rtp);
	m.n_headers = said_fill(&cc->said, SAID_RING, &rows);
	m.headers = rows.rows;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_answer(struct control *k, const struct control_call *cc)
{
	struct info_address a;
	struct said_rows rows;

	REQUEST(LegAnswer, LEG_ANSWER, leg_answer, REQUEST_ANSWER);
	m.leg_id = cc->c.leg_id;
	m.local_rtp = info_address(&a, &cc->c.local_rtp);
	m.n_headers = said_fill(&cc->said, SAID_ANSWER, &rows);
	m.headers = rows.rows;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_headers(struct control *k, const struct control_call *cc)
{
	static const Tipring__V1__LegSaying of[] = {
		[SAID_NOTHING] = TIPRING__V1__LEG_SAYING__LEG_SAYING_UNSPECIFIED,
		[SAID_RING] = TIPRING__V1__LEG_SAYING__LEG_SAYING_RINGING,
		[SAID_ANSWER] = TIPRING__V1__LEG_SAYING__LEG_SAYING_ANSWER,
		[SAID_END] = TIPRING__V1__LEG_SAYING__LEG_SAYING_END,
		[SAID_BYE] = TIPRING__V1__LEG_SAYING__LEG_SAYING_UNSPECIFIED,
	};
	struct said_rows rows;

	REQUEST(LegHeaders, LEG_HEADERS, leg_headers, 0ull);
	m.leg_id = cc->c.leg_id;
	m.of = of[cc->said.of];
	m.n_headers = said_fill(&cc->said, cc->said.of, &rows);
	m.headers = rows.rows;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_reject(struct control *k, uint32_t signaling, uint64_t leg_id, const struct call_fx *why, const struct said *said)
{
	const struct control_call *cc = NULL;
	struct said_rows rows;

	REQUEST(LegReject, LEG_REJECT, leg_reject, 0ull);
	m.leg_id = leg_id;
	m.code = why->code;
	m.reason = text(why->reason);
	m.retry_after_s = why->retry_s;
	m.n_headers = said != NULL ? said_fill(said, SAID_END, &rows) : 0;
	m.headers = rows.rows;
	to_worker(k, FROM_SIGNALING, signaling, &e);
}

void to_leg_hangup(struct control *k, uint32_t signaling, uint64_t leg_id, const char *reason, const struct said *said)
{
	const struct control_call *cc = NULL;
	struct said_rows rows;

	REQUEST(LegHangup, LEG_HANGUP, leg_hangup, 0ull);
	m.leg_id = leg_id;
	m.cause = text(reason);
	m.n_headers = said != NULL ? said_fill(said, SAID_END, &rows) : 0;
	m.headers = rows.rows;
	to_worker(k, FROM_SIGNALING, signaling, &e);
}

void to_leg_forget(struct control *k, uint32_t signaling, uint64_t leg_id)
{
	const struct control_call *cc = NULL;

	REQUEST(LegForget, LEG_FORGET, leg_forget, 0ull);
	m.leg_id = leg_id;
	to_worker(k, FROM_SIGNALING, signaling, &e);
}

void to_leg_accept(struct control *k, const struct control_call *cc, uint32_t generation)
{
	REQUEST(LegAccept, LEG_ACCEPT, leg_accept, 0ull);
	m.leg_id = cc->c.leg_id;
	m.generation = generation;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_refuse(struct control *k, const struct control_call *cc, uint32_t generation)
{
	REQUEST(LegRefuse, LEG_REFUSE, leg_refuse, 0ull);
	m.leg_id = cc->c.leg_id;
	m.generation = generation;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_ask(struct control *k, const struct control_call *cc, const struct leg_ask *a)
{
	REQUEST(LegAsk, LEG_ASK, leg_ask, 0ull);
	m.leg_id = cc->c.leg_id;
	m.token = a->token;
	m.kind = a->kind;
	m.content_type = text(a->content_type);
	m.body.data = (uint8_t *)(uintptr_t)a->body.p;
	m.body.len = a->body.n;
	m.headers = a->headers;
	m.n_headers = a->header_count;
	m.again = a->again;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_session_keys_taken(struct control *k, const struct control_call *cc, uint32_t number)
{
	REQUEST(SessionKeysTaken, SESSION_KEYS_TAKEN, session_keys_taken, 0ull);
	m.session_id = cc->c.session_id;
	m.number = number;
	to_worker(k, FROM_MEDIA, cc->c.media_worker, &e);
}

void to_leg_taken(struct control *k, const struct control_call *cc, uint32_t cseq)
{
	REQUEST(LegTaken, LEG_TAKEN, leg_taken, 0ull);
	m.leg_id = cc->c.leg_id;
	m.cseq = cseq;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_refer(struct control *k, const struct control_call *cc, const Tipring__V1__Refer *r, uint64_t replaces_leg)
{
	REQUEST(LegRefer, LEG_REFER, leg_refer, REQUEST_REFER);
	m.leg_id = cc->c.leg_id;
	m.command = text(cc->c.transfer.command);
	m.target = r->target;
	m.replaces_leg = replaces_leg;
	m.referred_by = r->referred_by;
	m.headers = r->headers;
	m.n_headers = r->n_headers;
	stamp(k, &e);
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_name(struct control *k, const struct control_call *cc, const Tipring__V1__Refer *r, const struct control_call *other)
{
	Tipring__V1__LegRefer refer = TIPRING__V1__LEG_REFER__INIT;

	REQUEST(LegNamed, LEG_NAMED, leg_named, 0ull);
	refer.leg_id = cc->c.leg_id;
	refer.command = text(cc->c.transfer.command);
	refer.replaces_leg = other->c.leg_id;
	refer.referred_by = r->referred_by;
	refer.headers = r->headers;
	refer.n_headers = r->n_headers;
	m.worker = cc->signaling;
	m.refer = &refer;
	to_worker(k, FROM_SIGNALING, other->signaling, &e);
}

void to_leg_refer_named(struct control *k, const struct control_call *cc, const Tipring__V1__LegRefer *named)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__LegRefer m = *named;

	e.body_case = TIPRING__V1__ENVELOPE__BODY_LEG_REFER;
	e.leg_refer = &m;
	e.request_id = request_id(k, REQUEST_REFER, cc);
	stamp(k, &e);
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_refer_progress(struct control *k, const struct control_call *cc, uint32_t refer_id, uint32_t code)
{
	REQUEST(LegReferProgress, LEG_REFER_PROGRESS, leg_refer_progress, 0ull);
	m.leg_id = cc->c.leg_id;
	m.refer_id = refer_id;
	m.code = code;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

_Static_assert((int)CALL_RENEW_HOLD == (int)TIPRING__V1__LEG_CHANGE_KIND__LEG_HOLD &&
		       (int)CALL_RENEW_CODECS == (int)TIPRING__V1__LEG_CHANGE_KIND__LEG_CODECS,
	       "enum call_renewal_kind is LegChangeKind");

void to_leg_change(struct control *k, const struct control_call *cc)
{
	const struct call_renewal *n = &cc->c.renewal;
	Tipring__V1__Codec codecs[CALL_CODECS_MAX];

	REQUEST(LegChange, LEG_CHANGE, leg_change, 0ull);
	for (uint32_t i = 0; i < n->codec_count; i++)
		codecs[i] = (Tipring__V1__Codec)n->codecs[i];
	m.leg_id = cc->c.leg_id;
	m.number = n->number;
	m.kind = (Tipring__V1__LegChangeKind)n->kind;
	m.codecs = codecs;
	m.n_codecs = n->codec_count;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

static size_t pack_context(struct control *k, const struct control_call *cc, uint8_t bytes[CONTEXT_BYTES_MAX])
{
	const struct backend *owner = cc->c.owned ? backend_find(&k->backends, str_of(cc->c.backend)) : NULL;

	return context_pack(&cc->c, owner != NULL ? owner->instance : 0, bytes);
}

static char *text_of(struct str s)
{
	return text(s.p); /* NUL-terminated by the call's arena */
}

void to_leg_redirect(struct control *k, const struct control_call *cc, const struct call_fx *why)
{
	struct info_targets contacts;
	struct said_rows rows;

	REQUEST(LegReject, LEG_REJECT, leg_reject, 0ull);
	m.leg_id = cc->c.leg_id;
	m.code = why->code;
	m.reason = text(why->reason);
	m.n_contacts = info_targets(&contacts, &cc->c);
	m.contacts = contacts.rows;
	m.n_headers = said_fill(&cc->said, SAID_END, &rows);
	m.headers = rows.rows;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_follow(struct control *k, const struct control_call *cc, bool follows)
{
	struct info_address hop;

	REQUEST(LegFollow, LEG_FOLLOW, leg_follow, 0ull);
	m.leg_id = cc->c.leg_id;
	m.hop = cc->c.hop;
	if (follows) {
		m.request_uri = text_of(cc->c.request_uri);
		m.next_hop = info_address(&hop, &cc->c.next_hop);
	}
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_dial(struct control *k, const struct control_call *cc)
{
	Tipring__V1__Header headers[CALL_HEADERS_MAX], *rows[CALL_HEADERS_MAX];
	const struct call *c = &cc->c;
	uint8_t bytes[CONTEXT_BYTES_MAX];
	struct info_address hop, local;

	REQUEST(LegDial, LEG_DIAL, leg_dial, REQUEST_DIAL);
	for (uint32_t i = 0; i < c->header_count; i++) {
		tipring__v1__header__init(&headers[i]);
		headers[i].name = text_of(c->headers[i].name);
		headers[i].value = text_of(c->headers[i].value);
		rows[i] = &headers[i];
	}
	m.call_id = c->id;
	m.request_uri = text_of(c->request_uri);
	m.next_hop = info_address(&hop, &c->next_hop);
	m.from_uri = text_of(c->from_uri);
	m.from_display = text_of(c->from_display);
	m.to_uri = text_of(c->to_uri);
	m.headers = rows;
	m.n_headers = c->header_count;
	m.local_rtp = info_address(&local, &c->local_rtp);
	m.ringing_timeout_ms = c->ringing_timeout_ms;
	m.session_expires_s = c->session_expires_s;
	m.username = text(cc->login.username);
	m.password = text(cc->login.password);
	m.auth_realm = text(cc->login.realm);
	m.context.data = bytes;
	m.context.len = pack_context(k, cc, bytes);
	e.deadline_ms = k->actor->now_ms + CALL_DIAL_MS;
	to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}

void to_leg_annotate(struct control *k, const struct control_call *cc)
{
	uint8_t bytes[CONTEXT_BYTES_MAX];

	REQUEST(LegAnnotate, LEG_ANNOTATE, leg_annotate, 0ull);
	m.leg_id = cc->c.leg_id;
	m.context.data = bytes;
	m.context.len = pack_context(k, cc, bytes);
	if (m.context.len > 0 && cc->c.leg_id != 0)
		to_worker(k, FROM_SIGNALING, cc->signaling, &e);
}
