/* test_config_places.c - mirrors control/supervisor/config_places.c. C093: what peers are told leads to us. */
#include <criterion/criterion.h>
#include <string.h>

#include "control/supervisor/config_places.h"

static struct config c;
static struct config_wrong wrong;

static void listen_at(const char *sip, const char *rtp)
{
	cr_assert_eq(addr_parse(str_of(sip), &c.sip_listen[c.sip_listen_count++]), 0, "%s", sip);
	cr_assert_eq(addr_parse_ip(str_of(rtp), &c.rtp_address[c.rtp_address_count++]), 0, "%s", rtp);
}

static void setup(void)
{
	c = (struct config){.max_calls = 10};
	cr_assert_eq(config_ports_add(&c.rtp_ports, STR("20000-20099")), 0);
	memset(&wrong, 0, sizeof wrong);
}

TestSuite(config_places, .init = setup);

static void good(void)
{
	cr_expect_eq(config_places_check(&c, &wrong), 0, "%s: %s", wrong.key, wrong.text);
}

static void bad(const char *key, const char *why)
{
	cr_expect_eq(config_places_check(&c, &wrong), ERR_RANGE, "%s", key);
	cr_expect_str_eq(wrong.key, key);
	cr_expect_not_null(strstr(wrong.text, why), "%s", wrong.text);
}

static void advertise(const char *sip, const char *rtp)
{
	strcpy(c.sip_advertised_address, sip);
	strcpy(c.rtp_advertised_address, rtp);
}

static void advertise_to(const char *to, const char *address)
{
	struct config_advertised *v = &c.sip_advertised[c.sip_advertised_count++];

	strcpy(v->to, to);
	strcpy(v->address, address);
}

Test(config_places, nothing_is_advertised)
{
	listen_at("0.0.0.0:5060", "0.0.0.0");
	good();
}

Test(config_places, addresses_that_no_host_has)
{
	static const char *const nobodys[] = {"0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "ff02::1"};

	listen_at("0.0.0.0:5060", "0.0.0.0");
	listen_at("[::]:5060", "::");
	for (size_t i = 0; i < sizeof nobodys / sizeof nobodys[0]; i++) {
		advertise(nobodys[i], "");
		bad("sip.advertised_address", "nobody can send to");
		advertise("", nobodys[i]);
		bad("rtp.advertised_address", "nobody can send to");
	}
}

Test(config_places, what_is_no_address)
{
	listen_at("0.0.0.0:5060", "0.0.0.0");
	advertise("sip.example.com", "");
	bad("sip.advertised_address", "is no IPv4 or IPv6 address");
}

Test(config_places, any_other_one_may_be_that_of_a_nat)
{
	listen_at("10.0.0.5:5060", "10.0.0.5");
	advertise("203.0.113.5", "192.168.1.1");
	good();
}

Test(config_places, a_family_that_nothing_listens_on)
{
	listen_at("0.0.0.0:5060", "0.0.0.0");
	advertise("2001:db8::5", "");
	bad("sip.advertised_address", "no sip.listen is IPv6");
	advertise("", "2001:db8::5");
	bad("rtp.advertised_address", "no rtp.address is IPv6");
	listen_at("[::]:5060", "::");
	advertise("2001:db8::5", "2001:db8::6");
	good();
}

Test(config_places, loopback_is_for_loopback)
{
	listen_at("0.0.0.0:5060", "0.0.0.0");
	advertise("127.0.0.1", "");
	bad("sip.advertised_address", "is this machine for everybody else");
	advertise("", "127.0.0.1");
	bad("rtp.advertised_address", "let rtp.address be loopback");
}

Test(config_places, who_listens_on_loopback_alone_may_say_so)
{
	listen_at("127.0.0.1:5060", "127.0.0.2");
	advertise("127.0.0.1", "127.0.0.1");
	good();
	listen_at("192.0.2.1:5060", "192.0.2.1");
	bad("sip.advertised_address", "is this machine for everybody else");
}

Test(config_places, peers_on_this_machine_may_be_told_loopback)
{
	listen_at("0.0.0.0:5060", "0.0.0.0");
	advertise_to("127.0.0.0/8", "127.0.0.1");
	good();
	advertise_to("10.0.0.0/8", "127.0.0.1");
	bad("sip.advertised[1].address", "is this machine for everybody else");
}

Test(config_places, networks_of_peers)
{
	listen_at("0.0.0.0:5060", "0.0.0.0");
	advertise_to("10.0.0.0/8", "10.0.0.5");
	advertise_to("*", "");
	good();
	advertise_to("10.0.0.0/8", "2001:db8::1");
	bad("sip.advertised[2].to", "different families");
	c.sip_advertised_count = 0;
	advertise_to("10.0.0.0/40", "10.0.0.5");
	bad("sip.advertised[0].to", "neither like");
}

Test(config_places, the_pool_takes_no_port_of_sip)
{
	listen_at("127.0.0.1:20050", "127.0.0.1");
	bad("sip.listen[0]", "belongs to the RTP pool");
	c.rtp_address[0].ip[3] = 2;
	good();
}
