/* calls.h - the table of calls, and their transitions carried out. */
#pragma once

#include "control/daemon/control.h"
#include "control/daemon/to_backends.h"

MUST_USE int calls_init(struct control *k, uint32_t cap);
void calls_fini(struct control *k);
uint64_t calls_new_id(struct control *k);
struct control_call *calls_new(struct control *k, uint64_t id, uint32_t signaling, uint64_t leg_id); /* NULL: full. leg_id 0: not known yet */
void calls_set_leg(struct control *k, struct control_call *cc, uint64_t leg_id); /* of an outbound call that had none */
void calls_set_outbound(struct control *k, struct control_call *cc); /* it counts as one */
struct control_call *calls_by_id(struct control *k, uint64_t id);
/* The call, when the sender may command it; NULL: `*ret` says why not. */
struct control_call *calls_mine(struct control *k, struct str peer, uint64_t call_id, uint64_t fence, struct verdict *ret);
struct control_call *calls_by_leg(struct control *k, uint32_t signaling, uint64_t leg_id);
struct control_call *calls_by_session(struct control *k, uint32_t media, uint64_t session_id);
void calls_set_session(struct control *k, struct control_call *cc, uint32_t media, uint64_t session_id);
bool calls_ended_lately(const struct control *k, uint64_t id);
void calls_free(struct control *k, struct control_call *cc);
struct call_world calls_world(struct control *k);
void calls_run(struct control *k, struct control_call *cc, struct call_effects *fx); /* carry out, arm the timer */
bool calls_input(struct control *k, struct control_call *cc, enum call_event ev);
void calls_tick(struct control *k);
void calls_shut_down(struct control *k);
void calls_of_backend_lost(struct control *k, const char *name);
void calls_arm(struct control *k, struct control_call *cc);
