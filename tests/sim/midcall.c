/* midcall.c - see midcall.h. Text in, text out, like the phones. */
#include "tests/sim/midcall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T1 (500 * MS)
#define T2 (4 * SECOND)
#define GIVE_UP (32 * SECOND)
#define INVITE_MAX (70 * SECOND)
#define TRIES 4u

/* ---- text ---- */

static void header(const char *text, const char *name, char *out, size_t cap)
{
	const char *p = strstr(text, name), *end = strstr(text, "\r\n\r\n");

	out[0] = '\0';
	if (p == NULL || (end != NULL && p > end))
		return;
	p += strlen(name);
	p += strspn(p, " ");
	snprintf(out, cap, "%.*s", (int)strcspn(p, "\r"), p);
}

static uint32_t cseq_of(const char *text)
{
	char value[64];

	header(text, "\nCSeq:", value, sizeof value);
	return (uint32_t)strtoul(value, NULL, 10);
}

static void send_text(struct midcall *m, const char *text)
{
	world_say(m->name, "-> %.*s", (int)strcspn(text, "\r"), text);
	net_send(&m->sip->at, m->peer, text, strlen(text));
}

/* ---- descriptions ---- */

static const char *direction_in(const char *text)
{
	static const char *const names[] = {"sendonly", "recvonly", "inactive"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char line[32];

		snprintf(line, sizeof line, "\na=%s", names[i]);
		if (strstr(text, line) != NULL)
			return names[i];
	}
	return "sendrecv";
}

static bool has_sdp(const char *text)
{
	return strstr(text, "\r\n\r\nv=0") != NULL;
}

/* The first payload type that we know; 255: none. */
static uint32_t codec_in(const char *text)
{
	const char *p = strstr(text, "\nm=audio ");
	char line[128];

	if (p == NULL || (p = strstr(p, "RTP/AVP")) == NULL)
		return 255;
	snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\r"), p);
	for (char *s = strtok(line + 7, " "); s != NULL; s = strtok(NULL, " "))
		if (strcmp(s, "0") == 0 || strcmp(s, "8") == 0)
			return (uint32_t)atoi(s);
	return 255;
}

static int describe(struct midcall *m, const char *direction, const char *codecs, char *sdp, size_t cap)
{
	char ip[64] = "";
	struct buf b = buf_of(ip, sizeof ip - 1);

	addr_print_ip(&b, &m->voice->rtp.at);
	return snprintf(sdp, cap,
			"v=0\r\no=- 1 %u IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP %s 101\r\n"
			"a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=%s\r\n",
			++m->version + 1, ip, ip, codecs, direction);
}

static int our_offer(struct midcall *m, char *sdp, size_t cap)
{
	return describe(m, m->holding ? "sendonly" : "sendrecv", m->codec == 8 ? "8" : "0", sdp, cap);
}

/* RFC 3264 6.1 */
static const char *mirrored(const struct midcall *m, const char *theirs)
{
	bool they_send = strcmp(theirs, "sendrecv") == 0 || strcmp(theirs, "sendonly") == 0;
	bool they_hear = strcmp(theirs, "sendrecv") == 0 || strcmp(theirs, "recvonly") == 0;
	bool we_hear = they_send && !m->holding;

	return we_hear ? they_hear ? "sendrecv" : "recvonly" : they_hear ? "sendonly" : "inactive";
}

/* What the two sides agreed on: what we said, and what they did. */
static void agree(struct midcall *m, const char *ours, const char *theirs, uint32_t codec)
{
	bool send = (ours[0] == 's') && (strcmp(theirs, "sendrecv") == 0 || strcmp(theirs, "recvonly") == 0);
	bool hear = (strcmp(ours, "sendrecv") == 0 || strcmp(ours, "recvonly") == 0) && theirs[0] == 's';

	world_say(m->name, "agreed: %s, they %s, codec %u", ours, theirs, codec);
	voice_agreed(m->voice, send, hear, codec);
}

static int our_answer(struct midcall *m, const char *theirs, char *sdp, size_t cap)
{
	const char *ours = mirrored(m, direction_in(theirs));
	uint32_t codec = codec_in(theirs);

	if (codec == 255)
		return -1;
	m->codec = codec;
	agree(m, ours, direction_in(theirs), codec);
	return describe(m, ours, codec == 8 ? "8" : "0", sdp, cap);
}

/* ---- the session timer ---- */

