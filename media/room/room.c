/* room.c - see room.h */
#include "media/room/room.h"

#include <string.h>

#include "common/base/must.h"
#include "media/room/mix.h"

#define NS_PER_SAMPLE (1000000000u / ROOM_RATE_HZ)
#define MASK (ROOM_RING_SAMPLES - 1)
#define SLACK ROOM_TICK_SAMPLES /* frames further than this from where the last one ended stand elsewhere */
#define TAPE_TICK_MAX (ROOM_TICK_MS * 48u)

_Static_assert((ROOM_RING_SAMPLES & MASK) == 0, "a place is masked");
_Static_assert(1000000000u % ROOM_RATE_HZ == 0, "the time line has whole nanoseconds");

int room_member_equip(struct room_member *m, uint32_t rate_hz)
{
	int err = resample_reset(&m->in, rate_hz, ROOM_RATE_HZ);

	if (err == 0)
		err = resample_reset(&m->out, ROOM_RATE_HZ, rate_hz);
	m->rate_hz = rate_hz;
	m->end = m->voiced = 0;
	m->trails = false;
	return err;
}

void room_member_fini(struct room_member *m)
{
	resample_fini(&m->in);
	resample_fini(&m->out);
}

int room_join(struct room *r, struct room_member *m)
{
	if (m->room != NULL)
		return ERR_EXIST;
	if (r->count == ROOM_MEMBERS_MAX)
		return ERR_NOSPC;
	r->members[r->count++] = m;
	m->room = r;
	return 0;
}

void room_leave(struct room_member *m)
{
	struct room *r = m->room;

	if (r == NULL)
		return;
	for (uint32_t i = 0; i < r->count; i++)
		if (r->members[i] == m)
			r->members[i--] = r->members[--r->count];
	m->room = NULL;
}

/* ---- speaking ---- */

/* hot. At `at`, in two pieces when the ring ends between. pcm NULL: silence. */
static void write_ring(struct room_member *m, uint64_t at, const int16_t *pcm, uint32_t n)
{
	uint32_t from = (uint32_t)(at & MASK), first = n < ROOM_RING_SAMPLES - from ? n : ROOM_RING_SAMPLES - from;

	if (pcm == NULL) {
		memset(m->ring + from, 0, first * sizeof *m->ring);
		memset(m->ring, 0, (n - first) * sizeof *m->ring);
		return;
	}
	memcpy(m->ring + from, pcm, first * sizeof *m->ring);
	memcpy(m->ring, pcm + first, (n - first) * sizeof *m->ring);
}

/* hot */
static bool is_silent(const int16_t *pcm, uint32_t n)
{
	int16_t any = 0;

	for (uint32_t i = 0; i < n; i++)
		any |= pcm[i];
	return any == 0;
}

/* hot. Where n samples due at `due_ns` go: behind the last ones as long as that is about right. False: their time has passed, and is taken. */
static bool place(struct room_member *m, uint64_t due_ns, uint32_t n)
{
	uint64_t want = (due_ns + ROOM_DELAY_MS * 1000000ull) / NS_PER_SAMPLE, gap;

	if (want <= m->end + SLACK && m->end <= want + SLACK)
		return true;
	if (want < m->end) {
		if (want + n <= m->end)
			return false;
		m->end = want; /* the others of its stream will be so early, too */
		return true;
	}
	gap = want - m->end;
	write_ring(m, m->end, NULL, gap < ROOM_RING_SAMPLES ? (uint32_t)gap : ROOM_RING_SAMPLES);
	m->end = want;
	return true;
}

/* hot */
void room_put(struct room_member *m, const int16_t *pcm, uint32_t n, uint64_t due_ns)
{
	int16_t made[ROOM_TICK_SAMPLES];
	uint32_t got;

	must(n <= ROOM_TICK_MS * (m->rate_hz / 1000u));
	got = (uint32_t)resample_run(&m->in, pcm, n, made, ROOM_TICK_SAMPLES);
	if (got == 0 || !place(m, due_ns, got))
		return;
	write_ring(m, m->end, made, got);
	m->end += got;
	if (!is_silent(made, got))
		m->voiced = m->end;
}

/* ---- hearing ---- */

/* hot. A tick of somebody's voice from `at` on; silence behind its end. */
static void read_ring(const struct room_member *m, uint64_t at, int16_t *pcm)
{
	uint32_t from = (uint32_t)(at & MASK), first = ROOM_RING_SAMPLES - from;
	uint32_t n = m->end - at < ROOM_TICK_SAMPLES ? (uint32_t)(m->end - at) : ROOM_TICK_SAMPLES;

	first = first < n ? first : n;
	memcpy(pcm, m->ring + from, first * sizeof *pcm);
	memcpy(pcm + first, m->ring, (n - first) * sizeof *pcm);
	memset(pcm + n, 0, (ROOM_TICK_SAMPLES - n) * sizeof *pcm);
}

/* hot. Does it say anything in the tick from `at` on, which the ring still has? */
static bool has_voice(const struct room_member *m, uint64_t at)
{
	return m->speaks && m->voiced > at && m->end > at && m->end <= at + ROOM_RING_SAMPLES;
}

/* hot. The sum of the others; a single one, as in a call between two, is copied. How many. */
static uint32_t collect(const struct room_member *m, uint64_t at, int16_t *pcm)
{
	int32_t sum[ROOM_TICK_SAMPLES];
	uint32_t voices = 0;

	for (uint32_t i = 0; i < m->room->count; i++) {
		const struct room_member *other = m->room->members[i];
		int16_t one[ROOM_TICK_SAMPLES];

		if (other == m || !has_voice(other, at))
			continue;
		if (voices++ == 0) {
			read_ring(other, at, pcm);
			continue;
		}
		if (voices == 2) {
			memset(sum, 0, sizeof sum);
			mix_add(sum, pcm, ROOM_TICK_SAMPLES);
		}
		read_ring(other, at, one);
		mix_add(sum, one, ROOM_TICK_SAMPLES);
	}
	if (voices > 1)
		mix_bend(pcm, sum, ROOM_TICK_SAMPLES);
	return voices;
}

/* hot */
static void add_to(int16_t *pcm, const int16_t *more, uint32_t n)
{
	int32_t sum[TAPE_TICK_MAX] = {0};

	mix_add(sum, pcm, n);
	mix_add(sum, more, n);
	mix_bend(pcm, sum, n);
}

/* hot */
bool room_take(struct room_member *m, uint64_t at_ns, int16_t *pcm, uint32_t n, bool over)
{
	int16_t heard[ROOM_TICK_SAMPLES], made[TAPE_TICK_MAX];
	bool voices = m->room != NULL && m->listens && collect(m, at_ns / NS_PER_SAMPLE, heard) > 0, trailed = m->trails;

	must(n == ROOM_TICK_MS * (m->rate_hz / 1000u));
	m->trails = voices;
	if (!voices && !trailed)
		return false;
	if (!voices)
		memset(heard, 0, sizeof heard);
	(void)resample_run(&m->out, heard, ROOM_TICK_SAMPLES, over ? made : pcm, n);
	if (over)
		add_to(pcm, made, n);
	return true;
}
