/* to_workers.h - what control asks of signaling and media. */
#pragma once

#include "control/daemon/control.h"

#define REQUEST_OPEN 1ull
#define REQUEST_START 2ull
#define REQUEST_FLUSH 3ull
#define REQUEST_MARK 4ull
#define REQUEST_ANSWER 5ull
#define REQUEST_UPDATE 6ull
#define REQUEST_DIAL 7ull
#define REQUEST_REGISTRATION 8ull /* of no call: registrations.c */
struct control_call *request_call(struct control *k, uint64_t id, uint64_t *ret_kind); /* NULL: stale */
uint32_t request_number(uint64_t id); /* of a mark */

void to_worker(struct control *k, uint32_t from, uint32_t index, const Tipring__V1__Envelope *e);
void to_session_open(struct control *k, const struct control_call *cc);
void to_session_update(struct control *k, const struct control_call *cc);
void to_session_start(struct control *k, const struct control_call *cc);
void to_session_close(struct control *k, uint32_t media, uint64_t session_id);
void to_session_flush(struct control *k, const struct control_call *cc);
void to_session_mark(struct control *k, const struct control_call *cc, const struct mark_request *r);
void to_leg_dial(struct control *k, const struct control_call *cc);
void to_leg_ring(struct control *k, const struct control_call *cc);
void to_leg_answer(struct control *k, const struct control_call *cc);
void to_leg_reject(struct control *k, uint32_t signaling, uint64_t leg_id, const struct call_fx *why);
void to_leg_hangup(struct control *k, uint32_t signaling, uint64_t leg_id, const char *reason);
void to_leg_forget(struct control *k, uint32_t signaling, uint64_t leg_id);
void to_leg_accept(struct control *k, const struct control_call *cc, uint32_t generation);
void to_leg_refuse(struct control *k, const struct control_call *cc, uint32_t generation);
void to_leg_change(struct control *k, const struct control_call *cc);
void to_leg_annotate(struct control *k, const struct control_call *cc);
