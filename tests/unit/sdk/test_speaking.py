"""Speaking: any length, in order, streams, flush and marks with what has not reached the tape, on a simulated caller."""

import asyncio
import random

import pytest
import tipring
from tipring import speech, testing

RATE = 8000
MS = RATE // 1000


def pcm_of(number, samples):
    return number.to_bytes(2, "little") * samples


def run(handler, **options):
    return asyncio.run(testing.Caller(**{"seconds": 120, **options}).call(handler))


def loud(caller):
    """What was heard without the silence, as [sample value, count] runs."""
    runs = []
    for value in memoryview(bytes(caller.heard)).cast("h"):
        if value and runs and runs[-1][0] == value:
            runs[-1][1] += 1
        elif value:
            runs.append([value, 1])
    return runs


async def listen(call, frames):
    async for _ in call.audio:
        frames -= 1
        if frames == 0:
            return


def test_saying_more_than_the_tape_holds_returns_at_once_and_is_played_whole():
    async def handler(call):
        await call.answer(rate=RATE)
        playback = await call.say(pcm_of(1, 60 * RATE))
        await listen(call, 10)
        assert not playback._done.done()
        await listen(call, 60 * 50)
        heard = await playback.finished()
        assert (heard.played_ms, heard.discarded_samples) == (60_000, 0)

    assert loud(run(handler)) == [[1, 60 * RATE]]


def test_flush_silences_what_has_not_reached_the_tape_too():
    async def handler(call):
        await call.answer(rate=RATE)
        playbacks = [await call.say(pcm_of(n, 60 * RATE)) for n in (1, 2)]
        await listen(call, 50)
        flushed = await call.flush()
        assert list(flushed.utterances) == [1, 2]
        for number, playback in enumerate(playbacks, 1):
            heard = await playback.finished()
            assert heard == flushed.utterances[number]
            assert heard.played_samples + heard.discarded_samples == 60 * RATE
        assert 900 <= flushed.played_ms <= 1020, "of the one that was being spoken"
        assert flushed.utterances[2].played_ms == 0
        await listen(call, 50)

    caller = run(handler)
    assert [value for value, _ in loud(caller)] == [1]
    assert loud(caller)[0][1] <= 51 * 160


def test_what_is_said_during_a_flush_is_not_flushed():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(1, RATE))
        await listen(call, 5)
        flushing = asyncio.create_task(call.flush())
        await asyncio.sleep(0)
        after = await call.say(pcm_of(2, 800))
        await flushing
        assert (await after.finished()).played_samples == 800

    assert loud(run(handler))[-1] == [2, 800]


def test_two_flushes_at_once():
    async def handler(call):
        await call.answer(rate=RATE)
        playbacks = [await call.say(pcm_of(1, 60 * RATE))]
        await listen(call, 5)
        first = asyncio.create_task(call.flush())
        await asyncio.sleep(0)
        playbacks.append(await call.say(pcm_of(2, 60 * RATE)))
        second = asyncio.create_task(call.flush())
        await asyncio.sleep(0)
        playbacks.append(await call.say(pcm_of(3, 800)))
        assert list((await first).utterances) == [1] and list((await second).utterances) == [2]
        assert [(await p.finished()).discarded_samples > 0 for p in playbacks] == [True, True, False]

    assert loud(run(handler))[-1] == [3, 800]


def test_a_cancelled_flush_has_flushed():
    async def handler(call):
        await call.answer(rate=RATE)
        playback = await call.say(pcm_of(1, 60 * RATE))
        await listen(call, 5)
        slow = asyncio.Event()
        flush = call._transport.flush

        async def later(*arguments):
            await slow.wait()
            return await flush(*arguments)

        call._transport.flush = later
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call.flush(), 0.05)
        slow.set()
        heard = await asyncio.wait_for(playback.finished(), 30)
        assert heard.played_samples + heard.discarded_samples == 60 * RATE

    run(handler)


