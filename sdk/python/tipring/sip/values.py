"""Values of header fields: URIs, addresses, Via, CSeq, challenges and credentials. All of them are immutable and can be hashed."""

from __future__ import annotations

import collections.abc
import ctypes
import typing

from . import _library as c
from .errors import ParseError, SipError

Pairs = typing.Union[collections.abc.Mapping[str, "str | None"], collections.abc.Iterable[tuple[str, "str | None"]]]
USER, PARAM, HEADER = range(3)
_PARTS = {"user": USER, "param": PARAM, "header": HEADER}


def escape(value: str, part: typing.Literal["user", "param", "header"] = "user") -> str:
    """With %-escapes for what can not stand in this part of a URI (RFC 3261 19.1.2)."""
    return c.printed("escape", c.text(value), _PARTS[part], what="escaping")


def unescape(value: str) -> str:
    """Without %-escapes, once (RFC 4475 3.1.1.3)."""
    return c.printed("unescape", c.text(value), what="unescaping", room=len(value) * 4 + 1) if "%" in value else value


class Params(collections.abc.Mapping[str, "str | None"]):
    """Parameters in their order; names in any case. A parameter without value is None. Of a name that stands there twice, [] gives the
    first, `pairs` all."""

    __slots__ = ("pairs",)
    pairs: tuple[tuple[str, str | None], ...]

    def __init__(self, pairs: Pairs = ()):
        items = pairs.items() if isinstance(pairs, collections.abc.Mapping) else pairs
        object.__setattr__(self, "pairs", pairs.pairs if isinstance(pairs, Params) else
                           tuple((name, None if value is None else str(value)) for name, value in items))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("parameters do not change: make new ones")

    def __getitem__(self, name: str) -> str | None:
        for key, value in self.pairs:
            if key.lower() == name.lower():
                return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key.lower() == name.lower() for key, _ in self.pairs)

    def __iter__(self) -> collections.abc.Iterator[str]:
        return iter(dict.fromkeys(key.lower() for key, _ in self.pairs))

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self.pairs})

    def _key(self) -> frozenset[tuple[str, str | None]]:
        return frozenset((key.lower(), value) for key, value in self.pairs)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Params):
            return self._key() == other._key()
        return Params(other) == self if isinstance(other, collections.abc.Mapping) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Params({list(self.pairs)!r})"

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return Params, (self.pairs,)

    def without(self, name: str) -> Params:
        """The others."""
        return Params([pair for pair in self.pairs if pair[0].lower() != name.lower()])

    def with_(self, name: str, value: str | None = None) -> Params:
        """These, and this one in place of those of its name."""
        return Params([*self.without(name).pairs, (name, value)])

    def _of_header(self) -> str:
        return "".join(c.printed("param", c.text(name), c.text(value or ""), what=f"parameter {name!r}") for name, value in self.pairs)


def _unquoted(value: str) -> str:
    if "\\" not in value and value.isprintable():
        return value
    return c.printed("unquote", c.text(value), what="unquoting", room=len(value) * 4 + 1)


def _params_of_header(data: bytes) -> Params:
    return Params([(name, _unquoted(value) if value else None) for name, value in c.each("param_next", data)])


class _Value:
    """What all values have: they are read with parse(), written with str(), and never change."""

    __slots__ = ("_text",)
    _text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} does not change: make another with replace()")

    def _set(self, **fields: object) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return self._text

    def __bytes__(self) -> bytes:
        return c.octets(self._text)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._text}>"

    def __reduce__(self) -> tuple[typing.Any, ...]:
        return type(self).parse, (self._text,)

    @classmethod
    def parse(cls, value: str | bytes) -> typing.Any:
        """Read one. ParseError."""
        raise NotImplementedError


