/* addr.h - an IPv4 or IPv6 transport address, as a plain comparable value. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum addr_family {
	ADDR_NONE,
	ADDR_V4,
	ADDR_V6,
	ADDR_FAMILIES
};

struct addr {
	uint8_t family;  /* enum addr_family */
	uint8_t pad;
	uint16_t port;   /* host order */
	uint8_t ip[16];  /* network order; v4 uses the first 4, the rest is zero */
	uint32_t scope;  /* IPv6 zone index, 0 = none */
};

_Static_assert(sizeof(struct addr) == 24, "stored in slabs");

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]", without port. ERR_SYNTAX. */
MUST_USE int addr_parse_ip(struct str text, struct addr *ret);

/* "192.0.2.1:5060", "[2001:db8::1]:5060". ERR_SYNTAX, ERR_RANGE. */
MUST_USE int addr_parse(struct str text, struct addr *ret);

bool addr_eq(const struct addr *a, const struct addr *b);    /* address and port */
bool addr_ip_eq(const struct addr *a, const struct addr *b); /* address only */

bool addr_is_any(const struct addr *a);       /* 0.0.0.0 or :: */
bool addr_is_loopback(const struct addr *a);
bool addr_is_multicast(const struct addr *a); /* and 255.255.255.255 */
bool addr_is_private(const struct addr *a);   /* RFC 1918, 6598, link local, ULA */

void addr_print_ip(struct buf *b, const struct addr *a); /* no brackets */
void addr_print(struct buf *b, const struct addr *a);    /* ip:port, [v6]:port */

/* A printed "ip:port" in a small value, for log calls. */
struct addr_text {
	char z[64];
};
struct addr_text addr_text(const struct addr *a);

/* The length; 0 for ADDR_NONE, which the kernel refuses. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss);
MUST_USE int addr_from_sockaddr(const struct sockaddr_storage *ss, struct addr *ret);
