/* message.c - see tipring_sip.h: messages as handles. The area of a message grows when it has to; what is done in it is
 * decided by signaling/sip/edit.c. */
#include <stdlib.h>

#include "sdk/sip/text.h"
#include "signaling/sip/body.h"
#include "signaling/sip/edit.h"
#include "signaling/sip/validate.h"

#define AREA_FIRST 1024u
#define AREA_LAST (2 * SIP_HEAD_BYTES_MAX) /* a header on one line each may be longer than it came */

struct tipring_sip_msg {
	struct sip_edit edit;
	size_t cap; /* of its area */
	char *body;
	size_t body_n;
	uint32_t fault; /* status of tipring_sip_parse_faulty(); 0: nothing is wrong */
	const char *fault_text;
};

static struct str body_of(const struct tipring_sip_msg *m)
{
	return (struct str){m->body_n > 0 ? m->body : "", m->body_n};
}

void tipring_sip_free(struct tipring_sip_msg *m)
{
	if (m == NULL)
		return;
	free(m->edit.text.p);
	free(m->body);
	free(m);
}

/* How a message comes into being: into an area of `cap` octets. */
struct maker {
	int (*make)(struct sip_edit *e, char *area, size_t cap, const void *from);
	const void *from;
};

static int make(const struct maker *how, struct tipring_sip_msg **ret)
{
	struct tipring_sip_msg *m = calloc(1, sizeof *m);
	int err = -ENOSPC;

	if (m == NULL)
		return -ENOMEM;
	for (m->cap = AREA_FIRST; err == -ENOSPC && m->cap <= AREA_LAST; m->cap *= 2) {
		char *area = malloc(m->cap);

		free(m->edit.text.p);
		m->edit.text.p = NULL;
		if (area == NULL) {
			err = -ENOMEM;
			break;
		}
		err = how->make(&m->edit, area, m->cap, how->from);
		m->edit.text.p = area;
	}
	m->cap = m->edit.text.cap;
	if (err != 0) {
		tipring_sip_free(m);
		return err == -ENOSPC ? -ERANGE : err;
	}
	*ret = m;
	return 0;
}

/* ---- read ---- */

static int load(struct sip_edit *e, char *area, size_t cap, const void *from)
{
	return sip_edit_load(e, area, cap, from);
}

static int fault_of(int err, const struct sip_msg *m, struct tipring_text octets, struct tipring_sip_fault *why)
{
	size_t at = m->fault_at != NULL ? (size_t)(m->fault_at - octets.p) : 0;
	const char *text = m->fault_text;

	if (err == -ENOENT)
		text = "nothing but line ends";
	else if (text == NULL)
		text = m->fault != 0 ? sip_reason_of(m->fault) : "no start line of SIP";
	err = err == -ENOENT ? err : TIPRING_ESYNTAX;
	(void)blame(why, err, err == -ENOENT ? octets.n : at, text);
	if (why != NULL)
		why->status = m->is_request ? m->fault : 0;
	return err;
}

/* A handle for what was parsed. */
static int keep(const struct sip_msg *m, struct tipring_sip_msg **ret)
{
	struct tipring_sip_msg *kept;
	int err = make(&(struct maker){load, m}, &kept);

	if (err != 0)
		return err;
	err = tipring_sip_set_body(kept, to_text(m->body));
	if (err != 0) {
		tipring_sip_free(kept);
		return err;
	}
	kept->fault = m->fault;
	kept->fault_text = m->fault_text;
	*ret = kept;
	return 0;
}

static int parse(struct tipring_text octets, struct tipring_sip_msg **ret, struct tipring_sip_fault *why, bool faulty)
{
	struct sip_msg *m;
	int err, fault = 0;

	(void)blame(why, 0, 0, "");
	if (octets.n > TIPRING_SIP_BYTES_MAX) {
		err = blame(why, -ERANGE, TIPRING_SIP_BYTES_MAX, "longer than a message may be");
		if (why != NULL)
			why->status = 513;
		return err;
	}
	m = calloc(1, sizeof *m);
	if (m == NULL)
		return blame(why, -ENOMEM, 0, "no memory");
	err = sip_parse(to_str(octets).p, octets.n, m);
	if (err != 0 || m->fault != 0)
		fault = fault_of(err, m, octets, why);
	if (err == 0 && (fault == 0 || faulty)) {
		err = keep(m, ret);
		if (err != 0)
			(void)blame(why, err, octets.n, "larger than a message may be");
	} else {
		err = fault;
	}
	free(m);
	return err;
}

int tipring_sip_parse(struct tipring_text octets, struct tipring_sip_msg **ret, struct tipring_sip_fault *why)
{
	return parse(octets, ret, why, false);
}

