"""What happens to a backend, and what it does to others, when something goes wrong."""

import asyncio
import contextlib
import time

import tipring

from sip_peer import Peer
from system import wait_for
from test_backend import Caller, in_thread, is_serving, is_silent, tone, with_backend

RATE = 8000


async def quietly(sending: Caller, seconds):
    """Speech from the caller meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sending.send_audio(b"\x90" * 160)
        await asyncio.sleep(0.02)


def test_a_flush_of_more_than_the_tape_holds(make_system):
    system = make_system(calls=4)
    result = {}

    async def handle(call):
        await call.answer(rate=RATE)
        playback = await call.say(tone(60))
        await asyncio.sleep(0.5)
        result["flushed"] = await call.flush()
        result["finished"] = await playback.finished()
        await asyncio.sleep(0.7)
        result["over"] = True
        await call.hangup()

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        return await in_thread(caller.hear_while, lambda: "over" not in result)

    packets = with_backend(system, handle, scenario)
    heard = result["flushed"].utterances[1]
    loud = [p for p in packets if not is_silent(p[3])]
    assert result["finished"] == heard
    assert heard.played_samples + heard.discarded_samples == 60 * RATE
    assert abs(heard.played_samples - 160 * len(loud)) <= 160
    assert len(packets) > len(loud) + 20, "silence went on"


def test_media_is_killed_and_the_backend_goes_on_on_the_same_tape(make_system):
    system = make_system(calls=4)
    frames, result = [], {}

    async def handle(call):
        await call.answer(rate=RATE)
        playback = await call.say(tone(3))
        async for frame in call.audio:
            frames.append((frame.pos, frame.kind, time.monotonic_ns() - frame.mono_ns))
        result["lost"] = call.frames_lost
        result["heard"] = await playback.finished()

    async def scenario(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        await quietly(caller, 1)
        system.kill("media-0")
        await quietly(caller, 1)
        before = len(frames)
        await quietly(caller, 1.5)
        ages = sorted(age for _, _, age in frames[before:])
        await in_thread(caller.bye)
        await asyncio.sleep(0.2)
        return ages

    ages = with_backend(system, handle, scenario)
    positions = [pos for pos, _, _ in frames]
    assert positions == [positions[0] + 160 * i for i in range(len(positions))], "one clock, every sample in its place"
    assert result["lost"] == 0 and result["heard"].utterance == 1
    assert len(ages) > 50 and ages[len(ages) // 4] < 10_000_000, "the doorbell rings again: frames do not wait to be polled"


def test_control_is_killed_while_a_caller_hangs_up(make_system):
    system = make_system(calls=4)
    ended, finished = [], []

    async def handle(call):
        await call.answer(rate=RATE)
        playback = await call.say(tone(1))
        mark = await call.mark("after")
        if call.headers.get("X-Stays"):
            finished.append(await playback.finished())
            try:
                finished.append(await mark)
            except tipring.Disconnected as why:
                finished.append(why)
            finished.append(await call.flush())
            await call.hangup("enough")
        ended.append(await call.ended())

    async def scenario(server):
        leaves, stays = Peer(system), Peer(system)
        await in_thread(leaves.call)
        await in_thread(lambda: stays.call(headers="X-Stays: yes\r\n"))
        system.kill("control-0")
        await in_thread(leaves.bye)
        await in_thread(wait_for, lambda: len(ended) == 2, 10)
        assert not server.calls

    with_backend(system, handle, scenario)
    assert len(finished) == 3 and finished[0].played_samples == RATE
    assert "enough" in ended


def test_a_blocked_event_loop_costs_its_calls_and_no_more(make_system):
    system = make_system(calls=4)
    ended = []

    async def handle(call):
        with contextlib.suppress(tipring.CallEnded):  # the second caller may be gone before the audio is there
            await call.answer(rate=RATE)
        if not ended:
            time.sleep(4.5)
        ended.append(await call.ended())

    async def scenario(server):
        first, second = Peer(system), Peer(system)
        await in_thread(first.call)
        await in_thread(wait_for, lambda: ended, 10)
        await asyncio.sleep(1.5)
        await in_thread(second.call)
        await in_thread(second.bye)
        await in_thread(wait_for, lambda: len(ended) == 2, 5)

    with_backend(system, handle, scenario)
    assert ended[0] in ("not heard of", "backend lost"), "whichever of the two sockets is read first"


def test_a_handler_that_raises_hangs_up(make_system, caplog):
    system = make_system(calls=4)

    async def handle(call):
        await call.answer(rate=RATE)
        raise ZeroDivisionError("a bug in the bot")

    async def scenario(server):
        peer = Peer(system)
        await in_thread(peer.call)
        message = await in_thread(peer.receive, 12)
        assert message.startswith("BYE ")

    with_backend(system, handle, scenario)
    assert "ZeroDivisionError" in caplog.text


def test_leaving_hangs_up_at_once_and_takes_no_more_offers(make_system):
    system = make_system(calls=4)
    peer, late, took = Peer(system), Peer(system), []

    async def handle(call):
        await call.answer(rate=RATE)
        await call.ended()

    async def main():
        async with tipring.connect(str(system.run_dir)) as server:
            server.app("echo")(handle)
            running = asyncio.create_task(server.run())
            await is_serving(server)
            await in_thread(peer.call)
            server.stop()
            await running
            took.append(time.monotonic())
        took.append(time.monotonic())

    asyncio.run(main())
    assert took[1] - took[0] < 4, "five seconds for a call nobody hangs up"
    assert peer.receive(10).startswith("BYE ")
    late.send(late.request("INVITE", body=late.sdp()))
    late.wait(480)


def test_answering_beside_the_end_of_the_call(make_system):
    """CANCEL, BYE and answer() at once, many times: the handler always ends, with CallEnded or without."""
    system = make_system(calls=40)
    ends = []

    async def handle(call):
        try:
            await call.answer(rate=RATE)
            async for _ in call.audio:
                pass
        except tipring.CallEnded:
            pass
        ends.append(call)

    async def scenario(server):
        peers = [Peer(system) for _ in range(30)]
        for number, peer in enumerate(peers):
            peer.send(peer.request("INVITE", body=peer.sdp()))
            await asyncio.sleep(0.001 * (number % 5))
            peer.send(peer.request("CANCEL", cseq=1, branch=peer.branch))
        for peer in peers:
            answer = await in_thread(peer.wait, 200, 487)
            final = answer if "INVITE" in answer.split("CSeq:")[1].split("\r\n")[0] else await in_thread(peer.wait, 200, 487)
            peer.learn(final) if final.startswith("SIP/2.0 200") else None
            peer.send(peer.request("ACK", cseq=1, branch=peer.branch))
            if final.startswith("SIP/2.0 200"):
                await in_thread(peer.bye)
        await in_thread(wait_for, lambda: not server.calls, 8)

    with_backend(system, handle, scenario, capacity=40)
    wait_for(lambda: system.metric("tipring_calls") == 0, 3)
