"""Early media and header lines of a call that comes in, with a simulated caller and a simulated control."""

import asyncio

import pytest
import tipring
from tipring import testing


def run(handle, **options):
    return asyncio.run(testing.Caller(speed=50, seconds=5, **options).call(handle))


def test_the_same_audio_before_and_behind_the_answer():
    async def handle(call):
        with pytest.raises(RuntimeError, match="early_media"):
            await call.say(b"")
        await call.ring()
        await call.ring(early_media=True, rate=8000, headers={"X-Early": "1"})
        assert call.rate == 8000
        tape = call._tape
        first = await (await call.say(b"\1\0" * 800)).finished()
        await call.ring(180)
        await call.answer(headers={"X-Answered": "1"})
        assert call.rate == 8000 and call._tape is tape
        second = await (await call.say(b"\1\0" * 800)).finished()
        assert (first.utterance, second.utterance, second.played_samples) == (1, 2, 800)
        with pytest.raises(RuntimeError, match="once"):
            await call.answer()
        await call.hangup("done", {"X-Why": "done"})

    caller = run(handle)
    assert caller.answered and caller.end_reason == "done"


def test_refused_behind_early_media():
    async def handle(call):
        await call.ring(early_media=True)
        assert call.rate == 16000
        await call.reject(486, headers={"X-Why": "busy"})

    caller = run(handle)
    assert caller.rejected == 486 and not caller.answered
