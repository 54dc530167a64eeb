"""Connection to control: register, be offered calls, send commands, hear events."""

from __future__ import annotations

import asyncio
import collections.abc
import itertools
import logging
import os
import re
import secrets
import time
import typing

import zmq
import zmq.asyncio

from .call import Call, Digit, Flushed, Heard
from .errors import CallEnded, CommandRefused, Disconnected
from .tape import Link, Tape
from .v1 import api_pb2, common_pb2, envelope_pb2, session_pb2

PROTOCOL = 1
HELLO_SECONDS = 0.5
PING_SECONDS = 1.0
ACK_SECONDS = 1.0
TRIES = 5           # of a command nobody acknowledged, with the same command_id: at most one takes effect
PINGS_UNANSWERED = 3  # after so many control counts as away, and so do we for control
ATTACH_SECONDS = 2
HISTORY_FRAMES = 128  # that came before we attached
REPORT_SECONDS = 2  # after a restart of control its workers have told it of their calls
GOOD = (common_pb2.OK, common_pb2.ACCEPTED, common_pb2.DUPLICATE)

log = logging.getLogger("tipring")

Handler = typing.Callable[[Call], collections.abc.Awaitable[None]]
Message = typing.Any  # a generated message: its module has no common base in its stubs


def connect(endpoint: str | None = None, name: str | None = None, timeout: float = 30.0) -> "Server":
    """A Server to be used as `async with`.

    endpoint: the run directory of a Tipring on this machine; default $TIPRING_ENDPOINT, else /run/tipring. name: of this process,
    1 to 63 octets, unique on the host (two that share one take each other's place); default "py-<pid>-<random>". timeout: seconds
    to wait for a server that is not up; Disconnected after it.
    """
    return Server(endpoint or os.environ.get("TIPRING_ENDPOINT") or "/run/tipring",
                  name or f"py-{os.getpid()}-{secrets.token_hex(3)}", timeout)


def _heard(played: session_pb2.UtterancePlayed) -> Heard:
    return Heard(played.utterance, played.played_ms, played.discarded_ms, played.played_samples,
                 played.discarded_samples)


def _flushed(message: session_pb2.SessionFlushed) -> Flushed:
    return Flushed(message.pos, {u.utterance: _heard(u) for u in message.utterances})


def _refusal(ack: api_pb2.Ack) -> CommandRefused:
    return CommandRefused(common_pb2.ResultCode.Name(ack.code), ack.reason, ack.retry_after_ms)


def _info(info: api_pb2.CallInfo) -> dict[str, typing.Any]:
    return {
        "call_id": info.call_id, "from_uri": info.from_uri, "from_display": info.from_display,
        "to_uri": info.to_uri, "request_uri": info.request_uri, "sip_call_id": info.sip_call_id,
        "headers": {h.name: h.value for h in info.headers}, "room_id": info.room_id, "session_id": info.session_id,
        "codec": common_pb2.Codec.Name(info.media.codec),
    }


