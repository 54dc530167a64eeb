/* test_record.c - mirrors media/session/record.c: what survives of a session, also from and for another build. */
#include "common/base/record.h"

#include "tests/unit/media/session/kit.h"

TestSuite(record, .init = setup, .fini = teardown);

static struct session *loaded;

static int load(const void *p, size_t n)
{
	free(loaded);
	loaded = calloc(1, sizeof *loaded);
	return session_record_read(loaded, (struct str){p, n});
}

static int reload(void)
{
	static uint8_t record[SESSION_RECORD_MAX];

	return load(record, session_record_write(s, record));
}

Test(record, damaged_records_are_refused)
{
	struct session *good = calloc(1, sizeof *good);

	*good = *s;
#define REFUSED(change)                                                                          \
	*s = *good;                                                                              \
	change;                                                                                  \
	cr_expect_eq(reload(), ERR_CORRUPT, #change)
	REFUSED(s->facts.codec = CODECS);
	REFUSED(s->facts.ptime_ms = 0);
	REFUSED(s->facts.ptime_ms = 70);
	REFUSED(s->facts.ptime_ms = 15);
	REFUSED(s->facts.payload_type = 128);
	REFUSED(s->facts.dtmf_payload_type = 128);
	REFUSED(memset(&s->facts.sends, 2, 1));
	REFUSED(memset(&s->facts.receives, 255, 1));
	REFUSED(memset(&s->in.latch.is_locked, 2, 1));
	REFUSED(memset(&s->in.latch.learns, 2, 1));
	REFUSED(memset(&s->dtmf.active, 2, 1));
	REFUSED(memset(&s->dtmf.known, 2, 1));
	REFUSED((s->mark_count = 1, memset(s->marks[0].name, 'x', SESSION_MARK_BYTES)));
	*s = *good;
	cr_expect_eq(reload(), 0);
	free(good);
}
