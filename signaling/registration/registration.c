/* registration.c - see registration.h: settings, requests and what their answers say. */
#include "signaling/registration/registration.h"

#include "signaling/sip/request.h"
#include "signaling/sip/uri.h"

#define SIP_PORT 5060

/* ---- settings ---- */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters, digits and some more; never empty. */
static bool is_of(struct str s, const char *more)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || (!is_alnum(s.p[i]) && strchr(more, s.p[i]) == NULL))
			return false;
	return s.n > 0;
}

/* What stands before the @ (RFC 3261 25.1, user), without what would need quotes around it. */
static bool is_user(struct str s)
{
	return is_of(s, "-_.!~*'()&=+$/%");
}

static int parse_aor(const struct registration_settings *s, struct sip_uri *ret)
{
	int err = sip_uri_parse(str_of(s->aor), ret);

	if (err != 0 || !str_ieq(ret->scheme, STR("sip")) || ret->params.n > 0 ||
	    ret->headers.n > 0 || !is_user(ret->user) || !is_of(ret->host, "-.:"))
		return ERR_SYNTAX;
	return 0;
}

static const char *fault_of(const struct registration_settings *s)
{
	struct sip_login l = {.username = str_of(s->username), .realm = str_of(s->realm)};
	struct sip_uri aor;

	if (!is_of(str_of(s->name), "-_.@:+"))
		return "a name has letters, digits and -_.@:+";
	if (parse_aor(s, &aor) != 0)
		return "an aor is like sip:user@example.com";
	if (s->registrar.family == ADDR_NONE || addr_is_any(&s->registrar) ||
	    addr_is_multicast(&s->registrar))
		return "a registrar is an address, as 192.0.2.1 or 192.0.2.1:5060";
	if (!is_user(str_of(s->contact_user)))
		return "a contact_user is what stands before the @ of a SIP URI";
	if (!sip_login_is_sound(&l))
		return "quotes, backslashes or control characters in username or realm";
	if (s->expires_s < REGISTRATION_LEAST_S || s->expires_s > REGISTRATION_MOST_S)
		return "expires is 1 to 604800 seconds";
	return NULL;
}

int registration_check(struct registration_settings *s, const char **ret_why)
{
	struct sip_uri aor;

	if (s->registrar.port == 0)
		s->registrar.port = SIP_PORT;
	if (s->expires_s == 0)
		s->expires_s = REGISTRATION_EXPIRES_S;
	if (s->contact_user[0] == '\0' && parse_aor(s, &aor) == 0 &&
	    str_copy(s->contact_user, sizeof s->contact_user, aor.user) != 0) {
		*ret_why = "its user is too long for a Contact: give a contact_user";
		return ERR_SYNTAX;
	}
	*ret_why = fault_of(s);
	return *ret_why == NULL ? 0 : ERR_SYNTAX;
}

bool registration_is_same(const struct registration_settings *a,
			  const struct registration_settings *b)
{
	return addr_eq(&a->registrar, &b->registrar) && strcmp(a->aor, b->aor) == 0 &&
	       strcmp(a->contact_user, b->contact_user) == 0;
}

void registration_open(struct registration *g, const struct registration_settings *s,
		       struct str call_id, struct str tag)
{
	g->r.set = *s;
	g->r.head.act_ms = UINT64_MAX;
	(void)!str_copy(g->r.call_id, sizeof g->r.call_id, call_id);
	(void)!str_copy(g->r.tag, sizeof g->r.tag, tag);
	g->dirty = true;
}

bool registration_change(struct registration *g, const struct registration_settings *s,
			 struct str password)
{
	struct registration_settings *mine = &g->r.set;
	bool other_login = strcmp(mine->username, s->username) != 0 ||
			   strcmp(mine->realm, s->realm) != 0;
	bool known_again = g->password[0] == '\0' && g->r.head.expires_ms != 0;
	bool other = other_login || mine->expires_s != s->expires_s ||
		     (!known_again && !str_eq(str_of(g->password), password));

	if (other_login)
		memset(&g->r.auth, 0, sizeof g->r.auth); /* asked of somebody else */
	*mine = *s;
	sip_hash_wipe(g->password, sizeof g->password);
	(void)!str_copy(g->password, sizeof g->password, password);
	g->dirty = true;
	return other;
}

/* Without the password we are nobody: an empty one would be counted as a wrong one. */
static struct sip_login login_of(const struct registration *g)
{
	struct sip_login l = {.username = str_of(g->r.set.username),
			      .password = str_of(g->password),
			      .realm = str_of(g->r.set.realm)};

	if (l.password.n == 0)
		l.username = (struct str){"", 0};
	return l;
}

