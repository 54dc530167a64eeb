/* callgen.c - N phone calls with speech at one target; counts what comes back, packet by packet.
 *
 *   callgen --target 127.0.0.1:5060 --calls 50 --seconds 60 [--pcm speech.s16] [--cps 50] [--from 127.0.0.1]
 *
 *   callgen --target 127.0.0.1:5060 --calls 400 --seconds 10 --cps 300 --hold 500
 *   callgen --bare 20000 --port 26000 --calls 500 --seconds 5
 *   callgen --target tipring:5060 --calls 8 --total 20 --hold 6000 --pcm speech.s16 --verdict 0.95
 *
 * The second form hangs up each call that long (ms) after it was answered and goes on making new ones, --calls at one time at most. The
 * third makes no calls: flow i goes from port 26000 + 2i to 20000 + 2i, for a bare echo. The fourth ends after 20 calls, 8 at one time,
 * and says in words whether each was answered, ended in good order and heard what it said (a correlation of 0.95 or more); so does its exit code.
 * Offers PCMU, sends one packet every 20 ms in each call on an absolute clock (phases spread), and watches the returning
 * stream: sequence, timestamp, the longest silence between two packets. It reads commands from stdin and prints one JSON line
 * for each: "window" (figures since the last one), "bye N" (hang up the first N calls), "end". A final line comes when all
 * calls are over. Shares no code with the product on purpose. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/ear.h"

#define CALLS_MAX 2000
#define FRAME 160
#define MS 1000000ull

enum state {
	IDLE,
	CALLING,
	UP,
	ENDING,
	DONE,
	FAILED
};

struct call {
	enum state state;
	unsigned number; /* in its Call-ID */
	int rtp;
	uint16_t port;
	struct sockaddr_in remote;
	char to_tag[128], target[256];
	uint64_t next_ns, resend_ns, give_up_ns, resend_every_ns;
	uint64_t invite_ns, setup_ns; /* setup_ns: INVITE to 200 */
	uint64_t bye_ns;              /* with --hold: when it hangs up */
	uint32_t ssrc, ts;
	uint16_t seq;
	size_t at; /* in the PCM */
	uint64_t sent, received;
	/* what comes back */
	bool seen;
	uint32_t rx_ssrc, rx_ts;
	uint16_t rx_seq;
	uint64_t rx_ns, rx_first_ns;
	uint32_t rx_first_ts;
	/* since the last "window" */
	uint64_t gap_ns, lost, duplicate, ts_wrong, ssrc_changes, window_received;
	int final_code;
	bool bye_by_peer;
};

static struct {
	struct sockaddr_in target, local;
	int sip, epoll;
	unsigned calls, cps, started;
	uint64_t start_ns, end_ns, hold_ns;
	struct { /* with --hold: calls whose place was taken by another */
		unsigned done, failed, mute; /* mute: answered, and nothing was heard */
		uint64_t lost, gap_ns;
		int code;      /* of the last one that failed */
		unsigned most; /* calls at one time */
	} past;
	unsigned total; /* with --hold: so many calls, then the end; UINT_MAX: until --seconds */
	double least;   /* with --verdict: likeness of what is heard to what was said; else 0 */
	uint8_t *ulaw; /* encoded speech */
	size_t ulaw_n;
	uint32_t run; /* tells runs apart in Call-IDs */
	bool ending;
	uint16_t bare, port; /* first ports of bare flows */
	struct call c[CALLS_MAX];
} g;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static uint8_t to_ulaw(int v)
{
	int sign = v < 0 ? 0x80 : 0, exponent = 7, mantissa;

	if (v < 0)
		v = -v;
	v = (v > 32635 ? 32635 : v) + 132;
	while (exponent > 0 && !(v & (0x80 << exponent)))
		exponent--;
	mantissa = v >> (exponent + 3) & 15;
	return (uint8_t)~(sign | exponent << 4 | mantissa);
}

/* 30 s of two-tone babble when no speech is given */
static void make_speech(const char *path)
{
	size_t n = 8000 * 30;
	int16_t *pcm = calloc(n, 2);
	FILE *f = path != NULL ? fopen(path, "rb") : NULL;

	if (f != NULL) {
		n = fread(pcm, 2, n, f);
		fclose(f);
	} else {
		for (size_t i = 0; i < n; i++)
			pcm[i] = (int16_t)(6000 * sin((double)i * 0.2) * sin((double)i * 0.0011) +
					   3000 * sin((double)i * 0.53));
	}
	g.ulaw = malloc(n + FRAME);
	for (size_t i = 0; i < n; i++)
		g.ulaw[i] = to_ulaw(pcm[i]);
	g.ulaw_n = n - n % FRAME;
	free(pcm);
}

