/* caller.c - SIP phones of the simulated world: they call, talk, listen, and hang up or are hung up on. Text in, text out; shares no
 * code with the stack it talks to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define T1 (500 * MS)
#define T2 (4 * SECOND)
#define GIVE_UP (32 * SECOND)
#define ANSWER_MAX (120 * SECOND)
#define FRAME 160u
#define COUNTER_DIGITS 4u
#define MARKER 0xc0 /* behind the counter; nowhere else */
#define PRESS_PACKETS 7u
#define LINE_PACKETS 16u /* more than are under way at once */

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
	PLANS
};

struct caller {
	char name[16], call_id[64], to_tag[64], request[2048];
	enum state state;
	enum plan plan;
	enum caller_end end;
	int code;
	struct endpoint sip, rtp, rtcp;
	struct addr server, remote_rtp;
	uint64_t resend_ns, interval_ns, give_up_ns, leave_ns, answered_ns;
	uint32_t cseq;
	/* talking */
	uint32_t ssrc, said;
	uint16_t seq;
	uint32_t ts;
	/* listening */
	struct {
		bool full;
		uint16_t seq;
		uint8_t payload[FRAME];
	} line[LINE_PACKETS]; /* what came last, by number */
	bool heard_any;
	uint16_t heard_seq;
	uint32_t heard_counter;
	uint64_t heard;
	/* one key */
	uint64_t press_ns;
	uint32_t press_packets, press_ts; /* sent so far */
	struct ledger *ledger;
};

static const char *const plans[PLANS] = {"echo", "hangup", "reject", "echo"};

static struct addr address(uint32_t number, uint16_t port)
{
	return (struct addr){.family = ADDR_V4, .port = port, .ip = {127, 77, (uint8_t)(1 + number / 200), (uint8_t)(1 + number % 200)}};
}

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

static void invite(struct caller *c)
{
	char sdp[512], ip[64] = "";
	struct buf b = buf_of(ip, sizeof ip - 1);
	int n, body;

	addr_print_ip(&b, &c->rtp.at);
	body = snprintf(sdp, sizeof sdp,
			"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n"
			"a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n", ip, ip);
	n = head(c, c->request, sizeof c->request, "INVITE", "i", c->cseq);
	snprintf(c->request + n, sizeof c->request - (size_t)n,
		 "Contact: <sip:%s>\r\nX-Plan: %s\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
		 addr_text(&c->sip.at).z, plans[c->plan], body, sdp);
	send_text(c, c->request);
}

