/* request.c - see request.h */
#include "signaling/sip/request.h"

#include "signaling/sip/uses.h"

enum want { NEVER, MAY, MUST };
enum place { ANYWHERE, INSIDE, OUTSIDE };

/* clang-format off */
static const struct shape {
	bool printed; /* here */
	enum want contact;
	enum place place; /* of a dialog */
	bool allow, supported, accept;
	uint64_t needs;   /* among the caller's lines */
} shapes[SIP_METHODS] = {
	[SIP_M_INVITE]    = {true, MUST,  ANYWHERE, true,  true,  false, 0},
	[SIP_M_ACK]       = {true, MAY,   ANYWHERE, false, false, false, 0},
	[SIP_M_BYE]       = {true, MAY,   INSIDE,   false, false, false, 0},
	[SIP_M_PRACK]     = {true, MAY,   INSIDE,   false, false, false, SIP_BIT(RACK)},
	[SIP_M_UPDATE]    = {true, MUST,  INSIDE,   true,  true,  false, 0},
	[SIP_M_INFO]      = {true, MAY,   INSIDE,   false, false, false, 0},
	[SIP_M_REFER]     = {true, MUST,  ANYWHERE, false, true,  false, SIP_BIT(REFER_TO)},
	[SIP_M_NOTIFY]    = {true, MUST,  INSIDE,   false, false, false,
			     SIP_BIT(EVENT) | SIP_BIT(SUBSCRIPTION_STATE)},
	[SIP_M_SUBSCRIBE] = {true, MUST,  ANYWHERE, true,  true,  false, SIP_BIT(EVENT)},
	[SIP_M_OPTIONS]   = {true, MAY,   ANYWHERE, true,  true,  true,  0},
	[SIP_M_MESSAGE]   = {true, NEVER, ANYWHERE, false, false, false, 0},
	[SIP_M_REGISTER]  = {true, MAY,   OUTSIDE,  false, true,  false, 0},
	[SIP_M_PUBLISH]   = {true, MAY,   ANYWHERE, false, false, false, SIP_BIT(EVENT)},
};

/* What is printed here, and so can not come from a caller. */
#define OURS (SIP_BIT(VIA) | SIP_BIT(MAX_FORWARDS) | SIP_BIT(ROUTE) | SIP_BIT(FROM) |      \
	      SIP_BIT(TO) | SIP_BIT(CALL_ID) | SIP_BIT(CSEQ) | SIP_BIT(CONTACT) |          \
	      SIP_BIT(CONTENT_TYPE) | SIP_BIT(CONTENT_LENGTH) | SIP_BIT(RECORD_ROUTE))
/* clang-format on */

static bool is_clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	return true;
}

static bool is_clean_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || s.p[i] == '<' || s.p[i] == '>')
			return false;
	return is_clean(s);
}

/* One line up to its CRLF; n == 0 when it has none. */
static struct str next_line(struct str *rest)
{
	const char *end = rest->n > 0 ? memmem(rest->p, rest->n, "\r\n", 2) : NULL;
	struct str line = {rest->p, end != NULL ? (size_t)(end - rest->p) : 0};

	rest->p += end != NULL ? line.n + 2 : rest->n;
	rest->n -= end != NULL ? line.n + 2 : rest->n;
	return line;
}

/* `*ret`: the fields there are. */
static bool read_lines(struct str lines, uint64_t *ret)
{
	for (unsigned n = 0; lines.n > 0; n++) {
		struct str line = next_line(&lines), value, name = str_cut(line, ':', &value);

		if (n == SIP_REQUEST_LINES_MAX || name.n == line.n || !sip_is_token(name) ||
		    !is_clean(value))
			return false;
		*ret |= (uint64_t)1 << sip_header_of(name);
	}
	return (*ret & OURS) == 0;
}

bool sip_lines_are_sound(struct str lines)
{
	uint64_t there = 0;

	return read_lines(lines, &there);
}

