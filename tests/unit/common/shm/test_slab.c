/* test_slab.c - mirrors common/shm/slab.c */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/shm/slab.h"

#define CAP    4u
#define RECORD 100u
#define SCHEMA 0x1234u

static struct slab s;

static void open_slab(void)
{
	cr_assert_eq(slab_create("t", CAP, RECORD, SCHEMA, &s), 0);
}

static void close_slab(void)
{
	slab_close(&s);
}

TestSuite(shm_slab, .init = open_slab, .fini = close_slab);

static void commit(uint32_t slot, char c, size_t n)
{
	char record[RECORD];

	memset(record, c, sizeof record);
	cr_assert_eq(slab_commit(&s, slot, record, n), 0);
}

/* What slab_load() says: the record's letter, or a negative error. */
static int load(uint32_t slot)
{
	char record[RECORD];
	size_t n;
	int err = slab_load(&s, slot, record, sizeof record, &n);

	if (err != 0)
		return err;
	for (size_t i = 1; i < n; i++)
		cr_assert_eq(record[i], record[0], "mixed record");
	return record[0];
}

/* As a successor finds it: through a second descriptor and a second mapping. */
static int adopt(uint64_t schema, struct slab *ret)
{
	int fd = dup(s.region.fd);
	int err = slab_adopt(fd, schema, ret);

	if (err != 0) {
		cr_expect_geq(fcntl(fd, F_GETFD), 0, "ownership taken on failure");
		close(fd);
	}
	return err;
}

/* Flip every bit of the bytes that hold `c` `run` times in a row, the first such place.
 */
static bool corrupt(char c, size_t run)
{
	char *p = s.region.p;
	size_t seen = 0;

	for (size_t i = 0; i < s.region.bytes; i++) {
		seen = p[i] == c ? seen + 1 : 0;
		if (seen == run) {
			p[i] = (char)~p[i];
			return true;
		}
	}
	return false;
}

Test(shm_slab, sizes)
{
	static const struct {
		uint32_t cap;
		uint32_t record;
		bool ok;
	} cases[] = {
		{1, 1, true},
		{SLAB_CAP_MAX, 1, true},
		{1, SLAB_RECORD_MAX, true},
		{0, 1, false},
		{1, 0, false},
		{SLAB_CAP_MAX + 1, 1, false},
		{1, SLAB_RECORD_MAX + 1, false},
		{UINT32_MAX, UINT32_MAX, false},
		{SLAB_CAP_MAX, SLAB_RECORD_MAX, false}, /* over REGION_BYTES_MAX */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slab t;
		int err = slab_create("t", cases[i].cap, cases[i].record, 1, &t);

		cr_expect_eq(slab_bytes(cases[i].cap, cases[i].record) != 0, cases[i].ok,
			     "case %zu", i);
		cr_expect_eq(err, cases[i].ok ? 0 : ERR_INVAL, "case %zu", i);
		if (err == 0)
			slab_close(&t);
	}
}

Test(shm_slab, commit_load_clear)
{
	for (uint32_t i = 0; i < CAP; i++)
		cr_expect_eq(load(i), ERR_NOENT);

	for (int round = 0; round < 5; round++)
		for (uint32_t i = 0; i < CAP; i++) {
			commit(i, (char)('a' + round + (int)i), RECORD);
			cr_expect_eq(load(i), 'a' + round + (int)i);
		}

	slab_clear(&s, 1);
	cr_expect_eq(load(1), ERR_NOENT);
	cr_expect_eq(load(0), 'e', "neighbour");
	cr_expect_eq(load(2), 'g', "neighbour");
	commit(1, 'z', RECORD);
	cr_expect_eq(load(1), 'z');
}

