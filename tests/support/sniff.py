"""sniff.py - what really crossed the loopback interface, with the kernel's timestamps. Needs CAP_NET_RAW."""

from __future__ import annotations

import dataclasses
import socket
import struct
import threading

ETH_P_ALL = 3
PACKET_HOST = 0
SO_TIMESTAMPNS = 35


@dataclasses.dataclass(frozen=True)
class Datagram:
    """A UDP datagram over IPv4. time: seconds since the epoch."""

    time: float
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes


class Sniffer:
    """Collects every UDP datagram of `interface` whose ports satisfy `wanted(source_port, target_port)` while it is open."""

    def __init__(self, wanted, interface: str = "lo"):
        self.datagrams: list[Datagram] = []
        self._wanted = wanted
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind((interface, ETH_P_ALL))
        self._socket.settimeout(0.1)
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._open:
            try:
                data, ancillary, _, address = self._socket.recvmsg(65536, 64)
            except TimeoutError:
                continue
            if address[2] != PACKET_HOST:  # loopback shows everything twice
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            self._take(data, seconds + nanoseconds / 1e9)

    def _take(self, ip: bytes, when: float) -> None:
        header = (ip[0] & 15) * 4
        if ip[0] >> 4 != 4 or len(ip) < header + 8 or ip[9] != socket.IPPROTO_UDP:
            return
        source, target, length = struct.unpack("!HHH", ip[header:header + 6])
        if self._wanted(source, target):
            self.datagrams.append(Datagram(when, (socket.inet_ntoa(ip[12:16]), source),
                                           (socket.inet_ntoa(ip[16:20]), target), ip[header + 8:header + length]))

    def close(self) -> list[Datagram]:
        """Stop; everything seen."""
        self._open = False
        self._thread.join()
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
