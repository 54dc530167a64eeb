/* key.c - see key.h */
#include "signaling/leg/key.h"

#include "signaling/sip/body.h"

#define DURATION_MAX_MS 60000u

bool key_is_type(struct str content_type)
{
	return sip_type_is(content_type, STR("application/dtmf-relay")) ||
	       sip_type_is(content_type, STR("application/dtmf"));
}

static bool number(struct str s, uint32_t most, uint32_t *ret)
{
	uint32_t n = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(s.p[i] - '0');
		if (n > most)
			return false;
	}
	*ret = n;
	return true;
}

/* Some write the event's number of RFC 4733 instead of the key. */
static bool take_signal(struct str s, struct key *ret)
{
	static const char keys[] = "0123456789*#ABCD";
	uint32_t n;

	if (s.n == 1 && s.p[0] >= 'a' && s.p[0] <= 'd')
		ret->digit = (char)(s.p[0] - 'a' + 'A');
	else if (s.n == 1 && s.p[0] != '\0' && strchr(keys, s.p[0]) != NULL)
		ret->digit = s.p[0];
	else if (s.n == 2 && number(s, 15, &n) && n >= 10)
		ret->digit = keys[n];
	else
		return false;
	return true;
}

int key_read(struct str content_type, struct str body, struct key *ret)
{
	bool relay = sip_type_is(content_type, STR("application/dtmf-relay"));
	bool found = false;

	*ret = (struct key){.digit = '\0'};
	while (body.n > 0) {
		struct str line = str_trim(str_cut(body, '\n', &body)), value;
		struct str name = str_trim(str_cut(line, '=', &value));

		if (line.n == 0)
			continue;
		value = str_trim(value);
		if (name.n == line.n && !relay && !found)
			found = take_signal(name, ret);
		else if (str_ieq(name, STR("Signal")) && !found)
			found = take_signal(value, ret);
		else if (str_ieq(name, STR("Duration")) &&
			 !number(value, DURATION_MAX_MS, &ret->duration_ms))
			return ERR_SYNTAX;
	}
	return found ? 0 : ERR_SYNTAX;
}