int tipring_sip_parse_faulty(struct tipring_text octets, struct tipring_sip_msg **ret, struct tipring_sip_fault *why)
{
	return parse(octets, ret, why, true);
}

/* ---- new ---- */

static int start(struct sip_edit *e, char *area, size_t cap, const void *from)
{
	return sip_edit_start(e, area, cap, from);
}

int tipring_sip_request(struct tipring_text method, struct tipring_text uri, struct tipring_sip_msg **ret)
{
	const struct sip_start s = {.is_request = true, .method = to_str(method), .uri = to_str(uri)};

	return make(&(struct maker){start, &s}, ret);
}

static struct sip_start status_line(uint32_t status, struct tipring_text reason)
{
	uint16_t code = status <= UINT16_MAX ? (uint16_t)status : 0;

	return (struct sip_start){
		.status = code,
		.reason = reason.n > 0 ? to_str(reason) : str_of(sip_reason_of(code)),
	};
}

int tipring_sip_response(uint32_t status, struct tipring_text reason, struct tipring_sip_msg **ret)
{
	const struct sip_start s = status_line(status, reason);

	return make(&(struct maker){start, &s}, ret);
}

struct answer {
	const struct sip_edit *request;
	struct sip_edit_reply reply;
};

static int answer(struct sip_edit *e, char *area, size_t cap, const void *from)
{
	const struct answer *a = from;

	return sip_edit_reply(e, area, cap, a->request, &a->reply);
}

int tipring_sip_reply(const struct tipring_sip_msg *request, uint32_t status, struct tipring_text reason,
		      struct tipring_text to_tag, struct tipring_sip_msg **ret)
{
	const struct sip_start s = status_line(status, reason);
	const struct answer a = {&request->edit, {s.status, s.reason, to_str(to_tag)}};

	return make(&(struct maker){answer, &a}, ret);
}

static int again(struct sip_edit *e, char *area, size_t cap, const void *from)
{
	*e = *(const struct sip_edit *)from;
	return sip_edit_move(e, area, cap);
}

int tipring_sip_copy(const struct tipring_sip_msg *m, struct tipring_sip_msg **ret)
{
	struct tipring_sip_msg *copy;
	int err = make(&(struct maker){again, &m->edit}, &copy);

	if (err != 0)
		return err;
	err = tipring_sip_set_body(copy, to_text(body_of(m)));
	if (err != 0) {
		tipring_sip_free(copy);
		return err;
	}
	copy->fault = m->fault;
	copy->fault_text = m->fault_text;
	*ret = copy;
	return 0;
}

/* ---- the start line ---- */

bool tipring_sip_is_request(const struct tipring_sip_msg *m)
{
	return sip_edit_started(&m->edit).is_request;
}

struct tipring_text tipring_sip_method(const struct tipring_sip_msg *m)
{
	return to_text(sip_edit_started(&m->edit).method);
}

struct tipring_text tipring_sip_uri(const struct tipring_sip_msg *m)
{
	return to_text(sip_edit_started(&m->edit).uri);
}

uint32_t tipring_sip_status(const struct tipring_sip_msg *m)
{
	return sip_edit_started(&m->edit).status;
}

struct tipring_text tipring_sip_reason(const struct tipring_sip_msg *m)
{
	return to_text(sip_edit_started(&m->edit).reason);
}

/* More room; -ERANGE: no message has so much. */
static int grow(struct tipring_sip_msg *m)
{
	char *area, *old = m->edit.text.p;
	int err;

	if (m->cap * 2 > AREA_LAST)
		return -ERANGE;
	area = malloc(m->cap * 2);
	if (area == NULL)
		return -ENOMEM;
	err = sip_edit_move(&m->edit, area, m->cap * 2);
	if (err != 0) {
		free(area);
		return err;
	}
	m->cap *= 2;
	free(old);
	return 0;
}

static int restart(struct tipring_sip_msg *m, const struct sip_start *s)
{
	int err = sip_edit_restart(&m->edit, s);

	while (err == -ENOSPC) {
		err = grow(m);
		if (err == 0)
			err = sip_edit_restart(&m->edit, s);
	}
	if (err == 0)
		m->fault = 0; /* it is another message now */
	return err;
}

int tipring_sip_set_request_line(struct tipring_sip_msg *m, struct tipring_text method, struct tipring_text uri)
{
	const struct sip_start s = {.is_request = true, .method = to_str(method), .uri = to_str(uri)};

	return tipring_sip_is_request(m) ? restart(m, &s) : -EINVAL;
}

int tipring_sip_set_status(struct tipring_sip_msg *m, uint32_t status, struct tipring_text reason)
{
	const struct sip_start s = status_line(status, reason);

	return tipring_sip_is_request(m) ? -EINVAL : restart(m, &s);
}

