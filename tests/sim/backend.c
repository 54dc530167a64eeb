/* backend.c - a backend that echoes what it hears, straight on the tape. It speaks the messages of proto/ and knows nothing else
 * of control. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/backend.h"

#define FRAMES_OF_UTTERANCE 30u
#define COMMAND_RETRY_NS (800 * MS)
#define BACKENDS_MAX 4u
#define DIAL_MAX_NS (20 * SECOND) /* it rings for 4 s */

static struct backend *backends[BACKENDS_MAX];
static uint32_t backend_n;

struct later { /* something about one call */
	struct backend *b;
	struct held_call *c;
	uint32_t epoch;
	Tipring__V1__Envelope__BodyCase command;
};

/* ---- sending ---- */

void backend_post(struct backend *b, const Tipring__V1__Envelope *e)
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
	backend_post(b, &e);
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
	backend_post(b, &e);
}

/* A Dial with the memory it points to. */
static void again(void *self)
{
	struct later *l = self;

	if (!l->b->dead && l->c->epoch == l->epoch && l->c->command == l->command && l->command != 0) {
		backend_say(l->b, l->c);
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

struct held_call *backend_find(struct backend *b, uint64_t id)
{
	for (uint32_t i = 0; i < CALLS_MAX; i++)
		if (b->calls[i].id == id)
			return &b->calls[i];
	return NULL;
}

/* Who accepted a REFER is told of the new call by the Ack, which is waited for even when the call of the REFER is over. */
static void let_go(struct backend *b, struct held_call *c, const char *why)
{
	if (c->has_tape)
		tape_client_close(&c->tape);
	c->has_tape = false;
	if (c->command == TIPRING__V1__ENVELOPE__BODY_ACCEPT_REFER && !b->dead) {
		c->gone = why;
		return;
	}
	world_say(b->name, "lets go of %016lx: %s", (unsigned long)c->id, why);
	*c = (struct held_call){.epoch = c->epoch + 1};
}

/* What is heard is said again, as utterances of some frames each; a flush ends one. */
static void speak(struct held_call *c, struct tape_frame *f)
{
	f->epoch = tape_client_epoch(&c->tape);
	if (c->utterance == 0 || c->in_utterance == FRAMES_OF_UTTERANCE || f->epoch != c->said_epoch) {
		c->utterance++;
		c->in_utterance = 0;
	}
	c->said_epoch = f->epoch;
	f->utterance = c->utterance;
	f->end = ++c->in_utterance == FRAMES_OF_UTTERANCE;
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
		ledger_heard_frame(c->ledger, &c->tape, &f);
		if (c->meets)
			continue; /* what its caller hears are others */
		speak(c, &f);
		if (tape_client_write(&c->tape, &f, pcm) != 0)
			break;
		ledger_wrote(c->ledger, &f);
	}
	while (tape_client_read_sent(&c->tape, &f, pcm) == 0)
		ledger_sent_frame(c->ledger, &f);
	if (tape_client_closed(&c->tape)) {
		tape_client_close(&c->tape);
		c->has_tape = false;
	}
	world_at(world.now_ns + 3 * MS + world_below(MS), echo, l);
}

/* A command that was accepted is completed or fails, once. */
static void note_command(struct backend *b, const char *id, const struct held_call *accepted)
{
	uint32_t i = 0;

	while (i < b->accepted_n && strcmp(b->accepted[i].id, id) != 0)
		i++;
	if (i == ACCEPTED_MAX)
		exit(2);
	if (i == b->accepted_n) {
		b->accepted_n++;
		(void)!str_copy(b->accepted[i].id, sizeof b->accepted[i].id, str_of(id));
	}
	if (accepted == NULL) {
		if (b->accepted[i].told++ > 0 && world.kills_of[ROLE_CONTROL] == 0)
			world_wrong("%s: %s is told to be over again", b->name, id);
		return;
	}
	b->accepted[i].accepted = true;
	b->accepted[i].what = accepted->command;
	memcpy(b->accepted[i].sip_call_id, accepted->sip_call_id, sizeof b->accepted[i].sip_call_id);
}

void backend_judge(const struct backend *b)
{
	for (uint32_t i = 0; i < b->accepted_n && !b->dead && world.kills_of[ROLE_CONTROL] == 0; i++)
		if (b->accepted[i].accepted && b->accepted[i].told == 0)
			world_wrong("%s: %s of body %d was accepted and is never over, call %s", b->name, b->accepted[i].id,
				    b->accepted[i].what, b->accepted[i].sip_call_id);
}

static bool is_change(Tipring__V1__Envelope__BodyCase what)
{
	return what == TIPRING__V1__ENVELOPE__BODY_HOLD || what == TIPRING__V1__ENVELOPE__BODY_UNHOLD ||
	       what == TIPRING__V1__ENVELOPE__BODY_RENEGOTIATE || what == TIPRING__V1__ENVELOPE__BODY_BRIDGE ||
	       what == TIPRING__V1__ENVELOPE__BODY_LEAVE || what == TIPRING__V1__ENVELOPE__BODY_MUTE ||
	       what == TIPRING__V1__ENVELOPE__BODY_SEND_INFO || what == TIPRING__V1__ENVELOPE__BODY_REFER ||
	       what == TIPRING__V1__ENVELOPE__BODY_SET_LEVELS || what == TIPRING__V1__ENVELOPE__BODY_PAUSE ||
	       what == TIPRING__V1__ENVELOPE__BODY_RESUME ||
	       what == TIPRING__V1__ENVELOPE__BODY_ACCEPT_REFER || what == TIPRING__V1__ENVELOPE__BODY_REJECT_REFER;
}

static void plan_changes(struct backend *b, struct held_call *c)
{
	static const Tipring__V1__Envelope__BodyCase some[] = {
		TIPRING__V1__ENVELOPE__BODY_HOLD, TIPRING__V1__ENVELOPE__BODY_UNHOLD, TIPRING__V1__ENVELOPE__BODY_RENEGOTIATE,
		TIPRING__V1__ENVELOPE__BODY_SEND_INFO, TIPRING__V1__ENVELOPE__BODY_REFER,
	};

	for (uint32_t n = world_chance(0.5) ? 1 + (uint32_t)world_below(4) : 0; n > 0; n--)
		plan(b, c, some[world_below(sizeof some / sizeof some[0])],
		     world_beat(world.now_ns + world_below(4000) * MS) - world.now_ns);
}

/* Both callers are there: they hear each other from now on, as a rule to the end. */
static void plan_meeting(struct backend *b, struct held_call *c)
{
	for (uint32_t i = 0; i < CALLS_MAX; i++) {
		struct held_call *other = &b->calls[i];

		if (other == c || other->id == 0 || !other->meets || !other->has_tape)
			continue;
		c->other = other->id;
		plan(b, c, TIPRING__V1__ENVELOPE__BODY_BRIDGE, world_beat(world.now_ns + world_below(500) * MS) - world.now_ns);
		if (world_chance(0.2))
			plan(b, c, world_chance(0.5) ? TIPRING__V1__ENVELOPE__BODY_LEAVE : TIPRING__V1__ENVELOPE__BODY_MUTE, SECOND + world_below(4 * SECOND));
	}
}

static void plan_mouth(struct backend *b, struct held_call *c)
{
	uint64_t at = world_below(2 * SECOND);

	if (world_chance(0.5))
		plan(b, c, TIPRING__V1__ENVELOPE__BODY_SET_LEVELS, world_below(SECOND));
	if (!world_chance(0.3))
		return;
	c->ledger->paused = true;
	plan(b, c, TIPRING__V1__ENVELOPE__BODY_PAUSE, at);
	plan(b, c, TIPRING__V1__ENVELOPE__BODY_RESUME, at + world_below(SECOND));
}

/* Who was called tells the Call-ID: a backend that dials does not ask for it. */
static void learn_call_id(struct held_call *c)
{
	if (c->dialled)
		(void)!str_copy(c->sip_call_id, sizeof c->sip_call_id, str_of(callee_call_id(c->phone)));
}

static void media_ready(struct backend *b, const Tipring__V1__MediaReady *m)
{
	struct held_call *c = backend_find(b, m->call_id);
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
	learn_call_id(c);
	c->ledger = ledger_of(c->sip_call_id);
	c->ledger->start_ns = m->start_mono_ns;
	c->utterance = ledger_next_owner(c->ledger);
	c->in_utterance = FRAMES_OF_UTTERANCE;
	l = malloc(sizeof *l);
	*l = (struct later){b, c, c->epoch, 0};
	echo(l);
	if (c->meets)
		plan_meeting(b, c);
	else
		plan_changes(b, c);
	plan(b, c, TIPRING__V1__ENVELOPE__BODY_MARK, world_below(SECOND));
	plan_mouth(b, c);
	if (world_chance(0.5))
		plan(b, c, TIPRING__V1__ENVELOPE__BODY_FLUSH, world_below(2 * SECOND));
	c->parts = world_chance(0.4);
	if (c->hangs_up)
		plan(b, c, TIPRING__V1__ENVELOPE__BODY_HANGUP, world_beat(world.now_ns + (c->early ? SECOND : 300 * MS) + world_below(5 * SECOND)) - world.now_ns);
}

static void offered(struct backend *b, const Tipring__V1__Offer *m)
{
	struct held_call *c = backend_find(b, m->call->call_id);

	if (c != NULL)
		return; /* said twice */
	c = backend_find(b, 0);
	if (c == NULL)
		return;
	c->id = m->call->call_id;
	(void)!str_copy(c->sip_call_id, sizeof c->sip_call_id, str_of(m->call->sip_call_id));
	for (size_t i = 0; i < m->call->n_headers; i++) {
		c->hangs_up |= strcmp(m->call->headers[i]->value, "hangup") == 0;
		c->rejects |= strcmp(m->call->headers[i]->value, "reject") == 0;
		c->early |= strcmp(m->call->headers[i]->value, "early") == 0;
		c->meets |= strcmp(m->call->headers[i]->value, "bridge") == 0;
	}
	command(b, c, TIPRING__V1__ENVELOPE__BODY_CLAIM);
}

/* The peer wants to be somewhere else: yes, no, or no answer. */
static void referred(struct backend *b, uint64_t call_id, uint32_t refer_id, const char *target)
{
	struct held_call *c = backend_find(b, call_id);
	uint64_t dice = world_below(10);

	if (c == NULL || c->fence == 0 || dice < 2)
		return;
	c->refer_id = refer_id;
	c->refer_phone = (uint32_t)atoi(target + strcspn(target, "t") + 1);
	plan(b, c, dice < 4 ? TIPRING__V1__ENVELOPE__BODY_REJECT_REFER : TIPRING__V1__ENVELOPE__BODY_ACCEPT_REFER,
	     world_below(1500) * MS);
}

void backends_referred(uint64_t call_id, uint32_t refer_id, const char *target)
{
	for (uint32_t i = 0; i < backend_n; i++)
		if (!backends[i]->dead)
			referred(backends[i], call_id, refer_id, target);
}

/* It is a call of ours like those of a Dial. */
static void transferred(struct backend *b, const struct held_call *from, const Tipring__V1__Ack *m)
{
	struct held_call *c = backend_find(b, m->call_id);

	if (c == NULL)
		c = backend_find(b, 0);
	if (c == NULL || c->id != 0)
		return;
	c->id = m->call_id;
	c->fence = m->fence;
	c->dialled = c->hangs_up = true;
	c->phone = from->refer_phone;
	memcpy(c->dial_id, m->command_id, strlen(m->command_id) + 1);
	c->accepted_ns = world.now_ns;
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
	if (c == NULL || c->command == 0) /* it was said twice */
		return;
	was = c->command;
	if (m->code == TIPRING__V1__RESULT_CODE__ACCEPTED)
		note_command(b, m->command_id, c);
	c->command = TIPRING__V1__ENVELOPE__BODY__NOT_SET;
	world_say(b->name, "%s of body %d: code %d %s", m->command_id, was, m->code, m->reason);
	if (was == TIPRING__V1__ENVELOPE__BODY_MARK || was == TIPRING__V1__ENVELOPE__BODY_FLUSH) {
		if (good && was == TIPRING__V1__ENVELOPE__BODY_MARK && b->marked_n < ENDS_MAX)
			memcpy(b->marked[b->marked_n++], c->sip_call_id, sizeof c->sip_call_id);
	} else if (was == TIPRING__V1__ENVELOPE__BODY_CANCEL) {
		if (good || m->code == TIPRING__V1__RESULT_CODE__NOT_FOUND)
			let_go(b, c, "cancelled by us"); /* else it was answered before */
	} else if (was == TIPRING__V1__ENVELOPE__BODY_RING) { /* refused where it was answered before */
		plan(b, c, c->rejects ? TIPRING__V1__ENVELOPE__BODY_REJECT : TIPRING__V1__ENVELOPE__BODY_ANSWER,
		     world_below(200 * MS));
	} else if (was == TIPRING__V1__ENVELOPE__BODY_ACCEPT_REFER) {
		if (good && m->call_id != 0)
			transferred(b, c, m);
		if (c->gone != NULL)
			let_go(b, c, c->gone);
	} else if (was == TIPRING__V1__ENVELOPE__BODY_LEAVE) {
		if (good && c->ledger != NULL)
			ledger_hushed(c->ledger); /* the event may be said to a control that nobody hears yet */
	} else if (is_change(was)) { /* refused: another one is under way, or the call is over */
	} else if (!good) {
		let_go(b, c, "refused");
	} else if (was == TIPRING__V1__ENVELOPE__BODY_DIAL) {
		c->id = m->call_id;
		c->fence = m->fence;
		c->accepted_ns = world.now_ns;
		if (c->cancels)
			plan(b, c, TIPRING__V1__ENVELOPE__BODY_CANCEL, world_below(SECOND));
	} else if (was == TIPRING__V1__ENVELOPE__BODY_CLAIM) {
		c->fence = m->fence;
		if (c->early) {
			plan(b, c, TIPRING__V1__ENVELOPE__BODY_RING, world_below(100 * MS));
			return;
		}
		plan(b, c, c->rejects ? TIPRING__V1__ENVELOPE__BODY_REJECT : TIPRING__V1__ENVELOPE__BODY_ANSWER,
		     world_below(300 * MS));
	} else if (was == TIPRING__V1__ENVELOPE__BODY_HANGUP && c->parts) {
		memcpy(c->part_id, m->command_id, strlen(m->command_id) + 1);
	} else if (was == TIPRING__V1__ENVELOPE__BODY_REJECT || was == TIPRING__V1__ENVELOPE__BODY_HANGUP) {
		let_go(b, c, "ended by us");
	}
}

/* How a Dial went. */
static void dialled(struct backend *b, const char *command_id, bool answered)
{
	for (uint32_t i = 0; i < CALLS_MAX; i++) {
		struct held_call *c = &b->calls[i];

		if (c->id == 0 || !c->dialled || strcmp(c->dial_id, command_id) != 0)
			continue;
		world_say(b->name, "phone %u: %s", c->phone, answered ? "answered" : "failed");
		c->accepted_ns = 0;
		if (!answered)
			let_go(b, c, "not reached");
	}
}

/* The hang-up that waited. */
static void parted(struct backend *b, const char *command_id)
{
	for (uint32_t i = 0; i < CALLS_MAX; i++)
		if (b->calls[i].id != 0 && strcmp(b->calls[i].part_id, command_id) == 0)
			let_go(b, &b->calls[i], "ended by us when all was heard");
}

static void told(struct backend *b, const char *command_id, bool good)
{
	if (good)
		parted(b, command_id);
	world_say(b->name, "%s %s", command_id, good ? "is completed" : "has failed");
	note_command(b, command_id, NULL);
	dialled(b, command_id, good);
}

static void pong(struct backend *b, const Tipring__V1__Pong *m)
{
	if (m->control_epoch == b->control_epoch && m->control_epoch != 0) /* 0: it does not know us; a hello may die with who got it */
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
		else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_COMMAND_COMPLETED)
			told(b, e->command_completed->command_id, true);
		else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_COMMAND_FAILED)
			told(b, e->command_failed->command_id, false);
		else if (e->body_case == TIPRING__V1__ENVELOPE__BODY_LEASE_LOST && (c = backend_find(b, e->lease_lost->call_id)) != NULL)
			let_go(b, c, "lease lost");
	}
}

