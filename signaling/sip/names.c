/* names.c - see names.h */
#include "signaling/sip/names.h"

#include <endian.h>

#define LOWER(c)     ((c) >= 'A' && (c) <= 'Z' ? (c) | 0x20 : (c))
#define OCTET(n, at) ((uint64_t)(unsigned char)LOWER((n)[(at) < sizeof(n) ? (at) : sizeof(n) - 1]))
/* word_of() a literal */
#define WORD(n, at)                                                                      \
	(OCTET(n, at) | OCTET(n, (at) + 1) << 8 | OCTET(n, (at) + 2) << 16 |             \
	 OCTET(n, (at) + 3) << 24 | OCTET(n, (at) + 4) << 32 | OCTET(n, (at) + 5) << 40 | \
	 OCTET(n, (at) + 6) << 48 | OCTET(n, (at) + 7) << 56)
#define LAST(n) (sizeof(n) > 9 ? sizeof(n) - 9 : 0) /* where the last eight octets begin */

static const struct {
	struct str name;
	uint64_t first, last; /* eight octets, in lower case */
	char compact;
} headers[SIP_HEADERS] = {
#define HEADER(id, n, c, kind)                                                           \
	[SIP_##id] = {{n, sizeof(n) - 1}, WORD(n, 0), WORD(n, LAST(n)), (c)[0]},
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

/* The first octet is the lowest. */
static inline uint64_t word8_at(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return le64toh(w);
}

/* The octets that belong to a name of `n`. */
static inline uint64_t mask_of(size_t n)
{
	return n < 8 ? ((uint64_t)1 << 8 * n) - 1 : UINT64_MAX;
}

/* Eight octets of a name, of which `room` can be read; what does not belong to it is 0. */
static inline uint64_t word_of(const char *p, size_t n, size_t room)
{
	uint64_t w = 0;

	if (room >= 8)
		return word8_at(p) & mask_of(n);
	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)(unsigned char)p[i] << 8 * i;
	return w;
}

/* In lower case. Only letters have two, and of the octets of names only they have bit 6. */
static inline uint64_t lower_of(uint64_t w)
{
	return w | (w & 0x4040404040404040ull) >> 1;
}

/* Octets 8 to 15 of names that are longer than 16. */
__attribute__((noinline)) static bool has_middle(struct str name, struct str known)
{
	return name.n <= 24 && str_ieq((struct str){name.p + 8, 8}, (struct str){known.p + 8, 8});
}

enum sip_header sip_header_at(struct str name, size_t room)
{
	uint64_t first = lower_of(word_of(name.p, name.n, room));
	unsigned id = slots[(first ^ name.n) * multiplier >> 57];

	if (name.n == 1)
		return first == (unsigned char)headers[id].compact ? id : SIP_OTHER;
	if (name.n != headers[id].name.n || first != headers[id].first)
		return SIP_OTHER;
	if (name.n <= 8)
		return id;
	/* the first eight, the last eight and those between cover names of up to 24 */
	if (lower_of(word8_at(name.p + name.n - 8)) != headers[id].last)
		return SIP_OTHER;
	return name.n <= 16 || has_middle(name, headers[id].name) ? id : SIP_OTHER;
}

enum sip_header sip_header_of(struct str name)
{
	return sip_header_at(name, name.n);
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
