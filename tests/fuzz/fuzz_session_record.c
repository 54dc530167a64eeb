/* fuzz_session_record.c - records of any build, or of nobody: refused, or a session goes on with them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/session/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 3000000000ull

static const struct session_config cfg = {.reorder_ms_max = 60, .timeout_ms = 1000, .idle_silence = true};

static void live(struct session *s)
{
	static struct session_events ev;
	struct session_utterance u[SESSION_UTTERANCES_MAX];
	struct session_packets out;
	uint8_t packet[RTP_HEADER_BYTES + 160] = {0x80};
	uint32_t n;

	ev.n = 0;
	for (uint64_t now = NOW; now < NOW + 500000000; now += 20000000) {
		packet[1] = s->facts.payload_type;
		packet[3]++;
		session_receive(s, &(struct session_datagram){packet, sizeof packet, NULL}, now, &ev);
		session_tick(s, now, &out, &ev);
		if (out.count > SESSION_PACKETS_MAX)
			abort();
	}
	(void)session_flush(s, 0, u, &n, &ev);
	session_close(s, &ev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tape_config tc = {.rate_hz = 16000, .frame_ms = 20, .tx_slots = 64, .start_mono_ns = 1};
	static uint8_t again[SESSION_RECORD_MAX], twice[SESSION_RECORD_MAX];
	static _Atomic uint64_t hot[HOT_WORDS];
	static struct session_wide wide;
	struct session *s = calloc(2, sizeof *s);
	struct tape t;
	size_t n;

	if (s == NULL || tape_create(&tc, &t) != 0)
		abort();
	if (session_record_read(s, (struct str){(const char *)data, size}) == 0) {
		n = session_record_write(s, again);
		if (session_record_read(s + 1, (struct str){(const char *)again, n}) != 0 || session_record_write(s + 1, twice) != n ||
		    memcmp(again, twice, n) != 0)
			abort();
		memset(hot, 0, sizeof hot);
		s->hot = hot;
		s->wide = &wide;
		s->r.rate_hz = tc.rate_hz;
		if (resample_init(&s->up, 8000, 8000) != 0 || resample_init(&s->down, 8000, 8000) != 0)
			abort();
		if (session_resume(s, &cfg, s->r.start_ns != 0 ? &t : NULL, NOW) == 0)
			live(s);
		resample_fini(&s->up);
		resample_fini(&s->down);
	}
	tape_close(&t);
	free(s);
	return 0;
}
