"""The connection to control: messages out and in, commands until they are acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import secrets
import time
import typing

import zmq
import zmq.asyncio

from .errors import CommandRefused, Disconnected
from .v1 import api_pb2, common_pb2, envelope_pb2

PROTOCOL = 1
HELLO_SECONDS = 0.5
ACK_SECONDS = 1.0
TRIES = 5  # of a command nobody acknowledged, with the same command_id: at most one takes effect
GOOD = (common_pb2.OK, common_pb2.ACCEPTED, common_pb2.DUPLICATE)

log = logging.getLogger("tipring")

Message = typing.Any  # a generated message: its module has no common base in its stubs


def _refusal(ack: api_pb2.Ack) -> CommandRefused:
    return CommandRefused(common_pb2.ResultCode.Name(ack.code), ack.reason, ack.retry_after_ms)


class Bus:
    """Two sockets: commands of ours with their answers, and events of everybody's calls."""

    _context: zmq.asyncio.Context  # from open() on: what was never opened leaves nothing to close
    commands: zmq.asyncio.Socket
    events: zmq.asyncio.Socket

    def __init__(self, endpoint: str, name: str):
        self.endpoint = endpoint
        self.name = name
        self.epoch = 0  # of the control that welcomed us; 0: none has
        self._numbers = itertools.count(1)
        self._prefix = secrets.token_hex(6)
        self._acks: dict[str, asyncio.Future[api_pb2.Ack]] = {}
        self._welcome: asyncio.Future[api_pb2.Welcome] | None = None

    def open(self) -> None:
        """ValueError when the endpoint can not be one."""
        self._context = zmq.asyncio.Context()
        self.commands = self._context.socket(zmq.DEALER)
        self.events = self._context.socket(zmq.SUB)
        self.commands.setsockopt(zmq.ROUTING_ID, self.name.encode())
        for socket in (self.commands, self.events):
            socket.setsockopt(zmq.LINGER, 100)
            socket.setsockopt(zmq.RECONNECT_IVL, 20)
            socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
            socket.setsockopt(zmq.RCVHWM, 100000)
        try:
            self.commands.connect(f"ipc://{self.endpoint}/commands.ipc")
            self.events.connect(f"ipc://{self.endpoint}/events.ipc")
        except zmq.ZMQError as why:
            self._context.destroy(linger=0)
            raise ValueError(f"{self.endpoint}/commands.ipc can not be a socket: {why}") from None

    def close(self) -> None:
        self._context.destroy(linger=100)

    def subscribe(self, topic: str) -> None:
        self.events.setsockopt(zmq.SUBSCRIBE, topic.encode())

    def unsubscribe(self, topic: str) -> None:
        """Once, as often as it was subscribed to; harmless before."""
        self.events.setsockopt(zmq.UNSUBSCRIBE, topic.encode())

    def new_id(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    async def send(self, field: str, body: Message, command_id: str = "", call_id: int = 0) -> None:
        envelope = envelope_pb2.Envelope(command_id=command_id, call_id=call_id)
        getattr(envelope, field).CopyFrom(body)
        try:
            await self.commands.send(envelope.SerializeToString(), zmq.DONTWAIT)
        except zmq.Again:
            pass  # nobody takes messages for long now: what matters is sent again

    async def command(self, field: str, body: Message, call_id: int = 0, command_id: str = "") -> api_pb2.Ack:
        """Send until acknowledged. CommandRefused, Disconnected."""
        command_id = command_id or self.new_id()
        ack: api_pb2.Ack
        for _ in range(TRIES):
            future = self._acks[command_id] = asyncio.get_running_loop().create_future()
            try:
                await self.send(field, body, command_id, call_id)
                ack = await asyncio.wait_for(future, ACK_SECONDS)
            except TimeoutError:
                continue
            finally:
                self._acks.pop(command_id, None)
            if ack.code not in GOOD:
                raise _refusal(ack)
            return ack
        raise Disconnected(f"{field}: control did not answer {TRIES} times ({self.endpoint}/commands.ipc)")

    async def hello(self, seconds: float) -> None:
        """Introduce ourselves; patient, and not silent, while nobody answers."""
        end, told = time.monotonic() + seconds, False
        body = api_pb2.Hello(name=self.name, protocol_min=PROTOCOL, protocol_max=PROTOCOL, instance=int(self._prefix, 16))
        while True:
            command_id = self.new_id()
            welcome = self._welcome = asyncio.get_running_loop().create_future()
            refused = self._acks[command_id] = asyncio.get_running_loop().create_future()
            await self.send("hello", body, command_id)
            await asyncio.wait({welcome, refused}, timeout=HELLO_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            self._acks.pop(command_id, None)
            if welcome.done():
                self.epoch = welcome.result().control_epoch
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

    def take_welcome(self, body: api_pb2.Welcome) -> None:
        if self._welcome is not None and not self._welcome.done():
            self._welcome.set_result(body)

    def take_ack(self, body: api_pb2.Ack) -> None:
        future = self._acks.get(body.command_id)
        if future is not None and not future.done():
            future.set_result(body)
