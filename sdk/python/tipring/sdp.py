"""Session descriptions, read and made (RFC 8866), offers and answers (RFC 3264), without a network.

    from tipring import sdp

    offer = sdp.parse(request.part("application/sdp"))
    ours = sdp.Side([sdp.PCMA, sdp.PCMU], port=30000)
    agreed = sdp.negotiate(offer, audio=ours, address="203.0.113.5")
    agreed.answer, agreed.audio.payload_type, agreed.audio.rtp_address

The rules are those of the Tipring server. Addresses are those the peer shall send to; which socket you bind is your business. Nothing here
needs a server.
"""

from __future__ import annotations

import collections.abc
import ctypes
import dataclasses
import errno
import secrets
import typing

from .sip import _library as c
from .sip.errors import SipError

SESSION = 0xFFFFFFFF
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
TRANSPORTS = ("", "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF")
_WHY = ("", "no {kind} that is wanted", "no {kind} over a transport of ours", "no {kind} with an IP address", "No matching codec",
        "the answer has other m= lines than the offer")
Direction = typing.Literal["sendrecv", "sendonly", "recvonly", "inactive"]


class SdpError(SipError):
    """A value that can not stand where it was put, or terms that can not be offered."""


class ParseError(SdpError):
    """Text that is no description. `position`: where the first line begins that is wrong, in octets; the end when o= is missing."""

    def __init__(self, reason: str, position: int = 0):
        super().__init__(f"{reason} (at {position})")
        self.reason = reason
        self.position = position

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return type(self), (self.reason, self.position)


class NegotiationError(SdpError):
    """Nothing of an offer can be taken, or of an answer: answer the request with 488. `why`: "media", "transport", "address", "codec" or
    "match"."""

    def __init__(self, reason: str, why: str = ""):
        super().__init__(reason)
        self.why = why

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return type(self), (self.args[0], self.why)


class _Owner(ctypes.Structure):
    _fields_ = [("user", c.In), ("id", ctypes.c_uint64), ("version", ctypes.c_uint64), ("net", c.In), ("type", c.In), ("address", c.In)]


class _OwnerOut(ctypes.Structure):
    _fields_ = [("user", c.Out), ("id", ctypes.c_uint64), ("version", ctypes.c_uint64), ("net", c.Out), ("type", c.Out), ("address", c.Out)]


class _Media(ctypes.Structure):
    _fields_ = [("kind", c.Out), ("proto", c.Out), ("formats", c.Out), ("port", ctypes.c_uint16), ("direction", ctypes.c_uint32),
                ("ptime_ms", ctypes.c_uint32), ("maxptime_ms", ctypes.c_uint32), ("format_count", ctypes.c_uint32),
                ("address", ctypes.c_char * 64)]


class _Format(ctypes.Structure):
    _fields_ = [("name", c.Out), ("fmtp", c.Out), ("clock_hz", ctypes.c_uint32), ("channels", ctypes.c_uint32),
                ("payload_type", ctypes.c_uint8)]


class _MediaLine(ctypes.Structure):
    _fields_ = [("kind", c.In), ("proto", c.In), ("formats", c.In), ("port", ctypes.c_uint32), ("ports", ctypes.c_uint32)]


class _Ability(ctypes.Structure):
    _fields_ = [("name", c.In), ("fmtp", c.In), ("clock_hz", ctypes.c_uint32), ("channels", ctypes.c_uint32),
                ("payload_type", ctypes.c_uint8)]


class _Side(ctypes.Structure):
    _fields_ = [("abilities", ctypes.POINTER(_Ability)), ("feedback", ctypes.POINTER(c.In)), ("address", c.In), ("lines", c.In),
                ("count", ctypes.c_uint32), ("feedback_count", ctypes.c_uint32), ("most", ctypes.c_uint32), ("ptime_ms", ctypes.c_uint32),
                ("direction", ctypes.c_uint32), ("transports", ctypes.c_uint32), ("port", ctypes.c_uint16), ("rtcp_port", ctypes.c_uint16),
                ("our_order", ctypes.c_bool), ("no_dtmf", ctypes.c_bool), ("rtcp_mux", ctypes.c_bool)]


