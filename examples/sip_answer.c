/* sip_answer.c - answers one SIP request as a server would, from octets to octets: what to look at when you use the library.
 *
 *   sip_answer FILE        (cc sip_answer.c $(pkg-config --cflags --libs tipring-sip))
 *
 * FILE holds a request as it came in a datagram. The response goes to stdout, what was understood to stderr. An INVITE with an offer
 * gets an answer to it. Exit code 0: there is a response; 1: a request that must not be answered, or no request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tipring_sdp.h>
#include <tipring_sip.h>

#define ADDRESS "192.0.2.1" /* ours, as the peer reaches it */

static void say(const char *what, struct tipring_text t)
{
	fprintf(stderr, "%s: %.*s\n", what, (int)t.n, t.p);
}

static void describe(const struct tipring_sip_msg *m)
{
	struct tipring_sip_address from;
	struct tipring_text value;
	size_t cursor = 0;

	say("method", tipring_sip_method(m));
	say("for", tipring_sip_uri(m));
	if (tipring_sip_find(m, tipring_text("From"), &cursor, &value) && tipring_sip_address_parse(value, &from, NULL) == 0)
		say("from", from.uri);
}

/* The SDP answer to the offer of `request`, as the body of `response`: the status. */
static unsigned answer_offer(const struct tipring_sip_msg *request, struct tipring_sip_msg *response)
{
	static const struct tipring_sdp_ability speak[] = {
		{.name = {"PCMA", 4}, .clock_hz = 8000}, {.name = {"PCMU", 4}, .clock_hz = 8000},
	};
	const struct tipring_sdp_side audio = {.abilities = speak, .count = 2, .address = tipring_text(ADDRESS), .port = 30000};
	const struct tipring_sdp_terms terms = {.audio = &audio, .address = tipring_text(ADDRESS), .session_id = 1, .version = 1};
	struct tipring_sdp *offer, *answer;
	struct tipring_sdp_agreement agreed;
	struct tipring_text type = {"", 0};
	char text[4096];
	size_t cursor = 0;
	int64_t n = -1;

	(void)tipring_sip_find(request, tipring_text("Content-Type"), &cursor, &type);
	type = tipring_sip_body_part(type, tipring_sip_body(request), tipring_text("application/sdp"));
	if (tipring_sdp_parse(type, &offer, NULL) != 0)
		return 400;
	if (tipring_sdp_negotiate(offer, &terms, &agreed, &answer) == 0) {
		fprintf(stderr, "audio: payload type %u to %s:%u\n", agreed.audio.codecs[0].payload_type, agreed.audio.address,
			agreed.audio.port);
		n = tipring_sdp_print(answer, text, sizeof text);
		tipring_sdp_free(answer);
	}
	tipring_sdp_free(offer);
	if (n < 0 || tipring_sip_set(response, tipring_text("Contact"), tipring_text("<sip:" ADDRESS ">")) != 0 ||
	    tipring_sip_set(response, tipring_text("Content-Type"), tipring_text("application/sdp")) != 0)
		return 488;
	return tipring_sip_set_body(response, (struct tipring_text){text, (size_t)n}) == 0 ? 200 : 500;
}

static int print(const struct tipring_sip_msg *m)
{
	size_t n = tipring_sip_size(m);
	char *octets = malloc(n);
	bool good = octets != NULL && tipring_sip_print(m, octets, n) == (int64_t)n && fwrite(octets, 1, n, stdout) == n;

	free(octets);
	return good ? 0 : 1;
}

static int answer(const struct tipring_sip_msg *request)
{
	const struct tipring_text none = {"", 0};
	struct tipring_sip_msg *response;
	char tag[TIPRING_SIP_TAG_BYTES];
	const char *reason;
	uint32_t status;
	int err = tipring_sip_judge(request, &status, &reason);

	if (err != 0 || status == 1 || tipring_sip_tag(tag) != 0) {
		fputs("no answer\n", stderr);
		return 1;
	}
	err = tipring_sip_reply(request, status != 0 ? status : 200, tipring_text(status != 0 ? reason : ""), tipring_text(tag), &response);
	if (err != 0)
		return 1;
	if (status == 0 && tipring_sip_body(request).n > 0) {
		status = answer_offer(request, response);
		if (status != 200)
			err = tipring_sip_set_status(response, status, none);
	}
	err = err == 0 ? print(response) : 1;
	tipring_sip_free(response);
	return err;
}

int main(int argc, char **argv)
{
	static char octets[TIPRING_SIP_BYTES_MAX + 1];
	struct tipring_sip_fault why;
	struct tipring_sip_msg *m;
	FILE *f = argc == 2 && argv[1][0] != '-' ? fopen(argv[1], "rb") : NULL;
	size_t n;
	int err;

	if (f == NULL) {
		fputs("usage: sip_answer FILE     (a request as it came in a datagram; the response goes to stdout)\n", stderr);
		return 2;
	}
	n = fread(octets, 1, sizeof octets, f);
	fclose(f);
	if (tipring_sip_parse_faulty((struct tipring_text){octets, n}, &m, &why) != 0) {
		fprintf(stderr, "%s at octet %zu\n", why.text, why.position);
		return 1;
	}
	if (why.code != 0)
		fprintf(stderr, "%s at octet %zu\n", why.text, why.position);
	describe(m);
	err = answer(m);
	tipring_sip_free(m);
	return err;
}