void midcall_session(struct midcall *m, const char *text, bool ours)
{
	char value[128];
	bool uac;

	header(text, "\nSession-Expires:", value, sizeof value);
	m->session_s = (uint32_t)atoi(value);
	uac = strstr(value, "refresher=uac") != NULL;
	m->refresh_ns = m->session_s != 0 && uac == ours ? world.now_ns + m->session_s * SECOND / 2 : NEVER;
}

/* ---- requests of ours ---- */

static int head(struct midcall *m, const char *method, uint32_t cseq, const char *branch, char *out, size_t cap)
{
	return snprintf(out, cap,
			"%s sip:echo@127.77.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%s%u;rport\r\nMax-Forwards: 70\r\n"
			"From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:%s>\r\n",
			method, addr_text(&m->sip->at).z, m->name, branch, cseq, m->local, m->remote, m->call_id, cseq, method,
			addr_text(&m->sip->at).z);
}

static void finish_text(char *text, size_t cap, int n, const char *lines, const char *sdp)
{
	snprintf(text + n, cap - (size_t)n, "%s%sContent-Length: %zu\r\n\r\n%s", lines,
		 strncmp(sdp, "v=0", 3) == 0 ? "Content-Type: application/sdp\r\n" : "", strlen(sdp), sdp);
}

static bool is_invite(enum midcall_act a)
{
	return a < ACT_INFO && a != ACT_UPDATE;
}

/* RFC 3515: what is said of a REFER, in either direction. */
static void transfer_lines(struct midcall *m, char *lines, size_t cap, char *body, size_t body_cap)
{
	uint32_t target = CALLEES + (uint32_t)world_below(TARGETS);
	struct addr at = callee_address(target);
	bool last = m->notifies_left == 1;

	if (m->act == ACT_REFER) {
		m->refer_over = false;
		m->refer_ns = 0;
		snprintf(lines, cap, "Refer-To: <sip:t%u@%s>\r\nReferred-By: <sip:%s@sim>\r\n", target, addr_text(&at).z, m->name);
		return;
	}
	snprintf(lines, cap, "Event: refer;id=%u\r\nSubscription-State: %s\r\nContent-Type: message/sipfrag\r\n", m->notify_id,
		 last ? "terminated;reason=noresource" : "active;expires=60");
	snprintf(body, body_cap, "SIP/2.0 %s\r\n", !last ? "100 Trying" : m->notify_id % 3 == 0 ? "486 Busy Here" : "200 OK");
}

static void send_act(struct midcall *m)
{
	static const char *const methods[] = {[ACT_UPDATE] = "UPDATE", [ACT_INFO] = "INFO", [ACT_REFER] = "REFER", [ACT_NOTIFY] = "NOTIFY"};
	const char *method = is_invite(m->act) ? "INVITE" : methods[m->act];
	char sdp[512] = "";
	char lines[512] = "";
	int n;

	if (m->act == ACT_REFER || m->act == ACT_NOTIFY)
		transfer_lines(m, lines, sizeof lines, sdp, sizeof sdp);
	if (m->act < ACT_INFO && m->session_s != 0)
		snprintf(lines, sizeof lines, "Supported: timer\r\nSession-Expires: %u;refresher=uac\r\n", m->session_s);
	m->offers = m->act < ACT_INFO && m->act != ACT_LATE;
	if (m->offers)
		our_offer(m, sdp, sizeof sdp);
	m->out = m->voice->changing = true;
	m->out_cseq = ++*m->cseq;
	n = head(m, method, m->out_cseq, "q", m->out_text, sizeof m->out_text);
	finish_text(m->out_text, sizeof m->out_text, n, lines, sdp);
	send_text(m, m->out_text);
	m->interval_ns = T1;
	m->resend_ns = world.now_ns + T1;
	m->give_up_ns = world.now_ns + GIVE_UP;
}

static void begin_act(struct midcall *m, enum midcall_act a)
{
	m->was_holding = m->holding;
	m->was_codec = m->codec;
	if (a == ACT_HOLD || a == ACT_RESUME)
		m->holding = a == ACT_HOLD;
	else if (a == ACT_UPDATE)
		m->holding = !m->holding;
	else if (a == ACT_CODEC)
		m->codec = m->codec == 8 ? 0 : 8;
	m->act = a;
	m->tries = 0;
	send_act(m);
}

static void on_beat(void *self)
{
	midcall_tick(self);
}

static void plan_next(struct midcall *m)
{
	m->act_ns = m->acts_left > 0 && !m->ended ? world.now_ns + world_below(1500) * MS : NEVER;
	if (m->act_ns == NEVER || world_chance(0.4))
		return;
	m->act_ns = world_beat(m->act_ns);
	world_at(m->act_ns, on_beat, m);
}

