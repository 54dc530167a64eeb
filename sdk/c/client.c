/* client.c - the connection half of tipring.h: commands out, events in. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/bus/bus.h"
#include "common/bus/codec.h"
#include "sdk/c/tipring.h"

#define PROTOCOL 1
#define HELLO_ID "hello" /* its refusal is an Ack */
#define PING_MS 1000
#define DOWN_MS 3000
#define ANSWER_MS 1000
#define TRIES 5
#define REPORT_MS 2000    /* after a restart of control its workers have told it of their calls */
#define COMMANDS_MAX 1024 /* waiting for an acknowledgement */
#define EVENTS_MAX 256    /* produced by one message, taken one by one */
#define OWNED_MAX 4096    /* calls with their fences */
#define COMMAND_BYTES_MAX 1024

/* A command until it is acknowledged: sent again with the same id, so it takes effect once. */
struct command {
	uint64_t number; /* 0 = free */
	uint64_t call_id;
	uint64_t again_ms;
	uint32_t tries;
	char mark[64]; /* "" = another command */
	size_t n;
	uint8_t bytes[COMMAND_BYTES_MAX];
};

struct owned {
	uint64_t call_id; /* 0 = free */
	uint64_t fence;
	bool seen; /* control has it too, as ours */
};

struct tipring_server {
	struct bus *commands, *events; /* owned */
	int epoll;                     /* owned */
	struct codec codec;            /* owned */
	char dir[80], name[64], app[64];
	uint32_t capacity;
	uint64_t epoch, prefix, numbers;
	uint64_t ping_at_ms, heard_ms;
	uint64_t enroll_number, compare_number; /* of the last Register and ListCalls */
	uint64_t compare_at_ms;                 /* 0 = not planned */
	uint32_t sweep_at;                      /* OWNED_MAX = nothing to sweep */
	bool welcome, heartbeat, enrolled, down, refused;
	struct command *pending; /* owned: COMMANDS_MAX */
	struct owned *owned;     /* owned: OWNED_MAX */
	struct tipring_event *queue; /* owned: EVENTS_MAX */
	uint32_t queue_n, queue_at;
};

typedef Tipring__V1__Envelope envelope;

/* ---- opening ---- */

static int open_bus(struct tipring_server *s, enum bus_kind kind, const char *socket, struct bus **ret)
{
	char endpoint[128];
	struct bus_config cfg = {.kind = kind, .endpoint = endpoint, .queue_max = 100000};
	struct epoll_event e = {.events = EPOLLIN};
	int err;

	snprintf(endpoint, sizeof endpoint, "ipc://%s/%s", s->dir, socket);
	if (kind == BUS_DEALER)
		cfg.identity = s->name;
	err = bus_open(&cfg, ret);
	if (err == 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, bus_fd(*ret), &e) != 0)
		err = -errno;
	return err;
}

static int subscribe(struct tipring_server *s)
{
	char topic[96];
	int err = 0;

	for (int i = 0; i < 2 && s->app[0] != '\0' && err == 0; i++) {
		snprintf(topic, sizeof topic, "e1/%s/%s/", i == 0 ? "call" : "media", s->app);
		err = bus_subscribe(s->events, str_of(topic));
	}
	/* last: when a heartbeat arrives, the subscriptions before it are in force too */
	return err == 0 ? bus_subscribe(s->events, STR("e1/hb/")) : err;
}

/* Only characters from `first` to `last`, or of `others`. */
static bool is_made_of(const char *z, char first, char last, const char *others)
{
	for (; *z != '\0'; z++)
		if ((*z < first || *z > last) && (others == NULL || strchr(others, *z) == NULL))
			return false;
	return true;
}

static int copy_config(struct tipring_server *s, const struct tipring_config *cfg)
{
	const char *dir = cfg->endpoint != NULL ? cfg->endpoint : getenv("TIPRING_ENDPOINT");
	char fallback[32];

	if (dir == NULL || dir[0] == '\0')
		dir = "/run/tipring";
	if (strncmp(dir, "ipc://", 6) == 0)
		dir += 6;
	snprintf(fallback, sizeof fallback, "c-%d", (int)getpid());
	if (str_copy(s->dir, sizeof s->dir, str_of(dir)) != 0 ||
	    str_copy(s->name, sizeof s->name, str_of(cfg->name != NULL ? cfg->name : fallback)) != 0 ||
	    str_copy(s->app, sizeof s->app, str_of(cfg->app != NULL ? cfg->app : "")) != 0)
		return -ENAMETOOLONG;
	if (!is_made_of(s->name, '!', '~', NULL) || !is_made_of(s->app, 'a', 'z', "0123456789-"))
		return -EINVAL;
	s->capacity = cfg->capacity;
	return 0;
}

