/* test_txn.c - mirrors signaling/sip/txn.c; time is a number. */
#include <criterion/criterion.h>

#include "signaling/sip/txn.h"

static struct txn in_state(enum txn_kind kind, enum txn_state state)
{
	struct txn t;

	txn_start(&t, kind, 0);
	t.state = (uint8_t)state;
	t.interval_ms = SIP_T1_MS;
	return t;
}

/* clang-format off */
#define NO TXN_STATES /* no rule: counted, nothing happens */

/* Every state and every event: where it leads and what has to be done (RFC 3261 figures 5 to 8, RFC 6026).
 * In order of enum txn_event: request, ACK, 1xx, 2xx, 3xx-6xx, resend, timeout, cancel. */
static const struct {
	enum txn_state next;
	unsigned todo;
} want[TXN_KINDS][TXN_STATES][TXN_EVENTS] = {
	[TXN_INVITE_SERVER] = {
		[TXN_TRYING]     = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_PROCEEDING] = {{TXN_PROCEEDING, 1}, {TXN_PROCEEDING, 0}, {TXN_PROCEEDING, 1},
				    {TXN_ACCEPTED, 1}, {TXN_COMPLETED, 1}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_COMPLETED]  = {{TXN_COMPLETED, 1}, {TXN_CONFIRMED, 0}, {NO, 0}, {NO, 0}, {NO, 0},
				    {TXN_COMPLETED, 1}, {TXN_TERMINATED, 12}, {NO, 0}},
		[TXN_CONFIRMED]  = {{TXN_CONFIRMED, 0}, {TXN_CONFIRMED, 0}, {NO, 0}, {NO, 0}, {NO, 0},
				    {NO, 0}, {TXN_TERMINATED, 8}, {NO, 0}},
		[TXN_ACCEPTED]   = {{TXN_ACCEPTED, 0}, {TXN_ACCEPTED, 0}, {NO, 0}, {TXN_ACCEPTED, 1},
				    {NO, 0}, {NO, 0}, {TXN_TERMINATED, 8}, {NO, 0}},
		[TXN_TERMINATED] = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_STOPPING]   = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_CANCELLING] = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
	},
	[TXN_SERVER] = {
		[TXN_TRYING]     = {{TXN_TRYING, 0}, {NO, 0}, {TXN_PROCEEDING, 1}, {TXN_COMPLETED, 1},
				    {TXN_COMPLETED, 1}, {NO, 0}, {TXN_TERMINATED, 8}, {NO, 0}},
		[TXN_PROCEEDING] = {{TXN_PROCEEDING, 1}, {NO, 0}, {TXN_PROCEEDING, 1}, {TXN_COMPLETED, 1},
				    {TXN_COMPLETED, 1}, {NO, 0}, {TXN_TERMINATED, 8}, {NO, 0}},
		[TXN_COMPLETED]  = {{TXN_COMPLETED, 1}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0},
				    {TXN_TERMINATED, 8}, {NO, 0}},
		[TXN_CONFIRMED]  = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_ACCEPTED]   = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_TERMINATED] = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_STOPPING]   = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_CANCELLING] = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
	},
	[TXN_CLIENT] = {
		[TXN_TRYING]     = {{NO, 0}, {NO, 0}, {TXN_PROCEEDING, 0}, {TXN_COMPLETED, 2},
				    {TXN_COMPLETED, 2}, {TXN_TRYING, 1}, {TXN_TERMINATED, 12}, {NO, 0}},
		[TXN_PROCEEDING] = {{NO, 0}, {NO, 0}, {TXN_PROCEEDING, 0}, {TXN_COMPLETED, 2},
				    {TXN_COMPLETED, 2}, {TXN_PROCEEDING, 1}, {TXN_TERMINATED, 12}, {NO, 0}},
		[TXN_COMPLETED]  = {{NO, 0}, {NO, 0}, {TXN_COMPLETED, 0}, {TXN_COMPLETED, 0},
				    {TXN_COMPLETED, 0}, {NO, 0}, {TXN_TERMINATED, 8}, {NO, 0}},
		[TXN_CONFIRMED]  = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_ACCEPTED]   = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_TERMINATED] = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_STOPPING]   = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_CANCELLING] = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
	},
	[TXN_INVITE_CLIENT] = {
		[TXN_TRYING]     = {{NO, 0}, {NO, 0}, {TXN_PROCEEDING, 16}, {TXN_ACCEPTED, 2}, {TXN_COMPLETED, 66},
				    {TXN_TRYING, 1}, {TXN_TERMINATED, 12}, {TXN_STOPPING, 0}},
		[TXN_PROCEEDING] = {{NO, 0}, {NO, 0}, {TXN_PROCEEDING, 16}, {TXN_ACCEPTED, 2}, {TXN_COMPLETED, 66},
				    {NO, 0}, {NO, 0}, {TXN_CANCELLING, 128}},
		[TXN_COMPLETED]  = {{NO, 0}, {NO, 0}, {TXN_COMPLETED, 0}, {TXN_COMPLETED, 0}, {TXN_COMPLETED, 1},
				    {NO, 0}, {TXN_TERMINATED, 8}, {NO, 0}},
		[TXN_CONFIRMED]  = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_ACCEPTED]   = {{NO, 0}, {NO, 0}, {TXN_ACCEPTED, 0}, {TXN_ACCEPTED, 64}, {TXN_ACCEPTED, 0},
				    {NO, 0}, {TXN_TERMINATED, 8}, {NO, 0}},
		[TXN_TERMINATED] = {{NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}, {NO, 0}},
		[TXN_STOPPING]   = {{NO, 0}, {NO, 0}, {TXN_CANCELLING, 144}, {TXN_ACCEPTED, 96}, {TXN_COMPLETED, 66},
				    {TXN_STOPPING, 1}, {TXN_TERMINATED, 40}, {TXN_STOPPING, 0}},
		[TXN_CANCELLING] = {{NO, 0}, {NO, 0}, {TXN_CANCELLING, 16}, {TXN_ACCEPTED, 96}, {TXN_COMPLETED, 66},
				    {TXN_CANCELLING, 128}, {TXN_TERMINATED, 40}, {TXN_CANCELLING, 0}},
	},
};
/* clang-format on */

