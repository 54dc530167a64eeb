/* test_dial.c - mirrors signaling/leg/dial.c: a leg of ours from facts to an INVITE, and what its responses say. */
#include "tests/unit/signaling/leg/kit.h"
