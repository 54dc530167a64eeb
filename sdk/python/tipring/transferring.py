"""Transfers: what the peer of a call asks for, and how one that we asked for failed."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing

from .errors import TipringError

if typing.TYPE_CHECKING:
    from .call import Call


class TransferFailed(TipringError):
    """`Call.transfer()` did not lead to an answered call. `code` is the SIP response that says why: the peer's to our request, or that of the
    call it made; 0 when it never said. The call goes on, unless `reason` says that it ended."""

    def __init__(self, code: int = 0, reason: str = ""):
        super().__init__(" ".join(str(part) for part in (code or "", reason) if part) or "the transfer failed")
        self.code = code
        self.reason = reason


Dial = typing.Callable[..., collections.abc.Awaitable["Call"]]
Refuse = typing.Callable[[int], collections.abc.Awaitable[None]]


@dataclasses.dataclass(frozen=True)
class Referral:
    """The peer asks us to call somebody else. Who does not decide within two seconds has refused.

    target: the URI to be called. replaces: the new call is to take the place of one that `target` has (an attended transfer).
    referred_by: who asks, as it was written; ""."""

    target: str
    replaces: bool
    referred_by: str
    _accept: Dial = dataclasses.field(repr=False, compare=False)
    _reject: Refuse = dataclasses.field(repr=False, compare=False)

    async def accept(self, *, from_uri: str = "", from_display: str = "", headers: dict[str, str] | None = None,
                     ringing_timeout: float | None = None, early_media: bool = False, rate: int = 16000, frame_ms: int = 20,
                     metadata: str = "", app: str = "", username: str = "", password: str = "", auth_realm: str = "",
                     ear: str = "") -> "Call":
        """Make the call, as Server.dial() does; outbound in tipring.yaml decides about it. The peer that asked is told how it goes.
        CommandRefused: too late, decided before, or not allowed."""
        return await self._accept(self, from_uri=from_uri, from_display=from_display, headers=headers or {}, ringing_timeout=ringing_timeout,
                                  early_media=early_media, rate=rate, frame_ms=frame_ms, metadata=metadata, app=app,
                                  username=username, password=password, auth_realm=auth_realm, ear=ear)

    async def reject(self, code: int = 603) -> None:
        """Refuse, with a SIP response of 300 to 699. CommandRefused: too late, or decided before."""
        await self._reject(code)
