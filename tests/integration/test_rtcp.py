"""RTCP, STUN and copies of packets, on the wire."""

import asyncio
import os
import socket
import struct
import time

import pytest

from callee import Callee
from system import PATIENCE, wait_for
from test_cli import rows, tipring
from test_backend import Caller, in_thread, with_backend
from test_restart import observe  # noqa: F401, a fixture
from test_sources import CALLER

SR, RR, SDES, BYE, XR = 200, 201, 202, 203, 207
MUX = "a=rtcp-mux\r\n"
COOKIE = struct.pack("!I", 0x2112A442)


def parts(compound):
    """(type, count, body) of each packet."""
    found = []
    while compound:
        first, kind, words = struct.unpack("!BBH", compound[:4])
        found.append((kind, first & 31, compound[4:4 + 4 * words]))
        compound = compound[4 + 4 * words:]
    return found


def is_rtcp(packet):
    return 192 <= packet[1] <= 223


class Reporter(Caller):
    """A caller with a port for RTCP that its SDP names, or with one for both."""

    def __init__(self, system, extra=None):
        super().__init__(system)
        self.reports = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.reports.bind((self.host, 0))
        self.extra = f"a=rtcp:{self.reports.getsockname()[1]}\r\n" if extra is None else extra

    def sdp(self, *arguments, **options):
        return super().sdp(*arguments, **options) + self.extra

    def start(self):
        answer = self.call()
        self.start_media(answer)
        return answer

    def talk_until(self, is_over, seconds=30):
        """20 ms of audio each, until then; what was heard at the RTP port."""
        heard, end = [], time.monotonic() + seconds * PATIENCE
        self.rtp.setblocking(False)
        while not is_over(heard):
            assert time.monotonic() < end, "in vain"
            self.send_audio(CALLER)
            time.sleep(0.02)
            heard += received(self.rtp)
        return heard


def received(source):
    """What has arrived there."""
    source.setblocking(False)
    packets = []
    try:
        while True:
            packets.append(source.recv(2048))
    except BlockingIOError:
        return packets


def request(transaction=None, attributes=b""):
    return struct.pack("!HH", 1, len(attributes)) + COOKIE + (transaction or os.urandom(12)) + attributes


def mapped(answer):
    """Address and port of an answer of IPv4."""
    assert answer[:2] == b"\x01\x01" and answer[20:26] == b"\x00\x20\x00\x08\x00\x01", answer
    port = struct.unpack("!H", answer[26:28])[0] ^ 0x2112
    return socket.inet_ntoa(bytes(a ^ b for a, b in zip(answer[28:32], COOKIE))), port


def test_reports_are_whole_and_tell_how_it_sounds(make_system, backends):
    """C284, C286, C287: SR or RR, SDES, XR; BYE ends the last one, once."""
    system = make_system(calls=4)
    backends.start(system)
    caller, seen = Reporter(system), []
    caller.start()

    def has_reported(_):
        seen.extend(received(caller.reports))
        return len(seen) >= 2

    caller.talk_until(has_reported)
    told = parts(seen[-1])
    assert [kind for kind, _, _ in told] == [SR, SDES, XR], told
    voip = told[2][2][4:]
    assert voip[:4] == b"\x07\x00\x00\x08" and struct.unpack("!I", voip[4:8])[0] == 0x1234, "of our stream"
    assert voip[8:10] == b"\x00\x00", "nothing was lost"
    assert 35 <= voip[4 + 22] <= 45 or voip[4 + 22] == 127, "of G.711, or no period is over yet"
    caller.bye()
    wait_for(lambda: seen.extend(received(caller.reports)) or BYE in [kind for kind, _, _ in parts(seen[-1])], 10)
    time.sleep(0.2)
    seen += received(caller.reports)
    assert sum(BYE in [kind for kind, _, _ in parts(p)] for p in seen) == 1


def test_a_listener_is_told_its_round_trip(make_system, backends):
    """RFC 3611 4.4, 4.5: who sends no RTP asks with its own time."""
    system = make_system(calls=4)
    backends.start(system)
    caller = Reporter(system)
    caller.start()
    ask = struct.pack("!BBHI", 0x80, RR, 1, 0x77) + struct.pack("!BBHI", 0x80, XR, 4, 0x77) + struct.pack("!BBHQ", 4, 0, 2, 0x1122334455667788)
    caller.reports.sendto(ask, (caller.remote[0], caller.remote[1] + 1))
    seen = []

    def answers():
        seen.extend(received(caller.reports))
        blocks = [body[4:] for p in seen for kind, _, body in parts(p) if kind == XR]
        return [b for b in blocks if b[:4] == b"\x05\x00\x00\x03"]

    wait_for(answers, 20)
    about, middle, delay = struct.unpack("!III", answers()[0][4:16])
    assert about == 0x77 and middle == 0x33445566 and delay < 20 << 16
    caller.bye()