class _Taken(ctypes.Structure):
    _fields_ = [("ability", ctypes.c_uint32), ("payload_type", ctypes.c_uint8), ("receives", ctypes.c_uint8), ("fmtp", c.Out)]


class _Events(ctypes.Structure):
    _fields_ = [("clock_hz", ctypes.c_uint32), ("payload_type", ctypes.c_uint8), ("receives", ctypes.c_uint8)]


class _Stream(ctypes.Structure):
    _fields_ = [("fit", ctypes.c_uint32), ("media", ctypes.c_uint32), ("transport", ctypes.c_uint32), ("direction", ctypes.c_uint32),
                ("ptime_ms", ctypes.c_uint32), ("feedback", ctypes.c_uint32), ("count", ctypes.c_uint32), ("event_count", ctypes.c_uint32),
                ("codecs", _Taken * 8), ("events", _Events * 4), ("address", ctypes.c_char * 64), ("rtcp_address", ctypes.c_char * 64),
                ("port", ctypes.c_uint16), ("rtcp_port", ctypes.c_uint16), ("rtcp_mux", ctypes.c_bool)]


class _Agreement(ctypes.Structure):
    _fields_ = [("audio", _Stream), ("video", _Stream)]


class _Terms(ctypes.Structure):
    _fields_ = [("audio", ctypes.POINTER(_Side)), ("video", ctypes.POINTER(_Side)), ("now", ctypes.POINTER(_Agreement)), ("address", c.In),
                ("session_id", ctypes.c_uint64), ("version", ctypes.c_uint64)]


def _load() -> dict[str, typing.Any]:
    p = ctypes.POINTER
    handle, size, char = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
    number, u32 = ctypes.c_int, ctypes.c_uint32
    return c.bind("tipring_sdp_", {
        "parse": (number, [c.In, p(handle), p(size)]),
        "new": (number, [p(_Owner), p(handle)]),
        "copy": (number, [handle, p(handle)]),
        "free": (None, [handle]),
        "eq": (ctypes.c_bool, [handle, handle]),
        "print": (ctypes.c_int64, [handle, char, size]),
        "size": (size, [handle]),
        "media_count": (u32, [handle]),
        "next": (ctypes.c_bool, [handle, u32, p(u32), p(ctypes.c_char), p(c.Out)]),
        "put_line": (number, [handle, u32, ctypes.c_char, c.In]),
        "set_line": (number, [handle, u32, ctypes.c_char, c.In]),
        "drop_lines": (u32, [handle, u32, ctypes.c_char]),
        "put_attribute": (number, [handle, u32, c.In, c.In]),
        "set_attribute": (number, [handle, u32, c.In, c.In]),
        "drop_attributes": (u32, [handle, u32, c.In]),
        "owner": (number, [handle, p(_OwnerOut)]),
        "set_owner": (number, [handle, p(_Owner)]),
        "set_connection": (number, [handle, u32, c.In]),
        "set_direction": (number, [handle, u32, number]),
        "media": (number, [handle, u32, p(_Media)]),
        "format": (number, [handle, u32, u32, p(_Format)]),
        "add_media": (number, [handle, p(_MediaLine)]),
        "set_media": (number, [handle, u32, p(_MediaLine)]),
        "negotiate": (number, [handle, p(_Terms), p(_Agreement), p(handle)]),
        "propose": (number, [p(_Terms), handle, p(handle)]),
        "conclude": (number, [handle, handle, p(_Terms), p(_Agreement)]),
        "follow": (number, [handle, handle]),
    })


_functions = _load()
_NONE = c.In(None, 0)


def _call(name: str, *arguments: typing.Any) -> typing.Any:
    return _functions[name](*arguments)


