"""Test a call handler without telephony: a simulated caller speaks a WAV file (or PCM), in simulated time.

    from tipring import testing

    async def test_bot():
        caller = testing.Caller(wav="question.wav")
        await caller.call(my_handler)
        assert caller.answered and any(caller.heard)

The handler gets a real `tipring.Call`. Audio runs as fast as the handler takes it: every frame the handler is given moves the call's clock
by one frame, and what it says is played on the same clock, so flush(), marks and Playback.finished() are exact.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import typing
import wave

from .call import Call, Digit, Flushed, Heard
from .errors import CallEnded
from .tape import Frame

Handler = typing.Callable[[Call], typing.Awaitable[None]]


@dataclasses.dataclass
class _Slot:
    pcm: bytes
    utterance: int
    end: bool


class _Tape:
    """What a Call reads and writes, without shared memory."""

    lost = 0
    closed = False

    def __init__(self, rate: int, frame_samples: int):
        self.handle = 1
        self.rate = rate
        self.frame_samples = frame_samples
        self.incoming: collections.deque[Frame] = collections.deque()
        self.slots: collections.deque[_Slot] = collections.deque()
        self.count = 0      # slots ever written
        self.played = 0     # slots ever consumed

    def read(self) -> Frame | None:
        return self.incoming.popleft() if self.incoming else None

    def write(self, pcm: bytes, utterance: int, end: bool = False) -> int:
        step = 2 * self.frame_samples
        for at in range(0, len(pcm), step):
            self.slots.append(_Slot(pcm[at:at + step], utterance, end and at + step >= len(pcm)))
            self.count += 1
        return len(pcm) // 2

    def written(self) -> int:
        return self.count

    def close(self) -> None:
        self.handle = 0


class Caller:
    """A simulated phone. wav: mono 16-bit file at the handler's rate; pcm: the same as bytes; keys: (seconds, digit) pairs; seconds: how long
    the caller stays on the line after the audio is over.

    After `call()`: answered, rejected (SIP code or 0), heard (bytes: what the handler said, silence included), hung_up_by ("caller" or
    "handler"), end_reason.
    """

    def __init__(self, wav: str | None = None, pcm: bytes = b"", keys: typing.Sequence[tuple[float, str]] = (),
                 seconds: float = 1.0, headers: dict[str, str] | None = None, from_uri: str = "sip:test@example.invalid"):
        if wav is not None:
            with wave.open(str(wav), "rb") as f:
                if (f.getnchannels(), f.getsampwidth()) != (1, 2):
                    raise ValueError(f"{wav}: wanted mono, 16 bit")
                self._wav_rate: int | None = f.getframerate()
                pcm = f.readframes(f.getnframes())
        else:
            self._wav_rate = None
        self._pcm = pcm
        self._keys = sorted(keys)
        self._seconds = seconds
        self._headers = headers or {}
        self._from_uri = from_uri
        self.answered = False
        self.rang = False
        self.rejected = 0
        self.hung_up_by = ""
        self.end_reason = ""
        self.heard = bytearray()
        self._tape: _Tape | None = None
        self._pos = 0
        self._tally: dict[int, list[int]] = {}
        self._marks: list[tuple[int, str]] = []

    async def call(self, handler: Handler) -> "Caller":
        """Run `handler` with this caller until the call is over. Exceptions of the handler come through."""
        call = Call(self, {"call_id": 1, "fence": 1, "from_uri": self._from_uri, "to_uri": "sip:test", "headers": self._headers,
                           "room_id": self._headers.get("X-Room-ID", ""), "session_id": self._headers.get("X-Session-ID", ""),
                           "codec": "PCMU"})
        work = asyncio.ensure_future(handler(call))
        line = asyncio.ensure_future(self._line(call))
        try:
            await work
        except CallEnded:
            pass
        finally:
            if not call._ended.is_set():
                self._over(call, "handler", "the handler returned")
            line.cancel()
            await asyncio.gather(line, return_exceptions=True)
        return self

    async def _line(self, call: Call) -> None:
        while self._tape is None:
            if call._ended.is_set():
                return
            await asyncio.sleep(0)
        rate, step = self._tape.rate, 2 * self._tape.frame_samples
        total = len(self._pcm) + int(self._seconds * rate) * 2
        for at in range(0, total, step):
            if call._ended.is_set():
                return
            pcm = self._pcm[at:at + step]
            self._tape.incoming.append(Frame(pcm.ljust(step, b"\0"), self._pos, kind="ok" if pcm else "silence"))
            call._on_tape()
            while self._keys and self._keys[0][0] * rate <= self._pos:
                call._on_digit(Digit(self._keys.pop(0)[1], self._pos, 100))
            for _ in range(4):  # the handler's turn, before the clock moves on
                await asyncio.sleep(0)
            self._play(call)
        self._over(call, "caller", "hung up")

    def _play(self, call: Call) -> None:
        tape = self._tape
        slot = tape.slots.popleft() if tape.slots else None
        step = 2 * tape.frame_samples
        self.heard += (slot.pcm if slot else b"").ljust(step, b"\0")
        self._pos += tape.frame_samples
        if slot is None:
            return
        tape.played += 1
        tally = self._tally.setdefault(slot.utterance, [0, 0])
        tally[0] += len(slot.pcm) // 2
        if slot.end:
            call._on_finished(self._heard(slot.utterance))
        for mark in [m for m in self._marks if m[0] <= tape.played]:
            self._marks.remove(mark)
            call._on_mark(mark[1], self._pos)

    def _heard(self, utterance: int) -> Heard:
        played, discarded = self._tally.pop(utterance, [0, 0])
        per_ms = self._tape.rate // 1000
        return Heard(utterance, played // per_ms, discarded // per_ms, played, discarded)

    def _over(self, call: Call, who: str, reason: str) -> None:
        if not self.hung_up_by:
            self.hung_up_by = who
            self.end_reason = reason
        call._on_end(reason)

    # -- what a Call asks of its transport --

    async def answer(self, call: Call, rate: int, frame_ms: int, headers: dict[str, str]) -> _Tape:
        if rate not in (8000, 16000) or frame_ms not in (10, 20):
            raise ValueError("rate 8000 or 16000, frames of 10 or 20 ms")
        if self._wav_rate not in (None, rate):
            raise ValueError(f"the WAV file has {self._wav_rate} Hz, the handler answered with {rate} Hz")
        self.answered = True
        self._tape = _Tape(rate, rate * frame_ms // 1000)
        return self._tape

    async def ring(self, call: Call, code: int) -> None:
        self.rang = True

    async def reject(self, call: Call, code: int, reason: str) -> None:
        self.rejected = code
        self._over(call, "handler", reason or f"rejected with {code}")

    async def hangup(self, call: Call, cause: str, headers: dict[str, str]) -> None:
        self._over(call, "handler", cause or "hung up")

    async def flush(self, call: Call, fade_ms: int) -> Flushed:
        for slot in self._tape.slots:
            self._tally.setdefault(slot.utterance, [0, 0])[1] += len(slot.pcm) // 2
        self._tape.played += len(self._tape.slots)
        self._tape.slots.clear()
        for _, name in self._marks:
            call._on_mark(name, None)
        self._marks.clear()
        return Flushed(self._pos, {u: self._heard(u) for u in list(self._tally)})

    async def mark(self, call: Call, name: str, after_index: int) -> None:
        if after_index <= self._tape.played:
            call._on_mark(name, self._pos)
        else:
            self._marks.append((after_index, name))