int tipring_open(const struct tipring_config *cfg, struct tipring_server **ret)
{
	struct tipring_server *s = calloc(1, sizeof *s);
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->prefix = clock_entropy();
	s->sweep_at = OWNED_MAX;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->pending = calloc(COMMANDS_MAX, sizeof *s->pending);
	s->owned = calloc(OWNED_MAX, sizeof *s->owned);
	s->queue = calloc(EVENTS_MAX, sizeof *s->queue);
	err = s->epoll < 0 || s->pending == NULL || s->owned == NULL || s->queue == NULL ? -ENOMEM : 0;
	if (err == 0)
		err = copy_config(s, cfg);
	if (err == 0)
		err = codec_init(&s->codec);
	if (err == 0)
		err = open_bus(s, BUS_DEALER, "commands.ipc", &s->commands);
	if (err == 0)
		err = open_bus(s, BUS_SUB, "events.ipc", &s->events);
	if (err == 0)
		err = subscribe(s);
	if (err != 0) {
		tipring_close(s);
		return err;
	}
	s->heard_ms = clock_ms();
	*ret = s;
	return 0;
}

void tipring_close(struct tipring_server *s)
{
	if (s == NULL)
		return;
	bus_close(s->commands);
	bus_close(s->events);
	codec_fini(&s->codec);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->pending);
	free(s->owned);
	free(s->queue);
	free(s);
}

int tipring_fd(const struct tipring_server *s)
{
	return s->epoll;
}

/* ---- commands ---- */

static struct owned *owned(struct tipring_server *s, uint64_t call_id)
{
	for (uint32_t i = 0; i < OWNED_MAX; i++)
		if (s->owned[i].call_id == call_id)
			return &s->owned[i];
	return NULL;
}

static uint64_t fence_of(struct tipring_server *s, uint64_t call_id)
{
	struct owned *o = call_id != 0 ? owned(s, call_id) : NULL;

	return o != NULL ? o->fence : 0;
}

static int send_plain(struct tipring_server *s, const envelope *e)
{
	const uint8_t *p;
	size_t n;
	int err = codec_pack(&s->codec, e, &p, &n);

	return err == 0 ? bus_send(s->commands, (struct str){NULL, 0}, p, n) : err;
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
	snprintf(id, sizeof id, "%016" PRIx64 "-%" PRIu64, s->prefix, s->numbers + 1);
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
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_MARK)
		(void)!str_copy(c->mark, sizeof c->mark, str_of(e->mark->mark));
	c->tries = 1;
	c->again_ms = clock_ms() + ANSWER_MS;
	/* a full queue is no error yet: it is sent again */
	err = bus_send(s->commands, (struct str){NULL, 0}, c->bytes, c->n);
	if (err == ERR_AGAIN)
		err = 0;
	if (err != 0)
		c->number = 0;
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

int tipring_ring(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(Ring, RING, ring);

	body.call_id = e.call_id = call_id;
	body.fence = fence_of(s, call_id);
	return command(s, &e);
}

int tipring_answer(struct tipring_server *s, uint64_t call_id, uint32_t rate_hz, uint32_t frame_ms)
{
	COMMAND(Answer, ANSWER, answer);

	body.call_id = e.call_id = call_id;
	body.fence = fence_of(s, call_id);
	body.rate_hz = rate_hz;
	body.frame_ms = frame_ms;
	return command(s, &e);
}

int tipring_reject(struct tipring_server *s, uint64_t call_id, uint32_t code, const char *reason)
{
	COMMAND(Reject, REJECT, reject);

	body.call_id = e.call_id = call_id;
	body.fence = fence_of(s, call_id);
	body.code = code;
	body.reason = text(reason);
	return command(s, &e);
}

int tipring_hangup(struct tipring_server *s, uint64_t call_id, const char *cause)
{
	COMMAND(Hangup, HANGUP, hangup);

	body.call_id = e.call_id = call_id;
	body.fence = fence_of(s, call_id);
	body.cause = text(cause);
	return command(s, &e);
}

