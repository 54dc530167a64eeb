"""Hearing keys, on a simulated caller: iterators that survive a timeout, answers to questions, and timeouts on the call's clock."""

import asyncio
import time

import pytest
import tipring
from tipring import testing

RATE = 8000


def pcm_of(number, samples):
    return number.to_bytes(2, "little") * samples


def run(handler, **options):
    return asyncio.run(testing.Caller(**{"seconds": 30, "speed": 50, **options}).call(handler))


def loud(caller):
    """How many samples of each value were heard, silence excepted."""
    values = [v for v in memoryview(bytes(caller.heard)).cast("h") if v]
    return {v: values.count(v) for v in set(values)}


def test_an_iterator_over_keys_can_be_asked_again_after_a_timeout():
    """N2"""
    seen = []

    async def handler(call):
        await call.answer(rate=RATE)
        keys = call.digits()
        while True:
            try:
                seen.append((await asyncio.wait_for(anext(keys), 0.02)).digit)
            except TimeoutError:
                seen.append(None)
            except StopAsyncIteration:
                return

    run(handler, keys=[(5, "1"), (10, "2")], seconds=15)
    assert [key for key in seen if key] == ["1", "2"]
    assert seen[0] is None and None in seen[seen.index("1"):seen.index("2")], "timeouts came before, between and behind"


def test_keys_that_nobody_waited_for_are_kept():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.sleep(3)
        assert call.digits() is call.digits()
        assert [(await call.digit()).digit for _ in range(2)] == ["1", "2"]
        assert await call.digit(timeout=0.5) is None
        assert (await call.digit(timeout=30)).digit == "3"
        with pytest.raises(tipring.CallEnded):
            await call.digit()
        with pytest.raises(tipring.CallEnded):
            await call.digit(timeout=3600)
        assert [digit async for digit in call.digits()] == []

    run(handler, keys=[(1, "1"), (2, "2"), (6, "3")], seconds=8)