/* ---- SIP ---- */

static void send_sip(const char *text, size_t n)
{
	(void)!sendto(g.sip, text, n, 0, (struct sockaddr *)&g.target, sizeof g.target);
}

static void send_request(struct call *c, const char *method, int cseq)
{
	unsigned i = c->number;
	char ip[32], text[2048], sdp[512] = "", target[300];
	bool invite = strcmp(method, "INVITE") == 0, ack = strcmp(method, "ACK") == 0;
	int n;

	inet_ntop(AF_INET, &g.local.sin_addr, ip, sizeof ip);
	if (invite)
		snprintf(sdp, sizeof sdp,
			 "v=0\r\no=callgen %u 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
			 "m=audio %u RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
			 "a=fmtp:101 0-15\r\na=ptime:20\r\n", i, ip, ip, c->port);
	snprintf(target, sizeof target, "sip:echo@%s:%u", inet_ntoa(g.target.sin_addr), ntohs(g.target.sin_port));
	n = snprintf(text, sizeof text,
		     "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;branch=z9hG4bK-%x-%u-%d%s;rport\r\n"
		     "Max-Forwards: 70\r\nFrom: <sip:caller%u@%s>;tag=f%x-%u\r\nTo: <%s>%s%s\r\n"
		     "Call-ID: %x-%u@callgen\r\nCSeq: %d %s\r\nContact: <sip:caller%u@%s:%u>\r\n%s"
		     "Content-Length: %zu\r\n\r\n%s",
		     method, invite || c->target[0] == '\0' ? target : c->target, ip, ntohs(g.local.sin_port), g.run, i,
		     cseq, ack ? "-ack" : "", i, ip, g.run, i, target, c->to_tag[0] ? ";tag=" : "", c->to_tag,
		     g.run, i, cseq, method, i, ip, ntohs(g.local.sin_port),
		     invite ? "X-Room-ID: room\r\nContent-Type: application/sdp\r\n" : "", strlen(sdp), sdp);
	send_sip(text, (size_t)n);
}

static const char *find_header(const char *m, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strchr(m, '\n'); p != NULL && p[1] != '\r'; p = strchr(p + 1, '\n'))
		if (strncasecmp(p + 1, name, n) == 0 && p[1 + n] == ':')
			return p + 2 + n;
	return NULL;
}

static void copy_until(char *to, size_t cap, const char *from, const char *stops)
{
	size_t n = strcspn(from, stops);

	snprintf(to, cap, "%.*s", (int)(n < cap ? n : cap - 1), from);
}

static struct call *call_of(const char *m)
{
	const char *id = find_header(m, "Call-ID");
	unsigned run, i;

	if (id == NULL || sscanf(id, " %x-%u@callgen", &run, &i) != 2 || run != g.run)
		return NULL;
	return g.c[i % g.calls].number == i ? &g.c[i % g.calls] : NULL;
}

static void take_answer(struct call *c, const char *m)
{
	const char *to = find_header(m, "To"), *contact = find_header(m, "Contact");
	const char *ip = strstr(m, "\nc=IN IP4 "), *audio = strstr(m, "\nm=audio ");
	const char *tag = to != NULL ? strstr(to, ";tag=") : NULL;
	char text[64];

	if (c->state == CALLING) {
		if (tag == NULL || contact == NULL || ip == NULL || audio == NULL) {
			c->state = FAILED;
			return;
		}
		copy_until(c->to_tag, sizeof c->to_tag, tag + 5, ";\r\n");
		copy_until(c->target, sizeof c->target, strchr(contact, '<') + 1, ">");
		copy_until(text, sizeof text, ip + 10, "\r\n");
		inet_pton(AF_INET, text, &c->remote.sin_addr);
		c->remote.sin_family = AF_INET;
		c->remote.sin_port = htons((uint16_t)atoi(audio + 9));
		c->state = UP;
		c->setup_ns = now_ns() - c->invite_ns;
		c->next_ns = now_ns() + (g.hold_ns == 0 ? (uint64_t)(c - g.c) * 20 * MS / g.calls : 0);
		c->bye_ns = g.hold_ns != 0 ? now_ns() + g.hold_ns : UINT64_MAX;
	}
	send_request(c, "ACK", 1);
}

