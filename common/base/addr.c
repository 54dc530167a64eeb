/* addr.c - see addr.h */
#include "common/base/addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/base/scan.h"
#include "common/base/wire.h"

/* Four decimal numbers, no leading zeros (an octal trap elsewhere). */
static int parse_v4(struct str text, struct addr *ret)
{
	struct addr a = {.family = ADDR_V4};
	struct str rest = text;
	unsigned dots = 0;

	for (size_t i = 0; i < text.n; i++)
		dots += text.p[i] == '.';
	if (dots != 3)
		return ERR_SYNTAX;

	for (int i = 0; i < 4; i++) {
		struct str part = str_cut(rest, '.', &rest);
		struct scan s = scan_of(part);
		uint32_t v = scan_u32(&s);

		scan_end(&s);
		if (s.err != 0 || v > 255 || part.n > 3 ||
		    (part.n > 1 && part.p[0] == '0'))
			return ERR_SYNTAX;
		a.ip[i] = (uint8_t)v;
	}
	*ret = a;
	return 0;
}

static int parse_v6(struct str text, struct addr *ret)
{
	struct addr a = {.family = ADDR_V6};
	char z[INET6_ADDRSTRLEN];

	if (text.n == 0 || str_copy(z, sizeof z, text) != 0 || strlen(z) != text.n)
		return ERR_SYNTAX;
	if (inet_pton(AF_INET6, z, a.ip) != 1)
		return ERR_SYNTAX;
	*ret = a;
	return 0;
}

int addr_parse_ip(struct str text, struct addr *ret)
{
	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
		return parse_v6((struct str){text.p + 1, text.n - 2}, ret);
	if (text.n > 0 && memchr(text.p, ':', text.n) != NULL)
		return parse_v6(text, ret);
	return parse_v4(text, ret);
}

int addr_parse(struct str text, struct addr *ret)
{
	size_t colon = text.n;
	struct addr a;
	struct scan s;
	uint32_t port;
	int err;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return ERR_SYNTAX;
	s = scan_of((struct str){text.p + colon, text.n - colon});
	port = scan_u32(&s);
	scan_end(&s);
	if (s.err != 0)
		return s.err;
	if (port > UINT16_MAX)
		return ERR_RANGE;

	text.n = colon - 1;
	if (text.n > 0 && text.p[0] != '[' && memchr(text.p, ':', text.n) != NULL)
		return ERR_SYNTAX; /* IPv6 with a port needs brackets */
	err = addr_parse_ip(text, &a);
	if (err != 0)
		return err;
	a.port = (uint16_t)port;
	*ret = a;
	return 0;
}

bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_ip_eq(a, b);
}

/* An IPv4-mapped IPv6 address is judged as the IPv4 address it is. */
static struct addr unmapped(const struct addr *a)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	struct addr v4 = {.family = ADDR_V4, .port = a->port};

	if (a->family != ADDR_V6 || memcmp(a->ip, prefix, sizeof prefix) != 0)
		return *a;
	memcpy(v4.ip, a->ip + 12, 4);
	return v4;
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return a->family != ADDR_NONE && memcmp(unmapped(a).ip, zero, sizeof zero) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};
	struct addr u = unmapped(a);

	return u.family == ADDR_V4 ? u.ip[0] == 127 : memcmp(u.ip, one, sizeof one) == 0;
}

bool addr_is_multicast(const struct addr *a)
{
	struct addr u = unmapped(a);

	if (u.family == ADDR_V4)
		return (u.ip[0] & 0xf0) == 224 || wire_get_u32(u.ip) == 0xffffffff;
	return u.ip[0] == 0xff;
}

bool addr_is_private(const struct addr *a)
{
	struct addr u = unmapped(a);
	uint32_t v4 = wire_get_u32(u.ip);

	if (u.family == ADDR_V6)
		return (u.ip[0] & 0xfe) == 0xfc ||
		       (u.ip[0] == 0xfe && (u.ip[1] & 0xc0) == 0x80);
	return v4 >> 24 == 10 || v4 >> 20 == 0xac1 || v4 >> 16 == 0xc0a8 ||
	       v4 >> 22 == 0x191 || v4 >> 16 == 0xa9fe;
}

static void print_v4(struct buf *b, const uint8_t *ip)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			buf_char(b, '.');
		buf_u64(b, ip[i]);
	}
}

void addr_print_ip(struct buf *b, const struct addr *a)
{
	char z[INET6_ADDRSTRLEN];

	if (a->family == ADDR_V4)
		print_v4(b, a->ip);
	else if (a->family == ADDR_V6 && inet_ntop(AF_INET6, a->ip, z, sizeof z) != NULL)
		buf_z(b, z);
}

void addr_print(struct buf *b, const struct addr *a)
{
	if (a->family == ADDR_V6)
		buf_char(b, '[');
	addr_print_ip(b, a);
	if (a->family == ADDR_V6)
		buf_char(b, ']');
	buf_char(b, ':');
	buf_u64(b, a->port);
}

struct addr_text addr_text(const struct addr *a)
{
	struct addr_text t;
	struct buf b = buf_of(t.z, sizeof t.z - 1);

	if (a->family == ADDR_NONE)
		buf_z(&b, "none");
	else
		addr_print(&b, a);
	t.z[b.n] = '\0';
	return t;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof *ss);
	if (a->family == ADDR_V4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(a->port);
		memcpy(&v4->sin_addr, a->ip, 4);
		return sizeof *v4;
	}
	if (a->family != ADDR_V6)
		return 0;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(a->port);
	v6->sin6_scope_id = a->scope;
	memcpy(&v6->sin6_addr, a->ip, 16);
	return sizeof *v6;
}

int addr_from_sockaddr(const struct sockaddr_storage *ss, struct addr *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;
	struct addr a = {.family = ADDR_NONE};

	if (ss->ss_family == AF_INET) {
		a.family = ADDR_V4;
		a.port = ntohs(v4->sin_port);
		memcpy(a.ip, &v4->sin_addr, 4);
	} else if (ss->ss_family == AF_INET6) {
		a.family = ADDR_V6;
		a.port = ntohs(v6->sin6_port);
		a.scope = v6->sin6_scope_id;
		memcpy(a.ip, &v6->sin6_addr, 16);
	} else {
		return ERR_INVAL;
	}
	*ret = a;
	return 0;
}