/* ---- requests ---- */

static void put_contact(struct buf *b, const struct registration_settings *s,
			const struct addr *local)
{
	buf_z(b, "sip:");
	buf_z(b, s->contact_user);
	buf_char(b, '@');
	addr_print(b, local);
}

static void put_uri(struct buf *b, const struct registration_settings *s)
{
	const char *at = strchr(s->aor, '@');

	buf_z(b, "sip:");
	buf_z(b, at != NULL ? at + 1 : "");
}

/* Both name us; the target is the domain alone (RFC 3261 10.2). */
static int open_request(struct sip_dialog *d, const struct registration_record *r, struct str uri)
{
	return sip_dialog_open(d, &(struct sip_opening){
					  .call_id = str_of(r->call_id),
					  .local_tag = str_of(r->tag),
					  .target = uri,
					  .local_uri = str_of(r->set.aor),
					  .remote_uri = str_of(r->set.aor),
					  .cseq = r->head.cseq,
				  });
}

static void put_expires(struct buf *b, const struct registration_head *h)
{
	bool leaving = h->state == BIND_UNREGISTERING || h->state == BIND_RETURNING;

	buf_z(b, "Expires: ");
	buf_u64(b, leaving ? 0 : h->asked_s);
	buf_z(b, "\r\n");
}

/* What of a request is text of its own. */
struct parts {
	char uri[REGISTRATION_AOR_BYTES + 8], via[64], contact[192], expires[32];
	char credentials[SIP_AUTH_SLOTS * 2048u];
};

int registration_print(struct registration *g, const struct registration_send *how,
		       struct buf *b)
{
	struct parts p;
	struct buf uri = buf_of(p.uri, sizeof p.uri), via = buf_of(p.via, sizeof p.via),
		   contact = buf_of(p.contact, sizeof p.contact),
		   expires = buf_of(p.expires, sizeof p.expires),
		   credentials = buf_of(p.credentials, sizeof p.credentials);
	struct sip_login l = login_of(g);
	struct sip_request r = {.method = SIP_M_REGISTER,
				.transport = SIP_UDP,
				.branch = how->branch,
				.user_agent = how->user_agent};
	struct sip_dialog d;
	int err;

	put_uri(&uri, &g->r.set);
	addr_print(&via, &how->local);
	put_contact(&contact, &g->r.set, &how->local);
	put_expires(&expires, &g->r.head);
	err = sip_auth_put(&g->r.auth, &l,
			   &(struct sip_auth_request){STR("REGISTER"), buf_str(&uri)},
			   &credentials);
	if (err == 0 && !(buf_ok(&uri) && buf_ok(&via) && buf_ok(&contact)))
		err = ERR_NOSPC;
	if (err == 0)
		err = open_request(&d, &g->r, buf_str(&uri));
	if (err != 0)
		return err;
	r.via_host = buf_str(&via);
	r.contact = buf_str(&contact);
	r.headers = buf_str(&expires);
	r.credentials = buf_str(&credentials);
	err = sip_request_print(b, &d, &r);
	if (err != 0)
		return err;
	g->r.head.cseq++;
	g->r.head.local = how->local;
	return 0;
}

/* ---- responses ---- */

/* Seconds, whatever is behind them (Retry-After has comments and parameters). */
static bool take_seconds(struct str value, uint32_t *ret)
{
	struct scan s = scan_of(value);

	sip_lws(&s);
	*ret = scan_u32(&s);
	if (s.err == ERR_RANGE)
		*ret = UINT32_MAX; /* RFC 3261 20.19: as much as there is */
	return s.err == 0 || s.err == ERR_RANGE;
}

static bool is_ours(const struct registration *g, struct str text)
{
	char area[256];
	struct buf b = buf_of(area, sizeof area);
	struct sip_uri mine, theirs;

	put_contact(&b, &g->r.set, &g->r.head.local);
	return buf_ok(&b) && sip_uri_parse(buf_str(&b), &mine) == 0 &&
	       sip_uri_parse(text, &theirs) == 0 && sip_uri_eq(&mine, &theirs);
}

static bool expires_of(const struct sip_nameaddr *a, uint32_t *ret)
{
	struct scan s = scan_of(a->params);
	struct sip_param p;

	while (sip_param_next(&s, &p))
		if (str_ieq(p.name, STR("expires")))
			return take_seconds(p.value, ret);
	return false;
}

/* Of several Contacts only ours counts (C252): others may be of other devices. */
static bool granted_to_us(const struct registration *g, const struct sip_msg *m, uint32_t *ret)
{
	for (uint16_t i = m->first[SIP_CONTACT]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		while (rest.n > 0) {
			struct sip_nameaddr a;

			if (sip_nameaddr_parse(sip_list_next(&rest), &a) == 0 &&
			    is_ours(g, a.uri) && expires_of(&a, ret))
				return true;
		}
	}
	return false;
}

