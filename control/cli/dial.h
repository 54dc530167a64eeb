/* dial.h - call somebody from the command line: a backend of one call. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dial_options {
	const char *endpoint;    /* run directory */
	const char *uri;
	const char *from;        /* NULL: of the host */
	const char *wav;         /* said when the peer has answered, then the call is hung up; NULL: until the peer hangs up, or Ctrl-C */
	uint32_t ringing_ms;     /* 0: as configured */
	const char *username;    /* when the peer asks; NULL: as configured */
	const char *password;
	const char *digits;      /* pressed when it was answered; NULL: none */
	bool early_media;
	bool json;               /* an object a line, for machines */
};

#define DIAL_ANSWERED 0
#define DIAL_UNANSWERED 1
#define DIAL_IMPOSSIBLE 2 /* not allowed, nobody asked, no such file: said on stderr */

/* Prints what happens, with the time since it began. One of DIAL_*. */
int dial_run(const struct dial_options *o);