static void take_response(struct call *c, const char *m)
{
	int code = atoi(m + 8);
	const char *cseq = find_header(m, "CSeq");
	bool invite = cseq != NULL && strstr(cseq, "INVITE") != NULL && strstr(cseq, "INVITE") < strchr(cseq, '\r');

	if (invite && code >= 100 && code < 200 && c->state == CALLING) {
		c->resend_ns = UINT64_MAX;
		c->give_up_ns = now_ns() + 40000 * MS;
	} else if (invite && code >= 200 && code < 300) {
		take_answer(c, m);
	} else if (invite && code >= 300) {
		const char *to = find_header(m, "To"), *tag = to != NULL ? strstr(to, ";tag=") : NULL;

		if (tag != NULL)
			copy_until(c->to_tag, sizeof c->to_tag, tag + 5, ";\r\n");
		send_request(c, "ACK", 1);
		c->final_code = code;
		if (c->state == CALLING)
			c->state = FAILED;
	} else if (!invite && code >= 200 && c->state == ENDING) {
		c->final_code = code;
		c->state = DONE;
	}
}

static void answer_request(const char *m, int code)
{
	static const char *const copied[] = {"Via", "From", "To", "Call-ID", "CSeq"};
	char text[2048];
	int n = snprintf(text, sizeof text, "SIP/2.0 %d OK\r\n", code);

	for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
		const char *v = find_header(m, copied[i]);

		if (v != NULL)
			n += snprintf(text + n, sizeof text - (size_t)n, "%s:%.*s\r\n", copied[i], (int)strcspn(v, "\r"), v);
	}
	n += snprintf(text + n, sizeof text - (size_t)n, "Content-Length: 0\r\n\r\n");
	send_sip(text, (size_t)n);
}

static void take_sip(void)
{
	char m[8192];

	for (;;) {
		ssize_t n = recv(g.sip, m, sizeof m - 1, MSG_DONTWAIT);
		struct call *c;

		if (n <= 0)
			return;
		m[n] = '\0';
		c = call_of(m);
		if (strncmp(m, "SIP/2.0 ", 8) == 0) {
			if (c != NULL)
				take_response(c, m);
		} else if (strncmp(m, "BYE ", 4) == 0) {
			answer_request(m, c != NULL ? 200 : 481);
			if (c != NULL && (c->state == UP || c->state == ENDING)) {
				c->bye_by_peer = c->state == UP;
				c->final_code = 200;
				c->state = DONE;
			}
		} else if (strncmp(m, "ACK ", 4) != 0) {
			answer_request(m, 200);
		}
	}
}

static void begin_bye(struct call *c, uint64_t now)
{
	if (c->state != UP)
		return;
	c->state = g.bare != 0 ? DONE : ENDING;
	if (g.bare != 0)
		return;
	send_request(c, "BYE", 2);
	c->resend_every_ns = 500 * MS;
	c->resend_ns = now + c->resend_every_ns;
	c->give_up_ns = now + 32000 * MS;
}

static void begin_call(struct call *c, uint64_t now)
{
	c->state = CALLING;
	c->invite_ns = now;
	send_request(c, "INVITE", 1);
	c->resend_every_ns = 500 * MS;
	c->resend_ns = now + c->resend_every_ns;
	c->give_up_ns = now + 32000 * MS;
}

static unsigned living(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g.calls; i++)
		n += g.c[i].state == CALLING || g.c[i].state == UP || g.c[i].state == ENDING;
	return n;
}

