"""Calls that backends make: answered, refused, given up, and whichever process dies meanwhile."""

import asyncio
import json
import re
import signal
import struct
import subprocess
import sys
import threading
import time

import pytest
import sound
import tipring
from conftest import BIN
from phone import Phone
from system import free_port_range, free_udp_port, wait_for

from asked import reach
from callee import Callee
from test_backend import in_thread, is_silent, tone
from test_restart import Observer

RATE = 8000
OPEN = {"outbound.hosts": ["127.0.0.1"], "outbound.max_cps": 1000, "outbound.max_calls": 100}

REFUSES = """\
<scenario name="refuses">
  <recv request="INVITE"/>
  <send><![CDATA[
    SIP/2.0 180 Ringing
    [last_Via:]
    [last_From:]
    [last_To:];tag=[pid]SIPpTag[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:[local_ip]:[local_port]>
    Content-Length: 0

  ]]></send>
  <send retrans="500"><![CDATA[
    SIP/2.0 CODE PHRASE
    [last_Via:]
    [last_From:]
    [last_To:];tag=[pid]SIPpTag[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    EXTRA
    Content-Length: 0

  ]]></send>
  <recv request="ACK" timeout="10000"/>
</scenario>
"""

RINGS_FOR_EVER = """\
<scenario name="rings for ever">
  <recv request="INVITE"/>
  <send><![CDATA[
    SIP/2.0 180 Ringing
    [last_Via:]
    [last_From:]
    [last_To:];tag=[pid]SIPpTag[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:[local_ip]:[local_port]>
    Content-Length: 0

  ]]></send>
  <recv request="CANCEL" timeout="20000"/>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:];tag=[pid]SIPpTag[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
  <send retrans="500"><![CDATA[
    SIP/2.0 487 Request Terminated
    [last_Via:]
    [last_From:]
    [last_To:];tag=[pid]SIPpTag[call_number]
    [last_Call-ID:]
    CSeq: 1 INVITE
    Content-Length: 0

  ]]></send>
  <recv request="ACK" timeout="10000"/>
</scenario>
"""