Test(shm_slab, lengths)
{
	char record[RECORD];
	size_t n = 42;

	for (size_t len = 0; len <= RECORD; len++) {
		commit(0, 'x', len);
		cr_assert_eq(slab_load(&s, 0, record, len, &n), 0);
		cr_assert_eq(n, len);
	}
	n = 42;
	cr_expect_eq(slab_load(&s, 0, record, RECORD - 1, &n), ERR_NOSPC);
	cr_expect_eq(n, 42u, "clobbered output");
}

Test(shm_slab, a_longer_record_of_a_later_build_fits)
{
	char record[2 * RECORD], got[2 * RECORD];
	size_t n;

	memset(record, 'n', sizeof record);
	commit(0, 'a', RECORD);
	cr_assert_eq(s.record_bytes, RECORD + RECORD / 4);
	cr_expect_eq(slab_commit(&s, 0, record, s.record_bytes + 1), ERR_NOSPC);
	cr_expect_eq(load(0), 'a', "what was there stays");
	cr_expect_eq(slab_commit(&s, 0, record, s.record_bytes), 0);
	cr_assert_eq(slab_load(&s, 0, got, sizeof got, &n), 0);
	cr_expect_eq(n, s.record_bytes);
	cr_expect_eq(memcmp(got, record, n), 0);
	cr_expect_eq(load(1), ERR_NOENT, "neighbour");
}

/* Is there a run of `c` anywhere in the slab? */
static bool anywhere(char c, size_t run)
{
	const char *p = s.region.p;
	size_t seen = 0;

	for (size_t i = 0; i < s.region.bytes && seen < run; i++)
		seen = p[i] == c ? seen + 1 : 0;
	return seen == run;
}

Test(shm_slab, nothing_of_a_record_outlives_its_clear)
{
	commit(0, 'k', RECORD);
	commit(0, 'l', RECORD);
	commit(0, 'm', RECORD / 2); /* over the k: no rest of it may stay behind */
	cr_expect_not(anywhere('k', 8));
	cr_expect(anywhere('l', RECORD));
	commit(1, 'o', RECORD);
	slab_clear(&s, 0);
	for (char c = 'k'; c <= 'm'; c++)
		cr_expect_not(anywhere(c, 8), "%c", c);
	cr_expect(anywhere('o', RECORD), "neighbour");
}

/* VmFlags of the mapping at `p` in /proc/self/smaps. */
static bool mapping_has_flag(const void *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool here = false, has = false;
	char line[512];

	cr_assert_not_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (unsigned long)p && (unsigned long)p < to;
		if (here && strncmp(line, "VmFlags:", 8) == 0)
			has = strstr(line, flag) != NULL;
	}
	fclose(f);
	return has;
}

Test(shm_slab, is_kept_out_of_core_files)
{
	struct slab t;

	cr_expect(mapping_has_flag(s.region.p, " dd"));
	cr_assert_eq(adopt(SCHEMA, &t), 0);
	cr_expect(mapping_has_flag(t.region.p, " dd"));
	slab_close(&t);
}

Test(shm_slab, slot_past_the_cap_is_a_bug, .signal = SIGABRT)
{
	slab_clear(&s, CAP);
}

Test(shm_slab, one_bad_copy_falls_back_to_the_other)
{
	commit(0, 'a', RECORD);
	commit(0, 'b', RECORD);
	cr_assert(corrupt('b', RECORD));
	cr_expect_eq(load(0), 'a');

	/* and the next commit must not write over the only good copy first */
	commit(0, 'c', RECORD);
	cr_expect_eq(load(0), 'c');
	cr_assert(corrupt('c', RECORD));
	cr_expect_eq(load(0), 'a');
}

Test(shm_slab, two_bad_copies_are_corrupt)
{
	commit(0, 'a', RECORD);
	commit(0, 'b', RECORD);
	cr_assert(corrupt('a', RECORD));
	cr_assert(corrupt('b', RECORD));
	cr_expect_eq(load(0), ERR_CORRUPT);
	commit(0, 'c', RECORD);
	cr_expect_eq(load(0), 'c');
}

