"""Messages outside calls (SIP MESSAGE, RFC 3428): what others send to the numbers of an app, and what this process sends."""

from __future__ import annotations

import asyncio
import collections.abc
import dataclasses
import logging
import typing

from .bus import Bus
from .errors import CommandRefused, Disconnected
from .transport import ASKING_SECONDS, ControlTransport
from .v1 import api_pb2

log = logging.getLogger("tipring")

FAILED = 500  # what a handler that raised says


@dataclasses.dataclass(frozen=True)
class Message:
    """Somebody's message. content_type: as it was written, "" when there is no body. headers: its X- headers. auth_user: as whom the sender was
    let in (sip.auth); "" when nobody asked. sip_call_id: the same when the sender repeats it."""

    from_uri: str
    from_display: str
    to_uri: str
    request_uri: str
    content_type: str
    body: bytes
    headers: dict[str, str]
    auth_user: str
    sip_call_id: str

    @property
    def text(self) -> str:
        """The body as UTF-8; what is none is replaced."""
        return self.body.decode(errors="replace")


MessageHandler = typing.Callable[[Message], collections.abc.Awaitable[int | None]]


def _message(offer: api_pb2.MessageOffer) -> Message:
    return Message(offer.from_uri, offer.from_display, offer.to_uri, offer.request_uri, offer.content_type, offer.body,
                   {h.name: h.value for h in offer.headers}, offer.auth_user, offer.sip_call_id)


class Messaging:
    """The messages of a Server."""

    def __init__(self, bus: Bus, transport: ControlTransport):
        self._bus = bus
        self._transport = transport
        self.handlers: dict[str, MessageHandler] = {}  # by app

    async def take(self, offer: api_pb2.MessageOffer) -> None:
        """Its handler decides; the sender hears it."""
        try:
            code = await self.handlers[offer.app](_message(offer)) or 200
        except Exception:
            log.exception("the handler of a message to %s failed", offer.app)
            code = FAILED
        try:
            await self._bus.command("message_take", api_pb2.MessageTake(message_id=offer.message_id, code=code))
        except (CommandRefused, Disconnected) as why:
            log.info("a message of %s: %s", offer.from_uri, why)

    async def send(self, body: api_pb2.SendMessage) -> None:
        command_id = self._bus.new_id()
        future = self._transport.expect(command_id)
        try:
            await self._bus.command("send_message", body, 0, command_id)
            await asyncio.wait_for(future, ASKING_SECONDS)
        except TimeoutError:
            raise Disconnected("send_message: acknowledged and never completed") from None
        finally:
            self._transport.forget(command_id)
