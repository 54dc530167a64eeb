/* commands.c - commands of tipring.h: sent until they are acknowledged, with the fences of the calls they are about. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "sdk/c/server.h"

#define PROTOCOL 1
#define ANSWER_MS 1000
#define TRIES 5
#define CONTACTS_MAX 8
#define CODECS_MAX 8
#define BRIDGED_MAX 32

struct owned *sdk_owned(struct tipring_server *s, uint64_t call_id)
{
	for (uint32_t i = 0; i < OWNED_MAX; i++)
		if (s->owned[i].call_id == call_id)
			return &s->owned[i];
	return NULL;
}

uint64_t sdk_fence(struct tipring_server *s, uint64_t call_id)
{
	struct owned *o = call_id != 0 ? sdk_owned(s, call_id) : NULL;

	return o != NULL ? o->fence : 0;
}

static int send_plain(struct tipring_server *s, const envelope *e)
{
	const uint8_t *p;
	size_t n;
	int err = codec_pack(&s->codec, e, &p, &n);

	return err == 0 ? bus_send(s->commands, (struct str){NULL, 0}, p, n) : err;
}

static bool is_ask(const envelope *e)
{
	return e->body_case == TIPRING__V1__ENVELOPE__BODY_SEND_INFO || e->body_case == TIPRING__V1__ENVELOPE__BODY_SEND_MESSAGE ||
	       e->body_case == TIPRING__V1__ENVELOPE__BODY_SEND_DTMF || e->body_case == TIPRING__V1__ENVELOPE__BODY_COLLECT_DTMF;
}

static int command(struct tipring_server *s, envelope *e)
{
	struct command *c = NULL;
	char id[64];
	const uint8_t *p;
	int err;

	for (uint32_t i = 0; i < COMMANDS_MAX && c == NULL; i++)
		if (s->pending[i].number == 0)
			c = &s->pending[i];
	if (c == NULL)
		return -EAGAIN;
	snprintf(id, sizeof id, "%016" PRIx64 "-%" PRIu64 "%s", s->prefix, s->numbers + 1, is_ask(e) ? SDK_ASK_SUFFIX : "");
	e->command_id = id;
	err = codec_pack(&s->codec, e, &p, &c->n);
	if (err != 0)
		return err;
	if (c->n > sizeof c->bytes)
		return -EMSGSIZE;
	memcpy(c->bytes, p, c->n);
	c->number = ++s->numbers;
	c->call_id = e->call_id;
	c->mark[0] = '\0';
	c->dial = e->body_case == TIPRING__V1__ENVELOPE__BODY_DIAL || e->body_case == TIPRING__V1__ENVELOPE__BODY_ACCEPT_REFER;
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_MARK)
		(void)!str_copy(c->mark, sizeof c->mark, str_of(e->mark->mark));
	c->tries = 1;
	c->again_ms = clock_ms() + ANSWER_MS;
	s->again_ms = c->again_ms < s->again_ms ? c->again_ms : s->again_ms;
	/* a full queue is no error yet: it is sent again */
	err = bus_send(s->commands, (struct str){NULL, 0}, c->bytes, c->n);
	if (err == ERR_AGAIN)
		err = 0;
	if (err != 0)
		c->number = 0;
	else
		s->dials += c->dial;
	return err;
}

#define COMMAND(field, UPPER, ...)                                                             \
	Tipring__V1__##field body = TIPRING__V1__##UPPER##__INIT;                              \
	envelope e = TIPRING__V1__ENVELOPE__INIT;                                              \
	e.body_case = TIPRING__V1__ENVELOPE__BODY_##UPPER;                                     \
	e.__VA_ARGS__ = &body

static char *text(const char *z)
{
	return (char *)(uintptr_t)(z != NULL ? z : ""); /* protobuf-c knows no const; packing only reads */
}

int tipring_claim(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(Claim, CLAIM, claim);

	body.call_id = e.call_id = call_id;
	return command(s, &e);
}

