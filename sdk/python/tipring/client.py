"""A backend process: registers for apps, is offered calls, runs their handlers and tells each call what happens to it."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import logging
import os
import re
import secrets
import typing

from . import bridging
from .bridging import Room
from .bus import ACK_SECONDS, Bus, Message
from .call import Call, Handler, require_handler
from .dialling import Dialling, body_of
from .errors import CallEnded, CommandRefused, DialFailed, Disconnected
from .hearing import Digit, Event, ear_of
from .messaging import MessageHandler, Messaging
from .tape import Tape
from .transferring import Referral
from .transport import ControlTransport, codec_name, heard_of, outcome_of, quality_of
from .v1 import api_pb2, common_pb2, envelope_pb2, event_pb2, session_pb2
from .watching import signals, watch_loop

PING_SECONDS = 1.0
PINGS_UNANSWERED = 3  # after so many control counts as away, and so do we for control
REPORT_SECONDS = 2  # after a restart of control its workers have told it of their calls
RECORDING_STATES = {
    event_pb2.RECORDING_STARTED: "running", event_pb2.RECORDING_RESUMED: "running", event_pb2.RECORDING_PAUSED: "paused",
    event_pb2.RECORDING_STOPPED: "stopped", event_pb2.RECORDING_FAILED: "failed",
}
PLAY_STATES = {
    event_pb2.PLAY_STARTED: "playing", event_pb2.PLAY_FINISHED: "finished", event_pb2.PLAY_STOPPED: "stopped", event_pb2.PLAY_FAILED: "failed",
}
CLOSING_SECONDS = 2  # after the loss of a call that ends, for the last of its events

LEVELS = {session_pb2.HIGH_WATER: "tx.high_water", session_pb2.LOW_WATER: "tx.low_water", session_pb2.DRAINED: "tx.drained"}

ENTER = "a Server is entered first: async with tipring.connect() as server: ... await server.run()"

log = logging.getLogger("tipring")


def connect(endpoint: str | None = None, name: str | None = None, timeout: float = 30.0) -> "Server":
    """A Server to be used as `async with`.

    endpoint: the run directory of a Tipring on this machine; default $TIPRING_ENDPOINT, else /run/tipring. name: of this process,
    1 to 63 octets, unique on the host (two that share one take each other's place); default "py-<pid>-<random>". timeout: seconds
    to wait for a server that is not up; Disconnected after it.
    """
    return Server(endpoint or os.environ.get("TIPRING_ENDPOINT") or "/run/tipring",
                  name or f"py-{os.getpid()}-{secrets.token_hex(3)}", timeout)


def _held(info: api_pb2.CallInfo) -> str:
    if info.held_by_peer:
        return "both" if info.held_by_backend else "peer"
    return "us" if info.held_by_backend else ""


def _info(info: api_pb2.CallInfo) -> dict[str, typing.Any]:
    return {
        "call_id": info.call_id, "from_uri": info.from_uri, "from_display": info.from_display,
        "to_uri": info.to_uri, "request_uri": info.request_uri, "sip_call_id": info.sip_call_id,
        "headers": {h.name: h.value for h in info.headers}, "room_id": info.room_id, "session_id": info.session_id,
        "codec": codec_name(info.media.codec), "metadata": info.metadata, "auth_user": info.auth_user,
        "direction": "out" if info.direction == api_pb2.CALL_OUTBOUND else "in",
        "replaces": f"{info.replaces:016x}" if info.replaces else "",
        "held": _held(info),
        "bridge": f"{info.bridge_room:016x}" if info.bridge_room else "", "muted": info.muted,
    }


class Server:
    """One backend process at one Tipring. See connect(). endpoint: the run directory. name: of this process."""

    def __init__(self, endpoint: str, name: str, timeout: float):
        if not 0 < len(name.encode()) < 64:
            raise ValueError(f"a backend's name has 1 to 63 octets, not {len(name.encode())}")
        self.endpoint = endpoint.removeprefix("ipc://").rstrip("/")
        self.name = name
        self._calls: dict[int, Call] = {}
        self._timeout = timeout
        self._apps: dict[str, tuple[Handler, int]] = {}  # handler and capacity
        self._bus = Bus(self.endpoint, name)
        self._transport = ControlTransport(self._bus)
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._dialling = Dialling(self._bus, self._transport, self._calls, self._heard, self._end_soon)
        self._messaging = Messaging(self._bus, self._transport)
        self._topics: set[str] = set()  # apps whose events are subscribed to
        self._heartbeat = asyncio.Event()
        self._unanswered = 0
        self._open = False
        self._registered = False
        self._returning = False
        self._stopped = asyncio.Event()

    def __repr__(self) -> str:
        serving = f"serving {', '.join(self._apps)}" if self._registered else "not serving"
        return f"<Server {self.name} at {self.endpoint}, {serving}, {len(self._calls)} calls>"

    # -- life --

    async def __aenter__(self) -> "Server":
        self._bus.open()
        self._open = True
        try:
            for work in (self._hear_commands, self._hear_events):
                self._spawn(work(), self._tasks)
            await self._bus.hello(self._timeout)
            for work in (self._ping, watch_loop):
                self._spawn(work(), self._tasks)
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
        await self._dialling.hang_up()
        await self._cancel(self._tasks)
        for call in list(self._calls.values()):
            self._end(call, "this backend closed")
        self._transport.close()
        self._bus.close()
        self._open = self._registered = False

    def __await__(self) -> collections.abc.Generator[None, None, typing.NoReturn]:
        raise RuntimeError(ENTER)

    def _require_open(self) -> None:
        if not self._open:
            raise RuntimeError(ENTER)

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

    def messages(self, app: str) -> typing.Callable[[MessageHandler], MessageHandler]:
        """Decorator: `handler(message)`, an `async def`, is run for every SIP MESSAGE that somebody sends to a number of this app outside any
        call (RFC 3428). The sender gets 200 when it returns, or the code that it returns: 202, or 400 to 699; 500 when it raises. It has four
        seconds. Beside app() or without it, before run()."""
        if not isinstance(app, str) or not re.fullmatch("[a-z0-9-]{1,63}", app):
            raise ValueError(f"an app is called [a-z0-9-]{{1,63}}, not {app!r}")
        if app in self._messaging.handlers:
            raise ValueError(f"messages of {app!r} have a handler already")

        def register(handler: MessageHandler) -> MessageHandler:
            require_handler(handler, "message")
            self._messaging.handlers[app] = handler
            return handler

        return register

    def app(self, name: str, capacity: int = 1000) -> typing.Callable[[Handler], Handler]:
        """Decorator: `handler(call)`, an `async def`, is run for every call of this app that this process gets, `capacity` at once.
        When it returns, what it has said is heard to its end and the call is hung up; when it raises, at once. Several apps may be
        served; before run(). ValueError, TypeError for what can not be served."""
        if not isinstance(name, str):
            raise TypeError('the app has a name: write @server.app("name")')
        if not re.fullmatch("[a-z0-9-]{1,63}", name):
            raise ValueError(f"an app is called [a-z0-9-]{{1,63}}, not {name!r}")
        if name in self._apps:
            raise ValueError(f"{name!r} has a handler already")
        if not 0 < capacity < 1 << 32:
            raise ValueError(f"capacity {capacity}: how many calls this process takes at once")

        def register(handler: Handler) -> Handler:
            require_handler(handler)
            self._apps[name] = handler, capacity
            return handler

        return register

    async def run(self, handle_signals: bool = True) -> None:
        """Take calls until stop(). Leaving the `async with` block then hangs up the ones that are left.

        handle_signals: SIGINT (Ctrl-C) and SIGTERM call stop() meanwhile. False leaves both to you. RuntimeError when there is no
        handler, Disconnected when nothing is heard of control."""
        if not self._apps and not self._messaging.handlers:
            raise RuntimeError('no handler: decorate one with @server.app("name") before run()')
        self._require_open()
        with signals(self.stop) if handle_signals else contextlib.nullcontext():
            await self._serve()

    async def _serve(self) -> None:
        await self._heard(*self._apps)
        await self._register()
        self._registered = True
        log.info("serving %s at %s as %s", ", ".join({**self._apps, **self._messaging.handlers}), self.endpoint, self.name)
        await self._stopped.wait()

    async def _heard(self, *apps: str) -> None:
        """Subscribe to the events of these apps, and be sure of it."""
        fresh = set(apps) - self._topics
        if not fresh:
            return
        for app in fresh:
            for area in ("call", "media"):
                self._bus.subscribe(f"e1/{area}/{app}/")
        self._heartbeat.clear()
        # subscriptions travel in order: once a heartbeat comes through, the others are in force. One that is asked for anew comes at once
        self._bus.unsubscribe("e1/hb/")
        self._bus.subscribe("e1/hb/")
        try:
            await asyncio.wait_for(self._heartbeat.wait(), 10)
        except TimeoutError:
            raise Disconnected(f"nothing is published at {self.endpoint}/events.ipc") from None
        self._topics |= fresh

    async def dial(self, uri: str, *, from_uri: str = "", from_display: str = "", to_uri: str = "",
                   headers: dict[str, str] | None = None, ringing_timeout: float | None = None, early_media: bool = False,
                   rate: int = 16000, frame_ms: int = 20, metadata: str = "", app: str = "", session_expires: int = 0,
                   username: str = "", password: str = "", auth_realm: str = "", digits: str = "", ear: str = "") -> Call:
        """Call somebody. Returns the Call at once, this process being its owner; `await call.answered()` waits for the peer.

        uri: "sip:USER@HOST:PORT"; outbound in tipring.yaml decides whom backends may call, and where the request goes. from_uri: a sip:
        URI, or a user part at outbound.from_host; "": of the host. to_uri: for the To header, when it is another one. headers: X-, P- and
        a few more, at most 16. ringing_timeout: seconds the peer has, 1 to 300; None: as configured. early_media: audio may flow before
        the answer, see Call.early_media(). rate, frame_ms, ear: as for Call.answer(). metadata: at most 96 octets that stay with the call. app:
        whose call it is for events and lists; "": the first that this process serves, else "dial". session_expires: seconds of the session
        timer that is asked for, 90 to 86400; 0: as configured. username, password: when the peer asks
        who we are; "": as configured. Kept in memory alone: a signaling that is replaced before it was asked can not answer any more, and
        the call fails with "auth_failed". auth_realm: the only realm that may ask; "": any. digits: keys, as for Call.send_dtmf(), that are pressed
        when the audio is up; nobody hears how that went.

        CommandRefused: it is not allowed ("REJECTED", the reason names the missing line of the configuration), or not now ("OVERLOADED",
        retry_after_ms). Nothing of what the far side does is raised here."""
        self._require_open()
        body = body_of(uri, headers or {}, ringing_timeout)
        body.MergeFrom(api_pb2.Dial(to=to_uri, from_display=from_display, early_media=early_media, rate_hz=rate, frame_ms=frame_ms,
                                    metadata=metadata, app=app or next(iter(self._apps), "dial"), session_expires_s=session_expires,
                                    username=username, password=password, auth_realm=auth_realm, digits_after_answer=digits, ear=ear_of(ear)))
        setattr(body, "from", from_uri)
        return await self._dialling.dial(body)

    async def send_message(self, to: str, body: bytes | str, content_type: str = "text/plain", *, from_uri: str = "", from_display: str = "",
                           headers: dict[str, str] | None = None, username: str = "", password: str = "", auth_realm: str = "") -> None:
        """Send SIP MESSAGE outside any call (RFC 3428), and wait until somebody took it. to, from_uri, from_display, headers, username, password,
        auth_realm: as uri and the others of dial(); outbound in tipring.yaml decides about it, and it counts as one of outbound.max_cps. At
        most 1300 octets with all its headers.

        CommandRefused: `sip_code` is the answer, 408 when there was none; 0: it was not sent, or nobody knows (signaling was replaced)."""
        self._require_open()
        message = api_pb2.SendMessage(to=to, body=body.encode() if isinstance(body, str) else body, content_type=content_type,
                                      from_display=from_display, username=username, password=password, auth_realm=auth_realm)
        setattr(message, "from", from_uri)
        for name, value in (headers or {}).items():
            message.headers.add(name=name, value=value)
        await self._messaging.send(message)

    async def bridge(self, *calls: Call) -> Room:
        """Let 1 to 32 calls of this process hear each other; more can join the Room. All of them have audio (answered, or early media) and lie in
        one media worker. The event "bridge_joined" tells each of them when it sits.

        CommandRefused, and nothing has changed: "CONFLICT", "UNSUPPORTED" or "OVERLOADED" as of Room; "NOT_FOUND": a call is over."""
        self._require_open()
        return await bridging.bridge(self._bus, calls)

    def room(self, room_id: str) -> Room:
        """The Room of this id, such as `call.bridge`."""
        return Room(self._bus, int(room_id, 16))

    def stop(self) -> None:
        """Let run() return."""
        self._stopped.set()

    # -- asking --

    @property
    def calls(self) -> list[Call]:
        """Those this process has now."""
        return [call for call in self._calls.values() if call._fence]

    async def list_calls(self, app: str = "", call_id: int = 0) -> list[api_pb2.CallInfo]:
        """Calls that exist on this host now, as CallInfo messages (proto/tipring/v1/api.proto)."""
        self._require_open()
        calls: list[api_pb2.CallInfo] = []
        ack = api_pb2.Ack()
        while True:
            ack = await self._bus.command("list_calls", api_pb2.ListCalls(app=app, call_id=call_id, after=ack.next))
            calls += ack.calls
            if not ack.next:
                return calls

    async def status(self) -> api_pb2.HostStatus:
        """Workers, backends and load of this host, as a message (proto/tipring/v1/api.proto)."""
        self._require_open()
        return (await self._bus.command("get_status", api_pb2.GetStatus())).status

    # -- being known to control --

    async def _register(self, takes: bool = True) -> None:
        for app in {**self._apps, **self._messaging.handlers}:
            capacity = self._apps[app][1] if app in self._apps else 0
            await self._bus.command("register", api_pb2.Register(app=app, capacity=capacity if takes else 0,
                                                                 messages=takes and app in self._messaging.handlers))

    async def _ping(self) -> None:
        """Tell control that we live, and notice when it does not."""
        gone: set[int] = set()
        away = False
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._bus.send("ping", api_pb2.Ping())
            self._unanswered += 1
            silent = self._unanswered > PINGS_UNANSWERED
            if silent != away:
                log.warning(f"control does not answer; calls go on, commands wait (or is another backend named {self.name!r}?)"
                            if silent else "control answers again")
            away = silent
            gone = self._end_closed(gone)

    def _end_closed(self, before: set[int]) -> set[int]:
        """Calls whose tape was closed are over, even when the event that says so is lost. Those that are, for the next time."""
        closed = {call.call_id for call in self._calls.values() if isinstance(call._tape, Tape) and call._tape.closed}
        for call_id in closed & before:
            self._end(self._calls[call_id], "the audio was closed")
        return closed - before

    async def _hear_commands(self) -> None:
        while True:
            payload = await self._bus.commands.recv()
            self._unanswered = 0
            self._take("_take", payload)

    async def _hear_events(self) -> None:
        while True:
            frames = await self._bus.events.recv_multipart()
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
        self._bus.take_welcome(body)

    def _take_pong(self, body: api_pb2.Pong, _: Message) -> None:
        self._take_epoch(body.control_epoch)

    def _take_epoch(self, epoch: int) -> None:
        if epoch != self._bus.epoch and not self._returning:
            self._returning = True
            self._spawn(self._return(restarted=epoch != 0), self._tasks)

    async def _return(self, restarted: bool) -> None:
        """Control does not know us: it is a new process that knows our calls from its workers, or it took us for lost."""
        log.warning("control was restarted; registering again" if restarted else
                    "control does not know this process: it was started anew, or heard nothing for 3 s "
                    "(does something block the event loop?); registering again")
        while self._returning:
            try:
                await self._bus.hello(self._timeout)
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
        had = [call for call in self._calls.values() if call._fence]
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
                if row.phase == api_pb2.CALL_ANSWERED:
                    self._dialling.answered(call)
                call._on_holders(_held(row))
                call._after_restart()

    def _take_ack(self, body: api_pb2.Ack, _: Message) -> None:
        if body.call_id:
            self._dialling.begun(body.command_id, body.call_id)  # now: what follows on this socket is about it
        self._bus.take_ack(body)

    def _take_media_ready(self, body: Message, _: Message) -> None:
        call = self._calls.get(body.call_id)
        if call is not None:
            call._on_codec(codec_name(body.codec), body.generation)
        if call is not None and call.direction == "out" and call._tape is None and call._picked_up is not None:
            self._spawn(self._dialling.attach(call, body), self._tasks)
        self._transport.take_media_ready(body)

    def _take_command_completed(self, body: api_pb2.CommandCompleted, _: Message) -> None:
        self._transport.take_command_completed(body)

    def _take_command_failed(self, body: api_pb2.CommandFailed, _: Message) -> None:
        self._transport.take_command_failed(body)

    def _take_offer(self, body: api_pb2.Offer, _: Message) -> None:
        if body.call.app not in self._apps or self._stopped.is_set():
            return
        had = self._calls.get(body.call.call_id)
        if had is not None and not had._fence:
            return  # being claimed
        if had is not None:
            self._end(had, "it was offered again: this backend was taken for lost")
        self._spawn(self._handle(body.call), self._handlers)

    def _take_message_offer(self, body: api_pb2.MessageOffer, _: Message) -> None:
        if body.app in self._messaging.handlers and not self._stopped.is_set():
            self._spawn(self._messaging.take(body), self._handlers)

    def _take_lease_lost(self, body: api_pb2.LeaseLost, _: Message) -> None:
        call = self._calls.get(body.call_id)
        if call is None:
            return
        reason = body.reason or "lease lost"
        if not body.call_ends:
            self._end(call, reason)
            return
        # the last keys, marks and utterances are on the other socket, and its end behind them
        call._on_closing(reason)
        self._end_soon(call, reason)

    # -- events of our calls --

    def _event_heartbeat(self, _: Message, envelope: Message) -> None:
        self._heartbeat.set()
        if self._bus.epoch != 0:
            self._take_epoch(envelope.epoch)  # a new control is heard here before the next ping

    def _event_dtmf_received(self, body: Message, envelope: Message) -> None:
        call = self._calls.get(envelope.call_id)
        if call is not None and call._is_new_key(body.number):
            call._on_digit(Digit(body.digit, body.pos, body.duration_ms, body.method))

    def _event_dtmf_collected(self, body: Message, envelope: Message) -> None:
        self._transport.take_collected(envelope.cause_command, body)

    def _event_utterance_finished(self, body: Message, envelope: Message) -> None:
        # the answer to flush() tells of those that were flushed, the end of the call of the others
        if body.reason == "played" and (call := self._calls.get(envelope.call_id)):
            call._on_finished(heard_of(body.played))

    def _event_mark_reached(self, body: Message, envelope: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_mark(body.mark, body.pos)

    def _event_mark_dropped(self, body: Message, envelope: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_mark(body.mark, None)

    def _event_call_dialling(self, body: Message, envelope: Message) -> None:
        if body.backend == self.name:
            self._dialling.begun(envelope.cause_command, body.call.call_id)

    def _event_call_ringing(self, body: Message, envelope: Message) -> None:
        if (call := self._calls.get(envelope.call_id)) and call.direction == "out":
            call._on_event(Event("ringing", 0, body.code, body.early_media))

    def _event_call_answered(self, _: Message, envelope: Message) -> None:
        self._tell(envelope, "answered", 0)

    def _event_call_redirected(self, body: Message, envelope: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            call.request_uri = body.uri
            call._on_event(Event("redirected", 0, body.code))

    def _event_call_held(self, body: Message, envelope: Message) -> None:
        self._tell_hold(envelope, "held", body.by)

    def _event_call_resumed(self, body: Message, envelope: Message) -> None:
        self._tell_hold(envelope, "resumed", body.by)

    def _tell_hold(self, envelope: Message, kind: str, by: int) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_event(Event(kind, 0, by="us" if by == event_pb2.HELD_BY_BACKEND else "peer"))

    def _event_call_transfer_progress(self, body: Message, envelope: Message) -> None:
        if (call := self._calls.get(envelope.call_id)) and body.code:
            call._on_event(Event("transfer", 0, body.code))

    def _event_call_referred(self, body: Message, envelope: Message) -> None:
        call = self._calls.get(envelope.call_id)
        if call is None:
            return
        refer_id = body.refer_id

        async def accept(referral: Referral, *, from_uri: str, app: str, headers: dict[str, str], ringing_timeout: float | None, rate: int, ear: str,
                         **more: typing.Any) -> Call:
            dial = body_of(referral.target, headers, ringing_timeout)
            dial.MergeFrom(api_pb2.Dial(rate_hz=rate, app=app or next(iter(self._apps), "dial"), ear=ear_of(ear), **more))
            setattr(dial, "from", from_uri)
            return await self._dialling.accept(call, refer_id, dial)

        async def reject(code: int) -> None:
            await self._transport.reject_refer(call, refer_id, code)

        call._on_event(Event("referred", 0, referral=Referral(body.target, body.replaces, body.referred_by, accept, reject)))

    def _event_info_received(self, body: Message, envelope: Message) -> None:
        self._tell_of(envelope, "info", body)

    def _event_message_received(self, body: Message, envelope: Message) -> None:
        self._tell_of(envelope, "message", body)

    def _tell_of(self, envelope: Message, kind: str, body: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            headers = {h.name: h.value for h in body.headers}
            call._on_event(Event(kind, 0, content_type=body.content_type, body=body.body, headers=headers))

    def _event_bridge_joined(self, body: Message, envelope: Message) -> None:
        self._tell_bridge(envelope, "bridge_joined", body.room_id, body.members)

    def _event_bridge_left(self, body: Message, envelope: Message) -> None:
        self._tell_bridge(envelope, "bridge_left", body.room_id, body.members)

    def _event_bridge_muted(self, body: Message, envelope: Message) -> None:
        self._tell_bridge(envelope, "bridge_muted" if body.muted else "bridge_unmuted", body.room_id)

    def _event_bridge_ended(self, body: Message, envelope: Message) -> None:
        self._tell_bridge(envelope, "bridge_ended", body.room_id)

    def _tell_bridge(self, envelope: Message, kind: str, room_id: int, members: int = 0) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_event(Event(kind, 0, room=f"{room_id:016x}", members=members))

    def _event_media_started(self, body: Message, envelope: Message) -> None:
        self._tell(envelope, "media_started", body.pos)

    def _event_media_agreed(self, body: Message, envelope: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_codec(codec_name(body.media.codec), body.generation)

    def _event_media_stalled(self, body: Message, envelope: Message) -> None:
        self._tell(envelope, "media_stalled", body.pos)

    def _event_media_resumed(self, body: Message, envelope: Message) -> None:
        self._tell(envelope, "media_resumed", body.pos)

    def _event_media_quality(self, body: Message, envelope: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_event(Event("quality", body.pos, quality=quality_of(body.quality)))

    def _event_speech_started(self, body: Message, envelope: Message) -> None:
        self._tell(envelope, "speech_started", body.pos)

    def _event_speech_ended(self, body: Message, envelope: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_event(Event("speech_ended", body.pos, duration_ms=body.duration_ms))

    def _event_speech_silence(self, body: Message, envelope: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_event(Event("silence", body.pos, duration_ms=body.silence_ms))

    def _event_media_stream_restarted(self, body: Message, envelope: Message) -> None:
        self._tell(envelope, "stream_restarted", body.pos)

    def _event_media_source_moved(self, body: Message, envelope: Message) -> None:
        self._tell_of_source(envelope, "source_moved", body.source)

    def _event_media_source_refused(self, body: Message, envelope: Message) -> None:
        self._tell_of_source(envelope, "source_refused", body.source)

    def _tell_of_source(self, envelope: Message, kind: str, source: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_event(Event(kind, 0, source=(source.ip, source.port)))

    def _event_media_payload_unknown(self, body: Message, envelope: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_event(Event("payload_unknown", 0, code=body.payload_type))

    def _event_recording_changed(self, body: Message, envelope: Message) -> None:
        if (call := self._calls.get(envelope.call_id)) and body.state in RECORDING_STATES:
            call._on_recording(RECORDING_STATES[body.state], body.file, body.pos, body.duration_ms, body.lost_ms, body.reason)

    def _event_play_changed(self, body: Message, envelope: Message) -> None:
        if (call := self._calls.get(envelope.call_id)) and body.state in PLAY_STATES:
            call._on_sound(PLAY_STATES[body.state], body.file, body.pos, body.played_ms, body.reason)

    def _event_underrun(self, body: Message, envelope: Message) -> None:
        self._tell(envelope, "underrun", body.pos)

    def _event_tx_level_crossed(self, body: Message, envelope: Message) -> None:
        if (call := self._calls.get(envelope.call_id)) and body.level in LEVELS:
            call._on_event(Event(LEVELS[body.level], body.pos, queued_ms=body.queued_ms))

    def _tell(self, envelope: Message, kind: str, pos: int) -> None:
        if call := self._calls.get(envelope.call_id):
            call._on_event(Event(kind, pos))

    def _event_call_ended(self, body: Message, envelope: Message) -> None:
        if call := self._calls.get(envelope.call_id):
            reason = body.reason or f"ended with {body.sip_code}"
            call.outcome = outcome_of(body.outcome)
            call.end_headers = {header.name: header.value for header in body.headers}
            if call.outcome not in ("", "answered"):
                call._on_dial_failed(DialFailed(call.outcome, body.sip_code, body.reason, body.q850, [c.uri for c in body.contacts]))
            self._end(call, reason)

    def _end_soon(self, call: Call, reason: str) -> None:
        asyncio.get_running_loop().call_later(CLOSING_SECONDS, self._end, call, reason)

    def _end(self, call: Call, reason: str) -> None:
        if self._calls.get(call.call_id) is call:
            del self._calls[call.call_id]
            if call._fence:
                log.info("call %s ended after %.1f s: %s", call.id, call._age(), reason)
        call._on_end(reason)

    # -- one call --

    async def _handle(self, info: api_pb2.CallInfo) -> None:
        handler, _ = self._apps[info.app]
        call = self._calls[info.call_id] = Call(self._transport, _info(info))
        try:
            ack = await self._bus.command("claim", api_pb2.Claim(call_id=call.call_id), call.call_id)
        except (CommandRefused, Disconnected) as why:
            self._end(call, str(why))
            log.info("call %s went elsewhere: %s", call.id, why)
            return
        call._fence = ack.fence
        log.info("call %s of %s from %s to %s", call.id, info.app, call.from_uri, call.to_uri)
        cause = ""
        try:
            await handler(call)
            if call._is_undecided():
                log.warning("the handler of %r returned without answering or rejecting it", call)
            await call._let_be_heard()
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
