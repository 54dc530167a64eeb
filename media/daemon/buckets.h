/* buckets.h - which sessions are served in which millisecond of a tick. */
#pragma once

#include "media/daemon/media.h"

MUST_USE int buckets_init(struct media *m, uint32_t cap);
void buckets_fini(struct media *m);
void buckets_join(struct media *m, struct media_session *ms);   /* the least loaded one; sets record.bucket */
void buckets_rejoin(struct media *m, struct media_session *ms); /* the record's */
void buckets_leave(struct media *m, struct media_session *ms);
/* hot. What session_tick() left for half a tick later: look at it then. One that ends before is looked at in vain. */
void buckets_later(struct media *m, struct media_session *ms);
uint64_t buckets_start_ns(const struct media *m, const struct media_session *ms); /* next instant of its bucket */
uint64_t buckets_deadline_ns(const struct media *m);