Test(shm_slab, first_copy_bad_is_corrupt)
{
	commit(0, 'a', RECORD);
	cr_assert(corrupt('a', RECORD));
	cr_expect_eq(load(0), ERR_CORRUPT);
}

Test(shm_slab, cleared_slot_never_shows_its_past)
{
	commit(0, 'a', RECORD);
	commit(0, 'b', RECORD);
	slab_clear(&s, 0);
	commit(0, 'c', RECORD);
	cr_assert(corrupt('c', RECORD));
	cr_expect_eq(load(0), ERR_CORRUPT, "a record of an earlier call came back");
}

Test(shm_slab, any_damage_to_a_slot_is_noticed_or_harmless)
{
	size_t from = 4096; /* behind the header */
	char *p = s.region.p;

	commit(0, 'a', RECORD);
	commit(0, 'b', RECORD);
	for (size_t i = from; i < from + s.stride; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			int got;

			p[i] = (char)(p[i] ^ (1 << bit));
			got = load(0);
			cr_assert(got == 'a' || got == 'b' || got == ERR_CORRUPT ||
					  got == ERR_NOENT,
				  "byte %zu bit %u: %d", i - from, bit, got);
			p[i] = (char)(p[i] ^ (1 << bit));
		}
	}
	cr_expect_eq(load(0), 'b');
}

Test(shm_slab, record_of_another_slot_is_not_accepted)
{
	char *p = (char *)s.region.p + 4096;

	commit(0, 'a', RECORD);
	memcpy(p + s.stride, p, s.stride);
	cr_expect_eq(load(1), ERR_CORRUPT);
}

Test(shm_slab, hot_words)
{
	for (uint32_t slot = 0; slot < CAP; slot++)
		for (uint32_t i = 0; i < SLAB_HOT_WORDS; i++)
			atomic_store(&slab_hot(&s, slot)[i], slot * 100 + i + 1);

	commit(2, 'a', RECORD);
	slab_clear(&s, 1);
	for (uint32_t i = 0; i < SLAB_HOT_WORDS; i++) {
		cr_expect_eq(atomic_load(&slab_hot(&s, 0)[i]), i + 1);
		cr_expect_eq(atomic_load(&slab_hot(&s, 1)[i]), 0u);
		cr_expect_eq(atomic_load(&slab_hot(&s, 2)[i]), 200 + i + 1);
	}
}

Test(shm_slab, successor_finds_everything)
{
	uint64_t call, hash;
	char record[RECORD];
	struct slab t;
	size_t n;

	commit(3, 'q', 10);
	atomic_store(&slab_hot(&s, 3)[5], 77);
	slab_touched(&s, &call, &hash);
	cr_expect_eq(call, 0u);
	slab_touch(&s, 11, 22);

	cr_assert_eq(adopt(SCHEMA, &t), 0);
	cr_expect_eq(t.cap, CAP);
	cr_expect_eq(t.record_bytes, s.record_bytes);
	cr_assert_eq(slab_load(&t, 3, record, sizeof record, &n), 0);
	cr_expect_eq(n, 10u);
	cr_expect_eq(record[9], 'q');
	cr_expect_eq(atomic_load(&slab_hot(&t, 3)[5]), 77u);
	slab_touched(&t, &call, &hash);
	cr_expect_eq(call, 11u);
	cr_expect_eq(hash, 22u);
	slab_touch(&t, 0, 0);
	slab_touched(&s, &call, &hash);
	cr_expect_eq(call, 0u);
	slab_close(&t);
}

/* A worker that works on the inputs 1, 2, 3 and dies at the 2 when it is not told to leave it alone. */
static bool dies_at_two(struct slab *t)
{
	for (uint64_t input = 1; input <= 3; input++) {
		if (slab_is_poison(t, 7, input))
			continue;
		slab_touch(t, 7, input);
		if (input == 2)
			return true;
		slab_touch(t, 0, 0);
	}
	return false;
}