/* As rows of a message. */
struct rows {
	Tipring__V1__Header headers[DIAL_HEADERS_MAX], *v[DIAL_HEADERS_MAX];
};

static Tipring__V1__Header **fill_rows(struct rows *r, const struct tipring_headers *from)
{
	for (size_t i = 0; from != NULL && i < from->n; i++) {
		tipring__v1__header__init(&r->headers[i]);
		r->headers[i].name = text(from->v[i].name);
		r->headers[i].value = text(from->v[i].value);
		r->v[i] = &r->headers[i];
	}
	return r->v;
}

static size_t count_of(const struct tipring_headers *headers)
{
	return headers != NULL ? headers->n : 0;
}

int tipring_ring(struct tipring_server *s, uint64_t call_id)
{
	return tipring_ring_with(s, call_id, &(struct tipring_ringing){.code = 0});
}

int tipring_ring_with(struct tipring_server *s, uint64_t call_id, const struct tipring_ringing *how)
{
	struct rows rows;

	COMMAND(Ring, RING, ring);
	if (count_of(how->headers) > DIAL_HEADERS_MAX)
		return -EINVAL;
	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.code = how->code;
	body.early_media = how->early_media;
	body.rate_hz = how->rate_hz;
	body.frame_ms = how->frame_ms;
	body.ear = (Tipring__V1__Ear)how->ear;
	body.headers = fill_rows(&rows, how->headers);
	body.n_headers = count_of(how->headers);
	return command(s, &e);
}

int tipring_answer(struct tipring_server *s, uint64_t call_id, uint32_t rate_hz, uint32_t frame_ms)
{
	return tipring_answer_with(s, call_id, rate_hz, frame_ms, NULL);
}

int tipring_answer_with(struct tipring_server *s, uint64_t call_id, uint32_t rate_hz, uint32_t frame_ms,
			const struct tipring_headers *headers)
{
	return tipring_answer_as(s, call_id, &(struct tipring_answering){.rate_hz = rate_hz, .frame_ms = frame_ms, .headers = headers});
}

int tipring_answer_as(struct tipring_server *s, uint64_t call_id, const struct tipring_answering *how)
{
	struct rows rows;

	COMMAND(Answer, ANSWER, answer);
	if (count_of(how->headers) > DIAL_HEADERS_MAX)
		return -EINVAL;
	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.rate_hz = how->rate_hz;
	body.frame_ms = how->frame_ms;
	body.ear = (Tipring__V1__Ear)how->ear;
	body.headers = fill_rows(&rows, how->headers);
	body.n_headers = count_of(how->headers);
	return command(s, &e);
}

int tipring_reject(struct tipring_server *s, uint64_t call_id, uint32_t code, const char *reason)
{
	return tipring_reject_with(s, call_id, code, reason, NULL);
}

int tipring_reject_with(struct tipring_server *s, uint64_t call_id, uint32_t code, const char *reason,
			const struct tipring_headers *headers)
{
	struct rows rows;

	COMMAND(Reject, REJECT, reject);
	if (count_of(headers) > DIAL_HEADERS_MAX)
		return -EINVAL;
	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.code = code;
	body.reason = text(reason);
	body.headers = fill_rows(&rows, headers);
	body.n_headers = count_of(headers);
	return command(s, &e);
}

int tipring_redirect(struct tipring_server *s, uint64_t call_id, uint32_t code, const struct tipring_contact *contacts, size_t n)
{
	Tipring__V1__RedirectTarget targets[CONTACTS_MAX], *rows[CONTACTS_MAX];

	COMMAND(Redirect, REDIRECT, redirect);
	if (n > CONTACTS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		tipring__v1__redirect_target__init(&targets[i]);
		targets[i].uri = text(contacts[i].uri);
		if (contacts[i].q >= 0)
			targets[i].q_thousandths = contacts[i].q < 0.001 ? 1 : (uint32_t)(contacts[i].q * 1000 + 0.5);
		rows[i] = &targets[i];
	}
	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.contacts = rows;
	body.n_contacts = n;
	body.code = code;
	return command(s, &e);
}

