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
    assert read_wav(io.BytesIO(wav(0, fmt=extensible))) == (1, 16, RATE, SOUND)
    assert read_wav(io.BytesIO(wav(3, sound=b"abc"))).pcm == b"ab", "half a sample is none"


@pytest.mark.parametrize("octets, why", [
    (b"", "RIFF"), (b"RIFF", "RIFF"), (b"ID3 not a wave file", "RIFF"), (b"RIFF\0\0\0\0WAVE", "no data"),
    (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "format"), (b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff", "no data"),
    (wav(0, fmt=struct.pack("<HHIIHH", 7, 1, RATE, RATE, 1, 8)), "format 7"),
    (wav(0, fmt=struct.pack("<HHIIHH", 3, 1, RATE, 4 * RATE, 4, 32)), "format 3"),
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


def test_a_file_of_another_rate_says_how_to_make_one(tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(wav(0))

    async def handler(call):
        await call.answer(rate=16000)
        with pytest.raises(ValueError, match="8000 Hz; wanted mono, 16 bit, 16000 Hz .sox"):
            await call.play(path)
        with pytest.raises(tipring.CallEnded):
            await call.hangup()
            await call.play(path)

    asyncio.run(testing.Caller().call(handler))
