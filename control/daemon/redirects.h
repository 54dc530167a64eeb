/* redirects.h - calls that go elsewhere: a caller whom a backend sends on, a call of ours that a peer sends on. */
#pragma once

#include "control/daemon/control.h"

/* Of a call that is not answered: keep where its caller is sent. NULL, or what is wrong with it. */
const char *redirects_take(struct call *c, const Tipring__V1__Redirect *m);

/* A peer sent our INVITE elsewhere: follow it, when the configuration allows that, to the best place that may be called. */
void redirects_asked(struct control *k, struct control_call *cc, const Tipring__V1__LegRedirected *m);

/* Nobody followed. */
void redirects_keep(struct call *c, Tipring__V1__RedirectTarget *const *contacts, size_t n);
