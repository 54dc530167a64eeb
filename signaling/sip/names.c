/* names.c - see names.h */
#include "signaling/sip/names.h"

#include <endian.h>

static const struct {
	struct str name;
	char compact;
} headers[SIP_HEADERS] = {
#define HEADER(id, n, c, kind) [SIP_##id] = {{n, sizeof(n) - 1}, (c)[0]},
#include "signaling/sip/header.def"
#undef HEADER
};

/* A perfect hash of the names: every one has a slot of its own. tools/gen_header_hash.py
 * finds the multiplier. */
#define SLOT(at, id) [at] = SIP_##id,
#define MULTIPLIER(m)
static const uint8_t slots[128] = {
#include "signaling/sip/header_hash.def"
};
#undef SLOT
#undef MULTIPLIER
#define SLOT(at, id)
#define MULTIPLIER(m) m
static const uint64_t multiplier =
#include "signaling/sip/header_hash.def"
	;
#undef SLOT
#undef MULTIPLIER

static const struct str methods[SIP_METHODS] = {
#define METHOD(id, n) [SIP_M_##id] = {n, sizeof(n) - 1},
#include "signaling/sip/method.def"
#undef METHOD
};

enum sip_method sip_method_of(struct str name)
{
	for (unsigned i = 1; i < SIP_METHODS; i++)
		if (str_eq(methods[i], name))
			return (enum sip_method)i;
	return SIP_UNKNOWN;
}

const char *sip_method_name(enum sip_method m)
{
	return m < SIP_METHODS && methods[m].p != NULL ? methods[m].p : "";
}

/* A to Z of eight octets at once; other octets stay what they are. */
static uint64_t lower8(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101ull, high = ones << 7;
	uint64_t low7 = w & ~high;
	uint64_t from_a = low7 + (0x80 - 'A') * ones,
		 above_z = low7 + (0x7f - 'Z') * ones;

	return w | (((from_a ^ above_z) & high & ~w) >> 2);
}

/* The first eight octets of `p`, in lower case; of fewer, what there is and zeros. */
static uint64_t word_at(const char *p, size_t n)
{
	uint64_t w = 0;

	if (n >= 8) {
		memcpy(&w, p, 8);
		w = le64toh(w);
	} else if (n >= 4) { /* two halves that overlap */
		uint32_t first, last;

		memcpy(&first, p, 4);
		memcpy(&last, p + n - 4, 4);
		w = le32toh(first) | (uint64_t)le32toh(last) << 8 * (n - 4);
	} else {
		for (size_t i = 0; i < n; i++)
			w |= (uint64_t)(unsigned char)p[i] << 8 * i;
	}
	return lower8(w);
}

/* Longer than eight: the eight octets behind, and the last eight, cover all of them. */
static bool tails_eq(struct str a, struct str b)
{
	size_t last = a.n - 8;

	return a.n <= 24 && word_at(a.p + last, 8) == word_at(b.p + last, 8) &&
	       (a.n <= 16 || word_at(a.p + 8, 8) == word_at(b.p + 8, 8));
}

enum sip_header sip_header_of(struct str name)
{
	uint64_t word = word_at(name.p, name.n);
	unsigned id = slots[(word ^ name.n) * multiplier >> 57];
	struct str known = headers[id].name;

	if (name.n == 1)
		return word == (unsigned char)headers[id].compact && word != 0
			       ? id
			       : SIP_OTHER;
	if (name.n != known.n || word != word_at(known.p, known.n))
		return SIP_OTHER;
	return name.n <= 8 || tails_eq(name, known) ? id : SIP_OTHER;
}

const char *sip_header_name(enum sip_header id)
{
	return headers[id].name.p;
}

const char *sip_reason_of(unsigned status)
{
	static const struct {
		unsigned code;
		const char *text;
	} table[] = {
#define STATUS(c, t) {c, t},
#include "signaling/sip/status.def"
#undef STATUS
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].code == status)
			return table[i].text;
	return "";
}
