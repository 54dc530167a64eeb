"""What a peer may change while a call is up: address, codec, direction; by re-INVITE and by UPDATE."""

import asyncio
import re
import signal
import socket

import pytest

import sound
from callee import Callee
from phone import Phone
from system import free_udp_port, wait_for
from test_backend import Caller, in_thread, is_silent, tone, with_backend

ALAW_SILENCE = b"\xd5" * 160


class Changer(Caller):
    """A caller that offers something else in mid-call."""

    version = 1

    def offer(self, **options) -> str:
        self.version += 1
        return self.sdp(**options).replace("o=peer 1 1 ", f"o=peer 1 {self.version} ")

    def move(self) -> None:
        """Its audio has another port from now on."""
        self.rtp.close()
        self.rtp = socket.socket(self.family, socket.SOCK_DGRAM)
        self.rtp.setsockopt(socket.SOL_SOCKET, 35, 1)
        self.rtp.bind((self.host, 0))
        self.rtp_port = self.rtp.getsockname()[1]

    def reinvite(self, body: str, *codes: int) -> str:
        """Acknowledged."""
        self.send(self.request("INVITE", body=body))
        branch, cseq = self.branch, self.cseq
        answer = self.wait(*(codes or (200,)), seconds=5, to=f"{cseq} INVITE\r\n")
        self.send(self.request("ACK", cseq=cseq, branch="" if answer[8] == "2" else branch))
        return answer


def version_of(answer: str) -> int:
    return int(re.search(r"\r\no=- \d+ (\d+) ", answer)[1])


async def speak(call, seconds=100):
    await call.answer(rate=8000)
    await call.say(tone(1) * seconds)
    await call.ended()


def speaking(system, scenario, handler=speak):
    """`scenario(caller, first answer)` in a thread, while a backend speaks without end."""

    async def run(server):
        caller = Changer(system)
        try:
            answer = await in_thread(caller.call)
            caller.start_media(answer)
            await in_thread(scenario, caller, answer)
            await in_thread(caller.bye)
        finally:
            caller.close()

    with_backend(system, handler, run)
    wait_for(lambda: system.metric("tipring_calls") == 0, 5)


def voice(caller, enough=11):
    """So many packets of speech; fewer when no more come."""
    heard = []
    caller.hear_while(lambda: heard.extend(p for p in caller.hear(0.1) if not is_silent(p[3])) or len(heard) < enough, 5)
    return heard


def quiet(caller):
    """What was on its way has arrived, and nothing comes any more."""
    return any(caller.hear(0.5) == [] for _ in range(4))


@pytest.fixture
def system(make_system):
    return make_system(calls=4)


@pytest.mark.parametrize("extra, answered", [("a=sendonly\r\n", "recvonly"), ("a=inactive\r\n", "inactive"), ("0.0.0.0", "")])
def test_on_hold_and_back(system, extra, answered):
    """C184 C214: nothing is sent to who holds; the backend hears of it, once each way"""
    events = []

    async def handle(call):
        await call.answer(rate=8000)
        await call.say(tone(1) * 100)
        async for event in call.events():
            events.append(event.kind)

    def scenario(caller, first):
        assert len(voice(caller)) > 10
        held = caller.offer(extra=extra) if answered else caller.offer().replace(f"c=IN IP4 {caller.host}", f"c=IN IP4 {extra}")
        answer = caller.reinvite(held)
        assert f"a={answered or 'recvonly'}\r\n" in answer
        assert version_of(answer) == version_of(first) + 1
        assert quiet(caller)
        again = caller.reinvite(held)
        assert version_of(again) == version_of(answer), "a refresh"
        caller.reinvite(caller.offer())
        assert len(voice(caller)) > 10

    speaking(system, scenario, handle)
    assert [e for e in events if e in ("held", "resumed")] == ["held", "resumed"]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_another_port(system, method):
    """C184 C181 C149: the audio follows, both ways"""

    def scenario(caller, first):
        assert len(voice(caller)) > 10
        caller.move()
        if method == "INVITE":
            answer = caller.reinvite(caller.offer())
        else:
            caller.send(caller.request("UPDATE", body=caller.offer()))
            answer = caller.wait(200)
        assert caller.media(answer) == caller.media(first)
        for _ in range(20):
            caller.send_audio()
        assert len(voice(caller)) > 10

    speaking(system, scenario)


def test_another_codec(system):
    """C184: from PCMU to PCMA, when PCMU is not offered any more"""

    def scenario(caller, _):
        assert len(voice(caller)) > 10
        answer = caller.reinvite(caller.offer(formats="8 101"))
        assert re.search(r"m=audio \d+ RTP/AVP 8 101\r\n", answer)
        caller.rtp.settimeout(10)
        assert any(caller.rtp.recv(2048)[1] & 0x7F == 8 for _ in range(100))
        answer = caller.reinvite(caller.offer(formats="0 8 101"))
        assert re.search(r"m=audio \d+ RTP/AVP 8 101\r\n", answer), "what is in use stays"

    speaking(system, scenario)


