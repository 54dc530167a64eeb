/* record.c - what survives of a session, as a row of parts (common/base/record.h). Parts and fields of them are only appended. */
#include "common/base/record.h"

#include <string.h>

#include "common/base/must.h"
#include "common/shm/slab.h"
#include "media/session/key.h"
#include "media/session/mouth.h"
#include "media/session/speech.h"

_Static_assert(HOT_WORDS <= SLAB_HOT_WORDS, "every word has its place");

#define MEMBER(member) sizeof(((struct session *)NULL)->member)

/* PART(member of struct session, its size in the first release) */
#define ALL_PARTS                                                                        \
	PART(r, 100)                                                                     \
	PART(facts, 56)                                                                  \
	PART(in.latch, 88)                                                               \
	PART(in.base, 24)                                                                \
	PART(dtmf, 32)

#define PART(member, least) _Static_assert(MEMBER(member) >= (least), #member " only grows");
ALL_PARTS
#undef PART

/* LATER(member): parts behind the row of marks, of later releases; older ones have none of them. */
#define ALL_LATER                                                                        \
	LATER(press)                                                                     \
	LATER(quality_totals)                                                            \
	LATER(speech)                                                                    \
	LATER(seat)                                                                      \
	LATER(keys)                                                                      \
	LATER(mouth)                                                                     \
	LATER(noise)

static const struct {
	uint32_t at, bytes, least;
} parts[] = {
#define PART(member, least) {offsetof(struct session, member), MEMBER(member), least},
	ALL_PARTS
#undef PART
}, later[] = {
#define LATER(member) {offsetof(struct session, member), MEMBER(member), 0},
	ALL_LATER
#undef LATER
};

#define PARTS (sizeof parts / sizeof parts[0])
#define LATER_PARTS (sizeof later / sizeof later[0])
#define MARK_LEAST 72u
#define MARKS_BYTES (SESSION_MARKS_MAX * (sizeof(uint32_t) + sizeof(struct session_mark))) /* a row of its own */
#define PART(member, least) MEMBER(member) +
#define LATER(member)       MEMBER(member) +
_Static_assert(ALL_PARTS ALL_LATER MARKS_BYTES + (PARTS + LATER_PARTS + 1) * sizeof(uint32_t) <= SESSION_RECORD_MAX, "the longest record fits");
#undef LATER
#undef PART

size_t session_record_write(const struct session *s, uint8_t out[SESSION_RECORD_MAX])
{
	uint8_t row[MARKS_BYTES];
	struct buf b = buf_of(out, SESSION_RECORD_MAX), marks = buf_of(row, sizeof row);

	for (size_t i = 0; i < PARTS; i++)
		record_put(&b, (const char *)s + parts[i].at, parts[i].bytes);
	for (uint32_t i = 0; i < s->mark_count; i++)
		record_put(&marks, &s->marks[i], sizeof s->marks[i]);
	record_put(&b, row, marks.n);
	for (size_t i = 0; i < LATER_PARTS; i++)
		record_put(&b, (const char *)s + later[i].at, later[i].bytes);
	must(buf_ok(&b) && buf_ok(&marks));
	return b.n;
}

/* An octet of a bool may be anything in a record that somebody made up. */
static bool is_bool(const bool *b)
{
	uint8_t v;

	memcpy(&v, b, sizeof v);
	return v <= 1;
}

static bool keys_are_sound(const struct session_keys *k)
{
	uint8_t event;

	for (uint32_t i = 0; i < k->waiting && i < SESSION_KEYS_MAX; i++)
		if (dtmf_event(k->v[i].digit, &event) != 0)
			return false;
	return k->waiting <= SESSION_KEYS_MAX;
}

static bool is_sound(const struct session *s)
{
	const struct latch *l = &s->in.latch;

	return session_facts_are_sound(&s->facts) && s->r.ear < SESSION_EARS && s->press.down <= 1 && s->press.event <= 15 &&
	       s->press.duration_ms <= SESSION_PRESS_MAX_MS && s->seat.speaks <= 1 && s->seat.listens <= 1 && speech_is_sound(&s->speech) &&
	       keys_are_sound(&s->keys) && mouth_is_sound(&s->mouth) && s->noise.on <= 1 && s->noise.n <= COMFORT_OCTETS_MAX &&
	       is_bool(&s->facts.sends) && is_bool(&s->facts.receives) && is_bool(&s->facts.rtcp_mux) && is_bool(&l->is_locked) &&
	       is_bool(&l->learns) && is_bool(&s->dtmf.active) && is_bool(&s->dtmf.known);
}

static int read_marks(struct session *s, struct str row)
{
	for (s->mark_count = 0; row.n > 0; s->mark_count++) {
		struct session_mark *m = &s->marks[s->mark_count];
		int err;

		if (s->mark_count == SESSION_MARKS_MAX)
			return ERR_CORRUPT;
		err = record_take(&row, m, sizeof *m, MARK_LEAST);
		if (err != 0)
			return err;
		if (memchr(m->name, '\0', sizeof m->name) == NULL)
			return ERR_CORRUPT;
	}
	return 0;
}

int session_record_handle(struct str in, uint64_t *ret)
{
	struct session_record r;
	int err = record_take(&in, &r, sizeof r, parts[0].least);

	if (err == 0)
		*ret = r.handle;
	return err;
}

int session_record_read(struct session *s, struct str in)
{
	struct str marks;
	int err = 0;

	for (size_t i = 0; i < PARTS && err == 0; i++)
		err = record_take(&in, (char *)s + parts[i].at, parts[i].bytes, parts[i].least);
	if (err == 0)
		err = record_take_str(&in, in.n, &marks);
	if (err == 0)
		err = read_marks(s, marks);
	for (size_t i = 0; i < LATER_PARTS && err == 0; i++)
		err = record_take(&in, (char *)s + later[i].at, later[i].bytes, later[i].least);
	return err == 0 && !is_sound(s) ? ERR_CORRUPT : err;
}
