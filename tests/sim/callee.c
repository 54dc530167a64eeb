/* callee.c - SIP phones that the daemons call: they ring, answer or do not, talk, and hang up or are hung up on. Text in, text out;
 * shares no code with the stack that calls them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/midcall.h"

#define T1 (500 * MS)
#define T2 (4 * SECOND)
#define GIVE_UP (32 * SECOND)
#define RINGING_MAX (100 * SECOND)
#define TALK_MAX (120 * SECOND)

enum state {
	IDLE,
	RINGING,
	ANSWERED, /* the 200 has no ACK yet */
	UP,
	LEAVING, /* our BYE is out */
	REFUSED, /* the refusal has no ACK yet */
	OVER
};

struct callee {
	char name[16], call_id[64], branch[64], invite[8192], last[2048], bye[2048];
	enum state state;
	enum callee_plan plan;
	bool reliable, early, updates;
	bool timed, refreshes; /* the session timer */
	uint32_t rseq, answers_acked;
	int refusal; /* code; 0 = none */
	struct endpoint sip;
	struct addr caller;
	uint64_t act_ns, resend_ns, interval_ns, give_up_ns;
	struct voice voice;
	uint32_t number, cseq, invite_cseq;
	struct midcall mid;
};

static struct callee *phones[CALLEES + TARGETS];

/* ---- messages ---- */

static void header(const char *text, const char *name, char *out, size_t cap)
{
	const char *p = strstr(text, name);

	out[0] = '\0';
	if (p == NULL)
		return;
	p += strlen(name);
	p += strspn(p, " ");
	snprintf(out, cap, "%.*s", (int)strcspn(p, "\r"), p);
}

static void send_text(struct callee *c, const char *text)
{
	world_say(c->name, "-> %.*s", (int)strcspn(text, "\r"), text);
	net_send(&c->sip.at, &c->caller, text, strlen(text));
}

/* The response to `request`, kept when it is one to the INVITE. */
static void respond(struct callee *c, const char *request, const char *status, const char *rest)
{
	static const char *const copied[] = {"\nVia:", "\nFrom:", "\nTo:", "\nCall-ID:", "\nCSeq:"};
	char text[2048], value[512];
	int n = snprintf(text, sizeof text, "SIP/2.0 %s\r\n", status);

	for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
		bool tag = i == 2 && strncmp(status, "100", 3) != 0;

		header(request, copied[i], value, sizeof value);
		n += snprintf(text + n, sizeof text - (size_t)n, "%s %s%s\r\n", copied[i] + 1, value,
			      tag && strstr(value, "tag=") == NULL ? ";tag=p" : "");
	}
	snprintf(text + n, sizeof text - (size_t)n, "%s", rest);
	if (request == c->invite)
		memcpy(c->last, text, sizeof text);
	send_text(c, text);
}

/* It takes the session timer that it is offered, or says nothing of one. */
static void agree_session(const struct callee *c, char *lines, size_t cap)
{
	char value[64];
	size_t n = strlen(lines);

	header(c->invite, "\nSession-Expires:", value, sizeof value);
	if (c->updates)
		n += (size_t)snprintf(lines + n, cap - n, "Allow: INVITE, ACK, BYE, CANCEL, INFO, UPDATE\r\n");
	if (atoi(value) != 0 && c->timed)
		snprintf(lines + n, cap - n, "Require: timer\r\nSession-Expires: %d;refresher=%s\r\n", atoi(value),
			 c->refreshes && strstr(value, "uac") == NULL ? "uas" : "uac");
}

static void with_sdp(struct callee *c, const char *status, const char *lines)
{
	char rest[1024], more[256], sdp[512], ip[64] = "";
	struct buf b = buf_of(ip, sizeof ip - 1);

	addr_print_ip(&b, &c->voice.rtp.at);
	snprintf(sdp, sizeof sdp, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n"
		 "a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n", ip, ip);
	snprintf(more, sizeof more, "%s", lines);
	if (status[0] == '2')
		agree_session(c, more, sizeof more);
	snprintf(rest, sizeof rest, "Contact: <sip:%s>\r\n%sContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
		 addr_text(&c->sip.at).z, more, strlen(sdp), sdp);
	respond(c, c->invite, status, rest);
}

