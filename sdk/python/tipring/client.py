"""Connection to control: register, be offered calls, send commands, hear events."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import secrets
import typing

import zmq
import zmq.asyncio

from .call import Call, Digit, Flushed, Heard
from .errors import CallEnded, CommandRefused, Disconnected
from .tape import Link, Tape
from .v1 import api_pb2, common_pb2, envelope_pb2

PROTOCOL = 1
PING_SECONDS = 1.0
ACK_SECONDS = 1.0
TRIES = 5  # of a command nobody acknowledged, with the same command_id: at most one takes effect

log = logging.getLogger("tipring")

Handler = typing.Callable[[Call], typing.Awaitable[None]]


def connect(endpoint: str | None = None, name: str | None = None) -> "Server":
    """A Server to be used as `async with`. endpoint: the run directory; default $TIPRING_ENDPOINT, else /run/tipring. name:
    of this process, unique on the host; default "py-<pid>-<random>"."""
    return Server(endpoint or os.environ.get("TIPRING_ENDPOINT", "/run/tipring"),
                  name or f"py-{os.getpid()}-{secrets.token_hex(3)}")


def _heard(played) -> Heard:
    return Heard(played.utterance, played.played_ms, played.discarded_ms, played.played_samples,
                 played.discarded_samples)


def _flushed(message) -> Flushed:
    return Flushed(message.pos, {u.utterance: _heard(u) for u in message.utterances})


def _info(info, fence: int = 0) -> dict[str, typing.Any]:
    return {
        "call_id": info.call_id, "fence": fence, "from_uri": info.from_uri, "from_display": info.from_display,
        "to_uri": info.to_uri, "request_uri": info.request_uri, "sip_call_id": info.sip_call_id,
        "headers": {h.name: h.value for h in info.headers}, "room_id": info.room_id, "session_id": info.session_id,
        "codec": common_pb2.Codec.Name(info.media.codec),
    }


class Server:
    """One backend process at one Tipring."""

    def __init__(self, endpoint: str, name: str):
        self.endpoint = endpoint.removeprefix("ipc://")
        self.name = name
        self.calls: dict[int, Call] = {}
        self._apps: dict[str, tuple[Handler, int]] = {}
        self._context = zmq.asyncio.Context()
        self._commands = self._context.socket(zmq.DEALER)
        self._events = self._context.socket(zmq.SUB)
        self._numbers = itertools.count(1)
        self._prefix = secrets.token_hex(6)
        self._acks: dict[str, asyncio.Future] = {}
        self._completions: dict[str, asyncio.Future] = {}
        self._media: dict[int, asyncio.Future] = {}
        self._links: dict[str, Link] = {}
        self._tasks: set[asyncio.Task] = set()
        self._welcome: asyncio.Future | None = None
        self._heartbeat: asyncio.Event = asyncio.Event()
        self._epoch = 0
        self._stopped = asyncio.Event()

    # -- life --

    async def __aenter__(self) -> "Server":
        self._commands.setsockopt(zmq.ROUTING_ID, self.name.encode())
        for socket in (self._commands, self._events):
            socket.setsockopt(zmq.LINGER, 100)
            socket.setsockopt(zmq.RECONNECT_IVL, 20)
            socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
            socket.setsockopt(zmq.RCVHWM, 100000)
        self._commands.connect(f"ipc://{self.endpoint}/commands.ipc")
        self._events.connect(f"ipc://{self.endpoint}/events.ipc")
        for loop in (self._hear_commands, self._hear_events, self._ping):
            self._spawn(loop())
        try:
            await self._hello()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_) -> None:
        self._stopped.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for call in list(self.calls.values()):
            call._on_end("this backend closed")
        for link in self._links.values():
            link.close()
        self._commands.close()
        self._events.close()
        self._context.term()

    def _spawn(self, work: typing.Coroutine) -> asyncio.Task:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task failed", exc_info=task.exception())

    def app(self, name: str, capacity: int = 1000) -> typing.Callable[[Handler], Handler]:
        """Decorator: `handler(call)` is run for every call of this app that this process gets, `capacity` at once."""

        def register(handler: Handler) -> Handler:
            self._apps[name] = (handler, capacity)
            return handler

        return register

    async def run(self) -> None:
        """Take calls until `stop()`."""
        await self._register()
        await self._stopped.wait()

    def stop(self) -> None:
        """Let `run()` return."""
        self._stopped.set()

    # -- asking --

    async def list_calls(self, app: str = "", call_id: int = 0) -> list[api_pb2.CallInfo]:
        """Calls that exist now, as CallInfo messages (proto/tipring/v1/api.proto)."""
        ack = await self._command("list_calls", api_pb2.ListCalls(app=app, call_id=call_id))
        return list(ack.calls)

    async def status(self) -> api_pb2.HostStatus:
        """Workers, backends and load of this host."""
        return (await self._command("get_status", api_pb2.GetStatus())).status

    # -- wire --

    async def _send(self, field: str, body, command_id: str = "", call_id: int = 0) -> None:
        envelope = envelope_pb2.Envelope(command_id=command_id, call_id=call_id)
        getattr(envelope, field).CopyFrom(body)
        await self._commands.send(envelope.SerializeToString())

    def _new_id(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    async def _command(self, field: str, body, call_id: int = 0, command_id: str = "") -> api_pb2.Ack:
        """Send until acknowledged. CommandRefused, Disconnected."""
        command_id = command_id or self._new_id()
        calls: list = []
        for _ in range(TRIES):
            future = self._acks[command_id] = asyncio.get_running_loop().create_future()
            await self._send(field, body, command_id, call_id)
            try:
                while (ack := await asyncio.wait_for(future, ACK_SECONDS)).more:
                    calls += ack.calls
                    future = self._acks[command_id] = asyncio.get_running_loop().create_future()
            except TimeoutError:
                continue
            finally:
                self._acks.pop(command_id, None)
            if ack.code not in (common_pb2.OK, common_pb2.ACCEPTED, common_pb2.DUPLICATE):
                raise CommandRefused(common_pb2.ResultCode.Name(ack.code), ack.reason, ack.retry_after_ms)
            ack.calls.extend(calls)
            return ack
        raise Disconnected(f"{field}: no acknowledgement after {TRIES} tries")

    async def _completed(self, field: str, body, call_id: int) -> api_pb2.CommandCompleted:
        """A command with ACCEPTED and a later completion."""
        command_id = self._new_id()
        future = self._completions[command_id] = asyncio.get_running_loop().create_future()
        try:
            await self._command(field, body, call_id, command_id)
            return await asyncio.wait_for(future, ACK_SECONDS * TRIES)
        except TimeoutError:
            raise Disconnected(f"{field}: acknowledged and never completed") from None
        finally:
            self._completions.pop(command_id, None)

    async def _hello(self) -> None:
        for _ in range(100):
            self._welcome = asyncio.get_running_loop().create_future()
            await self._send("hello", api_pb2.Hello(name=self.name, protocol_min=PROTOCOL, protocol_max=PROTOCOL,
                                                    instance=int(self._prefix, 16)))
            try:
                self._epoch = (await asyncio.wait_for(self._welcome, 0.5)).control_epoch
                return
            except TimeoutError:
                continue
        raise Disconnected(f"nobody answers at {self.endpoint}/commands.ipc: is tipring-supervisor running?")

    async def _register(self) -> None:
        for app in self._apps:
            self._events.setsockopt(zmq.SUBSCRIBE, f"e1/call/{app}/".encode())
            self._events.setsockopt(zmq.SUBSCRIBE, f"e1/media/{app}/".encode())
        # subscriptions travel in order: once the heartbeat comes through, the others are in force
        self._events.setsockopt(zmq.SUBSCRIBE, b"e1/hb/")
        await asyncio.wait_for(self._heartbeat.wait(), 10)
        for app, (_, capacity) in self._apps.items():
            await self._command("register", api_pb2.Register(app=app, capacity=capacity))

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._send("ping", api_pb2.Ping())

    async def _hear_commands(self) -> None:
        while True:
            envelope = envelope_pb2.Envelope.FromString(await self._commands.recv())
            body = envelope.WhichOneof("body")
            handle = getattr(self, f"_take_{body}", None)
            if handle is not None:
                handle(getattr(envelope, body), envelope)

    async def _hear_events(self) -> None:
        while True:
            _, payload = await self._events.recv_multipart()
            envelope = envelope_pb2.Envelope.FromString(payload)
            body = envelope.WhichOneof("body")
            if body == "heartbeat":
                self._heartbeat.set()
                self._take_epoch(envelope.epoch)
                continue
            call = self.calls.get(envelope.call_id)
            handle = getattr(self, f"_event_{body}", None)
            if call is not None and handle is not None:
                handle(call, getattr(envelope, body))

    # -- from control, to us alone --

    def _take_welcome(self, body, _) -> None:
        if self._welcome is not None and not self._welcome.done():
            self._welcome.set_result(body)

    def _take_pong(self, body, _) -> None:
        self._take_epoch(body.control_epoch)

    def _take_epoch(self, epoch: int) -> None:
        if self._epoch not in (0, epoch):
            self._epoch = epoch
            self._spawn(self._again())

    async def _again(self) -> None:
        """Control is a new process: it knows our calls from its workers, and has to learn that we still live."""
        log.warning("control was restarted; registering again")
        await self._hello()
        for app, (_, capacity) in self._apps.items():
            await self._command("register", api_pb2.Register(app=app, capacity=capacity))

    def _take_ack(self, body, _) -> None:
        future = self._acks.get(body.command_id)
        if future is not None and not future.done():
            future.set_result(body)

    def _take_command_completed(self, body, _) -> None:
        future = self._completions.get(body.command_id)
        if future is not None and not future.done():
            future.set_result(body)

    def _take_command_failed(self, body, _) -> None:
        future = self._completions.get(body.command_id)
        if future is not None and not future.done():
            future.set_exception(CommandRefused(common_pb2.ResultCode.Name(body.code), body.reason))

    def _take_offer(self, body, _) -> None:
        if body.call.app in self._apps and body.call.call_id not in self.calls:
            self._spawn(self._handle(body.call))

    def _take_media_ready(self, body, _) -> None:
        future = self._media.get(body.call_id)
        if future is not None and not future.done():
            future.set_result(body)

    def _take_lease_lost(self, body, _) -> None:
        if call := self.calls.pop(body.call_id, None):
            call._on_end(body.reason or "lease lost")

    # -- events of our calls --

    def _event_dtmf_received(self, call: Call, body) -> None:
        call._on_digit(Digit(body.digit, body.pos, body.duration_ms))

    def _event_utterance_finished(self, call: Call, body) -> None:
        if body.reason != "flushed":  # the answer to flush() tells those
            call._on_finished(_heard(body.played))

    def _event_mark_reached(self, call: Call, body) -> None:
        call._on_mark(body.mark, body.pos)

    def _event_mark_dropped(self, call: Call, body) -> None:
        call._on_mark(body.mark, None)

    def _event_call_ended(self, call: Call, body) -> None:
        self.calls.pop(call.call_id, None)
        call._on_end(body.reason or f"ended with {body.sip_code}")

    # -- one call --

    async def _handle(self, info) -> None:
        handler, _ = self._apps[info.app]
        call = self.calls[info.call_id] = Call(self, _info(info))
        try:
            ack = await self._command("claim", api_pb2.Claim(call_id=call.call_id), call.call_id)
        except (CommandRefused, Disconnected) as why:
            self.calls.pop(call.call_id, None)
            log.info("call %s went elsewhere: %s", call.id, why)
            return
        call.fence = ack.fence
        try:
            await handler(call)
        except CallEnded:
            pass
        except Exception:
            log.exception("the handler of %r failed", call)
        finally:
            if not call._ended.is_set():
                try:
                    await call.hangup()
                except (CommandRefused, Disconnected) as why:
                    log.info("hanging up %s: %s", call.id, why)

    def _link(self, attach_path: str) -> Link:
        if attach_path not in self._links:
            self._links[attach_path] = Link(attach_path)
        return self._links[attach_path]

    async def answer(self, call: Call, rate: int, frame_ms: int, headers: dict[str, str]) -> Tape:
        future = self._media[call.call_id] = asyncio.get_running_loop().create_future()
        body = api_pb2.Answer(call_id=call.call_id, fence=call.fence, rate_hz=rate, frame_ms=frame_ms)
        for name, value in headers.items():
            body.headers.add(name=name, value=value)
        try:
            await self._command("answer", body, call.call_id)
            ended = asyncio.ensure_future(call.ended())
            await asyncio.wait({future, ended}, timeout=ACK_SECONDS * TRIES, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            if call._ended.is_set():
                raise CallEnded(call.end_reason or "")
            if not future.done():
                raise Disconnected("answer: the audio never became ready")
        finally:
            self._media.pop(call.call_id, None)
        ready = future.result()
        tape = Tape(self._link(ready.attach_path), ready.tape_id, 128, call._on_tape)
        asyncio.get_running_loop().call_soon(call._on_tape)
        return tape

    async def ring(self, call: Call, code: int) -> None:
        await self._command("ring", api_pb2.Ring(call_id=call.call_id, fence=call.fence, code=code), call.call_id)

    async def reject(self, call: Call, code: int, reason: str) -> None:
        body = api_pb2.Reject(call_id=call.call_id, fence=call.fence, code=code, reason=reason)
        await self._command("reject", body, call.call_id)

    async def hangup(self, call: Call, cause: str, headers: dict[str, str]) -> None:
        body = api_pb2.Hangup(call_id=call.call_id, fence=call.fence, cause=cause)
        for name, value in headers.items():
            body.headers.add(name=name, value=value)
        try:
            await self._command("hangup", body, call.call_id)
        except CommandRefused as why:
            if why.code != "NOT_FOUND":  # it ended by itself meanwhile
                raise

    async def flush(self, call: Call, fade_ms: int) -> Flushed:
        body = api_pb2.Flush(call_id=call.call_id, fence=call.fence, fade_ms=fade_ms)
        return _flushed((await self._completed("flush", body, call.call_id)).flushed)

    async def mark(self, call: Call, name: str, after_index: int) -> None:
        body = api_pb2.Mark(call_id=call.call_id, fence=call.fence, mark=name, after_index=after_index)
        await self._command("mark", body, call.call_id)