int tipring_flush(struct tipring_server *s, uint64_t call_id)
{
	COMMAND(Flush, FLUSH, flush);

	body.call_id = e.call_id = call_id;
	body.fence = fence_of(s, call_id);
	return command(s, &e);
}

int tipring_mark(struct tipring_server *s, uint64_t call_id, const char *mark, uint64_t after_index)
{
	COMMAND(Mark, MARK, mark);

	body.call_id = e.call_id = call_id;
	body.fence = fence_of(s, call_id);
	body.mark = text(mark);
	body.after_index = after_index;
	return command(s, &e);
}

static int hello(struct tipring_server *s)
{
	COMMAND(Hello, HELLO, hello);

	body.name = s->name;
	body.protocol_min = body.protocol_max = PROTOCOL;
	body.instance = s->prefix;
	e.command_id = text(HELLO_ID);
	return send_plain(s, &e);
}

static int ping(struct tipring_server *s)
{
	COMMAND(Ping, PING, ping);

	return send_plain(s, &e);
}

static int enroll(struct tipring_server *s)
{
	COMMAND(Register, REGISTER, register_);
	int err;

	body.app = s->app;
	body.capacity = s->capacity;
	err = command(s, &e);
	if (err == 0)
		s->enroll_number = s->numbers;
	return err;
}

/* Events may be lost while control is away: what does it know of our calls? A page at a time, the first is after 0. */
static int compare(struct tipring_server *s, uint64_t after)
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

/* ---- events ---- */

static struct tipring_event *produce(struct tipring_server *s, enum tipring_event_kind kind, uint64_t call_id)
{
	struct tipring_event *e;

	if (s->queue_n == EVENTS_MAX)
		return NULL; /* can not happen: the queue is emptied before the next message is read */
	e = &s->queue[s->queue_n++];
	*e = (struct tipring_event){.kind = kind, .call_id = call_id, .fence = fence_of(s, call_id)};
	return e;
}

static void set_text(char *to, size_t cap, const char *from)
{
	snprintf(to, cap, "%s", from != NULL ? from : "");
}

