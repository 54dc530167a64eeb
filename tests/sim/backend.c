/* backend.c - a backend that echoes what it hears, straight on the tape, and a watcher of events. Both speak the messages of
 * proto/ and know nothing else of control. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bus/codec.h"
#include "common/shm/tape.h"
#include "tests/sim/sim.h"

#define CALLS_MAX 128u
#define ENDS_MAX 512u
#define SIGHTS_MAX 4096u
#define COMMAND_RETRY_NS (800 * MS)

struct held_call {
	uint64_t id; /* 0 = free */
	uint64_t fence, tape_id;
	char sip_call_id[64];
	bool hangs_up, rejects;
	bool has_tape;
	struct tape_client tape;
	uint32_t epoch; /* counts uses of this row: late timers are void */
	uint64_t mark_at; /* tx slots */
	/* the command that is under way, said again until it is acknowledged */
	Tipring__V1__Envelope__BodyCase command;
	char command_id[32];
};

struct backend {
	const char *name;
	bool dead;
	struct bus *bus;
	struct codec codec;
	uint64_t instance;
	uint64_t control_epoch;
	uint64_t commands;
	struct held_call calls[CALLS_MAX];
	char marked[ENDS_MAX][64]; /* SIP Call-IDs of calls whose mark was acknowledged */
	uint32_t marked_n;
};

struct later { /* something about one call */
	struct backend *b;
	struct held_call *c;
	uint32_t epoch;
	Tipring__V1__Envelope__BodyCase command;
};

/* ---- sending ---- */

static void post(struct backend *b, const Tipring__V1__Envelope *e)
{
	const uint8_t *p;
	size_t n;

	if (codec_pack(&b->codec, e, &p, &n) != 0 || bus_send(b->bus, (struct str){"", 0}, p, n) != 0)
		world_wrong("%s can not send", b->name);
}

static void hello(struct backend *b)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Hello m = TIPRING__V1__HELLO__INIT;

	m.name = (char *)(uintptr_t)b->name;
	m.protocol_min = m.protocol_max = 1;
	m.instance = b->instance;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_HELLO;
	e.hello = &m;
	post(b, &e);
}

static void enlist(struct backend *b)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Register m = TIPRING__V1__REGISTER__INIT;
	char id[32];

	snprintf(id, sizeof id, "r%lu", (unsigned long)++b->commands);
	m.app = (char *)(uintptr_t)"echo";
	m.capacity = CALLS_MAX;
	e.command_id = id;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_REGISTER;
	e.register_ = &m;
	post(b, &e);
}

static void say_command(struct backend *b, const struct held_call *c)
{
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Claim claim = TIPRING__V1__CLAIM__INIT;
	Tipring__V1__Answer answer = TIPRING__V1__ANSWER__INIT;
	Tipring__V1__Reject reject = TIPRING__V1__REJECT__INIT;
	Tipring__V1__Hangup hangup = TIPRING__V1__HANGUP__INIT;
	Tipring__V1__Mark mark = TIPRING__V1__MARK__INIT;
	Tipring__V1__Flush flush = TIPRING__V1__FLUSH__INIT;

	claim.call_id = answer.call_id = reject.call_id = hangup.call_id = mark.call_id = flush.call_id = c->id;
	answer.fence = reject.fence = hangup.fence = mark.fence = flush.fence = c->fence;
	mark.mark = (char *)(uintptr_t)"m";
	mark.after_index = c->mark_at;
	answer.rate_hz = 8000;
	reject.code = 486;
	hangup.cause = (char *)(uintptr_t)"enough";
	e.command_id = (char *)(uintptr_t)c->command_id;
	e.body_case = c->command;
	if (c->command == TIPRING__V1__ENVELOPE__BODY_CLAIM)
		e.claim = &claim;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_ANSWER)
		e.answer = &answer;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_REJECT)
		e.reject = &reject;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_MARK)
		e.mark = &mark;
	else if (c->command == TIPRING__V1__ENVELOPE__BODY_FLUSH)
		e.flush = &flush;
	else
		e.hangup = &hangup;
	post(b, &e);
}

