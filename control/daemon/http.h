/* http.h - /metrics, /healthz, /readyz. */
#pragma once

#include "control/daemon/control.h"

MUST_USE int http_open(struct control *k, const char *address, struct http **ret);
void http_close(struct http *h);
int http_fd(const struct http *h);
void http_run(struct http *h);
