/* uses.c - see uses.h */
#include "signaling/sip/uses.h"

/* clang-format off */

/* A request is matched and answered by these (RFC 3261 8.2.6, 12.2.2, 17.2.3). Of Via only
 * the topmost value is read, lower ones are copied as they are; Content-Length says where
 * a body ends. */
#define REQUEST  (SIP_BIT(VIA) | SIP_BIT(FROM) | SIP_BIT(TO) | SIP_BIT(CALL_ID) |          \
		  SIP_BIT(CSEQ) | SIP_BIT(CONTENT_LENGTH))
/* A response is matched by these (RFC 3261 17.1.3). */
#define RESPONSE (SIP_BIT(VIA) | SIP_BIT(CSEQ))
/* What an offer is found and answered by; the first line only when there is a body. */
#define BODY     (SIP_BIT(CONTENT_TYPE) | SIP_BIT(CONTENT_ENCODING))
#define OFFER    (BODY | SIP_BIT(ACCEPT))
/* A dialog is made of these (RFC 3261 12.1.1) or changes its target (12.2.2). */
#define TARGET   (SIP_BIT(CONTACT))
#define DIALOG   (TARGET | SIP_BIT(RECORD_ROUTE))
/* What has to be understood before a request is served (RFC 3261 8.2.2.3). */
#define NEEDS    (SIP_BIT(REQUIRE))

/* Beside those of every request. A method without a row is refused or belongs to nobody. */
static const struct {
	uint64_t outside, inside; /* of a dialog */
} uses[SIP_METHODS] = {
	[SIP_M_INVITE]   = {DIALOG | OFFER | NEEDS, TARGET | OFFER | NEEDS},
	[SIP_M_ACK]      = {0,                      0},
	[SIP_M_BYE]      = {NEEDS,                  NEEDS},
	[SIP_M_CANCEL]   = {0,                      0},
	[SIP_M_OPTIONS]  = {NEEDS,                  NEEDS},
	[SIP_M_INFO]     = {NEEDS,                  NEEDS},
	[SIP_M_MESSAGE]  = {NEEDS,                  NEEDS},
	[SIP_M_PRACK]    = {0,                      BODY | NEEDS | SIP_BIT(RACK)},
	[SIP_M_REGISTER] = {SIP_BIT(CONTACT) | NEEDS, NEEDS}, /* RFC 4475 3.1.2.13 */
	[SIP_M_REFER]    = {NEEDS,                  SIP_BIT(REFER_TO) | NEEDS},
	[SIP_M_NOTIFY]   = {NEEDS,                  SIP_BIT(EVENT) | SIP_BIT(SUBSCRIPTION_STATE) | NEEDS},
};

static const uint64_t singles = 0
#define SINGLE 1
#define MANY   0
#define HEADER(id, name, compact, kind) | (kind ? SIP_BIT(id) : 0)
#include "signaling/sip/header.def"
#undef HEADER
	;

/* clang-format on */

uint64_t sip_uses(const struct sip_msg *m, bool in_dialog)
{
	uint64_t more;

	if (!m->is_request)
		return RESPONSE;
	more = in_dialog ? uses[m->method].inside : uses[m->method].outside;
	return REQUEST | (m->body.n > 0 ? more : more & ~BODY);
}

const char *sip_fault_in(const struct sip_msg *m, uint64_t of)
{
	if ((m->unread & of) != 0)
		return "Malformed header field";
	if ((m->twice & of & singles) != 0)
		return "A header field that may appear once appears twice";
	return NULL;
}