def _check(err: int, what: str) -> None:
    if err == -errno.ENOMEM:
        raise MemoryError(what)
    if err < 0:
        raise SdpError(f"{what}: {c.call('strerror', err).decode()}")


# ---- descriptions ----

class Origin(typing.NamedTuple):
    """o= (RFC 8866 5.2)."""

    user: str
    session_id: int
    version: int
    net: str
    address_type: str
    address: str


class Codec(typing.NamedTuple):
    """A codec of a media, or one that a side speaks.

    `name`: its encoding name, "" when a payload type has none. `payload_type`: of what a side speaks None leaves it to the rules: the static
    type, what the offer says, else one that is free. `fmtp`: of what a side speaks "" takes every configuration and gives back what was offered.
    """

    name: str
    clock_hz: int = 8000
    channels: int = 1
    payload_type: int | None = None
    fmtp: str = ""


PCMU, PCMA, G722 = Codec("PCMU"), Codec("PCMA"), Codec("G722")
OPUS = Codec("opus", 48000, 2)
H264, VP8 = Codec("H264", 90000), Codec("VP8", 90000)


class Attributes:
    """The a= lines of a section, in their order. Names are as they are written; one may come more than once: [] is the first value, get_all()
    gives all, len and iteration count each. Of a name without value ("rtcp-mux") the value is ""; assigning None writes one."""

    __slots__ = ("_section",)

    def __init__(self, section: _Section):
        self._section = section

    def items(self) -> list[tuple[str, str]]:
        """Name and value of every one."""
        return [(name, value) for kind, line in self._section.lines if kind == "a" for name, _, value in (line.partition(":"),)]

    def keys(self) -> list[str]:
        """The name of every one."""
        return [name for name, _ in self.items()]

    def values(self) -> list[str]:
        """The value of every one."""
        return [value for _, value in self.items()]

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value, or `default`."""
        return next(iter(self.get_all(name)), default)

    def get_all(self, name: str) -> list[str]:
        """Every value of this name."""
        return [value for key, value in self.items() if key == name]

    def add(self, name: str, value: str | None = None) -> None:
        """One more."""
        self._section._do("put_attribute", c.text(name), _NONE if value is None else c.text(value), what=f"attribute {name!r}")

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str | None) -> None:
        self._section._do("set_attribute", c.text(name), _NONE if value is None else c.text(value), what=f"attribute {name!r}")

    def __delitem__(self, name: str) -> None:
        if not _call("drop_attributes", self._section._owner._handle, self._section._number, c.text(name)):
            raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self.items())

    def __iter__(self) -> collections.abc.Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.items())

    def __repr__(self) -> str:
        return f"Attributes({self.items()!r})"


class _Section:
    """What a description and each of its media share."""

    __slots__ = ()
    _owner: Description
    _number: int

    def _do(self, name: str, *arguments: typing.Any, what: str) -> None:
        _check(_call(name, self._owner._handle, self._number, *arguments), what)

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Every line as its type and value; the m= of a media is its first."""
        cursor, kind, value, lines = ctypes.c_uint32(), ctypes.c_char(), c.Out(), []
        while _call("next", self._owner._handle, self._number, ctypes.byref(cursor), ctypes.byref(kind), ctypes.byref(value)):
            lines.append((kind.value.decode("latin-1"), c.read(value)))
        return lines

    def _line(self, kind: str) -> str | None:
        return next((value for each, value in self.lines if each == kind), None)

    def add_line(self, kind: str, value: str) -> None:
        """One more, where lines of its type stand (RFC 8866 5). Not v, o and m."""
        self._do("put_line", _kind(kind), c.text(value), what=f"line {kind}=")

    def set_line(self, kind: str, value: str | None) -> None:
        """In place of all of its type in this section; None: they are taken away."""
        if value is None:
            _call("drop_lines", self._owner._handle, self._number, _kind(kind))
        else:
            self._do("set_line", _kind(kind), c.text(value), what=f"line {kind}=")

    @property
    def attributes(self) -> Attributes:
        """The a= lines."""
        return Attributes(self)

    @property
    def connection(self) -> str | None:
        """c= of this section as it is written, "IN IP4 192.0.2.1"; assign an address, or None. Media.rtp_address says what it means."""
        return self._line("c")

    @connection.setter
    def connection(self, address: str | None) -> None:
        if address is None:
            self.set_line("c", None)
        else:
            self._do("set_connection", c.text(address), what=f"address {address!r}")

    @property
    def bandwidth(self) -> dict[str, int]:
        """b= of this section: {"AS": 64}; AS and CT in kbit/s, TIAS in bit/s (RFC 8866 5.8, RFC 3890). What is no number is left out."""
        pairs = (value.partition(":") for kind, value in self.lines if kind == "b")
        return {name: int(amount) for name, _, amount in pairs if amount.isascii() and amount.isdigit() and len(amount) < 20}

    @bandwidth.setter
    def bandwidth(self, amounts: collections.abc.Mapping[str, int]) -> None:
        self.set_line("b", None)
        for name, amount in amounts.items():
            self.add_line("b", f"{name}:{int(amount)}")

    def _set_direction(self, value: Direction) -> None:
        if value not in DIRECTIONS:
            raise SdpError(f"{value!r} is no direction: {', '.join(DIRECTIONS)}")
        self._do("set_direction", DIRECTIONS.index(value), what="direction")


