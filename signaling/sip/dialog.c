/* dialog.c - see dialog.h */
#include "signaling/sip/dialog.h"

#include "signaling/sip/reply.h"
#include "signaling/sip/uri.h"
#include "signaling/sip/uses.h"

#define ROUTES_MAX 32u
#define SIP_PORT   5060

static bool is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

/* A name-addr without its parameters: they are the dialog's business. A display name that
 * is folded, holds control characters or is too long is left out; only tags and URIs
 * identify. */
static int keep_party(char *to, size_t cap, const struct sip_nameaddr *a)
{
	size_t quotes = sizeof "\"\" <>" - 1;
	struct buf b = buf_of(to, cap - 1);

	if (a->display.n > 0 && is_printable(a->display) &&
	    a->display.n + a->uri.n + quotes <= b.cap) {
		buf_char(&b, '"');
		buf_str_put(&b, a->display);
		buf_z(&b, "\" ");
	}
	buf_char(&b, '<');
	buf_str_put(&b, a->uri);
	buf_char(&b, '>');
	if (!buf_ok(&b))
		return ERR_NOSPC;
	to[b.n] = '\0';
	return 0;
}

/* As it may stand in a request line: without header fields (RFC 3261 19.1.1, table 1). */
static int parse_target(struct str text, struct str *ret)
{
	struct sip_uri u;

	if (sip_uri_parse(text, &u) != 0)
		return ERR_SYNTAX;
	if (u.headers.n > 0)
		text.n = (size_t)(u.headers.p - text.p) - 1;
	*ret = text;
	return 0;
}

/* The URIs of one Route or Record-Route line, behind the `n` that are there. */
static int take_routes(struct str line, struct str uris[ROUTES_MAX], uint32_t *n)
{
	while (line.n > 0) {
		struct str one = sip_list_next(&line), uri;

		if (*n == ROUTES_MAX || sip_nameaddr_uri(one, &uri) != 0 ||
		    parse_target(uri, &uri) != 0)
			return ERR_SYNTAX;
		uris[(*n)++] = uri;
	}
	return 0;
}

static int put_route_set(struct sip_dialog *d, const struct str *uris, uint32_t n,
			 bool reversed)
{
	struct buf b = buf_of(d->route, sizeof d->route - 1);

	for (uint32_t i = 0; i < n; i++) {
		buf_z(&b, i > 0 ? ", <" : "<");
		buf_str_put(&b, uris[reversed ? n - 1 - i : i]);
		buf_char(&b, '>');
	}
	if (!buf_ok(&b))
		return ERR_NOSPC;
	d->route[b.n] = '\0';
	return 0;
}

/* RFC 3261 12.1.1: the Record-Route values in order; 12.1.2: a client's are reversed. */
static int keep_route(struct sip_dialog *d, const struct sip_msg *m, bool reversed)
{
	struct str uris[ROUTES_MAX];
	uint32_t n = 0;
	int err = 0;

	for (uint16_t i = m->first[SIP_RECORD_ROUTE]; err == 0 && i != SIP_NONE;
	     i = m->fields[i].next)
		err = take_routes(m->fields[i].value, uris, &n);
	return err == 0 ? put_route_set(d, uris, n, reversed) : err;
}

/* The peer's Contact; RFC 2543 clients may have none, and are reached where they come
 * From. */
static int find_target(const struct sip_msg *m, const struct sip_core *c, struct str *ret)
{
	struct str contacts = sip_value(m, SIP_CONTACT), uri = c->from.uri;

	if (sip_has(m, SIP_CONTACT) &&
	    sip_nameaddr_uri(sip_list_next(&contacts), &uri) != 0)
		return ERR_SYNTAX;
	return parse_target(uri, ret);
}

static int keep(struct sip_dialog *d, const struct sip_msg *m, const struct sip_core *c,
		struct str local_tag, struct str target)
{
	int err = str_copy(d->call_id, sizeof d->call_id, c->call_id);

	if (err == 0)
		err = str_copy(d->local_tag, sizeof d->local_tag, local_tag);
	if (err == 0)
		err = str_copy(d->remote_tag, sizeof d->remote_tag, c->from.tag);
	if (err == 0)
		err = str_copy(d->target, sizeof d->target, target);
	if (err == 0)
		err = keep_party(d->local, sizeof d->local, &c->to);
	if (err == 0)
		err = keep_party(d->remote, sizeof d->remote, &c->from);
	return err == 0 ? keep_route(d, m, false) : err;
}

int sip_dialog_uas(struct sip_dialog *d, const struct sip_msg *m,
		   const struct sip_core *c, struct str local_tag)
{
	struct str target;
	int err = find_target(m, c, &target);

	if (err != 0)
		return err;
	*d = (struct sip_dialog){.remote_cseq = c->cseq.number};
	return keep(d, m, c, local_tag, target);
}

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