class Uri(_Value):
    """A SIP or SIPS URI (RFC 3261 19.1), a telephone number (tel, RFC 3966), or a URI of another scheme.

    `user`: as on the wire, with escapes, password and user parameters; None when there is none; of tel the number. `host`: an IPv6
    address stands in brackets. `params`, `headers`: escapes resolved. `other`: of other schemes, what is behind the colon. Equality is that of
    RFC 3261 19.1.4: an escaped letter is the letter, parameters come in any order, `transport` counts when only one has it. (It
    is not transitive, so neither are sets of URIs that differ in optional parameters.)
    """

    __slots__ = ("scheme", "user", "host", "port", "params", "headers", "other")
    scheme: str
    user: str | None
    host: str
    port: int | None
    params: Params
    headers: Params
    other: str

    def __init__(self, scheme: str = "sip", user: str | None = None, host: str = "", port: int | None = None, params: Pairs = (),
                 headers: Pairs = ()):
        """`user` is escaped already: escape() does that. SipError when a part can not stand in a URI."""
        param_text = "".join(";" + escape(n, "param") + ("" if v is None else "=" + escape(v, "param")) for n, v in Params(params).pairs)
        header_text = "&".join(f"{escape(n, 'header')}={escape(v or '', 'header')}" for n, v in Params(headers).pairs)
        if port is not None and not 0 < port < 65536:
            raise SipError(f"port {port}: a port is 1 to 65535")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        parts = c.UriIn(c.text(scheme), c.text(user or ""), c.text(bare), c.text(param_text), c.text(header_text), c.text(""), port or 0,
                        ":" in bare)
        self._read(c.printed("uri_print", ctypes.byref(parts), what=f"URI of {scheme!r}, {user!r}, {host!r}"))

    @classmethod
    def parse(cls, value: str | bytes) -> Uri:
        """Read one. ParseError, its position where the part that is wrong begins or ends."""
        self = cls.__new__(cls)
        self._read(value)
        return self

    def _read(self, value: str | bytes) -> None:
        data, out, fault = c.octets(value), c.UriOut(), c.Fault()
        c.check_parsed(c.call("uri_parse", c.text(data), ctypes.byref(out), ctypes.byref(fault)), fault)
        host = c.read(out.host)
        _Value.__init__(self, data.decode("utf-8", "surrogateescape"))
        self._set(scheme=c.read(out.scheme).lower(), user=c.read(out.user) or None, host=f"[{host}]" if out.host_is_v6 else host,
                  port=out.port or None, other=c.read(out.other),
                  params=Params([(unescape(n), unescape(v) or None) for n, v in c.each("uri_param_next", c.taken(out.params))]),
                  headers=Params([(unescape(n), unescape(v)) for n, v in c.each("uri_header_next", c.taken(out.headers))]))

    def replace(self, **changes: typing.Any) -> Uri:
        """Another, with some parts changed: scheme, user, host, port, params, headers."""
        if self.other:
            raise SipError(f"a URI of the scheme {self.scheme} is not looked into")
        parts = {name: getattr(self, name) for name in ("scheme", "user", "host", "port", "params", "headers")}
        return Uri(**{**parts, **changes})

    @property
    def user_text(self) -> str | None:
        """The user as people read it: without its parameters and password, escapes resolved."""
        return None if self.user is None else unescape(self.user.split(";")[0].split(":")[0])

    @property
    def user_params(self) -> Params:
        """";day=tuesday" of "alice;day=tuesday@..." (RFC 3261 19.1.2, 19.1.6)."""
        behind = (self.user or "").split(":")[0].split(";")[1:]
        return Params([(unescape(n), unescape(v) if eq else None) for n, eq, v in (one.partition("=") for one in behind)])

    @property
    def is_secure(self) -> bool:
        """sips: TLS all the way (RFC 3261 26.2.2)."""
        return self.scheme == "sips"

    def __eq__(self, other: object) -> bool:
        return bool(c.call("uri_eq", c.text(self._text), c.text(other._text))) if isinstance(other, Uri) else NotImplemented

    def __hash__(self) -> int:
        user = self.user or ""
        if self.scheme == "tel":
            return hash((self.scheme, user.translate({ord(mark): None for mark in "-.()"}).lower()))
        return hash((self.scheme, unescape(user), self.host.lower(), self.port, self.other))