def test_refused_offers_change_nothing(system):
    """C184 C215: by signaling itself, and by media"""

    def scenario(caller, _):
        for body in (caller.offer(formats="18"), caller.offer().replace(f"c=IN IP4 {caller.host}", "c=IN IP4 224.0.0.1")):
            caller.reinvite(body, 488)
            assert len(voice(caller)) > 10
        caller.send(caller.request("UPDATE", body=caller.offer(formats="18")))
        caller.wait(488)
        caller.reinvite(caller.offer(extra="a=sendonly\r\n"))
        assert quiet(caller), "the numbers of what was refused are not missed"

    speaking(system, scenario)


def test_a_stream_more(system):
    """C184: what is not taken has port 0, in its place"""

    def scenario(caller, _):
        answer = caller.reinvite(caller.offer(extra="m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"))
        assert re.search(r"m=audio [1-9]\d* .*m=video 0 RTP/AVP 96\r\n", answer, re.S)
        assert len(voice(caller)) > 10

    speaking(system, scenario)


def test_an_update_without_an_offer(system):
    """C181 C149"""

    def scenario(caller, _):
        caller.send(caller.request("UPDATE"))
        answer = caller.wait(200)
        assert "Content-Length: 0" in answer and "\r\nContact: <sip:" in answer
        update = caller.request("UPDATE")
        caller.send(update)
        first = caller.wait(200)
        caller.send(update)
        assert caller.wait(200) == first, "the same again"

    speaking(system, scenario)


def test_updates_before_the_answer(system):
    """C182: the target alone; an offer has to wait for the answer to the first"""
    asked = asyncio.Event()

    async def handle(call):
        await call.ring()
        await asked.wait()
        await call.answer(rate=8000)
        await call.ended()

    async def run(server):
        caller = Changer(system)
        caller.send(caller.request("INVITE", body=caller.sdp()))
        invite = caller.cseq
        caller.learn(await in_thread(caller.wait, 180))
        caller.send(caller.request("UPDATE"))
        await in_thread(caller.wait, 200)
        caller.send(caller.request("UPDATE", body=caller.offer()))
        assert "\r\nRetry-After: " in await in_thread(caller.wait, 500)
        asked.set()
        answer = await in_thread(caller.wait, 200)
        assert f"CSeq: {invite} INVITE" in answer
        caller.send(caller.request("ACK", cseq=invite))
        await in_thread(caller.bye)
        caller.close()

    with_backend(system, handle, run)


def test_offers_that_meet(system):
    """C185: before the ACK of the last one"""

    def scenario(caller, _):
        caller.send(caller.request("INVITE", body=caller.offer(extra="a=sendonly\r\n")))
        cseq = caller.cseq
        caller.wait(200)
        caller.send(caller.request("UPDATE", body=caller.offer()))
        caller.wait(491)
        caller.send(caller.request("INVITE", body=caller.offer()))
        caller.wait(491)
        caller.send(caller.request("ACK", cseq=caller.cseq, branch=caller.branch))
        caller.send(caller.request("ACK", cseq=cseq))
        assert quiet(caller)
        caller.reinvite(caller.offer())
        assert len(voice(caller)) > 10

    speaking(system, scenario)


@pytest.mark.parametrize("victim", ["control-0", "media-0", "signaling-0"])
def test_a_process_dies_in_the_middle(system, victim):
    """C184: the offer waits for it; nothing is half applied, and the call lives"""

    def scenario(caller, _):
        assert len(voice(caller)) > 10
        old = system.kill(victim)
        request = caller.request("INVITE", body=caller.offer(extra="a=sendonly\r\n"))
        answer = caller.send_until(request, 200, seconds=20)
        caller.send(caller.request("ACK", cseq=caller.cseq))
        assert "a=recvonly\r\n" in answer
        wait_for(lambda: system.workers().get(victim, old) != old, 5)
        assert quiet(caller)
        caller.reinvite(caller.offer())
        assert len(voice(caller)) > 10

    speaking(system, scenario)


def test_killed_while_an_offer_waits(system):
    """Control is away when the offer comes, and signaling dies before control is back: the same INVITE gets its answer"""

    def scenario(caller, _):
        caller.move()
        system.kill("supervisor", signal.SIGSTOP)  # so that nobody is back too early
        system.kill("control-0")
        caller.send(caller.request("INVITE", body=caller.offer()))
        cseq = caller.cseq
        caller.wait(100)
        system.kill("signaling-0")
        system.kill("supervisor", signal.SIGCONT)
        caller.wait(200, seconds=20)
        caller.send(caller.request("ACK", cseq=cseq))
        assert len(voice(caller)) > 10

    speaking(system, scenario)


