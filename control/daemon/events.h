/* events.h - what happened, numbered, to whoever subscribed. */
#pragma once

#include "control/daemon/control.h"

void events_call(struct control *k, const struct control_call *cc, Tipring__V1__Envelope *e);  /* topic e1/call/ */
void events_media(struct control *k, const struct control_call *cc, Tipring__V1__Envelope *e); /* topic e1/media/ */
void events_host(struct control *k, Tipring__V1__Envelope *e);
/* Who listens to events may not have found us yet: what can wait does, for CONTROL_SUBSCRIBE_MS. */
bool events_reach_nobody(const struct control *k);
/* The same of the owner of a call, which may have been our predecessor's and then has to register first. */
bool events_reach_owner(const struct control *k, const struct control_call *cc);
void events_heartbeat(struct control *k);
void events_offered(struct control *k, struct control_call *cc);
void events_dialling(struct control *k, struct control_call *cc);
void events_claimed(struct control *k, struct control_call *cc);
void events_ringing(struct control *k, struct control_call *cc);
void events_mark_dropped(struct control *k, struct control_call *cc, const char *mark, const char *reason);
void events_answered(struct control *k, struct control_call *cc);
void events_agreed(struct control *k, struct control_call *cc); /* on what media does now */
void events_held(struct control *k, struct control_call *cc, uint32_t by); /* enum call_holder */
void events_redirected(struct control *k, struct control_call *cc, uint32_t code);
void events_resumed(struct control *k, struct control_call *cc, uint32_t by);
void events_transfer(struct control *k, struct control_call *cc);
void events_referred(struct control *k, struct control_call *cc);
void events_bridge_joined(struct control *k, struct control_call *cc, uint32_t members);
void events_bridge_left(struct control *k, struct control_call *cc, uint64_t room_id, const char *reason, uint32_t members);
void events_bridge_muted(struct control *k, struct control_call *cc);
void events_bridge_ended(struct control *k, struct control_call *cc, uint64_t room_id);
void events_ended(struct control *k, struct control_call *cc);