/* The call and what was asked about it: whatever still comes is about a call its owner has let go of. True: there was something. */
static bool forget(struct tipring_server *s, uint64_t call_id)
{
	struct owned *o = call_id != 0 ? owned(s, call_id) : NULL;
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

static bool is_gone(struct tipring_server *s, uint64_t call_id)
{
	return call_id != 0 && owned(s, call_id) == NULL;
}

static void on_welcome(struct tipring_server *s, const envelope *m)
{
	if (s->epoch != 0)
		s->compare_at_ms = clock_ms() + REPORT_MS;
	s->welcome = true;
	s->refused = false;
	s->enrolled = false;
	s->epoch = m->welcome->control_epoch;
}

static void on_pong(struct tipring_server *s, const envelope *m)
{
	if (s->welcome && m->pong->control_epoch != s->epoch) {
		s->welcome = false; /* another control: introduce ourselves again, now */
		s->ping_at_ms = 0;
	}
}

static void on_offer(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__CallInfo *c = m->offer->call;
	struct tipring_event *e;

	if (c == NULL || c->call_id == 0)
		return;
	if (owned(s, c->call_id) != NULL) {
		e = produce(s, TIPRING_EV_LOST, c->call_id);
		if (e != NULL)
			set_text(e->text, sizeof e->text, "offered again: this backend was taken for lost");
		(void)forget(s, c->call_id);
	}
	e = produce(s, TIPRING_EV_OFFER, c->call_id);
	if (e == NULL)
		return;
	set_text(e->from, sizeof e->from, c->from_uri);
	set_text(e->to, sizeof e->to, c->request_uri);
}

static struct command *acknowledged(struct tipring_server *s, const char *id)
{
	uint64_t prefix, number;

	if (sscanf(id, "%" SCNx64 "-%" SCNu64, &prefix, &number) != 2 || prefix != s->prefix || number == 0)
		return NULL;
	for (uint32_t i = 0; i < COMMANDS_MAX; i++)
		if (s->pending[i].number == number)
			return &s->pending[i];
	return NULL;
}

static void on_refused(struct tipring_server *s, const Tipring__V1__Ack *a, uint64_t call_id)
{
	struct tipring_event *e = produce(s, TIPRING_EV_FAILED, call_id);

	if (e == NULL)
		return;
	e->code = (uint32_t)a->code;
	set_text(e->text, sizeof e->text, a->reason);
}

/* A mark that is not taken is dropped: it resolves like every other. */
static void on_mark_refused(struct tipring_server *s, const struct command *c)
{
	struct tipring_event *e = produce(s, TIPRING_EV_MARK, c->call_id);

	if (e != NULL)
		set_text(e->text, sizeof e->text, c->mark);
}

/* Hello is said again and again; that it is refused is told once. */
static void on_hello_refused(struct tipring_server *s, const Tipring__V1__Ack *a)
{
	if (!s->refused)
		on_refused(s, a, 0);
	s->refused = true;
}

static void on_claimed(struct tipring_server *s, uint64_t call_id, uint64_t fence)
{
	struct owned *o = owned(s, call_id);

	if (o == NULL)
		o = owned(s, 0);
	if (o == NULL)
		return;
	*o = (struct owned){call_id, fence, true};
	(void)produce(s, TIPRING_EV_CLAIMED, call_id);
}

static void take_rows(struct tipring_server *s, const Tipring__V1__Ack *a)
{
	for (size_t i = 0; i < a->n_calls; i++) {
		struct owned *o = a->calls[i]->call_id != 0 ? owned(s, a->calls[i]->call_id) : NULL;

		if (o != NULL)
			o->seen = strcmp(a->calls[i]->backend, s->name) == 0;
	}
}

static void on_ack(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__Ack *a = m->ack;
	struct command *c = acknowledged(s, a->command_id);

	if (strcmp(a->command_id, HELLO_ID) == 0)
		on_hello_refused(s, a);
	if (c == NULL)
		return;
	if (c->number == s->compare_number) {
		take_rows(s, a);
		c->number = 0;
		if (a->next == 0)
			s->sweep_at = 0;
		else if (compare(s, a->next) != 0)
			s->compare_at_ms = 1; /* from the beginning, at once */
		return;
	} else if (a->code != TIPRING__V1__RESULT_CODE__OK && a->code != TIPRING__V1__RESULT_CODE__ACCEPTED &&
		   a->code != TIPRING__V1__RESULT_CODE__DUPLICATE) {
		if (c->mark[0] != '\0')
			on_mark_refused(s, c);
		else
			on_refused(s, a, c->call_id);
	} else if (c->number == s->enroll_number) {
		(void)produce(s, TIPRING_EV_REGISTERED, 0);
	} else if (a->fence != 0 && c->call_id != 0) {
		on_claimed(s, c->call_id, a->fence);
	}
	c->number = 0;
}

static void on_media_ready(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__MediaReady *r = m->media_ready;
	struct tipring_event *e = is_gone(s, r->call_id) ? NULL : produce(s, TIPRING_EV_MEDIA_READY, r->call_id);

	if (e == NULL)
		return;
	e->tape_id = r->tape_id;
	e->rate_hz = r->rate_hz;
	e->frame_ms = r->frame_ms;
	set_text(e->attach_path, sizeof e->attach_path, r->attach_path);
}

static void set_played(struct tipring_event *e, const Tipring__V1__UtterancePlayed *u)
{
	e->utterance = u->utterance;
	e->played_ms = u->played_ms;
	e->discarded_ms = u->discarded_ms;
	e->played_samples = u->played_samples;
	e->discarded_samples = u->discarded_samples;
}

static void on_failed(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = is_gone(s, m->call_id) ? NULL : produce(s, TIPRING_EV_FAILED, m->call_id);

	if (e == NULL)
		return;
	e->code = (uint32_t)m->command_failed->code;
	set_text(e->text, sizeof e->text, m->command_failed->reason);
}

static void on_completed(struct tipring_server *s, const envelope *m)
{
	const Tipring__V1__SessionFlushed *f = m->command_completed->flushed;
	struct tipring_event *e = f == NULL || is_gone(s, m->call_id) ? NULL : produce(s, TIPRING_EV_FLUSHED, m->call_id);

	if (e == NULL)
		return;
	e->pos = f->pos;
	if (f->n_utterances > 0) /* the one that was being spoken; the others are told by UTTERANCE events */
		set_played(e, f->utterances[0]);
}

static void on_lost(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = produce(s, TIPRING_EV_LOST, m->lease_lost->call_id);

	if (e != NULL)
		set_text(e->text, sizeof e->text, m->lease_lost->reason);
	(void)forget(s, m->lease_lost->call_id);
}

static void on_answered(struct tipring_server *s, const envelope *m)
{
	(void)produce(s, TIPRING_EV_ANSWERED, m->call_id);
}

static void on_ended(struct tipring_server *s, const envelope *m)
{
	/* the answer to our Claim may still be on its way */
	struct tipring_event *e = forget(s, m->call_id) ? produce(s, TIPRING_EV_ENDED, m->call_id) : NULL;

	if (e != NULL) {
		e->code = m->call_ended->sip_code;
		set_text(e->text, sizeof e->text, m->call_ended->reason);
	}
}

static void on_dtmf(struct tipring_server *s, const envelope *m)
{
	struct tipring_event *e = produce(s, TIPRING_EV_DTMF, m->call_id);

	if (e == NULL)
		return;
	e->pos = m->dtmf_received->pos;
	e->duration_ms = m->dtmf_received->duration_ms;
	set_text(e->text, sizeof e->text, m->dtmf_received->digit);
}

static void on_utterance(struct tipring_server *s, const envelope *m)
{
	bool finished = m->body_case == TIPRING__V1__ENVELOPE__BODY_UTTERANCE_FINISHED;
	struct tipring_event *e = produce(s, TIPRING_EV_UTTERANCE, m->call_id);

	if (e == NULL)
		return;
	e->code = finished;
	if (!finished) {
		e->utterance = m->utterance_started->utterance;
		e->pos = m->utterance_started->pos;
	} else if (m->utterance_finished->played != NULL) {
		set_played(e, m->utterance_finished->played);
		e->pos = m->utterance_finished->pos;
	}
}

static void on_mark(struct tipring_server *s, const envelope *m)
{
	bool reached = m->body_case == TIPRING__V1__ENVELOPE__BODY_MARK_REACHED;
	struct tipring_event *e = produce(s, TIPRING_EV_MARK, m->call_id);

	if (e == NULL)
		return;
	e->code = reached;
	e->pos = reached ? m->mark_reached->pos : 0;
	set_text(e->text, sizeof e->text, reached ? m->mark_reached->mark : m->mark_dropped->mark);
}

static void on_heartbeat(struct tipring_server *s, const envelope *m)
{
	s->heartbeat = true;
	if (s->welcome && m->epoch != s->epoch) {
		s->welcome = false; /* another control: introduce ourselves again, now */
		s->ping_at_ms = 0;
	}
}

/* How a message comes: everybody's calls are on the events socket, and ours are picked. */
enum way {
	DIRECT,       /* to us alone */
	PUBLISHED,    /* ours when we own its call */
	PUBLISHED_ANY /* the handler tells */
};

static const struct {
	Tipring__V1__Envelope__BodyCase body;
	enum way way;
	void (*handle)(struct tipring_server *s, const envelope *m);
} rules[] = {
	/* clang-format off */
	{TIPRING__V1__ENVELOPE__BODY_WELCOME,            DIRECT,        on_welcome},
	{TIPRING__V1__ENVELOPE__BODY_PONG,               DIRECT,        on_pong},
	{TIPRING__V1__ENVELOPE__BODY_OFFER,              DIRECT,        on_offer},
	{TIPRING__V1__ENVELOPE__BODY_ACK,                DIRECT,        on_ack},
	{TIPRING__V1__ENVELOPE__BODY_MEDIA_READY,        DIRECT,        on_media_ready},
	{TIPRING__V1__ENVELOPE__BODY_COMMAND_FAILED,     DIRECT,        on_failed},
	{TIPRING__V1__ENVELOPE__BODY_COMMAND_COMPLETED,  DIRECT,        on_completed},
	{TIPRING__V1__ENVELOPE__BODY_LEASE_LOST,         DIRECT,        on_lost},
	{TIPRING__V1__ENVELOPE__BODY_CALL_ANSWERED,      PUBLISHED,     on_answered},
	{TIPRING__V1__ENVELOPE__BODY_CALL_ENDED,         PUBLISHED_ANY, on_ended},
	{TIPRING__V1__ENVELOPE__BODY_DTMF_RECEIVED,      PUBLISHED,     on_dtmf},
	{TIPRING__V1__ENVELOPE__BODY_UTTERANCE_STARTED,  PUBLISHED,     on_utterance},
	{TIPRING__V1__ENVELOPE__BODY_UTTERANCE_FINISHED, PUBLISHED,     on_utterance},
	{TIPRING__V1__ENVELOPE__BODY_MARK_REACHED,       PUBLISHED,     on_mark},
	{TIPRING__V1__ENVELOPE__BODY_MARK_DROPPED,       PUBLISHED,     on_mark},
	{TIPRING__V1__ENVELOPE__BODY_HEARTBEAT,          PUBLISHED,     on_heartbeat},
	/* clang-format on */
};

static void dispatch(struct tipring_server *s, const envelope *m, bool published)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (rules[i].body != m->body_case || (rules[i].way != DIRECT) != published)
			continue;
		if (rules[i].way != PUBLISHED || m->call_id == 0 || owned(s, m->call_id) != NULL)
			rules[i].handle(s, m);
		return;
	}
}

