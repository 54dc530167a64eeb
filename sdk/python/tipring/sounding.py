"""A file or a tone that the server plays under what is said."""

from __future__ import annotations

import asyncio
import collections.abc

from .errors import CallEnded, TipringError

OVER = ("finished", "stopped", "failed")


class PlayFailed(TipringError):
    """A file could not be played; `reason` says why. The call goes on."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Sound:
    """A file of media.sounds, or a tone, that is played. See Call.play_file().

    file: its name, or the tone. state: "starting", "playing", "finished", "stopped" or "failed". pos: where its first sample left, or the first
    one that is not of it any more. played_ms: so much of it was heard, known at its end. reason: of a failure.
    """

    def __init__(self, file: str, stop: collections.abc.Callable[[], collections.abc.Awaitable[None]]):
        self.file = file
        self.state = "starting"
        self.pos = 0
        self.played_ms = 0
        self.reason = ""
        self._stop = stop
        self._call_over: str | None = None
        self._news = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Sound {self.file} {self.state}>"

    async def stop(self) -> None:
        """Fade it out. Harmless when it is over. CallEnded."""
        if self.state in OVER:
            return
        await self._stop()
        await self.finished()

    async def finished(self) -> None:
        """Wait until its last sample left, or it was stopped. PlayFailed, CallEnded."""
        await self._reach("finished")

    async def _reach(self, state: str) -> None:
        while self.state != state and self.state not in OVER and self._call_over is None:
            self._news.clear()
            await self._news.wait()
        if self.state == "failed":
            raise PlayFailed(self.reason)
        if self.state != state and self.state not in OVER:
            raise CallEnded(self._call_over or "")

    def _on_news(self, state: str, pos: int, played_ms: int, reason: str) -> bool:
        """False: it was known before."""
        if self.state in OVER or self.state == state:
            return False
        self.state, self.pos, self.played_ms, self.reason = state, pos, played_ms, reason
        self._news.set()
        return True

    def _on_end(self, reason: str) -> None:
        self._call_over = reason
        self._news.set()
