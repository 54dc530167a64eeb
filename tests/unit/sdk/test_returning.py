"""What is queued when a handler returns is heard (N1), on a simulated caller."""

import asyncio
import wave

import pytest
from tipring import testing
from tipring import call as call_module

RATE = 8000


def pcm_of(number, samples):
    return number.to_bytes(2, "little") * samples


def run(handler, **options):
    return asyncio.run(testing.Caller(**options).call(handler))


def count(caller, number):
    return list(memoryview(bytes(caller.heard)).cast("h")).count(number)


def test_a_greeting_is_heard_though_the_handler_has_returned(tmp_path):
    with wave.open(str(tmp_path / "greeting.wav"), "wb") as f:
        f.setnchannels(1), f.setsampwidth(2), f.setframerate(RATE)
        f.writeframes(pcm_of(7, 5 * RATE))

    async def handler(call):
        await call.answer(rate=RATE)
        await call.play(tmp_path / "greeting.wav")

    caller = run(handler, seconds=1)
    assert count(caller, 7) == 5 * RATE
    assert not any(bytes(caller.heard)[-2 * RATE // 10:]), "and a moment longer: it has to reach the caller's ear"
    assert caller.hung_up_by == "handler"


def test_hanging_up_is_at_once():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(7, 60 * RATE))
        await call.hangup("enough")

    caller = run(handler)
    assert count(caller, 7) < RATE and caller.end_reason == "enough"


def test_a_handler_that_raises_hangs_up_at_once():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(7, 60 * RATE))
        raise KeyError("a bug")

    caller = testing.Caller()
    with pytest.raises(KeyError):
        asyncio.run(caller.call(handler))
    assert count(caller, 7) < RATE


def test_everything_of_every_kind():
    """More than the tape holds, an utterance that was never closed, a rest that fills no slot, and a stream that goes on."""
    async def stream():
        for _ in range(10):
            yield pcm_of(2, 100)
            await asyncio.sleep(0.001)

    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(1, 30 * RATE))
        await call.say(stream())
        await call.write(pcm_of(3, 1000 + 40))

    caller = run(handler, speed=50, seconds=60)
    assert (count(caller, 1), count(caller, 2), count(caller, 3)) == (30 * RATE, 1000, 1040)


def test_the_caller_may_hang_up_meanwhile():
    async def endless():
        while True:
            yield pcm_of(1, 160)
            await asyncio.sleep(0)

    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(endless())

    caller = run(handler, speed=50, seconds=2)
    assert caller.hung_up_by == "caller" and 0 < count(caller, 1) <= 2 * RATE


def test_nothing_was_said():
    async def silent(call):
        await call.answer(rate=RATE)

    async def never(call):
        await call.ring()

    for handler in (silent, never):
        assert run(handler).hung_up_by == "handler"


def test_what_does_not_move_is_not_waited_for_for_ever(caplog, monkeypatch):
    """A stream that never says a word, or a caller who put us on hold."""
    monkeypatch.setattr(call_module, "STUCK_SECONDS", 0.1)

    async def stuck():
        yield pcm_of(1, 800)
        await asyncio.sleep(3600)

    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(stuck())

    caller = run(handler, seconds=3600)
    assert caller.hung_up_by == "handler" and count(caller, 1) == 800 - 1, "the last sample may be the end of the utterance"
    assert "does not hear the rest" in caplog.text


def test_the_mark_behind_it_may_fail():
    """Control was replaced: the tape tells how far it is."""
    failed = []

    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(1, 3 * RATE))
        mark = call._transport.mark

        async def replaced(asked, name, after_index):
            if not failed:
                failed.append(name)
                raise call_module.Disconnected("gone")
            await mark(asked, name, after_index)

        call._transport.mark = replaced

    assert count(run(handler), 1) == 3 * RATE and failed
