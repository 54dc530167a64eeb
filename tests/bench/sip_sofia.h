/* sip_sofia.h - a message parsed by sofia-sip, with everything in its headers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool sip_sofia_parse(const char *p, size_t n); /* false: it refused */