def test_one_port_for_both_when_it_is_offered(make_system, backends, engine):
    """RFC 5761, also of media's successor."""
    system = make_system(calls=4, settings={"io_backend": engine})
    backends.start(system)
    caller = Reporter(system, MUX)
    assert MUX in caller.start()
    heard = caller.talk_until(lambda heard: any(is_rtcp(p) for p in heard))
    told = next(parts(p) for p in heard if is_rtcp(p))
    assert told[0][0] in (SR, RR) and told[1][0] == SDES
    before = system.metric("tipring_media_rtcp_received_total")
    caller.rtp.sendto(struct.pack("!BBHIIIIII", 0x80, SR, 6, 0x1234, 1, 2, 3, 4, 5), caller.remote)
    wait_for(lambda: system.metric("tipring_media_rtcp_received_total") == before + 1, 10)
    assert system.metric("tipring_media_rtp_malformed_total") == 0
    assert sum(CALLER in p for p in heard) > 10, "the echo goes on beside it"
    old = system.kill("media-0")
    wait_for(lambda: system.workers().get("media-0", old) != old, 20)
    caller.talk_until(lambda heard: any(is_rtcp(p) for p in heard) and sum(CALLER in p for p in heard) > 10)
    caller.send(caller.request("BYE"))
    caller.wait(200, seconds=10)
    heard = []
    wait_for(lambda: heard.extend(received(caller.rtp)) or any(is_rtcp(p) and BYE in [k for k, _, _ in parts(p)] for p in heard), 10)


def test_a_person_sees_what_was_refused_and_how_it_sounds(make_system, backends):
    """`tipring call`, with figures that are told every five seconds."""
    system = make_system(calls=4)
    backends.start(system)
    caller = Reporter(system, MUX)
    caller.start()
    caller.rtp.sendto(b"\xff no RTP", caller.remote)
    shown = ""

    def is_told(_):
        nonlocal shown
        if caller.seq % 25 == 0:
            shown = tipring(system, "call", rows(tipring(system, "calls", "--json"))[0]["call_id"]).stdout
        return "we hear" in shown and "refused" in shown

    caller.talk_until(is_told)
    assert "at the same ports (rtcp-mux)" in shown and "1 malformed, 0 of our own" in shown and "MOS " in shown
    caller.bye()


def test_two_ports_when_it_is_not_offered(make_system, backends):
    system = make_system(calls=4)
    backends.start(system)
    caller, seen = Reporter(system), []
    assert MUX not in caller.start()
    heard = caller.talk_until(lambda _: seen.extend(received(caller.reports)) or seen)
    assert not any(is_rtcp(p) for p in heard)
    caller.bye()


@pytest.mark.parametrize("offers", [False, True])
def test_our_offer_says_what_is_configured(make_system, offers):
    """RFC 5761 5.1.1; and an answer without it keeps two ports."""
    system = make_system(calls=4, settings={"rtp.rtcp_mux": offers, "outbound.hosts": ["127.0.0.1"]})
    callee = Callee(system)

    async def handle(call):
        await call.ended()

    async def scenario(server):
        dialling = asyncio.create_task(server.dial(callee.uri, from_uri="sip:us@127.0.0.1"))
        invite = await in_thread(callee.wait_invite)
        assert (MUX in invite) == offers
        await in_thread(callee.pick_up)
        call = await dialling
        await call.hangup()

    with_backend(system, handle, scenario)


def test_stun_is_answered_and_teaches_nothing(make_system, backends, engine):
    """C357, C358: whoever asks is told from where, on both ports; a response gets none; the audio goes where it went."""
    system = make_system(calls=4, settings={"io_backend": engine})
    backends.start(system)
    caller = Reporter(system)
    caller.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((caller.host, 0))
        other.settimeout(20)
        for port in (caller.remote[1], caller.remote[1] + 1):
            transaction = os.urandom(12)
            other.sendto(request(transaction), (caller.remote[0], port))
            answer = other.recv(2048)
            assert answer[8:20] == transaction and mapped(answer) == other.getsockname()
        dropped = system.metric("tipring_media_stun_dropped_total")
        other.sendto(answer, caller.remote)
        wait_for(lambda: system.metric("tipring_media_stun_dropped_total") == dropped + 1, 10)
        heard = caller.talk_until(lambda heard: sum(CALLER in p for p in heard) >= 20)
        assert received(other) == [], "no answer to a response, and no audio"
        transaction = os.urandom(12)
        caller.rtp.sendto(request(transaction), caller.remote)
        heard = caller.talk_until(lambda heard: any(p[0] < 4 for p in heard))
        answer = next(p for p in heard if p[0] < 4)
        assert answer[8:20] == transaction and mapped(answer) == caller.rtp.getsockname()
    assert system.metric("tipring_media_rtp_malformed_total") == 0
    caller.bye()