/* C130 */
Test(sip_txn, c130_every_state_and_event)
{
	for (unsigned k = 0; k < TXN_KINDS; k++)
		for (unsigned s = 0; s < TXN_STATES; s++)
			for (unsigned e = 0; e < TXN_EVENTS; e++) {
				struct txn t =
					in_state((enum txn_kind)k, (enum txn_state)s);
				unsigned todo = txn_event(&t, (enum txn_event)e, 100);
				bool ruled = want[k][s][e].next != NO;

				cr_expect_eq(t.state, ruled ? want[k][s][e].next : s,
					     "%u %s %u", k,
					     txn_state_name((enum txn_state)s), e);
				cr_expect_eq(todo, want[k][s][e].todo, "%u %s %u", k,
					     txn_state_name((enum txn_state)s), e);
				cr_expect_eq(t.unexpected, ruled ? 0 : 1);
			}
}

/* clang-format off */
/* What a rule leaves in a transaction that had 1000, 777 and 888 at 100 ms. What is not named
 * here changes none of them. */
static const struct {
	enum txn_kind kind;
	enum txn_state state;
	enum txn_event event;
	uint32_t interval_ms;
	uint64_t resend_ms, timeout_ms;
} leaves[] = {
	{TXN_INVITE_SERVER, TXN_PROCEEDING, TXN_EV_2XX,     1000, UINT64_MAX, 32100}, /* timer L */
	{TXN_INVITE_SERVER, TXN_PROCEEDING, TXN_EV_FAILURE,  500,        600, 32100}, /* G, H */
	{TXN_INVITE_SERVER, TXN_COMPLETED,  TXN_EV_ACK,     1000, UINT64_MAX,  5100}, /* I */
	{TXN_INVITE_SERVER, TXN_COMPLETED,  TXN_EV_RESEND,  2000,       2100,   888},
	{TXN_SERVER,        TXN_TRYING,     TXN_EV_2XX,     1000, UINT64_MAX, 32100}, /* J */
	{TXN_SERVER,        TXN_TRYING,     TXN_EV_FAILURE, 1000, UINT64_MAX, 32100},
	{TXN_SERVER,        TXN_PROCEEDING, TXN_EV_2XX,     1000, UINT64_MAX, 32100},
	{TXN_SERVER,        TXN_PROCEEDING, TXN_EV_FAILURE, 1000, UINT64_MAX, 32100},
	{TXN_CLIENT,        TXN_TRYING,     TXN_EV_1XX,     4000,        777,   888}, /* E is T2 now */
	{TXN_CLIENT,        TXN_TRYING,     TXN_EV_2XX,     1000, UINT64_MAX,  5100}, /* K */
	{TXN_CLIENT,        TXN_TRYING,     TXN_EV_FAILURE, 1000, UINT64_MAX,  5100},
	{TXN_CLIENT,        TXN_TRYING,     TXN_EV_RESEND,  2000,       2100,   888},
	{TXN_CLIENT,        TXN_PROCEEDING, TXN_EV_1XX,     4000,        777,   888},
	{TXN_CLIENT,        TXN_PROCEEDING, TXN_EV_2XX,     1000, UINT64_MAX,  5100},
	{TXN_CLIENT,        TXN_PROCEEDING, TXN_EV_FAILURE, 1000, UINT64_MAX,  5100},
	{TXN_CLIENT,        TXN_PROCEEDING, TXN_EV_RESEND,  2000,       2100,   888},
	{TXN_INVITE_CLIENT, TXN_TRYING,     TXN_EV_1XX,     1000, UINT64_MAX, UINT64_MAX}, /* rings as long as it likes */
	{TXN_INVITE_CLIENT, TXN_TRYING,     TXN_EV_2XX,     1000, UINT64_MAX, 32100}, /* M */
	{TXN_INVITE_CLIENT, TXN_TRYING,     TXN_EV_FAILURE, 1000, UINT64_MAX, 32100}, /* D */
	{TXN_INVITE_CLIENT, TXN_TRYING,     TXN_EV_RESEND,  2000,       2100,   888}, /* A */
	{TXN_INVITE_CLIENT, TXN_PROCEEDING, TXN_EV_2XX,     1000, UINT64_MAX, 32100},
	{TXN_INVITE_CLIENT, TXN_PROCEEDING, TXN_EV_FAILURE, 1000, UINT64_MAX, 32100},
	{TXN_INVITE_CLIENT, TXN_PROCEEDING, TXN_EV_CANCEL,  1000, UINT64_MAX, 32100}, /* RFC 3261 9.1 */
	{TXN_INVITE_CLIENT, TXN_STOPPING,   TXN_EV_1XX,     1000, UINT64_MAX, 32100},
	{TXN_INVITE_CLIENT, TXN_STOPPING,   TXN_EV_2XX,     1000, UINT64_MAX, 32100},
	{TXN_INVITE_CLIENT, TXN_STOPPING,   TXN_EV_FAILURE, 1000, UINT64_MAX, 32100},
	{TXN_INVITE_CLIENT, TXN_STOPPING,   TXN_EV_RESEND,  2000,       2100,   888},
	{TXN_INVITE_CLIENT, TXN_CANCELLING, TXN_EV_2XX,     1000, UINT64_MAX, 32100},
	{TXN_INVITE_CLIENT, TXN_CANCELLING, TXN_EV_FAILURE, 1000, UINT64_MAX, 32100},
	{TXN_INVITE_CLIENT, TXN_CANCELLING, TXN_EV_RESEND,  1000, UINT64_MAX,   888},
};
/* clang-format on */

