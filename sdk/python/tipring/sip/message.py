"""Messages: requests, responses, their header fields and bodies."""

from __future__ import annotations

import collections.abc
import ctypes
import typing

from . import _library as c
from .errors import ParseError, SipError
from .values import Address, Challenge, Credentials, CSeq, Uri, Via

Value = typing.Union[str, bytes, int, Address, CSeq, Uri, Via, Challenge, Credentials]
Fields = typing.Union[collections.abc.Mapping[str, Value], collections.abc.Iterable[tuple[str, Value]]]


def _octets_of(value: Value) -> bytes:
    return value if isinstance(value, bytes) else c.octets(str(value))


class Verdict(typing.NamedTuple):
    """What a server answers before it looks for anybody to serve a request. `status` 1: nothing, it is dropped."""

    status: int
    reason: str


class Headers:
    """The header fields of a message, in their order (RFC 3261 7.3). Names are full or compact, in any case; known ones are written as in
    the RFCs, others as they were given.

    As with email.message.Message a name may come more than once: headers[name] is the first value, get_all(name) gives all, len and
    iteration count each field, and headers[name] = value replaces all of the name. split(name) gives the values of lists as well,
    `Via: a, b` being two. Content-Length is no field here: it is written with the message.
    """

    __slots__ = ("_message",)

    def __init__(self, message: Message):
        self._message = message

    def _fields(self) -> collections.abc.Iterator[tuple[str, str]]:
        cursor, name, value = ctypes.c_size_t(), c.Out(), c.Out()
        while c.call("next", self._message._handle, ctypes.byref(cursor), ctypes.byref(name), ctypes.byref(value)):
            yield c.read(name), c.read(value)

    def _found(self, name: str) -> collections.abc.Iterator[bytes]:
        cursor, value, wanted = ctypes.c_size_t(), c.Out(), c.text(name)
        while c.call("find", self._message._handle, wanted, ctypes.byref(cursor), ctypes.byref(value)):
            yield c.taken(value)

    def get_bytes(self, name: str) -> bytes | None:
        """The first value as it stands on the wire; None when there is none."""
        return next(self._found(name), None)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value, or `default`."""
        value = self.get_bytes(name)
        return default if value is None else value.decode("utf-8", "surrogateescape")

    def get_all(self, name: str) -> list[str]:
        """The values of every field of this name; [] when there is none."""
        return [value.decode("utf-8", "surrogateescape") for value in self._found(name)]

    def split(self, name: str) -> list[str]:
        """The values of every field of this name, of comma separated lists each one."""
        return [one for value in self._found(name) for one in c.split(value)]

    def add(self, name: str, value: Value, first: bool = False) -> None:
        """One more field, behind all others or before the first (a Via: RFC 3261 16.6). SipError when it would not be one line."""
        c.check(c.call("add_first" if first else "add", self._message._handle, c.text(name), c.text(_octets_of(value))), _why(name))

    def set_all(self, name: str, values: collections.abc.Iterable[Value]) -> None:
        """One field for each value, in place of those there are, behind all others. After a SipError nothing has changed."""
        changed = self._message.copy()
        c.call("remove", changed._handle, c.text(name))
        for value in values:
            changed.headers.add(name, value)
        self._message._take(changed)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Value) -> None:
        c.check(c.call("set", self._message._handle, c.text(name), c.text(_octets_of(value))), _why(name))

    def __delitem__(self, name: str) -> None:
        if not c.call("remove", self._message._handle, c.text(name)):
            raise KeyError(name)

    def pop(self, name: str, default: str | None = None) -> str | None:
        """Take out all fields of this name: the first value, or `default`."""
        value = self.get(name, default)
        c.call("remove", self._message._handle, c.text(name))
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get_bytes(name) is not None

    def __iter__(self) -> collections.abc.Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.items())

    def __bool__(self) -> bool:
        return next(self._fields(), None) is not None

    def keys(self) -> list[str]:
        """The name of every field."""
        return [name for name, _ in self._fields()]

    def values(self) -> list[str]:
        """The value of every field."""
        return [value for _, value in self._fields()]

    def items(self) -> list[tuple[str, str]]:
        """Name and value of every field."""
        return list(self._fields())

    def __eq__(self, other: object) -> bool:
        return self.items() == other.items() if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self.items()!r})"


def _why(name: str) -> str:
    return "Content-Length is what the body is long" if name.lower() in ("content-length", "l") else f"header field {name!r}"


class Message:
    """What requests and responses share. Not for use by several threads at once. Equal are messages of the same octets; they change, so they
    have no hash. copy.copy() and pickle make messages of their own."""

    __slots__ = ("_handle", "headers", "fault", "__weakref__")
    _handle: ctypes.c_void_p
    headers: Headers
    fault: ParseError | None

    def _adopt(self, handle: ctypes.c_void_p) -> None:
        self._handle = handle
        self.headers = Headers(self)
        self.fault = None

    def _fill(self, headers: Fields, body: bytes | str, content_type: str | None) -> None:
        pairs: typing.Any = headers.items() if isinstance(headers, collections.abc.Mapping) else headers
        for name, value in pairs:
            self.headers.add(name, value)
        if content_type is not None:
            self.content_type = content_type
        self.body = body

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle:
            _free(handle)

    def _take(self, other: Message) -> None:
        """What the other has; it gets what we had."""
        self._handle, other._handle = other._handle, self._handle

    # ---- octets ----

    def __bytes__(self) -> bytes:
        room = c.call("size", self._handle)
        buffer = ctypes.create_string_buffer(room)
        length = c.call("print", self._handle, buffer, room)
        c.check(length, "message")
        return buffer.raw[:length]

    def __str__(self) -> str:
        return bytes(self).decode("utf-8", "replace")

    def __eq__(self, other: object) -> bool:
        return bytes(self) == bytes(other) if isinstance(other, Message) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> typing.Self:
        """Another message of the same octets."""
        handle = ctypes.c_void_p()
        c.check(c.call("copy", self._handle, ctypes.byref(handle)), "copy")
        other = type(self).__new__(type(self))
        other._adopt(handle)
        other.fault = self.fault
        return other

    __copy__ = copy

    def __deepcopy__(self, memo: object) -> typing.Self:
        return self.copy()

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return parse, (bytes(self),)

    # ---- body ----

    @property
    def body(self) -> bytes:
        """Any octets; text that is assigned becomes UTF-8. Content-Length follows (RFC 3261 20.14)."""
        return c.taken(c.call("body", self._handle))

    @body.setter
    def body(self, value: bytes | bytearray | memoryview | str) -> None:
        c.check(c.call("set_body", self._handle, c.text(value if isinstance(value, (str, bytes)) else bytes(value))), "body")

    @property
    def content_length(self) -> int:
        """How long the body is."""
        return int(c.call("body", self._handle).n)

    def part(self, content_type: str) -> bytes | None:
        """What of this type stands in the body: all of it, or a part of multipart/mixed (RFC 5621). None: nothing."""
        kind, body = self.headers.get_bytes("Content-Type") or b"", self.body
        return c.taken(c.call("body_part", c.text(kind), c.text(body), c.text(content_type))) or None

    # ---- header fields as what they are ----

    def _first(self, name: str) -> str | None:
        """Of a list the first value."""
        return next(iter(self.headers.split(name)), None)

    def _put(self, name: str, value: Value | None) -> None:
        if value is None:
            self.headers.pop(name)
        else:
            self.headers[name] = value

    def _number(self, name: str) -> int | None:
        value = self.headers.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit()) or len(value) > 19:
            raise ParseError(f"{name} is no number")
        return int(value)

    @property
    def from_(self) -> Address | None:
        """From (RFC 3261 20.20); None when there is none. ParseError when it is malformed; so do the others."""
        value = self.headers.get_bytes("From")
        return None if value is None else Address.parse(value)

    @from_.setter
    def from_(self, value: Address | str | None) -> None:
        self._put("From", value)

    @property
    def to(self) -> Address | None:
        """To (RFC 3261 20.39)."""
        value = self.headers.get_bytes("To")
        return None if value is None else Address.parse(value)

    @to.setter
    def to(self, value: Address | str | None) -> None:
        self._put("To", value)

    @property
    def via(self) -> list[Via]:
        """Every Via value, the topmost first (RFC 3261 20.42)."""
        return [Via.parse(value) for value in self.headers.split("Via")]

    @via.setter
    def via(self, values: collections.abc.Iterable[Via | str]) -> None:
        self.headers.set_all("Via", values)

    @property
    def cseq(self) -> CSeq | None:
        """CSeq (RFC 3261 20.16)."""
        value = self.headers.get_bytes("CSeq")
        return None if value is None else CSeq.parse(value)

    @cseq.setter
    def cseq(self, value: CSeq | str | None) -> None:
        self._put("CSeq", value)

    @property
    def call_id(self) -> str | None:
        """Call-ID (RFC 3261 20.8)."""
        return self.headers.get("Call-ID")

    @call_id.setter
    def call_id(self, value: str | None) -> None:
        self._put("Call-ID", value)

    @property
    def contact(self) -> Address | None:
        """The first Contact (RFC 3261 20.10); None: there is none, or it is "*"."""
        value = self._first("Contact")
        return None if value is None or value == "*" else Address.parse(value)

    @contact.setter
    def contact(self, value: Address | str | None) -> None:
        self._put("Contact", value)

    @property
    def contacts(self) -> list[Address]:
        """Every Contact; "*" is none of them."""
        return [Address.parse(value) for value in self.headers.split("Contact") if value != "*"]

    @contacts.setter
    def contacts(self, values: collections.abc.Iterable[Address | str]) -> None:
        self.headers.set_all("Contact", values)

    @property
    def route(self) -> list[Address]:
        """Every Route, the next hop first (RFC 3261 20.34)."""
        return [Address.parse(value) for value in self.headers.split("Route")]

    @route.setter
    def route(self, values: collections.abc.Iterable[Address | str]) -> None:
        self.headers.set_all("Route", values)

    @property
    def record_route(self) -> list[Address]:
        """Every Record-Route (RFC 3261 20.30)."""
        return [Address.parse(value) for value in self.headers.split("Record-Route")]

    @record_route.setter
    def record_route(self, values: collections.abc.Iterable[Address | str]) -> None:
        self.headers.set_all("Record-Route", values)

    @property
    def challenges(self) -> list[Challenge]:
        """What WWW-Authenticate and Proxy-Authenticate ask for (RFC 3261 20.27, 20.44)."""
        return [Challenge.parse(v) for name in ("WWW-Authenticate", "Proxy-Authenticate") for v in self.headers.get_all(name)]

    @property
    def credentials(self) -> list[Credentials]:
        """What Authorization and Proxy-Authorization say (RFC 3261 20.7, 20.28)."""
        return [Credentials.parse(v) for name in ("Authorization", "Proxy-Authorization") for v in self.headers.get_all(name)]

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards (RFC 3261 20.22)."""
        return self._number("Max-Forwards")

    @max_forwards.setter
    def max_forwards(self, value: int | None) -> None:
        self._put("Max-Forwards", value)

    @property
    def expires(self) -> int | None:
        """Expires, seconds (RFC 3261 20.19)."""
        return self._number("Expires")

    @expires.setter
    def expires(self, value: int | None) -> None:
        self._put("Expires", value)

    @property
    def content_type(self) -> str | None:
        """Content-Type with its parameters (RFC 3261 20.15)."""
        return self.headers.get("Content-Type")

    @content_type.setter
    def content_type(self, value: str | None) -> None:
        self._put("Content-Type", value)

    @property
    def start_line(self) -> str:
        """The first line."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.start_line}, {len(self.headers)} header fields, body of {self.content_length}>"


class Request(Message):
    """A request (RFC 3261 7.1)."""

    __slots__ = ()

    def __init__(self, method: str, uri: Uri | str, headers: Fields = (), body: bytes | str = b"", content_type: str | None = None):
        """The URI may be any text without white space; Uri.parse() says whether it is one."""
        handle = ctypes.c_void_p()
        c.check(c.call("request", c.text(method), c.text(str(uri)), ctypes.byref(handle)), f"request line of {method!r}, {str(uri)!r}")
        self._adopt(handle)
        self._fill(headers, body, content_type)

    @property
    def method(self) -> str:
        """A token; case counts."""
        return c.read(c.call("method", self._handle))

    @method.setter
    def method(self, value: str) -> None:
        c.check(c.call("set_request_line", self._handle, c.text(value), c.text(self.uri_text)), f"method {value!r}")

    @property
    def uri(self) -> Uri:
        """The Request-URI. ParseError when it is none."""
        return Uri.parse(self.uri_text)

    @uri.setter
    def uri(self, value: Uri | str) -> None:
        c.check(c.call("set_request_line", self._handle, c.text(self.method), c.text(str(value))), f"Request-URI {str(value)!r}")

    @property
    def uri_text(self) -> str:
        """The Request-URI as it stands there."""
        return c.read(c.call("uri", self._handle))

    @property
    def start_line(self) -> str:
        """The request line."""
        return f"{self.method} {self.uri_text} SIP/2.0"

    def reply(self, status: int, reason: str = "", to_tag: str = "", headers: Fields = (), body: bytes | str = b"",
              content_type: str | None = None) -> Response:
        """The response to it (RFC 3261 8.2.6): Via, From, To, Call-ID, CSeq and Record-Route where it belongs. `to_tag` is added when To has
        none and the status is not 100: the same for every response to one request, new_tag() makes one."""
        handle = ctypes.c_void_p()
        c.check(c.call("reply", self._handle, _status(status), c.text(reason), c.text(to_tag), ctypes.byref(handle)), f"response {status}")
        response = Response.__new__(Response)
        response._adopt(handle)
        response._fill(headers, body, content_type)
        return response

    def judge(self) -> Verdict | None:
        """How a Tipring server refuses this request; None: it would be served (RFC 3261 8.2). Its own limits are among the reasons, such as
        the types of bodies it reads (415)."""
        status, reason = ctypes.c_uint32(), ctypes.c_char_p()
        c.check(c.call("judge", self._handle, ctypes.byref(status), ctypes.byref(reason)), "judging")
        return Verdict(status.value, (reason.value or b"").decode()) if status.value else None


class Response(Message):
    """A response (RFC 3261 7.2)."""

    __slots__ = ()

    def __init__(self, status: int, reason: str = "", headers: Fields = (), body: bytes | str = b"", content_type: str | None = None):
        """No reason: the usual phrase."""
        handle = ctypes.c_void_p()
        c.check(c.call("response", _status(status), c.text(reason), ctypes.byref(handle)), f"status line of {status}, {reason!r}")
        self._adopt(handle)
        self._fill(headers, body, content_type)

    @property
    def status(self) -> int:
        """100 to 699."""
        return int(c.call("status", self._handle))

    @status.setter
    def status(self, value: int) -> None:
        c.check(c.call("set_status", self._handle, _status(value), c.text("")), f"status {value}")

    @property
    def reason(self) -> str:
        """The phrase; assigning a status brings the usual one."""
        return c.read(c.call("reason", self._handle))

    @reason.setter
    def reason(self, value: str) -> None:
        c.check(c.call("set_status", self._handle, self.status, c.text(value)), f"reason {value!r}")

    @property
    def start_line(self) -> str:
        """The status line."""
        return f"SIP/2.0 {self.status} {self.reason}"


def _status(value: int) -> int:
    return value if 0 <= value < 1000 else 0


_free = c._functions["free"]


def parse(data: bytes | bytearray | memoryview | str, strict: bool = True) -> Request | Response:
    """Read one datagram, or one message of a stream.

    ParseError when it is none, with the position of what is wrong. With `strict` False a request whose start line or body is wrong is given
    all the same, so that it can be answered: its `fault` is the error, and the status of that the answer (RFC 3261 8.2, 18.3). Values of
    header fields are not looked at here; the accessors do, when they are asked.
    """
    handle, fault = ctypes.c_void_p(), c.Fault()
    octets = data if isinstance(data, (bytes, str)) else bytes(data)
    c.check_parsed(c.call("parse" if strict else "parse_faulty", c.text(octets), ctypes.byref(handle), ctypes.byref(fault)), fault)
    kind: type[Request] | type[Response] = Request if c.call("is_request", handle) else Response
    message = kind.__new__(kind)
    message._adopt(handle)
    if fault.code != 0:
        message.fault = ParseError((fault.text or b"").decode(), fault.position, fault.status or None)
    return message


__all__ = ["Headers", "Message", "Request", "Response", "SipError", "Verdict", "parse"]
