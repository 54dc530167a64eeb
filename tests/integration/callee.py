"""A SIP user agent that is called, in plain sockets."""

from __future__ import annotations

import re
import threading
import time

from system import PATIENCE
from test_backend import Caller


class Callee(Caller):
    """Waits for an INVITE at `uri` and answers it as a test wants."""

    def __init__(self, system, **options):
        super().__init__(system, **options)
        self.uri = f"sip:bob@{self.literal}:{self.port}"
        self.invite = ""
        self.seen: list[str] = []  # first words of what came
        self.calls: set[tuple[str, str]] = set()  # Call-ID and branch of every INVITE: one, however often it is sent

    def next_request(self, method: str, seconds: float = 5.0) -> str:
        """The first request of that method; others are noted and left unanswered."""
        return self.request_briefly(method, seconds * PATIENCE)

    def request_briefly(self, method: str, seconds: float) -> str:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if message is None:
                break
            self.seen.append(message.split(" ", 1)[0])
            if message.startswith("INVITE "):
                self.calls.add((re.search(r"\r\nCall-ID: ([^\r]+)", message)[1], re.search(r"branch=([^;\r]+)", message)[1]))
            if message.startswith(method + " "):
                return message
        raise AssertionError(f"no {method}, but {self.seen}")

    def wait_invite(self, seconds: float = 10.0) -> str:
        self.invite = self.next_request("INVITE", seconds)
        self.remote = self.media(self.invite)
        self.seq, self.ts = 1000, 5000
        return self.invite

    def reply(self, code: int, *, to: str = "", sdp: bool = False, headers: str = "", phrase: str = "x") -> None:
        """To the INVITE, or to the request `to`."""
        kept = []
        for line in (to or self.invite).split("\r\n"):
            name = line.split(":")[0]
            if name in ("Via", "From", "To", "Call-ID", "CSeq", "Record-Route"):
                kept.append(line + (f";tag={self.tag}" if name == "To" and code > 100 and ";tag=" not in line else ""))
        body = self.sdp() if sdp else ""
        kind = "Content-Type: application/sdp\r\n" if sdp else ""
        self.send("\r\n".join([f"SIP/2.0 {code} {phrase}", *kept]) + f"\r\nContact: <sip:bob@{self.literal}:{self.port}>\r\n"
                  f"{headers}{kind}Content-Length: {len(body)}\r\n\r\n{body}")

    def send(self, message) -> None:
        data = message if isinstance(message, bytes) else message.encode()
        self.socket.sendto(data, self.source())

    def source(self) -> tuple[str, int]:
        """Where the INVITE came from."""
        found = re.search(r"\r\nVia: SIP/2.0/UDP (?:\[([^\]]+)\]|([^;:\r]+)):(\d+)", self.invite)
        return (found[1] or found[2], int(found[3])) if found else self.target

    def pick_up(self) -> None:
        """200, until the ACK comes."""
        for _ in range(10 * PATIENCE):
            self.reply(200, sdp=True, phrase="OK")
            try:
                self.request_briefly("ACK", 0.5)
                return
            except AssertionError:
                continue
        raise AssertionError("no ACK")

    def hang_up(self, headers: str = "") -> None:
        """BYE from this side."""
        header = {name: re.search(rf"\r\n{name}: ([^\r]*)", self.invite)[1] for name in ("From", "To", "Call-ID", "Contact")}
        contact = re.search(r"<([^>]+)>", header["Contact"])[1]
        bye = (f"BYE {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {self.literal}:{self.port};branch=z9hG4bKbye{self.tag};rport\r\nMax-Forwards: 70\r\n"
               f"From: {header['To']};tag={self.tag}\r\nTo: {header['From']}\r\nCall-ID: {header['Call-ID']}\r\nCSeq: 1 BYE\r\n"
               f"{headers}Content-Length: 0\r\n\r\n")
        self.send_until(bye, 200)

    def in_background(self, *steps) -> threading.Thread:
        """Run these one after the other, in a thread. What fails there is raised by joined()."""
        def work():
            try:
                for step in steps:
                    step()
            except BaseException as why:
                self.failure = why

        self.failure = None
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()
        return self.thread

    def joined(self, seconds: float = 60.0) -> None:
        self.thread.join(seconds)
        assert not self.thread.is_alive(), f"still waiting; it has seen {self.seen}"
        if self.failure is not None:
            raise self.failure
