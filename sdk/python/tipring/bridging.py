"""Calls that hear each other: Server.bridge() and the Room it gives."""

from __future__ import annotations

import typing

from .errors import CallEnded, CommandRefused
from .v1 import api_pb2

if typing.TYPE_CHECKING:
    from .bus import Bus, Message
    from .call import Call


class Room:
    """Calls that hear each other, each the sum of the others. What a handler says in a call is heard there too, and by nobody else in the room;
    `call.audio` goes on being that caller alone.

    id: 16 hexadecimal digits. The room ends with its last member. Every method raises CommandRefused when control says no ("NOT_FOUND": the
    room is over; "CONFLICT": the call has no audio, or sits in another room; "UNSUPPORTED": it lies in another media worker; "OVERLOADED": 32 are in
    it), CallEnded when the call is over, Disconnected when control does not answer.
    """

    def __init__(self, bus: "Bus", room_id: int):
        self._bus = bus
        self.room_id = room_id

    @property
    def id(self) -> str:
        return f"{self.room_id:016x}"

    def __repr__(self) -> str:
        return f"<Room {self.id}>"

    async def join(self, call: "Call", *, listen: bool = True, speak: bool = True) -> None:
        """Seat a call. listen: it hears the others; speak: they hear it. Of one that sits here already: change both."""
        await self._command("join", api_pb2.Join(room_id=self.room_id, call_id=call.call_id, fence=call._fence, listen_only=not speak,
                                                 speak_only=not listen), call)

    async def leave(self, call: "Call") -> None:
        """Let a call get up; it goes on. Harmless when it sits nowhere."""
        await self._command("leave", api_pb2.Leave(call_id=call.call_id, fence=call._fence), call)

    async def mute(self, call: "Call", muted: bool = True) -> None:
        """Whether the others hear a call. Its handler does all the time."""
        await self._command("mute", api_pb2.Mute(call_id=call.call_id, fence=call._fence, muted=muted), call)

    async def _command(self, field: str, body: "Message", call: "Call") -> None:
        call._require_not_ended()
        try:
            await self._bus.command(field, body, call.call_id)
        except CommandRefused as why:
            if call._closing is not None or call.end_reason is not None:
                raise CallEnded(call.end_reason or call._closing or why.reason) from None
            raise


async def bridge(bus: "Bus", calls: "tuple[Call, ...]") -> Room:
    body = api_pb2.Bridge()
    for call in calls:
        call._require_not_ended()
        body.calls.add(call_id=call.call_id, fence=call._fence)
    ack = await bus.command("bridge", body)
    return Room(bus, ack.room_id)
