/* test_registration_record.c - mirrors signaling/registration/registration_record.c */
#include "tests/unit/signaling/registration/kit.h"

TestSuite(registration_record, .init = opened);

static char packed[2 * REGISTRATION_PACKED_BYTES];
static struct registration_record got;

static void challenged(void)
{
	cr_assert(input(BIND_EV_START));
	cr_assert(answer(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n"));
}

/* The same Call-ID, the next CSeq, the next count of the nonce; and the password is not in
 * it. */
Test(registration_record, goes_on_in_another_process)
{
	size_t n;

	challenged();
	cr_assert(answer(200, "Expires: 60\r\n"));
	n = registration_pack(&reg->r, packed);
	cr_assert_null(memmem(packed, n, "secret", 6));
	cr_assert_eq(registration_unpack(packed, n, &got), 0);
	cr_assert(registration_is_timely(&got, now_ms));
	opened();
	reg->r = got;
	now_ms = START_MS + 1000;
	cr_assert(input(BIND_EV_RESUME));
	cr_assert(wait_due());
	cr_assert(str_eq(sip_value(&sent_msg, SIP_CALL_ID), STR("call-1")));
	cr_assert(str_eq(sip_value(&sent_msg, SIP_CSEQ), STR("3 REGISTER")));
	cr_assert_not_null(strstr(sent, "nc=00000002"));
}

Test(registration_record, whole_parts_only)
{
	size_t n;

	challenged();
	n = registration_pack(&reg->r, packed);
	for (size_t cut = 0; cut < n; cut++) {
		int err = registration_unpack(packed, cut, &got);

		if (err == 0) /* what comes behind is of later builds */
			cr_assert(got.call_id[0] != '\0' && got.head.state < BIND_STATES);
		else
			cr_assert_eq(err, ERR_CORRUPT);
	}
}

Test(registration_record, a_later_build_wrote_it)
{
	struct buf b;
	size_t n = registration_pack(&reg->r, packed);
	uint32_t size, more = 8;

	/* its head is longer, and there is one more part */
	memcpy(&size, packed, sizeof size);
	memmove(packed + sizeof size + size + more, packed + sizeof size + size,
		n - sizeof size - size);
	memset(packed + sizeof size + size, 0x5a, more);
	size += more;
	memcpy(packed, &size, sizeof size);
	b = buf_of(packed, sizeof packed);
	b.n = n + more;
	buf_bytes(&b, &more, sizeof more);
	buf_bytes(&b, "anything", more);
	cr_assert_eq(registration_unpack(packed, b.n, &got), 0);
	cr_assert_eq(memcmp(&got.head, &reg->r.head, sizeof got.head), 0);
	cr_assert_str_eq(got.set.aor, reg->r.set.aor);
}

static int after(void (*damage)(struct registration_record *r))
{
	static struct registration_record r;

	r = reg->r;
	damage(&r);
	return registration_unpack(packed, registration_pack(&r, packed), &got);
}

static void no_damage(struct registration_record *r)
{
	(void)r;
}

static void bad_state(struct registration_record *r)
{
	r->head.state = BIND_STATES;
}

static void bad_cseq(struct registration_record *r)
{
	r->head.cseq = SIP_CSEQ_MAX;
}

static void bad_time(struct registration_record *r)
{
	r->head.asked_s = REGISTRATION_MOST_S + 1;
}

static void bad_registrar(struct registration_record *r)
{
	r->set.registrar.family = ADDR_FAMILIES;
}

static void bad_call_id(struct registration_record *r)
{
	(void)strcpy(r->call_id, "a\r\nb");
}

static void bad_tag(struct registration_record *r)
{
	r->tag[0] = '\0';
}

static void bad_aor(struct registration_record *r)
{
	(void)strcpy(r->set.aor, "sip:a@b>\r\n");
}

static void bad_nonce(struct registration_record *r)
{
	r->auth.slots[1].used = 1;
}

Test(registration_record, what_is_none_of_ours)
{
	static void (*const damages[])(struct registration_record *) = {
		bad_state,   bad_cseq, bad_time, bad_registrar,
		bad_call_id, bad_tag,  bad_aor,  bad_nonce,
	};

	cr_assert_eq(after(no_damage), 0);
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
		cr_assert_eq(after(damages[i]), ERR_CORRUPT, "%zu", i);
}

Test(registration_record, times)
{
	struct registration_head *h = &reg->r.head;

	h->state = BIND_REGISTERED;
	h->act_ms = now_ms + 5;
	cr_assert(registration_is_timely(&reg->r, now_ms));
	h->act_ms = UINT64_MAX;
	cr_assert_not(registration_is_timely(&reg->r, now_ms));
	h->state = BIND_GONE;
	cr_assert(registration_is_timely(&reg->r, now_ms));
	h->expires_ms = UINT64_MAX;
	cr_assert_not(registration_is_timely(&reg->r, now_ms));
}
