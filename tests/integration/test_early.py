"""Before the answer: early media, reliable provisionals (RFC 3262), and header lines of the backend."""

import asyncio
import re
import shutil
import subprocess
import threading

import pytest
import tipring

import sound
from callee import Callee
from phone import Phone
from system import wait_for
from test_backend import Caller, in_thread, is_silent, tone, with_backend

CALLERS = {"plain": "", "supported": "Supported: timer, 100rel\r\n", "required": "Require: 100rel\r\n"}


class EarlyCaller(Caller):
    """Keeps what came while it waited for something else."""

    extra = 0

    def invite(self, headers: str = "Supported: 100rel\r\n") -> None:
        self.send(self.request("INVITE", body=self.sdp(), headers=headers))
        self.invite_branch = self.branch

    def early(self) -> str:
        """The 183; its dialog is known then."""
        answer = self.wait(183)
        self.learn(answer)
        return answer

    def prack(self, rseq: int, rest: str = "1 INVITE", headers: str | None = None, body: str = "") -> str:
        return self.request("PRACK", body=body, headers=f"RAck: {rseq} {rest}\r\n" if headers is None else headers)

    def acknowledge(self, answer: str) -> None:
        self.send_until(self.prack(rseq_of(answer)), 200)

    def answered(self, seconds: float = 5) -> str:
        """The 200 to the INVITE, acknowledged."""
        answer = self.final(200, seconds=seconds)
        self.send(self.request("ACK", cseq=1))
        return answer

    def final(self, *codes: int, seconds: float = 5) -> str:
        for _ in range(50):
            answer = self.wait(*codes, seconds=seconds)
            if re.search(r"\r\nCSeq: 1 INVITE", answer):
                return answer
        raise AssertionError(codes)

    def refused(self, code: int) -> str:
        answer = self.final(code)
        self.send(self.request("ACK", cseq=1, branch=self.invite_branch))
        return answer

    def voice(self) -> None:
        """Something that is said arrives."""
        wait_for(lambda: any(not is_silent(packet[3]) for packet in self.hear(0.1)), 8)


def rseq_of(answer: str) -> int:
    assert "\r\nRequire: 100rel\r\n" in answer, answer
    return int(re.search(r"\r\nRSeq: (\d+)\r\n", answer)[1])


def origin(answer: str) -> str:
    return re.search(r"\r\n(o=[^\r]*)", answer)[1]


def run(system, handler, scenario):
    """`scenario(caller, go)` in a thread; the handler's `await go()` lasts until the scenario has called go()."""
    gone = threading.Event()

    async def went():
        await in_thread(gone.wait)

    async def handle(call):
        await handler(call, went)

    async def main(_):
        caller = EarlyCaller(system)
        try:
            await in_thread(scenario, caller, gone.set)
        finally:
            gone.set()
            caller.close()

    with_backend(system, handle, main)
    wait_for(lambda: system.metric("tipring_calls") == 0, 10)


@pytest.fixture
def system(make_system):
    return make_system(calls=4)


async def announce(call, go):
    await call.ring(early_media=True, rate=8000, headers={"X-Early": "one", "p-ODD-Case": "two"})
    await call.say(tone(20))
    await go()
    await call.answer(headers={"X-Answered": "three"})
    assert call.rate == 8000
    await call.ended()


@pytest.mark.parametrize("kind", CALLERS)
def test_heard_before_the_answer(system, kind):
    """C175 C176: reliable for who knows of it; the answer goes on with the same audio and the same description"""

    def scenario(caller, go):
        caller.invite(CALLERS[kind])
        early = caller.early()
        assert "\r\nX-Early: one\r\np-ODD-Case: two\r\n" in early
        assert ("\r\nRSeq: " in early) == (kind != "plain")
        if kind != "plain":
            caller.acknowledge(early)
        caller.start_media(early)
        caller.voice()
        go()
        answer = caller.answered()
        assert origin(answer) == origin(early) and caller.media(answer) == caller.media(early)
        assert "\r\nX-Answered: three\r\n" in answer and "X-Early" not in answer
        assert "RSeq" not in answer and "Require: 100rel" not in answer
        caller.voice()
        caller.bye()

    run(system, announce, scenario)