class Address(_Value):
    """A value of From, To, Contact, Route, Record-Route, Refer-To and their like (RFC 3261 20.10): `"Alice" <sip:alice@h>;tag=x`.

    `display`: as people read it; "" when there is none. `uri`: a Uri; what is no URI at all raises when it is asked for, and `uri_text` has it
    anyway. `params`: of the header field, not of the URI.
    """

    __slots__ = ("display", "uri_text", "params", "tag")
    display: str
    uri_text: str
    params: Params
    tag: str | None

    def __init__(self, uri: Uri | str, display: str = "", params: Pairs = (), tag: str | None = None):
        """`tag` is one of the parameters."""
        all_params = Params(params) if tag is None else Params(params).with_("tag", tag)
        parts = c.AddressIn(c.text(display), c.text(str(uri)), c.text(all_params._of_header()), c.text(""))
        self._read(c.printed("address_print", ctypes.byref(parts), what=f"address of {str(uri)!r}"))

    @classmethod
    def parse(cls, value: str | bytes) -> Address:
        """Read one. ParseError."""
        self = cls.__new__(cls)
        self._read(value)
        return self

    def _read(self, value: str | bytes) -> None:
        data, out, fault = c.octets(value), c.AddressOut(), c.Fault()
        c.check_parsed(c.call("address_parse", c.text(data), ctypes.byref(out), ctypes.byref(fault)), fault)
        _Value.__init__(self, data.decode("utf-8", "surrogateescape"))
        self._set(display=_unquoted(c.read(out.display)), uri_text=c.read(out.uri), params=_params_of_header(c.taken(out.params)),
                  tag=c.read(out.tag) or None)

    @property
    def uri(self) -> Uri:
        """The URI. ParseError when it is none."""
        return Uri.parse(self.uri_text)

    def replace(self, **changes: typing.Any) -> Address:
        """Another, with some parts changed: uri, display, params, tag."""
        return Address(**{"uri": self.uri_text, "display": self.display, "params": self.params, **changes})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Address):
            return NotImplemented
        return self.display == other.display and self.params == other.params and bool(
            c.call("uri_eq", c.text(self.uri_text), c.text(other.uri_text)))

    def __hash__(self) -> int:
        return hash((self.display, self.params))


class Via(_Value):
    """A Via value (RFC 3261 20.42). `host`: an IPv6 address stands in brackets. `port` None: not given."""

    __slots__ = ("transport", "host", "port", "params", "branch", "received")
    transport: str
    host: str
    port: int | None
    params: Params
    branch: str | None
    received: str | None

    def __init__(self, host: str, port: int | None = None, transport: str = "UDP", branch: str | None = None, params: Pairs = ()):
        """`branch` is one of the parameters; new_branch() makes one."""
        all_params = Params(params) if branch is None else Params(params).with_("branch", branch)
        if port is not None and not 0 < port < 65536:
            raise SipError(f"port {port}: a port is 1 to 65535")
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        parts = c.ViaIn(c.text(transport), c.text(host), c.text(all_params._of_header()), c.text(""), c.text(""), port or 0, False)
        self._read(c.printed("via_print", ctypes.byref(parts), what=f"Via of {host!r}"))

    @classmethod
    def parse(cls, value: str | bytes) -> Via:
        """Read one. ParseError."""
        self = cls.__new__(cls)
        self._read(value)
        return self

    def _read(self, value: str | bytes) -> None:
        data, out, fault = c.octets(value), c.ViaOut(), c.Fault()
        c.check_parsed(c.call("via_parse", c.text(data), ctypes.byref(out), ctypes.byref(fault)), fault)
        _Value.__init__(self, data.decode("utf-8", "surrogateescape"))
        self._set(transport=c.read(out.transport), host=c.read(out.host), port=out.port or None,
                  params=_params_of_header(c.taken(out.params)), branch=c.read(out.branch) or None, received=c.read(out.received) or None)

    @property
    def rport(self) -> int | None:
        """The port filled in by who received it (RFC 3581); None also when it is only asked for: `"rport" in via.params`."""
        value = self.params.get("rport")
        return int(value) if value is not None and value.isascii() and value.isdigit() else None

    def replace(self, **changes: typing.Any) -> Via:
        """Another, with some parts changed: transport, host, port, params, branch."""
        return Via(**{"transport": self.transport, "host": self.host, "port": self.port, "params": self.params, **changes})

    def _key(self) -> tuple[object, ...]:
        return self.transport.upper(), self.host.lower(), self.port, self.params

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Via) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


