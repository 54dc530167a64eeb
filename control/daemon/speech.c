/* speech.c - see speech.h */
#include "control/daemon/speech.h"

#include "control/daemon/calls.h"
#include "control/daemon/to_workers.h"

#define CODE(name) TIPRING__V1__RESULT_CODE__##name

#define START_MS 60u
#define END_MS   500u

static bool is_within(uint32_t v, uint32_t least, uint32_t most)
{
	return v == 0 || (v >= least && v <= most);
}

struct verdict speech_detect(struct control *k, struct str peer, const Tipring__V1__Envelope *m)
{
	const Tipring__V1__DetectSpeech *d = m->detect_speech;
	struct verdict v;
	struct control_call *cc = calls_mine(k, peer, d->call_id, d->fence, &v);

	if (cc == NULL)
		return v;
	if (!is_within(d->start_ms, 20, 10000) || !is_within(d->end_ms, 100, 10000) || !is_within(d->silence_ms, 100, 3600000))
		return (struct verdict){.code = CODE(REJECTED), .reason = "start_ms 20 to 10000, end_ms 100 to 10000, silence_ms 100 to 3600000"};
	cc->c.speech = (struct call_speech){.generation = cc->c.speech.generation + 1};
	if (!d->stop) {
		cc->c.speech.start_ms = d->start_ms != 0 ? d->start_ms : START_MS;
		cc->c.speech.end_ms = d->end_ms != 0 ? d->end_ms : END_MS;
		cc->c.speech.silence_ms = d->silence_ms;
	}
	to_leg_annotate(k, cc);
	speech_again(k, cc);
	return (struct verdict){.code = CODE(OK), .reason = ""};
}

void speech_again(struct control *k, struct control_call *cc)
{
	if (cc->c.speech.generation != 0 && cc->c.started)
		to_session_detect(k, cc);
}