@pytest.fixture
def sipp(tmp_path):
    """sipp(scenario text or None for its own user agent server) -> (process, URI)."""
    made = []

    def start(scenario=None):
        port, media = free_udp_port(), free_port_range(4)
        what = ["-sn", "uas"]
        if scenario is not None:
            path = tmp_path / f"scenario{len(made)}.xml"
            path.write_text('<?xml version="1.0" encoding="ISO-8859-1" ?>\n' + scenario)
            what = ["-sf", path]
        process = subprocess.Popen(["sipp", *what, "-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1", "-mp", str(media), "-rtp_echo",
                                    "-m", "1", "-nostdin", "-trace_err", "-error_file", tmp_path / f"errors{len(made)}.log"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
        made.append(process)
        wait_for(lambda: is_bound(port), 10)
        return process, f"sip:bob@127.0.0.1:{port}"

    yield start
    for process in made:
        if process.poll() is None:
            process.kill()
        process.wait()


def is_bound(port):
    """Somebody has this UDP port: /proc says so."""
    with open("/proc/net/udp") as table:
        return any(f":{port:04X} " in row.split("  ")[0] + row for row in table if f"0100007F:{port:04X}" in row)


@pytest.fixture
def observe():
    made = []

    def make(system):
        made.append(Observer(system))
        return made[-1]

    yield make
    for observer in made:
        observer.close()


def dialling(system, scenario, seconds=150):
    """Run `scenario(server)` in a process that serves nothing."""
    async def main():
        async with tipring.connect(str(system.run_dir)) as server:
            return await asyncio.wait_for(scenario(server), seconds)

    return asyncio.run(main())


def nothing_is_left(system):
    wait_for(lambda: system.metric("tipring_calls") == 0 and system.metric("tipring_media_sessions") == 0, 10)
    wait_for(lambda: system.metric("tipring_signaling_legs") == 0, 40)  # what the peer does not answer is said again for 32 s


def failed_of(system, uri, **options):
    async def scenario(server):
        call = await server.dial(uri, rate=RATE, **options)
        with pytest.raises(tipring.DialFailed) as failed:
            await call.answered()
        await call.ended()
        assert call.outcome == failed.value.outcome
        return failed.value

    return dialling(system, scenario)


def test_sipp_answers_and_echoes(make_system, sipp, observe):
    """It sends our own packets back: a loop, counted and not heard (M23, RFC 3550 8.2)"""
    system = make_system(calls=4, settings=OPEN)
    observer = observe(system)
    process, uri = sipp()

    async def scenario(server):
        call = await server.dial(uri, from_uri="sip:alice@example.org", from_display='Alice "A"', headers={"X-Room-ID": "7"}, rate=RATE,
                                 metadata="campaign 7")
        await call.answered()
        (row,) = await server.list_calls()
        with pytest.raises(tipring.CommandRefused, match="CONFLICT"):
            await cancel(server, call)
        playback = await call.say(tone(0.5))
        await playback.finished()
        await in_thread(wait_for, lambda: system.metric("tipring_media_rtp_looped_total") >= 20, 30)
        assert not any(frame.rms > 1000 for frame in call.audio._waiting)
        await call.hangup()
        await call.ended()
        return row

    row = dialling(system, scenario)
    assert process.wait(60) == 0
    from tipring.v1 import api_pb2
    assert row.direction == api_pb2.CALL_OUTBOUND and row.phase == api_pb2.CALL_ANSWERED and row.metadata == "campaign 7"
    assert row.from_uri == "sip:alice@example.org" and row.room_id == "7" and row.sip_call_id and row.media.remote_rtp.port
    names = [e.WhichOneof("body") for e in observer.events if e.call_id == row.call_id and e.WhichOneof("body").startswith("call_")]
    assert names == ["call_dialling", "call_ringing", "call_answered", "call_ended"]
    (end,) = observer.of("call_ended")
    assert end.call_ended.outcome == 1 and end.call_ended.who == 2 and end.call_ended.duration_ms > 300
    assert end.call_ended.media.packets_looped >= 20 and end.call_ended.media.packets_received == 0
    nothing_is_left(system)


@pytest.mark.parametrize("code, phrase, extra, outcome, q850", [
    (486, "Busy Here", 'Reason: Q.850;cause=17;text="User busy"', "busy", 17), (600, "Busy Everywhere", "X-A: b", "busy", 0),
    (603, "Decline", "X-A: b", "rejected", 0), (404, "Not Found", "X-A: b", "not_found", 0), (480, "Nobody There", "X-A: b", "no_answer", 0),
    (403, "Forbidden", "X-A: b", "forbidden", 0), (488, "Not Acceptable Here", "X-A: b", "media_refused", 0),
    (503, "Service Unavailable", "Retry-After: 5", "trunk_down", 0)])
def test_sipp_refuses(make_system, sipp, code, phrase, extra, outcome, q850):
    """The outcome is of the far end, and no acknowledgement's."""
    system = make_system(calls=4, settings=OPEN)
    process, uri = sipp(REFUSES.replace("CODE PHRASE", f"{code} {phrase}").replace("EXTRA", extra))
    failed = failed_of(system, uri)
    assert (failed.outcome, failed.code, failed.q850) == (outcome, code, q850)
    assert failed.reason
    assert process.wait(60) == 0
    nothing_is_left(system)


def test_it_rings_until_the_time_is_over(make_system, sipp):
    system = make_system(calls=4, settings=OPEN)
    process, uri = sipp(RINGS_FOR_EVER)
    began = time.monotonic()
    failed = failed_of(system, uri, ringing_timeout=1.5)
    assert failed.outcome == "no_answer" and time.monotonic() - began >= 1.4
    assert process.wait(60) == 0, "it saw a CANCEL, and an ACK of its 487"
    nothing_is_left(system)


async def cancel(server, call):
    """The command of that name, which says the same as a hang-up before the answer."""
    from tipring.v1 import api_pb2
    await server._bus.command("cancel", api_pb2.Cancel(call_id=call.call_id, fence=call._fence), call.call_id)


@pytest.mark.parametrize("how", [cancel, lambda _, call: call.hangup()])
def test_cancelled_while_it_rings(make_system, sipp, how):
    system = make_system(calls=4, settings=OPEN)
    process, uri = sipp(RINGS_FOR_EVER)

    async def scenario(server):
        call = await server.dial(uri, rate=RATE)
        assert await reach(call, "ringing")
        await how(server, call)
        with pytest.raises(tipring.DialFailed, match="cancelled") as failed:
            await call.answered()
        await call.ended()
        return failed.value, call.outcome

    failed, outcome = dialling(system, scenario)
    assert failed.outcome == outcome == "cancelled" and failed.code == 487
    assert process.wait(60) == 0
    nothing_is_left(system)


def test_an_answer_that_crosses_the_cancel(make_system, observe):
    """The peer picked up before it heard of the CANCEL: it is acknowledged and hung up."""
    system = make_system(calls=4, settings=OPEN)
    callee, observer = Callee(system), observe(system)

    def answer_late():
        callee.wait_invite()
        callee.reply(180)
        cancel = callee.next_request("CANCEL")
        callee.pick_up()
        callee.reply(200, to=cancel)
        bye = callee.next_request("BYE")
        callee.reply(200, to=bye)

    callee.in_background(answer_late)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE)
        assert await reach(call, "ringing")
        await call.hangup()
        with pytest.raises(tipring.DialFailed, match="cancelled"):
            await call.answered()
        await call.ended()

    dialling(system, scenario)
    callee.joined()
    assert [e.call_ended.outcome for e in observer.of("call_ended")] == [8] and not observer.of("call_answered")
    nothing_is_left(system)


def hear_loud(callee, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(not is_silent(p[3]) for p in callee.hear(0.1)):
            return
    raise AssertionError("nothing but silence")


@pytest.mark.parametrize("early", [True, False])
def test_early_media(make_system, early):
    """What the peer plays before it answers is heard by who asked for it, and by nobody else."""
    system = make_system(calls=4, settings=OPEN)
    callee = Callee(system)
    heard, picked_up = threading.Event(), threading.Event()

    def play():
        while not picked_up.is_set():
            callee.send_audio(b"\x90" * 160)
            time.sleep(0.02)

    def announce():
        callee.wait_invite()
        callee.reply(183, sdp=True)
        player = threading.Thread(target=play)
        player.start()
        assert heard.wait(60)
        if early:
            hear_loud(callee)
        callee.pick_up()
        picked_up.set()
        player.join()
        bye = callee.next_request("BYE", 20)
        callee.reply(200, to=bye)

    callee.in_background(announce)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE, early_media=early)
        event = await reach(call, "ringing")  # its first packets may come before its 183
        assert (event.code, event.early_media) == (183, True)
        if early:
            await call.early_media()
            await call.say(tone(1))
            async for frame in call.audio:
                if frame.rms > 1000:
                    break
            assert call.outcome == ""
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(call.early_media(), 0.5)
        heard.set()
        await call.answered()
        async for frame in call.audio:
            if frame.rms >= 0:
                break
        await call.hangup()
        await call.ended()
        return call.outcome

    try:
        assert dialling(system, scenario) == "answered"
    finally:
        heard.set()
        picked_up.set()
    callee.joined()
    nothing_is_left(system)


def test_the_callee_hangs_up_and_presses_keys(make_system):
    system = make_system(calls=4, settings=OPEN)
    callee = Callee(system)
    pressed = threading.Event()

    def answer():
        callee.wait_invite()
        callee.reply(180)
        callee.pick_up()
        for _ in range(5):
            callee.send_audio()
            time.sleep(0.02)
        callee.send_digit(5)
        assert pressed.wait(60)
        callee.hang_up()

    callee.in_background(answer)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE)
        await call.answered()
        digit = await call.digit(timeout=10)
        pressed.set()
        return digit.digit, await call.ended(), call.outcome

    assert dialling(system, scenario) == ("5", "hung up", "answered")
    callee.joined()
    nothing_is_left(system)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return sound.make_speech(tmp_path_factory.mktemp("speech") / "speech.wav", "One two three four five six seven.", 0.4)