def test_cancelled_while_it_waits(system):
    """C184: withdrawn, whatever media had followed"""

    def scenario(caller, _):
        assert len(voice(caller)) > 10
        system.kill("supervisor", signal.SIGSTOP)
        system.kill("control-0")
        caller.send(caller.request("INVITE", body=caller.offer(extra="a=sendonly\r\n")))
        cseq, branch = caller.cseq, caller.branch
        caller.wait(100)
        caller.send(caller.request("CANCEL", cseq=cseq, branch=branch))
        caller.wait(487)
        system.kill("supervisor", signal.SIGCONT)
        caller.send(caller.request("ACK", cseq=cseq, branch=branch))
        wait_for(lambda: system.ready(), 10)
        caller.hear(0.5)
        assert len(voice(caller)) > 10
        caller.reinvite(caller.offer(extra="a=sendonly\r\n"))
        assert quiet(caller)

    speaking(system, scenario)


class Held(Callee):
    """One we called, that offers in the dialog."""

    sent = 0

    def ask(self, method: str, extra: str = "") -> str:
        self.sent += 1
        header = {name: re.search(rf"\r\n{name}: ([^\r]*)", self.invite)[1] for name in ("From", "To", "Call-ID", "Contact")}
        contact, body = re.search(r"<([^>]+)>", header["Contact"])[1], "" if method == "ACK" else self.sdp(extra=extra)
        self.sent -= method == "ACK"
        self.send(f"{method} {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {self.literal}:{self.port};branch=z9hG4bK{method}{self.sent}{self.tag};rport\r\n"
                  f"Max-Forwards: 70\r\nFrom: {header['To']};tag={self.tag}\r\nTo: {header['From']}\r\nCall-ID: {header['Call-ID']}\r\n"
                  f"CSeq: {self.sent} {method}\r\nContact: <sip:bob@{self.literal}:{self.port}>\r\n"
                  f"{'Content-Type: application/sdp' if body else 'X-None: 1'}\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        return "" if method == "ACK" else self.wait(200, seconds=5)


def test_the_one_we_called_holds(make_system):
    """C183 C184 C214: in a dialog that we began; by re-INVITE and back by UPDATE"""
    system = make_system(calls=4, settings={"outbound.hosts": ["127.0.0.1"]})
    callee, events = Held(system), []

    def change():
        callee.pick_up()
        assert len(voice(callee)) > 10
        assert "a=recvonly\r\n" in callee.ask("INVITE", "a=sendonly\r\n")
        callee.ask("ACK")
        assert quiet(callee)
        assert "a=sendrecv\r\n" in callee.ask("UPDATE")
        assert len(voice(callee)) > 10

    async def scenario(server):
        callee.in_background(callee.wait_invite, change)
        call = await server.dial(callee.uri, rate=8000)
        await call.answered()
        await call.say(tone(1) * 100)
        await in_thread(callee.joined)
        async for event in call.events():
            events.append(event.kind)
            if event.kind == "resumed":
                break
        callee.in_background(lambda: callee.wait_bye(5))
        await call.hangup()
        await in_thread(callee.joined)

    with_backend(system, speak, scenario)
    assert [e for e in events if e in ("held", "resumed")] == ["held", "resumed"]
    callee.close()


def test_baresip_holds_and_resumes(system, tmp_path):
    """C184 C214: re-INVITEs of a phone that others wrote"""
    said = sound.make_speech(tmp_path / "said.wav", " ".join(["One two three four five six seven eight nine ten."] * 8), 0.4)
    events, up = [], asyncio.Event()

    async def handle(call):
        await call.answer(rate=8000)
        await call.say(tone(1) * 100)
        up.set()
        async for event in call.events():
            events.append(event.kind)

    async def reach(kind):
        for _ in range(400):
            if kind in events:
                return
            await asyncio.sleep(0.1)
        raise AssertionError((kind, events, phone.log[-2000:]))

    async def scenario(server):
        nonlocal phone
        phone = Phone(tmp_path / "phone", f"sip:echo@127.0.0.1:{system.sip_port}", said, keypad=free_udp_port(kind=socket.SOCK_STREAM))
        try:
            await asyncio.wait_for(up.wait(), 60)
            await reach("media_started")
            phone.command("hold")
            await reach("held")
            sent = system.metric("tipring_media_rtp_sent_total")
            await asyncio.sleep(1)
            assert system.metric("tipring_media_rtp_sent_total") <= sent + 5
            phone.command("resume")
            await reach("resumed")
            await in_thread(wait_for, lambda: system.metric("tipring_media_rtp_sent_total") > sent + 20, 5)
        finally:
            phone.close()

    phone = None
    with_backend(system, handle, scenario)
