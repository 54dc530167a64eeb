/* caller.c - SIP phones of the simulated world: they call, talk, listen, and hang up or are hung up on. Text in, text out; shares no
 * code with the stack it talks to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/midcall.h"

#define T1 (500 * MS)
#define T2 (4 * SECOND)
#define GIVE_UP (32 * SECOND)
#define ANSWER_MAX (120 * SECOND)

enum state {
	IDLE,
	CALLING,
	PROCEEDING,
	CANCELLING,
	UP,
	LEAVING, /* our BYE is out */
	OVER
};

enum plan {
	PLAN_HANG_UP,  /* after a while */
	PLAN_LISTEN,   /* until the backend hangs up */
	PLAN_REJECTED, /* the backend is told to refuse */
	PLAN_CANCEL,
	PLAN_MEET, /* somebody else who calls */
	PLANS
};

struct caller {
	char name[16], call_id[64], to_tag[64], request[2048], prack[1024];
	bool early, knows_100rel; /* what its INVITE says */
	bool hurries;   /* its first ACK is lost, and it changes something at once (RFC 5407 3.1.4) */
	bool vanishes;  /* it hangs up without a word */
	uint32_t rseq;            /* of `prack` */
	enum state state;
	enum plan plan;
	enum caller_end end;
	int code;
	struct endpoint sip;
	struct addr server;
	uint64_t resend_ns, interval_ns, give_up_ns, leave_ns, answered_ns;
	uint32_t cseq;
	struct voice voice;
	struct midcall mid;
};

static const char *const plans[PLANS] = {"echo", "hangup", "reject", "echo", "bridge"};

/* ---- messages ---- */

static void send_text(struct caller *c, const char *text)
{
	world_say(c->name, "-> %.*s", (int)strcspn(text, "\r"), text);
	net_send(&c->sip.at, &c->server, text, strlen(text));
}

static int head(struct caller *c, char *out, size_t cap, const char *method, const char *branch, uint32_t cseq)
{
	struct addr_text at = addr_text(&c->sip.at);

	return snprintf(out, cap,
			"%s sip:echo@127.77.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%s;rport\r\n"
			"Max-Forwards: 70\r\nFrom: <sip:%s@sim>;tag=f%s\r\nTo: <sip:echo@sim>%s%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n",
			method, at.z, c->call_id, branch, c->name, c->name, c->to_tag[0] != '\0' ? ";tag=" : "", c->to_tag, c->call_id,
			cseq, method);
}

/* Every fourth leaves the offer to the other side: its own description is in the ACK. */
static bool is_late(const struct caller *c)
{
	return c->name[strlen(c->name) - 1] % 4 == 3;
}

static int describe(const struct caller *c, char *sdp, size_t cap)
{
	char ip[64] = "";
	struct buf b = buf_of(ip, sizeof ip - 1);

	addr_print_ip(&b, &c->voice.rtp.at);
	return snprintf(sdp, cap,
			"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n"
			"a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n", ip, ip);
}

static void invite(struct caller *c)
{
	char sdp[512] = "";
	int n, body = is_late(c) ? 0 : describe(c, sdp, sizeof sdp);

	n = head(c, c->request, sizeof c->request, "INVITE", "i", c->cseq);
	snprintf(c->request + n, sizeof c->request - (size_t)n,
		 "Contact: <sip:%s>\r\nX-Plan: %s\r\n%s%sSupported: timer\r\nSession-Expires: %u%s\r\n%sContent-Length: %d\r\n\r\n%s",
		 addr_text(&c->sip.at).z, plans[c->plan], c->early ? "X-Early: early\r\n" : "",
		 c->knows_100rel ? "Supported: 100rel\r\n" : "",
		 world.faults.session_s, (const char *const[]){"", ";refresher=uac", ";refresher=uas"}[world_below(3)],
		 body > 0 ? "Content-Type: application/sdp\r\n" : "", body,
		 sdp);
	send_text(c, c->request);
}

