/* tipring_sip.h - SIP messages and their values: read, make, change, write. Link with -ltipring-sip
 * (pkg-config tipring-sip).
 *
 * A message is an opaque handle that owns its text. Values (URIs, From and To, Via, CSeq, credentials) are plain structures of
 * ranges that borrow from the text they were read from: keep that text while you use them. What changes a handle takes no text of
 * that handle. Nothing here touches the network, the clock or a file; only the makers of new identifiers ask the kernel for chance.
 * Nothing is shared between handles, so threads may use one each.
 *
 * Results are 0 (or a length) or a negative number: -errno, or TIPRING_ESYNTAX, TIPRING_EUNSUPPORTED. After an error nothing has
 * changed. Where a `struct tipring_sip_fault *` is asked for, NULL will do. Structures may grow with the SONAME. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TIPRING_API __attribute__((visibility("default")))

#define TIPRING_ESYNTAX (-1000)      /* text that does not match the grammar */
#define TIPRING_EUNSUPPORTED (-1001) /* understood, and not implemented */

#define TIPRING_SIP_BYTES_MAX 65536u /* of a message, header and body; more is -ERANGE */
#define TIPRING_SIP_FIELDS_MAX 256u  /* header lines, Content-Length is one of them; more is -ERANGE */

/* Octets, not NUL-terminated, of any value. */
struct tipring_text {
	const char *p;
	size_t n;
};

static inline struct tipring_text tipring_text(const char *z)
{
	struct tipring_text t = {z, strlen(z)};

	return t;
}

/* What is wrong with a text, and where. */
struct tipring_sip_fault {
	int code;         /* the result of the function */
	uint32_t status;  /* what a request of this kind is answered with (400, 505 ...); 0: nothing can be answered */
	size_t position;  /* in octets from its beginning: at what is wrong, or behind the part that is */
	const char *text; /* constant, NUL-terminated */
};

/* ---- messages (RFC 3261 section 7) ---- */

struct tipring_sip_msg;

/* One datagram, or one message of a stream with what belongs to it. Line ends before it are passed over, octets behind
 * what Content-Length says are left out (RFC 3261 18.3), folded values come on one line, lines that are no header field are
 * left out. -ENOENT: nothing but line ends (a keep-alive). */
TIPRING_API int tipring_sip_parse(struct tipring_text octets, struct tipring_sip_msg **ret, struct tipring_sip_fault *why);

/* The same, but a request whose start line or body is wrong is given too, so that it can be refused: `why->status` says with
 * what; 0 there means that nothing is wrong. A body that is not all there is empty. */
TIPRING_API int tipring_sip_parse_faulty(struct tipring_text octets, struct tipring_sip_msg **ret,
					 struct tipring_sip_fault *why);

/* New ones without header fields. The method is a token of any kind, the URI any text without white space: what it is worth
 * tipring_sip_uri_parse() says. An empty reason is the usual phrase. */
TIPRING_API int tipring_sip_request(struct tipring_text method, struct tipring_text uri, struct tipring_sip_msg **ret);
TIPRING_API int tipring_sip_response(uint32_t status, struct tipring_text reason, struct tipring_sip_msg **ret);

/* The response to a request: Via, From, To, Call-ID, CSeq, of those that make a dialog Record-Route, of 100 Timestamp. `to_tag`
 * is added when To has none and the status is not 100; empty: none (RFC 3261 8.2.6, 12.1.1). */
TIPRING_API int tipring_sip_reply(const struct tipring_sip_msg *request, uint32_t status, struct tipring_text reason,
				  struct tipring_text to_tag, struct tipring_sip_msg **ret);

TIPRING_API int tipring_sip_copy(const struct tipring_sip_msg *m, struct tipring_sip_msg **ret);
TIPRING_API void tipring_sip_free(struct tipring_sip_msg *m); /* NULL is fine */

/* What is returned stays until the message is changed. */
TIPRING_API bool tipring_sip_is_request(const struct tipring_sip_msg *m);
TIPRING_API struct tipring_text tipring_sip_method(const struct tipring_sip_msg *m); /* of a request, else empty */
TIPRING_API struct tipring_text tipring_sip_uri(const struct tipring_sip_msg *m);    /* of a request, else empty */
TIPRING_API uint32_t tipring_sip_status(const struct tipring_sip_msg *m);            /* of a response, else 0 */
TIPRING_API struct tipring_text tipring_sip_reason(const struct tipring_sip_msg *m);

TIPRING_API int tipring_sip_set_request_line(struct tipring_sip_msg *m, struct tipring_text method, struct tipring_text uri);
TIPRING_API int tipring_sip_set_status(struct tipring_sip_msg *m, uint32_t status, struct tipring_text reason);