Test(sip_txn, what_every_rule_leaves)
{
	for (unsigned k = 0; k < TXN_KINDS; k++)
		for (unsigned s = 0; s < TXN_STATES; s++)
			for (unsigned e = 0; e < TXN_EVENTS; e++) {
				struct txn t = in_state((enum txn_kind)k, (enum txn_state)s);
				struct txn want_t = {.interval_ms = 1000,
						     .resend_ms = 777,
						     .timeout_ms = 888};

				t.interval_ms = want_t.interval_ms;
				t.resend_ms = want_t.resend_ms;
				t.timeout_ms = want_t.timeout_ms;
				for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
					if (leaves[i].kind != k || leaves[i].state != s ||
					    leaves[i].event != e)
						continue;
					want_t.interval_ms = leaves[i].interval_ms;
					want_t.resend_ms = leaves[i].resend_ms;
					want_t.timeout_ms = leaves[i].timeout_ms;
				}
				txn_event(&t, (enum txn_event)e, 100);
				cr_expect(t.interval_ms == want_t.interval_ms &&
						  t.resend_ms == want_t.resend_ms &&
						  t.timeout_ms == want_t.timeout_ms,
					  "%u %s %u: %u %llu %llu", k,
					  txn_state_name((enum txn_state)s), e, t.interval_ms,
					  (unsigned long long)t.resend_ms,
					  (unsigned long long)t.timeout_ms);
			}
}