static void bare(struct callee *c, const char *request, const char *status)
{
	respond(c, request, status, "Content-Length: 0\r\n\r\n");
}

/* ---- what it does ---- */

static void over(struct callee *c)
{
	if (c->state == OVER)
		return;
	world_say(c->name, "over, heard %lu", (unsigned long)c->voice.heard);
	c->state = OVER;
	midcall_end(&c->mid);
	voice_stop(&c->voice);
	c->voice.ledger->over_ns = world.now_ns;
}

static void repeat_from_now(struct callee *c)
{
	c->interval_ns = T1;
	c->resend_ns = world.now_ns + T1;
	c->give_up_ns = world.now_ns + GIVE_UP;
}

static void ring(struct callee *c)
{
	char lines[64] = "", rest[256];

	if (c->reliable) {
		c->rseq++;
		snprintf(lines, sizeof lines, "Require: 100rel\r\nRSeq: %u\r\n", 6 + c->rseq);
		repeat_from_now(c); /* until its PRACK comes */
	}
	snprintf(rest, sizeof rest, "Contact: <sip:%s>\r\n%sContent-Length: 0\r\n\r\n", addr_text(&c->sip.at).z, lines);
	if (c->early)
		with_sdp(c, "183 Session Progress", lines);
	else
		respond(c, c->invite, "180 Ringing", rest);
}

static void refuse(struct callee *c, const char *status)
{
	c->state = REFUSED;
	c->refusal = atoi(status);
	bare(c, c->invite, status);
	repeat_from_now(c);
}

static void up(struct callee *c)
{
	struct midcall *m = &c->mid;
	char to[256];

	m->name = c->name;
	m->sip = &c->sip;
	m->peer = &c->caller;
	m->voice = &c->voice;
	m->cseq = &c->cseq;
	memcpy(m->call_id, c->call_id, sizeof m->call_id);
	header(c->invite, "\nTo:", to, sizeof to);
	snprintf(m->local, sizeof m->local, "%s;tag=p", to);
	header(c->invite, "\nFrom:", m->remote, sizeof m->remote);
	m->early = true;
	midcall_begin(m);
}

static void redirect(struct callee *c)
{
	uint32_t to = CALLEES + (uint32_t)world_below(TARGETS);
	struct addr at = callee_address(to);
	char rest[256];

	c->state = REFUSED;
	c->refusal = 302;
	snprintf(rest, sizeof rest, "Contact: <sip:t%u@%s>\r\nContent-Length: 0\r\n\r\n", to, addr_text(&at).z);
	respond(c, c->invite, "302 Moved Temporarily", rest);
	repeat_from_now(c);
}

static void pick_up(struct callee *c)
{
	c->state = ANSWERED;
	c->voice.ledger->answered_ns = world.now_ns;
	c->voice.ledger->over_ns = 0; /* of who sent the call here */
	up(c);
	with_sdp(c, "200 OK", "");
	repeat_from_now(c);
}

static void acknowledged(struct callee *c)
{
	struct addr remote;

	c->answers_acked++;
	if (c->state == REFUSED) {
		over(c);
		return;
	}
	if (c->state != ANSWERED)
		return;
	if (!voice_remote(c->invite, &remote)) {
		world_wrong("%s: the INVITE offers nothing", c->name);
		return;
	}
	c->state = UP;
	c->resend_ns = NEVER;
	c->give_up_ns = world.now_ns + TALK_MAX;
	c->act_ns = c->plan == CALLEE_LEAVES ? world.now_ns + (world_chance(0.1) ? 0 : 300 * MS + world_below(5 * SECOND)) : NEVER;
	c->mid.early = false;
	midcall_session(&c->mid, c->last, false);
	if (c->act_ns != NEVER && world_chance(0.4))
		c->act_ns = world_beat(c->act_ns);
	voice_start(&c->voice, &remote);
}

