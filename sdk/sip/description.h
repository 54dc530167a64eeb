/* description.h - what is behind a handle of tipring_sdp.h, for the files of this folder. */
#pragma once

#include "sdk/sip/text.h"
#include "sdk/sip/tipring_sdp.h"
#include "signaling/sdp/describe.h"

struct tipring_sdp {
	struct sdp_description d; /* in `lines` and `texts` */
	struct arena texts;
	struct sdp_line *lines;
	char *area; /* of `texts` */
	char *text; /* what was parsed; lines borrow from it */
	bool facts_known;
	struct sdp *facts; /* of `facts_text` */
	char *facts_text;
};

/* -ENOMEM, or the error of sdp_parse(). Stays until the next change. */
int description_facts(struct tipring_sdp *s, const struct sdp **ret);