int tipring_hangup(struct tipring_server *s, uint64_t call_id, const char *cause)
{
	return tipring_hangup_with(s, call_id, cause, NULL);
}

int tipring_hangup_with(struct tipring_server *s, uint64_t call_id, const char *cause, const struct tipring_headers *headers)
{
	struct rows rows;

	COMMAND(Hangup, HANGUP, hangup);
	if (count_of(headers) > DIAL_HEADERS_MAX)
		return -EINVAL;
	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.cause = text(cause);
	body.headers = fill_rows(&rows, headers);
	body.n_headers = count_of(headers);
	return command(s, &e);
}

int tipring_part(struct tipring_server *s, uint64_t call_id, const struct tipring_parting *how)
{
	struct rows rows;

	COMMAND(Hangup, HANGUP, hangup);
	if (count_of(how->headers) > DIAL_HEADERS_MAX || (how->when == TIPRING_BEHIND_MARK) != (how->mark != NULL))
		return -EINVAL;
	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.cause = text(how->cause);
	body.headers = fill_rows(&rows, how->headers);
	body.n_headers = count_of(how->headers);
	body.when = (Tipring__V1__HangupWhen)how->when;
	body.mark = text(how->mark);
	body.limit_ms = how->limit_ms;
	return command(s, &e);
}

int tipring_levels(struct tipring_server *s, uint64_t call_id, const struct tipring_levels *levels)
{
	COMMAND(SetLevels, SET_LEVELS, set_levels);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.high_ms = levels->high_ms;
	body.low_ms = levels->low_ms;
	body.drained = levels->drained;
	return command(s, &e);
}

int tipring_pause(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(Pause, PAUSE, pause);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	return command(s, &e);
}

int tipring_resume(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(Resume, RESUME, resume);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	return command(s, &e);
}

int tipring_hold(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(Hold, HOLD, hold);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	return command(s, &e);
}

int tipring_unhold(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(Unhold, UNHOLD, unhold);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	return command(s, &e);
}

int tipring_record(struct tipring_server *s, uint64_t call_id, const char *file, bool mono)
{
	COMMAND(RecordStart, RECORD_START, record_start);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.file = text(file);
	body.mono = mono;
	return command(s, &e);
}

int tipring_record_pause(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(RecordPause, RECORD_PAUSE, record_pause);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	return command(s, &e);
}

int tipring_record_resume(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(RecordResume, RECORD_RESUME, record_resume);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	return command(s, &e);
}

int tipring_record_stop(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(RecordStop, RECORD_STOP, record_stop);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	return command(s, &e);
}

int tipring_play(struct tipring_server *s, uint64_t call_id, const struct tipring_sound *sound)
{
	COMMAND(Play, PLAY, play);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.file = text(sound->file);
	body.tone = text(sound->tone);
	body.loop = sound->loop;
	body.gain_db = sound->gain_db;
	body.duck_db = sound->duck_db;
	return command(s, &e);
}

int tipring_stop_play(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(StopPlay, STOP_PLAY, stop_play);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	return command(s, &e);
}

int tipring_renegotiate(struct tipring_server *s, uint64_t call_id, const char *const *codecs, size_t n)
{
	Tipring__V1__Codec numbers[CODECS_MAX];

	COMMAND(Renegotiate, RENEGOTIATE, renegotiate);
	if (n > CODECS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value_by_name(&tipring__v1__codec__descriptor, codecs[i]);

		if (v == NULL || v->value == 0)
			return -EINVAL;
		numbers[i] = (Tipring__V1__Codec)v->value;
	}
	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.codecs = numbers;
	body.n_codecs = n;
	return command(s, &e);
}

