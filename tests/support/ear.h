/* ear.h - what calls heard, laid out in time, and how much of it is what they said. G.711 mu-law at 8 kHz. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for `calls` recordings of `samples` each; false when there is no memory. */
bool ear_open(unsigned calls, size_t samples);

/* Call `i` begins to speak at this octet of the speech. */
void ear_says(unsigned i, size_t at);

/* Octets that belong `offset` samples after the first that call `i` heard. What does not fit is left out. */
void ear_hears(unsigned i, int32_t offset, const uint8_t *ulaw, size_t n);

/* Normalised cross-correlation of what call `i` heard with what it said, from where it began on in a speech that is said again and again; 0..1.
 * Each eighth of a second counts at the lag where it fits best, within 200 ms of the lag, within a second, where the whole call does. 0: it
 * heard nothing, or less than a second. */
double ear_likeness(unsigned i, const uint8_t *speech, size_t speech_n);
