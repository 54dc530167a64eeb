/* sink.h - where lines go: a descriptor that is never waited for. Impure.
 *
 * stderr is shared with programs that we do not know, so its flags are not ours to change. A socket is asked not to
 * wait for each message; a pipe or a terminal is opened once more, with flags of our own; a file never waits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum sink_kind {
	SINK_FILE,
	SINK_SOCKET,
	SINK_OWN,   /* opened once more, non-blocking */
	SINK_SHARED /* that was not allowed: only written to while it is at least half empty */
};

struct sink {
	int fd; /* owned when SINK_OWN */
	enum sink_kind kind;
	bool torn; /* the last line was cut off: a newline comes first */
};

#define SINK_LINE_MAX 1024u /* bytes a line may have, to be written whole */

/* `fd` stays open and the caller's. Opens a file by its path: before the sandbox. */
void sink_open(struct sink *s, int fd);
void sink_close(struct sink *s);

/* One line of at most SINK_LINE_MAX bytes. False: there was no room for it now. */
bool sink_put(struct sink *s, const char *line, size_t n);