int tipring_bridge(struct tipring_server *s, const uint64_t *calls, size_t n)
{
	Tipring__V1__BridgeCall members[BRIDGED_MAX], *rows[BRIDGED_MAX];

	COMMAND(Bridge, BRIDGE, bridge);
	if (n == 0 || n > BRIDGED_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		tipring__v1__bridge_call__init(&members[i]);
		members[i].call_id = calls[i];
		members[i].fence = sdk_fence(s, calls[i]);
		rows[i] = &members[i];
	}
	body.calls = rows;
	body.n_calls = n;
	return command(s, &e);
}

int tipring_join(struct tipring_server *s, uint64_t room, uint64_t call_id, bool listens, bool speaks)
{
	COMMAND(Join, JOIN, join);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.room_id = room;
	body.listen_only = !speaks;
	body.speak_only = !listens;
	return command(s, &e);
}

int tipring_leave(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(Leave, LEAVE, leave);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	return command(s, &e);
}

int tipring_mute(struct tipring_server *s, uint64_t call_id, bool muted)
{
	COMMAND(Mute, MUTE, mute);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.muted = muted;
	return command(s, &e);
}

int tipring_flush(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(Flush, FLUSH, flush);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	return command(s, &e);
}

int tipring_mark(struct tipring_server *s, uint64_t call_id, const char *mark, uint64_t after_index)
{
	COMMAND(Mark, MARK, mark);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.mark = text(mark);
	body.after_index = after_index;
	return command(s, &e);
}

/* It is completed or failed by what the far side answers. */
static int ask(struct tipring_server *s, envelope *e, uint64_t *ret_ask)
{
	int err = command(s, e);

	if (err == 0)
		*ret_ask = s->numbers;
	return err;
}

static void put_content(const struct tipring_content *what, char **ret_type, ProtobufCBinaryData *ret_body)
{
	*ret_type = text(what->type);
	ret_body->data = (uint8_t *)(uintptr_t)what->body;
	ret_body->len = what->n;
}

int tipring_send_info(struct tipring_server *s, uint64_t call_id, const struct tipring_content *what, uint64_t *ret_ask)
{
	COMMAND(SendInfo, SEND_INFO, send_info);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	put_content(what, &body.content_type, &body.body);
	return ask(s, &e, ret_ask);
}

int tipring_send_message(struct tipring_server *s, uint64_t call_id, const struct tipring_content *what, uint64_t *ret_ask)
{
	COMMAND(SendMessage, SEND_MESSAGE, send_message);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	put_content(what, &body.content_type, &body.body);
	return ask(s, &e, ret_ask);
}

int tipring_send_letter(struct tipring_server *s, const struct tipring_letter *how, uint64_t *ret_ask)
{
	struct rows rows;

	COMMAND(SendMessage, SEND_MESSAGE, send_message);
	if (how->to == NULL || how->to[0] == '\0' || count_of(how->headers) > DIAL_HEADERS_MAX)
		return -EINVAL;
	body.to = text(how->to);
	body.from = text(how->from);
	body.from_display = text(how->from_display);
	body.username = text(how->username);
	body.password = text(how->password);
	body.auth_realm = text(how->auth_realm);
	body.headers = fill_rows(&rows, how->headers);
	body.n_headers = count_of(how->headers);
	put_content(&how->what, &body.content_type, &body.body);
	return ask(s, &e, ret_ask);
}

int tipring_take_message(struct tipring_server *s, uint64_t message_id, uint32_t code)
{
	COMMAND(MessageTake, MESSAGE_TAKE, message_take);

	body.message_id = message_id;
	body.code = code;
	return command(s, &e);
}

int tipring_send_dtmf(struct tipring_server *s, uint64_t call_id, const struct tipring_keys *keys, uint64_t *ret_ask)
{
	COMMAND(SendDtmf, SEND_DTMF, send_dtmf);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.digits = text(keys->digits);
	body.method = text(keys->method);
	body.duration_ms = keys->duration_ms;
	body.gap_ms = keys->gap_ms;
	return ask(s, &e, ret_ask);
}

