"""What a backend hears through a bad network, on the wire: numbered frames through a relay, echoed by a backend in C at 8 kHz."""

import asyncio
import os
import time

import numpy as np
import pytest

from frames import Relay, Tally, frame
from sound import ulaw_decode
from system import PATIENCE, wait_for
from test_backend import Caller, in_thread, with_backend
from test_sources import speak_until


def say(caller, first, count):
    """`count` numbered frames at their pace, on an absolute clock."""
    start = time.monotonic()
    for i in range(count):
        caller.send_audio(frame(first + i))
        time.sleep(max(0.0, start + 0.02 * (i + 1) - time.monotonic()))


def hear(system, ear, scenario, count, there=""):
    """What a backend with that ear gets of `count` frames that a caller says through a relay: octets of mu-law, and the frames' kinds."""
    got, kinds = bytearray(), []

    async def handle(call):
        await call.answer(rate=8000, ear=ear)
        async for piece in call.audio:
            got.extend(to_ulaw(piece.pcm))
            kinds.append((piece.pos, piece.kind))

    async def run(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        with Relay(os.environ["TIPRING_BIN"], caller.remote, there=there) as relay:
            caller.remote = relay.address  # another port than the SDP names: believed after half a second
            await in_thread(speak_until, [caller.send_audio], lambda: "ok" in [kind for _, kind in kinds])
            await in_thread(scenario, caller)
            end = time.monotonic() + 20 * PATIENCE
            while count - 1 not in Tally(count, bytes(got)).heard and time.monotonic() < end:
                await asyncio.sleep(0.1)
        await in_thread(caller.bye)

    with_backend(system, handle, run)
    return Tally(count, bytes(got)), kinds


def to_ulaw(pcm):
    table = {int(v): bytes([code]) for code, v in enumerate(ulaw_decode(bytes(range(256))))}
    return b"".join(table.get(int(v), b"\x00") for v in np.frombuffer(pcm, dtype="<i2"))


@pytest.mark.slow
def test_both_ears_hear_every_frame_once_and_in_order(make_system):
    """C300 C310: jitter that reorders, and duplicates; nothing is lost, so nothing is invented but while `playout` gets to know the network."""
    for ear in ("asr", "playout"):
        system = make_system(calls=4)
        tally, _ = hear(system, ear, lambda caller: say(caller, 0, 250), 250, "delay=10,reorder=2:25,duplicate=3,seed=5")
        assert tally.backwards == 0 and not tally.twice and not tally.strange, (ear, tally)
        assert len(tally.missing) <= 25, (ear, tally)  # those that come too late, and whose neighbours were stretched
        system.stop()


def test_positions_go_on_with_either_ear(make_system):
    """C340: no sample is missing between two frames, whatever is lost."""
    system = make_system(calls=4, settings={"rtp.ear": "playout"})
    _, kinds = hear(system, "", lambda caller: say(caller, 0, 200), 200, "loss=5:2,seed=9")
    assert all(b[0] - a[0] == 160 for a, b in zip(kinds, kinds[1:]))


def test_a_sender_that_numbers_anew_is_heard(make_system):
    """M19"""
    system = make_system(calls=4)

    def scenario(caller):
        say(caller, 0, 100)
        caller.seq -= 60
        say(caller, 100, 60)

    tally, _ = hear(system, "asr", scenario, 160)
    assert len(tally.missing) <= 2, tally


def test_our_own_packets_are_a_loop(make_system, backends):
    """M23"""
    system = make_system(calls=4)
    backends.start(system)
    caller = Caller(system)
    caller.start_media(caller.call())
    end, back = time.monotonic() + 20 * PATIENCE, 0
    while back < 30 and time.monotonic() < end:
        caller.send_audio(frame(back))
        caller.rtp.settimeout(0.02)
        try:
            caller.rtp.sendto(caller.rtp.recv(2048), caller.remote)
            back += 1
        except TimeoutError:
            pass
    wait_for(lambda: system.metric("tipring_media_rtp_looped_total") >= 29, 10)
    caller.bye()


def test_the_ear_outlives_media(make_system):
    """Killed in mid-sentence: frames go on at the pace of the clock."""
    system = make_system(calls=4)
    kinds, killed = [], {}

    async def handle(call):
        await call.answer(rate=8000, ear="playout")
        async for piece in call.audio:
            kinds.append((piece.pos, piece.kind))

    async def run(server):
        caller = Caller(system)
        caller.start_media(await in_thread(caller.call))
        await in_thread(say, caller, 0, 60)
        killed["old"] = system.kill("media-0")
        await in_thread(say, caller, 60, 120)
        await in_thread(wait_for, lambda: system.workers().get("media-0", killed["old"]) != killed["old"], 10)
        await in_thread(say, caller, 180, 60)
        await in_thread(caller.bye)

    with_backend(system, handle, run)
    assert all(b[0] > a[0] for a, b in zip(kinds, kinds[1:]))
    last = [kind for _, kind in kinds[-40:]]
    assert last.count("ok") >= 20, last


def test_an_ear_that_does_not_exist(make_system):
    """Said before anything is sent."""
    system = make_system(calls=4)
    said = {}

    async def handle(call):
        try:
            await call.answer(ear="both")
        except ValueError as e:
            said["why"] = str(e)
        await call.reject()

    async def run(server):
        caller = Caller(system)
        await in_thread(lambda: (caller.send(caller.request("INVITE", body=caller.sdp())), caller.wait(486)))

    with_backend(system, handle, run)
    assert "playout" in said["why"]