static void no_change(struct midcall *m)
{
	m->holding = m->was_holding;
	m->codec = m->was_codec;
	plan_next(m);
}

/* One final response for each request, whoever died. */
static bool is_new_final(struct midcall *m, uint32_t cseq, int code)
{
	for (uint32_t i = 0; i < m->final_n; i++) {
		if (m->finals[i].cseq != cseq)
			continue;
		if (m->finals[i].code != code)
			world_wrong("%s: request %u was answered with %d and with %d", m->name, cseq, m->finals[i].code, code);
		return false;
	}
	if (m->final_n < MIDCALL_KEPT) {
		m->finals[m->final_n].cseq = cseq;
		m->finals[m->final_n++].code = code;
	}
	return true;
}

static void make_ack(struct midcall *m, const char *text, int code)
{
	char sdp[512] = "";
	int n;

	if (code < 300 && !m->offers && has_sdp(text) && our_answer(m, text, sdp, sizeof sdp) < 0)
		world_wrong("%s: an offer of codecs that nobody has", m->name);
	n = head(m, "ACK", m->out_cseq, code < 300 ? "k" : "q", m->ack, sizeof m->ack);
	finish_text(m->ack, sizeof m->ack, n, "", sdp);
	m->ack_cseq = m->out_cseq;
}

static bool is_calm(void)
{
	return world.kills == 0 && world.faults.loss == 0 && world.faults.duplicate == 0;
}

static void succeeded(struct midcall *m, const char *text)
{
	uint32_t codec = codec_in(text);

	if (m->act == ACT_REFER && m->refer_ns == 0)
		m->refer_ns = world.now_ns;
	if (m->act < ACT_INFO)
		midcall_session(m, text, true);
	if (m->offers && codec != m->codec)
		world_wrong("%s: offered codec %u and the answer has %u", m->name, m->codec, codec);
	else if (m->offers)
		agree(m, m->holding ? "sendonly" : "sendrecv", direction_in(text), codec);
	plan_next(m);
}

static void refused(struct midcall *m, int code)
{
	if ((code == 491 || code == 500) && ++m->tries < TRIES && !m->ended) {
		m->act_ns = world.now_ns + (m->owner ? 2100 + world_below(1900) : world_below(2000)) * MS;
		return;
	}
	if (code == 481 || code == 408 || code == 487)
		m->acts_left = 0; /* a BYE comes, or has come */
	else if (m->act < ACT_REFER && code != 491 && code != 500 && !m->ended && is_calm())
		world_wrong("%s: %d to a request in the call", m->name, code);
	m->tries = 0;
	no_change(m);
}

static bool took_response(struct midcall *m, const char *text)
{
	int code = atoi(text + 8);
	uint32_t cseq = cseq_of(text);
	char method[64];

	header(text, "\nCSeq:", method, sizeof method);
	if (strstr(method, "BYE") != NULL || strstr(method, "CANCEL") != NULL || m->out_cseq == 0 || (m->owner && cseq == 1))
		return false;
	if (code < 200) {
		if (m->out && cseq == m->out_cseq && is_invite(m->act)) {
			m->resend_ns = NEVER;
			m->give_up_ns = world.now_ns + INVITE_MAX;
		}
		return true;
	}
	if (!is_new_final(m, cseq, code) || cseq != m->out_cseq || !m->out) {
		if (strstr(method, "INVITE") != NULL && cseq == m->ack_cseq)
			send_text(m, m->ack);
		return true;
	}
	m->out = false;
	m->resend_ns = NEVER;
	if (is_invite(m->act)) {
		make_ack(m, text, code);
		send_text(m, m->ack);
	}
	if (code < 300)
		succeeded(m, text);
	else
		refused(m, code);
	return true;
}

/* ---- requests of theirs ---- */

