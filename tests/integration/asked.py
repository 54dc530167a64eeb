"""A SIP peer that is asked for changes in mid-call, in plain sockets, and calls with it in either direction."""

from __future__ import annotations

import asyncio
import re
import time

from callee import Callee
from system import PATIENCE, wait_for
from test_backend import Caller, in_thread, is_silent, tone, with_backend


class Asked:
    """A peer that is asked for changes, beside Caller or Callee."""

    version = 1

    def asked(self, seconds: float = 8.0) -> str:
        """The next re-INVITE; a repeated one is none."""
        while True:
            request = self.next_message("INVITE", seconds)
            if ";tag=" in re.search(r"\r\nTo: [^\r]*", request)[0] and number_of(request) > getattr(self, "last", 0):
                self.last = number_of(request)
                return request

    def next_message(self, method: str, seconds: float = 8.0) -> str:
        end = time.monotonic() + seconds * PATIENCE
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if message is not None and message.startswith(method + " "):
                return message
        raise AssertionError(f"no {method}")

    def respond(self, request: str, code: int, direction: str = "", body: str | None = None, headers: str = "") -> None:
        kept = [line for line in request.split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq", "Record-Route")]
        if body is None:
            body = self.offer(f"a={direction}\r\n") if direction else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.send("\r\n".join([f"SIP/2.0 {code} x", *kept]) + f"\r\nContact: <sip:peer@{self.literal}:{self.port}>\r\n{headers}{kind}"
                  f"Content-Length: {len(body)}\r\n\r\n{body}")

    def offer(self, extra: str = "", formats: str = "0 101") -> str:
        self.version += 1
        return self.sdp(formats=formats, extra=extra).replace("o=peer 1 1 ", f"o=peer 1 {self.version} ")

    def agree(self, request: str, direction: str, body: str | None = None) -> str:
        """200, until its ACK comes."""
        body = body or self.offer(f"a={direction}\r\n")
        for _ in range(10 * PATIENCE):
            self.respond(request, 200, body=body)
            while (message := self.receive(0.5)) is not None:
                if message.startswith("ACK ") and number_of(message) == number_of(request):
                    return message
        raise AssertionError("no ACK")

    def response_to(self, method: str, *codes: int) -> str:
        """The same that was asked last; others are no answer to it."""
        return self.wait(*codes, seconds=5, to=f"{self.number} {method}\r\n")

    def refuse(self, request: str, code: int) -> None:
        """Until its ACK comes."""
        for _ in range(10 * PATIENCE):
            self.respond(request, code)
            while (message := self.receive(0.5)) is not None:
                if message.startswith("ACK ") and number_of(message) == number_of(request):
                    return
        raise AssertionError("no ACK")


class AskedCaller(Asked, Caller):
    def ask(self, method: str, body: str = "") -> None:
        self.send(self.request(method, body=body))
        self.number = self.cseq


class AskedCallee(Asked, Callee):
    numbers = 0

    def ask(self, method: str, body: str = "", number: int = 0) -> None:
        """In the dialog that we were called in."""
        self.number = self.numbers = number or self.numbers + 1
        header = {name: re.search(rf"\r\n{name}: ([^\r]*)", self.invite)[1] for name in ("From", "To", "Call-ID", "Contact")}
        contact = re.search(r"<([^>]+)>", header["Contact"])[1]
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.send(f"{method} {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {self.literal}:{self.port};branch=z9hG4bK{method}{self.numbers}{self.tag};rport\r\n"
                  f"Max-Forwards: 70\r\nFrom: {header['To']};tag={self.tag}\r\nTo: {header['From']}\r\nCall-ID: {header['Call-ID']}\r\n"
                  f"CSeq: {self.numbers} {method}\r\nContact: <sip:bob@{self.literal}:{self.port}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}")


def number_of(message: str) -> int:
    return int(re.search(r"\r\nCSeq: (\d+) ", message)[1])


def version_of(message: str) -> int:
    return int(re.search(r"\r\no=- \d+ (\d+) ", message)[1])


def hears(peer) -> bool:
    """What comes from now on is speech; as long as it takes."""
    peer.hear(0.1)
    packets, end = 0, time.monotonic() + 5 * PATIENCE
    while packets <= 10 and time.monotonic() < end:
        packets += len([p for p in peer.hear(0.2) if not is_silent(p[3])])
    return packets > 10


def quiet(peer) -> bool:
    """What was on its way has arrived, and nothing comes any more."""
    peer.hear(0.5)
    return peer.hear(0.5) == []


def on_calls(system, body):
    """In a call that came in, then in one that we made."""
    for role in ("called", "dialled"):
        on_call(system, role, body)


def on_call(system, role, body):
    """`body(call, peer)` while a call is up and its backend speaks; the peer is there to the end."""
    peer = AskedCaller(system) if role == "called" else AskedCallee(system)

    async def handle(call):
        await call.answer(rate=8000)
        await call.say(tone(20))
        came.set_result(call)
        await call.ended()

    async def scenario(server):
        nonlocal came
        came = asyncio.get_running_loop().create_future()
        if role == "called":
            peer.start_media(await in_thread(peer.call))
            call = await asyncio.wait_for(came, 10 * PATIENCE)
            await reach(call, "answered")
        else:
            peer.in_background(peer.wait_invite, peer.pick_up)
            call = await server.dial(peer.uri, rate=8000)
            await call.answered()
            await in_thread(peer.joined)
            peer.last = number_of(peer.invite)
            await call.say(tone(20))
        await asyncio.wait_for(body(call, peer), 25 * PATIENCE)
        if call.end_reason is None:
            bye = asyncio.create_task(in_thread(peer.wait_bye, 5))
            await call.hangup()
            await bye
            await asyncio.wait_for(call.ended(), 5 * PATIENCE)

    came = None
    try:
        with_backend(system, handle, scenario)
        wait_for(lambda: system.metric("tipring_calls") == 0, 5)
    finally:
        peer.close()


async def reach(call, *kinds):
    """The next events of the call that are among them."""
    async for event in call.events():
        if event.kind in kinds:
            return event