class Server:
    """One backend process at one Tipring. See connect()."""

    _context: zmq.asyncio.Context  # from __aenter__ on: what is never entered leaves nothing to close
    _commands: zmq.asyncio.Socket
    _events: zmq.asyncio.Socket

    def __init__(self, endpoint: str, name: str, timeout: float):
        if not 0 < len(name.encode()) < 64:
            raise ValueError(f"a backend's name has 1 to 63 octets, not {len(name.encode())}")
        self.endpoint = endpoint.removeprefix("ipc://").rstrip("/")
        self.name = name
        self.calls: dict[int, Call] = {}
        self._timeout = timeout
        self._apps: dict[str, tuple[Handler, int]] = {}  # handler and capacity
        self._numbers = itertools.count(1)
        self._prefix = secrets.token_hex(6)
        self._acks: dict[str, asyncio.Future[api_pb2.Ack]] = {}
        self._completions: dict[str, asyncio.Future[api_pb2.CommandCompleted]] = {}
        self._media: dict[int, asyncio.Future[Message]] = {}
        self._links: dict[str, Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._welcome: asyncio.Future[api_pb2.Welcome] | None = None
        self._heartbeat = asyncio.Event()
        self._epoch = 0
        self._unanswered = 0
        self._registered = False
        self._returning = False
        self._stopped = asyncio.Event()

    # -- life --

    async def __aenter__(self) -> "Server":
        self._context = zmq.asyncio.Context()
        self._commands = self._context.socket(zmq.DEALER)
        self._events = self._context.socket(zmq.SUB)
        self._commands.setsockopt(zmq.ROUTING_ID, self.name.encode())
        for socket in (self._commands, self._events):
            socket.setsockopt(zmq.LINGER, 100)
            socket.setsockopt(zmq.RECONNECT_IVL, 20)
            socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
            socket.setsockopt(zmq.RCVHWM, 100000)
        try:
            self._commands.connect(f"ipc://{self.endpoint}/commands.ipc")
            self._events.connect(f"ipc://{self.endpoint}/events.ipc")
        except zmq.ZMQError as why:
            self._context.destroy(linger=0)
            raise ValueError(f"{self.endpoint}/commands.ipc can not be a socket: {why}") from None
        try:
            for loop in (self._hear_commands, self._hear_events):
                self._spawn(loop(), self._tasks)
            await self._hello(self._timeout)
            self._spawn(self._ping(), self._tasks)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """No more offers, hang up what is left, close."""
        self._stopped.set()
        if self._registered:
            try:
                await asyncio.wait_for(self._register(takes=False), ACK_SECONDS)
            except (TimeoutError, CommandRefused, Disconnected):
                pass  # it will notice that nobody answers
        await self._cancel(self._handlers)
        await self._cancel(self._tasks)
        for call in list(self.calls.values()):
            call._on_end("this backend closed")
        for link in self._links.values():
            link.close()
        self._context.destroy(linger=100)

    async def _cancel(self, tasks: set[asyncio.Task[None]]) -> None:
        waiting = list(tasks)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _spawn(self, work: collections.abc.Coroutine[typing.Any, typing.Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(self._report)

    @staticmethod
    def _report(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("a task failed", exc_info=task.exception())

    def app(self, name: str, capacity: int = 1000) -> typing.Callable[[Handler], Handler]:
        """Decorator: `handler(call)` is run for every call of this app that this process gets, `capacity` at once. When it
        returns or raises, the call is hung up. Several apps may be served; before run()."""
        if not re.fullmatch("[a-z0-9-]{1,63}", name):
            raise ValueError(f"an app is called [a-z0-9-]{{1,63}}, not {name!r}")
        if name in self._apps:
            raise ValueError(f"{name!r} has a handler already")
        if not 0 < capacity < 1 << 32:
            raise ValueError(f"capacity {capacity}: how many calls this process takes at once")

        def register(handler: Handler) -> Handler:
            self._apps[name] = handler, capacity
            return handler

        return register

    async def run(self) -> None:
        """Take calls until stop(). Leaving the `async with` block then hangs up the ones that are left."""
        if not self._apps:
            raise RuntimeError('no handler: decorate one with @server.app("name") before run()')
        for app in self._apps:
            for area in ("call", "media"):
                self._events.setsockopt(zmq.SUBSCRIBE, f"e1/{area}/{app}/".encode())
        # subscriptions travel in order: once the heartbeat comes through, the others are in force
        self._events.setsockopt(zmq.SUBSCRIBE, b"e1/hb/")
        try:
            await asyncio.wait_for(self._heartbeat.wait(), 10)
        except TimeoutError:
            raise Disconnected(f"nothing is published at {self.endpoint}/events.ipc") from None
        await self._register()
        self._registered = True
        await self._stopped.wait()

    def stop(self) -> None:
        """Let run() return."""
        self._stopped.set()

    # -- asking --

    async def list_calls(self, app: str = "", call_id: int = 0) -> list[api_pb2.CallInfo]:
        """Calls that exist now, as CallInfo messages (proto/tipring/v1/api.proto)."""
        calls: list[api_pb2.CallInfo] = []
        ack = api_pb2.Ack()
        while True:
            ack = await self._command("list_calls", api_pb2.ListCalls(app=app, call_id=call_id, after=ack.next))
            calls += ack.calls
            if not ack.next:
                return calls

    async def status(self) -> api_pb2.HostStatus:
        """Workers, backends and load of this host."""
        return (await self._command("get_status", api_pb2.GetStatus())).status

    # -- wire --

    async def _send(self, field: str, body: Message, command_id: str = "", call_id: int = 0) -> None:
        envelope = envelope_pb2.Envelope(command_id=command_id, call_id=call_id)
        getattr(envelope, field).CopyFrom(body)
        try:
            await self._commands.send(envelope.SerializeToString(), zmq.DONTWAIT)
        except zmq.Again:
            pass  # nobody takes messages for long now: what matters is sent again

    def _new_id(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    async def _command(self, field: str, body: Message, call_id: int = 0, command_id: str = "") -> api_pb2.Ack:
        """Send until acknowledged. CommandRefused, Disconnected."""
        command_id = command_id or self._new_id()
        for _ in range(TRIES):
            future = self._acks[command_id] = asyncio.get_running_loop().create_future()
            try:
                await self._send(field, body, command_id, call_id)
                ack = await asyncio.wait_for(future, ACK_SECONDS)
            except TimeoutError:
                continue
            finally:
                self._acks.pop(command_id, None)
            if ack.code not in GOOD:
                raise _refusal(ack)
            return ack
        raise Disconnected(f"{field}: control did not answer {TRIES} times ({self.endpoint}/commands.ipc)")

    async def _call_command(self, field: str, body: Message, call: Call, command_id: str = "") -> api_pb2.Ack:
        """A command about a call: CallEnded when there is no such call any more."""
        try:
            return await self._command(field, body, call.call_id, command_id)
        except CommandRefused as why:
            if why.code == "NOT_FOUND":
                raise CallEnded(call.end_reason or why.reason) from None
            raise

    async def _wait_or_end(self, future: asyncio.Future[typing.Any], call: Call, what: str) -> typing.Any:
        """The future's result; CallEnded when the call ends first."""
        ended = asyncio.ensure_future(call.ended())
        try:
            await asyncio.wait({future, ended}, timeout=ACK_SECONDS * TRIES, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if future.done():
            return future.result()
        if call._ended.is_set():
            raise CallEnded(call.end_reason or "")
        raise Disconnected(what)

    async def _hello(self, seconds: float) -> None:
        """Introduce ourselves; patient, and not silent, while nobody answers."""
        end, told = time.monotonic() + seconds, False
        body = api_pb2.Hello(name=self.name, protocol_min=PROTOCOL, protocol_max=PROTOCOL, instance=int(self._prefix, 16))
        while True:
            command_id = self._new_id()
            welcome = self._welcome = asyncio.get_running_loop().create_future()
            refused = self._acks[command_id] = asyncio.get_running_loop().create_future()
            await self._send("hello", body, command_id)
            await asyncio.wait({welcome, refused}, timeout=HELLO_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            self._acks.pop(command_id, None)
            if welcome.done():
                self._epoch = welcome.result().control_epoch
                return
            if refused.done():
                raise _refusal(refused.result())
            if time.monotonic() > end:
                raise Disconnected(self._why_nobody())
            if not told:
                log.warning("%s; still trying", self._why_nobody())
                told = True

    def _why_nobody(self) -> str:
        """What a person can do about a control that does not answer."""
        path = f"{self.endpoint}/commands.ipc"
        hint = "$TIPRING_ENDPOINT or connect(endpoint) names the run directory (host.run_dir in tipring.yaml)"
        if not os.path.isdir(self.endpoint):
            return f"there is no directory {self.endpoint}: is tipring-supervisor running? {hint}"
        if not os.access(self.endpoint, os.X_OK) or (os.path.exists(path) and not os.access(path, os.W_OK)):
            return f"no permission for {path}: run as the user of tipring-supervisor, or join its group"
        if not os.path.exists(path):
            return f"there is no socket {path}: is tipring-supervisor running? {hint}"
        return f"nobody answers at {path}: is tipring-supervisor running? or another backend is named {self.name!r} too"

    async def _register(self, takes: bool = True) -> None:
        for app, (_, capacity) in self._apps.items():
            await self._command("register", api_pb2.Register(app=app, capacity=capacity if takes else 0))

    async def _ping(self) -> None:
        """Tell control that we live, and notice when it does not."""
        gone: set[int] = set()
        away = False
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._send("ping", api_pb2.Ping())
            self._unanswered += 1
            silent = self._unanswered > PINGS_UNANSWERED
            if silent != away:
                log.warning(f"control does not answer; calls go on, commands wait (or is another backend named {self.name!r}?)"
                            if silent else "control answers again")
            away = silent
            gone = self._end_closed(gone)

    def _end_closed(self, before: set[int]) -> set[int]:
        """Calls whose tape was closed are over, even when the event that says so is lost. Those that are, for the next time."""
        closed = {call.call_id for call in self.calls.values() if isinstance(call._tape, Tape) and call._tape.closed}
        for call_id in closed & before:
            self._end(self.calls[call_id], "the audio was closed")
        return closed - before

    async def _hear_commands(self) -> None:
        while True:
            payload = await self._commands.recv()
            self._unanswered = 0
            self._take("_take", payload)

    async def _hear_events(self) -> None:
        while True:
            frames = await self._events.recv_multipart()
            self._take("_event", frames[-1])

    def _take(self, prefix: str, payload: bytes) -> None:
        """One message to the method named after its body. Nothing in it may end the loop that hears the others."""
        try:
            envelope = envelope_pb2.Envelope.FromString(payload)
            name = envelope.WhichOneof("body")
            handle = getattr(self, f"{prefix}_{name}", None)
            if handle is not None:
                handle(getattr(envelope, name or ""), envelope)
        except Exception:
            log.exception("a message could not be taken")

    # -- from control, to us alone --

    def _take_welcome(self, body: api_pb2.Welcome, _: Message) -> None:
        if self._welcome is not None and not self._welcome.done():
            self._welcome.set_result(body)

    def _take_pong(self, body: api_pb2.Pong, _: Message) -> None:
        self._take_epoch(body.control_epoch)

    def _take_epoch(self, epoch: int) -> None:
        if epoch != self._epoch and not self._returning:
            self._returning = True
            self._spawn(self._return(restarted=epoch != 0), self._tasks)

    async def _return(self, restarted: bool) -> None:
        """Control does not know us: it is a new process that knows our calls from its workers, or it took us for lost."""
        log.warning("control was restarted; registering again" if restarted else
                    "control does not know this process: it was started anew, or heard nothing for 3 s "
                    "(does something block the event loop?); registering again")
        while self._returning:
            try:
                await self._hello(self._timeout)
                if self._registered and not self._stopped.is_set():
                    await self._register()
                self._returning = False
            except (CommandRefused, Disconnected) as why:
                log.error("registering again: %s", why)
                await asyncio.sleep(PING_SECONDS)
        if restarted:
            await asyncio.sleep(REPORT_SECONDS)
        await self._compare()

    async def _compare(self) -> None:
        """Events may be lost: what became of our calls?"""
        had = [call for call in self.calls.values() if call.fence]
        try:
            rows = {row.call_id: row for row in await self.list_calls()} if had else {}
        except Disconnected as why:
            log.error("asking for our calls: %s", why)
            return
        for call in had:
            row = rows.get(call.call_id)
            if row is None:
                self._end(call, "it ended while control was away")
            elif row.backend != self.name:
                self._end(call, "it was given to another backend")
            else:
                call._after_restart()

    def _take_ack(self, body: api_pb2.Ack, _: Message) -> None:
        future = self._acks.get(body.command_id)
        if future is not None and not future.done():
            future.set_result(body)

    def _take_command_completed(self, body: api_pb2.CommandCompleted, _: Message) -> None:
        future = self._completions.get(body.command_id)
        if future is not None and not future.done():
            future.set_result(body)

    def _take_command_failed(self, body: api_pb2.CommandFailed, _: Message) -> None:
        future = self._completions.get(body.command_id)
        if future is not None and not future.done():
            future.set_exception(CommandRefused(common_pb2.ResultCode.Name(body.code), body.reason))

    def _take_offer(self, body: api_pb2.Offer, _: Message) -> None:
        if body.call.app not in self._apps or self._stopped.is_set():
            return
        had = self.calls.get(body.call.call_id)
        if had is not None and not had.fence:
            return  # being claimed
        if had is not None:
            self._end(had, "it was offered again: this backend was taken for lost")
        self._spawn(self._handle(body.call), self._handlers)

    def _take_media_ready(self, body: Message, _: Message) -> None:
        future = self._media.get(body.call_id)
        if future is not None and not future.done():
            future.set_result(body)

    def _take_lease_lost(self, body: api_pb2.LeaseLost, _: Message) -> None:
        if call := self.calls.get(body.call_id):
            self._end(call, body.reason or "lease lost")

    # -- events of our calls --

    def _event_heartbeat(self, _: Message, envelope: Message) -> None:
        self._heartbeat.set()
        if self._epoch != 0:
            self._take_epoch(envelope.epoch)  # a new control is heard here before the next ping

    def _event_dtmf_received(self, body: Message, envelope: Message) -> None:
        if call := self.calls.get(envelope.call_id):
            call._on_digit(Digit(body.digit, body.pos, body.duration_ms))

    def _event_utterance_finished(self, body: Message, envelope: Message) -> None:
        # the answer to flush() tells of those that were flushed, the end of the call of the others
        if body.reason == "played" and (call := self.calls.get(envelope.call_id)):
            call._on_finished(_heard(body.played))

    def _event_mark_reached(self, body: Message, envelope: Message) -> None:
        if call := self.calls.get(envelope.call_id):
            call._on_mark(body.mark, body.pos)

    def _event_mark_dropped(self, body: Message, envelope: Message) -> None:
        if call := self.calls.get(envelope.call_id):
            call._on_mark(body.mark, None)

    def _event_call_ended(self, body: Message, envelope: Message) -> None:
        if call := self.calls.get(envelope.call_id):
            self._end(call, body.reason or f"ended with {body.sip_code}")

    def _end(self, call: Call, reason: str) -> None:
        if self.calls.get(call.call_id) is call:
            del self.calls[call.call_id]
        call._on_end(reason)

    # -- one call --

    async def _handle(self, info: api_pb2.CallInfo) -> None:
        handler, _ = self._apps[info.app]
        call = self.calls[info.call_id] = Call(self, _info(info))
        try:
            ack = await self._command("claim", api_pb2.Claim(call_id=call.call_id), call.call_id)
        except (CommandRefused, Disconnected) as why:
            self._end(call, str(why))
            log.info("call %s went elsewhere: %s", call.id, why)
            return
        call.fence = ack.fence
        cause = ""
        try:
            await handler(call)
        except CallEnded:
            pass
        except Exception:
            log.exception("the handler of %r failed", call)
            cause = "backend failed"
        finally:
            try:
                await call.hangup(cause)
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
            await self._call_command("answer", body, call)
            ready = await self._wait_or_end(future, call, "answer: the audio never became ready")
        finally:
            self._media.pop(call.call_id, None)
        tape = await self._attach(call, ready)
        asyncio.get_running_loop().call_soon(call._on_tape)
        return tape

    async def _attach(self, call: Call, ready: Message) -> Tape:
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

    async def ring(self, call: Call, code: int) -> None:
        await self._call_command("ring", api_pb2.Ring(call_id=call.call_id, fence=call.fence, code=code), call)

    async def reject(self, call: Call, code: int, reason: str) -> None:
        body = api_pb2.Reject(call_id=call.call_id, fence=call.fence, code=code, reason=reason)
        await self._call_command("reject", body, call)

    async def hangup(self, call: Call, cause: str, headers: dict[str, str]) -> None:
        body = api_pb2.Hangup(call_id=call.call_id, fence=call.fence, cause=cause)
        for name, value in headers.items():
            body.headers.add(name=name, value=value)
        try:
            await self._call_command("hangup", body, call)
        except CallEnded:
            pass  # by itself, meanwhile
        except CommandRefused as why:
            if why.code != "CONFLICT":  # it is ending
                raise

    async def flush(self, call: Call, fade_ms: int) -> Flushed:
        body = api_pb2.Flush(call_id=call.call_id, fence=call.fence, fade_ms=fade_ms)
        command_id = self._new_id()
        future = self._completions[command_id] = asyncio.get_running_loop().create_future()
        try:
            await self._call_command("flush", body, call, command_id)
            completed = await self._wait_or_end(future, call, "flush: acknowledged and never completed")
        finally:
            self._completions.pop(command_id, None)
        return _flushed(completed.flushed)

    async def mark(self, call: Call, name: str, after_index: int) -> None:
        body = api_pb2.Mark(call_id=call.call_id, fence=call.fence, mark=name, after_index=after_index)
        await self._call_command("mark", body, call)
