/* drift.c - see drift.h */
#include "media/session/drift.h"

/* A window is over. */
static void decide(struct drift *d, int64_t band)
{
	bool is_right = d->least <= band && d->least >= -band;

	d->usual = d->least;
	d->apart = is_right ? 0 : d->apart + 1;
	if (++d->windows < DRIFT_WINDOWS)
		return;
	d->owed = d->apart >= DRIFT_SURE ? d->usual : 0;
	d->windows = 0;
}

/* hot */
bool drift_arrived(struct drift *d, int64_t lag, int64_t band, uint64_t now_ns)
{
	if (d->count == 0)
		d->since_ns = now_ns;
	d->least = d->count == 0 || lag < d->least ? lag : d->least;
	d->usual = lag < d->usual ? lag : d->usual;
	if (++d->count < DRIFT_PACKETS || now_ns < d->since_ns + DRIFT_WINDOW_MS * 1000000ull)
		return false;
	d->count = 0;
	decide(d, band);
	return true;
}

void drift_moved(struct drift *d, int64_t by)
{
	d->owed -= by;
	d->usual -= by;
	d->least -= by;
}
