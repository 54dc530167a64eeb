/* print.h - answers and events as a person reads them. What came from a peer is made fit for a terminal. */
#pragma once

#include <stdio.h>

#include "common/bus/codec.h"

void print_status(FILE *to, const Tipring__V1__HostStatus *s);
void print_call(FILE *to, const Tipring__V1__CallInfo *c);         /* everything about one, a line a fact */
void print_calls_head(FILE *to);
void print_calls_row(FILE *to, const Tipring__V1__CallInfo *c);    /* a line */
void print_registrations_head(FILE *to);
void print_registrations_row(FILE *to, const Tipring__V1__RegistrationInfo *r);
void print_event(FILE *to, const Tipring__V1__Envelope *e);        /* a line; heartbeats are none */
