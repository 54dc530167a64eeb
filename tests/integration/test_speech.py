"""When a caller speaks: told with where it was, whoever dies meanwhile; and how long nobody has."""

import asyncio
import signal
import subprocess

import numpy as np
import pytest

from conftest import BIN
from phone import Phone
from sound import RATE, make_speech, read_wav
from system import HERE, wait_for
from test_backend import Caller, in_thread, with_backend

TEXT = "One moment please."
PAUSE = 1.5


@pytest.fixture(scope="module")
def wav(tmp_path_factory):
    """Three times the same words with pauses between them; and where they are, in seconds."""
    words = tmp_path_factory.mktemp("speech") / "words.wav"
    make_speech(words, TEXT, tail_seconds=0)
    path = words.with_name("said.wav")
    subprocess.run(["sox", words, path, "pad", "0", str(PAUSE), "repeat", "2", "pad", "1", "0"], check=True)
    pcm = read_wav(path)
    loud = np.sqrt(np.convolve(pcm ** 2, np.ones(80) / 80, "same")) > 300
    edges = np.flatnonzero(np.diff(loud.astype(int)))
    starts = [int(e) for i, e in enumerate(edges) if i == 0 or (i % 2 == 0 and e - edges[i - 1] > RATE * 0.7)]
    ends = [int(edges[i - 1]) for i, e in enumerate(edges) if i > 0 and e in starts] + [int(edges[-1])]
    assert len(starts) == len(ends) == 3
    return path, starts, ends


async def hear(call, kinds, n):
    """Events of these kinds until there are n, or the call ends."""
    seen = []
    async for event in call.events():
        if event.kind in kinds:
            seen.append(event)
        if len(seen) == n:
            break
    return seen


def judge(events, starts, ends, rate):
    """Each word group once, in order, where it was: the echo of one's own clock is unknown, so distances are judged."""
    assert [e.kind for e in events] == ["speech_started", "speech_ended"] * 3
    origin = events[0].pos * RATE / rate - starts[0]
    for i, event in enumerate(events):
        truth = (starts if i % 2 == 0 else ends)[i // 2]
        off_ms = (event.pos * RATE / rate - origin - truth) / RATE * 1000
        assert abs(off_ms) < 120, (event, off_ms)
        if i % 2:
            assert abs(event.duration_ms - (event.pos - events[i - 1].pos) * 1000 / rate) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8000, 16000])
def test_speech_is_told_with_where_it_was(make_system, tmp_path, wav, rate):
    system = make_system(calls=4)
    path, starts, ends = wav
    heard = []

    async def handle(call):
        await call.detect_speech()  # before there is audio: kept
        await call.answer(rate=rate)
        heard.extend(await hear(call, ("speech_started", "speech_ended"), 6))

    async def scenario(server):
        phone = Phone(tmp_path / "phone", f"sip:echo@127.0.0.1:{system.sip_port}", path)
        try:
            await in_thread(wait_for, lambda: len(heard) == 6, 40)
        finally:
            phone.close()

    with_backend(system, handle, scenario)
    judge(heard, starts, ends, rate)


@pytest.mark.parametrize("role", ["media", "control"])
def test_it_is_told_whoever_dies(make_system, tmp_path, wav, role):
    """Killed while somebody speaks: the end of it is told by the successor, and nothing twice"""
    system = make_system(calls=4)
    path, starts, ends = wav
    heard = []

    async def handle(call):
        await call.answer(rate=16000)
        await call.detect_speech(end=0.6)
        events = call.events()
        async for event in events:
            if event.kind in ("speech_started", "speech_ended"):
                heard.append(event)
            if len(heard) == 6:
                break

    async def scenario(server):
        phone = Phone(tmp_path / "phone", f"sip:echo@127.0.0.1:{system.sip_port}", path)
        try:
            await in_thread(wait_for, lambda: len(heard) == 3, 30)
            await in_thread(system.kill, f"{role}-0")
            await in_thread(wait_for, lambda: len(heard) == 6, 40)
        finally:
            phone.close()

    with_backend(system, handle, scenario)
    judge(heard, starts, ends, 16000)


def test_silence_is_told_once_until_somebody_speaks(make_system):
    system = make_system(calls=4)
    told = []

    async def handle(call):
        await call.answer(rate=8000)
        await call.detect_speech(silence=0.4)
        told.append((await hear(call, ("silence",), 1))[0])
        playback = await call.say(b"\x00\x10" * 4000)
        await playback.finished()
        told.append((await hear(call, ("silence",), 1))[0])
        await call.ignore_speech()
        told.append(None)

    async def scenario(server):
        caller = Caller(system)
        try:
            await in_thread(caller.call)
            await in_thread(wait_for, lambda: len(told) == 3, 20)
        finally:
            caller.close()

    with_backend(system, handle, scenario)
    assert [event.duration_ms for event in told[:2]] == [400, 400]
    assert told[1].pos - told[0].pos >= 4000


def test_terms_out_of_range_are_refused(make_system):
    system = make_system(calls=4)
    refused = []

    async def handle(call):
        await call.answer(rate=8000)
        for terms in ({"start": 0}, {"start": 11}, {"end": 0.05}, {"end": 11}, {"silence": 0}, {"silence": 3601}):
            with pytest.raises(ValueError, match="silence: 0.1 to 3600 s"):
                await call.detect_speech(**terms)
            refused.append(terms)

    async def scenario(server):
        caller = Caller(system)
        try:
            await in_thread(caller.call)
            await in_thread(wait_for, lambda: len(refused) == 6, 20)
        finally:
            caller.close()

    with_backend(system, handle, scenario)