static void again(void *self)
{
	struct later *l = self;

	if (!l->b->dead && l->c->epoch == l->epoch && l->c->command == l->command && l->command != 0) {
		say_command(l->b, l->c);
		world_at(world.now_ns + COMMAND_RETRY_NS, again, l);
		return;
	}
	free(l);
}

static void command(struct backend *b, struct held_call *c, Tipring__V1__Envelope__BodyCase what)
{
	struct later *l = malloc(sizeof *l);

	c->command = what;
	snprintf(c->command_id, sizeof c->command_id, "c%lu", (unsigned long)++b->commands);
	*l = (struct later){b, c, c->epoch, what};
	again(l);
}

static void command_later(void *self)
{
	struct later *l = self;

	if (!l->b->dead && l->c->epoch == l->epoch && l->c->id != 0) {
		if (l->c->command != 0) { /* one at a time */
			world_at(world.now_ns + 5 * MS, command_later, l);
			return;
		}
		if (l->command == TIPRING__V1__ENVELOPE__BODY_MARK && l->c->has_tape)
			l->c->mark_at = l->c->tape.tx_head + world_below(20);
		command(l->b, l->c, l->command);
	}
	free(l);
}

static void plan(struct backend *b, struct held_call *c, Tipring__V1__Envelope__BodyCase what, uint64_t in_ns)
{
	struct later *l = malloc(sizeof *l);

	*l = (struct later){b, c, c->epoch, what};
	world_at(world.now_ns + in_ns, command_later, l);
}

/* ---- calls ---- */

static struct held_call *find(struct backend *b, uint64_t id)
{
	for (uint32_t i = 0; i < CALLS_MAX; i++)
		if (b->calls[i].id == id)
			return &b->calls[i];
	return NULL;
}

static void let_go(struct backend *b, struct held_call *c, const char *why)
{
	world_say(b->name, "lets go of %016lx: %s", (unsigned long)c->id, why);
	if (c->has_tape)
		tape_client_close(&c->tape);
	*c = (struct held_call){.epoch = c->epoch + 1};
}

static void echo(void *self)
{
	struct later *l = self;
	struct held_call *c = l->c;
	struct tape_frame f;
	int16_t pcm[TAPE_SAMPLES_MAX];

	if (l->b->dead || c->epoch != l->epoch || !c->has_tape) {
		free(l);
		return;
	}
	while (tape_client_read(&c->tape, &f, pcm) == 0) {
		f.utterance = 1;
		f.epoch = tape_client_epoch(&c->tape);
		f.end = false;
		if (tape_client_write(&c->tape, &f, pcm) != 0)
			break;
	}
	if (tape_client_closed(&c->tape)) {
		tape_client_close(&c->tape);
		c->has_tape = false;
	}
	world_at(world.now_ns + 3 * MS + world_below(MS), echo, l);
}

static void media_ready(struct backend *b, const Tipring__V1__MediaReady *m)
{
	struct held_call *c = find(b, m->call_id);
	struct later *l;
	int media, backend;

	if (c == NULL || c->has_tape)
		return;
	world_say(b->name, "the audio of %016lx is ready", (unsigned long)m->call_id);
	media = process_tape_fd(CUSTODY_TAPE_MEDIA, m->tape_id);
	backend = process_tape_fd(CUSTODY_TAPE_BACKEND, m->tape_id);
	if (media < 0 || backend < 0)
		return; /* over already */
	if (tape_client_open(media, backend, 100, &c->tape) != 0) {
		world_wrong("%s can not open tape %lx", b->name, (unsigned long)m->tape_id);
		return;
	}
	c->has_tape = true;
	l = malloc(sizeof *l);
	*l = (struct later){b, c, c->epoch, 0};
	echo(l);
	plan(b, c, TIPRING__V1__ENVELOPE__BODY_MARK, world_below(SECOND));
	if (world_chance(0.5))
		plan(b, c, TIPRING__V1__ENVELOPE__BODY_FLUSH, world_below(2 * SECOND));
	if (c->hangs_up)
		plan(b, c, TIPRING__V1__ENVELOPE__BODY_HANGUP, 300 * MS + world_below(5 * SECOND));
}

