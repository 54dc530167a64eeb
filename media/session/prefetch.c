/* prefetch.c - what a session's tick will touch, fetched while the one before it is served. With a thousand sessions nothing of the next
 * one is in a cache or in the TLB; waiting for it line by line took a third of the time of a frame. For packets it was no gain. */
#include "media/session/session.h"

#define LINE 64u
#define PACKET_USUAL (SESSION_TICK_MS * SESSION_PLAIN_PER_MS)

/* hot */
static void fetch(const struct session *s, size_t from, size_t to)
{
	for (size_t at = from; at < to; at += LINE)
		__builtin_prefetch((const char *)s + at, 1);
}

/* hot */
void session_prefetch(const struct session *s)
{
	fetch(s, 0, offsetof(struct session, in.base));
	fetch(s, offsetof(struct session, packet), offsetof(struct session, packet) + RTP_HEADER_BYTES + PACKET_USUAL);
}

/* hot */
void session_prefetch_tape(const struct session *s)
{
	__builtin_prefetch((const void *)(uintptr_t)s->hot, 1);
	if (s->tape != NULL)
		tape_prefetch(s->tape);
}
