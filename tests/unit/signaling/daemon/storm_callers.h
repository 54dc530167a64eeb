/* storm_callers.h - the callers of storm.h, which includes it. */
#pragma once

static const char storm_sdp[] =
	"v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";

static const char storm_other_sdp[] =
	"v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	"m=audio 4002 RTP/AVP 8\r\na=sendonly\r\n";

/* What callers know of reliable provisionals. */
static const char *const storm_100rel[STORM_CALLERS] = {"", "Supported: 100rel\r\n", "Require: 100rel\r\n"};

static void storm_request(uint32_t who, const char *method, uint32_t cseq,
			  const char *branch, const char *body)
{
	const struct storm_caller *c = &storm->callers[who];
	bool prack = strcmp(method, "PRACK") == 0, invite = strcmp(method, "INVITE") == 0;
	const char *to_tag = prack ? c->early_tag : c->to_tag;
	char text[STORM_BYTES], rack[64] = "";
	bool in_dialog = to_tag[0] != '\0' && strcmp(method, "CANCEL") != 0;
	int n;

	if (prack)
		snprintf(rack, sizeof rack, "RAck: %u %u INVITE\r\n", c->rseq, c->invite_cseq);
	n = snprintf(text, sizeof text,
			 "%s sip:echo@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP "
			 "192.0.2.1:%u;branch=z9hG4bK%s\r\n"
			 "Max-Forwards: 70\r\nFrom: <sip:a@192.0.2.1>;tag=f%u\r\nTo: "
			 "<sip:echo@192.0.2.9>%s%s\r\n"
			 "Call-ID: %u-%u\r\nCSeq: %u %s\r\nContact: "
			 "<sip:a@192.0.2.1:%u>\r\n%s%s%sContent-Length: %zu\r\n\r\n%s",
			 method, 5062u + who, branch, who, in_dialog ? ";tag=" : "",
			 in_dialog ? to_tag : "", who, c->call, cseq, method,
			 5062u + who, rack, invite ? storm_100rel[who] : "",
			 body[0] != '\0' ? "Content-Type: application/sdp\r\n" : "",
			 strlen(body), body);

	must(n > 0 && (size_t)n < sizeof text);
	storm_post(true, who, text, (size_t)n);
}

static void storm_branch(uint32_t who, char out[32])
{
	snprintf(out, 32, "%u.%u", who, storm->packets++);
}

static void storm_invite(uint32_t who, const char *sdp)
{
	struct storm_caller *c = &storm->callers[who];
	struct storm_invite *i;

	if (c->over || c->cseq + 1 >= STORM_INVITES) {
		uint32_t call = c->call + 1;

		*c = (struct storm_caller){.call = call};
	}
	c->invite_cseq = ++c->cseq;
	i = &c->invites[c->invite_cseq];
	storm_branch(who, i->branch);
	i->first_ms = storm->actor.now_ms;
	storm_request(who, "INVITE", c->invite_cseq, i->branch, sdp);
}

static void storm_invite_again(uint32_t who)
{
	struct storm_caller *c = &storm->callers[who];
	struct storm_invite *i = &c->invites[c->invite_cseq];
	bool first = c->to_tag[0] == '\0';

	if (first && c->invite_cseq != 0 && i->final == 0 &&
	    storm->actor.now_ms < i->first_ms + 27000)
		storm_request(who, "INVITE", c->invite_cseq, i->branch, storm_sdp);
}

static void storm_ack(uint32_t who)
{
	struct storm_caller *c = &storm->callers[who];
	struct storm_invite *i = &c->invites[c->invite_cseq];
	char branch[32];

	if (i->final == 0)
		return;
	storm_branch(who, branch);
	storm_request(who, "ACK", c->invite_cseq, i->final < 300 ? branch : i->branch,
		      "");
}

/* Of the last reliable provisional, again and again. */
static void storm_prack(uint32_t who)
{
	struct storm_caller *c = &storm->callers[who];
	char branch[32];

	if (c->rseq == 0 || c->cseq + 2 >= STORM_INVITES)
		return;
	storm_branch(who, branch);
	storm_request(who, "PRACK", ++c->cseq, branch, "");
}

static void storm_take_provisional(struct storm_caller *c, const struct sip_msg *m, struct str to_tag)
{
	uint32_t rseq;

	if (!sip_is_reliable(m, &rseq))
		return;
	must(c->rseq == 0 || rseq <= c->rseq + 1); /* no other one before its PRACK */
	c->rseq = rseq > c->rseq ? rseq : c->rseq;
	must(str_copy(c->early_tag, sizeof c->early_tag, to_tag) == 0);
}

static void storm_say(uint32_t who, const char *method, const char *body)
{
	struct storm_caller *c = &storm->callers[who];
	char branch[32];

	if (c->to_tag[0] == '\0')
		return;
	storm_branch(who, branch);
	storm_request(who, method, ++c->cseq, branch, body);
	if (c->cseq + 2 >= STORM_INVITES)
		c->over = true;
}

static void storm_in_dialog(uint32_t who, const char *method)
{
	storm_say(who, method, "");
}