def test_a_flush_that_is_refused_leaves_nobody_waiting():
    async def handler(call):
        await call.answer(rate=RATE)
        playback = await call.say(pcm_of(1, 60 * RATE))

        async def refuse(*_):
            raise tipring.CommandRefused("CONFLICT", "no")

        call._transport.flush = refuse
        for wait in (call.flush(), playback.finished()):
            with pytest.raises(tipring.CommandRefused):
                await asyncio.wait_for(wait, 30)

    run(handler)


def test_utterances_keep_their_order_whoever_says_them():
    async def pieces(value):
        for _ in range(10):
            yield pcm_of(value, 500)
            await asyncio.sleep(0)

    async def handler(call):
        await call.answer(rate=RATE)
        await call.write(pcm_of(1, 3000))
        playbacks = [await call.say(pieces(2)), await call.say(pcm_of(3, 5001)), await call.say(pieces(4))]
        await call.write(pcm_of(5, 480))
        assert [(await p.finished()).played_samples for p in playbacks] == [5000, 5001, 5000]
        await (await call.mark("all"))

    assert loud(run(handler)) == [[1, 3000], [2, 5000], [3, 5001], [4, 5000], [5, 480]]


def test_a_stream_of_odd_pieces_is_exact():
    whole = bytes(range(1, 255)) * 40

    async def pieces():
        for at in range(0, len(whole), 7):
            yield whole[at:at + 7]

    async def handler(call):
        await call.answer(rate=RATE)
        heard = await (await call.say(pieces())).finished()
        assert heard.played_samples == len(whole) // 2

    assert whole in bytes(run(handler).heard)


def test_a_stream_is_closed_by_a_flush():
    closed = []

    async def endless():
        try:
            while True:
                yield pcm_of(1, RATE)
        finally:
            closed.append(True)

    async def handler(call):
        await call.answer(rate=RATE)
        playback = await call.say(endless())
        await listen(call, 25)
        await call.flush()
        assert (await playback.finished()).played_samples == 25 * 160
        await asyncio.sleep(0.01)
        assert closed == [True]

    assert loud(run(handler)) == [[1, 25 * 160]]


def test_a_stream_that_fails_and_one_that_is_empty():
    async def broken():
        yield pcm_of(1, 160)
        raise OSError("the voice is gone")

    async def empty():
        return
        yield b""

    async def handler(call):
        await call.answer(rate=RATE)
        with pytest.raises(OSError, match="voice"):
            await (await call.say(broken())).finished()
        assert (await (await call.say(empty())).finished()).played_samples == 0
        assert (await (await call.say(b"")).finished()).played_samples == 0
        assert (await (await call.say(pcm_of(2, 160))).finished()).played_samples == 160

    assert loud(run(handler)) == [[1, 160], [2, 160]]


def test_more_utterances_than_media_keeps_account_of():
    async def handler(call):
        await call.answer(rate=RATE)
        playbacks = [await call.say(pcm_of(n, 80)) for n in range(1, 301)]
        marks = [await call.mark(f"mark {n}") for n in range(100)]
        assert all([(await p.finished()).played_samples == 80 for p in playbacks])
        assert all([await mark is not None for mark in marks])

    caller = run(handler)
    assert loud(caller) == [[n, 80] for n in range(1, 301)]
    assert speech.UTTERANCES_AHEAD < 64 and speech.MARKS_AHEAD < 64


def test_marks_count_what_waits_and_are_dropped_with_it():
    async def handler(call):
        await call.answer(rate=RATE)
        await call.say(pcm_of(1, 30 * RATE))
        late = await call.mark("late")
        with pytest.raises(ValueError, match="pending"):
            await call.mark("late")
        await listen(call, 29 * 50)
        assert not late.done()
        await listen(call, 52)
        assert 30 * RATE <= await late <= 30 * RATE + 320
        await call.say(pcm_of(2, 30 * RATE))
        dropped = await call.mark("late")
        await call.flush()
        assert await dropped is None
        for name in ("", "x" * 64):
            with pytest.raises(ValueError, match="63"):
                await call.mark(name)

    run(handler)


