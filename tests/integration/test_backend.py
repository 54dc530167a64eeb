"""What backends are promised: ownership, exact flush, marks, isolation, digits."""

import asyncio
import collections
import functools
import json
import math
import os
import signal
import socket
import struct
import time

import pytest
import tipring

from sip_peer import Peer
from system import PATIENCE, wait_for

SO_TIMESTAMPNS = 35
ULAW_SILENCE = b"\xff" * 160


class Caller(Peer):
    """A peer that sends and hears RTP."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def start_media(self, answer):
        self.remote = self.media(answer)
        self.seq, self.ts = 1000, 5000

    def send_audio(self, payload=ULAW_SILENCE, pt=0, marker=False, advance=160):
        packet = struct.pack("!BBHII", 0x80, pt | marker << 7, self.seq & 0xFFFF, self.ts & 0xFFFFFFFF, 0x1234) + payload
        self.rtp.sendto(packet, self.remote)
        self.seq += 1
        self.ts += advance

    def send_digit(self, event: int):
        for duration, end in ((160, 0), (320, 0), (480, 0), (640, 1), (640, 1), (640, 1)):
            payload = struct.pack("!BBH", event, 10 | end << 7, duration)
            self.send_audio(payload, 101, duration == 160, 0)
            time.sleep(0.005)
        self.ts += 800

    def hear(self, seconds):
        """Packets (time, seq, ts, payload) that arrive meanwhile; the time is the kernel's, in seconds of time.monotonic()."""
        end, packets, offset = time.monotonic() + seconds, [], time.time() - time.monotonic()
        while (left := end - time.monotonic()) > 0:
            self.rtp.settimeout(left)
            try:
                p, ancillary, _, _ = self.rtp.recvmsg(2048, 64)
            except TimeoutError:
                break
            s, ns = struct.unpack("qq", ancillary[0][2][:16])
            _, _, seq, ts, _ = struct.unpack("!BBHII", p[:12])
            packets.append((s + ns / 1e9 - offset, seq, ts, p[12:]))
        return packets


    def hear_while(self, is_on, seconds=20):
        """Packets as long as `is_on()`, and what is under way then."""
        end, packets = time.monotonic() + seconds * PATIENCE, []
        while is_on() and time.monotonic() < end:
            packets += self.hear(0.1)
        return packets + self.hear(0.3)

    def wait_bye(self, seconds):
        """Until a BYE comes; it is answered."""
        end = time.monotonic() + seconds * PATIENCE
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if message and message.startswith("BYE"):
                self.send("SIP/2.0 200 OK\r\n" + message.split("\r\n", 1)[1])
                return message
        raise AssertionError("no BYE")


async def in_thread(function, *arguments):
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


async def is_serving(server):
    """Until control has its registration."""
    async with asyncio.timeout(30):
        while not server._registered:
            await asyncio.sleep(0.01)


def with_backend(system, handler, scenario, capacity=10, name=None):
    """Run `scenario(server)` beside a backend whose calls go to `handler`."""

    async def main():
        async with tipring.connect(str(system.run_dir), name) as server:
            server.app("echo", capacity)(handler)
            running = asyncio.create_task(server.run())
            await is_serving(server)
            try:
                return await asyncio.wait_for(scenario(server), 100)
            finally:
                server.stop()
                await running

    return asyncio.run(main())


@functools.cache
def second_of_tone(rate):
    return b"".join(struct.pack("<h", int(12000 * math.sin(2 * math.pi * 440 * i / rate))) for i in range(rate))


def tone(seconds, rate=8000):
    """Quick enough for an event loop."""
    return (second_of_tone(rate) * math.ceil(seconds))[:2 * int(seconds * rate)]


def is_silent(payload):
    return all(byte in (0xFF, 0x7F) for byte in payload)


