"""What can be wrong with SIP."""

from __future__ import annotations

import typing

from ..errors import TipringError


class SipError(TipringError, ValueError):
    """A value that can not stand where it was put: a line end in a header field, a status code of 99, a port of 70000."""


class ParseError(SipError):
    """Text that is not by the grammar.

    `position`: where, in octets from the beginning of what was parsed (of text, of its UTF-8): at what is wrong, or behind the part
    that is. `status`: what a request is refused with (RFC 3261 21.4), such as 400 or 505; None when nothing can be answered.
    """

    def __init__(self, reason: str, position: int = 0, status: int | None = None):
        super().__init__(f"{reason} (at {position})")
        self.reason = reason
        self.position = position
        self.status = status

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return type(self), (self.reason, self.position, self.status)
