#!/usr/bin/env python3
"""dtmf_ivr.py - a small voice menu: greets with three notes, takes digits until '#', says them back, hangs up. Ctrl-C ends it.

    TIPRING_ENDPOINT=/run/tipring python3 examples/dtmf_ivr.py [--app ivr] [--timeout 10]

There is no speech in it, so that it needs nothing else: a digit is said as so many beeps (0: ten), '*' as one low tone, and who pressed nothing hears
a falling pair. A key interrupts the greeting. Exit code 1: there is no server, or it refuses.
"""

import argparse
import array
import asyncio
import logging
import math
import sys

import tipring

RATE = 8000
VOLUME = 8000  # of 32767
SLOPE = 40  # samples in which a note begins and ends: without it one hears clicks

Note = tuple[int, float]  # Hz, 0 for a pause; seconds

GREETING: list[Note] = [(440, 0.2), (554, 0.2), (659, 0.4)]
GOODBYE: list[Note] = [(659, 0.2), (440, 0.4)]
BEEP: list[Note] = [(880, 0.1), (0, 0.1)]
LOW: list[Note] = [(330, 0.4), (0, 0.1)]
BETWEEN_DIGITS: list[Note] = [(0, 0.3)]

log = logging.getLogger("dtmf_ivr")


def pcm_of(notes: list[Note]) -> bytes:
    """The notes, one after the other."""
    samples = array.array("h")
    for hz, seconds in notes:
        count = round(seconds * RATE)
        samples.extend(round(VOLUME * min(1, i / SLOPE, (count - i) / SLOPE) * math.sin(2 * math.pi * hz * i / RATE)) for i in range(count))
    return samples.tobytes()


def notes_of(digits: str) -> list[Note]:
    """How digits are said."""
    notes: list[Note] = []
    for digit in digits:
        notes += BETWEEN_DIGITS + (BEEP * (int(digit) or 10) if digit.isdigit() else LOW)
    return notes


async def handle(call: tipring.Call, timeout: float) -> None:
    await call.answer(rate=RATE)
    answer = await call.collect(pcm_of(GREETING), max=20, terminators="#", timeout=timeout)
    log.info("call %s pressed %s (%s)", call.id, answer.digits or "nothing", answer.end)
    await call.say(pcm_of(notes_of(answer.digits) or GOODBYE))
    # returning hangs up, once that was heard


def seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 3600 seconds")
    return value


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--app", default="ivr", help="as routes: in tipring.yaml name it (%(default)s)")
    options.add_argument("--timeout", type=seconds, default=10.0, help="seconds without a key after which it is enough (%(default)s)")
    options.add_argument("--connect-timeout", type=seconds, default=30.0, help="seconds to wait for a server (%(default)s)")
    chosen = options.parse_args()

    async with tipring.connect(timeout=chosen.connect_timeout) as server:
        @server.app(chosen.app)
        async def serve(call: tipring.Call) -> None:
            await handle(call, chosen.timeout)

        await server.run()  # until SIGINT or SIGTERM


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        asyncio.run(main())
    except (tipring.TipringError, ValueError) as why:
        sys.exit(f"dtmf_ivr: {why}")
    except KeyboardInterrupt:  # while it waited for a server
        sys.exit(1)