def test_headers_and_ids_reach_the_backend(make_system):
    """C163"""
    system = make_system(calls=4)
    seen = {}

    async def handle(call):
        seen.update(headers=call.headers, room=call.room_id, session=call.session_id, codec=call.codec)
        await call.answer(rate=8000)
        await call.ended()

    async def scenario(server):
        peer = Peer(system)
        await in_thread(lambda: peer.call(headers="X-Room-ID: room 7\r\nX-Session-ID: s1\r\nx-CuStom: Value\r\nX-Name: Jürgen\r\n"))
        await in_thread(peer.bye)

    with_backend(system, handle, scenario)
    assert seen["room"] == "room 7" and seen["session"] == "s1" and seen["codec"] == "PCMU"
    assert seen["headers"]["x-CuStom"] == "Value"
    assert seen["headers"]["X-Name"] == "Jürgen"


@pytest.mark.parametrize("code", [486, 603])
def test_a_backend_may_refuse(make_system, code):
    """C161"""
    system = make_system(calls=4)

    async def handle(call):
        await call.ring()
        await call.reject(code)

    async def scenario(server):
        peer = Peer(system)
        peer.send(peer.request("INVITE", body=peer.sdp()))
        await in_thread(peer.wait, 180)
        await in_thread(peer.wait, code)

    with_backend(system, handle, scenario)
    wait_for(lambda: system.metric("tipring_calls") == 0, 3)


def test_cancel_while_ringing(make_system):
    """C166"""
    system = make_system(calls=4)
    ended = []

    async def handle(call):
        await call.ring()
        ended.append(await call.ended())

    async def scenario(server):
        peer = Peer(system)
        peer.send(peer.request("INVITE", body=peer.sdp()))
        await in_thread(peer.wait, 180)
        peer.send(peer.request("CANCEL", cseq=1, branch=peer.branch))
        await in_thread(peer.wait, 487)
        peer.send(peer.request("ACK", cseq=1, branch=peer.branch))
        await in_thread(wait_for, lambda: ended, 5)

    with_backend(system, handle, scenario)
    assert ended == ["cancelled"]
    wait_for(lambda: system.metric("tipring_calls") == 0, 3)


def test_digits_arrive_once_each(make_system):
    """C344 C347"""
    system = make_system(calls=4)
    digits = []

    async def handle(call):
        await call.answer(rate=8000)
        async for digit in call.digits():
            digits.append((digit.digit, digit.duration_ms))

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        for _ in range(5):
            caller.send_audio()
            await asyncio.sleep(0.02)
        for event in (1, 2, 2, 11):
            await in_thread(caller.send_digit, event)
            for _ in range(3):
                caller.send_audio()
                await asyncio.sleep(0.02)
        await in_thread(wait_for, lambda: len(digits) >= 4, 5)
        await in_thread(caller.bye)

    with_backend(system, handle, scenario)
    assert [d for d, _ in digits] == ["1", "2", "2", "#"]
    assert all(ms == 80 for _, ms in digits)


def test_flush_silences_the_wire_and_tells_what_was_heard(make_system):
    system = make_system(calls=4)
    result = {}

    async def handle(call):
        await call.answer(rate=8000)
        playback = await call.say(tone(5))
        await asyncio.sleep(1.0)
        result["asked"] = time.monotonic()
        result["flushed"] = await call.flush()
        result["heard"] = await playback.finished()
        await asyncio.sleep(0.5)
        result["after"] = await (await call.say(tone(0.4))).finished()
        await call.ended()

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        packets = await in_thread(caller.hear_while, lambda: "after" not in result)
        await in_thread(caller.bye)
        return packets

    packets = with_backend(system, handle, scenario)
    spoken = [p for p in packets if not is_silent(p[3])]
    pause = max(range(len(spoken) - 1), key=lambda i: spoken[i + 1][0] - spoken[i][0])
    loud, again = spoken[:pause + 1], spoken[pause + 1:]
    heard = result["flushed"].utterances[1]
    # "exact to one frame against a capture": 20 ms, and the last packet is a 5 ms fade
    assert abs(heard.played_samples - 160 * len(loud)) <= 160, (heard, len(loud))
    assert heard.played_samples + heard.discarded_samples == 5 * 8000
    assert loud[-1][0] - result["asked"] <= 0.5, "silent within one tick, or what a busy machine makes of it; four seconds were left"
    assert result["heard"] == heard
    assert result["after"].played_samples == 0.4 * 8000 and len(again) == 20, "speaking again after a flush"