def test_prack(system):
    """C177 C178: again until its PRACK; a wrong one leaves it waiting; the right one again gets the same answer"""

    def scenario(caller, go):
        caller.invite()
        early = caller.early()
        rseq = rseq_of(early)
        assert caller.wait(183, seconds=5) == early, "the same octets"
        caller.send(caller.prack(rseq + 98))
        caller.wait(481)
        caller.send(caller.prack(rseq, "2 INVITE"))
        caller.wait(481)
        caller.send(caller.prack(rseq, headers=""))
        caller.wait(400)
        caller.send(caller.prack(rseq, headers=f"RAck: {rseq}\r\n"))
        caller.wait(400)
        assert caller.wait(183, seconds=10) == early, "still"
        caller.send(right := caller.prack(rseq))
        first = caller.wait(200)
        caller.send(right)
        assert caller.wait(200) == first
        caller.send(caller.prack(rseq))
        caller.wait(481)
        go()
        caller.answered()
        caller.bye()

    run(system, announce, scenario)


def test_the_answer_waits_for_the_prack(system):
    """C180"""

    async def handle(call, _):
        await call.ring(early_media=True, rate=8000)
        await call.answer()
        await call.ended()

    def scenario(caller, _):
        caller.invite()
        early = caller.early()
        for _ in range(2):
            assert caller.wait(200, 183, seconds=5).startswith("SIP/2.0 183"), "not before"
        caller.send(caller.prack(rseq_of(early)))
        assert "\r\nCSeq: 2 PRACK" in caller.wait(200), "its own answer first"
        assert origin(caller.answered()) == origin(early)
        caller.bye()

    run(system, handle, scenario)


def test_offers_behind_the_early_answer(system):
    """C182: in a PRACK and by UPDATE, answered when nothing changes; the 200 describes nothing then"""

    def scenario(caller, go):
        caller.invite()
        early = caller.early()
        caller.send(caller.prack(rseq_of(early), body=caller.sdp()))
        answer = caller.wait(200)
        assert caller.media(answer) == caller.media(early) and origin(answer) == origin(early)
        caller.send(caller.request("UPDATE", body=caller.sdp()))
        assert caller.media(caller.wait(200)) == caller.media(early)
        caller.send(caller.request("UPDATE", body=caller.sdp(extra="a=sendonly\r\n")))
        caller.wait(488)
        caller.send(caller.request("UPDATE"))
        caller.wait(200)
        caller.start_media(early)
        caller.voice()
        go()
        assert "\r\nm=audio" not in caller.answered()
        caller.voice()
        caller.bye()

    run(system, announce, scenario)


def test_ringing_again(system):
    """183 with audio, then 180; all of them reliable where that is required, one at a time"""

    async def handle(call, go):
        await call.ring(early_media=True, rate=8000)
        await call.ring(180, headers={"X-Ring": "again"})
        await go()
        await call.answer(8000)
        await call.ended()

    def scenario(caller, go):
        caller.invite(CALLERS["required"])
        early = caller.early()
        caller.acknowledge(early)
        again = caller.wait(180)
        assert rseq_of(again) == rseq_of(early) + 1 and "\r\nX-Ring: again\r\n" in again and "m=audio" not in again
        caller.acknowledge(again)
        go()
        assert "X-Ring" not in caller.answered()
        caller.bye()

    run(system, handle, scenario)


@pytest.mark.parametrize("end", ["reject", "hangup", "cancel", "bye"])
def test_never_answered(system, end):
    """C161 C166: refused with header lines, hung up, cancelled or given up behind early media"""
    ended = []

    async def handle(call, go):
        await call.ring(early_media=True)
        await call.say(tone(10, 16000))
        await go()
        if end == "reject":
            await call.reject(488, headers={"X-Why": "full"})
        elif end == "hangup":
            await call.hangup(headers={"X-Why": "late"})
        ended.append(await call.ended())

    def scenario(caller, go):
        caller.invite()
        early = caller.early()
        if end != "hangup":
            caller.acknowledge(early)
        caller.start_media(early)
        caller.voice()
        go()
        if end == "reject":
            assert "\r\nX-Why: full\r\n" in caller.refused(488)
        elif end == "hangup":
            assert "\r\nX-Why: late\r\n" in caller.refused(480)
        elif end == "cancel":
            contact, caller.contact, tag, caller.to_tag = caller.contact, "", caller.to_tag, ""
            caller.send(caller.request("CANCEL", cseq=1, branch=caller.invite_branch))
            caller.contact, caller.to_tag = contact, tag
            caller.refused(487)
        else:
            caller.send(caller.request("BYE"))
            caller.refused(487)
        wait_for(lambda: ended, 5)

    run(system, handle, scenario)


