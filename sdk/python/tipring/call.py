"""One phone call as its owner sees it."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import typing
import wave

from .errors import CallEnded
from .tape import Frame

SAY_CHUNK_SAMPLES = 8000


@dataclasses.dataclass(frozen=True)
class Digit:
    """A key the caller pressed. digit: one of 0-9 * # A-D. pos: where it began. duration_ms: how long it was down."""

    digit: str
    pos: int
    duration_ms: int


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
    """Answer of `Call.flush()`. pos: first silent position. utterances: Heard by utterance number."""

    pos: int
    utterances: dict[int, Heard]

    @property
    def played_ms(self) -> int:
        """Of the utterance that was being spoken; 0 when there was none."""
        return next(reversed(self.utterances.values())).played_ms if self.utterances else 0


class Playback:
    """Something being said. `utterance` is its number in events and in `Flushed`."""

    def __init__(self, utterance: int):
        self.utterance = utterance
        self._done: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()

    async def finished(self) -> Heard:
        """Wait until its last sample left, or it was flushed. CallEnded when the call ends first."""
        return await asyncio.shield(self._done)

    def _finish(self, heard: Heard) -> None:
        if not self._done.done():
            self._done.set_result(heard)

    def _fail(self, why: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(why)
            self._done.exception()  # nobody has to wait for it


class Audio:
    """Asynchronous iterator over the caller's frames; ends when the call ends.

    At most `limit` frames wait for the reader; older ones are dropped and counted in `dropped`.
    """

    def __init__(self, limit: int = 512):
        self.dropped = 0
        self._frames: collections.deque[Frame] = collections.deque()
        self._limit = limit
        self._waiter: asyncio.Future | None = None
        self._over = False

    def __aiter__(self) -> "Audio":
        return self

    async def __anext__(self) -> Frame:
        while not self._frames:
            if self._over:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._frames.popleft()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _put(self, frame: Frame) -> None:
        if len(self._frames) == self._limit:
            self._frames.popleft()
            self.dropped += 1
        self._frames.append(frame)
        self._wake()

    def _end(self) -> None:
        self._over = True
        self._wake()


class Transport(typing.Protocol):
    """What a Call needs from below: a real server (client.py) or a simulated one (testing.py)."""

    async def answer(self, call: "Call", rate: int, frame_ms: int, headers: dict[str, str]) -> typing.Any: ...
    async def ring(self, call: "Call", code: int) -> None: ...
    async def reject(self, call: "Call", code: int, reason: str) -> None: ...
    async def hangup(self, call: "Call", cause: str, headers: dict[str, str]) -> None: ...
    async def flush(self, call: "Call", fade_ms: int) -> Flushed: ...
    async def mark(self, call: "Call", name: str, after_index: int) -> None: ...


class Call:
    """A call this backend owns.

    id: 16 hexadecimal digits. from_uri, from_display, to_uri, request_uri, sip_call_id: as the caller sent them. headers: its
    X- headers in original casing. room_id, session_id: X-Room-ID and X-Session-ID, "" when absent. codec: e.g. "PCMU".
    """

    def __init__(self, transport: Transport, info: dict[str, typing.Any]):
        self._transport = transport
        self.call_id: int = info["call_id"]
        self.fence: int = info.get("fence", 0)
        self.from_uri: str = info.get("from_uri", "")
        self.from_display: str = info.get("from_display", "")
        self.to_uri: str = info.get("to_uri", "")
        self.request_uri: str = info.get("request_uri", "")
        self.sip_call_id: str = info.get("sip_call_id", "")
        self.headers: dict[str, str] = info.get("headers", {})
        self.room_id: str = info.get("room_id", "")
        self.session_id: str = info.get("session_id", "")
        self.codec: str = info.get("codec", "")
        self.rate = 0
        self.audio = Audio()
        self.end_reason: str | None = None
        self._tape: typing.Any = None
        self._utterance = 0
        self._playing: dict[int, Playback] = {}
        self._open_utterance = 0
        self._room: asyncio.Future | None = None
        self._digits: asyncio.Queue[Digit | None] = asyncio.Queue()
        self._marks: dict[str, asyncio.Future] = {}
        self._ended = asyncio.Event()

    @property
    def id(self) -> str:
        return f"{self.call_id:016x}"

    def __repr__(self) -> str:
        return f"<Call {self.id} from {self.from_uri} to {self.to_uri}>"

    # -- commands --

    async def answer(self, rate: int = 16000, frame_ms: int = 20, headers: dict[str, str] | None = None) -> None:
        """Pick up. rate: 8000 or 16000 Hz. frame_ms: 10 or 20. Audio flows when this returns."""
        self._tape = await self._transport.answer(self, rate, frame_ms, headers or {})
        self.rate = rate

    async def ring(self, code: int = 180) -> None:
        """Let the caller hear ringing (180) or announce progress (183)."""
        await self._transport.ring(self, code)

    async def reject(self, code: int = 486, reason: str = "") -> None:
        """Refuse with a final SIP response, 300..699."""
        await self._transport.reject(self, code, reason)

    async def hangup(self, cause: str = "", headers: dict[str, str] | None = None) -> None:
        """End the call. Harmless when it has ended."""
        if not self._ended.is_set():
            await self._transport.hangup(self, cause, headers or {})

    async def ended(self) -> str:
        """Wait for the end; why it came."""
        await self._ended.wait()
        return self.end_reason or ""

    # -- speaking --

    def _next_utterance(self) -> int:
        self._utterance += 1
        return self._utterance

    def _require(self) -> None:
        if self._ended.is_set():
            raise CallEnded(self.end_reason or "")
        if self._tape is None:
            raise RuntimeError("answer() the call first: there is no audio yet")

    async def write(self, pcm: bytes) -> None:
        """Append audio (s16le mono at `rate`) to one never-ending utterance. Waits only when 20 s ahead."""
        if not self._open_utterance:
            self._open_utterance = self._next_utterance()
        await self._put(pcm, self._open_utterance, False)

    async def _put(self, pcm: bytes, utterance: int, end: bool) -> None:
        self._require()
        taken = self._tape.write(bytes(pcm), utterance, end)
        while taken < len(pcm) // 2:
            pcm = pcm[2 * taken:]
            self._room = asyncio.get_running_loop().create_future()
            await self._room
            self._require()
            taken = self._tape.write(bytes(pcm), utterance, end)

    async def say(self, pcm: bytes) -> Playback:
        """Say PCM (s16le mono at `rate`), as long as you like; returns when it is handed over, not when it is heard."""
        self._require()
        playback = Playback(self._next_utterance())
        if not pcm:
            playback._finish(Heard(playback.utterance, 0, 0, 0, 0))
            return playback
        self._playing[playback.utterance] = playback
        step = 2 * SAY_CHUNK_SAMPLES
        for at in range(0, len(pcm), step):
            await self._put(pcm[at:at + step], playback.utterance, at + step >= len(pcm))
        return playback

    async def play(self, path: str) -> Playback:
        """Say a WAV file: mono, 16 bit, at `rate`. ValueError for anything else."""
        with wave.open(str(path), "rb") as f:
            if (f.getnchannels(), f.getsampwidth(), f.getframerate()) != (1, 2, self.rate):
                raise ValueError(f"{path}: {f.getnchannels()} channels, {8 * f.getsampwidth()} bit, "
                                 f"{f.getframerate()} Hz; wanted mono, 16 bit, {self.rate} Hz")
            return await self.say(f.readframes(f.getnframes()))

    async def flush(self, fade_ms: int = 0) -> Flushed:
        """Stop speaking within one tick (20 ms); exactly what of each utterance was heard."""
        self._require()
        flushed = await self._transport.flush(self, fade_ms)
        self._open_utterance = 0
        for utterance, heard in flushed.utterances.items():
            if playback := self._playing.pop(utterance, None):
                playback._finish(heard)
        return flushed

    async def mark(self, name: str) -> asyncio.Future:
        """Ask when everything written so far has left. The future gives the position, or None when it was dropped."""
        self._require()
        future = self._marks[name] = asyncio.get_running_loop().create_future()
        await self._transport.mark(self, name, self._tape.written())
        return future

    # -- hearing --

    async def digits(self) -> typing.AsyncIterator[Digit]:
        """Every key the caller presses, until the call ends."""
        while (digit := await self._digits.get()) is not None:
            yield digit

    @property
    def frames_lost(self) -> int:
        """Frames that this process was too slow to take from the tape or from `audio`."""
        return self.audio.dropped + (self._tape.lost if self._tape is not None and self._tape.handle else 0)

    # -- news from below --

    def _on_tape(self) -> None:
        while (frame := self._tape.read()) is not None:
            self.audio._put(frame)
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _on_digit(self, digit: Digit) -> None:
        self._digits.put_nowait(digit)

    def _on_finished(self, heard: Heard) -> None:
        if playback := self._playing.pop(heard.utterance, None):
            playback._finish(heard)

    def _on_mark(self, name: str, pos: int | None) -> None:
        if (future := self._marks.pop(name, None)) is not None and not future.done():
            future.set_result(pos)

    def _on_end(self, reason: str) -> None:
        if self._ended.is_set():
            return
        self.end_reason = reason
        self._ended.set()
        if self._tape is not None:
            self._on_tape()
            self.audio.dropped += self._tape.lost
            self._tape.close()
        self.audio._end()
        self._digits.put_nowait(None)
        for playback in self._playing.values():
            playback._fail(CallEnded(reason))
        for future in self._marks.values():
            if not future.done():
                future.set_result(None)
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
