/* legs.c - see legs.h */
#include "signaling/daemon/legs.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "common/base/must.h"
#include "signaling/daemon/to_bus.h"
#include "signaling/leg/renew.h"

static uint64_t dialog_key(const struct signaling *s, struct str call_id,
			   struct str local_tag)
{
	uint64_t h[2] = {map_hash(&s->hash, call_id.p, call_id.n),
			 map_hash(&s->hash, local_tag.p, local_tag.n)};

	return map_hash(&s->hash, h, sizeof h);
}

static uint64_t key_of(const struct signaling *s, const struct leg *l)
{
	const struct sip_dialog *d = &l->r.dialog;

	return dialog_key(s, str_of(d->call_id), str_of(d->local_tag));
}

static uint64_t call_key(const struct signaling *s, uint64_t call_id)
{
	return map_hash(&s->hash, &call_id, sizeof call_id);
}

void legs_index(struct signaling *s, struct leg *l)
{
	uint64_t handle = pool_handle(&s->legs, l), call_id = l->r.dialled.call_id;

	if (leg_is_ours(l) &&
	    map_put(&s->by_call, call_key(s, call_id), handle, NULL, NULL) != 0)
		log_error("leg.index", "leg=%" PRIx64 " call=%" PRIx64, handle, call_id);
	if (leg_is_over(l))
		return;
	if (map_put(&s->by_dialog, key_of(s, l), handle, NULL, NULL) != 0)
		log_error("leg.index", "leg=%" PRIx64 " sip_call_id=%s", handle,
			  l->r.dialog.call_id);
}

void legs_unindex(struct signaling *s, struct leg *l)
{
	(void)map_del(&s->by_dialog, key_of(s, l), NULL, NULL);
}

struct leg *legs_find(struct signaling *s, const struct sip_core *c)
{
	uint64_t handle;
	struct leg *l;

	if (!map_get(&s->by_dialog, dialog_key(s, c->call_id, c->to.tag), NULL, NULL,
		     &handle))
		return NULL;
	l = pool_get(&s->legs, handle);
	return l != NULL && sip_dialog_is(&l->r.dialog, c) ? l : NULL;
}

struct leg *legs_of_call(struct signaling *s, uint64_t call_id)
{
	uint64_t handle;
	struct leg *l;

	if (!map_get(&s->by_call, call_key(s, call_id), NULL, NULL, &handle))
		return NULL;
	l = pool_get(&s->legs, handle);
	return l != NULL && l->r.dialled.call_id == call_id ? l : NULL;
}

/* Of the last INVITE of ours that has one. */
static const struct sip_client_record *client_of(struct signaling *s, struct leg *l)
{
	const struct sip_client_record *client =
		l->renewal != 0 ? sip_stack_export_client(&s->stack, l->renewal) : NULL;

	l->r.renewal.has_client = client != NULL;
	if (client == NULL && l->client != 0)
		client = sip_stack_export_client(&s->stack, l->client);
	return client;
}

/* What a refresh made of it; as the call was answered with it, LegConfirmed or LegPickedUp has told. */
static void tell_timer(struct signaling *s, struct leg *l)
{
	uint32_t mark = l->r.refresh.interval_s << 1 | (l->r.refresh.role == REFRESH_THEIRS);
	bool up = l->r.state == LEG_CONFIRMED || l->r.state == LEG_REFRESHED || l->r.state == LEG_OFFERED;

	if (!up || l->timer_told == mark + 1)
		return;
	if (l->timer_told != 0)
		to_bus_timer(s, l);
	l->timer_told = mark + 1;
}

void legs_save(struct signaling *s, struct leg *l)
{
	const struct sip_client_record *client = client_of(s, l);
	const struct sip_server_record *server = sip_stack_export(&s->stack, l->txn);

	l->r.handle = pool_handle(&s->legs, l);
	l->r.hash = s->hash;
	l->r.has_txn = server != NULL;
	if (server != NULL)
		l->r.server = *server;
	if (slab_commit(&s->slab, pool_slot(l->r.handle), s->packed,
			leg_pack(&l->r, client, s->packed)) != 0) {
		count(s, STAT_signaling_legs_unsaved, 1);
		log_error("leg.save",
			  "leg=%" PRIx64 " sip_call_id=%s reason=\"too long for its slot\"",
			  l->r.handle, l->r.dialog.call_id);
	}
	l->dirty = false;
	tell_timer(s, l);
}

void legs_free(struct signaling *s, struct leg *l)
{
	wheel_cancel(&s->wheel, &l->timer);
	wheel_cancel(&s->wheel, &l->refer_timer);
	logins_forget(s, l);
	if (leg_is_ours(l))
		(void)map_del(&s->by_call, call_key(s, l->r.dialled.call_id), NULL, NULL);
	s->legs_told -= legs_is_told(l);
	slab_clear(&s->slab, pool_slot(pool_handle(&s->legs, l)));
	pool_give(&s->legs, l);
}

/* When the table is full, one that was refused and may never be acknowledged goes: its
 * transaction still repeats the refusal. */
struct leg *legs_take(struct signaling *s, uint64_t *ret_handle)
{
	struct leg *l = pool_take(&s->legs, ret_handle);
	uint32_t at = 0;

	if (l != NULL || s->legs_spare == 0)
		return l;
	do
		l = pool_each(&s->legs, &at);
	while (l != NULL && !legs_is_spare(l));
	must(l != NULL);
	sip_stack_set_user(&s->stack, l->txn, 0);
	s->legs_spare--;
	legs_free(s, l);
	return pool_take(&s->legs, ret_handle);
}

void legs_arm(struct signaling *s, struct leg *l)
{
	uint64_t renewal_ms = leg_renewal_due_ms(l), ms = leg_deadline_ms(l);
	uint64_t due_ms = renewal_ms < ms ? renewal_ms : ms;

	if (due_ms == UINT64_MAX)
		wheel_cancel(&s->wheel, &l->timer);
	else
		wheel_arm(&s->wheel, &l->timer, due_ms);
}

enum leg_event legs_due(const struct leg *l, uint64_t now_ms)
{
	return now_ms >= leg_renewal_due_ms(l) ? LEG_EV_RENEW_DUE : leg_due(l, now_ms);
}
