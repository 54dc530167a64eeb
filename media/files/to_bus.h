/* to_bus.h - what the files process tells control, as messages. */
#pragma once

#include "media/files/files.h"

void to_bus_news(struct files *f, const struct recording *r);
void to_bus_play_news(struct files *f, const struct play *p);
void to_bus_roster(struct files *f); /* all there are */