static void offered(struct backend *b, const Tipring__V1__Offer *m)
{
	struct held_call *c = find(b, m->call->call_id);

	if (c != NULL)
		return; /* said twice */
	c = find(b, 0);
	if (c == NULL)
		return;
	c->id = m->call->call_id;
	(void)!str_copy(c->sip_call_id, sizeof c->sip_call_id, str_of(m->call->sip_call_id));
	for (size_t i = 0; i < m->call->n_headers; i++) {
		c->hangs_up |= strcmp(m->call->headers[i]->value, "hangup") == 0;
		c->rejects |= strcmp(m->call->headers[i]->value, "reject") == 0;
	}
	command(b, c, TIPRING__V1__ENVELOPE__BODY_CLAIM);
}

static void acknowledged(struct backend *b, const Tipring__V1__Ack *m)
{
	struct held_call *c = NULL;
	bool good = m->code == TIPRING__V1__RESULT_CODE__OK || m->code == TIPRING__V1__RESULT_CODE__ACCEPTED ||
		    m->code == TIPRING__V1__RESULT_CODE__DUPLICATE;
	Tipring__V1__Envelope__BodyCase was;

	for (uint32_t i = 0; i < CALLS_MAX; i++)
		if (b->calls[i].id != 0 && strcmp(b->calls[i].command_id, m->command_id) == 0)
			c = &b->calls[i];
	if (c == NULL)
		return;
	was = c->command;
	c->command = TIPRING__V1__ENVELOPE__BODY__NOT_SET;
	world_say(b->name, "%s of body %d: code %d %s", m->command_id, was, m->code, m->reason);
	if (was == TIPRING__V1__ENVELOPE__BODY_MARK || was == TIPRING__V1__ENVELOPE__BODY_FLUSH) {
		if (good && was == TIPRING__V1__ENVELOPE__BODY_MARK && b->marked_n < ENDS_MAX)
			memcpy(b->marked[b->marked_n++], c->sip_call_id, sizeof c->sip_call_id);
	} else if (!good) {
		let_go(b, c, "refused");
	} else if (was == TIPRING__V1__ENVELOPE__BODY_CLAIM) {
		c->fence = m->fence;
		plan(b, c, c->rejects ? TIPRING__V1__ENVELOPE__BODY_REJECT : TIPRING__V1__ENVELOPE__BODY_ANSWER,
		     world_below(300 * MS));
	} else if (was == TIPRING__V1__ENVELOPE__BODY_REJECT || was == TIPRING__V1__ENVELOPE__BODY_HANGUP) {
		let_go(b, c, "ended by us");
	}
}

static void pong(struct backend *b, const Tipring__V1__Pong *m)
{
	if (m->control_epoch == b->control_epoch)
		return;
	b->control_epoch = m->control_epoch;
	hello(b);
	enlist(b);
}

static void take(void *self)
{
	struct backend *b = self;
	struct bus_message m;
	Tipring__V1__Envelope *e;
	struct held_call *c;

	while (bus_recv(b->bus, &m) == 0) {
		if (codec_unpack(&b->codec, m.p, m.n, &e) != 0) {
			world_wrong("%s got something that is no envelope", b->name);
			continue;
		}
		if (e->body_case == TIPRING__V1__ENVELOPE__BODY_WELCOME)
			b->control_epoch = e->welcome->control_epoch;
		else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_PONG)
			pong(b, e->pong);
		else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_OFFER)
			offered(b, e->offer);
		else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_ACK)
			acknowledged(b, e->ack);
		else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_MEDIA_READY)
			media_ready(b, e->media_ready);
		else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEASE_LOST && (c = find(b, e->lease_lost->call_id)) != NULL)
			let_go(b, c, "lease lost");
	}
}

static void ping(void *self)
{
	struct backend *b = self;
	Tipring__V1__Envelope e = TIPRING__V1__ENVELOPE__INIT;
	Tipring__V1__Ping m = TIPRING__V1__PING__INIT;

	if (b->dead)
		return;
	e.body_case = TIPRING__V1__ENVELOPE__BODY_PING;
	e.ping = &m;
	post(b, &e);
	/* a tape that was closed is a call that is over, whatever became of its events */
	for (uint32_t i = 0; i < CALLS_MAX; i++)
		if (b->calls[i].id != 0 && b->calls[i].tape.rate_hz != 0 && !b->calls[i].has_tape)
			let_go(b, &b->calls[i], "its tape is closed");
	world_at(world.now_ns + SECOND, ping, b);
}