/* Doubled up to T2, and then it stays. */
Test(sip_txn, intervals)
{
	static const uint32_t steps[][2] = {
		{1, 2}, {1999, 3998}, {2000, 4000}, {2001, 4000}, {4000, 4000}};

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct txn t = in_state(TXN_CLIENT, TXN_TRYING);

		t.interval_ms = steps[i][0];
		txn_event(&t, TXN_EV_RESEND, 100);
		cr_expect_eq(t.interval_ms, steps[i][1]);
		cr_expect_eq(t.resend_ms, 100u + steps[i][1]);
	}
}

/* When both are due the end is. */
Test(sip_txn, one_timer_at_a_time)
{
	struct txn t = in_state(TXN_CLIENT, TXN_TRYING);

	t.resend_ms = t.timeout_ms = 700;
	cr_expect_eq(txn_deadline(&t), 700u);
	cr_expect_eq(txn_tick(&t, 699), (unsigned)TXN_DO_NOTHING);
	cr_expect_eq(txn_tick(&t, 700), (unsigned)(TXN_DO_GIVE_UP | TXN_DO_FREE));
}

/* C139: timers G and H */
Test(sip_txn, c139_refusal_without_ack)
{
	static const uint64_t at[] = {500,   1500,  3500,  7500,  11500,
				      15500, 19500, 23500, 27500, 31500};
	struct txn t;

	txn_start(&t, TXN_INVITE_SERVER, 0);
	cr_expect_eq(txn_deadline(&t), UINT64_MAX);
	cr_expect_eq(txn_event(&t, TXN_EV_FAILURE, 0), (unsigned)TXN_DO_SEND);
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		cr_assert_eq(txn_deadline(&t), at[i]);
		cr_expect_eq(txn_tick(&t, at[i] - 1), (unsigned)TXN_DO_NOTHING);
		cr_expect_eq(txn_tick(&t, at[i]), (unsigned)TXN_DO_SEND);
	}
	cr_assert_eq(txn_deadline(&t), 32000u);
	cr_expect_eq(txn_tick(&t, 32000), (unsigned)(TXN_DO_GIVE_UP | TXN_DO_FREE));
}