def test_stun_is_answered_so_often_and_no_more(make_system, backends):
    """Nobody can make us send much to a third one."""
    system = make_system(calls=4)
    backends.start(system)
    caller = Reporter(system)
    caller.start()
    begin = time.monotonic()
    for _ in range(200):
        caller.reports.sendto(request(), (caller.remote[0], caller.remote[1] + 1))
    wait_for(lambda: system.metric("tipring_media_stun_answered_total") + system.metric("tipring_media_stun_dropped_total") >= 200, 20)
    seconds = time.monotonic() - begin
    assert system.metric("tipring_media_stun_answered_total") <= 20 * (int(seconds) + 2)
    caller.bye()


def test_who_never_speaks_ends_the_call(make_system, backends, observe):
    """C362: its own time, and the reason is told."""
    system = make_system(calls=4, settings={"rtp.never_ms": 1500, "rtp.timeout_ms": 60000})
    backends.start(system)
    events = observe(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    caller.wait_bye(20)
    wait_for(lambda: events.of("call_ended"), 20)
    assert "nothing ever arrived" in events.of("call_ended")[0].call_ended.reason


def test_who_speaks_once_has_the_other_time(make_system, backends, observe):
    """C362"""
    system = make_system(calls=4, settings={"rtp.never_ms": 60000, "rtp.timeout_ms": 1500})
    backends.start(system)
    events = observe(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    for _ in range(5):
        caller.send_audio(CALLER)
    caller.wait_bye(20)
    wait_for(lambda: events.of("call_ended"), 20)
    assert "neither RTP nor RTCP" in events.of("call_ended")[0].call_ended.reason


def test_copies_are_sent_and_taken_once(make_system, backends, engine, observe):
    """Each packet leaves as often as configured, the same octets; what comes twice is heard once."""
    system = make_system(calls=4, settings={"io_backend": engine, "rtp.duplicate": 2})
    backends.start(system)
    events = observe(system)
    caller = Reporter(system)
    caller.start()
    heard = []
    for i in range(60):
        caller.send_audio(bytes([0x20 + i % 64]) * 160)
        caller.seq -= 1
        caller.ts -= 160
        caller.send_audio(bytes([0x20 + i % 64]) * 160)
        time.sleep(0.02)
        heard += received(caller.rtp)
    time.sleep(0.3)
    heard += received(caller.rtp)
    caller.bye()
    heard = [p for p in heard if p[0] == 0x80 and not is_rtcp(p)]
    by_number = {}
    for p in heard:
        by_number.setdefault(p[2:4], []).append(p)
    assert all(len(set(copies)) == 1 for copies in by_number.values())
    assert sorted(len(copies) for copies in by_number.values())[1:-1].count(3) >= len(by_number) - 2
    wait_for(lambda: events.of("call_ended"), 20)
    stats = events.of("call_ended")[0].call_ended.media
    assert stats.packets_received == 60 and stats.packets_lost == 0
    assert stats.packets_duplicate + stats.packets_rejected == 60, "the first is not known to be one when it comes again"


def test_an_ssrc_that_both_have_is_given_up(make_system, backends, observe):
    """RFC 3550 8.2, M23: our own packets that come back make us take another SSRC once, and are not heard."""
    system = make_system(calls=4)
    backends.start(system)
    events = observe(system)
    caller = Reporter(system)
    caller.start()
    ours, numbers = set(), set()

    def bounce(heard):
        for p in heard[len(numbers):]:
            numbers.add(len(numbers))
            if p[0] == 0x80 and not is_rtcp(p):
                ours.add(p[8:12])
                caller.rtp.sendto(p, caller.remote)
        return len(numbers) >= 60

    heard = caller.talk_until(bounce)
    assert len(ours) == 2, "once"
    last = [p for p in heard if p[0] == 0x80 and not is_rtcp(p)][-1][8:12]
    assert any(CALLER in p for p in heard if p[8:12] == last), "the caller is heard under the other one, too"
    caller.bye()
    wait_for(lambda: events.of("call_ended"), 20)
    stats = events.of("call_ended")[0].call_ended.media
    assert stats.packets_looped >= 30 and stats.streams_restarted == 0


def test_who_rings_need_not_speak(make_system, observe):
    """C362: a peer that opens early media and is silent has the time of ringing; what it is owed begins with its answer."""
    system = make_system(calls=4, settings={"rtp.never_ms": 1000, "outbound.hosts": ["127.0.0.1"]})
    callee = Callee(system)
    events = observe(system)

    async def handle(call):
        await call.ended()

    async def scenario(server):
        dialling = asyncio.create_task(server.dial(callee.uri, from_uri="sip:us@127.0.0.1", early_media=True))
        await in_thread(callee.wait_invite)
        callee.reply(183, sdp=True)
        await in_thread(wait_for, lambda: events.of("call_ringing"), 20)
        await asyncio.sleep(3.5)  # three times never_ms
        await in_thread(callee.pick_up)
        await dialling
        await in_thread(wait_for, lambda: events.of("call_ended"), 30)

    with_backend(system, handle, scenario)
    assert events.of("call_answered")
    assert "nothing ever arrived" in events.of("call_ended")[0].call_ended.reason
