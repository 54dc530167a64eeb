/* stack_parts.h - what stack.c (the server side), stack_client.c and takeover.c share. Of no
 * interest to others. */
#pragma once

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

/* stack_client.c */
void stack_take_response(struct sip_stack *s, uint64_t now_ms, struct sip_effects *out);
/* What txn_event() or txn_tick() said. */
void stack_act_client(struct sip_stack *s, struct sip_client_txn *t, unsigned todo,
		      struct sip_effects *out);