def test_marks_resolve_exactly_once(make_system):
    system = make_system(calls=4)
    result = {}

    async def handle(call):
        await call.answer(rate=16000)
        await call.say(tone(0.3, 16000))
        reached = await call.mark("first")
        await call.say(tone(5, 16000))
        dropped = await call.mark("second")
        result["first"] = await asyncio.wait_for(reached, 20)
        await call.flush()
        result["second"] = await asyncio.wait_for(dropped, 20)
        await call.hangup()

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        await in_thread(caller.hear_while, lambda: "second" not in result)

    with_backend(system, handle, scenario)
    assert result["first"] >= 0.3 * 16000 and result["first"] % 320 == 0
    assert result["second"] is None


def test_a_killed_backend_disturbs_nobody_else(make_system, backends):
    system = make_system(calls=10, settings={"routes": [{"number": "1", "app": "one"}, {"number": "2", "app": "two"}]})
    backends.start(system, "one")
    doomed = backends.start(system, "two")
    good, bad = Caller(system), Caller(system)
    good.start_media(good.call(number="1"))
    bad.start_media(bad.call(number="2"))
    start = time.monotonic()
    sent, heard, killed, bye_after = 0, [], False, None
    while time.monotonic() - start < 30:
        good.send_audio(bytes([sent % 100 + 1]) * 160)
        sent += 1
        heard += good.hear(0.02)
        if not killed and time.monotonic() - start > 1:
            doomed.kill()
            killed = True
        message = bad.receive(0.0001)
        if message and message.startswith("BYE"):
            bye_after = time.monotonic() - start - 1
            bad.send("SIP/2.0 200 OK\r\n" + message.split("\r\n", 1)[1])
            break
    gaps = [b[0] - a[0] for a, b in zip(heard, heard[1:])]
    assert bye_after is not None and bye_after < 20, "its call follows the policy: hung up"
    assert max(gaps) < 0.5, "the other call never paused"
    assert [b[1] for b in heard] == list(range(heard[0][1], heard[0][1] + len(heard)))
    good.bye()


def test_an_unclaimed_call_goes_to_the_next_backend(make_system, backends):
    system = make_system(calls=4, settings={"backends.claim_timeout_ms": 300})

    async def main():
        async with tipring.connect(str(system.run_dir), "aaa-deaf") as deaf:
            deaf.app("echo")(in_thread)  # never called
            deaf._take_offer = lambda *_: None
            running = asyncio.create_task(deaf.run())
            await is_serving(deaf)
            await in_thread(lambda: backends.start(system))
            peer = Peer(system)
            await in_thread(peer.call)
            await in_thread(peer.bye)
            deaf.stop()
            await running

    asyncio.run(main())
    assert system.metric("tipring_calls_offered_total") >= 1


def test_wrong_commands_get_exact_answers(make_system):
    system = make_system(calls=4)
    from tipring.v1 import api_pb2, envelope_pb2
    codes = {}

    async def attempt(bus, name, field, body):
        try:
            await bus.command(field, body)
            codes[name] = "OK"
        except tipring.CommandRefused as why:
            codes[name] = why.code

    async def handle(call):
        bus = call._transport.bus
        await attempt(bus, "fence", "hangup", api_pb2.Hangup(call_id=call.call_id, fence=call._fence ^ 2))
        await attempt(bus, "no call", "hangup", api_pb2.Hangup(call_id=42, fence=1))
        await attempt(bus, "rate", "answer", api_pb2.Answer(call_id=call.call_id, fence=call._fence, rate_hz=44100))
        await attempt(bus, "flush early", "flush", api_pb2.Flush(call_id=call.call_id, fence=call._fence))
        await attempt(bus, "mark early", "mark", api_pb2.Mark(call_id=call.call_id, fence=call._fence, mark="x"))
        await attempt(bus, "app", "register", api_pb2.Register(app="No Such!", capacity=1))
        await attempt(bus, "early media", "ring", api_pb2.Ring(call_id=call.call_id, fence=call._fence, early_media=True, rate_hz=44100))
        await attempt(bus, "not a command", "call_answered", envelope_pb2.Envelope().call_answered)
        async with tipring.connect(str(system.run_dir), "thief") as other:
            await attempt(other._bus, "owner", "hangup", api_pb2.Hangup(call_id=call.call_id, fence=call._fence))
            await attempt(other._bus, "claim", "claim", api_pb2.Claim(call_id=call.call_id))
        await call.answer(rate=8000)
        await call.hangup()

    async def scenario(server):
        peer = Peer(system)
        await in_thread(peer.call)
        await in_thread(wait_for, lambda: len(codes) >= 10, 10)

    with_backend(system, handle, scenario)
    assert codes == {"fence": "CONFLICT", "no call": "NOT_FOUND", "rate": "REJECTED", "flush early": "CONFLICT",
                     "mark early": "CONFLICT", "app": "REJECTED", "early media": "REJECTED",
                     "not a command": "UNSUPPORTED", "owner": "UNAUTHORIZED", "claim": "CONFLICT"}


