"""What the server plays to callers by itself: files and tones, under what is said. What was heard is read off recordings."""

import asyncio
import math
import struct
import wave

import pytest
import tipring

from system import wait_for
from test_backend import in_thread
from test_recording import RATE, call_with, find, read


def write_wav(path, samples, rate=RATE, channels=1):
    with wave.open(str(path), "wb") as w:
        w.setparams((channels, 2, rate, 0, "NONE", ""))
        w.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def numbered(n):
    """Samples that tell where they are from, none of them silent."""
    return tuple((i * 37 + i // 997) % 20000 - 10000 or 1 for i in range(n))


@pytest.fixture
def sounding(make_system, tmp_path):
    """sounding() -> (a System that plays and records, the directory of both)."""

    def make():
        settings = {"media.sounds": str(tmp_path), "media.recordings": str(tmp_path)}
        return make_system(calls=4, settings=settings), tmp_path

    return make


def heard(directory):
    return read(directory / "heard.wav")[2]


def pitch(samples, hz, rate=RATE):
    re = sum(v * math.cos(2 * math.pi * hz * i / rate) for i, v in enumerate(samples))
    im = sum(v * math.sin(2 * math.pi * hz * i / rate) for i, v in enumerate(samples))
    return math.hypot(re, im) / len(samples)


def test_a_file_is_heard_sample_by_sample(sounding):
    system, directory = sounding()
    samples = numbered(RATE * 3 + 77)
    write_wav(directory / "a.wav", samples)

    async def handle(call):
        recording = await call.record("heard.wav")
        began = recording.pos
        sound = await call.play_file("a.wav")
        started = sound.pos
        with pytest.raises(tipring.CommandRefused, match="CONFLICT"):
            await call.play_file("a.wav")
        await sound.finished()
        await asyncio.sleep(0.2)
        await recording.stop()
        return began, started, sound

    (began, started, sound), talker = call_with(system, handle)
    right = heard(directory)
    at = find(right, samples[:200])
    assert at >= 0 and right[at:at + len(samples)] == samples
    assert began + at == started and sound.state == "finished" and sound.played_ms == len(samples) * 1000 // RATE
    assert sum(any(b not in (0xFF, 0x7F) for b in packet[3]) for packet in talker.heard) > 100, "the caller heard it, too"


def test_it_gets_out_of_the_way_of_speech(sounding):
    system, directory = sounding()
    write_wav(directory / "music.wav", (4000,) * RATE)

    async def handle(call):
        recording = await call.record("heard.wav")
        sound = await call.play_file("music.wav", loop=True, gain_db=-6, duck_db=20)
        await asyncio.sleep(0.3)
        playback = await call.say(struct.pack(f"={RATE // 2}h", *(1000,) * (RATE // 2)))
        await playback.finished()
        await asyncio.sleep(0.8)
        await sound.stop()
        assert sound.state == "stopped" and sound.played_ms > 1000
        await asyncio.sleep(0.2)
        await recording.stop()

    call_with(system, handle)
    right = heard(directory)
    music, under = round(4000 * 10 ** (-6 / 20)), round(4000 * 10 ** (-26 / 20))
    assert sum(abs(v - music) <= 2 for v in right) > RATE * 0.5, "alone"
    assert sum(abs(v - under - 1000) <= 2 for v in right) > RATE * 0.4, "under speech"
    assert sum(abs(v - under) <= 2 for v in right) >= RATE * 0.25, "and for a moment behind it"
    assert set(right[-RATE // 10:]) == {0}, "stopped"


def test_tones(sounding):
    system, directory = sounding()

    async def handle(call):
        recording = await call.record("heard.wav")
        for tone in ("dial", "500+1100 200/300"):
            sound = await call.play_file(tone=tone)
            await asyncio.sleep(0.6)
            await sound.stop()
        await recording.stop()

    call_with(system, handle)
    right = heard(directory)
    begin = next(i for i, v in enumerate(right) if v)
    assert pitch(right[begin:begin + 3200], 425) > 2500
    later = right[-RATE * 7 // 10:]
    loudest = max((later[i:i + 800] for i in range(0, len(later) - 800, 200)), key=lambda part: sum(map(abs, part)))
    assert pitch(loudest, 500) > 1000 and pitch(loudest, 1100) > 1000 and pitch(loudest, 425) < 400


def test_files_of_other_rates_and_channels(sounding):
    system, directory = sounding()
    stereo = [v for i in range(44100) for v in (round(9000 * math.sin(2 * math.pi * 700 * i / 44100)), 0)]
    write_wav(directory / "cd.wav", stereo, 44100, 2)

    async def handle(call):
        recording = await call.record("heard.wav")
        sound = await call.play_file("cd.wav")
        await sound.finished()
        await recording.stop()
        return sound.played_ms

    played_ms, _ = call_with(system, handle)
    right = heard(directory)
    begin = next(i for i, v in enumerate(right) if abs(v) > 1000)
    assert 990 <= played_ms <= 1010 and 1800 < pitch(right[begin + 800:begin + 4000], 700) < 2600


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["media-0", "files-0", "control-0", "control-0 files-0"])
def test_it_goes_on_where_it_was(sounding, victim):
    """Killed in the middle: what is heard behind it follows on what was heard before."""
    system, directory = sounding()
    samples = numbered(RATE * 6)
    write_wav(directory / "long.wav", samples)

    async def handle(call):
        recording = await call.record("heard.wav")
        sound = await call.play_file("long.wav")
        await asyncio.sleep(1)
        for name in victim.split():
            old = await in_thread(system.kill, name)
            await in_thread(wait_for, lambda: system.workers().get(name, old) != old, 5)
            await asyncio.sleep(1)
        async with asyncio.timeout(60):
            await sound.finished()
        await asyncio.sleep(0.3)
        for _ in range(100):  # control may have to come back first
            try:
                await recording.stop()
                break
            except (tipring.CommandRefused, tipring.Disconnected):
                await asyncio.sleep(0.1)
        return sound

    sound, _ = call_with(system, handle)
    right = heard(directory)
    assert sound.state == "finished"
    at = find(right, samples[:200])
    said = tuple(v for v in right[at:] if v)  # none of its samples is 0
    if victim != "media-0":
        assert right[at:at + len(samples)] == samples, "nobody heard anything of it"
        return
    same = next(i for i, (a, b) in enumerate(zip(said, samples)) if a != b) if said != samples else len(samples)
    rest = said[same:]
    skipped = find(samples[same:], rest[:200]) if rest else 0
    assert same >= RATE * 0.9 and 0 <= skipped <= RATE * 0.02 * 3, "at most what a killed process had in its hands is left out"
    assert rest == samples[same + skipped:]


def test_what_can_not_be_played(sounding, make_system):
    system, directory = sounding()
    (directory / "text.wav").write_text("not a sound")
    (directory / "out.wav").symlink_to("/etc/passwd")

    async def handle(call):
        for words in ({"file": "../x.wav"}, {"file": ".x"}, {}, {"file": "a", "tone": "busy"}, {"tone": "x" * 64}, {"file": "a", "gain_db": 21}):
            with pytest.raises(tipring.CommandRefused, match="REJECTED"):
                await call.play_file(**words)
        for words, why in (({"file": "none.wav"}, "no such file"), ({"file": "text.wav"}, "no sound"), ({"file": "out.wav"}, "can not be read"),
                           ({"tone": "5"}, "no sound")):
            with pytest.raises(tipring.PlayFailed, match=why):
                await call.play_file(**words)
        sound = await call.play_file(tone="busy")
        await call.hangup()
        await sound.finished()
        return sound

    sound, _ = call_with(system, handle)
    assert sound.state == "stopped"

    async def refused(call):
        with pytest.raises(tipring.CommandRefused, match="media.sounds"):
            await call.play_file(tone="busy")
        return True

    assert call_with(make_system(calls=4), refused)[0]
