"""What control promises: bounded by whoever talks to it, ends told last and in one line, refusals that say what to do."""

import asyncio
import re
import subprocess
import time

import pytest
import zmq

from conftest import BIN
from sip_peer import Peer
from system import wait_for
from test_backend import Caller, in_thread, with_backend
from test_hostile import command, dealer
from tipring.v1 import api_pb2, envelope_pb2


def lines_of(system, event):
    return [line for line in system.log.splitlines() if f" control {event} " in line]


def test_one_line_tells_an_ended_call(make_system, backends):
    """N5"""
    system = make_system(calls=4)
    backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    for _ in range(5):
        caller.send_audio()
        time.sleep(0.02)
    wait_for(lambda: system.metric("tipring_media_rtp_received_total") == 5, 5)  # another socket than the BYE's
    caller.bye()
    wait_for(lambda: lines_of(system, "call.ended"), 5)
    ended, = lines_of(system, "call.ended")
    row = dict(re.findall(r'(\w+)=(?:"([^"]*)"|\S+)', ended))
    plain = dict(re.findall(r"(\w+)=([^\s\"]+)", ended))
    assert re.fullmatch("[0-9a-f]{16}", plain["call"])
    assert plain["app"] == "echo" and plain["backend"] and plain["who"] == "caller" and plain["code"] == "200"
    assert row["from"] == "sip:peer@127.0.0.1" and row["to"] == "sip:echo@127.0.0.1" and row["sip_call_id"] == caller.call_id
    assert int(plain["duration_ms"]) >= 90 and 3 <= int(plain["packets"]) <= 5 and int(plain["lost"]) == 0
    said = [line for line in system.log.splitlines() if " info control " in line and f"call={plain['call']}" in line]
    assert said == [ended], "one line a call"
    caller.close()


def test_what_a_peer_says_can_not_forge_a_field(make_system, backends):
    """N5"""
    system = make_system(calls=4)
    backends.start(system)
    peer = Peer(system)
    peer.call_id = 'x"who=system'
    peer.call()
    peer.bye()
    wait_for(lambda: lines_of(system, "call.ended"), 5)
    assert 'sip_call_id="x\\x22who=system"' in lines_of(system, "call.ended")[0]
    peer.close()


def test_a_refusal_says_what_to_do(make_system, backends):
    """N4"""
    routes = [{"number": "1", "app": "ehco"}, {"number": "2", "app": "echo"}]
    system = make_system(calls=4, settings={"routes": routes})
    backends.start(system)
    for number, code in (("1", 480), ("3", 404)):
        peer = Peer(system)
        peer.send(peer.request("INVITE", body=peer.sdp(), number=number))
        peer.wait(code)
        peer.close()
    wait_for(lambda: len(lines_of(system, "call.refused")) == 2, 5)
    mistyped, unrouted = sorted(lines_of(system, "call.refused"), key=lambda line: "code=480" not in line)
    assert 'app=ehco' in mistyped and 'code=480 reason="no backend serves this app" hint="served now: echo"' in mistyped
    assert " warn " in mistyped and "sip:1@" in mistyped
    assert 'code=404 reason="no route to this number" hint="no row of routes' in unrouted


def test_a_list_of_calls_comes_in_pages(make_system):
    """H9"""
    system = make_system(calls=16)
    peers = [Peer(system) for _ in range(12)]
    big = "".join(f"X-Big-{i}: {'x' * 900}\r\n" for i in range(2))

    async def handle(call):
        await call.answer(rate=8000)
        await call.ended()

    async def scenario(server):
        for peer in peers:
            await in_thread(lambda peer=peer: peer.call(headers=big))
        rows = await server.list_calls()
        assert len({row.call_id for row in rows}) == len(rows) == 12
        assert sorted(row.sip_call_id for row in rows) == sorted(peer.call_id for peer in peers)
        assert [row.call_id for row in await server.list_calls(call_id=rows[5].call_id)] == [rows[5].call_id]
        assert await server.list_calls(app="other") == [] and await server.list_calls(call_id=1) == []
        shown = await in_thread(lambda: subprocess.run([BIN / "tipring", "calls"], env=system.env, capture_output=True, text=True))
        assert shown.returncode == 0 and len(shown.stdout.splitlines()) == 13
        with zmq.Context() as context:
            tool = dealer(context, system, b"tool")
            tool.send(command(1, list_calls=api_pb2.ListCalls()))
            page = envelope_pb2.Envelope.FromString(tool.recv())
            assert 0 < len(page.ack.calls) < 12 and page.ack.next != 0 and len(page.SerializeToString()) < 16384
            tool.send(command(2, list_calls=api_pb2.ListCalls(after=2**63)))
            assert envelope_pb2.Envelope.FromString(tool.recv()).ack.next == 0
            tool.close()
        for peer in peers:
            await in_thread(peer.bye)

    with_backend(system, handle, scenario, capacity=16)
    for peer in peers:
        peer.close()


