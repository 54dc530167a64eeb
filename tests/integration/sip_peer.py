"""A SIP user agent in plain sockets that can misbehave on purpose."""

from __future__ import annotations

import os
import re
import socket
import time

from system import PATIENCE


class Peer:
    """One UDP socket. Builds requests, sends any bytes, waits for responses."""

    def __init__(self, system, host: str | None = None):
        self.host = host or system.host
        self.family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.target = (system.host, system.sip_port)
        self.socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self.socket.bind((self.host, 0))
        self.port = self.socket.getsockname()[1]
        self.literal = f"[{self.host}]" if ":" in self.host else self.host
        self.rtp = socket.socket(self.family, socket.SOCK_DGRAM)
        self.rtp.bind((self.host, 0))
        self.rtp_port = self.rtp.getsockname()[1]
        self.call_id = os.urandom(8).hex()
        self.tag = os.urandom(4).hex()
        self.to_tag = ""
        self.contact = ""
        self.cseq = 0
        self.branch = ""

    def close(self):
        self.socket.close()
        self.rtp.close()

    def sdp(self, formats: str = "0 101", extra: str = "") -> str:
        kind = "IP6" if ":" in self.host else "IP4"
        return (f"v=0\r\no=peer 1 1 IN {kind} {self.host}\r\ns=-\r\nc=IN {kind} {self.host}\r\nt=0 0\r\n"
                f"m=audio {self.rtp_port} RTP/AVP {formats}\r\na=rtpmap:101 telephone-event/8000\r\n{extra}")

    def request(self, method: str, *, body: str = "", headers: str = "", cseq: int | None = None, branch: str = "",
                number: str = "echo") -> str:
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        self.branch = branch or "z9hG4bK" + os.urandom(8).hex()
        uri = self.contact or f"sip:{number}@{self.target[0] if self.family == socket.AF_INET else '[' + self.target[0] + ']'}:{self.target[1]}"
        to_tag = f";tag={self.to_tag}" if self.to_tag else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.literal}:{self.port};branch={self.branch};rport\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:peer@{self.literal}>;tag={self.tag}\r\nTo: <sip:{number}@{self.literal}>{to_tag}\r\n"
                f"Call-ID: {self.call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:peer@{self.literal}:{self.port}>\r\n"
                f"{headers}{kind}Content-Length: {len(body)}\r\n\r\n{body}")

    def send(self, message: str | bytes) -> None:
        data = message if isinstance(message, bytes) else message.encode()
        self.socket.sendto(data, self.target)

    def receive(self, seconds: float = 2.0) -> str | None:
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(65536).decode(errors="replace")
        except TimeoutError:
            return None

    def wait(self, *codes: int, seconds: float = 3.0, to: str = "") -> str:
        """The first response with one of these codes; AssertionError when none comes. `to`: its CSeq, when others may come again."""
        return self.wait_briefly(*codes, seconds=seconds * PATIENCE, to=to)

    def wait_briefly(self, *codes: int, seconds: float, to: str = "") -> str:
        """So long, and no longer."""
        end, seen = time.monotonic() + seconds, []
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if message is None:
                break
            seen.append(message.split("\r\n", 1)[0])
            if message.startswith("SIP/2.0 ") and int(message[8:11]) in codes and f"\r\nCSeq: {to}" in message:
                return message
        raise AssertionError(f"waited for {codes}, got {seen}")

    def send_until(self, message: str, *codes: int, seconds: float = 5.0) -> str:
        """Send as timer E does (500 ms) until this answer comes: what a process that is killed had taken from its socket is lost."""
        for _ in range(int(2 * seconds * PATIENCE)):
            self.send(message)
            try:
                return self.wait_briefly(*codes, seconds=0.5)
            except AssertionError:
                continue
        raise AssertionError(f"none of {codes}")

    def request_of(self, method: str, *, but: str = "", seconds: float = 3.0) -> str:
        """The first request of that method that is not `but` again."""
        end = time.monotonic() + seconds * PATIENCE
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if message is not None and message.startswith(method + " ") and message != but:
                return message
        raise AssertionError(f"no {method}")

    def answer(self, request: str, code: int) -> None:
        """A response without a body."""
        kept = [line for line in request.split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        self.send("\r\n".join([f"SIP/2.0 {code} x", *kept, "Content-Length: 0", "", ""]))

    def learn(self, answer: str) -> None:
        """Tag and Contact of a dialog-making response."""
        self.to_tag = re.search(r"\r\nTo:[^\r]*;tag=([^;\r]+)", answer).group(1)
        self.contact = re.search(r"\r\nContact: <([^>]+)>", answer).group(1)

    def call(self, **options) -> str:
        """INVITE, 200, ACK; the 200."""
        self.send(self.request("INVITE", body=self.sdp(), **options))
        answer = self.wait(200)
        self.learn(answer)
        self.send(self.request("ACK", cseq=self.cseq))
        return answer

    def media(self, answer: str) -> tuple[str, int]:
        """Where its RTP goes."""
        return (re.search(r"\r\nc=IN IP[46] ([^\r]+)", answer).group(1),
                int(re.search(r"\r\nm=audio (\d+)", answer).group(1)))

    def bye(self) -> str:
        self.send(self.request("BYE"))
        return self.wait(200, to=f"{self.cseq} BYE\r\n")