static void respond(struct midcall *m, const char *request, const char *status, const char *sdp)
{
	static const char *const copied[] = {"\nVia:", "\nFrom:", "\nTo:", "\nCall-ID:", "\nCSeq:"};
	char text[MIDCALL_TEXT], value[512], lines[256] = "";
	uint32_t i = m->served_n % MIDCALL_KEPT;
	int n = snprintf(text, sizeof text, "SIP/2.0 %s\r\n", status);

	for (size_t k = 0; k < sizeof copied / sizeof copied[0]; k++) {
		header(request, copied[k], value, sizeof value);
		n += snprintf(text + n, sizeof text - (size_t)n, "%s %s\r\n", copied[k] + 1, value);
	}
	header(request, "\nSession-Expires:", value, 128);
	if (status[0] == '2' && value[0] != '\0')
		snprintf(lines, sizeof lines, "Require: timer\r\nSession-Expires: %.100s%s\r\n", value,
			 strstr(value, "refresher") == NULL ? ";refresher=uac" : "");
	n += snprintf(text + n, sizeof text - (size_t)n, "Contact: <sip:%s>\r\n", addr_text(&m->sip->at).z);
	finish_text(text, sizeof text, n, lines, sdp);
	if (lines[0] != '\0')
		midcall_session(m, text, false);
	if (status[0] != '1') {
		m->served[i].cseq = cseq_of(request);
		memcpy(m->served[i].text, text, sizeof text);
		m->served_n++;
	}
	if (status[0] == '2' && strncmp(request, "INVITE ", 7) == 0) {
		m->unacked = cseq_of(request);
		memcpy(m->ok, text, sizeof text);
		m->again_interval_ns = T1;
		m->again_ns = world.now_ns + T1;
		m->again_end_ns = world.now_ns + GIVE_UP;
	}
	send_text(m, text);
}

static void answer(struct midcall *m, const char *request)
{
	char sdp[512] = "";

	if (world_chance(0.1)) {
		respond(m, request, "488 Not Acceptable Here", "");
		return;
	}
	if (has_sdp(request) && our_answer(m, request, sdp, sizeof sdp) < 0)
		respond(m, request, "488 Not Acceptable Here", "");
	else
		respond(m, request, "200 OK", sdp);
}

/* Until the last, and nothing behind it. */
static void notified(struct midcall *m, const char *text)
{
	char state[128];

	header(text, "\nSubscription-State:", state, sizeof state);
	if (m->refer_over && world.kills == 0 && world.faults.delay_ns < 5 * MS)
		world_wrong("%s: something is said of a transfer that is over", m->name);
	m->refer_over |= strncmp(state, "terminated", 10) == 0;
	respond(m, text, "200 OK", "");
}

static void referred(struct midcall *m, const char *text)
{
	if (m->notifies_left > 0 || world_chance(0.2)) {
		respond(m, text, "603 Decline", "");
		return;
	}
	m->notify_id = cseq_of(text);
	m->notifies_left = 1 + (uint32_t)world_below(3);
	m->notify_ns = world.now_ns + world_below(400) * MS;
	respond(m, text, "202 Accepted", "");
}

static void asked(struct midcall *m, const char *text)
{
	bool invites = strncmp(text, "INVITE ", 7) == 0, offers = invites || has_sdp(text);

	if (m->ended)
		respond(m, text, "481 Call/Transaction Does Not Exist", "");
	else if (cseq_of(text) < m->highest)
		respond(m, text, "500 Out Of Order", "");
	else if (strncmp(text, "NOTIFY ", 7) == 0)
		notified(m, text);
	else if (strncmp(text, "REFER ", 6) == 0)
		referred(m, text);
	else if (offers && (m->early || (m->out && m->act < ACT_INFO) || m->unacked != 0 || m->answer_ns != NEVER))
		respond(m, text, "491 Request Pending", "");
	else if (invites && world_chance(0.2)) {
		snprintf(m->waiting, sizeof m->waiting, "%s", text);
		m->answer_ns = world.now_ns + world_below(700 * MS);
		respond(m, text, "100 Trying", "");
	} else
		answer(m, text);
	if (cseq_of(text) > m->highest)
		m->highest = cseq_of(text);
}

static void cancelled(struct midcall *m, const char *text)
{
	bool waits = m->answer_ns != NEVER && cseq_of(m->waiting) == cseq_of(text);
	uint32_t kept = m->served_n;

	respond(m, text, "200 OK", "");
	m->served_n = kept; /* what is kept under this number is the INVITE's */
	if (!waits)
		return;
	m->answer_ns = NEVER;
	respond(m, m->waiting, "487 Request Terminated", "");
}

static const char *served(const struct midcall *m, uint32_t cseq)
{
	for (uint32_t i = 0; i < MIDCALL_KEPT; i++)
		if (m->served[i].cseq != 0 && m->served[i].cseq == cseq)
			return m->served[i].text;
	return NULL;
}

static bool took_again(struct midcall *m, const char *text)
{
	if (m->answer_ns != NEVER && cseq_of(m->waiting) == cseq_of(text))
		return true;
	if (served(m, cseq_of(text)) == NULL)
		return false;
	send_text(m, served(m, cseq_of(text)));
	return true;
}

