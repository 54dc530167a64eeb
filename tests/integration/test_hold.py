"""What a backend may change while a call is up: hold, unhold, other codecs; re-INVITEs of ours, in calls that came in and in calls we made."""

import asyncio
import re
import socket
import time

import pytest
import tipring

import sound
from callee import Callee
from phone import Phone
from system import free_udp_port, wait_for
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
        end = time.monotonic() + seconds
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
        for _ in range(20):
            self.respond(request, 200, body=body)
            while (message := self.receive(0.5)) is not None:
                if message.startswith("ACK ") and number_of(message) == number_of(request):
                    return message
        raise AssertionError("no ACK")

    def refuse(self, request: str, code: int) -> None:
        """Until its ACK comes."""
        for _ in range(20):
            self.respond(request, code)
            while (message := self.receive(0.5)) is not None:
                if message.startswith("ACK ") and number_of(message) == number_of(request):
                    return
        raise AssertionError("no ACK")


class AskedCaller(Asked, Caller):
    def ask(self, method: str, body: str = "") -> None:
        self.send(self.request(method, body=body))


class AskedCallee(Asked, Callee):
    numbers = 0

    def ask(self, method: str, body: str = "", number: int = 0) -> None:
        """In the dialog that we were called in."""
        self.numbers = number or self.numbers + 1
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


def voice(peer, seconds=0.6):
    return [p for p in peer.hear(seconds) if not is_silent(p[3])]


def quiet(peer):
    """What was on its way has arrived, and nothing comes any more."""
    peer.hear(0.2)
    return peer.hear(0.5) == []


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
            call = await asyncio.wait_for(came, 10)
            await reach(call, "answered")
        else:
            peer.in_background(peer.wait_invite, peer.pick_up)
            call = await server.dial(peer.uri, rate=8000)
            await call.answered()
            await in_thread(peer.joined)
            peer.last = number_of(peer.invite)
            await call.say(tone(20))
        await asyncio.wait_for(body(call, peer), 25)
        if call.end_reason is None:
            bye = asyncio.create_task(in_thread(peer.wait_bye, 5))
            await call.hangup()
            await bye
            await asyncio.wait_for(call.ended(), 5)

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


@pytest.fixture
def system(make_system):
    return make_system(calls=4, settings={"outbound.hosts": ["127.0.0.1"]})


both = pytest.mark.parametrize("role", ["called", "dialled"])


@both
def test_hold_and_unhold(system, role):
    """C214 C216 C143: the peer hears music and is not listened to; a 2xx again has its ACK again"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        assert "a=sendonly\r\n" in request and "\r\nContact: <sip:" in request
        first = number_of(request), version_of(request)
        ack = await in_thread(peer.agree, request, "recvonly")
        await holding
        assert call.held == "us"
        event = await reach(call, "held")
        assert event.by == "us"
        again = await in_thread(peer.agree, request, "recvonly")
        assert again == ack, "the same octets"
        assert len(await in_thread(voice, peer)) > 10, "music on hold"
        await call.hold()  # nothing is left to be done
        unholding = asyncio.create_task(call.unhold())
        request = await in_thread(peer.asked)
        assert "a=sendrecv\r\n" in request
        assert (number_of(request), version_of(request)) == (first[0] + 1, first[1] + 1)
        await in_thread(peer.agree, request, "sendrecv")
        await unholding
        assert call.held == "" and (await reach(call, "resumed")).by == "us"
        assert len(await in_thread(voice, peer)) > 10

    on_call(system, role, body)


@both
def test_refused(system, role):
    """C215: everything stays as it was, and the next one is offered"""

    async def body(call, peer):
        for code in (488, 603):
            holding = asyncio.create_task(call.hold())
            await in_thread(lambda code=code: peer.refuse(peer.asked(), code))
            with pytest.raises(tipring.CommandRefused) as refused:
                await holding
            assert refused.value.sip_code == code and call.held == ""
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        await in_thread(lambda: peer.agree(request, "", "v=0\r\nthis is no description\r\n"))
        with pytest.raises(tipring.CommandRefused):
            await holding
        assert call.held == "" and len(await in_thread(voice, peer)) > 10

    on_call(system, role, body)


@both
def test_pending_at_the_peer(system, role):
    """C215: 491, and it comes again with the next number and the same offer"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        first = await in_thread(peer.asked)
        await in_thread(peer.refuse, first, 491)
        second = await in_thread(peer.asked)
        assert number_of(second) == number_of(first) + 1 and version_of(second) == version_of(first)
        await in_thread(peer.agree, second, "recvonly")
        await holding
        assert call.held == "us"

    on_call(system, role, body)