/* An accepted Dial is completed or fails, unless control died on it before a leg knew of the call. */
static void expect_news(struct backend *b, struct held_call *c)
{
	if (c->accepted_ns == 0 || world.now_ns < c->accepted_ns + DIAL_MAX_NS)
		return;
	if (world.kills_of[ROLE_CONTROL] == 0)
		world_wrong("%s never heard how its call of phone %u went", b->name, c->phone);
	let_go(b, c, "nothing is heard of it");
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
	backend_post(b, &e);
	/* a tape that was closed is a call that is over, whatever became of its events */
	for (uint32_t i = 0; i < CALLS_MAX; i++)
		if (b->calls[i].id != 0 && b->calls[i].gone == NULL && b->calls[i].tape.rate_hz != 0 && !b->calls[i].has_tape)
			let_go(b, &b->calls[i], "its tape is closed");
	for (uint32_t i = 0; i < CALLS_MAX; i++)
		expect_news(b, &b->calls[i]);
	world_at(world.now_ns + SECOND, ping, b);
}

struct backend *backend_new(const char *name)
{
	struct backend *b = calloc(1, sizeof *b);
	struct bus_config cfg = {.kind = BUS_DEALER, .endpoint = "ipc:///sim/commands.ipc", .identity = name};

	if (backend_n == BACKENDS_MAX)
		exit(2);
	backends[backend_n++] = b;
	b->name = name;
	b->instance = 1 + world_below(UINT32_MAX);
	b->commands = world.now_ns / MS * 1000; /* no id of a process before it under this name */
	if (codec_init(&b->codec) != 0 || bus_open(&cfg, &b->bus) != 0)
		exit(2);
	bus_on_message(b->bus, take, b);
	hello(b);
	enlist(b);
	ping(b);
	return b;
}

struct dialling {
	struct backend *b;
	uint32_t phone;
};

static void dial_now(void *self)
{
	struct dialling *d = self;
	struct held_call *c = d->b->dead ? NULL : backend_find(d->b, 0);

	if (c != NULL) {
		c->id = UINT64_MAX - d->phone; /* until control has given it one */
		c->dialled = true;
		c->phone = d->phone;
		c->cancels = world_chance(0.15);
		c->hangs_up = true;
		command(d->b, c, TIPRING__V1__ENVELOPE__BODY_DIAL);
		memcpy(c->dial_id, c->command_id, sizeof c->dial_id);
	}
	free(d);
}

void backend_dial(struct backend *b, uint32_t phone, uint64_t at_ns)
{
	struct dialling *d = malloc(sizeof *d);

	*d = (struct dialling){b, phone};
	world_at(at_ns, dial_now, d);
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
