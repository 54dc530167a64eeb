"""What may be said, and what is refused because it would be noise (M11)."""

import array
import asyncio
import io
import resource
import struct

import pytest
import tipring
from tipring import testing
from tipring.pcm import octets_of, read_wav, view_of

RATE = 8000
SOUND = struct.pack("<h", 11) * 1000


def wav(data_length, sound=SOUND, behind=b"", fmt=struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16), riff_length=0):
    return (b"RIFF" + struct.pack("<I", riff_length) + b"WAVE" + b"fmt " + struct.pack("<I", len(fmt)) + fmt +
            b"data" + struct.pack("<I", data_length) + sound + behind)


@pytest.mark.parametrize("length", [0, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFF000, 0xFFFFFFDB, len(SOUND)])
@pytest.mark.parametrize("as_file", [False, True])
def test_a_streamed_wav_is_heard_whole(tmp_path, length, as_file):
    """M11: its length was written before its end was known."""
    path = tmp_path / "speech.wav"
    path.write_bytes(wav(length))

    async def handler(call):
        await call.answer(rate=RATE)
        heard = await (await call.play(path if as_file else io.BytesIO(wav(length)))).finished()
        assert heard.played_samples == 1000

    assert SOUND in bytes(asyncio.run(testing.Caller(speed=50).call(handler)).heard)


def test_a_huge_length_allocates_nothing(tmp_path):
    """M11: 0x7FFFFFFF under a memory limit."""
    (tmp_path / "speech.wav").write_bytes(wav(0x7FFFFFFF))
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as f:
        used = int(f.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20), limits[1]))
    try:
        assert read_wav(tmp_path / "speech.wav").pcm == SOUND
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def test_chunks_around_the_sound():
    listing = b"LIST" + struct.pack("<I", 4) + b"INFO"
    assert read_wav(io.BytesIO(wav(len(SOUND), behind=listing))).pcm == SOUND
    assert read_wav(io.BytesIO(wav(0, sound=b"", behind=listing))).pcm == b"", "empty, and said to be"
    assert read_wav(io.BytesIO(wav(0, sound=b""))).pcm == b""
    odd = b"junk" + struct.pack("<I", 3) + b"abc\0"
    whole = wav(len(SOUND))
    assert read_wav(io.BytesIO(whole[:12] + odd + whole[12:])).pcm == SOUND
    extensible = struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE, 2 * RATE, 2, 16, 22, 16, 4) + struct.pack("<H", 1) + bytes(14)
    assert read_wav(io.BytesIO(wav(0, fmt=extensible))) == (RATE, SOUND)
    assert read_wav(io.BytesIO(wav(3, sound=b"abc"))).pcm == b"ab", "half a sample is none"


@pytest.mark.parametrize("octets, why", [
    (b"", "RIFF"), (b"RIFF", "RIFF"), (b"ID3 not a wave file", "RIFF"), (b"RIFF\0\0\0\0WAVE", "no data"),
    (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "format"), (b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff", "no data"),
    (wav(0, fmt=struct.pack("<HHIIHH", 17, 1, RATE, RATE, 1, 4)), "format 17 and 4 bit"),
    (wav(0, fmt=struct.pack("<HHIIHH", 1, 1, RATE, RATE, 1, 12)), "format 1 and 12 bit"),
    (wav(0, fmt=struct.pack("<HHIIHH", 1, 0, RATE, RATE, 2, 16)), "0 channels"),
    (wav(0, fmt=struct.pack("<HHIIHH", 1, 9, RATE, RATE, 18, 16)), "9 channels"),
    (wav(0, fmt=struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16)), "0 Hz"),
])
def test_what_is_no_wav(octets, why):
    with pytest.raises(ValueError, match=why):
        read_wav(io.BytesIO(octets))


def test_every_beginning_of_a_wav_is_refused_or_read():
    whole = wav(len(SOUND))
    for length in range(len(whole)):
        try:
            assert len(read_wav(io.BytesIO(whole[:length])).pcm) <= len(SOUND)
        except ValueError:
            pass


def test_octets_and_arrays():
    samples = array.array("h", [1, -2, 3])
    for pcm in (samples.tobytes(), bytearray(samples.tobytes()), memoryview(samples), memoryview(samples.tobytes())):
        assert view_of(pcm) == samples.tobytes()
    assert octets_of(memoryview(array.array("h", range(6)))[::2]) == array.array("h", [0, 2, 4]).tobytes()


@pytest.mark.parametrize("pcm, why", [
    (array.array("f", [0.1, 0.2]), "int16"), (array.array("d", [0.1, 0.2]), "int16"), (array.array("i", [1]), "16 bit integers"),
    (array.array("H", [1]), "16 bit integers"), (b"abc", "whole number"), (wav(len(SOUND)), r"play\(path\)"),
    (memoryview(bytes(8)).cast("B", (2, 4)), "mono"),
])
def test_what_would_be_noise_is_refused(pcm, why):
    """M11"""
    async def handler(call):
        await call.answer(rate=RATE)
        for attempt in (call.say, call.write):
            with pytest.raises(ValueError, match=why):
                await attempt(memoryview(pcm))
        assert (await call.flush()).utterances == {}

    asyncio.run(testing.Caller().call(handler))


