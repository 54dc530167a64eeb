/* lines.c - see lines.h */
#include "signaling/leg/lines.h"

#include "signaling/leg/leg_parts.h"
#include "signaling/sip/request.h"

static const char *put_all(struct buf *b, const struct leg_line *lines, uint32_t n)
{
	if (n > LEG_LINES_MAX)
		return "too many headers";
	for (uint32_t i = 0; i < n; i++) {
		int err = sip_line(b, lines[i].name, lines[i].value);

		if (err != 0)
			return err == ERR_NOSPC ? "headers are too long" : "a header is none";
	}
	return sip_lines_are_sound(buf_str(b)) ? NULL : "a header is not control's to write";
}

const char *leg_lines_take(struct leg_record *r, enum leg_lines_of of,
			   const struct leg_line *lines, uint32_t n)
{
	struct leg_lines *kept = &r->lines;
	struct buf b = buf_of(kept->text, sizeof kept->text);
	const char *fault;

	if (n == 0)
		return NULL;
	fault = put_all(&b, lines, n);
	kept->of = (uint32_t)of;
	kept->bytes = fault == NULL ? (uint32_t)b.n : 0;
	return fault;
}

struct str leg_lines(const struct leg_record *r, enum leg_lines_of of)
{
	return (struct str){r->lines.text, r->lines.of == (uint32_t)of ? r->lines.bytes : 0};
}

void leg_lines_drop(struct leg_record *r, enum leg_lines_of of)
{
	if (r->lines.of == (uint32_t)of)
		r->lines.of = r->lines.bytes = 0;
}

bool leg_lines_mend(struct leg_record *r)
{
	struct leg_lines *kept = &r->lines;

	if (kept->of < LEG_LINES_OF_KINDS && kept->bytes <= sizeof kept->text &&
	    kept->bye_at <= LEG_HEADERS_MAX + 1 &&
	    sip_lines_are_sound((struct str){kept->text, kept->bytes}))
		return true;
	kept->of = kept->bytes = kept->bye_at = 0;
	return false;
}

void leg_keep_bye(struct leg *l, const struct sip_msg *bye)
{
	if (l->r.lines.bye_at != 0)
		return; /* it came before */
	l->bye_q850 = outcome_q850(bye);
	l->r.lines.bye_at = l->r.header_count + 1;
	leg_keep_headers(&l->r, bye);
}

uint32_t leg_bye_headers_at(const struct leg_record *r)
{
	uint32_t at = r->lines.bye_at != 0 ? r->lines.bye_at - 1 : r->header_count;

	return at < r->header_count ? at : r->header_count;
}
