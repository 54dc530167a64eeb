/* kit.h - a registration in the hands of a test, and a registrar that says what it is told. */
#pragma once

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

#include "signaling/registration/registration.h"

#define START_MS 1000000u

static struct registration *reg;
static struct registration_effects out;
static struct rand chance;
static uint64_t now_ms;
static char sent[SIP_REQUEST_BYTES]; /* the last REGISTER */
static struct sip_msg sent_msg;
static uint32_t sends;

static inline struct registration_settings settings(void)
{
	struct registration_settings s = {.name = "trunk",
					  .aor = "sip:alice@example.com",
					  .username = "alice"};
	const char *why;

	cr_assert_eq(addr_parse(STR("192.0.2.5:5060"), &s.registrar), 0);
	cr_assert_eq(registration_check(&s, &why), 0, "%s", why);
	return s;
}

static inline void open_with(const struct registration_settings *s)
{
	static struct registration the_one;

	memset(&the_one, 0, sizeof the_one);
	reg = &the_one;
	now_ms = START_MS;
	sends = 0;
	rand_seed(&chance, 7);
	registration_open(reg, s, STR("call-1"), STR("tag-1"));
	(void)registration_change(reg, s, STR("secret"));
}

static inline void send_it(void)
{
	struct registration_send how = {.branch = STR("z9hG4bK1")};
	struct buf b = buf_of(sent, sizeof sent - 1);

	cr_assert_eq(addr_parse(STR("192.0.2.9:5060"), &how.local), 0);
	cr_assert_eq(registration_print(reg, &how, &b), 0);
	sent[b.n] = '\0';
	cr_assert_eq(sip_parse(sent, b.n, &sent_msg), 0);
	sends++;
}

/* One event, and the request it wants. */
static inline bool input(enum registration_event ev)
{
	if (ev == BIND_EVENTS || !registration_input(reg, ev, &chance, now_ms, &out))
		return false;
	for (uint32_t i = 0; i < out.n; i++)
		if (out.v[i] == BIND_FX_SEND)
			send_it();
	return true;
}

static inline bool said(enum registration_fx_kind kind)
{
	for (uint32_t i = 0; i < out.n; i++)
		if (out.v[i] == kind)
			return true;
	return false;
}

/* The registrar answers the last request. */
static inline bool answer(unsigned code, const char *lines)
{
	static char text[8192];
	static struct sip_msg m;
	int n = snprintf(text, sizeof text,
			 "SIP/2.0 %u Said so\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n"
			 "From: <sip:alice@example.com>;tag=tag-1\r\n"
			 "To: <sip:alice@example.com>;tag=r\r\nCall-ID: call-1\r\n"
			 "CSeq: %u REGISTER\r\n%sContent-Length: 0\r\n\r\n",
			 code, reg->r.head.cseq, lines);

	cr_assert_eq(sip_parse(text, (size_t)n, &m), 0);
	return input(registration_take(reg, &m, 1));
}

/* Until its next deadline, which is taken. */
static inline bool wait_due(void)
{
	now_ms = registration_deadline(reg);
	cr_assert_neq(now_ms, UINT64_MAX);
	return input(registration_due(reg, now_ms));
}

#define OURS "Contact: <sip:alice@192.0.2.9:5060>"

static inline void opened(void)
{
	struct registration_settings s = settings();

	open_with(&s);
}

static inline void registered(const char *lines)
{
	cr_assert(input(BIND_EV_START));
	cr_assert(answer(200, lines));
	cr_assert_eq(reg->r.head.state, BIND_REGISTERED);
}