def test_writing_waits_for_room_and_a_flush_lets_it_go():
    async def handler(call):
        await call.answer(rate=RATE)
        writing = asyncio.create_task(call.write(pcm_of(1, 30 * RATE)))
        await listen(call, 10)
        assert not writing.done()
        await call.flush()
        await writing
        await call.write(pcm_of(2, 160))
        await listen(call, 3)

    assert loud(run(handler))[-1] == [2, 160]


@pytest.mark.parametrize("live_ms, least, most", [(0, 10, 150), (40, 0, 9)])
def test_a_backlog_need_not_become_delay(live_ms, least, most):
    """The handler stalls; what it relays is late for ever, or not."""
    ahead = []

    async def handler(call):
        await call.answer(rate=RATE)
        async for frame in call.audio:
            if frame.pos == 160 * 10:
                await asyncio.sleep(0.4)
            await call.write(frame.pcm, live_ms=live_ms)
            ahead.append(call._tape.written() - call._tape.played())

    run(handler, pcm=pcm_of(1, 4 * RATE), seconds=0.1)
    assert least <= max(ahead[-30:]) <= most


def test_the_end_of_the_call_wakes_everybody():
    async def forever():
        while True:
            await asyncio.sleep(3600)
            yield b""

    async def handler(call):
        await call.answer(rate=RATE)
        tasks = [asyncio.create_task(work) for work in (
            (await call.say(pcm_of(1, 60 * RATE))).finished(), (await call.say(forever())).finished(), call.write(pcm_of(2, 800)))]
        mark = await call.mark("m")
        async for _ in call.audio:
            pass
        async for _ in call.audio:
            raise AssertionError("the audio is over for every reader")
        for task in tasks:
            with pytest.raises(tipring.CallEnded):
                await asyncio.wait_for(task, 30)
        assert await mark is None
        for _ in range(2):
            assert [digit async for digit in call.digits()] == []
        for late in (call.flush(), call.mark("n"), call.say(b""), call.write(b""), call.answer(), call.ring(), call.reject()):
            with pytest.raises(tipring.CallEnded):
                await late
        await call.hangup()
        assert await call.ended() == "hung up"

    run(handler, seconds=0.2)


