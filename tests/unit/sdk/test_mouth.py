"""Levels, pauses and hang-ups that wait, on a simulated caller."""

import asyncio

import pytest
import tipring
from test_speaking import RATE, listen, loud, pcm_of, run


def kinds(call):
    return [event.kind for event in call.events()._waiting if event.kind.startswith("tx.")]


def test_a_hang_up_waits_until_everything_was_heard():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(1, 30 * RATE))
        hearing = asyncio.create_task(listen(call, 40 * 50))
        await call.hangup("enough", when="drained", limit=60)
        hearing.cancel()

    caller = run(handler)
    assert (caller.hung_up_by, caller.end_reason) == ("handler", "enough")
    assert loud(caller) == [[1, 30 * RATE]]


def test_a_hang_up_behind_a_mark():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(1, RATE))
        await call.mark("bye")
        await call.say(pcm_of(2, 60 * RATE))
        hearing = asyncio.create_task(listen(call, 100 * 50))
        await call.hangup(when="mark", mark="bye")
        hearing.cancel()

    caller = run(handler)
    assert loud(caller)[0] == [1, RATE]
    assert caller.hung_up_by == "handler" and sum(n for _, n in loud(caller)) < 30 * RATE


def test_a_flush_takes_a_hang_up_behind_a_mark_back():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(1, 20 * RATE))
        await call.mark("one")
        await call.mark("two")
        waiting = asyncio.create_task(call.hangup(when="mark", mark="two"))
        await listen(call, 5)
        flushed = await call.flush()
        assert flushed.marks == ("one", "two")
        with pytest.raises(tipring.CommandRefused):
            await waiting
        await call.say(pcm_of(2, 800))
        await listen(call, 20)

    assert loud(run(handler))[-1] == [2, 800]


def test_marks_that_did_not_reach_the_tape_are_dropped_in_order_too():
    async def handler(call):
        await call.answer(rate=RATE)
        for number in range(1, 4):
            await call.say(pcm_of(number, 15 * RATE))
            await call.mark(f"m{number}")
        await listen(call, 5)
        assert (await call.flush()).marks == ("m1", "m2", "m3")

    run(handler)


def test_a_mark_that_was_reached_already_is_good_enough():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(1, 800))
        reached = await call.mark("bye")
        await call.say(pcm_of(2, 60 * RATE))
        await listen(call, 20)
        assert reached.done()
        await call.hangup("enough", when="mark", mark="bye")

    assert run(handler).end_reason == "enough"


@pytest.mark.parametrize("wrong", [{"when": "later"}, {"when": "mark"}, {"when": "drained", "mark": "x"},
                                   {"when": "mark", "mark": "never set"}])
def test_a_hang_up_that_can_not_be_is_refused_here(wrong):
    async def handler(call):
        await call.answer(rate=RATE)
        with pytest.raises(ValueError):
            await call.hangup(**wrong)

    run(handler)


def test_levels_are_told_once_for_each_crossing():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.levels(high_ms=1000, low_ms=400, drained=True)
        await call.say(pcm_of(1, 2 * RATE))
        await listen(call, 120)
        assert kinds(call) == ["tx.high_water", "tx.low_water", "tx.drained"]
        with pytest.raises(tipring.CommandRefused):
            await call.levels(high_ms=400, low_ms=400)

    run(handler)


def test_drained_waits_for_what_is_said_meanwhile_too():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(1, 40 * RATE))
        hearing = asyncio.create_task(listen(call, 100 * 50))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(call.drained())
        await asyncio.sleep(0.01)
        await call.say(pcm_of(2, RATE))
        await waiting
        hearing.cancel()
        await call.hangup()

    assert loud(run(handler)) == [[1, 40 * RATE], [2, RATE]]


def test_drained_ends_with_a_flush_and_with_the_call():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(1, 40 * RATE))
        waiting = asyncio.create_task(call.drained())
        await listen(call, 5)
        assert (await call.flush()).marks == (), "those of drained() are nobody's"
        await listen(call, 5)
        await waiting
        await call.say(pcm_of(2, 40 * RATE))
        waiting = asyncio.create_task(call.drained())
        await asyncio.sleep(0)
        await call.hangup()
        with pytest.raises(tipring.CallEnded):
            await waiting

    run(handler)


def test_a_pause_leaves_out_no_sample():
    async def handler(call):
        await call.answer(rate=RATE)
        playback = await call.say(pcm_of(1, RATE))
        await listen(call, 10)
        await call.pause()
        await listen(call, 50)
        assert not playback._done.done()
        await call.resume()
        await listen(call, 60)
        assert (await playback.finished()).played_samples == RATE

    caller = run(handler)
    assert sum(n for _, n in loud(caller)) == RATE
    assert memoryview(bytes(caller.heard)).cast("h")[30 * 160] == 0
