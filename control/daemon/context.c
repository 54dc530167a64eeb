/* context.c - see context.h */
#include "control/daemon/context.h"

#include "control/daemon/info.h"

static char *text(const char *z)
{
	return (char *)(uintptr_t)z; /* packing only reads it */
}

static Tipring__V1__SendingDtmf *pack_dtmf(Tipring__V1__SendingDtmf *m, const struct call_dtmf *d)
{
	tipring__v1__sending_dtmf__init(m);
	m->command = text(d->command);
	m->digits = text(d->digits);
	m->next = d->next;
	m->duration_ms = d->duration_ms;
	m->gap_ms = d->gap_ms;
	m->audio = d->audio;
	m->of_dial = d->of_dial;
	m->early = d->early;
	return m;
}

static void fill_dtmf(struct call_dtmf *d, const Tipring__V1__SendingDtmf *m)
{
	if (m == NULL || m->next > str_of(m->digits).n || str_copy(d->digits, sizeof d->digits, str_of(m->digits)) != 0)
		return;
	(void)!str_copy(d->command, sizeof d->command, str_of(m->command));
	d->next = m->next;
	d->duration_ms = m->duration_ms;
	d->gap_ms = m->gap_ms;
	d->audio = m->audio;
	d->of_dial = m->of_dial;
	d->early = m->early;
}

static Tipring__V1__SpeechTerms *pack_speech(Tipring__V1__SpeechTerms *m, const struct call_speech *d)
{
	tipring__v1__speech_terms__init(m);
	m->generation = d->generation;
	m->start_ms = d->start_ms;
	m->end_ms = d->end_ms;
	m->silence_ms = d->silence_ms;
	return m;
}

static void fill_speech(struct call_speech *d, const Tipring__V1__SpeechTerms *m)
{
	if (m != NULL)
		*d = (struct call_speech){m->generation, m->start_ms, m->end_ms, m->silence_ms};
}

static Tipring__V1__Seat *pack_seat(Tipring__V1__Seat *m, const struct call_seat *s)
{
	if (s->generation == 0)
		return NULL;
	tipring__v1__seat__init(m);
	m->room_id = s->room_id;
	m->listen_only = s->listen_only;
	m->speak_only = s->speak_only;
	m->muted = s->muted;
	m->generation = s->generation;
	return m;
}

static void fill_seat(struct call_seat *s, const Tipring__V1__Seat *m)
{
	if (m != NULL)
		*s = (struct call_seat){
			.room_id = m->room_id, .listen_only = m->listen_only, .speak_only = m->speak_only, .muted = m->muted,
			.generation = m->generation,
		};
}

static Tipring__V1__CollectingDtmf *pack_collect(Tipring__V1__CollectingDtmf *m, const struct collect *c)
{
	tipring__v1__collecting_dtmf__init(m);
	m->command = text(c->command);
	m->digits = text(c->digits);
	m->terminators = text(c->terminators);
	m->max = c->max;
	m->first_ms = c->first_ms;
	m->next_ms = c->next_ms;
	m->keys = c->keys;
	m->number = c->number;
	m->cseq = c->cseq;
	m->deadline_ms = c->deadline_ms != UINT64_MAX ? c->deadline_ms : 0;
	return m;
}

static void fill_collect(struct collect *c, const Tipring__V1__CollectingDtmf *m)
{
	const struct collect_wish w = {.max = m != NULL ? m->max : 0, .terminators = str_of(m != NULL ? m->terminators : ""),
				       .first_ms = m != NULL ? m->first_ms : 0, .next_ms = m != NULL ? m->next_ms : 0};

	if (m == NULL || collect_fault(&w) != NULL || str_of(m->digits).n >= m->max || str_of(m->command).n >= sizeof c->command)
		return;
	collect_begin(c, str_of(m->command), &w, 0);
	(void)!str_copy(c->digits, sizeof c->digits, str_of(m->digits));
	c->keys = m->keys;
	c->number = m->number;
	c->cseq = m->cseq;
	c->deadline_ms = m->deadline_ms != 0 ? m->deadline_ms : UINT64_MAX;
}

