/* test_scan64.c - mirrors signaling/sip/scan64.c: every implementation gives the bits a
 * loop over octets gives, and none reads what is not text. */
#include <dirent.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/rand.h"
#include "signaling/sip/scan64.h"
#include "tests/unit/signaling/sip/kit.h"

#define BLOCKS 1100u

static struct sip_block want[BLOCKS], got[BLOCKS];

static void by_octets(struct str s)
{
	memset(want, 0, sizeof want);
	for (size_t i = 0; i < s.n; i++) {
		struct sip_block *b = &want[i / SIP_BLOCK_BYTES];
		uint64_t bit = 1ull << i % SIP_BLOCK_BYTES;

		b->lf |= s.p[i] == '\n' ? bit : 0;
		b->colon |= s.p[i] == ':' ? bit : 0;
		b->cr |= s.p[i] == '\r' ? bit : 0;
		b->nul |= s.p[i] == '\0' ? bit : 0;
	}
}

static void same(const char *who, size_t blocks)
{
	for (size_t i = 0; i < blocks; i++)
		cr_assert_eq(memcmp(&got[i], &want[i], sizeof got[i]), 0, "%s: block %zu",
			     who, i);
}

static void compare(struct str s)
{
	size_t whole = s.n / SIP_BLOCK_BYTES, blocks = (s.n + 63) / SIP_BLOCK_BYTES;

	by_octets(s);
	memset(got, 0xff, sizeof got);
	cr_assert_eq(sip_scan64(s, got, BLOCKS), blocks);
	same("sip_scan64", blocks);
	sip_scan64_swar(s.p, got, whole);
	same("swar", whole);
#ifdef __x86_64__
	memset(got, 0xff, sizeof got);
	sip_scan64_sse2(s.p, got, whole);
	same("sse2", whole);
	memset(got, 0xff, sizeof got);
	if (__builtin_cpu_supports("avx2")) {
		sip_scan64_avx2(s.p, got, whole);
		same("avx2", whole);
	}
	memset(got, 0xff, sizeof got);
	if (__builtin_cpu_supports("avx512bw")) {
		sip_scan64_avx512(s.p, got, whole);
		same("avx512", whole);
	}
#endif
}

static unsigned compare_folder(const char *folder)
{
	char path[512];
	DIR *d;
	unsigned n = 0;

	snprintf(path, sizeof path, "%s/%s", TEST_DATA, folder);
	d = opendir(path);
	cr_assert_not_null(d, "%s", path);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		cr_assert_lt(snprintf(path, 300, "%s/%s", folder, e->d_name), 300);
		compare(kit_file(path));
		n++;
	}
	closedir(d);
	return n;
}

Test(sip_scan64, corpora)
{
	cr_expect_geq(compare_folder("rfc4475"), 50u);
	cr_expect_geq(compare_folder("rfc5118"), 12u);
	cr_expect_geq(compare_folder("../fuzz/corpus/sip_msg"), 6u);
	cr_expect_geq(compare_folder("../fuzz/corpus/sip_stack"), 6u);
}

Test(sip_scan64, random_octets)
{
	/* neighbours of what is looked for, and the high bit */
	static const char likely[] = "\n\r:\0;\t\x0b\x8a\xba\x8d\x80\x7f\xff 9";
	static char text[BLOCKS * SIP_BLOCK_BYTES];
	struct rand r;

	rand_seed(&r, 64);
	for (unsigned round = 0; round < 400; round++) {
		size_t n = rand_u64(&r) % (round % 50 == 0 ? sizeof text : 700);

		for (size_t i = 0; i < n; i++) {
			uint64_t x = rand_u64(&r);

			text[i] = x & 1 ? (char)(x >> 8)
					: likely[(x >> 8) % (sizeof likely - 1)];
		}
		compare((struct str){text, n});
	}
	for (unsigned c = 0; c < 256; c++) { /* every octet at every place of a block */
		memset(text, (int)c, 130);
		compare((struct str){text, 130});
	}
}

Test(sip_scan64, no_more_blocks_than_asked)
{
	static const char text[300] = "\n";

	memset(got, 0xff, sizeof got);
	cr_expect_eq(sip_scan64((struct str){text, 300}, got, 2), 2u);
	cr_expect_eq(got[0].lf, 1u);
	cr_expect_eq(got[2].lf, ~0ull, "not touched");
	cr_expect_eq(sip_scan64((struct str){text, 0}, got, 2), 0u);
	cr_expect_eq(sip_scan64((struct str){text, 128}, got, 2), 2u);
}

/* Text that ends where the next page can not be read: an over-read is a fault. */
Test(sip_scan64, nothing_behind_the_end_is_read)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static struct sip_msg m;

	cr_assert_neq(area, MAP_FAILED);
	cr_assert_eq(mprotect(area + page, page, PROT_NONE), 0);
	for (size_t n = 0; n <= 200; n++) {
		char *start = area + page - n;

		memset(start, 'a', n);
		compare((struct str){start, n});
	}
	for (size_t n = 1; n <= 700; n++) {
		struct str invite = kit_print(
			(struct kit_request){.lines = "X-A: b\r\n c\r\nv: x\r\n"});
		char *start = area + page - (n < invite.n ? n : invite.n);

		memcpy(start, invite.p, (size_t)(area + page - start));
		(void)!sip_parse(start, (size_t)(area + page - start), &m);
		(void)sip_header_of((struct str){start, (size_t)(area + page - start)});
	}
	munmap(area, 2 * page);
}
