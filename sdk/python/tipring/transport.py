"""What a Call asks of control and media."""

from __future__ import annotations

import asyncio
import collections.abc
import time
import typing

from .bus import ACK_SECONDS, TRIES, Bus, Message
from .call import Call, TapeLike
from .clock import Clock
from .collecting import Ending, Gathered
from .errors import CallEnded, CommandRefused, DialFailed, Disconnected
from .hearing import Quality, Way, ear_of
from .playback import Flushed, Heard, Parting
from .tape import Link, Tape
from .transferring import TransferFailed
from .v1 import api_pb2, common_pb2, session_pb2

ATTACH_SECONDS = 2
ASKING_SECONDS = 40  # a peer has 32 s for its answer
COLLECT_MS_MAX = 3_600_000
COLLECT_LATE_SECONDS = 30  # behind all the time it may take
HISTORY_FRAMES = 128  # that came before we attached


def way_of(way: session_pb2.QualityWay) -> Way:
    return Way(way.packets, way.lost, way.late, way.jitter_us / 1000, way.delay_ms, way.mos_x100 / 100 or None)


def quality_of(quality: session_pb2.Quality) -> Quality:
    return Quality(way_of(quality.heard) if quality.HasField("heard") else None,
                   way_of(quality.said) if quality.HasField("said") else None, quality.rtt_us / 1000 or None)


def heard_of(played: session_pb2.UtterancePlayed) -> Heard:
    return Heard(played.utterance, played.played_ms, played.discarded_ms, played.played_samples,
                 played.discarded_samples)


def outcome_of(number: common_pb2.Outcome) -> str:
    """ "busy"; "" when there is none, "error" for one that this package does not know yet."""
    name = common_pb2.Outcome.Name(number) if number in common_pb2.Outcome.values() else "OUTCOME_ERROR"
    return "" if number == common_pb2.OUTCOME_UNSPECIFIED else name.removeprefix("OUTCOME_").lower()


def codec_name(number: common_pb2.Codec) -> str:
    """ "" when there is none, or none that this package knows."""
    return common_pb2.Codec.Name(number) if number and number in common_pb2.Codec.values() else ""