class CSeq(typing.NamedTuple):
    """A CSeq value (RFC 3261 20.16): a number below 2**31 and a method."""

    number: int
    method: str

    @classmethod
    def parse(cls, value: str | bytes) -> CSeq:
        """Read one. ParseError."""
        number, method, fault, data = ctypes.c_uint32(), c.Out(), c.Fault(), c.octets(value)
        c.check_parsed(c.call("cseq_parse", c.text(data), ctypes.byref(number), ctypes.byref(method), ctypes.byref(fault)), fault)
        return cls(number.value, c.read(method))

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


class Auth(_Value):
    """A scheme of authentication and its parameters, values without quotes (RFC 3261 20.7, 20.44; RFC 7616). Use Challenge for
    WWW-Authenticate and Proxy-Authenticate, Credentials for Authorization and Proxy-Authorization: they put quotes in different places."""

    __slots__ = ("scheme", "params")
    scheme: str
    params: Params
    _of_credentials: typing.ClassVar[bool] = False

    def __init__(self, scheme: str = "Digest", params: Pairs = ()):
        kept = Params(params)
        parts = [c.printed("auth_param", c.text(name), c.text(value or ""), self._of_credentials, what=f"parameter {name!r}")
                 for name, value in kept.pairs]
        self._read(f"{scheme} {', '.join(parts)}".rstrip())

    @classmethod
    def parse(cls, value: str | bytes) -> typing.Self:
        """Read one. ParseError."""
        self = cls.__new__(cls)
        self._read(value)
        return self

    def _read(self, value: str | bytes) -> None:
        data, scheme, rest, fault = c.octets(value), c.Out(), c.Out(), c.Fault()
        keep = c.text(data)
        c.check_parsed(c.call("auth_parse", keep, ctypes.byref(scheme), ctypes.byref(rest), ctypes.byref(fault)), fault)
        _Value.__init__(self, data.decode("utf-8", "surrogateescape"))
        self._set(scheme=c.read(scheme), params=Params([(n, _unquoted(v)) for n, v in c.each("auth_next", c.taken(rest))]))

    def _key(self) -> tuple[object, ...]:
        return self.scheme.lower(), self.params

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Auth) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


class Challenge(Auth):
    """WWW-Authenticate, Proxy-Authenticate."""

    __slots__ = ()


class Credentials(Auth):
    """Authorization, Proxy-Authorization."""

    __slots__ = ()
    _of_credentials = True


def _identifier(name: str, room: int) -> str:
    buffer = ctypes.create_string_buffer(room)
    c.check(c.call(name, buffer), name)
    return buffer.value.decode()


def new_branch() -> str:
    """A branch nobody else has: z9hG4bK and 64 bits of chance (RFC 3261 8.1.1.7)."""
    return _identifier("branch", 24)


def new_tag() -> str:
    """A tag nobody else has: 64 bits of chance (RFC 3261 19.3)."""
    return _identifier("tag", 17)


def new_call_id(host: str = "") -> str:
    """A Call-ID nobody else has: a UUID, and @host unless that is empty (RFC 3261 8.1.1.4)."""
    return c.printed("call_id", c.text(host), what=f"Call-ID of {host!r}")


def header_name(name: str) -> str:
    """How a name of a header field is written: "v" is Via, "www-authenticate" WWW-Authenticate, "x-foo" X-Foo."""
    return c.printed("header_name", c.text(name), what=f"name {name!r}")


__all__ = ["Address", "Auth", "CSeq", "Challenge", "Credentials", "Params", "ParseError", "Uri", "Via", "escape", "header_name", "new_branch",
           "new_call_id", "new_tag", "unescape"]