def test_baresip_is_called_and_both_hear_each_other(make_system, speech, tmp_path):
    system = make_system(calls=4, settings=OPEN)
    best = [0.0, 0.0]
    for attempt in range(3):  # when the machine pauses, the phone's own buffers slip and its recording has a seam
        port = free_udp_port()
        phone = Phone(tmp_path / f"phone{attempt}", None, speech, port=port)

        async def scenario(server):
            call = await server.dial(f"sip:phone@127.0.0.1:{port}", rate=RATE)
            await call.answered()
            await call.play(speech)
            heard = bytearray()
            async for frame in call.audio:
                heard += frame.pcm
            assert call.outcome == "answered"
            return bytes(heard)

        try:
            wait_for(lambda: is_bound(port), 10)
            heard = dialling(system, scenario)
            wait_for(phone.over, 30, 0.1)
        finally:
            phone.close()
        said = sound.read_wav(speech)
        ours = [s for (s,) in struct.iter_unpack("<h", heard)]
        import numpy as np
        best = [max(best[0], sound.share_heard(said, np.array(ours, dtype=float))),
                max(best[1], sound.share_heard(said, sound.read_wav(phone.recording())))]
        if min(best) >= 0.7:
            break
    assert min(best) >= 0.7, (best, phone.log[-2000:])