/* 0: it does not fit, which can not happen: every text of it is bounded. */
size_t context_pack(const struct call *c, uint64_t instance, uint8_t out[CONTEXT_BYTES_MAX])
{
	Tipring__V1__CallContext x = TIPRING__V1__CALL_CONTEXT__INIT;
	Tipring__V1__SendingDtmf dtmf;
	Tipring__V1__SpeechTerms speech;
	Tipring__V1__CollectingDtmf collecting;
	Tipring__V1__Codec codecs[CALL_CODECS_MAX];
	struct info_address a;
	Tipring__V1__Seat seat, seat_told;

	x.call_id = c->id;
	x.app = text(c->app);
	x.backend = text(c->owned ? c->backend : "");
	x.fence = c->fence;
	x.session_id = c->session_id;
	x.media_worker = c->media_worker;
	x.starting = c->state == CALL_STARTING;
	x.generation = c->change != 0 ? c->generation_before : c->generation; /* what waits is in the roster */
	x.held = c->held;
	x.info_command = text(c->info_command);
	x.message_command = text(c->message_command);
	x.dtmf = c->dtmf.command[0] != '\0' ? pack_dtmf(&dtmf, &c->dtmf) : NULL;
	x.speech = c->speech.generation != 0 ? pack_speech(&speech, &c->speech) : NULL;
	x.collecting = c->collect.command[0] != '\0' ? pack_collect(&collecting, &c->collect) : NULL;
	x.parting = text(c->parting.command);
	x.referrer = c->transfer.referrer;
	x.refer_id = c->transfer.referrer_id;
	x.transfer_told = c->transfer.told;
	x.unagreed = !c->outbound && x.generation == 0;
	x.holding = c->holding;
	x.change = c->renewal.number;
	x.change_kind = (Tipring__V1__LegChangeKind)(x.change != 0 ? c->renewal.kind : CALL_RENEW_NOTHING);
	for (uint32_t i = 0; i < c->renewal.codec_count && x.change != 0; i++)
		codecs[x.n_change_codecs++] = (Tipring__V1__Codec)c->renewal.codecs[i];
	x.change_codecs = codecs;
	x.tape_id = c->tape_id;
	x.started_unix_ns = c->started_unix_ns;
	x.answered_unix_ns = c->answered_unix_ns;
	x.answered_mono_ns = c->answered_mono_ns;
	x.local_rtp = info_address(&a, &c->local_rtp);
	x.rate_hz = c->rate_hz;
	x.frame_ms = c->frame_ms;
	x.ear = (Tipring__V1__Ear)c->ear;
	x.command = text(c->command);
	x.start_mono_ns = c->start_mono_ns;
	x.start_unix_ns = c->start_unix_ns;
	x.instance = instance;
	x.outbound = c->outbound;
	x.early_media = c->early_media;
	x.ring_code = c->ring_code;
	x.ringing_described = c->ring_described;
	x.seat = pack_seat(&seat, &c->seat);
	x.seat_told = pack_seat(&seat_told, &c->seat_told);
	x.metadata = text(c->metadata.p != NULL ? c->metadata.p : "");
	if (tipring__v1__call_context__get_packed_size(&x) > CONTEXT_BYTES_MAX)
		return 0;
	return tipring__v1__call_context__pack(&x, out);
}

void context_fill(struct call *c, const Tipring__V1__CallContext *x)
{
	(void)!str_copy(c->app, sizeof c->app, str_of(x->app));
	(void)!str_copy(c->backend, sizeof c->backend, str_of(x->backend));
	(void)!str_copy(c->command, sizeof c->command, str_of(x->command));
	c->owned = x->backend[0] != '\0';
	c->fence = x->fence;
	c->has_session = x->session_id != 0;
	c->tape_id = x->tape_id;
	c->started = x->tape_id != 0;
	c->rate_hz = x->rate_hz;
	c->frame_ms = x->frame_ms;
	c->ear = (uint8_t)x->ear;
	c->started_unix_ns = x->started_unix_ns;
	c->answered_unix_ns = x->answered_unix_ns;
	c->answered = x->answered_unix_ns != 0;
	c->answered_mono_ns = x->answered_mono_ns;
	c->held = x->held;
	(void)!str_copy(c->info_command, sizeof c->info_command, str_of(x->info_command));
	(void)!str_copy(c->message_command, sizeof c->message_command, str_of(x->message_command));
	fill_dtmf(&c->dtmf, x->dtmf);
	fill_speech(&c->speech, x->speech);
	fill_collect(&c->collect, x->collecting);
	(void)!str_copy(c->parting.command, sizeof c->parting.command, str_of(x->parting));
	c->transfer.referrer = x->referrer;
	c->transfer.referrer_id = x->refer_id;
	c->transfer.told = x->transfer_told;
	c->holding = x->holding;
	c->renewal.number = x->change;
	c->renewal.kind = (uint32_t)x->change_kind;
	for (size_t i = 0; i < x->n_change_codecs && i < CALL_CODECS_MAX; i++)
		c->renewal.codecs[c->renewal.codec_count++] = (uint32_t)x->change_codecs[i];
	c->outbound = x->outbound;
	c->early_media = x->early_media;
	c->ring_code = x->ring_code;
	c->ring_described = x->ringing_described;
	fill_seat(&c->seat, x->seat);
	fill_seat(&c->seat_told, x->seat_told);
	c->metadata = call_keep(c, x->metadata);
	if (c->answered)
		call_set_outcome(c, CALL_OUTCOME_ANSWERED);
	c->generation = x->generation != 0 || x->outbound || x->unagreed ? x->generation : 1;
	c->start_mono_ns = x->start_mono_ns;
	c->start_unix_ns = x->start_unix_ns;
	(void)!info_take_address(x->local_rtp, &c->local_rtp);
}

enum call_state context_state(const Tipring__V1__CallContext *x, Tipring__V1__LegPhase phase)
{
	if (x->outbound && x->answered_unix_ns == 0)
		return CALL_CALLING;
	if (x->outbound && x->backend[0] != '\0' && x->tape_id == 0)
		return x->starting ? CALL_STARTING : CALL_CONNECTING;
	if (x->backend[0] == '\0')
		return x->session_id != 0 ? CALL_WAITING : CALL_OPENING;
	if (x->answered_unix_ns != 0)
		return CALL_ANSWERED;
	if (phase == TIPRING__V1__LEG_PHASE__LEG_ANSWERED || phase == TIPRING__V1__LEG_PHASE__LEG_CONFIRMED)
		return CALL_ANSWERING;
	if (x->starting)
		return CALL_STARTING;
	if (x->early_media) /* what its leg has not heard is said again */
		return x->tape_id != 0 ? CALL_RINGING : CALL_EARLY_STARTING;
	return phase == TIPRING__V1__LEG_PHASE__LEG_RINGING ? CALL_RINGING : CALL_CLAIMED;
}
