"""A recording of a call, as its owner sees it."""

from __future__ import annotations

import asyncio
import collections.abc

from .errors import CallEnded, TipringError

OVER = ("stopped", "failed")

Command = collections.abc.Callable[[str], collections.abc.Awaitable[None]]


class RecordingFailed(TipringError):
    """A recording could not be begun, or came to an end before it should; `reason` says why. The call goes on."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Recording:
    """A file in media.recordings that is being written. See Call.record().

    file: its name there. state: "starting", "running", "paused", "stopped" or "failed". pos: where it began, paused, went on or ended.
    duration_ms: of the file, as last told. lost_ms: silence in it that stands for what was not read in time. reason: of its end.
    """

    def __init__(self, command: Command):
        self.file = ""
        self.state = "starting"
        self.pos = 0
        self.duration_ms = 0
        self.lost_ms = 0
        self.reason = ""
        self._command = command
        self._call_over: str | None = None
        self._news = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Recording {self.file or '?'} {self.state}, {self.duration_ms} ms>"

    async def pause(self) -> None:
        """Leave out what follows. Returns when it does. CommandRefused (CONFLICT: it is paused, or over), RecordingFailed, CallEnded."""
        await self._command("record_pause")
        await self._reach("paused")

    async def resume(self) -> None:
        """Go on. As pause()."""
        await self._command("record_resume")
        await self._reach("running")

    async def stop(self) -> None:
        """End it. Returns when the file is complete. As pause()."""
        await self._command("record_stop")
        await self.finished()

    async def finished(self) -> None:
        """Wait for its end, by stop() or with the call. RecordingFailed when it failed."""
        await self._reach("stopped")

    async def _reach(self, state: str) -> None:
        while self.state != state and self.state not in OVER and self._call_over is None:
            self._news.clear()
            await self._news.wait()
        if self.state == "failed":
            raise RecordingFailed(self.reason)
        if self.state != state and self.state not in OVER:
            raise CallEnded(self._call_over or "")

    def _on_news(self, state: str, file: str, pos: int, duration_ms: int, lost_ms: int, reason: str) -> bool:
        """False: it was known before."""
        if self.state in OVER or (state, pos) == (self.state, self.pos):
            return False
        self.state, self.file, self.pos, self.reason = state, file or self.file, pos, reason
        self.duration_ms, self.lost_ms = duration_ms, lost_ms
        self._news.set()
        return True

    def _on_end(self, reason: str) -> None:
        self._call_over = reason
        self._news.set()
