/* drift.h - how far a sender's timestamps are from our clock, and what is to be done about it: nothing, once in five seconds at most, or, when
 * they run apart faster than that, once a second. Distances are samples at the tape's rate. Private to this folder. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DRIFT_WINDOW_MS 900u /* the least of so long, and of so many packets, is what the network does not add to */
#define DRIFT_PACKETS 50u
#define DRIFT_WINDOWS 5u     /* to a verdict */
#define DRIFT_SURE 2u        /* one window may be an accident */

/* All zero is the start, and what an anchor that moved makes of it. */
struct drift {
	int64_t usual;     /* the least of the last window: the timeline is so far behind the clock; negative: ahead of it */
	int64_t least;     /* of this window */
	int64_t owed;      /* samples to be put in; negative: to be left out */
	bool in_speech;    /* it has become so much that speech is stretched, until little is left */
	uint64_t since_ns;
	uint64_t spoken_ns; /* speech was stretched last */
	uint32_t count;    /* packets of this window */
	uint32_t windows;  /* since the last verdict */
	uint32_t apart;    /* in a row that were too far */
};

/* hot. A packet is so far behind the clock. True: a window is over. `band`: what is so near is right. */
bool drift_arrived(struct drift *d, int64_t lag, int64_t band, uint64_t now_ns);

/* The timeline was moved by so many samples to make up for it. */
void drift_moved(struct drift *d, int64_t by);
