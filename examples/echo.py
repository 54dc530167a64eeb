#!/usr/bin/env python3
"""echo.py - answers every call and sends back what the caller says. Digits are logged; '#' hangs up, Ctrl-C ends it.

    TIPRING_ENDPOINT=/run/tipring python3 examples/echo.py [--app echo] [--rate 16000]
"""

import argparse
import asyncio
import logging

import tipring

LATE_MS = 100

log = logging.getLogger("echo")


async def log_digits(call: tipring.Call) -> None:
    async for digit in call.digits():
        log.info("call %s digit %s at %d for %d ms", call.id, digit.digit, digit.pos, digit.duration_ms)
        if digit.digit == "#":
            await call.hangup("the caller pressed #")


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--app", default="echo")
    options.add_argument("--rate", type=int, default=16000, choices=(8000, 16000, 24000, 48000))
    options.add_argument("--capacity", type=int, default=1000)
    chosen = options.parse_args()

    async with tipring.connect() as server:
        @server.app(chosen.app, capacity=chosen.capacity)
        async def handle(call: tipring.Call) -> None:
            await call.answer(rate=chosen.rate)
            digits = asyncio.create_task(log_digits(call))
            async for frame in call.audio:
                if frame.age_ms < LATE_MS:  # written after a pause, it would make everything later for good
                    await call.write(frame.pcm)
            await digits
            if call.frames_lost:
                log.warning("call %s: this process was too slow for %d frames", call.id, call.frames_lost)

        await server.run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(main())