def _kind(kind: str) -> bytes:
    if len(kind) != 1 or not kind.isascii():
        raise SdpError(f"{kind!r} is no type of a line")
    return kind.encode()


class Media(_Section):
    """A media of a description: an m= line and what stands below it (RFC 8866 5.14). It belongs to its description and changes it."""

    __slots__ = ("_owner", "_number")

    def __init__(self, owner: Description, number: int):
        self._owner = owner
        self._number = number

    def _facts(self) -> _Media:
        facts = _Media()
        self._do("media", ctypes.byref(facts), what="media")
        return facts

    @property
    def kind(self) -> str:
        """"audio", "video", "image" ..."""
        return c.read(self._facts().kind)

    @property
    def proto(self) -> str:
        """"RTP/AVP" ..."""
        return c.read(self._facts().proto)

    @property
    def port(self) -> int:
        """0: rejected, or not wanted any more (RFC 3264 6, 8.2)."""
        return int(self._facts().port)

    @port.setter
    def port(self, value: int) -> None:
        facts = self._facts()
        self._set(c.read(facts.kind), value, c.read(facts.proto), c.read(facts.formats))

    @property
    def formats(self) -> list[str]:
        """Payload types of media over RTP, else whatever they are."""
        return c.read(self._facts().formats).split()

    @formats.setter
    def formats(self, values: collections.abc.Iterable[str | int]) -> None:
        facts = self._facts()
        self._set(c.read(facts.kind), facts.port, c.read(facts.proto), " ".join(map(str, values)))

    def _set(self, kind: str, port: int, proto: str, formats: str) -> None:
        self._do("set_media", ctypes.byref(_media_line(kind, port, proto, formats)), what="m= line")

    @property
    def codecs(self) -> list[Codec]:
        """What the payload types mean, by a=rtpmap and a=fmtp or by their static number (RFC 3551); the first 32."""
        found, out = [], _Format()
        for nth in range(self._facts().format_count):
            self._do("format", nth, ctypes.byref(out), what="format")
            found.append(Codec(c.read(out.name), out.clock_hz, out.channels or 1, out.payload_type, c.read(out.fmtp)))
        return found

    @property
    def direction(self) -> Direction:
        """The direction that holds here: its own, else the session's, else sendrecv (RFC 8866 6.7)."""
        return typing.cast(Direction, DIRECTIONS[self._facts().direction])

    @direction.setter
    def direction(self, value: Direction) -> None:
        self._set_direction(value)

    @property
    def ptime(self) -> int | None:
        """a=ptime, whole milliseconds."""
        return self._facts().ptime_ms or None

    @ptime.setter
    def ptime(self, value: int | None) -> None:
        if value is not None:
            self.attributes["ptime"] = str(int(value))
        elif "ptime" in self.attributes:
            del self.attributes["ptime"]

    @property
    def rtp_address(self) -> tuple[str, int] | None:
        """Where it is received: c= of the media or the session, and the port. None: no IP address, or rejected."""
        facts = self._facts()
        return (facts.address.decode(), facts.port) if facts.address and facts.port else None

    def __repr__(self) -> str:
        return f"<Media {self.kind} {self.port} {self.proto} {' '.join(self.formats)}>"


