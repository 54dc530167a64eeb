"""What is said, and what became of it."""

from __future__ import annotations

import asyncio
import dataclasses


@dataclasses.dataclass(frozen=True)
class Heard:
    """What became of one utterance: milliseconds (and samples) that left on the wire, and that never did."""

    utterance: int
    played_ms: int
    discarded_ms: int
    played_samples: int
    discarded_samples: int


@dataclasses.dataclass(frozen=True)
class Flushed:
    """Answer of `Call.flush()`. pos: first silent position. utterances: Heard by utterance number, the one that was being
    spoken first; those that had been played to their end are not among them. marks: the names of `Call.mark()` that were not
    reached, in their order."""

    pos: int
    utterances: dict[int, Heard]
    marks: tuple[str, ...] = ()

    @property
    def played_ms(self) -> int:
        """Of the utterance that was being spoken; 0 when there was none."""
        return next(iter(self.utterances.values())).played_ms if self.utterances else 0


@dataclasses.dataclass(frozen=True)
class Parting:
    """When to hang up: behind a mark, "": when everything was heard; after `limit` seconds at the latest."""

    mark: str
    limit: float


class Playback:
    """Something being said. `utterance` is its number in events and in `Flushed`."""

    def __init__(self, utterance: int):
        self.utterance = utterance
        self._done: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        if not self._done.done():
            return f"<Playback {self.utterance} pending>"
        why = self._done.exception()
        if why is not None:
            return f"<Playback {self.utterance} failed: {why!r}>"
        heard = self._done.result()
        return f"<Playback {self.utterance} played {heard.played_ms} ms, discarded {heard.discarded_ms} ms>"

    async def finished(self) -> Heard:
        """Wait until its last sample left, or it was flushed. CallEnded when the call ends first; whatever its stream raised."""
        return await asyncio.shield(self._done)

    def _finish(self, heard: Heard) -> None:
        if not self._done.done():
            self._done.set_result(heard)

    def _fail(self, why: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(why)
            self._done.exception()  # nobody has to wait for it