def resident_mb(system, name):
    with open(f"/proc/{system.workers()[name]}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) / 1024


def test_a_client_can_not_make_control_grow(make_system, backends):
    """H9: it asks for lists and does not read, or sends what no command is as large as, as fast as it can."""
    system = make_system(calls=8)
    backends.start(system)
    peers = [Peer(system) for _ in range(4)]
    for peer in peers:
        peer.call(headers="".join(f"X-Big-{i}: {'x' * 900}\r\n" for i in range(5)))
    before = resident_mb(system, "control-0")
    with zmq.Context() as context:
        deaf, loud = dealer(context, system, b"deaf"), dealer(context, system, b"loud")
        loud.setsockopt(zmq.SNDTIMEO, 200)
        question, noise = command(1, list_calls=api_pb2.ListCalls()), command(1, reject=api_pb2.Reject(reason="x" * 250000))
        for i in range(12000):
            deaf.send(question)
            if i % 20 == 0:
                try:
                    loud.send(noise)
                except zmq.Again:
                    pass
        late = Peer(system)
        late.call()
        late.bye()
        late.close()
        assert resident_mb(system, "control-0") - before < 120
        deaf.close()
        loud.close()
    for peer in peers:
        peer.bye()
        peer.close()


@pytest.mark.parametrize("who", ["caller", "backend"])
def test_nothing_of_a_call_comes_after_its_end(make_system, who):
    """M8: a key is down and an utterance is open when it ends. The backend is told at once, and that CallEnded will follow."""
    system = make_system(calls=4)
    caller = Caller(system)
    told, seen, servers = [], [], []

    async def handle(call):
        server = servers[0]
        await call.answer(rate=8000)
        caller_ready.set()
        await asyncio.sleep(0.3)
        await call.say(b"\0\0" * 32000)
        await server._bus.command("mark", api_pb2.Mark(call_id=call.call_id, fence=call._fence, mark="far away", after_index=2**40))
        if who == "backend":
            await speaks.wait()
            await in_thread(down)
            await call.hangup()
        await call.ended()

    def down():
        before = system.metric("tipring_media_rtp_received_total")
        for duration in (160, 320, 480):
            caller.send_audio(b"\x05\x0a" + duration.to_bytes(2, "big"), 101, duration == 160, 0)
        wait_for(lambda: system.metric("tipring_media_rtp_received_total") >= before + 3, 5)

    async def scenario(server):
        servers.append(server)
        taken = server._take_lease_lost
        server._take_lease_lost = lambda body, envelope: (told.append(body.call_ends), taken(body, envelope))
        events = watch.socket(zmq.SUB)
        events.setsockopt(zmq.SUBSCRIBE, b"e1/")
        events.setsockopt(zmq.RCVTIMEO, 40000)
        events.connect(f"ipc://{system.run_dir}/events.ipc")
        await in_thread(events.recv_multipart)  # a heartbeat: the subscription is in force
        events.setsockopt(zmq.SUBSCRIBE, b"e1/call/")
        events.setsockopt(zmq.SUBSCRIBE, b"e1/media/")
        events.setsockopt(zmq.UNSUBSCRIBE, b"e1/")
        answer = await in_thread(caller.call)
        caller.start_media(answer)
        await caller_ready.wait()
        while "utterance_started" not in seen:
            frames = await in_thread(events.recv_multipart)
            seen.append(envelope_pb2.Envelope.FromString(frames[1]).WhichOneof("body"))
        speaks.set()
        if who == "caller":
            await asyncio.sleep(0.3)
            await in_thread(down)
            await in_thread(caller.bye)
        else:
            await in_thread(lambda: caller.wait_bye(5))
        while not seen or seen[-1] != "call_ended":
            frames = await in_thread(events.recv_multipart)
            seen.append(envelope_pb2.Envelope.FromString(frames[1]).WhichOneof("body"))
        events.setsockopt(zmq.RCVTIMEO, 300)
        with pytest.raises(zmq.Again):
            await in_thread(events.recv_multipart)
        events.close()

    caller_ready, speaks = asyncio.Event(), asyncio.Event()
    with zmq.Context() as watch:
        with_backend(system, handle, scenario)
    for body in ("dtmf_received", "mark_dropped", "utterance_finished"):
        assert body in seen, " ".join(seen)
    assert seen[-1] == "call_ended" and seen.count("call_ended") == 1
    if who == "caller":
        assert told == [True]
    caller.close()


def test_a_full_media_worker_is_not_the_end(make_system, backends):
    """H19: the pair of ports of a call that is just over rests, so one worker of two has no room though it has fewer calls than places."""
    system = make_system(calls=8, ports=8, settings={"rtp.workers": 2})
    backends.start(system)
    first = Peer(system)
    first.call()
    first.bye()
    wait_for(lambda: system.metric("tipring_calls") == 0, 5)
    peers = [Peer(system) for _ in range(3)]
    for peer in peers:
        peer.call()
    late = Peer(system)
    late.send(late.request("INVITE", body=late.sdp()))
    answer = late.wait(200, 503)
    if " 503 " in answer.split("\r\n")[0]:  # the pair still rests: then nobody has room
        assert "\r\nRetry-After: " in answer
    else:
        late.learn(answer)
        late.send(late.request("ACK", cseq=late.cseq))
        late.bye()
    for peer in peers:
        peer.bye()
    for peer in [first, late, *peers]:
        peer.close()


def test_short_calls_one_after_the_other(make_system, backends):
    """A session that is over has made room at once, and not with the next heartbeat of media."""
    system = make_system(calls=8)
    backends.start(system)
    for _ in range(40):
        peer = Peer(system)
        peer.call()
        peer.bye()
        peer.close()
    assert system.metric("tipring_calls_refused_total") == 0