def _media_line(kind: str, port: int, proto: str, formats: str) -> _MediaLine:
    if not 0 <= port < 65536:
        raise SdpError(f"port {port}: 0 to 65535")
    return _MediaLine(c.text(kind), c.text(proto), c.text(formats), port, 1)


class Description(_Section):
    """A session description. No line is lost: what nobody here knows stands in `lines`. Equal are descriptions of the same lines; they change,
    so they have no hash. copy.copy() and pickle make descriptions of their own."""

    __slots__ = ("_handle", "__weakref__")
    _number = SESSION
    _handle: ctypes.c_void_p

    def __init__(self, address: str, session_id: int | None = None, version: int = 1, user: str = "-", name: str = "-"):
        """v=0, o=, s=, c= with the address, t=0 0, and no media. No session_id: one by chance."""
        handle = ctypes.c_void_p()
        owner = _owner(Origin(user, _session_id(session_id), version, "IN", "IP6" if ":" in address else "IP4", address))
        _check(_call("new", ctypes.byref(owner), ctypes.byref(handle)), "description")
        self._handle = handle
        self.name = name
        self.connection = address

    @classmethod
    def _of(cls, handle: ctypes.c_void_p) -> Description:
        self = cls.__new__(cls)
        self._handle = handle
        return self

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle:
            _free(handle)

    @property
    def _owner(self) -> Description:  # type: ignore[override]
        return self

    # ---- as a whole ----

    def __bytes__(self) -> bytes:
        room = _call("size", self._handle) + 1
        buffer = ctypes.create_string_buffer(room)
        length = _call("print", self._handle, buffer, room)
        _check(length, "description")
        return buffer.raw[:length]

    def __str__(self) -> str:
        return bytes(self).decode("utf-8", "surrogateescape")

    def __repr__(self) -> str:
        return f"<Description {self._line('o')!r}, {self.media!r}>"

    def __eq__(self, other: object) -> bool:
        return bool(_call("eq", self._handle, other._handle)) if isinstance(other, Description) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Description:
        """Another one of the same lines."""
        handle = ctypes.c_void_p()
        _check(_call("copy", self._handle, ctypes.byref(handle)), "copy")
        return self._of(handle)

    __copy__ = copy

    def __deepcopy__(self, memo: object) -> Description:
        return self.copy()

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return parse, (bytes(self),)

    # ---- what it says ----

    @property
    def origin(self) -> Origin:
        """o=. SdpError when it is none."""
        out = _OwnerOut()
        _check(_call("owner", self._handle, ctypes.byref(out)), "o= line")
        return Origin(c.read(out.user), out.id, out.version, c.read(out.net), c.read(out.type), c.read(out.address))

    @origin.setter
    def origin(self, value: Origin) -> None:
        _check(_call("set_owner", self._handle, ctypes.byref(_owner(value))), "o= line")

    @property
    def name(self) -> str:
        """s=, "" when there is none."""
        return self._line("s") or ""

    @name.setter
    def name(self, value: str) -> None:
        self.set_line("s", value)

    @property
    def timing(self) -> str:
        """The first t=, "0 0" when there is none (RFC 8866 5.9)."""
        return self._line("t") or "0 0"

    @property
    def direction(self) -> Direction | None:
        """The direction of the session; None: it says none. Media.direction says what holds."""
        return typing.cast("Direction | None", next((name for name, _ in self.attributes.items() if name in DIRECTIONS), None))

    @direction.setter
    def direction(self, value: Direction) -> None:
        self._set_direction(value)

    @property
    def media(self) -> list[Media]:
        """Every media, in order."""
        return [Media(self, number) for number in range(_call("media_count", self._handle))]

    def _first(self, kind: str) -> Media | None:
        return next((media for media in self.media if media.kind == kind), None)

    @property
    def audio(self) -> Media | None:
        """The first audio."""
        return self._first("audio")

    @property
    def video(self) -> Media | None:
        """The first video."""
        return self._first("video")

    def add_media(self, kind: str, port: int, codecs: collections.abc.Iterable[Codec | str | int], proto: str = "RTP/AVP") -> Media:
        """One more, behind the others. A Codec needs a payload type and brings its a=rtpmap and a=fmtp; text or a number is a format alone."""
        kept = list(codecs)
        numbers = [one.payload_type if isinstance(one, Codec) else one for one in kept]
        if None in numbers:
            raise SdpError("a codec needs a payload type here")
        _check(_call("add_media", self._handle, ctypes.byref(_media_line(kind, port, proto, " ".join(map(str, numbers))))), "m= line")
        media = self.media[-1]
        for one in kept:
            if isinstance(one, Codec):
                channels = f"/{one.channels}" if one.channels > 1 else ""
                media.attributes.add("rtpmap", f"{one.payload_type} {one.name}/{one.clock_hz}{channels}")
                if one.fmtp:
                    media.attributes.add("fmtp", f"{one.payload_type} {one.fmtp}")
        return media


