"""What a call still has to say: everything that was written and does not fit the tape yet."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import typing

from .pcm import Pcm, octets_of, refuse_wav

CHUNK_BYTES = 32000
UTTERANCES_AHEAD = 32  # handed over and not played; media keeps account of 64
MARKS_AHEAD = 32       # asked for and not resolved; media keeps 64
STREAM_AHEAD_SAMPLES = 480000  # of one stream that wait here before it is asked for more: 30 s at 16 kHz


class Speaker(typing.Protocol):
    """The speaking half of a tape."""

    def write(self, pcm: bytes, utterance: int, end: bool = False) -> int: ...
    def drop(self) -> tuple[int, int]: ...
    def written(self) -> int: ...
    def played(self) -> int: ...


@dataclasses.dataclass
class _Speech:
    """Part of an utterance, or all of it. `open`: its stream goes on; what is queued behind it has to wait."""

    utterance: int
    end: bool
    open: bool
    chunks: collections.deque[memoryview]
    passed: int = 0  # samples handed over

    @property
    def samples(self) -> int:
        return sum(map(len, self.chunks)) // 2


@dataclasses.dataclass
class _Mark:
    name: str


class Outbox:
    """First in, first out. Hands over what the tape takes and keeps the rest, of any length."""

    def __init__(self, ask_mark: typing.Callable[[str, int], None]):
        self._tape: Speaker | None = None
        self._ask_mark = ask_mark
        self._items: collections.deque[_Speech | _Mark] = collections.deque()
        self._streams: dict[int, asyncio.Task[None]] = {}
        self._ends: dict[int, tuple[int, int]] = {}  # of utterances handed over whole: index on the tape, samples
        self._waiting: list[asyncio.Future[None]] = []
        self._held = 0  # flushes under way
        self.marks_asked = 0

    def start(self, tape: Speaker) -> None:
        self._tape = tape

    def __repr__(self) -> str:
        return f"<Outbox {len(self._items)} items, {len(self._streams)} streams>"

    @property
    def empty(self) -> bool:
        return not self._items

    @property
    def streaming(self) -> bool:
        """Somebody still makes what is to be said."""
        return bool(self._streams)

    @property
    def samples(self) -> int:
        """That were not handed over."""
        return sum(item.samples for item in self._items if isinstance(item, _Speech))

    def put(self, pcm: memoryview, utterance: int, end: bool) -> None:
        chunks = collections.deque(pcm[at:at + CHUNK_BYTES] for at in range(0, len(pcm), CHUNK_BYTES))
        self._items.append(_Speech(utterance, end, False, chunks))
        self.pump()

    def put_stream(self, stream: typing.AsyncIterable[Pcm], utterance: int,
                   done: typing.Callable[[int, Exception | None], None]) -> None:
        """An utterance that comes in pieces. `done(samples, error)` when the stream is over (not after a flush)."""
        speech = _Speech(utterance, True, True, collections.deque())
        self._items.append(speech)
        task = self._streams[utterance] = asyncio.create_task(self._feed(stream, speech, done))
        task.add_done_callback(lambda _: self._streams.pop(utterance, None))

    def put_mark(self, name: str) -> None:
        self._items.append(_Mark(name))
        self.pump()

    async def drained(self) -> None:
        """Wait until everything has been handed over or dropped."""
        while self._items:
            await self._progress()

    async def passed(self, mark: str) -> None:
        """Wait until everything before this mark has been."""
        while any(isinstance(item, _Mark) and item.name == mark for item in self._items):
            await self._progress()

    def pump(self) -> None:
        """Hand over what there is room for."""
        while self._items and self._tape is not None and not self._held:
            item = self._items[0]
            done = self._pass_mark(self._tape, item) if isinstance(item, _Mark) else self._pass_speech(self._tape, item)
            if not done:
                break
            self._items.popleft()
        self._wake()

    def hold(self) -> tuple[dict[int, int], list[str]]:
        """Drop everything, then only collect what comes, until `release()` was called as often as this. Samples dropped by
        utterance, names of marks."""
        samples, utterance = self._tape.drop() if self._tape is not None else (0, 0)
        dropped = {utterance: samples} if samples else {}
        marks: list[str] = []
        for item in self._items:
            if isinstance(item, _Mark):
                marks.append(item.name)
            else:
                dropped[item.utterance] = dropped.get(item.utterance, 0) + item.samples
        self._items.clear()
        for task in self._streams.values():
            task.cancel()
        self._held += 1
        self._wake()
        return dropped, marks

    def release(self) -> None:
        self._held -= 1
        self.pump()

    def stop(self) -> None:
        """The call is over."""
        self.hold()
        self._tape = None

    def end_of(self, utterance: int) -> tuple[int, int] | None:
        """Of an utterance that was handed over whole: index of its end on the tape, samples."""
        return self._ends.get(utterance)

    def forget(self, utterance: int) -> None:
        self._ends.pop(utterance, None)

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def _progress(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def _pass_mark(self, tape: Speaker, mark: _Mark) -> bool:
        if self.marks_asked >= MARKS_AHEAD:
            return False
        self.marks_asked += 1
        self._ask_mark(mark.name, tape.written())
        return True

    def _pass_speech(self, tape: Speaker, speech: _Speech) -> bool:
        played = tape.played()
        if sum(end > played for end, _ in self._ends.values()) >= UTTERANCES_AHEAD:
            return False
        while speech.chunks:
            chunk = speech.chunks[0]
            last = speech.end and not speech.open and len(speech.chunks) == 1
            taken = 2 * tape.write(bytes(chunk), speech.utterance, last)
            speech.passed += taken // 2
            if taken < len(chunk):
                speech.chunks[0] = chunk[taken:]
                return False
            speech.chunks.popleft()
        if speech.open:
            return False
        if speech.end:
            self._ends[speech.utterance] = (tape.written(), speech.passed)
        return True

    async def _feed(self, stream: typing.AsyncIterable[Pcm], speech: _Speech,
                    done: typing.Callable[[int, Exception | None], None]) -> None:
        kept, samples = b"", 0  # the last sample, or half of one, waits for the next piece: it may be the end of the utterance
        error: Exception | None = None
        async with contextlib.AsyncExitStack() as stack:
            if hasattr(stream, "aclose"):
                stack.push_async_callback(stream.aclose)
            try:
                async for piece in stream:
                    octets = octets_of(piece)
                    if not samples and not kept:
                        refuse_wav(octets)
                    piece = kept + octets
                    cut = max(0, (len(piece) - 1) // 2 * 2)
                    kept = piece[cut:]
                    samples += cut // 2
                    if cut:
                        speech.chunks.append(memoryview(piece)[:cut])
                        self.pump()
                    while speech.samples > STREAM_AHEAD_SAMPLES:
                        await self._progress()
            except Exception as why:
                error = why
        if len(kept) == 2:
            speech.chunks.append(memoryview(kept))
            samples += 1
        speech.open = False
        speech.end = samples > 0
        done(samples, error)
        self.pump()