static void storm_take_response(uint32_t who, const struct sip_msg *m, const char *p,
				size_t n)
{
	struct storm_caller *c = &storm->callers[who];
	struct storm_invite *i;
	struct sip_nameaddr to;
	struct sip_cseq cseq;
	char call_id[32];

	snprintf(call_id, sizeof call_id, "%u-%u", who, c->call);
	must(sip_cseq_parse(sip_value(m, SIP_CSEQ), &cseq) == 0 &&
	     sip_nameaddr_parse(sip_value(m, SIP_TO), &to) == 0);
	if (!str_eq(sip_value(m, SIP_CALL_ID), str_of(call_id)))
		return; /* of a call before */
	if (str_eq(cseq.method, STR("BYE")) && m->status >= 200)
		c->over = true;
	if (!str_eq(cseq.method, STR("INVITE")))
		return;
	if (m->status < 200) {
		storm_take_provisional(c, m, to.tag);
		return;
	}
	must(cseq.number < STORM_INVITES);
	i = &c->invites[cseq.number];
	if (i->final == 0) {
		i->final = m->status;
		i->hash = map_hash(&(struct map_key){1, 2}, p, n);
	}
	must(i->final == m->status && i->hash == map_hash(&(struct map_key){1, 2}, p, n));
	if (m->status < 300 && c->to_tag[0] == '\0')
		must(str_copy(c->to_tag, sizeof c->to_tag, to.tag) == 0 && to.tag.n > 0);
	if (m->status >= 300 && c->to_tag[0] == '\0')
		c->over = true;
}

static void storm_respond(uint32_t who, const struct sip_msg *m, const char *status, const char *body)
{
	static const enum sip_header kept[] = {SIP_VIA, SIP_FROM, SIP_TO, SIP_CALL_ID,
					       SIP_CSEQ};
	char text[STORM_BYTES];
	struct buf b = buf_of(text, sizeof text);

	buf_z(&b, "SIP/2.0 ");
	buf_z(&b, status);
	buf_z(&b, "\r\n");
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		must(sip_line(&b, str_of(sip_header_name(kept[i])),
			      sip_value(m, kept[i])) == 0);
	if (body[0] != '\0')
		buf_z(&b, "Content-Type: application/sdp\r\n");
	buf_z(&b, "Content-Length: ");
	buf_u64(&b, strlen(body));
	buf_z(&b, "\r\n\r\n");
	buf_z(&b, body);
	must(buf_ok(&b));
	storm_post(true, who, b.p, b.n);
}

/* Of ours: BYE, or what has to do with a re-INVITE. */
static void storm_take_request(uint32_t who, const struct sip_msg *m, bool answer)
{
	struct sip_core core;

	must(m->fault == 0 && sip_validate(m, &core).status == 0);
	must(m->method == SIP_M_BYE || m->method == SIP_M_INVITE || m->method == SIP_M_ACK || m->method == SIP_M_CANCEL);
	if (!answer || m->method == SIP_M_ACK)
		return;
	if (m->method == SIP_M_INVITE) {
		if (storm->asked != NULL)
			storm->asked(who, m);
		return;
	}
	storm->callers[who].over |= m->method == SIP_M_BYE;
	storm_respond(who, m, "200 OK", "");
}

static void storm_deliver(uint32_t at, bool keep, bool answer)
{
	struct storm_packet k = storm->net[at];
	static struct sip_msg m;

	if (!keep)
		storm->net[at] = storm->net[--storm->net_count];
	if (k.to_us) {
		struct sip_packet in = {.p = k.p,
					.n = k.n,
					.flow = {.listener = 1},
					.source = {.family = ADDR_V4,
						   .port = (uint16_t)(5062 + k.caller),
						   .ip = {192, 0, 2, 1}}};
		struct sip_effects fx;

		sip_stack_input(&storm->s.stack, &in, storm->actor.now_ms, &fx);
		from_peer(&storm->s, &fx);
		return;
	}
	must(sip_parse(k.p, k.n, &m) == 0);
	if (storm->take != NULL && storm->take(k.caller, &m, (struct str){k.p, k.n}))
		return;
	if (m.is_request)
		storm_take_request(k.caller, &m, answer);
	else
		storm_take_response(k.caller, &m, k.p, k.n);
}

/* ---- what happens ---- */

static void storm_fate(uint8_t arg)
{
	switch (arg % 5) {
	case 0:
		storm_kill_idle();
		break;
	case 4:
		storm->fuse = 1 + arg / 5 % 16;
		break;
	case 1:
		storm->control_up = false;
		break;
	case 2: /* a new control asks who is there */
		storm->control_up = true;
		to_bus_roster(&storm->s);
		break;
	case 3:
		storm_pass(arg >= 128 ? 33000 : 9000);
		break;
	}
}

static void storm_network(unsigned op, uint8_t arg)
{
	uint32_t at = storm->net_count != 0 ? arg % storm->net_count : 0;

	if (storm->net_count == 0)
		return;
	if (op == 9)
		storm->net[at] = storm->net[--storm->net_count]; /* lost */
	else
		storm_deliver(at, op == 8, (arg & 64) == 0);
}

static inline void storm_caller_does(unsigned op, uint32_t who, uint8_t arg)
{
	struct storm_caller *c = &storm->callers[who];
	bool calling = c->to_tag[0] == '\0' && c->cseq != 0 && !c->over;

	if (op == 0 && !calling)
		storm_invite(who, storm_sdp); /* or a re-INVITE */
	else if (op == 1)
		storm_invite_again(who);
	else if (op == 2 && calling)
		storm_request(who, "CANCEL", c->invite_cseq,
			      c->invites[c->invite_cseq].branch, "");
	else if (op == 3 && calling && c->invites[c->invite_cseq].final == 0)
		storm_prack(who);
	else if (op == 3)
		storm_ack(who);
	else if (op == 4)
		storm_in_dialog(who, "BYE");
	else if (op == 5 && c->to_tag[0] != '\0' && !c->over)
		storm_invite(who, arg < 64 ? "v=0\r\n" : arg < 128 ? storm_sdp : storm_other_sdp);
	else if (op == 6)
		storm_say(who, arg < 64 ? "OPTIONS" : "UPDATE", arg < 128 ? "" : arg < 192 ? storm_sdp : storm_other_sdp);
}