/* With --hold: as many as are due, each in the place of one that is over. */
static void go_on(uint64_t now)
{
	while (!g.ending && g.started < g.total && now >= g.start_ns + g.started * 1000000000ull / g.cps) {
		struct call *c = &g.c[g.started % g.calls];

		if (c->state == CALLING || c->state == UP || c->state == ENDING)
			return; /* it takes longer than it should: fewer calls a second, and the figures show it */
		g.past.done += c->state == DONE;
		g.past.failed += c->state == FAILED;
		g.past.mute += c->state == DONE && !c->seen;
		g.past.code = c->state == FAILED ? c->final_code : g.past.code;
		g.past.lost += c->lost;
		g.past.gap_ns = c->gap_ns > g.past.gap_ns ? c->gap_ns : g.past.gap_ns;
		*c = (struct call){
			.number = g.started++, .rtp = c->rtp, .port = c->port, .ssrc = c->ssrc + g.calls, .ts = c->ts, .seq = c->seq, .at = c->at,
		};
		if (g.least > 0)
			ear_says(c->number, c->at);
		begin_call(c, now);
		g.past.most = living() > g.past.most ? living() : g.past.most;
	}
	g.ending |= g.started >= g.total;
}

static void begin_flow(unsigned i, uint64_t now)
{
	struct call *c = &g.c[i];

	c->state = UP;
	c->remote = g.target;
	c->remote.sin_port = htons((uint16_t)(g.bare + 2 * i));
	c->next_ns = now + (uint64_t)i * 20 * MS / g.calls;
}

static void resend(struct call *c, uint64_t now)
{
	if (c->state != CALLING && c->state != ENDING)
		return;
	if (now >= c->give_up_ns) {
		c->final_code = 408;
		c->state = FAILED;
	} else if (now >= c->resend_ns) {
		send_request(c, c->state == CALLING ? "INVITE" : "BYE", c->state == CALLING ? 1 : 2);
		c->resend_every_ns = c->resend_every_ns * 2 > 4000 * MS ? 4000 * MS : c->resend_every_ns * 2;
		c->resend_ns = now + c->resend_every_ns;
	}
}

/* ---- RTP ---- */

static void send_rtp(struct call *c)
{
	uint8_t p[12 + FRAME];
	uint32_t words[2] = {htonl(c->ts), htonl(c->ssrc)};

	p[0] = 0x80;
	p[1] = c->sent == 0 ? 0x80 : 0;
	p[2] = (uint8_t)(c->seq >> 8);
	p[3] = (uint8_t)c->seq;
	memcpy(p + 4, words, 8);
	memcpy(p + 12, g.ulaw + c->at, FRAME);
	(void)!sendto(c->rtp, p, sizeof p, MSG_DONTWAIT, (struct sockaddr *)&c->remote, sizeof c->remote);
	c->seq++;
	c->ts += FRAME;
	c->sent++;
	c->at = (c->at + FRAME) % g.ulaw_n;
}

static void judge(struct call *c, const uint8_t *p, uint64_t now)
{
	uint16_t seq = (uint16_t)(p[2] << 8 | p[3]);
	uint32_t ts, ssrc;
	int64_t expected, off;

	if (now < c->rx_ns)
		now = c->rx_ns; /* two readings of two clocks */
	memcpy(&ts, p + 4, 4);
	memcpy(&ssrc, p + 8, 4);
	ts = ntohl(ts);
	ssrc = ntohl(ssrc);
	c->received++;
	c->window_received++;
	if (c->seen && ssrc != c->rx_ssrc)
		c->ssrc_changes++;
	if (!c->seen) {
		c->rx_first_ns = now;
		c->rx_first_ts = ts;
	} else {
		int16_t step = (int16_t)(seq - c->rx_seq);

		if (step <= 0)
			c->duplicate++;
		else
			c->lost += (uint64_t)(step - 1);
		if (now - c->rx_ns > c->gap_ns)
			c->gap_ns = now - c->rx_ns;
		/* the timestamp follows the clock, whatever happened in between */
		expected = (int64_t)((now - c->rx_first_ns) / 125000);
		off = (int64_t)(int32_t)(ts - c->rx_first_ts) - expected;
		if (off > 8 * 200 || off < -8 * 200 || (int32_t)(ts - c->rx_ts) <= 0)
			c->ts_wrong++;
		if (step <= 0)
			return;
	}
	c->seen = true;
	c->rx_seq = seq;
	c->rx_ts = ts;
	c->rx_ssrc = ssrc;
	c->rx_ns = now;
}

/* When the kernel got it, on our clock: how late this program is itself must not count. */
static uint64_t arrival_ns(struct msghdr *m)
{
	uint64_t now = now_ns(), age = 0;
	struct timespec at, unix_now;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof at);
		clock_gettime(CLOCK_REALTIME, &unix_now);
		if (unix_now.tv_sec > at.tv_sec || (unix_now.tv_sec == at.tv_sec && unix_now.tv_nsec > at.tv_nsec))
			age = (uint64_t)((unix_now.tv_sec - at.tv_sec) * 1000000000 + (unix_now.tv_nsec - at.tv_nsec));
	}
	return age < 10000 * MS ? now - age : now;
}

