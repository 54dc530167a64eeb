"""Calls that this process makes: from Dial to the answer, or to how it failed."""

from __future__ import annotations

import asyncio
import collections.abc
import dataclasses
import logging
import typing

from .bus import Bus, Message
from .call import Call
from .errors import CallEnded, CommandRefused, DialFailed, Disconnected
from .transport import ControlTransport
from .v1 import api_pb2

log = logging.getLogger("tipring")

Subscribe = typing.Callable[[str], collections.abc.Awaitable[None]]
End = typing.Callable[[Call, str], None]


@dataclasses.dataclass
class _Asked:
    """A Dial, or what makes a call like one, that is not acknowledged."""

    body: api_pb2.Dial
    call: Call | None = None  # its first event may come before


def body_of(uri: str, headers: dict[str, str], ringing_timeout: float | None) -> api_pb2.Dial:
    """ValueError for what can not be said."""
    if ringing_timeout is not None and not 1 <= ringing_timeout <= 300:
        raise ValueError(f"ringing_timeout {ringing_timeout}: 1 to 300 seconds")
    body = api_pb2.Dial(uri=uri, ringing_timeout_ms=int((ringing_timeout or 0) * 1000))
    for name, value in headers.items():
        body.headers.add(name=name, value=value)
    return body


class Dialling:
    """The outbound calls of a Server: made, watched until they are answered, hung up with it."""

    def __init__(self, bus: Bus, transport: ControlTransport, calls: dict[int, Call], subscribe: Subscribe, end_soon: End):
        self._bus = bus
        self._transport = transport
        self._calls = calls  # of the server
        self._subscribe = subscribe
        self._end_soon = end_soon
        self._asked: dict[str, _Asked] = {}  # by command_id
        self._answers: dict[int, asyncio.Future[api_pb2.CommandCompleted]] = {}  # by call_id
        self._attaching: set[int] = set()
        self._watching: set[asyncio.Task[None]] = set()

    async def dial(self, body: api_pb2.Dial) -> Call:
        return await self._ask("dial", body, body)

    async def accept(self, call: Call, refer_id: int, body: api_pb2.Dial) -> Call:
        """What the peer of `call` asked for: `body` says to whom and how."""
        accept = api_pb2.AcceptRefer(call_id=call.call_id, fence=call._fence, refer_id=refer_id, from_display=body.from_display,
                                     headers=body.headers, ringing_timeout_ms=body.ringing_timeout_ms, early_media=body.early_media,
                                     rate_hz=body.rate_hz, frame_ms=body.frame_ms, ear=body.ear, metadata=body.metadata, app=body.app,
                                     username=body.username, password=body.password, auth_realm=body.auth_realm)
        setattr(accept, "from", getattr(body, "from"))
        return await self._ask("accept_refer", accept, body)

    async def _ask(self, field: str, message: Message, body: api_pb2.Dial) -> Call:
        await self._subscribe(body.app)
        command_id = self._bus.new_id()
        asked = self._asked[command_id] = _Asked(body)
        answer = self._transport.expect(command_id)  # it may fail before it is acknowledged
        try:
            ack = await self._bus.command(field, message, 0, command_id)
        except BaseException:
            self._transport.forget(command_id)
            raise
        finally:
            del self._asked[command_id]
        call = asked.call or self._make(ack.call_id, body)
        call._fence = ack.fence
        self._answers[call.call_id] = answer
        log.info("call %s dials %s", call.id, body.uri)
        task = asyncio.create_task(self._watch(call, command_id, answer))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)
        return call

    def begun(self, command_id: str, call_id: int) -> None:
        """The first that is heard of a call of ours, its acknowledgement or an event: what follows must find it."""
        asked = self._asked.get(command_id)
        if asked is not None and asked.call is None:
            asked.call = self._make(call_id, asked.body)

    def _make(self, call_id: int, body: api_pb2.Dial) -> Call:
        headers = {header.name: header.value for header in body.headers}
        info = {"call_id": call_id, "from_uri": getattr(body, "from"), "from_display": body.from_display, "to_uri": body.to or body.uri,
                "request_uri": body.uri, "headers": headers, "metadata": body.metadata, "direction": "out"}
        for field, name in (("room_id", "x-room-id"), ("session_id", "x-session-id")):
            info[field] = next((value for key, value in headers.items() if key.lower() == name), "")
        call = self._calls[call_id] = Call(self._transport, info)
        call.rate, call._frame_ms = body.rate_hz, body.frame_ms
        call._picked_up = asyncio.get_running_loop().create_future()
        return call

    async def _watch(self, call: Call, command_id: str, answer: asyncio.Future[api_pb2.CommandCompleted]) -> None:
        """Tell the call whether it was answered."""
        ended = asyncio.ensure_future(call.ended())
        audible = asyncio.ensure_future(call._audible.wait())
        try:
            waits: list[asyncio.Future[typing.Any]] = [ended, answer, audible]
            await asyncio.wait(waits[:2], return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                answer.result()
                await asyncio.wait([ended, audible], return_when=asyncio.FIRST_COMPLETED)
                if audible.done():
                    call._on_answered()
        except (DialFailed, CommandRefused) as why:
            failed = why if isinstance(why, DialFailed) else DialFailed("error", reason=why.reason)
            call.outcome = failed.outcome
            call._on_dial_failed(failed)
            self._end_soon(call, failed.reason or failed.outcome)  # should the event that says so be lost
        finally:
            ended.cancel()
            audible.cancel()
            self._transport.forget(command_id)
            self._answers.pop(call.call_id, None)

    def answered(self, call: Call) -> None:
        """Control was away and says so now."""
        answer = self._answers.get(call.call_id)
        if answer is not None and not answer.done():
            answer.set_result(api_pb2.CommandCompleted())

    async def attach(self, call: Call, ready: Message) -> None:
        """Its audio is there: before the answer when that was asked for."""
        if call.call_id in self._attaching:
            return  # told again
        self._attaching.add(call.call_id)
        try:
            call._on_dialled_tape(await self._transport.attach(call, ready))
        except CallEnded:
            pass
        except Disconnected as why:
            log.warning("call %s is hung up, its audio can not be had: %s", call.id, why)
            await call.hangup("no audio")
        finally:
            self._attaching.discard(call.call_id)

    async def hang_up(self) -> None:
        """All of them: nobody would hear of them any more."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*[self._hang_up(call) for call in self._calls.values() if call.direction == "out" and call._fence])

    @staticmethod
    async def _hang_up(call: Call) -> None:
        try:
            await call.hangup("backend closed")
        except (CommandRefused, Disconnected) as why:
            log.info("hanging up %s: %s", call.id, why)