def test_misuse_says_what_is_wrong(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")

    async def handler(call):
        for early in (call.say(b""), call.write(b""), call.flush(), call.mark("m"), call.play("x.wav")):
            with pytest.raises(RuntimeError, match=r"answer\(\) the call first"):
                await early
        await call.answer(rate=RATE)
        with pytest.raises(RuntimeError, match="answered once"):
            await call.answer(rate=RATE)
        with pytest.raises(ValueError, match="whole number of samples"):
            await call.write(b"\0\0\0")
        with pytest.raises(TypeError):
            await call.say("hello")
        with pytest.raises(FileNotFoundError):
            await call.play(tmp_path / "missing.wav")
        with pytest.raises(ValueError, match="not a WAV file"):
            await call.play(tmp_path / "text.wav")
        assert (await call.flush()).utterances == {}, "nothing was playing"

    run(handler)


def test_slow_handlers_live_in_real_time():
    seen = []

    async def handler(call):
        await call.answer(rate=RATE)
        async for frame in call.audio:
            seen.append(frame.pos)
            if frame.pos == 160 * 5:
                await asyncio.sleep(0.2)
                assert 5 <= len(call.audio._waiting) <= 19, "the caller went on meanwhile"

    run(handler, seconds=0.5)
    assert seen == [160 * i for i in range(25)]


def test_a_writer_learns_that_it_was_interrupted_where_it_waits():
    """M10"""
    async def handler(call):
        await call.answer(rate=RATE)
        writing = asyncio.create_task(call.write(pcm_of(1, 30 * RATE)))
        await listen(call, 10)
        await call.flush()
        assert await writing is False

    run(handler)


def test_a_writer_that_writes_on_learns_it_once():
    """M10: its piece does not go out over the flush."""
    results = []

    async def speak(call):
        while len(results) < 40 and False not in results[:-3]:
            results.append(await call.write(pcm_of(1, 160)))
            await call.sleep(0.02)

    async def handler(call):
        await call.answer(rate=RATE)
        speaking = asyncio.create_task(speak(call))
        while len(results) < 5:
            await call.sleep(0.02)
        before = len(results)
        await call.flush()
        await speaking
        assert results.count(False) == 1 and results.index(False) == before
        assert all(results[before + 1:]), "what follows is new speech"

    run(handler, speed=20)


def test_who_flushes_knows_it():
    """M10: also by way of a task that was made for it."""
    async def handler(call):
        await call.answer(rate=RATE)
        for flush in (call.flush, lambda: asyncio.wait_for(call.flush(), 30)):
            assert await call.write(pcm_of(1, 160)) is True
            await flush()
            assert await call.write(pcm_of(2, 160)) is True

    run(handler)


def test_speech_of_others_does_not_interrupt_a_writer_to_come():
    async def handler(call):
        await call.answer(rate=RATE)
        assert await call.write(pcm_of(1, 160))
        await call.say(pcm_of(2, 30 * RATE))  # closes what was written
        await asyncio.create_task(flush(call))
        assert await call.write(pcm_of(3, 160)) is True

    async def flush(call):
        await call.flush()

    run(handler)


def test_a_rest_that_fills_no_slot_is_heard_in_time():
    """M7"""
    async def handler(call):
        await call.answer(rate=RATE)
        await call.write(pcm_of(1, 1000))
        await listen(call, 20)
        await call.write(pcm_of(2, 100))
        await listen(call, 20)

    caller = run(handler)
    assert loud(caller) == [[1, 1000], [2, 100]]
    first = bytes(caller.heard).index(pcm_of(1, 1)) // 2
    assert bytes(caller.heard)[2 * first:].rindex(pcm_of(1, 1)) // 2 < 1000 + 2 * 160, "not with what comes later"


@pytest.mark.parametrize("samples", [1, 100, 160, 1000, 30 * RATE + 77])
def test_a_flush_accounts_for_everything(samples):
    """M7"""
    async def handler(call):
        await call.answer(rate=RATE)
        writing = asyncio.create_task(call.write(pcm_of(1, samples)))
        await asyncio.sleep(0)
        heard = (await call.flush()).utterances[1]
        assert heard.played_samples + heard.discarded_samples == samples
        await writing
        assert (await call.flush()).utterances == {}

    run(handler)


@pytest.mark.parametrize("seed", range(20))
def test_no_sample_is_unaccounted_for_whatever_is_done(seed):
    """M7, with every order of writing, saying, waiting and flushing."""
    choice = random.Random(seed)
    given, playbacks, flushed = {}, [], []

    async def handler(call):
        await call.answer(rate=RATE)
        for value in range(1, 31):
            samples = choice.choice((1, 77, 160, 161, 1000, 4000))
            match choice.choice(("write", "write", "say", "sleep", "flush")):
                case "write":
                    assert await call.write(pcm_of(value, samples)) is True
                    given[call._writing] = given.get(call._writing, 0) + samples
                case "say":
                    playbacks.append(await call.say(pcm_of(value, samples)))
                    given[playbacks[-1].utterance] = samples
                case "sleep":
                    await call.sleep(choice.choice((0.01, 0.05, 0.3)))
                case "flush":
                    flushed.append(await call.flush())
        for playback in playbacks:
            heard = await playback.finished()
            assert heard.played_samples + heard.discarded_samples == given[playback.utterance]

    caller = run(handler, speed=50)
    for heard in [heard for answer in flushed for heard in answer.utterances.values()]:
        assert heard.played_samples + heard.discarded_samples == given[heard.utterance]
    said = sum(count for _, count in loud(caller))
    discarded = sum(heard.discarded_samples for answer in flushed for heard in answer.utterances.values())
    assert said + discarded == sum(given.values()), "what was not discarded was heard, also behind the end of the handler"