bool midcall_take(struct midcall *m, const char *text)
{
	char to[300];

	header(text, "\nTo:", to, sizeof to);
	if (!m->began || strstr(to, "tag=") == NULL)
		return false;
	if (strncmp(text, "SIP/2.0 ", 8) == 0)
		return took_response(m, text);
	if (strncmp(text, "ACK ", 4) == 0) {
		if (cseq_of(text) == m->unacked)
			m->unacked = 0;
		return served(m, cseq_of(text)) != NULL;
	}
	if (strncmp(text, "CANCEL ", 7) == 0)
		cancelled(m, text);
	else if (strncmp(text, "BYE ", 4) == 0 || strncmp(text, "PRACK ", 6) == 0)
		return false;
	else if (!took_again(m, text))
		asked(m, text);
	return true;
}

/* ---- its time ---- */

void midcall_begin(struct midcall *m)
{
	m->began = true;
	m->codec = 0;
	m->answer_ns = m->refresh_ns = m->again_ns = m->resend_ns = m->give_up_ns = NEVER;
	m->acts_left = world_chance(0.5) ? 1 + (uint32_t)world_below(4) : 0;
	plan_next(m);
}

void midcall_hurry(struct midcall *m)
{
	m->acts_left++;
	m->act_ns = world.now_ns;
}

void midcall_end(struct midcall *m)
{
	if (!m->began || m->ended)
		return;
	if (m->refer_ns != 0 && !m->refer_over && world.now_ns > m->refer_ns + 15 * SECOND && world.kills == 0)
		world_wrong("%s: nobody says how its transfer went", m->name);
	m->ended = true;
	m->act_ns = m->refresh_ns = NEVER;
	m->unacked = 0; /* RFC 5407 3.3.1: whoever hangs up has no use for it */
	if (m->answer_ns != NEVER)
		respond(m, m->waiting, "487 Request Terminated", "");
	m->answer_ns = NEVER;
}

void midcall_tick(struct midcall *m)
{
	if (!m->began)
		return;
	if (m->out && world.now_ns >= m->give_up_ns) {
		m->out = false;
		if (!m->ended && world.kills_of[ROLE_SIGNALING] == 0)
			world_wrong("%s: nobody answers request %u", m->name, m->out_cseq);
		no_change(m);
	} else if (m->out && world.now_ns >= m->resend_ns) {
		send_text(m, m->out_text);
		m->interval_ns = is_invite(m->act) || 2 * m->interval_ns < T2 ? 2 * m->interval_ns : T2;
		m->resend_ns = world.now_ns + m->interval_ns;
	}
	if (m->answer_ns != NEVER && world.now_ns >= m->answer_ns) {
		m->answer_ns = NEVER;
		answer(m, m->waiting);
	}
	if (m->unacked != 0 && world.now_ns >= m->again_end_ns) {
		world_wrong("%s: nobody acknowledges the answer to %u", m->name, m->unacked);
		m->unacked = 0;
	} else if (m->unacked != 0 && world.now_ns >= m->again_ns) {
		send_text(m, m->ok);
		m->again_interval_ns = 2 * m->again_interval_ns < T2 ? 2 * m->again_interval_ns : T2;
		m->again_ns = world.now_ns + m->again_interval_ns;
	}
	m->voice->changing = !midcall_is_quiet(m);
	if (m->notifies_left > 0 && world.now_ns >= m->notify_ns && m->tries == 0 && !m->out && !m->early && !m->ended) {
		begin_act(m, ACT_NOTIFY);
		m->notifies_left--;
		m->notify_ns = world.now_ns + world_below(800) * MS;
		return;
	}
	if (world.now_ns >= m->refresh_ns && m->tries == 0 && !m->out && !m->early && m->unacked == 0 && m->answer_ns == NEVER && !m->ended) {
		m->refresh_ns = NEVER;
		begin_act(m, ACT_SAME);
		return;
	}
	if (m->act_ns == NEVER || world.now_ns < m->act_ns || m->out)
		return;
	if (m->early || m->unacked != 0 || m->answer_ns != NEVER) {
		m->act_ns = world.now_ns + 50 * MS; /* RFC 3261 14.1 */
		return;
	}
	m->act_ns = NEVER;
	if (m->tries > 0)
		send_act(m);
	else if (!m->ended && m->acts_left > 0) {
		m->acts_left--;
		begin_act(m, (enum midcall_act)world_below(ACTS));
	}
}

bool midcall_is_quiet(const struct midcall *m)
{
	return !m->out && m->unacked == 0 && m->answer_ns == NEVER;
}
