"""What comes from a call: frames, keys, and what happens to it. Each waits for its reader, a bounded number of them."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import typing

from .recording import Recording
from .sounding import Sound
from .tape import Frame
from .transferring import Referral

FRAMES_WAITING = 512
DIGITS_WAITING = 256
EVENTS_WAITING = 256

T = typing.TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Digit:
    """A key the caller pressed. digit: one of 0-9 * # A-D. pos: where it began. duration_ms: how long it was down; 0: it did not say.
    method: how it came, "rfc4733" or "info"."""

    digit: str
    pos: int
    duration_ms: int
    method: str = dataclasses.field(default="rfc4733", compare=False)


@dataclasses.dataclass(frozen=True)
class Way:
    """One way of the audio for five seconds. packets: that should have come (of `Quality.said`: 256). lost: never came. late: came too late.
    jitter_ms: RFC 3550. delay_ms: from mouth to ear, as far as it can be known. mos: 1.0 to 4.5 by ITU-T G.107; None: not known."""

    packets: int
    lost: int
    late: int
    jitter_ms: float
    delay_ms: int
    mos: float | None


@dataclasses.dataclass(frozen=True)
class Quality:
    """How a call sounds. heard: what came; None: nothing did. said: what the peer got, as its RTCP tells; None: it told nothing lately.
    rtt_ms: round trip; None: not known."""

    heard: Way | None
    said: Way | None
    rtt_ms: float | None


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happened to the call. kind: "answered" (the caller's phone confirmed; of a call of dial(): the peer picked up), "ringing"
    (of a call of dial(): the peer sent `code`; early_media: what it plays can be heard), "media_started" (its first audio came), "codec" (`Call.codec` is another one),
    "media_stalled" (none for 5 s), "media_resumed", "underrun" (speech was written too slowly and has a hole), "held" and "resumed" (by
    "peer": it does not want to hear us, what is said now is played to nobody; by "us": Call.hold()), "referred" (the peer asks for a
    transfer: `referral`), "transfer" (what the peer says of the call that Call.transfer() asked for: `code`), "info" and "message" (the
    peer sent SIP INFO or MESSAGE: content_type, body, and headers, the X- ones), "redirected" (of a call of dial(): the peer sent it on
    with `code`, 3xx, or the place it was sent to did not take it, and it goes to Call.request_uri), "quality" (every 5 s while audio flows: `quality`), "speech_started", "speech_ended" (after `duration_ms` of it) and
    "silence" (neither side has spoken for `duration_ms`) as Call.detect_speech() asked, "bridge_joined" (it sits in `room` with
    `members` calls, itself among them, or is heard and listens in another way than before), "bridge_left" (with whom it leaves behind),
    "bridge_muted" and "bridge_unmuted" (Room.mute()), "bridge_ended" (it was the last in `room`), "stream_restarted" (the audio goes on with
    another SSRC or other numbers: what sends it is new), "source_moved" (the audio comes from, and goes to, `source` from now on),
    "source_refused" (`source`, somebody else, speaks to the port of this call and is not heard; once for each, and for four of them),
    "payload_unknown" (the peer sends what was not negotiated: `code` is its payload type), "tx.high_water", "tx.low_water" and
    "tx.drained" (levels of Call.levels(): `queued_ms`), "recording" (`recording` has
    another state), "sound" (`sound` has). pos: where. source: IP address and port."""

    kind: str
    pos: int
    code: int = 0
    early_media: bool = False
    referral: Referral | None = None
    content_type: str = ""
    body: bytes = b""
    headers: dict[str, str] = dataclasses.field(default_factory=dict, compare=False)
    by: str = ""
    quality: Quality | None = None
    duration_ms: int = 0
    room: str = ""
    members: int = 0
    source: tuple[str, int] | None = None
    queued_ms: int = 0
    recording: Recording | None = None
    sound: Sound | None = None


@dataclasses.dataclass(frozen=True)
class Collected:
    """Answer of `Call.collect()`. digits: what was pressed, without the terminator. end: "terminator", "max", "timeout", or "cancelled":
    another collect() of this call took its place."""

    digits: str
    end: str


class Arrivals(typing.Generic[T]):
    """Asynchronous iterator over what comes; ends when the call ends.

    It is one object: whoever asks gets the next one, each goes to one reader, and who gave up waiting (a timeout) may ask again and
    has missed nothing. At most `limit` wait for a reader; older ones are dropped and counted in `dropped`.
    """

    def __init__(self, limit: int):
        self.dropped = 0
        self._waiting: collections.deque[T] = collections.deque()
        self._limit = limit
        self._readers = 0  # that wait now
        self._news = asyncio.Event()
        self._over = False

    def __repr__(self) -> str:
        return (f"<{type(self).__name__} {len(self._waiting)} waiting, {self.dropped} dropped"
                f"{', over' if self._over else ''}>")

    def __aiter__(self) -> typing.Self:
        return self

    async def __anext__(self) -> T:
        if not await self._arrived():
            raise StopAsyncIteration
        return self._waiting.popleft()

    async def _arrived(self) -> bool:
        """Wait until there is one to take; False: there never will be."""
        return await self._beyond(0)

    async def _beyond(self, n: int) -> bool:
        """Wait until more than `n` are there to take."""
        while len(self._waiting) <= n and not self._over:
            self._news.clear()
            self._readers += 1
            try:
                await self._news.wait()
            finally:
                self._readers -= 1
        return len(self._waiting) > n

    def _put(self, item: T) -> None:
        if len(self._waiting) == self._limit:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(item)
        self._news.set()

    def _end(self) -> None:
        self._over = True
        self._news.set()


class Audio(Arrivals[Frame]):
    """Asynchronous iterator over the caller's frames; ends when the call ends.

    At most 512 frames wait for the reader; older ones are dropped and counted in `dropped`.
    """

    def __init__(self) -> None:
        super().__init__(FRAMES_WAITING)


class Digits(Arrivals[Digit]):
    """Asynchronous iterator over the keys the caller presses; ends when the call ends, with none missing.

    Each key is given once, to whoever asks: `Call.digit()` and `Call.collect()` take from here too.
    """

    def __init__(self) -> None:
        super().__init__(DIGITS_WAITING)


class Events(Arrivals[Event]):
    """Asynchronous iterator over what happens to the call; ends when the call ends."""

    def __init__(self) -> None:
        super().__init__(EVENTS_WAITING)


EARS = "", "asr", "playout"  # as numbered in the messages


def ear_of(name: str) -> typing.Any:
    """Its number; ValueError: there is none of that name."""
    if name not in EARS:
        raise ValueError(f'ear is "asr", "playout" or "", not {name!r}')
    return EARS.index(name)