@both
def test_both_offer_at_once(system, role):
    """C185: theirs gets 491 while ours is out, and is taken in the window behind our 491; then ours goes on"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        first = await in_thread(peer.asked)
        peer.ask("INVITE", peer.offer("a=sendonly\r\n"))
        await in_thread(peer.wait, 491)
        peer.ask("UPDATE", peer.offer("a=sendonly\r\n"))
        await in_thread(peer.wait, 491)
        await in_thread(peer.refuse, first, 491)
        peer.ask("UPDATE", peer.offer("a=sendonly\r\n"))
        answer = await in_thread(peer.wait, 200, 491)
        met = answer.startswith("SIP/2.0 491")  # the window may be as short as nothing
        second = await in_thread(peer.asked)
        assert ("a=sendonly\r\n" if met else "a=inactive\r\n") in second
        await in_thread(peer.agree, second, "recvonly" if met else "inactive")
        await holding
        assert call.held == ("us" if met else "both")
        assert met or await in_thread(quiet, peer)

    on_call(system, role, body)


@both
@pytest.mark.parametrize("victim", ["signaling-0", "control-0"])
def test_a_process_dies_while_it_is_out(system, role, victim):
    """C214 C215: nothing is asked twice, and whoever wanted it hears how it ended"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        old = system.kill(victim)
        await in_thread(wait_for, lambda: system.workers().get(victim, old) != old, 10)
        ack = await in_thread(peer.agree, request, "recvonly")
        assert number_of(ack) == number_of(request)
        await asyncio.wait_for(holding, 10)
        assert call.held == "us"
        unholding = asyncio.create_task(call.unhold())
        request = await in_thread(peer.asked)
        assert "a=sendrecv\r\n" in request
        old = system.kill(victim)
        await in_thread(wait_for, lambda: system.workers().get(victim, old) != old, 10)
        await in_thread(peer.refuse, request, 488)
        with pytest.raises(tipring.CommandRefused) as refused:
            await asyncio.wait_for(unholding, 10)
        assert refused.value.sip_code == 488 and call.held == "us"
        assert len(await in_thread(voice, peer)) > 10

    on_call(system, role, body)


@both
def test_hanging_up_meanwhile(system, role):
    """Ours is out when we hang up"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        bye = asyncio.create_task(in_thread(peer.wait_bye, 5))
        await call.hangup()
        assert number_of(await bye) == number_of(request) + 1
        await in_thread(peer.refuse, request, 487)
        with pytest.raises((tipring.CallEnded, tipring.CommandRefused)):
            await holding
        await call.ended()

    on_call(system, role, body)


@both
def test_the_peer_hangs_up_meanwhile(system, role):
    """Ours is out when the BYE comes"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        peer.ask("BYE")
        await in_thread(peer.wait, 200)
        await in_thread(peer.refuse, request, 487)
        with pytest.raises((tipring.CallEnded, tipring.CommandRefused)):
            await holding
        await call.ended()

    on_call(system, role, body)


@both
def test_a_peer_that_knows_no_such_call(system, role):
    """C215: 481 ends it, with a BYE"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        bye = asyncio.create_task(in_thread(lambda: (peer.respond(request, 481), peer.wait_bye(5))))
        with pytest.raises((tipring.CallEnded, tipring.CommandRefused)):
            await holding
        await bye
        assert await call.ended() == "the peer does not answer"

    on_call(system, role, body)


@both
def test_other_codecs(system, role):
    """C214: the audio follows"""

    async def body(call, peer):
        assert call.codec == "PCMU"
        changing = asyncio.create_task(call.renegotiate(["PCMA"]))
        request = await in_thread(peer.asked)
        assert re.search(r"\r\nm=audio \d+ RTP/AVP 8 \d+\r\n", request)
        await in_thread(lambda: peer.agree(request, "", peer.offer(formats="8 101")))
        await changing
        assert call.codec == "PCMA"

        def type_of_audio():
            peer.hear(0.2)
            peer.rtp.settimeout(2)
            return peer.rtp.recv(2048)[1] & 0x7F

        assert await in_thread(type_of_audio) == 8
        with pytest.raises(ValueError):
            await call.renegotiate(["G729"])

    on_call(system, role, body)


def test_what_is_not_possible(system):
    """One change at a time, and only of a call that is answered"""

    async def body(call, peer):
        holding = asyncio.create_task(call.hold())
        request = await in_thread(peer.asked)
        for other in (call.hold, call.unhold, call.renegotiate):
            with pytest.raises(tipring.CommandRefused) as refused:
                await other()
            assert refused.value.code == "CONFLICT"
        await in_thread(peer.agree, request, "recvonly")
        await holding

    on_call(system, "called", body)
    seen = []

    async def handle(call):
        with pytest.raises(tipring.CommandRefused) as refused:
            await call.hold()
        seen.append(refused.value.code)
        await call.reject()

    async def scenario(server):
        peer = Caller(system)
        peer.send(peer.request("INVITE", body=peer.sdp()))
        await in_thread(peer.wait, 486)
        peer.close()

    with_backend(system, handle, scenario)
    assert seen == ["CONFLICT"]


def test_baresip_is_held(system, tmp_path):
    """C214: by a phone that others wrote"""
    said = sound.make_speech(tmp_path / "said.wav", " ".join(["One two three four five six seven eight nine ten."] * 8), 0.4)
    done = []

    async def handle(call):
        await call.answer(rate=8000)
        await reach(call, "media_started")
        await call.hold()
        assert call.held in ("us", "both")
        await call.unhold()
        assert call.held == ""
        done.append(call.codec)
        await call.hangup()

    async def scenario(server):
        phone = Phone(tmp_path / "phone", f"sip:echo@127.0.0.1:{system.sip_port}", said, keypad=free_udp_port(kind=socket.SOCK_STREAM))
        try:
            await in_thread(wait_for, lambda: done, 20)
        finally:
            phone.close()

    with_backend(system, handle, scenario)
    assert done == ["PCMU"]
