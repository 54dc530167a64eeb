"""What holds when the media process dies in the middle of speech, and what packets must never do."""

import asyncio
import math
import socket
import struct
import time

from sip_peer import Peer
from system import wait_for
from test_backend import Caller, in_thread, is_silent, tone, with_backend


def test_speech_and_marks_outlive_the_process(make_system):
    """Killed in mid-sentence: the answer to a flush is exact but for the ticks that were left out, and each mark resolves once."""
    system = make_system(calls=4)
    result = {}

    async def handle(call):
        await call.answer(rate=8000)
        await call.say(tone(0.3))
        first = await call.mark("first")
        playback = await call.say(tone(6))
        second = await call.mark("second")
        result["first"] = await asyncio.wait_for(first, 20)
        old = system.kill("media-0")
        await in_thread(wait_for, lambda: system.workers().get("media-0", old) != old, 5)
        await asyncio.sleep(1.5)
        result["flushed"] = await call.flush()
        result["heard"] = await playback.finished()
        result["second"] = await asyncio.wait_for(second, 20)
        await asyncio.sleep(0.2)
        await call.hangup()

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        return await in_thread(caller.hear_while, lambda: "second" not in result)

    packets = with_backend(system, handle, scenario)
    spoken = [p for p in packets if not is_silent(p[3])]
    heard = result["flushed"].utterances[2]
    assert result["heard"] == heard
    assert result["first"] >= 0.3 * 8000 and result["second"] is None
    assert abs(heard.played_samples + 0.3 * 8000 - 160 * len(spoken)) <= 2 * 160, (heard, len(spoken))
    assert heard.played_samples + heard.discarded_samples == 6 * 8000
    numbers = [p[1] for p in packets]
    assert len(set(numbers)) == len(numbers)
    assert all(b[2] - a[2] == round((b[2] - a[2]) / 160) * 160 for a, b in zip(packets, packets[1:]))


def dbov(pcm):
    samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)
    return 10 * math.log10(max(1, sum(v * v for v in samples)) / len(samples) / 32768 ** 2)


def test_comfort_noise_is_heard_at_its_level_and_outlives_the_process(make_system):
    """C323 C325 C326: silence of a peer that describes it once, through a kill, until there is speech again."""
    system = make_system(calls=4)
    noise, later, state = [], [], {}

    async def handle(call):
        await call.answer(rate=8000)
        async for frame in call.audio:
            if frame.kind == "noise":
                (later if "killed" in state else noise).append(frame.pcm)
            elif frame.kind == "ok" and len(later) >= 20:
                state["spoke"] = True
                break
            if len(noise) == 20 and "killed" not in state:
                state["killed"] = system.kill("media-0")
            if len(later) == 20:
                state["enough"] = True
        await call.hangup()

    def speak(caller, packets):
        for _ in range(packets):
            caller.send_audio(b"\x21" * 160)
            caller.hear(0.02)

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        await in_thread(speak, caller, 10)
        caller.send_audio(bytes([40, 100, 140]), pt=13)
        await in_thread(caller.hear_while, lambda: "enough" not in state, 60)
        caller.ts += 8000
        while "spoke" not in state:
            await in_thread(speak, caller, 5)
        await in_thread(caller.wait_bye, 20)

    with_backend(system, handle, scenario)
    for frames in (noise[1:], later[1:]):  # the first one may have the end of something else
        assert abs(dbov(b"".join(frames)) + 40) < 1, dbov(b"".join(frames))
    wait_for(lambda: system.metric("tipring_media_rtp_unknown_total") == 0, 2)


def test_rtcp_on_the_rtp_port_disturbs_no_stream(make_system, backends):
    """C283"""
    system = make_system(calls=4)
    backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    report = struct.pack("!BBHIIIIII", 0x80, 200, 6, 0x1234, 1, 2, 3, 4, 5)
    heard = []
    for i in range(40):
        caller.send_audio(b"\x21" * 160)
        if i % 10 == 5:
            caller.rtp.sendto(report, caller.remote)
        heard += caller.hear(0.02)
    heard += caller.hear(0.5)
    assert sum(not is_silent(p[3]) for p in heard) >= 35, "the echo went on"
    wait_for(lambda: system.metric("tipring_media_rtcp_received_total") == 4, 2)
    assert system.metric("tipring_media_rtp_malformed_total") == 0
    caller.bye()


def test_reports_go_where_the_peers_reports_come_from(make_system, backends):
    """A phone behind a NAT tells a port nobody can reach. What is no report teaches nothing."""
    system = make_system(calls=4)
    backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    for _ in range(5):
        caller.send_audio(b"\x21" * 160)
        caller.hear(0.02)
    report = struct.pack("!BBHIIIIII", 0x80, 200, 6, 0x1234, 1, 2, 3, 4, 5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reports, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        target = caller.remote[0], caller.remote[1] + 1
        reports.bind(("127.0.0.1", 0))
        reports.sendto(report, target)
        other.sendto(b"not RTCP", target)
        reports.settimeout(20)
        got = reports.recv(2048)
    assert got[1] == 200 and struct.unpack("!II", got[20:28])[0] > 5, "a sender report that counts what was sent"
    caller.bye()


def test_nothing_is_sent_to_our_own_ports(make_system, backends):
    """C361"""
    system = make_system(calls=4)
    backends.start(system)
    loop = Peer(system)
    loop.rtp_port = system.rtp_port + 4
    loop.send(loop.request("INVITE", body=loop.sdp()))
    assert loop.wait(*range(400, 700)), "a caller can not own our ports"
    loop.send(loop.request("ACK", cseq=loop.cseq, branch=loop.branch))

    aside = Peer(system)
    aside.call_id = "aside"
    aside.send(aside.request("INVITE", body=aside.sdp(extra=f"a=rtcp:{system.rtp_port + 5}\r\n")))
    aside.learn(aside.wait(200))
    aside.send(aside.request("ACK", cseq=aside.cseq))
    time.sleep(4)  # the first report is due after 1.25 to 3.75 s
    assert system.metric("tipring_media_rtp_sent_total") > 100
    assert system.metric("tipring_media_rtcp_sent_total") == 0
    aside.bye()


def test_ports_are_even_and_run_out(make_system, backends):
    """C355 C356: how they rest is a matter of tests/unit/media/daemon/test_ports.c."""
    system = make_system(calls=8, ports=6)  # three pairs
    backends.start(system)
    used = []
    for _ in range(3):
        peer = Peer(system)
        used.append(peer.media(peer.call())[1])
    assert all(port % 2 == 0 for port in used) and len(set(used)) == 3, used
    peer = Peer(system)
    peer.send(peer.request("INVITE", body=peer.sdp()))
    assert "\r\nRetry-After:" in peer.wait(503), "all are used"
    peer.send(peer.request("ACK", cseq=peer.cseq, branch=peer.branch))