def test_the_same_command_twice_is_carried_out_once(make_system):
    system = make_system(calls=4)
    from tipring.v1 import api_pb2
    acks = []

    async def handle(call):
        bus = call._transport.bus
        body = api_pb2.Ring(call_id=call.call_id, fence=call._fence)
        acks.append((await bus.command("ring", body, call.call_id, "same-id")).code)
        acks.append((await bus.command("ring", body, call.call_id, "same-id")).code)
        await call.answer(rate=8000)
        await call.hangup()

    async def scenario(server):
        peer = Peer(system)
        await in_thread(peer.call)
        await in_thread(wait_for, lambda: len(acks) >= 2, 10)

    with_backend(system, handle, scenario)
    from tipring.v1 import common_pb2
    assert acks == [common_pb2.OK, common_pb2.DUPLICATE]


def test_events_are_numbered_without_gaps(make_system, backends):
    system = make_system(calls=4)
    backends.start(system)
    import zmq
    from tipring.v1 import envelope_pb2
    with zmq.Context() as context, context.socket(zmq.SUB) as sub:
        sub.setsockopt(zmq.LINGER, 0)
        sub.connect(f"ipc://{system.run_dir}/events.ipc")
        sub.setsockopt(zmq.SUBSCRIBE, b"e1/")
        sub.setsockopt(zmq.RCVTIMEO, 20000)
        sub.recv_multipart()  # a heartbeat: the subscription is in force
        peer = Peer(system)
        peer.call()
        time.sleep(0.1)
        peer.bye()
        seqs, bodies = [], []
        while "call_ended" not in bodies:
            topic, payload = sub.recv_multipart()
            e = envelope_pb2.Envelope.FromString(payload)
            if e.WhichOneof("body") != "heartbeat":
                assert topic.endswith(b"/")
                seqs.append(e.seq)
                bodies.append(e.WhichOneof("body"))
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert [b for b in bodies if b.startswith("call_")] == ["call_offered", "call_claimed", "call_answered", "call_ended"]
    assert e.call_ended.HasField("media") and e.call_ended.media.packets_sent > 0


def test_lost_packets_are_concealed_and_flagged(make_system):
    """C314 C332. Packets that the machine delays are concealed, too: exact is the best of a few calls."""
    system = make_system(calls=4)
    frames = []

    async def handle(call):
        frames.clear()
        await call.answer(rate=8000)
        async for frame in call.audio:
            frames.append((frame.pos, frame.kind, frame.samples))

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        begin = time.monotonic()
        for i in range(60):
            if i in (20, 40, 41):
                caller.seq, caller.ts = caller.seq + 1, caller.ts + 160
            else:
                caller.send_audio(b"\x8f" * 160)
            await asyncio.sleep(max(0, begin + 0.02 * (i + 1) - time.monotonic()))  # its clock is as fast as ours
        await asyncio.sleep(0.3)
        await in_thread(caller.bye)

    for _ in range(8):
        with_backend(system, handle, scenario)
        positions = [p for p, _, _ in frames]
        assert positions == [positions[0] + 160 * i for i in range(len(positions))], "every sample has its place"
        kinds = collections.Counter(kind for _, kind, _ in frames)
        if kinds["concealed"] == 3:
            break
    assert kinds["concealed"] == 3 and kinds["ok"] == 57
