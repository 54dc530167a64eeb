/* config_codecs.c - see config_codecs.h */
#include "control/supervisor/config_codecs.h"

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

#include "tipring/v1/common.pb-c.h"

static const struct {
	const char *name;
	uint8_t codec;
} names[] = {
	{"PCMU", TIPRING__V1__CODEC__PCMU},	      {"PCMA", TIPRING__V1__CODEC__PCMA},
	{"G722", TIPRING__V1__CODEC__G722},	      {"opus", TIPRING__V1__CODEC__OPUS},
	{"L16", TIPRING__V1__CODEC__L16},	      {"L16/8000", TIPRING__V1__CODEC__L16},
	{"L16/16000", TIPRING__V1__CODEC__L16_16K}, {"L16/48000", TIPRING__V1__CODEC__L16_48K},
};

static bool add(struct config_codecs *c, const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcasecmp(names[i].name, name) != 0)
			continue;
		for (uint32_t k = 0; k < c->count; k++)
			if (c->v[k] == names[i].codec)
				return false;
		if (c->count == CONFIG_CODECS_MAX)
			return false;
		c->v[c->count++] = names[i].codec;
		return true;
	}
	return false;
}

const char *config_codecs_read(struct config_codecs *c, char **names_given, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!add(c, names_given[i]))
			return names_given[i];
	return NULL;
}