/* ---- header fields (RFC 3261 section 20) ----
 *
 * Names are full or compact, in any case; known ones are written as in the RFCs, others as given. Content-Length is none
 * of them: it is written by tipring_sip_print() and is what the body is long. */

/* The next field; *cursor is 0 before the first. False at the end. */
TIPRING_API bool tipring_sip_next(const struct tipring_sip_msg *m, size_t *cursor, struct tipring_text *ret_name,
				  struct tipring_text *ret_value);

/* The next field of this name. */
TIPRING_API bool tipring_sip_find(const struct tipring_sip_msg *m, struct tipring_text name, size_t *cursor,
				  struct tipring_text *ret_value);

/* TIPRING_ESYNTAX: the name is no token, or CR, LF or NUL is in the value; -EINVAL: Content-Length; -ERANGE: too many, or too
 * long. `set` takes the place of all fields of the name, `add_first` stands before all others (a Via of a proxy). */
TIPRING_API int tipring_sip_add(struct tipring_sip_msg *m, struct tipring_text name, struct tipring_text value);
TIPRING_API int tipring_sip_add_first(struct tipring_sip_msg *m, struct tipring_text name, struct tipring_text value);
TIPRING_API int tipring_sip_set(struct tipring_sip_msg *m, struct tipring_text name, struct tipring_text value);
TIPRING_API uint32_t tipring_sip_remove(struct tipring_sip_msg *m, struct tipring_text name); /* how many there were */

/* "www-authenticate" -> "WWW-Authenticate", "x-foo" -> "X-Foo". The length, or an error; -ENOSPC. */
TIPRING_API int64_t tipring_sip_header_name(struct tipring_text name, char *to, size_t cap);

/* ---- body and octets ---- */

TIPRING_API struct tipring_text tipring_sip_body(const struct tipring_sip_msg *m);
TIPRING_API int tipring_sip_set_body(struct tipring_sip_msg *m, struct tipring_text body); /* any octets; copied */

/* What of type `wanted` stands in a body: all of it, or a part of multipart/mixed (RFC 5621). n == 0: nothing. */
TIPRING_API struct tipring_text tipring_sip_body_part(struct tipring_text content_type, struct tipring_text body,
						      struct tipring_text wanted);

/* The whole message as it is sent: the length. -ENOSPC when `cap` is less than tipring_sip_size(). */
TIPRING_API size_t tipring_sip_size(const struct tipring_sip_msg *m);
TIPRING_API int64_t tipring_sip_print(const struct tipring_sip_msg *m, char *to, size_t cap);

/* What a Tipring server would say to this request before it looks for anybody to serve it (RFC 3261 8.2, RFC 4475):
 * *ret_status is 0: serve it, 1: drop it without an answer, else the code of the refusal; *ret_reason its phrase. -EINVAL: it is
 * a response. -ENOMEM. */
TIPRING_API int tipring_sip_judge(const struct tipring_sip_msg *m, uint32_t *ret_status, const char **ret_reason);

/* ---- values ----
 *
 * The printers append nothing: they write to `to` and give the length; -ENOSPC when it does not fit. What they write is read
 * again first, so no part can bring others of its own. */

struct tipring_sip_uri {
	struct tipring_text scheme;
	struct tipring_text user;    /* with password and user parameters, escapes as they are; of tel: the number */
	struct tipring_text host;    /* without brackets */
	struct tipring_text params;  /* from the first ';' on, or empty */
	struct tipring_text headers; /* behind '?', or empty */
	struct tipring_text other;   /* of other schemes: everything behind ':' */
	uint16_t port;               /* 0: not given */
	bool host_is_v6;
};

/* sip and sips (RFC 3261 19.1), tel (RFC 3966); of other schemes only `scheme` and `other`. -ERANGE: the port. */
TIPRING_API int tipring_sip_uri_parse(struct tipring_text text, struct tipring_sip_uri *ret, struct tipring_sip_fault *why);
TIPRING_API int64_t tipring_sip_uri_print(const struct tipring_sip_uri *u, char *to, size_t cap);

/* Equal by RFC 3261 19.1.4 or RFC 3966 section 4; of other schemes when they are the same text. */
TIPRING_API bool tipring_sip_uri_eq(struct tipring_text a, struct tipring_text b);

/* The next ";name=value" of `params` or "name=value" of `headers` of a URI, which shrinks; escapes as they are. */
TIPRING_API bool tipring_sip_uri_param_next(struct tipring_text *params, struct tipring_text *ret_name,
					    struct tipring_text *ret_value);
TIPRING_API bool tipring_sip_uri_header_next(struct tipring_text *headers, struct tipring_text *ret_name,
					     struct tipring_text *ret_value);