_free = _functions["free"]


def _owner(o: Origin) -> _Owner:
    for number in (o.session_id, o.version):
        if not 0 <= number < 1 << 64:
            raise SdpError(f"{number}: the numbers of o= have 64 bits")
    return _Owner(c.text(o.user), o.session_id, o.version, c.text(o.net), c.text(o.address_type), c.text(o.address))


def _session_id(given: int | None) -> int:
    return secrets.randbits(62) if given is None else given


def parse(data: bytes | str) -> Description:
    """Read one. ParseError when it is none; what is wrong with a single stream is told when that is asked for, or it is not taken."""
    handle, position, octets = ctypes.c_void_p(), ctypes.c_size_t(), c.octets(data)
    err = _call("parse", c.text(octets), ctypes.byref(handle), ctypes.byref(position))
    if err == -errno.ENOMEM:
        raise MemoryError("parsing")
    if err != 0:
        raise ParseError("larger than a description may be" if err == -errno.ERANGE else "no session description", position.value)
    return Description._of(handle)


# ---- offer and answer ----

@dataclasses.dataclass(frozen=True)
class Side:
    """What we can and want of one kind of media.

    `codecs`: 1 to 8, the best one first. `port`: where we receive, `address`: at which address, None: that of the description. `ptime`: of audio, in
    ms, when the peer names none. `dtmf`: telephone-event goes with audio (RFC 4733), under the number of the offer, in offers 101. `direction`: the
    most that we do. `our_order`: our best codec that is offered, else the offerer's best. `most`: so many codecs stay in an answer. `transports`: the
    first is offered, all are taken. `rtcp_port` None: the next. `feedback`: of a=rtcp-fb, "nack pli". `lines`: more lines for the stream, "a=mid:0".
    """

    codecs: collections.abc.Sequence[Codec]
    port: int
    address: str | None = None
    ptime: int = 20
    dtmf: bool = True
    direction: Direction = "sendrecv"
    our_order: bool = False
    most: int = 1
    transports: collections.abc.Sequence[str] = ("RTP/AVP",)
    rtcp_port: int | None = None
    rtcp_mux: bool = False
    feedback: collections.abc.Sequence[str] = ()
    lines: collections.abc.Sequence[str] = ()

    def _in(self, address: str) -> _Side:
        if not (0 < self.port < 65536 and 0 <= (self.rtcp_port or 0) < 65536):
            raise SdpError(f"port {self.port}: 1 to 65535")
        if self.direction not in DIRECTIONS or any(t not in TRANSPORTS[1:] for t in self.transports):
            raise SdpError(f"{self.direction!r}, {list(self.transports)!r}: no direction or no transport")
        if any("\r" in line or "\n" in line for line in self.lines):
            raise SdpError("a line has no line end in it")
        abilities = (_Ability * len(self.codecs))(*[
            _Ability(c.text(k.name), c.text(k.fmtp), k.clock_hz, k.channels, k.payload_type if k.payload_type and k.payload_type > 95 else 0)
            for k in self.codecs])
        feedback = (c.In * len(self.feedback))(*map(c.text, self.feedback))
        bits = sum({1 << TRANSPORTS.index(t) for t in self.transports})
        return _Side(abilities, feedback, c.text(address if self.address is None else self.address),
                     c.text("".join(line + "\r\n" for line in self.lines)), len(self.codecs), len(self.feedback), self.most, self.ptime,
                     DIRECTIONS.index(self.direction), bits, self.port, self.rtcp_port or 0, self.our_order, not self.dtmf, self.rtcp_mux)


