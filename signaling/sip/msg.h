/* msg.h - a SIP message as an index over its octets (RFC 3261 section 7).
 *
 * Immutable; nothing is copied and nothing owned: it lives as long as the octets do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/scan.h"
#include "common/base/str.h"
#include "signaling/sip/names.h"

#define SIP_HEADERS_MAX    256u
#define SIP_HEAD_BYTES_MAX 65536u
#define SIP_NONE           0xffffu

struct sip_field {
	struct str name;
	struct str value; /* trimmed; folded line ends are still inside (sip_put_value) */
	uint16_t id;      /* enum sip_header */
	uint16_t next;    /* the next field with this id; SIP_NONE */
};

struct sip_msg {
	bool is_request;
	uint16_t method; /* enum sip_method; of a request */
	uint16_t status; /* of a response */
	uint16_t fault;  /* status code for a start line or a body that is wrong, or for too
			  * many fields; 0 = none */
	const char *fault_text; /* constant; NULL: the standard phrase */
	const char *fault_at;   /* where what is wrong begins, also after ERR_SYNTAX; NULL:
				 * nothing is */
	uint64_t twice;  /* SIP_BIT(id): there is more than one line of it */
	uint64_t unread; /* SIP_BIT(id): a line of it was left out, for octets in it */
	struct str method_name;
	struct str uri;
	struct str reason;
	struct str body;
	uint16_t count;
	uint16_t first[SIP_HEADERS]; /* index of the first with this id; SIP_NONE */
	struct sip_field fields[SIP_HEADERS_MAX];
};

/* One datagram. 0: `ret` is set, perhaps with a fault that has to be answered. What is no
 * header field is left out; whether it is missed is for those to say who use it (uses.h).
 * ERR_NOENT: nothing but line ends (keep-alive). ERR_SYNTAX: not SIP, or a response that
 * can not be used: drop it; `ret` is scratch then. */
MUST_USE int sip_parse(const char *p, size_t n, struct sip_msg *ret);

static inline bool sip_has(const struct sip_msg *m, enum sip_header id)
{
	return m->first[id] != SIP_NONE;
}

/* The first value of a header; n == 0 when it is absent (or empty). */
static inline struct str sip_value(const struct sip_msg *m, enum sip_header id)
{
	return sip_has(m, id) ? m->fields[m->first[id]].value : (struct str){"", 0};
}

/* ---- scanning inside values ---- */

static inline void sip_lws(struct scan *s) /* white space and folded line ends */
{
	const char *p = s->p;

	if (s->err != 0)
		return;
	while (p < s->end && *p <= ' ' &&
	       (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	s->p = p;
}

/* A value on one line: a folded line end and its white space become one space. */
void sip_put_value(struct buf *b, struct str value);

/* The next value of a comma separated header: *rest shrinks; empty when none is left.
 * Commas in quotes and in <> do not count. */
struct str sip_list_next(struct str *rest);

struct sip_param {
	struct str name;
	struct str value; /* without quotes; n == 0: none */
};

/* ";name[=value]" at the cursor; false at the end. A syntax error sets s->err
 * (RFC 3261 25.1, generic-param). */
bool sip_param_next(struct scan *s, struct sip_param *ret);

static inline bool sip_is_token(struct str s)
{
	struct scan c = scan_of(s);

	return s.n > 0 && scan_while(&c, scan_token_octets).n == s.n;
}

bool sip_is_one_line(struct str s); /* without CR, LF and NUL: it ends no line of a message */