enum tipring_sip_part { TIPRING_SIP_USER, TIPRING_SIP_PARAM, TIPRING_SIP_HEADER };

/* "%61" <-> "a", with escapes for what can not stand in this part of a URI. At most three times as long. */
TIPRING_API int64_t tipring_sip_escape(struct tipring_text text, enum tipring_sip_part part, char *to, size_t cap);
TIPRING_API int64_t tipring_sip_unescape(struct tipring_text text, char *to, size_t cap);

/* From, To, Contact, Route and Record-Route, one value (RFC 3261 20.10). */
struct tipring_sip_address {
	struct tipring_text display; /* parsed: as between its quotes, tipring_sip_unquote(). Printed: as people read it */
	struct tipring_text uri;     /* of any scheme */
	struct tipring_text params;  /* of the header field, from ';' on */
	struct tipring_text tag;     /* one of them; not printed by itself */
};
TIPRING_API int tipring_sip_address_parse(struct tipring_text value, struct tipring_sip_address *ret,
					  struct tipring_sip_fault *why);
TIPRING_API int64_t tipring_sip_address_print(const struct tipring_sip_address *a, char *to, size_t cap);

struct tipring_sip_via { /* RFC 3261 20.42, RFC 3581 */
	struct tipring_text transport;
	struct tipring_text host; /* with brackets when it is an IPv6 address */
	struct tipring_text params;
	struct tipring_text branch, received; /* two of them; not printed by themselves */
	uint16_t port;                        /* 0: not given */
	bool rport;                           /* asked for, or filled in */
};
TIPRING_API int tipring_sip_via_parse(struct tipring_text value, struct tipring_sip_via *ret, struct tipring_sip_fault *why);
TIPRING_API int64_t tipring_sip_via_print(const struct tipring_sip_via *v, char *to, size_t cap);

/* "314159 INVITE"; -ERANGE: 2**31 or more (RFC 3261 8.1.1.5). */
TIPRING_API int tipring_sip_cseq_parse(struct tipring_text value, uint32_t *ret_number, struct tipring_text *ret_method,
				       struct tipring_sip_fault *why);

/* A challenge or credentials: the scheme, and a list for tipring_sip_auth_next() (RFC 3261 20.7, RFC 7616). */
TIPRING_API int tipring_sip_auth_parse(struct tipring_text value, struct tipring_text *ret_scheme,
				       struct tipring_text *ret_list, struct tipring_sip_fault *why);

/* 1: one more, its value without quotes; 0: the end; else TIPRING_ESYNTAX, and the list begins with what is wrong. */
TIPRING_API int tipring_sip_auth_next(struct tipring_text *list, struct tipring_text *ret_name,
				      struct tipring_text *ret_value);

/* `name=value` with quotes where the grammar has them: around numbers too, not around algorithm, stale, and in credentials
 * not around qop and nc. */
TIPRING_API int64_t tipring_sip_auth_param(struct tipring_text name, struct tipring_text value, bool of_credentials,
					   char *to, size_t cap);

/* The next value of a header field with several (Via, Contact, Route ...): the list shrinks; empty when none is left. Not
 * for Authorization and its like. */
TIPRING_API struct tipring_text tipring_sip_list_next(struct tipring_text *list);

/* The next ";name[=value]" of header parameters: 1, 0 or TIPRING_ESYNTAX as above; the value without quotes, escapes in it. */
TIPRING_API int tipring_sip_param_next(struct tipring_text *params, struct tipring_text *ret_name,
				       struct tipring_text *ret_value);

/* ";name=value" or ";name", in quotes when it has to be. */
TIPRING_API int64_t tipring_sip_param(struct tipring_text name, struct tipring_text value, char *to, size_t cap);

/* Between quotes -> as people read it: escapes resolved, control octets left out. Never longer. */
TIPRING_API int64_t tipring_sip_unquote(struct tipring_text text, char *to, size_t cap);

/* ---- identifiers that nobody else has ---- */

#define TIPRING_SIP_BRANCH_BYTES 24 /* "z9hG4bK" and 16 digits, NUL-terminated */
#define TIPRING_SIP_TAG_BYTES 17

/* -errno: the kernel has no chance for us. */
TIPRING_API int tipring_sip_branch(char to[TIPRING_SIP_BRANCH_BYTES]);
TIPRING_API int tipring_sip_tag(char to[TIPRING_SIP_TAG_BYTES]);
/* A UUID, "@" and the host unless that is empty: the length. -ENOSPC; TIPRING_ESYNTAX: the host. */
TIPRING_API int64_t tipring_sip_call_id(struct tipring_text host, char *to, size_t cap);

/* A name such as "syntax error"; never NULL. */
TIPRING_API const char *tipring_sip_strerror(int err);

#ifdef __cplusplus
}
#endif