@pytest.mark.parametrize("name", ["control-0", "signaling-0", "media-0"])
def test_a_kill_while_it_rings(make_system, observe, name):
    """The call goes on ringing and is answered: one INVITE at the peer, one of each event."""
    system = make_system(calls=4, settings=OPEN)
    callee, observer = Callee(system), observe(system)
    killed, heard = threading.Event(), threading.Event()

    def answer():
        callee.wait_invite()
        callee.reply(180)
        assert killed.wait(60)
        time.sleep(1.0)
        callee.pick_up()
        hear_loud(callee)
        heard.set()
        bye = callee.next_request("BYE", 20)
        callee.reply(200, to=bye)

    callee.in_background(answer)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE, metadata="campaign 7")
        assert await reach(call, "ringing")
        system.kill(name)
        killed.set()
        await call.answered()
        await call.say(tone(10))
        await in_thread(heard.wait, 60)
        (row,) = await server.list_calls(call_id=call.call_id)
        await call.hangup()
        await call.ended()
        return row, call.outcome

    try:
        row, outcome = dialling(system, scenario)
    finally:
        killed.set()
    callee.joined()
    assert outcome == "answered" and row.metadata == "campaign 7" and row.request_uri == callee.uri
    assert len(callee.calls) == 1
    assert len(observer.of("call_answered")) == 1 and len(observer.of("call_ended")) == 1
    nothing_is_left(system)


@pytest.mark.parametrize("name", ["control-0", "signaling-0", "media-0"])
def test_a_kill_while_it_is_up(make_system, observe, name):
    system = make_system(calls=4, settings=OPEN)
    callee, observer = Callee(system), observe(system)
    again = threading.Event()

    def answer():
        callee.wait_invite()
        callee.pick_up()
        hear_loud(callee)
        assert again.wait(60)
        hear_loud(callee)
        bye = callee.next_request("BYE", 20)
        callee.reply(200, to=bye)

    callee.in_background(answer)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE)
        await call.answered()
        await call.say(tone(15))
        await asyncio.sleep(0.5)
        system.kill(name)
        await in_thread(wait_for, lambda: system.ready(), 10)
        await asyncio.sleep(1.0)
        again.set()
        await asyncio.sleep(1.0)
        await call.hangup()
        await call.ended()
        return call.outcome

    try:
        assert dialling(system, scenario) == "answered"
    finally:
        again.set()
    callee.joined()
    (end,) = observer.of("call_ended")
    assert end.call_ended.outcome == 1 and end.call_ended.duration_ms > 1500
    nothing_is_left(system)


@pytest.mark.parametrize("killed", [False, True])
def test_a_dial_that_is_said_again(make_system, killed):
    """Its acknowledgement was lost: the same call, also of a control that never heard of it. One INVITE at the peer."""
    from tipring.v1 import api_pb2

    system = make_system(calls=4, settings=OPEN)
    callee = Callee(system)

    def ring():
        callee.wait_invite()
        callee.reply(180)
        cancel = callee.next_request("CANCEL", 30)
        callee.reply(200, to=cancel)
        callee.reply(487)
        callee.next_request("ACK")

    callee.in_background(ring)

    async def scenario(server):
        body = api_pb2.Dial(uri=callee.uri, rate_hz=RATE)
        first = await server._bus.command("dial", body, 0, "d-1")
        await in_thread(wait_for, lambda: callee.seen, 10)
        if killed:
            await asyncio.sleep(0.3)
            system.kill("control-0")
            await asyncio.sleep(2.5)
        second = await server._bus.command("dial", body, 0, "d-1")
        assert (second.call_id, second.fence) == (first.call_id, first.fence)
        assert second.code == (2 if killed else 3)  # ACCEPTED anew, or DUPLICATE
        assert len(await server.list_calls()) == 1
        await server._bus.command("hangup", api_pb2.Hangup(call_id=first.call_id, fence=first.fence))

    dialling(system, scenario)
    callee.joined()
    assert len(callee.calls) == 1
    nothing_is_left(system)