@dataclasses.dataclass(frozen=True)
class Taken:
    """A codec that was agreed on: we send it as `payload_type`, and get it as `receives`. `fmtp` is the peer's."""

    codec: Codec
    payload_type: int
    receives: int
    fmtp: str


@dataclasses.dataclass(frozen=True)
class Stream:
    """What was agreed on for one stream. `codecs`: the first is what we send. `dtmf`: payload type we send telephone-event as for the clock of that
    codec, None: it was not agreed on. `direction`: ours. `rtp_address`: where to send; 0.0.0.0 or ::, on hold: nowhere."""

    media: int
    codecs: tuple[Taken, ...]
    dtmf: int | None
    dtmf_receives: int | None
    ptime: int
    direction: Direction
    transport: str
    rtp_address: tuple[str, int]
    rtcp_address: tuple[str, int]
    rtcp_mux: bool
    feedback: tuple[str, ...]

    @property
    def payload_type(self) -> int:
        """Of the codec that we send."""
        return self.codecs[0].payload_type

    @property
    def codec(self) -> Codec:
        """What we send."""
        return self.codecs[0].codec


class Agreement:
    """What was agreed on: `audio` and `video` are a Stream, or None. `answer` is our Description when we answered, else None. Give it as `now` to
    what follows in the same session."""

    __slots__ = ("audio", "video", "answer", "_raw")

    def __init__(self, raw: _Agreement, audio: Side | None, video: Side | None, answer: Description | None):
        self.audio = _stream(raw.audio, audio)
        self.video = _stream(raw.video, video)
        self.answer = answer
        self._raw = raw

    def __repr__(self) -> str:
        return f"<Agreement audio={self.audio!r}, video={self.video!r}>"


def _stream(raw: _Stream, side: Side | None) -> Stream | None:
    if raw.fit != 0 or side is None:
        return None
    taken = []
    for one in raw.codecs[:raw.count]:
        taken.append(Taken(side.codecs[one.ability], one.payload_type, one.receives, c.read(one.fmtp)))
        one.fmtp = c.Out(None, 0)  # it stays with the peer's description only
    events = [e for e in raw.events[:raw.event_count] if e.clock_hz == taken[0].codec.clock_hz]
    return Stream(raw.media, tuple(taken), events[0].payload_type if events else None, events[0].receives if events else None, raw.ptime_ms,
                  typing.cast(Direction, DIRECTIONS[raw.direction]), TRANSPORTS[raw.transport], (raw.address.decode(), raw.port),
                  (raw.rtcp_address.decode(), raw.rtcp_port), raw.rtcp_mux,
                  tuple(what for bit, what in enumerate(side.feedback) if raw.feedback >> bit & 1))


