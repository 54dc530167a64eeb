"""One phone call as its owner sees it."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import dataclasses
import inspect
import logging
import typing
import weakref

from . import collecting
from .clock import Clock, timeout as timeout_of
from .errors import CallEnded, CommandRefused, DialFailed, Disconnected
from .hearing import Audio, Collected, Digit, Digits, Event, Events
from .pcm import Pcm, WavSource, read_wav, view_of
from .playback import Flushed, Heard, Parting, Playback
from .recording import Recording
from .sounding import Sound
from .speech import Outbox, Speaker
from .tape import Frame


log = logging.getLogger("tipring")

DRAINED = "tipring/drained"  # the mark of drained()
MARKS_KEPT = 64
OURS = "tipring/"  # marks that nobody but this module asked for
RETURNED = "tipring/returned"  # the mark behind everything a handler has left to say
STALLS = ("media_started", "media_stalled", "media_resumed")
HOLDS = ("held", "resumed")
TAIL_SECONDS = 0.2  # what has left is on its way, and then in the buffer of the caller's phone, which a BYE empties
CONFIRMED_SECONDS = 2
STUCK_SECONDS = 10  # nothing of it was said and nothing came: it will not be heard


class TapeLike(Speaker, typing.Protocol):
    """The audio of an answered call: a real tape (tape.py) or a simulated one (testing.py)."""

    rate: int
    frame_samples: int

    def read(self) -> Frame | None: ...
    @property
    def lost(self) -> int: ...
    def close(self) -> None: ...


class Transport(typing.Protocol):
    """What a Call needs from below: a real server (client.py) or a simulated one (testing.py)."""

    async def answer(self, call: "Call", rate: int, frame_ms: int, headers: dict[str, str], ear: str) -> TapeLike: ...
    async def ring(self, call: "Call", code: int, headers: dict[str, str]) -> None: ...
    async def ring_early(self, call: "Call", code: int, rate: int, frame_ms: int, headers: dict[str, str], ear: str) -> TapeLike: ...
    async def reject(self, call: "Call", code: int, reason: str, headers: dict[str, str]) -> None: ...
    async def redirect(self, call: "Call", contacts: list[tuple[str, float | None]], code: int, headers: dict[str, str]) -> None: ...
    async def hangup(self, call: "Call", cause: str, headers: dict[str, str], parting: Parting | None = None) -> None: ...
    async def levels(self, call: "Call", high_ms: int, low_ms: int, drained: bool) -> None: ...
    async def pause(self, call: "Call", on: bool) -> None: ...
    async def flush(self, call: "Call", fade_ms: int) -> Flushed: ...
    async def transfer(self, call: "Call", target: str, other: "Call | None", referred_by: str, headers: dict[str, str]) -> None: ...
    async def mark(self, call: "Call", name: str, after_index: int) -> None: ...
    async def record(self, call: "Call", file: str, mono: bool) -> None: ...
    async def play_file(self, call: "Call", file: str, tone: str, loop: bool, gain_db: int, duck_db: int) -> None: ...
    async def stop_play(self, call: "Call") -> None: ...
    async def change_recording(self, call: "Call", command: str) -> None: ...
    async def send(self, call: "Call", kind: str, content_type: str, body: bytes, headers: dict[str, str]) -> None: ...
    async def send_dtmf(self, call: "Call", digits: str, method: str, duration_ms: int, gap_ms: int) -> None: ...
    async def collect(self, call: "Call", ending: collecting.Ending, pressed: str, number: int) -> collecting.Gathered: ...
    async def hold(self, call: "Call", on: bool) -> None: ...
    async def renegotiate(self, call: "Call", codecs: collections.abc.Sequence[str]) -> None: ...
    async def detect_speech(self, call: "Call", start_ms: int, end_ms: int, silence_ms: int, stop: bool) -> None: ...
    def clock(self) -> Clock: ...


class Call:
    """A call this backend owns.

    id: 16 hexadecimal digits; call_id: the same as a number. from_uri, from_display, to_uri, request_uri, sip_call_id: as the caller sent
    them. headers: its X- headers in original casing. room_id, session_id: X-Room-ID and X-Session-ID, "" when absent. codec: e.g.
    "PCMU", as it is now (the event "codec" tells of another one); "" until the peer's answer is known. direction: "in", or "out" for a call of Server.dial(). outcome: how dialling
    ended, as DialFailed.outcome, or "answered"; "" before, and when the call came in. metadata: of dial(). replaces: the id of the call
    whose place this one takes when it is answered, "": of none. auth_user: as whom the caller was let in (sip.auth); "": nobody asked.
    rate: of answer(), ring(early_media=True) or dial(), in Hz; 0 before. audio: the caller's frames. held: who holds the call, "peer"
    (it does not hear us), "us" or "both"; "": nobody. stalled: nothing has come from the caller for 5 s. recording: the current or last one of record(). sound: likewise of play_file().
    end_reason: why it ended; None while it lasts. end_headers: X- headers of the BYE of the peer, if it sent one. bridge: id of the Room it sits in; "": none. muted: the others
    there do not hear it.

    Every method raises CallEnded once the call is over (except hangup(), ended() and the iterators, which end), CommandRefused
    when control says no, Disconnected when control does not answer for five seconds.
    """

    def __init__(self, transport: Transport, info: dict[str, typing.Any]):
        self._transport = transport
        self.call_id: int = info["call_id"]
        self._fence: int = info.get("fence", 0)
        self.from_uri: str = info.get("from_uri", "")
        self.from_display: str = info.get("from_display", "")
        self.to_uri: str = info.get("to_uri", "")
        self.request_uri: str = info.get("request_uri", "")
        self.sip_call_id: str = info.get("sip_call_id", "")
        self.headers: dict[str, str] = info.get("headers", {})
        self.room_id: str = info.get("room_id", "")
        self.session_id: str = info.get("session_id", "")
        self.codec: str = info.get("codec", "")
        self._generation = 0  # of it
        self.direction: str = info.get("direction", "in")
        self.auth_user: str = info.get("auth_user", "")
        self.metadata: str = info.get("metadata", "")
        self.replaces: str = info.get("replaces", "")
        self.outcome = ""
        self.rate = 0
        self.audio = Audio()
        self.stalled = False
        self.held: str = info.get("held", "")
        self.bridge: str = info.get("bridge", "")
        self.muted: bool = info.get("muted", False)
        self.end_reason: str | None = None
        self.end_headers: dict[str, str] = {}
        self._clock = transport.clock()
        self._began = self._clock.time()
        self._rejected = False
        self._tape: TapeLike | None = None
        self._answering = False
        self._picked_up: asyncio.Future[None] | None = None  # of a call of dial(): it is answered and its audio is there, or DialFailed
        self._audible = asyncio.Event()  # of a call of dial(): its audio is there
        self._confirmed = asyncio.Event()  # the peer's ACK came, or its answer
        self._lost = 0  # by the tape, before it was closed
        self._utterance = 0
        self._writing = 0  # the utterance of write(); 0: the next write() begins one
        self._writers: weakref.WeakSet[asyncio.Task[typing.Any]] = weakref.WeakSet()  # of that utterance
        self._interrupted: weakref.WeakSet[asyncio.Task[typing.Any]] = weakref.WeakSet()  # by a flush, and do not know it
        self._flushes = 0
        self._frame_ms = 20
        self._playing: dict[int, Playback] = {}
        self._outbox = Outbox(self._ask_mark)
        self._flushing = asyncio.Lock()
        self.recording: Recording | None = None
        self.sound: Sound | None = None
        self._digits = Digits()
        self._last_key = 0
        self._events = Events()
        self._marks: dict[str, asyncio.Future[int | None]] = {}
        self._resolved: dict[str, asyncio.Future[int | None]] = {}  # the last of them
        self._asking: set[asyncio.Task[None]] = set()  # marks on their way to control
        self._closing: str | None = None  # why it is ending: only the rest of its news is to come
        self._ended = asyncio.Event()

    @property
    def id(self) -> str:
        return f"{self.call_id:016x}"

    def __repr__(self) -> str:
        over = f", ended: {self.end_reason}" if self.end_reason is not None else ""
        return f"<Call {self.id} from {self.from_uri} to {self.to_uri}{over}>"

    # -- commands --

    async def answer(self, rate: int = 0, frame_ms: int = 0, headers: dict[str, str] | None = None, *, ear: str = "") -> None:
        """Pick up. rate: 8000, 16000, 24000 or 48000 Hz. frame_ms: 10 or 20. 0: those of ring(early_media=True), else 16000 and 20. headers: on the
        200, X-, P- and a few more, at most 16. ear: "asr", what the caller says is a frame at once; "playout", frames come at the pace of the clock,
        after a wait that follows the network, for who listens in real time; "": as configured (rtp.ear). Audio flows when this returns;
        early media goes on."""
        self._require_not_ended()
        if self.direction == "out":
            raise RuntimeError("answer() is for calls that come in: of a call of dial() wait for answered()")
        if self._answering:
            raise RuntimeError("answer() was called before: a call is answered once")
        self._answering = True
        try:
            tape = await self._transport.answer(self, rate, frame_ms, headers or {}, ear)
        except BaseException:
            self._answering = False
            raise
        self._begin(tape)

    def _begin(self, tape: TapeLike) -> None:
        if self._tape is tape:
            return
        self._tape, self.rate, self._frame_ms = tape, tape.rate, tape.frame_samples * 1000 // tape.rate
        self._outbox.start(tape)

    async def answered(self) -> None:
        """Of a call of Server.dial(): wait until the peer has picked up and its audio flows. DialFailed when it does not, CallEnded when
        it hung up in the meantime. Who gives up waiting may ask again; hangup() gives up the call."""
        if self._picked_up is None:
            raise RuntimeError("answered() is of calls of dial(): one that came in is answered by answer()")
        await asyncio.shield(self._picked_up)

    async def early_media(self) -> None:
        """Of a call of Server.dial(early_media=True): wait until audio flows, be it before the answer. DialFailed, CallEnded."""
        if self._picked_up is None:
            raise RuntimeError("early_media() is of calls of dial()")
        audible = asyncio.ensure_future(self._audible.wait())
        try:
            waits: set[asyncio.Future[typing.Any]] = {audible, self._picked_up}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not self._audible.is_set():
                self._picked_up.result()
        finally:
            audible.cancel()

    async def ring(self, code: int = 0, *, early_media: bool = False, rate: int = 0, frame_ms: int = 0,
                   headers: dict[str, str] | None = None, ear: str = "") -> None:
        """Let the caller hear ringing (180) or announce progress (183). headers: as for answer(), on that response.

        early_media: say what the caller hears before the answer; code is 183 then, when none is given. Audio flows when this returns:
        say() and the others work, and answer() goes on with the same audio. rate, frame_ms, ear: as for answer()."""
        self._require_not_ended()
        if not early_media:
            await self._transport.ring(self, code or 180, headers or {})
            return
        self._begin(await self._transport.ring_early(self, code or 183, rate, frame_ms, headers or {}, ear))

    async def reject(self, code: int = 486, reason: str = "", headers: dict[str, str] | None = None) -> None:
        """Refuse with a final SIP response, 300..699. Only before answer(). headers: as for answer()."""
        self._require_not_ended()
        await self._transport.reject(self, code, reason, headers or {})
        self._rejected = True

    async def redirect(self, *contacts: str | tuple[str, float], code: int = 302, headers: dict[str, str] | None = None) -> None:
        """Send the caller elsewhere: one to eight sip: URIs, each alone or with its q (0 to 1, more is better). code: 300, 301, 302, 305
        or 380. Only before answer(). headers: as for answer()."""
        rows: list[tuple[str, float | None]] = [(c, None) if isinstance(c, str) else (c[0], float(c[1])) for c in contacts]
        if any(q is not None and not 0 <= q <= 1 for _, q in rows):
            raise ValueError("q is from 0 to 1")
        self._require_not_ended()
        await self._transport.redirect(self, rows, code, headers or {})
        self._rejected = True

    async def hangup(self, cause: str = "", headers: dict[str, str] | None = None, *, when: typing.Literal["now", "drained", "mark"] = "now",
                     mark: str = "", limit: float = 30) -> None:
        """End the call now, whatever is still to be said; one that is not answered yet is cancelled. Harmless when it has ended.
        headers: as for answer(), on the BYE.

        when: "drained": once everything said is heard (or flushed); "mark": once everything before the pending `mark` is. After `limit`
        seconds (at most 600) whatever is left. It returns when the call is being ended. Once all of it is on the tape it happens even if
        this process dies. CommandRefused: a flush dropped the mark and the call goes on, or another one waits. ValueError: no such mark."""
        if when not in ("now", "drained", "mark") or (when == "mark") != bool(mark):
            raise ValueError('when is "now", "drained" or "mark", and the last one alone has a mark')
        if mark and mark not in self._marks and mark not in self._resolved:
            raise ValueError(f"no mark named {mark!r} was set")
        if self._ended.is_set() or self._closing is not None:
            return
        parting = None if when == "now" else Parting(mark, limit)
        try:
            if parting is not None:
                await self._hand_over(parting)
            if not self._ended.is_set() and self._closing is None:
                await self._transport.hangup(self, cause, headers or {}, parting)
        except CommandRefused as why:
            if not mark or why.code == "CONFLICT" or not await self._was_reached(mark):
                raise
            await self._transport.hangup(self, cause, headers or {})  # it was reached while we asked

    async def _hand_over(self, parting: Parting) -> None:
        """What is to be heard before the end: control knows of the tape only."""
        with contextlib.suppress(TimeoutError):
            async with self.timeout(parting.limit):
                await (self._outbox.passed(parting.mark) if parting.mark else self._outbox.drained())
        while self._asking:  # marks that are on their way come first
            await asyncio.wait(self._asking)

    async def _was_reached(self, mark: str) -> bool:
        return await asyncio.shield(self._marks.get(mark) or self._resolved[mark]) is not None

    async def transfer(self, target: "str | Call", *, referred_by: str = "", headers: dict[str, str] | None = None) -> None:
        """Ask the peer to call somebody else, and wait until that call is answered. target: a sip: URI, or another answered call of ours:
        the peer then takes our place in it (an attended transfer). referred_by: a sip: URI for who asks; "": ours in this call.

        What the peer says meanwhile are "transfer" events. When it returns, this call is still there: hang it up, if the peer does not.
        TransferFailed: it was refused, or the other call was not answered. CallEnded, CommandRefused as ever."""
        self._require_not_ended()
        await self._wait_confirmed()
        uri, other = (target, None) if isinstance(target, str) else ("", target)
        if other is not None:
            await other._wait_confirmed()
        await self._transport.transfer(self, uri, other, referred_by, headers or {})

    async def _wait_confirmed(self) -> None:
        """answer() returns before the caller's ACK, which some things have to wait for; should the event be lost, not for ever."""
        if not self._answering and self._picked_up is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONFIRMED_SECONDS):
                await self._confirmed.wait()
        self._require_not_ended()

    # -- asking the far side --

    async def send_info(self, content_type: str, body: bytes | str = b"", headers: dict[str, str] | None = None) -> None:
        """Send SIP INFO, and wait until the far side took it. At most 2048 octets with its headers (as of dial()).

        CommandRefused: it did not; `sip_code` is its answer, 408 when it was silent. 0: nothing was sent (CONFLICT: another send_info() or
        send_dtmf() is under way, or the call is not answered). After 481 and 408 the call ends."""
        self._require_not_ended()
        await self._transport.send(self, "info", content_type, body.encode() if isinstance(body, str) else body, headers or {})

    async def send_message(self, body: bytes | str, content_type: str = "text/plain", headers: dict[str, str] | None = None) -> None:
        """Send SIP MESSAGE in the call; as send_info(), but one beside it, and whatever is answered the call goes on."""
        self._require_not_ended()
        await self._transport.send(self, "message", content_type, body.encode() if isinstance(body, str) else body, headers or {})

    async def send_dtmf(self, digits: str, method: str = "", duration_ms: int = 160, gap_ms: int = 80) -> None:
        """Press keys, one after another, and wait for the end of the last one. digits: 1 to 64 of 0-9 * # A-D, and w for half a second.
        duration_ms, gap_ms: 40 to 6000. method: "rfc4733", in the audio: what is said waits while a key is down, and CommandRefused is
        UNSUPPORTED when the far side takes none; "info": each key is an INFO (application/dtmf-relay) that waits for the answer to the
        one before, and is refused as of send_info(); "": in the audio when the far side takes keys there, else by INFO."""
        self._require_not_ended()
        await self._transport.send_dtmf(self, digits, method, duration_ms, gap_ms)

    # -- hearing the far side speak --

    async def detect_speech(self, *, start: float = 0.06, end: float = 0.5, silence: float | None = None) -> None:
        """Let events() tell from now on when the caller speaks: "speech_started" when at least `start` seconds (0.02 to 10) were heard,
        "speech_ended" when `end` seconds (0.1 to 10) were not, each with the `pos` where it was; "silence" when neither side has spoken
        for `silence` seconds (0.1 to 3600), once for each silence. By energy against the noise of the line: music counts too. Asked again
        the terms are new, and a silence begins anew. ValueError for terms out of range."""
        self._require_not_ended()
        terms = round(start * 1000), round(end * 1000), round((silence or 0) * 1000)
        if not 20 <= terms[0] <= 10000 or not 100 <= terms[1] <= 10000 or (silence is not None and not 100 <= terms[2] <= 3600000):
            raise ValueError("start: 0.02 to 10 s, end: 0.1 to 10 s, silence: 0.1 to 3600 s")
        await self._transport.detect_speech(self, *terms, stop=False)

    async def ignore_speech(self) -> None:
        """Tell no more of it."""
        self._require_not_ended()
        await self._transport.detect_speech(self, 0, 0, 0, stop=True)

    # -- changes --

    async def hold(self) -> None:
        """Put the call on hold: the peer is asked to listen alone, and hears what is said meanwhile (music on hold). Its voice does not
        come until unhold(); `held` says who holds. CommandRefused when the peer does not want to: sip_code, and all stays as it was."""
        self._require_not_ended()
        await self._transport.hold(self, True)
        self._on_event(Event("held", 0, by="us"))  # the event of control may be lost with it

    async def unhold(self) -> None:
        """Take it back. A peer that holds the call, too, goes on doing so. CommandRefused as hold()."""
        self._require_not_ended()
        await self._transport.hold(self, False)
        self._on_event(Event("resumed", 0, by="us"))

    async def renegotiate(self, codecs: collections.abc.Sequence[str] = ()) -> None:
        """Offer other codecs to the peer, the best one first, such as ["PCMA"]; none: all there are. `codec` says what it took.
        CommandRefused as hold(); ValueError for a codec there is not."""
        self._require_not_ended()
        await self._transport.renegotiate(self, codecs)

    # -- recording --

    async def record(self, file: str = "", mono: bool = False) -> Recording:
        """Record the call from now on, to a WAV file in the directory media.recordings of the server: the caller on the left, what left for
        the caller on the right, sample by sample as they were on the line, 16 bits at `rate`; mono: both in one channel. It ends with the call,
        or by Recording.stop(). One at a time. file: its name, 1 to 127 of letters, digits, "-", "_" and ".", which must not exist; "": made of
        `id` and the time.

        CommandRefused: nothing may be recorded here ("REJECTED"), or something is recorded ("CONFLICT"). RecordingFailed: the file could not
        be made. Later trouble with the file is a "recording" event, and Recording.finished() raises it; the call goes on."""
        self._require_audio()
        before, self.recording = self.recording, Recording(lambda command: self._transport.change_recording(self, command))
        recording = self.recording
        try:
            await self._transport.record(self, file, mono)
        except BaseException:
            self.recording = before
            raise
        await recording._reach("running")
        return recording

    async def play_file(self, file: str = "", *, tone: str = "", loop: bool = False, gain_db: int = 0, duck_db: int = 12) -> Sound:
        """Let the server play a file of its directory media.sounds, or a tone, under what is said; returns when it is heard. It goes on without this
        process, until its end, Sound.stop() or the end of the call. One at a time.

        file: of a kind that libsndfile reads; named as in record(). tone: "dial", "busy", "ringback" or pitches and a cadence such as "440+480 2000/4000"
        (Hz, ms on/off), until it is stopped. loop: from the beginning again. gain_db: -60 to 20. duck_db: so much quieter while something
        is said, 0 to 60.

        CommandRefused: nothing may be played here ("REJECTED"), or something is played ("CONFLICT"). PlayFailed: the file can not be read."""
        self._require_audio()
        before, self.sound = self.sound, Sound(file or tone, lambda: self._transport.stop_play(self))
        sound = self.sound
        try:
            await self._transport.play_file(self, file, tone, loop, gain_db, duck_db)
        except BaseException:
            self.sound = before
            raise
        await sound._reach("playing")
        return sound

    def _on_sound(self, state: str, file: str, pos: int, played_ms: int, reason: str) -> None:
        if self.sound is None:  # of another owner of this call
            self.sound = Sound(file, lambda: self._transport.stop_play(self))
        if self.sound._on_news(state, pos, played_ms, reason):
            self._on_event(Event("sound", pos, sound=self.sound))

    def _on_recording(self, state: str, file: str, pos: int, duration_ms: int, lost_ms: int, reason: str) -> None:
        if self.recording is None:  # of another owner of this call
            self.recording = Recording(lambda command: self._transport.change_recording(self, command))
        if self.recording._on_news(state, file, pos, duration_ms, lost_ms, reason):
            self._on_event(Event("recording", pos, recording=self.recording))

    def _is_undecided(self) -> bool:
        return not (self._answering or self._rejected or self._closing is not None or self._ended.is_set())

    def _age(self) -> float:
        return self._clock.time() - self._began

    async def ended(self) -> str:
        """Wait for the end; why it came."""
        await self._ended.wait()
        return self.end_reason or ""

    # -- time --

    async def sleep(self, seconds: float) -> None:
        """As asyncio.sleep(), on the call's clock: under tipring.testing it runs `speed` times as fast. CallEnded when the call ends
        meanwhile."""
        self._require_not_ended()
        with contextlib.suppress(TimeoutError):
            async with self.timeout(seconds):
                await self._ended.wait()
        self._require_not_ended()

    def timeout(self, seconds: float | None) -> contextlib.AbstractAsyncContextManager[None]:
        """As asyncio.timeout(), on the call's clock: `async with call.timeout(3):` raises TimeoutError when what stands in it takes
        longer. None: for ever."""
        return timeout_of(self._clock, seconds)

    # -- speaking --

    def _next_utterance(self) -> int:
        self._utterance += 1
        self._writing = 0
        self._writers.clear()
        return self._utterance

    def _require_not_ended(self) -> None:
        if self._ended.is_set() or self._closing is not None:
            raise CallEnded(self.end_reason or self._closing or "")

    def _require_audio(self) -> None:
        self._require_not_ended()
        if self._tape is None:
            raise RuntimeError("answer() the call first, or ring(early_media=True): there is no audio yet")

    async def write(self, pcm: Pcm, live_ms: int = 0) -> bool:
        """Append audio (mono s16le at `rate`, any number of samples) to an utterance that stays open until the next say() or flush().
        Waits only when the tape is full: about 20 s ahead of the caller.

        True: it is on its way to the caller. False: it was dropped. Either it was late: live_ms is for audio that is worthless then
        (a relayed voice), and drops what comes while the tape is more than so many milliseconds ahead. Or a flush() interrupted the
        utterance: that is said once to every task that writes it and did not call flush() itself, whether it waits here at that
        moment or writes on. ValueError for what is no 16 bit mono PCM."""
        self._require_audio()
        view, flushes = view_of(pcm), self._flushes
        writer = asyncio.current_task()
        assert writer is not None
        if writer in self._interrupted:
            self._interrupted.discard(writer)
            return False
        if live_ms > 0 and self._is_behind(live_ms):
            return False
        self._writing = self._writing or self._next_utterance()
        self._writers.add(writer)
        self._outbox.put(view, self._writing, False)
        await self._outbox.drained()
        self._require_not_ended()
        if flushes != self._flushes:
            self._interrupted.discard(writer)
        return flushes == self._flushes

    def _is_behind(self, live_ms: int) -> bool:
        assert self._tape is not None
        ahead = self._tape.written() - self._tape.played()
        return not self._outbox.empty or ahead * self._frame_ms > live_ms

    async def say(self, speech: Pcm | typing.AsyncIterable[Pcm]) -> Playback:
        """Say PCM (mono s16le at `rate`) of any length, or a stream of pieces of any size, after what was said before. Returns
        at once: `Playback.finished()` waits for the caller to have heard it. ValueError for what is no 16 bit mono PCM, such as
        floats or a whole WAV file (of a stream: finished() raises it, as whatever else the stream raised)."""
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
            log.warning("call %s: the stream of utterance %d failed: %r", self.id, playback.utterance, why)
            playback._fail(why)
        elif samples == 0:
            self._on_finished(Heard(playback.utterance, 0, 0, 0, 0))

    async def play(self, wav: WavSource) -> Playback:
        """Say a WAV file, given by its path or as a binary file such as io.BytesIO(data): PCM of 8, 16, 24 or 32 bit, floats, A-law or
        mu-law, of 4 to 192 kHz and up to 8 channels, which are mixed. One that was streamed, so that its lengths are 0 or far too large,
        is said to its end. ValueError for anything else, OSError when it can not be read."""
        self._require_audio()
        flushes = self._flushes
        found = await asyncio.to_thread(read_wav, wav, self.rate)  # of a long file of another rate it takes a while
        return await self.say(found.pcm if flushes == self._flushes else b"")

    def flush(self, fade_ms: int = 0) -> collections.abc.Coroutine[typing.Any, typing.Any, Flushed]:
        """Stop speaking within one tick (20 ms), and what of each utterance was heard. What is said after this was called is
        not affected. fade_ms: length of the fade, at most 20; 0: 5 ms. Who is cancelled here has flushed all the same."""
        if self._tape is None or self._closing is not None:
            return self._flushed(None)
        self._interrupt_writers()
        dropped, marks = self._outbox.hold()  # at once: what is said from here on stays
        for name in marks:
            self._resolve(name, None)
        flushing = asyncio.ensure_future(self._flush(fade_ms, dropped, marks))
        flushing.add_done_callback(lambda done: done.cancelled() or done.exception())  # perhaps nobody waits for it
        return self._flushed(flushing)

    def _interrupt_writers(self) -> None:
        self._flushes += 1
        self._interrupted.update(task for task in self._writers if task is not asyncio.current_task())
        self._writers.clear()
        self._writing = 0

    async def _flushed(self, flushing: asyncio.Future[Flushed] | None) -> Flushed:
        if flushing is None:
            self._require_audio()
            raise CallEnded(self.end_reason or "")
        return await asyncio.shield(flushing)

    async def _flush(self, fade_ms: int, dropped: dict[int, int], marks: list[str]) -> Flushed:
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
        flushed = self._with_dropped(flushed, dropped, marks)
        for heard in flushed.utterances.values():
            self._on_finished(heard)
        return flushed

    def _with_dropped(self, flushed: Flushed, dropped: dict[int, int], marks: list[str]) -> Flushed:
        """Add what never reached the tape."""
        utterances = dict(flushed.utterances)
        for number, samples in dropped.items():
            had = utterances.get(number, Heard(number, 0, 0, 0, 0))
            lost = had.discarded_samples + samples
            utterances[number] = dataclasses.replace(had, discarded_samples=lost, discarded_ms=lost * 1000 // self.rate)
        return Flushed(flushed.pos, utterances, tuple(name for name in [*flushed.marks, *marks] if not name.startswith(OURS)))

    async def mark(self, name: str) -> asyncio.Future[int | None]:
        """Ask when everything said so far has left. The future gives the position then, or None when it was flushed or the call
        ended. ValueError when a mark of this name is pending or the name is not 1 to 63 octets."""
        self._require_audio()
        if name in self._marks:
            raise ValueError(f"a mark named {name!r} is pending")
        if not 0 < len(name.encode()) < 64:
            raise ValueError("the name of a mark has 1 to 63 octets")
        return self._put_mark(name)

    def _put_mark(self, name: str) -> asyncio.Future[int | None]:
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

    async def _let_be_heard(self) -> None:
        """The handler has returned: wait until what is queued has left, for as long as it moves. CallEnded."""
        while self._utterance and not self._ended.is_set() and self._closing is None:
            before = self._progress()
            try:
                async with self.timeout(STUCK_SECONDS):
                    left = await asyncio.shield(self._marks.get(RETURNED) or self._put_mark(RETURNED))
                if left is not None:
                    await self.sleep(TAIL_SECONDS)
                return
            except TimeoutError:
                pass
            except (CommandRefused, Disconnected):  # control was replaced, perhaps: the tape tells too
                await self.sleep(1)
            self._require_not_ended()
            if self._progress() == before:
                log.warning("call %s: the handler returned, and the caller does not hear the rest (%.1f s)", self.id, self._unheard())
                return

    def _progress(self) -> tuple[int, int, int]:
        assert self._tape is not None
        return self._tape.played(), self._tape.written(), self._outbox.samples

    def _unheard(self) -> float:
        played, written, samples = self._progress()
        return (written - played) * self._frame_ms / 1000 + samples / self.rate

    async def drained(self) -> None:
        """Wait until everything that was said has been heard or flushed, and nothing is left. CallEnded when the call ends first."""
        self._require_audio()
        while True:
            await asyncio.shield(self._marks.get(DRAINED) or self._put_mark(DRAINED))
            self._require_not_ended()
            assert self._tape is not None
            if self._outbox.empty and not self._outbox.streaming and self._tape.written() == self._tape.played():
                return

    async def levels(self, high_ms: int = 0, low_ms: int = 0, drained: bool = False) -> None:
        """Which levels of what is on the tape and not heard are events: "tx.high_water" once there is as much as high_ms, "tx.low_water"
        once there is as little as low_ms again, "tx.drained" once nothing is left and the last of it was heard. Each once for each
        crossing, in place of those before. 0: not told; at most 20000, low_ms below high_ms (else CommandRefused)."""
        self._require_audio()
        await self._transport.levels(self, high_ms, low_ms, drained)

    async def pause(self) -> None:
        """Stop speaking and forget nothing: the caller hears silence until resume(), which goes on at the very sample. What is said meanwhile
        is queued behind it."""
        self._require_audio()
        await self._transport.pause(self, True)

    async def resume(self) -> None:
        """Go on where pause() stopped. Harmless when it did not."""
        self._require_audio()
        await self._transport.pause(self, False)

    # -- hearing --

    def digits(self) -> Digits:
        """Every key the caller presses, until the call ends: an asynchronous iterator, one for the whole call. Who gives up
        waiting may ask again."""
        return self._digits

    async def digit(self, timeout: float | None = None) -> Digit | None:
        """The next key; None when none came within `timeout` seconds. CallEnded when the call ends first."""
        try:
            async with self.timeout(timeout):
                if await self._digits._arrived():
                    return await anext(self._digits)
        except TimeoutError:
            return None
        raise CallEnded(self.end_reason or "")

    async def collect(self, prompt: collecting.Prompt | None = None, *, max: int = 32, terminators: str = "#",
                      timeout: float = 5.0, barge_in: bool = True) -> Collected:
        """Ask for keys. prompt: what to say first, as for say(), or the path of a WAV file. It ends after `max` keys (1 to 32), at one of
        `terminators`, or when `timeout` seconds (on the call's clock) pass without a key once the prompt is over.

        barge_in: a key silences the prompt and counts, also one that was pressed before it began. False: the prompt is said to its
        end, and keys count from there. CallEnded when the call ends first; what was pressed then is lost with it."""
        return await collecting.collect(self, prompt, collecting.Ending(max, terminators, timeout), barge_in)

    async def _gather(self, ending: collecting.Ending, pressed: str) -> collecting.Gathered:
        return await self._transport.collect(self, ending, pressed, self._last_key + 1)

    def events(self) -> Events:
        """What happens to the call besides: an asynchronous iterator over `Event`, one for the whole call."""
        return self._events

    @property
    def frames_lost(self) -> int:
        """Frames that this process was too slow to take from the tape or from `audio`."""
        return self.audio.dropped + self._lost + (self._tape.lost if self._tape is not None else 0)

    # -- news from below --

    def _on_dialled_tape(self, tape: TapeLike) -> None:
        self._tape = tape
        self._outbox.start(tape)
        self._audible.set()
        self._on_tape()

    def _on_answered(self) -> None:
        if self._picked_up is not None and not self._picked_up.done():
            self._picked_up.set_result(None)

    def _on_dial_failed(self, why: DialFailed | CallEnded) -> None:
        if self._picked_up is not None and not self._picked_up.done():
            self._picked_up.set_exception(why)
            self._picked_up.exception()  # nobody has to wait for it

    def _on_tape(self) -> None:
        if self._tape is None:
            return
        while (frame := self._tape.read()) is not None:
            self.audio._put(frame)
        self._outbox.pump()

    def _on_codec(self, codec: str, generation: int) -> None:
        """It comes on two sockets: what is older than what is known is no news."""
        if codec and generation >= self._generation:
            news, self.codec, self._generation = codec != self.codec, codec, generation
            if news:
                self._on_event(Event("codec", 0))

    def _is_new_key(self, number: int) -> bool:
        """A control that died as it told of one has a successor that tells of it again. 0: it has no number."""
        if 0 < number <= self._last_key:
            return False
        self._last_key = number or self._last_key
        return True

    def _on_digit(self, digit: Digit) -> None:
        self._digits._put(digit)

    def _on_event(self, event: Event) -> None:
        if event.kind in STALLS:
            self.stalled = event.kind == "media_stalled"
        elif event.kind == "answered":
            self._confirmed.set()
        elif event.kind.startswith("bridge_"):
            self._take_bridge(event)
        elif event.kind in HOLDS and not self._take_hold(event.by, event.kind == "held"):
            return
        self._events._put(event)

    def _take_bridge(self, event: Event) -> None:
        if event.kind == "bridge_joined":
            self.bridge = event.room
        elif event.kind == "bridge_left" and self.bridge == event.room:
            self.bridge, self.muted = "", False
        elif event.kind in ("bridge_muted", "bridge_unmuted"):
            self.muted = event.kind == "bridge_muted"

    def _take_hold(self, by: str, on: bool) -> bool:
        """False: it was known before."""
        had = {"peer", "us"} if self.held == "both" else {self.held} - {""}
        holders = had | {by} if on else had - {by}
        self.held = "both" if len(holders) == 2 else "".join(holders)
        return holders != had

    def _on_holders(self, held: str) -> None:
        """What became of it while no event could be heard."""
        for by in ("peer", "us"):
            self._on_event(Event("held" if held in (by, "both") else "resumed", 0, by=by))

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
        if future is None:
            return False
        if not future.done():
            future.set_result(pos)
        self._resolved.pop(name, None)
        self._resolved[name] = future
        if len(self._resolved) > MARKS_KEPT:
            del self._resolved[next(iter(self._resolved))]
        return True

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

    def _on_closing(self, reason: str) -> None:
        """It can not be commanded any more, and its last keys, marks and utterances are on their way."""
        self._closing = self._closing or reason or "the call is ending"
        self._outbox.stop()

    def _on_end(self, reason: str) -> None:
        if self._ended.is_set():
            return
        self.end_reason = reason
        self._ended.set()
        self._confirmed.set()
        if self._tape is not None:
            tape, self._tape = self._tape, None
            while (frame := tape.read()) is not None:
                self.audio._put(frame)
            self._lost = tape.lost
            tape.close()
        self._outbox.stop()
        self._on_dial_failed(CallEnded(reason) if self.outcome == "answered" else DialFailed(self.outcome or "error", reason=reason))
        if self.recording is not None:
            self.recording._on_end(reason)
        if self.sound is not None:
            self.sound._on_end(reason)
        for arrivals in (self.audio, self._digits, self._events):
            arrivals._end()
        for playback in self._playing.values():
            playback._fail(CallEnded(reason))
        for future in self._marks.values():
            if not future.done():
                future.set_result(None)


Handler = typing.Callable[[Call], collections.abc.Awaitable[None]]


def require_handler(handler: object, of: str = "call") -> None:
    """TypeError for what could only fail when the first call comes."""
    if not inspect.iscoroutinefunction(handler) and not inspect.iscoroutinefunction(getattr(handler, "__call__", None)):
        name = getattr(handler, "__qualname__", repr(handler))
        raise TypeError(f"a handler is a coroutine function: write `async def {name}({of})`")
