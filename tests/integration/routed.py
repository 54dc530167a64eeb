"""A telephone in plain sockets that lives behind a proxy: a thread of its own answers what comes, and what it says in a call goes along
the route that the call was made on."""

from __future__ import annotations

import os
import queue
import re
import threading
import time

from callee import Callee
from system import PATIENCE


def header(message: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*?)\r$", message, re.M | re.I)
    return found.group(1) if found else ""


class RoutedPhone(Callee):
    """Answers every call; dial() makes one, by `via` (a UDP port of this host). `requests`: what came, each once. `refresher`: it wants a
    session timer of so many seconds, which the other side keeps; `allow`: the methods it admits to know."""

    def __init__(self, system, via: int, refresher: int = 0, allow: str = "INVITE, ACK, CANCEL, BYE"):
        super().__init__(system)
        self.via, self.refresher, self.allow = via, refresher, allow
        self.requests: list[str] = []
        self.answers: dict[str, str] = {}  # to what came, by branch
        self.responses: queue.Queue = queue.Queue()
        self.version = self.number = 0
        self.up, self.over = threading.Event(), threading.Event()
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def close(self) -> None:
        self.over.set()
        self.listener.join()
        super().close()

    def send(self, message) -> None:
        self.socket.sendto(message.encode(), (self.host, self.via))

    def of(self, method: str) -> list[str]:
        return [r for r in list(self.requests) if r.startswith(method + " ")]

    def wait_for(self, method: str, count: int = 1, seconds: float = 8) -> str:
        """The request of that method with that number, counted from 1."""
        end = time.monotonic() + seconds * PATIENCE
        while len(found := self.of(method)) < count:
            assert time.monotonic() < end, f"no {method}, but {[r.split(' ')[0] for r in self.requests]}"
            time.sleep(0.02)
        return found[count - 1]

    # -- what comes --

    def listen(self) -> None:
        while not self.over.is_set():
            message = self.receive(0.1)
            if message is None:
                continue
            if message.startswith("SIP/2.0 "):
                self.responses.put(message)
            elif header(message, "Via") in self.answers:
                self.send(self.answers[header(message, "Via")])
            else:
                self.take(message)

    def take(self, message: str) -> None:
        method = message.split(" ", 1)[0]
        if method == "INVITE":
            direction = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}.get(
                (re.findall(r"\r\na=(sendrecv|sendonly|recvonly|inactive)\r", message) or [""])[0], "sendrecv")
            self.version += 1
            body = self.sdp(extra=f"a={direction}\r\n").replace("o=peer 1 1 ", f"o=peer 1 {self.version} ")
            if ";tag=" not in header(message, "To"):
                self.learn_from(message)
                self.respond(message, 180)
            self.respond(message, 200, body)
        elif method != "ACK":
            self.respond(message, 202 if method == "REFER" else 200)
        if method == "ACK":
            self.up.set()
        self.requests.append(message)

    def learn_from(self, invite: str) -> None:
        self.invite = invite
        self.remote, self.seq, self.ts = self.media(invite), 1000, 5000
        self.dialog = (f"{header(invite, 'To')};tag={self.tag}", header(invite, "From"), header(invite, "Call-ID"))
        self.contact, self.routes = re.search(r"<([^>]+)>", header(invite, "Contact"))[1], header(invite, "Record-Route")

    def respond(self, request: str, code: int, body: str = "") -> None:
        kept = [line for line in request.split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq", "Record-Route")]
        kept = [line + (f";tag={self.tag}" if line.startswith("To:") and ";tag=" not in line else "") for line in kept]
        timed = self.refresher and 200 <= code < 300 and request.split(" ")[0] in ("INVITE", "UPDATE")
        lines = f"Require: timer\r\nSession-Expires: {self.refresher};refresher=uac\r\n" if timed else ""
        answer = "\r\n".join([f"SIP/2.0 {code} OK", *kept, f"Contact: <sip:bob@{self.literal}:{self.port}>", f"Allow: {self.allow}", ""]) + (
            f"{lines}{'Content-Type: application/sdp' + chr(13) + chr(10) if body else ''}Content-Length: {len(body)}\r\n\r\n{body}")
        if code >= 200:
            self.answers[header(request, "Via")] = answer
        self.send(answer)

    # -- what it says --

    def say(self, method: str, headers: str = "", body: str = "", code: int = 200) -> str:
        """In its call, by its route; repeated until the answer comes, which has to be `code`; 491 is tried again."""
        self.number += method != "ACK"
        local, remote, call_id = self.dialog
        kind = "Content-Type: application/sdp\r\n" if body.startswith("v=") else ""
        request = (f"{method} {self.contact} SIP/2.0\r\nVia: SIP/2.0/UDP {self.literal}:{self.port};branch=z9hG4bK{os.urandom(6).hex()};rport\r\n"
                   f"Max-Forwards: 70\r\nFrom: {local}\r\nTo: {remote}\r\nCall-ID: {call_id}\r\nCSeq: {self.number} {method}\r\n"
                   f"Contact: <sip:bob@{self.literal}:{self.port}>\r\nAllow: {self.allow}\r\n"
                   + (f"Route: {self.routes}\r\n" if self.routes else "") + f"{headers}{kind}Content-Length: {len(body)}\r\n\r\n{body}")
        if method == "ACK":
            self.send(request)
            return ""
        for _ in range(10 * PATIENCE):
            self.send(request)
            try:
                while (answer := self.responses.get(timeout=0.5)):
                    if header(answer, "CSeq") == f"{self.number} {method}" and answer[8] != "1":
                        if answer.startswith("SIP/2.0 491 ") and code != 491:  # the proxy may pass it before the ACK of the one before
                            time.sleep(0.2)
                            return self.say(method, headers, body, code)
                        assert answer.startswith(f"SIP/2.0 {code} "), answer
                        return answer
            except queue.Empty:
                continue
        raise AssertionError(f"no answer to {method}")

    def dial(self, uri: str) -> None:
        self.dialog = (f"<sip:bob@{self.literal}>;tag={self.tag}", f"<{uri}>", self.call_id)
        self.contact, self.routes = uri, ""
        timer = f"Supported: timer\r\nSession-Expires: {self.refresher};refresher=uas\r\n" if self.refresher else ""
        answer = self.say("INVITE", timer, self.sdp())
        self.dialog = (self.dialog[0], header(answer, "To"), self.call_id)
        self.contact, self.routes = re.search(r"<([^>]+)>", header(answer, "Contact"))[1], header(answer, "Record-Route")
        self.say("ACK")
        self.start_media(answer)
        self.up.set()

    def notify(self, status: str, state: str = "active;expires=60") -> str:
        return self.say("NOTIFY", f"Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag;version=2.0\r\n", f"SIP/2.0 {status}\r\n")