/* Timers I, J, K, L: how long an answer is remembered */
Test(sip_txn, lingering)
{
	struct txn t;

	txn_start(&t, TXN_INVITE_SERVER, 0);
	txn_event(&t, TXN_EV_FAILURE, 10);
	txn_event(&t, TXN_EV_ACK, 20);
	cr_expect_eq(txn_deadline(&t), 20u + SIP_T4_MS);
	txn_event(&t, TXN_EV_ACK, 3000); /* again: not longer for that */
	cr_expect_eq(txn_deadline(&t), 20u + SIP_T4_MS);

	txn_start(&t, TXN_INVITE_SERVER, 0);
	txn_event(&t, TXN_EV_2XX, 10);
	cr_expect_eq(txn_deadline(&t), 10u + SIP_TIMEOUT_MS);

	txn_start(&t, TXN_SERVER, 0);
	txn_event(&t, TXN_EV_FAILURE, 10);
	cr_expect_eq(txn_deadline(&t), 10u + SIP_TIMEOUT_MS);

	txn_start(&t, TXN_CLIENT, 0);
	txn_event(&t, TXN_EV_2XX, 10);
	cr_expect_eq(txn_deadline(&t), 10u + SIP_T4_MS);
}

/* C137: timers A and B; A has no cap */
Test(sip_txn, c137_invite_without_answer)
{
	static const uint64_t at[] = {500, 1500, 3500, 7500, 15500, 31500};
	struct txn t;

	txn_start(&t, TXN_INVITE_CLIENT, 0);
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		cr_assert_eq(txn_deadline(&t), at[i]);
		cr_expect_eq(txn_tick(&t, at[i] - 1), (unsigned)TXN_DO_NOTHING);
		cr_expect_eq(txn_tick(&t, at[i]), (unsigned)TXN_DO_SEND);
	}
	cr_assert_eq(txn_deadline(&t), 32000u);
	cr_expect_eq(txn_tick(&t, 32000), (unsigned)(TXN_DO_GIVE_UP | TXN_DO_FREE));
}

/* C138: timers E and F */
Test(sip_txn, c138_request_without_answer)
{
	static const uint64_t at[] = {500,   1500,  3500,  7500,  11500,
				      15500, 19500, 23500, 27500, 31500};
	struct txn t;

	txn_start(&t, TXN_CLIENT, 0);
	for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
		cr_assert_eq(txn_deadline(&t), at[i]);
		cr_expect_eq(txn_tick(&t, at[i]), (unsigned)TXN_DO_SEND);
	}
	cr_expect_eq(txn_tick(&t, 32000), (unsigned)(TXN_DO_GIVE_UP | TXN_DO_FREE));
}

/* C138: after a 1xx timer E is T2, timer F stays (RFC 3261 17.1.2.2) */
Test(sip_txn, c138_provisional_slows_down)
{
	struct txn t;

	txn_start(&t, TXN_CLIENT, 0);
	cr_expect_eq(txn_event(&t, TXN_EV_1XX, 100), (unsigned)TXN_DO_NOTHING);
	cr_expect_eq(txn_tick(&t, 500), (unsigned)TXN_DO_SEND);
	cr_expect_eq(txn_deadline(&t), 4500u);
	cr_expect_eq(txn_tick(&t, 32000), (unsigned)(TXN_DO_GIVE_UP | TXN_DO_FREE));
}

/* C133: a pending INVITE is its owner's, anything else unanswered goes after 32 s */
Test(sip_txn, c133_expiry)
{
	struct txn t;

	txn_start(&t, TXN_INVITE_SERVER, 0);
	cr_expect_eq(txn_tick(&t, 300000), (unsigned)TXN_DO_NOTHING);
	cr_expect_eq(t.state, TXN_PROCEEDING);

	txn_start(&t, TXN_SERVER, 0);
	cr_expect_eq(txn_deadline(&t), (uint64_t)SIP_TIMEOUT_MS);
	cr_expect_eq(txn_tick(&t, 33000), (unsigned)TXN_DO_FREE);
}