BACKEND = """
import asyncio, sys, tipring
async def main():
    async with tipring.connect() as server:
        call = await server.dial(sys.argv[1], rate=8000)
        if sys.argv[2] == "up":
            await call.answered()
        print("ready", flush=True)
        await call.ended()
asyncio.run(main())
"""


@pytest.mark.parametrize("when", ["ringing", "up"])
def test_the_owner_is_killed(make_system, observe, when):
    """Nobody waits for the answer any more: the peer's phone stops ringing; an answered call follows on_lost."""
    system = make_system(calls=4, settings=OPEN)
    callee, observer = Callee(system), observe(system)

    def answer():
        callee.wait_invite()
        callee.reply(180)
        if when == "up":
            callee.pick_up()
            callee.reply(200, to=callee.next_request("BYE", 20))
            return
        cancel = callee.next_request("CANCEL", 20)
        callee.reply(200, to=cancel)
        callee.reply(487)
        callee.next_request("ACK")

    callee.in_background(answer)
    backend = subprocess.Popen([sys.executable, "-c", BACKEND, callee.uri, when], env=system.env, stdout=subprocess.PIPE, text=True)
    try:
        assert backend.stdout.readline() == "ready\n"
        wait_for(lambda: observer.of("call_ringing"), 10)
    finally:
        backend.kill()
        backend.wait()
    callee.joined()
    wait_for(lambda: observer.of("call_ended"), 10)
    (end,) = observer.of("call_ended")
    assert end.call_ended.outcome == (1 if when == "up" else 8) and end.call_ended.reason == "backend lost"
    nothing_is_left(system)


def test_signaling_that_says_nothing(make_system):
    """It hangs, and is not replaced: the call ends here, and what was asked for is not done later."""
    system = make_system(calls=4, settings={**OPEN, "hang_ms": 60000})
    callee = Callee(system)

    async def scenario(server):
        call = await server.dial(callee.uri, rate=RATE)
        with pytest.raises(tipring.DialFailed) as failed:
            await call.answered()
        await call.ended()
        return failed.value

    system.kill("signaling-0", signal.SIGSTOP)
    try:
        failed = dialling(system, scenario)
    finally:
        system.kill("signaling-0", signal.SIGCONT)
    assert failed.outcome == "error" and failed.reason == "signaling did not answer"
    wait_for(lambda: system.metric("tipring_calls") == 0, 10)
    assert callee.receive(1.0) is None, "the request was too old"
    nothing_is_left(system)


def test_who_may_be_called(make_system):
    system = make_system(calls=4)
    opened = make_system(calls=4, settings={"outbound.hosts": ["127.0.0.1"], "outbound.numbers": ["+49*"], "outbound.max_calls": 1,
                                            "outbound.max_cps": 1000})
    callee = Callee(opened)

    async def refused(server, uri, **options):
        with pytest.raises(tipring.CommandRefused) as why:
            await server.dial(uri, **options)
        return why.value

    async def closed(server):
        why = await refused(server, "sip:bob@127.0.0.1")
        assert why.code == "REJECTED" and why.reason == "dialling is off: outbound in tipring.yaml opens it"

    async def limits(server):
        why = await refused(server, f"sip:+881@127.0.0.1:{callee.port}")
        assert why.reason == "outbound.numbers has no row for this user part"
        why = await refused(server, "sip:+49@198.51.100.1")
        assert why.reason == "outbound.hosts has no row for this host"
        for options in ({"headers": {"Via": "x"}}, {"headers": {"X-A": "b\r\nVia: c"}}, {"from_uri": "alice"}, {"from_display": "a\nb"},
                        {"metadata": "m" * 97}, {"rate": 44100}, {"app": "No App"}, {"headers": {f"X-{i}": "v" for i in range(17)}},
                        {"to_uri": "bob"}):
            assert (await refused(server, f"sip:+49@127.0.0.1:{callee.port}", **options)).code == "REJECTED", options
        call = await server.dial(f"sip:+49@127.0.0.1:{callee.port}", metadata="m" * 96)
        why = await refused(server, f"sip:+49@127.0.0.1:{callee.port}")
        assert why.code == "OVERLOADED" and why.retry_after_ms > 0 and why.reason == "outbound.max_calls of them exist"
        status = await server.status()
        assert (status.outbound, status.outbound_max) == (1, 1)
        assert await reach(call, "ringing")  # what is hung up before media has a port is not dialled at all
        await call.hangup()

    callee.in_background(lambda: (callee.wait_invite(), callee.reply(100), callee.reply(180),
                                  callee.reply(200, to=callee.next_request("CANCEL")), callee.reply(487), callee.next_request("ACK")))
    dialling(system, closed)
    dialling(opened, limits)
    callee.joined()
    nothing_is_left(opened)


