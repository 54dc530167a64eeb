"""tipring.testing: handlers without telephony."""

import asyncio
import math
import struct
import wave

import pytest
import tipring
from tipring import testing


def tone(samples, rate=8000):
    return b"".join(struct.pack("<h", int(9000 * math.sin(2 * math.pi * 300 * i / rate))) for i in range(samples))


def run(handler, **options):
    return asyncio.run(testing.Caller(**options).call(handler))


def test_an_echo_hears_and_says_everything():
    async def handler(call):
        await call.answer(rate=8000)
        async for frame in call.audio:
            await call.write(frame.pcm)

    pcm = tone(8000)
    caller = run(handler, pcm=pcm)
    assert caller.answered and caller.hung_up_by == "caller"
    assert pcm in bytes(caller.heard)


def test_a_wav_file_is_the_caller(tmp_path):
    path = tmp_path / "q.wav"
    with wave.open(str(path), "wb") as f:
        f.setnchannels(1), f.setsampwidth(2), f.setframerate(16000)
        f.writeframes(tone(16000, 16000))
    frames = []

    async def handler(call):
        await call.answer(rate=16000)
        async for frame in call.audio:
            frames.append(frame)

    run(handler, wav=path, seconds=0.5)
    assert len(frames) == 75
    assert [f.pos for f in frames] == [320 * i for i in range(75)]
    assert frames[0].rms > 1000 and frames[-1].kind == "silence"


def test_flush_is_exact():
    seen = {}

    async def handler(call):
        await call.answer(rate=8000)
        playback = await call.say(tone(8000 * 5))
        count = 0
        async for _ in call.audio:
            count += 1
            if count == 10:
                seen["flushed"] = await call.flush()
                seen["finished"] = await playback.finished()

    caller = run(handler, seconds=1)
    heard = seen["flushed"].utterances[1]
    assert heard.played_samples + heard.discarded_samples == 8000 * 5
    assert heard == seen["finished"]
    assert any(caller.heard[: 2 * heard.played_samples]) and not any(caller.heard[2 * heard.played_samples:])


def test_keys_marks_and_hanging_up():
    digits = []

    async def handler(call):
        await call.answer(rate=8000)
        await call.say(tone(1600))
        mark = await call.mark("said")
        assert await mark >= 1600
        async for digit in call.digits():
            digits.append(digit.digit)
            if digit.digit == "#":
                await call.hangup("enough")

    caller = run(handler, keys=[(0.5, "1"), (0.7, "#")], seconds=3)
    assert digits == ["1", "#"]
    assert caller.hung_up_by == "handler" and caller.end_reason == "enough"


def test_a_refused_call():
    async def handler(call):
        await call.reject(603, "no")

    caller = run(handler)
    assert caller.rejected == 603 and not caller.answered


def test_a_redirected_call():
    async def handler(call):
        for wrong in ((), 9 * ("sip:a@example.org",)):
            with pytest.raises(tipring.CommandRefused):
                await call.redirect(*wrong)
        with pytest.raises(tipring.CommandRefused):
            await call.redirect("sip:a@example.org", code=486)
        with pytest.raises(ValueError):
            await call.redirect(("sip:a@example.org", 2))
        await call.redirect("sip:a@example.org", ("sip:b@example.org", 0.5))

    caller = run(handler)
    assert caller.rejected == 302 and caller.redirected == ["sip:a@example.org", "sip:b@example.org"] and not caller.answered


def test_exceptions_of_a_handler_come_through():
    async def handler(call):
        await call.answer(rate=8000)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(handler)


def test_saying_something_after_the_end():
    async def handler(call):
        await call.answer(rate=8000)
        await call.ended()
        with pytest.raises(tipring.CallEnded):
            await call.say(tone(100))

    run(handler, seconds=0.1)


@pytest.mark.parametrize("rate, frame_ms", [(44100, 20), (8000, 30)])
def test_impossible_rates(rate, frame_ms):
    async def handler(call):
        await call.answer(rate=rate, frame_ms=frame_ms)

    with pytest.raises(tipring.CommandRefused):
        run(handler)


def test_play_takes_any_rate(tmp_path):
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as f:
        f.setnchannels(1), f.setsampwidth(2), f.setframerate(44100)
        f.writeframes(b"\1\2" * 44100)

    async def handler(call):
        await call.answer(rate=8000)
        assert (await (await call.play(path)).finished()).played_ms == 1000

    run(handler)


@pytest.mark.parametrize("ear", ["", "asr", "playout"])
def test_ears(ear):
    async def handler(call):
        await call.answer(ear=ear)

    assert run(handler, seconds=0.1).answered


def test_an_ear_that_does_not_exist():
    async def handler(call):
        with pytest.raises(ValueError, match="playout"):
            await call.answer(ear="both")

    run(handler, seconds=0.1)