struct backend *backend_new(const char *name)
{
	struct backend *b = calloc(1, sizeof *b);
	struct bus_config cfg = {.kind = BUS_DEALER, .endpoint = "ipc:///sim/commands.ipc", .identity = name};

	b->name = name;
	b->instance = 1 + world_below(UINT32_MAX);
	if (codec_init(&b->codec) != 0 || bus_open(&cfg, &b->bus) != 0)
		exit(2);
	bus_on_message(b->bus, take, b);
	hello(b);
	enlist(b);
	ping(b);
	return b;
}

void backend_kill(struct backend *b)
{
	world_say(b->name, "is dead");
	b->dead = true;
	bus_close(b->bus);
	for (uint32_t i = 0; i < CALLS_MAX; i++)
		if (b->calls[i].id != 0)
			let_go(b, &b->calls[i], "it died");
}

uint32_t backend_open_calls(const struct backend *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < CALLS_MAX; i++)
		n += b->calls[i].id != 0;
	return n;
}

const char *backend_marked(const struct backend *b, uint32_t i)
{
	return i < b->marked_n ? b->marked[i] : NULL;
}

/* ---- events ---- */

struct sight {
	enum seen what;
	char sip_call_id[64];
};

struct watcher {
	struct bus *bus;
	struct codec codec;
	uint64_t epoch, seq, gaps;
	struct sight v[SIGHTS_MAX];
	uint32_t n;
};

static enum seen sight_of(const Tipring__V1__Envelope *e)
{
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_CALL_ENDED)
		return SEEN_END;
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_DTMF_RECEIVED)
		return SEEN_DIGIT;
	if (e->body_case == TIPRING__V1__ENVELOPE__BODY_MARK_REACHED || e->body_case == TIPRING__V1__ENVELOPE__BODY_MARK_DROPPED)
		return SEEN_MARK;
	return SEEN_OTHER;
}

/* The end is the last that is said about a call. A control that died may have said it without noting it down. */
static void expect_not_over(const struct watcher *w, const Tipring__V1__Envelope *e)
{
	if (e->call_id != 0 && w->epoch == e->epoch && watcher_saw(w, SEEN_END, e->sip_call_id) > 0)
		world_wrong("%s: event %d after its end", e->sip_call_id, (int)e->body_case);
}

static void see(void *self)
{
	struct watcher *w = self;
	struct bus_message m;
	Tipring__V1__Envelope *e;

	while (bus_recv(w->bus, &m) == 0) {
		if (codec_unpack(&w->codec, m.p, m.n, &e) != 0) {
			world_wrong("an event is no envelope");
			continue;
		}
		if (e->body_case != TIPRING__V1__ENVELOPE__BODY_HEARTBEAT && w->epoch == e->epoch && e->seq != w->seq + 1)
			w->gaps += e->seq - w->seq - 1;
		if (e->body_case != TIPRING__V1__ENVELOPE__BODY_HEARTBEAT || w->epoch != e->epoch)
			w->seq = e->seq;
		w->epoch = e->epoch;
		expect_not_over(w, e);
		if (sight_of(e) == SEEN_OTHER || w->n == SIGHTS_MAX)
			continue;
		w->v[w->n].what = sight_of(e);
		(void)!str_copy(w->v[w->n++].sip_call_id, sizeof w->v[0].sip_call_id, str_of(e->sip_call_id));
	}
}

struct watcher *watcher_new(void)
{
	struct watcher *w = calloc(1, sizeof *w);
	struct bus_config cfg = {.kind = BUS_SUB, .endpoint = "ipc:///sim/events.ipc"};

	if (codec_init(&w->codec) != 0 || bus_open(&cfg, &w->bus) != 0 || bus_subscribe(w->bus, STR("e1/")) != 0)
		exit(2);
	bus_on_message(w->bus, see, w);
	return w;
}

uint32_t watcher_saw(const struct watcher *w, enum seen what, const char *sip_call_id)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->n; i++)
		n += w->v[i].what == what && strcmp(w->v[i].sip_call_id, sip_call_id) == 0;
	return n;
}

uint64_t watcher_gaps(const struct watcher *w)
{
	return w->gaps;
}