@pytest.mark.parametrize("victim, acknowledged", [("control-0", True), ("signaling-0", True), ("signaling-0", False), ("media-0", True)])
def test_a_kill_before_the_answer(system, victim, acknowledged):
    """The audio goes on, RSeq stays what it was, and the answer is the one that was given"""

    def scenario(caller, go):
        caller.invite()
        early = caller.early()
        if acknowledged:
            caller.acknowledge(early)
        caller.start_media(early)
        caller.voice()
        old = system.kill(victim)
        wait_for(lambda: system.workers().get(victim, old) != old, 10)
        caller.voice()
        if not acknowledged:
            assert rseq_of(caller.wait(183, seconds=10)) == rseq_of(early)
            caller.acknowledge(early)
        go()
        answer = caller.answered(10)
        assert origin(answer) == origin(early) and "\r\nX-Answered: three\r\n" in answer
        caller.voice()
        caller.bye()

    run(system, announce, scenario)


@pytest.mark.parametrize("victim", ["control-0", "signaling-0"])
def test_a_kill_while_the_answer_waits(system, victim):
    """C180: the 200, with its header lines, behind a PRACK that comes to a successor"""
    answering = threading.Event()

    async def handle(call, _):
        await call.ring(early_media=True, rate=8000)
        task = asyncio.ensure_future(call.answer(headers={"X-Answered": "yes"}))
        await task
        answering.set()
        await call.ended()

    def scenario(caller, _):
        caller.invite()
        early = caller.early()
        assert answering.wait(5)
        old = system.kill(victim)
        wait_for(lambda: system.workers().get(victim, old) != old, 10)
        caller.send_until(caller.prack(rseq_of(early)), 200)
        assert "\r\nX-Answered: yes\r\n" in caller.answered(10)
        caller.bye()

    run(system, handle, scenario)


def test_headers_that_are_refused(system):
    """C027 C028 C029: nothing of them is sent, and the call goes on"""
    codes = []

    async def attempt(awaitable):
        try:
            await awaitable
            codes.append("OK")
        except tipring.CommandRefused as why:
            codes.append(why.code)

    bad = [{"X-A": "b\r\nVia: c"}, {"X-A": "b\nc"}, {"X-A\r\nX-B": "c"}, {"X A": "b"}, {"Via": "x"}, {"Contact": "<sip:x@y>"},
           {f"X-{i}": "1" for i in range(17)}, {"X-A": "v" * 1025}, {f"X-{i}": "v" * 1000 for i in range(3)}]

    async def handle(call, _):
        for headers in bad:
            await attempt(call.ring(headers=headers))
            await attempt(call.ring(early_media=True, headers=headers))
            await attempt(call.answer(headers=headers))
            await attempt(call.reject(headers=headers))
            await attempt(call.hangup(headers=headers))
        await call.answer(8000, headers={f"X-{i}": "1" for i in range(16)})
        await call.hangup("done", {"X-Bye": "so long", "x-LOW": "Jürgen"})
        await call.ended()

    def scenario(caller, _):
        caller.invite("")
        answer = caller.final(200)
        caller.learn(answer)
        assert len(re.findall(r"\r\nX-\d+: 1(?=\r)", answer)) == 16
        caller.send(caller.request("ACK", cseq=1))
        bye = caller.wait_bye(5)
        assert "\r\nX-Bye: so long\r\nx-LOW: Jürgen\r\n" in bye and '\r\nReason: SIP;cause=200;text="done"\r\n' in bye

    run(system, handle, scenario)
    assert codes == ["REJECTED"] * 5 * len(bad)


