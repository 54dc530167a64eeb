"""What the mouth promises on real calls: levels, pauses, a hang-up when something was heard, whoever dies meanwhile, and even packets."""

import asyncio

import pytest
import tipring

from system import wait_for
from test_backend import Caller, in_thread, with_backend
from test_sdk_python import RATE, hear_until, loud_samples, pcm_of


async def call_in(system):
    caller = Caller(system)
    caller.start_media(await in_thread(caller.call))
    return caller


async def hear_to_the_end(caller):
    """All packets until the BYE, and for a moment longer."""
    packets = []
    bye = asyncio.create_task(in_thread(caller.wait_bye, 60))
    while not bye.done():
        packets += await in_thread(caller.hear, 0.1)
    await bye
    return packets + await in_thread(caller.hear, 0.1)


async def replaced(system, name):
    old = system.kill(name)
    await in_thread(wait_for, lambda: system.workers().get(name, old) != old, 20)


@pytest.mark.parametrize("dies", [None, "media-0", "control-0"])
def test_a_hang_up_waits_until_everything_was_heard(make_system, dies):
    """Also when media or control is killed in the meantime, and when the backend asks for nothing more."""
    system = make_system(calls=4)
    ended = []

    async def handle(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(9000, 3 * RATE))
        await call.hangup("enough", when="drained")
        ended.append(await call.ended())

    async def scenario(server):
        caller = await call_in(system)
        packets = await in_thread(hear_until, caller, 2000)
        await asyncio.sleep(0.3)  # the hang-up is with media; should it not be yet, it is all the harder
        if dies is not None:
            await replaced(system, dies)
        packets += await hear_to_the_end(caller)
        await in_thread(wait_for, lambda: ended, 10)
        return packets

    packets = with_backend(system, handle, scenario)
    lost = 0 if dies != "media-0" else 40 * 160  # while it was away its ticks were left out
    assert 3 * RATE - lost - 100 <= loud_samples(packets) <= 3 * RATE


def test_a_hang_up_behind_a_mark_and_one_that_a_flush_takes_back(make_system):
    system = make_system(calls=4)
    seen = {}

    async def handle(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(9000, 20 * RATE))
        await call.mark("never")
        waiting = asyncio.create_task(call.hangup(when="mark", mark="never"))
        await asyncio.sleep(0.2)
        with pytest.raises(tipring.CommandRefused, match="waits already"):
            await call.hangup(when="drained")
        seen["flushed"] = await call.flush()
        with pytest.raises(tipring.CommandRefused):
            await waiting
        await call.say(pcm_of(9000, 800))
        await call.mark("bye")
        await call.say(pcm_of(9000, 20 * RATE))
        await call.hangup("behind the mark", when="mark", mark="bye")
        seen["ended"] = await call.ended()

    async def scenario(server):
        caller = await call_in(system)
        await hear_to_the_end(caller)
        await in_thread(wait_for, lambda: "ended" in seen, 10)

    with_backend(system, handle, scenario)
    assert seen["flushed"].marks == ("never",)
    assert "behind the mark" in seen["ended"]


def test_a_hang_up_that_waits_has_a_limit(make_system):
    """What is paused is never drained."""
    system = make_system(calls=4)
    ended = []

    async def handle(call):
        await call.answer(rate=RATE)
        await call.pause()
        await call.say(pcm_of(9000, RATE))
        await call.hangup(when="drained", limit=0.5)
        ended.append(await call.ended())

    async def scenario(server):
        packets = await hear_to_the_end(await call_in(system))
        await in_thread(wait_for, lambda: ended, 10)
        return packets

    assert loud_samples(with_backend(system, handle, scenario)) <= 160, "of what was said before the pause came"


@pytest.mark.parametrize("dies", [None, "media-0"])
def test_what_is_paused_stays_and_goes_on(make_system, dies):
    system = make_system(calls=4)
    seen, quiet = {}, asyncio.Event()

    async def handle(call):
        await call.answer(rate=RATE)
        playback = await call.say(pcm_of(9000, 2 * RATE))
        await asyncio.sleep(0.5)
        await call.pause()
        await quiet.wait()
        seen["done"] = playback._done.done()
        await call.resume()
        seen["heard"] = await playback.finished()
        await call.drained()
        await call.hangup()

    async def scenario(server):
        caller = await call_in(system)
        packets = await in_thread(hear_until, caller, 800)
        rest = await in_thread(caller.hear, 1)
        if dies is not None:
            await replaced(system, dies)
        silent = await in_thread(caller.hear, 1)
        quiet.set()
        return packets + rest, silent, await hear_to_the_end(caller)

    before, silent, after = with_backend(system, handle, scenario)
    assert silent and loud_samples(silent) == 0 and not seen["done"]
    assert seen["heard"].played_samples == 2 * RATE
    assert 2 * RATE - 400 <= loud_samples(before) + loud_samples(after) <= 2 * RATE, "all but what the fades made silent"


def test_levels_are_told(make_system):
    system = make_system(calls=4)
    told = []

    async def handle(call):
        await call.answer(rate=RATE)
        await call.levels(high_ms=1000, low_ms=400, drained=True)
        await call.say(pcm_of(9000, 2 * RATE))
        async for event in call.events():
            if event.kind.startswith("tx."):
                told.append(event)
            if event.kind == "tx.drained":
                break
        with pytest.raises(tipring.CommandRefused):
            await call.levels(high_ms=400, low_ms=400)
        await call.hangup()

    async def scenario(server):
        return await hear_to_the_end(await call_in(system))

    packets = with_backend(system, handle, scenario)
    assert [event.kind for event in told] == ["tx.high_water", "tx.low_water", "tx.drained"]
    high, low, drained = told
    assert high.queued_ms >= 1000 and 380 <= low.queued_ms <= 400 and drained.queued_ms == 0
    assert high.pos < low.pos < drained.pos
    assert loud_samples(packets) == 2 * RATE
