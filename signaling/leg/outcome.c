/* outcome.c - see outcome.h */
#include "signaling/leg/outcome.h"

#define Q850_MAX 127u

static const struct {
	uint16_t code;
	uint16_t outcome;
} rows[] = {
	{401, LEG_OUT_AUTH_FAILED},   {403, LEG_OUT_FORBIDDEN},   {404, LEG_OUT_NOT_FOUND},
	{407, LEG_OUT_AUTH_FAILED},   {408, LEG_OUT_TIMEOUT},     {410, LEG_OUT_NOT_FOUND},
	{415, LEG_OUT_MEDIA_REFUSED}, {480, LEG_OUT_NO_ANSWER},   {484, LEG_OUT_NOT_FOUND},
	{485, LEG_OUT_NOT_FOUND},     {486, LEG_OUT_BUSY},        {488, LEG_OUT_MEDIA_REFUSED},
	{502, LEG_OUT_TRUNK_DOWN},    {503, LEG_OUT_TRUNK_DOWN},  {504, LEG_OUT_TIMEOUT},
	{600, LEG_OUT_BUSY},          {604, LEG_OUT_NOT_FOUND},   {606, LEG_OUT_MEDIA_REFUSED},
};

enum leg_outcome outcome_of(uint32_t code)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].code == code)
			return (enum leg_outcome)rows[i].outcome;
	/* of the others, what the peer decided and what went wrong with it */
	return code / 100 == 5 ? LEG_OUT_ERROR : LEG_OUT_REJECTED;
}

/* "Q.850;cause=17;text=..." */
static uint32_t cause_of(struct str value)
{
	struct scan s = scan_of(value);
	struct str protocol = scan_token(&s);
	struct sip_param p;

	if (!str_ieq(protocol, STR("Q.850")))
		return 0;
	while (sip_param_next(&s, &p)) {
		struct scan digits = scan_of(p.value);
		uint32_t cause = scan_u32(&digits);

		if (!str_ieq(p.name, STR("cause")))
			continue;
		scan_end(&digits);
		return digits.err == 0 && cause <= Q850_MAX ? cause : 0;
	}
	return 0;
}

uint32_t outcome_q850(const struct sip_msg *m)
{
	uint32_t cause = 0;

	for (uint16_t i = m->first[SIP_REASON]; i != SIP_NONE && cause == 0;
	     i = m->fields[i].next) {
		struct str rest = m->fields[i].value;

		while (rest.n > 0 && cause == 0)
			cause = cause_of(sip_list_next(&rest));
	}
	return cause;
}