static void ack(struct caller *c, bool accepted)
{
	char text[1024];
	int n = head(c, text, sizeof text, "ACK", accepted ? "a" : "i", 1);

	snprintf(text + n, sizeof text - (size_t)n, "Content-Length: 0\r\n\r\n");
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

/* ---- audio ---- */

static void encode(uint8_t *payload, uint32_t counter)
{
	for (uint32_t i = 0; i < FRAME; i++)
		payload[i] = (uint8_t)(0x80 + (counter * 7 + i) % 64);
	for (uint32_t i = 0; i < COUNTER_DIGITS; i++)
		payload[i] = (uint8_t)(0x80 + (counter >> 6 * i) % 64);
	payload[COUNTER_DIGITS] = MARKER; /* else the pattern, repeated for a lost packet, could be taken for a counter */
}

static bool decode(const uint8_t *payload, uint32_t *ret)
{
	uint8_t want[FRAME];

	*ret = 0;
	for (uint32_t i = 0; i < COUNTER_DIGITS; i++)
		*ret |= (uint32_t)(payload[i] & 63) << 6 * i;
	encode(want, *ret);
	return memcmp(want, payload, FRAME) == 0;
}

/* RFC 4733: four packets of a growing event, then its end three times, all with the timestamp of its beginning. */
static size_t press(struct caller *c, uint8_t *p)
{
	uint32_t i = c->press_packets++, duration = FRAME * (i < 4 ? i + 1 : 5);

	if (i == 0) {
		c->press_ts = c->ts;
		c->ledger->press_ns = world.now_ns;
	}
	if (i == 4)
		c->ledger->key_up_ns = world.now_ns;
	p[1] = (uint8_t)(101 | (i == 0 ? 0x80 : 0));
	p[12] = 5;
	p[13] = (uint8_t)(10 | (i >= 4 ? 0x80 : 0));
	p[14] = (uint8_t)(duration >> 8);
	p[15] = (uint8_t)duration;
	return 16;
}

static void talk(void *self)
{
	struct caller *c = self;
	uint8_t p[12 + FRAME] = {0x80, 0};
	bool key = world.now_ns >= c->press_ns && c->press_packets < PRESS_PACKETS;
	size_t n = sizeof p;
	uint32_t ts;

	if (c->state != UP)
		return;
	if (key)
		n = press(c, p);
	else
		encode(p + 12, ++c->said);
	ts = key ? c->press_ts : c->ts;
	p[2] = (uint8_t)(c->seq >> 8);
	p[3] = (uint8_t)c->seq;
	for (int i = 0; i < 4; i++) {
		p[4 + i] = (uint8_t)(ts >> (24 - 8 * i));
		p[8 + i] = (uint8_t)(c->ssrc >> (24 - 8 * i));
	}
	c->seq++;
	c->ts += FRAME;
	c->ledger->said++;
	net_send(&c->rtp.at, &c->remote_rtp, p, n);
	world_at(world.now_ns + 20 * MS, talk, c);
}

/* Its own voice comes back in the order it was said, and nothing twice. */
static void recognise(struct caller *c, uint16_t seq, uint32_t counter)
{
	if (counter > c->said)
		world_wrong("%s hears frame %u and said only %u", c->name, counter, c->said);
	c->heard++;
	if (c->heard_any && (int16_t)(seq - c->heard_seq) <= 0)
		return; /* the network's doing */
	if (c->heard_any && counter <= c->heard_counter)
		world_wrong("%s hears frame %u after %u", c->name, counter, c->heard_counter);
	c->heard_any = true;
	c->heard_seq = seq;
	c->heard_counter = counter;
}

static const uint8_t *payload_of(const struct caller *c, uint16_t seq)
{
	uint32_t i = seq % LINE_PACKETS;

	return c->line[i].full && c->line[i].seq == seq ? c->line[i].payload : NULL;
}

/* A frame that begins in this packet, at `at` or later. Whatever fills the time between words (silence, concealment, the end of a fade) is no
 * whole number of packets: what was said as one packet may come back in the end of one and the beginning of the next. */
static void listen_from(struct caller *c, uint16_t seq, uint32_t at)
{
	const uint8_t *p = payload_of(c, seq), *next = payload_of(c, (uint16_t)(seq + 1));
	uint8_t line[2 * FRAME] = {0};
	uint32_t counter;

	if (p == NULL)
		return;
	memcpy(line, p, FRAME);
	if (next != NULL)
		memcpy(line + FRAME, next, FRAME);
	for (; at < FRAME; at++)
		if (line[at + COUNTER_DIGITS] == MARKER && decode(line + at, &counter))
			recognise(c, seq, counter);
}

static void hear(void *self, const struct addr *from, const uint8_t *p, size_t n)
{
	struct caller *c = self;
	uint16_t seq;
	uint32_t i;

	(void)from;
	if (n != 12 + FRAME)
		return;
	seq = (uint16_t)(p[2] << 8 | p[3]);
	if (payload_of(c, seq) != NULL)
		return; /* the network says it again */
	i = seq % LINE_PACKETS;
	c->line[i].full = true;
	c->line[i].seq = seq;
	memcpy(c->line[i].payload, p + 12, FRAME);
	listen_from(c, (uint16_t)(seq - 1), 1);
	listen_from(c, seq, 0);
}

static void ignore(void *self, const struct addr *from, const uint8_t *p, size_t n)
{
	(void)self, (void)from, (void)p, (void)n;
}

/* ---- signaling ---- */

static void over(struct caller *c, enum caller_end end, int code)
{
	if (c->state == OVER)
		return;
	world_say(c->name, "over: %d, code %d, heard %lu of %u", end, code, (unsigned long)c->heard, c->said);
	c->state = OVER;
	c->ledger->over_ns = world.now_ns;
	c->end = end;
	c->code = code;
}

static void answered(struct caller *c, const char *text)
{
	char to[256], ip[64] = "";
	const char *tag, *m = strstr(text, "m=audio "), *at = strstr(text, "c=IN IP4 ");

	header(text, "\nTo:", to, sizeof to);
	tag = strstr(to, "tag=");
	if (tag == NULL || m == NULL || at == NULL) {
		world_wrong("%s: a 200 without tag or answer", c->name);
		return;
	}
	snprintf(c->to_tag, sizeof c->to_tag, "%.*s", (int)strcspn(tag + 4, ";> \r"), tag + 4);
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
	snprintf(ip, sizeof ip, "%.*s", (int)strcspn(at + 9, "\r"), at + 9);
	if (addr_parse_ip(str_of(ip), &c->remote_rtp) != 0)
		world_wrong("%s: the answer's address is %s", c->name, ip);
	c->remote_rtp.port = (uint16_t)atoi(m + 8);
	c->state = UP;
	c->answered_ns = c->ledger->answered_ns = world.now_ns;
	c->press_ns = world.now_ns + 200 * MS + world_below(SECOND);
	c->resend_ns = NEVER;
	c->leave_ns = c->plan != PLAN_LISTEN ? world.now_ns + 300 * MS + world_below(5 * SECOND) : NEVER;
	c->give_up_ns = world.now_ns + ANSWER_MAX;
	world_at(world.now_ns + world_below(20 * MS), talk, c);
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

static void response(struct caller *c, const char *text)
{
	char cseq[64];
	int code = atoi(text + 8);

	header(text, "\nCSeq:", cseq, sizeof cseq);
	if (strstr(cseq, "INVITE") != NULL) {
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
	world_say(c->name, "<- %.*s", (int)strcspn(text, "\r"), text);
	if (strncmp(text, "SIP/2.0 ", 8) == 0)
		response(c, text);
	else if (strncmp(text, "BYE ", 4) == 0)
		got_bye(c, text);
}

/* Twice a frame: nobody needs it finer. */
static void tick(void *self)
{
	struct caller *c = self;

	if (c->state == OVER)
		return;
	if (world.now_ns >= c->give_up_ns) {
		over(c, CALLER_LOST, 0);
		return;
	}
	if (world.now_ns >= c->leave_ns && (c->state == UP || c->state == PROCEEDING)) {
		bool up = c->state == UP;

		c->state = up ? LEAVING : CANCELLING;
		c->leave_ns = NEVER;
		if (up)
			request(c, "BYE", "b", ++c->cseq);
		else
			request(c, "CANCEL", "i", 1);
		c->interval_ns = T1;
		c->resend_ns = world.now_ns + T1;
		c->give_up_ns = world.now_ns + (up ? GIVE_UP : ANSWER_MAX);
	} else if (world.now_ns >= c->resend_ns) {
		send_text(c, c->request);
		c->interval_ns = c->state == CALLING || 2 * c->interval_ns < T2 ? 2 * c->interval_ns : T2;
		c->resend_ns = world.now_ns + c->interval_ns;
	}
	world_at(world.now_ns + 10 * MS, tick, c);
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
	c->ledger = ledger_of(c->call_id);
	c->plan = dice < 9 ? PLAN_HANG_UP : dice < 16 ? PLAN_LISTEN : dice < 17 ? PLAN_REJECTED : PLAN_CANCEL;
	c->ssrc = (uint32_t)rand_u64(&world.rand);
	c->seq = (uint16_t)rand_u64(&world.rand);
	c->ts = (uint32_t)rand_u64(&world.rand);
	c->sip = (struct endpoint){address(number, 5060), take, c};
	c->rtp = (struct endpoint){address(number, 4000), hear, c};
	c->rtcp = (struct endpoint){address(number, 4001), ignore, c};
	if (addr_parse(STR("127.77.0.1:5060"), &c->server) != 0)
		exit(2);
	net_open(&c->sip);
	net_open(&c->rtp);
	net_open(&c->rtcp);
	world_at(start_ns, begin, c);
	return c;
}

enum caller_end caller_how(const struct caller *c, int *ret_code)
{
	*ret_code = c->code;
	return c->end;
}

uint64_t caller_heard(const struct caller *c)
{
	return c->heard;
}

uint64_t caller_missed(const struct caller *c)
{
	return c->said > c->heard ? c->said - c->heard : 0;
}

const char *caller_call_id(const struct caller *c)
{
	return c->call_id;
}

bool caller_pressed(const struct caller *c)
{
	return c->press_packets == PRESS_PACKETS;
}