static void leave(struct callee *c)
{
	char from[256], to[256];

	header(c->invite, "\nFrom:", from, sizeof from);
	header(c->invite, "\nTo:", to, sizeof to);
	c->state = LEAVING;
	midcall_end(&c->mid);
	voice_stop(&c->voice);
	snprintf(c->bye, sizeof c->bye,
		 "BYE sip:127.77.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKb%s;rport\r\nMax-Forwards: 70\r\nFrom: %s;tag=p\r\n"
		 "To: %s\r\nCall-ID: %s\r\nCSeq: %u BYE\r\nContent-Length: 0\r\n\r\n",
		 addr_text(&c->sip.at).z, c->name, to, from, c->call_id, ++c->cseq);
	send_text(c, c->bye);
	repeat_from_now(c);
}

/* ---- what it hears ---- */

static void got_invite(struct callee *c, const char *text)
{
	char call_id[64], via[256], *branch;

	header(text, "\nCall-ID:", call_id, sizeof call_id);
	header(text, "\nVia:", via, sizeof via);
	branch = strstr(via, "branch=");
	if (branch == NULL || strstr(text, "\r\nX-Phone: ") == NULL) {
		world_wrong("%s: an INVITE without branch or header", c->name);
		return;
	}
	branch[strcspn(branch, "; ")] = '\0';
	if (c->state == IDLE) {
		snprintf(c->call_id, sizeof c->call_id, "%s", call_id);
		snprintf(c->branch, sizeof c->branch, "%s", branch);
		snprintf(c->invite, sizeof c->invite, "%s", text);
		header(text, "\nCSeq:", via, sizeof via);
		c->invite_cseq = (uint32_t)atoi(via);
		c->voice.ledger = ledger_of(c->call_id);
		c->state = RINGING;
		c->give_up_ns = world.now_ns + RINGING_MAX;
		bare(c, c->invite, "100 Trying");
		c->act_ns = world.now_ns + world_below(300 * MS);
		return;
	}
	/* a control that died may be asked again for a call that was over before it was noted down */
	if (strcmp(call_id, c->call_id) != 0 && c->number < CALLEES && world.kills_of[ROLE_CONTROL] == 0)
		world_wrong("%s is called twice", c->name);
	else if (strcmp(call_id, c->call_id) == 0 && strcmp(branch, c->branch) != 0)
		world_wrong("%s: its INVITE comes by another branch", c->name);
	if (strcmp(call_id, c->call_id) == 0)
		send_text(c, c->last);
	else
		respond(c, text, "486 Busy Here", "Content-Length: 0\r\n\r\n");
}

static void got_cancel(struct callee *c, const char *text)
{
	bare(c, text, "200 OK");
	if (c->state == RINGING)
		refuse(c, "487 Request Terminated");
}

static void got_bye(struct callee *c, const char *text)
{
	bare(c, text, "200 OK");
	if (c->state == RINGING)
		world_wrong("%s: a BYE before the answer", c->name);
	over(c);
}

static void got_prack(struct callee *c, const char *text)
{
	char rack[64], want[64];

	header(text, "\nRAck:", rack, sizeof rack);
	snprintf(want, sizeof want, "%u %u INVITE", 6 + c->rseq, c->invite_cseq);
	if (strcmp(rack, want) != 0)
		world_wrong("%s: RAck %s", c->name, rack);
	bare(c, text, "200 OK");
	if (c->state == RINGING)
		c->resend_ns = NEVER;
}

static bool is_mine(const struct callee *c, const char *text)
{
	char call_id[64];

	header(text, "\nCall-ID:", call_id, sizeof call_id);
	return strcmp(call_id, c->call_id) == 0;
}

static void take(void *self, const struct addr *from, const uint8_t *p, size_t n)
{
	struct callee *c = self;
	char text[8192];

	snprintf(text, sizeof text, "%.*s", (int)n, (const char *)p);
	world_say(c->name, "<- %.*s", (int)strcspn(text, "\r"), text);
	c->caller = *from;
	if (c->plan == CALLEE_ABSENT)
		return;
	if (is_mine(c, text) && midcall_take(&c->mid, text))
		return;
	if (strncmp(text, "INVITE ", 7) == 0)
		got_invite(c, text);
	else if (!is_mine(c, text))
		return;
	else if (strncmp(text, "ACK ", 4) == 0)
		acknowledged(c);
	else if (strncmp(text, "CANCEL ", 7) == 0)
		got_cancel(c, text);
	else if (strncmp(text, "BYE ", 4) == 0)
		got_bye(c, text);
	else if (strncmp(text, "PRACK ", 6) == 0)
		got_prack(c, text);
	else if (strncmp(text, "SIP/2.0 ", 8) == 0 && strstr(text, " BYE\r\n") != NULL && c->state == LEAVING)
		over(c);
}