def test_numpy_arrays():
    numpy = pytest.importorskip("numpy")
    good = numpy.arange(5, dtype=numpy.int16)
    assert view_of(good) == good.tobytes()
    for bad in (good.astype(numpy.float32), good.astype(">i2"), good.reshape(5, 1)):
        with pytest.raises(ValueError):
            view_of(bad)


def test_a_stream_of_something_else(caplog):
    """M11: the stream of a speech service that begins with a header; who does not wait for it finds it in the log."""
    async def pieces(first):
        yield first
        yield SOUND

    async def handler(call):
        await call.answer(rate=RATE)
        for first, error in ((wav(0, sound=b""), ValueError), (memoryview(array.array("f", [1.0])), ValueError), ("text", TypeError)):
            with pytest.raises(error):
                await (await call.say(pieces(first))).finished()

    caller = asyncio.run(testing.Caller(speed=50).call(handler))
    assert not any(caller.heard)
    assert "the stream of utterance 1 failed" in caplog.text and "this is a WAV file" in caplog.text


@pytest.mark.parametrize("length", [0, 0x7FFFFFFF, 0xFFFFFFFF, None])
@pytest.mark.parametrize("tag, bits, pack, rate, channels", [
    (1, 8, lambda v: struct.pack("B", v // 256 + 128), 8000, 1), (1, 16, lambda v: struct.pack("<h", v), 22050, 1),
    (1, 24, lambda v: struct.pack("<i", v << 16)[1:], 44100, 2), (1, 32, lambda v: struct.pack("<i", v << 16), 48000, 2),
    (3, 32, lambda v: struct.pack("<f", v / 32768), 24000, 1), (3, 64, lambda v: struct.pack("<d", v / 32768), 16000, 1),
    (6, 8, lambda v: bytes([0xD5 ^ 0x20]), 8000, 1), (7, 8, lambda v: bytes([0xFF ^ 0x20]), 8000, 1)])
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_kind_that_services_make(tag, bits, pack, rate, channels, length, wrapped):
    """M11: two seconds of a level, of any format and rate, at the rate of the call."""
    level = 5120
    sound = pack(level) * channels * 2 * rate
    fmt = struct.pack("<HHIIHH", 0xFFFE if wrapped else tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    if wrapped:
        fmt += struct.pack("<HHI", 22, bits, 0) + struct.pack("<H", tag) + bytes(14)
    found = read_wav(io.BytesIO(wav(len(sound) if length is None else length, sound=sound, fmt=fmt)), 16000)
    assert found.rate == 16000 and len(found.pcm) == 2 * 32000
    values = array.array("h", found.pcm)[2000:-2000]
    want = {6: 40, 7: 24}.get(tag, level)
    if tag in (6, 7):
        assert len(set(values[100:])) <= 3 and 0 < abs(values[500]) < 1000
    else:
        assert all(abs(v - want) <= 0.01 * want + 2 for v in values)


def test_both_channels_are_heard():
    sound = struct.pack("<hh", 1000, 3000) * RATE
    assert array.array("h", read_wav(io.BytesIO(wav(0, sound, fmt=struct.pack("<HHIIHH", 1, 2, RATE, 4 * RATE, 4, 16)))).pcm)[17] == 2000


@pytest.mark.parametrize("rate, wanted", [(44100, 16000), (48000, 8000), (22050, 8000), (8000, 48000), (11025, 24000), (16000, 8000)])
def test_a_tone_keeps_its_pitch_and_its_level_and_has_no_images(rate, wanted):
    """Against the sine it should be, at a level that any alias or image would spoil."""
    import math
    tone = lambda hz: array.array("h", [round(8000 * math.sin(2 * math.pi * 1000 * i / hz)) for i in range(hz)])
    got = array.array("h", read_wav(io.BytesIO(wav(0, tone(rate).tobytes(), fmt=struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16))), wanted).pcm)
    want = tone(wanted)
    assert len(got) == wanted
    middle = range(1000, wanted - 1000)
    noise = sum((got[i] - want[i]) ** 2 for i in middle) / len(middle)
    assert 10 * math.log10(8000 ** 2 / 2 / max(noise, 1e-9)) > 50


def test_what_a_phone_can_not_carry_is_gone():
    import math
    high = array.array("h", [round(8000 * math.sin(2 * math.pi * 7000 * i / 48000)) for i in range(48000)])
    got = array.array("h", read_wav(io.BytesIO(wav(0, high.tobytes(), fmt=struct.pack("<HHIIHH", 1, 1, 48000, 96000, 2, 16))), 8000).pcm)
    assert max(map(abs, got[500:-500])) < 80, "7 kHz would be heard as 1 kHz"


def test_a_file_of_another_kind_is_played(tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(wav(0, sound=b"\x10\x20" * 22050, fmt=struct.pack("<HHIIHH", 7, 2, 22050, 44100, 2, 8)))

    async def handler(call):
        await call.answer(rate=16000)
        heard = await (await call.play(path)).finished()
        assert heard.played_ms == 1000
        with pytest.raises(tipring.CallEnded):
            await call.hangup()
            await call.play(path)

    asyncio.run(testing.Caller(speed=50).call(handler))
