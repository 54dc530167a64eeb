/* test_route.c - mirrors control/model/route.c */
#include <criterion/criterion.h>

#include "control/model/route.h"

static const struct routes routes = {
	.v = {{"bot", "bot"}, {"21#", "star"}, {"21#*", "long"}, {"a%b", "percent"}, {"%41", "escape"}, {"+49*", "berlin"}},
	.count = 6,
};

/* S16: user parts are compared as RFC 3261 19.1.4 says: escapes resolved, case kept */
Test(route, s16_users_are_compared_decoded)
{
	static const struct {
		const char *uri, *app; /* NULL: none */
	} cases[] = {
		{"sip:bot@h", "bot"},
		{"sip:%62o%74@h", "bot"},
		{"sip:%62%6F%74@h", "bot"},
		{"sip:bot:pw@h", "bot"},
		{"sip:%62ot:p%77@h", "bot"},
		{"sip:bot;x=y:pw@h", "bot"},
		{"sip:bot:p;w@h", "bot"},
		{"sips:bot@h", "bot"},
		{"sip:%42ot@h", NULL},
		{"sip:bot%00@h", NULL}, /* nothing is shortened */
		{"sip:bo@h", NULL},
		{"sip:bott@h", NULL},
		{"sip:21%23@h", "star"},
		{"sip:21%2342@h", "long"},
		{"sip:21%2@h", NULL},
		{"sip:a%b@h", "percent"}, /* no escape: what stands there */
		{"sip:a%25b@h", "percent"},
		{"sip:a%2525b@h", NULL}, /* once */
		{"sip:%2541@h", "escape"},
		{"sip:A@h", NULL},
		{"sip:%41@h", NULL},
		{"sip:%2b49301@h", "berlin"},
		{"sip:+4@h", NULL},
		{"sip:h", NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *app = route_find(&routes, route_user(str_of(cases[i].uri)));

		cr_expect(app == cases[i].app || (app != NULL && cases[i].app != NULL && strcmp(app, cases[i].app) == 0),
			  "%s: %s", cases[i].uri, app != NULL ? app : "none");
	}
}
