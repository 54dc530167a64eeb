"""The C library behind tipring.sip (sdk/sip/tipring_sip.h), and how texts go in and come out."""

from __future__ import annotations

import ctypes
import errno
import pathlib
import typing

from .errors import ParseError, SipError

ESYNTAX = -1000
ROOM = 1024


class In(ctypes.Structure):
    """struct tipring_text of octets of ours."""

    _fields_ = [("p", ctypes.c_char_p), ("n", ctypes.c_size_t)]


class Out(ctypes.Structure):
    """struct tipring_text of octets that C has, or that `keep` has."""

    _fields_ = [("p", ctypes.c_void_p), ("n", ctypes.c_size_t)]


class Fault(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("status", ctypes.c_uint32), ("position", ctypes.c_size_t), ("text", ctypes.c_char_p)]


class UriIn(ctypes.Structure):
    _fields_ = [("scheme", In), ("user", In), ("host", In), ("params", In), ("headers", In), ("other", In),
                ("port", ctypes.c_uint16), ("host_is_v6", ctypes.c_bool)]


class UriOut(ctypes.Structure):
    _fields_ = [("scheme", Out), ("user", Out), ("host", Out), ("params", Out), ("headers", Out), ("other", Out),
                ("port", ctypes.c_uint16), ("host_is_v6", ctypes.c_bool)]


class AddressIn(ctypes.Structure):
    _fields_ = [("display", In), ("uri", In), ("params", In), ("tag", In)]


class AddressOut(ctypes.Structure):
    _fields_ = [("display", Out), ("uri", Out), ("params", Out), ("tag", Out)]


class ViaIn(ctypes.Structure):
    _fields_ = [("transport", In), ("host", In), ("params", In), ("branch", In), ("received", In),
                ("port", ctypes.c_uint16), ("rport", ctypes.c_bool)]


class ViaOut(ctypes.Structure):
    _fields_ = [("transport", Out), ("host", Out), ("params", Out), ("branch", Out), ("received", Out),
                ("port", ctypes.c_uint16), ("rport", ctypes.c_bool)]


_lib = ctypes.CDLL(str(pathlib.Path(__file__).parents[1] / "libtipring_sip.so"))


def bind(prefix: str, table: dict[str, tuple[typing.Any, list[typing.Any]]]) -> dict[str, typing.Any]:
    """Functions by their short names, with the types of their results and arguments."""
    functions = {}
    for name, (result, arguments) in table.items():
        functions[name] = function = getattr(_lib, prefix + name)
        function.restype, function.argtypes = result, arguments
    return functions


def _load() -> dict[str, typing.Any]:
    p = ctypes.POINTER
    handle, size, char = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
    number, long, u32, yes = ctypes.c_int, ctypes.c_int64, ctypes.c_uint32, ctypes.c_bool
    to = [char, size]
    return bind("tipring_sip_", {
        "parse": (number, [In, p(handle), p(Fault)]),
        "parse_faulty": (number, [In, p(handle), p(Fault)]),
        "request": (number, [In, In, p(handle)]),
        "response": (number, [u32, In, p(handle)]),
        "reply": (number, [handle, u32, In, In, p(handle)]),
        "copy": (number, [handle, p(handle)]),
        "free": (None, [handle]),
        "is_request": (yes, [handle]),
        "method": (Out, [handle]),
        "uri": (Out, [handle]),
        "status": (u32, [handle]),
        "reason": (Out, [handle]),
        "set_request_line": (number, [handle, In, In]),
        "set_status": (number, [handle, u32, In]),
        "next": (yes, [handle, p(size), p(Out), p(Out)]),
        "find": (yes, [handle, In, p(size), p(Out)]),
        "add": (number, [handle, In, In]),
        "add_first": (number, [handle, In, In]),
        "set": (number, [handle, In, In]),
        "remove": (u32, [handle, In]),
        "header_name": (long, [In, *to]),
        "body": (Out, [handle]),
        "set_body": (number, [handle, In]),
        "body_part": (Out, [In, In, In]),
        "size": (size, [handle]),
        "print": (long, [handle, *to]),
        "judge": (number, [handle, p(u32), p(char)]),
        "uri_parse": (number, [In, p(UriOut), p(Fault)]),
        "uri_print": (long, [p(UriIn), *to]),
        "uri_eq": (yes, [In, In]),
        "uri_param_next": (yes, [p(Out), p(Out), p(Out)]),
        "uri_header_next": (yes, [p(Out), p(Out), p(Out)]),
        "escape": (long, [In, number, *to]),
        "unescape": (long, [In, *to]),
        "address_parse": (number, [In, p(AddressOut), p(Fault)]),
        "address_print": (long, [p(AddressIn), *to]),
        "via_parse": (number, [In, p(ViaOut), p(Fault)]),
        "via_print": (long, [p(ViaIn), *to]),
        "cseq_parse": (number, [In, p(u32), p(Out), p(Fault)]),
        "auth_parse": (number, [In, p(Out), p(Out), p(Fault)]),
        "auth_next": (number, [p(Out), p(Out), p(Out)]),
        "auth_param": (long, [In, In, yes, *to]),
        "list_next": (Out, [p(Out)]),
        "param_next": (number, [p(Out), p(Out), p(Out)]),
        "param": (long, [In, In, *to]),
        "unquote": (long, [In, *to]),
        "branch": (number, [char]),
        "tag": (number, [char]),
        "call_id": (long, [In, *to]),
        "strerror": (char, [number]),
    })


