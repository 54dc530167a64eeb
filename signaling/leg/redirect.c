/* redirect.c - see redirect.h */
#include "signaling/leg/redirect.h"

#include "signaling/leg/leg_parts.h"
#include "signaling/sip/nameaddr.h"
#include "signaling/sip/uri.h"

#define URI_BYTES_MAX 255u
#define Q_MOST        1000u

/* Who makes two URIs collide is not called, or called once more than he might be. */
static const struct map_key any = {0, 0};

/* The same for what is the same place: parameters apart (RFC 3261 19.1.4). */
static uint64_t hash_of(const struct sip_uri *u)
{
	char host[URI_BYTES_MAX];
	size_t n = u->host.n < sizeof host ? u->host.n : sizeof host;
	uint64_t h[3];

	for (size_t i = 0; i < n; i++) {
		char c = u->host.p[i];

		host[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	h[0] = map_hash(&any, u->user.p, u->user.n);
	h[1] = map_hash(&any, host, n);
	h[2] = u->port != 0 ? u->port : 5060;
	return map_hash(&any, h, sizeof h);
}

static bool is_callable(struct str text, struct sip_uri *ret)
{
	return text.n <= URI_BYTES_MAX && sip_uri_parse(text, ret) == 0 &&
	       str_ieq(ret->scheme, STR("sip")) && ret->headers.n == 0;
}

/* "0.75" as 750; what is none is not said. 0 is the least there is. */
static uint32_t q_of(struct str v)
{
	struct str part, whole = str_cut(v, '.', &part);
	uint32_t q = 0;

	if (whole.n != 1 || part.n > 3 || (whole.p[0] != '0' && whole.p[0] != '1'))
		return 0;
	for (size_t i = 0; i < 3; i++) {
		char c = i < part.n ? part.p[i] : '0';

		if (c < '0' || c > '9')
			return 0;
		q = 10 * q + (uint32_t)(c - '0');
	}
	if (whole.p[0] == '1')
		return q == 0 ? Q_MOST : 0;
	return q > 0 ? q : 1;
}

static uint32_t q_in(struct str params)
{
	struct scan s = scan_of(params);
	struct sip_param p;

	while (sip_param_next(&s, &p))
		if (str_ieq(p.name, STR("q")))
			return q_of(p.value);
	return 0;
}

static uint32_t rank(uint32_t q)
{
	return q == 0 ? Q_MOST : q;
}

/* The better ones first, of equals the one that stands first. */
static void insert(struct leg_record *r, struct str uri, uint32_t q)
{
	struct leg_redirect *d = &r->redirect;
	uint32_t i = d->count;

	if (d->count == LEG_CONTACTS_MAX || uri.n > sizeof r->contacts - r->contact_bytes)
		return;
	for (; i > 0 && rank(d->v[i - 1].q) < rank(q); i--)
		d->v[i] = d->v[i - 1];
	d->v[i].at = (uint16_t)r->contact_bytes;
	d->v[i].n = (uint16_t)uri.n;
	d->v[i].q = q;
	memcpy(r->contacts + r->contact_bytes, uri.p, uri.n);
	r->contact_bytes += (uint32_t)uri.n;
	d->count++;
}

static void take_contact(struct leg_record *r, struct str value)
{
	struct sip_nameaddr a;
	struct sip_uri u;

	if (sip_nameaddr_parse(value, &a) == 0 && is_callable(a.uri, &u))
		insert(r, a.uri, q_in(a.params));
}

static void take_contacts(struct leg_record *r, const struct sip_msg *m)
{
	r->redirect.count = r->contact_bytes = 0;
	for (uint16_t i = m->first[SIP_CONTACT]; i != SIP_NONE; i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		while (rest.n > 0)
			take_contact(r, sip_list_next(&rest));
	}
}

struct str leg_contact(const struct leg_record *r, uint32_t i)
{
	return (struct str){r->contacts + r->redirect.v[i].at, r->redirect.v[i].n};
}

static bool was_called(const struct leg_record *r, const struct sip_uri *u)
{
	uint64_t hash = hash_of(u);

	for (uint32_t i = 0; i <= r->redirect.hop && i <= LEG_HOPS_MAX; i++)
		if (r->redirect.been[i] == hash)
			return true;
	return false;
}

bool leg_contact_is_known(const struct leg_record *r, uint32_t i)
{
	struct sip_uri u;

	return !is_callable(leg_contact(r, i), &u) || was_called(r, &u);
}

static bool leads_on(const struct leg_record *r)
{
	for (uint32_t i = 0; i < r->redirect.count; i++)
		if (!leg_contact_is_known(r, i))
			return true;
	return false;
}

static void remember(struct leg_record *r, struct str uri)
{
	struct sip_uri u;

	if (sip_uri_parse(uri, &u) == 0)
		r->redirect.been[r->redirect.hop] = hash_of(&u);
}

/* To the next hop, unless it would lead nowhere. */
static bool goes_on(struct leg_record *r)
{
	struct leg_redirect *d = &r->redirect;

	if (d->hop >= LEG_HOPS_MAX || !leads_on(r))
		return false;
	d->hop++;
	d->been[d->hop] = 0;
	leg_forget_dialogs(r);
	return true;
}

enum leg_event leg_redirected(struct leg *l, const struct sip_msg *m)
{
	struct leg_record *r = &l->r;
	struct leg_redirect *d = &r->redirect;

	if (r->state != LEG_DIALLING)
		return LEG_EV_DECLINED;
	if (d->hop == 0)
		remember(r, str_of(r->request_uri));
	take_contacts(r, m);
	d->code = m->status;
	d->q850 = outcome_q850(m);
	leg_keep(d->reason, sizeof d->reason, m->reason);
	leg_redirect_said(l);
	return goes_on(r) ? LEG_EV_REDIRECTED : LEG_EV_DECLINED;
}

enum leg_event leg_elsewhere(struct leg *l, enum leg_event ev)
{
	struct leg_redirect *d = &l->r.redirect;

	if ((ev != LEG_EV_DECLINED && ev != LEG_EV_NOBODY) || l->r.state != LEG_DIALLING || d->hop == 0 ||
	    (ev == LEG_EV_DECLINED && l->said.code >= 600) || !goes_on(&l->r))
		return ev;
	if (ev == LEG_EV_NOBODY)
		l->said = (struct leg_wish){.code = 408, .reason = "nobody answered at all"};
	d->code = l->said.code;
	d->q850 = ev == LEG_EV_NOBODY ? 0 : l->said_q850;
	memcpy(d->reason, l->said.reason, sizeof d->reason - 1);
	return LEG_EV_REDIRECTED;
}

void leg_redirect_said(struct leg *l)
{
	const struct leg_redirect *d = &l->r.redirect;

	l->said = (struct leg_wish){.code = d->code};
	memcpy(l->said.reason, d->reason, sizeof l->said.reason);
	l->said_q850 = d->q850;
}

bool leg_follow(struct leg *l, const struct leg_next *n)
{
	struct leg_record *r = &l->r;
	struct sip_uri u;

	if (!is_callable(n->request_uri, &u) || was_called(r, &u) ||
	    n->request_uri.n >= sizeof r->request_uri || n->next_hop.family == ADDR_NONE ||
	    n->local.family == ADDR_NONE)
		return false;
	(void)!str_copy(r->request_uri, sizeof r->request_uri, n->request_uri);
	remember(r, n->request_uri);
	r->source = n->next_hop;
	r->local = n->local;
	r->flow = n->flow;
	leg_forget_dialogs(r);
	/* who is somebody else has asked for nothing yet */
	memset(&r->auth, 0, sizeof r->auth);
	r->credentials[0] = '\0';
	return true;
}

bool leg_put_contact(struct buf *lines, struct str uri, uint32_t q)
{
	struct sip_uri u;

	if (!is_callable(uri, &u) || memchr(uri.p, '>', uri.n) != NULL ||
	    memchr(uri.p, '<', uri.n) != NULL || q > Q_MOST)
		return false;
	buf_z(lines, "Contact: <");
	buf_str_put(lines, uri);
	buf_char(lines, '>');
	if (q == Q_MOST) {
		buf_z(lines, ";q=1");
	} else if (q > 0) {
		char digits[] = {(char)('0' + q / 100), (char)('0' + q / 10 % 10),
				 (char)('0' + q % 10), '\0'};

		buf_z(lines, ";q=0.");
		buf_z(lines, digits);
	}
	buf_z(lines, "\r\n");
	return true;
}

bool leg_redirect_is_sound(const struct leg_record *r)
{
	const struct leg_redirect *d = &r->redirect;

	if (d->hop > LEG_HOPS_MAX || d->count > LEG_CONTACTS_MAX ||
	    r->contact_bytes > sizeof r->contacts ||
	    memchr(d->reason, '\0', sizeof d->reason) == NULL)
		return false;
	for (uint32_t i = 0; i < d->count; i++)
		if ((uint32_t)d->v[i].at + d->v[i].n > r->contact_bytes || d->v[i].q > Q_MOST)
			return false;
	return true;
}