class _TermsOf:
    """Terms for C, and what they are made of."""

    def __init__(self, audio: Side | None, video: Side | None, address: str, session_id: int, version: int, now: Agreement | None):
        self.sides = [side and side._in(address) for side in (audio, video)]
        pointers = [ctypes.pointer(side) if side else ctypes.POINTER(_Side)() for side in self.sides]
        self.now = now
        self.terms = _Terms(*pointers, ctypes.pointer(now._raw) if now else ctypes.POINTER(_Agreement)(), c.text(address), session_id, version)


def _settle(result: int, what: str, kinds: str) -> None:
    if result > 0:
        why = ("", "media", "transport", "address", "codec", "match")[result]
        raise NegotiationError(_WHY[result].format(kind=kinds), why)
    _check(result, what)


def _kinds(audio: Side | None, video: Side | None) -> str:
    return " or ".join(kind for kind, side in (("audio", audio), ("video", video)) if side)


def negotiate(offer: Description, *, audio: Side | None = None, video: Side | None = None, address: str, session_id: int | None = None,
              version: int = 1, now: Agreement | None = None) -> Agreement:
    """Take what of an offer can be taken, and make the answer (RFC 3264 6). At most one audio and one video are; the others are rejected with
    port 0. `now`: what is in use; its answer keeps its session id, and its version unless something changes (RFC 3264 8).

    NegotiationError: nothing can be taken. SdpError: a side that can not be offered.
    """
    last = now.answer.origin if now is not None and now.answer is not None else None
    own_id = last.session_id if last is not None and session_id is None else _session_id(session_id)
    terms = _TermsOf(audio, video, address, own_id, version, now)
    raw, handle = _Agreement(), ctypes.c_void_p()
    _settle(_call("negotiate", offer._handle, ctypes.byref(terms.terms), ctypes.byref(raw), ctypes.byref(handle)), "answer",
            _kinds(audio, video))
    answer = Description._of(handle)
    if now is not None and now.answer is not None:
        _check(_call("follow", answer._handle, now.answer._handle), "version")
    return Agreement(raw, audio, video, answer)


def propose(*, audio: Side | None = None, video: Side | None = None, address: str, session_id: int | None = None, version: int = 1,
            last: Description | None = None, now: Agreement | None = None) -> Description:
    """An offer of ours (RFC 3264 5). `last`: the last description of the session from either side, all of whose media are kept; what is not
    wanted any more has port 0. SdpError: terms that can not be offered."""
    terms = _TermsOf(audio, video, address, _session_id(session_id), version, now)
    handle = ctypes.c_void_p()
    _check(_call("propose", ctypes.byref(terms.terms), last._handle if last else None, ctypes.byref(handle)), "offer")
    return Description._of(handle)


def conclude(offer: Description, answer: Description, *, audio: Side | None = None, video: Side | None = None) -> Agreement:
    """What the answer to an offer of ours means; sides as they were offered. NegotiationError: everything was rejected, or it does not belong to
    the offer."""
    terms = _TermsOf(audio, video, "0.0.0.0", 0, 0, None)
    raw = _Agreement()
    _settle(_call("conclude", offer._handle, answer._handle, ctypes.byref(terms.terms), ctypes.byref(raw)), "answer", _kinds(audio, video))
    return Agreement(raw, audio, video, None)


__all__ = [
    "Agreement", "Attributes", "Codec", "Description", "G722", "H264", "Media", "NegotiationError", "OPUS", "Origin", "PCMA", "PCMU", "ParseError",
    "SdpError", "Side", "Stream", "Taken", "VP8", "conclude", "negotiate", "parse", "propose",
]