def test_timeouts_of_others_lose_nothing_either():
    async def handler(call):
        await call.answer(rate=RATE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call.digit(timeout=3600), 0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await call.collect(timeout=3600)
        assert (await call.digit()).digit == "1"

    run(handler, keys=[(10, "1")])


def test_a_key_that_comes_with_the_timeout_is_not_lost():
    got = []

    async def handler(call):
        await call.answer(rate=RATE)
        while len(got) < 20:
            if digit := await call.digit(timeout=0.02):
                got.append(digit.digit)

    run(handler, keys=[(0.1 * i, str(i % 10)) for i in range(20)])
    assert got == [str(i % 10) for i in range(20)]


def test_timeouts_run_on_the_clock_of_the_call():
    """N3"""
    took = {}

    async def handler(call):
        await call.answer(rate=RATE)
        start = time.monotonic()
        await call.sleep(30)
        assert await call.digit(timeout=30) is None
        assert (await call.collect(timeout=30)).end == "timeout"
        with pytest.raises(TimeoutError):
            async with call.timeout(30):
                await asyncio.sleep(3600)
        took["real"] = time.monotonic() - start
        took["call"] = call._clock.time()

    run(handler, seconds=200)
    assert 120 <= took["call"] <= 121
    assert took["real"] < 110, "far from 120, however slow this machine is"


def test_a_timeout_that_is_not_needed():
    async def handler(call):
        await call.answer(rate=RATE)
        async with call.timeout(2):
            await call.sleep(1)
        async with call.timeout(None):
            await call.sleep(3)
        with pytest.raises(KeyError):
            async with call.timeout(2):
                raise KeyError

    run(handler)


def test_the_clock_runs_before_the_answer_and_behind_the_end():
    async def handler(call):
        await call.sleep(1)
        await call.answer(rate=RATE)
        with pytest.raises(tipring.CallEnded):
            await call.sleep(3600)
        with pytest.raises(TimeoutError):
            async with call.timeout(1):
                await asyncio.sleep(3600)
        with pytest.raises(tipring.CallEnded):
            await call.sleep(1)

    run(handler, seconds=1)


@pytest.mark.parametrize("pressed, options, digits, end", [
    ("1234#", {}, "1234", "terminator"),
    ("1234*", {"terminators": "*#"}, "1234", "terminator"),
    ("12#34", {"terminators": "", "max": 5}, "12#34", "max"),
    ("12345", {"max": 4}, "1234", "max"),
    ("12", {"timeout": 3}, "12", "timeout"),
    ("", {"timeout": 3}, "", "timeout"),
    ("#", {}, "", "terminator"),
])
def test_collecting(pressed, options, digits, end):
    """N2"""
    async def handler(call):
        await call.answer(rate=RATE)
        collected.append(await call.collect(**options))

    collected = []
    run(handler, keys=[(1 + 0.5 * i, key) for i, key in enumerate(pressed)])
    assert collected == [tipring.Collected(digits, end)]


def test_the_first_key_interrupts_the_prompt_and_the_time_begins_behind_it():
    async def handler(call):
        await call.answer(rate=RATE)
        silent = await call.collect(pcm_of(1, 10 * RATE), timeout=2)
        assert silent == tipring.Collected("", "timeout") and call._clock.time() >= 12
        answer = await call.collect(pcm_of(2, 10 * RATE), max=2)
        assert answer == tipring.Collected("42", "max")
        assert (await call.flush()).utterances == {}, "nothing is left"

    heard = loud(run(handler, keys=[(15, "4"), (15.5, "2")]))
    assert heard[1] == 10 * RATE and 0 < heard[2] < 5 * RATE


def test_who_presses_ahead_does_not_hear_the_prompt():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.sleep(2)
        assert (await call.collect(pcm_of(1, 10 * RATE), max=1)).digits == "7"

    assert loud(run(handler, keys=[(1, "7")])) == {}


def test_without_barge_in_the_prompt_is_heard_whole():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.sleep(2)
        assert (await call.collect(pcm_of(1, 4 * RATE), max=1, barge_in=False)).digits == "9"

    assert loud(run(handler, keys=[(1, "7"), (4, "8"), (8, "9")])) == {1: 4 * RATE}


def test_a_prompt_from_a_file_and_from_a_stream(tmp_path):
    async def stream():
        yield pcm_of(2, RATE)

    async def broken():
        yield pcm_of(3, 80)
        raise OSError("no voice")

    async def handler(call):
        await call.answer(rate=RATE)
        with pytest.raises(FileNotFoundError):
            await call.collect(tmp_path / "missing.wav")
        assert (await call.collect(stream(), timeout=1)).end == "timeout"
        with pytest.raises(OSError, match="no voice"):
            await call.collect(broken())

    assert loud(run(handler)) == {2: RATE, 3: 80}


def test_a_call_that_ends_while_keys_are_collected():
    ended = []

    async def handler(call):
        await call.answer(rate=RATE)
        for prompt in (pcm_of(1, 60 * RATE), None):
            with pytest.raises(tipring.CallEnded):
                await call.collect(prompt, timeout=3600)
            ended.append(prompt)

    run(handler, keys=[(2.5, "1")], seconds=3)
    assert len(ended) == 2


@pytest.mark.parametrize("options", [{"max": 0}, {"terminators": "x"}, {"terminators": "##?"}])
def test_impossible_questions(options):
    async def handler(call):
        await call.answer(rate=RATE)
        with pytest.raises(ValueError, match="terminators"):
            await call.collect(**options)

    run(handler)


def test_readers_that_are_too_slow_lose_the_oldest():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.sleep(8)
        assert call.digits().dropped == 300 - 256
        assert (await call.digit()).digit == str(44 % 10)

    run(handler, keys=[(0.02 * i, str(i % 10)) for i in range(300)])


def test_what_happens_to_the_call_is_told():
    """M12, as the package hears it from below."""
    async def handler(call):
        await call.answer(rate=RATE)
        assert not call.stalled
        call._on_event(tipring.Event("media_stalled", 800))
        assert call.stalled
        assert await anext(call.events()) == tipring.Event("media_stalled", 800)
        call._on_event(tipring.Event("underrun", 900))
        assert call.stalled
        call._on_event(tipring.Event("media_resumed", 1000))
        assert not call.stalled
        assert [event.kind async for event in call.events()] == ["underrun", "media_resumed"]

    run(handler, seconds=1)
