"""Session timers (RFC 4028) of calls that we make."""

import json
import pathlib
import re
import subprocess
import sys
import threading

import pytest
import tipring

from callee import Callee
from system import free_port_range, free_udp_port, wait_for
from test_backend import in_thread, with_backend
from test_session_timers import expires


class TimedCallee(Callee):
    """One that we call."""

    def __init__(self, system):
        super().__init__(system)
        self.up = threading.Event()  # the backend knows that it answered

    def pick_up_with(self, headers: str) -> None:
        for _ in range(10):
            self.reply(200, sdp=True, phrase="OK", headers=headers)
            try:
                self.next_request("ACK", 0.5)
                return
            except AssertionError:
                continue
        raise AssertionError("no ACK")


def dialling(system, callee, *steps, **options):
    """Dial, with `steps` of the callee; how it ended."""

    async def unused(call):
        pass

    async def run(server):
        callee.in_background(*steps)
        call = await server.dial(callee.uri, rate=8000, **options)
        await call.answered()
        callee.up.set()
        await call.ended()
        await in_thread(callee.joined)
        return call.end_reason

    try:
        return with_backend(system, unused, run)
    finally:
        callee.close()


OUT = {"outbound.hosts": ["127.0.0.1"]}


def test_a_callee_that_wants_longer_sessions(make_system):
    """C247: the same call, one CSeq further; C248: and no timer when it does not say so"""
    system = make_system(calls=4, settings=OUT)
    callee = TimedCallee(system)

    def too_short():
        first = callee.wait_invite()
        assert expires(first) == "600" and "\r\nMin-SE: 90\r\n" in first and re.search(r"\r\nSupported: [^\r]*timer", first)
        callee.reply(422, headers="Min-SE: 2400\r\n")
        callee.next_request("ACK")
        second = callee.wait_invite()
        assert expires(second) == "2400" and "\r\nMin-SE: 2400\r\n" in second
        for name in ("From", "Call-ID", "To"):
            assert re.search(rf"\r\n{name}: [^\r]*", second)[0] == re.search(rf"\r\n{name}: [^\r]*", first)[0]
        assert int(re.search(r"\r\nCSeq: (\d+)", second)[1]) == int(re.search(r"\r\nCSeq: (\d+)", first)[1]) + 1
        callee.pick_up_with("")
        assert callee.up.wait(10)
        callee.hang_up()

    assert dialling(system, callee, too_short, session_expires=600) == "hung up"


def test_a_callee_without_allow(make_system):
    """C246 as the client: by re-INVITE, which needs nobody's leave"""
    system = make_system(calls=4, settings=OUT | {"sip.min_se_s": 2, "sip.session_expires_s": 6})
    callee = TimedCallee(system)

    def is_refreshed():
        callee.wait_invite()
        callee.pick_up_with("Session-Expires: 6;refresher=uac\r\n")
        first = callee.next_request("INVITE", 10)
        assert expires(first) == "6;refresher=uac" and ";tag=" in re.search(r"\r\nTo: [^\r]*", first)[0]
        callee.reply(200, to=first, sdp=True, headers="Session-Expires: 6;refresher=uac\r\n")
        callee.next_request("ACK")
        assert callee.up.wait(10)
        callee.hang_up()

    assert dialling(system, callee, is_refreshed) == "hung up"


def test_what_can_not_be_asked_for(make_system):
    system = make_system(calls=4, settings=OUT)

    async def unused(call):
        pass

    async def run(server):
        for seconds in (89, 86401):
            with pytest.raises(tipring.CommandRefused, match="session_expires_s is 90 to 86400"):
                await server.dial("sip:bob@127.0.0.1:9", session_expires=seconds)

    with_backend(system, unused, run)


def test_a_callee_that_stops_to_refresh(make_system):
    """C244 as the client"""
    system = make_system(calls=4, settings=OUT | {"sip.min_se_s": 2, "sip.session_expires_s": 3})
    callee = TimedCallee(system)

    def gone():
        assert expires(callee.wait_invite()) == "3"
        callee.pick_up_with("Require: timer\r\nSession-Expires: 3;refresher=uas\r\n")
        callee.wait_bye(6)

    assert dialling(system, callee, gone) == "session timer expired"


def test_aiosipua_in_both_roles(make_system):
    """C242 C243 C247: each is refreshed twice, so it lives longer than its sessions would; its own user agent server wants a longer one"""
    system = make_system(calls=4, settings=OUT | {"sip.min_se_s": 2, "sip.session_expires_s": 4})
    script = pathlib.Path(__file__).parent / "aiosipua_timers.py"

    def start(*arguments):
        return subprocess.Popen([sys.executable, "-O", script, *map(str, arguments)], stdout=subprocess.PIPE, text=True)

    async def handle(call):
        await call.answer(rate=8000)
        await call.ended()

    async def run(server):
        called = start("wait", free_port_range(2), 2)
        port = json.loads(await in_thread(called.stdout.readline))["port"]
        calling = start("call", system.sip_port, free_port_range(2), 2)
        call = await server.dial(f"sip:bob@127.0.0.1:{port}", rate=8000)
        await call.answered()
        await call.ended()
        return call.end_reason, await in_thread(called.communicate), await in_thread(calling.communicate)

    reason, (called, _), (calling, _) = with_backend(system, handle, run)
    called, calling = json.loads(called), json.loads(calling)
    assert reason == "hung up" and called["byes"] == 0 and called["interval"] == 5, called
    assert called["answers"].count(200) >= 2 and set(called["answers"]) == {200}, "to its UPDATEs"
    assert calling["updates"].count(200) >= 2 and set(calling["updates"]) == {200} and calling["requests"] == [], calling


SIPP = """<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="is refreshed">
  <send retrans="500"><![CDATA[
    INVITE sip:echo@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
    To: <sip:echo@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:sipp@[local_ip]:[local_port]>
    Max-Forwards: 70
    Allow: INVITE, ACK, BYE, CANCEL, UPDATE
    Supported: timer
    Session-Expires: 4;refresher=uas
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
  <recv response="180" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
    ACK [next_url] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
    To: <sip:echo@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <recv request="UPDATE" timeout="8000"/>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:sipp@[local_ip]:[local_port]>
    [last_Session-Expires:]
    Require: timer
    Content-Length: 0

  ]]></send>
  <recv request="UPDATE" timeout="8000"/>
  <send><![CDATA[
    SIP/2.0 481 Call/Transaction Does Not Exist
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
  <recv request="BYE" timeout="8000"/>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
</scenario>
"""


def test_sipp_is_refreshed(make_system, backends, tmp_path):
    """C243 C249"""
    system = make_system(calls=4, settings={"sip.min_se_s": 2})
    backends.start(system)
    (tmp_path / "timers.xml").write_text(SIPP)
    ran = subprocess.run(["sipp", f"127.0.0.1:{system.sip_port}", "-sf", "timers.xml", "-i", "127.0.0.1", "-p", str(free_udp_port()), "-mi", "127.0.0.1",
                          "-mp", str(free_udp_port()), "-m", "1", "-nostdin", "-timeout", "25"], capture_output=True, text=True, timeout=40, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr
    wait_for(lambda: system.metric("tipring_calls") == 0, 5)