class ControlTransport:
    """Commands over a Bus, and the links to the media workers."""

    def __init__(self, bus: Bus):
        self.bus = bus
        self._completions: dict[str, asyncio.Future[api_pb2.CommandCompleted]] = {}
        self._collects: dict[str, asyncio.Future[Gathered]] = {}
        self._media: dict[int, asyncio.Future[Message]] = {}
        self._links: dict[str, Link] = {}
        self._transfers: set[str] = set()  # commands

    def close(self) -> None:
        for link in self._links.values():
            link.close()

    def clock(self) -> Clock:
        return asyncio.get_running_loop()

    # -- commands --

    async def answer(self, call: Call, rate: int, frame_ms: int, headers: dict[str, str], ear: str) -> TapeLike:
        body = api_pb2.Answer(call_id=call.call_id, fence=call._fence, rate_hz=rate, frame_ms=frame_ms, ear=ear_of(ear))
        return await self._begin("answer", body, call, headers)

    async def _begin(self, field: str, body: api_pb2.Answer | api_pb2.Ring, call: Call, headers: dict[str, str]) -> TapeLike:
        """A command that makes the tape, or goes on with the one there is."""
        future = self._media[call.call_id] = asyncio.get_running_loop().create_future()
        for name, value in headers.items():
            body.headers.add(name=name, value=value)
        try:
            await self._command(field, body, call)
            ready = await self._wait_or_end(future, call, f"{field}: the audio never became ready")
        finally:
            self._media.pop(call.call_id, None)
        if call._tape is not None:
            return call._tape
        tape = await self.attach(call, ready)
        asyncio.get_running_loop().call_soon(call._on_tape)
        return tape

    def expect(self, command_id: str) -> asyncio.Future[api_pb2.CommandCompleted]:
        """Its CommandCompleted or CommandFailed, to be waited for or given up with forget()."""
        future = self._completions[command_id] = asyncio.get_running_loop().create_future()
        return future

    def forget(self, command_id: str) -> None:
        self._completions.pop(command_id, None)

    async def ring(self, call: Call, code: int, headers: dict[str, str]) -> None:
        body = api_pb2.Ring(call_id=call.call_id, fence=call._fence, code=code)
        for name, value in headers.items():
            body.headers.add(name=name, value=value)
        await self._command("ring", body, call)

    async def ring_early(self, call: Call, code: int, rate: int, frame_ms: int, headers: dict[str, str], ear: str) -> TapeLike:
        body = api_pb2.Ring(call_id=call.call_id, fence=call._fence, code=code, early_media=True, rate_hz=rate, frame_ms=frame_ms, ear=ear_of(ear))
        return await self._begin("ring", body, call, headers)

    async def reject(self, call: Call, code: int, reason: str, headers: dict[str, str]) -> None:
        body = api_pb2.Reject(call_id=call.call_id, fence=call._fence, code=code, reason=reason)
        for name, value in headers.items():
            body.headers.add(name=name, value=value)
        await self._command("reject", body, call)

    async def redirect(self, call: Call, contacts: list[tuple[str, float | None]], code: int, headers: dict[str, str]) -> None:
        body = api_pb2.Redirect(call_id=call.call_id, fence=call._fence, code=code)
        for uri, q in contacts:
            body.contacts.add(uri=uri, q_thousandths=0 if q is None else max(1, round(q * 1000)))
        for name, value in headers.items():
            body.headers.add(name=name, value=value)
        await self._command("redirect", body, call)

    async def hangup(self, call: Call, cause: str, headers: dict[str, str], parting: Parting | None = None) -> None:
        body = api_pb2.Hangup(call_id=call.call_id, fence=call._fence, cause=cause)
        for name, value in headers.items():
            body.headers.add(name=name, value=value)
        if parting is not None:
            body.MergeFrom(api_pb2.Hangup(when=api_pb2.WHEN_MARK if parting.mark else api_pb2.WHEN_DRAINED, mark=parting.mark,
                                          limit_ms=round(parting.limit * 1000)))
        try:
            if parting is not None:
                await self._to_the_end("hangup", body, call, None)
            else:
                await self._command("hangup", body, call)
        except CallEnded:
            pass  # by itself, meanwhile
        except CommandRefused as why:
            if why.code != "CONFLICT" or parting is not None:  # it is ending
                raise

    async def flush(self, call: Call, fade_ms: int) -> Flushed:
        body = api_pb2.Flush(call_id=call.call_id, fence=call._fence, fade_ms=fade_ms)
        command_id = self.bus.new_id()
        future = self.expect(command_id)
        try:
            await self._command("flush", body, call, command_id)
            completed = await self._wait_or_end(future, call, "flush: acknowledged and never completed")
        finally:
            self.forget(command_id)
        flushed: session_pb2.SessionFlushed = completed.flushed
        return Flushed(flushed.pos, {u.utterance: heard_of(u) for u in flushed.utterances}, tuple(flushed.marks))

    async def transfer(self, call: Call, target: str, other: Call | None, referred_by: str, headers: dict[str, str]) -> None:
        body = api_pb2.Refer(call_id=call.call_id, fence=call._fence, target=target, referred_by=referred_by,
                             replaces_call_id=other.call_id if other is not None else 0)
        for name, value in headers.items():
            body.headers.add(name=name, value=value)
        command_id = self.bus.new_id()
        future = self.expect(command_id)
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # perhaps nobody waits for it
        self._transfers.add(command_id)
        try:
            await self._command("refer", body, call, command_id)
            await self._wait_or_end(future, call, "", None)
        finally:
            self._transfers.discard(command_id)
            self.forget(command_id)

    async def reject_refer(self, call: Call, refer_id: int, code: int) -> None:
        await self._command("reject_refer", api_pb2.RejectRefer(call_id=call.call_id, fence=call._fence, refer_id=refer_id, code=code), call)

    async def hold(self, call: Call, on: bool) -> None:
        if on:
            await self._change("hold", api_pb2.Hold(call_id=call.call_id, fence=call._fence), call)
        else:
            await self._change("unhold", api_pb2.Unhold(call_id=call.call_id, fence=call._fence), call)

    async def renegotiate(self, call: Call, codecs: collections.abc.Sequence[str]) -> None:
        body = api_pb2.Renegotiate(call_id=call.call_id, fence=call._fence)
        for codec in codecs:
            if codec not in common_pb2.Codec.keys() or codec == "CODEC_UNSPECIFIED":
                raise ValueError(f"{codec!r} is no codec: {', '.join(common_pb2.Codec.keys()[1:])}")
            body.codecs.append(typing.cast(common_pb2.Codec, common_pb2.Codec.Value(codec)))
        completed = await self._change("renegotiate", body, call)
        call._on_codec(codec_name(completed.codec), completed.generation)

    async def _change(self, field: str, body: Message, call: Call) -> api_pb2.CommandCompleted:
        """The peer decides, and may take half a minute for it."""
        command_id = self.bus.new_id()
        future = self.expect(command_id)
        try:
            await self._command(field, body, call, command_id)
            completed: api_pb2.CommandCompleted = await self._wait_or_end(future, call, field, None)
        finally:
            self.forget(command_id)
        return completed

    async def mark(self, call: Call, name: str, after_index: int) -> None:
        body = api_pb2.Mark(call_id=call.call_id, fence=call._fence, mark=name, after_index=after_index)
        await self._command("mark", body, call)

    async def levels(self, call: Call, high_ms: int, low_ms: int, drained: bool) -> None:
        body = api_pb2.SetLevels(call_id=call.call_id, fence=call._fence, high_ms=high_ms, low_ms=low_ms, drained=drained)
        await self._command("set_levels", body, call)

    async def pause(self, call: Call, on: bool) -> None:
        if on:
            await self._command("pause", api_pb2.Pause(call_id=call.call_id, fence=call._fence), call)
        else:
            await self._command("resume", api_pb2.Resume(call_id=call.call_id, fence=call._fence), call)

    async def record(self, call: Call, file: str, mono: bool) -> None:
        await self._command("record_start", api_pb2.RecordStart(call_id=call.call_id, fence=call._fence, file=file, mono=mono), call)

    async def play_file(self, call: Call, file: str, tone: str, loop: bool, gain_db: int, duck_db: int) -> None:
        body = api_pb2.Play(call_id=call.call_id, fence=call._fence, file=file, tone=tone, loop=loop, gain_db=gain_db, duck_db=duck_db)
        await self._command("play", body, call)

    async def stop_play(self, call: Call) -> None:
        call._require_not_ended()
        try:
            await self._command("stop_play", api_pb2.StopPlay(call_id=call.call_id, fence=call._fence), call)
        except CommandRefused as why:
            if why.code != "CONFLICT":  # it came to its end meanwhile
                raise

    async def change_recording(self, call: Call, command: str) -> None:
        types = {"record_pause": api_pb2.RecordPause, "record_resume": api_pb2.RecordResume, "record_stop": api_pb2.RecordStop}
        call._require_not_ended()
        await self._command(command, types[command](call_id=call.call_id, fence=call._fence), call)

    async def send(self, call: Call, kind: str, content_type: str, body: bytes, headers: dict[str, str]) -> None:
        type_of = api_pb2.SendMessage if kind == "message" else api_pb2.SendInfo
        message = type_of(call_id=call.call_id, fence=call._fence, content_type=content_type, body=body)
        for name, value in headers.items():
            message.headers.add(name=name, value=value)
        await self._to_the_end(f"send_{kind}", message, call, ASKING_SECONDS)

    async def send_dtmf(self, call: Call, digits: str, method: str, duration_ms: int, gap_ms: int) -> None:
        body = api_pb2.SendDtmf(call_id=call.call_id, fence=call._fence, digits=digits, method=method, duration_ms=duration_ms, gap_ms=gap_ms)
        await self._to_the_end("send_dtmf", body, call, ASKING_SECONDS + len(digits) * ASKING_SECONDS)

    async def detect_speech(self, call: Call, start_ms: int, end_ms: int, silence_ms: int, stop: bool) -> None:
        body = api_pb2.DetectSpeech(call_id=call.call_id, fence=call._fence, stop=stop, start_ms=start_ms, end_ms=end_ms, silence_ms=silence_ms)
        await self._command("detect_speech", body, call)

    async def collect(self, call: Call, ending: Ending, pressed: str, number: int) -> Gathered:
        """pressed: keys that count as the first ones. number: of the first key behind those."""
        command_id = self.bus.new_id()
        ms = min(max(1, round(ending.seconds * 1000)), COLLECT_MS_MAX)
        body = api_pb2.CollectDtmf(call_id=call.call_id, fence=call._fence, max=ending.most, terminators="".join(sorted(set(ending.terminators))),
                                   first_ms=ms, next_ms=ms, pressed=pressed, number=number)
        future = self._collects[command_id] = asyncio.get_running_loop().create_future()
        try:
            await self._command("collect_dtmf", body, call, command_id)
            gathered: Gathered = await self._wait_or_end(future, call, "collect: acknowledged and never over",
                                                         ms / 1000 * (ending.most + 1) + COLLECT_LATE_SECONDS)
            return gathered
        finally:
            del self._collects[command_id]

    def take_collected(self, command_id: str, body: Message) -> None:
        future = self._collects.get(command_id)
        if future is not None and not future.done():
            future.set_result(Gathered(body.digits, body.reason, body.keys))

    async def _to_the_end(self, field: str, body: Message, call: Call, seconds: float | None) -> None:
        """A command that is completed later: by the far side of the call, or when its time has come."""
        command_id = self.bus.new_id()
        future = self.expect(command_id)
        try:
            await self._command(field, body, call, command_id)
            await self._wait_or_end(future, call, f"{field}: acknowledged and never completed", seconds)
        finally:
            self.forget(command_id)

    async def _command(self, field: str, body: Message, call: Call, command_id: str = "") -> api_pb2.Ack:
        """CallEnded when there is no such call any more."""
        try:
            return await self.bus.command(field, body, call.call_id, command_id)
        except CommandRefused as why:
            if why.code == "NOT_FOUND" or call._closing is not None:
                raise CallEnded(call.end_reason or call._closing or why.reason) from None
            raise

    async def _wait_or_end(self, future: asyncio.Future[typing.Any], call: Call, what: str,
                           seconds: float | None = ACK_SECONDS * TRIES) -> typing.Any:
        """The future's result; CallEnded when the call ends first."""
        ended = asyncio.ensure_future(call.ended())
        try:
            await asyncio.wait({future, ended}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if future.done():
            return future.result()
        if call._ended.is_set():
            raise CallEnded(call.end_reason or "")
        raise Disconnected(what)

    # -- audio --

    def _link(self, attach_path: str) -> Link:
        if attach_path not in self._links:
            self._links[attach_path] = Link(attach_path)
        return self._links[attach_path]

    async def attach(self, call: Call, ready: Message) -> Tape:
        """Patient: the media worker may be starting again at this very moment."""
        end = time.monotonic() + ATTACH_SECONDS
        while not call._ended.is_set():
            try:
                return Tape(self._link(ready.attach_path), ready.tape_id, HISTORY_FRAMES, call._on_tape)
            except OSError as why:
                if time.monotonic() > end:
                    raise Disconnected(f"answer: {why.strerror}") from None
            await asyncio.sleep(0.05)
        raise CallEnded(call.end_reason or "")

    # -- answers --

    def take_media_ready(self, body: Message) -> None:
        future = self._media.get(body.call_id)
        if future is not None and not future.done():
            future.set_result(body)

    def take_command_completed(self, body: api_pb2.CommandCompleted) -> None:
        future = self._completions.get(body.command_id)
        if future is not None and not future.done():
            future.set_result(body)

    def take_command_failed(self, body: api_pb2.CommandFailed) -> None:
        future = self._completions.get(body.command_id)
        if future is None or future.done():
            return
        if body.command_id in self._transfers:
            future.set_exception(TransferFailed(body.sip_code, body.reason))
        elif body.outcome:
            future.set_exception(DialFailed(outcome_of(body.outcome), body.sip_code, body.reason, body.q850,
                                            [c.uri for c in body.contacts]))
        else:
            future.set_exception(CommandRefused(common_pb2.ResultCode.Name(body.code), body.reason, sip_code=body.sip_code))