int tipring_detect_speech(struct tipring_server *s, uint64_t call_id, const struct tipring_speech *terms)
{
	COMMAND(DetectSpeech, DETECT_SPEECH, detect_speech);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.stop = terms == NULL;
	body.start_ms = terms != NULL ? terms->start_ms : 0;
	body.end_ms = terms != NULL ? terms->end_ms : 0;
	body.silence_ms = terms != NULL ? terms->silence_ms : 0;
	return command(s, &e);
}

int tipring_collect(struct tipring_server *s, uint64_t call_id, const struct tipring_collect *how, uint64_t *ret_ask)
{
	COMMAND(CollectDtmf, COLLECT_DTMF, collect_dtmf);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.max = how->max;
	body.terminators = text(how->terminators);
	body.first_ms = how->first_ms;
	body.next_ms = how->next_ms;
	return ask(s, &e, ret_ask);
}

int tipring_dial(struct tipring_server *s, const struct tipring_dial *how, uint64_t *ret_dial)
{
	Tipring__V1__Header headers[DIAL_HEADERS_MAX], *rows[DIAL_HEADERS_MAX];
	int err;

	COMMAND(Dial, DIAL, dial);
	if (how->uri == NULL || how->headers_n > DIAL_HEADERS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < how->headers_n; i++) {
		tipring__v1__header__init(&headers[i]);
		headers[i].name = text(how->headers[i].name);
		headers[i].value = text(how->headers[i].value);
		rows[i] = &headers[i];
	}
	body.uri = text(how->uri);
	body.from = text(how->from);
	body.from_display = text(how->from_display);
	body.to = text(how->to);
	body.headers = rows;
	body.n_headers = how->headers_n;
	body.ringing_timeout_ms = how->ringing_timeout_ms;
	body.session_expires_s = how->session_expires_s;
	body.early_media = how->early_media;
	body.rate_hz = how->rate_hz;
	body.frame_ms = how->frame_ms;
	body.ear = (Tipring__V1__Ear)how->ear;
	body.metadata = text(how->metadata);
	body.digits_after_answer = text(how->digits);
	body.username = text(how->username);
	body.password = text(how->password);
	body.auth_realm = text(how->auth_realm);
	body.app = s->app[0] != '\0' ? s->app : text(DIAL_APP);
	err = command(s, &e);
	if (err == 0)
		*ret_dial = s->numbers;
	return err;
}

int tipring_transfer(struct tipring_server *s, uint64_t call_id, const char *target, uint64_t other)
{
	COMMAND(Refer, REFER, refer);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.target = text(target);
	body.replaces_call_id = target == NULL ? other : 0;
	return command(s, &e);
}

int tipring_reject_refer(struct tipring_server *s, uint64_t call_id, uint32_t refer_id, uint32_t code)
{
	COMMAND(RejectRefer, REJECT_REFER, reject_refer);

	body.call_id = e.call_id = call_id;
	body.fence = sdk_fence(s, call_id);
	body.refer_id = refer_id;
	body.code = code;
	return command(s, &e);
}

int tipring_accept_refer(struct tipring_server *s, uint64_t call_id, uint32_t refer_id, const struct tipring_dial *how, uint64_t *ret_dial)
{
	Tipring__V1__Header headers[DIAL_HEADERS_MAX], *rows[DIAL_HEADERS_MAX];
	int err;

	COMMAND(AcceptRefer, ACCEPT_REFER, accept_refer);
	if (how->headers_n > DIAL_HEADERS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < how->headers_n; i++) {
		tipring__v1__header__init(&headers[i]);
		headers[i].name = text(how->headers[i].name);
		headers[i].value = text(how->headers[i].value);
		rows[i] = &headers[i];
	}
	body.call_id = call_id; /* not of the envelope: what is acknowledged is another call */
	body.fence = sdk_fence(s, call_id);
	body.refer_id = refer_id;
	body.from = text(how->from);
	body.from_display = text(how->from_display);
	body.headers = rows;
	body.n_headers = how->headers_n;
	body.ringing_timeout_ms = how->ringing_timeout_ms;
	body.early_media = how->early_media;
	body.rate_hz = how->rate_hz;
	body.frame_ms = how->frame_ms;
	body.ear = (Tipring__V1__Ear)how->ear;
	body.metadata = text(how->metadata);
	body.username = text(how->username);
	body.password = text(how->password);
	body.auth_realm = text(how->auth_realm);
	body.app = s->app[0] != '\0' ? s->app : text(DIAL_APP);
	err = command(s, &e);
	if (err == 0)
		*ret_dial = s->numbers;
	return err;
}