/* A URI that can stand between < and >, of sip, sips or another scheme (tel). */
static bool is_party_uri(struct str uri)
{
	struct sip_uri u;
	int err = sip_uri_parse(uri, &u);

	for (size_t i = 0; i < uri.n; i++)
		if (uri.p[i] == '<' || uri.p[i] == '>' || uri.p[i] == '"')
			return false;
	return (err == 0 || err == ERR_UNSUPPORTED) && is_word(uri);
}

static int open_party(char *to, size_t cap, struct str uri, struct str display)
{
	struct buf b = buf_of(to, cap - 1);

	if (!is_party_uri(uri) || !is_printable(display))
		return ERR_SYNTAX;
	if (display.n > 0) {
		sip_put_quoted(&b, display);
		buf_char(&b, ' ');
	}
	buf_char(&b, '<');
	buf_str_put(&b, uri);
	buf_char(&b, '>');
	if (!buf_ok(&b))
		return ERR_NOSPC;
	to[b.n] = '\0';
	return 0;
}

/* Each in < and >: without them what was meant for the URI would be lost. */
static int preset_route(struct sip_dialog *d, struct str route)
{
	struct str uris[ROUTES_MAX];
	uint32_t n = 0;

	if (!is_printable(route) || take_routes(route, uris, &n) != 0)
		return ERR_SYNTAX;
	for (uint32_t i = 0; i < n; i++)
		if (uris[i].p == route.p || uris[i].p[-1] != '<')
			return ERR_SYNTAX;
	return put_route_set(d, uris, n, false);
}

int sip_dialog_open(struct sip_dialog *d, const struct sip_opening *o)
{
	struct str target;
	int err;

	if (!is_word(o->call_id) || !sip_is_token(o->local_tag) ||
	    !is_party_uri(o->target) || parse_target(o->target, &target) != 0)
		return ERR_SYNTAX;
	*d = (struct sip_dialog){.local_cseq = o->cseq};
	err = str_copy(d->call_id, sizeof d->call_id, o->call_id);
	if (err == 0)
		err = str_copy(d->local_tag, sizeof d->local_tag, o->local_tag);
	if (err == 0)
		err = str_copy(d->target, sizeof d->target, target);
	if (err == 0)
		err = open_party(d->local, sizeof d->local, o->local_uri, o->local_display);
	if (err == 0)
		err = open_party(d->remote, sizeof d->remote, o->remote_uri,
				 o->remote_display);
	return err == 0 ? preset_route(d, o->route) : err;
}

int sip_dialog_of(struct sip_dialog *d, const struct sip_msg *request)
{
	struct sip_nameaddr from, to;
	struct sip_cseq cseq;
	struct str target;
	int err;

	if (!request->is_request || sip_nameaddr_parse(sip_value(request, SIP_FROM), &from) != 0 ||
	    sip_nameaddr_parse(sip_value(request, SIP_TO), &to) != 0 ||
	    sip_cseq_parse(sip_value(request, SIP_CSEQ), &cseq) != 0 ||
	    parse_target(request->uri, &target) != 0)
		return ERR_SYNTAX;
	*d = (struct sip_dialog){.local_cseq = cseq.number};
	err = str_copy(d->call_id, sizeof d->call_id, sip_value(request, SIP_CALL_ID));
	if (err == 0)
		err = str_copy(d->local_tag, sizeof d->local_tag, from.tag);
	if (err == 0)
		err = str_copy(d->remote_tag, sizeof d->remote_tag, to.tag);
	if (err == 0)
		err = str_copy(d->target, sizeof d->target, target);
	if (err == 0)
		err = keep_party(d->local, sizeof d->local, &from);
	return err == 0 ? keep_party(d->remote, sizeof d->remote, &to) : err;
}

/* What of a response makes a dialog (RFC 3261 12.1.2). */
#define LEARNT                                                                           \
	(SIP_BIT(FROM) | SIP_BIT(TO) | SIP_BIT(CALL_ID) | SIP_BIT(CONTACT) |             \
	 SIP_BIT(RECORD_ROUTE))

int sip_dialog_learn(struct sip_dialog *d, const struct sip_msg *m,
		     const struct sip_core *c)
{
	struct sip_dialog new = *d;
	struct str target;
	int err;

	if (m->is_request || m->status <= 100 || m->status >= 300 ||
	    (c->to.tag.n == 0 && m->status < 200) ||
	    !str_eq(str_of(d->call_id), c->call_id) ||
	    !str_eq(str_of(d->local_tag), c->from.tag))
		return ERR_PROTO;
	if (sip_fault_in(m, LEARNT) != NULL)
		return ERR_SYNTAX;
	if (!str_eq(str_of(d->remote_tag), c->to.tag))
		new.remote_cseq = 0;
	err = str_copy(new.remote_tag, sizeof new.remote_tag, c->to.tag);
	if (err == 0)
		err = keep_route(&new, m, true);
	if (err == 0 && sip_has(m, SIP_CONTACT)) {
		err = find_target(m, c, &target);
		if (err == 0)
			err = str_copy(new.target, sizeof new.target, target);
	}
	if (err == 0)
		*d = new;
	return err;
}

