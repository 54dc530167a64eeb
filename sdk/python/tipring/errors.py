"""Errors a backend can meet."""


class TipringError(Exception):
    """Base of all errors of this package."""


class Disconnected(TipringError):
    """Control did not answer in time; the command may or may not have happened."""


class CommandRefused(TipringError):
    """Control answered a command with anything but success.

    `code` is the name of a ResultCode (proto/tipring/v1/common.proto), such as "CONFLICT" or "UNSUPPORTED". `sip_code`: what the peer
    answered to hold(), unhold() or renegotiate(); 0: it was not asked.
    """

    def __init__(self, code: str, reason: str, retry_after_ms: int = 0, sip_code: int = 0):
        super().__init__(f"{code}: {reason}" if reason else code)
        self.code = code
        self.reason = reason
        self.retry_after_ms = retry_after_ms
        self.sip_code = sip_code


class DialFailed(TipringError):
    """Nobody answered a call of `Server.dial()`.

    `outcome` says how it ended: "busy", "no_answer", "rejected", "not_found", "unreachable", "forbidden", "cancelled" (by us),
    "auth_failed", "media_refused", "timeout", "trunk_down" or "error" (this side could not, `reason` says what). `code` is the final SIP
    response (0: there was none), `q850` the cause of the telephone network (0: unknown).
    """

    def __init__(self, outcome: str, code: int = 0, reason: str = "", q850: int = 0):
        super().__init__(" ".join(str(part) for part in (outcome, code or "", reason) if part))
        self.outcome = outcome
        self.code = code
        self.reason = reason
        self.q850 = q850


class CallEnded(TipringError):
    """The call is over; `reason` says why."""

    def __init__(self, reason: str = ""):
        super().__init__(reason or "the call has ended")
        self.reason = reason