/* ---- time ---- */

static void act(struct callee *c)
{
	c->act_ns = NEVER;
	if (c->state == UP) {
		leave(c);
	} else if (c->rseq == 0 && c->last[8] == '1' && strncmp(c->last + 8, "100", 3) == 0) {
		ring(c);
		if (c->plan != CALLEE_SILENT)
			c->act_ns = world.now_ns + 20 * MS + world_below(SECOND);
	} else if (c->reliable && c->resend_ns != NEVER) {
		c->act_ns = world.now_ns + 50 * MS; /* RFC 3262 3: not before the PRACK */
	} else if (c->plan == CALLEE_MOVED) {
		redirect(c);
	} else if (c->plan == CALLEE_BUSY) {
		refuse(c, "486 Busy Here");
	} else {
		pick_up(c);
	}
}

static void give_up(struct callee *c)
{
	/* a signaling that died may have forgotten what was over for it */
	if (world.kills_of[ROLE_SIGNALING] == 0)
		world_wrong("%s was left alone in state %d", c->name, c->state);
	over(c);
}

static void tick(void *self)
{
	struct callee *c = self;

	midcall_tick(&c->mid);
	if (c->state == OVER && midcall_is_quiet(&c->mid))
		return;
	if (c->state != OVER && c->state != IDLE && world.now_ns >= c->give_up_ns) {
		if (c->state == RINGING && c->resend_ns != NEVER)
			refuse(c, "504 Server Time-out"); /* RFC 3262 3: no PRACK */
		else
			give_up(c);
	} else if (c->state != IDLE && c->state != OVER && world.now_ns >= c->resend_ns) {
		send_text(c, c->state == LEAVING ? c->bye : c->last);
		c->interval_ns = 2 * c->interval_ns < T2 ? 2 * c->interval_ns : T2;
		c->resend_ns = world.now_ns + c->interval_ns;
	} else if ((c->state == RINGING || c->state == UP) && world.now_ns >= c->act_ns) {
		act(c);
	}
	world_at(c->act_ns > world.now_ns && c->act_ns < world.now_ns + 10 * MS ? c->act_ns : world.now_ns + 10 * MS, tick, c);
}

struct callee *callee_new(uint32_t number)
{
	struct callee *c = calloc(1, sizeof *c);
	uint64_t dice = world_below(20);

	snprintf(c->name, sizeof c->name, "phone%u", number);
	phones[number] = c;
	c->number = number;
	c->plan = dice < 7 ? CALLEE_LISTENS : dice < 12 ? CALLEE_LEAVES : dice < 14 && number < CALLEES ? CALLEE_MOVED : dice < 15 ? CALLEE_BUSY : dice < 18 ? CALLEE_SILENT : CALLEE_ABSENT;
	c->updates = world_chance(0.5);
	c->timed = world_chance(0.7);
	c->refreshes = world_chance(0.5);
	c->reliable = world_chance(0.4);
	c->early = world_chance(0.3);
	c->act_ns = c->resend_ns = NEVER;
	c->sip = (struct endpoint){voice_address(CALLEES_FROM + number, 5060), take, c};
	voice_open(&c->voice, c->name, CALLEES_FROM + number);
	net_open(&c->sip);
	tick(c);
	return c;
}

bool callee_is_busy(const struct callee *c)
{
	return c->state != IDLE && c->state != OVER;
}

enum callee_plan callee_plan_of(const struct callee *c)
{
	return c->plan;
}

const char *callee_call_id(uint32_t number)
{
	return phones[number]->call_id;
}

struct addr callee_address(uint32_t number)
{
	return phones[number]->sip.at;
}

int callee_refused(const struct callee *c)
{
	return c->refusal;
}

bool callee_pressed(const struct callee *c)
{
	return voice_pressed(&c->voice);
}

uint64_t callee_missed(const struct callee *c)
{
	return voice_missed(&c->voice);
}