static void hear(const struct call *c, const uint8_t *p, size_t n)
{
	uint32_t ts;

	memcpy(&ts, p + 4, 4);
	ear_hears(c->number, (int32_t)(ntohl(ts) - c->rx_first_ts), p + 12, n - 12);
}

static void take_rtp(struct call *c)
{
	uint8_t p[2048];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct timespec))];
	} control;

	for (int i = 0; i < 64; i++) {
		struct iovec iov = {p, sizeof p};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
		ssize_t n = recvmsg(c->rtp, &m, MSG_DONTWAIT);

		if (n < 0)
			return;
		if (c->state != CALLING && n >= 12 && p[0] >> 6 == 2 && (p[1] & 0x7f) == 0) /* else of the call before */
			judge(c, p, arrival_ns(&m));
		else
			continue;
		if (g.least > 0)
			hear(c, p, (size_t)n);
	}
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print_figures(const char *what)
{
	static uint64_t gap[CALLS_MAX], setup[CALLS_MAX];
	uint64_t lost = 0, duplicate = 0, ts_wrong = 0, ssrc = 0, sent = 0, received = 0, window = 0;
	unsigned count[FAILED + 1] = {[DONE] = g.past.done, [FAILED] = g.past.failed}, by_peer = 0, n = 0, s = 0, silent = 0, mute = g.past.mute;
	uint64_t now = now_ns();

	for (unsigned i = 0; i < g.calls; i++) {
		struct call *c = &g.c[i];

		take_rtp(c); /* what is there was heard */
		count[c->state]++;
		by_peer += c->bye_by_peer;
		sent += c->sent;
		received += c->received;
		window += c->window_received;
		lost += c->lost;
		duplicate += c->duplicate;
		ts_wrong += c->ts_wrong;
		ssrc += c->ssrc_changes;
		mute += c->state == DONE && !c->seen;
		silent += c->state == UP && c->window_received == 0;
		if (c->setup_ns != 0)
			setup[s++] = c->setup_ns;
		if (c->seen) {
			if (c->state == UP && now > c->rx_ns && now - c->rx_ns > c->gap_ns)
				c->gap_ns = now - c->rx_ns; /* still silent */
			gap[n++] = c->gap_ns;
		}
		c->gap_ns = c->lost = c->duplicate = c->ts_wrong = c->ssrc_changes = c->window_received = 0;
	}
	qsort(gap, n, sizeof gap[0], by_value);
	qsort(setup, s, sizeof setup[0], by_value);
	printf("{\"what\": \"%s\", \"calls\": %u, \"calling\": %u, \"up\": %u, \"ending\": %u, \"done\": %u, \"failed\": %u, "
	       "\"by_peer\": %u, \"mute\": %u, \"sent\": %lu, \"received\": %lu, \"window_received\": %lu, \"silent\": %u, \"lost\": %lu, "
	       "\"duplicate\": %lu, \"ts_wrong\": %lu, \"ssrc_changes\": %lu, \"gap_ms_p50\": %.1f, \"gap_ms_p99\": %.1f, "
	       "\"gap_ms_max\": %.1f, \"setup_ms_p50\": %.1f, \"setup_ms_max\": %.1f}\n",
	       what, g.calls, count[CALLING], count[UP], count[ENDING], count[DONE], count[FAILED], by_peer, mute, sent, received,
	       window, silent, lost, duplicate, ts_wrong, ssrc, n ? (double)gap[n / 2] / 1e6 : 0,
	       n ? (double)gap[n - 1 - n / 100] / 1e6 : 0, n ? (double)gap[n - 1] / 1e6 : 0,
	       s ? (double)setup[s / 2] / 1e6 : 0, s ? (double)setup[s - 1] / 1e6 : 0);
	fflush(stdout);
}

