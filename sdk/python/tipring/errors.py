"""Errors a backend can meet."""

import typing


class TipringError(Exception):
    """Base of all errors of this package."""


class Disconnected(TipringError):
    """Control did not answer in time; the command may or may not have happened."""


class CommandRefused(TipringError):
    """Control answered a command with anything but success.

    `code` is the name of a ResultCode (proto/tipring/v1/common.proto), such as "CONFLICT" or "UNSUPPORTED". `sip_code`: what the far
    side answered to what was sent to it (408: nothing); 0: it was not asked.
    """

    def __init__(self, code: str, reason: str, retry_after_ms: int = 0, sip_code: int = 0):
        super().__init__(" ".join(str(part) for part in (f"{code}:" if reason or sip_code else code, sip_code or "", reason) if part))
        self.code = code
        self.reason = reason
        self.retry_after_ms = retry_after_ms
        self.sip_code = sip_code


class DialFailed(TipringError):
    """Nobody answered a call of `Server.dial()`.

    `outcome` says how it ended: "busy", "no_answer", "rejected", "not_found", "unreachable", "forbidden", "cancelled" (by us),
    "auth_failed", "media_refused", "timeout", "trunk_down" or "error" (this side could not, `reason` says what). `code` is the final SIP
    response (0: there was none), `q850` the cause of the telephone network (0: unknown). `contacts`: the URIs a 3xx sent the call to and
    where it was not followed, the best first.
    """

    def __init__(self, outcome: str, code: int = 0, reason: str = "", q850: int = 0, contacts: typing.Iterable[str] = ()):
        super().__init__(" ".join(str(part) for part in (outcome, code or "", reason) if part))
        self.outcome = outcome
        self.code = code
        self.reason = reason
        self.q850 = q850
        self.contacts = list(contacts)


class CallEnded(TipringError):
    """The call is over; `reason` says why."""

    def __init__(self, reason: str = ""):
        super().__init__(reason or "the call has ended")
        self.reason = reason