_functions = _load()


def call(name: str, *arguments: typing.Any) -> typing.Any:
    return _functions[name](*arguments)


def octets(value: str | bytes) -> bytes:
    """What stands on the wire for a text: UTF-8 (RFC 3261 7.3.1); octets that are none survive as surrogates."""
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def text(value: str | bytes) -> In:
    data = octets(value)
    return In(data, len(data))


def taken(out: Out) -> bytes:
    """A copy of what C has."""
    return ctypes.string_at(out.p, out.n) if out.n else b""


def read(out: Out) -> str:
    return taken(out).decode("utf-8", "surrogateescape")


def check(err: int, what: str) -> None:
    """Raise what is wrong with something that was to be written."""
    if err < 0:
        if err == -errno.ENOMEM:
            raise MemoryError(what)
        raise SipError(f"{what}: {call('strerror', err).decode()}")


def check_parsed(err: int, fault: Fault) -> None:
    """Raise what is wrong with something that was read."""
    if err == -errno.ENOMEM:
        raise MemoryError("parsing")
    if err != 0:
        raise ParseError((fault.text or b"").decode(), fault.position, fault.status or None)


def printed(name: str, *arguments: typing.Any, what: str, room: int = ROOM) -> str:
    """What a printer writes, with as much room as it needs."""
    while True:
        buffer = ctypes.create_string_buffer(room)
        length = call(name, *arguments, buffer, room)
        if length != -errno.ENOSPC or room > 1 << 20:
            break
        room *= 4
    check(length, what)
    return buffer.raw[:length].decode("utf-8", "surrogateescape")


def each(name: str, data: bytes) -> list[tuple[str, str]]:
    """Pairs of a name and a value, as one of the `..._next` functions takes them from `data`."""
    if not data:
        return []
    keep = ctypes.create_string_buffer(data, len(data))
    rest, key, value = Out(ctypes.addressof(keep), len(data)), Out(), Out()
    pairs = []
    while (more := call(name, ctypes.byref(rest), ctypes.byref(key), ctypes.byref(value))) > 0:
        pairs.append((read(key), read(value)))
    if more < 0:
        raise ParseError("not a list of parameters", len(data) - rest.n)
    return pairs


def split(data: bytes) -> list[str]:
    """The values of a comma separated header field (RFC 3261 7.3.1)."""
    if b"," not in data:
        return [data.decode("utf-8", "surrogateescape")] if data else []
    keep = ctypes.create_string_buffer(data, len(data))
    rest = Out(ctypes.addressof(keep), len(data))
    values = []
    while rest.n:
        value = read(call("list_next", ctypes.byref(rest)))
        if value:
            values.append(value)
    return values
