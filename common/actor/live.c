/* live.c - see live.h */
#include "common/actor/live.h"

#include <stdbool.h>
#include <stdlib.h>

static uint64_t digest(const uint8_t *p, size_t n)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a: against change, not against malice */

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

static char nothing[] = "";

/* The copies are packed and forgotten: they may point into the original. */
static void forget_live(Tipring__V1__ProcessConfig *p)
{
	p->log_level = 0;
	p->orphan_ms = 0;
	p->waits_for_restart = false;
	if (p->signaling != NULL) {
		p->signaling->answer_timeout_ms = p->signaling->new_per_source_per_s = 0;
		p->signaling->session_expires_s = p->signaling->min_se_s = 0;
		p->signaling->n_registrations = p->signaling->n_codecs = p->signaling->n_codec_routes = 0;
		p->signaling->messages = p->signaling->rtcp_mux = false;
		p->signaling->auth = NULL;
		p->signaling->trunk = NULL;
	}
	if (p->media != NULL) {
		p->media->idle_silence = false;
		p->media->reorder_ms_max = 0;
		p->media->rtp_timeout_ms = p->media->never_ms = p->media->duplicate = 0;
		p->media->ear = 0;
		p->media->allow_loopback = false;
	}
	if (p->control != NULL) {
		p->control->n_routes = 0;
		p->control->claim_timeout_ms = 0;
		p->control->on_lost = nothing;
		p->control->outbound = NULL;
	}
}

int live_digest_of_rest(const Tipring__V1__ProcessConfig *cfg, uint64_t *ret)
{
	Tipring__V1__ProcessConfig p = *cfg;
	Tipring__V1__SignalingConfig signaling;
	Tipring__V1__MediaConfig media;
	Tipring__V1__ControlConfig control;
	uint8_t *packed;
	size_t n;

	if (p.signaling != NULL)
		p.signaling = (signaling = *p.signaling, &signaling);
	if (p.media != NULL)
		p.media = (media = *p.media, &media);
	if (p.control != NULL)
		p.control = (control = *p.control, &control);
	forget_live(&p);

	n = tipring__v1__process_config__get_packed_size(&p);
	packed = malloc(n + 1);
	if (packed == NULL)
		return ERR_NOMEM;
	*ret = digest(packed, tipring__v1__process_config__pack(&p, packed));
	free(packed);
	return 0;
}
