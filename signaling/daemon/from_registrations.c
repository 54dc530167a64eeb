/* from_registrations.c - see from_registrations.h: messages as plain settings. */
#include "signaling/daemon/from_registrations.h"

#include <stdlib.h>

#include "common/base/log.h"

/* ERR_SYNTAX with what is wrong. */
static int take(const Tipring__V1__RegistrationSettings *m, struct registration_settings *ret,
		const char **ret_why)
{
	const struct {
		char *to;
		size_t cap;
		const char *from;
	} texts[] = {
		{ret->name, sizeof ret->name, m->name},
		{ret->aor, sizeof ret->aor, m->aor},
		{ret->username, sizeof ret->username, m->username},
		{ret->realm, sizeof ret->realm, m->realm},
		{ret->contact_user, sizeof ret->contact_user, m->contact_user},
	};

	memset(ret, 0, sizeof *ret);
	*ret_why = "a text is too long: 127 octets of an aor, 63 of the others";
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (str_copy(texts[i].to, texts[i].cap, str_of(texts[i].from)) != 0)
			return ERR_SYNTAX;
	*ret_why = "a registrar is an address, as 192.0.2.1";
	if (m->registrar == NULL || m->registrar->port > UINT16_MAX ||
	    addr_parse_ip(str_of(m->registrar->ip), &ret->registrar) != 0)
		return ERR_SYNTAX;
	ret->registrar.port = (uint16_t)m->registrar->port;
	ret->expires_s = m->expires_s;
	return registration_check(ret, ret_why);
}

/* ---- control ---- */

static void answer(struct signaling *s, const Tipring__V1__Envelope *m, int err)
{
	switch (err) {
	case 0:
		worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__OK, "");
		break;
	case ERR_NOSPC:
		worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__OVERLOADED,
			      "there are as many registrations as may be");
		break;
	case ERR_EXIST:
		worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__CONFLICT,
			      "this name stands in the configuration");
		break;
	case ERR_INVAL:
		worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__CONFLICT,
			      "another name has this registrar, aor and contact_user");
		break;
	default:
		worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__NOT_FOUND,
			      "no such registration");
		break;
	}
}

void from_registrations_set(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__RegistrationSet *set = m->registration_set;
	struct registration_settings settings;
	struct signaling *s = self;
	const char *why = "settings are missing";

	(void)peer;
	if (set->settings == NULL || take(set->settings, &settings, &why) != 0) {
		worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__REJECTED, why);
		return;
	}
	if (str_of(set->password).n >= SIP_LOGIN_BYTES) {
		worker_result(s->worker, m, TIPRING__V1__RESULT_CODE__REJECTED,
			      "a password has at most 127 octets");
		return;
	}
	answer(s, m, registrations_set(s, &settings, str_of(set->password)));
}

void from_registrations_remove(void *self, struct str peer, const Tipring__V1__Envelope *m)
{
	struct signaling *s = self;

	(void)peer;
	answer(s, m, registrations_remove(s, str_of(m->registration_remove->name)));
}

/* ---- configuration ---- */

static struct str password_of(const struct registration_settings *set)
{
	const char *z = set->password_env[0] != '\0' ? getenv(set->password_env) : NULL;
	struct str password = str_of(z);

	if (set->username[0] != '\0' && (password.n == 0 || password.n >= SIP_LOGIN_BYTES)) {
		log_error("registration.password",
			  "name=%s variable=%s hint=\"empty, not there, or longer than 127 octets: a "
			  "challenge can not be answered\"",
			  set->name, set->password_env);
		return STR("");
	}
	return password;
}

static void take_row(struct signaling *s, const Tipring__V1__RegistrationConfig *row)
{
	struct registration_settings set;
	const char *why = "settings are missing";
	int err = row->settings != NULL ? take(row->settings, &set, &why) : ERR_SYNTAX;

	if (err == 0)
		err = str_copy(set.password_env, sizeof set.password_env,
			       str_of(row->password_env));
	if (err == 0) {
		set.configured = 1;
		err = registrations_set(s, &set, password_of(&set));
		why = err == ERR_INVAL ? "another name has this registrar, aor and contact_user"
				       : "there are as many as may be";
	}
	if (err != 0)
		log_error("registration.config", "name=%s reason=\"%s\"",
			  row->settings != NULL ? row->settings->name : "", why);
}

static bool stands_in(const void *ctx, const char *name)
{
	const Tipring__V1__SignalingConfig *c = ctx;

	for (size_t i = 0; i < c->n_registrations; i++)
		if (c->registrations[i]->settings != NULL &&
		    strcmp(c->registrations[i]->settings->name, name) == 0)
			return true;
	return false;
}

void from_registrations_config(struct signaling *s, const Tipring__V1__SignalingConfig *c)
{
	if (!s->registrations.open)
		return;
	registrations_retain(s, stands_in, c);
	for (size_t i = 0; i < c->n_registrations; i++)
		take_row(s, c->registrations[i]);
}