/* In words; 0 when everything is as it should be. */
static int verdict(void)
{
	static uint64_t parts[CALLS_MAX]; /* of a million */
	unsigned done = g.past.done, mute = g.past.mute, unlike = 0;
	uint64_t lost = g.past.lost, gap_ns = g.past.gap_ns;
	int code = g.past.code;
	bool good;

	for (unsigned i = 0; i < g.calls; i++) {
		done += g.c[i].state == DONE;
		mute += g.c[i].state == DONE && !g.c[i].seen;
		code = g.c[i].state == FAILED ? g.c[i].final_code : code;
		lost += g.c[i].lost;
		gap_ns = g.c[i].gap_ns > gap_ns ? g.c[i].gap_ns : gap_ns;
	}
	for (unsigned i = 0; i < g.total; i++) {
		double like = ear_likeness(i, g.ulaw, g.ulaw_n);

		parts[i] = like > 0 ? (uint64_t)(like * 1e6) : 0;
		unlike += like < g.least;
	}
	qsort(parts, g.total, sizeof parts[0], by_value);
	good = done == g.total && mute == 0 && unlike == 0;
	printf("%u calls at %s:%u, %u at one time: %u answered and ended in good order, %u of them heard nothing\n", g.total,
	       inet_ntoa(g.target.sin_addr), ntohs(g.target.sin_port), g.past.most, done, mute);
	printf("speech: correlation %.4f at least, %.4f in the middle; %u calls below %.2f; %lu packets lost, longest pause %.0f ms\n",
	       (double)parts[0] / 1e6, (double)parts[g.total / 2] / 1e6, unlike, g.least, lost, (double)gap_ns / 1e6);
	if (code != 0)
		printf("the last one that failed: %d\n", code);
	printf("verdict: %s\n", good ? "good" : "WRONG");
	return good ? 0 : 1;
}

static void take_command(uint64_t now)
{
	static char line[128];
	static size_t used;
	ssize_t n = read(0, line + used, sizeof line - 1 - used);
	char *end;

	if (n <= 0) {
		g.end_ns = now;
		close(0);
		return;
	}
	used += (size_t)n;
	line[used] = '\0';
	while ((end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		if (strncmp(line, "bye ", 4) == 0)
			for (unsigned i = 0; i < (unsigned)atoi(line + 4) && i < g.calls; i++)
				begin_bye(&g.c[i], now);
		else if (strcmp(line, "end") == 0)
			g.end_ns = now;
		print_figures(line);
		used -= (size_t)(end + 1 - line);
		memmove(line, end + 1, used + 1);
	}
}

/* ---- the loop ---- */

static unsigned in_use(void)
{
	return g.started < g.calls ? g.started : g.calls;
}

static void tick(uint64_t now)
{
	while (!g.ending && g.bare != 0 && g.started < g.calls)
		begin_flow(g.started++, now);
	if (g.hold_ns != 0)
		go_on(now);
	while (!g.ending && g.hold_ns == 0 && g.started < g.calls && now >= g.start_ns + g.started * 1000000000ull / g.cps)
		begin_call(&g.c[g.started++], now);
	g.ending |= now >= g.end_ns;
	for (unsigned i = 0; g.ending && g.hold_ns == 0 && i < in_use(); i++)
		begin_bye(&g.c[i], now); /* also those that are answered only now */
	for (unsigned i = 0; i < in_use(); i++) {
		struct call *c = &g.c[i];

		resend(c, now);
		if (c->state == UP && now >= c->bye_ns)
			begin_bye(c, now);
		for (int k = 0; c->state == UP && now >= c->next_ns && k < 10; k++, c->next_ns += 20 * MS)
			send_rtp(c);
	}
}

static bool all_over(void)
{
	for (unsigned i = 0; i < in_use(); i++)
		if (g.c[i].state == CALLING || g.c[i].state == UP || g.c[i].state == ENDING)
			return false;
	return g.ending;
}

static int open_udp(uint16_t want, uint16_t *ret_port)
{
	struct sockaddr_in a = g.local;
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 1 << 20;

	a.sin_port = htons(want);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
		perror("callgen: socket");
		exit(2);
	}
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void watch(int fd, uint32_t tag)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = tag};

	epoll_ctl(g.epoll, EPOLL_CTL_ADD, fd, &e);
}