/* ---- header fields ---- */

bool tipring_sip_next(const struct tipring_sip_msg *m, size_t *cursor, struct tipring_text *ret_name,
		      struct tipring_text *ret_value)
{
	struct sip_field f;

	if (!sip_edit_next(&m->edit, cursor, &f))
		return false;
	*ret_name = to_text(f.name);
	*ret_value = to_text(f.value);
	return true;
}

bool tipring_sip_find(const struct tipring_sip_msg *m, struct tipring_text name, size_t *cursor,
		      struct tipring_text *ret_value)
{
	struct str value;

	if (!sip_edit_find(&m->edit, to_str(name), cursor, &value))
		return false;
	*ret_value = to_text(value);
	return true;
}

typedef int put_field(struct sip_edit *e, struct str name, struct str value);

static int put(struct tipring_sip_msg *m, put_field *how, struct tipring_text name, struct tipring_text value)
{
	int err = how(&m->edit, to_str(name), to_str(value));

	while (err == -ENOSPC) {
		err = grow(m);
		if (err == 0)
			err = how(&m->edit, to_str(name), to_str(value));
	}
	return err;
}

int tipring_sip_add(struct tipring_sip_msg *m, struct tipring_text name, struct tipring_text value)
{
	return put(m, sip_edit_add, name, value);
}

int tipring_sip_add_first(struct tipring_sip_msg *m, struct tipring_text name, struct tipring_text value)
{
	return put(m, sip_edit_add_first, name, value);
}

int tipring_sip_set(struct tipring_sip_msg *m, struct tipring_text name, struct tipring_text value)
{
	return put(m, sip_edit_set, name, value);
}

uint32_t tipring_sip_remove(struct tipring_sip_msg *m, struct tipring_text name)
{
	return sip_edit_remove(&m->edit, to_str(name));
}

/* ---- body and octets ---- */

struct tipring_text tipring_sip_body(const struct tipring_sip_msg *m)
{
	return to_text(body_of(m));
}

int tipring_sip_set_body(struct tipring_sip_msg *m, struct tipring_text body)
{
	char *copy = NULL;

	if (body.n > TIPRING_SIP_BYTES_MAX)
		return -ERANGE;
	if (body.n > 0) {
		copy = malloc(body.n);
		if (copy == NULL)
			return -ENOMEM;
		memcpy(copy, body.p, body.n);
	}
	free(m->body);
	m->body = copy;
	m->body_n = body.n;
	return 0;
}

struct tipring_text tipring_sip_body_part(struct tipring_text content_type, struct tipring_text body,
					  struct tipring_text wanted)
{
	return to_text(sip_body_part(to_str(content_type), to_str(body), to_str(wanted)));
}

size_t tipring_sip_size(const struct tipring_sip_msg *m)
{
	return sip_edit_size(&m->edit, body_of(m));
}

int64_t tipring_sip_print(const struct tipring_sip_msg *m, char *to, size_t cap)
{
	struct buf b = buf_of(to, cap);

	if (tipring_sip_size(m) > TIPRING_SIP_BYTES_MAX)
		return -ERANGE;
	return printed(sip_edit_print(&m->edit, body_of(m), &b), &b);
}

/* What is judged is what is sent, so it is written and read again. */
static int judge(const struct tipring_sip_msg *m, char *octets, size_t n, struct sip_verdict *ret)
{
	struct sip_msg *parsed = calloc(1, sizeof *parsed);
	struct sip_core core;
	int64_t length;

	if (parsed == NULL)
		return -ENOMEM;
	length = tipring_sip_print(m, octets, n);
	if (length < 0 || sip_parse(octets, (size_t)length, parsed) != 0)
		*ret = (struct sip_verdict){length == -ERANGE ? 513 : 400, NULL};
	else
		*ret = sip_validate(parsed, &core);
	free(parsed);
	return 0;
}

int tipring_sip_judge(const struct tipring_sip_msg *m, uint32_t *ret_status, const char **ret_reason)
{
	struct sip_verdict v = {(uint16_t)m->fault, m->fault_text};
	size_t n = tipring_sip_size(m);
	char *octets;
	int err = 0;

	if (!tipring_sip_is_request(m))
		return -EINVAL;
	octets = malloc(n);
	if (octets == NULL)
		return -ENOMEM;
	if (m->fault == 0)
		err = judge(m, octets, n, &v);
	free(octets);
	if (err != 0)
		return err;
	*ret_status = v.status;
	*ret_reason = v.reason != NULL ? v.reason : sip_reason_of(v.status);
	return 0;
}
