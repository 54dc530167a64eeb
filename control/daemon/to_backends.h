/* to_backends.h - what control tells backends on their own sockets. */
#pragma once

#include "control/daemon/control.h"

/* What was decided about a command. */
struct verdict {
	Tipring__V1__ResultCode code;
	const char *reason;
	uint64_t fence;
	uint64_t call_id;  /* Dial */
	uint64_t room_id;  /* Bridge */
	uint32_t retry_ms; /* OVERLOADED; 0: a second */
};

MUST_USE int to_backend(struct control *k, struct str name, const Tipring__V1__Envelope *e);
void to_backend_ack(struct control *k, struct str peer, const char *command_id, const struct verdict *v);
/* The answer to a Ping, and how control finds out at once that a backend's connection is gone. */
MUST_USE int to_backend_pong(struct control *k, struct str backend, bool known);
void to_backend_offer(struct control *k, const struct control_call *cc);
void to_backend_media_ready(struct control *k, struct control_call *cc);
void to_backend_lease_lost(struct control *k, const struct control_call *cc, const char *reason);
/* What became of something the far side was asked. */
struct asked {
	Tipring__V1__ResultCode code; /* OK: it was sent */
	uint32_t sip_code;
	const char *reason;
};
/* The same of a command that is about no call. */
void to_backend_settle(struct control *k, struct str peer, const char *command, const struct asked *how);
/* Completes or fails `command` and empties it. False: its owner is not there, to be said again. */
bool to_backend_asked(struct control *k, struct control_call *cc, char *command, const struct asked *how);
/* Both empty `command`. */
void to_backend_completed(struct control *k, struct control_call *cc, char *command, Tipring__V1__SessionFlushed *flushed);
void to_backend_failed(struct control *k, struct control_call *cc, char *command, const char *reason);
/* The Refer is completed or failed, as transfer.code says. */
void to_backend_transferred(struct control *k, struct control_call *cc);