int sdk_hello(struct tipring_server *s)
{
	COMMAND(Hello, HELLO, hello);

	body.name = s->name;
	body.protocol_min = body.protocol_max = PROTOCOL;
	body.instance = s->prefix;
	e.command_id = text(SDK_HELLO_ID);
	return send_plain(s, &e);
}

int sdk_ping(struct tipring_server *s)
{
	COMMAND(Ping, PING, ping);

	return send_plain(s, &e);
}

int sdk_enroll(struct tipring_server *s)
{
	COMMAND(Register, REGISTER, register_);
	int err;

	body.app = s->app;
	body.capacity = s->capacity;
	body.messages = s->messages;
	err = command(s, &e);
	if (err == 0)
		s->enroll_number = s->numbers;
	return err;
}

int sdk_compare(struct tipring_server *s, uint64_t after)
{
	COMMAND(ListCalls, LIST_CALLS, list_calls);
	int err;

	for (uint32_t i = 0; i < OWNED_MAX && after == 0; i++)
		s->owned[i].seen = false;
	body.app = s->app;
	body.after = after;
	err = command(s, &e);
	if (err == 0)
		s->compare_number = s->numbers;
	return err;
}

uint64_t sdk_ask_of(const char *id)
{
	const char *suffix = strstr(id, SDK_ASK_SUFFIX);
	uint64_t prefix, number;

	return suffix != NULL && sscanf(id, "%" SCNx64 "-%" SCNu64, &prefix, &number) == 2 ? number : 0;
}

bool sdk_forget(struct tipring_server *s, uint64_t call_id)
{
	struct owned *o = call_id != 0 ? sdk_owned(s, call_id) : NULL;
	bool had = o != NULL;

	if (o != NULL)
		*o = (struct owned){.call_id = 0};
	for (uint32_t i = 0; call_id != 0 && i < COMMANDS_MAX; i++) {
		if (s->pending[i].number == 0 || s->pending[i].call_id != call_id)
			continue;
		s->pending[i].number = 0;
		had = true;
	}
	return had;
}

struct command *sdk_command_of(struct tipring_server *s, const char *id)
{
	uint64_t prefix, number;

	if (sscanf(id, "%" SCNx64 "-%" SCNu64, &prefix, &number) != 2 || prefix != s->prefix || number == 0)
		return NULL;
	for (uint32_t i = 0; i < COMMANDS_MAX; i++)
		if (s->pending[i].number == number)
			return &s->pending[i];
	return NULL;
}

struct command *sdk_send_again(struct tipring_server *s, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;

	if (now_ms < s->again_ms)
		return NULL;
	for (uint32_t i = 0; i < COMMANDS_MAX; i++) {
		struct command *c = &s->pending[i];

		if (c->number == 0)
			continue;
		if (now_ms >= c->again_ms) {
			if (c->tries++ >= TRIES)
				return c; /* and the rest with the next call */
			c->again_ms = now_ms + ANSWER_MS;
			(void)!bus_send(s->commands, (struct str){NULL, 0}, c->bytes, c->n);
		}
		next_ms = c->again_ms < next_ms ? c->again_ms : next_ms;
	}
	s->again_ms = next_ms;
	return NULL;
}