/* One message of either socket; false when both are empty. */
static bool take_one(struct tipring_server *s, struct bus *from, bool published)
{
	struct bus_message m;
	envelope *e;

	if (bus_recv(from, &m) != 0)
		return false;
	if (!published)
		s->heard_ms = clock_ms();
	if (codec_unpack(&s->codec, m.p, m.n, &e) == 0)
		dispatch(s, e, published);
	return true;
}

/* ---- time ---- */

/* Nobody answers. What this side needs itself is asked for again; the rest is the user's to know. */
static void give_up(struct tipring_server *s, struct command *c)
{
	uint64_t number = c->number;
	struct tipring_event *e;

	c->number = 0;
	if (number == s->enroll_number) {
		s->enrolled = false;
		return;
	}
	if (number == s->compare_number) {
		s->compare_at_ms = c->again_ms;
		return;
	}
	e = produce(s, TIPRING_EV_FAILED, c->call_id);
	if (e != NULL)
		set_text(e->text, sizeof e->text, "control did not answer");
}

static void send_again(struct tipring_server *s, uint64_t now_ms)
{
	for (uint32_t i = 0; i < COMMANDS_MAX; i++) {
		struct command *c = &s->pending[i];

		if (c->number == 0 || now_ms < c->again_ms)
			continue;
		if (c->tries++ >= TRIES) {
			give_up(s, c);
			return;
		}
		c->again_ms = now_ms + ANSWER_MS;
		(void)!bus_send(s->commands, (struct str){NULL, 0}, c->bytes, c->n);
	}
}

