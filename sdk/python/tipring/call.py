"""One phone call as its owner sees it."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import typing
import wave

from .errors import CallEnded, Disconnected
from .speech import Outbox, Pcm, Speaker, view_of
from .tape import Frame


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
    """Answer of `Call.flush()`. pos: first silent position. utterances: Heard by utterance number, the one that was being
    spoken first; those that had been played to their end are not among them."""

    pos: int
    utterances: dict[int, Heard]

    @property
    def played_ms(self) -> int:
        """Of the utterance that was being spoken; 0 when there was none."""
        return next(iter(self.utterances.values())).played_ms if self.utterances else 0


class Playback:
    """Something being said. `utterance` is its number in events and in `Flushed`."""

    def __init__(self, utterance: int):
        self.utterance = utterance
        self._done: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()

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


class Audio:
    """Asynchronous iterator over the caller's frames; ends when the call ends.

    At most `limit` frames wait for the reader; older ones are dropped and counted in `dropped`.
    """

    def __init__(self, limit: int = 512):
        self.dropped = 0
        self._frames: collections.deque[Frame] = collections.deque()
        self._limit = limit
        self._readers = 0  # that wait now
        self._news = asyncio.Event()
        self._over = False

    def __aiter__(self) -> "Audio":
        return self

    async def __anext__(self) -> Frame:
        while not self._frames:
            if self._over:
                raise StopAsyncIteration
            self._news.clear()
            self._readers += 1
            try:
                await self._news.wait()
            finally:
                self._readers -= 1
        return self._frames.popleft()

    def _put(self, frame: Frame) -> None:
        if len(self._frames) == self._limit:
            self._frames.popleft()
            self.dropped += 1
        self._frames.append(frame)
        self._news.set()

    def _end(self) -> None:
        self._over = True
        self._news.set()


class TapeLike(Speaker, typing.Protocol):
    """The audio of an answered call: a real tape (tape.py) or a simulated one (testing.py)."""

    def read(self) -> Frame | None: ...
    @property
    def lost(self) -> int: ...
    def close(self) -> None: ...


class Transport(typing.Protocol):
    """What a Call needs from below: a real server (client.py) or a simulated one (testing.py)."""

    async def answer(self, call: "Call", rate: int, frame_ms: int, headers: dict[str, str]) -> TapeLike: ...
    async def ring(self, call: "Call", code: int) -> None: ...
    async def reject(self, call: "Call", code: int, reason: str) -> None: ...
    async def hangup(self, call: "Call", cause: str, headers: dict[str, str]) -> None: ...
    async def flush(self, call: "Call", fade_ms: int) -> Flushed: ...
    async def mark(self, call: "Call", name: str, after_index: int) -> None: ...


class Call:
    """A call this backend owns.

    id: 16 hexadecimal digits. from_uri, from_display, to_uri, request_uri, sip_call_id: as the caller sent them. headers: its
    X- headers in original casing. room_id, session_id: X-Room-ID and X-Session-ID, "" when absent. codec: e.g. "PCMU".
    end_reason: why it ended; None while it lasts.

    Every method raises CallEnded once the call is over (except hangup(), ended() and the iterators, which end), CommandRefused
    when control says no, Disconnected when control does not answer for five seconds.
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
        self._tape: TapeLike | None = None
        self._answering = False
        self._lost = 0  # by the tape, before it was closed
        self._utterance = 0
        self._writing = 0  # the utterance of write(); 0: the next write() begins one
        self._frame_ms = 20
        self._playing: dict[int, Playback] = {}
        self._outbox = Outbox(self._ask_mark)
        self._flushing = asyncio.Lock()
        self._digits: asyncio.Queue[Digit | None] = asyncio.Queue()
        self._marks: dict[str, asyncio.Future[int | None]] = {}
        self._asking: set[asyncio.Task[None]] = set()  # marks on their way to control
        self._ended = asyncio.Event()

    @property
    def id(self) -> str:
        return f"{self.call_id:016x}"

    def __repr__(self) -> str:
        return f"<Call {self.id} from {self.from_uri} to {self.to_uri}>"

    # -- commands --

    async def answer(self, rate: int = 16000, frame_ms: int = 20, headers: dict[str, str] | None = None) -> None:
        """Pick up. rate: 8000 or 16000 Hz. frame_ms: 10 or 20. Audio flows when this returns."""
        self._require_not_ended()
        if self._answering:
            raise RuntimeError("answer() was called before: a call is answered once")
        self._answering = True
        try:
            tape = self._tape = await self._transport.answer(self, rate, frame_ms, headers or {})
        finally:
            self._answering = self._tape is not None
        self.rate, self._frame_ms = rate, frame_ms
        self._outbox.start(tape)

    async def ring(self, code: int = 180) -> None:
        """Let the caller hear ringing (180) or announce progress (183)."""
        self._require_not_ended()
        await self._transport.ring(self, code)

    async def reject(self, code: int = 486, reason: str = "") -> None:
        """Refuse with a final SIP response, 300..699. Only before answer()."""
        self._require_not_ended()
        await self._transport.reject(self, code, reason)

    async def hangup(self, cause: str = "", headers: dict[str, str] | None = None) -> None:
        """End the call now, whatever is still to be said. Harmless when it has ended."""
        if not self._ended.is_set():
            await self._transport.hangup(self, cause, headers or {})

    async def ended(self) -> str:
        """Wait for the end; why it came."""
        await self._ended.wait()
        return self.end_reason or ""

    # -- speaking --

    def _next_utterance(self) -> int:
        self._utterance += 1
        self._writing = 0
        return self._utterance

    def _require_not_ended(self) -> None:
        if self._ended.is_set():
            raise CallEnded(self.end_reason or "")

    def _require_audio(self) -> None:
        self._require_not_ended()
        if self._tape is None:
            raise RuntimeError("answer() the call first: there is no audio yet")

    async def write(self, pcm: Pcm, live_ms: int = 0) -> bool:
        """Append audio (mono s16le at `rate`) to an utterance that stays open until the next say() or flush(). Waits only
        when the tape is full: about 20 s ahead of the caller.

        live_ms: for audio that is worthless when late (a relayed voice). While the tape is more than so many milliseconds ahead,
        what comes is dropped; False: this was."""
        self._require_audio()
        if live_ms > 0 and self._is_behind(live_ms):
            return False
        self._writing = self._writing or self._next_utterance()
        self._outbox.put(view_of(pcm), self._writing, False)
        await self._outbox.drained()
        self._require_not_ended()
        return True

    def _is_behind(self, live_ms: int) -> bool:
        assert self._tape is not None
        ahead = self._tape.written() - self._tape.played()
        return not self._outbox.empty or ahead * self._frame_ms > live_ms

    async def say(self, speech: Pcm | typing.AsyncIterable[Pcm]) -> Playback:
        """Say PCM (mono s16le at `rate`) of any length, or a stream of pieces of any size, after what was said before. Returns
        at once: `Playback.finished()` waits for the caller to have heard it."""
        self._require_audio()
        stream = speech if isinstance(speech, typing.AsyncIterable) else None
        pcm = view_of(speech) if not isinstance(speech, typing.AsyncIterable) else memoryview(b"")
        playback = Playback(self._next_utterance())
        self._playing[playback.utterance] = playback
        if stream is not None:
            self._outbox.put_stream(stream, playback.utterance, lambda samples, why: self._stream_over(playback, samples, why))
        elif pcm:
            self._outbox.put(pcm, playback.utterance, True)
        else:
            self._on_finished(Heard(playback.utterance, 0, 0, 0, 0))
        return playback

    def _stream_over(self, playback: Playback, samples: int, why: Exception | None) -> None:
        if why is not None:
            playback._fail(why)
        elif samples == 0:
            self._on_finished(Heard(playback.utterance, 0, 0, 0, 0))

    async def play(self, path: typing.Any) -> Playback:
        """Say a WAV file: mono, 16 bit, at `rate`. ValueError for anything else, OSError when it can not be read."""
        self._require_audio()
        try:
            with wave.open(str(path), "rb") as f:
                have = f"{f.getnchannels()} channels, {8 * f.getsampwidth()} bit, {f.getframerate()} Hz"
                fits = (f.getnchannels(), f.getsampwidth(), f.getframerate()) == (1, 2, self.rate)
                pcm = f.readframes(f.getnframes()) if fits else b""
        except (wave.Error, EOFError) as why:
            raise ValueError(f"{path}: not a WAV file of plain PCM ({why})") from None
        if not fits:
            raise ValueError(f"{path}: {have}; wanted mono, 16 bit, {self.rate} Hz "
                             f"(sox {path} -r {self.rate} -c 1 -b 16 OUT.wav makes one)")
        return await self.say(pcm)

    async def flush(self, fade_ms: int = 0) -> Flushed:
        """Stop speaking within one tick (20 ms), and what of each utterance was heard. What is said after this was called is
        not affected. fade_ms: length of the fade, at most 20; 0: 5 ms. Who is cancelled here has flushed all the same."""
        self._require_audio()
        self._writing = 0
        dropped, marks = self._outbox.hold()  # at once: what is said from here on stays
        for name in marks:
            self._resolve(name, None)
        flushing = asyncio.ensure_future(self._flush(fade_ms, dropped))
        flushing.add_done_callback(lambda done: done.cancelled() or done.exception())  # perhaps nobody waits for it
        return await asyncio.shield(flushing)

    async def _flush(self, fade_ms: int, dropped: dict[int, int]) -> Flushed:
        try:
            async with self._flushing:
                self._require_not_ended()
                if self._asking:  # they come before the flush, or they would name the wrong audio
                    await asyncio.wait(self._asking)
                flushed = await self._transport.flush(self, fade_ms)
        except Exception as why:
            for number in dropped:
                if playback := self._playing.pop(number, None):
                    playback._fail(why)
            raise
        finally:
            self._outbox.release()
        flushed = self._with_dropped(flushed, dropped)
        for heard in flushed.utterances.values():
            self._on_finished(heard)
        return flushed

    def _with_dropped(self, flushed: Flushed, dropped: dict[int, int]) -> Flushed:
        """Add what never reached the tape."""
        utterances = dict(flushed.utterances)
        for number, samples in dropped.items():
            had = utterances.get(number, Heard(number, 0, 0, 0, 0))
            lost = had.discarded_samples + samples
            utterances[number] = dataclasses.replace(had, discarded_samples=lost, discarded_ms=lost * 1000 // self.rate)
        return Flushed(flushed.pos, utterances)

    async def mark(self, name: str) -> asyncio.Future[int | None]:
        """Ask when everything said so far has left. The future gives the position then, or None when it was flushed or the call
        ended. ValueError when a mark of this name is pending or the name is not 1 to 63 octets."""
        self._require_audio()
        if name in self._marks:
            raise ValueError(f"a mark named {name!r} is pending")
        if not 0 < len(name.encode()) < 64:
            raise ValueError("the name of a mark has 1 to 63 octets")
        future = self._marks[name] = asyncio.get_running_loop().create_future()
        self._outbox.put_mark(name)
        return future

    def _ask_mark(self, name: str, after_index: int) -> None:
        task = asyncio.create_task(self._ask_mark_now(name, after_index))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask_mark_now(self, name: str, after_index: int) -> None:
        try:
            await self._transport.mark(self, name, after_index)
        except CallEnded:
            self._on_mark(name, None)
        except Exception as why:
            self._fail_mark(name, why)

    def _fail_mark(self, name: str, why: Exception) -> None:
        future = self._marks.pop(name, None)
        if future is not None:
            self._outbox.marks_asked -= 1
        if future is not None and not future.done():
            future.set_exception(why)
            future.exception()  # nobody has to wait for it

    # -- hearing --

    async def digits(self) -> typing.AsyncIterator[Digit]:
        """Every key the caller presses, until the call ends."""
        while (digit := await self._digits.get()) is not None:
            yield digit
        self._digits.put_nowait(None)  # for whoever asks again

    @property
    def frames_lost(self) -> int:
        """Frames that this process was too slow to take from the tape or from `audio`."""
        return self.audio.dropped + self._lost + (self._tape.lost if self._tape is not None else 0)

    # -- news from below --

    def _on_tape(self) -> None:
        if self._tape is None:
            return
        while (frame := self._tape.read()) is not None:
            self.audio._put(frame)
        self._outbox.pump()

    def _on_digit(self, digit: Digit) -> None:
        self._digits.put_nowait(digit)

    def _on_finished(self, heard: Heard) -> None:
        if playback := self._playing.pop(heard.utterance, None):
            playback._finish(heard)
        self._outbox.forget(heard.utterance)
        self._outbox.pump()

    def _on_mark(self, name: str, pos: int | None) -> None:
        if self._resolve(name, pos):
            self._outbox.marks_asked -= 1
            self._outbox.pump()

    def _resolve(self, name: str, pos: int | None) -> bool:
        future = self._marks.pop(name, None)
        if future is not None and not future.done():
            future.set_result(pos)
        return future is not None

    def _after_restart(self) -> None:
        """Control was away, and what it would have told meanwhile is lost. The tape knows what has been played."""
        if self._tape is None:
            return
        for number in list(self._playing):
            end, samples = self._outbox.end_of(number) or (None, 0)
            if end is not None and end <= self._tape.played():
                self._on_finished(Heard(number, samples * 1000 // self.rate, 0, samples, 0))
        for name in list(self._marks):
            self._fail_mark(name, Disconnected("control was restarted: whether the mark was reached is not known"))

    def _on_end(self, reason: str) -> None:
        if self._ended.is_set():
            return
        self.end_reason = reason
        self._ended.set()
        if self._tape is not None:
            tape, self._tape = self._tape, None
            while (frame := tape.read()) is not None:
                self.audio._put(frame)
            self._lost = tape.lost
            tape.close()
        self._outbox.stop()
        self.audio._end()
        self._digits.put_nowait(None)
        for playback in self._playing.values():
            playback._fail(CallEnded(reason))
        for future in self._marks.values():
            if not future.done():
                future.set_result(None)
