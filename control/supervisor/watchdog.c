/* watchdog.c - see watchdog.h */
#include "control/supervisor/watchdog.h"

#include <stddef.h>

bool watchdog_bites(struct watchdog *d, const struct spawn_look *look, uint64_t beat_ms, uint64_t now_ms, uint32_t hang_ms)
{
	if (d->beat_ms != beat_ms && look != NULL)
		*d = (struct watchdog){beat_ms, look->cpu_ms};
	if (now_ms <= beat_ms + hang_ms)
		return false;
	if (look == NULL || !look->runnable || now_ms > beat_ms + (uint64_t)WATCHDOG_PATIENCE * hang_ms)
		return true;
	return look->cpu_ms >= d->cpu_ms + hang_ms / 4;
}
