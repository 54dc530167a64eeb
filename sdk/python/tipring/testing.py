"""Test a call handler without telephony: a simulated caller speaks a WAV file (or PCM).

    from tipring import testing

    async def test_bot():
        caller = await testing.Caller(wav="question.wav", keys=[(2.0, "#")]).call(my_handler)
        assert caller.answered and any(caller.heard)

The handler gets a real `tipring.Call`. The call has a clock of its own, one frame a step: it moves as fast as the handler takes frames
from `call.audio`, and in real time (times `speed`) while the handler does something else. What the handler says is played on
the same clock, so flush(), marks and Playback.finished() are exact to the sample; call.sleep(), call.timeout() and the timeouts of
digit() and collect() run on it too. (asyncio.sleep() and asyncio.timeout() do not: they are in real time whatever the speed.)
"""

from __future__ import annotations

import asyncio
import collections
import collections.abc
import dataclasses
import heapq
import io
import itertools
import os
import time
import typing

from .call import Call, Handler, require_handler
from .collecting import KEYS, Ending, Gathered
from .errors import CallEnded, CommandRefused
from .hearing import Digit, Event, ear_of
from .pcm import WavSource, read_wav
from .playback import Flushed, Heard, Parting
from .tape import Frame

TAPE_SLOTS = 1024  # as the real one: 20 s ahead with frames of 20 ms
TURNS = 8          # of the event loop between two steps: what woke up gets its turn
REST_STEPS = 2     # that samples which fill no slot wait for others
_call_ids = itertools.count(1)


def _octets_of(wav: WavSource) -> bytes:
    if isinstance(wav, (str, os.PathLike)):
        with open(wav, "rb") as file:
            return file.read()
    return wav.read()


@dataclasses.dataclass(order=True)
class _Timer:
    when: float
    number: int
    callback: typing.Callable[[], object] | None = dataclasses.field(compare=False)

    def cancel(self) -> None:
        self.callback = None