Test(shm_slab, an_input_that_killed_twice_is_left_alone)
{
	struct slab t;

	for (unsigned life = 0; life < 4; life++) {
		cr_assert_eq(adopt(SCHEMA, &t), 0);
		slab_count_death(&t);
		cr_expect_eq(dies_at_two(&t), life < SLAB_POISON_DEATHS, "life %u", life);
		slab_close(&t);
	}
	cr_expect(slab_is_poison(&s, 7, 2));
	cr_expect_not(slab_is_poison(&s, 7, 1));
	cr_expect_not(slab_is_poison(&s, 8, 2), "of another call it is another input");
	cr_expect_not(slab_is_poison(&s, 0, 0));
}

Test(shm_slab, a_death_without_any_input_counts_for_none)
{
	slab_touch(&s, 7, 2);
	slab_count_death(&s);
	slab_count_death(&s);
	slab_count_death(&s);
	cr_expect_not(slab_is_poison(&s, 7, 2));
}

Test(shm_slab, poison_has_a_cap)
{
	for (uint64_t i = 0; i <= SLAB_POISON_MAX; i++) {
		for (unsigned death = 0; death < SLAB_POISON_DEATHS; death++) {
			slab_touch(&s, 1, i);
			slab_count_death(&s);
		}
		cr_expect(slab_is_poison(&s, 1, i));
	}
	cr_expect_not(slab_is_poison(&s, 1, 0), "the oldest is forgotten");
	cr_expect(slab_is_poison(&s, 1, 1));
}

Test(shm_slab, interrupted_clear_is_finished)
{
	char *slot = (char *)s.region.p + 4096;
	_Atomic uint64_t *state = (_Atomic uint64_t *)slot;
	struct slab t;

	commit(0, 'a', RECORD);
	atomic_store(&slab_hot(&s, 0)[0], 5);
	atomic_store(state, 2); /* as if killed right after slab_clear() began */
	cr_expect_eq(load(0), ERR_NOENT);
	cr_assert_eq(adopt(SCHEMA, &t), 0);
	cr_expect_eq(load(0), ERR_NOENT);
	cr_expect_eq(atomic_load(&slab_hot(&s, 0)[0]), 0u);
	commit(0, 'b', RECORD);
	cr_assert(corrupt('b', RECORD));
	cr_expect_eq(load(0), ERR_CORRUPT);
	slab_close(&t);
}

Test(shm_slab, other_schema_is_refused)
{
	struct slab t = {.cap = 42};

	cr_expect_eq(adopt(SCHEMA + 1, &t), ERR_PROTO);
	cr_expect_eq(t.cap, 42u, "clobbered output");
}

Test(shm_slab, every_damaged_header_is_refused)
{
	char *p = s.region.p;

	for (size_t i = 0; i < 32; i++) { /* magic, version, cap, sizes, schema */
		for (unsigned bit = 0; bit < 8; bit++) {
			struct slab t;
			int err;

			p[i] = (char)(p[i] ^ (1 << bit));
			err = adopt(SCHEMA, &t);
			/* fewer records in the same memory are possible, more are not */
			if (err == 0) {
				cr_expect_leq(slab_bytes(t.cap, t.record_bytes),
					      s.region.bytes);
				slab_close(&t);
			} else {
				cr_expect(err == ERR_CORRUPT || err == ERR_PROTO,
					  "byte %zu: %d", i, err);
			}
			p[i] = (char)(p[i] ^ (1 << bit));
		}
	}
}

Test(shm_slab, no_slab_at_all)
{
	struct region r;
	struct slab t;

	cr_assert_eq(region_create("zero", 8192, &r), 0);
	cr_expect_eq(slab_adopt(r.fd, 0, &t), ERR_CORRUPT);
	region_close(&r);
	cr_expect_eq(slab_adopt(0, 0, &t), ERR_INVAL);
}
