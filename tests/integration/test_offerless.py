"""INVITEs and re-INVITEs without an offer: ours is in the 200, the answer in the ACK (S25, RFC 6337 pattern 3)."""

import contextlib
import re
import subprocess
import time

import pytest
import tipring

from callee import Callee
from system import free_udp_port, wait_for
from test_backend import in_thread, is_silent, tone, with_backend
from test_dial import dialling
from test_midcall import Changer, Held, speak, version_of, voice

THIRD_PARTY = """\
<scenario name="third party call control, flow I">
  <send retrans="500"><![CDATA[
    INVITE sip:echo@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    Max-Forwards: 70
    From: <sip:controller@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
    To: <sip:echo@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:controller@[local_ip]:[local_port]>
    Content-Length: 0

  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="200">
    <action><ereg regexp="m=audio [1-9][0-9]* RTP/AVP 0 8 101" search_in="body" check_it="true" assign_to="1"/></action>
  </recv>
  <send><![CDATA[
    ACK sip:echo@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    Max-Forwards: 70
    From: <sip:controller@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
    To: <sip:echo@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=third 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [local_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 8
    a=rtpmap:8 PCMA/8000
  ]]></send>
  <pause milliseconds="300"/>
  <send retrans="500"><![CDATA[
    BYE sip:echo@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    Max-Forwards: 70
    From: <sip:controller@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
    To: <sip:echo@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 2 BYE
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
  <Reference variables="1"/>
</scenario>
"""