static void ack(struct caller *c, bool accepted)
{
	char text[2048], sdp[512] = "";
	int n = head(c, text, sizeof text, "ACK", accepted ? "a" : "i", 1);
	int body = accepted && is_late(c) ? describe(c, sdp, sizeof sdp) : 0;

	snprintf(text + n, sizeof text - (size_t)n, "%sContent-Length: %d\r\n\r\n%s", body > 0 ? "Content-Type: application/sdp\r\n" : "", body,
		 sdp);
	send_text(c, text);
}

static void request(struct caller *c, const char *method, const char *branch, uint32_t cseq)
{
	int n = head(c, c->request, sizeof c->request, method, branch, cseq);

	snprintf(c->request + n, sizeof c->request - (size_t)n, "Content-Length: 0\r\n\r\n");
	send_text(c, c->request);
}

/* The value of a header line, copied; "" when there is none. */
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

/* ---- signaling ---- */

static void over(struct caller *c, enum caller_end end, int code)
{
	if (c->state == OVER)
		return;
	world_say(c->name, "over: %d, code %d, heard %lu of %u", end, code, (unsigned long)c->voice.heard, c->voice.said);
	c->state = OVER;
	midcall_end(&c->mid);
	voice_stop(&c->voice);
	c->voice.ledger->over_ns = world.now_ns;
	c->end = end;
	c->code = code;
}

static void up(struct caller *c)
{
	struct midcall *m = &c->mid;

	m->name = c->name;
	m->sip = &c->sip;
	m->peer = &c->server;
	m->voice = &c->voice;
	m->cseq = &c->cseq;
	m->owner = true;
	memcpy(m->call_id, c->call_id, sizeof m->call_id);
	snprintf(m->local, sizeof m->local, "<sip:%s@sim>;tag=f%s", c->name, c->name);
	snprintf(m->remote, sizeof m->remote, "<sip:echo@sim>;tag=%s", c->to_tag);
	midcall_begin(m);
}

static void answered(struct caller *c, const char *text)
{
	struct addr remote;
	char to[256];
	const char *tag;

	header(text, "\nTo:", to, sizeof to);
	tag = strstr(to, "tag=");
	if (tag == NULL || !voice_remote(text, &remote)) {
		world_wrong("%s: a 200 without tag or answer", c->name);
		return;
	}
	snprintf(c->to_tag, sizeof c->to_tag, "%.*s", (int)strcspn(tag + 4, ";> \r"), tag + 4);
	if (!c->hurries || c->state != PROCEEDING)
		ack(c, true);
	if (c->state == UP || c->state == LEAVING || c->state == OVER)
		return;
	if (c->state == CANCELLING) { /* they crossed (RFC 3261 15) */
		c->state = LEAVING;
		request(c, "BYE", "b", ++c->cseq);
		c->interval_ns = T1;
		c->resend_ns = world.now_ns + T1;
		c->give_up_ns = world.now_ns + GIVE_UP;
		return;
	}
	c->state = UP;
	c->answered_ns = c->voice.ledger->answered_ns = world.now_ns;
	c->resend_ns = NEVER;
	c->leave_ns = c->plan != PLAN_LISTEN ? world.now_ns + (world_chance(0.1) ? 0 : 300 * MS + world_below(5 * SECOND)) : NEVER;
	if (c->plan == PLAN_MEET)
		c->leave_ns = world.now_ns + 3 * SECOND + world_below(5 * SECOND);
	if (c->leave_ns != NEVER && world_chance(0.4))
		c->leave_ns = world_beat(c->leave_ns); /* its BYE crosses something */
	c->give_up_ns = world.now_ns + ANSWER_MAX;
	voice_start(&c->voice, &remote);
	up(c);
	midcall_session(&c->mid, text, true);
	if (c->hurries)
		midcall_hurry(&c->mid);
	if (c->vanishes && c->mid.session_s != 0)
		c->leave_ns = world.now_ns + world_below(3 * SECOND);
}

