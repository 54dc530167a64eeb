/* redirects.c - see redirects.h */
#include "control/daemon/redirects.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "control/daemon/events.h"
#include "control/daemon/info.h"
#include "control/daemon/to_workers.h"
#include "control/model/uri.h"

#define Q_MOST 1000u

static bool keep(struct call *c, const Tipring__V1__RedirectTarget *t)
{
	struct str uri = c->contact_count < CALL_CONTACTS_MAX ? call_keep(c, t->uri) : (struct str){NULL, 0};

	if (uri.n > 0)
		c->contacts[c->contact_count++] = (struct call_contact){uri, t->q_thousandths};
	return uri.n > 0;
}

const char *redirects_take(struct call *c, const Tipring__V1__Redirect *m)
{
	uint32_t code = m->code;
	struct uri u;

	if (code != 0 && code != 300 && code != 301 && code != 302 && code != 305 && code != 380)
		return "a redirection has the code 300, 301, 302, 305 or 380";
	if (m->n_contacts == 0 || m->n_contacts > CALL_CONTACTS_MAX)
		return "1 to 8 contacts";
	for (size_t i = 0; i < m->n_contacts; i++)
		if (uri_parse(str_of(m->contacts[i]->uri), &u) != 0 || m->contacts[i]->q_thousandths > Q_MOST)
			return "a contact is sip:USER@HOST[:PORT], with q from 0 to 1";
	c->contact_count = 0;
	for (size_t i = 0; i < m->n_contacts; i++)
		if (!keep(c, m->contacts[i])) {
			c->contact_count = 0;
			return "all texts together are too long";
		}
	return NULL;
}

void redirects_keep(struct call *c, Tipring__V1__RedirectTarget *const *contacts, size_t n)
{
	for (size_t i = 0; i < n && c->contact_count < CALL_CONTACTS_MAX; i++)
		(void)keep(c, contacts[i]);
}

/* The best one that may be called. False: there is none, and the log says why. */
static bool choose(struct control *k, struct control_call *cc, const Tipring__V1__LegRedirected *m)
{
	const char *why = "outbound.redirects in tipring.yaml is none";
	struct addr hop;

	for (size_t i = 0; i < m->n_contacts && k->outbound.follow_redirects; i++) {
		struct str kept;

		if (outbound_route(&k->outbound, str_of(m->contacts[i]->uri), &hop, &why) != 0)
			continue;
		kept = call_keep(&cc->c, m->contacts[i]->uri);
		why = "the texts of the call are too long";
		if (kept.n == 0)
			break;
		cc->c.request_uri = kept;
		cc->c.next_hop = hop;
		return true;
	}
	log_info("call.not_followed", "call=%016" PRIx64 " hop=%u code=%u reason=\"%s\"", cc->c.id, m->hop, m->code, why);
	return false;
}

/* Said again, it is answered as before. */
void redirects_asked(struct control *k, struct control_call *cc, const Tipring__V1__LegRedirected *m)
{
	struct call *c = &cc->c;

	if (c->state != CALL_CALLING)
		return; /* its end is on its way */
	if (c->hop != m->hop) {
		c->hop = m->hop;
		c->follows = choose(k, cc, m);
		if (c->follows)
			events_redirected(k, cc, m->code);
	}
	to_leg_follow(k, cc, c->follows);
}