static int check_texts(const struct sip_request *r, uint64_t *there)
{
	bool sound = is_clean(r->via_host) && is_clean_word(r->branch) &&
		     is_clean_word(r->contact) && is_clean(r->contact_params) &&
		     is_clean(r->allow) && is_clean(r->supported) &&
		     is_clean(r->user_agent) && is_clean(r->type);

	return sound && read_lines(r->headers, there) && read_lines(r->credentials, there)
		       ? 0
		       : ERR_SYNTAX;
}

/* What the table wants; `cseq` is the one it would have. */
static int check_shape(const struct sip_dialog *d, const struct sip_request *r,
		       uint64_t there, uint32_t cseq)
{
	const struct shape *k = r->method < SIP_METHODS ? &shapes[r->method] : NULL;
	bool inside = d->remote_tag[0] != '\0' || d->remote_cseq != 0;

	if (k == NULL || !k->printed || r->via_host.n == 0 || r->branch.n == 0 ||
	    (k->contact == MUST && r->contact.n == 0) ||
	    (k->contact == NEVER && r->contact.n > 0) ||
	    (r->contact_params.n > 0 && r->contact.n == 0) || (there & k->needs) != k->needs ||
	    (r->body.n > 0 && r->type.n == 0) || cseq > SIP_CSEQ_MAX ||
	    (r->method == SIP_M_ACK && r->cseq == 0) || (k->place == OUTSIDE && inside))
		return ERR_INVAL;
	/* an RFC 2543 peer has no tag, and its dialog is one all the same */
	return k->place == INSIDE && !inside && d->local_cseq == 0 ? ERR_INVAL : 0;
}

static void put(struct buf *b, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_z(b, name);
	buf_str_put(b, value);
	buf_z(b, "\r\n");
}

static void put_contact(struct buf *b, const struct sip_request *r)
{
	if (r->contact.n == 0)
		return;
	buf_z(b, "Contact: <");
	buf_str_put(b, r->contact);
	buf_char(b, '>');
	buf_str_put(b, r->contact_params);
	buf_z(b, "\r\n");
}

static void put_rest(struct buf *b, const struct sip_request *r, uint64_t there)
{
	const struct shape *k = &shapes[r->method];

	put_contact(b, r);
	if (k->allow && (there & SIP_BIT(ALLOWED)) == 0)
		put(b, "Allow: ", r->allow.n > 0 ? r->allow : STR(SIP_ALLOW));
	if (k->supported && (there & SIP_BIT(SUPPORTED)) == 0)
		put(b, "Supported: ", r->supported);
	if (k->accept && (there & SIP_BIT(ACCEPT)) == 0)
		put(b, "Accept: ", STR(SIP_ACCEPT_TYPES));
	buf_str_put(b, r->headers);
	buf_str_put(b, r->credentials);
	if ((there & SIP_BIT(USER_AGENT)) == 0)
		put(b, "User-Agent: ", r->user_agent);
	if (r->body.n > 0)
		put(b, "Content-Type: ", r->type);
	buf_z(b, "Content-Length: ");
	buf_u64(b, r->body.n);
	buf_z(b, "\r\n\r\n");
	buf_str_put(b, r->body);
}

int sip_request_print(struct buf *b, struct sip_dialog *d, const struct sip_request *r)
{
	uint32_t cseq = r->cseq != 0 ? r->cseq : d->local_cseq + 1;
	size_t before = b->n;
	uint64_t there = 0;
	int err = check_texts(r, &there);

	if (err == 0)
		err = check_shape(d, r, there, cseq);
	if (err != 0)
		return err;
	sip_dialog_put_head(b, d,
			    &(struct sip_dialog_request){
				    .method = str_of(sip_method_name(r->method)),
				    .transport = r->transport,
				    .via_host = r->via_host,
				    .branch = r->branch},
			    cseq);
	put_rest(b, r, there);
	if (!buf_ok(b)) {
		b->n = before;
		return ERR_NOSPC;
	}
	if (r->cseq == 0)
		d->local_cseq = cseq;
	return 0;
}