static void keep_in_touch(struct tipring_server *s, uint64_t now_ms)
{
	if (now_ms >= s->ping_at_ms) {
		s->ping_at_ms = now_ms + (s->welcome ? PING_MS : PING_MS / 2);
		(void)!(s->welcome ? ping(s) : hello(s));
	}
	if (s->welcome && !s->enrolled && s->app[0] == '\0') {
		s->enrolled = true;
		(void)produce(s, TIPRING_EV_REGISTERED, 0);
	} else if (s->welcome && !s->enrolled && s->heartbeat) {
		s->enrolled = enroll(s) == 0;
	}
	if (s->compare_at_ms != 0 && now_ms >= s->compare_at_ms && compare(s, 0) == 0)
		s->compare_at_ms = 0;
	if (now_ms - s->heard_ms > DOWN_MS && !s->down)
		(void)produce(s, TIPRING_EV_DOWN, 0);
	s->down = now_ms - s->heard_ms > DOWN_MS;
}

/* Calls that control does not have as ours are over; as many as there is room to tell. */
static void sweep(struct tipring_server *s)
{
	for (; s->sweep_at < OWNED_MAX && s->queue_n < EVENTS_MAX / 2; s->sweep_at++) {
		struct owned *o = &s->owned[s->sweep_at];
		struct tipring_event *e = o->call_id != 0 && !o->seen ? produce(s, TIPRING_EV_ENDED, o->call_id) : NULL;

		if (e == NULL)
			continue;
		set_text(e->text, sizeof e->text, "it ended while control was away");
		*o = (struct owned){.call_id = 0};
	}
}

int tipring_next(struct tipring_server *s, struct tipring_event *ret)
{
	bool more = true;

	while (s->queue_at == s->queue_n && more) {
		s->queue_at = s->queue_n = 0;
		keep_in_touch(s, clock_ms());
		send_again(s, clock_ms());
		sweep(s);
		more = take_one(s, s->commands, false);
		more |= take_one(s, s->events, true);
	}
	if (s->queue_at == s->queue_n)
		return -EAGAIN;
	*ret = s->queue[s->queue_at++];
	return 0;
}