static void say(struct registration *g, struct str why)
{
	if (why.n >= sizeof g->r.reason)
		why.n = sizeof g->r.reason - 1;
	for (size_t i = 0; i < why.n; i++)
		g->r.reason[i] = (unsigned char)why.p[i] < ' ' || (unsigned char)why.p[i] > '~'
					 ? '?'
					 : why.p[i];
	g->r.reason[why.n] = '\0';
}

static enum registration_event take_ok(struct registration *g, const struct sip_msg *m)
{
	struct registration_head *h = &g->r.head;
	uint32_t s = h->asked_s;

	if (h->state == BIND_UNREGISTERING || h->state == BIND_RETURNING)
		return BIND_EV_OK;
	if (!granted_to_us(g, m, &s) && sip_has(m, SIP_EXPIRES) &&
	    !take_seconds(sip_value(m, SIP_EXPIRES), &s))
		s = h->asked_s;
	if (s < REGISTRATION_LEAST_S) {
		say(g, STR("the registrar granted no time"));
		return BIND_EV_REFUSED;
	}
	h->granted_s = s < REGISTRATION_MOST_S ? s : REGISTRATION_MOST_S;
	return BIND_EV_OK;
}

static enum registration_event take_challenge(struct registration *g, const struct sip_msg *m,
					      uint64_t chance)
{
	struct sip_login l = login_of(g);

	switch (sip_auth_challenged(&g->r.auth, &l, m, chance)) {
	case SIP_AUTH_RETRY:
		return BIND_EV_AGAIN;
	case SIP_AUTH_REFUSED:
		say(g, STR("the registrar does not take this username and password"));
		break;
	case SIP_AUTH_UNABLE:
		say(g, g->r.set.username[0] == '\0'
			       ? STR("the registrar asks for a username, and there is none")
		       : g->password[0] == '\0' ? STR("the password is not known (any more)")
						: STR("it asks for what can not be answered"));
		break;
	}
	return BIND_EV_REFUSED;
}

/* No row in header.def: one answer to one method has it. */
static bool find_min_expires(const struct sip_msg *m, uint32_t *ret)
{
	for (uint16_t i = 0; i < m->count; i++)
		if (str_ieq(m->fields[i].name, STR("Min-Expires")))
			return take_seconds(m->fields[i].value, ret);
	return false;
}

/* RFC 3261 10.2.8. Once: a registrar that always wants more would have us ask for ever. */
static bool take_interval(struct registration *g, const struct sip_msg *m)
{
	struct registration_head *h = &g->r.head;
	uint32_t least;

	if (h->raised || !find_min_expires(m, &least) || least <= h->asked_s ||
	    least > REGISTRATION_MOST_S)
		return false;
	h->raised = 1;
	h->asked_s = least;
	return true;
}

static enum registration_event take_refusal(struct registration *g, const struct sip_msg *m)
{
	bool unavailable = m->status == 408 || (m->status >= 500 && m->status < 600);
	uint32_t after;

	say(g, m->reason);
	if (take_seconds(sip_value(m, SIP_RETRY_AFTER), &after))
		g->retry_after_s = after < REGISTRATION_RETRY_AFTER_MAX_S
					   ? after
					   : REGISTRATION_RETRY_AFTER_MAX_S;
	return unavailable ? BIND_EV_UNAVAILABLE : BIND_EV_REFUSED;
}

enum registration_event registration_take(struct registration *g, const struct sip_msg *m,
					  uint64_t chance)
{
	struct sip_cseq cseq;

	if (sip_cseq_parse(sip_value(m, SIP_CSEQ), &cseq) != 0 ||
	    cseq.number != g->r.head.cseq || m->status < 200)
		return BIND_EVENTS;
	g->r.head.last_code = m->status;
	if (m->status < 300)
		return take_ok(g, m);
	if (m->status == 401 || m->status == 407)
		return take_challenge(g, m, chance);
	if (m->status == 423 && take_interval(g, m))
		return BIND_EV_AGAIN;
	return take_refusal(g, m);
}

enum registration_event registration_silence(struct registration *g)
{
	g->r.head.last_code = 408;
	say(g, STR("no answer"));
	return BIND_EV_UNAVAILABLE;
}

enum registration_event registration_unsent(struct registration *g)
{
	g->r.head.last_code = 503;
	say(g, STR("there is no way to the registrar from here"));
	return BIND_EV_UNAVAILABLE;
}