class _Clock:
    """Seconds of the call, since it came in."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[_Timer] = []
        self._numbers = itertools.count()

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: typing.Callable[[], object], /) -> _Timer:
        timer = _Timer(when, next(self._numbers), callback)
        heapq.heappush(self._timers, timer)
        return timer

    def advance(self, seconds: float) -> None:
        self._now = round(self._now + seconds, 9)
        while self._timers and self._timers[0].when <= self._now + 1e-9:
            if callback := heapq.heappop(self._timers).callback:
                callback()


@dataclasses.dataclass
class _Slot:
    pcm: bytes
    utterance: int
    end: bool


class _Tape:
    """What a Call reads and writes, without shared memory."""

    lost = 0

    def __init__(self, rate: int, frame_samples: int):
        self.rate = rate
        self.frame_samples = frame_samples
        self.incoming: collections.deque[Frame] = collections.deque()
        self.slots: collections.deque[_Slot] = collections.deque()
        self._pending = b""  # samples that do not fill a slot yet
        self._pending_utterance = 0
        self._pending_steps = 0
        self._written = 0
        self._played = 0

    def read(self) -> Frame | None:
        return self.incoming.popleft() if self.incoming else None

    def _put(self, pcm: bytes, utterance: int, end: bool) -> bool:
        if len(self.slots) == TAPE_SLOTS:
            return False
        self.slots.append(_Slot(pcm, utterance, end))
        self._written += 1
        return True

    def write(self, pcm: bytes, utterance: int, end: bool = False) -> int:
        frame, taken = 2 * self.frame_samples, 0
        if self._pending and self._pending_utterance != utterance:
            if not self._put(self._pending, self._pending_utterance, True):
                return 0
            self._pending = b""
        self._pending_utterance = utterance
        while taken < len(pcm):
            part = pcm[taken:taken + frame - len(self._pending)]
            slot, last = self._pending + part, end and taken + len(part) == len(pcm)
            if len(slot) < frame and not last:
                self._pending, self._pending_steps = slot, 0
                break
            if not self._put(slot, utterance, last):
                return taken // 2
            self._pending = b""
            taken += len(part)
        return len(pcm) // 2

    def written(self) -> int:
        if self._pending and self._put(self._pending, self._pending_utterance, False):
            self._pending = b""
        return self._written + bool(self._pending)

    def played(self) -> int:
        return self._played

    def drop(self) -> tuple[int, int]:
        samples, self._pending = len(self._pending) // 2, b""
        return samples, self._pending_utterance

    def step(self) -> None:
        """What fills no slot is played all the same when nothing follows."""
        self._pending_steps += 1
        if not self.slots and self._pending_steps >= REST_STEPS:
            self.written()

    def take(self) -> _Slot | None:
        """The next slot to be played."""
        if not self.slots:
            return None
        self._played += 1
        return self.slots.popleft()

    def discard(self) -> list[_Slot]:
        """Everything that was not played."""
        dropped = list(self.slots)
        self._played += len(dropped)
        self.slots.clear()
        self._pending = b""
        return dropped

    def close(self) -> None:
        self.discard()


class _Levels:
    """As media tells them: once for each crossing."""

    def __init__(self, high_ms: int, low_ms: int, drained: bool):
        self._tells = {"tx.high_water": high_ms > 0, "tx.low_water": low_ms > 0, "tx.drained": drained}
        self._high = high_ms or low_ms + 20
        self._low = low_ms or self._high // 2
        self._above = self._filled = False

    def crossed(self, queued_ms: int) -> list[str]:
        kinds = []
        if not self._above and queued_ms >= self._high:
            self._above = True
            kinds.append("tx.high_water")
        elif self._above and queued_ms <= self._low:
            self._above = False
            kinds.append("tx.low_water")
        if self._filled and queued_ms == 0:
            kinds.append("tx.drained")
        self._filled = queued_ms > 0
        return [kind for kind in kinds if self._tells[kind]]


class Caller:
    """A simulated phone.

    wav: a file as of Call.play(); pcm: mono s16le at the handler's rate. keys: (seconds, digit) pairs. seconds: how long the caller stays
    on the line after the audio is over (and then until it has heard what a handler that returned has left to say). headers: X- headers
    of the call. speed: how many times faster than real time the clock runs while the handler does not wait for a frame.

    After `call()`: answered, rang, rejected (SIP code or 0), redirected (the URIs of Call.redirect()), heard (bytes: what the handler said,
    silence included, from the answer on), hung_up_by ("caller" or "handler"), end_reason, received (what the handler sent besides:
    ("info" or "message", content type, body), and ("dtmf", "", key) for each key).
    """

    def __init__(self, wav: WavSource | None = None, pcm: bytes = b"", keys: typing.Sequence[tuple[float, str]] = (),
                 seconds: float = 1.0, headers: dict[str, str] | None = None, from_uri: str = "sip:test@example.invalid",
                 speed: float = 1.0):
        self._wav = None if wav is None else _octets_of(wav)
        if self._wav is not None:
            read_wav(io.BytesIO(self._wav))  # what can not be said is refused here
        for _, digit in keys:
            if len(digit) != 1 or digit not in KEYS:
                raise ValueError(f"{digit!r} is no key of a phone")
        self._pcm = pcm
        self._keys = collections.deque(sorted(keys))
        self._seconds = seconds
        self._headers = headers or {}
        self._from_uri = from_uri
        self._speed = speed
        self.answered = False
        self.rang = False
        self.rejected = 0
        self.redirected: list[str] = []
        self.hung_up_by = ""
        self.end_reason = ""
        self.heard = bytearray()
        self.received: list[tuple[str, str, bytes]] = []
        self.detects: tuple[int, int, int] | None = None  # start_ms, end_ms, silence_ms
        self._tape: _Tape | None = None
        self._slot: _Slot | None = None  # being played
        self._pos = 0
        self._tally: dict[int, list[int]] = {}
        self._speaking = 0
        self._marks: list[tuple[int, str]] = []
        self._dropped: set[str] = set()  # marks, by the last flush
        self._paused = False
        self._levels = _Levels(0, 0, False)
        self._clock = _Clock()
        self._returned = False

    def __repr__(self) -> str:
        state = f"{self.hung_up_by} hung up: {self.end_reason}" if self.hung_up_by else "answered" if self.answered else "not answered"
        return f"<Caller {self._from_uri} {state}, {self._clock.time():.2f} s>"

    async def call(self, handler: Handler) -> "Caller":
        """Run `handler` with this caller until it returns and what it said is heard. Exceptions of the handler come through,
        CallEnded excepted."""
        require_handler(handler)
        call = Call(self, {"call_id": next(_call_ids), "fence": 1, "from_uri": self._from_uri, "to_uri": "sip:test@example.invalid",
                           "request_uri": "sip:test@example.invalid", "sip_call_id": "test", "headers": self._headers,
                           "room_id": self._header("X-Room-ID"), "session_id": self._header("X-Session-ID"), "codec": "PCMU"})
        line = asyncio.ensure_future(self._line(call))
        try:
            await handler(call)
            self._returned = True
            await call._let_be_heard()
        except CallEnded:
            pass
        finally:
            self._over(call, "handler", "the handler returned")
            line.cancel()
            await asyncio.gather(line, return_exceptions=True)
        return self

    def _header(self, name: str) -> str:
        return next((value for key, value in self._headers.items() if key.lower() == name.lower()), "")

    async def _line(self, call: Call) -> None:
        """The phone rings, talks and hangs up. Its clock goes on for whoever still waits for it."""
        while self._tape is None and not call._ended.is_set():
            await self._idle()
        if self._tape is not None:
            await self._talk(call, self._tape)
        while True:
            await self._idle()

    async def _idle(self) -> None:
        before = time.monotonic()
        await asyncio.sleep(0.001)
        self._clock.advance((time.monotonic() - before) * self._speed)

    async def _talk(self, call: Call, tape: _Tape) -> None:
        """Speaks, presses, and hangs up."""
        at, step, end = 0, 2 * tape.frame_samples, len(self._pcm) + int(self._seconds * tape.rate) * 2
        while at < end or self._hears_the_rest(call):
            await self._step_is_due(call, tape.frame_samples / tape.rate / self._speed)
            if call._ended.is_set():
                return
            pcm = self._pcm[at:at + step]
            self._play(call, tape)
            tape.incoming.append(Frame(pcm.ljust(step, b"\0"), self._pos, time.monotonic_ns(), kind="ok" if pcm else "silence"))
            while self._keys and self._keys[0][0] * tape.rate <= self._pos:
                call._on_digit(Digit(self._keys.popleft()[1], self._pos, 100))
            self._pos += tape.frame_samples
            at += step
            call._on_tape()
            self._clock.advance(tape.frame_samples / tape.rate)
        await self._step_is_due(call, 1)
        self._over(call, "caller", "hung up")

    def _hears_the_rest(self, call: Call) -> bool:
        return self._returned and not call._outbox.streaming

    async def _step_is_due(self, call: Call, seconds: float) -> None:
        """Until the handler waits for a frame or has returned, or for `seconds`."""
        end = time.monotonic() + seconds
        while True:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if call._ended.is_set() or call.audio._readers > 0 or self._hears_the_rest(call) or time.monotonic() >= end:
                return
            await asyncio.sleep(min(0.001, seconds))

    def _play(self, call: Call, tape: _Tape) -> None:
        """One frame of what the handler says, out of as many slots as it takes."""
        tape.step()
        frame, said = 2 * tape.frame_samples, b""
        self._tell_levels(call, tape)
        while not self._paused and len(said) < frame and (slot := self._slot or tape.take()) is not None:
            if self._speaking not in (0, slot.utterance):
                self._finish(call, self._speaking)  # it was never closed
            self._speaking = slot.utterance
            part = slot.pcm[:frame - len(said)]
            said += part
            self._tally.setdefault(slot.utterance, [0, 0])[0] += len(part) // 2
            self._slot = None
            if len(part) < len(slot.pcm):
                self._slot = dataclasses.replace(slot, pcm=slot.pcm[len(part):])
            elif slot.end:
                self._finish(call, slot.utterance)
        self.heard += said.ljust(frame, b"\0")
        reached = tape.played() - (self._slot is not None)
        for mark in [m for m in self._marks if m[0] <= reached]:
            self._marks.remove(mark)
            call._on_mark(mark[1], self._pos + tape.frame_samples)

    def _queued(self, tape: _Tape) -> int:
        """Samples."""
        return sum(len(slot.pcm) // 2 for slot in [*([self._slot] if self._slot else []), *tape.slots])

    def _tell_levels(self, call: Call, tape: _Tape) -> None:
        queued_ms = self._queued(tape) * 1000 // tape.rate
        for kind in self._levels.crossed(queued_ms):
            call._on_event(Event(kind, self._pos, queued_ms=queued_ms))

    def _finish(self, call: Call, utterance: int) -> None:
        self._speaking = 0
        call._on_finished(self._heard_of(utterance))

    def _heard_of(self, utterance: int) -> Heard:
        played, discarded = self._tally.pop(utterance, [0, 0])
        assert self._tape is not None
        per_ms = self._tape.rate // 1000
        return Heard(utterance, played // per_ms, discarded // per_ms, played, discarded)

    def _over(self, call: Call, who: str, reason: str) -> None:
        if not self.hung_up_by:
            self.hung_up_by, self.end_reason = who, reason
        call._on_end(reason)

    # -- what a Call asks of its transport --

    async def answer(self, call: Call, rate: int, frame_ms: int, headers: dict[str, str], ear: str) -> _Tape:
        rate, frame_ms = rate or (self._tape.rate if self._tape else 16000), frame_ms or 20
        if rate not in (8000, 16000, 24000, 48000) or frame_ms not in (10, 20):
            raise CommandRefused("REJECTED", "rate 8000, 16000, 24000 or 48000, frames of 10 or 20 ms")
        if self._wav is not None:
            self._pcm, self._wav = read_wav(io.BytesIO(self._wav), rate).pcm, None
        ear_of(ear)
        self.answered = True
        self._tape = self._tape or _Tape(rate, rate * frame_ms // 1000)
        return self._tape

    async def ring_early(self, call: Call, code: int, rate: int, frame_ms: int, headers: dict[str, str], ear: str) -> _Tape:
        await self.ring(call, code, headers)
        tape = await self.answer(call, rate, frame_ms, headers, ear)
        self.answered = False
        return tape

    async def ring(self, call: Call, code: int, headers: dict[str, str]) -> None:
        if code not in (180, 183):
            raise CommandRefused("REJECTED", "180 or 183")
        if self.answered:
            raise CommandRefused("CONFLICT", "not possible in the call's state")
        self.rang = True

    async def reject(self, call: Call, code: int, reason: str, headers: dict[str, str]) -> None:
        if not 300 <= code <= 699:
            raise CommandRefused("REJECTED", "a refusal has a code from 300 to 699")
        if self.answered:
            raise CommandRefused("CONFLICT", "not possible in the call's state")
        self.rejected = code
        self._over(call, "handler", reason or f"rejected with {code}")

    async def redirect(self, call: Call, contacts: list[tuple[str, float | None]], code: int, headers: dict[str, str]) -> None:
        if code not in (300, 301, 302, 305, 380) or not 0 < len(contacts) <= 8:
            raise CommandRefused("REJECTED", "1 to 8 contacts, and 300, 301, 302, 305 or 380")
        if self.answered:
            raise CommandRefused("CONFLICT", "not possible in the call's state")
        self.rejected = code
        self.redirected = [uri for uri, _ in contacts]
        self._over(call, "handler", f"redirected with {code}")

    async def hangup(self, call: Call, cause: str, headers: dict[str, str], parting: Parting | None = None) -> None:
        if parting is not None:
            await self._wait_for(call, parting)
        self._over(call, "handler", cause or "hung up")

    async def _wait_for(self, call: Call, parting: Parting) -> None:
        if self._tape is None:
            raise CommandRefused("CONFLICT", "there is no audio")
        end = self._clock.time() + parting.limit
        self._dropped.clear()
        if parting.mark and parting.mark not in (name for _, name in self._marks):
            self._dropped.add(parting.mark)
        while not call._ended.is_set() and self._clock.time() < end:
            if parting.mark in self._dropped:
                raise CommandRefused("REJECTED", "no such mark is pending any more")
            if parting.mark not in (name for _, name in self._marks) if parting.mark else self._queued(self._tape) == 0:
                return
            await asyncio.sleep(0.001)

    async def levels(self, call: Call, high_ms: int, low_ms: int, drained: bool) -> None:
        if max(high_ms, low_ms) > 20000 or 0 < high_ms <= low_ms:
            raise CommandRefused("REJECTED", "levels are at most 20000 ms, and the low one is below the high one")
        self._levels = _Levels(high_ms, low_ms, drained)

    async def pause(self, call: Call, on: bool) -> None:
        self._paused = on

    async def flush(self, call: Call, fade_ms: int) -> Flushed:
        tape = self._tape
        assert tape is not None
        for slot in [*([self._slot] if self._slot else []), *tape.discard()]:
            self._tally.setdefault(slot.utterance, [0, 0])[1] += len(slot.pcm) // 2
        self._slot, self._speaking = None, 0
        marks = tuple(name for _, name in self._marks)
        self._marks.clear()
        self._dropped.update(marks)
        for name in marks:
            call._on_mark(name, None)
        return Flushed(self._pos, {u: self._heard_of(u) for u in list(self._tally)}, marks)

    async def transfer(self, call: Call, target: str, other: Call | None, referred_by: str, headers: dict[str, str]) -> None:
        raise CommandRefused("UNSUPPORTED", "this caller can not be transferred")

    async def detect_speech(self, call: Call, start_ms: int, end_ms: int, silence_ms: int, stop: bool) -> None:
        self.detects = None if stop else (start_ms, end_ms, silence_ms)

    async def record(self, call: Call, file: str, mono: bool) -> None:
        raise CommandRefused("UNSUPPORTED", "this caller can not be recorded: `heard` has what was said")

    async def play_file(self, call: Call, file: str, tone: str, loop: bool, gain_db: int, duck_db: int) -> None:
        raise CommandRefused("UNSUPPORTED", "this server has no sounds")

    async def stop_play(self, call: Call) -> None:
        raise CommandRefused("CONFLICT", "nothing is played")

    async def change_recording(self, call: Call, command: str) -> None:
        raise CommandRefused("CONFLICT", "nothing is recorded")

    async def hold(self, call: Call, on: bool) -> None:
        self._require_answered()
        if on != (call.held in ("us", "both")):
            call._on_event(Event("held" if on else "resumed", 0, by="us"))

    async def renegotiate(self, call: Call, codecs: collections.abc.Sequence[str]) -> None:
        self._require_answered()
        if unknown := [codec for codec in codecs if codec not in ("PCMU", "PCMA")]:
            raise ValueError(f"{unknown[0]!r} is no codec: PCMU, PCMA")
        call.codec = codecs[0] if codecs else call.codec

    def _require_answered(self) -> None:
        if not self.answered:
            raise CommandRefused("CONFLICT", "only a call that is answered is changed")

    def clock(self) -> _Clock:
        return self._clock

    async def mark(self, call: Call, name: str, after_index: int) -> None:
        self._marks.append((after_index, name))

    async def send(self, call: Call, kind: str, content_type: str, body: bytes, headers: dict[str, str]) -> None:
        self.received.append((kind, content_type, body))

    async def collect(self, call: Call, ending: Ending, pressed: str, number: int) -> Gathered:
        digits, keys = "", 0
        while len(digits) < ending.most:
            try:
                async with call.timeout(ending.seconds):
                    if not await call._digits._beyond(keys):
                        return Gathered(digits, "hangup", keys)
            except TimeoutError:
                return Gathered(digits, "timeout_next" if keys else "timeout_first", keys)
            key, keys = call._digits._waiting[keys].digit, keys + 1
            if key in ending.terminators:
                return Gathered(digits, "terminator", keys)
            digits += key
        return Gathered(digits, "max", keys)

    async def send_dtmf(self, call: Call, digits: str, method: str, duration_ms: int, gap_ms: int) -> None:
        self.received += [("dtmf", "", key.encode()) for key in digits if key != "w"]