class Late(Changer):
    """A caller that wants our offer."""

    def ask(self) -> str:
        """INVITE without a body, and the 200."""
        self.send(self.request("INVITE"))
        return self.offered(self.wait(200, seconds=10))

    def offered(self, answer: str) -> str:
        self.learn(answer)
        self.start_media(answer)
        return answer

    def ack(self, body: str) -> None:
        self.send(self.request("ACK", cseq=self.cseq, body=body))

    def ack_until_heard(self, body: str, seconds: float = 15.0) -> None:
        """The ACK, again for every 200, until there is sound."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.ack(body)
            if len(speech(self, 0.5)) > 10:
                return
        raise AssertionError("no sound")


def speech(caller, seconds: float) -> list:
    """Packets of speech that come in this time."""
    return [packet for packet in caller.hear(seconds) if not is_silent(packet[3])]


def speaks(caller, seconds: float = 10.0) -> bool:
    """Sound comes, however long it takes on a busy machine."""
    end, packets = time.monotonic() + seconds, []
    while len(packets) <= 10 and time.monotonic() < end:
        packets += speech(caller, 0.3)
    return len(packets) > 10


def falls_silent(caller, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if caller.hear(0.4) == []:
            return True
    return False


def late_call(system, scenario, handler=speak):
    async def run(server):
        caller = Late(system)
        try:
            await in_thread(scenario, caller)
        finally:
            caller.close()

    with_backend(system, handler, run)
    wait_for(lambda: system.metric("tipring_calls") == 0, 10)


@pytest.fixture
def system(make_system):
    return make_system(calls=4)


def test_our_offer_and_its_answer(system):
    """C188 S25: sound flows from the ACK on, with the codec that it chose; keys too"""
    digits, codecs = [], []

    async def handle(call):
        codecs.append(call.codec)
        await call.answer(rate=8000)
        await call.say(tone(20))
        async for digit in call.digits():
            digits.append(digit.digit)
            break
        codecs.append(call.codec)
        await call.ended()

    def scenario(caller):
        answer = caller.ask()
        assert re.search(r"\r\nm=audio [1-9]\d* RTP/AVP 0 8 101\r\n", answer) and "\r\na=sendrecv\r\n" in answer
        assert "\r\nContent-Type: application/sdp\r\n" in answer
        assert caller.hear(0.3) == [], "nobody knows where to"
        caller.ack(caller.sdp(formats="8 101"))
        assert speaks(caller)
        packets = voice(caller)
        assert packets
        assert sum(p[3] == b"\xd5" * 160 for p in packets) == 0, "A-law"
        for _ in range(10):
            caller.send_audio(b"\xd5" * 160, 8)
        caller.send_digit(5)
        caller.bye()

    late_call(system, scenario, handle)
    assert digits == ["5"] and codecs == ["", "PCMA"]


def test_what_is_said_before_the_ack(system):
    """C188: it waits in the tape until the ACK says where it goes, and nothing of it is lost"""
    heard = []

    async def handle(call):
        await call.answer(rate=8000)
        heard.append(await (await call.say(tone(0.6))).finished())
        await call.ended()

    def scenario(caller):
        caller.ask()
        assert caller.hear(0.3) == []
        caller.ack(caller.sdp())
        wait_for(lambda: heard, 10)
        assert 28 <= len(speech(caller, 0.5)) <= 31
        caller.bye()

    late_call(system, scenario, handle)
    assert heard[0].played_ms == 600


@pytest.mark.parametrize("body", ["", "RTP/AVP 18"])
def test_an_ack_that_is_no_answer(system, body):
    """C188, RFC 3261 13.2.2.4: BYE, and the backend hears why"""
    ended = []

    async def handle(call):
        with contextlib.suppress(tipring.CallEnded, tipring.CommandRefused):  # as soon as there is a tape, or too late
            await call.answer(rate=8000)
        ended.append(await call.ended())

    def scenario(caller):
        caller.ask()
        caller.ack(caller.sdp(formats="18") if body else "")
        bye = caller.request_of("BYE", seconds=5)
        assert "no usable answer in the ACK" in bye
        caller.answer(bye, 200)
        wait_for(lambda: ended, 10)

    late_call(system, scenario, handle)
    assert "no usable answer in the ACK" in ended[0]


def test_the_ack_is_lost(system):
    """C170 C188: the 200 is said again with the same offer; an ACK that comes twice is one"""

    def scenario(caller):
        first = caller.ask()
        assert caller.wait(200).split("\r\n\r\n")[1] == first.split("\r\n\r\n")[1]
        for _ in range(3):
            caller.ack(caller.sdp())
        assert speaks(caller)
        caller.bye()

    late_call(system, scenario)


def test_cancelled_refused_and_hung_up(system):
    """C166 C173: like any other INVITE"""

    async def handle(call):
        await call.ring()
        await call.ended()

    def scenario(caller):
        caller.send(caller.request("INVITE"))
        caller.wait(180)
        caller.send(caller.request("CANCEL", cseq=caller.cseq, branch=caller.branch))
        caller.wait(487)
        caller.send(caller.request("ACK", cseq=caller.cseq, branch=caller.branch))

    late_call(system, scenario, handle)


def test_a_body_that_is_no_offer(system):
    """C188: nothing is no offer; something else is none that we answer"""

    def scenario(caller):
        kind = "Content-Type: multipart/mixed;boundary=b\r\n"
        body = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"
        caller.send(caller.request("INVITE", body=body).replace("Content-Type: application/sdp\r\n", kind))
        caller.wait(488)

    late_call(system, scenario)


def test_a_reinvite_without_an_offer(system):
    """C188 S25: hold and another port in the answer to our offer; the version counts changes"""
    events = []

    async def handle(call):
        await call.answer(rate=8000)
        await call.say(tone(20))
        async for event in call.events():
            events.append(event.kind)

    def reinvite(caller, body):
        caller.send(caller.request("INVITE"))
        answer = caller.wait(200, seconds=5)
        caller.ack(body)
        return answer

    def scenario(caller):
        first = caller.call()
        caller.start_media(first)
        assert speaks(caller)
        offer = reinvite(caller, caller.offer())
        assert "RTP/AVP 0 8 101\r\n" in offer and version_of(offer) == version_of(first) + 1
        assert speaks(caller)
        again = reinvite(caller, caller.offer(extra="a=sendonly\r\n"))
        assert version_of(again) == version_of(offer)
        assert falls_silent(caller)
        caller.move()
        resumed = reinvite(caller, caller.offer())
        assert "a=sendrecv\r\n" in resumed
        assert speaks(caller)
        for bad in ("", caller.offer(formats="18"), caller.offer().replace("audio ", "video ")):
            reinvite(caller, bad)
            assert speaks(caller), "the session stays"
        caller.reinvite(caller.offer())
        assert speaks(caller)
        caller.bye()

    late_call(system, scenario, handle)
    assert [e for e in events if e in ("held", "resumed")] == ["held", "resumed"]


class HeldLate(Held):
    """One we called, that wants our offer in the dialog."""

    def ask_ours(self, answer: str) -> str:
        full = self.sdp
        self.sdp = lambda extra="": ""
        offer = self.ask("INVITE")
        self.sdp = full
        header = {name: re.search(rf"\r\n{name}: ([^\r]*)", self.invite)[1] for name in ("From", "To", "Call-ID", "Contact")}
        contact = re.search(r"<([^>]+)>", header["Contact"])[1]
        self.send(f"ACK {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {self.literal}:{self.port};branch=z9hG4bKA{self.sent}{self.tag};rport\r\n"
                  f"Max-Forwards: 70\r\nFrom: {header['To']};tag={self.tag}\r\nTo: {header['From']}\r\nCall-ID: {header['Call-ID']}\r\n"
                  f"CSeq: {self.sent} ACK\r\nContent-Type: application/sdp\r\nContent-Length: {len(answer)}\r\n\r\n{answer}")
        return offer


def test_the_one_we_called_wants_our_offer(make_system):
    """C188: in a dialog that we began"""
    system = make_system(calls=4, settings={"outbound.hosts": ["127.0.0.1"]})
    callee = HeldLate(system)

    def change():
        callee.pick_up()
        assert speaks(callee)
        offer = callee.ask_ours(callee.sdp(extra="a=inactive\r\n"))
        assert "RTP/AVP 0 8 101\r\n" in offer and version_of(offer) == 2
        assert falls_silent(callee)
        callee.ask_ours(callee.sdp())
        assert speaks(callee)

    async def scenario(server):
        callee.in_background(callee.wait_invite, change)
        call = await server.dial(callee.uri, rate=8000)
        await call.answered()
        await call.say(tone(20))
        await in_thread(callee.joined)
        callee.in_background(lambda: callee.wait_bye(5))
        await call.hangup()
        await in_thread(callee.joined)

    with_backend(system, speak, scenario)
    callee.close()


def test_an_answer_of_nothing_to_our_offer(make_system):
    """C188: a 200 without SDP to an INVITE of ours is acknowledged, and the call is over"""
    system = make_system(calls=4, settings={"outbound.hosts": ["127.0.0.1"]})
    callee = Callee(system)

    def answer():
        callee.wait_invite()
        callee.reply(200)
        callee.next_request("ACK")
        bye = callee.next_request("BYE")
        callee.answer(bye, 200)

    callee.in_background(answer)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=8000)
        with pytest.raises(tipring.DialFailed) as failed:
            await call.answered()
        return failed.value.outcome

    assert dialling(system, scenario, 20) == "media_refused"
    callee.joined()
    callee.close()


def test_sipp_controls_a_third_party(system, tmp_path):
    """C188 S25: RFC 3725 flow I, as its controller sees it"""
    (tmp_path / "third.xml").write_text('<?xml version="1.0" encoding="ISO-8859-1" ?>\n' + THIRD_PARTY)

    def run():
        done = subprocess.run(["sipp", "-sf", tmp_path / "third.xml", "-i", "127.0.0.1", "-p", str(free_udp_port()), "-mp", str(free_udp_port()),
                               "-m", "3", "-r", "3", "-nostdin", "-timeout", "20", "-trace_err", "-error_file", tmp_path / "errors.log",
                               f"127.0.0.1:{system.sip_port}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path, timeout=30)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]

    async def scenario(_):
        await in_thread(run)

    with_backend(system, speak, scenario)
    wait_for(lambda: system.metric("tipring_calls") == 0, 10)
