"""The clock of a call: the event loop's own on a real one, the simulated line's under tipring.testing."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import typing


class Timer(typing.Protocol):
    def cancel(self) -> None: ...


class Clock(typing.Protocol):
    """Seconds, and what is to be called when. An event loop is one."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: typing.Callable[[], object], /) -> Timer: ...


@contextlib.asynccontextmanager
async def timeout(clock: Clock, seconds: float | None) -> collections.abc.AsyncIterator[None]:
    """As asyncio.timeout(), on `clock`."""
    async with asyncio.timeout(None) as limit:
        if seconds is None:
            yield
            return
        loop = asyncio.get_running_loop()
        timer = clock.call_at(clock.time() + seconds, lambda: limit.reschedule(loop.time()))
        try:
            yield
        finally:
            timer.cancel()
