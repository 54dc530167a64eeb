"""What a process has to notice about itself: signals that ask it to end, and an event loop that stands still."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import logging
import signal
import time
import typing

LOOK_SECONDS = 0.1
BLOCKED_SECONDS = 0.5  # worth a word: the caller has heard it

log = logging.getLogger("tipring")


@contextlib.contextmanager
def signals(stop: typing.Callable[[], None]) -> collections.abc.Iterator[None]:
    """Meanwhile SIGINT and SIGTERM call `stop`. Not in a thread that can not have signals."""
    loop, before = asyncio.get_running_loop(), {}
    for number in (signal.SIGINT, signal.SIGTERM):
        had = signal.getsignal(number)
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, _on_signal, number, stop)
            before[number] = had
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            if handler is not None:
                signal.signal(number, handler)


def _on_signal(number: signal.Signals, stop: typing.Callable[[], None]) -> None:
    log.info("%s: stopping", number.name)
    stop()


async def watch_loop() -> None:
    """Say how long the event loop stood still: audio and keys waited, and after three seconds control takes us for dead."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
        late = time.monotonic() - before - LOOK_SECONDS
        if late > BLOCKED_SECONDS:
            log.warning("the event loop was blocked for %.1f s (what takes long belongs into asyncio.to_thread)", late)
