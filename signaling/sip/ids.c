/* ids.c - see ids.h */
#include "signaling/sip/ids.h"

void sip_make_branch(char out[SIP_ID_BRANCH_BYTES], uint64_t chance)
{
	struct buf b = buf_of(out, SIP_ID_BRANCH_BYTES);

	buf_z(&b, SIP_BRANCH_COOKIE);
	buf_hex(&b, chance, 16);
	buf_char(&b, '\0');
}

void sip_make_tag(char out[SIP_ID_TAG_BYTES], uint64_t chance)
{
	struct buf b = buf_of(out, SIP_ID_TAG_BYTES);

	buf_hex(&b, chance, 16);
	buf_char(&b, '\0');
}

/* word of RFC 3261 25.1 */
static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') &&
		    (c == '\0' || strchr("-.!%*_+`'~()<>:\\\"/[]?{}", c) == NULL))
			return false;
	}
	return true;
}

int sip_put_call_id(struct buf *b, const uint64_t chance[2], struct str host)
{
	uint64_t high = (chance[0] & ~0xf000ull) | 0x4000u;
	uint64_t low = (chance[1] & ~(3ull << 62)) | 2ull << 62;

	if (!is_word(host))
		return ERR_SYNTAX;
	buf_hex(b, high >> 32, 8);
	buf_char(b, '-');
	buf_hex(b, high >> 16, 4);
	buf_char(b, '-');
	buf_hex(b, high, 4);
	buf_char(b, '-');
	buf_hex(b, low >> 48, 4);
	buf_char(b, '-');
	buf_hex(b, low, 12);
	if (host.n > 0)
		buf_char(b, '@');
	buf_str_put(b, host);
	return buf_ok(b) ? 0 : ERR_NOSPC;
}
