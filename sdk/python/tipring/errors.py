"""Errors a backend can meet."""


class TipringError(Exception):
    """Base of all errors of this package."""


class Disconnected(TipringError):
    """Control did not answer in time; the command may or may not have happened."""


class CommandRefused(TipringError):
    """Control answered a command with anything but success.

    `code` is the name of a ResultCode (proto/tipring/v1/common.proto), such as "CONFLICT" or "UNSUPPORTED".
    """

    def __init__(self, code: str, reason: str, retry_after_ms: int = 0):
        super().__init__(f"{code}: {reason}" if reason else code)
        self.code = code
        self.reason = reason
        self.retry_after_ms = retry_after_ms


class CallEnded(TipringError):
    """The call is over; `reason` says why."""

    def __init__(self, reason: str = ""):
        super().__init__(reason or "the call has ended")
        self.reason = reason