def test_headers_of_the_peers_bye(system):
    seen = {}
    up = threading.Event()

    async def handle(call, _):
        await call.answer(8000)
        up.set()
        await call.ended()
        seen.update(call.end_headers)

    def scenario(caller, _):
        caller.call(headers="X-Room-ID: r1\r\n")
        assert up.wait(5)
        caller.send(caller.request("BYE", headers="X-Why: tired\r\nx-LOW: Jürgen\r\nReason: Q.850;cause=16\r\n"))
        caller.wait(200)
        wait_for(lambda: seen, 5)

    run(system, handle, scenario)
    assert seen == {"X-Why": "tired", "x-LOW": "Jürgen"}


def test_baresip_hears_an_announcement(system, tmp_path):
    """It is refused behind it, and has heard it"""
    speech = sound.make_speech(tmp_path / "speech.wav", "One two three four five.", 0.4)
    said = tmp_path / "said.wav"
    shutil.copy(speech, said)

    async def handle(call, go):
        await call.ring(early_media=True, rate=8000)
        await (await call.play(str(said))).finished()
        await call.sleep(0.3)
        await call.reject(486)

    def scenario(_, __):
        for attempt in range(3):  # when the machine pauses, the phone's own buffers slip and its recording has a seam
            phone = Phone(tmp_path / f"phone{attempt}", f"sip:echo@127.0.0.1:{system.sip_port}", speech)
            try:
                wait_for(lambda: "486 Busy Here" in phone.log or phone.over(), 20, 0.1)
            finally:
                phone.close()
            recording = phone.recording()
            assert recording is not None, phone.log[-2000:]
            _, match = sound.correlate(sound.read_wav(speech), sound.read_wav(recording))
            if match >= 0.95:
                return
        raise AssertionError((match, phone.log[-2000:]))

    run(system, handle, scenario)


SIPP = """\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="100rel">
  <send retrans="500"><![CDATA[
    INVITE sip:echo@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]x[call_number]
    To: <sip:echo@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:sipp@[local_ip]:[local_port]>
    Max-Forwards: 70
    Require: 100rel
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=sipp 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 0

  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="183" rrs="true"><action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/></action></recv>
  <send retrans="500"><![CDATA[
    PRACK [next_url] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]x[call_number]
    To: <sip:echo@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 2 PRACK
    RAck: [$rseq] 1 INVITE
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <recv response="183" optional="true"/>
  <recv response="200"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
    ACK [next_url] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]x[call_number]
    To: <sip:echo@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <send retrans="500"><![CDATA[
    BYE [next_url] SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]x[call_number]
    To: <sip:echo@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 3 BYE
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
"""


def test_sipp_acknowledges(system, tmp_path):
    (tmp_path / "100rel.xml").write_text(SIPP)

    async def handle(call, _):
        await call.ring(early_media=True, rate=8000)
        await call.answer()
        await call.ended()

    def scenario(_, __):
        done = subprocess.run(["sipp", f"127.0.0.1:{system.sip_port}", "-sf", "100rel.xml", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", "4",
                               "-l", "2", "-timeout", "20", "-nostdin"], cwd=tmp_path, capture_output=True, text=True, timeout=25)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]

    run(system, handle, scenario)


@pytest.mark.parametrize("answered", [True, False])
def test_headers_behind_a_dial(make_system, answered):
    """On its BYE, or its CANCEL"""
    system = make_system(calls=4, settings={"outbound": {"hosts": ["127.0.0.1"]}})
    callee = Callee(system)

    async def main(server):
        call = await server.dial(callee.uri)
        await in_thread(callee.wait_invite)
        if answered:
            picking_up = asyncio.ensure_future(in_thread(callee.pick_up))
            await call.answered()
            await picking_up
        else:
            callee.reply(180)
            async for event in call.events():
                assert event.kind == "ringing"
                break
        hanging_up = asyncio.ensure_future(call.hangup("enough", {"X-Why": "because"}))
        request = await in_thread(callee.next_request, "BYE" if answered else "CANCEL")
        callee.reply(200, to=request)
        if not answered:
            callee.reply(487)
        await hanging_up
        return request

    request = with_backend(system, main, main)
    assert "\r\nX-Why: because\r\n" in request and '\r\nReason: SIP;cause=200;text="enough"\r\n' in request
    callee.close()