static void refused(struct caller *c, const char *text, int code)
{
	char to[256];
	const char *tag;

	header(text, "\nTo:", to, sizeof to);
	tag = strstr(to, "tag=");
	if (tag != NULL && c->to_tag[0] == '\0')
		snprintf(c->to_tag, sizeof c->to_tag, "%.*s", (int)strcspn(tag + 4, ";> \r"), tag + 4);
	ack(c, false);
	over(c, code == 487 ? CALLER_CANCELLED : CALLER_REFUSED, code);
}

/* PRACK, again for every repetition. */
static void provisional(struct caller *c, const char *text)
{
	char to[256], rseq[32];
	const char *tag;
	int n;

	header(text, "\nTo:", to, sizeof to);
	header(text, "\nRSeq:", rseq, sizeof rseq);
	tag = strstr(to, "tag=");
	if (rseq[0] == '\0' || tag == NULL || c->state == OVER)
		return;
	if (!c->knows_100rel)
		world_wrong("%s: a reliable provisional nobody asked for", c->name);
	if ((uint32_t)strtoul(rseq, NULL, 10) != c->rseq) {
		c->rseq = (uint32_t)strtoul(rseq, NULL, 10);
		snprintf(c->to_tag, sizeof c->to_tag, "%.*s", (int)strcspn(tag + 4, ";> \r"), tag + 4);
		n = head(c, c->prack, sizeof c->prack, "PRACK", rseq, ++c->cseq);
		snprintf(c->prack + n, sizeof c->prack - (size_t)n, "RAck: %u 1 INVITE\r\nContent-Length: 0\r\n\r\n", c->rseq);
		c->to_tag[0] = '\0'; /* the dialog begins with the answer */
	}
	send_text(c, c->prack);
}

static void response(struct caller *c, const char *text)
{
	char cseq[64];
	int code = atoi(text + 8);

	header(text, "\nCSeq:", cseq, sizeof cseq);
	if (strstr(cseq, "INVITE") != NULL) {
		if (code > 100 && code < 200)
			provisional(c, text);
		if (code >= 300)
			refused(c, text, code);
		else if (code >= 200)
			answered(c, text);
		else if (c->state == CALLING) {
			c->state = PROCEEDING;
			c->resend_ns = NEVER;
			c->give_up_ns = world.now_ns + ANSWER_MAX;
		}
	} else if (strstr(cseq, "BYE") != NULL && c->state == LEAVING) {
		if (code != 200 && code != 481)
			world_wrong("%s: %d to BYE", c->name, code);
		over(c, CALLER_DONE, code);
	} else if (strstr(cseq, "PRACK") != NULL) {
		if (code != 200 && code != 481)
			world_wrong("%s: %d to PRACK", c->name, code);
	} else if (strstr(cseq, "CANCEL") != NULL && c->state == CANCELLING) {
		c->resend_ns = NEVER;
	}
}

static void got_bye(struct caller *c, const char *text)
{
	static const char *const copied[] = {"\nVia:", "\nFrom:", "\nTo:", "\nCall-ID:", "\nCSeq:"};
	char out[2048], value[512];
	int n = snprintf(out, sizeof out, "SIP/2.0 200 OK\r\n");

	for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
		header(text, copied[i], value, sizeof value);
		n += snprintf(out + n, sizeof out - (size_t)n, "%s %s\r\n", copied[i] + 1, value);
	}
	snprintf(out + n, sizeof out - (size_t)n, "Content-Length: 0\r\n\r\n");
	send_text(c, out);
	if (c->state == UP || c->state == LEAVING)
		over(c, CALLER_DONE, 200);
	else if (c->state != OVER)
		world_wrong("%s: a BYE before the answer", c->name);
}

static void take(void *self, const struct addr *from, const uint8_t *p, size_t n)
{
	struct caller *c = self;
	char text[8192];

	(void)from;
	snprintf(text, sizeof text, "%.*s", (int)n, (const char *)p);
	if (c->vanishes && c->state == OVER && c->end == CALLER_DONE)
		return;
	world_say(c->name, "<- %.*s", (int)strcspn(text, "\r"), text);
	if (midcall_take(&c->mid, text))
		return;
	if (strncmp(text, "SIP/2.0 ", 8) == 0)
		response(c, text);
	else if (strncmp(text, "BYE ", 4) == 0)
		got_bye(c, text);
}

