/* stack_parts.h - what stack.c (the server side), stack_client.c, stack_invite.c, stack_own.c
 * and takeover.c share. Of no interest to others. */
#pragma once

#include "signaling/sip/ids.h"
#include "signaling/sip/stack.h"

struct sip_effect *stack_emit(struct sip_effects *out, enum sip_effect_kind kind);
void stack_send(struct sip_stack *s, struct str bytes, const struct addr *to,
		const struct sip_flow *flow, struct sip_effects *out);
void stack_arm(struct sip_stack *s, struct wheel_timer *timer, const struct txn *t);
enum txn_event stack_event_of(unsigned status);

/* A transaction that can be found; `merge_key` 0: none. NULL: no room, or it exists. */
struct sip_server_txn *stack_add_server(struct sip_stack *s, uint64_t key,
					uint64_t merge_key);
struct sip_server_txn *stack_find_server(struct sip_stack *s, uint64_t key);
void stack_free_server(struct sip_stack *s, struct sip_server_txn *t);
/* The same request over another path is not merged with this one any more. */
void stack_unmerge(struct sip_stack *s, struct sip_server_txn *t);
MUST_USE int stack_keep_skeleton(struct sip_stack *s, struct sip_server_txn *t,
				 const struct sip_skeleton *k);

/* The last eighth of what there is is for ending calls. */
bool stack_is_nearly_full(uint32_t used, uint32_t cap);

/* stack_client.c */
void stack_take_response(struct sip_stack *s, uint64_t now_ms, struct sip_effects *out);
/* What txn_event() or txn_tick() said. */
void stack_act_client(struct sip_stack *s, struct sip_client_txn *t, unsigned todo,
		      uint64_t now_ms, struct sip_effects *out);

/* stack_own.c */
uint64_t stack_client_key(const struct sip_stack *s, struct str branch,
			  enum sip_method method);
/* A transaction that can be found, with its request kept and nothing sent. NULL: no room, or
 * there is one of this branch and method. `request` as of sip_stack_request(). */
struct sip_client_txn *stack_add_client(struct sip_stack *s, enum sip_method method,
					const struct sip_effect *request,
					struct str branch, uint64_t now_ms);
void stack_free_client(struct sip_stack *s, struct sip_client_txn *t);
/* It is sent for the first time. */
void stack_start_client(struct sip_stack *s, struct sip_client_txn *t,
			struct sip_effects *out);
enum sip_method stack_method_of(const struct sip_effect *request);
/* One of the stack's own; sent once when there is no room to repeat it, and false then. */
bool stack_send_own(struct sip_stack *s, const struct sip_effect *request,
		    struct str branch, uint64_t now_ms, struct sip_effects *out);
struct sip_effect *stack_tell_status(struct sip_stack *s, const struct sip_client_txn *t,
				     enum sip_effect_kind kind, uint32_t status,
				     struct sip_effects *out);
/* An effect about the response being served, for the owner of `t`. */
void stack_tell(struct sip_stack *s, const struct sip_client_txn *t,
		enum sip_effect_kind kind, struct sip_effects *out);

/* stack_invite.c: of s->msg and s->core, the response being served */
/* A 2xx came: `mine`, it is its owner's. */
void stack_invite_accepted(struct sip_stack *s, struct sip_client_txn *t, bool mine);
void stack_invite_ack(struct sip_stack *s, struct sip_client_txn *t, uint64_t now_ms,
		      struct sip_effects *out);
void stack_invite_cancel(struct sip_stack *s, struct sip_client_txn *t, uint64_t now_ms,
			 struct sip_effects *out);
/* NULL: the handle is stale, or of another method. */
struct sip_client_txn *stack_find_invite(struct sip_stack *s, uint64_t txn);
/* Its CANCEL can be made, and has these lines. ERR_PROTO, ERR_SYNTAX, ERR_NOSPC. */
MUST_USE int stack_invite_keep_cancel(struct sip_stack *s, struct sip_client_txn *t,
				      struct str lines);
/* Is it an INVITE that a client transaction can go on with? `*branch` is borrowed. */
bool stack_invite_is_sound(struct sip_stack *s, struct str text, enum sip_method method,
			   struct str *branch);