/* `from`: our address; NULL: the one that leads to the target. */
static void find_target(const char *target, const char *from)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM};
	const char *port = strchr(target, ':');
	struct addrinfo *found;
	socklen_t n = sizeof g.local;
	int err, fd = socket(AF_INET, SOCK_DGRAM, 0);
	char host[256];

	copy_until(host, sizeof host, target, ":");
	err = getaddrinfo(host, port != NULL ? port + 1 : "5060", &hints, &found);
	if (err != 0) {
		fprintf(stderr, "callgen: %s: %s\n", target, gai_strerror(err));
		exit(2);
	}
	memcpy(&g.target, found->ai_addr, sizeof g.target);
	freeaddrinfo(found);
	if (connect(fd, (struct sockaddr *)&g.target, sizeof g.target) != 0 || getsockname(fd, (struct sockaddr *)&g.local, &n) != 0 ||
	    (from != NULL && inet_pton(AF_INET, from, &g.local.sin_addr) != 1)) {
		perror("callgen: no way to the target");
		exit(2);
	}
	g.local.sin_port = 0;
	close(fd);
}

static void parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"target", 1, 0, 't'}, {"calls", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"pcm", 1, 0, 'p'},
		{"cps", 1, 0, 'r'},    {"from", 1, 0, 'f'},  {"bare", 1, 0, 'b'},
		{"port", 1, 0, 'o'},   {"hold", 1, 0, 'h'},  {"total", 1, 0, 'n'},
		{"verdict", 1, 0, 'v'}, {0, 0, 0, 0},
	};
	const char *pcm = NULL, *from = NULL, *target = "127.0.0.1:5060";
	double seconds = 10;
	int opt;

	g.calls = 1;
	g.cps = 100;
	g.total = UINT_MAX;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 't': target = optarg; break;
		case 'c': g.calls = (unsigned)atoi(optarg); break;
		case 's': seconds = atof(optarg); break;
		case 'p': pcm = optarg; break;
		case 'r': g.cps = (unsigned)atoi(optarg); break;
		case 'f': from = optarg; break;
		case 'b': g.bare = (uint16_t)atoi(optarg); break;
		case 'h': g.hold_ns = (unsigned)atoi(optarg) * MS; break;
		case 'o': g.port = (uint16_t)atoi(optarg); break;
		case 'n': g.total = (unsigned)atoi(optarg); seconds = 3600; break;
		case 'v': g.least = atof(optarg); break;
		default: exit(2);
		}
	}
	if (g.calls == 0 || g.calls > CALLS_MAX || g.cps == 0)
		exit(2);
	if (g.least > 0 && (g.hold_ns == 0 || g.total > CALLS_MAX || g.total < g.calls))
		exit(2);
	find_target(target, from);
	make_speech(pcm);
	if (g.least > 0 && !ear_open(g.total, (size_t)(g.hold_ns / MS * 8 + 8000)))
		exit(2);
	g.start_ns = now_ns();
	g.end_ns = g.start_ns + (uint64_t)(seconds * 1e9);
	g.run = (uint32_t)getpid() ^ (uint32_t)g.start_ns;
}

int main(int argc, char **argv)
{
	struct rlimit files = {65536, 65536};
	uint16_t port;

	parse_options(argc, argv);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	g.epoll = epoll_create1(0);
	g.sip = open_udp(0, &port);
	g.local.sin_port = htons(port);
	watch(g.sip, CALLS_MAX);
	if (g.least == 0) /* else nobody tells it anything */
		watch(0, CALLS_MAX + 1);
	for (unsigned i = 0; i < g.calls; i++) {
		struct call *c = &g.c[i];

		c->rtp = open_udp(g.port != 0 ? (uint16_t)(g.port + 2 * i) : 0, &c->port);
		c->number = i;
		c->bye_ns = UINT64_MAX;
		c->ssrc = g.run * 31 + i;
		c->seq = (uint16_t)(i * 977);
		c->ts = i * 7919;
		c->at = (i * 37 * FRAME) % g.ulaw_n;
		(void)setsockopt(c->rtp, SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int));
		watch(c->rtp, i);
	}
	while (!all_over()) {
		struct epoll_event e[256];
		int n = epoll_wait(g.epoll, e, 256, 1);

		for (int i = 0; i < n; i++) {
			if (e[i].data.u32 < CALLS_MAX)
				take_rtp(&g.c[e[i].data.u32]);
			else if (e[i].data.u32 == CALLS_MAX)
				take_sip();
			else
				take_command(now_ns());
		}
		tick(now_ns());
	}
	if (g.least > 0)
		return verdict();
	print_figures("final");
	return 0;
}
