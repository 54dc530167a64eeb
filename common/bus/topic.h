/* topic.h - names of event topics (proto/tipring/v1/event.proto); each part ends in "/".
 */
#pragma once

#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/str.h"

void topic_call(struct buf *b, struct str app,
		uint64_t call_id); /* e1/call/<app>/<id>/ */
void topic_media(struct buf *b, struct str app,
		 uint64_t call_id);                   /* e1/media/<app>/<id>/ */
void topic_host(struct buf *b, struct str host);      /* e1/host/<host>/ */
void topic_heartbeat(struct buf *b, struct str host); /* e1/hb/<host>/ */