def test_calls_in_a_second(make_system):
    system = make_system(calls=20, settings={**OPEN, "outbound.max_cps": 2})

    async def scenario(server):
        calls = []
        with pytest.raises(tipring.CommandRefused) as why:
            while len(calls) < 10:  # two, and more when this takes long
                calls.append(await server.dial("sip:nobody@127.0.0.1:9", rate=RATE))
        assert len(calls) >= 2
        assert why.value.code == "OVERLOADED" and 0 < why.value.retry_after_ms <= 500
        await asyncio.sleep(why.value.retry_after_ms / 1000)
        calls.append(await server.dial("sip:nobody@127.0.0.1:9", rate=RATE))
        for call in calls:
            await call.hangup()

    dialling(system, scenario)
    wait_for(lambda: system.metric("tipring_calls") == 0, 45)


def test_the_configuration_is_opened_while_it_runs(make_system, sipp):
    system = make_system(calls=4)
    _, uri = sipp()

    async def scenario(server):
        with pytest.raises(tipring.CommandRefused, match="dialling is off"):
            await server.dial(uri)
        system.values.update(OPEN)
        system.config_path.write_text(system.yaml())
        system.process.send_signal(signal.SIGHUP)

        async def dial():
            while True:
                try:
                    return await server.dial(uri, rate=RATE)
                except tipring.CommandRefused:
                    await asyncio.sleep(0.1)

        call = await asyncio.wait_for(dial(), 40)
        await call.answered()
        await call.hangup()
        await call.ended()

    dialling(system, scenario)
    nothing_is_left(system)


# ---- tipring dial ----


def run_cli(system, *words, seconds=100):
    done = subprocess.run([BIN / "tipring", "dial", *map(str, words)], env=system.env, capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


def test_the_command_says_a_file(make_system, speech):
    system = make_system(calls=4, settings=OPEN)
    callee = Callee(system)

    def answer():
        callee.wait_invite()
        callee.reply(180)
        callee.pick_up()
        hear_loud(callee)
        callee.reply(200, to=callee.next_request("BYE", 30))

    callee.in_background(answer)
    code, out, err = run_cli(system, callee.uri, "--play", speech, "--from", "sip:tester@example.org")
    callee.joined()
    assert code == 0, out + err
    assert "sip:tester@example.org" in callee.invite
    words = [line.split()[1] for line in out.splitlines()]
    assert words[:2] + sorted(words[2:4]) + words[4:] == ["dialling", "ringing", "answered", "audio", "said", "ended"], out  # two sockets tell
    assert re.search(r"^ *\d+\.\d{3} ended answered, 200", out, re.M)
    nothing_is_left(system)


def test_the_command_tells_how_it_failed(make_system, sipp):
    system = make_system(calls=4, settings=OPEN)
    _, uri = sipp(REFUSES.replace("CODE PHRASE", "486 Busy Here").replace("EXTRA", "X-A: b"))
    code, out, _ = run_cli(system, "--json", uri)
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 1 and [t["event"] for t in told] == ["dialling", "ringing", "failed"]
    assert told[-1]["text"].startswith("busy, 486")
    code, _, err = run_cli(system, "sip:bob@198.51.100.1")
    assert code == 2 and "outbound.hosts has no row for this host" in err
    code, _, err = run_cli(system, uri, "--play", "/nowhere.wav")
    assert code == 2 and "there is no such file" in err
    code, _, err = run_cli(system, uri, "--ring-timeout", "0")
    assert code == 2 and "1 to 300 seconds" in err


def test_the_command_is_interrupted(make_system, sipp):
    system = make_system(calls=4, settings=OPEN)
    process, uri = sipp(RINGS_FOR_EVER)
    command = subprocess.Popen([BIN / "tipring", "dial", uri], env=system.env, stdout=subprocess.PIPE, text=True)
    for line in command.stdout:
        if "ringing" in line:
            break
    command.send_signal(signal.SIGINT)
    rest = command.stdout.read()
    assert command.wait(60) == 1 and "failed cancelled, 487" in rest
    assert process.wait(60) == 0
    nothing_is_left(system)
