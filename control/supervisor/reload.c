/* reload.c - the configuration is read again (SIGHUP). A file with a mistake changes nothing. */
#include <string.h>

#include "common/base/log.h"
#include "control/supervisor/config_diff.h"
#include "control/supervisor/supervisor.h"

/* Whose sockets or sizes a setting describes. */
static void mark_waiting(struct supervisor *s, const char *key)
{
	bool sip = strncmp(key, "sip.", 4) == 0, rtp = strncmp(key, "rtp.", 4) == 0, files = strncmp(key, "media.", 6) == 0;

	for (unsigned r = 0; r < ROLES; r++)
		s->waits[r] |= sip ? r == ROLE_SIGNALING : rtp ? r == ROLE_MEDIA : !files || r == ROLE_FILES || r == ROLE_CONTROL;
}

void reload_notes(const struct supervisor *s)
{
	struct config_error notes[CONFIG_NOTES_MAX];
	uint32_t n = config_notes(&s->config, notes, CONFIG_NOTES_MAX);

	for (uint32_t i = 0; i < n; i++)
		log_warn("supervisor.note", "%s", notes[i].text);
}

void reload_take(struct supervisor *s, const struct config *file)
{
	static struct config fresh; /* too large for the stack's taste */
	struct config_change changes[CONFIG_CHANGES_MAX];
	uint32_t n = config_diff(&s->config, file, changes);

	memset(s->waits, 0, sizeof s->waits);
	for (uint32_t i = 0; i < n; i++) {
		if (changes[i].effect == CONFIG_NOW)
			log_info("supervisor.config", "key=%s effect=now", changes[i].key);
		else
			log_warn("supervisor.config", "key=%s effect=%s", changes[i].key, config_effect_name(changes[i].effect));
		if (changes[i].effect == CONFIG_RESTART)
			mark_waiting(s, changes[i].key);
	}
	fresh = *file;
	config_keep_sizes(&s->config, &fresh);
	s->config = fresh;
	log_least((enum log_level)s->config.log_level);
	for (uint32_t i = 0; i < s->worker_count; i++)
		s->workers[i].config_due = true;
	worker_tell_config(s);
}

void reload(struct supervisor *s)
{
	static struct config file;
	struct config_error why;

	if (config_load(s->config_path, &file, &why) != 0) {
		log_error("supervisor.reload", "reason=\"%s\" hint=\"nothing was changed\"", why.text);
		return;
	}
	log_info("supervisor.reload", "path=%s", s->config_path);
	reload_take(s, &file);
	reload_notes(s);
}
