/* scan64_x86.c - see scan64.h: with the vector instructions of x86-64. */
#include <immintrin.h>

#include "signaling/sip/scan64.h"

static uint64_t equal16(__m128i v, char c)
{
	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

void sip_scan64_sse2(const char *p, struct sip_block *ret, size_t blocks)
{
	for (size_t b = 0; b < blocks; b++) {
		struct sip_block m = {0, 0, 0, 0};

		for (unsigned i = 0; i < SIP_BLOCK_BYTES; i += 16, p += 16) {
			__m128i v = _mm_loadu_si128((const __m128i_u *)p);

			m.lf |= equal16(v, '\n') << i;
			m.colon |= equal16(v, ':') << i;
			m.cr |= equal16(v, '\r') << i;
			m.nul |= equal16(v, '\0') << i;
		}
		ret[b] = m;
	}
}

__attribute__((target("avx2"))) static uint64_t equal64(__m256i low, __m256i high, char c)
{
	__m256i wanted = _mm256_set1_epi8(c);
	uint32_t l = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted));
	uint32_t h = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted));

	return l | (uint64_t)h << 32;
}

__attribute__((target("avx2"))) void sip_scan64_avx2(const char *p, struct sip_block *ret,
						     size_t blocks)
{
	for (size_t b = 0; b < blocks; b++, p += SIP_BLOCK_BYTES) {
		__m256i low = _mm256_loadu_si256((const __m256i_u *)p);
		__m256i high = _mm256_loadu_si256((const __m256i_u *)(p + 32));

		ret[b] = (struct sip_block){
			.lf = equal64(low, high, '\n'),
			.colon = equal64(low, high, ':'),
			.cr = equal64(low, high, '\r'),
			.nul = equal64(low, high, '\0'),
		};
	}
}

__attribute__((target("avx512bw"))) void sip_scan64_avx512(const char *p, struct sip_block *ret,
							   size_t blocks)
{
	for (size_t b = 0; b < blocks; b++, p += SIP_BLOCK_BYTES) {
		__m512i v = _mm512_loadu_si512(p);

		ret[b] = (struct sip_block){
			.lf = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n')),
			.colon = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(':')),
			.cr = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\r')),
			.nul = _mm512_testn_epi8_mask(v, v),
		};
	}
}

sip_scan64_fn *sip_scan64_best(void)
{
	if (__builtin_cpu_supports("avx512bw"))
		return sip_scan64_avx512;
	return __builtin_cpu_supports("avx2") ? sip_scan64_avx2 : sip_scan64_sse2;
}
