"""SIP messages and their values, read and made, without a network: RFC 3261 and what came after it.

    from tipring import sip

    request = sip.parse(datagram)                       # Request or Response; sip.ParseError has a position
    request.from_.uri.user, request.via[0].branch, request.headers["X-Custom"]
    answer = bytes(request.reply(200, to_tag=sip.new_tag()))

The parser is the one of the Tipring server. Text is UTF-8; octets that are not UTF-8 survive as surrogates (PEP 383). Nothing here needs a
server.
"""

from .errors import ParseError, SipError
from .message import Headers, Message, Request, Response, Verdict, parse
from .values import (Address, Auth, Challenge, Credentials, CSeq, Params, Uri, Via, escape, header_name, new_branch, new_call_id, new_tag,
                     unescape)

__all__ = [
    "Address", "Auth", "CSeq", "Challenge", "Credentials", "Headers", "Message", "Params", "ParseError", "Request", "Response", "SipError", "Uri",
    "Verdict", "Via", "escape", "header_name", "new_branch", "new_call_id", "new_tag", "parse", "unescape",
]