/* Twice a frame: nobody needs it finer. */
static void tick(void *self)
{
	struct caller *c = self;

	midcall_tick(&c->mid);
	if (c->state == OVER && midcall_is_quiet(&c->mid))
		return;
	if (c->state != OVER && world.now_ns >= c->give_up_ns) {
		over(c, CALLER_LOST, 0);
		return;
	}
	if (world.now_ns >= c->leave_ns && (c->state == UP || c->state == PROCEEDING)) {
		bool up = c->state == UP;

		if (up && c->vanishes && c->mid.session_s != 0) {
			c->voice.ledger->vanished = true;
			over(c, CALLER_DONE, 0);
			return;
		}
		midcall_end(&c->mid);
		c->state = up ? LEAVING : CANCELLING;
		c->leave_ns = NEVER;
		voice_stop(&c->voice);
		if (up)
			request(c, "BYE", "b", ++c->cseq);
		else
			request(c, "CANCEL", "i", 1);
		c->interval_ns = T1;
		c->resend_ns = world.now_ns + T1;
		c->give_up_ns = world.now_ns + (up ? GIVE_UP : ANSWER_MAX);
	} else if (c->state != OVER && world.now_ns >= c->resend_ns) {
		send_text(c, c->request);
		c->interval_ns = c->state == CALLING || 2 * c->interval_ns < T2 ? 2 * c->interval_ns : T2;
		c->resend_ns = world.now_ns + c->interval_ns;
	}
	world_at(c->leave_ns > world.now_ns && c->leave_ns < world.now_ns + 10 * MS ? c->leave_ns : world.now_ns + 10 * MS, tick, c);
}

static void begin(void *self)
{
	struct caller *c = self;

	c->state = CALLING;
	c->cseq = 1;
	c->interval_ns = T1;
	c->resend_ns = world.now_ns + T1;
	c->give_up_ns = world.now_ns + GIVE_UP;
	c->leave_ns = c->plan == PLAN_CANCEL ? world.now_ns + world_below(400 * MS) : NEVER;
	invite(c);
	tick(c);
}

struct caller *caller_new(uint32_t number, uint64_t start_ns)
{
	struct caller *c = calloc(1, sizeof *c);
	uint64_t dice = world_below(20);

	snprintf(c->name, sizeof c->name, "caller%u", number);
	snprintf(c->call_id, sizeof c->call_id, "%s-%lx", c->name, (unsigned long)world.seed);
	c->plan = dice < 9 ? PLAN_HANG_UP : dice < 16 ? PLAN_LISTEN : dice < 17 ? PLAN_REJECTED : PLAN_CANCEL;
	if (number < CALLER_PAIR) {
		c->plan = PLAN_MEET;
		c->voice.tone = number == 0 ? 8 : 16;
	}
	c->hurries = world_chance(0.08) && !is_late(c);
	c->vanishes = !c->hurries && world.faults.session_s < 10 && world_chance(0.1);
	c->early = world_chance(0.4);
	c->knows_100rel = world_chance(0.6);
	c->sip = (struct endpoint){voice_address(number, 5060), take, c};
	voice_open(&c->voice, c->name, number);
	c->voice.ledger = ledger_of(c->call_id);
	if (addr_parse(STR("127.77.0.1:5060"), &c->server) != 0)
		exit(2);
	net_open(&c->sip);
	world_at(start_ns, begin, c);
	return c;
}

const struct voice *caller_voice(const struct caller *c)
{
	return &c->voice;
}

enum caller_end caller_how(const struct caller *c, int *ret_code)
{
	*ret_code = c->code;
	return c->end;
}

uint64_t caller_heard(const struct caller *c)
{
	return c->voice.heard;
}

uint64_t caller_missed(const struct caller *c)
{
	return voice_missed(&c->voice);
}

const char *caller_call_id(const struct caller *c)
{
	return c->call_id;
}

bool caller_got_reliable(const struct caller *c)
{
	return c->rseq != 0;
}

bool caller_pressed(const struct caller *c)
{
	return voice_pressed(&c->voice);
}
