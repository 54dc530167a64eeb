"""sniff.py - what really crossed the loopback interface, with the kernel's timestamps. Needs CAP_NET_RAW."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import socket
import struct
import threading

ETH_P_ALL = 3
PACKET_HOST = 0
PACKET_STATISTICS = 6
SOL_PACKET = 263
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35


@dataclasses.dataclass(frozen=True)
class Datagram:
    """A UDP datagram over IPv4. time: seconds since the epoch."""

    time: float
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes


# BPF, linux/filter.h: load byte, load half word at X + k, X = length of the IP header, jump if = >= >, return
LDB, LDW, LDH_X, LDX_IP, JEQ, JGE, JGT, RET = 0x30, 0x20, 0x48, 0xB1, 0x15, 0x35, 0x25, 0x06
PACKET_TYPE = 0xFFFFF004  # ancillary: SKF_AD_OFF + SKF_AD_PKTTYPE


def port_filter(ports: list[tuple[int, int]]) -> bytes:
    """Program for the kernel: UDP over IPv4, seen once, from or to a port in one of these ranges (both ends included). Other traffic
    of the machine would fill the buffer faster than Python empties it."""
    body: list[tuple[int, int, int, int]] = []  # op, jump if true, jump if false, k
    for offset in (0, 2):
        body.append((LDH_X, 0, 0, offset))
        for low, high in ports:
            body += [(JGE, 0, 2, low), (JGT, 1, 0, high), (RET, 0, 0, 0xFFFF)]
    body.append((RET, 0, 0, 0))
    head = [(LDW, 0, 0, PACKET_TYPE), (JEQ, 1, 0, PACKET_HOST), (RET, 0, 0, 0),
            (LDB, 0, 0, 9), (JEQ, 1, 0, socket.IPPROTO_UDP), (RET, 0, 0, 0), (LDX_IP, 0, 0, 0)]
    return b"".join(struct.pack("HBBI", *row) for row in head + body)


class Sniffer:
    """Collects the UDP datagrams of `interface` from or to `ports` (ranges) while it is open. `missed`: how many it was too slow for."""

    def __init__(self, ports: list[tuple[int, int]], interface: str = "lo"):
        self.datagrams: list[Datagram] = []
        self.missed = 0
        program = ctypes.create_string_buffer(port_filter(ports))
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)  # protocol 0: nothing comes before the filter is set
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                                struct.pack("HL", (len(program) - 1) // 8, ctypes.addressof(program)))
        for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):
            with contextlib.suppress(PermissionError):
                self._socket.setsockopt(socket.SOL_SOCKET, option, 8 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind((interface, ETH_P_ALL))
        self._socket.settimeout(0.1)
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._open:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(65536, 64)
            except TimeoutError:
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            self._take(data, seconds + nanoseconds / 1e9)

    def _take(self, ip: bytes, when: float) -> None:
        header = (ip[0] & 15) * 4
        source, target, length = struct.unpack("!HHH", ip[header:header + 6])
        self.datagrams.append(Datagram(when, (socket.inet_ntoa(ip[12:16]), source),
                                       (socket.inet_ntoa(ip[16:20]), target), ip[header + 8:header + length]))

    def close(self) -> list[Datagram]:
        """Stop; everything seen."""
        self._open = False
        self._thread.join()
        _, self.missed = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self._socket.close()
        return self.datagrams


@dataclasses.dataclass(frozen=True)
class Rtp:
    time: float
    payload_type: int
    marker: bool
    seq: int
    ts: int
    ssrc: int
    payload: bytes


def rtp_of(datagram: Datagram) -> Rtp | None:
    """The RTP packet in it; None for anything else."""
    p = datagram.payload
    if len(p) < 12 or p[0] >> 6 != 2 or 192 <= p[1] <= 223:
        return None
    seq, ts, ssrc = struct.unpack("!HII", p[2:12])
    return Rtp(datagram.time, p[1] & 127, bool(p[1] >> 7), seq, ts, ssrc, p[12:])
