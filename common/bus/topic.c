/* topic.c - see topic.h */
#include "common/bus/topic.h"

static void about_call(struct buf *b, const char *kind, struct str app, uint64_t call_id)
{
	buf_z(b, kind);
	buf_str_put(b, app);
	buf_char(b, '/');
	buf_hex(b, call_id, 16);
	buf_char(b, '/');
}

void topic_call(struct buf *b, struct str app, uint64_t call_id)
{
	about_call(b, "e1/call/", app, call_id);
}

void topic_media(struct buf *b, struct str app, uint64_t call_id)
{
	about_call(b, "e1/media/", app, call_id);
}

static void about_host(struct buf *b, const char *kind, struct str host)
{
	buf_z(b, kind);
	buf_str_put(b, host);
	buf_char(b, '/');
}

void topic_host(struct buf *b, struct str host)
{
	about_host(b, "e1/host/", host);
}

void topic_heartbeat(struct buf *b, struct str host)
{
	about_host(b, "e1/hb/", host);
}