int sip_dialog_refresh(struct sip_dialog *d, const struct sip_msg *m,
		       const struct sip_core *c)
{
	struct str target;
	int err = sip_has(m, SIP_CONTACT) ? find_target(m, c, &target) : 0;

	if (err != 0 || !sip_has(m, SIP_CONTACT))
		return err;
	if (target.n >= sizeof d->target)
		return ERR_NOSPC;
	return str_copy(d->target, sizeof d->target, target);
}

bool sip_dialog_is(const struct sip_dialog *d, const struct sip_core *c)
{
	return str_eq(str_of(d->call_id), c->call_id) &&
	       str_eq(str_of(d->local_tag), c->to.tag) &&
	       str_eq(str_of(d->remote_tag), c->from.tag);
}

bool sip_dialog_take_cseq(struct sip_dialog *d, uint32_t number)
{
	if (d->remote_cseq != 0 && number <= d->remote_cseq)
		return false;
	d->remote_cseq = number;
	return true;
}

/* The first route's URI; empty when there is no route. */
static struct str first_route(const struct sip_dialog *d, struct str *rest)
{
	struct str uri;

	*rest = str_of(d->route);
	if (rest->n == 0 || sip_nameaddr_uri(sip_list_next(rest), &uri) != 0)
		return (struct str){"", 0};
	return uri;
}

static bool is_strict(struct str uri)
{
	struct sip_uri u;

	return uri.n > 0 && (sip_uri_parse(uri, &u) != 0 || !sip_uri_has(&u, STR("lr")));
}

static void put(struct buf *b, const char *name, struct str value)
{
	buf_z(b, name);
	buf_str_put(b, value);
	buf_z(b, "\r\n");
}

static void put_party(struct buf *b, const char *name, const char *party, const char *tag)
{
	buf_z(b, name);
	buf_z(b, party);
	if (tag[0] != '\0') {
		buf_z(b, ";tag=");
		buf_z(b, tag);
	}
	buf_z(b, "\r\n");
}

static void put_routes(struct buf *b, const struct sip_dialog *d, bool strict,
		       struct str rest)
{
	rest = str_trim(rest);
	if (!strict && d->route[0] != '\0')
		put(b, "Route: ", str_of(d->route));
	if (!strict)
		return;
	/* the first route is the Request-URI now, and the target the last route */
	buf_z(b, "Route: ");
	buf_str_put(b, rest);
	buf_z(b, rest.n > 0 ? ", <" : "<");
	buf_z(b, d->target);
	buf_z(b, ">\r\n");
}

void sip_dialog_put_head(struct buf *b, const struct sip_dialog *d,
			 const struct sip_dialog_request *r, uint32_t cseq)
{
	struct str rest, first = first_route(d, &rest);
	bool strict = is_strict(first);

	buf_str_put(b, r->method);
	buf_char(b, ' ');
	buf_str_put(b, strict ? first : str_of(d->target));
	buf_z(b, " SIP/2.0\r\nVia: SIP/2.0/");
	buf_z(b, sip_transport_name(r->transport));
	buf_char(b, ' ');
	buf_str_put(b, r->via_host);
	buf_z(b, ";branch=");
	buf_str_put(b, r->branch);
	buf_z(b, ";rport\r\nMax-Forwards: 70\r\n");
	put_routes(b, d, strict, rest);
	put_party(b, "From: ", d->local, d->local_tag);
	put_party(b, "To: ", d->remote, d->remote_tag);
	put(b, "Call-ID: ", str_of(d->call_id));
	buf_z(b, "CSeq: ");
	buf_u64(b, cseq);
	buf_char(b, ' ');
	put(b, "", r->method);
}

int sip_dialog_print(struct sip_dialog *d, const struct sip_dialog_request *r,
		     struct buf *b)
{
	sip_dialog_put_head(b, d, r, d->local_cseq + 1);
	if (r->contact.n > 0) {
		buf_z(b, "Contact: <");
		buf_str_put(b, r->contact);
		buf_z(b, ">\r\n");
	}
	buf_str_put(b, r->headers);
	buf_z(b, "Content-Length: 0\r\n\r\n");
	if (!buf_ok(b))
		return ERR_NOSPC;
	d->local_cseq++;
	return 0;
}

int sip_dialog_next_hop(const struct sip_dialog *d, struct addr *ret)
{
	struct str rest, hop = first_route(d, &rest);
	struct sip_uri u;

	if (sip_uri_parse(hop.n > 0 ? hop : str_of(d->target), &u) != 0 ||
	    addr_parse_ip(u.host, ret) != 0)
		return ERR_NOENT;
	ret->port = u.port != 0 ? u.port : SIP_PORT;
	return 0;
}

struct addr sip_dialog_hop(const struct sip_dialog *d, const struct addr *source)
{
	struct addr to;

	if (sip_dialog_next_hop(d, &to) != 0 || to.family != source->family ||
	    addr_is_any(&to) || addr_is_multicast(&to) ||
	    (addr_is_private(&to) && !addr_is_private(source) && !addr_is_loopback(source)))
		return *source;
	return to;
}
